/* Quotients and comparisons of numbers too long for a float32, from numbers that fit: a
 * carry-lookahead adder (Weinberger and Smith, 1958) over groups of digits.
 *
 * A chain of carries, once flattened, divides one long sum; so does a comparison of two
 * numbers of many digits. The terms of the sum are sorted into columns by their units,
 *
 *     (s0 + 10*s1 + 100*s2 + 1000*s3 + ...) // 10^k
 *
 * and neighbouring columns are joined to groups that are still exact: a group's sum L, of
 * base B. A group adds the carry of the one below and passes one on, (L + carry) // B. Where
 * that carry takes few values, lo..hi, all that matters of L is how it maps the carry that
 * comes in to the one that goes out. A digit to the small base hi - lo + 1 says that: for
 * carries of 0 and 1 the digit is
 *
 *     0  kill        L + 1 < B      no carry goes out
 *     1  propagate   L == B - 1     the carry that came in goes out
 *     2  generate    L >= B         one goes out
 *
 * These digits, side by side, are again a number, and its quotients are the carries: the
 * addition carries through them just as through the groups. It is short, so it is exact, and
 * all carries are there in two layers, the digits and one threshold each, however many groups.
 *
 * Where L is larger than that, as in a product, its own quotient q = L // B goes on
 * first, a layer earlier ("early"): what is left of L and the q that came in are below 2*B. */

#include "ir/internal.h"
#include "lang/int_division.h"

#include <stdlib.h>

enum {
	COLUMNS_MAX = 64,
	GROUP_LIMIT = 1 << 18, /* most of a group of several columns */
	CARRIES_MAX = 3,       /* most values of a carry that goes on as a digit */
	WEIGHT_MAX = 1 << 20,
};

/* unit * sum */
typedef struct DigitColumn {
	__int128 unit;
	Node *sum;
} DigitColumn;

/* A sum of columns and a constant c, to be divided by `by`; or, if that is 0, to be compared with
 * 0. */
typedef struct ColumnSum {
	int n;
	/* (n) each unit divides the next; the second half is for the columns below a carry that
	 * goes on */
	DigitColumn col[2 * COLUMNS_MAX];
	__int128 c, by;
} ColumnSum;

/* The carry that comes into a group: early + late // weight. `early` is known early: the quotient
 * that the group below has on its own. `late` is the number that the digits of the groups below
 * make (kill, propagate, generate); late // weight is in lo..hi. */
typedef struct Carry {
	Node *early, *late;
	int64_t weight, lo, hi;
} Carry;

static Node *
mk_plus_times(const Builder *at, Node *x, int64_t by, Node *y)
{
	return mk2(at, OP_ADD, x, mk_times(at, y, by));
}

static Node *
mk_quotient(const Builder *at, Node *x, int64_t by)
{
	return mk2(at, OP_DIV, x, mk_const(at->g, by));
}

static Node *
mk_at_least(const Builder *at, Node *x, int64_t v)
{
	return mk2(at, OP_LT, mk_const(at->g, v - 1), x);
}

static bool
is_within(const Node *n, int64_t limit)
{
	return n->type.lo > -limit && n->type.hi < limit;
}

/* ---- columns ---- */

static int
by_unit(const void *p, const void *q)
{
	const AffineTerm *a = p, *b = q;
	int64_t x = llabs(a->c), y = llabs(b->c);

	return x != y ? (x > y) - (x < y) : node_compare(a->n, b->n);
}

/* Adds a unit to the ascending units of x, if it divides the next one and the one before divides
 * it. */
static void
add_unit(ColumnSum *x, int64_t unit)
{
	int i = x->n;

	while (i > 0 && x->col[i - 1].unit > unit)
		i--;
	if (x->n == COLUMNS_MAX
	    || (i > 0 && (x->col[i - 1].unit == unit || unit % x->col[i - 1].unit))
	    || (i < x->n && x->col[i].unit % unit))
		return;
	for (int k = x->n++; k > i; k--)
		x->col[k] = x->col[k - 1];
	x->col[i].unit = unit;
}

