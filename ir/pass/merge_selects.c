/* A choice between two results of one function becomes one result of a choice.
 *
 *     if c then f(x) else f(y)     is     f(if c then x else y)
 *
 * so that the sum and the product of two numbers share their carries, their length and
 * their digits, and only the column sums are chosen between. The two expressions are
 * matched from the top down, as in anti-unification (Plotkin 1970): where they agree the
 * operator is kept once, where they differ there is a choice. What does not quite match is
 * made to: v is v % 10 where it is 0..9 anyway, 0 is y // 10 for a y below 10, and sums
 * are matched term by term. This comes before flatten_carries, while a digit still is a
 * remainder whose range is plain. */

#include "ir/internal.h"
#include "lang/pointer_map.h"

#include <string.h>

enum { MATCHES_MAX = 4096, LIST_MAX = 64, DEPTH_MAX = 64 };

/* `if cond then x else y`, merged to `to` */
typedef struct MergeMatch {
	struct MergeMatch *next;
	Node *x, *y, *to;
	bool index; /* x and y are the indices of two lists */
} MergeMatch;

/* All matches of one condition, in the order they were made. */
typedef struct MergeMatches {
	int n;
	MergeMatch *first, **end;
} MergeMatches;

typedef struct Merge {
	Builder b; /* at: the choice that is taken apart */
	Node *cond;
	bool constants;        /* are choices with a constant merged, too? */
	MergeMatches *matches; /* of cond */
	Map all;               /* Matches by condition */
} Merge;

static Node *merge_nodes(Merge *, Node *x, Node *y, int depth);

static bool
is_by_constant(const Node *n, Op op)
{
	return n->op == op && n->arg[1]->op == OP_CONST && n->arg[1]->k > 1;
}

/* Is it worth having only once? */
static bool
is_costly(const Node *n)
{
	return is_by_constant(n, OP_DIV) || is_by_constant(n, OP_MOD) || n->op == OP_MAX
	       || n->op == OP_PICK;
}

static bool
stays_within(const Node *n, int64_t b)
{
	return n->type.lo >= 0 && n->type.hi < b;
}

static bool
surely_within(Merge *m, Node *n, int64_t lo, int64_t end)
{
	if (n->type.lo >= lo && n->type.hi < end)
		return true;
	return is_const(at_least(m->b.g, m->b.at, n, lo), 1)
	       && is_const(at_least(m->b.g, m->b.at, n, end), 0);
}

/* A dividend y with y // b == q, for the constant q: one that x has been matched with before, if
 * there is one; else q * b. */
static Node *
dividend_of(Merge *m, const Node *x, bool x_first, int64_t q, int64_t b)
{
	for (const MergeMatch *t = m->matches->first; t; t = t->next) {
		Node *here = x_first ? t->x : t->y, *other = x_first ? t->y : t->x;
		if (here == x && surely_within(m, other, q * b, q * b + b))
			return other;
	}
	return mk_const(m->b.g, q * b);
}

static Node *
affine_sum(Merge *m, const Affine *a, const bool *skip)
{
	Node *sum = mk_const(m->b.g, a->c);

	for (int i = 0; i < a->n; i++) {
		if (skip && skip[i])
			continue;
		Node *t = mk3(&m->b, OP_MUL, (Node *)a->term[i].n, mk_const(m->b.g, a->term[i].c),
		              NULL);
		sum = mk3(&m->b, OP_ADD, sum, t, NULL);
	}
	return sum;
}

static Node *
plain_select(Merge *m, Node *x, Node *y)
{
	if (is_const(y, 0) && is_bool(x))
		return mk3(&m->b, OP_AND, m->cond, x, NULL);
	return mk3(&m->b, OP_IF, m->cond, x, y);
}

/* A choice with its constants outside, so that it can be matched with other sums: between 7 and 4
 * it is 3 * cond + 4, between x + 7 and 4 it is (if cond then x + 3 else 0) + 4. */
