#ifndef RUNTIME_MEMORY_POOL_H
#define RUNTIME_MEMORY_POOL_H

/* Memory of the runtime.
 *
 * A pool is what a loaded model is made of: zeroed, freed whole. No allocation of a pool
 * returns NULL; where memory runs out, control goes back to the innermost tw_protect
 * over the pool, which returns false, as Lua's protected calls do it (lua_pcall;
 * Ierusalimschy, de Figueiredo and Celes 2005). So whoever calls tw_protect owns the
 * pools, and whatever else the call may leave behind: nothing below it does.
 *
 * A layout is what a session's memory is made of: one block, laid out twice by the
 * same function, first to measure it and then to hand it out. */

#include <setjmp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct TwPool {
	struct TwBlock *block; /* the newest */
	jmp_buf *guard;        /* of the innermost tw_protect; NULL: none */
} TwPool;

/* Calls f(arg). False if memory ran out in it, in this pool or in `scratch`, which may be
 * NULL; what they hold is still to be freed. */
bool tw_protect(TwPool *, TwPool *scratch, void (*f)(void *), void *arg);
/* Memory has run out: ends the innermost tw_protect over the pool. */
void tw_pool_fail(TwPool *) __attribute__((noreturn));

void *tw_pool_alloc(TwPool *, size_t count, size_t size);
char *tw_pool_str(TwPool *, const char *s);
char *tw_pool_fmt(TwPool *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void tw_pool_free(TwPool *);

#define TW_NEW(pool, T, n) ((T *)tw_pool_alloc(pool, (size_t)(n), sizeof(T)))

/* Room in list[0 .. n - 1], of room for *cap, for one more; where it moved to. */
void *tw_pool_grow(TwPool *, void *list, int n, int *cap, size_t size);

typedef struct TwLayout {
	char *memory; /* NULL: only measured */
	size_t used;
	bool too_large; /* more than TW_LARGEST bytes */
} TwLayout;

/* Bytes of a session, or half of what a pointer can span. */
#define TW_LARGEST \
	(PTRDIFF_MAX / 2 < 1ll << 44 ? (uint64_t)(PTRDIFF_MAX / 2) : (uint64_t)(1ll << 44))

/* Memory that is 0, and taken from the machine only as far as it is written to: that of a session
 * grows with its text. NULL: there is none. */
void *tw_reserve(size_t);
void tw_release(void *, size_t);
/* How much of it has been taken; all of it where that cannot be told. */
size_t tw_used_bytes(const void *, size_t);

/* The next `count` elements of a size that is a power of two; NULL while it is measured. */
static inline void *
tw_layout_take(TwLayout *l, uint64_t count, size_t size)
{
	uint64_t at = (l->used + size - 1) & ~(uint64_t)(size - 1);

	if (count > TW_LARGEST / size || at + count * size > TW_LARGEST) {
		l->too_large = true;
		return NULL;
	}
	l->used = (size_t)(at + count * size);
	return l->memory ? l->memory + at : NULL;
}

/* Numbers of 32 bits at an address that 64 divides. */
static inline void *
tw_layout_lines(TwLayout *l, uint64_t count)
{
	char *at = tw_layout_take(l, count / 16 + 2, 64);

	return at ? at + (-(uintptr_t)at & 63) : NULL;
}

static inline float *
tw_layout_floats(TwLayout *l, uint64_t count)
{
	return tw_layout_take(l, count, sizeof(float));
}

#endif
