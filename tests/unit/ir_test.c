/* The graph: types, sharing, folding, text, evaluator and the passes,
 * the last two against brute force on random expressions. */

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

static Graph *
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

static int
teardown(void **state)
{
	(void)state;
	arena_free(&arena);
	return 0;
}

static Node *
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

/* ---- types ---- */

static void
test_digit_of_token(void **state)
{
	(void)state;
	Graph *g = empty_graph(16, 8);
	Node *t = LEAF(g, TOKEN);
	Node *tens = MK(g, DIV, t, C(g, 10));
	Node *digit = MK(g, SUB, t, MK(g, MUL, tens, C(g, 10)));

	assert_int_equal(digit->type.lo, 0);
	assert_int_equal(digit->type.hi, 9);
	assert_int_equal(digit->type.nset, 10);
	assert_ptr_equal(digit->type.root, t);
	assert_int_equal(digit->type.image[13], 3);
	/* a % 10 is the same function of the same root, so has the same image */
	assert_ptr_equal(MK(g, MOD, t, C(g, 10))->type.image, digit->type.image);
	assert_true(graph_verify(g));
}

static void
test_own_root(void **state)
{
	(void)state;
	Graph *g = empty_graph(16, 8);
	Node *x = READ(g, LEAF(g, TOKEN), LEAF(g, HERE), C(g, 0), -1);
	Node *y = READ(g, LEAF(g, TOKEN), LEAF(g, HERE), C(g, 0), -2);
	Node *s = MK(g, ADD, x, y);

	assert_ptr_equal(x->type.root, x);
	assert_ptr_equal(s->type.root, s);
	assert_int_equal(s->type.hi, 30);
	Node *d = MK(g, SUB, s, MK(g, MUL, MK(g, DIV, s, C(g, 10)), C(g, 10)));
	assert_ptr_equal(d->type.root, s);
	assert_int_equal(d->type.hi, 9);
	/* operands of one root are tried together, beside those of another */
	Node *low = MK(g, LT, x, C(g, 3));
	Node *pick = MK(g, IF, low, x, MK(g, SUB, y, y));
	assert_int_equal(pick->type.hi, 2);
	Node *three = MK(g, MAX, MK(g, MUL, low, x), MK(g, MUL, MK(g, NOT, low), C(g, 2)),
	                 MK(g, MIN, y, C(g, 1)));
	assert_int_equal(three->type.hi, 2);
	assert_true(graph_verify(g));
}

static void
test_large_roots(void **state)
{
	(void)state;
	Graph *g = empty_graph(16, 60000);
	Node *i = LEAF(g, INDEX);
	Node *j = MK(g, MUL, i, C(g, 3));
	Node *d = MK(g, MOD, j, C(g, 10));

	assert_int_equal(i->type.nset, 60000);
	assert_int_equal(j->type.nset, 0);
	assert_ptr_equal(j->type.root, i);
	assert_int_equal(j->type.hi, 179997);
	assert_int_equal(d->type.nset, 10);
	assert_int_equal(MK(g, SUB, j, MK(g, ADD, i, MK(g, ADD, i, i)))->op, OP_CONST);
	assert_true(graph_verify(g));
}

static void
test_intervals(void **state)
{
	(void)state;
	Graph *g = empty_graph(16, 65536);
	Node *i = LEAF(g, INDEX);
	Node *one = MK(g, LATEST, MK(g, EQ, MK(g, THERE, LEAF(g, TOKEN)), C(g, 1)));
	Node *x = READ(g, i, one, C(g, -70000), -1);
	Node *y = READ(g, i, one, C(g, -5), -2);
	Node *p = MK(g, MUL, x, y);

	assert_int_equal(p->type.lo, -70000LL * 65535);
	assert_int_equal(p->type.hi, 65535LL * 65535);
	assert_int_equal(MK(g, MOD, p, C(g, 7))->type.nset, 7);
	for (int k = 0; k < 8; k++)
		p = MK(g, MUL, p, p);
	assert_true(p->type.hi > 0);
	assert_true(MK(g, DIV, p, y)->type.hi > 0);
	assert_int_equal(MK(g, LT, x, C(g, 65536))->k, 1);
	assert_int_equal(MK(g, EQ, y, C(g, -6))->k, 0);
	assert_true(graph_verify(g));
}

/* A table of a number of too many values to list: its entries in reach, as a set or a range. */
static void
test_table_of_interval(void **state)
{
	(void)state;
	Input input[] = { { "x", K_INT, 10, 9000 }, { "y", K_INT, -5, 5000 } };
	int64_t few[] = { 1, 4, 9, 16 }, *many = NEWS(&arena, int64_t, 6000);
	Graph *g = empty_graph(0, 4);

	g->input = input;
	g->ninput = 2;
	Node *x = n_(g, OP_INPUT, 0, NULL, 0), *y = n_(g, OP_INPUT, 0, NULL, 1);
	assert_int_equal(x->type.nset, 0);
	Node *t = mk_table(g, (Span){ 0, 0 }, 0, x, 8, few, 4);
	assert_int_equal(t->type.nset, 2);
	assert_int_equal(t->type.lo, 9);
	for (int i = 0; i < 6000; i++)
		many[i] = i * i;
	Node *u = mk_table(g, (Span){ 0, 0 }, 0, y, -5, many, 6000);
	assert_int_equal(u->type.nset, 0);
	assert_int_equal(u->type.lo, 0);
	assert_int_equal(u->type.hi, 5005 * 5005);
	assert_true(graph_verify(g));
}

static void
test_narrowing(void **state)
{
	(void)state;
	Graph *g = empty_graph(16, 8);
	Node *t = LEAF(g, TOKEN);
	Node *there = MK(g, THERE, t);
	Node *digit = MK(g, LT, there, C(g, 3));
	Node *before = MK(g, LT, MK(g, THERE, LEAF(g, INDEX)), LEAF(g, INDEX));
	Node *p = MK(g, LATEST, MK(g, AND, digit, before));

	assert_int_equal(READ(g, t, p, C(g, 1), 0)->type.hi, 2);
	assert_int_equal(READ(g, t, p, C(g, 1), -1)->type.hi, 15);
	assert_int_equal(READ(g, t, p, C(g, 7), 0)->type.nset, 4);
	/* a condition on a function of the token narrows the token */
	Node *q = MK(g, FIRST, MK(g, EQ, MK(g, THERE, MK(g, MOD, t, C(g, 8))), C(g, 7)));
	Node *r = READ(g, t, q, C(g, 7), 0);
	assert_int_equal(r->type.nset, 2);
	assert_int_equal(r->type.hi, 15);
	/* the latest equal token is at least the one here: no default */
	Node *same = MK(g, LATEST, MK(g, EQ, there, t));
	assert_int_equal(READ(g, t, same, C(g, 99), 0)->type.hi, 15);
	assert_int_equal(READ(g, t, same, C(g, 99), -1)->type.hi, 99);
	assert_int_equal(READ(g, t, MK(g, AT, C(g, 0)), C(g, 99), 0)->type.hi, 15);
	assert_true(graph_verify(g));
}

