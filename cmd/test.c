/* twc test: the tests that a file carries, each run twice. The reference
 * evaluator says what the program means; the transformer is the compiled model's
 * bytes, loaded and run as twrun would. Both must give what the test expects,
 * and beyond that they must agree on the next token and on every label at every
 * position of the text.
 *
 * A library has no model. Its tests are comment lines
 *
 *     # example: value([4, 2]) == 24
 *
 * each a condition that holds at every position of a short text over printable
 * ASCII. They are made the outputs of a model of that vocabulary. */

#define _GNU_SOURCE /* asprintf */

#include "cmd/cmd.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/file/write.h"
#include "frontend/frontend.h"
#include "lang/text.h"
#include "runtime/tw.h"

typedef struct Tester {
	Program program;
	const Graph *g; /* &program.meant */
	Eval *eval;
	TwModel *model; /* as loaded from the file's bytes */
	TwSession *session;
	TwSession *traced; /* that keeps its states; NULL: too large for that */
	int *text, *other; /* (context, nfield) the evaluator's text, the transformer's */
	int passed, failed;
	LearnedHalf *learned;  /* then only the evaluator is asked; or NULL */
	bool failing;          /* the test at hand has failed already */
	const double *numbers; /* of the test at hand, (nprompt, ninput), where these are fed */
} Tester;

/* ---- saying what went wrong ---- */

/* [1, 0] [0, 1] */
static const char *
quoted_numbers(Tester *t, int n)
{
	Arena *a = &t->program.arena;
	const char *s = "";
	int width = t->g->ninput;

	for (int i = 0; i < n * width; i++)
		s = arena_fmt(a, "%s%s%.9g%s", s,
		              i % width ? ", "
		              : i       ? " ["
		                        : "[",
		              t->numbers[i], i % width == width - 1 ? "]" : "");
	return s;
}

static const char *
quoted_prompt(Tester *t, const int *row, int n)
{
	if (t->numbers)
		return quoted_numbers(t, n);
	return arena_fmt(&t->program.arena, "\"%s\"", spell_rows(&t->program.arena, t->g, row, n));
}

static const char *
value_text(Tester *t, const Named *of, int64_t v)
{
	Arena *a = &t->program.arena;
	Kind kind = of->kind;

	if (v >= 0 && v < of->nmember)
		return of->member[v];
	if (kind == K_REAL)
		return arena_fmt(a, "%.9g", real_value(v));
	if (kind == K_BOOL)
		return v ? "true" : "false";
	if (kind == K_TOKEN && v >= 0 && v <= t->g->nvocab)
		return v < t->g->nvocab ? arena_fmt(a, "'%s'", t->g->vocab[v]) : "<end>";
	return arena_fmt(a, "%" PRId64, v);
}

/* What a transformer gave, which need not be an integer. */
static const char *
number_text(Tester *t, const Named *of, float v)
{
	if (of->kind != K_REAL && v == rintf(v) && fabsf(v) < 1e9f)
		return value_text(t, of, (int64_t)v);
	return arena_fmt(&t->program.arena, "%.9g", (double)v);
}

/* The start of a message, FILE:LINE; a test that fails in several ways counts once. */
static void
begin_failure(Tester *t, int file, Span at)
{
	const Source *src = t->g->files && file < t->g->nfile ? t->g->files[file] : &t->program.src;

	t->failing = true;
	printf("%s:%d: ", src->path, source_line(src, at.lo));
}

static void
fail_test(Tester *t, const Test *test)
{
	begin_failure(t, test->file, test->span);
	printf("%s: ", quoted_prompt(t, test->prompt, test->nprompt));
}

/* ---- evaluator and transformer, side by side ---- */

static size_t
bytes_of_tokens(const Tester *t, int n)
{
	return (size_t)n * (size_t)t->g->nfield * sizeof(int);
}

/* What the transformer lets follow the first n of other[]; the new length. */
static int
continue_model(Tester *t, int n)
{
	tw_reset(t->session);
	if (!tw_feed_tokens(t->session, t->other, n))
		return n;
	while (t->g->emit && !tw_done(t->session)) {
		int *next = t->other + n * t->g->nfield;
		memcpy(next, tw_next_token(t->session), bytes_of_tokens(t, 1));
		if (!tw_feed_token(t->session, next))
			break;
		n++;
	}
	return n;
}

