/* Tensors: every rule on random expressions; gradients of random programs against dual numbers,
 * which share nothing with them; the text form; what some gradients look like. */

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/random_tensors.h"

static Arena arena;

static bool
is_near(double a, double b, double tolerance)
{
	return fabs(a - b) <= tolerance * (1 + max_double(fabs(a), fabs(b)));
}

static double **
tensor_values(const TensorGraph *g, unsigned seed)
{
	double **value = NEWS(g->arena, double *, g->ntensor);

	srand(seed);
	for (int i = 0; i < g->ntensor; i++)
		if (g->tensor[i]->kind == TENSOR_INPUT || g->tensor[i]->kind == TENSOR_PARAM)
			fill_leaf(g, g->tensor[i], value);
	tensor_eval(g, value);
	return value;
}

/* ---- the rules ---- */

typedef struct RuleText {
	const char *from, *to, *when;
} RuleText;

static const RuleText rules[] = {
#define RULE(from, to, when) { from, to, #when },
#include "tensor/rules.h"
#undef RULE
};

enum { NUM_RULES = sizeof rules / sizeof *rules };

/* An expression over i < 5, j < 4 and, where r may be in it, r < 3. */
static Scalar *
random_operand(TensorGraph *g, bool integer, bool with_r, int depth)
{
	static const TensorOp of_integers[] = { X_ADD, X_SUB, X_MUL, X_MAX };
	static const TensorOp of_reals[] = { X_ADD, X_SUB, X_MUL, X_DIV, X_MAX };
	Scalar *i = scalar_axis(g, 0, 5), *j = scalar_axis(g, 1, 4);

	if (!depth || rand() % 4 == 0) {
		if (with_r && rand() % 2)
			i = scalar_range(g, BOUND_RANGE, 3);
		if (integer)
			return rand() % 3 ? i : j;
		return scalar_load(g, g->tensor[0], (Scalar *[]){ i, j });
	}
	TensorOp op = integer ? of_integers[rand() % 4] : of_reals[rand() % 5];
	Scalar *a = random_operand(g, integer, with_r, depth - 1);
	Scalar *b = random_operand(g, integer, with_r, depth - 1);
	return scalar_binary(g, op, a, b);
}

static Scalar *
random_hole(TensorGraph *g, char letter, const char *when, bool has_r)
{
	bool integer = !strcmp(when, "WHOLE") || !strcmp(when, "INTEGERS")
	               || !strcmp(when, "DIGIT");
	bool free_of_r = (letter == 'a' && !strcmp(when, "FREE_A"))
	                 || (letter == 'b' && !strcmp(when, "FREE_B"));

	if (strchr("klm", letter)) {
		int lo = strcmp(when, "WHOLE") ? 5 : -4;
		return scalar_const(g, integer ? lo + rand() % 9 : random_real());
	}
	if (letter == 'i')
		return scalar_axis(g, 0, 5);
	if (letter == 'b' && !strcmp(when, "DIGIT")) /* below 5, which k is at least */
		return rand() % 2 ? scalar_axis(g, 1, 4) : scalar_axis(g, 0, 5);
	if (letter == 'a' && !strcmp(when, "TRUTH"))
		return scalar_binary(g, X_LT, random_operand(g, true, false, 1),
		                     random_operand(g, true, false, 1));
	return random_operand(g, integer, has_r && !free_of_r, 2);
}

static bool
uses_letter(const char *text, char letter)
{
	for (const char *s = text; *s; s++)
		if (*s == letter && (s == text || !strchr("abcdefghijklmnopqrstuvwxyz", s[-1]))
		    && !strchr("abcdefghijklmnopqrstuvwxyz(", s[1] ? s[1] : '.'))
			return true;
	return false;
}

/* A pattern's range is r < 1: here it is to be r < 3. */
static Scalar *
widened(TensorGraph *g, Scalar *e)
{
	Scalar *arg[RANK_MAX];

	if (e->op == X_RANGE && e->number == BOUND_RANGE)
		return scalar_range(g, BOUND_RANGE, 3);
	for (int i = 0; i < e->narg; i++)
		arg[i] = widened(g, e->arg[i]);
	return e->narg ? scalar_rebuild(g, e, arg) : e;
}

