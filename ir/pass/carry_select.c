/* Both results are computed while a long comparison is still going on, and the comparison
 * chooses between them: a carry-select adder (Bedrij, 1962), for the sign of a difference.
 *
 *     digit i of (if a < b then b - a else a - b), for all i
 *
 * has one chain of carries, but the chain begins only when a < b is known, which takes layers
 * where the numbers are long. Two chains, of b - a and of a - b, are a choice at the end: the
 * index into the list of digits leads out of the one list or of the other, where the default
 * stands, and the two are added up, less one default.
 *
 * A list is often read elsewhere, and the comparison matters only where a condition
 * holds (the operator is '-'): then a second chain is made for just that case. */

#include "ir/internal.h"

#include <stdlib.h>
#include <string.h>

enum { GUARDS_MAX = 16, LONG = 1 << 16 };

typedef struct NodeSet {
	int n, cap;
	Node **node; /* (n) */
	char *in;    /* by id */
} NodeSet;

/* A set of nodes, rebuilt: for each another in its place. */
typedef struct NodeCopy {
	const NodeSet *set;
	Node **map; /* by id */
} NodeCopy;

typedef struct CarrySelect {
	Builder b;            /* at: the PICK that is to be made two */
	int nid;              /* how many nodes there were when it began */
	Node *p;              /* where the list is read; NULL: here */
	NodeSet outer, inner; /* what the PICK is computed of here; what its list is computed of
	                         where that is read */
	Node *cond, *guard; /* the long comparison; the condition under which it matters, NULL if it
	                       always does */
} CarrySelect;

/* ---- sets ---- */

static void
node_set_add(Graph *g, NodeSet *s, Node *n)
{
	if (s->in[n->id])
		return;
	GROW(g->arena, s->node, s->cap, s->n + 1);
	s->in[n->id] = 1;
	s->node[s->n++] = n;
}

static bool
is_set_leaf(const Node *n)
{
	return !is_pointwise(n->op) || n->two_sided;
}

static int
by_node_id(const void *a, const void *b)
{
	const Node *x = *(Node *const *)a, *y = *(Node *const *)b;

	return (x->id > y->id) - (x->id < y->id);
}

/* Adds all that the nodes of s are computed of at the same position; ascending by id. */
static void
node_set_close(Graph *g, NodeSet *s)
{
	for (int i = 0; i < s->n; i++)
		for (int k = 0; !is_set_leaf(s->node[i]) && k < s->node[i]->narg; k++)
			node_set_add(g, s, s->node[i]->arg[k]);
	qsort(s->node, (size_t)s->n, sizeof *s->node, by_node_id);
}

static NodeSet
node_set_new(Graph *g)
{
	return (NodeSet){ .in = arena_alloc(g->arena, (size_t)g->nnode + 1) };
}

/* The set rebuilt with x in the place of a and y in the place of b. What is read elsewhere stays as
 * it is. */
static NodeCopy
node_set_copy(CarrySelect *l, const NodeSet *set, const Node *a, Node *x, const Node *b, Node *y)
{
	Graph *g = l->b.g;
	NodeCopy c = { set, arena_alloc(g->arena, sizeof *c.map * (size_t)(l->nid + 1)) };

	for (int i = 0; i < set->n; i++) {
		Node *n = set->node[i];
		bool same = true;
		if (n == a || n == b || is_set_leaf(n)) {
			c.map[n->id] = n == a ? x : n == b ? y : n;
			continue;
		}
		Node **arg = arena_alloc(g->arena, sizeof *arg * (size_t)(n->narg + 1));
		for (int k = 0; k < n->narg; k++) {
			arg[k] = c.map[n->arg[k]->id];
			same &= arg[k] == n->arg[k];
		}
		c.map[n->id] = same ? n : mk_like(g, n, arg);
	}
	return c;
}

/* ---- what is late ---- */

