/* The tw.* properties that go with the weights, as JSON: what runtime/metadata.c reads. */

#include "backend/file/write.h"
#include "runtime/onnx_graph.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

static const char *
kind_name(TwKind k)
{
	return k == TW_INT ? "int" : k == TW_BOOL ? "bool" : k == TW_REAL ? "real" : "token";
}

static cJSON *
vocab_json(const TwModel *m)
{
	return !m->nvocab ? cJSON_CreateArray()
	                  : cJSON_CreateStringArray((const char *const *)m->vocab, m->nvocab);
}

/* How many rows each field has. */
static cJSON *
fields_json(const TwModel *m)
{
	cJSON *list = cJSON_CreateArray();

	for (int i = 0; i < m->nfield; i++)
		cJSON_AddItemToArray(list, cJSON_CreateNumber(m->first[i + 1] - m->first[i]));
	return list;
}

static cJSON *
special_json(const TwModel *m)
{
	cJSON *j = cJSON_CreateObject();

	cJSON_AddNumberToObject(j, "end", m->nvocab);
	cJSON_AddNumberToObject(j, "bos", m->nvocab + 1);
	return j;
}

static cJSON *
inputs_json(const TwModel *m)
{
	cJSON *list = cJSON_CreateArray();

	for (int i = 0; i < m->ninput; i++) {
		cJSON *j = cJSON_CreateObject();
		cJSON_AddStringToObject(j, "name", m->input[i].name);
		cJSON_AddStringToObject(j, "kind", kind_name(m->input[i].kind));
		cJSON_AddNumberToObject(j, "low", (double)m->input[i].low);
		cJSON_AddNumberToObject(j, "high", (double)m->input[i].high);
		cJSON_AddItemToArray(list, j);
	}
	return list;
}

static cJSON *
layers_json(const TwModel *m)
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
add_members_json(cJSON *j, const TwMembers *m)
{
	if (m->n)
		cJSON_AddItemToObject(j, "members",
		                      cJSON_CreateStringArray((const char *const *)m->name, m->n));
}

static cJSON *
labels_json(const TwModel *m)
{
	cJSON *list = cJSON_CreateArray();

	for (int i = 0; i < m->nlabel; i++) {
		cJSON *j = cJSON_CreateObject();
		cJSON_AddStringToObject(j, "name", m->label[i].name);
		cJSON_AddStringToObject(j, "kind", kind_name(m->label[i].kind));
		cJSON_AddNumberToObject(j, "columns", m->label[i].columns);
		if (m->label[i].kind == TW_REAL)
			cJSON_AddNumberToObject(j, "error", (double)m->label[i].error);
		add_members_json(j, &m->label[i].members);
		cJSON_AddItemToArray(list, j);
	}
	return list;
}

static cJSON *
named_json(const TwNamed *v)
{
	cJSON *j = cJSON_CreateObject();

	cJSON_AddStringToObject(j, "name", v->name);
	cJSON_AddNumberToObject(j, "line", v->line);
	cJSON_AddStringToObject(j, "kind", kind_name(v->kind));
	add_members_json(j, &v->members);
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
residual_json(const TwModel *m)
{
	cJSON *list = cJSON_CreateArray();

	for (int i = 0; i < m->nnamed; i++)
		cJSON_AddItemToArray(list, named_json(&m->named[i]));
	return list;
}

static void
add_prop(Arena *a, Prop *list, int *n, const char *key, cJSON *value)
{
	char *s = cJSON_PrintUnformatted(value);

	list[(*n)++] = (Prop){ key, s ? arena_strn(a, s, strlen(s)) : NULL };
	free(s);
	cJSON_Delete(value);
}

static cJSON *
raw_json(const char *json)
{
	return cJSON_CreateRaw(json && *json ? json : "null");
}

int
model_props(Arena *a, const TwModel *m, Prop **list)
{
	int n = 0;

	*list = arena_alloc(a, 16 * sizeof **list);
	add_prop(a, *list, &n, "tw.version", cJSON_CreateNumber(TW_FORMAT));
	add_prop(a, *list, &n, "tw.name", cJSON_CreateString(m->name));
	if (m->ninput)
		add_prop(a, *list, &n, "tw.inputs", inputs_json(m));
	add_prop(a, *list, &n, "tw.vocab", vocab_json(m));
	if (m->record)
		add_prop(a, *list, &n, "tw.fields", fields_json(m));
	add_prop(a, *list, &n, "tw.special", special_json(m));
	add_prop(a, *list, &n, "tw.context", cJSON_CreateNumber(m->context));
	add_prop(a, *list, &n, "tw.attention",
	         cJSON_CreateString(m->bidirectional ? "bidirectional" : "causal"));
	add_prop(a, *list, &n, "tw.layers", layers_json(m));
	add_prop(a, *list, &n, "tw.labels", labels_json(m));
	add_prop(a, *list, &n, "tw.residual", residual_json(m));
	add_prop(a, *list, &n, "tw.source", raw_json(m->source));
	add_prop(a, *list, &n, "tw.certificate", raw_json(m->certificate));
	return n;
}