/* Chooses the columns' units. First the longest chain of the terms' own units in which each divides
 * the next, counted in terms; then, where they fit in, the greatest common divisors of the terms
 * from the largest down. */
static void
choose_units(const Affine *a, int64_t by, ColumnSum *x)
{
	int64_t unit[AFFINE_MAX], common = by;
	int terms[AFFINE_MAX], before[AFFINE_MAX], n = 0, best = 0;

	for (int i = 0; i < a->n; i++) {
		int64_t u = gcd(a->term[i].c, by);
		int at = 0;
		while (at < n && unit[at] != u)
			at++;
		terms[at] = at < n ? terms[at] + 1 : 1;
		unit[at] = u;
		n += at == n;
	}
	for (int i = 0; i < n; i++) { /* terms[i]: in the best chain that ends with unit[i] */
		before[i] = -1;
		for (int k = 0; k < i; k++)
			if (unit[i] % unit[k] == 0
			    && (before[i] < 0 || terms[k] > terms[before[i]]))
				before[i] = k;
		terms[i] += before[i] < 0 ? 0 : terms[before[i]];
		best = terms[i] > terms[best] ? i : best;
	}
	x->n = 0;
	for (int i = best; i >= 0; i = before[i])
		add_unit(x, unit[i]);
	for (int i = a->n - 1; i >= 0; i--)
		add_unit(x, common = gcd(a->term[i].c, common));
}

/* Units that are not the terms' own: powers of ten, then of small primes, as far as they divide the
 * divisor. Most coefficients have few digits in base ten. */
static void
take_tens(const Affine *a, int64_t by, ColumnSum *x)
{
	static const int64_t factor[] = { 10, 2, 3, 5, 7 };
	int64_t unit = 1, most = llabs(a->term[a->n - 1].c);

	*x = (ColumnSum){ .n = 1, .col = { { .unit = 1 } } };
	for (size_t i = 0; i < sizeof factor / sizeof *factor; i++)
		for (; unit <= most / factor[i] && by % (unit * factor[i]) == 0; add_unit(x, unit))
			unit *= factor[i];
}

/* Sorts the terms of a into columns. A term whose coefficient has several digits in these units
 * goes into several. */
static void
fill_columns(const Builder *at, const Affine *a, int64_t by, ColumnSum *x)
{
	int64_t least = x->col[0].unit;

	x->by = by / least;
	x->c = floor_div(a->c, least);
	for (int j = 0; j < x->n; j++) {
		x->col[j].unit /= least;
		x->col[j].sum = mk_const(at->g, 0);
	}
	for (int i = 0; i < a->n; i++) {
		int64_t c = a->term[i].c / least;
		for (int j = 0; c; j++) {
			int64_t base = j + 1 < x->n ? x->col[j + 1].unit / x->col[j].unit
			                            : VALUE_MAX;
			x->col[j].sum = mk_plus_times(at, x->col[j].sum, c % base,
			                              (Node *)a->term[i].n);
			c /= base;
		}
	}
}

/* ---- groups ---- */

/* x // b is a staircase of neurons, whose large terms cancel. Is every partial sum of them exact?
 */
static bool
has_exact_steps(const Node *x, int64_t b)
{
	double range = (double)x->type.hi - (double)x->type.lo;

	return range < EXACT_MAX / 2 && range * range / (double)(2 * b) < EXACT_MAX / 2;
}

/* The sum of the group that begins with column `from`: as many columns as stay exact together. *to:
 * where the next group begins. */
static Node *
next_group(const Builder *at, const ColumnSum *x, int from, int *to)
{
	Node *sum = x->col[from].sum;

	for (*to = from + 1; *to < x->n; ++*to) {
		Node *more = mk_plus_times(at, sum, x->col[*to].unit / x->col[from].unit,
		                           x->col[*to].sum);
		int64_t next = *to + 1 < x->n ? x->col[*to + 1].unit : x->by;
		if (!is_within(more, GROUP_LIMIT)
		    || (next && !has_exact_steps(more, next / x->col[from].unit)))
			break;
		sum = more;
	}
	return sum;
}

