/* Holds a .gguf in llama.cpp against the same program's .onnx in libtw: tokens, and every logit of
 * every token of every prompt and of what follows it.
 *
 *     llama FOLDER BACKEND f16|f32 SEQUENCES MODEL.gguf MODEL.onnx <PROMPTS
 *
 * FOLDER has llama.cpp's libraries, BACKEND is the CPU build among them ("best": the one that
 * llama.cpp chooses). f16 is llama.cpp's default context, f32 that of -ctk f32 -ctv f32 -fa off. So
 * many SEQUENCES are decoded side by side. Prints a line: prompts, tokens, logits, how many
 * differ, how many prompts have a wrong token or answer, and a hash of all logits. */

#include <ggml-backend.h>
#include <llama.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/tw.h"
#include "tests/engines/llama_open.h"

enum { MOST_SEQUENCES = 8, LONGEST_LINE = 1 << 16, LOGIT_SCALE = 128 };

typedef struct Text {
	char *prompt;
	TwSession *session;
	int *token, n, fed; /* (n) <bos> first; llama.cpp has seen `fed` of them */
	int *output; /* (context + 1) of the batch at hand: which output a token has, or -1 */
	bool done, wrong;
} Text;

typedef struct Judge {
	TwModel *tw;
	struct llama_model *model;
	struct llama_context *context;
	struct llama_batch batch;
	const struct llama_vocab *vocab;
	long prompts, tokens, logits, different, wrong;
	unsigned long long hash;
} Judge;

/* Its tokens by both; a prompt that libtw refuses is none of ours. */
static bool
text_start(Judge *j, Text *t, char *prompt)
{
	int most = j->tw->context + 2;
	char *error = NULL;

	*t = (Text){ .prompt = prompt };
	t->token = calloc((size_t)most, sizeof *t->token);
	t->output = calloc((size_t)most, sizeof *t->output);
	int *row = calloc((size_t)most, sizeof *row), n = tw_tokenize(j->tw, prompt, row, &error);
	int count = n < 0 ? 0
	                  : llama_tokenize(j->vocab, prompt, (int)strlen(prompt), t->token, most,
	                                   true, true);
	if (n >= 0) {
		t->wrong = count != n + 1 || t->token[0] != tw_bos(j->tw)
		           || memcmp(t->token + 1, row, (size_t)n * sizeof *row);
		t->session = or_exit(tw_open(j->tw, 0, &error), "no session");
		t->token[0] = tw_bos(j->tw);
		memcpy(t->token + 1, row, (size_t)n * sizeof *row);
		t->n = n + 1;
	}
	free(error);
	free(row);
	return n >= 0;
}

static void
text_end(Judge *j, Text *t)
{
	j->prompts++;
	j->wrong += t->wrong;
	if (t->wrong)
		fprintf(stderr, "llama: '%s' differs\n", t->prompt);
	tw_close(t->session);
	free(t->token);
	free(t->output);
	free(t->prompt);
}

/* Logits after one token, held against libtw's. */
static void
compare(Judge *j, Text *t, const float *ours)
{
	const float *theirs = tw_logits(t->session);
	int rows = j->tw->nvocab + 2, all = llama_vocab_n_tokens(j->vocab), best = 0;

	j->tokens++;
	for (int i = 0; i < all; i++) {
		float x = ours[i] + 0.0F; /* no -0 */
		unsigned bits;
		memcpy(&bits, &x, sizeof bits);
		j->hash = (j->hash ^ bits) * 1099511628211ULL;
		best = ours[i] > ours[best] ? i : best;
	}
	for (int i = 0; i < rows; i++) {
		bool differs = ours[i] != LOGIT_SCALE * theirs[i] || ours[i] != roundf(ours[i]);
		j->logits++;
		j->different += differs;
		t->wrong |= differs;
	}
	t->wrong |= best != tw_next(t->session);
}

static void
add_to_batch(Judge *j, Text *t, int sequence)
{
	struct llama_batch *b = &j->batch;

	for (int i = t->fed; i < t->n; i++) {
		b->token[b->n_tokens] = t->token[i];
		b->pos[b->n_tokens] = i;
		b->n_seq_id[b->n_tokens] = 1;
		b->seq_id[b->n_tokens][0] = sequence;
		b->logits[b->n_tokens] = i > 0;
		t->output[i] = i > 0 ? b->n_tokens : -1;
		b->n_tokens++;
	}
}

