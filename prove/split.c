/* Ranges of sums of neurons that only take turns with one another: those of an addition if
 * the operator is +, those of a multiplication if it is *. Each value of one small root (the
 * operator that a head has read) is looked at by itself: the inputs of the neurons lose what
 * that root says to a constant, many neurons fall silent, and the others are often broken
 * lines of nearly one form.
 *
 * Sums of c relu(H) with H = g L + R, R in a small range [a, b]: relu being monotone, each lies
 * between c relu(g x + a) and c relu(g x + b) at the value x of L; these are broken lines in an
 * integer x, whose sums have their extremes at the ends of x or next to bends. */

#include "prove/prove.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct Bent {
	double c, most; /* most: |c relu| */
	Form input;
	bool taken;
	double g;
	Range rest;
} Bent;

/* ---- neurons of nearly one line */

static double
coefficient(const Form *f, const Atom *a)
{
	for (int i = 0; i < f->n; i++)
		if (f->term[i].atom == a)
			return f->term[i].c;
	return 0;
}

static double
divisor_of(const Form *f)
{
	double g = 0;

	for (int i = 0; i < f->n; i++)
		g = gcd_of(g, f->term[i].c);
	return g;
}

static bool
share_atom(const Form *a, const Form *b)
{
	for (int i = 0, j = 0; i < a->n && j < b->n;) {
		int x = a->term[i].atom->id, y = b->term[j].atom->id;
		if (x == y)
			return true;
		i += x < y;
		j += x > y;
	}
	return false;
}

/* The form of smallest coefficients among those that weigh much and share something with the
 * greatest; its direction is what the others are compared with. */
static const Form *
plainest(const Bent *list, int n)
{
	const Bent *greatest = NULL, *best = NULL;
	double least = INFINITY;

	for (int i = 0; i < n; i++)
		if (!list[i].taken && (!greatest || list[i].most > greatest->most))
			greatest = &list[i];
	if (!greatest || greatest->most == 0)
		return NULL;
	for (int i = 0; i < n; i++) {
		const Bent *b = &list[i];
		double size = 0;
		if (b->taken || b->most * 1000 < greatest->most
		    || !share_atom(&b->input, &greatest->input))
			continue;
		for (int t = 0; t < b->input.n; t++)
			size += fabs(b->input.term[t].c);
		size /= divisor_of(&b->input);
		if (size < least) {
			least = size;
			best = b;
		}
	}
	return &best->input;
}

static Form
direction_of(const Form *f, const Atom **main)
{
	double g = divisor_of(f), most = -1;
	Form l = { .n = f->n, .term = TAKE(Term, f->n) };

	for (int i = 0; i < f->n; i++) {
		const Atom *a = f->term[i].atom;
		double weight = fabs(f->term[i].c) * (a->range.hi - a->range.lo);
		if (weight > most) {
			most = weight;
			*main = a;
		}
	}
	if (coefficient(f, *main) < 0)
		g = -g;
	for (int i = 0; i < f->n; i++)
		l.term[i] = (Term){ f->term[i].atom, f->term[i].c / g };
	return l;
}

static void
group_at(const Bent *const *group, int n, double x, Range *r)
{
	double lo = 0, hi = 0;

	for (int i = 0; i < n; i++) {
		const Bent *b = group[i];
		double at = b->g * x, low = at + b->rest.lo, high = at + b->rest.hi;
		low = b->c * (low > 0 ? low : 0);
		high = b->c * (high > 0 ? high : 0);
		lo += b->c > 0 ? low : high;
		hi += b->c > 0 ? high : low;
	}
	r->lo = lo < r->lo ? lo : r->lo;
	r->hi = hi > r->hi ? hi : r->hi;
}

/* All of these are whole numbers but the weights c: sums of them in doubles are exact, if they are
 * not too large, and so are the integers next to a bend. */
static void
require_exact_group(const Bent *const *group, int n, Range x)
{
	double total = 0;
	int step = 0;

	for (int i = 0; i < n; i++) {
		const Bent *b = group[i];
		total += fabs(b->c) * (fabs(b->g) * magnitude_of(x) + magnitude_of(b->rest));
		step = step_of(b->c) < step ? step_of(b->c) : step;
	}
	if (!fits(total, step, OWN_MANTISSA - 1))
		fail_own_arithmetic();
}

