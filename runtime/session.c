/* One text: what is fed, and what comes next. Place 0 is <bos>, token i of the text is
 * place i + 1.
 *
 * Each token of a causal model goes through the fast path when it is fed (decode_step.c),
 * and leaves nothing but the state that later tokens may read. A text that breaks a claim
 * on the way goes through the fallback instead (dense.c), from its first token on. A
 * bidirectional model has nothing to say before the text is whole: it is run when it is asked. */

#include "runtime/delta.h"
#include "runtime/load.h"
#include "runtime/dense.h"
#include "runtime/circuit.h"
#include "runtime/gradient.h"
#include "runtime/tw.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
	MOST_BLOCKS = 4, /* of sixteen places of a prompt at once */
	LEAST_AT_ONCE = 4,
};

struct TwSession {
	const TwModel *m;
	const TwSpecialized *c;
	TwSpecialized *own; /* c, if the model was not loaded */
	unsigned flags;
	int places;    /* context + 1 */
	int used;      /* places filled, <bos> among them */
	int skipped;   /* places left out before the next one */
	int *at;       /* (places) the numbers of those that are filled */
	int *next;     /* (nfield) what comes next, [0] -1 where that was not asked */
	int *row;      /* (places, nfield) */
	float *number; /* (places, ninput) of them where these are fed */
	bool stale;    /* bidirectional: tokens were fed that were not run yet */
	TwActivations w;
	TwBlocks b;
	TwDelta delta; /* where by_delta: a token from what is different in it */
	bool by_delta;
	float *start;        /* (c->initial) the state that <bos> left, */
	float *start_x;      /* (d_model) and its stream */
	float *base;         /* (c->logit.n) */
	float *logits;       /* (nvocab + 2) */
	float *label;        /* (places, c->label.n) */
	void *memory;        /* all of these, */
	size_t reserved;     /* and how large that is */
	bool on_softmax;     /* this text is computed by the fallback, */
	TwDense *dense;      /* which TW_CHECK, TW_SOFTMAX and bidirectional models have from the
	                      * start; else NULL until it is needed */
	TwCircuit *circuit;  /* TW_TRACE, of a model that has one; else NULL */
	bool stuck;          /* a claim broke, and there was no memory for the fallback */
	const char *refusal; /* why the last token was not taken */
	char differs[160];   /* TW_CHECK: where; "" if nowhere */
	TwStats stats;
	TwPhaseClock clock;
};

/* ---- memory */

/* Of places that go through the model side by side: all, or as many of a prompt as are worth it. */
static uint64_t
blocks_of(const TwSession *s)
{
	uint64_t all = ((uint64_t)s->places + TW_LANES - 1) / TW_LANES;

	return s->m->bidirectional || all < MOST_BLOCKS ? all : MOST_BLOCKS;
}

/* Room for vectors of sixteen floats, at addresses that they divide. */
static float *
lay_out_vectors(TwLayout *to, uint64_t count)
{
	return tw_layout_lines(to, count * TW_LANES);
}

static int
most_scores(const TwSession *s)
{
	return s->places < TW_MOST_SCORES ? s->places : TW_MOST_SCORES;
}

static void
lay_out_blocks(TwSession *s, TwLayout *to, uint64_t block)
{
	const TwSpecialized *c = s->c;

	s->b.x = lay_out_vectors(to, block * (uint64_t)s->m->d_model);
	s->b.qkv = lay_out_vectors(to, block * (uint64_t)c->qkv);
	s->b.u = lay_out_vectors(to, (uint64_t)c->linear);
	s->b.label = lay_out_vectors(to, (uint64_t)c->label.n);
	s->b.neuron = lay_out_vectors(to, (uint64_t)c->neuron);
	s->b.score = lay_out_vectors(to, (uint64_t)most_scores(s));
	s->b.read = lay_out_vectors(to, (uint64_t)c->qkv);
}

