/* Local identities, applied to a node while it is made: constants are folded, what has no
 * effect goes (x + 0), what is one of its operands is that operand (if true then x else
 * y), and the operands of what commutes are put into one order (constants last, the rest
 * by content), so that hash-consing finds x + y when it has y + x. What needs to see more
 * than the node and its operands is a pass. */

#include "ir/internal.h"

#include <stdlib.h>
#include <string.h>

static Node *
fold_const(Graph *g, const Node *n)
{
	if (!n->narg || !is_pointwise(n->op) || op_info[n->op].attr == A_REALS
	    || has_trait(n->op, T_MIXES))
		return NULL;
	for (int i = 0; i < n->narg; i++)
		if (n->arg[i]->op != OP_CONST)
			return NULL;
	int64_t *v = scratch(g, SCRATCH_ARG, (size_t)n->narg * sizeof *v);
	for (int i = 0; i < n->narg; i++)
		v[i] = n->arg[i]->k;
	return mk_const(g, op_apply(n, v));
}

static Node *
fold1(Graph *g, const Node *n, Op op, Node *x)
{
	return mk(g, op, n->span, n->site, 1, &x, 0);
}

/* ---- operands that commute ---- */

static int
constants_last(const void *a, const void *b)
{
	const Node *x = *(Node *const *)a, *y = *(Node *const *)b;
	int c = (x->op == OP_CONST) - (y->op == OP_CONST);

	return c ? c : node_compare(x, y);
}

/* Is it a MAX of MINs, or a MIN of MAXs, in part? Those stay apart (join_extremes.c). */
static bool
mixes_extremes(const Node *n)
{
	Op other = n->op == OP_MAX ? OP_MIN : n->op == OP_MIN ? OP_MAX : n->op;

	for (int i = 0; i < n->narg && other != n->op; i++) {
		const Node *x = n->arg[i];
		if (x->op == other)
			return true;
		for (int k = 0; k < x->narg && x->op == n->op; k++)
			if (x->arg[k]->op == other)
				return true;
	}
	return false;
}

/* Replaces nested operands of the same operator by their operands: AND(a, AND(b, c)) is AND(a, b,
 * c). */
static void
gather_operands(Graph *g, Node *n)
{
	int total = 0;

	for (int i = 0; i < n->narg; i++)
		total += n->arg[i]->op == n->op ? n->arg[i]->narg : 1;
	bool join = total <= FLAT_MAX && !mixes_extremes(n);
	Node **out = scratch(g, SCRATCH_FOLD, (size_t)(join ? total : n->narg) * sizeof *out);
	int m = 0;
	for (int i = 0; i < n->narg; i++) {
		Node *x = n->arg[i];
		if (join && x->op == n->op)
			for (int j = 0; j < x->narg; j++)
				out[m++] = x->arg[j];
		else
			out[m++] = x;
	}
	n->arg = out;
	n->narg = m;
}

static void
sort_operands(Node *n, bool dedupe)
{
	qsort(n->arg, (size_t)n->narg, sizeof *n->arg, constants_last);
	if (!dedupe)
		return;
	int m = 1;
	for (int i = 1; i < n->narg; i++)
		if (n->arg[i] != n->arg[m - 1])
			n->arg[m++] = n->arg[i];
	n->narg = m;
}

static bool
has_operand(const Node *n, const Node *x)
{
	for (int i = 0; i < n->narg; i++)
		if (n->arg[i] == x)
			return true;
	return false;
}

/* AND (unit 1) and OR (unit 0): an operand that is `unit` has no effect, one that is the opposite
 * decides. */
static Node *
fold_logic(Graph *g, Node *n, int64_t unit)
{
	gather_operands(g, n);
	int m = 0;
	for (int i = 0; i < n->narg; i++) {
		Node *x = n->arg[i];
		if (x->op != OP_CONST)
			n->arg[m++] = x;
		else if ((x->k == 1) != unit)
			return mk_const(g, !unit);
	}
	if (!(n->narg = m))
		return mk_const(g, unit);
	sort_operands(n, true);
	for (int i = 0; i < n->narg; i++) {
		const Node *x = n->arg[i];
		if (x->op == OP_NOT && is_bool(x) && has_operand(n, x->arg[0]))
			return mk_const(g, !unit);
	}
	return n->narg == 1 && is_bool(n->arg[0]) ? n->arg[0] : NULL;
}

