#ifndef CMD_STATS_H
#define CMD_STATS_H

/* What twrun --stats says of a run. */

#include "runtime/tw.h"

#include <stdio.h>

typedef struct Totals {
	int sessions;
	TwStats sum;               /* shares are sums too, each times its tokens */
	double loading, answering; /* seconds */
} Totals;

/* Seconds since some time in the past. */
double stats_now(void);
void stats_add(Totals *, TwStats);
void stats_print(const Totals *, const TwModel *, FILE *);

#endif
