/* Counts over long texts, exact up to LONG_COUNT_MAX positions.
 *
 * A head gives the n matches and <bos> equal weight and fetches r = 1/(n + 1). Whether n is at
 * least t is known from it at any length:
 *
 *     u = relu(s ((2t + 1) r - 2))     s a power of two. With m = n + 1 this is s (2t + 1 - 2m)/m:
 *                                      s/t or more where n < t, and below 0 elsewhere
 *     relu(1 - u)                      is exactly [n >= t]
 *
 * The proof is a margin, in place of a bound of absolute terms. Every number of the sum is off by
 * rounding, and the sum of the largest terms, which are near 2 s where n is near t, by ROUNDINGS
 * 2 s 2^-24 at most: r is one division, or a reciprocal that errs by two more; what is made of it
 * below takes two products and three sums. The sign is right while (2 s) ROUNDINGS 2^-24 is below
 * s / (t + 1); s is chosen so that u is 1 at least where it is not 0. Farther from t, where terms
 * are larger, u grows faster than they do. So such a neuron (Atom.margin) is 0, or at least 1,
 * and 1 - u is read by a ReLU alone.
 *
 * The number itself goes by digits of mixed base, the highest first. With the thresholds
 * t = 0, b, 2b … of the highest digit of n, and `outside` the sum of a neuron like u and
 * one of the opposite sign, for t + b,
 *
 *     outside(t)                is 0 where n is in t .. t + b - 1, else at least 1
 *     relu(r - outside(t))      is r itself there, else 0
 *     g = sum of (2t + 1) that  is (2t + 1) r for the t of this n
 *     s (g + 2 j r - 2)         asks whether n is at least t + j
 *
 * so the next digit takes two layers more, and as many neurons for all t as for one. n is the
 * sum of relu(1 - outside(t)) t and of all [n >= t + j]. A function of the lowest digit, as the
 * parity is if its base is even, is as free.
 *
 * Of two counts a > b just where 1/(a + 1) < 1/(b + 1), and equal counts have equal r. */

#include "backend/attend/attend.h"
#include "backend/map/map.h"
#include "lang/int_division.h"

#include <stdlib.h>

enum {
	SHORT_COUNT = 1024,       /* up to here a broken line is smaller (counting.c) */
	LONG_COUNT_MAX = 1030000, /* for which scale_for() has room */
	ROUNDINGS = 8,
	FEW_NEURONS = 1024, /* which a count may take to be two layers earlier */
	FEW_THRESHOLDS = 64,
	LEVELS_MAX = 3,
	BASE_MAX = 4096,
};

bool
is_long_count(Circuit *c, const Node *n)
{
	Node *all, *mine, *cases[2];

	return n->op == OP_SUM && n->arg[0]->op == OP_CONST && n->arg[0]->k == 1
	       && n->type.hi > SHORT_COUNT && n->type.hi <= LONG_COUNT_MAX
	       && !sum_before(c->g, n, &all, &mine) && !two_cases(c, n->arg[1], cases);
}

/* s for the threshold t: so that s (1 / (t + 1) - ROUNDINGS 2^-23) is 1 at least. */
static int64_t
scale_for(int64_t t)
{
	double margin = 1 / ((double)t + 1) - 1.01 * 2 * ROUNDINGS * ONE_ROUNDING;
	int64_t s = 1;

	while ((double)s * margin < 1)
		s *= 2;
	return s;
}

/* relu of a sum of rounded fractions, with the proof above. */
static const Form *
margin_neuron(Circuit *c, const Form *in)
{
	const Form *u = relu(c, in);

	if (u->n == 1 && u->term[0].atom->kind == NEURON)
		u->term[0].atom->margin = true;
	return u;
}

/* 1/(n + 1); NULL after an error. */
static const Form *
count_reciprocal(Circuit *c, Node *count)
{
	const Lookup *s = lookup_for_sum(c, count);

	return s ? head_mean(c, s, c->is_bos) : NULL;
}

/* Not 0 where n < t, given g = (2t' + 1) r and j = t - t'. */
static const Form *
flag_below(Circuit *c, const Form *g, const Form *r, int64_t j, int64_t t, int sign)
{
	int64_t s = sign * scale_for(t);

	return margin_neuron(c, form_add(c, s, g, 2 * s * j, r, -2 * s));
}

/* 1 where n >= t. */
static const Form *
reaches(Circuit *c, const Form *r, int64_t t)
{
	return exact_flag(c, flag_below(c, r, r, t, t, 1));
}

