/* Examples as Llamas, by a forward pass of that architecture that knows nothing else of them:
 * each logit after each token of random texts is that of the plain model in libtw. Once in float32;
 * once with keys, queries, values and what adds them up in half precision, as llama.cpp has it by
 * default. And what is refused, with its reason. */

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "backend/file/write.h"
#include "backend/target/target.h"
#include "cmd/cmd.h"
#include "runtime/tw.h"
#include "tests/random.h"

enum { TEXTS = 3, LONGEST = 40 };

/* A number in half precision: 11 bits, or multiples of 2^-24. */
static float
to_half(float x)
{
	int e;

	frexpf(x, &e);
	float unit = ldexpf(1, e - 11 > -24 ? e - 11 : -24);
	return nearbyintf(x / unit) * unit;
}

typedef struct Engine {
	const Llama *l;
	bool half;
	int n;            /* places so far */
	float **key, **v; /* (layers) of (places, heads * d_head) */
	float *x, *normed, *q, *out, *up, *gate, *logits;
} Engine;

static float *
floats(size_t n)
{
	float *v = calloc(n, sizeof *v);

	assert_non_null(v);
	return v;
}

static Engine
engine_open(const Llama *l, int places)
{
	size_t wide = (size_t)(l->heads * l->d_head), d = (size_t)l->d, ff = (size_t)l->ff;
	Engine e = { .l = l, .half = l->profile == LLAMA_F16KV };

	e.key = calloc((size_t)l->nlayer, sizeof *e.key);
	e.v = calloc((size_t)l->nlayer, sizeof *e.v);
	for (int i = 0; i < l->nlayer; i++) {
		e.key[i] = floats((size_t)places * wide);
		e.v[i] = floats((size_t)places * wide);
	}
	e.x = floats(d);
	e.normed = floats(d);
	e.q = floats(wide);
	e.out = floats(wide > d ? wide : d);
	e.up = floats(ff);
	e.gate = floats(ff);
	e.logits = floats((size_t)l->rows);
	return e;
}

static void
engine_close(Engine *e)
{
	for (int i = 0; i < e->l->nlayer; i++) {
		free(e->key[i]);
		free(e->v[i]);
	}
	float *all[] = { e->x, e->normed, e->q, e->out, e->up, e->gate, e->logits };
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		free(all[i]);
	free(e->key);
	free(e->v);
}

static void
matrix_times(const float *w, const float *x, float *y, int rows, int columns)
{
	for (int r = 0; r < rows; r++) {
		y[r] = 0;
		for (int c = 0; c < columns; c++)
			y[r] += w[(size_t)r * (size_t)columns + (size_t)c] * x[c];
	}
}

static void
normalize(Engine *e)
{
	float sum = 0;

	for (int c = 0; c < e->l->d; c++)
		sum += e->x[c] * e->x[c];
	float scale = 1 / sqrtf(sum / (float)e->l->d + 1e-5F);
	for (int c = 0; c < e->l->d; c++)
		e->normed[c] = e->x[c] * scale * e->l->norm[c];
}

static void
rotate(const Engine *e, float *v)
{
	for (int i = 0; i < e->l->heads * e->l->d_head; i += 2) {
		int plane = i % e->l->d_head / 2;
		float turn = (float)e->n / e->l->factor
		             * powf(e->l->theta, -2.0F * (float)plane / (float)e->l->d_head);
		float a = v[i], b = v[i + 1];
		v[i] = a * cosf(turn) - b * sinf(turn);
		v[i + 1] = a * sinf(turn) + b * cosf(turn);
	}
}

static void
halve(const Engine *e, float *v)
{
	for (int i = 0; i < e->l->heads * e->l->d_head && e->half; i++) {
		assert_true(fabsf(v[i]) <= 65504);
		v[i] = to_half(v[i]);
	}
}

static void
attend_head(Engine *e, int layer, int head)
{
	int n = e->l->d_head, wide = e->l->heads * n;
	float score[LONGEST + 1], most = -INFINITY, sum = 0, *out = e->out + head * n;

	for (int p = 0; p <= e->n; p++) {
		const float *key = e->key[layer] + p * wide + head * n;
		score[p] = 0;
		for (int i = 0; i < n; i++)
			score[p] += e->q[head * n + i] * key[i];
		score[p] /= sqrtf((float)n);
		most = fmaxf(most, score[p]);
	}
	memset(out, 0, sizeof *out * (size_t)n);
	for (int p = 0; p <= e->n; p++) {
		const float *v = e->v[layer] + p * wide + head * n;
		float weight = expf(score[p] - most);
		sum += weight;
		for (int i = 0; i < n; i++) {
			out[i] += weight * v[i];
			out[i] = e->half ? to_half(out[i]) : out[i];
		}
	}
	for (int i = 0; i < n; i++)
		out[i] /= sum;
}

