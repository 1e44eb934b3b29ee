/* Is the ONNX graph of a file the equations that are proved?
 *
 *     x = sum over the token's rows(embed.token[row]) + what the place adds
 *     for each layer:
 *         x += concat over heads(softmax(q k' + mask) v) wo     where it has heads
 *         x += relu(x w1 + b1) w2 + b2                          where it has neurons
 *     logits = x head.w + head.b        label.NAME = x w + b
 *
 * Here each operator that this takes stands as a line, as onnx.c writes those of the file, with
 * the numbers and names of the model for $x; the two lists must be the same. A node is what it
 * reads (<), what it makes (>), the operator and its attributes, each with its numbers and its
 * type. A tensor is its shape, its type (1 float, 7 int64), its name, and of integers their values.
 */

#include "prove/prove.h"

#include <stdlib.h>
#include <string.h>

static const char every_model[] = "opset ,17\n"
				  "input @attention_mask :7 ,batch ,$m\n"
				  "input @position_ids :7 ,batch ,sequence\n"
				  "tensor :7 @zero ,0\n"
				  "tensor :7 @one ,1\n"
				  "node <attention_mask >total.shape =Shape\n"
				  "node <total.shape <one >total =Gather\n"
				  "node <$i >count.shape =Shape\n"
				  "node <count.shape <one >count =Gather\n"
				  "node <total <count >first =Sub\n"
				  "node <first <total <one >query =Range\n"
				  "node <attention_mask >seen =Cast @to ,9 :2\n"
				  "node <seen <query >here =Gather @axis ,1 :2\n"
				  "node <here <position_ids <zero >place =Where\n";

static const char tokens[] = "input @input_ids :7 ,batch ,sequence\n"
			     "tensor x$r x$d :1 @embed.token\n"
			     "tensor :7 @bos ,$b\n"
			     "node <here <input_ids <bos >row =Where\n"
			     "node <embed.token <row >embed.by_token =Gather\n";

static const char records[] =
	"input @input_ids :7 ,batch ,sequence ,$f\n"
	"tensor x$r x$d :1 @embed.token\n"
	"tensor :7 @bos ,$b\n"
	"tensor x1 :7 @axis.fields ,2\n"
	"node <here <axis.fields >here.fields =Unsqueeze\n"
	"node <here.fields <input_ids <bos >rows =Where\n"
	"node <embed.token <rows >embed.by_field =Gather\n"
	"node <embed.by_field <axis.fields >embed.by_token =ReduceSum @keepdims ,0 :2\n"
	"node <rows <zero >row =Gather @axis ,2 :2\n";

static const char numbers[] = "input @inputs :1 ,batch ,sequence ,$a\n"
			      "tensor x$a x$d :1 @embed.input\n"
			      "tensor x1 :7 @axis.numbers ,2\n"
			      "tensor :1 @nothing ,0\n"
			      "node <place <zero >in_text =Greater\n"
			      "node <in_text <axis.numbers >in_text.column =Unsqueeze\n"
			      "node <in_text.column <inputs <nothing >numbers =Where\n"
			      "node <numbers <embed.input >embed.by_input =MatMul\n";

static const char places[] = "tensor x$p x$d :1 @embed.position\n"
			     "node <embed.position <place >embed.by_place =Gather\n"
			     "node <$x <embed.by_place >x.0 =Add\n";

/* A step of a digit: an operator on the place and a number. */
static const char digit_step[] = "tensor :7 @place.$n.$s.by ,$y\n"
				 "node <$x <place.$n.$s.by >place.$n.$s =$o\n";

static const char digit[] =
	"tensor x$y x$c :1 @embed.position.$n\n"
	"node <embed.position.$n <$x >place.$n.row =Gather\n"
	"node <place.$n.row <place.pads >place.$n.padded =Pad\n"
	"node <place.$n.padded <place.$n.columns >place.$n.spread =Gather @axis ,2 :2\n"
	"node <$z <place.$n.spread >place.$n.sum =Add\n";

