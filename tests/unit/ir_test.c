/* The graph: types, sharing, folding, the verifier, and the evaluator against brute force on random
 * expressions. */

#include "ir/internal.h"
#include "tests/unit/graph_build.h"

#include <math.h>

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
	enum { MOST = (1 << 20) + 2 };
	Input input[] = { { "x", K_INT, 10, 9000 },
		          { "y", K_INT, -5, 5000 },
		          { "z", K_INT, 0, MOST } };
	int64_t few[] = { 1, 4, 9, 16 }, *many = NEWS(&arena, int64_t, MOST);
	Graph *g = empty_graph(0, 4);

	g->input = input;
	g->ninput = 3;
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
	for (int i = 0; i < MOST; i++)
		many[i] = 7 - i;
	Node *v = mk_table(g, (Span){ 0, 0 }, 0, n_(g, OP_INPUT, 0, NULL, 2), 0, many, MOST);
	assert_int_equal(v->type.hi, 7);
	assert_int_equal(v->type.lo, 8 - MOST);
	assert_true(graph_verify(g));
}

/* A sum of two choices by one condition knows what the condition says: a < b is b - a >= 1. */
static void
test_joint_range(void **state)
{
	(void)state;
	Input input[] = { { "a", K_INT, 0, 9000 }, { "b", K_INT, 0, 9000 } };
	Graph *g = empty_graph(0, 4);

	g->input = input;
	g->ninput = 2;
	Node *a = n_(g, OP_INPUT, 0, NULL, 0), *b = n_(g, OP_INPUT, 0, NULL, 1);
	Node *less = MK(g, LT, a, b);
	Node *over = MK(g, SUB, MK(g, IF, less, b, C(g, 20)), MK(g, IF, less, a, C(g, 0)));
	assert_int_equal(over->type.lo, 1);
	assert_int_equal(over->type.hi, 9000);
	Node *under = MK(g, SUB, MK(g, IF, less, C(g, 0), b), MK(g, IF, less, C(g, 20), a));
	assert_int_equal(under->type.lo, -9000);
	assert_int_equal(under->type.hi, 0);
	assert_true(graph_verify(g));
}

/* A number somewhere in lo..hi. */
static Node
any_within(int64_t lo, int64_t hi)
{
	return (Node){ .op = OP_INPUT, .type = { .lo = lo, .hi = hi } };
}

static void
assert_within(const Node *n, const int64_t *v)
{
	int64_t x = op_apply(n, v);
	Range r = operand_range(n);

	if (x < r.lo || x > r.hi)
		fail_msg("%s(%d, %d) is %d, and %d..%d was said", op_info[n->op].name, (int)v[0],
		         (int)v[1], (int)x, (int)r.lo, (int)r.hi);
}

/* What is said of an operator's values, by the ranges of its operands alone, holds for all of
 * them. */
static void
test_ranges_are_sound(void **state)
{
	(void)state;
	enum { MOST = 3 };
	static const Op ops[] = { OP_ADD, OP_SUB, OP_MUL, OP_DIV, OP_MOD, OP_MIN,
		                  OP_MAX, OP_ABS, OP_EQ,  OP_LT,  OP_AND, OP_OR };

	for (size_t k = 0; k < sizeof ops / sizeof *ops; k++)
		for (int i = 0; i < 2401; i++) {
			bool logic = ops[k] == OP_AND || ops[k] == OP_OR;
			int64_t end[4] = { i % 7, i / 7 % 7, i / 49 % 7, i / 343 };
			for (int j = 0; j < 4; j++)
				end[j] = logic ? end[j] % 2 : end[j] - MOST;
			if (end[0] > end[1] || end[2] > end[3])
				continue;
			Node x = any_within(end[0], end[1]), y = any_within(end[2], end[3]);
			Node n = { .op = ops[k],
				   .narg = ops[k] == OP_ABS ? 1 : 2,
				   .arg = (Node *[]){ &x, &y } };
			for (int64_t a = end[0]; a <= end[1]; a++)
				for (int64_t b = end[2]; b <= end[3]; b++)
					if (b || (n.op != OP_DIV && n.op != OP_MOD))
						assert_within(&n, (int64_t[]){ a, b });
		}
}

