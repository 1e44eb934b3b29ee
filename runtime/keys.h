#ifndef RUNTIME_KEYS_H
#define RUNTIME_KEYS_H

/* The distinct keys that came, as heads of TW_LOOKUP_KEYED and _MEAN keep them: keys.c. */

#include "runtime/specialize.h"

/* In the part of a session's state that is of fixed size. */
typedef struct __attribute__((may_alias)) TwKeyTable {
	int count;      /* keys, <bos> among them */
	int slots;      /* of the hash table; 0 while keys are few */
	int groups;     /* of a key's numbers; -1 where these are of too many kinds */
	int bits;       /* of a key's code; 0 where it is a hash */
	int retry;      /* from how many keys on groups may be formed anew, */
	int tries;      /* and how many may be joined until then */
	int credit;     /* comparisons that forming groups may take, */
	int spent;      /* and took since they were last formed anew */
	float priority; /* the greatest of any place that was noted, */
	float all;      /* and with a window of any place */
	int version;    /* counts what changes how keys are told apart */
} TwKeyTable;

/* What a query aims at, to be kept while the query and the version are the same. */
typedef struct __attribute__((may_alias)) TwAim {
	int version; /* 0: not known */
	int entry;
	float product, margin, at_bos; /* with the key, more than with others, with <bos> */
} TwAim;

/* Entry 0 is <bos>, then one for each key that came. */
enum {
	TW_ENTRY_CODE,     /* the key's code, in two numbers, */
	TW_ENTRY_BEST = 2, /* the best priority, */
	TW_ENTRY_SECOND,   /* the runner-up's, or how many share it, */
	TW_ENTRY_VALUE, /* (nvalue) the value, or their sum; then, with a window, the best of all */
	TW_SLOTS = 4,   /* of the hash table for each place, at most */
	TW_MOST_JOINT = 64, /* values of one group of numbers */
};

static inline TwKeyTable *
tw_key_table(const TwHead *h, const TwActivations *w)
{
	return (TwKeyTable *)(w->state + h->state);
}

static inline float *
tw_key_entry(const TwHead *h, const TwActivations *w, int i)
{
	int size = TW_ENTRY_VALUE + h->nvalue + (h->window.order != 0);

	return w->state + h->places + (size_t)i * (size_t)size;
}

static inline int
tw_key_number(const TwHead *h, const TwActivations *w, const float *entry)
{
	return (int)((entry - tw_key_entry(h, w, 0))
	             / (TW_ENTRY_VALUE + h->nvalue + (h->window.order != 0)));
}

static inline float *
tw_key_numbers(const TwHead *h, const TwActivations *w, int i)
{
	return w->state + h->keys + (size_t)i * (size_t)h->nkey;
}

/* What <bos> leaves. */
void tw_start_keys(const TwHead *, const TwActivations *, const float *key);
/* The entry of a key, made where there is none. */
float *tw_find_key(const TwHead *, const TwActivations *, const float *key);
/* What a query at a place reads, without a look at all keys; NULL where that is not certain. The
 * aim is NULL, or what was kept of the same query, or is to be kept. */
const float *tw_aim_at_key(const TwHead *, const TwActivations *, int place, const float *query,
                           TwAim *);

/* How much a head takes of a session's state for this, of so many places. */
uint64_t tw_key_index_size(const TwHead *);
uint64_t tw_key_table_size(void);

#endif
