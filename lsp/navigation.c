/* Requests that a look at the names and the tree answers: where a name is defined and used,
 * renaming it, the outline of a file, formatting, inlay hints, code lenses for tests. */

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "lsp/server.h"

enum { REFUSED = -32803, INVALID_PARAMS = -32602 };

static void
refuse_request(Reply *answer, const char *why)
{
	answer->code = REFUSED;
	answer->error = why;
}

/* ---- where ---- */

static cJSON *
location(const char *uri, cJSON *range)
{
	cJSON *l = cJSON_CreateObject();

	cJSON_AddStringToObject(l, "uri", uri);
	cJSON_AddItemToObject(l, "range", range);
	return l;
}

/* A place in a module. Line and column are found as in an open document. */
static cJSON *
location_in(Document *d, const Import *m, Span at)
{
	Document as = { .src = m->src };

	find_lines(&as.src, &d->arena, &as.line, &as.nline);
	return location(path_uri(&d->arena, m->src.path), lsp_range(&as, at));
}

void
answer_definition(const Ask *a, Reply *answer)
{
	Document *d = a->doc;
	const NameUse *use = use_at(d, a->at);
	const Binding *b = use ? &d->names->binding[use->binding] : NULL;

	if (!b)
		return;
	if (b->kind != BIND_MODULE) {
		answer->result = location(d->uri, lsp_range(d, b->at));
		return;
	}
	Import *m = module_of(d, b->stmt, a->server->host->stdlib);
	const Binding *member = use->member ? module_name(m, use->member) : NULL;
	if (m && !is_inside(m->src.path) && (member || !use->member))
		answer->result = location_in(d, m, member ? member->at : (Span){ 0, 0 });
}

static bool
same_name(const NameUse *a, const NameUse *b)
{
	return a->binding == b->binding && !a->member == !b->member
	       && (!a->member || !strcmp(a->member, b->member));
}

void
answer_references(const Ask *a, Reply *answer)
{
	Document *d = a->doc;
	const NameUse *use = use_at(d, a->at);
	bool defined = cJSON_IsTrue(
		json_item(json_item(a->params, "context"), "includeDeclaration"));

	if (!use)
		return;
	answer->result = cJSON_CreateArray();
	for (int i = 0; i < d->names->nuse; i++) {
		const NameUse *u = &d->names->use[i];
		bool declares = !u->member && u->at.lo == d->names->binding[u->binding].at.lo;
		if (same_name(use, u) && (defined || !declares))
			cJSON_AddItemToArray(answer->result, location(d->uri, lsp_range(d, u->at)));
	}
}

/* ---- another name ---- */

/* The use whose name can be changed; NULL after a reply that says why not. */
static const NameUse *
renamable(const Ask *a, Reply *answer)
{
	Document *d = a->doc;
	const NameUse *use = use_at(d, a->at);
	const Binding *b = use ? &d->names->binding[use->binding] : NULL;

	if (!use)
		refuse_request(answer, "there is no name of this file here");
	else if (use->member)
		refuse_request(answer,
		               arena_fmt(&d->arena, "'%s' is a name of another file", use->member));
	else if (b->kind == BIND_MODULE && !b->stmt->kid[1])
		refuse_request(answer,
		               arena_fmt(&d->arena,
		                         "write 'use %s as …' to give the module another name",
		                         b->stmt->kid[0]->kind == N_NAME ? b->name : "\"…\""));
	else
		return use;
	return NULL;
}

void
answer_prepare_rename(const Ask *a, Reply *answer)
{
	const NameUse *use = renamable(a, answer);

	if (use)
		answer->result = lsp_range(a->doc, use->at);
}

static bool
is_name(const char *s)
{
	if (!s || !(isalpha((unsigned char)*s) || *s == '_'))
		return false;
	while (isalnum((unsigned char)*s) || *s == '_')
		s++;
	return !*s;
}

/* The text with the name replaced at every use. The uses are not in the order of the text, so their
 * places are marked first. */
