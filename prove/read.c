/* What a head reads.
 *
 * One winner: the value is that of the form at the source, or that of <bos>. All that one
 * head reads of the same roots shares one SOURCE root, so that what it reads together stays
 * together. Rows of the vocabulary that cannot win are no values of it.
 *
 * Equal winners: n of the text and <bos>, which is always among them if no score is greater than
 * its own. Of a constant at <bos> and nothing elsewhere the head reads b / (n + 1); of
 * whole numbers (the sum of n of them) / (n + 1). A weight is exp(0) / (n + 1), rounded
 * twice at most (1 / (n + 1), and that times 1), a product of it once more, and n of them are
 * added up by n - 1 roundings.
 *
 * Else a weighted mean of what is there, whose weights are nothing exact: a real. */

#include "prove/prove.h"

#include <math.h>
#include <stdlib.h>

static Root *
find_root(const Proof *p, RootKind kind, const AttentionHead *h, const Roots *inner)
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
source_root(Proof *p, const AttentionHead *h, const Roots *inner)
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
		if (can_be(inner, v) && !(row && h->lost[row[v]]))
			kept[n++] = v;
	r = new_root(p, ROOT_SOURCE, n + 1, h->layer, h->head);
	r->inner = inner;
	r->kept = kept;
	return r;
}

/* A value of which only the range is known. */
static AffineForm
read_range(Proof *p, const AttentionHead *h, const ColumnValue *v)
{
	Extent r = hull(range_of(p, &v->form), v->bos);

	for (int splits = 1; v->exact && splits <= MOST_SPLITS && r.hi - r.lo >= SPLIT_VALUES;
	     splits++)
		r = hull(narrow_range_of(p, &v->form, splits, false), v->bos);
	if (v->exact && v->step >= 0 && r.hi - r.lo < SPLIT_VALUES)
		return form_of_number(p, r.lo, r.hi, h->layer, h->head);
	return form_of_atom(
		atom_of_range(p, r, fmax(error_of_form(&v->form), v->bos_error), v->step), 1);
}

static AffineForm
read_one(Proof *p, const AttentionHead *h, const ColumnValue *v)
{
	const Roots *inner = roots_of_form(p, &v->form);
	Root *source = inner ? source_root(p, h, inner) : NULL;

	if (!source)
		return read_range(p, h, v);
	double *at = tabulate(p, &v->form, inner), *off = tabulate_errors(p, &v->form, inner);
	double *table = TAKE(double, source->size), *errors = TAKE(double, source->size);
	for (int i = 0; i < source->size - 1; i++) {
		table[i] = at[source->kept[i]];
		errors[i] = off[source->kept[i]];
	}
	table[source->size - 1] = v->bos;
	errors[source->size - 1] = v->bos_error;
	AffineForm f = form_of_table(p, roots_of(p, source), table, errors);
	free(at);
	free(off);
	free(table);
	free(errors);
	return f;
}

/* ---- equal winners */

/* Value i: there are i + 1 winners, of <bos> and the text; or of the text alone, and the last
 * value: <bos> alone. A position that never reads itself has one other less. */
static Root *
count_root(Proof *p, const AttentionHead *h)
{
	Root *r = find_root(p, ROOT_COUNT, h, NULL);
	int most = h->never_itself && !h->bos_apart ? p->m->context : p->m->places;

	return r ? r : new_root(p, ROOT_COUNT, most, h->layer, h->head);
}

/* Of nothing in the text and b at <bos>. */
static AffineForm
read_share(Proof *p, const AttentionHead *h, double b)
{
	Root *n = count_root(p, h);
	double *table = TAKE(double, n->size), *errors = TAKE(double, n->size);

	for (int i = 0; i < n->size && !h->bos_apart; i++) {
		table[i] = b / (i + 1);
		errors[i] = 3 * 0x1p-24 * 1.01 * fabs(table[i]);
	}
	if (h->bos_apart)
		table[n->size - 1] = b;
	return form_of_table(p, roots_of(p, n), table, errors);
}

static double
some_value_of(const AffineAtom *a)
{
	int i = 0;

	while (a->roots->possible && i + 1 < a->roots->size && !a->roots->possible[i])
		i++;
	return a->table[i];
}

/* What all values of the form differ by multiples of, at least 1; raises the least value to
 * the first of these. */
static double
spacing_of(const AffineForm *f, double *low)
{
	double all = 0, some = f->k;

	for (int i = 0; i < f->n; i++) {
		const AffineAtom *a = f->term[i].atom;
		double c = f->term[i].c;
		all = gcd_of(all, a->table && !a->errors ? fabs(c) * a->spacing : 1);
		some += a->table ? c * some_value_of(a) : 0;
	}
	if (!(all > 1))
		return 1;
	*low = some + ceil((*low - some) / all) * all;
	return all;
}

