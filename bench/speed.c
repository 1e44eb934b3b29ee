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
	TwModel *m;
	int n;
	TwText *text;           /* (n) */
	int *row;               /* (nfield) a token */
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
	size_t cap = 0, context = (size_t)r->m->context, nfield = (size_t)r->m->nfield;

	for (ssize_t k; f && (k = getline(&line, &cap, f)) > 0; r->n++) {
		int *rows = calloc(context, nfield * sizeof *rows);
		line[k - 1] = line[k - 1] == '\n' ? '\0' : line[k - 1];
		r->text = realloc(r->text, ((size_t)r->n + 1) * sizeof *r->text);
		if (!rows || !r->text)
			stop_with(NULL);
		int n = tw_tokenize(r->m, line, rows, &error);
		if (n < 0)
			stop_with(error);
		r->text[r->n] = (TwText){ rows, n, rows + (size_t)n * nfield, 0 };
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
	int nfield = r->m->nfield;
	double start = wall_seconds();

	tw_reset(r->s);
	tw_feed_tokens(r->s, t->prompt, t->nprompt);
	bool done = tw_done(r->s);
	double prompt = wall_seconds();
	for (t->nanswer = 0; !done; done = tw_done(r->s)) {
		int *row = t->answer + t->nanswer++ * nfield;
		memcpy(row, tw_next_token(r->s), (size_t)nfield * sizeof *row);
		tw_feed_token(r->s, row);
	}
	if (tw_refusal(r->s))
		stop_with(tw_refusal(r->s));
	double end = wall_seconds();
	keep_least(&r->all[i], end - start);
	keep_least(&r->decoding[i], end - prompt);
}

static void
time_pass(SpeedRun *r)
{
	double start = wall_seconds();

	if (r->batch && !tw_batch_answer(r->batch, r->text, r->n, INT_MAX))
		stop_with(NULL);
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
	char token[4096]; /* longer ones are cut: nobody reads them but cmp */

	for (int i = 0; f && i < r->n; i++) {
		for (int j = 0; j < r->text[i].nanswer; j++) {
			tw_spell_token(r->m, r->text[i].answer + j * r->m->nfield, token,
			               sizeof token);
			fprintf(f, "%s%s", j && r->m->record ? " " : "", token);
		}
		fputc('\n', f);
	}
	if (!f || fclose(f))
		stop_with("cannot write the answers");
}

/* ns a token, over tokens from .. from + n - 1 of one text, any tokens. */
static double
stretch(SpeedRun *r, int n)
{
	const TwModel *m = r->m;
	double start = wall_seconds();

	for (int i = 0; i < n; i++) {
		for (int f = 0; f < m->nfield; f++) {
			unsigned random = (unsigned)(tw_count(r->s) + f) * 2654435761u >> 8;
			r->row[f] = m->first[f]
			            + (int)(random % (unsigned)(m->first[f + 1] - m->first[f]));
		}
		tw_feed_token(r->s, r->row);
		tw_next_token(r->s);
	}
	return (wall_seconds() - start) / n * 1e9;
}

static void
time_long(SpeedRun *r)
{
	int n = r->m->context / 100;
	r->row = calloc((size_t)r->m->nfield, sizeof *r->row);
	if (!r->row || !n)
		stop_with(n ? NULL : "the context is shorter than 100 tokens");
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

static void
time_prompts(SpeedRun *r, const char *prompts, const char *answers)
{
	read_prompts(r, prompts);
	Cost c = fastest(r);
	printf("%.9f %ld %.9f %ld\n", c.all, c.tokens, c.decoding, c.decoded);
	write_answers(r, answers);
}

static void
close_run(SpeedRun *r)
{
	for (int i = 0; i < r->n; i++)
		free((int *)r->text[i].prompt); /* and its answer */
	free(r->text);
	free(r->row);
	free(r->all); /* and decoding */
	tw_close(r->s);
	tw_batch_close(r->batch);
	tw_free(r->m);
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
		time_long(&r);
	else
		time_prompts(&r, argv[3], argv[4]);
	close_run(&r);
	return 0;
}
