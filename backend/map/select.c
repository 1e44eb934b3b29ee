/* Conditions, and choices between values (IF).
 *
 * A condition is kept as its *deficit*: a form that is 0 where the condition holds and 1 or more
 * where it fails. The deficits of an AND add up, `x == 0` for x >= 0 is its own deficit, and a
 * gate subtracts a multiple of one; so most logic takes no neuron and no layer. */

#include "backend/map/map.h"

#include <math.h>

static const Rule
	by_leaves = { "nested gates",
	              "nested choices at once: each outcome gated by all of its conditions" },
	by_one = { "exclusive gates",
	           "one condition at most holds: a gate for each outcome, added up" },
	by_rules = { "decision list",
	             "a chain of choices at once: each outcome where no rule before it holds" },
	by_read = { "read", "what is asked of the position read is asked there, what is asked of "
	                    "here by the search" },
	by_steps = { "gated steps",
	             "for each value that is chosen what the count reaches, where it is that" },
	by_difference = { "sign gate",
	                  "the branches' difference, straight from what the condition compares" },
	by_nesting = { "nested sign gate", "the branches' difference, straight from the sum that "
	                                   "the conditions inside one another are" };

/* ---- conditions ---- */

enum { SMALL_DEFICIT = 64 }; /* a gate multiplies it, which leaves less room */

static const Form *
small_deficit(const Form *best, const Form *f)
{
	return f->lo >= 0 && f->hi <= SMALL_DEFICIT ? form_better(best, f) : best;
}

/* Of a < b, or of a >= b, as a difference. */
static const Form *
deficit_order(Circuit *c, const Form *best, Node *n, bool want)
{
	const Form *w = map_difference(c, n->arg[0], n->arg[1], want);

	return small_deficit(best, want ? w : form_scale(c, -1, w, 0));
}

static const Form *
deficit_equal(Circuit *c, const Form *best, Node *n)
{
	const Form *w = map_difference(c, n->arg[0], n->arg[1], 0);

	best = small_deficit(best, w);
	return small_deficit(best, form_scale(c, -1, w, 0));
}

/* Where the condition holds for the first or the last value of its root alone: the distance from
 * it. */
static const Form *
deficit_end(Circuit *c, const Form *best, Node *n, bool want)
{
	const Type *t = &n->type;

	if (!t->root || t->root == n || !t->image || !t->root->type.nset || t->root->two_sided)
		return best;
	int last = t->root->type.nset - 1, holds = 0;
	for (int i = 0; i <= last; i++)
		holds += t->image[i] == want;
	if (holds != 1)
		return best;
	const Form *root = map_node(c, (Node *)t->root);
	if (t->image[0] == want)
		best = small_deficit(best, form_scale(c, 1, root, -t->root->type.lo));
	if (t->image[last] == want)
		best = small_deficit(best, form_scale(c, -1, root, t->root->type.hi));
	return best;
}

const Form *
deficit_all(Circuit *c, Node *n, bool want)
{
	const Form *sum = form_const(c, 0);

	for (int i = 0; i < n->narg; i++)
		sum = form_add(c, 1, sum, 1, deficit(c, n->arg[i], want), 0);
	return sum;
}

/* Of an equality with the greatest of several, where that is earlier. */
static const Form *
beaten_by(Circuit *c, const Form *best, const Node *n)
{
	const Form *f = deficit_of_greatest(c, n);

	if (!f || f->ready >= best->ready)
		return best;
	c->hurried = true;
	return small_deficit(best, f);
}

const Form *
deficit(Circuit *c, Node *n, bool want)
{
	if (n->op == OP_NOT)
		return deficit(c, n->arg[0], !want);

	const Form *f = map_node(c, n);
	const Form *best = want ? form_scale(c, -1, f, 1) : f;
	if (form_is_const(f) || is_feature(n))
		return best;
	best = deficit_end(c, best, n, want);
	if (n->op == (want ? OP_AND : OP_OR))
		best = small_deficit(best, deficit_all(c, n, want));
	if (n->op == OP_LT)
		best = deficit_order(c, best, n, want);
	if (n->op == OP_EQ && want)
		best = deficit_equal(c, best, n);
	return n->op == OP_EQ && want && best->ready > deadline(c) ? beaten_by(c, best, n) : best;
}

