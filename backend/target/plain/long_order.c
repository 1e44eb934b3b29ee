/* The latest, first or best match where one score cannot hold both the condition and the order
 * (scores.c): in several heads, by digits of a number that orders positions. Its low bits are the
 * place's (for the first match counted down), its high bits, for a best, those of the score, or of
 * one part of it after the other.
 *
 *     head 1   finds the greatest high digit among the matches. All that have it are equal, so it
 *              gives the mean over them of the bits of that digit, which are the same at each
 *     neurons  x is 0 where such a bit is 0, since all that is added up is, and else the sum of m
 *              times 1/m, which is 2^-9 or more in any order of float32, for m up to 2^28 (below).
 *              So relu(1 - 1024 x) is exactly 1 or 0
 *     head 2   asks for the digit by its bits, as a condition of one more number, and for the
 *              greatest low digit; and so on
 *
 * Where the greatest score itself is asked for, not the position that has it, it is those bits.
 * For example with digits of 100, matches at 117, 342 and 371: head 1 reads the mean of the bits of
 * 3 at 342 and 371, head 2 finds 71 among those that have 3. Where nothing matches each head reads
 * <bos>, whose number is 0, as no other is. The weight of a literal is the range of one digit in
 * place of that of the whole number: 2^15 for both digits at 2^28 places.
 *
 * The sum of n equal positive numbers w, in any order: fl(a + b) is no less than a or b, and n
 * terms are off by a factor of 1 - n 2^-24 at most; so it is w min(n, 2^22) / 2 at least. Ones add
 * up to 2 n at most, since fl(a + b) is no farther from a + b than a or b are. So w >= 1 / 2m. */

#include "backend/target/plain/plain.h"

enum {
	DIGIT_BITS = 14,
	MORE_BITS = 15, /* where that is a head less */
	PART_BITS = 7,  /* of a table by a part of the place */
	BIT_SCALE = 1024,
	FEW_BITS = 12,
	PARTS_MAX = 32,
	ORDER_MAX = 96, /* bits */
};

/* A part of a score: a stream from 0 on, counted down where `down`. */
typedef struct OrderPart {
	Node *x;
	int bits;
	bool down;
} OrderPart;

typedef struct Order {
	bool first;
	bool alone;           /* of the parts alone, one of them: equal ones are all found */
	int place_bits, bits; /* of the place, and in all */
	int n;
	OrderPart part[PARTS_MAX]; /* (n) the highest first */
} Order;

static int
bits_needed(int64_t most)
{
	int bits = 0;

	while (most >> bits)
		bits++;
	return bits;
}

/* place // 2^from % 2^bits */
static const Form *
place_bits(Circuit *c, int from, int bits)
{
	DigitTable part[8];
	int n = 0, part_bits;

	if (c->places <= WHOLE_PLACES) {
		int64_t *t = arena_alloc(c->arena, sizeof *t * (size_t)c->places);
		for (int p = 0; p < c->places; p++)
			t[p] = (p >> from) & ((1 << bits) - 1);
		return place_feature(c, t);
	}
	for (int at = 0; at < bits; at += part_bits) {
		part_bits = min_int(PART_BITS, bits - at);
		int values = 1 << part_bits;
		int64_t *y = arena_alloc(c->arena, sizeof *y * (size_t)values);
		for (int d = 0; d < values; d++)
			y[d] = (int64_t)d << at;
		part[n++] = (DigitTable){ { 0, 1 << (from + at), values, false }, y };
	}
	return digits_feature(c, n, part, 0, (INT64_C(1) << bits) - 1);
}

/* x // 2^from % 2^bits */
static Node *
bits_of_stream(Circuit *c, Node *x, int from, int bits)
{
	Node *unit = mk_const(c->g, INT64_C(1) << from),
	     *values = mk_const(c->g, INT64_C(1) << bits),
	     *high = terms_divided(c->g, mk_at(c->g, x, OP_DIV, x, unit, NULL));

	return terms_divided(c->g, mk_at(c->g, x, OP_MOD, high, values, NULL));
}

/* What bits from .. to - 1 have of a part that begins at bit `base`, at its place in them. */
static const Form *
add_order_bits(Circuit *c, const Form *sum, const OrderPart *p, int base, int from, int to)
{
	int low = max_int(from, base), high = min_int(to, base + p->bits);

	if (low >= high || !sum)
		return sum;
	const Form *f = map_node(c, bits_of_stream(c, p->x, low - base, high - low));
	if (f && p->down)
		f = form_scale(c, -1, f, (INT64_C(1) << (high - low)) - 1);
	return f ? form_add(c, INT64_C(1) << (low - from), f, 1, sum, 0) : NULL;
}

