#ifndef CMD_TRAIN_H
#define CMD_TRAIN_H

/* What twc train is made of. */

#include "cmd/cmd.h"
#include "tensor/train/train.h"
#include "tensor/train/vocabulary.h"

typedef struct Training {
	Arena *arena;
	const Options *o;
	Learned *learned;
	Vocabulary vocab;
	const char *vocab_json;
	WeightsFile resumed; /* what --resume names */
	Recipe recipe;
	Examples examples;
	Trainer *trainer;
	int first_step; /* of this run */
	float *loss;    /* (recipe.steps) of each step of it */
	int nheld, capheld;
	struct HeldLoss *held; /* (nheld) */
} Training;

typedef struct HeldLoss {
	int step;
	double loss;
} HeldLoss;

/* train_data.c: what --data and --like say, into the examples; a line on standard error, and
 * false. */
bool training_data(Training *);

/* loss_plot.c: the curve of the loss as a picture. */
char *loss_plot(Arena *, const Training *, size_t *n);

#endif
