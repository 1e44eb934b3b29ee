/* The distinct keys of a head that looks up by key, found by hash (linear probing; Knuth 1973), and
 * what a query reads without a look at all of them.
 *
 * A key is a row of numbers, and few values of each occur: of a bit, +1 and -1. So which of its
 * values each number has is a code of one word, that is compared and hashed in place of the key. A
 * query's product with a key is a sum over its numbers. Where each is as great as its values allow,
 * no key has a greater product, and any other has less by the least loss in one number, the margin:
 *
 *     query              3   -3    3
 *     values          +-1  +-1  +-1
 *     aimed at           1   -1    1     product 9, others 3 at most: the margin is 6
 *
 * If no priority is greater than the aimed key's by more than that, less TW_GAP, it is what is
 * read; or <bos>, if its score is ahead of what any key can have.
 *
 * Numbers that say the same, such as a bit and its opposite, or the flags "it is 0", "it is 1", ..
 * of one digit, have queries of which some are 0: the margin would be 0. They form a group, whose
 * values are those that occur together: 10 and 01 of a bit, never 00. Which numbers belong together
 * is found from the keys that came, when a query cannot tell its values apart: two groups become
 * one where the most keys should have had values together that none has.
 *
 * To find them takes time, that pays only if they are there and many queries follow. So each query
 * earns a credit, a multiple of the numbers that a look at all keys compares, and what forms groups
 * is taken from it, a search that finds nothing at many times its price. While there is no credit,
 * groups stay as they are. */

#include "runtime/keys.h"

#include <math.h>
#include <string.h>

enum {
	FEW_KEYS = 16,
	CODE_BITS = 64,
	EARNED = 8,     /* for each number of each key, by a query */
	VAIN_COST = 32, /* of each comparison of a search that finds nothing */
	MOST_CREDIT = 1 << 30
};

typedef int32_t __attribute__((may_alias)) Int;

/* Behind one another in the state: how the numbers of a key are grouped. */
typedef struct KeyGroups {
	Int *group_of; /* (nkey) */
	Int *order;    /* (nkey) the numbers, group by group */
	Int *begin;    /* (nkey + 1) of a group in that order */
	Int *count;    /* (nkey) of a group's values */
	Int *shift;    /* (nkey + 1) of a group in the code */
	float *value;  /* (TW_MOST_JOINT, nkey) in that order */
} KeyGroups;

uint64_t
tw_key_index_size(const TwHead *h)
{
	return (5 + TW_MOST_JOINT) * (uint64_t)h->nkey + 2;
}

uint64_t
tw_key_table_size(void)
{
	return sizeof(TwKeyTable) / sizeof(float);
}

static KeyGroups
groups_of(const TwHead *h, const TwActivations *w)
{
	Int *at = (Int *)(w->state + h->index);
	int n = h->nkey;

	return (KeyGroups){
		at, at + n, at + 2 * n, at + 3 * n + 1, at + 4 * n + 1, (float *)(at + 5 * n + 2)
	};
}

static bool
same_keys(const float *a, const float *b, int n)
{
	for (int i = 0; i < n; i++)
		if (a[i] != b[i])
			return false;
	return true;
}

/* ---- codes */

/* Equal numbers have equal bits, -0 and 0 among them. */
static uint32_t
bits_of(float x)
{
	uint32_t bits;

	x += 0.0f;
	memcpy(&bits, &x, sizeof bits);
	return bits;
}

static uint64_t
hash_of_key(const float *key, int n)
{
	uint64_t code = 0;

	for (int i = 0; i < n; i++)
		code = (code ^ bits_of(key[i])) * 0x9e3779b97f4a7c15u ^ code >> 29;
	return code;
}

/* Which of its values a group has in a key; its count, if it is none of them. */
static int
joint_of_group(const TwHead *h, const KeyGroups *g, int group, const float *key)
{
	int from = g->begin[group], end = g->begin[group + 1], v = 0;

	for (; v < g->count[group]; v++) {
		const float *value = g->value + v * h->nkey;
		int i = from;
		while (i < end && key[g->order[i]] == value[i])
			i++;
		if (i == end)
			break;
	}
	return v;
}

