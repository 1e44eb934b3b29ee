/* Attention. A head is hard: among the positions that a position sees, those with the greatest
 * score weigh the same and all others nothing, their scores being 104 less at least, where
 * exp is 0 in float32. That is what prove_gap proves, by the first of these rules that
 * does:
 *
 *   residue   Scores of one query at two places of the text differ by what their places add, plus a
 *             multiple of W. If no two places' residues mod W are nearer than 104 in the circle,
 *             <bos> among them, one score is the greatest whatever stands there.
 *   prefix    All depends on the place, but for a query that takes few values: each of these
 *             with each number of visible places is tried.
 *   matrix    Queries and keys depend on their places alone: each row of scores is looked at.
 *   equal     All differences of scores are multiples of G >= 104: scores are equal or far
 *             apart. Then the winners may be many, and the head averages over them; but where
 *             the program promises that no two positions match (`only`), there is one.
 *
 * Scores are exact (sum.c) and below 2^29 in magnitude, and what is hidden has -2^30. */

#include "prove/prove.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- how large scores are */

typedef struct Bound {
	bool of_keys;
	const Roots *roots;
	double *sum, bos;
} Bound;

typedef struct Bounds {
	Bound *list;
	int n;
	double rest;
} Bounds;

/* |q k| where one of the two is a function of few roots: that, value by value, times the
 * greatest of the other. Factors that take turns, as those of a one-hot code do, so count
 * once. */
static bool
add_bound(Proof *p, Bounds *b, bool of_keys, const Reader *r, double other)
{
	const Roots *roots = form_is_exact(&r->form) ? roots_of_form(p, &r->form) : NULL;
	Bound *found = NULL;

	if (!roots)
		return false;
	for (int i = 0; i < b->n && !found; i++)
		if (b->list[i].roots == roots && b->list[i].of_keys == of_keys)
			found = &b->list[i];
	if (!found) {
		found = &b->list[b->n++];
		*found = (Bound){ of_keys, roots, TAKE(double, roots->size), 0 };
	}
	double *table = tabulate(p, &r->form, roots);
	for (int v = 0; v < roots->size; v++)
		found->sum[v] += fabs(table[v]) * other;
	found->bos += fabs(r->bos) * other;
	free(table);
	return true;
}

static double
most_of(Proof *p, const Reader *r)
{
	return fmax(magnitude_of(range_of(p, &r->form)) + error_of_form(&r->form),
	            fabs(r->bos) + r->bos_error);
}

static double
score_bound(Proof *p, const Head *h)
{
	Bounds b = { TAKE(Bound, h->n), 0, 0 };

	for (int i = 0; i < h->n; i++) {
		const Product *x = &h->product[i];
		double q = most_of(p, &x->q), k = most_of(p, &x->k);
		if (!add_bound(p, &b, true, &x->k, q) && !add_bound(p, &b, false, &x->q, k))
			b.rest += q * k;
	}
	for (int i = 0; i < b.n; i++) {
		double most = b.list[i].bos;
		for (int v = 0; v < b.list[i].roots->size; v++)
			most = fmax(most, b.list[i].sum[v]);
		b.rest += most;
		free(b.list[i].sum);
	}
	free(b.list);
	return b.rest;
}

static int
value_step(const Reader *r)
{
	int step = form_step(&r->form), of_bos = step_of(r->bos);

	return step < of_bos ? step : of_bos;
}

/* How far scores of places of the text may be off; what <bos> adds to it, if it can weigh anything:
 * not if it is 104 behind the least score that the text can have. */
static double
error_of_scores(Proof *p, const Head *h)
{
	double of_text = 0, of_bos = 0, text = 0, bos = 0, most_bos = 0;

	for (int i = 0; i < h->n; i++) {
		const Reader *q = &h->product[i].q, *k = &h->product[i].k;
		double q_error = error_of_form(&q->form), k_error = error_of_form(&k->form);
		Range r = range_of(p, &q->form);
		double most_q = magnitude_of(r) + q_error;
		double most_k = magnitude_of(range_of(p, &k->form)) + k_error;
		of_text += most_q * k_error + most_k * q_error + q_error * k_error;
		text += most_q * most_k;
		of_bos += most_q * k->bos_error + fabs(k->bos) * q_error + q_error * k->bos_error;
		most_bos += most_q * fabs(k->bos);
		bos += fmax(r.lo * k->bos, r.hi * k->bos);
	}
	of_text += h->n * text * 0x1p-24 * 1.01;
	of_bos += h->n * most_bos * 0x1p-24 * 1.01;
	return bos + of_bos + GAP < -text - of_text ? of_text : fmax(of_text, of_bos);
}

