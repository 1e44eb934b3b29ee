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

#include "cmd/sampler.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/file/write.h"
#include "lang/text.h"

typedef struct SampleWriter {
	Program program;
	PromptSampler s;
} SampleWriter;

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
	int64_t x = eval_at(s->s.eval, v->node, p), at = x + v->offset;

	return x >= 0 && at >= 0 && at < (s->s.g->bidirectional ? n : p + 1) ? at : -1;
}

static void
add_values(SampleWriter *s, TextBuilder *t, const Named *v, int n)
{
	for (int p = 0; p < n; p++) {
		text_addf(t, p ? ", " : "[");
		if (v->kind == K_REAL)
			text_add_json_number(t, real_value(eval_at(s->s.eval, v->node, p)));
		else
			text_addf(t, "%lld",
			          (long long)(v->kind == K_POS ? position_of(s, v, p, n)
			                                       : eval_at(s->s.eval, v->node, p)));
	}
	text_addf(t, n ? "]" : "[]");
}

static void
add_prompt(SampleWriter *s, TextBuilder *t)
{
	if (!s->s.g->ninput) {
		text_add_json_string(t, spell_rows(t->arena, s->s.g, s->s.text, s->s.n));
		return;
	}
	for (int i = 0; i < s->s.n * s->s.g->ninput; i++) {
		text_addf(t, i ? i % s->s.g->ninput ? ", " : "], [" : "[[");
		text_add_json_number(t, s->s.number[i]);
	}
	text_addf(t, "]]");
}

static void
add_sample(SampleWriter *s, TextBuilder *t, int end)
{
	const Graph *g = s->s.g;
	const char *comma = "";

	add_member(t, "{", "prompt");
	add_prompt(s, t);
	if (g->emit) {
		add_member(t, ", ", "answer");
		text_add_json_string(
			t, spell_rows(t->arena, g, s->s.text + s->s.n * g->nfield, end - s->s.n));
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
		int end = sampler_text(&s->s);
		if (end < 0) {
			fprintf(stderr, "twc: no text of %d was found that keeps its asserts\n",
			        SAMPLE_TRIES);
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
	sampler_open(&s->s, &s->program.arena, &s->program.meant, (uint64_t)o->seed);
	bool ok = write_samples(s, o->count ? o->count : 1, to);
	sampler_close(&s->s);
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
