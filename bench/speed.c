/* usage: speed WAY MODEL PROMPTS ANSWERS
 *        speed long MODEL
 *
 * How fast the runtime answers, in one thread, loading and tokenizing aside. WAY:
 *
 *     single    a session, one prompt after the other, as twrun does it
 *     softmax   the same by softmax over all places, zeros skipped
 *     dense     the same, every zero multiplied too
 *     batch     all prompts given at once
 *     portable  the same without instructions that only some processors have
 *
 * Prints, in seconds and tokens, each prompt (a batch: the whole) at its fastest in
 * many passes,
 *
 *     ALL-SECONDS ALL-TOKENS DECODING-SECONDS DECODED-TOKENS
 *
 * where decoding begins when the prompt is in, and tokens are those fed (a batch's
 * decoding is not told apart: 0 0); writes the answers, one a line. `long`: the
 * whole context is filled with tokens; ns a token at its start and at its end.
 * `load` instead of a way: ms to load the model, bytes of a session a position. */

#include "runtime/tw.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef struct SpeedRun {
	const TwModel *m;
	int n;
	TwText *text;           /* (n) */
	double *all, *decoding; /* (n) seconds: the least so far */
	TwSession *s;           /* or */
	TwBatch *batch;
} SpeedRun;

typedef struct Cost {
	double all, decoding; /* seconds */
	long tokens, decoded;
} Cost;

static double
wall_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void
stop_with(const char *why)
{
	fprintf(stderr, "speed: %s\n", why ? why : "out of memory");
	exit(2);
}

static void
read_prompts(SpeedRun *r, const char *path)
{
	FILE *f = fopen(path, "r");
	char *line = NULL, *error = NULL;
	size_t cap = 0, context = (size_t)r->m->context;

	for (ssize_t k; f && (k = getline(&line, &cap, f)) > 0; r->n++) {
		int *rows = calloc(context, sizeof *rows);
		line[k - 1] = line[k - 1] == '\n' ? '\0' : line[k - 1];
		r->text = realloc(r->text, ((size_t)r->n + 1) * sizeof *r->text);
		if (!rows || !r->text)
			stop_with(NULL);
		int n = tw_tokenize(r->m, line, rows, &error);
		if (n < 0)
			stop_with(error);
		r->text[r->n] = (TwText){ rows, n, rows + n, 0 };
	}
	if (!r->n)
		stop_with("no prompts");
	fclose(f);
	free(line);
}

static void
keep_least(double *least, double x)
{
	*least = *least > 0 && *least < x ? *least : x;
}

static void
time_prompt(SpeedRun *r, int i)
{
	TwText *t = &r->text[i];
	double start = wall_seconds();

	tw_reset(r->s);
	for (int k = 0; k < t->nprompt; k++)
		tw_feed(r->s, t->prompt[k]);
	bool done = tw_done(r->s);
	double prompt = wall_seconds();
	for (t->nanswer = 0; !done; done = tw_done(r->s)) {
		t->answer[t->nanswer] = tw_next(r->s);
		tw_feed(r->s, t->answer[t->nanswer++]);
	}
	double end = wall_seconds();
	keep_least(&r->all[i], end - start);
	keep_least(&r->decoding[i], end - prompt);
}

static void
time_pass(SpeedRun *r)
{
	double start = wall_seconds();

	if (r->batch)
		tw_batch_answer(r->batch, r->text, r->n, INT_MAX);
	for (int i = 0; !r->batch && i < r->n; i++)
		time_prompt(r, i);
	if (r->batch)
		keep_least(&r->all[0], wall_seconds() - start);
}

/* Passes go on for a second: the first of them warm up. */
static Cost
fastest(SpeedRun *r)
{
	Cost c = { 0 };
	double start = wall_seconds();

	r->all = calloc(2 * (size_t)r->n, sizeof *r->all);
	if (!r->all)
		stop_with(NULL);
	r->decoding = r->all + r->n;
	for (int i = 0; i < 5 || wall_seconds() - start < 1; i++)
		time_pass(r);
	for (int i = 0; i < r->n; i++) {
		c.all += r->all[i];
		c.decoding += r->decoding[i];
		c.decoded += r->batch ? 0 : r->text[i].nanswer;
		c.tokens += r->text[i].nprompt + r->text[i].nanswer;
	}
	return c;
}

static void
write_answers(const SpeedRun *r, const char *path)
{
	FILE *f = fopen(path, "w");

	for (int i = 0; f && i < r->n; i++) {
		for (int j = 0; j < r->text[i].nanswer; j++)
			fputs(tw_spell(r->m, r->text[i].answer[j]), f);
		fputc('\n', f);
	}
	if (!f || fclose(f))
		stop_with("cannot write the answers");
}

/* ns a token, over tokens from .. from + n - 1 of one text, any tokens. */
static double
stretch(SpeedRun *r, int n)
{
	double start = wall_seconds();

	for (int i = 0; i < n; i++) {
		tw_feed(r->s, (int)((unsigned)tw_count(r->s) * 2654435761u >> 8) % r->m->nvocab);
		tw_next(r->s);
	}
	return (wall_seconds() - start) / n * 1e9;
}

static void
time_long(SpeedRun *r)
{
	int n = r->m->context / 100;
	double first = 1e9, last = 1e9;

	for (int again = 0; again < 3; again++) {
		tw_reset(r->s);
		for (int part = 0; part < 100; part++) {
			double ns = stretch(r, n);
			if (part < 5 && ns < first)
				first = ns;
			if (part >= 95 && ns < last)
				last = ns;
		}
	}
	printf("%.1f %.1f %.1f %d\n", first, last, (double)tw_stats(r->s).bytes / r->m->context,
	       r->m->context);
}

static void
time_loading(const char *path)
{
	double best = 1e9;
	char *error = NULL;

	for (int i = 0; i < 20; i++) {
		double start = wall_seconds();
		TwModel *m = tw_load(path, &error);
		double took = wall_seconds() - start;
		TwSession *s = m ? tw_open(m, 0, &error) : NULL;
		if (!s)
			stop_with(error);
		best = took < best ? took : best;
		if (i == 19)
			printf("%.2f %.1f\n", best * 1e3, (double)tw_stats(s).bytes / m->context);
		tw_close(s);
		tw_free(m);
	}
}

int
main(int argc, char **argv)
{
	static const char *const way[] = {
		"single", "softmax", "dense", "batch", "portable", "long"
	};
	static const unsigned flags[] = { 0, TW_SOFTMAX, TW_DENSE, 0, TW_PORTABLE, 0 };
	char *error = NULL;
	unsigned k = 0;

	if (argc == 3 && !strcmp(argv[1], "load"))
		return time_loading(argv[2]), 0;
	while (k < 6 && argc > 1 && strcmp(argv[1], way[k]))
		k++;
	if (k == 6 || argc != (k == 5 ? 3 : 5))
		stop_with("usage: speed WAY MODEL PROMPTS ANSWERS");
	SpeedRun r = { .m = tw_load(argv[2], &error) };
	if (r.m && (k == 3 || k == 4))
		r.batch = tw_batch_open(r.m, flags[k], &error);
	else if (r.m)
		r.s = tw_open(r.m, flags[k], &error);
	if (!r.batch && !r.s)
		stop_with(error);
	if (k == 5)
		return time_long(&r), 0;
	read_prompts(&r, argv[3]);
	Cost c = fastest(&r);
	printf("%.9f %ld %.9f %ld\n", c.all, c.tokens, c.decoding, c.decoded);
	write_answers(&r, argv[4]);
	return 0;
}
