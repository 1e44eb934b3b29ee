/* usage: prompts adder_1digit|adder|calculator|caesar|binary_increment N
 *
 * Prints prompts for a comparison of engines, one a line, each with the answer
 * that plain arithmetic gives: "12*34=<tab>408". First the edge cases and the
 * values beside every threshold (a digit or the operator's result about to gain
 * or lose a place), then random ones up to N in all, of a fixed seed. */

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t seed = 20240229;

static unsigned
pick(unsigned n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (unsigned)(seed >> 33) % n;
}

/* A number with one, two or three digits, each width as often as the others. */
static int
number(void)
{
	static const unsigned below[] = { 10, 100, 1000 };

	return (int)pick(below[pick(3)]);
}

static void
sum_of(int a, char op, int b)
{
	int v = op == '+' ? a + b : op == '-' ? a - b : a * b;

	printf("%d%c%d=\t%d\n", a, op, b, v);
}

/* All pairs of values at which something carries, borrows or gains a place. */
static long
edges(const char *ops)
{
	static const int edge[] = { 0, 1, 2, 3, 4, 5, 8, 9, 10, 11, 12, 19, 20, 25, 31, 32, 33, 49, 50, 51, 89, 90,
		98, 99, 100, 101, 109, 110, 111, 199, 200, 250, 316, 317, 333, 499, 500, 501, 899, 900, 909, 989,
		990, 991, 998, 999 };
	enum { N = sizeof edge / sizeof *edge };
	long n = 0;

	for (const char *op = ops; *op; op++)
		for (int i = 0; i < N; i++)
			for (int j = 0; j < N; j++, n++)
				sum_of(edge[i], *op, edge[j]);
	/* sums and differences just below, at and above each power of ten, and
	 * products as near to each power of ten as they come */
	for (const char *op = ops; *op; op++)
		for (int ten = 10; ten <= (*op == '*' ? 100000 : 1000); ten *= 10)
			for (int k = 0; k < 30; k++)
				for (int d = -1; d <= 1; d++) {
					int a = 1 + (int)pick(999);
					int b = *op == '+' ? ten - a + d : *op == '-' ? a - ten + d : ten / a + d;
					if (b < 0 || b > 999)
						continue;
					sum_of(a, *op, b);
					n++;
				}
	/* equal, and one apart: where a difference changes its sign */
	for (int k = 0; strchr(ops, '-') && k < 200; k++)
		for (int d = -1; d <= 1; d++) {
			int a = 1 + (int)pick(998);
			sum_of(a, '-', a + d);
			n++;
		}
	return n;
}

static void
arithmetic(const char *ops, long most)
{
	for (long n = edges(ops); n < most; n++) {
		int a = number(), b = number();
		sum_of(a, ops[pick((unsigned)strlen(ops))], b);
	}
}

static void
one_digit(void)
{
	for (int a = 0; a < 10; a++)
		for (int b = 0; b < 10; b++)
			sum_of(a, '+', b);
}

/* Every shift of n random words of 1 to 19 letters. */
static void
caesar(long words)
{
	for (long w = 0; w < words; w++) {
		char word[20], shifted[20];
		int len = 1 + (int)pick(19);

		for (int i = 0; i < len; i++)
			word[i] = (char)('a' + pick(26));
		word[len] = shifted[len] = '\0';
		for (int shift = 0; shift < 10; shift++) {
			for (int i = 0; i < len; i++)
				shifted[i] = (char)('a' + (word[i] - 'a' + shift) % 26);
			printf("%d%s=\t%s\n", shift, word, shifted);
		}
	}
}

static void
print_binary(uint32_t v, int places)
{
	for (int i = places - 1; i >= 0; i--)
		putchar('0' + (int)(v >> i & 1));
}

/* All numbers of up to 9 places, then random ones of up to 19, with leading
 * zeros or not. */
static void
increment(long most)
{
	long n = 0;

	for (int places = 1; places <= 9; places++)
		for (uint32_t v = 0; v < 1u << places; v++, n++) {
			print_binary(v, places);
			fputs("=\t", stdout);
			print_binary(v + 1, v + 1 == 1u << places ? places + 1 : places);
			putchar('\n');
		}
	for (; n < most; n++) {
		int places = 10 + (int)pick(10);
		uint32_t v = (uint32_t)pick(1u << places);
		if (pick(4) == 0)
			v |= (1u << pick((unsigned)places)) - 1;       /* a long carry */
		print_binary(v, places);
		fputs("=\t", stdout);
		print_binary(v + 1, v + 1 == 1u << places ? places + 1 : places);
		putchar('\n');
	}
}

int
main(int argc, char **argv)
{
	const char *what = argc == 3 ? argv[1] : "";
	long n = argc == 3 ? atol(argv[2]) : 0;

	if (!strcmp(what, "adder_1digit"))
		one_digit();
	else if (!strcmp(what, "adder"))
		arithmetic("+", n);
	else if (!strcmp(what, "calculator"))
		arithmetic("+-*", n);
	else if (!strcmp(what, "caesar"))
		caesar(n);
	else if (!strcmp(what, "binary_increment"))
		increment(n);
	else
		return fputs("usage: prompts EXAMPLE N\n", stderr), 2;
	return 0;
}
