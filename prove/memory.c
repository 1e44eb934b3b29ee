/* Memory and the end of a run. One run reads one file: nothing is given back before its end. */

#define _GNU_SOURCE /* vasprintf */
#include "prove/prove.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static void *
or_end(void *p)
{
	if (!p) {
		fprintf(stderr, "twprove: out of memory\n");
		exit(2);
	}
	return p;
}

void *
take(size_t count, size_t size)
{
	return or_end(calloc(count ? count : 1, size));
}

void *
take_copy(const void *from, size_t bytes)
{
	void *p = take(bytes, 1);

	return bytes ? memcpy(p, from, bytes) : p;
}

/* The room of a list is the next power of two above its length. */
void *
grown(void *list, int n, size_t size)
{
	return n & (n - 1) ? list : or_end(realloc(list, (n ? 2 * (size_t)n : 1) * size));
}

char *
text(const char *format, ...)
{
	va_list args;
	char *s;

	va_start(args, format);
	if (vasprintf(&s, format, args) < 0)
		s = NULL;
	va_end(args);
	return or_end(s);
}

/* The file is not one that can be proved anything about. */
void
malformed(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fprintf(stderr, "twprove: ");
	vfprintf(stderr, format, args);
	fprintf(stderr, "\n");
	va_end(args);
	exit(2);
}

/* ---- a hash table */

struct MemoEntry {
	struct MemoEntry *next;
	void *value;
	uint64_t hash;
	size_t bytes;
	char key[];
};

static uint64_t
hash_key_bytes(const unsigned char *key, size_t bytes)
{
	uint64_t h = bytes;

	for (size_t i = 0; i < bytes; i += sizeof(uint64_t)) {
		uint64_t word = 0;
		memcpy(&word, key + i, bytes - i < sizeof word ? bytes - i : sizeof word);
		h = (h ^ word) * 0x9e3779b97f4a7c15u;
		h ^= h >> 29;
	}
	return h;
}

static void
double_room(KnownTable *m)
{
	KnownTable wide = { 0, m->room ? 2 * m->room : 64, NULL };

	wide.bucket = TAKE(struct MemoEntry *, wide.room);
	for (int i = 0; i < m->room; i++)
		for (struct MemoEntry *e = m->bucket[i], *next; e; e = next) {
			struct MemoEntry **b = &wide.bucket[e->hash % (unsigned)wide.room];
			next = e->next;
			e->next = *b;
			*b = e;
		}
	free(m->bucket);
	m->bucket = wide.bucket;
	m->room = wide.room;
}

void **
memo(KnownTable *m, const void *key, size_t bytes)
{
	uint64_t hash = hash_key_bytes(key, bytes);

	if (m->n >= m->room)
		double_room(m);
	struct MemoEntry **b = &m->bucket[hash % (unsigned)m->room], *e = *b;
	while (e && (e->hash != hash || e->bytes != bytes || (bytes && memcmp(e->key, key, bytes))))
		e = e->next;
	if (!e) {
		e = take(sizeof *e + bytes, 1);
		*e = (struct MemoEntry){ *b, NULL, hash, bytes };
		if (bytes)
			memcpy(e->key, key, bytes);
		*b = e;
		m->n++;
	}
	return &e->value;
}
