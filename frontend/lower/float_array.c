/* Arrays of floats, kept whole: comprehensions, indexing, slices, reading elsewhere.
 *
 * A comprehension is evaluated element by element like any other (aggregate.c). Where the first
 * element turns out to be made of floats, that is dropped, and the body is evaluated once more with
 * the names of the comprehension bound to ranges. What cannot be said in that way (fields chosen
 * by the index, tests of it at compile time) is a mistake in that trial, which nobody hears: then
 * the array is taken apart after all, unless it is too large for that. So exact programs pay
 * nothing, and no kinds are inferred. */

#include "frontend/lower/lower.h"

enum { WHOLE_FROM = 1024 }; /* elements: from here on there is no taking apart */

/* ---- comprehensions ---- */

static bool roll_clause(Lower *, Env *, const Ast *e, const Ast *clauses, int i, Rolled *to);

/* The value that the name of a clause has, and the range that it goes through; false if it has
 * none. */
static bool
roll_source(Lower *L, Env *env, const Ast *s, Scalar **range, Value **x)
{
	int64_t lo, hi;

	if (s->kind != N_TO && s->kind != N_UPTO) {
		Value *xs = to_rows(L, eval(L, env, s));
		if (xs->kind == V_ERROR)
			return false;
		*range = float_range(L, xs->n);
		*x = row_at(L, xs, *range);
		return (*x)->kind != V_ERROR;
	}
	if (!eval_int(L, env, s->kid[0], "a bound", &lo)
	    || !eval_int(L, env, s->kid[1], "a bound", &hi))
		return false;
	hi += s->kind == N_TO;
	if (hi <= lo || hi - lo > 1 << 24)
		return false;
	*range = float_range(L, (int)(hi - lo));
	*x = v_scalar(L, V_INDEX,
	              scalar_binary(float_graph(L), X_ADD, *range, float_const(L, (double)lo)));
	return true;
}

/* Clause i, and what stands behind it, with the name of it bound. */
static bool
roll_bound(Lower *L, Env *env, const Ast *e, const Ast *clauses, int i, Rolled *to)
{
	const Ast *where = clauses->kid[i]->kid[2];

	if (where) {
		Value *c = eval_bool(L, env, where, "a where");
		Scalar *m = scalar_of(L, c);
		if (!m)
			return false;
		if (c->kind == V_MASK)
			assume_mask(L, m, true);
		to->guard = to->guard
		                    ? scalar_where(float_graph(L), to->guard, m, float_const(L, 0))
		                    : m;
	}
	return roll_clause(L, env, e, clauses, i + 1, to);
}

static bool
roll_clause(Lower *L, Env *env, const Ast *e, const Ast *clauses, int i, Rolled *to)
{
	if (i == clauses->n) {
		to->value = e ? eval(L, env, e) : NULL;
		return !e || to->value->kind != V_ERROR;
	}
	const Ast *c = clauses->kid[i];
	Scalar *range;
	Value *x;
	if (!c->kid[1] || to->n == CLAUSES_MAX || !may_define(L, NULL, c->kid[0])
	    || !roll_source(L, env, c->kid[1], &range, &x))
		return false;
	to->size = (to->n ? to->size : 1) * range->extent;
	to->range[to->n++] = range;
	list_push(L, &L->floats.active, range);
	return roll_bound(L, env_bind(L, env, c->kid[0]->text, x, NULL), e, clauses, i, to);
}

bool
roll_comprehension(Lower *L, Env *env, const Ast *over, bool guards, Rolled *to)
{
	Floats *f = &L->floats;
	Diags trial = { .arena = L->arena, .src = L->diags->src, .no_warnings = true };
	Diags *diags = L->diags, *loud = f->loud;
	int nactive = f->active.n, nparam = f->params.n, nout = f->out.n;
	const IndexFact *facts = f->facts;

	*to = (Rolled){ 0 };
	f->loud = loud ? loud : diags;
	L->diags = &trial;
	bool fine = roll_clause(L, env, over->kid[0], over->kid[1], 0, to) && !trial.nerror
	            && (guards || !to->guard);
	L->diags = diags;
	f->loud = loud;
	f->active.n = nactive;
	f->facts = facts;
	if (fine)
		return true;
	f->params.n = nparam;
	f->out.n = nout;
	to->why = trial.first ? trial.first->msg : "its bounds are not known";
	return false;
}

