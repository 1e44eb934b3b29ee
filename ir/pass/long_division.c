/* Quotients and remainders of many values, digit by digit, as in long division.
 *
 * A quotient by a constant is a staircase, a step for each multiple, in one layer. One of too many
 * steps, or of steps whose terms would be too large, is made of two, where M is a multiple of m:
 *
 *     x // m  =  (x // M) * (M // m) + (x % M) // m
 *
 * The steps of x // M are as many as stay exact; what is left of x is small, so the next digit may
 * have many more. M is t 10^k for all m that are powers of ten, and so for others, so that the
 * digits of one number share their steps.
 *
 * A sum too long for a float, in which single terms are large, is divided where these are two
 * digits each, x = B high + low:
 *
 *     (45 x + 30 y) // 100  =  (45 x' + 30 y') * (B // 100) + (45 x" + 30 y") // 100
 *
 * By a stream b a digit of the quotient is found as by hand, w being the weight of the digit and
 * r what was left so far, all comparisons of one digit at once:
 *
 *     digit  =  [r >= w b] + [r >= 2 w b] + ...,     r' = r - w b digit
 *
 * where what is more than r can be is cut off first, b to r / (k w) + 1, so that all stays small.
 *
 * Where m is too large for that, B divides it, and the sum of the low digits carries into that of
 * the high ones; so, too, where a sum is compared with 0. */

#include "ir/internal.h"
#include "lang/int_division.h"

#include <stdlib.h>

enum {
	FEW_STEPS = 16,        /* are taken at once in any case */
	DIGIT_STEPS = 256,     /* of a digit that leaves a remainder, at most */
	STEP_TERMS = 1 << 25,  /* what its steps may add up to, in about two columns */
	WORTH_A_DIGIT = 4,     /* steps */
	REST_MOST = 1 << 20,   /* of the low digits of a sum */
	RADIX_MOST = 16,       /* of a quotient by a stream: */
	LEFT_TERMS = 1 << 23,  /* what is left is so much by its terms; */
	QUOTIENTS_MOST = 1024, /* where it, or it and its divisor, has more values than these, */
	CASES_MOST = 64 /* and no operand so few that it is an index (backend/map/division.c) */
};

/* What larger divisors are m times a power of: b where m is a power of b, the least such, or else
 * 10 or 2 where it is a multiple of that, or else m. */
static int64_t
base_of(int64_t m)
{
	for (int64_t b = 2; b * b <= m && b < 1 << 16; b++) {
		int64_t rest = m;
		while (rest % b == 0)
			rest /= b;
		if (rest == 1)
			return b;
	}
	return m % 10 == 0 ? 10 : m % 2 == 0 ? 2 : m;
}

/* The larger divisor by which x by m is computed first, m times powers of the base, and more; m
 * where it needs none. */
static int64_t
first_divisor(const Node *x, int64_t m, int64_t base)
{
	int64_t range = x->type.hi - x->type.lo;

	if (range / m < FEW_STEPS)
		return m;
	int64_t most = max_int64(1, min_int64(DIGIT_STEPS, STEP_TERMS / range));
	int64_t first = m, unit = m;
	while (range / first > most)
		first *= base;
	if (range / first >= WORTH_A_DIGIT)
		return first;
	for (first = m; range / first > most; unit = first == base * unit ? first : unit)
		first += unit;
	return first;
}

/* x // m or x % m, computed of sums that are exact. */
static Node *
divided(const Builder *at, Op op, Node *x, int64_t m)
{
	return lookahead_node(at->g, mk2(at, op, x, mk_const(at->g, m)), NULL);
}

static Node *
plus_times(const Builder *at, Node *x, int64_t by, Node *y)
{
	return mk2(at, OP_ADD, x, mk_times(at, y, by));
}

/* Of a sum that is exact as a whole; NULL where one step does. */
static Node *
divided_by_digits(const Builder *at, Op op, Node *x, int64_t m, int64_t base)
{
	int64_t first = first_divisor(x, m, base);

	if (first == m)
		return NULL;
	Node *low = divided(at, op, divided(at, OP_MOD, x, first), m);
	return op == OP_MOD ? low : plus_times(at, low, first / m, divided(at, OP_DIV, x, first));
}

/* The sum of the absolute coefficients. */
static double
sum_of_coefficients(const Affine *a)
{
	double sum = 0;

	for (int i = 0; i < a->n; i++)
		sum += (double)llabs(a->term[i].c);
	return sum;
}

/* By what terms are split, at most `most`: m times a power of the base, and more, or else a divisor
 * of m; 0: none. */
