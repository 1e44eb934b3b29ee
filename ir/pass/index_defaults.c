/* A choice around an index becomes the default of the index.
 *
 *     if t == <end> then ' ' else t for t = d[k else <end>]   is   d[k else ' ']
 *
 *     if k < m then d[m - 1 - k else 0] else <end>            is   d[m - 1 - k else <end>]
 *
 * The second where the index is out of range just where the test fails. */

#include "ir/internal.h"

#include <string.h>

static Node *
pick_with_default(Graph *g, const Node *pick, Node *d)
{
	Node **arg = arena_alloc(g->arena, sizeof *arg * (size_t)pick->narg);

	memcpy(arg, pick->arg, sizeof *arg * (size_t)pick->narg);
	arg[1] = d;
	return mk(g, OP_PICK, pick->span, pick->site, pick->narg, arg, 0);
}

/* Is the index inside of its list just where the condition is `want`? */
static bool
inside_where(const Node *pick, const Node *cond, bool want)
{
	const Type *i = &pick->arg[0]->type, *c = &cond->type;

	if (!i->root || i->root != c->root || !i->image || !c->image)
		return false;
	for (int v = 0; v < i->root->type.nset; v++)
		if ((i->image[v] >= 0 && i->image[v] < pick_length(pick)) != (c->image[v] == want))
			return false;
	return true;
}

static Node *
choice_as_default(Graph *g, Node *n)
{
	for (int no = 0; no < 2; no++)
		if (n->arg[1 + no]->op == OP_PICK && inside_where(n->arg[1 + no], n->arg[0], !no))
			return pick_with_default(g, n->arg[1 + no], n->arg[2 - no]);
	return n;
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

/* A function of an indexed element that changes the default alone, where no element is equal to the
 * default: the PICK with that default. */
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
	return pick_with_default(g, pick, mk_const(g, to));
}

static Node *
index_default(Graph *g, Node *n, void *ctx)
{
	(void)ctx;
	if (n->op == OP_IF && !n->type.real)
		n = choice_as_default(g, n);
	return is_pointwise(n->op) && !of_reals(n) ? function_of_default(g, n) : n;
}

/* Needs, invalidates: nothing. */
void
pass_index_defaults(Graph *g, Diags *ds)
{
	(void)ds;
	rewrite_graph(g, index_default, NULL);
}
