/* The machine of strip code, for several processors from one source of compiler vectors (GCC,
 * "Using Vector Instructions through Built-in Functions"), chosen once. Each product and each sum
 * is rounded, so all give the same bits; so do exp, log, sin and tanh, which are here, since those
 * of different C libraries differ. They are within 2 units of the last place where they are not
 * said to be worse (Cody and Waite 1980, "Software Manual for the Elementary Functions"; the
 * polynomials are those of Moshier's Cephes library). */

#include "tensor/kernel/strip.h"

#include <math.h>
#include <string.h>

typedef float V __attribute__((vector_size(LANES * sizeof(float)), may_alias));
typedef float U __attribute__((vector_size(LANES * sizeof(float)), may_alias, aligned(4)));
typedef int32_t M __attribute__((vector_size(LANES * sizeof(float)), may_alias));

#define INLINE static inline __attribute__((always_inline))

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

/* ---- a strip at a time ---- */

/* A strip, or one number, which stands in all lanes of a vector: that is read again and again. */
typedef struct Operand {
	const char *at;
	size_t step; /* bytes from vector to vector */
} Operand;

INLINE V
part(Operand o, int i)
{
	return *(const U *)(o.at + (size_t)i * o.step);
}

INLINE Operand
operand(const StripMachine *m, const StripInstr *i, int k)
{
	const float *at = i->arg[k] < 0 ? m->reg[0] : m->at[i->arg[k]];

	return (Operand){ (const char *)at, i->arg_strip[k] ? sizeof(V) : 0 };
}

/* Where an instruction puts its result. */
INLINE V *
result(StripMachine *m, const StripInstr *i)
{
	m->at[i->to] = m->reg[i->to];
	return (V *)m->reg[i->to];
}

INLINE int
vectors(const StripMachine *m, bool strip)
{
	return strip ? (m->nlane + LANES - 1) / LANES : 1;
}

#define EACH(e) \
	for (int i = 0; i < n; i++) { \
		V x = part(a, i), y = part(b, i), z = part(c, i); \
		(void)y, (void)z; \
		to[i] = (e); \
	} \
	break

INLINE void
apply_strip(const StripInstr *in, StripMachine *m)
{
	Operand a = operand(m, in, 0), b = operand(m, in, 1), c = operand(m, in, 2);
	V *to = result(m, in);
	int n = vectors(m, in->strip);

	switch (in->what) {
	case X_ADD: EACH(x + y);
	case X_SUB: EACH(x - y);
	case X_MUL: EACH(x * y);
	case X_DIV: EACH(x / y);
	case X_FLOOR: EACH(down(x / y));
	case X_MOD: EACH(x - y * down(x / y));
	case X_MAX: EACH(choose(x < y, y, x));
	case X_EXP: EACH(exp_lanes(x));
	case X_LOG: EACH(log_lanes(x));
	case X_SIN: EACH(sin_lanes(x));
	case X_TANH: EACH(tanh_lanes(x));
	case X_SQRT:
		for (int i = 0; i < n; i++) {
			V x = part(a, i);
			for (int k = 0; k < LANES; k++)
				x[k] = sqrtf(x[k]);
			to[i] = x;
		}
		break;
	case X_LT: EACH(truth(x < y));
	case X_EQ: EACH(truth(x == y));
	case X_WHERE: EACH(choose(x != 0, y, z));
	default: break;
	}
}

/* What a reduction makes of what it has and one more. */
INLINE V
joined(TensorOp what, V all, V x)
{
	if (what == X_SUM)
		return all + x;
	return choose(all < x, x, all);
}

/* to[lane] = what(to[lane], body[lane]) */
INLINE void
accumulate(const StripInstr *in, const StripMachine *m)
{
	Operand a = operand(m, in, 0);
	V *to = (V *)m->reg[in->to];
	int n = vectors(m, in->strip);

	for (int i = 0; i < n; i++) {
		V x = part(a, i);
		to[i] = joined(in->what, to[i], x);
	}
}

INLINE void
fill_strip(StripMachine *m, const StripInstr *in, int n)
{
	V *to = result(m, in), first = all_lanes(in->what == X_SUM ? 0 : -INFINITY);

	for (int i = 0; i < n; i++)
		to[i] = first;
}

/* ---- folds ---- */

/* Sixteen results for the strip that is done; lanes beyond the last count for nothing. */
INLINE void
fold_strip(const StripInstr *in, const StripMachine *m)
{
	Operand a = operand(m, in, 0);
	V *to = (V *)m->reg[in->to], all = *to, none = all_lanes(in->what == X_SUM ? 0 : -INFINITY);
	M lane = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 };

	for (int i = 0; i * LANES < m->nlane; i++) {
		V x = choose(lane + i * LANES < m->nlane, part(a, i), none);
		all = joined(in->what, all, x);
	}
	*to = all;
}

INLINE void
fold_lanes(const StripInstr *in, StripMachine *m)
{
	float *to = (float *)result(m, in);

	for (int half = LANES / 2; half; half /= 2)
		for (int k = 0; k < half; k++)
			to[k] = in->what == X_SUM      ? to[k] + to[k + half]
			        : to[k] < to[k + half] ? to[k + half]
			                               : to[k];
	*(V *)to = all_lanes(to[0]);
}

/* ---- loads ---- */

