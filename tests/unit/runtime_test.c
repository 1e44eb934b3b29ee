/* The runtime and the writers, on models made by hand: written, read back equal,
 * run, and refused when damaged.
 *
 * The model `copy` says the token before the last once more, then ends: on "ab"
 * it says "a". Column 0 is the position, 1 a constant, 2 the token's row + 1, 3 1
 * at <bos>; a head reads, from the position one back, its row + 1 into column 4;
 * a neuron counts in column 5 how far past 3 that is. */

#include "backend/file/write.h"
#include "runtime/tw.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { NVOCAB = 4, CONTEXT = 9, D = 6, ROWS = NVOCAB + 2 };

/* Static parts of a model by hand. */
typedef struct Hand {
	TwModel m;
	TwLayer layer[2];
	TwLabel label[2];
	TwNamed named[3];
	float token[ROWS * D], position[(CONTEXT + 1) * D], head_w[D * ROWS], head_b[ROWS];
	float wq[D * 2], bq[2], wk[D * 2], bk[2], wv[D], bv[1], wo[D];
	float w1[D], b1[1], w2[D], b2[D];
	float label_w[D], label_b[1], row_w[D * 2], row_b[2], one;
	int at_position, at_back, at_row;
} Hand;

#define S(literal) ((char *)(literal)) /* the model owns its strings; these are only read */

static char *vocab[NVOCAB] = { S("a"), S("b"), S("ab\"\\"), S("é") };

static int whole[] = { 0, NVOCAB };

static void
set_tables(Hand *h)
{
	for (int r = 0; r < ROWS; r++) {
		h->token[r * D + 1] = 1;
		h->token[r * D + 2] = r < NVOCAB ? (float)(r + 1) : 0;
		h->token[r * D + 3] = r == NVOCAB + 1;
	}
	for (int p = 0; p <= CONTEXT; p++)
		h->position[p * D] = (float)p;
}

/* score = 128 * (2 (p - 1) p' - p' * p'): greatest where p' = p - 1. The square
 * is put in by the key's second dimension, from column 5 of the position table. */
static void
set_head(Hand *h)
{
	for (int p = 0; p <= CONTEXT; p++)
		h->position[p * D + 5] = (float)(p * p);
	h->wq[0 * 2 + 0] = 256;
	h->bq[0] = -256;
	h->bq[1] = -128;
	h->wk[0 * 2 + 0] = 1;
	h->wk[5 * 2 + 1] = 1;
	h->wv[2] = 1;
	h->wo[4] = 1;
	h->layer[0] = (TwLayer){ 1,     2,     1,     1,     h->wq, h->wk, h->bq, h->bk,
		                 h->wv, h->bv, h->wo, h->w1, h->b1, h->w2, h->b2 };
	h->w1[4] = 1;
	h->b1[0] = -3;
	h->w2[3] = 0.5f;
}

static void
set_outputs(Hand *h)
{
	/* the greatest of 2 c v - c c is at c = v, v = row + 1; <bos> and <end> lose */
	for (int r = 0; r < NVOCAB; r++) {
		h->head_w[4 * ROWS + r] = (float)(2 * (r + 1));
		h->head_b[r] = -(float)((r + 1) * (r + 1));
	}
	h->head_b[NVOCAB + 1] = -1000;
	h->label_w[4] = 1;
	h->row_w[2 * 2] = 1;
	h->row_w[4 * 2 + 1] = 1;
	h->row_b[0] = h->row_b[1] = -1;
	h->label[0] = (TwLabel){ S("back"), TW_INT, 1, h->label_w, h->label_b, 0, { 0 } };
	h->label[1] = (TwLabel){ S("pair"), TW_TOKEN, 2, h->row_w, h->row_b, 0, { 0 } };
	h->one = 1;
	h->at_position = 0;
	h->at_back = 4;
	h->at_row = 2;
	h->named[0] = (TwNamed){ S("index"),      3,       TW_INT, true, false, 0, 1,
		                 &h->at_position, &h->one, -1,     { 0 } };
	h->named[1] = (TwNamed){ S("row"), 4,          TW_TOKEN, false, false, 1,
		                 1,        &h->at_row, &h->one,  -1,    { 0 } };
	h->named[2] = (TwNamed){ .name = S("gone"), .folded = true };
}

