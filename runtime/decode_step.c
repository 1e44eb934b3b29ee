/* One token of one text through the code. */

#include "runtime/specialize.h"
#include "runtime/sparse.h"

#include <math.h>
#include <string.h>

static float
form_dot(const TwForms *f, int i, const float *x, float sum)
{
	const TwTerm *t = f->term + f->start[i], *end = f->term + f->start[i + 1];

	for (; t < end; t++)
		sum += t->w * x[t->at];
	return sum;
}

static inline void
scatter_row(const TwForms *f, int i, float v, float *x)
{
	const TwTerm *t = f->term + f->start[i], *end = f->term + f->start[i + 1];

	for (; t < end; t++)
		x[t->at] += v * t->w;
}

static void
scatter_rows(const TwForms *f, const float *v, float *x)
{
	for (int i = 0; i < f->n; i++)
		scatter_row(f, i, v[i], x);
}

static void
copy_floats(float *to, const float *from, int n)
{
	for (int i = 0; i < n; i++)
		to[i] = from[i];
}

/* ---- heads */

/* A ring of the last `back` values, all of <bos> at first. */
static void
read_earlier(const TwHead *h, const TwWork *w, int place, const float *fresh)
{
	const float *value = fresh + h->value;
	float *ring = w->state + h->state;

	if (!h->back) {
		scatter_rows(&h->out, value, w->x);
		return;
	}
	ring += (size_t)(h->back == 1 ? 0 : place % h->back) * (size_t)h->nvalue;
	scatter_rows(&h->out, ring, w->x);
	copy_floats(ring, value, h->nvalue);
}

static void
start_earlier(const TwHead *h, const TwWork *w, const float *fresh)
{
	for (int i = 0; i < h->back; i++)
		copy_floats(w->state + h->state + i * h->nvalue, fresh + h->value, h->nvalue);
}

/* The two greatest priorities so far, of places that may all have the same key. */
static void
keep_two_best(float *best, float *second, float priority, float *kept, const float *value, int n)
{
	if (priority > *best) {
		*second = *best;
		*best = priority;
		copy_floats(kept, value, n);
	} else if (!(priority <= *second)) {
		*second = priority;
	}
}

static bool
read_argmax(const TwHead *h, const TwWork *w, const float *fresh)
{
	float *s = w->state + h->state, *kept = s + 3, *bos = kept + h->nvalue;

	keep_two_best(&s[0], &s[1], fresh[h->priority], kept, fresh + h->value, h->nvalue);
	float lifted = s[2] + tw_dot(fresh + h->query, h->lift, h->nkey);
	bool at_bos = lifted > s[0];
	float other = at_bos ? s[0] : s[1] > lifted ? s[1] : lifted;
	scatter_rows(&h->out, at_bos ? bos : kept, w->x);
	return (at_bos ? lifted : s[0]) - other >= TW_GAP;
}

static void
start_argmax(const TwHead *h, const TwWork *w, const float *fresh)
{
	float *s = w->state + h->state;

	s[0] = s[1] = -INFINITY;
	s[2] = fresh[h->priority];
	copy_floats(s + 3 + h->nvalue, fresh + h->value, h->nvalue);
}

/* Entry 0 is <bos>, then one for each key that came. */
static float *
key_entry(const TwHead *h, const TwWork *w, int i)
{
	return w->state + h->places + (size_t)i * (size_t)(h->nkey + h->nvalue + 2);
}

static void
start_keyed(const TwHead *h, const TwWork *w, const float *fresh)
{
	float *e = key_entry(h, w, 0);

	w->state[h->state] = 1;
	copy_floats(e, fresh + h->key, h->nkey);
	e[h->nkey] = fresh[h->priority];
	e[h->nkey + 1] = h->way == TW_MEAN ? 1 : -INFINITY;
	copy_floats(e + h->nkey + 2, fresh + h->value, h->nvalue);
}

static bool
same_keys(const float *a, const float *b, int n)
{
	for (int i = 0; i < n; i++)
		if (a[i] != b[i])
			return false;
	return true;
}

static float *
find_key(const TwHead *h, const TwWork *w, const float *key)
{
	int n = (int)w->state[h->state];

	for (int i = 1; i < n; i++)
		if (same_keys(key_entry(h, w, i), key, h->nkey))
			return key_entry(h, w, i);
	float *e = key_entry(h, w, n);
	w->state[h->state] = (float)(n + 1);
	copy_floats(e, key, h->nkey);
	e[h->nkey] = e[h->nkey + 1] = -INFINITY;
	return e;
}

