/* A folder as HuggingFace's libraries have it, of an ordinary Llama: model.safetensors,
 * config.json, generation_config.json and a tokenizer. Rows of queries and keys come in the order
 * that these rotate them: the first numbers of all planes of a head, then the second.
 *
 * transformers.js wants such a folder with an .onnx in it, which is the plain model: its
 * config.json then says the shapes of that one's cache.
 *
 * The tokenizer is byte-pair encoding without pairs: each character is looked up, one that is no
 * token is <unk>; tokens of several characters are added tokens, the longest match first. */

#include "backend/file/write.h"
#include "lang/text.h"

#include <inttypes.h>
#include <string.h>

typedef struct HfTensor {
	const char *name;
	const float *data;
	size_t rows, columns;
	bool rotated; /* rows are those of queries or keys */
} HfTensor;

typedef struct HfTensors {
	Arena *arena;
	int n, cap;
	HfTensor *at; /* (n) */
} HfTensors;

static void
list_tensor(HfTensors *t, const char *name, const float *data, size_t rows, size_t columns,
            bool rotated)
{
	GROW(t->arena, t->at, t->cap, t->n + 1);
	t->at[t->n++] = (HfTensor){ name, data, rows, columns, rotated };
}

static void
list_tensors(HfTensors *t, const Llama *l)
{
	size_t d = (size_t)l->d, ff = (size_t)l->ff, wide = (size_t)(l->heads * l->d_head);

	list_tensor(t, "model.embed_tokens.weight", l->embed, (size_t)l->rows, d, false);
	list_tensor(t, "model.norm.weight", l->norm, 1, d, false);
	list_tensor(t, "lm_head.weight", l->output, (size_t)l->rows, d, false);
	for (int i = 0; i < l->nlayer; i++) {
		const LlamaLayer *b = &l->layer[i];
		const HfTensor all[] = {
			{ "input_layernorm", l->norm, 1, d, false },
			{ "self_attn.q_proj", b->q, wide, d, true },
			{ "self_attn.k_proj", b->k, wide, d, true },
			{ "self_attn.v_proj", b->v, wide, d, false },
			{ "self_attn.o_proj", b->o, d, wide, false },
			{ "post_attention_layernorm", l->norm, 1, d, false },
			{ "mlp.gate_proj", b->gate, ff, d, false },
			{ "mlp.up_proj", b->up, ff, d, false },
			{ "mlp.down_proj", b->down, d, ff, false },
		};
		for (size_t k = 0; k < sizeof all / sizeof *all; k++)
			list_tensor(
				t, arena_fmt(t->arena, "model.layers.%d.%s.weight", i, all[k].name),
				all[k].data, all[k].rows, all[k].columns, all[k].rotated);
	}
}

static size_t
tensor_bytes(const HfTensor *t)
{
	return t->rows * t->columns * sizeof(float);
}

/* Of the row at which `row` of the file stands here. */
static size_t
row_of_plane(size_t row, size_t d_head)
{
	size_t i = row % d_head, half = d_head / 2;

	return row - i + (i < half ? 2 * i : 2 * (i - half) + 1);
}

unsigned char *
hf_weights(Arena *a, const Llama *l, size_t *n)
{
	HfTensors t = { .arena = a };
	TextBuilder head = { .arena = a };
	uint64_t at = 0, size;

	list_tensors(&t, l);
	text_addf(&head, "{\"__metadata__\":{\"format\":\"pt\"}");
	for (int i = 0; i < t.n; i++) {
		const HfTensor *x = &t.at[i];
		text_addf(&head, ",\"%s\":{\"dtype\":\"F32\",\"shape\":[", x->name);
		if (x->rows > 1)
			text_addf(&head, "%zu,", x->rows);
		text_addf(&head, "%zu],\"data_offsets\":[%" PRIu64 ",%" PRIu64 "]}", x->columns, at,
		          at + tensor_bytes(x));
		at += tensor_bytes(x);
	}
	text_addf(&head, "}");
	text_addf(&head, "%*s", (int)(-head.n & 7), "");
	size = head.n;
	*n = sizeof size + head.n + at;
	unsigned char *bytes = arena_alloc(a, *n), *to = bytes;
	memcpy(to, &size, sizeof size);
	memcpy(to += sizeof size, head.s, head.n);
	to += head.n;
	for (int i = 0; i < t.n; i++) {
		const HfTensor *x = &t.at[i];
		size_t wide = x->columns * sizeof(float);
		for (size_t r = 0; r < x->rows; r++, to += wide) {
			size_t from = x->rotated ? row_of_plane(r, (size_t)l->d_head) : r;
			memcpy(to, x->data + from * x->columns, wide);
		}
	}
	return bytes;
}

