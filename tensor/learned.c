/* The tables of a program with parameters, how they begin, and what training makes small. */

#include "tensor/learned.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "lang/random.h"

Learned *
learned_new(Arena *arena, int context)
{
	Learned *l = NEW(arena, Learned);

	l->graph = tensor_graph_new(arena);
	l->context = context;
	return l;
}

TensorNode *
learned_input(Learned *l, LearnedSource source, const char *name, int rank, const int *dim)
{
	TensorNode *t = tensor_input(l->graph, name, rank, dim);

	GROW(l->graph->arena, l->input, l->capinput, l->ninput + 1);
	l->input[l->ninput++] = (LearnedInput){ .source = source, .tensor = t };
	return t;
}

TensorNode *
learned_param(Learned *l, const char *name, int rank, const int *dim)
{
	TensorNode *t = tensor_param(l->graph, name, rank, dim);

	GROW(l->graph->arena, l->param, l->capparam, l->nparam + 1);
	l->param[l->nparam++] = (LearnedParam){ .tensor = t };
	return t;
}

/* -log softmax(scores)[target], with the greatest score taken off so that no exponential
 * overflows. */
void
learned_likely(Learned *l, TensorNode *scores)
{
	TensorGraph *g = l->graph;
	int n = scores->dim[1];
	Scalar *t = scalar_fresh(g, l->context), *v = scalar_fresh(g, n), *most, *sum, *each;
	Scalar *score = scalar_load(g, scores, (Scalar *[]){ t, v });
	TensorNode *target = learned_input(l, LEARNED_TARGET, "target", 1, &l->context);

	assert(scores->rank == 2 && scores->dim[0] == l->context);
	target->integer = true;
	target->values = (Interval){ 0, n - 1 };
	l->scores = scores;
	most = scalar_unary(g, X_STOP, scalar_reduce(g, X_RMAX, score, v));
	most = scalar_load(g, tensor_define(g, "scores.max", most, 1, &t), &t);
	sum = scalar_unary(g, X_EXP, scalar_binary(g, X_SUB, score, most));
	sum = scalar_reduce(g, X_SUM, sum, v);
	sum = scalar_load(g, tensor_define(g, "scores.sum", sum, 1, &t), &t);
	score = scalar_load(g, scores, (Scalar *[]){ t, scalar_load(g, target, &t) });
	each = scalar_binary(g, X_ADD, scalar_unary(g, X_LOG, sum), most);
	each = scalar_binary(g, X_SUB, each, score);
	learned_loss(l, tensor_define(g, "surprise", each, 1, &t));
}

void
learned_loss(Learned *l, TensorNode *each)
{
	TensorGraph *g = l->graph;
	Scalar *t = scalar_fresh(g, l->context);
	TensorNode *weight = learned_input(l, LEARNED_WEIGHT, "weight", 1, &l->context);
	Scalar *part = scalar_binary(g, X_MUL, scalar_load(g, weight, &t),
	                             scalar_load(g, each, &t));

	assert(each->rank == 1 && each->dim[0] == l->context);
	l->loss = tensor_define(g, "loss", scalar_reduce(g, X_SUM, part, t), 0, NULL);
}

/* ---- how parameters begin ---- */

static double
seeded_uniform(uint64_t *state)
{
	return (seeded_below(state, 1 << 30) + 0.5) / (1 << 30);
}

/* Of mean 0 and deviation 1, by the polar method (Marsaglia and Bray 1964). */
static double
seeded_normal(uint64_t *state)
{
	double x, y, r;

	do {
		x = 2 * seeded_uniform(state) - 1;
		y = 2 * seeded_uniform(state) - 1;
		r = x * x + y * y;
	} while (r >= 1);
	return x * sqrt(-2 * log(r) / r);
}

void
learned_initial(const LearnedParam *p, uint64_t seed, float *to)
{
	const TensorNode *t = p->tensor;

	for (const char *s = t->name; *s; s++)
		seed = (seed ^ (unsigned char)*s) * 0x100000001b3u;
	for (int64_t i = 0; i < tensor_size(t); i++)
		to[i] = p->value    ? p->value[i]
		        : t->spread ? (float)(t->spread * seeded_normal(&seed))
		                    : (float)t->init;
}
