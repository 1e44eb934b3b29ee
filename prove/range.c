/* Between which values a form lies: the sum of the ranges of its parts, the parts being
 *
 *     tables that have roots in common, tabulated together while these have few values;
 *     neurons of one line, relu(slope * x + offset) of one integer form x: a broken line, whose
 *     extremes are at the ends of x and at the integers next to its bends;
 *     the rest, each atom by its own range.
 *
 * Both this way and the way in which neurons count as lines before they count as tables
 * are right, so their intersection is. */

#include "prove/prove.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void
widen(Range *sum, Range r)
{
	double scale = 1e-15 * (fabs(sum->lo) + fabs(sum->hi) + magnitude_of(r));

	/* Dyadic ends add up exactly; only ends of reals are rounded, and they are moved apart. */
	double lo = sum->lo + r.lo, hi = sum->hi + r.hi;
	sum->lo = lo - sum->lo == r.lo && lo - r.lo == sum->lo ? lo : lo - scale;
	sum->hi = hi - sum->hi == r.hi && hi - r.hi == sum->hi ? hi : hi + scale;
}

static Range
scaled(const Term *t)
{
	double lo = t->atom->range.lo, hi = t->atom->range.hi;
	double a = t->c * lo, b = t->c * hi;
	double inexact = fma(t->c, lo, -a) != 0 || fma(t->c, hi, -b) != 0 ? 1e-15 : 0;

	return (Range){ fmin(a, b) - inexact * fabs(fmin(a, b)),
		        fmax(a, b) + inexact * fabs(fmax(a, b)) };
}

static void
line_value(int n, const Term *term, double x, Range *r)
{
	double v = 0;

	for (int i = 0; i < n; i++) {
		double z = plus(times(term[i].atom->slope, x), term[i].atom->offset);
		if (z > 0)
			v = plus(v, times(term[i].c, z));
	}
	*r = hull(*r, v);
}

Range
line_range(const Line *line, int n, const Term *term)
{
	Range r = { INFINITY, -INFINITY };

	line_value(n, term, line->range.lo, &r);
	line_value(n, term, line->range.hi, &r);
	for (int i = 0; i < n; i++) {
		double bend = -term[i].atom->offset / term[i].atom->slope;
		for (double x = floor(bend) - 1; x <= ceil(bend) + 1; x++)
			if (x >= line->range.lo && x <= line->range.hi)
				line_value(n, term, x, &r);
	}
	return r;
}

static int
by_line(const void *x, const void *y)
{
	const Line *a = ((const Term *)x)->atom->line, *b = ((const Term *)y)->atom->line;

	return a < b ? -1 : a > b;
}

/* The lines among these, one after the other. */
static void
add_lines(int n, Term *term, Range *sum)
{
	if (n)
		qsort(term, (size_t)n, sizeof *term, by_line);
	for (int i = 0, end; i < n; i = end) {
		for (end = i + 1; end < n && term[end].atom->line == term[i].atom->line;)
			end++;
		widen(sum, line_range(term[i].atom->line, end - i, term + i));
	}
}

/* ---- tables that have roots in common */

typedef struct Group {
	const Roots *roots;
	int n;
	Term *term;
} Group;

static int
by_roots(const void *x, const void *y)
{
	return ((const Term *)x)->atom->roots->id - ((const Term *)y)->atom->roots->id;
}

static bool
merge_into(Proof *p, Group *a, const Group *b)
{
	const Roots *both;

	if (!roots_overlap(a->roots, b->roots) || !(both = join_roots(p, a->roots, b->roots)))
		return false;
	Term *term = TAKE(Term, a->n + b->n);
	memcpy(term, a->term, (size_t)a->n * sizeof *term);
	memcpy(term + a->n, b->term, (size_t)b->n * sizeof *term);
	*a = (Group){ both, a->n + b->n, term };
	return true;
}

static Range
range_of_group(Proof *p, const Group *g)
{
	if (g->n == 1)
		return scaled(g->term);
	Form f = { .n = g->n, .term = g->term };
	double *table = tabulate(p, &f, g->roots);
	Range r = { INFINITY, -INFINITY };
	for (int i = 0; i < g->roots->size; i++)
		if (!g->roots->possible || g->roots->possible[i])
			r = hull(r, table[i]);
	free(table);
	return r;
}

