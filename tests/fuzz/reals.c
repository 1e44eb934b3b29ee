/* Reals, the raw level, and integers that are too long for a float on the way to
 * ones that are not. A real is compared, floored or divided only where it is a
 * fraction of small parts, mostly: what else there is cannot be proved. */

#include "tests/fuzz/gen.h"

/* ---- what is known of a real ---- */

static bool
has_real_type(const Sort *t)
{
	return (t->kind == T_ARRAY ? t->item : t->kind) == T_REAL
	       || (t->kind == T_RECORD && !has_no_reals(t->def));
}

bool
has_no_reals(const Decl *record)
{
	for (int i = 0; i < record->n; i++)
		if (has_real_type(&record->field[i].type))
			return false;
	return true;
}

/* Can it be something else than a fraction with a small denominator? */
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
		const Decl *d = e->def;
		return d->kind == D_INPUT || d->kind == D_PARAM ? has_real_type(&d->type)
		                                                : is_rough(d->body);
	}
	for (int i = 0; i < e->n; i++)
		if (is_rough(e->kid[i]))
			return true;
	return false;
}

/* A real that can be compared; now and then one that cannot be. */
static Expr *
gen_comparable(Gen *g, int depth)
{
	Expr *e = gen(g, t_real, depth);

	return is_rough(e) && gen_chance(g, 97) ? gen_mean(g, depth) : e;
}

/* ---- reals ---- */

static Expr *
gen_fraction(Gen *g)
{
	return gen_simplest(g, t_real);
}

/* A real, or an integer that becomes one beside a real. */
static Expr *
gen_number_beside(Gen *g, int depth)
{
	return gen_chance(g, 30) ? gen_small_int(g, -20, 40, depth) : gen(g, t_real, depth);
}

static Expr *
gen_real_sum(Gen *g, int depth)
{
	Expr *a = gen(g, t_real, depth), *b = gen_number_beside(g, depth);
	bool minus = gen_chance(g, 40);

	if (gen_chance(g, 30)) {
		Expr *c = a;
		a = b;
		b = c;
	}
	Expr *e = gen_binary(g, minus ? F_SUB : F_ADD, t_real, a, b);
	return gen_modest(g, minus ? ranged(e, a->lo - b->hi, a->hi - b->lo)
	                           : ranged(e, a->lo + b->lo, a->hi + b->hi));
}

static Expr *
gen_real_product_of(Gen *g, Expr *a, Expr *b)
{
	int64_t p[4] = { a->lo * b->lo, a->lo * b->hi, a->hi * b->lo, a->hi * b->hi };
	Expr *e = ranged(gen_binary(g, F_MUL, t_real, a, b), p[0], p[0]);

	for (int i = 1; i < 4; i++)
		ranged(e, min_int64(e->lo, p[i]), max_int64(e->hi, p[i]));
	return gen_modest(g, e);
}

static Expr *
gen_real_product(Gen *g, int depth)
{
	if (gen_chance(g, 40))
		return gen_real_product_of(g, gen_small_int(g, -20, 40, depth), gen_fraction(g));
	Expr *a = gen(g, t_real, depth), *b = gen_chance(g, 40) ? gen_fraction(g)
	                                      : gen_chance(g, 50)
	                                              ? gen_literal(g, gen_roll(g, 9) - 3)
	                                              : gen_small_int(g, -2, 6, depth - 1);
	return gen_chance(g, 50) ? gen_real_product_of(g, a, b) : gen_real_product_of(g, b, a);
}

static Expr *
gen_ratio(Gen *g, int depth)
{
	Expr *a = gen_number_beside(g, depth),
	     *b = gen_chance(g, 65) ? gen_literal(g, 1 + gen_roll(g, 9))
	                            : gen_fitted(g, gen_small_int(g, 0, 8, depth - 1), 1, 8);
	int64_t far = max_int64(max_int64(a->hi, -a->lo), 1);

	if (b->form == F_INT && gen_chance(g, 10))
		b = gen_literal(g, -b->num);
	return ranged(gen_binary(g, F_RATIO, t_real, a, b), -far, far);
}

