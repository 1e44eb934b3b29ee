/* Smooth functions of one stream, and how far they bend.
 *
 *     x / (1 + exp(-x))
 *
 * is a LINEAR, two CURVEs and a TIMES, all of one x, and one broken line can stand for all
 * of it. How many pieces that takes follows from the second derivative: where it lies
 * within m..M, a chord of width h is within M h^2 / 8 of the function (the error of linear
 * interpolation). So the function is computed step by step on whole intervals, rounded
 * outward (interval arithmetic; Moore 1966), together with its first two derivatives
 * (automatic differentiation; Rall 1981). Each bound is a proof, not a sample. */

#include "ir/internal.h"

#include <math.h>

enum {
	RANGE_PARTS = 256, /* pieces of the domain that are bounded one by one, for the range of a
	                      function */
	RANGE_STEPS = 64,  /* a function of more steps is not bounded so */
};

static double
reciprocal(double x)
{
	return 1 / x;
}

const CurveInfo curve_info[NUM_CURVES] = {
	[CURVE_EXP] = { "exp", exp },    [CURVE_LOG] = { "log", log },
	[CURVE_SQRT] = { "sqrt", sqrt }, [CURVE_SIN] = { "sin", sin },
	[CURVE_COS] = { "cos", cos },    [CURVE_INVERSE] = { "1 /", reciprocal },
};

bool
curve_has(CurveKind curve, double min, double max)
{
	switch (curve) {
	case CURVE_LOG: return min > 0;
	case CURVE_SQRT: return min >= 0;
	case CURVE_INVERSE: return min > 0 || max < 0;
	default: return true;
	}
}

/* ---- intervals, rounded outward by more than a double and libm err ---- */

static const Interval any_interval = { -INFINITY, INFINITY };

static Interval
rounded_outward(double lo, double hi)
{
	if (isnan(lo) || isnan(hi))
		return any_interval;
	return (Interval){ isfinite(lo) ? lo - fabs(lo) * 0x1p-50 : lo,
		           isfinite(hi) ? hi + fabs(hi) * 0x1p-50 : hi };
}

static Interval
interval_meet(Interval a, Interval b)
{
	Interval c = { max_double(a.lo, b.lo), min_double(a.hi, b.hi) };

	return c.lo <= c.hi ? c : a;
}

static Interval
interval_plus(Interval a, Interval b)
{
	return rounded_outward(a.lo + b.lo, a.hi + b.hi);
}

static Interval
interval_scaled(double c, Interval a)
{
	if (c == 0)
		return (Interval){ 0, 0 };
	return rounded_outward(c > 0 ? c * a.lo : c * a.hi, c > 0 ? c * a.hi : c * a.lo);
}

static double
product_or_zero(double x, double y)
{
	return x == 0 || y == 0 ? 0 : x * y;
}

Interval
interval_product(Interval a, Interval b)
{
	double p = product_or_zero(a.lo, b.lo), q = product_or_zero(a.lo, b.hi),
	       r = product_or_zero(a.hi, b.lo), s = product_or_zero(a.hi, b.hi);

	return (Interval){ min_double(min_double(p, q), min_double(r, s)),
		           max_double(max_double(p, q), max_double(r, s)) };
}

static Interval
interval_times(Interval a, Interval b)
{
	Interval p = interval_product(a, b);

	return rounded_outward(p.lo, p.hi);
}

static Interval
interval_square(Interval a)
{
	Interval s = rounded_outward(min_double(a.lo * a.lo, a.hi * a.hi),
	                             max_double(a.lo * a.lo, a.hi * a.hi));

	return (Interval){ a.lo <= 0 && a.hi >= 0 ? 0 : s.lo, s.hi };
}

static Interval
inverse_on(Interval x)
{
	if (x.lo <= 0 && x.hi >= 0)
		return any_interval;
	return rounded_outward(1 / x.hi, 1 / x.lo);
}

/* Is at + 2 pi k in x, for some integer k? */
static bool
reaches_turn(Interval x, double at)
{
	const double turn = 2 * M_PI;

	return floor((x.hi - at) / turn + 1e-9) >= ceil((x.lo - at) / turn - 1e-9);
}

static Interval
cos_on(Interval x)
{
	if (!(x.hi - x.lo < 2 * M_PI) || fabs(x.lo) > 1e6)
		return (Interval){ -1, 1 };
	double p = cos(x.lo), q = cos(x.hi);
	Interval y = { min_double(p, q) - 1e-9, max_double(p, q) + 1e-9 };
	return (Interval){ reaches_turn(x, M_PI) || y.lo < -1 ? -1 : y.lo,
		           reaches_turn(x, 0) || y.hi > 1 ? 1 : y.hi };
}

static Interval
sin_on(Interval x)
{
	return cos_on(interval_plus(x, (Interval){ -M_PI / 2, -M_PI / 2 }));
}

/* ---- a curve and its derivatives ---- */