const Form *
long_count_reaches(Circuit *c, Node *count, int64_t t)
{
	if (t <= count->type.lo)
		return form_const(c, 1);
	if (t > count->type.hi)
		return form_const(c, 0);
	const Form *r = count_reciprocal(c, count);
	return r ? reaches(c, r, t) : NULL;
}

/* Not 0 where a > b: the difference of the two fractions, each of which is off by 4 roundings at
 * most. */
static const Form *
excess(Circuit *c, Node *a, Node *b)
{
	int64_t most = max_int64(a->type.hi, b->type.hi) + 2, s = 1;
	const Form *ra = count_reciprocal(c, a), *rb = count_reciprocal(c, b);

	while ((double)s / ((double)most * (double)most) < 4)
		s *= 2;
	return ra && rb ? margin_neuron(c, form_add(c, s, rb, -s, ra, 0)) : NULL;
}

const Form *
long_count_exceeds(Circuit *c, Node *a, Node *b)
{
	const Form *u = excess(c, a, b);

	return u ? form_scale(c, -1, exact_flag(c, u), 1) : NULL;
}

const Form *
long_counts_equal(Circuit *c, Node *a, Node *b)
{
	const Form *u = excess(c, a, b), *v = excess(c, b, a);

	return u && v ? exact_flag(c, form_add(c, 1, u, 1, v, 0)) : NULL;
}

/* ---- the number ---- */

/* A count by digits. The flags of a digit are, from 1 on, [the digit is j or more]; or, where
 * `one_hot`, from 0 on, [it is j]: those take half the columns, but their terms add up to more. */
typedef struct CountDigits {
	int levels;
	int64_t unit[LEVELS_MAX]; /* of a digit; the last is 1 */
	int digits[LEVELS_MAX];   /* values of it */
	bool one_hot[LEVELS_MAX];
	const Form **flag[LEVELS_MAX];
} CountDigits;

static int64_t
root_above(int64_t x, int of)
{
	int64_t b = 1;

	while ((of == 2 ? b * b : b * b * b) < x)
		b++;
	return b;
}

/* Two levels where they are small enough, or it is asked for speed; the last digit a multiple of
 * `multiple`. The neurons of a high digit are four for each value, those of the last two. Of the
 * last digit alone columns are fewest where digits have as many values, since they take turns. */
static CountDigits
choose_digits(const Circuit *c, int64_t most, int64_t multiple, bool whole)
{
	CountDigits d = { .levels = 2 };
	int64_t values = most + 1, high = root_above((values + 1) / 2, 2);

	if (8 * high > FEW_NEURONS || c->effort.patient) {
		d.levels = 3;
		high = root_above(whole ? (values + 1) / 2 : values, 3);
	}
	int64_t rest = d.levels == 2 ? high : high * high, low = (values + rest - 1) / rest;
	low = (low + multiple - 1) / multiple * multiple;
	d.unit[d.levels - 1] = 1;
	d.digits[d.levels - 1] = (int)low;
	d.unit[d.levels - 2] = low;
	if (d.levels == 3) {
		d.digits[1] = (int)high;
		d.unit[0] = low * high;
	}
	d.digits[0] = (int)((values + d.unit[0] - 1) / d.unit[0]);
	return d;
}

/* The sum of forms times numbers, which stands alone in its column. */
static const Form *
near_sum_of(Circuit *c, int n, const Form **f, const int64_t *by)
{
	Form *sum = NEW(c->arena, Form);

	*sum = *form_sum(c, n, f, by);
	sum->near = true;
	return sum;
}

/* Not 0 unless a digit is j: unless n >= j unit, and below (j + 1) unit, counted from the block
 * that g is of. Makes its flag too. */
static const Form *
outside_digit(Circuit *c, CountDigits *d, int level, int j, const Form *g, const Form *r,
              int64_t most)
{
	const Form *side_of[2];
	int n = 0;

	if (j)
		side_of[n++] = flag_below(c, g, r, j * d->unit[level], most, 1);
	if (j && !d->one_hot[level])
		d->flag[level][j] = exact_flag(c, side_of[0]);
	if (j + 1 < d->digits[level])
		side_of[n++] = flag_below(c, g, r, (j + 1) * d->unit[level], most, -1);
	if (!d->one_hot[level])
		return n == 1 ? side_of[0] : form_add(c, 1, side_of[0], 1, side_of[1], 0);
	const Form *outside = near_sum_of(c, n, side_of, (int64_t[]){ 1, 1 });
	d->flag[level][j] = exact_flag(c, outside);
	return outside;
}

