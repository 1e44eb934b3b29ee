/* Kernels against the reference evaluator, and for one processor against another: random graphs,
 * matrix products of all layouts, functions. */

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lang/random.h"
#include "tensor/kernel/kernel.h"
#include "tests/unit/random_tensors.h"

static Arena arena;
static Workers *three_threads;

/* Levels of vectors, with one thread; then the last with three; then unfused; then by the C
 * compiler, which takes its time, so it is asked of some. */
enum { THREE_THREADS = VECTORS_AVX512 + 1, UNFUSED, COMPILED, VARIANTS };

/* The reference of leaves as floats hold them. */
static double **
reference_values(const TensorGraph *g, unsigned seed)
{
	double **value = NEWS(&arena, double *, g->ntensor);

	srand(seed);
	for (int i = 0; i < g->ntensor; i++) {
		const TensorNode *t = g->tensor[i];
		if (t->body || t->table)
			continue;
		fill_leaf(g, t, value);
		for (int64_t k = 0; k < tensor_size(t); k++)
			value[i][k] = (float)value[i][k];
	}
	tensor_eval(g, value);
	return value;
}

static TensorProgram *
filled_program(TensorGraph *g, double **value, int nleaf, VectorLevel level, Workers *workers)
{
	TensorProgram *p = tensor_program_new(g, level);

	for (int i = 0; i < nleaf; i++) {
		const TensorNode *t = g->tensor[i];
		float *to = t->body || t->table ? NULL : tensor_program_buffer(p, t);
		for (int64_t k = 0; to && k < tensor_size(t); k++)
			to[k] = (float)value[i][k];
	}
	tensor_program_share(p, workers);
	p->small = 0;
	return p;
}

static void
check_outputs(TensorGraph *g, unsigned seed, bool compiled)
{
	int n = g->ntensor;
	double **value = reference_values(g, seed);
	TensorProgram *p[VARIANTS];

	int variants = compiled ? VARIANTS : COMPILED;
	for (int i = 0; i < variants; i++) {
		int level = min_int(i, VECTORS_AVX512) + (i == UNFUSED ? VECTORS_UNFUSED : 0);
		p[i] = filled_program(g, value, n, (VectorLevel)level,
		                      i == THREE_THREADS || i == COMPILED ? three_threads : NULL);
		const char *why = i == COMPILED ? tensor_program_compile(p[i]) : NULL;
		if (why)
			fail_msg("seed %u: %s", seed, why);
		tensor_program_run(p[i]);
	}
	for (int i = 0; i < g->noutput; i++) {
		const TensorNode *t = g->output[i];
		int64_t size = tensor_size(t);
		const float *x = tensor_program_buffer(p[0], t);
		for (int level = 1; level < variants; level++)
			if (memcmp(x, tensor_program_buffer(p[level], t), sizeof *x * (size_t)size))
				fail_msg("seed %u: %s differs at level %d", seed, t->name, level);
		for (int64_t k = 0; k < size; k++)
			if (!(fabs(x[k] - value[t->id][k]) <= 2e-4 * (1 + fabs(value[t->id][k]))))
				fail_msg("seed %u: %s: %.9g is meant to be %.9g", seed, t->name,
				         x[k], value[t->id][k]);
	}
	arena_free(&arena);
}

/* Where a maximum or a comparison is close, floats and doubles may part: gradients are left out. */
static void
test_random_kernels(void **state)
{
	const char *n = getenv("PROGRAMS");

	(void)state;
	for (unsigned seed = 1; seed <= (n ? (unsigned)atoi(n) : 500); seed++) {
		TensorGraph *g = tensor_graph_new(&arena);
		random_program(g, seed);
		for (int i = 0; i < g->ntensor; i++)
			if (g->tensor[i]->body)
				tensor_output(g, g->tensor[i]);
		check_outputs(g, seed, seed % 250 == 0 || getenv("CC_EACH"));
	}
}