/* What was decoded, and the token that follows it. */
static void
text_advance(Judge *j, Text *t)
{
	for (; t->fed < t->n; t->fed++) {
		if (t->output[t->fed] < 0)
			continue;
		tw_feed(t->session, t->token[t->fed]);
		compare(j, t, llama_get_logits_ith(j->context, t->output[t->fed]));
	}
	t->done = t->n == 1 || tw_done(t->session);
	if (!t->done)
		t->token[t->n++] = tw_next(t->session);
}

static void
run_together(Judge *j, Text *text, int n)
{
	llama_memory_clear(llama_get_memory(j->context), true);
	for (int left = n; left;) {
		j->batch.n_tokens = left = 0;
		for (int i = 0; i < n; i++)
			if (!text[i].done)
				add_to_batch(j, &text[i], i);
		if (!j->batch.n_tokens)
			break;
		if (llama_decode(j->context, j->batch)) {
			fprintf(stderr, "llama: decoding failed\n");
			exit(2);
		}
		for (int i = 0; i < n; i++) {
			if (!text[i].done)
				text_advance(j, &text[i]);
			left += !text[i].done;
		}
	}
	for (int i = 0; i < n; i++)
		text_end(j, &text[i]);
}

/* A character that is no token is not left out: its bytes are rows behind <bos>. */
static bool
sees_unknown(const Judge *j)
{
	int token[8], n = llama_tokenize(j->vocab, "\u2603", 3, token, 8, true, true);
	bool ok = n > 1;

	for (int i = 1; i < n; i++)
		ok &= token[i] > tw_bos(j->tw);
	return ok;
}

static struct llama_context *
open_context(struct llama_model *model, bool f32, int sequences, int context)
{
	struct llama_context_params p = llama_context_default_params();

	p.n_ctx = (unsigned)(sequences * (context + 32));
	p.n_batch = p.n_ctx;
	p.n_seq_max = (unsigned)sequences;
	p.n_threads = p.n_threads_batch = 1;
	if (f32) {
		p.type_k = p.type_v = GGML_TYPE_F32;
		p.flash_attn_type = LLAMA_FLASH_ATTN_TYPE_DISABLED;
	}
	return llama_init_from_model(model, p);
}

int
main(int argc, char **argv)
{
	Judge j = { .hash = 1469598103934665603ULL };
	Text text[MOST_SEQUENCES];
	static char line[LONGEST_LINE];
	char *error = NULL;

	if (argc != 7)
		return 2;
	int sequences = atoi(argv[4]), n = 0;
	llama_log_set(only_errors, NULL);
	if (!strcmp(argv[2], "best")) {
		ggml_backend_load_all_from_path(argv[1]);
	} else {
		snprintf(line, sizeof line, "%s/libggml-cpu-%s.so", argv[1], argv[2]);
		if (!ggml_backend_load(line)) {
			printf("not for this processor\n");
			return 3;
		}
	}
	llama_backend_init();
	j.tw = or_exit(tw_load(argv[6], &error), "no .onnx");
	j.model = or_exit(llama_model_load_from_file(argv[5], llama_model_default_params()),
	                  "no .gguf");
	j.vocab = llama_model_get_vocab(j.model);
	j.wrong += !sees_unknown(&j);
	/* the longest of contexts would take more memory than prompts need */
	int context = j.tw->context < 4096 ? j.tw->context : 4096;
	j.context = or_exit(open_context(j.model, !strcmp(argv[3], "f32"), sequences, context),
	                    "no context");
	j.batch = llama_batch_init(sequences * (context + 32), 0, 1);
	while (fgets(line, sizeof line, stdin)) {
		line[strcspn(line, "\n")] = '\0';
		if (!text_start(&j, &text[n], strdup(line)))
			continue;
		if (++n == sequences) {
			run_together(&j, text, n);
			n = 0;
		}
	}
	run_together(&j, text, n);
	printf("prompts %ld tokens %ld logits %ld different %ld wrong %ld hash %016llx\n",
	       j.prompts, j.tokens, j.logits, j.different, j.wrong, j.hash);
	return j.different || j.wrong;
}
