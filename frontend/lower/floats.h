#ifndef FRONTEND_LOWER_FLOATS_H
#define FRONTEND_LOWER_FLOATS_H

/* Floats: what is learned, beside what is exact. A float is a scalar expression of tensor/ over
 * ranges; an array of floats is kept whole, as one element and the range that says which:
 *
 *     param w: [4][8] float = normal(0.1)    V_ROWS 4, r: V_ROWS 8, s: V_FLOAT w[r, s]
 *     [sum(w[i][k] * x[k] for k in 0..<8) for i in 0..<4]
 *                                            V_ROWS 4, r: V_FLOAT sum(w[r, k] * x[t, k] for k < 8)
 *
 * Everything else is substitution. x[i] puts i in the place of the range; a slice puts i + 4 there;
 * reading at another position puts that position's number in the place of the range of positions,
 * and so does attend. What costs something is given a tensor of its own where it is named,
 * passed or summed up (name_floats).
 *
 * An index made of ranges (V_INDEX) and a condition of these or of floats (V_MASK) are kinds of
 * their own, so that code which expects what is exact says so in place of taking them for it.
 *
 * Exact values flow in: a node of the graph is an input of the graph of tensors. What leads out
 * is a LEARNED node, whose value is chosen, not proved (float_layers.c). */

#include "frontend/lower/value.h"
#include "lang/pointer_map.h"
#include "tensor/learned.h"

/* Where in the program we are, for the names of parameters: what is defined, called, and which
 * element is made. The names of one path are "layer.1.dense.w". */
typedef struct Path {
	const struct Path *up;
	const char *name; /* or NULL: the element `item` */
	int item;
} Path;

/* What a guard has shown of an integer of ranges: index_range.c. */
typedef struct IndexFact {
	const struct IndexFact *up;
	const Scalar *e;
	double lo, hi;
} IndexFact;

/* Part of Lower. */
typedef struct Floats {
	TensorGraph *graph; /* all that was ever tried; what is used is copied in the end. NULL
	                       until there is a float */
	Scalar *position;   /* the range of positions */
	PtrList active;     /* Scalar *: the ranges of the comprehensions kept whole around us */
	PtrList params;     /* FloatParam * */
	PtrList inputs;     /* FloatInput * */
	PtrList out;        /* LearnedValue *: what leads out */
	int capchosen;
	TensorNode *scores;     /* of `likely` */
	TensorNode *loss;       /* of `loss` */
	const Path *path;       /* where we are */
	const IndexFact *facts; /* here */
	Map whole;              /* comprehensions that were kept whole before */
	Map streams;            /* Node -> its TensorNode */
	Map exact;              /* nodes before which nothing is chosen by what is learned */
	Map files;              /* paths -> WeightsFile */
	Map there;              /* the number of a where -> the range of its position */
	Diags *loud;            /* where a mistake is heard if we are in a trial; else NULL */
} Floats;

typedef struct FloatParam {
	TensorNode *tensor;
	const char *name;
	const float *value;
} FloatParam;

typedef struct FloatInput {
	LearnedSource source;
	TensorNode *tensor;
	Node **node;
	int column; /* NUMBERS: the first of its columns */
} FloatInput;

enum {
	FLOAT_CONTEXT_MAX = 1 << 16, /* of a program with floats */
	APART_MAX = 4096,            /* an array of more floats is never taken apart */
	AXES_MAX = RANK_MAX - 1,     /* of a tensor; a batch takes one more */
	CLAUSES_MAX = 2 * RANK_MAX   /* of a comprehension kept whole */
};

/* A comprehension kept whole: its value, where these ranges say which element. */
typedef struct Rolled {
	int n;
	Scalar *range[CLAUSES_MAX];
	Scalar *guard; /* NULL: always */
	Value *value;
	double size;
	const char *why; /* it could not be */
} Rolled;

/* ---- float_value.c ---- */
void floats_end(Lower *); /* graph->learned */
TensorGraph *float_graph(Lower *);
bool is_float(const Value *); /* one number, index or condition */
bool has_floats(const Value *);
Value *v_scalar(Lower *, ValueKind, Scalar *); /* V_ERROR of NULL */
Value *v_float(Lower *, Scalar *);
Value *v_rows(Lower *, Scalar *axis, Value *item);
Value *row_at(Lower *, const Value *rows, Scalar *i);
Value *row_number(Lower *, const Value *rows, int i);
Value *value_with(Lower *, Value *, const Scalar *range, Scalar *to);
Scalar *scalar_of(Lower *, Value *); /* of a number or a condition; NULL after an error */
Value *to_float(Lower *, Value *);
Value *to_rows(Lower *, Value *); /* an array, kept whole */
Scalar *float_const(Lower *, double);
Scalar *float_range(Lower *, int extent);
Scalar *position_range(Lower *);
Scalar *there_range(Lower *, int bound);
/* The name that something has here. */
const char *path_name(Lower *, const char *name);
/* The scalar, costly or not, as a tensor of its own, whose last axes are these in this order. */
Scalar *define_scalar(Lower *, Scalar *, const char *name, int nlast, Scalar *const *last);
/* The sum over a range, of products of which each factor is a tensor; and that as a tensor. */
Scalar *sum_over(Lower *, Scalar *, Scalar *range);
Scalar *sum_of_factors(Lower *, Scalar *, Scalar *range, const char *name, int nlast,
                       Scalar *const *last);
