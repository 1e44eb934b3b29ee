/* A trainer as a .safetensors: parameters and the optimizer's memory by name; step, recipe, graph
 * and vocabulary in its metadata. */

#include "tensor/train/train.h"

#include <stdlib.h>
#include <string.h>

#include "lang/text.h"

/* A parameter that stays as it began; NULL: it is carried, or nothing reads it. */
static const TensorNode *
frozen_leaf(const Trainer *t, int i)
{
	const LearnedParam *p = &t->learned->param[i];
	const TensorNode *leaf = t->now[p->tensor->id];

	return p->frozen && tensor_program_buffer(t->learn, leaf) ? leaf : NULL;
}

static void
add_leaf(Trainer *t, WeightsFile *f, const TensorNode *leaf)
{
	weights_file_add(t->arena, f, leaf->name, leaf->rank, leaf->dim,
	                 tensor_program_buffer(t->learn, leaf));
}

/* What is carried from step to step, and what is frozen: all that a trainer knows but its step. */
static void
add_all_leaves(Trainer *t, WeightsFile *f)
{
	for (int i = 0; i < t->g->ncarry; i++)
		add_leaf(t, f, t->g->carry[i].leaf);
	for (int i = 0; i < t->learned->nparam; i++)
		if (frozen_leaf(t, i))
			add_leaf(t, f, frozen_leaf(t, i));
}

static char *
graph_text(Arena *a, const Learned *l)
{
	char *text = NULL;
	size_t n;
	FILE *f = open_memstream(&text, &n);

	if (!f)
		arena_fail();
	if (l->scores)
		tensor_output(l->graph, l->scores);
	tensor_graph_print(l->graph, f);
	if (fclose(f))
		arena_fail();
	char *copy = arena_strn(a, text, n);
	free(text);
	return copy;
}

static char *
recipe_text(Arena *a, const Recipe *r)
{
	return arena_fmt(a,
	                 "steps %d batch %d warm_up %d optimizer %d schedule %d rate %.17g "
	                 "clip %.17g decay %.17g seed %d",
	                 r->steps, r->batch, r->warm_up, r->optimizer, r->schedule, r->rate,
	                 r->clip, r->decay, r->seed);
}

char *
checkpoint_bytes(Trainer *t, const Vocabulary *v, size_t *n)
{
	WeightsFile f = { 0 };
	Arena *a = t->arena;

	weights_file_say(a, &f, "tw.step", arena_fmt(a, "%d", t->step));
	weights_file_say(a, &f, "tw.recipe", recipe_text(a, t->recipe));
	weights_file_say(a, &f, "tw.graph", graph_text(a, t->learned));
	vocabulary_say(a, v, &f);
	add_all_leaves(t, &f);
	return weights_file_bytes(a, &f, n);
}

void
learned_as_file(Arena *a, Learned *l, const Vocabulary *v, uint64_t seed, WeightsFile *f)
{
	*f = (WeightsFile){ 0 };
	weights_file_say(a, f, "tw.graph", graph_text(a, l));
	vocabulary_say(a, v, f);
	for (int i = 0; i < l->nparam; i++) {
		const TensorNode *t = l->param[i].tensor;
		const float *at = l->param[i].value;
		if (!at) {
			float *to = NEWS(a, float, tensor_size(t));
			learned_initial(&l->param[i], seed, to);
			at = to;
		}
		weights_file_add(a, f, t->name, t->rank, t->dim, at);
	}
}

/* ---- taking it up again ---- */

TensorGraph *
checkpoint_graph(Arena *a, const WeightsFile *f, const char **why)
{
	const char *text = weights_file_text(f, "tw.graph");

	*why = "it has no graph: nothing that twc train has written";
	if (!text)
		return NULL;
	Source *src = NEW(a, Source);
	*src = (Source){ "tw.graph", text, (uint32_t)strlen(text) };
	Diags ds = { .arena = a, .src = src };
	TensorGraph *g = tensor_graph_read(src, a, &ds);
	if (!g)
		*why = arena_fmt(a, "its graph is damaged: %s", ds.first->msg);
	return g;
}

bool
checkpoint_recipe(const WeightsFile *f, Recipe *r, const char **why)
{
	const char *text = weights_file_text(f, "tw.recipe");
	Recipe was = { 0 };

	*why = "no checkpoint of twc train";
	if (!text
	    || sscanf(text,
	              "steps %d batch %d warm_up %d optimizer %d schedule %d rate %lf clip %lf "
	              "decay %lf seed %d",
	              &was.steps, &was.batch, &was.warm_up, &was.optimizer, &was.schedule,
	              &was.rate, &was.clip, &was.decay, &was.seed)
	               != 9
	    || was.batch < 1 || was.optimizer < 1 || was.optimizer > OPTIMIZER_SGD)
		return false;
	r->steps = r->steps ? r->steps : was.steps;
	r->batch = r->batch ? r->batch : was.batch;
	r->warm_up = r->warm_up >= 0 ? r->warm_up : was.warm_up;
	r->optimizer = r->optimizer ? r->optimizer : was.optimizer;
	r->schedule = r->schedule ? r->schedule : was.schedule;
	r->rate = r->rate >= 0 ? r->rate : was.rate;
	r->clip = r->clip >= 0 ? r->clip : was.clip;
	r->decay = r->decay >= 0 ? r->decay : was.decay;
	r->seed = r->seed ? r->seed : was.seed;
	return true;
}

static bool
resume_leaf(Trainer *t, const WeightsFile *f, const TensorNode *leaf, const char **why)
{
	const FileWeights *w = weights_file_find(f, leaf->name);
	Arena *a = t->arena;

	if (!w || !w->at) {
		*why = arena_fmt(a, "it has no '%s'", leaf->name);
		return false;
	}
	if (w->rank != leaf->rank || memcmp(w->dim, leaf->dim, sizeof *w->dim * (size_t)w->rank)) {
		*why = arena_fmt(a, "its '%s' is %s, and that of the program %s", leaf->name,
		                 shape_text(a, w->rank, w->dim),
		                 shape_text(a, leaf->rank, leaf->dim));
		return false;
	}
	memcpy(tensor_program_buffer(t->learn, leaf), w->at,
	       sizeof *w->at * (size_t)tensor_size(leaf));
	return true;
}

bool
checkpoint_resume(Trainer *t, const WeightsFile *f, const char **why)
{
	const char *step = weights_file_text(f, "tw.step");

	for (int i = 0; i < t->g->ncarry; i++)
		if (!resume_leaf(t, f, t->g->carry[i].leaf, why))
			return false;
	for (int i = 0; i < t->learned->nparam; i++)
		if (frozen_leaf(t, i) && !resume_leaf(t, f, frozen_leaf(t, i), why))
			return false;
	t->step = step ? atoi(step) : 0;
	*why = "its step is no number";
	return step && t->step >= 0;
}
