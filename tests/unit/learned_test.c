/* The seam between the language and training: what a small table of scores loses, how parameters
 * begin; and of programs, that their graphs are sound, keep their text and have the gradients that
 * differences show. */

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "frontend/frontend.h"
#include "lang/random.h"
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

/* Scores with column 1 replaced by 5, then moved along (1, 0, -1) until 1 x0 - 1 x2 is 4: a sum of
 * rows behind them shows it. */
static void
test_learned_cut(void **state)
{
	Learned *l = bigrams(), *cut;
	LearnedCut parts[] = {
		{ .tensor = l->scores, .mask = (double[]){ 0, 1, 0 }, .to = (double[]){ 9, 5, 9 } },
		{ .tensor = l->scores, .along = (double[]){ 1, 0, -1 }, .level = 4 },
	};
	double w[] = { 1, 2, 3, 10, 20, 40, 0, 0, 0 };
	double want[] = { 4, 5, 0, 27, 5, 23 }; /* 1 - 3 is 6 less than 4: 3 to each side */

	(void)state;
	cut = learned_cut(&arena, l, 2, parts);
	assert_null(tensor_graph_verify(cut->graph));
	double **value = NEWS(&arena, double *, cut->graph->ntensor);
	value[cut->input[0].tensor->id] = (double[]){ 0, 1 };
	value[cut->input[1].tensor->id] = (double[]){ 2, 2 };
	value[cut->input[2].tensor->id] = (double[]){ 0, 1 };
	value[cut->param[0].tensor->id] = w;
	tensor_eval(cut->graph, value);
	for (int i = 0; i < 6; i++)
		assert_true(fabs(value[cut->scores->id][i] - want[i]) < 1e-12);
	double loss = log(exp(27 - 23) + exp(5 - 23) + 1);
	assert_true(fabs(*value[cut->loss->id] - loss) < 1e-12);
	arena_free(&arena);
}

/* ---- programs ---- */

static const char *const programs[] = {
	"use nn\n"
	"model gpt { vocab \"abcdefg \" context 6 }\n"
	"fn layer(x, i) = nn.block(x, 2)\n"
	"let x = fold(layer, nn.embed(token, 8, 0.5) + nn.place(8, 6, 0.5), [i for i in 0..<2])\n"
	"emit likely(nn.dense(nn.norm(x), len(vocabulary), 0.5))\n",

	"use nn\n"
	"model picture { vocab \"abcd\" context 2 }\n"
	"let x = [[[float(id(token) * (i + 1)) / 9 + j / 7 for j in 0..<6] for i in 0..<6]]\n"
	"let y = nn.max_pool(relu(nn.conv(nn.conv(x, 2), 3, 5)))\n"
	"let score = nn.mlp([e for plane in y for row in plane for e in row], [5, 4])\n"
	"loss log(sum(exp(s) for s in score)) - score[id(token)]\n",

	"use nn\n"
	"model rest { vocab \"0123456789+=\" context 8 }\n"
	"let plus = latest j where token[j] == '+'\n"
	"let digit = match token { '0'..'9' => ord(token) - ord('0'), else => 0 }\n"
	"let f = [float(d) / 9 for d in [digit[plus - 1 else 0], digit, index]]\n"
	"let h = [tanh(e) for e in nn.dense(f, 6, 1)]\n"
	"let g = if exists(plus) then h else [0 for i in 0..<6]\n"
	"let near = mean(h[j][0] for j where token[j] != '+' else 0)\n"
	"let all = sum(h[j] for j where digit[j] == digit)\n"
	"emit likely(nn.dense(concat(g, h[here - 1 else g], g[plus else h], [near], all), 13, "
	"1))\n",
};

enum { NPROGRAM = sizeof programs / sizeof *programs };

static Learned *
lowered(const char *text)
{
	Source *src = NEW(&arena, Source);
	Diags *ds = NEW(&arena, Diags);

	*src = (Source){ "test.tw", text, (uint32_t)strlen(text) };
	*ds = (Diags){ .arena = &arena, .src = src };
	Graph *g = lower(parse(src, &arena, ds), NULL, &arena, ds);
	diag_print(ds, stderr);
	assert_int_equal(ds->nerror, 0);
	assert_non_null(g->learned);
	return g->learned;
}