Taken
take_items(Lower *L, Env *env, const Ast *over, bool guards, struct Items *items, Rolled *whole)
{
	Floats *f = &L->floats;
	int nparam = f->params.n, nout = f->out.n;

	if (map_get(&f->whole, over) && roll_comprehension(L, env, over, true, whole)
	    && (guards || !whole->guard))
		return TAKEN_WHOLE;
	if (over_items(L, env, over->kid[0], over->kid[1], guards, items))
		return TAKEN_APART;
	if (!items->floats)
		return TAKEN_NOT;
	f->params.n = nparam;
	f->out.n = nout;
	if (roll_comprehension(L, env, over, guards, whole)) {
		map_put(L->arena, &f->whole, over, (void *)(uintptr_t)over);
		return TAKEN_WHOLE;
	}
	if (whole->size >= WHOLE_FROM) {
		fail_at(L, over->span,
		        "these %.0f elements cannot be kept whole, and are too many to be taken "
		        "apart: %s",
		        whole->size, whole->why);
		return TAKEN_NOT;
	}
	*items = (Items){ .apart = true };
	return over_items(L, env, over->kid[0], over->kid[1], guards, items) ? TAKEN_APART
	                                                                     : TAKEN_NOT;
}

/* Several 'for' give one array, whose index has theirs as its digits. */
Value *
build_rolled(Lower *L, const Rolled *r)
{
	TensorGraph *g = float_graph(L);
	double size = 1;

	if (r->n == 1)
		return v_rows(L, r->range[0], r->value);
	Value *v = name_floats(L, r->value, "array");
	for (int i = 0; i < r->n; i++)
		size *= r->range[i]->extent;
	if (size > 1 << 28)
		return fail_here(L, "this makes %.0f elements", size);
	Scalar *all = float_range(L, (int)size);
	for (int i = 0; i < r->n; i++) {
		size /= r->range[i]->extent;
		Scalar *digit = scalar_binary(g, X_FLOOR, all, float_const(L, size));
		if (i)
			digit = scalar_binary(g, X_MOD, digit, float_const(L, r->range[i]->extent));
		v = value_with(L, v, r->range[i], digit);
	}
	return v_rows(L, all, v);
}

/* ---- parts ---- */

Value *
float_concat(Lower *L, int n, const Arg *part)
{
	TensorGraph *g = float_graph(L);
	Value **rows = NEWS(L->arena, Value *, n), *all = NULL;
	int total = 0;

	for (int i = 0; i < n; i++) {
		rows[i] = to_rows(L, part[i].value);
		if (rows[i]->kind == V_ERROR)
			return &v_error;
		total += rows[i]->n;
	}
	Scalar *r = float_range(L, total);
	for (int i = n - 1, from = total; i >= 0; i--) {
		from -= rows[i]->n;
		Value *v = row_at(L, rows[i], scalar_binary(g, X_SUB, r, float_const(L, from)));
		Scalar *here = scalar_binary(g, X_LT, r, float_const(L, from + rows[i]->n));
		all = all ? choose_value(L, v_scalar(L, V_MASK, here), v, all) : v;
		if (all->kind == V_ERROR)
			return all;
	}
	return v_rows(L, r, all);
}

static bool
is_index(const Value *v)
{
	return (v->kind == V_INT && v->known) || v->kind == V_INDEX;
}

