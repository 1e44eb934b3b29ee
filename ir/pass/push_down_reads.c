/* Reads a fixed distance back move from results to the leaves that these are computed of.
 *
 *     f(x[here - 1], x[here - 2])[here - 1]     is     f(x[here - 2], x[here - 3])
 *
 * A position then computes f of what it reads itself, in one step, instead of reading what
 * another position has computed before: a layer less. Each leaf is read at a distance of its own,
 * by a head and into columns of its own, and what is made of them is made again: so a few leaves
 * only: a composition over doubled distances (seq.scan) would become 31 heads. */

#include "ir/internal.h"

enum { PUSHED_MAX = 4096, LEAVES_MAX = 24 };

typedef struct PushDown {
	Graph *g;
	int64_t by; /* < 0 */
	int row;    /* the token that is assumed to stand before the text */
	int n, nleaf;
	struct {
		const Node *from;
		Node *to;       /* what it is, `by` positions back */
		int64_t before; /* its value where that position is before the text */
	} memo[PUSHED_MAX];
	bool failed;
} PushDown;

static int64_t
image_at(const Node *n, int i)
{
	const Type *r = &n->type.root->type;

	return n->type.image[i < r->nset ? i : r->nset - 1];
}

static int push_operator(PushDown *, Node *);

/* The leaves: constants, functions of the token or of the position, and reads at a fixed distance.
 */
static bool
push_leaf(PushDown *s, Node *n, Node **to, int64_t *before)
{
	Graph *g = s->g;
	Op root = n->type.root && n->type.image ? n->type.root->op : OP_CONST;
	Node *here = mk_at(g, n, OP_HERE, NULL, NULL, NULL);

	if (n->op == OP_CONST) {
		*to = n;
		*before = n->k;
		return true;
	}
	if (root == OP_TOKEN || root == OP_INDEX)
		*before = image_at(n, root == OP_TOKEN ? s->row : 0);
	else if (n->op == OP_READ && n->arg[1]->op == OP_HERE && n->arg[2]->op == OP_CONST
	         && n->k <= 0)
		*before = n->arg[2]->k;
	else
		return false;
	if (++s->nleaf > LEAVES_MAX)
		s->failed = true;
	bool is_read = root != OP_TOKEN && root != OP_INDEX;
	*to = mk_read(g, n, is_read ? n->arg[0] : n, here, mk_const(g, *before),
	              s->by + (is_read ? n->k : 0));
	return true;
}

/* The index of n in the memo; -1 if it cannot be pushed down. */
static int
push_operator(PushDown *s, Node *n)
{
	int at = 0;
	Node *to = NULL;
	int64_t before = 0;

	while (at < s->n && s->memo[at].from != n)
		at++;
	if (at < s->n)
		return at;
	if (!push_leaf(s, n, &to, &before)) {
		if (!is_pointwise(n->op) || n->two_sided || n->narg > 64)
			return -1;
		Node *arg[64];
		int64_t v[64];
		for (int i = 0; i < n->narg; i++) {
			int k = push_operator(s, n->arg[i]);
			if (k < 0 || s->failed)
				return -1;
			arg[i] = s->memo[k].to;
			v[i] = s->memo[k].before;
		}
		before = op_apply(n, v);
		to = mk_like(s->g, n, arg);
	}
	if (s->n == PUSHED_MAX || (is_bool(n) && !is_bool(to)))
		return -1; /* functions of one root are independent once they are read one by one,
		              so the type may have become wider */
	at = s->n++;
	s->memo[at].from = n;
	s->memo[at].to = to;
	s->memo[at].before = before;
	return at;
}

/* x as it is `by` positions back, d before the text, computed here of its leaves as they are there;
 * NULL if some leaf cannot be read so. */
static Node *
pushed_down(Graph *g, PushDown *s, const Node *at, Node *x, int64_t by, int64_t d)
{
	int k = -1;

	s->g = g;
	s->by = by;
	for (int row = 0; row < g->nvocab && (k < 0 || s->memo[k].before != d); row++) {
		s->row = row;
		s->n = s->nleaf = 0;
		s->failed = false;
		k = push_operator(s, x);
		if (k < 0 || s->failed)
			return NULL;
	}
	if (k < 0)
		return NULL;
	Node *to = s->memo[k].to;
	if (s->memo[k].before == d)
		return to;
	Node *index = mk_at(g, at, OP_INDEX, NULL, NULL, NULL);
	Node *outside = mk_at(g, at, OP_LT, index, mk_const(g, -by), NULL);
	Node *mend = mk_at(g, at, OP_MUL, outside, mk_const(g, d - s->memo[k].before), NULL);
	Node *mended = mk_at(g, at, OP_ADD, to, mend, NULL);
	bool wider = mended->type.lo < at->type.lo || mended->type.hi > at->type.hi;
	return wider ? NULL : mended;
}

/* Is all that a condition takes at j a function of the token or of the position? */
static bool
looks_at_features(const Node *n)
{
	if (n->op == OP_THERE)
		return is_feature(n->arg[0]);
	for (int i = 0; i < n->narg && n->two_sided; i++)
		if (!looks_at_features(n->arg[i]))
			return false;
	return true;
}

/* x[latest j where C and j < here] as x[i - 1], i the latest position behind one where C holds
 * (read_one_behind), with the offset pushed down into x, if both cost no more than reads at a fixed
 * distance; else NULL. */
static Node *
push_down_behind(Graph *g, Node *n, PushDown *s)
{
	Node *p = n->arg[1], *behind = p->op != OP_BEST && is_search(p->op) && !n->type.real
	                                       ? read_one_behind(g, n)
	                                       : NULL;

	if (!behind || behind->op != OP_READ || !is_search(behind->arg[1]->op))
		return behind; /* it has become something without a search */
	if (!looks_at_features(condition_of(p)))
		return NULL;
	Node *x = n->arg[0], *d = n->arg[2], *moved = NULL;
	if (!is_feature(x))
		moved = pushed_down(g, s, behind, x, behind->k, d->k);
	else if (n->k)
		moved = mk_read(g, n, x, mk_at(g, n, OP_HERE, NULL, NULL, NULL), d, behind->k);
	return moved ? mk_at(g, n, OP_READ, moved, behind->arg[1], n->arg[2]) : NULL;
}

static Node *
push_down_read(Graph *g, Node *n, void *ctx)
{
	Node *behind;

	if (n->op == OP_READ && n->k <= 0 && n->arg[2]->op == OP_CONST
	    && (behind = push_down_behind(g, n, ctx)))
		return behind;
	if (n->op != OP_READ || n->k >= 0 || n->arg[2]->op != OP_CONST || n->arg[0]->op == OP_CONST)
		return n;
	Node *x = n->arg[0], *p = n->arg[1], *d = n->arg[2], *moved;
	if (is_feature(x))
		moved = NULL;
	else
		moved = pushed_down(g, ctx, n, x, n->k, d->k);
	if (p->op == OP_HERE)
		return moved ? moved : n;
	if (!moved)
		moved = mk_read(g, n, x, mk_at(g, n, OP_HERE, NULL, NULL, NULL), d, n->k);
	return mk_at(g, n, OP_READ, moved, p, d);
}

/* Needs: nothing; finds more after bounded_distance. Guarantees: a READ with an offset is
 * of HERE. Invalidates: nothing. */
void
pass_push_down_reads(Graph *g, Diags *ds)
{
	PushDown *s = NEW(g->arena, PushDown);

	(void)ds;
	rewrite_graph(g, push_down_read, s);
}
