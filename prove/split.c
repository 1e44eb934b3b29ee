/* Ranges of sums of neurons that only take turns with one another: those of an addition if the
 * operator is +, those of a multiplication if it is *. Each value of one small root (the
 * operator that a head has read) is looked at by itself: tables become smaller, and the
 * neurons are worked out again from what their sums then are, so that many fall silent. So is
 * each value of an atom that has two: the sum of two bits and of the carry [L >= 2] into them,
 * modulo 2, is a + b + [L >= 2] - 2 [L + 2 a + 2 b >= 4], and with a and b known all of its neurons
 * are on the line L.
 *
 * The others are often broken lines of nearly one form: sums of c relu(H) with H = g L + R, R in
 * a small range [a, b]. relu being monotone, each lies between c relu(g x + a) and c relu(g x + b)
 * at the value x of L; these are broken lines in a whole number x. */

#include "prove/prove.h"

#include <math.h>
#include <stdlib.h>

/* ---- neurons of nearly one line */

typedef struct BentTerm {
	double c, most; /* most: |c relu| */
	const AffineForm *input;
	bool taken;
} BentTerm;

static double
divisor_of(const AffineForm *f)
{
	double g = 0;

	for (int i = 0; i < f->n; i++)
		g = gcd_of(g, f->term[i].c);
	return g;
}

static bool
share_atom(const AffineForm *a, const AffineForm *b)
{
	for (int i = 0, j = 0; i < a->n && j < b->n;) {
		int x = a->term[i].atom->id, y = b->term[j].atom->id;
		if (x == y)
			return true;
		i += x < y;
		j += x > y;
	}
	return false;
}

/* The form of smallest coefficients among those that weigh much and share something with the
 * greatest; its direction is what the others are compared with. */
static const AffineForm *
plainest(const BentTerm *list, int n)
{
	const BentTerm *greatest = NULL;
	const AffineForm *best = NULL;
	double least = INFINITY;

	for (int i = 0; i < n; i++)
		if (!list[i].taken && (!greatest || list[i].most > greatest->most))
			greatest = &list[i];
	for (int i = 0; i < n && greatest && greatest->most > 0; i++) {
		const AffineForm *f = list[i].input;
		double size = 0;
		if (list[i].taken || list[i].most * 1000 < greatest->most
		    || !share_atom(f, greatest->input))
			continue;
		for (int t = 0; t < f->n; t++)
			size += fabs(f->term[t].c);
		size /= divisor_of(f);
		if (size < least) {
			least = size;
			best = f;
		}
	}
	return best;
}

/* L: a form without its constant and what its coefficients have in common; and the atom that
 * weighs most in it. */
static AffineForm
direction_of(const AffineForm *f, const AffineAtom **main)
{
	double g = divisor_of(f), most = -1;
	AffineForm l = { .n = f->n, .term = TAKE(ScaledAtom, f->n) };

	for (int i = 0; i < f->n; i++) {
		const AffineAtom *a = f->term[i].atom;
		double weight = fabs(f->term[i].c) * (a->range.hi - a->range.lo);
		if (weight > most) {
			most = weight;
			*main = a;
		}
	}
	if (coefficient_of(f, *main) < 0)
		g = -g;
	for (int i = 0; i < f->n; i++)
		l.term[i] = (ScaledAtom){ f->term[i].atom, f->term[i].c / g };
	return l;
}

/* Takes those that are nearly multiples of one direction, and says what they add. */
static bool
take_group(Proof *p, BentTerm *list, int n, Extent *sum)
{
	const AffineForm *f = plainest(list, n);
	const AffineAtom *main = NULL;
	BrokenLine *group = TAKE(BrokenLine, n);
	int ngroup = 0;

	if (!f)
		return false;
	AffineForm l = direction_of(f, &main);
	Extent x = range_of(p, &l);
	for (int i = 0; i < n; i++) {
		BentTerm *b = &list[i];
		double g = rint(coefficient_of(b->input, main) / coefficient_of(&l, main));
		if (b->taken || g == 0)
			continue;
		AffineForm rest = sum_of_forms(b->input, &l, -g);
		Extent r = range_of(p, &rest);
		free(rest.term);
		if (b->input != f && (r.hi - r.lo) * 4 > fabs(g) * (x.hi - x.lo))
			continue;
		b->taken = true;
		group[ngroup++] = (BrokenLine){ b->c, g, r };
	}
	Extent r = range_of_lines(group, ngroup, x);
	widen(sum, r);
	free(group);
	return true;
}

static bool
is_bent(const AffineAtom *a)
{
	return a->line && !a->table;
}