static Node *
fold_and(Graph *g, Node *n)
{
	return fold_logic(g, n, 1);
}

static Node *
fold_or(Graph *g, Node *n)
{
	return fold_logic(g, n, 0);
}

/* MIN, MAX. Of all operands the one with the best guaranteed bound (for MAX, the greatest lower
 * end) makes every operand superfluous that cannot exceed that bound. */
static Node *
fold_extreme(Graph *g, Node *n)
{
	int sign = n->op == OP_MAX ? 1 : -1;

	gather_operands(g, n);
	sort_operands(n, true);
	Node *best = n->arg[0];
	for (int i = 1; i < n->narg; i++) {
		const Type *t = &n->arg[i]->type, *b = &best->type;
		if (sign > 0 ? t->lo > b->lo : t->hi < b->hi)
			best = n->arg[i];
	}
	int m = 0;
	for (int i = 0; i < n->narg; i++) {
		const Type *t = &n->arg[i]->type;
		if (n->arg[i] == best || (sign > 0 ? t->hi > best->type.lo : t->lo < best->type.hi))
			n->arg[m++] = n->arg[i];
	}
	n->narg = m;
	return m == 1 ? n->arg[0] : NULL;
}

static void
sort_pair(Graph *g, Node *n)
{
	Node **out = scratch(g, SCRATCH_FOLD, 2 * sizeof *out);
	Node *a = n->arg[0], *b = n->arg[1];
	bool swap = constants_last(&a, &b) > 0;

	out[0] = swap ? b : a;
	out[1] = swap ? a : b;
	n->arg = out;
}

/* ---- one operator each ---- */

/* x + 3 + 4 is x + 7. */
static Node *
fold_add(Graph *g, Node *n)
{
	sort_pair(g, n);
	Node *x = n->arg[0], *k = n->arg[1];
	if (is_const(k, 0))
		return x;
	if (k->op != OP_CONST || !has_trait(x->op, T_ADDS) || x->arg[1]->op != OP_CONST)
		return NULL;
	int64_t inner = x->op == OP_ADD ? x->arg[1]->k : -x->arg[1]->k;
	Node *sum = mk_const(g, clamp((__int128)k->k + inner));
	return mk(g, OP_ADD, n->span, n->site, 2, (Node *[]){ x->arg[0], sum }, 0);
}

static Node *
fold_mul(Graph *g, Node *n)
{
	sort_pair(g, n);
	if (is_const(n->arg[1], 0))
		return n->arg[1];
	return is_const(n->arg[1], 1) ? n->arg[0] : NULL;
}

static Node *
fold_eq(Graph *g, Node *n)
{
	sort_pair(g, n);
	Node *x = n->arg[0];
	if (x == n->arg[1])
		return mk_const(g, 1);
	if (is_bool(x) && is_const(n->arg[1], 1))
		return x;
	return is_bool(x) && is_const(n->arg[1], 0) ? fold1(g, n, OP_NOT, x) : NULL;
}

/* Is x y, or y held within a constant that is on the other side of k than op would bring it? */
static bool
is_held(const Node *x, const Node *y, Op op, const Node *k)
{
	if (x == y)
		return true;
	return x->op == op && k->op == OP_CONST && x->narg == 2 && x->arg[0] == y
	       && x->arg[1]->op == OP_CONST
	       && (op == OP_MIN ? x->arg[1]->k >= k->k : x->arg[1]->k <= k->k);
}

/* if a < b then a else b: the least of both, or else the greatest. Also where that is held within
 * another bound: if a < 0 then 0 else min(a, 9). */
static Node *
fold_extreme_choice(Graph *g, const Node *n)
{
	const Node *a = n->arg[0]->arg[0], *b = n->arg[0]->arg[1], *yes = n->arg[1],
		   *no = n->arg[2];
	bool least = (yes == a && is_held(no, b, OP_MAX, a))
	             || (no == b && is_held(yes, a, OP_MAX, b)),
	     most = (yes == b && is_held(no, a, OP_MIN, b))
	            || (no == a && is_held(yes, b, OP_MIN, a));

	if (!least && !most)
		return NULL;
	return mk(g, least ? OP_MIN : OP_MAX, n->span, n->site, 2, n->arg + 1, 0);
}

