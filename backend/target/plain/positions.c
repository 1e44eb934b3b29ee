/* Positions by number, as scores of the plain target.
 *
 *     2 t p' - p'^2     is greatest at p' = t, and for t <= 0 at <bos>
 *
 * so a place is one dimension whose key is the place and one whose key is its square. Squares of
 * more than ONE_DIGIT places are no longer exact: then a place is two digits, each matched in
 * this way, and three or four, of a smaller base, beyond TWO_DIGITS places. */

#include "backend/map/map.h"
#include "backend/target/plain/plain.h"

enum {
	ONE_DIGIT = 1024,
	TWO_DIGITS = 1 << 19, /* of DIGIT_BASE */
	FAR_BASE = 512,
	ROWS_IN_FILE = 1 << 16, /* of a table by digit */
	BITS_MAX = 30,
};
_Static_assert(3LL * PLAIN_STEP * ONE_DIGIT * ONE_DIGIT < PLAIN_SCORE_MAX,
               "2 t p + p^2 stays exact, in units of PLAIN_STEP");
_Static_assert(3LL * PLAIN_STEP
                               * (DIGIT_BASE * DIGIT_BASE
                                  + (TWO_DIGITS / DIGIT_BASE) * (TWO_DIGITS / DIGIT_BASE))
                       < PLAIN_SCORE_MAX,
               "as the highest digit is all that is left");
_Static_assert(3LL * PLAIN_STEP * (3 * FAR_BASE * FAR_BASE + 4) < PLAIN_SCORE_MAX,
               "2^28 places are three such digits and a bit");

/* In a short context: by table. */
static const Form *
place_table(Circuit *c, int64_t (*f)(int64_t place, int64_t arg), int64_t arg)
{
	int64_t *t = arena_alloc(c->arena, sizeof *t * (size_t)c->places);

	for (int p = 0; p < c->places; p++)
		t[p] = f(p, arg);
	return place_feature(c, t);
}

static int64_t
far_before(int64_t p, int64_t back)
{
	return max_int64(p - back, 0);
}

const Form *
plain_place_number(Circuit *c, int back)
{
	return c->places <= WHOLE_PLACES ? place_table(c, far_before, back)
	                                 : place_before(c, back, 1);
}

const Form *
plain_step_function(Circuit *c, int from, int64_t before, int64_t then)
{
	if (c->places > WHOLE_PLACES)
		return place_from(c, from, before, then);
	int64_t *t = arena_alloc(c->arena, sizeof *t * (size_t)c->places);
	for (int p = 0; p < c->places; p++)
		t[p] = p < from ? before : then;
	return place_feature(c, t);
}

/* (i + add) // m = i // m + add // m, and 1 more where the remainders carry. */
static const Form *
quotient_feature(Circuit *c, const Node *n, int64_t add, int m)
{
	DigitTable part[8];
	int used = 0, last = c->places - 1;
	int64_t *carry = arena_alloc(c->arena, sizeof *carry * (size_t)m);

	for (int d = 0; d < m; d++)
		carry[d] = (d + add) / m;
	part[used++] = (DigitTable){ { 1, 1, m, false }, carry };
	for (int64_t unit = m, times = 1; unit <= last; unit *= DIGIT_BASE, times *= DIGIT_BASE) {
		int64_t *value = arena_alloc(c->arena, sizeof *value * DIGIT_BASE);
		for (int d = 0; d < DIGIT_BASE; d++)
			value[d] = d * times;
		part[used++] = (DigitTable){ { 1, (int)unit, DIGIT_BASE, false }, value };
	}
	return digits_feature(c, used, part, n->type.lo, n->type.hi);
}

/* Is n a digit of the index, index // *unit % *base, a base of 0 being all that is left? */
static bool
is_index_digit(const Node *n, int64_t *unit, int64_t *base)
{
	if (n->op == OP_INDEX) {
		*unit = 1;
		*base = 0;
		return true;
	}
	if ((n->op != OP_DIV && n->op != OP_MOD) || n->arg[1]->op != OP_CONST || n->arg[1]->k < 1
	    || !is_index_digit(n->arg[0], unit, base) || *base % n->arg[1]->k)
		return false;
	if (n->op == OP_MOD) {
		*base = n->arg[1]->k;
		return true;
	}
	*unit *= n->arg[1]->k;
	*base /= n->arg[1]->k;
	return *unit <= EXACT_MAX;
}

