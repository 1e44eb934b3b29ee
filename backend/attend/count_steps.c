/* What a count reaches, exactly, in the layer of its head.
 *
 * A head gives the n matches and <bos> equal weight and fetches r = 1/(n + 1), a rounded fraction.
 * With y = s r, s a power of two, and a whole number K between s/(t + 1) and s/t - 1,
 *
 *     relu(y - K) - relu(y - K - 1)     is 1 where n < t, 0 elsewhere; for t = 2:
 *
 *     n          0    1    2     3   …
 *     y = 16 r  16    8   5.3    4   …
 *     y - 6     10    2    0     0        and with 7:  9  1  0  0
 *
 * Both numbers have errors, and their difference has none. y is a float times a power of two, so
 * nothing is rounded there. Where y >= K, all of y and K is a multiple of the last place of y
 * (which is at most 1), and y - K is no larger than y: it is a float, as is y - K - 1 where it is
 * not negative; so is what a column adds up of them, if it has nothing else to add. Where y < K
 * both are 0. And y is never between K and K + 1: r errs by error_of_r at most.
 *
 * Other whole numbers may be taken away too, if none is below 0: a function K of the token or of
 * the place, for a threshold that depends on it; or a large number where something does not hold, a
 * gate (gated_step). Any order of summation is exact then: a partial sum that has y in it is
 * y less a whole number, and not below the whole sum.
 *
 * Of other sums S, the head fetches (2 S - 2 t + 1) r, as one mean: what is summed counts twice,
 * and <bos> 1 - 2 t. That is r or more above 0, or below. The errors of a mean grow with the
 * context, so this is for short ones; so a difference of two counts is told. */

#include "backend/attend/attend.h"
#include "backend/map/map.h"
#include "lang/int_division.h"

#include <math.h>
#include <stdlib.h>

enum {
	SCALE_MOST = 1 << 22, /* of y: its last place is below 1 */
	STEPS_MOST = 64,      /* of one function: two neurons and a column each */
	STEPS_FREE = 2,       /* so many take no more than a count and what reads it */
	THRESHOLDS_OF = 4096, /* values of the threshold */
	SUMS_DEEP = 4,
};

static const double error_of_r = 4 * 4 * ONE_ROUNDING; /* four roundings, and room to prove it */

static const Rule by_steps = { "steps", "two neurons for each number that a count may reach" };

/* A count that a head finds alone. */
static bool
is_one_count(Circuit *c, const Node *n)
{
	Node *cases[2];

	return n->op == OP_SUM && is_literal(n->arg[0]) && n->arg[0]->k == 1
	       && n->type.hi <= EXACT_MAX / 4 && !two_cases(c, n->arg[1], cases);
}

/* K for [n < t] where y is at most s, or -1: s is too small. */
static int64_t
step_between(int64_t s, int64_t t, int64_t most)
{
	if (t <= 0)
		return 2 * s;
	double above = (double)s / (double)t * (1 - error_of_r),
	       below = (double)s / ((double)t + 1) * (1 + error_of_r);
	int64_t k = t > most ? 0 : (int64_t)ceil(below);

	if (t > most)
		above = (double)s / ((double)most + 1) * (1 - error_of_r);
	return (double)k + 1 <= above ? k : -1;
}

/* K as a form: of the threshold t + shift, which is a number or a feature. NULL: s is too small. */
static const Form *
step_positions(Circuit *c, int64_t s, int64_t t, Node *shift, int64_t most)
{
	if (shift->op == OP_CONST) {
		int64_t k = step_between(s, t + shift->k, most);
		return k < 0 ? NULL : form_const(c, k);
	}
	const Type *root = &shift->type.root->type;
	int64_t n = root->hi - root->lo + 1, *y = NEWS(c->arena, int64_t, n);
	for (int i = 0; i < root->nset; i++) {
		int64_t k = step_between(s, t + shift->type.image[i], most);
		if (k < 0)
			return NULL;
		y[root->set[i] - root->lo] = k;
	}
	Node *k = mk_table(c->g, shift->span, shift->site, (Node *)shift->type.root, root->lo, y,
	                   (int)n);
	const Form *f = map_node(c, k);
	return form_is_const(f) ? f : as_penalty(c, f);
}

/* 1 where the count is below t + shift; NULL where that is not possible. */
static const Form *
count_below(Circuit *c, Node *count, int64_t t, Node *shift)
{
	const Form *k = NULL;
	int64_t s = 1;

	for (; s <= SCALE_MOST && !k; s *= 2)
		k = step_positions(c, s, t, shift, count->type.hi);
	const Lookup *head = k ? lookup_for_sum(c, count) : NULL;
	if (!head)
		return NULL;
	const Form *r = head_mean(c, head, c->is_bos);
	return step_neuron(c, form_add(c, s / 2, r, -1, k, 0));
}