/* The values of a carry that the groups from `from` on can tell apart, where `early` comes in
 * beside it. For a quotient, all of them. For the sign of a sum in lo..hi, a carry below -hi - 1 is
 * as good as that, and one above -lo is as good as that. */
static Range
carries_that_matter(const ColumnSum *x, int from, __int128 c, const Node *early)
{
	if (x->by)
		return (Range){ -VALUE_MAX, VALUE_MAX };
	__int128 lo = c + early->type.lo, hi = c + early->type.hi;

	for (int i = from; i < x->n; i++) {
		__int128 unit = x->col[i].unit / x->col[from].unit;
		lo += unit * x->col[i].sum->type.lo;
		hi += unit * x->col[i].sum->type.hi;
	}
	return (Range){ clamp(-hi - 1), clamp(-lo) };
}

static int64_t
clamp_to(Range s, int64_t v)
{
	return max_int64(s.lo, min_int64(v, s.hi));
}

/* The kill, propagate, generate digit of a group: d with (d + e) // base == (x + e) // b for every
 * carry e in lo..hi, where base = hi - lo + 1. Quotients beyond `out` count as its ends. */
static Node *
carry_digit(const Builder *at, const Carry *in, Node *x, int64_t b, Range out)
{
	Node *d = mk_const(at->g, out.lo * (in->hi - in->lo + 1) - in->lo);

	for (int64_t q = out.lo + 1; q <= out.hi; q++)
		for (int64_t e = in->lo; e <= in->hi; e++)
			d = mk2(at, OP_ADD, d, mk_at_least(at, x, q * b - e));
	return d;
}

static Node *
mk_zero(const Builder *at)
{
	return mk_const(at->g, 0);
}

/* weight * (x + the carry that comes in). A quotient by weight * b of it is that of x + the carry
 * by b. */
static Node *
plus_carry_in(const Builder *at, const Carry *in, Node *x)
{
	return mk_plus_times(at, in->late, in->weight, mk2(at, OP_ADD, x, in->early));
}

/* Computes the late part of the carry, which takes a layer, so that its digits need not be carried
 * on. */
static void
resolve_carry(const Builder *at, Carry *in)
{
	in->late = mk_quotient(at, in->late, in->weight);
	in->weight = 1;
}

/* The carry out of a group, as its digit beside those of the groups below. x is the group with the
 * early part of the carry in it already; `early` is what the next group adds beside. False if the
 * carry takes too many values. */
static bool
propagate_digit(const Builder *at, Carry *in, Node *x, int64_t b, Node *early, Range limits)
{
	Range out = { clamp_to(limits, floor_div(x->type.lo + in->lo, b)),
		      clamp_to(limits, floor_div(x->type.hi + in->hi, b)) };

	if (out.hi - out.lo >= CARRIES_MAX)
		return false;
	if (in->weight > WEIGHT_MAX)
		resolve_carry(at, in);
	Node *d = carry_digit(at, in, x, b, out);
	*in = (Carry){ early, mk_plus_times(at, in->late, in->weight, d),
		       in->weight * (in->hi - in->lo + 1), out.lo, out.hi };
	return true;
}

/* The same with x itself as the digit, to the base b. Comparisons of one sum with several constants
 * then share it: they differ by a constant only. */
static bool
propagate_sum(const Builder *at, Carry *in, Node *x, int64_t b, Node *early)
{
	Range out = { floor_div(x->type.lo + in->lo, b), floor_div(x->type.hi + in->hi, b) };

	if (out.hi - out.lo >= CARRIES_MAX || in->weight > WEIGHT_MAX / b)
		return false;
	*in = (Carry){ early, mk_plus_times(at, in->late, in->weight, x), in->weight * b, out.lo,
		       out.hi };
	return true;
}

/* The carry out of a group too large for a digit: its own quotient goes ahead as the early part,
 * and what is left of it as a digit. The quotient is one of l + shift, so that what is left and the
 * carry are not negative together. */
