/* The learned half of a program by kernels over a batch of texts, its exact half by the evaluator,
 * text by text: what learned_half.c does in doubles for one, some hundred times as fast. */

#include "cmd/learned_batch.h"

#include <string.h>

#include "cmd/train.h"

struct LearnedBatch {
	const Graph *g;
	const Learned *l;
	int batch;
	Eval *exact, *whole; /* of what goes in; of all, which takes what came out */
	TensorNode **now;
	TensorProgram *program;
	int *const *row; /* of the batch at hand */
	const int *length;
	int at; /* the text that is evaluated */
};

static int64_t
value_of_batch(void *run, EvalText text, int k, int position)
{
	const LearnedBatch *b = run;
	const TensorNode *now = b->now[b->l->value[k].tensor->id];
	const float *x = tensor_program_buffer(b->program, now);
	double y = (double)x[(now->rank > 1 ? (int64_t)b->at * b->l->context : 0) + position];

	(void)text;
	return b->g->chosen[k].kind == K_REAL ? real_bits(y) : (int64_t)y;
}

static const char *
has_no_batch(const Learned *l)
{
	for (int i = 0; i < l->ninput; i++)
		if (l->input[i].source == LEARNED_NUMBERS)
			return "it takes numbers";
	return NULL;
}

LearnedBatch *
learned_batch_open(Arena *a, const Graph *g, const char *file, int batch)
{
	LearnedBatch *b = NEW(a, LearnedBatch);
	const Learned *l = g->learned;
	const char *why = file ? has_no_batch(l) : "--model says what twc train has made of it";
	WeightsFile f;

	if (why)
		fprintf(stderr, "twc: %s: %s\n", g->name, why);
	if (why || !learned_file(a, l, file, &f))
		return NULL;
	*b = (LearnedBatch){ .g = g, .l = l, .batch = batch };
	b->exact = eval_new(g);
	b->whole = eval_new(g);
	eval_learned(b->whole, value_of_batch, b);
	b->now = NEWS(a, TensorNode *, l->graph->ntensor);
	TensorGraph *many = tensor_batch(l->graph, batch, b->now);
	for (int i = 0; i < l->nvalue; i++)
		if (l->value[i].tensor)
			tensor_output(many, b->now[l->value[i].tensor->id]);
	b->program = tensor_program_new(many, vector_level());
	for (int i = 0; i < l->nparam; i++) {
		const TensorNode *t = l->param[i].tensor;
		float *to = tensor_program_buffer(b->program, b->now[t->id]);
		if (to)
			memcpy(to, weights_file_find(&f, t->name)->at,
			       sizeof *to * (size_t)tensor_size(t));
	}
	return b;
}

void
learned_batch_close(LearnedBatch *b)
{
	if (!b)
		return;
	eval_free(b->exact);
	eval_free(b->whole);
}

static void
fill_text(LearnedBatch *b, int which)
{
	const Learned *l = b->l;
	int n = b->length[which];

	eval_text(b->exact, b->row[which], n);
	for (int i = 0; i < l->ninput; i++) {
		const LearnedInput *in = &l->input[i];
		float *to = tensor_program_buffer(b->program, b->now[in->tensor->id]);
		if (!to)
			continue;
		to += which * tensor_size(in->tensor);
		if (in->source == LEARNED_EXACT)
			fill_evaluated(b->exact, l, in, n, to);
		for (int k = 0; in->source == LEARNED_TOKEN && k < l->context; k++)
			to[k] = k < n ? (float)b->row[which][k] : 0;
	}
}

void
learned_batch_run(LearnedBatch *b, int n, int *const *row, const int *length)
{
	b->row = row;
	b->length = length;
	for (int i = 0; i < n; i++)
		fill_text(b, i);
	tensor_program_run(b->program);
}

Eval *
learned_batch_eval(LearnedBatch *b, int i)
{
	b->at = i;
	eval_text(b->whole, b->row[i], b->length[i]);
	return b->whole;
}
