/* The passes: what they make of chosen graphs, and that they change no value, against brute force
 * on random ones. */

#include "tests/unit/graph_build.h"

static Node *
random_read(Graph *g)
{
	Node *x = READ(g, LEAF(g, TOKEN), LEAF(g, HERE), C(g, 0), -rand() % 5);

	return MK(g, MUL, MK(g, SUB, x, C(g, rand() % 5)), C(g, 1 + rand() % 7));
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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_random_flatten_carries, teardown),
		cmocka_unit_test_teardown(test_random_carry_lookahead, teardown),
		cmocka_unit_test_teardown(test_random_long_sums, teardown),
		cmocka_unit_test_teardown(test_random_carry_select, teardown),
		cmocka_unit_test_teardown(test_random_forward_reads, teardown),
		cmocka_unit_test_teardown(test_flatten_carries, teardown),
		cmocka_unit_test_teardown(test_merge_selects, teardown),
		cmocka_unit_test_teardown(test_random_merge_selects, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