/* The code of a key; *known: whether all values in it are. */
static uint64_t
code_of_key(const TwHead *h, const TwActivations *w, const float *key, bool *known)
{
	const TwKeyTable *t = tw_key_table(h, w);
	KeyGroups g = groups_of(h, w);
	uint64_t code = 0;

	*known = true;
	if (!t->bits)
		return hash_of_key(key, h->nkey);
	if (t->groups == h->nkey && t->bits == h->nkey) {
		const float *low = g.value, *high = low + h->nkey;
		for (int i = 0; i < h->nkey; i++) {
			bool other = key[i] != low[i];
			*known &= !other | (key[i] == high[i]);
			code |= (uint64_t)other << i;
		}
		return code;
	}
	for (int i = 0; i < t->groups; i++) {
		int v = joint_of_group(h, &g, i, key);
		*known = *known && v < g.count[i];
		code |= (uint64_t)v << g.shift[i];
	}
	return code;
}

static uint64_t
code_of_entry(const float *entry)
{
	uint64_t code;

	memcpy(&code, entry + TW_ENTRY_CODE, sizeof code);
	return code;
}

/* ---- the hash table, of entries' numbers, 0 where there is none */

/* The slot that has the key, or where it belongs. */
static Int *
slot_of_key(const TwHead *h, const TwActivations *w, uint64_t code, const float *key)
{
	const TwKeyTable *t = tw_key_table(h, w);
	uint32_t mask = (uint32_t)t->slots - 1, i = (uint32_t)(code * 0x9e3779b97f4a7c15u >> 32);
	Int *slot = (Int *)(w->state + h->slots);

	for (; slot[i & mask]; i++) {
		int at = slot[i & mask];
		if (code_of_entry(tw_key_entry(h, w, at)) == code
		    && (t->bits || same_keys(tw_key_numbers(h, w, at), key, h->nkey)))
			break;
	}
	return &slot[i & mask];
}

/* All keys anew, where there are twice as many slots as keys at least. */
static void
fill_slots(const TwHead *h, const TwActivations *w)
{
	TwKeyTable *t = tw_key_table(h, w);

	if (!t->slots)
		t->slots = 4 * FEW_KEYS;
	while (t->slots < 2 * (t->count + 1))
		t->slots *= 2;
	memset(w->state + h->slots, 0, (size_t)t->slots * sizeof(Int));
	for (int i = 1; i < t->count; i++)
		*slot_of_key(h, w, code_of_entry(tw_key_entry(h, w, i)),
		             tw_key_numbers(h, w, i)) = i;
}

static void
set_code(float *entry, uint64_t code)
{
	memcpy(entry + TW_ENTRY_CODE, &code, sizeof code);
}

/* What a code is has changed. */
static void
code_all_keys(const TwHead *h, const TwActivations *w)
{
	bool known;

	for (int i = 1; i < tw_key_table(h, w)->count; i++)
		set_code(tw_key_entry(h, w, i), code_of_key(h, w, tw_key_numbers(h, w, i), &known));
	fill_slots(h, w);
}

/* ---- groups */

/* Adds the values of a key. True if some were new; where there are too many, groups is -1. */
static bool
learn_key(const TwHead *h, const TwActivations *w, const float *key)
{
	TwKeyTable *t = tw_key_table(h, w);
	KeyGroups g = groups_of(h, w);
	bool new = false;

	for (int i = 0; i < t->groups; i++) {
		int v = joint_of_group(h, &g, i, key);
		if (v < g.count[i])
			continue;
		new = true;
		if (v == TW_MOST_JOINT) {
			t->groups = -1;
			t->version++;
			t->retry = t->count + t->count / 4;
			break;
		}
		for (int k = g.begin[i]; k < g.begin[i + 1]; k++) {
			g.value[v * h->nkey + k] = key[g.order[k]];
			if (!v) /* the other of two, until it comes */
				g.value[h->nkey + k] = key[g.order[k]];
		}
		g.count[i]++;
	}
	return new;
}

