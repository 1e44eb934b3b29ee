/* twc run: what a program says, from the reference evaluator alone. */

#define _GNU_SOURCE /* asprintf */

#include "cmd/cmd.h"
#include "cmd/npy_input.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/tw.h"
#include "tensor/train/vocabulary.h"

typedef struct EvalRun {
	Program program;
	Eval *eval;
	TwModel vocab;        /* no weights: what tw_tokenize needs */
	int *text;            /* (context, nfield) */
	bool broken;          /* an assert failed */
	LearnedHalf *learned; /* or NULL */
} EvalRun;

static void
print_labels(EvalRun *r, int n)
{
	const Graph *g = &r->program.meant;

	for (int i = 0; i < g->noutput; i++) {
		printf("%s:", g->output[i].name);
		for (int p = 0; p < n; p++) {
			int64_t v = eval_at(r->eval, g->output[i].node, p);
			printf(" %s", spell_meant(&r->program.arena, g, &g->output[i], v));
		}
		putchar('\n');
	}
}

/* As tw_tokenize() does. */
static int
cut_byte_pairs(EvalRun *r, const char *prompt, char **error)
{
	const Graph *g = &r->program.meant;
	Arena *own = arena_child(&r->program.arena);
	size_t n = strlen(prompt), bad = 0;
	int *row = NEWS(own, int, n + 1),
	    count = byte_pairs_cut(own, g->pairs, prompt, n, row, &bad);

	if (!count)
		*error = strdup("the prompt is empty");
	else if (count < 0 && asprintf(error, "byte %zu of the prompt is no token", bad) < 0)
		*error = NULL;
	else if (count > g->context
	         && asprintf(error, "the prompt is too long: the model takes %d tokens", g->context)
	                    < 0)
		*error = NULL;
	if (count > 0 && count <= g->context)
		memcpy(r->text, row, sizeof *row * (size_t)count);
	arena_free(own);
	return count > 0 && count <= g->context ? count : -1;
}

/* The prompt's rows in r->text, or -1 with a line on standard error. */
static int
read_prompt(EvalRun *r, const char *prompt, const char *where, int line)
{
	char *error = NULL;
	int n = r->program.meant.pairs ? cut_byte_pairs(r, prompt, &error)
	                               : tw_tokenize(&r->vocab, prompt, r->text, &error);

	if (n < 0 && where)
		fprintf(stderr, "twc: %s, line %d: %s\n", where, line, error ? error : "no prompt");
	else if (n < 0)
		fprintf(stderr, "twc: %s\n", error ? error : "no prompt");
	free(error);
	return n;
}

static void
report_broken_assert(EvalRun *r, int n)
{
	const Graph *g = &r->program.meant;
	int at;
	const Assert *a = broken_assert(g, r->eval, n, &at);

	if (!a)
		return;
	const Source *src = g->files && a->file < g->nfile ? g->files[a->file] : &r->program.src;
	const char *text = g->ninput ? "what is fed"
	                             : arena_fmt(&r->program.arena, "\"%s\"",
	                                         spell_rows(&r->program.arena, g, r->text, n));
	fprintf(stderr, "%s:%d: does not hold at position %d of %s%s\n", src->path,
	        source_line(src, a->span.lo), at, text,
	        why_broken(&r->program.arena, r->eval, a, at));
	r->broken = true;
}

/* Of many texts, an empty line ends those that have several lines. */
static void
end_of_text(const Graph *g)
{
	if ((g->emit != NULL) + g->noutput > 1)
		putchar('\n');
}

/* What follows the prompt, of byte pairs up to one that ends a text. */
static void
print_what_follows(EvalRun *r, int n, int end)
{
	const Graph *g = &r->program.meant;

	for (int i = n; i < end; i++) {
		const int *row = r->text + i * g->nfield;
		if (g->pairs && *row == g->pairs->end)
			break;
		if (g->pairs)
			fwrite(g->pairs->bytes[*row], 1, (size_t)g->pairs->size[*row], stdout);
		else
			print_spelled(&r->vocab, row, i == n, stdout);
	}
	putchar('\n');
}

