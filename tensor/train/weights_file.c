/* .safetensors out and in, for arrays of any number of axes. */

#include "tensor/train/weights_file.h"

#include <cjson/cJSON.h>
#include <string.h>

#include "lang/text.h"

static int64_t
weights_size(const FileWeights *w)
{
	int64_t n = 1;

	for (int i = 0; i < w->rank; i++)
		n *= w->dim[i];
	return n;
}

void
weights_file_add(Arena *a, WeightsFile *f, const char *name, int rank, const int *dim,
                 const float *at)
{
	GROW(a, f->weights, f->capweights, f->nweights + 1);
	FileWeights *w = &f->weights[f->nweights++];

	*w = (FileWeights){ .name = name, .rank = rank, .at = at };
	for (int i = 0; i < rank; i++)
		w->dim[i] = dim[i];
}

void
weights_file_say(Arena *a, WeightsFile *f, const char *key, const char *value)
{
	GROW(a, f->text, f->captext, f->ntext + 1);
	f->text[f->ntext++] = (FileText){ key, value };
}

const FileWeights *
weights_file_find(const WeightsFile *f, const char *name)
{
	for (int i = 0; i < f->nweights; i++)
		if (!strcmp(f->weights[i].name, name))
			return &f->weights[i];
	return NULL;
}

const char *
weights_file_text(const WeightsFile *f, const char *key)
{
	for (int i = 0; i < f->ntext; i++)
		if (!strcmp(f->text[i].key, key))
			return f->text[i].value;
	return NULL;
}

const char *
shape_text(Arena *a, int rank, const int *dim)
{
	TextBuilder t = { .arena = a };

	text_add(&t, "", 0);
	for (int i = 0; i < rank; i++)
		text_addf(&t, "[%d]", dim[i]);
	return rank ? t.s : "a number";
}

/* ---- out ---- */

/* Of the first number, in bytes: a line of the cache. Numbers are used where they lie in a file. */
enum { ALIGNMENT = 64 };

static void
add_header_texts(TextBuilder *t, const WeightsFile *f)
{
	text_addf(t, "{\"__metadata__\":{\"format\":\"tw\"");
	for (int i = 0; i < f->ntext; i++) {
		text_addf(t, ",");
		text_add_json_string(t, f->text[i].key);
		text_addf(t, ":");
		text_add_json_string(t, f->text[i].value);
	}
	text_addf(t, "}");
}

char *
weights_file_bytes(Arena *a, const WeightsFile *f, size_t *n)
{
	TextBuilder t = { .arena = a };
	int64_t end = 0;

	add_header_texts(&t, f);
	for (int i = 0; i < f->nweights; i++) {
		const FileWeights *w = &f->weights[i];
		int64_t begin = end;
		text_addf(&t, ",");
		text_add_json_string(&t, w->name);
		text_addf(&t, ":{\"dtype\":\"F32\",\"shape\":[");
		for (int k = 0; k < w->rank; k++)
			text_addf(&t, k ? ",%d" : "%d", w->dim[k]);
		end += weights_size(w) * (int64_t)sizeof(float);
		text_addf(&t, "],\"data_offsets\":[%lld,%lld]}", (long long)begin, (long long)end);
	}
	text_addf(&t, "}");
	text_addf(&t, "%*s", (int)(-(t.n + sizeof(uint64_t)) & (ALIGNMENT - 1)), "");
	uint64_t header = t.n;
	*n = sizeof header + t.n + (size_t)end;
	char *bytes = arena_alloc(a, *n), *to = bytes + sizeof header + t.n;
	memcpy(bytes, &header, sizeof header);
	memcpy(bytes + sizeof header, t.s, t.n);
	for (int i = 0; i < f->nweights; i++) {
		size_t size = (size_t)weights_size(&f->weights[i]) * sizeof(float);
		memcpy(to, f->weights[i].at, size);
		to += size;
	}
	return bytes;
}

/* ---- in ---- */

/* A number of 16 bits, of `exponent` bits of exponent: 5 as IEEE's half has, 8 as bfloat16. */
static float
float_of_16_bits(uint16_t x, bool half)
{
	uint32_t sign = (uint32_t)(x & 0x8000) << 16, bits = (uint32_t)(x & 0x7fff) << 13;
	float y;

	if (!half) {
		bits = (uint32_t)x << 16;
		memcpy(&y, &bits, sizeof y);
		return y;
	}
	if (bits >= 0x0f800000) /* infinity, or no number */
		bits += 0x70000000;
	memcpy(&y, &bits, sizeof y);
	if (bits < 0x70000000)
		y *= 0x1p112f;
	memcpy(&bits, &y, sizeof bits);
	bits |= sign;
	memcpy(&y, &bits, sizeof y);
	return y;
}