static void
set_shifts(const TwHead *h, const TwActivations *w)
{
	TwKeyTable *t = tw_key_table(h, w);
	KeyGroups g = groups_of(h, w);

	t->bits = 0;
	t->version++;
	for (int i = 0; i < t->groups; i++) {
		int bits = 1;
		while (g.count[i] > 1 << bits)
			bits++;
		g.shift[i] = t->bits;
		t->bits += bits;
	}
	if (t->bits > CODE_BITS)
		t->bits = 0;
}

/* Which numbers belong together has changed: group_of. */
static void
set_groups(const TwHead *h, const TwActivations *w)
{
	TwKeyTable *t = tw_key_table(h, w);
	KeyGroups g = groups_of(h, w);

	memset(g.begin, 0, ((size_t)t->groups + 1) * sizeof *g.begin);
	memset(g.count, 0, (size_t)t->groups * sizeof *g.count);
	for (int k = 0; k < h->nkey; k++)
		g.begin[g.group_of[k] + 1]++;
	for (int i = 0; i < t->groups; i++)
		g.begin[i + 1] += g.begin[i];
	for (int k = h->nkey; k-- > 0;) /* from where group i ends down to where it begins */
		g.order[--g.begin[g.group_of[k] + 1]] = k;
	memmove(g.begin, g.begin + 1, (size_t)t->groups * sizeof *g.begin);
	g.begin[t->groups] = h->nkey;
	for (int i = 1; i < t->count && t->groups > 0; i++)
		learn_key(h, w, tw_key_numbers(h, w, i));
	set_shifts(h, w);
}

/* ---- how much may be done to form groups */

static void
earn_look(const TwHead *h, const TwActivations *w)
{
	TwKeyTable *t = tw_key_table(h, w);
	int64_t credit = t->credit + EARNED * (int64_t)t->count * h->nkey;

	t->credit = (int)(credit < MOST_CREDIT ? credit : MOST_CREDIT);
}

static void
spend(const TwHead *h, const TwActivations *w, int64_t compared)
{
	TwKeyTable *t = tw_key_table(h, w);
	int64_t credit = t->credit - compared, spent = t->spent + compared;

	t->credit = (int)(credit > -MOST_CREDIT ? credit : -MOST_CREDIT);
	t->spent = (int)(spent < MOST_CREDIT ? spent : MOST_CREDIT);
}

/* For a look at all groups of all keys. */
static void
spend_on_keys(const TwHead *h, const TwActivations *w)
{
	const TwKeyTable *t = tw_key_table(h, w);
	KeyGroups g = groups_of(h, w);
	int64_t compared = h->nkey;

	for (int i = 0; i < t->groups; i++)
		compared += g.count[i];
	spend(h, w, compared * t->count);
}

/* Each number is a group. */
static void
start_groups(const TwHead *h, const TwActivations *w)
{
	KeyGroups g = groups_of(h, w);

	tw_key_table(h, w)->groups = h->nkey;
	for (int i = 0; i < h->nkey; i++)
		g.group_of[i] = i;
	set_groups(h, w);
}

/* How many of the keys that came should have had values of two groups that none has together, if
 * the groups said nothing of each other; 0 where they have too many values together for one group.
 * Some keys are enough where those have all. Adds to the comparisons that were made. */