/* The value, of which what is costly is a tensor of its own. */
Value *name_floats(Lower *, Value *, const char *name);
/* Definitions of a file are evaluated as if nothing were around the place that needs them. */
void float_scope_begin(Lower *);
void float_scope_end(Lower *, const Lower *saved);

/* ---- float_expr.c ---- */
Value *float_arith(Lower *, AstKind, Value *, Value *);
Value *float_compare(Lower *, Relation, Value *, Value *);
Value *float_logic(Lower *, bool is_and, Value *, Value *);
Value *float_not(Lower *, const Value *);
Value *float_if(Lower *, const Value *cond, Value *, Value *);
Value *float_function(Lower *, TensorOp, Value *);
Value *float_relu(Lower *, const Value *);
Value *float_size(Lower *, const Value *);
Value *float_extreme(Lower *, int n, Value *const *item, bool least);
/* sum, mean, min, max, count, any, all */
Value *float_reduce(Lower *, const char *which, const Value *rows);
Value *reduce_rolled(Lower *, const char *which, Env *, const Ast *over, const Rolled *);
/* which(e for j where cond else otherwise), over positions. */
Value *float_over(Lower *, const char *which, Value *, const Value *cond, int bound, Env *,
                  const Ast *otherwise);
Value *float_pick(Lower *, bool first, int64_t lo, const Rolled *);

/* ---- float_array.c ---- */
typedef enum Taken { TAKEN_APART, TAKEN_WHOLE, TAKEN_NOT } Taken;
struct Items;
/* [e for …]: its elements, or the whole; TAKEN_NOT after an error. */
Taken take_items(Lower *, Env *, const Ast *over, bool guards, struct Items *, Rolled *);
Value *build_rolled(Lower *, const Rolled *);
/* Tries to keep it whole. Where it cannot be, nothing is said and nothing stays. */
bool roll_comprehension(Lower *, Env *, const Ast *over, bool guards, Rolled *);
struct Arg;
Value *float_concat(Lower *, int n, const struct Arg *);
Value *float_slice(Lower *, Env *, const Ast *, const Value *xs);
Value *float_element(Lower *, const Ast *, Value *xs, Value *i, Value *otherwise);
Value *float_read_at(Lower *, Value *x, const Value *p, Value *otherwise);

/* ---- index_range.c ---- */
/* Returns the facts to restore. */
const IndexFact *assume_mask(Lower *, const Scalar *, bool holds);
Interval index_bounds(Lower *, const Scalar *);
/* a - b, if that is a constant. */
bool constant_difference(const Scalar *a, const Scalar *b, double *to);

/* ---- float_load.c ---- */
/* load("FILE", "NAME"), the numbers of which have the shape of the tensor; NULL after an error. */
bool is_weights_load(const Ast *);
/* byte_pairs("FILE", "FILE"), as a vocabulary; NULL after an error. */
const struct BytePairs *loaded_byte_pairs(Lower *, Env *, const Ast *);
const char *const *byte_pair_words(const struct BytePairs *, int *n);
/* As tokenize() does. */
int tokenize_byte_pairs(Lower *, const char *text, uint32_t len, int *row, uint32_t *bad);
const float *loaded_weights(Lower *, Env *, const Ast *, const TensorNode *);

/* ---- float_layers.c ---- */
Value *define_param(Lower *, Env *, const Ast *);
Value *input_of_floats(Lower *, const char *name, const Shape *, int column);
Value *float_linear(Lower *, Value *x, Value *w, Value *b);
Value *float_softmax(Lower *, Value *);
Value *float_attend(Lower *, Value *query, Value *key, Value *value);
Value *likely_token(Lower *, Value *scores);
void lower_loss(Lower *, Env *, const Ast *);
/* As a value of the exact half: what leads out. */
Value *leave_floats(Lower *, Value *, const char *name);
Value *exact_choice(Lower *, Value *); /* the same of an index or a condition; else as it is */

#endif
