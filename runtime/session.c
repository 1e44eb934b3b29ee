/* One text: what is fed, what follows. Place 0 is <bos>, token i of the text is
 * place i + 1. A causal model goes through the code (decode_step.c), a token when it is
 * fed, and nothing of it stays but what a later token may read. */

#include "runtime/specialize.h"
#include "runtime/load.h"
#include "runtime/dense.h"
#include "runtime/tw.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct TwSession {
	const TwModel *m;
	const TwSpecialized *c;
	TwSpecialized *own; /* c, if the model was not loaded */
	unsigned flags;
	int places;      /* context + 1 */
	int used;        /* places filled, <bos> among them */
	int *next;       /* (nfield) what comes next, [0] -1 where that was not asked */
	bool on_softmax; /* this text is in `softmax` */
	int *row;        /* (places, nfield) */
	TwActivations w;
	float *start;   /* (c->initial) the state that <bos> left, */
	float *start_x; /* (d_model) and its stream */
	float *base;    /* (c->logit.n) */
	float *logits;  /* (nvocab + 2) */
	float *label;   /* (places, c->label.n) */
	float *memory;  /* all of these */
	size_t bytes;
	/* TW_CHECK, TW_SOFTMAX, bidirectional models; else NULL until it is needed */
	TwDense *softmax;
	char *differs; /* TW_CHECK: where */
	TwStats stats;
	TwPhaseClock clock;
};

/* ---- memory: laid out twice, first to measure */

static const double largest_session = 1e9; /* floats */

static float *
take_room(float *memory, double *used, double count)
{
	size_t at = (size_t)*used;

	*used += count;
	return memory ? memory + at : NULL;
}

static double
lay_out_session(TwSession *s, float *memory)
{
	const TwModel *m = s->m;
	const TwSpecialized *c = s->c;
	double used = 0, places = s->places, d = m->d_model, rows = m->nvocab + 2;

	s->w.x = take_room(memory, &used, d);
	s->start_x = take_room(memory, &used, d);
	s->w.qkv = take_room(memory, &used, c->qkv);
	s->w.u = take_room(memory, &used, c->linear);
	s->w.state = take_room(memory, &used, c->state);
	s->start = take_room(memory, &used, (double)c->initial);
	s->w.score = take_room(memory, &used, c->any ? places : 0);
	s->base = take_room(memory, &used, c->logit.n);
	s->logits = take_room(memory, &used, m->emits ? rows : 0);
	s->label = take_room(memory, &used, places * c->label.n);
	s->w.trace = take_room(memory, &used,
	                       s->flags & TW_TRACE ? (2.0 * m->nlayer + 1) * places * d : 0);
	if (!(s->flags & TW_TRACE))
		s->w.trace = NULL;
	return used;
}

static bool
session_allocate(TwSession *s, char **error)
{
	double n = lay_out_session(s, NULL);

	if (!(n < largest_session))
		return tw_refuse(error, "the model needs too much memory to run");
	s->memory = calloc((size_t)n + 1, sizeof *s->memory);
	if (!s->memory)
		return tw_refuse(error, "out of memory");
	s->bytes += (size_t)n * sizeof *s->memory;
	lay_out_session(s, s->memory);
	return true;
}

static bool
open_softmax(TwSession *s, char **error)
{
	s->softmax = tw_dense_open(s->m, s->flags & TW_TRACE, s->flags & TW_DENSE, error);
	return s->softmax;
}

/* ---- one text */

static void
compute_labels(TwSession *s, int place)
{
	const TwAffine *f = &s->c->label;

	for (int i = 0; i < f->n; i++) {
		float sum = f->bias[i];
		for (int t = f->start[i]; t < f->start[i + 1]; t++)
			sum += f->term[t].w * s->w.x[f->term[t].at];
		s->label[(size_t)place * (size_t)f->n + (size_t)i] = sum;
	}
}

static void
feed_bos(TwSession *s)
{
	tw_step(s->c, &s->w, s->row, 0);
	compute_labels(s, 0);
	memcpy(s->start, s->w.state, s->c->initial * sizeof *s->start);
	memcpy(s->start_x, s->w.x, (size_t)s->m->d_model * sizeof *s->start_x);
}