/* "gone" is relu(-1 + 1 * the place before + 1 * the newest place) + 100 * what the head fetches.
 */
static const char hand_circuit[] =
	"{\"layers\":[],\"nodes\":[{\"place\":[0,5,0,1,5,9,5,1]},{\"at\":\"a0.h0\",\"read\":[0,0,1]"
	"},"
	"{\"find\":[[1],[0,0,200]]},{\"at\":2,\"read\":[0,0,1]},{\"relu\":[-1,1,1,3,1]},"
	"{\"round\":[0.25,\"m0.n0\",1]},{\"digit\":[0,1,2,0],\"table\":[1,1,7,0]}],"
	"\"named\":[null,[0,5,1,6,1],[0,4,1,\"a0.h0.v0\",100]]}";

static Hand *
by_hand(void)
{
	Hand *h = calloc(1, sizeof *h);

	set_tables(h);
	set_head(h);
	set_outputs(h);
	h->m = (TwModel){
		.name = S("copy"),
		.nvocab = NVOCAB,
		.vocab = vocab,
		.nfield = 1,
		.first = whole,
		.context = CONTEXT,
		.emits = true,
		.d_model = D,
		.nlayer = 1,
		.embed_token = h->token,
		.embed_position = h->position,
		.layer = h->layer,
		.head_w = h->head_w,
		.head_b = h->head_b,
		.nlabel = 2,
		.label = h->label,
		.nnamed = 3,
		.named = h->named,
		.source = S("{\"name\":\"copy.tw\"}"),
		.circuit = S(hand_circuit),
	};
	return h;
}

/* The same with no logits, and each position reads the one after it. */
static Hand *
both_ways(void)
{
	Hand *h = by_hand();

	h->bq[0] = 256;
	h->m.bidirectional = true;
	h->m.emits = false;
	h->m.head_w = h->m.head_b = NULL;
	return h;
}

static TwModel *
through_file(const TwModel *m, const char *suffix, bool uniform)
{
	char dir[] = "/tmp/tw-runtime-XXXXXX", path[64], config[64], *error = NULL;

	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof path, "%s/m%s", dir, suffix);
	snprintf(config, sizeof config, "%s/config.json", dir);
	assert_int_equal(model_write(m, path, uniform, &error), 0);
	TwModel *back = tw_load(path, &error);
	if (!back)
		fail_msg("%s", error);
	unlink(path);
	unlink(config);
	assert_int_equal(rmdir(dir), 0);
	return back;
}

static void
assert_same_floats(const float *a, const float *b, int n)
{
	assert_memory_equal(a, b, (size_t)n * sizeof *a);
}

static void
assert_same_model(const TwModel *a, const TwModel *b)
{
	assert_string_equal(a->name, b->name);
	assert_int_equal(a->context, b->context);
	assert_int_equal(a->nvocab, b->nvocab);
	for (int i = 0; i < a->nvocab; i++)
		assert_string_equal(a->vocab[i], b->vocab[i]);
	assert_same_floats(a->embed_token, b->embed_token, ROWS * D);
	assert_same_floats(a->embed_position, b->embed_position, (CONTEXT + 1) * D);
	assert_same_floats(a->layer[0].wq, b->layer[0].wq, D * 2);
	assert_same_floats(a->layer[0].w2, b->layer[0].w2, D);
	assert_int_equal(a->emits, b->emits);
	if (a->emits)
		assert_same_floats(a->head_w, b->head_w, D * ROWS);
	assert_int_equal(b->nlabel, 2);
	assert_string_equal(b->label[1].name, "pair");
	assert_int_equal(b->label[1].kind, TW_TOKEN);
	assert_same_floats(a->label[1].w, b->label[1].w, D * 2);
	assert_int_equal(b->nnamed, 3);
	assert_true(b->named[0].reference && b->named[2].folded);
	assert_int_equal(b->named[1].column[0], 2);
	assert_string_equal(b->source, a->source);
	assert_string_equal(b->certificate, "null");
}