/* The lanes at which the index is inside of the axis: from *lo up to *hi. */
INLINE void
lanes_inside(int64_t index, int64_t slope, int dim, int *lo, int *hi)
{
	int64_t from = *lo, to = *hi;

	if (!slope) {
		if (index < 0 || index >= dim)
			to = from;
	} else if (slope > 0) {
		from = index < 0 ? max_int64(from, (-index + slope - 1) / slope) : from;
		to = min_int64(to, index >= dim ? from : (dim - index + slope - 1) / slope);
	} else {
		from = index >= dim ? max_int64(from, (index - dim) / -slope + 1) : from;
		to = min_int64(to, index < 0 ? from : index / -slope + 1);
	}
	*lo = (int)min_int64(from, *hi);
	*hi = (int)max_int64(*lo, to);
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

INLINE void
load_strip(const StripInstr *in, StripMachine *m)
{
	const LoadPlan *p = in->load;
	int lo = 0, n = in->strip ? m->nlane : 1, hi = n;
	int64_t at = 0, step = 0;

	for (int i = 0; i < p->rank; i++) {
		int64_t slope = in->strip ? p->per_lane[i] : 0;
		int64_t index = (int64_t)m->at[p->index[i]][0] + slope * (in->strip ? m->lane : 0);
		if (p->may_miss[i])
			lanes_inside(index, slope, p->dim[i], &lo, &hi);
		at += index * p->stride[i];
		step += slope * p->stride[i];
	}
	const float *from = m->buffer[p->tensor] + at;
	if (!in->strip)
		*result(m, in) = all_lanes(hi > lo ? *from : 0);
	else if (step == 1 && !lo && hi == n)
		m->at[in->to] = from; /* buffers have room for the last vector */
	else
		load_line(from, step, lo, hi, n, (float *)result(m, in));
}

INLINE void
gather_strip(const StripInstr *in, StripMachine *m)
{
	const LoadPlan *p = in->load;
	const float *from = m->buffer[p->tensor];
	float *to = (float *)result(m, in);

	for (int k = 0; k < m->nlane; k++) {
		int64_t at = 0;
		bool inside = true;
		for (int i = 0; i < p->rank; i++) {
			int64_t index = (int64_t)m->at[p->index[i]][p->strip[i] ? k : 0];
			inside &= index >= 0 && index < p->dim[i];
			at += index * p->stride[i];
		}
		to[k] = inside ? from[at] : 0;
	}
}

INLINE void
lane_numbers(const StripInstr *in, StripMachine *m)
{
	V *to = result(m, in);
	V lane = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 };

	for (int i = 0; i * LANES < m->nlane; i++)
		to[i] = lane + (float)(m->lane + i * LANES);
}

/* ---- the machine ---- */

typedef struct OuterLanes {
	int lane, nlane;
} OuterLanes;

INLINE void
run_code(const StripCode *code, StripMachine *m)
{
	OuterLanes outside[HEIGHT_MAX];
	int depth = 0;

	for (const StripInstr *in = code->instr; in->op != S_END; in++) {
		switch (in->op) {
		case S_CONST: *result(m, in) = all_lanes(in->value); break;
		case S_RANGE: *result(m, in) = all_lanes((float)m->range[in->range]); break;
		case S_LANES: lane_numbers(in, m); break;
		case S_LOAD: load_strip(in, m); break;
		case S_GATHER: gather_strip(in, m); break;
		case S_APPLY: apply_strip(in, m); break;
		case S_REPEAT:
			fill_strip(m, in, vectors(m, in->strip));
			m->range[in->range] = 0;
			break;
		case S_AGAIN:
			accumulate(in, m);
			if (++m->range[in->range] < in->extent)
				in = code->instr + in->jump;
			break;
		case S_FOLD:
			fill_strip(m, in, 1);
			outside[depth++] = (OuterLanes){ m->lane, m->nlane };
			m->lane = 0;
			m->nlane = min_int(STRIP, in->extent);
			break;
		case S_FOLDED:
			fold_strip(in, m);
			m->lane += STRIP;
			if (m->lane < in->extent) {
				m->nlane = min_int(STRIP, in->extent - m->lane);
				in = code->instr + in->jump;
				break;
			}
			fold_lanes(in, m);
			m->lane = outside[--depth].lane;
			m->nlane = outside[depth].nlane;
			break;
		case S_EACH:
			m->at[in->to] = m->reg[in->to];
			m->range[in->range] = m->lane;
			break;
		case S_EACHED:
			m->reg[in->to][m->range[in->range] - m->lane] = m->at[in->arg[0]][0];
			if (++m->range[in->range] < m->lane + m->nlane)
				in = code->instr + in->jump;
			break;
		default: break;
		}
	}
}

#define MACHINE(name, target) \
	target static void run_##name(const StripCode *code, StripMachine *m) \
	{ \
		run_code(code, m); \
	}

MACHINE(portable, )
#if defined(__x86_64__)
MACHINE(v3, __attribute__((target("avx2"))))
MACHINE(v4, __attribute__((target("avx512f,avx512dq,avx512bw,avx512vl"))))
#endif

StripRun *
strip_run(VectorLevel level)
{
#if defined(__x86_64__)
	return level == VECTORS_AVX512 ? run_v4 : level == VECTORS_AVX2 ? run_v3 : run_portable;
#else
	(void)level;
	return run_portable;
#endif
}
