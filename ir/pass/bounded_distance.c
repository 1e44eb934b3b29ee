/* A bound on the distance to the latest match becomes a few reads instead of a search: the
 * loop of the search, unrolled.
 *
 *     here - (latest j where C) > 2   is   "C failed here, one back and two back" */

#include "ir/internal.h"

enum {
	CHEAP_READS = 12, /* reads at fixed distances that are cheaper than a search */
	FREE_READS = 32,  /* most, if something is read from these distances anyway */
};

/* At which distances something is read anyway. */
typedef struct FixedReads {
	bool from[FREE_READS];
} FixedReads;

static FixedReads
find_fixed_reads(const Graph *g)
{
	FixedReads f = { 0 };

	for (int i = 0; i < g->nnode; i++) {
		const Node *n = g->node[i];
		if (n->op == OP_READ && n->arg[1]->op == OP_HERE && n->k <= 0 && n->k > -FREE_READS)
			f.from[-n->k] = true;
	}
	return f;
}

/* Are the last n positions as good as a search? */
static bool
are_cheaper(const FixedReads *f, int64_t n)
{
	return n >= 1 && (n <= CHEAP_READS || (n <= FREE_READS && f->from[n - 1]));
}

/* C as a stream, if n is here - (latest j where C), with -1 in place of a j that is absent; else
 * NULL. */
static Node *
distance_to_latest(Graph *g, const Node *n)
{
	if (n->op != OP_SUB || n->arg[0]->op != OP_INDEX)
		return NULL;
	const Node *r = n->arg[1];
	if (r->op != OP_READ || r->arg[0]->op != OP_INDEX || r->k || r->arg[1]->op != OP_LATEST)
		return NULL;
	if (r->arg[2]->op != OP_CONST || r->arg[2]->k != -1 || side(r->arg[1]->arg[0]) != ON_THERE)
		return NULL;
	return replace_there(g, r->arg[1]->arg[0], NULL);
}

/* Has C failed at the last n positions, and are there as many? */
static Node *
failed_at_last(Graph *g, const Node *at, Node *c, int64_t n)
{
	Node *arg[FREE_READS], *fails = mk_at(g, at, OP_NOT, c, NULL, NULL);
	Node *here = mk_at(g, at, OP_HERE, NULL, NULL, NULL);

	for (int i = 0; i < n; i++)
		arg[i] = mk_read(g, at, fails, here, mk_const(g, 0), -i);
	return mk(g, OP_AND, at->span, at->site, (int)n, arg, 0);
}

static Node *
bound_distance(Graph *g, Node *n, void *ctx)
{
	Node *c;

	if (n->op != OP_LT)
		return n;
	if (n->arg[0]->op == OP_CONST && are_cheaper(ctx, n->arg[0]->k + 1)
	    && (c = distance_to_latest(g, n->arg[1])))
		return failed_at_last(g, n, c, n->arg[0]->k + 1);
	if (n->arg[1]->op == OP_CONST && are_cheaper(ctx, n->arg[1]->k)
	    && (c = distance_to_latest(g, n->arg[0])))
		return mk_at(g, n, OP_NOT, failed_at_last(g, n, c, n->arg[1]->k), NULL, NULL);
	return n;
}

/* Needs: read_defaults, so that distances have a default of -1. Invalidates: nothing. */
void
pass_bounded_distance(Graph *g, Diags *ds)
{
	FixedReads reads = find_fixed_reads(g);

	(void)ds;
	if (!g->bidirectional) /* where the latest match may be ahead */
		rewrite_graph(g, bound_distance, &reads);
}
