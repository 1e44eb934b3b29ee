/* Sums over positions, exact at every length.
 *
 * A head that gives equal weight to all matches and to <bos> fetches r = 1/(n + 1), n the number
 * of matches, if the value is 1 at <bos> and 0 elsewhere: a rounded fraction. Any function y of n
 * is a broken line in r, whose bends are at 1/(k + 1) and whose coefficients are integers; what
 * it comes to is y(n) but for an error that is bounded here. One neuron makes an integer of that:
 *
 *     relu(x + M) - M,  M a power of two     rounds x to a multiple of M / 2^23
 *
 * since floats of the size of M have no finer ones, and y(n) is the nearest while the error is
 * below half of that. So a count, or a function of one, is two columns.
 *
 * A sum S of other values fetches S*r beside r, and reaches t just where (2t-1) r - 2 S r is not
 * above 0; it is r or more away from 0 either way, and r is at least 1/places. With s = 2 *
 * places
 *
 *     u = relu(s * ((2t-1) r - 2 S r))     is 0, or at least 2 but for rounding
 *     relu(1 - u)                          is exactly [S >= t]
 *
 * and any function of S is a sum of those. No slope is fixed in advance: all this is proved from
 * the context, or refused. */

#include "backend/attend/attend.h"
#include "backend/map/map.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
	MAX_THRESHOLDS = 1024,
	BROKEN_LINE_MAX = 4096, /* what a count may come to, and */
	ROUNDED_MOST = 1 << 21, /* how far its function may range, if one neuron is to round it */
	MAX_LINES = 24,         /* most counts that a sum is made of */
	PIVOTS = 16,            /* tried for the middle of a broken line */
};

/* What `twc explain` says; of thresholds it says the rule of the operator. */
static const Rule by_counting = {
	"broken line",
	"a head for each bit of what is summed, or each value; a neuron for each number it counts"
};

static const double unit = 1.0 / EXACT_MAX; /* what rounding errors are counted in */

/* Whether what rounding may do to u is less than its margin of 1. A weight is one exponential,
 * one sum and one division, each product and each addition one rounding more; near the threshold
 * the terms are of the size of what is added. */
static bool
margin_holds(const Circuit *c, int64_t most, bool counts)
{
	double roundings = counts ? 40 : 2.0 * c->places + 40;

	return 2.0 * c->places * roundings * (double)most < 0.9 * EXACT_MAX;
}

/* ---- a function of one count, as a broken line ---- */

/* What rounding may do to a sum of neurons, in units of 2^-24. */
typedef struct RoundingError {
	double each; /* of the neurons themselves, times their weights */
	double most; /* their absolute values, times weights: an addition rounds as much */
	int terms;   /* how many are not 0 at once */
} RoundingError;

static double
error_bound(const RoundingError *e)
{
	return (e->each + (e->terms + 4) * e->most) * unit;
}

/* The coefficient of the bend at k: of relu((k+1) r - 1) where fewer match than at the pivot, of
 * relu(1 - (k+1) r) where more do. At the pivot there are both. */
static int64_t
bend_weight(const int64_t *y, int n, int pivot, int k, bool fewer)
{
	int64_t down = k > 0 ? (y[k - 1] - y[k]) * k : 0,
		up = k < n ? (y[k + 1] - y[k]) * (k + 2) : 0;

	if (k == pivot)
		return fewer ? down : up;
	return (fewer ? k < pivot && k > 0 : k > pivot && k < n) ? down + up : 0;
}

/* Weights of the bends below k that stand on both sides of a pivot: their sum, that of k times
 * each, and how many are not 0. */
typedef struct BendSums {
	int64_t weight, moment;
	int n;
} BendSums;

/* (n + 2) */
static BendSums *
bend_sums(Circuit *c, const int64_t *y, int n)
{
	BendSums *sum = arena_alloc(c->arena, sizeof *sum * (size_t)(n + 2));

	for (int k = 0; k <= n; k++) {
		int64_t w = k && k < n ? llabs(bend_weight(y, n, n, k, true)) : 0;
		sum[k + 1] = (BendSums){ sum[k].weight + w, sum[k].moment + w * k,
			                 sum[k].n + (w != 0) };
	}
	return sum;
}

