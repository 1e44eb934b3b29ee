/* Many places of one text at once, layer by layer: a text of a bidirectional model, where each
 * place sees all others, or a prompt, where each sees those before it. Sixteen places stand side by
 * side (lanes.h), in blocks; heads go through the places one by one, with the same look-ups as
 * decode_step.c.
 *
 *     block 0   x[0]: places 0 .. 15   x[1]: places 0 .. 15   ...   x[d_model - 1]
 *     block 1   x[0]: places 16 .. 31  ...
 *
 * Of a prompt only the last place says what comes next. What the other places would still add to
 * their own streams after the last layer with heads is read by none, and left out. */

#include "runtime/lanes.h"

#include <math.h>
#include <string.h>

typedef struct WholeText {
	const TwSpecialized *c;
	const TwActivations *w; /* state, score, sums, clock, trace */
	const TwBlocks *b;
	const TwLaneKernels *kernel;
	int from, n;
	bool only_last;
} WholeText;

static float *
stream_at(const WholeText *t, int i)
{
	return t->b->x + (size_t)(i / TW_LANES) * (size_t)t->c->m->d_model * TW_LANES
	       + i % TW_LANES;
}

static void
gather(float *to, const float *from, int n)
{
	for (int i = 0; i < n; i++)
		to[i] = from[i * TW_LANES];
}

void
tw_block_stream(const TwSpecialized *c, const TwBlocks *b, int i, float *x)
{
	WholeText t = { .c = c, .b = b };

	gather(x, stream_at(&t, i), c->m->d_model);
}

void
tw_block_labels(const TwActivations *w, const TwBlocks *b, int n, float *to)
{
	const TwSpecialized *c = w->c;

	for (int i = 0; i < n; i++, to += c->label.n) {
		if (i % TW_LANES == 0)
			w->kernel->affine(&c->label,
			                  (V *)b->x
			                          + (size_t)(i / TW_LANES) * (size_t)c->m->d_model,
			                  (V *)b->label);
		gather(to, b->label + i % TW_LANES, c->label.n);
	}
}

static int
blocks(const WholeText *t)
{
	return (t->n + TW_LANES - 1) / TW_LANES;
}

/* What a head reads goes into the lane of the place. */
static TwActivations
at_place(const WholeText *t, int i)
{
	TwActivations at = *t->w;

	at.x = stream_at(t, i);
	at.shift = 4;
	return at;
}

/* The rows of projections of one head, of one place, where rows of a session are. */
static const float *
head_rows(const WholeText *t, const TwHead *h, int i)
{
	const float *from = t->b->qkv + (size_t)(i / TW_LANES) * (size_t)t->c->qkv * TW_LANES
	                    + i % TW_LANES;

	gather(t->w->qkv + h->first_row, from + (size_t)h->first_row * TW_LANES,
	       h->end_row - h->first_row);
	return t->w->qkv;
}

static bool
note_place(const WholeText *t, const TwHead *h, int i)
{
	TwActivations at = at_place(t, i);
	const float *qkv = head_rows(t, h, i);

	if (t->from + i)
		return tw_note_head(h, &at, t->from + i, qkv);
	tw_start_head(h, &at, qkv);
	return true;
}

static bool
read_at_place(const WholeText *t, const TwHead *h, int i, int last)
{
	TwActivations at = at_place(t, i);

	return tw_read_head(h, &at, t->from + i, last, head_rows(t, h, i));
}

static bool
read_all(const WholeText *t, const TwHead *h)
{
	bool ok = true;

	for (int i = 0; i < t->n; i++)
		ok = note_place(t, h, i) && ok;
	for (int i = 1; i < t->n; i++)
		ok = read_at_place(t, h, i, t->n - 1) && ok;
	return ok;
}

/* Through a window: the places that are seen are noted. Where they do not only grow, those that
 * were noted are forgotten. */
static bool
read_window(const WholeText *t, const TwHead *h)
{
	const TwWindow *w = &h->window;
	bool ok = note_place(t, h, 0);
	int from = 1, to = 0;

	for (int i = 1; i < t->n; i++)
		tw_note_best(h, t->w, i, head_rows(t, h, i));
	for (int k = 1; k < t->n; k++) {
		int i = w->order > 0 ? k : t->n - k;
		int first = (int)w->from[i], last = (int)w->to[i];
		last = last < t->n ? last : t->n - 1;
		if (from <= to && (first > last || first > from || last < to)) {
			for (int p = from; p <= to; p++)
				tw_forget_place(h, t->w, head_rows(t, h, p));
			to = from - 1;
		}
		if (from > to) {
			from = first;
			to = first - 1;
		}
		while (from > first && first <= last)
			ok = note_place(t, h, --from) && ok;
		while (to < last)
			ok = note_place(t, h, ++to) && ok;
		ok = read_at_place(t, h, i, t->n - 1) && ok;
	}
	return ok;
}

static bool
read_causal(const WholeText *t, const TwHead *h, bool all)
{
	bool ok = true;

	for (int i = 0; i < t->n; i++) {
		ok = note_place(t, h, i) && ok;
		if (all || i == t->n - 1)
			ok = read_at_place(t, h, i, t->from + i) && ok;
		else
			tw_pass_head(h, t->w, t->from + i, t->w->qkv);
	}
	return ok;
}