static const float *
read_floats(Arena *a, const char *type, const char *bytes, int64_t n, size_t size)
{
	bool wide = !strcmp(type, "F32"), half = !strcmp(type, "F16");
	float *to;

	if (!wide && !half && strcmp(type, "BF16"))
		return NULL;
	if (size != (size_t)n * (wide ? sizeof(float) : sizeof(uint16_t)))
		return NULL;
	if (wide && (uintptr_t)bytes % sizeof(float) == 0)
		return (const void *)bytes;
	to = NEWS(a, float, n);
	if (wide)
		memcpy(to, bytes, size);
	for (int64_t i = 0; !wide && i < n; i++) {
		uint16_t x;
		memcpy(&x, bytes + i * 2, sizeof x);
		to[i] = float_of_16_bits(x, half);
	}
	return to;
}

static bool
offset_of_json(const cJSON *j, double most, int64_t *to)
{
	if (!cJSON_IsNumber(j) || !(j->valuedouble >= 0 && j->valuedouble <= most))
		return false;
	*to = (int64_t)j->valuedouble;
	return (double)*to == j->valuedouble;
}

static bool
weights_shape(const cJSON *j, FileWeights *w)
{
	int64_t dim, size = 1;

	if (!cJSON_IsArray(j) || cJSON_GetArraySize(j) > WEIGHT_RANK_MAX)
		return false;
	for (const cJSON *d = j->child; d; d = d->next) {
		if (!offset_of_json(d, 1 << 30, &dim) || dim * size > (int64_t)1 << 40)
			return false;
		size *= dim;
		w->dim[w->rank++] = (int)dim;
	}
	return true;
}

static bool
read_weights(Arena *a, WeightsFile *f, const cJSON *j, const char *data, size_t ndata)
{
	const cJSON *range = cJSON_GetObjectItemCaseSensitive(j, "data_offsets");
	const char *type = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(j, "dtype"));
	FileWeights w = { .name = arena_strn(a, j->string, strlen(j->string)) };
	int64_t begin, end;

	if (!type || !weights_shape(cJSON_GetObjectItemCaseSensitive(j, "shape"), &w)
	    || !cJSON_IsArray(range) || cJSON_GetArraySize(range) != 2
	    || !offset_of_json(range->child, (double)ndata, &begin)
	    || !offset_of_json(range->child->next, (double)ndata, &end) || end < begin)
		return false;
	w.at = read_floats(a, type, data + begin, weights_size(&w), (size_t)(end - begin));
	weights_file_add(a, f, w.name, w.rank, w.dim, w.at);
	return true;
}

static bool
read_texts(Arena *a, WeightsFile *f, const cJSON *j)
{
	for (j = j->child; j; j = j->next) {
		if (!cJSON_IsString(j))
			return false;
		weights_file_say(a, f, arena_strn(a, j->string, strlen(j->string)),
		                 arena_strn(a, j->valuestring, strlen(j->valuestring)));
	}
	return true;
}

static bool
read_entries(Arena *a, WeightsFile *f, const cJSON *header, const char *data, size_t ndata)
{
	if (!cJSON_IsObject(header))
		return false;
	for (const cJSON *j = header->child; j; j = j->next)
		if (!(strcmp(j->string, "__metadata__") ? read_weights(a, f, j, data, ndata)
		                                        : read_texts(a, f, j)))
			return false;
	return true;
}

bool
weights_file_read(Arena *a, const char *bytes, size_t n, WeightsFile *f, const char **why)
{
	uint64_t size = 0;

	*f = (WeightsFile){ 0 };
	*why = "truncated, or no .safetensors";
	if (n < sizeof size)
		return false;
	memcpy(&size, bytes, sizeof size);
	if (size > n - sizeof size)
		return false;
	cJSON *header = cJSON_ParseWithLength(bytes + sizeof size, (size_t)size);
	const char *data = bytes + sizeof size + size;
	bool ok = read_entries(a, f, header, data, n - sizeof size - (size_t)size);
	cJSON_Delete(header);
	return ok;
}
