/* Searches at the far end of long contexts, against a list: a program whose tokens are {store, w:
 * [BITS] bool, q: [BITS] bool, v: int 0..9} and whose label v is that of the latest, first, only or
 * best (of the greatest v % 4) token that stores under the key q, 0 where there is none; or the
 * greatest v of all. Places are skipped at random, around the ends of blocks too (tw_skip), and
 * softmax over everything is asked beside the look-ups, and alone. */

#include "backend/file/write.h"
#include "cmd/cmd.h"
#include "runtime/tw.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TOKENS = 300 };

typedef enum Search { LATEST, FIRST, ONLY, BEST, MOST, LEAST, SEARCHES } Search;

static const char *const looked_up[SEARCHES] = {
	[LATEST] = "token.v[latest j where STORED else 0]",
	[FIRST] = "token.v[first j where STORED else 0]",
	[ONLY] = "token.v[only j where STORED else 0]",
	[BEST] = "token.v[best j by token.v[j] % 4 where STORED else 0]",
	[MOST] = "max(token.v[j] for j where STORED else 0)",
	[LEAST] = "min(token.v[j] for j where STORED else 0)",
};

typedef struct Stored {
	unsigned key;
	int v;
} Stored;

static uint64_t state;

static unsigned
pick_below(unsigned n)
{
	state = state * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(state >> 33) % n;
}

/* The row of each field: store, w[i], q[i], v; false stands before true. */
static void
rows_of_token(const TwModel *m, int bits, const Stored *t, bool store, unsigned q, int *row)
{
	row[0] = m->first[0] + store;
	for (int i = 0; i < bits; i++) {
		row[1 + i] = m->first[1 + i] + (t->key >> i & 1);
		row[1 + bits + i] = m->first[1 + bits + i] + (q >> i & 1);
	}
	row[1 + 2 * bits] = m->first[1 + 2 * bits] + t->v;
}

/* Mostly near, sometimes to the end of a block, sometimes far. */
static int
gap_from(int place)
{
	int block = 1 << 14;

	switch (pick_below(8)) {
	case 0: return (int)pick_below(1 << 24);
	case 1: return block - place % block + (int)pick_below(3) - 1;
	case 2: return (int)pick_below(1 << 15);
	default: return (int)pick_below(3);
	}
}

/* Is b found, of two that match, the first being a? */
static bool
is_rather(Search search, const Stored *a, const Stored *b)
{
	switch (search) {
	case FIRST: return false;
	case BEST: return b->v % 4 >= a->v % 4;
	case MOST: return b->v > a->v;
	case LEAST: return b->v < a->v;
	default: return true;
	}
}

/* The v that is found under a key. */
static int
found_value(Search search, const Stored *stored, int n, unsigned key)
{
	const Stored *found = NULL;

	for (int i = 0; i < n; i++)
		if (stored[i].key == key && (!found || is_rather(search, found, &stored[i])))
			found = &stored[i];
	return found ? found->v : 0;
}

static bool
has_key(const Stored *stored, int n, unsigned key)
{
	for (int i = 0; i < n; i++)
		if (stored[i].key == key)
			return true;
	return false;
}

static int
try_text(const TwModel *m, TwSession *s, int bits, Search search)
{
	Stored stored[TOKENS];
	int n = 0, place = 1, row[256];
	unsigned few = 1 + pick_below(6);

	tw_reset(s);
	for (int i = 0; i < TOKENS; i++) {
		int gap = gap_from(place);
		if (place + gap >= m->context)
			break;
		if (!tw_skip(s, gap))
			return 1;
		place += gap + 1;
		Stored t = { pick_below(few) * 0x9e3779b1u >> (32 - bits), (int)pick_below(10) };
		bool store = pick_below(2) && !(search == ONLY && has_key(stored, n, t.key));
		unsigned q = pick_below(few) * 0x9e3779b1u >> (32 - bits);
		rows_of_token(m, bits, &t, store, q, row);
		if (!tw_feed_token(s, row)) {
			printf("refused: %s\n", tw_refusal(s));
			return 1;
		}
		if (store)
			stored[n++] = t;
		int want = found_value(search, stored, n, q);
		float got = *tw_label(s, 0, tw_count(s) - 1);
		if (got != (float)want) {
			printf("place %d: %g, not %d\n", place - 1, (double)got, want);
			return 1;
		}
	}
	if (tw_difference(s))
		printf("%s\n", tw_difference(s));
	return tw_difference(s) != NULL;
}

/* The program's model, by way of its file. */
static TwModel *
compiled(Search search, int bits, int context, char **error)
{
	Program p = { 0 };
	Options options = { 0 };
	const char *of = looked_up[search], *where = strstr(of, "STORED");
	char text[600];
	size_t n;

	snprintf(text, sizeof text,
	         "model m { token { store: bool, w: [%d] bool, q: [%d] bool, v: int 0..9 } "
	         "context %d }\n"
	         "output v = %.*stoken.store[j] and token.w[j] == token.q%s\n",
	         bits, bits, context, (int)(where - of), of, where + strlen("STORED"));
	bool ok = program_open_text(&p, "long.tw", text, strlen(text), &options)
	          && program_compile(&p);
	unsigned char *bytes = ok ? onnx_bytes(&p.arena, p.model, &n) : NULL;
	TwModel *m = bytes && n < 1 << 20 ? tw_load_memory(bytes, n, error) : NULL;
	program_close(&p);
	return m;
}

static bool
search_is_exact(Search search, int bits, int context, int flags)
{
	char *error = NULL;
	TwModel *m = compiled(search, bits, context, &error);
	TwSession *s = m ? tw_open(m, flags, &error) : NULL;
	int failed = 0;

	for (int i = 0; s && i < 40 && !failed; i++)
		failed = try_text(m, s, bits, search);
	if (!s || failed || tw_stats(s).fallbacks)
		printf("wrong: %s, %d bits, context %d: %s\n", looked_up[search], bits, context,
		       error ? error : "");
	bool ok = s && !failed && !tw_stats(s).fallbacks;
	tw_close(s);
	tw_free(m);
	free(error);
	return ok;
}

int
main(void)
{
	bool ok = true;

	state = 1;
	for (Search search = 0; search < SEARCHES; search++) {
		ok = search_is_exact(search, 26, 1 << 28, TW_CHECK) && ok;
		ok = search_is_exact(search, 26, 1 << 28, TW_SOFTMAX) && ok;
		ok = search_is_exact(search, 20, 1 << 20, TW_CHECK) && ok;
		ok = search_is_exact(search, 16, 131072, TW_CHECK) && ok;
		ok = search_is_exact(search, 5, 4097, TW_SOFTMAX) && ok;
	}
	return !ok;
}
