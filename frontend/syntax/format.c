/* twc fmt: one style for a program's text.
 *
 * Line breaks are the author's, as are comments and single blank lines; what stands
 * between is ours. The text is cut into tokens, the tokens into lines, and a line
 * is printed as its indentation and its tokens with a gap of 0 or 1 before each.
 *
 * Indentation is 2 for each bracket that is open at the start of the line (those
 * opened in one line count once) and 2 for what continues a statement, a setting
 * or an arm. A line that begins with `then` or `else` stands below its `if`:
 *
 *     emit if exists(equals)
 *          then token[source else 'a']
 *          else <end>
 *
 * Two things are kept if the author lined them up: the mark of neighbouring lines
 * (the = of definitions, the -> of tests, the => of arms, the value of a setting),
 * which is moved as far left as all of them allow, and comments behind code, which
 * stay in their column where the code leaves room. */

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "frontend/frontend.h"
#include "frontend/syntax/parser.h"
#include "lang/text.h"
#include "grammar.h"
#include "lexer.h"

enum { STEP = 2, COMMENT = -1 };

typedef enum Bracket { B_PLAIN, B_RECORD, B_MODEL, B_ENUM, B_MATCH, B_BLOCK } Bracket;

typedef struct Tok {
	int kind; /* TOK_... or COMMENT; 0 behind the last */
	Span span;
	int column;      /* where it stood, from 0, in code points */
	int width;       /* code points */
	int gap;         /* spaces before it, unless it begins its line */
	int to;          /* column in the result */
	int line;        /* of the result */
	Bracket bracket; /* of ( [ { */
	bool setting;    /* the name of a model's setting */
} Tok;

typedef struct FormatLine {
	int first, end; /* tok[first ... end - 1] */
	bool blank;     /* a blank line stands before it */
	int parent;     /* the bracket it stands in, or -1 */
	int anchor;     /* the `if` it stands below, or -1 */
	int extra;      /* columns more than the parent's line */
	int indent;
	int mark;    /* what neighbours line up, or -1 */
	int comment; /* behind code, or below such a one; or -1 */
} FormatLine;

typedef struct If {
	int tok, depth; /* the first of a chain; open brackets around it */
} If;

typedef struct Format {
	Arena *arena;
	const Source *src;
	int n, nline;
	Tok *tok; /* (n + 1) */
	FormatLine *line;
	/* while walking */
	int *open, nopen; /* brackets */
	If *ifs;
	int nifs;
	int *match,
		nmatch; /* for each `match` before its {, how many brackets are open around it */
} Format;

/* ---- tokens ---- */

static int
count_chars(const char *s, uint32_t n)
{
	int w = 0;

	for (uint32_t i = 0; i < n; i++)
		w += (s[i] & 0xc0) != 0x80;
	return w;
}

static int
column_of(const Source *src, uint32_t at)
{
	uint32_t lo = at;
	int c = 0;

	while (lo > 0 && src->text[lo - 1] != '\n')
		lo--;
	for (; lo < at; lo++)
		c = src->text[lo] == '\t' ? (c / 8 + 1) * 8 : c + ((src->text[lo] & 0xc0) != 0x80);
	return c;
}

static void
add_tok(Format *f, int *cap, int kind, Span span)
{
	const char *s = f->src->text;

	GROW(f->arena, f->tok, *cap, f->n + 2);
	while (kind == COMMENT && span.hi > span.lo && strchr(" \t\r", s[span.hi - 1]))
		span.hi--;
	f->tok[f->n++] = (Tok){
		.kind = kind,
		.span = span,
		.column = column_of(f->src, span.lo),
		.width = count_chars(s + span.lo, span.hi - span.lo),
	};
}

static void
read_tokens(Format *f)
{
	Tree *t = NEW(f->arena, Tree);
	Diags diags = { .arena = f->arena, .src = f->src };
	Parser p = { .arena = f->arena, .diags = &diags, .src = f->src, .tree = t };
	int cap = 0, kind, c = 0;
	yyscan_t lex;
	TWSTYPE value;
	TWLTYPE span;

	GROW(f->arena, f->tok, cap, 1);
	twlex_init_extra(&p, &lex);
	tw_scan_bytes(f->src->text, (int)f->src->len, lex);
	do {
		kind = twlex(&value, &span, lex);
		for (; c < t->ncomment && (!kind || t->comment[c].lo < span.lo); c++)
			add_tok(f, &cap, COMMENT, t->comment[c]);
		if (kind)
			add_tok(f, &cap, kind, span);
	} while (kind);
	twlex_destroy(lex);
}

