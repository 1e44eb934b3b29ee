/* A learned program's graph and parameters as a machine that goes on with a text. */

#include "tensor/train/generator.h"

#include <math.h>
#include <string.h>

#include "lang/random.h"
#include "tensor/train/train.h"

/* The parameters that the graph reads, where they lie in the file: by tensor. NULL, and why. */
static const float **
find_params(Arena *a, const TensorGraph *g, const WeightsFile *f, const char **why)
{
	const float **at = NEWS(a, const float *, g->ntensor);

	for (int i = 0; i < g->ntensor; i++) {
		const TensorNode *t = g->tensor[i];
		const FileWeights *w = t->kind == TENSOR_PARAM ? weights_file_find(f, t->name)
		                                               : NULL;
		if (t->kind != TENSOR_PARAM)
			continue;
		if (!w || !w->at || w->rank != t->rank
		    || memcmp(w->dim, t->dim, sizeof *w->dim * (size_t)w->rank)) {
			*why = arena_fmt(a, "it has no '%s' of the shape %s", t->name,
			                 shape_text(a, t->rank, t->dim));
			return NULL;
		}
		at[i] = w->at;
	}
	return at;
}

/* ---- does it read what comes later? ---- */

/* Rows up to `here` by one seed, those behind by another; positive, so that roots and logarithms
 * are numbers. */
static void
fill_line(const TensorNode *t, float *to, int64_t n, uint64_t *state)
{
	int wide = (int)(t->values.hi - t->values.lo) + 1;

	for (int64_t i = 0; i < n; i++) {
		*state = *state * 6364136223846793005u + 1442695040888963407u;
		int x = (int)(*state >> 48);
		to[i] = t->integer ? (float)(t->values.lo + x % wide) : (float)(x + 1) / (1 << 16);
	}
}

static void
fill_past(Generator *n, int here, uint64_t before, uint64_t behind)
{
	for (int i = 0; i < n->g->ncarry; i++) {
		const TensorNode *t = n->g->carry[i].leaf;
		float *to = tensor_program_buffer(n->program, t);
		int positions = t->dim[n->g->carry[i].axis];
		int64_t inner = 1, lines = to ? tensor_size(t) : 0;
		for (int k = n->g->carry[i].axis + 1; k < t->rank; k++)
			inner *= t->dim[k];
		for (int64_t k = 0; k < lines / inner; k++)
			fill_line(t, to + k * inner, inner,
			          k % positions > here ? &behind : &before);
	}
}

static const float *
scores_here(Generator *n, int here)
{
	float *at = tensor_program_buffer(n->program, n->here);

	if (at)
		*at = (float)here;
	tensor_program_run(n->program);
	return tensor_program_buffer(n->program, n->scores);
}

/* What it keeps of later positions may be anything: nothing of it may reach the scores. */
static bool
reads_later(Generator *n)
{
	int places[] = { 0, n->context / 2 };
	float *scores = NEWS(n->g->arena, float, n->nscore);
	size_t size = sizeof *scores * (size_t)n->nscore;
	bool differs = false;

	for (int i = 0; i < 2; i++) {
		fill_past(n, places[i], 1, 2);
		memcpy(scores, scores_here(n, places[i]), size);
		fill_past(n, places[i], 1, 3);
		differs |= memcmp(scores, scores_here(n, places[i]), size) != 0;
	}
	for (int i = 0; i < n->g->ncarry; i++) {
		const TensorNode *t = n->g->carry[i].leaf;
		float *to = tensor_program_buffer(n->program, t);
		if (to)
			memset(to, 0, sizeof *to * (size_t)tensor_size(t));
	}
	return differs;
}

Generator *
generator_new(Arena *a, const WeightsFile *f, VectorLevel level, const char **why)
{
	TensorGraph *whole = checkpoint_graph(a, f, why);
	Learned *l = whole ? learned_of_graph(whole, why) : NULL;
	Generator *n = NEW(a, Generator);

	if (!l)
		return NULL;
	TensorNode **row = NEWS(a, TensorNode *, l->graph->ntensor),
		   *token = tensor_find(l->graph, "token");
	*why = "it reads no tokens, or what is computed exactly of them: twc run PROGRAM.tw "
	       "--model "
	       "runs it";
	if (!l->scores || !token || token->kind != TENSOR_INPUT || !token->integer
	    || token->values.lo < 0)
		return NULL;
	*why = "it is not computed position by position, so it cannot go on with a text";
	if (!(n->g = tensor_decode(l->graph, l->scores, row)) || !row[token->id])
		return NULL;
	n->context = l->context;
	n->ntoken = (int)token->values.hi + 1;
	n->nscore = l->scores->dim[1];
	n->text = NEWS(a, int, n->context);
	n->token = row[token->id];
	n->scores = row[l->scores->id];
	n->here = tensor_find(n->g, "here");
	const float **params = find_params(a, n->g, f, why);
	if (!params)
		return NULL;
	n->program = tensor_program_over(n->g, level, params);
	*why = "what it says of a position depends on later ones, so it cannot go on with a text";
	return reads_later(n) ? NULL : n;
}

static const float *
feed_here(Generator *n, int row)
{
	float *here = tensor_program_buffer(n->program, n->here);

	*tensor_program_buffer(n->program, n->token) = (float)row;
	if (here)
		*here = (float)n->position;
	n->text[n->position++] = row;
	tensor_program_run(n->program);
	tensor_program_advance(n->program);
	return tensor_program_buffer(n->program, n->scores);
}

const float *
generator_feed(Generator *n, int row)
{
	if (n->position == n->context) {
		int keep = n->context / 2;
		memmove(n->text, n->text + n->context - keep, sizeof *n->text * (size_t)keep);
		n->position = 0;
		while (n->position < keep)
			feed_here(n, n->text[n->position]);
	}
	return feed_here(n, row);
}

/* ---- choosing ---- */

/* The score that all but k - 1 are not above. */
static float
kth_greatest(const float *scores, int n, int k)
{
	float low = -INFINITY, limit = INFINITY;

	/* The greatest below the limit, as often as it takes: k is small. */
	while (k > 0) {
		int equal = 0;
		low = -INFINITY;
		for (int i = 0; i < n; i++)
			if (scores[i] < limit && scores[i] > low)
				low = scores[i];
		for (int i = 0; i < n; i++)
			equal += scores[i] == low;
		if (low == -INFINITY)
			break;
		limit = low;
		k -= equal;
	}
	return low;
}

static int
greatest_score(const float *scores, int n)
{
	int best = 0;

	for (int i = 1; i < n; i++)
		if (scores[i] > scores[best])
			best = i;
	return best;
}

int
generator_choose(const float *scores, int n, double temperature, int top_k, uint64_t *state)
{
	int best = greatest_score(scores, n), last = best;
	float least = top_k > 0 && top_k < n ? kth_greatest(scores, n, top_k) : -INFINITY;
	double sum = 0, at;

	if (temperature <= 0)
		return best;
	for (int i = 0; i < n; i++)
		if (scores[i] >= least)
			sum += exp((scores[i] - scores[best]) / temperature);
	at = sum * (seeded_below(state, 1 << 30) + 0.5) / (1 << 30);
	for (int i = 0; i < n && at > 0; i++)
		if (scores[i] >= least) {
			at -= exp((scores[i] - scores[best]) / temperature);
			last = i;
		}
	return last;
}
