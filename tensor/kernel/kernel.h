#ifndef TENSOR_KERNEL_KERNEL_H
#define TENSOR_KERNEL_KERNEL_H

#include "tensor/kernel/gemm.h"
#include "tensor/kernel/program.h"
#include "tensor/kernel/strip.h"
#include "tensor/kernel/workers.h"

enum { LOOPS_MAX = 2 * RANK_MAX };

/* A loop around a kernel: a range, and by how much it moves what the kernel reads and writes. */
typedef struct KernelLoop {
	int range, extent;
	int64_t a, b, c; /* PRODUCT */
} KernelLoop;

typedef enum KernelKind {
	KERNEL_STRIPS,
	KERNEL_PRODUCT,
	KERNEL_SCATTER,
	KERNEL_UPDATE /* a row of what is carried, in place */
} KernelKind;

/* A kernel that the C compiler made, of tensors[n]: what is written, then what is read. */
typedef void CompiledKernel(float *const *tensor, int part, int parts, float *room);

typedef struct Kernel {
	KernelKind kind;
	TensorNode *to;
	int nloop;
	KernelLoop loop[LOOPS_MAX]; /* (nloop) outer ones first */
	StripCode *code;            /* STRIPS, SCATTER: what is stored, or added */
	StripCode *row;             /* SCATTER: at which row */
	int lanes;                  /* extent of the last axis; 0: a single number */
	int64_t line;               /* SCATTER: how many elements a row has */
	Gemm gemm;                  /* PRODUCT: but for addresses, which are offsets of buffers */
	TensorNode *a, *b;
	int64_t a_base, b_base;
	TensorNode *past; /* UPDATE: the leaf; its row number b, at any of `outer`, becomes a's */
	int64_t outer, inner; /* UPDATE: elements before its axis, and behind it */
	int nsum;             /* PRODUCT: how many of the loops add to what the first turn stored */
	CompiledKernel *compiled; /* or NULL */
	int noperand;
	const int *operand; /* (noperand) ids of its tensors */
} Kernel;

/* What a thread works with. */
typedef struct KernelDesk {
	float (*reg)[STRIP];
	const float **at; /* of the registers */
	int *range;       /* where each range is, by number */
	float *room;      /* for products */
} KernelDesk;

struct TensorProgram {
	TensorGraph *g;
	int nkernel;
	Kernel *kernel;
	Map now;        /* tensors that were rewritten -> what stands for them */
	float **buffer; /* by tensor */
	int64_t floats; /* of all buffers but the leaves' */
	Workers *workers;
	KernelDesk *desk; /* one for each of them */
	int64_t small;    /* elements, or products, that are not worth sharing out */
	StripRun *strips;
	GemmRun *product;
};

/* The tensor, or what stands for it. */
TensorNode *current_tensor(const TensorProgram *, const TensorNode *);
/* The product that t is, its loops and strides; false if it is none, or a small one. */
bool plan_product(const TensorNode *t, Kernel *);
/* The scatter that t is; false if it is none. */
bool plan_scatter(TensorGraph *, const TensorNode *t, Kernel *);
/* The update of a row that t is, of what is carried to its leaf; false if it is none. now: as that
 * of tensor_split(). */
bool plan_update(const TensorGraph *, const Map *now, const TensorNode *t, Kernel *);
/* From one element of an axis to the next. */
int64_t axis_stride(const TensorNode *, int axis);
void plan_strips(TensorGraph *, const TensorNode *t, Kernel *);

/* ---- sum_order.c ---- */

/* The body with the order of each of its reductions decided. */
Scalar *decide_orders(TensorGraph *, Scalar *body);
/* That of one that is neither a product nor a scatter. */
SumOrder along_or_across(TensorGraph *, const Scalar *reduction);
/* What a nest of sums adds up, and the ranges, the outer ones first. */
Scalar *base_of_sum(Scalar *, int *n, Scalar **range);
/* where(c, 0, x y) as where(c, 0, x) y, if c depends on nothing that x does not: what the gradient
 * of max(..., 0) is. Anything else as it is. */
Scalar *masked_factor(TensorGraph *, Scalar *base);
/* The row in axis == row, if it depends on what is summed alone; else NULL. */
Scalar *row_of_condition(const Scalar *c, const Scalar *axis);
/* Elements of an expression's tensor over its own ranges. */
double free_size(const Scalar *);
/* A sum of ranges and multiples of them; how it grows with a range. */
bool is_affine_index(const Scalar *);
/* What a plain load's address grows by with a range; without one, where it is when all are 0. */
int64_t load_address(const Scalar *load, const Scalar *range);
int64_t slope_of_index(const Scalar *, const Scalar *range);

/* A load of a tensor at indices that are sums of ranges and multiples of them, all inside of it. */
bool is_plain_load(const Scalar *);

/* Sums of products inside a body, and their operands where they are no plain loads, become
 * tensors of their own, so that plan_product() finds them; so do functions that are asked for more
 * than once: the graph's live tensors, operands
 * first, with what was split off. now: what stands for a tensor whose body changed. */
TensorNode **tensor_split(TensorGraph *, bool unfused, int *n, Map *now);

/* describe.c: which part of a step a kernel is of, by the tensor that it computes. */
typedef enum KernelStage { STAGE_NONE, STAGE_FORWARD, STAGE_BACKWARD, STAGE_STEP } KernelStage;
extern const char *const kernel_kind_names[], *const kernel_stage_names[];
KernelStage *find_kernel_stages(const TensorProgram *, const KernelStages *);

#endif
