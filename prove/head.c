/* Attention. A head is hard: among the positions that a position sees, those with the greatest
 * score weigh the same and all others nothing, their scores being 104 less at least, where
 * exp is 0 in float32. That is what prove_gap proves, by the first of these rules that
 * does:
 *
 *   residue   Scores of one query at two places of the text differ by what their places add, plus a
 *             multiple of W. If no two places' residues mod W are nearer than 104 in the circle,
 *             <bos> among them, one score is the greatest whatever stands there.
 *   queries   All depends on the place, but for a query that takes few values: each of these
 *             with each number of visible places is tried (lead.c).
 *   equal     All differences of scores are multiples of G >= 104: scores are equal or far
 *             apart. Then the winners may be many, and the head averages over them; but where
 *             the program promises that no two positions match (`only`), there is one.
 *
 * Scores are exact (sum.c), and what is hidden has -2^30: less by 104 than any that is not, if
 * these are below 2^30 - 2^10 in magnitude; half of that where they are rounded. */

#include "prove/prove.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- how large scores are */

/* The magnitude of a value of few roots, as a form: factors that take turns, as those of a
 * one-hot code do, so count once. false: its roots are too many. */
static bool
add_magnitude(Proof *p, const ColumnValue *v, double by, AffineForm *sum, double *bos)
{
	const Roots *roots = form_is_exact(&v->form) ? roots_of_form(p, &v->form) : NULL;

	if (!roots)
		return false;
	double *table = tabulate(p, &v->form, roots);
	for (int i = 0; i < roots->size; i++)
		table[i] = fabs(table[i]);
	AffineForm f = form_of_table(p, roots, table, NULL);
	*sum = sum_of_forms(sum, &f, by);
	*bos += fabs(v->bos) * by;
	free(table);
	return true;
}

static double
score_bound(Proof *p, const AttentionHead *h)
{
	AffineForm of_keys = form_of(0), of_queries = form_of(0);
	double key_bos = 0, query_bos = 0, rest = 0;

	for (int i = 0; i < h->n; i++) {
		const ColumnValue *q = &h->q[i], *k = &h->k[i];
		if (!add_magnitude(p, k, q->most, &of_keys, &key_bos)
		    && !add_magnitude(p, q, k->most, &of_queries, &query_bos))
			rest += q->most * k->most;
	}
	return rest + fmax(range_of(p, &of_keys).hi, key_bos)
	       + fmax(range_of(p, &of_queries).hi, query_bos);
}

/* How far scores of places of the text may be off; what <bos> adds to it, if it can weigh anything:
 * not if it is 104 behind the least score that the text can have. */
