/* One program through everything: its meaning, the reference evaluator and the
 * transformer, at every position of texts of every length, in every output, next
 * token and named value; then its formatted text, and its lines in another order. */

#include "tests/fuzz/check.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "backend/write.h"
#include "cmd/cmd.h"
#include "frontend/frontend.h"
#include "runtime/tw.h"

enum { TEXTS = 24 };

typedef struct Check {
	Arena *arena;
	const Sample *s;
	FILE *why, *judge; /* judge: NULL if nobody is to be asked */
	Program program;
	const Graph *g; /* &program.meant */
	Meaning *meaning;
	Eval *eval;
	TwModel *model; /* as loaded from the file's bytes */
	TwSession *session, *both;
	TwBatch *batch;
	uint64_t state;
	int text[CONTEXT], n;
} Check;

static char *
program_text(Arena *arena, const Sample *s, size_t *n)
{
	char *text;
	FILE *f = open_memstream(&text, n);

	print_program(s, f);
	fclose(f);
	char *copy = arena_strn(arena, text, *n);
	free(text);
	return copy;
}

static void
say_text(Check *c)
{
	fputs(" after ", c->why);
	print_prompt(c->s, c->text, c->n, c->why);
	fputc('\n', c->why);
}

/* ---- names of the graph, and what they are in the program ---- */

/* v7, v7[2] and v7.b: the statement, and the single value of it. */
static const Def *
statement_of(const Sample *s, const char *name, int *leaf)
{
	size_t n = strcspn(name, "[.");

	*leaf = name[n] == '[' ? atoi(name + n + 1) : name[n] == '.' ? name[n + 1] - 'a' : 0;
	for (int i = 0; i < s->ndef; i++)
		if (!s->def[i]->dropped && s->def[i]->kind != D_EMIT && strlen(s->def[i]->name) == n &&
		    !strncmp(s->def[i]->name, name, n))
			return s->def[i];
	return NULL;
}

/* A position outside of the text is absent, however it is written. */
static int64_t
plain(const Check *c, const Named *named, int64_t v, int at)
{
	if (named->kind != K_POS)
		return v;
	return v >= 0 && v < (c->s->bidirectional ? c->n : at + 1) ? v : -1;
}

static int64_t
evaluated(Check *c, const Named *named, int at)
{
	int64_t v = eval_at(c->eval, named->node, at);

	if (named->kind == K_POS && v >= 0)
		v += named->offset;
	return plain(c, named, v, at);
}

/* ---- the evaluator against the meaning ---- */

static Fate
compare_meaning(Check *c, const Named *list, int n)
{
	for (int i = 0; i < n; i++) {
		int leaf;
		const Def *d = statement_of(c->s, list[i].name, &leaf);
		for (int at = 0; d && at < c->n; at++) {
			int64_t want, got = evaluated(c, &list[i], at);
			if (!meaning_of(c->meaning, d->body, leaf, at, &want))
				return ENDLESS;
			want = plain(c, &list[i], want, at);
			if (want == got)
				continue;
			fprintf(c->why, "%s at %d means %" PRId64 ", the evaluator gives %" PRId64,
				list[i].name, at, want, got);
			say_text(c);
			return DIFFERS;
		}
	}
	return FINE;
}

static Fate
compare_emitted(Check *c)
{
	const Def *d = NULL;

	for (int i = 0; i < c->s->ndef; i++)
		if (c->s->def[i]->kind == D_EMIT && !c->s->def[i]->dropped)
			d = c->s->def[i];
	for (int at = 0; d && at < c->n; at++) {
		int64_t want, got = eval_at(c->eval, *c->g->emit, at);
		if (!meaning_emit(c->meaning, d, at, &want))
			return ENDLESS;
		if (want == got)
			continue;
		fprintf(c->why, "the next token at %d means %" PRId64 ", the evaluator gives %" PRId64, at,
			want, got);
		say_text(c);
		return DIFFERS;
	}
	return FINE;
}

