/* What the grammar's actions call to build the tree, how literals are read, and parse() itself.
 *
 * The grammar (grammar.y, for bison) is LALR(1), without conflicts. An action makes one node with
 * ast_new or ast_add. Nothing is checked here but literals: a name that does not exist parses. */

#include <ctype.h>
#include <stdarg.h>
#include <string.h>

#include "frontend/frontend.h"
#include "frontend/syntax/parser.h"
#include "grammar.h"
#include "lang/pointer_map.h"
#include "lexer.h"

void
syntax_error(Parser *p, Span at, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	error_v(p->diags, p->src, at, fmt, ap);
	va_end(ap);
}

/* ---- nodes ---- */

static void
deepen(Parser *p, Ast *a, const Ast *kid)
{
	if (!kid || kid->depth < a->depth)
		return;
	a->depth = kid->depth + 1;
	if (a->depth <= AST_DEPTH)
		return;
	if (!p->too_deep)
		syntax_error(p, a->span, "this nests too deeply; name a part of it with let");
	p->too_deep = true;
	a->kind = N_BAD;
	a->n = 0;
	a->depth = 1;
}

Ast *
ast_add(Parser *p, Ast *a, Ast *kid)
{
	GROW(p->arena, a->kid, a->cap, a->n + 1);
	a->kid[a->n++] = kid;
	if (kid && kid->span.hi > a->span.hi)
		a->span.hi = kid->span.hi;
	deepen(p, a, kid);
	return a;
}

Ast *
ast_join(Parser *p, Ast *a, Ast *more)
{
	for (int i = 0; i < more->n; i++)
		ast_add(p, a, more->kid[i]);
	return a;
}

Ast *
ast_new(Parser *p, AstKind kind, Span span, int n, ...)
{
	Ast *a = NEW(p->arena, Ast);
	va_list ap;

	a->kind = kind;
	a->span = span;
	a->depth = 1;
	a->n = a->cap = n;
	a->kid = n ? NEWS(p->arena, Ast *, n) : NULL;
	va_start(ap, n);
	for (int i = 0; i < n; i++)
		a->kid[i] = va_arg(ap, Ast *);
	va_end(ap);
	for (int i = 0; i < a->n; i++)
		deepen(p, a, a->kid[i]);
	return a;
}

Ast *
ast_leaf(Parser *p, AstKind kind, Span span, const char *text, size_t len)
{
	Ast *a = ast_new(p, kind, span, 0);

	a->text = intern(p->arena, text, len);
	a->len = (uint32_t)len;
	return a;
}

Ast *
ast_op(Parser *p, Span span, Relation r)
{
	Ast *a = ast_new(p, N_OP, span, 0);

	a->num = r;
	return a;
}

/* ---- literals ---- */

static int
digit_of(char c)
{
	return isdigit((unsigned char)c) ? c - '0' : tolower((unsigned char)c) - 'a' + 10;
}

/* 42, 4_2, 0x2a, 0b101010, 4.2, 42e-1 as an exact fraction. */
Ast *
number_literal(Parser *p, Span span, const char *s)
{
	Ast *a = ast_new(p, N_NUMBER, span, 0);
	int base = 10, exponent = 0;
	bool bad = false, point = false;

	a->den = 1;
	if (s[0] == '0' && (s[1] == 'x' || s[1] == 'b')) {
		base = s[1] == 'x' ? 16 : 2;
		s += 2;
	}
	for (; *s && !(base == 10 && (*s == 'e' || *s == 'E')); s++) {
		if (*s == '.')
			point = true;
		else if (*s != '_') {
			bad |= __builtin_mul_overflow(a->num, base, &a->num);
			bad |= __builtin_add_overflow(a->num, digit_of(*s), &a->num);
			if (point)
				exponent--;
		}
	}
	if (*s) {
		int e = 0, sign = s[1] == '-' ? -1 : 1;
		for (s += 1 + (s[1] == '-' || s[1] == '+'); *s && e < 1000; s++)
			e = e * 10 + digit_of(*s);
		exponent += sign * e;
	}
	for (; !bad && exponent; exponent += exponent < 0 ? 1 : -1)
		bad |= __builtin_mul_overflow(exponent < 0 ? a->den : a->num, (int64_t)10,
		                              exponent < 0 ? &a->den : &a->num);
	if (bad) {
		syntax_error(p, span, "this number does not fit in 64 bits");
		a->kind = N_BAD;
	}
	return a;
}

