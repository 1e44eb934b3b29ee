/* Writing .gguf, version 3: a header of keys and values, the list of tensors, the tensors, each at
 * a multiple of ALIGNMENT (ggml's docs/gguf.md), as llama.cpp reads an architecture `llama`.
 *
 * Its tokenizer is `gpt2` without merges: a text is cut at the tokens that are marked as the user's
 * own, the longest first, and what is left into bytes, each of which is looked up as the letter
 * that GPT-2 prints it as (Radford et al. 2019). So a token of one ASCII character is looked up,
 * all others are the user's own, and every other byte is a row like <unk>: nothing is left out.
 *
 * Logits are LOGIT_SCALE times the model's. The best one is ahead by 1 of those, so by more than
 * any temperature of sampling evens out. */

#include "backend/file/write.h"
#include "lang/text.h"

#include <string.h>

enum {
	GGUF_VERSION = 3,
	ALIGNMENT = 32,
	LOGIT_SCALE = 128,
	BYTES = 256,
	/* types of values */
	GGUF_UINT32 = 4,
	GGUF_INT32 = 5,
	GGUF_FLOAT32 = 6,
	GGUF_BOOL = 7,
	GGUF_STRING = 8,
	GGUF_ARRAY = 9,
	/* types of tokens */
	GGUF_NORMAL = 1,
	GGUF_UNKNOWN = 2,
	GGUF_CONTROL = 3,
	GGUF_USER_DEFINED = 4,
};

typedef struct GgufToken {
	const char *text;
	int type, row; /* row: of the Llama */
} GgufToken;

typedef struct GgufWriter {
	Arena *arena;
	const Llama *l;
	int ntoken;
	GgufToken *token; /* (ntoken) */
	TextBuilder pairs, tensors;
	uint64_t npair, ntensor, offset;
	struct GgufTensor *list; /* (ntensor) */
	int cap;
} GgufWriter;

typedef struct GgufTensor {
	const float *data;
	size_t rows, columns;
	bool by_token; /* a row of each token */
	float scale;
} GgufTensor;

/* ---- tokens ---- */

static const char *
spelled_byte(Arena *a, int byte)
{
	int code = letter_of_byte(byte);

	return code < 0x80 ? arena_fmt(a, "%c", code)
	                   : arena_fmt(a, "%c%c", 0xC0 | code >> 6, 0x80 | (code & 0x3F));
}

static bool
has_token(const GgufWriter *w, const char *text)
{
	for (int i = 0; i < w->ntoken; i++)
		if (!strcmp(w->token[i].text, text))
			return true;
	return false;
}

static bool
is_user_token(const char *s)
{
	return s[1] || (unsigned char)*s >= 0x80;
}

static void
list_tokens(GgufWriter *w)
{
	const TwModel *m = w->l->m;

	w->token = NEWS(w->arena, GgufToken, w->l->rows + BYTES);
	for (int i = 0; i < m->nvocab; i++) {
		const char *s = m->vocab[i];
		bool own = is_user_token(s);
		w->token[w->ntoken++] =
			(GgufToken){ own ? s : spelled_byte(w->arena, (unsigned char)*s),
			             own ? GGUF_USER_DEFINED : GGUF_NORMAL, i };
	}
	w->token[w->ntoken++] = (GgufToken){ "<end>", GGUF_CONTROL, m->nvocab };
	w->token[w->ntoken++] = (GgufToken){ "<bos>", GGUF_CONTROL, m->nvocab + 1 };
	w->token[w->ntoken++] = (GgufToken){ "<unk>", GGUF_UNKNOWN, m->nvocab + 2 };
	for (int b = 0; b < BYTES; b++) {
		const char *text = spelled_byte(w->arena, b);
		if (!has_token(w, text))
			w->token[w->ntoken++] = (GgufToken){ text, GGUF_NORMAL, m->nvocab + 2 };
	}
}

/* Does b begin with the end of a, in part? */
static bool
ends_in_start(const char *a, const char *b)
{
	for (const char *end = a + 1; *end; end++)
		if (strlen(end) < strlen(b) && !strncmp(end, b, strlen(end)))
			return true;
	return false;
}

/* One pair of braces around all of it, as a record has: no two such overlap. */
static bool
is_braced(const char *s)
{
	size_t n = strlen(s);

	return n > 1 && *s == '{' && strcspn(s + 1, "{}") == n - 2 && s[n - 1] == '}';
}

/* We cut a text from left to right, llama.cpp at its longest tokens first: the same but where a
 * token ends in the start of one that is as long. */
