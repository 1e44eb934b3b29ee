/* Roots, and sets of them: what a table is a function of. */

#include "prove/prove.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_ROOTS = 64 }; /* of a set */

Root *
new_root(Proof *p, RootKind kind, int size, int layer, int head)
{
	Root *r = TAKE(Root, 1);

	*r = (Root){ .id = p->nroot, .kind = kind, .size = size, .layer = layer, .head = head };
	p->root = grown(p->root, p->nroot, sizeof *p->root);
	return p->root[p->nroot++] = r;
}

/* The place that a root's value says something stands at, at least; 0: it says nothing. */
int
least_place(const Proof *p, const Root *r, int value)
{
	if (r->kind == ROOT_PLACE)
		return value + 1;
	if (r->kind != ROOT_SOURCE || value == r->size - 1)
		return 0;
	int at = r->kept[value], least = 0;
	for (int i = r->inner->n - 1; i >= 0; i--) {
		int place = least_place(p, r->inner->root[i], at % r->inner->root[i]->size);
		at /= r->inner->root[i]->size;
		least = place > least ? place : least;
	}
	return least;
}

/* A causal head reads from no later than here: values that say otherwise never are. */
static void
mark_possible(const Proof *p, Roots *s)
{
	int here = -1, sources = 0;

	for (int i = 0; i < s->n; i++) {
		here = s->root[i]->kind == ROOT_PLACE ? i : here;
		sources += s->root[i]->kind == ROOT_SOURCE;
	}
	if (p->m->bidirectional || here < 0 || !sources)
		return;
	s->possible = TAKE(bool, s->size);
	for (int v = 0; v < s->size; v++) {
		int rest = v, place = 0, source = 0;
		for (int i = s->n - 1; i >= 0; i--) {
			int least = least_place(p, s->root[i], rest % s->root[i]->size);
			rest /= s->root[i]->size;
			if (i == here)
				place = least;
			else if (least > source)
				source = least;
		}
		s->possible[v] = source <= place;
	}
}

/* The one object of these roots, in order of their numbers. */
static const Roots *
intern_roots(Proof *p, int n, Root **root, int most)
{
	int64_t size = 1;

	for (int i = 0; i < n; i++) {
		size *= root[i]->size;
		if (size > (n > 1 ? most : LARGE))
			return NULL;
	}
	void **known = memo(&p->sets, root, (size_t)n * sizeof *root);
	if (!*known) {
		Roots *s = *known = TAKE(Roots, 1);
		root = take_copy(root, (size_t)n * sizeof *root);
		*s = (Roots){ p->nsets++, n, (int)size, root, NULL };
		mark_possible(p, s);
	}
	return *known;
}

const Roots *
no_roots(Proof *p)
{
	Root *none[1] = { NULL };

	return intern_roots(p, 0, none, 1);
}

const Roots *
roots_of(Proof *p, Root *r)
{
	return intern_roots(p, 1, &r, LARGE);
}

/* A head's sum says its count too. */
static bool
said_by_sum(const Root *r, int n, Root *const *root)
{
	for (int i = 0; i < n; i++)
		if (root[i]->kind == ROOT_SUM && root[i]->number == r)
			return true;
	return false;
}

const Roots *
join_roots(Proof *p, const Roots *a, const Roots *b, int most)
{
	Root *all[MOST_ROOTS];
	int n = 0, kept = 0;

	if (a == b && a->size <= most)
		return a;
	if (a->n + b->n > MOST_ROOTS)
		return NULL;
	for (int i = 0, j = 0; i < a->n || j < b->n;) {
		Root *x = i < a->n ? a->root[i] : NULL, *y = j < b->n ? b->root[j] : NULL;
		Root *first = x && (!y || x->id <= y->id) ? x : y;
		i += first == x;
		j += first == y;
		all[n++] = first;
	}
	for (int i = 0; i < n; i++)
		if (!said_by_sum(all[i], n, all))
			all[kept++] = all[i];
	return intern_roots(p, kept, all, most);
}

const Roots *
roots_without(Proof *p, const Roots *s, int at)
{
	Root *rest[MOST_ROOTS];
	int n = 0;

	for (int i = 0; i < s->n; i++)
		if (i != at)
			rest[n++] = s->root[i];
	return intern_roots(p, n, rest, LARGE);
}

/* The count of a head is a part of its sum. */
static const Root *
head_count(const Root *r)
{
	return r->kind == ROOT_SUM ? r->number : r;
}

bool
roots_overlap(const Roots *a, const Roots *b)
{
	for (int i = 0; i < a->n; i++)
		for (int j = 0; j < b->n; j++)
			if (head_count(a->root[i]) == head_count(b->root[j]))
				return true;
	return false;
}

/* These roots, and those of a form; if they are looked for `deep`, those of the sums of its neurons
 * that have no tables. */
static const Roots *
join_form(Proof *p, const Roots *all, const AffineForm *f, int most, int deep)
{
	for (int i = 0; i < f->n && all; i++) {
		const AffineAtom *a = f->term[i].atom;
		if (a->table)
			all = join_roots(p, all, a->roots, most);
		else if (a->input && deep > 0)
			all = join_form(p, all, a->input, most, deep - 1);
		else
			all = NULL;
	}
	return all;
}

const Roots *
join_form_roots(Proof *p, const Roots *all, const AffineForm *f)
{
	return join_form(p, all, f, SMALL, 0);
}

const Roots *
roots_of_form(Proof *p, const AffineForm *f)
{
	return join_form_roots(p, no_roots(p), f);
}

const Roots *
deep_roots(Proof *p, const Roots *all, const AffineForm *f)
{
	enum { DEEPEST = 9 };

	return join_form(p, all, f, DEEP, form_is_exact(f) ? DEEPEST : 0);
}

/* Where a value of `all` lies among those of `some`, its roots being some of all's. */
static int *
projection_of(const Roots *all, const Roots *some)
{
	int *at = TAKE(int, all->size), stride = 1, weight[MOST_ROOTS];

	for (int j = some->n - 1; j >= 0; j--) {
		weight[j] = stride;
		stride *= some->root[j]->size;
	}
	stride = 1;
	for (int i = all->n - 1; i >= 0; stride *= all->root[i--]->size)
		for (int j = 0; j < some->n; j++) {
			const Root *r = all->root[i], *s = some->root[j];
			bool counted = r->kind == ROOT_SUM && r->number == s;
			for (int v = 0; (r == s || counted) && v < all->size; v++) {
				int value = v / stride % r->size;
				at[v] += (counted ? r->count[value] : value) * weight[j];
			}
		}
	return at;
}

const int *
inside(Proof *p, const Roots *all, const Roots *some)
{
	void **known = memo(&p->projections, (int[]){ all->id, some->id }, 2 * sizeof(int));

	if (!*known)
		*known = projection_of(all, some);
	return *known;
}
