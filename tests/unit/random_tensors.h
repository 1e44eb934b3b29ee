#ifndef TESTS_UNIT_RANDOM_TENSORS_H
#define TESTS_UNIT_RANDOM_TENSORS_H

/* Random graphs of tensors, whose values stay within a few units. The same seed gives the same
 * graph, simplified or as it is written. */

#include <stdlib.h>

#include "tensor/internal.h"

static double
random_real(void)
{
	return (double)(rand() % 2001 - 1000) / 500;
}

static void
fill_leaf(const TensorGraph *g, const TensorNode *t, double **value)
{
	int64_t n = tensor_size(t);
	int width = (int)(t->values.hi - t->values.lo) + 1;

	value[t->id] = NEWS(g->arena, double, n);
	for (int64_t i = 0; i < n; i++)
		value[t->id][i] = t->integer ? t->values.lo + rand() % width : random_real();
}

enum { LEAVES = 3 };

typedef struct Maker {
	TensorGraph *g;
	int ntensor;
	TensorNode *tensor[16]; /* that can be read */
	int nrange;
	Scalar *range[12];
} Maker;

static Scalar *
number(Maker *m, double x)
{
	return scalar_const(m->g, x);
}

static Scalar *
random_index(Maker *m, int extent)
{
	Scalar *r = m->nrange ? m->range[rand() % m->nrange] : number(m, rand() % extent);
	Scalar *q = m->nrange ? m->range[rand() % m->nrange] : r;
	TensorGraph *g = m->g;

	switch (rand() % 8) {
	case 0: return number(m, rand() % extent);
	case 1: return scalar_binary(g, X_ADD, r, number(m, rand() % 5 - 2));
	case 2: return scalar_binary(g, X_SUB, number(m, extent - 1), r);
	case 3: return scalar_binary(g, X_ADD, scalar_binary(g, X_MUL, r, number(m, 2)), q);
	case 4: return scalar_binary(g, X_FLOOR, r, number(m, 2));
	case 5: return scalar_binary(g, X_MOD, r, number(m, 2));
	case 6: return scalar_load(g, g->tensor[0], (Scalar *[]){ r });
	default: return r;
	}
}

static Scalar *
random_load(Maker *m)
{
	TensorGraph *g = m->g;
	TensorNode *t = m->tensor[rand() % m->ntensor];
	Scalar *index[RANK_MAX];

	for (int i = 0; i < t->rank; i++)
		index[i] = random_index(m, t->dim[i]);
	return scalar_load(g, t, index);
}

static Scalar *random_scalar(Maker *, int depth);

/* 1.5 + x * x, which can be divided by and has a logarithm. */
static Scalar *
positive(Maker *m, int depth)
{
	Scalar *x = scalar_unary(m->g, X_TANH, random_scalar(m, depth));

	return scalar_binary(m->g, X_ADD, scalar_binary(m->g, X_MUL, x, x), number(m, 1.5));
}

static Scalar *
random_reduction(Maker *m, int depth)
{
	Scalar *r = scalar_fresh(m->g, 2 + rand() % 3);
	TensorOp op = rand() % 3 ? X_SUM : X_RMAX;

	m->range[m->nrange++] = r;
	Scalar *body = random_scalar(m, depth);
	m->nrange--;
	return scalar_reduce(m->g, op, body, r);
}

static Scalar *
random_condition(Maker *m)
{
	Scalar *a = random_index(m, 4), *b = random_index(m, 4);

	return scalar_binary(m->g, rand() % 2 ? X_LT : X_EQ, a, b);
}

static Scalar *
random_scalar(Maker *m, int depth)
{
	TensorGraph *g = m->g;
	Scalar *a, *b;

	if (!depth)
		return random_load(m);
	switch (rand() % 14) {
	case 0:
	case 1:
		if (m->nrange < 7)
			return random_reduction(m, depth - 1);
		return random_load(m);
	case 2: return scalar_unary(g, X_TANH, random_scalar(m, depth - 1));
	case 3:
		a = scalar_unary(g, X_TANH, random_scalar(m, depth - 1));
		return scalar_unary(g, X_EXP, a);
	case 4: return scalar_unary(g, X_LOG, positive(m, depth - 1));
	case 5: return scalar_unary(g, X_SQRT, positive(m, depth - 1));
	case 6: return scalar_unary(g, X_SIN, random_scalar(m, depth - 1));
	case 7:
		a = random_condition(m);
		b = random_scalar(m, depth - 1);
		return scalar_where(g, a, b, random_scalar(m, depth - 1));
	case 8:
		a = random_scalar(m, depth - 1);
		return scalar_binary(g, X_DIV, a, positive(m, depth - 1));
	case 9:
		a = random_scalar(m, depth - 1);
		return scalar_binary(g, X_MAX, a, random_scalar(m, depth - 1));
	case 10: return number(m, random_real());
	default:
		a = random_scalar(m, depth - 1);
		b = random_scalar(m, depth - 1);
		return scalar_binary(g, (TensorOp[]){ X_ADD, X_SUB, X_MUL }[rand() % 3], a, b);
	}
}

/* The sum of all elements of all that was defined. */
static Scalar *
total(Maker *m)
{
	TensorGraph *g = m->g;
	Scalar *sum = scalar_const(g, 0);

	for (int i = LEAVES; i < m->ntensor; i++) {
		TensorNode *t = m->tensor[i];
		Scalar *r[RANK_MAX];
		for (int k = 0; k < t->rank; k++)
			r[k] = scalar_fresh(g, t->dim[k]);
		Scalar *e = scalar_load(g, t, r);
		for (int k = 0; k < t->rank; k++)
			e = scalar_reduce(g, X_SUM, e, r[k]);
		sum = scalar_binary(g, X_ADD, sum, scalar_unary(g, X_TANH, e));
	}
	return sum;
}

static TensorNode *
random_program(TensorGraph *g, unsigned seed)
{
	Maker m = { .g = g };

	srand(seed);
	TensorNode *ids = tensor_input(g, "ids", 1, (int[]){ 4 });
	ids->integer = true;
	ids->values = (Interval){ 0, 3 };
	for (int i = 0; i < LEAVES; i++)
		m.tensor[m.ntensor++] = tensor_param(g, "w", rand() % 3,
		                                     (int[]){ 1 + rand() % 4, 1 + rand() % 4 });
	for (int n = 1 + rand() % 4; n > 0; n--) {
		int rank = rand() % 3;
		m.nrange = 0;
		for (int i = 0; i < rank; i++)
			m.range[m.nrange++] = scalar_fresh(g, 1 + rand() % 4);
		Scalar *axis[] = { m.range[0], m.range[1] };
		Scalar *body = random_scalar(&m, 1 + rand() % 3);
		m.tensor[m.ntensor++] = tensor_define(g, "t", body, rank, axis);
	}
	return tensor_define(g, "loss", total(&m), 0, NULL);
}

/* A graph that is given as text, which must be one. */
static inline TensorGraph *
read_tensors(Arena *arena, const char *text)
{
	Source *src = NEW(arena, Source);
	Diags ds = { .arena = arena, .src = src };

	*src = (Source){ "test.twt", text, (uint32_t)strlen(text) };
	TensorGraph *g = tensor_graph_read(src, arena, &ds);
	if (!g)
		fail_msg("%s", ds.first->msg);
	return g;
}

#endif