/* Of a session that only has the fallback: the rows alone. */
static void
lay_out_session(TwSession *s, TwLayout *to)
{
	const TwModel *m = s->m;
	const TwSpecialized *c = s->c;
	uint64_t places = (uint64_t)s->places, d = (uint64_t)m->d_model, states;

	uint64_t block = blocks_of(s);

	s->row = tw_layout_take(to, (places + 1) * (uint64_t)m->nfield + TW_LANES, sizeof *s->row);
	s->at = tw_layout_take(to, places, sizeof *s->at);
	s->number = tw_layout_floats(to, places * (uint64_t)m->ninput);
	if (s->flags & TW_SOFTMAX)
		return;
	states = s->flags & TW_TRACE ? 2 * (uint64_t)m->nlayer + 1 : 0;
	s->w.x = tw_layout_floats(to, d);
	s->start_x = tw_layout_floats(to, d);
	s->w.qkv = tw_layout_floats(to, (uint64_t)c->qkv);
	s->w.u = tw_layout_floats(to, (uint64_t)(c->linear > c->qkv ? c->linear : c->qkv));
	s->w.neuron = tw_layout_floats(to, (uint64_t)c->neuron + d);
	s->w.repeated = tw_layout_floats(to, (uint64_t)c->repeated);
	s->w.state = lay_out_vectors(to, (c->state + TW_LANES - 1) / TW_LANES);
	s->start = tw_layout_floats(to, c->initial);
	s->w.score = tw_layout_floats(to, c->any ? places + TW_LANES : 0);
	s->base = tw_layout_floats(to, (uint64_t)c->logit.n);
	s->logits = tw_layout_floats(to, m->emits ? (uint64_t)m->nvocab + 2 : 0);
	s->label = tw_layout_floats(to, places * (uint64_t)c->label.n);
	lay_out_blocks(s, to, block);
	s->w.trace = states ? tw_layout_floats(to, states * places * d) : NULL;
	if (s->by_delta)
		tw_lay_out_delta(&s->delta, to);
}

static bool
session_allocate(TwSession *s, char **error)
{
	TwLayout to = { 0 };

	lay_out_session(s, &to);
	if (to.too_large)
		return tw_refuse(error, "the model needs too much memory to run");
	s->reserved = to.used;
	s->memory = tw_reserve(to.used);
	if (!s->memory)
		return tw_refuse(error, "out of memory");
	to = (TwLayout){ .memory = s->memory };
	lay_out_session(s, &to);
	s->next = s->row + (size_t)s->places * (size_t)s->m->nfield;
	for (int f = 0; f < s->m->nfield; f++)
		s->row[f] = tw_bos(s->m);
	return true;
}

static bool
open_dense(TwSession *s, char **error)
{
	s->dense = tw_dense_open(s->m, s->flags & TW_TRACE, s->flags & TW_DENSE, error);
	return s->dense;
}

/* ---- one text */

static void
compute_labels(TwSession *s, int place)
{
	const TwAffine *f = &s->c->label;

	tw_apply(f, f->bias, &s->w, s->w.x, s->label + (size_t)place * (size_t)f->n);
}

static void
compute_bos(TwSession *s)
{
	if (s->m->bidirectional)
		return;
	tw_step(s->c, &s->w, (TwFed){ .row = s->row }, 0);
	compute_labels(s, 0);
	memcpy(s->start, s->w.state, (size_t)s->c->initial * sizeof *s->start);
	memcpy(s->start_x, s->w.x, (size_t)s->m->d_model * sizeof *s->start_x);
}

/* A session that keeps no streams may go by what is different. */
static void
choose_delta(TwSession *s)
{
	s->by_delta = s->c && s->c->delta && !(s->flags & (TW_SOFTMAX | TW_TRACE));
	if (s->by_delta)
		s->delta = (TwDelta){ .plan = s->c->delta, .anew = s->flags & TW_ANEW };
}

static void
connect_delta(TwSession *s)
{
	float *state = s->delta.w.state;

	s->delta.w = s->w;
	s->delta.w.state = state;
	s->delta.kernel = tw_delta_kernels(s->flags);
	s->delta.text_row = s->row;
	s->delta.text_at = s->at;
}

