/* Is the ONNX graph of a file the equations that are proved?
 *
 *     x = sum over the token's rows(embed.token[row]) + what the place adds
 *     for each layer:
 *         x += concat over heads(softmax(q k' + mask) v) wo     where it has heads
 *         x += relu(x w1 + b1) w2 + b2                          where it has neurons
 *     logits = x head.w + head.b        label.NAME = x w + b
 *
 * Here each operator that this takes is written down as a line, as onnx.c writes those of
 * the file; the two lists must be the same. The operators mean what ONNX says (opset 17). */

#define _GNU_SOURCE /* vasprintf */
#include "prove/prove.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

typedef struct Lines {
	int n, capacity;
	char **line;
} Lines;

static void
keep_line(Lines *l, char *s)
{
	if (l->n == l->capacity) {
		l->capacity = 2 * l->capacity + 64;
		l->line = realloc(l->line, (size_t)l->capacity * sizeof *l->line);
		if (!l->line)
			malformed("out of memory");
	}
	l->line[l->n++] = s;
}

/* "OP out in in attribute..." in the separators of onnx.c: here '|' parts what is of one
 * kind and ',' what is in a list; names that are formatted in may hold both. */
static void
add_line(Lines *l, const char *format, ...)
{
	char *pattern = text("%s", format), *s;
	va_list args;

	for (char *c = pattern; *c; c++)
		*c = *c == '|' ? '\1' : *c == ',' ? '\2' : *c;
	va_start(args, format);
	if (vasprintf(&s, pattern, args) < 0)
		malformed("out of memory");
	va_end(args);
	keep_line(l, s);
}

/* ---- where a position stands, and its row */

static void
expect_integer(Lines *l, const char *name, int64_t x)
{
	add_line(l, "tensor|%s|7,%lld", name, (long long)x);
}

/* A step of a digit: an operator on the place and a number. */
static const char *
expect_digit_step(Lines *l, int i, const char *name, const char *op, const char *x, int by)
{
	char *out = text("place.%d.%s", i, name);

	expect_integer(l, text("%s.by", out), by);
	add_line(l, "node|%s|%s,%s,%s.by", op, out, x, out);
	return out;
}

static const char *
expect_part(Lines *l, const Model *m, int i, const char *x)
{
	const PlacePart *part = &m->part[i];
	const char *at = "place";
	char *columns = text("tensor\1place.%d.columns\1%d\1%d", i, 7, m->d);

	if (part->back) {
		at = expect_digit_step(l, i, "back", "Sub", at, part->back);
		at = expect_digit_step(l, i, "from", "Max", at, 0);
	}
	if (part->divide > 1)
		at = expect_digit_step(l, i, "high", "Div", at, part->divide);
	at = part->saturate ? expect_digit_step(l, i, "digit", "Min", at, part->modulo - 1)
	                    : expect_digit_step(l, i, "digit", "Mod", at, part->modulo);
	add_line(l, "tensor|embed.position.%d|1|%d|%d", i, part->modulo, part->ncolumn);
	for (int c = 0; c < m->d; c++) {
		int from = part->ncolumn;
		for (int k = 0; k < part->ncolumn; k++)
			from = part->column[k] == c ? k : from;
		columns = text("%s\2%d", columns, from);
	}
	keep_line(l, columns);
	add_line(l, "node|Gather|place.%d.row,embed.position.%d,%s", i, i, at);
	add_line(l, "node|Pad|place.%d.padded,place.%d.row,place.pads", i, i);
	add_line(l,
	         "node|Gather|place.%d.spread,place.%d.padded,place.%d.columns"
	         "|attribute,axis,2,type 2",
	         i, i, i);
	add_line(l, "node|Add|place.%d.sum,%s,place.%d.spread", i, x, i);
	return text("place.%d.sum", i);
}

