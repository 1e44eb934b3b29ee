#ifndef TENSOR_KERNEL_PROGRAM_H
#define TENSOR_KERNEL_PROGRAM_H

/* A graph of tensors as a list of kernels over buffers of floats, ready to run.
 *
 * There are three kinds: a matrix product; a scatter, which adds lines at looked-up rows; and a
 * loop nest of strips, which is all the rest. What a kernel sums, and in which order, depends on
 * the graph alone. A buffer is used again when what it held is read no more. */

#include "lang/text.h"
#include "tensor/kernel/workers.h"
#include "tensor/tensor.h"

typedef struct TensorProgram TensorProgram;

/* Which vectors kernels use: none but the compiler's, those of AVX2, of AVX-512; and, added to one
 * of these, that each operator is to be a kernel of its own. All give the same bits. */
typedef enum VectorLevel {
	VECTORS_PORTABLE,
	VECTORS_AVX2,
	VECTORS_AVX512,
	VECTORS_UNFUSED = 8
} VectorLevel;
/* The best of this processor. */
VectorLevel vector_level(void);

/* For what the graph's outputs need, of this level or the best below that there is. Kernels may
 * define further tensors in the graph. */
TensorProgram *tensor_program_new(TensorGraph *, VectorLevel);
/* The same where leaf[id] is what a leaf holds, by rows: it is read where it lies. NULL: the leaf
 * has a buffer as all have. */
TensorProgram *tensor_program_over(TensorGraph *, VectorLevel, const float *const *leaf);
/* From now on by these threads, which may be shared with other programs, one running at a time. */
void tensor_program_share(TensorProgram *, Workers *);
/* From now on by what the C compiler makes of the kernels' text: the same bits. NULL, or why not.
 */
const char *tensor_program_compile(TensorProgram *);
/* (tensor_size) by rows, of a leaf or an output. A leaf's is to be filled in, but a table's. */
float *tensor_program_buffer(TensorProgram *, const TensorNode *);
void tensor_program_run(TensorProgram *);
/* What is carried moves on: leaves take what their next values came to. */
void tensor_program_advance(TensorProgram *);
/* Where stages end: the loss, and the norm of its gradients, or NULL. */
typedef struct KernelStages {
	const TensorNode *loss, *norm;
} KernelStages;

/* A line a kernel, and its stage unless `ends` is NULL (describe.c). */
void tensor_program_print(const TensorProgram *, const KernelStages *ends, FILE *);
/* A picture for Graphviz (draw.c); how many nodes. */
int tensor_program_draw(const TensorProgram *, const KernelStages *ends, FILE *);
/* The kernels that compute what has this name, as C; how many. */
int tensor_program_print_c(const TensorProgram *, const char *name, FILE *);
/* All of them, and what they need. */
void tensor_program_write_c(const TensorProgram *, TextBuilder *);

#endif