Value *
float_slice(Lower *L, Env *env, const Ast *a, const Value *xs)
{
	const Ast *s = a->kid[1];
	Value *lo = eval(L, env, s->kid[0]), *hi = eval(L, env, s->kid[1]);
	double n;

	if (lo->kind == V_ERROR || hi->kind == V_ERROR)
		return &v_error;
	if (!is_index(lo) || !is_index(hi))
		return fail_at(
			L, s->span,
			"the bounds of a slice are integers known at compile time, or made of "
			"indices");
	Scalar *x = scalar_of(L, lo), *y = scalar_of(L, hi);
	if (!constant_difference(y, x, &n))
		return fail_at(L, s->span, "this slice has no one length");
	n += s->kind == N_TO;
	Interval at = index_bounds(L, x);
	if (at.lo < 0 || n < 0 || at.hi + n > xs->n)
		return fail_at(L, s->span, "this slice reaches %.0f..%.0f, but the array is %s",
		               at.lo, at.hi + n - 1, v_show(L, xs));
	if (n < 1)
		return v_array(L, 0, NULL);
	Scalar *r = float_range(L, (int)n);
	return v_rows(L, r, row_at(L, xs, scalar_binary(float_graph(L), X_ADD, x, r)));
}

static Value *
fail_outside(Lower *L, Span at, Interval i, const Value *xs)
{
	if (i.lo == i.hi)
		return fail_at(L, at, "index %.0f is out of range: the array is %s", i.lo,
		               v_show(L, xs));
	return fail_at(L, at,
	               "this index can be %.0f..%.0f, but the array is %s; say what it is then: "
	               "xs[i else d]",
	               i.lo, i.hi, v_show(L, xs));
}

/* xs[i else d] */
Value *
float_element(Lower *L, const Ast *a, Value *xs, Value *i, Value *otherwise)
{
	TensorGraph *g = float_graph(L);
	Scalar *e = scalar_of(L, i);

	xs = to_rows(L, xs);
	if (!e || xs->kind == V_ERROR || (otherwise && otherwise->kind == V_ERROR))
		return &v_error;
	Interval at = index_bounds(L, e);
	if (i->node) {
		Bounds b = bounds_here(L, i->node);
		at = b.never ? (Interval){ 0, 0 } : (Interval){ (double)b.lo, (double)b.hi };
	}
	bool inside = at.lo >= 0 && at.hi < xs->n;
	if (!inside && !otherwise)
		return fail_outside(L, a->kid[1]->span, at, xs);
	Value *v = row_at(L, xs, e);
	if (inside)
		return v;
	Scalar *in = scalar_where(g, scalar_binary(g, X_LT, e, float_const(L, 0)),
	                          float_const(L, 0),
	                          scalar_binary(g, X_LT, e, float_const(L, xs->n)));
	return choose_value(L, v_scalar(L, V_MASK, in), v, otherwise);
}

/* ---- at another position ---- */

/* x at the bound position of a where. */
static Value *
float_there(Lower *L, Value *x, const Value *p, Value *otherwise)
{
	TensorGraph *g = float_graph(L);
	Scalar *u = scalar_binary(g, X_ADD, there_range(L, p->bound), float_const(L, p->offset));
	Value *v = value_with(L, x, position_range(L), u);

	if (!p->offset || !otherwise)
		return v;
	Scalar *before = scalar_binary(g, X_LT, u, float_const(L, 0));
	return float_if(L, v_scalar(L, V_MASK, before), otherwise, v);
}

/* A float at another position: the number of that in the place of the range of positions. */
Value *
float_read_at(Lower *L, Value *x, const Value *p, Value *otherwise)
{
	x = is_float(x) ? x : to_float(L, x);
	if (x->kind == V_ERROR)
		return x;
	x = name_floats(L, x, "read");
	if (x->kind == V_ERROR)
		return x;
	if (p->bound && !p->ref)
		return float_there(L, x, p, otherwise);
	Scalar *i = scalar_of(L, v_stream(L, V_INT, position_number(L, p, constant(L, 0))));
	if (!i)
		return &v_error;
	Value *v = value_with(L, x, position_range(L), i);
	if (!otherwise)
		return v;
	return choose_value(L, v_stream(L, V_BOOL, presence_node(L, p)), v, otherwise);
}