static Expr *
gen_real_extreme(Gen *g, int depth)
{
	Expr *a = gen(g, t_real, depth), *b = gen_number_beside(g, depth);

	switch (gen_roll(g, 4)) {
	case 0: return ranged(gen_unary(g, F_ABS, t_real, a), 0, max_int64(a->hi, -a->lo));
	case 1: return ranged(gen_unary(g, F_NEG, t_real, a), -a->hi, -a->lo);
	case 2: return ranged_hull(gen_binary(g, F_MIN, t_real, a, b), a, b);
	default: return ranged_hull(gen_binary(g, F_MAX, t_real, a, b), a, b);
	}
}

static Expr *
gen_real_curve(Gen *g, int depth)
{
	static const int64_t from[CURVES] = { 0, -6, 1, -5, -5 }, to[CURVES] = { 30, 3, 20, 5, 5 };
	static const int64_t lo[CURVES] = { 0, 0, 0, -1, -1 }, hi[CURVES] = { 6, 21, 3, 1, 1 };
	CurveName which = (CurveName)gen_roll(g, CURVES);
	Expr *x = gen_small_int(g, from[which], to[which], depth);

	if (gen_chance(g, 40))
		x = ranged(gen_binary(g, F_RATIO, t_real, x, gen_literal(g, 1 + gen_roll(g, 4))),
		           x->lo - 1, x->hi);
	if (x->type.kind == T_REAL && which == LOG)
		x = gen_fitted(g, x, 1, 20);
	Expr *e = gen_unary(g, F_CURVE, t_real, x);
	e->num = which;
	return ranged(e, lo[which], hi[which]);
}

/* The sum over positions, or of an array. */
static Expr *
gen_real_total(Gen *g, int depth)
{
	Expr *e, *x;

	if (gen_chance(g, 50)) {
		int n = 1 + gen_roll(g, 3);
		x = gen(g, sort_of_array(T_REAL, n), depth);
		e = gen_unary(g, F_TOTAL, t_real, x);
		e->num = (Aggregate[]){ SUM, MIN, MAX }[gen_roll(g, 3)];
		return gen_modest(
			g, ranged(e, min_int64(x->lo, x->lo * n), max_int64(x->hi, x->hi * n)));
	}
	e = new_expr(g, F_OVER, t_real, 3);
	e->num = SUM;
	e->def = g->bound = def_new(g, D_BOUND, "j", t_pos);
	if (gen_chance(g, 30))
		e->kid[1] = gen(g, t_bool, depth - 1);
	x = e->kid[0] = gen_unary(g, F_THERE, t_real,
	                          gen_fitted(g, gen_one_sided(g, t_real, depth - 1), -3, 9));
	x->def = g->bound;
	g->bound = NULL;
	return ranged(e, -3 * g->p->context, 9 * g->p->context);
}

/* ---- near enough: approx(e, t) ---- */

static Expr *gen_near(Gen *, int depth);

/* Something between these that any real is made of. */
static Expr *
gen_near_within(Gen *g, int64_t lo, int64_t hi, int depth)
{
	return gen_fitted(g, gen_near(g, depth), lo, hi);
}

static Expr *
gen_near_curve(Gen *g, int depth)
{
	static const int64_t from[CURVES] = { 0, -6, 1, -7, -7 }, to[CURVES] = { 30, 2, 20, 7, 7 };
	static const int64_t lo[CURVES] = { 0, 0, 0, -1, -1 }, hi[CURVES] = { 6, 8, 3, 1, 1 };
	CurveName which = (CurveName)gen_roll(g, CURVES);
	Expr *e = gen_unary(g, F_CURVE, t_real, gen_near_within(g, from[which], to[which], depth));

	e->num = which;
	return ranged(e, lo[which], hi[which]);
}

static Expr *
gen_near_power(Gen *g, int depth)
{
	Expr *e = gen_unary(g, F_POW, t_real, gen_near_within(g, -4, 4, depth));

	e->num = 2 + gen_roll(g, 2);
	return ranged(e, -64, 64);
}

static Expr *
gen_near(Gen *g, int depth)
{
	Expr *a, *b;

	if (depth <= 0)
		return gen_chance(g, 40) ? gen_leaf(g, t_real) : gen(g, t_real, 1);
	switch (gen_roll(g, 8)) {
	case 0:
	case 1: return gen_near_curve(g, depth - 1);
	case 2: return gen_near_power(g, depth - 1);
	case 3:
		a = gen_near_within(g, -8, 8, depth - 1);
		b = gen_near_within(g, 1, 9, depth - 1);
		return ranged(gen_binary(g, F_RATIO, t_real, a, b), -8, 8);
	case 4:
		a = gen_near(g, depth - 1);
		return ranged_hull(gen_binary(g, F_ADD, t_real, a, gen_literal(g, 0)), a, a);
	default:
		a = gen_near_within(g, -6, 6, depth - 1);
		b = gen_chance(g, 70) ? gen_near_within(g, -6, 6, depth - 1)
		                      : gen_fitted(g, gen(g, t_int, depth - 1), -6, 6);
		return ranged(gen_binary(g, F_MUL, t_real, a, b), -36, 36);
	}
}

