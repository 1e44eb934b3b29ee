/* Takes out of bodies what should be a tensor of its own.
 *
 * A sum of products is a matrix product of two tensors:
 *
 *     y [i < 64][j < 96] = max(sum(x[i, r] * w[r, j] for r < 32) + b[j], 0)
 *
 *     y.sum [i < 64][j < 96] = sum(x[i, r] * w[r, j] for r < 32)
 *     y [i < 64][j < 96] = max(y.sum[i, j] + b[j], 0)
 *
 * and so is a factor of it that is no plain load. A function that several bodies ask for, as a
 * gradient asks for what the forward pass has computed, is computed once. All numbers stay the
 * same: a float that is stored is the float that was computed. */

#include "tensor/kernel/kernel.h"

#include <string.h>

typedef struct Splitter {
	TensorGraph *g;
	int n, cap;
	TensorNode **live; /* (n) operands first */
	bool *seen;        /* by tensor, of those that were there at first */
	Map now;           /* tensor -> what stands for it now, if it was split */
	Map noted;         /* tensors whose functions are in `asked` */
	Map asked; /* functions -> the body that has them; for several, the splitter itself */
} Splitter;

static Scalar *
base_of_sum(Scalar *e, int *n, Scalar **range)
{
	*n = 0;
	while (e->op == X_SUM && *n < RANK_MAX) {
		range[(*n)++] = e->arg[1];
		e = e->arg[0];
	}
	return e;
}

/* Elements of an expression's tensor over its own ranges. */
static double
free_size(const Scalar *e)
{
	double n = 1;

	for (int i = 0; i < e->nfree; i++)
		n *= e->free[i]->extent;
	return n;
}

static bool
is_within_ranges(const Scalar *e, const Scalar *of)
{
	for (int i = 0; i < e->nfree; i++)
		if (!scalar_depends(of, e->free[i]))
			return false;
	return true;
}

/* where(c, 0, x y) as where(c, 0, x) y, if c depends on nothing that x does not: what the gradient
 * of max(..., 0) is. Anything else as it is. */
static Scalar *
masked_factor(TensorGraph *g, Scalar *base)
{
	if (base->op != X_WHERE || base->height)
		return base;
	int to = scalar_is(base->arg[1], 0) ? 2 : scalar_is(base->arg[2], 0) ? 1 : 0;
	Scalar *product = base->arg[to], *part[3] = { base->arg[0], base->arg[1], base->arg[2] };
	if (!to || product->op != X_MUL)
		return base;
	bool second = !is_within_ranges(base->arg[0], product->arg[0]);
	if (second && !is_within_ranges(base->arg[0], product->arg[1]))
		return base;
	part[to] = product->arg[second];
	return scalar_binary(g, X_MUL, scalar_where(g, part[0], part[1], part[2]),
	                     product->arg[!second]);
}

/* Is e a sum of products that are many enough for a product of matrices? */
static bool
is_large_product(TensorGraph *g, Scalar *e)
{
	int n;
	Scalar *range[RANK_MAX], *base = masked_factor(g, base_of_sum(e, &n, range));
	double work = 1, a, b;

	if (!n || base->op != X_MUL || base->height || base->nfree > RANK_MAX)
		return false;
	for (int i = 0; i < base->nfree; i++)
		work *= base->free[i]->extent;
	a = free_size(base->arg[0]);
	b = free_size(base->arg[1]);
	/* A gain only where each operand is read again and again. */
	return work >= 4096 && work >= 4 * a && work >= 4 * b;
}

/* ---- factors ---- */

static bool
is_affine_index(const Scalar *e)
{
	switch (e->op) {
	case X_CONST:
	case X_RANGE: return true;
	case X_ADD:
	case X_SUB: return is_affine_index(e->arg[0]) && is_affine_index(e->arg[1]);
	case X_MUL: return is_affine_index(e->arg[0]) && e->arg[1]->op == X_CONST;
	default: return false;
	}
}

bool
is_plain_load(const Scalar *e)
{
	if (e->op != X_LOAD)
		return false;
	for (int i = 0; i < e->narg; i++)
		if (!is_affine_index(e->arg[i]) || e->arg[i]->values.lo < 0
		    || e->arg[i]->values.hi >= e->tensor->dim[i])
			return false;
	return true;
}

static Scalar *
own_tensor(Splitter *s, const TensorNode *t, const char *what, Scalar *e, int rank,
           Scalar *const *axis)
{
	const char *name = arena_fmt(s->g->arena, "%s.%s", t->name, what);
	TensorNode *own = tensor_define(s->g, name, e, rank, axis);

	GROW(s->g->arena, s->live, s->cap, s->n + 1);
	bool listed = false;
	for (int i = 0; i < s->n; i++)
		listed |= s->live[i] == own;
	if (!listed)
		s->live[s->n++] = own;
	return scalar_load(s->g, own, axis);
}

static Scalar *
plain_factor(Splitter *s, const TensorNode *t, Scalar *e)
{
	return is_plain_load(e) ? e : own_tensor(s, t, "factor", e, e->nfree, e->free);
}

