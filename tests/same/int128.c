/* What clang calls where a program divides __int128 or makes a double of it. No compiler
 * brings these for i386, where size_t has 32 bits: this is what the build of
 * tests/same_bytes.sh for that machine is linked with, and nothing else.
 *
 * Division is by shifting and subtracting, a bit of the quotient at a time. A number is
 * rounded to a double once: its 64 highest bits hold all that a double does and more, and
 * of the bits below them it only matters whether one is set. */

typedef unsigned __int128 Bits;

__int128 __divti3(__int128 a, __int128 b);
__int128 __modti3(__int128 a, __int128 b);
double __floattidf(__int128 a);

static Bits
magnitude(__int128 a)
{
	return a < 0 ? -(Bits)a : (Bits)a;
}

static Bits
divide(Bits a, Bits b, Bits *rest)
{
	Bits quotient = 0, r = 0;

	for (int i = 127; i >= 0; i--) {
		r = r << 1 | (a >> i & 1);
		quotient <<= 1;
		if (r >= b) {
			r -= b;
			quotient |= 1;
		}
	}
	*rest = r;
	return quotient;
}

__int128
__divti3(__int128 a, __int128 b)
{
	Bits rest, quotient = divide(magnitude(a), magnitude(b), &rest);

	return (a < 0) != (b < 0) ? -(__int128)quotient : (__int128)quotient;
}

__int128
__modti3(__int128 a, __int128 b)
{
	Bits rest;

	divide(magnitude(a), magnitude(b), &rest);
	return a < 0 ? -(__int128)rest : (__int128)rest;
}

double
__floattidf(__int128 a)
{
	Bits m = magnitude(a);
	double scale = 1;

	for (; m >> 64; scale *= 2)
		m = m >> 1 | (m & 1);
	double x = (double)(unsigned long long)m * scale;
	return a < 0 ? -x : x;
}