static bool
is_statement_word(int kind)
{
	switch (kind) {
	case TOK_USE:
	case TOK_MODEL:
	case TOK_ENUM:
	case TOK_TYPE:
	case TOK_CONST:
	case TOK_LET:
	case TOK_FN:
	case TOK_RETURN:
	case TOK_EMIT:
	case TOK_OUTPUT:
	case TOK_INPUT:
	case TOK_ASSERT:
	case TOK_PARAM:
	case TOK_LOSS:
	case TOK_TEST: return true;
	default: return false;
	}
}

static bool
ends_operand(int kind)
{
	switch (kind) {
	case TOK_NAME:
	case TOK_INT:
	case TOK_REAL:
	case TOK_TOKEN:
	case TOK_STRING:
	case TOK_TRUE:
	case TOK_FALSE:
	case ')':
	case ']':
	case '}': return true;
	default: return false;
	}
}

static bool
opens_bracket(int kind)
{
	return kind == '(' || kind == '[' || kind == '{';
}

static bool
closes_bracket(int kind)
{
	return kind == ')' || kind == ']' || kind == '}';
}

/* The nearest token before i that is no comment, -1 if there is none; and behind it, n. */
static int
code_before(const Format *f, int i)
{
	while (--i >= 0 && f->tok[i].kind == COMMENT)
		;
	return i;
}

static int
code_after(const Format *f, int i)
{
	while (++i < f->n && f->tok[i].kind == COMMENT)
		;
	return i;
}

static int
kind_at(const Format *f, int i)
{
	return i < 0 || i >= f->n ? 0 : f->tok[i].kind;
}

/* ---- gaps ---- */

static Bracket
bracket_of(Format *f, int i)
{
	int p = code_before(f, i), pp = p < 0 ? -1 : code_before(f, p);

	if (f->tok[i].kind != '{')
		return B_PLAIN;
	if (kind_at(f, pp) == TOK_MODEL)
		return B_MODEL;
	if (kind_at(f, pp) == TOK_ENUM)
		return B_ENUM;
	if (f->nmatch && f->match[f->nmatch - 1] == f->nopen && ends_operand(kind_at(f, p))) {
		f->nmatch--;
		return B_MATCH;
	}
	return is_statement_word(kind_at(f, code_after(f, i))) ? B_BLOCK : B_RECORD;
}

/* Is it `int` or `real`? A minus behind it is a sign: int -1..1. */
static bool
is_range_type(const Format *f, int i)
{
	Span s = i < 0 ? (Span){ 0, 0 } : f->tok[i].span;
	const char *text = f->src->text + s.lo;

	return (s.hi - s.lo == 3 && !memcmp(text, "int", 3))
	       || (s.hi - s.lo == 4 && !memcmp(text, "real", 4));
}

static bool
is_unary(const Format *f, int i)
{
	int before = code_before(f, i);

	return kind_at(f, i) == '-'
	       && (!ends_operand(kind_at(f, before)) || is_range_type(f, before));
}

/* The spaces, 0 or 1, between token p and the next one, i, in one line. `open` is the kind of the
 * bracket that i closes, if it does. */
static int
gap_before(const Format *f, int p, int i, Bracket open)
{
	int a = kind_at(f, p), b = f->tok[i].kind;

	if (b == COMMENT)
		return 1;
	if (a == '.' || b == '.' || a == '(' || a == '[' || is_unary(f, p))
		return 0;
	if (b == ')' || b == ']' || b == ',' || b == ':' || b == '?')
		return 0;
	if (a == '{')
		return b != '}' && f->tok[p].bracket != B_RECORD;
	if (b == '}')
		return open != B_RECORD;
	if (a == TOK_TO) /* ..<end> would be read as ..< end > */
		return f->src->text[f->tok[i].span.lo] == '<';
	if (b == TOK_TO || b == TOK_UPTO || a == TOK_UPTO)
		return 0;
	if (b == TOK_DOTS)
		return !ends_operand(a);
	if (b == '(' || b == '[')
		return !ends_operand(a) || f->tok[p].setting;
	return 1;
}

