/* Reals, the raw level, and integers that are too long for a float on the way to
 * ones that are not. A real is compared, floored or divided only where it is a
 * fraction of small parts, mostly: what else there is cannot be proved. */

#include "tests/fuzz/gen.h"

/* ---- what is known of a real ---- */

static bool
has_real(const Sort *t)
{
	return (t->kind == T_ARRAY ? t->item : t->kind) == T_REAL
	       || (t->kind == T_RECORD && !is_exact(t->def));
}

bool
is_exact(const Def *record)
{
	for (int i = 0; i < record->n; i++)
		if (has_real(&record->field[i].type))
			return false;
	return true;
}

/* Made of numbers that are no fractions of small parts. */
static bool
is_rough(const Expr *e)
{
	if (!e)
		return false;
	if (e->form == F_CURVE || e->form == F_ATTEND || e->form == F_APPROX)
		return true;
	if (e->form == F_CALL && is_rough(e->def->body))
		return true;
	if (e->form == F_NAME) {
		const Def *d = e->def;
		return d->kind == D_INPUT || d->kind == D_PARAM ? has_real(&d->type)
		                                                : is_rough(d->body);
	}
	for (int i = 0; i < e->n; i++)
		if (is_rough(e->kid[i]))
			return true;
	return false;
}

/* A real that can be compared, or now and then one that cannot. */
static Expr *
comparable(Gen *g, int depth)
{
	Expr *e = gen(g, t_real, depth);

	return is_rough(e) && chance(g, 97) ? of_mean(g, depth) : e;
}

/* ---- reals ---- */

static Expr *
fraction(Gen *g)
{
	return simplest(g, t_real);
}

/* A real, or an integer that becomes one beside a real. */
static Expr *
number_beside(Gen *g, int depth)
{
	return chance(g, 30) ? small_int(g, -20, 40, depth) : gen(g, t_real, depth);
}

static Expr *
real_sum(Gen *g, int depth)
{
	Expr *a = gen(g, t_real, depth), *b = number_beside(g, depth);
	bool minus = chance(g, 40);

	if (chance(g, 30)) {
		Expr *c = a;
		a = b;
		b = c;
	}
	Expr *e = of_two(g, minus ? F_SUB : F_ADD, t_real, a, b);
	return modest(g, minus ? ranged(e, a->lo - b->hi, a->hi - b->lo)
	                       : ranged(e, a->lo + b->lo, a->hi + b->hi));
}

static Expr *
product_of(Gen *g, Expr *a, Expr *b)
{
	int64_t p[4] = { a->lo * b->lo, a->lo * b->hi, a->hi * b->lo, a->hi * b->hi };
	Expr *e = ranged(of_two(g, F_MUL, t_real, a, b), p[0], p[0]);

	for (int i = 1; i < 4; i++)
		ranged(e, least(e->lo, p[i]), most(e->hi, p[i]));
	return modest(g, e);
}

static Expr *
real_product(Gen *g, int depth)
{
	if (chance(g, 40))
		return product_of(g, small_int(g, -20, 40, depth), fraction(g));
	Expr *a = gen(g, t_real, depth), *b = chance(g, 40)   ? fraction(g)
	                                      : chance(g, 50) ? exactly(g, roll(g, 9) - 3)
	                                                      : small_int(g, -2, 6, depth - 1);
	return chance(g, 50) ? product_of(g, a, b) : product_of(g, b, a);
}

static Expr *
ratio(Gen *g, int depth)
{
	Expr *a = number_beside(g, depth),
	     *b = chance(g, 65) ? exactly(g, 1 + roll(g, 9))
	                        : fitted(g, small_int(g, 0, 8, depth - 1), 1, 8);
	int64_t far = most(most(a->hi, -a->lo), 1);

	if (b->form == F_INT && chance(g, 10))
		b = exactly(g, -b->num);
	return ranged(of_two(g, F_RATIO, t_real, a, b), -far, far);
}

