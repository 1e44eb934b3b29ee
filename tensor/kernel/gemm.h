#ifndef TENSOR_KERNEL_GEMM_H
#define TENSOR_KERNEL_GEMM_H

/* c = a b, or c + a b, in floats, where element (i, k) of a is a[i * ai + k * ak], and so on.
 *
 * Every element is a chain of fused multiply-adds over blocks of GEMM_BLOCK along k, in order, and
 * the blocks are added in order: the same bits from every processor and for every tile. */

#include <stdbool.h>
#include <stdint.h>

enum { GEMM_BLOCK = 384 };

typedef struct Gemm {
	int m, n, k;
	const float *a, *b;
	int64_t ai, ak, bk, bj;
	float *c; /* rows of n, ldc apart */
	int64_t ldc;
	bool add;    /* to what is in c */
	float *room; /* gemm_room(m, n, k) floats, aligned to 64 bytes */
} Gemm;

int64_t gemm_room(int m, int n, int k);

typedef void GemmRun(const Gemm *);
/* The one of a VectorLevel. */
GemmRun *gemm_run(int level);

static inline int
lesser(int a, int b)
{
	return a < b ? a : b;
}

/* The first of n things that a part has. */
static inline int64_t
part_begin(int64_t n, int part, int parts)
{
	return n * part / parts;
}

/* Of its rows, or of its columns if there are more of these, the part's. */
static inline void
gemm_cut(Gemm *g, int part, int parts)
{
	bool rows = g->m >= g->n;
	int all = rows ? g->m : g->n, from = (int)part_begin(all, part, parts),
	    to = (int)part_begin(all, part + 1, parts);

	if (rows) {
		g->a += from * g->ai;
		g->c += from * g->ldc;
		g->m = to - from;
	} else {
		g->b += from * g->bj;
		g->c += from;
		g->n = to - from;
	}
}

#endif
