/* Is a form a function of a few whole numbers x, y, … that are forms themselves, and which? Each
 * of its atoms is taken for
 *
 *     a part of one of these:    3 m0.n0 - 3 m0.n1  is  3 x,  x being m0.n0 - m0.n1;
 *     a neuron, whose sum is in turn such a function.
 *
 * Then the form is a function of the numbers alone, however many roots they have, and is compared
 * with another at all values that these can have, each by itself: more than ever occur. Where both
 * are sums of functions g(i, x) + h(i, y) + …, as of `if i then x else y`, they are equal if they
 * are with each i and each x, y being at its least, each y, x being at its least, and so on. */

#include "prove/prove.h"

#include <math.h>
#include <stdlib.h>

/* k + the sum of a[i] * number i + the sum of c * relu(in) */
typedef struct Solution {
	double k, *a;
	int n;
	struct SolvedNeuron {
		double c;
		struct Solution *in;
	} * neuron;
} Solution;

/* Row r is the sum of mix[r][i] * number i, and the only one that has its last atom. */
typedef struct Echelon {
	Proof *p;
	int nnumber, n;
	AffineForm *row;
	double **mix;
} Echelon;

/* An atom as a form whose table, if it has one, is of whole numbers from 0 on without common
 * divisor: so the tables of x and of 12 x are one. */
static const AffineForm *
plain_form(Proof *p, AffineAtom *a)
{
	void **known = memo(&p->plain, &a->id, sizeof a->id);

	if (*known)
		return *known;
	AffineForm f = form_of_atom(a, 1);
	if (a->table && !a->input && a->error == 0 && a->spacing != 0) {
		double *table = TAKE(double, a->roots->size);
		for (int v = 0; v < a->roots->size; v++)
			table[v] = (a->table[v] - a->range.lo) / a->spacing;
		f = form_of_table(p, a->roots, table, NULL);
		f.term[0].c = a->spacing;
		f.k = a->range.lo;
		free(table);
	}
	return *known = take_copy(&f, sizeof f);
}

static AffineForm
with_plain_tables(Proof *p, const AffineForm *f)
{
	AffineForm out = form_of(f->k);
	ScaledAtom *term = TAKE(ScaledAtom, f->n);

	for (int i = 0; i < f->n; i++) {
		const AffineForm *x = plain_form(p, f->term[i].atom);
		double c = f->term[i].c;
		term[i] = (ScaledAtom){ x->term[0].atom, times(c, x->term[0].c) };
		out.k = plus(out.k, times(c, x->k));
	}
	out = form_of_terms(f->n, term, out.k);
	out.error = f->error;
	return out;
}

static const ScaledAtom *
last_term(const AffineForm *f)
{
	return &f->term[f->n - 1];
}

/* Subtracts the row that has the last atom of f from it, as often as it takes; what has been
 * subtracted is added to a. False: there is none, or no whole number of times. */
static bool
subtract_row(const Echelon *e, AffineForm *f, double *a)
{
	for (int r = 0; r < e->n; r++) {
		const ScaledAtom *mine = last_term(f), *its = last_term(&e->row[r]);
		double times_row = mine->c / its->c;
		if (mine->atom != its->atom || times_row != rint(times_row))
			continue;
		AffineForm less = sum_of_forms(f, &e->row[r], -times_row);
		free(f->term);
		*f = less;
		for (int i = 0; i < e->nnumber; i++)
			a[i] += times_row * e->mix[r][i];
		return true;
	}
	return false;
}

static bool solve(const Echelon *, const AffineForm *, Solution *, int depth);

/* Takes the last atom of f for a neuron of numbers. */
static bool
subtract_neuron(const Echelon *e, AffineForm *f, Solution *s, int depth)
{
	const ScaledAtom *t = last_term(f);
	struct SolvedNeuron neuron = { t->c, TAKE(Solution, 1) };

	if (!t->atom->input || depth == 0 || !solve(e, t->atom->input, neuron.in, depth - 1))
		return false;
	s->neuron = grown(s->neuron, s->n, sizeof neuron);
	s->neuron[s->n++] = neuron;
	f->n--;
	return true;
}

static bool
solve(const Echelon *e, const AffineForm *given, Solution *s, int depth)
{
	AffineForm f = with_plain_tables(e->p, given);

	*s = (Solution){ .a = TAKE(double, e->nnumber) };
	while (f.n > 0)
		if (!subtract_row(e, &f, s->a) && !subtract_neuron(e, &f, s, depth))
			return false;
	s->k = f.k;
	free(f.term);
	return form_is_exact(&f);
}

static Echelon
echelon_of(Proof *p, int n, const AffineForm **number)
{
	Echelon e = { p, n, 0, TAKE(AffineForm, n), TAKE(double *, n) };

	for (int i = 0; i < n; i++) {
		AffineForm f = with_plain_tables(p, number[i]);
		double *a = TAKE(double, n);
		while (f.n > 0 && subtract_row(&e, &f, a))
			;
		for (int k = 0; k < n; k++)
			a[k] = (k == i) - a[k];
		e.mix[e.n] = a;
		e.row[e.n] = f;
		e.n += f.n > 0;
	}
	return e;
}

