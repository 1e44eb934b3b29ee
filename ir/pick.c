/* One run-time index instead of two.
 *
 *     if k < m then d[m - 1 - k else 0] else <end>     the index is out of range just
 *                                                      where the test fails: <end> is its default
 *     [d[m - 1 - k else <end>] for k in 0..<n][i]      is d[m - 1 - i else <end>]
 *
 * The second also where the list is read at another position: then m and d are read
 * there, and the one index that is left is computed here. */

#include "ir/impl.h"

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

/* Element k of the outer list: the inner PICK, and the place it is read at. */
typedef struct Inner {
	Node *pick, *p;         /* p: NULL where it is here */
} Inner;

static Inner
inner_of(Node *e, const Node *d)
{
	Inner in = { e, NULL };

	if (e->op == OP_READ && !e->k && e->arg[2] == d)
		in = (Inner){ e->arg[0], e->arg[1] };
	if (in.pick->op != OP_PICK || (in.pick->arg[1] != d && !always_inside(in.pick)))
		in.pick = NULL;
	return in;
}

static bool
same_list(const Node *a, const Node *b)
{
	return a->narg == b->narg && !memcmp(a->arg + 2, b->arg + 2, sizeof *a->arg * (size_t)length(a));
}

/* Index of element k is that of element 0, less k. */
static bool
counts_down(const Node *first, const Node *other, int k)
{
	Affine a;

	return affine_of(first->arg[0], &a) && affine_add(&a, -1, other->arg[0]) && a.n == 0 && a.c == k;
}

static Node *
read_there(Graph *g, const Node *at, Node *x, Node *p, int64_t d)
{
	Node *arg[3] = { x, p, mk_const(g, d) };

	return p ? mk(g, OP_READ, at->span, at->file, 3, arg, 0) : x;
}

static Node *
one_index(Graph *g, Node *n)
{
	Node *i = n->arg[0], *d = n->arg[1];
	Inner first = inner_of(n->arg[2], d);

	if (!first.pick || d->op != OP_CONST || i->type.lo < 0 || first.pick->arg[0]->type.hi >= length(n))
		return n;
	for (int k = 1; k < length(n); k++) {
		Inner in = inner_of(n->arg[k + 2], d);
		if (!in.pick || in.p != first.p || !same_list(in.pick, first.pick) || !counts_down(first.pick, in.pick, k))
			return n;
	}
	int m = length(first.pick);
	Node **arg = arena_alloc(g->arena, sizeof *arg * (size_t)(m + 2));
	Node *base[2] = { read_there(g, n, first.pick->arg[0], first.p, -1), i };
	arg[0] = mk(g, OP_SUB, n->span, n->file, 2, base, 0);
	arg[1] = d;
	for (int k = 0; k < m; k++)
		arg[k + 2] = read_there(g, n, first.pick->arg[k + 2], first.p, first.pick->arg[k + 2]->type.lo);
	return mk(g, OP_PICK, n->span, n->file, m + 2, arg, 0);
}

static Node *
pick1(Graph *g, Node *n, void *ctx)
{
	(void)ctx;
	if (n->op == OP_IF)
		return choice_as_default(g, n);
	return n->op == OP_PICK ? one_index(g, n) : n;
}

/* Needs: nothing; finds more after size. Invalidates: nothing. */
void
pass_pick(Graph *g, Diags *ds)
{
	(void)ds;
	rewrite(g, pick1, NULL);
}