static bool
read_keyed(const TwHead *h, const TwWork *w, const float *fresh)
{
	float *e = find_key(h, w, fresh + h->key), best = -INFINITY, second = -INFINITY;
	int n = (int)w->state[h->state];
	const float *read = e;

	keep_two_best(&e[h->nkey], &e[h->nkey + 1], fresh[h->priority], e + h->nkey + 2,
	              fresh + h->value, h->nvalue);
	for (int i = 0; i < n; i++) {
		e = key_entry(h, w, i);
		float by_key = tw_dot(e, fresh + h->query, h->nkey), score = by_key + e[h->nkey];
		float next = by_key + e[h->nkey + 1];
		if (!(score <= best)) {
			second = best > next ? best : next;
			best = score;
			read = e;
		} else if (!(score <= second)) {
			second = score;
		}
	}
	scatter_rows(&h->out, read + h->nkey + 2, w->x);
	return best - second >= TW_GAP;
}

/* One more to be read with all others of this priority, or instead of them. False
 * where it is neither equal nor a gap away. */
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
read_mean(const TwHead *h, const TwWork *w, float *fresh)
{
	float *e = find_key(h, w, fresh + h->key), *sum = fresh + h->value, top = -INFINITY,
	      count = 0;
	int n = (int)w->state[h->state];
	bool ok = join_mean(&e[h->nkey], &e[h->nkey + 1], fresh[h->priority], e + h->nkey + 2, sum,
	                    h->nvalue);

	memset(sum, 0, (size_t)h->nvalue * sizeof *sum);
	for (int i = 0; i < n; i++) {
		e = key_entry(h, w, i);
		float score = tw_dot(e, fresh + h->query, h->nkey) + e[h->nkey];
		ok = join_mean(&top, &count, score, sum, e + h->nkey + 2, h->nvalue) && ok;
		if (score == top)
			count += e[h->nkey + 1] - 1;
	}
	for (int i = 0; i < h->nvalue; i++)
		scatter_row(&h->out, i, sum[i] / count, w->x);
	return ok;
}

static float *
cached_place(const TwHead *h, const TwWork *w, int place)
{
	return w->state + h->places + (size_t)place * (size_t)(h->nkey + h->nvalue);
}

static void
cache_place(const TwHead *h, const TwWork *w, int place, const float *fresh)
{
	float *at = cached_place(h, w, place);

	copy_floats(at, fresh + h->key, h->nkey);
	copy_floats(at + h->nkey, fresh + h->value, h->nvalue);
}

/* The scores of places 0 .. place, then the greatest and the one after it. */
static int
score_places(const TwHead *h, const TwWork *w, int place, const float *query, float *second)
{
	int best = 0;

	*second = -INFINITY;
	for (int p = 0; p <= place; p++) {
		w->score[p] = tw_dot(query, cached_place(h, w, p), h->nkey);
		if (p && w->score[p] > w->score[best]) {
			*second = w->score[best];
			best = p;
		} else if (p && w->score[p] > *second) {
			*second = w->score[p];
		}
	}
	return best;
}

static void
read_weighted(const TwHead *h, const TwWork *w, int place, float top)
{
	float sum = 0;

	for (int p = 0; p <= place; p++)
		sum += w->score[p] = expf(w->score[p] - top);
	for (int i = 0; i < h->nvalue; i++) {
		float v = 0;
		for (int p = 0; p <= place; p++)
			if (w->score[p] != 0)
				v += w->score[p] / sum * cached_place(h, w, p)[h->nkey + i];
		scatter_row(&h->out, i, v, w->x);
	}
}

static void
read_softmax(const TwHead *h, const TwWork *w, int place, const float *fresh)
{
	float second;

	cache_place(h, w, place, fresh);
	int best = score_places(h, w, place, fresh + h->query, &second);
	if (w->score[best] - second >= TW_GAP)
		scatter_rows(&h->out, cached_place(h, w, best) + h->nkey, w->x);
	else
		read_weighted(h, w, place, w->score[best]);
}

/* <bos> sees only itself. */
static void
start_head(const TwHead *h, const TwWork *w, const float *fresh)
{
	if (h->way == TW_BACK)
		start_earlier(h, w, fresh);
	else if (h->way == TW_BEST)
		start_argmax(h, w, fresh);
	else if (h->way == TW_KEYED || h->way == TW_MEAN)
		start_keyed(h, w, fresh);
	else if (h->way == TW_ANY)
		cache_place(h, w, 0, fresh);
	scatter_rows(&h->out, fresh + h->value, w->x);
}

