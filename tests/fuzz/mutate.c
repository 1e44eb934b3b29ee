/* usage: mutate SEED FILE...
 *
 * One of the files with a few faults in it: pieces left out, doubled, swapped or
 * taken from another file, deep nesting, odd bytes. The same seed gives the same
 * text. Pieces are words and marks rather than bytes, so that most of what comes
 * out gets past the lexer. */

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct FaultyText {
	char *s;
	size_t n, cap;
} FaultyText;

static uint64_t seed;

static size_t
mutate_pick(size_t n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return n ? (size_t)(seed >> 20) % n : 0;
}

static void
text_append(FaultyText *t, const char *s, size_t n)
{
	if (t->n + n + 1 > t->cap) {
		t->cap = 2 * (t->n + n + 1);
		t->s = realloc(t->s, t->cap);
		if (!t->s)
			abort();
	}
	memcpy(t->s + t->n, s, n);
	t->n += n;
	t->s[t->n] = '\0';
}

static FaultyText
read_text(const char *path)
{
	FaultyText t = { 0 };
	char part[4096];
	size_t n;
	FILE *f = fopen(path, "rb");

	text_append(&t, "", 0);
	while (f && (n = fread(part, 1, sizeof part, f)) > 0)
		text_append(&t, part, n);
	if (f)
		fclose(f);
	return t;
}

/* A piece of the text, from a random place: a word, a number or one mark. */
static void
piece(const FaultyText *t, size_t *from, size_t *to)
{
	size_t i = mutate_pick(t->n);

	while (i > 0 && (isalnum((unsigned char)t->s[i]) || t->s[i] == '_')
	       && isalnum((unsigned char)t->s[i - 1]))
		i--;
	*from = i;
	while (i < t->n && (isalnum((unsigned char)t->s[i]) || t->s[i] == '_'))
		i++;
	*to = i > *from ? i : *from + (t->n > 0);
}

static void
replace(FaultyText *t, size_t from, size_t to, const char *s, size_t n)
{
	FaultyText out = { 0 };

	text_append(&out, t->s, from);
	text_append(&out, s, n);
	text_append(&out, t->s + to, t->n - to);
	free(t->s);
	*t = out;
}

static void
mutate(FaultyText *t, const FaultyText *other)
{
	static const char *const odd[] = { "(",
		                           ")",
		                           "[",
		                           "]",
		                           "{",
		                           "}",
		                           "else",
		                           "where",
		                           "latest j where",
		                           "-",
		                           "//",
		                           "%",
		                           "**",
		                           "0",
		                           "99999999999999999999",
		                           "-1",
		                           "16777217",
		                           "here",
		                           "token",
		                           "index",
		                           "'+'",
		                           "\"\"",
		                           "<end>",
		                           "..",
		                           "..<",
		                           "fn",
		                           "let",
		                           "for i in 0..<9999999",
		                           "\xff",
		                           "\xc3\xa9",
		                           "'",
		                           "\"",
		                           "#",
		                           "if",
		                           "match",
		                           "=",
		                           "len(",
		                           "concat(",
		                           "exists(",
		                           "str(",
		                           "fold(",
		                           "scan(",
		                           "sum(",
		                           "max(",
		                           "output",
		                           "test",
		                           "use" };
	size_t a, b, c, d;
	piece(t, &a, &b);
	switch (mutate_pick(8)) {
	case 0: replace(t, a, b, "", 0); break;
	case 1: replace(t, a, a, t->s + a, b - a); break;
	case 2:
	case 3:
		if (other->n) {
			piece(other, &c, &d);
			replace(t, a, b, other->s + c, d - c);
		}
		break;
	case 4: {
		const char *s = odd[mutate_pick(sizeof odd / sizeof *odd)];
		replace(t, a, mutate_pick(2) ? a : b, s, strlen(s));
		break;
	}
	case 5: /* a longer stretch, cut out or moved in from elsewhere */
		if (other->n) {
			size_t from = mutate_pick(other->n), n = mutate_pick(200);
			replace(t, a, a, other->s + from,
			        from + n < other->n ? n : other->n - from);
		}
		break;
	case 6:
		c = a + mutate_pick(200);
		replace(t, a, c < t->n ? c : t->n, "", 0);
		break;
	default: { /* nesting */
		static const char *const open[] = {
			"(", "[", "-", "not ", "if true then ", "match 1 { else => ", "{a: "
		};
		const char *s = open[mutate_pick(sizeof open / sizeof *open)];
		FaultyText deep = { 0 };
		for (size_t n = mutate_pick(20) ? 3 : 20000; n > 0; n--)
			text_append(&deep, s, strlen(s));
		replace(t, a, a, deep.s, deep.n);
		free(deep.s);
	}
	}
}

int
main(int argc, char **argv)
{
	if (argc < 3)
		return fputs("usage: mutate SEED FILE...\n", stderr), 2;
	seed = strtoull(argv[1], NULL, 10) * 0x9e3779b97f4a7c15u + 88172645463325252u;
	for (int i = 0; i < 8; i++)
		mutate_pick(1);

	size_t files = (size_t)argc - 2;
	FaultyText t = read_text(argv[2 + mutate_pick(files)]),
		   other = read_text(argv[2 + mutate_pick(files)]);
	for (size_t n = 1 + mutate_pick(4); n > 0; n--)
		mutate(&t, &other);
	fwrite(t.s, 1, t.n, stdout);
	free(t.s);
	free(other.s);
	return 0;
}
