/* Affine forms: a node as a constant plus multiples of nodes that are not themselves sums,
 * differences or multiples. Two expressions that are written differently, (x + 1) - y and
 * x - (y - 1), have the same form.
 *
 * Two analyses of sums live here as well. How far a difference can go, where what is
 * subtracted is the last visible position, so that no position is greater
 * (most_of_difference). And which differences are remainders (remainder_divisor): p - b *
 * q is in 0..b-1 if q is p // b, also where flatten_carries has written q as one division
 * of a longer sum. */

#include "ir/internal.h"

#include <stdlib.h>

static bool
affine_add_term(Affine *a, int64_t c, const Node *n)
{
	if (n->op == OP_CONST) {
		__int128 v = a->c + (__int128)c * n->k;
		a->c = (int64_t)v;
		return v < COEF_MAX && v > -COEF_MAX;
	}
	for (int i = 0; i < a->n; i++) {
		if (a->term[i].n != n)
			continue;
		c += a->term[i].c;
		a->term[i].c = c;
		if (!c)
			a->term[i] = a->term[--a->n];
		return c < COEF_MAX && c > -COEF_MAX;
	}
	if (a->n == AFFINE_MAX || c >= COEF_MAX || c <= -COEF_MAX)
		return false;
	a->term[a->n++] = (AffineTerm){ n, c };
	return true;
}

/* The term to expand next: of those that can be expanded, the node made last. In this order each
 * node is expanded once, however often it occurs, since all terms that hold it come before. */
static int
next_term(const Affine *a)
{
	int at = -1;

	for (int i = 0; i < a->n; i++)
		if ((a->term[i].n->op == OP_CONST || is_linear_int(a->term[i].n))
		    && (at < 0 || a->term[i].n->id > a->term[at].n->id))
			at = i;
	return at;
}

static bool
affine_expand(Affine *a, AffineTerm t)
{
	if (t.c >= COEF_MAX || t.c <= -COEF_MAX)
		return false;
	if (t.n->op == OP_MUL) {
		__int128 c = (__int128)t.c * t.n->arg[1]->k;
		return c < COEF_MAX && c > -COEF_MAX && affine_add_term(a, (int64_t)c, t.n->arg[0]);
	}
	return affine_add_term(a, t.c, t.n->arg[0])
	       && affine_add_term(a, t.n->op == OP_ADD ? t.c : -t.c, t.n->arg[1]);
}

static int
by_term_id(const void *a, const void *b)
{
	const AffineTerm *x = a, *y = b;

	return (x->n->id > y->n->id) - (x->n->id < y->n->id);
}