/* The count of which n is a sum, and what is to be added to a threshold of n for one of the count;
 * NULL if it is none. */
static Node *
count_within(Circuit *c, Node *n, Node **shift)
{
	Node *all, *mine;

	*shift = mk_const(c->g, 0);
	if (n->op != OP_SUM || !sum_before(c->g, n, &all, &mine))
		return is_one_count(c, n) ? n : NULL;
	*shift = mine;
	return is_one_count(c, all) ? all : NULL;
}

static bool
is_known_early(const Node *n)
{
	return n->op == OP_CONST
	       || (is_feature(n) && n->type.root->type.nset
	           && n->type.root->type.hi - n->type.root->type.lo < THRESHOLDS_OF);
}

/* ---- functions ---- */

static int
count_changes(const Type *t, const int64_t *y)
{
	int changes = 0;

	for (int i = 1; i < t->nset; i++)
		changes += y[i] != y[i - 1];
	return changes;
}

const Form *
table_by_steps(Circuit *c, Node *sum, const int64_t *y)
{
	const Type *t = &sum->type;
	int changes = count_changes(t, y);
	Node *shift, *count = c->effort.steps ? count_within(c, sum, &shift) : NULL;

	if (!count || !is_known_early(shift) || changes > STEPS_MOST)
		return NULL;
	const Form *f = form_const(c, y[t->nset - 1]);
	for (int i = 1; i < t->nset; i++) {
		if (y[i] == y[i - 1])
			continue;
		const Form *below = count_below(c, count, t->set[i], shift);
		if (!below)
			return NULL;
		f = form_add(c, 1, f, y[i - 1] - y[i], below, 0);
		if (changes > STEPS_FREE && deadline(c) >= computed_from(f->ready))
			return NULL;
	}
	c->hurried |= changes > STEPS_FREE;
	c->made = &by_steps;
	return f;
}

/* ---- comparisons ---- */

/* x - y as times * sum + rest, or as times * (sum - less). */
typedef struct SumDifference {
	Node *sum, *less, *rest;
	int64_t times;
	bool failed;
	const Node *at; /* the comparison */
} SumDifference;

/* As far as so few sums in one another show. */
static bool
adds_sum(const Node *n, int most)
{
	bool more = most && (n->op == OP_ADD || n->op == OP_SUB || n->op == OP_MUL);

	return !n->type.real
	       && (n->op == OP_SUM
	           || (more && (adds_sum(n->arg[0], most - 1) || adds_sum(n->arg[1], most - 1))));
}

static void
add_to_difference(Circuit *c, SumDifference *d, Node *n, int64_t by)
{
	if (n->op == OP_ADD || n->op == OP_SUB) {
		add_to_difference(c, d, n->arg[0], by);
		add_to_difference(c, d, n->arg[1], n->op == OP_ADD ? by : -by);
	} else if (n->op == OP_MUL && is_literal(n->arg[1]) && llabs(n->arg[1]->k) < EXACT_MAX) {
		add_to_difference(c, d, n->arg[0], by * n->arg[1]->k);
	} else if (n->op != OP_SUM) {
		Node *scaled = mk_at(c->g, n, OP_MUL, n, mk_const(c->g, by), NULL);
		d->rest = mk_at(c->g, n, OP_ADD, d->rest, scaled, NULL);
	} else if (!d->sum) {
		d->sum = n;
		d->times = by;
	} else {
		d->failed |= d->less || by != -d->times;
		d->less = n;
	}
	d->failed |= llabs(by) > EXACT_MAX;
}

static Node *
all_of(Circuit *c, Node *at, Node *cond, int n, Node *const *part)
{
	for (int i = 0; i < n; i++)
		cond = make_node(c, at, OP_AND, cond, part[i]);
	return cond;
}

/* A count's condition as what is known there, and the rest; false where no head counts it. */
static bool
parts_of_count(Circuit *c, Node *count, Node **there, Node **rest)
{
	Conjunction w = { 0 };
	Node *one = mk_const(c->g, 1);

	if (!is_one_count(c, count) || !split_condition(c, count, count->arg[1], &w))
		return false;
	*there = all_of(c, count, one, w.nthere, w.there);
	*rest = all_of(c, count, one, w.nboth, w.both);
	*rest = all_of(c, count, *rest, w.nhere, w.here);
	return true;
}

/* Of two counts the difference as one sum, where their conditions differ only in what is known
 * there: count(A and C) - count(B and C) is the sum of A[j] - B[j] where C. */
static Node *
difference_of_counts(Circuit *c, const Node *n, Node *a, Node *b)
{
	Node *flag[2], *rest[2];

	if (!parts_of_count(c, a, &flag[0], &rest[0]) || !parts_of_count(c, b, &flag[1], &rest[1])
	    || rest[0] != rest[1])
		return NULL;
	Node *e = mk_at(c->g, n, OP_SUB, flag[0], flag[1], NULL);
	Node *there = mk_at(c->g, n, OP_THERE, e, NULL, NULL);
	return mk_at(c->g, n, OP_SUM, there, rest[0], NULL);
}

