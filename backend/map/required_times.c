/* Required times: what may be late.
 *
 * Some forms come in two ways, one a layer earlier and the other of fewer neurons. First the
 * whole program is mapped as early as can be. Then, as in the timing analysis of logic synthesis,
 * each node has an arrival time, the state in which it is ready, and a required time, the last
 * state in which it makes nothing later. What is required later than it arrives has slack, and in
 * a second mapping it is made in the cheaper way. */

#include "backend/map/map.h"

#include <limits.h>

int
deadline(const Circuit *c)
{
	const Effort *e = &c->effort;

	if (e->patient)
		return INT_MAX;
	return e->latest && c->node->id < e->nlatest ? e->latest[c->node->id] : -1;
}

static int
node_ready(const Circuit *c, const Node *n, const int *ready)
{
	const Form *f = n->id < c->capform ? c->form[n->id] : NULL;
	int last = 0;

	if (f)
		return f->ready;
	for (int i = 0; i < n->narg; i++) /* a reference: when what finds it is there */
		last = ready[n->arg[i]->id] > last ? ready[n->arg[i]->id] : last;
	return last;
}

static void
require_by(int *latest, const Node *n, int state)
{
	if (state < latest[n->id])
		latest[n->id] = state;
}

/* When the operands of n must be there, which are so `before` it is ready. Neurons read the state
 * that heads make as well as the one that neurons made. */
static int
latest_before(const Node *n, int latest, int ready, int before)
{
	int steps = ready - before;

	if (!is_pointwise(n->op) || steps <= 0 || ready % 2)
		return latest - steps;
	return latest / 2 * 2 - (steps + 1) / 2 * 2 + 1;
}

/* The required time of each node: (g->nnode) by id. */
static const int *
latest_states(Arena *arena, const Circuit *c, int depth)
{
	const Graph *g = c->g;
	int *ready = arena_alloc(arena, 2 * sizeof *ready * (size_t)g->nnode),
	    *latest = ready + g->nnode;

	for (int i = 0; i < g->nnode; i++) {
		ready[i] = node_ready(c, g->node[i], ready);
		latest[i] = depth;
	}
	for (int i = g->nnode - 1; i >= 0; i--) {
		const Node *n = g->node[i], *root = n->type.root;
		int before = root && root != n ? ready[root->id] : 0;
		for (int k = 0; k < n->narg; k++)
			before = ready[n->arg[k]->id] > before ? ready[n->arg[k]->id] : before;
		int state = latest_before(n, latest[i], ready[i], before);
		for (int k = 0; k < n->narg; k++)
			require_by(latest, n->arg[k], state);
		if (root && root != n)
			require_by(latest, root, state);
	}
	return latest;
}

int
circuit_depth(const Circuit *c)
{
	int depth = 0;

	for (int i = 0; c->emit && i < c->g->nfield; i++)
		depth = max_int(c->emit[i]->ready, depth);
	for (int i = 0; i < c->g->noutput; i++)
		depth = max_int(c->output[i]->ready, depth);
	return depth;
}

/* First everything as early as can be; if that took more neurons, again, with what
 * has time to spare made in the cheaper way. */
Circuit *
map(Graph *g, const struct Target *target, Arena *arena, Diags *diags, const Effort *effort)
{
	Arena *first = arena_child(arena), *second;
	Circuit *hurried = map_once(g, target, first, diags, effort);

	if (diags->nerror || !hurried->hurried || hurried->exhausted
	    || arena->taken > arena->most / 2) /* another would take as much again */
		return hurried;
	int depth = circuit_depth(hurried);
	Effort again = *effort;
	again.latest = latest_states(arena, hurried, depth);
	again.nlatest = g->nnode;
	second = arena_child(arena);
	Circuit *c = map_once(g, target, second, diags, &again);
	bool better = !c->exhausted && circuit_depth(c) <= depth;
	arena_free(better ? first : second);
	return better ? c : hurried;
}
