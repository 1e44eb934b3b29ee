/* The table of keys (runtime/keys.h) on random keys: what a query is said to read is what comparing
 * it with all keys finds; and of the kinds of keys that the compiler makes, nearly all queries are
 * answered that way. */

#include "runtime/keys.h"
#include "tests/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { NOTED = 2500, NUMBERS = 80, WEIGHT = 1 << 20, STEP = 128, RARE = 40 };

/* What the numbers of a key say of some digits, of which each has `values`. */
typedef enum Encoding {
	SIGNS,     /* of each bit +W or -W; the query 1 or -1 */
	OPPOSITES, /* of each bit two numbers, -W where it is 1, and where it is 0; the query 0 or 1
	            */
	ONE_HOT,   /* of each value a number, W where it is the digit's */
	ENCODINGS
} Encoding;

typedef struct KeyKind {
	Encoding encoding;
	int digits, values;
	bool mean; /* equal priorities: all that have the key are read */
} KeyKind;

typedef struct NotedKeys {
	TwHead h;
	TwActivations w;
	TwSpecialized c;
	TwModel m;
	float *key; /* (NOTED, nkey) */
	float priority[NOTED];
} NotedKeys;

static void
encode_digit(Encoding encoding, int values, int digit, float *key, float *query)
{
	int n = encoding == ONE_HOT ? values : 1 + (encoding == OPPOSITES);

	for (int i = 0; i < n; i++) {
		bool is = i == digit;
		key[i] = encoding == OPPOSITES ? is ? -WEIGHT : 0 : is ? WEIGHT : 0;
		query[i] = encoding == OPPOSITES ? !is : is;
	}
	if (encoding == SIGNS) {
		key[0] = digit ? WEIGHT : -WEIGHT;
		query[0] = digit ? 1 : -1;
	}
}

static int
numbers_of_digit(const KeyKind *kind)
{
	return kind->encoding == ONE_HOT ? kind->values : 1 + (kind->encoding == OPPOSITES);
}

static void
encode(const KeyKind *kind, const int *digit, float *key, float *query)
{
	for (int i = 0; i < kind->digits; i++) {
		int at = i * numbers_of_digit(kind);
		encode_digit(kind->encoding, kind->values, digit[i], key + at, query + at);
	}
}

/* Those of key number `key`: each digit is mostly small, and some are hardly ever not 0. */
static void
digits_of(const KeyKind *kind, unsigned key, int *digit)
{
	for (unsigned i = 0; i < (unsigned)kind->digits; i++) {
		unsigned x = (key + 1) * 2654435761u ^ (i + 1) * 2246822519u;
		x = (x ^ x >> 15) * 3266489917u;
		x ^= x >> 16;
		digit[i] = i >= RARE && x % 100
		                   ? 0
		                   : (int)(x / 512 % (unsigned)(x % 4 ? kind->values : 2));
	}
}

static void
open_table(NotedKeys *a, const KeyKind *kind)
{
	int nkey = kind->digits * numbers_of_digit(kind);
	uint64_t at = tw_key_table_size();

	*a = (NotedKeys){ .m = { .context = NOTED },
		          .h = { .nkey = nkey,
		                 .nvalue = 1,
		                 .lookup = kind->mean ? TW_LOOKUP_MEAN : TW_LOOKUP_KEYED } };
	a->c.m = &a->m;
	a->w.c = &a->c;
	a->h.index = at;
	a->h.places = at += tw_key_index_size(&a->h);
	a->h.slots = at += (NOTED + 16) * (TW_ENTRY_VALUE + 1);
	a->h.keys = at += (uint64_t)(NOTED + 16) * TW_SLOTS;
	at += (NOTED + 16) * (uint64_t)nkey;
	a->w.state = calloc(at, sizeof(float));
	a->w.u = calloc(NUMBERS, sizeof(float));
	a->key = calloc((NOTED + 1) * (size_t)nkey, sizeof(float));
	assert_true(a->w.state && a->w.u && a->key && nkey <= NUMBERS);
}

