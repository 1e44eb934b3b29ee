/* Tokens that are records, as text: {op: add, a: [1, 2], flags: 0x1f}. The words of
 * the vocabulary are the fields with their values, "op: add", "a[0]: 1"; a list of
 * bools is written as the number whose bits they are, the lowest first. */

#define _GNU_SOURCE /* asprintf */

#include "runtime/load.h"
#include "runtime/tw.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORD = 64 }; /* room for a value */

/* ---- reading */

typedef struct RecordReader {
	const TwModel *m;
	const char *at;
	int *row; /* (nfield) -1: not given yet */
	char **error;
} RecordReader;

static void
skip_blanks(RecordReader *r)
{
	r->at += strspn(r->at, " \t\n");
}

static bool
accept_char(RecordReader *r, char c)
{
	skip_blanks(r);
	if (*r->at != c)
		return false;
	r->at++;
	return true;
}

/* Says what was expected where the reader stands. */
static bool
expected(RecordReader *r, const char *what)
{
	int n = (int)strcspn(r->at, " \t\n");

	return *r->at ? tw_refuse(r->error, "%s is expected at '%.*s'", what, n < 20 ? n : 20,
	                          r->at)
	              : tw_refuse(r->error, "%s is expected where the prompt ends", what);
}

static size_t
word_length(const char *s)
{
	return strspn(s, "-_0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");
}

/* What follows "name: " in a word of the field; NULL if it is another field's. */
static const char *
value_in_field(const TwModel *m, int row, const char *name)
{
	size_t n = strlen(name);
	const char *word = m->vocab[row];

	return !strncmp(word, name, n) && word[n] == ':' && word[n + 1] == ' ' ? word + n + 2
	                                                                       : NULL;
}

static int
field_called(const TwModel *m, const char *name)
{
	for (int f = 0; f < m->nfield; f++)
		if (value_in_field(m, m->first[f], name))
			return f;
	return -1;
}

static bool
element_name(RecordReader *r, const char *name, int i, char **out)
{
	*out = NULL;
	return asprintf(out, "%s[%d]", name, i) >= 0 || tw_refuse(r->error, "out of memory");
}

static bool
has_element(RecordReader *r, const char *name, int i)
{
	char *element;
	bool has = element_name(r, name, i, &element) && field_called(r->m, element) >= 0;

	free(element);
	return has;
}

static bool
set_field(RecordReader *r, const char *name, const char *value)
{
	const TwModel *m = r->m;
	int f = field_called(m, name);

	if (f < 0 && has_element(r, name, 0))
		return tw_refuse(r->error, "the field '%s' is a list, it cannot be '%s'", name,
		                 value);
	if (f < 0)
		return tw_refuse(r->error, "a token of this model has no field '%s'", name);
	if (r->row[f] >= 0)
		return tw_refuse(r->error, "the field '%s' is given twice", name);
	for (int row = m->first[f]; row < m->first[f + 1] && r->row[f] < 0; row++) {
		const char *word = value_in_field(m, row, name);
		if (word && !strcmp(word, value))
			r->row[f] = row;
	}
	return r->row[f] >= 0 || tw_refuse(r->error, "the field '%s' cannot be '%s'", name, value);
}

static bool
set_element(RecordReader *r, const char *name, int i, const char *value)
{
	char *element;
	bool ok = element_name(r, name, i, &element) && set_field(r, element, value);

	free(element);
	return ok;
}

static bool
set_bits(RecordReader *r, const char *name, uint64_t bits)
{
	int i = 0;

	for (; has_element(r, name, i); i++)
		if (!set_element(r, name, i, i < 64 && bits >> i & 1 ? "true" : "false"))
			return false;
	return i >= 64 || !(bits >> i)
	       || tw_refuse(r->error, "the field '%s' has only %d bits", name, i);
}

/* A word; numbers in decimal. */
static bool
read_word(RecordReader *r, char *word, uint64_t *number, bool *is_number)
{
	skip_blanks(r);
	size_t n = word_length(r->at);
	char *end;
	bool hex = r->at[0] == '0' && r->at[1] == 'x';

	if (!n || n >= WORD)
		return expected(r, "a value");
	memcpy(word, r->at, n);
	word[n] = '\0';
	errno = 0;
	*number = strtoull(word, &end, hex ? 16 : 10);
	*is_number = !*end && word[0] != '-' && !errno;
	if (*is_number)
		snprintf(word, WORD, "%" PRIu64, *number);
	r->at += n;
	return true;
}

