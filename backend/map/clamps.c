/* Chains of sums that are held within bounds.
 *
 *     s = max(0, min(20, s + k - 4))       step by step, for ten k
 *
 * Each step is a clamped shift, x -> clamp(x + a, l, h), and two in turn are one:
 *
 *     clamp(clamp(x + a, l, h) + b, l', h')  is  clamp(x + a + b, L, H),  where
 *     L = clamp(l + b, l', h')  and  H = clamp(h + b, l', h')
 *
 * So steps that do not wait for one another are composed first, two by two, then four by four
 * (parallel prefix: Ladner and Fischer 1980; Hillis and Steele 1986), and a chain of n steps takes
 * about log2(n) layers. Since l <= h, a clamp is one layer whatever its bounds:
 *
 *     clamp(v, l, h) = l + relu(v - l) - relu(v - h) */

#include "backend/map/map.h"

enum { LONGEST_CHAIN = 256, SUMS_DEEP = 8 };

/* clamp(x + add, lo, hi) */
typedef struct ClampedShift {
	const Form *add, *lo, *hi;
} ClampedShift;

/* clamp(before + add, lo, hi) */
typedef struct ClampStep {
	Node *before;
	ClampedShift shift;
} ClampStep;

typedef struct ClampChain {
	Circuit *c;
	int n;
	ClampStep step[LONGEST_CHAIN]; /* (n) the last one first */
	int ready;                     /* of all that is added */
} ClampChain;

/* The other operand of a MAX or MIN with a constant, which *bound becomes; NULL if it is none. */
static Node *
bounded_operand(const Node *n, Op op, int64_t *bound)
{
	if (n->op != op || n->narg != 2 || !is_int_const(n->arg[1]))
		return NULL;
	*bound = n->arg[1]->k;
	return n->arg[0];
}

/* The sum that n holds within *lo..*hi; NULL if it is no such thing. */
static Node *
clamped_sum(const Node *n, int64_t *lo, int64_t *hi)
{
	Node *s = NULL, *inner;

	if (n->op != OP_MAX && n->op != OP_MIN)
		return NULL;
	bool max = n->op == OP_MAX;
	int64_t *first = max ? lo : hi, *second = max ? hi : lo;
	if (!(inner = bounded_operand(n, n->op, first)))
		return NULL;
	s = bounded_operand(inner, max ? OP_MIN : OP_MAX, second);
	if (!s) {
		s = inner;
		*second = max ? s->type.hi : s->type.lo;
	}
	return *lo <= *hi ? s : NULL;
}

/* Of what n adds up, the bounded sum that is ready last; NULL: none. */
static Node *
last_bounded(Circuit *c, Node *n, int depth)
{
	int64_t lo, hi;

	if (clamped_sum(n, &lo, &hi))
		return n;
	if ((n->op != OP_ADD && n->op != OP_SUB) || depth == SUMS_DEEP)
		return NULL;
	Node *x = last_bounded(c, n->arg[0], depth + 1),
	     *y = n->op == OP_ADD ? last_bounded(c, n->arg[1], depth + 1) : NULL;
	if (!x || !y)
		return x ? x : y;
	return map_node(c, x)->ready < map_node(c, y)->ready ? y : x;
}

/* n less the term x of it; NULL if it is no term. */
static const Form *
form_without(Circuit *c, Node *n, const Node *x, int depth)
{
	if (n == x)
		return form_const(c, 0);
	for (int i = 0; i < 2 && depth < SUMS_DEEP; i++) {
		if (n->op != OP_ADD && (n->op != OP_SUB || i))
			break;
		const Form *rest = form_without(c, n->arg[i], x, depth + 1);
		if (rest)
			return form_add(c, 1, rest, n->op == OP_SUB ? -1 : 1,
			                map_node(c, n->arg[1 - i]), 0);
	}
	return NULL;
}

/* The step that n is, if the sum in it adds to what is one itself. */
static bool
clamp_step(Circuit *c, Node *n, ClampStep *step)
{
	int64_t lo, hi;
	Node *s = n->type.real ? NULL : clamped_sum(n, &lo, &hi),
	     *before = s ? last_bounded(c, s, 0) : NULL;

	if (!before)
		return false;
	const Form *add = form_without(c, s, before, 0);
	*step = (ClampStep){ before, { add, form_const(c, lo), form_const(c, hi) } };
	return true;
}

/* clamp(v, lo, hi), as far as is known within least..most */
static const Form *
clamp_form(Circuit *c, const Form *v, const Form *lo, const Form *hi)
{
	const Form *above = relu(c, form_add(c, 1, v, -1, lo, 0)),
		   *over = relu(c, form_add(c, 1, v, -1, hi, 0));
	const Form *f = form_add(c, 1, lo, 1, form_add(c, 1, above, -1, over, 0), 0);

	return form_within(c, f, lo->lo, hi->hi);
}

/* The steps from first up to last, the later ones of the chain first, as one. */
static ClampedShift
composed_steps(const ClampChain *chain, int first, int last)
{
	if (first == last)
		return chain->step[first].shift;
	int middle = (first + last) / 2;
	ClampedShift then = composed_steps(chain, first, middle),
		     now = composed_steps(chain, middle + 1, last);
	Circuit *c = chain->c;
	return (ClampedShift){
		form_add(c, 1, now.add, 1, then.add, 0),
		clamp_form(c, form_add(c, 1, now.lo, 1, then.add, 0), then.lo, then.hi),
		clamp_form(c, form_add(c, 1, now.hi, 1, then.add, 0), then.lo, then.hi)
	};
}

static void
gather_steps(ClampChain *chain, Node *n)
{
	while (chain->n < LONGEST_CHAIN && clamp_step(chain->c, n, &chain->step[chain->n])) {
		const ClampStep *s = &chain->step[chain->n++];
		chain->ready = max_int(s->shift.add->ready, chain->ready);
		n = s->before;
	}
}

const Form *
map_clamp_chain(Circuit *c, Node *n, const Form *best)
{
	ClampChain *chain = NEW(c->arena, ClampChain);

	if (best->ready <= deadline(c))
		return NULL;
	chain->c = c;
	gather_steps(chain, n);
	int steps = 0, first = best->ready, composed = chain->ready;
	for (int m = 2; m <= chain->n; m *= 2) { /* how many at once are the earliest? */
		int from = map_node(c, chain->step[m - 1].before)->ready;
		composed = computed_from(composed);
		int ready = computed_from(max_int(from, composed));
		if (ready < first) {
			first = ready;
			steps = m;
		}
	}
	if (!steps)
		return NULL;
	ClampedShift all = composed_steps(chain, 0, steps - 1);
	const Form *x = map_node(c, chain->step[steps - 1].before);
	c->hurried = true;
	return clamp_form(c, form_add(c, 1, x, 1, all.add, 0), all.lo, all.hi);
}
