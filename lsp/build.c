/* What compiling a document finds: the mistakes of the last stages, or where each named value
 * stands and what it costs. It is JSON, since it comes from a process of its own
 * (background_jobs.c), or from another worker of a page. */

#include <stdio.h>

#include "lsp/server.h"

static cJSON *
found_at(Span at, const char *text, bool warning)
{
	cJSON *o = cJSON_CreateObject();

	cJSON_AddNumberToObject(o, "lo", at.lo);
	cJSON_AddNumberToObject(o, "hi", at.hi);
	cJSON_AddStringToObject(o, "message", text);
	cJSON_AddBoolToObject(o, "warning", warning);
	return o;
}

/* {"lo": …, "hi": …, "message": …, "warning": …} of the mistakes that are no warnings: those the
 * frontend has found, and they are shown already. */
static cJSON *
errors_of(Document *d)
{
	cJSON *list = cJSON_CreateArray();
	Span at;

	for (const Diag *e = d->diags.first; e; e = e->next) {
		const char *text = e->warning ? NULL : diagnostic_text(d, e, &at);
		if (text)
			cJSON_AddItemToArray(list, found_at(at, text, false));
	}
	return list;
}

static int
sum_over_layers(const int *v, int n)
{
	int sum = 0;

	for (int i = 0; i < n; i++)
		sum += v[i];
	return sum;
}

cJSON *
build_sizes(const TwModel *m, Report *r)
{
	cJSON *o = cJSON_CreateObject();
	cJSON *named = cJSON_AddArrayToObject(o, "named");
	char size[200];
	Explained e;

	for (int i = 0; i < m->nnamed; i++) {
		cJSON *v = cJSON_CreateObject();
		cJSON_AddStringToObject(v, "name", m->named[i].name);
		cJSON_AddNumberToObject(v, "state", m->named[i].folded ? -1 : m->named[i].state);
		cJSON_AddNumberToObject(v, "columns", m->named[i].ncolumn);
		explain_named(r, i, &e);
		cJSON_AddNumberToObject(v, "heads", e.heads);
		cJSON_AddNumberToObject(v, "neurons", e.neurons);
		cJSON_AddItemToArray(named, v);
	}
	snprintf(size, sizeof size, "%d layers, d_model %d, %d heads, %d neurons", r->layers,
	         r->d_model, sum_over_layers(r->heads, r->layers),
	         sum_over_layers(r->neurons, r->layers));
	cJSON_AddStringToObject(o, "size", size);
	return o;
}

cJSON *
build_document(Document *d)
{
	Report report = { 0 };
	TwModel *model = NULL;

	run_passes(d->graph, &d->diags, NULL, NULL);
	if (!d->diags.nerror)
		model = compile_graph(d->graph, &d->arena, &d->diags, &report);
	if (model && !d->diags.nerror)
		return build_sizes(model, &report);
	cJSON *o = cJSON_CreateObject();
	if (d->diags.nerror)
		cJSON_AddItemToObject(o, "errors", errors_of(d));
	return o;
}

cJSON *
build_warning(const Document *d, const char *text)
{
	cJSON *o = cJSON_CreateObject();
	Span first = { d->shift, d->shift };

	cJSON_AddItemToArray(cJSON_AddArrayToObject(o, "errors"), found_at(first, text, true));
	return o;
}

void
take_build(Server *s, Document *d, cJSON *built)
{
	cJSON_Delete(d->built);
	d->built = built;
	if (cJSON_GetObjectItem(built, "errors"))
		publish_diagnostics(s, d);
}