/* ---- sharing and folding ---- */

static void
test_sharing(void **state)
{
	(void)state;
	Graph *g = empty_graph(16, 8);
	Node *t = LEAF(g, TOKEN), *i = LEAF(g, INDEX);

	assert_ptr_equal(t, LEAF(g, TOKEN));
	assert_ptr_equal(MK(g, ADD, t, i), MK(g, ADD, i, t));
	assert_ptr_not_equal(MK(g, SUB, t, i), MK(g, SUB, i, t));
	Node *a = MK(g, EQ, t, C(g, 3)), *b = MK(g, EQ, i, C(g, 3)), *c = MK(g, LT, i, t);
	assert_ptr_equal(MK(g, AND, a, b, c), MK(g, AND, MK(g, AND, c, a), b, a));
	/* order and hashes are of the content, not of the order of making */
	Graph *h = empty_graph(16, 8);
	Node *hi = LEAF(h, INDEX), *ht = LEAF(h, TOKEN);
	Node *s = MK(h, ADD, hi, ht), *s0 = MK(g, ADD, t, i);
	assert_true(s->hash == s0->hash);
	assert_int_equal(s->arg[0]->op, s0->arg[0]->op);
	assert_true(graph_verify(g));
}

static void
test_folding(void **state)
{
	(void)state;
	Graph *g = empty_graph(16, 8);
	Node *t = LEAF(g, TOKEN), *i = LEAF(g, INDEX), *here = LEAF(g, HERE);
	Node *c = MK(g, EQ, t, C(g, 3)), *b = MK(g, LT, i, t);
	Node *zero = C(g, 0), *one = C(g, 1);

	assert_int_equal(MK(g, DIV, C(g, -7), C(g, 2))->k, -4);
	assert_int_equal(MK(g, MOD, C(g, -7), C(g, 3))->k, 2);
	assert_int_equal(MK(g, MOD, C(g, 7), C(g, -3))->k, -2);
	assert_ptr_equal(MK(g, ADD, zero, t), t);
	assert_ptr_equal(MK(g, SUB, t, zero), t);
	assert_ptr_equal(MK(g, SUB, t, t), zero);
	assert_ptr_equal(MK(g, MUL, t, zero), zero);
	assert_ptr_equal(MK(g, MUL, one, t), t);
	assert_ptr_equal(MK(g, DIV, t, one), t);
	assert_ptr_equal(MK(g, MOD, t, one), zero);
	assert_ptr_equal(MK(g, IF, one, t, i), t);
	assert_ptr_equal(MK(g, IF, b, t, t), t);
	assert_ptr_equal(MK(g, IF, b, one, zero), b);
	assert_ptr_equal(MK(g, IF, b, zero, one), MK(g, NOT, b));
	assert_ptr_equal(MK(g, NOT, MK(g, NOT, b)), b);
	assert_ptr_equal(MK(g, AND, b, one), b);
	assert_ptr_equal(MK(g, AND, b, c, zero), zero);
	assert_ptr_equal(MK(g, AND, b, MK(g, NOT, b)), zero);
	assert_ptr_equal(MK(g, OR, b, zero), b);
	assert_ptr_equal(MK(g, MIN, t), t);
	assert_ptr_equal(MK(g, MIN, t, C(g, 15)), t);
	assert_int_equal(MK(g, MAX, MK(g, MAX, t, i), C(g, 3), C(g, 2))->narg, 3);
	assert_ptr_equal(MK(g, EQ, t, t), one);
	assert_ptr_equal(MK(g, EQ, b, one), b);
	assert_ptr_equal(MK(g, LT, t, t), zero);
	assert_ptr_equal(MK(g, PICK, C(g, 1), t, zero, i), i);
	assert_ptr_equal(MK(g, PICK, C(g, 2), t, zero, i), t);
	assert_ptr_equal(READ(g, t, here, zero, 0), t);
	assert_ptr_equal(READ(g, zero, here, zero, -1), zero);
	assert_ptr_equal(READ(g, t, here, i, 1), i);
	assert_ptr_equal(READ(g, READ(g, t, here, zero, -1), here, zero, -2),
	                 READ(g, t, here, zero, -3));
	assert_ptr_equal(READ(g, t, MK(g, LATEST, zero), i, 0), i);
	assert_ptr_equal(MK(g, SUB, MK(g, ADD, t, one), one), t);
	int64_t up[] = { 1, 2, 3, 4, 5 }, id[] = { 0, 1, 2, 3, 4, 5, 6, 7 };
	Node *x = mk_table(g, (Span){ 0, 0 }, 0, i, 0, up, 5);
	assert_int_equal(x->type.hi, 5);
	assert_ptr_equal(mk_table(g, (Span){ 0, 0 }, 0, i, 0, id, 8), i);
	Node *xx = mk_table(g, (Span){ 0, 0 }, 0, x, 0, up, 5);
	assert_ptr_equal(xx->arg[0], i);
	assert_int_equal(xx->table[2], 4);
	assert_true(graph_verify(g));
}

/* ---- text ---- */

static char *
printed(const Graph *g)
{
	char *s = NULL;
	size_t n;
	FILE *f = open_memstream(&s, &n);

	graph_print(g, f);
	fclose(f);
	return s;
}

static Graph *
parsed(const char *s, Diags *ds)
{
	Source *src = NEW(&arena, Source);

	*src = (Source){ "g.txt", arena_strn(&arena, s, strlen(s)), (uint32_t)strlen(s) };
	*ds = (Diags){ .arena = &arena, .src = src };
	return graph_read(src, &arena, ds);
}

static void
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

static void
test_graph_text(void **state)
{
	(void)state;
	Graph *g = empty_graph(16, 8);
	Node *t = LEAF(g, TOKEN), *i = LEAF(g, INDEX);
	Node *p = MK(g, LATEST, MK(g, EQ, MK(g, THERE, t), C(g, 10)));
	int64_t sq[] = { 0, 1, 4, 9, 16 };

	graph_emit(g,
	           READ(g, mk_table(g, (Span){ 0, 0 }, 0, t, 1, sq, 5), p, MK(g, MIN, i, t), -1));
	Named named[] = { { .name = "sum[2]", .kind = K_INT, .node = t },
		          { .name = "plus", .kind = K_POS, .node = p, .offset = -1 } };
	g->output = g->named = named;
	g->noutput = 1;
	g->nnamed = 2;
	assert_true(graph_verify(g));
	check_round_trip(g);
}