static char *
renamed(const Document *d, const NameUse *use, const char *name)
{
	bool *starts = guarded_malloc(d->n + 1);
	size_t old = use->at.hi - use->at.lo, len = strlen(name), n = 0;
	int count = 0;

	for (int i = 0; i < d->names->nuse; i++)
		if (same_name(use, &d->names->use[i])) {
			starts[d->names->use[i].at.lo - d->shift] = true;
			count++;
		}
	char *text = guarded_malloc(d->n + (size_t)count * len + 1);
	for (size_t i = 0; i < d->n;) {
		if (starts[i]) {
			memcpy(text + n, name, len);
			n += len;
			i += old;
		} else {
			text[n++] = d->text[i++];
		}
	}
	guarded_free(starts);
	return text;
}

/* Does every name refer to what it did, and is there no new error? */
static bool
means_the_same(const Document *before, const Document *after)
{
	const NameTable *a = before->names, *b = after->names;

	if (a->nuse != b->nuse || before->diags.nerror < after->diags.nerror)
		return false;
	for (int i = 0; i < a->nuse; i++)
		if (!same_name(&a->use[i], &b->use[i]))
			return false;
	return true;
}

void
answer_rename(const Ask *a, Reply *answer)
{
	Document *d = a->doc;
	const NameUse *use = renamable(a, answer);
	const char *name = cJSON_GetStringValue(json_item(a->params, "newName"));

	if (!use)
		return;
	if (!is_name(name)) {
		refuse_request(answer, "a name is a letter or _, then letters, digits and _");
		return;
	}
	char *text = renamed(d, use, name);
	Document *trial = document_new(d->uri);
	document_set(trial, text);
	document_read(trial, a->server->host->stdlib);
	bool same = means_the_same(d, trial);
	const Diag *why = trial->diags.nerror > d->diags.nerror ? trial->diags.first : NULL;
	if (!same)
		refuse_request(answer, arena_fmt(&d->arena, "it cannot be called '%s': %s", name,
		                                 why ? why->msg
		                                     : "another name would mean something else"));
	document_free(trial);
	guarded_free(text);
	if (!same)
		return;

	cJSON *edits = cJSON_CreateArray(), *changes = cJSON_CreateObject();
	for (int i = 0; i < d->names->nuse; i++) {
		if (!same_name(use, &d->names->use[i]))
			continue;
		cJSON *edit = cJSON_CreateObject();
		cJSON_AddItemToObject(edit, "range", lsp_range(d, d->names->use[i].at));
		cJSON_AddStringToObject(edit, "newText", name);
		cJSON_AddItemToArray(edits, edit);
	}
	cJSON_AddItemToObject(changes, d->uri, edits);
	answer->result = cJSON_CreateObject();
	cJSON_AddItemToObject(answer->result, "changes", changes);
}

/* ---- outline ---- */

static cJSON *
symbol(const Document *d, const char *name, int kind, const char *detail, Span all, Span at)
{
	cJSON *s = cJSON_CreateObject();

	cJSON_AddStringToObject(s, "name", name);
	cJSON_AddNumberToObject(s, "kind", kind);
	if (detail)
		cJSON_AddStringToObject(s, "detail", detail);
	cJSON_AddItemToObject(s, "range", lsp_range(d, all));
	cJSON_AddItemToObject(s, "selectionRange", lsp_range(d, at));
	return s;
}

void
answer_symbols(const Ask *a, Reply *answer)
{
	static const int kinds[] = {
		/* as the protocol numbers them */
		[BIND_MODULE] = 2, [BIND_TYPE] = 23, [BIND_ENUM] = 10, [BIND_MEMBER] = 22,
		[BIND_CONST] = 14, [BIND_LET] = 13,  [BIND_FN] = 12,   [BIND_OUTPUT] = 7,
	};
	const Document *d = a->doc;
	cJSON *members = NULL;

	answer->result = cJSON_CreateArray();
	for (int i = 0; i < d->names->nbinding; i++) {
		const Binding *b = &d->names->binding[i];
		if (b->kind > BIND_OUTPUT || b->scope.lo > 0 || b->scope.hi < d->src.len)
			continue;
		cJSON *s = symbol(d, b->name, kinds[b->kind], noted_type(d, &d->src, b->at),
		                  b->kind == BIND_MEMBER ? b->at : b->stmt->span, b->at);
		if (b->kind == BIND_ENUM)
			members = cJSON_AddArrayToObject(s, "children");
		cJSON_AddItemToArray(b->kind == BIND_MEMBER ? members : answer->result, s);
	}
}

