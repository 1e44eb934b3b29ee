#ifndef TENSOR_TRAIN_WEIGHTS_FILE_H
#define TENSOR_TRAIN_WEIGHTS_FILE_H

/* Named arrays of floats, and texts with them, as a .safetensors keeps them: eight bytes, how long
 * the header is; a JSON object, {"__metadata__": {...}, NAME: {"dtype", "shape", "data_offsets"}};
 * the numbers. Nothing that a file says is believed. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lang/arena.h"

enum { WEIGHT_RANK_MAX = 8 };

typedef struct FileWeights {
	const char *name;
	int rank;
	int dim[WEIGHT_RANK_MAX];
	const float *at; /* by rows; in a file that was read NULL where it holds no floats */
} FileWeights;

typedef struct FileText {
	const char *key, *value;
} FileText;

typedef struct WeightsFile {
	int nweights, capweights;
	FileWeights *weights;
	int ntext, captext;
	FileText *text;
} WeightsFile;

void weights_file_add(Arena *, WeightsFile *, const char *name, int rank, const int *dim,
                      const float *at);
void weights_file_say(Arena *, WeightsFile *, const char *key, const char *value);
char *weights_file_bytes(Arena *, const WeightsFile *, size_t *n);
/* False, and why. Floats of 32 bits stay where they are in `bytes`, which must outlive the rest, if
 * they are aligned there; those of 16 bits become floats of 32. */
bool weights_file_read(Arena *, const char *bytes, size_t n, WeightsFile *, const char **why);
/* Or NULL. */
const FileWeights *weights_file_find(const WeightsFile *, const char *name);
const char *weights_file_text(const WeightsFile *, const char *key);
/* "[64][32]" */
const char *shape_text(Arena *, int rank, const int *dim);

#endif