static Node *
mk_select(Merge *m, Node *x, Node *y)
{
	Affine *a = arena_alloc(m->b.g->arena, 2 * sizeof *a), *b = a + 1;
	Node *chosen, *step;

	if (x == y)
		return x;
	if (!affine_of(x, a) || !affine_of(y, b) || (!a->c && !b->c))
		return plain_select(m, x, y);
	int64_t ka = a->c, kb = b->c, outside = b->n ? ka : kb;
	if (a->n && b->n) {
		outside = kb;
		a->c = b->c = 0;
	} else {
		a->c -= outside;
		b->c -= outside;
	}
	if (!a->n && !b->n) {
		chosen = mk_times(&m->b, m->cond, ka - kb);
	} else {
		x = affine_sum(m, a, NULL);
		y = affine_sum(m, b, NULL);
		chosen = plain_select(m, x, y);
	}
	if (a->n && b->n) {
		step = mk_times(&m->b, m->cond, ka - kb);
		chosen = mk3(&m->b, OP_ADD, chosen, step, NULL);
	}
	return mk3(&m->b, OP_ADD, chosen, mk_const(m->b.g, outside), NULL);
}

static Node *
merge_division(Merge *m, Node *x, Node *y, int depth)
{
	Node *b = is_by_constant(x, OP_DIV) ? x->arg[1] : y->arg[1];
	Node *u = x->op == OP_CONST ? dividend_of(m, y->arg[0], false, x->k, b->k) : x->arg[0];
	Node *v = y->op == OP_CONST ? dividend_of(m, x->arg[0], true, y->k, b->k) : y->arg[0];

	return mk3(&m->b, OP_DIV, merge_nodes(m, u, v, depth), b, NULL);
}

/* Is n a remainder by b, or in 0..b-1 anyway? Of a condition (b is 2) nothing is gained. */
static bool
is_remainder(const Node *n, const Node *b)
{
	return (n->op == OP_MOD && n->arg[1] == b) || (b->k > 2 && stays_within(n, b->k));
}

/* A divisor by which both are remainders, one of them as it is written; or NULL. */
static Node *
common_divisor(Node *x, Node *y)
{
	if (is_by_constant(x, OP_MOD) && is_remainder(y, x->arg[1]))
		return x->arg[1];
	return is_by_constant(y, OP_MOD) && is_remainder(x, y->arg[1]) ? y->arg[1] : NULL;
}

static Node *
merge_remainder(Merge *m, Node *x, Node *y, int depth)
{
	Node *b = common_divisor(x, y);
	Node *u = x->op == OP_MOD && x->arg[1] == b ? x->arg[0] : x,
	     *v = y->op == OP_MOD && y->arg[1] == b ? y->arg[0] : y;

	return mk3(&m->b, OP_MOD, merge_nodes(m, u, v, depth), b, NULL);
}

/* x is hi where u is not 0, else lo. */
typedef struct Flagged {
	Node *u;
	int64_t lo, hi;
} Flagged;

static bool
is_flagged(Node *x, Flagged *f)
{
	if (x->op != OP_IF || x->arg[1]->op != OP_CONST || x->arg[2]->op != OP_CONST)
		return false;
	Node *c = x->arg[0];
	if (c->op == OP_EQ && is_const(c->arg[1], 0))
		*f = (Flagged){ c->arg[0], x->arg[1]->k, x->arg[2]->k };
	else
		*f = (Flagged){ c, x->arg[2]->k, x->arg[1]->k };
	return true;
}

/* The operands of a MAX, or the one node itself, as flagged constants; how many. 0 if one is none,
 * or if they are too many. */
static int
flagged_list(Node *x, Flagged *f)
{
	int n = x->op == OP_MAX ? x->narg : 1;

	if (n > LIST_MAX)
		return 0;
	for (int i = 0; i < n; i++)
		if (!is_flagged(x->op == OP_MAX ? x->arg[i] : x, &f[i]))
			return 0;
	return n;
}

/* Are both greatest of flagged constants, at least one of them a MAX of several? */
static bool
are_greatest(Node *x, Node *y)
{
	Flagged f;

	return (x->op == OP_MAX && (y->op == OP_MAX || is_flagged(y, &f)))
	       || (y->op == OP_MAX && is_flagged(x, &f));
}

