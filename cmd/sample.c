/* twc sample: a data set of what a program says, from the reference evaluator: for probes, sparse
 * autoencoders, or to train a model on. A line of JSON each:
 *
 *     {"prompt": "52+79=", "answer": "131", "named": {"a[0]": [0, 0, 2, 2, 2, 2, …], …},
 *      "labels": {…}}
 *
 * Named values are at each position of the prompt and its answer; a reference is the number of its
 * position, or -1. Prompts are those of the program's tests with tokens replaced by others of their
 * kind (digits by digits), the same with one taken away or put in, and random ones; only those that
 * keep the program's asserts. */

#include "cmd/cmd.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/file/write.h"
#include "lang/text.h"
#include "lang/random.h"

enum {
	TRIES = 50, /* for one text that keeps the asserts */
	LONGEST_RANDOM = 40,
	FINEST = 16, /* real numbers that are fed are multiples of 1/16 */
};

typedef struct SampleWriter {
	Program program;
	const Graph *g;
	Eval *eval;
	uint64_t state;
	int *text;      /* (context + 1, nfield) */
	double *number; /* (context, ninput) */
	int n;          /* tokens of the prompt */
} SampleWriter;

/* ---- prompts */

static int
character_class(const char *s)
{
	unsigned char c = (unsigned char)*s;

	return isdigit(c) ? 1 : islower(c) ? 2 : isupper(c) ? 3 : isspace(c) ? 4 : 5 + c;
}

static int
random_row(SampleWriter *s, int field)
{
	return first_row(s->g, field) + seeded_below(&s->state, rows_of(s->g, field));
}

/* Another row of the field whose word begins with a letter of the same kind. */
static int
row_of_kind(SampleWriter *s, int field, int row)
{
	for (int i = 0; i < 20; i++) {
		int other = random_row(s, field);
		if (s->g->field
		    || character_class(s->g->vocab[other]) == character_class(s->g->vocab[row]))
			return other;
	}
	return row;
}

static void
random_tokens(SampleWriter *s)
{
	int most = s->g->context < LONGEST_RANDOM ? s->g->context : LONGEST_RANDOM;

	s->n = 1 + seeded_below(&s->state, most);
	for (int i = 0; i < s->n; i++)
		for (int f = 0; f < s->g->nfield; f++)
			s->text[i * s->g->nfield + f] = random_row(s, f);
}

/* A token less, or one more. */
static void
change_length(SampleWriter *s)
{
	int at = seeded_below(&s->state, s->n), wide = s->g->nfield;
	size_t rest = (size_t)((s->n - at) * wide) * sizeof *s->text;

	if (seeded_below(&s->state, 2) && s->n < s->g->context) {
		memmove(s->text + (at + 1) * wide, s->text + at * wide, rest);
		for (int f = 0; f < wide; f++)
			s->text[at * wide + f] = random_row(s, f);
		s->n++;
	} else if (s->n > 1) {
		memmove(s->text + at * wide, s->text + (at + 1) * wide,
		        rest - (size_t)wide * sizeof *s->text);
		s->n--;
	}
}

static void
random_prompt(SampleWriter *s)
{
	const Graph *g = s->g;
	const Test *t = g->ntest ? &g->test[seeded_below(&s->state, g->ntest)] : NULL;
	int how = seeded_below(&s->state, 10);

	if (!t || !t->nprompt || t->nprompt > g->context || how == 0) {
		random_tokens(s);
		return;
	}
	s->n = t->nprompt;
	memcpy(s->text, t->prompt, (size_t)(s->n * g->nfield) * sizeof *s->text);
	for (int i = 0; i < s->n * g->nfield; i++)
		if (seeded_below(&s->state, 2))
			s->text[i] = row_of_kind(s, i % g->nfield, s->text[i]);
	if (how == 1)
		change_length(s);
}

static void
random_numbers(SampleWriter *s)
{
	int most = s->g->context < LONGEST_RANDOM ? s->g->context : LONGEST_RANDOM;

	s->n = 1 + seeded_below(&s->state, most);
	for (int i = 0; i < s->n * s->g->ninput; i++) {
		const Input *in = &s->g->input[i % s->g->ninput];
		double unit = in->kind == K_REAL ? FINEST : 1;
		double steps = fmin((in->max - in->min) * unit, 1e6);
		s->number[i] = in->min + seeded_below(&s->state, (int)steps + 1) / unit;
	}
}

/* A text that the program is for, its answer behind it: how long it has become; -1 where none was
 * found. */
