#include "runtime/onnx_graph.h"

#include <string.h>

/* clang-format off */
#define IN(...) (const char *[4]){ __VA_ARGS__ }
/* clang-format on */

enum { TO_BOOL = 9 }; /* TensorProto.DataType */

int64_t
tw_elements(int ndim, const int64_t *dim)
{
	int64_t n = 1;

	for (int i = 0; i < ndim; i++)
		n *= dim[i];
	return n;
}

size_t
tw_tensor_bytes(const TwTensor *t)
{
	return (size_t)tw_elements(t->ndim, t->dim)
	       * (t->integer ? sizeof(int64_t) : sizeof(float));
}

/* ---- the weights */

typedef struct Weights {
	TwPool *pool;
	TwWeight *w;
	int n;
} Weights;

static void
add_matrix(Weights *l, const char *name, float **data, int64_t in, int64_t out)
{
	l->w[l->n++] = (TwWeight){ name, data, 2, { in, out } };
}

static void
add_vector(Weights *l, const char *name, float **data, int64_t size)
{
	l->w[l->n++] = (TwWeight){ name, data, 1, { size, 0 } };
}

static const char *
layer_name(TwPool *p, int layer, const char *name)
{
	return tw_pool_fmt(p, "layers.%d.%s", layer, name);
}

static void
layer_weights(Weights *w, int n, TwLayer *l, int d)
{
	int64_t keys = (int64_t)l->heads * l->dk, values = (int64_t)l->heads * l->dv;
	TwPool *p = w->pool;

	if (l->heads) {
		add_matrix(w, layer_name(p, n, "wq"), &l->wq, d, keys);
		add_vector(w, layer_name(p, n, "bq"), &l->bq, keys);
		add_matrix(w, layer_name(p, n, "wk"), &l->wk, d, keys);
		add_vector(w, layer_name(p, n, "bk"), &l->bk, keys);
		add_matrix(w, layer_name(p, n, "wv"), &l->wv, d, values);
		add_vector(w, layer_name(p, n, "bv"), &l->bv, values);
		add_matrix(w, layer_name(p, n, "wo"), &l->wo, values, d);
	}
	if (l->neurons) {
		add_matrix(w, layer_name(p, n, "w1"), &l->w1, d, l->neurons);
		add_vector(w, layer_name(p, n, "b1"), &l->b1, l->neurons);
		add_matrix(w, layer_name(p, n, "w2"), &l->w2, l->neurons, d);
		add_vector(w, layer_name(p, n, "b2"), &l->b2, d);
	}
}

int
tw_weights(TwPool *pool, TwModel *m, TwWeight **list)
{
	Weights w = { pool, TW_NEW(pool, TwWeight, 4 + m->npart + 11 * m->nlayer + 2 * m->nlabel),
		      0 };
	int d = m->d_model;

	if (m->ninput)
		add_matrix(&w, "embed.input", &m->embed_input, m->ninput, d);
	else
		add_matrix(&w, "embed.token", &m->embed_token, m->nvocab + 2, d);
	if (!m->by_digits)
		add_matrix(&w, "embed.position", &m->embed_position, m->context + 1, d);
	for (int i = 0; i < m->npart; i++)
		add_matrix(&w, tw_pool_fmt(pool, "embed.position.%d", i), &m->part[i].table,
		           m->part[i].digit.modulo, m->part[i].ncolumn);
	for (int n = 0; n < m->nlayer; n++)
		layer_weights(&w, n, &m->layer[n], d);
	if (m->emits) {
		add_matrix(&w, "head.w", &m->head_w, d, m->nvocab + 2);
		add_vector(&w, "head.b", &m->head_b, m->nvocab + 2);
	}
	for (int i = 0; i < m->nlabel; i++) {
		TwLabel *l = &m->label[i];
		add_matrix(&w, tw_pool_fmt(pool, "labels.%s.w", l->name), &l->w, d, l->columns);
		add_vector(&w, tw_pool_fmt(pool, "labels.%s.b", l->name), &l->b, l->columns);
	}
	*list = w.w;
	return w.n;
}

/* ---- the graph: each function adds nodes and returns the name of the last */

