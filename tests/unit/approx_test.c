/* What approx(e, t) computes, beside the functions of libm: at random points, at the ends
 * of the ranges, and on and around every bend of every neuron.
 *
 *     build/unit/approx_test [POINTS [SEED]] */

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "backend/backend.h"
#include "backend/file/write.h"
#include "frontend/frontend.h"
#include "runtime/tw.h"

static int points = 3000;
static unsigned seed = 1;

typedef struct Case {
	const char *range; /* of x and of y */
	const char *of;
	double tolerance;
	double (*meant)(double x, double y);
} Case;

static double
of_exp(double x, double y)
{
	(void)y;
	return exp(x);
}
static double
of_log(double x, double y)
{
	(void)y;
	return log(x);
}
static double
of_log1(double x, double y)
{
	(void)y;
	return log(x + 1);
}
static double
of_sqrt(double x, double y)
{
	(void)y;
	return sqrt(x);
}
static double
of_sin(double x, double y)
{
	(void)y;
	return sin(x);
}
static double
of_cos(double x, double y)
{
	(void)y;
	return cos(3 * x + 1);
}
static double
of_inverse(double x, double y)
{
	(void)y;
	return 1 / x;
}
static double
of_gauss(double x, double y)
{
	(void)y;
	return exp(-x * x / 2);
}
static double
of_logistic(double x, double y)
{
	(void)y;
	return 1 / (1 + exp(-x));
}
static double
of_silu(double x, double y)
{
	(void)y;
	return x / (1 + exp(-x));
}
static double
of_softplus(double x, double y)
{
	(void)y;
	return log(1 + exp(x));
}
static double
of_cube(double x, double y)
{
	(void)y;
	return x * x * x - 2 * x;
}
static double
of_damped(double x, double y)
{
	(void)y;
	return exp(-x / 2) * sin(4 * x);
}
static double
of_product(double x, double y)
{
	return x * y;
}
static double
of_quotient(double x, double y)
{
	return x / y;
}
static double
of_distance(double x, double y)
{
	return sqrt(x * x + y * y + 1);
}
static double
of_share(double x, double y)
{
	return exp(x) / (exp(x) + exp(y));
}
static double
of_sum(double x, double y)
{
	return 100 * sin(x) + exp(y) / 50;
}
static double
of_ridge(double x, double y)
{
	return (x - 2 * y) / (1 + exp(2 * y - x));
}
static double
of_largest(double x, double y)
{
	return exp(fmax(x, y)) - fabs(x * y);
}
static double
of_branch(double x, double y)
{
	return y < 5 ? log(y + 1) : x * y;
}

static const Case cases[] = {
	{ "real -4..4", "exp(x)", 1e-3, of_exp },
	{ "real -4..4", "exp(x)", 5, of_exp },
	{ "real -10..0", "exp(x)", 3e-5, of_exp },
	{ "real 0.01..100", "log(x)", 1e-3, of_log },
	{ "real 0..100", "sqrt(x)", 1e-2, of_sqrt },
	{ "real -7..7", "sin(x)", 1e-3, of_sin },
	{ "real -2..3", "cos(3 * x + 1)", 1e-3, of_cos },
	{ "real 0.1..10", "1 / x", 1e-3, of_inverse },
	{ "real -9..-0.5", "1 / x", 1e-4, of_inverse },
	{ "real -6..6", "exp(-x * x / 2)", 1e-4, of_gauss },
	{ "real -8..8", "1 / (1 + exp(-x))", 1e-4, of_logistic },
	{ "real -8..8", "x / (1 + exp(-x))", 1e-3, of_silu },
	{ "real -8..8", "log(1 + exp(x))", 1e-3, of_softplus },
	{ "real -3..3", "x ** 3 - 2 * x", 1e-2, of_cube },
	{ "real 0..5", "exp(-x / 2) * sin(4 * x)", 1e-3, of_damped },
	{ "real -4..4", "x * y", 1e-2, of_product },
	{ "real 0..1", "x * y", 1e-4, of_product },
	{ "real 500..501", "x * y", 1, of_product },
	{ "real 1..5", "x / y", 1e-2, of_quotient },
	{ "real -2..2", "sqrt(x * x + y * y + 1)", 1e-2, of_distance },
	{ "real -2..2", "exp(x) / (exp(x) + exp(y))", 5e-2, of_share },
	{ "real -3..3", "100 * sin(x) + exp(y) / 50", 1e-1, of_sum },
	{ "real -2..2", "(x - 2 * y) / (1 + exp(2 * y - x))", 1e-2, of_ridge },
	{ "real -1..1", "exp(max(x, y)) - abs(x * y)", 1e-2, of_largest },
	{ "int 0..100000", "log(x + 1)", 1e-2, of_log1 },
	{ "int 0..5000", "sqrt(x)", 1e-2, of_sqrt },
	{ "int 1..20000", "1 / x", 1e-3, of_inverse },
	{ "int -900..1500", "x * y", 2e3, of_product },
	{ "int 0..900", "if y < 5 then log(y + 1) else x * y", 1e3, of_branch },
};

typedef struct Trial {
	const Case *c;
	const TwModel *m;
	TwSession *s;
	bool whole;
	double worst;
} Trial;

static double
random_unit(void)
{
	static uint64_t state;

	state = (state ? state : seed) * 6364136223846793005u + 1442695040888963407u;
	return (double)(state >> 11) / (double)((uint64_t)1 << 53);
}

