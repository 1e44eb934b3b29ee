/* Numbers. All that a model holds and means is dyadic (an integer by a power of two) and is
 * computed here in doubles, exactly: by the rule that the proof itself rests on, a sum of
 * multiples of one step whose magnitudes are below 2^53 steps in all is exact in any order.
 * Where that does not hold, the whole proof is given up (own_arithmetic_failed). */

#include "prove/prove.h"

#include <math.h>

static bool failed;

bool
own_arithmetic_failed(void)
{
	return failed;
}

/* What needed those numbers is given up by itself. */
bool
forget_failure(void)
{
	bool was = failed;

	failed = false;
	return was;
}

void
fail_own_arithmetic(void)
{
	failed = true;
}

int
step_of(double x)
{
	int e;

	if (x == 0)
		return NO_STEP;
	int64_t m = (int64_t)ldexp(frexp(x, &e), OWN_MANTISSA);
	return e - OWN_MANTISSA + __builtin_ctzll((unsigned long long)m);
}

/* float32 has steps down to 2^-149; above 2^-126 no product of two factors loses bits. */
bool
fits(double total, int step, int mantissa)
{
	if (total == 0)
		return true;
	return step >= -126 && step < 900 && total < ldexp(1, mantissa + step) && total < 0x1p127;
}

double
gcd_of(double a, double b)
{
	a = fabs(a);
	b = fabs(b);
	while (b > 0) {
		double rest = fmod(a, b); /* exact */
		a = b;
		b = rest;
	}
	return a;
}

double
plus(double a, double b)
{
	double s = a + b, of_b = s - a;

	if (!isfinite(s) || (a - (s - of_b)) + (b - of_b) != 0)
		failed = true;
	return s;
}

double
times(double a, double b)
{
	double p = a * b;

	if (!isfinite(p) || fma(a, b, -p) != 0 || (p == 0 && a != 0 && b != 0))
		failed = true;
	return p;
}

double
magnitude_of(Extent r)
{
	return fmax(fabs(r.lo), fabs(r.hi));
}

Extent
hull(Extent r, double x)
{
	return (Extent){ x < r.lo ? x : r.lo, x > r.hi ? x : r.hi };
}
