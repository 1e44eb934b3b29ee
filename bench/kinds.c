/* usage: kinds MODEL LENGTH TEXTS FED SAID [ROWS]
 *
 * What a token costs, in ns of processor time of one thread, over TEXTS random texts of LENGTH
 * tokens (or rows of numbers): one token after the other, each text at once, and all texts as a
 * batch (of models that say what comes next; else 0), each at its fastest in several passes:
 *
 *     DECODING WHOLE BATCH
 *
 * Writes what was fed to FED, float32, and to SAID what came of each text at once: the next token,
 * for models that say it, then each label at all places. bench/kinds.mjs gives the same to ONNX
 * Runtime. With ROWS only so many rows of each field are fed. */

#include "runtime/tw.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef struct KindRun {
	TwModel *m;
	TwSession *s;
	TwBatch *batch;
	int n, texts, width; /* of a token: rows, or numbers */
	unsigned most;       /* rows of a field */
	int *row;            /* (texts, n, nfield) */
	float *number;       /* (texts, n, ninput) */
	TwText *text;        /* (texts) */
	double sink;
} KindRun;

static double
cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void
stop_kinds(const char *why)
{
	fprintf(stderr, "kinds: %s\n", why ? why : "out of memory");
	exit(2);
}

static void *
zeroed(size_t n, size_t size)
{
	void *p = calloc(n + 1, size);

	if (!p)
		stop_kinds(NULL);
	return p;
}

static float
random_number(const TwInput *in, unsigned random)
{
	float x = in->low + (in->high - in->low) * (float)(random % 1001) / 1000;

	return in->kind == TW_REAL ? x : (float)(int)x;
}

static void
make_texts(KindRun *r)
{
	const TwModel *m = r->m;
	size_t tokens = (size_t)r->n * (size_t)r->texts;
	unsigned random = 1;

	r->width = m->ninput ? m->ninput : m->nfield;
	r->row = zeroed(tokens * (size_t)m->nfield, sizeof *r->row);
	r->number = zeroed(tokens * (size_t)m->ninput, sizeof *r->number);
	r->text = zeroed((size_t)r->texts, sizeof *r->text);
	for (size_t i = 0; i < tokens; i++) {
		for (int f = 0; f < m->ninput; f++) {
			random = random * 1664525u + 1013904223u;
			r->number[i * (size_t)m->ninput + (size_t)f] = random_number(&m->input[f],
			                                                             random >> 8);
		}
		for (int f = 0; f < m->nfield && !m->ninput; f++) {
			unsigned rows = (unsigned)(m->first[f + 1] - m->first[f]);
			rows = rows < r->most ? rows : r->most;
			random = random * 1664525u + 1013904223u;
			r->row[i * (size_t)m->nfield + (size_t)f] = m->first[f]
			                                            + (int)((random >> 8) % rows);
		}
	}
}

static void
feed_whole_text(KindRun *r, int text, int from, int n)
{
	size_t at = (size_t)text * (size_t)r->n + (size_t)from;
	bool ok = r->m->ninput ? tw_feed_number_rows(r->s, r->number + at * (size_t)r->width, n)
	                       : tw_feed_tokens(r->s, r->row + at * (size_t)r->width, n);

	if (!ok)
		stop_kinds(tw_refusal(r->s));
}

static void
ask_labels(KindRun *r, int from)
{
	for (int l = 0; l < r->m->nlabel; l++)
		for (int i = from; i < r->n; i++)
			r->sink += (double)tw_label(r->s, l, i)[0];
}

static void
decode_texts(KindRun *r)
{
	for (int t = 0; t < r->texts; t++) {
		tw_reset(r->s);
		for (int i = 0; i < r->n; i++) {
			feed_whole_text(r, t, i, 1);
			if (r->m->emits)
				r->sink += tw_next(r->s);
		}
		ask_labels(r, 0);
	}
}

static void
run_whole_texts(KindRun *r)
{
	for (int t = 0; t < r->texts; t++) {
		tw_reset(r->s);
		feed_whole_text(r, t, 0, r->n);
		if (r->m->emits)
			r->sink += tw_next(r->s);
		ask_labels(r, 0);
	}
}

static void
run_batch(KindRun *r)
{
	size_t size = (size_t)r->n * (size_t)r->m->nfield;
	static int answer[1 << 12];

	for (int t = 0; t < r->texts; t++)
		r->text[t] = (TwText){ r->row + (size_t)t * size, r->n, answer, 0 };
	if (!tw_batch_answer(r->batch, r->text, r->texts, 1))
		stop_kinds(NULL);
}

static double
fastest_pass(KindRun *r, void (*pass)(KindRun *))
{
	double best = 1e18, start = cpu_ns();

	for (int i = 0; i < 3 || cpu_ns() - start < 3e8; i++) {
		double from = cpu_ns();
		pass(r);
		double took = cpu_ns() - from;
		best = took < best ? took : best;
	}
	return best / r->n / r->texts;
}

static void
write_array(FILE *f, const float *x, size_t n)
{
	if (fwrite(x, sizeof *x, n, f) != n)
		stop_kinds("cannot write");
}

static void
write_npy_inputs(const KindRun *r, const char *path)
{
	FILE *f = fopen(path, "wb");
	size_t n = (size_t)r->n * (size_t)r->texts * (size_t)r->width;

	if (!f)
		stop_kinds("cannot write");
	for (size_t i = 0; i < n; i++) {
		float x = r->m->ninput ? r->number[i] : (float)r->row[i];
		write_array(f, &x, 1);
	}
	fclose(f);
}

static void
keep_said(KindRun *r, const char *path)
{
	FILE *f = fopen(path, "wb");

	if (!f)
		stop_kinds("cannot write");
	for (int t = 0; t < r->texts; t++) {
		tw_reset(r->s);
		feed_whole_text(r, t, 0, r->n);
		for (int k = 0; r->m->emits && k < r->m->nfield; k++) {
			float x = (float)tw_next_token(r->s)[k];
			write_array(f, &x, 1);
		}
		for (int l = 0; l < r->m->nlabel; l++)
			for (int i = 0; i < r->n; i++)
				write_array(f, tw_label(r->s, l, i),
				            (size_t)r->m->label[l].columns);
	}
	fclose(f);
}

int
main(int argc, char **argv)
{
	char *error = NULL;

	if (argc != 6 && argc != 7)
		stop_kinds("usage: kinds MODEL LENGTH TEXTS FED SAID [ROWS]");
	KindRun r = { .m = tw_load(argv[1], &error) };
	r.n = atoi(argv[2]);
	r.texts = atoi(argv[3]);
	r.most = argc > 6 ? (unsigned)atoi(argv[6]) : 1u << 30;
	if (!r.m || !(r.s = tw_open(r.m, 0, &error)))
		stop_kinds(error);
	if (r.m->emits && r.n < r.m->context && !(r.batch = tw_batch_open(r.m, 0, &error)))
		stop_kinds(error);
	make_texts(&r);
	double decoding = r.m->bidirectional ? 0 : fastest_pass(&r, decode_texts),
	       whole = fastest_pass(&r, run_whole_texts),
	       batch = r.batch ? fastest_pass(&r, run_batch) : 0;
	printf("%.0f %.0f %.0f\n", decoding, whole, batch);
	write_npy_inputs(&r, argv[4]);
	keep_said(&r, argv[5]);
	tw_batch_close(r.batch);
	tw_close(r.s);
	tw_free(r.m);
	free(r.row);
	free(r.number);
	free(r.text);
	return r.sink != r.sink;
}
