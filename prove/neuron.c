/* The MLP: what relu makes of each sum.
 *
 * A sum over tables of few joint values is tabulated, and so is its relu. One that is
 * never negative is the sum itself, one that is never positive nothing. Else the neuron is an
 * atom of its own with a range, known to be a broken line of its sum.
 *
 * Reals become whole again in rounding: relu(x + M), M of 2^12 at least. It means the integer
 * nearest to x + M. At each value of the roots the computed x + M is less than half a spacing
 * of float32 from that integer, all that is added but one number is exact and an integer,
 * and each sum on the way that has M in it is below 2^24, where integers are float32: so
 * whichever addition brings the two together gives an integer, and the others keep it. */

#include "prove/prove.h"

#include <math.h>
#include <stdlib.h>

/* What a neuron gives. */
typedef struct Neuron {
	Form form;
	double most, bos, bos_error;
} Neuron;

/* float32 just below x are this far apart. */
static double
float_spacing(double x)
{
	int e;

	frexp(nextafter(x, 0), &e);
	return ldexp(1, e - MANTISSA);
}

/* Of the sums on the way that have the bias in them, how far apart the nearest float32 are: of
 * one number added to the bias, the sum itself is the only one. */
static double
finest_spacing(const Reader *r, double whole)
{
	double least = 2 * r->bias - r->total;

	return r->n == 1 ? float_spacing(whole) : least > 0 ? float_spacing(least) : 0;
}

/* How far what is added to the bias may be off at <bos>. */
static double
bos_error_before_bias(const Proof *p, const Reader *r)
{
	double total = r->bos_total - fabs(r->bias), error = 0;

	for (int i = 0; i < r->n; i++)
		error += fabs(r->weight[i]) * p->bos_error[r->column[i]];
	return error + (r->n + 1) * total * 0x1p-24 * 1.01;
}

/* The columns that are exact must be integers after their weights, and one only is not exact. */
static bool
adds_one_real(const Proof *p, const Reader *r)
{
	if (r->real != 1 || r->bias < 0x1p12 || r->total >= 0x1p24 || step_of(r->bias) < 0)
		return false;
	for (int i = 0; i < r->n; i++) {
		int c = r->column[i];
		if (p->exact[c] && step_of(r->weight[i]) + p->step[c] < 0)
			return false;
	}
	return true;
}

/* Errors of r at each value of the roots but for those of adding the bias. */
static double *
errors_before_bias(Proof *p, const Reader *r, const Roots *roots)
{
	double *out = TAKE(double, roots->size);

	for (int i = 0; i < r->n; i++) {
		const Form *f = &p->x[r->column[i]];
		double w = fabs(r->weight[i]);
		const Roots *own = roots_of_form(p, f);
		bool within = own && join_roots(p, own, roots) == roots;
		double *value = within ? tabulate(p, f, roots) : NULL;
		double *error = within ? tabulate_errors(p, f, roots) : NULL;
		for (int v = 0; v < roots->size; v++) {
			double e = within ? error[v] : error_of_form(f);
			double x = within ? fabs(value[v]) + e : p->most[r->column[i]];
			out[v] += w * (e + x * (r->n + 1) * 0x1p-24) * 1.01;
		}
		free(value);
		free(error);
	}
	return out;
}

/* Is any float32 sum that is `off` from x at most this integer? */
static bool
rounds_to(const Reader *r, double x, double off, double whole)
{
	double apart = finest_spacing(r, whole);

	return whole >= 0x1p11 && whole < 0x1p24 && apart <= 1
	       && off + fabs(x - whole) < apart / 2 * (1 - 1e-9);
}

/* relu(x + M) of reals, as the integer nearest to it; false: some engine may have another. */
static bool
round_to_integers(Proof *p, const Reader *r, const Roots *roots, double *table)
{
	bool ok = adds_one_real(p, r);
	double *error = ok ? errors_before_bias(p, r, roots) : NULL;

	for (int v = 0; ok && v < roots->size; v++) {
		if (roots->possible && !roots->possible[v])
			continue;
		double whole = rint(table[v]);
		ok = rounds_to(r, table[v], error[v], whole);
		table[v] = whole;
	}
	free(error);
	return ok;
}

static Neuron
neuron_of_table(Proof *p, const Roots *roots, const double *table, const double *errors)
{
	Neuron n = { .form = form_of_table(p, roots, table, errors) };

	n.most = n.form.n ? magnitude_of(n.form.term[0].atom->range) + error_of_form(&n.form)
	                  : fabs(n.form.k);
	return n;
}

