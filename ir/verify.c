/* Checks what ir.h promises of a graph. A line a rule; the first that fails is
 * printed with its node. */

#include "ir/internal.h"

#include <string.h>

static bool
verify_fail(const Node *n, const char *rule)
{
	if (n)
		fprintf(stderr, "graph: n%d (%s): %s\n", n->id,
		        n->op < NUM_OPS ? op_info[n->op].name : "?", rule);
	else
		fprintf(stderr, "graph: %s\n", rule);
	return false;
}

#define CHECK(n, what, rule) \
	do { \
		if (!(what)) \
			return verify_fail(n, rule); \
	} while (0)

static bool
verify_operands(const Graph *g, const Node *n)
{
	const OpInfo *op = &op_info[n->op];

	CHECK(n, op->nargs < 0 ? n->narg > 0 : n->narg == op->nargs, "wrong number of operands");
	CHECK(n, n->op != OP_PICK || n->narg >= 2, "PICK without index or default");
	for (int i = 0; i < n->narg; i++) {
		const Node *x = n->arg[i];
		bool wants = n->op == OP_READ && i == 1;
		CHECK(n, x->id >= 0 && x->id < n->id && g->node[x->id] == x,
		      "operand not made before");
		CHECK(n, is_reference(x->op) == wants,
		      wants ? "READ without a reference" : "a reference is not a number");
	}
	CHECK(n, op->attr == A_TABLE ? n->ntable > 0 && n->table : !n->ntable, "table");
	CHECK(n, op->attr == A_REALS ? n->nreal > 0 && n->real : !n->nreal, "reals");
	CHECK(n, n->op != OP_LINEAR || n->nreal == n->narg + 1,
	      "LINEAR has a number an operand, and one more");
	CHECK(n,
	      n->op != OP_VALUES
	              || (n->arg[0]->type.lo >= n->k && n->arg[0]->type.hi - n->k < n->nreal),
	      "VALUES without a value");
	CHECK(n, op->attr != A_NONE || n->k == 0, "has a k");
	return true;
}

static bool
verify_sides(const Node *n)
{
	bool any = false;

	for (int i = 0; i < n->narg; i++)
		any |= n->arg[i]->two_sided;
	/* what an AT finds there nobody reads */
	if (n->op == OP_THERE || n->op == OP_READ || n->op == OP_ATTEND)
		CHECK(n, !any, "relates three positions");
	bool expect = n->op == OP_THERE || (any && !is_search(n->op));
	CHECK(n, n->two_sided == expect, "two_sided is wrong");
	return true;
}

static bool
verify_bools(const Node *n)
{
	switch (n->op) {
	case OP_AND:
	case OP_OR:
	case OP_NOT:
		for (int i = 0; i < n->narg; i++)
			CHECK(n, is_bool(n->arg[i]), "operand is not a bool");
		return true;
	case OP_IF: CHECK(n, is_bool(n->arg[0]), "condition is not a bool"); return true;
	case OP_LATEST:
	case OP_FIRST:
	case OP_BEST:
	case OP_SUM:
	case OP_MEAN: CHECK(n, is_bool(condition_of(n)), "condition is not a bool"); return true;
	default: return true;
	}
}

/* What a node is one of is all real, or none of it. */
static bool
verify_reals(const Node *n)
{
	bool chooses = n->op == OP_IF || n->op == OP_PICK || n->op == OP_READ;

	for (int i = 0; i < n->narg; i++) {
		bool real = n->arg[i]->type.real;
		bool chosen = n->op == OP_READ ? i != 1 : i >= 1;
		if (chooses && chosen)
			CHECK(n, real == n->type.real, "real and integer side by side");
		else if (!op_mixes_reals(n->op))
			CHECK(n, real == (n->op == OP_ABOVE || n->op == OP_FLOOR),
			      "a real where it has no meaning");
	}
	CHECK(n, !n->type.real || n->type.min <= n->type.max, "empty interval");
	return true;
}

static bool
verify_set(const Node *n)
{
	const Type *t = &n->type;
	int max = n->op == OP_TOKEN || n->op == OP_INDEX || n->op == OP_THERE ? ROOT_MAX : SET_MAX;

	CHECK(n, t->lo <= t->hi, "empty interval");
	CHECK(n, t->nset >= 0 && t->nset <= max, "set too large");
	CHECK(n, !t->nset == !t->set, "set without values");
	if (!t->nset)
		return true;
	CHECK(n, t->set[0] == t->lo && t->set[t->nset - 1] == t->hi, "set and interval differ");
	for (int i = 1; i < t->nset; i++)
		CHECK(n, t->set[i - 1] < t->set[i], "set not ascending");
	return true;
}

