/* Chains of carries become independent divisions.
 *
 * Adding digit by digit, each carry waits for the one before it:
 *
 *     c1 = s0 // 10,  c2 = (s1 + c1) // 10,  c3 = (s2 + c2) // 10
 *
 * but (x + y // m) // b = (x * m + y) // (m * b), exactly (nested floors; Graham, Knuth
 * and Patashnik, "Concrete Mathematics", 3.2), so
 *
 *     c1 = s0 // 10,  c2 = (10*s1 + s0) // 100,  c3 = (100*s2 + 10*s1 + s0) // 1000
 *
 * which a transformer computes in one layer. A digit (s2 + c2) % 10 is then s2 + c2 -
 * 10*c3, nothing but a sum. Where the sum leaves the integers that a float32 holds,
 * carry_lookahead computes it of several sums that do not. */

#include "ir/internal.h"

#include <stdlib.h>

enum {
	SEARCH_MAX = 4096,
	CHOICES_MAX = 64,
	CARRY_MOST = 1 << 10 /* values of a carry whose joint division may be a long one */
};

typedef struct Flatten {
	int n, cap;
	int *depth; /* (n) by id: operators other than sums on the longest path up to the node */
} Flatten;

static int
carry_depth(Graph *g, Flatten *f, const Node *n)
{
	GROW(g->arena, f->depth, f->cap, g->nnode);
	for (; f->n <= n->id; f->n++) {
		const Node *x = g->node[f->n];
		int d = 0;
		for (int i = 0; i < x->narg; i++)
			d = max_int(d, f->depth[x->arg[i]->id]);
		bool free = x->op == OP_CONST || is_linear_int(x);
		f->depth[f->n] = d + !free;
	}
	return f->depth[n->id];
}

static bool
divides_by(const Node *n, int64_t *by)
{
	if (n->arg[1]->op != OP_CONST)
		return false;
	*by = n->arg[1]->k;
	return *by > 0 && *by < VALUE_MAX;
}

static bool
is_carry(const Node *n)
{
	int64_t m;

	return n->op == OP_DIV && divides_by(n, &m) && m > 1 && !is_feature(n);
}

static bool
is_unsaturated(const Node *n)
{
	return n->type.lo > -VALUE_MAX && n->type.hi < VALUE_MAX;
}

/* The sum p without the carry, which it adds once; NULL if it does not. */
static Node *
sum_without(Graph *g, Node *p, const Node *carry, int *budget)
{
	Node *x;

	if (p == carry)
		return mk_const(g, 0);
	if (p->id < carry->id || --*budget < 0 || !has_trait(p->op, T_ADDS))
		return NULL;
	if ((x = sum_without(g, p->arg[0], carry, budget)))
		return mk(g, p->op, p->span, p->site, 2, (Node *[]){ x, p->arg[1] }, 0);
	if (p->op == OP_ADD && (x = sum_without(g, p->arg[1], carry, budget)))
		return mk(g, OP_ADD, p->span, p->site, 2, (Node *[]){ p->arg[0], x }, 0);
	return NULL;
}

/* The carries that p adds exactly once, those at the end of the longest chains first. */
static int
find_carries(Graph *g, Flatten *f, const Node *p, const Node **carry)
{
	Affine a;
	int n = 0;

	if (!affine_of(p, &a))
		return 0;
	for (int i = 0; i < a.n && n < CHOICES_MAX; i++) {
		const Node *x = a.term[i].n;
		if (a.term[i].c != 1 || !is_carry(x))
			continue;
		int at = n++, d = carry_depth(g, f, x);
		for (; at > 0; at--) {
			int e = carry_depth(g, f, carry[at - 1]);
			if (e > d || (e == d && node_compare(carry[at - 1], x) < 0))
				break;
			carry[at] = carry[at - 1];
		}
		carry[at] = x;
	}
	return n;
}

static bool
is_wide(const Node *n)
{
	return n->type.hi - n->type.lo >= CARRY_MOST;
}

