/* Reading .onnx: the protobuf messages of ONNX that a model of twc has, by hand. The weights and
 * properties are kept; what the graph computes becomes text, a line for each node, input,
 * output and tensor, for graph.c to compare. A field that twc never writes is refused, so
 * that nothing in the file goes unseen. */

#include "prove/prove.h"

#include <stdlib.h>
#include <string.h>

typedef struct Bytes {
	const uint8_t *at, *end;
} Bytes;

typedef struct Field {
	unsigned number, wire;
	uint64_t value; /* of a varint */
	Bytes bytes;    /* of what has a length */
} Field;

typedef struct OnnxReader {
	Contents *out;
	char *line; /* of the graph */
	size_t n, capacity;
	int ngraph;
} OnnxReader;

static uint64_t
next_varint(Bytes *b)
{
	uint64_t x = 0;

	for (int shift = 0; shift < 64 && b->at < b->end; shift += 7) {
		uint8_t c = *b->at++;
		x |= (uint64_t)(c & 127) << shift;
		if (!(c & 128))
			return x;
	}
	malformed("truncated, or not a model");
}

static bool
next_message_field(Bytes *b, Field *f)
{
	if (b->at == b->end)
		return false;
	uint64_t tag = next_varint(b), n = 0;
	*f = (Field){ .number = (unsigned)(tag >> 3), .wire = (unsigned)(tag & 7) };
	if (tag >> 3 == 0 || tag >> 3 >= 1 << 29)
		malformed("truncated, or not a model");
	if (f->wire == 0)
		f->value = next_varint(b);
	else if (f->wire == 2)
		n = next_varint(b);
	else
		malformed("not a model of twc: a number of a kind that it never writes");
	if (n > (uint64_t)(b->end - b->at))
		malformed("truncated, or not a model");
	f->bytes = (Bytes){ b->at, b->at + n };
	b->at += n;
	return true;
}

static void
need(bool ok, const char *message, const Field *f)
{
	if (!ok)
		malformed("not a model of twc: field %u of %s", f->number, message);
}

/* Text in which no control character stands: these separate the parts of a line. */
static char *
string_of(const Field *f)
{
	size_t n = (size_t)(f->bytes.end - f->bytes.at);
	char *s = take(n + 1, 1);

	if (f->wire != 2)
		malformed("not a model of twc: a number in place of a text");
	memcpy(s, f->bytes.at, n);
	return s;
}

static char *
name_of(const Field *f)
{
	char *s = string_of(f);

	for (size_t i = 0; i < (size_t)(f->bytes.end - f->bytes.at); i++)
		if ((unsigned char)s[i] < ' ')
			malformed("not a model of twc: a control character in a name");
	return s;
}

static void
say(OnnxReader *r, const char *s)
{
	size_t n = strlen(s);

	if (r->n + n + 1 > r->capacity) {
		r->capacity = 2 * (r->n + n + 1);
		r->line = realloc(r->line, r->capacity);
		if (!r->line)
			malformed("out of memory");
	}
	memcpy(r->line + r->n, s, n + 1);
	r->n += n;
}

/* ---- tensors */

typedef struct OnnxTensor {
	Tensor t;
	uint64_t type;
	Bytes raw;
} OnnxTensor;

enum { TYPE_FLOAT = 1, TYPE_INT64 = 7, MOST_DIM = 1 << 30 };

static void
onnx_dim(Tensor *t, uint64_t n)
{
	if (t->ndim == 2 || n > MOST_DIM)
		malformed("not a model of twc: the shape of a tensor");
	t->dim[t->ndim++] = (int64_t)n;
}

static OnnxTensor
tensor_of(Bytes b)
{
	OnnxTensor t = { .t.name = "" };
	Field f;

	while (next_message_field(&b, &f)) {
		need(f.number == 1 || f.number == 2 || f.number == 8 || f.number == 9, "a tensor",
		     &f);
		if (f.number == 1 && f.wire == 0)
			onnx_dim(&t.t, f.value);
		else if (f.number == 1)
			while (f.bytes.at < f.bytes.end)
				onnx_dim(&t.t, next_varint(&f.bytes));
		else if (f.number == 2)
			t.type = f.value;
		else if (f.number == 8)
			t.t.name = name_of(&f);
		else
			t.raw = f.bytes;
	}
	return t;
}

static void
read_tensor(OnnxReader *r, Bytes b)
{
	OnnxTensor t = tensor_of(b);
	size_t n = 1, size = t.type == TYPE_FLOAT ? 4 : 8, bytes = (size_t)(t.raw.end - t.raw.at);

	for (int i = 0; i < t.t.ndim; i++)
		n *= (size_t)t.t.dim[i];
	if ((t.type != TYPE_FLOAT && t.type != TYPE_INT64) || bytes / size != n || bytes % size)
		malformed("the tensor '%s' is not as long as its shape says", t.t.name);
	void *data = take_copy(t.raw.at, bytes);
	say(r, text("tensor\1%s\1%d", t.t.name, (int)t.type));
	for (int i = 0; i < t.t.ndim; i++)
		say(r, text("\1%d", (int)t.t.dim[i]));
	if (t.type == TYPE_INT64) {
		for (size_t i = 0; i < n; i++)
			say(r, text("\2%lld", (long long)((int64_t *)data)[i]));
	} else if (t.t.ndim == 0) {
		say(r, text("\2%.9g", (double)*(float *)data));
	} else {
		t.t.at = data;
		r->out->tensor = realloc(r->out->tensor,
		                         (size_t)(r->out->ntensor + 1) * sizeof(Tensor));
		if (!r->out->tensor)
			malformed("out of memory");
		r->out->tensor[r->out->ntensor++] = t.t;
	}
	say(r, "\n");
}

