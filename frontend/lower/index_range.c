/* What is known of the integers that indices are made of: their bounds, where a guard has said
 * something, and whether two differ by a constant.
 *
 *     if i > 0 then x[i - 1] else 0     in the first branch i is 1 at least, so i - 1 is inside */

#include "frontend/lower/lower.h"

Interval
index_bounds(Lower *L, const Scalar *e)
{
	Interval b = e->values;

	if (e->op == X_ADD || e->op == X_SUB) {
		Interval x = index_bounds(L, e->arg[0]), y = index_bounds(L, e->arg[1]);
		b = e->op == X_ADD ? (Interval){ x.lo + y.lo, x.hi + y.hi }
		                   : (Interval){ x.lo - y.hi, x.hi - y.lo };
	}
	for (const IndexFact *f = L->floats.facts; f; f = f->up)
		if (f->e == e) {
			b.lo = max_double(b.lo, f->lo);
			b.hi = min_double(b.hi, f->hi);
		}
	return b;
}

/* ... and so of what is beside it by a constant. */
static void
know_index(Lower *L, const Scalar *e, double lo, double hi)
{
	IndexFact *f = NEW(L->arena, IndexFact);

	*f = (IndexFact){ L->floats.facts, e, lo, hi };
	L->floats.facts = f;
	for (int i = 0; i < 2 && e->op == X_ADD; i++)
		if (e->arg[i]->op == X_CONST)
			know_index(L, e->arg[1 - i], lo - e->arg[i]->value, hi - e->arg[i]->value);
}

static void
assume_relation(Lower *L, const Scalar *e, bool holds)
{
	const Scalar *x = e->arg[0], *y = e->arg[1];
	Interval a = index_bounds(L, x), b = index_bounds(L, y);

	if (e->op == X_EQ) {
		know_index(L, x, b.lo, b.hi);
		know_index(L, y, a.lo, a.hi);
	} else if (holds) {
		know_index(L, x, -INFINITY, b.hi - 1);
		know_index(L, y, a.lo + 1, INFINITY);
	} else {
		know_index(L, x, b.lo, INFINITY);
		know_index(L, y, -INFINITY, a.hi);
	}
}

const IndexFact *
assume_mask(Lower *L, const Scalar *e, bool holds)
{
	const IndexFact *old = L->floats.facts;

	if (e->op == X_SUB && scalar_is(e->arg[0], 1)) { /* not */
		assume_mask(L, e->arg[1], !holds);
	} else if (e->op == X_WHERE && scalar_is(e->arg[2], 0)) { /* and */
		if (holds) {
			assume_mask(L, e->arg[0], true);
			assume_mask(L, e->arg[1], true);
		}
	} else if (e->op == X_WHERE && scalar_is(e->arg[1], 1)) { /* or */
		if (!holds) {
			assume_mask(L, e->arg[0], false);
			assume_mask(L, e->arg[2], false);
		}
	} else if ((e->op == X_LT || (e->op == X_EQ && holds)) && e->arg[0]->integer
	           && e->arg[1]->integer) {
		assume_relation(L, e, holds);
	}
	return old;
}

/* ---- a - b ---- */

enum { TERMS_MAX = 32 };

typedef struct LinearTerms {
	int n;
	const Scalar *of[TERMS_MAX];
	double times[TERMS_MAX], constant;
	bool many; /* there were more */
} LinearTerms;

static void
add_terms(LinearTerms *t, const Scalar *e, double times)
{
	if (e->op == X_ADD || e->op == X_SUB) {
		add_terms(t, e->arg[0], times);
		add_terms(t, e->arg[1], e->op == X_ADD ? times : -times);
		return;
	}
	if (e->op == X_MUL && e->arg[1]->op == X_CONST) {
		add_terms(t, e->arg[0], times * e->arg[1]->value);
		return;
	}
	if (e->op == X_CONST) {
		t->constant += times * e->value;
		return;
	}
	int i = 0;
	while (i < t->n && t->of[i] != e)
		i++;
	if (i == TERMS_MAX) {
		t->many = true;
		return;
	}
	t->n = max_int(t->n, i + 1);
	t->of[i] = e;
	t->times[i] += times;
}

bool
constant_difference(const Scalar *a, const Scalar *b, double *to)
{
	LinearTerms t = { 0 };

	add_terms(&t, a, 1);
	add_terms(&t, b, -1);
	*to = t.constant;
	for (int i = 0; i < t.n; i++)
		if (t.times[i] != 0)
			return false;
	return !t.many;
}
