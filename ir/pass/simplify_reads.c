/* References that need no head of their own, or a simpler one.
 *
 *     absence   if exists(p) then here - p else index + 1   is   index - p, where an
 *               absent p counts as -1: one READ with another default
 *     recent    here - (latest j where C) > 2   is   "C failed here, one back and two
 *               back": three fetches instead of a search
 *     shift     what is computed here from values fetched one, two, three back is,
 *               read one position back, computed here from two, three and four back */

#include "ir/internal.h"

#include <string.h>

static Node *
read_at(Graph *g, const Node *at, Node *x, Node *p, Node *d, int64_t k)
{
	return mk(g, OP_READ, at->span, at->file, 3, (Node *[]){ x, p, d }, k);
}

Side
side(const Node *n)
{
	Side s = NEITHER;

	if (n->op == OP_THERE)
		return ON_THERE;
	if (!n->two_sided)
		return n->op == OP_CONST ? NEITHER : ON_HERE;
	for (int i = 0; i < n->narg; i++)
		s |= side(n->arg[i]);
	return s;
}

Node *
replace_there(Graph *g, Node *n, Node *with)
{
	if (n->op == OP_THERE)
		return with ? with : n->arg[0];
	if (!n->two_sided)
		return n;
	Node **arg = arena_alloc(g->arena, sizeof *arg * (size_t)n->narg);
	for (int i = 0; i < n->narg; i++)
		arg[i] = replace_there(g, n->arg[i], with);
	return mk_like(g, n, arg);
}

/* ---- sums over what is before ---- */

bool
is_before(const Node *c)
{
	return c->op == OP_LT && c->arg[0]->op == OP_THERE && c->arg[0]->arg[0]->op == OP_INDEX
	       && c->arg[1]->op == OP_INDEX;
}

bool
sum_before(Graph *g, const Node *sum, Node **all, Node **mine)
{
	Node *e = sum->arg[0], *c = sum->arg[1], *rest = mk_const(g, 1);
	int parts = c->op == OP_AND ? c->narg : 1;
	bool before = false;

	if (g->bidirectional)
		return false;
	for (int i = 0; i < parts; i++) {
		Node *part = c->op == OP_AND ? c->arg[i] : c;
		if (is_before(part))
			before = true;
		else
			rest = mk_at(g, sum, OP_AND, rest, part, NULL);
	}
	if (!before)
		return false;
	*all = mk_at(g, sum, OP_SUM, e, rest, NULL);
	*mine = mk_at(g, sum, OP_IF, replace_there(g, rest, NULL), replace_there(g, e, NULL),
	              mk_const(g, 0));
	return true;
}

/* ---- one place behind ---- */

/* What is looked at there, as it was one place before. */
static Node *
shift_there(Graph *g, Node *n)
{
	if (n->op == OP_THERE) {
		Node *x = n->arg[0], *here = mk_at(g, n, OP_HERE, NULL, NULL, NULL);
		Node *before = read_at(g, n, x, here, any_value(g, x), -1);
		return mk_at(g, n, OP_THERE, before, NULL, NULL);
	}
	if (!n->two_sided)
		return n;
	Node **arg = arena_alloc(g->arena, sizeof *arg * (size_t)n->narg);
	for (int i = 0; i < n->narg; i++)
		arg[i] = shift_there(g, n->arg[i]);
	return mk_like(g, n, arg);
}

Node *
one_behind(Graph *g, const Node *search)
{
	Node *c = condition_of(search), *cond = mk_const(g, 1), *arg[2];
	int parts = c->op == OP_AND ? c->narg : 1;
	bool bound = false;

	if (g->bidirectional)
		return NULL;
	for (int i = 0; i < parts; i++) {
		Node *lit = c->op == OP_AND ? c->arg[i] : c;
		bool before = is_before(lit);
		bound |= before;
		lit = before ? mk_at(g, lit, OP_LT, mk_const(g, 0), lit->arg[0], NULL)
		             : shift_there(g, lit);
		cond = mk_at(g, search, OP_AND, cond, lit, NULL);
	}
	if (!bound)
		return NULL;
	arg[search->narg - 1] = cond;
	if (search->narg > 1)
		arg[0] = shift_there(g, search->arg[0]);
	return mk_like(g, search, arg);
}

Node *
read_one_behind(Graph *g, const Node *read)
{
	Node *ref = read->arg[1], *behind;

	if (ref->op != OP_BEST
	    && ((ref->op != OP_LATEST && ref->op != OP_FIRST) || ref->arg[0]->op != OP_AND))
		return NULL;
	behind = one_behind(g, ref);
	return behind ? read_at(g, read, read->arg[0], behind, read->arg[2], read->k - 1) : NULL;
}

/* ---- absence ---- */

static bool
reads(const Node *n, const Node *p, int64_t k)
{
	return n->op == OP_READ && n->arg[1] == p && n->k == k;
}