/* ---- lines ---- */

static bool
breaks_before(const Format *f, int i, int depth)
{
	const char *s = f->src->text;

	if (i == 0)
		return true;
	for (uint32_t k = f->tok[i - 1].span.hi; k < f->tok[i].span.lo; k++)
		if (s[k] == '\n')
			return true;
	return depth == 0 && is_statement_word(f->tok[i].kind);
}

static bool
blank_before(const Format *f, int i)
{
	int breaks = 0;

	if (i == 0)
		return false;
	for (uint32_t k = f->tok[i - 1].span.hi; k < f->tok[i].span.lo; k++)
		breaks += f->src->text[k] == '\n';
	return breaks > 1 && !opens_bracket(f->tok[i - 1].kind) && !closes_bracket(f->tok[i].kind);
}

static void
split_lines(Format *f)
{
	int depth = 0;

	f->line = NEWS(f->arena, FormatLine, f->n + 1);
	for (int i = 0; i < f->n; i++) {
		Tok *t = &f->tok[i];
		if (breaks_before(f, i, depth)) {
			if (f->nline)
				f->line[f->nline - 1].end = i;
			f->line[f->nline++] = (FormatLine){
				.first = i, .blank = blank_before(f, i), .mark = -1, .comment = -1
			};
		}
		t->line = f->nline - 1;
		depth += opens_bracket(t->kind) - closes_bracket(t->kind);
	}
	if (f->nline)
		f->line[f->nline - 1].end = f->n;
}

/* ---- where lines begin ---- */

/* Does token i begin an item of the innermost bracket: a statement, a setting, an arm? */
static bool
begins_unit(const Format *f, int i)
{
	int before = kind_at(f, code_before(f, i));

	switch (f->nopen ? f->tok[f->open[f->nopen - 1]].bracket : B_BLOCK) {
	case B_BLOCK: return is_statement_word(kind_at(f, i));
	case B_MODEL: return f->tok[i].setting;
	case B_MATCH: return before == '{' || before == ',';
	default: return true;
	}
}

static void
place_line(Format *f, FormatLine *l)
{
	bool alone = f->tok[l->first].kind == COMMENT;
	int i = alone ? code_after(f, l->first) : l->first, kind = kind_at(f, i);
	const If *top = f->nifs ? &f->ifs[f->nifs - 1] : NULL;

	l->parent = f->nopen ? f->open[f->nopen - 1] : -1;
	l->anchor = -1;
	if (i >= f->n)
		return;
	if (closes_bracket(kind)) {
		l->extra = alone ? STEP : 0;
		return;
	}
	if ((kind == TOK_THEN || kind == TOK_ELSE) && top && top->depth == f->nopen)
		l->anchor = top->tok;
	l->extra = (l->parent < 0 ? 0 : STEP) + (begins_unit(f, i) ? 0 : STEP);
}

/* Keeps the ifs that are open at token i. One ends at its else, or where its bracket or item does.
 */
static void
follow_ifs(Format *f, int i)
{
	int kind = f->tok[i].kind, before = kind_at(f, i - 1);

	while (f->nifs
	       && (f->ifs[f->nifs - 1].depth > f->nopen
	           || ((kind == ',' || is_statement_word(kind))
	               && f->ifs[f->nifs - 1].depth == f->nopen)))
		f->nifs--;
	if (kind == TOK_IF) {
		/* else if continues the chain, whose top has just been left */
		int chain = before == TOK_ELSE && f->ifs[f->nifs].depth == f->nopen
		                            && f->ifs[f->nifs].tok >= 0
		                    ? f->ifs[f->nifs].tok
		                    : i;
		f->ifs[f->nifs++] = (If){ chain, f->nopen };
	} else if (kind == TOK_ELSE) {
		if (f->nifs && f->ifs[f->nifs - 1].depth == f->nopen)
			f->nifs--;
		else
			f->ifs[f->nifs].tok = -1;
	}
}

