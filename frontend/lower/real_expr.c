/* Real numbers: arithmetic, comparison and functions where an operand is a stream.
 *
 *     x / 3 + y         LINEAR: sums and multiples are exact
 *     exp(x)            VALUES: a table of doubles, if x follows from a stream of few values
 *     x * n             n known value by value: if n == 1 then x, if n == 2 then 2 x, …
 *     approx(e, t)      inside of it any function works: as a TIMES or a CURVE, which
 *                       backend/map/error_budget.c makes as exact as t asks
 *
 * Outside of approx everything is exact, to the rounding of a float that is accounted for. */

#include <math.h>

#include "frontend/lower/lower.h"

enum {
	TRIED_MAX = 64, /* most values of an integer that a product or quotient is made of, value by
	                   value */
	TRIED_NEAR = 8, /* the same inside of approx, */
	EXACT_NEAR =
		256, /* and most values of two integers together whose product is exact there */
};

double
number_value(const Value *v)
{
	return (double)v->num / (double)v->den;
}

static Node *
linear_node(Lower *L, int n, Node **x, const Real *c)
{
	return mk_reals(L->g, OP_LINEAR, L->span, site_here(L), n, x, 0, c, n + 1);
}

Value *
to_real(Lower *L, Value *v)
{
	if (v->kind != V_INT)
		return v;
	if (v->known) {
		Value *r = v_known(L, V_REAL, v->num);
		return r;
	}
	return v_stream(L, V_REAL, linear_node(L, 1, &v->node, (Real[]){ { 1, 1 }, { 0, 1 } }));
}

void
alike_numbers(Lower *L, Value **v, int n)
{
	bool real = false;

	for (int i = 0; i < n; i++) {
		if (!is_numeric(v[i]))
			return;
		real |= v[i]->kind == V_REAL;
	}
	for (int i = 0; i < n && real; i++)
		v[i] = to_real(L, v[i]);
}

/* ---- products and quotients ---- */

static Value *
scale_real(Lower *L, Value *v, Real by)
{
	Node *x = node_of(L, v);

	return x ? v_stream(L, V_REAL, linear_node(L, 1, &x, (Real[]){ by, { 0, 1 } })) : &v_error;
}

static int64_t
real_numerator(Real r)
{
	return llrint(r.x * (double)r.den);
}

static Real
real_quotient(Real a, Real b)
{
	if (!a.den || !b.den)
		return (Real){ a.x / b.x, 0 };
	int64_t n = real_numerator(b);
	return real_mul(a, real_of(n < 0 ? -b.den : b.den, n < 0 ? -n : n));
}

/* If a and b are functions of one stream: that stream, and the values of both for each of its
 * values. A literal is a constant function. False if they are not. */
static bool
both_images(Lower *L, Node *a, Node *b, const Node **root, Real **x, Real **y)
{
	const Node *r = real_image(L->g, a, x), *s = real_image(L->g, b, y);

	*root = r ? r : s;
	if (!r == !s)
		return r && r == s;
	const Node *other = r ? b : a;
	if (!is_literal(other))
		return false;
	int n = (*root)->type.nset;
	Real *same = NEWS(L->arena, Real, n),
	     c = other->op == OP_REAL ? other->real[0] : real_of(other->k, 1);
	for (int i = 0; i < n; i++)
		same[i] = c;
	*(r ? y : x) = same;
	return true;
}

/* Is a table over the values of root the best way? Of the token or the position it is part of the
 * embedding and costs nothing. */
static bool
is_table(const Lower *L, const Node *root)
{
	return !L->near || root->op == OP_TOKEN || root->op == OP_INDEX
	       || root->type.nset <= TRIED_NEAR;
}

static Value *
by_table(Lower *L, AstKind kind, Node *a, Node *b)
{
	const Node *root;
	Real *x, *y;

	if (!both_images(L, a, b, &root, &x, &y) || !is_table(L, root))
		return NULL;
	Real *z = NEWS(L->arena, Real, root->type.nset);
	for (int i = 0; i < root->type.nset; i++) {
		if (kind == N_DIV && y[i].x == 0)
			return fail_here(L, "this may divide by 0");
		z[i] = kind == N_MUL ? real_mul(x[i], y[i]) : real_quotient(x[i], y[i]);
	}
	Node *n = mk_values(L->g, L->span, site_here(L), root, z);
	return n ? v_stream(L, V_REAL, n) : NULL;
}

