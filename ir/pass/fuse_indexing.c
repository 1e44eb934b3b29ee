/* One run-time index instead of two.
 *
 *     if t == <end> then ' ' else t for t = d[k else <end>]   is   d[k else ' ']
 *     if k < m then d[m - 1 - k else 0] else <end>     the index is out of range just
 *                                                      where the test fails: <end> is its default
 *     [d[m - 1 - k else <end>] for k in 0..<n][i]      is d[m - 1 - i else <end>]
 *
 * The second also where the list is read at another position: then m and d are read
 * there, and the one index that is left is computed here. */

#include "ir/internal.h"

#include <string.h>

static int
length(const Node *pick)
{
	return pick->narg - 2;
}

static bool
always_inside(const Node *pick)
{
	return pick->arg[0]->type.lo >= 0 && pick->arg[0]->type.hi < length(pick);
}

static Node *
with_default(Graph *g, const Node *pick, Node *d)
{
	Node **arg = arena_alloc(g->arena, sizeof *arg * (size_t)pick->narg);

	memcpy(arg, pick->arg, sizeof *arg * (size_t)pick->narg);
	arg[1] = d;
	return mk(g, OP_PICK, pick->span, pick->file, pick->narg, arg, 0);
}

/* Is the index inside just where the condition is `want`? */
static bool
inside_where(const Node *pick, const Node *cond, bool want)
{
	const Type *i = &pick->arg[0]->type, *c = &cond->type;

	if (!i->root || i->root != c->root || !i->image || !c->image)
		return false;
	for (int v = 0; v < i->root->type.nset; v++)
		if ((i->image[v] >= 0 && i->image[v] < length(pick)) != (c->image[v] == want))
			return false;
	return true;
}

static Node *
choice_as_default(Graph *g, Node *n)
{
	for (int no = 0; no < 2; no++)
		if (n->arg[1 + no]->op == OP_PICK && inside_where(n->arg[1 + no], n->arg[0], !no))
			return with_default(g, n->arg[1 + no], n->arg[2 - no]);
	return n;
}

/* Element k of the outer list: the inner PICK, the place it is read at, and what is
 * there instead where a condition holds. */
typedef struct Inner {
	Node *pick, *p; /* p: NULL where it is here */
	Node *instead;  /* IF(condition, constant, pick), or NULL */
} Inner;

static Inner
inner_of(Node *e, const Node *d)
{
	Inner in = { e, NULL, NULL };

	if (e->op == OP_READ && !e->k && e->arg[2] == d)
		in = (Inner){ e->arg[0], e->arg[1], NULL };
	if (in.pick->op == OP_IF && in.pick->arg[1]->op == OP_CONST) {
		in.instead = in.pick;
		in.pick = in.pick->arg[2];
	}
	if (in.pick->op != OP_PICK || (in.pick->arg[1] != d && !always_inside(in.pick)))
		in.pick = NULL;
	return in;
}

static bool
same_list(const Node *a, const Node *b)
{
	return a->narg == b->narg
	       && !memcmp(a->arg + 2, b->arg + 2, sizeof *a->arg * (size_t)length(a));
}

/* Index of element k is that of element 0, less k. */
static bool
counts_down(const Node *first, const Node *other, int k)
{
	Affine a;

	return affine_of(first->arg[0], &a) && affine_add(&a, -1, other->arg[0]) && a.n == 0
	       && a.c == k;
}

static Node *
read_there(Graph *g, const Node *at, Node *x, Node *p, int64_t d)
{
	Node *arg[3] = { x, p, mk_const(g, d) };

	return p ? mk(g, OP_READ, at->span, at->file, 3, arg, 0) : x;
}

/* x, but what stands instead of element k where i == k and its condition holds. */
static Node *
with_exception(Graph *g, const Node *at, Node *x, Node *i, int k, Inner in)
{
	Node *is_k = mk(g, OP_EQ, at->span, at->file, 2, (Node *[]){ i, mk_const(g, k) }, 0);
	Node *both[2] = { is_k, read_there(g, at, in.instead->arg[0], in.p, 0) };
	Node *cond = mk(g, OP_AND, at->span, at->file, 2, both, 0);

	return mk(g, OP_IF, at->span, at->file, 3, (Node *[]){ cond, in.instead->arg[1], x }, 0);
}