static Fate
compare_asserts(Check *c)
{
	int at;
	const Assert *a = broken_assert(c->g, c->eval, c->n, &at);

	if (!a)
		return FINE;
	fprintf(c->why, "line %d does not hold at %d", source_line(c->g->files[a->file], a->span.lo), at);
	say_text(c);
	return UNTRUE;
}

/* ---- the transformer against the evaluator ---- */

static float
label_of(Check *c, int output, int at)
{
	for (int i = 0; i < c->model->nlabel; i++) {
		if (output < c->model->label[i].columns)
			return tw_label(c->session, i, at)[output];
		output -= c->model->label[i].columns;
	}
	return -1e30f;
}

static Fate
miscompiled(Check *c, const char *what, int at, double want, double got)
{
	fprintf(c->why, "%s at %d is %g, the transformer gives %g", what, at, want, got);
	say_text(c);
	return MISCOMPILED;
}

static Fate
feed(Check *c)
{
	tw_reset(c->session);
	tw_reset(c->both);
	for (int i = 0; i < c->n; i++) {
		if (!tw_feed(c->session, c->text[i]) || !tw_feed(c->both, c->text[i])) {
			fprintf(c->why, "the transformer refuses token %d", i);
			say_text(c);
			return MISCOMPILED;
		}
		if (!c->g->emit)
			continue;
		int64_t want = eval_at(c->eval, *c->g->emit, i);
		if (tw_next(c->session) != want)
			return miscompiled(c, "the next token", i, (double)want, tw_next(c->session));
	}
	return FINE;
}

static Fate
compare_values(Check *c)
{
	const Graph *g = c->g;

	for (int at = 0; at < c->n; at++) {
		for (int i = 0; i < g->noutput; i++) {
			double want = (double)eval_at(c->eval, g->output[i].node, at),
			       got = (double)label_of(c, i, at);
			if (want != got)
				return miscompiled(c, g->output[i].name, at, want, got);
		}
		for (int i = 0; i < c->model->nnamed; i++) {
			const TwNamed *named = &c->model->named[i];
			if (named->folded)
				continue;
			double want = (double)evaluated(c, &g->named[i], at),
			       got = (double)tw_value(c->session, named, at);
			if (want != got)
				return miscompiled(c, g->named[i].name, at, want, got);
		}
		for (int i = 0; i < c->model->nlabel; i++)
			tw_label(c->both, i, at);
	}
	if (!tw_difference(c->both))
		return FINE;
	fprintf(c->why, "%s", tw_difference(c->both));
	say_text(c);
	return UNSURE;
}

/* What follows, a token at a time and in a batch. */
static Fate
compare_answers(Check *c)
{
	int answer[CONTEXT], text[CONTEXT];
	TwText batch = { .prompt = c->text, .nprompt = c->n, .answer = answer };

	if (!c->g->emit)
		return FINE;
	memcpy(text, c->text, sizeof text);
	int n = continue_text(c->g, c->eval, text, c->n);
	tw_batch_answer(c->batch, &batch, 1, c->g->context);
	if (batch.nanswer == n - c->n && !memcmp(answer, text + c->n, sizeof *text * (size_t)batch.nanswer))
		return FINE;
	fprintf(c->why, "%d tokens should follow, the batch gives %d, or others", n - c->n, batch.nanswer);
	say_text(c);
	return MISCOMPILED;
}

/* ---- for ONNX Runtime ---- */

static void
write_numbers(Check *c, const char *name, const Node *n, const char *before)
{
	fprintf(c->judge, "%s", before);
	if (name)
		fprintf(c->judge, "\"%s\":", name);
	fputc('[', c->judge);
	for (int at = 0; at < c->n; at++)
		fprintf(c->judge, "%s%" PRId64, at ? "," : "", eval_at(c->eval, n, at));
	fputc(']', c->judge);
}

