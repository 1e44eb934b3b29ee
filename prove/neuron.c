/* The MLP: what relu makes of each sum.
 *
 * An exact sum: relu_of (form.c). Reals become whole again in rounding: relu(x + M), M of 2^12 at
 * least. It means the integer nearest to x + M. At each value of the roots the computed x + M is
 * less than half a spacing of float32 from that integer, all that is added but one number is
 * exact and an integer, and each sum on the way that has M in it is below 2^24, where integers
 * are float32: so whichever addition brings the two together gives an integer, and the
 * others keep it. */

#include "prove/prove.h"

#include <math.h>
#include <stdlib.h>

/* float32 just below x are this far apart. */
static double
float_spacing(double x)
{
	int e;

	frexp(nextafter(x, 0), &e);
	return ldexp(1, e - MANTISSA);
}

/* A sum that brings one real to M: the rest of it, M, and the most that all is. */
typedef struct Rounding {
	AddendList rest;
	double bias, total;
} Rounding;

static bool
find_rounding(const AddendList *s, Rounding *r)
{
	int reals = 0;

	*r = (Rounding){ 0 };
	for (int i = 0; i < s->n; i++) {
		const ColumnValue *v = s->addend[i].v;
		double w = s->addend[i].w;
		r->total += fabs(w) * v->most;
		if (is_bias(&s->addend[i]))
			r->bias = w;
		else
			add(&r->rest, w, v);
		if (v->exact && step_of(w) + v->step < 0)
			return false;
		reals += !v->exact;
	}
	return reals == 1 && r->bias >= 0x1p12 && r->total < 0x1p24;
}

/* Is any float32 sum that is `off` from x at most this integer? Of the sums on the way that
 * have the bias in them float32 lie nearest at the least; where one number only is added, the
 * sum itself is the only one. */
static bool
rounds_to(const Rounding *r, double x, double off, double whole)
{
	double least = r->rest.n == 1 ? whole : 2 * r->bias - r->total;
	double apart = least > 0 ? float_spacing(least) : 0;

	return whole >= 0x1p11 && whole < 0x1p24 && apart <= 1
	       && off + fabs(x - whole) < apart / 2 * (1 - 1e-9);
}

/* Of a real, the whole numbers that each value is rounded to; false: some engine may have
 * another. */
static bool
round_values(Proof *p, const AddendList *s, bool at_bos, SumTable *out)
{
	Rounding r;
	bool ok = true;

	if (!find_rounding(s, &r) || !tabulate_sum(p, &r.rest, at_bos, out))
		return false;
	for (int v = 0; v < out->roots->size && ok; v++) {
		double x = out->value[v] + r.bias;
		out->value[v] = rint(x);
		ok = !can_be(out->roots, v) || rounds_to(&r, x, out->error[v], out->value[v]);
	}
	return ok;
}

/* The terms of f that have these roots, each value as the nearest whole number; by how much that is
 * off at most is added to *off. */
static AffineForm
snapped_tables(Proof *p, const AffineForm *f, const Roots *roots, double *off)
{
	AffineForm same = { .term = TAKE(ScaledAtom, f->n) };
	double most = 0;

	for (int i = 0; i < f->n; i++)
		if (f->term[i].atom->roots == roots)
			same.term[same.n++] = f->term[i];
	double *value = tabulate(p, &same, roots), *error = tabulate_errors(p, &same, roots);
	for (int v = 0; v < roots->size; v++) {
		double whole = rint(value[v]);
		if (can_be(roots, v))
			most = fmax(most, fabs(value[v] - whole) * (1 + 1e-9) + error[v]);
		value[v] = whole;
	}
	*off += most;
	AffineForm out = form_of_table(p, roots, value, NULL);
	free(value);
	free(error);
	return out;
}

/* Rounding where the roots of a real are too many together: what each set of them adds is nearly
 * whole by itself, as in a sum of several counts. */
static bool
round_by_parts(Proof *p, const AddendList *s, AffineForm *out)
{
	Rounding r;

	if (!find_rounding(s, &r))
		return false;
	AffineForm f = form_of_addends(&r.rest);
	double off = f.error + r.rest.n * (r.total - r.bias) * 0x1p-24 * 1.01;
	*out = form_of(plus(f.k, r.bias));
	for (int i = 0; i < f.n; i++) {
		const AffineAtom *a = f.term[i].atom;
		AffineForm part = form_of_atom(f.term[i].atom, f.term[i].c);
		bool first = true;
		for (int j = 0; j < i && a->roots; j++)
			first = first && f.term[j].atom->roots != a->roots;
		if (a->roots && first)
			part = snapped_tables(p, &f, a->roots, &off);
		else if (!a->roots && (a->error != 0 || form_step(&part) < 0))
			return false;
		if (!a->roots || first)
			*out = sum_of_forms(out, &part, 1);
	}
	Extent range = range_of(p, out);
	double least = r.rest.n == 1 ? range.lo : 2 * r.bias - r.total;
	double apart = least > 0 ? float_spacing(least) : 0;
	return out->k == rint(out->k) && range.lo >= 0x1p11 && range.hi < 0x1p24 && apart <= 1
	       && off < apart / 2 * (1 - 1e-9);
}

/* relu of a real: nothing, where it is negative in every engine. */
static AffineForm
relu_of_real(Proof *p, const AffineForm *f)
{
	const Roots *roots = roots_of_form(p, f);
	Extent r = range_of(p, f);

	if (!roots) {
		r = (Extent){ fmax(r.lo, 0), fmax(r.hi, 0) };
		return form_of_atom(atom_of_range(p, r, error_of_form(f), REAL_STEP), 1);
	}
	double *table = tabulate(p, f, roots), *errors = tabulate_errors(p, f, roots);
	for (int v = 0; v < roots->size; v++) {
		if (table[v] + errors[v] <= 0)
			errors[v] = 0;
		table[v] = fmax(table[v], 0);
	}
	AffineForm out = form_of_table(p, roots, table, errors);
	free(table);
	free(errors);
	return out;
}

ColumnValue
value_of_neuron(Proof *p, const AddendList *s, const ColumnValue *sum)
{
	ColumnValue v = *sum;
	AffineForm f;
	SumTable t;

	if (v.exact)
		return value_with_form(p, relu_of(p, &v.form), fmax(0, v.bos), 0);
	if (round_values(p, s, false, &t))
		f = form_of_table(p, t.roots, t.value, NULL);
	else if (!round_by_parts(p, s, &f))
		f = relu_of_real(p, &v.form);
	if (round_values(p, s, true, &t))
		return value_with_form(p, f, t.value[0], 0);
	return value_with_form(p, f, fmax(0, v.bos), v.bos + v.bos_error <= 0 ? 0 : v.bos_error);
}
