/* What a head reads.
 *
 * One winner: the value is that of the form at the source, or that of <bos>. All that one
 * head reads of the same roots shares one SOURCE root, so that what it reads together stays
 * together. Rows of the vocabulary that cannot win are no values of it.
 *
 * Equal winners: n of the text and <bos>, which is always among them if no score is greater than
 * its own. Of a constant at <bos> and nothing elsewhere the head reads b / (n + 1); of
 * whole numbers (the sum of n of them) / (n + 1). A weight is exp(0) / (n + 1), rounded
 * twice at most, and a sum of n + 1 products is off by its number of roundings.
 *
 * Else a weighted mean of what is there, whose weights are nothing exact: a real. */

#include "prove/prove.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_SUMS = 1 << 16 };

static Root *
find_root(const Proof *p, RootKind kind, const Head *h, const Roots *inner)
{
	for (int i = 0; i < p->nroot; i++) {
		Root *r = p->root[i];
		if (r->kind == kind && r->layer == h->layer && r->head == h->head
		    && r->inner == inner)
			return r;
	}
	return NULL;
}

/* ---- one winner */

static Root *
source_root(Proof *p, const Head *h, const Roots *inner)
{
	Root *r = find_root(p, ROOT_SOURCE, h, inner);
	const int *row = NULL;
	int n = 0;

	if (r || inner->size >= LARGE)
		return r;
	int *kept = TAKE(int, inner->size);
	for (int i = 0; h->lost && i < inner->n; i++)
		if (inner->root[i] == p->field[0])
			row = inside(p, inner, roots_of(p, p->field[0]));
	for (int v = 0; v < inner->size; v++)
		if ((!inner->possible || inner->possible[v]) && !(row && h->lost[row[v]]))
			kept[n++] = v;
	r = new_root(p, ROOT_SOURCE, n + 1, h->layer, h->head);
	r->inner = inner;
	r->kept = kept;
	return r;
}

static Form
read_one(Proof *p, const Head *h, const Reader *v)
{
	const Roots *inner = roots_of_form(p, &v->form);
	Root *source = inner ? source_root(p, h, inner) : NULL;

	if (!source) {
		Range r = hull(range_of(p, &v->form), v->bos);
		int step = form_step(&v->form), of_bos = step_of(v->bos);
		double error = fmax(error_of_form(&v->form), v->bos_error);
		return form_of_atom(atom_of_range(p, r, error, step < of_bos ? step : of_bos), 1);
	}
	double *at = tabulate(p, &v->form, inner), *off = tabulate_errors(p, &v->form, inner);
	double *table = TAKE(double, source->size), *errors = TAKE(double, source->size);
	for (int i = 0; i < source->size - 1; i++) {
		table[i] = at[source->kept[i]];
		errors[i] = off[source->kept[i]];
	}
	table[source->size - 1] = v->bos;
	errors[source->size - 1] = v->bos_error;
	Form f = form_of_table(p, roots_of(p, source), table, errors);
	free(at);
	free(off);
	free(table);
	free(errors);
	return f;
}

/* ---- equal winners */

static Root *
count_root(Proof *p, const Head *h)
{
	Root *r = find_root(p, ROOT_COUNT, h, NULL);
	int places = p->m->places;

	/* Beside <bos> there are context others, without itself one less. */
	return r ? r
	         : new_root(p, ROOT_COUNT, h->never_itself ? places - 1 : places, h->layer,
	                    h->head);
}

static Form
read_share(Proof *p, const Head *h, double of_bos)
{
	Root *n = count_root(p, h);
	double *table = TAKE(double, n->size), *errors = TAKE(double, n->size);

	for (int i = 0; i < n->size; i++) {
		table[i] = of_bos / (i + 1);
		errors[i] = 8 * 0x1p-24 * fabs(table[i]);
	}
	return form_of_table(p, roots_of(p, n), table, errors);
}

/* The mean of whole numbers: a function of how many and of their sum. */
static Form
mean_of_sums(Proof *p, const Head *h, Range r)
{
	Root *n = count_root(p, h), *sum = new_root(p, ROOT_SUM, 0, h->layer, h->head);
	double most = magnitude_of(r);
	int size = 0, at = 0;

	for (int i = 0; i < n->size; i++)
		size += (int)(i * (r.hi - r.lo)) + 1;
	sum->size = size;
	sum->number = n;
	sum->count = TAKE(int, size);
	double *table = TAKE(double, size), *errors = TAKE(double, size);
	for (int i = 0; i < n->size; i++)
		for (double s = i * r.lo; s <= i * r.hi; s++, at++) {
			sum->count[at] = i;
			table[at] = s / (i + 1);
			errors[at] = (i + 8) * 0x1p-24 * most * 1.01;
		}
	return form_of_table(p, roots_of(p, sum), table, errors);
}