/* A number of its own in the place of an atom that is whole and takes few values: what the
 * atom is a function of is forgotten, and neurons of two such atoms have tables. */
static AffineAtom *
number_for(Proof *p, const AffineAtom *a)
{
	void **known = memo(&p->numbers, &a->id, sizeof a->id);

	if (!*known)
		*known = form_of_number(p, a->range.lo, a->range.hi, 0, 0).term[0].atom;
	return *known;
}

/* How many values the atoms of a form have together, as numbers; 0: too many. */
static double
values_of(const AffineForm *f)
{
	double n = 1;

	for (int i = 0; i < f->n && n > 0; i++) {
		const AffineAtom *a = f->term[i].atom;
		double size = a->range.hi - a->range.lo + 1;
		bool small = a->error == 0 && a->step >= 0 && size > 1 && size <= SPLIT_VALUES
		             && a->range.lo == floor(a->range.lo);
		n = small && n * size <= SMALL ? n * size : 0;
	}
	return n;
}

/* A neuron of numbers for atoms: a product of two digits is made of neurons of their sum and of
 * neurons of their difference, and of both together all values of the two are tried. */
static const AffineForm *
neuron_of_numbers(Proof *p, AffineAtom *a)
{
	void **known = memo(&p->forgotten, &a->id, sizeof a->id);
	AffineForm f = form_of_atom(a, 1);

	if (*known)
		return *known;
	if (values_of(a->input) > 0) {
		AffineForm input = *a->input;
		input.term = take_copy(input.term, (size_t)input.n * sizeof *input.term);
		for (int i = 0; i < input.n; i++)
			input.term[i].atom = number_for(p, input.term[i].atom);
		input = form_of_terms(input.n, input.term, input.k);
		f = relu_of(p, &input);
		f = f.n <= 1 ? f : form_of_atom(a, 1);
	}
	return *known = take_copy(&f, sizeof f);
}

static Extent
range_of_near_lines(Proof *p, const AffineForm *f)
{
	ScaledAtom *other = TAKE(ScaledAtom, f->n);
	BentTerm *list = TAKE(BentTerm, f->n);
	int n = 0, bent = 0, nother = 0;
	double k = f->k;

	for (int i = 0; i < f->n; i++) {
		const ScaledAtom *t = &f->term[i];
		const AffineForm here = form_of_atom(t->atom, 1), *x = &here;
		if (is_bent(t->atom))
			x = neuron_of_numbers(p, t->atom);
		bent += is_bent(t->atom);
		if (x->n == 1 && is_bent(x->term[0].atom))
			list[n++] = (BentTerm){ t->c, fabs(t->c) * t->atom->range.hi,
				                t->atom->input, false };
		else if (x->n == 1)
			other[nother++] = (ScaledAtom){ x->term[0].atom,
				                        times(t->c, x->term[0].c) };
		k = plus(k, times(t->c, x->k));
	}
	if (bent == 0)
		return (Extent){ -INFINITY, INFINITY };
	AffineForm others = form_of_terms(nother, other, k);
	Extent sum = range_of(p, &others);
	while (take_group(p, list, n, &sum))
		;
	free(list);
	return sum;
}

/* ---- case by case */

/* What is looked at value by value: a root; or, without it, an atom that takes few values, whatever
 * those do that have roots in common with it. */
typedef struct CaseSplit {
	const Root *root;
	const AffineAtom *atom;
	int size;
} CaseSplit;

/* The atom's table where root number `at` has value v: one of the other roots. */
static AffineForm
slice_of_table(Proof *p, const AffineAtom *a, int at, int v)
{
	const Roots *all = a->roots, *rest = roots_without(p, all, at);
	int inner = 1, size = all->root[at]->size;
	double *table = TAKE(double, rest->size);

	for (int i = at + 1; i < all->n; i++)
		inner *= all->root[i]->size;
	for (int i = 0; i < rest->size; i++)
		table[i] = a->table[(i / inner * size + v) * inner + i % inner];
	AffineForm f = form_of_table(p, rest, table, NULL);
	free(table);
	return f;
}

static AffineForm form_at(Proof *, const AffineForm *, const CaseSplit *, int v);

/* What an atom is in each case, once that has been asked. */
typedef struct AtomSlices {
	struct AtomSlices *next;
	CaseSplit by;
	const AffineForm *at[];
} AtomSlices;

static const AffineForm **
slice_of_atom(AffineAtom *a, const CaseSplit *by, int v)
{
	AtomSlices *s = a->slices;

	while (s && (s->by.root != by->root || s->by.atom != by->atom))
		s = s->next;
	if (!s) {
		s = take(sizeof *s + (size_t)by->size * sizeof *s->at, 1);
		s->next = a->slices;
		s->by = *by;
		a->slices = s;
	}
	return &s->at[v];
}