static Node *
fold_if(Graph *g, Node *n)
{
	Node *c = n->arg[0], *a = n->arg[1], *b = n->arg[2], *real = fold_real_if(g, n);

	if (real)
		return real;
	if (c->op == OP_CONST)
		return c->k == 1 ? a : b;
	if (a == b)
		return a;
	if (!is_bool(c))
		return NULL;
	if (is_const(a, 1) && is_const(b, 0))
		return c;
	if (is_const(a, 0) && is_const(b, 1))
		return fold1(g, n, OP_NOT, c);
	if (c->op == OP_NOT)
		return mk(g, OP_IF, n->span, n->site, 3, (Node *[]){ c->arg[0], b, a }, 0);
	return c->op == OP_LT ? fold_extreme_choice(g, n) : NULL;
}

/* Does the table add the same to every value in reach? */
static bool
is_shift(const Node *n, int64_t *by)
{
	const Type *t = &n->arg[0]->type;

	if (t->lo < n->k || t->hi - n->k >= n->ntable)
		return false;
	*by = n->table[t->lo - n->k] - t->lo;
	for (int64_t x = t->lo; x <= t->hi; x++)
		if (n->table[x - n->k] - x != *by)
			return false;
	return true;
}

static Node *
fold_table(Graph *g, Node *n)
{
	const Node *x = n->arg[0];
	int64_t by;

	if (is_shift(n, &by))
		return mk(g, OP_ADD, n->span, n->site, 2, (Node *[]){ n->arg[0], mk_const(g, by) },
		          0);
	if (x->op != OP_TABLE)
		return NULL;
	int64_t *t = arena_alloc(g->arena, (size_t)x->ntable * sizeof *t);
	for (int i = 0; i < x->ntable; i++)
		t[i] = op_apply(n, &x->table[i]);
	return mk_table(g, n->span, n->site, x->arg[0], x->k, t, x->ntable);
}

static Node *
fold_pick(Graph *g, Node *n)
{
	const Node *i = n->arg[0];
	Node *real = fold_real_pick(g, n);

	if (real)
		return real;
	if (i->type.hi < 0 || i->type.lo >= n->narg - 2)
		return n->arg[1];
	if (i->op == OP_CONST)
		return n->arg[i->k + 2];
	for (int j = 2; j < n->narg; j++)
		if (n->arg[j] != n->arg[1])
			return NULL;
	return n->arg[1];
}

/* AS says how to compute what it means; of two ways the one that was found last stays. */
static Node *
fold_as(Graph *g, Node *n)
{
	Node *x = n->arg[0], *y = n->arg[1];

	if (x == y || x->op == OP_CONST)
		return x;
	if (y->op == OP_CONST)
		return y;
	return x->op == OP_AS ? mk(g, OP_AS, n->span, n->site, 2, (Node *[]){ x->arg[0], y }, 0)
	                      : NULL;
}

/* LATEST and FIRST of what always holds. */
static Node *
fold_latest(Graph *g, Node *n)
{
	if (!is_const(n->arg[0], 1) || g->bidirectional)
		return NULL;
	return mk(g, OP_HERE, n->span, n->site, 0, NULL, 0);
}

static Node *
fold_first(Graph *g, Node *n)
{
	return is_const(n->arg[0], 1) ? fold1(g, n, OP_AT, mk_const(g, 0)) : NULL;
}

/* BEST, where the score is the same at all positions, is LATEST. */
static Node *
fold_best(Graph *g, Node *n)
{
	if (n->arg[0]->two_sided && !is_const(n->arg[1], 0))
		return NULL;
	return fold1(g, n, OP_LATEST, n->arg[1]);
}

/* A condition or a summand that is the same for all positions stands outside of the sum. */
static Node *
fold_sum(Graph *g, Node *n)
{
	Node *e = n->arg[0], *c = n->arg[1], *one = mk_const(g, 1), *zero = mk_const(g, 0);

	if (is_const(e, 0) || is_const(c, 0))
		return zero;
	if (c->op != OP_CONST && !c->two_sided) {
		Node *all = mk(g, OP_SUM, n->span, n->site, 2, (Node *[]){ e, one }, 0);
		return mk(g, OP_IF, n->span, n->site, 3, (Node *[]){ c, all, zero }, 0);
	}
	if (!e->two_sided && e != one) {
		Node *count = mk(g, OP_SUM, n->span, n->site, 2, (Node *[]){ one, c }, 0);
		return mk(g, OP_MUL, n->span, n->site, 2, (Node *[]){ e, count }, 0);
	}
	if (e != one || c != one)
		return NULL;
	Node *last = mk(g, OP_INDEX, n->span, n->site, 0, NULL, 0);
	if (g->bidirectional) {
		Node *p = fold1(g, n, OP_LATEST, one);
		last = mk(g, OP_READ, n->span, n->site, 3, (Node *[]){ last, p, zero }, 0);
	}
	return mk(g, OP_ADD, n->span, n->site, 2, (Node *[]){ last, one }, 0);
}