static int
sample_text(SampleWriter *s)
{
	const Graph *g = s->g;
	int at;

	for (int i = 0; i < TRIES; i++) {
		int end;
		if (g->ninput) {
			random_numbers(s);
			eval_numbers(s->eval, s->number, end = s->n);
		} else {
			random_prompt(s);
			end = continue_text(g, s->eval, s->text, s->n);
		}
		if (!broken_assert(g, s->eval, end, &at))
			return end;
	}
	return -1;
}

/* ---- a line */

static void
add_member(TextBuilder *t, const char *comma, const char *name)
{
	text_addf(t, "%s", comma);
	text_add_json_string(t, name);
	text_addf(t, ": ");
}

/* The position that a reference is at p, of n; -1 where there is none. */
static int64_t
position_of(const SampleWriter *s, const Named *v, int p, int n)
{
	int64_t x = eval_at(s->eval, v->node, p), at = x + v->offset;

	return x >= 0 && at >= 0 && at < (s->g->bidirectional ? n : p + 1) ? at : -1;
}

static void
add_values(SampleWriter *s, TextBuilder *t, const Named *v, int n)
{
	for (int p = 0; p < n; p++) {
		text_addf(t, p ? ", " : "[");
		if (v->kind == K_REAL)
			text_add_json_number(t, real_value(eval_at(s->eval, v->node, p)));
		else
			text_addf(t, "%lld",
			          (long long)(v->kind == K_POS ? position_of(s, v, p, n)
			                                       : eval_at(s->eval, v->node, p)));
	}
	text_addf(t, n ? "]" : "[]");
}

static void
add_prompt(SampleWriter *s, TextBuilder *t)
{
	if (!s->g->ninput) {
		text_add_json_string(t, spell_rows(t->arena, s->g, s->text, s->n));
		return;
	}
	for (int i = 0; i < s->n * s->g->ninput; i++) {
		text_addf(t, i ? i % s->g->ninput ? ", " : "], [" : "[[");
		text_add_json_number(t, s->number[i]);
	}
	text_addf(t, "]]");
}

static void
add_sample(SampleWriter *s, TextBuilder *t, int end)
{
	const Graph *g = s->g;
	const char *comma = "";

	add_member(t, "{", "prompt");
	add_prompt(s, t);
	if (g->emit) {
		add_member(t, ", ", "answer");
		text_add_json_string(
			t, spell_rows(t->arena, g, s->text + s->n * g->nfield, end - s->n));
	}
	add_member(t, ", ", "named");
	text_addf(t, "{");
	for (int i = 0; i < g->nnamed; i++) {
		if (g->named[i].node->two_sided)
			continue;
		add_member(t, comma, g->named[i].name);
		add_values(s, t, &g->named[i], end);
		comma = ", ";
	}
	text_addf(t, "}");
	comma = ", \"labels\": {";
	for (int i = 0; i < g->noutput; i++, comma = ", ") {
		add_member(t, comma, g->output[i].name);
		add_values(s, t, &g->output[i], end);
	}
	text_addf(t, g->noutput ? "}}\n" : "}\n");
}

/* All lines; false, with a line on standard error, where the program has no texts. */
static bool
write_samples(SampleWriter *s, int count, FILE *to)
{
	for (int i = 0; i < count; i++) {
		Arena *line = arena_child(&s->program.arena);
		TextBuilder t = { .arena = line };
		int end = sample_text(s);
		if (end < 0) {
			fprintf(stderr, "twc: no text of %d was found that keeps its asserts\n",
			        TRIES);
			return false;
		}
		add_sample(s, &t, end);
		fwrite(t.s, 1, t.n, to);
		arena_free(line);
	}
	return true;
}

static int
sample_to(SampleWriter *s, const Options *o, FILE *to)
{
	const Graph *g = s->g = &s->program.meant;
	size_t most = (size_t)longest_kept(g) + 2;

	s->text = NEWS(&s->program.arena, int, most *(size_t)(g->nfield + 1));
	s->number = NEWS(&s->program.arena, double, most *(size_t)(g->ninput + 1));
	s->state = (uint64_t)o->seed;
	s->eval = eval_new(g);
	bool ok = write_samples(s, o->count ? o->count : 1, to);
	eval_free(s->eval);
	return ok ? 0 : 2;
}

int
cmd_sample(const Options *o)
{
	SampleWriter s = { 0 };
	char *error = NULL, *text = NULL;
	size_t n = 0;
	int status = 2;

	if (program_open(&s.program, o->args[0], o)) {
		FILE *to = o->output ? open_memstream(&text, &n) : stdout;
		status = to ? sample_to(&s, o, to) : 2;
		if (to && o->output) {
			fclose(to);
			if (!status && file_write(o->output, text, n, &error))
				status = 2;
		}
		if (error)
			fprintf(stderr, "twc: %s\n", error);
	}
	free(error);
	free(text);
	program_close(&s.program);
	return status;
}