static void
add_projected(Engine *e, const float *w, const float *y, int n)
{
	for (int c = 0; c < e->l->d; c++) {
		float sum = 0;
		for (int i = 0; i < n; i++)
			sum += w[(size_t)c * (size_t)n + (size_t)i] * y[i];
		e->x[c] += sum;
	}
}

static const float *
engine_feed(Engine *e, int row)
{
	const Llama *l = e->l;
	int d = l->d, wide = l->heads * l->d_head;

	memcpy(e->x, l->embed + (size_t)row * (size_t)d, sizeof(float) * (size_t)d);
	for (int i = 0; i < l->nlayer; i++) {
		const LlamaLayer *b = &l->layer[i];
		float *key = e->key[i] + e->n * wide, *v = e->v[i] + e->n * wide;
		normalize(e);
		matrix_times(b->q, e->normed, e->q, wide, d);
		matrix_times(b->k, e->normed, key, wide, d);
		matrix_times(b->v, e->normed, v, wide, d);
		rotate(e, e->q);
		rotate(e, key);
		halve(e, e->q);
		halve(e, key);
		halve(e, v);
		for (int h = 0; h < l->heads; h++)
			attend_head(e, i, h);
		add_projected(e, b->o, e->out, wide);
		normalize(e);
		matrix_times(b->gate, e->normed, e->gate, l->ff, d);
		matrix_times(b->up, e->normed, e->up, l->ff, d);
		for (int k = 0; k < l->ff; k++)
			e->up[k] *= e->gate[k] / (1 + expf(-e->gate[k]));
		add_projected(e, b->down, e->up, l->ff);
	}
	normalize(e);
	matrix_times(l->output, e->normed, e->logits, l->rows, d);
	e->n++;
	return e->logits;
}

/* A random text, mostly of what the model itself says. */
static void
compare_random_text(const TwModel *m, const Llama *l)
{
	char *error = NULL;
	TwSession *s = tw_open(m, 0, &error);
	Engine e = engine_open(l, LONGEST + 1);
	bool follow = below(2);

	assert_non_null(s);
	engine_feed(&e, tw_bos(m));
	for (int i = 0; i < LONGEST && i < m->context; i++) {
		int row = follow && i > 5 && tw_next(s) != tw_end(m) ? tw_next(s)
		                                                     : below(m->nvocab);
		const float *ours = engine_feed(&e, row), *theirs;
		assert_true(tw_feed(s, row));
		theirs = tw_logits(s);
		for (int r = 0; r < m->nvocab + 2; r++)
			if (ours[r] != theirs[r])
				fail_msg("%s, token %d, row %d: %g, not %g", m->name, i, r,
				         (double)ours[r], (double)theirs[r]);
	}
	tw_close(s);
	engine_close(&e);
}

static void
compile_for_llama(Program *p)
{
	p->target = &llama_target;
	assert_true(program_compile(p));
}

static void
compare_opened(Program *p, const char *path, LlamaProfile profile)
{
	const char *why = NULL;
	char *error = NULL;
	size_t n;

	compile_for_llama(p);
	Llama *l = llama_from_matrices(&p->arena, p->model, &p->report, profile, &why);
	if (!l)
		fail_msg("%s: %s", path, why);
	Report plain;
	const TwModel *to_judge = compile_within(p->graph, &plain_target, &p->arena, &p->diags,
	                                         &p->limits, NULL, &plain);
	assert_non_null(to_judge);
	unsigned char *bytes = onnx_bytes(&p->arena, to_judge, &n);
	TwModel *m = tw_load_memory(bytes, n, &error);
	assert_non_null(m);
	for (int i = 0; i < TEXTS; i++)
		compare_random_text(m, l);
	tw_free(m);
}

static void
compare_program(const char *path, LlamaProfile profile)
{
	Program p = { 0 };
	Options options = { .stdlib = "stdlib" };

	assert_true(program_open(&p, path, &options));
	compare_opened(&p, path, profile);
	program_close(&p);
}

static void
test_examples(void **state)
{
	/* offsets and latest; the first; counts; the best; places listed */
	static const char *const name[] = { "adder", "caesar", "sort_digits", "rule110" };

	(void)state;
	for (size_t i = 0; i < sizeof name / sizeof *name; i++)
		for (int profile = LLAMA_F16KV; profile <= LLAMA_F32; profile++) {
			char path[100];
			snprintf(path, sizeof path, "examples/%s.tw", name[i]);
			compare_program(path, (LlamaProfile)profile);
		}
}

