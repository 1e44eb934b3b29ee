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
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "frontend/frontend.h"

enum { TEXTS = 3, LONGEST = 9 };

/* One graph's values on the texts: a row for each name and output, LONGEST numbers a text. */
typedef struct Values {
	int n;
	int64_t *value;
	bool *real; /* (n) */
} Values;

static char **paths;
static int npaths;
static uint64_t state;

static int
draw_below_bound(int below)
{
	state = state * 6364136223846793005u + 1442695040888963407u;
	return (int)((state >> 33) % (uint64_t)(below < 1 ? 1 : below));
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
answer(const Graph *g, int i)
{
	if (i < g->nnamed)
		return g->named[i].node;
	i -= g->nnamed;
	return i < g->noutput ? g->output[i].node : g->emit[i - g->noutput];
}

static Values
values_of_graph(Arena *arena, const Graph *g)
{
	Values v = { .n = g->nnamed + g->noutput + (g->emit ? g->nfield : 0) };
	Eval *eval = eval_new(g);

	v.value = NEWS(arena, int64_t, v.n * TEXTS * LONGEST + 1);
	v.real = NEWS(arena, bool, v.n + 1);
	state = 1;
	for (int t = 0; t < TEXTS; t++) {
		int n = 1 + draw_below_bound(g->context < LONGEST ? g->context : LONGEST);
		random_text(g, eval, n);
		for (int i = 0; i < v.n; i++) {
			v.real[i] = answer(g, i)->type.real;
			for (int at = 0; at < n; at++)
				v.value[(i * TEXTS + t) * LONGEST + at] = eval_at(eval,
				                                                  answer(g, i), at);
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
text_of_graph(Arena *arena, const Graph *g)
{
	char *s = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&s, &n);

	graph_print(g, f);
	fclose(f);
	char *copy = arena_strn(arena, s, n);
	free(s);
	return copy;
}

/* The graph as it is read back; what is wrong with it goes to standard error. */
static Graph *
read_back_graph(Arena *arena, const char *text, const char *path, const char *pass)
{
	Source *src = NEW(arena, Source);
	Diags ds = { .arena = arena, .src = src };

	*src = (Source){ "printed.twg", text, (uint32_t)strlen(text) };
	Graph *g = graph_read(src, arena, &ds);
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
	Arena arena = { 0 };
	const char *text = text_of_graph(&arena, g), *again = "";
	const Graph *back = read_back_graph(&arena, text, path, pass);
	int i = -1;
	bool ok = back;

	if (back && strcmp(text, again = text_of_graph(&arena, back))) {
		fprintf(stderr, "%s after %s reads back as another text:\n", path, pass);
		print_difference(text, again);
		ok = false;
	}
	if (ok && !same_frame(g, back)) {
		fprintf(stderr, "%s after %s: something about the nodes is lost\n", path, pass);
		ok = false;
	}
	Values v = values_of_graph(&arena, g);
	Values w = ok ? values_of_graph(&arena, back) : v;
	if ((i = first_difference(&v, &w, true)) >= 0)
		fprintf(stderr, "%s after %s: value %d is another when read back\n", path, pass, i);
	ok = ok && i < 0;
	if (lowered && (i = first_difference(lowered, &v, false)) >= 0)
		fprintf(stderr, "%s: %s changes value %d\n", path, pass, i);
	arena_free(&arena);
	return ok && i < 0;
}

/* -1: the program is one that is refused. */
static int
check_program(const char *path)
{
	Arena arena = { 0 };
	Source *src = read_source(&arena, path);
	Diags ds = { .arena = &arena, .src = src };
	Graph *g = src ? lower(parse(src, &arena, &ds), "stdlib", &arena, &ds) : NULL;
	int bad = 0;

	if (!g || ds.nerror || !g->context) {
		arena_free(&arena);
		return -1;
	}
	Values lowered = values_of_graph(&arena, g);
	bad += !survives(g, NULL, path, "lower");
	for (const Pass *p = passes; p->name && !bad; p++) {
		g->pass = p;
		p->run(g, &ds);
		bad += !survives(g, &lowered, path, p->name);
	}
	arena_free(&arena);
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

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_round_trip) };
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
