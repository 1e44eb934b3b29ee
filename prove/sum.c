/* Which sums of float32 are exact. The terms are multiples of one step 2^e, and their
 * magnitudes add up to less than 2^24 steps: then every partial sum, in any order, is a
 * multiple of 2^e below 2^24 steps, which float32 has, so that nothing is ever rounded; with
 * fused multiply-add neither. The step is that of the weight times that of the column, not
 * of the weight alone.
 *
 * A sum that is not exact in this way is a real. Of n terms each is rounded once as a product and n
 * - 1 times at most as a part of a sum, so that all are off by at most n * 2^-24 times the sum
 * of their magnitudes, and a little of second order (N. Higham, Accuracy and Stability of
 * Numerical Algorithms, 2002, 4.2). What must be exact may not depend on it. */

#include "prove/prove.h"

#include <math.h>
#include <stdlib.h>

enum { UNIT_ROUNDOFF = -24 };

static double
rounding_of(int terms, double total)
{
	return ldexp(terms * total * 1.01, UNIT_ROUNDOFF);
}

static bool
is_power_of_two(double x)
{
	int e;

	return fabs(frexp(x, &e)) == 0.5 && e > -60 && e < 60;
}

/* What is added up at <bos>, numbers that are known. */
static double
rounding_at_bos(int terms, double total, int step, double error)
{
	return terms <= 1 || (error == 0 && fits(total, step, MANTISSA))
	               ? 0
	               : rounding_of(terms, total);
}

/* bias + the sum of w * column, a column of a matrix. */
Reader
reader_of(Proof *p, const float *w, int stride, double bias)
{
	int d = p->m->d, n = 0, terms = 0, at = 0;
	Reader r = { .form.k = bias,
		     .bos = bias,
		     .bias = bias,
		     .total = fabs(bias),
		     .step = step_of(bias),
		     .bos_total = fabs(bias),
		     .bos_step = step_of(bias) };

	for (int c = 0; c < d; c++)
		if (w[(size_t)c * (size_t)stride] != 0) {
			n++;
			terms += p->x[c].n;
		}
	r.column = TAKE(int, n);
	r.weight = TAKE(double, n);
	Term *term = TAKE(Term, terms);
	for (int c = 0; c < d; c++) {
		double x = (double)w[(size_t)c * (size_t)stride];
		const Form *f = &p->x[c];
		if (x == 0)
			continue;
		r.column[r.n] = c;
		r.weight[r.n++] = x;
		for (int i = 0; i < f->n; i++)
			term[at++] = (Term){ f->term[i].atom, times(x, f->term[i].c) };
		r.form.k = plus(r.form.k, times(x, f->k));
		r.form.error += fabs(x) * f->error;
		r.bos = plus(r.bos, times(x, p->bos[c]));
		r.bos_error += fabs(x) * p->bos_error[c];
		r.total += fabs(x) * p->most[c];
		r.bos_total += fabs(x) * (fabs(p->bos[c]) + p->bos_error[c]);
		r.real += !p->exact[c];
		int step = step_of(x) + p->step[c], of_bos = step_of(x) + step_of(p->bos[c]);
		r.step = step < r.step ? step : r.step;
		r.bos_step = of_bos < r.bos_step ? of_bos : r.bos_step;
	}
	double error = r.form.error;
	r.form = form_of_terms(at, term, r.form.k);
	r.form.error = error;
	return r;
}

/* Exact, or a real whose error is now that of rounding too. */
void
prove_sum(Proof *p, const char *what, Reader *r)
{
	bool copies = r->n == 1 && r->bias == 0 && is_power_of_two(r->weight[0]);

	r->exact = r->real == 0 && (copies || fits(r->total, r->step, MANTISSA));
	if (r->exact) {
		double steps = r->total > 0 ? ldexp(r->total, -r->step) : 0;
		p->largest_sum = fmax(p->largest_sum, copies ? 0 : steps);
		p->all[FACT_SUM]++;
		p->proved[FACT_SUM]++;
		return;
	}
	add_real(p, text("%s, up to %g in steps of %g%s", what, r->total, ldexp(1, r->step),
	                 r->real ? ", of reals" : ""));
	if (copies)
		return;
	r->form.error += rounding_of(r->n + 1, r->total);
	r->bos_error += rounding_at_bos(r->n + 1, r->bos_total, r->bos_step, r->bos_error);
}

/* ---- a sum at each value of its roots */

typedef struct Entry {
	double total;
	int step, terms;
	bool plain; /* every weight is a power of two */
} Entry;

static void
add_entry(Entry *e, double w, double x)
{
	int step = step_of(w) + step_of(x);

	if (x == 0)
		return;
	e->total += fabs(w * x);
	e->step = step < e->step ? step : e->step;
	e->terms++;
	e->plain = e->plain && is_power_of_two(w);
}

static const Roots *
roots_of_addends(Proof *p, int n, const Addend *a)
{
	const Roots *all = roots_of_form(p, &(Form){ 0 });

	for (int i = 0; i < n && all; i++) {
		const Roots *own = roots_of_form(p, &a[i].form);
		all = own ? join_roots(p, all, own) : NULL;
	}
	return all;
}

/* k + the sum of w * form where each form is known by few roots. Of reals this says more than one
 * bound for all: where all that is added is exact, or nothing, the sum may be exact. */
