/* The passes, in the order they run, and how they walk the graph. A pass is a function
 * from graph to graph: nodes never change, so it adds nodes and redirects what the graph
 * answers with. */

#include "ir/internal.h"

#include <assert.h>
#include <string.h>

const Pass passes[] = {
	{ "join_extremes", pass_join_extremes, "the greatest of the greatest is one operator" },
	{ "forward_reads", pass_forward_reads,
	  "what is read where a reference points does not ask for it again" },
	{ "read_defaults", pass_read_defaults,
	  "what stands for an absent reference becomes a default" },
	{ "known_numbers", pass_known_numbers,
	  "the number of a position found by its number is not asked for" },
	{ "any_before", pass_any_before,
	  "whether there is an earlier match is asked of the first one" },
	{ "bounded_distance", pass_bounded_distance,
	  "the distance to the latest match becomes a few reads" },
	{ "push_down_reads", pass_push_down_reads, "reads move to the leaves of what is read" },
	{ "index_defaults", pass_index_defaults,
	  "a choice around an index becomes the default of the index" },
	{ "flatten_remainders", pass_flatten_remainders,
	  "chains of remainders and exclusive ors become one remainder" },
	{ "divide_terms", pass_divide_terms, "what a division does not mix stands outside of it" },
	{ "compare_dividends", pass_compare_dividends,
	  "a comparison with a quotient becomes one with its dividend" },
	{ "merge_selects", pass_merge_selects,
	  "a choice between results becomes a choice between arguments" },
	{ "flatten_carries", pass_flatten_carries,
	  "chains of carries become independent divisions" },
	{ "digit_count", pass_digit_count,
	  "the length of a number becomes comparisons of its column sums" },
	{ "fuse_indexing", pass_fuse_indexing,
	  "an index into a list of indexed lists becomes one index" },
	{ "carry_select", pass_carry_select,
	  "a long comparison chooses between results, not between what they are made of" },
	{ "carry_lookahead", pass_carry_lookahead,
	  "quotients and comparisons of long sums become several of short ones" },
	{ "modular_products", pass_modular_products,
	  "a product that only a remainder reads is made smaller" },
	{ NULL, NULL, NULL },
};

/* How many operands are visited: those of an AS are not, since the pass that made it has settled
 * how its value is computed. */
static int
mapped(const Node *n)
{
	return n->op == OP_AS ? 0 : n->narg;
}

/* Marks what the live ones of the first n nodes need. */
static void
spread(const Graph *g, char *live, int n)
{
	for (int i = n - 1; i >= 0; i--)
		for (int j = 0; live[i] && j < mapped(g->node[i]); j++)
			live[g->node[i]->arg[j]->id] = 1;
}

static char *
live_marks(const Graph *g, int n)
{
	char *live = arena_alloc(g->arena, (size_t)n + 1);

	for (int i = 0; g->emit && i < g->nfield; i++)
		live[g->emit[i]->id] = 1;
	for (int i = 0; i < g->noutput; i++)
		live[g->output[i].node->id] = 1;
	for (int i = 0; i < g->nnamed; i++)
		live[g->named[i].node->id] = 1;
	spread(g, live, n);
	return live;
}

static Node *
rebuild(Graph *g, Node *n, Node *const *map, Node **arg)
{
	bool same = true;

	for (int i = 0; i < n->narg; i++) {
		arg[i] = i < mapped(n) ? map[n->arg[i]->id] : n->arg[i];
		same &= arg[i] == n->arg[i];
	}
	if (same)
		return n;
	return mk_like(g, n, arg);
}

static void
redirect(Named *list, int n, Node *const *map)
{
	for (int i = 0; i < n; i++)
		list[i].node = map[list[i].node->id];
}

static Node **
map_live(Graph *g, Trail *trail, const char *live, int n, Node *(*visit)(Graph *, Node *, void *),
         void *ctx)
{
	int most = 0;
	Node **map = arena_alloc(g->arena, ((size_t)n + 1) * sizeof *map);

	for (int i = 0; i < n; i++)
		most = max_int(most, g->node[i]->narg);
	Node **arg = arena_alloc(g->arena, ((size_t)most + 1) * sizeof *arg);
	for (int i = 0; i < n; i++) {
		if (!live[i])
			continue;
		Node *same = rebuild(g, g->node[i], map, arg);
		map[i] = visit(g, same, ctx);
		if (trail && map[i] != same)
			trail_fired(g, trail, g->node[i]);
	}
	return map;
}

void
rewrite_graph(Graph *g, Node *(*visit)(Graph *, Node *, void *), void *ctx)
{
	int n = g->nnode;
	Node **map = map_live(g, trail_new(g), live_marks(g, n), n, visit, ctx);

	for (int i = 0; g->emit && i < g->nfield; i++)
		g->emit[i] = map[g->emit[i]->id];
	redirect(g->output, g->noutput, map);
	redirect(g->named, g->nnamed, map);
}

Node *
rewrite_node(Graph *g, Node *x, Node *(*visit)(Graph *, Node *, void *), void *ctx)
{
	int n = x->id + 1;
	char *live = arena_alloc(g->arena, (size_t)n);

	live[x->id] = 1;
	spread(g, live, n);
	return map_live(g, NULL, live, n, visit, ctx)[x->id];
}

typedef struct PassRun {
	Graph *g;
	Diags *ds;
	const char *dump;
	FILE *f;
} PassRun;

static void
run_each_pass(void *run)
{
	const PassRun *r = run;

	for (const Pass *p = passes; p->name; p++) {
		r->g->pass = p;
		p->run(r->g, r->ds);
		assert(graph_verify(r->g));
		if (r->dump && !strcmp(r->dump, p->name))
			graph_print(r->g, r->f);
	}
}

void
run_passes(Graph *g, Diags *ds, const char *dump, FILE *f)
{
	graph_protect(&g, ds, run_each_pass, &(PassRun){ g, ds, dump, f }, NULL);
}
