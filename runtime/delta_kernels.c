/* The loops of delta_step.c, for several processors: what is different among many numbers of 32
 * bits. The portable ones are of compiler vectors (lanes.h); where a processor packs the lanes of a
 * mask (AVX-512), no branch depends on which they are. */

#include "runtime/delta.h"
#include "runtime/lanes.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

typedef uint32_t I __attribute__((vector_size(TW_LANES * sizeof(int32_t)), may_alias, aligned(4)));
typedef int32_t J __attribute__((vector_size(TW_LANES * sizeof(int32_t)), may_alias, aligned(4)));
typedef int8_t Flags __attribute__((vector_size(TW_LANES)));

/* Adds the numbers of the lanes whose flags are set to a list, counted from `first`. */
INLINE int
list_lanes(const J *mask, int first, int32_t *list, int n)
{
	Flags f = __builtin_convertvector(*mask, Flags);
	uint64_t half[2];

	memcpy(half, &f, sizeof half);
	for (int i = 0; i < 2; i++)
		for (uint64_t left = half[i]; left;) {
			int lane = __builtin_ctzll(left) / 8;
			left &= ~((uint64_t)255 << 8 * lane);
			list[n++] = first + 8 * i + lane;
		}
	return n;
}

/* How much more a sum is, of what is above the floor; lists where that is not 0. Sums are counted
 * from the first block. */
INLINE void
settle_lanes(int32_t *u, int32_t *du, const int32_t *floor, const uint64_t *blocks, int grain,
             TwDeltaList *to)
{
	to->n = 0;
	for (int k = 0; k < TW_BLOCK_WORDS; k++)
		for (uint64_t bits = blocks[k]; bits; bits &= bits - 1) {
			int i = (64 * k + __builtin_ctzll(bits)) * grain, end = i + grain;
			for (; i < end; i += TW_LANES) {
				J a = *(const J *)(u + i), d = *(const J *)(du + i);
				J f = *(const J *)(floor + i), b = (J)((I)a + (I)d);
				J above = a > f, x = (a & above) | (f & ~above);
				above = b > f;
				J y = (b & above) | (f & ~above), more = (J)((I)y - (I)x);
				int from = to->n;
				*(J *)(u + i) = b;
				*(J *)(du + i) = (J){ 0 };
				J other = x != y;
				to->n = list_lanes(&other, i, to->at, from);
				for (; from < to->n; from++)
					to->more[from] = more[to->at[from] - i];
			}
		}
}

/* Lists where a and b differ; both have room up to a multiple of TW_LANES. */
INLINE int
differ_lanes(const int32_t *a, const int32_t *b, int n, int32_t *list)
{
	int listed = 0, i = 0;

	for (; i + TW_LANES <= n; i += TW_LANES) {
		J other = *(const J *)(a + i) != *(const J *)(b + i);
		listed = list_lanes(&other, i, list, listed);
	}
	for (; i < n; i++)
		if (a[i] != b[i])
			list[listed++] = i;
	return listed;
}

INLINE void
gather_columns(int32_t *dx, uint64_t *dirty, int words, TwDeltaList *to)
{
	to->n = 0;
	for (int i = 0; i < words; i++) {
		for (uint64_t bits = dirty[i]; bits; bits &= bits - 1) {
			int column = 64 * i + __builtin_ctzll(bits);
			to->at[to->n] = column;
			to->more[to->n] = dx[column];
			to->n += dx[column] != 0;
			dx[column] = 0;
		}
		dirty[i] = 0;
	}
}

/* Blocks, in two numbers that stay in registers: a bit that was set in memory is waited for. */
typedef struct Touched {
	uint64_t low, high;
} Touched;

INLINE void
keep_touched(Touched t, uint64_t *touched)
{
	touched[0] |= t.low;
	touched[1] |= t.high;
}

/* The sums of one vector, d times. */
INLINE void
push_vector(const TwDeltaColumns *f, int v, int32_t d, int32_t *du, Touched *t)
{
	J *to = (J *)(du + f->first[v]);
	int block = f->block[v];

	*to = (J)((I)*to + *(const I *)(f->weight + (size_t)v * TW_LANES) * (uint32_t)d);
	t->low |= (uint64_t)(block < 64) << (block % 64);
	t->high |= (uint64_t)(block >= 64) << (block % 64);
}

INLINE void
push_columns(const TwDeltaColumns *f, int from, int end, const TwDeltaList *list, int32_t *du,
             uint64_t *touched)
{
	Touched t = { 0, 0 };

	for (int i = 0; i < list->n; i++) {
		const int *start = f->start + list->at[i] * (f->stages + 1);
		for (int v = start[from]; v < start[end]; v++)
			push_vector(f, v, list->more[i], du, &t);
	}
	keep_touched(t, touched);
}

