/* Values in columns of their own.
 *
 * A form that is read lives in the weights of its reader, which sees all of its terms: of the
 * staircase 1000 relu(x - 1) - 1000 relu(x - 2) + ... not the small number that it comes to. Where
 * the terms are more than a float adds up exactly, the number is computed first, a layer earlier,
 *
 *     y = relu(f - lo) + lo
 *
 * and its readers see y. So what would be refused costs a neuron and a layer. */

#include "backend/circuit/circuit.h"

#include <math.h>
#include <stdlib.h>

enum { DEEPEST = 16 }; /* sums in sums that are taken apart */

const Form *
materialized(Circuit *c, const Form *f)
{
	if (f->n <= 1 || f->real || f->near)
		return f;
	const Form *in = form_scale(c, 1, f, -f->lo);
	Atom a = { .kind = NEURON,
		   .in = in,
		   .hi = f->hi - f->lo,
		   .bos = max_int64(form_bos(in), 0),
		   .ready = computed_from(f->ready) };

	return form_scale(c, 1, form_atom(c, atom_intern(c, a)), f->lo);
}

double
form_reader_sum(const Form *f)
{
	double k = (double)llabs(f->k), all = form_abs_sum(f) + k;

	return all < EXACT_MAX ? all : form_abs_sum_by_group(f) + k;
}

/* By how much a reader would see less, were f one number. */
static double
saved_by(const Form *f, int64_t times)
{
	double most = (double)max_int64(-f->lo, f->hi);

	return f->n > 1 ? fabs((double)times) * (form_reader_sum(f) - most) : 0;
}

/* f, with its operands a and b in place of those that it was added up from. */
static const Form *
with_operands(Circuit *c, const Form *f, const Form *a, const Form *b)
{
	int64_t k = f->k - f->by[0] * f->of[0]->k - f->by[1] * f->of[1]->k;

	if (a == f->of[0] && b == f->of[1])
		return f;
	return form_within(c, form_add(c, f->by[0], a, f->by[1], b, k), f->lo, f->hi);
}

/* f with as much materialized as is done by this state, and thus costs no layer. */
static const Form *
readable_by_state(Circuit *c, const Form *f, int state, int depth)
{
	if (computed_from(f->ready) <= state && saved_by(f, 1) > 0)
		return materialized(c, f);
	if (!f->of[0] || depth > DEEPEST)
		return f;
	const Form *a = readable_by_state(c, f->of[0], state, depth + 1);
	const Form *b = readable_by_state(c, f->of[1], state, depth + 1);
	return with_operands(c, f, a, b);
}

/* What a reader may see. At the higher levels less, since columns may hold it in larger parts. */
static double
readable_most(const Circuit *c)
{
	return EXACT_MAX / (c->effort.materialize > 2 ? 8 : c->effort.materialize > 1 ? 2 : 1);
}

/* f with the larger of its operands materialized, and the other one if need be. */
static const Form *
readable_later(Circuit *c, const Form *f, int depth)
{
	if (form_reader_sum(f) < readable_most(c) || !f->of[0] || depth > DEEPEST)
		return f;
	const Form *of[2] = { f->of[0], f->of[1] }, *sum = f;
	int larger = saved_by(of[1], f->by[1]) > saved_by(of[0], f->by[0]);

	for (int t = 0; t < 2 && form_reader_sum(sum) >= readable_most(c); t++) {
		int i = t ? 1 - larger : larger;
		bool saves = saved_by(of[i], f->by[i]) > 0;
		of[i] = readable_later(c, of[i], depth + 1);
		if (saves && form_reader_sum(of[i]) < EXACT_MAX)
			of[i] = materialized(c, of[i]);
		sum = with_operands(c, f, of[0], of[1]);
	}
	return sum;
}

const Form *
as_readable(Circuit *c, const Form *f)
{
	if (f->real || f->near || form_reader_sum(f) < readable_most(c))
		return f;
	return readable_later(c, readable_by_state(c, f, f->ready, 0), 0);
}
