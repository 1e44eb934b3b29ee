/* The cheapest assignment of ten workers to ten jobs (Kuhn 1955, with potentials), for costs from a
 * generator: each worker's job, and what they cost together. */

#include "world.h"

enum { N = 10, FAR = 1 << 20 };

static int cost[N + 1][N + 1], u[N + 1], v[N + 1], worker[N + 1], way[N + 1];

static void
fill(void)
{
	unsigned x = 12345;

	for (int i = 1; i <= N; i++)
		for (int j = 1; j <= N; j++) {
			x = x * 1103515245u + 12345u;
			cost[i][j] = (int)(x >> 16) % 100;
		}
}

/* The column that is nearest to those that are used, after all potentials have moved by it. */
static int
next_column(int from, int *least, const char *used)
{
	int i = worker[from], delta = FAR, to = 0;

	for (int j = 1; j <= N; j++) {
		if (used[j])
			continue;
		int now = cost[i][j] - u[i] - v[j];
		if (now < least[j]) {
			least[j] = now;
			way[j] = from;
		}
		if (least[j] < delta) {
			delta = least[j];
			to = j;
		}
	}
	for (int j = 0; j <= N; j++)
		if (used[j]) {
			u[worker[j]] += delta;
			v[j] -= delta;
		} else {
			least[j] -= delta;
		}
	return to;
}

static void
assign(int i)
{
	int least[N + 1], j = 0;
	char used[N + 1];

	for (int k = 0; k <= N; k++) {
		least[k] = FAR;
		used[k] = 0;
	}
	worker[0] = i;
	do {
		used[j] = 1;
		j = next_column(j, least, used);
	} while (worker[j]);
	for (; j; j = way[j])
		worker[j] = worker[way[j]];
}

int
main(void)
{
	int sum = 0;

	fill();
	for (int i = 1; i <= N; i++)
		assign(i);
	for (int j = 1; j <= N; j++) {
		sum += cost[worker[j]][j];
		put_number((unsigned)worker[j]);
		putchar(j < N ? ' ' : '\n');
	}
	put_number((unsigned)sum);
	putchar('\n');
	return 0;
}