/* The label that has the graph's output, which becomes its column. */
static int
find_label(const Tester *t, int *output)
{
	int i = 0;

	while (*output >= t->model->label[i].columns)
		*output -= t->model->label[i++].columns;
	return i;
}

/* The label's number, as a transformer gives it: exact, so no rounding helps it. */
static float
label_of_model(Tester *t, int output, int at)
{
	int i = find_label(t, &output);

	return tw_label(t->session, i, at)[output];
}

/* Are these one value? A real's need only be as near as its error bound says. */
static bool
same_value(const Tester *t, int output, int64_t meant, double x)
{
	if (t->g->output[output].kind != K_REAL)
		return (double)meant == x;
	double real = real_value(meant);
	if (t->learned)
		return fabs(real - x) <= 1e-5 * (1 + fabs(real));
	double error = (double)t->model->label[find_label(t, &output)].error;
	return fabs(real - x) <= error + 1e-12 * fabs(real);
}

static void
start_eval(Tester *t, const int *text, int n)
{
	if (t->numbers)
		eval_numbers(t->eval, t->numbers, n);
	else
		eval_text(t->eval, text, n);
}

static bool
feed_position(Tester *t, int i)
{
	int width = t->g->ninput;
	float *x = NEWS(&t->program.arena, float, width + 1);

	for (int k = 0; k < width; k++)
		x[k] = (float)t->numbers[i * width + k];
	return width ? tw_feed_numbers(t->session, x)
	             : tw_feed_token(t->session, t->text + i * t->g->nfield);
}

/* As the evaluator has it; a reference is the number of its position, -1 outside of the text. */
static int64_t
meant_value(const Tester *t, const Named *v, int at, int n)
{
	int64_t x = eval_at(t->eval, v->node, at);

	if (v->kind != K_POS)
		return x;
	x = x < 0 ? x : x + v->offset;
	return x >= 0 && x < (t->g->bidirectional ? n : at + 1) ? x : -1;
}

/* Every named value at every position, those folded into the weights too. A real's error is not
 * known. */
static void
compare_named(Tester *t, const Test *test, int n)
{
	const Graph *g = t->g;

	if (!t->traced || g->ninput)
		return;
	tw_reset(t->traced);
	if (!tw_feed_tokens(t->traced, t->text, n))
		return;
	for (int k = 0; k < g->nnamed; k++) {
		const Named *v = &g->named[k];
		if (v->kind == K_REAL || !tw_has_value(t->traced, &t->model->named[k]))
			continue;
		for (int i = 0; i < n; i++) {
			int64_t meant = meant_value(t, v, i, n);
			float got = tw_value(t->traced, &t->model->named[k], i);
			if ((double)got == (double)meant)
				continue;
			fail_test(t, test);
			printf("%s at position %d: the evaluator gives %s, the transformer %s\n",
			       v->name, i, value_text(t, v, meant), number_text(t, v, got));
			return;
		}
	}
}

/* Both, at every position of text[0..n): the next token, and the labels. Reports
 * the first difference of each kind. */
static void
compare_positions(Tester *t, const Test *test, int n)
{
	const Graph *g = t->g;
	bool differs = false;

	start_eval(t, t->text, n);
	tw_reset(t->session);
	for (int i = 0; i < n; i++) {
		if (!feed_position(t, i)) {
			fail_test(t, test);
			printf("the transformer refuses position %d\n", i);
			return;
		}
		if (!g->emit || differs)
			continue;
		int *meant = t->other;
		const int *got = tw_next_token(t->session);
		bool ends = !next_token(g, t->eval, i, meant);
		differs = ends ? *got != g->nvocab : memcmp(meant, got, bytes_of_tokens(t, 1)) != 0;
		if (differs) {
			fail_test(t, test);
			printf("after %s: the evaluator's next token is %s, the transformer's is "
			       "%s\n",
			       quoted_prompt(t, t->text, i + 1), quoted_prompt(t, meant, 1),
			       quoted_prompt(t, got, 1));
		}
	}
	for (int o = 0; o < g->noutput; o++) {
		for (int i = 0; i < n; i++) {
			int64_t meant = eval_at(t->eval, g->output[o].node, i);
			float got = label_of_model(t, o, i);
			if (same_value(t, o, meant, (double)got))
				continue;
			fail_test(t, test);
			printf("%s at position %d: the evaluator gives %s, the transformer %s\n",
			       g->output[o].name, i, value_text(t, &g->output[o], meant),
			       number_text(t, &g->output[o], got));
			break;
		}
	}
}

