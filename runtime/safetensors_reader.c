/* Reading .safetensors: eight bytes, the length of a JSON header; the header,
 * {"__metadata__": {…}, NAME: {"dtype", "shape", "data_offsets"}, …}; the numbers,
 * in the header's order and without a gap. */

#include "runtime/json.h"
#include "runtime/load.h"

#include <string.h>

typedef struct SafetensorsReader {
	TwPool pool; /* for the list of contents */
	TwContents contents;
	const cJSON *header;
	const unsigned char *data;
	size_t ndata, used;
	TwModel *m;
	char **error;
} SafetensorsReader;

static bool
data_offset(const cJSON *j, int64_t high, int64_t *out)
{
	if (!cJSON_IsNumber(j) || !(j->valuedouble >= 0 && j->valuedouble <= (double)high))
		return false;
	*out = (int64_t)j->valuedouble;
	return (double)*out == j->valuedouble;
}

static bool
add_metadata(SafetensorsReader *r, const cJSON *meta)
{
	if (!cJSON_IsObject(meta) || r->contents.property)
		return false;
	r->contents.property = TW_NEW(&r->pool, TwProperty, cJSON_GetArraySize(meta));
	for (const cJSON *j = meta->child; j; j = j->next) {
		if (!cJSON_IsString(j))
			return false;
		r->contents.property[r->contents.nproperty++] = (TwProperty){ j->string,
			                                                      j->valuestring };
	}
	return true;
}

static bool
tensor_shape(const cJSON *j, TwFileTensor *tensor)
{
	if (!cJSON_IsArray(j) || cJSON_GetArraySize(j) > 2)
		return false;
	for (const cJSON *dim = j->child; dim; dim = dim->next)
		if (!data_offset(dim, 1 << 30, &tensor->dim[tensor->ndim++]))
			return false;
	return true;
}

static bool
add_tensor(SafetensorsReader *r, const cJSON *j)
{
	TwFileTensor *tensor = &r->contents.tensor[r->contents.ntensor++];
	const cJSON *range = cJSON_GetObjectItemCaseSensitive(j, "data_offsets");
	const char *type = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(j, "dtype"));
	int64_t begin, end;

	tensor->name = j->string;
	if (!type || strcmp(type, "F32")
	    || !tensor_shape(cJSON_GetObjectItemCaseSensitive(j, "shape"), tensor)
	    || !cJSON_IsArray(range) || cJSON_GetArraySize(range) != 2
	    || !data_offset(range->child, (int64_t)r->ndata, &begin)
	    || !data_offset(range->child->next, (int64_t)r->ndata, &end) || (size_t)begin != r->used
	    || end < begin)
		return false;
	tensor->bytes = r->data + begin;
	tensor->size = (size_t)(end - begin);
	r->used = (size_t)end;
	return true;
}

static bool
read_header(SafetensorsReader *r)
{
	const cJSON *header = r->header;

	if (!cJSON_IsObject(header))
		return false;
	r->contents.tensor = TW_NEW(&r->pool, TwFileTensor, cJSON_GetArraySize(header));
	for (const cJSON *j = header->child; j; j = j->next)
		if (!(strcmp(j->string, "__metadata__") ? add_tensor(r, j) : add_metadata(r, j)))
			return false;
	return r->used == r->ndata;
}

/* m, or NULL with a line in *error. */
static void
read_model(void *reader)
{
	SafetensorsReader *r = reader;

	if (read_header(r))
		r->m = tw_assemble(&r->contents, r->error);
	else
		tw_refuse(r->error, "truncated, or its header is damaged");
}

TwModel *
tw_load_safetensors(const void *bytes, size_t n, char **error)
{
	uint64_t size;
	memcpy(&size, bytes, sizeof size);
	if (size > n - sizeof size) {
		tw_refuse(error, "truncated");
		return NULL;
	}
	const char *text = (const char *)bytes + sizeof size;
	SafetensorsReader r = { .data = (const unsigned char *)text + size,
		                .ndata = n - sizeof size - (size_t)size,
		                .error = error };
	bool no_memory;
	cJSON *header = tw_json_parse(text, (size_t)size, &no_memory);

	r.header = header;
	if (!header)
		tw_refuse(error,
		          no_memory ? "out of memory" : "truncated, or its header is damaged");
	else if (!tw_protect(&r.pool, NULL, read_model, &r))
		tw_refuse(error, "out of memory");
	cJSON_Delete(header);
	tw_pool_free(&r.pool);
	return r.m;
}