static int64_t
base_of_digits(int64_t m, int64_t base, int64_t most)
{
	int64_t b = m;

	if (m <= most) {
		while (b <= most / base)
			b *= base;
		return most / b * b;
	}
	for (b = most; b > 1; b--)
		if (m % b == 0)
			return b;
	return 0;
}

/* The high digits to the base b, as a sum, and the low ones with the constant. False where nothing
 * has two digits. */
static bool
split_terms(const Builder *at, const Affine *a, int64_t b, Node **high, Node **low)
{
	bool any = false;

	*high = mk_const(at->g, floor_div(a->c, b));
	*low = mk_const(at->g, a->c - b * floor_div(a->c, b));
	for (int i = 0; i < a->n; i++) {
		Node *x = (Node *)a->term[i].n;
		int64_t c = a->term[i].c;
		if (c % b == 0) {
			*high = plus_times(at, *high, c / b, x);
			continue;
		}
		if (x->type.lo >= 0 && x->type.hi < b) {
			*low = plus_times(at, *low, c, x);
			continue;
		}
		any = true;
		*high = plus_times(at, *high, c, divided(at, OP_DIV, x, b));
		*low = plus_times(at, *low, c, divided(at, OP_MOD, x, b));
	}
	return any;
}

/* Of a sum that is not exact as a whole; NULL where its terms cannot be split. */
static Node *
divided_by_terms(const Builder *at, const Affine *a, Op op, int64_t m, int64_t base)
{
	int64_t b = base_of_digits(m, base, (int64_t)(REST_MOST / sum_of_coefficients(a)));
	Node *high, *low;

	if (b < 2 || !split_terms(at, a, b, &high, &low))
		return NULL;
	if (b % m == 0) {
		low = divided(at, op, low, m);
		return op == OP_MOD ? low : plus_times(at, low, b / m, high);
	}
	Node *carried = mk2(at, OP_ADD, high, divided(at, OP_DIV, low, b));
	if (op == OP_DIV)
		return divided(at, OP_DIV, carried, m / b);
	return plus_times(at, divided(at, OP_MOD, low, b), b, divided(at, OP_MOD, carried, m / b));
}

/* Of one number x of a third of 2^24 and more, of which a neuron that reads it beside a multiple
 * would not be exact: of x % t, which is read as max(x - t, 0) - max(t - x, 0), where t is above
 * half of x. */
static Node *
divided_by_half(const Builder *at, Op op, Node *x, int64_t m)
{
	int64_t t = (x->type.hi / (2 * m) + 1) * m;

	if (x->type.lo < 0 || t >= EXACT_MAX / 3)
		return NULL;
	Node *zero = mk_const(at->g, 0), *half = mk_const(at->g, t);
	Node *above = mk2(at, OP_MAX, mk2(at, OP_SUB, x, half), zero),
	     *below = mk2(at, OP_MAX, mk2(at, OP_SUB, half, x), zero),
	     *up = mk2(at, OP_LT, mk_const(at->g, t - 1), x);
	Node *low = plus_times(at, mk2(at, OP_SUB, above, below), -t, up);
	low = mk2(at, OP_AS, mk2(at, OP_MOD, x, half), mk2(at, OP_ADD, low, half));
	low = divided(at, op, low, m);
	return op == OP_MOD ? low : plus_times(at, low, t / m, up);
}

/* Takes what all terms and m have in common out of them; the sum as a node. */
static Node *
reduced_sum(const Builder *at, Affine *a, int64_t *m, int64_t *common)
{
	int64_t g = *m;

	for (int i = 0; i < a->n; i++)
		g = gcd(a->term[i].c, g);
	a->c = floor_div(a->c, g);
	Node *sum = mk_const(at->g, a->c);
	for (int i = 0; i < a->n; i++) {
		a->term[i].c /= g;
		sum = plus_times(at, sum, a->term[i].c, (Node *)a->term[i].n);
	}
	*m /= g;
	*common = g;
	return sum;
}

/* (y // d) % m is a difference of two quotients of y, which other digits of y ask for as well. */
static Node *
digit_between(const Builder *at, const Node *n, const Node *quotient)
{
	int64_t m = n->arg[1]->k, d = quotient->arg[1]->k;

	if (m >= VALUE_MAX / d)
		return NULL;
	Node *above = divided(at, OP_DIV, quotient->arg[0], m * d);
	return mk2(at, OP_SUB, n->arg[0], mk_times(at, above, m));
}

/* What the place says alone is in the embedding, by digits where contexts are long; and of a sum
 * over positions the backend finds a quotient before the sum (backend/attend/long_count.c). */