static Node *
merge_flagged(Merge *m, Flagged f, Node *u, Node *v, int depth)
{
	Node *merged = merge_nodes(m, u, v, depth);
	Node *zero = mk3(&m->b, OP_EQ, merged, mk_const(m->b.g, 0), NULL);
	Node *lo = mk_const(m->b.g, f.lo), *hi = mk_const(m->b.g, f.hi);

	return mk3(&m->b, OP_IF, zero, lo, hi);
}

/* Two greatest of flagged constants: flag by flag, with 0 for a flag that one of them lacks. */
static Node *
merge_greatest(Merge *m, Node *x, Node *y, int depth)
{
	Flagged f[LIST_MAX], e[LIST_MAX];
	Node *arg[2 * LIST_MAX];
	int nf, ne, n = 0;

	if (!(nf = flagged_list(x, f)) || !(ne = flagged_list(y, e)))
		return NULL;
	bool used[LIST_MAX] = { false };
	for (int i = 0; i < nf; i++) {
		Node *v = mk_const(m->b.g, 0);
		for (int k = 0; k < ne; k++) {
			if (used[k] || e[k].lo != f[i].lo || e[k].hi != f[i].hi)
				continue;
			v = e[k].u;
			used[k] = true;
			break;
		}
		arg[n++] = merge_flagged(m, f[i], f[i].u, v, depth);
	}
	for (int k = 0; k < ne; k++)
		if (!used[k])
			arg[n++] = merge_flagged(m, e[k], mk_const(m->b.g, 0), e[k].u, depth);
	for (int i = 0; i < nf;
	     i++) /* a flag that is 0 for want of one must not raise the greatest */
		if (f[i].lo != f[0].lo || x->type.lo != f[0].lo || y->type.lo != f[0].lo)
			return NULL;
	for (int k = 0; k < ne; k++)
		if (e[k].lo != f[0].lo)
			return NULL;
	return mk(m->b.g, OP_MAX, m->b.at->span, m->b.at->site, n, arg, 0);
}

static MergeMatch *
find_match(const Merge *m, const Node *x, const Node *y)
{
	MergeMatch *t = m->matches->first;

	while (t && (t->x != x || t->y != y))
		t = t->next;
	return t;
}

/* What x has been matched with before; NULL if with nothing. */
static Node *
partner_of(Merge *m, const Node *x, bool x_first)
{
	for (const MergeMatch *t = m->matches->first; t; t = t->next)
		if ((x_first ? t->x : t->y) == x)
			return x_first ? t->y : t->x;
	return NULL;
}

/* The same for an index, or for one that differs from it by a constant, which is added. */
static Node *
partner_index(Merge *m, const Node *x, bool x_first)
{
	for (const MergeMatch *t = m->matches->first; t; t = t->next) {
		const Node *here = x_first ? t->x : t->y;
		Node *other = x_first ? t->y : t->x;
		Affine a;
		if (!t->index)
			continue;
		if (affine_of(x, &a) && affine_add(&a, -1, here) && !a.n)
			return mk3(&m->b, OP_ADD, other, mk_const(m->b.g, a.c), NULL);
	}
	return NULL;
}

/* The default of `pick` as another PICK that gives its default, to be matched with it: over the
 * list that its list has been matched with before, with an index that is out of range. */
static Node *
pick_of_default(Merge *m, Node *pick, bool pick_first)
{
	Node *arg[LIST_MAX + 2], *i = partner_index(m, pick->arg[0], pick_first);
	int n = pick->narg - 2;

	if (n > LIST_MAX)
		return NULL;
	if (!i || (i->type.lo < n && i->type.hi >= 0))
		i = mk_const(m->b.g, -1);
	arg[0] = i;
	arg[1] = pick->arg[1];
	for (int k = 2; k < n + 2; k++) {
		arg[k] = partner_of(m, pick->arg[k], pick_first);
		if (!arg[k])
			arg[k] = pick->arg[k];
	}
	/* not built by mk(), which would fold it to the default again */
	Node *p = NEW(m->b.g->arena, Node);
	*p = *pick;
	p->arg = memcpy(arena_alloc(m->b.g->arena, sizeof *arg * (size_t)(n + 2)), arg,
	                sizeof *arg * (size_t)(n + 2));
	return p;
}

