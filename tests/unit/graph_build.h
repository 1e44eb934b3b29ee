#ifndef GRAPH_BUILD_H
#define GRAPH_BUILD_H

/* Graphs for the unit tests of ir/: built by hand or at random, and what they mean by a second,
 * slow evaluator. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ir/ir.h"

enum { SHORT = 8 }; /* the longest text that is made at random */

static Arena arena;

static inline Graph *
empty_graph(int nvocab, int context)
{
	static const char *spelling[] = { "0", "1", "2", "3",  "4",  "5",  "6", "7",
		                          "8", "9", "+", "\"", "\\", "\n", "a", "#" };
	Graph *g = graph_new(&arena);

	g->name = "test";
	g->vocab = spelling;
	g->nvocab = nvocab;
	g->context = context;
	return g;
}

static inline int
teardown(void **state)
{
	(void)state;
	arena_free(&arena);
	return 0;
}

static inline Node *
n_(Graph *g, Op op, int narg, Node **arg, int64_t k)
{
	return mk(g, op, (Span){ 0, 0 }, 0, narg, arg, k);
}

#define MK(g, op, ...) \
	n_(g, OP_##op, (int)(sizeof((Node *[]){ __VA_ARGS__ }) / sizeof(Node *)), \
	   (Node *[]){ __VA_ARGS__ }, 0)
#define LEAF(g, op) n_(g, OP_##op, 0, NULL, 0)
#define READ(g, x, p, d, k) n_(g, OP_READ, 3, (Node *[]){ x, p, d }, k)
#define C(g, k) mk_const(g, k)

/* Straight from the words of ops.h, slow; j is the position THERE looks at. */
static inline int64_t
brute(const Graph *g, const Node *n, const int *text, int len, int at, int j)
{
	int end = g->bidirectional ? len : at + 1;
	int64_t v[16];

	switch (n->op) {
	case OP_CONST: return n->k;
	case OP_TOKEN: return text[at];
	case OP_INDEX:
	case OP_HERE: return at;
	case OP_THERE: return brute(g, n->arg[0], text, len, j, -1);
	case OP_AT:
		v[0] = brute(g, n->arg[0], text, len, at, -1);
		return v[0] >= 0 && v[0] < end ? v[0] : -1;
	case OP_LATEST:
		for (int i = end - 1; i >= 0; i--)
			if (brute(g, n->arg[0], text, len, at, i) == 1)
				return i;
		return -1;
	case OP_FIRST:
		for (int i = 0; i < end; i++)
			if (brute(g, n->arg[0], text, len, at, i) == 1)
				return i;
		return -1;
	case OP_BEST:
	case OP_SUM: {
		int64_t best = -1, top = 0, sum = 0;
		for (int i = 0; i < end; i++) {
			if (brute(g, n->arg[1], text, len, at, i) != 1)
				continue;
			int64_t x = brute(g, n->arg[0], text, len, at, i);
			sum = op_apply(&(Node){ .op = OP_ADD }, (int64_t[]){ sum, x });
			if (best < 0 || x >= top) {
				best = i;
				top = x;
			}
		}
		return n->op == OP_SUM ? sum : best;
	}
	case OP_READ: {
		int64_t p = brute(g, n->arg[1], text, len, at, -1);
		int64_t q = p < 0 ? -1 : p + n->k;
		if (q < 0 || q >= end)
			return brute(g, n->arg[2], text, len, at, -1);
		return brute(g, n->arg[0], text, len, (int)q, -1);
	}
	default:
		assert_true(n->narg <= 16);
		for (int i = 0; i < n->narg; i++)
			v[i] = brute(g, n->arg[i], text, len, at, j);
		return op_apply(n, v);
	}
}

static inline bool
in_type(const Type *t, int64_t v)
{
	if (v < t->lo || v > t->hi)
		return false;
	if (!t->nset)
		return true;
	for (int i = 0; i < t->nset; i++)
		if (t->set[i] == v)
			return true;
	return false;
}

static Node *random_bool(Graph *, int depth, bool side);

static Node *random_node(Graph *g, int depth, bool side);

static inline Node *
random_ref(Graph *g, int depth)
{
	switch (rand() % 5) {
	case 0: return LEAF(g, HERE);
	case 3:
		return MK(g, BEST, random_node(g, depth - 1, true),
		          random_bool(g, depth - 1, true));
	case 1: return MK(g, AT, random_node(g, depth - 1, false));
	case 2: return MK(g, LATEST, random_bool(g, depth - 1, true));
	default: return MK(g, FIRST, random_bool(g, depth - 1, true));
	}
}

static inline Node *
random_bool(Graph *g, int depth, bool side)
{
	Node *a, *b;

	if (depth <= 0 || rand() % 3 == 0)
		return rand() % 2 ? MK(g, LT, random_node(g, depth - 1, side),
		                       random_node(g, depth - 1, side))
		                  : MK(g, EQ, random_node(g, depth - 1, side),
		                       random_node(g, depth - 1, side));
	a = random_bool(g, depth - 1, side);
	b = random_bool(g, depth - 1, side);
	switch (rand() % 3) {
	case 0: return MK(g, NOT, a);
	case 1: return MK(g, AND, a, b);
	default: return MK(g, OR, a, b);
	}
}

