#ifndef BACKEND_TARGET_TARGET_H
#define BACKEND_TARGET_TARGET_H

/* What the compiler asks of the architecture that it writes weights for: `plain` (plain/plain.h),
 * which our own files are, and `llama` (llama/llama.h).
 *
 * Every target has residual layers of attention and of ReLU neurons, and adds up in float32:
 * integers below EXACT_MAX (2^24, ir.h) are exact, and one operation errs by ONE_ROUNDING. What
 * else its numbers bear, how a position is known, by what scores a head finds it, and how
 * constants are added is the target's own:
 *
 *     map, attend      ask it for functions of the position, in which state they are there, and
 *                      for lookups
 *     layout           knows nothing of it: a column is a form
 *     write            turns forms into matrices. The constants of forms are biases in plain; a
 *                      target without biases would add a multiple of a column that is always 1 */

#include "backend/layout/layout.h"

struct Intent;
struct ScoreTerms;

typedef struct Target {
	const char *name;
	/* The state that has the functions of the place: 0, the embedding, or 2, where they are
	 * made by the first layer. */
	int place_ready;
	/* The largest sum of the absolute terms of a score that is still told from the score of
	 * a position that may not be seen. */
	int64_t score_max;
	/* A function of the place: (places), by place from 0, which is <bos>. */
	const Form *(*place_function)(Circuit *, const int64_t *table);
	const Form *(*real_place_function)(Circuit *, const double *table);
	/* The same without a table, for any context: the place so far back, 0 where that is before
	 * the text; `before`, and from a place on, which is at least 1, `then`; what e, a quotient
	 * or remainder of the index, is (NULL: it is none). */
	const Form *(*place_number)(Circuit *, int back);
	const Form *(*step_function)(Circuit *, int from, int64_t before, int64_t then);
	const Form *(*index_division)(Circuit *, const Node *e);
	/* Has a neuron a second form that it is multiplied by? */
	bool gated;
	/* How many heads of the first layer make the place, where something that is live needs it;
	 * NULL: none ever. Then as few heads as do are given to each layer. */
	int (*heads_for_place)(const Circuit *);
	/* What is to be small of several layouts of one circuit; NULL: the width of the stream
	 * times the weights that are not 0. */
	double (*size)(const Columns *);
	/* The scores by which a head finds what is asked for; NULL after an error. */
	Lookup *(*lookup)(Circuit *, const struct Intent *);
	/* Whether the score of a BEST stays exact beside so many literals of its condition. */
	bool (*has_room)(const Circuit *, const struct ScoreTerms *, int nliteral);
	/* The greatest x where the condition of a BEST by x holds, or the least of one by -x, and d
	 * where it holds nowhere; NULL where it is no simpler than the BEST, and after an error. */
	const Form *(*extreme)(Circuit *, const struct Intent *, Node *x, bool least, int64_t d);
	/* The model, and the proof that all that it computes is exact. What is no plain model is
	 * nothing to verify or to describe: its matrices are made into another's. */
	TwModel *(*write)(Columns *, Report *);
	bool is_plain;
} Target;

extern const Target plain_target, llama_target;

#endif