static void
prove_score(Proof *p, Head *h)
{
	double total = score_bound(p, h);
	int step = NO_STEP;
	bool exact = true;

	for (int i = 0; i < h->n; i++) {
		Product *x = &h->product[i];
		int s = value_step(&x->q) + value_step(&x->k);
		step = s < step ? s : step;
		exact = exact && x->q.exact && x->k.exact;
	}
	exact = exact && fits(total, step, MANTISSA);
	if (exact)
		p->largest_sum = fmax(p->largest_sum, total > 0 ? ldexp(total, -step) : 0);
	else
		h->score_error = fmax(error_of_scores(p, h), 0x1p-60);
	char *where = text("head %d of layer %d", h->head, h->layer);
	add_site(p, FACT_SCORE, total <= LARGEST_SCORE, where,
	         text("its scores may be up to %.0f, more than 2^29", total));
}

/* ---- parts of scores */

static bool
is_of_place(const Proof *p, const Atom *a)
{
	return a->table && a->roots->n == 1 && a->roots->root[0] == p->place;
}

/* Score parts of the place: out[0] of <bos>, out[i] of place i. */
static void
add_place_parts(const Proof *p, const Form *f, double c, double *out)
{
	for (int t = 0; t < f->n; t++)
		for (int i = 1; is_of_place(p, f->term[t].atom) && i < p->m->places; i++)
			out[i] = plus(out[i],
			              times(times(c, f->term[t].c), f->term[t].atom->table[i - 1]));
}

static Form
without_place(const Proof *p, const Form *f)
{
	Form rest = { .term = TAKE(Term, f->n), .error = f->error };

	for (int t = 0; t < f->n; t++)
		if (!is_of_place(p, f->term[t].atom))
			rest.term[rest.n++] = f->term[t];
	return rest;
}

static bool
has_place(const Proof *p, const Form *f)
{
	for (int t = 0; t < f->n; t++)
		if (is_of_place(p, f->term[t].atom))
			return true;
	return false;
}

/* What a score is, as far as it is known: at[place] plus a multiple of W. */
typedef struct Parts {
	double *at; /* (places) */
	double W;   /* 0: it is at[place] */
	bool known;
} Parts;

/* q (k - b) for a k that is b but for a multiple of m, and a q of residue (a, n): at a place
 * of the text a multiple of gcd(a, n) m; at <bos>, a (k - b) but for a multiple of n (k - b).
 * That q b has been left out changes no difference of scores of one query. */
static bool
add_product_parts(Proof *p, const Product *x, Parts *s)
{
	Residue q, k;

	if (!residue_of(p, &x->q.form, &q) || !residue_of(p, &x->k.form, &k))
		return false;
	double of_bos = plus(x->k.bos, -k.base);
	s->W = gcd_of(s->W, times(gcd_of(q.base, q.modulus), k.modulus));
	s->W = gcd_of(s->W, times(q.modulus, of_bos));
	s->at[0] = plus(s->at[0], times(q.base, of_bos));
	return true;
}

/* All products, but for those that read the place with a query that varies, if `placed` is
 * given: these are counted there. */
static Parts
parts_of_score(Proof *p, const Head *h, int *placed)
{
	Parts s = { TAKE(double, p->m->places), 0, true };
	Form key = form_of(0);
	Residue rest;

	if (placed)
		*placed = 0;
	for (int i = 0; i < h->n && s.known; i++) {
		const Product *x = &h->product[i];
		double q = x->q.form.k;
		if (x->q.form.n == 0 && x->q.exact) {
			key = sum_of_forms(&key, &x->k.form, q);
			s.at[0] = plus(s.at[0], times(q, x->k.bos));
		} else if (placed && has_place(p, &x->k.form)) {
			++*placed;
		} else {
			s.known = x->q.exact && x->k.exact && add_product_parts(p, x, &s);
		}
	}
	Form other = without_place(p, &key);
	if (!s.known || !residue_of(p, &other, &rest))
		return (Parts){ s.at, 0, false };
	s.W = gcd_of(s.W, rest.modulus);
	for (int i = 1; i < p->m->places; i++)
		s.at[i] = plus(key.k, rest.base);
	add_place_parts(p, &key, 1, s.at);
	return s;
}

/* ---- the rules. Each says the mode and the gap, or false. */

