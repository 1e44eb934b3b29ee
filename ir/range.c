/* Ranges of integers: interval arithmetic (Moore 1966, "Interval Analysis"), saturating
 * where values do.
 *
 * Two terms of a sum are often not independent, and then the interval of the whole is
 * narrower than that of its parts. Two such cases are worked out (joint_interval). A
 * carry: (x + y // m) // b is (x * m + y) // (m * b), one quotient. And a choice by a
 * comparison: in the digits of `if a < b then b - a else a - b`, each branch is bounded
 * under what its condition says. */

#include "ir/internal.h"

#include <assert.h>
#include <math.h>

bool
may_be_within(const Type *t, int64_t lo, int64_t hi)
{
	if (!t->nset)
		return t->lo <= hi && t->hi >= lo;
	for (int i = 0; i < t->nset; i++)
		if (t->set[i] >= lo && t->set[i] <= hi)
			return true;
	return false;
}

Range
values_range(const int64_t *v, int n)
{
	Range r = { v[0], v[0] };

	for (int i = 1; i < n; i++) {
		r.lo = min_int64(r.lo, v[i]);
		r.hi = max_int64(r.hi, v[i]);
	}
	return r;
}

Range
range_hull(Range a, Range b)
{
	return (Range){ min_int64(a.lo, b.lo), max_int64(a.hi, b.hi) };
}

static const Range unbounded = { -VALUE_MAX, VALUE_MAX };

/* Values saturate at VALUE_MAX, so an end there is no bound, and no bound follows from it. */
static bool
is_unbounded(Range r)
{
	return r.lo <= -VALUE_MAX || r.hi >= VALUE_MAX;
}

static Range
range_of_operand(const Node *n, int i)
{
	return (Range){ n->arg[i]->type.lo, n->arg[i]->type.hi };
}

/* The hull of op at the four corners. For an operator that is monotone in each operand. */
static Range
corners(Op op, Range a, Range b)
{
	if (is_unbounded(a) || is_unbounded(b))
		return unbounded;

	const Node n = { .op = op, .narg = 2 };
	int64_t v[4] = {
		op_apply(&n, (int64_t[]){ a.lo, b.lo }),
		op_apply(&n, (int64_t[]){ a.lo, b.hi }),
		op_apply(&n, (int64_t[]){ a.hi, b.lo }),
		op_apply(&n, (int64_t[]){ a.hi, b.hi }),
	};

	return values_range(v, 4);
}

static Range
range_square(Range a)
{
	Range r = corners(OP_MUL, a, a);

	return (Range){ max_int64(r.lo, 0), r.hi };
}

static Range
range_mod1(Range a, Range b)
{
	if (b.lo == b.hi) {
		Range q = corners(OP_DIV, a, b);
		if (q.lo == q.hi)
			return corners(OP_MOD, a, b);
	}
	if (b.lo > 0)
		return (Range){ 0, a.lo >= 0 ? min_int64(a.hi, b.hi - 1) : b.hi - 1 };
	return (Range){ a.hi <= 0 ? max_int64(a.lo, b.lo + 1) : b.lo + 1, 0 };
}

/* DIV and MOD: the hull of what divisors below 0 give and what divisors above 0 give. */
static Range
range_quotient(const Node *n)
{
	Op op = n->op;
	Range a = range_of_operand(n, 0), b = range_of_operand(n, 1), r = { 0, 0 };
	bool any = false;

	for (int side = -1; side <= 1; side += 2) {
		Range s = side < 0 ? (Range){ b.lo, min_int64(b.hi, -1) }
		                   : (Range){ max_int64(b.lo, 1), b.hi };
		if (s.lo > s.hi)
			continue;
		Range one = op == OP_DIV ? corners(op, a, s) : range_mod1(a, s);
		r = any ? range_hull(r, one) : one;
		any = true;
	}
	return b.lo <= 0 && b.hi >= 0 ? range_hull(r, (Range){ 0, 0 }) : r;
}

static bool
disjoint(const Type *a, const Type *b)
{
	if (a->hi < b->lo || b->hi < a->lo)
		return true;
	if (!a->nset || !b->nset)
		return false;
	for (int i = 0, j = 0; i < a->nset && j < b->nset;) {
		if (a->set[i] == b->set[j])
			return false;
		if (a->set[i] < b->set[j])
			i++;
		else
			j++;
	}
	return true;
}

/* AND, OR: may an operand have the value that decides, and does one surely have it? */
static Range
range_logic(const Node *n)
{
	bool and = n->op == OP_AND, sure = false, may = false;

	for (int i = 0; i < n->narg; i++) {
		const Type *t = &n->arg[i]->type;
		bool is1 = t->lo == 1 && t->hi == 1, can1 = may_be_within(t, 1, 1);
		sure |= and? !can1 : is1;
		may |= and? !is1 : can1;
	}
	return and? (Range){ !may, !sure } : (Range){ sure, may };
}

