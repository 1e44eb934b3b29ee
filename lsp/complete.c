/* Completion: what could be written at a place. After a dot, the names of a module or the members
 * of an enum; elsewhere the names in scope, the words of the language, and the library's modules.
 *
 * The text is seldom complete while it is being written. It is parsed with a name put in at the
 * place, so that `let x = digits.` is a statement. */

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "lsp/server.h"

enum { /* kinds of items, as the protocol numbers them */
       FUNCTION = 3,
       FIELD = 5,
       VARIABLE = 6,
       CLASS = 7,
       MODULE = 9,
       ENUM = 13,
       KEYWORD = 14,
       MEMBER = 20,
       CONSTANT = 21,
};

typedef struct Offer {
	Document *doc; /* up to date */
	const char *stdlib;
	Source src; /* the text, with a name at the place */
	Tree *tree;
	NameTable *names;
	uint32_t at;
	cJSON *items;
} Offer;

static cJSON *
offer_item(Offer *o, const char *name, int kind, const char *detail, const char *doc)
{
	cJSON *item = cJSON_CreateObject();

	cJSON_AddStringToObject(item, "label", name);
	cJSON_AddNumberToObject(item, "kind", kind);
	if (detail)
		cJSON_AddStringToObject(item, "detail", detail);
	if (doc) {
		cJSON *d = cJSON_AddObjectToObject(item, "documentation");
		cJSON_AddStringToObject(d, "kind", "markdown");
		cJSON_AddStringToObject(d, "value", doc);
	}
	cJSON_AddItemToArray(o->items, item);
	return item;
}

static int
completion_kind(const Binding *b)
{
	switch (b->kind) {
	case BIND_MODULE: return MODULE;
	case BIND_TYPE: return CLASS;
	case BIND_ENUM: return ENUM;
	case BIND_MEMBER: return MEMBER;
	case BIND_CONST: return CONSTANT;
	case BIND_FN: return FUNCTION;
	default: return VARIABLE;
	}
}

/* "(d, const n) -> int 0..9" */
static const char *
parameters(Arena *arena, const Source *src, const Ast *fn)
{
	uint32_t lo = fn->kid[0]->span.hi, hi = fn->kid[3]->span.lo;

	while (hi > lo && strchr(" \t\r\n={", src->text[hi - 1]))
		hi--;
	return arena_strn(arena, src->text + lo, hi - lo);
}

static void
offer_binding(Offer *o, const Source *src, const Tree *tree, const Binding *b)
{
	Arena *arena = &o->doc->arena;
	const char *detail = NULL, *doc = NULL;

	if (b->kind == BIND_FN)
		detail = parameters(arena, src, b->stmt);
	else if (src == &o->src)
		/* the notes are of the text without the name, so places differ; names do not */
		for (int i = 0; !detail && i < o->doc->notes.n; i++) {
			const Note *n = &o->doc->notes.note[i];
			if (n->src == &o->doc->src && n->at.hi - n->at.lo == strlen(b->name)
			    && !strncmp(o->doc->src.text + n->at.lo, b->name, strlen(b->name)))
				detail = n->type;
		}
	else
		detail = noted_type(o->doc, src, b->at);
	if (b->kind <= BIND_FN && b->kind != BIND_MEMBER && b->kind != BIND_MODULE)
		doc = comment_of(arena, src, tree, b->stmt->span);
	offer_item(o, b->name, completion_kind(b), detail, doc);
}

/* ---- after a dot ---- */

static void
offer_members(Offer *o, const char *name)
{
	const NameTable *t = o->names;

	for (int i = 0; i < t->nbinding; i++) {
		const Binding *b = &t->binding[i];
		if (strcmp(b->name, name))
			continue;
		Import *m = b->kind == BIND_MODULE ? module_of(o->doc, b->stmt, o->stdlib) : NULL;
		for (int k = 0; m && k < m->names->nbinding; k++)
			if (module_name(m, m->names->binding[k].name) == &m->names->binding[k]
			    && m->names->binding[k].name[0] != '_')
				offer_binding(o, &m->src, m->tree, &m->names->binding[k]);
		for (int k = 0; b->kind == BIND_ENUM && k < t->nbinding; k++)
			if (t->binding[k].owner == i)
				offer_binding(o, &o->src, o->tree, &t->binding[k]);
	}
}

/* ---- elsewhere ---- */