static bool
has_quotients_of_its_own(const Node *n)
{
	bool multiplied = false;

	for (; n->narg == 2 && n->arg[1]->op == OP_CONST; n = n->arg[0]) {
		if (!has_trait(n->op, T_ADDS) && n->op != OP_DIV && n->op != OP_MOD
		    && n->op != OP_MUL)
			return false;
		multiplied = multiplied || n->op == OP_MUL;
	}
	return n->op == OP_INDEX || (n->op == OP_SUM && !multiplied);
}

Node *
long_division(const Builder *at, const Node *n, const Affine *sum, bool exact)
{
	Affine a = *sum;
	int64_t m = n->arg[1]->k, base = base_of(m), common, by;
	const Node *x = without_as(n->arg[0]);

	if (exact && (has_quotients_of_its_own(n) || first_divisor(n->arg[0], m, base) == m))
		return NULL;
	if (n->op == OP_MOD && x->op == OP_DIV && divides_const(x, &by))
		return digit_between(at, n, x);
	Node *whole = reduced_sum(at, &a, &m, &common), *y;
	if (m == 1)
		return NULL;
	if (max_int64(-whole->type.lo, whole->type.hi) < EXACT_MAX / 3)
		y = divided_by_digits(at, n->op, whole, m, base);
	else if (a.n == 1 && llabs(a.term[0].c) == 1)
		y = divided_by_half(at, n->op, whole, m);
	else
		y = divided_by_terms(at, &a, n->op, m, base);
	if (!y && common > 1)
		y = divided(at, n->op, whole, m);
	if (!y || n->op == OP_DIV)
		return y;
	return plus_times(at, mk_const(at->g, sum->c - common * a.c), common, y);
}

Node *
long_comparison(const Builder *at, const Affine *a)
{
	int64_t b = base_of_digits(1, 10, (int64_t)(REST_MOST / sum_of_coefficients(a)));
	Node *high, *low;

	if (b < 2 || !split_terms(at, a, b, &high, &low))
		return NULL;
	Node *carried = mk2(at, OP_ADD, high, divided(at, OP_DIV, low, b));
	return lookahead_node(at->g, mk2(at, OP_LT, mk_const(at->g, -1), carried), NULL);
}

/* ---- by a stream ---- */

/* What is left of the dividend, and the quotient so far. */
typedef struct Division {
	Builder at; /* the quotient or remainder that is asked for */
	Node *rest, *quotient;
} Division;

/* k * min(b, rest / k + 1): as k b where that is no more than the rest. */
static Node *
capped_multiple(const Division *d, int64_t k)
{
	Node *most = mk_const(d->at.g, d->rest->type.hi / k + 1);

	return mk_times(&d->at, mk2(&d->at, OP_MIN, d->at.at->arg[1], most), k);
}

/* The digit of weight w: at most `most` times w b is in what is left. */
static void
take_digit(Division *d, int64_t w, int64_t most)
{
	Node *zero = mk_const(d->at.g, 0), *once = capped_multiple(d, w), *taken = zero;
	Node *b = d->at.at->arg[1], *dividend = d->at.at->arg[0];

	for (int64_t k = 1; k <= most; k++) {
		Node *over = mk2(&d->at, OP_SUB, capped_multiple(d, k * w), mk_const(d->at.g, 1));
		Node *fits = mk2(&d->at, OP_LT, over, d->rest);
		d->quotient = plus_times(&d->at, d->quotient, w, fits);
		Node *more = mk_at(d->at.g, d->at.at, OP_IF, fits, once, zero);
		taken = mk2(&d->at, OP_ADD, taken, more);
	}
	/* what it means says how large it can be */
	Node *means = mk2(&d->at, OP_MOD, dividend, mk_times(&d->at, b, w));
	d->rest = mk2(&d->at, OP_AS, means, mk2(&d->at, OP_SUB, d->rest, taken));
}

Node *
long_division_by_stream(const Builder *at, const Node *n)
{
	const Type *a = &n->arg[0]->type, *b = &n->arg[1]->type;
	Division d = { *at, n->arg[0], mk_const(at->g, 0) };
	int64_t w = 1;

	if (a->real || b->real || a->lo < 0 || b->lo < 1 || a->hi >= LEFT_TERMS / 2)
		return NULL;
	int64_t most = a->hi / b->lo;
	bool few = most <= 4 * QUOTIENTS_MOST && b->hi - b->lo < CASES_MOST;
	if (most + b->hi <= QUOTIENTS_MOST || a->hi - a->lo < CASES_MOST || few)
		return NULL;
	int64_t radix = min_int64(RADIX_MOST, LEFT_TERMS / (a->hi + 1));
	while (w <= most / radix)
		w *= radix;
	for (; w; w /= radix)
		take_digit(&d, w, min_int64(most / w, radix - 1));
	return n->op == OP_DIV ? d.quotient : d.rest;
}
