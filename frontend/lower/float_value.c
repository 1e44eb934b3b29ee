/* Floats as values: one number, an array kept whole, and exact values among them. */

#include <string.h>

#include "frontend/lower/lower.h"

/* ---- where they are made ---- */

TensorGraph *
float_graph(Lower *L)
{
	Floats *f = &L->floats;

	if (!f->graph) {
		if (L->g->context > FLOAT_CONTEXT_MAX)
			fail_here(L, "the context of a program with floats is at most %d",
			          FLOAT_CONTEXT_MAX);
		f->graph = tensor_graph_new(L->arena);
		f->position = scalar_fresh(f->graph, L->g->context);
	}
	return f->graph;
}

Scalar *
float_const(Lower *L, double x)
{
	return scalar_const(float_graph(L), x);
}

Scalar *
float_range(Lower *L, int extent)
{
	return scalar_fresh(float_graph(L), extent);
}

Scalar *
position_range(Lower *L)
{
	float_graph(L);
	return L->floats.position;
}

Scalar *
there_range(Lower *L, int bound)
{
	void *key = (void *)(uintptr_t)(unsigned)bound;
	Scalar *r = map_get(&L->floats.there, key);

	if (!r) {
		r = float_range(L, L->g->context);
		map_put(L->arena, &L->floats.there, key, r);
	}
	return r;
}

void
float_scope_begin(Lower *L)
{
	Floats *f = &L->floats;

	f->active = (PtrList){ 0 };
	f->path = NULL;
	f->facts = NULL;
	if (f->loud)
		L->diags = f->loud;
	f->loud = NULL;
}

void
float_scope_end(Lower *L, const Lower *saved)
{
	Floats *f = &L->floats;

	f->active = saved->floats.active;
	f->path = saved->floats.path;
	f->facts = saved->floats.facts;
	f->loud = saved->floats.loud;
	L->diags = saved->diags;
}

/* ---- values ---- */

bool
is_float(const Value *v)
{
	return v->kind == V_FLOAT || v->kind == V_INDEX || v->kind == V_MASK;
}

bool
has_floats(const Value *v)
{
	if (v->kind == V_ARRAY || v->kind == V_RECORD)
		for (int i = 0; i < v->n; i++)
			if (has_floats(v->item[i]))
				return true;
	return is_float(v) || v->kind == V_ROWS;
}

Value *
v_scalar(Lower *L, ValueKind kind, Scalar *e)
{
	if (!e)
		return &v_error;
	Value *v = v_new(L, kind);
	v->e = e;
	return v;
}

Value *
v_float(Lower *L, Scalar *e)
{
	return v_scalar(L, V_FLOAT, e);
}

Value *
v_rows(Lower *L, Scalar *axis, Value *item)
{
	if (item->kind == V_ERROR)
		return item;
	Value *v = v_new(L, V_ROWS);
	v->axis = axis;
	v->n = axis->extent;
	v->item = NEW(L->arena, Value *);
	v->item[0] = item;
	return v;
}

Value *
value_with(Lower *L, Value *v, const Scalar *range, Scalar *to)
{
	if (range == to)
		return v;
	if (is_float(v))
		return v_scalar(L, v->kind, scalar_substitute(float_graph(L), v->e, range, to));
	if (v->kind == V_ROWS)
		return v_rows(L, v->axis, value_with(L, v->item[0], range, to));
	if (!has_floats(v))
		return v;
	Value *w = v_new(L, v->kind);
	*w = *v;
	w->item = NEWS(L->arena, Value *, v->n);
	for (int i = 0; i < v->n; i++)
		w->item[i] = value_with(L, v->item[i], range, to);
	return w;
}

Value *
row_at(Lower *L, const Value *rows, Scalar *i)
{
	return value_with(L, rows->item[0], rows->axis, i);
}

Value *
row_number(Lower *L, const Value *rows, int i)
{
	return row_at(L, rows, float_const(L, i));
}

/* ---- exact values among floats ---- */

/* The values of one node, or of n at each position, as an input. */
static TensorNode *
exact_input(Lower *L, const char *name, Interval values, bool whole, Node **node, int rank,
            const int *dim)
{
	FloatInput *in = NEW(L->arena, FloatInput);
	bool is_token = node[0]->op == OP_TOKEN && !L->g->field && rank == 1;

	in->source = is_token ? LEARNED_TOKEN : LEARNED_EXACT;
	in->tensor = tensor_input(float_graph(L), name, rank, dim);
	in->tensor->integer = whole;
	in->tensor->values = values;
	in->node = node;
	list_push(L, &L->floats.inputs, in);
	return in->tensor;
}

