/* What training needs of exact programs: of the one that is trained what its exact half computes on
 * each text, and of the one that is imitated (--like) texts and answers without end. */

#include "cmd/train.h"

#include <string.h>

/* ---- the exact half ---- */

/* An input at one position: numbers of the exact graph. */
static void
fill_exact_position(Eval *eval, const LearnedInput *in, int at, int n, float *to)
{
	for (int i = 0; i < n; i++) {
		const Node *node = in->node[i];
		int64_t v = node ? eval_at(eval, node, at) : 0;
		to[i] = (float)(node && node->type.real ? real_value(v) : (double)v);
	}
}

void
fill_evaluated(Eval *eval, const Learned *l, const LearnedInput *in, int n, float *to)
{
	int context = l->context, wide = (int)(tensor_size(in->tensor) / context);

	for (int at = 0; at < context; at++)
		if (at < n)
			fill_exact_position(eval, in, at, wide, to + at * wide);
		else
			for (int k = 0; k < wide; k++)
				to[at * wide + k] = (float)in->tensor->values.lo;
}

void
training_exact(void *training, Trainer *r, int b, const int *row, int n)
{
	Training *t = training;
	const Learned *l = t->learned;

	if (!t->eval)
		return;
	eval_text(t->eval, row, n);
	for (int i = 0; i < l->ninput; i++) {
		const LearnedInput *in = &l->input[i];
		float *to = in->source == LEARNED_EXACT ? trainer_input(r, i, b) : NULL;
		if (to)
			fill_evaluated(t->eval, l, in, n, to);
	}
}

/* ---- a program to be like ---- */

/* A text whose prompt and answer fit into the context, and where there is something to answer: how
 * long it is, or -1. */
static int
text_that_fits(PromptSampler *s, int context)
{
	int end = -1;

	for (int i = 0; i < SAMPLE_TRIES; i++) {
		end = sampler_text(s);
		if (end > s->n && end <= context)
			return end;
	}
	return end <= context ? end : -1;
}

static float *
input_of_batch(Trainer *r, LearnedSource source, int b)
{
	for (int i = 0; i < r->learned->ninput; i++)
		if (r->learned->input[i].source == source)
			return trainer_input(r, i, b);
	return NULL;
}

/* A row is asked for where the program imitated gives it. A text that has become full need not have
 * ended. */
static void
fill_example_like(Training *t, Trainer *r, int b, const int *row, int prompt, int n)
{
	int context = t->learned->context, end = t->vocab.n;
	bool ends = t->learned->scores && t->learned->scores->dim[1] > end
	            && n < longest_kept(t->like.g);
	float *token = input_of_batch(r, LEARNED_TOKEN, b),
	      *target = input_of_batch(r, LEARNED_TARGET, b),
	      *weight = input_of_batch(r, LEARNED_WEIGHT, b);

	for (int i = 0; i < context; i++) {
		bool asked = i >= prompt - 1 && (i + 1 < n || (i + 1 == n && ends));
		if (token)
			token[i] = i < n ? (float)row[i] : 0;
		if (target)
			target[i] = !asked ? 0 : i + 1 < n ? (float)row[i + 1] : (float)end;
		if (weight)
			weight[i] = asked;
	}
	t->length[b] = n;
	training_exact(t, r, b, row, n);
}

static bool
training_like(void *training, uint64_t which, Trainer *r, int b)
{
	Training *t = training;
	PromptSampler *s = &t->like;
	int *row = t->like_row, n;

	s->state = ((uint64_t)t->recipe.seed << 44) + which * 0x9e3779b97f4a7c15u;
	n = text_that_fits(s, t->learned->context);
	if (n < 0) {
		fprintf(stderr, "twc: %s: no text of %d was found that fits into %d tokens\n",
		        t->imitated, SAMPLE_TRIES, t->learned->context);
		return false;
	}
	for (int i = 0; i < n; i++)
		row[i] = t->like_as[s->text[i]];
	fill_example_like(t, r, b, row, s->n, n);
	return true;
}

/* The row of each word of the other program in this one's vocabulary. */
static bool
match_words(Training *t, const Graph *g)
{
	t->like_as = NEWS(t->arena, int, g->nvocab);
	for (int i = 0; i < g->nvocab; i++) {
		const char *word = g->vocab[i];
		t->like_as[i] = vocabulary_row(&t->vocab, word, word + strlen(word));
		if (t->like_as[i] >= 0 && !strcmp(t->vocab.word[t->like_as[i]], word))
			continue;
		fprintf(stderr, "twc: %s: '%s' is no token of %s\n", t->imitated, word,
		        t->o->args[0]);
		return false;
	}
	return true;
}

bool
open_like(Training *t)
{
	const Graph *g;

	if (!program_open(&t->like_program, t->imitated, t->o))
		return false;
	g = &t->like_program.meant;
	if (g->nfield != 1 || g->ninput || !g->emit || g->learned) {
		fprintf(stderr,
		        "twc: %s: it is to be an exact program that emits, with tokens of one "
		        "field\n",
		        t->o->like);
		return false;
	}
	if (!t->vocab.word)
		t->vocab = vocabulary_of_words(t->arena, g->vocab, g->nvocab);
	if (!match_words(t, g))
		return false;
	sampler_open(&t->like, t->arena, g, 0);
	t->like_row = NEWS(t->arena, int, longest_kept(g) + 2);
	t->examples.kind = EXAMPLES_MADE;
	t->examples.make = training_like;
	t->examples.n = INT64_MAX / 4;
	return true;
}