static const char less_far_ahead[] = "a head is less far ahead than its file claims: the "
				     "transformer goes on with the softmax";

/* Has a text been run by softmax since then, though every head was proved to read one place
 * alone, or all that are alike? */
static bool
fell_back_since(const Tester *t, long before)
{
	return tw_stats(t->session).broken > before
	       && !strstr(t->model->certificate, "\"softmax\"");
}

/* ---- one test ---- */

/* The same text, of other tokens perhaps. */
static bool
spells_answer(Tester *t, const Test *test, const int *answer, int n)
{
	const char *wanted = spell_rows(&t->program.arena, t->g, test->answer, test->nanswer);
	const char *got = spell_rows(&t->program.arena, t->g, answer, n);

	return test->begins ? !strncmp(got, wanted, strlen(wanted)) : !strcmp(got, wanted);
}

static bool
gives_answer(Tester *t, const Test *test, const int *text, int n)
{
	const int *answer = text + test->nprompt * t->g->nfield;
	int len = n - test->nprompt;

	if (test->spelled)
		return spells_answer(t, test, answer, len);
	if (len < test->nanswer || (len > test->nanswer && !test->begins))
		return false;
	return !memcmp(answer, test->answer, bytes_of_tokens(t, test->nanswer));
}

/* As the test writes its answer: a text, or a list. */
static const char *
quoted_answer(Tester *t, const Test *test, const int *row, int n)
{
	Arena *arena = &t->program.arena;
	const char *list = "";

	if (test->spelled)
		return quoted_prompt(t, row, n);
	for (int i = 0; i < n; i++) {
		const int *one = row + i * t->g->nfield;
		const char *token = t->g->field ? spell_rows(arena, t->g, one, 1)
		                                : quoted_prompt(t, one, 1);
		list = arena_fmt(arena, "%s%s%s", list, i ? ", " : "", token);
	}
	return arena_fmt(arena, "[%s]", list);
}

/* Longer answers are not shown whole. */
enum { MOST_SHOWN = 16 };

/* The first token of an answer that is not the expected one; -1 if there is none. */
static int
first_different(const Tester *t, const Test *test, const int *answer, int n)
{
	int width = t->g->nfield, i = 0;

	while (i < n && i < test->nanswer
	       && !memcmp(answer + i * width, test->answer + i * width, bytes_of_tokens(t, 1)))
		i++;
	return i < test->nanswer || (i < n && !test->begins) ? i : -1;
}

static const char *
token_or_end(Tester *t, const Test *test, const int *answer, int n, int i)
{
	return i < n ? quoted_answer(t, test, answer + i * t->g->nfield, 1) : "the end";
}

/* Where the evaluator or the transformer first gives another token, of n and m ones. */
static void
print_first_difference(Tester *t, const Test *test, int n, int m)
{
	const int *by_eval = t->text + test->nprompt * t->g->nfield,
		  *by_model = t->other + test->nprompt * t->g->nfield;
	int i = first_different(t, test, by_eval, n), j = first_different(t, test, by_model, m);
	int at = i < 0 || (j >= 0 && j < i) ? j : i;

	printf("at token %d of the answer: expected %s, the evaluator gives %s, the transformer "
	       "%s\n",
	       at, token_or_end(t, test, test->answer, test->nanswer, at),
	       token_or_end(t, test, by_eval, n, at), token_or_end(t, test, by_model, m, at));
}

