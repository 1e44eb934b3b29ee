#ifndef TENSOR_TENSOR_H
#define TENSOR_TENSOR_H

/* Arrays of floats, whole: the graph of what is learned, beside ir/, which has what is exact.
 *
 * A tensor is a shape and one scalar expression over its axes, or a leaf:
 *
 *     input ids [64] int 0..99
 *     param embed [100][32] = normal(0.02)
 *     x [t < 64][c < 32] = embed[ids[t], c]
 *     mean [t < 64] = sum(x[t, r] for r < 32) / 32
 *     output mean
 *
 * Index notation in place of operators that move data, as in Halide (Ragan-Kelley et al. 2013)
 * and Tensor Comprehensions (Vasilache et al. 2018). Scalars are immutable and hash-consed:
 * equal expressions are the same pointer, up to the names of their reductions' ranges. Building
 * one also simplifies it (rules.h). Tensors with the same shape and expression are one too. All
 * live in one arena.
 */

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "lang/arena.h"
#include "lang/diag.h"
#include "lang/interval.h"
#include "lang/pointer_map.h"

typedef enum TensorOp {
#define OP(name, ...) X_##name,
#include "tensor/ops.h"
#undef OP
	NUM_TENSOR_OPS
} TensorOp;

typedef struct TensorOpInfo {
	const char *name;
	int nargs; /* -1: of its own form */
	int prec;  /* 0: written as a call */
	const char *text;
	const char *gradient[3];
	const char *doc;
} TensorOpInfo;

extern const TensorOpInfo tensor_ops[NUM_TENSOR_OPS];

enum { RANK_MAX = 8 };

/* How the terms of a reduction are put together, which its bits depend on: decided when kernels are
 * made (tensor/kernel/sum_order.c), and kept by whatever rewrites the expression. */
typedef enum SumOrder {
	ORDER_OPEN,
	ORDER_ACROSS, /* term by term */
	ORDER_ALONG, /* sixteen sums, number k of what is k places after a multiple of 16, by halves
	              */
	ORDER_PRODUCT, /* chains of fused multiply-adds over blocks, block by block (gemm.h) */
	ORDER_SCATTER  /* term by term, each to the place where it belongs */
} SumOrder;

typedef struct Scalar Scalar;
typedef struct TensorNode TensorNode;

struct Scalar {
	TensorOp op;
	bool integer;       /* always whole, and in values: it may be an index */
	int narg, id;       /* id: the number of it, in the order of building */
	Scalar **arg;       /* (narg) a reduction: its body and its range */
	double value;       /* CONST */
	int number, extent; /* RANGE: which, and it goes through 0 .. extent - 1 */
	SumOrder order;     /* of a reduction */
	int height;         /* how deep reductions are nested in it */
	TensorNode *tensor; /* LOAD */
	Interval values;    /* of an integer one */
	int nfree;
	Scalar **free; /* (nfree) the ranges that it depends on, by number */
	Scalar *next;  /* in its bucket */
};

typedef enum TensorKind { TENSOR_INPUT, TENSOR_PARAM, TENSOR_TABLE, TENSOR_BODY } TensorKind;

struct TensorNode {
	TensorKind kind;
	const char *name;
	int id, rank;
	int dim[RANK_MAX]; /* (rank) */
	bool integer;      /* holds whole numbers of `values` */
	Interval values;
	Scalar *body;        /* BODY: over axes 0 .. rank - 1 */
	double spread, init; /* PARAM: at first normal with this deviation; or 0, and init */
	const double *table; /* TABLE: (tensor_size) by rows */
	TensorNode *same;    /* the next with this body, and another shape */
	const TensorNode *stands_for; /* that it is the same as, otherwise taken apart; or NULL */
};

/* What the leaf holds in the next run is what the tensor came to in this one. */
typedef struct TensorCarry {
	TensorNode *leaf, *next;
	int axis; /* of tensor_decode(): that of positions, of which one is new */
} TensorCarry;

typedef struct TensorGraph {
	Arena *arena;
	int nscalar, nfresh;
	int ntensor, captensor;
	TensorNode **tensor; /* (ntensor) what one loads stands before it */
	Map names, bodies;   /* names -> tensors; bodies -> the first tensor, and see `same` */
	int noutput, capoutput;
	TensorNode **output;
	int ncarry, capcarry;
	TensorCarry *carry;
	Scalar **bucket; /* of all scalars, for hash-consing */
	struct RuleSet *rules;
	bool as_written; /* nothing is simplified */
} TensorGraph;