/* Are there this many products and scatters among the kernels? */
static void
check_kinds(const char *text, int products, int scatters)
{
	TensorGraph *g = read_tensors(&arena, text);
	char *plan = NULL;
	size_t n;
	FILE *f = open_memstream(&plan, &n);

	tensor_program_print(tensor_program_new(g, VECTORS_PORTABLE), NULL, f);
	fclose(f);
	for (const char *s = plan; *s; s = strchr(s, '\n') + 1) {
		products -= !strncmp(s, "product", 7);
		scatters -= !strncmp(s, "scatter", 7);
	}
	if (products || scatters)
		fail_msg("%s", plan);
	free(plan);
	check_outputs(read_tensors(&arena, text), 1, true);
}

/* A single row: lines along either axis, more than a block of terms, heads side by side, zeros. */
static void
test_vector_products(void **state)
{
	(void)state;
	check_kinds("param x [403] = 0\nparam w [403][131] = 0\n"
	            "y [j < 131] = sum(x[r] * w[r, j] for r < 403)\noutput y\n",
	            1, 0);
	check_kinds("param x [403] = 0\nparam w [131][403] = 0\n"
	            "y [j < 131] = sum(tanh(x[r]) * w[j, r] for r < 403)\noutput y\n",
	            1, 0);
	check_kinds("param x [5] = 0\nparam w [5][5003] = 0\n"
	            "y [j < 5003] = sum(x[r] * w[r, j] for r < 5)\noutput y\n",
	            1, 0);
	check_kinds("param q [5][70] = 0\nparam k [300][5][70] = 0\nparam v [300][5][70] = 0\n"
	            "p [h < 5][u < 300] = sum(q[h, r] * k[u, h, r] for r < 70)\n"
	            "s [h < 5][u < 300] = where(u < 101, p[h, u] / 100, 0)\n"
	            "y [h < 5][d < 70] = sum(s[h, r] * v[r, h, d] for r < 300)\noutput y\n",
	            2, 0);
	/* too small; and what is squared has no vector */
	check_kinds("param x [70] = 0\nparam w [70][80] = 0\n"
	            "y [j < 80] = sum(x[r] * w[r, j] for r < 70)\n"
	            "z [j < 80] = sum(w[r, j] * w[r, j] for r < 70)\noutput y\noutput z\n",
	            0, 0);
}

static void
test_kernel_kinds(void **state)
{
	(void)state;
	check_kinds("param a [33][50] = 0\nparam b [50][70] = 0\n"
	            "c [i < 33][j < 70] = sum(a[i, r] * b[r, j] for r < 50)\noutput c\n",
	            1, 0);
	check_kinds("param a [50][33] = 0\nparam b [70][50] = 0\n"
	            "c [i < 33][j < 70] = sum(a[r, i] * b[j, r] for r < 50)\noutput c\n",
	            1, 0);
	/* stored the other way round */
	check_kinds("param a [33][50] = 0\nparam b [50][70] = 0\n"
	            "c [j < 70][i < 33] = sum(a[i, r] * b[r, j] for r < 50)\noutput c\n",
	            1, 0);
	/* more than one block of terms, and of rows */
	check_kinds("param a [200][900] = 0\nparam b [900][17] = 0\n"
	            "c [i < 200][j < 17] = sum(a[i, r] * b[r, j] for r < 900)\noutput c\n",
	            1, 0);
	/* batches and heads; the ranges r and s are one */
	check_kinds("param x [3][8][4][6] = 0\nparam w [24][40] = 0\n"
	            "c [i < 3][j < 8][k < 40] = "
	            "sum(sum(x[i, j, r, s] * w[r * 6 + s, k] for s < 6) for r < 4)\noutput c\n",
	            1, 0);
	check_kinds("param q [2][16][3][8] = 0\nparam k [2][16][3][8] = 0\n"
	            "c [i < 2][j < 3][l < 16][m < 16] = "
	            "sum(q[i, l, j, r] * k[i, m, j, r] for r < 8)\noutput c\n",
	            1, 0);
	/* terms that are not one range: two turns */
	check_kinds("param x [32][4][8] = 0\nparam w [8][4][32] = 0\n"
	            "c [i < 32][j < 32] = sum(sum(x[i, r, s] * w[s, r, j] for s < 8) for r < 4)\n"
	            "output c\n",
	            1, 0);
	/* what is around the sum, and a factor that is no load */
	check_kinds("param a [33][50] = 0\nparam b [50][70] = 0\nparam d [70] = 0\n"
	            "c [i < 33][j < 70] = max(sum(tanh(a[i, r]) * b[r, j] for r < 50) + d[j], 0)\n"
	            "output c\n",
	            1, 0);
	check_kinds("input ids [9] int 0..19\nparam x [9][30] = 0\n"
	            "d [i < 20][j < 30] = sum(where(i == ids[r], x[r, j] * 2, 0) for r < 9)\n"
	            "output d\n",
	            0, 1);
	/* sums along and across, of more than a strip */
	check_kinds("param x [5][1300] = 0\n"
	            "a [i < 5] = sum(x[i, r] for r < 1300)\n"
	            "b [i < 5] = max(x[i, r] for r < 1300)\n"
	            "c [i < 1300] = sum(x[r, i] for r < 5)\n"
	            "e [i < 5][j < 1300] = exp(x[i, j] - b[i]) / sum(exp(x[i, r] - b[i]) for r < "
	            "1300)\n"
	            "output a\noutput b\noutput c\noutput e\n",
	            0, 0);
	/* what is outside is 0; every second; backwards; looked up */
	check_kinds("param x [40] = 0\ninput ids [30] int -3..45\n"
	            "a [i < 50] = x[i - 5] + x[i * 2 - 7] + x[60 - i] + x[30 - i * 3]\n"
	            "b [i < 30] = x[ids[i]] + x[i // 7 * 3 % 5]\noutput a\noutput b\n",
	            0, 0);
}

