/* What is read where a reference points does not ask for that reference again: there, it
 * is "here".
 *
 *     let equals = latest j where token[j] == '='
 *     let sign   = latest j where token[j] in "+-*" and j < equals
 *     sign[equals]
 *
 * At the latest '=' the latest '=' is that position itself (the search is idempotent), so
 * the position that is read waits for no head to find it. There, sign is the latest
 * operator before here, and since an '=' stands here, that is the latest operator of all. */

#include "ir/internal.h"

#include <string.h>

typedef struct NodeList {
	int n, cap;
	Node **node; /* (n) */
} NodeList;

typedef struct Arrival {
	const Node *p; /* the reference that has been followed */
	Node *holds;   /* what is known to hold there */
	int n;
	Node **map; /* (n) by id: the node as it is there, NULL if not asked for yet */
	NodeList todo;
} Arrival;

static void
push_node(Graph *g, NodeList *list, Node *n)
{
	GROW(g->arena, list->node, list->cap, list->n + 1);
	list->node[list->n++] = n;
}

/* Are x and y functions of one stream, no value of which satisfies both? */
static bool
exclude_each_other(const Node *x, const Node *y)
{
	const Node *root = x->type.root;

	if (!root || root != y->type.root || !x->type.image || !y->type.image)
		return false;
	for (int i = 0; i < root->type.nset; i++)
		if (x->type.image[i] == 1 && y->type.image[i] == 1)
			return false;
	return true;
}

/* The condition without its `j < here`, if another part of it fails here anyway. */
static Node *
without_before(Graph *g, const Arrival *a, Node *c)
{
	bool fails = false;
	int n = 0;

	if (c->op != OP_AND)
		return c;
	Node **arg = arena_alloc(g->arena, sizeof *arg * (size_t)c->narg);
	for (int i = 0; i < c->narg; i++) {
		Node *x = c->arg[i];
		fails |= side(x) == ON_THERE
		         && exclude_each_other(a->holds, replace_there(g, x, NULL));
		if (!is_before(x))
			arg[n++] = x;
	}
	return fails && n < c->narg ? mk(g, OP_AND, c->span, c->site, n, arg, 0) : c;
}

/* The first operand that is evaluated at the same position: the first of a READ is not. */
static int
first_operand_here(const Node *n)
{
	return n->op == OP_READ;
}

static Node *
rebuild_at_reference(Graph *g, const Arrival *a, Node *n)
{
	bool same = true;
	Node **arg = arena_alloc(g->arena, sizeof *arg * (size_t)(n->narg + 1));

	for (int i = 0; i < n->narg; i++) {
		arg[i] = i < first_operand_here(n) ? n->arg[i] : a->map[n->arg[i]->id];
		same &= arg[i] == n->arg[i];
	}
	if (same)
		return n;
	if ((n->op == OP_LATEST || n->op == OP_FIRST) && !g->bidirectional)
		arg[0] = without_before(g, a, arg[0]);
	if (n->op == OP_ONLY) /* elsewhere than at the reference two may match */
		return mk(g, OP_LATEST, n->span, n->site, 1, arg, 0);
	return mk_like(g, n, arg);
}

/* n as it is at the reference; operands first, on an explicit stack. */
static Node *
as_at_reference(Graph *g, Arrival *a, Node *n)
{
	NodeList *todo = &a->todo;

	for (push_node(g, todo, n); todo->n;) {
		Node *x = todo->node[todo->n - 1];
		int before = todo->n;
		if (x == a->p)
			a->map[x->id] = mk(g, OP_HERE, x->span, x->site, 0, NULL, 0);
		else if (x->op == OP_THERE || x->id < a->p->id)
			a->map[x->id] = x;
		for (int i = first_operand_here(x); !a->map[x->id] && i < x->narg; i++)
			if (!a->map[x->arg[i]->id])
				push_node(g, todo, x->arg[i]);
		if (todo->n > before)
			continue;
		if (!a->map[x->id])
			a->map[x->id] = rebuild_at_reference(g, a, x);
		todo->n--;
	}
	return a->map[n->id];
}

/* One memo for each reference, since what is read at it shares most of its nodes. */
typedef struct Arrivals {
	int n, cap;
	Arrival **list;
} Arrivals;

static Arrival *
arrival_at(Graph *g, Arrivals *all, Node *p, int upto)
{
	Arrival *a = NULL;

	for (int i = 0; i < all->n && !a; i++)
		if (all->list[i]->p == p)
			a = all->list[i];
	if (!a) {
		GROW(g->arena, all->list, all->cap, all->n + 1);
		a = all->list[all->n++] = NEW(g->arena, Arrival);
		a->p = p;
		a->holds = replace_there(g, condition_of(p), NULL);
	}
	GROW(g->arena, a->map, a->n, upto + 1);
	return a;
}

static Node *
forward_read(Graph *g, Node *n, void *ctx)
{
	Node *p = n->op == OP_READ ? n->arg[1] : NULL;

	if (!p || n->k || (p->op != OP_LATEST && p->op != OP_FIRST && p->op != OP_ONLY)
	    || side(condition_of(p)) != ON_THERE)
		return n;
	Node *x = as_at_reference(g, arrival_at(g, ctx, p, n->arg[0]->id), n->arg[0]);
	return mk(g, OP_READ, n->span, n->site, 3, (Node *[]){ x, p, n->arg[2] }, 0);
}

/* Needs: nothing. Guarantees: what is read where p = LATEST(C), FIRST(C) or ONLY(C) points, C
 * about there alone, does not ask for p. Invalidates: nothing. */
void
pass_forward_reads(Graph *g, Diags *ds)
{
	Arrivals all = { 0 };

	(void)ds;
	rewrite_graph(g, forward_read, &all);
}