static double
error_of_scores(Proof *p, const AttentionHead *h)
{
	double of_text = 0, of_bos = 0, text = 0, bos = 0, most_bos = 0;

	for (int i = 0; i < h->n; i++) {
		const ColumnValue *q = &h->q[i], *k = &h->k[i];
		double q_error = error_of_form(&q->form), k_error = error_of_form(&k->form);
		Extent r = range_of(p, &q->form);
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

/* Queries that are a bit each may be sums of neurons that say more by interval. */
static void
narrow_queries(Proof *p, AttentionHead *h)
{
	for (int i = 0; i < h->n; i++) {
		ColumnValue *q = &h->q[i];
		if (q->exact)
			q->most = fmax(
				magnitude_of(narrow_range_of(p, &q->form, MOST_SPLITS, true)),
				fabs(q->bos));
	}
}

static void
prove_score(Proof *p, AttentionHead *h)
{
	double total = score_bound(p, h);
	int step = NO_STEP;
	bool exact = true;

	for (int i = 0; i < h->n; i++) {
		int s = h->q[i].step + h->k[i].step;
		step = s < step ? s : step;
		exact = exact && h->q[i].exact && h->k[i].exact;
	}
	if (exact && !(fits(total, step, MANTISSA) && total <= LARGEST_SCORE)) {
		narrow_queries(p, h);
		total = score_bound(p, h);
	}
	exact = exact && fits(total, step, MANTISSA);
	if (exact)
		p->largest_sum = fmax(p->largest_sum, total > 0 ? ldexp(total, -step) : 0);
	else
		h->score_error = fmax(error_of_scores(p, h), 0x1p-60);
	add_finding(p, FACT_SCORE, total <= (exact ? LARGEST_SCORE : LARGEST_SCORE / 2),
	            head_site(p->m, h->layer, h->head),
	            text("its scores may be up to %.0f, more than 2^30", total));
}

/* ---- what is known of a score */

/* A number but for a multiple of a modulus; modulus 0: the number itself. */
typedef struct Residue {
	double base, modulus;
} Residue;

/* What a form is a multiple of, but for a constant; false: nothing is known. */
static bool
residue_of(Proof *p, const AffineForm *given, Residue *r)
{
	if (!form_is_exact(given))
		return false;
	AffineForm f = merge_tables(p, given);
	*r = (Residue){ f.k, 0 };
	for (int i = 0; i < f.n; i++) {
		const AffineAtom *a = f.term[i].atom;
		double c = f.term[i].c;
		if (a->table)
			r->base = plus(r->base, times(c, a->table[0]));
		r->modulus = gcd_of(r->modulus,
		                    times(c, a->table ? a->spacing : ldexp(1, a->step)));
	}
	return true;
}

static bool
is_of_place(const Proof *p, const AffineAtom *a)
{
	return a->table && a->roots->n == 1 && a->roots->root[0] == p->place;
}

/* What a form says of the place, added to out[i] of place i; returns the rest of the form. */
static AffineForm
add_place_part(const Proof *p, const AffineForm *f, double *out)
{
	AffineForm rest = { .term = TAKE(ScaledAtom, f->n), .k = f->k, .error = f->error };

	for (int t = 0; t < f->n; t++) {
		const AffineAtom *a = f->term[t].atom;
		if (!is_of_place(p, a))
			rest.term[rest.n++] = f->term[t];
		for (int i = 1; out && is_of_place(p, a) && i < p->m->places; i++)
			out[i] = plus(out[i], times(f->term[t].c, a->table[i - 1]));
	}
	return rest;
}

/* The score of place i is at[i] plus a multiple of W, plus what a query adds that is the same for
 * all places; and the products of `placed`. */
typedef struct ScoreResidues {
	double *at; /* (places) */
	double W;   /* 0: nothing is added */
	bool known;
	int nplaced, *placed;
} ScoreResidues;

/* q (k - b) for a k that is b but for a multiple of m, and a q of residue (a, n): at a place
 * of the text a multiple of gcd(a, n) m; at <bos>, a (k - b) but for a multiple of n (k - b).
 * That q b has been left out changes no difference of scores of one query. */
static bool
add_product_residue(Proof *p, const ColumnValue *q, const ColumnValue *k, ScoreResidues *s)
{
	Residue of_q, of_k;

	if (!residue_of(p, &q->form, &of_q) || !residue_of(p, &k->form, &of_k))
		return false;
	double of_bos = plus(k->bos, -of_k.base);
	s->W = gcd_of(s->W, times(gcd_of(of_q.base, of_q.modulus), of_k.modulus));
	s->W = gcd_of(s->W, times(of_q.modulus, of_bos));
	s->at[0] = plus(s->at[0], times(of_q.base, of_bos));
	return true;
}

/* Products of the place with a query that varies go to `placed`, if they may. */
static ScoreResidues
parts_of_score(Proof *p, const AttentionHead *h, bool may_be_placed)
{
	ScoreResidues s = { TAKE(double, p->m->places), 0, true, 0, TAKE(int, h->n) };
	AffineForm key = form_of(0);
	Residue rest;

	for (int i = 0; i < h->n && s.known; i++) {
		const ColumnValue *q = &h->q[i], *k = &h->k[i];
		if (q->form.n == 0 && q->exact) {
			key = sum_of_forms(&key, &k->form, q->form.k);
			s.at[0] = plus(s.at[0], times(q->form.k, k->bos));
		} else if (may_be_placed && add_place_part(p, &k->form, NULL).n < k->form.n) {
			s.placed[s.nplaced++] = i;
		} else {
			s.known = q->exact && k->exact && add_product_residue(p, q, k, &s);
		}
	}
	AffineForm other = add_place_part(p, &key, s.at);
	s.known = s.known && residue_of(p, &other, &rest);
	for (int i = 1; i < p->m->places && s.known; i++)
		s.at[i] = plus(s.at[i], rest.base);
	s.W = s.known ? gcd_of(s.W, rest.modulus) : 0;
	return s;
}

/* ---- the rules. Each says the mode and the gap, or false. */

static int
by_residue_size(const void *x, const void *y)
{
	double a = *(const double *)x, b = *(const double *)y;

	return a < b ? -1 : a > b;
}

static bool
by_residue(Proof *p, AttentionHead *h)
{
	ScoreResidues s = parts_of_score(p, h, false);
	int n = p->m->places;

	h->mode = MODE_ONE;
	if (!s.known || s.W == 0)
		return false;
	for (int i = 0; i < n; i++) {
		s.at[i] = fmod(s.at[i], s.W);
		s.at[i] += s.at[i] < 0 ? s.W : 0;
	}
	qsort(s.at, (size_t)n, sizeof *s.at, by_residue_size);
	h->gap = s.at[0] + s.W - s.at[n - 1]; /* the nearest two in the circle of W */
	for (int i = 1; i < n; i++)
		h->gap = fmin(h->gap, s.at[i] - s.at[i - 1]);
	free(s.at);
	return h->gap >= GAP;
}

/* From which place on, and up to which, a value of the roots can ask: the place that they say,
 * or any that is no earlier than what has been read. In a bidirectional text, all that can be
 * the last. */
static void
who_asks(const Proof *p, const Roots *roots, Queries *x)
{
	for (int v = 0; v < x->size; v++) {
		int rest = v;
		x->to[v] = p->m->places - 1;
		for (int i = roots->n - 1; i >= 0; i--) {
			const Root *r = roots->root[i];
			int least = least_place(p, r, rest % r->size);
			rest /= r->size;
			x->from[v] = least > x->from[v] ? least : x->from[v];
			if (r == p->place && !p->m->bidirectional)
				x->to[v] = least;
		}
	}
}

/* The values of the queries, by their roots; a single one that is a whole number, by itself. */
static bool
find_queries(Proof *p, const AttentionHead *h, const ScoreResidues *s, Queries *x)
{
	const Roots *roots = no_roots(p);
	const AffineForm *first = s->nplaced ? &h->q[s->placed[0]].form : NULL;

	x->query = TAKE(double *, s->nplaced);
	for (int i = 0; i < s->nplaced && roots; i++)
		roots = deep_roots(p, roots, &h->q[s->placed[i]].form);
	for (int i = 0; i < s->nplaced && roots; i++)
		x->query[i] = tabulate(p, &h->q[s->placed[i]].form, roots);
	Extent r = roots ? (Extent){ 0, roots->size - 1 } : range_of(p, first);
	if (!roots && (s->nplaced != 1 || form_step(first) < 0 || r.hi - r.lo > DEEP))
		return false;
	x->size = (int)(r.hi - r.lo) + 1;
	x->possible = roots ? roots->possible : NULL;
	x->from = TAKE(int, x->size);
	x->to = TAKE(int, x->size);
	who_asks(p, roots ? roots : no_roots(p), x);
	if (!roots)
		x->query[0] = TAKE(double, x->size);
	for (int v = 0; v < x->size && !roots; v++)
		x->query[0][v] = r.lo + v;
	return true;
}

static bool
by_queries(Proof *p, AttentionHead *h)
{
	ScoreResidues s = parts_of_score(p, h, true);
	Queries x = { .n = s.nplaced, .base = s.at, .key = TAKE(double *, s.nplaced) };
	Lead lead;

	if (!s.known || s.W != 0)
		return false;
	for (int i = 0; i < x.n; i++) {
		const ColumnValue *k = &h->k[s.placed[i]];
		double *key = x.key[i] = TAKE(double, p->m->places);
		AffineForm rest = add_place_part(p, &k->form, key);
		if (rest.n || !h->q[s.placed[i]].exact || !k->exact)
			return false;
		key[0] = k->bos;
		for (int at = 1; at < p->m->places; at++)
			key[at] = plus(key[at], rest.k);
	}
	if (!find_queries(p, h, &s, &x)
	    || (!lead_by_digits(p, &x, &lead) && !lead_by_queries(p, &x, &lead)))
		return false;
	for (int i = 0; i < x.n; i++)
		free(x.query[i]);
	h->mode = lead.tie ? MODE_EQUAL : MODE_ONE;
	h->gap = lead.least;
	return h->gap >= GAP;
}

/* Scores of one query are the same but for multiples of W and of what their places differ by. */
static bool
by_equality(Proof *p, AttentionHead *h)
{
	ScoreResidues s = parts_of_score(p, h, false);
	double G = s.W;

	if (!s.known)
		return false;
	for (int i = 1; i < p->m->places; i++)
		G = gcd_of(G, plus(s.at[i], -s.at[0]));
	h->mode = MODE_EQUAL;
	h->gap = G == 0 ? INFINITY : G;
	return h->gap >= GAP;
}

void
prove_gap(Proof *p, AttentionHead *h)
{
	const double claim = p->m->layer[h->layer].gap[h->head];
	static bool (*const rule[])(Proof *, AttentionHead *) = { by_residue, by_queries,
		                                                  by_equality };
	const char *where = head_site(p->m, h->layer, h->head);
	bool ok = false;
	double best = 0;

	prove_score(p, h);
	for (int i = 0; i < 3 && !ok && !h->soft && h->score_error == 0; i++) {
		h->gap = 0;
		ok = rule[i](p, h);
		best = fmax(best, h->gap);
	}
	if (ok && h->mode == MODE_EQUAL && h->only) {
		h->mode = MODE_ONE;
		p->promises++;
	}
	if (!ok)
		h->mode = MODE_SOFT;
	if (h->soft)
		return;
	if (ok) {
		p->least_gap = fmin(p->least_gap, h->gap);
		add_finding(p, FACT_CLAIM, !(h->gap < claim), where,
		            text("the file says that it leads by %g, which is %g", claim, h->gap));
	}
	add_finding(p, FACT_GAP, ok, where,
	            h->score_error > 0
	                    ? text("its scores are not exact: off by up to %g", h->score_error)
	                    : text("no rule shows winners that lead by 104; the best leads by %g",
	                           best));
}

/* ---- what else is known of a head */

/* The roots of all queries, or of all keys, joined with `all`; NULL: they are too many. */
static const Roots *
roots_of_values(Proof *p, const Roots *all, const ColumnValue *v, int n)
{
	for (int i = 0; i < n; i++)
		all = join_form_roots(p, all, &v[i].form);
	return all;
}

static double **
tables_of_values(Proof *p, const ColumnValue *v, int n, const Roots *roots)
{
	double **table = TAKE(double *, n);

	for (int i = 0; i < n; i++)
		table[i] = tabulate(p, &v[i].form, roots);
	return table;
}

/* By how much a score is ahead of that of <bos>. */
static double
lead_over_bos(const AttentionHead *h, double *const *q, int v, double *const *k, int w)
{
	double lead = 0;

	for (int i = 0; i < h->n; i++)
		lead = plus(lead, times(q[i][v], plus(k[i][w], -h->k[i].bos)));
	return lead;
}

/* Does a position that reads others never read itself? Both sides are functions of the same roots
 * there, and <bos> is 104 before it. */
static bool
never_reads_itself(Proof *p, const AttentionHead *h)
{
	const Roots *roots = roots_of_values(p, no_roots(p), h->q, h->n);
	bool ok = true;

	roots = roots_of_values(p, roots, h->k, h->n);
	if (!roots)
		return false;
	double **q = tables_of_values(p, h->q, h->n, roots);
	double **k = tables_of_values(p, h->k, h->n, roots);
	for (int v = 0; v < roots->size && ok; v++)
		ok = !can_be(roots, v) || lead_over_bos(h, q, v, k, v) <= -GAP;
	return ok;
}

/* By how much scores are ahead of that of <bos>, whatever the query and the key; and is each 104
 * ahead or behind at least? */
static Extent
leads_over_bos(Proof *p, const AttentionHead *h, bool *apart)
{
	const Roots *of_q = roots_of_values(p, no_roots(p), h->q, h->n);
	const Roots *of_k = roots_of_values(p, no_roots(p), h->k, h->n);
	Extent all = { INFINITY, -INFINITY };

	if (of_q && of_k && (double)of_q->size * of_k->size * h->n <= MOST_WORK) {
		double **q = tables_of_values(p, h->q, h->n, of_q);
		double **k = tables_of_values(p, h->k, h->n, of_k);
		for (int v = 0; v < of_q->size; v++)
			for (int w = 0; w < of_k->size; w++) {
				double lead = lead_over_bos(h, q, v, k, w);
				all = hull(all, lead);
				*apart = *apart && fabs(lead) >= GAP;
			}
		return all;
	}
	all = (Extent){ 0, 0 };
	for (int i = 0; i < h->n; i++) {
		Extent a = range_of(p, &h->q[i].form), b = range_of(p, &h->k[i].form);
		b = (Extent){ b.lo - h->k[i].bos, b.hi - h->k[i].bos };
		all.hi += fmax(fmax(a.lo * b.lo, a.lo * b.hi), fmax(a.hi * b.lo, a.hi * b.hi));
		all.lo += fmin(fmin(a.lo * b.lo, a.lo * b.hi), fmin(a.hi * b.lo, a.hi * b.hi));
	}
	*apart = all.lo >= GAP;
	return all;
}

/* What is known of the winners of a head that may have several. */
void
describe_winners(Proof *p, AttentionHead *h)
{
	h->bos_apart = true;
	h->bos_wins = leads_over_bos(p, h, &h->bos_apart).hi <= 0;
	h->never_itself = never_reads_itself(p, h);
}
