/* The machine of strip code, for several processors from one source (vectors.h), chosen once. */

#include "tensor/kernel/strip.h"
#include "tensor/kernel/vectors.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

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

/* Square roots, which compilers take of vectors only where they are asked by the processor's name;
 * all are rounded right. */
typedef void RootsRun(V *to, Operand a, int n);

static void
roots_portable(V *to, Operand a, int n)
{
	for (int i = 0; i < n; i++)
		to[i] = roots_of_lanes(part(a, i));
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) static void
roots_v3(V *to, Operand a, int n)
{
	for (int i = 0; i < n; i++)
		for (int half = 0; half < 2; half++) {
			const float *from = (const float *)(a.at + (size_t)i * a.step) + 8 * half;
			_mm256_storeu_ps((float *)&to[i] + 8 * half,
			                 _mm256_sqrt_ps(_mm256_loadu_ps(from)));
		}
}

__attribute__((target("avx512f"))) static void
roots_v4(V *to, Operand a, int n)
{
	for (int i = 0; i < n; i++)
		_mm512_storeu_ps(&to[i],
		                 _mm512_sqrt_ps(_mm512_loadu_ps(a.at + (size_t)i * a.step)));
}
#endif

#define EACH(e) \
	for (int i = 0; i < n; i++) { \
		V x = part(a, i), y = part(b, i), z = part(c, i); \
		(void)y, (void)z; \
		to[i] = (e); \
	} \
	break

INLINE void
apply_strip(const StripInstr *in, StripMachine *m, RootsRun *roots)
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
	case X_MOD: EACH(modulo_lanes(x, y));
	case X_MAX: EACH(greater_lanes(x, y));
	case X_EXP: EACH(exp_lanes(x));
	case X_LOG: EACH(log_lanes(x));
	case X_SIN: EACH(sin_lanes(x));
	case X_TANH: EACH(tanh_lanes(x));
	case X_SQRT: roots(to, a, n); break;
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
	return greater_lanes(all, x);
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

	for (int i = 0; i * LANES < m->nlane; i++) {
		V x = first_lanes(part(a, i), m->nlane - i * LANES, none);
		all = joined(in->what, all, x);
	}
	*to = all;
}

INLINE void
fold_lanes(const StripInstr *in, StripMachine *m)
{
	V all = *result(m, in);

	*result(m,
	        in) = all_lanes(in->what == X_SUM ? sum_by_halves(&all) : greatest_by_halves(&all));
}

/* ---- loads ---- */

INLINE void
load_affine(const StripInstr *in, StripMachine *m)
{
	const LoadPlan *p = in->load;
	int64_t at = p->base;

	for (int i = 0; i < p->nterm; i++)
		at += m->range[p->range[i]] * p->times[i];
	const float *from = m->buffer[p->tensor] + at;
	if (!in->strip) {
		*result(m, in) = all_lanes(*from);
		return;
	}
	from += m->lane * p->step;
	if (p->step == 1)
		m->at[in->to] = from; /* buffers have room for the last vector */
	else
		load_line(from, p->step, 0, m->nlane, m->nlane, (float *)result(m, in));
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

	for (int i = 0; i * LANES < m->nlane; i++)
		to[i] = numbers_from(m->lane + i * LANES);
}

/* ---- the machine ---- */

typedef struct OuterLanes {
	int lane, nlane;
} OuterLanes;

INLINE void
run_code(const StripCode *code, StripMachine *m, RootsRun *roots)
{
	OuterLanes outside[HEIGHT_MAX];
	int depth = 0;

	for (const StripInstr *in = code->instr; in->op != S_END; in++) {
		switch (in->op) {
		case S_CONST: *result(m, in) = all_lanes(in->value); break;
		case S_RANGE: *result(m, in) = all_lanes((float)m->range[in->range]); break;
		case S_LANES: lane_numbers(in, m); break;
		case S_LOAD:
			if (in->load->affine)
				load_affine(in, m);
			else
				load_strip(in, m);
			break;
		case S_GATHER: gather_strip(in, m); break;
		case S_APPLY: apply_strip(in, m, roots); break;
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
		run_code(code, m, roots_##name); \
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