/* How many elements there are before the list is nothing but its default. */
static int
length_used(const Node *pick)
{
	int n = length(pick);

	while (n > 0 && pick->arg[n + 1] == pick->arg[1])
		n--;
	return n;
}

/* i, but beyond all elements from the used-th on: base - i is below 0 there. */
static Node *
ended(Graph *g, const Node *at, Node *i, int used, const Node *base)
{
	if (base->type.hi < used)
		return i;
	Node *over = mk(g, OP_LT, at->span, at->file, 2, (Node *[]){ mk_const(g, used - 1), i }, 0);
	Node *far = mk(g, OP_MUL, at->span, at->file, 2,
	               (Node *[]){ over, mk_const(g, base->type.hi - used + 1) }, 0);
	return mk(g, OP_ADD, at->span, at->file, 2, (Node *[]){ i, far }, 0);
}

static Node *
one_index(Graph *g, Node *n)
{
	Node *i = n->arg[0], *d = n->arg[1];
	Inner first = inner_of(n->arg[2], d);
	int used = length_used(n);

	if (!first.pick || d->op != OP_CONST || i->type.lo < 0
	    || first.pick->arg[0]->type.hi >= length(n))
		return n;
	for (int k = 1; k < used; k++) {
		Inner in = inner_of(n->arg[k + 2], d);
		if (!in.pick || in.p != first.p || !same_list(in.pick, first.pick)
		    || !counts_down(first.pick, in.pick, k))
			return n;
	}
	int m = length(first.pick);
	Node **arg = arena_alloc(g->arena, sizeof *arg * (size_t)(m + 2));
	Node *base = first.pick->arg[0], *from = read_there(g, n, base, first.p, -1);
	arg[0] = mk(g, OP_SUB, n->span, n->file, 2, (Node *[]){ from, ended(g, n, i, used, base) },
	            0);
	arg[1] = d;
	for (int k = 0; k < m; k++)
		arg[k + 2] = read_there(g, n, first.pick->arg[k + 2], first.p,
		                        first.pick->arg[k + 2]->type.lo);
	Node *to = mk(g, OP_PICK, n->span, n->file, m + 2, arg, 0);
	for (int k = 0; k < used; k++) {
		Inner in = inner_of(n->arg[k + 2], d);
		if (in.instead)
			to = with_exception(g, n, to, i, k, in);
	}
	return to;
}

static bool
may_be(const Node *n, int64_t v)
{
	if (!n->type.nset)
		return n->type.lo <= v && v <= n->type.hi;
	for (int i = 0; i < n->type.nset; i++)
		if (n->type.set[i] == v)
			return true;
	return false;
}

/* What changes nothing of an index but its default, which no element is. */
static Node *
function_of_default(Graph *g, Node *n)
{
	Node *pick = (Node *)n->type.root, *d;
	int64_t to = 0;

	if (!pick || pick == n || pick->op != OP_PICK || !n->type.image
	    || (d = pick->arg[1])->op != OP_CONST || !may_be(pick, d->k))
		return n;
	for (int k = 2; k < pick->narg; k++)
		if (may_be(pick->arg[k], d->k))
			return n;
	for (int i = 0; i < pick->type.nset; i++) {
		if (pick->type.set[i] == d->k)
			to = n->type.image[i];
		else if (n->type.image[i] != pick->type.set[i])
			return n;
	}
	return with_default(g, pick, mk_const(g, to));
}

static Node *
default1(Graph *g, Node *n, void *ctx)
{
	(void)ctx;
	if (n->op == OP_IF && !n->type.real)
		n = choice_as_default(g, n);
	return is_pointwise(n->op) && !of_reals(n) ? function_of_default(g, n) : n;
}

/* Needs, invalidates: nothing. */
void
pass_default(Graph *g, Diags *ds)
{
	(void)ds;
	rewrite(g, default1, NULL);
}

static Node *
pick1(Graph *g, Node *n, void *ctx)
{
	(void)ctx;
	return n->op == OP_PICK && !n->type.real ? one_index(g, n) : n;
}

/* Needs: default; finds more after size. Invalidates: nothing. */
void
pass_pick(Graph *g, Diags *ds)
{
	(void)ds;
	rewrite(g, pick1, NULL);
}