static Expr *
gen_approx(Gen *g, int depth)
{
	static const int64_t parts[] = { 2, 10, 10, 100, 1000 };
	Expr *x = gen_near(g, 1 + gen_roll(g, depth > 1 ? 3 : 2)),
	     *e = gen_unary(g, F_APPROX, t_real, x);

	e->num2 = parts[gen_roll(g, 5)];
	return ranged(e, x->lo - 1, x->hi + 1);
}

Expr *
gen_real(Gen *g, int depth)
{
	Expr *e;

	if (g->near && gen_chance(g, 25))
		return gen_approx(g, depth);
	switch (gen_roll(g, 22)) {
	case 0:
	case 1:
	case 2: return gen_real_sum(g, depth);
	case 3:
	case 4: return gen_real_product(g, depth);
	case 5:
	case 6:
	case 7: return gen_ratio(g, depth);
	case 8:
	case 9:
	case 10: return gen_mean(g, depth);
	case 11: return gen_real_extreme(g, depth);
	case 12: return gen_real_curve(g, depth);
	case 13: return gen_real_total(g, depth);
	case 14: return gen_if(g, t_real, depth);
	case 15: return gen_match(g, t_real, depth);
	case 16: return gen_read(g, t_real, depth);
	case 17:
		e = gen_binary(g, F_MOD, t_real, gen_comparable(g, depth),
		               gen_chance(g, 50) ? gen_literal(g, 1 + gen_roll(g, 4))
		                                 : gen_fraction(g));
		if (e->kid[1]->form == F_REAL && e->kid[1]->num <= 0)
			e->kid[1]->num = 1;
		return ranged(e, 0, 12);
	case 18: return gen_call(g, t_real, depth);
	default: return gen_part(g, t_real, depth);
	}
}

/* ---- what is decided by them ---- */

Expr *
gen_real_bool(Gen *g, int depth)
{
	Expr *a = gen_comparable(g, depth), *b;

	switch (gen_roll(g, 4)) {
	case 0: b = gen_comparable(g, depth - 1); break;
	case 1: b = gen_small_int(g, -3, 12, depth - 1); break;
	default: b = gen_fraction(g);
	}
	Expr *e = gen_binary(g, F_CMP, t_bool, a, b);
	e->num = gen_roll(g, 6);
	return e;
}

Expr *
gen_real_int(Gen *g, int depth)
{
	Expr *x = gen_comparable(g, depth), *e;

	if (gen_chance(g, 30)) {
		e = gen_binary(g, F_DIV, t_int, x, gen_fraction(g));
		if (e->kid[1]->num <= 0)
			e->kid[1]->num = 1;
		int64_t far = 4 * max_int64(x->hi, -x->lo) + 1;
		return gen_modest(g, ranged(e, -far, far));
	}
	return ranged(gen_unary(g, gen_chance(g, 60) ? F_FLOOR : F_CEIL, t_int, x), x->lo, x->hi);
}

/* ---- the raw level ---- */

static Expr *
gen_linear(Gen *g, Sort t, int depth)
{
	int n = 1 + gen_roll(g, 3);
	Expr *x = gen(g, sort_of_array(gen_chance(g, 80) ? T_REAL : T_INT, n), depth),
	     *e = gen_unary(g, F_LINEAR, t, x);
	int64_t *w = NEWS(g->arena, int64_t, t.n * (n + 1)),
		far = max_int64(max_int64(x->hi, -x->lo), 1);

	for (int i = 0; i < t.n * (n + 1); i++)
		w[i] = gen_chance(g, 20) ? 0 : gen_roll(g, 13) - 6;
	e->weights = w;
	return ranged(e, -2 * (n * far + 1), 2 * (n * far + 1));
}

