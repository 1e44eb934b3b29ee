/* Affine forms over atoms: sums with integer coefficients, and the interval of each.
 *
 * A sum remembers the two forms it was made of, since two intervals are known of it: that of the
 * operands, which is sharper where they are known to be small, and that of the terms, which is
 * sharper where terms cancel. Both are kept up to 2^62 without overflow. */

#include "backend/circuit/circuit.h"

#include <limits.h>
#include <stdlib.h>

static int
by_atom(const void *p, const void *q)
{
	return ((const Term *)p)->atom->id - ((const Term *)q)->atom->id;
}

void
sort_by_atom(Term *term, int n)
{
	qsort(term, (size_t)n, sizeof *term, by_atom);
}

const Form *
form_const(Circuit *c, int64_t k)
{
	Form *f = NEW(c->arena, Form);

	f->k = f->lo = f->hi = k;
	return f;
}

const Form *
form_atom(Circuit *c, Atom *a)
{
	Form *f = NEW(c->arena, Form);
	Term *t = NEW(c->arena, Term);

	*t = (Term){ a, 1 };
	*f = (Form){ .n = 1, .term = t, .lo = a->lo, .hi = a->hi, .ready = a->ready };
	return f;
}

/* x + c * v, saturated at 2^62: far beyond what is exact, and nothing overflows. */
static int64_t
add_saturating(int64_t x, int64_t c, int64_t v)
{
	const __int128 most = (int64_t)1 << 62;
	__int128 sum = x + (__int128)c * v;

	return (int64_t)(sum > most ? most : sum < -most ? -most : sum);
}

/* r + c times what is in lo..hi */
static Range
range_plus(Range r, int64_t c, int64_t lo, int64_t hi)
{
	return (Range){ add_saturating(r.lo, c, c > 0 ? lo : hi),
		        add_saturating(r.hi, c, c > 0 ? hi : lo) };
}

/* f + k, which has the terms of f. */
static const Form *
shifted(Circuit *c, const Form *f, const Form *none, int64_t k)
{
	Form *s = NEW(c->arena, Form);

	if (!f->part)
		((Form *)f)->part = NEW(c->arena, int);
	c->terms++;
	*s = (Form){ .n = f->n,
		     .term = f->term,
		     .k = add_saturating(k, 1, f->k),
		     .lo = add_saturating(k, 1, f->lo),
		     .hi = add_saturating(k, 1, f->hi),
		     .ready = f->ready,
		     .of = { f, none },
		     .by = { 1, 0 },
		     .part = f->part };
	return s;
}

const Form *
form_add(Circuit *c, int64_t a, const Form *f, int64_t b, const Form *g, int64_t k)
{
	if (a == 1 && !g->n && f->n && b == 0 && !f->real)
		return shifted(c, f, g, k);
	Form *s = NEW(c->arena, Form);
	Term *t = arena_alloc(c->arena, sizeof *t * (size_t)(f->n + g->n + 1));
	int i = 0, j = 0;

	c->terms += f->n + g->n + 1;
	arena_work(c->arena, 8 * (uint64_t)(f->n + g->n + 1));
	while (i < f->n || j < g->n) {
		Term u;
		if (j == g->n || (i < f->n && f->term[i].atom->id < g->term[j].atom->id)) {
			u = f->term[i++];
			u.c = add_saturating(0, a, u.c);
		} else if (i == f->n || g->term[j].atom->id < f->term[i].atom->id) {
			u = g->term[j++];
			u.c = add_saturating(0, b, u.c);
		} else {
			u = f->term[i];
			u.c = add_saturating(add_saturating(0, a, f->term[i++].c), b,
			                     g->term[j++].c);
		}
		if (!u.c)
			continue;
		t[s->n++] = u;
		s->ready = max_int(s->ready, u.atom->ready);
	}
	s->term = t;
	s->of[0] = f;
	s->of[1] = g;
	s->by[0] = a;
	s->by[1] = b;
	s->k = add_saturating(add_saturating(k, a, f->k), b, g->k);
	/* from the two operands, and from the terms, of which some may have cancelled */
	Range sum = { k, k }, terms = { s->k, s->k };
	sum = range_plus(sum, a, f->lo, f->hi);
	sum = range_plus(sum, b, g->lo, g->hi);
	for (i = 0; i < s->n; i++)
		terms = range_plus(terms, t[i].c, t[i].atom->lo, t[i].atom->hi);
	s->lo = sum.lo;
	s->hi = sum.hi;
	return form_within(c, s, terms.lo, terms.hi);
}

const Form *
form_sum(Circuit *c, int n, const Form *const *f, const int64_t *by)
{
	int m = n / 2;

	if (n == 1)
		return form_scale(c, by[0], f[0], 0);
	return form_add(c, 1, form_sum(c, m, f, by), 1, form_sum(c, n - m, f + m, by + m), 0);
}

const Form *
form_scale(Circuit *c, int64_t a, const Form *f, int64_t k)
{
	static const Form zero;

	return a == 1 && k == 0 ? f : form_add(c, a, f, 0, &zero, k);
}

const Form *
form_within(Circuit *c, const Form *f, int64_t lo, int64_t hi)
{
	if (lo <= f->lo && f->hi <= hi)
		return f;
	Form *g = NEW(c->arena, Form);
	*g = *f;
	g->lo = max_int64(lo, f->lo);
	g->hi = min_int64(hi, f->hi);
	return g;
}

int
form_first_state(const Form *f)
{
	int first = INT_MAX;

	for (int i = 0; i < f->n; i++)
		first = min_int(first, f->term[i].atom->ready);
	return first;
}

int
form_ready(const Form *f)
{
	int ready = 0;

	for (int i = 0; i < f->n; i++)
		ready = max_int(ready, f->term[i].atom->ready);
	return ready;
}

int64_t
form_bos(const Form *f)
{
	int64_t v = f->k;

	for (int i = 0; i < f->n; i++)
		v += f->term[i].c * f->term[i].atom->bos;
	return v;
}

static bool
same_sum(const RealSum *a, const RealSum *b)
{
	if (a->n != b->n || a->k != b->k)
		return false;
	for (int i = 0; i < a->n; i++)
		if (a->term[i].c != b->term[i].c || !form_equal(a->term[i].f, b->term[i].f))
			return false;
	return true;
}

bool
form_equal(const Form *f, const Form *g)
{
	if (f == g)
		return true;
	if (f->n != g->n || f->k != g->k || !f->real != !g->real)
		return false;
	if (f->real && !same_sum(f->real, g->real))
		return false;
	for (int i = 0; i < f->n; i++)
		if (f->term[i].atom != g->term[i].atom || f->term[i].c != g->term[i].c)
			return false;
	return true;
}

bool
form_is_const(const Form *f)
{
	return f->n == 0;
}

const Form *
form_set_bos(Circuit *c, const Form *f, int64_t v)
{
	int64_t d = v - form_bos(f);

	return d ? form_within(c, form_add(c, 1, f, d, c->is_bos, 0), f->lo, f->hi) : f;
}

const Form *
form_better(const Form *f, const Form *g)
{
	if (!f || !g)
		return f ? f : g;
	if (f->ready != g->ready)
		return f->ready < g->ready ? f : g;
	return f->n <= g->n ? f : g;
}
