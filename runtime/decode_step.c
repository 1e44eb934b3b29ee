/* Decoding on the fast path: one token of one text through all layers (specialize.h). Where
 * softmax attention compares the query with every key of the KV cache, each head here keeps
 * just what its kind of look-up needs:
 *
 *     TW_LOOKUP_OFFSET    a ring buffer of the last values
 *     TW_LOOKUP_ARGMAX    the best priority so far, its value, and the runner-up's priority
 *     TW_LOOKUP_KEYED     the same for each key that came
 *     TW_LOOKUP_PLACE     all values, by place
 *     TW_LOOKUP_MEAN      for each key, how many share the best priority, and their sum
 *     TW_LOOKUP_SOFTMAX   all keys and values: the KV cache
 *
 * The runner-up is there to check the gap: see TW_GAP. */

#include "runtime/keys.h"
#include "runtime/lanes.h"
#include "runtime/sparse.h"

#include <math.h>
#include <string.h>

static float
form_dot(const TwAffine *f, int i, const float *x, float sum)
{
	const TwTerm *t = f->term + f->start[i], *end = f->term + f->start[i + 1];

	for (; t < end; t++)
		sum += t->w * x[t->at];
	return sum;
}

static inline void
scatter_row(const TwAffine *f, int i, float v, float *x)
{
	const TwTerm *t = f->term + f->start[i], *end = f->term + f->start[i + 1];

	for (; t < end; t++)
		x[t->at] += v * t->w;
}

/* One number of what a head reads, and all of it, into the stream. */
static inline void
add_number(const TwHead *h, const TwActivations *w, int i, float v)
{
	const TwTerm *t = h->out.term + h->out.start[i], *end = h->out.term + h->out.start[i + 1];

	for (; t < end; t++)
		w->x[t->at << w->shift] += v * t->w;
}

static void
add_read(const TwHead *h, const TwActivations *w, const float *v)
{
	for (int i = 0; i < h->nvalue; i++)
		add_number(h, w, i, v[i]);
}

static void
copy_floats(float *to, const float *from, int n)
{
	for (int i = 0; i < n; i++)
		to[i] = from[i];
}

/* ---- heads */

static float *
ring_slot(const TwHead *h, const TwActivations *w, int place)
{
	return w->state + h->state
	       + (size_t)(h->back == 1 ? 0 : place % h->back) * (size_t)h->nvalue;
}

/* The ring buffer of the last `back` values; at first all are that of <bos>. */
static void
read_earlier(const TwHead *h, const TwActivations *w, int place, const float *qkv)
{
	const float *value = qkv + h->value;
	float *ring;

	if (!h->back) {
		add_read(h, w, value);
		return;
	}
	ring = ring_slot(h, w, place);
	add_read(h, w, ring);
	copy_floats(ring, value, h->nvalue);
}

static void
start_earlier(const TwHead *h, const TwActivations *w, const float *qkv)
{
	for (int i = 0; i < h->back; i++)
		copy_floats(w->state + h->state + i * h->nvalue, qkv + h->value, h->nvalue);
}

/* Keeps the two greatest priorities, and the value that goes with the greatest. */
void
tw_keep_two_best(float *best, float *second, float priority, float *kept, const float *value, int n)
{
	if (priority > *best) {
		*second = *best;
		*best = priority;
		copy_floats(kept, value, n);
	} else if (!(priority <= *second)) {
		*second = priority;
	}
}

static void
note_argmax(const TwHead *h, const TwActivations *w, const float *qkv)
{
	float *s = w->state + h->state;

	tw_keep_two_best(&s[0], &s[1], qkv[h->priority], s + 3, qkv + h->value, h->nvalue);
}

const float *
tw_find_greatest(const TwHead *h, const TwActivations *w, const float *query, bool *ok)
{
	const float *s = w->state + h->state, *kept = s + 3, *bos = kept + h->nvalue;
	float lifted = s[2] + tw_dot(query, h->bos_key, h->nkey);
	bool at_bos = lifted > s[0];
	float other = at_bos ? s[0] : s[1] > lifted ? s[1] : lifted;

	*ok = *ok && (at_bos ? lifted : s[0]) - other >= TW_GAP;
	return at_bos ? bos : kept;
}

static bool
read_argmax(const TwHead *h, const TwActivations *w, const float *qkv)
{
	bool ok = true;

	add_read(h, w, tw_find_greatest(h, w, qkv + h->query, &ok));
	return ok;
}

