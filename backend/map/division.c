/* Quotients and remainders, rounded down.
 *
 * By a constant a quotient is a staircase, a step for each multiple. By a stream b > 0 it is a
 * sum of thresholds,
 *
 *     a // b  =  lo + [a >= (lo+1) b] + [a >= (lo+2) b] + ... + [a >= hi b]
 *
 * where lo..hi are the values that it can have: each threshold compares two affine forms, so all
 * are in one layer. (It is what a subtractive divider does, all steps at once.) A remainder takes
 * b away as often as that. Where b < 0 both operands change their sign; where b may be of either
 * sign there are two cases. Where divisor or dividend has few values, an index into the quotients
 * by each of them is smaller, and often a layer later. */

#include "backend/map/map.h"
#include "lang/int_division.h"

enum {
	MAX_STEPS = 4096,
	MAX_CASES = 64,
	MANY_TERMS = 1024,    /* of what each step would read */
	LARGE_TERMS = 1 << 18 /* of a remainder */
};

static bool
refuse_large_quotient(Circuit *c, const Node *n, int64_t values)
{
	if (values > MAX_STEPS)
		error_at_node(
			c, n,
			"this quotient takes %lld values (int %lld..%lld), more than the %d that "
			"one layer computes; digit by digit it is found where the dividend is "
			"from 0 to 4194303 and the divisor 1 or more: write them with max, min, "
			"abs",
			(long long)values, (long long)n->type.lo, (long long)n->type.hi, MAX_STEPS);
	return values > MAX_STEPS;
}

/* One step for each multiple of b > 0. */
static const Form *
divide_by_constant(Circuit *c, Node *n, const Form *f, int64_t b)
{
	int64_t lo = floor_div(f->lo, b), hi = floor_div(f->hi, b);

	if (refuse_large_quotient(c, n, hi - lo + 1))
		return NULL;
	int64_t *x = arena_alloc(c->arena, 4 * sizeof *x * (size_t)(hi - lo + 2)),
		*y = x + 2 * (hi - lo + 2);
	int k = 0;
	for (int64_t q = lo; q <= hi; q++) {
		int64_t first = q * b > f->lo ? q * b : f->lo;
		int64_t last = q * b + b - 1 < f->hi ? q * b + b - 1 : f->hi;
		x[k] = first;
		y[k++] = q;
		if (last > first) {
			x[k] = last;
			y[k++] = q;
		}
	}
	return staircase(c, f, k, x, y);
}

/* The sum over k in from..to of [a >= k b], for b > 0; times b if times_b. */
static const Form *
quotient_thresholds(Circuit *c, const Form *a, const Form *b, int64_t from, int64_t to,
                    bool times_b)
{
	int n = (int)(to - from + 1);
	const Form **step_ = arena_alloc(c->arena, sizeof *step_ * (size_t)n);
	int64_t *once = arena_alloc(c->arena, sizeof *once * (size_t)n);

	for (int i = 0; i < n; i++) {
		const Form *over = form_add(c, 1, a, -(from + i), b, 1);
		step_[i] = times_b ? gate_by_sign(c, over, b) : threshold(c, over, 1);
		once[i] = 1;
	}
	return form_sum(c, n, step_, once);
}

/* The dividend, as one number if it is a sum of very many terms, and the divisor in *b, both times
 * *sign so that the divisor is positive: their quotient is that of n, its remainder *sign times
 * theirs. */
static const Form *
signed_operands(Circuit *c, const Node *n, const Form **b, int *sign)
{
	*b = map_node(c, n->arg[1]);
	*sign = (*b)->hi < 0 ? -1 : 1;
	*b = form_scale(c, *sign, *b, 0);
	const Form *a = map_node(c, n->arg[0]);
	return form_scale(c, *sign, a->n > MANY_TERMS ? materialized(c, a) : a, 0);
}

/* By the sign of the divisor; NULL if it has but one. */
static const Form *
divide_by_sign(Circuit *c, Node *n)
{
	Node *x = n->arg[0], *b = n->arg[1], *up, *down;

	if (b->type.lo > 0 || b->type.hi < 0)
		return NULL;
	up = mk_at(c->g, n, OP_MAX, b, mk_const(c->g, 1), NULL);
	down = mk_at(c->g, n, OP_MIN, b, mk_const(c->g, -1), NULL);
	Node *positive = make_node(c, n, OP_LT, mk_const(c->g, 0), b);
	up = make_node(c, n, n->op, x, up);
	down = make_node(c, n, n->op, x, down);
	return map_node(c, mk_at(c->g, n, OP_IF, positive, up, down));
}

/* n where its operand number i has the value v. */
static Node *
with_operand(Circuit *c, Node *n, int i, int64_t v)
{
	Node *zero = mk_const(c->g, 0), *x = n->arg[0];

	if (i == 0)
		return mk_at(c->g, n, n->op, mk_const(c->g, v), n->arg[1], NULL);
	if (v == 0)
		return zero;
	if (v > 0)
		return mk_at(c->g, n, n->op, x, mk_const(c->g, v), NULL);
	x = make_node(c, n, OP_SUB, zero, x);
	x = make_node(c, n, n->op, x, mk_const(c->g, -v));
	return n->op == OP_DIV ? x : mk_at(c->g, n, OP_SUB, zero, x, NULL);
}

