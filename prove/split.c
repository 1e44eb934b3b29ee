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

/* ---- neurons of the same few small numbers, looked at together */

static bool
is_small_number(const Atom *a)
{
	return a->error == 0 && a->step >= 0 && a->range.hi - a->range.lo < SPLIT_VALUES
	       && a->range.lo == floor(a->range.lo);
}

/* How many values the atoms of a form have together; 0: too many. */
static int
values_of(const Form *f)
{
	double n = 1;

	for (int t = 0; t < f->n && n > 0; t++) {
		const Atom *a = f->term[t].atom;
		n = is_small_number(a) ? n * (a->range.hi - a->range.lo + 1) : 0;
		n = n > SMALL ? 0 : n;
	}
	return (int)n;
}

/* c relu(f) at each value of its atoms. */
static void
add_bent(const Bent *b, int size, double *sum)
{
	for (int v = 0; v < size; v++) {
		double x = b->input.k;
		int rest = v;
		for (int t = 0; t < b->input.n; t++) {
			const Range *r = &b->input.term[t].atom->range;
			int values = (int)(r->hi - r->lo) + 1;
			x += b->input.term[t].c * (r->lo + rest % values);
			rest /= values;
		}
		sum[v] += b->c * (x > 0 ? x : 0);
	}
}

static bool
same_atoms(const Form *a, const Form *b)
{
	for (int t = 0; t < a->n && a->n == b->n; t++)
		if (a->term[t].atom != b->term[t].atom)
			return false;
	return a->n == b->n;
}

/* A product of two digits is made of neurons of their sum and of neurons of their difference: of
 * both together all values of the two are tried. */
static void
take_same_atoms(Bent *list, int n, Range *sum)
{
	for (int i = 0; i < n; i++) {
		const Form *f = &list[i].input;
		int size = list[i].taken || f->n < 2 ? 0 : values_of(f);
		double *table = size ? TAKE(double, size) : NULL, total = 0;
		Range r = { INFINITY, -INFINITY };
		for (int j = i; j < n && size; j++) {
			if (list[j].taken || !same_atoms(f, &list[j].input))
				continue;
			add_bent(&list[j], size, table);
			total += list[j].most;
			list[j].taken = true;
		}
		for (int v = 0; v < size; v++)
			r = hull(r, table[v]);
		if (total >= 0x1p40)
			fail_own_arithmetic();
		if (size) {
			sum->lo = plus(sum->lo, r.lo);
			sum->hi = plus(sum->hi, r.hi);
		}
		free(table);
	}
}

/* ---- one root, value by value */

/* Where the root stands among those of the atom's table; -1. */
static int
place_of_root(const Atom *a, const Root *r)
{
	for (int i = 0; a->table && i < a->roots->n; i++)
		if (a->roots->root[i] == r)
			return i;
	return -1;
}

typedef struct Slice {
	const Atom *atom;
	const Root *root;
	int value;
	Form form;
	struct Slice *next;
} Slice;

enum { SLICE_BUCKETS = 1 << 14 };

/* The atom's table where root number `at` has value v: one of the other roots. */
static Form
slice_table(Proof *p, const Atom *a, int at, int v)
{
	const Roots *all = a->roots, *rest = roots_without(p, all, at);
	int inner = 1, size = all->root[at]->size;
	double *table = TAKE(double, rest->size);

	for (int i = at + 1; i < all->n; i++)
		inner *= all->root[i]->size;
	for (int i = 0; i < rest->size; i++)
		table[i] = a->table[(i / inner * size + v) * inner + i % inner];
	Form f = form_of_table(p, rest, table, NULL);
	free(table);
	return f;
}

static const Form *
slice_of(Proof *p, const Atom *a, int at, int v)
{
	static Slice *bucket[SLICE_BUCKETS];
	const Root *r = a->roots->root[at];
	Slice **b = &bucket[(unsigned)(a->id * 977 + r->id * 31 + v) % SLICE_BUCKETS];

	for (Slice *s = *b; s; s = s->next)
		if (s->atom == a && s->root == r && s->value == v)
			return &s->form;
	Slice *s = TAKE(Slice, 1);
	*s = (Slice){ a, r, v, slice_table(p, a, at, v), *b };
	*b = s;
	return &s->form;
}

/* f where the root has value v. */
static Form
form_at(Proof *p, const Form *f, const Root *r, int v)
{
	Term *term = TAKE(Term, f->n);
	double k = f->k;
	int n = 0;

	for (int i = 0; i < f->n; i++) {
		int at = place_of_root(f->term[i].atom, r);
		if (at < 0) {
			term[n++] = f->term[i];
			continue;
		}
		const Form *slice = slice_of(p, f->term[i].atom, at, v);
		k = plus(k, times(f->term[i].c, slice->k));
		if (slice->n)
			term[n++] = (Term){ slice->term[0].atom, f->term[i].c };
	}
	return form_of_terms(n, term, k);
}

static bool
is_bent(const Atom *a)
{
	return a->line && !a->table;
}

static Range
range_at(Proof *p, const Form *f, const Root *r, int v)
{
	Form here = form_at(p, f, r, v), others = { .term = TAKE(Term, f->n), .k = here.k };
	Bent *list = TAKE(Bent, here.n);
	int n = 0;

	for (int i = 0; i < here.n; i++) {
		const Term *t = &here.term[i];
		if (!is_bent(t->atom)) {
			others.term[others.n++] = *t;
			continue;
		}
		Form input = form_at(p, t->atom->input, r, v);
		if (input.n == 0)
			others.k = plus(others.k, times(t->c, fmax(0, input.k)));
		else
			list[n++] = (Bent){ .c = t->c, .input = input };
	}
	Range sum = range_of(p, &others);
	for (int i = 0; i < n; i++)
		list[i].most = fabs(list[i].c) * fmax(0, range_of(p, &list[i].input).hi);
	take_same_atoms(list, n, &sum);
	while (take_group(p, list, n, &sum))
		;
	free(list);
	return sum;
}

static void
weigh_roots(const Atom *a, double by, double *weight)
{
	for (int i = 0; a->table && i < a->roots->n; i++)
		if (a->roots->root[i]->size <= SPLIT_VALUES)
			weight[a->roots->root[i]->id] += by * (a->range.hi - a->range.lo);
}

/* The root that says most about tables and about the inputs of neurons. */
static const Root *
splitting_root(const Proof *p, const Form *f)
{
	double *weight = TAKE(double, p->nroot);
	const Root *best = NULL;

	for (int i = 0; i < f->n; i++) {
		const Atom *a = f->term[i].atom;
		double c = fabs(f->term[i].c);
		weigh_roots(a, c, weight);
		for (int t = 0; is_bent(a) && t < a->input->n; t++)
			weigh_roots(a->input->term[t].atom, c * fabs(a->input->term[t].c), weight);
	}
	for (int i = 0; i < p->nroot; i++)
		if (weight[i] > (best ? weight[best->id] : 0))
			best = p->root[i];
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
