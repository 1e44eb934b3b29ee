/* What a model does with a text, as JSON (trace_json.h). The states of the stream are asked of the
 * session; scores, weights and neurons are worked out from them and from the matrices, so that they
 * are what the file says, however the runtime finds its answers. */

#include "cmd/trace_json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lang/arena.h"

void
spell_value(const TwModel *m, char *out, size_t size, TwKind kind, const TwMembers *members,
            float x)
{
	float whole = rintf(x);
	bool member = kind == TW_INT && whole >= 0 && whole < (float)members->n
	              && fabsf(x - whole) < 0.01f;

	if (!isfinite(x))
		snprintf(out, size, "?");
	else if (member)
		snprintf(out, size, "%s", members->name[(int)whole]);
	else if (kind == TW_TOKEN)
		snprintf(out, size, "%s", tw_spell(m, fabsf(x) < 1e9f ? (int)whole : -1));
	else if (kind == TW_BOOL && (whole == 0 || whole == 1))
		snprintf(out, size, "%s", whole == 1 ? "true" : "false");
	else if (kind == TW_REAL)
		snprintf(out, size, "%.6g", (double)x);
	else if (kind == TW_BOOL || fabsf(x - whole) < 0.01f)
		snprintf(out, size, "%.0f", (double)(whole == 0 ? 0 : whole));
	else
		snprintf(out, size, "%.4g", (double)x);
}

/* ---- tokens, values, labels ---- */

static void
add_spelling(cJSON *list, const char *text)
{
	cJSON_AddItemToArray(list, cJSON_CreateString(text));
}

static cJSON *
tokens_json(TwSession *s, const TwModel *m)
{
	cJSON *list = cJSON_CreateArray();

	for (int i = 0; i < tw_count(s) && !m->ninput; i++) {
		size_t size = tw_spell_token(m, tw_token(s, i), NULL, 0) + 1;
		char *text = guarded_malloc(size);
		tw_spell_token(m, tw_token(s, i), text, size);
		add_spelling(list, text);
		guarded_free(text);
	}
	return list;
}

/* What a named value is at n positions; of the whole text where `at` is NULL. */
static cJSON *
named_json(TwSession *s, const TwModel *m, const TwNamed *v, const int *at, int n)
{
	cJSON *list = cJSON_CreateArray();
	char text[128];

	for (int i = 0; i < n; i++) {
		float x = tw_value(s, v, at ? at[i] : i);
		if (v->reference && x < -0.5f)
			strcpy(text, "-");
		else
			spell_value(m, text, sizeof text, v->kind, &v->members, x);
		add_spelling(list, text);
	}
	return list;
}

cJSON *
json_values_at(TwSession *s, const TwModel *m, const int *at, int n)
{
	cJSON *values = cJSON_CreateArray();

	for (int i = 0; i < m->nnamed; i++)
		cJSON_AddItemToArray(values, tw_has_value(s, &m->named[i])
		                                     ? named_json(s, m, &m->named[i], at, n)
		                                     : cJSON_CreateNull());
	return values;
}

/* Of several columns: their values in brackets, as twrun prints them. */
static cJSON *
label_json(TwSession *s, const TwModel *m, int label, int n)
{
	const TwLabel *l = &m->label[label];
	cJSON *o = cJSON_CreateObject();

	cJSON_AddStringToObject(o, "name", l->name);
	cJSON *list = cJSON_AddArrayToObject(o, "values");
	for (int i = 0; i < n; i++) {
		const float *x = tw_label(s, label, i);
		char text[400] = "", one[128];
		size_t used = 0;
		for (int c = 0; c < l->columns && used + sizeof one < sizeof text; c++) {
			spell_value(m, one, sizeof one, l->kind, &l->members, x[c]);
			used += (size_t)sprintf(text + used, "%s%s", c ? " " : "", one);
		}
		add_spelling(list, text);
	}
	return o;
}

cJSON *
json_trace(TwSession *s, const TwModel *m, int nprompt, bool all)
{
	cJSON *o = cJSON_CreateObject();

	cJSON_AddNumberToObject(o, "nprompt", nprompt);
	cJSON_AddBoolToObject(o, "done", m->emits && tw_next(s) == tw_end(m));
	cJSON_AddBoolToObject(o, "fell_back", tw_fell_back(s));
	cJSON_AddItemToObject(o, "tokens", tokens_json(s, m));
	cJSON *names = cJSON_AddArrayToObject(o, "names");
	for (int i = 0; i < m->nnamed; i++)
		add_spelling(names, m->named[i].name);
	cJSON *values = cJSON_AddArrayToObject(o, "values");
	for (int i = 0; i < m->nnamed; i++) {
		const TwNamed *v = &m->named[i];
		bool told = tw_has_value(s, v) && (!v->folded || all);
		cJSON_AddItemToArray(values, told ? named_json(s, m, v, NULL, tw_count(s))
		                                  : cJSON_CreateNull());
	}
	cJSON *labels = cJSON_AddArrayToObject(o, "labels");
	for (int i = 0; i < m->nlabel; i++)
		cJSON_AddItemToArray(labels, label_json(s, m, i, nprompt));
	return o;
}

