/* A learned program from a graph of tensors alone, whose leaves and outputs have the names that
 * tensor/learned.h gives them: inputs token, target, weight, and others, which are numbers; outputs
 * scores or loss. So one can be written by hand, and is kept in the file of what was learned. */

#include "tensor/train/train.h"

#include <string.h>

static LearnedSource
source_of_name(const char *name)
{
	return !strcmp(name, "token")    ? LEARNED_TOKEN
	       : !strcmp(name, "target") ? LEARNED_TARGET
	       : !strcmp(name, "weight") ? LEARNED_WEIGHT
	                                 : LEARNED_NUMBERS;
}

static void
list_leaf(Learned *l, TensorNode *t)
{
	Arena *a = l->graph->arena;

	if (t->kind == TENSOR_PARAM) {
		GROW(a, l->param, l->capparam, l->nparam + 1);
		l->param[l->nparam++] = (LearnedParam){ .tensor = t };
	} else if (t->kind == TENSOR_INPUT) {
		GROW(a, l->input, l->capinput, l->ninput + 1);
		l->input[l->ninput++] = (LearnedInput){ .source = source_of_name(t->name),
			                                .tensor = t };
	}
}

/* By its name; scores also where they are the only output that has two axes. */
static TensorNode *
output_named(const TensorGraph *g, const char *name, int rank)
{
	for (int i = 0; i < g->noutput; i++)
		if (!strcmp(g->output[i]->name, name) && g->output[i]->rank == rank)
			return g->output[i];
	return g->noutput == 1 && rank == 2 && g->output[0]->rank == rank ? g->output[0] : NULL;
}

/* Positions are the first axis of each, and as many. */
static bool
has_context(const Learned *l, const char **why)
{
	for (int i = 0; i < l->ninput; i++) {
		const TensorNode *t = l->input[i].tensor;
		bool numbers = l->input[i].source == LEARNED_NUMBERS;
		if (t->rank > 0 && t->dim[0] == l->context && (numbers || t->rank == 1))
			continue;
		*why = arena_fmt(l->graph->arena,
		                 "input %s has the shape %s, and the first axis is that of "
		                 "positions, of which there are %d",
		                 t->name, shape_text(l->graph->arena, t->rank, t->dim), l->context);
		return false;
	}
	return true;
}

Learned *
learned_of_graph(TensorGraph *g, const char **why)
{
	Learned *l = NEW(g->arena, Learned);
	TensorNode *scores = output_named(g, "scores", 2), *token = tensor_find(g, "token");

	l->graph = g;
	for (int i = 0; i < g->ntensor; i++)
		list_leaf(l, g->tensor[i]);
	l->loss = output_named(g, "loss", 0);
	l->context = scores                                  ? scores->dim[0]
	             : token && token->rank                  ? token->dim[0]
	             : l->ninput && l->input[0].tensor->rank ? l->input[0].tensor->dim[0]
	                                                     : 1;
	*why = "it has no output scores [positions][rows], and no output loss";
	if (!scores && !l->loss)
		return NULL;
	if (scores && !l->loss)
		learned_likely(l, scores);
	l->scores = scores;
	*why = "it has no param: there is nothing to learn";
	return l->nparam && has_context(l, why) ? l : NULL;
}
