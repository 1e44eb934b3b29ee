#ifndef TENSOR_INTERNAL_H
#define TENSOR_INTERNAL_H

/* What the files of tensor/ share. */

#include "tensor/tensor.h"

/* Numbers of ranges: axes from 0, then those that reductions bind, by height, then free ones. */
enum { BOUND_RANGE = 1 << 8, FREE_RANGE = 1 << 16 };

Scalar *scalar_range(TensorGraph *, int number, int extent);
/* Expressions of one graph in another: loads as `load` says, other ranges than those of `done` new.
 */
typedef struct ScalarRewrite {
	TensorGraph *to;
	Map done; /* expressions of the old graph -> those of the new one */
	Scalar *(*load)(struct ScalarRewrite *, const Scalar *e);
	void *context; /* of load */
} ScalarRewrite;

Scalar *scalar_rewrite(ScalarRewrite *, const Scalar *e);
/* The same as scalar_reduce(), of an order that is decided. */
Scalar *scalar_reduce_as(TensorGraph *, TensorOp, SumOrder, Scalar *body, Scalar *range);
/* Hash-consed, nothing simplified. */
Scalar *scalar_cons(TensorGraph *, const Scalar *like);
/* The same, simplified: rules.h, then sums over what is determined. NULL: as it is. */
Scalar *scalar_simplify(TensorGraph *, const Scalar *like);
/* An operator on numbers; the two reductions apart. */
double tensor_apply(TensorOp, const double *arg);

/* The sum, which is no part of the graph yet, where conditions in it determine or do not concern
 * its range; NULL where they do not (solve.c). */
Scalar *scalar_solve_sum(TensorGraph *, const Scalar *sum);

/* ---- patterns: expressions with holes (rules.c) ---- */

/* A text such as "a * (b + k)", whose letters are holes. It must be well formed. */
Scalar *pattern_parse(TensorGraph *, const char *);
Scalar *pattern_hole(TensorGraph *, char letter);

/* What operand i of e gets of what flows to e, whose value is `value`; NULL if nothing. */
Scalar *gradient_of_operand(TensorGraph *, const Scalar *e, int i, Scalar *adjoint, Scalar *value);

#endif