/* ---- heads ---- */

struct HeadVectors {
	const TwModel *m;
	int places;     /* <bos> among them */
	float **q, **k; /* (nlayer) each (heads * dk, places) */
};

/* One state of the stream at a position: (d_model). */
static void
read_state(TwSession *s, const TwModel *m, int state, int at, float *x)
{
	float one = 1;

	for (int c = 0; c < m->d_model; c++) {
		TwNamed column = { .state = state, .ncolumn = 1, .column = &c, .weight = &one };
		x[c] = tw_value(s, &column, at);
	}
}

/* y = x w + b: n columns. */
static void
affine_columns(const TwModel *m, const float *x, const float *w, const float *b, int n, float *y)
{
	for (int k = 0; k < n; k++) /* b may be NULL where n is 0 */
		y[k] = b[k];
	for (int c = 0; c < m->d_model; c++)
		for (int k = 0; x[c] != 0 && k < n; k++)
			y[k] += x[c] * w[c * n + k];
}

/* One state of the stream at all places: (d_model, places). */
static void
read_states(TwSession *s, const TwModel *m, int state, int places, float *x)
{
	float one = 1;

	for (int c = 0; c < m->d_model; c++) {
		TwNamed column = { .state = state, .ncolumn = 1, .column = &c, .weight = &one };
		for (int p = 0; p < places; p++)
			*x++ = tw_value(s, &column, p - 1);
	}
}

/* Which of n numbers are not 0. How many they are. */
static int
nonzeros_of(const float *x, int n, int *at)
{
	int count = 0;

	for (int i = 0; i < n; i++)
		if (x[i] != 0)
			at[count++] = i;
	return count;
}

/* y = x w + b at all places: (n, places). Most of x and of w is 0. */
static float *
affine_places(const TwModel *m, const float *x, const float *w, const float *b, int n, int places)
{
	float *y = guarded_malloc(((size_t)n * (size_t)places + 1) * sizeof *y);
	int *at = guarded_malloc((size_t)places * sizeof *at);

	for (int k = 0; k < n; k++)
		for (int p = 0; p < places; p++)
			y[k * places + p] = b[k];
	for (int c = 0; n && c < m->d_model; c++, x += places) {
		int count = nonzeros_of(x, places, at);
		for (int k = 0; k < n; k++, w++)
			for (int i = 0; *w != 0 && i < count; i++)
				y[k * places + at[i]] += *w * x[at[i]];
	}
	guarded_free(at);
	return y;
}

HeadVectors *
head_vectors(TwSession *s, const TwModel *m)
{
	HeadVectors *v = guarded_malloc(sizeof *v);
	int places = tw_count(s) + 1;
	float *x = guarded_malloc((size_t)m->d_model * (size_t)places * sizeof *x);

	*v = (HeadVectors){ .m = m,
		            .places = places,
		            .q = guarded_malloc(((size_t)m->nlayer + 1) * sizeof *v->q),
		            .k = guarded_malloc(((size_t)m->nlayer + 1) * sizeof *v->k) };
	for (int i = 0; i < m->nlayer; i++) {
		const TwLayer *l = &m->layer[i];
		int width = l->heads * l->dk;
		if (width)
			read_states(s, m, 2 * i, places, x);
		v->q[i] = affine_places(m, x, l->wq, l->bq, width, places);
		v->k[i] = affine_places(m, x, l->wk, l->bk, width, places);
	}
	guarded_free(x);
	return v;
}

void
head_vectors_free(HeadVectors *v)
{
	for (int i = 0; v && i < v->m->nlayer; i++) {
		guarded_free(v->q[i]);
		guarded_free(v->k[i]);
	}
	if (v) {
		guarded_free(v->q);
		guarded_free(v->k);
	}
	guarded_free(v);
}

/* What a head gives the places that it sees from one of them. How many they are. Most of a query
 * is 0: heads are padded to the largest of their layer. */
static int
score_row(const HeadVectors *v, int layer, int head, int from, float *score)
{
	const TwLayer *l = &v->m->layer[layer];
	int n = v->m->bidirectional ? v->places : from + 1;

	memset(score, 0, (size_t)n * sizeof *score);
	for (int d = head * l->dk; d < (head + 1) * l->dk; d++) {
		const float *k = v->k[layer] + d * v->places;
		float q = v->q[layer][d * v->places + from];
		for (int p = 0; q != 0 && p < n; p++)
			score[p] += q * k[p];
	}
	return n;
}