static void
expect_place(Lines *l, const Model *m, const char *x)
{
	if (!m->by_digits) {
		add_line(l, "tensor|embed.position|1|%d|%d", m->places, m->d);
		add_line(l, "node|Gather|embed.by_place,embed.position,place");
		add_line(l, "node|Add|x.0,%s,embed.by_place", x);
		return;
	}
	if (m->npart)
		add_line(l, "tensor|place.pads|7|6,0,0,0,0,0,1");
	for (int i = 0; i < m->npart; i++)
		x = expect_part(l, m, i, x);
	add_line(l, "node|Identity|x.0,%s", x);
}

static void
expect_rows(Lines *l, const Model *m)
{
	add_line(l, "tensor|embed.token|1|%d|%d", m->nvocab + 2, m->d);
	expect_integer(l, "bos", m->nvocab + 1);
	if (!m->record) {
		add_line(l, "node|Where|row,here,input_ids,bos");
		add_line(l, "node|Gather|embed.by_token,embed.token,row");
		return;
	}
	add_line(l, "tensor|axis.fields|7|1,2");
	add_line(l, "node|Unsqueeze|here.fields,here,axis.fields");
	add_line(l, "node|Where|rows,here.fields,input_ids,bos");
	add_line(l, "node|Gather|embed.by_field,embed.token,rows");
	add_line(l, "node|ReduceSum|embed.by_token,embed.by_field,axis.fields"
	            "|attribute,keepdims,0,type 2");
	add_line(l, "node|Gather|row,rows,zero|attribute,axis,2,type 2");
}

static void
expect_numbers(Lines *l, const Model *m)
{
	add_line(l, "tensor|embed.input|1|%d|%d", m->ninput, m->d);
	add_line(l, "tensor|axis.numbers|7|1,2");
	add_line(l, "tensor|nothing|1,0");
	add_line(l, "node|Greater|in_text,place,zero");
	add_line(l, "node|Unsqueeze|in_text.column,in_text,axis.numbers");
	add_line(l, "node|Where|numbers,in_text.column,inputs,nothing");
	add_line(l, "node|MatMul|embed.by_input,numbers,embed.input");
}

static void
expect_embedding(Lines *l, const Model *m)
{
	const char *all = m->bidirectional ? "sequence" : "past + sequence";

	add_line(l, "opset|17");
	if (m->ninput)
		add_line(l, "input|inputs|type 1|batch|sequence|%d", m->ninput);
	else if (m->record)
		add_line(l, "input|input_ids|type 7|batch|sequence|%d", m->nfield);
	else
		add_line(l, "input|input_ids|type 7|batch|sequence");
	add_line(l, "input|attention_mask|type 7|batch|%s", all);
	add_line(l, "input|position_ids|type 7|batch|sequence");
	expect_integer(l, "zero", 0);
	expect_integer(l, "one", 1);
	add_line(l, "node|Shape|total.shape,attention_mask");
	add_line(l, "node|Gather|total,total.shape,one");
	add_line(l, "node|Shape|count.shape,%s", m->ninput ? "inputs" : "input_ids");
	add_line(l, "node|Gather|count,count.shape,one");
	add_line(l, "node|Sub|first,total,count");
	add_line(l, "node|Range|query,first,total,one");
	add_line(l, "node|Cast|seen,attention_mask|attribute,to,9,type 2");
	add_line(l, "node|Gather|here,seen,query|attribute,axis,1,type 2");
	add_line(l, "node|Where|place,here,position_ids,zero");
	if (m->ninput)
		expect_numbers(l, m);
	else
		expect_rows(l, m);
	expect_place(l, m, m->ninput ? "embed.by_input" : "embed.by_token");
}

/* ---- layers */

