#include "lang/text.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <stdbool.h>
#include <string.h>

/* Room for n bytes more and a NUL. */
static char *
make_room(TextBuilder *t, size_t n)
{
	if (t->cap - t->n < n + 1) {
		size_t cap = 2 * (t->n + n) + 64;
		char *more = arena_alloc(t->arena, cap);
		if (t->n)
			memcpy(more, t->s, t->n);
		t->s = more;
		t->cap = cap;
	}
	return t->s + t->n;
}

void
text_add(TextBuilder *t, const char *s, size_t n)
{
	memcpy(make_room(t, n), s, n);
	t->s[t->n += n] = '\0';
}

void
text_addf(TextBuilder *t, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	int n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0)
		arena_fail();
	char *to = make_room(t, (size_t)n);
	va_start(ap, fmt);
	vsnprintf(to, (size_t)n + 1, fmt, ap);
	va_end(ap);
	t->n += (size_t)n;
}

void
text_add_json_string(TextBuilder *t, const char *s)
{
	static const char special[] = "\"\\\b\f\n\r\t", letter[] = "\"\\bfnrt";

	text_add(t, "\"", 1);
	for (; *s; s++) {
		const char *at = strchr(special, *s);
		if (at)
			text_add(t, (char[]){ '\\', letter[at - special] }, 2);
		else if ((unsigned char)*s < ' ')
			text_addf(t, "\\u%04x", *s);
		else
			text_add(t, s, 1);
	}
	text_add(t, "\"", 1);
}

static void
add_whole_number(TextBuilder *t, int64_t x)
{
	char digits[24], *s = digits + sizeof digits;
	uint64_t rest = x < 0 ? -(uint64_t)x : (uint64_t)x;

	do
		*--s = (char)('0' + rest % 10);
	while (rest /= 10);
	if (x < 0)
		*--s = '-';
	text_add(t, s, (size_t)(digits + sizeof digits - s));
}

/* Where 15 digits are of another double than x, 17 say which. */
void
text_add_json_number(TextBuilder *t, double x)
{
	char digits[40];

	if (fabs(x) < 1e15 && x == rint(x)) {
		add_whole_number(t, (int64_t)x);
		return;
	}
	snprintf(digits, sizeof digits, "%.15g", x == 0 ? 0 : x);
	double back = strtod(digits, NULL);
	if (fabs(back - x) > fmax(fabs(back), fabs(x)) * 0x1p-52)
		snprintf(digits, sizeof digits, "%.17g", x);
	for (const char *s = digits; *s;) {
		size_t n = strspn(s, "+-0123456789e");
		text_add(t, s, n);
		s += n;
		if (*s) /* the decimal point, which a host's locale may write otherwise */
			text_add(t, ".", 1);
		s += strcspn(s, "0123456789");
	}
}

int
letter_of_byte(int byte)
{
	int letter = 0, other = 0x100;

	for (int b = 0; b <= byte; b++) {
		bool prints = (b >= '!' && b <= '~') || (b >= 0xa1 && b <= 0xac) || b >= 0xae;
		letter = prints ? b : other++;
	}
	return letter;
}
