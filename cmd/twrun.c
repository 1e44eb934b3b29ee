/* twrun: runs a compiled model. Everything it knows of the program is in the
 * file; this is the command line, the runtime does the work. */

#define _GNU_SOURCE /* getline, wcwidth */

#include "runtime/tw.h"

#include <argp.h>
#include <errno.h>
#include <limits.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

const char *argp_program_version = "twrun 0.1";

static const char doc[] =
	"Prints what the compiled transformer MODEL, an .onnx or .safetensors file, answers to "
	"PROMPT. Without a prompt, on a terminal, asks for prompts one by one.\n"
	"\vExamples:\n"
	"  twrun calculator.onnx \"12*34=\"\n"
	"  twrun calculator.onnx --batch prompts.txt\n"
	"  seq 0 9 | sed 's/$/+1=/' | twrun adder.onnx --batch -\n"
	"  twrun adder.onnx --trace \"12+34=\"\n"
	"\n"
	"Exit status: 0 fine, 1 --check found a difference, 2 the model or a prompt was refused.";

static const struct argp_option options[] = {
	{ "batch", 'b', "FILE", 0, "One prompt a line, - for standard input; one answer a line", 0 },
	{ "trace", 't', 0, 0, "Show, for each position, the token and every named value of the program", 0 },
	{ "check", 'c', 0, 0, "Run softmax over everything beside the look-ups; stop where they differ", 0 },
	{ "max-tokens", 'n', "N", 0, "Print at most N tokens", 0 },
	{ 0 },
};

typedef struct Command {
	const char *model, *prompt, *batch;
	bool trace, check;
	int limit; /* of printed tokens */
} Command;

typedef struct Run {
	const Command *c;
	TwModel *m;
	TwSession *s;
	int *row; /* (context) the prompt */
} Run;

static error_t
parse_limit(const char *arg, struct argp_state *state, int *limit)
{
	char *end;
	errno = 0;
	long n = strtol(arg, &end, 10);

	if (errno || end == arg || *end || n < 0 || n > INT_MAX)
		argp_error(state, "'%s' is not a number of tokens", arg);
	*limit = (int)n;
	return 0;
}

