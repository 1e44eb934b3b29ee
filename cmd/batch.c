#define _GNU_SOURCE /* getline */

#include "cmd/batch.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { CHUNK = 1024 };

typedef struct WorkerPool {
	const LineInput *in;
	const Answerer *by;
	pthread_mutex_t lock, reading;
	pthread_cond_t turn;
	long taken, printed; /* chunks */
	long line, done;     /* lines read, and answered */
	bool ended;          /* under `reading` */
	bool stopped;        /* something was refused; read and set as an atomic */
	int status;
	struct timespec shown;
} WorkerPool;

typedef struct LineChunk {
	long number, first; /* of its first line */
	int n, bad, status;
	char *line[CHUNK];
	size_t cap[CHUNK];
	char *error;
} LineChunk;

/* ---- a progress bar, on a terminal */

static double
since(const struct timespec *t)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - t->tv_sec) + (double)(now.tv_nsec - t->tv_nsec) / 1e9;
}

static void
show_progress(WorkerPool *p, bool last)
{
	static const char full[] = "##############################";

	if (!isatty(2) || isatty(1) || (!last && since(&p->shown) < 0.1))
		return;
	clock_gettime(CLOCK_MONOTONIC, &p->shown);
	if (last)
		fprintf(stderr, "\r%60s\r", "");
	else if (p->in->lines)
		fprintf(stderr, "\r[%-30.*s] %3ld %%", (int)(30 * p->done / p->in->lines), full,
		        100 * p->done / p->in->lines);
	else
		fprintf(stderr, "\r%ld prompts", p->done);
	fflush(stderr);
}

/* ---- one worker */

/* False at the end of the input. A line with a zero byte ends the chunk. */
static bool
take_line(WorkerPool *p, LineChunk *c)
{
	char **line = &c->line[c->n];
	ssize_t n = getline(line, &c->cap[c->n], p->in->file);

	if (n < 0)
		return false;
	if (n && (*line)[n - 1] == '\n')
		(*line)[--n] = '\0';
	if (n && (*line)[n - 1] == '\r')
		(*line)[--n] = '\0';
	if (strlen(*line) != (size_t)n) {
		c->error = strdup("the prompt holds a zero byte");
		c->bad = c->n;
		return false;
	}
	c->n++;
	return true;
}

static bool
take_chunk(WorkerPool *p, LineChunk *c)
{
	pthread_mutex_lock(&p->reading);
	c->n = 0;
	c->status = 2;
	c->first = p->line + 1;
	c->number = p->taken;
	p->ended = p->ended || __atomic_load_n(&p->stopped, __ATOMIC_RELAXED);
	while (!p->ended && c->n < CHUNK)
		p->ended = !take_line(p, c);
	p->line += c->n;
	if (c->n || c->error)
		p->taken++;
	if (ferror(p->in->file) && !c->error) {
		c->error = strdup(strerror(errno));
		c->bad = c->n;
	}
	pthread_mutex_unlock(&p->reading);
	return c->n || c->error;
}

/* Prints the answers of a chunk when all chunks before it are printed; then, if one of its
 * prompts was refused, why. */
static void
print_chunk(WorkerPool *p, LineChunk *c, const char *text, size_t size)
{
	pthread_mutex_lock(&p->lock);
	while (p->printed != c->number)
		pthread_cond_wait(&p->turn, &p->lock);
	if (!p->status) {
		fwrite(text, 1, size, stdout);
		p->done += c->n;
		if (ferror(stdout))
			p->status = 2;
	}
	if (!p->status && c->error) {
		fflush(stdout);
		fprintf(stderr, "twrun: %s, line %ld: %s\n", p->in->name, c->first + c->bad,
		        c->error);
		p->status = c->status;
	}
	if (p->status)
		__atomic_store_n(&p->stopped, true, __ATOMIC_RELAXED);
	show_progress(p, false);
	p->printed++;
	pthread_cond_broadcast(&p->turn);
	pthread_mutex_unlock(&p->lock);
}

static void
answer_chunk(WorkerPool *p, void *worker, LineChunk *c)
{
	char *text = NULL, *error = NULL;
	size_t size = 0;
	int bad = 0;
	FILE *out = open_memstream(&text, &size);
	int status = out ? p->by->answer(worker, c->line, c->n, out, &bad, &error) : 2;

	if (status) {
		free(c->error);
		c->error = error ? error : strdup("out of memory");
		c->bad = bad;
		c->status = status;
	}
	if (out)
		fclose(out);
	print_chunk(p, c, text, text ? size : 0);
	free(text);
	free(c->error);
	c->error = NULL;
}

static void *
work(void *arg)
{
	WorkerPool *p = arg;
	char *error = NULL;
	void *worker = p->by->open(p->by->arg, &error);
	LineChunk *c = worker ? calloc(1, sizeof *c) : NULL;

	if (!c) {
		pthread_mutex_lock(&p->lock);
		if (!p->status)
			fprintf(stderr, "twrun: %s\n", error ? error : "out of memory");
		p->status = 2;
		pthread_mutex_unlock(&p->lock);
	}
	while (c && take_chunk(p, c))
		answer_chunk(p, worker, c);
	for (int i = 0; c && i < CHUNK; i++)
		free(c->line[i]);
	free(c);
	free(error);
	pthread_mutex_lock(&p->lock);
	if (worker)
		p->by->close(worker);
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

int
answer_lines(const LineInput *in, const Answerer *by, int threads)
{
	WorkerPool p = { .in = in, .by = by };
	pthread_t *thread = calloc((size_t)threads, sizeof *thread);
	int n = 1;

	pthread_mutex_init(&p.lock, NULL);
	pthread_mutex_init(&p.reading, NULL);
	pthread_cond_init(&p.turn, NULL);
	for (; thread && n < threads; n++)
		if (pthread_create(&thread[n], NULL, work, &p))
			break;
	work(&p);
	for (int i = 1; thread && i < n; i++)
		pthread_join(thread[i], NULL);
	show_progress(&p, true);
	free(thread);
	return p.status;
}
