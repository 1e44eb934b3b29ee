#ifndef RUNTIME_MEMORY_POOL_H
#define RUNTIME_MEMORY_POOL_H

/* What a loaded model is made of: zeroed memory, freed whole. */

#include <stddef.h>

typedef struct TwPool {
	struct TwBlock *block; /* the newest */
} TwPool;

void *tw_pool_alloc(TwPool *, size_t count, size_t size);
char *tw_pool_str(TwPool *, const char *s);
char *tw_pool_fmt(TwPool *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void tw_pool_free(TwPool *);

#define TW_NEW(pool, T, n) ((T *)tw_pool_alloc(pool, (size_t)(n), sizeof(T)))

#endif