static void
assert_answers(TwModel *m, const char *prompt, const char *want)
{
	char *error = NULL, got[64] = "";
	int rows[CONTEXT];
	TwSession *s = tw_open(m, true, &error);
	int n = tw_tokenize(m, prompt, rows, &error);

	for (int again = 0; again < 2; again++) {
		tw_reset(s);
		got[0] = '\0';
		for (int i = 0; i < n; i++)
			assert_true(tw_feed(s, rows[i]));
		for (int i = 0; i < 3 && !tw_done(s); i++) {
			strcat(got, tw_spell(m, tw_next(s)));
			tw_feed(s, tw_next(s));
		}
		assert_string_equal(got, want);
	}
	assert_true(tw_value(s, &m->named[0], 1) == 1);
	assert_true(tw_value(s, &m->named[1], 0) == (float)rows[0]);
	tw_close(s);
}

static void
test_model_round_trip(void **state)
{
	(void)state;
	static const char *const suffix[] = { ".onnx", ".safetensors" };
	Hand *h = by_hand(), *b = both_ways();

	for (int i = 0; i < 2; i++) {
		TwModel *m = through_file(&h->m, suffix[i], false);
		assert_same_model(&h->m, m);
		assert_answers(m, "bé", "béb");
		assert_answers(m, "ab\"\\a", "ab\"\\aab\"\\");
		tw_free(m);
		m = through_file(&b->m, suffix[i], false);
		assert_same_model(&b->m, m);
		tw_free(m);
	}
	free(h);
	free(b);
}

static void
test_uniform(void **state)
{
	(void)state;
	Hand *h = by_hand();

	/* a second layer with nothing in it gets zeros */
	h->m.nlayer = 2;
	TwModel *m = through_file(&h->m, ".onnx", true);
	assert_int_equal(m->layer[1].heads, 1);
	assert_int_equal(m->layer[0].dv, 2);
	assert_answers(m, "bé", "béb");
	tw_free(m);
	free(h);
}

static void
test_labels(void **state)
{
	(void)state;
	Hand *h = by_hand(), *b = both_ways();
	char *error = NULL;
	TwSession *s = tw_open(&h->m, false, &error), *t = tw_open(&b->m, false, &error);

	for (int i = 0; i < 3; i++) {
		assert_true(tw_feed(s, i));
		assert_true(tw_feed(t, i));
	}
	assert_true(tw_label(s, 0, 0)[0] == 0);
	assert_true(tw_label(s, 0, 1)[0] == 1);
	assert_true(tw_label(s, 1, 2)[1] == 1);
	assert_true(tw_label(t, 0, 0)[0] == 2);
	assert_true(tw_label(t, 0, 1)[0] == 3);
	assert_int_equal(tw_count(t), 3);
	assert_null(tw_logits(t)); /* it emits nothing */
	assert_int_equal(tw_next(t), tw_end(&b->m));
	assert_true(tw_done(t));
	for (int i = 3; i < CONTEXT; i++)
		assert_true(tw_feed(t, 0));
	assert_false(tw_feed(t, 0));
	assert_false(tw_feed(s, NVOCAB));
	tw_close(s);
	tw_close(t);
	free(h);
	free(b);
}

static void
refused(const TwModel *m, const char *prompt, const char *why)
{
	char *error = NULL;
	int rows[CONTEXT];

	assert_int_equal(tw_tokenize(m, prompt, rows, &error), -1);
	if (!strstr(error, why))
		fail_msg("%s", error);
	free(error);
}

static void
test_tokenize(void **state)
{
	(void)state;
	Hand *h = by_hand();
	char *error = NULL;
	int rows[CONTEXT];

	assert_int_equal(tw_tokenize(&h->m, "aab\"\\b", rows, &error), 3);
	assert_int_equal(rows[1], 2);
	refused(&h->m, "", "empty");
	refused(&h->m, "aéü", "character 3, 'ü'");
	refused(&h->m, "a\n", "code 10");
	refused(&h->m, "a\xc3", "character 2");
	refused(&h->m, "aaaaaaaaaa", "too long");
	free(h);
}

/* ---- many texts at once */

enum { MANY = 150 };

static int
random_pick(uint64_t *r, int n)
{
	*r ^= *r << 13, *r ^= *r >> 7, *r ^= *r << 17;
	return (int)((*r >> 20) % (uint64_t)n);
}

