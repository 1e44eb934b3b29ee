/* A canonical order of the nodes, decided by what the program means and not by how its
 * source is laid out: a postorder walk from the outputs, operand by operand, then from
 * what only names need, ordered by the hashes of its content. Two sources whose
 * independent lines are in another order then give the same weights, because whatever
 * chooses among equals takes the first. */

#include "ir/internal.h"

#include <stdlib.h>

typedef struct CanonicalOrder {
	const Graph *g;
	Arena *arena; /* of what is needed on the way */
	int n;
	Node **node;  /* (n) those that have their place */
	char *placed; /* (nnode) by id */
	Node **stack; /* (nnode) those being placed, each an operand of the one below */
	int *next;    /* (nnode) the operand to look at, for each of the stack */
} CanonicalOrder;

static void
order_below(CanonicalOrder *o, Node *root)
{
	int depth = 0;

	if (o->placed[root->id])
		return;
	o->stack[depth] = root;
	o->next[depth++] = 0;
	while (depth) {
		Node *n = o->stack[depth - 1];
		if (o->next[depth - 1] == n->narg) {
			if (!o->placed[n->id])
				o->node[o->n++] = n;
			o->placed[n->id] = 1;
			depth--;
			continue;
		}
		Node *x = n->arg[o->next[depth - 1]++];
		if (o->placed[x->id])
			continue;
		o->stack[depth] = x;
		o->next[depth++] = 0;
	}
}

static int
by_hash(const void *a, const void *b)
{
	const Node *x = *(Node *const *)a, *y = *(Node *const *)b;

	return (x->hash > y->hash) - (x->hash < y->hash);
}

static void
order_named(CanonicalOrder *o)
{
	const Graph *g = o->g;
	Node **root = NEWS(o->arena, Node *, g->nnamed + 1);

	for (int i = 0; i < g->nnamed; i++)
		root[i] = g->named[i].node;
	qsort(root, (size_t)g->nnamed, sizeof *root, by_hash);
	for (int i = 0; i < g->nnamed; i++)
		order_below(o, root[i]);
}

static CanonicalOrder
live_in_order(const Graph *g, Arena *arena)
{
	CanonicalOrder o = { .g = g,
		             .arena = arena,
		             .node = NEWS(arena, Node *, g->nnode + 1),
		             .placed = NEWS(arena, char, g->nnode + 1),
		             .stack = NEWS(arena, Node *, g->nnode + 1),
		             .next = NEWS(arena, int, g->nnode + 1) };

	for (int i = 0; g->emit && i < g->nfield; i++)
		order_below(&o, g->emit[i]);
	for (int i = 0; i < g->noutput; i++)
		order_below(&o, g->output[i].node);
	order_named(&o);
	return o;
}

Node **
live_nodes(const Graph *g, Arena *arena, int *n)
{
	CanonicalOrder o = live_in_order(g, arena);

	*n = o.n;
	return o.node;
}

void
graph_order(Graph *g)
{
	CanonicalOrder o = live_in_order(g, g->arena);

	for (int i = 0; i < g->nnode; i++) /* and what nothing needs, behind */
		order_below(&o, g->node[i]);
	for (int i = 0; i < o.n; i++) {
		g->node[i] = o.node[i];
		g->node[i]->id = i;
	}
}
