/* Sums over positions, exact at every length.
 *
 * A head that gives equal weight to all matches and <bos> reads, with 1 as the value
 * of <bos> and 0 of all others, r = 1/(n + 1), n the number of matches: a fraction,
 * rounded. Any function y of n is a broken line in r, with a bend at each 1/(k + 1)
 * where one is needed: its coefficients are integers, and what it comes to, x, is
 * y(n) but for an error E that is reckoned here. One neuron makes an integer of it:
 *
 *     relu(x + M) - M,  M a power of two     rounds to the multiples of M / 2^23
 *
 * since a float of the size of M has no finer ones; the nearest is y(n) itself, as E
 * is below half of that. So a count, or a function of one, stands in two columns.
 *
 * A sum S of other values reads S*r beside r, and reaches t just where
 * (2t-1) r - 2 S r is below 0, by r or more either way; r is at least 1/places. So
 * with s = 2 * places
 *
 *     u = relu(s * ((2t-1) r - 2 S r))     is 0, or at least 2 but for rounding
 *     relu(1 - u)                          is exactly [S >= t]
 *
 * and any function of S is a sum of those. No slope is fixed in advance: all this
 * is proved from the context, or refused. */

#include "backend/circuit.h"

#include <stdlib.h>
#include <string.h>

enum {
	MAX_THRESHOLDS = 1024,
	MAX_LINES = 2,          /* counts that a sum is put together of */
	PIVOTS = 16,            /* places tried for the middle of a broken line */
};

static const double unit = 1.0 / EXACT_MAX;     /* half of a float's last place at 1 */

/* The margin of 1 that rounding may use up, in units of 2^-24: each weight is one
 * exponential, one sum and one division, each product and each addition one more
 * rounding; near the threshold the terms are of the size of what is added. */
static bool
margin_holds(const Circuit *c, int64_t most, bool counts)
{
	double roundings = counts ? 40 : 2.0 * c->places + 40;

	return 2.0 * c->places * roundings * (double)most < 0.9 * EXACT_MAX;
}

/* ---- a function of one count, as a broken line ---- */

/* What rounding may do to a sum of neurons, in units. */
typedef struct Error {
	double each;            /* to the neurons, by their weights */
	double most;            /* their absolute values, by their weights: what a rounded addition spoils */
	int terms;              /* how many are not 0 at once */
} Error;

static double
error_of(const Error *e)
{
	return (e->each + (e->terms + 4) * e->most) * unit;
}

/* The weight of the bend at k, from the pivot outwards: relu((k+1) r - 1) where fewer
 * match than at the pivot, relu(1 - (k+1) r) where more do. At the pivot there are both. */
static int64_t
bend(const int64_t *y, int n, int pivot, int k, bool fewer)
{
	int64_t down = k > 0 ? (y[k - 1] - y[k]) * k : 0, up = k < n ? (y[k + 1] - y[k]) * (k + 2) : 0;

	if (k == pivot)
		return fewer ? down : up;
	return (fewer ? k < pivot && k > 0 : k > pivot && k < n) ? down + up : 0;
}

static Error
line_error(const int64_t *y, int n, int pivot)
{
	Error worst = { 0 };

	for (int at = 0; at <= n; at++) {
		Error e = { 0 };
		bool fewer = at < pivot;
		int from = fewer ? at : pivot, to = fewer ? pivot : at;
		for (int k = from; k <= to; k++) {
			double w = (double)llabs(bend(y, n, pivot, k, fewer)), u = llabs(k - at) / (at + 1.0);
			e.each += 4 * w * (u + 1);
			e.most += w * u;
			e.terms += w != 0;
		}
		if (error_of(&e) > error_of(&worst))
			worst = e;
	}
	return worst;
}

static int
best_pivot(const int64_t *y, int n, Error *least)
{
	int best = 0;

	*least = line_error(y, n, 0);
	for (int i = 1; i < PIVOTS; i++) {
		int pivot = (int)((int64_t)n * i * i / ((PIVOTS - 1) * (PIVOTS - 1)));
		Error e = line_error(y, n, pivot);
		if (error_of(&e) < error_of(least)) {
			*least = e;
			best = pivot;
		}
	}
	return best;
}

/* y[0..n] of the count behind r, not yet rounded. */
static const Form *
broken_line(Circuit *c, const Form *r, int n, const int64_t *y, Error *e)
{
	int pivot = best_pivot(y, n, e);
	const Form *sum = form_const(c, y[pivot]);

	for (int fewer = 0; fewer < 2; fewer++) {
		int sign = fewer ? 1 : -1;
		for (int k = 0; k <= n; k++) {
			int64_t w = bend(y, n, pivot, k, fewer);
			if (w)
				sum = form_add(c, 1, sum, w, relu(c, form_scale(c, sign * (k + 1), r, -sign)), 0);
		}
	}
	return sum;
}