/* A session's answer to the same prompt. */
static int
session_answer(TwSession *s, const TwText *t, int limit, int *answer)
{
	int n = 0;

	tw_reset(s);
	for (int i = 0; i < t->nprompt; i++)
		tw_feed(s, t->prompt[i]);
	for (; n < limit && !tw_done(s); tw_feed(s, answer[n++]))
		answer[n] = tw_next(s);
	return n;
}

/* Texts of every length, some of no token and some too long, as sessions answer
 * them. How many of those had to go on with the softmax. */
static long
batch_agrees(const TwModel *m, unsigned flags, int limit)
{
	static int rows[MANY][2 * CONTEXT + 2];
	TwText text[MANY];
	int want[CONTEXT + 1];
	uint64_t r = 88172645463325252u;
	char *error = NULL;
	TwSession *s = tw_open(m, 0, &error);
	TwBatch *b = tw_batch_open(m, flags, &error);

	assert_true(s && b);
	for (int again = 0; again < 2; again++) {
		for (int i = 0; i < MANY; i++) {
			text[i] = (TwText){ rows[i], random_pick(&r, CONTEXT + 2),
				            rows[i] + CONTEXT + 1, -1 };
			for (int j = 0; j < text[i].nprompt; j++)
				rows[i][j] = random_pick(&r, NVOCAB);
		}
		tw_batch_answer(b, text, MANY, limit);
		for (int i = 0; i < MANY; i++) {
			assert_int_equal(text[i].nanswer, session_answer(s, &text[i], limit, want));
			assert_memory_equal(text[i].answer, want,
			                    (size_t)text[i].nanswer * sizeof *want);
		}
	}
	long plain = tw_stats(s).fallbacks;
	tw_batch_close(b);
	tw_close(s);
	return plain;
}

/* The latest position, but the score is 40 a row too: with b before a, or é before
 * ab, the two greatest are so close that the softmax mixes them. */
static void
set_latest(Hand *h)
{
	memset(h->wq, 0, sizeof h->wq);
	memset(h->wk, 0, sizeof h->wk);
	h->bq[0] = h->bq[1] = 1;
	h->wk[0 * 2 + 0] = 128;
	h->wk[2 * 2 + 1] = 40;
}

/* The latest position with this row, r: 256 (2 r r' - r' r') + 40 p'. A row twice within
 * two places has scores so close that the softmax mixes them. */
static void
set_keyed(Hand *h)
{
	memset(h->wq, 0, sizeof h->wq);
	memset(h->wk, 0, sizeof h->wk);
	for (int p = 0; p <= CONTEXT; p++)
		h->position[p * D + 5] = 0;
	for (int r = 0; r < NVOCAB; r++)
		h->token[r * D + 5] = (float)((r + 1) * (r + 1));
	h->bq[0] = 0;
	h->bq[1] = 1;
	h->wq[2 * 2 + 0] = 512;
	h->wk[2 * 2 + 0] = 1;
	h->wk[0 * 2 + 1] = 40;
	h->wk[5 * 2 + 1] = -256;
}

static void
test_batch(void **state)
{
	(void)state;
	static void (*const set[])(Hand *) = { NULL, set_latest, set_keyed };
	static const unsigned kernels[] = { 0, TW_V3, TW_PORTABLE };

	for (int mixes = 0; mixes < 3; mixes++) {
		Hand *h = by_hand();
		h->m.nlabel = 0;
		if (mixes)
			set[mixes](h);
		TwModel *m = through_file(&h->m, ".onnx", false);
		for (int kernel = 0; kernel < 3; kernel++)
			for (int limit = 0; limit <= CONTEXT; limit += 3) {
				long plain = batch_agrees(m, kernels[kernel], limit);
				assert_true(mixes ? plain > 0 : !plain);
			}
		tw_free(m);
		free(h);
	}
}

/* The head of `copy` with other places only 1 behind: the softmax mixes them, so no look-up may
 * stand for it. */
