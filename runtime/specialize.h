#ifndef RUNTIME_SPECIALIZE_H
#define RUNTIME_SPECIALIZE_H

/* The fast path: a model specialized for its own weights when it is loaded (partial
 * evaluation). Sessions share the result and change nothing in it. Zeros are left out,
 * and no head looks at all earlier positions where its weights show that it need not.
 *
 * A layer becomes four passes over sparse rows:
 *
 *     qkv  = project x       the query, key and value rows of all heads in one matrix
 *     x   += heads           each head by its kind of look-up, TwLookup below, in place of
 *                            softmax(q K') V over the whole KV cache
 *     u    = linear x        the neurons' sums before bias and ReLU; neurons that differ only
 *                            in their bias share a row of w1, and so a sum
 *     x   += w2 relu(u + b1) many neurons of one sum are a piecewise linear function of
 *                            it: one table look-up gives slope and height
 *
 * An example: a head that compiled from token[here - 1] has scores that are greatest, by at
 * least TW_GAP, one position back; head_lookup.c finds that out from wq, wk and the position
 * embeddings, and the head becomes TW_LOOKUP_OFFSET with back = 1: a copy of one value.
 *
 * What was found at load is checked again while it runs: the winner's score must be ahead
 * of every other by TW_GAP, so its softmax weight is exactly 1 and all others exactly 0
 * in float32. A text for which that fails is run again by the fallback, softmax over
 * everything (dense.c). */

#include "runtime/phase_clock.h"
#include "runtime/model.h"
#include "runtime/memory_pool.h"

#include <math.h>
#include <stdint.h>

/* What is worked out about a model while it is loaded is a sum of integers of a
 * double: far below 2^53, so no sum of them rounds, in whatever order. */
#define TW_MOST_EXACT ((double)(1ll << 48))

static inline bool
tw_is_exact_integer(double x)
{
	return x == rint(x) && fabs(x) < TW_MOST_EXACT;
}

/* ---- affine maps, by their nonzeros */

typedef struct TwTerm {
	int at;
	float w;
} TwTerm;

/* The rows of an affine map, y = W x + bias, in compressed sparse rows (CSR): row i is
 * term[start[i]] .. term[start[i + 1] - 1]. */
typedef struct TwAffine {
	int n, caprow, capstart, capterm;
	int *start; /* (n + 1) */
	TwTerm *term;
	float *bias; /* (n) */
	/* NULL, or the matrix, where few of its numbers are 0, but for columns that are all 0: for
	 * each TW_TILE rows (width, TW_TILE) numbers, in the order of the sums */
	float *packed;
	int width, *column; /* (width) those that are not */
} TwAffine;

enum {
	TW_TILE = 6,
	TW_LANES = 16,         /* places or texts side by side: lanes.h */
	TW_MOST_SCORES = 4096, /* places whose scores are kept while sixteen queries are answered */
};

/* Appends the row sum of w[i * stride] x[i] + bias, i < n, zeros left out. */
void tw_affine_add(TwPool *, TwAffine *, const float *w, size_t stride, int n, float bias);

/* Packs a map whose input has this width, where it is mostly not zero. */
void tw_affine_pack(TwPool *, TwAffine *, int width);

/* ---- heads */

/* How a head finds what it reads. A priority is the part of its score that depends on the
 * position read alone; a key is the part that is matched with a query. */
typedef enum TwLookup {
	TW_LOOKUP_UNUSED,  /* wo takes nothing of it */
	TW_LOOKUP_OFFSET,  /* the position `back` before, <bos> where there is none */
	TW_LOOKUP_ARGMAX,  /* the greatest priority so far; a query may only choose <bos> instead */
	TW_LOOKUP_KEYED,   /* the greatest priority so far among equal keys: few keys */
	TW_LOOKUP_PLACE,   /* the place nearest to the one that the query says, by digits */
	TW_LOOKUP_MEAN,    /* the mean of all with the greatest priority, for each key */
	TW_LOOKUP_SOFTMAX, /* softmax over all positions so far: nothing is known of it */
} TwLookup;

/* In a bidirectional model a head may see, of what it would read, only places in a row: all others
 * score less. */
typedef struct TwWindow {
	int order; /* 0: it sees all; 1: such rows mostly grow with the place, -1: going back */
	float *from, *to; /* (places, and TW_LANES more) what is seen; none where from > to */
	float outside;    /* how much less others score, at least */
	float *bos_shift; /* (places) by place of the query: what the score of <bos> has more */
	float *own;       /* (places) what of the priority is part of this: it does not count */
} TwWindow;

/* A digit d of a place adds (query * key + linear) d - square d^2 to its score: greatest at the d
 * nearest to what the query asks for. */
enum { TW_MOST_DIGITS = 4 };

