#include "runtime/memory_pool.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct TwBlock TwBlock;

struct TwBlock {
	TwBlock *prev;
	size_t used, cap;
	max_align_t data[];
};

enum { BLOCK = 16 * 1024 };

static TwBlock *
block_new(TwPool *p, size_t need)
{
	size_t cap = need > BLOCK ? need : BLOCK;
	TwBlock *b = calloc(1, sizeof *b + cap);

	if (!b) {
		fputs("tw: out of memory\n", stderr);
		exit(2);
	}
	b->prev = p->block;
	b->cap = cap;
	return p->block = b;
}

void *
tw_pool_alloc(TwPool *p, size_t count, size_t size)
{
	const size_t align = sizeof(max_align_t);
	TwBlock *b = p->block;

	/* An absurd size becomes one that calloc refuses. */
	if (__builtin_mul_overflow(count, size, &size) || size > SIZE_MAX / 4)
		size = SIZE_MAX / 4;
	size = (size + align - 1) / align * align;
	if (!b || b->cap - b->used < size)
		b = block_new(p, size);
	b->used += size;
	return (char *)b->data + b->used - size;
}

char *
tw_pool_str(TwPool *p, const char *s)
{
	size_t n = strlen(s) + 1;

	return memcpy(tw_pool_alloc(p, n, 1), s, n);
}

char *
tw_pool_fmt(TwPool *p, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	int n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	char *s = tw_pool_alloc(p, (size_t)n + 1, 1);
	va_start(ap, fmt);
	vsnprintf(s, (size_t)n + 1, fmt, ap);
	va_end(ap);
	return s;
}

void
tw_pool_free(TwPool *p)
{
	while (p->block) {
		TwBlock *prev = p->block->prev;
		free(p->block);
		p->block = prev;
	}
}