static const char mask[] = "tensor x1 :7 @axis.1 ,1\n"
			   "tensor x1 :7 @axis.2 ,2\n"
			   "tensor :1 @hidden ,-1.07374182e+09\n"
			   "node <zero <total <one >key =Range\n"
			   "node <query <axis.1 >query.column =Unsqueeze\n"
			   "node <query.column <key >itself =Equal\n"
			   "node <seen <axis.1 >seen.row =Unsqueeze\n"
			   "node <$r <axis.2 >reads.column =Unsqueeze\n"
			   "node <seen.row <reads.column >shown =And\n"
			   "node <$s <itself >visible.each =Or\n"
			   "node <visible.each <axis.1 >visible =Unsqueeze\n";

static const char causal_mask[] = "node <key <query.column >before =LessOrEqual\n"
				  "node <shown <before >shown.before =And\n";

static const char bidirectional_mask[] = "node <$x <$y >is_bos =Equal\n"
					 "node <is_bos >reads =Not\n";

static const char affine[] = "tensor x$i x$o :1 @$w\n"
			     "tensor x$o :1 @$b\n"
			     "node <$x <$w >$y.product =MatMul\n"
			     "node <$y.product <$b >$y =Add\n";

static const char projection[] =
	"tensor x$d x$a :1 @layers.$n.w$q\n"
	"tensor x$a :1 @layers.$n.b$q\n"
	"node <x.$x <layers.$n.w$q >layers.$n.$q.all.product =MatMul\n"
	"node <layers.$n.$q.all.product <layers.$n.b$q >layers.$n.$q.all =Add\n"
	"node <layers.$n.$q.all <layers.$n.$s_shape >layers.$n.$q.split =Reshape\n"
	"node <layers.$n.$q.split >layers.$n.$q =Transpose @perm ,0 ,2 ,1 ,3 :7\n";

static const char past[] =
	"input @past_key_values.$n.$s :1 ,batch ,$h ,past ,$z\n"
	"output @present.$n.$s :1 ,batch ,$h ,$t ,$z\n"
	"node <past_key_values.$n.$s <layers.$n.$q >present.$n.$s =Concat @axis ,2 :2\n";

static const char attention[] =
	"tensor x4 :7 @layers.$n.key_shape ,0 ,0 ,$h ,$k\n"
	"tensor x4 :7 @layers.$n.value_shape ,0 ,0 ,$h ,$v\n"
	"tensor x3 :7 @layers.$n.joined_shape ,0 ,0 ,$a\n"
	"node <$s >layers.$n.k.turned =Transpose @perm ,0 ,1 ,3 ,2 :7\n"
	"node <layers.$n.q <layers.$n.k.turned >layers.$n.score =MatMul\n"
	"node <visible <layers.$n.score <hidden >layers.$n.score.shown =Where\n"
	"node <layers.$n.score.shown >layers.$n.weight =Softmax @axis ,-1 :2\n"
	"node <layers.$n.weight <$t >layers.$n.read =MatMul\n"
	"node <layers.$n.read >layers.$n.read.turned =Transpose @perm ,0 ,2 ,1 ,3 :7\n"
	"node <layers.$n.read.turned <layers.$n.joined_shape >layers.$n.read.joined =Reshape\n"
	"tensor x$a x$d :1 @layers.$n.wo\n"
	"node <layers.$n.read.joined <layers.$n.wo >layers.$n.attention =MatMul\n"
	"node <x.$x <layers.$n.attention >x.$y =Add\n";

static const char mlp[] = "node <layers.$n.neuron.sum >layers.$n.neuron =Relu\n"
			  "node <x.$x <layers.$n.mlp >x.$y =Add\n";

/* ---- filling them in */

typedef struct GraphLines {
	int n;
	char **line;
} GraphLines;

static void
add_graph_line(GraphLines *l, char *s)
{
	l->line = grown(l->line, l->n, sizeof *l->line);
	l->line[l->n++] = s;
}

/* A letter and what stands for it: a text, or a number. */
typedef struct Letter {
	char letter;
	int number;
	const char *text;
} Letter;

#define N(c, x) \
	{ \
		c, (x), NULL \
	}
#define T(c, s) \
	{ \
		c, 0, (s) \
	}

static const char *
letter_text(const Letter *list, char letter)
{
	while (list->letter != letter)
		list++;
	return list->text ? list->text : text("%d", list->number);
}

