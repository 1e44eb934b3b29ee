#ifndef TENSOR_KERNEL_STRIP_H
#define TENSOR_KERNEL_STRIP_H

/* A scalar expression as straight code over strips: one range, the lanes, goes through up to
 * STRIP consecutive values at a time, and each instruction does a whole strip, so that what it
 * costs to choose the instruction is paid once for hundreds of numbers (as in MonetDB/X100: Boncz,
 * Zukowski and Nes 2005). What does not depend on the lanes is computed once, as a strip of one.
 *
 *     y [i < 64][j < 128] = exp(x[i, j]) / z[i]         j the lanes
 *
 *     v0 = load x at i, 0      a strip
 *     v1 = exp v0              a strip
 *     v2 = load z at i         one number
 *     v3 = v1 / v2             a strip
 *
 * A reduction is a loop in the code. One across the lines of memory REPEATs and adds up, in order;
 * for one along them its range becomes the lanes, and a FOLD adds sixteen sums, number k of what is
 * k places after a multiple of 16, then these by halves; where it differs from lane to lane this is
 * done for EACH of them. So the order of every sum is fixed by the expression (sum_order.c),
 * whatever the processor. */

#include "tensor/internal.h"
#include "tensor/kernel/program.h"

enum { STRIP = 256 };

typedef enum StripOp {
	S_CONST,  /* to = value */
	S_RANGE,  /* to = where `range` is */
	S_LANES,  /* to = where the lanes are: consecutive numbers */
	S_LOAD,   /* to = a tensor along a line of addresses */
	S_GATHER, /* to = a tensor at indices that are strips */
	S_APPLY,  /* to = what(arg) */
	S_REPEAT, /* to = 0 or -inf; then for range = 0 ..: the code up to S_AGAIN */
	S_AGAIN,  /* to = to what arg[0]; back to S_REPEAT */
	S_FOLD,   /* the lanes are another range up to S_FOLDED */
	S_FOLDED, /* to = all of arg[0] */
	S_EACH,   /* there are no lanes up to S_EACHED, and `range` is where they are, one by one */
	S_EACHED, /* to, at that lane, = arg[0] */
	S_END
} StripOp;

/* How a load finds its elements: the sum over axes of stride * index. Where it hits always, and its
 * indices are sums of ranges and multiples of them, that is a sum over ranges. */
typedef struct LoadPlan {
	int tensor, rank;
	bool affine;
	int64_t base, step; /* AFFINE: of lane 0 where all ranges are 0; from lane to lane */
	int nterm;
	int range[RANK_MAX]; /* (nterm) */
	int64_t times[RANK_MAX];
	int index[RANK_MAX];        /* register: the index at lane 0; a strip for a gather */
	bool strip[RANK_MAX];       /* gather: it differs from lane to lane */
	int64_t per_lane[RANK_MAX]; /* how much the index grows from lane to lane */
	int64_t stride[RANK_MAX];
	int dim[RANK_MAX];
	bool may_miss[RANK_MAX]; /* it can be outside of the axis: then 0 is read */
} LoadPlan;

typedef struct StripInstr {
	StripOp op;
	TensorOp what;  /* APPLY; REPEAT, AGAIN, FOLD, FOLDED: SUM or RMAX */
	int to, arg[3]; /* registers */
	bool strip;     /* the result differs from lane to lane */
	bool arg_strip[3];
	bool whole; /* CONST, RANGE, LANES, APPLY: the result is a whole number below 2^24 */
	float value;
	int range, extent; /* RANGE, REPEAT, FOLD */
	int jump;          /* AGAIN, FOLDED: where their loop begins */
	LoadPlan *load;
} StripInstr;

typedef struct StripCode {
	StripInstr *instr; /* up to S_END */
	int nregister;
	int result; /* register */
	bool result_strip;
} StripCode;

/* The range whose values are the lanes, or NULL. With `merged`, ranges around it, the lanes go
 * through all of them: each load must then be along one line of memory, and nothing else may depend
 * on them. */
typedef struct StripLanes {
	Scalar *range;
	int nmerged;
	Scalar *const *merged;
} StripLanes;

/* Code for e; outer are the other ranges that are free in it. */
StripCode *strip_compile(TensorGraph *, Scalar *e, StripLanes, int nouter, Scalar *const *outer);

/* What runs it. */
typedef struct StripMachine {
	float *const *buffer; /* of the tensors, by id */
	int *range;           /* where each range is, by number; BOUND_RANGE + HEIGHT_MAX of them */
	float (*reg)[STRIP];  /* (nregister) aligned to 64 bytes; one number fills a vector */
	const float **at;     /* (nregister) where the register's value is: there, or in a buffer */
	int lane, nlane;      /* the first lane's number, and how many */
} StripMachine;

enum { HEIGHT_MAX = 64 };

typedef void StripRun(const StripCode *, StripMachine *);
StripRun *strip_run(VectorLevel);

#endif