static void
test_text_of_reals(void **state)
{
	(void)state;
	static const char text[] =
		"model \"r\"\nvocab \"a\" \"b\"\ncontext 4\nattention causal\n"
		"n0 = TOKEN  # 0..1\nn1 = THERE(n0)  # 0..1\nn2 = CONST k=1  # 1\n"
		"n3 = MEAN(n1, n2) [1/3]  # real 0..1 by 1/4\n"
		"n4 = LINEAR(n3) [-3/2 1]  # real -0.5..1 by 1/8\n"
		"n5 = ABOVE(n4)  # 0..1\nn6 = FLOOR(n4)  # -1..1\n"
		"n7 = RELU(n4)  # real 0..1 by 1/8\nn8 = CURVE(n7) k=2  # real 0..1\n"
		"n9 = TIMES(n7, n8)  # real 0..1\nn10 = APPROX(n9) [1/100]  # real 0..1\n"
		"n11 = APPROX(n8) k=1 [1/100]  # real 0..1\n"
		"n12 = VALUES(n0) [0.10000000000000001~ -2]  # real -2..0.1\n"
		"output half int n5\noutput mean real n3\noutput floor int n6\n"
		"output near real n10\noutput near real n11\nnamed value real n12\n";
	Diags ds;
	Graph *g = parsed(text, &ds);

	assert_non_null(g);
	assert_true(graph_verify(g));
	char *again = printed(g);
	assert_string_equal(again, text);
	free(again);
}

static void
test_text_escapes(void **state)
{
	(void)state;
	static const char *spelling[] = { "\t", "\x01", "\x7f", "\n\"\\", "é" };
	Graph *g = empty_graph(5, 4);

	g->vocab = spelling;
	graph_emit(g, LEAF(g, TOKEN));
	char *text = printed(g);
	Diags ds;
	Graph *h = parsed(text, &ds);
	assert_non_null(h);
	for (int i = 0; i < 5; i++)
		assert_string_equal(h->vocab[i], spelling[i]);
	assert_non_null(strstr(text, "vocab \"\\t\" \"\\x01\" \"\\x7f\""));
	free(text);
}

/* Only what is needed is printed, whatever else stands above it. */
static void
test_text_of_live_nodes(void **state)
{
	(void)state;
	Diags ds;
	Graph *g = parsed("context 4\nn7 = INDEX\nn9 = THERE(n7)\nn11 = AT(n9)\nn12 = CONST k=2\n"
	                  "n20 = MUL(n7, n12)\noutput a int n20\n",
	                  &ds);

	assert_non_null(g);
	assert_true(graph_verify(g));
	char *text = printed(g);
	assert_string_equal(text, "model \"\"\ncontext 4\nattention causal\n"
	                          "n0 = INDEX  # 0..3\nn1 = CONST k=2  # 2\n"
	                          "n2 = MUL(n0, n1)  # {0 2 4 6}\noutput a int n2\n");
	free(text);
}

static void
test_fractions(void **state)
{
	(void)state;
	Real third = real_of(1, 3), half = real_of(2, 4), about = { 0.1, 0 };

	assert_int_equal(half.den, 2);
	assert_true(real_add(third, half).x == 5.0 / 6 && real_add(third, half).den == 6);
	assert_true(real_mul(third, real_of(-3, 1)).x == -1
	            && real_mul(third, real_of(-3, 1)).den == 1);
	assert_int_equal(real_add(third, about).den, 0);
	assert_int_equal(real_mul(about, real_of(0, 1)).den, 1);
	assert_int_equal(real_of(1, (int64_t)1 << 50).den, 0);
}

static void
test_malformed(void **state)
{
	(void)state;
	static const char *bad[] = {
		"",
		"n0 = TOKEN\n",
		"context 0\n",
		"context 4\nn0 = FOO\n",
		"context 4\nn0 = ADD(n1, n2)\n",
		"context 4\nn0 = TOKEN\nn1 = ADD(n0)\n",
		"context 4\nn0 = TOKEN\nn0 = INDEX\n",
		"context 4\nn0 = TOKEN x\n",
		"context 4\nn0 = CONST k=99999999999999999999999\n",
		"context 4\nn0 = INDEX\nn1 = READ(n0, n0, n0)\n",
		"context 4\nn0 = INDEX\nn1 = TABLE(n0)\n",
		"context 4\nn0 = INDEX\nn1 = LATEST(n0)\n",
		"context 4\nn0 = INDEX\nn1 = THERE(n0)\nemit n1\n",
		"context 4\nn0 = INDEX\nn1 = THERE(n0)\nn2 = THERE(n1)\n",
		"vocab \"a\ncontext 4\n",
		"vocab \"a\\q\"\ncontext 4\n",
		"context 4\nn0 = HERE\nemit n0\n",
		"context 4\nnonsense\n",
		"context 4\nn0 = INDEX\nn1 = TABLE(n0) k=0 [1 2",
		"context 4\nn0 = INDEX\noutput a pos n0\n",
		"context 4\nn0 = REAL\n",
		"context 4\nn0 = REAL [1/0]\n",
		"context 4\nn0 = REAL [0.5/3]\n",
		"context 4\nn0 = INDEX\nn1 = LINEAR(n0) [1]\n",
		"context 4\nn0 = INDEX\nn1 = VALUES(n0) [1 2]\n",
		"context 4\nn0 = REAL [1/2]\nn1 = ADD(n0, n0)\n",
		"context 4\nn0 = REAL [1/2]\nn1 = FLOOR(n0, n0)\n",
		"context 4\nn0 = INDEX\nn1 = VALUES(n0) [1 2 3 4]\noutput a int n1\n",
		"context 4\nn0 = INDEX\nn1 = CURVE(n0) k=1\n",
		"context 4\nn0 = INDEX\nn1 = CURVE(n0) k=9\n",
		"context 4\nn0 = INDEX\nn1 = APPROX(n0) [0]\n",
		"context 4\nn0 = INDEX\ncontext 5\n",
		"context 4\nn0 = PICK(",
		"context 4\nn0 = INDEX\nn1 = PICK(n0)",
		"vocab \"a\" \"b\"\nfield \"f\" 3\ncontext 4\n",
		"vocab \"a\" \"b\"\nfield \"f\" 1\ncontext 4\n",
		"vocab \"a\" \"b\"\nfield f 1\ncontext 4\n",
		"input \"x\" real 2 1\ncontext 4\n",
		"input \"x\" int 0.5 1\ncontext 4\n",
		"input \"x\" pos 0 1\ncontext 4\n",
		"input \"x\" real 0 one\ncontext 4\n",
		"input \"x\" real 0 1\nvocab \"a\"\ncontext 4\n",
		"vocab \"a\"\ninput \"x\" real 0 1\ncontext 4\n",
		"vocab \"\\x0g\"\ncontext 4\n",
		"context 4\nattention sideways\n",
		"context 4\nn0 = INDEX\noutput a number n0\n",
		"context 4\nn0 = INDEX\noutput\n",
		"context 4\nn0 = INDEX\noutput a bool n0 \"no\" \"yes\"\n",
		"context 4\nn0 = INDEX\nn1 = THERE(n0)\nn2 = HERE\nn3 = READ(n1, n2, n0)\n",
		"context 4\nn0 = INDEX\nn1 = NOT(n0)\n",
		"context 4\nn0 = INDEX\nn1 = ATTEND(n0, n0)\n",
		"context 4\nn0 = INDEX k=1\n",
		"context 4\nn0 = INDEX [1]\n",
		"context 4\nn0 = INPUT k=0\n",
		"context 4\nn0 = INDEX\nn1 = REAL [1/2]\nn2 = CONST k=1\nn3 = IF(n2, n0, n1)\n",
	};

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		Diags ds;
		assert_null(parsed(bad[i], &ds));
		assert_int_equal(ds.nerror, 1);
	}
}

