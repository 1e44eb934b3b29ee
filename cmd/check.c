/* twc check: what is wrong with files, without writing or running anything. */

#include "cmd/cmd.h"

#include <cjson/cJSON.h>
#include <stdio.h>

static void
add_line_and_column(cJSON *to, const Source *src, Span span)
{
	cJSON_AddStringToObject(to, "file", src->path);
	cJSON_AddNumberToObject(to, "line", source_line(src, span.lo));
	cJSON_AddNumberToObject(to, "column", source_column(src, span.lo));
	cJSON_AddNumberToObject(to, "end_line", source_line(src, span.hi));
	cJSON_AddNumberToObject(to, "end_column", source_column(src, span.hi));
}

static cJSON *
diag_json(const Diag *d)
{
	cJSON *o = cJSON_CreateObject();

	add_line_and_column(o, d->src, d->span);
	cJSON_AddStringToObject(o, "severity", d->warning ? "warning" : "error");
	cJSON_AddStringToObject(o, "message", d->msg);
	cJSON *notes = cJSON_AddArrayToObject(o, "notes");
	for (const DiagNote *n = d->notes; n; n = n->next) {
		cJSON *note = cJSON_CreateObject();
		add_line_and_column(note, n->src, n->span);
		cJSON_AddStringToObject(note, "message", n->text);
		cJSON_AddItemToArray(notes, note);
	}
	return o;
}

/* Compiles one file; what was found goes to standard error, or into the list if there is one. */
static bool
check_file(const char *path, const Options *o, cJSON *list)
{
	Program p = { .quiet = list != NULL };
	size_t n;
	char *text = read_file(&p.arena, path, &n);
	bool library, sound = text && program_open_file_text(&p, path, text, n, o, &library)
	                      && program_compile(&p);

	for (const Diag *d = list ? p.diags.first : NULL; d; d = d->next)
		if (is_shown(&p.diags, d))
			cJSON_AddItemToArray(list, diag_json(d));
	program_close(&p);
	return sound;
}

int
cmd_check(const Options *o)
{
	cJSON *list = o->json ? cJSON_CreateArray() : NULL;
	bool sound = true;

	for (int i = 0; i < o->nargs; i++)
		sound &= check_file(o->args[i], o, list);
	if (list) {
		char *text = cJSON_Print(list);
		puts(text);
		cJSON_free(text);
		cJSON_Delete(list);
	}
	return sound ? 0 : 2;
}