/* Do they compare here with a position that is looked at? In a causal model that one is not
 * greater. */
static bool
is_ahead(const Graph *g, const Node *here, const Node *there)
{
	return !g->bidirectional && here->op == OP_INDEX && there->op == OP_THERE
	       && there->arg[0] == here;
}

static bool
never_visible(const Graph *g, const Node *p, int64_t k)
{
	if (k <= -g->context || k >= g->context)
		return true;
	switch (p->op) {
	case OP_HERE: return k > 0 && !g->bidirectional;
	case OP_AT: return p->arg[0]->type.hi < 0 || p->arg[0]->type.lo >= g->context;
	default: return is_const(condition_of(p), 0);
	}
}

/* Is the position with number e + k never beyond the last visible one? */
static bool
never_beyond(Graph *g, Node *n, Node *e, int64_t k)
{
	Node *last = mk(g, OP_INDEX, n->span, n->site, 0, NULL, 0);

	if (g->bidirectional) {
		Node *end = fold1(g, n, OP_LATEST, mk_const(g, 1));
		last = mk(g, OP_READ, n->span, n->site, 3, (Node *[]){ last, end, mk_const(g, 0) },
		          0);
	}
	return most_of_difference(g, e, last) <= (k > 0 ? -k : 0);
}

/* Are the positions number e and e + k visible everywhere? */
static bool
surely_visible(Graph *g, Node *n, Node *e, int64_t k)
{
	return most_of_difference(g, mk_const(g, 0), e) <= min_int64(k, 0)
	       && never_beyond(g, n, e, k);
}

/* READ(x, AT(e), d) where position e is visible wherever e >= 0, and x needs no look at it: a
 * constant, which asks whether it is there, or its number, which is e. */
static Node *
fold_read_at(Graph *g, Node *n)
{
	Node *x = n->arg[0], *e = n->arg[1]->arg[0], *d = n->arg[2],
	     *arg[2] = { mk_const(g, -1), e };
	bool number = x->op == OP_INDEX && d->op == OP_CONST && (d->k == 0 || d->k == -1)
	              && e->type.hi < g->context;

	if (!(number || (is_const(x, 1) && is_const(d, 0))) || n->k || !never_beyond(g, n, e, 0))
		return NULL;
	if (!number)
		return mk(g, OP_LT, n->span, n->site, 2, arg, 0);
	arg[0] = d;
	return mk(g, OP_MAX, n->span, n->site, 2, arg, 0);
}

/* a < max(e, c) where a is at least c: a < e. */
static Node *
fold_less(Graph *g, Node *n)
{
	Node *a = n->arg[0], *m = n->arg[1];

	if (a == m || is_ahead(g, a, m))
		return mk_const(g, 0);
	if (m->op != OP_MAX || m->narg != 2)
		return NULL;
	for (int i = 0; i < 2; i++)
		if (m->arg[i]->op == OP_CONST && m->arg[i]->k <= a->type.lo)
			return mk(g, OP_LT, n->span, n->site, 2, (Node *[]){ a, m->arg[1 - i] }, 0);
	return NULL;
}

/* The operand of an AT may be the number of a position itself: if what is there where e is not
 * negative is e, AT(e) needs no guard around it. */
static Node *
unguarded_number(Graph *g, Node *n, Node *e, int depth)
{
	if (e->op == OP_READ && e->arg[0]->op == OP_INDEX && !e->k && e->arg[1]->op == OP_AT
	    && e->arg[2]->type.hi < 0)
		return e->arg[1]->arg[0];
	if (e->op == OP_MAX && e->narg == 2 && (is_const(e->arg[0], -1) || is_const(e->arg[1], -1)))
		return e->arg[is_const(e->arg[0], -1)];
	if (e->op != OP_IF || depth == 8)
		return e;
	Node *yes = unguarded_number(g, n, e->arg[1], depth + 1),
	     *no = unguarded_number(g, n, e->arg[2], depth + 1);
	return yes == e->arg[1] && no == e->arg[2]
	               ? e
	               : mk(g, OP_IF, e->span, e->site, 3, (Node *[]){ e->arg[0], yes, no }, 0);
}