/* The real times (or divided by) the integer, by its values: a sum of terms of which one is not 0.
 */
static Value *
by_values(Lower *L, AstKind kind, Value *real, Node *whole_n)
{
	const Type *t = &whole_n->type;
	Value *sum = v_int(L, 0);

	if (!t->nset || t->nset > (L->near ? TRIED_NEAR : TRIED_MAX))
		return NULL;
	for (int i = 0; i < t->nset; i++) {
		Node *is = op2(L, OP_EQ, whole_n, constant(L, t->set[i]));
		int64_t v = t->set[i];
		if (!v)
			continue;
		Real by = kind == N_MUL ? real_of(v, 1) : real_of(v < 0 ? -1 : 1, v < 0 ? -v : v);
		sum = arith(L, N_ADD, sum, if_value(L, is, scale_real(L, real, by), v_int(L, 0)),
		            NULL, NULL);
	}
	return to_real(L, sum);
}

/* ---- near enough ---- */

static const char *
write_approx(Lower *L)
{
	return arena_fmt(L->arena, "; say how near it must be: approx(%s, 1/1000)",
	                 source_text(L, L->span));
}

/* x cut to the bounds that the guards give it, so that its type has them. Where the guards do not
 * hold, the branch is not taken and its value does not matter. */
static Node *
clamped_to_bounds(Lower *L, Node *x)
{
	Bounds b = x->type.real ? (Bounds){ 0 } : bounds_here(L, x);

	if (x->type.real || b.never)
		return x;
	if (b.lo > x->type.lo)
		x = op2(L, OP_MAX, x, constant(L, b.lo));
	return b.hi < x->type.hi ? op2(L, OP_MIN, x, constant(L, b.hi)) : x;
}

/* The node as a value, if it is not so large that nothing could come of it. An intermediate result
 * may be large; the backend checks what it has to hold (backend/map/piecewise.c). */
static Value *
not_too_large(Lower *L, const char *what, Node *n)
{
	double most = fmax(-node_min(n), node_max(n));

	if (most < 1e100)
		return v_stream(L, V_REAL, n);
	return fail_here(L, "%s can reach %.3g here; bound what it is made of, with min or max",
	                 what, most);
}

static Value *
real_curve(Lower *L, CurveKind which, Node *x)
{
	const char *name = curve_info[which].name;

	x = clamped_to_bounds(L, x);
	double least = node_min(x), most = node_max(x);
	if (!curve_has(which, least, most) && which == CURVE_INVERSE)
		return fail_here(L, "this may divide by 0: %s",
		                 v_show(L, v_stream(L, x->type.real ? V_REAL : V_INT, x)));
	if (!curve_has(which, least, most))
		return fail_here(L,
		                 "%s has no value at %.6g, which this can be; write %s(max(x, %s))",
		                 name, least, name, which == CURVE_LOG ? "1/100" : "0");
	return not_too_large(L, which == CURVE_INVERSE ? "this quotient" : name,
	                     mk(L->g, OP_CURVE, L->span, site_here(L), 1, &x, which));
}

static Value *
times_value(Lower *L, Node *a, Node *b)
{
	return not_too_large(L, "this product", op2(L, OP_TIMES, a, b));
}

bool
needs_real(const Lower *L, const Value *a, const Value *b)
{
	if (!L->near || a->known || b->known)
		return false;
	const Type *t = &a->node->type, *u = &b->node->type;
	double most = fmax((double)-t->lo, (double)t->hi) * fmax((double)-u->lo, (double)u->hi);
	return most >= EXACT_MAX || t->hi - t->lo + u->hi - u->lo > EXACT_NEAR;
}

static Value *
approximate_leaf(Lower *L, Value *v, void *data)
{
	const Value *t = data;

	if (!is_numeric(v))
		return fail_here(L,
		                 "approx takes a number, or an array or a record of them, not %s",
		                 v_show(L, v));
	v = to_real(L, v);
	if (v->known)
		return v;
	Real tolerance = real_of(t->num, t->den);
	return v_stream(
		L, V_REAL,
		mk_reals(L->g, OP_APPROX, L->span, site_here(L), 1, &v->node, 0, &tolerance, 1));
}

