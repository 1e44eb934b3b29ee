/* Arithmetic at compile time, on fractions of 64-bit integers in lowest terms; a result that does
 * not fit is an error. What exp, sqrt … give is the nearest double as a fraction (known_real); what
 * is computed from such a value is rounded to a double again. */

#include <math.h>

#include "frontend/lower/lower.h"
#include "lang/int_division.h"

typedef __int128 Int128;

static Value *
rational_value(Lower *L, Int128 num, Int128 den, bool real)
{
	Int128 g = gcd(num, den);

	if (den < 0)
		g = -g;
	if (g) {
		num /= g;
		den /= g;
	}
	if (num != (int64_t)num || den != (int64_t)den)
		return fail_here(L, "this compile-time number does not fit in 64 bits");
	Value *v = v_int(L, (int64_t)num);
	v->den = (int64_t)den;
	if (real || den != 1)
		v->kind = V_REAL;
	return v;
}

static Value *
rational_power(Lower *L, const Value *a, const Value *b)
{
	Int128 num = 1, den = 1;

	if (b->den != 1)
		return fail_here(L, "an exponent is an integer");
	int64_t k = b->num < 0 ? -b->num : b->num;
	if (b->num < 0 && !a->num)
		return fail_here(L, "0 has no negative power");
	if (a->den == 1 && (a->num == 0 || a->num == 1 || a->num == -1))
		k = k > 1 ? 2 - k % 2 : k;
	for (int64_t i = 0; i < k; i++) {
		num *= a->num;
		den *= a->den;
		if (num != (int64_t)num || den != (int64_t)den)
			return fail_here(L, "this compile-time number does not fit in 64 bits");
	}
	bool real = a->kind == V_REAL || b->num < 0;
	return b->num < 0 ? rational_value(L, den, num, real) : rational_value(L, num, den, real);
}

/* Is it a rounded double, as known_real makes it? Those have a power of 2 as large as this below.
 */
static bool
is_rounded_value(const Value *v)
{
	return v->den >= (int64_t)1 << 30 && !(v->den & (v->den - 1));
}

/* The result in doubles; NULL where both are exact, or the operator is none of these. */
static Value *
rounded_arith(Lower *L, AstKind kind, const Value *a, const Value *b)
{
	double x = number_value(a), y = number_value(b);

	if (!is_rounded_value(a) && !is_rounded_value(b))
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
	Int128 an = a->num, ad = a->den, bn = b->num, bd = b->den;

	switch (kind) {
	case N_ADD:
		return ad == 1 && bd == 1 ? rational_value(L, an + bn, 1, real)
		                          : rational_value(L, an * bd + bn * ad, ad * bd, real);
	case N_SUB: return rational_value(L, an * bd - bn * ad, ad * bd, real);
	case N_MUL: return rational_value(L, an * bn, ad * bd, real);
	case N_POW: return rational_power(L, a, b);
	default: break;
	}
	if (!bn)
		return fail_here(L, "this divides by 0");
	if (kind == N_DIV)
		return rational_value(L, an * bd, ad * bn, true);
	Int128 q = floor_div(an * bd, ad * bn);
	if (kind == N_FLOOR)
		return rational_value(L, q, 1, false);
	if (q != (int64_t)q)
		return fail_here(L, "this compile-time number does not fit in 64 bits");
	if (ad == 1 && bd == 1)
		return rational_value(L, an - q * bn, 1, real);
	return rational_value(L, an * bd - q * bn * ad, ad * bd, true);
}

int
known_compare(const Value *a, const Value *b)
{
	Int128 x = (Int128)a->num * b->den, y = (Int128)b->num * a->den;

	return (x > y) - (x < y);
}
