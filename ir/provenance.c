/* Which passes shaped a named value: what `twc explain` calls its rules.
 *
 * A pass puts new nodes in the place of old ones, and nodes are shared, so a rewrite of
 * one node shapes every value whose expression contains it. Each walk of a pass is
 * recorded (Trail): the nodes that the names stood for before it, and the nodes that it
 * replaced. The expression of a value is what lies between its node and the nodes of other
 * names. */

#include "ir/internal.h"

#include <string.h>

Trail *
trail_new(Graph *g)
{
	GROW(g->arena, g->trail, g->captrail, g->ntrail + 1);
	Trail *s = &g->trail[g->ntrail++];
	*s = (Trail){ .pass = g->pass, .named = NEWS(g->arena, Node *, g->nnamed + 1) };
	for (int i = 0; i < g->nnamed; i++)
		s->named[i] = g->named[i].node;
	return s;
}

void
trail_fired(Graph *g, Trail *s, const Node *n)
{
	GROW(g->arena, s->fired, s->capfired, s->nfired + 1);
	s->fired[s->nfired++] = n;
}

enum { OUTSIDE, INSIDE, NAME, OPERAND };

/* Marks, by id, the nodes of top's expression (INSIDE), down to nodes that have names, which are
 * its operands (OPERAND). */
static char *
expression(Arena *arena, const Graph *g, Node *const *named, const Node *top)
{
	char *mark = arena_alloc(arena, (size_t)g->nnode + 1);

	mark[top->id] = INSIDE;
	for (int i = 0; i < g->nnamed; i++)
		if (named[i] != top && named[i]->op != OP_CONST && named[i]->op != OP_HERE)
			mark[named[i]->id] = NAME;
	for (int i = top->id; i >= 0; i--) {
		const Node *n = g->node[i];
		for (int k = 0; mark[i] == INSIDE && k < n->narg; k++)
			if (mark[n->arg[k]->id] == OUTSIDE || mark[n->arg[k]->id] == NAME)
				mark[n->arg[k]->id] +=
					1; /* OUTSIDE becomes INSIDE, NAME becomes OPERAND */
	}
	return mark;
}

void
rules_of(const Graph *g, int named, int *count)
{
	for (int p = 0; passes[p].name; p++)
		count[p] = 0;
	for (int i = 0; i < g->ntrail; i++) {
		const Trail *s = &g->trail[i];
		Arena scratch = { 0 };
		char *mark = expression(&scratch, g, s->named, s->named[named]);
		for (int k = 0; k < s->nfired; k++)
			count[s->pass - passes] += mark[s->fired[k]->id] == INSIDE;
		arena_free(&scratch);
	}
}

int *
operands_of(const Graph *g, int named, int *n)
{
	Node **node = NEWS(g->arena, Node *, g->nnamed + 1);
	int *list = NEWS(g->arena, int, g->nnamed + 1);

	for (int i = 0; i < g->nnamed; i++)
		node[i] = g->named[i].node;
	char *mark = expression(g->arena, g, node, node[named]);
	*n = 0;
	for (int i = 0; i < g->nnamed; i++) {
		if (mark[node[i]->id] != OPERAND)
			continue;
		mark[node[i]->id] = NAME; /* an alias is said once */
		list[(*n)++] = i;
	}
	return list;
}
