/* The kernels of lanes.h, for several processors, and maps packed for them. */

#include "runtime/lanes.h"

#define KERNELS(name, target) \
	target static void affine_##name(const TwAffine *f, const V *x, V *y) \
	{ \
		lanes_affine(f, f->bias, x, y); \
	} \
	target static void mlp_##name(const TwFastLayer *s, V *x, V *u, V *neuron) \
	{ \
		lanes_mlp(s, x, u, neuron); \
	} \
	target static void attend_##name(const TwReadPlaces *p, const float *query, float *score, \
	                                 float *read) \
	{ \
		lanes_attend(p, query, score, read); \
	} \
	target static void attend_many_##name(const TwReadPlaces *p, const V *query, int first, \
	                                      bool all, V *score, V *read) \
	{ \
		lanes_attend_many(p, query, first, all, score, read); \
	} \
	target static void times_##name(const TwAffine *f, const float *bias, const float *x, \
	                                float *repeated, float *y) \
	{ \
		lanes_times(f, bias, x, repeated, y); \
	} \
	target static bool search_text_##name(const TwTextKeys *t, int first, V *score, V *read) \
	{ \
		return lanes_search_text(t, first, score, read); \
	} \
	static const TwLaneKernels kernels_##name = { affine_##name, mlp_##name, \
		                                      attend_##name, attend_many_##name, \
		                                      times_##name,  search_text_##name };

KERNELS(portable, )
#if defined(__x86_64__)
KERNELS(v3, __attribute__((target("avx2,fma"))))
KERNELS(v4, __attribute__((target("avx512f,avx512dq,avx512bw,avx512vl,fma"))))
#endif

int
tw_vector_level(unsigned flags)
{
#if defined(__x86_64__)
	if (flags & TW_PORTABLE)
		return 0;
	if (!(flags & TW_V3) && __builtin_cpu_supports("avx512f")
	    && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw")
	    && __builtin_cpu_supports("avx512vl"))
		return 2;
	return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#else
	(void)flags;
	return 0;
#endif
}

const TwLaneKernels *
tw_lane_kernels(unsigned flags)
{
	static const TwLaneKernels *const all[] = {
		&kernels_portable,
#if defined(__x86_64__)
		&kernels_v3,
		&kernels_v4,
#endif
	};

	return all[tw_vector_level(flags)];
}

/* From which share of nonzeros on a matrix is faster than its nonzeros. */
static const double packed_from = 0.25;

void
tw_affine_pack(TwPool *p, TwAffine *f, int width)
{
	int rows = (f->n + TW_TILE - 1) / TW_TILE * TW_TILE, used = 0;

	if (f->n < TW_TILE || (double)f->start[f->n] < packed_from * f->n * TW_TILE)
		return;
	int *at = TW_NEW(p, int, width); /* of a column, from 1 */
	for (int t = 0; t < f->start[f->n]; t++)
		at[f->term[t].at] = 1;
	for (int i = 0; i < width; i++)
		used += at[i];
	if (used < TW_TILE || (double)f->start[f->n] < packed_from * f->n * used)
		return;
	f->column = TW_NEW(p, int, used);
	for (int i = 0; i < width; i++)
		if (at[i]) {
			f->column[f->width++] = i;
			at[i] = f->width;
		}
	/* a little more: the last columns are read with zeros behind them */
	f->packed = tw_pool_alloc(p, (size_t)rows * (size_t)used + 3 * TW_LANES, sizeof *f->packed);
	for (int i = 0; i < f->n; i++) {
		float *to = f->packed + (size_t)(i / TW_TILE * TW_TILE) * (size_t)used
		            + i % TW_TILE;
		for (int t = f->start[i]; t < f->start[i + 1]; t++)
			to[(size_t)(at[f->term[t].at] - 1) * TW_TILE] = f->term[t].w;
	}
}