/* What rounding does where `at` match: the bends between there and the pivot are not 0. */
static RoundingError
error_at_count(const int64_t *y, int n, const BendSums *sum, int pivot, int at)
{
	bool fewer = at < pivot;
	const BendSums *from = &sum[fewer ? at : pivot + 1], *to = &sum[fewer ? pivot : at + 1];
	double middle = (double)llabs(bend_weight(y, n, pivot, pivot, fewer));
	double w = (double)(to->weight - from->weight);
	double far = fabs((double)(to->moment - from->moment) - at * w);

	w += middle;
	far = (far + middle * abs(pivot - at)) / (at + 1.0);
	return (RoundingError){ .each = 4 * (far + w),
		                .most = far,
		                .terms = to->n - from->n + (middle != 0) };
}

static RoundingError
polyline_error(const int64_t *y, int n, const BendSums *sum, int pivot)
{
	RoundingError worst = { 0 };

	for (int at = 0; at <= n; at++) {
		RoundingError e = error_at_count(y, n, sum, pivot, at);
		if (error_bound(&e) > error_bound(&worst))
			worst = e;
	}
	return worst;
}

static int
best_pivot(Circuit *c, const int64_t *y, int n, RoundingError *least)
{
	const BendSums *sum = bend_sums(c, y, n);
	int best = 0;

	*least = polyline_error(y, n, sum, 0);
	for (int i = 1; i < PIVOTS; i++) {
		int pivot = (int)((int64_t)n * i * i / ((PIVOTS - 1) * (PIVOTS - 1)));
		RoundingError e = polyline_error(y, n, sum, pivot);
		if (error_bound(&e) < error_bound(least)) {
			*least = e;
			best = pivot;
		}
	}
	return best;
}

/* y[n] of the count n that r = 1/(n + 1) stands for, not yet rounded. */
static const Form *
count_polyline(Circuit *c, const Form *r, int n, const int64_t *y, RoundingError *e)
{
	int pivot = best_pivot(c, y, n, e), m = 1;
	const Form **part = arena_alloc(c->arena, sizeof *part * (size_t)(n + 3));
	int64_t *by = arena_alloc(c->arena, sizeof *by * (size_t)(n + 3));

	part[0] = form_const(c, y[pivot]);
	by[0] = 1;
	for (int fewer = 0; fewer < 2; fewer++) {
		int sign = fewer ? 1 : -1;
		for (int k = 0; k <= n; k++) {
			int64_t w = bend_weight(y, n, pivot, k, fewer);
			if (!w)
				continue;
			part[m] = relu(c, form_scale(c, sign * (k + 1), r, -sign));
			by[m++] = w;
		}
	}
	return form_sum(c, m, part, by);
}

/* f, an integer in lo..hi but for the error, as that integer; NULL if the error is too large. */
static const Form *
round_polyline(Circuit *c, const Form *f, int64_t lo, int64_t hi, const RoundingError *e)
{
	int64_t lift = 1 << 12;

	/* the error may be half of what rounding at this lift bears, at most */
	while (lift < 1 << 22
	       && (2 * (hi - lo) >= lift || 4 * error_bound(e) * EXACT_MAX > (double)lift))
		lift *= 2;
	if (2 * (hi - lo) >= lift || 4 * error_bound(e) * EXACT_MAX > (double)lift)
		return NULL;
	return round_to_integer(c, f, lo, hi, lift);
}

/* ---- what is counted ---- */

/* A sum as counts times numbers. */
typedef struct Counts {
	int n;
	int64_t by; /* what the next counts are multiplied by */
	int64_t times[MAX_LINES];
	Node *count[MAX_LINES];
} Counts;

/* Adds the number of positions summed over where `is` holds. */
static void
add_count(Circuit *c, Counts *l, Node *n, int64_t times, Node *is)
{
	Node *both = mk_at(c->g, n, OP_AND, is, n->arg[1], NULL);

	if (!times)
		return;
	l->times[l->n] = times * l->by;
	l->count[l->n] = make_node(c, n, OP_SUM, mk_const(c->g, 1), both);
	l->n++;
}

/* What is summed as base + sum over its other values v of (v - base) [it is v]. */
static void
counts_by_value(Circuit *c, Node *n, int64_t base, Counts *l)
{
	const Type *t = &n->arg[0]->type;

	add_count(c, l, n, base, mk_const(c->g, 1));
	for (int i = 0; i < t->nset; i++)
		if (t->set[i] != base)
			add_count(
				c, l, n, t->set[i] - base,
				mk_at(c->g, n, OP_EQ, n->arg[0], mk_const(c->g, t->set[i]), NULL));
}