static double
keys_missed(const TwHead *h, const TwActivations *w, const KeyGroups *g, int a, int b,
            int64_t *compared)
{
	uint64_t seen[TW_MOST_JOINT] = { 0 };
	int with_x[TW_MOST_JOINT] = { 0 }, with_y[TW_MOST_JOINT] = { 0 }, n = 0;
	int most = g->count[a] * g->count[b], count = tw_key_table(h, w)->count, i = 1;
	double missed = 0;

	most = most < TW_MOST_JOINT + 1 ? most : TW_MOST_JOINT + 1;
	for (; i < count && n < most; i++) {
		const float *key = tw_key_numbers(h, w, i);
		int x = joint_of_group(h, g, a, key), y = joint_of_group(h, g, b, key);
		n += !(seen[x] >> y & 1);
		seen[x] |= (uint64_t)1 << y;
		with_x[x]++;
		with_y[y]++;
	}
	*compared += (int64_t)i * (g->count[a] + g->count[b]);
	if (n == most)
		return 0;
	for (int x = 0; x < g->count[a]; x++)
		for (int y = 0; y < g->count[b]; y++)
			if (!(seen[x] >> y & 1))
				missed += (double)with_x[x] * with_y[y];
	return missed / (count - 1);
}

/* The group that is most bound to this one; -1 if none seems to be. */
static int
partner_of_group(const TwHead *h, const TwActivations *w, const KeyGroups *g, int a)
{
	double most = 2; /* by chance so many are missed once in e^2 times */
	int64_t compared = 0;
	int found = -1;

	for (int b = 0; b < tw_key_table(h, w)->groups; b++) {
		if (b == a || g->count[b] < 2)
			continue;
		double missed = keys_missed(h, w, g, a, b, &compared);
		if (missed > most) {
			most = missed;
			found = b;
		}
	}
	spend(h, w, found < 0 ? VAIN_COST * compared : compared);
	return found;
}

static void
join_groups(const TwHead *h, const TwActivations *w, int a, int b)
{
	KeyGroups g = groups_of(h, w);
	int gone = a > b ? a : b, kept = a > b ? b : a;

	for (int i = 0; i < h->nkey; i++) {
		if (g.group_of[i] == gone)
			g.group_of[i] = kept;
		else if (g.group_of[i] > gone)
			g.group_of[i]--;
	}
	tw_key_table(h, w)->groups--;
	set_groups(h, w);
	spend_on_keys(h, w);
}

/* The values of one group by their product with a query. */
typedef struct BestValue {
	float best, second;
	int value;
} BestValue;

static BestValue
best_value(const TwHead *h, const KeyGroups *g, int group, const float *query)
{
	BestValue b = { -INFINITY, -INFINITY, 0 };

	for (int v = 0; v < g->count[group]; v++) {
		const float *value = g->value + v * h->nkey;
		float product = 0;
		for (int i = g->begin[group]; i < g->begin[group + 1]; i++)
			product += query[g->order[i]] * value[i];
		if (product > b.best) {
			b.second = b.best;
			b.best = product;
			b.value = v;
		} else if (!(product <= b.second)) {
			b.second = product;
		}
	}
	return b;
}

/* Of few keys some may seem bound to each other that are not: when there are more, and credit for
 * what forming groups took before, they are formed anew. True if there were any. */
static bool
part_groups(const TwHead *h, const TwActivations *w)
{
	TwKeyTable *t = tw_key_table(h, w);
	bool had = t->groups < h->nkey;

	if (t->count < t->retry || t->credit < t->spent)
		return false;
	start_groups(h, w);
	t->retry = t->count + t->count / 4;
	t->tries = 4 * h->nkey;
	t->spent = 0;
	spend_on_keys(h, w);
	return had;
}

/* Joins groups whose best values this query does not tell apart, while there is credit. False
 * where there are none to join. */
static bool
join_for_query(const TwHead *h, const TwActivations *w, const float *query)
{
	TwKeyTable *t = tw_key_table(h, w);
	KeyGroups g = groups_of(h, w);
	bool changed = t->credit > 0 && part_groups(h, w);

	for (int i = 0; i < t->groups && t->tries > 0 && t->credit > 0; i++) {
		BestValue b = best_value(h, &g, i, query);
		int other = b.best == b.second ? partner_of_group(h, w, &g, i) : -1;
		t->tries -= b.best == b.second;
		if (other < 0)
			continue;
		join_groups(h, w, i, other);
		changed = true;
		i = (other < i ? other : i) - 1;
	}
	if (changed) {
		code_all_keys(h, w);
		spend_on_keys(h, w);
	}
	return changed && t->groups > 0;
}

