/* Writing .safetensors: the header as JSON, spaces up to a multiple of 8, the
 * weights one after another; and the config.json that says what they make up. */

#include "backend/file/write.h"
#include "runtime/onnx_graph.h"

#include <cjson/cJSON.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static size_t
weight_bytes(const TwWeight *w)
{
	return (size_t)tw_elements(w->ndim, w->dim) * sizeof(float);
}

static cJSON *
numbers_json(int n, const int64_t *value)
{
	cJSON *list = cJSON_CreateArray();

	for (int i = 0; i < n; i++)
		cJSON_AddItemToArray(list, cJSON_CreateNumber((double)value[i]));
	return list;
}

static cJSON *
metadata_json(Arena *a, const TwModel *m)
{
	cJSON *j = cJSON_CreateObject();
	Prop *prop;
	int n = model_props(a, m, &prop);

	cJSON_AddStringToObject(j, "format", "tw");
	for (int i = 0; i < n; i++)
		cJSON_AddStringToObject(j, prop[i].key, prop[i].json);
	return j;
}

static char *
header_json(Arena *a, const TwModel *m, const TwWeight *w, int n)
{
	cJSON *j = cJSON_CreateObject();
	int64_t at = 0;

	cJSON_AddItemToObject(j, "__metadata__", metadata_json(a, m));
	for (int i = 0; i < n; i++) {
		cJSON *t = cJSON_AddObjectToObject(j, w[i].name);
		int64_t end = at + (int64_t)weight_bytes(&w[i]);
		cJSON_AddStringToObject(t, "dtype", "F32");
		cJSON_AddItemToObject(t, "shape", numbers_json(w[i].ndim, w[i].dim));
		cJSON_AddItemToObject(t, "data_offsets", numbers_json(2, (int64_t[]){ at, end }));
		at = end;
	}
	char *s = cJSON_PrintUnformatted(j);
	cJSON_Delete(j);
	return s;
}

/* `text` is as long as size says, less the spaces that fill it up. */
static unsigned char *
join_weights(const char *text, uint64_t size, const TwWeight *w, int nweight, size_t *n)
{
	*n = sizeof size + size;
	for (int i = 0; i < nweight; i++)
		*n += weight_bytes(&w[i]);
	unsigned char *bytes = malloc(*n), *at = bytes + sizeof size + size;
	if (!bytes)
		return NULL;
	memcpy(bytes, &size, sizeof size);
	memset(bytes + sizeof size, ' ', size);
	memcpy(bytes + sizeof size, text, strlen(text));
	for (int i = 0; i < nweight; i++) {
		memcpy(at, *w[i].data, weight_bytes(&w[i]));
		at += weight_bytes(&w[i]);
	}
	return bytes;
}

unsigned char *
safetensors_bytes(Arena *a, const TwModel *m, size_t *n)
{
	TwPool pool = { 0 };
	TwWeight *w;
	int nweight = tw_weights(&pool, (TwModel *)m, &w);
	char *text = header_json(a, m, w, nweight);
	unsigned char *bytes = text ? join_weights(text, (strlen(text) + 7) / 8 * 8, w, nweight, n)
	                            : NULL;

	free(text);
	tw_pool_free(&pool);
	return bytes;
}

char *
safetensors_config(Arena *a, const TwModel *m)
{
	cJSON *j = cJSON_CreateObject();
	Prop *prop;
	int n = model_props(a, m, &prop);

	cJSON_AddStringToObject(j, "model_type", "tw");
	cJSON_AddNumberToObject(j, "vocab_size", m->nvocab + 2);
	cJSON_AddNumberToObject(j, "hidden_size", m->d_model);
	cJSON_AddNumberToObject(j, "num_hidden_layers", m->nlayer);
	cJSON_AddNumberToObject(j, "max_position_embeddings", m->context + 1);
	cJSON_AddNumberToObject(j, "bos_token_id", m->nvocab + 1);
	cJSON_AddNumberToObject(j, "eos_token_id", m->nvocab);
	cJSON_AddBoolToObject(j, "is_decoder", !m->bidirectional);
	cJSON_AddStringToObject(j, "hidden_act", "relu");
	cJSON_AddStringToObject(j, "torch_dtype", "float32");
	for (int i = 0; i < n; i++)
		if (!strcmp(prop[i].key, "tw.layers"))
			cJSON_AddRawToObject(j, "layers", prop[i].json);
	char *s = cJSON_Print(j);
	cJSON_Delete(j);
	return s;
}
