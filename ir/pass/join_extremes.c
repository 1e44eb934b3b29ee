/* max(max(a, b), c) is one operator of three operands, where the inner one is read by nothing else.
 *
 * Where nodes are made, MAX and MIN of MAX and MIN are not join_operands to one (mixes_extremes,
 * fold.c): in a network that sorts, each is read twice, and
 *
 *     max(max(a, b), min(c, d))        is one layer after those two, and one neuron; join_operands,
 * it would be made anew of a, b and min(c, d), and in each layer of the network of more than in the
 * one before
 *
 * But what has one reader is no step of its own. */

#include "ir/internal.h"
#include "lang/pointer_map.h"

#include <string.h>

/* The nodes that there were, in the order in which they are visited, and how many read each. */
typedef struct OperandReaders {
	int at;
	int *of;     /* (nnode) by id; 0: nothing needs it */
	Map joining; /* what those have become that one node reads */
} OperandReaders;

/* Names read nothing, and keep what they name. */
static int *
count_readers(Graph *g)
{
	int n, *readers = NEWS(g->arena, int, g->nnode + 1);
	Arena scratch = { 0 };
	Node **node = live_nodes(g, &scratch, &n);

	for (int i = 0; i < n; i++)
		for (int k = 0; k < node[i]->narg; k++)
			readers[node[i]->arg[k]->id] += 2;
	for (int i = 0; i < g->noutput; i++)
		readers[g->output[i].node->id] += 4; /* it is wanted by itself */
	for (int i = 0; g->emit && i < g->nfield; i++)
		readers[g->emit[i]->id] += 4;
	for (int i = 0; i < n; i++)
		readers[node[i]->id] |= 1;
	arena_free(&scratch);
	return readers;
}

/* Is the node that is being visited now read by one other? */
static bool
has_one_reader(OperandReaders *r)
{
	while (!r->of[r->at])
		r->at++;
	return r->of[r->at++] == 3;
}

static Node *
join_operands(Graph *g, OperandReaders *r, Node *n)
{
	int total = 0, m = 0;

	for (int i = 0; i < n->narg; i++) {
		const Node *x = n->arg[i];
		total += x->op == n->op && map_get(&r->joining, x) ? x->narg : 1;
	}
	if (total == n->narg || total > FLAT_MAX)
		return n;
	Node **arg = NEWS(g->arena, Node *, total);
	for (int i = 0; i < n->narg; i++) {
		Node *x = n->arg[i];
		bool join = x->op == n->op && map_get(&r->joining, x);
		memcpy(arg + m, join ? x->arg : &x, sizeof *arg * (size_t)(join ? x->narg : 1));
		m += join ? x->narg : 1;
	}
	return mk(g, n->op, n->span, n->site, total, arg, 0);
}

static Node *
join_extremes(Graph *g, Node *n, void *ctx)
{
	OperandReaders *r = ctx;
	bool one = has_one_reader(r), extreme = n->op == OP_MAX || n->op == OP_MIN;

	if (extreme)
		n = join_operands(g, r, n);
	if (extreme && one)
		map_put(g->arena, &r->joining, n, n);
	return n;
}

/* Needs: that nothing has been rewritten. Guarantees: no MAX or MIN is an operand of the same
 * alone. Invalidates: nothing. */
void
pass_join_extremes(Graph *g, Diags *ds)
{
	OperandReaders r = { .of = count_readers(g) };

	(void)ds;
	rewrite_graph(g, join_extremes, &r);
}
