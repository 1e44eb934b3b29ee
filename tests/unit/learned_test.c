/* The seam between the language and training: what a small table of scores loses, and how
 * parameters begin. */

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tensor/learned.h"

static Arena arena;

/* Two positions, three tokens: scores[t, v] = w[token[t], v]. */
static Learned *
bigrams(void)
{
	Learned *l = learned_new(&arena, 2);
	TensorGraph *g = l->graph;
	TensorNode *token = learned_input(l, LEARNED_TOKEN, "token", 1, &l->context);
	TensorNode *w = learned_param(l, "w", 2, (int[]){ 3, 3 });
	Scalar *axis[] = { scalar_fresh(g, 2), scalar_fresh(g, 3) }, *at[2];

	token->integer = true;
	token->values = (Interval){ 0, 2 };
	w->spread = 0.5;
	at[0] = scalar_load(g, token, axis);
	at[1] = axis[1];
	learned_likely(l, tensor_define(g, "scores", scalar_load(g, w, at), 2, axis));
	return l;
}

static void
test_surprise(void **state)
{
	Learned *l = bigrams();
	double **value = NEWS(&arena, double *, l->graph->ntensor), want = 0;
	double w[] = { 1, 2, 3, 900, -900, 0, 0, 0, 0 };

	(void)state;
	assert_null(tensor_graph_verify(l->graph));
	value[l->input[0].tensor->id] = (double[]){ 0, 1 };
	value[l->input[1].tensor->id] = (double[]){ 2, 2 };
	value[l->input[2].tensor->id] = (double[]){ 0.25, 0.75 };
	value[l->param[0].tensor->id] = w;
	tensor_eval(l->graph, value);
	want = 0.25 * log(1 + exp(-1) + exp(-2)) + 0.75 * 900;
	assert_true(fabs(*value[l->loss->id] - want) < 1e-12 * want);
	assert_int_equal(l->input[1].source, LEARNED_TARGET);
	assert_int_equal(l->input[2].source, LEARNED_WEIGHT);
	arena_free(&arena);
}

static void
test_initial(void **state)
{
	enum { N = 20000 };
	Learned *l = learned_new(&arena, 2);
	TensorNode *w = learned_param(l, "a.w", 1, (int[]){ N });
	static float x[N], y[N];
	double sum = 0, squares = 0;

	(void)state;
	w->spread = 0.5;
	learned_initial(&l->param[0], 7, x);
	for (int i = 0; i < N; i++) {
		sum += (double)x[i];
		squares += (double)x[i] * (double)x[i];
	}
	assert_true(fabs(sum / N) < 0.01 && fabs(sqrt(squares / N) - 0.5) < 0.01);
	learned_initial(&l->param[0], 7, y);
	assert_memory_equal(x, y, sizeof x);
	learned_initial(&l->param[0], 8, y);
	assert_memory_not_equal(x, y, sizeof x);
	w->spread = 0;
	w->init = 3;
	learned_initial(&l->param[0], 7, x);
	assert_true(x[0] == 3 && x[N - 1] == 3);
	arena_free(&arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_surprise),
		cmocka_unit_test(test_initial),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