/* Leaves by chance: parameters as they begin, inputs within their bounds. */
static double **
random_leaves(const Learned *l, uint64_t seed)
{
	double **value = NEWS(&arena, double *, l->graph->ntensor);

	for (int i = 0; i < l->nparam; i++) {
		int64_t n = tensor_size(l->param[i].tensor);
		float *x = NEWS(&arena, float, n);
		double *to = value[l->param[i].tensor->id] = NEWS(&arena, double, n);
		learned_initial(&l->param[i], seed, x);
		for (int64_t k = 0; k < n; k++)
			to[k] = (double)x[k];
	}
	for (int i = 0; i < l->ninput; i++) {
		const TensorNode *t = l->input[i].tensor;
		double *to = value[t->id] = NEWS(&arena, double, tensor_size(t));
		int n = t->integer ? (int)(t->values.hi - t->values.lo) + 1 : 1;
		for (int64_t k = 0; k < tensor_size(t); k++)
			to[k] = t->integer ? t->values.lo + seeded_below(&seed, n) : 0.25;
	}
	return value;
}

/* Some elements of each parameter: the gradient against central differences. */
static void
check_gradients(Learned *l, TensorNode **to, double **value)
{
	uint64_t seed = 1;

	for (int i = 0; i < l->nparam; i++) {
		TensorNode *p = l->param[i].tensor;
		int at = seeded_below(&seed, (int)tensor_size(p));
		double *x = value[p->id] + at, old = *x, h = 1e-5, loss[2];
		for (int k = 0; k < 2; k++) {
			*x = old + (k ? -h : h);
			tensor_eval(l->graph, value);
			loss[k] = *value[l->loss->id];
		}
		*x = old;
		tensor_eval(l->graph, value);
		double got = to[i] ? value[to[i]->id][at] : 0, want = (loss[0] - loss[1]) / (2 * h);
		if (fabs(got - want) > 1e-6 * (1 + fabs(want)))
			fail_msg("%s[%d]: gradient %g, by differences %g", p->name, at, got, want);
	}
}

static void
test_programs(void **state)
{
	(void)state;
	for (int i = 0; i < NPROGRAM; i++) {
		Learned *l = lowered(programs[i]);
		TensorNode **by = NEWS(&arena, TensorNode *, l->nparam),
			   **to = NEWS(&arena, TensorNode *, l->nparam);
		for (int k = 0; k < l->nparam; k++)
			by[k] = l->param[k].tensor;
		tensor_gradient(l->graph, l->loss, l->nparam, by, to);
		const char *fault = tensor_graph_verify(l->graph);
		if (fault)
			fail_msg("program %d: %s", i, fault);
		check_gradients(l, to, random_leaves(l, 3));
		arena_free(&arena);
	}
}

static char *
printed_graph(const TensorGraph *g, size_t *n)
{
	char *text = NULL;
	FILE *f = open_memstream(&text, n);

	tensor_graph_print(g, f);
	fclose(f);
	return text;
}

static void
test_program_text(void **state)
{
	(void)state;
	for (int i = 0; i < NPROGRAM; i++) {
		size_t n, m;
		char *text = printed_graph(lowered(programs[i])->graph, &n);
		Source src = { "test.twt", text, (uint32_t)n };
		Diags ds = { .arena = &arena, .src = &src };
		TensorGraph *g = tensor_graph_read(&src, &arena, &ds);
		diag_print(&ds, stderr);
		assert_non_null(g);
		char *again = printed_graph(g, &m);
		assert_string_equal(text, again);
		free(text);
		free(again);
		arena_free(&arena);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_surprise),     cmocka_unit_test(test_initial),
		cmocka_unit_test(test_learned_cut),  cmocka_unit_test(test_programs),
		cmocka_unit_test(test_program_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
