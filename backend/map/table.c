/* Large tables, by two digits of the index.
 *
 *     y[f], f = b * high + low         [f >= b], [f >= 2b], ...        one layer
 *                                      low = f - b * (how many hold)
 *
 * A broken line through n values that go up and down takes n neurons, and terms that grow with n
 * and with the values. By two digits it takes some 4 sqrt(n), a layer later: where `low` is j the
 * value is a sum over the thresholds, y[j] + sum of (y[kb + j] - y[(k-1)b + j]) [f >= kb], and
 * these sums are picked from by `low`, as by any index (pick_telescoped in map.c):
 *
 *     sum over j of  relu(M (low - j) + at(j)) - relu(M (low - j) + at(j - 1))
 *
 * A value that is the same at j and at j - 1, whatever the high digit, takes no neuron; so for
 * the table of a quotient b is a multiple of the divisor. What is too large for that is looked up
 * in two parts, y = v * part + rest. */

#include "backend/map/map.h"

#include <stdlib.h>

enum {
	MANY_SIZES = 2048, /* of a block that are tried, where the table is not too long for that */
	TRIED_MOST = 1 << 24,
};

typedef struct BigTable {
	Circuit *c;
	const Form *f; /* the index, */
	int64_t first; /* first .. first + n - 1 */
	int n;
	const int64_t *y;
} BigTable;

/* The last value stands for what does not occur. */
static int64_t
table_value(const BigTable *t, int i)
{
	return t->y[min_int(i, t->n - 1)];
}

/* Neurons by two digits with blocks of b values. */
static int
neurons_by_blocks(const BigTable *t, int b)
{
	int n = 2 * ((t->n - 1) / b);

	for (int j = 1; j < b; j++) {
		bool same = true;
		for (int i = j; same && i < t->n; i += b)
			same = table_value(t, i) == table_value(t, i - 1);
		n += same ? 0 : 2;
	}
	return n;
}

/* The size of a block for which neurons are fewest. */
static int
best_block(const BigTable *t, int *neurons)
{
	int root = 2, best = 0;

	while (root * root < t->n)
		root++;
	int least = max_int(2, root / 8), most = min_int(8 * root, t->n / 2);
	int step = 1 + (int)((int64_t)(most - least) * t->n / TRIED_MOST);
	*neurons = INT32_MAX;
	for (int b = least; b <= most; b += step) {
		int n = neurons_by_blocks(t, b);
		best = n < *neurons ? b : best;
		*neurons = min_int(n, *neurons);
	}
	return best;
}

/* [f >= first + b], [f >= first + 2b], …, and what is left of f beside them. */
static const Form *
split_index(const BigTable *t, int b, int blocks, const Form **high)
{
	int64_t *minus = NEWS(t->c->arena, int64_t, blocks);

	for (int k = 1; k < blocks; k++) {
		high[k - 1] = threshold(t->c, t->f, t->first + (int64_t)k * b);
		minus[k - 1] = -b;
	}
	const Form *sum = form_sum(t->c, blocks - 1, high, minus);
	return form_within(t->c, form_add(t->c, 1, t->f, 1, sum, -t->first), 0, b - 1);
}

/* The value where the low digit is j, by the thresholds of the high one. */
static const Form *
value_at_low(const BigTable *t, int b, int blocks, const Form *const *high, int j)
{
	int64_t *jump = NEWS(t->c->arena, int64_t, blocks), lo = table_value(t, j), hi = lo;

	for (int k = 1; k < blocks; k++) {
		int64_t v = table_value(t, k * b + j);
		jump[k - 1] = v - table_value(t, (k - 1) * b + j);
		lo = min_int64(v, lo);
		hi = max_int64(v, hi);
	}
	const Form *sum = form_sum(t->c, blocks - 1, high, jump);
	return form_within(t->c, form_scale(t->c, 1, sum, table_value(t, j)), lo, hi);
}

static void
table_range(const BigTable *t, int64_t *lo, int64_t *hi)
{
	*lo = *hi = t->y[0];
	for (int i = 1; i < t->n; i++) {
		*lo = min_int64(t->y[i], *lo);
		*hi = max_int64(t->y[i], *hi);
	}
}

static const Form *
by_blocks(const BigTable *t, int b)
{
	Circuit *c = t->c;
	int blocks = (t->n + b - 1) / b;
	const Form **high = NEWS(c->arena, const Form *, blocks);
	const Form *low = split_index(t, b, blocks, high);
	int64_t lo, hi;

	table_range(t, &lo, &hi);
	int64_t m = hi - lo;
	if (4.0 * (double)m * (double)t->n >= EXACT_MAX) {
		low = materialized(c, low);
		for (int k = 0; k < blocks - 1; k++)
			high[k] = materialized(c, high[k]);
	}
	const Form *before = value_at_low(t, b, blocks, high, 0), *sum = before;
	for (int j = 1; j < b; j++) {
		const Form *at = value_at_low(t, b, blocks, high, j);
		const Form *now = relu(c, form_add(c, m, low, 1, at, -m * j - lo));
		const Form *then = relu(c, form_add(c, m, low, 1, before, -m * j - lo));
		sum = form_add(c, 1, sum, 1, form_add(c, 1, now, -1, then, 0), 0);
		before = at;
	}
	Form *whole = NEW(c->arena, Form); /* no operands: it stands as one */
	*whole = *form_within(c, sum, lo, hi);
	whole->of[0] = whole->of[1] = NULL;
	return whole;
}

/* What is picked adds up to 2 m n at most on the way into its column. */
static bool
fits_column(const BigTable *t, int64_t m)
{
	return 2.0 * (double)m * (double)t->n < EXACT_MAX / 2;
}

/* y = v * part + rest, each of them small enough for one column. */
static const Form *
by_parts(const BigTable *t, int64_t lo, int64_t hi)
{
	int64_t v = 2, *part = NEWS(t->c->arena, int64_t, t->n),
		*rest = NEWS(t->c->arena, int64_t, t->n);
	BigTable of[2] = { *t, *t };

	while (v * v <= hi - lo)
		v++;
	for (int i = 0; i < t->n; i++) {
		part[i] = (t->y[i] - lo) / v;
		rest[i] = (t->y[i] - lo) % v;
	}
	of[0].y = part;
	of[1].y = rest;
	if (!fits_column(t, v))
		return NULL;
	int neurons;
	const Form *p = materialized(t->c, by_blocks(&of[0], best_block(&of[0], &neurons)));
	const Form *r = materialized(t->c, by_blocks(&of[1], best_block(&of[1], &neurons)));
	return form_within(t->c, form_add(t->c, v, p, 1, r, lo), lo, hi);
}

const Form *
map_big_table(Circuit *c, const Form *f, int64_t first, int n, const int64_t *y, int bends)
{
	BigTable t = { c, f, first, n, y };
	int64_t lo, hi;
	int neurons, b = best_block(&t, &neurons);

	if (!b || neurons >= bends)
		return NULL;
	table_range(&t, &lo, &hi);
	return fits_column(&t, hi - lo) ? by_blocks(&t, b) : by_parts(&t, lo, hi);
}
