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

typedef struct Known {
	TwModel *m;
	TwSession *s; /* TW_CHECK */
	TwBatch *b;
} Known;

static Known known[MODELS];
static int nknown;

static void
check(bool ok, const char *what)
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
		Known *k = &known[nknown++];
		k->m = tw_load(path, &error);
		k->s = k->m ? tw_open(k->m, TW_CHECK, &error) : NULL;
		k->b = k->s ? tw_batch_open(k->m, 0, &error) : NULL;
		check(k->b, error ? error : "out of memory");
	}
	check(nknown, "TW_MODELS names no model");
	free(list);
	return 0;
}

/* What the session says to a prompt, at most LIMIT tokens; how many. */
static int
answer(const Known *k, const TwText *t, int *said)
{
	int n = 0, width = k->m->nfield;

	tw_reset(k->s);
	for (int i = 0; i < t->nprompt; i++)
		check(tw_feed_token(k->s, t->prompt + i * width),
		      "a token of the prompt is refused");
	for (; n < LIMIT && !tw_done(k->s); n++) {
		memcpy(said + n * width, tw_next_token(k->s), (size_t)width * sizeof *said);
		check(tw_feed_token(k->s, said + n * width), "a token of the answer is refused");
	}
	for (int i = 0; i < k->m->nlabel && t->nprompt; i++)
		tw_label(k->s, i, t->nprompt - 1);
	check(!tw_difference(k->s), tw_difference(k->s));
	return n;
}

static void
answer_all(const Known *k, TwText *text, int n)
{
	int *said = calloc((size_t)((LIMIT + 1) * k->m->nfield), sizeof *said);

	check(said, "out of memory");
	if (k->m->emits)
		tw_batch_answer(k->b, text, n, LIMIT);
	for (int i = 0; i < n; i++) {
		int count = answer(k, &text[i], said);
		if (!k->m->emits)
			continue;
		check(count == text[i].nanswer, "the batch says more or less");
		check(!memcmp(said, text[i].answer, (size_t)(count * k->m->nfield) * sizeof *said),
		      "the batch says something else");
	}
	free(said);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	const Known *k = &known[n ? bytes[0] % nknown : 0];
	size_t room = (size_t)((k->m->context + 1) * k->m->nfield);
	char *lines = strndup(n ? (const char *)bytes + 1 : "", n ? n - 1 : 0), *next = lines,
	     *line;
	TwText text[LINES] = { 0 };
	int count = 0, *rows = calloc(LINES * room, sizeof *rows);

	check(lines && rows, "out of memory");
	while (count < LINES && (line = strsep(&next, "\n"))) {
		int *row = rows + (size_t)count * room;
		char *error = NULL;
		int tokens = tw_tokenize(k->m, line, row, &error);
		check(tokens < 0 ? error && *error && !strchr(error, '\n') : !error,
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

	if (!n || !m->nvocab || !pick(&r, 5))
		return LLVMFuzzerMutate(bytes, n, most);
	for (size_t times = 1 + pick(&r, 6); times > 0; times--) {
		const char *token = pick(&r, 8) ? m->vocab[pick(&r, (size_t)m->nvocab)] : "\n";
		size_t k = strlen(token), at = 1 + pick(&r, n);
		if (n + k > most)
			break;
		memmove(bytes + at + k, bytes + at, n - at);
		memcpy(bytes + at, token, k);
		n += k;
	}
	if (!pick(&r, 3)) {
		size_t at = 1 + pick(&r, n - 1), k = pick(&r, n - at);
		memmove(bytes + at, bytes + at + k, n - at - k);
		n -= k;
	}
	return n;
}
