/* The mutator of model files, which knows what it changes. In an .onnx file that is a field of some
 * message, taken out, doubled, moved, given another number or other bytes, with all
 * lengths around it made right again; in metadata and in the head of a .safetensors
 * file a JSON value; in a tensor a float. */

#include "tests/hostile/hostile.h"

#include "onnx.pb-c.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static void
need(bool ok)
{
	if (!ok)
		abort();
}

/* ---- bytes that grow */

typedef struct Out {
	uint8_t *at;
	size_t n, most;
	bool full;
} Out;

static void
out_bytes(Out *o, const void *bytes, size_t n)
{
	if (n > o->most - o->n) {
		o->full = true;
		return;
	}
	if (n)
		memcpy(o->at + o->n, bytes, n);
	o->n += n;
}

static void
put_varint(Out *o, uint64_t v)
{
	uint8_t c;

	do {
		c = (uint8_t)((v & 127) | (v > 127 ? 128 : 0));
		out_bytes(o, &c, 1);
		v >>= 7;
	} while (v);
}

/* ---- JSON: one value for another */

static bool
in_value(int c)
{
	return (c >= '0' && c <= '9') || c == '-' || c == '.' || (c >= 'a' && c <= 'z') || c == '"'
	       || c == '[' || c == ']' || c == '{' || c == '}';
}

static void
change_json(Out *o, const uint8_t *s, size_t n, uint64_t *r)
{
	static const char *const other[] = {
		"0",    "-1",       "1",       "2",     "1e9",        "1e308",
		"-0.5", "16777216", "1048576", "65536", "2147483648", "9223372036854775807",
		"null", "true",     "\"\"",    "[]",    "{}",         "\"a\"",
		"[0]",  "1e-300"
	};
	size_t from = hostile_pick(r, n), to;

	while (from < n && !in_value(s[from]))
		from++;
	for (to = from; to < n && s[to] >= '0' && s[to] <= '9';)
		to++;
	if (to == from && from < n)
		to = from + 1;
	const char *with = other[hostile_pick(r, sizeof other / sizeof *other)];
	out_bytes(o, s, from);
	if (hostile_pick(r, 6))
		out_bytes(o, with, strlen(with));
	out_bytes(o, s + to, n - to);
}

/* ---- protobuf */

typedef struct WireField {
	const uint8_t *start, *content, *end; /* tag; what is behind it and its length */
	unsigned number, wire;
	uint64_t value; /* wire 0 */
} WireField;

static bool
take_varint(const uint8_t **at, const uint8_t *end, uint64_t *v)
{
	*v = 0;
	for (int shift = 0; shift < 64 && *at < end; shift += 7) {
		uint8_t c = *(*at)++;
		*v |= (uint64_t)(c & 127) << shift;
		if (!(c & 128))
			return true;
	}
	return false;
}

static bool
next_field(const uint8_t **at, const uint8_t *end, WireField *f)
{
	uint64_t tag, n = 0;

	f->start = *at;
	if (*at == end || !take_varint(at, end, &tag))
		return false;
	f->number = (unsigned)(tag >> 3);
	f->wire = tag & 7;
	if (f->wire == 0 || f->wire == 2) {
		if (!take_varint(at, end, &n))
			return false;
		f->value = n;
	}
	f->content = *at;
	n = f->wire == 2 ? n : f->wire == 1 ? 8 : f->wire == 5 ? 4 : 0;
	if (f->wire > 5 || n > (size_t)(end - *at))
		return false;
	f->end = *at += n;
	return true;
}

static const ProtobufCMessageDescriptor *
message_of(const ProtobufCMessageDescriptor *d, const WireField *f)
{
	const ProtobufCFieldDescriptor *field =
		f->wire == 2 ? protobuf_c_message_descriptor_get_field(d, f->number) : NULL;

	return field && field->type == PROTOBUF_C_TYPE_MESSAGE ? field->descriptor : NULL;
}

static size_t
count_fields(const ProtobufCMessageDescriptor *d, const uint8_t *at, const uint8_t *end, int depth)
{
	size_t n = 0;
	WireField f;

	while (next_field(&at, end, &f)) {
		const ProtobufCMessageDescriptor *inner = depth < 8 ? message_of(d, &f) : NULL;
		n += 1 + (inner ? count_fields(inner, f.content, f.end, depth + 1) : 0);
	}
	return n;
}

static void
put_bytes(Out *o, unsigned number, const uint8_t *bytes, size_t n)
{
	put_varint(o, (uint64_t)number << 3 | 2);
	put_varint(o, n);
	out_bytes(o, bytes, n);
}

static void
change_floats(uint8_t *bytes, size_t n, uint64_t *r)
{
	static const uint32_t odd[] = { 0,          0x7f800000, 0xff800000, 0x7fc00000, 0x3f800000,
		                        0xbf800000, 0x00000001, 0x7f7fffff, 0xff7fffff, 0x4b800000,
		                        0x42d00000, 0x43000000, 0x3f000000 };
	size_t at = hostile_pick(r, n / 4) * 4;

	for (size_t k = hostile_pick(r, 4) ? 4 : n; at + 4 <= n && k > 0;
	     at += 4, k -= k < 4 ? k : 4)
		memcpy(bytes + at, &odd[hostile_pick(r, sizeof odd / sizeof *odd)], 4);
}

