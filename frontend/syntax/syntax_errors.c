/* The message for text that does not parse.
 *
 *     x = 3            a name is defined once, by let: let x = …
 *     if c: a          write 'then' for ':'
 *
 * The parser gives the symbol that does not fit, the symbols that would, and the words before it.
 * Rules over these guess what was meant, most of all by those who come from another language;
 * the first rule that applies speaks (Jeffery, "Generating LR syntax error messages from
 * examples", 2003, does this with examples in place of rules). */

#include <ctype.h>
#include <string.h>

#include "frontend/syntax/parser.h"

#define STARTS \
	"a statement starts with let, const, fn, emit, output …, a reference with latest, first, " \
	"only or best"
#define ASSIGNS "a name is defined once, by let: let %s = …"
#define NEITHER "something is missing before this: an operator, or the word that starts a statement"
#define NO_LOOPS "there are no loops: use a comprehension, fold or scan"

static bool
expects_symbol(const SyntaxFault *w, const char *symbol)
{
	for (int i = 0; i < w->n; i++)
		if (!strcmp(w->want[i], symbol))
			return true;
	return false;
}

static bool
got_symbol(const SyntaxFault *w, const char *symbol)
{
	return !strcmp(w->got, symbol);
}

static bool
is_one_of(const char *word, const char *const *list)
{
	for (; *list; list++)
		if (!strcmp(word, *list))
			return true;
	return false;
}

static bool
is_selector(const char *word)
{
	return is_one_of(word, (const char *const[]){ "latest", "first", "only", "best", NULL });
}

static bool
is_type_word(const char *word)
{
	return is_one_of(word, (const char *const[]){ "int", "bool", "real", "pos", "token",
	                                              "float", "string", NULL });
}

static bool
is_setting(const char *word)
{
	return is_one_of(word, (const char *const[]){ "vocab", "context", "attention", NULL });
}

/* Is the symbol the first of a value, and of nothing else? */
static bool
starts_value(const SyntaxFault *w)
{
	return is_one_of(w->got,
	                 (const char *const[]){ "name", "integer", "number", "text",
	                                        "token literal", "true", "false", "match", NULL });
}

static bool
is_keyword(const SyntaxFault *w)
{
	return islower((unsigned char)w->word[0]) && !strcmp(w->got, w->word);
}

/* What to write for a word of another language. */
static const char *
foreign_word(const char *word)
{
	static const char *const hint[][2] = {
		{ "True", "write true" },
		{ "False", "write false" },
		{ "elif", "write else if" },
		{ "elseif", "write else if" },
		{ "def", "a function is 'fn name(x) = e'" },
		{ "function", "a function is 'fn name(x) = e'" },
		{ "lambda", "a function has a name: fn name(x) = e" },
		{ "var", "a stream is 'let name = e'" },
		{ "import", "a module is 'use name'" },
		{ "print",
		  "nothing is printed: 'output name = e' labels the text, 'emit e' continues it" },
		{ "case", "an arm is 'pattern => e', without case" },
		{ "while", NO_LOOPS },
	};

	for (size_t i = 0; i < sizeof hint / sizeof *hint; i++)
		if (!strcmp(word, hint[i][0]))
			return hint[i][1];
	return NULL;
}