static Range
range_extreme(const Node *n)
{
	Range r = { n->arg[0]->type.lo, n->arg[0]->type.hi };

	for (int i = 1; i < n->narg; i++) {
		const Type *t = &n->arg[i]->type;
		r.lo = n->op == OP_MIN ? min_int64(r.lo, t->lo) : max_int64(r.lo, t->lo);
		r.hi = n->op == OP_MIN ? min_int64(r.hi, t->hi) : max_int64(r.hi, t->hi);
	}
	return r;
}

/* The ends of a real are rounded, so they are taken half a step of its grid higher, where it has no
 * value. */
static Range
range_floor(const Node *n)
{
	const Type *x = &n->arg[0]->type;
	int64_t grid = real_grid(x);
	double half = grid ? 0.5 / (double)grid : 0;
	double lo = floor(x->min + half), hi = floor(x->max + half);

	return (Range){ lo > (double)x->lo ? (int64_t)lo : x->lo,
		        hi < (double)x->hi ? (int64_t)hi : x->hi };
}

static Range
range_table(const Node *n)
{
	const Type *t = &n->arg[0]->type;
	int64_t last = n->ntable - 1;
	int64_t lo = max_int64(0, min_int64(last, clamp((__int128)t->lo - n->k)));
	int64_t hi = max_int64(0, min_int64(last, clamp((__int128)t->hi - n->k)));

	return values_range(n->table + lo, (int)(hi - lo) + 1);
}

static Range
range_corners(const Node *n)
{
	return corners(n->op, range_of_operand(n, 0), range_of_operand(n, 1));
}

static Range
range_product(const Node *n)
{
	return n->arg[0] == n->arg[1] ? range_square(range_of_operand(n, 0)) : range_corners(n);
}

static Range
range_abs(const Node *n)
{
	Range a = range_of_operand(n, 0);

	return (Range){ a.lo > 0 ? a.lo : a.hi < 0 ? -a.hi : 0, max_int64(-a.lo, a.hi) };
}

static Range
range_eq(const Node *n)
{
	Range a = range_of_operand(n, 0), b = range_of_operand(n, 1);
	bool sure = a.lo == a.hi && b.lo == b.hi && a.lo == b.lo;

	return (Range){ sure, !disjoint(&n->arg[0]->type, &n->arg[1]->type) };
}

static Range
range_less(const Node *n)
{
	Range a = range_of_operand(n, 0), b = range_of_operand(n, 1);

	return (Range){ a.hi < b.lo, a.lo < b.hi };
}

static Range
range_flag(const Node *n)
{
	(void)n;
	return (Range){ 0, 1 };
}

Range
operand_range(const Node *n)
{
#define range_none NULL /* never asked: they have types of their own, and a NOT has a root */
	static Range (*const rule[NUM_OPS])(const Node *) = {
#define OP(name, nargs, attr, class, traits, fold, type, range, ...) [OP_##name] = range_##range,
#include "lang/ops.h"
#undef OP
	};
#undef range_none

	assert(rule[n->op]);
	return rule[n->op](n);
}

/* ---- sums of choices that hang together ---- */

enum { FACTS_MAX = 4, WALK_MAX = 48 };

/* lo <= e <= hi: what a comparison says of the difference of its operands, where it holds or where
 * it fails. */
typedef struct OrderFact {
	Affine e;
	int64_t lo, hi;
} OrderFact;

static Range
affine_range(const Affine *a)
{
	__int128 lo = a->c, hi = a->c;

	for (int i = 0; i < a->n; i++) {
		const Type *t = &a->term[i].n->type;
		__int128 c = a->term[i].c;
		if (is_unbounded((Range){ t->lo, t->hi }))
			return unbounded;
		lo += c * (c > 0 ? t->lo : t->hi);
		hi += c * (c > 0 ? t->hi : t->lo);
	}
	return (Range){ clamp(lo), clamp(hi) };
}

/* Is a equal to times * e + rest, for some constant rest? */
static bool
multiple_of(const Affine *a, const Affine *e, int times, int64_t *rest)
{
	if (a->n != e->n)
		return false;
	for (int i = 0; i < a->n; i++)
		if (a->term[i].n != e->term[i].n || a->term[i].c != times * e->term[i].c)
			return false;
	*rest = a->c - times * e->c;
	return true;
}

