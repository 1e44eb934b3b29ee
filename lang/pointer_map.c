#include "lang/pointer_map.h"

#include <string.h>

typedef struct Name Name;
struct Name {
	Name *next;
	size_t len;
	char text[];
};

typedef struct Names {
	size_t n, cap; /* cap is a power of 2 */
	Name **bucket;
} Names;

static uint64_t
hash_bytes(const char *s, size_t n)
{
	uint64_t h = 14695981039346656037u;

	for (size_t i = 0; i < n; i++)
		h = (h ^ (unsigned char)s[i]) * 1099511628211u;
	return h ^ h >> 29;
}

const char *
intern_find(const Arena *a, const char *s, size_t n)
{
	const Names *t = a->names;

	if (!t)
		return NULL;
	for (Name *i = t->bucket[hash_bytes(s, n) & (t->cap - 1)]; i; i = i->next)
		if (i->len == n && !memcmp(i->text, s, n))
			return i->text;
	return NULL;
}

static void
names_grow(Arena *a)
{
	Names *old = a->names, *t = NEW(a, Names);

	t->cap = old ? old->cap * 2 : 256;
	t->bucket = NEWS(a, Name *, t->cap);
	a->names = t;
	if (!old)
		return;
	t->n = old->n;
	for (size_t b = 0; b < old->cap; b++)
		for (Name *i = old->bucket[b], *next; i; i = next) {
			Name **at = &t->bucket[hash_bytes(i->text, i->len) & (t->cap - 1)];
			next = i->next;
			i->next = *at;
			*at = i;
		}
}

const char *
intern(Arena *a, const char *s, size_t n)
{
	const char *old = intern_find(a, s, n);

	if (old)
		return old;
	if (!a->names || a->names->n >= a->names->cap)
		names_grow(a);
	Name *i = arena_alloc(a, sizeof *i + n + 1);
	Name **at = &a->names->bucket[hash_bytes(s, n) & (a->names->cap - 1)];
	i->len = n;
	memcpy(i->text, s, n);
	i->next = *at;
	*at = i;
	a->names->n++;
	return i->text;
}

static int
map_slot(const Map *m, const void *key)
{
	uint64_t h = (uint64_t)(uintptr_t)key * 0x9e3779b97f4a7c15u >> 32;
	int i = (int)(h & (uint64_t)(m->cap - 1));

	while (m->key[i] && m->key[i] != key)
		i = (i + 1) & (m->cap - 1);
	return i;
}

void *
map_get(const Map *m, const void *key)
{
	return m->cap && key ? m->value[map_slot(m, key)] : NULL;
}

void
map_put(Arena *a, Map *m, const void *key, void *value)
{
	if (m->n * 2 >= m->cap) {
		Map old = *m;
		m->cap = old.cap ? old.cap * 2 : 16;
		m->key = NEWS(a, const void *, m->cap);
		m->value = NEWS(a, void *, m->cap);
		for (int i = 0; i < old.cap; i++)
			if (old.key[i]) {
				int at = map_slot(m, old.key[i]);
				m->key[at] = old.key[i];
				m->value[at] = old.value[i];
			}
	}
	int at = map_slot(m, key);
	m->n += !m->key[at];
	m->key[at] = key;
	m->value[at] = value;
}