bool
tabulate_sum(Proof *p, int n, const Addend *a, double k, SumTable *out)
{
	const Roots *roots = out->roots = roots_of_addends(p, n, a);

	if (!roots)
		return false;
	Entry *entry = TAKE(Entry, roots->size);
	out->value = TAKE(double, roots->size);
	out->error = TAKE(double, roots->size);
	for (int v = 0; v < roots->size; v++) {
		entry[v] = (Entry){ 0, NO_STEP, 0, true };
		add_entry(&entry[v], 1, k);
		out->value[v] = k;
	}
	for (int i = 0; i < n; i++) {
		double *value = tabulate(p, &a[i].form, roots);
		double *error = tabulate_errors(p, &a[i].form, roots);
		for (int v = 0; v < roots->size; v++) {
			add_entry(&entry[v], a[i].w, value[v]);
			entry[v].total += fabs(a[i].w) * error[v];
			out->value[v] += a[i].w * value[v];
			out->error[v] += fabs(a[i].w) * error[v];
		}
		free(value);
		free(error);
	}
	for (int v = 0; v < roots->size; v++) {
		const Entry *e = &entry[v];
		bool exact = out->error[v] == 0 && fits(e->total, e->step, MANTISSA);
		if (!exact && !(e->terms <= 1 && e->plain))
			out->error[v] += rounding_of(e->terms + 1, e->total);
	}
	free(entry);
	return true;
}

/* ---- what a layer adds to a column */

static void
keep_addend(Write *w, double c, const Form *f)
{
	if (w->addends == w->addend_capacity) {
		w->addend_capacity = 2 * w->addends + 4;
		w->addend = realloc(w->addend, (size_t)w->addend_capacity * sizeof *w->addend);
		if (!w->addend)
			malformed("out of memory");
	}
	w->addend[w->addends++] = (Addend){ c, *f };
}

void
add_to_write(Write *w, double c, const Form *f, double most, double bos, double bos_error)
{
	if (!w->any)
		*w = (Write){ .any = true, .exact = true, .step = NO_STEP, .bos_step = NO_STEP };
	if (w->n + f->n > w->capacity) {
		w->capacity = 2 * (w->n + f->n);
		w->term = realloc(w->term, (size_t)w->capacity * sizeof *w->term);
		if (!w->term)
			malformed("out of memory");
	}
	for (int i = 0; i < f->n; i++)
		w->term[w->n++] = (Term){ f->term[i].atom, times(c, f->term[i].c) };
	w->k = plus(w->k, times(c, f->k));
	w->error += fabs(c) * f->error;
	w->bos = plus(w->bos, times(c, bos));
	w->bos_error += fabs(c) * bos_error;
	w->total += fabs(c) * most;
	w->bos_total += fabs(c) * (fabs(bos) + bos_error);
	int step = form_step(f), of_bos = step_of(bos);
	w->bos_step = step_of(c) + of_bos < w->bos_step ? step_of(c) + of_bos : w->bos_step;
	step = step_of(c) + (step < of_bos ? step : of_bos);
	w->step = step < w->step ? step : w->step;
	w->exact = w->exact && form_is_exact(f) && bos_error == 0;
	keep_addend(w, c, f);
}

/* A column that is a real: by its roots if they are few, else as a form with one error. */
static void
write_real(Proof *p, int c, Write *w, const char *what)
{
	double total = w->total + p->most[c];
	int of_bos = step_of(p->bos[c]);
	SumTable sum;

	add_real(p, text("column %d after the %s, up to %g in steps of %g%s", c, what, total,
	                 ldexp(1, w->step), w->exact && p->exact[c] ? "" : ", of reals"));
	of_bos = of_bos < w->bos_step ? of_bos : w->bos_step;
	p->bos_error[c] += w->bos_error;
	p->bos_error[c] += rounding_at_bos(w->addends + 1, w->bos_total + fabs(p->bos[c]), of_bos,
	                                   p->bos_error[c]);
	p->bos[c] = plus(p->bos[c], w->bos);
	if (p->x[c].n || p->x[c].k != 0)
		keep_addend(w, 1, &p->x[c]);
	if (tabulate_sum(p, w->addends, w->addend, 0, &sum)) {
		p->x[c] = form_of_table(p, sum.roots, sum.value, sum.error);
		return;
	}
	Form add = form_of_terms(w->n, w->term, w->k);
	add.error = w->error + rounding_of(w->addends + 1, total);
	p->x[c] = sum_of_forms(&p->x[c], &add, 1);
}

static void
write_column(Proof *p, int c, Write *w, const char *what)
{
	double total = w->total + p->most[c];
	int step = w->step < p->step[c] ? w->step : p->step[c];

	if (!w->exact || !p->exact[c] || !fits(total, step, MANTISSA)) {
		write_real(p, c, w, what);
		return;
	}
	p->largest_sum = fmax(p->largest_sum, total > 0 ? ldexp(total, -step) : 0);
	p->all[FACT_SUM]++;
	p->proved[FACT_SUM]++;
	Form add = form_of_terms(w->n, w->term, w->k);
	p->x[c] = sum_of_forms(&p->x[c], &add, 1);
	p->bos[c] = plus(p->bos[c], w->bos);
}

void
write_columns(Proof *p, Write *w, const char *what)
{
	for (int c = 0; c < p->m->d; c++) {
		if (w[c].any)
			write_column(p, c, &w[c], what);
		free(w[c].term);
		free(w[c].addend);
	}
	free(w);
}
