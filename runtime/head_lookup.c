/* What each head looks up, from its weights: how the fast path recognises that a softmax
 * is one-hot, or a mean of equals, and where it points.
 *
 * A column of wq or wk is an affine form over the residual stream. Every number of the
 * stream is a sum of what the embedding, earlier heads and earlier MLPs wrote there, so
 * the form is a function of the token, plus one of the place, plus multiples of what they
 * wrote. If all these multiples are zero the form is known at load, for every text:
 *
 *     queries that are constant     join the keys in one number for each position, the
 *                                   priority, whose greatest so far is all that is read
 *     keys that are 0 off <bos>     only choose <bos> or not, by the query: TW_LOOKUP_ARGMAX
 *     other keys                    split the positions into classes: TW_LOOKUP_KEYED
 *     a priority without places     those that have it are read alike: TW_LOOKUP_MEAN
 *     both by place alone           K = key, Q = c K(target) and the priority is
 *                                   -c/2 K^2: then score = const - c/2 (K - K(target))^2,
 *                                   which is greatest at the target: TW_LOOKUP_OFFSET
 *     the key alone by place        the same with a target that is computed, each digit of the
 *                                   place being a dimension of its own: TW_LOOKUP_PLACE
 *
 * For example the head of token[here - 1]: with K = the place p' and Q = c (p - 1), and
 * -c/2 p'^2 from a constant query, the score is greatest at p' = p - 1, and c/2 less or
 * lower elsewhere.
 *
 * All of it is reckoned with integers that a double holds, or not at all: a head of which
 * nothing is found is computed by softmax, which is always right. What the certificate
 * of the file claims of a head is compared with what was found. To add a kind of look-up:
 * TwLookup (specialize.h), choose_lookup here, fixed_size or size_at_place (specialize.c),
 * start_head and decode_head (decode_step.c). */

#define _GNU_SOURCE /* qsort_r */

#include "runtime/specialize.h"
#include "runtime/json.h"
#include "runtime/load.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* An affine form over the stream, as a function of token and place. Token rows are those
 * that a text can hold; <bos> stands at place 0 alone, so `bos` has both parts. */
typedef struct Provenance {
	bool known; /* no multiple of a head or neuron is in it; its sums are exact */
	bool by_token, by_place;
	double bos;
	double constant; /* where neither is so */
	double *place;   /* (places) at the text's places, if not by_token; [0] is bos */
	double *cell; /* in place of it where places are known by digits: what each digit adds, as
	               * rows of TwSpecialized.place are; and what is there without them */
	double base;
} Provenance;

typedef struct HeadAnalysis {
	TwSpecialized *c;
	const TwModel *m;
	const TwLayer *l;
	int n; /* the layer's number */
} HeadAnalysis;

/* The form, without its bias, at a row of some matrix; *sure is lost where sums may round,
 * and where the file has been asking for too much work. */
static double
exact_dot(const HeadAnalysis *s, const TwAffine *f, const float *row, bool *sure)
{
	double sum = 0, most = 0;

	s->c->budget -= f->start[1] + 1;
	for (int t = 0; t < f->start[1]; t++) {
		double x = (double)f->term[t].w * (double)row[f->term[t].at];
		sum += x;
		most += fabs(x);
		*sure = *sure && tw_is_exact_integer(x);
	}
	*sure = *sure && most < TW_MOST_EXACT && s->c->budget > 0;
	return sum;
}

static bool
rows_vanish(const HeadAnalysis *s, const TwAffine *f, const float *w, int rows)
{
	bool sure = true;

	for (int i = 0; i < rows; i++)
		if (exact_dot(s, f, w + (size_t)i * (size_t)s->m->d_model, &sure) != 0 || !sure)
			return false;
	return true;
}

/* Whether nothing that earlier layers write shows in the form. */
static bool
only_embedding(const HeadAnalysis *s, const TwAffine *f, double *constant, bool *sure)
{
	for (int n = 0; n < s->n; n++) {
		const TwLayer *l = &s->m->layer[n];
		if (l->heads && !rows_vanish(s, f, l->wo, l->heads * l->dv))
			return false;
		if (l->neurons && !rows_vanish(s, f, l->w2, l->neurons))
			return false;
		if (l->neurons)
			*constant += exact_dot(s, f, l->b2, sure);
	}
	return true;
}

/* What the place adds, by place. False where it is too much work. */
static bool
provenance_of_place(HeadAnalysis *s, const TwAffine *f, Provenance *r)
{
	const TwModel *m = s->m;
	size_t d = (size_t)m->d_model;

	s->c->budget -= m->context;
	if (s->c->budget < 0)
		return false;
	r->place = TW_NEW(&s->c->scratch, double, m->context + 1);
	for (int p = 0; p <= m->context && f->start[1]; p++)
		r->place[p] = exact_dot(s, f, m->embed_position + (size_t)p * d, &r->known);
	for (int p = 2; p <= m->context && !r->by_place; p++)
		r->by_place = r->place[p] != r->place[1];
	r->bos += r->place[0];
	r->place[0] = r->bos;
	for (int p = 1; p <= m->context; p++)
		r->place[p] += r->constant;
	r->constant = r->place[1];
	return true;
}

/* Does digit n have more than one value at places that are not <bos>? */
static bool
varies_by_digit(const HeadAnalysis *s, const double *cell, int n)
{
	const TwPlaceDigit *digit = &s->c->digit[n];
	const double *x = cell + s->c->digit_row[n];
	bool own = digit->saturate && digit->divide == 1 && !digit->back; /* <bos> alone has 0 */

	for (int k = own + 1; k < digit->modulo; k++)
		if (x[k] != x[own])
			return true;
	return false;
}

static double
cells_at(const HeadAnalysis *s, const double *cell, int place)
{
	double sum = 0;

	for (int n = 0; n < s->c->ndigit; n++)
		sum += cell[tw_place_row(s->c, n, place)];
	return sum;
}

/* The same by digits. */
static bool
provenance_of_digits(HeadAnalysis *s, const TwAffine *f, Provenance *r)
{
	const TwSpecialized *c = s->c;
	int rows = c->digit_row[c->ndigit];
	float *row = TW_NEW(&s->c->scratch, float, s->m->d_model);

	s->c->budget -= c->place.n ? c->place.start[c->place.n] + rows : 0;
	if (s->c->budget < 0)
		return false;
	r->cell = TW_NEW(&s->c->scratch, double, rows + 1);
	for (int i = 0; i < rows && f->start[1]; i++) {
		for (int t = c->place.start[i]; t < c->place.start[i + 1]; t++)
			row[c->place.term[t].at] = c->place.term[t].w;
		r->cell[i] = exact_dot(s, f, row, &r->known);
		for (int t = c->place.start[i]; t < c->place.start[i + 1]; t++)
			row[c->place.term[t].at] = 0;
	}
	for (int n = 0; n < c->ndigit && !r->by_place; n++)
		r->by_place = varies_by_digit(s, r->cell, n);
	r->base = r->constant;
	r->bos += cells_at(s, r->cell, 0);
	r->constant += cells_at(s, r->cell, 1);
	return true;
}