/* The sum of products e with plain factors. */
static Scalar *
with_plain_factors(Splitter *s, const TensorNode *t, Scalar *e)
{
	int n;
	Scalar *range[RANK_MAX], *base = masked_factor(s->g, base_of_sum(e, &n, range));
	Scalar *product = scalar_binary(s->g, X_MUL, plain_factor(s, t, base->arg[0]),
	                                plain_factor(s, t, base->arg[1]));

	while (n > 0) {
		n--;
		product = scalar_reduce(s->g, X_SUM, product, range[n]);
	}
	return product;
}

static bool
has_only_axes(const Scalar *e)
{
	for (int i = 0; i < e->nfree; i++)
		if (e->free[i]->number >= BOUND_RANGE)
			return false;
	return true;
}

/* ---- functions that several bodies have ---- */

static bool
is_function_of_axes(const Scalar *e)
{
	bool function = e->op == X_EXP || e->op == X_LOG || e->op == X_SIN || e->op == X_TANH;

	return function && !e->height && e->nfree && has_only_axes(e);
}

static void note_tensor(Splitter *, TensorNode *);

static void
note_functions(Splitter *s, const Scalar *e, const Scalar *body, Map *seen)
{
	if (map_get(seen, e))
		return;
	map_put(s->g->arena, seen, e, s);
	if (e->op == X_LOAD)
		note_tensor(s, e->tensor);
	if (is_function_of_axes(e)) {
		const void *first = map_get(&s->asked, e);
		map_put(s->g->arena, &s->asked, e, first ? s : (void *)body);
	}
	for (int i = 0; i < e->narg; i++)
		note_functions(s, e->arg[i], body, seen);
}

static void
note_tensor(Splitter *s, TensorNode *t)
{
	if (map_get(&s->noted, t))
		return;
	map_put(s->g->arena, &s->noted, t, t);
	if (t->body)
		note_functions(s, t->body, t->body, &(Map){ 0 });
}

/* ---- bodies ---- */

typedef struct BodyRewrite {
	Splitter *s;
	const TensorNode *tensor;
	Map done;
} BodyRewrite;

static Scalar *
split_body(BodyRewrite *b, Scalar *e)
{
	Scalar *arg[RANK_MAX], *to;
	bool changed = false;

	if ((to = map_get(&b->done, e)))
		return to;
	for (int i = 0; i < e->narg; i++) {
		arg[i] = split_body(b, e->arg[i]);
		changed |= arg[i] != e->arg[i];
	}
	to = changed ? scalar_rebuild(b->s->g, e, arg) : e;
	if (to->op == X_LOAD && map_get(&b->s->now, to->tensor))
		to = scalar_load(b->s->g, map_get(&b->s->now, to->tensor), to->arg);
	if (to->op == X_SUM && has_only_axes(to) && is_large_product(b->s->g, to)) {
		to = with_plain_factors(b->s, b->tensor, to);
		/* The whole of a body is a tensor already. */
		if (e != b->tensor->body || to->nfree < b->tensor->rank)
			to = own_tensor(b->s, b->tensor, "sum", to, to->nfree, to->free);
	}
	if (e != b->tensor->body && map_get(&b->s->asked, e) == b->s)
		to = own_tensor(b->s, b->tensor, tensor_ops[e->op].text, to, to->nfree, to->free);
	map_put(b->s->g->arena, &b->done, e, to);
	return to;
}

static void visit_tensor(Splitter *, TensorNode *);

static void
visit_loads(Splitter *s, const Scalar *e, Map *seen)
{
	if (map_get(seen, e))
		return;
	map_put(s->g->arena, seen, e, s);
	if (e->op == X_LOAD)
		visit_tensor(s, e->tensor);
	for (int i = 0; i < e->narg; i++)
		visit_loads(s, e->arg[i], seen);
}

static void
visit_tensor(Splitter *s, TensorNode *t)
{
	if (s->seen[t->id])
		return;
	s->seen[t->id] = true;
	if (t->body) {
		BodyRewrite b = { .s = s, .tensor = t };
		Scalar *axis[RANK_MAX];
		visit_loads(s, t->body, &(Map){ 0 });
		for (int i = 0; i < t->rank; i++)
			axis[i] = scalar_axis(s->g, i, t->dim[i]);
		Scalar *body = split_body(&b, t->body);
		if (body != t->body) {
			TensorNode *now = tensor_define(s->g, t->name, body, t->rank, axis);
			map_put(s->g->arena, &s->now, t, now);
			t = now;
		}
	}
	for (int i = 0; i < s->n; i++)
		if (s->live[i] == t)
			return;
	GROW(s->g->arena, s->live, s->cap, s->n + 1);
	s->live[s->n++] = t;
}

TensorNode **
tensor_split(TensorGraph *g, int *n, Map *now)
{
	Splitter s = { .g = g, .seen = NEWS(g->arena, bool, g->ntensor) };
	bool as_written = g->as_written;

	g->as_written = true; /* what floats give must not change */
	for (int i = 0; i < g->noutput; i++)
		note_tensor(&s, g->output[i]);
	for (int i = 0; i < g->noutput; i++)
		visit_tensor(&s, g->output[i]);
	g->as_written = as_written;
	*n = s.n;
	*now = s.now;
	return s.live;
}