static void
start_argmax(const TwHead *h, const TwActivations *w, const float *qkv)
{
	float *s = w->state + h->state;

	s[0] = s[1] = -INFINITY;
	s[2] = qkv[h->priority];
	copy_floats(s + 3 + h->nvalue, qkv + h->value, h->nvalue);
}

/* The priority at a place, but for what is part of the window. */
static float
own_priority(const TwHead *h, int place, const float *qkv)
{
	return qkv[h->priority] - (h->window.order ? h->window.own[place] : 0);
}

/* With a window: the greatest priority of this key at any place, seen or not. */
static float *
best_of_all(const TwHead *h, float *entry)
{
	return entry + TW_ENTRY_VALUE + h->nvalue;
}

/* By how much what is not seen from a place stays behind a score. */
static bool
others_behind(const TwHead *h, float outside, float best)
{
	return !h->window.order || best - (outside - h->window.outside) >= TW_GAP;
}

static void
start_keyed(const TwHead *h, const TwActivations *w, const float *qkv)
{
	float *e = tw_key_entry(h, w, 0);

	tw_start_keys(h, w, qkv + h->key);
	e[TW_ENTRY_BEST] = own_priority(h, 0, qkv);
	e[TW_ENTRY_SECOND] = h->lookup == TW_LOOKUP_MEAN ? 1 : -INFINITY;
	copy_floats(e + TW_ENTRY_VALUE, qkv + h->value, h->nvalue);
}

/* Four sums, so that none waits for the one before. */
static float
dot_key(const float *a, const float *b, int n)
{
	float s = 0, t = 0, u = 0, v = 0;
	int i = 0;

	for (; i + 4 <= n; i += 4) {
		s += a[i] * b[i];
		t += a[i + 1] * b[i + 1];
		u += a[i + 2] * b[i + 2];
		v += a[i + 3] * b[i + 3];
	}
	for (; i < n; i++)
		s += a[i] * b[i];
	return s + t + (u + v);
}

static void
note_keyed(const TwHead *h, const TwActivations *w, int place, const float *qkv)
{
	float *e = tw_find_key(h, w, qkv + h->key), priority = own_priority(h, place, qkv);
	TwKeyTable *t = tw_key_table(h, w);

	t->priority = fmaxf(t->priority, priority);
	tw_keep_two_best(&e[TW_ENTRY_BEST], &e[TW_ENTRY_SECOND], priority, e + TW_ENTRY_VALUE,
	                 qkv + h->value, h->nvalue);
}

static float
shift_of_bos(const TwHead *h, int place)
{
	return h->window.order ? h->window.bos_shift[place] : 0;
}

/* The entry that a query reads, after a look at all; *ok is lost where a gap is too small. */
static const float *
search_keys(const TwHead *h, const TwActivations *w, int place, const float *query, bool *ok)
{
	const float *read = tw_key_entry(h, w, 0);
	float best = -INFINITY, second = -INFINITY, outside = -INFINITY;
	int n = tw_key_table(h, w)->count;

	for (int i = 0; i < n; i++) {
		float *e = tw_key_entry(h, w, i);
		float by_key = dot_key(tw_key_numbers(h, w, i), query, h->nkey);
		if (h->window.order && i)
			outside = fmaxf(outside, by_key + *best_of_all(h, e));
		if (!i)
			by_key += shift_of_bos(h, place);
		float score = by_key + e[TW_ENTRY_BEST];
		float next = by_key + e[TW_ENTRY_SECOND];
		if (!(score <= best)) {
			second = best > next ? best : next;
			best = score;
			read = e;
		} else if (!(score <= second)) {
			second = score;
		}
	}
	*ok = *ok && best - second >= TW_GAP && others_behind(h, outside, best);
	return read;
}

const float *
tw_find_entry(const TwHead *h, const TwActivations *w, int place, const float *query, TwAim *kept,
              bool *ok)
{
	const float *read = tw_aim_at_key(h, w, place, query, kept);

	return read ? read : search_keys(h, w, place, query, ok);
}

static bool
read_keyed(const TwHead *h, const TwActivations *w, int place, const float *qkv)
{
	bool ok = true;

	add_read(h, w, tw_find_entry(h, w, place, qkv + h->query, NULL, &ok) + TW_ENTRY_VALUE);
	return ok;
}

/* Adds a value to the mean of those with the best priority, or starts the mean again where
 * its own is better. False where the two priorities are neither equal nor a gap apart. */
