/* The learned level as a program sees it: param, linear, softmax, attend, likely, loss; and what
 * leads out of it.
 *
 *     param w: [n][m] float = normal(0.02)   a parameter; its name is its path
 *     attend(query: q, key: k, value: v)     softmax(q here * k there), over what is visible
 *     emit likely(scores)                    LEARNED(k): the token of the greatest score. It is
 *                                            chosen, not proved. */

#include <float.h>
#include <string.h>

#include "frontend/lower/lower.h"

/* ---- param ---- */

enum { PARAM_MAX = 1 << 30 };

/* Arrays of float: their lengths, behind those of the comprehensions around them. -1 after an
 * error. */
static int
param_shape(Lower *L, const Ast *a, const Shape *s, Scalar **index, int *dim)
{
	const PtrList *active = &L->floats.active;
	double size = 1;
	int n = 0;

	for (const Shape *x = s; n < AXES_MAX && x->kind == S_ARRAY; x = x->item[0])
		dim[n++ + active->n] = x->n;
	if (active->n + n >= AXES_MAX && s->kind == S_ARRAY) {
		fail_at(L, a->kid[1]->span, "a param has at most %d axes here",
		        AXES_MAX - 1 - active->n);
		return -1;
	}
	for (int i = 0; i < active->n; i++) {
		index[i] = active->item[i];
		dim[i] = index[i]->extent;
	}
	for (int i = 0; i < active->n + n; i++)
		size *= dim[i];
	if (size < 1 || size > PARAM_MAX) {
		fail_at(L, a->kid[1]->span, "a param has 1 to %d numbers, but this is %s",
		        PARAM_MAX, shape_show(L, s));
		return -1;
	}
	return active->n + n;
}

static Value *
rows_of_param(Lower *L, TensorNode *t, Scalar **index, int d)
{
	if (d == t->rank)
		return v_float(L, scalar_load(float_graph(L), t, index));
	index[d] = float_range(L, t->dim[d]);
	return v_rows(L, index[d], rows_of_param(L, t, index, d + 1));
}

/* What it is at first, as numbers of its own: an array of its shape. */
static void
put_numbers(const Value *v, float **end)
{
	for (int i = 0; i < v->n && v->kind == V_ARRAY; i++)
		put_numbers(v->item[i], end);
	if (is_numeric(v))
		*(*end)++ = (float)number_value(v);
}

static bool
begin_param(Lower *L, Env *env, const Ast *e, const Shape *s, FloatParam *p)
{
	if (is_weights_load(e) && !L->floats.active.n)
		return (p->value = loaded_weights(L, env, e, p->tensor)) != NULL;
	bool normal = e->kind == N_CALL && e->kid[0]->kind == N_NAME
	              && !strcmp(e->kid[0]->text, "normal") && e->kid[1]->n == 1;
	Value *v = eval(L, env, normal ? e->kid[1]->kid[0] : e);

	if (v->kind == V_ERROR)
		return false;
	if (v->kind == V_ARRAY && !normal && !L->floats.active.n && is_known_value(v)) {
		float *number = NEWS(L->arena, float, tensor_size(p->tensor)), *end = number;
		if (conform(L, v, s, e->span, "what the param begins as")->kind == V_ERROR)
			return false;
		put_numbers(v, &end);
		p->value = number;
		return true;
	}
	if (!is_numeric(v) || !v->known) {
		fail_at(L, e->span,
		        "a param begins as a number, as normal(s) or as an array of its shape, "
		        "known "
		        "at compile time, not as %s",
		        v_show(L, v));
		return false;
	}
	*(normal ? &p->tensor->spread : &p->tensor->init) = number_value(v);
	if (normal && p->tensor->spread <= 0) {
		fail_at(L, e->span, "a normal has a deviation above 0");
		return false;
	}
	return true;
}

/* The path, with a number behind it if another param has it. */
static const char *
param_name(Lower *L, const char *own)
{
	const char *path = path_name(L, own), *name = path;
	int n = 1;

	for (int i = 0; i < L->floats.params.n; i++)
		if (!strcmp(((FloatParam *)L->floats.params.item[i])->name, name)) {
			name = arena_fmt(L->arena, "%s.%d", path, ++n);
			i = -1;
		}
	return name;
}