/* 1 where the sum is t or more; NULL where its mean is not near enough. */
static const Form *
sum_reaches(Circuit *c, Node *sum, int64_t t)
{
	Node *e = sum->arg[0], *cases[2], *all, *mine;
	int64_t bos = 1 - 2 * t;
	double most = fmax(2 * fmax(fabs((double)e->type.lo), fabs((double)e->type.hi)),
	                   fabs((double)bos));
	double error = (c->places + 8) * 1.01 * ONE_ROUNDING * most, s = 1;

	while (s <= SCALE_MOST && s * (1.0 / c->places - error) < 1)
		s *= 2;
	if (s * most > SCALE_MOST || error * c->places >= 0.5 || side(e) & ON_HERE
	    || two_cases(c, sum->arg[1], cases) || sum_before(c->g, sum, &all, &mine))
		return NULL;
	const Lookup *head = lookup_for_sum(c, sum);
	if (!head)
		return NULL;
	const Form *x = map_node(c, replace_there(c->g, e, NULL));
	if (x->real)
		return NULL;
	const Form *mean = head_mean(c, head, form_set_bos(c, form_scale(c, 2, x, 0), bos));
	return step_neuron(c, form_scale(c, (int64_t)s, mean, 0));
}

static bool
is_shared(Circuit *c, const Node *n)
{
	const int *users = node_users(c);

	return n->id < c->nusers && users[n->id] > 1;
}

/* Does something else than the comparison need both counts, or their difference? */
static bool
are_counted_anyway(Circuit *c, const SumDifference *d)
{
	bool shared = is_shared(c, d->sum) && is_shared(c, d->less);

	for (int i = 0; i < 2; i++)
		shared |= adds_sum(d->at->arg[i], SUMS_DEEP) && d->at->arg[i]->op != OP_SUM
		          && is_shared(c, d->at->arg[i]);
	return shared;
}

/* 1 where the difference is t or more. */
static const Form *
difference_reaches(Circuit *c, const SumDifference *d, int64_t t)
{
	Node *sum = d->sum, *shift, *count = d->less ? NULL : count_within(c, sum, &shift);

	if (count) { /* times * sum >= t - rest */
		Graph *g = c->g;
		bool up = d->times > 0;
		Node *by = mk_const(g, llabs(d->times)), *k = mk_const(g, up ? t : -t);
		Node *x = mk_at(g, d->rest, up ? OP_SUB : OP_ADD, k, d->rest, NULL);
		if (up) /* upwards */
			x = mk_at(g, x, OP_ADD, x, mk_const(g, by->k - 1), NULL);
		x = mk_at(g, x, OP_DIV, x, by, NULL);
		x = mk_at(g, x, OP_ADD, x, shift, NULL);
		if (!is_known_early(x))
			return NULL;
		const Form *below = count_below(c, count, !up, x);
		return !below || !up ? below : form_scale(c, -1, below, 1);
	}
	if (d->rest->op != OP_CONST || !d->times)
		return NULL;
	Node *a = d->times > 0 ? sum : d->less, *b = d->times > 0 ? d->less : sum;
	if (!a)
		return NULL;
	if (b && !(sum = difference_of_counts(c, d->at, a, b)))
		return NULL;
	int64_t least = -(int64_t)floor_div(d->rest->k - t, llabs(d->times));
	const Form *f = sum->op == OP_SUM ? sum_reaches(c, sum, least) : NULL;
	if (!b || !f || !are_counted_anyway(c, d))
		return f;
	c->hurried = true; /* if there is time, the counts do */
	return deadline(c) >= computed_from(computed_from(f->ready)) ? NULL : f;
}

const Form *
compare_by_steps(Circuit *c, Node *n)
{
	SumDifference d = { .rest = mk_const(c->g, 0), .at = n };

	if (!c->effort.steps || (n->op != OP_LT && n->op != OP_EQ) || n->two_sided
	    || !(adds_sum(n->arg[0], SUMS_DEEP) || adds_sum(n->arg[1], SUMS_DEEP)))
		return NULL;
	add_to_difference(c, &d, n->arg[1], 1);
	add_to_difference(c, &d, n->arg[0], -1);
	if (!d.sum || d.failed)
		return NULL;
	const Form *above = difference_reaches(c, &d, 1), *least = NULL;
	if (above && n->op == OP_EQ)
		least = difference_reaches(c, &d, 0);
	if (!above || (n->op == OP_EQ && !least))
		return NULL;
	c->made = &by_steps;
	return n->op == OP_LT ? above : form_within(c, form_add(c, 1, least, -1, above, 0), 0, 1);
}