/* ---- style ---- */

void
answer_formatting(const Ask *a, Reply *answer)
{
	Document *d = a->doc;
	Source src = { d->path, d->text, (uint32_t)d->n };
	Diags scratch = { .arena = &d->arena, .src = &src };
	size_t n;
	char *text = format(&src, &d->arena, &scratch, &n);

	answer->result = cJSON_CreateArray();
	if (!text || (n == d->n && !memcmp(text, d->text, n)))
		return;
	cJSON *edit = cJSON_CreateObject();
	cJSON_AddItemToObject(edit, "range", whole_range(d));
	cJSON_AddStringToObject(edit, "newText", text);
	cJSON_AddItemToArray(answer->result, edit);
}

/* ---- hints: the types of streams that have no annotation ---- */

void
answer_hints(const Ask *a, Reply *answer)
{
	const Document *d = a->doc;
	uint32_t from = d->shift, to = d->src.len;
	const cJSON *range = json_item(a->params, "range");

	offset_at(d, json_item(range, "start"), &from);
	offset_at(d, json_item(range, "end"), &to);
	answer->result = cJSON_CreateArray();
	for (int i = 0; i < d->names->nbinding; i++) {
		const Binding *b = &d->names->binding[i];
		bool bare = (b->kind == BIND_LET && b->stmt->kind == N_LET)
		            || b->kind == BIND_OUTPUT;
		const char *type = bare && !b->stmt->kid[1] && b->at.hi >= from && b->at.lo <= to
		                           ? noted_type(d, &d->src, b->at)
		                           : NULL;
		if (!type)
			continue;
		cJSON *hint = cJSON_CreateObject();
		cJSON_AddItemToObject(hint, "position", position_at(d, b->at.hi));
		cJSON_AddStringToObject(hint, "label", arena_fmt(&a->doc->arena, ": %s", type));
		cJSON_AddNumberToObject(hint, "kind", 1);
		cJSON_AddItemToArray(answer->result, hint);
	}
}

/* ---- tests ---- */

static void
add_lens(const Ask *a, cJSON *list, Span at)
{
	const Document *d = a->doc;
	cJSON *lens = cJSON_CreateObject(), *command = cJSON_CreateObject();

	cJSON_AddItemToObject(lens, "range", lsp_range(d, at));
	cJSON_AddStringToObject(command, "title", "run test");
	cJSON_AddStringToObject(command, "command", "tw.test");
	cJSON *args = cJSON_AddArrayToObject(command, "arguments");
	cJSON_AddItemToArray(args, cJSON_CreateString(d->uri));
	cJSON_AddItemToArray(args, cJSON_CreateNumber(lsp_line(d, at.lo) + 1));
	cJSON_AddItemToObject(lens, "command", command);
	cJSON_AddItemToArray(list, lens);
}

void
answer_lenses(const Ask *a, Reply *answer)
{
	const Document *d = a->doc;
	static const char example[] = "# example: ";

	answer->result = cJSON_CreateArray();
	for (int i = 0; i < d->tree->root->n; i++)
		if (d->tree->root->kid[i]->kind == N_TEST)
			add_lens(a, answer->result, d->tree->root->kid[i]->span);
	for (int i = 0; d->shift && i < d->tree->ncomment; i++)
		if (!strncmp(d->src.text + d->tree->comment[i].lo, example, sizeof example - 1))
			add_lens(a, answer->result, d->tree->comment[i]);
}

void
answer_command(const Ask *a, Reply *answer)
{
	const char *command = cJSON_GetStringValue(json_item(a->params, "command"));
	const cJSON *args = json_item(a->params, "arguments"), *line = cJSON_GetArrayItem(args, 1);
	Document *d = find_document(a->server, cJSON_GetStringValue(cJSON_GetArrayItem(args, 0)));

	if (!command || strcmp(command, "tw.test") || !d) {
		answer->code = INVALID_PARAMS;
		answer->error = "the command is tw.test, its arguments an open document and a line";
		return;
	}
	job_test(a->server, d, cJSON_IsNumber(line) ? line->valueint : 0, a->id);
	answer->later = true;
}