#define KERNELS(name, target) \
	target static int differ_##name(const int32_t *a, const int32_t *b, int n, int32_t *list) \
	{ \
		return differ_lanes(a, b, n, list); \
	} \
	target static void gather_##name(int32_t *dx, uint64_t *dirty, int words, TwDeltaList *to) \
	{ \
		gather_columns(dx, dirty, words, to); \
	} \
	target static void push_##name(const TwDeltaColumns *f, int from, int end, \
	                               const TwDeltaList *list, int32_t *du, uint64_t *touched, \
	                               TwDeltaList *scratch) \
	{ \
		(void)scratch; \
		push_columns(f, from, end, list, du, touched); \
	} \
	target static void settle_##name(int32_t *u, int32_t *du, const int32_t *floor, \
	                                 const uint64_t *blocks, int grain, TwDeltaList *to) \
	{ \
		settle_lanes(u, du, floor, blocks, grain, to); \
	} \
	static const TwDeltaKernels kernels_##name = { differ_##name, gather_##name, push_##name, \
		                                       settle_##name };

KERNELS(portable, )

#if defined(__x86_64__)
KERNELS(v3, __attribute__((target("avx2,fma,bmi"))))

#define V4 __attribute__((target("avx512f,avx512dq,avx512bw,avx512vl,fma,bmi")))

V4 static inline void
list_mask(__mmask16 mask, __m512i numbers, int32_t *list)
{
	_mm512_storeu_si512(list, _mm512_maskz_compress_epi32(mask, numbers));
}

V4 static inline __m512i
lanes_from(int first)
{
	const __m512i lanes = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14,
	                                        15);

	return _mm512_add_epi32(lanes, _mm512_set1_epi32(first));
}

V4 static void
settle_v4(int32_t *u, int32_t *du, const int32_t *floor, const uint64_t *blocks, int grain,
          TwDeltaList *to)
{
	int n = 0;

	for (int k = 0; k < TW_BLOCK_WORDS; k++)
		for (uint64_t bits = blocks[k]; bits; bits &= bits - 1) {
			int i = (64 * k + __builtin_ctzll(bits)) * grain, end = i + grain;
			for (; i < end; i += TW_LANES) {
				__m512i a = _mm512_loadu_si512(u + i),
					f = _mm512_loadu_si512(floor + i);
				__m512i b = _mm512_add_epi32(a, _mm512_loadu_si512(du + i));
				__m512i d = _mm512_sub_epi32(_mm512_max_epi32(b, f),
				                             _mm512_max_epi32(a, f));
				__mmask16 other = _mm512_test_epi32_mask(d, d);
				_mm512_storeu_si512(u + i, b);
				_mm512_storeu_si512(du + i, _mm512_setzero_si512());
				list_mask(other, lanes_from(i), to->at + n);
				list_mask(other, d, to->more + n);
				n += __builtin_popcount(other);
			}
		}
	to->n = n;
}

V4 static int
differ_v4(const int32_t *a, const int32_t *b, int n, int32_t *list)
{
	int listed = 0;

	for (int i = 0; i < n; i += TW_LANES) {
		__mmask16 here = n - i < TW_LANES ? (__mmask16)((1u << (n - i)) - 1) : 0xffff;
		__mmask16 other = _mm512_mask_cmpneq_epi32_mask(here, _mm512_loadu_si512(a + i),
		                                                _mm512_loadu_si512(b + i));
		list_mask(other, lanes_from(i), list + listed);
		listed += __builtin_popcount(other);
	}
	return listed;
}

/* In two passes: a list of vectors, four at once; then these, so that no load waits for a branch.
 */
V4 static void
push_v4(const TwDeltaColumns *f, int from, int end, const TwDeltaList *list, int32_t *du,
        uint64_t *touched, TwDeltaList *scratch)
{
	int n = 0, *vector = scratch->at, *times = scratch->more;
	Touched t = { 0, 0 };

	for (int i = 0; i < list->n; i++) {
		const int *start = f->start + list->at[i] * (f->stages + 1);
		__m128i d = _mm_set1_epi32(list->more[i]);
		int vectors = start[end] - start[from], j = 0;
		do {
			__m128i at = _mm_add_epi32(_mm_set1_epi32(start[from] + j),
			                           _mm_setr_epi32(0, 1, 2, 3));
			_mm_storeu_si128((__m128i *)(void *)(vector + n + j), at);
			_mm_storeu_si128((__m128i *)(void *)(times + n + j), d);
			j += 4;
		} while (j < vectors);
		n += vectors;
	}
	for (int i = 0; i < n; i++)
		push_vector(f, vector[i], times[i], du, &t);
	keep_touched(t, touched);
}

static const TwDeltaKernels kernels_v4 = { differ_v4, gather_portable, push_v4, settle_v4 };
#endif

const TwDeltaKernels *
tw_delta_kernels(unsigned flags)
{
	static const TwDeltaKernels *const all[] = {
		&kernels_portable,
#if defined(__x86_64__)
		&kernels_v3,
		&kernels_v4,
#endif
	};

	return all[tw_vector_level(flags)];
}