static void
expect_mask(Lines *l, const Model *m)
{
	add_line(l, "tensor|axis.1|7|1,1");
	add_line(l, "tensor|axis.2|7|1,2");
	add_line(l, "tensor|hidden|1,-1.07374182e+09");
	add_line(l, "node|Range|key,zero,total,one");
	add_line(l, "node|Unsqueeze|query.column,query,axis.1");
	add_line(l, "node|Equal|itself,query.column,key");
	add_line(l, "node|Unsqueeze|seen.row,seen,axis.1");
	if (m->bidirectional) {
		if (m->ninput)
			add_line(l, "node|Equal|is_bos,place,zero");
		else
			add_line(l, "node|Equal|is_bos,row,bos");
		add_line(l, "node|Not|reads,is_bos");
	}
	add_line(l, "node|Unsqueeze|reads.column,%s,axis.2", m->bidirectional ? "reads" : "here");
	add_line(l, "node|And|shown,seen.row,reads.column");
	if (!m->bidirectional) {
		add_line(l, "node|LessOrEqual|before,key,query.column");
		add_line(l, "node|And|shown.before,shown,before");
	}
	add_line(l, "node|Or|visible.each,%s,itself", m->bidirectional ? "shown" : "shown.before");
	add_line(l, "node|Unsqueeze|visible,visible.each,axis.1");
}

static void
expect_affine(Lines *l, const char *out, const char *x, const char *w, const char *b, int in,
              int columns)
{
	add_line(l, "tensor|%s|1|%d|%d", w, in, columns);
	add_line(l, "tensor|%s|1|%d", b, columns);
	add_line(l, "node|MatMul|%s.product,%s,%s", out, x, w);
	add_line(l, "node|Add|%s,%s.product,%s", out, out, b);
}

static void
expect_projection(Lines *l, const Model *m, int n, char what, int x, int heads, int size,
                  const char *shape)
{
	char *out = text("layers.%d.%c", n, what);

	expect_affine(l, text("%s.all", out), text("x.%d", x), text("layers.%d.w%c", n, what),
	              text("layers.%d.b%c", n, what), m->d, heads * size);
	add_line(l, "node|Reshape|%s.split,%s.all,layers.%d.%s_shape", out, out, n, shape);
	add_line(l, "node|Transpose|%s,%s.split|attribute,perm,0,2,1,3,type 7", out, out);
}

static char *
expect_past(Lines *l, const Model *m, int n, char c, const char *what, int heads, int size)
{
	char *now = text("present.%d.%s", n, what);

	if (m->bidirectional)
		return text("layers.%d.%c", n, c);
	add_line(l, "input|past_key_values.%d.%s|type 1|batch|%d|past|%d", n, what, heads, size);
	add_line(l, "output|%s|type 1|batch|%d|past + sequence|%d", now, heads, size);
	add_line(l, "node|Concat|%s,past_key_values.%d.%s,layers.%d.%c|attribute,axis,2,type 2",
	         now, n, what, n, c);
	return now;
}

static void
expect_attention(Lines *l, const Model *m, int n, int x)
{
	const ModelLayer *layer = &m->layer[n];
	int heads = layer->heads, dk = layer->dk, dv = layer->dv;

	add_line(l, "tensor|layers.%d.key_shape|7|4,0,0,%d,%d", n, heads, dk);
	add_line(l, "tensor|layers.%d.value_shape|7|4,0,0,%d,%d", n, heads, dv);
	add_line(l, "tensor|layers.%d.joined_shape|7|3,0,0,%d", n, heads * dv);
	expect_projection(l, m, n, 'q', x, heads, dk, "key");
	expect_projection(l, m, n, 'k', x, heads, dk, "key");
	expect_projection(l, m, n, 'v', x, heads, dv, "value");
	char *k = expect_past(l, m, n, 'k', "key", heads, dk);
	char *v = expect_past(l, m, n, 'v', "value", heads, dv);
	add_line(l, "node|Transpose|layers.%d.k.turned,%s|attribute,perm,0,1,3,2,type 7", n, k);
	add_line(l, "node|MatMul|layers.%d.score,layers.%d.q,layers.%d.k.turned", n, n, n);
	add_line(l, "node|Where|layers.%d.score.shown,visible,layers.%d.score,hidden", n, n);
	add_line(l, "node|Softmax|layers.%d.weight,layers.%d.score.shown|attribute,axis,-1,type 2",
	         n, n);
	add_line(l, "node|MatMul|layers.%d.read,layers.%d.weight,%s", n, n, v);
	add_line(l,
	         "node|Transpose|layers.%d.read.turned,layers.%d.read"
	         "|attribute,perm,0,2,1,3,type 7",
	         n, n);
	add_line(l,
	         "node|Reshape|layers.%d.read.joined,layers.%d.read.turned,layers.%d.joined_shape",
	         n, n, n);
	add_line(l, "tensor|layers.%d.wo|1|%d|%d", n, heads * dv, m->d);
	add_line(l, "node|MatMul|layers.%d.attention,layers.%d.read.joined,layers.%d.wo", n, n, n);
	add_line(l, "node|Add|x.%d,x.%d,layers.%d.attention", 2 * n + 1, x, n);
}