/* What two tensors ask for is computed once, and what one asks for stays where it is. */
static void
test_shared_functions(void **state)
{
	const char *text = "param x [50] = 0\n"
			   "a [i < 50] = 2 * tanh(x[i]) + exp(x[i])\n"
			   "b [i < 50] = x[i] - tanh(x[i])\n"
			   "output a\noutput b\n";
	TensorGraph *g = read_tensors(&arena, text);

	(void)state;
	tensor_program_new(g, VECTORS_PORTABLE);
	assert_non_null(tensor_find(g, "a.tanh"));
	assert_null(tensor_find(g, "a.exp"));
	assert_null(tensor_find(g, "b.tanh"));
	check_outputs(read_tensors(&arena, text), 1, true);
}

static const char *
read_test_file(const char *path)
{
	FILE *f = fopen(path, "r");
	char *text = arena_alloc(&arena, 1 << 16);

	assert_non_null(f);
	assert_true(fread(text, 1, (1 << 16) - 1, f) > 0);
	fclose(f);
	return text;
}

/* A step of training, as far as it is in the graph: the loss, and its gradients by all parameters.
 */
static void
test_transformer(void **state)
{
	TensorGraph *g = read_tensors(&arena, read_test_file("tests/unit/transformer.twt"));
	TensorNode *by[64], *to[64];
	int n = 0;

	(void)state;
	for (int i = 0; i < g->ntensor; i++)
		if (g->tensor[i]->kind == TENSOR_PARAM)
			by[n++] = g->tensor[i];
	tensor_gradient(g, g->output[0], n, by, to);
	for (int i = 0; i < n; i++)
		tensor_output(g, to[i]);
	check_outputs(g, 1, true);
}