static void
compare_answer(Tester *t, const Test *test, int n, int m)
{
	if (gives_answer(t, test, t->text, n) && gives_answer(t, test, t->other, m))
		return;
	fail_test(t, test);
	if (t->learned) {
		printf("expected %s%s, the evaluator gives %s\n",
		       quoted_answer(t, test, test->answer, test->nanswer),
		       test->begins ? "..." : "",
		       quoted_answer(t, test, t->text + test->nprompt * t->g->nfield,
		                     n - test->nprompt));
		return;
	}
	if (n > test->nprompt + MOST_SHOWN || test->nanswer > MOST_SHOWN) {
		print_first_difference(t, test, n - test->nprompt, m - test->nprompt);
		return;
	}
	printf("expected %s%s, the evaluator gives %s, the transformer %s\n",
	       quoted_answer(t, test, test->answer, test->nanswer), test->begins ? "..." : "",
	       quoted_answer(t, test, t->text + test->nprompt * t->g->nfield, n - test->nprompt),
	       quoted_answer(t, test, t->other + test->nprompt * t->g->nfield, m - test->nprompt));
}

/* Only the evaluator is compared with the labels that the test expects: that the
 * transformer's are the evaluator's is checked for all of them. */
static void
check_expected_labels(Tester *t, const Test *test)
{
	start_eval(t, test->prompt, test->nprompt);
	for (int k = 0; k < test->nlabel; k++) {
		const Label *l = &test->label[k];
		const Named *out = &t->g->output[l->output];
		int from = test->nprompt - l->n;

		if (from < 0 || (from > 0 && !l->tail)) {
			fail_test(t, test);
			printf("%s is expected at %d positions, the text has %d\n", out->name, l->n,
			       test->nprompt);
			continue;
		}
		for (int i = 0; i < l->n; i++) {
			int64_t v = eval_at(t->eval, out->node, from + i);
			bool real = out->kind == K_REAL;
			if ((l->any && l->any[i])
			    || (real ? same_value(t, l->output, v, real_value(l->value[i]))
			             : v == l->value[i]))
				continue;
			fail_test(t, test);
			printf("%s at position %d: expected %s, the evaluator gives %s\n",
			       out->name, from + i, value_text(t, out, l->value[i]),
			       value_text(t, out, v));
			break;
		}
	}
}

static void
test_asserts(Tester *t, int n)
{
	int at;

	start_eval(t, t->text, n);
	const Assert *a = broken_assert(t->g, t->eval, n, &at);
	if (!a)
		return;
	begin_failure(t, a->file, a->span);
	printf("does not hold at position %d of %s%s\n", at, quoted_prompt(t, t->text, n),
	       why_broken(&t->program.arena, t->eval, a, at));
}

/* The rest of the test: what the transformer says of the same text. */
static void
compare_with_model(Tester *t, const Test *test, int n, long before)
{
	if (!t->failing)
		compare_positions(t, test, n);
	if (!t->failing)
		compare_named(t, test, n);
	if (!t->failing && fell_back_since(t, before)) {
		fail_test(t, test);
		printf("%s\n", less_far_ahead);
	}
}

static void
check_test(Tester *t, const Test *test)
{
	t->failing = false;
	t->numbers = test->numbers;
	if (test->nprompt < 1 || test->nprompt > longest_kept(t->g)) {
		fail_test(t, test);
		printf("the prompt has %d tokens, the context %d\n", test->nprompt, t->g->context);
	} else {
		size_t size = bytes_of_tokens(t, test->nprompt);
		memcpy(t->text, test->prompt, size);
		memcpy(t->other, test->prompt, size);
		if (t->learned) /* what is said of the evaluator twice */
			t->other = t->text;
		int n = test->nprompt, m = test->nprompt;
		long before = t->learned ? 0 : tw_stats(t->session).broken;
		if (test->emits) {
			n = continue_text(t->g, t->eval, t->text, n);
			m = t->learned ? n : continue_model(t, m);
			compare_answer(t, test, n, m);
		}
		check_expected_labels(t, test);
		test_asserts(t, n);
		if (!t->learned)
			compare_with_model(t, test, n, before);
	}
	t->failed += t->failing;
	t->passed += !t->failing;
}

/* ---- a library's examples ---- */

