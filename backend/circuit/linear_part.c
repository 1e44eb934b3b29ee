/* Linear parts by number.
 *
 *     relu(x + 2y - 3), relu(9 - x - 2y)     both have the linear part x + 2y
 *
 * Neurons of one linear part bend along parallel lines and are bounded together (bounds.c). A
 * form of a thousand neurons is sorted by linear part again and again, so each has a number,
 * found by content when a neuron is made. */

#include "backend/circuit/circuit.h"

typedef struct LinearParts {
	int n, cap;         /* cap: a power of two */
	const Form **first; /* (cap) the form in which each was first met; NULL: free */
	int *number;        /* (cap) */
} LinearParts;

int
linear_part_sign(const Form *f)
{
	return f->n && f->term[0].c < 0 ? -1 : 1;
}

static uint64_t
linear_part_hash(const Form *f)
{
	uint64_t h = 0x9e3779b97f4a7c15u;

	for (int i = 0; i < f->n; i++) {
		h ^= (uint64_t)(linear_part_sign(f) * f->term[i].c) << 32
		     ^ (uint64_t)f->term[i].atom->id;
		h *= 0xff51afd7ed558ccdu;
		h ^= h >> 29;
	}
	return h;
}

static bool
same_linear_part(const Form *f, const Form *g)
{
	int sign = linear_part_sign(f) * linear_part_sign(g);

	if (f->n != g->n)
		return false;
	for (int i = 0; i < f->n; i++)
		if (f->term[i].atom != g->term[i].atom || f->term[i].c != sign * g->term[i].c)
			return false;
	return true;
}

/* The slot of f's linear part, or the free one where it belongs. */
static int
linear_part_slot(const LinearParts *t, const Form *f)
{
	uint64_t h = linear_part_hash(f), mask = (uint64_t)t->cap - 1;

	while (t->first[h & mask] && !same_linear_part(t->first[h & mask], f))
		h++;
	return (int)(h & mask);
}

static void
linear_parts_grow(Circuit *c, LinearParts *t)
{
	LinearParts old = *t;

	t->cap = old.cap ? 2 * old.cap : 256;
	t->first = NEWS(c->arena, const Form *, t->cap);
	t->number = NEWS(c->arena, int, t->cap);
	for (int i = 0; i < old.cap; i++) {
		if (!old.first[i])
			continue;
		int at = linear_part_slot(t, old.first[i]);
		t->first[at] = old.first[i];
		t->number[at] = old.number[i];
	}
}

int
linear_part_of(Circuit *c, const Form *f)
{
	if (!c->linear_parts)
		c->linear_parts = NEW(c->arena, LinearParts);
	LinearParts *t = c->linear_parts;
	if (2 * (t->n + 1) > t->cap)
		linear_parts_grow(c, t);
	int at = linear_part_slot(t, f);
	if (!t->first[at]) {
		t->first[at] = f;
		t->number[at] = t->n++;
	}
	return t->number[at];
}
