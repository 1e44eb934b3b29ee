#ifndef RUNTIME_DENSE_H
#define RUNTIME_DENSE_H

/* One text through the model as model.h writes it: softmax over all places, no
 * claim believed. For bidirectional models, for texts that break a claim, and
 * as the judge of all the rest (TW_CHECK). */

#include "runtime/model.h"

typedef struct TwDense TwDense;

/* With `every_zero` zeros are multiplied too: what sparse execution is worth. */
TwDense *tw_dense_open(const TwModel *, bool trace, bool every_zero, char **error);
void tw_dense_close(TwDense *);
void tw_dense_reset(TwDense *);
void tw_dense_feed(TwDense *, const int *row); /* a row of the vocabulary, while there is room */
void tw_dense_feed_numbers(TwDense *, const float *); /* (ninput) of them, where these are fed */
const float *tw_dense_logits(TwDense *);
const float *tw_dense_label(TwDense *, int label, int i);
/* The stream at place i, after all layers. */
const float *tw_dense_stream(TwDense *, int place);
/* In one of its states; with `trace` only. */
const float *tw_dense_state(TwDense *, int state, int place);
size_t tw_dense_bytes(const TwDense *);

#endif