static const Form *
index_digit(Circuit *c, int64_t unit, int64_t base)
{
	int64_t *value = arena_alloc(c->arena, sizeof *value * (size_t)base);

	for (int64_t d = 0; d < base; d++)
		value[d] = d;
	DigitTable t = { { 1, (int)unit, (int)base, false }, value };
	return digits_feature(c, 1, &t, 0, base - 1);
}

const Form *
plain_index_division(Circuit *c, const Node *n)
{
	const Node *by = n->arg[1];
	int64_t unit, base;

	if (c->places <= WHOLE_PLACES || by->op != OP_CONST || by->k < 1)
		return NULL;
	if (is_index_digit(n, &unit, &base)) {
		int64_t rows = base ? base : c->places / unit + 1;
		if (!base && unit <= ROWS_IN_FILE)
			return quotient_feature(c, n, 0, (int)unit);
		return rows <= ROWS_IN_FILE ? index_digit(c, unit, rows) : NULL;
	}
	if (by->k > ROWS_IN_FILE)
		return NULL;
	Node *index = make_node(c, n, OP_INDEX, NULL, NULL),
	     *add = simplified(c->g, make_node(c, n, OP_SUB, n->arg[0], index));
	if (add->op != OP_CONST || add->k < 0 || add->k > EXACT_MAX)
		return NULL;
	int m = (int)by->k;
	if (n->op == OP_DIV)
		return quotient_feature(c, n, add->k, m);
	int64_t *rest = arena_alloc(c->arena, sizeof *rest * (size_t)m);
	for (int d = 0; d < m; d++)
		rest[d] = (d + add->k) % m;
	return digits_feature(c, 1, &(DigitTable){ { 1, 1, m, false }, rest }, n->type.lo,
	                      n->type.hi);
}

static int
digit_base(const Circuit *c)
{
	int b = 2;

	if (c->places <= ONE_DIGIT)
		return c->places;
	if (c->places > WHOLE_PLACES)
		return c->places > TWO_DIGITS ? FAR_BASE : DIGIT_BASE;
	while (b * b < c->places)
		b++;
	return b;
}

static int
digits_of_place(const Circuit *c)
{
	int n = 1;

	for (int64_t reach = digit_base(c); reach < c->places; reach *= digit_base(c))
		n++;
	return n;
}

/* A digit of a place, for place_table(). */
typedef struct Digit {
	int base, number, back; /* number: 0 is the lowest */
	bool square;
} Digit;

static int64_t
value_of_digit(const Digit *d, int64_t digit)
{
	return d->square ? digit * digit : digit;
}

/* Digit `number` of the place so far back, or its square; 0 where that is before the text. The
 * highest digit is all that is left. */
