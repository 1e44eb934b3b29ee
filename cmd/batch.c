#include "cmd/batch.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
	CHUNK = 1024,          /* lines, */
	CHUNK_BYTES = 1 << 24, /* and how long they are together, or one of them, at most */
	READ_AT_ONCE = 1 << 16,
	MOST_WAITING = 4, /* answered chunks for each worker, that others must come before */
};

/* What was read and not taken is buffer[begin .. end - 1]. */
typedef struct LineReader {
	int fd;
	char *buffer;
	size_t begin, end, cap;
	bool ended; /* the input */
	bool skip;  /* the rest of a line that is too long */
	int error;  /* errno of a read that failed */
} LineReader;

typedef struct LineChunk {
	long number, first; /* of its first line */
	int n, bad, status;
	bool waits; /* nothing more was there when it was taken */
	char *line[CHUNK];
	char *why[CHUNK]; /* NULL, or why the line is refused */
	char *error;
	char *text; /* the answers, so many bytes */
	size_t size;
	struct LineChunk *next;
} LineChunk;

typedef struct WorkerPool {
	const LineInput *in;
	const Answerer *by;
	pthread_mutex_t lock, reading;
	pthread_cond_t turn;
	LineReader reader;   /* under `reading` */
	long taken, printed; /* chunks */
	LineChunk *answered; /* by number: those that are not printed yet, */
	int waiting, most_waiting;
	long line, done; /* lines read, and answered */
	bool ended;      /* under `reading` */
	bool stopped;    /* something was refused; read and set as an atomic */
	int status;
	bool refused; /* some line was */
	struct timespec shown;
} WorkerPool;

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

static bool
more_is_there(const LineReader *r)
{
	struct pollfd p = { .fd = r->fd, .events = POLLIN };

	return r->ended || poll(&p, 1, 0) != 0;
}

/* False if memory ran out. */
static bool
read_more(LineReader *r)
{
	if (r->begin) {
		memmove(r->buffer, r->buffer + r->begin, r->end - r->begin);
		r->end -= r->begin;
		r->begin = 0;
	}
	if (r->cap - r->end < READ_AT_ONCE + 1) {
		size_t cap = 2 * r->cap + 2 * READ_AT_ONCE;
		char *larger = realloc(r->buffer, cap);
		if (!larger)
			return false;
		r->buffer = larger;
		r->cap = cap;
	}
	ssize_t n = read(r->fd, r->buffer + r->end, READ_AT_ONCE);
	if (n < 0 && errno == EINTR)
		return true;
	r->error = n < 0 ? errno : 0;
	r->ended = n <= 0;
	r->end += n > 0 ? (size_t)n : 0;
	return true;
}

/* The newline that ends the next line, the end of the input, or NULL where it is not read yet. */
static char *
end_of_line(LineReader *r, size_t *searched)
{
	char *from = r->buffer + r->begin + *searched;
	char *newline = r->end > r->begin + *searched
	                        ? memchr(from, '\n', r->end - r->begin - *searched)
	                        : NULL;

	*searched = r->end - r->begin;
	if (newline)
		return newline;
	return r->ended && *searched ? r->buffer + r->end : NULL;
}

/* Takes the line that ends there into the chunk. False if memory ran out. */
static bool
take_line(LineReader *r, LineChunk *c, char *end)
{
	char *line = r->buffer + r->begin;
	size_t n = (size_t)(end - line);
	const char *why = r->skip ? "the line is longer than 16 MB" : NULL;

	if (n && line[n - 1] == '\r')
		n--;
	if (!why && memchr(line, '\0', n))
		why = "the prompt holds a zero byte";
	c->line[c->n] = why ? strdup("") : strndup(line, n);
	c->why[c->n] = why ? strdup(why) : NULL;
	r->begin = (size_t)(end - r->buffer) + (end < r->buffer + r->end);
	r->skip = false;
	if (!c->line[c->n] || (why && !c->why[c->n]))
		return false;
	c->n++;
	return true;
}

/* Lines until there are enough, or no more to be had without waiting. False if memory ran out. */
static bool
take_lines(LineReader *r, LineChunk *c)
{
	size_t searched = 0, bytes = 0;

	while (c->n < CHUNK && bytes < CHUNK_BYTES) {
		char *end = end_of_line(r, &searched);
		if (end) {
			bytes += (size_t)(end - r->buffer) - r->begin;
			searched = 0;
			if (!take_line(r, c, end))
				return false;
			continue;
		}
		if (r->ended)
			return true;
		if (searched > CHUNK_BYTES) {
			r->skip = true;
			r->begin = r->end;
			searched = 0;
		}
		c->waits = c->n && !more_is_there(r);
		if (c->waits)
			return true;
		if (!read_more(r))
			return false;
	}
	return true;
}

