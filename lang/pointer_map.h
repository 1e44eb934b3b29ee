#ifndef LANG_POINTER_MAP_H
#define LANG_POINTER_MAP_H

/* Names and a map from pointers, usually interned names, to pointers. Both live
 * in an arena. An empty Map is all zero. */

#include <stddef.h>
#include <stdint.h>

#include "lang/arena.h"

/* The one copy of these n bytes: equal texts are equal pointers. NUL-terminated. */
const char *intern(Arena *, const char *s, size_t n);
/* The same, or NULL where nobody asked for it yet. */
const char *intern_find(const Arena *, const char *s, size_t n);

typedef struct Map {
	int n, cap;       /* cap is 0 or a power of 2 */
	const void **key; /* (cap) NULL: free */
	void **value;
} Map;

void *map_get(const Map *, const void *key); /* NULL if absent */
void map_put(Arena *, Map *, const void *key, void *value);

#endif
