/* Does a model do what was proved of it?
 *
 * Each program is compiled and its file read back. Then every sum that the model makes on
 * some texts is made again in doubles, term by term: the absolute values of its terms, in
 * the unit that all its weights are multiples of, must add up to no more than was proved
 * of this sum (Report.proved), and the place that a head reads must be ahead of all others
 * by its "gap" in the certificate.
 * What is true of the texts tried need not be so of all; but a bound that leaves
 * something out is mostly wrong for one of these.
 *
 *     audit PROGRAM...      texts: those of its tests, and some made at random
 *
 * Prints what is wrong, then how many programs were looked at: those that compile. */

#include <cjson/cJSON.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/file/write.h"
#include "cmd/cmd.h"
#include "runtime/tw.h"
#include "tests/random.h"

enum { PLACES = 260, TEXTS = 24 };  /* places of a text; random texts */
static const double work_max = 3e7; /* products that random texts take, about */

typedef struct Claim {
	double gap;    /* of a head; 0: none, it weighs all that it sees */
	bool one;      /* it reads one place, and not all that are alike; */
	bool promised; /* that one place matches is what the program says, and twc test checks */
} Claim;

typedef struct Row Row;

typedef struct Layer {
	Row *q, *k, *v, *neuron;
} Layer;

typedef struct Audit {
	const char *path;
	const TwModel *m;
	const Report *report;
	Layer *layer; /* (nlayer) */
	Row *logit, **label;
	double **proved; /* (SUM_KINDS * (nlayer + 1)) by kind and layer: (size) by index */
	Claim **claim;   /* (nlayer)(heads) */
	int n;           /* places of the text at hand, <bos> among them */
	double *x;       /* (PLACES, d_model) */
	double *add;     /* (PLACES, d_model) what the half of a layer at hand adds, */
	double *terms;   /* (PLACES, d_model) and its absolute values */
	int failed;
} Audit;

static Arena room, scratch; /* of the program, and of the head at hand */

static void *
zeros(size_t n, size_t size)
{
	return arena_alloc(&room, (n + 1) * size);
}

static const char *const kind_name[] = {
	[SUM_EMBEDDING] = "embedding",
	[SUM_QUERY] = "query",
	[SUM_KEY] = "key",
	[SUM_VALUE] = "value",
	[SUM_NEURON] = "neuron",
	[SUM_SCORE] = "score",
	[SUM_ATTENTION_WRITE] = "write of heads",
	[SUM_MLP_WRITE] = "write of neurons",
	[SUM_LOGIT] = "logit",
	[SUM_LABEL] = "label",
};
enum { SUM_KINDS = sizeof kind_name / sizeof *kind_name };

static void
fail(Audit *a, const char *what, int layer, int at, double got, double claimed)
{
	if (a->failed++ < 8)
		printf("%s: layer %d: %s %d is %.9g, and %.9g was proved\n", a->path, layer, what,
		       at, got, claimed);
}

/* ---- sums ---- */

/* The largest power of two, 2^24 at most, that x is a multiple of; 1 where it is no integer. */
static double
power_of_two_in(double x)
{
	double u = 1;

	if (x != rint(x))
		return 1;
	while (u < 0x1p24 && fmod(x, 2 * u) == 0)
		u *= 2;
	return u;
}

/* A column of a (d_model, width) matrix, with its bias: the weights that are not 0. */
struct Row {
	int n, *at;
	double *w;
	double bias, unit;
};

typedef struct Sum {
	double value, terms, unit;
} Sum;

static Row
row_of(const TwModel *m, const float *w, int width, int j, float bias)
{
	Row r = { .bias = (double)bias,
		  .unit = bias != 0 ? power_of_two_in((double)bias) : 0x1p24 };
	size_t n = 0;

	for (int i = 0; i < m->d_model; i++)
		n += w[(size_t)i * (size_t)width + (size_t)j] != 0;
	r.at = zeros(n, sizeof *r.at);
	r.w = zeros(n, sizeof *r.w);
	for (int i = 0; i < m->d_model; i++) {
		double v = (double)w[(size_t)i * (size_t)width + (size_t)j];
		if (v == 0)
			continue;
		r.at[r.n] = i;
		r.w[r.n++] = v;
		r.unit = fmin(r.unit, power_of_two_in(v));
	}
	return r;
}

/* All columns of a matrix. */
static Row *
rows_of_matrix(const TwModel *m, const float *w, const float *bias, int width)
{
	Row *r = zeros((size_t)width, sizeof *r);

	for (int j = 0; j < width; j++)
		r[j] = row_of(m, w, width, j, bias[j]);
	return r;
}

