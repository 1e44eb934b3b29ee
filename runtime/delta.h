#ifndef RUNTIME_DELTA_H
#define RUNTIME_DELTA_H

/* A token from what is different in it: for models of whole numbers whose heads read nothing of a
 * place but its embedding, as machines' are.
 *
 * All is a sum: of a neuron's inputs, a query, a logit. Where x was and x' is, w x' = w x + w (x' -
 * x); so a sum that was kept needs only the columns that are different, and what a neuron adds is
 * different only where relu of its sum is. What is different in the token is pushed on, column by
 * column and layer by layer, until nothing is (incremental computation; McSherry et al. 2013,
 * "Differential dataflow"). What it starts from is one of two bases:
 *
 *     TW_ANEW      sums that were worked out when the model was loaded, of no token: then
 *                  every weight whose input is not 0 is multiplied
 *     otherwise    the sums of the last token for which the first head asked for the same key. A
 *                  machine asks for the instruction that comes next: so the base is that
 *                  instruction when it was last carried out, of which a few bits are other now
 *
 * Sums are integers of 32 bits, so that the order makes no difference: those of the file stay
 * below 2^24 (model.h). Any base gives the same; a bad one takes longer.
 *
 * A head finds a place (keys.h), and what it reads there is a function of the token that stood
 * there: rows of a table, embedding times wv times wo. So nothing is kept of a place but its token,
 * and a prompt goes through no layer (tw_delta_note). */

#include "runtime/keys.h"

typedef struct TwIntTerm {
	int at, w;
} TwIntTerm;

/* Sparse rows of integers: row i is term[start[i]] .. term[start[i + 1] - 1]. */
typedef struct TwIntMap {
	int n, *start; /* (n + 1) */
	TwIntTerm *term;
} TwIntMap;

/* Rows of what is fed: of the vocabulary, then of the place's digits. At a place there are `inputs`
 * of them: one of each field, one of each digit. */

typedef struct TwDeltaHead {
	TwHead h; /* whose value is one number, the place; its rows are numbers of TwDelta.vector */
	TwIntMap read;    /* (rows) what a row of a token adds to the stream where it is read */
	int nfrom, *from; /* (nfrom) inputs for which that is not nothing, */
	int read_row;     /* and which rows those were: a slot's numbers from here on */
	int key, nkey, query, nquery; /* sums: its key, then its priority; its queries */
	float *scale;                 /* (nkey, nquery) of these: 1 or a half */
} TwDeltaHead;

enum { TW_BLOCK_WORDS = 2 };

/* What each column of the stream adds to sums: vectors of TW_LANES neighbouring sums, for what
 * reads one column mostly stands together. Those for stage s are start[s] .. start[s + 1] - 1. */
typedef struct TwDeltaColumns {
	int stages, *start; /* (d_model, stages + 1) */
	int *first, *block; /* (vectors) sum, and which bit of TwDeltaStage it is */
	int32_t *weight;    /* (vectors, TW_LANES), at an address that 64 divides */
} TwDeltaColumns;

/* Sums first .. end - 1, which are brought up to date at one time: whole blocks. */
typedef struct TwDeltaStage {
	int number, first, end;
	uint64_t blocks[TW_BLOCK_WORDS];
} TwDeltaStage;

/* Neurons that share a sum u: what they add is a function of it, in a table from u = low on, by
 * steps of 1, and rises by the slope beyond it. Where that would be too large, neuron by neuron. */
typedef struct TwDeltaStair {
	int nout;       /* 0: no table */
	int low, range; /* value[0] is 0, and so is what is below */
	int32_t *value; /* (range + 1, nout) */
	TwIntTerm *out; /* (nout) the columns and slopes */
	int n, neuron;  /* neurons: rows of plan->neuron from this on, */
	int32_t *bias;  /* (n) whose thresholds rise */
} TwDeltaStair;

typedef struct TwDeltaLayer {
	int head, nhead; /* of the plan's */
	TwDeltaStage query, sum;
	int shared;          /* sums from here on are of several neurons: */
	TwDeltaStair *stair; /* (sum.end - shared) */
} TwDeltaLayer;

