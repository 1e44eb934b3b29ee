/* Writing .safetensors: the header as JSON, spaces up to a multiple of 8, the
 * weights one after another; and the config.json that says what they make up. */

#include "backend/file/write.h"
#include "lang/text.h"
#include "runtime/onnx_graph.h"

#include <inttypes.h>
#include <string.h>

static size_t
weight_bytes(const TwWeight *w)
{
	return (size_t)tw_elements(w->ndim, w->dim) * sizeof(float);
}

static void
add_weight(TextBuilder *t, const TwWeight *w, int64_t at, int64_t end)
{
	text_addf(t, ",");
	text_add_json_string(t, w->name);
	text_addf(t, ":{\"dtype\":\"F32\",\"shape\":[%" PRId64, w->dim[0]);
	for (int i = 1; i < w->ndim; i++)
		text_addf(t, ",%" PRId64, w->dim[i]);
	text_addf(t, "],\"data_offsets\":[%" PRId64 ",%" PRId64 "]}", at, end);
}

/* Filled up with spaces to a multiple of 8 bytes. */
static TextBuilder
safetensors_header(Arena *a, TwPool *pool, const TwModel *m, const TwWeight *w, int n)
{
	TextBuilder t = { .arena = a };
	Prop *prop;
	int nprop = model_props(a, pool, m, &prop);
	int64_t at = 0;

	text_addf(&t, "{\"__metadata__\":{\"format\":\"tw\"");
	for (int i = 0; i < nprop; i++) {
		text_addf(&t, ",\"%s\":", prop[i].key);
		text_add_json_string(&t, prop[i].json);
	}
	text_addf(&t, "}");
	for (int i = 0; i < n; i++) {
		int64_t end = at + (int64_t)weight_bytes(&w[i]);
		add_weight(&t, &w[i], at, end);
		at = end;
	}
	text_addf(&t, "}");
	text_addf(&t, "%*s", (int)(-t.n & 7), "");
	return t;
}

unsigned char *
safetensors_pack(Arena *a, TwPool *pool, const TwModel *m, size_t *n)
{
	TwWeight *w;
	int nweight = tw_weights(pool, (TwModel *)m, &w);
	TextBuilder header = safetensors_header(a, pool, m, w, nweight);
	uint64_t size = header.n;

	*n = sizeof size + header.n;
	for (int i = 0; i < nweight; i++)
		*n += weight_bytes(&w[i]);
	unsigned char *bytes = arena_alloc(a, *n), *at = bytes;
	memcpy(at, &size, sizeof size);
	memcpy(at += sizeof size, header.s, header.n);
	at += header.n;
	for (int i = 0; i < nweight; i++) {
		memcpy(at, *w[i].data, weight_bytes(&w[i]));
		at += weight_bytes(&w[i]);
	}
	return bytes;
}

/* As the library `transformers` has it. */
char *
safetensors_config(Arena *a, const TwModel *m)
{
	TextBuilder t = { .arena = a };
	Prop *prop;
	int n = model_props(a, NULL, m, &prop);

	text_addf(&t,
	          "{\n\t\"model_type\":\t\"tw\",\n\t\"vocab_size\":\t%d,\n\t\"hidden_size\":\t%d,\n"
	          "\t\"num_hidden_layers\":\t%d,\n\t\"max_position_embeddings\":\t%d,\n"
	          "\t\"bos_token_id\":\t%d,\n\t\"eos_token_id\":\t%d,\n\t\"is_decoder\":\t%s,\n"
	          "\t\"hidden_act\":\t\"relu\",\n\t\"torch_dtype\":\t\"float32\"",
	          m->nvocab + 2, m->d_model, m->nlayer, m->context + 1, m->nvocab + 1, m->nvocab,
	          m->bidirectional ? "false" : "true");
	for (int i = 0; i < n; i++)
		if (!strcmp(prop[i].key, "tw.layers"))
			text_addf(&t, ",\n\t\"layers\":\t%s", prop[i].json);
	text_addf(&t, "\n}");
	return t.s;
}