/* Is the output true at all of text[0..n), and does the transformer agree? */
static bool
example_holds(Tester *t, int output, int n)
{
	for (int i = 0; i < n; i++) {
		int64_t v = eval_at(t->eval, t->g->output[output].node, i);
		float w = t->learned ? (float)v : label_of_model(t, output, i);
		if (v == 1 && w == 1)
			continue;
		printf("%s:%s: does not hold at position %d of %s: the evaluator gives %" PRId64,
		       t->program.src.path, t->g->output[output].name + strlen(EXAMPLE_NAME), i,
		       quoted_prompt(t, t->text, n), v);
		printf(t->learned ? "\n" : ", the transformer %g\n", (double)w);
		return false;
	}
	return true;
}

static void
start_piece(Tester *t, int from, int n)
{
	if (!t->learned)
		tw_reset(t->session);
	for (int i = 0; i < n; i++) {
		t->text[i] = from + i;
		if (!t->learned)
			tw_feed(t->session, from + i);
	}
	eval_text(t->eval, t->text, n);
}

/* Every output is true at every position, in pieces of the context's length, and
 * the transformer agrees. */
static void
test_library_examples(Tester *t, int line)
{
	const Graph *g = t->g;

	for (int o = 0; o < g->noutput; o++) {
		bool holds = true;
		if (strncmp(g->output[o].name, EXAMPLE_NAME, sizeof EXAMPLE_NAME - 1))
			continue;
		if (line && line != atoi(g->output[o].name + strlen(EXAMPLE_NAME)))
			continue;
		for (int from = 0; holds && from < g->nvocab; from += g->context) {
			int n = g->nvocab - from < g->context ? g->nvocab - from : g->context;
			start_piece(t, from, n);
			holds = example_holds(t, o, n);
		}
		if (holds && !t->learned && fell_back_since(t, 0)) {
			holds = false;
			printf("%s: %s\n", t->program.src.path, less_far_ahead);
		}
		t->passed += holds;
		t->failed += !holds;
	}
}

/* ---- one file ---- */

/* ---- the transformer ---- */

/* The weights as they would be written, read back. */
static bool
load_compiled(Tester *t, char **error)
{
	size_t n;
	unsigned char *bytes = onnx_bytes(&t->program.arena, t->program.model, &n);

	t->model = bytes ? tw_load_memory(bytes, n, error) : NULL;
	return t->model;
}

static bool
same_words(const TwModel *a, const TwModel *b)
{
	bool same = a->nvocab == b->nvocab && a->nfield == b->nfield;

	for (int i = 0; same && i < a->nvocab; i++)
		same = !strcmp(a->vocab[i], b->vocab[i]);
	for (int f = 0; same && f < a->nfield; f++)
		same = a->first[f] == b->first[f];
	return same;
}

/* Each of the program's outputs is a column of a label. */
static bool
same_labels(const Tester *t)
{
	int columns = 0;

	for (int i = 0; i < t->model->nlabel; i++)
		columns += t->model->label[i].columns;
	if (columns != t->g->noutput)
		return false;
	for (int o = 0; o < columns; o++) {
		int at = o;
		const TwLabel *l = &t->model->label[find_label(t, &at)];
		if (strncmp(t->g->output[o].name, l->name, strlen(l->name)))
			return false;
	}
	return true;
}

/* Why the program's tests cannot be asked of the model; NULL: they can. */
static const char *
other_model(Tester *t)
{
	const Graph *g = t->g;
	const TwModel *m = t->model, words = words_of(&t->program.arena, g);

	if (m->ninput != g->ninput || (!m->ninput && !same_words(m, &words)))
		return "it takes other tokens";
	if (m->bidirectional != g->bidirectional)
		return "one of them is bidirectional";
	if (m->context < longest_kept(g))
		return "its context is shorter";
	if (m->emits != (g->emit != NULL) || !same_labels(t))
		return "it says something else";
	return NULL;
}

/* Do its named values have the program's names? Else they are not compared. */
static bool
has_names_of_program(const Tester *t)
{
	const TwModel *m = t->model;
	bool same = m->nnamed == t->g->nnamed;

	for (int i = 0; same && i < m->nnamed; i++)
		same = !strcmp(m->named[i].name, t->g->named[i].name);
	return same;
}

