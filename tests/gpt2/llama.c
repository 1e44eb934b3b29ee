/* A GPT-2 of random weights (random.mjs) in llama.cpp and in twrun's generator:
 *
 *     llama LIBRARIES MODEL.gguf MODEL.safetensors <PROMPTS     a prompt a line
 *     llama LIBRARIES MODEL.gguf MODEL.safetensors --time N     N tokens by each, one thread
 *
 * Of each prompt the same rows; then, at its end and for AHEAD tokens more, each of which both are
 * fed, the probability of every token within TOLERANCE, and the same token the likeliest where
 * llama.cpp's best two differ by more than that. llama.cpp's gelu is a table of 16-bit floats, so
 * no more can be asked. */

#include <ggml-backend.h>
#include <llama.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "frontend/frontend.h"
#include "tensor/train/generator.h"
#include "tensor/train/vocabulary.h"
#include "tests/engines/llama_open.h"

enum { AHEAD = 8, LONGEST_LINE = 1 << 16 };
static const double TOLERANCE = 2e-3;

typedef struct Gpt2Judge {
	Arena arena;
	WeightsFile file;
	Vocabulary vocab;
	Generator *ours;
	struct llama_model *model;
	struct llama_context *theirs;
	double *p, *q; /* (nscore) probabilities: ours, theirs */
	long prompts, tokens, close, wrong;
	double worst;
} Gpt2Judge;

static void
open_ours(Gpt2Judge *j, const char *path)
{
	size_t n;
	const char *why = "cannot be read", *bytes = file_bytes(&j->arena, path, &n);

	if (!bytes || !weights_file_read(&j->arena, bytes, n, &j->file, &why)
	    || !vocabulary_of_file(&j->arena, &j->file, &j->vocab, &why))
		or_exit(NULL, why);
	j->ours = generator_new(&j->arena, &j->file, vector_level(), &why);
	or_exit(j->ours, why);
}

static void
open_theirs(Gpt2Judge *j, const char *libraries, const char *path)
{
	struct llama_context_params p = llama_context_default_params();

	llama_log_set(only_errors, NULL);
	ggml_backend_load_all_from_path(libraries);
	llama_backend_init();
	j->model = or_exit(llama_model_load_from_file(path, llama_model_default_params()),
	                   "no .gguf");
	p.n_ctx = (unsigned)j->ours->context;
	p.n_batch = p.n_ctx;
	p.n_threads = p.n_threads_batch = 1;
	p.type_k = p.type_v = GGML_TYPE_F32;
	p.flash_attn_type = LLAMA_FLASH_ATTN_TYPE_DISABLED;
	j->theirs = or_exit(llama_init_from_model(j->model, p), "no context");
}

static const float *
feed_theirs(Gpt2Judge *j, int *row, int n)
{
	if (llama_decode(j->theirs, llama_batch_get_one(row, n)))
		or_exit(NULL, "decoding failed");
	return llama_get_logits_ith(j->theirs, -1);
}

/* Softmax; which is the greatest, and by how much it is greater than the next. */
static int
probabilities(const float *scores, int n, double *to, double *lead)
{
	int best = 0;
	double sum = 0, second = 0;

	for (int i = 1; i < n; i++)
		best = scores[i] > scores[best] ? i : best;
	for (int i = 0; i < n; i++)
		sum += to[i] = exp((double)scores[i] - (double)scores[best]);
	for (int i = 0; i < n; i++) {
		to[i] /= sum;
		second = i != best && to[i] > second ? to[i] : second;
	}
	*lead = to[best] - second;
	return best;
}

/* Our likeliest token. */
static int
compare_next(Gpt2Judge *j, const char *prompt, const float *ours, const float *theirs)
{
	int n = j->ours->nscore;
	double lead, worst = 0;
	int best = probabilities(ours, n, j->p, &lead);
	int want = probabilities(theirs, n, j->q, &lead);

	for (int i = 0; i < n; i++)
		worst = fmax(worst, fabs(j->p[i] - j->q[i]));
	j->worst = fmax(j->worst, worst);
	j->tokens++;
	j->close += lead <= TOLERANCE;
	if (worst > TOLERANCE || (lead > TOLERANCE && best != want)) {
		if (j->wrong++ < 10)
			fprintf(stderr, "'%s': token %d, and llama.cpp says %d; off by %g\n",
			        prompt, best, want, worst);
	}
	return best;
}

static void
forget_prompt(Gpt2Judge *j)
{
	llama_memory_clear(llama_get_memory(j->theirs), true);
	j->ours->position = 0;
}

static void
judge_prompt(Gpt2Judge *j, char *prompt)
{
	static int row[LONGEST_LINE], want[LONGEST_LINE];
	int length = (int)strlen(prompt);
	size_t bad;
	int n = vocabulary_cut(&j->arena, &j->vocab, prompt, (size_t)length, row, &bad);
	int m = llama_tokenize(llama_model_get_vocab(j->model), prompt, length, want, LONGEST_LINE,
	                       false, true);

	j->prompts++;
	if (n != m || n < 1 || n + AHEAD > j->ours->context
	    || memcmp(row, want, sizeof *row * (size_t)n)) {
		j->wrong++;
		fprintf(stderr, "'%s': other rows than llama.cpp's, or too many\n", prompt);
		return;
	}
	forget_prompt(j);
	const float *ours = NULL, *theirs = feed_theirs(j, want, n);
	for (int i = 0; i < n; i++)
		ours = generator_feed(j->ours, row[i]);
	for (int i = 0; i < AHEAD; i++) {
		int next = compare_next(j, prompt, ours, theirs);
		ours = generator_feed(j->ours, next);
		theirs = feed_theirs(j, &next, 1);
	}
	compare_next(j, prompt, ours, theirs);
}

/* ---- time ---- */

static double
busy_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int
order_of_times(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Tokens in turn, so that both find the machine as busy; medians, in ms of processor time. */
static void
time_both(Gpt2Judge *j, int n)
{
	double *ours = NEWS(&j->arena, double, n), *theirs = NEWS(&j->arena, double, n);

	forget_prompt(j);
	for (int i = 0; i < n; i++) {
		int row = 1000 * i % j->ours->ntoken;
		double begin = busy_ms();
		generator_feed(j->ours, row);
		ours[i] = busy_ms() - begin;
		begin = busy_ms();
		feed_theirs(j, &row, 1);
		theirs[i] = busy_ms() - begin;
	}
	qsort(ours, (size_t)n, sizeof *ours, order_of_times);
	qsort(theirs, (size_t)n, sizeof *theirs, order_of_times);
	double x = ours[n / 2], y = theirs[n / 2];
	printf("%8.1f a second   llama.cpp %8.1f, %.2f x\n", 1e3 / x, 1e3 / y, y / x);
}

int
main(int argc, char **argv)
{
	static char line[LONGEST_LINE];
	Gpt2Judge j = { 0 };

	if (argc < 4)
		return 2;
	open_ours(&j, argv[3]);
	open_theirs(&j, argv[1], argv[2]);
	j.p = NEWS(&j.arena, double, j.ours->nscore);
	j.q = NEWS(&j.arena, double, j.ours->nscore);
	if (argc > 5) {
		time_both(&j, atoi(argv[5]));
		return 0;
	}
	while (fgets(line, sizeof line, stdin)) {
		line[strcspn(line, "\n")] = '\0';
		judge_prompt(&j, line);
	}
	printf("%ld prompts, %ld tokens, of %ld the best two too close, probabilities off by %.1e, "
	       "%ld wrong\n",
	       j.prompts, j.tokens, j.close, j.worst, j.wrong);
	return j.wrong || !j.prompts;
}
