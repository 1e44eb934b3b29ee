/* Which of several is the greatest, and choices of which one is taken.
 *
 *     m = max(a, b, c)
 *     if a == m then 0 else if b == m then 1 else 2
 *
 * `a == m` says that neither b > a nor c > a, whatever m is: the pairs are compared at once, which
 * takes one layer where the greatest itself takes one a round. And where a, b and c are never
 * equal, as scores are that tell their numbers too (best i by [x[i], -i]), no two of the conditions
 * hold together: each outcome has a gate of its own condition, and the gates are added up. */

#include "backend/map/map.h"

#include <stdlib.h>

enum { LONGEST_CHOICE = 64, SUMS_DEEP = 12, COMPARED_MOST = 16 };

/* ---- what is never equal ---- */

/* *k + something that is a multiple of *gcd, times n added. */
static void
add_multiples(const Node *n, int64_t times, int depth, int64_t *gcd, int64_t *k)
{
	if (n->op == OP_CONST) {
		*k += times * n->k;
	} else if (depth < SUMS_DEEP && (n->op == OP_ADD || n->op == OP_SUB)) {
		add_multiples(n->arg[0], times, depth + 1, gcd, k);
		add_multiples(n->arg[1], n->op == OP_ADD ? times : -times, depth + 1, gcd, k);
	} else if (depth < SUMS_DEEP && n->op == OP_MUL && is_int_const(n->arg[1])
	           && llabs(n->arg[1]->k) < EXACT_MAX && llabs(times) < EXACT_MAX) {
		add_multiples(n->arg[0], times * n->arg[1]->k, depth + 1, gcd, k);
	} else {
		for (int64_t a = llabs(times); a;) { /* Euclid */
			int64_t rest = *gcd % a;
			*gcd = a;
			a = rest;
		}
	}
}

static bool
never_equal(const Node *x, const Node *y)
{
	int64_t gcd = 0, k = 0;

	add_multiples(x, 1, 0, &gcd, &k);
	add_multiples(y, -1, 0, &gcd, &k);
	return gcd ? k % gcd : k;
}

/* Two equalities with one and the same, of what is never equal. */
static bool
never_hold_both(const Node *a, const Node *b)
{
	if (a->op != OP_EQ || b->op != OP_EQ)
		return false;
	for (int i = 0; i < 4; i++)
		if (a->arg[i / 2] == b->arg[i % 2]
		    && never_equal(a->arg[1 - i / 2], b->arg[1 - i % 2]))
			return true;
	return false;
}

/* ---- the greatest ---- */

/* 1 where x < y. Of two that are never equal both orders are one comparison. */
static const Form *
is_less(Circuit *c, const Node *at, Node *x, Node *y)
{
	bool swap = x->id > y->id && never_equal(x, y);
	const Form *f = map_node(c, make_node(c, at, OP_LT, swap ? y : x, swap ? x : y));

	return swap ? form_scale(c, -1, f, 1) : f;
}

/* How many of m's operands beat x, which is one of them; NULL: it is none. */
static const Form *
beating(Circuit *c, const Node *at, const Node *m, Node *x)
{
	const Form *sum = form_const(c, 0);
	bool found = false;

	for (int k = 0; k < m->narg; k++)
		found |= m->arg[k] == x;
	for (int k = 0; found && k < m->narg; k++) {
		Node *y = m->arg[k];
		if (y == x)
			continue;
		const Form *less = m->op == OP_MAX ? is_less(c, at, x, y) : is_less(c, at, y, x);
		sum = form_add(c, 1, sum, 1, less, 0);
	}
	return found ? sum : NULL;
}

const Form *
deficit_of_greatest(Circuit *c, const Node *equal)
{
	const Form *sum = NULL;

	for (int i = 0; i < 2 && !sum; i++) {
		const Node *m = equal->arg[i];
		if ((m->op == OP_MAX || m->op == OP_MIN) && m->narg <= COMPARED_MOST)
			sum = beating(c, equal, m, equal->arg[1 - i]);
	}
	return sum;
}

/* ---- choices ---- */

typedef struct ExclusiveChoices {
	int n;
	Node *cond[LONGEST_CHOICE], *yes[LONGEST_CHOICE]; /* (n) */
	Node *none;
} ExclusiveChoices;

static bool
add_choice(ExclusiveChoices *all, Node *cond, Node *yes)
{
	if (all->n == LONGEST_CHOICE)
		return false;
	for (int i = 0; i < all->n; i++)
		if (!never_hold_both(all->cond[i], cond))
			return false;
	all->cond[all->n] = cond;
	all->yes[all->n++] = yes;
	return true;
}

const Form *
map_exclusive(Circuit *c, Node *n)
{
	ExclusiveChoices all = { 0 };

	for (; n->op == OP_IF; n = n->arg[2])
		if (!add_choice(&all, n->arg[0], n->arg[1]))
			return NULL;
	all.none = n;
	if (n->op == OP_EQ && add_choice(&all, n, mk_const(c->g, 1))) /* the last is 1 or 0 */
		all.none = mk_const(c->g, 0);
	if (all.n < 2)
		return NULL;
	const Form *none = map_node(c, all.none), *sum = none;
	for (int i = 0; i < all.n; i++) {
		const Form *over = form_add(c, 1, map_node(c, all.yes[i]), -1, none, 0);
		sum = form_add(c, 1, sum, 1, gate(c, deficit(c, all.cond[i], true), over), 0);
	}
	return sum;
}
