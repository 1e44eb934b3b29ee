#ifndef RUNTIME_DENSE_H
#define RUNTIME_DENSE_H

/* The fallback: one text through the model as the equations of model.h say it, with softmax
 * over all places, believing no claim of the file. For bidirectional models and models of
 * numbers, for texts that break a claim, and as the reference that TW_CHECK compares the
 * fast path with. */

#include "runtime/model.h"

typedef struct TwDense TwDense;

/* With `every_zero` zeros are multiplied too: what sparse execution is worth. */
TwDense *tw_dense_open(const TwModel *, bool trace, bool every_zero, char **error);
void tw_dense_close(TwDense *);
void tw_dense_reset(TwDense *);
/* While there is room: a row of the vocabulary, or (ninput) numbers where these are fed; the number
 * of its place. */
void tw_dense_feed(TwDense *, const int *row, int at);
void tw_dense_feed_numbers(TwDense *, const float *, int at);
const float *tw_dense_logits(TwDense *);
const float *tw_dense_label(TwDense *, int label, int i);
/* The stream at place i, after all layers. */
const float *tw_dense_stream(TwDense *, int place);
/* The stream at a place in one of its states (TwNamed in model.h); with `trace` only. */
const float *tw_dense_state(TwDense *, int state, int place);
size_t tw_dense_bytes(const TwDense *);

#endif
