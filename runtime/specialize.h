#ifndef RUNTIME_SPECIALIZE_H
#define RUNTIME_SPECIALIZE_H

/* A model as it is run: only what is not zero, in the order in which it is used.
 * Made once, when the file is loaded; sessions share it and change nothing.
 *
 * A layer is four straight passes over short lists:
 *
 *     fresh = project x           every head's query, key and value rows in one list
 *     x    += heads               each head by the way of its lookup, below
 *     u     = linear x            each linear part once: neurons that differ only in
 *                                 their bias (a staircase) share it
 *     x    += neurons of u        a staircase at once: slope and height by table
 *
 * What a head reads was decided from its weights (head_lookup.c), and is checked again
 * while it runs: the winner's score is ahead of every other by at least TW_GAP,
 * so its softmax weight is exactly 1 and all others exactly 0 in float32. Where a
 * text breaks that, its session goes on with the softmax (dense.c). */

#include "runtime/phase_clock.h"
#include "runtime/model.h"
#include "runtime/memory_pool.h"

#include <math.h>
#include <stdint.h>

/* exp(-104) is 0 in float32. */
#define TW_GAP 104.0f

/* What is worked out about a model while it is loaded is a sum of integers of a
 * double: far below 2^53, so no sum of them rounds, in whatever order. */
#define TW_MOST_EXACT ((double)(1ll << 48))

static inline bool
tw_is_exact_integer(double x)
{
	return x == rint(x) && fabs(x) < TW_MOST_EXACT;
}

typedef struct TwTerm {
	int at;
	float w;
} TwTerm;

/* Lists of terms: list i is term[start[i]] .. term[start[i + 1] - 1]. */
typedef struct TwForms {
	int n, cap, capterm;
	int *start; /* (n + 1) */
	TwTerm *term;
	float *bias; /* (n) */
} TwForms;

typedef enum TwWay {
	TW_NONE,  /* nothing that it reads is used */
	TW_BACK,  /* the place `back` before, <bos> where there is none */
	TW_BEST,  /* the greatest priority so far; a query may only lift <bos> */
	TW_KEYED, /* the greatest priority so far for each key: few keys, many places */
	TW_MEAN,  /* the sum of all with the greatest priority, for each key */
	TW_ANY,   /* softmax over all places */
} TwWay;

typedef struct TwHead {
	TwWay way;
	int head;          /* its number in the file */
	int back;          /* TW_BACK */
	int rising;        /* priority with the place: 1 later is greater, -1 earlier, 0 unknown */
	bool moved;        /* layers below write where it has the place from; not TW_BACK */
	int nvalue, value; /* rows of project */
	int priority;      /* row of project: TW_BEST, TW_KEYED, TW_MEAN */
	int nkey, key, query; /* rows of project; TW_BEST: query only */
	float *lift;          /* (nkey) TW_BEST: the key of <bos>, 0 everywhere else */
	TwForms out;          /* (nvalue) into the stream */
	size_t state;         /* where its part of a session's state begins */
	size_t places;        /* and where its places or keys are: TW_KEYED, TW_MEAN, TW_ANY */
} TwHead;

/* Neurons with one linear part, by ascending threshold. */
typedef struct TwSteps {
	int first, n;   /* neurons first .. first + n - 1 of the layer */
	int nout, *out; /* (nout) columns; nout 0: neuron by neuron */
	int low, range; /* segment[clamp(ceil(u) - low, 0, range)] */
	uint16_t *segment;
	double *line; /* (n + 1, nout, 2) slope and height */
} TwSteps;

typedef struct TwStage {
	int nhead;
	TwHead *head;
	TwForms project;
	TwForms linear; /* without biases */
	TwForms input;  /* the same by column: what it adds to each */
	int *read;      /* (input.n) which column */
	float *base;    /* (linear.n) what a sum begins with: the bias of a neuron alone */
	int ntogether;  /* parts of several neurons: */
	int *together;  /* (ntogether) */
	TwSteps *steps; /* (linear.n) */
	int nneuron;
	int *part;     /* (nneuron) its row of linear */
	float *bias;   /* (nneuron) */
	TwForms out;   /* (nneuron) into the stream */
	TwForms write; /* the same by column: from the neurons, bias b2 */
	int *column;   /* (write.n) which column */
} TwStage;

struct TwCode {
	const TwModel *m;
	TwPool pool;
	TwStage *stage;            /* (nlayer) */
	TwForms token, place;      /* rows of the embedding */
	TwForms logit;             /* linear parts of the logits */
	int *logit_part;           /* (nvocab + 2) row of logit, -1: constant */
	float *logit_scale;        /* (nvocab + 2) */
	TwForms label;             /* all labels' columns, side by side */
	int *label_at;             /* (nlabel) its first */
	bool fixed;                /* no head needs a place for each token: simd_batch.c runs it */
	int fresh, linear, neuron; /* most rows of one layer */
	double state;              /* floats of a session's state; 1e18 if that cannot be */
	size_t reset;   /* the first of them, which a new text sets back to what <bos> left */
	bool any;       /* some head is TW_ANY */
	float rounding; /* how far softmax and look-ups may be apart in what is no integer */
	double effort;  /* steps left for finding out what heads look up */
	long cells;     /* left for the tables of staircases */
	int *place_of;  /* (d_model) scratch of the making */
};

typedef struct TwCode TwCode;

/* NULL and a line in *error if a claim of the certificate is not true. */
TwCode *tw_code(const TwModel *, char **error);
void tw_code_free(TwCode *);

/* How each head of layer n finds what it reads. */
void tw_lookups(TwCode *, int n);
bool tw_check_claims(TwCode *, char **error);

/* Appends a list of terms, of which zeros are left out. */
void tw_form(TwPool *, TwForms *, const float *w, size_t stride, int n, float bias);

/* A session's working memory: the stream of the newest place and scratch. */
typedef struct TwWork {
	float *x;     /* (d_model) */
	float *fresh; /* (code->fresh) */
	float *u;     /* (code->linear) */
	float *state; /* (code->state) */
	float *score; /* (places) */
	TwClock *clock;
	float *note; /* NULL, or (2 * nlayer + 1, places, d_model): the stream after each sublayer
	              */
} TwWork;

/* One more token at this place. False where a gap is too small: x is then wrong. */
bool tw_step(const TwCode *, const TwWork *, const int *row, int place);

/* The stream at its beginning: x (d_model) of a token's rows, (nfield). */
void tw_embed(const TwModel *, const int *row, int place, float *x);

#endif
