#ifndef RUNTIME_TW_H
#define RUNTIME_TW_H

/* Running a compiled model: load a file, open a session, feed it tokens, ask it
 * what comes next.
 *
 *     char *error = NULL;
 *     TwModel *model = tw_load("adder.onnx", &error);
 *     TwSession *s = model ? tw_open(model, 0, &error) : NULL;
 *     for (int i = 0; s && i < n; i++)
 *             tw_feed(s, row[i]);
 *     int next = tw_next(s);
 *
 * What fails returns NULL or false and leaves one line in *error, to be freed; *error
 * stays NULL only where memory ran out even for the line. The library never ends the
 * process, and leaves nothing behind when it fails. <bos> is fed by the session itself.
 *
 * Nothing is allocated between tw_open and tw_close, but once where a text breaks a
 * claim of its file and goes on with the softmax (tw_fell_back). If there is no memory
 * for that, tokens are refused and the text has ended, until tw_reset.
 *
 * Nothing is believed that a file says: it is the graph that runtime/onnx_graph.h plans for
 * its shapes, with every tensor there and finite, or it is refused. Of a file of up
 * to 1 GB a model takes some hundred times the size at most. A session takes address space for
 * its whole context, and memory as its text grows.
 */

#include "model.h"

/* The version of the library that a program runs with; TW_VERSION is that of its header. */
const char *tw_version(void);

typedef struct TwSession TwSession;

TwModel *tw_load(const char *path, char **error);
TwModel *tw_load_memory(const void *bytes, size_t n, char **error);
void tw_free(TwModel *);

static inline int
tw_end(const TwModel *m)
{
	return m->nvocab;
}

static inline int
tw_bos(const TwModel *m)
{
	return m->nvocab + 1;
}

/* The tokens of a text, by longest match, at most m->context of them, each nfield
 * rows; -1 on error. Records are written {op: add, a: [1, 2], flags: 0x1f}: every
 * field in any order, and a number for a list of bools gives its bits, the lowest first. */
int tw_tokenize(const TwModel *m, const char *text, int *rows, char **error);
const char *tw_spell(const TwModel *m, int row);
/* A token, (nfield) rows, as tw_tokenize reads it, cut to size; how long it is. */
size_t tw_spell_token(const TwModel *m, const int *rows, char *out, size_t size);

/* How a session runs. */
enum {
	TW_TRACE = 1,     /* keep every state of the stream, for tw_value */
	TW_SOFTMAX = 2,   /* softmax over all places instead of look-ups */
	TW_CHECK = 4,     /* both, and compare: tw_difference */
	TW_DENSE = 8,     /* TW_SOFTMAX, multiplying zeros too */
	TW_PORTABLE = 16, /* no instructions that only some processors of this kind have, */
	TW_TIMED = 32,    /* time the phases of each token: tw_stats */
	TW_V3 = 64,       /* or on x86-64 none beyond those of its third level (AVX2) */
	TW_ANEW = 128,    /* keep no sums from token to token, only what attention reads */
};

/* Any number of sessions share a model, each used by one thread at a time. */
TwSession *tw_open(const TwModel *, unsigned flags, char **error);
void tw_close(TwSession *);

void tw_reset(TwSession *);           /* to the empty text */
bool tw_feed(TwSession *, int row);   /* false: it is not taken; tw_refusal says why */
int tw_count(const TwSession *);      /* tokens of the text so far */
int tw_row(const TwSession *, int i); /* its token i */

/* The next token stands n positions further on than it would, and what is between is as if it could
 * not be seen: so the far end of a long context can be tried. Searches and counts are as ever; what
 * a program reads at a fixed distance across the gap is not defined. */
bool tw_skip(TwSession *, int n);

/* Why the last token or numbers were not taken, a few words: "the text is full", "no such
 * token", "out of memory"; NULL if they were. */
const char *tw_refusal(const TwSession *);

/* (nvocab + 2) after the last token; NULL if it emits nothing */
const float *tw_logits(TwSession *);
int tw_next(TwSession *);  /* the row with the greatest logit, or tw_end */
bool tw_done(TwSession *); /* <end> comes next, or the text is full */

/* The same for a model without tokens: its ninput numbers. */
bool tw_feed_numbers(TwSession *, const float *);

/* The same where a token is a record: (nfield) rows, good until the next call. */
bool tw_feed_token(TwSession *, const int *rows);
const int *tw_token(const TwSession *, int i);
const int *tw_next_token(TwSession *);

