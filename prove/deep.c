/* Forms over neurons that have no table of their own, at each value of more roots than are
 * tabulated otherwise: a neuron is then relu of its sum, and that is tabulated in its turn. */

#include "prove/prove.h"

#include <math.h>
#include <stdlib.h>

static const Roots *
join_deep(Proof *p, const Roots *all, const Form *f, int depth)
{
	for (int i = 0; i < f->n && all; i++) {
		const Atom *a = f->term[i].atom;
		if (a->table)
			all = join_roots(p, all, a->roots);
		else if (a->input && depth < DEEPEST && form_is_exact(a->input))
			all = join_deep(p, all, a->input, depth + 1);
		else
			all = NULL;
	}
	return all;
}

/* All roots that these forms are functions of; NULL: too many values, or not known. */
const Roots *
deep_roots(Proof *p, int n, const Form *const *f)
{
	const Roots *all = roots_of_form(p, &(Form){ 0 });

	p->most_values = DEEP;
	for (int i = 0; i < n && all; i++)
		all = join_deep(p, all, f[i], 0);
	p->most_values = SMALL;
	return all;
}

/* How many tables are added up for a form. */
static double
deep_terms(const Form *f)
{
	double n = 1;

	for (int i = 0; i < f->n; i++)
		n += f->term[i].atom->table ? 1 : deep_terms(f->term[i].atom->input);
	return n;
}

/* The exact range of a form, if that is no more work than this. */
bool
deep_range(Proof *p, const Form *f, double work, Range *r)
{
	const Roots *roots = form_is_exact(f) ? deep_roots(p, 1, &f) : NULL;

	if (!roots || roots->size * deep_terms(f) > work)
		return false;
	double *value = tabulate_deep(p, f, roots);
	*r = (Range){ INFINITY, -INFINITY };
	for (int v = 0; v < roots->size; v++)
		if (!roots->possible || roots->possible[v])
			*r = hull(*r, value[v]);
	free(value);
	return r->lo <= r->hi;
}

/* Of an exact form, as tabulate. */
double *
tabulate_deep(Proof *p, const Form *f, const Roots *roots)
{
	Form tables = { .term = TAKE(Term, f->n), .k = f->k };
	double total = fabs(f->k);

	for (int i = 0; i < f->n; i++) {
		total += fabs(f->term[i].c) * magnitude_of(f->term[i].atom->range);
		if (f->term[i].atom->table)
			tables.term[tables.n++] = f->term[i];
	}
	double *out = tabulate(p, &tables, roots);
	for (int i = 0; i < f->n; i++) {
		const Atom *a = f->term[i].atom;
		if (a->table)
			continue;
		double *sum = tabulate_deep(p, a->input, roots);
		for (int v = 0; v < roots->size; v++)
			out[v] += f->term[i].c * fmax(0, sum[v]);
		free(sum);
	}
	if (!fits(total, form_step(f), OWN_MANTISSA))
		fail_own_arithmetic();
	return out;
}
