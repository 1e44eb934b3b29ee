/* Hover: what is known of a name. How it is defined, its type and range, the comment above it, and
 * where its value stands in the transformer. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lsp/server.h"

/* A definition without its right-hand side: "fn pad(d, const n)". */
static const char *
definition_head(Arena *arena, const Source *src, const Ast *s)
{
	uint32_t lo = s->span.lo, hi = s->span.hi;

	if (s->kind == N_FN) {
		hi = s->kid[3]->span.lo;
		while (hi > lo && strchr(" \t\r\n={", src->text[hi - 1]))
			hi--;
	}
	bool cut = hi - lo > 300;
	return arena_fmt(arena, "%.*s%s", cut ? 300 : (int)(hi - lo), src->text + lo,
	                 cut ? " …" : "");
}

/* "let sum: [4] int 0..9" */
static const char *
definition_text(Arena *arena, const Source *src, const Binding *b, const char *type)
{
	const char *word = b->kind == BIND_OUTPUT  ? "output"
	                   : b->kind == BIND_CONST ? "const"
	                                           : "let";

	switch (b->kind) {
	case BIND_LET:
	case BIND_OUTPUT:
		if (b->stmt->kind == N_INPUT || b->stmt->kind == N_LEARNED)
			return definition_head(arena, src, b->stmt);
		return arena_fmt(arena, "%s %s%s%s", word, b->name, type ? ": " : "",
		                 type ? type : "");
	case BIND_CONST:
		return arena_fmt(arena, "%s%s%s", definition_head(arena, src, b->stmt),
		                 type ? "   # " : "", type ? type : "");
	case BIND_MEMBER: return arena_fmt(arena, "%s.%s", b->stmt->kid[0]->text, b->name);
	case BIND_PARAM:
		return arena_fmt(arena, "%s   # a parameter", definition_head(arena, src, b->stmt));
	case BIND_LOCAL:
		if (b->stmt->kind == N_FOR || b->stmt->kind == N_PICK)
			return arena_fmt(arena, "%s   # bound here", b->name);
		return definition_head(arena, src, b->stmt);
	default: return definition_head(arena, src, b->stmt);
	}
}

/* ---- where a value stands ---- */

static const char *
state_name(Arena *arena, int state)
{
	if (state == 0)
		return "in the embedding";
	return arena_fmt(arena, "after the %s of layer %d", state % 2 ? "attention" : "neurons",
	                 (state - 1) / 2);
}

typedef struct Standing {
	int parts, folded; /* elements and fields; how many of them have no columns */
	int first, last;   /* states */
	int columns, heads, neurons;
} Standing;

static int
json_count(const cJSON *o, const char *name)
{
	return (int)cJSON_GetNumberValue(cJSON_GetObjectItem(o, name));
}

/* Of the name itself, or of its elements and fields together. */
static Standing
find_placement(const Document *d, const char *name)
{
	const cJSON *v, *named = cJSON_GetObjectItem(d->built, "named");
	Standing s = { .first = 1 << 30, .last = -1 };
	size_t n = strlen(name);

	cJSON_ArrayForEach(v, named)
	{
		const char *part = cJSON_GetStringValue(cJSON_GetObjectItem(v, "name"));
		int state = json_count(v, "state");
		if (strncmp(part, name, n) || (part[n] && part[n] != '[' && part[n] != '.'))
			continue;
		s.parts++;
		s.folded += state < 0;
		s.first = state >= 0 && state < s.first ? state : s.first;
		s.last = state > s.last ? state : s.last;
		s.columns += json_count(v, "columns");
		s.heads += json_count(v, "heads");
		s.neurons += json_count(v, "neurons");
	}
	return s;
}

static const char *
plural_suffix(int n)
{
	return n == 1 ? "" : "s";
}

