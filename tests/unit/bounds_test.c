/* The bound of every kind of sum, just below and just above.
 *
 * A circuit is made by hand, so that one of its sums adds up to 2^24 - 1 and all others stay
 * below: it compiles, and that number is what was proved of the sum. One more, and it is
 * refused, with the number. Then random circuits: what a form can be at most is held against
 * what it is, at every token and place. */

#include <math.h>

#include "tests/random.h"
#include "tests/unit/bench.h"

enum { LAST = EXACT_MAX - 1 };

/* f in a column of its own, with all its terms. */
static const Form *
whole(Bench *b, const Form *f)
{
	Form *g = NEW(&b->arena, Form);

	*g = *f;
	g->near = true;
	g->of[0] = g->of[1] = NULL;
	return g;
}

/* relu of something of two streams, so that it is a neuron: v at most. */
static const Form *
neuron(Bench *b, int64_t v)
{
	return relu(b->c, sum(b, token(b, v), place(b, 1), -1));
}

/* A head that looks somewhere, and reads f. */
static const Form *
fetch(Bench *b, const Form *f)
{
	Lookup *l = lookup(b);

	add_dim(b->c, l, form_const(b->c, 1), place(b, 1));
	return head_value(b->c, l, f, 0);
}

/* ---- one circuit for each kind, whose sum is s ---- */

static const Form *
label_of(Bench *b, int64_t s)
{
	return sum(b, token(b, s - 1000), form_const(b->c, 0), -1000);
}

static const Form *
neuron_of(Bench *b, int64_t s)
{
	return relu(b->c, sum(b, token(b, s - 1004), place(b, 4), -1000));
}

/* 3 T, a column of T: s is a multiple of 3. */
static const Form *
value_of(Bench *b, int64_t s)
{
	return fetch(b, form_scale(b->c, 3, token(b, s / 3), 0));
}

/* What was there and what comes have opposite signs. */
static const Form *
attention_write_of(Bench *b, int64_t s)
{
	return whole(b, sum(b, token(b, s / 2), fetch(b, token(b, -(s - s / 2))), 0));
}

static const Form *
mlp_write_of(Bench *b, int64_t s)
{
	return whole(b, form_add(b->c, 1, token(b, s / 2), -1, neuron(b, s - s / 2), 0));
}

/* x - k where x is k or k + 1: 0 or 1, but for <bos>. s is odd. */
static const Form *
far_from_zero(Bench *b, int64_t s, bool by_place)
{
	int n = by_place ? CONTEXT + 1 : VOCAB + 2;
	int64_t *t = NEWS(&b->arena, int64_t, n), k = s / 2;

	for (int i = by_place; i < n - !by_place; i++)
		t[i] = k + i % 2;
	return sum(b, by_place ? place_feature(b->c, t) : token_feature(b->c, 0, t),
	           form_const(b->c, 0), -k);
}

static const Form *
query_of(Bench *b, int64_t s)
{
	Lookup *l = lookup(b);

	add_dim(b->c, l, far_from_zero(b, s, false), place(b, 1));
	return head_value(b->c, l, token(b, 1), 0);
}

static const Form *
key_of(Bench *b, int64_t s)
{
	Lookup *l = lookup(b);

	add_dim(b->c, l, token(b, 1), far_from_zero(b, s, true));
	return head_value(b->c, l, token(b, 1), 0);
}

/* 4096 (s / 4096) + s % 4096, at one place. */
static const Form *
score_of(Bench *b, int64_t s)
{
	Lookup *l = lookup(b);

	add_dim(b->c, l, token(b, 4096), place(b, s / 4096));
	add_dim(b->c, l, form_const(b->c, 1), place(b, s % 4096));
	return head_value(b->c, l, token(b, 1), 0);
}

static const Form *
embedding_of(Bench *b, int64_t s)
{
	return whole(b, sum(b, token(b, s / 2), place(b, -(s - s / 2)), 0));
}