static Node *
with_default(Graph *g, Node *read, Node *d)
{
	return read_at(g, read, read->arg[0], read->arg[1], d, read->k);
}

/* if exists(p) then yes else no: `yes` itself, once its READ of p has the default
 * that makes it equal to `no` where p is absent. */
static Node *
absence1(Graph *g, Node *n, void *ctx)
{
	(void)ctx;
	if (n->op != OP_IF || n->arg[0]->op != OP_READ || n->arg[0]->arg[0]->op != OP_CONST)
		return n;
	Node *there = n->arg[0], *yes = n->arg[1], *no = n->arg[2], *p = there->arg[1];
	if (there->arg[0]->k != 1 || there->arg[2]->op != OP_CONST || there->arg[2]->k != 0)
		return n;
	if (reads(yes, p, there->k))
		return with_default(g, yes, no);
	Affine sum, rest;
	if (!affine_of(yes, &sum))
		return n;
	for (int i = 0; i < sum.n; i++) {
		Node *read = (Node *)sum.term[i].n;
		int64_t c = sum.term[i].c;
		if (!reads(read, p, there->k) || !affine_of(no, &rest)
		    || !affine_add(&rest, -1, yes) || !affine_add(&rest, c, read) || rest.n
		    || rest.c % c)
			continue;
		Node *x = replaced_in_sum(g, yes, read,
		                          with_default(g, read, mk_const(g, rest.c / c)));
		return !x || x->type.lo < n->type.lo || x->type.hi > n->type.hi ? n : x;
	}
	return n;
}

/* Needs, invalidates: nothing. */
void
pass_absence(Graph *g, Diags *ds)
{
	(void)ds;
	rewrite(g, absence1, NULL);
}

/* ---- recent ---- */

enum {
	RECENT_FEW = 12, /* fetches that are cheaper than a search */
	RECENT_MAX = 32, /* that cost nothing, where as much is fetched from there anyway */
};

/* Of which distances something is fetched. */
typedef struct Fetches {
	bool from[RECENT_MAX];
} Fetches;

static Fetches
find_fetches(const Graph *g)
{
	Fetches f = { 0 };

	for (int i = 0; i < g->nnode; i++) {
		const Node *n = g->node[i];
		if (n->op == OP_READ && n->arg[1]->op == OP_HERE && n->k <= 0 && n->k > -RECENT_MAX)
			f.from[-n->k] = true;
	}
	return f;
}

/* Are the last n positions as good as a search? */
static bool
are_few(const Fetches *f, int64_t n)
{
	return n >= 1 && (n <= RECENT_FEW || (n <= RECENT_MAX && f->from[n - 1]));
}

/* here - (latest j where C), -1 standing for none; gives C as a stream, or NULL. */
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

/* C failed at the last n positions, all of which are there. */
static Node *
failed_lately(Graph *g, const Node *at, Node *c, int64_t n)
{
	Node *arg[RECENT_MAX], *fails = mk_at(g, at, OP_NOT, c, NULL, NULL);
	Node *here = mk_at(g, at, OP_HERE, NULL, NULL, NULL);

	for (int i = 0; i < n; i++)
		arg[i] = read_at(g, at, fails, here, mk_const(g, 0), -i);
	return mk(g, OP_AND, at->span, at->file, (int)n, arg, 0);
}

static Node *
recent1(Graph *g, Node *n, void *ctx)
{
	Node *c;

	if (n->op != OP_LT)
		return n;
	if (n->arg[0]->op == OP_CONST && are_few(ctx, n->arg[0]->k + 1)
	    && (c = distance_to_latest(g, n->arg[1])))
		return failed_lately(g, n, c, n->arg[0]->k + 1);
	if (n->arg[1]->op == OP_CONST && are_few(ctx, n->arg[1]->k)
	    && (c = distance_to_latest(g, n->arg[0])))
		return mk_at(g, n, OP_NOT, failed_lately(g, n, c, n->arg[1]->k), NULL, NULL);
	return n;
}

/* Needs: absence, so that distances have a default of -1. Invalidates: nothing. */
void
pass_recent(Graph *g, Diags *ds)
{
	Fetches fetches = find_fetches(g);

	(void)ds;
	if (!g->bidirectional) /* where the latest match may be ahead */
		rewrite(g, recent1, &fetches);
}

/* ---- shift ---- */

enum { SHIFT_NODES = 4096, SHIFT_LEAVES = 32 };

typedef struct Shift {
	Graph *g;
	int64_t by; /* < 0 */
	int row;    /* the token that is taken to stand before the text */
	int n, nleaf;
	struct {
		const Node *from;
		Node *to;       /* what it is, `by` positions back */
		int64_t before; /* its value where that is before the text */
	} memo[SHIFT_NODES];
	bool failed;
} Shift;

static int64_t
image_at(const Node *n, int i)
{
	const Type *r = &n->type.root->type;

	return n->type.image[i < r->nset ? i : r->nset - 1];
}