/* The mean of whole numbers: a function of how many and of their sum. */
static AffineForm
mean_of_sums(Proof *p, const AttentionHead *h, const AffineForm *f, Extent r, double bos)
{
	Root *n = count_root(p, h), *sum = new_root(p, ROOT_SUM, 0, h->layer, h->head);
	AffineForm merged = merge_tables(p, f); /* a token's columns together: one value of few */
	double apart = spacing_of(&merged, &r.lo), most = fmax(magnitude_of(r), fabs(bos));
	int size = 1, at = 0,
	    others = h->bos_apart; /* of i + 1 winners i + others are of the text */

	for (int i = 0; i < n->size; i++)
		size += (int)((i + others) * (r.hi - r.lo) / apart) + 1;
	sum->number = n;
	sum->count = TAKE(int, size);
	double *table = TAKE(double, size), *errors = TAKE(double, size);
	for (int i = 0; i < n->size - others; i++)
		for (double s = (i + others) * r.lo; s <= (i + others) * r.hi; s += apart, at++) {
			sum->count[at] = i;
			table[at] = (s + (others ? 0 : bos)) / (i + 1);
			errors[at] = (i + 4) * 0x1p-24 * most * 1.01;
		}
	if (h->bos_apart) {
		sum->count[at] = n->size - 1;
		table[at++] = bos;
	}
	sum->size = at;
	return form_of_table(p, roots_of(p, sum), table, errors);
}

static AffineForm
read_equal(Proof *p, const AttentionHead *h, const ColumnValue *v)
{
	enum { MOST_SUMS = 1 << 16 };
	Extent r = range_of(p, &v->form);
	double n = p->m->places;
	bool whole = form_is_exact(&v->form) && form_step(&v->form) >= 0;

	if (v->exact && (h->bos_wins || h->bos_apart) && v->form.n == 0 && v->form.k == 0
	    && n < LARGE)
		return read_share(p, h, v->bos);
	if (v->exact && (h->bos_apart || h->bos_wins) && v->bos == rint(v->bos) && whole
	    && n * n / 2 * (r.hi - r.lo) + n < MOST_SUMS)
		return mean_of_sums(p, h, &v->form, r, v->bos);
	r = hull(r, v->bos);
	double error = fmax(error_of_form(&v->form), v->bos_error);
	error += (n + 3) * 0x1p-24 * (magnitude_of(r) + error) * 1.01;
	return form_of_atom(atom_of_range(p, r, error, REAL_STEP), 1);
}

/* ---- weights that are not exact: softmax itself */

/* A score that is off by e changes a weight by a factor of exp(2 e) at most; exp itself, the
 * division and the product are a few roundings, and each of the two sums is of n terms.
 * Weights add up to 1, so that a change of theirs counts from the middle of the values. */
static AffineForm
read_soft(Proof *p, const AttentionHead *h, const ColumnValue *v)
{
	Extent r = hull(range_of(p, &v->form), v->bos);
	double own = fmax(error_of_form(&v->form), v->bos_error), n = p->m->places;
	double weights = expm1(2 * h->score_error) * ((r.hi - r.lo) / 2 + own);
	double rounding = (2 * n + 8) * 0x1p-24 * (magnitude_of(r) + own);

	return form_of_atom(atom_of_range(p, r, own + (weights + rounding) * 1.01, REAL_STEP), 1);
}

ColumnValue
read_value(Proof *p, AttentionHead *h, const ColumnValue *given)
{
	ColumnValue v = *given;
	Extent range = range_of(p, &v.form);

	if (v.exact && range.lo == range.hi) /* terms that cancel, token by token */
		v.form = form_of(range.lo);
	bool same = v.form.n == 0 && v.form.k == v.bos && v.exact;
	AffineForm f = same && (h->mode == MODE_ONE || v.bos == 0) ? form_of(v.bos)
	               : h->mode == MODE_ONE                       ? read_one(p, h, &v)
	               : h->mode == MODE_EQUAL                     ? read_equal(p, h, &v)
	                                                           : read_soft(p, h, &v);
	return value_with_form(p, f, v.bos, v.bos_error);
}

/* ---- which rows of the vocabulary never win over <bos> */

/* The most that a query of this range can make of a key with each token. */
static void
add_most(Proof *p, const AffineForm *key, Extent q, double *up)
{
	const Roots *token = roots_of(p, p->field[0]);
	AffineForm mine = { .term = TAKE(ScaledAtom, key->n) };
	AffineForm rest = { .term = TAKE(ScaledAtom, key->n), .k = key->k };

	for (int t = 0; t < key->n; t++) {
		AffineForm *to = key->term[t].atom->roots == token ? &mine : &rest;
		to->term[to->n++] = key->term[t];
	}
	double *table = tabulate(p, &mine, token);
	Extent r = range_of(p, &rest);
	for (int i = 0; i < token->size; i++) {
		double lo = table[i] + r.lo, hi = table[i] + r.hi;
		up[i] += fmax(fmax(q.lo * lo, q.lo * hi), fmax(q.hi * lo, q.hi * hi));
	}
	free(table);
}

void
find_lost_rows(Proof *p, AttentionHead *h)
{
	AffineForm key = form_of(0);
	double low = 0;

	if (p->m->nfield != 1 || p->m->ninput || h->mode != MODE_ONE)
		return;
	double *up = TAKE(double, p->m->nvocab);
	for (int i = 0; i < h->n; i++) {
		Extent q = range_of(p, &h->q[i].form);
		low += fmin(q.lo * h->k[i].bos, q.hi * h->k[i].bos);
		if (q.lo == q.hi) /* keys of constant queries count together */
			key = sum_of_forms(&key, &h->k[i].form, q.lo);
		else
			add_most(p, &h->k[i].form, q, up);
	}
	add_most(p, &key, (Extent){ 1, 1 }, up);
	h->lost = TAKE(bool, p->m->nvocab);
	for (int i = 0; i < p->m->nvocab; i++)
		h->lost[i] = up[i] < low - 1;
	free(up);
}
