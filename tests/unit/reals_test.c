/* The error bound of what is computed with rounding is no smaller than it must be.
 *
 * What can be reached is measured: sums of reals in float32, in any order, against what is
 * meant. What is beyond the reach of a test is held against the analysis: so many roundings
 * of so large a number, an operand's error times the slope. */

#include <math.h>

#include "tests/random.h"
#include "tests/unit/bench.h"

static const double ulp = 0x1p-24; /* one rounding of a number of 1 */

static Node *
make(Bench *b, Op op, int n, Node *x, Node *y, Node *z, int64_t k)
{
	Node *arg[3] = { x, y, z };

	return mk(b->g, op, (Span){ 0, 0 }, 0, n, arg, k);
}

static Node *
reals(Bench *b, Op op, int n, Node *x, Node *y, const Real *real, int nreal, int64_t k)
{
	Node *arg[2] = { x, y };

	return mk_reals(b->g, op, (Span){ 0, 0 }, 0, n, arg, k, real, nreal);
}

static Node *
there(Bench *b, Node *x)
{
	return make(b, OP_THERE, 1, x, NULL, NULL, 0);
}

static Node *
token_node(Bench *b)
{
	return make(b, OP_TOKEN, 0, NULL, NULL, NULL, 0);
}

static const Form *
real_of_form(Bench *b, const Form *f, double by)
{
	return real_form(b->c, 1, (RealTerm[]){ { f, by } }, 0);
}

/* ---- sums ---- */

/* n + 3 roundings of all terms; a term's own error as often as it is taken. */
static void
test_sums(void **state)
{
	Bench b;

	(void)state;
	bench_open(&b, NULL, false);
	const Form *f = real_of_form(&b, token(&b, 300), 1.0 / 3);
	assert_true(real_error(f) >= 100 * 5 * ulp && real_error(f) < 100 * 5.1 * ulp);
	const Form *n = real_neuron(
		b.c, real_form(b.c, 2, (RealTerm[]){ { f, 1 }, { place(&b, 1), 1 } }, -1));
	assert_true(n->real->error >= real_error(f));
	const Form *twice = real_form(b.c, 2, (RealTerm[]){ { n, 2 }, { f, -1 } }, 0);
	assert_true(twice->real->error >= 2 * n->real->error);
	assert_true(real_max_abs(n->real->term[0].f) >= n->real->max + 0.99 * n->real->error);
	bench_close(&b);
}

/* Some terms with any coefficients: their value, and what float32 makes of it, added up in
 * this order or the other. */
typedef struct Sampled {
	double meant;
	float got[2];
} Sampled;

static Sampled
sample_sum(const RealSum *r, const double *value)
{
	Sampled s = { r->k, { (float)r->k, 0 } };

	for (int i = 0; i < r->n; i++) {
		s.meant += r->term[i].c * value[i];
		s.got[0] += (float)r->term[i].c * (float)value[i];
		s.got[1] += (float)r->term[r->n - 1 - i].c * (float)value[r->n - 1 - i];
	}
	s.got[1] += (float)r->k;
	return s;
}

static void
test_random_sums(void **state)
{
	double nearest = 0;

	(void)state;
	for (int round = 0; round < 2000; round++) {
		Bench b;
		RealTerm t[6];
		int n = 1 + below(6);
		bench_open(&b, NULL, false);
		for (int i = 0; i < n; i++) {
			int64_t *table = NEWS(&b.arena, int64_t, VOCAB + 2);
			for (int k = 0; k < VOCAB; k++)
				table[k] = below(2000) - 1000;
			t[i] = (RealTerm){ token_feature(b.c, 0, table),
				           (below(2001) - 1000) / 777.0 };
		}
		const Form *f = real_form(b.c, n, t, (below(2001) - 1000) / 777.0);
		for (int at = 0; at < VOCAB; at++) {
			double value[6];
			for (int i = 0; i < f->real->n; i++) {
				const Form *g = f->real->term[i].f;
				value[i] = (double)(g->term[0].c * g->term[0].atom->table[at]);
			}
			Sampled s = sample_sum(f->real, value);
			assert_true(f->real->min - 1e-9 <= s.meant
			            && s.meant <= f->real->max + 1e-9);
			for (int i = 0; i < 2; i++) {
				double off = fabs((double)s.got[i] - s.meant);
				assert_true(off <= real_error(f));
				nearest = fmax(nearest, off / real_error(f));
			}
		}
		bench_close(&b);
	}
	assert_true(nearest > 0.15); /* the bound is of use */
}