static bool
join_mean(float *best, float *count, float priority, float *sum, const float *value, int n)
{
	if (priority == *best) {
		++*count;
		for (int i = 0; i < n; i++)
			sum[i] += value[i];
		return true;
	}
	if (priority - *best >= TW_GAP) {
		*best = priority;
		*count = 1;
		copy_floats(sum, value, n);
		return true;
	}
	return *best - priority >= TW_GAP;
}

static bool
note_mean(const TwHead *h, const TwActivations *w, int place, const float *qkv)
{
	float *e = tw_find_key(h, w, qkv + h->key), priority = own_priority(h, place, qkv);
	TwKeyTable *t = tw_key_table(h, w);

	t->priority = fmaxf(t->priority, priority);
	return join_mean(&e[TW_ENTRY_BEST], &e[TW_ENTRY_SECOND], priority, e + TW_ENTRY_VALUE,
	                 qkv + h->value, h->nvalue);
}

static bool
read_mean(const TwHead *h, const TwActivations *w, int place, const float *qkv)
{
	float *sum = w->u, top = -INFINITY, count = 0, outside = -INFINITY;
	int n = tw_key_table(h, w)->count;
	const float *read = tw_aim_at_key(h, w, place, qkv + h->query, NULL);
	bool ok = true;

	if (read) {
		for (int i = 0; i < h->nvalue; i++)
			add_number(h, w, i, read[TW_ENTRY_VALUE + i] / read[TW_ENTRY_SECOND]);
		return true;
	}
	memset(sum, 0, (size_t)h->nvalue * sizeof *sum);
	for (int i = 0; i < n; i++) {
		float *e = tw_key_entry(h, w, i);
		float by_key = dot_key(tw_key_numbers(h, w, i), qkv + h->query, h->nkey),
		      score = by_key + e[TW_ENTRY_BEST];
		if (!i)
			score += shift_of_bos(h, place);
		else if (h->window.order)
			outside = fmaxf(outside, by_key + *best_of_all(h, e));
		if (top - score >= TW_GAP)
			continue;
		ok = join_mean(&top, &count, score, sum, e + TW_ENTRY_VALUE, h->nvalue) && ok;
		if (score == top)
			count += e[TW_ENTRY_SECOND] - 1;
	}
	for (int i = 0; i < h->nvalue; i++)
		add_number(h, w, i, sum[i] / count);
	return ok && others_behind(h, outside, top);
}

/* ---- TW_LOOKUP_PLACE */

/* The best places among some, and the score of the second best. */
typedef struct Nearest {
	double best, second;
	int place;
} Nearest;

static double
score_of_digit(const TwDigitMatch *m, double slope, int d)
{
	return slope * d - m->square * d * d;
}

/* The best of the digits 0 .. last. */
static Nearest
nearest_digit(const TwDigitMatch *m, double slope, int last)
{
	double at = rint(slope / (2 * m->square));
	int d = at > 0 ? at < last ? (int)at : last : 0;
	double below = d > 0 ? score_of_digit(m, slope, d - 1) : -INFINITY,
	       above = d < last ? score_of_digit(m, slope, d + 1) : -INFINITY;

	return (Nearest){ score_of_digit(m, slope, d), fmax(below, above), d };
}

/* Adds a digit to what was found of others. */
static void
add_digit(Nearest *n, Nearest digit, int unit)
{
	double loss = fmin(n->best - n->second, digit.best - digit.second);

	n->best += digit.best;
	n->second = n->best - loss;
	n->place += digit.place * unit;
}

static void
better_of(Nearest *a, Nearest b)
{
	if (b.best > a->best) {
		b.second = fmax(b.second, a->best);
		*a = b;
	} else {
		a->second = fmax(a->second, b.best);
	}
}

/* Of places 0 .. last: those whose digits above digit i are the last's, digit i is below that of
 * the last, and digits below it are any; for each i, and the last itself with any lowest digit up
 * to its own. */
bool
tw_find_place(const TwHead *h, const float *query, int last, int *place)
{
	Nearest all = { -INFINITY, -INFINITY, 0 }, above = { 0, -INFINITY, 0 };

	for (int i = h->nkey - 1; i >= 0; i--) {
		const TwDigitMatch *m = &h->digit[i];
		double slope = (double)query[i] * m->key + m->linear;
		int digit = last / m->unit % m->base, most = i ? digit - 1 : digit;
		if (most >= 0) {
			Nearest some = above;
			add_digit(&some, nearest_digit(m, slope, most), m->unit);
			for (int j = 0; j < i; j++) {
				const TwDigitMatch *b = &h->digit[j];
				add_digit(&some,
				          nearest_digit(b, (double)query[j] * b->key + b->linear,
				                        b->base - 1),
				          b->unit);
			}
			better_of(&all, some);
		}
		above.best += score_of_digit(m, slope, digit);
		above.second = -INFINITY;
		above.place += digit * m->unit;
	}
	*place = all.place;
	return all.best - all.second >= TW_GAP;
}