/* Bits from .. to - 1 of the number; 0 at <bos>. NULL after an error. */
static const Form *
digit_of_order(Circuit *c, const Order *o, int from, int to)
{
	int n = min_int(max_int(from, o->place_bits), to) - from, base = o->bits;
	const Form *f = n ? place_bits(c, from, n) : form_const(c, 0);

	if (o->first && n)
		f = form_scale(c, -1, f, (INT64_C(1) << n) - 1);
	for (int i = 0; i < o->n; i++) {
		base -= o->part[i].bits;
		f = add_order_bits(c, f, &o->part[i], base, from, to);
	}
	return f ? form_set_bos(c, f, 0) : NULL;
}

/* The lookup whose score is the digit where the condition holds, and `bos` at <bos>; each literal
 * that fails takes `weight`. NULL after an error. */
static Lookup *
lookup_by_digit(Circuit *c, const char *intent, const Intent *in, const Form *digit, int64_t bos,
                int64_t weight)
{
	Lookup *s = plain_lookup_new(c, intent, in->ref);
	const Form *key = key_penalty(c, in->where, form_scale(c, PLAIN_STEP, digit, 0), weight);

	add_dim(c, s, form_const(c, 1), form_set_bos(c, key, bos));
	add_dim(c, s, query_deficit(c, in->where), form_scale(c, weight, c->is_bos, 0));
	return add_relations(c, s, in->where, weight) ? s : NULL;
}

/* Scores that are less by `weight` where this bit is not what was found. */
static void
match_bit(Circuit *c, Lookup *s, const Form *bit, const Form *found, int64_t weight)
{
	add_dim(c, s, form_scale(c, 2, found, -1), form_scale(c, weight, bit, -weight / 2));
}

/* A stream in the same order, without what is added to all and what it is multiplied by. */
static OrderPart
part_of_stream(Circuit *c, Node *x)
{
	OrderPart p = { .x = x };

	for (;;) {
		bool last = is_linear_int(p.x) && is_literal(p.x->arg[1]),
		     from = p.x->op == OP_SUB && is_literal(p.x->arg[0]);
		if (!last && !from)
			break;
		p.down ^= from || (p.x->op == OP_MUL && p.x->arg[1]->k < 0);
		p.x = p.x->arg[from];
	}
	if (p.x->type.lo)
		p.x = mk_at(c->g, x, OP_SUB, p.x, mk_const(c->g, p.x->type.lo), NULL);
	p.bits = bits_needed(p.x->type.hi);
	return p;
}

/* Are bits of it features, terms of a sum, or neurons that are not too many? */
static bool
has_cheap_bits(Circuit *c, const OrderPart *p)
{
	return p->bits <= FEW_BITS || (p->x->type.root && p->x->type.root->op == OP_TOKEN)
	       || c->target->index_division(c, bits_of_stream(c, p->x, p->bits / 2, 1))
	       || bits_of_stream(c, p->x, p->bits / 2, 1)->op != OP_MOD;
}

/* Takes the score apart. False where it is no function of the position alone, or bits of it are
 * dear. */
static bool
add_order_parts(Circuit *c, Order *o, Node *score)
{
	Node *high, *low;

	if (is_digit_pair(score, &high, &low))
		return add_order_parts(c, o, high) && add_order_parts(c, o, low);
	if (side(score) != ON_THERE || o->n == PARTS_MAX)
		return false;
	OrderPart p = part_of_stream(c, replace_there(c->g, score, NULL));
	o->bits += p.bits;
	o->part[o->n++] = p;
	return o->bits <= ORDER_MAX && has_cheap_bits(c, &p);
}

static bool
order_of(Circuit *c, const Intent *in, Order *o)
{
	int64_t last = c->places - 1;

	*o = (Order){ .first = in->kind == INTENT_FIRST };
	o->place_bits = bits_needed(last + o->first); /* so that 0 is no place counted down */
	o->bits = o->place_bits;
	return in->kind != INTENT_BEST || add_order_parts(c, o, in->ref->arg[0]);
}