static Range
range_narrowed(Range r, const Affine *a, const OrderFact *f)
{
	int64_t rest;

	int64_t lo = f->lo, hi = f->hi;

	if (multiple_of(a, &f->e, -1, &rest)) {
		lo = -f->hi;
		hi = -f->lo;
	} else if (!multiple_of(a, &f->e, 1, &rest)) {
		return r;
	}
	if (lo > -VALUE_MAX)
		r.lo = max_int64(r.lo, clamp((__int128)lo + rest));
	if (hi < VALUE_MAX)
		r.hi = min_int64(r.hi, clamp((__int128)hi + rest));
	return r;
}

/* The sum a with each IF by `cond` replaced by its operand number `arm`: 1 where the condition
 * holds, 2 where it fails. */
static bool
take_side(const Affine *a, const Node *cond, int arm, Affine *side)
{
	*side = (Affine){ .c = a->c };
	for (int i = 0; i < a->n; i++) {
		const Node *x = a->term[i].n;
		if (x->op == OP_IF && x->arg[0] == cond)
			x = x->arg[arm];
		if (!affine_add(side, a->term[i].c, x))
			return false;
	}
	return true;
}

/* The range of a: the hull of its ranges where a condition holds and where it fails, each narrowed
 * by what the condition says there; so for one condition inside of another. */
static Range
range_by_cases(const Affine *a, OrderFact *fact, int nfact)
{
	const Node *cond = NULL;
	Range r = affine_range(a), side[2];

	for (int i = 0; i < nfact; i++)
		r = range_narrowed(r, a, &fact[i]);
	for (int i = 0; i < a->n && !cond; i++)
		if (a->term[i].n->op == OP_IF)
			cond = a->term[i].n->arg[0];
	if (!cond || nfact == FACTS_MAX)
		return r;
	OrderFact *f = &fact[nfact];
	const Node *test = without_as(cond);
	bool order = test->op == OP_LT && affine_of(test->arg[1], &f->e)
	             && affine_add(&f->e, -1, test->arg[0]);
	for (int no = 0; no < 2; no++) {
		Affine taken;
		f->lo = no || !order ? -VALUE_MAX : 1;
		f->hi = no && order ? 0 : VALUE_MAX;
		if (!take_side(a, cond, 1 + no, &taken))
			return r;
		side[no] = range_by_cases(&taken, fact, nfact + 1);
	}
	return (Range){ max_int64(r.lo, min_int64(side[0].lo, side[1].lo)),
		        min_int64(r.hi, max_int64(side[0].hi, side[1].hi)) };
}

/* Does the sum n add a carry, or two choices by one condition, so that its terms depend on each
 * other? Only the nearest WALK_MAX nodes are looked at. */
static bool
has_dependent_terms(const Node *n)
{
	const Node *todo[WALK_MAX] = { n }, *cond[WALK_MAX];
	int ntodo = 1, ncond = 0;
	int64_t by;

	for (int at = 0; at < ntodo; at++) {
		const Node *x = todo[at];
		if (at && divides_const(without_as(x), &by))
			return true;
		for (int i = 0; x->op == OP_IF && i < ncond; i++)
			if (cond[i] == x->arg[0])
				return true;
		if (x->op == OP_IF)
			cond[ncond++] = x->arg[0];
		for (int i = 0; (is_linear_int(x) || !at) && i < x->narg && ntodo < WALK_MAX; i++)
			todo[ntodo++] = x->arg[i];
	}
	return false;
}

/* (x + y // m) // by as (x * m + y) // (by * m), as often as that can be done. */
static void
without_carries(Affine *a, int64_t *by)
{
	Affine all;
	int64_t m;

	for (int i = 0; i < a->n; i++) {
		const AffineTerm t = a->term[i];
		const Node *d = without_as(t.n);
		if (t.c != 1 || !divides_const(d, &m) || *by >= COEF_MAX / m || !affine_fits(a, m))
			continue;
		all = *a;
		all.term[i] = all.term[--all.n];
		affine_scale(&all, m);
		if (!affine_add(&all, 1, d->arg[0]))
			return;
		*by *= m;
		*a = all;
		i = -1;
	}
}

/* The range of a sum or a quotient n, narrower than r where the terms depend on each other: if a <
 * b then b - a else a - b, taken apart into digits, is not below 0. */
Range
joint_interval(const Node *n, Range r)
{
	OrderFact fact[FACTS_MAX + 1];
	Affine a;
	int64_t by = 1;
	bool quotient = divides_const(n, &by);

	if ((!has_trait(n->op, T_ADDS) && !quotient) || !has_dependent_terms(n))
		return r;
	if (!affine_of(quotient ? n->arg[0] : n, &a))
		return r;
	without_carries(&a, &by);
	Range q = corners(OP_DIV, range_by_cases(&a, fact, 0), (Range){ by, by });
	return (Range){ max_int64(r.lo, q.lo), min_int64(r.hi, q.hi) };
}