static float *
value_at(const TwHead *h, const TwActivations *w, int place)
{
	return w->state + h->places + (size_t)place * (size_t)h->nvalue;
}

static bool
read_nearest_place(const TwHead *h, const TwActivations *w, int last, const float *qkv)
{
	int place;
	bool ok = tw_find_place(h, qkv + h->query, last, &place);

	add_read(h, w, value_at(h, w, place));
	return ok;
}

/* ---- TW_LOOKUP_SOFTMAX: keys in blocks of sixteen places, (nkey, 16), then the values, by
 * place or, where they are few, in such blocks too */

TwReadPlaces
tw_cached_places(const TwHead *h, const TwActivations *w, int n)
{
	size_t all = ((size_t)w->c->m->context + TW_LANES) / TW_LANES * TW_LANES;
	const float *key = w->state + h->places;

	return (TwReadPlaces){ key, key + all * (size_t)h->nkey, h->nkey, h->nvalue, n };
}

static void
cache_place(const TwHead *h, const TwActivations *w, int place, const float *qkv)
{
	TwReadPlaces p = tw_cached_places(h, w, place + 1);
	float *key = (float *)p.key + (size_t)(place / TW_LANES) * (size_t)h->nkey * TW_LANES
	             + place % TW_LANES;

	for (int i = 0; i < h->nkey; i++)
		key[i * TW_LANES] = qkv[h->key + i];
	float *value = (float *)p.value + (size_t)place * (size_t)h->nvalue;
	if (h->nvalue >= TW_LANES) {
		copy_floats(value, qkv + h->value, h->nvalue);
		return;
	}
	value = (float *)p.value + (size_t)(place / TW_LANES) * (size_t)h->nvalue * TW_LANES
	        + place % TW_LANES;
	for (int i = 0; i < h->nvalue; i++)
		value[i * TW_LANES] = qkv[h->value + i];
}

static void
read_softmax(const TwHead *h, const TwActivations *w, int last, const float *qkv)
{
	TwReadPlaces p = tw_cached_places(h, w, last + 1);

	w->kernel->attend(&p, qkv + h->query, w->score, w->u);
	add_read(h, w, w->u);
}

/* At <bos>, which sees only itself: what it reads, and the state that it leaves. */
void
tw_start_head(const TwHead *h, const TwActivations *w, const float *qkv)
{
	if (h->lookup == TW_LOOKUP_OFFSET)
		start_earlier(h, w, qkv);
	else if (h->lookup == TW_LOOKUP_ARGMAX)
		start_argmax(h, w, qkv);
	else if (h->lookup == TW_LOOKUP_KEYED || h->lookup == TW_LOOKUP_MEAN)
		start_keyed(h, w, qkv);
	else if (h->lookup == TW_LOOKUP_SOFTMAX)
		cache_place(h, w, 0, qkv);
	else if (h->lookup == TW_LOOKUP_PLACE)
		copy_floats(value_at(h, w, 0), qkv + h->value, h->nvalue);
	add_read(h, w, qkv + h->value);
}

/* What a place leaves for itself and others. False where a gap is too small. */
bool
tw_note_head(const TwHead *h, const TwActivations *w, int place, const float *qkv)
{
	switch (h->lookup) {
	case TW_LOOKUP_ARGMAX: note_argmax(h, w, qkv); return true;
	case TW_LOOKUP_KEYED: note_keyed(h, w, place, qkv); return true;
	case TW_LOOKUP_MEAN: return note_mean(h, w, place, qkv);
	case TW_LOOKUP_SOFTMAX: cache_place(h, w, place, qkv); return true;
	case TW_LOOKUP_PLACE:
		copy_floats(value_at(h, w, place), qkv + h->value, h->nvalue);
		return true;
	default: return true;
	}
}