static Sum
reads(const Audit *a, int place, const Row *r)
{
	Sum s = { r->bias, fabs(r->bias), r->unit };
	const double *x = a->x + place * a->m->d_model;

	for (int i = 0; i < r->n; i++) {
		s.value += r->w[i] * x[r->at[i]];
		s.terms += fabs(r->w[i] * x[r->at[i]]);
	}
	return s;
}

static void
check_sum(Audit *a, Sum s, SumKind kind, int layer, int at)
{
	double terms = s.terms / s.unit, proved = a->proved[kind * (a->m->nlayer + 1) + layer][at];

	/* neurons that are told from 0 by a margin are large, and rounded (long_count.c) */
	if (proved < 0
	    && (kind == SUM_NEURON || kind == SUM_ATTENTION_WRITE || kind == SUM_MLP_WRITE))
		return;
	if (terms > fmax(proved, 0) * (1 + 0x1p-20) + 1e-6)
		fail(a, kind_name[kind], layer, at, terms, proved);
}

/* ---- halves of a layer ---- */

static void
write_row(Audit *a, int place, const float *row, double x)
{
	int d = a->m->d_model;

	for (int i = 0; i < d && x != 0; i++) {
		a->add[place * d + i] += x * (double)row[i];
		a->terms[place * d + i] += fabs(x * (double)row[i]);
	}
}

/* What has been collected is added, and the sums looked at. */
static void
write_all(Audit *a, SumKind kind, int layer)
{
	int d = a->m->d_model;

	for (int p = 0; p < a->n; p++)
		for (int i = 0; i < d; i++) {
			int at = p * d + i;
			check_sum(a, (Sum){ 0, fabs(a->x[at]) + a->terms[at], 1 }, kind, layer, i);
			a->x[at] += a->add[at];
		}
	memset(a->add, 0, sizeof *a->add * (size_t)(PLACES * d));
	memset(a->terms, 0, sizeof *a->terms * (size_t)(PLACES * d));
}

/* The weights of one query, from its scores: a gap of exp(-104) is one of 0. */
static void
weigh(Audit *a, double *score, int n, int layer, int head)
{
	const Claim *c = &a->claim[layer][head];
	double top = score[0], sum = 0;
	int winners = 0;

	for (int p = 0; p < n; p++)
		top = fmax(top, score[p]);
	for (int p = 0; p < n; p++) {
		double behind = top - score[p];
		winners += behind == 0;
		if (c->gap > 0 && behind > 0 && behind < c->gap)
			fail(a, "lead", layer, head, behind, c->gap);
		score[p] = behind >= 104 ? 0 : exp(-behind);
		sum += score[p];
	}
	if (c->one && winners > 1 && !c->promised)
		fail(a, "lead", layer, head, 0, c->gap);
	for (int p = 0; p < n; p++)
		score[p] /= sum;
}

/* The sums of n columns at all places, (places, n). */
static Sum *
project_columns(Audit *a, const Row *r, int first, int n, SumKind kind, int layer)
{
	Sum *s = NEWS(&scratch, Sum, a->n * n + 1);

	for (int p = 0; p < a->n; p++)
		for (int i = 0; i < n; i++) {
			s[p * n + i] = reads(a, p, &r[first + i]);
			check_sum(a, s[p * n + i], kind, layer, first + i);
		}
	return s;
}

/* Which dimensions are not 0 in a query; how many. */
static int
asked(const Sum *q, int n, int *dim)
{
	int m = 0;

	for (int i = 0; i < n; i++)
		if (q[i].value != 0)
			dim[m++] = i;
	return m;
}

static Sum
score(const Sum *q, const Sum *k, const int *dim, int n, double unit)
{
	Sum s = { 0, 0, unit };

	for (int i = 0; i < n; i++) {
		double term = q[dim[i]].value * k[dim[i]].value;
		s.value += term;
		s.terms += fabs(term);
	}
	return s;
}

static double
unit_of_score(const Row *q, const Row *k, int n)
{
	double unit = 0x1p48;

	for (int i = 0; i < n; i++)
		unit = fmin(unit, q[i].unit * k[i].unit);
	return unit;
}

