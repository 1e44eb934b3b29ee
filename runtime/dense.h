#ifndef RUNTIME_DENSE_H
#define RUNTIME_DENSE_H

/* One text through the model as model.h writes it: softmax over all places, no
 * claim believed. For bidirectional models, for texts that break a claim, and
 * as the judge of all the rest (TW_CHECK). */

#include "runtime/model.h"

typedef struct TwPlain TwPlain;

/* With `dense` every zero is multiplied too: what sparse execution is worth. */
TwPlain *tw_plain_open(const TwModel *, bool trace, bool dense, char **error);
void tw_plain_close(TwPlain *);
void tw_plain_reset(TwPlain *);
void tw_plain_feed(TwPlain *, const int *row); /* a row of the vocabulary, while there is room */
void tw_plain_feed_numbers(TwPlain *, const float *); /* (ninput) of them, where these are fed */
const float *tw_plain_logits(TwPlain *);
const float *tw_plain_label(TwPlain *, int label, int i);
/* The stream at place i, after all layers. */
const float *tw_plain_stream(TwPlain *, int place);
/* In one of its states; with `trace` only. */
const float *tw_plain_state(TwPlain *, int state, int place);
size_t tw_plain_bytes(const TwPlain *);

#endif
