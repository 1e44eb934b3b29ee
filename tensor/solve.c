/* Sums over what a condition determines:
 *
 *     sum(where(r == e, f(r), 0) for r < n)    is    where(0 <= e < n, f(e), 0)
 *
 * This is what makes a gradient out of index notation: what flows to s[j] is the sum over all
 * places of the reader, of what flows from those whose index is j; solved for the reader's place
 * that is a transposed read, and a sum only over what the index leaves open.
 *
 * A condition is solved for r where it is r, r plus what does not depend on r, or where all of
 * the digits of r are given: r // 32 == a and r % 32 == b. */

#include "tensor/internal.h"

enum { CONDITIONS_MAX = 32 };

typedef struct SumOver {
	TensorGraph *g;
	Scalar *range;
	int n;
	Scalar *condition[CONDITIONS_MAX]; /* NULL: used up */
	Scalar *value;
} SumOver;

/* e is r plus `rest`, which does not depend on r: r == e - rest. NULL if not so. */
static Scalar *
solved(TensorGraph *g, Scalar *e, const Scalar *r, Scalar *is)
{
	if (e == r)
		return is;
	if (e->op != X_ADD && e->op != X_SUB)
		return NULL;
	Scalar *a = e->arg[0], *b = e->arg[1];
	bool in_a = scalar_depends(a, r), in_b = scalar_depends(b, r);
	if (in_a && !in_b)
		return solved(g, a, r, scalar_binary(g, e->op == X_ADD ? X_SUB : X_ADD, is, b));
	if (in_b && !in_a && e->op == X_ADD)
		return solved(g, b, r, scalar_binary(g, X_SUB, is, a));
	if (in_b && !in_a)
		return solved(g, b, r, scalar_binary(g, X_SUB, a, is));
	return NULL;
}

/* The two sides of an equation: which one depends on r, and the other, which does not. */
static bool
equation(const Scalar *c, const Scalar *r, Scalar **of_r, Scalar **other)
{
	if (!c || c->op != X_EQ)
		return false;
	bool first = scalar_depends(c->arg[0], r);
	*of_r = c->arg[first ? 0 : 1];
	*other = c->arg[first ? 1 : 0];
	return scalar_depends(*of_r, r) && !scalar_depends(*other, r) && (*other)->integer;
}

/* e is base // unit % modulus; modulus is 0 where nothing is cut off above. */
static Scalar *
range_digit(Scalar *e, double *unit, double *modulus)
{
	*unit = 1;
	*modulus = 0;
	if (e->op == X_MOD && e->arg[1]->op == X_CONST) {
		*modulus = e->arg[1]->value;
		e = e->arg[0];
	}
	if (e->op == X_FLOOR && e->arg[1]->op == X_CONST) {
		*unit = e->arg[1]->value;
		e = e->arg[0];
	}
	return *modulus || *unit > 1 ? e : NULL;
}

/* The condition that gives the digit of `base` above `unit`, or -1. */
static int
find_digit(const SumOver *s, const Scalar *base, double unit, double *modulus, Scalar **is)
{
	Scalar *of_r;
	double u;

	for (int i = 0; i < s->n; i++)
		if (equation(s->condition[i], s->range, &of_r, is)
		    && range_digit(of_r, &u, modulus) == base && u == unit)
			return i;
	return -1;
}

