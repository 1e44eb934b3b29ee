/* The runtime's gradients against dual numbers, which go forward (Clifford 1873): a model of random
 * weights, and one whose heads are one-hot as compiled ones are; causal and both ways; logits,
 * labels and named values; and seeds that are refused. */

#include "runtime/tw.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum {
	D = 5,
	HEADS = 2,
	DK = 2,
	DV = 3,
	NEURONS = 4,
	LAYERS = 2,
	VOCAB = 4,
	TEXT = 6,
	COLUMNS = 2
};

#define S(literal) ((char *)(literal)) /* the model owns its strings; these are only read */

typedef struct RandomModel {
	TwModel m;
	TwLayer layer[LAYERS];
	TwLabel label[1];
	TwNamed named[2];
	float pool[4096], weight[2];
	int used, first[2], column[2];
} RandomModel;

static float *
random_weights(RandomModel *r, int n, float scale)
{
	float *to = r->pool + r->used;

	r->used += n;
	assert_true(r->used <= 4096);
	for (int i = 0; i < n; i++)
		to[i] = 0.6f * scale * ((float)(rand() % 2001) / 1000 - 1);
	return to;
}

static char *vocab[] = { S("a"), S("b"), S("c"), S("d") };

/* sharp: by how much queries are longer than others. */
static RandomModel *
model_of_chance(bool bidirectional, float sharp)
{
	RandomModel *r = calloc(1, sizeof *r);

	for (int i = 0; i < LAYERS; i++)
		r->layer[i] = (TwLayer){
			.heads = HEADS,
			.dk = DK,
			.dv = DV,
			.neurons = i ? 0 : NEURONS, /* the last has none */
			.wq = random_weights(r, D * HEADS * DK, sharp),
			.bq = random_weights(r, HEADS * DK, sharp),
			.wk = random_weights(r, D * HEADS * DK, 1),
			.bk = random_weights(r, HEADS * DK, 1),
			.wv = random_weights(r, D * HEADS * DV, 1),
			.bv = random_weights(r, HEADS * DV, 1),
			.wo = random_weights(r, HEADS * DV * D, 1),
			.w1 = random_weights(r, D * NEURONS, 1),
			.b1 = random_weights(r, NEURONS, 1),
			.w2 = random_weights(r, NEURONS * D, 1),
			.b2 = random_weights(r, D, 1),
		};
	r->label[0] = (TwLabel){ .name = S("out"),
		                 .kind = TW_INT,
		                 .columns = COLUMNS,
		                 .w = random_weights(r, D * COLUMNS, 1),
		                 .b = random_weights(r, COLUMNS, 1) };
	r->first[1] = VOCAB;
	r->column[0] = 1;
	r->column[1] = 3;
	r->weight[0] = 2;
	r->weight[1] = -1;
	r->named[0] = (TwNamed){
		.name = S("v"), .state = 2, .ncolumn = 2, .column = r->column, .weight = r->weight
	};
	r->named[1] = (TwNamed){ .name = S("gone"), .folded = true };
	r->m = (TwModel){ .name = S("random"),
		          .nvocab = VOCAB,
		          .vocab = vocab,
		          .nfield = 1,
		          .first = r->first,
		          .context = TEXT + 1,
		          .bidirectional = bidirectional,
		          .emits = true,
		          .d_model = D,
		          .nlayer = LAYERS,
		          .layer = r->layer,
		          .embed_token = random_weights(r, (VOCAB + 2) * D, 1),
		          .embed_position = random_weights(r, (TEXT + 2) * D, 1),
		          .head_w = random_weights(r, D * (VOCAB + 2), 1),
		          .head_b = random_weights(r, VOCAB + 2, 1),
		          .nlabel = 1,
		          .label = r->label,
		          .nnamed = 2,
		          .named = r->named };
	return r;
}

/* ---- dual numbers: a number, and how fast it changes ---- */

typedef struct RuntimeDual {
	double x, d;
} RuntimeDual;

static RuntimeDual
dual_times(RuntimeDual a, RuntimeDual b)
{
	return (RuntimeDual){ a.x * b.x, a.d * b.x + a.x * b.d };
}

static void
dual_affine(RuntimeDual *to, const RuntimeDual *x, const float *w, const float *b, int in, int out)
{
	for (int o = 0; o < out; o++) {
		to[o] = (RuntimeDual){ b ? (double)b[o] : 0, 0 };
		for (int i = 0; i < in; i++) {
			to[o].x += x[i].x * (double)w[i * out + o];
			to[o].d += x[i].d * (double)w[i * out + o];
		}
	}
}

