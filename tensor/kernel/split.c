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
 * same: a float that is stored is the float that was computed, and sums have an order of their own
 * (sum_order.c). "Unfused" every operator becomes a tensor of its own. */

#include "tensor/kernel/kernel.h"

#include <string.h>

typedef struct Splitter {
	TensorGraph *g;
	bool unfused;
	int n, cap;
	TensorNode **live; /* (n) operands first */
	bool *seen;        /* by tensor, of those that were there at first */
	Map now;           /* tensor -> what stands for it now, if it was split */
	Map noted;         /* tensors whose functions are in `asked` */
	Map asked; /* functions -> the body that has them; for several, the splitter itself */
} Splitter;

typedef struct BodyRewrite {
	Splitter *s;
	const TensorNode *tensor;
	Scalar *body; /* of it, its orders decided */
	Map done;
} BodyRewrite;

/* ---- factors ---- */

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

static Scalar *split_body(BodyRewrite *, Scalar *, bool in_sum);

static Scalar *
plain_factor(BodyRewrite *b, Scalar *e)
{
	e = split_body(b, e, false);
	return is_plain_load(e) ? e : own_tensor(b->s, b->tensor, "factor", e, e->nfree, e->free);
}

/* The sum of products e with plain factors. */
static Scalar *
with_plain_factors(BodyRewrite *b, Scalar *e)
{
	int n;
	Splitter *s = b->s;
	Scalar *range[RANK_MAX],
		*base = masked_factor(s->g, base_of_sum(e, &n, range)),
		*first = plain_factor(b, base->arg[0]),
		*product = scalar_binary(s->g, X_MUL, first, plain_factor(b, base->arg[1]));

	while (--n > 0)
		product = scalar_reduce_as(s->g, X_SUM, ORDER_ACROSS, product, range[n]);
	return scalar_reduce_as(s->g, X_SUM, ORDER_PRODUCT, product, range[0]);
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

/* Of what is not fused each operator is, but for indices and conditions, and for what is summed,
 * which is nowhere kept. */
static bool
is_kernel_of_its_own(const BodyRewrite *b, const Scalar *e, bool in_sum)
{
	if (e->nfree > RANK_MAX || e->op == X_LOAD || !e->narg)
		return false;
	return e->order == ORDER_PRODUCT || e->order == ORDER_SCATTER
	       || map_get(&b->s->asked, e) == b->s || (b->s->unfused && !in_sum && !e->integer);
}

static Scalar *
split_operands(BodyRewrite *b, Scalar *e)
{
	bool sum = e->op == X_SUM || e->op == X_RMAX, changed = false;
	Scalar *arg[RANK_MAX];

	for (int i = 0; i < e->narg; i++) {
		arg[i] = split_body(b, e->arg[i], sum);
		changed |= arg[i] != e->arg[i];
	}
	return changed ? scalar_rebuild(b->s->g, e, arg) : e;
}

static Scalar *
split_body(BodyRewrite *b, Scalar *e, bool in_sum)
{
	Scalar *to = in_sum ? NULL : map_get(&b->done, e);

	if (to)
		return to;
	to = e->order == ORDER_PRODUCT ? with_plain_factors(b, e) : split_operands(b, e);
	if (to->op == X_LOAD && map_get(&b->s->now, to->tensor))
		to = scalar_load(b->s->g, map_get(&b->s->now, to->tensor), to->arg);
	if ((e != b->body || to->nfree < b->tensor->rank) && is_kernel_of_its_own(b, e, in_sum))
		to = own_tensor(b->s, b->tensor, tensor_ops[e->op].text, to, to->nfree, to->free);
	if (!in_sum)
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
		BodyRewrite b = { .s = s, .tensor = t, .body = decide_orders(s->g, t->body) };
		Scalar *axis[RANK_MAX];
		visit_loads(s, t->body, &(Map){ 0 });
		for (int i = 0; i < t->rank; i++)
			axis[i] = scalar_axis(s->g, i, t->dim[i]);
		Scalar *body = split_body(&b, b.body, false);
		if (body != t->body) {
			TensorNode *now = tensor_define(s->g, t->name, body, t->rank, axis);
			map_put(s->g->arena, &s->now, t, now);
			if (now->id > t->id)
				now->stands_for = t->stands_for ? t->stands_for : t;
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
tensor_split(TensorGraph *g, bool unfused, int *n, Map *now)
{
	Splitter s = { .g = g, .unfused = unfused, .seen = NEWS(g->arena, bool, g->ntensor) };
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