/* What is summed as base + b0 + 2 b1 + 4 b2 …, in two's complement if the base is 0 and it can be
 * negative: the last bit counts less than 0. */
static void
counts_by_bit(Circuit *c, Node *n, int64_t base, Counts *l)
{
	Node *e = n->arg[0], *over = mk_at(c->g, n, OP_SUB, e, mk_const(c->g, base), NULL),
	     *two = mk_const(c->g, 2);
	const Type *t = &over->type;
	int64_t top = 1;

	add_count(c, l, n, base, mk_const(c->g, 1));
	for (; top <= t->hi || -top > t->lo; top *= 2) {
		Node *up = make_node(c, n, OP_DIV, over, mk_const(c->g, top));
		Node *bit = make_node(c, n, OP_MOD, up, two);
		add_count(c, l, n, top, make_node(c, n, OP_EQ, bit, mk_const(c->g, 1)));
	}
	if (t->lo < 0)
		add_count(c, l, n, -top, mk_at(c->g, n, OP_LT, over, mk_const(c->g, 0), NULL));
}

/* How many bits lo..hi takes, a sign included. */
static int
bit_width(int64_t lo, int64_t hi)
{
	int bits = lo < 0;

	for (int64_t top = 1; top <= hi || -top > lo; top *= 2)
		bits++;
	return bits;
}

/* By values or by bits, whichever takes fewer counts; false if what is summed has too many
 * values. */
static bool
add_counts(Circuit *c, Node *n, Counts *l)
{
	const Type *t = &n->arg[0]->type;
	/* summed over all positions, how many there are is known without a count */
	int all = !is_literal(n->arg[1]);
	bool zero = false;

	for (int i = 0; i < t->nset; i++)
		zero |= !t->set[i];
	int values = t->nset - 1 + (zero ? 0 : all);
	int whole = bit_width(t->lo, t->hi), over = bit_width(0, t->hi - t->lo) + all;
	int bits = min_int(whole, over);
	if (!t->nset || t->hi - t->lo > SET_MAX || l->n + min_int(values, bits) >= MAX_LINES)
		return false;
	if (values <= bits)
		counts_by_value(c, n, zero ? 0 : t->lo, l);
	else
		counts_by_bit(c, n, whole <= over ? 0 : t->lo, l);
	return true;
}

/* The sum over x, a stream there that is itself a sum: each of its terms by its own counts. */
static bool
add_counts_by_term(Circuit *c, Node *n, Node *x, int64_t by, Counts *l)
{
	if (x->op == OP_ADD || x->op == OP_SUB)
		return add_counts_by_term(c, n, x->arg[0], by, l)
		       && add_counts_by_term(c, n, x->arg[1], x->op == OP_ADD ? by : -by, l);
	if (x->op == OP_MUL && is_literal(x->arg[1]))
		return add_counts_by_term(c, n, x->arg[0], by * x->arg[1]->k, l);
	Node *part = mk_at(c->g, n, OP_SUM, mk_at(c->g, n, OP_THERE, x, NULL, NULL), n->arg[1],
	                   NULL);
	l->by = by;
	if (part->op == OP_SUM)
		return add_counts(c, part, l);
	if (l->n == MAX_LINES)
		return false;
	l->times[l->n] = by;
	l->count[l->n++] = part;
	return true;
}

/* Is every part of the conditions that relates two positions a bilinear form? */
static bool
can_count_all(Circuit *c, const Counts *l)
{
	for (int i = 0; i < l->n; i++) {
		const Node *cond = l->count[i]->op == OP_SUM ? condition_of(l->count[i])
		                                             : l->count[i];
		int parts = cond->op == OP_AND ? cond->narg : 1;
		for (int k = 0; k < parts; k++) {
			Node *part = cond->op == OP_AND ? cond->arg[k] : (Node *)cond;
			if (side(part) == ON_BOTH && !bilinear_form(c, part))
				return false;
		}
	}
	return true;
}

/* A broken line before it is rounded: the range of its integers, and how far it may be off. */
typedef struct NearForm {
	const Form *form;
	int64_t lo, hi;
	RoundingError error;
} NearForm;