/* A graph with one thing wrong is found out, whatever the thing. */
static void
test_verifier(void **state)
{
	(void)state;
	Graph *g = empty_graph(4, 8);
	Node *t = LEAF(g, TOKEN), *i = LEAF(g, INDEX), *sum = MK(g, ADD, t, i);
	int64_t holes[] = { 0, 2, 1 };

	graph_emit(g, t);
	assert_true(graph_verify(g));
#define WRONG(what, to) \
	do { \
		__typeof__(what) was = what; \
		what = to; \
		assert_false(graph_verify(g)); \
		what = was; \
		assert_true(graph_verify(g)); \
	} while (0)
	WRONG(sum->id, 7);
	WRONG(sum->hash, 1);
	WRONG(sum->op, OP_NOT);
	WRONG(sum->op, NUM_OPS);
	WRONG(sum->narg, 1);
	WRONG(sum->arg[0], sum);
	WRONG(sum->two_sided, true);
	WRONG(sum->file, 3);
	WRONG(sum->k, 1);
	WRONG(t->k, 1);
	WRONG(t->type.lo, 5);
	WRONG(t->type.hi, 2);
	WRONG(t->type.nset, 3);
	WRONG(t->type.set, NULL);
	WRONG(t->type.root, NULL);
	WRONG(t->type.root, i);
	WRONG(t->type.image, holes);
	WRONG(g->context, 0);
	WRONG(g->nfield, 2);
	WRONG(*g->emit, LEAF(g, HERE));
	WRONG(g->node[1], t);
#undef WRONG
}

/* Cut and corrupted texts are refused or read, never a crash. */
static void
test_corrupted(void **state)
{
	(void)state;
	Graph *g = empty_graph(16, 8);
	Node *t = LEAF(g, TOKEN);
	int64_t sq[] = { 0, 1, 4, 9, 16 };

	graph_emit(g, READ(g, mk_table(g, (Span){ 0, 0 }, 0, t, 1, sq, 5),
	                   MK(g, LATEST, MK(g, EQ, MK(g, THERE, t), C(g, 10))), t, -1));
	char *s = printed(g);
	size_t n = strlen(s);
	srand(7);
	for (int i = 0; i < 3000; i++) {
		Diags ds;
		char *copy = strdup(s);
		if (i < (int)n)
			copy[i] = '\0';
		else
			copy[rand() % (int)n] = (char)(rand() % 128);
		Graph *h = parsed(copy, &ds);
		assert_int_equal(h == NULL, ds.nerror > 0);
		assert_true(!h || graph_verify(h));
		free(copy);
		if (i % 200 == 0) {
			g = NULL;
			arena_free(&arena);
		}
	}
	free(s);
}

/* ---- evaluator ---- */

/* Straight from the words of ops.h, slow; j is the position THERE looks at. */
static int64_t
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

static bool
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

static Node *
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

static Node *
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

static Node *
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

static void
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
static void
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
static void
check_passes(Graph *g, const Node *before)
{
	check_values(g, before);
	const Node *after = *g->emit;
	run_passes(g, NULL, NULL, NULL);
	assert_ptr_equal(*g->emit, after);
}

static Node *
random_read(Graph *g)
{
	Node *x = READ(g, LEAF(g, TOKEN), LEAF(g, HERE), C(g, 0), -rand() % 5);

	return MK(g, MUL, MK(g, SUB, x, C(g, rand() % 5)), C(g, 1 + rand() % 7));
}

static void
test_random(void **state)
{
	(void)state;
	srand(1);
	for (int i = 0; i < 3000; i++) {
		Graph *g = empty_graph(3 + rand() % 4, 1 + rand() % 6);
		g->bidirectional = rand() % 3 == 0;
		Node *n = random_node(g, 1 + rand() % 4, false);
		graph_emit(g, n);
		assert_true(graph_verify(g));
		check_random(g, n, 4);
		if (i % 4 == 0)
			check_round_trip(g);
		check_passes(g, n);
		arena_free(&arena);
	}
}

/* Is every quotient and comparison on the way to n one of numbers that are exact? */
static bool
is_exact_node(const Node *n)
{
	bool asks = n->op == OP_DIV || n->op == OP_MOD || n->op == OP_LT || n->op == OP_EQ;

	for (int i = n->op == OP_AS; i < n->narg; i++) {
		const Type *t = &n->arg[i]->type;
		if ((asks && (t->lo <= -EXACT_MAX || t->hi >= EXACT_MAX))
		    || !is_exact_node(n->arg[i]))
			return false;
	}
	return true;
}

/* Sums with one or more divisions in them, divided again and again. */
static void
test_random_flatten_carries(void **state)
{
	(void)state;
	srand(4);
	for (int i = 0; i < 2000; i++) {
		Graph *g = empty_graph(3 + rand() % 8, 6);
		Node *x = random_read(g);
		for (int k = 0; k < 6; k++) {
			Node *d = MK(g, DIV, x, C(g, 1 + rand() % 12));
			Node *y = random_read(g);
			x = rand() % 4   ? MK(g, ADD, d, y)
			    : rand() % 2 ? MK(g, SUB, y, d)
			                 : MK(g, SUB, d, y);
			if (rand() % 4 == 0)
				x = MK(g, ADD, x, MK(g, MOD, random_read(g), C(g, 1 + rand() % 9)));
			if (rand() % 4 == 0)
				x = MK(g, ADD, x, MK(g, DIV, random_read(g), C(g, 1 + rand() % 9)));
		}
		graph_emit(g, rand() % 2 ? MK(g, MOD, x, C(g, 1 + rand() % 10))
		                         : MK(g, DIV, x, C(g, 1 + rand() % 10)));
		check_passes(g, *g->emit);
		assert_true(is_exact_node(*g->emit));
		arena_free(&arena);
	}
}