/* A real in steps of 1/den, rounded down. */
static void
test_floors_are_sound(void **state)
{
	(void)state;
	for (int den = 1; den <= 4; den++)
		for (int lo = -9; lo <= 9; lo++)
			for (int hi = lo; hi <= 9; hi++) {
				double min = (double)lo / den, max = (double)hi / den;
				Node x = any_within((int64_t)floor(min), (int64_t)ceil(max));
				x.type.real = true;
				x.type.min = min;
				x.type.max = max;
				x.type.den = den;
				x.type.parts = 1;
				Node n = { .op = OP_FLOOR, .narg = 1, .arg = (Node *[]){ &x } };
				Range r = operand_range(&n);
				assert_int_equal(r.lo, (int64_t)floor(min));
				assert_int_equal(r.hi, (int64_t)floor(max));
			}
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

/* A graph with one thing wrong is found out, whatever the thing. */
static void
test_verifier(void **state)
{
	(void)state;
	Graph *g = empty_graph(4, 8);
	Node *t = LEAF(g, TOKEN), *i = LEAF(g, INDEX), *sum = MK(g, ADD, t, i);
	int64_t holes[] = { 0, 2, 1, 3 };

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
	WRONG(sum->site, 3);
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

/* ---- evaluator ---- */

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

/* ---- more than a compilation may take ---- */

/* Nodes at places 0, 1, 2, ... of the source, for ever: each at the cost of a node and of `steps`.
 */
typedef struct Endless {
	Graph *g;
	uint64_t steps;
} Endless;

static void
make_nodes(void *endless)
{
	const Endless *e = endless;

	for (uint32_t i = 0;; i++) {
		mk(e->g, OP_CONST, (Span){ i, i + 1 }, 0, 0, NULL, i);
		arena_work(&arena, e->steps);
	}
}

static void
test_work_is_bounded(void **state)
{
	(void)state;
	const Source src = { .path = "test.tw", .text = "test", .len = 4 };
	const Source *files = &src;
	Endless e = { empty_graph(16, 8), 1000000000 };
	Diags ds = { .arena = &arena, .src = &src };

	e.g->files = &files;
	assert_false(graph_protect(&e.g, &ds, make_nodes, &e, NULL));
	assert_int_equal(ds.nerror, 1);
	assert_int_equal(ds.first->span.lo, COMPILER_MILLION_STEPS / 1000 - 1);
	assert_non_null(strstr(ds.first->msg, "it took more than 4000 million steps;"));
	/* of memory likewise, and at the node that is named */
	e.steps = 0;
	assert_true(arena.taken < (size_t)COMPILER_MB << 20);
	NEWS(&arena, char, ((size_t)COMPILER_MB << 20) - arena.taken);
	assert_false(graph_protect(&e.g, &ds, make_nodes, &e, e.g->node[1]));
	assert_non_null(strstr(ds.first->msg, "it took more than 720 MB;"));
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
		cmocka_unit_test_teardown(test_joint_range, teardown),
		cmocka_unit_test(test_ranges_are_sound),
		cmocka_unit_test(test_floors_are_sound),
		cmocka_unit_test_teardown(test_work_is_bounded, teardown),
		cmocka_unit_test_teardown(test_narrowing, teardown),
		cmocka_unit_test_teardown(test_sharing, teardown),
		cmocka_unit_test_teardown(test_folding, teardown),
		cmocka_unit_test_teardown(test_fractions, teardown),
		cmocka_unit_test_teardown(test_verifier, teardown),
		cmocka_unit_test_teardown(test_random, teardown),
		cmocka_unit_test_teardown(test_folds_are_sound, teardown),
		cmocka_unit_test_teardown(test_long_chain, teardown),
		cmocka_unit_test_teardown(test_places, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
