/* Atoms, and affine forms over them. Two atoms that are the same function of the same roots
 * are one atom, so that what is equal cancels. */

#include "prove/prove.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

Form
form_of(double k)
{
	return (Form){ .k = k };
}

Form
form_of_atom(Atom *a, double c)
{
	Form f = { .n = 1, .term = TAKE(Term, 1) };

	f.term[0] = (Term){ a, c };
	return f;
}

static int
by_atom_number(const void *x, const void *y)
{
	const Term *a = x, *b = y;

	return a->atom->id < b->atom->id ? -1 : a->atom->id > b->atom->id;
}

Form
form_of_terms(int n, Term *term, double k)
{
	Form f = { .term = term, .k = k };

	for (int i = 1; i < n; i++)
		if (by_atom_number(&term[i - 1], &term[i]) > 0) {
			qsort(term, (size_t)n, sizeof *term, by_atom_number);
			break;
		}
	for (int i = 0; i < n;) {
		Term sum = term[i++];
		while (i < n && term[i].atom == sum.atom)
			sum.c = plus(sum.c, term[i++].c);
		if (sum.c != 0)
			term[f.n++] = sum;
	}
	return f;
}

/* f + c * g, with their errors. */
Form
sum_of_forms(const Form *f, const Form *g, double c)
{
	Term *term = TAKE(Term, f->n + g->n);
	int n = 0;

	for (int i = 0, j = 0; i < f->n || j < g->n;) {
		int order = i == f->n   ? 1
		            : j == g->n ? -1
		                        : by_atom_number(&f->term[i], &g->term[j]);
		if (order <= 0)
			term[n++] = f->term[i++];
		if (order >= 0) {
			term[n++] = (Term){ g->term[j].atom, times(c, g->term[j].c) };
			j++;
		}
	}
	Form sum = form_of_terms(n, term, plus(f->k, times(c, g->k)));
	sum.error = f->error + fabs(c) * g->error;
	return sum;
}

static Atom *
new_atom(Proof *p)
{
	Atom *a = TAKE(Atom, 1);

	a->id = p->natom;
	if ((p->natom & (p->natom - 1)) == 0) {
		p->atom = realloc(p->atom, 2 * (size_t)(p->natom + 1) * sizeof *p->atom);
		if (!p->atom)
			malformed("out of memory");
	}
	return p->atom[p->natom++] = a;
}

Atom *
atom_of_range(Proof *p, Range range, double error, int step)
{
	Atom *a = new_atom(p);

	a->range = range;
	a->error = error;
	a->step = step;
	return a;
}

/* ---- tables */

static uint64_t
hash_table(const Roots *roots, const double *table)
{
	uint64_t h = 1469598103934665603u + (uint64_t)roots->id;

	for (int i = 0; i < roots->size; i++) {
		uint64_t bits;
		double x = table[i] + 0.0; /* -0 is 0 */
		memcpy(&bits, &x, sizeof bits);
		h = (h ^ bits) * 1099511628211u;
		h ^= h >> 29;
	}
	return h;
}

static bool
atom_is_table(const Atom *a, const Roots *roots, const double *table, const double *errors)
{
	if (a->roots != roots || !a->errors != !errors)
		return false;
	for (int i = 0; i < roots->size; i++)
		if (a->table[i] != table[i] || (errors && a->errors[i] != errors[i]))
			return false;
	return true;
}

/* What the table's values have in common. */
static void
describe_table(Atom *a)
{
	const Roots *s = a->roots;
	double first = 0;
	bool any = false;

	a->step = NO_STEP;
	for (int i = 0; i < s->size; i++) {
		double x = a->table[i];
		if (s->possible && !s->possible[i])
			continue;
		int step = step_of(x);
		a->step = step < a->step ? step : a->step;
		a->range = any ? hull(a->range, x) : (Range){ x, x };
		first = any ? first : x;
		any = true;
		if (!a->errors)
			a->spacing = gcd_of(a->spacing, plus(x, -first));
		else if (a->errors[i] > a->error)
			a->error = a->errors[i];
	}
}

enum { TABLE_BUCKETS = 1 << 14 };

Atom *
atom_of_table(Proof *p, const Roots *roots, const double *table, const double *errors)
{
	if (!p->tables.slot)
		p->tables.slot = take(TABLE_BUCKETS, sizeof(void *));
	Atom **bucket = (Atom **)&p->tables.slot[hash_table(roots, table) % TABLE_BUCKETS];
	for (Atom *a = *bucket; a; a = a->next)
		if (atom_is_table(a, roots, table, errors))
			return a;
	Atom *a = new_atom(p);
	size_t bytes = (size_t)roots->size * sizeof *table;
	a->roots = roots;
	a->table = take_copy(table, bytes);
	a->errors = errors ? take_copy(errors, bytes) : NULL;
	describe_table(a);
	a->next = *bucket;
	return *bucket = a;
}

