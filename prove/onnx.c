/* Reading .onnx: the protobuf messages of ONNX that a model of twc has, by hand. The weights and
 * properties are kept; what the graph computes becomes text, a line for each node, input,
 * output, tensor and set of operators, for graph.c to compare:
 *
 *     node <x.0 <layers.0.w1 >layers.0.neuron.sum.product =MatMul
 *
 * What of each message becomes text, and how, stands in the tables below. A field that is not
 * there is refused, so that nothing in the file goes unseen. */

#include "prove/prove.h"

#include <stdlib.h>
#include <string.h>

typedef struct Message {
	const uint8_t *at, *end;
} Message;

typedef struct MessageField {
	unsigned number, wire;
	uint64_t value; /* of a varint */
	Message inner;  /* of what has a length */
} MessageField;

/* How a field becomes text: a mark and a name or numbers; or the fields of a message. */
typedef struct FieldText {
	unsigned number;
	enum { UNSEEN, EMPTY, NAME, NUMBERS, MESSAGE } what;
	char mark;
	const struct FieldText *inner; /* the last of a table has no number */
} FieldText;

static const FieldText attribute_text[] = {
	{ 1, NAME, '@', NULL },
	{ 3, NUMBERS, ',', NULL },
	{ 8, NUMBERS, ',', NULL },
	{ 20, NUMBERS, ':', NULL },
	{ 0 },
};
static const FieldText node_text[] = {
	{ 1, NAME, '<', NULL },
	{ 2, NAME, '>', NULL },
	{ 3, UNSEEN, 0, NULL },
	{ 4, NAME, '=', NULL },
	{ 5, MESSAGE, 0, attribute_text },
	{ 7, EMPTY, 0, NULL },
	{ 0 },
};
static const FieldText tensor_text[] = {
	{ 1, NUMBERS, 'x', NULL },
	{ 2, NUMBERS, ':', NULL },
	{ 8, NAME, '@', NULL },
	{ 9, UNSEEN, 0, NULL },
	{ 0 },
};
static const FieldText dim_text[] = { { 1, NUMBERS, ',', NULL }, { 2, NAME, ',', NULL }, { 0 } };
static const FieldText shape_text[] = { { 1, MESSAGE, 0, dim_text }, { 0 } };
static const FieldText array_text[] = {
	{ 1, NUMBERS, ':', NULL },
	{ 2, MESSAGE, 0, shape_text },
	{ 0 },
};
static const FieldText type_text[] = { { 1, MESSAGE, 0, array_text }, { 0 } };
static const FieldText port_text[] = {
	{ 1, NAME, '@', NULL },
	{ 2, MESSAGE, 0, type_text },
	{ 0 },
};
static const FieldText opset_text[] = { { 1, EMPTY, 0, NULL }, { 2, NUMBERS, ',', NULL }, { 0 } };

typedef struct OnnxReader {
	Contents *out;
	char *text; /* of the graph */
	size_t n, capacity;
} OnnxReader;

static uint64_t
next_varint(Message *b)
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
next_message_field(Message *b, MessageField *f)
{
	if (b->at == b->end)
		return false;
	uint64_t tag = next_varint(b), n = 0;
	*f = (MessageField){ .number = (unsigned)(tag >> 3), .wire = (unsigned)(tag & 7) };
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
	f->inner = (Message){ b->at, b->at + n };
	b->at += n;
	return true;
}

static char *
text_of_field(const MessageField *f)
{
	size_t n = (size_t)(f->inner.end - f->inner.at);
	char *s = take(n + 1, 1);

	if (f->wire != 2)
		malformed("not a model of twc: a number in place of a text");
	return n ? memcpy(s, f->inner.at, n) : s;
}

/* A name has no control characters: these part the text of the graph. */
static char *
name_of_field(const MessageField *f)
{
	char *s = text_of_field(f);

	for (size_t i = 0; i < (size_t)(f->inner.end - f->inner.at); i++)
		if ((unsigned char)s[i] < ' ')
			malformed("not a model of twc: a control character in a name");
	return s;
}

static void
say(OnnxReader *r, const char *s)
{
	size_t n = strlen(s);

	if (r->n + n + 1 > r->capacity) {
		char *more = take(r->capacity = 2 * (r->n + n + 1), 1);
		if (r->n)
			memcpy(more, r->text, r->n);
		free(r->text);
		r->text = more;
	}
	memcpy(r->text + r->n, s, n + 1);
	r->n += n;
}

static void
say_message(OnnxReader *r, Message b, const FieldText *table)
{
	MessageField f;

	while (next_message_field(&b, &f)) {
		const FieldText *t = table;
		while (t->number && t->number != f.number)
			t++;
		if (!t->number || (t->what == EMPTY && f.inner.at != f.inner.end))
			malformed("not a model of twc: field %u of a message", f.number);
		if (t->what == NAME)
			say(r, text("\1%c%s", t->mark, name_of_field(&f)));
		else if (t->what == NUMBERS && f.wire == 0)
			say(r, text("\1%c%lld", t->mark, (long long)f.value));
		else if (t->what == NUMBERS)
			while (f.inner.at < f.inner.end)
				say(r, text("\1%c%lld", t->mark, (long long)next_varint(&f.inner)));
		else if (t->what == MESSAGE)
			say_message(r, f.inner, t->inner);
	}
}

