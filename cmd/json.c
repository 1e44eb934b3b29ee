/* Reports, explanations, mistakes and tests as JSON (lang/json.md has each object's shape). What a
 * model does with a text is in trace_json.c, which knows nothing of the compiler. */

#include "cmd/json.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "lang/text.h"

void
print_json(cJSON *o)
{
	char *text = cJSON_Print(o);

	puts(text);
	cJSON_free(text);
	cJSON_Delete(o);
}

static void
add_source_range(cJSON *to, const Source *src, Span span)
{
	cJSON_AddStringToObject(to, "file", src->path);
	cJSON_AddNumberToObject(to, "line", source_line(src, span.lo));
	cJSON_AddNumberToObject(to, "column", source_column(src, span.lo));
	cJSON_AddNumberToObject(to, "end_line", source_line(src, span.hi));
	cJSON_AddNumberToObject(to, "end_column", source_column(src, span.hi));
}

/* A list of none too, whatever stands for it. */
static cJSON *
json_ints(const int *v, int n)
{
	return n ? cJSON_CreateIntArray(v, n) : cJSON_CreateArray();
}

/* ---- mistakes ---- */

static cJSON *
json_diag(const Diag *d)
{
	cJSON *o = cJSON_CreateObject();

	add_source_range(o, d->src, d->span);
	cJSON_AddStringToObject(o, "severity", d->warning ? "warning" : "error");
	cJSON_AddStringToObject(o, "message", d->msg);
	cJSON *notes = cJSON_AddArrayToObject(o, "notes");
	for (const DiagNote *n = d->notes; n; n = n->next) {
		cJSON *note = cJSON_CreateObject();
		add_source_range(note, n->src, n->span);
		cJSON_AddStringToObject(note, "message", n->text);
		cJSON_AddItemToArray(notes, note);
	}
	return o;
}

cJSON *
json_diags(const Diags *diags)
{
	cJSON *list = cJSON_CreateArray();

	for (const Diag *d = diags->first; d; d = d->next)
		if (is_shown(diags, d))
			cJSON_AddItemToArray(list, json_diag(d));
	return list;
}

/* ---- size ---- */

static cJSON *
json_chain(const Link *chain, int n)
{
	cJSON *list = cJSON_CreateArray();

	for (int i = 0; i < n; i++) {
		const Link *l = &chain[i];
		cJSON *link = cJSON_CreateObject();
		cJSON_AddNumberToObject(link, "layer", l->layer);
		if (l->head >= 0)
			cJSON_AddNumberToObject(link, "head", l->head);
		else
			cJSON_AddNumberToObject(link, "neuron", l->neuron);
		cJSON_AddStringToObject(link, "file", l->file ? l->file : "");
		cJSON_AddNumberToObject(link, "line", l->line);
		cJSON_AddStringToObject(link, "what", l->what ? l->what : "");
		cJSON_AddStringToObject(link, "name", l->name ? l->name : "");
		cJSON_AddItemToArray(list, link);
	}
	return list;
}

cJSON *
json_report(const Program *p, double ms)
{
	const Report *r = &p->report;
	cJSON *o = cJSON_CreateObject();

	cJSON_AddStringToObject(o, "name", p->graph->name ? p->graph->name : "");
	cJSON_AddNumberToObject(o, "layers", r->layers);
	cJSON_AddNumberToObject(o, "layers_without_limits", r->free_layers);
	cJSON_AddNumberToObject(o, "d_model", r->d_model);
	cJSON_AddItemToObject(o, "heads", json_ints(r->heads, r->layers));
	cJSON_AddItemToObject(o, "neurons", json_ints(r->neurons, r->layers));
	cJSON_AddNumberToObject(o, "parameters", (double)r->parameters);
	cJSON_AddNumberToObject(o, "nonzeros", (double)r->nonzeros);
	cJSON_AddNumberToObject(o, "context", r->context);
	cJSON_AddNumberToObject(o, "largest_sum", r->largest_sum);
	cJSON_AddNumberToObject(o, "compile_ms", round(ms * 1000) / 1000);
	cJSON_AddItemToObject(o, "chain", json_chain(r->chain, r->nchain));
	return o;
}

