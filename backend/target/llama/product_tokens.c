/* Records as tokens of a Llama: one for each combination of what their fields can be.
 *
 *     {go: left, at: 3}      row 3 + 33 * 0 of a flat vocabulary, the first field going slowest
 *
 * A row of the embedding is the sum of its fields' rows. A logit is the sum of its fields' logits,
 * each of which is ahead by 1 where the field is what it should be; that of the first field counts
 * more than all others together, since <end> is a row of the first alone. Texts are the records as
 * twrun prints them, one behind the other without a space. */

#include "backend/target/llama/llama.h"

#include <math.h>

enum { MOST_TOKENS = 1 << 14 };

/* How many rows the fields of a record have together; more than MOST_TOKENS where they are many. */
static int
combinations(const TwModel *m)
{
	double n = 1;

	for (int f = 0; f < m->nfield; f++)
		n *= m->first[f + 1] - m->first[f];
	return n > MOST_TOKENS ? MOST_TOKENS + 1 : (int)n;
}

/* The rows of the fields of a token. */
static void
fields_of_token(const TwModel *m, int token, int *row)
{
	for (int f = m->nfield; f-- > 0;) {
		int n = m->first[f + 1] - m->first[f];
		row[f] = m->first[f] + token % n;
		token /= n;
	}
}

/* By what the logits of the first field are multiplied. */
static double
weight_of_first(const TwModel *m)
{
	double sum = 1;

	for (int f = 1; f < m->nfield; f++)
		sum += pow(m->first[f + 1] - m->first[f] - 1, 2);
	return sum;
}

/* The largest sum of the absolute terms of a logit. */
static double
most_of_logits(const TwModel *m, const Report *r)
{
	double all = 0;

	for (int f = 0; f < m->nfield; f++) {
		double most = 0;
		for (int i = 0; i < r->nproved; i++) {
			const ProvedSum *s = &r->proved[i];
			bool end = !f && s->index == m->nvocab;
			if (s->kind == SUM_LOGIT
			    && (end || (s->index >= m->first[f] && s->index < m->first[f + 1])))
				most = fmax(most, s->most);
		}
		all += most * (f ? 1 : weight_of_first(m));
	}
	return all;
}

/* Adds row `from` of the record's vocabulary to a token of the flat one. */
static void
add_logit(const TwModel *m, TwModel *flat, int from, int to, double times)
{
	size_t wide = (size_t)flat->nvocab + 2, old = (size_t)m->nvocab + 2;

	for (size_t c = 0; c < (size_t)m->d_model; c++)
		flat->head_w[c * wide + (size_t)to] +=
			(float)(times * (double)m->head_w[c * old + (size_t)from]);
	flat->head_b[to] += (float)(times * (double)m->head_b[from]);
}

static void
add_row_of_field(const TwModel *m, TwModel *flat, int from, int to)
{
	size_t d = (size_t)m->d_model;

	for (size_t c = 0; c < d; c++)
		flat->embed_token[(size_t)to * d + c] += m->embed_token[(size_t)from * d + c];
}

const TwModel *
llama_flat_tokens(Arena *a, const TwModel *m, const Report *r, SpellRows *spell, const char **why)
{
	int n = combinations(m), *row = NEWS(a, int, m->nfield + 1);
	TwModel *flat = NEW(a, TwModel);
	double first = weight_of_first(m);

	if (!m->record || !m->emits || m->bidirectional)
		return m; /* what else is the matter is told first */
	if (n > MOST_TOKENS) {
		*why = arena_fmt(
			a,
			"its records have more than %d combinations of fields, and a token "
			"of a Llama is one row of its vocabulary",
			MOST_TOKENS);
		return NULL;
	}
	if (most_of_logits(m, r) >= EXACT_MAX) {
		*why = "the logits of its records' fields are too large a number together";
		return NULL;
	}
	*flat = *m;
	flat->record = false;
	flat->nfield = 1;
	flat->nvocab = n;
	flat->first = NEWS(a, int, 2);
	flat->first[1] = n;
	flat->vocab = NEWS(a, char *, n);
	flat->embed_token = NEWS(a, float, (size_t)(n + 2) * (size_t)m->d_model);
	flat->head_w = NEWS(a, float, (size_t)(n + 2) * (size_t)m->d_model);
	flat->head_b = NEWS(a, float, n + 2);
	for (int i = 0; i < n; i++) {
		fields_of_token(m, i, row);
		flat->vocab[i] = spell(a, r->columns->s->c->g, row, 1);
		for (int f = 0; f < m->nfield; f++) {
			add_row_of_field(m, flat, row[f], i);
			add_logit(m, flat, row[f], i, f ? 1 : first);
		}
	}
	for (int i = 0; i < 2; i++) /* <end> and <bos> */
		add_row_of_field(m, flat, m->nvocab + i, n + i);
	add_logit(m, flat, m->nvocab, n, first);
	flat->head_b[n + 1] = -1; /* the best is 0 at least */
	return flat;
}