/* What exp() makes of a score so far behind the best. */
static double
share_of(float score, float best)
{
	return best - score < TW_GAP ? exp((double)score - (double)best) : 0;
}

/* The weights of one row of scores, as [position, weight]. */
static cJSON *
weights_json(const float *score, int n)
{
	cJSON *list = cJSON_CreateArray();
	float best = score[0];
	double sum = 0;

	for (int j = 1; j < n; j++)
		best = score[j] > best ? score[j] : best;
	for (int j = 0; j < n; j++)
		sum += share_of(score[j], best);
	for (int j = 0; j < n; j++) {
		double weight = share_of(score[j], best) / sum;
		if (weight < 1e-4)
			continue;
		cJSON *pair = cJSON_CreateArray();
		cJSON_AddItemToArray(pair, cJSON_CreateNumber(j - 1));
		cJSON_AddItemToArray(pair, cJSON_CreateNumber(round(1e4 * weight) / 1e4));
		cJSON_AddItemToArray(list, pair);
	}
	return list;
}

static cJSON *
head_json(const HeadVectors *v, int layer, int head, float *score)
{
	cJSON *list = cJSON_CreateArray();

	for (int p = 0; p < v->places; p++) {
		int n = score_row(v, layer, head, p, score);
		cJSON_AddItemToArray(list, weights_json(score, n));
	}
	return list;
}

cJSON *
json_attention(const HeadVectors *v)
{
	cJSON *layers = cJSON_CreateArray();
	float *score = guarded_malloc((size_t)v->places * sizeof *score);

	for (int i = 0; i < v->m->nlayer; i++) {
		cJSON *heads = cJSON_CreateArray();
		for (int h = 0; h < v->m->layer[i].heads; h++)
			cJSON_AddItemToArray(heads, head_json(v, i, h, score));
		cJSON_AddItemToArray(layers, heads);
	}
	guarded_free(score);
	return layers;
}

/* ---- one position ---- */

cJSON *
json_attention_at(const HeadVectors *v, int at)
{
	cJSON *layers = cJSON_CreateArray();
	float *score = guarded_malloc((size_t)v->places * sizeof *score);

	for (int i = 0; i < v->m->nlayer; i++) {
		cJSON *heads = cJSON_CreateArray();
		for (int h = 0; h < v->m->layer[i].heads; h++) {
			int n = score_row(v, i, h, at + 1, score);
			cJSON_AddItemToArray(heads, weights_json(score, n));
		}
		cJSON_AddItemToArray(layers, heads);
	}
	guarded_free(score);
	return layers;
}

static cJSON *
scores_json(const HeadVectors *v, int layer, int at)
{
	cJSON *heads = cJSON_CreateArray();
	float *score = guarded_malloc((size_t)v->places * sizeof *score);

	for (int h = 0; h < v->m->layer[layer].heads; h++) {
		int n = score_row(v, layer, h, at + 1, score);
		cJSON_AddItemToArray(heads, cJSON_CreateFloatArray(score, n));
	}
	guarded_free(score);
	return heads;
}

static cJSON *
awake_json(const TwModel *m, const TwLayer *l, const float *x)
{
	cJSON *list = cJSON_CreateArray();
	float *y = guarded_malloc(((size_t)l->neurons + 1) * sizeof *y);

	if (l->neurons)
		affine_columns(m, x, l->w1, l->b1, l->neurons, y);
	for (int i = 0; i < l->neurons; i++)
		if (y[i] > 0)
			cJSON_AddItemToArray(list, cJSON_CreateNumber(i));
	guarded_free(y);
	return list;
}

cJSON *
json_position(TwSession *s, const HeadVectors *v, int at)
{
	const TwModel *m = v->m;
	cJSON *o = cJSON_CreateObject();
	cJSON *scores = cJSON_AddArrayToObject(o, "scores"),
	      *awake = cJSON_AddArrayToObject(o, "awake");
	int rows = m->nvocab + 2;
	float *x = guarded_malloc((size_t)m->d_model * sizeof *x),
	      *logit = guarded_malloc((size_t)rows * sizeof *logit);

	for (int i = 0; i < m->nlayer; i++) {
		cJSON_AddItemToArray(scores, scores_json(v, i, at));
		read_state(s, m, 2 * i + 1, at, x);
		cJSON_AddItemToArray(awake, awake_json(m, &m->layer[i], x));
	}
	if (m->emits) {
		read_state(s, m, 2 * m->nlayer, at, x);
		affine_columns(m, x, m->head_w, m->head_b, rows, logit);
		cJSON_AddItemToObject(o, "logits", cJSON_CreateFloatArray(logit, rows));
	}
	guarded_free(x);
	guarded_free(logit);
	return o;
}