static double
value_of_solution(const Solution *s, int n, const double *x)
{
	double sum = s->k;

	for (int i = 0; i < n; i++)
		sum += s->a[i] * x[i];
	for (int i = 0; i < s->n; i++)
		sum += s->neuron[i].c * fmax(0, value_of_solution(s->neuron[i].in, n, x));
	return sum;
}

/* Counts in which[i] the numbers i that a sum depends on. */
static void
mark_numbers(const Solution *s, int n, int *which)
{
	for (int i = 0; i < n; i++)
		which[i] += s->a[i] != 0;
	for (int i = 0; i < s->n; i++)
		mark_numbers(s->neuron[i].in, n, which);
}

/* Which number, not shared yet, stands most often with another such in a neuron; -1: none does, so
 * that the solution is a sum of functions of one each, and of those that are shared. */
static int
most_mixed(const Solution *s, int n, const bool *shared)
{
	int *all = TAKE(int, n), *own = TAKE(int, n), most = 0;

	for (int i = 0; i < s->n; i++) {
		int several = 0;
		for (int k = 0; k < n; k++)
			own[k] = 0;
		mark_numbers(s->neuron[i].in, n, own);
		for (int k = 0; k < n; k++)
			several += own[k] > 0 && !shared[k];
		for (int k = 0; k < n; k++)
			all[k] += several > 1 && own[k] > 0 && !shared[k];
	}
	for (int k = 1; k < n; k++)
		most = all[k] > all[most] ? k : most;
	most = n > 0 && all[most] > 0 ? most : -1;
	free(all);
	free(own);
	return most;
}

/* The next values of the numbers that are `counted`, in the order of counting; false: these were
 * the last. */
static bool
count_on(int n, const bool *counted, const Extent *range, double *x)
{
	for (int i = 0; i < n; i++) {
		if (!counted[i])
			continue;
		if (x[i] < range[i].hi) {
			x[i]++;
			return true;
		}
		x[i] = range[i].lo;
	}
	return false;
}

/* Are the two equal where the shared numbers are these, and one of the others at most is not at its
 * least? */
static bool
equal_for_each(const Solution *s, const NumberFunction *f, const bool *shared, const Extent *range,
               double *x)
{
	if (value_of_solution(s, f->n, x) != f->value(f->context, x))
		return false;
	for (int i = 0; i < f->n; i++) {
		if (shared[i])
			continue;
		for (x[i]++; x[i] <= range[i].hi; x[i]++)
			if (value_of_solution(s, f->n, x) != f->value(f->context, x))
				return false;
		x[i] = range[i].lo;
	}
	return true;
}

static bool
are_equal(const Solution *s, const NumberFunction *f, const bool *shared, const Extent *range)
{
	double *x = TAKE(double, f->n);
	bool same = true;

	for (int i = 0; i < f->n; i++)
		x[i] = range[i].lo;
	do
		same = equal_for_each(s, f, shared, range, x);
	while (same && count_on(f->n, shared, range, x));
	free(x);
	return same;
}

/* How many cases are_equal looks at. */
static double
cases_of(int n, const bool *shared, const Extent *range)
{
	double together = 1, each = 1;

	for (int i = 0; i < n; i++) {
		double values = range[i].hi - range[i].lo + 1;
		if (shared[i])
			together *= values;
		else
			each += values;
	}
	return together * each;
}

/* Between which values a number lies: of few roots, at their possible values together. */
static Extent
range_of_number(Proof *p, const AffineForm *f)
{
	enum { MOST_VALUES = 1 << 14 };
	const Roots *roots = deep_roots(p, no_roots(p), f);

	return roots && roots->size <= MOST_VALUES ? range_of_table(p, f, roots) : range_of(p, f);
}

/* Is the form this function of the numbers? */
bool
is_function(Proof *p, const AffineForm *said, const NumberFunction *f)
{
	enum { DEEPEST = 4, MOST_CASES = 1 << 17 };
	Extent *range = TAKE(Extent, f->n);
	bool *shared = TAKE(bool, f->n);
	Echelon e = echelon_of(p, f->n, f->number);
	Solution s;
	int next;

	for (int i = 0; i < f->n; i++) {
		if (!form_is_exact(f->number[i]) || form_step(f->number[i]) < 0)
			return false;
		range[i] = range_of_number(p, f->number[i]);
		shared[i] = i < f->shared;
	}
	if (!solve(&e, said, &s, DEEPEST))
		return false;
	while (cases_of(f->n, shared, range) <= MOST_CASES
	       && (next = most_mixed(&s, f->n, shared)) >= 0)
		shared[next] = true;
	return cases_of(f->n, shared, range) <= MOST_CASES && are_equal(&s, f, shared, range);
}
