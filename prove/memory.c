/* Memory and the end of a run. One run reads one file: nothing is given back before its end. */

#define _GNU_SOURCE /* vasprintf */
#include "prove/prove.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

void *
take(size_t count, size_t size)
{
	void *p = calloc(count ? count : 1, size);

	if (!p) {
		fprintf(stderr, "twprove: out of memory\n");
		exit(2);
	}
	return p;
}

void *
take_copy(const void *from, size_t bytes)
{
	void *p = take(bytes, 1);

	return bytes ? memcpy(p, from, bytes) : p;
}

char *
text(const char *format, ...)
{
	va_list args;
	char *s;

	va_start(args, format);
	if (vasprintf(&s, format, args) < 0) {
		fprintf(stderr, "twprove: out of memory\n");
		exit(2);
	}
	va_end(args);
	return s;
}

/* The file is not one that can be proved anything about. */
void
malformed(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fprintf(stderr, "twprove: ");
	vfprintf(stderr, format, args);
	fprintf(stderr, "\n");
	va_end(args);
	exit(2);
}