static void
add_tables(Proof *p, int n, Term *term, Range *sum)
{
	Group *group = TAKE(Group, n);
	int ngroup = 0;

	if (n)
		qsort(term, (size_t)n, sizeof *term, by_roots);
	for (int i = 0, end; i < n; i = end) {
		for (end = i + 1; end < n && term[end].atom->roots == term[i].atom->roots;)
			end++;
		Group g = { term[i].atom->roots, end - i, term + i };
		for (int j = 0; j < ngroup;)
			if (merge_into(p, &g, &group[j])) {
				group[j] = group[--ngroup];
				j = 0;
			} else {
				j++;
			}
		group[ngroup++] = g;
	}
	for (int i = 0; i < ngroup; i++)
		widen(sum, range_of_group(p, &group[i]));
	free(group);
}

/* One of the two ways. */
static Range
range_by(Proof *p, const Form *f, bool lines_first)
{
	Term *line = TAKE(Term, f->n), *table = TAKE(Term, f->n);
	int nline = 0, ntable = 0;
	Range sum = { f->k, f->k };

	for (int i = 0; i < f->n; i++) {
		const Atom *a = f->term[i].atom;
		if (a->line && (lines_first || !a->table))
			line[nline++] = f->term[i];
		else if (a->table && !lines_first)
			table[ntable++] = f->term[i];
		else
			widen(&sum, scaled(&f->term[i]));
	}
	add_lines(nline, line, &sum);
	add_tables(p, ntable, table, &sum);
	free(line);
	return sum;
}

static Range
look_for_range(Proof *p, const Form *f)
{
	Range a = range_by(p, f, false), b = range_by(p, f, true);

	a = (Range){ fmax(a.lo, b.lo), fmin(a.hi, b.hi) };
	if (!(a.hi - a.lo > WIDE_RANGE) || p->depth == MOST_SPLITS)
		return a;
	return p->depth == 0 && deep_range(p, f, DEEP_WORK, &b) ? b : split_range(p, f, a);
}

/* ---- forms whose range is asked for again, but for their constants */

typedef struct Known {
	Form form;
	int depth; /* how far it was split */
	Range range;
	struct Known *next;
} Known;

enum { KNOWN_BUCKETS = 1 << 14 };

static bool
equal_terms(const Form *a, const Form *b)
{
	if (a->n != b->n)
		return false;
	for (int i = 0; i < a->n; i++)
		if (a->term[i].atom != b->term[i].atom || a->term[i].c != b->term[i].c)
			return false;
	return true;
}

static Known **
bucket_of(const Form *f)
{
	static Known *bucket[KNOWN_BUCKETS];
	uint64_t h = 1;

	for (int i = 0; i < f->n; i++) {
		uint64_t bits;
		memcpy(&bits, &f->term[i].c, sizeof bits);
		h = (h ^ (uint64_t)f->term[i].atom->id ^ bits >> 8) * 0x9e3779b97f4a7c15u;
		h ^= h >> 29;
	}
	return &bucket[(h >> 40) % KNOWN_BUCKETS];
}

Range
range_of(Proof *p, const Form *f)
{
	if (f->n == 0)
		return (Range){ f->k, f->k };
	Known **at = bucket_of(f), *k = *at;
	while (k && (k->depth != p->depth || !equal_terms(&k->form, f)))
		k = k->next;
	if (!k) {
		k = TAKE(Known, 1);
		*k = (Known){ *f, p->depth, { 0, 0 }, *at };
		k->form.k = 0;
		k->range = look_for_range(p, &k->form);
		k->next = *at;
		*at = k;
	}
	Range r = { f->k, f->k };
	widen(&r, k->range);
	return r;
}

/* ---- lines */

static bool
is_integer(const Form *f)
{
	for (int i = 0; i < f->n; i++)
		if (f->term[i].atom->error != 0 || f->term[i].atom->step < 0
		    || step_of(f->term[i].c) < 0)
			return false;
	return f->n > 0;
}

/* Says of a neuron relu(input) which line it is over: input without its constant, divided by
 * what its coefficients have in common, and positive in its first. */
void
set_line(Proof *p, Atom *a, const Form *input)
{
	double common = 0;

	a->input = take_copy(input, sizeof *input);
	if (!is_integer(input))
		return;
	for (int i = 0; i < input->n; i++)
		common = gcd_of(common, input->term[i].c);
	if (input->term[0].c < 0)
		common = -common;
	Form f = { .n = input->n, .term = TAKE(Term, input->n) };
	for (int i = 0; i < input->n; i++)
		f.term[i] = (Term){ input->term[i].atom, input->term[i].c / common };
	a->slope = common;
	a->offset = input->k;
	for (int i = p->natom - 1; i >= 0; i--) {
		Line *l = p->atom[i]->line;
		if (l && equal_terms(&l->form, &f)) {
			a->line = l;
			return;
		}
	}
	Line *l = TAKE(Line, 1);
	*l = (Line){ f, range_of(p, &f) };
	a->line = l;
}
