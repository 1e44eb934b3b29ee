/* The graph's text: what is printed is read back as the same graph.
 *
 * Every example and every program of tests/lang, as it is lowered and after every pass: its text,
 * read and printed again, is the same text; the graph that was read has the names and values of the
 * one that was printed, at every position of random texts; and no pass has changed a value, reals
 * apart, which it may round.
 *
 *     build/unit/graph_text_test [FILE.tw ...]     in the project's folder */

#include <glob.h>
#include <math.h>

#include "frontend/frontend.h"
#include "tests/unit/graph_build.h"

enum { TEXTS = 3, LONGEST = 9 };

/* One graph's values on the texts: a row for each name and output, LONGEST numbers a text. */
typedef struct Values {
	int n;
	int64_t *value;
	bool *real; /* (n) */
} Values;

static char **paths;
static int npaths;
static uint64_t draw_state;

static int
draw_below_bound(int below)
{
	draw_state = draw_state * 6364136223846793005u + 1442695040888963407u;
	return (int)((draw_state >> 33) % (uint64_t)(below < 1 ? 1 : below));
}

static void
random_text(const Graph *g, Eval *eval, int n)
{
	int row[LONGEST * 64];
	double number[LONGEST * 64];

	for (int i = 0; i < n * g->ninput; i++) {
		const Input *in = &g->input[i % g->ninput];
		double x = in->min + (in->max - in->min) * draw_below_bound(1001) / 1000;
		number[i] = in->kind == K_REAL ? x : floor(x);
	}
	for (int i = 0; !g->ninput && i < n * g->nfield; i++)
		row[i] = first_row(g, i % g->nfield) + draw_below_bound(rows_of(g, i % g->nfield));
	if (g->ninput)
		eval_numbers(eval, number, n);
	else
		eval_text(eval, row, n);
}

static const Node *
root_at(const Graph *g, int i)
{
	if (i < g->nnamed)
		return g->named[i].node;
	i -= g->nnamed;
	return i < g->noutput ? g->output[i].node : g->emit[i - g->noutput];
}

static Values
values_of_graph(Arena *mem, const Graph *g)
{
	Values v = { .n = g->nnamed + g->noutput + (g->emit ? g->nfield : 0) };
	Eval *eval = eval_new(g);

	v.value = NEWS(mem, int64_t, v.n * TEXTS * LONGEST + 1);
	v.real = NEWS(mem, bool, v.n + 1);
	draw_state = 1;
	for (int t = 0; t < TEXTS; t++) {
		int n = 1 + draw_below_bound(g->context < LONGEST ? g->context : LONGEST);
		random_text(g, eval, n);
		for (int i = 0; i < v.n; i++) {
			v.real[i] = root_at(g, i)->type.real;
			for (int at = 0; at < n; at++)
				v.value[(i * TEXTS + t) * LONGEST + at] = eval_at(
					eval, root_at(g, i), at);
		}
	}
	eval_free(eval);
	return v;
}

/* The first name that has other values; -1 if there is none. */
static int
first_difference(const Values *a, const Values *b, bool reals)
{
	size_t size = sizeof *a->value * TEXTS * LONGEST;

	for (int i = 0; i < a->n; i++)
		if ((reals || !a->real[i])
		    && memcmp(a->value + i * TEXTS * LONGEST, b->value + i * TEXTS * LONGEST, size))
			return i;
	return -1;
}

static char *
text_of_graph(Arena *mem, const Graph *g)
{
	char *s = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&s, &n);

	graph_print(g, f);
	fclose(f);
	char *copy = arena_strn(mem, s, n);
	free(s);
	return copy;
}

/* The graph as it is read back; what is wrong with it goes to standard error. */
static Graph *
read_back_graph(Arena *mem, const char *text, const char *path, const char *pass)
{
	Source *src = NEW(mem, Source);
	Diags ds = { .arena = mem, .src = src };

	*src = (Source){ "printed.twg", text, (uint32_t)strlen(text) };
	Graph *g = graph_read(src, mem, &ds);
	if (!g) {
		fprintf(stderr, "%s after %s is not read back:\n", path, pass);
		diag_print(&ds, stderr);
	}
	return g;
}

static void
print_difference(const char *a, const char *b)
{
	while (*a && *b) {
		size_t n = strcspn(a, "\n") + 1, m = strcspn(b, "\n") + 1;
		if (n != m || memcmp(a, b, n)) {
			fprintf(stderr, "\tprinted %.*s\tagain   %.*s", (int)n, a, (int)m, b);
			return;
		}
		a += n;
		b += m;
	}
}