static void
offer_scope(Offer *o)
{
	for (int i = 0; i < o->names->nbinding; i++) {
		const Binding *b = &o->names->binding[i];
		bool local = b->kind == BIND_PARAM || b->kind == BIND_LOCAL || b->scope.lo > 0
		             || b->scope.hi < o->src.len;
		if (b->kind == BIND_MEMBER || b->kind == BIND_OUTPUT)
			continue;
		/* defined above its use */
		if (local ? b->scope.lo <= o->at && o->at <= b->scope.hi : b->stmt->span.hi < o->at)
			offer_binding(o, &o->src, o->tree, b);
	}
}

static void
offer_words(Offer *o)
{
	for (const WordDoc *w = words; w->name; w++) {
		bool function = strchr(w->usage, '(')
		                && !strncmp(w->usage, w->name, strlen(w->name))
		                && w->usage[strlen(w->name)] == '(';
		offer_item(o, w->name, function ? FUNCTION : KEYWORD, w->usage, w->doc);
	}
}

static int
compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The library's modules. Outside of a `use` statement, choosing one adds that statement too. */
static void
offer_modules(Offer *o, bool in_use)
{
	const char **name = library_modules(&o->doc->arena, o->stdlib);
	int n = 0;

	while (name[n])
		n++;
	qsort(name, (size_t)n, sizeof *name, compare_names);
	for (int i = 0; i < n; i++) {
		bool used = false;
		for (int k = 0; k < o->names->nbinding; k++)
			used |= o->names->binding[k].kind == BIND_MODULE
			        && !strcmp(o->names->binding[k].name, name[i]);
		if (used)
			continue;
		const char *use = arena_fmt(&o->doc->arena, "use %s", name[i]);
		cJSON *item = offer_item(o, name[i], MODULE, in_use ? NULL : use, NULL);
		if (in_use)
			continue;
		uint32_t first = o->tree->root->n ? o->tree->root->kid[0]->span.lo : o->doc->shift;
		if (first < o->doc->shift && o->tree->root->n > 1)
			first = o->tree->root->kid[1]->span.lo;
		first = first < o->doc->shift || first > o->doc->src.len ? o->doc->shift : first;
		cJSON *edits = cJSON_AddArrayToObject(item, "additionalTextEdits"),
		      *edit = cJSON_CreateObject();
		cJSON_AddItemToObject(edit, "range", lsp_range(o->doc, (Span){ first, first }));
		cJSON_AddStringToObject(edit, "newText", arena_fmt(&o->doc->arena, "%s\n", use));
		cJSON_AddItemToArray(edits, edit);
	}
}

/* ---- */

/* Parses the text with a name put in at the place, if there is none. */
static void
read_with_name(Offer *o)
{
	Document *d = o->doc;
	Arena *arena = &d->arena;
	Diags scratch = { .arena = arena, .src = &o->src };
	char before = o->at > d->shift ? d->src.text[o->at - 1] : ' ';
	bool named = isalnum((unsigned char)before) || before == '_';

	o->src = d->src;
	if (!named) {
		char *text = arena_alloc(arena, d->src.len + 3);
		memcpy(text, d->src.text, o->at);
		text[o->at] = '_';
		memcpy(text + o->at + 1, d->src.text + o->at, d->src.len - o->at);
		o->src.text = text;
		o->src.len++;
	}
	o->tree = parse(&o->src, arena, &scratch);
	if (!o->tree)
		arena_fail();
	o->names = resolve(o->tree, arena);
}

void
answer_completion(const Ask *a, Reply *answer)
{
	Document *d = a->doc;
	Offer o = { .doc = d, .stdlib = a->server->host->stdlib, .at = a->at };
	uint32_t from = a->at, of;

	o.items = cJSON_CreateArray();
	answer->result = o.items;
	while (from > d->shift
	       && (isalnum((unsigned char)d->src.text[from - 1]) || d->src.text[from - 1] == '_'))
		from--;
	if (!in_code(d, from))
		return;
	read_with_name(&o);
	if (from > d->shift && d->src.text[from - 1] == '.') {
		uint32_t n = word_at(d, from - 1, &of);
		offer_members(&o, arena_strn(&d->arena, d->src.text + of, n));
		return;
	}
	bool in_use = from >= d->shift + 4 && !strncmp(d->src.text + from - 4, "use ", 4);
	if (!in_use) {
		offer_scope(&o);
		offer_words(&o);
	}
	offer_modules(&o, in_use);
}
