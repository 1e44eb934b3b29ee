#ifndef LANG_INT_DIVISION_H
#define LANG_INT_DIVISION_H

/* Whole numbers of up to 128 bits, for all who divide exactly. */

#include <stdint.h>

static inline __int128
gcd(__int128 a, __int128 b)
{
	while (b && a == (int64_t)a && b == (int64_t)b && b != -1) { /* much faster */
		int64_t t = (int64_t)a % (int64_t)b;
		a = b;
		b = t;
	}
	while (b) {
		__int128 t = a % b;
		a = b;
		b = t;
	}
	return a < 0 ? -a : a;
}

/* a / b, rounded down. */
static inline __int128
floor_div(__int128 a, __int128 b)
{
	return a / b - (a % b != 0 && (a < 0) != (b < 0));
}

#endif