static int
by_value(const void *x, const void *y)
{
	double a = *(const double *)x, b = *(const double *)y;

	return a < b ? -1 : a > b;
}

/* The distance of the nearest two residues in the circle of W. */
static double
circle_gap(const Parts *s, int n)
{
	double *r = TAKE(double, n), gap;

	for (int i = 0; i < n; i++) {
		r[i] = fmod(s->at[i], s->W);
		if (r[i] < 0)
			r[i] += s->W;
	}
	qsort(r, (size_t)n, sizeof *r, by_value);
	gap = n > 1 ? r[0] + s->W - r[n - 1] : s->W;
	for (int i = 1; i < n; i++)
		gap = fmin(gap, r[i] - r[i - 1]);
	free(r);
	return gap;
}

static bool
by_residue(Proof *p, Head *h)
{
	Parts s = parts_of_score(p, h, NULL);
	bool ok = s.known && s.W != 0;

	if (ok)
		h->gap = circle_gap(&s, p->m->places);
	h->mode = MODE_ONE;
	free(s.at);
	return ok && h->gap >= GAP;
}

/* Scores of one query: the least lead over every prefix that is `from` places long or more,
 * up to `to`. */
double
prefix_lead(const double *score, int places, int from, int to)
{
	double best = score[0], second = -INFINITY, lead = INFINITY;

	for (int i = 1; i < places && i <= to; i++) {
		if (score[i] > best) {
			second = best;
			best = score[i];
		} else if (score[i] > second) {
			second = score[i];
		}
		if (i >= from)
			lead = fmin(lead, best - second);
	}
	return lead;
}

typedef struct Placed {
	int n;
	const Product **product;
	double **key; /* of each product, by the place */
} Placed;

/* The products that read a place with a query that varies; false: a key says more. */
static bool
placed_products(Proof *p, const Head *h, Placed *out)
{
	*out = (Placed){ 0, TAKE(const Product *, h->n), TAKE(double *, h->n) };
	for (int i = 0; i < h->n; i++) {
		const Product *x = &h->product[i];
		if (x->q.form.n == 0 || !has_place(p, &x->k.form))
			continue;
		Form rest = without_place(p, &x->k.form);
		if (rest.n || !x->q.exact || !x->k.exact)
			return false;
		double *key = TAKE(double, p->m->places);
		for (int at = 0; at < p->m->places; at++)
			key[at] = at ? x->k.form.k : x->k.bos;
		add_place_parts(p, &x->k.form, 1, key);
		out->product[out->n] = x;
		out->key[out->n++] = key;
	}
	return true;
}

/* From which place on, and up to which, a value of the roots can ask: the place that they say,
 * or any that is no earlier than what has been read. */
static void
who_asks(const Proof *p, Asked *x)
{
	x->from = TAKE(int, x->roots->size);
	x->to = TAKE(int, x->roots->size);
	for (int v = 0; v < x->roots->size; v++) {
		int rest = v;
		x->to[v] = p->m->places - 1;
		for (int i = x->roots->n - 1; i >= 0; i--) {
			const Root *r = x->roots->root[i];
			int least = least_place(p, r, rest % r->size);
			rest /= r->size;
			if (p->m->bidirectional)
				continue;
			x->from[v] = least > x->from[v] ? least : x->from[v];
			if (r == p->place)
				x->to[v] = least;
		}
	}
}

/* Every value of the queries with every prefix that it can be asked with. */
static bool
lead_by_roots(Proof *p, const Asked *x, double *lead)
{
	int places = p->m->places;
	double *score = TAKE(double, places);

	if ((double)x->roots->size * places * x->n > MOST_WORK)
		return false;
	*lead = INFINITY;
	for (int v = 0; v < x->roots->size; v++) {
		if (x->roots->possible && !x->roots->possible[v])
			continue;
		for (int at = 0; at < places; at++) {
			score[at] = x->base[at];
			for (int i = 0; i < x->n; i++)
				score[at] = plus(score[at], times(x->query[i][v], x->key[i][at]));
		}
		*lead = fmin(*lead, prefix_lead(score, places, x->from[v], x->to[v]));
	}
	return true;
}

/* One query of one product, an integer in a small range. */
static bool
lead_by_integer(Proof *p, const Placed *x, const double *base, double *lead)
{
	const Form *q = &x->product[0]->q.form;
	Range r = range_of(p, q);
	int places = p->m->places;
	double *score = TAKE(double, places);

	if (x->n != 1 || form_step(q) < 0 || (r.hi - r.lo) * places > MOST_WORK)
		return false;
	*lead = INFINITY;
	for (double v = r.lo; v <= r.hi; v++) {
		for (int at = 0; at < places; at++)
			score[at] = plus(base[at], times(v, x->key[0][at]));
		*lead = fmin(*lead, prefix_lead(score, places, 0, places));
	}
	return true;
}

