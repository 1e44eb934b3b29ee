/* The learned half of a program beside its evaluator: exact streams go in, parameters are as they
 * begin or as a file of twc train has them, the reference evaluator of tensors says what comes out,
 * on doubles. */

#include "cmd/cmd.h"

#include <stdlib.h>
#include <string.h>

#include "frontend/frontend.h"
#include "tensor/learned.h"
#include "tensor/train/vocabulary.h"
#include "tensor/train/weights_file.h"

struct LearnedHalf {
	const Graph *g;
	const Learned *l;
	Eval *exact;    /* of the streams that go in */
	double **value; /* by tensor */
	int n;          /* positions of the text that they are of; -1: none yet */
	int *row;       /* (n, nfield) that text */
	double *number; /* (n, ninput) */
};

void
program_vocabulary(Arena *a, const Graph *g, Vocabulary *to)
{
	*to = g->pairs ? vocabulary_of_pairs(a, g->pairs)
	               : vocabulary_of_words(a, g->vocab, g->nvocab);
}

static double *
tensor_room(const Learned *l, const TensorNode *t)
{
	return NEWS(l->graph->arena, double, tensor_size(t));
}

bool
learned_file(Arena *arena, const Learned *l, const char *path, WeightsFile *to)
{
	const char *why = NULL;
	size_t n;
	const char *bytes = file_bytes(arena, path, &n);

	if (!bytes) {
		fprintf(stderr, "twc: %s: cannot be read\n", path);
		return false;
	}
	if (!weights_file_read(arena, bytes, n, to, &why)) {
		fprintf(stderr, "twc: %s: %s\n", path, why);
		return false;
	}
	for (int i = 0; i < l->nparam; i++) {
		const TensorNode *t = l->param[i].tensor;
		const FileWeights *w = weights_file_find(to, t->name);
		const char *want = shape_text(arena, t->rank, t->dim);
		const char *have = w ? shape_text(arena, w->rank, w->dim) : "missing";
		if (w && w->at && !strcmp(want, have))
			continue;
		fprintf(stderr, "twc: %s: %s is %s there, and %s in the program\n", path, t->name,
		        have, want);
		return false;
	}
	return true;
}

LearnedHalf *
learned_half_new(const Graph *g, uint64_t seed, const char *path)
{
	const Learned *l = g->learned;
	Arena *arena = l->graph->arena;
	LearnedHalf *r = NEW(arena, LearnedHalf);
	WeightsFile file = { 0 };

	if (path && !learned_file(arena, l, path, &file))
		return NULL;

	*r = (LearnedHalf){ .g = g, .l = l, .exact = eval_new(g), .n = -1 };
	r->value = NEWS(arena, double *, l->graph->ntensor);
	r->row = NEWS(arena, int, g->context * g->nfield);
	r->number = NEWS(arena, double, g->context * g->ninput + 1);
	for (int i = 0; i < l->ninput; i++)
		r->value[l->input[i].tensor->id] = tensor_room(l, l->input[i].tensor);
	for (int i = 0; i < l->nparam; i++) {
		const TensorNode *t = l->param[i].tensor;
		int64_t size = tensor_size(t);
		double *to = r->value[t->id] = tensor_room(l, t);
		float *x = NEWS(arena, float, size);
		const FileWeights *w = path ? weights_file_find(&file, t->name) : NULL;
		if (!w)
			learned_initial(&l->param[i], seed, x);
		for (int64_t k = 0; k < size; k++)
			to[k] = (double)(w ? w->at[k] : x[k]);
	}
	return r;
}

void
learned_half_free(LearnedHalf *r)
{
	if (r)
		eval_free(r->exact);
}

/* One position of an input. */
static void
fill_position(LearnedHalf *r, const LearnedInput *in, int at, double *to)
{
	int n = (int)(tensor_size(in->tensor) / r->g->context);

	for (int i = 0; i < n; i++) {
		const Node *node = in->node ? in->node[i] : NULL;
		if (in->source == LEARNED_NUMBERS) {
			to[i] = r->number[at * r->g->ninput + in->column + i];
		} else if (node) {
			int64_t v = eval_at(r->exact, node, at);
			to[i] = node->type.real ? real_value(v) : (double)v;
		}
	}
}

static bool
same_text(const LearnedHalf *r, EvalText t)
{
	size_t rows = (size_t)(t.n * r->g->nfield) * sizeof *t.row,
	       numbers = (size_t)(t.n * r->g->ninput) * sizeof *t.number;

	if (r->n != t.n)
		return false;
	return r->g->ninput ? !memcmp(r->number, t.number, numbers) : !memcmp(r->row, t.row, rows);
}

/* Everything is computed anew for another text. Behind its end inputs are the least that they can
 * be. */
static void
evaluate_text(LearnedHalf *r, EvalText t)
{
	const Graph *g = r->g;

	r->n = t.n;
	if (g->ninput) {
		memcpy(r->number, t.number, (size_t)(t.n * g->ninput) * sizeof *t.number);
		eval_numbers(r->exact, r->number, t.n);
	} else {
		memcpy(r->row, t.row, (size_t)(t.n * g->nfield) * sizeof *t.row);
		eval_text(r->exact, r->row, t.n);
	}
	for (int i = 0; i < r->l->ninput; i++) {
		const LearnedInput *in = &r->l->input[i];
		int n = (int)(tensor_size(in->tensor) / g->context);
		double *to = r->value[in->tensor->id];
		for (int at = 0; at < t.n; at++)
			fill_position(r, in, at, to + at * n);
		for (int64_t k = (int64_t)t.n * n; k < tensor_size(in->tensor); k++)
			to[k] = in->tensor->values.lo;
	}
	tensor_eval(r->l->graph, r->value);
}

static int64_t
learned_at(void *run, EvalText text, int k, int position)
{
	LearnedHalf *r = run;

	if (!same_text(r, text))
		evaluate_text(r, text);
	double x = r->value[r->l->value[k].tensor->id][position];
	return r->g->chosen[k].kind == K_REAL ? real_bits(x) : (int64_t)x;
}

void
learned_half_attach(LearnedHalf *r, Eval *eval)
{
	eval_learned(eval, learned_at, r);
}