static bool
read_list(RecordReader *r, const char *name)
{
	char word[WORD];
	uint64_t number;
	bool is_number;

	for (int i = 0; !accept_char(r, ']'); i++)
		if ((i && !accept_char(r, ',')) || !read_word(r, word, &number, &is_number)
		    || !set_element(r, name, i, word))
			return expected(r, "',' or ']'");
	return true;
}

static bool
read_field_value(RecordReader *r, const char *name)
{
	char word[WORD];
	uint64_t number;
	bool is_number;

	if (accept_char(r, '['))
		return read_list(r, name);
	if (!read_word(r, word, &number, &is_number))
		return false;
	if (is_number && has_element(r, name, 0))
		return set_bits(r, name, number);
	return set_field(r, name, word);
}

static bool
read_record_field(RecordReader *r)
{
	skip_blanks(r);
	size_t n = word_length(r->at);
	char *name = strndup(r->at, n);
	bool ok = name;

	r->at += n;
	if (!n || !accept_char(r, ':'))
		ok = n ? expected(r, "':'") : expected(r, "the name of a field");
	ok = ok && read_field_value(r, name);
	free(name);
	return ok;
}

static bool
read_record(RecordReader *r)
{
	if (!accept_char(r, '{'))
		return expected(r, "'{', for a token is a record, {field: value, …},");
	for (int i = 0; !accept_char(r, '}'); i++)
		if ((i && !accept_char(r, ',')) || !read_record_field(r))
			return expected(r, "',' or '}'");
	for (int f = 0; f < r->m->nfield; f++) {
		const char *word = r->m->vocab[r->m->first[f]];
		if (r->row[f] < 0)
			return tw_refuse(r->error, "the field '%.*s' is missing",
			                 (int)strcspn(word, ":"), word);
	}
	return true;
}

int
tw_tokenize_records(const TwModel *m, const char *text, int *rows, char **error)
{
	RecordReader r = { m, text, rows, error };
	int n = 0;

	for (; skip_blanks(&r), *r.at; n++, r.row += m->nfield) {
		if (n == m->context) {
			tw_refuse(error, "the prompt is too long: the model takes %d tokens",
			          m->context);
			return -1;
		}
		for (int f = 0; f < m->nfield; f++)
			r.row[f] = -1;
		if (!read_record(&r))
			return -1;
		accept_char(&r, ',');
	}
	if (!n)
		tw_refuse(error, "the prompt is empty");
	return n ? n : -1;
}

/* ---- writing */

typedef struct RecordWriter {
	char *out;
	size_t size, n; /* n: how long it is, were there room */
} RecordWriter;

static void __attribute__((format(printf, 2, 3))) put_fmt(RecordWriter *w, const char *fmt, ...)
{
	va_list ap;
	bool room = w->n < w->size;

	va_start(ap, fmt);
	w->n += (size_t)vsnprintf(room ? w->out + w->n : NULL, room ? w->size - w->n : 0, fmt, ap);
	va_end(ap);
}

static const char *
value(const char *word)
{
	return word + strcspn(word, ":") + 2;
}

/* How many fields from f on are the elements of one list, 0 if it is none. */
static int
list_length(const TwModel *m, int f)
{
	const char *word = m->vocab[m->first[f]];
	size_t name = strcspn(word, "[:");
	int n = 0;

	if (word[name] != '[')
		return 0;
	while (f + n < m->nfield && !strncmp(m->vocab[m->first[f + n]], word, name + 1))
		n++;
	return n;
}

static void
put_list_field(RecordWriter *w, const TwModel *m, int f, int n, const int *row)
{
	bool bits = n <= 64 && !strcmp(value(m->vocab[m->first[f]]), "false");
	uint64_t number = 0;

	for (int i = 0; bits && i < n; i++)
		number |= (uint64_t)(row[f + i] - m->first[f + i]) << i;
	if (bits) {
		put_fmt(w, "0x%0*" PRIx64, (n + 3) / 4, number);
		return;
	}
	for (int i = 0; i < n; i++)
		put_fmt(w, "%s%s", i ? ", " : "[", value(m->vocab[row[f + i]]));
	put_fmt(w, "]");
}

size_t
tw_spell_record(const TwModel *m, const int *row, char *out, size_t size)
{
	RecordWriter w = { out, size, 0 };

	for (int f = 0, n; f < m->nfield; f += n ? n : 1) {
		const char *word = m->vocab[row[f]];
		n = list_length(m, f);
		put_fmt(&w, "%s", f ? ", " : "{");
		put_fmt(&w, "%.*s: ", (int)strcspn(word, n ? "[" : ":"), word);
		if (n)
			put_list_field(&w, m, f, n, row);
		else
			put_fmt(&w, "%s", value(word));
	}
	put_fmt(&w, "}");
	return w.n;
}
