/* Forms that share their terms.
 *
 *     a+b+c, a+d, b+d, c+d, a+b+d, …     more forms than terms: a, b, c and d are
 *                                        fewer columns, and simpler ones
 *
 * Forms that have a term in common are looked at together, and terms that only occur
 * together, in one proportion (the steps of one staircase), are one unit. Where there
 * are fewer units than forms, the units are what should stand in columns. */

#include "backend/circuit/circuit.h"
#include "lang/int_division.h"

#include <stdlib.h>
#include <string.h>

/* One occurrence of an atom. */
typedef struct Place {
	int form;
	int64_t c;
} Place;

typedef struct Member {
	const Atom *atom;
	int group; /* forms linked by terms, by the least of them */
	int n;
	Place *at; /* (n) ascending by form; divided by `c` */
	int64_t c; /* common factor, its first occurrence positive */
} Member;

static int
root_of(int *up, int i)
{
	while (up[i] != i)
		i = up[i] = up[up[i]];
	return i;
}

static int
by_places(const void *p, const void *q)
{
	const Member *a = p, *b = q;

	if (a->group != b->group)
		return a->group - b->group;
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
same_places(const Member *a, const Member *b)
{
	return a->n == b->n && a->group == b->group
	       && !memcmp(a->at, b->at, sizeof *a->at * (size_t)a->n);
}

/* The atoms of all forms, each with its occurrences; *n of them. */
static Member *
find_members(Arena *arena, const Form *const *form, int nform, int natom, int *n)
{
	int *at = NEWS(arena, int, natom + 1), *up = NEWS(arena, int, nform + 1);
	int total = 0;

	for (int i = 0; i < nform; i++) {
		up[i] = i;
		total += form[i]->n;
	}
	Member *m = NEWS(arena, Member, total + 1);
	for (int i = 0; i < nform; i++) {
		for (int t = 0; t < form[i]->n; t++) {
			const Atom *a = form[i]->term[t].atom;
			if (!at[a->id]) {
				at[a->id] = ++*n;
				m[*n - 1] = (Member){ .atom = a, .group = i };
			}
			Member *x = &m[at[a->id] - 1];
			x->n++;
			int r = root_of(up, i), s = root_of(up, x->group);
			up[r > s ? r : s] = r > s ? s : r;
		}
	}
	for (int i = 0; i < *n; i++) {
		m[i].at = NEWS(arena, Place, m[i].n);
		m[i].group = root_of(up, m[i].group);
		m[i].n = 0;
	}
	for (int i = 0; i < nform; i++) {
		for (int t = 0; t < form[i]->n; t++) {
			Member *x = &m[at[form[i]->term[t].atom->id] - 1];
			x->at[x->n++] = (Place){ i, form[i]->term[t].c };
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

/* The sum of members from..to, which occur together. */
static Form *
unit_of(Arena *arena, const Member *m, int n)
{
	Form *f = NEW(arena, Form), *part = NEWS(arena, Form, n);
	Term *t = NEWS(arena, Term, n);

	for (int i = 0; i < n; i++)
		t[i] = (Term){ (Atom *)m[i].atom, m[i].c };
	sort_terms(t, n);
	f->n = n;
	f->term = t;
	int parts = form_parts(arena, f, form_ready(f), part);
	for (int i = 0; i < parts; i++) {
		f->lo += part[i].lo;
		f->hi += part[i].hi;
	}
	return f;
}

int
form_units(Arena *arena, const Form *const *form, int nform, int natom, const Form **unit)
{
	int n = 0, count = 0;
	Member *m = find_members(arena, form, nform, natom, &n);
	int *forms = NEWS(arena, int, nform + 1), *units = NEWS(arena, int, nform + 1);
	int *seen = NEWS(arena, int, nform + 1);

	qsort(m, (size_t)n, sizeof *m, by_places);
	for (int i = 0; i < n; i++) {
		units[m[i].group] += !i || !same_places(&m[i - 1], &m[i]);
		for (int k = 0; k < m[i].n; k++) {
			forms[m[i].group] += !seen[m[i].at[k].form];
			seen[m[i].at[k].form] = 1;
		}
	}
	for (int from = 0, to; from < n; from = to) {
		for (to = from + 1; to < n && same_places(&m[from], &m[to]); to++)
			;
		if (units[m[from].group] < forms[m[from].group])
			unit[count++] = unit_of(arena, m + from, to - from);
	}
	return count;
}
