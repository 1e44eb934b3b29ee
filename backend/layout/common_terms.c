/* Terms that several forms have in common: the common subexpressions of sums.
 *
 *     a+b+c, a+d, b+d, c+d, a+b+d, …     more forms than terms: a, b, c and d are
 *                                        fewer columns, and simpler ones
 *
 * Forms are looked at together if terms link them. Terms that occur in the same forms, in one
 * proportion (as the steps of one staircase do), are one *common term*. Where there are fewer
 * common terms than forms, the common terms are what should stand in columns. */

#include "backend/layout/layout.h"
#include "lang/int_division.h"

#include <stdlib.h>
#include <string.h>

/* One occurrence of an atom: in which form, and how often. */
typedef struct Occurrence {
	int form;
	int64_t c;
} Occurrence;

typedef struct AtomUses {
	const Atom *atom;
	int component; /* of linked forms (union-find): the least of them */
	int n;
	Occurrence *at; /* (n) ascending by form; c divided by the common factor */
	int64_t c;      /* common factor, its first occurrence positive */
} AtomUses;

static int
component_root(int *up, int i)
{
	while (up[i] != i)
		i = up[i] = up[up[i]];
	return i;
}

static int
by_occurrences(const void *p, const void *q)
{
	const AtomUses *a = p, *b = q;

	if (a->component != b->component)
		return a->component - b->component;
	if (a->n != b->n)
		return a->n - b->n;
	for (int i = 0; i < a->n; i++) {
		if (a->at[i].form != b->at[i].form)
			return a->at[i].form - b->at[i].form;
		if (a->at[i].c != b->at[i].c)
			return a->at[i].c < b->at[i].c ? -1 : 1;
	}
	return a->atom->id - b->atom->id;
}

static bool
occur_together(const AtomUses *a, const AtomUses *b)
{
	return a->n == b->n && a->component == b->component
	       && !memcmp(a->at, b->at, sizeof *a->at * (size_t)a->n);
}

/* The atoms of all forms, each with its occurrences; *n of them. */
static AtomUses *
find_occurrences(Arena *arena, const Form *const *form, int nform, int natom, int *n)
{
	int *at = NEWS(arena, int, natom + 1), *up = NEWS(arena, int, nform + 1);
	int total = 0;

	for (int i = 0; i < nform; i++) {
		up[i] = i;
		total += form[i]->n;
	}
	AtomUses *m = NEWS(arena, AtomUses, total + 1);
	for (int i = 0; i < nform; i++) {
		for (int t = 0; t < form[i]->n; t++) {
			const Atom *a = form[i]->term[t].atom;
			if (!at[a->id]) {
				at[a->id] = ++*n;
				m[*n - 1] = (AtomUses){ .atom = a, .component = i };
			}
			AtomUses *x = &m[at[a->id] - 1];
			x->n++;
			int r = component_root(up, i), s = component_root(up, x->component);
			up[max_int(r, s)] = min_int(r, s);
		}
	}
	for (int i = 0; i < *n; i++) {
		m[i].at = NEWS(arena, Occurrence, m[i].n);
		m[i].component = component_root(up, m[i].component);
		m[i].n = 0;
	}
	for (int i = 0; i < nform; i++) {
		for (int t = 0; t < form[i]->n; t++) {
			AtomUses *x = &m[at[form[i]->term[t].atom->id] - 1];
			x->at[x->n++] = (Occurrence){ i, form[i]->term[t].c };
			x->c = gcd(form[i]->term[t].c, x->c);
		}
	}
	for (int i = 0; i < *n; i++) {
		if (m[i].at[0].c < 0)
			m[i].c = -m[i].c;
		for (int k = 0; k < m[i].n; k++)
			m[i].at[k].c /= m[i].c;
	}
	return m;
}

/* The sum of these atoms, which occur together. */
static Form *
common_term(Arena *arena, const AtomUses *m, int n)
{
	Form *f = NEW(arena, Form), *group = NEWS(arena, Form, n);
	Term *t = NEWS(arena, Term, n);

	for (int i = 0; i < n; i++)
		t[i] = (Term){ (Atom *)m[i].atom, m[i].c };
	sort_by_atom(t, n);
	f->n = n;
	f->term = t;
	int ngroup = form_groups(arena, f, form_ready(f), group);
	for (int i = 0; i < ngroup; i++) {
		f->lo += group[i].lo;
		f->hi += group[i].hi;
	}
	return f;
}

int
common_terms(Arena *arena, const Form *const *form, int nform, int natom, const Form **common)
{
	int n = 0, count = 0;
	AtomUses *m = find_occurrences(arena, form, nform, natom, &n);
	int *forms = NEWS(arena, int, nform + 1), *classes = NEWS(arena, int, nform + 1);
	int *seen = NEWS(arena, int, nform + 1);

	qsort(m, (size_t)n, sizeof *m, by_occurrences);
	for (int i = 0; i < n; i++) {
		classes[m[i].component] += !i || !occur_together(&m[i - 1], &m[i]);
		for (int k = 0; k < m[i].n; k++) {
			forms[m[i].component] += !seen[m[i].at[k].form];
			seen[m[i].at[k].form] = 1;
		}
	}
	for (int from = 0, to; from < n; from = to) {
		for (to = from + 1; to < n && occur_together(&m[from], &m[to]); to++)
			;
		if (classes[m[from].component] < forms[m[from].component])
			common[count++] = common_term(arena, m + from, to - from);
	}
	return count;
}