/* What is a function of the token has no layers, and llama.cpp wants one. */
static void
test_no_layers(void **state)
{
	static const char text[] = "model m { vocab \"ab\" context 4 }\n"
				   "emit if token == 'a' then 'b' else 'a'\n";
	Program p = { 0 };
	Options options = { .no_warnings = true };
	const char *why = NULL;

	(void)state;
	assert_true(program_open_text(&p, "test.tw", text, strlen(text), &options));
	compare_opened(&p, "no layers", LLAMA_F16KV);
	assert_int_equal(p.model->nlayer, 0);
	Llama *l = llama_from_matrices(&p.arena, p.model, &p.report, LLAMA_F32, &why);
	assert_int_equal(l->nlayer, 1);
	program_close(&p);
}

/* How many places hold what is here: scores of two positions, which cancel out. */
static void
test_two_sided_count(void **state)
{
	static const char text[] = "model m { vocab \"abc\" context 24 }\n"
				   "let n = count(token[j] == token for j)\n"
				   "emit if n > 3 then 'a' else 'b'\n";
	Program p = { 0 };
	Options options = { .no_warnings = true };

	(void)state;
	assert_true(program_open_text(&p, "test.tw", text, strlen(text), &options));
	compare_opened(&p, "two-sided count", LLAMA_F16KV);
	program_close(&p);
}

/* A token for each combination of a record's fields: what follows is what libtw makes of the
 * records themselves. */
static void
test_records(void **state)
{
	Program p = { 0 };
	Options options = { .stdlib = "stdlib" };
	const char *why = NULL;
	char *error = NULL;
	Report plain;
	size_t n;

	(void)state;
	assert_true(program_open(&p, "examples/turing.tw", &options));
	compile_for_llama(&p);
	const TwModel *flat = llama_flat_tokens(&p.arena, p.model, &p.report, spell_rows, &why);
	Llama *l = llama_from_matrices(&p.arena, flat, &p.report, LLAMA_F16KV, &why);
	assert_non_null(l);
	assert_int_equal(flat->nvocab, 5 * 33 * 33 * 2);
	assert_string_equal(flat->vocab[33 * 33 * 2 + 1],
	                    "{state: B, head: -16, at: -16, wrote: 1}");
	const TwModel *to_judge = compile_within(p.graph, &plain_target, &p.arena, &p.diags,
	                                         &p.limits, NULL, &plain);
	unsigned char *bytes = onnx_bytes(&p.arena, to_judge, &n);
	TwModel *m = tw_load_memory(bytes, n, &error);
	TwSession *s = tw_open(m, 0, &error);
	Engine e = engine_open(l, LONGEST + 1);
	engine_feed(&e, flat->nvocab + 1);
	for (int i = 0, next = 0; i < LONGEST; i++) {
		int token = below(3) ? next : below(flat->nvocab);
		int row[] = { token / (33 * 33 * 2), token / (33 * 2) % 33, token / 2 % 33,
			      token % 2 };
		for (int f = 0; f < 4; f++)
			row[f] += m->first[f];
		assert_true(tw_feed_token(s, row));
		const float *logit = engine_feed(&e, token);
		next = 0;
		for (int r = 1; r < flat->nvocab + 2; r++)
			next = logit[r] > logit[next] ? r : next;
		const int *want = tw_next_token(s);
		bool end = want[0] == m->nvocab;
		assert_int_equal(end, next == flat->nvocab);
		assert_true(next <= flat->nvocab);
		assert_int_equal(next,
		                 end ? next
		                     : (((want[0] - m->first[0]) * 33 + want[1] - m->first[1]) * 33
		                        + want[2] - m->first[2])
		                                         * 2
		                                 + want[3] - m->first[3]);
		next = end ? 0 : next;
	}
	tw_close(s);
	tw_free(m);
	engine_close(&e);
	program_close(&p);
}

static int
neurons_with_factors(const Schedule *s)
{
	int n = 0;

	for (int l = 0; l < s->nlayer; l++)
		for (int i = 0; i < s->nneuron[l]; i++)
			n += s->neuron[l][i]->times != NULL;
	return n;
}

/* Products and gates of either sign, each a lane or two: one whose products are gated too. */
static void
test_products(void **state)
{
	static const char text[] =
		"use digits\nmodel m { vocab \"0123456789*-\" context 20 }\n"
		"let d    = digits.digit(token)\n"
		"let back = d[here - 2 else 0]\n"
		"let x    = d * back\n"
		"let y    = (d - 5) * (back - 7)\n"
		"let z    = if token[here - 1 else '*'] == '-' and back > 3 then y - x else 0\n"
		"emit if x + y + z > 20 then '*' else if z < -3 then '-' else if y == 0 then '0' "
		"else if index * y > 90 then '9' else '1'\n";
	Options options = { .no_warnings = true, .stdlib = "stdlib" };

	(void)state;
	for (int profile = LLAMA_F16KV; profile <= LLAMA_F32; profile++) {
		Program p = { 0 };
		assert_true(program_open_text(&p, "test.tw", text, strlen(text), &options));
		compare_opened(&p, "products", (LlamaProfile)profile);
		int n = neurons_with_factors(p.report.columns->s);
		assert_true(n >= 2 && n < 8);
		program_close(&p);
	}
}

