/* Atoms, and affine forms over them. Two atoms that are the same function of the same roots
 * are one atom, and so are two neurons of the same sum, so that what is equal cancels. */

#include "prove/prove.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

AffineForm
form_of(double k)
{
	return (AffineForm){ .k = k };
}

AffineForm
form_of_atom(AffineAtom *a, double c)
{
	AffineForm f = { .n = 1, .term = TAKE(ScaledAtom, 1) };

	f.term[0] = (ScaledAtom){ a, c };
	return f;
}

static int
by_atom_number(const void *x, const void *y)
{
	const ScaledAtom *a = x, *b = y;

	return a->atom->id < b->atom->id ? -1 : a->atom->id > b->atom->id;
}

AffineForm
form_of_terms(int n, ScaledAtom *term, double k)
{
	AffineForm f = { .term = term, .k = k };

	for (int i = 1; i < n; i++)
		if (by_atom_number(&term[i - 1], &term[i]) > 0) {
			qsort(term, (size_t)n, sizeof *term, by_atom_number);
			break;
		}
	for (int i = 0; i < n;) {
		ScaledAtom sum = term[i++];
		while (i < n && term[i].atom == sum.atom)
			sum.c = plus(sum.c, term[i++].c);
		if (sum.c != 0)
			term[f.n++] = sum;
	}
	return f;
}

/* f + c * g, with their errors. */
AffineForm
sum_of_forms(const AffineForm *f, const AffineForm *g, double c)
{
	ScaledAtom *term = TAKE(ScaledAtom, f->n + g->n);

	if (f->n)
		memcpy(term, f->term, (size_t)f->n * sizeof *term);
	for (int i = 0; i < g->n; i++)
		term[f->n + i] = (ScaledAtom){ g->term[i].atom, times(c, g->term[i].c) };
	AffineForm sum = form_of_terms(f->n + g->n, term, plus(f->k, times(c, g->k)));
	sum.error = f->error + fabs(c) * g->error;
	return sum;
}

static AffineAtom *
new_atom(Proof *p)
{
	AffineAtom *a = TAKE(AffineAtom, 1);

	a->id = p->natom++;
	return a;
}

AffineAtom *
atom_of_range(Proof *p, Extent range, double error, int step)
{
	AffineAtom *a = new_atom(p);

	a->range = range;
	a->error = error;
	a->step = step;
	return a;
}

/* ---- tables */

/* What the table's values have in common. */
static void
describe_table(AffineAtom *a)
{
	const Roots *s = a->roots;
	double first = 0;
	bool any = false;

	a->step = NO_STEP;
	for (int i = 0; i < s->size; i++) {
		double x = a->table[i];
		if (!can_be(s, i))
			continue;
		int step = step_of(x);
		a->step = step < a->step ? step : a->step;
		a->range = any ? hull(a->range, x) : (Extent){ x, x };
		first = any ? first : x;
		any = true;
		if (!a->errors)
			a->spacing = gcd_of(a->spacing, plus(x, -first));
		else if (a->errors[i] > a->error)
			a->error = a->errors[i];
	}
}

static AffineAtom *
atom_of_table(Proof *p, const Roots *roots, const double *table, const double *errors)
{
	size_t bytes = (size_t)roots->size * sizeof *table;
	double *key = take((size_t)(errors ? 2 : 1) * bytes + sizeof *key, 1);

	for (int i = 0; i < roots->size; i++)
		key[i] = table[i] + 0.0; /* -0 is 0 */
	if (errors)
		memcpy(key + roots->size, errors, bytes);
	key[(errors ? 2 : 1) * roots->size] = roots->id;
	void **known = memo(&p->tables, key, (size_t)(errors ? 2 : 1) * bytes + sizeof *key);
	if (!*known) {
		AffineAtom *a = *known = new_atom(p);
		a->roots = roots;
		a->table = key;
		a->errors = errors ? key + roots->size : NULL;
		describe_table(a);
	} else {
		free(key);
	}
	return *known;
}

/* A number, if all the values that are possible are one. */
AffineForm
form_of_table(Proof *p, const Roots *roots, const double *table, const double *errors)
{
	Extent r = { INFINITY, -INFINITY };
	bool real = false;

	for (int i = 0; i < roots->size; i++) {
		if (!can_be(roots, i))
			continue;
		r = hull(r, table[i]);
		real = real || (errors && errors[i] != 0);
	}
	if (r.lo == r.hi && !real)
		return form_of(r.lo);
	return form_of_atom(atom_of_table(p, roots, table, real ? errors : NULL), 1);
}