static Expr *
real_extreme(Gen *g, int depth)
{
	Expr *a = gen(g, t_real, depth), *b = number_beside(g, depth);

	switch (roll(g, 4)) {
	case 0: return ranged(of_one(g, F_ABS, t_real, a), 0, most(a->hi, -a->lo));
	case 1: return ranged(of_one(g, F_NEG, t_real, a), -a->hi, -a->lo);
	case 2: return hull(of_two(g, F_MIN, t_real, a, b), a, b);
	default: return hull(of_two(g, F_MAX, t_real, a, b), a, b);
	}
}

static Expr *
real_curve(Gen *g, int depth)
{
	static const int64_t from[CURVES] = { 0, -6, 1, -5, -5 }, to[CURVES] = { 30, 3, 20, 5, 5 };
	static const int64_t lo[CURVES] = { 0, 0, 0, -1, -1 }, hi[CURVES] = { 6, 21, 3, 1, 1 };
	Curve which = (Curve)roll(g, CURVES);
	Expr *x = small_int(g, from[which], to[which], depth);

	if (chance(g, 40))
		x = ranged(of_two(g, F_RATIO, t_real, x, exactly(g, 1 + roll(g, 4))), x->lo - 1,
		           x->hi);
	if (x->type.kind == T_REAL && which == LOG)
		x = fitted(g, x, 1, 20);
	Expr *e = of_one(g, F_CURVE, t_real, x);
	e->num = which;
	return ranged(e, lo[which], hi[which]);
}

/* The sum over positions, or of an array. */
static Expr *
real_total(Gen *g, int depth)
{
	Expr *e, *x;

	if (chance(g, 50)) {
		int n = 1 + roll(g, 3);
		x = gen(g, array_of(T_REAL, n), depth);
		e = of_one(g, F_TOTAL, t_real, x);
		e->num = (Total[]){ SUM, MIN, MAX }[roll(g, 3)];
		return modest(g, ranged(e, least(x->lo, x->lo * n), most(x->hi, x->hi * n)));
	}
	e = expr(g, F_OVER, t_real, 3);
	e->num = SUM;
	e->def = g->bound = def_new(g, D_BOUND, "j", t_pos);
	if (chance(g, 30))
		e->kid[1] = gen(g, t_bool, depth - 1);
	x = e->kid[0] = of_one(g, F_THERE, t_real, fitted(g, outside(g, t_real, depth - 1), -3, 9));
	x->def = g->bound;
	g->bound = NULL;
	return ranged(e, -3 * g->p->context, 9 * g->p->context);
}

/* ---- near enough: approx(e, t) ---- */

static Expr *near(Gen *, int depth);

/* Something between these that any real is made of. */
static Expr *
near_within(Gen *g, int64_t lo, int64_t hi, int depth)
{
	return fitted(g, near(g, depth), lo, hi);
}

static Expr *
near_curve(Gen *g, int depth)
{
	static const int64_t from[CURVES] = { 0, -6, 1, -7, -7 }, to[CURVES] = { 30, 2, 20, 7, 7 };
	static const int64_t lo[CURVES] = { 0, 0, 0, -1, -1 }, hi[CURVES] = { 6, 8, 3, 1, 1 };
	Curve which = (Curve)roll(g, CURVES);
	Expr *e = of_one(g, F_CURVE, t_real, near_within(g, from[which], to[which], depth));

	e->num = which;
	return ranged(e, lo[which], hi[which]);
}

static Expr *
near_power(Gen *g, int depth)
{
	Expr *e = of_one(g, F_POW, t_real, near_within(g, -4, 4, depth));

	e->num = 2 + roll(g, 2);
	return ranged(e, -64, 64);
}