static bool
propagate_quotient(const Builder *at, Carry *in, Node *l, int64_t c, int64_t b, const ColumnSum *x,
                   int to, __int128 above, bool whole)
{
	Node *shift = mk_const(at->g, in->early->type.lo + in->lo);
	Node *from = mk2(at, OP_ADD, l, shift), *q = mk_quotient(at, from, b);

	if (!has_exact_steps(from, b))
		return false;
	Node *left = mk2(at, OP_SUB, mk2(at, OP_SUB, from, mk_times(at, q, b)), shift);

	left = mk2(at, OP_ADD, left, in->early);
	left = mk2(at, OP_ADD, left, mk_const(at->g, c));
	if (whole)
		return propagate_sum(at, in, left, b, q);
	return propagate_digit(at, in, left, b, q, carries_that_matter(x, to, above, q));
}

/* (l + the carry that comes in) // b in one step; NULL if that is not exact. */
static Node *
group_quotient(const Builder *at, const Carry *in, Node *l, int64_t b)
{
	Node *x = plus_carry_in(at, in, l);

	return has_exact_steps(x, in->weight * b) ? mk_quotient(at, x, in->weight * b) : NULL;
}

/* Would the highest group l end here in a longer number, too? Then that number has the same
 * quotient, which is shared. */
static bool
ends_group(const ColumnSum *x, const Node *l, int64_t b)
{
	double range = (double)l->type.hi - (double)l->type.lo,
	       more = (double)(x->by / x->col[x->n - 1].unit);

	return range / (double)b > 8 && range * more > GROUP_LIMIT;
}

static int64_t
ends_max_abs(int64_t lo, int64_t hi)
{
	return max_int64(-lo, hi);
}

/* The sum of the absolute values of all terms: no partial sum is larger, in any order. */
static __int128
terms_magnitude(const Affine *a)
{
	__int128 sum = a->c < 0 ? -a->c : a->c;

	for (int i = 0; i < a->n; i++) {
		const Type *t = &a->term[i].n->type;
		sum += (__int128)llabs(a->term[i].c) * ends_max_abs(t->lo, t->hi);
	}
	return sum;
}

static bool
is_exact_sum(const Affine *a)
{
	return terms_magnitude(a) < EXACT_MAX;
}

/* May x be compared as it is, with room for how it is made and held: a product of digits is a
 * difference, q(a + b) - q(a - b), whose terms are twice as many as its values. */
static bool
is_comparable(const Node *x)
{
	Affine a;

	return is_within(x, EXACT_MAX / 2)
	       || (affine_of(x, &a) && terms_magnitude(&a) < EXACT_MAX / 2);
}

/* The weight of the highest group beside the late part, where only the sign of weight * (l + early)
 * + late matters: just enough that l + early, where it is not 0, outweighs the late part. */
static int64_t
weight_for_sign(const Builder *at, const Carry *in, Node *l)
{
	const Type *late = &in->late->type;
	int64_t up = -late->lo,
		down = mk2(at, OP_ADD, l, in->early)->type.lo < 0 ? late->hi + 1 : 1;
	int64_t enough = max_int64(up, down);

	return min_int64(enough, in->weight);
}

/* The answer, from the highest group and what is carried into it. */
static Node *
highest_group(const Builder *at, Carry *in, Node *l, __int128 c, const ColumnSum *x, int64_t b)
{
	Node *lc = mk2(at, OP_ADD, l, mk_const(at->g, clamp(c))), *q;

	if (!is_within(lc, EXACT_MAX))
		return NULL;
	if (!x->by) {
		in->weight = weight_for_sign(at, in, lc);
		Node *sum = plus_carry_in(at, in, lc);
		if (!is_comparable(sum)) {
			Node *all = mk2(at, OP_ADD, lc, in->early), *none = mk_zero(at);
			propagate_digit(at, in, all, 1, none, (Range){ -1, 0 });
			return mk_at_least(at, in->late, 0);
		}
		return is_within(sum, EXACT_MAX) ? mk_at_least(at, sum, 0) : NULL;
	}
	bool full = ends_group(x, l, b);
	if (!full && (q = group_quotient(at, in, lc, b)))
		return q;
	Carry out = *in;
	if (propagate_quotient(at, &out, lc, 0, b, x, x->n, 0, false))
		return mk2(at, OP_ADD, out.early, mk_quotient(at, out.late, out.weight));
	if (full && (q = group_quotient(at, in, lc, b)))
		return q;
	resolve_carry(at, in);
	return group_quotient(at, in, lc, b);
}