static void
walk_tokens(Format *f)
{
	f->open = NEWS(f->arena, int, f->n + 1);
	f->ifs = NEWS(f->arena, If, f->n + 1);
	f->match = NEWS(f->arena, int, f->n + 1);
	for (int i = 0; i < f->n; i++) {
		Tok *t = &f->tok[i];
		int p = code_before(f, i), top = f->nopen ? f->open[f->nopen - 1] : -1;
		Bracket in = top < 0 ? B_PLAIN : f->tok[top].bracket;

		if (in == B_MODEL && t->kind == TOK_NAME)
			t->setting = p == top
			             || (ends_operand(kind_at(f, p)) && !f->tok[p].setting);
		if (f->line[t->line].first == i) {
			for (int k = i; k < f->n && f->tok[k].kind == COMMENT && in == B_MODEL; k++)
				if (kind_at(f, k + 1) == TOK_NAME)
					f->tok[k + 1].setting = p == top
					                        || ends_operand(kind_at(f, p));
			place_line(f, &f->line[t->line]);
		} else {
			t->gap = gap_before(f, i - 1, i, in);
		}
		if (t->kind == COMMENT)
			continue;
		if (closes_bracket(t->kind) && f->nopen)
			f->nopen--;
		follow_ifs(f, i);
		if (t->kind == TOK_MATCH)
			f->match[f->nmatch++] = f->nopen;
		if (opens_bracket(t->kind)) {
			t->bracket = bracket_of(f, i);
			f->open[f->nopen++] = i;
		}
	}
}

/* ---- marks ---- */

/* The first token of that kind in the line, outside of brackets opened there. */
static int
find_mark(const Format *f, const FormatLine *l, int kind)
{
	int depth = 0;

	for (int i = l->first; i < l->end; i++) {
		depth += opens_bracket(f->tok[i].kind) - closes_bracket(f->tok[i].kind);
		if (!depth && f->tok[i].kind == kind)
			return i;
	}
	return -1;
}

static int
mark_of(const Format *f, const FormatLine *l)
{
	switch (f->tok[l->first].kind) {
	case TOK_LET:
	case TOK_CONST:
	case TOK_FN:
	case TOK_TYPE:
	case TOK_OUTPUT: return find_mark(f, l, '=');
	case TOK_TEST: return find_mark(f, l, TOK_ARROW);
	default:
		if (f->tok[l->first].setting)
			return l->first + 1 < l->end ? l->first + 1 : -1;
		return l->parent >= 0 && f->tok[l->parent].bracket == B_MATCH
		               ? find_mark(f, l, TOK_GIVES)
		               : -1;
	}
}

/* How many columns the line takes up to token i. */
static int
width_before(const Format *f, const FormatLine *l, int i)
{
	int w = 0;

	for (int k = l->first; k < i; k++)
		w += f->tok[k].width + f->tok[k + 1].gap;
	return w;
}

static bool
lines_up(const Format *f, const FormatLine *a, const FormatLine *b)
{
	const Tok *x = &f->tok[a->mark], *y = &f->tok[b->mark];

	return a->parent == b->parent && a->extra == b->extra && x->column == y->column
	       && (x->kind == y->kind || f->tok[a->first].setting);
}

static bool
has_wide_gap(const Format *f, const FormatLine *l)
{
	return f->tok[l->mark].span.lo - f->tok[l->mark - 1].span.hi > 1;
}

/* Lines first to last had their marks in one column: gives them a common one, as far left as all
 * allow. */
static void
align(Format *f, int first, int last)
{
	int most = 0;
	bool wide = false;

	for (int i = first; i <= last; i++) {
		const FormatLine *l = &f->line[i];
		if (l->mark < 0)
			continue;
		int w = width_before(f, l, l->mark);
		most = w > most ? w : most;
		wide |= has_wide_gap(f, l);
	}
	for (int i = first; i <= last && wide; i++) {
		const FormatLine *l = &f->line[i];
		if (l->mark >= 0)
			f->tok[l->mark].gap += most - width_before(f, l, l->mark);
	}
}