static void
dual_head(const RandomModel *r, const TwLayer *l, RuntimeDual x[TEXT + 1][D], int p, int h,
          RuntimeDual *to)
{
	RuntimeDual q[HEADS * DK], k[HEADS * DK], v[HEADS * DV], sum = { 0, 0 };
	int n = r->m.bidirectional && p ? TEXT + 1 : p + 1;

	dual_affine(q, x[p], l->wq, l->bq, D, HEADS * DK);
	for (int j = 0; j < DV; j++)
		to[j] = (RuntimeDual){ 0, 0 };
	for (int u = 0; u < n; u++) {
		RuntimeDual score = { 0, 0 };
		dual_affine(k, x[u], l->wk, l->bk, D, HEADS * DK);
		dual_affine(v, x[u], l->wv, l->bv, D, HEADS * DV);
		for (int j = h * DK; j < (h + 1) * DK; j++) {
			RuntimeDual part = dual_times(q[j], k[j]);
			score = (RuntimeDual){ score.x + part.x, score.d + part.d };
		}
		RuntimeDual e = { exp(score.x), exp(score.x) * score.d };
		sum = (RuntimeDual){ sum.x + e.x, sum.d + e.d };
		for (int j = 0; j < DV; j++) {
			RuntimeDual part = dual_times(e, v[h * DV + j]);
			to[j] = (RuntimeDual){ to[j].x + part.x, to[j].d + part.d };
		}
	}
	RuntimeDual inverse = { 1 / sum.x, -sum.d / (sum.x * sum.x) };
	for (int j = 0; j < DV; j++)
		to[j] = dual_times(to[j], inverse);
}

/* One half of a layer: from state s to the next. */
static void
dual_step(const RandomModel *r, RuntimeDual x[TEXT + 1][D], int s)
{
	const TwLayer *l = &r->layer[s / 2];
	RuntimeDual next[TEXT + 1][D], add[D], inner[HEADS * DV + NEURONS];

	for (int p = 0; p <= TEXT; p++) {
		memset(add, 0, sizeof add);
		if (s % 2 == 0) {
			for (int h = 0; h < HEADS; h++)
				dual_head(r, l, x, p, h, inner + h * DV);
			dual_affine(add, inner, l->wo, NULL, HEADS * DV, D);
		} else if (l->neurons) {
			dual_affine(inner, x[p], l->w1, l->b1, D, NEURONS);
			for (int j = 0; j < NEURONS; j++)
				if (inner[j].x <= 0)
					inner[j] = (RuntimeDual){ 0, 0 };
			dual_affine(add, inner, l->w2, l->b2, NEURONS, D);
		}
		for (int c = 0; c < D; c++)
			next[p][c] = (RuntimeDual){ x[p][c].x + add[c].x, x[p][c].d + add[c].d };
	}
	memcpy(x, next, sizeof next);
}

/* How fast the seeds' sum changes with column c of state `from` at a place. */
static double
dual_gradient(const RandomModel *r, TwSession *s, const TwSeed *seed, int n, int from, int place,
              int c)
{
	RuntimeDual x[TEXT + 1][D];
	double sum = 0;
	TwNamed one = { .ncolumn = 1, .column = &(int){ 0 }, .weight = &(float){ 1 } };

	/* the states are those of the session; <bos>, which it does not show, is all its own */
	for (int k = 0; k < D; k++)
		x[0][k] = (RuntimeDual){ (double)r->m.embed_token[(VOCAB + 1) * D + k]
			                         + (double)r->m.embed_position[k],
			                 0 };
	for (int i = 0; i < TEXT; i++)
		for (int k = 0; k < D; k++) {
			*one.column = k;
			x[i + 1][k] = (RuntimeDual){ (double)tw_value(s, &one, i), 0 };
		}
	for (int state = 0; state <= 2 * LAYERS; state++) {
		if (state == from)
			x[place][c].d = 1;
		for (int i = 0; i < n; i++) {
			const RuntimeDual *at = x[seed[i].token + 1];
			const TwNamed *v = &r->named[0];
			if (seed[i].kind == TW_SEED_NAMED && v->state == state)
				for (int k = 0; k < v->ncolumn; k++)
					sum += seed[i].weight * (double)v->weight[k]
					       * at[v->column[k]].d;
			for (int k = 0; k < D && state == 2 * LAYERS; k++) {
				if (seed[i].kind == TW_SEED_LOGIT)
					sum += seed[i].weight * at[k].d
					       * (double)r->m.head_w[k * (VOCAB + 2) + seed[i].id];
				if (seed[i].kind == TW_SEED_LABEL)
					sum += seed[i].weight * at[k].d
					       * (double)r->label[0].w[k * COLUMNS + seed[i].id];
			}
		}
		if (state < 2 * LAYERS)
			dual_step(r, x, state);
	}
	return sum;
}

/* ---- the tests ---- */

static const TwSeed seeds[] = { { TW_SEED_LOGIT, 2, TEXT - 1, 1 },
	                        { TW_SEED_LOGIT, VOCAB, 2, -0.5 },
	                        { TW_SEED_LABEL, 1, 3, 2 },
	                        { TW_SEED_NAMED, 0, 4, 3 } };
