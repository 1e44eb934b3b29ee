/* The builder: every node of a graph is made here, once (hash-consing; Ershov 1958, "On
 * programming of arithmetic operations").
 *
 * mk() fills a draft. fold_node() looks for something simpler that means the same; the
 * table, for an equal node. If neither finds one the draft's type is inferred and a copy
 * of it joins the graph, unless the type alone tells what it is: one value, or exactly one
 * of its operands.
 *
 * Operands are ordered by content: a node's hash is made of its operator and its operands'
 * hashes, never of addresses, so two builds of one program order them alike. */

#include "ir/internal.h"

#include <assert.h>
#include <string.h>

typedef struct ValueList {
	uint64_t hash;
	int n;
	const int64_t *v; /* NULL: a free slot */
} ValueList;

struct NodeTable {
	int cap;     /* of slot; a power of 2 */
	Node **slot; /* open addressing by hash */
	int nvalues, capvalues;
	ValueList *values; /* the same, of arrays of values */
	size_t size[NUM_SCRATCH];
	void *scratch[NUM_SCRATCH];
};

Graph *
graph_new(Arena *arena)
{
	Graph *g = NEW(arena, Graph);
	struct NodeTable *t = NEW(arena, struct NodeTable);

	g->arena = arena;
	g->nfield = 1;
	g->table = t;
	t->cap = t->capvalues = 256;
	t->slot = arena_alloc(arena, (size_t)t->cap * sizeof *t->slot);
	t->values = arena_alloc(arena, (size_t)t->capvalues * sizeof *t->values);
	return g;
}

void
graph_emit(Graph *g, Node *n)
{
	g->emit = NEW(g->arena, Node *);
	*g->emit = n;
}

void *
scratch(Graph *g, int slot, size_t bytes)
{
	struct NodeTable *t = g->table;

	if (t->size[slot] < bytes) {
		t->size[slot] = bytes < 256 ? 512 : 2 * bytes;
		t->scratch[slot] = arena_alloc(g->arena, t->size[slot]);
	}
	return t->scratch[slot];
}

/* ---- hashes and order ---- */

static uint64_t
hash_mix(uint64_t h, uint64_t v)
{
	h = (h ^ v) + 0x9e3779b97f4a7c15;
	h = (h ^ (h >> 30)) * 0xbf58476d1ce4e5b9;
	h = (h ^ (h >> 27)) * 0x94d049bb133111eb;
	return h ^ (h >> 31);
}

static uint64_t
hash_values(uint64_t h, const int64_t *v, int n)
{
	h = hash_mix(h, (uint64_t)n);
	for (int i = 0; i < n; i++)
		h = hash_mix(h, (uint64_t)v[i]);
	return h;
}

uint64_t
node_hash(const Node *n)
{
	uint64_t h = hash_mix((uint64_t)n->op + 1, (uint64_t)n->k);

	h = hash_mix(h, (uint64_t)n->narg);
	for (int i = 0; i < n->narg; i++)
		h = hash_mix(h, n->arg[i]->hash);
	for (int i = 0; i < n->nreal; i++)
		h = hash_mix(hash_mix(h, (uint64_t)real_bits(n->real[i].x)),
		             (uint64_t)n->real[i].den);
	return n->ntable ? hash_values(h, n->table, n->ntable) : h;
}

static int
int64_order(int64_t a, int64_t b)
{
	return (a > b) - (a < b);
}

/* By hash, and by content in the rare case that two hashes are the same. */
int
node_compare(const Node *a, const Node *b)
{
	int c;

	if (a == b)
		return 0;
	if (a->hash != b->hash)
		return a->hash < b->hash ? -1 : 1;
	if ((c = int64_order(a->op, b->op)) || (c = int64_order(a->k, b->k))
	    || (c = int64_order(a->narg, b->narg)) || (c = int64_order(a->ntable, b->ntable))
	    || (c = int64_order(a->nreal, b->nreal)))
		return c;
	if (a->nreal && (c = memcmp(a->real, b->real, (size_t)a->nreal * sizeof *a->real)))
		return c;
	for (int i = 0; i < a->ntable; i++)
		if ((c = int64_order(a->table[i], b->table[i])))
			return c;
	for (int i = 0; i < a->narg; i++)
		if ((c = node_compare(a->arg[i], b->arg[i])))
			return c;
	return 0;
}