/* ---- choices: the leaves of nested IFs, each behind all of its conditions ---- */

enum { FEW_TERMS = 4 }; /* of a base: copying them is cheap */

typedef struct Leaf {
	const Form *deficit; /* of all of its conditions */
	Node *value;
} Leaf;

typedef struct Leaves {
	int n;
	Leaf at[LEAVES_MAX];
} Leaves;

static int
count_leaves(const Node *n, int depth)
{
	return n->op == OP_IF && depth < 8
	               ? count_leaves(n->arg[1], depth + 1) + count_leaves(n->arg[2], depth + 1)
	               : 1;
}

static void
gather_leaves(Circuit *c, Node *n, const Form *d, int depth, Leaves *out)
{
	if (n->op != OP_IF || depth >= 8) {
		out->at[out->n++] = (Leaf){ d, n };
		return;
	}
	gather_leaves(c, n->arg[1], form_add(c, 1, d, 1, deficit(c, n->arg[0], true), 0), depth + 1,
	              out);
	gather_leaves(c, n->arg[2], form_add(c, 1, d, 1, deficit(c, n->arg[0], false), 0),
	              depth + 1, out);
}

/* A leaf that stands where no gate is open; -1: none, each has its own gate. */
static const Form *
leaves_from(Circuit *c, const Leaves *leaves, int base)
{
	const Node *same = base < 0 ? NULL : leaves->at[base].value;
	const Form *from = same ? map_node(c, leaves->at[base].value) : form_const(c, 0);
	const Form *sum = from;

	for (int i = 0; i < leaves->n; i++) {
		const Leaf *leaf = &leaves->at[i];
		if (leaf->value == same)
			continue;
		const Form *over = form_add(c, 1, map_node(c, leaf->value), -1, from, 0);
		sum = form_add(c, 1, sum, 1, gate(c, leaf->deficit, over), 0);
	}
	return sum;
}

/* One gate for each leaf but the base, on its difference from the base: a constant leaf, or the
 * last. Every gate copies what is late in the base; so where that is more than a few neurons, all
 * leaves may have gates instead. */
static const Form *
choose_by_leaves(Circuit *c, Node *n)
{
	Leaves leaves = { 0 };
	int base = -1;

	if (count_leaves(n, 0) > c->effort.leaves)
		return NULL;
	gather_leaves(c, n, form_const(c, 0), 0, &leaves);
	for (int i = 0; i < leaves.n; i++)
		if (is_int_const(leaves.at[i].value))
			base = i;
	if (base < 0)
		base = leaves.n - 1;
	const Form *best = leaves_from(c, &leaves, base);
	if (map_node(c, leaves.at[base].value)->n > FEW_TERMS)
		best = form_better(best, leaves_from(c, &leaves, -1));
	return best;
}

/* relu(M(w-1) + y) - relu(M(w-1)), for 0 <= y <= M. */
const Form *
gate_by_sign(Circuit *c, const Form *w, const Form *y)
{
	if (w->lo >= 1 || w->hi < 1)
		return w->lo >= 1 ? y : form_const(c, 0);
	if (y->lo < 0) {
		const Form *above = gate_by_sign(c, w, form_scale(c, 1, y, -y->lo));
		return form_add(c, 1, above, y->lo, threshold(c, w, 1), 0);
	}
	int64_t m = y->hi;
	if (!m)
		return y;
	const Form *with = relu(c, form_add(c, m, w, 1, y, -m));
	return form_within(c, form_add(c, 1, with, -1, relu(c, form_scale(c, m, w, -m)), 0), 0, m);
}