/* ---- nodes, inputs and outputs */

static void
read_attribute(OnnxReader *r, Bytes b)
{
	Field f;

	say(r, "\1attribute");
	while (next_message_field(&b, &f)) {
		need(f.number == 1 || f.number == 3 || f.number == 8 || f.number == 20,
		     "an attribute", &f);
		if (f.number == 1)
			say(r, text("\2%s", name_of(&f)));
		else if (f.number == 20)
			say(r, text("\2type %d", (int)f.value));
		else if (f.wire == 0)
			say(r, text("\2%lld", (long long)f.value));
		else
			while (f.bytes.at < f.bytes.end)
				say(r, text("\2%lld", (long long)next_varint(&f.bytes)));
	}
}

static void
read_node(OnnxReader *r, Bytes b)
{
	Field f;
	const char *op = "", *out = "";
	Bytes copy = b;

	while (next_message_field(&copy, &f)) {
		need(f.number <= 5 || (f.number == 7 && f.bytes.at == f.bytes.end), "a node", &f);
		if (f.number == 4)
			op = name_of(&f);
		else if (f.number == 2)
			out = text("%s\1%s", out, name_of(&f));
	}
	say(r, text("node\1%s%s", op, out));
	while (next_message_field(&b, &f))
		if (f.number == 1)
			say(r, text("\2%s", name_of(&f)));
		else if (f.number == 5)
			read_attribute(r, f.bytes);
	say(r, "\n");
}

static void
read_dim(OnnxReader *r, Bytes b)
{
	Field f;

	while (next_message_field(&b, &f)) {
		need(f.number == 1 || f.number == 2, "a dimension", &f);
		say(r,
		    f.number == 1 ? text("\1%lld", (long long)f.value) : text("\1%s", name_of(&f)));
	}
}

/* An input or an output: its name, and in messages one within another its shape. */
static void
read_port(OnnxReader *r, Bytes b, int depth)
{
	Field f;

	while (next_message_field(&b, &f)) {
		if (depth == 0 && f.number == 1)
			say(r, text("\1%s", name_of(&f)));
		else if (depth == 2 && f.number == 1)
			say(r, text("\1type %d", (int)f.value));
		else if (depth == 3 && f.number == 1)
			read_dim(r, f.bytes);
		else if (f.number == (depth == 1 ? 1 : 2) && depth < 3)
			read_port(r, f.bytes, depth + 1);
		else
			need(false, "an input or output", &f);
	}
}

static void
read_graph(OnnxReader *r, Bytes b)
{
	Field f;

	while (next_message_field(&b, &f)) {
		need(f.wire == 2, "the graph", &f);
		if (f.number == 1) {
			read_node(r, f.bytes);
		} else if (f.number == 5) {
			read_tensor(r, f.bytes);
		} else if (f.number == 11 || f.number == 12) {
			say(r, f.number == 11 ? "input" : "output");
			read_port(r, f.bytes, 0);
			say(r, "\n");
		} else {
			need(f.number == 2, "the graph", &f);
		}
	}
}

/* ---- the file */

static void
onnx_property(OnnxReader *r, Bytes b)
{
	Contents *c = r->out;
	Field f;

	c->property = realloc(c->property, (size_t)(c->nproperty + 1) * sizeof *c->property);
	if (!c->property)
		malformed("out of memory");
	c->property[c->nproperty].key = c->property[c->nproperty].value = "";
	while (next_message_field(&b, &f)) {
		need(f.number == 1 || f.number == 2, "a property", &f);
		if (f.number == 1)
			c->property[c->nproperty].key = string_of(&f);
		else
			c->property[c->nproperty].value = string_of(&f);
	}
	c->nproperty++;
}

static void
read_opset(OnnxReader *r, Bytes b)
{
	Field f;

	say(r, "opset");
	while (next_message_field(&b, &f)) {
		need(f.number == 2 || f.bytes.at == f.bytes.end, "the operators' version", &f);
		if (f.number == 2)
			say(r, text("\1%d", (int)f.value));
	}
	say(r, "\n");
}

Contents *
read_onnx(const uint8_t *bytes, size_t n)
{
	OnnxReader r = { .out = TAKE(Contents, 1) };
	Bytes b = { bytes, bytes + n };
	Field f;

	while (next_message_field(&b, &f)) {
		need(f.number <= 8 || f.number == 14, "the file", &f);
		if (f.number == 7) {
			if (r.ngraph++)
				malformed("not a model of twc: two graphs");
			read_graph(&r, f.bytes);
		} else if (f.number == 8) {
			read_opset(&r, f.bytes);
		} else if (f.number == 14) {
			onnx_property(&r, f.bytes);
		}
	}
	if (!r.ngraph)
		malformed("not a model: it has no graph");
	r.out->graph = r.line;
	return r.out;
}
