/* usage: rules N
 *
 * Prints a program of about N graph nodes (as lowered; twc --dump=lower counts them):
 * thousands of rules that look at a window of six tokens and give points to one of
 * eight classes, of which the best is written. What such a program stores grows with
 * its rules; the values that many rules look at are few, as in a program that someone
 * would write, so the width of the model stays what it is. */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum { CLASSES = 8, WINDOW = 6, GROUP = 40, LETTERS = 26 };

static uint64_t state = 1;

static int
random_below(int n)
{
	state = state * 6364136223846793005u + 1442695040888963407u;
	return (int)((state >> 33) % (uint64_t)n);
}

/* Three or four of the window's tokens are these. */
static void
print_tokens(int i)
{
	int first = random_below(3), n = 3 + random_below(2);

	printf("let r%d = if ", i);
	for (int k = first; k < first + n && k < WINDOW; k++)
		printf("%sc%d == '%c'", k > first ? " and " : "", k, 'a' + random_below(LETTERS));
	printf(" then %d else 0\n", 1 + random_below(9));
}

/* A weighted sum of their numbers passes a mark. */
static void
print_sum(int i)
{
	int mark = 0;

	printf("let r%d = if ", i);
	for (int k = 0; k < 3; k++) {
		int by = 1 + random_below(7);
		mark += by * LETTERS / 2;
		printf("%s%d * d%d", k ? " + " : "", by, 2 * k + random_below(2));
	}
	printf(" > %d then %d else 0\n", mark + random_below(40), 1 + random_below(5));
}

int
main(int argc, char **argv)
{
	/* a rule adds between three and four nodes: measured */
	int rules = argc == 2 ? (int)(atol(argv[1]) * 3 / 10) : 0,
	    groups = (rules + GROUP - 1) / GROUP;

	if (rules < CLASSES * GROUP)
		return fputs("usage: rules N, at least 2000\n", stderr), 2;
	puts("model rules {\n  vocab   \"abcdefghijklmnopqrstuvwxyz\"\n  context 64\n}");
	for (int k = 0; k < WINDOW; k++)
		printf("let c%d = token[here - %d else 'a']\nlet d%d = id(c%d)\n", k, k, k, k);
	for (int i = 0; i < rules; i++)
		if (random_below(3))
			print_tokens(i);
		else
			print_sum(i);
	for (int g = 0; g < groups; g++) {
		printf("let g%d = ", g);
		for (int i = g * GROUP; i < (g + 1) * GROUP && i < rules; i++)
			printf("%sr%d", i > g * GROUP ? " + " : "", i);
		putchar('\n');
	}
	for (int c = 0; c < CLASSES; c++) {
		printf("let t%d = min(255, sum([", c);
		for (int g = c; g < groups; g += CLASSES)
			printf("%sg%d", g > c ? ", " : "", g);
		puts("]))");
	}
	fputs("const classes = \"abcdefgh\"\nemit from_id(best i in 0..<8 by [t0, t1, t2, t3, t4, "
	      "t5, t6, t7][i])\n",
	      stdout);
	return 0;
}