/* Softmax, the queries of a block side by side; as many places as scores are kept of. */
static void
attend_blocks(const WholeText *t, const TwHead *h)
{
	TwReadPlaces p = tw_cached_places(h, t->w, t->from + t->n);
	V *read = (V *)t->b->read;

	for (int i = 0; i < t->n; i++)
		tw_note_head(h, t->w, t->from + i, head_rows(t, h, i));
	for (int b = 0; b < blocks(t); b++) {
		V *x = (V *)t->b->x + (size_t)b * (size_t)t->c->m->d_model;
		t->kernel->attend_many(&p, (V *)t->b->qkv + b * t->c->qkv + h->query,
		                       t->from + b * TW_LANES, t->c->m->bidirectional,
		                       (V *)t->b->score, read);
		for (int i = 0; i < h->nvalue; i++)
			lanes_scatter(&h->out, i, read[i], x);
	}
}

/* Of a short text each place is compared with all: that is faster than to keep what came. */
enum { SHORT_TEXT = 256 };

static bool
is_searched_at_once(const WholeText *t, const TwHead *h)
{
	return t->c->m->bidirectional && t->n <= SHORT_TEXT
	       && (h->lookup == TW_LOOKUP_KEYED || h->lookup == TW_LOOKUP_MEAN);
}

static bool
search_short_text(const WholeText *t, const TwHead *h)
{
	TwTextKeys keys = { h, (V *)t->b->qkv, t->c->qkv, t->n };
	V *read = (V *)t->b->read;
	bool ok = true;

	for (int b = 0; b < blocks(t); b++) {
		V *x = (V *)t->b->x + (size_t)b * (size_t)t->c->m->d_model;
		ok = t->kernel->search_text(&keys, b * TW_LANES, (V *)t->b->score, read) && ok;
		for (int i = 0; i < h->nvalue; i++)
			lanes_scatter(&h->out, i, read[i], x);
	}
	return ok;
}

static bool
attend_text(const WholeText *t, const TwFastLayer *s, bool all)
{
	bool ok = true;

	for (int b = 0; b < blocks(t); b++)
		t->kernel->affine(&s->project, (V *)t->b->x + (size_t)b * (size_t)t->c->m->d_model,
		                  (V *)t->b->qkv + (size_t)b * (size_t)t->c->qkv);
	tw_phase_end(t->w->clock, TW_PROJECTIONS);
	for (int i = 0; i < s->nhead; i++) {
		const TwHead *h = &s->head[i];
		if (h->lookup == TW_LOOKUP_SOFTMAX && all && t->from + t->n <= TW_MOST_SCORES) {
			attend_blocks(t, h);
			continue;
		}
		if (is_searched_at_once(t, h)) {
			ok = search_short_text(t, h) && ok;
			continue;
		}
		ok = (!t->c->m->bidirectional ? read_causal(t, h, all)
		      : h->window.order       ? read_window(t, h)
		                              : read_all(t, h))
		     && ok;
	}
	tw_phase_end(t->w->clock, TW_HEADS);
	return ok;
}

static void
trace_text(const WholeText *t, int state)
{
	size_t d = (size_t)t->c->m->d_model, places = (size_t)t->c->m->context + 1;

	for (int i = 0; i < t->n && t->w->trace; i++)
		gather(t->w->trace + ((size_t)state * places + (size_t)(t->from + i)) * d,
		       stream_at(t, i), t->c->m->d_model);
}

static void
embed_text(const WholeText *t, const int *row, const float *number)
{
	const TwModel *m = t->c->m;

	memset(t->b->x, 0, (size_t)blocks(t) * (size_t)m->d_model * sizeof(V));
	for (int i = 0; i < t->n; i++) {
		TwActivations at = at_place(t, i);
		TwFed fed = { row + i * m->nfield, t->from + i ? number + i * m->ninput : NULL,
			      t->from + i };
		tw_embed_sparse(t->c, fed, t->from + i, at.x, at.shift);
	}
	tw_phase_end(t->w->clock, TW_EMBEDDING);
}

/* The last layer with heads; -1 if there is none. */
static int
last_with_heads(const TwSpecialized *c)
{
	int n = c->m->nlayer - 1;

	while (n >= 0 && !c->layer[n].nhead)
		n--;
	return n;
}

bool
tw_run_text(const TwSpecialized *c, const TwActivations *w, const TwBlocks *b, const int *row,
            const float *number, int from, int n, bool only_last)
{
	WholeText t = { c, w, b, w->kernel, from, n, only_last };
	int last = only_last ? last_with_heads(c) : c->m->nlayer;
	bool ok = true;

	tw_phase_begin(w->clock);
	embed_text(&t, row, number);
	trace_text(&t, 0);
	for (int i = 0; i < c->m->nlayer; i++) {
		const TwFastLayer *s = &c->layer[i];
		ok = attend_text(&t, s, i < last) && ok;
		trace_text(&t, 2 * i + 1);
		for (int k = i < last ? 0 : blocks(&t) - 1; k < blocks(&t) && s->nneuron; k++)
			t.kernel->mlp(s, (V *)b->x + (size_t)k * (size_t)c->m->d_model, (V *)b->u,
			              (V *)b->neuron);
		tw_phase_end(w->clock, TW_NEURONS);
		trace_text(&t, 2 * i + 2);
	}
	return ok;
}