bool
gguf_cuts_otherwise(const TwModel *m, const char **first, const char **second)
{
	bool records = true;

	for (int i = 0; i < m->nvocab && records; i++)
		records = is_braced(m->vocab[i]);
	for (int i = 0; i < m->nvocab && !records; i++)
		for (int k = 0; k < m->nvocab; k++) {
			*first = m->vocab[i];
			*second = m->vocab[k];
			if (i != k && is_user_token(*first) && strlen(*second) >= strlen(*first)
			    && ends_in_start(*first, *second))
				return true;
		}
	return false;
}

/* ---- keys and values ---- */

static void
add_u32(TextBuilder *t, uint32_t x)
{
	text_add(t, (const char *)&x, sizeof x);
}

static void
add_u64(TextBuilder *t, uint64_t x)
{
	text_add(t, (const char *)&x, sizeof x);
}

static void
add_gguf_string(TextBuilder *t, const char *s)
{
	add_u64(t, strlen(s));
	text_add(t, s, strlen(s));
}

static TextBuilder *
add_gguf_key(GgufWriter *w, const char *key, uint32_t type)
{
	w->npair++;
	add_gguf_string(&w->pairs, key);
	add_u32(&w->pairs, type);
	return &w->pairs;
}

static void
add_text_pair(GgufWriter *w, const char *key, const char *value)
{
	add_gguf_string(add_gguf_key(w, key, GGUF_STRING), value);
}

static void
add_number_pair(GgufWriter *w, const char *key, int value)
{
	add_u32(add_gguf_key(w, key, GGUF_UINT32), (uint32_t)value);
}

static void
add_float_pair(GgufWriter *w, const char *key, float value)
{
	text_add(add_gguf_key(w, key, GGUF_FLOAT32), (const char *)&value, sizeof value);
}

static TextBuilder *
add_list_pair(GgufWriter *w, const char *key, uint32_t type, int n)
{
	TextBuilder *t = add_gguf_key(w, key, GGUF_ARRAY);

	add_u32(t, type);
	add_u64(t, (uint64_t)n);
	return t;
}

static void
add_architecture(GgufWriter *w)
{
	const Llama *l = w->l;

	add_text_pair(w, "general.architecture", "llama");
	add_text_pair(w, "general.name", l->m->name);
	add_number_pair(w, "general.file_type", 0);
	add_number_pair(w, "llama.context_length", l->m->context + 1);
	add_number_pair(w, "llama.embedding_length", l->d);
	add_number_pair(w, "llama.block_count", l->nlayer);
	add_number_pair(w, "llama.feed_forward_length", l->ff);
	add_number_pair(w, "llama.vocab_size", w->ntoken);
	add_number_pair(w, "llama.attention.head_count", l->heads);
	add_number_pair(w, "llama.attention.head_count_kv", l->heads);
	add_number_pair(w, "llama.attention.key_length", l->d_head);
	add_number_pair(w, "llama.attention.value_length", l->d_head);
	add_float_pair(w, "llama.attention.layer_norm_rms_epsilon", 1e-5F);
	add_number_pair(w, "llama.rope.dimension_count", l->d_head);
	add_float_pair(w, "llama.rope.freq_base", l->theta);
	add_text_pair(w, "llama.rope.scaling.type", "linear");
	add_float_pair(w, "llama.rope.scaling.factor", l->factor);
	add_text_pair(w, "tw.producer", "twc " TW_VERSION);
	add_text_pair(w, "tw.profile", l->profile == LLAMA_F32 ? "f32" : "f16kv");
	add_number_pair(w, "tw.logit_scale", LOGIT_SCALE);
}

static void
add_tokenizer(GgufWriter *w)
{
	int end = w->l->m->nvocab;
	bool yes = true;

	add_text_pair(w, "tokenizer.ggml.model", "gpt2");
	add_text_pair(w, "tokenizer.ggml.pre", "default");
	TextBuilder *t = add_list_pair(w, "tokenizer.ggml.tokens", GGUF_STRING, w->ntoken);
	for (int i = 0; i < w->ntoken; i++)
		add_gguf_string(t, w->token[i].text);
	add_list_pair(w, "tokenizer.ggml.token_type", GGUF_INT32, w->ntoken);
	for (int i = 0; i < w->ntoken; i++)
		add_u32(t, (uint32_t)w->token[i].type);
	add_list_pair(w, "tokenizer.ggml.merges", GGUF_STRING, 0);
	add_number_pair(w, "tokenizer.ggml.bos_token_id", end + 1);
	add_number_pair(w, "tokenizer.ggml.eos_token_id", end);
	add_number_pair(w, "tokenizer.ggml.unknown_token_id", end + 2);
	text_add(add_gguf_key(w, "tokenizer.ggml.add_bos_token", GGUF_BOOL), (const char *)&yes, 1);
	bool no = false;
	text_add(add_gguf_key(w, "tokenizer.ggml.add_space_prefix", GGUF_BOOL), (const char *)&no,
	         1);
}