/* The pattern with every hole replaced as `seed` has it. */
static Scalar *
instance(TensorGraph *g, const char *text, const RuleText *rule, unsigned seed)
{
	bool has_r = strstr(rule->from, "for r");
	Scalar *e = pattern_parse(g, text);
	e = widened(g, e);
	e = scalar_substitute(g, e, pattern_hole(g, 'n'), scalar_const(g, 3));
	srand(seed);
	for (const char *letter = "abcdijklm"; *letter; letter++)
		if (uses_letter(rule->from, *letter)) {
			Scalar *to = random_hole(g, *letter, rule->when, has_r);
			e = scalar_substitute(g, e, pattern_hole(g, *letter), to);
		}
	return e;
}

static double *
operand_values(TensorGraph *g, Scalar *e, unsigned seed)
{
	Scalar *axes[] = { scalar_axis(g, 0, 5), scalar_axis(g, 1, 4) };
	TensorNode *t = tensor_define(g, "t", e, 2, axes);

	return tensor_values(g, seed)[t->id];
}

static TensorGraph *
graph_with_a_leaf(bool as_written)
{
	TensorGraph *g = tensor_graph_new(&arena);

	g->as_written = as_written;
	tensor_input(g, "x", 2, (int[]){ 5, 4 });
	return g;
}

static bool
all_near(const double *a, const double *b, int n)
{
	for (int i = 0; i < n; i++)
		if (isfinite(a[i]) && isfinite(b[i]) && !is_near(a[i], b[i], 1e-9))
			return false;
	return true;
}

/* The same in another graph, where it is simplified. */
static Scalar *
copied(TensorGraph *g, const Scalar *e)
{
	Scalar *arg[RANK_MAX], like = *e;

	for (int i = 0; i < e->narg; i++)
		arg[i] = copied(g, e->arg[i]);
	if (e->op == X_LOAD)
		like.tensor = g->tensor[e->tensor->id];
	return e->op == X_CONST   ? scalar_const(g, e->value)
	       : e->op == X_RANGE ? scalar_range(g, e->number, e->extent)
	                          : scalar_rebuild(g, &like, arg);
}

static void
test_rules(void **state)
{
	(void)state;
	for (int i = 0; i < NUM_RULES; i++) {
		int used = 0;
		for (unsigned seed = 1; seed <= 60; seed++) {
			TensorGraph *g = graph_with_a_leaf(true), *s = graph_with_a_leaf(false);
			Scalar *from = instance(g, rules[i].from, &rules[i], seed);
			Scalar *to = instance(g, rules[i].to, &rules[i], seed);
			double *x = operand_values(g, from, seed), *y = operand_values(g, to, seed);
			if (!all_near(x, y, 20))
				fail_msg("%s -> %s", rules[i].from, rules[i].to);
			Scalar *simple = copied(s, from);
			if (!all_near(x, operand_values(s, simple, seed), 20))
				fail_msg("%s, simplified", rules[i].from);
			used += simple == copied(s, to);
			arena_free(&arena);
		}
		if (!used)
			fail_msg("%s is never used", rules[i].from);
	}
}

/* ---- dual numbers (Clifford 1873; Wengert 1964): a value and its derivative in a direction ----
 */

typedef struct Dual {
	double x, dx;
} Dual;

typedef struct DualPlace {
	Dual **value;
	int axis[RANK_MAX];
	int bound[64];
} DualPlace;

static Dual dual_load(DualPlace *, const Scalar *);

static Dual dual_of(DualPlace *, const Scalar *);

/* Of equal greatest ones, the mean of what they change by. */
static Dual
dual_reduction(DualPlace *p, const Scalar *e)
{
	Dual all = { e->op == X_SUM ? 0 : -INFINITY, 0 };
	int equal = 1;

	for (int i = 0; i < e->arg[1]->extent; i++) {
		p->bound[e->arg[1]->number - BOUND_RANGE] = i;
		Dual a = dual_of(p, e->arg[0]);
		if (e->op == X_SUM) {
			all.x += a.x;
			all.dx += a.dx;
		} else if (a.x == all.x) {
			all.dx += a.dx;
			equal++;
		} else if (a.x > all.x) {
			all = a;
			equal = 1;
		}
	}
	all.dx /= equal;
	return all;
}

