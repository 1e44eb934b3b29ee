#ifndef RUNTIME_MODEL_H
#define RUNTIME_MODEL_H

/* The model file, in memory: what the compiler writes and the runtime reads.
 *
 *     x = sum over the token's rows(embed.token[row]) + embed.position[place]
 *         or, of a long context: + sum over parts(embed.position.N[digit of the place])
 *     for each layer:
 *         x += concat over heads(softmax(q k' + mask) v) wo     where it has heads
 *         x += relu(x w1 + b1) w2 + b2                          where it has neurons
 *     logits = x head.w + head.b        label.NAME = x w + b
 *
 * A token is one row of the vocabulary. Where it is a record it is one row of each
 * field: the fields share out the vocabulary, whose words are then "op: add", and
 * the next token is, for each field, that of its rows with the greatest logit;
 * <end> stands among those of the first. <bos> is its row in every field.
 *
 * A model without tokens starts from numbers embed.input in place of the token's rows.
 * Place 0 is <bos>, whose numbers are 0, which stands before every text; position p of the
 * text is place p + 1. There is no layer normalization and no scaling by 1/sqrt(dk).
 * Matrices are row-major and multiply from the right: (in, out).
 */

#include <stdbool.h>
#include <stddef.h>

/* The one version of library, programs and files: a file has it as tw.producer, "twc 0.1". */
#define TW_VERSION "0.1"

enum {
	/* A score so far behind the greatest weighs exactly 0: exp(-104) is 0 in float32. */
	TW_GAP = 104,
	TW_HIDDEN = -(1 << 30), /* the score of what may not be seen */
};

typedef struct TwLayer {
	int heads, dk, dv; /* heads may be 0; dk: key size, dv: value size, padded to the largest */
	int neurons;       /* may be 0 */
	float *wq, *wk;    /* (d_model, heads * dk) */
	float *bq, *bk;    /* (heads * dk) */
	float *wv, *bv;    /* (d_model, heads * dv), (heads * dv) */
	float *wo;         /* (heads * dv, d_model) */
	float *w1, *b1;    /* (d_model, neurons), (neurons) */
	float *w2, *b2;    /* (neurons, d_model), (d_model) */
} TwLayer;

typedef enum TwKind { TW_INT, TW_BOOL, TW_TOKEN, TW_REAL } TwKind;

/* The names of an enum's numbers 0, 1, ...; n is 0 where it is no enum. */
typedef struct TwMembers {
	int n;
	char **name;
} TwMembers;

typedef struct TwLabel {
	char *name;
	TwKind kind;
	int columns;
	float *w, *b;      /* (d_model, columns), (columns) */
	float error;       /* TW_REAL: how far a number may be from what is meant */
	TwMembers members; /* of a TW_INT */
} TwLabel;

/* A named value: bias + sum of weight[i] * x[column[i]] in one state of the
 * residual stream. State 0 is the embedding, 2L+1 after the attention of layer L,
 * 2L+2 after its MLP. */
typedef struct TwNamed {
	char *name;
	int line; /* in the source, from 1; 0 if it is of another file */
	TwKind kind;
	bool reference; /* the number of a position, -1 if absent */
	bool folded;    /* never stood in the stream as a whole: no columns */
	int state;
	int ncolumn, *column;
	float *weight, bias;
	TwMembers members; /* of a TW_INT */
} TwNamed;

/* One of the numbers that a model without tokens is fed at each position. */
typedef struct TwInput {
	char *name;      /* "x", "x[1]" */
	TwKind kind;     /* no TW_TOKEN */
	float low, high; /* what it may be */
} TwInput;

/* A digit of a place, among `modulo` ones. Where a context is long, what a place adds to the stream
 * is a sum of functions of its digits, so that a file does not grow with its context. */
typedef struct TwPlaceDigit {
	int back;      /* of the place so far before, of 0 where there is none; negative: ahead */
	int divide;    /* by which it is divided; 1 at least */
	int modulo;    /* what is left of it modulo this; */
	bool saturate; /* or, if it is larger, the last digit */
} TwPlaceDigit;

static inline int
tw_place_digit(const TwPlaceDigit *d, int place)
{
	int x = (place > d->back ? place - d->back : 0) / d->divide;

	return !d->saturate ? x % d->modulo : x < d->modulo ? x : d->modulo - 1;
}

/* What a digit adds to the stream. */
typedef struct TwPlacePart {
	TwPlaceDigit digit;
	int ncolumn, *column; /* (ncolumn) of the stream, ascending */
	float *table;         /* (modulo, ncolumn) */
} TwPlacePart;

typedef struct TwModel {
	char *name;   /* the program's */
	int nvocab;   /* declared tokens; <end> is row nvocab, <bos> row nvocab + 1 */
	char **vocab; /* (nvocab) UTF-8 */
	bool record;  /* a token has fields */
	int nfield;   /* rows that make a token: 1, or one of each field */
	int *first;   /* (nfield + 1) the first row of each field, then nvocab */
	int context;  /* most tokens of a text, without <bos> */
	bool bidirectional;
	bool emits; /* has logits */
	int d_model, nlayer;
	int ninput;         /* numbers fed at a position, in place of a token; nvocab is 0 then */
	TwInput *input;     /* (ninput) */
	float *embed_input; /* (ninput, d_model); NULL where there are tokens */
	float *embed_token; /* (nvocab + 2, d_model); NULL where there are none */
	bool by_digits;     /* the place is known by its digits: */
	float *embed_position;  /* (context + 1, d_model); NULL where it is so */
	int npart;              /* 0 unless by_digits */
	TwPlacePart *part;      /* (npart) */
	TwLayer *layer;         /* (nlayer) */
	float *head_w, *head_b; /* (d_model, nvocab + 2), (nvocab + 2); NULL unless it emits */
	int nlabel;
	TwLabel *label;
	int nnamed;
	TwNamed *named;
	char *source;      /* JSON: {"name": …, "hash": …} */
	char *certificate; /* JSON: bounds and gaps that were proved, head by head */
	/* what tw_load adds; 0 and NULL in a model that was not loaded */
	long nweight, nnonzero;            /* stored numbers, and those of them that are not 0 */
	struct TwSpecialized *specialized; /* how it is run */
	/* JSON, or NULL: nodes, and each named value as a form over them (circuit.c) */
	char *circuit;
} TwModel;

#endif
