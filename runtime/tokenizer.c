/* Text to rows of the vocabulary, by longest match (maximal munch), and back. */

#include "runtime/load.h"
#include "runtime/tw.h"

#include <stdio.h>
#include <string.h>

static size_t
prefix_length(const char *token, const char *text)
{
	size_t n = 0;

	while (token[n] && token[n] == text[n])
		n++;
	return token[n] ? 0 : n;
}

/* The longest token that the text begins with; -1 if there is none. */
static int
longest_token(const TwModel *m, const char *text, size_t *length)
{
	int best = -1;

	*length = 0;
	for (int row = 0; row < m->nvocab; row++) {
		size_t n = prefix_length(m->vocab[row], text);
		if (n > *length) {
			*length = n;
			best = row;
		}
	}
	return best;
}

static int
utf8_length(const char *s)
{
	int n = 1;

	while (n < 4 && (s[n] & 0xc0) == 0x80)
		n++;
	return n;
}

static int
refuse_character(const char *text, const char *at, char **error)
{
	int n = 1;

	for (const char *s = text; s < at; s++)
		n += (*s & 0xc0) != 0x80;
	if ((unsigned char)*at < ' ')
		tw_refuse(error,
		          "the prompt's character %d (code %d) is not in the model's vocabulary", n,
		          *at);
	else
		tw_refuse(error,
		          "the prompt's character %d, '%.*s', is not in the model's vocabulary", n,
		          utf8_length(at), at);
	return -1;
}

int
tw_tokenize(const TwModel *m, const char *text, int *rows, char **error)
{
	const char *at = text;
	int n = 0;

	if (m->record)
		return tw_tokenize_records(m, text, rows, error);
	if (!*text)
		tw_refuse(error, "the prompt is empty");
	while (*at) {
		size_t length;
		int row = longest_token(m, at, &length);
		if (row < 0)
			return refuse_character(text, at, error);
		if (n == m->context) {
			tw_refuse(error, "the prompt is too long: the model takes %d tokens",
			          m->context);
			return -1;
		}
		rows[n++] = row;
		at += length;
	}
	return n ? n : -1;
}

const char *
tw_spell(const TwModel *m, int row)
{
	if (row == tw_end(m))
		return "<end>";
	if (row == tw_bos(m))
		return "<bos>";
	return row >= 0 && row < m->nvocab ? m->vocab[row] : "?";
}

size_t
tw_spell_token(const TwModel *m, const int *row, char *out, size_t size)
{
	if (m->record && *row < m->nvocab)
		return tw_spell_record(m, row, out, size);
	return (size_t)snprintf(out, size, "%s", tw_spell(m, *row));
}
