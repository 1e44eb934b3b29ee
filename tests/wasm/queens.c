/* How many ways there are to place n queens, and a sort by a function that is chosen at run time.
 */
#include "world.h"

static int
ways(unsigned all, unsigned columns, unsigned left, unsigned right)
{
	int n = 0;

	if (columns == all)
		return 1;
	for (unsigned free = all & ~(columns | left | right); free; free &= free - 1) {
		unsigned bit = free & -free;

		n += ways(all, columns | bit, (left | bit) << 1, (right | bit) >> 1);
	}
	return n;
}

static int
ascending(int a, int b)
{
	return a - b;
}

static int
descending(int a, int b)
{
	return b - a;
}

static int number[12] = { 31, -41, 59, 26, -53, 58, 97, -93, 23, 84, -62, 64 };
int (*volatile order[2])(int, int) = { ascending, descending };

int
main(void)
{
	for (int n = 4; n <= 6; n++) {
		put_number((unsigned)ways((1u << n) - 1, 0, 0, 0));
		putchar(' ');
	}
	putchar('\n');
	for (int by = 0; by < 2; by++) {
		for (int i = 1; i < 12; i++)
			for (int k = i; k > 0 && order[by](number[k - 1], number[k]) > 0; k--) {
				int x = number[k];

				number[k] = number[k - 1];
				number[k - 1] = x;
			}
		for (int i = 0; i < 12; i++) {
			if (number[i] < 0)
				putchar('-');
			put_number((unsigned)(number[i] < 0 ? -number[i] : number[i]));
			putchar(i < 11 ? ' ' : '\n');
		}
	}
	return 7;
}