static Expr *
gen_attend(Gen *g, Sort t, int depth)
{
	Expr *e = new_expr(g, F_ATTEND, t, 3);
	int n = 1 + gen_roll(g, 3);

	for (int i = 0; i < 2; i++) {
		Expr *x = e->kid[i] = new_expr(g, F_ARRAY, sort_of_array(T_REAL, n), n);
		for (int k = 0; k < n; k++)
			x->kid[k] = gen_fitted(g,
			                       gen_chance(g, 70) ? gen_leaf(g, t_real)
			                                         : gen(g, t_real, depth - 1),
			                       -2, 2);
	}
	e->kid[2] = gen(g, t, depth);
	return ranged(e, e->kid[2]->lo, e->kid[2]->hi);
}

Expr *
gen_real_array(Gen *g, Sort t, int depth)
{
	Expr *x;

	switch (gen_roll(g, 4)) {
	case 0:
	case 1: return gen_linear(g, t, depth);
	case 2:
		x = gen(g, t, depth);
		return ranged(gen_unary(g, F_RELU, t, x), max_int64(x->lo, 0), max_int64(x->hi, 0));
	default: return depth > 0 ? gen_attend(g, t, depth - 1) : gen_leaf(g, t);
	}
}

/* ---- long integers ---- */

/* A power that long numbers are multiples of; mostly one that divides the others of its kind. */
static int64_t
gen_unit(Gen *g, int kind)
{
	static const int64_t of[][4] = {
		{ 10000000, 100000000, 10000000000, 1000000000000 },
		{ 1 << 24, 1 << 30, (int64_t)1 << 36, (int64_t)1 << 40 },
		{ (1 << 24) + 1, 99999999, 123456789, 77777777777777 },
	};

	return of[gen_chance(g, 90) ? kind : gen_roll(g, 3)][gen_roll(g, 4)];
}

/* Beyond what a float holds: only added, multiplied by a constant, compared and divided. */
static Expr *
gen_wide(Gen *g, int kind, int depth)
{
	int n = 1 + gen_roll(g, 3);
	Expr *sum = NULL;

	for (int i = 0; i < n; i++) {
		Expr *x = gen_small_int(g, gen_chance(g, 70) ? 0 : -9, gen_chance(g, 50) ? 9 : 999,
		                        depth - 1);
		int64_t by = i && gen_chance(g, 30) ? 1 + gen_roll(g, 9) : gen_unit(g, kind);
		x = ranged(gen_binary(g, F_MUL, t_int, x, gen_literal(g, by)), x->lo * by,
		           x->hi * by);
		bool minus = sum && gen_chance(g, 35);
		if (!sum)
			sum = x;
		else if (minus)
			sum = ranged(gen_binary(g, F_SUB, t_int, sum, x), sum->lo - x->hi,
			             sum->hi - x->lo);
		else
			sum = ranged(gen_binary(g, F_ADD, t_int, sum, x), sum->lo + x->lo,
			             sum->hi + x->hi);
	}
	if (gen_chance(g, 40)) {
		int64_t v = gen_unit(g, kind);
		sum = ranged(gen_binary(g, F_ADD, t_int, sum, gen_literal(g, v)), sum->lo + v,
		             sum->hi + v);
	}
	return sum;
}

Expr *
gen_wide_bool(Gen *g, int depth)
{
	int kind = gen_roll(g, 3);
	Expr *a = gen_wide(g, kind, depth),
	     *b = gen_chance(g, 60) ? gen_wide(g, kind, depth) : NULL;

	if (!b) {
		int64_t v = a->lo + (a->hi - a->lo) / 8 * gen_roll(g, 9) + gen_roll(g, 3) - 1;
		b = gen_literal(g, v);
	}
	Expr *e = gen_binary(g, F_CMP, t_bool, a, b);
	e->num = gen_roll(g, 6);
	return e;
}

Expr *
gen_wide_int(Gen *g, int depth)
{
	static const int64_t small[] = { 2, 10, 16, 100, 7 };
	Expr *a = gen_wide(g, gen_roll(g, 3), depth);
	int64_t far = max_int64(max_int64(a->hi, -a->lo), 1), by = 1;

	if (gen_chance(g, 25)) {
		int64_t n = small[gen_roll(g, 5)];
		return ranged(gen_binary(g, F_MOD, t_int, a, gen_literal(g, n)), 0, n - 1);
	}
	while (far / by > 1000)
		by *= 10;
	if (gen_chance(g, 30))
		by += gen_roll(g, 9);
	return ranged(gen_binary(g, F_DIV, t_int, a, gen_literal(g, by)), -1001, 1001);
}