static bool
lead_of_queries(Proof *p, const Placed *x, double *base, double *lead)
{
	const Form **query = TAKE(const Form *, x->n);
	Asked asked = { x->n, TAKE(double *, x->n), x->key, base, NULL, NULL, NULL };

	for (int i = 0; i < x->n; i++)
		query[i] = &x->product[i]->q.form;
	asked.roots = deep_roots(p, x->n, query);
	if (!asked.roots)
		return lead_by_integer(p, x, base, lead);
	for (int i = 0; i < x->n; i++)
		asked.query[i] = tabulate_deep(p, query[i], asked.roots);
	who_asks(p, &asked);
	bool ok = lead_by_digits(p, &asked, lead) || lead_by_roots(p, &asked, lead);
	for (int i = 0; i < x->n; i++)
		free(asked.query[i]);
	return ok;
}

static bool
by_prefix(Proof *p, Head *h)
{
	Placed x;
	int placed;
	Parts s = parts_of_score(p, h, &placed);
	bool ok = s.known && s.W == 0;

	h->mode = MODE_ONE;
	if (ok && placed == 0) {
		h->gap = prefix_lead(s.at, p->m->places, 0, p->m->places);
	} else if (ok && placed_products(p, h, &x)) {
		ok = lead_of_queries(p, &x, s.at, &h->gap);
	} else {
		ok = false;
	}
	free(s.at);
	return ok && h->gap >= GAP;
}

/* A form of the place alone, or a number, by the place. */
static double *
by_place(Proof *p, const Reader *r)
{
	Form rest = without_place(p, &r->form);
	double *out = TAKE(double, p->m->places);

	if (rest.n || !r->exact)
		return NULL;
	for (int i = 0; i < p->m->places; i++)
		out[i] = i ? r->form.k : r->bos;
	add_place_parts(p, &r->form, 1, out);
	return out;
}

/* The scores that place `here` sees: the lead of the greatest over the next that differs; and
 * is it alone in every visible part? */
static double
row_lead(const Proof *p, int n, double **q, double **k, int here, int end, bool *tie)
{
	double best = -INFINITY, second = -INFINITY;
	int winners = 0;

	(void)p;
	for (int at = 0; at <= end; at++) {
		double s = 0;
		for (int i = 0; i < n; i++)
			s = plus(s, times(q[i][here], k[i][at]));
		if (s > best) {
			second = best;
			best = s;
			winners = 1;
		} else if (s == best) {
			winners++;
		} else if (s > second) {
			second = s;
		}
	}
	*tie = *tie || winners > 1;
	return best - second;
}

static bool
by_matrix(Proof *p, Head *h)
{
	int places = p->m->places;
	double **q = TAKE(double *, h->n), **k = TAKE(double *, h->n);
	bool tie = false;

	if ((double)places * places * (p->m->bidirectional ? places : 1) * h->n > MOST_WORK)
		return false;
	for (int i = 0; i < h->n; i++) {
		q[i] = by_place(p, &h->product[i].q);
		k[i] = by_place(p, &h->product[i].k);
		if (!q[i] || !k[i])
			return false;
	}
	h->gap = INFINITY;
	for (int here = 1; here < places; here++)
		for (int end = here; end < (p->m->bidirectional ? places : here + 1); end++)
			h->gap = fmin(h->gap, row_lead(p, h->n, q, k, here, end, &tie));
	h->mode = tie ? MODE_EQUAL : MODE_ONE;
	return h->gap >= GAP;
}

/* q (k - b): differences at places of the text are multiples of gcd(a, n) m (see
 * add_product_parts), and so must be the score of <bos>. */
static bool
by_equality(Proof *p, Head *h)
{
	double G = 0, of_bos = 0;

	for (int i = 0; i < h->n; i++) {
		const Product *x = &h->product[i];
		Residue q, k;
		if (!x->q.exact || !x->k.exact || !residue_of(p, &x->q.form, &q)
		    || !residue_of(p, &x->k.form, &k))
			return false;
		double apart = plus(x->k.bos, -k.base);
		G = gcd_of(G, times(gcd_of(q.base, q.modulus), k.modulus));
		G = gcd_of(G, times(q.modulus, apart));
		of_bos = plus(of_bos, times(q.base, apart));
	}
	G = gcd_of(G, of_bos);
	h->mode = MODE_EQUAL;
	h->gap = G == 0 ? INFINITY : G;
	return h->gap >= GAP;
}