static Node *
merge_pick(Merge *m, Node *x, Node *y, int depth)
{
	Node *arg[LIST_MAX + 2];

	if (x->op == OP_CONST)
		x = x == y->arg[1] ? pick_of_default(m, y, false) : NULL;
	else if (y->op == OP_CONST)
		y = y == x->arg[1] ? pick_of_default(m, x, true) : NULL;
	if (!x || !y || x->op != y->op || x->narg != y->narg || x->narg > LIST_MAX)
		return NULL;
	if (x->arg[1] != y->arg[1] && !pick_always_inside(x) && !pick_always_inside(y))
		return NULL;
	for (int i = 2; i < x->narg; i++)
		arg[i] = merge_nodes(m, x->arg[i], y->arg[i], depth);
	arg[1] = pick_always_inside(x) ? y->arg[1] : x->arg[1];
	arg[0] = merge_nodes(m, x->arg[0], y->arg[0], depth);
	MergeMatch *index = find_match(m, x->arg[0], y->arg[0]);
	if (index)
		index->index = true;
	return mk(m->b.g, OP_PICK, m->b.at->span, m->b.at->site, x->narg, arg, 0);
}

static bool
are_like(Node *x, Node *y)
{
	if (x->op != y->op || x->op == OP_MAX)
		return are_greatest(x, y);
	return is_costly(x) && (x->op == OP_PICK || x->arg[1] == y->arg[1]);
}

/* The node of a term of b that can be merged with t, and has the same coefficient; or NULL. */
static Node *
partner_term(const Affine *b, bool *used, AffineTerm t)
{
	for (int i = 0; i < b->n; i++) {
		Node *n = (Node *)b->term[i].n;
		if (used[i] || b->term[i].c != t.c || !are_like((Node *)t.n, n))
			continue;
		used[i] = true;
		return n;
	}
	return NULL;
}

/* Two sums: each costly term is merged with one of its kind, or with 0; what is left of both is one
 * choice. NULL if nothing costly is shared. */
static Node *
merge_sums(Merge *m, Node *x, Node *y, int depth)
{
	Affine *a = arena_alloc(m->b.g->arena, 2 * sizeof *a), *b = a + 1;
	bool in_a[AFFINE_MAX] = { false }, in_b[AFFINE_MAX] = { false };
	Node *sum = NULL, *t;

	if (!affine_of(x, a) || !affine_of(y, b))
		return NULL;
	for (int i = 0; i < a->n; i++) {
		Node *n = (Node *)a->term[i].n, *other = partner_term(b, in_b, a->term[i]);
		if (!other && is_by_constant(n, OP_DIV))
			other = mk_const(m->b.g, 0);
		if (!other)
			continue;
		in_a[i] = true;
		t = mk_times(&m->b, merge_nodes(m, n, other, depth), a->term[i].c);
		sum = sum ? mk3(&m->b, OP_ADD, sum, t, NULL) : t;
	}
	for (int i = 0; i < b->n; i++) {
		Node *n = (Node *)b->term[i].n;
		if (in_b[i] || !is_by_constant(n, OP_DIV))
			continue;
		in_b[i] = true;
		t = merge_nodes(m, mk_const(m->b.g, 0), n, depth);
		t = mk_times(&m->b, t, b->term[i].c);
		sum = sum ? mk3(&m->b, OP_ADD, sum, t, NULL) : t;
	}
	if (!sum)
		return NULL;
	x = affine_sum(m, a, in_a);
	y = affine_sum(m, b, in_b);
	return mk3(&m->b, OP_ADD, sum, mk_select(m, x, y), NULL);
}

/* if c then (if f then k else x) else y   is   if c and f then k else (if c then x else y) */
static Node *
hoisted(Merge *m, Node *x, Node *y, int depth)
{
	bool of_x = x->op == OP_IF && x->arg[1]->op == OP_CONST;
	Node *outer = of_x ? x : y,
	     *where = of_x ? m->cond : mk3(&m->b, OP_NOT, m->cond, NULL, NULL);

	where = mk3(&m->b, OP_AND, where, outer->arg[0], NULL);
	Node *rest = merge_nodes(m, of_x ? x->arg[2] : x, of_x ? y : y->arg[2], depth);
	return mk3(&m->b, OP_IF, where, outer->arg[1], rest);
}

