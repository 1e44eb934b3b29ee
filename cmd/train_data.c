/* What twc train learns from: a text, or arrays.
 *
 * A text is cut into rows of the vocabulary, the longest word first. A program has its vocabulary;
 * that of a graph is the characters of the text, in order. */

#include "cmd/train.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "lang/npy.h"
#include "lang/text.h"

static bool
refuse_data(const char *path, const char *why)
{
	fprintf(stderr, "twc: %s: %s\n", path, why);
	return false;
}

static TensorNode *
input_of_source(const Learned *l, LearnedSource source)
{
	for (int i = 0; i < l->ninput; i++)
		if (l->input[i].source == source)
			return l->input[i].tensor;
	return NULL;
}

/* ---- the vocabulary ---- */

/* Bytes of the character that begins here (RFC 3629); a byte that begins none is one. */
static int
character_bytes(const char *s, const char *end)
{
	unsigned char c = (unsigned char)*s;
	int n = c < 0xc0 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;

	for (int i = 1; i < n; i++)
		if (s + i >= end || ((unsigned char)s[i] & 0xc0) != 0x80)
			return 1;
	return n;
}

static int
compare_words(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The characters of a text, each once, in order. */
static void
vocabulary_of_text(Training *t, const char *text, size_t n)
{
	Map seen = { 0 };
	int cap = 0;

	for (const char *s = text, *end = text + n; s < end;) {
		int len = character_bytes(s, end);
		const char *word = intern(t->arena, s, (size_t)len);
		s += len;
		if (map_get(&seen, word))
			continue;
		map_put(t->arena, &seen, word, (void *)word);
		GROW(t->arena, t->vocab, cap, t->nvocab + 1);
		t->vocab[t->nvocab++] = word;
	}
	qsort(t->vocab, (size_t)t->nvocab, sizeof *t->vocab, compare_words);
}

static bool
vocabulary_of_file(Training *t, const char *json)
{
	cJSON *list = cJSON_Parse(json);
	bool ok = cJSON_IsArray(list);

	t->vocab = NEWS(t->arena, const char *, ok ? cJSON_GetArraySize(list) : 1);
	for (const cJSON *j = ok ? list->child : NULL; j && ok; j = j->next) {
		ok = cJSON_IsString(j) && *j->valuestring;
		if (ok)
			t->vocab[t->nvocab++] = arena_strn(t->arena, j->valuestring,
			                                   strlen(j->valuestring));
	}
	cJSON_Delete(list);
	return ok;
}

static const char *
vocabulary_json(Training *t)
{
	TextBuilder b = { .arena = t->arena };

	for (int i = 0; i < t->nvocab; i++) {
		text_addf(&b, i ? ", " : "[");
		text_add_json_string(&b, t->vocab[i]);
	}
	text_addf(&b, "]");
	return b.s;
}

static bool
vocabulary_fits(const Training *t, const char *path)
{
	const TensorNode *token = input_of_source(t->learned, LEARNED_TOKEN),
			 *scores = t->learned->scores;
	int rows = token ? (int)token->values.hi + 1 : t->nvocab;

	if (scores && scores->dim[1] < rows)
		rows = scores->dim[1];
	if (t->nvocab <= rows)
		return true;
	fprintf(stderr,
	        "twc: %s: it has %d different characters, and the program takes %d tokens\n", path,
	        t->nvocab, rows);
	return false;
}

/* ---- text ---- */

/* Words by their first byte, the longest first. */
typedef struct WordTable {
	int first[257];
	int *row; /* (nvocab) */
} WordTable;

static const char **words_to_sort;

static int
compare_rows(const void *a, const void *b)
{
	const char *x = words_to_sort[*(const int *)a], *y = words_to_sort[*(const int *)b];

	if (*x != *y)
		return (unsigned char)*x < (unsigned char)*y ? -1 : 1;
	return strlen(x) > strlen(y) ? -1 : strlen(x) < strlen(y) ? 1 : strcmp(x, y);
}

static WordTable
word_table(const Training *t)
{
	WordTable w = { .row = NEWS(t->arena, int, t->nvocab) };
	int c = 0;

	for (int i = 0; i < t->nvocab; i++)
		w.row[i] = i;
	words_to_sort = t->vocab;
	qsort(w.row, (size_t)t->nvocab, sizeof *w.row, compare_rows);
	for (int i = 0; i < t->nvocab; i++)
		while (c <= (unsigned char)*t->vocab[w.row[i]])
			w.first[c++] = i;
	while (c <= 256)
		w.first[c++] = t->nvocab;
	return w;
}

/* The row of the word that the text begins with, or -1. */
static int
row_at(const Training *t, const WordTable *w, const char *s, const char *end)
{
	unsigned char c = (unsigned char)*s;

	for (int i = w->first[c]; i < w->first[c + 1]; i++) {
		const char *word = t->vocab[w->row[i]];
		size_t n = strlen(word);
		if (n <= (size_t)(end - s) && !memcmp(word, s, n))
			return w->row[i];
	}
	return -1;
}

static bool
cut_text(Training *t, const char *path, const char *text, size_t n)
{
	WordTable w = word_table(t);
	int *rows = NEWS(t->arena, int, n + 1), line = 1;
	const char *s = text, *end = text + n, *start = text;
	Examples *e = &t->examples;

	while (s < end) {
		int row = row_at(t, &w, s, end);
		if (row < 0) {
			fprintf(stderr, "twc: %s:%d:%d: '%.*s' is no token of the program\n", path,
			        line, (int)(s - start) + 1, character_bytes(s, end), s);
			return false;
		}
		rows[e->n++] = row;
		if (*s == '\n')
			line++, start = s + 1;
		s += strlen(t->vocab[row]);
	}
	e->text = rows;
	return true;
}

static bool
text_data(Training *t, const char *path)
{
	Examples *e = &t->examples;
	const char *json = weights_file_text(&t->resumed, "tw.vocab");
	size_t n;
	char *text = read_file(t->arena, path, &n);
	int context = t->learned->context;

	if (!text)
		return false;
	if (!input_of_source(t->learned, LEARNED_TOKEN) || !t->learned->scores)
		return refuse_data(path, "a text is for a program that reads tokens and says which "
		                         "one is likely");
	if (memchr(text, '\0', n))
		return refuse_data(path, "no text: there is a byte 0 in it");
	e->kind = EXAMPLES_TEXT;
	if (!t->vocab && json && !vocabulary_of_file(t, json))
		return refuse_data(t->o->resume, "its vocabulary is damaged");
	if (!t->vocab)
		vocabulary_of_text(t, text, n);
	t->vocab_json = vocabulary_json(t);
	if (!vocabulary_fits(t, path) || !cut_text(t, path, text, n))
		return false;
	if (e->n <= context) {
		fprintf(stderr, "twc: %s: %lld tokens, and the program reads %d and the next\n",
		        path, (long long)e->n, context);
		return false;
	}
	e->n -= context;
	return true;
}

/* ---- arrays ---- */

static bool
numbers_fit(const Training *t, const TensorNode *to, const char *path, const Npy *a)
{
	for (int64_t i = 0; to->integer && i < a->n; i++)
		if (!(a->x[i] >= to->values.lo && a->x[i] <= to->values.hi)) {
			fprintf(stderr, "twc: %s: number %lld is %g, and %s takes %.0f..%.0f\n",
			        path, (long long)i, a->x[i], to->name, to->values.lo,
			        to->values.hi);
			return false;
		}
	if (a->ndim && a->dim[0] > 0 && a->n / a->dim[0] == tensor_size(to))
		return true;
	fprintf(stderr, "twc: %s: %lld numbers an example, and %s%s is %lld\n", path,
	        (long long)(a->ndim && a->dim[0] ? a->n / a->dim[0] : 0), to->name,
	        shape_text(t->arena, to->rank, to->dim), (long long)tensor_size(to));
	return false;
}

static bool
array_data(Training *t, int i, const char *path)
{
	Examples *e = &t->examples;
	const TensorNode *to = t->learned->input[i].tensor;
	const char *why;
	size_t n;
	Npy a;
	char *bytes = read_file(t->arena, path, &n);

	if (!bytes)
		return false;
	if (!npy_read(t->arena, bytes, n, &a, &why))
		return refuse_data(path, why);
	if (!numbers_fit(t, to, path, &a))
		return false;
	if (e->n && e->n != a.dim[0]) {
		fprintf(stderr, "twc: %s: %lld examples, and %lld in the arrays before\n", path,
		        (long long)a.dim[0], (long long)e->n);
		return false;
	}
	e->n = a.dim[0];
	e->array[i] = a.x;
	return true;
}

static int
input_named(const Learned *l, const char *name, size_t n)
{
	for (int i = 0; i < l->ninput; i++)
		if (!strncmp(l->input[i].tensor->name, name, n) && !l->input[i].tensor->name[n])
			return i;
	return -1;
}

/* "x=images.npy,target=labels.npy" */
static bool
arrays_data(Training *t, const char *list)
{
	Learned *l = t->learned;

	t->examples.kind = EXAMPLES_ARRAYS;
	t->examples.array = NEWS(t->arena, const double *, l->ninput);
	for (const char *s = list; *s; s += *s == ',') {
		size_t name = strcspn(s, "=,"), len = strcspn(s, ",");
		int i = s[name] == '=' ? input_named(l, s, name) : -1;
		if (i < 0) {
			fprintf(stderr, "twc: --data: '%.*s' is no INPUT=FILE.npy; inputs are",
			        (int)len, s);
			for (int k = 0; k < l->ninput; k++)
				fprintf(stderr, " %s", l->input[k].tensor->name);
			fputc('\n', stderr);
			return false;
		}
		if (!array_data(t, i, arena_strn(t->arena, s + name + 1, len - name - 1)))
			return false;
		s += len;
	}
	for (int i = 0; i < l->ninput; i++)
		if (!t->examples.array[i] && l->input[i].source != LEARNED_WEIGHT)
			return refuse_data(l->input[i].tensor->name,
			                   "no array is given for this input: --data "
			                   "INPUT=FILE.npy,INPUT=FILE.npy");
	return true;
}

bool
training_data(Training *t)
{
	const char *data = t->o->data;
	int percent = t->o->held ? atoi(t->o->held) : 10;
	Examples *e = &t->examples;

	e->seed = t->recipe.seed;
	if (!data) {
		fputs("twc: what is it to learn from? --data TEXT, or --data INPUT=FILE.npy,...\n",
		      stderr);
		return false;
	}
	if (!(strchr(data, '=') ? arrays_data(t, data) : text_data(t, data)))
		return false;
	if (percent < 0 || percent > 90)
		return refuse_data("--validate", "a percentage, 0 to 90");
	e->held = e->n * percent / 100;
	return true;
}
