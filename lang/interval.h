#ifndef LANG_INTERVAL_H
#define LANG_INTERVAL_H

/* The lesser and the greater of two numbers, and closed intervals lo..hi: Range of integers,
 * Interval of doubles. fmin and fmax will not do where the result reaches a file: they
 * leave open which of 0 and -0 they return, so that compilers would write different bytes. */

#include <math.h>
#include <stdint.h>

static inline int
min_int(int a, int b)
{
	return a < b ? a : b;
}

static inline int
max_int(int a, int b)
{
	return a > b ? a : b;
}

static inline int64_t
min_int64(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static inline int64_t
max_int64(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static inline double
min_double(double a, double b)
{
	return a < b ? a : b;
}

static inline double
max_double(double a, double b)
{
	return a > b ? a : b;
}

typedef struct Range {
	int64_t lo, hi;
} Range;

typedef struct Interval {
	double lo, hi;
} Interval;

/* The least interval that holds both. */
static inline Interval
interval_hull(Interval a, Interval b)
{
	return (Interval){ min_double(a.lo, b.lo), max_double(a.hi, b.hi) };
}

/* The largest absolute value in it. */
static inline double
interval_max_abs(Interval a)
{
	return max_double(fabs(a.lo), fabs(a.hi));
}

#endif