static Provenance
provenance_of(HeadAnalysis *s, const TwAffine *f)
{
	const TwModel *m = s->m;
	size_t d = (size_t)m->d_model;
	Provenance r = { .known = true };
	double fixed = (double)f->bias[0], token = 0;
	bool numbers = m->ninput > 0;

	if (!only_embedding(s, f, &fixed, &r.known) || !r.known)
		return (Provenance){ 0 };
	for (int i = 0; i < m->ninput && f->start[1]; i++)
		r.by_token = r.by_token
		             || exact_dot(s, f, m->embed_input + (size_t)i * d, &r.known) != 0;
	for (int i = 0; i < m->nfield && f->start[1] && !numbers; i++) {
		const float *row = m->embed_token + (size_t)m->first[i] * d;
		double first = exact_dot(s, f, row, &r.known);
		for (int n = m->first[i + 1] - m->first[i]; n > 1 && !r.by_token; n--)
			r.by_token = exact_dot(s, f, row += d, &r.known) != first;
		token += first;
	}
	r.constant = fixed + token;
	r.bos = fixed;
	if (!numbers)
		r.bos += m->nfield
		         * exact_dot(s, f, m->embed_token + ((size_t)m->nvocab + 1) * d, &r.known);
	if (!(m->by_digits ? provenance_of_digits : provenance_of_place)(s, f, &r))
		return (Provenance){ 0 };
	r.known = r.known && tw_is_exact_integer(fixed);
	return r;
}

/* Column j of a (d_model, width) matrix as a form. */
static TwAffine
column_as_form(HeadAnalysis *s, const float *w, int width, int j, float bias)
{
	TwAffine f = { 0 };

	tw_affine_add(&s->c->scratch, &f, w + j, (size_t)width, s->m->d_model, bias);
	return f;
}

/* ---- a head split into priority and keys */

typedef struct HeadDims {
	int n;             /* dimensions whose query varies */
	int *dim;          /* (n) their numbers in the head */
	Provenance *q, *k; /* (n) */
	float *priority;   /* (d_model) constant queries times keys, */
	float priority_b;  /* with its bias */
	Provenance at;     /* that priority, taken back */
	bool sound;        /* priorities are whole numbers that a float holds */
} HeadDims;

static bool
add_priority(HeadAnalysis *s, HeadDims *d, int j, double q)
{
	const TwLayer *l = s->l;
	int width = l->heads * l->dk;
	bool ok = true;

	for (int i = 0; i < s->m->d_model; i++) {
		double w = (double)d->priority[i]
		           + q * (double)l->wk[(size_t)i * (size_t)width + (size_t)j];
		d->priority[i] = (float)w;
		ok = ok && tw_is_exact_integer(w) && (double)d->priority[i] == w;
	}
	double b = (double)d->priority_b + q * (double)l->bk[j];
	d->priority_b = (float)b;
	return ok && tw_is_exact_integer(b) && (double)d->priority_b == b;
}

static HeadDims
split_head(HeadAnalysis *s, int head)
{
	const TwLayer *l = s->l;
	HeadDims d = { .sound = true };

	d.dim = TW_NEW(&s->c->scratch, int, l->dk);
	d.q = TW_NEW(&s->c->scratch, Provenance, l->dk);
	d.k = TW_NEW(&s->c->scratch, Provenance, l->dk);
	d.priority = TW_NEW(&s->c->scratch, float, s->m->d_model);
	for (int i = 0; i < l->dk; i++) {
		int j = head * l->dk + i, width = l->heads * l->dk;
		TwAffine fq = column_as_form(s, l->wq, width, j, l->bq[j]),
			 fk = column_as_form(s, l->wk, width, j, l->bk[j]);
		Provenance q = provenance_of(s, &fq);
		if (q.known && !q.by_token && !q.by_place) {
			d.sound = add_priority(s, &d, j, q.constant) && d.sound;
			continue;
		}
		d.dim[d.n] = i;
		d.q[d.n] = q;
		d.k[d.n++] = provenance_of(s, &fk);
	}
	TwAffine f = { 0 };
	tw_affine_add(&s->c->scratch, &f, d.priority, 1, s->m->d_model, d.priority_b);
	d.at = provenance_of(s, &f);
	return d;
}

/* ---- TW_LOOKUP_OFFSET */

static bool
by_place_alone(const Provenance *x)
{
	return x->known && !x->by_token;
}

/* c of dimension i: the priority is -c/2 K^2 where the other keys are 0. */
static double
square_weight(const HeadDims *d, int i, int places)
{
	double zero = d->at.place[0];

	for (int p = 1; p < places; p++) {
		bool alone = d->k[i].place[p] != 0;
		for (int j = 0; j < d->n; j++)
			alone = alone && (j == i || d->k[j].place[p] == 0);
		if (alone)
			return -2 * (d->at.place[p] - zero) / (d->k[i].place[p] * d->k[i].place[p]);
	}
	return 0;
}

static bool
squares_fit(const HeadDims *d, const double *c, int places)
{
	for (int i = 0; i < d->n; i++)
		if (!(c[i] > 0) || d->k[i].place[0] != 0)
			return false;
	for (int p = 1; p < places; p++) {
		double sum = d->at.place[0] - d->at.place[p];
		for (int i = 0; i < d->n; i++)
			sum -= c[i] / 2 * d->k[i].place[p] * d->k[i].place[p];
		if (sum != 0)
			return false;
	}
	return true;
}