/* The message for a symbol where a certain other one would fit: { got, expected, message }. */
static const char *
hint_for_pair(const SyntaxFault *w)
{
	static const char *const hint[][3] = {
		{ "','", "=>", "patterns are joined by '|'" },
		{ "or", "=>", "patterns are joined by '|'" },
		{ "'-'", "=>", "a range is written lo..hi" },
		{ "'<'", "=>", "a pattern is a constant or a range; for a condition write if" },
		{ "'>'", "=>", "a pattern is a constant or a range; for a condition write if" },
		{ "<=", "=>", "a pattern is a constant or a range; for a condition write if" },
		{ ">=", "=>", "a pattern is a constant or a range; for a condition write if" },
		{ "'='", "=>", "write '=>' for '='" },
		{ "'='", "..", "a range is written lo..hi" },
		{ "'.'", "as", "a module is used whole: use NAME, and then NAME.add(…)" },
		{ "':'", "then", "write 'then' for ':'" },
		{ "'{'", "then", "write 'then' before this: if c then a else b" },
		{ "->", "=>", "write '=>' for '->'" },
		{ "':'", "=>", "write '=>' for ':'" },
		{ "=>", "->", "write '->' for '=>'" },
		{ "'='", "->", "write '->' for '='" },
		{ "'='", "':'", "write ':' for '='" },
		{ "':'", "..", "a range is written lo..hi or lo..<n" },
		{ "where", "and", "a 'where' belongs to 'latest j where C' or to 'for j where C'" },
		{ "'='", "and", "write '==' to compare; '=' defines a name after let or const" },
		{ "if", "where", "write 'where' for 'if'" },
		{ "if", "and", "a condition comes first: if c then a else b" },
		{ "'?'", "and", "write if c then a else b" },
	};

	for (size_t i = 0; i < sizeof hint / sizeof *hint; i++)
		if (got_symbol(w, hint[i][0]) && expects_symbol(w, hint[i][1]))
			return hint[i][2];
	return NULL;
}

/* = 3, += 3, ++ */
static bool
is_assignment(const char *s)
{
	while (*s == ' ' || *s == '\t')
		s++;
	if (!strncmp(s, "++", 2) || !strncmp(s, "--", 2))
		return true;
	s += *s && strchr("+-*/%", *s) && s[1] == '=';
	return s[0] == '=' && s[1] != '=' && s[1] != '>';
}

static bool
assigns(const SyntaxFault *w)
{
	return got_symbol(w, "name") && is_assignment(w->rest);
}

/* The bracket that would close the one that is open; NULL if none is. */
static const char *
closing(const SyntaxFault *w)
{
	return expects_symbol(w, "')'")   ? "')'"
	       : expects_symbol(w, "']'") ? "']'"
	       : expects_symbol(w, "'}'") ? "'}'"
	                                  : NULL;
}

static bool
is_next_line(const Parser *p, Span a, Span b)
{
	return source_line(p->src, a.lo) != source_line(p->src, b.lo);
}

/* Two names in a row, which only `latest j where C` has, and then neither `where` nor `by`. */
static bool
report_two_names(Parser *p, const SyntaxFault *w)
{
	if (w->n != 3 || !expects_symbol(w, "by") || !expects_symbol(w, "where"))
		return false;
	if (is_selector(w->before_word))
		syntax_error(p, w->last, "what is looked for? %s %s where C", w->before_word,
		             w->last_word);
	else if (foreign_word(w->before_word))
		syntax_error(p, p->before, "%s", foreign_word(w->before_word));
	else if (is_assignment(p->src->text + w->last.hi))
		syntax_error(p, w->last, ASSIGNS, w->last_word);
	else
		syntax_error(p, w->last, is_next_line(p, p->before, w->last) ? STARTS : NEITHER);
	return true;
}

/* fn f(x) => e, fn f(x): e, fn f(x) -> e: what other languages write before a body. */
static bool
report_no_body(Parser *p, const SyntaxFault *w)
{
	bool behind_params = expects_symbol(w, "'{'") && expects_symbol(w, "->");

	if (behind_params && (got_symbol(w, "=>") || got_symbol(w, "':'")))
		syntax_error(p, w->at, "write '=' for %s: fn f(x) = e",
		             w->got[0] == '=' ? "'=>'" : "':'");
	else if (!strcmp(w->before_word, "->") && expects_symbol(w, "integer")
	         && !expects_symbol(w, "and"))
		syntax_error(p, w->last,
		             "what follows '->' is the type of the result, before the body: "
		             "fn f(x) -> int 0..9 = e");
	else
		return false;
	return true;
}

/* Something ends too early. The error is placed behind its last token, not at the keyword of the
 * next line. */