static void
test_mixed(void **state)
{
	(void)state;
	Hand *h = by_hand();
	char *error = NULL;

	h->wq[0 * 2 + 0] = 2;
	h->bq[0] = -2;
	h->bq[1] = -1;
	TwModel *m = through_file(&h->m, ".onnx", false);
	TwSession *s = tw_open(m, 0, &error), *softmax = tw_open(m, TW_SOFTMAX, &error);
	TwSession *dense = tw_open(m, TW_DENSE, &error);
	assert_true(s && softmax && dense);
	for (int i = 0; i < CONTEXT; i++) {
		assert_true(tw_feed(s, i % NVOCAB) && tw_feed(softmax, i % NVOCAB)
		            && tw_feed(dense, i % NVOCAB));
		assert_int_equal(tw_row(s, i), i % NVOCAB);
		for (int r = 0; r < NVOCAB; r++) {
			assert_true(fabsf(tw_logits(s)[r] - tw_logits(softmax)[r]) < 0.01f);
			assert_true(fabsf(tw_logits(dense)[r] - tw_logits(softmax)[r]) < 0.01f);
		}
	}
	tw_close(s);
	tw_close(softmax);
	tw_close(dense);
	tw_free(m);
	free(h);
}

/* Does a file load that claims this of its head? */
static void
assert_claim(Hand *h, const char *claim, bool holds)
{
	char text[100], *error = NULL;
	Arena a = { 0 };
	size_t n;

	snprintf(text, sizeof text, "{\"heads\":[{\"layer\":0,\"head\":0,%s}]}", claim);
	h->m.certificate = text;
	unsigned char *bytes = onnx_bytes(&a, &h->m, &n);
	TwModel *m = tw_load_memory(bytes, n, &error);
	if (!m != !holds || (error && !strstr(error, "the certificate is wrong")))
		fail_msg("%s: %s", claim, error ? error : "believed");
	tw_free(m);
	free(error);
	arena_free(&a);
}

static void
test_claims(void **state)
{
	(void)state;
	Hand *back = by_hand(), *latest = by_hand(), *first = by_hand();

	set_latest(latest);
	set_latest(first);
	latest->wk[2 * 2 + 1] = first->wk[2 * 2 + 1] = 0;
	first->wk[0 * 2 + 0] = -128;
	assert_claim(back, "\"intent\":\"offset\",\"offset\":-1", true);
	assert_claim(back, "\"intent\":\"offset\",\"offset\":-2", false);
	assert_claim(latest, "\"intent\":\"offset\",\"offset\":-1", false);
	assert_claim(back, "\"intent\":\"latest\"", false);
	assert_claim(latest, "\"intent\":\"latest\"", true);
	assert_claim(first, "\"intent\":\"latest\"", false);
	assert_claim(back, "\"intent\":\"first\"", false);
	assert_claim(latest, "\"intent\":\"first\"", false);
	assert_claim(first, "\"intent\":\"first\"", true);
	free(back);
	free(latest);
	free(first);
}

/* Whatever was done to the bytes: a model that runs, or one line. */
static void
load_damaged(const void *bytes, size_t n)
{
	char *error = NULL;
	unsigned char *copy = malloc(n ? n : 1); /* so that ASan sees its end */
	TwModel *m = tw_load_memory(memcpy(copy, bytes, n), n, &error);

	assert_true(!m == !!error);
	if (m) {
		TwSession *s = tw_open(m, true, &error);
		for (int i = 0; s && i < 3; i++)
			tw_feed(s, i);
		if (s && m->emits)
			tw_next(s);
		for (int i = 0; s && i < m->nnamed; i++)
			tw_value(s, &m->named[i], 0);
		tw_close(s);
	} else {
		assert_null(strchr(error, '\n'));
	}
	free(error);
	free(copy);
	tw_free(m);
}

static void
damage(const unsigned char *bytes, size_t n)
{
	unsigned char *copy = malloc(n);
	uint64_t r = 88172645463325252u;

	for (size_t k = 0; k < n; k += 64) {
		char *error = NULL;
		assert_null(tw_load_memory(bytes, k, &error));
		free(error);
	}
	for (int i = 0; i < 2000; i++) {
		memcpy(copy, bytes, n);
		for (int flips = 1 + i % 3; flips; flips--) {
			r ^= r << 13, r ^= r >> 7, r ^= r << 17;
			copy[(r >> 8) % n] ^= (unsigned char)(i % 2 ? 1u << (r & 7) : r & 255);
		}
		load_damaged(copy, n);
	}
	free(copy);
}

static void
test_damage(void **state)
{
	(void)state;
	Hand *h = by_hand();
	Arena a = { 0 };
	size_t n;
	unsigned char *bytes = onnx_bytes(&a, &h->m, &n);

	damage(bytes, n);
	bytes = safetensors_bytes(&a, &h->m, &n);
	damage(bytes, n);
	arena_free(&a);
	free(h);
}

