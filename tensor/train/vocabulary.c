/* Words to rows by a table over their first bytes. */

#include "tensor/train/vocabulary.h"

#include <cjson/cJSON.h>
#include <string.h>

#include "lang/pointer_map.h"
#include "lang/text.h"

/* Of UTF-8 (RFC 3629). */
int
character_bytes(const char *s, const char *end)
{
	unsigned char c = (unsigned char)*s;
	int n = c < 0xc0 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;

	for (int i = 1; i < n; i++)
		if (s + i >= end || ((unsigned char)s[i] & 0xc0) != 0x80)
			return 1;
	return n;
}

/* Does row a stand before row b in the table? */
static bool
stands_before(const Vocabulary *v, int a, int b)
{
	const char *x = v->word[a], *y = v->word[b];
	size_t nx = strlen(x), ny = strlen(y);

	if (*x != *y)
		return (unsigned char)*x < (unsigned char)*y;
	return nx != ny ? nx > ny : a < b;
}

/* Sorted by merging. */
static void
sort_rows(const Vocabulary *v, int *row, int n, int *room)
{
	int half = n / 2, i = 0, j = half, k = 0;

	if (n < 2)
		return;
	sort_rows(v, row, half, room);
	sort_rows(v, row + half, n - half, room);
	while (k < n)
		room[k++] = j == n || (i < half && stands_before(v, row[i], row[j])) ? row[i++]
		                                                                     : row[j++];
	memcpy(row, room, sizeof *row * (size_t)n);
}

static void
index_words(Arena *a, Vocabulary *v)
{
	int c = 0;

	v->row = NEWS(a, int, v->n);
	for (int i = 0; i < v->n; i++)
		v->row[i] = i;
	sort_rows(v, v->row, v->n, NEWS(a, int, v->n));
	for (int i = 0; i < v->n; i++)
		while (c <= (unsigned char)*v->word[v->row[i]])
			v->first[c++] = i;
	while (c <= 256)
		v->first[c++] = v->n;
}

/* Characters as numbers are in the order of their bytes. */
Vocabulary
vocabulary_of_text(Arena *a, const char *text, size_t n)
{
	Vocabulary v = { 0 };
	Map seen = { 0 };
	int cap = 0;

	for (const char *s = text, *end = text + n; s < end;) {
		int len = character_bytes(s, end), at;
		const char *word = intern(a, s, (size_t)len);
		s += len;
		if (map_get(&seen, word))
			continue;
		map_put(a, &seen, word, (void *)word);
		GROW(a, v.word, cap, v.n + 1);
		for (at = v.n++; at > 0 && strcmp(v.word[at - 1], word) > 0; at--)
			v.word[at] = v.word[at - 1];
		v.word[at] = word;
	}
	index_words(a, &v);
	return v;
}

Vocabulary
vocabulary_of_words(Arena *a, const char *const *word, int n)
{
	Vocabulary v = { .n = n, .word = NEWS(a, const char *, n + 1) };

	for (int i = 0; i < n; i++)
		v.word[i] = word[i];
	index_words(a, &v);
	return v;
}

Vocabulary
vocabulary_of_pairs(Arena *a, const BytePairs *pairs)
{
	Vocabulary v = vocabulary_of_words(a, pairs->shown, pairs->n);

	v.pairs = pairs;
	return v;
}

/* ---- in files ---- */

static bool
words_of_json(Arena *a, const char *json, Vocabulary *v)
{
	cJSON *list = cJSON_Parse(json);
	bool ok = cJSON_IsArray(list);

	v->word = NEWS(a, const char *, ok ? cJSON_GetArraySize(list) : 1);
	for (const cJSON *j = ok ? list->child : NULL; j && ok; j = j->next) {
		ok = cJSON_IsString(j) && *j->valuestring;
		if (ok)
			v->word[v->n++] = arena_strn(a, j->valuestring, strlen(j->valuestring));
	}
	cJSON_Delete(list);
	return ok;
}

bool
vocabulary_of_file(Arena *a, const WeightsFile *f, Vocabulary *v, const char **why)
{
	const char *json = weights_file_text(f, "tw.vocab"),
		   *merges = weights_file_text(f, "tw.merges");

	*v = (Vocabulary){ 0 };
	*why = "its vocabulary is damaged";
	if (!json)
		return true;
	if (!words_of_json(a, json, v))
		return false;
	if (!merges) {
		index_words(a, v);
		return true;
	}
	const BytePairs *pairs = byte_pairs_new(a, v->n, v->word, merges, why);
	if (pairs)
		*v = vocabulary_of_pairs(a, pairs);
	return pairs;
}

void
vocabulary_say(Arena *a, const Vocabulary *v, WeightsFile *f)
{
	const char *const *word = v->pairs ? v->pairs->spelled : v->word;
	TextBuilder b = { .arena = a };

	if (!v->n)
		return;
	for (int i = 0; i < v->n; i++) {
		text_addf(&b, i ? ", " : "[");
		text_add_json_string(&b, word[i]);
	}
	text_addf(&b, "]");
	weights_file_say(a, f, "tw.vocab", b.s);
	if (v->pairs)
		weights_file_say(a, f, "tw.merges", byte_pairs_merges(a, v->pairs));
}

/* ---- texts ---- */

int
vocabulary_row(const Vocabulary *v, const char *s, const char *end)
{
	unsigned char c = (unsigned char)*s;

	for (int i = v->first[c]; i < v->first[c + 1]; i++) {
		const char *word = v->word[v->row[i]];
		size_t n = strlen(word);
		if (n <= (size_t)(end - s) && !memcmp(word, s, n))
			return v->row[i];
	}
	return -1;
}

int
vocabulary_cut(Arena *a, const Vocabulary *v, const char *text, size_t size, int *row, size_t *bad)
{
	const char *end = text + size;
	int n = 0;

	if (v->pairs)
		return byte_pairs_cut(a, v->pairs, text, size, row, bad);
	for (const char *s = text; s < end; s += strlen(v->word[row[n++]]))
		if ((row[n] = vocabulary_row(v, s, end)) < 0) {
			*bad = (size_t)(s - text);
			return -1;
		}
	return n;
}

const char *
vocabulary_bytes(const Vocabulary *v, int row, size_t *n)
{
	*n = v->pairs ? (size_t)v->pairs->size[row] : strlen(v->word[row]);
	return v->pairs ? v->pairs->bytes[row] : v->word[row];
}

bool
vocabulary_ends(const Vocabulary *v, int row)
{
	return row >= v->n || (v->pairs && row == v->pairs->end);
}