Form
form_of_table(Proof *p, const Roots *roots, const double *table, const double *errors)
{
	Range r = { INFINITY, -INFINITY };
	bool real = false;

	for (int i = 0; i < roots->size; i++) {
		if (roots->possible && !roots->possible[i])
			continue;
		r = hull(r, table[i]);
		real = real || (errors && errors[i] != 0);
	}
	if (r.lo == r.hi && !real)
		return form_of(r.lo);
	return form_of_atom(atom_of_table(p, roots, table, real ? errors : NULL), 1);
}

/* ---- what is known of a form */

bool
form_is_exact(const Form *f)
{
	for (int i = 0; i < f->n; i++)
		if (f->term[i].atom->error != 0)
			return false;
	return f->error == 0;
}

int
form_step(const Form *f)
{
	int step = step_of(f->k);

	for (int i = 0; i < f->n; i++) {
		int s = step_of(f->term[i].c) + f->term[i].atom->step;
		step = s < step ? s : step;
	}
	return step;
}

double
error_of_form(const Form *f)
{
	double e = f->error;

	for (int i = 0; i < f->n; i++)
		e += fabs(f->term[i].c) * f->term[i].atom->error;
	return e * (1 + 1e-9);
}

/* Values of a form of tables over roots that hold all of its own. */
double *
tabulate(Proof *p, const Form *f, const Roots *roots)
{
	double *out = TAKE(double, roots->size), total = fabs(f->k);

	for (int i = 0; i < roots->size; i++)
		out[i] = f->k;
	for (int t = 0; t < f->n; t++) {
		const Atom *a = f->term[t].atom;
		double c = f->term[t].c;
		total += fabs(c) * magnitude_of(a->range);
		if (a->roots == roots) {
			for (int i = 0; i < roots->size; i++)
				out[i] += c * a->table[i];
			continue;
		}
		const int *at = inside(p, roots, a->roots);
		for (int i = 0; i < roots->size; i++)
			out[i] += c * a->table[at[i]];
	}
	if (form_is_exact(f) && !fits(total, form_step(f), OWN_MANTISSA))
		fail_own_arithmetic();
	return out;
}

/* How far the computed value may be from what tabulate says. */
double *
tabulate_errors(Proof *p, const Form *f, const Roots *roots)
{
	double *out = TAKE(double, roots->size), own = fabs(f->k);

	for (int t = 0; t < f->n; t++)
		own += fabs(f->term[t].c) * magnitude_of(f->term[t].atom->range);
	for (int i = 0; i < roots->size; i++)
		out[i] = f->error;
	for (int t = 0; t < f->n; t++) {
		const Atom *a = f->term[t].atom;
		const int *at = a->errors ? inside(p, roots, a->roots) : NULL;
		for (int i = 0; at && i < roots->size; i++)
			out[i] += fabs(f->term[t].c) * a->errors[at[i]];
	}
	for (int i = 0; i < roots->size; i++) /* and what doubles round in both tables */
		if (out[i] > 0)
			out[i] = out[i] * (1 + 1e-9) + own * (f->n + 2) * 0x1p-52;
	return out;
}

bool
residue_of(Proof *p, const Form *f, Residue *r)
{
	*r = (Residue){ f->k, 0 };
	if (!form_is_exact(f))
		return false;
	for (int i = 0; i < f->n; i++) {
		Atom *a = f->term[i].atom;
		double c = f->term[i].c;
		if (!a->table) {
			r->modulus = gcd_of(r->modulus, times(c, ldexp(1, a->step)));
			continue;
		}
		bool first = true; /* of those that have the same roots */
		Form same = { .term = TAKE(Term, f->n) };
		for (int j = 0; j < f->n; j++)
			if (f->term[j].atom->roots == a->roots) {
				first = first && j >= i;
				same.term[same.n++] = f->term[j];
			}
		if (!first)
			continue;
		Form one = form_of_table(p, a->roots, tabulate(p, &same, a->roots), NULL);
		r->base = plus(r->base, one.n ? one.term[0].atom->table[0] : one.k);
		if (one.n)
			r->modulus = gcd_of(r->modulus, one.term[0].atom->spacing);
	}
	return true;
}