static void
expect_mlp(Lines *l, const Model *m, int n, int x)
{
	int neurons = m->layer[n].neurons;

	expect_affine(l, text("layers.%d.neuron.sum", n), text("x.%d", x), text("layers.%d.w1", n),
	              text("layers.%d.b1", n), m->d, neurons);
	add_line(l, "node|Relu|layers.%d.neuron,layers.%d.neuron.sum", n, n);
	expect_affine(l, text("layers.%d.mlp", n), text("layers.%d.neuron", n),
	              text("layers.%d.w2", n), text("layers.%d.b2", n), neurons, m->d);
	add_line(l, "node|Add|x.%d,x.%d,layers.%d.mlp", 2 * n + 2, x, n);
}

static void
expect_answers(Lines *l, const Model *m, int x)
{
	char *last = text("x.%d", x);

	if (m->emits) {
		expect_affine(l, "logits", last, "head.w", "head.b", m->d, m->nvocab + 2);
		add_line(l, "output|logits|type 1|batch|sequence|%d", m->nvocab + 2);
	}
	for (int i = 0; i < m->nlabel; i++) {
		const Label *label = &m->label[i];
		expect_affine(l, text("label.%s", label->name), last,
		              text("labels.%s.w", label->name), text("labels.%s.b", label->name),
		              m->d, label->columns);
		add_line(l, "output|label.%s|type 1|batch|sequence|%d", label->name,
		         label->columns);
	}
}

/* ---- */

static int
by_line_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static Lines
lines_of(const char *s)
{
	Lines l = { 0 };

	while (s && *s) {
		const char *end = strchr(s, '\n');
		keep_line(&l, text("%.*s", (int)(end - s), s));
		s = end + 1;
	}
	return l;
}

static char *
readable(char *s)
{
	for (char *c = s; *c; c++)
		*c = *c < ' ' ? ' ' : *c;
	return s;
}

/* The order of the lines says nothing: ONNX sorts nodes by what they need. */
void
require_graph(const Model *m, const Contents *c)
{
	Lines want = { 0 }, have = lines_of(c->graph);
	int x = 0;
	bool heads = false;

	expect_embedding(&want, m);
	for (int n = 0; n < m->nlayer; n++) {
		if (m->layer[n].heads) {
			if (!heads)
				expect_mask(&want, m);
			heads = true;
			expect_attention(&want, m, n, x);
			x = 2 * n + 1;
		}
		if (m->layer[n].neurons) {
			expect_mlp(&want, m, n, x);
			x = 2 * n + 2;
		}
	}
	expect_answers(&want, m, x);
	qsort(want.line, (size_t)want.n, sizeof *want.line, by_line_text);
	if (have.n)
		qsort(have.line, (size_t)have.n, sizeof *have.line, by_line_text);
	for (int i = 0; i < want.n && i < have.n; i++) {
		int order = strcmp(want.line[i], have.line[i]);
		if (order)
			malformed("the graph is not that of a model of twc: '%s' is %s",
			          readable(order < 0 ? want.line[i] : have.line[i]),
			          order < 0 ? "missing" : "none of its parts");
	}
	if (want.n != have.n)
		malformed("the graph is not that of a model of twc: it has %d parts, not %d",
		          have.n, want.n);
}