/* The contents of a field that is not a message. */
static void
change_bytes(Out *o, const WireField *f, uint64_t *r)
{
	size_t n = (size_t)(f->end - f->content), most = n + 64;
	uint8_t *copy = malloc(most);

	need(copy);
	if (n)
		memcpy(copy, f->content, n);
	if (n && (*copy == '[' || *copy == '{' || *copy == '"') && hostile_pick(r, 8)) {
		Out json = { copy, 0, most, false };
		uint8_t *old = malloc(n);
		need(old);
		change_json(&json, memcpy(old, copy, n), n, r);
		n = json.n;
		free(old);
	} else if (n >= 4 && n % 4 == 0 && hostile_pick(r, 4)) {
		change_floats(copy, n, r);
	} else {
		n = LLVMFuzzerMutate(copy, n, most);
	}
	put_bytes(o, f->number, copy, n);
	free(copy);
}

static void
change_number(Out *o, const WireField *f, uint64_t *r)
{
	static const uint64_t odd[] = { 0,          1,          2,          7,
		                        127,        1 << 16,    1 << 20,    1u << 31,
		                        1ull << 32, 1ull << 62, 1ull << 63, UINT64_MAX };
	uint64_t v = hostile_pick(r, 2) ? odd[hostile_pick(r, sizeof odd / sizeof *odd)]
	                                : f->value + hostile_pick(r, 5) - 2;

	put_varint(o, (uint64_t)f->number << 3);
	put_varint(o, v);
}

typedef struct Change {
	size_t at; /* which field, counting down */
	uint64_t *r;
	const uint8_t *all; /* the file: fields come from elsewhere in it */
	size_t size;
} Change;

static void
change_field(Out *o, const WireField *f, const WireField *before, bool message, Change *c)
{
	switch (hostile_pick(c->r, message ? 4 : 7)) {
	case 0: /* left out */ return;
	case 1: /* twice */
		out_bytes(o, f->start, (size_t)(f->end - f->start));
		out_bytes(o, f->start, (size_t)(f->end - f->start));
		return;
	case 2: /* what stands before it once more */
		out_bytes(o, f->start, (size_t)(f->end - f->start));
		if (before->start)
			out_bytes(o, before->start, (size_t)(before->end - before->start));
		return;
	case 3: { /* under another number */
		size_t n = (size_t)(f->end - f->content);
		if (f->wire == 2)
			put_bytes(o, 1 + (unsigned)hostile_pick(c->r, 22), f->content, n);
		else
			change_number(o, f, c->r);
		return;
	}
	default:
		if (f->wire == 2)
			change_bytes(o, f, c->r);
		else if (f->wire == 0)
			change_number(o, f, c->r);
	}
}

/* The message, with its field number c->at changed. */
static void
change_message(Out *o, const ProtobufCMessageDescriptor *d, const uint8_t *at, const uint8_t *end,
               int depth, Change *c)
{
	WireField f, before = { 0 };

	while (next_field(&at, end, &f)) {
		const ProtobufCMessageDescriptor *inner = depth < 8 ? message_of(d, &f) : NULL;
		size_t inside = inner ? count_fields(inner, f.content, f.end, depth + 1) : 0;
		if (c->at == 0) {
			change_field(o, &f, &before, inner, c);
		} else if (inside && c->at <= inside) {
			size_t n = (size_t)(f.end - f.content) + 4096;
			Out part = { malloc(n), 0, n, false };
			need(part.at);
			c->at--;
			change_message(&part, inner, f.content, f.end, depth + 1, c);
			put_bytes(o, f.number, part.at, part.n);
			free(part.at);
			c->at = SIZE_MAX;
		} else {
			out_bytes(o, f.start, (size_t)(f.end - f.start));
		}
		c->at -= c->at == SIZE_MAX ? 0 : c->at == 0 ? 1 : inside + 1;
		before = f;
	}
}

static void
change_onnx(Out *o, const uint8_t *bytes, size_t n, uint64_t *r)
{
	const ProtobufCMessageDescriptor *d = &onnx__model_proto__descriptor;
	Change c = { hostile_pick(r, count_fields(d, bytes, bytes + n, 0)), r, bytes, n };

	change_message(o, d, bytes, bytes + n, 0, &c);
}

/* ---- safetensors: eight bytes of length, JSON, tensors */

static void
change_safetensors(Out *o, const uint8_t *bytes, size_t n, uint64_t *r)
{
	uint64_t size;

	memcpy(&size, bytes, sizeof size);
	size = size < n - 8 ? size : n - 8;
	out_bytes(o, bytes, 8);
	if (hostile_pick(r, 3)) {
		change_json(o, bytes + 8, (size_t)size, r);
		uint64_t now = o->n - 8;
		if (hostile_pick(r, 8))
			memcpy(o->at, &now, sizeof now);
		out_bytes(o, bytes + 8 + size, n - 8 - (size_t)size);
	} else {
		out_bytes(o, bytes + 8, n - 8);
		if (n > 8 + size + 4)
			change_floats(o->at + 8 + size, o->n - 8 - (size_t)size, r);
	}
}

size_t
LLVMFuzzerCustomMutator(uint8_t *bytes, size_t n, size_t most, unsigned seed)
{
	uint64_t r = state_of(seed);
	Out o = { malloc(most + 1), 0, most, false };

	need(o.at);
	if (!hostile_pick(&r, 10))
		n = LLVMFuzzerMutate(bytes, n, most);
	else if (!hostile_pick(&r, 50))
		n = hostile_pick(&r, n + 1);
	else if (n > 9 && bytes[8] == '{')
		change_safetensors(&o, bytes, n, &r);
	else
		change_onnx(&o, bytes, n, &r);
	if (o.n && !o.full)
		memcpy(bytes, o.at, n = o.n);
	free(o.at);
	return n;
}
