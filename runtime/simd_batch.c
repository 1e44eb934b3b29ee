/* Many texts at once: batching over SIMD lanes. Sixteen texts stand side by side, one in
 * each lane of every vector, and go through the fast path in step; whichever is finished
 * makes room for the next (continuous batching; Yu et al. 2022, "Orca"). So a weight is
 * read once for sixteen tokens, and zeros still cost nothing.
 *
 * Heads that keep a state of fixed size have it sixteen times, side by side. What others keep
 * grows with the text, and each lane has its own, as in a session: they are answered lane by lane.
 * The texts of models with a softmax, and those that break a claim of the file, go through a
 * session one by one. */

#include "runtime/lanes.h"
#include "runtime/load.h"
#include "runtime/tw.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
	LANES = TW_LANES,
	LEAST_TEXTS = 4, /* fewer are faster one by one */
};

typedef struct Lanes {
	const TwSpecialized *c;
	V *x, *qkv, *u, *neuron, *state, *base; /* as in a session, each sixteen times */
	M sound;                                /* all ones where every gap was wide enough */
	int *row;                               /* (LANES, nfield) fed, and then what comes next */
	int place[LANES];
	bool busy[LANES], asks[LANES]; /* there is a text; what follows its token is asked for */
	TwActivations own;             /* for heads whose state is a lane's own, */
	float *states[LANES];          /* (c->state) */
	float *start;                  /* (c->initial) what <bos> leaves */
	unsigned tick; /* steps so far: they say which slot of a ring buffer is the oldest */
	TwPhaseClock clock;
} Lanes;

typedef void Step(Lanes *);

struct TwBatch {
	const TwModel *m;
	Lanes l;
	Step *step; /* NULL: no lanes, all texts go through the session */
	TwText *text[LANES];
	int fed[LANES];
	long tokens;
	TwPhaseClock off;
	void *memory, *states;  /* of the lanes; and those of each lane, */
	size_t bytes, reserved; /* which take so much */
	TwSession *one;         /* for the texts that lanes cannot take */
	bool failed;            /* memory ran out */
};

/* ---- one step of all lanes, as decode_step.c does it for one */

INLINE void
add_embedding(const TwAffine *f, int row, float *x)
{
	for (int t = f->start[row]; t < f->start[row + 1]; t++)
		x[f->term[t].at * LANES] += f->term[t].w;
}

INLINE void
add_embedded(const TwSpecialized *c, int f, int row, float *x)
{
	int second;

	add_embedding(&c->token, tw_token_rows(c, f, row, &second), x);
	if (second >= 0)
		add_embedding(&c->token, second, x);
}

INLINE void
lanes_embed(Lanes *l)
{
	const TwSpecialized *c = l->c;

	memset(l->x, 0, (size_t)c->m->d_model * sizeof *l->x);
	for (int i = 0; i < LANES; i++) {
		const int *row = l->row + i * c->m->nfield;
		float *x = (float *)l->x + i;
		if (!l->busy[i])
			continue;
		add_embedded(c, 0, row[0], x);
		for (int n = 0; n < c->ndigit; n++)
			add_embedding(&c->place, tw_place_row(c, n, l->place[i]), x);
		for (int f = 1; f < c->m->nfield; f++)
			add_embedded(c, f, row[f], x);
	}
}

/* The rows of one head's projections, of one lane, where rows of a session are. */
static const float *
lane_rows(const Lanes *l, const TwHead *h, int lane)
{
	const float *from = (const float *)(l->qkv + h->first_row) + lane;

	for (int i = h->first_row; i < h->end_row; i++, from += LANES)
		l->own.qkv[i] = *from;
	return l->own.qkv;
}

/* A head whose state is each lane's own. */
static void
read_lane_by_lane(Lanes *l, const TwHead *h)
{
	TwActivations at = l->own;

	for (int i = 0; i < LANES; i++) {
		if (!l->busy[i])
			continue;
		at.x = (float *)l->x + i;
		at.state = l->states[i];
		const float *qkv = lane_rows(l, h, i);
		if (!tw_note_head(h, &at, l->place[i], qkv)
		    || !tw_read_head(h, &at, l->place[i], l->place[i], qkv))
			l->sound[i] = 0;
	}
}

INLINE void
lanes_read_offset(Lanes *l, const TwHead *h)
{
	V *ring = l->state + h->state
	          + (h->back ? l->tick % (unsigned)h->back : 0) * (unsigned)h->nvalue;

	for (int i = 0; i < h->nvalue; i++) {
		V value = l->qkv[h->value + i];
		lanes_scatter(&h->out, i, h->back ? ring[i] : value, l->x);
		if (h->back)
			ring[i] = value;
	}
}

