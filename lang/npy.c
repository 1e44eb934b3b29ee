/* The format: "\x93NUMPY", a version, the length of the header, the header as a
 * Python dict, {'descr': '<f4', 'fortran_order': False, 'shape': (3, 2), }, then
 * the numbers. Versions 1 to 3 differ in the size of the length alone. */

#include "lang/npy.h"

#include <math.h>
#include <string.h>

typedef struct Header {
	const char *text, *end;
} Header;

static bool
npy_refuse(const char **why, const char *what)
{
	*why = what;
	return false;
}

/* What stands behind 'key': in the dict, or NULL. */
static const char *
entry(const Header *h, const char *key)
{
	size_t n = strlen(key);

	for (const char *s = h->text; s + n + 2 < h->end; s++)
		if ((*s == '\'' || *s == '"') && !memcmp(s + 1, key, n) && s[n + 1] == *s) {
			for (s += n + 2; s < h->end && (*s == ':' || *s == ' ');)
				s++;
			return s < h->end ? s : NULL;
		}
	return NULL;
}

static bool
read_shape(const Header *h, Npy *a, const char **why)
{
	const char *s = entry(h, "shape");

	if (!s || *s++ != '(')
		return npy_refuse(why, "its header has no shape");
	for (a->n = 1; s < h->end && *s != ')'; s++) {
		if (*s == ' ' || *s == ',')
			continue;
		int64_t d = 0;
		if (*s < '0' || *s > '9' || a->ndim == NPY_DIMS)
			return npy_refuse(why, "its shape cannot be read");
		for (; s < h->end && *s >= '0' && *s <= '9'; s++)
			if ((d = 10 * d + (*s - '0')) > (int64_t)1 << 40)
				return npy_refuse(why, "it is too large");
		s--;
		a->dim[a->ndim++] = d;
		if (d && a->n > ((int64_t)1 << 40) / d)
			return npy_refuse(why, "it is too large");
		a->n *= d;
	}
	return s < h->end || npy_refuse(why, "its shape cannot be read");
}

static uint64_t
little(const unsigned char *b, int size)
{
	uint64_t v = 0;

	for (int i = 0; i < size; i++)
		v |= (uint64_t)b[i] << 8 * i;
	return v;
}

static double
half(uint64_t v)
{
	int e = (int)(v >> 10 & 31), m = (int)(v & 1023);
	double x = e == 31 ? (m ? NAN : INFINITY) : e ? ldexp(1024 + m, e - 25) : ldexp(m, -24);

	return v >> 15 ? -x : x;
}

static double
npy_number(char kind, int size, const unsigned char *b)
{
	uint64_t v = little(b, size);

	if (kind == 'f' && size == 8)
		return ((union {
			       uint64_t v;
			       double x;
		       }){ .v = v })
		        .x;
	if (kind == 'f')
		return size == 4 ? (double)((union {
					   uint32_t v;
					   float x;
				   }){ .v = (uint32_t)v })
		                           .x
		                 : half(v);
	if (kind == 'i' && size < 8 && v >> (8 * size - 1))
		return (double)(int64_t)v - ldexp(1, 8 * size);
	return kind == 'i' ? (double)(int64_t)v : (double)v;
}

static bool
known_type(char kind, int size)
{
	if (kind == 'f')
		return size == 2 || size == 4 || size == 8;
	return kind == 'b' ? size == 1
	                   : (kind == 'i' || kind == 'u')
	                             && (size == 1 || size == 2 || size == 4 || size == 8);
}

bool
npy_read(Arena *arena, const void *bytes, size_t size, Npy *a, const char **why)
{
	const unsigned char *b = bytes;

	*a = (Npy){ 0 };
	if (size < 12 || memcmp(b, "\x93NUMPY", 6) || b[6] < 1 || b[6] > 3)
		return npy_refuse(why, "it is no .npy file");
	size_t start = b[6] == 1 ? 10 : 12, header = (size_t)little(b + 8, b[6] == 1 ? 2 : 4);
	if (header > size - start)
		return npy_refuse(why, "it is cut off");
	Header h = { (const char *)b + start, (const char *)b + start + header };
	const char *type = entry(&h, "descr"), *order = entry(&h, "fortran_order");
	if (!type || h.end - type < 5 || !order || !read_shape(&h, a, why))
		return *why ? false : npy_refuse(why, "its header cannot be read");
	char kind = type[2];
	int each = type[3] - '0';
	if ((type[1] != '<' && type[1] != '|') || !known_type(kind, each) || type[4] != type[0])
		return npy_refuse(why, "its numbers are of a type that is not read: use float32, "
		                       "float64 or integers, little-endian");
	if (*order != 'F')
		return npy_refuse(
			why,
			"it is in Fortran's order: save it in C's, by numpy.ascontiguousarray");
	if ((uint64_t)a->n * (uint64_t)each != size - start - header)
		return npy_refuse(why, "its shape does not fit its length");
	a->whole = kind != 'f';
	a->x = NEWS(arena, double, a->n + 1);
	for (int64_t i = 0; i < a->n; i++) {
		a->x[i] = npy_number(kind, each, b + start + header + (size_t)i * (size_t)each);
		if (!isfinite(a->x[i]))
			return npy_refuse(why, "it holds what is no number");
	}
	return true;
}