static void
check_point(Trial *r, double x, double y)
{
	float fed[2] = { (float)x, (float)y };

	for (int i = 0; i < 2; i++) {
		const TwInput *in = &r->m->input[i];
		if (r->whole)
			fed[i] = roundf(fed[i]);
		fed[i] = fed[i] < in->low ? in->low : fed[i] > in->high ? in->high : fed[i];
	}
	tw_reset(r->s);
	assert_true(tw_feed_numbers(r->s, fed));
	double got = (double)*tw_label(r->s, 0, 0),
	       meant = r->c->meant((double)fed[0], (double)fed[1]);
	double off = fabs(got - meant);
	if (!(off <= (double)r->m->label[0].error))
		fail_msg("%s at %.9g, %.9g: %.9g, not %.9g", r->c->of, (double)fed[0],
		         (double)fed[1], got, meant);
	r->worst = fmax(r->worst, off);
}

static double
somewhere(const Trial *r, int i)
{
	double lo = (double)r->m->input[i].low, hi = (double)r->m->input[i].high;

	switch ((int)(random_unit() * 12)) {
	case 0: return lo;
	case 1: return hi;
	default: return lo + (hi - lo) * random_unit();
	}
}

/* Where a neuron of the first layer bends, and beside it. */
static void
at_bends(Trial *r)
{
	const TwModel *m = r->m;
	const TwLayer *l = &m->layer[0];

	for (int i = 0; m->nlayer && i < l->neurons; i++) {
		double by[2] = { 0, 0 }, at[2], k = (double)l->b1[i];
		for (int d = 0; d < m->d_model; d++) {
			double w = (double)l->w1[d * l->neurons + i];
			by[0] += w * (double)m->embed_input[d];
			by[1] += w * (double)m->embed_input[m->d_model + d];
		}
		int which = fabs(by[0]) > fabs(by[1]) ? 0 : 1;
		at[!which] = r->whole ? round(somewhere(r, !which))
		                      : (double)(float)somewhere(r, !which);
		float bend = by[which] == 0 ? 0
		                            : (float)(-(k + by[!which] * at[!which]) / by[which]);
		float beside[] = { bend, nextafterf(bend, 1e9f), nextafterf(bend, -1e9f), bend + 1,
			           bend - 1 };
		for (int b = 0; b < 5; b++) {
			at[which] = (double)beside[b];
			check_point(r, at[0], at[1]);
		}
	}
}

/* The model of approx(e, t); NULL after errors. */
static TwModel *
compile_case(const Case *c, double tolerance, Arena *arena, Diags *diags)
{
	Report report;
	Source *src = NEW(arena, Source);
	char *text = arena_fmt(
		arena, "model m { context 2 } input x: %s input y: %s output z = approx(%s, %.9g)",
		c->range, c->range, c->of, tolerance);

	*src = (Source){ .path = c->of, .text = text, .len = (uint32_t)strlen(text) };
	*diags = (Diags){ .arena = arena, .src = src };
	Graph *g = lower(parse(src, arena, diags), "stdlib", arena, diags);
	if (!diags->nerror)
		run_passes(g, diags, NULL, NULL);
	return diags->nerror ? NULL : compile_graph(g, arena, diags, &report);
}

static void
try_case(const Case *c)
{
	Arena arena = { 0 };
	Diags diags;
	TwModel *model = compile_case(c, c->tolerance, &arena, &diags);
	char *error = NULL;
	size_t n;

	diag_print(&diags, stderr);
	assert_non_null(model);
	unsigned char *bytes = onnx_bytes(&arena, model, &n);
	TwModel *loaded = tw_load_memory(bytes, n, &error);
	assert_non_null(loaded);
	assert_true((double)loaded->label[0].error <= 1.001 * c->tolerance);
	Trial r = { c, loaded, tw_open(loaded, 0, &error), !strncmp(c->range, "int", 3), 0 };
	at_bends(&r);
	for (int i = 0; i < points; i++)
		check_point(&r, somewhere(&r, 0), somewhere(&r, 1));
	int neurons = 0;
	for (int i = 0; i < loaded->nlayer; i++)
		neurons += loaded->layer[i].neurons;
	printf("%-36s %-14s %7g: bound %.3g, off by %.3g; layers %d, neurons %d, d_model %d\n",
	       c->of, c->range, c->tolerance, (double)loaded->label[0].error, r.worst,
	       loaded->nlayer, neurons, loaded->d_model);
	tw_close(r.s);
	tw_free(loaded);
	arena_free(&arena);
}

static void
test_cases(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		try_case(&cases[i]);
}

/* What is said to be near enough is: of some of them, since it takes many tries. */
static void
test_least(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i += 3) {
		Arena arena = { 0 };
		Diags diags;
		assert_null(compile_case(&cases[i], 1e-9, &arena, &diags));
		const char *said = strstr(diags.first->msg, "; to within ");
		if (!said)
			fail_msg("%s: %s", cases[i].of, diags.first->msg);
		double least = strtod(said + strlen("; to within "), NULL);
		assert_true(least > 1e-9);
		TwModel *model = compile_case(&cases[i], least, &arena, &diags);
		diag_print(&diags, stderr);
		assert_non_null(model);
		arena_free(&arena);
	}
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_cases),
		                            cmocka_unit_test(test_least) };

	if (argc > 1)
		points = atoi(argv[1]);
	if (argc > 2)
		seed = (unsigned)atoi(argv[2]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