/* What is above 0 is asked of a tensor, and does not hide the products of a gradient. */
static void
test_gradient_of_masked_products(void **state)
{
	TensorGraph *g = read_tensors(&arena,
	                              "input x [40][50]\nparam w [30][50] = 0\n"
	                              "param v [20][30] = 0\n"
	                              "y [i < 40][j < 30] = "
	                              "max(sum(x[i, r] * w[j, r] for r < 50), 0)\n"
	                              "z [i < 40][j < 20] = "
	                              "max(sum(y[i, r] * v[j, r] for r < 30), 0)\n"
	                              "loss = sum(sum(z[r, s] * z[r, s] for s < 20) for r < 40)\n");
	TensorNode *by[] = { tensor_find(g, "w"), tensor_find(g, "v") }, *to[2];
	char *plan = NULL;
	size_t n;
	int products = 0;

	(void)state;
	tensor_gradient(g, tensor_find(g, "loss"), 2, by, to);
	tensor_output(g, to[0]);
	tensor_output(g, to[1]);
	FILE *f = open_memstream(&plan, &n);
	tensor_program_print(tensor_program_new(g, VECTORS_PORTABLE), NULL, f);
	fclose(f);
	for (const char *s = plan; *s; s = strchr(s, '\n') + 1)
		products += !strncmp(s, "product", 7);
	if (products != 5)
		fail_msg("%s", plan);
	free(plan);
	check_outputs(g, 1, true);
}

/* Fibonacci's numbers: what is carried is in a buffer that nothing else may use. */
static void
test_carry(void **state)
{
	TensorGraph *g = read_tensors(&arena, "param a [9] = 0\nparam b [9] = 1\n"
	                                      "c [i < 9] = sum(a[r] for r < 9) - 8 * a[i]\n"
	                                      "d [i < 9] = b[i] * 2\n"
	                                      "e [i < 9] = sum(c[r] for r < 9) - 8 * c[i]\n"
	                                      "next [i < 9] = e[i] + d[i] - b[i]\n"
	                                      "now [i < 9] = max(b[i], b[i] - 1)\n"
	                                      "carry b = next\ncarry a = now\n");
	TensorProgram *p = tensor_program_new(g, vector_level());

	(void)state;
	for (int i = 0; i < 9; i++)
		tensor_program_buffer(p, tensor_find(g, "b"))[i] = 1;
	for (int i = 0; i < 10; i++) {
		tensor_program_run(p);
		tensor_program_advance(p);
	}
	for (int i = 0; i < 9; i++) {
		assert_true(tensor_program_buffer(p, tensor_find(g, "a"))[i] == 55);
		assert_true(tensor_program_buffer(p, tensor_find(g, "b"))[i] == 89);
	}
	arena_free(&arena);
}

/* ---- position by position ---- */

static void
fill_params_by_seed(TensorProgram *p, const TensorGraph *g)
{
	for (int i = 0; i < g->ntensor; i++) {
		const TensorNode *t = g->tensor[i];
		float *to = t->kind == TENSOR_PARAM ? tensor_program_buffer(p, t) : NULL;
		uint64_t state = 0;
		for (const char *s = t->name; *s; s++)
			state = state * 31 + (unsigned char)*s;
		for (int64_t k = 0; to && k < tensor_size(t); k++)
			to[k] = (float)seeded_below(&state, 1000) / 1000 - 0.5f;
	}
}

/* A row after the other gives the rows of the whole; `updates` of them are in place. */
static void
check_decode(const char *text, int context, int updates)
{
	TensorGraph *whole = read_tensors(&arena, text), *one;
	TensorNode *token = tensor_find(whole, "token"), *scores = tensor_find(whole, "scores");
	TensorNode **row = NEWS(&arena, TensorNode *, whole->ntensor);
	int n = scores->dim[1];

	one = tensor_decode(whole, scores, row);
	assert_non_null(one);
	assert_null(tensor_graph_verify(one));
	TensorProgram *p = tensor_program_new(whole, vector_level()),
		      *q = tensor_program_new(one, vector_level());
	fill_params_by_seed(p, whole);
	fill_params_by_seed(q, one);
	for (int t = 0; t < context; t++)
		tensor_program_buffer(p, token)[t] = (float)(t * 7 % 11);
	tensor_program_run(p);
	for (int t = 0; t < context; t++) {
		float *here = tensor_program_buffer(q, tensor_find(one, "here"));
		*tensor_program_buffer(q, row[token->id]) = (float)(t * 7 % 11);
		if (here)
			*here = (float)t;
		tensor_program_run(q);
		tensor_program_advance(q);
		for (int i = 0; i < n; i++) {
			float x = tensor_program_buffer(p, scores)[t * n + i],
			      y = tensor_program_buffer(q, row[scores->id])[i];
			if (!(fabsf(x - y) <= 1e-5f * (1 + fabsf(x))))
				fail_msg("position %d: %.9g, not %.9g", t, y, x);
		}
	}
	char *plan = NULL;
	size_t size;
	FILE *f = open_memstream(&plan, &size);
	tensor_program_print(q, NULL, f);
	fclose(f);
	for (const char *s = plan; *s; s = strchr(s, '\n') + 1)
		updates -= !strncmp(s, "update", 6);
	free(plan);
	assert_int_equal(updates, 0);
	arena_free(&arena);
}

