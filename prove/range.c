/* Between which values a form lies: the sum of the ranges of its parts, the parts being
 *
 *     tables that have roots in common, tabulated together while these have few values;
 *     neurons of one line, relu(g x + k) of one whole number x: a broken line, whose extremes
 *     are at the ends of x and at the whole numbers next to its bends;
 *     the rest, each atom by its own range.
 *
 * A neuron that has both a table and a line counts as either: both ways are right, so their
 * intersection is. What is still wide is looked at value by value (split.c). */

#include "prove/prove.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Adds to a range another. */
void
widen(Extent *sum, Extent r)
{
	double scale = 1e-15 * (fabs(sum->lo) + fabs(sum->hi) + magnitude_of(r));

	/* Dyadic ends add up exactly; only ends of reals are rounded, and they are moved apart. */
	double lo = sum->lo + r.lo, hi = sum->hi + r.hi;
	sum->lo = lo - sum->lo == r.lo && lo - r.lo == sum->lo ? lo : lo - scale;
	sum->hi = hi - sum->hi == r.hi && hi - r.hi == sum->hi ? hi : hi + scale;
}

static Extent
range_of_term(const ScaledAtom *t)
{
	double lo = t->atom->range.lo, hi = t->atom->range.hi;
	double a = t->c * lo, b = t->c * hi;
	double inexact = fma(t->c, lo, -a) != 0 || fma(t->c, hi, -b) != 0 ? 1e-15 : 0;

	return (Extent){ fmin(a, b) - inexact * fabs(fmin(a, b)),
		         fmax(a, b) + inexact * fabs(fmax(a, b)) };
}

/* ---- broken lines */

/* The least and the greatest that relu of each can be at x. */
static void
add_lines_at(const BrokenLine *list, int n, double x, Extent *r)
{
	double lo = 0, hi = 0;

	for (int i = 0; i < n; i++) {
		const BrokenLine *b = &list[i];
		double low = b->g * x + b->rest.lo, high = b->g * x + b->rest.hi;
		low = b->c * (low > 0 ? low : 0);
		high = b->c * (high > 0 ? high : 0);
		lo += b->c > 0 ? low : high;
		hi += b->c > 0 ? high : low;
	}
	*r = hull(hull(*r, lo), hi);
}

/* All of these are whole numbers but the weights c: sums of them in doubles are exact, if they are
 * not too large, and so are the whole numbers next to a bend. */
static bool
are_exact_lines(const BrokenLine *list, int n, Extent x)
{
	double total = 0;
	int step = 0;

	for (int i = 0; i < n; i++) {
		const BrokenLine *b = &list[i];
		total += fabs(b->c) * (fabs(b->g) * magnitude_of(x) + magnitude_of(b->rest));
		step = step_of(b->c) < step ? step_of(b->c) : step;
	}
	return fits(total, step, OWN_MANTISSA - 1);
}

/* Each line by itself, and a little more, for what doubles round. */
static Extent
range_of_each_line(const BrokenLine *list, int n, Extent x)
{
	Extent sum = { 0, 0 };

	for (int i = 0; i < n; i++) {
		const BrokenLine *b = &list[i];
		double p = b->g * x.lo, q = b->g * x.hi;
		double slack = 1e-12 * (fabs(p) + fabs(q) + magnitude_of(b->rest));
		double low = fmax(0, fmin(p, q) + b->rest.lo - slack);
		double high = fmax(0, fmax(p, q) + b->rest.hi + slack);
		slack = 1e-12 * fabs(b->c) * high;
		widen(&sum, (Extent){ fmin(b->c * low, b->c * high) - slack,
		                      fmax(b->c * low, b->c * high) + slack });
	}
	return sum;
}

Extent
range_of_lines(const BrokenLine *list, int n, Extent x)
{
	Extent r = { INFINITY, -INFINITY };

	if (!are_exact_lines(list, n, x))
		return range_of_each_line(list, n, x);
	add_lines_at(list, n, x.lo, &r);
	add_lines_at(list, n, x.hi, &r);
	for (int i = 0; i < n; i++)
		for (int end = 0; end < (list[i].rest.lo == list[i].rest.hi ? 1 : 2); end++) {
			double bend = -(end ? list[i].rest.hi : list[i].rest.lo) / list[i].g;
			for (double at = floor(bend); at <= floor(bend) + 1; at++)
				if (at >= x.lo && at <= x.hi)
					add_lines_at(list, n, at, &r);
		}
	return r;
}