/* A group's sum is below 2^24, so that a base above that is as good as any larger one. */
static int64_t
capped_base(__int128 b)
{
	return b < 1 << 30 ? (int64_t)b : 1 << 30;
}

/* Takes the lowest digit, to the base b, out of the constant c. Something of size at most `most` is
 * added to it, and only the quotient by b is asked for; so a digit farther than that from 0 and
 * from b can be replaced by a smaller one. */
static int64_t
take_constant_digit(__int128 *c, __int128 b, int64_t most)
{
	__int128 here = *c % b;

	if ((here < 0 ? -here : here) > most && most < b / 4) {
		here += here < 0 ? b : 0;
		here -= here > b - most ? b : 0;
	}
	*c = (*c - here) / b;
	return clamp(here > most && most < b / 4 ? most : here);
}

/* The carry out of the group l of base b and its digit of the constant c, in one of several ways;
 * the cheapest that is exact. False if none is. */
static bool
carry_out(const Builder *at, Carry *in, Node *l, __int128 *c, const ColumnSum *x, int from, int to)
{
	__int128 base = x->col[to].unit / x->col[from].unit;
	Node *all = mk2(at, OP_ADD, l, in->early), *q;
	int64_t here = take_constant_digit(c, base,
	                                   ends_max_abs(all->type.lo, all->type.hi)
	                                           + ends_max_abs(in->lo, in->hi) + 1),
		b = capped_base(base);
	Node *lc = mk2(at, OP_ADD, l, mk_const(at->g, here));
	Node *none = mk_zero(at);
	bool whole = here && !x->by;

	if (!is_within(lc, EXACT_MAX))
		return false;
	all = mk2(at, OP_ADD, lc, in->early);
	if ((whole && propagate_sum(at, in, all, b, none))
	    || (whole && propagate_quotient(at, in, l, here, b, x, to, *c, true))
	    || propagate_digit(at, in, all, b, none, carries_that_matter(x, to, *c, none))
	    || propagate_quotient(at, in, l, here, b, x, to, *c, false)
	    || propagate_quotient(at, in, lc, 0, b, x, to, *c, false))
		return true;
	resolve_carry(at, in);
	if (!(q = group_quotient(at, in, lc, b)))
		return false;
	*in = (Carry){ q, none, 1, 0, 0 };
	return true;
}

/* The answer for x, group by group from the lowest to the highest; NULL if one of them is not
 * exact. */
static Node *
over_all_groups(const Builder *at, const ColumnSum *x, Carry in)
{
	__int128 c = x->c;

	for (int from = 0, to;; from = to) {
		Node *l = next_group(at, x, from, &to);
		if (to == x->n)
			return highest_group(at, &in, l, c, x,
			                     capped_base(x->by / x->col[from].unit));
		if (!carry_out(at, &in, l, &c, x, from, to))
			return NULL;
	}
}

/* The same for all groups but the highest, which is what is left of x. *in: the carry into it. */
static bool
over_lower_groups(const Builder *at, ColumnSum *x, Carry *in)
{
	for (int from = 0, to;; from = to) {
		Node *l = next_group(at, x, from, &to);
		if (to == x->n) {
			__int128 unit = x->col[from].unit;
			x->n -= from;
			for (int i = 0; i < x->n; i++)
				x->col[i] = (DigitColumn){ x->col[from + i].unit / unit,
					                   x->col[from + i].sum };
			x->by /= unit;
			return true;
		}
		if (!carry_out(at, in, l, &x->c, x, from, to))
			return false;
	}
}

/* ---- what is too wide ---- */

static bool
is_divided(const Node *n)
{
	return (n->op == OP_DIV || n->op == OP_MOD) && n->arg[1]->op == OP_CONST && n->arg[1]->k > 0
	       && n->arg[1]->k < VALUE_MAX;
}

