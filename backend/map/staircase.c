/* Functions of one integer, gates and products, as neurons.
 *
 *     y |    __        A function on integers is a broken line: an affine function and one
 *       | __/          neuron relu(x - k) for each change of slope. Here lines count from a
 *       |/    pivot    pivot in their middle, relu(x - k) right of it and relu(k - x) left of
 *       +-------- x    it, so that the terms stay small.
 *
 * A product is a difference of quarter squares: x y = floor((x+y)^2 / 4) - floor((x-y)^2 / 4),
 * each of them such a function (as in the tables of quarter squares that multiplied before
 * calculators did). Where a neuron has two forms that it multiplies, it is that. */

#include "backend/map/map.h"

#include <math.h>
#include <stdlib.h>

enum {
	SHORT_TABLE = 16,        /* changes of slope that are neurons in any case */
	LONGEST_TABLE = 1 << 17, /* values that are looked up by digits */
};

typedef struct IntPolyline {
	int n;          /* points */
	int64_t *x, *y; /* (n) */
	int64_t *slope; /* (n - 1) of the segment from point i on */
} IntPolyline;

/* The points, and one more before each jump whose slope would not be an integer. */
static IntPolyline
polyline_through(Arena *arena, int n, const int64_t *x, const int64_t *y)
{
	size_t room = sizeof(int64_t) * (size_t)(2 * n);
	IntPolyline l = { 0, arena_alloc(arena, room), arena_alloc(arena, room),
		          arena_alloc(arena, room) };

	for (int i = 0; i < n; i++) {
		if (i && (y[i] - y[i - 1]) % (x[i] - x[i - 1])) {
			l.x[l.n] = x[i] - 1;
			l.y[l.n++] = y[i - 1];
		}
		l.x[l.n] = x[i];
		l.y[l.n++] = y[i];
	}
	for (int i = 0; i + 1 < l.n; i++)
		l.slope[i] = (l.y[i + 1] - l.y[i]) / (l.x[i + 1] - l.x[i]);
	return l;
}