typedef struct TwDeltaPlan {
	const struct TwSpecialized *c;
	int rows, inputs, words, nsum;
	int grain;      /* sums of a block, a multiple of TW_LANES */
	TwIntMap embed; /* (rows) into columns */
	int nhead;
	TwDeltaHead *head; /* (nhead) */
	TwDeltaStage key;  /* keys and priorities of all heads */
	TwDeltaColumns column;
	TwIntMap neuron;      /* into columns: (nsum) the neuron of a sum; then others */
	TwDeltaLayer *layer;  /* (nlayer) */
	TwDeltaStage logit;   /* directions of c->logit */
	TwIntMap fields;      /* (c->logit.n) whose greatest depends on it */
	int32_t *floor;       /* (nsum) below which a sum makes no difference */
	int16_t *head_of;     /* (nsum) whose key or query it is; -1: none */
	int listed;           /* room of the longest list of the kernels */
	int nselect, *select; /* (nselect) fields by which a base is chosen */
	/* what is kept of a token, the sums first, in numbers of 32 bits; behind the next token its
	 * first row where that is not <end>, and whether the slot is in use */
	int at_row, at_next, at_logit, at_memo, slot_size;
	int32_t *base;          /* (slot_size) of no token */
	int slots;              /* a power of 2 */
	uint64_t state, vector; /* floats of a session */
} TwDeltaPlan;

/* Sets c->delta where the model is of the kind. */
void tw_plan_delta(struct TwSpecialized *);

/* ---- running it */

/* What a slot knows of a head, of one text. */
typedef struct __attribute__((may_alias)) TwDeltaMemo {
	int text;
	int noted; /* the entry of its key; 0: not known */
	int place; /* that was read last; -1: not known */
	TwAim aim;
} TwDeltaMemo;

/* Sums or columns, and how much more each is; of lists, the kernels write TW_LANES more. */
typedef struct TwDeltaList {
	int n;
	int32_t *at, *more; /* (plan->listed) */
} TwDeltaList;

typedef struct TwDelta {
	const TwDeltaPlan *plan;
	const struct TwDeltaKernels *kernel;
	TwActivations w; /* whose state has the keys */
	bool anew;
	int text;         /* counts texts, from 1 */
	int32_t *slot;    /* (plan->slots, slot_size), and two that are not chosen by key */
	int32_t *now;     /* the slot of the newest token */
	int32_t *last;    /* that of the last token that was asked what comes next, or NULL */
	int32_t *dx, *du; /* (64 words), (nsum) differences, all 0 between tokens */
	uint64_t *dirty;  /* (words) columns where dx may not be 0 */
	uint64_t touched[TW_BLOCK_WORDS]; /* blocks where du may not be 0 */
	TwDeltaList changed, terms;
	bool *new; /* (nhead) whether a key or query is different */
	float *vector;
	const int *text_row, *text_at; /* the session's tokens and places */
} TwDelta;

/* Loops for this processor (delta_kernels.c). */
typedef struct TwDeltaKernels {
	/* lists where n numbers differ; how many */
	int (*differ)(const int32_t *, const int32_t *, int n, int32_t *list);
	/* lists the dirty columns whose dx is not 0, and sets both back */
	void (*gather)(int32_t *dx, uint64_t *dirty, int words, TwDeltaList *);
	/* what they add to the sums of stages from .. end - 1: into du */
	void (*push)(const TwDeltaColumns *, int from, int end, const TwDeltaList *, int32_t *du,
	             uint64_t *touched, TwDeltaList *scratch);
	/* u += du and du = 0 in these blocks: lists where u is another, above the floor, and by how
	 * much */
	void (*settle)(int32_t *u, int32_t *du, const int32_t *floor, const uint64_t *blocks,
	               int grain, TwDeltaList *);
} TwDeltaKernels;

const TwDeltaKernels *tw_delta_kernels(unsigned flags);

/* Adds to columns of the stream, and notes which. */
static inline void
tw_push_term(int32_t *x, uint64_t *dirty, int at, uint32_t v)
{
	x[at] = (int32_t)((uint32_t)x[at] + v);
	dirty[at >> 6] |= (uint64_t)1 << (at & 63);
}

static inline void
tw_push_row(const TwIntMap *f, int row, int32_t v, int32_t *x, uint64_t *dirty)
{
	for (int t = f->start[row]; t < f->start[row + 1]; t++)
		tw_push_term(x, dirty, f->term[t].at, (uint32_t)f->term[t].w * (uint32_t)v);
}

/* What several neurons of one sum add, where it was `was` and is `is`. */
void tw_push_staircase(const TwDeltaPlan *, const TwDeltaStair *, int32_t was, int32_t is,
                       int32_t *x, uint64_t *dirty);

/* Lays out a session's part; measured first (memory_pool.h). */
void tw_lay_out_delta(TwDelta *, TwLayout *);
/* A new text, with <bos> in it. */
void tw_delta_begin(TwDelta *);
/* A token that is only read by others; one that is asked what comes next. False where a gap is too
 * small. */
void tw_delta_note(TwDelta *, int place);
bool tw_delta_step(TwDelta *, int place);
/* What comes next (nfield), and the directions of the logits (c->logit.n). */
const int *tw_delta_next(const TwDelta *);
const float *tw_delta_bases(const TwDelta *);

#endif
