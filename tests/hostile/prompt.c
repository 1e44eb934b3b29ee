/* Prompts. TW_MODELS names the model files, one a line; the first byte of an input
 * picks one, the rest are prompts, one a line. Each is refused with one line, or
 * answered: the look-ups as softmax over everything, many together as each alone. */

#include "runtime/tw.h"
#include "tests/hostile/hostile.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MODELS = 32, LINES = 24, LIMIT = 40 };

typedef struct KnownModel {
	TwModel *m;
	TwSession *s; /* TW_CHECK */
	TwBatch *b;
} KnownModel;

static KnownModel known[MODELS];
static int nknown;

static void
require_that(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "%s\n", what);
	abort();
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	char *list = getenv("TW_MODELS") ? strdup(getenv("TW_MODELS")) : NULL, *error = NULL,
	     *rest = NULL;

	(void)argc;
	(void)argv;
	for (char *path = list ? strtok_r(list, "\n", &rest) : NULL; path && nknown < MODELS;
	     path = strtok_r(NULL, "\n", &rest)) {
		KnownModel *k = &known[nknown++];
		k->m = tw_load(path, &error);
		k->s = k->m ? tw_open(k->m, TW_CHECK, &error) : NULL;
		k->b = k->s ? tw_batch_open(k->m, 0, &error) : NULL;
		require_that(k->b, error ? error : "out of memory");
	}
	require_that(nknown, "TW_MODELS names no model");
	free(list);
	return 0;
}

/* What the session says to a prompt, at most LIMIT tokens; how many. */
static int
try_prompt(const KnownModel *k, const TwText *t, int *said)
{
	int n = 0, width = k->m->nfield;

	tw_reset(k->s);
	for (int i = 0; i < t->nprompt; i++)
		require_that(tw_feed_token(k->s, t->prompt + i * width),
		             "a token of the prompt is refused");
	for (; n < LIMIT && !tw_done(k->s); n++) {
		memcpy(said + n * width, tw_next_token(k->s), (size_t)width * sizeof *said);
		require_that(tw_feed_token(k->s, said + n * width),
		             "a token of the answer is refused");
	}
	for (int i = 0; i < k->m->nlabel && t->nprompt; i++)
		tw_label(k->s, i, t->nprompt - 1);
	require_that(!tw_difference(k->s), tw_difference(k->s));
	return n;
}

static void
answer_all(const KnownModel *k, TwText *text, int n)
{
	int *said = calloc((size_t)((LIMIT + 1) * k->m->nfield), sizeof *said);

	require_that(said, "out of memory");
	if (k->m->emits)
		tw_batch_answer(k->b, text, n, LIMIT);
	for (int i = 0; i < n; i++) {
		int count = try_prompt(k, &text[i], said);
		if (!k->m->emits)
			continue;
		require_that(count == text[i].nanswer, "the batch says more or less");
		require_that(!memcmp(said, text[i].answer,
		                     (size_t)(count * k->m->nfield) * sizeof *said),
		             "the batch says something else");
	}
	free(said);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	const KnownModel *k = &known[n ? bytes[0] % nknown : 0];
	size_t room = (size_t)((k->m->context + 1) * k->m->nfield);
	char *lines = strndup(n ? (const char *)bytes + 1 : "", n ? n - 1 : 0), *next = lines,
	     *line;
	TwText text[LINES] = { 0 };
	int count = 0, *rows = calloc(LINES * room, sizeof *rows);

	require_that(lines && rows, "out of memory");
	while (count < LINES && (line = strsep(&next, "\n"))) {
		int *row = rows + (size_t)count * room;
		char *error = NULL;
		int tokens = tw_tokenize(k->m, line, row, &error);
		require_that(tokens < 0 ? error && *error && !strchr(error, '\n') : !error,
		             "no line says why a prompt is refused");
		free(error);
		if (tokens >= 0)
			text[count++] = (TwText){ row, tokens, row + tokens * k->m->nfield, 0 };
	}
	answer_all(k, text, count);
	free(lines);
	free(rows);
	return 0;
}

/* Tokens of the vocabulary put in, mostly. */
size_t
LLVMFuzzerCustomMutator(uint8_t *bytes, size_t n, size_t most, unsigned seed)
{
	uint64_t r = state_of(seed);
	const TwModel *m = known[n ? bytes[0] % nknown : 0].m;

	if (!n || !m->nvocab || !hostile_pick(&r, 5))
		return LLVMFuzzerMutate(bytes, n, most);
	for (size_t times = 1 + hostile_pick(&r, 6); times > 0; times--) {
		const char *token = hostile_pick(&r, 8)
		                            ? m->vocab[hostile_pick(&r, (size_t)m->nvocab)]
		                            : "\n";
		size_t k = strlen(token), at = 1 + hostile_pick(&r, n);
		if (n + k > most)
			break;
		memmove(bytes + at + k, bytes + at, n - at);
		memcpy(bytes + at, token, k);
		n += k;
	}
	if (!hostile_pick(&r, 3)) {
		size_t at = 1 + hostile_pick(&r, n - 1), k = hostile_pick(&r, n - at);
		memmove(bytes + at, bytes + at + k, n - at - k);
		n -= k;
	}
	return n;
}
