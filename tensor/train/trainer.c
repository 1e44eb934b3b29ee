/* A learned program and a recipe, as two programs of kernels over a batch: a step of learning, and
 * the loss alone. */

#include "tensor/train/train.h"

#include <math.h>
#include <string.h>

static TensorNode *
sum_over_batch(TensorGraph *g, TensorNode *loss)
{
	if (!loss->rank)
		return loss;
	Scalar *b = scalar_fresh(g, loss->dim[0]);
	return tensor_define(g, "loss", scalar_reduce(g, X_SUM, scalar_load(g, loss, &b), b), 0,
	                     NULL);
}

Trainer *
trainer_new(Learned *l, const Recipe *recipe, VectorLevel level, Workers *workers)
{
	Arena *a = l->graph->arena;
	Trainer *t = NEW(a, Trainer);
	TensorNode **param = NEWS(a, TensorNode *, l->nparam);
	int n = 0;

	*t = (Trainer){ .arena = a, .learned = l, .recipe = recipe };
	t->now = NEWS(a, TensorNode *, l->graph->ntensor);
	t->g = tensor_batch(l->graph, recipe->batch, t->now);
	t->loss = sum_over_batch(t->g, t->now[l->loss->id]);
	tensor_output(t->g, t->loss);
	if (l->scores)
		tensor_output(t->g, t->now[l->scores->id]);
	t->forward = tensor_program_new(t->g, level);
	tensor_program_share(t->forward, workers);
	t->learn = t->forward;
	if (!recipe->steps)
		return t;
	for (int i = 0; i < l->nparam; i++)
		if (!l->param[i].frozen)
			param[n++] = t->now[l->param[i].tensor->id];
	t->numbers = optimizer_step(t->g, recipe, t->loss, n, param);
	t->learn = tensor_program_new(t->g, level);
	tensor_program_share(t->learn, workers);
	return t;
}

const char *
trainer_compile(Trainer *t)
{
	const char *why = tensor_program_compile(t->learn);

	return why ? why : tensor_program_compile(t->forward);
}

float *
trainer_param(Trainer *t, int i)
{
	return tensor_program_buffer(t->learn, t->now[t->learned->param[i].tensor->id]);
}

void
trainer_initial(Trainer *t)
{
	for (int i = 0; i < t->learned->nparam; i++)
		if (trainer_param(t, i))
			learned_initial(&t->learned->param[i], (uint64_t)t->recipe->seed,
			                trainer_param(t, i));
}

float *
trainer_input(Trainer *t, int i, int b)
{
	const TensorNode *one = t->learned->input[i].tensor;
	float *to = tensor_program_buffer(t->learn, t->now[one->id]);

	return to ? to + b * tensor_size(one) : NULL;
}

/* Weights are 0 or 1; over the batch they are to add up to 1. */
static void
share_weights(Trainer *t)
{
	for (int i = 0; i < t->learned->ninput; i++) {
		const LearnedInput *in = &t->learned->input[i];
		float *w = in->source == LEARNED_WEIGHT ? trainer_input(t, i, 0) : NULL;
		int64_t n = tensor_size(in->tensor) * t->recipe->batch, count = 0;
		for (int64_t k = 0; w && k < n; k++)
			count += w[k] != 0;
		for (int64_t k = 0; w && k < n; k++)
			w[k] = w[k] != 0 ? 1.0f / (float)count : 0;
	}
}

double
trainer_step(Trainer *t)
{
	share_weights(t);
	optimizer_numbers(t->numbers, t->recipe, t->learn, t->step);
	tensor_program_run(t->learn);
	double loss = *tensor_program_buffer(t->learn, t->loss);
	if (!isfinite(loss) || !isfinite(*tensor_program_buffer(t->learn, t->numbers->norm)))
		return NAN;
	tensor_program_advance(t->learn);
	t->step++;
	return loss;
}

static void
copy_leaf(Trainer *t, const TensorNode *leaf)
{
	const TensorNode *now = t->now[leaf->id];
	float *to = tensor_program_buffer(t->forward, now);

	if (to && t->learn != t->forward)
		memcpy(to, tensor_program_buffer(t->learn, now),
		       sizeof *to * (size_t)tensor_size(now));
}

/* Where a target is asked for, has it the greatest score? */
static void
count_right(Trainer *t)
{
	const Learned *l = t->learned;
	const float *scores = l->scores ? tensor_program_buffer(t->forward, t->now[l->scores->id])
	                                : NULL,
		    *target = NULL, *weight = NULL;
	int64_t rows = (int64_t)t->recipe->batch * l->context;

	for (int i = 0; i < l->ninput; i++) {
		if (l->input[i].source == LEARNED_TARGET)
			target = trainer_input(t, i, 0);
		if (l->input[i].source == LEARNED_WEIGHT)
			weight = trainer_input(t, i, 0);
	}
	for (int64_t k = 0; scores && target && weight && k < rows; k++) {
		int n = l->scores->dim[1], best = 0;
		for (int i = 1; i < n; i++)
			if (scores[k * n + i] > scores[k * n + best])
				best = i;
		t->asked += weight[k] > 0;
		t->right += weight[k] > 0 && best == (int)target[k];
	}
}

double
trainer_loss(Trainer *t)
{
	share_weights(t);
	for (int i = 0; i < t->learned->nparam; i++)
		copy_leaf(t, t->learned->param[i].tensor);
	for (int i = 0; i < t->learned->ninput; i++)
		copy_leaf(t, t->learned->input[i].tensor);
	tensor_program_run(t->forward);
	count_right(t);
	return *tensor_program_buffer(t->forward, t->loss);
}