/* The lines of the latest atoms first. */
static int
by_line(const void *x, const void *y)
{
	const AffineForm *a = ((const ScaledAtom *)x)->atom->line;
	const AffineForm *b = ((const ScaledAtom *)y)->atom->line;
	int order = b->term[b->n - 1].atom->id - a->term[a->n - 1].atom->id;

	return order ? order : a < b ? -1 : a > b;
}

/* How often a form has a line as a part of it; 0: it has not all of its atoms, or not alike. */
static double
times_line(const AffineForm *f, const AffineForm *line)
{
	double g = 0;

	for (int i = line->n - 1; i >= 0; i--) {
		double c = coefficient_of(f, line->term[i].atom) / line->term[i].c;
		if (c == 0 || (g != 0 && c != g))
			return 0;
		g = c;
	}
	return g;
}

/* The neurons of one line, from term on, and g times the line itself: g x is
 * g relu(x - its least) + g * its least. Returns how many they are. */
static int
add_neurons_of_line(Proof *p, int n, const ScaledAtom *term, double g, Extent *sum)
{
	const AffineForm *line = term[0].atom->line;
	BrokenLine *list = TAKE(BrokenLine, n + 1);
	Extent x = range_of(p, line);
	int own = 0;

	for (; own < n && term[own].atom->line == line; own++) {
		const AffineAtom *a = term[own].atom;
		list[own] = (BrokenLine){ term[own].c, a->slope, { a->input->k, a->input->k } };
	}
	list[own] = (BrokenLine){ g, 1, { -x.lo, -x.lo } };
	widen(sum, range_of_lines(list, own + (g != 0), x));
	widen(sum, (Extent){ g * x.lo, g * x.lo });
	free(list);
	return own;
}

/* f without a line, g times, and without the neurons of that line that are counted as such. */
static AffineForm
without_line(const AffineForm *f, const AffineForm *line, double g, bool lines_first)
{
	AffineForm rest = { .term = TAKE(ScaledAtom, f->n), .k = f->k };

	for (int i = 0; i < f->n; i++)
		if (f->term[i].atom->line != line || (!lines_first && f->term[i].atom->table))
			rest.term[rest.n++] = f->term[i];
	return sum_of_forms(&rest, line, -g);
}

/* ---- tables that have roots in common */

typedef struct TableGroup {
	const Roots *roots;
	int n;
	ScaledAtom *term;
} TableGroup;

static int
by_roots(const void *x, const void *y)
{
	return ((const ScaledAtom *)x)->atom->roots->id - ((const ScaledAtom *)y)->atom->roots->id;
}

static bool
merge_into(Proof *p, TableGroup *a, const TableGroup *b)
{
	const Roots *both;

	if (!roots_overlap(a->roots, b->roots)
	    || !(both = join_roots(p, a->roots, b->roots, SMALL)))
		return false;
	ScaledAtom *term = TAKE(ScaledAtom, a->n + b->n);
	memcpy(term, a->term, (size_t)a->n * sizeof *term);
	memcpy(term + a->n, b->term, (size_t)b->n * sizeof *term);
	*a = (TableGroup){ both, a->n + b->n, term };
	return true;
}

/* Of a form whose roots are known. */
Extent
range_of_table(Proof *p, const AffineForm *f, const Roots *roots)
{
	double *table = tabulate(p, f, roots);
	Extent r = { INFINITY, -INFINITY };

	for (int i = 0; i < roots->size; i++)
		if (can_be(roots, i))
			r = hull(r, table[i]);
	free(table);
	return r;
}