static bool
same_names(const Named *a, int na, const Named *b, int nb)
{
	for (int i = 0; i < na && na == nb; i++) {
		if (strcmp(a[i].name, b[i].name) || a[i].kind != b[i].kind
		    || a[i].offset != b[i].offset || a[i].nmember != b[i].nmember)
			return false;
		for (int k = 0; k < a[i].nmember; k++)
			if (strcmp(a[i].member[k], b[i].member[k]))
				return false;
	}
	return na == nb;
}

/* What stands above and below the nodes; the nodes' text tells itself. */
static bool
same_frame(const Graph *a, const Graph *b)
{
	bool same = !strcmp(a->name, b->name) && a->nvocab == b->nvocab && a->nfield == b->nfield
	            && a->ninput == b->ninput && a->context == b->context
	            && a->bidirectional == b->bidirectional && !a->emit == !b->emit;

	for (int i = 0; same && i < a->nvocab; i++)
		same = !strcmp(a->vocab[i], b->vocab[i]);
	for (int i = 0; same && a->field && i < a->nfield; i++)
		same = !strcmp(a->field[i].name, b->field[i].name)
		       && a->field[i].first == b->field[i].first && a->field[i].n == b->field[i].n;
	for (int i = 0; same && i < a->ninput; i++)
		same = !strcmp(a->input[i].name, b->input[i].name)
		       && a->input[i].kind == b->input[i].kind && a->input[i].min == b->input[i].min
		       && a->input[i].max == b->input[i].max;
	return same && same_names(a->named, a->nnamed, b->named, b->nnamed)
	       && same_names(a->output, a->noutput, b->output, b->noutput);
}

/* Is the graph, read from its text, the same? */
static bool
survives(const Graph *g, const Values *lowered, const char *path, const char *pass)
{
	Arena mem = { 0 };
	const char *text = text_of_graph(&mem, g), *again = "";
	const Graph *back = read_back_graph(&mem, text, path, pass);
	int i = -1;
	bool ok = back;

	if (back && strcmp(text, again = text_of_graph(&mem, back))) {
		fprintf(stderr, "%s after %s reads back as another text:\n", path, pass);
		print_difference(text, again);
		ok = false;
	}
	if (ok && !same_frame(g, back)) {
		fprintf(stderr, "%s after %s: something about the nodes is lost\n", path, pass);
		ok = false;
	}
	Values v = values_of_graph(&mem, g);
	Values w = ok ? values_of_graph(&mem, back) : v;
	if ((i = first_difference(&v, &w, true)) >= 0)
		fprintf(stderr, "%s after %s: value %d is another when read back\n", path, pass, i);
	ok = ok && i < 0;
	if (lowered && (i = first_difference(lowered, &v, false)) >= 0)
		fprintf(stderr, "%s: %s changes value %d\n", path, pass, i);
	arena_free(&mem);
	return ok && i < 0;
}

/* -1: the program is one that is refused. */
static int
check_program(const char *path)
{
	Arena mem = { 0 };
	Source *src = read_source(&mem, path);
	Diags ds = { .arena = &mem, .src = src };
	Graph *g = src ? lower(parse(src, &mem, &ds), "stdlib", &mem, &ds) : NULL;
	int bad = 0;

	if (!g || ds.nerror || !g->context) {
		arena_free(&mem);
		return -1;
	}
	Values lowered = values_of_graph(&mem, g);
	bad += !survives(g, NULL, path, "lower");
	for (const Pass *p = passes; p->name && !bad; p++) {
		g->pass = p;
		p->run(g, &ds);
		bad += !survives(g, &lowered, path, p->name);
	}
	arena_free(&mem);
	return bad;
}

static void
test_round_trip(void **unused)
{
	int bad = 0, refused = 0;

	(void)unused;
	for (int i = 0; i < npaths; i++) {
		int status = check_program(paths[i]);
		bad += status > 0;
		refused += status < 0;
		if (status < 0 && !strncmp(paths[i], "examples/", 9))
			fail_msg("%s is refused", paths[i]);
	}
	assert_int_equal(bad, 0);
	assert_true(refused < npaths / 2);
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

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test_teardown(test_graph_text, teardown),
		cmocka_unit_test_teardown(test_text_of_reals, teardown),
		cmocka_unit_test_teardown(test_text_escapes, teardown),
		cmocka_unit_test_teardown(test_text_of_live_nodes, teardown),
		cmocka_unit_test_teardown(test_malformed, teardown),
		cmocka_unit_test_teardown(test_corrupted, teardown),
	};
	glob_t found = { 0 };

	paths = argv + 1;
	npaths = argc - 1;
	if (argc == 1) {
		glob("examples/*.tw", 0, NULL, &found);
		glob("tests/lang/*.tw", GLOB_APPEND, NULL, &found);
		paths = found.gl_pathv;
		npaths = (int)found.gl_pathc;
	}
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	globfree(&found);
	return failed;
}