/* The fast path; and the fallback, where it is always used or to be compared with. */
static bool
open_paths(TwSession *s, char **error)
{
	const TwModel *m = s->m;

	if (s->flags & TW_DENSE)
		s->flags |= TW_SOFTMAX;
	if (!(s->flags & TW_SOFTMAX) && !m->specialized && !(s->own = tw_specialize(m, error)))
		return false;
	s->c = s->w.c = s->own ? s->own : m->specialized;
	choose_delta(s);
	if (!session_allocate(s, error))
		return false;
	if (s->by_delta)
		connect_delta(s);
	return !(s->flags & (TW_SOFTMAX | TW_CHECK) || m->bidirectional) || open_dense(s, error);
}

TwSession *
tw_open(const TwModel *m, unsigned flags, char **error)
{
	TwSession *s = calloc(1, sizeof *s);

	if (!s) {
		tw_refuse(error, "out of memory");
		return NULL;
	}
	s->m = m;
	s->flags = flags;
	s->places = m->context + 1;
	s->w.clock = &s->clock;
	s->w.kernel = tw_lane_kernels(flags);
	if (!open_paths(s, error)
	    || (flags & TW_TRACE && m->circuit && !(s->circuit = tw_circuit_open(m, error)))) {
		tw_close(s);
		return NULL;
	}
	if (!(s->flags & TW_SOFTMAX))
		compute_bos(s);
	s->clock.on = flags & TW_TIMED;
	tw_reset(s);
	return s;
}

void
tw_close(TwSession *s)
{
	if (!s)
		return;
	tw_circuit_close(s->circuit);
	tw_dense_close(s->dense);
	tw_specialized_free(s->own);
	tw_release(s->memory, s->reserved);
	free(s);
}

void
tw_reset(TwSession *s)
{
	s->used = 1;
	s->skipped = 0;
	*s->next = -1;
	s->stuck = false;
	s->refusal = NULL;
	s->on_softmax = s->flags & TW_SOFTMAX;
	s->stale = s->m->bidirectional;
	if (s->circuit)
		tw_circuit_forget(s->circuit);
	if (s->dense)
		tw_dense_reset(s->dense);
	if (s->on_softmax || s->stale)
		return;
	memcpy(s->w.state, s->start, (size_t)s->c->initial * sizeof *s->start);
	memcpy(s->w.x, s->start_x, (size_t)s->m->d_model * sizeof *s->start_x);
	if (s->by_delta)
		tw_delta_begin(&s->delta);
}

/* Is the look-up of every head certain? Where earlier layers write a column that a head has
 * the place from, the embedding does not tell, and it may have been taken for another. */
static bool
knows_all_heads(const TwSpecialized *c)
{
	for (int i = 0; i < c->m->nlayer; i++)
		for (int h = 0; h < c->layer[i].nhead; h++)
			if (c->layer[i].head[h].place_rewritten)
				return false;
	return true;
}

static void
feed_dense(TwSession *s, int place)
{
	if (s->m->ninput)
		tw_dense_feed_numbers(s->dense, s->number + (size_t)place * (size_t)s->m->ninput,
		                      s->at[place]);
	else
		tw_dense_feed(s->dense, s->row + (size_t)place * (size_t)s->m->nfield,
		              s->at[place]);
}

/* A claim does not hold for this text: all of it again, by the fallback. What the fast path
 * has made of the newest token is wrong, so without memory the text cannot go on. */
static bool
fall_back(TwSession *s)
{
	char *error = NULL;
	bool had = s->dense;

	if (!had && !open_dense(s, &error)) {
		free(error);
		s->stuck = true;
		s->used--;
		s->refusal = "out of memory";
		return false;
	}
	s->stats.fallbacks++;
	s->stats.broken += knows_all_heads(s->c);
	for (int i = had && s->flags & TW_CHECK ? s->used : (tw_dense_reset(s->dense), 1);
	     i < s->used; i++)
		feed_dense(s, i);
	s->on_softmax = true;
	return true;
}

/* Integers are equal or wrong; reals may be rounded otherwise, in two orders of summation: those
 * that decide something are never so near. */
static bool
same_number(float a, float b)
{
	const float most = 0.25f;

	if (a == rintf(a) && b == rintf(b))
		return a == b;
	return fabsf(a - b) <= most + 1e-5f * fabsf(a);
}

