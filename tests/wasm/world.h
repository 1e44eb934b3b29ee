/* What these programs have of the world: built without a library, so that their files are small. */
int putchar(int c);
int getchar(void);

static void
put_number(unsigned n)
{
	if (n > 9)
		put_number(n / 10);
	putchar('0' + (int)(n % 10));
}

static void
put_hex(unsigned n)
{
	for (int i = 28; i >= 0; i -= 4)
		putchar("0123456789abcdef"[n >> i & 15]);
}