static bool
decode_head(const TwHead *h, const TwWork *w, int place, float *fresh)
{
	switch (h->way) {
	case TW_BACK: read_earlier(h, w, place, fresh); return true;
	case TW_BEST: return read_argmax(h, w, fresh);
	case TW_KEYED: return read_keyed(h, w, fresh);
	case TW_MEAN: return read_mean(h, w, fresh);
	case TW_ANY: read_softmax(h, w, place, fresh); return true;
	default: return true;
	}
}

static bool
decode_attention(const TwStage *s, const TwWork *w, int place)
{
	bool ok = true;

	for (int i = 0; i < s->project.n; i++)
		w->fresh[i] = form_dot(&s->project, i, w->x, s->project.bias[i]);
	tw_lap(w->clock, TW_PROJECTIONS);
	for (int i = 0; i < s->nhead; i++) {
		if (!place)
			start_head(&s->head[i], w, w->fresh);
		else if (!decode_head(&s->head[i], w, place, w->fresh))
			ok = false;
	}
	tw_lap(w->clock, TW_HEADS);
	return ok;
}

/* ---- neurons */

static void
add_staircase(const TwSteps *g, float u, float *x)
{
	float at = ceilf(u) - (float)g->low;
	int i = at > 0 ? at < (float)g->range ? (int)at : g->range : 0;
	const double *line = g->line + 2 * (size_t)g->segment[i] * (size_t)g->nout;

	for (int c = 0; c < g->nout; c++)
		x[g->out[c]] += (float)(line[2 * c] * (double)u + line[2 * c + 1]);
}

static void
add_neurons(const TwStage *s, const TwSteps *g, float u, float *x)
{
	for (int i = g->first; i < g->first + g->n; i++) {
		float v = u + s->bias[i];
		if (!(v > 0))
			return; /* the others' thresholds are higher */
		scatter_row(&s->out, i, v, x);
	}
}

/* Most columns are 0, and most neurons silent. */
static void
decode_mlp(const TwStage *s, const TwWork *w)
{
	float *u = w->u;

	if (s->linear.n)
		memcpy(u, s->base, (size_t)s->linear.n * sizeof *u);
	for (int i = 0; i < s->input.n; i++)
		if (w->x[s->read[i]] != 0)
			scatter_row(&s->input, i, w->x[s->read[i]], u);
	for (int i = 0; i < s->ntogether; i++) {
		int part = s->together[i];
		const TwSteps *g = &s->steps[part];
		if (g->nout)
			add_staircase(g, u[part], w->x);
		else
			add_neurons(s, g, u[part], w->x);
		u[part] = 0;
	}
	for (int i = 0; i < s->linear.n; i++)
		if (u[i] > 0)
			scatter_row(&s->out, s->steps[i].first, u[i], w->x);
	for (int i = 0; i < s->write.n; i++)
		w->x[s->column[i]] += s->write.bias[i];
	tw_lap(w->clock, TW_NEURONS);
}

static void
trace_state(const TwCode *c, const TwWork *w, int state, int place)
{
	size_t d = (size_t)c->m->d_model, places = (size_t)c->m->context + 1;

	if (w->note)
		memcpy(w->note + ((size_t)state * places + (size_t)place) * d, w->x,
		       d * sizeof *w->x);
}

void
tw_embed(const TwModel *m, const int *row, int place, float *x)
{
	size_t d = (size_t)m->d_model;
	const float *token = m->embed_token + (size_t)row[0] * d;
	const float *position = m->embed_position + (size_t)place * d;

	for (size_t i = 0; i < d; i++)
		x[i] = token[i] + position[i];
	for (int f = 1; f < m->nfield; f++) {
		token = m->embed_token + (size_t)row[f] * d;
		for (size_t i = 0; i < d; i++)
			x[i] += token[i];
	}
}

bool
tw_step(const TwCode *c, const TwWork *w, const int *row, int place)
{
	bool ok = true;

	tw_lap_start(w->clock);
	tw_embed(c->m, row, place, w->x);
	tw_lap(w->clock, TW_EMBEDDING);
	trace_state(c, w, 0, place);
	for (int n = 0; n < c->m->nlayer; n++) {
		ok = decode_attention(&c->stage[n], w, place) && ok;
		trace_state(c, w, 2 * n + 1, place);
		decode_mlp(&c->stage[n], w);
		trace_state(c, w, 2 * n + 2, place);
	}
	return ok;
}