/* What is read at a place that sees places 0 .. last. */
bool
tw_read_head(const TwHead *h, const TwActivations *w, int place, int last, const float *qkv)
{
	switch (h->lookup) {
	case TW_LOOKUP_OFFSET: read_earlier(h, w, place, qkv); return true;
	case TW_LOOKUP_ARGMAX: return read_argmax(h, w, qkv);
	case TW_LOOKUP_KEYED: return read_keyed(h, w, place, qkv);
	case TW_LOOKUP_MEAN: return read_mean(h, w, place, qkv);
	case TW_LOOKUP_SOFTMAX: read_softmax(h, w, last, qkv); return true;
	case TW_LOOKUP_PLACE: return read_nearest_place(h, w, last, qkv);
	default: return true;
	}
}

void
tw_pass_head(const TwHead *h, const TwActivations *w, int place, const float *qkv)
{
	if (h->lookup == TW_LOOKUP_OFFSET && h->back)
		copy_floats(ring_slot(h, w, place), qkv + h->value, h->nvalue);
}

void
tw_note_best(const TwHead *h, const TwActivations *w, int place, const float *qkv)
{
	float *best = best_of_all(h, tw_find_key(h, w, qkv + h->key));
	TwKeyTable *t = tw_key_table(h, w);

	*best = fmaxf(*best, own_priority(h, place, qkv));
	t->all = fmaxf(t->all, *best);
}

void
tw_forget_place(const TwHead *h, const TwActivations *w, const float *qkv)
{
	float *e = tw_find_key(h, w, qkv + h->key);

	e[TW_ENTRY_BEST] = e[TW_ENTRY_SECOND] = -INFINITY;
	tw_key_table(h, w)->priority = -INFINITY;
}

/* From so many columns and numbers on a packed map is multiplied as a matrix. */
enum { WIDE_MAP = 32, LARGE_MAP = 1024 };

static bool
is_large_map(const TwAffine *f)
{
	return f->packed && f->width >= WIDE_MAP && (long)f->n * f->width >= LARGE_MAP;
}

void
tw_apply(const TwAffine *f, const float *bias, const TwActivations *w, const float *x, float *y)
{
	if (is_large_map(f)) {
		w->kernel->times(f, bias, x, w->repeated, y);
		return;
	}
	for (int i = 0; i < f->n; i++)
		y[i] = form_dot(f, i, x, bias[i]);
}

static void
project(const TwFastLayer *s, const TwActivations *w)
{
	tw_apply(&s->project, s->project.bias, w, w->x, w->qkv);
	tw_phase_end(w->clock, TW_PROJECTIONS);
}

static bool
decode_attention(const TwFastLayer *s, const TwActivations *w, int place)
{
	bool ok = true;

	project(s, w);
	for (int i = 0; i < s->nhead; i++) {
		const TwHead *h = &s->head[i];
		if (!place)
			tw_start_head(h, w, w->qkv);
		else
			ok = tw_note_head(h, w, place, w->qkv)
			     && tw_read_head(h, w, place, place, w->qkv) && ok;
	}
	tw_phase_end(w->clock, TW_HEADS);
	return ok;
}

/* ---- neurons */

static void
add_staircase(const TwStaircase *g, float u, float *x)
{
	const double *line = tw_staircase_line(g, (double)u);

	for (int c = 0; c < g->nout; c++)
		x[g->out[c]] += (float)(line[2 * c] * (double)u + line[2 * c + 1]);
}

static void
add_neurons(const TwFastLayer *s, const TwStaircase *g, float u, float *x)
{
	for (int i = g->first; i < g->first + g->n; i++) {
		float v = u + s->bias[i];
		if (!(v > 0))
			return; /* the thresholds of those that follow are higher */
		scatter_row(&s->out, i, v, x);
	}
}

/* The sums of all neurons, each from its base: columns of x that are 0 are left out. */
static void
add_up_neurons(const TwFastLayer *s, const TwActivations *w)
{
	float *u = w->u;

	if (is_large_map(&s->linear)) {
		w->kernel->times(&s->linear, s->base, w->x, w->repeated, u);
		return;
	}
	if (s->linear.n)
		memcpy(u, s->base, (size_t)s->linear.n * sizeof *u);
	for (int i = 0; i < s->linear_t.n; i++)
		if (w->x[s->linear_t_column[i]] != 0)
			scatter_row(&s->linear_t, i, w->x[s->linear_t_column[i]], u);
}

/* Neurons that are 0 are left out. */
static void
scatter_neurons(const TwFastLayer *s, const TwActivations *w)
{
	float *u = w->u;

	for (int i = 0; i < s->nshared; i++) {
		int sum = s->shared[i];
		const TwStaircase *g = &s->staircase[sum];
		if (g->nout)
			add_staircase(g, u[sum], w->x);
		else
			add_neurons(s, g, u[sum], w->x);
		u[sum] = 0;
	}
	for (int i = 0; i < s->linear.n; i++)
		if (u[i] > 0)
			scatter_row(&s->out, s->staircase[i].first, u[i], w->x);
	for (int i = 0; i < s->out_t.n; i++)
		w->x[s->out_t_column[i]] += s->out_t.bias[i];
}