static inline Node *
random_node(Graph *g, int depth, bool side)
{
	Node *a, *b, *c;
	int64_t table[5];

	if (side && rand() % 3 == 0)
		return MK(g, THERE, random_node(g, depth - 1, false));
	if (depth <= 0)
		return rand() % 3 == 0 ? C(g, rand() % 9 - 3)
		       : rand() % 2    ? LEAF(g, TOKEN)
		                       : LEAF(g, INDEX);
	a = random_node(g, depth - 1, side);
	b = random_node(g, depth - 1, side);
	c = random_node(g, depth - 2, side);
	switch (rand() % 15) {
	case 14:
		return MK(g, SUM, random_node(g, depth - 1, true), random_bool(g, depth - 1, true));
	case 0:
	case 1: return MK(g, ADD, a, b);
	case 2: return MK(g, SUB, a, b);
	case 3: return MK(g, MUL, a, b);
	case 4: return MK(g, DIV, a, C(g, rand() % 2 ? 1 + rand() % 4 : -1 - rand() % 4));
	case 5:
		return MK(g, MOD, a,
		          rand() % 2 ? C(g, 1 + rand() % 5) : MK(g, SUB, C(g, -1), MK(g, ABS, b)));
	case 6: return MK(g, MIN, a, b, c);
	case 7: return MK(g, MAX, a, b, c);
	case 8: return MK(g, IF, random_bool(g, depth - 1, side), a, b);
	case 9:
		for (int i = 0; i < 5; i++)
			table[i] = rand() % 9 - 4;
		return mk_table(g, (Span){ 0, 0 }, 0, a, rand() % 5 - 2, table, 1 + rand() % 5);
	case 10: return MK(g, PICK, a, b, c, random_node(g, depth - 2, side));
	case 11: return MK(g, ABS, a);
	default:
		if (side)
			return MK(g, ADD, a, b);
		return READ(g, a, random_ref(g, depth - 1), b, rand() % 5 - 3);
	}
}

static inline void
check_random(Graph *g, Node *root, int rounds)
{
	Eval *e = eval_new(g);

	for (int r = 0; r < rounds; r++) {
		int text[SHORT], len = 1 + rand() % g->context;
		for (int i = 0; i < len; i++)
			text[i] = rand() % g->nvocab;
		eval_text(e, text, g->bidirectional ? len : 1);
		for (int i = 1; i < len && !g->bidirectional; i++) {
			eval_at(e, root, i - 1);
			assert_int_equal(eval_push(e, &text[i]), 0);
		}
		for (int i = 0; i < len; i++)
			assert_true(eval_at(e, root, i) == brute(g, root, text, len, i, -1));
		for (int id = 0; id < g->nnode; id++) {
			const Node *n = g->node[id];
			if (!n->two_sided)
				for (int i = 0; i < len; i++)
					assert_true(in_type(&n->type, eval_at(e, n, i)));
			const Node *root1 = n->type.root;
			if (n->two_sided || !root1)
				continue;
			for (int i = 0; i < len; i++) {
				int64_t v = eval_at(e, root1, i);
				int at = 0;
				while (root1->type.set[at] != v)
					at++;
				assert_true(n->type.image[at] == eval_at(e, n, i));
			}
		}
	}
	eval_free(e);
}

/* The passes keep every value. */
static inline void
check_values(Graph *g, const Node *before)
{
	run_passes(g, NULL, NULL, NULL);
	assert_true(graph_verify(g));
	check_random(g, *g->emit, 2);
	Eval *e = eval_new(g);
	for (int r = 0; r < 8; r++) {
		int text[SHORT];
		for (int i = 0; i < g->context; i++)
			text[i] = rand() % g->nvocab;
		eval_text(e, text, g->context);
		for (int i = 0; i < g->context; i++)
			assert_true(eval_at(e, before, i) == eval_at(e, *g->emit, i));
	}
	eval_free(e);
}

/* And they have nothing left to do after they ran. */
static inline void
check_passes(Graph *g, const Node *before)
{
	check_values(g, before);
	const Node *after = *g->emit;
	run_passes(g, NULL, NULL, NULL);
	assert_ptr_equal(*g->emit, after);
}

/* ---- text ---- */

static inline char *
printed(const Graph *g)
{
	char *s = NULL;
	size_t n;
	FILE *f = open_memstream(&s, &n);

	graph_print(g, f);
	fclose(f);
	return s;
}

static inline Graph *
parsed(const char *s, Diags *ds)
{
	Source *src = NEW(&arena, Source);

	*src = (Source){ "g.txt", arena_strn(&arena, s, strlen(s)), (uint32_t)strlen(s) };
	*ds = (Diags){ .arena = &arena, .src = src };
	return graph_read(src, &arena, ds);
}

static inline void
check_round_trip(const Graph *g)
{
	Diags ds;
	char *a = printed(g);
	Graph *h = parsed(a, &ds);

	if (!h)
		diag_print(&ds, stderr);
	assert_non_null(h);
	assert_true(graph_verify(h));
	char *b = printed(h);
	assert_string_equal(a, b);
	free(a);
	free(b);
}

#endif
