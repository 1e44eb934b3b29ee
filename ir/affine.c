/* Affine forms: a node as a constant plus multiples of nodes that are not
 * themselves sums, differences or multiples. They compare expressions that are
 * written differently, (x + 1) - y and x - (y - 1).
 *
 * Also where a remainder is recognised: p - b * q is in 0..b-1 if q is p // b,
 * and q may be written as flatten writes it, one division of a longer sum. */

#include "ir/impl.h"

#include <stdlib.h>

static bool
is_affine(const Node *n)
{
	switch (n->op) {
	case OP_CONST: case OP_ADD: case OP_SUB:
		return true;
	case OP_MUL:
		return n->arg[1]->op == OP_CONST;
	default:
		return false;
	}
}

static bool
add_term(Affine *a, int64_t c, const Node *n)
{
	if (n->op == OP_CONST) {
		__int128 v = a->c + (__int128)c * n->k;
		a->c = (int64_t)v;
		return v < COEF_MAX && v > -COEF_MAX;
	}
	for (int i = 0; i < a->n; i++) {
		if (a->term[i].n != n)
			continue;
		a->term[i].c += c;
		if (!a->term[i].c)
			a->term[i] = a->term[--a->n];
		return true;
	}
	if (a->n == AFFINE_MAX || c >= COEF_MAX || c <= -COEF_MAX)
		return false;
	a->term[a->n++] = (Term){n, c};
	return true;
}

/* The expandable term made last: expanding in this order meets each node once. */
static int
next_term(const Affine *a)
{
	int at = -1;

	for (int i = 0; i < a->n; i++)
		if (is_affine(a->term[i].n) && (at < 0 || a->term[i].n->id > a->term[at].n->id))
			at = i;
	return at;
}

static bool
expand(Affine *a, Term t)
{
	if (t.c >= COEF_MAX || t.c <= -COEF_MAX)
		return false;
	if (t.n->op == OP_MUL) {
		__int128 c = (__int128)t.c * t.n->arg[1]->k;
		return c < COEF_MAX && c > -COEF_MAX && add_term(a, (int64_t)c, t.n->arg[0]);
	}
	return add_term(a, t.c, t.n->arg[0]) &&
		add_term(a, t.n->op == OP_ADD ? t.c : -t.c, t.n->arg[1]);
}

static int
by_id(const void *a, const void *b)
{
	const Term *x = a, *y = b;

	return (x->n->id > y->n->id) - (x->n->id < y->n->id);
}

bool
affine_add(Affine *a, int64_t scale, const Node *n)
{
	if (!add_term(a, scale, n))
		return false;
	for (int i, steps = 0; (i = next_term(a)) >= 0; steps++) {
		Term t = a->term[i];
		a->term[i] = a->term[--a->n];
		if (steps > 4 * AFFINE_MAX || !expand(a, t))
			return false;
	}
	qsort(a->term, (size_t)a->n, sizeof *a->term, by_id);
	return true;
}

bool
affine_of(const Node *n, Affine *a)
{
	a->n = 0;
	a->c = 0;
	return affine_add(a, 1, n);
}

void
affine_scale(Affine *a, int64_t by)
{
	a->c *= by;
	for (int i = 0; i < a->n; i++)
		a->term[i].c *= by;
}

bool
affine_equal(const Affine *a, const Affine *b)
{
	if (a->n != b->n || a->c != b->c)
		return false;
	for (int i = 0; i < a->n; i++)
		if (a->term[i].n != b->term[i].n || a->term[i].c != b->term[i].c)
			return false;
	return true;
}

/* ---- remainders ---- */

bool
divides_const(const Node *n, int64_t *by)
{
	if (n->op != OP_DIV || n->arg[1]->op != OP_CONST)
		return false;
	*by = n->arg[1]->k;
	return *by > 0 && *by < COEF_MAX;
}

bool
affine_fits(const Affine *a, int64_t scale)
{
	for (int i = 0; i < a->n; i++)
		if (llabs(a->term[i].c) >= COEF_MAX / scale)
			return false;
	return llabs(a->c) < COEF_MAX / scale;
}

/* Is floor(a / n) == floor(want / n_want)? So it is if they are equal, or become
 * equal when a division z // m with coefficient 1 in a is multiplied out:
 * floor((rest + z // m) / n) == floor((rest * m + z) / (n * m)). */
static bool
same_quotient(const Affine *a, int64_t n, const Affine *want, int64_t n_want, int depth)
{
	if (n == n_want)
		return affine_equal(a, want);
	for (int i = 0; depth && i < a->n; i++) {
		int64_t m;
		const Node *d = a->term[i].n;
		if (a->term[i].c != 1 || !divides_const(d, &m) || m == 1 ||
		    n_want / n < m || n_want % (n * m) || !affine_fits(a, m))
			continue;
		Affine b = *a;
		b.term[i] = b.term[--b.n];
		affine_scale(&b, m);
		if (affine_add(&b, 1, d->arg[0]) &&
		    same_quotient(&b, n * m, want, n_want, depth - 1))
			return true;
	}
	return false;
}

static bool
moderate(const Type *t)
{
	return t->lo > -COEF_MAX && t->hi < COEF_MAX;
}

int64_t
remainder_of(const Node *sub)
{
	const Node *p = sub->arg[0], *m = sub->arg[1];
	int64_t n;
	Affine a, want;

	if (m->op != OP_MUL || m->arg[1]->op != OP_CONST || !divides_const(m->arg[0], &n))
		return 0;
	int64_t b = m->arg[1]->k;
	const Node *q = m->arg[0]->arg[0];
	if (b <= 0 || n % b || !moderate(&p->type) || !moderate(&q->type))
		return 0;
	if (!affine_of(p, &a) || !affine_of(q, &want))
		return 0;
	return same_quotient(&a, b, &want, n, 3) ? b : 0;
}