static const char *
plan_node_attr(TwPlan *p, const char *out, const char *op, const char *const in[4],
               const char *attr, bool list, int nvalue, const int64_t *value)
{
	TwNode *n = &p->node[p->nnode++];

	n->op = op;
	n->out = out;
	memcpy(n->in, in, sizeof n->in);
	n->attr = attr;
	n->list = list;
	n->nvalue = nvalue;
	for (int i = 0; i < nvalue; i++)
		n->value[i] = value[i];
	return out;
}

static const char *
plan_node(TwPlan *p, const char *out, const char *op, const char *const in[4])
{
	return plan_node_attr(p, out, op, in, NULL, false, 0, NULL);
}

static const char *
plan_node_int(TwPlan *p, const char *out, const char *op, const char *const in[4], const char *attr,
              int value)
{
	return plan_node_attr(p, out, op, in, attr, false, 1, (int64_t[]){ value });
}

static const char *
plan_transpose(TwPlan *p, const char *out, const char *x, int a, int b, int c, int d)
{
	return plan_node_attr(p, out, "Transpose", IN(x), "perm", true, 4,
	                      (int64_t[]){ a, b, c, d });
}

/* A list of n integers; n = 0: a scalar. */
static const char *
plan_integers(TwPlan *p, const char *name, int n, const int64_t *value)
{
	size_t size = (n ? (size_t)n : 1) * sizeof *value;
	void *data = memcpy(tw_pool_alloc(p->pool, size, 1), value, size);

	p->tensor[p->ntensor++] = (TwTensor){ name, true, n > 0, { n, 0 }, data };
	return name;
}

static const char *
plan_affine(TwPlan *p, const char *out, const char *x, const char *w, const char *b)
{
	const char *product = plan_node(p, tw_pool_fmt(p->pool, "%s.product", out), "MatMul",
	                                IN(x, w));

	return plan_node(p, out, "Add", IN(product, b));
}

/* The rows of each token, and their sum; `row` is the one that can be <bos>. */
static void
plan_token_rows(TwPlan *p, const TwModel *m)
{
	if (!m->record) {
		plan_node(p, "row", "Where", IN("here", "input_ids", "bos"));
		plan_node(p, "embed.by_token", "Gather", IN("embed.token", "row"));
		return;
	}
	plan_integers(p, "axis.fields", 1, (int64_t[]){ 2 });
	plan_node(p, "here.fields", "Unsqueeze", IN("here", "axis.fields"));
	plan_node(p, "rows", "Where", IN("here.fields", "input_ids", "bos"));
	plan_node(p, "embed.by_field", "Gather", IN("embed.token", "rows"));
	plan_node_int(p, "embed.by_token", "ReduceSum", IN("embed.by_field", "axis.fields"),
	              "keepdims", 0);
	plan_node_int(p, "row", "Gather", IN("rows", "zero"), "axis", 2);
}

/* The numbers of each position, none at <bos>. */
static void
plan_input_numbers(TwPlan *p)
{
	static const float nothing;

	plan_integers(p, "axis.numbers", 1, (int64_t[]){ 2 });
	p->tensor[p->ntensor++] = (TwTensor){ "nothing", false, 0, { 0 }, &nothing };
	plan_node(p, "in_text", "Greater", IN("place", "zero"));
	plan_node(p, "in_text.column", "Unsqueeze", IN("in_text", "axis.numbers"));
	plan_node(p, "numbers", "Where", IN("in_text.column", "inputs", "nothing"));
	plan_node(p, "embed.by_input", "MatMul", IN("numbers", "embed.input"));
}

/* The node `out` of part i, of place and a number. */
static const char *
plan_digit_step(TwPlan *p, int i, const char *out, const char *op, const char *x, int64_t by)
{
	const char *name = tw_pool_fmt(p->pool, "place.%d.%s", i, out);
	const char *number = plan_integers(p, tw_pool_fmt(p->pool, "%s.by", name), 0, &by);

	return plan_node(p, name, op, IN(x, number));
}

/* Which digit of the place: max(place - back, 0) // divide, and of that the last or the nearest. */
static const char *
plan_digit(TwPlan *p, int i, const TwPlaceDigit *d)
{
	const char *x = "place";

	if (d->back) {
		x = plan_digit_step(p, i, "back", "Sub", x, d->back);
		x = plan_digit_step(p, i, "from", "Max", x, 0);
	}
	if (d->divide > 1)
		x = plan_digit_step(p, i, "high", "Div", x, d->divide);
	if (d->saturate)
		return plan_digit_step(p, i, "digit", "Min", x, d->modulo - 1);
	return plan_digit_step(p, i, "digit", "Mod", x, d->modulo);
}

