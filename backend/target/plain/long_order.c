/* The latest or first match in long contexts, where one score cannot hold both the condition and
 * the place (scores.c): in two heads, by two digits of the place, which is block * BLOCK + rest.
 *
 *     head 1   finds the greatest block that has a match, by a score that counts blocks. All
 *              matches of that block are equal, so it gives the mean over them of the bits of
 *              their block, which are the same at each
 *     neurons  round these bits: 1/m added up m times is off by m 2^-24 at most, and m is BLOCK
 *              at most, so by 2^-10
 *     head 2   asks for the block by its bits, as a condition of one more number, and for the
 *              greatest rest
 *
 * For example with blocks of 100, matches at 117, 342 and 371: head 1 reads the mean of the bits of
 * 3 at 342 and 371, head 2 finds 71 in block 3. Where nothing matches head 1 reads <bos>, which is
 * in block 0, and so does head 2. The weight of a literal is the range of one digit in place of
 * that of all places: 2^14 for both digits at 2^28 places. */

#include "backend/target/plain/plain.h"

enum { BLOCK_BITS = 14, BLOCK = 1 << BLOCK_BITS, PART_BITS = 7 };

/* place // 2^from % 2^bits */
static const Form *
place_bits(Circuit *c, int from, int bits)
{
	DigitTable part[8];
	int n = 0, part_bits;

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

/* The lookup whose score is `key` where the condition holds and `bos` at <bos>; each literal that
 * fails takes `weight`. NULL after an error. */
static Lookup *
lookup_by_key(Circuit *c, const char *intent, const Intent *in, const Form *key, int64_t bos,
              int64_t weight)
{
	Lookup *s = plain_lookup_new(c, intent, in->ref);

	key = key_penalty(c, in->where, key, weight);
	add_dim(c, s, form_const(c, 1), form_set_bos(c, key, bos));
	add_dim(c, s, query_deficit(c, in->where), form_scale(c, weight, c->is_bos, 0));
	return add_relations(c, s, in->where, weight) ? s : NULL;
}

static int
bits_needed(int64_t most)
{
	int bits = 0;

	while (most >> bits)
		bits++;
	return bits;
}

/* Scores that are less by `weight` for each bit of the block that is not what head 1 found. */
static void
match_block(Circuit *c, Lookup *s, const Lookup *found, int bits, int64_t weight)
{
	for (int b = 0; b < bits; b++) {
		const Form *bit = place_bits(c, BLOCK_BITS + b, 1);
		const Form *want = round_to_integer(c, head_mean(c, found, bit), 0, 1, 1 << 22);
		add_dim(c, s, form_scale(c, 2, want, -1), form_scale(c, weight, bit, -weight / 2));
	}
}

Lookup *
plain_long_order(Circuit *c, const Intent *in)
{
	bool first = in->kind == INTENT_FIRST;
	int64_t step = first ? -PLAIN_STEP : PLAIN_STEP, last = c->places - 1;
	int bits = bits_needed(last >> BLOCK_BITS);
	int64_t blocks = INT64_C(1) << bits;

	const Form *block = form_scale(c, step, place_bits(c, BLOCK_BITS, bits), 0);
	const Lookup *found = lookup_by_key(c, "mean", in, block, first ? step * blocks : 0,
	                                    PLAIN_STEP * (blocks + 2));
	if (!found)
		return NULL;
	int64_t weight = PLAIN_STEP * (BLOCK + 2);
	const Form *rest = form_scale(c, step, place_bits(c, 0, BLOCK_BITS), 0);
	Lookup *s = lookup_by_key(c, "search", in, rest, first ? step * BLOCK : 0, weight);
	if (s)
		match_block(c, s, found, bits, weight);
	return s;
}