static int shift_node(Shift *, Node *);

/* A leaf is a feature, or what was fetched from a fixed distance. */
static bool
shift_leaf(Shift *s, Node *n, Node **to, int64_t *before)
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
	if (++s->nleaf > SHIFT_LEAVES)
		s->failed = true;
	bool fetched = root != OP_TOKEN && root != OP_INDEX;
	*to = read_at(g, n, fetched ? n->arg[0] : n, here, mk_const(g, *before),
	              s->by + (fetched ? n->k : 0));
	return true;
}

/* Index into memo; -1 when it cannot be done. */
static int
shift_node(Shift *s, Node *n)
{
	int at = 0;
	Node *to = NULL;
	int64_t before = 0;

	while (at < s->n && s->memo[at].from != n)
		at++;
	if (at < s->n)
		return at;
	if (!shift_leaf(s, n, &to, &before)) {
		if (!is_pointwise(n->op) || n->two_sided || n->narg > 64)
			return -1;
		Node *arg[64];
		int64_t v[64];
		for (int i = 0; i < n->narg; i++) {
			int k = shift_node(s, n->arg[i]);
			if (k < 0 || s->failed)
				return -1;
			arg[i] = s->memo[k].to;
			v[i] = s->memo[k].before;
		}
		before = op_apply(n, v);
		to = mk_like(s->g, n, arg);
	}
	if (s->n == SHIFT_NODES || (is_bool(n) && !is_bool(to)))
		return -1; /* apart, values of one root are no longer joint */
	at = s->n++;
	s->memo[at].from = n;
	s->memo[at].to = to;
	s->memo[at].before = before;
	return at;
}

/* x `by` positions back, d before the text, with the fetches moved to the leaves
 * of x; NULL where x holds something that cannot be moved. */
static Node *
shifted(Graph *g, Shift *s, const Node *at, Node *x, int64_t by, int64_t d)
{
	int k = -1;

	s->g = g;
	s->by = by;
	for (int row = 0; row < g->nvocab && (k < 0 || s->memo[k].before != d); row++) {
		s->row = row;
		s->n = s->nleaf = 0;
		s->failed = false;
		k = shift_node(s, x);
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

static bool
has_feature_root(const Node *n)
{
	return n->type.root && (n->type.root->op == OP_TOKEN || n->type.root->op == OP_INDEX);
}

/* Is all that is looked at there known of the token or the position alone? */
static bool
looks_at_features(const Node *n)
{
	if (n->op == OP_THERE)
		return has_feature_root(n->arg[0]);
	for (int i = 0; i < n->narg && n->two_sided; i++)
		if (!looks_at_features(n->arg[i]))
			return false;
	return true;
}

/* x[latest j where C and j < here] one place behind, x shifted once more, where both
 * cost no more than fetches; NULL where they do not. */
static Node *
shift_behind(Graph *g, Node *n, Shift *s)
{
	Node *p = n->arg[1], *behind = p->op != OP_BEST && is_search(p->op) && !n->type.real
	                                       ? read_one_behind(g, n)
	                                       : NULL;

	if (!behind || behind->op != OP_READ || !is_search(behind->arg[1]->op))
		return behind; /* no search is left */
	if (!looks_at_features(condition_of(p)))
		return NULL;
	Node *x = n->arg[0], *d = n->arg[2], *moved = NULL;
	if (!has_feature_root(x))
		moved = shifted(g, s, behind, x, behind->k, d->k);
	else if (n->k)
		moved = read_at(g, n, x, mk_at(g, n, OP_HERE, NULL, NULL, NULL), d, behind->k);
	return moved ? mk_at(g, n, OP_READ, moved, behind->arg[1], n->arg[2]) : NULL;
}

static Node *
shift1(Graph *g, Node *n, void *ctx)
{
	Node *behind;

	if (n->op == OP_READ && n->k <= 0 && n->arg[2]->op == OP_CONST
	    && (behind = shift_behind(g, n, ctx)))
		return behind;
	if (n->op != OP_READ || n->k >= 0 || n->arg[2]->op != OP_CONST || n->arg[0]->op == OP_CONST)
		return n;
	Node *x = n->arg[0], *p = n->arg[1], *d = n->arg[2], *moved;
	if (has_feature_root(x))
		moved = NULL;
	else
		moved = shifted(g, ctx, n, x, n->k, d->k);
	if (p->op == OP_HERE)
		return moved ? moved : n;
	if (!moved)
		moved = read_at(g, n, x, mk_at(g, n, OP_HERE, NULL, NULL, NULL), d, n->k);
	return mk_at(g, n, OP_READ, moved, p, d);
}

/* Needs: nothing; finds more after recent. Guarantees: a READ with an offset is
 * of HERE. Invalidates: nothing. */
void
pass_shift(Graph *g, Diags *ds)
{
	Shift *s = NEW(g->arena, Shift);

	(void)ds;
	rewrite(g, shift1, s);
}