static void
test_position_by_position(void **state)
{
	(void)state;
	check_decode(read_test_file("tests/train/letters.twt"), 24, 2);
	/* the one before; one far back that is looked up; all so far; the same in two ways */
	check_decode("input token [20] int 0..10\nparam e [11][6] = 0\n"
	             "x [t < 20][c < 6] = e[token[t], c]\n"
	             "y [t < 20][c < 6] = x[t - 1, c] + tanh(x[t, c])\n"
	             "z [c < 6][t < 20] = y[t - token[t], 5 - c] * y[t, c]\n"
	             "s [t < 20] = sum(where(t < u, 0, z[2, u]) for u < 20)\n"
	             "scores [t < 20][c < 6] = z[c, t] + s[t] + sum(z[c, t - u] for u < 3)\n"
	             "output scores\n",
	             20, 3);
	/* nothing is read elsewhere: there is no past */
	check_decode("input token [5] int 0..10\nparam e [11][6] = 0\n"
	             "scores [t < 5][c < 6] = e[token[t], c]\noutput scores\n",
	             5, 0);
}

/* ---- functions ---- */

static void
check_strip_function(const char *name, double (*f)(double), double from, double to, double ulps)
{
	enum { N = 20000 };
	const char *text = arena_fmt(&arena, "param x [%d] = 0\ny [i < %d] = %s(x[i])\noutput y\n",
	                             N, N, name);
	TensorGraph *g = read_tensors(&arena, text);
	TensorProgram *p = tensor_program_new(g, vector_level());
	float *x = tensor_program_buffer(p, g->tensor[0]);

	for (int i = 0; i < N; i++)
		x[i] = (float)(from + (to - from) * i / (N - 1));
	tensor_program_run(p);
	const float *y = tensor_program_buffer(p, g->output[0]);
	for (int i = 0; i < N; i++) {
		double wanted = f(x[i]);
		double ulp = ldexp(1, max_int(ilogb(wanted), -126) - 23);
		if (isfinite((float)wanted) ? fabs(y[i] - wanted) > ulps * ulp
		                            : y[i] != (float)wanted)
			fail_msg("%s(%.9g) = %.9g, not %.9g", name, x[i], y[i], wanted);
	}
	arena_free(&arena);
}

static void
test_functions(void **state)
{
	(void)state;
	check_strip_function("exp", exp, -87, 88.6, 2);
	check_strip_function("exp", exp, -1e-3, 1e-3, 2);
	check_strip_function("log", log, 1e-30, 1e-20, 2);
	check_strip_function("log", log, 1e-3, 3, 2);
	check_strip_function("log", log, 1, 1e30, 2);
	check_strip_function("tanh", tanh, -12, 12, 2);
	check_strip_function("tanh", tanh, -1e-2, 1e-2, 2);
	check_strip_function("sqrt", sqrt, 0, 100, 0.5);
	check_strip_function("sin", sin, -3, 3, 3);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_kernels),
		cmocka_unit_test(test_kernel_kinds),
		cmocka_unit_test(test_vector_products),
		cmocka_unit_test(test_shared_functions),
		cmocka_unit_test(test_transformer),
		cmocka_unit_test(test_gradient_of_masked_products),
		cmocka_unit_test(test_carry),
		cmocka_unit_test(test_position_by_position),
		cmocka_unit_test(test_functions),
	};

	three_threads = workers_new(3);
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	workers_free(three_threads);
	return failed;
}
