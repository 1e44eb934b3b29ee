#ifndef BACKEND_TARGET_PLAIN_PLAIN_H
#define BACKEND_TARGET_PLAIN_PLAIN_H

/* The plain target: a decoder-only transformer with embeddings of the token and of the place,
 * which are added up; layers of attention and of ReLU neurons, each reading the residual stream
 * and adding to it; biases everywhere; no normalisation. All in float32. */

#include "backend/attend/attend.h"
#include "backend/target/target.h"
#include "runtime/model.h"

enum {
	PLAIN_STEP = 128,          /* by which a score grows with each place, where order decides */
	PLAIN_SCORE_MAX = 1 << 29, /* what is hidden stays below */
};
_Static_assert(PLAIN_STEP >= (int)TW_GAP && !(PLAIN_STEP & (PLAIN_STEP - 1)),
               "a step makes the softmax one-hot, and is the unit in which scores are counted");
_Static_assert(-PLAIN_SCORE_MAX - (int)TW_GAP >= (int)TW_HIDDEN, "what is hidden weighs 0");

/* A lookup without dimensions, whose winner is to be a step ahead. */
Lookup *plain_lookup_new(Circuit *, const char *intent, const Node *ref);
/* By number (positions.c): so far back; where an AT points. */
Lookup *plain_offset(Circuit *, int back);
Lookup *plain_place(Circuit *, Node *ref);
/* Functions of the place, for any context. */
const Form *plain_place_number(Circuit *, int back);
const Form *plain_step_function(Circuit *, int from, int64_t before, int64_t then);
const Form *plain_index_division(Circuit *, const Node *);
/* By condition and score (scores.c). NULL after an error. */
Lookup *plain_lookup(Circuit *, const Intent *);
/* The latest, first or best in several heads (long_order.c), in contexts without tables by place,
 * unless it is the best by a score that is no function of the position alone. NULL after an error.
 */
bool plain_has_long_order(Circuit *, const Intent *);
Lookup *plain_long_order(Circuit *, const Intent *);
const Form *plain_extreme(Circuit *, const Intent *, Node *x, bool least, int64_t d);
bool plain_has_room(const Circuit *, const ScoreTerms *, int nliteral);
/* The model (weights.c). */
TwModel *plain_weights(Columns *, Report *);

#endif