static const char *
describe_placement(Document *d, const char *name)
{
	Arena *a = &d->arena;
	Standing s = find_placement(d, name);
	const char *where = "Folded into the weights: it never stands in the stream as a whole";

	if (!s.parts)
		return NULL;
	if (s.folded < s.parts)
		where = arena_fmt(a, "In %d column%s %s%s%s", s.columns, plural_suffix(s.columns),
		                  state_name(a, s.first),
		                  s.last > s.first ? ", the last of it " : "",
		                  s.last > s.first ? state_name(a, s.last) : "");
	if (s.folded && s.folded < s.parts)
		where = arena_fmt(a, "%s; %d of %d parts are folded into the weights", where,
		                  s.folded, s.parts);
	return arena_fmt(a, "%s. Costs %s%d head%s and %d neuron%s, with all that it is made of",
	                 where, s.parts > 1 ? "at most " : "", s.heads, plural_suffix(s.heads),
	                 s.neurons, plural_suffix(s.neurons));
}

/* ---- all of it ---- */

static const char *
markdown_page(Arena *arena, const char *code, const char *doc, const char *where)
{
	return arena_fmt(arena, "```tw\n%s\n```%s%s%s%s%s", code, doc ? "\n\n" : "", doc ? doc : "",
	                 where ? "\n\n*" : "", where ? where : "", where ? "*" : "");
}

static const char *
describe_member(const Ask *a, const NameUse *use)
{
	Document *d = a->doc;
	Import *m = module_of(d, d->names->binding[use->binding].stmt, a->server->host->stdlib);
	const Binding *b = module_name(m, use->member);

	if (!b)
		return NULL;
	return markdown_page(
		&d->arena, definition_text(&d->arena, &m->src, b, noted_type(d, &m->src, b->at)),
		comment_of(&d->arena, &m->src, m->tree, b->stmt->span),
		describe_placement(d, arena_fmt(&d->arena, "%s.%s",
	                                        d->names->binding[use->binding].name, b->name)));
}

static const char *
describe_use(const Ask *a, const NameUse *use)
{
	Document *d = a->doc;
	const Binding *b = &d->names->binding[use->binding];
	const char *doc = NULL, *where = NULL;

	if (use->member)
		return describe_member(a, use);
	if (b->kind == BIND_MODULE) {
		Import *m = module_of(d, b->stmt, a->server->host->stdlib);
		doc = m ? comment_of_file(&d->arena, &m->src, m->tree) : NULL;
	} else if (b->kind != BIND_PARAM && b->kind != BIND_LOCAL && b->kind != BIND_MEMBER) {
		doc = comment_of(&d->arena, &d->src, d->tree, b->stmt->span);
	}
	if (b->kind == BIND_LET)
		where = describe_placement(d, b->name);
	return markdown_page(&d->arena,
	                     definition_text(&d->arena, &d->src, b, noted_type(d, &d->src, b->at)),
	                     doc, where);
}

void
answer_hover(const Ask *a, Reply *answer)
{
	Document *d = a->doc;
	const NameUse *use = use_at(d, a->at);
	uint32_t from, n = word_at(d, a->at, &from);
	const char *text = use ? describe_use(a, use) : NULL;
	const WordDoc *w = !use && n ? find_word(arena_strn(&d->arena, d->src.text + from, n))
	                             : NULL;
	Span at = use ? use->at : (Span){ from, from + n };

	if (w)
		text = markdown_page(
			&d->arena, w->usage, w->doc,
			strcmp(w->name, "model")
				? NULL
				: cJSON_GetStringValue(cJSON_GetObjectItem(d->built, "size")));
	if (!text)
		return;
	cJSON *contents = cJSON_CreateObject();
	cJSON_AddStringToObject(contents, "kind", "markdown");
	cJSON_AddStringToObject(contents, "value", text);
	answer->result = cJSON_CreateObject();
	cJSON_AddItemToObject(answer->result, "contents", contents);
	cJSON_AddItemToObject(answer->result, "range", lsp_range(d, at));
}
