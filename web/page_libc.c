/* What Debian's wasi-libc of 2022 lacks, and the compiler asks for.
 *
 * Files are not written in a page: those functions fail. Sorting keeps equal elements in order, as
 * glibc's does (merge sort; Knuth, The Art of Computer Programming 3, 5.2.4), so that nothing
 * depends on the machine. */

#include <errno.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

uintptr_t __stack_chk_guard = 0x5f3759df;

void
__stack_chk_fail(void)
{
	__builtin_trap();
}

void
page_out_of_memory(void)
{
	fputs("out of memory", stderr);
	__builtin_trap();
}

typedef int Compare(const void *, const void *, void *);

static void
merge_runs(char *to, const char *from, size_t lo, size_t mid, size_t hi, size_t size,
           Compare *compare, void *arg)
{
	size_t i = lo, j = mid;

	for (size_t k = lo; k < hi; k++) {
		size_t next = j >= hi ? i++
		              : i < mid && compare(from + i * size, from + j * size, arg) <= 0
		                      ? i++
		                      : j++;
		memcpy(to + k * size, from + next * size, size);
	}
}

void
qsort_r(void *base, size_t n, size_t size, Compare *compare, void *arg)
{
	char *a = base, *to = malloc(n * size + 1);

	if (!to)
		page_out_of_memory();
	for (size_t run = 1; run < n; run *= 2) {
		for (size_t lo = 0; lo < n; lo += 2 * run) {
			size_t mid = lo + run < n ? lo + run : n;
			size_t hi = lo + 2 * run < n ? lo + 2 * run : n;
			merge_runs(to, a, lo, mid, hi, size, compare, arg);
		}
		memcpy(a, to, n * size);
	}
	free(to);
}

static int
without_argument(const void *a, const void *b, void *compare)
{
	return (*(int (**)(const void *, const void *))compare)(a, b);
}

void
qsort(void *base, size_t n, size_t size, int (*compare)(const void *, const void *))
{
	qsort_r(base, n, size, without_argument, &compare);
}

static int
no_files(void)
{
	errno = ENOSYS;
	return -1;
}

int
mkostemp(char *name, int flags)
{
	(void)name, (void)flags;
	return no_files();
}

mode_t
umask(mode_t mask)
{
	return mask;
}

int
fchmod(int fd, mode_t mode)
{
	(void)fd, (void)mode;
	return no_files();
}

char *
realpath(const char *path, char *to)
{
	(void)path, (void)to;
	no_files();
	return NULL;
}
