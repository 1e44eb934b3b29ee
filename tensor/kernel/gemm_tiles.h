#ifndef TENSOR_KERNEL_GEMM_TILES_H
#define TENSOR_KERNEL_GEMM_TILES_H

/* A blocked matrix product: both operands are packed into panels that the inner kernel reads in
 * order, and a tile of sums stays in registers (Goto and van de Geijn 2008, "Anatomy of
 * High-Performance Matrix Multiplication"; Van Zee and van de Geijn 2015, BLIS).
 *
 * This text stands by itself, with gemm.h and vector_product.h: it is in front of kernels that are
 * written as C, too. */

#include <math.h>
#include <string.h>

#include "tensor/kernel/vector_product.h"

#define INLINE static inline __attribute__((always_inline, unused))

#if defined(__x86_64__)
#include <immintrin.h>
#endif

/* Rows of a that are packed at a time. */
enum { ROWS = 168, TILE_ROWS_MAX = 14, TILE_COLUMNS_MAX = 32 };

/* ---- packing ---- */

/* Lines of `tile` elements side by side, for each k, zeros where there are no more. */
INLINE void
pack_panels(float *to, const float *from, int64_t along, int64_t k_step, int n, int kc, int tile)
{
	for (int first = 0; first < n; first += tile, to += (int64_t)tile * kc) {
		int have = lesser(tile, n - first);
		const float *line = from + first * along;
		for (int k = 0; k < kc; k++)
			for (int i = 0; i < tile; i++)
				to[k * tile + i] = i < have ? line[i * along + k * k_step] : 0;
	}
}

#if defined(__x86_64__)
/* The same where each line goes on with k: eight lines of eight numbers are turned at a time. */
__attribute__((target("avx2,fma"))) static void
pack_turned(float *to, const float *from, int64_t along, int n, int kc, int tile)
{
	for (int first = 0; first < n; first += tile, to += (int64_t)tile * kc) {
		int have = lesser(tile, n - first), whole = have & ~7, turned = kc & ~7;
		const float *line = from + first * along;
		for (int i = 0; i < whole; i += 8)
			for (int k = 0; k < turned; k += 8) {
				__m256 column[8];
				turn_lines(line + i * along + k, along, column);
				for (int l = 0; l < 8; l++)
					_mm256_storeu_ps(to + (k + l) * tile + i, column[l]);
			}
		for (int k = 0; k < kc; k++)
			for (int i = k < turned ? whole : 0; i < tile; i++)
				to[k * tile + i] = i < have ? line[i * along + k] : 0;
	}
}
#else
#define pack_turned(to, from, along, n, kc, tile) pack_panels(to, from, along, 1, n, kc, tile)
#endif

/* Lines of so many elements that the compiler knows how many. */
INLINE void
copy_tile(float *to, const float *from, int have, int tile)
{
	if (have == tile) {
		memcpy(to, from, sizeof *to * (size_t)tile);
		return;
	}
	for (int i = 0; i < tile; i++)
		to[i] = i < have ? from[i] : 0;
}

INLINE void
pack_lines(float *to, const float *from, int64_t along, int64_t k_step, int n, int kc, int tile,
           bool avx2)
{
	if (along != 1 && k_step == 1 && avx2) {
		pack_turned(to, from, along, n, kc, tile);
		return;
	}
	if (along != 1) {
		pack_panels(to, from, along, k_step, n, kc, tile);
		return;
	}
	for (int k = 0; k < kc; k++, to += tile, from += k_step)
		for (int first = 0; first < n; first += tile)
			copy_tile(to + (int64_t)first * kc, from + first, lesser(tile, n - first),
			          tile);
}

/* ---- the inner kernel: a tile of c from rows of a and a panel of b ---- */

/* Rows of a as they lie, element (i, k) at a[i * ai + k * ak]; packed ones have an ai of 1. */
typedef struct TileRows {
	const float *a;
	int64_t ai, ak;
} TileRows;

/* What is beyond the edge of c is computed and dropped. */
INLINE void
put_tile(const float *tile, int columns, float *c, int64_t ldc, int m, int n, bool first)
{
	for (int i = 0; i < m; i++)
		for (int j = 0; j < n; j++) {
			float *to = &c[i * ldc + j], x = tile[i * columns + j];
			*to = first ? x : *to + x;
		}
}

static void
tile_portable(int kc, TileRows r, const float *b, float *c, int64_t ldc, int m, int n, bool first)
{
	float sum[4][16] = { { 0 } };

	for (int k = 0; k < kc; k++, r.a += r.ak, b += 16)
		for (int i = 0; i < 4; i++)
			for (int j = 0; j < 16; j++)
				sum[i][j] = fmaf(r.a[i * r.ai], b[j], sum[i][j]);
	put_tile(&sum[0][0], 16, c, ldc, m, n, first);
}

#if defined(__x86_64__)
__attribute__((target("avx2,fma"))) static void
tile_v3(int kc, TileRows r, const float *b, float *c, int64_t ldc, int m, int n, bool first)
{
	const float *a = r.a, *a3 = r.a + 3 * r.ai;
	__m256 sum[6][2];
	float tile[6 * 16];

	for (int i = 0; i < 6; i++)
		sum[i][0] = sum[i][1] = _mm256_setzero_ps();
	for (int k = 0; k < kc; k++, a += r.ak, a3 += r.ak, b += 16) {
		__m256 b0 = _mm256_loadu_ps(b), b1 = _mm256_loadu_ps(b + 8);
#pragma GCC unroll 6
		for (int i = 0; i < 6; i++) {
			__m256 x = _mm256_broadcast_ss((i < 3 ? a : a3) + i % 3 * r.ai);
			sum[i][0] = _mm256_fmadd_ps(x, b0, sum[i][0]);
			sum[i][1] = _mm256_fmadd_ps(x, b1, sum[i][1]);
		}
	}
	if (n < 16) {
		memcpy(tile, sum, sizeof tile);
		put_tile(tile, 16, c, ldc, m, n, first);
		return;
	}
	for (int i = 0; i < m; i++, c += ldc) {
		__m256 none = _mm256_setzero_ps();
		__m256 c0 = first ? none : _mm256_loadu_ps(c);
		__m256 c1 = first ? none : _mm256_loadu_ps(c + 8);
		_mm256_storeu_ps(c, first ? sum[i][0] : _mm256_add_ps(c0, sum[i][0]));
		_mm256_storeu_ps(c + 8, first ? sum[i][1] : _mm256_add_ps(c1, sum[i][1]));
	}
}

