#ifndef CMD_TRAIN_H
#define CMD_TRAIN_H

/* What twc train is made of. */

#include "cmd/sampler.h"
#include "tensor/train/train.h"
#include "tensor/train/vocabulary.h"

typedef struct Training {
	Arena *arena;
	const Options *o;
	bool either;          /* an exact program will do as well */
	bool free;            /* it is exact, and its weights are the parameters */
	const char *imitated; /* the exact program whose answers are learned; NULL: --data */
	Program program;      /* what is trained, unless it is a graph of tensors alone */
	Learned *learned;
	Eval *eval; /* of its exact half; NULL: it has none */
	Vocabulary vocab;
	Program like_program; /* what `imitated` names */
	PromptSampler like;
	int *like_as;        /* its rows -> those of this vocabulary */
	int *like_row;       /* a text of it in these */
	WeightsFile resumed; /* what --resume names */
	Recipe recipe;
	Examples examples;
	const char *prompt; /* of twc grad, */
	int nrow, *row;     /* (nrow) its rows */
	int64_t *length;    /* (recipe.batch) positions of each text of the batch */
	Trainer *trainer;
	Workers *workers;
	int first_step; /* of this run */
	float *loss;    /* (recipe.steps) of each step of it */
	int nheld, capheld;
	struct HeldLoss *held; /* (nheld) */
} Training;

typedef struct HeldLoss {
	int step;
	double loss, right; /* right: percent, or -1 where nothing is asked for */
} HeldLoss;

/* What is trained; and what it learns from; and the trainer; in place of how parameters begin,
 * those of --model. A line on standard error, and false. */
bool training_open_program(Training *);
/* The recipe alone. */
bool training_recipe(Training *);
/* kernels.c: what --vectors and --unfused say. */
VectorLevel kernel_level(const Options *);
bool training_open(Training *);
bool training_start(Training *);
bool training_weights(Training *);
void training_close(Training *);

/* train_data.c: the prompt's rows, as many as the positions at most; what --data and --like say,
 * into the examples; a line on standard error, and false. */
bool training_data(Training *);
bool training_prompt(Training *, int positions);

/* train_exact.c: the exact program that is imitated, for the examples; a line, and false. */
bool open_like(Training *);
/* What the exact half computes on a text, into row b of the batch; one input, of the n positions of
 * the text that the evaluator has: behind them it is the least that it can be. */
void training_exact(void *training, Trainer *, int b, const int *row, int n);
void fill_evaluated(Eval *, const Learned *, const LearnedInput *, int n, float *to);

/* train_free.c: the weights of the exact program that was opened, as parameters. NULL and a line.
 */
Learned *open_free(Training *);
/* What --only and --fresh say of parameters, by name; a line, and false. */
bool choose_parameters(Training *);

/* loss_plot.c: the curve of the loss as a picture. */
char *loss_plot(Arena *, const Training *, size_t *n);

#endif