static void
report_unfinished(Parser *p, const SyntaxFault *w)
{
	Span at = w->last.hi ? (Span){ w->last.hi - 1, w->last.hi } : w->last;

	if (w->n == 1)
		syntax_error(p, at, "expected %s after this", w->want[0]);
	else if (w->n == 2)
		syntax_error(p, at, "expected %s or %s after this", w->want[0], w->want[1]);
	else if (report_two_names(p, w))
		return;
	else if (expects_symbol(w, "else") && !closing(w))
		syntax_error(p, at, "an if needs its else: if c then a else b");
	else if (expects_symbol(w, "then"))
		syntax_error(p, at, "'then' is missing after this: if c then a else b");
	else if ((expects_symbol(w, "and") || expects_symbol(w, "for")) && closing(w))
		syntax_error(p, at, "%s is missing after this", closing(w));
	else
		syntax_error(p, at, "this is not finished: %s follows",
		             w->ends ? "the end of the file" : "the next statement");
}

/* A reserved word where a name is defined: let in = 3, let f = fn(x) = 3. */
static bool
report_reserved_name(Parser *p, const SyntaxFault *w)
{
	if (got_symbol(w, "fn") && expects_symbol(w, "integer")
	    && !is_next_line(p, w->last, w->at)) {
		syntax_error(p, w->at, "a function is 'fn name(x) = e'");
		p->misnamed = w->at;
		return true;
	}
	if (!is_keyword(w) || !expects_symbol(w, "name") || expects_symbol(w, "integer")
	    || expects_symbol(w, "and") || is_next_line(p, w->last, w->at))
		return false;
	syntax_error(p, w->at, "'%s' is a reserved word and names nothing else", w->word);
	p->misnamed = w->at;
	p->misname = w->got;
	return true;
}

/* Something else where a value or a name is expected. */
static bool
report_no_value(Parser *p, const SyntaxFault *w)
{
	if (!expects_symbol(w, "name"))
		return false;
	if (w->n == 1)
		syntax_error(p, w->at, "expected name before %s", w->got);
	else if (is_setting(w->last_word) && (got_symbol(w, "':'") || got_symbol(w, "'='")))
		syntax_error(p, w->at, "a setting has no %s: vocab \"01\" context 16", w->got);
	else if (got_symbol(w, "text") && expects_symbol(w, "token literal"))
		syntax_error(p, w->at, "write a token in single quotes");
	else if (!expects_symbol(w, "integer"))
		return false;
	else if (got_symbol(w, "if") || got_symbol(w, "'{'"))
		syntax_error(p, w->at, "put parentheses around this '%s …'", w->word);
	else
		syntax_error(p, w->at, "expected a value before %s", w->got);
	return true;
}

/* Has a parenthesis been opened behind the last `then`, which is not closed yet? */
static bool
is_open_since_then(const Parser *p, const SyntaxFault *w)
{
	const char *text = p->src->text;
	int open = 0;

	for (uint32_t i = w->at.lo; i-- > 4;) {
		open += text[i] == '(' ? 1 : text[i] == ')' ? -1 : 0;
		if (!strncmp(text + i, "then", 4) && strchr(" \n\t)]'\"", text[i - 1]))
			return open > 0;
	}
	return false;
}

static bool
report_stray_else(Parser *p, const SyntaxFault *w)
{
	if (!got_symbol(w, "else"))
		return false;
	if (p->src->text[w->last.lo] == ']')
		syntax_error(p, w->at, "the default goes inside the brackets: x[p else d]");
	else if (expects_symbol(w, "then"))
		syntax_error(p, w->at, "'then' is missing before this: if c then a else b");
	else if (expects_symbol(w, "','") && expects_symbol(w, "'}'"))
		syntax_error(p, w->at, "',' is missing before this");
	else
		syntax_error(p, w->at,
		             "an else belongs to an if, or in the brackets of what is read: x[p "
		             "else d]");
	return true;
}

