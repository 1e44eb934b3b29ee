/* The types of reals: an interval, and a grid that says how near to 0 a value that is not
 * 0 can be.
 *
 * A comparison of reals can be compiled only where there is a grid. The mean of integers
 * over at most n positions is a fraction a / b with b up to n, so it is 1/2, or at least 1
 * / 2n away from it. A function like exp has no grid. */

#include "ir/internal.h"
#include "lang/int_division.h"

#include <math.h>

int64_t
real_grid(const Type *t)
{
	if (!t->real)
		return 1;
	return t->den && t->parts <= DEN_MAX / t->den ? t->den * t->parts : 0;
}

static Type
with_grid(Type t, int64_t den, int64_t parts, const Node *over)
{
	t.den = den;
	t.parts = parts;
	t.over = over;
	return t;
}

static Type
real_between(double min, double max)
{
	const double top = (double)VALUE_MAX;
	Type t = { .real = true, .min = min, .max = max, .parts = 1 };

	t.lo = floor(min) < -top ? -VALUE_MAX : (int64_t)floor(min);
	t.hi = ceil(max) > top ? VALUE_MAX : (int64_t)ceil(max);
	return t;
}

Type
as_real(const Node *n)
{
	return n->type.real ? n->type
	                    : with_grid(real_between((double)n->type.lo, (double)n->type.hi), 1, 1,
	                                NULL);
}

static int64_t
common_denominator(int64_t a, int64_t b)
{
	__int128 m = a && b ? (__int128)a / gcd(a, b) * b : 0;

	return m > DEN_MAX ? 0 : (int64_t)m;
}

static Type
real_join(Type a, Type b)
{
	Type t = real_between(min_double(a.min, b.min), max_double(a.max, b.max));
	bool same = a.over == b.over || a.parts == 1 || b.parts == 1;

	return with_grid(t, common_denominator(a.den, b.den), max_int64(a.parts, b.parts),
	                 !same    ? NULL
	                 : a.over ? a.over
	                          : b.over);
}

static Type
type_of_real(Real r)
{
	return with_grid(real_between(r.x, r.x), r.den, 1, NULL);
}

/* Refines the grid of a sum by one more term. Means over the same positions have one denominator,
 * so only a mean over others makes the grid finer. */
static void
refine_grid(Type *sum, const Type *x)
{
	if (x->parts == 1 || (sum->over && sum->over == x->over))
		return;
	sum->over = sum->parts == 1 ? x->over : NULL;
	if (x->parts > DEN_MAX / sum->parts)
		sum->den = 0;
	else
		sum->parts *= x->parts;
}

/* A smooth function of one stream is bounded as a whole, more sharply than step by step. It has no
 * grid. */
static Type
bent_range(const Node *n, Type t)
{
	const Node *of = smooth_variable(n);

	if (!of)
		return t;
	Interval r = smooth_range(n, of);
	t = real_between(max_double(t.min, r.lo), min_double(t.max, r.hi));
	t.of = of;
	return t;
}

static bool
nearly_equal(double x, double y)
{
	return fabs(x - y) <= 1e-12 * fabs(y);
}

/* Is the sum n, without its i-th term, m times y? */
static bool
is_multiple_without(const Node *n, int i, double m, const Node *y)
{
	bool linear = y->op == OP_LINEAR;
	int terms = linear ? y->narg : 1;

	if (n->narg - 1 != terms
	    || !nearly_equal(n->real[n->narg].x, linear ? m * y->real[terms].x : 0))
		return false;
	for (int k = 0; k < n->narg; k++) {
		int at = 0;
		while (k != i && at < terms && (linear ? y->arg[at] : y) != n->arg[k])
			at++;
		if (k != i
		    && (at == terms || !nearly_equal(n->real[k].x, linear ? m * y->real[at].x : m)))
			return false;
	}
	return true;
}

/* m, if n is x - m * floor(x / m), whose values are at least 0 and below m; else 0. */
static double
modulus_of(const Node *n)
{
	for (int i = 0; i < n->narg; i++) {
		const Node *f = n->arg[i];
		double m = -n->real[i].x;
		if (f->op == OP_MUL && f->arg[1]->op == OP_CONST) {
			m *= (double)f->arg[1]->k;
			f = f->arg[0];
		}
		if (f->op == OP_FLOOR && m > 0 && is_multiple_without(n, i, m, f->arg[0]))
			return m;
	}
	return 0;
}