char *
hf_config(Arena *a, const Llama *l)
{
	TextBuilder t = { .arena = a };

	text_addf(&t,
	          "{\n  \"architectures\": [\"LlamaForCausalLM\"],\n"
	          "  \"model_type\": \"llama\",\n  \"vocab_size\": %d,\n  \"hidden_size\": %d,\n"
	          "  \"intermediate_size\": %d,\n  \"num_hidden_layers\": %d,\n"
	          "  \"num_attention_heads\": %d,\n  \"num_key_value_heads\": %d,\n"
	          "  \"head_dim\": %d,\n  \"max_position_embeddings\": %d,\n",
	          l->rows, l->d, l->ff, l->nlayer, l->heads, l->heads, l->d_head,
	          l->m->context + 1);
	text_addf(&t,
	          "  \"rope_theta\": %.1f,\n"
	          "  \"rope_scaling\": {\"rope_type\": \"linear\", \"type\": \"linear\", "
	          "\"factor\": ",
	          (double)l->theta);
	text_add_json_number(&t, (double)l->factor);
	text_addf(&t,
	          "},\n  \"rms_norm_eps\": 1e-05,\n  \"hidden_act\": \"silu\",\n"
	          "  \"attention_bias\": false,\n  \"attention_dropout\": 0.0,\n"
	          "  \"mlp_bias\": false,\n  \"tie_word_embeddings\": false,\n"
	          "  \"initializer_range\": 0.02,\n  \"pretraining_tp\": 1,\n"
	          "  \"use_cache\": true,\n  \"torch_dtype\": \"float32\",\n"
	          "  \"bos_token_id\": %d,\n  \"eos_token_id\": %d\n}\n",
	          l->m->nvocab + 1, l->m->nvocab);
	return t.s;
}

/* Of a plain model of one shape, by the names that transformers.js asks for: how many layers, heads
 * and numbers of a head its cache has. */
char *
hf_plain_config(Arena *a, const TwModel *m)
{
	const TwLayer none = { .heads = 1, .dk = 1 }, *l = m->nlayer ? &m->layer[0] : &none;
	int heads = l->heads ? l->heads : 1, size = l->heads ? l->dk : 1;

	return arena_fmt(a,
	                 "{\n  \"architectures\": [\"LlamaForCausalLM\"],\n"
	                 "  \"model_type\": \"llama\",\n  \"vocab_size\": %d,\n"
	                 "  \"hidden_size\": %d,\n  \"num_hidden_layers\": %d,\n"
	                 "  \"num_attention_heads\": %d,\n  \"num_key_value_heads\": %d,\n"
	                 "  \"head_dim\": %d,\n  \"max_position_embeddings\": %d,\n"
	                 "  \"torch_dtype\": \"float32\",\n  \"bos_token_id\": %d,\n"
	                 "  \"eos_token_id\": %d\n}\n",
	                 m->nvocab + 2, m->d_model, m->nlayer, heads, heads, size, m->context + 1,
	                 m->nvocab + 1, m->nvocab);
}

char *
hf_generation_config(Arena *a, const TwModel *m)
{
	return arena_fmt(a,
	                 "{\n  \"bos_token_id\": %d,\n  \"eos_token_id\": %d,\n"
	                 "  \"do_sample\": false,\n  \"max_length\": %d\n}\n",
	                 m->nvocab + 1, m->nvocab, m->context + 1);
}

/* ---- the tokenizer ---- */

static bool
is_one_character(const char *s)
{
	int letters = 0;

	for (; *s; s++)
		letters += ((unsigned char)*s & 0xC0) != 0x80;
	return letters == 1;
}