/* A digit that is not the last. Gives g of the block that n is in. */
static const Form *
high_digit(Circuit *c, CountDigits *d, int level, const Form *g, const Form *r, int64_t most)
{
	int n = d->digits[level], terms = 0;
	const Form **term = NEWS(c->arena, const Form *, n + 1);
	int64_t *by = NEWS(c->arena, int64_t, n + 1);

	if (level) { /* (2t + 1) r of the block before, and 2 j unit r more */
		term[0] = g;
		by[terms++] = 1;
	}
	for (int j = 0; j < n; j++) {
		const Form *outside = outside_digit(c, d, level, j, g, r, most);
		if (level && !j)
			continue;
		term[terms] = margin_neuron(c, form_add(c, 1, r, -1, outside, 0));
		by[terms++] = 2 * j * d->unit[level] + !level;
	}
	return near_sum_of(c, terms, term, by);
}

/* `whole`: the high digits too. False after an error. */
static bool
find_count_digits(Circuit *c, Node *count, int64_t multiple, bool whole, CountDigits *d)
{
	const Form *r = count_reciprocal(c, count), *g = r;
	int64_t most = count->type.hi;

	if (!r)
		return false;
	*d = choose_digits(c, most, multiple, whole);
	for (int level = 0; level < d->levels; level++) {
		int64_t values = d->digits[level];
		d->flag[level] = NEWS(c->arena, const Form *, values + 1);
		d->one_hot[level] = !whole || values * values / 4 * d->unit[level] < EXACT_MAX / 16;
	}
	for (int level = 0; level + 1 < d->levels; level++)
		g = high_digit(c, d, level, g, r, most);
	int last = d->levels - 1;
	for (int j = 1; j < d->digits[last]; j++)
		d->flag[last][j] = exact_flag(c, flag_below(c, g, r, j, most, 1));
	return true;
}

/* y of the last digit. */
static const Form *
function_of_last(Circuit *c, const CountDigits *d, const int64_t *y)
{
	int last = d->levels - 1, n = d->digits[last];
	const Form *f = form_const(c, y[0]);

	for (int j = 1; j < n; j++)
		if (y[j] != y[j - 1])
			f = form_add(c, 1, f, y[j] - y[j - 1], d->flag[last][j], 0);
	return f;
}

/* What the digits but the last are worth, over `by`, which divides it. One flag of a digit is 1,
 * so they may count from the middle. */
static const Form *
high_part(Circuit *c, const CountDigits *d, int64_t by)
{
	const Form *f = form_const(c, 0);

	for (int level = 0; level + 1 < d->levels; level++) {
		int64_t worth = d->unit[level] / by, middle = d->digits[level] / 2;
		bool one_hot = d->one_hot[level];
		for (int j = !one_hot; j < d->digits[level]; j++)
			f = form_add(c, 1, f, one_hot ? (j - middle) * worth : worth,
			             d->flag[level][j], 0);
		f = form_scale(c, 1, f, one_hot ? middle * worth : 0);
	}
	return f;
}

/* (j + add) // by or % by of the last digit j. NULL after an error. */
static const Form *
divided_last_digit(Circuit *c, Op op, Node *count, int64_t add, int64_t by, CountDigits *d)
{
	if (!find_count_digits(c, count, by, op == OP_DIV, d))
		return NULL;
	int n = d->digits[d->levels - 1];
	int64_t *y = NEWS(c->arena, int64_t, n + 1);
	for (int j = 0; j < n; j++) {
		int64_t quotient = floor_div(j + add, by);
		y[j] = op == OP_DIV ? quotient : j + add - by * quotient;
	}
	return function_of_last(c, d, y);
}

/* (n + add) // by; by = 1: the count itself. */
static const Form *
long_count_quotient(Circuit *c, Node *count, int64_t add, int64_t by)
{
	CountDigits d;
	const Form *low = divided_last_digit(c, OP_DIV, count, add, by, &d);

	return low ? form_within(c, form_add(c, 1, high_part(c, &d, by), 1, low, 0),
	                         floor_div(count->type.lo + add, by),
	                         floor_div(count->type.hi + add, by))
	           : NULL;
}

