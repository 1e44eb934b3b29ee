/* For wasi-libc (judge.sh): printf, arguments, what is read, long runs. In whole numbers, 1/4096.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int
by_letters(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int
steps_at(int cr, int ci)
{
	int x = 0, y = 0, n = 0;

	for (; n < 12 && x * x + y * y < 4 * 4096 * 4096; n++) {
		int t = (x * x - y * y) / 4096 + cr;

		y = 2 * x * y / 4096 + ci;
		x = t;
	}
	return n;
}

int
main(int argc, char **argv)
{
	char line[80];
	char *word[8];
	int n = 0;

	for (int row = -5; row <= 5; row++) {
		for (int column = -20; column <= 8; column++)
			putchar(" .:-=+*#%@&$?"[steps_at(column * 400, row * 900)]);
		putchar('\n');
	}
	for (int i = 1; i < argc; i++)
		printf("%d: %-6s|%6s|\n", i, argv[i], argv[i]);
	while (n < 8 && fgets(line, sizeof line, stdin)) {
		line[strcspn(line, "\n")] = 0;
		word[n++] = strdup(line);
	}
	qsort(word, (size_t)n, sizeof *word, by_letters);
	for (int i = 0; i < n; i++)
		printf("%s%c", word[i], i < n - 1 ? ' ' : '\n');
	printf("%x %o %+d %08.3d %lld %llu %p\n", 48879u, 8u, 7, 42, -1234567890123LL,
	       18446744073709551615ULL, (void *)16);
	return 5;
}