/* Tables of reals are rounded once. */
static void
test_tables(void **state)
{
	Bench b;

	(void)state;
	bench_open(&b, NULL, false);
	double row[VOCAB + 2] = { 0.1, -1.0 / 3, 0.3, 0.25, 0, 2.0 / 3 },
			   at[CONTEXT + 1] = { 0.7, 0.1, 0.2 };
	const Form *f = real_token_feature(b.c, 0, row), *g = real_place_feature(b.c, at);
	assert_true(f->real->error >= 2.0 / 3 * ulp);
	assert_true(f->real->min <= -1.0 / 3 && f->real->max >= 0.3);
	assert_true(g->real->error >= 0.7 * ulp);
	bench_close(&b);
}

/* ---- thresholds and gates ---- */

/* The neuron that a gate is made of is exactly 0 where the deficit is not, error and all. */
static void
test_gates(void **state)
{
	Bench b;

	(void)state;
	bench_open(&b, NULL, false);
	const Form *f = real_of_form(&b, token(&b, 300), 1.0 / 3);
	const Form *g = real_gate(b.c, place(&b, 1), f); /* of two streams */
	assert_int_equal(g->real->n, 1);
	const RealSum *in = g->real->term[0].f->term[0].atom->in->real;
	double m = 0;
	for (int i = 0; i < in->n; i++)
		if (in->term[i].f->term[0].atom->kind == PLACE_FEATURE)
			m = -in->term[i].c;
	assert_true(m >= 100 + 4 * real_error(f));
	bench_close(&b);
}

/* x > 0 for a mean less a half: where it is not, 1 - relu(s (h - x)) is 0 or less, error and
 * all; where it is, x is 2 h at least. */
static void
test_thresholds(void **state)
{
	Bench b;

	(void)state;
	bench_open(&b, NULL, false);
	Node *flag = make(&b, OP_EQ, 2, token_node(&b), mk_const(b.g, 1), NULL, 0);
	Node *mean = reals(&b, OP_MEAN, 2, there(&b, flag), mk_const(b.g, 1), (Real[]){ { 0, 1 } },
	                   1, 0);
	Node *over = reals(&b, OP_LINEAR, 1, mean, NULL, (Real[]){ { 1, 1 }, real_of(-1, 2) }, 2,
	                   0);
	assert_true(real_grid(&over->type) >= 2 * CONTEXT);
	const Form *f = map_node(b.c, make(&b, OP_ABOVE, 1, over, NULL, NULL, 0));
	assert_int_equal(f->n, 1);
	const Atom *u = f->term[0].atom->in->term[0].atom;
	const RealSum *in = u->in->real;
	double by = 0, k = in->k, error = real_error(u->in);
	for (int i = 0; i < in->n; i++) {
		const Atom *a = in->term[i].f->term[0].atom;
		if (a->kind == VALUE)
			by = -in->term[i].c;
		else
			k += in->term[i].c * (double)a->lo; /* the flag of <bos> */
	}
	double at_0 = k - by / 2; /* the mean is a half */
	assert_true(at_0 - error >= 1);
	assert_true(at_0 - by / real_grid(&over->type) + error <= 0);
	bench_close(&b);
}

/* ---- averages ---- */

/* Each product and each sum of a mean is rounded, and so is the weight. */
static void
test_means(void **state)
{
	Bench b;

	(void)state;
	bench_open(&b, NULL, false);
	Node *mean = reals(&b, OP_MEAN, 2, there(&b, token_node(&b)), mk_const(b.g, 1),
	                   (Real[]){ { 0, 1 } }, 1, 0);
	const Form *f = map_node(b.c, mean);
	assert_true(f->real->error >= (CONTEXT + 2) * ulp * (VOCAB - 1));
	assert_true(f->real->min <= 0 && f->real->max >= VOCAB - 1);
	bench_close(&b);
}