static Type
real_within_modulus(Type t, double m)
{
	int64_t grid = real_grid(&t);
	double most = grid ? m - 1 / (double)grid : m;

	return m > 0 ? with_grid(real_between(max_double(t.min, 0), min_double(t.max, most)), t.den,
	                         t.parts, t.over)
	             : t;
}

Type
type_linear(Graph *g, const Node *n)
{
	Type sum = type_of_real(n->real[n->narg]);

	(void)g;
	for (int i = 0; i < n->narg; i++) {
		Type x = as_real(n->arg[i]);
		double c = n->real[i].x;
		int64_t den = n->real[i].den;
		sum.min += c > 0 ? c * x.min : c * x.max;
		sum.max += c > 0 ? c * x.max : c * x.min;
		sum.den = common_denominator(sum.den,
		                             x.den <= DEN_MAX / (den + 1) ? x.den * den : 0);
		refine_grid(&sum, &x);
	}
	sum = with_grid(real_between(sum.min, sum.max), sum.den, sum.parts, sum.over);
	return bent_range(n, real_within_modulus(sum, modulus_of(n)));
}

Type
type_values(Graph *g, const Node *n)
{
	const Type *x = &n->arg[0]->type;
	Type t = { 0 };

	(void)g;
	for (int i = 0; i < n->nreal; i++) {
		if (n->k + i < x->lo || n->k + i > x->hi)
			continue;
		Type v = type_of_real(n->real[i]);
		t = t.real ? real_join(t, v) : v;
	}
	return t;
}

Type
type_times(Graph *g, const Node *n)
{
	const Node *x = n->arg[0], *y = n->arg[1];
	Interval p = interval_product((Interval){ node_min(x), node_max(x) },
	                              (Interval){ node_min(y), node_max(y) });

	(void)g;
	return bent_range(n, real_between(x == y ? max_double(p.lo, 0) : p.lo, p.hi));
}

/* From the values at the ends, for the curves that are monotone; sine and cosine are bounded by
 * bent_range(). */
Type
type_curve(Graph *g, const Node *n)
{
	double (*f)(double) = curve_info[n->k].f;
	double p = f(node_min(n->arg[0])), q = f(node_max(n->arg[0]));
	bool turns = n->k == CURVE_SIN || n->k == CURVE_COS;

	(void)g;
	return bent_range(n, turns ? real_between(-1, 1)
	                           : real_between(min_double(p, q), max_double(p, q)));
}

Type
type_mean(Graph *g, const Node *n)
{
	Type e = as_real(n->arg[0]);

	e.of = NULL;
	/* what is summed has no common denominator if it is a mean itself */
	e = with_grid(e, e.parts > 1 ? 0 : e.den, g->context, n->arg[1]);
	return is_const(n->arg[1], 1) ? e : real_join(e, type_of_real(n->real[0]));
}

bool
type_real_choice(const Node *n, int from, int step, Type *t)
{
	bool real = false;

	for (int i = from; i < n->narg; i += step)
		real |= n->arg[i]->type.real;
	if (!real)
		return false;
	*t = as_real(n->arg[from]);
	for (int i = from + step; i < n->narg; i += step)
		*t = real_join(*t, as_real(n->arg[i]));
	t->of = NULL;
	return true;
}

Type
type_real(Graph *g, const Node *n)
{
	(void)g;
	return type_of_real(n->real[0]);
}

Type
type_approx(Graph *g, const Node *n)
{
	Type t = as_real(n->arg[0]);

	(void)g;
	t.of = smooth_variable(n);
	return t;
}

Type
type_relu(Graph *g, const Node *n)
{
	Type t = as_real(n->arg[0]);

	(void)g;
	return with_grid(real_between(max_double(t.min, 0), max_double(t.max, 0)), t.den, t.parts,
	                 t.over);
}

Type
type_attend(Graph *g, const Node *n)
{
	Type t = as_real(n->arg[0]);

	(void)g;
	return real_between(t.min, t.max);
}

Type
type_real_input(const Input *in)
{
	return real_between(in->min, in->max);
}