/* In units of 128. */
static const Form *
in_units(Bench *b, int64_t s)
{
	return form_scale(b->c, 128, token(b, s - 2), 256);
}

/* An odd number leaves no unit. */
static const Form *
no_unit_of(Bench *b, int64_t s)
{
	return form_scale(b->c, 128, token(b, s / 128), s % 128);
}

typedef const Form *Make(Bench *, int64_t sum);

static double
proved(const Bench *b, SumKind kind)
{
	double most = 0;

	for (int i = 0; i < b->report.nproved; i++)
		if (b->report.proved[i].kind == kind && b->report.proved[i].most > most)
			most = b->report.proved[i].most;
	return most;
}

/* The largest sum that compiles is `below`, the next one `above`. */
static void
check_bound(Make *make, SumKind kind, const char *what, int64_t below, int64_t above)
{
	for (int i = 0; i < 2; i++) {
		Bench b;
		int64_t s = i ? above : below;
		char wanted[80];
		bench_open(&b, NULL, false);
		b.c->output[0] = make(&b, s);
		compile_bench(&b);
		snprintf(wanted, sizeof wanted, "the terms of this %s can add up to %lld, ", what,
		         (long long)s);
		if (proved(&b, kind) != (double)s)
			fail_msg("of this %s %.0f was proved, not %lld", what, proved(&b, kind),
			         (long long)s);
		if (b.diags.nerror != i || (i && !strstr(b.diags.first->msg, wanted)))
			fail_msg("%s %lld: %s", what, (long long)s,
			         b.diags.first ? b.diags.first->msg : "it compiles");
		bench_close(&b);
	}
}

static void
test_kinds(void **state)
{
	(void)state;
	check_bound(label_of, SUM_LABEL, "label", LAST, LAST + 1);
	check_bound(neuron_of, SUM_NEURON, "neuron", LAST, LAST + 1);
	check_bound(value_of, SUM_VALUE, "value", LAST, LAST + 3);
	check_bound(attention_write_of, SUM_ATTENTION_WRITE, "value", LAST, LAST + 1);
	check_bound(mlp_write_of, SUM_MLP_WRITE, "value", LAST, LAST + 1);
	check_bound(query_of, SUM_QUERY, "query", LAST, LAST + 2);
	check_bound(key_of, SUM_KEY, "key", LAST, LAST + 2);
	check_bound(score_of, SUM_SCORE, "score", LAST, LAST + 1);
	check_bound(embedding_of, SUM_EMBEDDING, "embedding", LAST, LAST + 2); /* no unit */
	check_bound(in_units, SUM_LABEL, "label", LAST, LAST + 1);
	check_bound(no_unit_of, SUM_LABEL, "label", LAST, LAST + 2);
}

/* Beyond 2^29 a score is not told apart from what is hidden, in whatever units. */
static void
test_scores(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		Bench b;
		bench_open(&b, NULL, false);
		Lookup *l = lookup(&b);
		add_dim(b.c, l, token(&b, 4096), form_scale(b.c, 128, place(&b, 1024), 0));
		add_dim(b.c, l, form_const(b.c, 1), form_scale(b.c, 128, place(&b, i), 0));
		assert_true(score_max_abs(b.c, l) == (double)(plain_target.score_max + 128 * i));
		b.c->output[0] = head_value(b.c, l, token(&b, 1), 0);
		compile_bench(&b);
		assert_int_equal(b.diags.nerror, i);
		assert_true(!i
		            || strstr(b.diags.first->msg, "this score can add up to 536871040,"));
		bench_close(&b);
	}
}

/* The row of token c reads 2 c v - c c; of d, the last, 6 v - 9. */
static void
test_logits(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		Bench b;
		int64_t v = (LAST - 9) / 6 + i;
		bench_open(&b, NULL, true);
		b.c->emit[0] = token(&b, v);
		compile_bench(&b);
		assert_true(proved(&b, SUM_LOGIT) == (double)(6 * v + 9));
		assert_int_equal(b.diags.nerror, i);
		assert_true(!i || strstr(b.diags.first->msg, "the terms of this logit can add up"));
		bench_close(&b);
	}
}

