#ifndef TENSOR_KERNEL_VECTOR_PRODUCT_H
#define TENSOR_KERNEL_VECTOR_PRODUCT_H

/* A product with a single row, c = a b: what it costs to go on with a text by one token. Each
 * number of b is read once, so that the time is what memory takes, and what matters is to read
 * along its lines, several of them at once:
 *
 *     lines along n    the sums of some thousand columns stay in the cache, and eight lines at a
 *                      time are multiplied and added to them
 *     lines along k    eight lines are turned into columns in registers, so that a lane has a
 *                      column's sum; the next lines are asked for meanwhile
 *
 * The sums are those of gemm.c: chains along k over blocks, and the blocks in order. Eight lines
 * along n that are all multiplied by 0 are not read, as the values of positions are that a text
 * does not have yet. This text stands by itself, with gemm.h. */

#include <math.h>
#include <string.h>

#include "tensor/kernel/gemm.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

/* Columns whose sums are in the cache together. */
enum { COLUMNS = 4096, LINES = 8 };

/* The sums of a block, put to what c has. */
static void
put_sums(const float *sum, float *c, int n, bool first)
{
	for (int j = 0; j < n; j++)
		c[j] = first ? sum[j] : c[j] + sum[j];
}

static void
add_multiple(float *sum, float x, const float *b, int64_t bj, int n)
{
	for (int j = 0; j < n; j++)
		sum[j] = fmaf(x, b[j * bj], sum[j]);
}

typedef void AddLines(float *sum, const Gemm *, const float *b, int k, int kc, int n);

/* The factor of each of eight lines; false where all are 0. */
static bool
line_factors(const Gemm *g, int k, float *x)
{
	bool any = false;

	for (int l = 0; l < LINES; l++) {
		x[l] = g->a[(k + l) * g->ak];
		any |= x[l] != 0;
	}
	return any;
}

static void
add_lines_portable(float *sum, const Gemm *g, const float *b, int k, int kc, int n)
{
	float x[LINES];

	for (int i = k; i < k + kc; i++)
		if (g->bj == 1 && (i - k) % LINES == 0 && i + LINES <= k + kc
		    && !line_factors(g, i, x))
			i += LINES - 1;
		else
			add_multiple(sum, g->a[i * g->ak], b + i * g->bk, g->bj, n);
}

static void
product_by_columns(const Gemm *g, AddLines *add)
{
	for (int j = 0; j < g->n; j += COLUMNS) {
		int n = lesser(COLUMNS, g->n - j);
		for (int k = 0; k < g->k; k += GEMM_BLOCK) {
			memset(g->room, 0, sizeof *g->room * (size_t)n);
			add(g->room, g, g->b + j * g->bj, k, lesser(GEMM_BLOCK, g->k - k), n);
			put_sums(g->room, g->c + j, n, !k && !g->add);
		}
	}
}

#if defined(__x86_64__)
/* ---- lines along n ---- */

__attribute__((target("avx2,fma"))) static void
add_lines_v3(float *sum, const Gemm *g, const float *b, int k, int kc, int n)
{
	int i = k, whole = n & ~7;

	for (; i + LINES <= k + kc; i += LINES) {
		const float *line = b + i * g->bk;
		float factor[LINES];
		__m256 x[LINES];
		if (!line_factors(g, i, factor))
			continue;
		for (int l = 0; l < LINES; l++)
			x[l] = _mm256_set1_ps(factor[l]);
		for (int j = 0; j < whole; j += 8) {
			__m256 s = _mm256_loadu_ps(sum + j);
#pragma GCC unroll 8
			for (int l = 0; l < LINES; l++)
				s = _mm256_fmadd_ps(x[l], _mm256_loadu_ps(line + l * g->bk + j), s);
			_mm256_storeu_ps(sum + j, s);
		}
		for (int l = 0; l < LINES; l++)
			add_multiple(sum + whole, factor[l], line + l * g->bk + whole, 1,
			             n - whole);
	}
	for (; i < k + kc; i++)
		add_multiple(sum, g->a[i * g->ak], b + i * g->bk, 1, n);
}

/* ---- lines along k ---- */

/* Eight lines of eight numbers become eight columns. */
__attribute__((target("avx2,fma"), always_inline)) static inline void
turn_lines(const float *line, int64_t step, __m256 *to)
{
	__m256 pair[8], quad[8];

#pragma GCC unroll 4
	for (int i = 0; i < 4; i++) {
		__m256 x = _mm256_loadu_ps(line + 2 * i * step),
		       y = _mm256_loadu_ps(line + (2 * i + 1) * step);
		pair[2 * i] = _mm256_unpacklo_ps(x, y);
		pair[2 * i + 1] = _mm256_unpackhi_ps(x, y);
	}
#pragma GCC unroll 2
	for (int i = 0; i < 2; i++)
#pragma GCC unroll 2
		for (int h = 0; h < 2; h++) {
			__m256 x = pair[4 * i + h], y = pair[4 * i + 2 + h];
			quad[4 * i + 2 * h] = _mm256_shuffle_ps(x, y, 0x44);
			quad[4 * i + 2 * h + 1] = _mm256_shuffle_ps(x, y, 0xee);
		}
#pragma GCC unroll 4
	for (int i = 0; i < 4; i++) {
		to[i] = _mm256_permute2f128_ps(quad[i], quad[4 + i], 0x20);
		to[4 + i] = _mm256_permute2f128_ps(quad[i], quad[4 + i], 0x31);
	}
}

/* The chains of eight columns over a block. */
__attribute__((target("avx2,fma"))) static void
sum_eight(const Gemm *g, const float *b, int k, int kc, float *sum)
{
	const float *a = g->a + k * g->ak;
	int i = 0;
	__m256 s = _mm256_setzero_ps(), column[8];

	for (; i + 8 <= kc; i += 8) {
		if (i % 16 == 0)
			for (int l = 0; l < 8; l++)
				_mm_prefetch((const char *)(b + (8 + l) * g->bj + k + i),
				             _MM_HINT_T1);
		turn_lines(b + k + i, g->bj, column);
#pragma GCC unroll 8
		for (int l = 0; l < 8; l++)
			s = _mm256_fmadd_ps(_mm256_set1_ps(a[(i + l) * g->ak]), column[l], s);
	}
	_mm256_storeu_ps(sum, s);
	for (; i < kc; i++)
		add_multiple(sum, a[i * g->ak], b + k + i, g->bj, 8);
}

static void
product_by_lines(const Gemm *g)
{
	int whole = g->n & ~7;
	Gemm rest = *g;

	for (int j = 0; j < whole; j += 8)
		for (int k = 0; k < g->k; k += GEMM_BLOCK) {
			float sum[8];
			sum_eight(g, g->b + j * g->bj, k, lesser(GEMM_BLOCK, g->k - k), sum);
			put_sums(sum, g->c + j, 8, !k && !g->add);
		}
	rest.b += whole * g->bj;
	rest.c += whole;
	rest.n -= whole;
	product_by_columns(&rest, add_lines_portable);
}
#endif

/* c = a b where there is one row. */
static void
vector_product(const Gemm *g, bool avx2)
{
#if defined(__x86_64__)
	if (avx2 && g->bk == 1) {
		product_by_lines(g);
		return;
	}
	if (avx2 && g->bj == 1) {
		product_by_columns(g, add_lines_v3);
		return;
	}
#endif
	(void)avx2;
	product_by_columns(g, add_lines_portable);
}

#endif
