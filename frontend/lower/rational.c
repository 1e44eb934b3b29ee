/* Compile-time arithmetic: exact fractions of 64 bits a side; more is an error. What a
 * function like exp gave is the nearest double, and so is what is made of it. */

#include <math.h>

#include "frontend/lower/lower.h"
#include "lang/int_division.h"

typedef __int128 Wide;

static Value *
fraction(Lower *L, Wide num, Wide den, bool real)
{
	Wide g = gcd(num, den);

	if (den < 0)
		g = -g;
	if (g) {
		num /= g;
		den /= g;
	}
	if (num != (int64_t)num || den != (int64_t)den)
		return fail(L, "this compile-time number does not fit in 64 bits");
	Value *v = v_int(L, (int64_t)num);
	v->den = (int64_t)den;
	if (real || den != 1)
		v->kind = V_REAL;
	return v;
}

static Value *
power(Lower *L, const Value *a, const Value *b)
{
	Wide num = 1, den = 1;

	if (b->den != 1)
		return fail(L, "an exponent is an integer");
	int64_t k = b->num < 0 ? -b->num : b->num;
	if (b->num < 0 && !a->num)
		return fail(L, "0 has no negative power");
	if (a->den == 1 && (a->num == 0 || a->num == 1 || a->num == -1))
		k = k > 1 ? 2 - k % 2 : k;
	for (int64_t i = 0; i < k; i++) {
		num *= a->num;
		den *= a->den;
		if (num != (int64_t)num || den != (int64_t)den)
			return fail(L, "this compile-time number does not fit in 64 bits");
	}
	bool real = a->kind == V_REAL || b->num < 0;
	return b->num < 0 ? fraction(L, den, num, real) : fraction(L, num, den, real);
}

/* The doubles that a function gives have such denominators: known_real(). */
static bool
is_rounded(const Value *v)
{
	return v->den >= (int64_t)1 << 30 && !(v->den & (v->den - 1));
}

/* NULL if they are exact, or the operator is none of these. */
static Value *
rounded_arith(Lower *L, AstKind kind, const Value *a, const Value *b)
{
	double x = number_value(a), y = number_value(b);

	if (!is_rounded(a) && !is_rounded(b))
		return NULL;
	switch (kind) {
	case N_ADD: return known_real(L, x + y);
	case N_SUB: return known_real(L, x - y);
	case N_MUL: return known_real(L, x * y);
	case N_DIV: return y != 0 ? known_real(L, x / y) : NULL;
	case N_POW: return b->den == 1 && x != 0 ? known_real(L, pow(x, y)) : NULL;
	default: return NULL;
	}
}

Value *
known_arith(Lower *L, AstKind kind, const Value *a, const Value *b)
{
	Value *rounded = rounded_arith(L, kind, a, b);
	if (rounded)
		return rounded;
	bool real = a->kind == V_REAL || b->kind == V_REAL;
	Wide an = a->num, ad = a->den, bn = b->num, bd = b->den;

	switch (kind) {
	case N_ADD:
		return ad == 1 && bd == 1 ? fraction(L, an + bn, 1, real)
		                          : fraction(L, an * bd + bn * ad, ad * bd, real);
	case N_SUB: return fraction(L, an * bd - bn * ad, ad * bd, real);
	case N_MUL: return fraction(L, an * bn, ad * bd, real);
	case N_POW: return power(L, a, b);
	default: break;
	}
	if (!bn)
		return fail(L, "this divides by 0");
	if (kind == N_DIV)
		return fraction(L, an * bd, ad * bn, true);
	Wide q = floor_div(an * bd, ad * bn);
	if (kind == N_FLOOR)
		return fraction(L, q, 1, false);
	if (q != (int64_t)q)
		return fail(L, "this compile-time number does not fit in 64 bits");
	if (ad == 1 && bd == 1)
		return fraction(L, an - q * bn, 1, real);
	return fraction(L, an * bd - q * bn * ad, ad * bd, true);
}

int
known_compare(const Value *a, const Value *b)
{
	Wide x = (Wide)a->num * b->den, y = (Wide)b->num * a->den;

	return (x > y) - (x < y);
}