static const char *
stream_name(Lower *L, const Node *n)
{
	if (n->op == OP_TOKEN)
		return "token";
	for (int i = 0; i < L->g->nnamed; i++)
		if (L->g->named[i].node == n)
			return L->g->named[i].name;
	return path_name(L, "exact");
}

static Scalar *stream_scalar(Lower *, Node *);

/* What is said of this position and of the bound one: each part as a stream of its own. */
static Scalar *
two_sided_scalar(Lower *L, Node *n)
{
	static const struct {
		Op op;
		TensorOp of_floats;
	} same[] = { { OP_LT, X_LT },   { OP_EQ, X_EQ },   { OP_ADD, X_ADD },
		     { OP_SUB, X_SUB }, { OP_AND, X_MUL }, { OP_OR, X_MAX } };
	TensorGraph *g = float_graph(L);
	Scalar *e;

	if (side(n) == ON_THERE) {
		e = stream_scalar(L, replace_there(L->g, n, NULL));
		return e ? scalar_substitute(g, e, position_range(L), there_range(L, L->bound))
		         : NULL;
	}
	if (n->op == OP_NOT) {
		e = stream_scalar(L, n->arg[0]);
		return e ? scalar_binary(g, X_SUB, float_const(L, 1), e) : NULL;
	}
	for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
		if (n->op != same[i].op)
			continue;
		e = stream_scalar(L, n->arg[0]);
		for (int k = 1; k < n->narg && e; k++) {
			Scalar *x = stream_scalar(L, n->arg[k]);
			e = x ? scalar_binary(g, same[i].of_floats, e, x) : NULL;
		}
		return e;
	}
	fail_here(
		L,
		"among floats, what is asked of two positions together is made of ==, <, + and -; "
		"give the rest a name of its own");
	return NULL;
}

static Scalar *
stream_scalar(Lower *L, Node *n)
{
	Scalar *t = position_range(L);

	if (n->op == OP_CONST)
		return float_const(L, (double)n->k);
	if (n->op == OP_INDEX || n->op == OP_HERE)
		return t;
	if ((n->op == OP_ADD || n->op == OP_SUB) && n->narg == 2 && n->arg[1]->op == OP_CONST
	    && n->arg[0]->op == OP_INDEX)
		return scalar_binary(float_graph(L), n->op == OP_ADD ? X_ADD : X_SUB, t,
		                     float_const(L, (double)n->arg[1]->k));
	if (n->two_sided)
		return two_sided_scalar(L, n);
	TensorNode *s = map_get(&L->floats.streams, n);
	if (!s && has_op_before(n, OP_LEARNED, &L->floats.exact, L->arena)) {
		fail_here(L, "this is chosen by what is learned, and what is chosen is not "
		             "learned from again");
		return NULL;
	}
	if (!s) {
		Node **node = NEW(L->arena, Node *);
		*node = n;
		s = exact_input(L, stream_name(L, n), (Interval){ node_min(n), node_max(n) },
		                !n->type.real, node, 1, &L->g->context);
		map_put(L->arena, &L->floats.streams, n, s);
	}
	return scalar_load(float_graph(L), s, &t);
}

static double
known_number(const Value *v)
{
	return v->kind == V_BOOL ? (double)v->num : number_value(v);
}

Scalar *
scalar_of(Lower *L, Value *v)
{
	if (v->kind == V_ERROR)
		return NULL;
	if (is_float(v))
		return v->e;
	if (v->kind != V_BOOL && !is_numeric(v)) {
		fail_here(L, "expected a number, not %s%s", v_show(L, v),
		          v->kind == V_TOKEN ? "; use id(t)" : "");
		return NULL;
	}
	return v->known ? float_const(L, known_number(v)) : stream_scalar(L, v->node);
}

Value *
to_float(Lower *L, Value *v)
{
	if (v->kind == V_ROWS)
		return v_rows(L, v->axis, to_float(L, v->item[0]));
	return v->kind == V_FLOAT ? v : v_float(L, scalar_of(L, v));
}

/* ---- arrays of exact values, whole ---- */

/* Numbers or conditions in arrays of one shape. */
typedef struct ExactArray {
	bool known, whole, bools;
	Interval values;
	int rank, dim[RANK_MAX];
	int n;          /* elements; while they are put, those put so far */
	double *number; /* (n) if known */
	Node **node;    /* (n) else */
} ExactArray;

