/* The tw.* properties that go with the weights, as JSON: what runtime/metadata.c reads. */

#include "backend/file/write.h"
#include "runtime/onnx_graph.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

static const char *
kind(TwKind k)
{
	return k == TW_INT ? "int" : k == TW_BOOL ? "bool" : k == TW_REAL ? "real" : "token";
}

static cJSON *
vocab(const TwModel *m)
{
	return !m->nvocab ? cJSON_CreateArray()
	                  : cJSON_CreateStringArray((const char *const *)m->vocab, m->nvocab);
}

/* How many rows each field has. */
static cJSON *
fields(const TwModel *m)
{
	cJSON *list = cJSON_CreateArray();

	for (int i = 0; i < m->nfield; i++)
		cJSON_AddItemToArray(list, cJSON_CreateNumber(m->first[i + 1] - m->first[i]));
	return list;
}

static cJSON *
special(const TwModel *m)
{
	cJSON *j = cJSON_CreateObject();

	cJSON_AddNumberToObject(j, "end", m->nvocab);
	cJSON_AddNumberToObject(j, "bos", m->nvocab + 1);
	return j;
}

static cJSON *
inputs(const TwModel *m)
{
	cJSON *list = cJSON_CreateArray();

	for (int i = 0; i < m->ninput; i++) {
		cJSON *j = cJSON_CreateObject();
		cJSON_AddStringToObject(j, "name", m->input[i].name);
		cJSON_AddStringToObject(j, "kind", kind(m->input[i].kind));
		cJSON_AddNumberToObject(j, "low", (double)m->input[i].low);
		cJSON_AddNumberToObject(j, "high", (double)m->input[i].high);
		cJSON_AddItemToArray(list, j);
	}
	return list;
}

static cJSON *
layers(const TwModel *m)
{
	cJSON *list = cJSON_CreateArray();

	for (int n = 0; n < m->nlayer; n++) {
		const TwLayer *l = &m->layer[n];
		cJSON *j = cJSON_CreateObject();
		cJSON_AddNumberToObject(j, "heads", l->heads);
		cJSON_AddNumberToObject(j, "key_size", l->dk);
		cJSON_AddNumberToObject(j, "value_size", l->dv);
		cJSON_AddNumberToObject(j, "neurons", l->neurons);
		cJSON_AddItemToArray(list, j);
	}
	return list;
}

static void
add_members(cJSON *j, const TwMembers *m)
{
	if (m->n)
		cJSON_AddItemToObject(j, "members",
		                      cJSON_CreateStringArray((const char *const *)m->name, m->n));
}

static cJSON *
labels(const TwModel *m)
{
	cJSON *list = cJSON_CreateArray();

	for (int i = 0; i < m->nlabel; i++) {
		cJSON *j = cJSON_CreateObject();
		cJSON_AddStringToObject(j, "name", m->label[i].name);
		cJSON_AddStringToObject(j, "kind", kind(m->label[i].kind));
		cJSON_AddNumberToObject(j, "columns", m->label[i].columns);
		if (m->label[i].kind == TW_REAL)
			cJSON_AddNumberToObject(j, "error", (double)m->label[i].error);
		add_members(j, &m->label[i].members);
		cJSON_AddItemToArray(list, j);
	}
	return list;
}

static cJSON *
named(const TwNamed *v)
{
	cJSON *j = cJSON_CreateObject();

	cJSON_AddStringToObject(j, "name", v->name);
	cJSON_AddNumberToObject(j, "line", v->line);
	cJSON_AddStringToObject(j, "kind", kind(v->kind));
	add_members(j, &v->members);
	cJSON_AddBoolToObject(j, "reference", v->reference);
	cJSON_AddBoolToObject(j, "folded", v->folded);
	if (v->folded)
		return j;
	cJSON_AddNumberToObject(j, "state", v->state);
	cJSON_AddItemToObject(j, "columns", cJSON_CreateIntArray(v->column, v->ncolumn));
	cJSON_AddItemToObject(j, "weights", cJSON_CreateFloatArray(v->weight, v->ncolumn));
	cJSON_AddNumberToObject(j, "bias", v->bias);
	return j;
}

static cJSON *
residual(const TwModel *m)
{
	cJSON *list = cJSON_CreateArray();

	for (int i = 0; i < m->nnamed; i++)
		cJSON_AddItemToArray(list, named(&m->named[i]));
	return list;
}

static void
add(Arena *a, Prop *list, int *n, const char *key, cJSON *value)
{
	char *s = cJSON_PrintUnformatted(value);

	list[(*n)++] = (Prop){ key, s ? arena_strn(a, s, strlen(s)) : NULL };
	free(s);
	cJSON_Delete(value);
}

static cJSON *
raw(const char *json)
{
	return cJSON_CreateRaw(json && *json ? json : "null");
}

int
model_props(Arena *a, const TwModel *m, Prop **list)
{
	int n = 0;

	*list = arena_alloc(a, 16 * sizeof **list);
	add(a, *list, &n, "tw.version", cJSON_CreateNumber(TW_FORMAT));
	add(a, *list, &n, "tw.name", cJSON_CreateString(m->name));
	if (m->ninput)
		add(a, *list, &n, "tw.inputs", inputs(m));
	add(a, *list, &n, "tw.vocab", vocab(m));
	if (m->record)
		add(a, *list, &n, "tw.fields", fields(m));
	add(a, *list, &n, "tw.special", special(m));
	add(a, *list, &n, "tw.context", cJSON_CreateNumber(m->context));
	add(a, *list, &n, "tw.attention",
	    cJSON_CreateString(m->bidirectional ? "bidirectional" : "causal"));
	add(a, *list, &n, "tw.layers", layers(m));
	add(a, *list, &n, "tw.labels", labels(m));
	add(a, *list, &n, "tw.residual", residual(m));
	add(a, *list, &n, "tw.source", raw(m->source));
	add(a, *list, &n, "tw.certificate", raw(m->certificate));
	return n;
}