static const Form *
digit_feature(Circuit *c, Digit d)
{
	bool whole = c->places <= WHOLE_PLACES, highest = d.number + 1 == digits_of_place(c);
	int64_t unit = 1, last = c->places - 1 - min_int(d.back, 0);

	for (int i = 0; i < d.number; i++)
		unit *= d.base;
	int n = whole ? c->places : highest ? (int)(last / unit) + 1 : d.base;
	int64_t *t = arena_alloc(c->arena, sizeof *t * (size_t)n);
	for (int p = 0; p < n; p++) {
		int64_t digit = whole ? max_int64(p - (int64_t)d.back, 0) / unit : p;
		t[p] = value_of_digit(&d, whole && !highest ? digit % d.base : digit);
	}
	if (whole)
		return place_feature(c, t);
	TwPlaceDigit digit = { d.back, (int)unit, n, false };
	return digits_feature(c, 1, &(DigitTable){ digit, t }, 0, value_of_digit(&d, n - 1));
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

/* The place of these digits, the lowest first: all that a place has, or one that does for all. */
static Lookup *
place_lookup(Circuit *c, const char *intent, const Node *ref, int n, const Form *const *want)
{
	Lookup *s = plain_lookup_new(c, intent, ref);
	int b = digit_base(c);
	int64_t weight = n > 1 ? distance_weight(c, b, want[n - 1]) : 1;

	for (int i = 0; i < n; i++) {
		const Form *digit = digit_feature(c, (Digit){ b, i, 0, false }),
			   *square = digit_feature(c, (Digit){ b, i, 0, true });
		match_digit(c, s, want[i], weight, i && weight > 1, digit, square);
	}
	return s;
}

/* The place `back` before this one; <bos> where that is before the text. Ahead of
 * this one (back < 0) the last place stands for all that are beyond the text. */
Lookup *
plain_offset(Circuit *c, int back)
{
	const Form *want[4] = { form_scale(c, 1, c->place, -back) };
	int n = digits_of_place(c);

	for (int i = 0; i < n && n > 1; i++)
		want[i] = digit_feature(c, (Digit){ digit_base(c), i, back, false });
	Lookup *s = place_lookup(c, "offset", NULL, n, want);
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
	       < PLAIN_SCORE_MAX / 8 * 7;
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

/* By the bits of e and of the index, each place having its own: no place that is not visible is
 * found, and <bos> is where there is none. NULL where that does not go. */
static Lookup *
place_by_bits(Circuit *c, Node *ref)
{
	Node *e = ref->arg[0], *index = make_node(c, ref, OP_INDEX, NULL, NULL);
	int64_t least = min_int64(e->type.lo, 0), most = max_int64(e->type.hi, c->places - 2);
	Lookup *s = plain_lookup_new(c, "place", ref);
	int bits = 0;

	while ((most - least) >> bits)
		bits++;
	if (c->g->bidirectional || bits > BITS_MAX || (least < 0 && c->places > WHOLE_PLACES))
		return NULL;
	for (int i = 0; i < bits; i++) {
		const Form *q = sign_of_bit(c, e, least, i), *k = sign_of_bit(c, index, least, i);
		if (!q || !k)
			return NULL;
		add_dim(c, s, q, form_set_bos(c, form_scale(c, PLAIN_STEP, k, 0), 0));
	}
	const Form *all = form_const(c, -bits * PLAIN_STEP);
	add_dim(c, s, form_const(c, 1), form_set_bos(c, all, -PLAIN_STEP));
	return s;
}

/* By its number, as the place that is nearest to it. */
static Lookup *
place_by_number(Circuit *c, Node *ref)
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
		return place_lookup(c, "place", ref, 1, &place);
	}
	Node *b = mk_const(g, digit_base(c)), *one = mk_const(g, 1), *zero = mk_const(g, 0);
	if (ahead)
		e = mk_at(c->g, ref, OP_IF, far, mk_const(g, -1), e);
	Node *p = make_node(c, ref, OP_MAX, make_node(c, ref, OP_ADD, e, one), zero);
	const Form *want[4];
	int n = digits_of_place(c);
	for (int i = 0; i < n; i++, p = make_node(c, ref, OP_DIV, p, b))
		want[i] = map_node(c, i + 1 < n ? make_node(c, ref, OP_MOD, p, b) : p);
	return place_lookup(c, "place", ref, n, want);
}

/* Are bits of e at hand where e is, as features or as terms of a sum? */
static bool
has_bits(Circuit *c, Node *e)
{
	Node *half = mk_at(c->g, e, OP_DIV, e, mk_const(c->g, 2), NULL);

	return is_feature(e) || terms_divided(c->g, half) != half;
}

/* By bits, which take more dimensions, only where that is earlier. */
Lookup *
plain_place(Circuit *c, Node *ref)
{
	Lookup *number = place_by_number(c, ref),
	       *bits = number->ready && has_bits(c, ref->arg[0]) ? place_by_bits(c, ref) : NULL;

	return bits && bits->ready < number->ready ? bits : number;
}