static void
attend(Audit *a, int layer, int head)
{
	const TwLayer *l = &a->m->layer[layer];
	const Layer *rows = &a->layer[layer];
	int qk = head * l->dk, vs = head * l->dv;
	Sum *q = project_columns(a, rows->q, qk, l->dk, SUM_QUERY, layer),
	    *k = project_columns(a, rows->k, qk, l->dk, SUM_KEY, layer),
	    *v = project_columns(a, rows->v, vs, l->dv, SUM_VALUE, layer);
	int *dim = NEWS(&scratch, int, l->dk + 1);
	double weight[PLACES], unit = unit_of_score(rows->q + qk, rows->k + qk, l->dk);

	for (int p = 0; p < a->n; p++) {
		int seen = a->m->bidirectional && p ? a->n : p + 1,
		    n = asked(q + p * l->dk, l->dk, dim);
		for (int t = 0; t < seen; t++) {
			Sum s = score(q + p * l->dk, k + t * l->dk, dim, n, unit);
			check_sum(a, s, SUM_SCORE, layer, head);
			weight[t] = s.value;
		}
		weigh(a, weight, seen, layer, head);
		for (int i = 0; i < l->dv; i++) {
			double sum = 0;
			for (int t = 0; t < seen; t++)
				sum += weight[t] * v[t * l->dv + i].value;
			write_row(a, p, l->wo + (size_t)(head * l->dv + i) * (size_t)a->m->d_model,
			          sum);
		}
	}
	arena_free(&scratch);
}

static void
run_neurons(Audit *a, int layer)
{
	const TwLayer *l = &a->m->layer[layer];
	size_t d = (size_t)a->m->d_model;

	for (int p = 0; p < a->n; p++) {
		for (int i = 0; i < l->neurons; i++) {
			Sum s = reads(a, p, &a->layer[layer].neuron[i]);
			check_sum(a, s, SUM_NEURON, layer, i);
			write_row(a, p, l->w2 + (size_t)i * d, fmax(s.value, 0));
		}
		if (l->neurons)
			write_row(a, p, l->b2, 1);
	}
}

static void
add_answer(Audit *a)
{
	const TwModel *m = a->m;
	int rows = m->nvocab + 2;

	for (int p = 0; p < a->n; p++) {
		for (int r = 0; m->emits && r < rows - 1; r++) /* that of <bos> is no sum */
			check_sum(a, reads(a, p, &a->logit[r]), SUM_LOGIT, 0, r);
		for (int i = 0; i < m->nlabel; i++)
			for (int j = 0; j < m->label[i].columns; j++)
				check_sum(a, reads(a, p, &a->label[i][j]), SUM_LABEL, 0, i);
	}
}

static void
run(Audit *a)
{
	write_all(a, SUM_EMBEDDING, 0);
	for (int n = 0; n < a->m->nlayer; n++) {
		for (int h = 0; h < a->m->layer[n].heads; h++)
			attend(a, n, h);
		write_all(a, SUM_ATTENTION_WRITE, n);
		run_neurons(a, n);
		write_all(a, SUM_MLP_WRITE, n);
	}
	add_answer(a);
}

/* ---- texts ---- */

static void
start(Audit *a)
{
	const TwModel *m = a->m;

	memset(a->x, 0, sizeof *a->x * (size_t)(PLACES * m->d_model));
	a->n = 0;
}

/* What a digit of the place adds. */
static void
write_part(Audit *a, int place, const TwPlacePart *part)
{
	float *row = calloc((size_t)a->m->d_model, sizeof *row);

	for (int i = 0; i < part->ncolumn; i++)
		row[part->column[i]] =
			part->table[tw_place_digit(&part->digit, place) * part->ncolumn + i];
	write_row(a, place, row, 1);
	free(row);
}

/* One place more: rows of the vocabulary, one of each field, or numbers. */
static void
feed(Audit *a, const int *row, const double *number)
{
	const TwModel *m = a->m;
	size_t d = (size_t)m->d_model;

	for (int f = 0; row && f < m->nfield; f++)
		write_row(a, a->n, m->embed_token + (size_t)row[f] * d, 1);
	for (int i = 0; number && i < m->ninput; i++)
		write_row(a, a->n, m->embed_input + (size_t)i * d, number[i]);
	if (!m->by_digits)
		write_row(a, a->n, m->embed_position + (size_t)a->n * d, 1);
	for (int i = 0; i < m->npart; i++)
		write_part(a, a->n, &m->part[i]);
	a->n++;
}

static void
feed_bos(Audit *a)
{
	int *row = zeros((size_t)a->m->nfield, sizeof *row);

	for (int f = 0; f < a->m->nfield; f++)
		row[f] = a->m->nvocab + 1;
	feed(a, a->m->ninput ? NULL : row, NULL);
}