static bool
measure_exact(const Value *v, ExactArray *x, int depth)
{
	if (is_numeric(v) || v->kind == V_BOOL) {
		double lo = v->known ? known_number(v) : node_min(v->node);
		double hi = v->known ? lo : node_max(v->node);
		bool first = !x->n++;
		if (first)
			x->rank = depth;
		x->known &= v->known;
		x->whole &= v->kind != V_REAL;
		x->bools &= v->kind == V_BOOL;
		x->values = first ? (Interval){ lo, hi }
		                  : interval_hull(x->values, (Interval){ lo, hi });
		return x->rank == depth;
	}
	if (v->kind != V_ARRAY || !v->n || depth == AXES_MAX - 1 || (x->n && depth >= x->rank))
		return false;
	if (!x->n && !x->dim[depth])
		x->dim[depth] = v->n;
	for (int i = 0; i < v->n; i++)
		if (!measure_exact(v->item[i], x, depth + 1))
			return false;
	return x->dim[depth] == v->n;
}

static bool
put_exact(Lower *L, Value *v, ExactArray *x)
{
	for (int i = 0; v->kind == V_ARRAY && i < v->n; i++)
		if (!put_exact(L, v->item[i], x))
			return false;
	if (v->kind == V_ARRAY)
		return true;
	if (x->known) {
		x->number[x->n++] = known_number(v);
		return true;
	}
	Node *n = node_of(L, v);
	x->node[x->n++] = n;
	if (n && n->two_sided)
		fail_here(L, "among floats an array is of one position, not of two");
	return n && !n->two_sided;
}

/* The tensor's axes from `d` on as arrays kept whole. */
static Value *
rows_of_tensor(Lower *L, TensorNode *t, ValueKind kind, Scalar **index, int d)
{
	if (d == t->rank)
		return v_scalar(L, kind, scalar_load(float_graph(L), t, index));
	Scalar *r = index[d] = float_range(L, t->dim[d]);
	return v_rows(L, r, rows_of_tensor(L, t, kind, index, d + 1));
}

static Value *
rows_of_exact(Lower *L, Value *v, ExactArray *x)
{
	ValueKind kind = x->bools ? V_MASK : x->whole ? V_INDEX : V_FLOAT;
	int dim[RANK_MAX + 1] = { L->g->context };
	Scalar *index[RANK_MAX] = { position_range(L) };

	x->number = NEWS(L->arena, double, x->n);
	x->node = NEWS(L->arena, Node *, x->n);
	x->n = 0;
	if (!put_exact(L, v, x))
		return &v_error;
	memcpy(dim + 1, x->dim, sizeof x->dim);
	if (x->known)
		return rows_of_tensor(L,
		                      tensor_table(float_graph(L), path_name(L, "table"), x->rank,
		                                   x->dim, x->number),
		                      kind, index, 0);
	return rows_of_tensor(L,
	                      exact_input(L, path_name(L, "exact"), x->values, x->whole, x->node,
	                                  x->rank + 1, dim),
	                      kind, index, 1);
}

/* Elements that were made one by one: the one of whose number the range is. */
static Value *
rows_by_cases(Lower *L, const Value *v)
{
	TensorGraph *g = float_graph(L);
	Scalar *r = float_range(L, v->n);
	Value *all = v->item[v->n - 1];

	for (int i = v->n - 2; i >= 0 && all->kind != V_ERROR; i--) {
		Scalar *is = scalar_binary(g, X_EQ, r, float_const(L, i));
		all = choose_value(L, v_scalar(L, V_MASK, is), v->item[i], all);
	}
	return v_rows(L, r, all);
}

Value *
to_rows(Lower *L, Value *v)
{
	ExactArray x = { .known = true, .whole = true, .bools = true };

	v = v->kind == V_TEXT ? as_array(L, v) : v;
	if (v->kind == V_ROWS || v->kind == V_ERROR)
		return v;
	if (v->kind != V_ARRAY)
		return fail_here(L, "expected an array of numbers, not %s", v_show(L, v));
	if (!v->n)
		return fail_here(L, "an empty array has no elements");
	return measure_exact(v, &x, 0) ? rows_of_exact(L, v, &x) : rows_by_cases(L, v);
}

/* ---- names and tensors of their own ---- */