/* f, which is an integer in lo..hi but for the error, as that integer; NULL if the
 * error is too large. */
static const Form *
rounded(Circuit *c, const Form *f, int64_t lo, int64_t hi, const Error *e)
{
	int64_t lift = 1 << 12;

	/* twice the room that is needed: half of a last place at lift */
	while (lift < 1 << 22 && (2 * (hi - lo) >= lift || 4 * error_of(e) * EXACT_MAX > (double)lift))
		lift *= 2;
	if (2 * (hi - lo) >= lift || 4 * error_of(e) * EXACT_MAX > (double)lift)
		return NULL;
	return round_near(c, f, lo, hi, lift);
}

/* ---- what is counted ---- */

/* The sum as times[i] * the number of matches of count[i]; how many. */
static int
lines_of(Circuit *c, Node *n, int64_t *times, Node **count)
{
	Graph *g = c->g;
	Node *e = n->arg[0], *one = mk_const(g, 1);
	int lines = 0;

	if (e->op == OP_CONST) {
		times[0] = e->k;
		count[0] = n;
		return 1;
	}
	for (int i = 0; i < e->type.nset; i++) {
		int64_t v = e->type.set[i];
		if (!v)
			continue;
		if (lines == MAX_LINES)
			return 0;
		Node *eq[2] = { e, mk_const(g, v) };
		Node *both[2] = { mk(g, OP_EQ, n->span, n->file, 2, eq, 0), n->arg[1] };
		Node *arg[2] = { one, mk(g, OP_AND, n->span, n->file, 2, both, 0) };
		times[lines] = v;
		count[lines++] = mk(g, OP_SUM, n->span, n->file, 2, arg, 0);
	}
	return lines;
}

/* The sum by the counts that it is made of; NULL where that is not possible. y: a
 * function of it, by its values from lo on, or NULL for the sum itself. */
static const Form *
by_counts(Circuit *c, Node *n, const int64_t *y)
{
	int64_t times[MAX_LINES], lo = n->type.lo, hi = n->type.hi, least = lo, most = hi;
	Node *count[MAX_LINES];
	Error all = { 0 };
	const Form *sum = form_const(c, 0);
	int lines = side(n->arg[0]) & ON_HERE ? 0 : lines_of(c, n, times, count);

	if (!lines || (y && lines > 1) || hi - lo > MAX_THRESHOLDS)
		return NULL;
	for (int i = 0; i < lines; i++) {
		Node *k = count[i];
		if (k->op != OP_SUM || k->arg[0]->op != OP_CONST)
			return NULL;    /* folded to something simpler */
		int most_k = (int)k->type.hi;
		int64_t *v = arena_alloc(c->arena, sizeof *v * (size_t)(most_k + 1));
		for (int j = 0; j <= most_k; j++) {
			int64_t s = times[i] * j;
			v[j] = !y ? s : y[s < lo ? 0 : s > hi ? hi - lo : s - lo];
			least = v[j] < least || (y && !j) ? v[j] : least;
			most = v[j] > most || (y && !j) ? v[j] : most;
		}
		const Select *s = select_all(c, k);
		if (!s)
			return NULL;
		Error e;
		const Form *line = broken_line(c, head_mean(c, s, c->is_bos), most_k, v, &e);
		sum = form_add(c, 1, sum, 1, line, 0);
		all = (Error){ all.each + e.each, all.most + e.most, all.terms + e.terms };
	}
	return rounded(c, sum, least, most, &all);
}

/* ---- thresholds of a sum ---- */

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
	const Form *counted = by_counts(c, n, NULL);

	if (counted)
		return counted;
	const Form **flag = thresholds(c, n), *sum = form_const(c, n->type.lo);

	for (int64_t t = n->type.lo + 1; flag && t <= n->type.hi; t++)
		sum = form_add(c, 1, sum, 1, flag[t - n->type.lo - 1], 0);
	return flag ? sum : NULL;
}

const Form *
table_of_sum(Circuit *c, Node *n, const int64_t *y)
{
	Node *all, *mine;
	const Form *counted;

	if (sum_before(c->g, n, &all, &mine))   /* a difference, with no thresholds of its own */
		return staircase(c, map_node(c, n), n->type.nset, n->type.set, y);
	if (n->type.nset == n->type.hi - n->type.lo + 1 && (counted = by_counts(c, n, y)))
		return counted;
	const Form **flag = thresholds(c, n), *f = form_const(c, y[0]);
	for (int i = 1; flag && i < n->type.nset; i++) {
		/* values that never occur change nothing: the step may be at any of them */
		int64_t t = n->type.set[i];
		f = form_add(c, 1, f, y[i] - y[i - 1], flag[t - n->type.lo - 1], 0);
	}
	return flag ? f : form_const(c, y[0]);
}