static Jet
sqrt_on(Interval x)
{
	Interval root = rounded_outward(sqrt(max_double(x.lo, 0)), sqrt(max_double(x.hi, 0)));

	root.lo = max_double(root.lo, 0);
	Interval down = root.lo > 0 ? inverse_on(root) : rounded_outward(1 / root.hi, INFINITY);
	Interval cube = { down.lo * down.lo * down.lo * (1 - 0x1p-48),
		          down.hi * down.hi * down.hi * (1 + 0x1p-48) };
	return (Jet){ root, interval_scaled(0.5, down), interval_scaled(-0.25, cube) };
}

static Jet
curve_on(CurveKind curve, Interval x)
{
	Interval y;

	switch (curve) {
	case CURVE_EXP: y = rounded_outward(exp(x.lo), exp(x.hi)); return (Jet){ y, y, y };
	case CURVE_LOG:
		if (x.lo <= 0)
			return (Jet){ any_interval, any_interval, any_interval };
		y = inverse_on(x);
		return (Jet){ (Interval){ rounded_outward(log(x.lo), 0).lo,
			                  rounded_outward(0, log(x.hi)).hi },
			      y, interval_scaled(-1, interval_square(y)) };
	case CURVE_SQRT: return sqrt_on(x);
	case CURVE_SIN: y = sin_on(x); return (Jet){ y, cos_on(x), interval_scaled(-1, y) };
	case CURVE_COS:
		y = cos_on(x);
		return (Jet){ y, interval_scaled(-1, sin_on(x)), interval_scaled(-1, y) };
	default:
		y = inverse_on(x);
		return (Jet){ y, interval_scaled(-1, interval_square(y)),
			      interval_scaled(2, interval_times(interval_square(y), y)) };
	}
}

/* The chain rule: f(g)' = f' g', and f(g)'' = f'' g'^2 + f' g''. */
static Jet
jet_composed(CurveKind curve, Jet g)
{
	Jet f = curve_on(curve, g.value);

	return (Jet){ f.value, interval_times(f.slope, g.slope),
		      interval_plus(interval_times(f.bend, interval_square(g.slope)),
		                    interval_times(f.slope, g.bend)) };
}

static Jet
jet_product(Jet a, Jet b, bool same)
{
	Jet p;

	p.value = same ? interval_square(a.value) : interval_times(a.value, b.value);
	p.slope = interval_plus(interval_times(a.slope, b.value), interval_times(a.value, b.slope));
	p.bend = interval_plus(
		interval_plus(interval_times(a.bend, b.value), interval_times(a.value, b.bend)),
		interval_scaled(2, same ? interval_square(a.slope)
	                                : interval_times(a.slope, b.slope)));
	return p;
}

/* ---- of which stream ---- */

/* Is n equal to a * v + b? */
static bool
on_line(const Node *n, const Node *v, double *a, double *b)
{
	*a = 1;
	*b = 0;
	if (n == v)
		return true;
	if (n->op != OP_LINEAR || v->op != OP_LINEAR || n->narg != v->narg)
		return false;
	*a = n->real[0].x / v->real[0].x;
	*b = n->real[n->narg].x - *a * v->real[n->narg].x;
	for (int i = 0; i < n->narg; i++)
		if (n->arg[i] != v->arg[i] || n->real[i].x != *a * v->real[i].x)
			return false;
	return true;
}

static const Node *
variable_of(const Node *n)
{
	while (!n->type.of && n->op == OP_LINEAR && n->narg == 1)
		n = n->arg[0];
	return n->type.of ? n->type.of : n;
}

/* Is one a multiple of the other, but for a constant? */
static bool
on_same_line(const Node *a, const Node *b)
{
	double c, d;

	return on_line(a, b, &c, &d);
}

const Node *
smooth_variable(const Node *n)
{
	const Node *v = NULL;
	bool bent = has_trait(n->op, T_CURVED);

	if (n->op == OP_APPROX)
		return n->k ? NULL : n->arg[0]->type.of;
	if (!bent && n->op != OP_LINEAR)
		return NULL;
	for (int i = 0; i < n->narg; i++) {
		const Node *x = n->arg[i];
		if (is_literal(x))
			continue;
		bent |= x->type.of != NULL;
		if (v && !on_same_line(variable_of(x), v))
			return NULL;
		v = v ? v : variable_of(x);
	}
	return bent ? v : NULL;
}

/* ---- the function, step by step ---- */

typedef enum StepKind { STEP_VARIABLE, STEP_NUMBER, STEP_LINEAR, STEP_TIMES, STEP_CURVE } StepKind;

typedef struct SmoothStep {
	const Node *node;
	StepKind kind;
	double a, b; /* S_VARIABLE: a x + b; S_NUMBER: b */
	int *arg;    /* the steps of the node's operands */
	Jet jet;     /* on the interval at hand */
} SmoothStep;

struct Smooth {
	Arena *arena;
	const Node *of;
	int n, cap, most; /* n is -1 if they are more than most */
	SmoothStep *step; /* (n) operands first */
};

