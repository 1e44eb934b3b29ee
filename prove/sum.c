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

static const ColumnValue one = { .form.k = 1, .bos = 1, .most = 1, .step = 0, .exact = true };

bool
is_bias(const struct Addend *a)
{
	return a->v == &one;
}

void
add(AddendList *s, double w, const ColumnValue *v)
{
	if (w == 0 || v->most == 0)
		return;
	s->addend = grown(s->addend, s->n, sizeof *s->addend);
	s->addend[s->n++] = (struct Addend){ w, v };
}

/* A column of a matrix: bias + the sum of w * column of the stream. */
AddendList
sum_of_columns(Proof *p, const float *w, int stride, double bias)
{
	AddendList s = { 0 };

	for (int c = 0; c < p->m->d; c++)
		add(&s, (double)w[(size_t)c * (size_t)stride], &p->x[c]);
	add(&s, bias, &one);
	return s;
}

ColumnValue
value_with_form(Proof *p, AffineForm f, double bos, double bos_error)
{
	ColumnValue v = { .form = f, .bos = bos, .bos_error = bos_error, .step = REAL_STEP };
	int step = form_step(&f), of_bos = step_of(bos);

	v.exact = form_is_exact(&f) && bos_error == 0;

	v.most = fmax(magnitude_of(range_of(p, &f)) + error_of_form(&f), fabs(bos) + bos_error);
	if (v.exact)
		v.step = step < of_bos ? step : of_bos;
	return v;
}

static double
rounding_of(int terms, double total)
{
	return terms * total * 1.01 * 0x1p-24;
}

static bool
is_power_of_two(double x)
{
	int e;

	return fabs(frexp(x, &e)) == 0.5 && e > -60 && e < 60;
}

AffineForm
form_of_addends(const AddendList *s)
{
	AffineForm f = { 0 };
	int terms = 0, at = 0;

	for (int i = 0; i < s->n; i++)
		terms += s->addend[i].v->form.n;
	ScaledAtom *term = TAKE(ScaledAtom, terms);
	for (int i = 0; i < s->n; i++) {
		const AffineForm *x = &s->addend[i].v->form;
		double w = s->addend[i].w;
		for (int t = 0; t < x->n; t++)
			term[at++] = (ScaledAtom){ x->term[t].atom, times(w, x->term[t].c) };
		f.k = plus(f.k, times(w, x->k));
		f.error += fabs(w) * x->error;
	}
	double error = f.error;
	f = form_of_terms(at, term, f.k);
	f.error = error;
	return f;
}

/* What the magnitudes of all that is added in a text add up to, those of common roots at one value
 * of these: of counts that are read in turn, most are small. */
static double
total_in_text(Proof *p, const AddendList *s)
{
	AffineForm sum = form_of(0);
	double rest = 0;

	for (int i = 0; i < s->n; i++) {
		const AffineForm *f = &s->addend[i].v->form;
		const Roots *roots = roots_of_form(p, f);
		double w = fabs(s->addend[i].w);
		if (!roots) {
			rest += w * s->addend[i].v->most;
			continue;
		}
		double *table = tabulate(p, f, roots), *errors = tabulate_errors(p, f, roots);
		for (int v = 0; v < roots->size; v++) /* upwards, to what adds up exactly */
			table[v] = ceil(w * (fabs(table[v]) + errors[v]) * 0x1p20) * 0x1p-20;
		AffineForm part = form_of_table(p, roots, table, NULL);
		sum = sum_of_forms(&sum, &part, 1);
		free(table);
		free(errors);
	}
	return rest + range_of(p, &sum).hi;
}

/* The sum of reals, or one of numbers that are too large: by its roots if they are few. */
static ColumnValue
real_sum(Proof *p, const AddendList *s, double total, double bos)
{
	SumTable text, at_bos;
	AffineForm f;

	if (tabulate_sum(p, s, false, &text)) {
		f = form_of_table(p, text.roots, text.value, text.error);
		free(text.value);
		free(text.error);
	} else {
		f = form_of_addends(s);
		f.error += rounding_of(s->n, fmin(total, total_in_text(p, s)));
	}
	tabulate_sum(p, s, true, &at_bos);
	return value_with_form(p, f, bos, at_bos.error[0]);
}

static double
total_of(const double *most, int n)
{
	double total = 0;

	for (int i = 0; i < n; i++)
		total += most[i];
	return total;
}

/* Looks at the largest addends more narrowly, one by one, until a sum of this step is exact. */
static double
narrow_total(Proof *p, const AddendList *s, int step, int splits, bool thorough, double *most)
{
	double *left = take_copy(most, (size_t)s->n * sizeof *most), total;

	while (total = total_of(most, s->n), !fits(total, step, MANTISSA)) {
		int at = 0;
		for (int i = 1; i < s->n; i++)
			at = left[i] > left[at] ? i : at;
		const ColumnValue *v = s->addend[at].v;
		if (left[at] == 0)
			break;
		Extent r = narrow_range_of(p, &v->form, splits, thorough);
		most[at] = fmin(most[at],
		                fabs(s->addend[at].w) * fmax(magnitude_of(r), fabs(v->bos)));
		left[at] = 0;
	}
	free(left);
	return total;
}