/* (n + add) % by. */
static const Form *
long_count_rest(Circuit *c, Node *count, int64_t add, int64_t by)
{
	CountDigits d;
	const Form *low = divided_last_digit(c, OP_MOD, count, add, by, &d);

	return low ? form_within(c, low, 0, by - 1) : NULL;
}

const Form *
map_long_count(Circuit *c, Node *count)
{
	return long_count_quotient(c, count, 0, 1);
}

/* min(n, most), for few values. */
static const Form *
capped_count(Circuit *c, Node *count, int64_t most)
{
	const Form *f = form_const(c, count->type.lo);

	if (most - count->type.lo > FEW_THRESHOLDS)
		return NULL;
	for (int64_t t = count->type.lo + 1; t <= most; t++) {
		const Form *flag = long_count_reaches(c, count, t);
		if (!flag)
			return NULL;
		f = form_add(c, 1, f, 1, flag, 0);
	}
	return f;
}

/* The operators below, of a count x and a number or another count y. */
static const Form *
compare_long_count(Circuit *c, Op op, Node *x, Node *y, bool counted_x, bool counted_y)
{
	if (counted_x && counted_y)
		return op == OP_EQ   ? long_counts_equal(c, x, y)
		       : op == OP_LT ? long_count_exceeds(c, y, x)
		                     : NULL;
	Node *count = counted_x ? x : y, *other = counted_x ? y : x;
	if (other->op != OP_CONST || (op != OP_EQ && op != OP_LT))
		return NULL;
	bool less = op == OP_LT && counted_x;
	const Form *up = long_count_reaches(c, count, other->k + (op == OP_LT && !counted_x));
	if (!up || op == OP_LT)
		return !up || !less ? up : form_scale(c, -1, up, 1);
	const Form *over = long_count_reaches(c, count, other->k + 1);
	return over ? form_within(c, form_add(c, 1, up, -1, over, 0), 0, 1) : NULL;
}

/* (count + a number) divided by a number. */
static const Form *
divided_long_count(Circuit *c, Node *n)
{
	Node *x = n->arg[0], *by = n->arg[1];
	int64_t add = 0;

	if ((x->op == OP_ADD || x->op == OP_SUB) && x->arg[1]->op == OP_CONST) {
		add = x->op == OP_ADD ? x->arg[1]->k : -x->arg[1]->k;
		x = x->arg[0];
	}
	if (!is_long_count(c, x) || by->op != OP_CONST || by->k < 1 || by->k > BASE_MAX
	    || llabs(add) > EXACT_MAX)
		return NULL;
	return n->op == OP_DIV ? long_count_quotient(c, x, add, by->k)
	                       : long_count_rest(c, x, add, by->k);
}

const Form *
map_of_long_count(Circuit *c, Node *n)
{
	if (n->narg != 2 || n->type.real || n->arg[0]->type.real)
		return NULL;
	Node *x = n->arg[0], *y = n->arg[1];
	if (n->op == OP_DIV || n->op == OP_MOD)
		return divided_long_count(c, n);
	bool counted_x = is_long_count(c, x), counted_y = is_long_count(c, y);
	if (n->op == OP_LT && y->op == OP_SUB && x->op == OP_CONST && !x->k) /* 0 < a - b */
		return is_long_count(c, y->arg[0]) && is_long_count(c, y->arg[1])
		               ? long_count_exceeds(c, y->arg[0], y->arg[1])
		               : NULL;
	if (!counted_x && !counted_y)
		return NULL;
	Node *other = counted_x ? y : x;
	if (n->op == OP_MIN && other->op == OP_CONST)
		return capped_count(c, counted_x ? x : y, other->k);
	return compare_long_count(c, n->op, x, y, counted_x, counted_y);
}

/* A function of few steps; NULL where it has more. y by the values of the count that can be. */
const Form *
table_of_long_count(Circuit *c, Node *count, const int64_t *y)
{
	const Type *t = &count->type;
	const Form *f = form_const(c, y[0]);
	int steps = 0;

	for (int i = 1; i < t->nset; i++)
		steps += y[i] != y[i - 1];
	if (steps > FEW_THRESHOLDS)
		return NULL;
	for (int i = 1; i < t->nset; i++) {
		if (y[i] == y[i - 1])
			continue;
		const Form *flag = long_count_reaches(c, count, t->set[i]);
		if (!flag)
			return NULL;
		f = form_add(c, 1, f, y[i] - y[i - 1], flag, 0);
	}
	return f;
}
