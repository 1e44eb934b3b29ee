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
 * The runner-up is there to check the gap: see TW_GAP.
 *
 * In a bidirectional model all places are noted first, layer by layer, and then each reads what
 * all have left: tw_run_text. */

#include "runtime/specialize.h"
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

static void
scatter_rows(const TwAffine *f, const float *v, float *x)
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

/* The ring buffer of the last `back` values; at first all are that of <bos>. */
static void
read_earlier(const TwHead *h, const TwActivations *w, int place, const float *qkv)
{
	const float *value = qkv + h->value;
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
start_earlier(const TwHead *h, const TwActivations *w, const float *qkv)
{
	for (int i = 0; i < h->back; i++)
		copy_floats(w->state + h->state + i * h->nvalue, qkv + h->value, h->nvalue);
}

/* Keeps the two greatest priorities, and the value that goes with the greatest. */
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

static void
note_argmax(const TwHead *h, const TwActivations *w, const float *qkv)
{
	float *s = w->state + h->state;

	keep_two_best(&s[0], &s[1], qkv[h->priority], s + 3, qkv + h->value, h->nvalue);
}

static bool
read_argmax(const TwHead *h, const TwActivations *w, const float *qkv)
{
	const float *s = w->state + h->state, *kept = s + 3, *bos = kept + h->nvalue;
	float lifted = s[2] + tw_dot(qkv + h->query, h->bos_key, h->nkey);
	bool at_bos = lifted > s[0];
	float other = at_bos ? s[0] : s[1] > lifted ? s[1] : lifted;
	scatter_rows(&h->out, at_bos ? bos : kept, w->x);
	return (at_bos ? lifted : s[0]) - other >= TW_GAP;
}

static void
start_argmax(const TwHead *h, const TwActivations *w, const float *qkv)
{
	float *s = w->state + h->state;

	s[0] = s[1] = -INFINITY;
	s[2] = qkv[h->priority];
	copy_floats(s + 3 + h->nvalue, qkv + h->value, h->nvalue);
}

/* Entry i of the list of keys: entry 0 is <bos>, then one for each key that came. */
static float *
key_entry(const TwHead *h, const TwActivations *w, int i)
{
	int size = h->nkey + h->nvalue + 2 + (h->window.order != 0);

	return w->state + h->places + (size_t)i * (size_t)size;
}

/* With a window: the greatest priority of this key at any place, seen or not. */
static float *
best_of_all(const TwHead *h, float *entry)
{
	return entry + h->nkey + 2 + h->nvalue;
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
	float *e = key_entry(h, w, 0);

	w->state[h->state] = 1;
	copy_floats(e, qkv + h->key, h->nkey);
	e[h->nkey] = qkv[h->priority];
	e[h->nkey + 1] = h->lookup == TW_LOOKUP_MEAN ? 1 : -INFINITY;
	copy_floats(e + h->nkey + 2, qkv + h->value, h->nvalue);
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
find_key(const TwHead *h, const TwActivations *w, const float *key)
{
	int n = (int)w->state[h->state];

	for (int i = 1; i < n; i++)
		if (same_keys(key_entry(h, w, i), key, h->nkey))
			return key_entry(h, w, i);
	float *e = key_entry(h, w, n);
	w->state[h->state] = (float)(n + 1);
	copy_floats(e, key, h->nkey);
	e[h->nkey] = e[h->nkey + 1] = -INFINITY;
	if (h->window.order)
		*best_of_all(h, e) = -INFINITY;
	return e;
}

static void
note_keyed(const TwHead *h, const TwActivations *w, const float *qkv)
{
	float *e = find_key(h, w, qkv + h->key);

	keep_two_best(&e[h->nkey], &e[h->nkey + 1], qkv[h->priority], e + h->nkey + 2,
	              qkv + h->value, h->nvalue);
}

static float
shift_of_bos(const TwHead *h, int place)
{
	return h->window.order ? h->window.bos_shift[place] : 0;
}

static bool
read_keyed(const TwHead *h, const TwActivations *w, int place, const float *qkv)
{
	const float *read = key_entry(h, w, 0);
	float best = -INFINITY, second = -INFINITY, outside = -INFINITY;
	int n = (int)w->state[h->state];

	for (int i = 0; i < n; i++) {
		float *e = key_entry(h, w, i);
		float by_key = tw_dot(e, qkv + h->query, h->nkey);
		if (h->window.order && i)
			outside = fmaxf(outside, by_key + *best_of_all(h, e));
		if (!i)
			by_key += shift_of_bos(h, place);
		float score = by_key + e[h->nkey];
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
	return best - second >= TW_GAP && others_behind(h, outside, best);
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
note_mean(const TwHead *h, const TwActivations *w, const float *qkv)
{
	float *e = find_key(h, w, qkv + h->key);

	return join_mean(&e[h->nkey], &e[h->nkey + 1], qkv[h->priority], e + h->nkey + 2,
	                 qkv + h->value, h->nvalue);
}

static bool
read_mean(const TwHead *h, const TwActivations *w, int place, const float *qkv)
{
	float *sum = w->u, top = -INFINITY, count = 0, outside = -INFINITY;
	int n = (int)w->state[h->state];
	bool ok = true;

	memset(sum, 0, (size_t)h->nvalue * sizeof *sum);
	for (int i = 0; i < n; i++) {
		float *e = key_entry(h, w, i);
		float by_key = tw_dot(e, qkv + h->query, h->nkey), score = by_key + e[h->nkey];
		if (!i)
			score += shift_of_bos(h, place);
		else if (h->window.order)
			outside = fmaxf(outside, by_key + *best_of_all(h, e));
		ok = join_mean(&top, &count, score, sum, e + h->nkey + 2, h->nvalue) && ok;
		if (score == top)
			count += e[h->nkey + 1] - 1;
	}
	for (int i = 0; i < h->nvalue; i++)
		scatter_row(&h->out, i, sum[i] / count, w->x);
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
static bool
find_place(const TwHead *h, const float *query, int last, int *place)
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
read_place(const TwHead *h, const TwActivations *w, int last, const float *qkv)
{
	int place;
	bool ok = find_place(h, qkv + h->query, last, &place);

	scatter_rows(&h->out, value_at(h, w, place), w->x);
	return ok;
}

/* ---- TW_LOOKUP_SOFTMAX */

static float *
cached_place(const TwHead *h, const TwActivations *w, int place)
{
	return w->state + h->places + (size_t)place * (size_t)(h->nkey + h->nvalue);
}

static void
cache_place(const TwHead *h, const TwActivations *w, int place, const float *qkv)
{
	float *at = cached_place(h, w, place);

	copy_floats(at, qkv + h->key, h->nkey);
	copy_floats(at + h->nkey, qkv + h->value, h->nvalue);
}

/* The scores of places 0 .. place into w->score; which is the greatest, and how great is
 * the second. */
static int
score_places(const TwHead *h, const TwActivations *w, int place, const float *query, float *second)
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
read_weighted(const TwHead *h, const TwActivations *w, int place, float top)
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
read_softmax(const TwHead *h, const TwActivations *w, int place, const float *qkv)
{
	float second;

	int best = score_places(h, w, place, qkv + h->query, &second);
	if (w->score[best] - second >= TW_GAP)
		scatter_rows(&h->out, cached_place(h, w, best) + h->nkey, w->x);
	else
		read_weighted(h, w, place, w->score[best]);
}

/* At <bos>, which sees only itself: what it reads, and the state that it leaves. */
static void
start_head(const TwHead *h, const TwActivations *w, const float *qkv)
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
	scatter_rows(&h->out, qkv + h->value, w->x);
}

/* What a place leaves for itself and others. False where a gap is too small. */
static bool
note_head(const TwHead *h, const TwActivations *w, int place, const float *qkv)
{
	switch (h->lookup) {
	case TW_LOOKUP_ARGMAX: note_argmax(h, w, qkv); return true;
	case TW_LOOKUP_KEYED: note_keyed(h, w, qkv); return true;
	case TW_LOOKUP_MEAN: return note_mean(h, w, qkv);
	case TW_LOOKUP_SOFTMAX: cache_place(h, w, place, qkv); return true;
	case TW_LOOKUP_PLACE:
		copy_floats(value_at(h, w, place), qkv + h->value, h->nvalue);
		return true;
	default: return true;
	}
}

/* What is read at a place that sees places 0 .. last. */
static bool
read_head(const TwHead *h, const TwActivations *w, int place, int last, const float *qkv)
{
	switch (h->lookup) {
	case TW_LOOKUP_OFFSET: read_earlier(h, w, place, qkv); return true;
	case TW_LOOKUP_ARGMAX: return read_argmax(h, w, qkv);
	case TW_LOOKUP_KEYED: return read_keyed(h, w, place, qkv);
	case TW_LOOKUP_MEAN: return read_mean(h, w, place, qkv);
	case TW_LOOKUP_SOFTMAX: read_softmax(h, w, last, qkv); return true;
	case TW_LOOKUP_PLACE: return read_place(h, w, last, qkv);
	default: return true;
	}
}

static void
project(const TwFastLayer *s, const TwActivations *w)
{
	for (int i = 0; i < s->project.n; i++)
		w->qkv[i] = form_dot(&s->project, i, w->x, s->project.bias[i]);
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
			start_head(h, w, w->qkv);
		else
			ok = note_head(h, w, place, w->qkv) && read_head(h, w, place, place, w->qkv)
			     && ok;
	}
	tw_phase_end(w->clock, TW_HEADS);
	return ok;
}

/* ---- neurons */

static void
add_staircase(const TwStaircase *g, float u, float *x)
{
	float at = ceilf(u) - (float)g->low;
	int i = at > 0 ? at < (float)g->range ? (int)at : g->range : 0;
	const double *line = g->line + 2 * (size_t)g->segment[i] * (size_t)g->nout;

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

/* Sparse both ways: columns of x that are 0 are left out of the sums, and neurons that are
 * 0 of the output. */
static void
decode_mlp(const TwFastLayer *s, const TwActivations *w)
{
	float *u = w->u;

	if (s->linear.n)
		memcpy(u, s->base, (size_t)s->linear.n * sizeof *u);
	for (int i = 0; i < s->linear_t.n; i++)
		if (w->x[s->linear_t_column[i]] != 0)
			scatter_row(&s->linear_t, i, w->x[s->linear_t_column[i]], u);
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

/* The same by the rows' nonzeros, in the same order of sums. */
static void
embed_sparse(const TwSpecialized *c, TwFed fed, int place, float *x)
{
	const TwModel *m = c->m;

	memset(x, 0, (size_t)m->d_model * sizeof *x);
	if (!m->ninput)
		scatter_row(&c->token, fed.row[0], 1, x);
	for (int n = 0; n < c->ndigit; n++)
		scatter_row(&c->place, tw_place_row(c, n, place), 1, x);
	for (int f = 1; f < m->nfield; f++)
		scatter_row(&c->token, fed.row[f], 1, x);
	for (int i = 0; i < m->ninput && fed.number; i++)
		scatter_row(&c->token, i, fed.number[i], x);
}

bool
tw_step(const TwSpecialized *c, const TwActivations *w, TwFed fed, int place)
{
	bool ok = true;

	tw_phase_begin(w->clock);
	embed_sparse(c, fed, place, w->x);
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

/* ---- a whole text at once */

/* The stream and the projections of one place of it. */
static TwActivations
at_place(const TwSpecialized *c, const TwActivations *w, int place)
{
	TwActivations at = *w;

	at.x += (size_t)place * (size_t)c->m->d_model;
	at.qkv += (size_t)place * (size_t)c->qkv;
	return at;
}

static bool
read_text(const TwSpecialized *c, const TwHead *h, const TwActivations *w, int n)
{
	bool ok = true;

	for (int p = 0; p < n; p++) {
		TwActivations at = at_place(c, w, p);
		if (!p)
			start_head(h, &at, at.qkv);
		else
			ok = note_head(h, &at, p, at.qkv) && ok;
	}
	for (int p = 1; p < n; p++) {
		TwActivations at = at_place(c, w, p);
		ok = read_head(h, &at, p, n - 1, at.qkv) && ok;
	}
	return ok;
}

static void
note_best(const TwHead *h, const TwActivations *w, const float *qkv)
{
	float *best = best_of_all(h, find_key(h, w, qkv + h->key));

	*best = fmaxf(*best, qkv[h->priority]);
}

/* The same through a window: places are noted just before the first of those that see them. */
static bool
read_window(const TwSpecialized *c, const TwHead *h, const TwActivations *w, int n)
{
	int order = h->window.order, next = order > 0 ? 1 : n - 1;
	bool ok = true;

	for (int p = 0; p < n; p++) {
		TwActivations at = at_place(c, w, p);
		at.qkv[h->priority] -= h->window.own[p];
		if (!p)
			start_head(h, &at, at.qkv);
		else
			note_best(h, &at, at.qkv);
	}
	for (int p = next; p > 0 && p < n; p += order) {
		TwActivations at = at_place(c, w, p);
		int last = p - order * h->window.lag;
		for (; next > 0 && next < n && order * (last - next) >= 0; next += order) {
			TwActivations other = at_place(c, w, next);
			ok = note_head(h, &other, next, other.qkv) && ok;
		}
		ok = read_head(h, &at, p, n - 1, at.qkv) && ok;
	}
	return ok;
}

static bool
attend_text(const TwSpecialized *c, const TwFastLayer *s, const TwActivations *w, int n)
{
	bool ok = true;

	for (int p = 0; p < n; p++) {
		TwActivations at = at_place(c, w, p);
		project(s, &at);
	}
	for (int i = 0; i < s->nhead; i++) {
		const TwHead *h = &s->head[i];
		ok = (h->window.order ? read_window : read_text)(c, h, w, n) && ok;
	}
	tw_phase_end(w->clock, TW_HEADS);
	return ok;
}

static void
trace_text(const TwSpecialized *c, const TwActivations *w, int state, int n)
{
	for (int p = 0; p < n && w->trace; p++) {
		TwActivations at = at_place(c, w, p);
		trace_state(c, &at, state, p);
	}
}

bool
tw_run_text(const TwSpecialized *c, const TwActivations *w, const int *row, const float *number,
            int n)
{
	bool ok = true;

	tw_phase_begin(w->clock);
	for (int p = 0; p < n; p++) {
		TwFed fed = { row + p * c->m->nfield, p ? number + p * c->m->ninput : NULL };
		embed_sparse(c, fed, p, at_place(c, w, p).x);
	}
	tw_phase_end(w->clock, TW_EMBEDDING);
	trace_text(c, w, 0, n);
	for (int i = 0; i < c->m->nlayer; i++) {
		ok = attend_text(c, &c->layer[i], w, n) && ok;
		trace_text(c, w, 2 * i + 1, n);
		for (int p = 0; p < n; p++) {
			TwActivations at = at_place(c, w, p);
			decode_mlp(&c->layer[i], &at);
		}
		trace_text(c, w, 2 * i + 2, n);
	}
	return ok;
}