/* x and what each digit of the place adds: a row of few columns, spread over the stream by
 * fetching each of its columns from there, or from a column of zeros behind. */
static const char *
plan_place_parts(TwPlan *p, const TwModel *m, const char *x)
{
	int64_t *from = TW_NEW(p->pool, int64_t, m->d_model);

	if (m->npart)
		plan_integers(p, "place.pads", 6, (int64_t[]){ 0, 0, 0, 0, 0, 1 });
	for (int i = 0; i < m->npart; i++) {
		const TwPlacePart *part = &m->part[i];
		for (int c = 0; c < m->d_model; c++)
			from[c] = part->ncolumn;
		for (int c = 0; c < part->ncolumn; c++)
			from[part->column[c]] = c;
		const char *digit = plan_digit(p, i, &part->digit);
		const char *name = tw_pool_fmt(p->pool, "place.%d", i);
		const char *row = plan_node(
			p, tw_pool_fmt(p->pool, "%s.row", name), "Gather",
			IN(tw_pool_fmt(p->pool, "embed.position.%d", i), digit));
		row = plan_node(p, tw_pool_fmt(p->pool, "%s.padded", name), "Pad",
		                IN(row, "place.pads"));
		const char *columns = plan_integers(p, tw_pool_fmt(p->pool, "%s.columns", name),
		                                    m->d_model, from);
		row = plan_node_int(p, tw_pool_fmt(p->pool, "%s.spread", name), "Gather",
		                    IN(row, columns), "axis", 2);
		x = plan_node(p, tw_pool_fmt(p->pool, "%s.sum", name), "Add", IN(x, row));
	}
	return x;
}

/* What is known of each position: `here`, it is not padding; its row or numbers; its
 * place. Padding starts as <bos> does. */
static const char *
plan_embedding(TwPlan *p, const TwModel *m)
{
	plan_integers(p, "zero", 0, (int64_t[]){ 0 });
	plan_integers(p, "one", 0, (int64_t[]){ 1 });
	if (!m->ninput)
		plan_integers(p, "bos", 0, (int64_t[]){ m->nvocab + 1 });

	plan_node(p, "total.shape", "Shape", IN("attention_mask"));
	plan_node(p, "total", "Gather", IN("total.shape", "one"));
	plan_node(p, "count.shape", "Shape", IN(m->ninput ? "inputs" : "input_ids"));
	plan_node(p, "count", "Gather", IN("count.shape", "one"));
	plan_node(p, "first", "Sub", IN("total", "count"));
	plan_node(p, "query", "Range", IN("first", "total", "one"));
	plan_node_int(p, "seen", "Cast", IN("attention_mask"), "to", TO_BOOL);
	plan_node_int(p, "here", "Gather", IN("seen", "query"), "axis", 1);
	if (!m->ninput)
		plan_token_rows(p, m);
	plan_node(p, "place", "Where", IN("here", "position_ids", "zero"));
	if (m->ninput)
		plan_input_numbers(p);
	const char *what = m->ninput ? "embed.by_input" : "embed.by_token";
	if (!m->by_digits) {
		plan_node(p, "embed.by_place", "Gather", IN("embed.position", "place"));
		return plan_node(p, "x.0", "Add", IN(what, "embed.by_place"));
	}
	return plan_node(p, "x.0", "Identity", IN(plan_place_parts(p, m, what)));
}

/* The attention mask, (batch, 1, sequence, past + sequence): every position sees itself;
 * one of the text sees what the input's mask shows, in a causal model up to itself. */