/* A whole number, which is a root if it has few values. */
AffineForm
form_of_number(Proof *p, double low, double high, int layer, int head)
{
	if (!(high - low < SMALL))
		return form_of_atom(atom_of_range(p, (Extent){ low, high }, 0, 0), 1);
	int n = (int)(high - low) + 1;
	double *table = TAKE(double, n);
	for (int i = 0; i < n; i++)
		table[i] = low + i;
	const Roots *roots = roots_of(p, new_root(p, ROOT_NUMBER, n, layer, head));
	AffineForm f = form_of_table(p, roots, table, NULL);
	free(table);
	return f;
}

/* ---- neurons */

static bool
is_integer(const AffineForm *f)
{
	for (int i = 0; i < f->n; i++)
		if (f->term[i].atom->error != 0 || f->term[i].atom->step < 0
		    || step_of(f->term[i].c) < 0)
			return false;
	return f->n > 0;
}

/* Says of a neuron what its sum is, and which line that is a multiple of: the sum without its
 * constant, divided by what its coefficients have in common, and positive in its first. */
static void
set_input(Proof *p, AffineAtom *a, const AffineForm *input)
{
	double common = 0;

	a->input = take_copy(input, sizeof *input);
	if (!is_integer(input))
		return;
	for (int i = 0; i < input->n; i++)
		common = gcd_of(common, input->term[i].c);
	a->slope = input->term[0].c < 0 ? -common : common;
	AffineForm f = { .n = input->n, .term = TAKE(ScaledAtom, input->n) };
	for (int i = 0; i < input->n; i++)
		f.term[i] = (ScaledAtom){ input->term[i].atom, input->term[i].c / a->slope };
	void **known = memo(&p->lines, f.term, (size_t)f.n * sizeof *f.term);
	if (!*known)
		*known = take_copy(&f, sizeof f);
	a->line = *known;
}

/* relu of a sum whose values are too many for a table. */
static AffineForm
form_of_neuron(Proof *p, const AffineForm *f)
{
	ScaledAtom *key = TAKE(ScaledAtom, f->n + 1);

	memcpy(key, f->term, (size_t)f->n * sizeof *key);
	key[f->n].c = f->k;
	void **known = memo(&p->neurons, key, (size_t)(f->n + 1) * sizeof *key);
	free(key);
	if (!*known) {
		Extent r = range_of(p, f);
		if (r.lo >= 0 || r.hi <= 0) {
			AffineForm plain = r.hi <= 0 ? form_of(0) : *f;
			*known = take_copy(&plain, sizeof plain);
		} else {
			AffineAtom *a = atom_of_range(p, (Extent){ 0, r.hi }, 0, form_step(f));
			set_input(p, a, f);
			AffineForm one = form_of_atom(a, 1);
			*known = take_copy(&one, sizeof one);
		}
	}
	return *(AffineForm *)*known;
}

/* Is all of f older than the atom? A table that relu makes may be one that f is made of: relu(2x -
 * 1) is x, if x is 0 or 1. To say of x that it is a line of itself would be true, and of no use. */
static bool
is_older(const AffineForm *f, const AffineAtom *a)
{
	return f->n == 0 || f->term[f->n - 1].atom->id < a->id;
}

/* relu(f), f being exact: a table, if it has few values; f itself where that is never negative. */
AffineForm
relu_of(Proof *p, const AffineForm *f)
{
	const Roots *roots = roots_of_form(p, f);
	bool negative = false;

	if (f->n == 0)
		return form_of(fmax(0, f->k));
	if (!roots)
		return form_of_neuron(p, f);
	double *table = tabulate(p, f, roots);
	for (int v = 0; v < roots->size; v++) {
		negative = negative || (table[v] < 0 && can_be(roots, v));
		table[v] = fmax(table[v], 0);
	}
	AffineForm out = negative ? form_of_table(p, roots, table, NULL) : *f;
	if (negative && out.n && !out.term[0].atom->input && is_older(f, out.term[0].atom))
		set_input(p, out.term[0].atom, f);
	free(table);
	return out;
}

/* ---- what is known of a form */