/* ---- named values ---- */

cJSON *
json_named(const Program *p)
{
	static const char *const kind[] = {
		[TW_INT] = "int", [TW_BOOL] = "bool", [TW_TOKEN] = "token", [TW_REAL] = "real"
	};
	cJSON *list = cJSON_CreateArray();

	for (int i = 0; i < p->model->nnamed; i++) {
		const TwNamed *v = &p->model->named[i];
		const Named *meant = &p->graph->named[i];
		cJSON *o = cJSON_CreateObject();
		cJSON_AddStringToObject(o, "name", v->name);
		if (p->graph->files && meant->file < p->graph->nfile)
			add_source_range(o, p->graph->files[meant->file], meant->span);
		cJSON_AddStringToObject(o, "kind", v->reference ? "position" : kind[v->kind]);
		if (v->folded || v->reference)
			cJSON_AddNullToObject(o, "state");
		else
			cJSON_AddNumberToObject(o, "state", v->state);
		cJSON_AddItemToObject(o, "columns", json_ints(v->column, v->ncolumn));
		cJSON_AddItemToObject(o, "weights",
		                      v->ncolumn ? cJSON_CreateFloatArray(v->weight, v->ncolumn)
		                                 : cJSON_CreateArray());
		cJSON_AddNumberToObject(o, "bias", (double)v->bias);
		cJSON_AddItemToArray(list, o);
	}
	return list;
}

cJSON *
json_explained(Program *p, int named)
{
	const Graph *g = p->graph;
	cJSON *o = cJSON_CreateObject();
	Explained e;

	explain_named(&p->report, named, &e);
	cJSON_AddStringToObject(o, "name", g->named[named].name);
	if (e.rule) {
		cJSON *rule = cJSON_AddObjectToObject(o, "made_as");
		cJSON_AddStringToObject(rule, "name", e.rule->name);
		cJSON_AddStringToObject(rule, "doc", e.rule->doc);
	}
	cJSON_AddNumberToObject(o, "heads", e.heads);
	cJSON_AddNumberToObject(o, "neurons", e.neurons);
	cJSON_AddNumberToObject(o, "own_heads", e.own_heads);
	cJSON_AddNumberToObject(o, "own_neurons", e.own_neurons);
	cJSON_AddNumberToObject(o, "own_columns", e.own_columns);
	cJSON *of = cJSON_AddArrayToObject(o, "made_of");
	for (int i = 0; i < e.noperand; i++)
		cJSON_AddItemToArray(of, cJSON_CreateString(g->named[e.operand[i]].name));
	cJSON_AddItemToObject(o, "chain", json_chain(e.chain, e.nchain));
	return o;
}

/* ---- heads and neurons ---- */

/* What stands there, on one line, cut where it is very long. */
static void
add_excerpt(cJSON *to, const Source *src, Span span)
{
	enum { MOST = 240 };
	char s[MOST + 8];
	int n = 0;
	uint32_t hi = span.hi < src->len ? span.hi : src->len, at = span.lo;

	for (; at < hi && n < MOST; at++) {
		char c = src->text[at];
		if (c != ' ' && c != '\n' && c != '\t' && c != '\r')
			s[n++] = c;
		else if (n && s[n - 1] != ' ')
			s[n++] = ' ';
	}
	while (at < hi && n && ((unsigned char)s[n] & 0xc0) == 0x80)
		n--; /* not in the middle of a character */
	snprintf(s + n, sizeof s - (size_t)n, "%s", at < hi ? " …" : "");
	cJSON_AddStringToObject(to, "text", s);
}

/* Where it stands in its file, and the words of the program itself that led there. */
static void
add_source_place(cJSON *to, const Program *p, const SourcePlace *at)
{
	if (!at->src || at->span.hi <= at->span.lo)
		return;
	add_source_range(to, at->src, at->span);
	add_excerpt(to, at->src, at->span);
	if (at->program.hi <= at->program.lo)
		return;
	cJSON *program = cJSON_AddObjectToObject(to, "program");
	add_source_range(program, p->graph->files[0], at->program);
	add_excerpt(program, p->graph->files[0], at->program);
}