static Node *
some_digit(Graph *g, int i)
{
	return READ(g, LEAF(g, TOKEN), LEAF(g, HERE), C(g, i % 10), -1 - i / 10 % 5);
}

/* Numbers of many columns: what is carried out of them, what is left, how they
 * compare with others and with values that they just reach. */
static void
test_random_carry_lookahead(void **state)
{
	(void)state;
	srand(5);
	for (int i = 0; i < 400; i++) {
		Graph *g = empty_graph(10, 6);
		bool shared = rand() % 4 == 0; /* a stream in several columns: they run together */
		int n = 2 + rand() % 15, base = rand() % 3 ? 10 : 2 + rand() % 14,
		    odd = rand() % 4 ? 1 : 1 + rand() % 3;
		Node *x = C(g, rand() % 3 - 1);
		int64_t unit = 1, next, at = 0;
		for (int k = 0; k < n && (next = unit * base) < INT64_MAX / 64 / base;
		     k++, unit = next) {
			Node *a = some_digit(g, shared ? rand() : 2 * k),
			     *b = some_digit(g, shared ? rand() : 2 * k + 1);
			a = MK(g, ADD, rand() % 4 ? a : MK(g, MUL, a, C(g, rand() % 9 - 4)), b);
			a = rand() % 3 ? a : rand() % 2 ? MK(g, SUB, a, C(g, 9)) : MK(g, MUL, a, b);
			x = MK(g, ADD, x, MK(g, MUL, a, C(g, unit * odd)));
			at += unit * (rand() % 3 ? 9 : rand() % 19);
		}
		bool offset = rand() % 6 == 0;
		x = offset ? MK(g, ADD, x, C(g, unit * (rand() % 3) - at)) : x;
		Node *y = C(g, rand() % 2 ? at : rand() % 2 ? unit / base * (rand() % 19 - 4) : 0);
		switch (rand() % 5) {
		case 0: graph_emit(g, MK(g, LT, x, y)); break;
		case 1: graph_emit(g, MK(g, LT, y, x)); break;
		case 2: graph_emit(g, MK(g, EQ, x, y)); break;
		case 3: graph_emit(g, MK(g, MOD, x, C(g, base * base))); break;
		default: graph_emit(g, MK(g, DIV, x, C(g, rand() % 4 ? unit : unit / base)));
		}
		Node *before = *g->emit;
		check_passes(g, before);
		assert_true(shared || offset || is_exact_node(*g->emit));
		arena_free(&arena);
	}
}

/* Long sums of terms of any size, whose units divide one another or do not: whatever is asked of
 * them, and the carries of one in another. */
static void
test_random_long_sums(void **state)
{
	(void)state;
	srand(11);
	for (int i = 0; i < 600; i++) {
		Graph *g = empty_graph(10, 6);
		int n = 2 + rand() % 8, most = 8 + rand() % 44;
		int64_t by = 1;
		Node *x = C(g, 0);
		for (int k = 0; k < n; k++) {
			int64_t c = (int64_t)1 << (rand() % most);
			c = rand() % 2 ? c : c + rand() % c;
			Node *t = some_digit(g, rand());
			t = rand() % 4 ? t : MK(g, MUL, t, some_digit(g, rand()));
			x = MK(g, ADD, x, MK(g, MUL, t, C(g, rand() % 3 ? c : -c)));
		}
		x = rand() % 3 ? x : MK(g, ADD, x, C(g, rand() % ((int64_t)1 << (rand() % 30))));
		for (int k = rand() % 16; k >= 0 && by < (int64_t)1 << 52; k--)
			by *= 2 + rand() % 12;
		Node *q = MK(g, DIV, x, C(g, by)), *r = MK(g, MOD, x, C(g, by));
		Node *y = MK(g, MUL, some_digit(g, rand()), C(g, 1 + rand() % 100000));
		Node *z = MK(g, ADD, rand() % 2 ? q : MK(g, MUL, q, C(g, -1)), y);
		Node *asked[] = { q,
			          r,
			          MK(g, LT, x, y),
			          MK(g, EQ, x, y),
			          MK(g, LT, y, q),
			          MK(g, DIV, z, C(g, rand() % 2 ? 1 + rand() % 1000 : 1 + rand())),
			          MK(g, LT, z, C(g, rand() % 100000)),
			          MK(g, LT, C(g, rand() % 100000), z) };
		graph_emit(g, asked[rand() % 8]);
		check_passes(g, *g->emit);
		arena_free(&arena);
	}
}

/* An index into the digits of a sum of columns that a long comparison chooses, here or
 * where a reference points, behind a condition or not. */
static Node *
chosen_digits(Graph *g, int n, Node *guard)
{
	Node *a[12], *b[12], *arg[16], *x = C(g, 0), *y = C(g, 0), *carry = C(g, 0);
	int64_t unit = 1;

	for (int i = 0; i < n; i++, unit *= 10) {
		a[i] = some_digit(g, i);
		b[i] = some_digit(g, 12 + i);
		x = MK(g, ADD, x, MK(g, MUL, a[i], C(g, unit)));
		y = MK(g, ADD, y, MK(g, MUL, b[i], C(g, unit)));
	}
	Node *less = MK(g, LT, x, y);
	for (int i = 0; i < n; i++) {
		Node *col = MK(g, IF, less, MK(g, SUB, b[i], a[i]),
		               rand() % 4 ? MK(g, SUB, a[i], b[i]) : a[i]);
		if (rand() % 8 == 0) /* a condition without which it may matter elsewhere */
			col = MK(g, IF, MK(g, EQ, some_digit(g, 25), C(g, 3)), col, b[i]);
		col = guard ? MK(g, IF, guard, col, MK(g, MUL, a[i], b[i])) : col;
		col = MK(g, ADD, col, carry);
		arg[2 + i] = MK(g, MOD, col, C(g, 10));
		carry = MK(g, DIV, col, C(g, 10));
	}
	Node *d = MK(g, ADD, some_digit(g, 30), guard ? MK(g, AND, guard, less) : less);
	arg[0] = MK(g, SUB, d, C(g, rand() % 3));
	arg[1] = C(g, 11);
	return n_(g, OP_PICK, n + 2, arg, 0);
}

