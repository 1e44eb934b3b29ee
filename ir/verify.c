/* The verifier: all that ir.h promises of a graph, each rule once and in plain words.
 *
 * What a node's operands and the graph's header decide is also asked of a draft, before it
 * is built from text (node_fault). What building adds, the type and the place in the
 * graph, is asked of every node that stands (graph_fault). */

#include "ir/internal.h"

#include <string.h>

#define RULE(holds, said) \
	do { \
		if (!(holds)) \
			return said; \
	} while (0)

/* ---- of a draft: NULL, or the rule that is broken ---- */

static const char *
operand_fault(const Node *n)
{
	int want = op_info[n->op].nargs;

	RULE(want < 0 ? n->narg > 0 : n->narg == want, "wrong number of operands");
	RULE(n->op != OP_PICK || n->narg >= 2, "PICK takes an index and a default");
	RULE(n->op != OP_ATTEND || n->narg % 2, "ATTEND has a key to each query");
	for (int i = 0; i < n->narg; i++)
		RULE(is_reference(n->arg[i]->op) == (n->op == OP_READ && i == 1),
		     "READ takes a reference second, nothing else takes one");
	return NULL;
}

static int
reals_wanted(const Node *n)
{
	switch (n->op) {
	case OP_LINEAR: return n->narg + 1;
	case OP_REAL:
	case OP_MEAN:
	case OP_APPROX: return 1;
	default: return n->nreal;
	}
}

/* k, the table, the numbers. */
static const char *
attribute_fault(const Graph *g, const Node *n)
{
	Attr attr = op_info[n->op].attr;

	RULE(attr != A_NONE || !n->k, "this operator has no k");
	RULE(attr == A_TABLE || !n->ntable, "this operator has no table");
	RULE(attr != A_TABLE || n->ntable > 0, "a table has entries");
	RULE(attr == A_REALS || !n->nreal, "this operator has no numbers");
	RULE(attr != A_REALS || n->nreal > 0, "expected numbers");
	RULE(n->nreal == reals_wanted(n), "wrong number of reals");
	switch (n->op) {
	case OP_TOKEN: RULE(n->k >= 0 && n->k < g->nfield, "a token has no such field"); break;
	case OP_LEARNED:
		RULE(n->k >= 0 && n->k < g->nchosen,
		     g->nchosen ? "there is no such learned value"
		                : "what gives this value is learned, which a .twg does not have");
		break;
	case OP_INPUT: RULE(n->k >= 0 && n->k < g->ninput, "there is no such input"); break;
	case OP_CURVE:
		RULE(n->k >= 0 && n->k < NUM_CURVES
		             && curve_has((CurveKind)n->k, node_min(n->arg[0]),
		                          node_max(n->arg[0])),
		     "there is no such function of this");
		break;
	case OP_APPROX: RULE(n->real[0].x > 0, "how near is a number above 0"); break;
	case OP_VALUES:
		RULE(n->arg[0]->type.lo >= n->k && n->arg[0]->type.hi - n->k < n->nreal,
		     "VALUES has a number for each value");
		break;
	default: break;
	}
	return NULL;
}

/* An AT may be two-sided, since a READ may not: nobody reads where it points. */
static const char *
side_fault(const Node *n)
{
	for (int i = 0; i < n->narg && has_trait(n->op, T_ONE_SIDED); i++)
		RULE(!n->arg[i]->two_sided, "this would relate three positions");
	return NULL;
}

static const char *
condition_fault(const Node *n)
{
	bool all = has_trait(n->op, T_CONDITIONS);

	for (int i = 0; i < n->narg; i++)
		if (all || (n->op == OP_IF && i == 0) || (is_search(n->op) && i == n->narg - 1))
			RULE(is_bool(n->arg[i]), "a condition is 0 or 1");
	return NULL;
}

static const Node *
first_chosen(const Node *n)
{
	return n->arg[!is_chosen(n, 0)];
}

/* Where reals and integers may stand: what a node is one of is all real, or none of it. */
static const char *
real_fault(const Node *n)
{
	for (int i = 0; i < n->narg; i++) {
		bool real = n->arg[i]->type.real;
		if (has_trait(n->op, T_CHOOSES) && is_chosen(n, i))
			RULE(real == first_chosen(n)->type.real, "real and integer side by side");
		else if (!has_trait(n->op, T_MIXES))
			RULE(real == has_trait(n->op, T_OF_REALS),
			     "a real where it has no meaning");
	}
	return NULL;
}

const char *
node_fault(const Graph *g, const Node *n)
{
	const char *fault = operand_fault(n);

	if (!fault)
		fault = attribute_fault(g, n);
	if (!fault)
		fault = side_fault(n);
	if (!fault)
		fault = condition_fault(n);
	return fault ? fault : real_fault(n);
}

/* ---- of a node that stands: what building adds ---- */

static const char *
place_fault(const Graph *g, const Node *n, int id)
{
	bool any = false;

	RULE(n->id == id, "id is not its place");
	RULE(n->site >= 0 && (n->site == 0 || n->site < g->nsite), "no such site");
	for (int i = 0; i < n->narg; i++) {
		const Node *x = n->arg[i];
		RULE(x->id >= 0 && x->id < n->id && g->node[x->id] == x, "operand not made before");
		any |= x->two_sided;
	}
	RULE(n->two_sided == (n->op == OP_THERE || (any && !is_search(n->op))),
	     "two_sided is wrong");
	RULE(n->hash == node_hash(n), "hash");
	return NULL;
}

