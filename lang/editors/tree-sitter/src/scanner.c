/* Names, and tokens in angle brackets such as <end>. One that does not fit where it
 * stands is returned all the same, for it is an error and never a shorter word or a
 * comparison. The reserved words, those of frontend/syntax/lexer.l, are left to the grammar. */

#include <string.h>

#include "tree_sitter/parser.h"

enum Token { NAME, ANGLE, NEVER };

/* clang-format off */
static const char *const reserved[] = {
/* BEGIN words */
	"use",
	"as",
	"model",
	"enum",
	"type",
	"const",
	"let",
	"fn",
	"return",
	"emit",
	"after",
	"output",
	"input",
	"param",
	"loss",
	"assert",
	"test",
	"if",
	"then",
	"else",
	"match",
	"where",
	"by",
	"for",
	"in",
	"with",
	"and",
	"or",
	"not",
	"true",
	"false",
/* END words */
};
/* clang-format on */

void *
tree_sitter_tw_external_scanner_create(void)
{
	return NULL;
}

void
tree_sitter_tw_external_scanner_destroy(void *state)
{
	(void)state;
}

unsigned
tree_sitter_tw_external_scanner_serialize(void *state, char *buffer)
{
	(void)state, (void)buffer;
	return 0;
}

void
tree_sitter_tw_external_scanner_deserialize(void *state, const char *buffer, unsigned n)
{
	(void)state, (void)buffer, (void)n;
}

static bool
is_lower(int32_t c)
{
	return c >= 'a' && c <= 'z';
}

static bool
starts_name(int32_t c)
{
	return is_lower(c) || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool
is_digit(int32_t c)
{
	return c >= '0' && c <= '9';
}

static bool
scan_angle(TSLexer *lexer)
{
	lexer->advance(lexer, false);
	if (!is_lower(lexer->lookahead))
		return false;
	while (is_lower(lexer->lookahead) || is_digit(lexer->lookahead) || lexer->lookahead == '_')
		lexer->advance(lexer, false);
	if (lexer->lookahead != '>')
		return false;
	lexer->advance(lexer, false);
	lexer->result_symbol = ANGLE;
	return true;
}

static bool
scan_name(TSLexer *lexer)
{
	char word[16];
	size_t n = 0;

	while (starts_name(lexer->lookahead) || is_digit(lexer->lookahead)) {
		if (n < sizeof word - 1)
			word[n] = (char)lexer->lookahead;
		n++;
		lexer->advance(lexer, false);
	}
	word[n < sizeof word - 1 ? n : sizeof word - 1] = '\0';
	for (size_t i = 0; n < sizeof word && i < sizeof reserved / sizeof *reserved; i++)
		if (!strcmp(word, reserved[i]))
			return false;
	lexer->result_symbol = NAME;
	return true;
}

bool
tree_sitter_tw_external_scanner_scan(void *state, TSLexer *lexer, const bool *valid)
{
	(void)state, (void)valid;
	while (lexer->lookahead == ' ' || lexer->lookahead == '\t' || lexer->lookahead == '\r'
	       || lexer->lookahead == '\n')
		lexer->advance(lexer, true);
	if (lexer->lookahead == '<')
		return scan_angle(lexer);
	return starts_name(lexer->lookahead) && scan_name(lexer);
}
