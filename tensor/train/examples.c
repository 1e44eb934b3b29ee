/* Batches. Which examples a step takes depends on the seed and its number alone: of a text random
 * pieces; of arrays all in random order, then all again in another. */

#include "tensor/train/train.h"

#include <math.h>

#include "lang/random.h"

/* ---- putting one into the batch ---- */

static void
fill_input(const Trainer *t, const LearnedInput *in, float *to, const int *text)
{
	int context = t->learned->context;

	for (int i = 0; i < context; i++)
		to[i] = in->source == LEARNED_TOKEN    ? (float)text[i]
		        : in->source == LEARNED_TARGET ? (float)text[i + 1]
		                                       : 1;
}

static void
fill_from_text(Trainer *t, int b, const Examples *e, int64_t which)
{
	for (int i = 0; i < t->learned->ninput; i++) {
		const LearnedInput *in = &t->learned->input[i];
		float *to = in->source == LEARNED_EXACT ? NULL : trainer_input(t, i, b);
		if (to)
			fill_input(t, in, to, e->text + which);
	}
	if (e->exact)
		e->exact(e->maker, t, b, e->text + which, t->learned->context);
}

static void
fill_from_row(Trainer *t, int b, const Examples *e, int64_t which)
{
	for (int i = 0; i < t->learned->ninput; i++) {
		int64_t n = tensor_size(t->learned->input[i].tensor);
		float *to = trainer_input(t, i, b);
		for (int64_t k = 0; to && k < n; k++)
			to[k] = e->array[i] ? (float)e->array[i][which * n + k] : 1;
	}
}

static bool
fill_example(Examples *e, Trainer *t, int b, int64_t which)
{
	if (e->kind == EXAMPLES_MADE)
		return e->make(e->maker, (uint64_t)which, t, b);
	if (e->kind == EXAMPLES_TEXT)
		fill_from_text(t, b, e, which);
	else
		fill_from_row(t, b, e, which);
	return true;
}

/* ---- which ones ---- */

static void
shuffle_round(Examples *e, Arena *a, int64_t round)
{
	int64_t n = e->n - e->held;
	uint64_t state = (uint64_t)e->seed * 0x100000001b3u + (uint64_t)round;

	if (!e->order)
		e->order = NEWS(a, int64_t, n);
	for (int64_t i = 0; i < n; i++) {
		int64_t j = seeded_below(&state, (int)(i + 1));
		e->order[i] = e->order[j];
		e->order[j] = i;
	}
	e->round = round;
}

/* No piece of a text that is learned from reaches into what is held back. */
static int64_t
learned_count(const Examples *e, const Trainer *t)
{
	int64_t apart = e->kind == EXAMPLES_TEXT && e->held ? t->learned->context : 0;

	return e->n - e->held - apart;
}

static int64_t
example_of_step(Examples *e, Trainer *t, int step, int b)
{
	int64_t at = (int64_t)step * t->recipe->batch + b, n = learned_count(e, t);
	uint64_t state = ((uint64_t)e->seed << 40) + (uint64_t)at;

	if (e->kind == EXAMPLES_MADE)
		return at;
	if (e->kind == EXAMPLES_TEXT)
		return seeded_below(&state, (int)n);
	if (!e->order || e->round != at / n)
		shuffle_round(e, t->arena, at / n);
	return e->order[at % n];
}

bool
examples_batch(Examples *e, Trainer *t, int step)
{
	for (int b = 0; b < t->recipe->batch; b++)
		if (!fill_example(e, t, b, example_of_step(e, t, step, b)))
			return false;
	return true;
}

/* Pieces of a text stand side by side; examples that are made have numbers of their own. */
static bool
held_batch(Examples *e, Trainer *t, int64_t first)
{
	int64_t apart = e->kind == EXAMPLES_TEXT ? t->learned->context : 1;

	for (int b = 0; b < t->recipe->batch; b++) {
		int64_t at = (first + b) * apart;
		if (!fill_example(e, t, b,
		                  e->kind == EXAMPLES_MADE ? -1 - at : e->n - e->held + at))
			return false;
	}
	return true;
}

double
examples_held_loss(Examples *e, Trainer *t, int most)
{
	int64_t apart = e->kind == EXAMPLES_TEXT ? t->learned->context : 1,
		batches = e->held / apart / t->recipe->batch;
	double sum = 0;

	if (batches > most)
		batches = most;
	t->asked = t->right = 0;
	for (int64_t i = 0; i < batches; i++) {
		if (!held_batch(e, t, i * t->recipe->batch))
			return NAN;
		sum += trainer_loss(t);
	}
	return sum / (double)batches;
}
