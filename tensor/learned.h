#ifndef TENSOR_LEARNED_H
#define TENSOR_LEARNED_H

/* A program with parameters, as one graph of tensors: what the language makes of `param`,
 * `likely` and `loss`, and what training, sampling and the file of a learned model start from.
 *
 *     input token [64] int 0..26             inputs: tokens, exact streams, numbers
 *     param x.embed.w [27][32] = normal(0.02)  its name is its path in the program
 *     ...
 *     scores [t < 64][v < 27] = ...          of `likely`: one for each token that may come next
 *     input target [64] int 0..26            what does come next
 *     input weight [64]                      how much that counts
 *     loss = sum(weight[t] * surprise[t] for t < 64)
 *
 * The graph is of one text of `context` positions, position the first axis of whatever depends on
 * it. A batch is an axis before that, which training adds; its weights add up to 1. Positions
 * behind the end of a text have weight 0; no earlier position depends on them. */

#include "tensor/tensor.h"

struct Node;

typedef enum LearnedSource {
	LEARNED_TOKEN,   /* [context] the rows of the text itself */
	LEARNED_EXACT,   /* what the exact half of the program computes, by its evaluator */
	LEARNED_NUMBERS, /* input x: [784] float */
	LEARNED_TARGET,
	LEARNED_WEIGHT,
} LearnedSource;

typedef struct LearnedInput {
	LearnedSource source;
	TensorNode *tensor;
	struct Node **node; /* EXACT: (elements of one position) nodes of the exact graph */
	int column;         /* NUMBERS: the first of its numbers among those that are fed */
} LearnedInput;

typedef struct LearnedParam {
	TensorNode *tensor; /* its name is its path: layer.w; spread and init say how it begins */
	const float *value; /* (tensor_size) by rows, how it begins if it was loaded; or NULL */
	bool frozen;        /* training leaves it as it begins */
} LearnedParam;

/* What the exact half takes of the learned: the token that is likely, a condition, a number. */
typedef struct LearnedValue {
	const char *name;
	TensorNode *tensor; /* [context]; NULL: nothing needs it */
} LearnedValue;

typedef struct Learned {
	TensorGraph *graph;
	int context;
	int ninput, capinput;
	LearnedInput *input; /* (ninput) */
	int nparam, capparam;
	LearnedParam *param; /* (nparam) in the order of the program */
	int nvalue, capvalue;
	LearnedValue *value; /* (nvalue) by the number of the LEARNED node that reads it */
	TensorNode *scores; /* [context][n]: n rows of the vocabulary, <end> the last if it may end;
	                       or NULL, where nothing is `likely` */
	TensorNode *loss;   /* [] what training makes small; NULL: nothing is to be learned */
} Learned;

Learned *learned_new(Arena *, int context);
/* Leaves, and their rows in the tables. */
TensorNode *learned_input(Learned *, LearnedSource, const char *name, int rank, const int *dim);
TensorNode *learned_param(Learned *, const char *name, int rank, const int *dim);
/* The scores of `likely` are these: the loss is the surprise of `target`. */
void learned_likely(Learned *, TensorNode *scores);
/* The loss is this, [context], at the positions that have a weight. */
void learned_loss(Learned *, TensorNode *each);
/* A part of what a program computes, to be replaced. */
typedef struct LearnedCut {
	TensorNode *tensor;  /* [positions] and what it has at each */
	const double *to;    /* (of a position) what is there instead, */
	const double *mask;  /* (of a position) where this is 1; NULL: everywhere; */
	const double *along; /* (of a position) or, if not NULL, it moves along this direction, */
	double level;        /* until the sum of along times it is this */
} LearnedCut;
/* The program with these parts replaced, by ascending numbers of their tensors. */
Learned *learned_cut(Arena *, const Learned *, int n, const LearnedCut *);

/* How a parameter begins: the same numbers for the same name and seed, whatever else there is. */
void learned_initial(const LearnedParam *, uint64_t seed, float *to);

#endif