Value *
define_param(Lower *L, Env *env, const Ast *a)
{
	const Shape *s = shape_of(L, env, a->kid[1]), *leaf = s;
	FloatParam *p = NEW(L->arena, FloatParam);
	Scalar *index[RANK_MAX];
	int dim[2 * RANK_MAX], rank;

	while (leaf->kind == S_ARRAY)
		leaf = leaf->item[0];
	if (leaf->kind == S_ERROR)
		return &v_error;
	if (leaf->kind != S_FLOAT)
		return fail_at(L, a->kid[1]->span, "a param is float, or an array of it, not %s",
		               shape_show(L, s));
	if (L->floats.active.n >= AXES_MAX || (rank = param_shape(L, a, s, index, dim)) < 0)
		return &v_error;
	p->name = param_name(L, a->kid[0]->text);
	p->tensor = tensor_param(float_graph(L), p->name, rank, dim);
	if (!begin_param(L, env, a->kid[2], s, p))
		return &v_error;
	list_push(L, &L->floats.params, p);
	return rows_of_param(L, p->tensor, index, L->floats.active.n);
}

/* ---- input x: [28][28] float ---- */

Value *
input_of_floats(Lower *L, const char *name, const Shape *s, int column)
{
	FloatInput *in = NEW(L->arena, FloatInput);
	Scalar *index[RANK_MAX] = { position_range(L) };
	int dim[RANK_MAX] = { L->g->context }, rank = 1;

	for (; s->kind == S_ARRAY && rank < AXES_MAX; s = s->item[0])
		dim[rank++] = s->n;
	if (s->kind != S_FLOAT)
		return fail_here(L, "what is fed has at most %d axes", AXES_MAX - 1);
	in->source = LEARNED_NUMBERS;
	in->column = column;
	in->tensor = tensor_input(float_graph(L), name, rank, dim);
	list_push(L, &L->floats.inputs, in);
	return rows_of_param(L, in->tensor, index, 1);
}

/* ---- linear ---- */

/* Are they [n], [m][n] and [m]? */
static bool
fits_linear(Lower *L, const Value *x, const Value *w, const Value *b)
{
	const Value *row = w->item[0];

	if (x->item[0]->kind == V_ROWS || row->kind != V_ROWS || row->item[0]->kind == V_ROWS)
		fail_here(L, "linear takes [n] numbers and [m][n] weights, not %s and %s",
		          v_show(L, x), v_show(L, w));
	else if (row->n != x->n)
		fail_here(L, "the weights are %s, so each row takes %d numbers, but x is %s",
		          v_show(L, w), row->n, v_show(L, x));
	else if (b && (b->item[0]->kind == V_ROWS || b->n != w->n))
		fail_here(L, "the weights are %s, but the bias is %s", v_show(L, w), v_show(L, b));
	else
		return true;
	return false;
}

static Value *
rows_of_rows(Lower *L, Value *v)
{
	v = to_rows(L, v);
	if (v->kind == V_ROWS && v->item[0]->kind == V_ARRAY)
		v = v_rows(L, v->axis, to_rows(L, v->item[0]));
	return v;
}

Value *
float_linear(Lower *L, Value *x, Value *w, Value *b)
{
	TensorGraph *g = float_graph(L);

	x = name_floats(L, to_rows(L, x), "x");
	w = rows_of_rows(L, w);
	b = b ? to_rows(L, b) : NULL;
	if (x->kind == V_ERROR || w->kind == V_ERROR || (b && b->kind == V_ERROR)
	    || !fits_linear(L, x, w, b))
		return &v_error;
	Scalar *r = float_range(L, x->n), *i = w->axis;
	Scalar *c = scalar_of(L, row_at(L, w->item[0], r)), *e = scalar_of(L, row_at(L, x, r));
	Scalar *bias = b ? scalar_of(L, row_at(L, b, i)) : float_const(L, 0);
	if (!c || !e || !bias)
		return &v_error;
	Scalar *sum = sum_over(L, scalar_binary(g, X_MUL, c, e), r);
	if (!sum)
		return &v_error;
	/* with the bias in it, so that what flows back to it is one tensor */
	sum = scalar_binary(g, X_ADD, sum, bias);
	return v_rows(L, i, v_float(L, define_scalar(L, sum, "linear", 1, &i)));
}

/* ---- softmax ---- */