/* ---- keys that come */

void
tw_start_keys(const TwHead *h, const TwActivations *w, const float *key)
{
	*tw_key_table(h, w) =
		(TwKeyTable){ .count = 1, .priority = -INFINITY, .all = -INFINITY, .version = 1 };
	memcpy(tw_key_numbers(h, w, 0), key, (size_t)h->nkey * sizeof *key);
}

/* A key that is new, and perhaps the first to be hashed, or one with values that are new. */
static void
learn_new_key(const TwHead *h, const TwActivations *w, const float *key)
{
	TwKeyTable *t = tw_key_table(h, w);
	int bits = t->bits, groups = t->groups;
	bool known;

	if (!t->slots || (groups < 0 && t->count >= t->retry))
		start_groups(h, w);
	else if (groups > 0 && learn_key(h, w, key))
		set_shifts(h, w);
	if (!t->slots || t->bits != bits || t->groups != groups) {
		code_all_keys(h, w);
		return;
	}
	uint64_t code = code_of_key(h, w, key, &known);
	set_code(tw_key_entry(h, w, t->count - 1), code);
	if (t->slots < 2 * (t->count + 1))
		fill_slots(h, w);
	else
		*slot_of_key(h, w, code, key) = t->count - 1;
}

static float *
add_entry(const TwHead *h, const TwActivations *w, const float *key)
{
	TwKeyTable *t = tw_key_table(h, w);
	float *e = tw_key_entry(h, w, t->count);

	memcpy(tw_key_numbers(h, w, t->count), key, (size_t)h->nkey * sizeof *key);
	e[TW_ENTRY_BEST] = e[TW_ENTRY_SECOND] = -INFINITY;
	if (h->window.order)
		e[TW_ENTRY_VALUE + h->nvalue] = -INFINITY;
	t->count++;
	return e;
}

/* Among few keys. */
static float *
compare_keys(const TwHead *h, const TwActivations *w, const float *key)
{
	for (int i = 1; i < tw_key_table(h, w)->count; i++)
		if (same_keys(tw_key_numbers(h, w, i), key, h->nkey))
			return tw_key_entry(h, w, i);
	return NULL;
}

float *
tw_find_key(const TwHead *h, const TwActivations *w, const float *key)
{
	TwKeyTable *t = tw_key_table(h, w);
	float *e = t->slots ? NULL : compare_keys(h, w, key);
	uint64_t code = 0;
	bool known = false;
	Int *slot = NULL;

	if (e)
		return e;
	if (t->slots)
		code = code_of_key(h, w, key, &known);
	if (known) {
		slot = slot_of_key(h, w, code, key);
		if (*slot)
			return tw_key_entry(h, w, *slot);
	}
	if (t->count > w->c->m->context) /* numbers that equal nothing, themselves included: NaN */
		return tw_key_entry(h, w, t->count - 1);
	e = add_entry(h, w, key);
	if (slot && t->bits && t->slots >= 2 * (t->count + 1)) {
		set_code(e, code);
		*slot = t->count - 1;
	} else if (t->count > FEW_KEYS) {
		learn_new_key(h, w, key);
	}
	return e;
}

/* ---- what a query reads */

/* The key that a query aims at. */
typedef struct KeyAim {
	uint64_t code;
	float product, margin;
} KeyAim;

/* Where each number has two values at most. */
static KeyAim
aim_at_numbers(const TwHead *h, const KeyGroups *g, const float *query)
{
	const float *low = g->value, *high = low + h->nkey;
	KeyAim aim = { 0, 0, INFINITY };

	for (int i = 0; i < h->nkey; i++) {
		float a = query[i] * low[i], b = query[i] * high[i];
		bool other = b > a;
		aim.code |= (uint64_t)other << i;
		aim.product += other ? b : a;
		float loss = low[i] != high[i] ? fabsf(b - a) : INFINITY;
		aim.margin = loss < aim.margin ? loss : aim.margin;
	}
	return aim;
}

