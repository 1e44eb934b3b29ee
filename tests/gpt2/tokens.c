/* Texts as byte pairs, and back, without a model:
 *
 *     tokens VOCAB.json MERGES.txt <TEXTS           each text ended by a NUL; a line of rows for
 * each tokens VOCAB.json MERGES.txt --texts <ROWS    the other way */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tensor/train/byte_pairs.h"

static char *
text_of_stream(Arena *a, FILE *f, size_t *n)
{
	char *text = NULL;
	int cap = 0;
	size_t got;

	*n = 0;
	do {
		GROW(a, text, cap, (int)*n + (1 << 16) + 1);
		*n += got = fread(text + *n, 1, 1 << 16, f);
	} while (got);
	return text;
}

static char *
text_of_file(Arena *a, const char *path, size_t *n)
{
	FILE *f = fopen(path, "rb");
	char *text = f ? text_of_stream(a, f, n) : NULL;

	if (!f)
		perror(path);
	else
		fclose(f);
	return text;
}

static void
print_cut(Arena *a, const BytePairs *b, const char *text, size_t n)
{
	int *row = NEWS(a, int, n + 1), count;
	size_t bad;

	count = byte_pairs_cut(a, b, text, n, row, &bad);
	for (int i = 0; i < count; i++)
		printf(i ? " %d" : "%d", row[i]);
	puts(count < 0 ? "no token" : "");
}

/* The rows of a line, as text. */
static void
print_bytes_of_rows(const BytePairs *b, char *line)
{
	for (char *s = line, *end; *s; s = end) {
		int row = (int)strtol(s, &end, 10);
		if (end == s || row < 0 || row >= b->n)
			break;
		fwrite(b->bytes[row], 1, (size_t)b->size[row], stdout);
	}
	putchar('\0');
}

int
main(int argc, char **argv)
{
	Arena a = { 0 };
	size_t njson, nmerges, n;
	const char *why = "usage: tokens VOCAB.json MERGES.txt [--texts]";
	char *json = argc > 2 ? text_of_file(&a, argv[1], &njson) : NULL,
	     *merges = json ? text_of_file(&a, argv[2], &nmerges) : NULL;
	BytePairs *b = merges ? byte_pairs_read(&a, json, njson, merges, nmerges, &why) : NULL;

	if (!b) {
		fprintf(stderr, "tokens: %s\n", why);
		return 2;
	}
	char *in = text_of_stream(&a, stdin, &n), end = argc > 3 ? '\n' : '\0';
	for (char *s = in; s < in + n; s += strlen(s) + 1) {
		char *to = memchr(s, end, (size_t)(in + n - s));
		if (to)
			*to = '\0';
		if (argc > 3)
			print_bytes_of_rows(b, s);
		else
			print_cut(&a, b, s, strlen(s));
	}
	arena_free(&a);
	return 0;
}
