/* Roots, and sets of them: what a table is a function of. */

#include "prove/prove.h"

#include <stdlib.h>
#include <string.h>

enum { BUCKETS = 1 << 12 };

/* Where a value of `all` lies among those of `some`, its roots being some of all's. */
typedef struct Projection {
	const Roots *all, *some;
	int *at;
	struct Projection *next;
} Projection;

Root *
new_root(Proof *p, RootKind kind, int size, int layer, int head)
{
	Root *r = TAKE(Root, 1);

	*r = (Root){ .id = p->nroot, .kind = kind, .size = size, .layer = layer, .head = head };
	p->root = realloc(p->root, (size_t)(p->nroot + 1) * sizeof *p->root);
	if (!p->root)
		malformed("out of memory");
	p->root[p->nroot++] = r;
	return r;
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
intern_roots(Proof *p, int n, Root **root)
{
	int64_t size = 1;

	for (int i = 0; i < p->nroots; i++)
		if (p->roots[i]->n == n
		    && (n == 0 || !memcmp(p->roots[i]->root, root, (size_t)n * sizeof *root)))
			return p->roots[i];
	for (int i = 0; i < n; i++) {
		size *= root[i]->size;
		if (size > (n > 1 ? p->most_values : LARGE))
			return NULL;
	}
	Roots *s = TAKE(Roots, 1);
	*s = (Roots){ p->nroots, n, (int)size, take_copy(root, (size_t)n * sizeof *root), NULL };
	mark_possible(p, s);
	p->roots = realloc(p->roots, (size_t)(p->nroots + 1) * sizeof *p->roots);
	if (!p->roots)
		malformed("out of memory");
	return p->roots[p->nroots++] = s;
}

const Roots *
roots_of(Proof *p, Root *r)
{
	return intern_roots(p, 1, &r);
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
join_roots(Proof *p, const Roots *a, const Roots *b)
{
	Root *all[64];
	int n = 0, kept = 0;

	if (a == b)
		return a;
	if (a->n + b->n > 64)
		return NULL;
	for (int i = 0, j = 0; i < a->n || j < b->n;) {
		Root *x = i < a->n ? a->root[i] : NULL, *y = j < b->n ? b->root[j] : NULL;
		if (x && (!y || x->id <= y->id)) {
			i++;
			j += y == x;
			all[n++] = x;
		} else {
			j++;
			all[n++] = y;
		}
	}
	for (int i = 0; i < n; i++)
		if (!said_by_sum(all[i], n, all))
			all[kept++] = all[i];
	return intern_roots(p, kept, all);
}

const Roots *
roots_without(Proof *p, const Roots *s, int at)
{
	Root *rest[64];
	int n = 0;

	for (int i = 0; i < s->n; i++)
		if (i != at)
			rest[n++] = s->root[i];
	return intern_roots(p, n, rest);
}

static bool
root_pair_overlaps(const Root *a, const Root *b)
{
	return a == b || (a->kind == ROOT_SUM && a->number == b)
	       || (b->kind == ROOT_SUM && b->number == a)
	       || (a->kind == ROOT_SUM && b->kind == ROOT_SUM && a->number == b->number);
}

bool
roots_overlap(const Roots *a, const Roots *b)
{
	for (int i = 0; i < a->n; i++)
		for (int j = 0; j < b->n; j++)
			if (root_pair_overlaps(a->root[i], b->root[j]))
				return true;
	return false;
}

const Roots *
roots_of_form(Proof *p, const Form *f)
{
	const Roots *all = intern_roots(p, 0, NULL);

	for (int i = 0; i < f->n && all; i++) {
		if (!f->term[i].atom->table)
			return NULL;
		all = join_roots(p, all, f->term[i].atom->roots);
	}
	return all;
}

static int *
projection_of(const Roots *all, const Roots *some)
{
	int *at = TAKE(int, all->size), stride = 1, weight[64];

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
	if (!p->projection)
		p->projection = TAKE(Projection *, BUCKETS);
	Projection **bucket = &p->projection[(unsigned)(all->id * 31 + some->id) % BUCKETS];
	for (Projection *x = *bucket; x; x = x->next)
		if (x->all == all && x->some == some)
			return x->at;
	Projection *x = TAKE(Projection, 1);
	*x = (Projection){ all, some, projection_of(all, some), *bucket };
	*bucket = x;
	return x->at;
}