/* Where e is negative only because a read inside it found nothing, the default of that read is
 * raised to the greatest that still makes e negative: a head scores positions by the squares of
 * such numbers, which then stay small. */
static Node *
tight_absent(Graph *g, Node *e)
{
	Affine sum;

	if (!has_trait(e->op, T_ADDS) || !affine_of(e, &sum))
		return e;
	for (int i = 0; i < sum.n; i++) {
		Node *read = (Node *)sum.term[i].n, *to;
		if (sum.term[i].c != 1 || read->op != OP_READ || read->arg[2]->op != OP_CONST)
			continue;
		int64_t rest = most_of_difference(g, e, read), d = rest > 0 ? -1 - rest : -1;
		if (read->arg[2]->k >= d)
			continue;
		Node *arg[3] = { read->arg[0], read->arg[1], mk_const(g, d) };
		to = mk(g, OP_READ, read->span, read->site, 3, arg, read->k);
		to = replaced_in_sum(g, e, read, to);
		return to ? to : e;
	}
	return e;
}

static Node *
fold_at(Graph *g, Node *n)
{
	Node *e = tight_absent(g, unguarded_number(g, n, n->arg[0], 0));

	if (e->op == OP_INDEX)
		return mk(g, OP_HERE, n->span, n->site, 0, NULL, 0);
	return e == n->arg[0] ? NULL : mk(g, OP_AT, n->span, n->site, 1, &e, 0);
}

static Node *
fold_read(Graph *g, Node *n)
{
	Node *x = n->arg[0], *p = n->arg[1], *d = n->arg[2];

	if (!is_reference(p->op))
		return NULL;
	if (is_literal(x) && x == d)
		return x;
	if (never_visible(g, p, n->k))
		return d;
	if (p->op == OP_AT && !is_literal(d) && surely_visible(g, n, p->arg[0], n->k))
		return mk(g, OP_READ, n->span, n->site, 3, (Node *[]){ x, p, unread_value(g, x) },
		          n->k);
	if (p->op == OP_AT && x->op == OP_CONST && surely_visible(g, n, p->arg[0], n->k))
		return x;
	if (p->op == OP_AT)
		return fold_read_at(g, n);
	if (p->op != OP_HERE)
		return NULL;
	if (n->k == 0)
		return x;
	if (x->op == OP_READ && x->arg[1] == p && x->arg[2] == d && d->op == OP_CONST && x->k <= 0
	    && n->k <= 0)
		return mk(g, OP_READ, n->span, n->site, 3, x->arg, x->k + n->k);
	return NULL;
}

/* ---- those of a line or two ---- */

static Node *
fold_sub(Graph *g, Node *n)
{
	Node *x = n->arg[0], *y = n->arg[1];

	return x == y ? mk_const(g, 0) : is_const(y, 0) ? x : NULL;
}

static Node *
fold_div(Graph *g, Node *n)
{
	(void)g;
	return is_const(n->arg[1], 1) ? n->arg[0] : NULL;
}

static Node *
fold_mod(Graph *g, Node *n)
{
	return is_const(n->arg[1], 1) ? mk_const(g, 0) : NULL;
}

static Node *
fold_abs(Graph *g, Node *n)
{
	(void)g;
	return n->arg[0]->type.lo >= 0 ? n->arg[0] : NULL;
}

static Node *
fold_not(Graph *g, Node *n)
{
	(void)g;
	return n->arg[0]->op == OP_NOT ? n->arg[0]->arg[0] : NULL;
}

static Node *
fold_there(Graph *g, Node *n)
{
	(void)g;
	return is_literal(n->arg[0]) ? n->arg[0] : NULL;
}

Node *
fold_node(Graph *g, Node *n)
{
#define fold_none NULL
	static Node *(*const rule[NUM_OPS])(Graph *, Node *) = {
#define OP(name, nargs, attr, class, traits, fold, ...) [OP_##name] = fold_##fold,
#include "lang/ops.h"
#undef OP
	};
#undef fold_none
	Node *c = fold_const(g, n);

	return c || !rule[n->op] ? c : rule[n->op](g, n);
}