void
prove_gap(Proof *p, Head *h)
{
	static bool (*const rule[])(Proof *, Head *) = { by_residue, by_prefix, by_matrix,
		                                         by_equality };
	char *where = text("head %d of layer %d", h->head, h->layer);
	bool ok = false;
	double best = 0;

	prove_score(p, h);
	if (h->soft) {
		h->mode = MODE_SOFT;
		return;
	}
	for (int i = 0; i < 4 && !ok && h->score_error == 0; i++) {
		h->gap = 0;
		ok = rule[i](p, h);
		best = fmax(best, h->gap);
	}
	if (ok && h->mode == MODE_EQUAL && h->only) {
		h->mode = MODE_ONE;
		p->promises++;
	}
	if (ok)
		p->least_gap = fmin(p->least_gap, h->gap);
	else
		h->mode = MODE_SOFT;
	add_site(p, FACT_GAP, ok, where,
	         h->score_error > 0
	                 ? text("its scores are not exact: off by up to %g", h->score_error)
	                 : text("no rule shows winners that lead by 104; the best leads by %g",
	                        best));
}

/* ---- what else is known of a head */

/* Does a position that reads others never read itself? Both sides are functions of the same roots
 * there, and <bos> is 104 before it. */
bool
never_reads_itself(Proof *p, Head *h)
{
	const Roots *roots = roots_of_form(p, &(Form){ 0 });

	for (int i = 0; i < h->n && roots; i++) {
		const Roots *q = roots_of_form(p, &h->product[i].q.form);
		const Roots *k = roots_of_form(p, &h->product[i].k.form);
		roots = q && k ? join_roots(p, roots, q) : NULL;
		roots = roots ? join_roots(p, roots, k) : NULL;
	}
	if (!roots)
		return false;
	double *lead = TAKE(double, roots->size);
	for (int i = 0; i < h->n; i++) {
		const Product *x = &h->product[i];
		double *q = tabulate(p, &x->q.form, roots), *k = tabulate(p, &x->k.form, roots);
		for (int v = 0; v < roots->size; v++)
			lead[v] = plus(lead[v], times(q[v], plus(x->k.bos, -k[v])));
		free(q);
		free(k);
	}
	bool ok = true;
	for (int v = 0; v < roots->size && ok; v++)
		ok = lead[v] >= GAP || (roots->possible && !roots->possible[v]);
	free(lead);
	return ok;
}

/* Is no score greater than that of <bos>, whatever the query and the key? */
bool
bos_always_wins(Proof *p, Head *h)
{
	const Roots *q = roots_of_form(p, &(Form){ 0 }), *k = q;
	double most = 0;

	for (int i = 0; i < h->n; i++) {
		const Roots *of_q = roots_of_form(p, &h->product[i].q.form);
		const Roots *of_k = roots_of_form(p, &h->product[i].k.form);
		q = q && of_q ? join_roots(p, q, of_q) : NULL;
		k = k && of_k ? join_roots(p, k, of_k) : NULL;
	}
	if (!q || !k || (double)q->size * k->size * h->n > MOST_WORK) {
		for (int i = 0; i < h->n; i++) {
			const Product *x = &h->product[i];
			Range a = range_of(p, &x->q.form), b = range_of(p, &x->k.form);
			b = (Range){ b.lo - x->k.bos, b.hi - x->k.bos };
			most += fmax(fmax(a.lo * b.lo, a.lo * b.hi),
			             fmax(a.hi * b.lo, a.hi * b.hi));
		}
		return most <= 0;
	}
	double **of_q = TAKE(double *, h->n), **of_k = TAKE(double *, h->n);
	for (int i = 0; i < h->n; i++) {
		of_q[i] = tabulate(p, &h->product[i].q.form, q);
		of_k[i] = tabulate(p, &h->product[i].k.form, k);
	}
	for (int v = 0; v < q->size; v++)
		for (int w = 0; w < k->size; w++) {
			double lead = 0;
			for (int i = 0; i < h->n; i++)
				lead = plus(lead, times(of_q[i][v],
				                        plus(of_k[i][w], -h->product[i].k.bos)));
			most = fmax(most, lead);
		}
	return most <= 0;
}