static void
say_line(OnnxReader *r, const char *what, Message b, const FieldText *table)
{
	say(r, what);
	say_message(r, b, table);
	say(r, "\n");
}

/* ---- tensors */

enum { TYPE_FLOAT = 1, TYPE_INT64 = 7, MOST_DIM = 1 << 30 };

static void
add_onnx_dim(Tensor *t, uint64_t n)
{
	if (t->ndim == 2 || n > MOST_DIM)
		malformed("not a model of twc: the shape of a tensor");
	t->dim[t->ndim++] = (int64_t)n;
}

static Tensor
tensor_of(Message b, uint64_t *type, Message *raw)
{
	Tensor t = { .name = "" };
	MessageField f;

	while (next_message_field(&b, &f)) {
		if (f.number == 1 && f.wire == 0)
			add_onnx_dim(&t, f.value);
		else if (f.number == 1)
			while (f.inner.at < f.inner.end)
				add_onnx_dim(&t, next_varint(&f.inner));
		else if (f.number == 2)
			*type = f.value;
		else if (f.number == 8)
			t.name = name_of_field(&f);
		else if (f.number == 9)
			*raw = f.inner;
	}
	return t;
}

/* A table of weights is kept; a few integers, or one number, are text. */
static void
read_tensor(OnnxReader *r, Message b)
{
	Message raw = { 0 };
	uint64_t type = 0;
	Tensor t = tensor_of(b, &type, &raw);
	size_t n = 1, size = type == TYPE_FLOAT ? 4 : 8, bytes = (size_t)(raw.end - raw.at);

	for (int i = 0; i < t.ndim; i++)
		n *= (size_t)t.dim[i];
	if ((type != TYPE_FLOAT && type != TYPE_INT64) || bytes / size != n || bytes % size)
		malformed("the tensor '%s' is not as long as its shape says", t.name);
	void *data = take_copy(raw.at, bytes);
	say(r, "tensor");
	say_message(r, b, tensor_text);
	for (size_t i = 0; i < n && type == TYPE_INT64; i++)
		say(r, text("\1,%lld", (long long)((int64_t *)data)[i]));
	if (type == TYPE_FLOAT && t.ndim == 0)
		say(r, text("\1,%.9g", (double)*(float *)data));
	say(r, "\n");
	if (type != TYPE_FLOAT || t.ndim == 0)
		return;
	t.at = data;
	r->out->tensor = grown(r->out->tensor, r->out->ntensor, sizeof(Tensor));
	r->out->tensor[r->out->ntensor++] = t;
}

/* ---- the file */

static void
read_graph(OnnxReader *r, Message b)
{
	MessageField f;

	while (next_message_field(&b, &f)) {
		if (f.wire != 2)
			malformed("not a model of twc: field %u of the graph", f.number);
		if (f.number == 1)
			say_line(r, "node", f.inner, node_text);
		else if (f.number == 5)
			read_tensor(r, f.inner);
		else if (f.number == 11)
			say_line(r, "input", f.inner, port_text);
		else if (f.number == 12)
			say_line(r, "output", f.inner, port_text);
		else if (f.number != 2)
			malformed("not a model of twc: field %u of the graph", f.number);
	}
}

static void
add_property(OnnxReader *r, Message b)
{
	Property p = { "", "" };
	MessageField f;

	while (next_message_field(&b, &f))
		if (f.number == 1)
			p.key = text_of_field(&f);
		else if (f.number == 2)
			p.value = text_of_field(&f);
		else
			malformed("not a model of twc: field %u of a property", f.number);
	r->out->property = grown(r->out->property, r->out->nproperty, sizeof p);
	r->out->property[r->out->nproperty++] = p;
}

Contents *
read_onnx(const uint8_t *bytes, size_t n)
{
	OnnxReader r = { .out = TAKE(Contents, 1) };
	Message b = { bytes, bytes + n };
	MessageField f;
	int graphs = 0;

	while (next_message_field(&b, &f)) {
		if (f.number == 7)
			read_graph(&r, f.inner);
		else if (f.number == 8)
			say_line(&r, "opset", f.inner, opset_text);
		else if (f.number == 14)
			add_property(&r, f.inner);
		else if (f.number > 6)
			malformed("not a model of twc: field %u of the file", f.number);
		graphs += f.number == 7;
	}
	if (graphs != 1)
		malformed("not a model: it has %s", graphs ? "two graphs" : "no graph");
	r.out->graph = r.text;
	return r.out;
}