static void
multiply_neurons(const TwFastLayer *s, const TwActivations *w)
{
	float *v = w->neuron;

	for (int i = 0; i < s->nneuron; i++) {
		int sum = s->sum[i];
		float x = s->staircase[sum].n == 1 ? w->u[sum] : w->u[sum] + s->bias[i];
		v[i] = x > 0 ? x : 0;
	}
	w->kernel->times(&s->out_t, s->out_t.bias, v, w->repeated, v);
	for (int i = 0; i < s->out_t.n; i++)
		w->x[s->out_t_column[i]] += v[i];
}

static void
decode_mlp(const TwFastLayer *s, const TwActivations *w)
{
	add_up_neurons(s, w);
	(is_large_map(&s->out_t) ? multiply_neurons : scatter_neurons)(s, w);
	tw_phase_end(w->clock, TW_NEURONS);
}

static void
trace_state(const TwSpecialized *c, const TwActivations *w, int state, int place)
{
	size_t d = (size_t)c->m->d_model, places = (size_t)c->m->context + 1;

	if (w->trace)
		memcpy(w->trace + ((size_t)state * places + (size_t)place) * d, w->x,
		       d * sizeof *w->x);
}

void
tw_add_place(const TwModel *m, int place, float *x)
{
	size_t d = (size_t)m->d_model;

	for (size_t i = 0; !m->by_digits && i < d; i++)
		x[i] += m->embed_position[(size_t)place * d + i];
	for (int n = 0; n < m->npart; n++) {
		const TwPlacePart *part = &m->part[n];
		const float *row = part->table
		                   + tw_place_digit(&part->digit, place) * part->ncolumn;
		for (int i = 0; i < part->ncolumn; i++)
			x[part->column[i]] += row[i];
	}
}

void
tw_embed(const TwModel *m, const int *row, int place, float *x)
{
	size_t d = (size_t)m->d_model;
	const float *token = m->embed_token + (size_t)row[0] * d;

	memcpy(x, token, d * sizeof *x);
	tw_add_place(m, place, x);
	for (int f = 1; f < m->nfield; f++) {
		token = m->embed_token + (size_t)row[f] * d;
		for (size_t i = 0; i < d; i++)
			x[i] += token[i];
	}
}

static void
embed_row(const TwAffine *f, int i, float v, float *x, int shift)
{
	for (int t = f->start[i]; t < f->start[i + 1]; t++)
		x[f->term[t].at << shift] += v * f->term[t].w;
}

static void
embed_value(const TwSpecialized *c, int f, int row, float *x, int shift)
{
	int second;

	embed_row(&c->token, tw_token_rows(c, f, row, &second), 1, x, shift);
	if (second >= 0)
		embed_row(&c->token, second, 1, x, shift);
}

/* The same by the rows' nonzeros, in the same order of sums, into zeros. */
void
tw_embed_sparse(const TwSpecialized *c, TwFed fed, int place, float *x, int shift)
{
	const TwModel *m = c->m;

	if (!m->ninput)
		embed_value(c, 0, fed.row[0], x, shift);
	for (int n = 0; n < c->ndigit; n++)
		embed_row(&c->place, tw_place_row(c, n, place), 1, x, shift);
	for (int f = 1; f < m->nfield; f++)
		embed_value(c, f, fed.row[f], x, shift);
	for (int i = 0; i < m->ninput && fed.number; i++)
		embed_row(&c->token, i, fed.number[i], x, shift);
}

bool
tw_step(const TwSpecialized *c, const TwActivations *w, TwFed fed, int place)
{
	bool ok = true;

	tw_phase_begin(w->clock);
	memset(w->x, 0, (size_t)c->m->d_model * sizeof *w->x);
	tw_embed_sparse(c, fed, fed.at, w->x, 0);
	tw_phase_end(w->clock, TW_EMBEDDING);
	trace_state(c, w, 0, place);
	for (int n = 0; n < c->m->nlayer; n++) {
		ok = decode_attention(&c->layer[n], w, place) && ok;
		trace_state(c, w, 2 * n + 1, place);
		decode_mlp(&c->layer[n], w);
		trace_state(c, w, 2 * n + 2, place);
	}
	return ok;
}