/* Is x, once divided, no number that one neuron reads beside another of its size? */
static bool
is_long(const Node *x)
{
	return max_int64(-x->type.lo, x->type.hi) >= EXACT_MAX / 3;
}

/* (rest + y // m) // b as one division, NULL if that would be too large, or a long one in vain: one
 * of many wide quotients may join, and then the others make it no shorter. */
static Node *
join_divisions(Graph *g, const Node *at, Node *p, const Node *carry, int64_t b, bool in_vain)
{
	int budget = SEARCH_MAX;
	int64_t m = carry->arg[1]->k;
	Node *rest, *x, *y = carry->arg[0];

	if ((__int128)m * b >= VALUE_MAX || !(rest = sum_without(g, p, carry, &budget)))
		return NULL;
	x = mk(g, OP_MUL, at->span, at->site, 2, (Node *[]){ rest, mk_const(g, m) }, 0);
	x = mk(g, OP_ADD, at->span, at->site, 2, (Node *[]){ x, y }, 0);
	if (!is_unsaturated(x) || (in_vain && is_wide(carry) && is_long(x)))
		return NULL;
	return mk(g, OP_DIV, at->span, at->site, 2, (Node *[]){ x, mk_const(g, m * b) }, 0);
}

/* p // b with as many carries multiplied out as can be; NULL if none can. */
static Node *
flat_quotient(Graph *g, Flatten *f, const Node *at, Node *p, int64_t b)
{
	const Node *carry[CHOICES_MAX];
	Node *q = NULL;

	for (bool more = true; more;) {
		int n = find_carries(g, f, p, carry);
		int wide = 0;
		more = false;
		for (int i = 0; i < n; i++)
			wide += is_wide(carry[i]);
		for (int i = 0; i < n && !more; i++) {
			Node *next = join_divisions(g, at, p, carry[i], b, wide > 1);
			if (!next)
				continue;
			q = next;
			more = q->op == OP_DIV && divides_by(q, &b);
			p = more ? q->arg[0] : p;
			if (!more)
				return q;
		}
	}
	return q;
}

/* Does p add a carry that would make the joint divisor too large? */
static bool
adds_long(const Node *p, int64_t b)
{
	Affine a;
	int64_t m;

	if (!affine_of(p, &a))
		return false;
	for (int i = 0; i < a.n; i++)
		if (a.term[i].c == 1 && is_carry(a.term[i].n) && divides_by(a.term[i].n, &m)
		    && (__int128)m * b >= VALUE_MAX)
			return true;
	return false;
}

static Node *
flat_remainder(Graph *g, const Node *at, Node *p, Node *q, int64_t b)
{
	Node *r = mk(g, OP_MUL, at->span, at->site, 2, (Node *[]){ q, mk_const(g, b) }, 0);

	r = mk(g, OP_SUB, at->span, at->site, 2, (Node *[]){ p, r }, 0);
	return r->type.lo >= at->type.lo && r->type.hi <= at->type.hi ? r : NULL;
}

static Node *
flatten_node(Graph *g, Node *n, void *ctx)
{
	int64_t b;

	if ((n->op != OP_DIV && n->op != OP_MOD) || !divides_by(n, &b))
		return n;
	Node *p = n->arg[0];
	if (p->type.root && p->type.root != p)
		return n; /* a table of one stream as it is */
	Node *q = flat_quotient(g, ctx, n, p, b);
	if (!q && n->op == OP_MOD && adds_long(p, b))
		q = mk_at(g, n, OP_DIV, p, n->arg[1], NULL);
	if (!q)
		return terms_divided(g, n);
	q = terms_divided(g, q);
	Node *x = n->op == OP_DIV ? q : flat_remainder(g, n, p, q, b);
	return x ? x : n;
}

/* Needs: nothing. Guarantees: no p // b or p % b by a positive constant whose p
 * adds y // m once, unless the joint division is beyond 2^62 or p is a function of
 * one stream. Invalidates: nothing; values at every position are the same. */
void
pass_flatten_carries(Graph *g, Diags *ds)
{
	Flatten f = { 0 };

	(void)ds;
	rewrite_graph(g, flatten_node, &f);
}