static error_t
parse_option(int key, char *arg, struct argp_state *state)
{
	Command *c = state->input;

	switch (key) {
	case 'b':
		c->batch = arg;
		return 0;
	case 't':
		c->trace = true;
		return 0;
	case 'c':
		c->check = true;
		return 0;
	case 'n':
		return parse_limit(arg, state, &c->limit);
	case ARGP_KEY_ARG:
		if (state->arg_num > 1)
			argp_error(state, "one prompt at a time; --batch takes many");
		*(state->arg_num ? &c->prompt : &c->model) = arg;
		return 0;
	case ARGP_KEY_END:
		if (!c->model)
			argp_error(state, "no MODEL");
		if (c->prompt && c->batch)
			argp_error(state, "a prompt or --batch, not both");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static bool
complain(char *error)
{
	fprintf(stderr, "twrun: %s\n", error ? error : "out of memory");
	free(error);
	return false;
}

/* ---- values and the table of them */

static void
spell_value(const Run *r, char *out, size_t size, TwKind kind, float x)
{
	float whole = rintf(x);

	if (!isfinite(x))
		snprintf(out, size, "?");
	else if (kind == TW_TOKEN)
		snprintf(out, size, "%s", tw_spell(r->m, fabsf(x) < 1e9f ? (int)whole : -1));
	else if (kind == TW_BOOL || fabsf(x - whole) < 0.01f)
		snprintf(out, size, "%.0f", (double)(whole == 0 ? 0 : whole));
	else
		snprintf(out, size, "%.4g", (double)x);
}

static int
width(const char *s)
{
	wchar_t wide[128];
	size_t n = mbstowcs(wide, s, 127);
	int w = n == (size_t)-1 ? -1 : wcswidth(wide, n < 127 ? n : 127);

	return w < 0 ? (int)strlen(s) : w;
}

/* What is in a cell of the table: column -2 the position, -1 the token, then the
 * named values; row -1 the head. */
static void
cell(const Run *r, int position, const TwNamed *v, int column, char *out, size_t size)
{
	if (position < 0)
		snprintf(out, size, "%s", column == -2 ? "pos" : column == -1 ? "token" : v->name);
	else if (column == -2)
		snprintf(out, size, "%d", position);
	else if (column == -1)
		snprintf(out, size, "%s", tw_spell(r->m, tw_row(r->s, position)));
	else if (v->reference && tw_value(r->s, v, position) < -0.5f)
		snprintf(out, size, "-");
	else
		spell_value(r, out, size, v->kind, tw_value(r->s, v, position));
	for (; *out; out++)
		if ((unsigned char)*out < ' ')
			*out = '.';
}

static int
column_width(const Run *r, const TwNamed *v, int column)
{
	char text[128];
	int most = 0;

	for (int i = -1; i < tw_count(r->s); i++) {
		cell(r, i, v, column, text, sizeof text);
		most = width(text) > most ? width(text) : most;
	}
	return most;
}

static int
terminal_width(void)
{
	struct winsize w;

	return isatty(1) && !ioctl(1, TIOCGWINSZ, &w) && w.ws_col > 20 ? w.ws_col : 100;
}

static void
print_block(const Run *r, const int *column, const int *wide, int n)
{
	char text[128];

	for (int i = -1; i < tw_count(r->s); i++) {
		for (int c = 0; c < n; c++) {
			cell(r, i, column[c] < 0 ? NULL : &r->m->named[column[c]], column[c], text,
			     sizeof text);
			printf("%s%*s%s", c ? "  " : "", wide[c] - width(text), "", text);
		}
		putchar('\n');
	}
}

static void
print_folded(const TwModel *m)
{
	int n = 0;

	for (int i = 0; i < m->nnamed; i++)
		if (m->named[i].folded)
			printf("%s%s", n++ ? ", " : "folded into the weights: ", m->named[i].name);
	if (n)
		putchar('\n');
}

/* The columns of one block: position, token, and from *next on as many named
 * values as there is room for, at least one. How many they are. */
static int
fill_block(const Run *r, int *next, int room, int *column, int *wide)
{
	int n = 0;

	for (int c = -2; c < 0; c++) {
		column[n] = c;
		wide[n] = column_width(r, NULL, c);
		room -= wide[n++] + 2;
	}
	for (int i; (i = *next) < r->m->nnamed; ++*next) {
		if (r->m->named[i].folded)
			continue;
		wide[n] = column_width(r, &r->m->named[i], i);
		room -= wide[n] + 2;
		if (n > 2 && room < 0)
			break;
		column[n++] = i;
	}
	return n;
}

static void
print_trace(const Run *r)
{
	size_t most = (size_t)r->m->nnamed + 2;
	int *column = calloc(most, sizeof *column), *wide = calloc(most, sizeof *wide);
	int next = 0;

	do {
		int n = fill_block(r, &next, terminal_width(), column, wide);
		print_block(r, column, wide, n);
		putchar('\n');
	} while (next < r->m->nnamed);
	print_folded(r->m);
	free(column);
	free(wide);
}

/* ---- answers */

static void
print_label(const Run *r, int label, int n)
{
	const TwLabel *l = &r->m->label[label];
	char text[128];

	printf("%s:", l->name);
	for (int i = 0; i < n; i++) {
		const float *x = tw_label(r->s, label, i);
		fputs(l->columns > 1 ? " [" : " ", stdout);
		for (int c = 0; c < l->columns; c++) {
			spell_value(r, text, sizeof text, l->kind, x[c]);
			printf("%s%s", c ? ", " : "", text);
		}
		if (l->columns > 1)
			putchar(']');
	}
	putchar('\n');
}

/* Labels are those of the prompt; the trace shows the whole text. */
static void
answer(Run *r, int n)
{
	tw_reset(r->s);
	for (int i = 0; i < n; i++)
		tw_feed(r->s, r->row[i]);
	for (int i = 0; i < r->c->limit && !tw_done(r->s); i++)
		tw_feed(r->s, tw_next(r->s));
	if (r->c->trace)
		print_trace(r);
	for (int i = n; i < tw_count(r->s); i++)
		fputs(tw_spell(r->m, tw_row(r->s, i)), stdout);
	if (r->m->emits)
		putchar('\n');
	for (int i = 0; i < r->m->nlabel; i++)
		print_label(r, i, n);
}

/* What --check found ends the run. */
static void
stop_at_difference(const Run *r, const char *prompt)
{
	if (!tw_difference(r->s))
		return;
	fflush(stdout);
	fprintf(stderr, "twrun: %s: %s\n", prompt, tw_difference(r->s));
	exit(1);
}

static bool
answer_text(Run *r, const char *prompt)
{
	char *error = NULL;
	int n = tw_tokenize(r->m, prompt, r->row, &error);

	if (n < 0)
		return complain(error);
	answer(r, n);
	stop_at_difference(r, prompt);
	return true;
}

static void
chop(char *line, ssize_t *n)
{
	if (*n && line[*n - 1] == '\n')
		line[--*n] = '\0';
	if (*n && line[*n - 1] == '\r')
		line[--*n] = '\0';
}

static bool
ask(Run *r)
{
	char *line = NULL;
	size_t cap = 0;
	ssize_t n;

	while (fputs("> ", stdout), fflush(stdout), (n = getline(&line, &cap, stdin)) >= 0) {
		chop(line, &n);
		if (n)
			answer_text(r, line);
	}
	putchar('\n');
	free(line);
	return true;
}

/* ---- many prompts: all are read and checked before the first is answered */

typedef struct Batch {
	char **prompt;
	size_t n, cap;
} Batch;

static bool
add_prompt(Batch *b, char *line)
{
	if (b->n == b->cap) {
		b->cap = 2 * b->cap + 64;
		char **more = realloc(b->prompt, b->cap * sizeof *more);
		if (!more)
			return complain(NULL);
		b->prompt = more;
	}
	b->prompt[b->n++] = line;
	return true;
}

static bool
read_prompts(Run *r, FILE *f, Batch *b)
{
	const char *name = f == stdin ? "standard input" : r->c->batch;
	char *line = NULL, *error = NULL;
	size_t cap = 0;
	ssize_t n;
	bool ok = true;

	while (ok && (n = getline(&line, &cap, f)) >= 0) {
		chop(line, &n);
		if (strlen(line) != (size_t)n || tw_tokenize(r->m, line, r->row, &error) < 0) {
			fprintf(stderr, "twrun: %s, line %zu: %s\n", name, b->n + 1,
				error ? error : "the prompt holds a zero byte");
			ok = false;
		} else {
			ok = add_prompt(b, line);
			line = NULL;
			cap = 0;
		}
	}
	if (ok && ferror(f)) {
		fprintf(stderr, "twrun: %s: %s\n", name, strerror(errno));
		ok = false;
	}
	free(error);
	free(line);
	return ok;
}

static bool
answer_batch(Run *r)
{
	FILE *f = strcmp(r->c->batch, "-") ? fopen(r->c->batch, "r") : stdin;
	Batch b = { 0 };

	if (!f) {
		fprintf(stderr, "twrun: %s: %s\n", r->c->batch, strerror(errno));
		return false;
	}
	bool ok = read_prompts(r, f, &b);
	for (size_t i = 0; i < b.n; i++) {
		if (ok)
			answer_text(r, b.prompt[i]);
		free(b.prompt[i]);
	}
	free(b.prompt);
	if (f != stdin)
		fclose(f);
	return ok;
}

static bool
run(Run *r)
{
	if (r->c->batch)
		return answer_batch(r);
	if (r->c->prompt)
		return answer_text(r, r->c->prompt);
	if (isatty(0))
		return ask(r);
	fputs("twrun: no prompt; --batch - reads prompts from standard input\n", stderr);
	return false;
}

int
main(int argc, char **argv)
{
	const struct argp argp = { options, parse_option, "MODEL [PROMPT]", doc, NULL, NULL, NULL };
	Command c = { .limit = INT_MAX };
	Run r = { .c = &c };
	char *error = NULL;

	setlocale(LC_CTYPE, "");
	argp_err_exit_status = 2;
	argp_parse(&argp, argc, argv, 0, NULL, &c);
	r.m = tw_load(c.model, &error);
	r.s = r.m ? tw_open(r.m, (c.trace ? TW_TRACE : 0) | (c.check ? TW_CHECK : 0), &error) : NULL;
	r.row = r.m ? calloc((size_t)r.m->context, sizeof *r.row) : NULL;
	bool ok = r.s && r.row ? run(&r) : complain(error);
	if (ok && (fflush(stdout) || ferror(stdout))) {
		fprintf(stderr, "twrun: cannot write the answer: %s\n", strerror(errno));
		ok = false;
	}
	free(r.row);
	tw_close(r.s);
	tw_free(r.m);
	return ok ? 0 : 2;
}