static int
smooth_add_step(Smooth *s, SmoothStep step)
{
	if (s->n < 0 || s->n == s->most) {
		s->n = -1;
		return 0;
	}
	GROW(s->arena, s->step, s->cap, s->n + 1);
	s->step[s->n] = step;
	return s->n++;
}

static int
smooth_compile(Smooth *s, const Node *n, int depth)
{
	SmoothStep step = { .node = n };

	for (int i = 0; i < s->n; i++)
		if (s->step[i].node == n)
			return i;
	if (depth > s->most)
		s->n = -1;
	if (s->n < 0)
		return 0;
	if (on_line(n, s->of, &step.a, &step.b)) {
		step.kind = STEP_VARIABLE;
		return smooth_add_step(s, step);
	}
	if (is_literal(n)) {
		step.kind = STEP_NUMBER;
		step.b = n->op == OP_REAL ? n->real[0].x : (double)n->k;
		return smooth_add_step(s, step);
	}
	if (n->op == OP_APPROX && !n->k)
		return smooth_compile(s, n->arg[0], depth + 1);
	step.kind = n->op == OP_LINEAR ? STEP_LINEAR : n->op == OP_TIMES ? STEP_TIMES : STEP_CURVE;
	step.arg = NEWS(s->arena, int, n->narg);
	for (int i = 0; i < n->narg; i++)
		step.arg[i] = smooth_compile(s, n->arg[i], depth + 1);
	return smooth_add_step(s, step);
}

Smooth *
smooth_of(Arena *arena, const Node *n, const Node *of, int most)
{
	Smooth *s = NEW(arena, Smooth);

	*s = (Smooth){ .arena = arena, .of = of, .most = most };
	smooth_compile(s, n, 0);
	return s->n > 0 ? s : NULL;
}

static Jet
jet_linear(const Smooth *s, const SmoothStep *t)
{
	const Node *n = t->node;
	double k = n->real[n->narg].x;
	Jet sum = { { k, k }, { 0, 0 }, { 0, 0 } };

	for (int i = 0; i < n->narg; i++) {
		const Jet *x = &s->step[t->arg[i]].jet;
		double c = n->real[i].x;
		sum.value = interval_plus(sum.value, interval_scaled(c, x->value));
		sum.slope = interval_plus(sum.slope, interval_scaled(c, x->slope));
		sum.bend = interval_plus(sum.bend, interval_scaled(c, x->bend));
	}
	return sum;
}

static Jet
jet_of_step(const Smooth *s, const SmoothStep *t, Interval x)
{
	switch (t->kind) {
	case STEP_VARIABLE:
		return (Jet){ interval_plus(interval_scaled(t->a, x), (Interval){ t->b, t->b }),
			      { t->a, t->a },
			      { 0, 0 } };
	case STEP_NUMBER: return (Jet){ { t->b, t->b }, { 0, 0 }, { 0, 0 } };
	case STEP_LINEAR: return jet_linear(s, t);
	case STEP_TIMES:
		return jet_product(s->step[t->arg[0]].jet, s->step[t->arg[1]].jet,
		                   t->arg[0] == t->arg[1]);
	default: return jet_composed((CurveKind)t->node->k, s->step[t->arg[0]].jet);
	}
}

static Jet
jet_of_all(Smooth *s, Interval x)
{
	for (int i = 0; i < s->n; i++)
		s->step[i].jet = jet_of_step(s, &s->step[i], x);
	return s->step[s->n - 1].jet;
}

double
smooth_at(Smooth *s, double x)
{
	Interval y = jet_of_all(s, (Interval){ x, x }).value;

	return y.lo + (y.hi - y.lo) / 2;
}

Jet
smooth_on(Smooth *s, Interval x)
{
	return jet_of_all(s, x);
}

/* The mean value form: f(middle) + f'(x) * (x - middle) is narrower than f(x), computed step by
 * step, where the interval is narrow (Moore 1966). */
static Interval
smooth_values_on(Smooth *s, Interval x)
{
	double middle = x.lo + (x.hi - x.lo) / 2;
	Jet jet = jet_of_all(s, x);
	Interval y = jet_of_all(s, (Interval){ middle, middle }).value;

	return interval_meet(
		jet.value,
		interval_plus(y, interval_times(jet.slope,
	                                        rounded_outward(x.lo - middle, x.hi - middle))));
}

Interval
smooth_range(const Node *n, const Node *of)
{
	Arena scratch = { 0 };
	Smooth *s = smooth_of(&scratch, n, of, RANGE_STEPS);
	Interval all = any_interval;

	if (s) {
		double lo = node_min(s->of), hi = node_max(s->of);
		for (int i = 0; i < RANGE_PARTS; i++) {
			double to = i + 1 < RANGE_PARTS ? lo + (hi - lo) * (i + 1) / RANGE_PARTS
			                                : hi;
			Interval y = smooth_values_on(
				s, (Interval){ lo + (hi - lo) * i / RANGE_PARTS, to });
			all = i ? interval_hull(all, y) : y;
		}
	}
	arena_free(&scratch);
	return all;
}