/* exp(e - max) / sum of it, over a range; NULL after an error. */
static Scalar *
softmax_over(Lower *L, Scalar *e, Scalar *r)
{
	TensorGraph *g = float_graph(L);
	Scalar *most = scalar_unary(g, X_STOP, scalar_reduce(g, X_RMAX, e, r)), *sum;

	if (!(most = define_scalar(L, most, "max", 0, NULL)))
		return NULL;
	e = scalar_unary(g, X_EXP, scalar_binary(g, X_SUB, e, most));
	if (!(e = define_scalar(L, e, "exp", 1, &r)))
		return NULL;
	sum = define_scalar(L, scalar_reduce(g, X_SUM, e, r), "sum", 0, NULL);
	return sum ? define_scalar(L, scalar_binary(g, X_DIV, e, sum), "softmax", 1, &r) : NULL;
}

Value *
float_softmax(Lower *L, Value *v)
{
	v = name_floats(L, to_rows(L, v), "scores");
	if (v->kind == V_ERROR)
		return v;
	if (v->item[0]->kind == V_ROWS)
		return fail_here(L, "softmax takes an array of numbers, not %s", v_show(L, v));
	Scalar *e = scalar_of(L, v->item[0]);
	return e ? v_rows(L, v->axis, v_float(L, softmax_over(L, e, v->axis))) : &v_error;
}

/* ---- attend ---- */

typedef struct WeighedMean {
	Scalar *weight, *there;
} WeighedMean;

static Value *
weighed_mean(Lower *L, Value *v, void *data)
{
	const WeighedMean *m = data;
	TensorGraph *g = float_graph(L);
	Scalar *e = scalar_of(L, v);

	if (!e)
		return &v_error;
	e = scalar_substitute(g, e, position_range(L), m->there);
	e = scalar_binary(g, X_MUL, m->weight, e);
	return v_float(L, sum_of_factors(L, e, m->there, "attend", 0, NULL));
}

/* A number as an array of one. */
static Value *
attended_part(Lower *L, Value *v, const char *name)
{
	if (is_numeric(v) || is_float(v)) {
		Value **alone = NEW(L->arena, Value *);
		*alone = v;
		v = v_array(L, 1, alone);
	}
	return name_floats(L, to_rows(L, v), name);
}

Value *
float_attend(Lower *L, Value *query, Value *key, Value *value)
{
	TensorGraph *g = float_graph(L);
	Value *q = attended_part(L, query, "query"), *k = attended_part(L, key, "key");
	Scalar *t = position_range(L), *u = float_range(L, L->g->context);

	if (L->g->bidirectional)
		return fail_here(L, "attend of floats looks at what is visible here; a "
		                    "bidirectional model has none");
	if (q->kind == V_ERROR || k->kind == V_ERROR)
		return &v_error;
	if (q->n != k->n || q->item[0]->kind == V_ROWS || k->item[0]->kind == V_ROWS)
		return fail_here(L, "query and key are arrays of one length, not %s and %s",
		                 v_show(L, q), v_show(L, k));
	value = name_floats(L, value, "value");
	Scalar *r = float_range(L, q->n);
	Scalar *a = scalar_of(L, row_at(L, q, r)), *b = scalar_of(L, row_at(L, k, r));
	if (!a || !b || value->kind == V_ERROR)
		return &v_error;
	b = scalar_substitute(g, b, t, u);
	Scalar *score = sum_of_factors(L, scalar_binary(g, X_MUL, a, b), r, "score", 1, &u);
	if (!score)
		return &v_error;
	score = scalar_where(g, scalar_binary(g, X_LT, t, u), float_const(L, -1e9), score);
	WeighedMean m = { softmax_over(L, score, u), u };
	return m.weight ? v_map(L, value, weighed_mean, &m) : &v_error;
}

/* ---- out of the learned level ---- */

/* The LEARNED node of a scalar over positions. */
static Node *
learned_node(Lower *L, Scalar *e, const char *name, Input as)
{
	Floats *f = &L->floats;
	Graph *g = L->g;
	LearnedValue *out = NEW(L->arena, LearnedValue);
	Scalar *t = position_range(L);

	for (int i = 0; i < e->nfree; i++)
		if (e->free[i] != t) {
			fail_here(L,
			          "what leads out of the learned level is one value, not one for "
			          "each element of an array that is kept whole");
			return NULL;
		}
	*out = (LearnedValue){ name, tensor_define(f->graph, name, e, 1, &t) };
	list_push(L, &f->out, out);
	GROW(L->arena, g->chosen, f->capchosen, g->nchosen + 1);
	g->chosen[g->nchosen] = as;
	return mk(g, OP_LEARNED, L->span, site_here(L), 0, NULL, g->nchosen++);
}

