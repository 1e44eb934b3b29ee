/* Whether a condition holds somewhere before here is asked of the first place where it holds.
 *
 *     any(C and j < here for j)     is     index[first j where C else context] < index
 *
 * A search for C and j < here has to relate two places, and where C compares token[j] with the
 * token here, which j < here leaves out, two heads one after the other. The first place is found by
 * one head, and the comparison with it is a neuron of the same layer. */

#include "ir/internal.h"

/* n is j < e for an e of this position, as far as that is visible; else NULL. */
static Node *
bound_before(const Node *n)
{
	bool place = n->op == OP_LT && n->arg[0]->op == OP_THERE
	             && n->arg[0]->arg[0]->op == OP_INDEX;

	return place && !n->arg[1]->two_sided && is_feature(n->arg[1]) ? n->arg[1] : NULL;
}

/* The conjunction without its part number `at`; NULL if there is no other part. */
static Node *
without_part(Graph *g, const Node *cond, int at)
{
	Node *rest = NULL;

	for (int i = 0; i < cond->narg; i++)
		if (i != at)
			rest = rest ? mk_at(g, cond, OP_AND, rest, cond->arg[i], NULL)
			            : cond->arg[i];
	return rest;
}

static Node *
any_before(Graph *g, Node *n, void *ctx)
{
	Node *p = n->op == OP_READ ? n->arg[1] : NULL;

	(void)ctx;
	if (!p || p->op != OP_LATEST || n->k || n->arg[0]->op != OP_CONST || n->arg[0]->k != 1
	    || n->arg[2]->op != OP_CONST || n->arg[2]->k != 0)
		return n;
	const Node *cond = p->arg[0];
	for (int i = 0; cond->op == OP_AND && i < cond->narg; i++) {
		Node *bound = bound_before(cond->arg[i]), *rest = NULL;
		if (bound)
			rest = without_part(g, cond, i);
		if (!rest || !rest->two_sided || bound->type.hi > g->context)
			continue;
		Node *first = mk_at(g, p, OP_FIRST, rest, NULL, NULL),
		     *index = mk_at(g, n, OP_INDEX, NULL, NULL, NULL),
		     *place = mk_read(g, n, index, first, mk_const(g, g->context), 0);
		return mk_at(g, n, OP_LT, place, bound, NULL);
	}
	return n;
}

/* Needs: nothing; reads that push_down_reads would move are gone where this has come first.
 * Invalidates: nothing. */
void
pass_any_before(Graph *g, Diags *ds)
{
	(void)ds;
	rewrite_graph(g, any_before, NULL);
}