double
coefficient_of(const AffineForm *f, const AffineAtom *a)
{
	int from = 0, to = f->n;

	while (from < to) {
		int middle = (from + to) / 2;
		if (f->term[middle].atom->id < a->id)
			from = middle + 1;
		else
			to = middle;
	}
	return from < f->n && f->term[from].atom == a ? f->term[from].c : 0;
}

bool
form_is_exact(const AffineForm *f)
{
	for (int i = 0; i < f->n; i++)
		if (f->term[i].atom->error != 0)
			return false;
	return f->error == 0;
}

int
form_step(const AffineForm *f)
{
	int step = step_of(f->k);

	for (int i = 0; i < f->n; i++) {
		int s = step_of(f->term[i].c) + f->term[i].atom->step;
		step = s < step ? s : step;
	}
	return step;
}

double
error_of_form(const AffineForm *f)
{
	double e = f->error;

	for (int i = 0; i < f->n; i++)
		e += fabs(f->term[i].c) * f->term[i].atom->error;
	return e * (1 + 1e-9);
}

static double
magnitude_of_form(const AffineForm *f)
{
	double total = fabs(f->k);

	for (int i = 0; i < f->n; i++)
		total += fabs(f->term[i].c) * magnitude_of(f->term[i].atom->range);
	return total;
}

/* Values of a form over roots that hold all of its own. A neuron without a table is relu of its
 * sum, tabulated in its turn. */
double *
tabulate(Proof *p, const AffineForm *f, const Roots *roots)
{
	double *out = TAKE(double, roots->size);

	for (int i = 0; i < roots->size; i++)
		out[i] = f->k;
	for (int t = 0; t < f->n; t++) {
		const AffineAtom *a = f->term[t].atom;
		double c = f->term[t].c;
		if (a->table) {
			const int *at = inside(p, roots, a->roots);
			for (int i = 0; i < roots->size; i++)
				out[i] += c * a->table[at[i]];
		} else {
			double *sum = tabulate(p, a->input, roots);
			for (int i = 0; i < roots->size; i++)
				out[i] += c * (sum[i] > 0 ? sum[i] : 0);
			free(sum);
		}
	}
	if (form_is_exact(f) && !fits(magnitude_of_form(f), form_step(f), OWN_MANTISSA))
		fail_own_arithmetic();
	return out;
}

/* The same with one table for all that have the same roots, so that what cancels there is gone. */
AffineForm
merge_tables(Proof *p, const AffineForm *f)
{
	AffineForm all = { .term = TAKE(ScaledAtom, f->n), .k = f->k };
	bool *taken = TAKE(bool, f->n);

	for (int i = 0; i < f->n; i++) {
		const Roots *roots = f->term[i].atom->roots;
		AffineForm same = { .term = all.term + all.n };
		for (int j = i; j < f->n && !taken[i]; j++)
			if (i == j || (roots && f->term[j].atom->roots == roots)) {
				same.term[same.n++] = f->term[j];
				taken[j] = j > i;
			}
		if (same.n > 1 && form_is_exact(&same)) {
			double *table = tabulate(p, &same, roots);
			AffineForm one = form_of_table(p, roots, table, NULL);
			all.k = plus(all.k, one.k);
			same.n = one.n;
			if (one.n)
				same.term[0] = one.term[0];
			free(table);
		}
		all.n += same.n;
	}
	free(taken);
	all = form_of_terms(all.n, all.term, all.k);
	all.error = f->error;
	return all;
}

/* How far the computed value may be from what tabulate says. */
double *
tabulate_errors(Proof *p, const AffineForm *f, const Roots *roots)
{
	double *out = TAKE(double, roots->size), own = magnitude_of_form(f) * (f->n + 2) * 0x1p-52;

	for (int i = 0; i < roots->size; i++)
		out[i] = f->error;
	for (int t = 0; t < f->n; t++) {
		const AffineAtom *a = f->term[t].atom;
		const int *at = a->errors ? inside(p, roots, a->roots) : NULL;
		for (int i = 0; at && i < roots->size; i++)
			out[i] += fabs(f->term[t].c) * a->errors[at[i]];
	}
	for (int i = 0; i < roots->size; i++) /* and what doubles round in both tables */
		if (out[i] > 0)
			out[i] = out[i] * (1 + 1e-9) + own;
	return out;
}
