/* Nested conditions as one threshold.
 *
 *     a and (b or (c and d))          is          4a + 2b + c + d >= 6
 *
 * A condition that is made of others one inside the other, each time with `and` or `or`, is a
 * linear threshold function (Muroga 1971, "Threshold Logic and Its Applications"); so is a
 * decision list, `if a then true else if b then false else ...` (Rivest 1987, "Learning decision
 * lists"). Two neurons make it in one layer, whatever its depth; written out, every level of it
 * takes one. From inside out a sum w is kept that is 1 or more just where the condition holds.
 * What must hold beside it takes w's greatest value away where it does not; what is enough beside
 * it adds what lifts w's least value to 1. So weights grow 1.62 times a level where `and` and
 * `or` take turns, and some thirty levels are one threshold. */

#include "backend/map/map.h"

enum {
	MOST = 1 << 21, /* of the absolute value of a sum */
	DEEPEST = 64,   /* levels that are looked at */
	MANY_OPERANDS = 64,
};

static const Rule by_nesting = {
	"threshold", "conditions inside one another: one sum of them all, their weights "
		     "growing outward"
};

/* What is asked of n: for which value of it, and by which state its parts are ready. */
typedef struct Asked {
	bool want;
	int state;
	int depth; /* levels above */
} Asked;

static const Form *weighted_sum(Circuit *, Node *, Asked);

/* The same of operands of which all must be as wanted, or it is enough that one is. */
static const Form *
sum_of_operands(Circuit *c, bool all, int narg, Node *const *arg, const bool *want, Asked a)
{
	const Form *count = form_const(c, 0); /* how many fail of all, or are there of some */
	int inner = -1;

	for (int i = 0; i < narg; i++) {
		const Form *f = map_node(c, arg[i]);
		if (f->ready > a.state) {
			if (inner >= 0)
				return NULL;
			inner = i;
		} else if (want[i] == all) {
			count = form_add(c, 1, count, -1, f, 1);
		} else {
			count = form_add(c, 1, count, 1, f, 0);
		}
	}
	if (inner < 0)
		return all ? form_scale(c, -1, count, 1) : count;
	const Form *w = weighted_sum(c, arg[inner], (Asked){ want[inner], a.state, a.depth + 1 });
	if (!w)
		return NULL;
	w = form_add(c, 1, w, all ? -w->hi : 1 - w->lo, count, 0);
	return w->hi < MOST && w->lo > -MOST ? w : NULL;
}

/* `if c then true else x` is an `or`, and so on; NULL where neither branch is constant. */
static const Form *
threshold_of_choice(Circuit *c, Node *n, Asked a)
{
	for (int i = 1; i < 3; i++) {
		if (!is_int_const(n->arg[i]))
			continue;
		bool enough = n->arg[i]->k == a.want; /* that the condition takes this branch */
		bool taken = i == 1;
		return sum_of_operands(c, !enough, 2, (Node *[]){ n->arg[0], n->arg[3 - i] },
		                       (bool[]){ taken == enough, a.want }, a);
	}
	return NULL;
}

/* a < b, of numbers: how far */
static const Form *
sum_of_order(Circuit *c, Node *n, Asked a)
{
	const Form *x = map_node(c, n->arg[0]), *y = map_node(c, n->arg[1]);

	if (x->ready > a.state || y->ready > a.state)
		return NULL;
	const Form *w = a.want ? form_add(c, 1, y, -1, x, 0) : form_add(c, 1, x, -1, y, 1);
	return w->hi < MOST && w->lo > -MOST ? w : NULL;
}

/* A form that is 1 or more just where n is as wanted; NULL if there is none of this kind. */
static const Form *
weighted_sum(Circuit *c, Node *n, Asked a)
{
	const Form *f = a.depth ? map_node(c, n) : NULL;
	bool want[MANY_OPERANDS];

	if (f && f->ready <= a.state)
		return form_scale(c, a.want ? 1 : -1, f, !a.want);
	if (a.depth > DEEPEST || n->narg > MANY_OPERANDS)
		return NULL;
	switch (n->op) {
	case OP_NOT: return weighted_sum(c, n->arg[0], (Asked){ !a.want, a.state, a.depth + 1 });
	case OP_IF: return threshold_of_choice(c, n, a);
	case OP_LT: return sum_of_order(c, n, a);
	case OP_AND:
	case OP_OR:
		for (int i = 0; i < n->narg; i++)
			want[i] = a.want;
		return sum_of_operands(c, (n->op == OP_AND) == a.want, n->narg, n->arg, want, a);
	default: return NULL;
	}
}

const Form *
nested_sum(Circuit *c, Node *cond, bool want, int before)
{
	const Form *w = NULL;

	/* what is too early once is so ever after */
	for (int state = before - 3; state >= 0; state -= 2) {
		const Form *earlier = weighted_sum(c, cond, (Asked){ want, state | 1, 0 });
		if (!earlier)
			break;
		w = earlier;
	}
	return w;
}

const Form *
map_nested(Circuit *c, Node *n, const Form *best)
{
	const Form *w = best->ready > deadline(c) ? nested_sum(c, n, true, best->ready) : NULL;

	if (!w)
		return best;
	c->hurried = true;
	return form_better_by(c, best, threshold(c, w, 1), &by_nesting);
}