INLINE void
lanes_read_argmax(Lanes *l, const TwHead *h)
{
	V *s = l->state + h->state, *kept = s + 3, *bos = kept + h->nvalue, p = l->qkv[h->priority];
	M better = p > s[0];
	V lifted = s[2];

	s[1] = blend(better, s[0], blend(p > s[1], p, s[1]));
	s[0] = blend(better, p, s[0]);
	for (int i = 0; i < h->nkey; i++)
		lifted += h->bos_key[i] * l->qkv[h->query + i];
	M at_bos = lifted > s[0];
	V top = blend(at_bos, lifted, s[0]);
	V other = blend(at_bos, s[0], blend(lifted > s[1], lifted, s[1]));
	l->sound &= top - other >= broadcast(TW_GAP);
	for (int i = 0; i < h->nvalue; i++) {
		kept[i] = blend(better, l->qkv[h->value + i], kept[i]);
		lanes_scatter(&h->out, i, blend(at_bos, bos[i], kept[i]), l->x);
	}
}

INLINE void
lanes_attention(Lanes *l, const TwFastLayer *s)
{
	lanes_affine(&s->project, s->project.bias, l->x, l->qkv);
	tw_phase_end(&l->clock, TW_PROJECTIONS);
	for (int i = 0; i < s->nhead; i++) {
		if (s->head[i].lookup == TW_LOOKUP_OFFSET)
			lanes_read_offset(l, &s->head[i]);
		else if (s->head[i].lookup == TW_LOOKUP_ARGMAX)
			lanes_read_argmax(l, &s->head[i]);
		else if (s->head[i].lookup != TW_LOOKUP_UNUSED)
			read_lane_by_lane(l, &s->head[i]);
	}
	tw_phase_end(&l->clock, TW_HEADS);
}

/* Of few rows, all logits are compared for all lanes at once. */
enum { FEW_ROWS = 64 };

INLINE void
lanes_greatest_logit(Lanes *l)
{
	const TwSpecialized *c = l->c;
	V best = broadcast(-INFINITY), next = broadcast(0);

	for (int r = 0; r < c->m->nvocab + 2; r++) {
		V logit = broadcast(c->m->head_b[r]);
		if (c->logit_row[r] >= 0)
			logit += c->logit_scale[r] * l->base[c->logit_row[r]];
		M better = logit > best;
		best = blend(better, logit, best);
		next = blend(better, broadcast((float)r), next);
	}
	for (int i = 0; i < LANES; i++)
		l->row[i] = (int)next[i];
}

INLINE void
lanes_next_token(Lanes *l)
{
	const TwSpecialized *c = l->c;

	if (!memchr(l->asks, true, sizeof l->asks))
		return;
	for (int i = 0; i < c->logit.n; i++)
		l->base[i] = lanes_dot(&c->logit, i, l->x, broadcast(0));
	if (c->m->nfield == 1 && c->m->nvocab + 2 <= FEW_ROWS) {
		lanes_greatest_logit(l);
		return;
	}
	for (int i = 0; i < LANES; i++)
		if (l->asks[i])
			tw_next_of_bases(c, (const float *)l->base + i, LANES,
			                 l->row + i * c->m->nfield);
}

INLINE void
lanes_step(Lanes *l)
{
	l->sound = (M){ 0 } - 1;
	tw_phase_begin(&l->clock);
	lanes_embed(l);
	tw_phase_end(&l->clock, TW_EMBEDDING);
	for (int n = 0; n < l->c->m->nlayer; n++) {
		lanes_attention(l, &l->c->layer[n]);
		lanes_mlp(&l->c->layer[n], l->x, l->u, l->neuron);
		tw_phase_end(&l->clock, TW_NEURONS);
	}
	lanes_next_token(l);
	tw_phase_end(&l->clock, TW_OUTPUT);
	l->tick++;
}

static void
step_portable(Lanes *l)
{
	lanes_step(l);
}

#if defined(__x86_64__)
__attribute__((target("avx2,fma"))) static void
step_avx2(Lanes *l)
{
	lanes_step(l);
}

__attribute__((target("avx512f,avx512dq,avx512bw,avx512vl,fma"))) static void
step_avx512(Lanes *l)
{
	lanes_step(l);
}
#endif

static Step *
widest_step(unsigned flags)
{
	static Step *const step[] = {
		step_portable,
#if defined(__x86_64__)
		step_avx2,
		step_avx512,
#endif
	};

	return step[tw_vector_level(flags)];
}