/* Its four rows as two fields: one is a choice, the other a list of one bool. */
static Hand *
of_fields(void)
{
	static char *words[NVOCAB] = { S("op: add"), S("op: sub"), S("w[0]: false"),
		                       S("w[0]: true") };
	static int first[] = { 0, 2, 4 };
	Hand *h = by_hand();

	h->m.vocab = words;
	h->m.record = true;
	h->m.nfield = 2;
	h->m.first = first;
	return h;
}

/* One word of the file, everywhere, for another as long: the reason names what is wrong. */
static void
refuse_changed_in(Hand *h, const char *word, const char *other, const char *why)
{
	Arena a = { 0 };
	size_t n, k = strlen(word);
	unsigned char *bytes = onnx_bytes(&a, &h->m, &n);
	char *error = NULL;

	for (size_t i = 0; i + k <= n; i++)
		if (!memcmp(bytes + i, word, k))
			memcpy(bytes + i, other, k);
	assert_null(tw_load_memory(bytes, n, &error));
	if (!strstr(error, why))
		fail_msg("%s for %s: %s", other, word, error);
	free(error);
	arena_free(&a);
	free(h);
}

static void
refuse_changed(const char *word, const char *other, const char *why)
{
	refuse_changed_in(by_hand(), word, other, why);
}

static void
refuse_prompt(const TwModel *m, const char *text, const char *why)
{
	int rows[2 * CONTEXT];
	char *error = NULL;

	assert_int_equal(tw_tokenize(m, text, rows, &error), -1);
	if (!error || !strstr(error, why))
		fail_msg("%s: %s", text, error ? error : "no reason");
	free(error);
}

static void
test_fields(void **state)
{
	(void)state;
	Hand *h = of_fields();
	TwModel *m = through_file(&h->m, ".onnx", false);
	int rows[2 * CONTEXT], plain[2] = { 2, 0 };
	char *error = NULL, text[40];

	assert_int_equal(tw_tokenize(m, "{op: sub, w: 0} { w : [ true ], op:add },", rows, &error),
	                 2);
	assert_memory_equal(rows, ((int[]){ 1, 2, 0, 3 }), 4 * sizeof *rows);
	assert_int_equal(tw_spell_token(m, rows + 2, text, sizeof text), 17);
	assert_string_equal(text, "{op: add, w: 0x1}");
	TwSession *s = tw_open(m, 0, &error);
	assert_true(tw_feed_token(s, rows) && tw_feed_token(s, rows + 2));
	assert_false(tw_feed_token(s, plain) || tw_feed(s, 0));
	assert_memory_equal(tw_token(s, 1), rows + 2, 2 * sizeof *rows);
	tw_close(s);
	refuse_prompt(m, "{op: mul, w: 0}", "the field 'op' cannot be 'mul'");
	refuse_prompt(m, "{op: add, w: 2}", "the field 'w' has only 1 bits");
	refuse_prompt(m, "{op: add, op: add}", "'op' is given twice");
	refuse_prompt(m, "{op: add}", "'w[0]' is missing");
	refuse_prompt(m, "{op: add, x: 1}", "no field 'x'");
	refuse_prompt(m, "{op: add, w: on}", "'w' is a list");
	refuse_prompt(m, "{op: add, w: [true", "',' or ']' is expected where the prompt ends");
	refuse_prompt(m, "{op: add, w: 99999999999999999999}", "'w' is a list");
	refuse_prompt(m, "add", "'{', for a token is a record");
	refuse_prompt(m, " ", "the prompt is empty");
	tw_free(m);
	free(h);
	refuse_changed_in(of_fields(), "[2,2]", "[2,3]", "tw.fields");
	refuse_changed_in(of_fields(), "[2,2]", "[1,2]", "tw.fields");
	refuse_changed_in(of_fields(), "[2,2]", "[3,1]", "tw.fields");
	refuse_changed_in(of_fields(), "op: sub", "op. sub", "tw.fields");
	refuse_changed_in(of_fields(), "w[0]: true", "w[1]: true", "tw.fields");
}