static Expr *
near(Gen *g, int depth)
{
	Expr *a, *b;

	if (depth <= 0)
		return chance(g, 40) ? some_leaf(g, t_real) : gen(g, t_real, 1);
	switch (roll(g, 8)) {
	case 0:
	case 1: return near_curve(g, depth - 1);
	case 2: return near_power(g, depth - 1);
	case 3:
		a = near_within(g, -8, 8, depth - 1);
		b = near_within(g, 1, 9, depth - 1);
		return ranged(of_two(g, F_RATIO, t_real, a, b), -8, 8);
	case 4:
		a = near(g, depth - 1);
		return hull(of_two(g, F_ADD, t_real, a, exactly(g, 0)), a, a);
	default:
		a = near_within(g, -6, 6, depth - 1);
		b = chance(g, 70) ? near_within(g, -6, 6, depth - 1)
		                  : fitted(g, gen(g, t_int, depth - 1), -6, 6);
		return ranged(of_two(g, F_MUL, t_real, a, b), -36, 36);
	}
}

static Expr *
of_approx(Gen *g, int depth)
{
	static const int64_t parts[] = { 2, 10, 10, 100, 1000 };
	Expr *x = near(g, 1 + roll(g, depth > 1 ? 3 : 2)), *e = of_one(g, F_APPROX, t_real, x);

	e->num2 = parts[roll(g, 5)];
	return ranged(e, x->lo - 1, x->hi + 1);
}

Expr *
gen_real(Gen *g, int depth)
{
	Expr *e;

	if (g->near && chance(g, 25))
		return of_approx(g, depth);
	switch (roll(g, 22)) {
	case 0:
	case 1:
	case 2: return real_sum(g, depth);
	case 3:
	case 4: return real_product(g, depth);
	case 5:
	case 6:
	case 7: return ratio(g, depth);
	case 8:
	case 9:
	case 10: return of_mean(g, depth);
	case 11: return real_extreme(g, depth);
	case 12: return real_curve(g, depth);
	case 13: return real_total(g, depth);
	case 14: return of_if(g, t_real, depth);
	case 15: return of_match(g, t_real, depth);
	case 16: return of_read(g, t_real, depth);
	case 17:
		e = of_two(g, F_MOD, t_real, comparable(g, depth),
		           chance(g, 50) ? exactly(g, 1 + roll(g, 4)) : fraction(g));
		if (e->kid[1]->form == F_REAL && e->kid[1]->num <= 0)
			e->kid[1]->num = 1;
		return ranged(e, 0, 12);
	case 18: return of_call(g, t_real, depth);
	default: return part(g, t_real, depth);
	}
}

/* ---- what is decided by them ---- */

Expr *
real_bool(Gen *g, int depth)
{
	Expr *a = comparable(g, depth), *b;

	switch (roll(g, 4)) {
	case 0: b = comparable(g, depth - 1); break;
	case 1: b = small_int(g, -3, 12, depth - 1); break;
	default: b = fraction(g);
	}
	Expr *e = of_two(g, F_CMP, t_bool, a, b);
	e->num = roll(g, 6);
	return e;
}

Expr *
real_int(Gen *g, int depth)
{
	Expr *x = comparable(g, depth), *e;

	if (chance(g, 30)) {
		e = of_two(g, F_DIV, t_int, x, fraction(g));
		if (e->kid[1]->num <= 0)
			e->kid[1]->num = 1;
		int64_t far = 4 * most(x->hi, -x->lo) + 1;
		return modest(g, ranged(e, -far, far));
	}
	return ranged(of_one(g, chance(g, 60) ? F_FLOOR : F_CEIL, t_int, x), x->lo, x->hi);
}

/* ---- the raw level ---- */

static Expr *
of_linear(Gen *g, Sort t, int depth)
{
	int n = 1 + roll(g, 3);
	Expr *x = gen(g, array_of(chance(g, 80) ? T_REAL : T_INT, n), depth),
	     *e = of_one(g, F_LINEAR, t, x);
	int64_t *w = NEWS(g->arena, int64_t, t.n * (n + 1)), far = most(most(x->hi, -x->lo), 1);

	for (int i = 0; i < t.n * (n + 1); i++)
		w[i] = chance(g, 20) ? 0 : roll(g, 13) - 6;
	e->weights = w;
	return ranged(e, -2 * (n * far + 1), 2 * (n * far + 1));
}