/* Ends of ranges and equal tokens are tried more often than what is between. */
static void
feed_random(Audit *a, int text)
{
	const TwModel *m = a->m;
	int *row = zeros((size_t)m->nfield, sizeof *row);
	double *number = zeros((size_t)m->ninput, sizeof *number);

	for (int f = 0; f < m->nfield && !m->ninput; f++) {
		int n = m->first[f + 1] - m->first[f], few = text % 3 ? n : n < 2 ? n : 2;
		row[f] = m->first[f] + (text % 4 == 1 ? n - 1 - below(few) : below(few));
	}
	for (int i = 0; i < m->ninput; i++) {
		double low = (double)m->input[i].low, high = (double)m->input[i].high;
		double at = below(3) ? below(2) : below(65) / 64.0;
		number[i] = low + at * (high - low);
		if (m->input[i].kind != TW_REAL)
			number[i] = floor(number[i]);
	}
	feed(a, m->ninput ? NULL : row, m->ninput ? number : NULL);
}

/* The products that a text of n places takes, about. */
static double
work_of(const TwModel *m, int n)
{
	double dims = 0;

	for (int i = 0; i < m->nlayer; i++)
		dims += m->layer[i].heads * m->layer[i].dk;
	return n * ((double)tw_cost(m).nonzeros + n / 2.0 * dims);
}

static void
random_texts(Audit *a)
{
	int most = a->m->context < PLACES - 1 ? a->m->context : PLACES - 1;
	double work = 0;

	for (int t = 0; t < TEXTS && work < work_max; t++) {
		int n = t % 5 == 1 ? most : 1 + below(most);
		if (t != 1 && n > 60)
			n = 1 + n % 60;
		if (n > 60 && work_of(a->m, n) > work_max)
			n = 60;
		work += work_of(a->m, n);
		start(a);
		feed_bos(a);
		for (int i = 0; i < n; i++)
			feed_random(a, t);
		run(a);
	}
}

/* The text of a test, with what the model lets follow it. */
static void
run_test(Audit *a, TwSession *s, const Test *t)
{
	int width = a->m->nfield, n = t->nprompt < PLACES - 1 ? t->nprompt : PLACES - 1;

	tw_reset(s);
	start(a);
	feed_bos(a);
	for (int i = 0; i < n && t->numbers; i++)
		feed(a, NULL, t->numbers + i * a->m->ninput);
	for (int i = 0; i < n && !t->numbers && tw_feed_token(s, t->prompt + i * width); i++)
		feed(a, t->prompt + i * width, NULL);
	while (n > 0 && !t->numbers && a->n < PLACES && !tw_done(s)) {
		const int *next = tw_next_token(s);
		feed(a, next, NULL);
		if (!tw_feed_token(s, next))
			break;
	}
	run(a);
}

static void
run_tests(Audit *a, const Graph *g)
{
	char *error = NULL;
	TwSession *s = tw_open(a->m, 0, &error);
	int step = 1 + g->ntest / TEXTS;

	for (int i = 0; s && i < g->ntest; i += step)
		if (g->test[i].nprompt <= a->m->context)
			run_test(a, s, &g->test[i]);
	tw_close(s);
}

/* ---- the certificate ---- */

static double
number_in(const cJSON *j, const char *key)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(j, key);

	return cJSON_IsNumber(v) ? v->valuedouble : -1;
}

static bool
read_claims(Audit *a)
{
	cJSON *j = cJSON_Parse(a->m->certificate);
	const cJSON *heads = cJSON_GetObjectItemCaseSensitive(j, "heads"), *head;
	int n = 0, heads_in_all = 0;

	a->claim = zeros((size_t)a->m->nlayer, sizeof *a->claim);
	for (int i = 0; i < a->m->nlayer; i++) {
		a->claim[i] = zeros((size_t)a->m->layer[i].heads, sizeof **a->claim);
		heads_in_all += a->m->layer[i].heads;
	}
	cJSON_ArrayForEach(head, heads)
	{
		int layer = (int)number_in(head, "layer"), at = (int)number_in(head, "head");
		const char *intent = cJSON_GetStringValue(
			cJSON_GetObjectItemCaseSensitive(head, "intent"));
		if (layer < 0 || layer >= a->m->nlayer || at < 0 || at >= a->m->layer[layer].heads
		    || !intent)
			break;
		a->claim[layer][at] = (Claim){ number_in(head, "gap"),
			                       strcmp(intent, "mean") && strcmp(intent, "softmax"),
			                       !strcmp(intent, "only") };
		n += a->claim[layer][at].gap >= (strcmp(intent, "softmax") ? 104 : 0);
	}
	cJSON_Delete(j);
	return n == heads_in_all && a->report->largest_sum < 0x1p24;
}