/* x - y, of numbers that are fed. */
static void
test_inputs(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		Bench b;
		Input in[2] = { { "x", K_INT, 0, EXACT_MAX / 2 },
			        { "y", K_INT, 0, LAST - EXACT_MAX / 2 + i } };
		bench_open(&b, in, false);
		const Form *f[2];
		for (int k = 0; k < 2; k++)
			f[k] = emit_INPUT(b.c, mk(b.g, OP_INPUT, (Span){ 0, 0 }, 0, 0, NULL, k));
		b.c->output[0] = whole(&b, form_add(b.c, 1, f[0], -1, f[1], 0));
		compile_bench(&b);
		assert_true(proved(&b, SUM_EMBEDDING) == LAST + i);
		assert_int_equal(b.diags.nerror, i);
		assert_true(!i || strstr(b.diags.first->msg, "sum of what is fed can add up"));
		bench_close(&b);
	}
}

/* A value that would not be exact is said to stand nowhere: nothing is refused for a name. */
static void
test_named(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		Bench b;
		bench_open(&b, NULL, false);
		const Form *f = token(&b, LAST / 3 + i);
		b.c->output[0] = f;
		b.named = (Named){ .name = "n", .kind = K_INT, .node = b.output[0].node };
		b.g->named = &b.named;
		b.g->nnamed = 1;
		b.c->form[b.named.node->id] = form_scale(b.c, 3, f, 0);
		compile_bench(&b);
		assert_int_equal(b.diags.nerror, 0);
		assert_int_equal(b.model->named[0].folded, i);
		bench_close(&b);
	}
}

/* Two columns take turns in one: what stands there, what takes it away, and what comes. */
static void
test_cleared(void **state)
{
	Bench b;

	(void)state;
	bench_open(&b, NULL, false);
	const Form *f = sum(&b, token(&b, 1000), place(&b, -300), 0); /* -300..1000 */
	const Form *n = relu(b.c, form_scale(b.c, 2, f, -1));         /* 0..1999 */
	b.c->output[0] = relu(b.c, form_scale(b.c, 1, n, -1));
	b.limits.d_model = 1;
	compile_bench(&b);
	assert_int_equal(b.diags.nerror, 0);
	assert_int_equal(b.model->d_model, 1);
	/* of the second turn: 1999 there, 1999 to take away, 1998 new */
	assert_true(proved(&b, SUM_MLP_WRITE) == 1999 + 1999 + 1998);
	double first = 0;
	for (int i = 0; i < b.report.nproved; i++)
		if (b.report.proved[i].kind == SUM_MLP_WRITE && b.report.proved[i].layer == 0)
			first = b.report.proved[i].most;
	assert_true(first == 1000 + (1000 + 2 * 300) + 1999);
	bench_close(&b);
}

/* ---- reals: what a reader computes is as near as was taken for granted ---- */

static const Form *
real_part(Bench *b, const Form *f, double by)
{
	return real_form(b->c, 1, (RealTerm[]){ { f, by } }, 0);
}

