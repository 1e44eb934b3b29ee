/* Compile-time arithmetic: exact fractions of 64 bits a side; more is an error. */

#include "frontend/lower.h"
#include "lang/whole.h"

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

Value *
known_arith(Lower *L, AstKind kind, const Value *a, const Value *b)
{
	bool real = a->kind == V_REAL || b->kind == V_REAL;
	Wide an = a->num, ad = a->den, bn = b->num, bd = b->den;

	switch (kind) {
	case N_ADD:
		return ad == 1 && bd == 1 ? fraction(L, an + bn, 1, real)
		       : fraction(L, an * bd + bn * ad, ad * bd, real);
	case N_SUB:
		return fraction(L, an * bd - bn * ad, ad * bd, real);
	case N_MUL:
		return fraction(L, an * bn, ad * bd, real);
	case N_POW:
		return power(L, a, b);
	default:
		break;
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