static bool
verify_root(const Graph *g, const Node *n)
{
	const Type *t = &n->type, *r = t->root ? &t->root->type : NULL;

	if (n->op == OP_CONST) {
		CHECK(n, !r && t->nset == 1 && t->lo == n->k, "type of a constant");
		return true;
	}
	CHECK(n, !r == !t->image, "root without image");
	CHECK(n, r || !t->nset, "set without root");
	if (!r)
		return true;
	CHECK(n, g->node[t->root->id] == t->root && t->root->id <= n->id, "root not made before");
	CHECK(n, r->root == t->root && r->nset, "root is not its own root");
	CHECK(n, t->root != n || !memcmp(t->image, t->set, (size_t)t->nset * sizeof *t->set),
	      "own image is not the set");
	for (int i = 0; i < r->nset; i++)
		CHECK(n, t->image[i] >= t->lo && t->image[i] <= t->hi, "image leaves the interval");
	return true;
}

static bool
verify_node(const Graph *g, const Node *n, int id)
{
	CHECK(n, n->id == id, "id is not its place");
	CHECK(NULL, n->op >= 0 && n->op < NUM_OPS, "no such operator");
	CHECK(n, n->op != OP_INPUT || (n->k >= 0 && n->k < g->ninput), "no such input");
	CHECK(n, n->op != OP_ATTEND || n->narg % 2, "ATTEND has a key to each query");
	CHECK(n, n->op != OP_TOKEN || (n->k >= 0 && n->k < g->nfield), "no such field");
	CHECK(n, n->file >= 0 && (n->file == 0 || n->file < g->nfile), "no such file");
	if (!verify_operands(g, n) || !verify_sides(n) || !verify_bools(n))
		return false;
	CHECK(n, n->hash == node_hash(n), "hash");
	return verify_reals(n) && verify_set(n) && verify_root(g, n);
}

/* Equal nodes would have equal hashes: look among the neighbours by hash. */
static bool
verify_unique(const Graph *g)
{
	size_t cap = 16;

	while (cap < 2 * (size_t)g->nnode)
		cap *= 2;
	Arena arena = { 0 };
	const Node **slot = arena_alloc(&arena, cap * sizeof *slot);
	bool ok = true;
	for (int i = 0; i < g->nnode && ok; i++) {
		size_t at = g->node[i]->hash & (cap - 1);
		while (slot[at] && !node_equal(slot[at], g->node[i]))
			at = (at + 1) & (cap - 1);
		if (slot[at])
			ok = verify_fail(g->node[i], "made twice");
		slot[at] = g->node[i];
	}
	arena_free(&arena);
	return ok;
}

static bool
verify_answer(const Graph *g, const Node *n, const char *name, Kind kind)
{
	bool pos = kind == K_POS;

	CHECK(NULL, n && n->id >= 0 && n->id < g->nnode && g->node[n->id] == n, name);
	CHECK(n, !n->two_sided, "answers are at one position");
	CHECK(n, is_reference(n->op) == pos, "a pos is a reference, and nothing else is");
	CHECK(n, n->type.real == (kind == K_REAL),
	      "what is real is named real, and nothing else is");
	return true;
}

/* The fields share out the rows of the vocabulary. */
static bool
verify_fields(const Graph *g)
{
	int next = 0;

	CHECK(NULL, g->nfield > 0 && (g->field || g->nfield == 1), "no fields");
	for (int i = 0; g->field && i < g->nfield; next += g->field[i++].n)
		CHECK(NULL, g->field[i].first == next && g->field[i].n > 0,
		      "fields are not side by side");
	CHECK(NULL, !g->field || next == g->nvocab, "rows of no field");
	return true;
}

bool
graph_verify(const Graph *g)
{
	CHECK(NULL, g->nvocab >= 0 && g->context > 0, "no vocabulary or context");
	CHECK(NULL, !g->ninput || (!g->nvocab && !g->emit), "numbers beside tokens");
	if (!verify_fields(g))
		return false;
	for (int i = 0; i < g->nnode; i++)
		if (!verify_node(g, g->node[i], i))
			return false;
	if (!verify_unique(g))
		return false;
	for (int i = 0; g->emit && i < g->nfield; i++)
		if (!verify_answer(g, g->emit[i], "emit", K_TOKEN))
			return false;
	for (int i = 0; i < g->noutput; i++)
		if (!verify_answer(g, g->output[i].node, g->output[i].name, g->output[i].kind))
			return false;
	for (int i = 0; i < g->nnamed; i++)
		if (!verify_answer(g, g->named[i].node, g->named[i].name, g->named[i].kind))
			return false;
	return true;
}