cJSON *
json_heads(const Program *p)
{
	cJSON *list = cJSON_CreateArray();
	int n;
	const ExplainedHead *head = explain_heads(&p->report, &n);

	for (int i = 0; i < n; i++) {
		const ExplainedHead *h = &head[i];
		cJSON *o = cJSON_CreateObject();
		cJSON_AddNumberToObject(o, "layer", h->layer);
		cJSON_AddNumberToObject(o, "head", h->index);
		cJSON_AddStringToObject(o, "intent", h->intent);
		cJSON_AddStringToObject(o, "at", h->at);
		cJSON_AddNumberToObject(o, "offset", h->offset);
		cJSON_AddNumberToObject(o, "gap", (double)h->gap);
		cJSON_AddItemToObject(o, "values",
		                      h->nvalue ? cJSON_CreateStringArray(h->value, h->nvalue)
		                                : cJSON_CreateArray());
		add_source_place(o, p, &h->place);
		cJSON_AddItemToArray(list, o);
	}
	return list;
}

cJSON *
json_neurons(const Program *p)
{
	cJSON *list = cJSON_CreateArray();
	int n;
	const NeuronGroup *group = explain_neurons(&p->report, &n);

	for (int i = 0; i < n; i++) {
		cJSON *o = cJSON_CreateObject();
		cJSON_AddNumberToObject(o, "layer", group[i].layer);
		cJSON_AddStringToObject(o, "name", group[i].name);
		cJSON_AddStringToObject(o, "op", op_info[group[i].op].name);
		cJSON_AddItemToObject(o, "neurons", json_ints(group[i].neuron, group[i].n));
		add_source_place(o, p, &group[i].place);
		cJSON *parts = cJSON_AddArrayToObject(o, "parts");
		for (int k = 0; k < group[i].npart; k++) {
			cJSON *part = cJSON_CreateObject();
			add_source_range(part, p->graph->files[0], group[i].part[k]);
			add_excerpt(part, p->graph->files[0], group[i].part[k]);
			cJSON_AddItemToArray(parts, part);
		}
		cJSON_AddItemToArray(list, o);
	}
	return list;
}

/* ---- tests ---- */

static const char *
spell_number_rows(Arena *arena, const double *x, int n, int width)
{
	TextBuilder t = { .arena = arena };

	text_add(&t, "", 0);
	for (int i = 0; i < n * width; i++)
		text_addf(&t, "%s%.9g", !i ? "" : i % width ? " " : "; ", x[i]);
	return t.s;
}

cJSON *
json_tests(Program *p)
{
	const Graph *g = &p->meant;
	cJSON *list = cJSON_CreateArray();

	for (int i = 0; i < g->ntest; i++) {
		const Test *t = &g->test[i];
		const Source *src = g->files ? g->files[t->file] : &p->src;
		cJSON *o = cJSON_CreateObject();
		cJSON_AddNumberToObject(o, "line", source_line(src, t->span.lo));
		cJSON_AddStringToObject(
			o, "prompt",
			t->numbers ? spell_number_rows(&p->arena, t->numbers, t->nprompt, g->ninput)
				   : spell_rows(&p->arena, g, t->prompt, t->nprompt));
		if (t->emits) {
			cJSON_AddStringToObject(o, "answer",
			                        spell_rows(&p->arena, g, t->answer, t->nanswer));
			cJSON_AddBoolToObject(o, "begins", t->begins);
		}
		cJSON_AddItemToArray(list, o);
	}
	return list;
}

cJSON *
json_meant(Program *p, Eval *eval, int n)
{
	cJSON *values = cJSON_CreateArray();

	for (int i = 0; i < p->meant.nnamed; i++) {
		const Named *v = &p->meant.named[i];
		cJSON *list = cJSON_CreateArray();
		for (int at = 0; at < n; at++) {
			Arena scratch = { 0 };
			const char *text = spell_meant(&scratch, &p->meant, v,
			                               eval_at(eval, v->node, at));
			cJSON_AddItemToArray(list, cJSON_CreateString(text));
			arena_free(&scratch);
		}
		cJSON_AddItemToArray(values, list);
	}
	return values;
}