/* By an index into what n is for each value of one operand; NULL where both have too many. */
static const Form *
divide_by_index(Circuit *c, Node *n)
{
	bool of_few = n->arg[0]->op != OP_CONST && n->arg[1]->type.root && n->arg[1]->type.image;

	for (int i = 1; i >= !of_few; i--) {
		const Type *t = &n->arg[i]->type;
		if (t->hi - t->lo >= MAX_CASES)
			continue;
		int size = (int)(t->hi - t->lo + 1);
		Node **arg = arena_alloc(c->arena, sizeof *arg * (size_t)(size + 2));
		arg[0] = mk_at(c->g, n, OP_SUB, n->arg[i], mk_const(c->g, t->lo), NULL);
		for (int k = 0; k < size; k++)
			arg[k + 2] = with_operand(c, n, i, t->lo + k);
		arg[1] = arg[2];
		return map_node(c, mk(c->g, OP_PICK, n->span, n->site, size + 2, arg, 0));
	}
	return NULL;
}

/* Is that no later than thresholds between a and b would be, or early enough? */
static bool
is_no_later(const Circuit *c, const Form *few, const Form *a, const Form *b)
{
	int last = max_int(a->ready, b->ready);

	return few->ready <= computed_from(last) || few->ready <= deadline(c);
}

/* Is the sum of all thresholds, `weight` times, exact? */
static bool
are_thresholds_exact(const Form *a, const Form *b, int64_t lo, int64_t hi, int64_t weight)
{
	double most = (double)a->hi - (double)(lo < 0 ? lo * b->hi : lo * b->lo) + 1;

	return hi - lo < MAX_STEPS && 2 * most * (double)(hi - lo) * (double)weight < EXACT_MAX;
}

const Form *
emit_DIV(Circuit *c, Node *n)
{
	int64_t lo = n->type.lo, hi = n->type.hi;
	const Form *a, *b, *other;
	int sign;

	if ((other = divide_by_sign(c, n)))
		return other;
	a = signed_operands(c, n, &b, &sign);
	if (form_is_const(b))
		return divide_by_constant(c, n, a, b->k);
	if (lo == hi)
		return form_const(c, lo);
	if ((other = divide_by_index(c, n))
	    && (is_no_later(c, other, a, b) || !are_thresholds_exact(a, b, lo, hi, 1)))
		return other;
	if (refuse_large_quotient(c, n, hi - lo + 1))
		return NULL;
	c->hurried |= other != NULL;
	return form_within(c, form_scale(c, 1, quotient_thresholds(c, a, b, lo + 1, hi, false), lo),
	                   lo, hi);
}

/* b * (a // b) in one layer; NULL where its terms would be too large. */
static const Form *
multiple_below(Circuit *c, const Form *a, const Form *b, int64_t lo, int64_t hi)
{
	if (lo == hi)
		return form_scale(c, lo, b, 0);
	if (!are_thresholds_exact(a, b, lo, hi, b->hi))
		return NULL;
	return form_add(c, 1, quotient_thresholds(c, a, b, lo + 1, hi, true), lo, b, 0);
}

const Form *
remainder_form(Circuit *c, const Node *n, const Form *f)
{
	f = form_within(c, f, n->type.lo, n->type.hi);
	return c->effort.materialize && form_reader_sum(f) >= LARGE_TERMS ? materialized(c, f) : f;
}

/* sign * (a - taken) */
static const Form *
remainder_without(Circuit *c, const Node *n, const Form *a, const Form *taken, int sign)
{
	return remainder_form(c, n, form_scale(c, sign, form_add(c, 1, a, -1, taken, 0), 0));
}

const Form *
emit_MOD(Circuit *c, Node *n)
{
	const Form *b, *a, *taken, *other;
	int sign;

	if ((other = divide_by_sign(c, n)))
		return other;
	a = signed_operands(c, n, &b, &sign);
	Node *q = mk_at(c->g, n, OP_DIV, n->arg[0], n->arg[1], NULL);
	if (form_is_const(b)) {
		const Form *times = divide_by_constant(c, n, a, b->k);
		return times ? remainder_without(c, n, a, form_scale(c, b->k, times, 0), sign)
		             : NULL;
	}
	if ((other = divide_by_index(c, n)) && is_no_later(c, other, a, b))
		return other;
	taken = multiple_below(c, a, b, q->type.lo, q->type.hi);
	c->hurried |= taken && other;
	if (!taken && other)
		return other;
	if (!taken)
		taken = form_product(c, b, map_node(c, q));
	if (!taken)
		error_at_node(
			c, n,
			"this remainder is of a quotient of int %lld..%lld, more than one layer "
			"computes; digit by digit it is found where the dividend is from 0 to "
			"4194303 and the divisor 1 or more: write them with max, min, abs",
			(long long)q->type.lo, (long long)q->type.hi);
	return taken ? remainder_without(c, n, a, taken, sign) : NULL;
}