static bool
is_whole(const Form *f)
{
	return form_is_exact(f) && form_step(f) >= 0;
}

static Form
read_equal(Proof *p, const Head *h, const Reader *v)
{
	Range r = range_of(p, &v->form);
	double n = p->m->places;

	if (v->exact && h->bos_wins && v->form.n == 0 && v->form.k == 0 && n < LARGE)
		return read_share(p, h, v->bos);
	if (v->exact && h->bos_wins && v->bos == 0 && is_whole(&v->form)
	    && n * n / 2 * (r.hi - r.lo) + n < MOST_SUMS)
		return mean_of_sums(p, h, r);
	r = hull(r, v->bos);
	double error = fmax(error_of_form(&v->form), v->bos_error);
	error += (n + 8) * 0x1p-24 * (magnitude_of(r) + error) * 1.01;
	return form_of_atom(atom_of_range(p, r, error, -1000), 1);
}

/* ---- weights that are not exact: softmax itself */

/* A score that is off by e changes a weight by a factor of exp(2 e) at most; exp itself, the
 * division and the product are a few roundings, and each of the two sums is of n terms.
 * Weights add up to 1, so that a change of theirs counts from the middle of the values. */
static Form
read_soft(Proof *p, const Head *h, const Reader *v)
{
	Range r = hull(range_of(p, &v->form), v->bos);
	double own = fmax(error_of_form(&v->form), v->bos_error), n = p->m->places;
	double weights = expm1(2 * h->score_error) * ((r.hi - r.lo) / 2 + own);
	double rounding = (2 * n + 8) * 0x1p-24 * (magnitude_of(r) + own);
	double error = own + (weights + rounding) * 1.01;

	return form_of_atom(atom_of_range(p, r, error, -1000), 1);
}

Form
read_value(Proof *p, Head *h, const Reader *given)
{
	Reader plain = *given, *v = &plain;
	Range range = range_of(p, &v->form);

	if (v->exact && range.lo == range.hi) /* terms that cancel, token by token */
		v->form = form_of(range.lo);
	bool same = v->form.n == 0 && v->form.k == v->bos && v->exact;

	if (same && h->mode == MODE_ONE)
		return form_of(v->bos);
	if (same && v->bos == 0)
		return form_of(0);
	return h->mode == MODE_ONE     ? read_one(p, h, v)
	       : h->mode == MODE_EQUAL ? read_equal(p, h, v)
	                               : read_soft(p, h, v);
}

/* ---- which rows of the vocabulary never win over <bos> */

static void
add_most(Proof *p, const Form *key, Range q, double *up, int n)
{
	const Roots *token = roots_of(p, p->field[0]);
	const Roots *roots = roots_of_form(p, key);

	if (roots == token) {
		double *k = tabulate(p, key, token);
		for (int i = 0; i < n; i++)
			up[i] += fmax(q.lo * k[i], q.hi * k[i]);
		free(k);
		return;
	}
	Range k = range_of(p, key);
	for (int i = 0; i < n; i++)
		up[i] += fmax(fmax(q.lo * k.lo, q.lo * k.hi), fmax(q.hi * k.lo, q.hi * k.hi));
}

/* The key of all constant queries: what the token adds, and the most of the rest. */
static void
add_key(Proof *p, const Form *key, double *up, int n)
{
	const Roots *token = roots_of(p, p->field[0]);
	Form mine = { .term = TAKE(Term, key->n) }, rest = { .term = TAKE(Term, key->n) };

	for (int t = 0; t < key->n; t++) {
		Form *to = key->term[t].atom->roots == token ? &mine : &rest;
		to->term[to->n++] = key->term[t];
	}
	rest.k = key->k;
	double *table = tabulate(p, &mine, token), most = range_of(p, &rest).hi;
	for (int i = 0; i < n; i++)
		up[i] += table[i] + most;
	free(table);
}

void
find_lost_rows(Proof *p, Head *h)
{
	const Model *m = p->m;
	Form key = form_of(0);
	double low = 0;

	if (m->nfield != 1 || m->ninput || h->mode != MODE_ONE)
		return;
	int n = m->first[1] - m->first[0];
	double *up = TAKE(double, n);
	for (int i = 0; i < h->n; i++) {
		const Product *x = &h->product[i];
		Range q = range_of(p, &x->q.form);
		low += fmin(q.lo * x->k.bos, q.hi * x->k.bos);
		if (x->q.form.n == 0)
			key = sum_of_forms(&key, &x->k.form, x->q.form.k);
		else
			add_most(p, &x->k.form, q, up, n);
	}
	add_key(p, &key, up, n);
	h->lost = TAKE(bool, n);
	for (int i = 0; i < n; i++)
		h->lost[i] = up[i] < low - 1;
	free(up);
}