static Expr *
of_attend(Gen *g, Sort t, int depth)
{
	Expr *e = expr(g, F_ATTEND, t, 3);
	int n = 1 + roll(g, 3);

	for (int i = 0; i < 2; i++) {
		Expr *x = e->kid[i] = expr(g, F_ARRAY, array_of(T_REAL, n), n);
		for (int k = 0; k < n; k++)
			x->kid[k] = fitted(
				g, chance(g, 70) ? some_leaf(g, t_real) : gen(g, t_real, depth - 1),
				-2, 2);
	}
	e->kid[2] = gen(g, t, depth);
	return ranged(e, e->kid[2]->lo, e->kid[2]->hi);
}

Expr *
real_array(Gen *g, Sort t, int depth)
{
	Expr *x;

	switch (roll(g, 4)) {
	case 0:
	case 1: return of_linear(g, t, depth);
	case 2:
		x = gen(g, t, depth);
		return ranged(of_one(g, F_RELU, t, x), most(x->lo, 0), most(x->hi, 0));
	default: return depth > 0 ? of_attend(g, t, depth - 1) : some_leaf(g, t);
	}
}

/* ---- long integers ---- */

/* A unit of long numbers, mostly one that divides the others of its kind. */
static int64_t
unit(Gen *g, int kind)
{
	static const int64_t of[][4] = {
		{ 10000000, 100000000, 10000000000, 1000000000000 },
		{ 1 << 24, 1 << 30, (int64_t)1 << 36, (int64_t)1 << 40 },
		{ (1 << 24) + 1, 99999999, 123456789, 77777777777777 },
	};

	return of[chance(g, 90) ? kind : roll(g, 3)][roll(g, 4)];
}

/* Beyond what a float holds: only added, multiplied by a constant, compared and divided. */
static Expr *
wide(Gen *g, int kind, int depth)
{
	int n = 1 + roll(g, 3);
	Expr *sum = NULL;

	for (int i = 0; i < n; i++) {
		Expr *x = small_int(g, chance(g, 70) ? 0 : -9, chance(g, 50) ? 9 : 999, depth - 1);
		int64_t by = i && chance(g, 30) ? 1 + roll(g, 9) : unit(g, kind);
		x = ranged(of_two(g, F_MUL, t_int, x, exactly(g, by)), x->lo * by, x->hi * by);
		bool minus = sum && chance(g, 35);
		if (!sum)
			sum = x;
		else if (minus)
			sum = ranged(of_two(g, F_SUB, t_int, sum, x), sum->lo - x->hi,
			             sum->hi - x->lo);
		else
			sum = ranged(of_two(g, F_ADD, t_int, sum, x), sum->lo + x->lo,
			             sum->hi + x->hi);
	}
	if (chance(g, 40)) {
		int64_t v = unit(g, kind);
		sum = ranged(of_two(g, F_ADD, t_int, sum, exactly(g, v)), sum->lo + v, sum->hi + v);
	}
	return sum;
}

Expr *
wide_bool(Gen *g, int depth)
{
	int kind = roll(g, 3);
	Expr *a = wide(g, kind, depth), *b = chance(g, 60) ? wide(g, kind, depth) : NULL;

	if (!b) {
		int64_t v = a->lo + (a->hi - a->lo) / 8 * roll(g, 9) + roll(g, 3) - 1;
		b = exactly(g, v);
	}
	Expr *e = of_two(g, F_CMP, t_bool, a, b);
	e->num = roll(g, 6);
	return e;
}

Expr *
wide_int(Gen *g, int depth)
{
	static const int64_t small[] = { 2, 10, 16, 100, 7 };
	Expr *a = wide(g, roll(g, 3), depth);
	int64_t far = most(most(a->hi, -a->lo), 1), by = 1;

	if (chance(g, 25)) {
		int64_t n = small[roll(g, 5)];
		return ranged(of_two(g, F_MOD, t_int, a, exactly(g, n)), 0, n - 1);
	}
	while (far / by > 1000)
		by *= 10;
	if (chance(g, 30))
		by += roll(g, 9);
	return ranged(of_two(g, F_DIV, t_int, a, exactly(g, by)), -1001, 1001);
}
