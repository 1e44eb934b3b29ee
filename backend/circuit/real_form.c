/* Real forms: sums, neurons and gates of what is computed with rounding.
 *
 * A real form is a sum of real atoms and of integer forms with coefficients of any kind. Each
 * real atom has a column of its own, and carries a proved bound of how far the float in it can be
 * from the number that is meant. It is forward error analysis (Higham, Accuracy and Stability of
 * Numerical Algorithms, 2002, ch. 3); one rounding is 2^-24:
 *
 *     a reader's sum of n terms    n + 3 roundings of the sum of their absolute values
 *     relu, a gate                 no more than what they are given
 *     a bundle of n neurons        its pieces' distance from the curve, their slope times what
 *                                  they are given, and n + 3 roundings of all of them
 *     a mean of m                  each weight is 1 / m rounded, each product and
 *                                  each addition one rounding more
 *
 * The weights' own rounding is one of these. The writer checks that what is written adds up to no
 * more terms, and no larger ones, than was taken for granted here. */

#include "backend/target/target.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The bounds of a term, be it a bundle, a real atom or a form of integers. */
static Bundle
term_range(const Form *f)
{
	if (f->bundle)
		return *f->bundle;
	const Atom *a = f->n == 1 ? f->term[0].atom : NULL;
	if (a && a->real)
		return (Bundle){ a->min, a->max, a->real_bos, a->error };
	return (Bundle){ (double)f->lo, (double)f->hi, (double)form_bos(f), 0 };
}

double
real_bos(const Form *f)
{
	double v = f->real->k;

	for (int i = 0; i < f->real->n; i++)
		v += f->real->term[i].c * term_range(f->real->term[i].f).bos;
	return v;
}

/* ---- sums ---- */

typedef struct RealSumBuilder {
	int n, cap;
	RealTerm *term;
	double k;
} RealSumBuilder;

static void
add_real_term(Circuit *c, RealSumBuilder *s, const Form *f, double by)
{
	if (f->real) {
		for (int i = 0; i < f->real->n; i++)
			add_real_term(c, s, f->real->term[i].f, by * f->real->term[i].c);
		s->k += by * f->real->k;
		return;
	}
	s->k += by * (double)f->k;
	if (!f->n || by == 0)
		return;
	f = form_scale(c, 1, f, -f->k);
	for (int i = 0; i < s->n; i++)
		if (form_equal(s->term[i].f, f)) {
			s->term[i].c += by;
			return;
		}
	GROW(c->arena, s->term, s->cap, s->n + 1);
	s->term[s->n++] = (RealTerm){ f, by };
}

/* Lists the atoms of all terms in f->term: most of the backend asks only what a form is made of. */
static void
list_atoms(Circuit *c, Form *f)
{
	int n = 0;

	for (int i = 0; i < f->real->n; i++)
		n += f->real->term[i].f->n;
	Term *t = arena_alloc(c->arena, sizeof *t * (size_t)(n + 1));
	n = 0;
	for (int i = 0; i < f->real->n; i++)
		for (int j = 0; j < f->real->term[i].f->n; j++)
			t[n++] = (Term){ f->real->term[i].f->term[j].atom, 1 };
	sort_by_atom(t, n);
	for (int i = 0; i < n; i++)
		if (!f->n || t[f->n - 1].atom != t[i].atom)
			t[f->n++] = t[i];
	f->term = t;
	for (int i = 0; i < f->n; i++)
		f->ready = max_int(t[i].atom->ready, f->ready);
}

static const Form *
form_of_sum(Circuit *c, const RealSum *sum)
{
	Form *f = NEW(c->arena, Form);

	f->real = sum;
	f->lo = (int64_t)floor(sum->min);
	f->hi = (int64_t)ceil(sum->max);
	list_atoms(c, f);
	return f;
}

const Form *
real_form(Circuit *c, int n, const RealTerm *term, double k)
{
	RealSumBuilder s = { .k = k };
	RealSum *r = NEW(c->arena, RealSum);
	int m = 0;

	for (int i = 0; i < n; i++)
		add_real_term(c, &s, term[i].f, term[i].c);
	*r = (RealSum){ 0, s.term, s.k, s.k, s.k, 0 };
	double most = fabs(s.k);
	for (int i = 0; i < s.n; i++) {
		const RealTerm *t = &s.term[i];
		if (t->c == 0)
			continue;
		Bundle p = term_range(t->f);
		r->min += t->c > 0 ? t->c * p.min : t->c * p.max;
		r->max += t->c > 0 ? t->c * p.max : t->c * p.min;
		r->error += fabs(t->c) * p.error;
		most += fabs(t->c) * max_double(fabs(p.min), fabs(p.max));
		s.term[m++] = *t;
	}
	r->n = m;
	r->error += most * 0x1p-40; /* doubles, here and in the evaluator */
	return form_of_sum(c, r);
}

const Form *
real_within(Circuit *c, const Form *f, double min, double max)
{
	RealSum *r = NEW(c->arena, RealSum);
	Form *g = NEW(c->arena, Form);

	if (min <= f->real->min && f->real->max <= max)
		return f;
	*r = *f->real;
	r->min = max_double(min, r->min);
	r->max = min_double(max, r->max);
	*g = *f;
	g->real = r;
	g->lo = (int64_t)floor(r->min);
	g->hi = (int64_t)ceil(r->max);
	return g;
}

