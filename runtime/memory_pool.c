/* A pool is a list of blocks, of which the newest has room: a bump allocator, as the
 * compiler's arena is (Hanson 1990). */

#define _GNU_SOURCE /* MAP_ANONYMOUS, MAP_NORESERVE */

#include "runtime/memory_pool.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

typedef struct TwBlock TwBlock;

struct TwBlock {
	TwBlock *prev;
	size_t used, cap;
	max_align_t data[];
};

#ifndef USUAL_BLOCK /* a test has them small, so that many allocations can fail */
#define USUAL_BLOCK ((size_t)16 * 1024)
#endif

bool
tw_protect(TwPool *p, TwPool *scratch, void (*f)(void *), void *arg)
{
	jmp_buf here, *outer = p->guard, *outer_scratch = scratch ? scratch->guard : NULL;
	volatile bool ok = false;

	p->guard = &here;
	if (scratch)
		scratch->guard = &here;
	if (!setjmp(here)) {
		f(arg);
		ok = true;
	}
	p->guard = outer;
	if (scratch)
		scratch->guard = outer_scratch;
	return ok;
}

void
tw_pool_fail(TwPool *p)
{
	if (!p->guard)
		abort(); /* ours to mend: nothing allocates of a pool outside of tw_protect */
	longjmp(*p->guard, 1);
}

static TwBlock *
pool_block_new(TwPool *p, size_t need)
{
	size_t cap = need > USUAL_BLOCK ? need : USUAL_BLOCK;
	TwBlock *b = calloc(1, sizeof *b + cap);

	if (!b)
		tw_pool_fail(p);
	b->prev = p->block;
	b->cap = cap;
	return p->block = b;
}

void *
tw_pool_alloc(TwPool *p, size_t count, size_t size)
{
	const size_t align = sizeof(max_align_t);
	TwBlock *b = p->block;

	if (__builtin_mul_overflow(count, size, &size) || size > SIZE_MAX / 4)
		tw_pool_fail(p);
	size = (size + align - 1) / align * align;
	if (!b || b->cap - b->used < size)
		b = pool_block_new(p, size);
	b->used += size;
	return (char *)b->data + b->used - size;
}

void *
tw_pool_grow(TwPool *p, void *list, int n, int *cap, size_t size)
{
	if (n < *cap)
		return list;
	if (*cap > INT_MAX / 2 - 8)
		tw_pool_fail(p);
	*cap = 2 * *cap + 8;
	void *more = tw_pool_alloc(p, (size_t)*cap, size);
	return n ? memcpy(more, list, (size_t)n * size) : more;
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
	if (n < 0)
		tw_pool_fail(p);
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

/* ---- */

enum { SMALL = 1 << 26 };

void *
tw_reserve(size_t n)
{
	if (n < SMALL)
		return calloc(1, n ? n : 1);
	void *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
	               -1, 0);
	return p == MAP_FAILED ? NULL : p;
}

void
tw_release(void *p, size_t n)
{
	if (n < SMALL)
		free(p);
	else if (p)
		munmap(p, n);
}

/* Of its pages, those that the machine holds. */
size_t
tw_used_bytes(const void *p, size_t n)
{
#ifdef __linux__
	enum { PAGES = 4096 };
	unsigned char held[PAGES];
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), begin = (uintptr_t)p, end = begin + n;
	size_t used = 0;

	for (uintptr_t at = begin / page * page; at < end; at += PAGES * page) {
		size_t pages = (end - at + page - 1) / page;
		if (pages > PAGES)
			pages = PAGES;
		if (mincore((void *)at, pages * page, held))
			return n;
		for (size_t i = 0; i < pages; i++) {
			uintptr_t from = at + i * page, to = from + page;
			if (held[i] & 1)
				used += (to < end ? to : end) - (from > begin ? from : begin);
		}
	}
	return used;
#else
	(void)p;
	return n;
#endif
}
