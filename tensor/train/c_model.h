#ifndef TENSOR_TRAIN_C_MODEL_H
#define TENSOR_TRAIN_C_MODEL_H

/* What was learned as one file of C, which needs a compiler and the C library: kernels as
 * kernel/c_text.h has them, in order; parameters, as numbers in it or, where they are many, beside
 * it; the vocabulary; functions to call, and a main program. The bits are those of twrun. */

#include "lang/text.h"
#include "tensor/train/weights_file.h"

typedef struct CModel {
	TextBuilder text;
	const float *weights; /* (nweights) what is beside it; NULL: nothing is */
	int64_t nweights;
} CModel;

/* `name` is what the file beside it is called there. False, and why. */
bool c_model(Arena *, const WeightsFile *, const char *name, CModel *, const char **why);

#endif