static void
check_stream(TwSession *s, int place)
{
	const float *x = tw_dense_stream(s->dense, place);

	for (int i = 0; i < s->m->d_model && !*s->differs; i++)
		if (!same_number(x[i], s->w.x[i]))
			snprintf(s->differs, sizeof s->differs,
			         "at token %d, column %d: softmax over everything gives %.9g, the "
			         "look-ups %.9g",
			         place, i, (double)x[i], (double)s->w.x[i]);
}

/* What both ways say of the next token. */
static void
check_delta(TwSession *s, int place)
{
	const float *base = tw_delta_bases(&s->delta);

	check_stream(s, place);
	tw_find_next(s->c, s->w.x, s->base, s->next);
	for (int i = 0; i < s->c->logit.n && !*s->differs; i++)
		if (base[i] != s->base[i])
			snprintf(s->differs, sizeof s->differs,
			         "at token %d, logits: all of it gives %.9g, what is different in "
			         "it "
			         "%.9g",
			         place, (double)s->base[i], (double)base[i]);
	if (!*s->differs
	    && memcmp(s->next, tw_delta_next(&s->delta), (size_t)s->m->nfield * sizeof *s->next)
	               != 0)
		snprintf(s->differs, sizeof s->differs, "at token %d: another next token", place);
	*s->next = -1;
}

/* The newest place by what is different in it; beside it, to be compared, all of it. */
static bool
step_by_delta(TwSession *s, TwFed fed, int place)
{
	bool ok = tw_delta_step(&s->delta, place);

	s->stats.by_differences += ok && !s->delta.anew;
	if (s->flags & TW_CHECK && tw_step(s->c, &s->w, fed, place) && ok)
		check_delta(s, place);
	return ok;
}

/* The newest place, which is fed to the model. */
static bool
run_newest(TwSession *s)
{
	int place = s->used - 1;
	TwFed fed = { s->row + (size_t)place * (size_t)s->m->nfield,
		      s->number + (size_t)place * (size_t)s->m->ninput, s->at[place] };

	*s->next = -1;
	s->refusal = NULL;
	s->stale = s->m->bidirectional;
	if (s->dense && (s->on_softmax || s->flags & TW_CHECK))
		feed_dense(s, place);
	if (!s->on_softmax && !s->stale) {
		if (s->by_delta) {
			if (!step_by_delta(s, fed, place) && !fall_back(s))
				return false;
		} else if (tw_step(s->c, &s->w, fed, place)) {
			compute_labels(s, place);
			if (s->flags & TW_CHECK)
				check_stream(s, place);
		} else if (!fall_back(s)) {
			return false;
		}
	}
	s->stats.tokens++;
	return true;
}

/* What is asked of places that were run at once: the streams of all, or of the last alone. */
static void
take_streams(TwSession *s, int from, int n, bool only_last)
{
	bool check = s->flags & TW_CHECK;

	if (!only_last)
		tw_block_labels(&s->w, &s->b, n, s->label + (size_t)from * (size_t)s->c->label.n);
	for (int i = check ? 0 : n - 1; i < n; i++) {
		tw_block_stream(s->c, &s->b, i, s->w.x);
		if (check)
			check_stream(s, from + i);
	}
}

/* Places from .. from + n - 1 at once. */
static bool
run_places(TwSession *s, int from, int n)
{
	bool only_last = !s->m->nlabel && !(s->flags & (TW_CHECK | TW_TRACE));

	if (!tw_run_text(s->c, &s->w, &s->b, s->row + from * s->m->nfield,
	                 s->number + (size_t)from * (size_t)s->m->ninput, from, n,
	                 only_last && !s->m->bidirectional))
		return false;
	take_streams(s, from, n, only_last);
	return true;
}

/* A bidirectional model over what was fed; it has its fallback from the start. */
static void
run_stale(TwSession *s)
{
	if (!s->stale || s->on_softmax)
		return;
	s->stale = false;
	if (!run_places(s, 0, s->used))
		fall_back(s);
}