/* All digits of `base` are given: it is their sum. */
static Scalar *
sum_of_digits(SumOver *s, Scalar *base)
{
	TensorGraph *g = s->g;
	Scalar *sum = scalar_const(g, 0), *is;
	double unit = 1, modulus;
	int used[CONDITIONS_MAX], n = 0;

	do {
		int i = n < CONDITIONS_MAX ? find_digit(s, base, unit, &modulus, &is) : -1;
		if (i < 0)
			return NULL;
		used[n++] = i;
		sum = scalar_binary(g, X_ADD, scalar_binary(g, X_MUL, is, scalar_const(g, unit)),
		                    sum);
		unit *= modulus;
	} while (modulus && !(base->values.lo >= 0 && base->values.hi < unit));
	for (int i = 0; i < n; i++) {
		/* A lower digit is one only below its modulus. */
		Scalar *of_r, *c = s->condition[used[i]];
		equation(c, s->range, &of_r, &is);
		range_digit(of_r, &unit, &modulus);
		s->condition[used[i]] =
			!modulus
				? NULL
				: scalar_where(g, scalar_binary(g, X_LT, scalar_const(g, -1), is),
		                               scalar_binary(g, X_LT, is, scalar_const(g, modulus)),
		                               scalar_const(g, 0));
	}
	return sum;
}

/* What r must be by the conditions, which are then used up; NULL if they leave it open. */
static Scalar *
determined(SumOver *s)
{
	Scalar *of_r, *other, *e;
	double unit, modulus;

	for (int i = 0; i < s->n; i++)
		if (equation(s->condition[i], s->range, &of_r, &other)
		    && (e = solved(s->g, of_r, s->range, other))) {
			s->condition[i] = NULL;
			return e;
		}
	for (int i = 0; i < s->n; i++) {
		if (!equation(s->condition[i], s->range, &of_r, &other))
			continue;
		Scalar *base = range_digit(of_r, &unit, &modulus);
		if (base && solved(s->g, base, s->range, base) && (e = sum_of_digits(s, base)))
			return solved(s->g, base, s->range, e);
	}
	return NULL;
}

static Scalar *
guarded(TensorGraph *g, Scalar *condition, Scalar *value)
{
	return scalar_where(g, condition, value, scalar_const(g, 0));
}

/* The sum where r is known to be e. */
static Scalar *
at_solution(const SumOver *s, Scalar *e)
{
	TensorGraph *g = s->g;
	Scalar *value = scalar_substitute(g, s->value, s->range, e);

	for (int i = s->n - 1; i >= 0; i--)
		if (s->condition[i])
			value = guarded(g, scalar_substitute(g, s->condition[i], s->range, e),
			                value);
	value = guarded(g, scalar_binary(g, X_LT, e, scalar_const(g, s->range->extent)), value);
	return guarded(g, scalar_binary(g, X_LT, scalar_const(g, -1), e), value);
}

/* Conditions that do not depend on r come out of the sum. NULL if there is none. */
static Scalar *
hoist_conditions(const SumOver *s)
{
	TensorGraph *g = s->g;
	Scalar *inner = s->value, *sum;
	bool any = false;

	for (int i = s->n - 1; i >= 0; i--) {
		if (scalar_depends(s->condition[i], s->range))
			inner = guarded(g, s->condition[i], inner);
		else
			any = true;
	}
	if (!any)
		return NULL;
	sum = scalar_reduce(g, X_SUM, inner, s->range);
	for (int i = s->n - 1; i >= 0; i--)
		if (!scalar_depends(s->condition[i], s->range))
			sum = guarded(g, s->condition[i], sum);
	return sum;
}

Scalar *
scalar_solve_sum(TensorGraph *g, const Scalar *sum)
{
	SumOver s = { .g = g, .range = sum->arg[1], .value = sum->arg[0] };
	Scalar *simpler, *e;

	while (s.value->op == X_WHERE && scalar_is(s.value->arg[2], 0) && s.n < CONDITIONS_MAX) {
		s.condition[s.n++] = s.value->arg[0];
		s.value = s.value->arg[1];
	}
	if (s.value->op == X_EQ && s.n < CONDITIONS_MAX) {
		s.condition[s.n++] = s.value;
		s.value = scalar_const(g, 1);
	}
	if (!s.n)
		return NULL;
	if ((simpler = hoist_conditions(&s)))
		return simpler;
	return (e = determined(&s)) ? at_solution(&s, e) : NULL;
}
