/* Tokens that are records, as text: {op: add, a: [1, 2], flags: 0x1f}. The words of
 * the vocabulary are the fields with their values, "op: add", "a[0]: 1"; a list of
 * bools is written as the number whose bits they are, the lowest first. */

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
skip_prompt_blanks(RecordReader *r)
{
	r->at += strspn(r->at, " \t\n");
}

static bool
accept_char(RecordReader *r, char c)
{
	skip_prompt_blanks(r);
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

/* A field by name, or an element of a list of fields: "w", "w[3]". */
typedef struct FieldName {
	const char *s;
	size_t n;
	int element; /* -1: none */
} FieldName;

enum { SUFFIX = 16 };

static const char *
element_suffix(FieldName name, char out[SUFFIX])
{
	*out = '\0';
	if (name.element >= 0)
		snprintf(out, SUFFIX, "[%d]", name.element);
	return out;
}

/* What follows "name: " in a word of the field; NULL if it is another field's. */
static const char *
value_in_field(const TwModel *m, int row, FieldName name)
{
	char suffix[SUFFIX];
	const char *word = m->vocab[row];
	size_t k = strlen(element_suffix(name, suffix));

	if (strncmp(word, name.s, name.n) || strncmp(word + name.n, suffix, k))
		return NULL;
	word += name.n + k;
	return word[0] == ':' && word[1] == ' ' ? word + 2 : NULL;
}

static int
field_called(const TwModel *m, FieldName name)
{
	for (int f = 0; f < m->nfield; f++)
		if (value_in_field(m, m->first[f], name))
			return f;
	return -1;
}

static FieldName
element_of(FieldName list, int i)
{
	return (FieldName){ list.s, list.n, i };
}

static bool
has_element(const RecordReader *r, FieldName list, int i)
{
	return field_called(r->m, element_of(list, i)) >= 0;
}

/* "the field 'w[3]' WHY" */
static bool
refuse_field(RecordReader *r, FieldName name, const char *why, const char *value)
{
	char suffix[SUFFIX];

	return tw_refuse(r->error, "the field '%.*s%s' %s%s%s", (int)name.n, name.s,
	                 element_suffix(name, suffix), why, value ? value : "", value ? "'" : "");
}

static bool
has_value(const TwModel *m, int row, FieldName name, const char *value)
{
	const char *word = value_in_field(m, row, name);

	return word && !strcmp(word, value);
}

/* The row of the field that has the value; -1 if there is none. Rows of numbers are in order. */
static int
row_of_value(const TwModel *m, int f, FieldName name, const char *value)
{
	const char *first = value_in_field(m, m->first[f], name);
	double guess = first ? (double)strtol(value, NULL, 10) - (double)strtol(first, NULL, 10)
	                     : -1;

	if (guess >= 0 && guess < m->first[f + 1] - m->first[f]
	    && has_value(m, m->first[f] + (int)guess, name, value))
		return m->first[f] + (int)guess;
	for (int row = m->first[f]; row < m->first[f + 1]; row++)
		if (has_value(m, row, name, value))
			return row;
	return -1;
}

static bool
set_field(RecordReader *r, FieldName name, const char *value)
{
	const TwModel *m = r->m;
	int f = field_called(m, name);
	char suffix[SUFFIX];

	if (f < 0 && name.element < 0 && has_element(r, name, 0))
		return refuse_field(r, name, "is a list, it cannot be '", value);
	if (f < 0)
		return tw_refuse(r->error, "a token of this model has no field '%.*s%s'",
		                 (int)name.n, name.s, element_suffix(name, suffix));
	if (r->row[f] >= 0)
		return refuse_field(r, name, "is given twice", NULL);
	r->row[f] = row_of_value(m, f, name, value);
	return r->row[f] >= 0 || refuse_field(r, name, "cannot be '", value);
}

static bool
set_bits(RecordReader *r, FieldName list, uint64_t bits)
{
	int i = 0;

	for (; has_element(r, list, i); i++)
		if (!set_field(r, element_of(list, i), i < 64 && bits >> i & 1 ? "true" : "false"))
			return false;
	return i >= 64 || !(bits >> i)
	       || tw_refuse(r->error, "the field '%.*s' has only %d bits", (int)list.n, list.s, i);
}

/* A word; numbers in decimal. */
static bool
read_word(RecordReader *r, char *word, uint64_t *number, bool *is_number)
{
	skip_prompt_blanks(r);
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
read_list(RecordReader *r, FieldName name)
{
	char word[WORD];
	uint64_t number;
	bool is_number;

	for (int i = 0; !accept_char(r, ']'); i++)
		if ((i && !accept_char(r, ',')) || !read_word(r, word, &number, &is_number)
		    || !set_field(r, element_of(name, i), word))
			return expected(r, "',' or ']'");
	return true;
}

static bool
read_field_value(RecordReader *r, FieldName name)
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
	skip_prompt_blanks(r);
	FieldName name = { r->at, word_length(r->at), -1 };

	if (!name.n)
		return expected(r, "the name of a field");
	r->at += name.n;
	return accept_char(r, ':') ? read_field_value(r, name) : expected(r, "':'");
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

	for (; skip_prompt_blanks(&r), *r.at; n++, r.row += m->nfield) {
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
word_value(const char *word)
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
	bool bits = n <= 64 && !strcmp(word_value(m->vocab[m->first[f]]), "false");
	uint64_t number = 0;

	for (int i = 0; bits && i < n; i++)
		number |= (uint64_t)(row[f + i] - m->first[f + i]) << i;
	if (bits) {
		put_fmt(w, "0x%0*" PRIx64, (n + 3) / 4, number);
		return;
	}
	for (int i = 0; i < n; i++)
		put_fmt(w, "%s%s", i ? ", " : "[", word_value(m->vocab[row[f + i]]));
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
			put_fmt(&w, "%s", word_value(word));
	}
	put_fmt(&w, "}");
	return w.n;
}