/* Takes the multiples of b out of a; gives their sum, divided by b. */
static Node *
take_multiples(const Builder *at, Affine *a, int64_t b)
{
	Node *out = mk_const(at->g, floor_div(a->c, b));
	int n = 0;

	a->c -= floor_div(a->c, b) * b;
	for (int i = 0; i < a->n; i++) {
		AffineTerm t = a->term[i];
		out = mk_plus_times(at, out, t.c / b, (Node *)t.n);
		if (t.c %= b)
			a->term[n++] = t;
	}
	a->n = n;
	return out;
}

/* a % b of what take_multiples has left, if that is exact; else NULL. */
static Node *
remainder_by(const Builder *at, const Affine *a, int64_t b)
{
	Node *sum = mk_const(at->g, a->c);

	for (int i = 0; i < a->n; i++)
		sum = mk_plus_times(at, sum, a->term[i].c, (Node *)a->term[i].n);
	return is_within(sum, EXACT_MAX) ? mk2(at, OP_MOD, sum, mk_const(at->g, b)) : NULL;
}

/* Is the term a quotient of a long sum that has been computed here before? It is a carry of a chain
 * too long to be flattened into one sum. */
static bool
continues_carries(const AffineTerm *t)
{
	return (t->c == 1 || t->c == -1) && t->n->op == OP_AS && without_as(t->n)->op == OP_DIV
	       && is_divided(without_as(t->n));
}

static int
find_continued(const Affine *a)
{
	int i = a->n - 1;

	while (i >= 0 && !continues_carries(&a->term[i]))
		i--;
	return i;
}

static bool
divided_sum(const Node *n, Affine *a)
{
	return is_divided(n) && affine_of(n->arg[0], a)
	       && (find_continued(a) >= 0 || !is_exact_sum(a)
	           || !has_exact_steps(n->arg[0], n->arg[1]->k));
}

static bool
compared_sum(const Node *n, Affine *a)
{
	return (n->op == OP_LT || n->op == OP_EQ) && affine_of(n->arg[1], a)
	       && affine_add(a, -1, n->arg[0]) && (find_continued(a) >= 0 || !is_exact_sum(a));
}

bool
exceeds_exact(const Node *n)
{
	Affine a;

	return divided_sum(n, &a) || compared_sum(n, &a);
}

static void to_columns(const Builder *, Affine *, int64_t by, bool tens, ColumnSum *, Carry *);

/* The columns that the quotient q is computed of, to go on from: the highest group of its sum, the
 * carry into that, and what was divided out before (*multiples). */
static bool
columns_below(const Builder *at, const Node *q, ColumnSum *x, Carry *in, Node **multiples)
{
	Affine a;

	if (!divided_sum(q, &a))
		return false;
	*multiples = take_multiples(at, &a, q->arg[1]->k);
	if (!a.n)
		return false;
	to_columns(at, &a, q->arg[1]->k, false, x, in);
	return over_lower_groups(at, x, in) && x->n <= COLUMNS_MAX;
}

/* Makes one number of x and `low`, whose quotient by low->by is the carry into x. */
static void
put_below(ColumnSum *x, const ColumnSum *low)
{
	for (int i = x->n; i-- > 0;)
		x->col[i + low->n] = (DigitColumn){ x->col[i].unit * low->by, x->col[i].sum };
	for (int i = 0; i < low->n; i++)
		x->col[i] = low->col[i];
	x->n += low->n;
	x->by *= low->by;
	x->c = x->c * low->by + low->c;
}

/* a as columns, and the carry into the lowest. If a adds a carry of a long chain, that is not
 * waited for: its own columns go below those of a. */
