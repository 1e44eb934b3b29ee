#ifndef TENSOR_KERNEL_C_TEXT_H
#define TENSOR_KERNEL_C_TEXT_H

/* Kernels as C, of GCC or Clang: what the machine of strip code does, with the loops written out.
 *
 *     // y [i < 64][j < 128] = exp(x[i, j]) / z[i]
 *     static void
 *     kernel_0(float *const *tensor, int part, int parts, float *room)
 *     {
 *             ...
 *             const float v2 = b[i0];
 *             for (int k = 0; k * LANES < n; k++) {
 *                     V v3 = exp_lanes(line(v0, k));
 *                     put(out, k, n, v3 / v2);
 *             }
 *
 * Kernels that differ only in the tensors that they read and write are one function. In front of
 * them stand vectors.h and gemm_tiles.h, of which the kernels in this process are made too: the
 * bits are the same. */

#include "lang/text.h"
#include "tensor/kernel/kernel.h"

typedef struct CCall {
	int function;
	int n;
	const int *tensor; /* (n) ids: what is written, then what is read */
} CCall;

typedef struct CKernels {
	int nfunction;
	const char **function; /* (nfunction) texts, of kernel_0 and so on */
	CCall *call;           /* (nkernel) */
	int64_t room;          /* floats that products need */
} CKernels;

CKernels *kernels_as_c(Arena *, const TensorProgram *);
/* All that the functions need, and the functions. */
void add_c_kernels(TextBuilder *, const CKernels *);
/* One kernel, as the function of it. */
const char *kernel_as_c(Arena *, const TensorProgram *, const Kernel *);

/* ---- c_code.c: strip code as statements ---- */

typedef struct CWriter {
	const TensorProgram *p;
	TextBuilder out;
	int depth;   /* tabs */
	int ntensor; /* that the kernel writes and reads, */
	int *tensor; /* (ntensor) called to, a, b, c, ... */
	int nvalue;  /* names v0, v1, ... that are given */
} CWriter;

/* A line, behind its tabs. */
void c_line(CWriter *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* "a"; of tensor number `id`, which is one of the kernel's from now on. */
const char *c_tensor(CWriter *, int id);
const char *c_range(Arena *, int number);
/* The statements of the code; and behind them one that does with the result what `use` says, of
 * which a %s is an expression: of each vector k of it where it is a strip, else once. */
void c_statements(CWriter *, const StripCode *, const char *use_strip, const char *use_number);

/* An operator on the numbers a, b, c in C; NULL where it has a form of its own. */
const char *c_of_operator(Arena *, TensorOp);

#endif