TensorGraph *tensor_graph_new(Arena *);

/* ---- scalars ---- */

Scalar *scalar_const(TensorGraph *, double);
/* An axis of the tensor that is being defined, 0 the first; and a range of one's own, to be
 * bound by a reduction or made an axis. */
Scalar *scalar_axis(TensorGraph *, int axis, int extent);
Scalar *scalar_fresh(TensorGraph *, int extent);
Scalar *scalar_load(TensorGraph *, TensorNode *, Scalar *const *index);
Scalar *scalar_unary(TensorGraph *, TensorOp, Scalar *);
Scalar *scalar_binary(TensorGraph *, TensorOp, Scalar *, Scalar *);
Scalar *scalar_where(TensorGraph *, Scalar *condition, Scalar *yes, Scalar *no);
/* SUM or RMAX of the body over a range, which is not free any more. */
Scalar *scalar_reduce(TensorGraph *, TensorOp, Scalar *body, Scalar *range);
/* What it is with `to` in place of a range that is free in it. */
Scalar *scalar_substitute(TensorGraph *, Scalar *, const Scalar *range, Scalar *to);
bool scalar_depends(const Scalar *, const Scalar *range);
bool scalar_is(const Scalar *, double);
/* The same operator on other operands, simplified. */
Scalar *scalar_rebuild(TensorGraph *, const Scalar *, Scalar **arg);

/* ---- tensors ---- */

TensorNode *tensor_input(TensorGraph *, const char *name, int rank, const int *dim);
TensorNode *tensor_param(TensorGraph *, const char *name, int rank, const int *dim);
TensorNode *tensor_table(TensorGraph *, const char *name, int rank, const int *dim, const double *);
/* The tensor whose axes are these ranges, which are all that is free in the body. Where one
 * is there that is the same, that. A name that is taken gets a number. */
TensorNode *tensor_define(TensorGraph *, const char *name, Scalar *body, int rank,
                          Scalar *const *axis);
TensorNode *tensor_find(const TensorGraph *, const char *name);
void tensor_output(TensorGraph *, TensorNode *);
/* A leaf's next value, of its shape, which is an output too: `carry m = m.next`. */
void tensor_carry(TensorGraph *, TensorNode *leaf, TensorNode *next);
/* How many elements. */
int64_t tensor_size(const TensorNode *);

/* ---- the whole ---- */

/* The gradients of `of`, a tensor without axes, by each of by[n]: to[i] is of by[i]'s shape, or
 * NULL where `of` does not depend on it. They are tensors like others (gradient.c). */
void tensor_gradient(TensorGraph *, TensorNode *of, int n, TensorNode *const *by, TensorNode **to);

/* The same for `batch` of all that depends on an input, side by side along an axis in front of all
 * others. now[id]: what stands for a tensor. Outputs are left out. */
TensorGraph *tensor_batch(TensorGraph *, int batch, TensorNode **now);

/* The same for one position, the number in the input `here`, where `scores` is what is wanted, its
 * first axis that of positions. What later positions read of earlier ones is carried. row[id]: what
 * stands for a tensor at that position. NULL where it is not computed position by position. */
TensorGraph *tensor_decode(TensorGraph *, const TensorNode *scores, TensorNode **row);

/* Marks, by id, also what those marked are made of; and puts a copy of those marked into another
 * graph: now[id], which the caller fills in for inputs and parameters (copy.c). */
void tensor_mark_live(const TensorGraph *, bool *live);
void tensor_copy_live(const TensorGraph *from, const bool *live, TensorGraph *to, TensorNode **now);

void tensor_graph_print(const TensorGraph *, FILE *);
/* A line of it, of one tensor, with the names of those that others stand for. */
void tensor_print(const TensorGraph *, const TensorNode *, FILE *);
/* A graph from its text; NULL with errors in the Diags. */
TensorGraph *tensor_graph_read(const Source *, Arena *, Diags *);
/* What is wrong with it, or NULL: shapes, indices, order. */
const char *tensor_graph_verify(const TensorGraph *);

/* The reference: every tensor on doubles. value[id] is what a leaf holds, by rows; what a table
 * holds and what others come to is filled in, and allocated where it is NULL. */
void tensor_eval(const TensorGraph *, double **value);

#endif
