/* Decides of every sum, and every maximum, in which order its terms are put together:
 *
 *     sum(x[i, r] for r < 64)              along: the lines of memory go with r
 *     sum(x[r, i] for r < 64)              across: they go with i
 *     sum(x[i, r] * w[r, j] for r < 64)    a matrix product
 *     sum(where(i == ids[r], x[r, j], 0) for r < 64)    a scatter
 *
 * The decision is a function of the expression as it was written, whatever is computed beside it
 * and wherever the kernel of it begins and ends. So the bits of a result are those of its
 * expression: fused, taken apart, in any kernel. */

#include "tensor/kernel/kernel.h"

#include <stdlib.h>

/* ---- addresses ---- */

int64_t
slope_of_index(const Scalar *e, const Scalar *r)
{
	switch (e->op) {
	case X_RANGE: return e == r;
	case X_ADD: return slope_of_index(e->arg[0], r) + slope_of_index(e->arg[1], r);
	case X_SUB: return slope_of_index(e->arg[0], r) - slope_of_index(e->arg[1], r);
	case X_MUL: return slope_of_index(e->arg[0], r) * (int64_t)e->arg[1]->value;
	default: return 0;
	}
}

bool
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

/* How far apart in memory what a load reads is, from one value of the range to the next; as far as
 * can be where that is not the same everywhere. */
static int64_t
load_step(const Scalar *load, const Scalar *r)
{
	int64_t stride = 1, sum = 0;

	for (int i = load->narg - 1; i >= 0; stride *= load->tensor->dim[i], i--) {
		if (!scalar_depends(load->arg[i], r))
			continue;
		if (!is_affine_index(load->arg[i]))
			return INT64_MAX;
		sum += stride * slope_of_index(load->arg[i], r);
	}
	return llabs(sum);
}

/* ---- along or across ---- */

double
free_size(const Scalar *e)
{
	double n = 1;

	for (int i = 0; i < e->nfree; i++)
		n *= e->free[i]->extent;
	return n;
}

typedef struct LoadSearch {
	TensorGraph *g;
	const Scalar *range, *best;
	Map seen;
} LoadSearch;

/* The load that reads most of those that depend on the range; the first of equal ones. */
static void
find_greatest_load(LoadSearch *s, const Scalar *e)
{
	if (!scalar_depends(e, s->range) || map_get(&s->seen, e))
		return;
	map_put(s->g->arena, &s->seen, e, s);
	if (e->op == X_LOAD) {
		if (!s->best || free_size(e) > free_size(s->best))
			s->best = e;
		return;
	}
	for (int i = 0; i < e->narg; i++)
		find_greatest_load(s, e->arg[i]);
}

/* Are neighbours in memory neighbours along r? Between ranges with equal steps the longer wins. */
static bool
is_nearest(const Scalar *load, const Scalar *r)
{
	int64_t step = load_step(load, r);

	for (int i = 0; i < load->nfree; i++) {
		const Scalar *other = load->free[i];
		int64_t to = load_step(load, other);
		if (other != r && (to < step || (to == step && other->extent >= r->extent)))
			return false;
	}
	return true;
}

SumOrder
along_or_across(TensorGraph *g, const Scalar *e)
{
	LoadSearch s = { .g = g, .range = e->arg[1] };

	find_greatest_load(&s, e->arg[0]);
	if (!s.best)
		return e->nfree ? ORDER_ACROSS : ORDER_ALONG;
	return is_nearest(s.best, e->arg[1]) ? ORDER_ALONG : ORDER_ACROSS;
}

/* ---- products ---- */

Scalar *
base_of_sum(Scalar *e, int *n, Scalar **range)
{
	*n = 0;
	while (e->op == X_SUM && *n < RANK_MAX) {
		range[(*n)++] = e->arg[1];
		e = e->arg[0];
	}
	return e;
}

static bool
is_within_ranges(const Scalar *e, const Scalar *of)
{
	for (int i = 0; i < e->nfree; i++)
		if (!scalar_depends(of, e->free[i]))
			return false;
	return true;
}

