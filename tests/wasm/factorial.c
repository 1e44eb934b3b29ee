/* 30! by digits, 20! and its parts in 64 bits. */
#include "world.h"

static unsigned char digit[40];

static void
put_long(unsigned long long n)
{
	if (n > 9)
		put_long(n / 10);
	putchar('0' + (int)(n % 10));
}

int
main(void)
{
	int n = 1;
	unsigned long long f = 1;
	volatile long long minus = -1000000007;

	digit[0] = 1;
	for (int k = 2; k <= 30; k++) {
		int carry = 0;

		for (int i = 0; i < n || carry; i++) {
			int x = (i < n ? digit[i] : 0) * k + carry;

			digit[i] = (unsigned char)(x % 10);
			carry = x / 10;
			n = i >= n ? i + 1 : n;
		}
	}
	while (n > 0)
		putchar('0' + digit[--n]);
	putchar('\n');
	for (int k = 2; k <= 20; k++)
		f *= (unsigned)k;
	put_long(f);
	putchar('\n');
	put_hex((unsigned)(f >> 32));
	put_hex((unsigned)f);
	putchar('\n');
	put_hex((unsigned)((long long)f / minus));
	put_hex((unsigned)((long long)f % minus));
	put_hex((unsigned)(minus >> (f & 63)));
	putchar('\n');
	return 0;
}