TwSession *
tw_open(const TwModel *m, unsigned flags, char **error)
{
	TwSession *s = calloc(1, sizeof *s);
	bool always = m->bidirectional || m->ninput || flags & (TW_SOFTMAX | TW_DENSE);

	TwSpecialized *own = s && !m->specialized && !m->ninput ? tw_specialize(m, error) : NULL;
	if (!s || !(m->specialized || own || m->ninput)) {
		tw_refuse(error, "out of memory");
		free(s);
		return NULL;
	}
	*s = (TwSession){ .m = m,
		          .c = own ? own : m->specialized,
		          .own = own,
		          .flags = flags,
		          .places = m->context + 1 };
	size_t n = (size_t)(s->places + 1) * (size_t)m->nfield;
	s->row = calloc(n, sizeof *s->row);
	s->bytes = sizeof *s + n * sizeof *s->row;
	if (!s->row || !(always || session_allocate(s, error))
	    || ((always || flags & TW_CHECK) && !open_softmax(s, error))) {
		tw_refuse(error, "out of memory");
		tw_close(s);
		return NULL;
	}
	s->w.clock = &s->clock;
	s->next = s->row + s->places * m->nfield;
	for (int f = 0; f < m->nfield; f++)
		s->row[f] = tw_bos(m);
	if (always)
		s->flags |= TW_SOFTMAX;
	else
		feed_bos(s);
	s->clock.on = flags & TW_TIMED;
	tw_reset(s);
	return s;
}

void
tw_close(TwSession *s)
{
	if (!s)
		return;
	tw_dense_close(s->softmax);
	tw_specialized_free(s->own);
	free(s->differs);
	free(s->row);
	free(s->memory);
	free(s);
}

void
tw_reset(TwSession *s)
{
	s->used = 1;
	*s->next = -1;
	s->on_softmax = s->flags & TW_SOFTMAX;
	if (s->softmax)
		tw_dense_reset(s->softmax);
	if (s->on_softmax)
		return;
	memcpy(s->w.state, s->start, s->c->initial * sizeof *s->start);
	memcpy(s->w.x, s->start_x, (size_t)s->m->d_model * sizeof *s->start_x);
}

/* A claim does not hold for this text: all of it again, with the softmax. */
static bool
fall_back(TwSession *s)
{
	char *error = NULL;
	bool had = s->softmax;

	if (!had && !open_softmax(s, &error)) {
		free(error);
		return false;
	}
	s->stats.fallbacks++;
	for (int i = had && s->flags & TW_CHECK ? s->used : (tw_dense_reset(s->softmax), 1);
	     i < s->used; i++)
		tw_dense_feed(s->softmax, s->row + i * s->m->nfield);
	s->on_softmax = true;
	return true;
}

/* Integers are equal or wrong; reals may be rounded otherwise. */
static bool
same_number(const TwSpecialized *c, float a, float b)
{
	if (a == rintf(a) && b == rintf(b))
		return a == b;
	return fabsf(a - b) <= c->rounding + 1e-5f * fabsf(a);
}

static void
check_stream(TwSession *s)
{
	const float *x = tw_dense_stream(s->softmax, s->used - 1);

	for (int i = 0; i < s->m->d_model && !s->differs; i++)
		if (!same_number(s->c, x[i], s->w.x[i]))
			tw_refuse(&s->differs,
			          "at token %d, column %d: softmax over everything gives %.9g, the "
			          "look-ups %.9g",
			          s->used - 1, i, (double)x[i], (double)s->w.x[i]);
}

static bool
is_token(const TwModel *m, const int *row)
{
	for (int f = 0; f < m->nfield; f++)
		if (row[f] < m->first[f] || row[f] >= m->first[f + 1])
			return false;
	return true;
}

bool
tw_feed_token(TwSession *s, const int *row)
{
	if (s->used == s->places || !is_token(s->m, row))
		return false;
	int *at = memcpy(s->row + s->used++ * s->m->nfield, row,
	                 (size_t)s->m->nfield * sizeof *row);
	*s->next = -1; /* row may have been s->next */
	s->stats.tokens++;
	if (s->softmax && (s->on_softmax || s->flags & TW_CHECK))
		tw_dense_feed(s->softmax, at);
	if (s->on_softmax)
		return true;
	if (!tw_step(s->c, &s->w, at, s->used - 1))
		return fall_back(s);
	compute_labels(s, s->used - 1);
	if (s->flags & TW_CHECK)
		check_stream(s);
	return true;
}