static Range
range_of_bents(const Bent *const *group, int n, Range x)
{
	Range r = { INFINITY, -INFINITY };

	require_exact_group(group, n, x);
	group_at(group, n, x.lo, &r);
	group_at(group, n, x.hi, &r);
	for (int i = 0; i < n; i++)
		for (int end = 0; end < 2; end++) {
			double rest = end ? group[i]->rest.hi : group[i]->rest.lo;
			double at = floor(-rest / group[i]->g);
			if (end && group[i]->rest.hi == group[i]->rest.lo)
				break;
			if (at >= x.lo && at <= x.hi)
				group_at(group, n, at, &r);
			if (at + 1 >= x.lo && at + 1 <= x.hi)
				group_at(group, n, at + 1, &r);
		}
	return r;
}

/* Takes those that are nearly multiples of one direction, and says what they add. */
static bool
take_group(Proof *p, Bent *list, int n, Range *sum)
{
	const Form *f = plainest(list, n);
	const Atom *main = NULL;
	const Bent **group = TAKE(const Bent *, n);
	int ngroup = 0;

	if (!f)
		return false;
	Form l = direction_of(f, &main);
	Range x = range_of(p, &l);
	for (int i = 0; i < n; i++) {
		Bent *b = &list[i];
		if (b->taken)
			continue;
		b->g = rint(coefficient(&b->input, main) / coefficient(&l, main));
		if (b->g == 0)
			continue;
		Form rest = sum_of_forms(&b->input, &l, -b->g);
		b->rest = range_of(p, &rest);
		if (&b->input != f && (b->rest.hi - b->rest.lo) * 4 > fabs(b->g) * (x.hi - x.lo))
			continue;
		b->taken = true;
		group[ngroup++] = b;
	}
	Range r = range_of_bents(group, ngroup, x);
	sum->lo = plus(sum->lo, r.lo);
	sum->hi = plus(sum->hi, r.hi);
	free(group);
	return true;
}

/* ---- one root, value by value */

static bool
is_of_root(const Atom *a, const Root *r)
{
	return a->table && a->roots->n == 1 && a->roots->root[0] == r;
}

/* f where the root has value v. */
static Form
form_at(const Form *f, const Root *r, int v)
{
	Form out = { .term = TAKE(Term, f->n), .k = f->k };

	for (int i = 0; i < f->n; i++)
		if (is_of_root(f->term[i].atom, r))
			out.k = plus(out.k, times(f->term[i].c, f->term[i].atom->table[v]));
		else
			out.term[out.n++] = f->term[i];
	return out;
}

static bool
is_bent(const Atom *a)
{
	return a->line && !a->table;
}

static Range
range_at(Proof *p, const Form *f, const Root *r, int v)
{
	Form here = form_at(f, r, v), others = { .term = TAKE(Term, f->n), .k = here.k };
	Bent *list = TAKE(Bent, here.n);
	int n = 0;

	for (int i = 0; i < here.n; i++) {
		const Term *t = &here.term[i];
		if (!is_bent(t->atom)) {
			others.term[others.n++] = *t;
			continue;
		}
		Form input = form_at(t->atom->input, r, v);
		if (input.n == 0)
			others.k = plus(others.k, times(t->c, fmax(0, input.k)));
		else
			list[n++] = (Bent){ .c = t->c, .input = input };
	}
	Range sum = range_of(p, &others);
	for (int i = 0; i < n; i++)
		list[i].most = fabs(list[i].c) * fmax(0, range_of(p, &list[i].input).hi);
	while (take_group(p, list, n, &sum))
		;
	free(list);
	return sum;
}

/* The root that says most about the inputs of the neurons. */
static const Root *
splitting_root(const Proof *p, const Form *f)
{
	double *weight = TAKE(double, p->nroot), most = 0;
	const Root *best = NULL;

	for (int i = 0; i < f->n; i++) {
		const Atom *a = f->term[i].atom;
		for (int t = 0; is_bent(a) && t < a->input->n; t++) {
			const Atom *b = a->input->term[t].atom;
			if (!b->table || b->roots->n != 1 || b->roots->root[0]->size > SPLIT_VALUES)
				continue;
			double *w = &weight[b->roots->root[0]->id];
			*w += fabs(f->term[i].c) * fabs(a->input->term[t].c)
			      * (b->range.hi - b->range.lo);
			if (*w > most) {
				most = *w;
				best = b->roots->root[0];
			}
		}
	}
	free(weight);
	return best;
}

/* Narrower than r, if the values of a root say so one by one. */
Range
split_range(Proof *p, const Form *f, Range r)
{
	const Root *root = splitting_root(p, f);
	Range all = { INFINITY, -INFINITY };

	if (!root || !form_is_exact(f))
		return r;
	p->depth++;
	for (int v = 0; v < root->size; v++) {
		Range one = range_at(p, f, root, v);
		all.lo = fmin(all.lo, one.lo);
		all.hi = fmax(all.hi, one.hi);
	}
	p->depth--;
	return (Range){ fmax(r.lo, all.lo), fmin(r.hi, all.hi) };
}