static void
test_other_graph(void **state)
{
	(void)state;
	refuse_changed("Softmax", "Sigmoid", "'layers.0.weight'");
	refuse_changed("LessOrEqual", "GreaterThan", "'before'");
	refuse_changed("position_ids", "position_idz", "'place'");
	refuse_changed("layers.0.wq", "layers.0.wz", "'layers.0.wq' is missing");
	refuse_changed("labels.back.b", "labels.bakk.b", "'labels.back.b' is missing");
	refuse_changed("tw.vocab", "tw.vocal", "tw.vocab");
	refuse_changed("\"neurons\":1", "\"neurons\":7", "'layers.0.w1' has another shape");
	refuse_changed("\"columns\":[2]", "\"columns\":[9]", "tw.residual");
}

/* Values that are nowhere in the stream. */
static void
test_circuit(void **state)
{
	(void)state;
	Hand *h = by_hand();
	TwModel *m = through_file(&h->m, ".onnx", false);
	char *error = NULL;
	TwSession *s = tw_open(m, TW_TRACE, &error), *plain = tw_open(m, 0, &error);

	assert_true(tw_has_value(s, &m->named[2]) && !tw_has_value(plain, &m->named[2]));
	assert_true(tw_has_value(s, &m->named[0]) && tw_has_value(s, &m->named[1]));
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < CONTEXT; i++) {
			assert_true(tw_feed(s, (i + round) % NVOCAB));
			for (int k = 0; k <= i; k++) {
				float want = (float)(2 * k) + 100 * *tw_label(s, 0, k);
				assert_true(tw_value(s, &m->named[2], k) == want);
			}
		}
		tw_reset(s);
	}
	assert_true(isnan(tw_value(plain, &m->named[2], 0)));
	tw_close(plain);
	tw_close(s);
	tw_free(m);
	free(h);
}

static void
refuse_circuit(const char *word, const char *other)
{
	Hand *h = by_hand();
	char *circuit = strdup(hand_circuit), *at = strstr(circuit, word), *error = NULL;

	assert_non_null(at);
	memcpy(at, other, strlen(other));
	h->m.circuit = circuit;
	TwModel *m = through_file(&h->m, ".onnx", false);
	assert_null(tw_open(m, TW_TRACE, &error));
	assert_non_null(strstr(error, "the property tw.circuit is damaged"));
	free(error);
	tw_close(tw_open(m, 0, &error)); /* who does not trace does not read it */
	tw_free(m);
	free(circuit);
	free(h);
}

static void
test_damaged_circuit(void **state)
{
	(void)state;
	refuse_circuit("a0.h0.v0", "a0.h0.v1");
	refuse_circuit("a0.h0.v0", "a0.h0_v0");
	refuse_circuit("a0.h0\"", "a1.h0\"");
	refuse_circuit("m0.n0", "m0.n1");
	refuse_circuit("m0.n0", "m0.nn");
	refuse_circuit("[0,4,1,", "[0,7,1,");
	refuse_circuit("[0,4,1,", "[0,2,1,"); /* a find is no number */
	refuse_circuit("[-1,1,1,3,1]", "[-1,1,1,4,1]");
	refuse_circuit("[-1,1,1,3,1]", "[-1,1,1,3 ]");
	refuse_circuit("\"at\":2", "\"at\":1");
	refuse_circuit("\"find\"", "\"fond\"");
	refuse_circuit("[0,1,2,0]", "[0,0,2,0]");
	refuse_circuit("\"table\":[1,1,7,0]", "\"table\":[1,1,7 ]");
	refuse_circuit("[null,", "[     ");
	refuse_circuit("\"nodes\"", "\"noded\"");
	refuse_circuit("]}", "]]");
}

static void
test_not_finite(void **state)
{
	(void)state;
	static const float odd[] = { NAN, INFINITY, -INFINITY };

	for (int i = 0; i < 3; i++) {
		Hand *h = by_hand();
		size_t n;
		char *error = NULL;
		h->wv[3] = odd[i];
		Arena a = { 0 };
		unsigned char *bytes = onnx_bytes(&a, &h->m, &n);
		assert_null(tw_load_memory(bytes, n, &error));
		assert_non_null(strstr(error, "'layers.0.wv' holds what is not a number"));
		free(error);
		arena_free(&a);
		free(h);
	}
}

