/* One program through everything: its meaning, the reference evaluator and the
 * transformer, at every position of texts of every length, in every output, next
 * token and named value; then its formatted text, its lines in another order, and a
 * model of another form or within limits. */

#include "tests/fuzz/check.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backend/file/write.h"
#include "cmd/cmd.h"
#include "frontend/frontend.h"
#include "runtime/tw.h"

enum { TEXTS = 24, WIDTH = 48 /* most values that are fed at a position */ };

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
	int width;      /* values that are fed at a position */
	int64_t *least; /* (width) of what is fed there; of a real in sixteenths */
	int64_t *most;
	TypeKind *kind; /* (width) */
	int64_t *fed;   /* (CONTEXT, width) the text, as the meaning takes it */
	int *row;       /* (CONTEXT, width) the same as rows */
	double *x;      /* (CONTEXT, width) and as numbers */
	int n;
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
	print_prompt(c->s, c->fed, c->n, c->why);
	fputc('\n', c->why);
}

/* ---- names of the graph, and what they are in the program ---- */

/* v7, v7[2] and v7.b[1]: the statement, and the single value of it. */
static const Decl *
statement_of(const Sample *s, const char *name, int *leaf, bool *real)
{
	size_t n = strcspn(name, "[.");
	const Decl *d = NULL;

	for (int i = 0; i < s->ndef && !d; i++)
		if (!s->def[i]->dropped && s->def[i]->kind != D_EMIT && strlen(s->def[i]->name) == n
		    && !strncmp(s->def[i]->name, name, n))
			d = s->def[i];
	if (!d)
		return NULL;
	Sort t = d->type;
	*leaf = 0;
	for (name += n; *name; name += 1 + strcspn(name + 1, "[.")) {
		if (*name == '[') {
			t = item_of(&t);
			*leaf += atoi(name + 1) * leaves_of_sort(&t);
		} else {
			*leaf += before_field(t.def, name[1] - 'a');
			t = t.def->field[name[1] - 'a'].type;
		}
	}
	*real = t.kind == T_REAL;
	return d;
}

/* A position outside of the text is absent, however it is written. */
static int64_t
without_absent(const Check *c, const Named *named, int64_t v, int at)
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
	return without_absent(c, named, v, at);
}

static bool
agrees_within(double a, double b, double error)
{
	return fabs(a - b) <= error + 1e-9 * (1 + fabs(a));
}

/* As a number, for comparing and saying. */
static double
shown(const Named *named, int64_t v)
{
	return named->kind == K_REAL ? real_of_bits(v) : (double)v;
}

/* ---- the evaluator against the meaning ---- */

static bool
meaning_leaf(Check *c, const Decl *d, int leaf, int at, int64_t *v)
{
	if (d->kind != D_INPUT)
		return meaning_of(c->meaning, d->body, leaf, at, v);
	*v = c->fed[at * c->width + d->num + leaf];
	return true;
}

/* Of what a program calls real, some is an integer once it is known. */
static Fate
compare_meaning(Check *c, const Named *list, int n)
{
	for (int i = 0; i < n; i++) {
		int leaf;
		bool real;
		const Decl *d = statement_of(c->s, list[i].name, &leaf, &real);
		for (int at = 0; d && at < c->n; at++) {
			int64_t v, got = evaluated(c, &list[i], at);
			if (!meaning_leaf(c, d, leaf, at, &v))
				return ENDLESS;
			double want = real ? real_of_bits(v)
			                   : (double)without_absent(c, &list[i], v, at);
			if (real ? agrees_within(want, shown(&list[i], got), 0)
			         : want == (double)got)
				continue;
			fprintf(c->why, "%s at %d means %.10g, the evaluator gives %.10g",
			        list[i].name, at, want, shown(&list[i], got));
			say_text(c);
			return DIFFERS;
		}
	}
	return FINE;
}

/* What a leaf of the next token is in the evaluator, as meaning_emit gives it. */
static int64_t
evaluated_emit(Check *c, int leaf, int at)
{
	int64_t v = eval_at(c->eval, c->g->emit[leaf], at);

	if (!c->s->token)
		return v;
	if (eval_at(c->eval, c->g->emit[0], at) == c->g->field[0].n)
		return ENDED;
	return c->least[leaf] + v;
}