/* Squares of places in 16 bits are two digits, of which the lower bends at most places. */
static void
test_listed_places(void **state)
{
	static const char text[] = "model m { vocab \"abcd=\" context 190 }\n"
				   "let equals = first j where token[j] == '='\n"
				   "let k = if exists(equals) then here - equals else 0\n"
				   "emit token[equals - 1 - k else <end>]\n";
	Program p = { 0 };
	Options options = { .no_warnings = true };

	(void)state;
	assert_true(program_open_text(&p, "test.tw", text, strlen(text), &options));
	compare_opened(&p, "listed places", LLAMA_F16KV);
	program_close(&p);
}

/* Of a context that is known by digits, and too long for 16 bits. */
static void
test_long_context(void **state)
{
	(void)state;
	compare_program("examples/memory.tw", LLAMA_F32);
}

static void
refuses(const char *text, LlamaProfile profile, const char *want)
{
	Program p = { 0 };
	Options options = { .no_warnings = true };
	const char *why = NULL;

	assert_true(program_open_text(&p, "test.tw", text, strlen(text), &options));
	compile_for_llama(&p);
	Llama *l = llama_from_matrices(&p.arena, p.model, &p.report, profile, &why);
	if (l || !strstr(why, want))
		fail_msg("'%s', not '%s'", l ? "written" : why, want);
	program_close(&p);
}

static void
test_refusals(void **state)
{
	(void)state;
	refuses("model m { vocab \"ab\" context 4 attention bidirectional }\noutput x = index\n",
	        LLAMA_F32, "bidirectional");
	refuses("model m { vocab \"ab\" context 4 }\noutput x = index\n", LLAMA_F32, "labels");
	refuses("model m { context 4 }\ninput x: int 0..3\noutput y = x + 1\n", LLAMA_F32,
	        "takes numbers");
	refuses("model m { token { a: int 0..3, b: bool } context 4 }\nemit token\n", LLAMA_F32,
	        "several fields");
	refuses("model m { vocab \"ab\" context 4 }\n"
	        "let x = sum(if token[j] == 'a' then 0.5 else 0.25 for j)\n"
	        "emit if x > 1 then 'a' else 'b'\n",
	        LLAMA_F32, "real numbers");
}

/* Values of 11 bits fit half precision, and of 12 they do not. */
static void
test_half_values(void **state)
{
	static const char *const text = "model m { vocab \"ab\" context 6 }\n"
					"let far = latest j where token[j] == 'a'\n"
					"let n = if token == 'a' then 1 else %d\n"
					"let seen = n[here - 1 else 0]\n"
					"emit if seen * 2 + index > %d then 'a' else 'b'\n";
	char program[400];

	(void)state;
	snprintf(program, sizeof program, text, 4099, 5000);
	refuses(program, LLAMA_F16KV, "values of up to");
	Program p = { 0 };
	Options options = { .no_warnings = true };
	const char *why = NULL;
	snprintf(program, sizeof program, text, 2048, 5000);
	assert_true(program_open_text(&p, "test.tw", program, strlen(program), &options));
	compile_for_llama(&p);
	assert_non_null(llama_from_matrices(&p.arena, p.model, &p.report, LLAMA_F16KV, &why));
	program_close(&p);
}

/* llama.cpp cuts a text at its longest tokens first. */
static void
test_overlapping_tokens(void **state)
{
	char *one[] = { (char *)"ab", (char *)"bcd", (char *)"c" },
	     *other[] = { (char *)"ab", (char *)"cab", (char *)"c" };
	const char *a, *b;

	(void)state;
	assert_true(gguf_cuts_otherwise(&(TwModel){ .nvocab = 3, .vocab = one }, &a, &b));
	assert_string_equal(a, "ab");
	assert_string_equal(b, "bcd");
	assert_false(gguf_cuts_otherwise(&(TwModel){ .nvocab = 3, .vocab = other }, &a, &b));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_examples),        cmocka_unit_test(test_long_context),
		cmocka_unit_test(test_listed_places),   cmocka_unit_test(test_no_layers),
		cmocka_unit_test(test_two_sided_count), cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_products),        cmocka_unit_test(test_records),
		cmocka_unit_test(test_half_values),     cmocka_unit_test(test_overlapping_tokens),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
