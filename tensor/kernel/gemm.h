#ifndef TENSOR_KERNEL_GEMM_H
#define TENSOR_KERNEL_GEMM_H

/* c = a b, or c + a b, in floats, where element (i, k) of a is a[i * ai + k * ak], and so on.
 *
 * Every element is a chain of fused multiply-adds over blocks of GEMM_BLOCK along k, in order, and
 * the blocks are added in order: the same bits from every processor and for every tile. */

#include <stdbool.h>
#include <stdint.h>

#include "tensor/kernel/program.h"

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

/* vector_product.c: the same where m is 1; of the room it needs so much. */
void vector_product(const Gemm *, VectorLevel);
int64_t vector_product_room(int n);

typedef void GemmRun(const Gemm *);
GemmRun *gemm_run(VectorLevel);

#endif
