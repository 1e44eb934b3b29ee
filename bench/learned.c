/* usage: learned step GRAPH.twt BATCH [cc] | gemm [BLAS.so]
 *
 * step: milliseconds of processor time of a step of training, the median of 15, one thread;
 * with cc by kernels that the C compiler makes.
 * gemm: GFLOP/s of the product 1024 x 768 x 768, ours; and that of a BLAS with cblas_sgemm, turn by
 * turn in the same run; medians of 15. */

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tensor/kernel/gemm.h"
#include "tensor/train/train.h"

enum { TURNS = 15, FIRST = 2 };

static double
cpu_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int
compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double
median(double *x)
{
	qsort(x, TURNS, sizeof *x, compare_doubles);
	return x[TURNS / 2];
}

/* ---- a step ---- */

static void
random_tokens_of_batch(Trainer *t, int seed)
{
	srand((unsigned)seed);
	for (int b = 0; b < t->recipe->batch; b++)
		for (int i = 0; i < t->learned->ninput; i++) {
			const LearnedInput *in = &t->learned->input[i];
			float *to = trainer_input(t, i, b);
			for (int k = 0; to && k < t->learned->context; k++)
				to[k] = in->source == LEARNED_WEIGHT
				                ? 1
				                : (float)(rand()
				                          % ((int)in->tensor->values.hi + 1));
		}
}

static int
time_step(const char *path, int batch, bool compiled)
{
	Arena arena = { 0 };
	FILE *f = fopen(path, "r");
	char *text = arena_alloc(&arena, 1 << 20);
	const char *why;

	if (!f)
		return 2;
	size_t n = fread(text, 1, (1 << 20) - 1, f);
	fclose(f);
	Source src = { path, text, (uint32_t)n };
	Diags ds = { .arena = &arena, .src = &src };
	TensorGraph *g = tensor_graph_read(&src, &arena, &ds);
	Learned *l = g ? learned_of_graph(g, &why) : NULL;
	if (!l)
		return 2;
	Recipe r = { .steps = 1000,
		     .batch = batch,
		     .optimizer = OPTIMIZER_ADAMW,
		     .schedule = RATE_CONSTANT,
		     .rate = 1e-3,
		     .decay = 0.01,
		     .seed = 1 };
	Trainer *t = trainer_new(l, &r, vector_level(), NULL);
	double ms[TURNS];
	if (compiled && (why = trainer_compile(t))) {
		fprintf(stderr, "learned: %s\n", why);
		return 2;
	}
	trainer_initial(t);
	for (int i = -FIRST; i < TURNS; i++) {
		random_tokens_of_batch(t, i);
		double begin = cpu_ms();
		trainer_step(t);
		if (i >= 0)
			ms[i] = cpu_ms() - begin;
	}
	printf("%.1f\n", median(ms));
	arena_free(&arena);
	return 0;
}

/* ---- the product ---- */

typedef void CblasSgemm(int order, int ta, int tb, int m, int n, int k, float alpha, const float *a,
                        int lda, const float *b, int ldb, float beta, float *c, int ldc);

static int
time_gemm(const char *blas)
{
	enum { M = 1024, N = 768, K = 768, ROW_MAJOR = 101, AS_IT_IS = 111 };
	static float a[M * K], b[K * N], c[M * N], d[M * N];
	float *room = aligned_alloc(64, (size_t)(gemm_room(M, N, K) + 16) / 16 * 64);
	Gemm g = { .m = M,
		   .n = N,
		   .k = K,
		   .a = a,
		   .b = b,
		   .ai = K,
		   .ak = 1,
		   .bk = N,
		   .bj = 1,
		   .c = c,
		   .ldc = N,
		   .room = room };
	GemmRun *ours = gemm_run(vector_level());
	void *lib = blas ? dlopen(blas, RTLD_NOW) : NULL;
	CblasSgemm *theirs = NULL;
	double ms[2][TURNS] = { { 0 } }, flops = 2.0 * M * N * K;

	if (lib)
		*(void **)&theirs = dlsym(lib, "cblas_sgemm");
	for (int i = 0; i < M * K; i++)
		a[i] = (float)(rand() % 100) / 100;
	for (int i = 0; i < K * N; i++)
		b[i] = (float)(rand() % 100) / 100;
	for (int i = -FIRST; i < TURNS; i++) {
		double begin = cpu_ms(), middle;
		ours(&g);
		middle = cpu_ms();
		if (theirs)
			theirs(ROW_MAJOR, AS_IT_IS, AS_IT_IS, M, N, K, 1, a, K, b, N, 0, d, N);
		if (i >= 0) {
			ms[0][i] = middle - begin;
			ms[1][i] = cpu_ms() - middle;
		}
	}
	printf("%.1f %.1f\n", flops / median(ms[0]) / 1e6,
	       theirs ? flops / median(ms[1]) / 1e6 : 0);
	free(room);
	return 0;
}

int
main(int argc, char **argv)
{
	if (argc >= 4 && !strcmp(argv[1], "step"))
		return time_step(argv[2], atoi(argv[3]), argc > 4 && !strcmp(argv[4], "cc"));
	if (argc >= 2 && !strcmp(argv[1], "gemm"))
		return time_gemm(argc > 2 ? argv[2] : NULL);
	fputs("usage: learned step GRAPH.twt BATCH [cc] | gemm [BLAS.so]\n", stderr);
	return 2;
}