/* Adds the lines of a pattern; in the file's lines a control character stands for a blank. */
static void
expect_lines(GraphLines *l, const char *pattern, const Letter *list)
{
	char *line = text("%s", "");

	for (const char *c = pattern; *c; c++)
		if (*c == '\n') {
			add_graph_line(l, line);
			line = text("%s", "");
		} else if (*c == '$') {
			line = text("%s%s", line, letter_text(list, *++c));
		} else {
			line = text("%s%c", line, *c == ' ' ? '\1' : *c);
		}
}

#define EXPECT(l, pattern, ...) expect_lines(l, pattern, (Letter[]){ __VA_ARGS__ })

static const char *
expect_digit_step(GraphLines *l, int i, const char *name, const char *op, const char *x, int by)
{
	EXPECT(l, digit_step, N('n', i), T('s', name), T('o', op), T('x', x), N('y', by));
	return text("place.%d.%s", i, name);
}

/* Returns what the stream is then. */
static const char *
expect_digit(GraphLines *l, const Model *m, int i, const char *stream)
{
	const PlacePart *part = &m->part[i];
	const char *at = "place";
	char *columns = text("tensor\1x%d\1:7\1@place.%d.columns", m->d, i);

	if (part->back) {
		at = expect_digit_step(l, i, "back", "Sub", at, part->back);
		at = expect_digit_step(l, i, "from", "Max", at, 0);
	}
	if (part->divide > 1)
		at = expect_digit_step(l, i, "high", "Div", at, part->divide);
	at = part->saturate ? expect_digit_step(l, i, "digit", "Min", at, part->modulo - 1)
	                    : expect_digit_step(l, i, "digit", "Mod", at, part->modulo);
	for (int c = 0; c < m->d; c++) {
		int from = part->ncolumn;
		for (int k = 0; k < part->ncolumn; k++)
			from = part->column[k] == c ? k : from;
		columns = text("%s\1,%d", columns, from);
	}
	add_graph_line(l, columns);
	EXPECT(l, digit, N('n', i), N('y', part->modulo), N('c', part->ncolumn), T('x', at),
	       T('z', stream));
	return text("place.%d.sum", i);
}

static void
expect_embedding(GraphLines *l, const Model *m)
{
	const char *x = m->ninput ? "embed.by_input" : "embed.by_token";

	EXPECT(l, every_model, T('m', m->bidirectional ? "sequence" : "past + sequence"),
	       T('i', m->ninput ? "inputs" : "input_ids"));
	EXPECT(l,
	       m->ninput   ? numbers
	       : m->record ? records
	                   : tokens,
	       N('r', m->nvocab + 2), N('d', m->d), N('b', m->nvocab + 1), N('f', m->nfield),
	       N('a', m->ninput));
	if (!m->by_digits) {
		EXPECT(l, places, N('p', m->places), N('d', m->d), T('x', x));
		return;
	}
	if (m->npart)
		EXPECT(l, "tensor x6 :7 @place.pads ,0 ,0 ,0 ,0 ,0 ,1\n", N(0, 0));
	for (int i = 0; i < m->npart; i++)
		x = expect_digit(l, m, i, x);
	EXPECT(l, "node <$x >x.0 =Identity\n", T('x', x));
}

static void
expect_mask(GraphLines *l, const Model *m)
{
	EXPECT(l, mask, T('r', m->bidirectional ? "reads" : "here"),
	       T('s', m->bidirectional ? "shown" : "shown.before"));
	EXPECT(l, m->bidirectional ? bidirectional_mask : causal_mask,
	       T('x', m->ninput ? "place" : "row"), T('y', m->ninput ? "zero" : "bos"));
}

static void
expect_affine(GraphLines *l, const char *y, const char *x, const char *w, const char *b, int in,
              int out)
{
	EXPECT(l, affine, T('y', y), T('x', x), T('w', w), T('b', b), N('i', in), N('o', out));
}

/* Queries, keys or values; returns what the heads then read. */
static const char *
expect_projection(GraphLines *l, const Model *m, int n, int x, const char *q, int size)
{
	const char *what = *q == 'v' ? "value" : "key";
	int heads = m->layer[n].heads;

	EXPECT(l, projection, N('n', n), N('x', x), T('q', q), N('d', m->d), N('a', heads * size),
	       T('s', what));
	if (m->bidirectional || *q == 'q')
		return text("layers.%d.%s", n, q);
	EXPECT(l, past, N('n', n), T('s', what), T('q', q), N('h', heads), N('z', size),
	       T('t', "past + sequence"));
	return text("present.%d.%s", n, what);
}

