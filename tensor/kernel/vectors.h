#ifndef TENSOR_KERNEL_VECTORS_H
#define TENSOR_KERNEL_VECTORS_H

/* Sixteen floats at a time, for several processors from one source of compiler vectors (GCC, "Using
 * Vector Instructions through Built-in Functions"). Each product and each sum is rounded, so all
 * give the same bits; so do exp, log, sin and tanh, which are here, since those of different C
 * libraries differ. They are within 2 units of the last place where they are not said to be worse
 * (Cody and Waite 1980, "Software Manual for the Elementary Functions"; the polynomials are those
 * of Moshier's Cephes library).
 *
 * This text stands by itself: it is in front of kernels that are written as C, too. */

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum { LANES = 16 };

typedef float V __attribute__((vector_size(LANES * sizeof(float)), may_alias));
typedef float U __attribute__((vector_size(LANES * sizeof(float)), may_alias, aligned(4)));
typedef int32_t M __attribute__((vector_size(LANES * sizeof(float)), may_alias));

#define INLINE static inline __attribute__((always_inline, unused))

/* A comparison is used once, in a choose() or truth(): GCC 12 makes one that is kept, or joined
 * with another, lane by lane. */
INLINE V
all_lanes(float x)
{
	return x - (V){ 0 }; /* not a sum, which makes 0 of -0 */
}

INLINE V
choose(M mask, V a, V b)
{
	return (V)(((M)a & mask) | ((M)b & ~mask));
}

/* Of a truth value: 1 or 0. */
INLINE V
truth(M mask)
{
	return choose(mask, all_lanes(1), all_lanes(0));
}

/* ---- functions ---- */

/* To the nearest whole number, where |x| < 2^22. */
INLINE V
nearest(V x)
{
	return (x + 12582912.0f) - 12582912.0f;
}

INLINE V
without_sign(V x)
{
	return (V)((M)x & 0x7fffffff);
}

/* x with its sign turned round where s is negative. */
INLINE V
with_sign(V x, V s)
{
	return (V)((M)x ^ ((M)s & (int32_t)0x80000000));
}

INLINE V
down(V x)
{
	V whole = __builtin_convertvector(__builtin_convertvector(x, M), V);

	whole -= truth(whole > x);
	return choose(without_sign(x) < 8388608.0f, whole, x);
}

/* 2^n for whole n of -126 .. 127. */
INLINE V
power_of_two(V n)
{
	return (V)((__builtin_convertvector(n, M) + 127) << 23);
}

/* e^x is 2^n times this: e^r, |r| <= ln(2) / 2. */
INLINE V
exp_fraction(V x, V *n)
{
	*n = nearest(x * 1.44269504f);
	V r = (x - *n * 0.693359375f) + *n * 2.12194440e-4f;
	V p = 1.9875691500e-4f * r + 1.3981999507e-3f;

	p = p * r + 8.3334519073e-3f;
	p = p * r + 4.1665795894e-2f;
	p = p * r + 1.6666665459e-1f;
	p = p * r + 5.0000001201e-1f;
	return (p * r) * r + r + 1.0f;
}

/* 0 below -87.3, where a float has no more digits, and infinity above 88.7. */
INLINE V
exp_lanes(V x)
{
	V n, above = choose(x > -87.3f, x, all_lanes(-87.3f));
	V p = exp_fraction(choose(above < 88.7f, above, all_lanes(88.7f)), &n);
	V last = truth(n > 127); /* 2^128 is no float: it is made in two steps */
	V y = p * power_of_two(n - last) * (last + 1.0f);

	y = choose(x < -87.3f, all_lanes(0), y);
	y = choose(x > 88.7f, all_lanes(INFINITY), y);
	return choose(x != x, x, y);
}

/* -inf at 0, and no number below; denormals count as 0. */
INLINE V
log_lanes(V x)
{
	M bits = (M)x, exponent = ((bits >> 23) & 255) - 126;
	V m = (V)((bits & 0x007fffff) | 0x3f000000); /* 0.5 <= m < 1 */
	V below = truth(m < 0.707106781f);
	V e = __builtin_convertvector(exponent, V) - below;

	m = (m + m * below) - 1.0f;
	V z = m * m;
	V p = 7.0376836292e-2f * m - 1.1514610310e-1f;
	p = p * m + 1.1676998740e-1f;
	p = p * m - 1.2420140846e-1f;
	p = p * m + 1.4249322787e-1f;
	p = p * m - 1.6668057665e-1f;
	p = p * m + 2.0000714765e-1f;
	p = p * m - 2.4999993993e-1f;
	p = p * m + 3.3333331174e-1f;
	p = (p * m) * z + e * -2.12194440e-4f;
	V y = (p - z * 0.5f) + m + e * 0.693359375f;
	y = choose(x < 1.17549435e-38f, all_lanes(-INFINITY), y);
	y = choose(x < 0, all_lanes(NAN), y);
	y = choose(x == INFINITY, x, y);
	return choose(x != x, x, y);
}