/* ---- tensors ---- */

static void
add_gguf_tensor(GgufWriter *w, const char *name, GgufTensor tensor)
{
	size_t n = tensor.rows * tensor.columns * sizeof(float);

	GROW(w->arena, w->list, w->cap, (int)w->ntensor + 1);
	w->list[w->ntensor++] = tensor;
	add_gguf_string(&w->tensors, name);
	add_u32(&w->tensors, tensor.rows > 1 ? 2 : 1);
	add_u64(&w->tensors, tensor.columns);
	if (tensor.rows > 1)
		add_u64(&w->tensors, tensor.rows);
	add_u32(&w->tensors, 0); /* float32 */
	add_u64(&w->tensors, w->offset);
	w->offset += (n + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

static void
add_tensors(GgufWriter *w)
{
	const Llama *l = w->l;
	size_t d = (size_t)l->d, ff = (size_t)l->ff, wide = (size_t)(l->heads * l->d_head),
	       n = (size_t)w->ntoken;
	GgufTensor norm = { l->norm, 1, d, false, 1 };

	add_gguf_tensor(w, "token_embd.weight", (GgufTensor){ l->embed, n, d, true, 1 });
	add_gguf_tensor(w, "output_norm.weight", norm);
	add_gguf_tensor(w, "output.weight", (GgufTensor){ l->output, n, d, true, LOGIT_SCALE });
	for (int i = 0; i < l->nlayer; i++) {
		const LlamaLayer *b = &l->layer[i];
		const struct {
			const char *name;
			GgufTensor tensor;
		} all[] = {
			{ "attn_norm", norm },
			{ "attn_q", { b->q, wide, d, false, 1 } },
			{ "attn_k", { b->k, wide, d, false, 1 } },
			{ "attn_v", { b->v, wide, d, false, 1 } },
			{ "attn_output", { b->o, d, wide, false, 1 } },
			{ "ffn_norm", norm },
			{ "ffn_gate", { b->gate, ff, d, false, 1 } },
			{ "ffn_up", { b->up, ff, d, false, 1 } },
			{ "ffn_down", { b->down, d, ff, false, 1 } },
		};
		for (size_t k = 0; k < sizeof all / sizeof *all; k++)
			add_gguf_tensor(w, arena_fmt(w->arena, "blk.%d.%s.weight", i, all[k].name),
			                all[k].tensor);
	}
}

static void
copy_tensor(const GgufWriter *w, const GgufTensor *t, float *to)
{
	for (size_t r = 0; r < t->rows; r++) {
		size_t from = t->by_token ? (size_t)w->token[r].row : r;
		memcpy(to + r * t->columns, t->data + from * t->columns, t->columns * sizeof *to);
	}
	for (size_t i = 0; t->scale != 1 && i < t->rows * t->columns; i++)
		to[i] *= t->scale;
}

unsigned char *
gguf_pack(Arena *a, const Llama *l, size_t *n)
{
	GgufWriter w = { .arena = a, .l = l, .pairs.arena = a, .tensors.arena = a };
	TextBuilder head = { .arena = a };

	list_tokens(&w);
	add_architecture(&w);
	add_tokenizer(&w);
	add_tensors(&w);
	text_addf(&head, "GGUF");
	add_u32(&head, GGUF_VERSION);
	add_u64(&head, w.ntensor);
	add_u64(&head, w.npair);
	text_add(&head, w.pairs.s, w.pairs.n);
	text_add(&head, w.tensors.s, w.tensors.n);
	size_t at = (head.n + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
	*n = at + w.offset;
	unsigned char *bytes = arena_alloc(a, *n);
	memcpy(bytes, head.s, head.n);
	for (uint64_t i = 0; i < w.ntensor; i++) {
		copy_tensor(&w, &w.list[i], (float *)(void *)(bytes + at));
		at += (w.list[i].rows * w.list[i].columns * sizeof(float) + ALIGNMENT - 1)
		      / ALIGNMENT * ALIGNMENT;
	}
	return bytes;
}