Scalar *
masked_factor(TensorGraph *g, Scalar *base)
{
	if (base->op != X_WHERE)
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

/* A leaf, or what is carried to one: it lies in memory, whatever reads it. */
static bool
lies_in_memory(const TensorGraph *g, const TensorNode *t)
{
	for (int i = 0; t->body && i < g->ncarry; i++)
		if (g->carry[i].next == t)
			return true;
	return !t->body;
}

/* Is the matrix a large one that is kept, and read once, by something smaller that all sums go
 * through? So it is with parameters, keys and values where there is one position; what they cost is
 * memory. */
static bool
is_matrix_by_vector(const TensorGraph *g, const Scalar *matrix, const Scalar *vector, int n,
                    Scalar *const *range)
{
	if (!is_plain_load(matrix) || !lies_in_memory(g, matrix->tensor)
	    || free_size(matrix) < 16384 || free_size(matrix) < 4 * free_size(vector)
	    || !is_within_ranges(vector, matrix))
		return false;
	for (int i = 0; i < n; i++)
		if (!scalar_depends(vector, range[i]))
			return false;
	return true;
}

/* Is e a sum of products that are many enough for a product of matrices? */
static bool
is_large_product(TensorGraph *g, Scalar *e)
{
	int n;
	Scalar *range[RANK_MAX], *base = masked_factor(g, base_of_sum(e, &n, range));
	double work = 1, a, b;

	if (!n || base->op != X_MUL || base->nfree > RANK_MAX)
		return false;
	for (int i = 0; i < base->nfree; i++)
		work *= base->free[i]->extent;
	a = free_size(base->arg[0]);
	b = free_size(base->arg[1]);
	if (is_matrix_by_vector(g, base->arg[0], base->arg[1], n, range)
	    || is_matrix_by_vector(g, base->arg[1], base->arg[0], n, range))
		return true;
	/* A gain only where each operand is read again and again. */
	return work >= 4096 && work >= 4 * a && work >= 4 * b;
}

/* ---- scatters ---- */

Scalar *
row_of_condition(const Scalar *c, const Scalar *axis)
{
	if (c->op != X_EQ)
		return NULL;
	for (int i = 0; i < 2; i++) {
		Scalar *row = c->arg[1 - i];
		bool found = c->arg[i] == axis && row->nfree;
		for (int k = 0; k < row->nfree && found; k++)
			found = row->free[k]->number >= BOUND_RANGE;
		if (found)
			return row;
	}
	return NULL;
}

static bool
is_scatter(Scalar *e)
{
	int n;
	Scalar *range[RANK_MAX], *base = base_of_sum(e, &n, range);

	return n && e->nfree >= 2 && e->nfree <= RANK_MAX && base->op == X_WHERE
	       && scalar_is(base->arg[2], 0) && row_of_condition(base->arg[0], e->free[0])
	       && !scalar_depends(base->arg[1], e->free[0]);
}

/* ---- whole bodies ---- */

static SumOrder
order_of_nest(TensorGraph *g, Scalar *e)
{
	if (e->op == X_SUM && is_large_product(g, e))
		return ORDER_PRODUCT;
	if (e->op == X_SUM && is_scatter(e))
		return ORDER_SCATTER;
	return along_or_across(g, e);
}

/* The sums in a sum are one nest with it, decided as a whole. */
static Scalar *
with_orders(TensorGraph *g, Scalar *e, bool in_sum, Map *done)
{
	Scalar *arg[RANK_MAX], *to = in_sum ? NULL : map_get(done, e);
	SumOrder order = ORDER_OPEN;

	if (!e->height || to)
		return to ? to : e;
	if (e->op == X_SUM || e->op == X_RMAX)
		order = in_sum ? along_or_across(g, e) : order_of_nest(g, e);
	for (int i = 0; i < e->narg; i++)
		arg[i] = with_orders(g, e->arg[i], e->op == X_SUM && e->arg[i]->op == X_SUM, done);
	to = order ? scalar_reduce_as(g, e->op, order, arg[0], arg[1]) : scalar_rebuild(g, e, arg);
	if (!in_sum)
		map_put(g->arena, done, e, to);
	return to;
}

Scalar *
decide_orders(TensorGraph *g, Scalar *body)
{
	return with_orders(g, body, false, &(Map){ 0 });
}
