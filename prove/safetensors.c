/* Reading .safetensors: the length of a JSON header in eight bytes, the header, the numbers. */

#include "prove/prove.h"

#include <cjson/cJSON.h>
#include <string.h>

static size_t
offset_of(const cJSON *list, int i, size_t most)
{
	const cJSON *j = cJSON_GetArrayItem(list, i);

	if (!cJSON_IsNumber(j) || !(j->valuedouble >= 0 && j->valuedouble <= (double)most))
		malformed("the header says where no numbers are");
	return (size_t)j->valuedouble;
}

static void
header_tensor(Contents *c, const cJSON *j, const uint8_t *data, size_t n)
{
	const cJSON *shape = field(j, "shape");
	const cJSON *range = field(j, "data_offsets");
	const char *type = cJSON_GetStringValue(field(j, "dtype"));
	Tensor t = { .name = j->string, .ndim = cJSON_GetArraySize(shape) };
	size_t size = 4;

	if (!type || strcmp(type, "F32") || t.ndim < 1 || t.ndim > 2)
		malformed("the tensor '%s' is no matrix of F32", j->string);
	for (int i = 0; i < t.ndim; i++) {
		t.dim[i] = (int64_t)offset_of(shape, i, 1 << 30);
		size *= (size_t)t.dim[i];
	}
	size_t from = offset_of(range, 0, n), to = offset_of(range, 1, n);
	if (to < from || to - from != size)
		malformed("the tensor '%s' is not as long as its shape says", j->string);
	t.at = take_copy(data + from, size);
	c->tensor[c->ntensor++] = t;
}

Contents *
read_safetensors(const uint8_t *bytes, size_t n)
{
	Contents *c = TAKE(Contents, 1);
	uint64_t header;

	memcpy(&header, bytes, sizeof header);
	if (header > n - 8)
		malformed("truncated, or not a model");
	const cJSON *j = cJSON_ParseWithLength((const char *)bytes + 8, header);
	const cJSON *meta = field(j, "__metadata__");
	if (!cJSON_IsObject(j) || !cJSON_IsObject(meta))
		malformed("not a model of twc: no __metadata__");
	c->tensor = TAKE(Tensor, cJSON_GetArraySize(j));
	c->property = take((size_t)cJSON_GetArraySize(meta), sizeof *c->property);
	for (const cJSON *x = meta->child; x; x = x->next)
		if (cJSON_IsString(x)) {
			c->property[c->nproperty].key = x->string;
			c->property[c->nproperty++].value = x->valuestring;
		}
	for (const cJSON *x = j->child; x; x = x->next)
		if (x != meta)
			header_tensor(c, x, bytes + 8 + header, n - 8 - (size_t)header);
	return c;
}