static bool
take_chunk(WorkerPool *p, LineChunk *c)
{
	LineReader *r = &p->reader;

	pthread_mutex_lock(&p->reading);
	c->n = 0;
	c->status = 2;
	c->waits = false;
	c->first = p->line + 1;
	c->number = p->taken;
	bool stopped = __atomic_load_n(&p->stopped, __ATOMIC_RELAXED);
	if (!stopped && !take_lines(r, c))
		c->error = strdup("out of memory");
	else if (!stopped && r->ended && r->error && !c->n) {
		c->error = strdup(strerror(r->error));
		r->error = 0;
	}
	c->bad = c->n;
	p->line += c->n;
	if (c->n || c->error)
		p->taken++;
	pthread_mutex_unlock(&p->reading);
	return c->n || c->error;
}

/* The lines that were refused, in order. */
static void
print_refusals(WorkerPool *p, const LineChunk *c)
{
	for (int i = 0; i < c->n; i++) {
		if (!c->why[i])
			continue;
		fflush(stdout);
		fprintf(stderr, "twrun: %s, line %ld: %s\n", p->in->name, c->first + i, c->why[i]);
		p->refused = true;
	}
}

static int
write_failed(void)
{
	fprintf(stderr, "twrun: cannot write the answers: %s\n", strerror(errno));
	return 2;
}

static void
free_chunk(LineChunk *c)
{
	for (int i = 0; c && i < c->n; i++) {
		free(c->line[i]);
		free(c->why[i]);
	}
	if (c) {
		free(c->text);
		free(c->error);
	}
	free(c);
}

/* The answers of the chunk whose turn it is; then, if one of its prompts was refused, why. */
static void
print_chunk(WorkerPool *p, const LineChunk *c)
{
	if (!p->status) {
		fwrite(c->text, 1, c->size, stdout);
		print_refusals(p, c);
		p->done += c->n;
		if (c->waits)
			fflush(stdout);
		if (ferror(stdout))
			p->status = write_failed();
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
}

/* Prints an answered chunk, and those that waited for it; or it waits for its turn, and its worker
 * goes on, but for one that is too far ahead. */
static void
hand_in_chunk(WorkerPool *p, LineChunk *c)
{
	pthread_mutex_lock(&p->lock);
	while (c->number != p->printed && p->waiting >= p->most_waiting)
		pthread_cond_wait(&p->turn, &p->lock);
	LineChunk **at = &p->answered;
	while (*at && (*at)->number < c->number)
		at = &(*at)->next;
	c->next = *at;
	*at = c;
	p->waiting++;
	while (p->answered && p->answered->number == p->printed) {
		LineChunk *first = p->answered;
		p->answered = first->next;
		p->waiting--;
		print_chunk(p, first);
		free_chunk(first);
	}
	pthread_cond_broadcast(&p->turn);
	pthread_mutex_unlock(&p->lock);
}

static void
answer_chunk(WorkerPool *p, void *worker, LineChunk *c)
{
	char *error = NULL;
	int bad = 0;
	FILE *out = open_memstream(&c->text, &c->size);
	int status = out ? p->by->answer(worker, c->line, c->n, out, c->why, &bad, &error) : 2;

	if (status) {
		free(c->error);
		c->error = error ? error : strdup("out of memory");
		c->bad = bad;
		c->status = status;
	}
	if (out)
		fclose(out);
	c->size = c->text ? c->size : 0;
	hand_in_chunk(p, c);
}

static void *
work(void *arg)
{
	WorkerPool *p = arg;
	char *error = NULL;
	void *worker = p->by->open(p->by->arg, &error);
	LineChunk *c = NULL;

	while (worker && (c = calloc(1, sizeof *c)) && take_chunk(p, c))
		answer_chunk(p, worker, c);
	if (!c) {
		pthread_mutex_lock(&p->lock);
		if (!p->status)
			fprintf(stderr, "twrun: %s\n", error ? error : "out of memory");
		p->status = 2;
		__atomic_store_n(&p->stopped, true, __ATOMIC_RELAXED);
		pthread_mutex_unlock(&p->lock);
	}
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
	WorkerPool p = { .in = in,
		         .by = by,
		         .reader = { .fd = in->fd },
		         .most_waiting = MOST_WAITING * threads };
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
	free(p.reader.buffer);
	return p.status ? p.status : p.refused;
}