/* The places from `from` on, of a causal model: all fed, and none run. */
static bool
run_many(TwSession *s, int from)
{
	int end = s->used;

	for (int p = from; s->dense && s->flags & TW_CHECK && p < end; p++)
		feed_dense(s, p);
	for (int p = from; p < end && s->by_delta; p++)
		if (p < end - 1)
			tw_delta_note(&s->delta, p);
		else if (!tw_delta_step(&s->delta, p))
			return fall_back(s);
	if (s->by_delta && !(s->flags & TW_CHECK))
		return true;
	for (int p = from; p < end; p += MOST_BLOCKS * TW_LANES) {
		int n = end - p < MOST_BLOCKS * TW_LANES ? end - p : MOST_BLOCKS * TW_LANES;
		if (!run_places(s, p, n))
			return fall_back(s);
	}
	if (s->by_delta)
		check_delta(s, end - 1);
	return true;
}

/* What was copied into the places from `from` on. */
static bool
run_fed(TwSession *s, int from)
{
	int end = s->used;

	*s->next = -1;
	s->refusal = NULL;
	if (s->circuit)
		tw_circuit_forget(s->circuit);
	for (int p = from; p < end; p++)
		s->at[p] = p + s->skipped;
	if (!s->on_softmax && !s->m->bidirectional && !s->skipped && end - from >= LEAST_AT_ONCE) {
		s->stats.tokens += end - from;
		return run_many(s, from);
	}
	for (s->used = from; s->used < end;) {
		s->used++;
		if (!run_newest(s))
			return false;
	}
	return true;
}