/* then, or what separates arms, where a bracket is open. */
static bool
report_unclosed(Parser *p, const SyntaxFault *w)
{
	const char *close = closing(w);

	if (!close
	    || !(got_symbol(w, "then") || got_symbol(w, "=>")
	         || (got_symbol(w, "else") && is_open_since_then(p, w))))
		return false;
	syntax_error(p, w->at, "%s is missing before this", close);
	return true;
}

/* A value right behind a value. */
static bool
report_two_values(Parser *p, const SyntaxFault *w)
{
	if (!starts_value(w))
		return false;
	if (is_selector(w->last_word))
		syntax_error(p, w->last, "put parentheses around this '%s …'", w->last_word);
	else if (expects_symbol(w, "then"))
		syntax_error(p, w->at, "'then' is missing before this: if c then a else b");
	else if (assigns(w))
		syntax_error(p, w->at, ASSIGNS, w->word);
	else if (expects_symbol(w, "->"))
		syntax_error(p, w->at, "'->' is missing before this: test TEXT -> TEXT");
	else
		syntax_error(p, w->at, NEITHER);
	return true;
}

/* A bracket or comma that does not fit behind a value. */
static bool
report_stray_bracket(Parser *p, const SyntaxFault *w)
{
	const char *close = closing(w);

	if (got_symbol(w, "'{'") && isalpha((unsigned char)w->last_word[0]))
		syntax_error(p, w->at, "a call takes parentheses: %s(…)", w->last_word);
	else if (got_symbol(w, "','") && expects_symbol(w, "'{'"))
		syntax_error(p, w->at, "put parentheses around several: match (a, b) { … }");
	else if (got_symbol(w, "','") && expects_symbol(w, "else") && expects_symbol(w, "']'"))
		syntax_error(p, w->at, "behind a value, brackets hold one index: x[i]");
	else if (got_symbol(w, "','") && close && !expects_symbol(w, "=>"))
		syntax_error(p, w->at, "a list is written [a, b]");
	else if (close && strlen(w->got) == 3 && strchr(")]}", w->got[1]))
		syntax_error(p, w->at, "expected %s before %s", close, w->got);
	else if (got_symbol(w, "')'") || got_symbol(w, "']'") || got_symbol(w, "'}'"))
		syntax_error(p, w->at, "this %s closes nothing", w->got);
	else
		return false;
	return true;
}

/* A word that begins no statement, in the file or in a function's block. */
static bool
report_no_statement(Parser *p, const SyntaxFault *w)
{
	if (!expects_symbol(w, "let"))
		return false;
	bool first = !expects_symbol(w, "and") || is_next_line(p, w->last, w->at);
	if (first && (got_symbol(w, "for") || got_symbol(w, "if")))
		p->foreign = w->at;
	if (first && got_symbol(w, "for"))
		syntax_error(p, w->at, NO_LOOPS);
	else if (first && got_symbol(w, "if"))
		syntax_error(p, w->at,
		             "an if is a value, with both branches: emit if c then a else b");
	else if (got_symbol(w, "for"))
		syntax_error(p, w->at, "put brackets around it: [e for i in 0..<n]");
	else if (assigns(w))
		syntax_error(p, w->at, ASSIGNS, w->word);
	else if (expects_symbol(w, "return"))
		syntax_error(p, w->at,
		             "a block holds let, const, fn and assert, and ends with return e");
	else if (!expects_symbol(w, "and"))
		syntax_error(p, w->at, STARTS);
	else
		return false;
	return true;
}

/* Does the line begin with //, a comment of another language? */
static bool
has_slash_comment(const Parser *p, const SyntaxFault *w, Span *where)
{
	const char *text = p->src->text;
	uint32_t at = w->at.lo;

	while (at > 0 && text[at - 1] != '\n')
		at--;
	at += (uint32_t)strspn(text + at, " \t");
	*where = (Span){ at, at + 2 };
	return !strncmp(text + at, "//", 2);
}

/* Does the error follow from one that was reported already? So it is behind a reserved word that
 * was to be a name, where that word is used as a value, at the end of a function's block whose name
 * or parameters did not parse, and in the rest of a statement that this language does not have. */