static bool
is_list_read(const CarrySelect *l, const Node *n)
{
	return l->p && n->op == OP_READ && n->arg[1] == l->p && !n->k;
}

/* Is the difference that n compares so large that a gate by its sign, whose weights are some times
 * its size, is not exact in one step? */
static bool
compares_long(const Node *n)
{
	if (n->op != OP_LT && n->op != OP_EQ)
		return false;
	return n->arg[1]->type.hi - n->arg[0]->type.lo > LONG
	       || n->arg[0]->type.hi - n->arg[1]->type.lo > LONG;
}

/* A long comparison that a quotient or comparison of a long sum waits for; of several the first.
 * NULL if there is none. */
static Node *
late_condition(const CarrySelect *l)
{
	int *below = arena_alloc(l->b.g->arena, sizeof *below * (size_t)(l->nid + 1));

	for (int i = 0; i < l->inner.n; i++) {
		Node *n = l->inner.node[i];
		int least = -1;
		for (int k = 0; !is_set_leaf(n) && k < n->narg; k++) {
			int b = below[n->arg[k]->id] - 1;
			if (b >= 0 && (least < 0 || b < least))
				least = b;
		}
		bool wide = exceeds_exact(n);
		if (wide && least >= 0)
			return l->b.g->node[least];
		if (is_bool(n) && (wide || compares_long(n)))
			least = n->id;
		below[n->id] = least + 1;
	}
	return NULL;
}

/* Does some result of the copy still depend on the comparison? */
static bool
still_asks(CarrySelect *l, const NodeCopy *c)
{
	NodeSet s = node_set_new(l->b.g);

	for (int i = 0; i < l->outer.n; i++)
		if (is_list_read(l, l->outer.node[i]))
			node_set_add(l->b.g, &s, c->map[l->outer.node[i]->arg[0]->id]);
	for (int i = 0; !l->p && i < l->b.at->narg; i++)
		node_set_add(l->b.g, &s, c->map[l->b.at->arg[i]->id]);
	node_set_close(l->b.g, &s);
	return s.in[l->cond->id];
}

/* A condition such that nothing depends on the comparison where it fails; NULL if there is none. */
static Node *
find_guard(CarrySelect *l)
{
	NodeSet guards = node_set_new(l->b.g);
	char *asks = arena_alloc(l->b.g->arena, (size_t)l->nid + 1);

	asks[l->cond->id] = 1;
	for (int i = 0; i < l->inner.n; i++) {
		Node *n = l->inner.node[i];
		for (int k = 0; !is_set_leaf(n) && k < n->narg; k++)
			asks[n->id] |= asks[n->arg[k]->id];
		for (int k = 0; (n->op == OP_AND || n->op == OP_IF) && asks[n->id]
		                && k < (n->op == OP_IF ? 1 : n->narg);
		     k++)
			if (!asks[n->arg[k]->id] && guards.n < GUARDS_MAX
			    && n->arg[k]->op != OP_CONST)
				node_set_add(l->b.g, &guards, n->arg[k]);
	}
	for (int i = 0; i < guards.n; i++) {
		NodeCopy c = node_set_copy(l, &l->inner, guards.node[i], mk_const(l->b.g, 0), NULL,
		                           NULL);
		if (!still_asks(l, &c))
			return guards.node[i];
	}
	return NULL;
}

/* ---- two lists for one ---- */

