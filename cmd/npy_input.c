#include "cmd/npy_input.h"

#include "lang/npy.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MOST = 1 << 30 }; /* bytes of a file */

static char *
read_bytes(Arena *arena, FILE *f, size_t *n)
{
	size_t cap = 1 << 16, got;
	char *buf = arena_alloc(arena, cap);

	for (*n = 0; (got = fread(buf + *n, 1, cap - *n, f)) > 0;) {
		*n += got;
		if (*n < cap)
			continue;
		if (cap >= MOST)
			return NULL;
		buf = memcpy(arena_alloc(arena, 2 * cap), buf, cap);
		cap *= 2;
	}
	return ferror(f) ? NULL : buf;
}

static bool
fits_shape(const Npy *a, int ninput, int context, Numbers *to)
{
	int d = a->ndim;

	if (d == 1 && ninput == 1) {
		to->ntext = 1;
		to->n = (int)(a->dim[0] <= context ? a->dim[0] : 0);
		return to->n > 0;
	}
	if ((d != 2 && d != 3) || a->dim[d - 1] != ninput || a->dim[d - 2] < 1
	    || a->dim[d - 2] > context)
		return false;
	to->n = (int)a->dim[d - 2];
	to->ntext = d == 3 ? (int)a->dim[0] : 1;
	return to->ntext > 0;
}

static bool
check_ranges(const char *program, const char *path, const TwInput *in, int ninput,
             const Numbers *to)
{
	for (size_t i = 0; i < (size_t)to->ntext * (size_t)to->n * (size_t)ninput; i++) {
		const TwInput *of = &in[i % (size_t)ninput];
		double x = to->x[i] = (double)(float)to->x[i];
		if (x >= (double)of->low && x <= (double)of->high
		    && (of->kind == TW_REAL || x == rint(x)))
			continue;
		fprintf(stderr, "%s: %s: position %zu: %s is %.9g, the model takes %s %.9g..%.9g\n",
		        program, path, i / (size_t)ninput % (size_t)to->n, of->name, x,
		        of->kind == TW_REAL ? "real" : "int", (double)of->low, (double)of->high);
		return false;
	}
	return true;
}

bool
numbers_read(Arena *arena, const char *program, const char *path, const TwInput *in, int ninput,
             int context, Numbers *to)
{
	FILE *f = fopen(path, "rb");
	const char *why = NULL;
	size_t n;
	Npy a;

	if (!f) {
		fprintf(stderr, "%s: %s: %s\n", program, path, strerror(errno));
		return false;
	}
	char *bytes = read_bytes(arena, f, &n);
	fclose(f);
	if (!bytes || !npy_read(arena, bytes, n, &a, &why)) {
		fprintf(stderr, "%s: %s: %s\n", program, path,
		        why ? why : "it cannot be read whole");
		return false;
	}
	if (!fits_shape(&a, ninput, context, to)) {
		fprintf(stderr,
		        "%s: %s: the model takes an array of 1 to %d positions by %d number%s, or "
		        "several of those\n",
		        program, path, context, ninput, ninput == 1 ? "" : "s");
		return false;
	}
	to->x = a.x;
	return check_ranges(program, path, in, ninput, to);
}
