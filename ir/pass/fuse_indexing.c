/* An index into a list of indexed lists becomes one index (the two index maps are
 * composed).
 *
 *     [d[m - 1 - k else <end>] for k in 0..<n][i]      is d[m - 1 - i else <end>]
 *
 * Also where the list is read at another position: then m and d are read there, and the
 * one index that is left is computed here. And where there is another default outside of the
 * inner lists, as in [d[m - 1 - k else ' '] for k in 0..<n][i else <end>]: it is ' ' for those i
 * of which the outer list has an element. */

#include "ir/internal.h"

#include <string.h>

/* Element k of the outer list: a PICK, the reference it is read at, and a constant that stands in
 * its place where a condition holds. */
typedef struct InnerPick {
	Node *pick, *p; /* p: NULL where it is here */
	Node *instead;  /* IF(condition, constant, pick), or NULL */
} InnerPick;

/* d: what the outer list has outside, and where p is absent. */
static InnerPick
inner_of(Node *e, const Node *d)
{
	InnerPick in = { e, NULL, NULL };

	if (e->op == OP_READ && !e->k && e->arg[2] == d)
		in = (InnerPick){ e->arg[0], e->arg[1], NULL };
	if (in.pick->op == OP_IF && in.pick->arg[1]->op == OP_CONST) {
		in.instead = in.pick;
		in.pick = in.pick->arg[2];
	}
	if (in.pick->op != OP_PICK)
		in.pick = NULL;
	return in;
}

/* What inner lists have outside: *none, a constant, the same for all of them. */
static bool
same_default(const Node *pick, Node **none)
{
	if (pick_always_inside(pick))
		return true;
	if (!*none)
		*none = pick->arg[1];
	return *none == pick->arg[1] && (*none)->op == OP_CONST;
}

static bool
same_list(const Node *a, const Node *b)
{
	return a->narg == b->narg
	       && !memcmp(a->arg + 2, b->arg + 2, sizeof *a->arg * (size_t)pick_length(a));
}

/* Is the index of `other`, element k, that of element 0 less k? */
static bool
counts_down(const Node *first, const Node *other, int k)
{
	Affine a;

	return affine_of(first->arg[0], &a) && affine_add(&a, -1, other->arg[0]) && a.n == 0
	       && a.c == k;
}

static Node *
read_there(Graph *g, const Node *at, Node *x, Node *p, int64_t d)
{
	Node *arg[3] = { x, p, mk_const(g, d) };

	return p ? mk(g, OP_READ, at->span, at->site, 3, arg, 0) : x;
}

/* x, but the constant of element k where i == k and the condition of that element holds. */
static Node *
with_exception(Graph *g, const Node *at, Node *x, Node *i, int k, InnerPick in)
{
	Node *is_k = mk(g, OP_EQ, at->span, at->site, 2, (Node *[]){ i, mk_const(g, k) }, 0);
	Node *both[2] = { is_k, read_there(g, at, in.instead->arg[0], in.p, 0) };
	Node *cond = mk(g, OP_AND, at->span, at->site, 2, both, 0);

	return mk(g, OP_IF, at->span, at->site, 3, (Node *[]){ cond, in.instead->arg[1], x }, 0);
}

/* How many elements the list has before those that are all its default. */
static int
length_used(const Node *pick)
{
	int n = pick_length(pick);

	while (n > 0 && pick->arg[n + 1] == pick->arg[1])
		n--;
	return n;
}

/* i, made so large where it is `used` or more that base - i is negative, so that the default is
 * read. */
static Node *
index_past_end(Graph *g, const Node *at, Node *i, int used, const Node *base)
{
	if (base->type.hi < used)
		return i;
	Node *over = mk(g, OP_LT, at->span, at->site, 2, (Node *[]){ mk_const(g, used - 1), i }, 0);
	Node *far = mk(g, OP_MUL, at->span, at->site, 2,
	               (Node *[]){ over, mk_const(g, base->type.hi - used + 1) }, 0);
	return mk(g, OP_ADD, at->span, at->site, 2, (Node *[]){ i, far }, 0);
}

/* Is e, element k of the outer list, what an inner list would have outside, and is it outside? */
static bool
is_outside(Node *e, const InnerPick *first, const Node *d, int k, const Node *none)
{
	if (first->p && e->op == OP_READ && !e->k && e->arg[1] == first->p && e->arg[2] == d)
		e = e->arg[0];
	return none && e == none && first->pick->arg[0]->type.hi < k;
}

/* Are the first `used` elements one list, each an index less? Then *none is its default. */
static bool
is_one_list(Node *n, const InnerPick *first, int used, Node **none)
{
	const Node *d = n->arg[1];

	*none = NULL;
	if (!same_default(first->pick, none))
		return false;
	for (int k = 1; k < used; k++) {
		InnerPick in = inner_of(n->arg[k + 2], d);
		if (is_outside(n->arg[k + 2], first, d, k, *none))
			continue;
		if (!in.pick || in.p != first->p || !same_default(in.pick, none)
		    || !same_list(in.pick, first->pick) || !counts_down(first->pick, in.pick, k))
			return false;
	}
	return true;
}

/* `none` where i is of the outer list, which is read at p; else d. */
static Node *
default_within(Graph *g, const Node *at, Node *none, Node *d, Node *i, int used, Node *p)
{
	if (!none || none == d)
		return d;
	Node *inside = mk_at(g, at, OP_LT, i, mk_const(g, used), NULL), *one = mk_const(g, 1);
	inside = mk_at(g, at, OP_AND, inside, read_there(g, at, one, p, 0), NULL);
	return mk_at(g, at, OP_IF, inside, none, d);
}

static Node *
fused_index(Graph *g, Node *n)
{
	Node *i = n->arg[0], *d = n->arg[1], *none;
	InnerPick first = inner_of(n->arg[2], d);
	int used = length_used(n);

	if (!first.pick || d->op != OP_CONST || i->type.lo < 0
	    || first.pick->arg[0]->type.hi >= pick_length(n)
	    || !is_one_list(n, &first, used, &none))
		return n;
	int m = pick_length(first.pick);
	Node **arg = arena_alloc(g->arena, sizeof *arg * (size_t)(m + 2));
	Node *base = first.pick->arg[0], *from = read_there(g, n, base, first.p, -1);
	arg[0] = mk(g, OP_SUB, n->span, n->site, 2,
	            (Node *[]){ from, index_past_end(g, n, i, used, base) }, 0);
	arg[1] = default_within(g, n, none, d, i, used, first.p);
	for (int k = 0; k < m; k++)
		arg[k + 2] = read_there(g, n, first.pick->arg[k + 2], first.p,
		                        first.pick->arg[k + 2]->type.lo);
	Node *to = mk(g, OP_PICK, n->span, n->site, m + 2, arg, 0);
	for (int k = 0; k < used; k++) {
		InnerPick in = inner_of(n->arg[k + 2], d);
		if (in.instead)
			to = with_exception(g, n, to, i, k, in);
	}
	return to;
}

static Node *
fuse_index(Graph *g, Node *n, void *ctx)
{
	(void)ctx;
	return n->op == OP_PICK && !n->type.real ? fused_index(g, n) : n;
}

/* Needs: index_defaults; finds more after digit_count. Invalidates: nothing. */
void
pass_fuse_indexing(Graph *g, Diags *ds)
{
	(void)ds;
	rewrite_graph(g, fuse_index, NULL);
}