/* A sum of reals of which only the range is known. */
static Neuron
ranged_real(Proof *p, const Reader *r)
{
	Range range = range_of(p, &r->form);
	double error = error_of_form(&r->form);

	range = (Range){ fmax(range.lo, 0), fmax(range.hi, 0) };
	return (Neuron){ form_of_atom(atom_of_range(p, range, error, -1000), 1), range.hi + error,
		         0, 0 };
}

/* A sum of reals: rounded, or a real. */
static Neuron
neuron_of_reals(Proof *p, const Reader *r)
{
	SumTable sum;
	Addend *addend = TAKE(Addend, r->n);
	for (int i = 0; i < r->n; i++)
		addend[i] = (Addend){ r->weight[i], p->x[r->column[i]] };
	if (!tabulate_sum(p, r->n, addend, r->bias, &sum))
		return ranged_real(p, r);
	const Roots *roots = sum.roots;
	double *table = sum.value, *errors = sum.error;
	double *rounded = take_copy(table, (size_t)roots->size * sizeof *table);
	if (round_to_integers(p, r, roots, rounded))
		return neuron_of_table(p, roots, rounded, NULL);
	for (int v = 0; v < roots->size; v++) {
		if (table[v] + errors[v] <= 0) /* nothing, in any engine */
			errors[v] = 0;
		table[v] = fmax(table[v], 0);
	}
	return neuron_of_table(p, roots, table, errors);
}

static Neuron
neuron_itself(Proof *p, const Reader *r)
{
	Neuron n = { .form = r->form };

	n.most = magnitude_of(range_of(p, &r->form));
	return n;
}

static Neuron
tabulated_neuron(Proof *p, const Reader *r, const Roots *roots)
{
	double *table = tabulate(p, &r->form, roots);
	bool never = true; /* negative */

	for (int v = 0; v < roots->size; v++) {
		if (table[v] < 0 && (!roots->possible || roots->possible[v]))
			never = false;
		table[v] = fmax(table[v], 0);
	}
	Neuron n = never ? neuron_itself(p, r) : neuron_of_table(p, roots, table, NULL);
	if (!never && n.form.n && !n.form.term[0].atom->input)
		set_line(p, n.form.term[0].atom, &r->form);
	free(table);
	return n;
}

static Neuron
exact_neuron(Proof *p, const Reader *r, const Roots *roots)
{
	if (roots)
		return tabulated_neuron(p, r, roots);
	Range range = range_of(p, &r->form);
	if (range.hi <= 0)
		return (Neuron){ .form = form_of(0) };
	if (range.lo >= 0)
		return neuron_itself(p, r);
	Atom *a = atom_of_range(p, (Range){ 0, range.hi }, 0, form_step(&r->form));
	set_line(p, a, &r->form);
	return (Neuron){ form_of_atom(a, 1), range.hi, 0, 0 };
}

/* At <bos>, where all are numbers. */
static void
neuron_at_bos(const Proof *p, const Reader *r, Neuron *n)
{
	double whole = rint(r->bos);

	n->bos = r->bos;
	n->bos_error = r->bos_error;
	if (!r->exact && adds_one_real(p, r)
	    && rounds_to(r, r->bos, bos_error_before_bias(p, r), whole)) {
		n->bos = whole;
		n->bos_error = 0;
	}
	if (n->bos + n->bos_error <= 0)
		n->bos_error = 0;
	n->bos = fmax(n->bos, 0);
}

void
prove_neurons(Proof *p, int layer)
{
	const ModelLayer *l = &p->m->layer[layer];
	int d = p->m->d, n = l->neurons;
	Write *write = TAKE(Write, d);

	for (int c = 0; c < d; c++)
		if (l->b2[c] != 0) {
			Form one = form_of(1);
			add_to_write(&write[c], (double)l->b2[c], &one, 1, 1, 0);
		}
	for (int i = 0; i < n; i++) {
		Reader r = reader_of(p, l->w1 + i, n, (double)l->b1[i]);
		prove_sum(p, text("neuron %d of layer %d", i, layer), &r);
		const Roots *roots = r.exact ? roots_of_form(p, &r.form) : NULL;
		Neuron out = r.exact ? exact_neuron(p, &r, roots) : neuron_of_reals(p, &r);
		neuron_at_bos(p, &r, &out);
		double most = fmax(out.most, out.bos + out.bos_error);
		for (int c = 0; c < d; c++) {
			double w = (double)l->w2[(size_t)i * (size_t)d + (size_t)c];
			if (w != 0)
				add_to_write(&write[c], w, &out.form, most, out.bos, out.bos_error);
		}
	}
	write_columns(p, write, text("MLP of layer %d", layer));
}