/* Feeds what comes next: its rows. NULL where that is <end>, or it is not taken. */
const int *tw_feed_next(TwSession *);

/* A prompt at once: n tokens, (n, nfield) rows, or (n, ninput) numbers, as many as are taken. Many
 * go through the model together, layer by layer, which is faster than one after the other. */
bool tw_feed_tokens(TwSession *, const int *rows, int n);
bool tw_feed_number_rows(TwSession *, const float *, int n);

/* (columns) at token i of the text; good until the next call. */
const float *tw_label(TwSession *, int label, int i);
/* With TW_TRACE: a named value (of the model's `named`) at token i. NAN where the file does not
 * say what it is. */
float tw_value(TwSession *, const TwNamed *, int i);
bool tw_has_value(const TwSession *, const TwNamed *); /* does it? */

/* Gradients, by reverse accumulation, of a sum of outputs, each times a weight, for the text that a
 * session has. By what: everything in between. The session keeps its states (TW_TRACE); what is fed
 * later does not change a gradient. A neuron whose sum is 0 passes nothing on; a head that is exact
 * gives its queries and keys nothing, since it looks where it looked. */
typedef enum TwSeedKind {
	TW_SEED_LOGIT, /* id: a row of the vocabulary, <end>, <bos> */
	TW_SEED_LABEL, /* id: a column, those of all labels counted through */
	TW_SEED_NAMED, /* id: of the model's named values, one that stands in the stream */
} TwSeedKind;
typedef struct TwSeed {
	TwSeedKind kind;
	int id, token; /* of which output, at which token of the text */
	double weight;
} TwSeed;

typedef struct TwGradient TwGradient;
/* NULL and a line in *error where a seed is no output of the model. The model must outlive it. */
TwGradient *tw_grad_from(TwSession *, const TwSeed *, int n, char **error);
void tw_grad_free(TwGradient *);
/* (nnamed, tokens) by each named value, along its columns by as little as makes it greater by 1;
 * NAN for one that does not stand in the stream. */
const double *tw_grad_all(const TwGradient *);
/* At token i, -1 for <bos>: (d_model) by a state of the stream; (heads * dv) by what a layer's
 * heads read; (neurons) by what its neurons give. NULL where there is none. */
const double *tw_grad_state(const TwGradient *, int state, int i);
const double *tw_grad_heads(const TwGradient *, int layer, int i);
const double *tw_grad_neurons(const TwGradient *, int layer, int i);

/* Did this text break a claim of the file? It was then computed by softmax over everything,
 * and where the claim was one of exactness, its numbers need not be exact. */
bool tw_fell_back(const TwSession *);

/* The first place where look-ups and softmax gave something else; NULL if none. */
const char *tw_difference(const TwSession *);

/* Many texts: sixteen go through the model side by side where its heads allow it.
 * A thread needs a batch of its own; the model is shared. */
typedef struct TwText {
	const int *prompt;
	int nprompt;
	int *answer; /* room for context - nprompt tokens */
	int nanswer; /* how many came, <end> not among them; -1: memory ran out */
} TwText;

typedef struct TwBatch TwBatch;

TwBatch *tw_batch_open(const TwModel *, unsigned flags, char **error);
void tw_batch_close(TwBatch *);
/* At most limit tokens for each. False if memory ran out for some of them. */
bool tw_batch_answer(TwBatch *, TwText *, int n, int limit);

/* Of a token's time. */
typedef enum TwPhase {
	TW_EMBEDDING,
	TW_PROJECTIONS, /* queries, keys and values */
	TW_HEADS,       /* finding and adding what they read */
	TW_NEURONS,
	TW_OUTPUT, /* logits and the greatest of them */
	TW_PHASES
} TwPhase;

typedef struct TwStats {
	long tokens;         /* fed so far */
	long by_differences; /* of these, computed from what is different in them: see TW_ANEW */
	long fallbacks;      /* texts for which a gap was too small, run by softmax; */
	long broken;         /* of these, where each head's look-up is certain: the file claims what
	                      * its weights do not do */
	size_t bytes;        /* memory that the session, or the batch, has taken */
	double share[TW_PHASES]; /* with TW_TIMED; 0 for what softmax ran */
} TwStats;
TwStats tw_stats(const TwSession *);
TwStats tw_batch_stats(const TwBatch *);

/* What the file holds, and what one token reads of it at most. */
typedef struct TwCost {
	long weights, nonzeros, reads;
} TwCost;
TwCost tw_cost(const TwModel *);

#endif