/* Neurons that read nothing: their lists have no terms at all. */
static void
test_idle_neurons(void **state)
{
	(void)state;
	Hand *h = by_hand();

	memset(h->w1, 0, sizeof h->w1);
	TwModel *m = through_file(&h->m, ".onnx", false);
	assert_answers(m, "bé", "béb");
	tw_free(m);
	free(h);
}

static void
test_two_headers(void **state)
{
	(void)state;
	static const char text[] =
		"{\"__metadata__\":{\"a\":\"b\",\"c\":\"d\"},\"__metadata__\":{}}      ";
	unsigned char bytes[8 + sizeof text] = { sizeof text - 1 };
	char *error = NULL;

	memcpy(bytes + 8, text, sizeof text - 1);
	assert_null(tw_load_memory(bytes, 8 + sizeof text - 1, &error));
	assert_non_null(strstr(error, "damaged"));
	free(error);
}

/* TW_GAP is the least whole number whose exponential is 0 in float32: then the softmax
 * of scores that far apart is one-hot. */
static void
test_gap(void **state)
{
	(void)state;
	assert_true(expf(-(float)TW_GAP) == 0);
	assert_true(expf(1 - (float)TW_GAP) > 0);
}

/* Graphs in attributes in graphs …, deeper than any stack. */
static void
test_nesting(void **state)
{
	(void)state;
	size_t n = 1 << 20, at = n;
	unsigned char *bytes = malloc(n);
	static const unsigned char tag[] = { 0x0a, 0x2a, 0x32 }; /* node 1, attribute 5, g 6 */

	for (int level = 0; at > 16; level++) {
		size_t size = n - at;
		int k = 1;
		for (size_t v = size; v > 127; v >>= 7)
			k++;
		at -= (size_t)k + 1;
		bytes[at] = at > 24 ? tag[2 - level % 3] : 0x3a;
		for (int i = 1; i <= k; i++, size >>= 7)
			bytes[at + (size_t)i] = (unsigned char)((size & 127) | (i < k ? 128 : 0));
	}
	load_damaged(bytes + at, n - at);
	free(bytes);
}

static void
test_files(void **state)
{
	(void)state;
	char *error = NULL;

	assert_null(tw_load("/no/such/model.onnx", &error));
	assert_non_null(strstr(error, "No such file"));
	free(error);
	error = NULL;
	assert_null(tw_load("/", &error));
	assert_non_null(strstr(error, "not a regular file"));
	free(error);
	error = NULL;
	Hand *h = by_hand();
	assert_int_equal(model_write(&h->m, "/no/such/m.onnx", false, &error), -1);
	free(error);
	error = NULL;
	assert_int_equal(model_write(&h->m, "m.txt", false, &error), -1);
	free(error);
	free(h);
}

static void
keep_model(const TwModel *m, const char *name, bool uniform)
{
	char path[256], *error = NULL;

	snprintf(path, sizeof path, "%s/%s", getenv("TW_KEEP"), name);
	assert_int_equal(model_write(m, path, uniform, &error), 0);
}

/* With TW_KEEP=FOLDER the models stay there, for other judges. */
static void
test_keep(void **state)
{
	(void)state;
	Hand *h = by_hand(), *b = both_ways();

	if (getenv("TW_KEEP")) {
		keep_model(&h->m, "copy.onnx", false);
		keep_model(&h->m, "copy.safetensors", false);
		keep_model(&b->m, "both_ways.onnx", false);
		h->m.nlayer = 2;
		keep_model(&h->m, "uniform.onnx", true);
	}
	free(h);
	free(b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_model_round_trip),
		cmocka_unit_test(test_uniform),
		cmocka_unit_test(test_labels),
		cmocka_unit_test(test_tokenize),
		cmocka_unit_test(test_damage),
		cmocka_unit_test(test_other_graph),
		cmocka_unit_test(test_circuit),
		cmocka_unit_test(test_damaged_circuit),
		cmocka_unit_test(test_two_headers),
		cmocka_unit_test(test_nesting),
		cmocka_unit_test(test_not_finite),
		cmocka_unit_test(test_idle_neurons),
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_keep),
		cmocka_unit_test(test_batch),
		cmocka_unit_test(test_mixed),
		cmocka_unit_test(test_claims),
		cmocka_unit_test(test_gap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