/* A score that is off by e moves what is read by exp(2 e) - 1 of the largest value. */
static void
test_attend(void **state)
{
	for (int rough = 0; rough < 2; rough++) {
		Bench b;
		bench_open(&b, NULL, false);
		Node *x = token_node(&b), *third = reals(&b, OP_LINEAR, 1, x, NULL,
		                                         (Real[]){ real_of(1, 3), { 0, 1 } }, 2, 0);
		Node *scaled = make(&b, OP_MUL, 2, x, mk_const(b.g, 100), NULL, 0);
		Node *q = rough ? third : scaled;
		const Form *v = map_node(b.c, third),
			   *f = map_node(b.c, make(&b, OP_ATTEND, 3, third, q, q, 0));
		double most = rough ? 1 : 300, e = rough ? 2 * real_error(map_node(b.c, q)) : 0;
		e += 3 * most * most * ulp; /* two products and a sum, or more */
		assert_true(f->real->error >= real_error(v) + expm1(2 * e));
		bench_close(&b);
	}
	(void)state;
}

/* ---- pieces ---- */

/* An input that is off by so much. */
static void
rough_inputs(Bench *b, double error)
{
	static const Input in[2] = { { "x", K_REAL, 0, 3 }, { "y", K_REAL, 0, 2 } };

	bench_open(b, in, false);
	for (int i = 0; i < 2; i++) {
		Node *n = make(b, OP_INPUT, 0, NULL, NULL, NULL, i);
		map_node(b->c, n);
		Atom a = real_atom(INPUT_FEATURE, in[i].min, in[i].max, 0, error);
		a.input = 7 + i; /* one of its own */
		b->c->form[n->id] = real_form_of_atom(b->c, a);
	}
}

static Node *
input_node(Bench *b, int i)
{
	return make(b, OP_INPUT, 0, NULL, NULL, NULL, i);
}

static void
test_pieces(void **state)
{
	Bench b;

	(void)state;
	rough_inputs(&b, 0.25);
	Node *e = make(&b, OP_CURVE, 1, input_node(&b, 0), NULL, NULL, CURVE_EXP);
	const Form *f = map_piece(b.c, e, 0.01);
	assert_true(f->real->error >= 0.01 + 0.25 * exp(2.9));
	Node *p = make(&b, OP_TIMES, 2, input_node(&b, 0), input_node(&b, 1), NULL, 0);
	f = map_piece(b.c, p, 0.01);
	assert_true(f->real->error >= 0.01 + 0.25 * 3 + 0.25 * 2);
	bench_close(&b);
	/* what a column of many neurons rounds: exp up to 22026 */
	rough_inputs(&b, 0);
	Node *far = reals(&b, OP_LINEAR, 1, input_node(&b, 0), NULL,
	                  (Real[]){ real_of(10, 3), { 0, 1 } }, 2, 0);
	f = map_piece(b.c, make(&b, OP_CURVE, 1, far, NULL, NULL, CURVE_EXP), 0.001);
	assert_true(f->real->error >= 0.001 + 22026 * 4 * ulp);
	bench_close(&b);
}

/* ---- counts ---- */

/* What rounding may do to a broken line of r = 1/(at + 1), held against the analysis: r, its
 * product and the difference are rounded, and each addition rounds what is added up by then. */
static double
line_rounding(const Form *line, int at)
{
	double each = 0, sum = 0, r = 1.0 / (at + 1);
	int n = 0;

	for (int i = 0; i < line->n; i++) {
		const Form *in = line->term[i].atom->in;
		double c = fabs((double)line->term[i].c), slope = (double)in->term[0].c;
		double value = slope * r + (double)in->k;
		if (value < -1e-9)
			continue;
		each += c * (2 * fabs(slope) * r + fabs(value));
		sum += c * fabs(value);
		n++;
	}
	return (each + n * sum) * ulp;
}

/* One neuron rounds the line to an integer: it bears twice the error at least. */
static void
assert_rounds(const Atom *a, int most)
{
	for (int at = 0; at <= most; at++) {
		double error = line_rounding(a->in, at), step = (double)a->lift * 0x1p-23;
		if (4 * error > step)
			fail_msg("%d of %d: off by %g, steps of %g", at, most, error, step);
	}
}