bool
plain_has_long_order(Circuit *c, const Intent *in)
{
	Order o;

	/* in short contexts by two digits of the score, if it is a number (multi_head.c) */
	bool wide = in->kind == INTENT_BEST && in->score->hi - in->score->lo >= EXACT_MAX;
	return (c->places > WHOLE_PLACES || wide) && order_of(c, in, &o);
}

/* The digits that have been found, as their bits: of the position looked at, and as found. */
typedef struct FoundBits {
	int n;
	const Form *bit[ORDER_MAX], *found[ORDER_MAX];
	int number[ORDER_MAX];
} FoundBits;

/* 1 where x is not 0, and then 1 / BIT_SCALE at least. */
static const Form *
is_not_0(Circuit *c, const Form *x)
{
	return form_scale(c, -1, exact_flag(c, form_scale(c, BIT_SCALE, x, 0)), 1);
}

/* Adds bits from .. to - 1, as the head has found them. False after an error. */
static bool
find_bits(Circuit *c, const Order *o, const Lookup *by, int from, int to, FoundBits *f)
{
	for (int b = from; b < to; b++) {
		const Form *bit = digit_of_order(c, o, b, b + 1);
		if (!bit)
			return false;
		f->bit[f->n] = bit;
		f->number[f->n] = b;
		f->found[f->n++] = is_not_0(c, head_mean(c, by, bit));
	}
	return true;
}

static Lookup *
find_order_digit(Circuit *c, const Intent *in, const Order *o, int from, int to, const FoundBits *f)
{
	const char *last = o->alone ? "mean" : in->kind == INTENT_BEST ? "best" : "search";
	int64_t weight = PLAIN_STEP * ((INT64_C(1) << (to - from)) + 2);
	const Form *digit = digit_of_order(c, o, from, to);
	int64_t bos = o->alone ? -PLAIN_STEP : 0; /* what is 0 comes first */
	Lookup *s = digit ? lookup_by_digit(c, from ? "mean" : last, in, digit, bos, weight) : NULL;

	for (int i = 0; s && i < f->n; i++)
		match_bit(c, s, f->bit[i], f->found[i], weight);
	return s;
}

/* Digit by digit, the lowest last; of it the bits are found where all is `alone`. */
static Lookup *
find_all_digits(Circuit *c, const Intent *in, const Order *o, FoundBits *found)
{
	int heads = (o->bits + MORE_BITS - 1) / MORE_BITS;
	int size = heads * DIGIT_BITS < o->bits ? MORE_BITS : DIGIT_BITS;
	int from = (o->bits - 1) / size * size;
	Lookup *s = find_order_digit(c, in, o, from, o->bits, found);

	for (int to = o->bits; s && (from || o->alone); from -= size) {
		if (!find_bits(c, o, s, from, to, found))
			return NULL;
		if (!from)
			break;
		to = from;
		s = find_order_digit(c, in, o, from - size, to, found);
	}
	return s;
}

Lookup *
plain_long_order(Circuit *c, const Intent *in)
{
	FoundBits found = { 0 };
	Order o;

	order_of(c, in, &o);
	return find_all_digits(c, in, &o, &found);
}

/* The greatest of x where the condition holds, or the least, of its bits as they are found; d where
 * nothing matches. NULL after an error, and where one head finds the position, or bits of x are
 * dear. */
const Form *
plain_extreme(Circuit *c, const Intent *in, Node *x, bool least, int64_t d)
{
	Node *from_0 = mk_at(c->g, x, OP_SUB, x, mk_const(c->g, x->type.lo), NULL);
	int bits = bits_needed(from_0->type.hi);
	Order o = { .alone = true, .bits = bits, .n = 1, .part = { { from_0, bits, least } } };
	FoundBits found = { 0 };

	if (c->places <= WHOLE_PLACES || !has_cheap_bits(c, &o.part[0]))
		return NULL;
	const Lookup *s = find_all_digits(c, in, &o, &found);
	if (!s)
		return NULL;
	const Form *sum = form_const(c, 0);
	for (int i = 0; i < found.n; i++)
		sum = form_add(c, 1, sum, INT64_C(1) << found.number[i], found.found[i], 0);
	int64_t none = least ? (INT64_C(1) << bits) - 1 : 0; /* of what is read from <bos> */
	sum = form_scale(c, least ? -1 : 1, sum, none + x->type.lo);
	sum = form_add(c, 1, sum, d - none - x->type.lo, is_not_0(c, head_mean(c, s, c->is_bos)),
	               0);
	return form_within(c, sum, min_int64(d, x->type.lo), max_int64(d, x->type.hi));
}