static void
add_added_token(TextBuilder *t, int id, const char *text, bool special)
{
	text_addf(t, "{\"id\":%d,\"content\":", id);
	text_add_json_string(t, text);
	text_addf(t,
	          ",\"single_word\":false,\"lstrip\":false,\"rstrip\":false,\"normalized\":false,"
	          "\"special\":%s}",
	          special ? "true" : "false");
}

static const char *const special_name[] = { "<end>", "<bos>", "<unk>" };
enum { NSPECIAL = sizeof special_name / sizeof *special_name };

char *
hf_tokenizer(Arena *a, const TwModel *m)
{
	TextBuilder t = { .arena = a };
	int bos = m->nvocab + 1;

	text_addf(&t,
	          "{\"version\":\"1.0\",\"truncation\":null,\"padding\":null,\"added_tokens\":[");
	for (int i = 0; i < m->nvocab; i++)
		if (!is_one_character(m->vocab[i])) {
			add_added_token(&t, i, m->vocab[i], false);
			text_addf(&t, ",");
		}
	for (int i = 0; i < NSPECIAL; i++) {
		text_addf(&t, i ? "," : "");
		add_added_token(&t, m->nvocab + i, special_name[i], true);
	}
	text_addf(&t,
	          "],\"normalizer\":null,\"pre_tokenizer\":{\"type\":\"Split\",\"pattern\":"
	          "{\"String\":\"\"},\"behavior\":\"Isolated\",\"invert\":false},"
	          "\"post_processor\":{\"type\":\"TemplateProcessing\",\"single\":["
	          "{\"SpecialToken\":{\"id\":\"<bos>\",\"type_id\":0}},{\"Sequence\":{\"id\":\"A\","
	          "\"type_id\":0}}],\"pair\":[{\"SpecialToken\":{\"id\":\"<bos>\",\"type_id\":0}},"
	          "{\"Sequence\":{\"id\":\"A\",\"type_id\":0}},{\"Sequence\":{\"id\":\"B\","
	          "\"type_id\":1}}],\"special_tokens\":{\"<bos>\":{\"id\":\"<bos>\",\"ids\":[%d],"
	          "\"tokens\":[\"<bos>\"]}}},\"decoder\":{\"type\":\"Fuse\"},\"model\":{\"type\":"
	          "\"BPE\",\"dropout\":null,\"unk_token\":\"<unk>\",\"continuing_subword_prefix\":"
	          "null,\"end_of_word_suffix\":null,\"fuse_unk\":false,\"byte_fallback\":false,"
	          "\"vocab\":{",
	          bos);
	for (int i = 0; i < m->nvocab + NSPECIAL; i++) {
		text_addf(&t, i ? "," : "");
		text_add_json_string(&t, i < m->nvocab ? m->vocab[i] : special_name[i - m->nvocab]);
		text_addf(&t, ":%d", i);
	}
	text_addf(&t, "},\"merges\":[]}}\n");
	return t.s;
}

char *
hf_tokenizer_config(Arena *a, const TwModel *m)
{
	TextBuilder t = { .arena = a };

	text_addf(&t,
	          "{\n  \"tokenizer_class\": \"PreTrainedTokenizerFast\",\n"
	          "  \"bos_token\": \"<bos>\",\n  \"eos_token\": \"<end>\",\n"
	          "  \"unk_token\": \"<unk>\",\n  \"add_bos_token\": true,\n"
	          "  \"add_eos_token\": false,\n  \"clean_up_tokenization_spaces\": false,\n"
	          "  \"model_max_length\": %d,\n  \"added_tokens_decoder\": {",
	          m->context + 1);
	for (int i = 0; i < NSPECIAL; i++)
		text_addf(
			&t,
			"%s\n    \"%d\": {\"content\": \"%s\", \"single_word\": false, \"lstrip\": "
			"false, \"rstrip\": false, \"normalized\": false, \"special\": true}",
			i ? "," : "", m->nvocab + i, special_name[i]);
	text_addf(&t, "\n  }\n}\n");
	return t.s;
}

char *
hf_special_tokens(Arena *a)
{
	return arena_fmt(a, "{\n  \"bos_token\": \"<bos>\",\n  \"eos_token\": \"<end>\",\n"
	                    "  \"unk_token\": \"<unk>\"\n}\n");
}