/* y[n] of a count n that a head finds. False after an error, or if it is too large. */
static bool
near_count(Circuit *c, Node *count, const int64_t *y, NearForm *to)
{
	const Lookup *s = lookup_for_sum(c, count);

	if (!s || count->type.hi > BROKEN_LINE_MAX)
		return false;
	to->lo = to->hi = y[0];
	for (int j = 1; j <= count->type.hi; j++) {
		to->lo = min_int64(y[j], to->lo);
		to->hi = max_int64(y[j], to->hi);
	}
	if (to->hi - to->lo >= ROUNDED_MOST)
		return false;
	to->form = count_polyline(c, head_mean(c, s, c->is_bos), (int)count->type.hi, y,
	                          &to->error);
	return true;
}

static bool
is_count(const Node *n)
{
	return n->op == OP_SUM && is_literal(n->arg[0]);
}

/* The part of the sum that is made of counts, before it is rounded. False after an error. */
static bool
near_sum(Circuit *c, const Counts *l, NearForm *all)
{
	*all = (NearForm){ .form = form_const(c, 0) };
	for (int i = 0; i < l->n; i++) {
		Node *k = l->count[i];
		NearForm one;
		if (!is_count(k))
			continue;
		int64_t *y = arena_alloc(c->arena, sizeof *y * (size_t)(k->type.hi + 1));
		for (int j = 0; j <= k->type.hi; j++)
			y[j] = l->times[i] * j;
		if (!near_count(c, k, y, &one))
			return false;
		all->form = form_add(c, 1, all->form, 1, one.form, 0);
		all->lo += one.lo;
		all->hi += one.hi;
		all->error.each += one.error.each;
		all->error.most += one.error.most;
		all->error.terms += one.error.terms;
	}
	return true;
}

/* Adds what was folded to something simpler than a count, or all of it. */
static const Form *
sum_apiece(Circuit *c, const Counts *l, const Form *sum, bool all)
{
	for (int i = 0; i < l->n; i++)
		if (all || !is_count(l->count[i]))
			sum = form_add(c, 1, sum, l->times[i], map_node(c, l->count[i]), 0);
	return sum;
}

/* The sum by its counts: added up and rounded once, or if that is too coarse rounded one by one.
 * NULL where that is not possible. */
static const Form *
map_counts(Circuit *c, Node *n, const Counts *l)
{
	NearForm all;

	bool far = false;

	for (int i = 0; i < l->n; i++)
		far |= is_long_count(c, l->count[i]);
	if (far || !near_sum(c, l, &all))
		return far && l->count[0] != n ? sum_apiece(c, l, form_const(c, 0), true) : NULL;
	const Form *sum = form_is_const(all.form)
	                          ? all.form
	                          : round_polyline(c, all.form, all.lo, all.hi, &all.error);
	bool apiece = !sum;
	if (apiece && l->n == 1 && l->count[0] == n)
		return NULL;
	return sum_apiece(c, l, sum ? sum : form_const(c, 0), apiece);
}

/* The sum by counts, of what is summed as a whole or of its terms, whichever is better; NULL
 * where that is not possible. */
static const Form *
map_by_counts(Circuit *c, Node *n)
{
	Counts whole = { .by = 1 }, terms = { .by = 1 };
	const Form *f = NULL, *g = NULL;

	if (add_counts(c, n, &whole) && can_count_all(c, &whole))
		f = map_counts(c, n, &whole);
	if (side(n->arg[0]) == ON_THERE
	    && add_counts_by_term(c, n, replace_there(c->g, n->arg[0], NULL), 1, &terms))
		g = map_counts(c, n, &terms);
	if (!f || !g)
		return f ? f : g;
	return g->ready < f->ready || (g->ready == f->ready && terms.n < whole.n) ? g : f;
}

/* A function of a sum that is a multiple of one count: y by the values of the sum from lo on. */
static const Form *
table_of_count(Circuit *c, Node *n, const int64_t *y)
{
	Counts l = { .by = 1 };
	int64_t lo = n->type.lo, hi = n->type.hi;

	if (hi - lo > MAX_THRESHOLDS || !add_counts(c, n, &l) || l.n != 1 || !can_count_all(c, &l))
		return NULL;
	Node *k = l.count[0];
	if (!is_count(k))
		return NULL;
	int64_t *v = arena_alloc(c->arena, sizeof *v * (size_t)(k->type.hi + 1));
	for (int j = 0; j <= k->type.hi; j++) {
		int64_t s = l.times[0] * j;
		v[j] = y[s < lo ? 0 : s > hi ? hi - lo : s - lo];
	}
	NearForm one;
	return near_count(c, k, v, &one) ? round_polyline(c, one.form, one.lo, one.hi, &one.error)
	                                 : NULL;
}