static bool
run_prompt(EvalRun *r, const char *prompt)
{
	const Graph *g = &r->program.meant;
	int n = read_prompt(r, prompt, NULL, 0);

	if (n < 0)
		return false;
	int end = continue_text(g, r->eval, r->text, n);
	report_broken_assert(r, end);
	if (g->emit)
		print_what_follows(r, n, end);
	if (g->noutput) {
		eval_text(r->eval, r->text, n);
		print_labels(r, n);
	}
	return true;
}

/* All prompts are checked before the first is answered. */
static bool
run_prompt_file(EvalRun *r, const char *path)
{
	size_t size;
	int n = 0;
	char *text = read_file(&r->program.arena, path, &size);
	char *end = text ? text + size : NULL;

	if (!text)
		return false;
	for (char *s = text; s < end; s += strlen(s) + 1) {
		s[strcspn(s, "\n")] = '\0';
		if (read_prompt(r, s, path, ++n) < 0)
			return false;
	}
	for (char *s = text; s < end; s += strlen(s) + 1) {
		run_prompt(r, s);
		end_of_text(&r->program.meant);
	}
	return true;
}

/* The labels of each text of the file. */
static bool
run_number_file(EvalRun *r, const char *path)
{
	const Graph *g = &r->program.meant;
	TwInput *in = NEWS(&r->program.arena, TwInput, g->ninput + 1);
	Numbers all;

	if (!g->ninput) {
		fputs("twc: this model takes tokens: give it a prompt\n", stderr);
		return false;
	}
	for (int i = 0; i < g->ninput; i++)
		in[i] = (TwInput){ (char *)(uintptr_t)g->input[i].name,
			           g->input[i].kind == K_REAL ? TW_REAL : TW_INT,
			           (float)g->input[i].min, (float)g->input[i].max };
	if (!numbers_read(&r->program.arena, "twc", path, in, g->ninput, g->context, &all))
		return false;
	for (int i = 0; i < all.ntext; i++) {
		eval_numbers(r->eval, all.x + (size_t)i * (size_t)all.n * (size_t)g->ninput, all.n);
		report_broken_assert(r, all.n);
		print_labels(r, all.n);
		if (all.ntext > 1)
			end_of_text(g);
	}
	return true;
}

int
cmd_run(const Options *o)
{
	EvalRun r = { 0 };
	bool ok = false;

	if (o->nargs < 2 && !o->batch && !o->input) {
		fputs("twc: run needs a prompt, --batch FILE or --input FILE.npy\n", stderr);
		return 2;
	}
	if (program_open(&r.program, o->args[0], o)) {
		const Graph *g = &r.program.meant;
		r.vocab = words_of(&r.program.arena, g);
		r.text = NEWS(&r.program.arena, int, (longest_kept(g) + 1) * g->nfield);
		r.eval = eval_new(g);
		if (g->learned) {
			r.learned = learned_half_new(g, (uint64_t)o->seed, o->model);
			if (r.learned)
				learned_half_attach(r.learned, r.eval);
		}
		if (!g->learned && o->model)
			fprintf(stderr,
			        "twc: %s: it is exact, and run without a model; twrun runs %s%s\n",
			        o->args[0], o->model,
			        is_checkpoint(o->model) ? ", what twc train made of it" : "");
		bool ready = g->learned ? r.learned != NULL : !o->model;
		ok = ready && (!o->input || run_number_file(&r, o->input));
		if (ok && g->ninput && (o->nargs > 1 || o->batch)) {
			fputs("twc: this model takes numbers: --input FILE.npy\n", stderr);
			ok = false;
		}
		for (int i = 1; ok && i < o->nargs; i++) {
			ok = run_prompt(&r, o->args[i]);
			if (o->nargs > 2)
				end_of_text(g);
		}
		if (ok && o->batch)
			ok = run_prompt_file(&r, o->batch);
		eval_free(r.eval);
		learned_half_free(r.learned);
	}
	bool broken = r.broken;
	program_close(&r.program);
	return ok ? broken : 2;
}