static void
to_columns(const Builder *at, Affine *a, int64_t by, bool tens, ColumnSum *x, Carry *in)
{
	int i = find_continued(a);
	ColumnSum low;
	Node *multiples, *none = mk_zero(at);
	bool goes_on = i >= 0 && a->term[i].c == 1
	               && columns_below(at, without_as(a->term[i].n), &low, in, &multiples);

	if (goes_on)
		a->term[i] = a->term[--a->n];
	else
		*in = (Carry){ none, none, 1, 0, 0 };
	qsort(a->term, (size_t)a->n, sizeof *a->term, by_unit);
	x->n = 0;
	if (a->n && tens)
		take_tens(a, by, x);
	else if (a->n)
		choose_units(a, by, x);
	if (goes_on)
		add_unit(x, 1);
	fill_columns(at, a, by, x);
	if (goes_on) {
		x->col[0].sum = mk2(at, OP_ADD, x->col[0].sum, multiples);
		put_below(x, &low);
	}
}

/* a // by; or a >= 0, if by is 0. */
static Node *
lookahead_sum(const Builder *at, const Affine *a, int64_t by)
{
	int i = find_continued(a);
	ColumnSum x;
	Carry in;
	Node *y = NULL;

	if (!a->n)
		return NULL;
	if (!by && i >= 0 && a->term[i].c < 0) { /* a >= 0 is not (-a - 1 >= 0) */
		Affine minus = *a;
		affine_scale(&minus, -1);
		minus.c--;
		y = lookahead_sum(at, &minus, 0);
		return y ? mk2(at, OP_SUB, mk_const(at->g, 1), y) : NULL;
	}
	for (int tens = 0; tens < 2 && !y; tens++) {
		Affine rest = *a;
		to_columns(at, &rest, by, tens, &x, &in);
		y = over_all_groups(at, &x, in);
	}
	return y;
}

static Node *
lookahead_division(const Builder *at, const Node *n, Affine *a)
{
	int64_t b = n->arg[1]->k;
	bool goes_on = find_continued(a) >= 0;
	Node *out = take_multiples(at, a, b);

	if (n->op == OP_MOD && !goes_on)
		return remainder_by(at, a, b);
	Node *q = a->n ? lookahead_sum(at, a, b)
	               : mk_zero(at); /* without terms: what is left of the constant is below b */
	if (!q)
		return NULL;
	q = mk2(at, OP_ADD, out, q);
	return n->op == OP_DIV ? q : mk2(at, OP_SUB, n->arg[0], mk_times(at, q, b));
}

/* a >= 0; where no digits are known of what is added up, they are found first. */
static Node *
at_least_0(const Builder *at, const Affine *a)
{
	Node *y = lookahead_sum(at, a, 0);

	return y ? y : long_comparison(at, a);
}

/* A comparison, from the difference d of its operands, y - x. */
static Node *
lookahead_comparison(const Builder *at, const Node *n, const Affine *d)
{
	Affine a = *d, b = *d;

	a.c -= n->op == OP_LT;
	b.c -= 1;
	Node *least = at_least_0(at, &a), *more = n->op == OP_LT ? mk_zero(at) : at_least_0(at, &b);
	return least && more ? mk2(at, OP_SUB, least, more) : NULL;
}

Node *
lookahead_node(Graph *g, Node *n, void *ctx)
{
	Builder at = { g, n };
	Affine a;
	Node *y = NULL;

	(void)ctx;
	if (n->two_sided) /* what relates two positions is a head's condition, and no sum */
		return n;
	if (divided_sum(n, &a)) {
		Affine sum = a;
		y = lookahead_division(&at, n, &a);
		if (y && y != n && y->op == OP_MOD)
			y = lookahead_node(g, y, NULL);
		if (!y || y == n)
			y = long_division(&at, n, &sum, is_exact_sum(&sum));
	} else if (compared_sum(n, &a))
		y = lookahead_comparison(&at, n, &a);
	else if ((n->op == OP_DIV || n->op == OP_MOD) && n->arg[1]->op != OP_CONST)
		y = long_division_by_stream(&at, n);
	return y && y != n ? mk2(&at, OP_AS, n, y) : n;
}

/* Needs: flatten_carries, which makes long sums. Guarantees: a quotient or comparison of a sum
 * that is not exact is computed as one of sums that are, if its terms are exact.
 * Invalidates: nothing. */
void
pass_carry_lookahead(Graph *g, Diags *ds)
{
	(void)ds;
	rewrite_graph(g, lookahead_node, NULL);
}