typedef struct TwDigitMatch {
	int unit, base; /* d = place / unit % base */
	double key, linear, square;
} TwDigitMatch;

typedef struct TwHead {
	TwLookup lookup;
	int first_row, end_row; /* rows of project: all that are its own */
	int head;               /* its number in the file */
	int back;               /* TW_LOOKUP_OFFSET */
	int rising;             /* priority by place: 1 later is greater, -1 earlier, 0 unknown */
	bool place_rewritten;   /* layers below write where it has the place from: its order in
	                         * the embedding proves nothing. Unless TW_LOOKUP_OFFSET */
	int nvalue, value;      /* rows of project: those of its value that wo uses */
	int priority;           /* row of project: TW_LOOKUP_ARGMAX, _KEYED, _MEAN */
	int nkey, key, query;   /* rows of project; TW_LOOKUP_ARGMAX has only the query */
	TwDigitMatch *digit;    /* (nkey) TW_LOOKUP_PLACE, the lowest first, */
	int *dim_of_digit;      /* (nkey) and their dimensions; most are TW_MOST_DIGITS */
	TwWindow window;        /* TW_LOOKUP_KEYED, _MEAN */
	float *bos_key;         /* (nkey) TW_LOOKUP_ARGMAX: the key of <bos>; it is 0 elsewhere */
	TwAffine out;           /* (nvalue) into the stream: wo */
	size_t state;           /* where its part of a session's state begins, of fixed size, */
	size_t places;          /* and what grows with the text: the others; */
	size_t index, keys, slots; /* TW_LOOKUP_KEYED, _MEAN: keys.h */
} TwHead;

/* ---- neurons */

/* Neurons that share one sum u, by ascending threshold -bias: together a piecewise linear
 * function of u for each column of the stream. */
typedef struct TwStaircase {
	int first, n;   /* neurons first .. first + n - 1 of the layer */
	int nout, *out; /* (nout) columns; nout 0: no table, neuron by neuron */
	int low, range; /* segment[clamp(ceil(u) - low, 0, range)] is the piece u lies in */
	uint16_t *segment;
	double *line; /* (n + 1, nout, 2) slope and height of each piece */
} TwStaircase;

/* The same for many places or texts at once (neuron_blocks.c): `sums` sums of so many terms each,
 * with so many neurons each, which add to the same columns. */
enum { TW_BLOCK_COLUMNS = 4 };

typedef struct TwNeuronBlock {
	int sums, terms, neurons;
	int columns, column[TW_BLOCK_COLUMNS]; /* rows of out_t */
} TwNeuronBlock;

typedef struct TwNeuronBlocks {
	int n, terms, numbers; /* n is 0 where matrices are multiplied */
	TwNeuronBlock *block;
	TwTerm *term;  /* of all sums, one after the other */
	float *number; /* of each neuron: its bias, what it adds to each column */
} TwNeuronBlocks;

/* Slope and height of each of its nout columns where the sum is u. */
static inline const double *
tw_staircase_line(const TwStaircase *g, double u)
{
	double at = ceil(u) - g->low;
	int i = at > 0 ? at < g->range ? (int)at : g->range : 0;

	return g->line + 2 * (size_t)g->segment[i] * (size_t)g->nout;
}

typedef struct TwFastLayer {
	int nhead;
	TwHead *head;
	TwAffine project;
	TwAffine linear;        /* the different sums of the neurons, without biases */
	TwAffine linear_t;      /* the same transposed: what a column adds to each sum */
	int *linear_t_column;   /* (linear_t.n) which column */
	float *base;            /* (linear.n) where a sum starts: the bias of a neuron alone */
	int nshared;            /* sums of several neurons: */
	int *shared;            /* (nshared) */
	TwStaircase *staircase; /* (linear.n) the neurons of each sum */
	int nneuron;
	int *sum;          /* (nneuron) its row of linear */
	float *bias;       /* (nneuron) */
	TwAffine out;      /* (nneuron) into the stream: w2 */
	TwAffine out_t;    /* the same transposed, bias b2 */
	int *out_t_column; /* (out_t.n) which column */
	TwNeuronBlocks blocks;
} TwFastLayer;

/* ---- the next token */

/* The row of a field with the greatest logit, where all of these are multiples of one number. */
typedef struct TwGreatest {
	int direction; /* row of logit: that number; -1: they are constant; -2: there are more */
	int constant;  /* where they are constant */
	int from, n, *row; /* (n) or NULL: where the number is from, from + 1, .. */
	int reach;         /* as far as this from 0, what is beyond has the first or last of them */
} TwGreatest;

/* ---- the model */

/* A field of many rows, of which each is the sum of two: of value v those numbered high + (v >>
 * shift) and low + v % 2^shift. So are fields whose bits are read. Where shift is 0 it is none. */
