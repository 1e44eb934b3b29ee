/* The kernels for several processors (runtime/lanes.h) give the same bits: on random models of
 * reals, whose sums round, causal and bidirectional, dense and sparse, a place after the other and
 * all at once. And they are near to what softmax over all places gives. */

#include "backend/file/write.h"
#include "runtime/tw.h"
#include "tests/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { CONTEXT = 75, INPUTS = 3, LAYERS = 2, COLUMNS = 7, NUMBERS = CONTEXT * COLUMNS };

/* What a random model is like. */
typedef struct LayerShape {
	int d_model, heads, dk, dv, neurons;
	unsigned zeros; /* of so many numbers in eight */
	bool bidirectional;
} LayerShape;

static float *
random_floats(Arena *a, const LayerShape *s, int rows, int n)
{
	float *x = NEWS(a, float, rows *n + 1);

	for (int i = 0; i < rows * n; i++)
		if ((unsigned)below(8) >= s->zeros)
			x[i] = ((float)below(2001) / 1000 - 1) / sqrtf((float)rows);
	return x;
}

static TwLayer
random_layer(Arena *a, const LayerShape *s)
{
	int d = s->d_model, keys = s->heads * s->dk, values = s->heads * s->dv;

	return (TwLayer){ .heads = s->heads,
		          .dk = s->dk,
		          .dv = s->dv,
		          .neurons = s->neurons,
		          .wq = random_floats(a, s, d, keys),
		          .bq = random_floats(a, s, 1, keys),
		          .wk = random_floats(a, s, d, keys),
		          .bk = random_floats(a, s, 1, keys),
		          .wv = random_floats(a, s, d, values),
		          .bv = random_floats(a, s, 1, values),
		          .wo = random_floats(a, s, values, d),
		          .w1 = random_floats(a, s, d, s->neurons),
		          .b1 = random_floats(a, s, 1, s->neurons),
		          .w2 = random_floats(a, s, s->neurons, d),
		          .b2 = random_floats(a, s, 1, d) };
}

static TwModel *
random_model(Arena *a, const LayerShape *s)
{
	static char name[INPUTS][2] = { "x", "y", "z" }, model[] = "random", label[] = "out";
	TwModel *m = NEW(a, TwModel);

	*m = (TwModel){ .name = model,
		        .nfield = 1,
		        .first = NEWS(a, int, 2),
		        .context = CONTEXT,
		        .bidirectional = s->bidirectional,
		        .d_model = s->d_model,
		        .nlayer = LAYERS,
		        .ninput = INPUTS,
		        .input = NEWS(a, TwInput, INPUTS),
		        .embed_input = random_floats(a, s, INPUTS, s->d_model),
		        .embed_position = random_floats(a, s, CONTEXT + 1, s->d_model),
		        .layer = NEWS(a, TwLayer, LAYERS),
		        .nlabel = 1,
		        .label = NEW(a, TwLabel) };
	for (int i = 0; i < INPUTS; i++)
		m->input[i] = (TwInput){ name[i], TW_REAL, -1, 1 };
	for (int i = 0; i < LAYERS; i++)
		m->layer[i] = random_layer(a, s);
	*m->label = (TwLabel){ .name = label,
		               .kind = TW_REAL,
		               .columns = COLUMNS,
		               .w = random_floats(a, s, s->d_model, COLUMNS),
		               .b = random_floats(a, s, 1, COLUMNS) };
	return m;
}

/* All labels of the text, at once or place by place. */
static void
label_text(const TwModel *m, unsigned flags, const float *fed, int n, bool at_once, float *to)
{
	char *error = NULL;
	TwSession *s = tw_open(m, flags, &error);

	assert_non_null(s);
	for (int i = 0; i < n; i += at_once ? n : 1)
		assert_true(tw_feed_number_rows(s, fed + i * INPUTS, at_once ? n : 1));
	for (int i = 0; i < n; i++)
		memcpy(to + i * COLUMNS, tw_label(s, 0, i), COLUMNS * sizeof *to);
	assert_false(tw_fell_back(s));
	tw_close(s);
}

static void
compare_kernels(const TwModel *m, const float *fed, int n)
{
	static const unsigned kernel[] = { TW_V3, TW_PORTABLE };
	static float softmax[NUMBERS], first[NUMBERS], other[NUMBERS];

	label_text(m, TW_SOFTMAX, fed, n, true, softmax);
	for (int at_once = 0; at_once < 2; at_once++) {
		label_text(m, 0, fed, n, at_once, first);
		for (int i = 0; i < n * COLUMNS; i++)
			assert_true(fabsf(first[i] - softmax[i]) < 1e-4f * (1 + fabsf(softmax[i])));
		for (int k = 0; k < 2; k++) {
			label_text(m, kernel[k], fed, n, at_once, other);
			assert_memory_equal(first, other, (size_t)(n * COLUMNS) * sizeof *first);
		}
	}
}

static void
try_shape(const LayerShape *s)
{
	static float fed[CONTEXT * INPUTS];
	Arena a = { 0 };
	char *error = NULL;
	size_t size;
	unsigned char *bytes = onnx_bytes(&a, random_model(&a, s), &size);
	TwModel *m = tw_load_memory(bytes, size, &error);

	if (!m)
		fail_msg("%s", error);
	for (int i = 0; i < CONTEXT * INPUTS; i++)
		fed[i] = (float)below(2001) / 1000 - 1;
	for (int n = 1; n <= CONTEXT; n += 1 + below(25))
		compare_kernels(m, fed, n);
	compare_kernels(m, fed, CONTEXT);
	tw_free(m);
	arena_free(&a);
}

static void
test_kernels(void **state)
{
	(void)state;
	for (int i = 0; i < 24; i++)
		try_shape(&(LayerShape){ .d_model = 1 + below(50),
		                         .heads = 1 + below(3),
		                         .dk = 1 + below(9),
		                         .dv = 1 + below(20),
		                         .neurons = below(60),
		                         .zeros = (unsigned)i % 3 * 3,
		                         .bidirectional = i & 1 });
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_kernels) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