static bool
takes_number(const TwInput *in, float x)
{
	return x >= in->low && x <= in->high && (in->kind == TW_REAL || x == rintf(x));
}

bool
tw_feed_numbers(TwSession *s, const float *number)
{
	if (!s->m->ninput || s->used == s->places)
		return false;
	for (int i = 0; i < s->m->ninput; i++)
		if (!takes_number(&s->m->input[i], number[i]))
			return false;
	s->used++;
	s->stats.tokens++;
	tw_dense_feed_numbers(s->softmax, number);
	return true;
}

bool
tw_feed(TwSession *s, int row)
{
	return s->m->nfield == 1 && tw_feed_token(s, &row);
}

/* ---- asking */

int
tw_count(const TwSession *s)
{
	return s->used - 1;
}

int
tw_row(const TwSession *s, int i)
{
	return *tw_token(s, i);
}

const int *
tw_token(const TwSession *s, int i)
{
	return s->row + (i + 1) * s->m->nfield;
}

static void
logit_bases(TwSession *s)
{
	const TwAffine *f = &s->c->logit;

	for (int i = 0; i < f->n; i++) {
		s->base[i] = 0;
		for (int t = f->start[i]; t < f->start[i + 1]; t++)
			s->base[i] += f->term[t].w * s->w.x[f->term[t].at];
	}
}

static float
logit(const TwSession *s, int r)
{
	int part = s->c->logit_part[r];

	return part < 0 ? s->m->head_b[r] : s->c->logit_scale[r] * s->base[part] + s->m->head_b[r];
}

const float *
tw_logits(TwSession *s)
{
	if (!s->m->emits)
		return NULL;
	if (s->on_softmax)
		return tw_dense_logits(s->softmax);
	logit_bases(s);
	for (int r = 0; r < s->m->nvocab + 2; r++)
		s->logits[r] = logit(s, r);
	return s->logits;
}

static int
argmax_between(const float *x, int from, int to)
{
	int best = from;

	for (int i = from + 1; i < to; i++)
		if (x[i] > x[best])
			best = i;
	return best;
}

const int *
tw_next_token(TwSession *s)
{
	const TwModel *m = s->m;

	if (!m->emits)
		*s->next = tw_end(m);
	if (*s->next >= 0)
		return s->next;
	tw_phase_begin(&s->clock);
	const float *x = tw_logits(s);
	for (int f = 0; f < m->nfield; f++)
		s->next[f] = argmax_between(x, m->first[f], m->first[f + 1]);
	if (x[tw_end(m)] > x[*s->next])
		*s->next = tw_end(m);
	tw_phase_end(&s->clock, TW_OUTPUT);
	return s->next;
}

int
tw_next(TwSession *s)
{
	return *tw_next_token(s);
}

bool
tw_done(TwSession *s)
{
	return s->used == s->places || !s->m->emits || tw_next(s) >= s->m->nvocab;
}

const float *
tw_label(TwSession *s, int label, int i)
{
	if (s->on_softmax)
		return tw_dense_label(s->softmax, label, i);
	return s->label + (size_t)(i + 1) * (size_t)s->c->label.n + s->c->label_at[label];
}

float
tw_value(TwSession *s, const TwNamed *v, int i)
{
	size_t d = (size_t)s->m->d_model, place = (size_t)(i + 1);
	const float *x = s->on_softmax
	                         ? tw_dense_state(s->softmax, v->state, i + 1)
	                         : s->w.trace + ((size_t)v->state * (size_t)s->places + place) * d;
	float sum = v->bias;

	for (int c = 0; c < v->ncolumn; c++)
		sum += v->weight[c] * x[v->column[c]];
	return sum;
}

const char *
tw_difference(const TwSession *s)
{
	return s->differs;
}

TwStats
tw_stats(const TwSession *s)
{
	TwStats stats = s->stats;

	stats.bytes = s->bytes + (s->softmax ? tw_dense_bytes(s->softmax) : 0);
	tw_phase_shares(&s->clock, stats.share);
	return stats;
}