bool
node_equal(const Node *a, const Node *b)
{
	if (a->op != b->op || a->k != b->k || a->narg != b->narg || a->ntable != b->ntable
	    || a->nreal != b->nreal)
		return false;
	if (a->nreal && memcmp(a->real, b->real, (size_t)a->nreal * sizeof *a->real))
		return false;
	for (int i = 0; i < a->narg; i++)
		if (a->arg[i] != b->arg[i])
			return false;
	return !a->ntable || !memcmp(a->table, b->table, (size_t)a->ntable * sizeof *a->table);
}

bool
has_op_before(const Node *n, Op op, Map *none, Arena *arena)
{
	if (n->op == op)
		return true;
	if (map_get(none, n))
		return false;
	for (int i = 0; i < n->narg; i++)
		if (has_op_before(n->arg[i], op, none, arena))
			return true;
	map_put(arena, none, n, (void *)(uintptr_t)n);
	return false;
}

/* ---- arrays of values ---- */

static void
grow_values(Graph *g)
{
	struct NodeTable *t = g->table;
	int cap = 2 * t->capvalues;
	ValueList *values = arena_alloc(g->arena, (size_t)cap * sizeof *values);

	for (int i = 0; i < t->capvalues; i++) {
		if (!t->values[i].v)
			continue;
		int at = (int)(t->values[i].hash & (uint64_t)(cap - 1));
		while (values[at].v)
			at = (at + 1) & (cap - 1);
		values[at] = t->values[i];
	}
	t->values = values;
	t->capvalues = cap;
}

const int64_t *
intern_values(Graph *g, const int64_t *v, int n)
{
	struct NodeTable *t = g->table;
	size_t size = (size_t)n * sizeof *v;
	uint64_t h = hash_values(0, v, n);

	if (2 * t->nvalues >= t->capvalues)
		grow_values(g);
	int at = (int)(h & (uint64_t)(t->capvalues - 1));
	for (; t->values[at].v; at = (at + 1) & (t->capvalues - 1)) {
		ValueList *w = &t->values[at];
		if (w->hash == h && w->n == n && !memcmp(w->v, v, size))
			return w->v;
	}
	t->nvalues++;
	t->values[at] = (ValueList){ h, n, memcpy(arena_alloc(g->arena, size), v, size) };
	return t->values[at].v;
}

/* ---- nodes ---- */

static void
table_put(struct NodeTable *t, Node *n)
{
	int at = (int)(n->hash & (uint64_t)(t->cap - 1));

	while (t->slot[at])
		at = (at + 1) & (t->cap - 1);
	t->slot[at] = n;
}

static void
grow_table(Graph *g)
{
	struct NodeTable *t = g->table;

	t->cap *= 2;
	t->slot = arena_alloc(g->arena, (size_t)t->cap * sizeof *t->slot);
	for (int i = 0; i < g->nnode; i++)
		table_put(t, g->node[i]);
}

static Node *
find_equal(const struct NodeTable *t, const Node *draft)
{
	int at = (int)(draft->hash & (uint64_t)(t->cap - 1));

	for (; t->slot[at]; at = (at + 1) & (t->cap - 1))
		if (t->slot[at]->hash == draft->hash && node_equal(t->slot[at], draft))
			return t->slot[at];
	return NULL;
}

static bool
is_two_sided(const Node *n)
{
	if (n->op == OP_THERE)
		return true;
	if (is_search(n->op))
		return false;
	for (int i = 0; i < n->narg; i++)
		if (n->arg[i]->two_sided)
			return true;
	return false;
}

static void
append_node(Graph *g, Node *n)
{
	GROW(g->arena, g->node, g->capnode, g->nnode + 1);
	n->id = g->nnode;
	g->node[g->nnode++] = n;
}

static Node *
add_node(Graph *g, const Node *draft)
{
	Node *n = NEW(g->arena, Node);
	size_t args = (size_t)draft->narg * sizeof *draft->arg;
	size_t table = (size_t)draft->ntable * sizeof *draft->table;
	size_t real = (size_t)draft->nreal * sizeof *draft->real;

	*n = *draft;
	if (args)
		n->arg = memcpy(arena_alloc(g->arena, args), draft->arg, args);
	else
		n->arg = NULL;
	if (table)
		n->table = memcpy(arena_alloc(g->arena, table), draft->table, table);
	else
		n->table = NULL;
	n->real = real ? memcpy(arena_alloc(g->arena, real), draft->real, real) : NULL;
	if (n->type.root == draft)
		n->type.root = n;
	append_node(g, n);
	if (2 * g->nnode >= g->table->cap)
		grow_table(g); /* puts this one, too */
	else
		table_put(g->table, n);
	return n;
}