/* ---- memory */

static V *
take_vectors(TwLayout *to, uint64_t count)
{
	return tw_layout_take(to, count, sizeof(V));
}

static void
lay_out_lanes(Lanes *l, TwLayout *to)
{
	const TwSpecialized *c = l->c;

	l->x = take_vectors(to, (uint64_t)c->m->d_model);
	l->qkv = take_vectors(to, (uint64_t)c->qkv);
	l->u = take_vectors(to, (uint64_t)c->linear);
	l->neuron = take_vectors(to, (uint64_t)c->neuron);
	l->state = take_vectors(to, c->initial);
	l->base = take_vectors(to, (uint64_t)c->logit.n);
	l->row = tw_layout_take(to, LANES * (uint64_t)c->m->nfield, sizeof *l->row);
	l->own.x = tw_layout_floats(to, (uint64_t)c->m->d_model);
	l->own.qkv = tw_layout_floats(to, (uint64_t)c->qkv);
	l->own.u = tw_layout_floats(to, (uint64_t)(c->linear > c->qkv ? c->linear : c->qkv));
	l->own.neuron = tw_layout_floats(to, (uint64_t)c->neuron + (uint64_t)c->m->d_model);
	l->own.repeated = tw_layout_floats(to, (uint64_t)c->repeated);
	l->start = tw_layout_floats(to, c->initial);
}

static void
lay_out_states(Lanes *l, TwLayout *to)
{
	uint64_t size = l->c->state > l->c->initial ? l->c->state : l->c->initial;

	for (int i = 0; i < LANES; i++)
		l->states[i] = tw_layout_floats(to, size);
}

/* A state for each lane, taken from the machine only as far as it is used; false: too large. */
static bool
measure_states(TwBatch *b)
{
	TwLayout to = { 0 };

	lay_out_states(&b->l, &to);
	b->reserved = to.used;
	return !to.too_large;
}

static bool
reserve_states(TwBatch *b)
{
	b->states = tw_reserve(b->reserved);
	if (b->states)
		lay_out_states(&b->l, &(TwLayout){ .memory = b->states });
	return b->states;
}

/* What <bos> leaves behind: with each lane, if heads keep states of their own. */
static void
run_bos(Lanes *l)
{
	const TwSpecialized *c = l->c;
	bool each = c->state > c->initial;
	TwActivations w = l->own;

	w.shift = 0;
	for (int f = 0; f < c->m->nfield; f++)
		l->row[f] = tw_bos(c->m);
	for (int i = 0; i < (each ? LANES : 1); i++) {
		w.state = l->states[i];
		tw_step(c, &w, (TwFed){ .row = l->row }, 0);
	}
	memcpy(l->start, w.state, (size_t)c->initial * sizeof *l->start);
}

/* Lanes, where they are not too large; false if memory ran out. */
static bool
open_lanes(TwBatch *b, unsigned flags)
{
	Lanes *l = &b->l;
	TwLayout to = { 0 };

	lay_out_lanes(l, &to);
	if (to.too_large || to.used > (size_t)1 << 30 || !measure_states(b))
		return true;
	if (!reserve_states(b) || posix_memalign(&b->memory, sizeof(V), to.used + sizeof(V)))
		return false;
	b->bytes = to.used;
	memset(b->memory, 0, to.used);
	to = (TwLayout){ .memory = b->memory };
	lay_out_lanes(l, &to);
	l->own.c = l->c;
	l->own.clock = &b->off;
	l->own.shift = 4;
	l->own.kernel = tw_lane_kernels(flags);
	run_bos(l);
	b->step = widest_step(flags);
	return true;
}

TwBatch *
tw_batch_open(const TwModel *m, unsigned flags, char **error)
{
	void *memory;

	if (posix_memalign(&memory, sizeof(V), sizeof(TwBatch))) {
		tw_refuse(error, "out of memory");
		return NULL;
	}
	TwBatch *b = memset(memory, 0, sizeof *b);
	bool only_lanes = !(flags & ~(unsigned)(TW_PORTABLE | TW_V3 | TW_TIMED));
	b->m = m;
	b->l.c = m->specialized;
	b->l.clock.on = flags & TW_TIMED;
	b->one = tw_open(m, flags, error);
	if (!b->one) {
		tw_batch_close(b);
		return NULL;
	}
	if (m->specialized && m->specialized->in_lanes && only_lanes && !open_lanes(b, flags)) {
		tw_refuse(error, "out of memory");
		tw_batch_close(b);
		return NULL;
	}
	return b;
}