static size_t
put_utf8(char *to, unsigned long c)
{
	if (c < 0x80)
		return to[0] = (char)c, 1;
	if (c < 0x800)
		return to[0] = (char)(0xc0 | c >> 6), to[1] = (char)(0x80 | (c & 63)), 2;
	if (c < 0x10000)
		return to[0] = (char)(0xe0 | c >> 12), to[1] = (char)(0x80 | (c >> 6 & 63)),
		       to[2] = (char)(0x80 | (c & 63)), 3;
	return to[0] = (char)(0xf0 | c >> 18), to[1] = (char)(0x80 | (c >> 12 & 63)),
	       to[2] = (char)(0x80 | (c >> 6 & 63)), to[3] = (char)(0x80 | (c & 63)), 4;
}

/* The lexer has checked that every escape is one of these. */
static size_t
unescape(char *to, const char **at)
{
	static const char from[] = "ntr0\\'\"", meaning[] = "\n\t\r\0\\'\"";
	const char *s = *at + 1;
	unsigned long c = 0;

	*at += 2;
	if (*s != 'u')
		return to[0] = meaning[strchr(from, *s) - from], 1;
	for (s += 2; *s != '}'; s++)
		if (c < 0x200000)
			c = c * 16 + (unsigned long)digit_of(*s);
	*at = s + 1;
	if (c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		return 0;
	return put_utf8(to, c);
}

/* A token or text between its quotes; escapes become the bytes they stand for. */
Ast *
quoted_literal(Parser *p, AstKind kind, Span span, const char *text, size_t len)
{
	char *buf = arena_alloc(p->arena, len + 1);
	size_t n = 0;

	for (const char *s = text, *end = text + len; s < end;) {
		if (*s != '\\') {
			buf[n++] = *s++;
			continue;
		}
		size_t got = unescape(buf + n, &s);
		if (!got)
			syntax_error(p, span, "an escape in this is not the code of a character");
		n += got;
	}
	return ast_leaf(p, kind, span, buf, n);
}

/* Reports what is wrong with a quoted text that the lexer refused: the first escape that does not
 * exist, or that the quote is not closed. */
void
bad_quote(Parser *p, Span span, const char *text)
{
	for (const char *s = text + 1; *s; s += 1 + (*s == '\\')) {
		bool code = s[1] == 'u' && s[2] == '{' && isxdigit((unsigned char)s[3])
		            && s[3 + strspn(s + 3, "0123456789abcdefABCDEF")] == '}';
		uint32_t at = span.lo + (uint32_t)(s - text);
		if (*s != '\\' || !s[1] || strchr("ntr0\\'\"", s[1]) || code)
			continue;
		syntax_error(p, (Span){ at, at + 2 },
		             "there is no such escape; there are \\n \\t \\r \\0 \\\\ \\' \\\" "
		             "\\u{1f600}");
		return;
	}
	syntax_error(p, span, "this quote is not closed on its line");
}

void
add_comment(Parser *p, Span span)
{
	Tree *t = p->tree;

	GROW(p->arena, t->comment, p->comment_cap, t->ncomment + 1);
	t->comment[t->ncomment++] = span;
}

/* ---- the file ---- */

/* Length of the UTF-8 character at s, 0 if it is not one. */
static uint32_t
utf8_len(const unsigned char *s, uint32_t left)
{
	uint32_t n = *s < 0x80                 ? 1
	             : *s >= 0xc2 && *s < 0xe0 ? 2
	             : (*s & 0xf0) == 0xe0     ? 3
	             : *s >= 0xf0 && *s < 0xf5 ? 4
	                                       : 0;

	if (n > left)
		return 0;
	for (uint32_t i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f)
	    || (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return n;
}

static bool
is_text(Parser *p)
{
	const unsigned char *s = (const unsigned char *)p->src->text;

	for (uint32_t i = 0, n; i < p->src->len; i += n) {
		n = utf8_len(s + i, p->src->len - i);
		if (n && s[i])
			continue;
		syntax_error(p, (Span){ i, i + 1 },
		             n ? "a NUL byte: this is not a text file"
		               : "this byte is not UTF-8: save the file as UTF-8");
		return false;
	}
	return true;
}

/* Into p->tree. */
static void
parse_file(void *parser)
{
	Parser *p = parser;
	Tree *t = p->tree = NEW(p->arena, Tree);
	yyscan_t lex;

	t->src = p->src;
	t->root = ast_new(p, N_LIST, (Span){ 0, 0 }, 0);
	if (p->src->len > 64u << 20) {
		syntax_error(p, (Span){ 0, 0 }, "this file is larger than 64 MB");
		return;
	}
	if (!is_text(p))
		return;
	twlex_init_extra(p, &lex); /* allocates by guarded_malloc, as all of it does */
	tw_scan_bytes(p->src->text, (int)p->src->len, lex);
	twparse(lex, p);
	twlex_destroy(lex);
}

Tree *
parse(const Source *src, Arena *arena, Diags *diags)
{
	Parser p = { .arena = arena, .diags = diags, .src = src };

	return diag_protect(diags, parse_file, &p) ? p.tree : NULL;
}