/* The atom in a case; a neuron by what its sum then is. */
static const AffineForm *
atom_at(Proof *p, AffineAtom *a, const CaseSplit *by, int v)
{
	const AffineForm **known = slice_of_atom(a, by, v);

	if (*known)
		return *known;
	AffineForm f = form_of_atom(a, 1);
	if (a == by->atom) {
		f = form_of(a->range.lo + v * a->spacing);
	} else if (a->table) {
		for (int i = 0; i < a->roots->n; i++)
			if (a->roots->root[i] == by->root)
				f = slice_of_table(p, a, i, v);
	} else if (a->input) {
		AffineForm input = form_at(p, a->input, by, v);
		f = relu_of(p, &input);
	}
	return *known = take_copy(&f, sizeof f);
}

static AffineForm
form_at(Proof *p, const AffineForm *f, const CaseSplit *by, int v)
{
	AffineForm all = form_of(f->k);

	for (int i = 0; i < f->n; i++)
		all.n += atom_at(p, f->term[i].atom, by, v)->n;
	ScaledAtom *term = TAKE(ScaledAtom, all.n);
	int n = 0;
	for (int i = 0; i < f->n; i++) {
		const AffineForm *x = atom_at(p, f->term[i].atom, by, v);
		all.k = plus(all.k, times(f->term[i].c, x->k));
		for (int t = 0; t < x->n; t++)
			term[n++] = (ScaledAtom){ x->term[t].atom,
				                  times(f->term[i].c, x->term[t].c) };
	}
	return form_of_terms(n, term, all.k);
}

static bool
is_flag(const AffineAtom *a)
{
	return a->table && !a->errors && a->spacing == a->range.hi - a->range.lo;
}

/* How much a form moves with each small root, and with each atom of two values, in tables and in
 * the sums of neurons. */
typedef struct CaseWeights {
	double *root, *flag;     /* by their numbers */
	const AffineAtom **atom; /* by its number */
} CaseWeights;

static void
weigh_cases(const AffineForm *f, double by, int depth, CaseWeights *w)
{
	for (int i = 0; i < f->n; i++) {
		const AffineAtom *a = f->term[i].atom;
		double c = by * fabs(f->term[i].c), moves = c * (a->range.hi - a->range.lo);
		if (is_bent(a) && depth > 0)
			weigh_cases(a->input, c, depth - 1, w);
		for (int r = 0; a->table && r < a->roots->n; r++)
			if (a->roots->root[r]->size <= SPLIT_VALUES)
				w->root[a->roots->root[r]->id] += moves;
		if (is_flag(a)) {
			w->flag[a->id] += moves;
			w->atom[a->id] = a;
		}
	}
}

/* What moves the form most: a root, or, if the search is thorough, an atom that moves it far more.
 * size 0: nothing does that has few values. */
static CaseSplit
best_cases(const Proof *p, const AffineForm *f)
{
	CaseWeights w = { TAKE(double, p->nroot), TAKE(double, p->natom),
		          TAKE(const AffineAtom *, p->natom) };
	CaseSplit best = { 0 };
	double most = 0;

	weigh_cases(f, 1, 1, &w);
	for (int i = 0; i < p->nroot; i++)
		if (w.root[i] > most) {
			most = w.root[i];
			best = (CaseSplit){ p->root[i], NULL, p->root[i]->size };
		}
	most *= 8;
	for (int i = 0; i < p->natom && p->thorough; i++)
		if (w.flag[i] > most) {
			most = w.flag[i];
			best = (CaseSplit){ NULL, w.atom[i], 2 };
		}
	free(w.root);
	free(w.flag);
	free(w.atom);
	return best;
}

/* Narrower than r, if neurons of nearly one line or cases, one by one, say so. */
Extent
range_at_values(Proof *p, const AffineForm *f, Extent r)
{
	const CaseSplit by = best_cases(p, f);
	Extent all = { INFINITY, -INFINITY };

	if (p->splits < MOST_SPLITS) {
		Extent near = range_of_near_lines(p, f);
		r = (Extent){ fmax(r.lo, near.lo), fmin(r.hi, near.hi) };
	}
	if (by.size == 0)
		return r;
	p->splits--;
	for (int v = 0; v < by.size && !(all.lo <= r.lo && all.hi >= r.hi); v++) {
		AffineForm here = form_at(p, f, &by, v);
		Extent one = range_of(p, &here);
		all = hull(hull(all, one.lo), one.hi);
		free(here.term);
	}
	p->splits++;
	return (Extent){ fmax(r.lo, all.lo), fmin(r.hi, all.hi) };
}