static void
plan_mask(TwPlan *p, const TwModel *m)
{
	static const float hidden = TW_HIDDEN;
	const char *who = "here", *shown;

	plan_integers(p, "axis.1", 1, (int64_t[]){ 1 });
	plan_integers(p, "axis.2", 1, (int64_t[]){ 2 });
	p->tensor[p->ntensor++] = (TwTensor){ "hidden", false, 0, { 0 }, &hidden };

	plan_node(p, "key", "Range", IN("zero", "total", "one"));
	plan_node(p, "query.column", "Unsqueeze", IN("query", "axis.1"));
	plan_node(p, "itself", "Equal", IN("query.column", "key"));
	if (m->bidirectional) {
		plan_node(p, "is_bos", "Equal", m->ninput ? IN("place", "zero") : IN("row", "bos"));
		who = plan_node(p, "reads", "Not", IN("is_bos"));
	}
	plan_node(p, "seen.row", "Unsqueeze", IN("seen", "axis.1"));
	plan_node(p, "reads.column", "Unsqueeze", IN(who, "axis.2"));
	shown = plan_node(p, "shown", "And", IN("seen.row", "reads.column"));
	if (!m->bidirectional) {
		plan_node(p, "before", "LessOrEqual", IN("key", "query.column"));
		shown = plan_node(p, "shown.before", "And", IN("shown", "before"));
	}
	plan_node(p, "visible.each", "Or", IN(shown, "itself"));
	plan_node(p, "visible", "Unsqueeze", IN("visible.each", "axis.1"));
}

/* x w + b, as (batch, heads, sequence, size). */
static const char *
plan_projection(TwPlan *p, int n, const char *what, const char *x, const char *shape)
{
	const char *out = layer_name(p->pool, n, what);
	const char *w = layer_name(p->pool, n, tw_pool_fmt(p->pool, "w%s", what));
	const char *b = layer_name(p->pool, n, tw_pool_fmt(p->pool, "b%s", what));
	const char *all = plan_affine(p, tw_pool_fmt(p->pool, "%s.all", out), x, w, b);
	const char *split = plan_node(p, tw_pool_fmt(p->pool, "%s.split", out), "Reshape",
	                              IN(all, shape));

	return plan_transpose(p, out, split, 0, 2, 1, 3);
}

static void
plan_port(TwPort *list, int *n, const char *name, bool integer, int ndim, const char *const *dim)
{
	TwPort *port = &list[(*n)++];

	*port = (TwPort){ name, integer, ndim, { NULL } };
	for (int i = 0; i < ndim; i++)
		port->dim[i] = dim[i];
}

/* Keys or values, behind those of earlier calls: the KV cache as input and output. */
static const char *
plan_with_past(TwPlan *p, const TwModel *m, int n, const char *what, const char *x, int heads,
               int size)
{
	if (m->bidirectional)
		return x;
	const char *past = tw_pool_fmt(p->pool, "past_key_values.%d.%s", n, what);
	const char *now = tw_pool_fmt(p->pool, "present.%d.%s", n, what);
	const char *h = tw_pool_fmt(p->pool, "%d", heads), *s = tw_pool_fmt(p->pool, "%d", size);

	plan_port(p->input, &p->ninput, past, false, 4, IN("batch", h, "past", s));
	plan_port(p->output, &p->noutput, now, false, 4, IN("batch", h, "past + sequence", s));
	return plan_node_int(p, now, "Concat", IN(past, x), "axis", 2);
}

static const char *
plan_attention(TwPlan *p, const TwModel *m, int n, const char *x)
{
	const TwLayer *l = &m->layer[n];
	TwPool *pool = p->pool;
	const char *keys = plan_integers(p, layer_name(pool, n, "key_shape"), 4,
	                                 (int64_t[]){ 0, 0, l->heads, l->dk });
	const char *values = plan_integers(p, layer_name(pool, n, "value_shape"), 4,
	                                   (int64_t[]){ 0, 0, l->heads, l->dv });
	const char *joined = plan_integers(p, layer_name(pool, n, "joined_shape"), 3,
	                                   (int64_t[]){ 0, 0, (int64_t)l->heads * l->dv });
	const char *q = plan_projection(p, n, "q", x, keys),
		   *k = plan_projection(p, n, "k", x, keys);
	const char *v = plan_projection(p, n, "v", x, values);

	k = plan_with_past(p, m, n, "key", k, l->heads, l->dk);
	v = plan_with_past(p, m, n, "value", v, l->heads, l->dv);
	k = plan_transpose(p, layer_name(pool, n, "k.turned"), k, 0, 1, 3, 2);
	q = plan_node(p, layer_name(pool, n, "score"), "MatMul", IN(q, k));
	q = plan_node(p, layer_name(pool, n, "score.shown"), "Where", IN("visible", q, "hidden"));
	q = plan_node_int(p, layer_name(pool, n, "weight"), "Softmax", IN(q), "axis", -1);
	v = plan_node(p, layer_name(pool, n, "read"), "MatMul", IN(q, v));
	v = plan_transpose(p, layer_name(pool, n, "read.turned"), v, 0, 2, 1, 3);
	v = plan_node(p, layer_name(pool, n, "read.joined"), "Reshape", IN(v, joined));
	v = plan_node(p, layer_name(pool, n, "attention"), "MatMul",
	              IN(v, layer_name(pool, n, "wo")));
	return plan_node(p, tw_pool_fmt(pool, "x.%d", 2 * n + 1), "Add", IN(x, v));
}