static Dual
dual_of(DualPlace *p, const Scalar *e)
{
	Dual a = { 0, 0 }, b = { 0, 0 };

	if (e->op == X_SUM || e->op == X_RMAX)
		return dual_reduction(p, e);
	if (e->op == X_LOAD)
		return dual_load(p, e);
	if (e->narg)
		a = dual_of(p, e->arg[0]);
	if (e->narg > 1 && e->op != X_WHERE)
		b = dual_of(p, e->arg[1]);
	switch (e->op) {
	case X_CONST: return (Dual){ e->value, 0 };
	case X_RANGE:
		return (Dual){ e->number < BOUND_RANGE ? p->axis[e->number]
			                               : p->bound[e->number - BOUND_RANGE],
			       0 };
	case X_ADD: return (Dual){ a.x + b.x, a.dx + b.dx };
	case X_SUB: return (Dual){ a.x - b.x, a.dx - b.dx };
	case X_MUL: return (Dual){ a.x * b.x, a.dx * b.x + a.x * b.dx };
	case X_DIV: return (Dual){ a.x / b.x, (a.dx * b.x - a.x * b.dx) / (b.x * b.x) };
	case X_FLOOR: return (Dual){ floor(a.x / b.x), 0 };
	case X_MOD: return (Dual){ a.x - b.x * floor(a.x / b.x), 0 };
	case X_MAX: return a.x < b.x ? b : a;
	case X_EXP: return (Dual){ exp(a.x), exp(a.x) * a.dx };
	case X_LOG: return (Dual){ log(a.x), a.dx / a.x };
	case X_SQRT: return (Dual){ sqrt(a.x), a.dx / (2 * sqrt(a.x)) };
	case X_SIN: return (Dual){ sin(a.x), cos(a.x) * a.dx };
	case X_TANH: return (Dual){ tanh(a.x), a.dx / (cosh(a.x) * cosh(a.x)) };
	case X_LT: return (Dual){ a.x < b.x, 0 };
	case X_EQ: return (Dual){ a.x == b.x, 0 };
	case X_WHERE: return dual_of(p, e->arg[a.x ? 1 : 2]);
	default: fail_msg("an operator without a dual"); return a;
	}
}

static Dual
dual_load(DualPlace *p, const Scalar *e)
{
	const TensorNode *t = e->tensor;
	int64_t at = 0;

	for (int i = 0; i < t->rank; i++) {
		int64_t k = (int64_t)floor(dual_of(p, e->arg[i]).x);
		if (k < 0 || k >= t->dim[i])
			return (Dual){ 0, 0 };
		at = at * t->dim[i] + k;
	}
	return p->value[t->id][at];
}

static Dual *
dual_elements(DualPlace *p, const TensorNode *t)
{
	int64_t n = tensor_size(t);
	Dual *to = NEWS(&arena, Dual, n);

	for (int64_t k = 0; k < n; k++) {
		int64_t rest = k;
		for (int i = t->rank - 1; i >= 0; i--, rest /= t->dim[i + 1])
			p->axis[i] = (int)(rest % t->dim[i]);
		to[k] = dual_of(p, t->body);
	}
	return to;
}

/* The value of the last tensor, and its change in the direction. */
static Dual
dual_loss(const TensorGraph *g, double **value, double **direction)
{
	DualPlace p = { .value = NEWS(g->arena, Dual *, g->ntensor) };

	for (int i = 0; i < g->ntensor; i++) {
		const TensorNode *t = g->tensor[i];
		if (t->body) {
			p.value[i] = dual_elements(&p, t);
			continue;
		}
		p.value[i] = NEWS(g->arena, Dual, tensor_size(t));
		for (int64_t k = 0; k < tensor_size(t); k++)
			p.value[i][k] = (Dual){ value[i][k], t->integer ? 0 : direction[i][k] };
	}
	return p.value[g->ntensor - 1][0];
}

/* ---- gradients ---- */

static void
check_random_gradient(unsigned seed)
{
	TensorGraph *g = tensor_graph_new(&arena), *written = tensor_graph_new(&arena);
	TensorNode *by[LEAVES], *to[LEAVES];
	double **direction, change = 0;

	written->as_written = true;
	random_program(written, seed);
	TensorNode *loss = random_program(g, seed);
	for (int i = 0; i < LEAVES; i++)
		by[i] = g->tensor[1 + i];
	tensor_gradient(g, loss, LEAVES, by, to);
	const char *fault = tensor_graph_verify(g);
	if (fault)
		fail_msg("seed %u: %s", seed, fault);
	direction = tensor_values(written, seed + 1);
	double **value = tensor_values(g, seed);
	for (int i = 0; i < LEAVES; i++)
		for (int64_t k = 0; to[i] && k < tensor_size(by[i]); k++)
			change += value[to[i]->id][k] * direction[by[i]->id][k];
	Dual wanted = dual_loss(written, value, direction);
	if (!is_near(value[loss->id][0], wanted.x, 1e-10))
		fail_msg("seed %u: %.12g is meant to be %.12g", seed, value[loss->id][0], wanted.x);
	if (!is_near(change, wanted.dx, 1e-10))
		fail_msg("seed %u: changes by %.12g, not %.12g", seed, change, wanted.dx);
	arena_free(&arena);
}

