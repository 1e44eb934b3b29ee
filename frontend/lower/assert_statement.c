/* assert e, "why".
 *
 * Where the ranges prove e, nothing is left to do; where they prove that it never holds, the
 * program is refused. Any other assertion goes into the graph, and the reference evaluator
 * checks it at every position of the texts that it is given.
 *
 * `only j where C` promises that one position at most matches: an assert too, without which what
 * the compiled model reads is the mean of two.
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
keep_assert(Lower *L, Assert a)
{
	Graph *g = L->g;

	a.span = L->span;
	a.file = L->file;
	for (int i = 0; i < g->nassert; i++)
		if (g->assert[i].node == a.node && g->assert[i].span.lo == a.span.lo
		    && g->assert[i].file == a.file)
			return;
	GROW(L->arena, g->assert, L->cap_assert, g->nassert + 1);
	g->assert[g->nassert++] = a;
}

/* The guards around it become part of the condition: where a branch is not taken nothing matches,
 * so that the promise holds at every position. */
Node *
assert_one_match(Lower *L, Node *cond)
{
	for (const GuardFact *f = L->facts; f; f = f->up)
		if (f->cond && !f->cond->two_sided)
			cond = op2(L, OP_AND, cond, f->holds ? f->cond : op1(L, OP_NOT, f->cond));
	Node *index = op0(L, OP_INDEX), *none = constant(L, -1),
	     *first = op3(L, OP_READ, index, op1(L, OP_FIRST, cond), none, 0),
	     *last = op3(L, OP_READ, index, op1(L, OP_LATEST, cond), none, 0),
	     *same = op2(L, OP_EQ, first, last);
	if (same->type.lo != 1)
		keep_assert(L, (Assert){ .node = same, .match = { first, last } });
	return cond;
}

void
assert_one_holds(Lower *L, int n, Value *const *cond)
{
	Node *count = constant(L, 0);

	for (int i = 0; i < n; i++)
		count = op2(L, OP_ADD, count, node_of(L, cond[i]));
	Node *e = where_it_counts(L, op2(L, OP_LT, count, constant(L, 2)));
	if (e->type.lo != 1)
		keep_assert(L, (Assert){ .node = e, .why = "two numbers match this 'only'" });
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

	if (c->kind == V_MASK)
		return fail_at(
			L, s->kid[0]->span,
			"what is asserted is proved or checked exactly; of floats nothing is");
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
		keep_assert(L, (Assert){ .node = e, .why = why });
	return c;
}
