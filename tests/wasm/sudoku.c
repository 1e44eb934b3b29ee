/* Reads 81 digits, 0 or . where a cell is empty, and prints the solution: backtracking on the cell
 * that has the fewest digits left. */

#include "world.h"

static int row[9], column[9], box[9]; /* digits that are taken, a bit each */
static unsigned char cell[81];

static int
box_of(int at)
{
	return at / 27 * 3 + at % 9 / 3;
}

static int
taken(int at)
{
	return row[at / 9] | column[at % 9] | box[box_of(at)];
}

static void
put(int at, int digit)
{
	cell[at] = (unsigned char)digit;
	row[at / 9] ^= 1 << digit;
	column[at % 9] ^= 1 << digit;
	box[box_of(at)] ^= 1 << digit;
}

static int
fewest_left(void)
{
	int best = -1, most = -1;

	for (int at = 0; at < 81; at++) {
		int n = cell[at] ? -1 : __builtin_popcount((unsigned)taken(at));
		if (n > most) {
			most = n;
			best = at;
		}
	}
	return best;
}

static int
solve_grid(void)
{
	int at = fewest_left();

	if (at < 0)
		return 1;
	for (int digit = 1; digit <= 9; digit++) {
		if (taken(at) >> digit & 1)
			continue;
		put(at, digit);
		if (solve_grid())
			return 1;
		put(at, digit);
		cell[at] = 0;
	}
	return 0;
}

static void
print(void)
{
	for (int at = 0; at < 81; at++) {
		putchar('0' + cell[at]);
		putchar(at % 9 == 8 ? '\n' : ' ');
	}
}

int
main(void)
{
	for (int at = 0; at < 81;) {
		int c = getchar();
		if (c < 0)
			return 2;
		if (c > '0' && c <= '9')
			put(at, c - '0');
		at += c == '.' || (c >= '0' && c <= '9');
	}
	if (!solve_grid())
		return 1;
	print();
	return 0;
}