/* The magnitudes of all that is added. */
static double
total_of_sum(Proof *p, const AddendList *s, int step, bool exact)
{
	double *most = TAKE(double, s->n);

	for (int i = 0; i < s->n; i++)
		most[i] = fabs(s->addend[i].w) * s->addend[i].v->most;
	double total = total_of(most, s->n);
	for (int i = 1; exact && i <= MOST_SPLITS + 1 && !fits(total, step, MANTISSA); i++) {
		bool thorough = i > MOST_SPLITS;
		total = narrow_total(p, s, step, thorough ? MOST_SPLITS : i, thorough, most);
	}
	free(most);
	return total;
}

/* The value of a sum: exact, or a real with an error, that of rounding included. */
ColumnValue
prove_sum(Proof *p, const char *what, const AddendList *s)
{
	double bos = 0;
	int step = NO_STEP, reals = 0;

	for (int i = 0; i < s->n; i++) {
		const ColumnValue *v = s->addend[i].v;
		int own = step_of(s->addend[i].w) + v->step;
		step = own < step ? own : step;
		reals += !v->exact;
		bos = plus(bos, times(s->addend[i].w, v->bos));
	}
	double total = total_of_sum(p, s, step, reals == 0);
	bool copies = s->n == 1 && is_power_of_two(s->addend[0].w);
	if (reals == 0 && (copies || fits(total, step, MANTISSA))) {
		if (!copies && total > 0)
			p->largest_sum = fmax(p->largest_sum, ldexp(total, -step));
		p->all[FACT_SUM]++;
		p->proved[FACT_SUM]++;
		return value_with_form(p, form_of_addends(s), bos, 0);
	}
	p->real = grown(p->real, p->reals, sizeof *p->real);
	p->real[p->reals++] = (InexactSum){ what, total, ldexp(1, step), reals > 0 };
	return real_sum(p, s, total, bos);
}

/* ---- a sum at each value of its roots */

typedef struct SumEntry {
	double total;
	int step, terms;
	bool plain; /* every weight is a power of two */
} SumEntry;

static void
count_addend(SumEntry *e, double w, double x, double error)
{
	int step = step_of(w) + step_of(x);

	if (x == 0 && error == 0)
		return;
	e->total += fabs(w) * (fabs(x) + error);
	e->step = step < e->step ? step : e->step;
	e->terms++;
	e->plain = e->plain && is_power_of_two(w);
}

static AffineForm
addend_form(const struct Addend *a, bool at_bos)
{
	return at_bos ? (AffineForm){ .k = a->v->bos, .error = a->v->bos_error } : a->v->form;
}

static const Roots *
roots_of_sum(Proof *p, const AddendList *s)
{
	const Roots *all = no_roots(p);

	for (int i = 0; i < s->n; i++)
		all = join_form_roots(p, all, &s->addend[i].v->form);
	return all;
}

/* Each addend being known by few roots. Of reals this says more than one bound for all: where all
 * that is added is exact, or nothing, the sum may be exact. */
bool
tabulate_sum(Proof *p, const AddendList *s, bool at_bos, SumTable *out)
{
	const Roots *roots = out->roots = at_bos ? no_roots(p) : roots_of_sum(p, s);

	if (!roots)
		return false;
	SumEntry *entry = TAKE(SumEntry, roots->size);
	out->value = TAKE(double, roots->size);
	out->error = TAKE(double, roots->size);
	for (int v = 0; v < roots->size; v++)
		entry[v] = (SumEntry){ 0, NO_STEP, 0, true };
	for (int i = 0; i < s->n; i++) {
		AffineForm f = addend_form(&s->addend[i], at_bos);
		double w = s->addend[i].w;
		double *value = tabulate(p, &f, roots), *error = tabulate_errors(p, &f, roots);
		for (int v = 0; v < roots->size; v++) {
			count_addend(&entry[v], w, value[v], error[v]);
			out->value[v] += w * value[v];
			out->error[v] += fabs(w) * error[v];
		}
		free(value);
		free(error);
	}
	for (int v = 0; v < roots->size; v++) {
		const SumEntry *e = &entry[v];
		bool exact = out->error[v] == 0 && fits(e->total, e->step, MANTISSA);
		if (!exact && !(e->terms <= 1 && e->plain))
			out->error[v] += rounding_of(e->terms, e->total);
	}
	free(entry);
	return true;
}

/* ---- what a layer adds to the stream */

void
write_columns(Proof *p, AddendList *write, int state)
{
	for (int c = 0; c < p->m->d; c++) {
		if (write[c].n == 0)
			continue;
		add(&write[c], 1, &p->x[c]);
		if (write[c].n == 2 && is_power_of_two(write[c].addend[0].w))
			replace_steps(&write[c]); /* the two are alone, and are not rounded */
		p->x[c] = prove_sum(p, column_site(p->m, c, state), &write[c]);
		free(write[c].addend);
	}
	free(write);
}