Value *
approximate(Lower *L, Value *v, Value *t)
{
	if (!is_numeric(t) || !t->known || t->num <= 0)
		return fail_here(L,
		                 "how near it must be is a number above 0, known at compile time: "
		                 "approx(%s, 1/1000)",
		                 is_numeric(t) && t->known ? "x" : "exp(x)");
	return v_map(L, v, approximate_leaf, t);
}

/* ---- products and quotients of streams ---- */

static Value *
multiply_reals(Lower *L, Value *a, Value *b)
{
	if (a->known || b->known)
		return a->known ? scale_real(L, b, real_of(a->num, a->den))
		                : scale_real(L, a, real_of(b->num, b->den));
	Value *v = by_table(L, N_MUL, a->node, b->node);
	if (!v && b->kind == V_INT)
		v = by_values(L, N_MUL, a, b->node);
	if (!v && a->kind == V_INT)
		v = by_values(L, N_MUL, b, a->node);
	if (!v && L->near)
		v = times_value(L, a->node, b->node);
	return v ? v
	         : fail_here(
			 L,
			 "the product of two reals is exact only where both follow from one stream "
			 "of few "
			 "values, or one is an integer of at most %d values: %s, %s%s",
			 TRIED_MAX, v_show(L, a), v_show(L, b), write_approx(L));
}

static Value *
divide_reals(Lower *L, Value *a, Value *b)
{
	if (b->known && !b->num)
		return fail_here(L, "this divides by 0");
	if (b->known)
		return scale_real(L, a, real_quotient((Real){ 1, 1 }, real_of(b->num, b->den)));
	Node *x = node_of(L, a), *y = node_of(L, b), *whole_y = y;
	if (b->kind == V_INT && y && !(whole_y = safe_divisor(L, y, NULL)))
		return &v_error;
	if (!x || !y)
		return &v_error;
	Value *v = by_table(L, N_DIV, x, whole_y);
	if (!v && !y->type.real)
		v = by_values(L, N_DIV, a, whole_y);
	if (!v && L->near) {
		Value *inverse = real_curve(L, CURVE_INVERSE, y);
		return inverse->kind == V_ERROR || a->known
		               ? arith(L, N_MUL, a, inverse, NULL, NULL)
		               : times_value(L, x, inverse->node);
	}
	return v ? v
	         : fail_here(
			 L, "divide by a constant, or by an integer of at most %d values: %s, %s%s",
			 TRIED_MAX, v_show(L, a), v_show(L, b), write_approx(L));
}

static Value *
add_scaled(Lower *L, Value *a, Value *b, double sign)
{
	Node *x[2] = { node_of(L, a) };

	x[1] = node_of(L, b);
	return x[0] && x[1] ? v_stream(
		       L, V_REAL, linear_node(L, 2, x, (Real[]){ { 1, 1 }, { sign, 1 }, { 0, 1 } }))
	                    : &v_error;
}

Value *
real_arith(Lower *L, AstKind kind, Value *a, Value *b)
{
	Value *q;

	switch (kind) {
	case N_ADD: return add_scaled(L, a, b, 1);
	case N_SUB: return add_scaled(L, a, b, -1);
	case N_MUL: return multiply_reals(L, a, b);
	case N_DIV: return divide_reals(L, a, b);
	default: break; /* N_FLOOR, N_MOD */
	}
	q = divide_reals(L, a, b);
	q = q->kind == V_ERROR ? q : real_floor(L, q);
	if (q->kind == V_ERROR || kind == N_FLOOR)
		return q;
	return arith(L, N_SUB, a, arith(L, N_MUL, q, b, NULL, NULL), NULL, NULL);
}

/* ---- comparison ---- */

static Value *
real_above(Lower *L, Value *a, Value *b)
{
	Value *d = add_scaled(L, a, b, -1);

	if (d->kind == V_ERROR)
		return d;
	if (d->known)
		return v_bool(L, d->num > 0);
	Node *n = op1(L, OP_ABOVE, d->node);
	if (n->op == OP_ABOVE && !real_grid(&d->node->type))
		return fail_here(
			L, "this comparison cannot be proved: %s may be as near to %s as you like",
			v_show(L, a), v_show(L, b));
	return v_stream(L, V_BOOL, n);
}