static int
by_double(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* The least difference of two keys that are not equal, in one dimension. */
static double
least_step(HeadAnalysis *s, const Provenance *k, int places)
{
	double *sorted = TW_NEW(&s->c->scratch, double, places), least = INFINITY;

	memcpy(sorted, k->place, (size_t)places * sizeof *sorted);
	qsort(sorted, (size_t)places, sizeof *sorted, by_double);
	for (int p = 1; p < places; p++)
		if (sorted[p] != sorted[p - 1])
			least = fmin(least, sorted[p] - sorted[p - 1]);
	return least;
}

static int
by_keys(const void *a, const void *b, void *arg)
{
	const HeadDims *d = arg;
	int p = *(const int *)a, q = *(const int *)b;

	for (int i = 0; i < d->n; i++) {
		double x = d->k[i].place[p], y = d->k[i].place[q];
		if (x != y)
			return x < y ? -1 : 1;
	}
	return 0;
}

/* No two places have the same keys, so scores are as far apart as keys can be;
 * with one key none is below that of <bos>. */
static bool
keys_differ(HeadAnalysis *s, HeadDims *d, const double *c, int places)
{
	int *order = TW_NEW(&s->c->scratch, int, places);

	for (int i = 0; i < d->n; i++) {
		double step = least_step(s, &d->k[i], places);
		if (!(c[i] / 2 * step * step >= (double)TW_GAP))
			return false;
	}
	for (int p = 0; p < places; p++)
		order[p] = p;
	qsort_r(order, (size_t)places, sizeof *order, by_keys, d);
	for (int p = 1; p < places; p++)
		if (!by_keys(&order[p - 1], &order[p], d))
			return false;
	return d->n > 1 || order[0] == 0;
}

/* The query at place t asks for the keys of this place, or for less than any. */
static bool
query_selects(const HeadDims *d, const double *c, int t, int place)
{
	for (int i = 0; i < d->n; i++) {
		double q = d->q[i].place[t], k = c[i] * d->k[i].place[place];
		if (q != k && !(place == 0 && d->n == 1 && q < k))
			return false;
	}
	return true;
}

/* ---- the same where places are known by digits: each dimension matches one digit of the place,
 * and asks for that of the place `back` before */

/* The one digit that the form depends on; -1 if there are none or more. */
static int
only_digit(const HeadAnalysis *s, const Provenance *x)
{
	int only = -1;

	for (int n = 0; n < s->c->ndigit; n++) {
		if (!varies_by_digit(s, x->cell, n))
			continue;
		if (only >= 0)
			return -1;
		only = n;
	}
	return only;
}

/* c where the priority is -c/2 K^2 in digit n, K being `key` and 0 at its first; else 0. */
static double
digit_weight(const HeadAnalysis *s, const double *key, const double *priority, int n)
{
	int first = s->c->digit_row[n], end = s->c->digit_row[n + 1];
	double c = 0;

	for (int r = first; r < end; r++) {
		double k = key[r] - key[first], p = priority[r] - priority[first];
		if (k != 0 && c == 0)
			c = -2 * p / (k * k);
		if (p != -c / 2 * k * k)
			return 0;
	}
	return c > 0 ? c : 0;
}

/* Scores of two digits are at least TW_GAP apart. */
static bool
digits_differ(HeadAnalysis *s, const double *key, int n, double c)
{
	int rows = s->c->digit[n].modulo;
	double *sorted = TW_NEW(&s->c->scratch, double, rows);

	memcpy(sorted, key + s->c->digit_row[n], (size_t)rows * sizeof *sorted);
	qsort(sorted, (size_t)rows, sizeof *sorted, by_double);
	for (int r = 1; r < rows; r++) {
		double step = sorted[r] - sorted[r - 1];
		if (!(c / 2 * step * step >= (double)TW_GAP))
			return false;
	}
	return true;
}

/* Does the query ask, at every place, for the key of the place `back` before? */
static bool
query_is_key_before(const HeadAnalysis *s, const Provenance *q, const Provenance *k, int n,
                    double c, int back)
{
	int at = only_digit(s, q);

	if (at < 0)
		return false;
	TwPlaceDigit want = s->c->digit[n];
	want.back = back;
	const TwPlaceDigit *have = &s->c->digit[at];
	if (have->back != want.back || have->divide != want.divide || have->modulo != want.modulo
	    || have->saturate || q->bos != c * k->bos)
		return false;
	const double *x = q->cell + s->c->digit_row[at], *y = k->cell + s->c->digit_row[n];
	for (int r = 0; r < want.modulo; r++)
		if (x[r] - x[0] != c * (y[r] - y[0]))
			return false;
	return true;
}

/* Do these digits, one for each dimension, tell every two places apart? */
static bool
digits_are_place(const HeadAnalysis *s, const int *digit, int n)
{
	int64_t unit = 1;

	for (int found = 0; found < n; found++) {
		int i = 0;
		while (i < n && s->c->digit[digit[i]].divide != unit)
			i++;
		if (i == n || s->c->digit[digit[i]].back || s->c->digit[digit[i]].saturate)
			return false;
		unit *= s->c->digit[digit[i]].modulo;
		if (unit > s->m->context)
			return found + 1 == n;
	}
	return false;
}

static bool
is_offset_by_digits(HeadAnalysis *s, TwHead *h, const HeadDims *d)
{
	int *digit = TW_NEW(&s->c->scratch, int, d->n), at = only_digit(s, &d->q[0]);

	if (at < 0 || s->c->digit[at].back < 1 || d->n < 2)
		return false;
	h->back = s->c->digit[at].back;
	for (int i = 0; i < d->n; i++) {
		digit[i] = only_digit(s, &d->k[i]);
		double c = digit[i] < 0 || d->k[i].bos != 0
		                   ? 0
		                   : digit_weight(s, d->k[i].cell, d->at.cell, digit[i]);
		if (c == 0 || !digits_differ(s, d->k[i].cell, digit[i], c)
		    || !query_is_key_before(s, &d->q[i], &d->k[i], digit[i], c, h->back))
			return false;
	}
	for (int n = 0; n < s->c->ndigit; n++) {
		bool matched = !varies_by_digit(s, d->at.cell, n);
		for (int i = 0; i < d->n; i++)
			matched |= digit[i] == n;
		if (!matched)
			return false;
	}
	double zero = d->at.base + cells_at(s, d->at.cell, 0);
	if (d->at.bos != zero || !digits_are_place(s, digit, d->n))
		return false;
	h->lookup = TW_LOOKUP_OFFSET;
	return true;
}

static bool
is_offset_lookup(HeadAnalysis *s, TwHead *h, HeadDims *d)
{
	int places = s->m->context + 1, back = -1;
	double *c = TW_NEW(&s->c->scratch, double, d->n);

	if (!d->n || !d->sound || !by_place_alone(&d->at))
		return false;
	for (int i = 0; i < d->n; i++)
		if (!by_place_alone(&d->q[i]) || !by_place_alone(&d->k[i]))
			return false;
	if (s->m->by_digits)
		return is_offset_by_digits(s, h, d);
	for (int i = 0; i < d->n; i++)
		c[i] = square_weight(d, i, places);
	if (!squares_fit(d, c, places) || !keys_differ(s, d, c, places))
		return false;
	for (int p = places - 1; p >= 0 && back < 0; p--)
		if (query_selects(d, c, places - 1, p))
			back = places - 1 - p;
	for (int t = 1; t < places && back >= 0; t++)
		if (!query_selects(d, c, t, t > back ? t - back : 0))
			back = -1;
	h->lookup = TW_LOOKUP_OFFSET;
	h->back = back;
	return back >= 0;
}

/* ---- TW_LOOKUP_PLACE: each dimension whose query varies matches a digit of the place */

/* The digit's part of the priority, v(d) = linear d - square d^2, from v(1) and v(2). */
static void
set_priority(TwDigitMatch *m, double one, double two)
{
	m->square = m->base > 2 ? one - two / 2 : 1;
	m->linear = one + m->square;
}

static double
digit_priority(const TwDigitMatch *m, int d)
{
	return m->linear * d - m->square * d * d;
}

/* Reads the digits off the keys, each of which changes first at its unit. */
static bool
digits_of_keys(HeadAnalysis *s, const HeadDims *d, TwDigitMatch *m)
{
	int places = s->m->context + 1;

	for (int i = 0; i < d->n; i++) {
		const double *k = d->k[i].place;
		for (m[i].unit = 1; m[i].unit < places && k[m[i].unit] == k[0];)
			m[i].unit++;
		if (m[i].unit == places || k[0] != 0)
			return false;
		m[i].key = k[m[i].unit];
	}
	for (int i = 0; i < d->n; i++) {
		const double *at = d->at.place;
		int next = places - 1 + m[i].unit;
		for (int j = 0; j < d->n; j++)
			if (m[j].unit > m[i].unit && m[j].unit < next)
				next = m[j].unit;
		m[i].base = next / m[i].unit;
		int two = 2 * m[i].unit < places ? 2 * m[i].unit : 0;
		set_priority(&m[i], at[m[i].unit] - at[0], two ? at[two] - at[0] : -INFINITY);
		if (!two)
			m[i].square = 1, m[i].linear = at[m[i].unit] - at[0] + 1;
	}
	return true;
}

/* Are they all that the scores are made of? */
static bool
digits_fit(const HeadAnalysis *s, const HeadDims *d, const TwDigitMatch *m)
{
	s->c->budget -= (double)d->n * s->m->context;
	for (int p = 0; p <= s->m->context; p++) {
		double sum = d->at.place[0];
		for (int i = 0; i < d->n; i++) {
			int digit = p / m[i].unit % m[i].base;
			if (d->k[i].place[p] != m[i].key * digit)
				return false;
			sum += digit_priority(&m[i], digit);
		}
		if (sum != d->at.place[p])
			return false;
	}
	return s->c->budget > 0;
}

/* The same where places are known by digits. */
static bool
match_known_digit(const HeadAnalysis *s, const HeadDims *d, int i, int n, TwDigitMatch *m)
{
	const double *k = d->k[i].cell + s->c->digit_row[n], *at = d->at.cell + s->c->digit_row[n];
	const TwPlaceDigit *of = &s->c->digit[n];

	*m = (TwDigitMatch){ .unit = of->divide, .base = of->modulo };
	if (m->base < 2 || d->k[i].bos != d->k[i].base + cells_at(s, d->k[i].cell, 0))
		return false;
	m->key = k[1] - k[0];
	set_priority(m, at[1] - at[0], m->base > 2 ? at[2] - at[0] : 0);
	for (int r = 0; r < m->base; r++)
		if (k[r] - k[0] != m->key * r || at[r] - at[0] != digit_priority(m, r))
			return false;
	return true;
}

static bool
match_known_digits(HeadAnalysis *s, const HeadDims *d, TwDigitMatch *m)
{
	int *digit = TW_NEW(&s->c->scratch, int, d->n);

	for (int i = 0; i < d->n; i++) {
		digit[i] = only_digit(s, &d->k[i]);
		if (digit[i] < 0 || !match_known_digit(s, d, i, digit[i], &m[i]))
			return false;
	}
	for (int n = 0; n < s->c->ndigit; n++) {
		bool matched = !varies_by_digit(s, d->at.cell, n);
		for (int i = 0; i < d->n; i++)
			matched |= digit[i] == n;
		if (!matched)
			return false;
	}
	return d->at.bos == d->at.base + cells_at(s, d->at.cell, 0)
	       && digits_are_place(s, digit, d->n);
}

/* The digits, the lowest first, make up the place, and scores fall to both sides of the digit. */
static bool
order_digits(HeadAnalysis *s, const HeadDims *d, TwHead *h, const TwDigitMatch *m)
{
	int64_t unit = 1;

	h->digit = TW_NEW(&s->c->pool, TwDigitMatch, d->n);
	h->dim_of_digit = TW_NEW(&s->c->pool, int, d->n);
	for (int n = 0; n < d->n; n++) {
		int i = 0;
		while (i < d->n && m[i].unit != unit)
			i++;
		if (i == d->n || !(m[i].square > 0) || m[i].base < 1)
			return false;
		h->digit[n] = m[i];
		h->dim_of_digit[n] = i;
		unit *= m[i].base;
	}
	return unit > s->m->context;
}

static bool
is_place_lookup(HeadAnalysis *s, TwHead *h, const HeadDims *d)
{
	TwDigitMatch *m = TW_NEW(&s->c->scratch, TwDigitMatch, d->n);

	if (!d->n || d->n > TW_MOST_DIGITS || !d->sound || !by_place_alone(&d->at))
		return false;
	for (int i = 0; i < d->n; i++)
		if (!by_place_alone(&d->k[i]))
			return false;
	if (!(s->m->by_digits ? match_known_digits(s, d, m)
	                      : digits_of_keys(s, d, m) && digits_fit(s, d, m)))
		return false;
	if (!order_digits(s, d, h, m))
		return false;
	h->lookup = TW_LOOKUP_PLACE;
	return true;
}

/* ---- TW_LOOKUP_ARGMAX, _KEYED, _MEAN */

/* The keys are 0 at every place of the text. */
static bool
only_lifts_bos(const HeadDims *d)
{
	for (int i = 0; i < d->n; i++)
		if (!d->k[i].known || d->k[i].by_token || d->k[i].by_place || d->k[i].constant != 0)
			return false;
	return true;
}

static bool
has_two_values(const double *x, int n)
{
	double other = x[0];

	for (int i = 1; i < n; i++) {
		if (x[i] == x[0] || x[i] == other)
			continue;
		if (other != x[0])
			return false;
		other = x[i];
	}
	return true;
}

/* Is it one bit of the place, so that a key of such bits is found without a look at all? */
static bool
is_bit_of_place(const HeadAnalysis *s, const Provenance *r)
{
	int n;

	if (r->by_token)
		return false;
	if (!s->m->by_digits)
		return has_two_values(r->place + 1, s->m->context);
	n = only_digit(s, r);
	return n >= 0 && has_two_values(r->cell + s->c->digit_row[n], s->c->digit[n].modulo);
}

/* Keys that tell no two places apart, or that do so bit by bit. */
static bool
keys_ignore_place(HeadAnalysis *s, const TwAffine *f)
{
	Provenance r = provenance_of(s, f);

	return !r.known || !r.by_place || is_bit_of_place(s, &r);
}

static bool
is_written(const HeadAnalysis *s, int column)
{
	size_t d = (size_t)s->m->d_model;

	for (int n = 0; n < s->n; n++) {
		const TwLayer *l = &s->m->layer[n];
		s->c->budget -= l->heads * l->dv + l->neurons;
		for (int i = 0; i < l->heads * l->dv; i++)
			if (l->wo[(size_t)i * d + (size_t)column] != 0)
				return true;
		for (int i = 0; i < l->neurons; i++)
			if (l->w2[(size_t)i * d + (size_t)column] != 0)
				return true;
	}
	return false;
}

/* Does the place show in this column of the embedding? */
static bool
varies_by_place(const HeadAnalysis *s, int column)
{
	const TwModel *m = s->m;
	size_t d = (size_t)m->d_model;

	for (int n = 0; n < m->npart; n++)
		for (int i = 0; i < m->part[n].ncolumn; i++)
			if (m->part[n].column[i] == column)
				return true;
	if (m->by_digits)
		return false;
	const float *x = m->embed_position + column;
	int p = 2;
	while (p <= m->context && x[(size_t)p * d] == x[d])
		p++;
	s->c->budget -= p;
	return p <= m->context;
}

/* Whether a layer below writes where the form has a number of the place from: then the
 * embedding alone does not say what becomes of it. */
static bool
is_moved(const HeadAnalysis *s, const TwAffine *f)
{
	for (int t = 0; t < f->start[1] && s->c->budget > 0; t++)
		if (varies_by_place(s, f->term[t].at) && is_written(s, f->term[t].at))
			return true;
	return false;
}

static bool
reads_moved(HeadAnalysis *s, int head)
{
	const TwLayer *l = s->l;
	int width = l->heads * l->dk;

	for (int j = head * l->dk; j < (head + 1) * l->dk; j++) {
		TwAffine q = column_as_form(s, l->wq, width, j, l->bq[j]),
			 k = column_as_form(s, l->wk, width, j, l->bk[j]);
		if (is_moved(s, &q) || is_moved(s, &k))
			return true;
	}
	return false;
}

/* The steps of the priority from each place to the next, where its digits are those of one base:
 * all digits below n go back to 0 when digit n grows by one. */
typedef struct Steps {
	double least, most;
} Steps;

static bool
steps_by_digits(const HeadAnalysis *s, const double *cell, Steps *to)
{
	double wrapped = 0;
	int64_t unit = 1;
	int varying = 0, used = 0;

	*to = (Steps){ INFINITY, -INFINITY };
	for (int n = 0; n < s->c->ndigit; n++)
		varying += varies_by_digit(s, cell, n);
	for (int left = 0; left < s->c->ndigit; left++) {
		int n = 0;
		while (n < s->c->ndigit
		       && (s->c->digit[n].divide != unit || s->c->digit[n].back
		           || s->c->digit[n].saturate || !varies_by_digit(s, cell, n)))
			n++;
		if (n == s->c->ndigit)
			break;
		const double *x = cell + s->c->digit_row[n];
		int last = s->c->digit[n].modulo - 1;
		for (int k = 0; k < last && (k + 1) * unit <= s->m->context; k++) {
			to->least = fmin(to->least, x[k + 1] - x[k] + wrapped);
			to->most = fmax(to->most, x[k + 1] - x[k] + wrapped);
		}
		wrapped += x[0] - x[last];
		unit *= last + 1;
		used++;
	}
	return unit > s->m->context && used == varying;
}

/* The form without what layers below write, by digits. */
static int
slope_by_digits(HeadAnalysis *s, const HeadDims *d, bool *flat)
{
	TwAffine f = { 0 };
	Provenance r = { .known = true };
	Steps step_;

	tw_affine_add(&s->c->scratch, &f, d->priority, 1, s->m->d_model, 0);
	if (!provenance_of_digits(s, &f, &r) || !r.known)
		return *flat = false;
	*flat = s->m->context > 1 && !r.by_place;
	if (!r.by_place)
		return 0;
	if (!steps_by_digits(s, r.cell, &step_))
		return 0;
	return step_.least > 0 ? 1 : step_.most < 0 ? -1 : 0;
}

/* 1 where the priority of a later place is greater, all else being equal; *flat: it is
 * the same. */
static int
priority_slope(HeadAnalysis *s, const HeadDims *d, bool *flat)
{
	if (s->m->by_digits)
		return slope_by_digits(s, d, flat);
	TwAffine f = { 0 };
	bool up = true, down = true, sure = true;
	double last = 0;

	*flat = s->m->context > 1;
	tw_affine_add(&s->c->scratch, &f, d->priority, 1, s->m->d_model, 0);
	for (int p = 1; p <= s->m->context; p++) {
		double x = exact_dot(
			s, &f, s->m->embed_position + (size_t)p * (size_t)s->m->d_model, &sure);
		up = up && (p == 1 || x > last);
		down = down && (p == 1 || x < last);
		*flat = *flat && (p == 1 || x == last);
		last = x;
	}
	*flat = *flat && sure;
	return !sure || s->m->context < 2 ? 0 : up ? 1 : down ? -1 : 0;
}

/* ---- windows: dimensions in which both query and key are of the place alone, and what the place
 * adds to the priority, may only say which places are seen at all. With F(here, p) for their sum, F
 * is the same number M wherever p is seen from here, and at least TW_GAP less elsewhere:
 *
 *     here   p = 1    2    3         "j < here", with keys that are one-hot by place
 *     1         -w   -w   -w
 *     2          0   -w   -w
 *     3          0    0   -w
 */

typedef struct WindowAnalysis {
	int n, *dim;  /* those dimensions */
	double *own;  /* (places) the part of the priority */
	double *sum;  /* (places) F of one query */
	double most;  /* M */
	double below; /* M less the greatest F that is not M */
	int places;
} WindowAnalysis;

static const double *
sums_from(HeadAnalysis *s, const HeadDims *d, const WindowAnalysis *w, int here)
{
	memcpy(w->sum, w->own, (size_t)w->places * sizeof *w->sum);
	for (int n = 0; n < w->n; n++) {
		double q = d->q[w->dim[n]].place[here];
		const double *k = d->k[w->dim[n]].place;
		s->c->budget -= 1;
		if (q == 0)
			continue;
		s->c->budget -= w->places;
		for (int p = 0; p < w->places; p++)
			w->sum[p] += q * k[p];
	}
	return w->sum;
}

/* From which place to which one is seen; false where places between are not. */
static bool
seen_from(WindowAnalysis *w, const double *sum, int *from, int *to)
{
	*from = 1;
	*to = w->places - 1;
	while (*from < w->places && sum[*from] != w->most)
		++*from;
	while (*to > 0 && sum[*to] != w->most)
		--*to;
	for (int p = 1; p < w->places; p++) {
		if ((p >= *from && p <= *to) != (sum[p] == w->most))
			return false;
		if (sum[p] != w->most)
			w->below = fmin(w->below, w->most - sum[p]);
	}
	return true;
}

/* How many places are noted and forgotten when the text is gone through in this order: ranges that
 * grow only add places, others start anew. */
static double
cost_of_order(const TwWindow *w, int places, int order)
{
	double cost = 0;
	int from = 1, to = 0;

	for (int k = 1; k < places; k++) {
		int here = order > 0 ? k : places - k, f = (int)w->from[here], t = (int)w->to[here];
		if (f > t)
			continue;
		bool grows = from <= to && f <= from && t >= to;
		cost += grows ? from - f + t - to : to - from + 1 + t - f + 1;
		from = f;
		to = t;
	}
	return cost;
}

static const double most_notes = 4; /* for each place */

/* Where hardly anything is seen, it is an order that was taken for a window. */
static void
choose_order(TwWindow *w, int places)
{
	double up = cost_of_order(w, places, 1), down = cost_of_order(w, places, -1), seen = 0;
	bool all = true;

	for (int here = 1; here < places; here++) {
		all = all && w->from[here] == 1 && (int)w->to[here] == places - 1;
		seen += fmax((double)w->to[here] - (double)w->from[here] + 1, 0);
	}
	w->order = all || 2 * seen < places || fmin(up, down) > most_notes * places ? 0
	           : up <= down                                                     ? 1
	                                                                            : -1;
}

/* Without an order by place of so much a step, which what is not seen must not make up for; of a
 * score that goes before the place it is at least two. */
static bool
find_window(HeadAnalysis *s, const HeadDims *d, WindowAnalysis *w, TwWindow *found, double step)
{
	int from, to;

	w->most = -INFINITY;
	w->below = INFINITY;
	for (int here = 1; here < w->places && s->c->budget > 0; here++) {
		const double *sum = sums_from(s, d, w, here);
		for (int p = 1; p < w->places; p++)
			w->most = fmax(w->most, sum[p]);
	}
	for (int here = 1; here < w->places && s->c->budget > 0; here++) {
		const double *sum = sums_from(s, d, w, here);
		if (!seen_from(w, sum, &from, &to))
			return false;
		found->from[here] = (float)from;
		found->to[here] = (float)to;
		found->bos_shift[here] = (float)(sum[0] - w->most);
		if ((double)found->bos_shift[here] != sum[0] - w->most)
			return false;
	}
	found->outside = (float)w->below;
	if (s->c->budget > 0)
		choose_order(found, w->places);
	return s->c->budget > 0 && found->order
	       && w->below >= (double)TW_GAP + fabs(step) * w->places && w->below < TW_MOST_EXACT;
}

/* What the place adds to the priority; false where it is not exact. */
static bool
own_part(HeadAnalysis *s, const HeadDims *d, double *own)
{
	TwAffine f = { 0 };
	bool sure = true;

	tw_affine_add(&s->c->scratch, &f, d->priority, 1, s->m->d_model, 0);
	for (int p = 0; p <= s->m->context; p++) {
		own[p] = exact_dot(s, &f, s->m->embed_position + (size_t)p * (size_t)s->m->d_model,
		                   &sure);
		sure = sure && (double)(float)own[p] == own[p];
	}
	return sure;
}

/* Whether the file says that this is what the head is for: a hint. Where a mean is of places alone,
 * that cannot be told from an order of them: of two places, the later one is the latest. */
static bool
is_said_to(HeadAnalysis *s, int head, const char *what)
{
	const cJSON *heads = cJSON_GetObjectItemCaseSensitive(s->c->certificate, "heads"), *claim;

	cJSON_ArrayForEach(claim, heads)
	{
		const cJSON *layer = cJSON_GetObjectItemCaseSensitive(claim, "layer");
		const cJSON *number = cJSON_GetObjectItemCaseSensitive(claim, "head");
		const cJSON *intent = cJSON_GetObjectItemCaseSensitive(claim, "intent");
		s->c->budget--;
		if (cJSON_IsNumber(layer) && layer->valuedouble == s->n && cJSON_IsNumber(number)
		    && number->valuedouble == head)
			return cJSON_IsString(intent) && !strcmp(intent->valuestring, what);
	}
	return false;
}

static bool
is_without_order(HeadAnalysis *s, int head)
{
	return !cJSON_IsObject(s->c->certificate) || is_said_to(s, head, "mean")
	       || is_said_to(s, head, "only");
}

/* The difference from place to place that is the most frequent: an order by place. */
static double
usual_step(HeadAnalysis *s, const double *own, int places)
{
	double *step = TW_NEW(&s->c->scratch, double, places), found = 0;
	int most = 0;

	for (int p = 2; p < places; p++)
		step[p - 2] = own[p] - own[p - 1];
	qsort(step, (size_t)(places > 2 ? places - 2 : 0), sizeof *step, by_double);
	for (int i = 0, n = 0; i < places - 2; i++) {
		n = i && step[i] == step[i - 1] ? n + 1 : 1;
		if (n > most) {
			most = n;
			found = step[i];
		}
	}
	return found;
}

static void
drop_dims(HeadDims *d, const WindowAnalysis *w)
{
	int left = 0;

	for (int i = 0, n = 0; i < d->n; i++) {
		if (n < w->n && w->dim[n] == i) {
			n++;
			continue;
		}
		d->dim[left] = d->dim[i];
		d->q[left] = d->q[i];
		d->k[left++] = d->k[i];
	}
	d->n = left;
}

/* Takes the dimensions of a window out of d, and of the priority what the place adds to it, all of
 * it or all but an order by place, which is *slope then. False where there is no window. */
static bool
split_window(HeadAnalysis *s, TwHead *h, HeadDims *d, int *slope)
{
	WindowAnalysis w = { .places = s->m->context + 1 };
	int padded = w.places + TW_LANES;
	TwWindow found = { 0 };

	if (!s->m->bidirectional || s->m->by_digits || !d->n)
		return false;
	w.own = TW_NEW(&s->c->scratch, double, w.places);
	w.dim = TW_NEW(&s->c->scratch, int, d->n);
	for (int i = 0; i < d->n; i++)
		if (by_place_alone(&d->q[i]) && by_place_alone(&d->k[i]))
			w.dim[w.n++] = i;
	w.sum = TW_NEW(&s->c->scratch, double, w.places);
	found.bos_shift = TW_NEW(&s->c->pool, float, w.places);
	found.own = TW_NEW(&s->c->pool, float, w.places);
	found.from = TW_NEW(&s->c->pool, float, padded);
	found.to = TW_NEW(&s->c->pool, float, padded);
	if (!w.n || !own_part(s, d, w.own))
		return false;
	double step = usual_step(s, w.own, w.places);
	*slope = step > 0 ? 1 : step < 0 ? -1 : 0;
	for (int p = 0; p < w.places; p++)
		w.own[p] -= step * p;
	bool one_order = is_said_to(s, h->head, "latest") || is_said_to(s, h->head, "first");
	if (!find_window(s, d, &w, &found, one_order ? step : 2 * step)) {
		for (int p = 0; p < w.places; p++)
			w.own[p] += step * p;
		if (!*slope || !is_without_order(s, h->head) || !find_window(s, d, &w, &found, 0))
			return false;
		*slope = 0;
	}
	for (int p = 0; p < w.places; p++) {
		found.own[p] = (float)w.own[p];
		if ((double)found.own[p] != w.own[p])
			return false;
	}
	h->window = found;
	drop_dims(d, &w);
	return true;
}

static bool
keyed_by_few(HeadAnalysis *s, int head, const HeadDims *d)
{
	const TwLayer *l = s->l;
	bool ok = true;

	for (int i = 0; i < d->n && ok; i++) {
		int j = head * l->dk + d->dim[i];
		TwAffine f = column_as_form(s, l->wk, l->heads * l->dk, j, l->bk[j]);
		ok = keys_ignore_place(s, &f);
	}
	return ok;
}

/* Of several heads that search by digits of an order, each but the last reads a mean of all that
 * have the greatest high digit, and the last the greatest low digit of these: no order of all
 * places. */
static bool
is_said_to_search(HeadAnalysis *s, int head)
{
	return is_said_to(s, head, "search") || is_said_to(s, head, "best")
	       || is_said_to(s, head, "only");
}

/* By the greatest priority, of all positions or of those of each key. */
static void
choose_by_priority(HeadAnalysis *s, TwHead *h, HeadDims *d)
{
	int slope;
	bool flat;

	/* keys made of numbers that are fed need not be few, unless the file says what for */
	bool any = s->m->ninput && !cJSON_IsObject(s->c->certificate);
	if (!d->sound || any || is_said_to(s, h->head, "softmax"))
		return;
	bool window = split_window(s, h, d, &slope);
	h->place_rewritten = reads_moved(s, h->head);
	h->rising = priority_slope(s, d, &flat);
	if (window) {
		h->rising = slope;
		flat = !slope;
	}
	bool mean = is_said_to(s, h->head, "mean");
	if (!h->rising && !flat && !mean && !is_said_to_search(s, h->head))
		return;
	if (h->rising && mean)
		return;
	if (h->rising && !h->window.order && only_lifts_bos(d))
		h->lookup = TW_LOOKUP_ARGMAX;
	else if (keyed_by_few(s, h->head, d))
		h->lookup = flat || mean ? TW_LOOKUP_MEAN : TW_LOOKUP_KEYED;
}

static void
choose_lookup(HeadAnalysis *s, TwHead *h, HeadDims *d)
{
	if (!s->m->bidirectional && is_offset_lookup(s, h, d))
		return;
	if (!is_said_to(s, h->head, "mean") && is_place_lookup(s, h, d))
		return;
	h->lookup = TW_LOOKUP_SOFTMAX;
	choose_by_priority(s, h, d);
	if (h->lookup == TW_LOOKUP_SOFTMAX) /* over all positions, whatever a window shows */
		h->window = (TwWindow){ 0 };
}

/* ---- the rows that a head needs */

static int
project_row(HeadAnalysis *s, const float *w, int width, int j, float bias)
{
	TwAffine *f = &s->c->layer[s->n].project;

	tw_affine_add(&s->c->pool, f, w + j, (size_t)width, s->m->d_model, bias);
	return f->n - 1;
}

static void
project_values(HeadAnalysis *s, TwHead *h)
{
	const TwLayer *l = s->l;
	int d = s->m->d_model, width = l->heads * l->dv;

	h->value = s->c->layer[s->n].project.n;
	for (int i = 0; i < l->dv; i++) {
		int j = h->head * l->dv + i;
		const float *out = l->wo + (size_t)j * (size_t)d;
		bool used = false;
		for (int c = 0; c < d && !used; c++)
			used = out[c] != 0;
		if (!used)
			continue;
		project_row(s, l->wv, width, j, l->bv[j]);
		tw_affine_add(&s->c->pool, &h->out, out, 1, d, 0);
		h->nvalue++;
	}
}

/* Two dimensions whose queries add up to a constant c, as those of a bit and of its opposite do,
 * are one, and a part of the priority:
 *
 *     q k + (c - q) l  =  (2 q - c) (k - l) / 2  +  c (k + l) / 2
 *
 * Then a query that is a bit says by its sign which key it asks for (aim_at_key), where 0 would
 * not. What rounds in that is far below TW_GAP. */
typedef struct KeyPair {
	float *query, *key;  /* (d_model + 1) the new dimension, the biases last */
	double *to_priority; /* (d_model + 1) */
} KeyPair;

static double
weight_of(const float *w, const float *b, int row, int rows, int width, int column)
{
	return (double)(row < rows ? w[(size_t)row * (size_t)width + (size_t)column] : b[column]);
}

/* Columns i and j of the layer's wq and wk as one; false where they are no such pair. */
static bool
join_dimensions(HeadAnalysis *s, int i, int j, KeyPair *to)
{
	const TwLayer *l = s->l;
	int d = s->m->d_model, width = l->heads * l->dk;
	double c = (double)l->bq[i] + (double)l->bq[j];

	*to = (KeyPair){ TW_NEW(&s->c->scratch, float, d + 1), TW_NEW(&s->c->scratch, float, d + 1),
		         TW_NEW(&s->c->scratch, double, d + 1) };
	for (int r = 0; r <= d; r++) {
		double q = weight_of(l->wq, l->bq, r, d, width, i),
		       p = weight_of(l->wq, l->bq, r, d, width, j),
		       k = weight_of(l->wk, l->bk, r, d, width, i),
		       o = weight_of(l->wk, l->bk, r, d, width, j);
		if (r < d && q != -p)
			return false;
		to->query[r] = (float)(q - p);
		to->key[r] = (float)((k - o) / 2);
		to->to_priority[r] = c * (k + o) / 2;
		if ((double)to->query[r] != q - p || (double)to->key[r] != (k - o) / 2)
			return false;
	}
	return true;
}

/* The pairs among the dimensions of a head; what is left of d are the others. */
static int
join_pairs(HeadAnalysis *s, const TwHead *h, HeadDims *d, KeyPair *pair)
{
	int first = h->head * s->l->dk, n = 0, left = 0;

	for (int i = 0; i < d->n; i++) {
		int j = i + 1;
		while (j < d->n
		       && !join_dimensions(s, first + d->dim[i], first + d->dim[j], &pair[n]))
			j++;
		if (j == d->n) {
			d->dim[left] = d->dim[i];
			d->q[left] = d->q[i];
			d->k[left++] = d->k[i];
			continue;
		}
		for (int r = 0; r <= s->m->d_model; r++) {
			float *to = r < s->m->d_model ? &d->priority[r] : &d->priority_b;
			*to = (float)((double)*to + pair[n].to_priority[r]);
		}
		n++;
		for (d->n--; j < d->n; j++) {
			d->dim[j] = d->dim[j + 1];
			d->q[j] = d->q[j + 1];
			d->k[j] = d->k[j + 1];
		}
	}
	d->n = left;
	return n;
}

static void
project_keys(HeadAnalysis *s, TwHead *h, HeadDims *d)
{
	const TwLayer *l = s->l;
	int width = l->heads * l->dk, first = h->head * l->dk;
	bool all = h->lookup == TW_LOOKUP_SOFTMAX, place = h->lookup == TW_LOOKUP_PLACE;

	KeyPair *pair = TW_NEW(&s->c->scratch, KeyPair, d->n + 1);
	int npair = h->lookup == TW_LOOKUP_KEYED ? join_pairs(s, h, d, pair) : 0;
	int alone = all ? l->dk : d->n;

	h->nkey = alone + npair;
	h->query = s->c->layer[s->n].project.n;
	for (int i = 0; i < alone; i++) {
		int j = first + (all ? i : d->dim[place ? h->dim_of_digit[i] : i]);
		project_row(s, l->wq, width, j, l->bq[j]);
	}
	for (int i = 0; i < npair; i++)
		project_row(s, pair[i].query, 1, 0, pair[i].query[s->m->d_model]);
	h->key = s->c->layer[s->n].project.n;
	for (int i = 0; i < alone && h->lookup != TW_LOOKUP_ARGMAX && !place; i++) {
		int j = first + (all ? i : d->dim[i]);
		project_row(s, l->wk, width, j, l->bk[j]);
	}
	for (int i = 0; i < npair; i++)
		project_row(s, pair[i].key, 1, 0, pair[i].key[s->m->d_model]);
	if (all || place)
		return;
	h->priority = project_row(s, d->priority, 1, 0, d->priority_b);
	h->bos_key = TW_NEW(&s->c->pool, float, h->nkey);
	for (int i = 0; i < h->nkey && h->lookup == TW_LOOKUP_ARGMAX; i++)
		h->bos_key[i] = (float)d->k[i].bos;
}

void
tw_find_lookups(TwSpecialized *c, int n)
{
	HeadAnalysis s = { .c = c, .m = c->m, .l = &c->m->layer[n], .n = n };
	TwFastLayer *stage = &c->layer[n];

	stage->head = TW_NEW(&c->pool, TwHead, s.l->heads);
	for (int i = 0; i < s.l->heads; i++) {
		TwHead *h = &stage->head[stage->nhead++];
		h->head = i;
		h->first_row = h->end_row = stage->project.n;
		project_values(&s, h);
		if (!h->nvalue)
			continue;
		HeadDims d = split_head(&s, i);
		choose_lookup(&s, h, &d);
		if (h->lookup != TW_LOOKUP_OFFSET)
			project_keys(&s, h, &d);
		h->end_row = stage->project.n;
		tw_pool_free(&c->scratch);
	}
}

/* ---- the certificate's claims */

static bool
claim_holds(const TwSpecialized *c, const cJSON *claim)
{
	const cJSON *layer = cJSON_GetObjectItemCaseSensitive(claim, "layer");
	const cJSON *head = cJSON_GetObjectItemCaseSensitive(claim, "head");
	const cJSON *offset = cJSON_GetObjectItemCaseSensitive(claim, "offset");
	const char *intent = cJSON_GetStringValue(
		cJSON_GetObjectItemCaseSensitive(claim, "intent"));

	if (!cJSON_IsNumber(layer) || !cJSON_IsNumber(head) || !intent)
		return false;
	if (!(layer->valuedouble >= 0 && layer->valuedouble < c->m->nlayer))
		return false;
	const TwFastLayer *s = &c->layer[layer->valueint];
	if (!(head->valuedouble >= 0 && head->valuedouble < s->nhead))
		return false;
	const TwHead *h = &s->head[head->valueint];
	if (h->lookup == TW_LOOKUP_UNUSED || h->lookup == TW_LOOKUP_SOFTMAX
	    || h->lookup == TW_LOOKUP_PLACE)
		return true; /* nothing relies on it */
	if (h->place_rewritten)
		return true; /* neither that it holds nor that it does not can be seen here */
	if (h->lookup == TW_LOOKUP_MEAN)
		return strcmp(intent, "offset"); /* an order would show, or not be in the weights */
	if (!strcmp(intent, "offset"))
		return h->lookup == TW_LOOKUP_OFFSET && cJSON_IsNumber(offset)
		       && offset->valuedouble == -h->back;
	if (!strcmp(intent, "latest"))
		return h->lookup != TW_LOOKUP_OFFSET && h->rising > 0;
	if (!strcmp(intent, "first"))
		return h->lookup != TW_LOOKUP_OFFSET && h->rising < 0;
	return true;
}

/* Without a certificate, as in models made by hand, nothing is claimed. */
bool
tw_read_certificate(TwSpecialized *c, char **error)
{
	const char *text = c->m->certificate ? c->m->certificate : "null";
	bool no_memory;

	c->certificate = tw_json_parse(text, strlen(text), &no_memory);
	if (!c->certificate)
		return tw_refuse(error, no_memory ? "out of memory" : "the certificate is damaged");
	return true;
}

bool
tw_check_claims(TwSpecialized *c, char **error)
{
	const cJSON *heads = cJSON_GetObjectItemCaseSensitive(c->certificate, "heads"), *claim;
	int i = 0;

	if (!cJSON_IsArray(heads))
		heads = NULL;
	cJSON_ArrayForEach(claim, heads)
	{
		if (!claim_holds(c, claim))
			return tw_refuse(error,
			                 "the certificate is wrong: what it says of head %d is not "
			                 "what the weights do",
			                 i);
		i++;
	}
	cJSON_Delete(c->certificate);
	c->certificate = NULL;
	return true;
}
