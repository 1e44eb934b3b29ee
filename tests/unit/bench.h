#ifndef TESTS_UNIT_BENCH_H
#define TESTS_UNIT_BENCH_H

/* Circuits made by hand, for tests: a graph that says nothing yet, and its circuit, of which
 * the test makes outputs. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "backend/attend/attend.h"
#include "backend/layout/layout.h"
#include "backend/map/map.h"
#include "backend/target/target.h"
#include "ir/ir.h"

enum { VOCAB = 4, CONTEXT = 6 };

typedef struct Bench {
	Arena arena;
	Diags diags;
	Graph *g;
	Circuit *c;
	Limits limits;
	Report report;
	TwModel *model;
	Named output[2], named;
	Node *emit;
	Input input[2];
} Bench;

/* Two inputs, or NULL: tokens. It emits, or has two outputs. */
static inline void
bench_open(Bench *b, const Input *input, bool emits)
{
	static const char *const spell[VOCAB] = { "a", "b", "c", "d" };
	static const Source src = { .path = "bench", .text = "", .len = 0 };
	static const Source *files[1] = { &src };

	static const Effort effort = {
		.terms = 1 << 30, .copies = 1 << 20, .blocks = 64, .leaves = LEAVES_MAX
	};

	*b = (Bench){ 0 };
	Graph *g = b->g = graph_new(&b->arena);
	b->diags = (Diags){ .arena = &b->arena, .src = &src };
	g->name = "bench";
	g->nvocab = input ? 0 : VOCAB;
	g->vocab = (const char **)(uintptr_t)spell;
	g->context = CONTEXT;
	g->files = files;
	g->nfile = 1;
	g->ninput = input ? 2 : 0;
	for (int i = 0; i < g->ninput; i++)
		b->input[i] = input[i];
	g->input = b->input;
	b->output[0] = b->output[1] = (Named){ .name = "o", .kind = K_INT, .node = mk_const(g, 0) };
	g->output = b->output;
	g->noutput = emits ? 0 : 2;
	b->emit = mk_const(g, 0);
	if (emits)
		g->emit = &b->emit;
	b->c = map_once(g, &plain_target, &b->arena, &b->diags, &effort);
}

static inline void
bench_close(Bench *b)
{
	arena_free(&b->arena);
}

/* What follows is all that comes of the circuit. */
static inline void
compile_bench(Bench *b)
{
	Columns *cols = fit(b->c, &b->limits);

	assert_int_equal(b->diags.nerror, 0);
	b->model = plain_target.write(cols, &b->report);
}

/* v at the second token, 0 at the others and at <bos>. */
static inline const Form *
token(Bench *b, int64_t v)
{
	int64_t *t = NEWS(&b->arena, int64_t, VOCAB + 2);

	t[1] = v;
	return token_feature(b->c, 0, t);
}

/* v at the third place of the text. */
static inline const Form *
place(Bench *b, int64_t v)
{
	int64_t *t = NEWS(&b->arena, int64_t, CONTEXT + 1);

	t[3] = v;
	return place_feature(b->c, t);
}

static inline const Form *
sum(Bench *b, const Form *f, const Form *g, int64_t k)
{
	return form_add(b->c, 1, f, 1, g, k);
}

static inline Lookup *
lookup(Bench *b)
{
	Lookup *l = NEW(&b->arena, Lookup);

	*l = (Lookup){ .intent = "best", .gap = 128 };
	l->ref = mk(b->g, OP_LATEST, (Span){ 0, 0 }, 0, 1, (Node *[]){ mk_const(b->g, 1) }, 0);
	return l;
}

#endif