static bool
is_consequence(const Parser *p, const SyntaxFault *w)
{
	if (w->last.hi && w->last.lo == p->misnamed.lo && w->last.hi == p->misnamed.hi)
		return true;
	if (p->misname && got_symbol(w, p->misname) && expects_symbol(w, "integer"))
		return true;
	if (p->in_function && got_symbol(w, "return"))
		return true;
	return p->foreign.hi
	       && (got_symbol(w, "'}'")
	           || (got_symbol(w, "else") && !is_next_line(p, p->foreign, w->at)));
}

void
report_syntax(Parser *p, const SyntaxFault *w)
{
	Span comment;
	const char *hint = foreign_word(w->word), *earlier = foreign_word(w->last_word);

	if (is_consequence(p, w))
		return;
	p->in_function = !strcmp(w->last_word, "fn")
	                 || (expects_symbol(w, "const") && !expects_symbol(w, "let"));
	if (has_slash_comment(p, w, &comment))
		syntax_error(p, comment, "comments start with '#'");
	else if (hint || earlier) {
		if (!strcmp(hint ? hint : earlier, NO_LOOPS))
			p->foreign = w->at;
		syntax_error(p, hint ? w->at : w->last, "%s", hint ? hint : earlier);
	} else if (got_symbol(w, "..") && expects_symbol(w, "']'") && !expects_symbol(w, "else"))
		syntax_error(p, w->at, "a list of numbers is [i for i in lo..hi]");
	else if ((got_symbol(w, "if") || got_symbol(w, "for")) && is_next_line(p, w->last, w->at)
	         && report_no_statement(p, w))
		return;
	else if (got_symbol(w, "return") && !strcmp(w->last_word, "{"))
		syntax_error(p, w->at,
		             "a function's block has no '=' before it: fn f(x) { return e }");
	else if (got_symbol(w, "return"))
		syntax_error(p, w->at, "'return' ends the block of a function");
	else if (got_symbol(w, "name") && is_type_word(w->last_word) && expects_symbol(w, "':'")
	         && !expects_symbol(w, "and"))
		syntax_error(p, w->last, "the type comes behind the name: %s: %s", w->word,
		             w->last_word);
	else if (report_no_body(p, w))
		return;
	else if (hint_for_pair(w))
		syntax_error(p, w->at, "%s", hint_for_pair(w));
	else if (report_reserved_name(p, w))
		return;
	else if (w->ends || (w->is_statement && !expects_symbol(w, "let"))
	         || (got_symbol(w, "after") && expects_symbol(w, "and") && closing(w)))
		report_unfinished(p, w);
	else if (report_no_value(p, w))
		return;
	else if (starts_value(w) && is_setting(w->last_word))
		syntax_error(p, w->last, "settings stand without commas between them");
	else if (starts_value(w) && expects_symbol(w, "','") && w->n > 2 && !assigns(w))
		syntax_error(p, w->at, "',' is missing before this");
	else if (!strncmp(w->got, "..", 2) && expects_symbol(w, "'}'") && expects_symbol(w, "name"))
		syntax_error(p, w->at,
		             "the tokens of a vocabulary are written out: vocab \"0123456789\"");
	else if (report_two_names(p, w) || report_no_statement(p, w)
	         || (expects_symbol(w, "and")
	             && (report_unclosed(p, w) || report_stray_else(p, w) || report_two_values(p, w)
	                 || report_stray_bracket(p, w))))
		return;
	else if (w->n == 1)
		syntax_error(p, w->at, "expected %s before %s", w->want[0], w->got);
	else if (w->n == 2)
		syntax_error(p, w->at, "expected %s or %s before %s", w->want[0], w->want[1],
		             w->got);
	else if (w->n == 3)
		syntax_error(p, w->at, "expected %s, %s or %s before %s", w->want[0], w->want[1],
		             w->want[2], w->got);
	else
		syntax_error(p, w->at, "unexpected %s", w->got);
}
