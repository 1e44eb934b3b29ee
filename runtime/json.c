#include "runtime/json.h"

#include <string.h>

enum { MAX_JSON_DEPTH = 64, MAX_NUMBER = 60 /* cJSON takes 63 bytes */ };

typedef struct JsonText {
	const char *at, *end;
} JsonText;

static char
json_peek(const JsonText *t)
{
	return t->at < t->end ? *t->at : '\0';
}

static void
json_blanks(JsonText *t)
{
	while (t->at < t->end && memchr(" \t\n\r", *t->at, 4))
		t->at++;
}

static bool
json_take(JsonText *t, char c)
{
	if (t->at == t->end || *t->at != c)
		return false;
	t->at++;
	return true;
}

static bool
json_take_word(JsonText *t, const char *word)
{
	while (*word)
		if (!json_take(t, *word++))
			return false;
	return true;
}

/* Four hexadecimal digits; -1 if they are not. */
static int
json_hex(JsonText *t)
{
	static const char digits[] = "0123456789abcdef0123456789ABCDEF";
	int n = 0;

	for (int i = 0; i < 4; i++, t->at++) {
		const char *d = t->at < t->end ? memchr(digits, *t->at, sizeof digits - 1) : NULL;
		if (!d)
			return -1;
		n = n * 16 + (int)((d - digits) % 16);
	}
	return n;
}

/* Behind a backslash. A code above the first plane is two halves, one after the other. */
static bool
json_escape(JsonText *t)
{
	if (t->at == t->end)
		return false;
	char c = *t->at++;
	if (c != 'u')
		return memchr("\"\\/bfnrt", c, 8);
	int high = json_hex(t);
	if (high < 0xd800 || high > 0xdfff)
		return high >= 0;
	if (high > 0xdbff || !json_take_word(t, "\\u"))
		return false;
	int low = json_hex(t);
	return low >= 0xdc00 && low <= 0xdfff;
}

static bool
json_string(JsonText *t)
{
	if (!json_take(t, '"'))
		return false;
	while (t->at < t->end && *t->at != '"') {
		if ((unsigned char)*t->at < ' ')
			return false;
		if (*t->at++ == '\\' && !json_escape(t))
			return false;
	}
	return json_take(t, '"');
}

static bool
json_digits(JsonText *t)
{
	const char *from = t->at;

	while (json_peek(t) >= '0' && json_peek(t) <= '9')
		t->at++;
	return t->at > from;
}

static bool
json_number_token(JsonText *t)
{
	const char *from = t->at;

	json_take(t, '-');
	if (!json_take(t, '0') && !json_digits(t))
		return false;
	if (json_take(t, '.') && !json_digits(t))
		return false;
	if (json_take(t, 'e') || json_take(t, 'E')) {
		if (!json_take(t, '+'))
			json_take(t, '-');
		if (!json_digits(t))
			return false;
	}
	return t->at - from <= MAX_NUMBER;
}

static bool json_value(JsonText *, int depth);

/* An array, or an object, whose members have names. */
static bool
json_members(JsonText *t, char close, int depth)
{
	json_blanks(t);
	if (json_take(t, close))
		return true;
	do {
		json_blanks(t);
		if (close == '}') {
			if (!json_string(t))
				return false;
			json_blanks(t);
			if (!json_take(t, ':'))
				return false;
		}
		if (!json_value(t, depth))
			return false;
		json_blanks(t);
	} while (json_take(t, ','));
	return json_take(t, close);
}

static bool
json_value(JsonText *t, int depth)
{
	if (depth == MAX_JSON_DEPTH)
		return false;
	json_blanks(t);
	switch (json_peek(t)) {
	case '{': t->at++; return json_members(t, '}', depth + 1);
	case '[': t->at++; return json_members(t, ']', depth + 1);
	case '"': return json_string(t);
	case 't': return json_take_word(t, "true");
	case 'f': return json_take_word(t, "false");
	case 'n': return json_take_word(t, "null");
	default: return json_number_token(t);
	}
}

cJSON *
tw_json_parse(const char *text, size_t n, bool *no_memory)
{
	JsonText t = { text, text + n };
	bool sound = json_value(&t, 0);

	json_blanks(&t);
	*no_memory = false;
	if (!sound || t.at != t.end)
		return NULL;
	cJSON *j = cJSON_ParseWithLength(text, n);
	*no_memory = !j;
	return j;
}