/* Finds runs of lines whose marks were lined up, with comments between them or not. */
static void
align_marks(Format *f)
{
	int first = -1, last = -1;

	for (int i = 0; i < f->nline; i++) {
		FormatLine *l = &f->line[i];
		bool alone = f->tok[l->first].kind == COMMENT;
		if (!alone && l->anchor < 0)
			l->mark = mark_of(f, l);
		if (first >= 0
		    && (l->blank || (!alone && (l->mark < 0 || !lines_up(f, &f->line[last], l))))) {
			align(f, first, last);
			first = -1;
		}
		if (l->mark >= 0) {
			first = first < 0 ? i : first;
			last = i;
		}
	}
	if (first >= 0)
		align(f, first, last);
}

/* ---- columns ---- */

/* Columns of all tokens. A then or else stands below its if, in a line above, whose columns are
 * known by then. */
static void
set_columns(Format *f)
{
	for (int i = 0; i < f->nline; i++) {
		FormatLine *l = &f->line[i];
		l->indent = l->anchor >= 0
		                    ? f->tok[l->anchor].to
		                    : l->extra
		                              + (l->parent < 0
		                                         ? 0
		                                         : f->line[f->tok[l->parent].line].indent);
		for (int k = l->first, to = l->indent; k < l->end; k++) {
			to += k > l->first ? f->tok[k].gap : 0;
			f->tok[k].to = to;
			to += f->tok[k].width;
		}
	}
}

/* The comment of the line that stands behind code, or alone below one that does; or -1. */
static int
side_comment(const Format *f, int i)
{
	const FormatLine *l = &f->line[i];
	const Tok *t = &f->tok[l->end - 1];

	if (t->kind != COMMENT)
		return -1;
	if (l->end - 1 > l->first)
		return l->end - 1;
	if (i == 0 || l->blank || f->line[i - 1].comment < 0)
		return -1;
	return f->tok[f->line[i - 1].comment].column == t->column && t->column > l->indent
	               ? l->first
	               : -1;
}

static void
place_comments(Format *f)
{
	for (int i = 0, end; i < f->nline; i = end) {
		int column = 0;
		for (end = i; end < f->nline; end++) {
			FormatLine *l = &f->line[end];
			if ((l->comment = side_comment(f, end)) < 0)
				break;
			const Tok *t = &f->tok[l->comment];
			if (end > i
			    && (l->blank || f->tok[f->line[i].comment].column != t->column)) {
				l->comment = -1;
				break;
			}
			int least = l->comment > l->first ? t->to : 0;
			column = least > column ? least : column;
			column = t->column > column ? t->column : column;
		}
		for (int k = i; k < end; k++)
			f->tok[f->line[k].comment].to = column;
		end += end == i;
	}
}

/* ---- the result ---- */

static char *
print_lines(const Format *f, size_t *n)
{
	TextBuilder out = { .arena = f->arena };

	text_add(&out, "", 0);
	for (int i = 0; i < f->nline; i++) {
		const FormatLine *l = &f->line[i];
		if (l->blank)
			text_add(&out, "\n", 1);
		for (int k = l->first, at = 0; k < l->end; k++) {
			const Tok *t = &f->tok[k];
			text_addf(&out, "%*s", t->to - at, "");
			text_add(&out, f->src->text + t->span.lo, t->span.hi - t->span.lo);
			at = t->to + t->width;
		}
		text_add(&out, "\n", 1);
	}
	*n = out.n;
	return out.s;
}

static bool
same_tokens(const Format *a, const Format *b)
{
	if (a->n != b->n)
		return false;
	for (int i = 0; i < a->n; i++) {
		Span x = a->tok[i].span, y = b->tok[i].span;
		if (a->tok[i].kind != b->tok[i].kind || x.hi - x.lo != y.hi - y.lo
		    || memcmp(a->src->text + x.lo, b->src->text + y.lo, x.hi - x.lo))
			return false;
	}
	return true;
}

char *
format(const Source *src, Arena *arena, Diags *diags, size_t *n)
{
	Format f = { .arena = arena, .src = src };

	parse(src, arena, diags);
	if (diags->nerror)
		return NULL;
	read_tokens(&f);
	split_lines(&f);
	walk_tokens(&f);
	align_marks(&f);
	set_columns(&f);
	place_comments(&f);
	char *text = print_lines(&f, n);

	Source made = { .path = src->path, .text = text, .len = (uint32_t)*n };
	Format again = { .arena = arena, .src = &made };
	read_tokens(&again);
	assert(same_tokens(&f, &again));
	(void)same_tokens;
	return text;
}