/* PROGRAMS=10000 for more. */
static void
test_gradients(void **state)
{
	const char *n = getenv("PROGRAMS");

	(void)state;
	for (unsigned seed = 1; seed <= (n ? (unsigned)atoi(n) : 500); seed++)
		check_random_gradient(seed);
}

/* ---- batches ---- */

enum { BATCH = 3 };

/* The loss of text b alone, whose ids go into row b of all[0]. */
static double
loss_alone(TensorGraph *g, const TensorNode *loss, unsigned seed, int b, double **all)
{
	double **value = NEWS(&arena, double *, g->ntensor);

	srand(seed);
	for (int i = 0; i <= LEAVES; i++)
		fill_leaf(g, g->tensor[i], value);
	for (int k = 0; k < 4; k++)
		all[0][b * 4 + k] = value[0][k] = fmod(value[0][k] + b, 4);
	for (int i = 1; i <= LEAVES; i++)
		all[i] = value[i];
	tensor_eval(g, value);
	return value[loss->id][0];
}

/* Texts side by side give what each gives alone. */
static void
check_batch(unsigned seed)
{
	TensorGraph *g = tensor_graph_new(&arena), *many;
	TensorNode *loss = random_program(g, seed), **now = NEWS(&arena, TensorNode *, g->ntensor);
	double alone[BATCH], *all[1 + LEAVES] = { NEWS(&arena, double, 4 * BATCH) };

	many = tensor_batch(g, BATCH, now);
	if (tensor_graph_verify(many))
		fail_msg("seed %u: %s", seed, tensor_graph_verify(many));
	for (int b = 0; b < BATCH; b++)
		alone[b] = loss_alone(g, loss, seed, b, all);
	double **value = NEWS(&arena, double *, many->ntensor);
	for (int i = 0; i <= LEAVES; i++)
		value[now[i]->id] = all[i];
	tensor_eval(many, value);
	loss = now[loss->id];
	for (int b = 0; b < BATCH; b++)
		if (!is_near(value[loss->id][loss->rank ? b : 0], alone[b], 1e-9))
			fail_msg("seed %u: text %d", seed, b);
	arena_free(&arena);
}

static void
test_batches(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= 300; seed++)
		check_batch(seed);
}

/* ---- text ---- */

static const char *
tensor_text(const TensorGraph *g)
{
	char *text;
	size_t n;
	FILE *f = open_memstream(&text, &n);

	tensor_graph_print(g, f);
	fclose(f);
	const char *copy = arena_strn(&arena, text, n);
	free(text);
	return copy;
}

static void
test_text_is_read_back(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= 300; seed++) {
		TensorGraph *g = tensor_graph_new(&arena);
		TensorNode *by[LEAVES], *to[LEAVES], *loss = random_program(g, seed);
		for (int i = 0; i < LEAVES; i++)
			by[i] = g->tensor[1 + i];
		tensor_gradient(g, loss, LEAVES, by, to);
		tensor_output(g, loss);
		if (to[0] && to[0]->body)
			tensor_carry(g, by[0], to[0]);
		const char *text = tensor_text(g);
		assert_string_equal(tensor_text(read_tensors(&arena, text)), text);
		arena_free(&arena);
	}
}

static void
check_gradient(const char *program, const char *expected)
{
	TensorGraph *g = read_tensors(&arena, program);
	TensorNode *by[8], *to[8];
	int n = 0, before = g->ntensor;

	for (int i = 0; i < g->ntensor; i++)
		if (g->tensor[i]->kind == TENSOR_PARAM)
			by[n++] = g->tensor[i];
	tensor_gradient(g, tensor_find(g, "loss"), n, by, to);
	const char *text = tensor_text(g);
	for (int i = 0; i < before; i++)
		text = strchr(text, '\n') + 1;
	assert_string_equal(text, expected);
	arena_free(&arena);
}