static void
write_expected(Check *c, bool first)
{
	const Graph *g = c->g;

	fprintf(c->judge, "%s{\"rows\":[", first ? "" : ",\n");
	for (int i = 0; i < c->n; i++)
		fprintf(c->judge, "%s%d", i ? "," : "", c->text[i]);
	fputs("],\"next\":", c->judge);
	if (g->emit)
		write_numbers(c, NULL, *g->emit, "");
	else
		fputs("null", c->judge);
	fputs(",\"labels\":[", c->judge);
	for (int i = 0; i < g->noutput; i++)
		write_numbers(c, NULL, g->output[i].node, i ? "," : "");
	fputs("]}", c->judge);
}

static bool
open_judge(Check *c, const char *folder, const unsigned char *bytes, size_t n)
{
	char *path = arena_fmt(c->arena, "%s/%" PRIu64 ".onnx", folder, c->s->seed);
	FILE *f = fopen(path, "wb");
	bool ok = f && fwrite(bytes, 1, n, f) == n;

	if (f)
		fclose(f);
	c->judge = fopen(arena_fmt(c->arena, "%s/%" PRIu64 ".json", folder, c->s->seed), "w");
	return ok && c->judge;
}

/* ---- all texts ---- */

/* Of every length up to ten and some others, each in a manner of its own. */
static void
next_text(Check *c, int number)
{
	int manner = below(&c->state, 4), one = below(&c->state, c->s->nvocab);
	int all = c->s->context < 10 ? c->s->context : 10;

	c->n = number < all    ? number + 1
	       : number == all ? c->s->context
			       : 1 + below(&c->state, c->s->context);
	for (int i = 0; i < c->n; i++) {
		bool keep = manner == 1 || (manner == 2 && below(&c->state, 3)) || (manner == 3 && i % 2);
		c->text[i] = keep ? one : below(&c->state, c->s->nvocab);
	}
}

static Fate
try_texts(Check *c)
{
	static Fate (*const steps[])(Check *) = { compare_emitted, compare_asserts, feed, compare_values,
						  compare_answers };
	Fate fate = FINE;
	int texts = c->s->context > 40 ? TEXTS / 4 : c->s->context > 10 ? TEXTS / 2 : TEXTS;

	for (int t = 0; t < texts && fate == FINE; t++) {
		next_text(c, t);
		eval_text(c->eval, c->text, c->n);
		meaning_text(c->meaning, c->text, c->n);
		fate = compare_meaning(c, c->g->output, c->g->noutput);
		if (fate == FINE)
			fate = compare_meaning(c, c->g->named, c->g->nnamed);
		for (size_t i = 0; i < sizeof steps / sizeof *steps && fate == FINE; i++)
			fate = steps[i](c);
		if (c->judge && fate == FINE)
			write_expected(c, t == 0);
	}
	return fate;
}

static Fate
check_model(Check *c, const char *judge)
{
	char *error = NULL;
	size_t n;
	unsigned char *bytes = model_bytes(c->program.model, &n);

	c->model = tw_load_memory(bytes, n, &error);
	c->session = c->model ? tw_open(c->model, TW_TRACE, &error) : NULL;
	c->both = c->model ? tw_open(c->model, TW_CHECK, &error) : NULL;
	c->batch = c->model ? tw_batch_open(c->model, 0, &error) : NULL;
	if (!c->session || !c->both || !c->batch || (judge && !open_judge(c, judge, bytes, n))) {
		fprintf(c->why, "%s\n", error ? error : "cannot write for ONNX Runtime");
		return UNLOADABLE;
	}
	c->eval = eval_new(c->g);
	c->meaning = meaning_new(c->arena, c->s);
	if (c->judge)
		fputs("[", c->judge);
	Fate fate = try_texts(c);
	if (c->judge) {
		fputs("]\n", c->judge);
		fclose(c->judge);
	}
	free(bytes);
	return fate;
}

/* ---- twc fmt ---- */

static char *
graph_of(Check *c, const char *text, size_t n)
{
	Program p = { 0 };
	char *dump = NULL;
	size_t size;
	FILE *f = open_memstream(&dump, &size);

	if (program_open_text(&p, "fuzzed.tw", text, n, &(Options){ .stdlib = "stdlib" }))
		graph_print(p.graph, f);
	fclose(f);
	program_close(&p);
	char *copy = arena_strn(c->arena, dump, size);
	free(dump);
	return copy;
}