/* ---- what also depends on this position ---- */

/* The sum of a bilinear form: each stream here times the sum of the one there. */
static Node *
sum_of_products(Circuit *c, Node *n, const Bilinear *a)
{
	Graph *g = c->g;
	Node *count = mk_at(g, n, OP_SUM, mk_const(g, 1), n->arg[1], NULL);
	Node *sum = mk_at(g, n, OP_MUL, a->alone, count, NULL);

	for (int i = 0; i < a->n; i++) {
		Node *there = mk_at(g, n, OP_THERE, a->term[i].there, NULL, NULL);
		Node *all = mk_at(g, n, OP_SUM, there, n->arg[1], NULL);
		sum = mk_at(g, n, OP_ADD, sum, mk_at(g, n, OP_MUL, a->term[i].here, all, NULL),
		            NULL);
	}
	return sum;
}

/* SUM of what is 0 where a condition on both positions fails, as the SUM where it holds: if c
 * then x else 0, or c * x. NULL if it is not of this form. */
static Node *
sum_under_condition(Circuit *c, Node *n)
{
	Node *e = n->arg[0], *cond = NULL, *x = NULL;

	for (int i = 0; i < 2 && e->op == OP_MUL && !cond; i++)
		if (e->arg[i]->two_sided && e->arg[i]->type.lo >= 0 && e->arg[i]->type.hi <= 1
		    && e->arg[i]->op != OP_THERE) {
			cond = e->arg[i];
			x = e->arg[1 - i];
		}
	for (int i = 1; i < 3 && e->op == OP_IF && e->arg[0]->two_sided && !cond; i++)
		if (e->arg[3 - i]->op == OP_CONST && !e->arg[3 - i]->k) {
			cond = i == 1 ? e->arg[0] : mk_at(c->g, n, OP_NOT, e->arg[0], NULL, NULL);
			x = e->arg[i];
		}
	if (!cond)
		return NULL;
	return mk_at(c->g, n, OP_SUM, x, mk_at(c->g, n, OP_AND, cond, n->arg[1], NULL), NULL);
}

/* SUM of a choice, as one where its condition holds and one where it fails; NULL if it is none. */
static Node *
sum_of_choice(Circuit *c, Node *n)
{
	Graph *g = c->g;
	Node *cond, *part[2], *sum[2];

	if (!as_choice(c, n->arg[0], &cond, &part[0], &part[1]))
		return NULL;
	for (int i = 0; i < 2; i++) {
		Node *both = mk_at(g, n, OP_AND, i ? mk_at(g, n, OP_NOT, cond, NULL, NULL) : cond,
		                   n->arg[1], NULL);
		sum[i] = mk_at(g, n, OP_SUM, part[i], both, NULL);
	}
	return mk_at(g, n, OP_ADD, sum[0], sum[1], NULL);
}

static Node *
sum_of_terms(Circuit *c, Node *n)
{
	Node *e = n->arg[0];

	if (e->op != OP_ADD && e->op != OP_SUB)
		return NULL;
	Node *x = make_node(c, n, OP_SUM, e->arg[0], n->arg[1]),
	     *y = make_node(c, n, OP_SUM, e->arg[1], n->arg[1]);
	return make_node(c, n, e->op, x, y);
}

static const Form *
map_two_sided_sum(Circuit *c, Node *n)
{
	Node *other = sum_under_condition(c, n);

	if (!other && !has_few_rows(c, n->arg[0]))
		other = sum_of_terms(c, n);
	if (other)
		return map_node(c, other);
	const Form *counted = map_by_counts(c, n);
	const Bilinear *a = bilinear_form(c, n->arg[0]);

	if (a && (!a->rows || !counted)) {
		const Form *f = map_node(c, sum_of_products(c, n, a));
		if (!counted || f->ready <= counted->ready)
			return f;
	}
	if (counted)
		c->made = &by_counting;
	other = counted ? NULL : sum_of_choice(c, n);
	if (other)
		return map_node(c, other);
	if (!counted)
		refuse_bilinear(c, n, "sum");
	return counted;
}