const char *
path_name(Lower *L, const char *name)
{
	for (const Path *p = L->floats.path; p; p = p->up)
		name = p->item >= 0 ? arena_fmt(L->arena, "%d.%s", p->item, name)
		                    : arena_fmt(L->arena, "%s.%s", p->name, name);
	return name;
}

/* Is it more than `*left` operators, or a function or a sum? */
static bool
is_worth_naming(const Scalar *e, int *left)
{
	if (e->height || (e->op >= X_EXP && e->op <= X_TANH))
		return true;
	if (e->op > X_LOAD && --*left < 0)
		return true;
	for (int i = 0; i < e->narg; i++)
		if (is_worth_naming(e->arg[i], left))
			return true;
	return false;
}

/* Is it a tensor, element by element? */
static bool
is_whole_tensor(const Scalar *e)
{
	if (e->op != X_LOAD || e->nfree != e->narg)
		return false;
	for (int i = 0; i < e->narg; i++)
		if (e->arg[i]->op != X_RANGE || e->arg[i]->extent != e->tensor->dim[i])
			return false;
	return true;
}

Scalar *
define_scalar(Lower *L, Scalar *e, const char *name, int nlast, Scalar *const *last)
{
	Scalar *axis[RANK_MAX];
	int n = 0, end;

	if (is_whole_tensor(e))
		return e;
	if (e->nfree > AXES_MAX) {
		fail_here(
			L,
			"'%s' would be an array of %d axes, positions one of them; %d is the most",
			name, e->nfree, AXES_MAX);
		return NULL;
	}
	for (int i = 0; i < e->nfree; i++) {
		bool is_last = false;
		for (int k = 0; k < nlast; k++)
			is_last |= last[k] == e->free[i];
		if (!is_last)
			axis[n++] = e->free[i];
	}
	end = n;
	for (int k = 0; k < nlast; k++)
		if (scalar_depends(e, last[k]))
			axis[end++] = last[k];
	TensorNode *t = tensor_define(float_graph(L), path_name(L, name), e, end, axis);
	return scalar_load(float_graph(L), t, axis);
}

/* Is it less than the elements of a tensor, and computed? Then it is computed once for all that it
 * is multiplied by, and so is what flows back to it. */
static bool
is_factor_to_share(const Scalar *e, const Scalar *product)
{
	return e->op > X_LOAD && e->nfree && e->nfree < product->nfree;
}

Scalar *
sum_over(Lower *L, Scalar *e, Scalar *range)
{
	TensorGraph *g = float_graph(L);

	if (e->op == X_MUL) {
		Scalar *a = e->arg[0], *b = e->arg[1];
		if (is_factor_to_share(a, e))
			a = define_scalar(L, a, "factor", 1, &range);
		if (a && is_factor_to_share(b, e))
			b = define_scalar(L, b, "factor", 1, &range);
		if (!a || !b)
			return NULL;
		e = scalar_binary(g, X_MUL, a, b);
	}
	return scalar_reduce(g, X_SUM, e, range);
}

Scalar *
sum_of_factors(Lower *L, Scalar *e, Scalar *range, const char *name, int nlast, Scalar *const *last)
{
	Scalar *sum = sum_over(L, e, range);

	return sum ? define_scalar(L, sum, name, nlast, last) : NULL;
}

/* `axis`: the ranges of the arrays that it is in, from the outside in. */
static Value *
name_within(Lower *L, Value *v, const char *name, int n, Scalar **axis)
{
	int few = 2;

	if (v->kind == V_FLOAT && is_worth_naming(v->e, &few))
		return v_float(L, define_scalar(L, v->e, name, n, axis));
	if (v->kind == V_ROWS && n < RANK_MAX) {
		Scalar *more[RANK_MAX];
		memcpy(more, axis, sizeof *axis * (size_t)n);
		more[n] = v->axis;
		return v_rows(L, v->axis, name_within(L, v->item[0], name, n + 1, more));
	}
	if ((v->kind != V_ARRAY && v->kind != V_RECORD) || !has_floats(v))
		return v;
	Value *w = v_new(L, v->kind);
	*w = *v;
	w->item = NEWS(L->arena, Value *, v->n);
	for (int i = 0; i < v->n; i++)
		if ((w->item[i] = name_within(L, v->item[i], name, n, axis))->kind == V_ERROR)
			return &v_error;
	return w;
}

Value *
name_floats(Lower *L, Value *v, const char *name)
{
	Scalar *axis[RANK_MAX];

	return name_within(L, v, name, 0, axis);
}