static void
test_random_carry_select(void **state)
{
	(void)state;
	srand(8);
	for (int i = 0; i < 60; i++) {
		Graph *g = empty_graph(10, 6);
		Node *t = LEAF(g, TOKEN), *p = LEAF(g, HERE);
		if (rand() % 2)
			p = MK(g, LATEST, MK(g, LT, MK(g, THERE, t), C(g, 1 + rand() % 9)));
		Node *x = chosen_digits(g, 8 + rand() % 3,
		                        rand() % 3 ? MK(g, LT, t, C(g, 1 + rand() % 9)) : NULL),
		     *arg[16];
		for (int k = 0; k < x->narg; k++)
			arg[k] = k == 1 ? x->arg[k] : READ(g, x->arg[k], p, C(g, 11), 0);
		graph_emit(g, n_(g, OP_PICK, x->narg, arg, 0));
		assert_int_equal((*g->emit)->op, OP_PICK);
		check_passes(g, *g->emit);
		assert_true(is_exact_node(*g->emit));
		assert_int_equal((*g->emit)->op, OP_AS);
		arena_free(&arena);
	}
}

/* A reference read where the same or another points, one side of a condition among them. */
static void
test_random_forward_reads(void **state)
{
	(void)state;
	srand(6);
	for (int i = 0; i < 1500; i++) {
		Graph *g = empty_graph(4, 6);
		g->bidirectional = rand() % 4 == 0;
		Node *t = LEAF(g, TOKEN), *index = LEAF(g, INDEX), *there = MK(g, THERE, t);
		Node *p = n_(g, rand() % 2 ? OP_LATEST : OP_FIRST, 1,
		             (Node *[]){ MK(g, LT, there, C(g, 1 + rand() % 3)) }, 0);
		Node *pi = READ(g, index, p, C(g, -1), rand() % 4 ? 0 : rand() % 3 - 1);
		Node *before = MK(g, LT, MK(g, THERE, index), rand() % 4 ? pi : index);
		Node *c = MK(g, AND, before, MK(g, EQ, there, rand() % 4 ? C(g, rand() % 4) : t));
		Node *q = n_(g, rand() % 2 ? OP_LATEST : OP_FIRST, 1, &c, 0);
		Node *x = MK(g, ADD, READ(g, index, q, C(g, 9), rand() % 3 - 1),
		             MK(g, MUL, READ(g, pi, q, t, 0), C(g, 7)));
		x = MK(g, IF, MK(g, EQ, t, C(g, rand() % 4)), x,
		       MK(g, SUB, pi, random_node(g, 2, false)));
		graph_emit(g, READ(g, x, p, rand() % 2 ? pi : C(g, 0), rand() % 4 ? 0 : -1));
		check_passes(g, *g->emit);
		arena_free(&arena);
	}
}

/* A fold must not change a value: build with it, and apply the operator by hand. */
static void
test_folds_are_sound(void **state)
{
	(void)state;
	srand(2);
	for (int i = 0; i < 4000; i++) {
		Graph *g = empty_graph(4, 4);
		Node *arg[4];
		Op op = (Op[]){
			OP_AND, OP_OR, OP_MIN, OP_MAX, OP_ADD, OP_EQ, OP_IF, OP_PICK
		}[rand() % 8];
		int narg = op == OP_ADD || op == OP_EQ ? 2 : op == OP_IF ? 3 : 2 + rand() % 3;
		bool logic = op == OP_AND || op == OP_OR;
		for (int j = 0; j < narg; j++)
			arg[j] = logic || (op == OP_IF && !j) ? random_bool(g, 2, false)
			                                      : random_node(g, 2, false);
		if (rand() % 3 == 0 && !(op == OP_IF))
			arg[narg - 1] = arg[0];
		Node *n = n_(g, op, narg, arg, 0);
		Node plain = { .op = op, .narg = narg };
		for (int r = 0; r < 4; r++) {
			int text[4] = { rand() % 4, rand() % 4, rand() % 4, rand() % 4 };
			int64_t v[4];
			for (int j = 0; j < narg; j++)
				v[j] = brute(g, arg[j], text, 4, 3, -1);
			assert_true(op_apply(&plain, v) == brute(g, n, text, 4, 3, -1));
		}
		arena_free(&arena);
	}
}

static void
test_long_chain(void **state)
{
	(void)state;
	Graph *g = empty_graph(10, 4);
	Node *x = READ(g, LEAF(g, TOKEN), LEAF(g, HERE), C(g, 0), -1);
	Node *y = READ(g, LEAF(g, TOKEN), LEAF(g, HERE), C(g, 0), -2);

	for (int i = 0; i < 100000; i++)
		x = MK(g, SUB, y, x);
	Eval *e = eval_new(g);
	int text[] = { 5, 7, 9, 1 };
	eval_text(e, text, 4);
	assert_int_equal(eval_at(e, x, 3), 9);
	eval_free(e);
}

/* ---- flatten ---- */

/* Adds two numbers of n digits, each digit read from the text. */
static Node *
adder(Graph *g, int n, Node **sum)
{
	Node *here = LEAF(g, HERE), *t = LEAF(g, TOKEN), *carry = C(g, 0);

	for (int i = 0; i < n; i++) {
		Node *a = READ(g, t, here, C(g, 0), -1 - i),
		     *b = READ(g, t, here, C(g, 0), -1 - n - i);
		Node *s = MK(g, ADD, MK(g, ADD, a, b), carry);
		sum[i] = MK(g, MOD, s, C(g, 10));
		carry = MK(g, DIV, s, C(g, 10));
	}
	return carry;
}

static int
divisions_deep(const Node *n)
{
	int deep = 0;

	for (int i = 0; i < n->narg; i++) {
		int d = divisions_deep(n->arg[i]);
		deep = d > deep ? d : deep;
	}
	return deep + (n->op == OP_DIV || n->op == OP_MOD);
}