Value *
real_compare(Lower *L, Relation r, Value *a, Value *b)
{
	switch (r) {
	case R_GT: return real_above(L, a, b);
	case R_LT: return real_above(L, b, a);
	case R_LE: return v_not(L, real_above(L, a, b));
	case R_GE: return v_not(L, real_above(L, b, a));
	default: break;
	}
	Value *at_most = v_not(L, real_above(L, a, b)), *at_least = v_not(L, real_above(L, b, a)),
	      *same = v_and(L, at_most, at_least);
	return r == R_EQ ? same : v_not(L, same);
}

/* ---- functions ---- */

Value *
real_floor(Lower *L, Value *v)
{
	Node *x = node_of(L, v);

	if (!x)
		return &v_error;
	Node *n = op1(L, OP_FLOOR, x);
	if (n->op == OP_FLOOR && !real_grid(&x->type))
		return fail_here(
			L,
			"this rounding cannot be proved: %s may be as near to an integer as "
			"you like",
			v_show(L, v));
	return v_stream(L, V_INT, n);
}

Value *
real_relu(Lower *L, Value *v)
{
	Node *x = node_of(L, v);

	return x ? v_stream(L, V_REAL, op1(L, OP_RELU, x)) : &v_error;
}

Value *
real_extreme(Lower *L, Value *a, Value *b, bool least)
{
	if (b->known) { /* so that the range of constant - stream is known */
		Value *c = a;
		a = b;
		b = c;
	}
	Value *over = least ? add_scaled(L, a, b, -1) : add_scaled(L, b, a, -1);

	if (over->kind == V_ERROR)
		return over;
	return add_scaled(L, a, real_relu(L, over), least ? -1 : 1);
}

Value *
real_size(Lower *L, Value *v)
{
	Value *negative = arith(L, N_SUB, v_int(L, 0), v, NULL, NULL), *above = real_relu(L, v);

	return add_scaled(L, above, real_relu(L, negative), 1);
}

Value *
known_real(Lower *L, double x)
{
	int e;
	double m = frexp(x, &e); /* x = m * 2^e, m below 1 */
	int bits = 53 - e;

	if (!isfinite(x) || e > 60)
		return fail_here(L, "this compile-time number does not fit in 64 bits");
	if (bits > 62)
		bits = 62;
	else if (bits < 0)
		bits = 0;
	Value *v = v_known(L, V_REAL, llrint(ldexp(m, e + bits)));
	v->den = (int64_t)1 << bits;
	while (v->den > 1 && v->num % 2 == 0) {
		v->num /= 2;
		v->den /= 2;
	}
	return v;
}

/* Is the double y = f(x) exact? It is for a few x only, as sqrt(4) and exp(0). */
static bool
is_exact_curve_value(CurveKind which, Real x, double y)
{
	switch (which) {
	case CURVE_SQRT: return x.den && y == floor(y) && y * y == x.x;
	case CURVE_LOG: return x.den && x.x == 1;
	default: return x.den && x.x == 0; /* exp, sin, cos */
	}
}

Value *
real_function(Lower *L, CurveKind which, Value *v)
{
	const char *name = curve_info[which].name;
	double (*f)(double) = curve_info[which].f;
	Real *image;

	if (!is_numeric(v))
		return fail_here(L, "%s takes a number, not %s", name, v_show(L, v));
	if (v->known) {
		double x = f(number_value(v));
		return isfinite(x) ? known_real(L, x)
		                   : fail_here(L, "%s has no value at %s", name, v_show(L, v));
	}
	const Node *root = real_image(L->g, v->node, &image);
	if (L->near && !(root && is_table(L, root)))
		return real_curve(L, which, v->node);
	for (int i = 0; root && i < root->type.nset; i++) {
		double x = f(image[i].x);
		if (!isfinite(x))
			return fail_here(L, "%s has no value at %.6g, which this can be", name,
			                 image[i].x);
		image[i] = (Real){ x, is_exact_curve_value(which, image[i], x) };
	}
	Node *n = root ? mk_values(L->g, L->span, site_here(L), root, image) : NULL;
	return n ? v_stream(L, V_REAL, n)
	         : fail_here(L, "%s is exact only of a stream of few values, not of %s%s", name,
	                     v_show(L, v), write_approx(L));
}