static const char *
plan_mlp(TwPlan *p, int n, const char *x)
{
	TwPool *pool = p->pool;
	const char *h = plan_affine(p, layer_name(pool, n, "neuron.sum"), x,
	                            layer_name(pool, n, "w1"), layer_name(pool, n, "b1"));

	h = plan_node(p, layer_name(pool, n, "neuron"), "Relu", IN(h));
	h = plan_affine(p, layer_name(pool, n, "mlp"), h, layer_name(pool, n, "w2"),
	                layer_name(pool, n, "b2"));
	return plan_node(p, tw_pool_fmt(pool, "x.%d", 2 * n + 2), "Add", IN(x, h));
}

static void
plan_outputs(TwPlan *p, const TwModel *m, const char *x)
{
	TwPool *pool = p->pool;

	if (m->emits) {
		plan_affine(p, "logits", x, "head.w", "head.b");
		plan_port(p->output, &p->noutput, "logits", false, 3,
		          IN("batch", "sequence", tw_pool_fmt(pool, "%d", m->nvocab + 2)));
	}
	for (int i = 0; i < m->nlabel; i++) {
		const char *name = m->label[i].name;
		const char *out = tw_pool_fmt(pool, "label.%s", name);
		plan_affine(p, out, x, tw_pool_fmt(pool, "labels.%s.w", name),
		            tw_pool_fmt(pool, "labels.%s.b", name));
		plan_port(p->output, &p->noutput, out, false, 3,
		          IN("batch", "sequence", tw_pool_fmt(pool, "%d", m->label[i].columns)));
	}
}

static void
plan_weights(TwPlan *p, const TwModel *m)
{
	TwWeight *w;
	int n = tw_weights(p->pool, (TwModel *)m, &w);

	p->tensor = TW_NEW(p->pool, TwTensor, n + 10 + 5 * m->npart + 3 * m->nlayer);
	for (int i = 0; i < n; i++)
		p->tensor[p->ntensor++] = (TwTensor){
			w[i].name, false, w[i].ndim, { w[i].dim[0], w[i].dim[1] }, *w[i].data
		};
}

static bool
has_heads(const TwModel *m)
{
	for (int n = 0; n < m->nlayer; n++)
		if (m->layer[n].heads)
			return true;
	return false;
}

TwPlan *
tw_plan(TwPool *pool, const TwModel *m)
{
	TwPlan *p = TW_NEW(pool, TwPlan, 1);
	const char *all = m->bidirectional ? "sequence" : "past + sequence";

	p->pool = pool;
	p->node = TW_NEW(pool, TwNode, 32 + 8 * m->npart + 32 * m->nlayer + 2 * m->nlabel);
	p->input = TW_NEW(pool, TwPort, 3 + 2 * m->nlayer);
	p->output = TW_NEW(pool, TwPort, 1 + 2 * m->nlayer + m->nlabel);
	plan_weights(p, m);
	bool numbers = m->ninput > 0;
	plan_port(
		p->input, &p->ninput, numbers ? "inputs" : "input_ids", !numbers,
		2 + (m->record || numbers),
		IN("batch", "sequence", tw_pool_fmt(pool, "%d", numbers ? m->ninput : m->nfield)));
	plan_port(p->input, &p->ninput, "attention_mask", true, 2, IN("batch", all));
	plan_port(p->input, &p->ninput, "position_ids", true, 2, IN("batch", "sequence"));

	const char *x = plan_embedding(p, m);
	if (has_heads(m))
		plan_mask(p, m);
	for (int n = 0; n < m->nlayer; n++) {
		if (m->layer[n].heads)
			x = plan_attention(p, m, n, x);
		if (m->layer[n].neurons)
			x = plan_mlp(p, n, x);
	}
	plan_outputs(p, m, x);
	return p;
}
