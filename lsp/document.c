/* An open file: its text, places in it, and what the frontend finds in it.
 *
 * The protocol counts lines and UTF-16 units, the compiler bytes. A file without a model is taken
 * as a module, and read behind a model of printable characters, as `twc test` does: then its
 * streams have a vocabulary. `shift` is the length of that model, in front of the text. */

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lsp/server.h"

static char *
copy(const char *s, size_t n)
{
	return memcpy(guarded_malloc(n + 1), s, n);
}

/* ---- names of files ---- */

static int
hex(char c)
{
	return isdigit((unsigned char)c) ? c - '0' : tolower((unsigned char)c) - 'a' + 10;
}

static char *
uri_path(const char *uri)
{
	const char *s = strncmp(uri, "file://", 7) ? uri : uri + 7;
	char *path = copy(s, strlen(s)), *to = path;

	for (const char *from = s; *from;)
		if (*from == '%' && isxdigit((unsigned char)from[1])
		    && isxdigit((unsigned char)from[2])) {
			*to++ = (char)(hex(from[1]) * 16 + hex(from[2]));
			from += 3;
		} else {
			*to++ = *from++;
		}
	*to = '\0';
	return path;
}

char *
path_uri(Arena *arena, const char *path)
{
	char *uri = arena_alloc(arena, 3 * strlen(path) + 8), *to = uri + sprintf(uri, "file://");

	for (const unsigned char *s = (const unsigned char *)path; *s; s++)
		if (isalnum(*s) || strchr("/-._~", *s))
			*to++ = (char)*s;
		else
			to += sprintf(to, "%%%02X", *s);
	*to = '\0';
	return uri;
}

/* ---- the text ---- */

Document *
document_new(const char *uri)
{
	Document *d = guarded_malloc(sizeof *d);

	d->uri = copy(uri, strlen(uri));
	d->path = uri_path(uri);
	return d;
}

void
document_free(Document *d)
{
	arena_free(&d->arena);
	cJSON_Delete(d->built);
	guarded_free(d->text);
	guarded_free(d->path);
	guarded_free(d->uri);
	guarded_free(d);
}

/* Gives back what the frontend found, and all memory but for the text. */
void
document_forget(Document *d)
{
	static uint32_t start;

	arena_free(&d->arena);
	d->arena = (Arena){ 0 };
	cJSON_Delete(d->built);
	d->built = NULL;
	d->stale = d->unbuilt = false;
	d->src = (Source){ d->path, "", 0 };
	d->shift = 0;
	d->diags = (Diags){ .arena = &d->arena, .src = &d->src };
	d->tree = NULL;
	d->names = NULL;
	d->notes = (Notes){ 0 };
	d->graph = NULL;
	d->line = &start;
	d->nline = 1;
	d->modules = NULL;
}

void
document_set(Document *d, const char *text)
{
	size_t n = strlen(text);
	char *old = d->text;

	d->text = copy(text, n);
	d->n = n;
	guarded_free(old);
	d->stale = true;
}

void
find_lines(const Source *src, Arena *arena, uint32_t **line, int *nline)
{
	int n = 1;

	for (uint32_t i = 0; i < src->len; i++)
		n += src->text[i] == '\n';
	*line = NEWS(arena, uint32_t, n);
	*nline = 1;
	for (uint32_t i = 0; i < src->len; i++)
		if (src->text[i] == '\n')
			(*line)[(*nline)++] = i + 1;
}

void
document_read(Document *d, const char *stdlib)
{
	Arena *arena = &d->arena;

	if (!d->stale)
		return;
	arena_free(arena);
	*arena = (Arena){ 0 };
	d->stale = false;
	d->shift = 0;
	d->modules = NULL;
	d->notes = (Notes){ 0 };
	d->src = (Source){ d->path, arena_strn(arena, d->text, d->n), (uint32_t)d->n };
	d->diags = (Diags){ .arena = arena, .src = &d->src };
	d->tree = parse(&d->src, arena, &d->diags);
	if (!d->tree)
		arena_fail();
	if (is_library(d->tree)) {
		d->src.text = arena_fmt(arena, "%s%s", library_model(arena), d->text);
		d->src.len = (uint32_t)strlen(d->src.text);
		d->shift = d->src.len - (uint32_t)d->n;
		d->diags = (Diags){ .arena = arena, .src = &d->src };
		d->tree = parse(&d->src, arena, &d->diags);
		if (!d->tree)
			arena_fail();
	}
	find_lines(&d->src, arena, &d->line, &d->nline);
	d->line[0] = d->shift;
	d->names = resolve(d->tree, arena);
	d->graph = lower_noting(d->tree, stdlib, arena, &d->diags, &d->notes);
	d->unbuilt = !d->diags.nerror;
	if (d->diags.no_memory)
		arena_fail();
}

/* ---- mistakes ---- */