typedef struct TwSplitField {
	int shift, low, high;
} TwSplitField;

struct TwSpecialized {
	const TwModel *m;
	TwPool pool;
	TwFastLayer *layer; /* (nlayer) */
	TwAffine token,     /* of numbers: a row for each of these */
		place;      /* rows of the embedding: of the place, all digits' one after another */
	TwSplitField *split; /* (nfield) */
	int ndigit;          /* 1 where a place is not known by its digits: it is one itself */
	TwPlaceDigit *digit; /* (ndigit) */
	int *digit_row;      /* (ndigit + 1) the first row of place of each */
	int *digit_shift,
		*digit_mask;     /* (ndigit) where these are bits of it; else the mask is -1 */
	TwAffine logit;          /* the different directions of the logits, without biases */
	int *logit_row;          /* (nvocab + 2) row of logit, -1: constant */
	float *logit_scale;      /* (nvocab + 2) times this */
	TwGreatest *greatest;    /* (nfield) */
	TwAffine label;          /* all labels' columns, side by side */
	int *label_at;           /* (nlabel) its first */
	bool in_lanes;           /* simd_batch.c runs it: it has logits alone, and no softmax */
	int qkv, linear, neuron; /* most rows of one layer */
	int repeated;            /* numbers of the widest packed map's input, repeated: lanes.h */
	uint64_t state;          /* floats of a session's state */
	uint64_t initial;        /* the first of them, set back to what <bos> left by a new text */
	bool any;                /* some head is TW_LOOKUP_SOFTMAX */
	struct TwDeltaPlan *delta; /* NULL, or how a token is computed from another: delta.h */

	/* while it is made */
	struct cJSON *certificate; /* while it is being made: what the file says of its heads */
	TwPool scratch;
	double budget;     /* steps left for finding out what heads look up */
	long table_budget; /* cells left for the tables of staircases */
	int *place_of;     /* (d_model) */
};

typedef struct TwSpecialized TwSpecialized;

/* The row of c->place that digit n adds at a place. */
static inline int
tw_place_row(const TwSpecialized *c, int n, int place)
{
	const TwPlaceDigit *d = &c->digit[n];
	int x = place > d->back ? place - d->back : 0;

	if (c->digit_mask[n] >= 0)
		return c->digit_row[n] + (x >> c->digit_shift[n] & c->digit_mask[n]);
	return c->m->by_digits ? c->digit_row[n] + tw_place_digit(d, place) : place;
}

/* The rows of c->token of what is fed in field f; the second is -1 where it is one. */
static inline int
tw_token_rows(const TwSpecialized *c, int f, int row, int *second)
{
	const TwSplitField *s = &c->split[f];
	int v = row - c->m->first[f];

	*second = -1;
	if (!s->shift || row >= c->m->nvocab)
		return row;
	*second = s->high + (v >> s->shift);
	return s->low + (v & ((1 << s->shift) - 1));
}

/* NULL and a line in *error if a claim of the certificate is not true, or memory ran out. */
TwSpecialized *tw_specialize(const TwModel *, char **error);
void tw_specialized_free(TwSpecialized *);

/* How each head of layer n finds what it reads. */
void tw_find_lookups(TwSpecialized *, int n);
/* Reads the certificate, of which tw_find_lookups takes hints; then what it says is compared with
 * what was found. False and a line in *error if it is damaged, or not true, or memory ran out. */
bool tw_read_certificate(TwSpecialized *, char **error);
bool tw_check_claims(TwSpecialized *, char **error);

/* Where it is faster. Of the scratch memory all is freed. */
void tw_make_neuron_blocks(TwSpecialized *, TwFastLayer *);

/* Lays out the state of some heads from 0 on; how much it takes, and how much of it a new text sets
 * back. */
uint64_t tw_lay_out_heads(const TwSpecialized *, TwHead **, int n, uint64_t *initial);

/* next_token.c: the logits' directions, and tables of the greatest. */
void tw_specialize_logits(TwSpecialized *);

/* ---- running it */

/* Kernels for many places at once (lanes.h), for this processor and a session's flags. */
const struct TwLaneKernels *tw_lane_kernels(unsigned flags);

/* What a session computes in: the stream of the newest place, and its state. */
typedef struct TwActivations {
	float *x; /* (d_model), each at [i << shift] */
	int shift;
	float *qkv;               /* (specialized->qkv) */
	float *u;                 /* (the larger of specialized->linear and ->qkv) */
	float *state;             /* (specialized->state) in place of a KV cache */
	float *score;             /* (places, rounded up to blocks of 16) */
	float *neuron, *repeated; /* (specialized->neuron + d_model), (specialized->repeated) */
	TwPhaseClock *clock;
	const TwSpecialized *c;
	const struct TwLaneKernels *kernel;
	float *trace; /* NULL, or (2 * nlayer + 1, places, d_model): the stream after each half
	               * of a layer */
} TwActivations;

