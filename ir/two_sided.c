/* What is two-sided: the conditions and summands of searches, which speak of two
 * positions.
 *
 * In `latest j where token[j] == token and j < here` the graph has THERE(TOKEN) for
 * token[j]. A node with a THERE below it has no value at one position alone; it is two-
 * sided, and stands only inside a search, which looks at every visible j in turn. Here:
 * which side a part speaks of, how a part is taken to one side, and what a search over j <
 * here becomes when it looks one position behind. */

#include "ir/internal.h"

Side
side(const Node *n)
{
	Side s = NEITHER;

	if (n->op == OP_THERE)
		return ON_THERE;
	if (!n->two_sided)
		return n->op == OP_CONST ? NEITHER : ON_HERE;
	for (int i = 0; i < n->narg; i++)
		s |= side(n->arg[i]);
	return s;
}

Node *
replace_there(Graph *g, Node *n, Node *with)
{
	if (n->op == OP_THERE)
		return with ? with : n->arg[0];
	if (!n->two_sided)
		return n;
	Node **arg = arena_alloc(g->arena, sizeof *arg * (size_t)n->narg);
	for (int i = 0; i < n->narg; i++)
		arg[i] = replace_there(g, n->arg[i], with);
	return mk_like(g, n, arg);
}

/* ---- sums over what is before ---- */

bool
is_before(const Node *c)
{
	return c->op == OP_LT && c->arg[0]->op == OP_THERE && c->arg[0]->arg[0]->op == OP_INDEX
	       && c->arg[1]->op == OP_INDEX;
}

bool
sum_before(Graph *g, const Node *sum, Node **all, Node **mine)
{
	Node *e = sum->arg[0], *c = sum->arg[1], *rest = mk_const(g, 1);
	int parts = c->op == OP_AND ? c->narg : 1;
	bool before = false;

	if (g->bidirectional)
		return false;
	for (int i = 0; i < parts; i++) {
		Node *part = c->op == OP_AND ? c->arg[i] : c;
		if (is_before(part))
			before = true;
		else
			rest = mk_at(g, sum, OP_AND, rest, part, NULL);
	}
	if (!before)
		return false;
	*all = mk_at(g, sum, OP_SUM, e, rest, NULL);
	Node *counted = replace_there(g, rest, NULL), *summand = replace_there(g, e, NULL);
	*mine = mk_at(g, sum, OP_IF, counted, summand, mk_const(g, 0));
	return true;
}

/* ---- one place behind ---- */

/* n with everything that it takes at j taken at j - 1 instead: each THERE(x) becomes THERE(x one
 * position back). */
static Node *
one_back_there(Graph *g, Node *n)
{
	if (n->op == OP_THERE) {
		Node *x = n->arg[0], *here = mk_at(g, n, OP_HERE, NULL, NULL, NULL);
		Node *before = mk_read(g, n, x, here, unread_value(g, x), -1);
		return mk_at(g, n, OP_THERE, before, NULL, NULL);
	}
	if (!n->two_sided)
		return n;
	Node **arg = arena_alloc(g->arena, sizeof *arg * (size_t)n->narg);
	for (int i = 0; i < n->narg; i++)
		arg[i] = one_back_there(g, n->arg[i]);
	return mk_like(g, n, arg);
}

Node *
one_behind(Graph *g, const Node *search)
{
	Node *c = condition_of(search), *cond = mk_const(g, 1), *arg[2];
	int parts = c->op == OP_AND ? c->narg : 1;
	bool bound = false;

	if (g->bidirectional)
		return NULL;
	for (int i = 0; i < parts; i++) {
		Node *lit = c->op == OP_AND ? c->arg[i] : c;
		bool before = is_before(lit);
		bound |= before;
		lit = before ? mk_at(g, lit, OP_LT, mk_const(g, 0), lit->arg[0], NULL)
		             : one_back_there(g, lit);
		cond = mk_at(g, search, OP_AND, cond, lit, NULL);
	}
	if (!bound)
		return NULL;
	arg[search->narg - 1] = cond;
	if (search->narg > 1)
		arg[0] = one_back_there(g, search->arg[0]);
	return mk_like(g, search, arg);
}

Node *
read_one_behind(Graph *g, const Node *read)
{
	Node *ref = read->arg[1], *behind;

	if (ref->op != OP_BEST
	    && ((ref->op != OP_LATEST && ref->op != OP_FIRST) || ref->arg[0]->op != OP_AND))
		return NULL;
	behind = one_behind(g, ref);
	return behind ? mk_read(g, read, read->arg[0], behind, read->arg[2], read->k - 1) : NULL;
}
