/* Positions by number, as scores of the plain target.
 *
 *     2 t p' - p'^2     is greatest at p' = t, and for t <= 0 at <bos>
 *
 * so a place is one dimension whose key is the place and one whose key is its square. Squares of
 * more than ONE_DIGIT places are no longer exact: then a place is two digits, each matched in
 * this way. */

#include "backend/map/map.h"
#include "backend/target/plain/plain.h"

enum { ONE_DIGIT = 200 };
_Static_assert(3 * PLAIN_STEP * ONE_DIGIT * ONE_DIGIT < EXACT_MAX, "2 t p + p^2 stays exact");

static const Form *
feature_by_place(Circuit *c, int64_t (*f)(int64_t place, int64_t arg), int64_t arg)
{
	int64_t *t = arena_alloc(c->arena, sizeof *t * (size_t)c->places);

	for (int p = 0; p < c->places; p++)
		t[p] = f(p, arg);
	return place_feature(c, t);
}

static int64_t
square_of(int64_t p, int64_t m)
{
	p %= m;
	return p * p;
}
static int64_t
low_of(int64_t p, int64_t m)
{
	return p % m;
}
static int64_t
high_of(int64_t p, int64_t m)
{
	return p / m;
}
static int64_t
high_square(int64_t p, int64_t m)
{
	p /= m;
	return p * p;
}

static int64_t
digit_base(const Circuit *c)
{
	int64_t b = 2;

	if (c->places <= ONE_DIGIT)
		return c->places;
	while (b * b < c->places)
		b++;
	return b;
}

/* weight (2 t p' - p'^2) + more p' of one digit. */
static void
match_digit(Circuit *c, Lookup *s, const Form *want, int64_t weight, int64_t more,
            const Form *digit, const Form *square)
{
	add_dim(c, s, want, form_scale(c, 2 * weight * PLAIN_STEP, digit, 0));
	add_dim(c, s, form_const(c, 1),
	        form_add(c, -weight * PLAIN_STEP, square, more * PLAIN_STEP, digit, 0));
}

/* In a bidirectional model the place that is asked for may be behind the end of the text, where
 * two places can be as near to it: (1, 3) and (2, 2) to (2, 3) where the text ends at (2, 2). Of
 * those the one with the greater high digit wins: distances weigh more than all high digits, as
 * far as scores bear it. Without a tie to break they weigh 1. */
static int64_t
distance_weight(const Circuit *c, int64_t base, const Form *high)
{
	int64_t most = max_int64(high->hi, base);
	int64_t terms = (base + 1) * (3 * base * base + (2 * most + base) * base) + base;

	return c->g->bidirectional && PLAIN_STEP * terms < PLAIN_SCORE_MAX ? base + 1 : 1;
}

/* The place whose digits are low and high; high is NULL where one digit does. */
static Lookup *
place_lookup(Circuit *c, const char *intent, const Node *ref, const Form *low, const Form *high)
{
	Lookup *s = plain_lookup_new(c, intent, ref);
	int64_t b = digit_base(c), weight = high ? distance_weight(c, b, high) : 1;

	const Form *digit = feature_by_place(c, low_of, b),
		   *square = feature_by_place(c, square_of, b);
	match_digit(c, s, low, weight, 0, digit, square);
	if (!high)
		return s;
	digit = feature_by_place(c, high_of, b);
	square = feature_by_place(c, high_square, b);
	match_digit(c, s, high, weight, weight > 1, digit, square);
	return s;
}

static int64_t
low_before(int64_t p, int64_t arg)
{
	p -= (int32_t)arg;
	return max_int64(p, 0) % (arg >> 32);
}

static int64_t
high_before(int64_t p, int64_t arg)
{
	p -= (int32_t)arg;
	return max_int64(p, 0) / (arg >> 32);
}

/* The place `back` before this one; <bos> where that is before the text. Ahead of
 * this one (back < 0) the last place stands for all that are beyond the text. */
Lookup *
plain_offset(Circuit *c, int back)
{
	int64_t b = digit_base(c), arg = b << 32 | (uint32_t)back;
	const Form *low = form_scale(c, 1, c->place, -back), *high = NULL;
	if (b < c->places) {
		low = feature_by_place(c, low_before, arg);
		high = feature_by_place(c, high_before, arg);
	}
	Lookup *s = place_lookup(c, "offset", NULL, low, high);
	s->offset = -back;
	return s;
}

/* How far f can be outside of the places of a text. */
static int64_t
beyond_text(const Circuit *c, const Form *f)
{
	int64_t over = f->hi - (c->places - 1);

	return -f->lo > over ? -f->lo : over;
}

/* Can f be matched as it is? Where it is outside of the text the place that is nearest to it
 * wins, while scores stay exact. */
