/* assert e, "why".
 *
 * Where the ranges prove e, nothing is left to do; where they prove that it never holds, the
 * program is refused. Any other assertion goes into the graph, and the reference evaluator
 * checks it at every position of the texts that it is given.
 *
 * In a function that is called inside of a branch, e has to hold where the branch is taken;
 * inside of a where, for every position that is looked at. */

#include <string.h>

#include "frontend/lower/lower.h"

/* The condition to check: that e holds, or that one of the guards around the assertion fails. */
static Node *
where_it_counts(Lower *L, Node *e)
{
	for (const GuardFact *f = L->facts; f; f = f->up)
		if (f->cond)
			e = op2(L, OP_OR, f->holds ? op1(L, OP_NOT, f->cond) : f->cond, e);
	if (!e->two_sided)
		return e;
	Value *broken = v_pos(L, op1(L, OP_LATEST, op1(L, OP_NOT, e)), 0);
	return op1(L, OP_NOT, presence_node(L, broken));
}

static void
keep_assert(Lower *L, Node *e, const char *why)
{
	Graph *g = L->g;

	for (int i = 0; i < g->nassert; i++)
		if (g->assert[i].node == e && g->assert[i].span.lo == L->span.lo
		    && g->assert[i].file == L->file)
			return;
	GROW(L->arena, g->assert, L->cap_assert, g->nassert + 1);
	g->assert[g->nassert++] = (Assert){ e, L->span, L->file, why };
}

Value *
lower_assert(Lower *L, Env *env, const Ast *s)
{
	const char *why = s->kid[1] ? s->kid[1]->text : NULL;
	bool quiet = L->quiet;
	L->quiet = true; /* that the ranges prove it is what one asks for */
	Value *c = eval_bool(L, env, s->kid[0], "what is asserted");
	L->quiet = quiet;
	Node *e = c->kind == V_BOOL ? node_of(L, c) : NULL;

	if (!e)
		return c;
	Bounds b = bounds_here(L, e);
	if (b.never || b.lo == 1)
		return c;
	e = where_it_counts(L, e);
	if (e->type.hi == 0)
		return fail_at(L, s->kid[0]->span, "this never holds%s%s", why ? ": " : "",
		               why ? why : "");
	if (e->type.lo != 1)
		keep_assert(L, e, why);
	return c;
}