/* y = f x + bias, by the nonzeros or, if it is large and packed, as a matrix. */
void tw_apply(const TwAffine *, const float *bias, const TwActivations *, const float *x, float *y);

/* What is fed at a place: a token's rows, or numbers (NULL at <bos>). */
typedef struct TwFed {
	const int *row;      /* (nfield) */
	const float *number; /* (ninput) */
	int at;              /* the number of its place */
} TwFed;

/* One more token at this place. False where a gap is too small: x is then wrong. */
bool tw_step(const TwSpecialized *, const TwActivations *, TwFed, int place);

/* The steps that it is made of: what is fed, into a stream; and for a head and a place, whose
 * projections are qkv: what <bos> leaves and reads; what another place leaves; what one reads that
 * sees places 0 .. last; in place of that, what is to be done where nobody reads; and, through a
 * window, that a place will be noted, or that all that were are not seen. False where a gap is too
 * small. */
void tw_embed_sparse(const TwSpecialized *, TwFed, int place, float *x, int shift);
void tw_start_head(const TwHead *, const TwActivations *, const float *qkv);
bool tw_note_head(const TwHead *, const TwActivations *, int place, const float *qkv);
bool tw_read_head(const TwHead *, const TwActivations *, int place, int last, const float *qkv);
void tw_pass_head(const TwHead *, const TwActivations *, int place, const float *qkv);
void tw_note_best(const TwHead *, const TwActivations *, int place, const float *qkv);
void tw_forget_place(const TwHead *, const TwActivations *, const float *qkv);

/* What is read alone: an entry of the keys (keys.h), the value with the greatest priority, a place.
 * *ok is lost, or it is false, where a gap is too small. */
struct TwAim;
const float *tw_find_entry(const TwHead *, const TwActivations *, int place, const float *query,
                           struct TwAim *, bool *ok);
const float *tw_find_greatest(const TwHead *, const TwActivations *, const float *query, bool *ok);
bool tw_find_place(const TwHead *, const float *query, int last, int *place);
/* Keeps the two greatest priorities, and the value that goes with the greatest. */
void tw_keep_two_best(float *best, float *second, float priority, float *kept, const float *value,
                      int n);

/* What places side by side are computed in (whole_text.c), at 64 bytes each. */
typedef struct TwBlocks {
	float *x;      /* (blocks, d_model, 16) */
	float *qkv;    /* (blocks, specialized->qkv, 16) */
	float *u;      /* (specialized->linear, 16) */
	float *neuron; /* (specialized->neuron, 16) */
	float *label;  /* (specialized->label.n, 16) */
	float *score; /* (places, TW_MOST_SCORES at most, 16), where some head is TW_LOOKUP_SOFTMAX,
	               */
	float *read;  /* (specialized->qkv, 16) and what it reads */
} TwBlocks;

/* n places at once from place `from` on, of which rows or numbers are fed. Of a bidirectional model
 * it is the whole text, <bos> first. only_last: no stream but the last is asked for. */
bool tw_run_text(const TwSpecialized *, const TwActivations *, const TwBlocks *, const int *row,
                 const float *number, int from, int n, bool only_last);
/* The labels of all of them, (n, label.n). */
void tw_block_labels(const TwActivations *, const TwBlocks *, int n, float *to);
/* The stream of the i-th of them. */
void tw_block_stream(const TwSpecialized *, const TwBlocks *, int i, float *x);

/* The logits (nvocab + 2) of a stream, or only the rows (nfield) of the next token; base: room for
 * (logit.n). */
void tw_find_logits(const TwSpecialized *, const float *x, float *base, float *logits);
void tw_find_next(const TwSpecialized *, const float *x, float *base, int *next);
/* The same where base has been found: [i * step]. */
void tw_next_of_bases(const TwSpecialized *, const float *base, int step, int *next);
void tw_logits_of_bases(const TwSpecialized *, const float *base, float *logits);
/* Of one field; and whether <end> comes in place of that row. */
int tw_greatest_row(const TwSpecialized *, int field, const float *base, int step);
bool tw_ends_before(const TwSpecialized *, int row, const float *base, int step);

/* session.c: whether memory ran out where the fallback was needed. */
bool tw_stuck(const struct TwSession *);

/* Adds what is known of a place to x (d_model). */
void tw_add_place(const TwModel *, int place, float *x);

/* The stream at its beginning: x (d_model) of a token's rows, (nfield). */
void tw_embed(const TwModel *, const int *row, int place, float *x);

#endif