static bool
is_guarded(const Node *n)
{
	return n->op == OP_IF && n->arg[1]->op == OP_CONST && n->arg[2]->op == OP_PICK;
}

static Node *
merge_anew(Merge *m, Node *x, Node *y, int depth)
{
	Node *to = NULL;
	bool xc = x->op == OP_CONST, yc = y->op == OP_CONST;

	if (x == y)
		return x;
	if ((is_guarded(x) && y->op == OP_PICK) || (is_guarded(y) && x->op == OP_PICK))
		return hoisted(m, x, y, depth);
	if ((is_by_constant(x, OP_DIV)
	     && (yc || (is_by_constant(y, OP_DIV) && x->arg[1] == y->arg[1])))
	    || (is_by_constant(y, OP_DIV) && xc))
		to = merge_division(m, x, y, depth);
	else if (common_divisor(x, y))
		to = merge_remainder(m, x, y, depth);
	else if (are_greatest(x, y))
		to = merge_greatest(m, x, y, depth);
	else if (!(xc && yc) && (x->op == OP_PICK || xc) && (y->op == OP_PICK || yc))
		to = merge_pick(m, x, y, depth);
	else if (is_linear_int(x) || is_linear_int(y))
		to = merge_sums(m, x, y, depth);
	if (!to && (is_linear_int(x) || xc) && (is_linear_int(y) || yc))
		to = mk_select(m, x, y);
	return to ? to : plain_select(m, x, y);
}

static Node *
merge_nodes(Merge *m, Node *x, Node *y, int depth)
{
	MergeMatches *all = m->matches;
	const MergeMatch *known = find_match(m, x, y);

	if (known)
		return known->to;
	if (all->n == MATCHES_MAX || depth > DEPTH_MAX)
		return mk3(&m->b, OP_IF, m->cond, x, y);
	Node *to = merge_anew(m, x, y, depth + 1);
	MergeMatch *t = NEW(m->b.g->arena, MergeMatch);
	*t = (MergeMatch){ NULL, x, y, to, false };
	*all->end = t;
	all->end = &t->next;
	all->n++;
	return to;
}

static MergeMatches *
matches_of(Merge *m, const Node *cond)
{
	MergeMatches *all = map_get(&m->all, cond);

	if (!all) {
		all = NEW(m->b.g->arena, MergeMatches);
		all->end = &all->first;
		map_put(m->b.g->arena, &m->all, cond, all);
	}
	return all;
}

/* Does it cost no layer? Then a choice between two such is no later than a choice of operands. */
static bool
is_free(const Node *n)
{
	const Node *r = n->type.root;

	return n->op == OP_CONST || is_feature(n)
	       || (n->type.image && r && (r->op == OP_READ || r->op == OP_THERE)
	           && is_feature(r->arg[0]));
}

static Node *
merge_select(Graph *g, Node *n, void *ctx)
{
	Merge *m = ctx;

	(void)g;
	if (n->op != OP_IF || n->type.real || is_feature(n)
	    || (is_free(n->arg[1]) && is_free(n->arg[2]))
	    || !(is_costly(n->arg[1]) || is_costly(n->arg[2]) || is_linear_int(n->arg[1])
	         || is_linear_int(n->arg[2])))
		return n;
	if (!m->constants && (n->arg[1]->op == OP_CONST || n->arg[2]->op == OP_CONST))
		return n;
	m->cond = n->arg[0];
	m->matches = matches_of(m, m->cond);
	m->b.at = n;
	Node *to = merge_nodes(m, n->arg[1], n->arg[2], 0);
	/* the type of a PICK may contain a default that is never reached */
	bool list = n->arg[1]->op == OP_PICK || n->arg[2]->op == OP_PICK;
	return list || (to->type.lo >= n->type.lo && to->type.hi <= n->type.hi) ? to : n;
}

/* Needs: index_defaults, so that a choice between indexed lists is one of PICKs; comes
 * before flatten_carries. Invalidates: nothing. */
void
pass_merge_selects(Graph *g, Diags *ds)
{
	Merge m = { .b.g = g };

	(void)ds;
	rewrite_graph(g, merge_select, &m);
	m.constants = true; /* with the matches of the first walk */
	rewrite_graph(g, merge_select, &m);
}