static Fate
check_format(Check *c, const char *text, size_t n)
{
	size_t made, again;
	Source src = { .path = "fuzzed.tw", .text = text, .len = (uint32_t)n };
	Diags diags = { .arena = c->arena, .src = &src };
	char *once = format(&src, c->arena, &diags, &made);

	src = (Source){ .path = "formatted.tw", .text = once, .len = (uint32_t)made };
	char *twice = once ? format(&src, c->arena, &diags, &again) : NULL;
	if (!twice || made != again || memcmp(once, twice, made))
		fprintf(c->why, "twc fmt changes what it has written\n");
	else if (strcmp(graph_of(c, text, n), graph_of(c, once, made)))
		fprintf(c->why, "twc fmt changes the graph\n");
	else
		return FINE;
	return UNTIDY;
}

/* ---- lines in another order ---- */

static bool
same(const float *a, const float *b, int rows, int columns)
{
	return !rows || !columns || (a && b && !memcmp(a, b, sizeof *a * (size_t)rows * (size_t)columns));
}

static bool
same_layer(const TwLayer *a, const TwLayer *b, int d)
{
	int keys = a->heads * a->dk, values = a->heads * a->dv;

	return a->heads == b->heads && a->dk == b->dk && a->dv == b->dv && a->neurons == b->neurons &&
	       same(a->wq, b->wq, d, keys) && same(a->wk, b->wk, d, keys) && same(a->bq, b->bq, 1, keys) &&
	       same(a->bk, b->bk, 1, keys) && same(a->wv, b->wv, d, values) &&
	       same(a->bv, b->bv, 1, values) && same(a->wo, b->wo, values, d) &&
	       same(a->w1, b->w1, d, a->neurons) && same(a->b1, b->b1, 1, a->neurons) &&
	       same(a->w2, b->w2, a->neurons, d) && same(a->b2, b->b2, 1, d);
}

/* The weights; names and places may differ. */
static bool
same_model(const TwModel *a, const TwModel *b)
{
	int d = a->d_model, rows = a->nvocab + 2;
	bool is = d == b->d_model && a->nlayer == b->nlayer && a->nlabel == b->nlabel &&
		  same(a->embed_token, b->embed_token, rows, d) &&
		  same(a->embed_position, b->embed_position, a->context + 1, d) &&
		  (!a->emits || (same(a->head_w, b->head_w, d, rows) && same(a->head_b, b->head_b, 1, rows)));

	for (int i = 0; is && i < a->nlayer; i++)
		is = same_layer(&a->layer[i], &b->layer[i], d);
	for (int i = 0; is && i < a->nlabel; i++)
		is = same(a->label[i].w, b->label[i].w, d, a->label[i].columns) &&
		     same(a->label[i].b, b->label[i].b, 1, a->label[i].columns);
	return is;
}

static Fate
check_order(Check *c)
{
	Sample other = *c->s;
	Program p = { 0 };
	size_t n;

	reorder(&other, &c->state);
	const char *text = program_text(c->arena, &other, &n);
	if (program_open_text(&p, "reordered.tw", text, n, &(Options){ .stdlib = "stdlib" }) &&
	    program_compile(&p) && same_model(c->program.model, p.model))
		return FINE;
	fprintf(c->why, "other weights when the lines are in another order\n");
	return DISORDERED;
}

Fate
check_sample(const Sample *s, const char *judge, FILE *why)
{
	Arena arena = { 0 };
	size_t n;
	Check c = { .arena = &arena, .s = s, .why = why, .state = s->seed + 77 };
	char *text = program_text(&arena, s, &n);
	const Options o = { .stdlib = "stdlib" };

	if (!program_open_text(&c.program, "fuzzed.tw", text, n, &o) || !program_compile(&c.program))
		return REFUSED;
	c.g = &c.program.meant;
	Fate fate = check_model(&c, judge);
	if (fate == FINE)
		fate = check_format(&c, text, n);
	if (fate == FINE)
		fate = check_order(&c);
	return fate;
}