static Value *
leave_leaf(Lower *L, Value *v, void *data)
{
	const char *name = data;
	Node *n;

	if (!is_float(v))
		return v;
	Input as = { name,
		     v->kind == V_FLOAT   ? K_REAL
		     : v->kind == V_INDEX ? K_INT
		                          : K_BOOL,
		     -(double)FLT_MAX, (double)FLT_MAX };
	if (v->kind == V_INDEX) {
		as.min = v->e->values.lo;
		as.max = v->e->values.hi;
	} else if (v->kind == V_MASK) {
		as.min = 0;
		as.max = 1;
	}
	n = learned_node(L, v->e, name, as);
	if (!n)
		return &v_error;
	return v_stream(L, as.kind == K_REAL ? V_REAL : as.kind == K_INT ? V_INT : V_BOOL, n);
}

static Value *
rows_apart(Lower *L, Value *v)
{
	v = v->kind == V_ROWS ? as_array(L, v) : v;
	if (v->kind != V_ARRAY && v->kind != V_RECORD)
		return v;
	Value *w = v_new(L, v->kind);
	*w = *v;
	w->item = NEWS(L->arena, Value *, v->n);
	for (int i = 0; i < v->n; i++)
		if ((w->item[i] = rows_apart(L, v->item[i]))->kind == V_ERROR)
			return &v_error;
	return w;
}

Value *
leave_floats(Lower *L, Value *v, const char *name)
{
	return v_map(L, rows_apart(L, v), leave_leaf, (void *)(uintptr_t)name);
}

Value *
exact_choice(Lower *L, Value *v)
{
	return v->kind == V_INDEX || v->kind == V_MASK ? leave_floats(L, v, "chosen") : v;
}

/* ---- likely, loss ---- */

/* The number of the greatest of scores[t], the last of equal ones. */
static Scalar *
greatest_of(Lower *L, TensorNode *scores)
{
	TensorGraph *g = float_graph(L);
	Scalar *v = float_range(L, scores->dim[1]);
	Scalar *e = scalar_load(g, scores, (Scalar *[]){ position_range(L), v });
	Scalar *most = define_scalar(L, scalar_reduce(g, X_RMAX, e, v), "most", 0, NULL);
	Scalar *is = most ? scalar_binary(g, X_EQ, e, most) : NULL;

	return is ? scalar_reduce(g, X_RMAX, scalar_where(g, is, v, float_const(L, 0)), v) : NULL;
}

Value *
likely_token(Lower *L, Value *v)
{
	Floats *f = &L->floats;
	Scalar *axis[2] = { position_range(L) }, *e;
	int n = L->g->nvocab;

	v = to_rows(L, v);
	if (v->kind == V_ERROR)
		return v;
	if (L->g->field || !n)
		return fail_here(L, "likely chooses a token that is a row of a vocabulary");
	if ((v->n != n && v->n != n + 1) || v->item[0]->kind == V_ROWS)
		return fail_here(L,
		                 "likely takes a score for each of the %d tokens, and perhaps one "
		                 "for <end>, not %s",
		                 n, v_show(L, v));
	if (f->scores)
		return fail_here(L, "a program has one likely");
	axis[1] = v->axis;
	if (!(e = scalar_of(L, v->item[0])))
		return &v_error;
	if (e->nfree > 2 || L->floats.active.n)
		return fail_here(L, "likely stands outside of arrays that are kept whole");
	f->scores = tensor_define(f->graph, path_name(L, "scores"), e, 2, axis);
	e = greatest_of(L, f->scores);
	Node *choice = e ? learned_node(L, e, "likely", (Input){ "likely", K_INT, 0, v->n - 1 })
	                 : NULL;
	return choice ? v_stream(L, V_TOKEN, choice) : &v_error;
}