/* What its type says a draft is: a constant, its root, one of its operands.
 * Images are interned, so equal functions of a root have the same pointer. */
static Node *
known_by_type(Graph *g, Node *draft)
{
	const Type *t = &draft->type;

	if (is_reference(draft->op) || t->real)
		return NULL;
	if (t->lo == t->hi)
		return mk_const(g, t->lo);
	if (!is_pointwise(draft->op) || !t->root || t->root == draft)
		return NULL;
	if (t->image == t->root->type.set)
		return g->node[t->root->id];
	for (int i = 0; i < draft->narg; i++)
		if (draft->arg[i]->type.root == t->root && draft->arg[i]->type.image == t->image)
			return draft->arg[i];
	return NULL;
}

enum { STEPS_A_NODE = 500, STEPS_AN_OPERAND = 20 }; /* of work */

static Node *
build_node(Graph *g, Node *draft)
{
	arena_work(g->arena, STEPS_A_NODE + STEPS_AN_OPERAND * (uint64_t)draft->narg);
	Node *n = fold_node(g, draft);

	if (n)
		return n;
	draft->hash = node_hash(draft);
	if ((n = find_equal(g->table, draft)))
		return n;
	draft->two_sided = is_two_sided(draft);
	draft->type = infer_type(g, draft);
	if (draft->op != OP_CONST && (n = known_by_type(g, draft)))
		return n;
	return add_node(g, draft);
}

Node *
mk(Graph *g, Op op, Span span, int site, int narg, Node **arg, int64_t k)
{
	Node draft = { .op = op, .narg = narg, .arg = arg, .span = span, .site = site };

	assert(op_info[op].attr != A_TABLE && op_info[op].attr != A_REALS);
	assert(op_info[op].nargs < 0 ? narg > 0 : narg == op_info[op].nargs);
	draft.k = op_info[op].attr == A_NONE ? 0 : clamp(k);
	return build_node(g, &draft);
}

Node *
mk_at(Graph *g, const Node *at, Op op, Node *x, Node *y, Node *z)
{
	return mk(g, op, at->span, at->site, z ? 3 : y ? 2 : x ? 1 : 0, (Node *[]){ x, y, z }, 0);
}

Node *
mk_read(Graph *g, const Node *at, Node *x, Node *p, Node *d, int64_t k)
{
	return mk(g, OP_READ, at->span, at->site, 3, (Node *[]){ x, p, d }, k);
}

Node *
mk_const(Graph *g, int64_t k)
{
	return mk(g, OP_CONST, (Span){ 0, 0 }, 0, 0, NULL, k);
}

Node *
mk_table(Graph *g, Span span, int site, Node *x, int64_t k, const int64_t *table, int ntable)
{
	Node draft = {
		.op = OP_TABLE,
		.narg = 1,
		.arg = &x,
		.k = clamp(k),
		.ntable = ntable,
		.table = table,
		.span = span,
		.site = site,
	};

	assert(ntable > 0);
	return build_node(g, &draft);
}

Node *
mk_reals(Graph *g, Op op, Span span, int site, int narg, Node **arg, int64_t k, const Real *real,
         int nreal)
{
	Node draft = {
		.op = op,
		.narg = narg,
		.arg = arg,
		.k = clamp(k),
		.nreal = nreal,
		.real = real,
		.span = span,
		.site = site,
	};

	assert(op_info[op].attr == A_REALS && nreal > 0);
	return build_node(g, &draft);
}

Node *
mk_like(Graph *g, const Node *n, Node **arg)
{
	Node draft = {
		.op = n->op,
		.narg = n->narg,
		.arg = arg,
		.k = n->k,
		.ntable = n->ntable,
		.table = n->table,
		.nreal = n->nreal,
		.real = n->real,
		.span = n->span,
		.site = n->site,
	};

	return build_node(g, &draft);
}