/* An error in another file is shown at the call of this one that led there, the innermost, or else
 * at the first line; a warning is shown in its own file only. */
const char *
diagnostic_text(Document *d, const Diag *e, Span *at)
{
	const char *text = e->msg;
	bool elsewhere = e->src != &d->src;

	if (!is_shown(&d->diags, e) || (e->warning && elsewhere))
		return NULL;
	*at = elsewhere ? (Span){ d->shift, d->shift } : e->span;
	if (at->lo < d->shift)
		return NULL; /* of the model that a library is read behind */
	if (elsewhere)
		text = arena_fmt(&d->arena, "%s:%d: %s", e->src->path,
		                 source_line(e->src, e->span.lo), text);
	for (const DiagNote *n = e->notes; n; n = n->next) {
		if (elsewhere && n->src == &d->src) {
			*at = n->span;
			elsewhere = false;
			continue;
		}
		text = arena_fmt(&d->arena, "%s\n%s:%d: %s", text, n->src->path,
		                 source_line(n->src, n->span.lo), n->text);
	}
	return text;
}

/* ---- places ---- */

int
lsp_line(const Document *d, uint32_t at)
{
	int lo = 0, hi = d->nline - 1;

	while (lo < hi) {
		int mid = (lo + hi + 1) / 2;
		if (d->line[mid] <= at)
			lo = mid;
		else
			hi = mid - 1;
	}
	return lo;
}

/* How many UTF-16 units begin in this byte of UTF-8. */
static int
units(char c)
{
	unsigned char u = (unsigned char)c;

	return u >= 0xf0 ? 2 : (u & 0xc0) != 0x80;
}

cJSON *
position_at(const Document *d, uint32_t at)
{
	cJSON *p = cJSON_CreateObject();
	int line = lsp_line(d, at), character = 0;

	for (uint32_t i = d->line[line]; i < at && i < d->src.len; i++)
		character += units(d->src.text[i]);
	cJSON_AddNumberToObject(p, "line", line);
	cJSON_AddNumberToObject(p, "character", character);
	return p;
}

cJSON *
lsp_range(const Document *d, Span span)
{
	cJSON *r = cJSON_CreateObject();

	cJSON_AddItemToObject(r, "start", position_at(d, span.lo));
	cJSON_AddItemToObject(r, "end", position_at(d, span.hi));
	return r;
}

cJSON *
whole_range(const Document *d)
{
	return lsp_range(d, (Span){ d->shift, d->src.len });
}

bool
offset_at(const Document *d, const cJSON *position, uint32_t *at)
{
	const cJSON *line = cJSON_GetObjectItemCaseSensitive(position, "line");
	const cJSON *character = cJSON_GetObjectItemCaseSensitive(position, "character");

	if (!cJSON_IsNumber(line) || !cJSON_IsNumber(character) || line->valuedouble < 0
	    || character->valuedouble < 0)
		return false;
	if (line->valuedouble >= d->nline) {
		*at = d->src.len;
		return true;
	}
	*at = d->line[(int)line->valuedouble];
	for (double n = character->valuedouble; *at < d->src.len && d->src.text[*at] != '\n';
	     ++*at) {
		n -= units(d->src.text[*at]);
		if (n < 0)
			break;
	}
	return true;
}

/* ---- what is at a place ---- */

static bool
is_word(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

uint32_t
word_at(const Document *d, uint32_t at, uint32_t *from)
{
	uint32_t end = at;

	*from = at;
	while (*from > d->shift && is_word(d->src.text[*from - 1]))
		--*from;
	while (end < d->src.len && is_word(d->src.text[end]))
		end++;
	return in_code(d, *from) ? end - *from : 0;
}

/* Is the place neither in a comment nor in quotes? Both end with their line. */
bool
in_code(const Document *d, uint32_t at)
{
	char quote = '\0';

	for (uint32_t i = d->line[lsp_line(d, at)]; i < at; i++) {
		char c = d->src.text[i];
		if (quote && c == '\\')
			i++;
		else if (quote)
			quote = c == quote ? '\0' : quote;
		else if (c == '#')
			return false;
		else if (c == '"' || c == '\'')
			quote = c;
	}
	return !quote;
}

const NameUse *
use_at(const Document *d, uint32_t at)
{
	for (int i = 0; i < d->names->nuse; i++)
		if (d->names->use[i].at.lo <= at && at <= d->names->use[i].at.hi
		    && d->names->use[i].at.lo >= d->shift)
			return &d->names->use[i];
	return NULL;
}

const char *
noted_type(const Document *d, const Source *src, Span name)
{
	for (int i = 0; i < d->notes.n; i++) {
		const Note *n = &d->notes.note[i];
		if (n->at.lo == name.lo
		    && (src == &d->src ? n->src == src : !strcmp(n->src->path, src->path)))
			return n->type;
	}
	return NULL;
}