bool
affine_add(Affine *a, int64_t scale, const Node *n)
{
	if (!affine_add_term(a, scale, n))
		return false;
	for (int i, steps = 0; (i = next_term(a)) >= 0; steps++) {
		AffineTerm t = a->term[i];
		a->term[i] = a->term[--a->n];
		if (steps > 4 * AFFINE_MAX || !affine_expand(a, t))
			return false;
	}
	qsort(a->term, (size_t)a->n, sizeof *a->term, by_term_id);
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

static bool
affine_equal(const Affine *a, const Affine *b)
{
	if (a->n != b->n || a->c != b->c)
		return false;
	for (int i = 0; i < a->n; i++)
		if (a->term[i].n != b->term[i].n || a->term[i].c != b->term[i].c)
			return false;
	return true;
}

/* ---- as nodes again ---- */

Node *
simplified(Graph *g, Node *n)
{
	Affine a;
	Node *sum = NULL;

	if (!affine_of(n, &a))
		return n;
	for (int i = 0; i < a.n; i++) {
		Node *t = mk_at(g, n, OP_MUL, (Node *)a.term[i].n, mk_const(g, a.term[i].c), NULL);
		sum = sum ? mk_at(g, n, OP_ADD, sum, t, NULL) : t;
	}
	Node *c = mk_const(g, a.c);
	return sum ? mk_at(g, n, OP_ADD, sum, c, NULL) : c;
}

enum { SUMS_MAX = 256 }; /* most operators of a sum that are visited to replace a term */

static Node *
replaced_within(Graph *g, Node *n, const Node *from, Node *to, int *budget)
{
	if (n == from)
		return to;
	if (!is_linear_int(n) || n->id < from->id)
		return n;
	if (--*budget < 0)
		return NULL;
	Node *x = replaced_within(g, n->arg[0], from, to, budget),
	     *y = replaced_within(g, n->arg[1], from, to, budget);
	return x && y ? mk_at(g, n, n->op, x, y, NULL) : NULL;
}

Node *
replaced_in_sum(Graph *g, Node *n, const Node *from, Node *to)
{
	int budget = SUMS_MAX;

	return replaced_within(g, n, from, to, &budget);
}

/* ---- places ---- */

/* The most by which x, a function of the position, exceeds the position. */
static int64_t
most_over_index(const Node *x)
{
	int64_t most = x->type.image[0];

	for (int i = 1; i < x->type.root->type.nset; i++)
		most = max_int64(most, x->type.image[i] - i);
	return most;
}

/* Is v a position that no visible one exceeds (here, in a causal model; the last, in a
 * bidirectional one), and u a function of a visible position? Then u <= v + d. */
static bool
not_ahead(const Graph *g, const Node *u, const Node *v, int64_t *d)
{
	bool last = v->op == OP_READ && v->arg[0]->op == OP_INDEX && !v->k
	            && v->arg[1]->op == OP_LATEST && is_const(v->arg[1]->arg[0], 1);

	*d = 0;
	if (!(last ? g->bidirectional : v->op == OP_INDEX && !g->bidirectional))
		return false;
	if (u->op == OP_INDEX)
		return true;
	const Node *x = u->op == OP_READ ? u->arg[0] : NULL;
	if (!x || !x->type.image || x->type.root->op != OP_INDEX)
		return false;
	int64_t absent = u->arg[2]->type.hi;
	*d = most_over_index(x) + (u->k < 0 && !last ? u->k : 0);
	*d = max_int64(absent, *d);
	return true;
}

/* By terms of one sum. */
static int64_t
most_of_sum(const Graph *g, const Node *a, const Node *b)
{
	Affine sum;
	__int128 most;
	int64_t d;

	if (!affine_of(a, &sum) || !affine_add(&sum, -1, b))
		return clamp((__int128)a->type.hi - b->type.lo);
	most = sum.c;
	for (int i = 0; i < sum.n; i++) {
		AffineTerm *u = &sum.term[i];
		for (int k = 0; k < sum.n && u->c > 0; k++) {
			AffineTerm *v = &sum.term[k];
			if (v->c >= 0 || !not_ahead(g, u->n, v->n, &d))
				continue;
			int64_t c = min_int64(u->c, -v->c);
			u->c -= c;
			v->c += c;
			most += (__int128)c * d;
		}
	}
	for (int i = 0; i < sum.n; i++) {
		const Type *t = &sum.term[i].n->type;
		most += (__int128)sum.term[i].c * (sum.term[i].c > 0 ? t->hi : t->lo);
	}
	return clamp(most);
}

enum { CHOICES_DEEP = 3 }; /* in one another */

static int64_t
most_of_choice(const Graph *g, const Node *a, const Node *b, int depth)
{
	int64_t most = most_of_sum(g, a, b);
	bool each = a->op == OP_IF || a->op == OP_MAX; /* a is one of them, or the least */

	if (depth == CHOICES_DEEP || a->type.real || (!each && a->op != OP_MIN) || a->narg > 4)
		return most;
	int first = a->op == OP_IF;
	int64_t of_all = most_of_choice(g, a->arg[first], b, depth + 1);
	for (int i = first + 1; i < a->narg; i++) {
		int64_t x = most_of_choice(g, a->arg[i], b, depth + 1);
		of_all = each ? max_int64(of_all, x) : min_int64(of_all, x);
	}
	return min_int64(most, of_all);
}

int64_t
most_of_difference(const Graph *g, const Node *a, const Node *b)
{
	return most_of_choice(g, a, b, 0);
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

/* Is a // n == want // n_want, surely? So it is if the two are equal as they are, or once a
 * quotient z // m that a adds once has been multiplied out: (rest + z // m) // n == (rest * m + z)
 * // (n * m). */
static bool
same_quotient(const Affine *a, int64_t n, const Affine *want, int64_t n_want, int depth)
{
	if (n == n_want)
		return affine_equal(a, want);
	for (int i = 0; depth && i < a->n; i++) {
		int64_t m;
		const Node *d = without_as(a->term[i].n);
		if (a->term[i].c != 1 || !divides_const(d, &m) || m == 1 || n_want / n < m
		    || n_want % (n * m) || !affine_fits(a, m))
			continue;
		Affine b = *a;
		b.term[i] = b.term[--b.n];
		affine_scale(&b, m);
		if (affine_add(&b, 1, d->arg[0])
		    && same_quotient(&b, n * m, want, n_want, depth - 1))
			return true;
	}
	return false;
}

static bool
is_moderate(const Type *t)
{
	return t->lo > -COEF_MAX && t->hi < COEF_MAX;
}

int64_t
remainder_divisor(const Node *sub)
{
	const Node *p = sub->arg[0], *m = sub->arg[1];
	int64_t n;
	Affine a, want;

	if (m->op != OP_MUL || m->arg[1]->op != OP_CONST
	    || !divides_const(without_as(m->arg[0]), &n))
		return 0;
	int64_t b = m->arg[1]->k;
	const Node *q = without_as(m->arg[0])->arg[0];
	if (b <= 0 || n % b || !is_moderate(&p->type) || !is_moderate(&q->type))
		return 0;
	if (!affine_of(p, &a) || !affine_of(q, &want))
		return 0;
	return same_quotient(&a, b, &want, n, 3) ? b : 0;
}