/* Columns from `from` on that are there, as a mask. */
__attribute__((target("avx512f"))) INLINE __mmask16
columns_from(int from, int n)
{
	return (__mmask16)(n >= from + 16 ? 0xffff : n <= from ? 0 : (1 << (n - from)) - 1);
}

__attribute__((target("avx512f"))) static void
tile_v4(int kc, TileRows r, const float *b, float *c, int64_t ldc, int m, int n, bool first)
{
	__m512 sum[14][2];
	__mmask16 left = columns_from(0, n), right = columns_from(16, n);
	const float *a = r.a, *a3 = a + 3 * r.ai, *a6 = a3 + 3 * r.ai, *a9 = a6 + 3 * r.ai,
		    *a12 = a9 + 3 * r.ai;

	for (int i = 0; i < 14; i++)
		sum[i][0] = sum[i][1] = _mm512_setzero_ps();
	for (int k = 0; k < kc; k++, b += 32) {
		__m512 b0 = _mm512_loadu_ps(b), b1 = _mm512_loadu_ps(b + 16);
#pragma GCC unroll 14
		for (int i = 0; i < 14; i++) {
			const float *row = i < 3 ? a : i < 6 ? a3 : i < 9 ? a6 : i < 12 ? a9 : a12;
			__m512 x = _mm512_set1_ps(row[i % 3 * r.ai]);
			sum[i][0] = _mm512_fmadd_ps(x, b0, sum[i][0]);
			sum[i][1] = _mm512_fmadd_ps(x, b1, sum[i][1]);
		}
		a += r.ak, a3 += r.ak, a6 += r.ak, a9 += r.ak, a12 += r.ak;
	}
#pragma GCC unroll 14
	for (int i = 0; i < 14; i++, c += ldc) {
		if (i >= m)
			break;
		if (!first) {
			sum[i][0] = _mm512_add_ps(_mm512_maskz_loadu_ps(left, c), sum[i][0]);
			sum[i][1] = _mm512_add_ps(_mm512_maskz_loadu_ps(right, c + 16), sum[i][1]);
		}
		_mm512_mask_storeu_ps(c, left, sum[i][0]);
		_mm512_mask_storeu_ps(c + 16, right, sum[i][1]);
	}
}
#endif

/* ---- the product ---- */

typedef void TileRun(int kc, TileRows, const float *b, float *c, int64_t ldc, int m, int n,
                     bool first);

/* Where k runs along lines of memory, whole tiles of rows are read where they lie, unless lines of
 * the cache that are needed together would drive each other out. */
INLINE void
rows_by_tiles(const Gemm *g, TileRun *tile, int rows, int columns, bool avx2, int k, int row,
              const float *b)
{
	int kc = lesser(GEMM_BLOCK, g->k - k), mc = lesser(ROWS, g->m - row);
	bool in_place = g->ak == 1 && g->ai % 1024;
	int whole = in_place ? mc / rows * rows : 0;
	const float *lines = g->a + row * g->ai + k * g->ak;
	float *a = g->room;

	pack_lines(a, lines + whole * g->ai, g->ai, g->ak, mc - whole, kc, rows, avx2);
	for (int j = 0; j < g->n; j += columns)
		for (int i = 0; i < mc; i += rows) {
			TileRows r = { a + (int64_t)(i - whole) * kc, 1, rows };
			if (i < whole)
				r = (TileRows){ lines + i * g->ai, g->ai, 1 };
			tile(kc, r, b + (int64_t)j * kc, g->c + (row + i) * g->ldc + j, g->ldc,
			     lesser(rows, mc - i), lesser(columns, g->n - j), !k && !g->add);
		}
}

INLINE void
gemm_by_tiles(const Gemm *g, TileRun *tile, int rows, int columns, bool avx2)
{
	float *b = g->room
	           + (int64_t)(lesser(g->m, ROWS) + TILE_ROWS_MAX) * lesser(g->k, GEMM_BLOCK);

	for (int k = 0; k < g->k; k += GEMM_BLOCK) {
		int kc = lesser(GEMM_BLOCK, g->k - k);
		pack_lines(b, g->b + k * g->bk, g->bj, g->bk, g->n, kc, columns, avx2);
		for (int row = 0; row < g->m; row += ROWS)
			rows_by_tiles(g, tile, rows, columns, avx2, k, row, b);
	}
}

static void
gemm_portable(const Gemm *g)
{
	if (g->m == 1)
		vector_product(g, false);
	else
		gemm_by_tiles(g, tile_portable, 4, 16, false);
}

#if defined(__x86_64__)
static void
gemm_v3(const Gemm *g)
{
	if (g->m == 1)
		vector_product(g, true);
	else
		gemm_by_tiles(g, tile_v3, 6, 16, true);
}

static void
gemm_v4(const Gemm *g)
{
	if (g->m == 1)
		vector_product(g, true);
	else
		gemm_by_tiles(g, tile_v4, 14, 32, true);
}
#endif

#endif