/* key: room for it, if codes are hashes. */
static KeyAim
aim_at_groups(const TwHead *h, const TwActivations *w, const KeyGroups *g, const float *query,
              float *key)
{
	const TwKeyTable *t = tw_key_table(h, w);
	KeyAim aim = { 0, 0, INFINITY };

	for (int i = 0; i < t->groups; i++) {
		BestValue b = best_value(h, g, i, query);
		aim.product += b.best;
		aim.margin = fminf(aim.margin, b.best - b.second);
		if (t->bits)
			aim.code |= (uint64_t)b.value << g->shift[i];
		for (int k = g->begin[i]; k < g->begin[i + 1] && !t->bits; k++)
			key[g->order[k]] = g->value[b.value * h->nkey + k];
	}
	if (!t->bits)
		aim.code = hash_of_key(key, h->nkey);
	return aim;
}

static KeyAim
aim_of_query(const TwHead *h, const TwActivations *w, const float *query)
{
	const TwKeyTable *t = tw_key_table(h, w);
	KeyGroups g = groups_of(h, w);

	if (t->groups == h->nkey && t->bits == h->nkey)
		return aim_at_numbers(h, &g, query);
	return aim_at_groups(h, w, &g, query, w->u);
}

static float
product_with_bos(const TwHead *h, const TwActivations *w, const float *query)
{
	const float *bos = tw_key_numbers(h, w, 0);
	float sum = 0;

	for (int i = 0; i < h->nkey; i++)
		sum += query[i] * bos[i];
	return sum;
}

/* What is read, if that is certain; e: the entry that is aimed at, or NULL. */
static const float *
judge_aim(const TwHead *h, const TwActivations *w, int place, const TwAim *aim, const float *e)
{
	const TwKeyTable *t = tw_key_table(h, w);
	const TwWindow *seen = &h->window;
	const float *bos = tw_key_entry(h, w, 0);
	float at_bos = aim->at_bos + bos[TW_ENTRY_BEST];
	float others = aim->product - aim->margin + t->priority, found = -INFINITY;

	if (seen->order) {
		at_bos += seen->bos_shift[place];
		others = fmaxf(others, aim->product + t->all - seen->outside);
	}
	if (e) {
		found = aim->product + e[TW_ENTRY_BEST];
		if (h->lookup == TW_LOOKUP_KEYED)
			others = fmaxf(others, aim->product + e[TW_ENTRY_SECOND]);
	}
	if (found - fmaxf(others, at_bos) >= TW_GAP)
		return e;
	return at_bos - fmaxf(others, found) >= TW_GAP ? bos : NULL;
}

static const float *
read_by_aim(const TwHead *h, const TwActivations *w, int place, const float *query, TwAim *to)
{
	KeyAim aim = aim_of_query(h, w, query);
	int at = *slot_of_key(h, w, aim.code, w->u);

	*to = (TwAim){ at ? tw_key_table(h, w)->version : 0, at, aim.product, aim.margin,
		       product_with_bos(h, w, query) };
	return judge_aim(h, w, place, to, at ? tw_key_entry(h, w, at) : NULL);
}

const float *
tw_aim_at_key(const TwHead *h, const TwActivations *w, int place, const float *query, TwAim *kept)
{
	TwAim aim;

	if (tw_key_table(h, w)->groups <= 0)
		return NULL;
	earn_look(h, w);
	if (kept && kept->version == tw_key_table(h, w)->version)
		return judge_aim(h, w, place, kept, tw_key_entry(h, w, kept->entry));
	kept = kept ? kept : &aim;
	const float *read = read_by_aim(h, w, place, query, kept);
	if (read || kept->margin != 0 || !join_for_query(h, w, query))
		return read;
	return read_by_aim(h, w, place, query, kept);
}
