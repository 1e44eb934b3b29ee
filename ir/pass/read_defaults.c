/* A choice by whether a reference is absent becomes the default of the read.
 *
 *     if exists(p) then index - index[p] else index + 1     is     index - index[p else -1] */

#include "ir/internal.h"

static bool
is_read_of(const Node *n, const Node *p, int64_t k)
{
	return n->op == OP_READ && n->arg[1] == p && n->k == k;
}

static Node *
read_with_default(Graph *g, Node *read, Node *d)
{
	return mk_read(g, read, read->arg[0], read->arg[1], d, read->k);
}

/* `if exists(p) then yes else no` is `yes` itself, if its READ of p can be given a default that
 * makes it equal to `no` where p is absent. */
static Node *
read_default(Graph *g, Node *n, void *ctx)
{
	(void)ctx;
	if (n->op != OP_IF || n->arg[0]->op != OP_READ || n->arg[0]->arg[0]->op != OP_CONST)
		return n;
	Node *there = n->arg[0], *yes = n->arg[1], *no = n->arg[2], *p = there->arg[1];
	if (there->arg[0]->k != 1 || there->arg[2]->op != OP_CONST || there->arg[2]->k != 0)
		return n;
	if (is_read_of(yes, p, there->k))
		return read_with_default(g, yes, no);
	Affine sum, rest;
	if (!affine_of(yes, &sum))
		return n;
	for (int i = 0; i < sum.n; i++) {
		Node *read = (Node *)sum.term[i].n;
		int64_t c = sum.term[i].c;
		if (!is_read_of(read, p, there->k) || !affine_of(no, &rest)
		    || !affine_add(&rest, -1, yes) || !affine_add(&rest, c, read) || rest.n
		    || rest.c % c)
			continue;
		Node *x = replaced_in_sum(g, yes, read,
		                          read_with_default(g, read, mk_const(g, rest.c / c)));
		return !x || x->type.lo < n->type.lo || x->type.hi > n->type.hi ? n : x;
	}
	return n;
}

/* Needs, invalidates: nothing. */
void
pass_read_defaults(Graph *g, Diags *ds)
{
	(void)ds;
	rewrite_graph(g, read_default, NULL);
}
