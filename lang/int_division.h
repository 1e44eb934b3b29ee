#ifndef LANG_INT_DIVISION_H
#define LANG_INT_DIVISION_H

/* Whole numbers of up to 128 bits, for all who divide exactly. */

static inline __int128
gcd(__int128 a, __int128 b)
{
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
