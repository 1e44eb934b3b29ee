/* Sums over positions, exact at every length.
 *
 * A head that gives equal weight to all matches and <bos> reads r, the weight of
 * <bos>, and S*r, the values added up: fractions, rounded. Their sum S reaches t just
 * where (2t-1) r - 2 S r is below 0, by r or more either way, and r is at least
 * 1/places. So with s = 2 * places
 *
 *     u = relu(s * ((2t-1) r - 2 S r))     is 0, or at least 2 but for rounding
 *     relu(1 - u)                          is exactly [S >= t]
 *
 * and S, like any function of S, is a sum of those. No slope is fixed in advance:
 * this is proved from the context, or refused. */

#include "backend/circuit.h"

#include <stdlib.h>

enum { MAX_THRESHOLDS = 1024 };

/* The margin of 1 that rounding may use up, in units of 2^-24: each weight is one
 * exponential, one sum and one division, each product and each addition one more
 * rounding; near the threshold the terms are of the size of what is added. */
static bool
margin_holds(const Circuit *c, int64_t most, bool counts)
{
	double roundings = counts ? 40 : 2.0 * c->places + 40;

	return 2.0 * c->places * roundings * (double)most < 0.9 * EXACT_MAX;
}

/* 2 S r + k r as a form over the head's values. */
static const Form *
twice_sum(Circuit *c, const Select *s, const Form *r, Node *e)
{
	if (e->op == OP_CONST)          /* all weights add up to 1 */
		return form_scale(c, -2 * e->k, r, 2 * e->k);
	const Form *x = map_node(c, replace_there(c->g, e, NULL));
	return form_scale(c, 2, head_mean(c, s, form_set_bos(c, x, 0)), 0);
}

/* [S >= t] for each t in lo+1..hi; NULL after an error. */
static const Form **
thresholds(Circuit *c, Node *n)
{
	Node *e = n->arg[0];
	int64_t lo = n->type.lo, hi = n->type.hi;
	int64_t most = -e->type.lo > e->type.hi ? -e->type.lo : e->type.hi;

	if (side(e) & ON_HERE) {
		refuse(c, n, "a sum of what also depends on this position is not built yet");
		return NULL;
	}
	if (hi - lo > MAX_THRESHOLDS || !margin_holds(c, most, e->op == OP_CONST)) {
		refuse(c, n, "this sum can take %lld values over a context of %d, more than can be told apart exactly",
		       (long long)(hi - lo + 1), c->g->context);
		return NULL;
	}
	const Select *s = select_all(c, n);
	if (!s)
		return NULL;
	const Form *r = head_mean(c, s, c->is_bos), *twice = twice_sum(c, s, r, e);
	const Form **flag = arena_alloc(c->arena, sizeof *flag * (size_t)(hi - lo + 1));
	int64_t scale = 2 * (int64_t)c->places;
	for (int64_t t = lo + 1; t <= hi; t++) {
		const Form *below = form_add(c, scale * (2 * t - 1), r, -scale, twice, 0);
		flag[t - lo - 1] = snap(c, relu(c, below));
	}
	return flag;
}

const Form *
map_sum(Circuit *c, Node *n)
{
	const Form **flag = thresholds(c, n), *sum = form_const(c, n->type.lo);

	for (int64_t t = n->type.lo + 1; flag && t <= n->type.hi; t++)
		sum = form_add(c, 1, sum, 1, flag[t - n->type.lo - 1], 0);
	return flag ? sum : NULL;
}

const Form *
table_of_sum(Circuit *c, Node *n, const int64_t *y)
{
	Node *all, *mine;

	if (sum_before(c->g, n, &all, &mine))   /* a difference, with no thresholds of its own */
		return staircase(c, map_node(c, n), n->type.nset, n->type.set, y);
	const Form **flag = thresholds(c, n), *f = form_const(c, y[0]);
	for (int i = 1; flag && i < n->type.nset; i++) {
		/* values that never occur change nothing: the step may be at any of them */
		int64_t t = n->type.set[i];
		f = form_add(c, 1, f, y[i] - y[i - 1], flag[t - n->type.lo - 1], 0);
	}
	return flag ? f : form_const(c, y[0]);
}