void
lower_loss(Lower *L, Env *env, const Ast *s)
{
	Floats *f = &L->floats;
	Value *v = eval(L, env, s->kid[0]);
	Scalar *t = position_range(L), *e;

	if (v->kind == V_ERROR)
		return;
	if (!is_float(v) && !is_numeric(v)) {
		fail_at(L, s->kid[0]->span, "a loss is a number, not %s", v_show(L, v));
		return;
	}
	if (f->loss) {
		fail_here(L, "a program has one loss");
		return;
	}
	if ((e = scalar_of(L, v)))
		f->loss = tensor_define(f->graph, "each", e, 1, &t);
}

/* ---- the whole ---- */

static void
mark_learned(const Graph *g, const Node *n, Map *seen, bool *needed)
{
	if (map_get(seen, n))
		return;
	map_put(g->arena, seen, n, (void *)(uintptr_t)n);
	if (n->op == OP_LEARNED)
		needed[n->k] = true;
	for (int i = 0; i < n->narg; i++)
		mark_learned(g, n->arg[i], seen, needed);
}

/* Which LEARNED nodes does the model need? */
static bool *
needed_values(const Graph *g)
{
	bool *needed = NEWS(g->arena, bool, g->nchosen + 1);
	Map seen = { 0 };

	for (int i = 0; g->emit && i < g->nfield; i++)
		mark_learned(g, g->emit[i], &seen, needed);
	for (int i = 0; i < g->noutput; i++)
		mark_learned(g, g->output[i].node, &seen, needed);
	for (int i = 0; i < g->nnamed; i++)
		mark_learned(g, g->named[i].node, &seen, needed);
	for (int i = 0; i < g->nassert; i++)
		mark_learned(g, g->assert[i].node, &seen, needed);
	return needed;
}

/* Inputs and parameters that are used, in the order of the program. */
static void
copy_leaves(const Floats *f, Learned *to, const bool *live, TensorNode **now)
{
	for (int i = 0; i < f->inputs.n; i++) {
		const FloatInput *in = f->inputs.item[i];
		const TensorNode *t = in->tensor;
		if (!live[t->id])
			continue;
		TensorNode *copy = now[t->id] = learned_input(to, in->source, t->name, t->rank,
		                                              t->dim);
		copy->integer = t->integer;
		copy->values = t->values;
		to->input[to->ninput - 1].node = in->node;
		to->input[to->ninput - 1].column = in->column;
	}
	for (int i = 0; i < f->params.n; i++) {
		const FloatParam *p = f->params.item[i];
		const TensorNode *t = p->tensor;
		if (!live[t->id])
			continue;
		TensorNode *copy = now[t->id] = learned_param(to, p->name, t->rank, t->dim);
		copy->spread = t->spread;
		copy->init = t->init;
		to->param[to->nparam - 1].value = p->value;
	}
}

/* What the program uses of all that was made while it was lowered. */
void
floats_end(Lower *L)
{
	Floats *f = &L->floats;
	Graph *g = L->g;

	if (!f->graph || (!f->loss && !f->scores && !g->nchosen))
		return;
	bool *live = NEWS(L->arena, bool, f->graph->ntensor), *needed = needed_values(g);
	TensorNode **now = NEWS(L->arena, TensorNode *, f->graph->ntensor);
	TensorNode *roots[] = { f->loss, f->scores };
	Learned *to = learned_new(L->arena, g->context);
	for (int i = 0; i < 2; i++)
		if (roots[i])
			live[roots[i]->id] = true;
	for (int i = 0; i < g->nchosen; i++)
		if (needed[i])
			live[((LearnedValue *)f->out.item[i])->tensor->id] = true;
	tensor_mark_live(f->graph, live);
	copy_leaves(f, to, live, now);
	tensor_copy_live(f->graph, live, to->graph, now);
	to->value = NEWS(L->arena, LearnedValue, g->nchosen + 1);
	to->nvalue = to->capvalue = g->nchosen;
	for (int i = 0; i < g->nchosen; i++) {
		const LearnedValue *v = f->out.item[i];
		to->value[i] = (LearnedValue){ v->name, needed[i] ? now[v->tensor->id] : NULL };
	}
	if (f->loss)
		learned_loss(to, now[f->loss->id]);
	else if (f->scores)
		learned_likely(to, now[f->scores->id]);
	if (f->scores)
		to->scores = now[f->scores->id];
	g->learned = to;
}