/* A third of something: rounded once as a weight, once as a product, and twice to spare. */
static void
test_real_errors(void **state)
{
	Bench b;
	const double ulp = 0x1p-24;

	(void)state;
	bench_open(&b, NULL, false);
	const Form *f = real_part(&b, token(&b, 300), 1.0 / 3);
	assert_true(real_error(f) >= 100 * 5 * ulp && real_error(f) < 100 * 5.1 * ulp);
	const Form *n = real_neuron(
		b.c, real_form(b.c, 2, (RealTerm[]){ { f, 1 }, { place(&b, 1), 1 } }, -1));
	assert_true(n->real->error >= real_error(f));
	const Form *twice = real_form(b.c, 2, (RealTerm[]){ { n, 2 }, { f, -1 } }, 0);
	assert_true(twice->real->error >= 2 * n->real->error);
	/* weights.c refuses what is written of larger parts than that */
	Form *large = NEW(&b.arena, Form);
	RealSum *r = NEW(&b.arena, RealSum);
	*large = *f;
	*r = *f->real;
	RealTerm *t = NEW(&b.arena, RealTerm);
	*t = r->term[0];
	Form *small = NEW(&b.arena, Form);
	*small = *t->f;
	small->lo /= 10; /* a lie */
	small->hi /= 10;
	t->f = small;
	r->term = t;
	large->real = r;
	b.c->output[0] = token(&b, 300);
	b.c->output[1] = large;
	compile_bench(&b);
	assert_int_equal(b.diags.nerror, 1);
	assert_non_null(strstr(b.diags.first->msg, "larger parts than its error bound allows"));
	bench_close(&b);
}

/* Neurons that round are told apart by what they round to, though they read the same. */
static void
test_lifts(void **state)
{
	Bench b;

	(void)state;
	bench_open(&b, NULL, false);
	const Form *f = sum(&b, token(&b, 4096), place(&b, 1), 0);
	const Form *low = round_to_integer(b.c, f, 0, 100, 4096),
		   *high = round_to_integer(b.c, f, 4096, 4196, 8192);
	assert_true(low->term[0].atom != high->term[0].atom);
	assert_true(low->lo == 0 && low->hi == 100 && high->lo == 4096 && high->hi == 4196);
	assert_true(atom_max_abs(low->term[0].atom) >= 100 + 2 * 4096);
	bench_close(&b);
}

/* ---- random circuits ---- */

static const Form *
random_feature(Bench *b)
{
	bool by_place = below(2);
	int n = by_place ? CONTEXT + 1 : VOCAB + 2;
	int64_t *t = NEWS(&b->arena, int64_t, n);

	for (int i = 0; i < n; i++)
		t[i] = below(40) - 20;
	return by_place ? place_feature(b->c, t) : token_feature(b->c, 0, t);
}

/* Some forms, each of those before it; then neurons of one linear part, whose sum is small. */
enum { FORMS = 24 };

static void
random_forms(Bench *b, const Form **f)
{
	for (int i = 0; i < FORMS; i++) {
		const Form *x = i ? f[below(i)] : NULL, *y = i ? f[below(i)] : NULL;
		int kind = i < 4 ? 0 : 1 + below(4);
		if (kind == 0)
			f[i] = random_feature(b);
		else if (kind == 1)
			f[i] = form_add(b->c, below(9) - 4, x, below(9) - 4, y, below(21) - 10);
		else if (kind == 2)
			f[i] = relu(b->c, form_add(b->c, 1, x, below(5) - 2, y, below(11) - 5));
		else if (kind == 3)
			f[i] = form_add(b->c, 1, relu(b->c, form_scale(b->c, 1, x, -below(20))), -1,
			                relu(b->c, form_scale(b->c, 1, x, -below(20))), 0);
		else
			f[i] = form_set_bos(b->c, x, below(100) - 50);
	}
}

static int64_t value_of_form(const Form *f, int token_row, int place_row, int state);

static int64_t
value_of_atom(const Atom *a, int row, int at, int state)
{
	if (a->kind == TOKEN_FEATURE)
		return a->table[row];
	if (a->kind == PLACE_FEATURE)
		return a->table[at];
	int64_t in = a->in->k + value_of_form(a->in, row, at, state);
	return in > 0 ? in : 0;
}

/* What is ready of it by then, constant aside. */
static int64_t
value_of_form(const Form *f, int row, int at, int state)
{
	int64_t v = 0;

	for (int i = 0; i < f->n; i++)
		if (f->term[i].atom->ready <= state)
			v += f->term[i].c * value_of_atom(f->term[i].atom, row, at, INT32_MAX);
	return v;
}

