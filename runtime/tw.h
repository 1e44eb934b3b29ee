#ifndef RUNTIME_TW_H
#define RUNTIME_TW_H

/* Running a compiled model: load a file, open a session, feed it tokens, ask it
 * what comes next.
 *
 *     char *error = NULL;
 *     TwModel *model = tw_load("adder.onnx", &error);
 *     TwSession *s = model ? tw_open(model, false, &error) : NULL;
 *     for (int i = 0; s && i < n; i++)
 *             tw_feed(s, row[i]);
 *     int next = tw_next(s);
 *
 * What fails returns NULL or false and leaves one line in *error, to be freed.
 * <bos> is fed by the session itself. Nothing is allocated between tw_open and
 * tw_close.
 */

#include "model.h"

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

/* The rows of a text, by longest match, at most m->context of them; -1 on error. */
int tw_tokenize(const TwModel *m, const char *text, int *rows, char **error);
const char *tw_spell(const TwModel *m, int row);

/* With `trace` the session keeps every state of the stream, for tw_value. */
TwSession *tw_open(const TwModel *, bool trace, char **error);
void tw_close(TwSession *);

void tw_reset(TwSession *);           /* to the empty text */
bool tw_feed(TwSession *, int row);   /* false: the text is full, or no such row */
int tw_count(const TwSession *);      /* tokens of the text so far */
int tw_row(const TwSession *, int i); /* its token i */

const float *tw_logits(TwSession *); /* (nvocab + 2) after the last token */
int tw_next(TwSession *);            /* the row with the greatest logit */
bool tw_done(TwSession *);           /* <end> comes next, or the text is full */

/* (columns) at token i of the text; good until the next call. */
const float *tw_label(TwSession *, int label, int i);
float tw_value(TwSession *, const TwNamed *, int i);

#endif
