/* FNV-1a, CRC-32 and SHA-256 of what is read. */
#include "world.h"

static unsigned char text[256];

static unsigned
fnv1a(const unsigned char *s, int n)
{
	unsigned h = 2166136261u;

	for (int i = 0; i < n; i++)
		h = (h ^ s[i]) * 16777619u;
	return h;
}

static unsigned
crc32(const unsigned char *s, int n)
{
	unsigned c = ~0u;

	for (int i = 0; i < n; i++) {
		c ^= s[i];
		for (int k = 0; k < 8; k++)
			c = c & 1 ? c >> 1 ^ 0xedb88320u : c >> 1;
	}
	return ~c;
}

static const unsigned round_constant[64] = {
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4,
	0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe,
	0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f,
	0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7,
	0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc,
	0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b,
	0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116,
	0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
	0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7,
	0xc67178f2,
};

static unsigned
turn(unsigned x, int n)
{
	return x >> n | x << (32 - n);
}

/* Of less than 56 bytes: one block. */
static void
sha256(const unsigned char *s, int n)
{
	unsigned h[8] = { 0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
		          0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19 };
	unsigned w[64], v[8];

	for (int i = 0; i < 16; i++)
		w[i] = 0;
	for (int i = 0; i <= n; i++)
		w[i / 4] |= (unsigned)(i < n ? s[i] : 0x80) << (24 - 8 * (i % 4));
	w[15] = (unsigned)n * 8;
	for (int i = 16; i < 64; i++)
		w[i] = w[i - 16] + (turn(w[i - 15], 7) ^ turn(w[i - 15], 18) ^ w[i - 15] >> 3)
		       + w[i - 7] + (turn(w[i - 2], 17) ^ turn(w[i - 2], 19) ^ w[i - 2] >> 10);
	for (int i = 0; i < 8; i++)
		v[i] = h[i];
	for (int i = 0; i < 64; i++) {
		unsigned t = v[7] + (turn(v[4], 6) ^ turn(v[4], 11) ^ turn(v[4], 25))
		             + ((v[4] & v[5]) ^ (~v[4] & v[6])) + round_constant[i] + w[i];
		unsigned u = (turn(v[0], 2) ^ turn(v[0], 13) ^ turn(v[0], 22))
		             + ((v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]));

		for (int k = 7; k > 0; k--)
			v[k] = v[k - 1];
		v[4] += t;
		v[0] = t + u;
	}
	for (int i = 0; i < 8; i++)
		put_hex(h[i] + v[i]);
}

int
main(void)
{
	int n = 0;

	for (int c; n < 55 && (c = getchar()) >= 0;)
		text[n++] = (unsigned char)c;
	put_hex(fnv1a(text, n));
	putchar('\n');
	put_hex(crc32(text, n));
	putchar('\n');
	sha256(text, n);
	putchar('\n');
	return 0;
}
