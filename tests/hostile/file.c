/* Model files. Whatever the bytes are: a model that runs, or one line that says why
 * not; a session of it ends, and stays within its memory. */

#include "runtime/tw.h"
#include "tests/hostile/hostile.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* ---- trying */

enum { TOKENS = 40 }; /* enough that keys are looked up by hash */

static void
require(bool ok)
{
	if (!ok)
		abort();
}

/* What the file says it takes, which need not be anything that there is. */
static void
feed_numbers(TwSession *s, const TwModel *m)
{
	float *number = calloc((size_t)m->ninput, sizeof *number);

	require(number);
	for (int i = 0; i < TOKENS; i++) {
		for (int k = 0; k < m->ninput; k++)
			number[k] = i % 3 ? m->input[k].low : m->input[k].high;
		if (!tw_feed_numbers(s, number))
			break;
	}
	free(number);
}

static void
feed_some(const TwModel *m, unsigned flags)
{
	char *error = NULL;
	TwSession *s = tw_open(m, flags, &error);
	int *row = calloc((size_t)m->nfield, sizeof *row);

	require(!s == !!error && row);
	if (s && m->ninput)
		feed_numbers(s, m);
	for (int i = 0; s && i < TOKENS && !m->ninput; i++) {
		for (int f = 0; f < m->nfield; f++)
			row[f] = m->first[f] + i * 7 % (m->first[f + 1] - m->first[f]);
		if (i % 3 == 2 && !tw_done(s))
			memcpy(row, tw_next_token(s), (size_t)m->nfield * sizeof *row);
		require(tw_feed_token(s, row) == (i < m->context));
	}
	for (int i = 0; s && i < m->nnamed && flags & TW_TRACE; i++)
		if (tw_has_value(s, &m->named[i]))
			tw_value(s, &m->named[i], 0);
	for (int i = 0; s && i < m->nlabel; i++)
		tw_label(s, i, 0);
	if (s)
		tw_difference(s);
	tw_close(s);
	free(error);
	free(row);
}

static void
try_batch(const TwModel *m)
{
	char *error = NULL;
	TwBatch *b = tw_batch_open(m, 0, &error);
	size_t room = (size_t)(m->context * m->nfield);
	int *rows = calloc(4 * room + (size_t)m->nfield, sizeof *rows);
	TwText text[4];

	require(rows && !b == !!error);
	for (int f = 0; f < m->nfield; f++)
		rows[f] = m->first[f];
	for (size_t i = 0; i < 4; i++)
		text[i] = (TwText){ rows, 1, rows + (size_t)m->nfield + i * room, 0 };
	if (b)
		tw_batch_answer(b, text, 4, 8);
	tw_batch_close(b);
	free(error);
	free(rows);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	char *error = NULL;
	TwModel *m = tw_load_memory(bytes, n, &error);

	require(!m == !!error && (m || (*error && !strchr(error, '\n'))));
	if (m && m->context <= 1 << 16) {
		feed_some(m, 0);
		feed_some(m, TW_CHECK | TW_TRACE);
		if (m->emits)
			try_batch(m);
		tw_cost(m);
	}
	free(error);
	tw_free(m);
	return 0;
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	return 0;
}