static void
check_adder(int n, int depth)
{
	Graph *g = empty_graph(10, 2 * n + 1), *h = empty_graph(10, 2 * n + 1);
	Node *sum[16], *same[16];
	Named *out = arena_alloc(&arena, 16 * sizeof *out);
	int text[40];

	same[n] = adder(h, n, same);
	sum[n] = adder(g, n, sum);
	for (int i = 0; i <= n; i++)
		out[i] = (Named){ .name = "d", .node = sum[i] };
	g->output = out;
	g->noutput = n + 1;
	run_passes(g, NULL, NULL, NULL);
	assert_true(graph_verify(g));
	Eval *e = eval_new(g), *f = eval_new(h);
	srand(3);
	for (int r = 0; r < 200; r++) {
		for (int i = 0; i < 2 * n + 1; i++)
			text[i] = rand() % 3 ? 9 * (rand() % 2) : rand() % 10;
		eval_text(e, text, 2 * n + 1);
		eval_text(f, text, 2 * n + 1);
		for (int i = 0; i <= n; i++)
			assert_true(eval_at(e, out[i].node, 2 * n) == eval_at(f, same[i], 2 * n));
	}
	for (int i = 0; i <= n; i++) {
		assert_int_equal(out[i].node->type.lo, 0);
		assert_int_equal(out[i].node->type.hi, i < n ? 9 : 1);
		assert_true(divisions_deep(out[i].node) <= depth);
	}
	int before = g->nnode;
	Node *last = g->output[n].node;
	run_passes(g, NULL, NULL, NULL);
	assert_int_equal(g->nnode, before);
	assert_ptr_equal(g->output[n].node, last);
	check_round_trip(g);
	eval_free(e);
	eval_free(f);
}

static void
test_flatten_carries(void **state)
{
	(void)state;
	check_adder(3, 1);
	check_adder(6, 1);
	check_adder(12, 2);
}

/* n digits of the number that the columns make, and the carry out of them. */
static void
settled_digits(Graph *g, int n, Node *const *column, Node **digit)
{
	Node *carry = C(g, 0);

	for (int i = 0; i < n; i++) {
		Node *s = MK(g, ADD, column[i], carry);
		digit[i] = MK(g, MOD, s, C(g, 10));
		carry = MK(g, DIV, s, C(g, 10));
	}
	digit[n] = carry;
}

static int
count_op(const Graph *g, const Node *root, Op op)
{
	char live[4096] = { 0 };
	int n = 0;

	assert_true(g->nnode < 4096);
	live[root->id] = 1;
	for (int i = root->id; i >= 0; i--) {
		if (!live[i])
			continue;
		n += g->node[i]->op == op;
		for (int k = 0; k < g->node[i]->narg; k++)
			live[g->node[i]->arg[k]->id] = 1;
	}
	return n;
}

/* if c then a + b else |a - b|, written as alternatives: one chain of carries is left,
 * and the top digit of the difference is known to be 0. */
static void
test_merge_selects(void **state)
{
	enum { N = 3 };
	Graph *g = empty_graph(10, 2 * N + 1);
	Node *here = LEAF(g, HERE), *t = LEAF(g, TOKEN), *c = MK(g, LT, t, C(g, 5));
	Node *sum[N], *over[N], *under[N], *up[N + 1], *down[N + 1], *both[N + 1], *wide = C(g, 0),
										   *list[N + 3];

	(void)state;
	srand(5);
	for (int i = 0; i < N; i++) {
		Node *a = READ(g, t, here, C(g, 0), -1 - i),
		     *b = READ(g, t, here, C(g, 0), -1 - N - i);
		sum[i] = MK(g, ADD, a, b);
		over[i] = MK(g, SUB, a, b);
		under[i] = MK(g, SUB, b, a);
	}
	for (int i = N; i-- > 0;)
		wide = MK(g, ADD, MK(g, MUL, wide, C(g, 10)), over[i]);
	settled_digits(g, N, sum, both);
	settled_digits(g, N, over, up);
	settled_digits(g, N, under, down);
	for (int i = 0; i < N; i++)
		list[i + 2] = MK(g, IF, c, both[i],
		                 MK(g, IF, MK(g, LT, wide, C(g, 0)), down[i], up[i]));
	list[N + 2] = MK(g, IF, c, both[N], C(g, 0));
	list[0] = MK(g, MOD, LEAF(g, INDEX), C(g, 4));
	list[1] = C(g, 0);
	Node *before = mk(g, OP_PICK, (Span){ 0, 0 }, 0, N + 3, list, 0);
	graph_emit(g, before);
	check_passes(g, before);
	assert_int_equal(count_op(g, *g->emit, OP_DIV), N);
	assert_true(divisions_deep(*g->emit) <= 2);
}

/* Alternatives of random sums, digits, indices and constants keep their values. */
static void
test_random_merge_selects(void **state)
{
	(void)state;
	srand(6);
	for (int i = 0; i < 1500; i++) {
		Graph *g = empty_graph(3 + rand() % 8, 6);
		Node *digit[3][4], *column[3], *arg[6];
		for (int k = 0; k < 3; k++) {
			for (int d = 0; d < 3; d++)
				column[d] = rand() % 6 ? random_read(g) : C(g, rand() % 12 - 3);
			settled_digits(g, 3, column, digit[k]);
		}
		Node *c = random_bool(g, 2, false),
		     *d = rand() % 2 ? MK(g, LT, column[0], column[1]) : random_bool(g, 1, false);
		for (int k = 0; k < 4; k++)
			arg[k + 2] = MK(g, IF, c, digit[0][k],
			                rand() % 4 ? MK(g, IF, d, digit[1][k], digit[2][k])
			                           : C(g, rand() % 10));
		arg[0] = MK(g, SUB, MK(g, IF, d, random_read(g), C(g, 2)),
		            MK(g, MOD, LEAF(g, INDEX), C(g, 3)));
		arg[1] = C(g, rand() % 12);
		Node *picked = mk(g, OP_PICK, (Span){ 0, 0 }, 0, 6, arg, 0);
		graph_emit(g, rand() % 2 ? picked
		                         : MK(g, IF, c, MK(g, IF, d, C(g, 11), picked),
		                              arg[2 + rand() % 4]));
		check_values(g, *g->emit);
		arena_free(&arena);
	}
}

/* ---- positions by number ---- */

/* Every text of two tokens up to the context, at every position: f(token, n, i). */
static void
check_everywhere(Graph *g, Node *x, int64_t (*f)(const int *, int, int))
{
	Eval *e = eval_new(g);
	int text[8];

	for (int n = 1; n <= g->context; n++) {
		for (int bits = 0; bits < 1 << n; bits++) {
			for (int i = 0; i < n; i++)
				text[i] = bits >> i & 1;
			eval_text(e, text, n);
			for (int i = 0; i < n; i++)
				assert_int_equal(eval_at(e, x, i), f(text, n, i));
		}
	}
	eval_free(e);
}

/* e of test_places, the position asked for; and the first 1 at or before i, or `none`. */
static int
row_asked(const int *token, int i)
{
	return token[i] ? 2 * i - 1 : i;
}

static int
first_one(const int *token, int i, int none)
{
	for (int j = 0; j <= i; j++)
		if (token[j])
			return j;
	return none;
}

static int64_t
token_asked(const int *token, int n, int i)
{
	int p = row_asked(token, i);

	(void)n;
	return p >= 0 && p <= i ? token[p] : 9;
}