static void
take_apart(Audit *a)
{
	const TwModel *m = a->m;

	a->layer = zeros((size_t)m->nlayer, sizeof *a->layer);
	for (int i = 0; i < m->nlayer; i++) {
		const TwLayer *l = &m->layer[i];
		a->layer[i] = (Layer){ rows_of_matrix(m, l->wq, l->bq, l->heads * l->dk),
			               rows_of_matrix(m, l->wk, l->bk, l->heads * l->dk),
			               rows_of_matrix(m, l->wv, l->bv, l->heads * l->dv),
			               rows_of_matrix(m, l->w1, l->b1, l->neurons) };
	}
	if (m->emits)
		a->logit = rows_of_matrix(m, m->head_w, m->head_b, m->nvocab + 2);
	a->label = zeros((size_t)m->nlabel, sizeof *a->label);
	for (int i = 0; i < m->nlabel; i++)
		a->label[i] = rows_of_matrix(m, m->label[i].w, m->label[i].b, m->label[i].columns);
}

/* By kind and layer, with room for every index. */
static void
take_proofs(Audit *a)
{
	int layers = a->m->nlayer + 1, most = a->m->nvocab + a->m->nlabel + a->m->d_model + 2;

	for (int i = 0; i < a->m->nlayer; i++) /* of one that clears nothing need be proved */
		most = a->m->layer[i].neurons > most ? a->m->layer[i].neurons : most;
	for (int i = 0; i < a->report->nproved; i++)
		if (a->report->proved[i].index >= most)
			most = a->report->proved[i].index + 1;
	a->proved = zeros((size_t)(SUM_KINDS * layers), sizeof *a->proved);
	for (int i = 0; i < SUM_KINDS * layers; i++) {
		a->proved[i] = zeros((size_t)most, sizeof **a->proved);
		for (int k = 0; k < most; k++)
			a->proved[i][k] = -1; /* nothing is said of it */
	}
	for (int i = 0; i < a->report->nproved; i++) {
		const ProvedSum *p = &a->report->proved[i];
		double *at = &a->proved[(int)p->kind * layers + p->layer][p->index];
		*at = fmax(*at, p->most);
	}
}

static bool
audit(const char *path, const TwModel *m, const Report *r, const Graph *g)
{
	Audit a = { .path = path, .m = m, .report = r };
	size_t n = (size_t)PLACES * (size_t)m->d_model;

	if (!read_claims(&a)) {
		printf("%s: the certificate lacks a head, or claims a gap that is none\n", path);
		return false;
	}
	take_apart(&a);
	take_proofs(&a);
	a.x = zeros(n, sizeof *a.x);
	a.add = zeros(n, sizeof *a.add);
	a.terms = zeros(n, sizeof *a.terms);
	run_tests(&a, g);
	random_texts(&a);
	return !a.failed;
}

/* 1 if it compiles within the limits; *width: of the stream then. */
static int
audit_program(const char *path, const Limits *limits, int *width, int *failed)
{
	Program p = { 0 };
	size_t size;
	char *error = NULL;
	bool ok = program_open(&p, path, &(Options){ .stdlib = "stdlib", .limits = *limits })
	          && program_compile(&p);

	if (ok) {
		unsigned char *bytes = onnx_bytes(&p.arena, p.model, &size);
		TwModel *m = tw_load_memory(bytes, size, &error);
		*failed += !m || !audit(path, m, &p.report, p.graph);
		*width = p.model->d_model;
		if (m)
			tw_free(m);
		arena_free(&room);
	}
	program_close(&p);
	return ok;
}

/* Some of them in a narrower stream too, where columns take turns. */
int
main(int argc, char **argv)
{
	int n = 0, failed = 0, width = 0;

	for (int i = 1; i < argc; i++) {
		if (!audit_program(argv[i], &(Limits){ 0 }, &width, &failed))
			continue;
		n++;
		if (i % 4 == 0 && width > 8 && width < 100)
			audit_program(argv[i], &(Limits){ .d_model = width * 3 / 4 }, &width,
			              &failed);
	}
	printf("%d audited\n", n);
	return failed > 0;
}