/* ---- thresholds of a sum ---- */

/* 2 S r, from what the head fetches. */
static const Form *
twice_sum(Circuit *c, const Lookup *s, const Form *r, Node *e)
{
	if (e->op == OP_CONST) /* all weights add up to 1 */
		return form_scale(c, -2 * e->k, r, 2 * e->k);
	const Form *x = map_node(c, replace_there(c->g, e, NULL));
	return form_scale(c, 2, head_mean(c, s, form_set_bos(c, x, 0)), 0);
}

static bool
has_thresholds(const Circuit *c, const Node *n)
{
	const Type *e = &n->arg[0]->type;
	int64_t most = -e->lo > e->hi ? -e->lo : e->hi;

	return !(side(n->arg[0]) & ON_HERE) && n->type.hi - n->type.lo <= MAX_THRESHOLDS
	       && margin_holds(c, most, is_literal(n->arg[0]));
}

/* [S >= t] for each t in lo+1..hi; NULL after an error. */
static const Form **
sum_thresholds(Circuit *c, Node *n)
{
	Node *e = n->arg[0];
	int64_t lo = n->type.lo, hi = n->type.hi;

	if (!has_thresholds(c, n)) {
		error_at_node(
			c, n,
			"this sum can take %lld values over a context of %d, more than can be told "
			"apart exactly",
			(long long)(hi - lo + 1), c->g->context);
		return NULL;
	}
	const Lookup *s = lookup_for_sum(c, n);
	if (!s)
		return NULL;
	const Form *r = head_mean(c, s, c->is_bos), *twice = twice_sum(c, s, r, e);
	const Form **flag = arena_alloc(c->arena, sizeof *flag * (size_t)(hi - lo + 1));
	int64_t scale = 2 * (int64_t)c->places;
	for (int64_t t = lo + 1; t <= hi; t++) {
		const Form *below = form_add(c, scale * (2 * t - 1), r, -scale, twice, 0);
		flag[t - lo - 1] = exact_flag(c, relu(c, below));
	}
	return flag;
}

/* Is it the next token itself? */
static bool
is_said(const Circuit *c, const Node *n)
{
	for (int i = 0; c->emit && i < c->g->nfield; i++)
		if (c->g->emit[i] == n)
			return n->type.nset > 0;
	return false;
}

const Form *
map_sum(Circuit *c, Node *n)
{
	const Form *said = is_said(c, n) ? table_by_steps(c, n, n->type.set) : NULL;

	if (said)
		return said;
	if (side(n->arg[0]) & ON_HERE)
		return map_two_sided_sum(c, n);
	if (is_long_count(c, n))
		return map_long_count(c, n);
	const Form *counted = map_by_counts(c, n);

	if (counted) {
		c->made = &by_counting;
		return counted;
	}
	const Form **flag = sum_thresholds(c, n), *sum = form_const(c, n->type.lo);

	for (int64_t t = n->type.lo + 1; flag && t <= n->type.hi; t++)
		sum = form_add(c, 1, sum, 1, flag[t - n->type.lo - 1], 0);
	return flag ? sum : NULL;
}

const Form *
table_of_sum(Circuit *c, Node *n, const int64_t *y)
{
	Node *all, *mine, *cases[2];
	const Form *counted = table_by_steps(c, n, y);

	if (counted)
		return counted;
	if (sum_before(c->g, n, &all, &mine) || two_cases(c, n->arg[1], cases))
		return staircase(c, map_node(c, n), n->type.nset, n->type.set, y);
	if (is_long_count(c, n)) {
		counted = table_of_long_count(c, n, y);
		return counted ? counted
		               : staircase(c, map_node(c, n), n->type.nset, n->type.set, y);
	}
	if (n->type.nset == n->type.hi - n->type.lo + 1 && (counted = table_of_count(c, n, y)))
		return counted;
	if (!has_thresholds(c, n))
		return staircase(c, map_node(c, n), n->type.nset, n->type.set, y);
	const Form **flag = sum_thresholds(c, n), *f = form_const(c, y[0]);
	for (int i = 1; flag && i < n->type.nset; i++) {
		/* between two values that occur, the step may be anywhere */
		int64_t t = n->type.set[i];
		f = form_add(c, 1, f, y[i] - y[i - 1], flag[t - n->type.lo - 1], 0);
	}
	return flag ? f : form_const(c, y[0]);
}