void
tw_batch_close(TwBatch *b)
{
	if (!b)
		return;
	tw_close(b->one);
	free(b->memory);
	tw_release(b->states, b->reserved);
	free(b);
}

/* ---- texts in and out of lanes */

/* By the session, with as many tokens of the prompt as it takes. */
static void
answer_alone(TwBatch *b, TwText *t, int limit)
{
	size_t n = (size_t)b->m->nfield;

	tw_reset(b->one);
	t->nanswer = 0;
	tw_feed_tokens(b->one, t->prompt, t->nprompt);
	while (t->nanswer < limit && !tw_done(b->one)) {
		int *row = t->answer + (size_t)t->nanswer++ * n;
		memcpy(row, tw_next_token(b->one), n * sizeof *row);
		tw_feed_token(b->one, row);
	}
	if (tw_stuck(b->one)) {
		t->nanswer = -1;
		b->failed = true;
	}
}

static bool
fits_lane(const TwModel *m, const TwText *t, int limit)
{
	if (t->nprompt < 1 || t->nprompt > m->context || limit < 1)
		return false;
	for (int i = 0; i < t->nprompt * m->nfield; i++)
		if (t->prompt[i] < m->first[i % m->nfield]
		    || t->prompt[i] >= m->first[i % m->nfield + 1])
			return false;
	return true;
}

/* The next text that a lane can take; the others are answered on the way. */
static void
fill_lane(TwBatch *b, int lane, TwText **next, TwText *end, int limit)
{
	b->text[lane] = NULL;
	for (; *next < end && !b->text[lane]; ++*next) {
		if (fits_lane(b->m, *next, limit))
			b->text[lane] = *next;
		else
			answer_alone(b, *next, limit);
	}
	b->fed[lane] = 0;
	b->l.busy[lane] = b->text[lane];
	b->l.asks[lane] = false;
	if (!b->text[lane])
		return;
	b->text[lane]->nanswer = 0;
	memcpy(b->l.states[lane], b->l.start, (size_t)b->l.c->initial * sizeof *b->l.start);
	for (size_t i = 0; i < b->l.c->initial; i++)
		((float *)b->l.state)[i * LANES + (size_t)lane] = b->l.start[i];
}

static void
load_tokens(TwBatch *b)
{
	int width = b->m->nfield;

	for (int i = 0; i < LANES; i++) {
		const TwText *t = b->text[i];
		if (!t)
			continue;
		int at = b->fed[i]++;
		b->tokens++;
		b->l.place[i] = at + 1;
		b->l.asks[i] = at + 1 >= t->nprompt;
		memcpy(b->l.row + i * width,
		       at < t->nprompt ? t->prompt + at * width
		                       : t->answer + (at - t->nprompt) * width,
		       (size_t)width * sizeof *b->l.row);
	}
}

/* Whether the text of this lane is finished. */
static bool
take_token(TwBatch *b, int lane, int limit)
{
	const TwModel *m = b->m;
	TwText *t = b->text[lane];
	const int *next = b->l.row + lane * m->nfield;

	if (!b->l.sound[lane]) {
		answer_alone(b, t, limit);
		return true;
	}
	if (!b->l.asks[lane])
		return false;
	if (*next >= m->nvocab || b->fed[lane] == m->context)
		return true;
	memcpy(t->answer + t->nanswer++ * m->nfield, next, (size_t)m->nfield * sizeof *next);
	return t->nanswer == limit || t->nprompt + t->nanswer == m->context;
}

bool
tw_batch_answer(TwBatch *b, TwText *text, int n, int limit)
{
	TwText *end = text + n;
	int busy = 0;

	b->failed = false;
	for (; (!b->step || n < LEAST_TEXTS) && text < end; text++)
		answer_alone(b, text, limit);
	if (!b->step)
		return !b->failed;
	for (int i = 0; i < LANES; i++) {
		fill_lane(b, i, &text, end, limit);
		busy += b->text[i] != NULL;
	}
	while (busy) {
		load_tokens(b);
		b->step(&b->l);
		for (int i = 0; i < LANES; i++)
			if (b->text[i] && take_token(b, i, limit)) {
				fill_lane(b, i, &text, end, limit);
				busy -= !b->text[i];
			}
	}
	return !b->failed;
}

TwStats
tw_batch_stats(const TwBatch *b)
{
	TwStats stats = tw_stats(b->one);

	stats.tokens += b->tokens;
	stats.bytes += sizeof *b + b->bytes + tw_used_bytes(b->states, b->reserved);
	if (b->step)
		tw_phase_shares(&b->l.clock, stats.share);
	return stats;
}