/* relu(1 - u) for each step: u is 0, or more than 1 by more than what rounding does to it. Near
 * where it is 0 its terms are of one size. */
static void
assert_tells_apart(const Circuit *c, const Form *f)
{
	for (int i = 0; i < f->n; i++) {
		const Form *in = f->term[i].atom->in->term[0].atom->in;
		double scale = fabs((double)in->term[0].c), most = 1;
		for (int k = 0; k < in->n; k++) {
			const Atom *a = in->term[k].atom;
			scale = fmin(scale, fabs((double)in->term[k].c));
			most = fmax(most, (double)max_int64(-a->lo, a->hi));
		}
		if (in->n == 1) /* of a count: (2t + 1) s r - 2 s */
			scale = fabs((double)in->k) / 2;
		double error = 4 * scale * most * (c->places + 3) * ulp;
		if (scale / c->places < 1 + error)
			fail_msg("a scale of %g in %d places, off by %g", scale, c->places, error);
	}
}

/* Values of a function of a count: a step, few of them, or far up and down. */
static void
some_function(int64_t *y, int n, int kind)
{
	int64_t high = (int64_t)1 << below(20);
	int step = 1 + below(n);

	for (int i = 0; i <= n; i++)
		y[i] = kind == 0   ? (i >= step ? high : 0)
		       : kind == 1 ? i * i % 5
		                   : (i % 2 ? high : -high);
}

static void
long_bench(Bench *b, int context)
{
	bench_open(b, NULL, false);
	b->g->context = context;
	b->c->places = context + 1;
}

static void
test_functions_of_counts(void **state)
{
	int rounded = 0, told = 0;

	(void)state;
	for (int round = 0; round < 120; round++) {
		Bench b;
		int n = 20 + below(round % 3 == 1 ? 80 : 380);
		int64_t *y = calloc((size_t)n + 1, sizeof *y);
		long_bench(&b, n);
		some_function(y, n, round % 3);
		Node *is = make(&b, OP_EQ, 2, there(&b, token_node(&b)), mk_const(b.g, 1), NULL, 0);
		Node *count = make(&b, OP_SUM, 2, mk_const(b.g, 1), is, NULL, 0);
		assert_int_equal(count->type.hi, n);
		const Form *f = table_of_sum(b.c, count, y);
		if (f->n == 1 && f->term[0].atom->lift) {
			rounded++;
			assert_rounds(f->term[0].atom, n);
		} else {
			told++;
			assert_true(round % 3 != 1);
			assert_tells_apart(b.c, f);
		}
		free(y);
		bench_close(&b);
	}
	assert_true(rounded > 60 && told > 10);
}

/* The values that a condition leaves are few and small; the one that it does not is fetched as
 * well, and what rounding does to that counts: in a short text only can the sum be told. */
static void
test_thresholds_of_sums(void **state)
{
	static const int64_t value[VOCAB] = { 0, 1, 2, 5000 };

	(void)state;
	for (int context = 4; context <= 60; context += 4) {
		Bench b;
		int64_t y[200];
		long_bench(&b, context);
		Node *t = there(&b, token_node(&b));
		Node *e = mk_table(b.g, (Span){ 0, 0 }, 0, t, 0, value, VOCAB);
		Node *is = make(&b, OP_LT, 2, t, mk_const(b.g, 3), NULL, 0);
		Node *sum = make(&b, OP_SUM, 2, e, is, NULL, 0);
		assert_int_equal(sum->type.hi, 2 * context);
		for (int i = 0; i <= 2 * context; i++)
			y[i] = i % 2;
		const Form *f = table_of_sum(b.c, sum, y);
		if (!b.diags.nerror)
			assert_tells_apart(b.c, f);
		assert_int_equal(b.diags.nerror, context > 16);
		bench_close(&b);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sums),
		cmocka_unit_test(test_random_sums),
		cmocka_unit_test(test_tables),
		cmocka_unit_test(test_gates),
		cmocka_unit_test(test_thresholds),
		cmocka_unit_test(test_means),
		cmocka_unit_test(test_attend),
		cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_functions_of_counts),
		cmocka_unit_test(test_thresholds_of_sums),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
