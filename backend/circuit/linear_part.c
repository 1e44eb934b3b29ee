/* Linear parts by number.
 *
 *     relu(x + 2y - 3), relu(9 - x - 2y)     both have the linear part x + 2y
 *
 * Neurons of one linear part bend along parallel lines and are bounded together (bounds.c). A
 * form of a thousand neurons is sorted by linear part again and again, so each has a number,
 * found by content when a neuron is made. */

#include "backend/circuit/circuit.h"

/* A linear part, by the form that it was first met in. */
typedef struct LinearPart {
	const Form *form; /* NULL: the slot is free */
	uint64_t hash;
	int number;
} LinearPart;

typedef struct LinearParts {
	int n, cap; /* cap: a power of two */
	LinearPart *slot;
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
	int64_t sign = linear_part_sign(f);

	for (int i = 0; i < f->n; i++) {
		h ^= (uint64_t)(sign * f->term[i].c) << 32 ^ (uint64_t)f->term[i].atom->id;
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

static void
linear_parts_grow(Circuit *c, LinearParts *t)
{
	LinearParts old = *t;

	t->cap = old.cap ? 2 * old.cap : 256;
	t->slot = NEWS(c->arena, LinearPart, t->cap);
	for (int i = 0; i < old.cap; i++) {
		uint64_t h = old.slot[i].hash, mask = (uint64_t)t->cap - 1;
		if (!old.slot[i].form)
			continue;
		while (t->slot[h & mask].form)
			h++;
		t->slot[h & mask] = old.slot[i];
	}
}

static int
find_linear_part(Circuit *c, const Form *f)
{
	if (!c->linear_parts)
		c->linear_parts = NEW(c->arena, LinearParts);
	LinearParts *t = c->linear_parts;
	if (2 * (t->n + 1) > t->cap)
		linear_parts_grow(c, t);
	uint64_t hash = linear_part_hash(f), h = hash, mask = (uint64_t)t->cap - 1;
	LinearPart *p;
	while ((p = &t->slot[h & mask])->form && (p->hash != hash || !same_linear_part(p->form, f)))
		h++;
	if (!p->form)
		*p = (LinearPart){ f, hash, t->n++ };
	return p->number;
}

int
linear_part_of(Circuit *c, const Form *f)
{
	if (!f->part)
		return find_linear_part(c, f);
	if (!*f->part)
		*f->part = 1 + find_linear_part(c, f);
	return *f->part - 1;
}