static Fate
compare_emitted(Check *c)
{
	const Decl *d = NULL;

	for (int i = 0; i < c->s->ndef; i++)
		if (c->s->def[i]->kind == D_EMIT && !c->s->def[i]->dropped)
			d = c->s->def[i];
	for (int i = 0; d && i < c->n * c->width; i++) {
		int leaf = i % c->width, at = i / c->width;
		int64_t want, got = evaluated_emit(c, leaf, at);
		if (!meaning_emit(c->meaning, d, leaf, at, &want))
			return ENDLESS;
		if (want == got)
			continue;
		fprintf(c->why,
		        "the next token (part %d) at %d means %" PRId64
		        ", the evaluator gives %" PRId64,
		        leaf, at, want, got);
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
	fprintf(c->why, "line %d does not hold at %d",
	        source_line(c->g->files[a->file], a->span.lo), at);
	say_text(c);
	return UNTRUE;
}

/* ---- the transformer against the evaluator ---- */

/* The output's number at a position, and how far off it may be. */
static double
model_label(Check *c, int output, int at, double *error)
{
	for (int i = 0; i < c->model->nlabel; i++) {
		*error = (double)c->model->label[i].error;
		if (output < c->model->label[i].columns)
			return (double)tw_label(c->session, i, at)[output];
		output -= c->model->label[i].columns;
	}
	return -1e30;
}

static Fate
miscompiled(Check *c, const char *what, int at, double want, double got)
{
	fprintf(c->why, "%s at %d is %.10g, the transformer gives %.10g", what, at, want, got);
	say_text(c);
	return MISCOMPILED;
}

static bool
feed_one(Check *c, TwSession *s, int i)
{
	float x[WIDTH];

	if (!c->s->nfed)
		return tw_feed_token(s, c->row + i * c->width);
	for (int k = 0; k < c->width; k++)
		x[k] = (float)c->x[i * c->width + k];
	return tw_feed_numbers(s, x);
}

static Fate
feed_text(Check *c)
{
	int next[WIDTH];

	tw_reset(c->session);
	tw_reset(c->both);
	for (int i = 0; i < c->n; i++) {
		if (!feed_one(c, c->session, i) || !feed_one(c, c->both, i)) {
			fprintf(c->why, "the transformer refuses position %d", i);
			say_text(c);
			return MISCOMPILED;
		}
		if (!c->g->emit)
			continue;
		const int *got = tw_next_token(c->session);
		int n = next_token(c->g, c->eval, i, next) ? c->width : 1;
		for (int k = 0; k < n; k++)
			if (got[k] != next[k])
				return miscompiled(c, "the next token", i, next[k], got[k]);
	}
	return FINE;
}

/* Has a text been run by softmax, though every head was proved to read one place alone? */
static bool
any_fell_back(const Check *c)
{
	return tw_stats(c->session).broken && !strstr(c->model->certificate, "\"softmax\"");
}

static Fate
compare_with_transformer(Check *c)
{
	const Graph *g = c->g;

	for (int at = 0; at < c->n; at++) {
		for (int i = 0; i < g->noutput; i++) {
			double error = 0, got = model_label(c, i, at, &error),
			       want = shown(&g->output[i], eval_at(c->eval, g->output[i].node, at));
			if (g->output[i].kind == K_REAL ? !agrees_within(want, got, error)
			                                : want != got)
				return miscompiled(c, g->output[i].name, at, want, got);
		}
		for (int i = 0; i < c->model->nnamed; i++) {
			const TwNamed *named = &c->model->named[i];
			if (!tw_has_value(c->session, named) || named->kind == TW_REAL)
				continue;
			double want = (double)evaluated(c, &g->named[i], at),
			       got = (double)tw_value(c->session, named, at);
			if (want != got)
				return miscompiled(c, g->named[i].name, at, want, got);
		}
		for (int i = 0; i < c->model->nlabel; i++)
			tw_label(c->both, i, at);
	}
	if (!tw_difference(c->both) && !any_fell_back(c))
		return FINE;
	fprintf(c->why, "%s",
	        tw_difference(c->both) ? tw_difference(c->both)
	                               : "a head is less far ahead than was proved");
	say_text(c);
	return UNSURE;
}

/* Do two positions match an `only` within the first n positions? The first that sees both is *at.
 */
static bool
breaks_promise(Check *c, int n, int *at)
{
	const Assert *a = broken_assert(c->g, c->eval, n, at);

	return a && a->match[0];
}

/* What follows, a token at a time and in a batch. */
static Fate
compare_answers(Check *c)
{
	enum { ALIKE = 4 }; /* fewer would not go side by side */
	static int answer[ALIKE][CONTEXT * WIDTH], text[CONTEXT * WIDTH];
	size_t token = sizeof *text * (size_t)c->width;
	TwText batch[ALIKE];

	if (!c->g->emit)
		return FINE;
	memcpy(text, c->row, token * (size_t)c->n);
	int n = continue_text(c->g, c->eval, text, c->n), at;
	if (breaks_promise(c, n, &at))
		return FINE;
	for (int i = 0; i < ALIKE; i++)
		batch[i] = (TwText){ .prompt = c->row, .nprompt = c->n, .answer = answer[i] };
	tw_batch_answer(c->batch, batch, ALIKE, c->g->context);
	for (int i = 0; i < ALIKE; i++) {
		if (batch[i].nanswer == n - c->n
		    && !memcmp(answer[i], text + c->n * c->width, token * (size_t)(n - c->n)))
			continue;
		fprintf(c->why, "%d tokens should follow, the batch gives %d, or others", n - c->n,
		        batch[i].nanswer);
		say_text(c);
		return MISCOMPILED;
	}
	return FINE;
}

/* ---- for ONNX Runtime ---- */

static void
write_rows(Check *c, const int *row, int n)
{
	if (c->s->token)
		fputc('[', c->judge);
	for (int i = 0; i < n; i++)
		fprintf(c->judge, "%s%d", i ? "," : "", row[i]);
	if (c->s->token)
		fputc(']', c->judge);
}

static void
write_fed(Check *c, int at)
{
	if (!c->s->nfed) {
		write_rows(c, c->row + at * c->width, c->width);
		return;
	}
	for (int i = 0; i < c->width; i++)
		fprintf(c->judge, "%s%.9g", i ? "," : "[", c->x[at * c->width + i]);
	fputc(']', c->judge);
}

static void
write_next(Check *c, int at)
{
	int next[WIDTH];

	if (c->g->emit && next_token(c->g, c->eval, at, next))
		write_rows(c, next, c->width);
	else
		fputs("null", c->judge);
}

static void
write_expected(Check *c, bool first)
{
	const Graph *g = c->g;

	fprintf(c->judge, "%s{\"text\":[", first ? "" : ",\n");
	for (int at = 0; at < c->n; at++) {
		fputs(at ? "," : "", c->judge);
		write_fed(c, at);
	}
	fputs("],\"next\":[", c->judge);
	for (int at = 0; at < c->n; at++) {
		fputs(at ? "," : "", c->judge);
		write_next(c, at);
	}
	fputs("],\"labels\":[", c->judge);
	for (int i = 0; i < g->noutput; i++) {
		fputs(i ? ",[" : "[", c->judge);
		for (int at = 0; at < c->n; at++)
			fprintf(c->judge, "%s%.17g", at ? "," : "",
			        shown(&g->output[i], eval_at(c->eval, g->output[i].node, at)));
		fputc(']', c->judge);
	}
	fputs("]}", c->judge);
}

static const char *
judge_file(Check *c, const char *folder, const char *ending)
{
	return arena_fmt(c->arena, "%s/%" PRIu64 ".%s", folder, c->s->seed, ending);
}

static bool
write_model(Check *c, const char *folder, const unsigned char *bytes, size_t n)
{
	FILE *f = fopen(judge_file(c, folder, "onnx"), "wb");
	bool ok = f && fwrite(bytes, 1, n, f) == n;

	return f && !fclose(f) && ok;
}

/* ---- all texts ---- */

static int64_t
random_value(Check *c, int leaf)
{
	int64_t lo = c->least[leaf], hi = c->most[leaf];
	int64_t v = roll_below(&c->state, 4)   ? lo + roll_below(&c->state, (int)(hi - lo + 1))
	            : roll_below(&c->state, 2) ? lo
	                                       : hi;

	if (c->kind[leaf] != T_REAL)
		return v;
	double x = roll_below(&c->state, 3)
	                   ? (double)v / 16
	                   : (double)lo / 16
	                             + (double)(hi - lo) / 16 * roll_below(&c->state, 99991)
	                                       / 99991;
	return bits_of_real((double)(float)x);
}

/* The same as rows of the vocabulary and as numbers. */
static void
feed_value(Check *c, int at, int leaf, int64_t v)
{
	int i = at * c->width + leaf;

	c->fed[i] = v;
	c->row[i] = c->s->token ? (int)(c->g->field[leaf].first + v - c->least[leaf]) : (int)v;
	c->x[i] = c->kind[leaf] == T_REAL ? real_of_bits(v) : (double)v;
}

/* A random text. The first ones have every length up to ten; each is varied in one of four manners.
 */
static void
next_text(Check *c, int number)
{
	int64_t one[WIDTH];
	int manner = roll_below(&c->state, 4), all = c->s->context < 10 ? c->s->context : 10;

	for (int i = 0; i < c->width; i++)
		one[i] = random_value(c, i);
	c->n = number < all    ? number + 1
	       : number == all ? c->s->context
	                       : 1 + roll_below(&c->state, c->s->context);
	for (int at = 0; at < c->n; at++)
		for (int i = 0; i < c->width; i++) {
			bool keep = manner == 1 || (manner == 2 && roll_below(&c->state, 3))
			            || (manner == 3 && at % 2);
			feed_value(c, at, i, keep ? one[i] : random_value(c, i));
		}
}

static void
set_leaves(Check *c, int *n, const Sort *t, int64_t lo, int64_t hi)
{
	Sort item = item_of(t);
	int scale = t->kind == T_REAL ? 16 : 1;

	for (int i = 0; t->kind == T_ARRAY && i < t->n; i++)
		set_leaves(c, n, &item, lo, hi);
	for (int i = 0; t->kind == T_RECORD && i < t->def->n; i++)
		set_leaves(c, n, &t->def->field[i].type, t->def->field[i].lo, t->def->field[i].hi);
	if (t->kind == T_ARRAY || t->kind == T_RECORD)
		return;
	c->kind[*n] = t->kind;
	c->least[*n] = t->kind == T_INT || t->kind == T_REAL ? scale * lo : 0;
	c->most[*n] = t->kind == T_BOOL    ? 1
	              : t->kind == T_ENUM  ? t->def->n - 1
	              : t->kind == T_TOKEN ? c->s->nvocab - 1
	                                   : scale * hi;
	++*n;
}

/* What a position is fed: a token, the fields of one, or the inputs. */
static void
set_fed(Check *c)
{
	const Sample *s = c->s;
	Sort token = { .kind = s->token ? T_RECORD : T_TOKEN, .def = s->token };
	int n = 0;

	c->width = width_of(s);
	c->least = NEWS(c->arena, int64_t, c->width);
	c->most = NEWS(c->arena, int64_t, c->width);
	c->kind = NEWS(c->arena, TypeKind, c->width);
	c->fed = NEWS(c->arena, int64_t, c->width * CONTEXT);
	c->row = NEWS(c->arena, int, c->width *CONTEXT);
	c->x = NEWS(c->arena, double, c->width *CONTEXT);
	if (!s->nfed)
		set_leaves(c, &n, &token, 0, 0);
	for (int i = 0; i < s->ndef; i++)
		if (s->def[i]->kind == D_INPUT)
			set_leaves(c, &n, &s->def[i]->type, s->def[i]->lo, s->def[i]->hi);
}

static void
start_text(Check *c)
{
	if (c->s->nfed)
		eval_numbers(c->eval, c->x, c->n);
	else
		eval_text(c->eval, c->row, c->n);
}

/* The transformer is what is meant while no two positions match an `only`: the text ends before. */
static void
start_random_text(Check *c, int number)
{
	int at;

	next_text(c, number);
	start_text(c);
	while (breaks_promise(c, c->n, &at)) {
		c->n = c->s->bidirectional ? c->n - 1 : at;
		start_text(c);
	}
}

static Fate
run_steps(Check *c, Fate (*const *steps)(Check *), Fate fate)
{
	while (fate == FINE && *steps)
		fate = (*steps++)(c);
	return fate;
}

/* The transformer against the evaluator, in the text at hand. */
static Fate
compare_model(Check *c)
{
	static Fate (*const steps[])(Check *) = { feed_text, compare_with_transformer,
		                                  compare_answers, NULL };

	return run_steps(c, steps, FINE);
}

static int
number_of_texts(const Check *c)
{
	return c->s->context > 40 ? TEXTS / 4 : c->s->context > 10 ? TEXTS / 2 : TEXTS;
}

static Fate
try_texts(Check *c)
{
	static Fate (*const steps[])(Check *) = { compare_emitted, compare_asserts, compare_model,
		                                  NULL };
	Fate fate = FINE;

	for (int t = 0; t < number_of_texts(c) && fate == FINE; t++) {
		start_random_text(c, t);
		meaning_text(c->meaning, c->fed, c->n);
		fate = compare_meaning(c, c->g->output, c->g->noutput);
		if (fate == FINE)
			fate = compare_meaning(c, c->g->named, c->g->nnamed);
		fate = run_steps(c, steps, fate);
		if (c->judge && fate == FINE)
			write_expected(c, t == 0);
	}
	return fate;
}

static bool
open_model(Check *c, TwModel *model, char *error)
{
	c->model = model;
	c->session = c->model ? tw_open(c->model, TW_TRACE, &error) : NULL;
	c->both = c->model ? tw_open(c->model, TW_CHECK, &error) : NULL;
	c->batch = c->model ? tw_batch_open(c->model, 0, &error) : NULL;
	if (c->session && c->both && c->batch)
		return true;
	fprintf(c->why, "%s\n", error);
	return false;
}

static bool
open_bytes(Check *c, const unsigned char *bytes, size_t n)
{
	char *error = NULL;

	TwModel *model = tw_load_memory(bytes, n, &error);
	return open_model(c, model, error);
}

/* approx(e, t) is off by no more than t. */
static bool
near_enough(Check *c)
{
	for (int i = 0; i < c->s->ndef; i++) {
		const Decl *d = c->s->def[i];
		if (d->kind != D_OUTPUT || d->dropped || d->body->form != F_APPROX)
			continue;
		for (int k = 0; k < c->model->nlabel; k++) {
			const TwLabel *l = &c->model->label[k];
			if (strcmp(l->name, d->name)
			    || (double)l->error * (double)d->body->num2 <= 1.000001)
				continue;
			fprintf(c->why, "%s is off by up to %g\n", d->name, (double)l->error);
			return false;
		}
	}
	return true;
}

static Fate
check_model(Check *c, const char *judge)
{
	size_t n;
	unsigned char *bytes = onnx_bytes(c->arena, c->program.model, &n);

	if (!open_bytes(c, bytes, n))
		return UNLOADABLE;
	if (!near_enough(c))
		return UNTRUE;
	set_fed(c);
	c->eval = eval_new(c->g);
	c->meaning = meaning_new(c->arena, c->s);
	if (judge) {
		c->judge = fopen(judge_file(c, judge, "json"), "w");
		if (!c->judge || !write_model(c, judge, bytes, n))
			return UNLOADABLE;
		fprintf(c->judge, "{\"causal\":%s,\"texts\":[",
		        c->s->bidirectional ? "false" : "true");
	}
	Fate fate = try_texts(c);
	if (c->judge) {
		fputs("]}\n", c->judge);
		fclose(c->judge);
	}
	return fate;
}

/* ---- the same program in other models ---- */

static Fate
compare_again(Check *c)
{
	Fate fate = FINE;

	for (int t = 0; t < number_of_texts(c) && fate == FINE; t += 4) {
		start_random_text(c, t);
		fate = compare_model(c);
	}
	return fate;
}

static Fate
check_again(Check *c, const TwModel *m, const char *judge)
{
	size_t n;
	unsigned char *bytes = onnx_bytes(c->arena, m, &n);

	if (!open_bytes(c, bytes, n) || (judge && !write_model(c, judge, bytes, n)))
		return UNLOADABLE;
	return compare_again(c);
}

static Fate
check_safetensors(Check *c)
{
	char folder[] = "/tmp/fuzzed.XXXXXX", *error = NULL;

	if (!mkdtemp(folder))
		return UNLOADABLE;
	const char *path = arena_fmt(c->arena, "%s/m.safetensors", folder);
	bool written = !model_write(c->program.model, path, roll_below(&c->state, 2), &error);
	TwModel *model = written ? tw_load(path, &error) : NULL;
	bool opened = open_model(c, model, error);
	unlink(path);
	unlink(arena_fmt(c->arena, "%s/config.json", folder));
	rmdir(folder);
	return opened ? compare_again(c) : UNLOADABLE;
}

static int
max_of(const int *x, int n)
{
	int most = 0;

	for (int i = 0; i < n; i++)
		most = x[i] > most ? x[i] : most;
	return most;
}

/* Random limits, near what the model takes without any; 0: no limit. */
static Limits
some_limits(Check *c)
{
	const Report *r = &c->program.report;
	int heads = max_of(r->heads, r->layers), neurons = max_of(r->neurons, r->layers);
	Limits l = { 0 };

	if (roll_below(&c->state, 2))
		l.d_model = 1 + r->d_model - roll_below(&c->state, r->d_model / 2 + 1);
	if (roll_below(&c->state, 2))
		l.heads = 1 + heads - roll_below(&c->state, heads + 1);
	if (roll_below(&c->state, 2))
		l.neurons = 1 + neurons - roll_below(&c->state, neurons + 1);
	if (roll_below(&c->state, 2))
		l.layers = r->layers + roll_below(&c->state, 4) - (r->layers > 0);
	return l;
}

static bool
is_within_limits(const Report *r, const Limits *l)
{
	return (!l->d_model || r->d_model <= l->d_model) && (!l->layers || r->layers <= l->layers)
	       && (!l->heads || max_of(r->heads, r->layers) <= l->heads)
	       && (!l->neurons || max_of(r->neurons, r->layers) <= l->neurons);
}

/* The program within random limits is refused with an error about them, or keeps them and means the
 * same. */
static Fate
check_within_limits(Check *c, const char *text, size_t n, const char *judge)
{
	Options o = {
		.stdlib = "stdlib", .no_warnings = true, .verify = true, .limits = some_limits(c)
	};
	Program p = { 0 };

	fprintf(c->why, "--d-model %d --heads %d --neurons %d --layers %d: ", o.limits.d_model,
	        o.limits.heads, o.limits.neurons, o.limits.layers);
	if (!program_open_text(&p, "limited.tw", text, n, &o) || !program_compile(&p)) {
		const char *said = p.diags.nerror == 1 ? p.diags.first->msg : "";
		return strstr(said, "limits") || strstr(said, "--") ? FINE : REFUSED_BADLY;
	}
	if (!is_within_limits(&p.report, &o.limits))
		return BEYOND;
	return check_again(c, p.model, judge);
}

static Fate
check_variant(Check *c, const char *text, size_t n, const char *judge)
{
	switch (roll_below(&c->state, 4)) {
	case 0: return check_safetensors(c);
	case 1: return check_again(c, model_uniform(c->arena, c->program.model), judge);
	default: return check_within_limits(c, text, n, judge);
	}
}

/* ---- twc fmt ---- */

static char *
graph_of(Check *c, const char *text, size_t n)
{
	Program p = { 0 };
	char *dump = NULL;
	size_t size;
	FILE *f = open_memstream(&dump, &size);

	if (program_open_text(&p, "fuzzed.tw", text, n,
	                      &(Options){ .stdlib = "stdlib", .no_warnings = true }))
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
equal_floats(const float *a, const float *b, int rows, int columns)
{
	return !rows || !columns
	       || (a && b && !memcmp(a, b, sizeof *a * (size_t)rows * (size_t)columns));
}

static bool
same_layer(const TwLayer *a, const TwLayer *b, int d)
{
	int keys = a->heads * a->dk, values = a->heads * a->dv;

	return a->heads == b->heads && a->dk == b->dk && a->dv == b->dv && a->neurons == b->neurons
	       && equal_floats(a->wq, b->wq, d, keys) && equal_floats(a->wk, b->wk, d, keys)
	       && equal_floats(a->bq, b->bq, 1, keys) && equal_floats(a->bk, b->bk, 1, keys)
	       && equal_floats(a->wv, b->wv, d, values) && equal_floats(a->bv, b->bv, 1, values)
	       && equal_floats(a->wo, b->wo, values, d) && equal_floats(a->w1, b->w1, d, a->neurons)
	       && equal_floats(a->b1, b->b1, 1, a->neurons)
	       && equal_floats(a->w2, b->w2, a->neurons, d) && equal_floats(a->b2, b->b2, 1, d);
}

/* The weights; names and places may differ. */
static bool
same_weights(const TwModel *a, const TwModel *b)
{
	int d = a->d_model, rows = a->nvocab + 2;
	bool is = d == b->d_model && a->nlayer == b->nlayer && a->nlabel == b->nlabel
	          && equal_floats(a->embed_token, b->embed_token, a->ninput ? 0 : rows, d)
	          && equal_floats(a->embed_input, b->embed_input, a->ninput, d)
	          && equal_floats(a->embed_position, b->embed_position, a->context + 1, d)
	          && (!a->emits
	              || (equal_floats(a->head_w, b->head_w, d, rows)
	                  && equal_floats(a->head_b, b->head_b, 1, rows)));

	for (int i = 0; is && i < a->nlayer; i++)
		is = same_layer(&a->layer[i], &b->layer[i], d);
	for (int i = 0; is && i < a->nlabel; i++)
		is = equal_floats(a->label[i].w, b->label[i].w, d, a->label[i].columns)
		     && equal_floats(a->label[i].b, b->label[i].b, 1, a->label[i].columns);
	return is;
}

static Fate
check_reordered(Check *c)
{
	Sample other = *c->s;
	Program p = { 0 };
	size_t n;

	reorder(&other, &c->state);
	const char *text = program_text(c->arena, &other, &n);
	if (program_open_text(&p, "reordered.tw", text, n,
	                      &(Options){ .stdlib = "stdlib", .no_warnings = true })
	    && program_compile(&p) && same_weights(c->program.model, p.model))
		return FINE;
	fprintf(c->why, "other weights when the lines are in another order\n");
	return DISORDERED;
}

/* Did a verifier of the backend find fault with what was made? */
static bool
is_our_fault(const Check *c)
{
	const Diag *d = c->program.diags.first;

	while (d && !strstr(d->msg, "a fault of the compiler"))
		d = d->next;
	if (d)
		fprintf(c->why, "%s\n", d->msg);
	return d;
}

Fate
check_sample(const Sample *s, const char *judge, FILE *why)
{
	Arena arena = { 0 };
	size_t n;
	Check c = { .arena = &arena, .s = s, .why = why, .state = s->seed + 77 };
	char *text = program_text(&arena, s, &n);
	const Options o = { .stdlib = "stdlib", .no_warnings = true, .verify = true };

	if (!program_open_text(&c.program, "fuzzed.tw", text, n, &o)
	    || !program_compile(&c.program))
		return is_our_fault(&c) ? REFUSED_BADLY : REFUSED;
	c.g = &c.program.meant;
	Fate fate = check_model(&c, judge);
	if (fate == FINE)
		fate = check_format(&c, text, n);
	if (fate == FINE)
		fate = check_reordered(&c);
	if (fate == FINE)
		fate = check_variant(&c, text, n, judge);
	return fate;
}
