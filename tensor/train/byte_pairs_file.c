/* The vocabulary of a model as HuggingFace's files have it:
 *
 *     vocab.json       {"!": 0, "\"": 1, ..., "Ġthe": 262, ...}
 *     merges.txt       #version: 0.2
 *                      Ġ t
 *                      Ġ a
 *     tokenizer.json   {"model": {"type": "BPE", "vocab": {...}, "merges": ["Ġ t", ...]},
 *                       "pre_tokenizer": {"type": "ByteLevel"}, "added_tokens": [...], ...}
 *                      where GPT-2's own does not tell the type of the model
 *
 * What cuts a text otherwise than GPT-2 does is refused. */

#include <cjson/cJSON.h>
#include <string.h>

#include "lang/text.h"
#include "tensor/train/byte_pairs.h"

enum { ROWS_MAX = 1 << 20 };

typedef struct WordList {
	Arena *arena;
	const char **word; /* (cap) by row; NULL: none yet */
	int n, cap;        /* n: 1 + the greatest row */
	const char *why;   /* or NULL */
} WordList;

static bool
add_word(WordList *w, const char *word, const cJSON *id)
{
	double row = cJSON_IsNumber(id) ? id->valuedouble : -1;

	if (w->why || !word)
		return false;
	if (!(row >= 0 && row < ROWS_MAX) || row != (int)row) {
		w->why = arena_fmt(w->arena, "the number of the token '%s' is none", word);
		return false;
	}
	GROW(w->arena, w->word, w->cap, (int)row + 1);
	const char **to = &w->word[(int)row];
	if (*to && strcmp(*to, word)) {
		w->why = arena_fmt(w->arena, "'%s' and '%s' are both token %d", *to, word,
		                   (int)row);
		return false;
	}
	*to = arena_strn(w->arena, word, strlen(word));
	w->n = (int)row + 1 > w->n ? (int)row + 1 : w->n;
	return true;
}

static bool
read_words(WordList *w, const cJSON *vocab)
{
	if (!cJSON_IsObject(vocab) || !vocab->child) {
		w->why = "it has no vocabulary: {\"token\": number, ...}";
		return false;
	}
	for (const cJSON *j = vocab->child; j; j = j->next)
		if (!add_word(w, j->string, j))
			return false;
	return true;
}

static bool
has_all_rows(WordList *w)
{
	for (int i = 0; i < w->n; i++)
		if (!w->word[i]) {
			w->why = arena_fmt(w->arena, "there is no token %d, and there is a %d", i,
			                   w->n - 1);
			return false;
		}
	return true;
}

static const char *
text_under(const cJSON *object, const char *key)
{
	const char *s = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, key));

	return s ? s : "nothing";
}

/* "Ġ t", or ["Ġ", "t"] */
static bool
add_merge(TextBuilder *t, const cJSON *j)
{
	const cJSON *left = cJSON_GetArrayItem(j, 0), *right = cJSON_GetArrayItem(j, 1);

	if (cJSON_IsString(j))
		text_addf(t, "%s\n", j->valuestring);
	else if (cJSON_IsArray(j) && cJSON_IsString(left) && cJSON_IsString(right))
		text_addf(t, "%s %s\n", left->valuestring, right->valuestring);
	else
		return false;
	return true;
}

static const char *
merges_of_json(WordList *w, const cJSON *list)
{
	TextBuilder t = { .arena = w->arena };

	text_add(&t, "", 0);
	for (const cJSON *j = cJSON_IsArray(list) ? list->child : NULL; j; j = j->next)
		if (!add_merge(&t, j)) {
			w->why = "its merges are no pairs of tokens";
			return NULL;
		}
	return t.s;
}

static const cJSON *
json_part(const cJSON *object, const char *key)
{
	return cJSON_GetObjectItemCaseSensitive(object, key);
}

/* What of a tokenizer.json is not as GPT-2 has it, or NULL. */
static const char *
other_than_gpt2(Arena *a, const cJSON *j)
{
	const cJSON *model = json_part(j, "model"), *before = json_part(j, "pre_tokenizer"),
		    *normal = json_part(j, "normalizer");

	if (!model)
		return "it has no model, so it is no tokenizer.json; a vocab.json goes with its "
		       "merges.txt: byte_pairs(\"vocab.json\", \"merges.txt\")";
	if (json_part(model, "type") ? strcmp(text_under(model, "type"), "BPE") != 0
	                             : !json_part(model, "merges"))
		return arena_fmt(a, "its model is %s, not BPE", text_under(model, "type"));
	if (strcmp(text_under(before, "type"), "ByteLevel"))
		return arena_fmt(a, "it cuts texts by %s; what is known is ByteLevel",
		                 text_under(before, "type"));
	if (cJSON_IsTrue(json_part(before, "add_prefix_space")))
		return "it puts a space before each text";
	if (cJSON_IsFalse(json_part(before, "use_regex")))
		return "it does not cut texts into words";
	if (normal && !cJSON_IsNull(normal))
		return "it changes texts before it cuts them";
	if (cJSON_IsTrue(json_part(model, "ignore_merges")))
		return "it takes words whole that are tokens, whatever the merges make of them";
	return NULL;
}

/* tokenizer.json: the words go into the list, the merges are the result. */
static const char *
read_tokenizer(WordList *w, const cJSON *j)
{
	const cJSON *model = json_part(j, "model"), *added = json_part(j, "added_tokens");

	w->why = other_than_gpt2(w->arena, j);
	if (w->why || !read_words(w, json_part(model, "vocab")))
		return NULL;
	for (const cJSON *t = cJSON_IsArray(added) ? added->child : NULL; t; t = t->next)
		add_word(w, cJSON_GetStringValue(json_part(t, "content")), json_part(t, "id"));
	return w->why ? NULL : merges_of_json(w, json_part(model, "merges"));
}

BytePairs *
byte_pairs_read(Arena *a, const char *json, size_t n, const char *merges, size_t nmerges,
                const char **why)
{
	WordList w = { .arena = a };
	cJSON *j = cJSON_ParseWithLength(json, n);
	BytePairs *b = NULL;

	if (!j)
		w.why = "no JSON";
	else if (!merges)
		merges = read_tokenizer(&w, j);
	else if (read_words(&w, j))
		merges = arena_strn(a, merges, nmerges);
	cJSON_Delete(j);
	if (!w.why && has_all_rows(&w))
		b = byte_pairs_new(a, w.n, w.word, merges, &w.why);
	*why = b ? NULL : w.why;
	return b;
}