static int64_t
behind_first(const int *token, int n, int i)
{
	int p = first_one(token, i, -1);

	(void)n;
	return p < 0 ? i : i - p + 1;
}

static int64_t
mirrored(const int *token, int n, int i)
{
	return token[n - 1 - i];
}

static void
test_places(void **state)
{
	(void)state;
	Graph *g = empty_graph(2, 6);
	Node *t = LEAF(g, TOKEN), *index = LEAF(g, INDEX), *none = C(g, -1), *zero = C(g, 0),
	     *one = C(g, 1);

	/* a place's number is good enough for AT */
	Node *e = MK(g, SUB, MK(g, MUL, index, C(g, 2)), one),
	     *there = READ(g, index, MK(g, AT, e), none, 0);
	Node *at = MK(g, AT, MK(g, IF, t, there, index));
	assert_ptr_equal(at, MK(g, AT, MK(g, IF, t, e, index)));
	assert_ptr_equal(MK(g, AT, there), MK(g, AT, e));
	check_everywhere(g, READ(g, t, at, C(g, 9), 0), token_asked);

	/* what was seen is not ahead, what may be is not surely there */
	Node *p = MK(g, FIRST, MK(g, THERE, t)), *first = READ(g, index, p, zero, 0);
	assert_ptr_equal(READ(g, one, MK(g, AT, first), zero, 0), one);
	assert_ptr_equal(READ(g, t, MK(g, AT, first), t, 0), READ(g, t, MK(g, AT, first), zero, 0));
	assert_ptr_not_equal(READ(g, one, MK(g, AT, READ(g, index, p, C(g, 3), 0)), zero, 0), one);
	assert_ptr_not_equal(READ(g, one, MK(g, AT, first), zero, -1), one);
	assert_ptr_not_equal(READ(g, one, MK(g, AT, first), zero, 1), one);
	assert_ptr_not_equal(READ(g, one, MK(g, AT, MK(g, SUB, first, one)), zero, 0), one);
	assert_int_equal(most_of_difference(g, READ(g, index, p, none, -1), index), -1);
	assert_int_equal(most_of_difference(g, READ(g, index, p, zero, -1), index), 0);
	assert_int_equal(most_of_difference(g, READ(g, index, p, C(g, 4), 0), index), 4);

	/* visible unless negative: it is there where it is not, and its number needs no look */
	Node *e2 = MK(g, SUB, first, t), *at2 = MK(g, AT, e2);
	assert_ptr_equal(READ(g, one, at2, zero, 0), MK(g, LT, none, e2));
	assert_ptr_equal(READ(g, index, at2, none, 0), MK(g, MAX, e2, none));
	assert_ptr_equal(MK(g, LT, t, READ(g, index, at2, zero, 0)), MK(g, LT, t, e2));
	assert_ptr_not_equal(MK(g, LT, none, READ(g, index, at2, zero, 0)), MK(g, LT, none, e2));
	assert_ptr_equal(MK(g, AT, READ(g, index, at2, none, 0)), at2);
	assert_int_equal(READ(g, index, MK(g, AT, MK(g, ADD, first, one)), none, 0)->op, OP_READ);
	/* what is absent is so by little */
	Node *low = READ(g, index, p, C(g, -50), 0);
	assert_ptr_equal(MK(g, AT, MK(g, ADD, low, t)),
	                 MK(g, AT, MK(g, ADD, READ(g, index, p, C(g, -2), 0), t)));
	assert_ptr_equal(MK(g, AT, MK(g, SUB, low, t)),
	                 MK(g, AT, MK(g, SUB, READ(g, index, p, none, 0), t)));

	/* a sum that holds where p is there, with the default that makes it the other one */
	Node *far = MK(g, ADD, MK(g, SUB, index, first), one);
	Named out = { .name = "x", .node = MK(g, IF, READ(g, one, p, zero, 0), far, index) };
	g->output = &out;
	g->noutput = 1;
	run_passes(g, NULL, NULL, NULL);
	assert_ptr_equal(out.node, MK(g, ADD, MK(g, SUB, index, READ(g, index, p, one, 0)), one));
	check_everywhere(g, out.node, behind_first);

	Graph *b = empty_graph(2, 6);
	b->bidirectional = true;
	Node *here = LEAF(b, INDEX), *last = READ(b, here, MK(b, LATEST, C(b, 1)), C(b, 0), 0);
	Node *mirror = READ(b, LEAF(b, TOKEN), MK(b, AT, MK(b, SUB, last, here)), C(b, 7), 0);
	assert_int_equal(most_of_difference(b, here, last), 0);
	assert_ptr_equal(READ(b, C(b, 1), MK(b, AT, MK(b, SUB, last, here)), C(b, 0), 0), C(b, 1));
	check_everywhere(b, mirror, mirrored);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_digit_of_token, teardown),
		cmocka_unit_test_teardown(test_own_root, teardown),
		cmocka_unit_test_teardown(test_large_roots, teardown),
		cmocka_unit_test_teardown(test_intervals, teardown),
		cmocka_unit_test_teardown(test_table_of_interval, teardown),
		cmocka_unit_test_teardown(test_narrowing, teardown),
		cmocka_unit_test_teardown(test_sharing, teardown),
		cmocka_unit_test_teardown(test_folding, teardown),
		cmocka_unit_test_teardown(test_graph_text, teardown),
		cmocka_unit_test_teardown(test_text_of_reals, teardown),
		cmocka_unit_test_teardown(test_text_escapes, teardown),
		cmocka_unit_test(test_text_of_live_nodes),
		cmocka_unit_test(test_fractions),
		cmocka_unit_test_teardown(test_malformed, teardown),
		cmocka_unit_test_teardown(test_verifier, teardown),
		cmocka_unit_test_teardown(test_corrupted, teardown),
		cmocka_unit_test_teardown(test_random, teardown),
		cmocka_unit_test_teardown(test_random_flatten_carries, teardown),
		cmocka_unit_test_teardown(test_random_carry_lookahead, teardown),
		cmocka_unit_test_teardown(test_random_long_sums, teardown),
		cmocka_unit_test_teardown(test_random_carry_select, teardown),
		cmocka_unit_test_teardown(test_random_forward_reads, teardown),
		cmocka_unit_test_teardown(test_folds_are_sound, teardown),
		cmocka_unit_test_teardown(test_long_chain, teardown),
		cmocka_unit_test_teardown(test_flatten_carries, teardown),
		cmocka_unit_test_teardown(test_merge_selects, teardown),
		cmocka_unit_test_teardown(test_random_merge_selects, teardown),
		cmocka_unit_test_teardown(test_places, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