static void
add_tables(Proof *p, int n, ScaledAtom *term, Extent *sum)
{
	TableGroup *group = TAKE(TableGroup, n);
	int ngroup = 0;

	if (n)
		qsort(term, (size_t)n, sizeof *term, by_roots);
	for (int i = 0, end; i < n; i = end) {
		for (end = i + 1; end < n && term[end].atom->roots == term[i].atom->roots;)
			end++;
		TableGroup g = { term[i].atom->roots, end - i, term + i };
		for (int j = 0; j < ngroup;)
			if (merge_into(p, &g, &group[j])) {
				group[j] = group[--ngroup];
				j = 0;
			} else {
				j++;
			}
		group[ngroup++] = g;
	}
	for (int i = 0; i < ngroup; i++) {
		AffineForm f = { .n = group[i].n, .term = group[i].term };
		widen(sum,
		      f.n == 1 ? range_of_term(f.term) : range_of_table(p, &f, group[i].roots));
	}
	free(group);
}

/* One of the two ways. Where a form has a line itself beside neurons of it, these are looked at
 * together: x - 10 (relu(x - 9) - relu(x - 10)) is a digit. */
static Extent
range_by(Proof *p, const AffineForm *f, bool lines_first)
{
	ScaledAtom *line = TAKE(ScaledAtom, f->n), *table = TAKE(ScaledAtom, f->n);
	Extent sum = { f->k, f->k };
	double g = 0;
	int nline = 0, ntable = 0, at = 0;

	for (int i = 0; i < f->n; i++) {
		const AffineAtom *a = f->term[i].atom;
		if (a->line && (lines_first || !a->table))
			line[nline++] = f->term[i];
		else if (a->table)
			table[ntable++] = f->term[i];
		else
			widen(&sum, range_of_term(&f->term[i]));
	}
	if (nline)
		qsort(line, (size_t)nline, sizeof *line, by_line);
	while (at < nline && (g = times_line(f, line[at].atom->line)) == 0)
		at++;
	if (g != 0) {
		AffineForm rest = without_line(f, line[at].atom->line, g, lines_first);
		sum = range_by(p, &rest, lines_first);
		add_neurons_of_line(p, nline - at, line + at, g, &sum);
		free(rest.term);
	} else {
		for (at = 0; at < nline;)
			at += add_neurons_of_line(p, nline - at, line + at, 0, &sum);
		add_tables(p, ntable, table, &sum);
	}
	free(line);
	free(table);
	return sum;
}

/* How many tables are added up for a form, those of its neurons' sums among them. */
static double
tables_of(const AffineForm *f)
{
	double n = 1;

	for (int i = 0; i < f->n; i++)
		n += f->term[i].atom->table ? 1 : tables_of(f->term[i].atom->input);
	return n;
}

static Extent
look_for_range(Proof *p, const AffineForm *f)
{
	enum { WIDE = 2000, DEEP_WORK = 1 << 22 };
	Extent a = range_by(p, f, false), b = range_by(p, f, true);

	a = (Extent){ fmax(a.lo, b.lo), fmin(a.hi, b.hi) };
	if (!(a.hi - a.lo > (p->thorough ? 1 : WIDE)) || p->splits == 0 || !form_is_exact(f))
		return a;
	const Roots *all = p->splits == MOST_SPLITS ? deep_roots(p, no_roots(p), f) : NULL;
	if (all && all->size * tables_of(f) < DEEP_WORK)
		return range_of_table(p, f, all);
	return range_at_values(p, f, a);
}

/* Forms are asked for again, but for their constants. */
Extent
range_of(Proof *p, const AffineForm *f)
{
	Extent r = { f->k, f->k };

	if (f->n == 0)
		return r;
	void **known = memo(&p->ranges[p->thorough][p->splits], f->term,
	                    (size_t)f->n * sizeof *f->term);
	if (!*known) {
		AffineForm terms = *f;
		terms.k = 0;
		Extent found = look_for_range(p, &terms);
		known = memo(&p->ranges[p->thorough][p->splits], f->term,
		             (size_t)f->n * sizeof *f->term);
		*known = take_copy(&found, sizeof found);
	}
	widen(&r, *(Extent *)*known);
	return r;
}

/* The same, with more work. */
Extent
narrow_range_of(Proof *p, const AffineForm *f, int splits, bool thorough)
{
	p->thorough = thorough;
	p->splits = splits;
	Extent r = range_of(p, f);
	p->splits = 0;
	p->thorough = false;
	return r;
}