/* The PICK over the lists of the copy, with an index beyond the list where `off` is 1. */
static Node *
select_arm(CarrySelect *l, const NodeCopy *c, Node *off)
{
	Graph *g = l->b.g;
	NodeCopy o = { &l->outer, arena_alloc(g->arena, sizeof *o.map * (size_t)(l->nid + 1)) };

	for (int i = 0; i < l->outer.n; i++) {
		Node *n = l->outer.node[i];
		Node **arg = arena_alloc(g->arena, sizeof *arg * (size_t)(n->narg + 1));
		for (int k = 0; k < n->narg; k++)
			arg[k] = is_set_leaf(n) ? n->arg[k] : o.map[n->arg[k]->id];
		if (is_list_read(l, n))
			arg[0] = c->map[n->arg[0]->id];
		o.map[n->id] = mk_like(g, n, arg);
	}
	const Node *p = l->b.at;
	Node **arg = arena_alloc(g->arena, sizeof *arg * (size_t)p->narg);
	for (int k = 0; k < p->narg; k++)
		arg[k] = l->p ? o.map[p->arg[k]->id] : c->map[p->arg[k]->id];
	int64_t far = max_int64(0, arg[0]->type.hi + 1);
	arg[0] = mk2(&l->b, OP_SUB, arg[0], mk2(&l->b, OP_MUL, off, mk_const(g, far)));
	return mk_like(g, p, arg);
}

static Node *
select_lists(CarrySelect *l)
{
	Graph *g = l->b.g;
	Node *zero = mk_const(g, 0), *one = mk_const(g, 1), *d = l->b.at->arg[1];
	Node *when = l->guard ? mk2(&l->b, OP_AND, l->guard, l->cond) : l->cond;

	if (l->p)
		when = mk(g, OP_READ, when->span, when->site, 3, (Node *[]){ when, l->p, zero }, 0);
	NodeCopy no = node_set_copy(l, &l->inner, l->cond, zero, NULL, NULL);
	NodeCopy yes = node_set_copy(l, &l->inner, l->cond, one, l->guard, one);
	Node *x = select_arm(l, &no, when);
	Node *y = select_arm(l, &yes, mk(g, OP_NOT, when->span, when->site, 1, &when, 0));
	return mk2(&l->b, OP_ADD, x, mk2(&l->b, OP_SUB, y, d));
}

/* The reference at which the elements of the list are read, if it is the same for all; else NULL.
 */
static Node *
common_reference(const NodeSet *outer)
{
	Node *p = NULL;

	for (int i = 0; i < outer->n; i++) {
		const Node *n = outer->node[i];
		if (n->op != OP_READ || n->k || n->arg[0]->op == OP_INDEX
		    || n->arg[1]->op == OP_HERE)
			continue;
		if (p && p != n->arg[1])
			return NULL;
		p = n->arg[1];
	}
	return p;
}

static Node *
select_late(Graph *g, Node *n, void *ctx)
{
	CarrySelect l = { .b = { g, n }, .nid = g->nnode };

	(void)ctx;
	if (n->op != OP_PICK || n->arg[1]->op != OP_CONST || n->type.real)
		return n;
	l.outer = node_set_new(g);
	l.inner = node_set_new(g);
	for (int i = 0; i < n->narg; i++)
		node_set_add(g, &l.outer, n->arg[i]);
	node_set_close(g, &l.outer);
	l.p = common_reference(&l.outer);
	if (!l.p)
		l.inner = l.outer;
	for (int i = 0; l.p && i < l.outer.n; i++)
		if (is_list_read(&l, l.outer.node[i]))
			node_set_add(g, &l.inner, l.outer.node[i]->arg[0]);
	node_set_close(g, &l.inner);
	if (!(l.cond = late_condition(&l)))
		return n;
	l.guard = find_guard(&l);
	Node *as[2] = { n, rewrite_node(g, select_lists(&l), lookahead_node, NULL) };
	return mk(g, OP_AS, n->span, n->site, 2, as, 0);
}

static bool
any_wide(const Graph *g)
{
	int wide = 0;

	for (int i = 0; i < g->nnode && wide < 2; i++)
		wide += exceeds_exact(g->node[i]);
	return wide == 2;
}

/* Needs: fuse_indexing, which makes one list of what is read; comes before carry_lookahead.
 * Guarantees: no quotient under a PICK waits for a comparison that is wide. Invalidates: nothing.
 */
void
pass_carry_select(Graph *g, Diags *ds)
{
	(void)ds;
	if (any_wide(g))
		rewrite_graph(g, select_late, NULL);
}