/* Always false: why no token is taken now, in s->refusal. */
static bool
refuse_token(TwSession *s, const char *why)
{
	s->refusal = s->stuck ? "out of memory" : why;
	return false;
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
tw_feed_tokens(TwSession *s, const int *row, int n)
{
	const TwModel *m = s->m;
	int from = s->used, room = s->stuck ? 0 : s->places - s->used - s->skipped, taken = 0;

	while (taken < n && taken < room && is_token(m, row + taken * m->nfield))
		taken++;
	memcpy(s->row + from * m->nfield, row, (size_t)taken * (size_t)m->nfield * sizeof *row);
	s->used += taken;
	if (taken && !run_fed(s, from))
		return false;
	return taken == n || refuse_token(s, taken == room ? "the text is full" : "no such token");
}

bool
tw_feed_token(TwSession *s, const int *row)
{
	return tw_feed_tokens(s, row, 1);
}

const int *
tw_feed_next(TwSession *s)
{
	const int *next = tw_next_token(s);
	int *to = s->row + (size_t)s->used * (size_t)s->m->nfield;

	if (tw_done(s)) {
		refuse_token(s, s->used + s->skipped == s->places ? "the text is full"
		                                                  : "the text has ended");
		return NULL;
	}
	memcpy(to, next, (size_t)s->m->nfield * sizeof *to);
	return run_fed(s, s->used++) ? to : NULL;
}

static bool
takes_number(const TwInput *in, float x)
{
	return x >= in->low && x <= in->high && (in->kind == TW_REAL || x == rintf(x));
}

static bool
takes_numbers(const TwModel *m, const float *number)
{
	for (int i = 0; i < m->ninput; i++)
		if (!takes_number(&m->input[i], number[i]))
			return false;
	return true;
}

bool
tw_feed_number_rows(TwSession *s, const float *number, int n)
{
	int width = s->m->ninput, from = s->used, taken = 0;
	int room = s->stuck ? 0 : s->places - s->used - s->skipped;

	if (!width)
		return refuse_token(s, "this model takes tokens");
	while (taken < n && taken < room && takes_numbers(s->m, number + taken * width))
		taken++;
	memcpy(s->number + (size_t)from * (size_t)width, number,
	       (size_t)taken * (size_t)width * sizeof *number);
	s->used += taken;
	if (taken && !run_fed(s, from))
		return false;
	return taken == n
	       || refuse_token(s, taken == room ? "the text is full"
	                                        : "a number is not what the model takes");
}

bool
tw_feed_numbers(TwSession *s, const float *number)
{
	return tw_feed_number_rows(s, number, 1);
}

bool
tw_feed(TwSession *s, int row)
{
	return s->m->nfield == 1 ? tw_feed_token(s, &row) : refuse_token(s, "no such token");
}

bool
tw_skip(TwSession *s, int n)
{
	if (n < 0 || n > s->places - s->used - s->skipped)
		return refuse_token(s, "the text is full");
	if (s->m->bidirectional)
		return refuse_token(s, "a bidirectional text has no gaps");
	s->skipped += n;
	return true;
}

const char *
tw_refusal(const TwSession *s)
{
	return s->refusal;
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

const float *
tw_logits(TwSession *s)
{
	if (!s->m->emits || s->stuck)
		return NULL;
	run_stale(s);
	if (s->on_softmax)
		return tw_dense_logits(s->dense);
	if (s->by_delta && s->used > 1)
		tw_logits_of_bases(s->c, tw_delta_bases(&s->delta), s->logits);
	else
		tw_find_logits(s->c, s->w.x, s->base, s->logits);
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

static void
next_by_softmax(TwSession *s)
{
	const TwModel *m = s->m;
	const float *x = tw_dense_logits(s->dense);

	for (int f = 0; f < m->nfield; f++)
		s->next[f] = argmax_between(x, m->first[f], m->first[f + 1]);
	if (x[tw_end(m)] > x[*s->next])
		*s->next = tw_end(m);
}

const int *
tw_next_token(TwSession *s)
{
	if (!s->m->emits || s->stuck)
		*s->next = tw_end(s->m);
	if (*s->next >= 0)
		return s->next;
	if (s->by_delta && !s->on_softmax && s->used > 1)
		return tw_delta_next(&s->delta);
	run_stale(s);
	tw_phase_begin(&s->clock);
	if (s->on_softmax)
		next_by_softmax(s);
	else
		tw_find_next(s->c, s->w.x, s->base, s->next);
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
	return s->used + s->skipped == s->places || !s->m->emits || tw_next(s) >= s->m->nvocab;
}

const float *
tw_label(TwSession *s, int label, int i)
{
	run_stale(s);
	if (s->on_softmax)
		return tw_dense_label(s->dense, label, i);
	return s->label + (size_t)(i + 1) * (size_t)s->c->label.n + s->c->label_at[label];
}

static const float *
kept_state(void *session, int state, int place)
{
	TwSession *s = session;
	size_t d = (size_t)s->m->d_model;

	if (s->on_softmax)
		return tw_dense_state(s->dense, state, place);
	return s->w.trace + ((size_t)state * (size_t)s->places + (size_t)place) * d;
}

static double
folded_value(TwSession *s, const TwNamed *v, int place)
{
	TwKept kept = { s->used, s->row, s->at, s->number, kept_state, s };

	return s->circuit ? tw_circuit_value(s->circuit, &kept, (int)(v - s->m->named), place)
	                  : (double)NAN;
}

bool
tw_has_value(const TwSession *s, const TwNamed *v)
{
	return !v->folded || (s->circuit && tw_circuit_has(s->circuit, (int)(v - s->m->named)));
}

float
tw_value(TwSession *s, const TwNamed *v, int i)
{
	run_stale(s);
	if (v->folded)
		return (float)folded_value(s, v, i + 1);
	const float *x = kept_state(s, v->state, i + 1);
	float sum = v->bias;

	for (int c = 0; c < v->ncolumn; c++)
		sum += v->weight[c] * x[v->column[c]];
	return sum;
}

TwGradient *
tw_grad_from(TwSession *s, const TwSeed *seed, int n, char **error)
{
	TwKept kept = { s->used, s->row, s->at, s->number, kept_state, s };

	if (!(s->flags & TW_TRACE)) {
		tw_refuse(error, "the session keeps no states: TW_TRACE");
		return NULL;
	}
	run_stale(s);
	return tw_gradient_open(s->m, &kept, seed, n, error);
}

bool
tw_fell_back(const TwSession *s)
{
	return s->on_softmax && !(s->flags & TW_SOFTMAX);
}

bool
tw_stuck(const TwSession *s)
{
	return s->stuck;
}

const char *
tw_difference(const TwSession *s)
{
	return *s->differs ? s->differs : NULL;
}

TwStats
tw_stats(const TwSession *s)
{
	TwStats stats = s->stats;

	stats.bytes = sizeof *s + tw_used_bytes(s->memory, s->reserved)
	              + (s->dense ? tw_dense_bytes(s->dense) : 0);
	tw_phase_shares(&s->clock, stats.share);
	return stats;
}