static bool
reads_nearest(const Circuit *c, const Form *f)
{
	return PLAIN_STEP * (int64_t)c->places * (c->places + 2 * beyond_text(c, f))
	       < EXACT_MAX / 8 * 7;
}

/* f, held between 0 and the first place behind the longest text. */
static const Form *
beside_text(Circuit *c, const Form *f)
{
	int64_t x[4] = { f->lo, 0, c->places, f->hi }, y[4] = { 0, 0, c->places, c->places };
	int from = f->lo >= 0, to = f->hi <= c->places ? 3 : 4;

	if (f->lo >= 0)
		x[1] = y[1] = f->lo;
	if (f->hi <= c->places)
		x[2] = y[2] = f->hi;
	return staircase(c, f, to - from, x + from, y + from);
}

/* The place of the number e, given f = e + 1; 0, that of <bos>, where e is negative or ahead of
 * this position. In a bidirectional model it may be behind the end of the text. */
static const Form *
visible_place(Circuit *c, const Form *f, bool ahead)
{
	bool all = c->g->bidirectional;
	int64_t m = f->hi, last = c->places - 1;

	if (!ahead && !all)
		f = form_within(c, f, f->lo, last);
	if (!ahead && reads_nearest(c, f))
		return f;
	if (all)
		return beside_text(c, f);
	const Form *q = relu(c, f);
	if (ahead) { /* less f itself, where it is ahead */
		const Form *w = form_add(c, 1, f, -1, c->place, 0);
		const Form *with = relu(c, form_add(c, m, w, 1, f, -m));
		q = form_add(c, 1, q, -1,
		             form_add(c, 1, with, -1, relu(c, form_scale(c, m, w, -m)), 0), 0);
	}
	return form_within(c, q, 0, last);
}

/* The place of e as this one plus a function of one stream, which is low enough for <bos> where e
 * is ahead; NULL if e is not of this form. */
static const Form *
place_by_distance(Circuit *c, Node *ref, Node *e)
{
	Node *index = make_node(c, ref, OP_INDEX, NULL, NULL);
	Node *w = simplified(c->g, make_node(c, ref, OP_SUB, e, index));

	if (!w->type.root || !w->type.image)
		return NULL;
	Node *far = make_node(c, ref, OP_LT, mk_const(c->g, 0), w),
	     *least = mk_const(c->g, -(int64_t)c->places);
	Node *off = mk_at(c->g, ref, OP_IF, far, least, make_node(c, ref, OP_MAX, w, least));
	return form_add(c, 1, c->place, 1, map_node(c, off), 0);
}

/* The place of a choice `if c then e else -1`: that of e, less more than there are places where c
 * fails. NULL where that is no earlier than the choice itself. */
static const Form *
place_behind_condition(Circuit *c, Node *ref, Node *e)
{
	Node *index = make_node(c, ref, OP_INDEX, NULL, NULL);

	if (e->arg[2]->op != OP_CONST || e->arg[2]->k >= 0)
		return NULL;
	bool ahead = !c->g->bidirectional && most_of_difference(c->g, e->arg[1], index) > 0;
	const Form *f = form_scale(c, 1, map_node(c, e->arg[1]), 1),
		   *place = visible_place(c, f, ahead);
	const Form *fails = form_scale(c, -1, map_node(c, e->arg[0]), 1);
	place = form_add(c, 1, place, -place->hi - 1, fails, 0);
	return reads_nearest(c, place) && place->ready < map_node(c, e)->ready ? place : NULL;
}

Lookup *
plain_place(Circuit *c, Node *ref)
{
	Graph *g = c->g;
	Node *e = ref->arg[0], *index = make_node(c, ref, OP_INDEX, NULL, NULL);
	Node *far = make_node(c, ref, OP_LT, index, e);
	bool ahead = !g->bidirectional && !(is_int_const(far) && !far->k)
	             && most_of_difference(g, e, index) > 0;

	if (digit_base(c) == c->places) {
		const Form *place = e->op == OP_IF ? place_behind_condition(c, ref, e) : NULL;
		if (!place && ahead)
			place = place_by_distance(c, ref, e);
		if (!place)
			place = visible_place(c, form_scale(c, 1, map_node(c, e), 1), ahead);
		return place_lookup(c, "place", ref, place, NULL);
	}
	Node *b = mk_const(g, digit_base(c)), *one = mk_const(g, 1), *zero = mk_const(g, 0);
	if (ahead)
		e = mk_at(c->g, ref, OP_IF, far, mk_const(g, -1), e);
	Node *p = make_node(c, ref, OP_MAX, make_node(c, ref, OP_ADD, e, one), zero);
	const Form *low = map_node(c, make_node(c, ref, OP_MOD, p, b)),
		   *high = map_node(c, make_node(c, ref, OP_DIV, p, b));
	return place_lookup(c, "place", ref, low, high);
}