static bool
load_given(Tester *t, const char *path, char **error)
{
	t->model = is_checkpoint(path) ? load_checkpoint(&t->program, path, error)
	                               : tw_load(path, error);
	const char *why = t->model ? other_model(t) : NULL;
	if (why && asprintf(error, "%s is no model of this program: %s", path, why) < 0)
		*error = NULL;
	return t->model && !why;
}

static bool
open_transformer(Tester *t, const Options *o)
{
	char *error = NULL;
	bool ready = o->model ? load_given(t, o->model, &error) : load_compiled(t, &error);

	t->session = ready ? tw_open(t->model, 0, &error) : NULL;
	if (!t->session)
		fprintf(stderr, "twc: %s: %s%s\n", t->program.src.path,
		        o->model ? "" : "the compiled model does not load: ",
		        error ? error : "out of memory");
	free(error);
	error = NULL;
	t->traced = t->session && has_names_of_program(t) ? tw_open(t->model, TW_TRACE, &error)
	                                                  : NULL;
	free(error);
	return t->session;
}

/* All tests, or those of the line that o says. */
static bool
test_source_text(Tester *t, const char *path, const char *text, size_t n, const Options *o)
{
	Source *written = NEW(&t->program.arena, Source);
	bool library;

	*written = (Source){ .path = path, .text = text, .len = (uint32_t)n };
	if (!program_open_file_text(&t->program, path, text, n, o, &library))
		return false;
	t->program.inspect.verify = true;
	t->g = &t->program.meant;
	if (t->g->learned)
		t->learned = learned_half_new(t->g, (uint64_t)o->seed, o->model);
	else if ((!o->model && !program_compile(&t->program)) || !open_transformer(t, o))
		return false;
	if (t->g->learned && !t->learned)
		return false;

	t->text = NEWS(&t->program.arena, int, (longest_kept(t->g) + 1) * t->g->nfield);
	t->other = NEWS(&t->program.arena, int, (longest_kept(t->g) + 1) * t->g->nfield);
	t->eval = eval_new(t->g);
	if (t->learned)
		learned_half_attach(t->learned, t->eval);
	if (library)
		test_library_examples(t, o->line);
	for (int i = 0; !library && i < t->g->ntest; i++)
		if (!o->line || o->line == source_line(&t->program.src, t->g->test[i].span.lo))
			check_test(t, &t->g->test[i]);
	eval_free(t->eval);
	if (o->line && !t->passed && !t->failed) {
		fprintf(stderr, "twc: %s has no test in line %d\n", path, o->line);
		return false;
	}
	if (!t->passed && !t->failed) {
		warn_in(&t->program.diags, written, (Span){ 0, 1 }, "this file tests nothing: %s",
		        library ? "a library has '# example: C', C a condition"
		                : "write test PROMPT -> ANSWER, or test PROMPT -> LABEL = "
		                  "[VALUES]");
		diag_print(&t->program.diags, stderr);
	}
	return true;
}

static void
close_tester(Tester *t)
{
	learned_half_free(t->learned);
	if (t->session)
		tw_close(t->session);
	tw_close(t->traced);
	if (t->model)
		tw_free(t->model);
	program_close(&t->program);
}

static int
print_totals(int passed, int failed, bool refused)
{
	bool colours = has_colours(stdout);

	fputs(!colours ? "" : refused || failed ? "\033[1;31m" : "\033[1;32m", stdout);
	if (refused && !passed && !failed)
		fputs("nothing was tested", stdout);
	else
		printf("%d passed, %d failed", passed, failed);
	puts(colours ? "\033[0m" : "");
	return refused ? 2 : failed > 0;
}

int
test_one(const char *path, const char *text, size_t n, const Options *o)
{
	Tester t = { 0 };
	bool ok = test_source_text(&t, path, text, n, o);
	int status = print_totals(t.passed, t.failed, !ok);

	close_tester(&t);
	return status;
}

int
cmd_test(const Options *o)
{
	int passed = 0, failed = 0;
	bool refused = false;

	for (int i = 0; i < o->nargs; i++) {
		Tester t = { 0 };
		size_t n;
		char *text = read_file(&t.program.arena, o->args[i], &n);
		refused |= !text || !test_source_text(&t, o->args[i], text, n, o);
		passed += t.passed;
		failed += t.failed;
		close_tester(&t);
	}
	return print_totals(passed, failed, refused);
}
