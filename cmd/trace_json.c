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

static cJSON *
named_json(TwSession *s, const TwModel *m, const TwNamed *v)
{
	char text[128];

	if (!tw_has_value(s, v))
		return cJSON_CreateNull();
	cJSON *list = cJSON_CreateArray();
	for (int i = 0; i < tw_count(s); i++) {
		float x = tw_value(s, v, i);
		if (v->reference && x < -0.5f)
			strcpy(text, "-");
		else
			spell_value(m, text, sizeof text, v->kind, &v->members, x);
		add_spelling(list, text);
	}
	return list;
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
json_trace(TwSession *s, const TwModel *m, int nprompt)
{
	cJSON *o = cJSON_CreateObject();

	cJSON_AddNumberToObject(o, "nprompt", nprompt);
	cJSON_AddBoolToObject(o, "done", m->emits && tw_next(s) == tw_end(m));
	cJSON_AddBoolToObject(o, "fell_back", tw_fell_back(s));
	cJSON_AddItemToObject(o, "tokens", tokens_json(s, m));
	cJSON *values = cJSON_AddArrayToObject(o, "values");
	for (int i = 0; i < m->nnamed; i++)
		cJSON_AddItemToArray(values, named_json(s, m, &m->named[i]));
	cJSON *labels = cJSON_AddArrayToObject(o, "labels");
	for (int i = 0; i < m->nlabel; i++)
		cJSON_AddItemToArray(labels, label_json(s, m, i, nprompt));
	return o;
}

/* ---- heads ---- */

/* One state of the stream at all positions from <bos> on: (count + 1, d_model); to be freed. */
static float *
read_state(TwSession *s, const TwModel *m, int state)
{
	int n = tw_count(s) + 1, d = m->d_model;
	float *x = guarded_malloc((size_t)n * (size_t)d * sizeof *x), one = 1;

	for (int i = 0; i < n; i++)
		for (int c = 0; c < d; c++) {
			TwNamed column = {
				.state = state, .ncolumn = 1, .column = &c, .weight = &one
			};
			x[i * d + c] = tw_value(s, &column, i - 1);
		}
	return x;
}

/* y = x w + b, of n columns of w from `first` on, which has `stride` of them. */
static void
affine_columns(const TwModel *m, const float *x, const float *w, const float *b, int first, int n,
               int stride, float *y)
{
	memcpy(y, b + first, (size_t)n * sizeof *y);
	for (int c = 0; c < m->d_model; c++)
		for (int k = 0; x[c] != 0 && k < n; k++)
			y[k] += x[c] * w[c * stride + first + k];
}

/* Queries or keys of one layer, all heads: (places, heads * dk); to be freed. */
static float *
project_all(const TwModel *m, const float *x, int places, const TwLayer *l, const float *w,
            const float *b)
{
	int width = l->heads * l->dk;
	float *y = guarded_malloc(((size_t)places * (size_t)width + 1) * sizeof *y);

	for (int i = 0; i < places; i++)
		affine_columns(m, x + i * m->d_model, w, b, 0, width, width, y + i * width);
	return y;
}

static float
score_between(const TwLayer *l, int head, const float *q, const float *k)
{
	float sum = 0;

	for (int d = 0; d < l->dk; d++)
		sum += q[head * l->dk + d] * k[head * l->dk + d];
	return sum;
}

/* The weights of one row of scores, n of them, as [position, weight]. */
static cJSON *
weights_json(const float *score, int n)
{
	cJSON *list = cJSON_CreateArray();
	double most = score[0], sum = 0;

	for (int j = 1; j < n; j++)
		most = score[j] > most ? score[j] : most;
	for (int j = 0; j < n; j++)
		sum += exp(score[j] - most);
	for (int j = 0; j < n; j++) {
		double weight = exp(score[j] - most) / sum;
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
head_json(const TwModel *m, const TwLayer *l, int head, const float *q, const float *k, int places,
          float *score)
{
	cJSON *list = cJSON_CreateArray();
	int width = l->heads * l->dk;

	for (int i = 0; i < places; i++) {
		int seen = m->bidirectional ? places : i + 1;
		for (int j = 0; j < seen; j++)
			score[j] = score_between(l, head, q + i * width, k + j * width);
		cJSON_AddItemToArray(list, weights_json(score, seen));
	}
	return list;
}

cJSON *
json_attention(TwSession *s, const TwModel *m)
{
	cJSON *layers = cJSON_CreateArray();
	int places = tw_count(s) + 1;
	float *score = guarded_malloc((size_t)places * sizeof *score);

	for (int i = 0; i < m->nlayer; i++) {
		const TwLayer *l = &m->layer[i];
		cJSON *heads = cJSON_CreateArray();
		float *x = read_state(s, m, 2 * i), *q = project_all(m, x, places, l, l->wq, l->bq),
		      *k = project_all(m, x, places, l, l->wk, l->bk);
		for (int h = 0; h < l->heads; h++)
			cJSON_AddItemToArray(heads, head_json(m, l, h, q, k, places, score));
		cJSON_AddItemToArray(layers, heads);
		guarded_free(x);
		guarded_free(q);
		guarded_free(k);
	}
	guarded_free(score);
	return layers;
}

/* ---- one position ---- */

static cJSON *
scores_json(const TwModel *m, const TwLayer *l, const float *x, int places, int at)
{
	cJSON *heads = cJSON_CreateArray();
	int seen = m->bidirectional ? places : at + 2, width = l->heads * l->dk;
	float *q = project_all(m, x + (at + 1) * m->d_model, 1, l, l->wq, l->bq),
	      *k = project_all(m, x, seen, l, l->wk, l->bk);

	for (int h = 0; h < l->heads; h++) {
		cJSON *row = cJSON_CreateArray();
		for (int j = 0; j < seen; j++)
			cJSON_AddItemToArray(row, cJSON_CreateNumber((double)score_between(
							  l, h, q, k + j * width)));
		cJSON_AddItemToArray(heads, row);
	}
	guarded_free(q);
	guarded_free(k);
	return heads;
}

static cJSON *
awake_json(const TwModel *m, const TwLayer *l, const float *x)
{
	cJSON *list = cJSON_CreateArray();
	float *y = guarded_malloc(((size_t)l->neurons + 1) * sizeof *y);

	affine_columns(m, x, l->w1, l->b1, 0, l->neurons, l->neurons, y);
	for (int i = 0; i < l->neurons; i++)
		if (y[i] > 0)
			cJSON_AddItemToArray(list, cJSON_CreateNumber(i));
	guarded_free(y);
	return list;
}

cJSON *
json_position(TwSession *s, const TwModel *m, int at)
{
	cJSON *o = cJSON_CreateObject();
	cJSON *scores = cJSON_AddArrayToObject(o, "scores"),
	      *awake = cJSON_AddArrayToObject(o, "awake");
	int places = tw_count(s) + 1, rows = m->nvocab + 2;

	for (int i = 0; i < m->nlayer; i++) {
		const TwLayer *l = &m->layer[i];
		float *before = read_state(s, m, 2 * i), *between = read_state(s, m, 2 * i + 1);
		cJSON_AddItemToArray(scores, scores_json(m, l, before, places, at));
		cJSON_AddItemToArray(awake, awake_json(m, l, between + (at + 1) * m->d_model));
		guarded_free(before);
		guarded_free(between);
	}
	if (m->emits) {
		float *x = read_state(s, m, 2 * m->nlayer),
		      *logit = guarded_malloc((size_t)rows * sizeof *logit);
		affine_columns(m, x + (at + 1) * m->d_model, m->head_w, m->head_b, 0, rows, rows,
		               logit);
		cJSON_AddItemToObject(o, "logits", cJSON_CreateFloatArray(logit, rows));
		guarded_free(x);
		guarded_free(logit);
	}
	return o;
}
