/* The number of a position that was given by its number is that number, where it is there.
 *
 *     let source = at(1 + here - equals)
 *     exists(source) and source < equals     is     exists(source) and 1 + here - equals < equals
 *
 * What is compared with it then waits for no head that finds the position. */

#include "ir/internal.h"

enum { DEEPEST = 6 }; /* operators between a condition and the numbers that it asks for */

/* e, if n is 1 where there is a position e and 0 elsewhere; else NULL. Where e is in the embedding
 * the head that finds the position waits for nothing, and what is asked of it stays together. */
static Node *
number_that_exists(const Node *n)
{
	bool exists = n->op == OP_READ && n->arg[1]->op == OP_AT && !n->k && is_const(n->arg[0], 1)
	              && is_const(n->arg[2], 0);

	Node *e = exists ? n->arg[1]->arg[0] : NULL;
	return e && e->op != OP_CONST && !is_feature(e) ? e : NULL;
}

/* n with e for the number of position e. */
static Node *
with_number(Graph *g, Node *n, const Node *e, int depth)
{
	Node *arg[4];
	bool same = true;

	if (n->op == OP_READ && n->arg[0]->op == OP_INDEX && n->arg[1]->op == OP_AT && !n->k
	    && n->arg[1]->arg[0] == e)
		return (Node *)e;
	if (depth == DEEPEST || !is_pointwise(n->op) || n->two_sided || of_reals(n) || n->narg > 4)
		return n;
	for (int i = 0; i < n->narg; i++) {
		arg[i] = with_number(g, n->arg[i], e, depth + 1);
		same &= arg[i] == n->arg[i];
	}
	return same ? n : mk_like(g, n, arg);
}

/* The same in the operands first..narg-1 of n but `but`; n where that widens what it can be. */
static Node *
operands_with_number(Graph *g, Node *n, int first, int but, const Node *e)
{
	Node **arg = arena_alloc(g->arena, sizeof *arg * (size_t)n->narg);
	bool same = true;

	for (int i = 0; i < n->narg; i++) {
		arg[i] = i < first || i == but ? n->arg[i] : with_number(g, n->arg[i], e, 0);
		same &= arg[i] == n->arg[i];
	}
	Node *to = same ? n : mk_like(g, n, arg);
	return to->type.lo < n->type.lo || to->type.hi > n->type.hi ? n : to;
}

static Node *
in_conjunction(Graph *g, Node *n)
{
	for (int i = 0; n->op == OP_AND && i < n->narg; i++) {
		const Node *e = number_that_exists(n->arg[i]);
		Node *to = e ? operands_with_number(g, n, 0, i, e) : n;
		if (to != n) /* its operands may stand in another order */
			return in_conjunction(g, to);
	}
	return n;
}

/* In the branch that is taken where the condition holds. */
static Node *
in_branch(Graph *g, Node *n)
{
	const Node *cond = n->arg[0];
	int parts = cond->op == OP_AND ? cond->narg : 1;

	for (int i = 0; i < parts; i++) {
		const Node *e = number_that_exists(cond->op == OP_AND ? cond->arg[i] : cond);
		Node *yes = e ? with_number(g, n->arg[1], e, 0) : n->arg[1];
		if (yes == n->arg[1])
			continue;
		Node *to = mk_at(g, n, OP_IF, n->arg[0], yes, n->arg[2]);
		if (to->op != OP_IF)
			return to;
		if (to->type.lo >= n->type.lo && to->type.hi <= n->type.hi)
			n = to;
	}
	return n;
}

static Node *
without_number(Graph *g, Node *n, void *ctx)
{
	(void)ctx;
	if (n->two_sided || n->type.real)
		return n;
	return n->op == OP_AND ? in_conjunction(g, n) : n->op == OP_IF ? in_branch(g, n) : n;
}

/* Needs: read_defaults, which makes a read's default of a choice. Invalidates: nothing. */
void
pass_known_numbers(Graph *g, Diags *ds)
{
	(void)ds;
	rewrite_graph(g, without_number, NULL);
}