static const Form *
choose_by_difference(Circuit *c, Node *n)
{
	Node *cond = n->arg[0], *yes = n->arg[1], *no = n->arg[2];

	if (cond->op == OP_NOT) {
		Node *t = yes;
		cond = cond->arg[0];
		yes = no;
		no = t;
	}
	if (cond->op != OP_LT && cond->op != OP_EQ)
		return NULL;
	const Form *b = map_node(c, no), *over = form_add(c, 1, map_node(c, yes), -1, b, 0);
	const Form *w = map_difference(c, cond->arg[1], cond->arg[0], 0);
	double m = (double)(over->hi - min_int64(over->lo, 0));
	if (form_is_const(over) || m * (form_abs_sum(w) + fabs((double)w->k) + 2) >= EXACT_MAX)
		return NULL; /* better a threshold first and then a gate: a layer more, and exact */
	const Form *g = gate_by_sign(c, cond->op == OP_LT ? w : form_scale(c, 1, w, 1), over);
	if (cond->op == OP_EQ)
		g = form_add(c, 1, g, -1, gate_by_sign(c, w, over), 0);
	return form_add(c, 1, b, 1, g, 0);
}

/* base, or where the condition is as wanted base + over, a sign gate of the sum that the nested
 * condition is; NULL where that is not exact or not before `best`. */
static const Form *
choose_by_nested(Circuit *c, Node *n, bool want, const Form *best)
{
	const Form *base = map_node(c, n->arg[want ? 2 : 1]),
		   *over = form_add(c, 1, map_node(c, n->arg[want ? 1 : 2]), -1, base, 0);
	double m = (double)(over->hi - min_int64(over->lo, 0));

	if (best->ready <= deadline(c) || over->ready >= best->ready - 1
	    || base->ready >= best->ready)
		return NULL;
	const Form *w = nested_sum(c, n->arg[0], want, best->ready);
	if (!w || m * (form_abs_sum(w) + fabs((double)w->k) + 2) >= EXACT_MAX)
		return NULL;
	c->hurried = true;
	return form_add(c, 1, base, 1, gate_by_sign(c, w, over), 0);
}

/* A choice around a read as a read, where that is earlier. */
static const Form *
choose_by_read(Circuit *c, Node *n, const Form *best)
{
	Node *masked = masked_read(c->g, n), *searched = searched_if(c->g, n),
	     *read[2] = { masked, searched };

	for (int i = 0; i < 2; i++) {
		const Form *f = read[i] ? map_node(c, read[i]) : NULL;
		if (f && f->ready < best->ready)
			best = form_better_by(c, best, f, &by_read);
	}
	return best;
}

const Form *
map_if(Circuit *c, Node *n)
{
	Node *cond = n->arg[0], *yes = n->arg[1], *no = n->arg[2];
	const Form *list = map_decision_list(c, n);

	if (list) {
		c->made = &by_rules;
		return list;
	}
	const Form *b = map_node(c, no), *over = form_add(c, 1, map_node(c, yes), -1, b, 0);
	const Form *best = form_add(c, 1, b, 1, gate(c, deficit(c, cond, true), over), 0);
	if (is_int_const(yes)) {
		const Form *a = map_node(c, yes);
		over = form_add(c, 1, b, -1, a, 0);
		best = form_better(best,
		                   form_add(c, 1, a, 1, gate(c, deficit(c, cond, false), over), 0));
	}
	if (no->op == OP_IF)
		best = form_better_by(c, best, map_exclusive(c, n), &by_one);
	if (yes->op == OP_IF || no->op == OP_IF || b->n > FEW_TERMS)
		best = form_better_by(c, best, choose_by_leaves(c, n), &by_leaves);
	best = form_better_by(c, best, choose_by_difference(c, n), &by_difference);
	best = form_better_by(c, best, choose_by_steps(c, n, best), &by_steps);
	if (best)
		best = choose_by_read(c, n, best);
	for (int want = 0; best && want < 2; want++)
		best = form_better_by(c, best, choose_by_nested(c, n, want, best), &by_nesting);
	return best;
}