/* The largest that is found, at all tokens and places, <bos> last. */
static double
largest_found(const Form *f, int state)
{
	double most = 0;

	for (int row = 0; row < VOCAB; row++)
		for (int at = 1; at <= CONTEXT; at++)
			most = fmax(most, fabs((double)value_of_form(f, row, at, state)));
	return fmax(most, fabs((double)value_of_form(f, VOCAB + 1, 0, state)));
}

static void
check_form(const Form *f)
{
	for (int state = 0; state <= f->ready; state++)
		assert_true(form_max_abs(f, state) >= largest_found(f, state));
	for (int row = 0; row < VOCAB; row++)
		for (int at = 1; at <= CONTEXT; at++) {
			int64_t v = f->k + value_of_form(f, row, at, INT32_MAX);
			assert_true(f->lo <= v && v <= f->hi);
		}
	assert_true(form_bos(f) == f->k + value_of_form(f, VOCAB + 1, 0, INT32_MAX));
	for (int i = 0; i < f->n; i++) {
		const Atom *a = f->term[i].atom;
		assert_true(a->bos == value_of_atom(a, VOCAB + 1, 0, INT32_MAX));
		assert_true(atom_max_abs(a) >= llabs(a->bos));
	}
}

/* Terms of one score added up, at every pair of positions that can see one another. */
static double
largest_score(const Lookup *l)
{
	double most = 0;
	int rows = VOCAB * CONTEXT + 1;

	for (int i = 0; i < rows; i++)
		for (int j = 0; j < rows; j++) {
			bool bos_i = i == rows - 1, bos_j = j == rows - 1;
			double terms = 0;
			for (int d = 0; d < l->ndim; d++) {
				int64_t q = l->q[d]->k
				            + value_of_form(l->q[d], bos_i ? VOCAB + 1 : i % VOCAB,
				                            bos_i ? 0 : 1 + i / VOCAB, INT32_MAX);
				int64_t k = l->k[d]->k
				            + value_of_form(l->k[d], bos_j ? VOCAB + 1 : j % VOCAB,
				                            bos_j ? 0 : 1 + j / VOCAB, INT32_MAX);
				terms += fabs((double)q * (double)k);
			}
			most = fmax(most, terms);
		}
	return most;
}

static void
test_random_forms(void **state)
{
	(void)state;
	for (int round = 0; round < 300; round++) {
		Bench b;
		const Form *f[FORMS];
		bench_open(&b, NULL, false);
		random_forms(&b, f);
		for (int i = 0; i < FORMS; i++)
			check_form(f[i]);
		for (int i = 0; i < 6; i++) {
			Lookup *l = lookup(&b);
			for (int d = 1 + below(3); d > 0; d--)
				add_dim(b.c, l, f[below(FORMS)], f[below(FORMS)]);
			assert_true(score_max_abs(b.c, l) >= largest_score(l));
		}
		bench_close(&b);
	}
}

/* What is rounded is known at <bos> to within its error, and errors do not cancel. */
static void
test_rounded_bos(void **state)
{
	Atom x = { .kind = VALUE, .real = true, .max = 1, .error = 0.25, .real_bos = 0.5 }, y = x;
	Term term[2] = { { &x, 1 }, { &y, -1 } };
	Form f = { .n = 2, .term = term, .near = true };

	(void)state;
	x.hi = y.hi = x.bos = y.bos = 1;
	assert_true(form_max_abs(&f, 0) >= 0.5);
	y.real_bos = -0.5;
	assert_true(form_max_abs(&f, 0) >= 1.5);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kinds),        cmocka_unit_test(test_scores),
		cmocka_unit_test(test_logits),       cmocka_unit_test(test_inputs),
		cmocka_unit_test(test_named),        cmocka_unit_test(test_cleared),
		cmocka_unit_test(test_real_errors),  cmocka_unit_test(test_lifts),
		cmocka_unit_test(test_random_forms), cmocka_unit_test(test_rounded_bos),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
