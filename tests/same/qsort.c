/* A sort that treats equal keys as badly as it may: C lets qsort leave them in any order,
 * and libraries differ in it. Equal ones come out here in the opposite of the order they
 * came in, so that a build with this one (tests/same_bytes.sh) writes other files where an
 * order is not told in full by its comparison. */

#include <stdlib.h>
#include <string.h>

typedef int Compare(const void *, const void *);

/* Insertion by halving: each goes before those that are equal to it. */
void
qsort(void *base, size_t n, size_t size, Compare *compare)
{
	char *at = base, *kept = malloc(size);

	if (!kept)
		abort();
	for (size_t i = 1; i < n; i++) {
		size_t lo = 0, hi = i;
		while (lo < hi) {
			size_t mid = (lo + hi) / 2;
			if (compare(at + mid * size, at + i * size) < 0)
				lo = mid + 1;
			else
				hi = mid;
		}
		memcpy(kept, at + i * size, size);
		memmove(at + (lo + 1) * size, at + lo * size, (i - lo) * size);
		memcpy(at + lo * size, kept, size);
	}
	free(kept);
}
