/* MIN and MAX.
 *
 *     max(a, b) = a + relu(b - a)         min(a, b) = b - relu(b - a)        by one neuron
 *
 * Of more operands the two that are there first are taken, and their greatest with the next: as
 * many layers as a tournament has rounds. Or, where few values can occur, by a threshold for each
 * of them, in one layer. Operands that are a MAX themselves, and have a step of their own since
 * others read them (join_extremes.c), are taken apart where that is earlier. */

#include "backend/map/map.h"

enum { MOST_LEAVES = 64 };

static const Rule by_threshold = { "thresholds",
	                           "a neuron for each value that some operand may reach" },
		  by_rounds = { "maximum",
	                        "a neuron for each operand, in rounds, as of a tournament" },
		  by_composing = { "composed steps",
	                           "a chain of sums within bounds, two steps as one, "
	                           "then four, and so on" };

/* The greatest operand as min + the sum over all values v of [some operand reaches v] times the
 * distance from the value before. Such a threshold is an OR, which is one neuron. */
static const Form *
greatest_by_threshold(Circuit *c, Node *n)
{
	int64_t v[THRESHOLDS_MAX];
	int nv = all_values(n, v);

	if (!nv)
		return NULL;
	const Form *sum = form_const(c, n->type.lo);
	for (int k = 0; k < nv; k++) {
		if (v[k] <= n->type.lo)
			continue;
		int64_t below = k ? max_int64(v[k - 1], n->type.lo) : n->type.lo;
		const Form *none = form_const(c, 0);
		for (int i = 0; i < n->narg; i++) {
			Node *less = mk_at(c->g, n, OP_LT, n->arg[i], mk_const(c->g, v[k]), NULL);
			if (!is_int_const(less) || !less->k)
				none = form_add(c, 1, none, 1, deficit(c, less, true), 0);
		}
		sum = form_add(c, 1, sum, below - v[k], relu(c, form_scale(c, -1, none, 1)),
		               v[k] - below);
	}
	return sum;
}

/* Two by two, the earliest first. */
static const Form *
greatest_by_rounds(Circuit *c, Node *n)
{
	const Form **f = arena_alloc(c->arena, sizeof *f * (size_t)n->narg);
	int left = n->narg;

	for (int i = 0; i < left; i++)
		f[i] = map_node(c, n->arg[i]);
	while (left > 1) {
		for (int i = 0; i < 2; i++) { /* the two earliest to the front */
			int first = i;
			for (int k = i; k < left; k++)
				first = f[k]->ready < f[first]->ready ? k : first;
			const Form *x = f[first];
			for (; first > i; first--)
				f[first] = f[first - 1];
			f[i] = x;
		}
		f[1] = form_add(c, 1, f[0], 1, relu(c, form_add(c, 1, f[1], -1, f[0], 0)), 0);
		f++;
		left--;
	}
	return f[0];
}

/* ---- operands that are the same operator ---- */

typedef struct ExtremeLeaves {
	int n, ready;
	Node *at[MOST_LEAVES];
} ExtremeLeaves;

static bool
extreme_leaves(Circuit *c, Node *n, ExtremeLeaves *leaves)
{
	for (int i = 0; i < n->narg; i++) {
		Node *x = n->arg[i];
		if (x->op == n->op ? !extreme_leaves(c, x, leaves) : leaves->n == MOST_LEAVES)
			return false;
		if (x->op == n->op)
			continue;
		leaves->ready = max_int(map_node(c, x)->ready, leaves->ready);
		leaves->at[leaves->n++] = x;
	}
	return true;
}

/* All of them at once, where that may be before `best`; else NULL. */
static const Form *
extreme_of_leaves(Circuit *c, Node *n, const Form *best)
{
	ExtremeLeaves l = { 0 };
	bool nested = false;

	for (int i = 0; i < n->narg; i++)
		nested |= n->arg[i]->op == n->op;
	if (!nested || best->ready <= deadline(c) || !extreme_leaves(c, n, &l)
	    || computed_from(l.ready) >= best->ready)
		return NULL;
	Node *all = mk(c->g, n->op, n->span, n->site, l.n, l.at, 0);
	const Form *f = all == n ? NULL : map_node(c, all);
	c->hurried |= f && f->ready < best->ready;
	return f;
}

const Form *
emit_MAX(Circuit *c, Node *n)
{
	const Form *by_value = n->narg > 2 ? greatest_by_threshold(c, n) : NULL;

	if (by_value)
		c->made = &by_threshold;
	const Form *best = form_better_by(c, by_value, greatest_by_rounds(c, n), &by_rounds);
	best = form_better_by(c, best, extreme_of_leaves(c, n, best), &by_threshold);
	return form_better_by(c, best, map_clamp_chain(c, n, best), &by_composing);
}

const Form *
emit_MIN(Circuit *c, Node *n)
{
	Node **arg = arena_alloc(c->arena, sizeof *arg * (size_t)n->narg);
	const Form *f;

	if (n->narg == 2) {
		const Form *x = map_node(c, n->arg[0]), *y = map_node(c, n->arg[1]);
		f = form_add(c, 1, y, -1, relu(c, form_add(c, 1, y, -1, x, 0)), 0);
	} else {
		for (int i = 0; i < n->narg; i++)
			arg[i] = mk_at(c->g, n, OP_SUB, mk_const(c->g, 0), n->arg[i], NULL);
		Node *max = mk(c->g, OP_MAX, n->span, n->site, n->narg, arg, 0);
		f = form_scale(c, -1, map_node(c, max), 0);
	}
	f = form_better_by(c, f, extreme_of_leaves(c, n, f), &by_threshold);
	return form_better_by(c, f, map_clamp_chain(c, n, f), &by_composing);
}