enum { NSEED = sizeof seeds / sizeof *seeds };

static TwSession *
fed_session(const RandomModel *r, unsigned flags)
{
	char *error = NULL;
	TwSession *s = tw_open(&r->m, flags, &error);

	assert_non_null(s);
	assert_true(tw_feed_tokens(s, (int[TEXT]){ 0, 3, 1, 2, 2, 0 }, TEXT));
	return s;
}

static void
compare_with_duals(bool bidirectional, float sharp)
{
	RandomModel *r = model_of_chance(bidirectional, sharp);
	TwSession *s = fed_session(r, TW_TRACE | TW_SOFTMAX);
	char *error = NULL;
	TwGradient *g = tw_grad_from(s, seeds, NSEED, &error);
	double most = 0;

	assert_non_null(g);
	for (int state = 0; state <= 2 * LAYERS; state++)
		for (int p = 0; p <= TEXT; p++)
			for (int c = 0; c < D; c++) {
				double want = dual_gradient(r, s, seeds, NSEED, state, p, c),
				       got = tw_grad_state(g, state, p - 1)[c];
				assert_true(fabs(want - got) <= 1e-4 * (1 + fabs(want)));
				most = fabs(got) > most ? fabs(got) : most;
			}
	assert_true(most > 1);
	/* by a named value, by what neurons give: a sum of those of the state behind */
	for (int i = 0; i < TEXT; i++) {
		const double *dx = tw_grad_state(g, 2, i), *dn = tw_grad_neurons(g, 0, i);
		assert_true(fabs(tw_grad_all(g)[i] - (2 * dx[1] - dx[3]) / 5) < 1e-12);
		assert_true(isnan(tw_grad_all(g)[TEXT + i]));
		double want = 0;
		for (int c = 0; c < D; c++)
			want += dx[c] * (double)r->layer[0].w2[c];
		assert_true(fabs(dn[0] - want) < 1e-12);
		want = 0;
		for (int c = 0; c < D; c++)
			want += tw_grad_state(g, 3, i)[c] * (double)r->layer[1].wo[4 * D + c];
		assert_true(fabs(tw_grad_heads(g, 1, i)[4] - want) < 1e-12);
	}
	assert_null(tw_grad_neurons(g, 1, 0));
	assert_null(tw_grad_neurons(g, 2, 0));
	assert_null(tw_grad_heads(g, -1, 0));
	assert_null(tw_grad_state(g, 2 * LAYERS + 1, 0));
	assert_null(tw_grad_state(g, 0, TEXT));
	tw_grad_free(g);
	tw_close(s);
	free(r);
}

static void
test_duals(void **state)
{
	(void)state;
	srand(1);
	for (int i = 0; i < 20; i++)
		compare_with_duals(i % 2, i % 4 < 2 ? 1 : 20);
}

static void
assert_seed_refused(TwSession *s, TwSeed seed, const char *why)
{
	char *error = NULL;

	assert_null(tw_grad_from(s, &seed, 1, &error));
	assert_string_equal(error, why);
	free(error);
}

static void
test_seeds(void **state)
{
	RandomModel *r = model_of_chance(false, 1);
	TwSession *s = fed_session(r, TW_TRACE | TW_SOFTMAX), *plain = fed_session(r, TW_SOFTMAX);
	const char *none = "the model has no such output", *past = "the text has no such token";

	(void)state;
	assert_seed_refused(s, (TwSeed){ TW_SEED_LOGIT, VOCAB + 2, 0, 1 }, none);
	assert_seed_refused(s, (TwSeed){ TW_SEED_LOGIT, -1, 0, 1 }, none);
	assert_seed_refused(s, (TwSeed){ TW_SEED_LABEL, COLUMNS, 0, 1 }, none);
	assert_seed_refused(s, (TwSeed){ TW_SEED_NAMED, 2, 0, 1 }, none);
	assert_seed_refused(s, (TwSeed){ 7, 0, 0, 1 }, none);
	assert_seed_refused(s, (TwSeed){ TW_SEED_LOGIT, 0, TEXT, 1 }, past);
	assert_seed_refused(s, (TwSeed){ TW_SEED_LOGIT, 0, -1, 1 }, past);
	assert_seed_refused(s, (TwSeed){ TW_SEED_LOGIT, 0, 0, NAN }, "a weight is no number");
	assert_seed_refused(s, (TwSeed){ TW_SEED_NAMED, 1, 0, 1 },
	                    "the value does not stand in the stream");
	assert_seed_refused(plain, seeds[0], "the session keeps no states: TW_TRACE");
	tw_close(s);
	tw_close(plain);
	free(r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_duals),
		cmocka_unit_test(test_seeds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