static int
by_slope(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* 0 where the line is flat somewhere, else its most frequent slope. */
static int64_t
main_slope(Arena *arena, const IntPolyline *l)
{
	int n = l->n - 1, best = 0;
	int64_t *s = arena_alloc(arena, sizeof *s * (size_t)n), common = l->slope[0];

	for (int i = 0; i < n; i++) {
		if (!(s[i] = l->slope[i]))
			return 0;
	}
	qsort(s, (size_t)n, sizeof *s, by_slope);
	for (int i = 0, from = 0; i < n; i++) {
		if (s[i] != s[from])
			from = i;
		if (i - from + 1 > best) {
			best = i - from + 1;
			common = s[i];
		}
	}
	return common;
}

/* The segment of the main slope that is nearest to the middle. */
static int
pivot_segment(Arena *arena, const IntPolyline *l)
{
	int64_t slope = main_slope(arena, l), middle = l->x[0] + l->x[l->n - 1], near = INT64_MAX;
	int at = 0;

	for (int i = 0; i + 1 < l->n; i++) {
		int64_t d = llabs(l->x[i] + l->x[i + 1] - middle);
		if (l->slope[i] == slope && d < near) {
			near = d;
			at = i;
		}
	}
	return at;
}

/* A line, and one neuron for each change of slope. */
static const Form *
by_bends(Circuit *c, const Form *f, const IntPolyline *l, int pivot)
{
	const Form **step = NEWS(c->arena, const Form *, l->n);
	int64_t *change = NEWS(c->arena, int64_t, l->n);
	const Form *minus = form_scale(c, -1, f, 0);
	int n = 0;

	for (int i = 1; i + 1 < l->n; i++) {
		if (l->slope[i] == l->slope[i - 1])
			continue;
		const Form *in = i > pivot ? form_scale(c, 1, f, -l->x[i])
		                           : form_scale(c, 1, minus, l->x[i]);
		change[n] = l->slope[i] - l->slope[i - 1];
		step[n++] = relu(c, in);
	}
	int64_t slope = l->slope[pivot], y = l->y[pivot];
	const Form *line = slope ? form_scale(c, slope, f, y - slope * l->x[pivot])
	                         : form_const(c, y);
	return n ? form_add(c, 1, line, 1, form_sum(c, n, step, change), 0) : line;
}

/* What the bends add up to where f is read far from the pivot, and how many they are. */
static double
sum_of_bends(const IntPolyline *l, int pivot, const Form *f, int *n)
{
	double sum = 0;

	*n = 0;
	for (int i = 1; i + 1 < l->n; i++) {
		int64_t change = l->slope[i] - l->slope[i - 1];
		int64_t most = i > pivot ? f->hi - l->x[i] : l->x[i] - f->lo;
		sum += fabs((double)change) * (double)most;
		*n += change != 0;
	}
	return sum;
}

/* By two digits of f, where a bend for each change would be too many, or too large. */
static const Form *
by_digits(Circuit *c, const Form *f, const IntPolyline *l, int pivot)
{
	int64_t first = l->x[0], n = l->x[l->n - 1] - first + 1;
	int bends, at = 0;
	double sum = sum_of_bends(l, pivot, f, &bends);

	if (n > LONGEST_TABLE || bends < SHORT_TABLE
	    || (sum < EXACT_MAX / 2 && bends <= c->effort.bends))
		return NULL;
	int64_t *y = NEWS(c->arena, int64_t, n);
	for (int64_t i = 0; i < n; i++) {
		while (at + 2 < l->n && first + i >= l->x[at + 1])
			at++;
		y[i] = l->y[at] + l->slope[at] * (first + i - l->x[at]);
	}
	return map_big_table(c, f, first, (int)n, y, sum < EXACT_MAX / 2 ? bends : INT32_MAX);
}

const Form *
staircase(Circuit *c, const Form *f, int n, const int64_t *x, const int64_t *y)
{
	if (n == 1)
		return form_const(c, y[0]);

	Arena scratch = { 0 };
	IntPolyline l = polyline_through(&scratch, n, x, y);
	int p = pivot_segment(&scratch, &l);
	const Form *sum = by_digits(c, f, &l, p);
	if (!sum)
		sum = by_bends(c, f, &l, p);
	arena_free(&scratch);
	int64_t lo = y[0], hi = y[0];
	for (int i = 0; i < n; i++) {
		lo = min_int64(y[i], lo);
		hi = max_int64(y[i], hi);
	}
	Form *whole = NEW(c->arena, Form); /* no operands: steps of one staircase stay together */
	*whole = *form_within(c, sum, lo, hi);
	whole->of[0] = whole->of[1] = NULL;
	return whole;
}

const Form *
threshold(Circuit *c, const Form *f, int64_t k)
{
	if (f->lo >= k || f->hi < k)
		return form_const(c, f->lo >= k);

	int64_t x[4] = { f->lo, k - 1, k, f->hi }, y[4] = { 0, 0, 1, 1 };
	int from = f->lo == k - 1, to = f->hi == k ? 3 : 4;
	return staircase(c, f, to - from, x + from, y + from);
}

const Form *
is_zero(Circuit *c, const Form *f)
{
	if (f->lo > 0 || f->hi < 0)
		return form_const(c, 0);
	if (f->lo == 0)
		return form_within(c, relu(c, form_scale(c, -1, f, 1)), 0, 1);
	if (f->hi == 0)
		return form_within(c, relu(c, form_scale(c, 1, f, 1)), 0, 1);
	const Form *at_least_0 = threshold(c, f, 0), *at_least_1 = threshold(c, f, 1);
	return form_within(c, form_add(c, 1, at_least_0, -1, at_least_1, 0), 0, 1);
}

enum { HELD_MAX = 1 << 21 }; /* the most that is subtracted from a neuron */

/* A fold that gates its own result copies copies: twice as many in each step. How dear the
 * next ones are: a copy counts 1, a copy of a copy 4, one of that 16. */
static bool
may_copy(Circuit *c, const Form *f)
{
	long dear = 0;

	for (int i = 0; i < f->n; i++) {
		const Atom *a = f->term[i].atom;
		if (a->kind == NEURON && a->ready == f->ready && a->held)
			dear += 1L << (a->held < 16 ? 2 * (a->held - 1) : 30);
	}
	return dear <= c->effort.copies;
}

/* relu(in), in place of `a` where it is held down. A flag stays one: it is 1, or less by a whole
 * number at least. */
static const Form *
held_neuron(Circuit *c, const Atom *a, const Form *in)
{
	const Form *f = a->times           ? gated_product(c, in, a->times)
	                : is_exact_flag(a) ? flag_neuron(c, in)
	                                   : relu(c, in);

	if (f->n == 1 && f->term[0].atom->kind == NEURON && f->term[0].atom->held <= a->held)
		f->term[0].atom->held = a->held + 1;
	return f;
}

/* A sum of neurons, gated in the layer that makes them: the deficit is subtracted from what each
 * reads, so often that it is 0. NULL where that is not possible. */
static const Form *
gate_inside(Circuit *c, const Form *deficit, const Form *f)
{
	const Form **held = arena_alloc(c->arena, 2 * sizeof *held * (size_t)(f->n + 1)),
		   **free_ = held + f->n + 1;
	int64_t *k = arena_alloc(c->arena, 2 * sizeof *k * (size_t)(f->n + 1)),
		*minus = k + f->n + 1;
	double held_by = form_abs_sum_by_group(deficit), terms = 0;
	const Atom *line = NULL;
	int n = 0;

	for (int i = 0; i < f->n; i++) {
		Atom *a = f->term[i].atom;
		if (a->kind != NEURON || a->ready != f->ready)
			continue;
		int64_t most = a->times ? a->in->hi : a->hi;
		if (a->real || a->lift || a->step || most * deficit->hi > HELD_MAX)
			return NULL;
		if (!line || !are_parallel(line, a))
			terms = form_abs_sum_by_group(a->in);
		line = a;
		const Form *in = form_add(c, 1, a->in, -most, deficit, 0);
		if (terms + (double)most * held_by + (double)llabs(in->k) >= EXACT_MAX)
			return NULL;
		free_[n] = form_atom(c, a);
		held[n] = held_neuron(c, a, in);
		if (!held[n])
			return NULL;
		k[n] = f->term[i].c;
		minus[n] = -k[n];
		n++;
	}
	const Form *rest = n ? form_add(c, 1, f, 1, form_sum(c, n, free_, minus), 0) : f;
	if (rest->ready >= f->ready)
		return NULL;
	const Form *sum = form_add(c, 1, form_sum(c, n, held, k), 1, gate(c, deficit, rest), 0);
	return form_within(c, sum, min_int64(f->lo, 0), max_int64(f->hi, 0));
}

static const Form *
gate_behind(Circuit *c, const Form *deficit, const Form *f)
{
	if (form_is_const(f))
		return form_scale(c, f->k, relu(c, form_scale(c, -1, deficit, 1)), 0);
	if (f->lo >= 0)
		return form_within(c, relu(c, form_add(c, 1, f, -f->hi, deficit, 0)), 0, f->hi);
	if (f->hi <= 0)
		return form_scale(c, -1, gate_behind(c, deficit, form_scale(c, -1, f, 0)), 0);
	if (deficit->hi == 1) {
		const Form *up = gate_behind(c, deficit, form_scale(c, 1, f, -f->lo));
		return form_within(c, form_add(c, 1, up, -f->lo, deficit, f->lo), f->lo, f->hi);
	}
	const Form *product = gated_product(c, form_scale(c, -1, deficit, 1), f);
	if (product)
		return product;
	const Form *plus = relu(c, form_add(c, 1, f, -f->hi, deficit, 0));
	const Form *minus = relu(c, form_add(c, -1, f, f->lo, deficit, 0));
	return form_within(c, form_add(c, 1, plus, -1, minus, 0), f->lo, f->hi);
}

const Form *
gate(Circuit *c, const Form *deficit, const Form *f)
{
	if (deficit->lo > 0)
		return form_const(c, 0);
	if (deficit->hi <= 0)
		return f;
	const Form *behind = gate_behind(c, deficit, f), *inside = NULL;
	if (f->ready > deficit->ready && behind->ready > deadline(c) && may_copy(c, f))
		inside = has_late_step(c, f) ? gate_steps(c, deficit, f)
		                             : gate_inside(c, deficit, f);
	if (inside)
		c->hurried = true;
	return inside ? inside : behind;
}

/* floor(f * f / 4) */
static const Form *
quarter_square(Circuit *c, const Form *f)
{
	int64_t n = f->hi - f->lo + 1;
	int64_t *x = arena_alloc(c->arena, 2 * sizeof *x * (size_t)n), *y = x + n;

	for (int64_t i = 0; i < n; i++) {
		x[i] = f->lo + i;
		y[i] = x[i] * x[i] / 4;
	}
	return staircase(c, f, (int)n, x, y);
}

const Form *
form_product(Circuit *c, const Form *f, const Form *g)
{
	if (form_is_const(f) || form_is_const(g))
		return form_is_const(f) ? form_scale(c, f->k, g, 0) : form_scale(c, g->k, f, 0);
	if (f->lo >= 0 && f->hi <= 1)
		return gate(c, form_scale(c, -1, f, 1), g);
	if (g->lo >= 0 && g->hi <= 1)
		return form_product(c, g, f);
	const Form *gated = gated_product(c, form_scale(c, 1, f, -f->lo), g);
	if (gated)
		return form_add(c, 1, gated, f->lo, g, 0);
	if (f->hi - f->lo + g->hi - g->lo > SET_MAX)
		return NULL;
	const Form *sum = form_add(c, 1, f, 1, g, 0), *difference = form_add(c, 1, f, -1, g, 0);
	const Form *plus = quarter_square(c, sum), *minus = quarter_square(c, difference);
	return form_add(c, 1, plus, -1, minus, 0);
}