static const char *
set_fault(const Node *n)
{
	const Type *t = &n->type;
	int max = has_trait(n->op, T_WIDE_SET) ? ROOT_MAX : SET_MAX;

	RULE(t->lo <= t->hi && (!t->real || t->min <= t->max), "empty interval");
	RULE(t->nset >= 0 && t->nset <= max, "set too large");
	RULE(!t->nset == !t->set, "set without values");
	if (!t->nset)
		return NULL;
	RULE(t->set[0] == t->lo && t->set[t->nset - 1] == t->hi, "set and interval differ");
	for (int i = 1; i < t->nset; i++)
		RULE(t->set[i - 1] < t->set[i], "set not ascending");
	return NULL;
}

static const char *
root_fault(const Graph *g, const Node *n)
{
	const Type *t = &n->type, *r = t->root ? &t->root->type : NULL;

	if (n->op == OP_CONST) {
		RULE(!r && t->nset == 1 && t->lo == n->k, "type of a constant");
		return NULL;
	}
	RULE(!r == !t->image, "root without image");
	RULE(r || !t->nset, "set without root");
	if (!r)
		return NULL;
	RULE(g->node[t->root->id] == t->root && t->root->id <= n->id, "root not made before");
	RULE(r->root == t->root && r->nset, "root is not its own root");
	RULE(t->root != n || !memcmp(t->image, t->set, (size_t)t->nset * sizeof *t->set),
	     "own image is not the set");
	for (int i = 0; i < r->nset; i++)
		RULE(t->image[i] >= t->lo && t->image[i] <= t->hi, "image leaves the interval");
	return NULL;
}

static const char *
type_fault(const Graph *g, const Node *n)
{
	const char *fault = set_fault(n);

	RULE(!has_trait(n->op, T_CHOOSES) || n->type.real == first_chosen(n)->type.real,
	     "real and integer side by side");
	return fault ? fault : root_fault(g, n);
}

/* Two equal nodes have one hash, so they would meet in a hash table. */
static const Node *
made_twice(const Graph *g)
{
	size_t cap = 16;

	while (cap < 2 * (size_t)g->nnode)
		cap *= 2;
	Arena arena = { 0 };
	const Node **slot = arena_alloc(&arena, cap * sizeof *slot);
	const Node *twice = NULL;
	for (int i = 0; i < g->nnode && !twice; i++) {
		size_t at = g->node[i]->hash & (cap - 1);
		while (slot[at] && !node_equal(slot[at], g->node[i]))
			at = (at + 1) & (cap - 1);
		if (slot[at])
			twice = g->node[i];
		slot[at] = g->node[i];
	}
	arena_free(&arena);
	return twice;
}

/* ---- of the graph ---- */

const char *
answer_fault(const Node *n, Kind kind)
{
	RULE(!n->two_sided, "an answer is at one position");
	RULE(is_reference(n->op) == (kind == K_POS), "a pos is a reference, and nothing else is");
	RULE(n->type.real == (kind == K_REAL), "what is real is named real, and nothing else is");
	return NULL;
}

static const char *
named_fault(const Graph *g, const Named *list, int n, const Node **at)
{
	for (int i = 0; i < n; i++) {
		const Node *x = *at = list[i].node;
		RULE(x && x->id >= 0 && x->id < g->nnode && g->node[x->id] == x,
		     "named, but not in the graph");
		RULE(!list[i].nmember || list[i].kind == K_INT, "an enum is a number");
		const char *fault = answer_fault(x, list[i].kind);
		if (fault)
			return fault;
	}
	return NULL;
}

static const char *
emit_fault(const Graph *g, const Node **at)
{
	for (int i = 0; g->emit && i < g->nfield; i++) {
		const char *fault = answer_fault(*at = g->emit[i], K_TOKEN);
		if (fault)
			return fault;
	}
	return NULL;
}

/* The fields share out the rows of the vocabulary. */
static const char *
header_fault(const Graph *g)
{
	int next = 0;

	RULE(g->context > 0, "there is no context");
	RULE(g->nvocab >= 0, "there is no vocabulary");
	RULE(!g->ninput || (!g->nvocab && !g->emit), "a graph is fed tokens or numbers");
	RULE(g->nfield > 0 && (g->field || g->nfield == 1), "there are no fields");
	for (int i = 0; g->field && i < g->nfield; next += g->field[i++].n)
		RULE(g->field[i].first == next && g->field[i].n > 0,
		     "the fields are not side by side");
	RULE(!g->field || next == g->nvocab, "the fields do not share out the whole vocabulary");
	return NULL;
}

const char *
graph_fault(const Graph *g, const Node **at)
{
	const char *fault = header_fault(g);

	*at = NULL;
	for (int i = 0; i < g->nnode && !fault; i++) {
		const Node *n = *at = g->node[i];
		RULE(n->op >= 0 && n->op < NUM_OPS, "no such operator");
		fault = node_fault(g, n);
		if (!fault)
			fault = place_fault(g, n, i);
		if (!fault)
			fault = type_fault(g, n);
	}
	if (fault)
		return fault;
	*at = made_twice(g);
	RULE(!*at, "made twice");
	if ((fault = emit_fault(g, at)) || (fault = named_fault(g, g->output, g->noutput, at))
	    || (fault = named_fault(g, g->named, g->nnamed, at)))
		return fault;
	return NULL;
}

bool
graph_verify(const Graph *g)
{
	const Node *at;
	const char *fault = graph_fault(g, &at);

	if (fault && at)
		fprintf(stderr, "graph: n%d (%s): %s\n", at->id,
		        at->op < NUM_OPS ? op_info[at->op].name : "?", fault);
	else if (fault)
		fprintf(stderr, "graph: %s\n", fault);
	return !fault;
}