/* For |x| up to 8,192; beyond, digits are lost as they are in x. */
INLINE V
sin_lanes(V x)
{
	V n = nearest(x * 0.318309886f); /* half turns */
	V r = ((x - n * 3.140625f) - n * 9.67502593994140625e-4f) - n * 1.509957990978376432e-7f;
	V z = r * r;
	V p = (-1.9515295891e-4f * z + 8.3321608736e-3f) * z - 1.6666654611e-1f;
	V half = n * 0.5f;
	/* The series of a quarter turn, at the complement where r is beyond it. */
	V c = r - with_sign(all_lanes(1.57079633f), r);
	V w = c * c;
	V q = (2.443315711809948e-5f * w - 1.388731625493765e-3f) * w + 4.166664568298827e-2f;
	q = q * w * w - 0.5f * w + 1.0f;
	V y = choose(without_sign(r) > 0.785398163f, with_sign(q, r), p * z * r + r);
	return choose(down(half) != half, -y, y);
}

INLINE V
tanh_lanes(V x)
{
	V a = without_sign(x), n;
	V p = exp_fraction(choose(a < 10, a, all_lanes(10)) * -2.0f, &n);
	V e = p * power_of_two(n), far = (1.0f - e) / (1.0f + e);
	V z = x * x;
	p = -5.70498872745e-3f * z + 2.06390887954e-2f;
	p = p * z - 5.37397155531e-2f;
	p = p * z + 1.33314422036e-1f;
	p = p * z - 3.33332819422e-1f;
	V y = choose(a < 0.625f, p * z * x + x, with_sign(far, x));
	return choose(x != x, x, y);
}

INLINE V
roots_of_lanes(V x)
{
	for (int k = 0; k < LANES; k++)
		x[k] = sqrtf(x[k]);
	return x;
}

INLINE V
modulo_lanes(V x, V y)
{
	return x - y * down(x / y);
}

/* Whole numbers that follow one another. */
INLINE V
numbers_from(int first)
{
	return (V){ 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 } + (float)first;
}

/* The first n lanes of x, and `none` in the others. */
INLINE V
first_lanes(V x, int n, V none)
{
	M lane = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 };

	return n >= LANES ? x : choose(lane < n, x, none);
}

INLINE V
greater_lanes(V x, V y)
{
	return choose(x < y, y, x);
}

/* All lanes put together, by halves. (By address: GCC remarks on vectors that are passed to what
 * returns none.) */
INLINE float
sum_by_halves(const V *of)
{
	V x = *of;

	for (int half = LANES / 2; half; half /= 2)
		for (int k = 0; k < half; k++)
			x[k] = x[k] + x[k + half];
	return x[0];
}

INLINE float
greatest_by_halves(const V *of)
{
	V x = *of;

	for (int half = LANES / 2; half; half /= 2)
		for (int k = 0; k < half; k++)
			x[k] = x[k] < x[k + half] ? x[k + half] : x[k];
	return x[0];
}

/* ---- numbers ---- */

INLINE float
greater_number(float x, float y)
{
	return x < y ? y : x;
}

INLINE int
whole_quotient(int a, int b)
{
	return a / b - (a % b < 0);
}

INLINE bool
is_in_axis(int64_t index, int64_t dim)
{
	return index >= 0 && index < dim;
}

/* ---- lines of memory ---- */

INLINE V
vector_at(const float *p, int k)
{
	return *(const U *)(p + k * LANES);
}

/* Vector k of a line of n floats. */
INLINE void
put_vector(float *to, int k, int n, const V *x)
{
	if (n - k * LANES >= LANES)
		*(U *)(to + k * LANES) = *x;
	else
		for (int i = 0; i < n - k * LANES; i++)
			to[k * LANES + i] = (*x)[i];
}

INLINE void
fill_strip_line(float *to, int n, float x)
{
	for (int i = 0; i < n; i++)
		to[i] = x;
}

INLINE int64_t
later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

INLINE int64_t
sooner(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* The lanes at which the index is inside of the axis: from *lo up to *hi. */
INLINE void
lanes_inside(int64_t index, int64_t slope, int dim, int *lo, int *hi)
{
	int64_t from = *lo, to = *hi;

	if (!slope) {
		if (index < 0 || index >= dim)
			to = from;
	} else if (slope > 0) {
		from = index < 0 ? later(from, (-index + slope - 1) / slope) : from;
		to = sooner(to, index >= dim ? from : (dim - index + slope - 1) / slope);
	} else {
		from = index >= dim ? later(from, (index - dim) / -slope + 1) : from;
		to = sooner(to, index < 0 ? from : index / -slope + 1);
	}
	*lo = (int)sooner(from, *hi);
	*hi = (int)later(*lo, to);
}

INLINE void
load_line(const float *from, int64_t step, int lo, int hi, int n, float *to)
{
	for (int k = 0; k < lo; k++)
		to[k] = 0;
	if (step == 1 && hi > lo)
		memcpy(to + lo, from + lo, sizeof *to * (size_t)(hi - lo));
	else
		for (int k = lo; k < hi; k++)
			to[k] = from[k * step];
	for (int k = hi; k < n; k++)
		to[k] = 0;
}

#endif