static void
close_table(NotedKeys *a)
{
	free(a->w.state);
	free(a->w.u);
	free(a->key);
}

static void
note(NotedKeys *a, int i, const float *key, float priority)
{
	float *e = tw_find_key(&a->h, &a->w, key);
	TwKeyTable *t = tw_key_table(&a->h, &a->w);

	memcpy(a->key + i * a->h.nkey, key, (size_t)a->h.nkey * sizeof *key);
	a->priority[i] = priority;
	t->priority = fmaxf(t->priority, priority);
	if (priority > e[TW_ENTRY_BEST]) {
		e[TW_ENTRY_SECOND] = e[TW_ENTRY_BEST];
		e[TW_ENTRY_BEST] = priority;
		e[TW_ENTRY_VALUE] = (float)i;
	}
}

/* The best of places 0 .. n - 1, the latest of equals; -1: <bos>, whose score is given. */
static int
best_place(const NotedKeys *a, int n, const float *query, float at_bos)
{
	float best = at_bos;
	int found = -1;

	for (int i = 0; i < n; i++) {
		float score = a->priority[i];
		for (int k = 0; k < a->h.nkey; k++)
			score += query[k] * a->key[i * a->h.nkey + k];
		if (score > best) {
			best = score;
			found = i;
		}
	}
	return found;
}

/* <bos> stands between the keys that match and those that do not. */
static float
score_of_bos(const KeyKind *kind)
{
	float matches = kind->encoding == OPPOSITES ? 0 : (float)(kind->digits * WEIGHT);

	return matches - (float)WEIGHT / 2;
}

static void
try_keys(const KeyKind *kind)
{
	float key[NUMBERS], query[NUMBERS], none[NUMBERS] = { 0 };
	int digit[NUMBERS], uncertain = 0;
	NotedKeys a;

	open_table(&a, kind);
	tw_start_keys(&a.h, &a.w, none);
	float *bos = tw_key_entry(&a.h, &a.w, 0);
	bos[TW_ENTRY_BEST] = score_of_bos(kind);
	bos[TW_ENTRY_VALUE] = -1;
	for (int i = 0; i < NOTED; i++) {
		digits_of(kind, (unsigned)below(20 + i / 2), digit);
		encode(kind, digit, key, query);
		bool penalty = !below(4);
		note(&a, i, key,
		     (kind->mean ? 0 : (float)(STEP * (i + 1))) - (penalty ? WEIGHT : 0));
		digits_of(kind, (unsigned)below(20 + i / 2), digit);
		encode(kind, digit, key, query);
		const float *read = tw_aim_at_key(&a.h, &a.w, i + 1, query, NULL);
		int best = best_place(&a, i + 1, query, bos[TW_ENTRY_BEST]);
		if (read && best >= 0)
			assert_true(!memcmp(a.key + best * a.h.nkey,
			                    tw_key_numbers(&a.h, &a.w, (int)((read - bos) / 5)),
			                    (size_t)a.h.nkey * sizeof *a.key));
		if (read && !kind->mean)
			assert_int_equal((int)read[TW_ENTRY_VALUE], best);
		if (read && best < 0)
			assert_ptr_equal(read, bos);
		uncertain += !read && tw_key_table(&a.h, &a.w)->count > 400;
	}
	if (uncertain > NOTED / 10)
		fail_msg("encoding %d, %d digits of %d: %d queries looked at all keys",
		         kind->encoding, kind->digits, kind->values, uncertain);
	close_table(&a);
}

static void
test_keys(void **state)
{
	(void)state;
	for (int mean = 0; mean < 2; mean++) {
		for (int digits = 5; digits <= 70; digits += 26)
			try_keys(&(KeyKind){ SIGNS, digits, 2, mean });
		for (int digits = 5; digits <= 40; digits += 17)
			try_keys(&(KeyKind){ OPPOSITES, digits, 2, mean });
		for (int values = 3; values <= 16; values += 4)
			try_keys(&(KeyKind){ ONE_HOT, 2 + 20 / values, values, mean });
		try_keys(&(KeyKind){ ONE_HOT, 12, 6, mean });
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_keys) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