double
real_max_abs(const Form *f)
{
	Bundle p = term_range(f);

	if (!f->real && has_step(f)) /* each stands by itself */
		return form_abs_sum(f);
	return max_double(max_double(fabs(p.min), fabs(p.max)), fabs(p.bos)) + p.error;
}

double
value_max_abs(const Form *f)
{
	if (f->real)
		return max_double(max_double(fabs(f->real->min), fabs(f->real->max)),
		                  fabs(real_bos(f)))
		       + f->real->error;
	return max_double(max_double(fabs((double)f->lo), fabs((double)f->hi)),
	                  fabs((double)form_bos(f)));
}

/* The sum of absolute terms that a reader adds up, and how many they are. */
static double
reader_abs_sum(const RealSum *r, int *n)
{
	double sum = fabs(r->k);

	*n = 1 + r->n;
	for (int i = 0; i < r->n; i++) {
		const Form *f = r->term[i].f;
		sum += fabs(r->term[i].c) * real_max_abs(f);
		*n += has_step(f) ? f->n - 1 : 0;
	}
	return sum;
}

double
real_rounding(double sum, int n)
{
	return (n + 3) * ONE_ROUNDING * sum;
}

double
real_allowed(const Form *f)
{
	int n;
	double sum = reader_abs_sum(f->real, &n);

	return real_rounding(sum, n);
}

double
real_error(const Form *f)
{
	return f->real->error + real_allowed(f) * 1.001;
}

const Form *
real_set_bos(Circuit *c, const Form *f, double v)
{
	double d = v - real_bos(f);

	if (d == 0)
		return f;
	const Form *g = real_form(c, 2, (RealTerm[]){ { f, 1 }, { c->is_bos, d } }, 0);
	return real_within(c, g, f->real->min, f->real->max);
}

/* ---- atoms ---- */

Atom
real_atom(AtomKind kind, double min, double max, double bos, double error)
{
	return (Atom){
		.kind = kind,
		.real = true,
		.min = min,
		.max = max,
		.real_bos = bos,
		.error = error,
		.lo = (int64_t)floor(min - error),
		.hi = (int64_t)ceil(max + error),
		.bos = (int64_t)ceil(fabs(bos) + error),
	};
}

const Form *
real_form_of_atom(Circuit *c, Atom a)
{
	return real_form(c, 1, (RealTerm[]){ { form_atom(c, atom_intern(c, a)), 1 } }, 0);
}

const Form *
real_neuron(Circuit *c, const Form *f)
{
	const RealSum *r = f->real;

	if (r->max <= 0)
		return real_form(c, 0, NULL, 0);
	double bos = real_bos(f);
	Atom a = real_atom(NEURON, max_double(r->min, 0), r->max, max_double(bos, 0),
	                   real_error(f));
	a.in = f;
	a.ready = computed_from(f->ready);
	return real_form_of_atom(c, a);
}

static const Form *
real_feature(Circuit *c, const double *table, bool by_place, int first, int n)
{
	double min = table[first], max = min, bos = table[by_place ? 0 : c->rows - 1],
	       most = fabs(bos);

	for (int i = first; i < first + n; i++) {
		min = min_double(min, table[i]);
		max = max_double(max, table[i]);
	}
	most = max_double(most, max_double(fabs(min), fabs(max)));
	Atom a = real_atom(REAL_FEATURE, min, max, bos, most * ONE_ROUNDING);
	a.reals = table;
	a.by_place = by_place;
	a.ready = by_place ? c->target->place_ready : 0;
	return real_form_of_atom(c, a);
}

const Form *
real_token_feature(Circuit *c, int field, const double *table)
{
	return real_feature(c, table, false, first_row(c->g, field), rows_of(c->g, field));
}

const Form *
real_place_feature(Circuit *c, const double *table)
{
	return real_feature(c, table, true, 1, c->places - 1);
}

const Form *
real_head_value(Circuit *c, const Lookup *s, const Form *f, double absent)
{
	f = real_set_bos(c, f, absent);
	const RealSum *r = f->real;
	if (!f->n)
		return f;
	Atom a = real_atom(VALUE, min_double(r->min, absent), max_double(r->max, absent), absent,
	                   real_error(f));
	return real_form(c, 1, (RealTerm[]){ { head_atom(c, s, f, a), 1 } }, 0);
}

/* ---- gates ---- */

/* relu(f - m * deficit), m so large that it is exactly 0 where the deficit is not: f's own error
 * included. */
static const Form *
gate_above(Circuit *c, const Form *d, const Form *f, double by)
{
	double most = max_double(by > 0 ? f->real->max : -f->real->min, 0);
	double m = exp2(ceil(log2(most + 4 * real_error(f) + 0x1p-20)) + 1);

	return real_neuron(c, real_form(c, 2, (RealTerm[]){ { f, by }, { d, -m } }, 0));
}

const Form *
real_gate(Circuit *c, const Form *d, const Form *f)
{
	const RealSum *r = f->real;

	if (d->lo > 0)
		return real_form(c, 0, NULL, 0);
	if (d->hi <= 0)
		return f;
	const Form *plus = gate_above(c, d, f, 1), *minus = gate_above(c, d, f, -1);
	const Form *g = real_form(
		c, 2, (RealTerm[]){ { plus, r->max > 0 }, { minus, -(double)(r->min < 0) } }, 0);
	return real_within(c, g, min_double(r->min, 0), max_double(r->max, 0));
}
