#ifndef TENSOR_TRAIN_TRAIN_H
#define TENSOR_TRAIN_TRAIN_H

/* Training: what a recipe says is done to the parameters of a learned program, step by step, so
 * that its loss on examples gets small.
 *
 *     Trainer *t = trainer_new(learned, &recipe, vector_level());
 *     trainer_initial(t);
 *     while (t->step < recipe.steps) {
 *             examples_batch(e, t->step, t);
 *             double loss = trainer_step(t);
 *     }
 *
 * The batch of a step depends on the seed and the step alone, and all sums have one order, so a
 * run that is taken up again from a checkpoint gives the bits of one that never stopped. */

#include "tensor/kernel/program.h"
#include "tensor/learned.h"
#include "tensor/train/vocabulary.h"
#include "tensor/train/weights_file.h"

typedef enum Optimizer { OPTIMIZER_ADAMW = 1, OPTIMIZER_SGD } Optimizer;
typedef enum RateSchedule { RATE_COSINE = 1, RATE_CONSTANT } RateSchedule;

#define OPTIMIZERS "adamw|sgd"
#define SCHEDULES "cosine|constant"

typedef struct Recipe {
	int steps, batch; /* steps 0: none is to be made, only the loss is asked for */
	int warm_up;      /* steps in which the rate grows to `rate` */
	int optimizer, schedule;
	double rate;
	double clip;  /* the greatest norm of the gradient; 0: any */
	double decay; /* of matrices, at the rate of learning */
	int seed;
} Recipe;

/* The rate of step 0, 1, ...: it grows over the first steps, then stays, or falls to a tenth along
 * half a wave of a cosine. The same number on every machine. */
double recipe_rate(const Recipe *, int step);

typedef struct Trainer {
	Arena *arena;
	Learned *learned;
	const Recipe *recipe;
	int step; /* how many are done */
	int64_t asked,
		right; /* targets that trainer_loss has met, and those with the greatest score */
	/* ---- trainer.c alone ---- */
	TensorGraph *g;   /* of a batch */
	TensorNode **now; /* by a tensor of the learned graph: what it is in g */
	TensorNode *loss; /* in g */
	struct StepNumbers *numbers;
	TensorProgram *learn, *forward;
} Trainer;

Trainer *trainer_new(Learned *, const Recipe *, VectorLevel, Workers *);
/* From now on by kernels that the C compiler makes: the same bits. NULL, or why not. */
const char *trainer_compile(Trainer *);
/* Parameters as they begin, by the recipe's seed. */
void trainer_initial(Trainer *);
/* Where input i of example b of the batch goes: as many floats as its tensor has. A weight is 0 or
 * 1 there. */
float *trainer_input(Trainer *, int i, int b);
/* A parameter, by rows; NULL where the loss does not depend on it. */
float *trainer_param(Trainer *, int i);
/* One step on the batch that was put in: its loss. NAN: it or the gradient is no number, and
 * nothing has changed. */
double trainer_step(Trainer *);
/* The loss on that batch, and nothing is learned. */
double trainer_loss(Trainer *);

/* named_graph.c: from a graph whose inputs are called token, target, weight or otherwise, and its
 * outputs scores or loss. NULL, and why. */
Learned *learned_of_graph(TensorGraph *, const char **why);

/* ---- examples.c: what is learned from ---- */

typedef enum ExamplesKind {
	EXAMPLES_TEXT,   /* one long text, of which pieces are taken */
	EXAMPLES_ARRAYS, /* a row for each example */
	EXAMPLES_MADE,   /* by a function, as many as one wants */
} ExamplesKind;

typedef struct Examples {
	ExamplesKind kind;
	int seed;
	int64_t n, held; /* how many there are, MADE: any number; the last `held` only tell the loss
	                    on what was not learned from */
	const int *text; /* TEXT: (n + context) rows of the vocabulary */
	const double **array; /* ARRAYS: (ninput) (n, size of the input), or NULL */
	/* MADE: puts one that the number chooses into row b of the batch */
	bool (*make)(void *, uint64_t which, Trainer *, int b);
	/* TEXT: puts what the program's exact half says of it into row b, or NULL */
	void (*exact)(void *, Trainer *, int b, const int *text, int n);
	void *maker;    /* for both of these */
	int64_t *order; /* ARRAYS: (n - held) in which they come in this round of all */
	int64_t round;
} Examples;

/* The batch that step number `step` learns from. False where `make` has failed. */
bool examples_batch(Examples *, Trainer *, int step);
/* The loss on what is held back, as the mean of at most so many batches; NAN if nothing is. The
 * trainer's asked and right are those of these batches. */
double examples_held_loss(Examples *, Trainer *, int most);

/* ---- checkpoint.c: all of a trainer, as a file ---- */

/* The bytes of a .safetensors: the parameters by name, what the optimizer remembers, and in its
 * metadata the graph, the recipe, the step and the vocabulary. */
char *checkpoint_bytes(Trainer *, const Vocabulary *, size_t *n);
/* The same of a program that no step has been done of, with parameters as they begin by the seed,
 * into a file whose numbers live in the arena. */
void learned_as_file(Arena *, Learned *, const Vocabulary *, uint64_t seed, WeightsFile *);
/* The graph in such a file. NULL, and why. */
TensorGraph *checkpoint_graph(Arena *, const WeightsFile *, const char **why);
/* What of the recipe was not said (0) is as in the file. False, and why. */
bool checkpoint_recipe(const WeightsFile *, Recipe *, const char **why);
/* Takes the trainer to where it was. False, and why. */
bool checkpoint_resume(Trainer *, const WeightsFile *, const char **why);

/* ---- optimizer.c: a step of learning as a part of the graph ---- */

/* Numbers that change from step to step: inputs, and an output. */
typedef struct StepNumbers {
	TensorNode *rate;
	TensorNode *first, *second; /* ADAMW: 1 - beta^step; else NULL */
	TensorNode *norm;           /* of the gradient: it is no number where any of it is none */
} StepNumbers;

/* The gradients of the loss, and what is carried: parameters, and what the optimizer remembers. */
StepNumbers *optimizer_step(TensorGraph *, const Recipe *, TensorNode *loss, int nparam,
                            TensorNode *const *param);
void optimizer_numbers(const StepNumbers *, const Recipe *, TensorProgram *, int step);

#endif