static void
test_forms(void **state)
{
	(void)state;
	/* a matrix product's are two matrix products */
	check_gradient("param a [4][8] = 0\nparam b [8][6] = 0\n"
	               "c [i < 4][j < 6] = sum(a[i, r] * b[r, j] for r < 8)\n"
	               "loss = sum(sum(c[r, s] * c[r, s] for s < 6) for r < 4)\n",
	               "d.c [i < 4][j < 6] = c[i, j] * 2\n"
	               "d.b [i < 8][j < 6] = sum(d.c[r, j] * a[r, i] for r < 4)\n"
	               "d.a [i < 4][j < 8] = sum(d.c[i, r] * b[j, r] for r < 6)\n");
	/* a transpose's is a transpose, a broadcast's a sum */
	check_gradient("param a [4][8] = 0\nparam b [4] = 0\n"
	               "c [i < 8][j < 4] = exp(a[j, i] + b[j])\n"
	               "loss = sum(sum(c[r, s] for s < 4) for r < 8)\n",
	               "d.b [i < 4] = sum(c[r, i] for r < 8)\n"
	               "d.a [i < 4][j < 8] = c[j, i]\n");
	/* a convolution's are correlations */
	check_gradient("param x [9] = 0\nparam w [3] = 0\n"
	               "y [i < 7] = tanh(sum(w[r] * x[i + r] for r < 3))\n"
	               "loss = sum(y[r] for r < 7)\n",
	               "d.w [i < 3] = sum((1 - y[r] * y[r]) * x[r + i] for r < 7)\n"
	               "d.x [i < 9] = sum(where(-1 < i - r, where(i - r < 7, "
	               "(1 - y[i - r] * y[i - r]) * w[r], 0), 0) for r < 3)\n");
	/* heads side by side, taken apart by digits */
	check_gradient("param x [12] = 0\n"
	               "y [i < 3][j < 4] = exp(x[i * 4 + j])\n"
	               "z [i < 12] = y[i // 4, i % 4] * y[i // 4, i % 4]\n"
	               "loss = sum(z[r] for r < 12)\n",
	               "d.y [i < 3][j < 4] = y[i, j] * 2\n"
	               "d.x [i < 12] = d.y[i // 4, i % 4] * y[i // 4, i % 4]\n");
	/* softmax and the surprise: softmax less one-hot; what is looked up is a scatter */
	check_gradient("input ids [5] int 0..9\nparam e [10][4] = 0\nparam w [4][10] = 0\n"
	               "x [i < 5][j < 4] = e[ids[i], j]\n"
	               "y [i < 5][j < 10] = sum(x[i, r] * w[r, j] for r < 4)\n"
	               "m [i < 5] = stop(max(y[i, r] for r < 10))\n"
	               "z [i < 5] = sum(exp(y[i, r] - m[i]) for r < 10)\n"
	               "loss = sum(log(z[r]) + m[r] - y[r, ids[r]] for r < 5)\n",
	               "d.z [i < 5] = 1 / z[i]\n"
	               "d.y [i < 5][j < 10] = where(j == ids[i], -1, 0) "
	               "+ d.z[i] * exp(y[i, j] - m[i])\n"
	               "d.x [i < 5][j < 4] = sum(d.y[i, r] * w[j, r] for r < 10)\n"
	               "d.w [i < 4][j < 10] = sum(d.y[r, j] * x[r, i] for r < 5)\n"
	               "d.e [i < 10][j < 4] = sum(where(i == ids[r], d.x[r, j], 0) for r < 5)\n");
}

static void
test_tensor_text_refused(void **state)
{
	static const char *const bad[][2] = {
		{ "x [i < 4] = y[i]\n", "no tensor or range 'y' above" },
		{ "input x [4]\ny = x[0.5]\n", "an index must be an integer" },
		{ "input x [4]\ny = x[0, 1]\n", "expected ']'" },
		{ "input x [4]\ny = x[0][1]\n", "'x' has no more axes" },
		{ "input x [4]\ninput x [5]\n", "'x' is there already" },
		{ "input x [0]\n", "expected an extent, from 1 on" },
		{ "input x [4]\ny = sum(x[r] for r)\n", "expected '<'" },
		{ "y = cosine(1)\n", "no function 'cosine'" },
		{ "y = 1 +\n", "expected a name" },
		{ "y = 1 2\n", "expected the end of the line" },
		{ "output y\n", "no tensor 'y' above" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		Source src = { "test.twt", bad[i][0], (uint32_t)strlen(bad[i][0]) };
		Diags ds = { .arena = &arena, .src = &src };
		assert_null(tensor_graph_read(&src, &arena, &ds));
		assert_string_equal(ds.first->msg, bad[i][1]);
		arena_free(&arena);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rules),   cmocka_unit_test(test_gradients),
		cmocka_unit_test(test_batches), cmocka_unit_test(test_text_is_read_back),
		cmocka_unit_test(test_forms),   cmocka_unit_test(test_tensor_text_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