static void
expect_attention(GraphLines *l, const Model *m, int n, int x)
{
	const ModelLayer *layer = &m->layer[n];

	expect_projection(l, m, n, x, "q", layer->dk);
	const char *keys = expect_projection(l, m, n, x, "k", layer->dk);
	const char *values = expect_projection(l, m, n, x, "v", layer->dv);
	EXPECT(l, attention, N('n', n), N('x', x), N('y', 2 * n + 1), N('h', layer->heads),
	       N('k', layer->dk), N('v', layer->dv), N('a', layer->heads * layer->dv), N('d', m->d),
	       T('s', keys), T('t', values));
}

static void
expect_mlp(GraphLines *l, const Model *m, int n, int x)
{
	int neurons = m->layer[n].neurons;

	expect_affine(l, text("layers.%d.neuron.sum", n), text("x.%d", x), text("layers.%d.w1", n),
	              text("layers.%d.b1", n), m->d, neurons);
	expect_affine(l, text("layers.%d.mlp", n), text("layers.%d.neuron", n),
	              text("layers.%d.w2", n), text("layers.%d.b2", n), neurons, m->d);
	EXPECT(l, mlp, N('n', n), N('x', x), N('y', 2 * n + 2));
}

static void
expect_answers(GraphLines *l, const Model *m, const char *x)
{
	static const char output[] = "output @$y :1 ,batch ,sequence ,$o\n";

	if (m->emits) {
		expect_affine(l, "logits", x, "head.w", "head.b", m->d, m->nvocab + 2);
		EXPECT(l, output, T('y', "logits"), N('o', m->nvocab + 2));
	}
	for (int i = 0; i < m->nlabel; i++) {
		const char *name = m->label[i].name;
		char *y = text("label.%s", name);
		expect_affine(l, y, x, text("labels.%s.w", name), text("labels.%s.b", name), m->d,
		              m->label[i].columns);
		EXPECT(l, output, T('y', y), N('o', m->label[i].columns));
	}
}

/* ---- */

static int
by_line_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static GraphLines
lines_of(const char *s)
{
	GraphLines l = { 0 };

	for (const char *end; s && *s; s = end + 1) {
		end = strchr(s, '\n');
		add_graph_line(&l, text("%.*s", (int)(end - s), s));
	}
	if (l.n)
		qsort(l.line, (size_t)l.n, sizeof *l.line, by_line_text);
	return l;
}

static GraphLines
lines_of_model(const Model *m)
{
	GraphLines l = { 0 };
	bool heads = false;
	int x = 0;

	expect_embedding(&l, m);
	for (int n = 0; n < m->nlayer; n++) {
		if (m->layer[n].heads) {
			if (!heads)
				expect_mask(&l, m);
			heads = true;
			expect_attention(&l, m, n, x);
			x = 2 * n + 1;
		}
		if (m->layer[n].neurons) {
			expect_mlp(&l, m, n, x);
			x = 2 * n + 2;
		}
	}
	expect_answers(&l, m, text("x.%d", x));
	qsort(l.line, (size_t)l.n, sizeof *l.line, by_line_text);
	return l;
}

/* The order of the lines says nothing: ONNX sorts nodes by what they need. */
void
require_graph(const Model *m, const Contents *c)
{
	GraphLines want = lines_of_model(m), have = lines_of(c->graph);
	int i = 0, order = 0;

	while (i < want.n && i < have.n && (order = strcmp(want.line[i], have.line[i])) == 0)
		i++;
	if (i == want.n && i == have.n)
		return;
	bool missing = i < want.n && (i == have.n || order < 0);
	char *line = missing ? want.line[i] : have.line[i];
	for (char *s = line; *s; s++)
		*s = *s < ' ' && *s > 0 ? ' ' : *s;
	malformed("the graph is not that of a model of twc: '%s' is %s", line,
	          missing ? "missing" : "none of its parts");
}
