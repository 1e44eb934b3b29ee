/* twrun: runs a compiled model. Everything it knows of the program is in the
 * file; this is the command line, the runtime does the work. */

#define _GNU_SOURCE /* getline, wcwidth */

#include "cmd/batch.h"
#include "cmd/cli.h"
#include "cmd/learned_run.h"
#include "cmd/line_editor.h"
#include "cmd/npy_input.h"
#include "cmd/stats.h"
#include "cmd/trace_json.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <locale.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <wchar.h>

struct Options {
	const char *model, *prompt, *batch, *input;
	const char *prompt_file;
	bool trace, json, check, stats;
	bool sample;
	const char *temperature;
	int top_k, seed;
	bool cc;
	int limit; /* of printed tokens */
	int threads;
};

typedef struct PromptRun {
	const Options *c;
	TwModel *m;
	TwSession *s;
	FILE *out;
	int *row;    /* (context, nfield) the prompt */
	int *column; /* (2, nnamed + 2) of the trace: what is shown, how wide */
	Totals *totals;
	char wrong[160]; /* of a label what it cannot be; "" if nowhere */
} PromptRun;

/* Room for rows, taken from the machine as it is written to: NULL if there is none. */
static int *
reserve_rows(size_t n)
{
	void *p = mmap(NULL, n * sizeof(int), PROT_READ | PROT_WRITE,
	               MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

static void
release_rows(int *row, size_t n)
{
	if (row)
		munmap(row, n * sizeof *row);
}

static bool
allocate_rows(PromptRun *r)
{
	r->row = reserve_rows((size_t)r->m->context * (size_t)r->m->nfield);
	r->column = calloc((size_t)r->m->nnamed + 2, 2 * sizeof *r->column);
	return r->row && r->column;
}

static void
free_rows(PromptRun *r)
{
	if (r->row)
		release_rows(r->row, (size_t)r->m->context * (size_t)r->m->nfield);
	free(r->column);
}

static bool
print_error(char *error)
{
	fprintf(stderr, "twrun: %s\n", error ? error : "out of memory");
	free(error);
	return false;
}

/* ---- the table of named values */

static int
display_width(const char *s)
{
	wchar_t wide[128];
	size_t n = mbstowcs(wide, s, 127);
	int w = n == (size_t)-1 ? -1 : wcswidth(wide, n < 127 ? n : 127);

	return w < 0 ? (int)strlen(s) : w;
}

/* What is in a cell of the table: column -2 the position, -1 the token, then the
 * named values; row -1 the head. */
static void
trace_cell(const PromptRun *r, int position, const TwNamed *v, int column, char *out, size_t size)
{
	if (position < 0)
		snprintf(out, size, "%s",
		         column == -2   ? "pos"
		         : column == -1 ? (r->m->ninput ? "" : "token")
		                        : v->name);
	else if (column == -2)
		snprintf(out, size, "%d", position);
	else if (column == -1 && r->m->ninput)
		*out = '\0';
	else if (column == -1)
		tw_spell_token(r->m, tw_token(r->s, position), out, size);
	else if (v->reference && tw_value(r->s, v, position) < -0.5f)
		snprintf(out, size, "-");
	else
		spell_value(r->m, out, size, v->kind, &v->members, tw_value(r->s, v, position));
	for (; *out; out++)
		if ((unsigned char)*out < ' ')
			*out = '.';
}

static int
column_width(const PromptRun *r, const TwNamed *v, int column)
{
	char text[128];
	int most = 0;

	for (int i = -1; i < tw_count(r->s); i++) {
		trace_cell(r, i, v, column, text, sizeof text);
		most = display_width(text) > most ? display_width(text) : most;
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
print_block(const PromptRun *r, const int *column, const int *wide, int n)
{
	char text[128];

	for (int i = -1; i < tw_count(r->s); i++) {
		for (int c = 0; c < n; c++) {
			trace_cell(r, i, column[c] < 0 ? NULL : &r->m->named[column[c]], column[c],
			           text, sizeof text);
			fprintf(r->out, "%s%*s%s", c ? "  " : "", wide[c] - display_width(text), "",
			        text);
		}
		fputc('\n', r->out);
	}
}

static void
print_unknown(const PromptRun *r)
{
	const TwModel *m = r->m;
	int n = 0;

	for (int i = 0; i < m->nnamed; i++)
		if (!tw_has_value(r->s, &m->named[i]))
			fprintf(r->out, "%s%s",
			        n++ ? ", " : "the file does not say: ", m->named[i].name);
	if (n)
		fputc('\n', r->out);
}

/* The columns of one block: position, token, and from *next on as many named
 * values as there is room for, at least one. How many they are. */
static int
fill_block(const PromptRun *r, int *next, int room, int *column, int *wide)
{
	int n = 0;

	for (int c = -2; c < 0; c++) {
		column[n] = c;
		wide[n] = column_width(r, NULL, c);
		room -= wide[n++] + 2;
	}
	for (int i; (i = *next) < r->m->nnamed; ++*next) {
		if (!tw_has_value(r->s, &r->m->named[i]))
			continue;
		wide[n] = column_width(r, &r->m->named[i], i);
		room -= wide[n] + 2;
		if (n > 2 && room < 0)
			break;
		column[n++] = i;
	}
	return n;
}

/* The trace and the weights of every head. */
static void
print_trace_json(const PromptRun *r, int nprompt)
{
	cJSON *o = json_trace(r->s, r->m, nprompt, true);
	HeadVectors *heads = head_vectors(r->s, r->m);

	cJSON_AddItemToObject(o, "attention", json_attention(heads));
	head_vectors_free(heads);
	char *text = cJSON_PrintUnformatted(o);
	fprintf(r->out, "%s\n", text ? text : "");
	cJSON_free(text);
	cJSON_Delete(o);
}

static void
print_trace(const PromptRun *r)
{
	int *column = r->column, *wide = column + r->m->nnamed + 2;
	int next = 0;

	do {
		int n = fill_block(r, &next, terminal_width(), column, wide);
		print_block(r, column, wide, n);
		fputc('\n', r->out);
	} while (next < r->m->nnamed);
	print_unknown(r);
}

/* ---- answers */

/* A bool is 0 or 1, or the model does not do what its file says. */
static void
check_bools(PromptRun *r, const TwLabel *l, const float *x, int position)
{
	for (int c = 0; c < l->columns && l->kind == TW_BOOL && !*r->wrong; c++)
		if (!(fabsf(x[c]) < 0.01f || fabsf(x[c] - 1) < 0.01f))
			snprintf(r->wrong, sizeof r->wrong,
			         "%.60s at position %d is %.6g, and a bool is 0 or 1", l->name,
			         position, (double)x[c]);
}

static void
print_label(PromptRun *r, int label, int n)
{
	const TwLabel *l = &r->m->label[label];
	char text[128];

	fprintf(r->out, "%s:", l->name);
	for (int i = 0; i < n; i++) {
		const float *x = tw_label(r->s, label, i);
		check_bools(r, l, x, i);
		fputs(l->columns > 1 ? " [" : " ", r->out);
		for (int c = 0; c < l->columns; c++) {
			spell_value(r->m, text, sizeof text, l->kind, &l->members, x[c]);
			fprintf(r->out, "%s%s", c ? ", " : "", text);
		}
		if (l->columns > 1)
			fputc(']', r->out);
	}
	fputc('\n', r->out);
}

/* As it is spelled; records stand apart. */
static void
print_answer_token(const PromptRun *r, const int *row, bool first)
{
	if (!r->m->record) {
		fputs(tw_spell(r->m, *row), r->out);
		return;
	}
	size_t size = tw_spell_token(r->m, row, NULL, 0) + 1;
	char *text = malloc(size);
	if (text)
		tw_spell_token(r->m, row, text, size);
	fprintf(r->out, "%s%s", first ? "" : " ", text ? text : "?");
	free(text);
}

/* Of many texts, an empty line ends those that have several lines. */
static void
end_text(const PromptRun *r)
{
	if (!r->c->json && (r->c->trace || r->m->emits + r->m->nlabel > 1))
		fputc('\n', r->out);
}

/* Labels are those of the prompt; the trace shows the whole text. False if memory ran out. */
static bool
answer_rows(PromptRun *r, int n)
{
	bool taken;

	tw_reset(r->s);
	taken = tw_feed_tokens(r->s, r->row, n);
	for (int i = 0; taken && i < r->c->limit && !tw_done(r->s); i++)
		taken = tw_feed_token(r->s, tw_next_token(r->s));
	if (!taken)
		return false;
	if (r->c->json) {
		print_trace_json(r, n);
		return true;
	}
	if (r->c->trace)
		print_trace(r);
	for (int i = n; i < tw_count(r->s); i++)
		print_answer_token(r, tw_token(r->s, i), i == n);
	if (r->m->emits)
		fputc('\n', r->out);
	for (int i = 0; i < r->m->nlabel; i++)
		print_label(r, i, n);
	return true;
}

/* What --check found ends the run. */
static void
stop_at_difference(const PromptRun *r, const char *prompt)
{
	if (!tw_difference(r->s))
		return;
	fflush(stdout);
	fprintf(stderr, "twrun: %s: %s\n", prompt, tw_difference(r->s));
	exit(1);
}

static bool
answer_prompt(PromptRun *r, const char *prompt)
{
	char *error = NULL;
	int n = tw_tokenize(r->m, prompt, r->row, &error);

	if (n < 0)
		return print_error(error);
	if (!answer_rows(r, n))
		return print_error(NULL);
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

/* Prompts that a person types, one by one. */
static bool
prompt_loop(PromptRun *r)
{
	LineEditor *editor = line_editor_open();
	char *line;

	if (!editor)
		return print_error(NULL);
	fprintf(stderr, "%s, from %s: type a prompt and Enter for its answer; Ctrl-D ends\n",
	        r->m->name, r->c->model);
	while ((line = line_editor_read(editor, "> ")))
		if (*line) {
			answer_prompt(r, line);
			fflush(stdout);
		}
	putchar('\n');
	line_editor_close(editor);
	return true;
}

/* ---- many prompts (batch.c) */

typedef struct Worker {
	PromptRun run;
	TwBatch *batch; /* NULL where a session is asked: traces, checks, labels */
	int most;       /* texts at once */
	TwText *text;   /* (most) */
	int *rows;      /* (most, context, nfield) prompt and answer, one behind the other */
} Worker;

static unsigned
session_flags(const Options *c)
{
	return (c->trace || c->json ? TW_TRACE : 0) | (c->check ? TW_CHECK : 0)
	       | (c->stats ? TW_TIMED : 0);
}

static void
close_worker(void *arg)
{
	Worker *w = arg;

	if (w->run.c->stats && (w->run.s || w->batch))
		stats_add(w->run.totals, w->run.s ? tw_stats(w->run.s) : tw_batch_stats(w->batch));
	tw_close(w->run.s);
	tw_batch_close(w->batch);
	free_rows(&w->run);
	free(w->text);
	release_rows(w->rows,
	             (size_t)w->most * (size_t)w->run.m->context * (size_t)w->run.m->nfield);
	free(w);
}

static void *
open_worker(void *arg, char **error)
{
	const PromptRun *r = arg;
	Worker *w = calloc(1, sizeof *w);
	size_t context = (size_t)r->m->context;

	if (!w)
		return NULL;
	w->run = (PromptRun){ .c = r->c, .m = r->m, .totals = r->totals };
	w->most = context < 1000 ? 1024 : 16;
	unsigned flags = session_flags(r->c);
	if (flags & (TW_TRACE | TW_CHECK) || r->m->nlabel || !r->m->emits)
		w->run.s = tw_open(r->m, flags, error);
	else
		w->batch = tw_batch_open(r->m, flags, error);
	w->text = calloc((size_t)w->most, sizeof *w->text);
	if (w->batch)
		w->rows = reserve_rows((size_t)w->most * context * (size_t)r->m->nfield);
	if (allocate_rows(&w->run) && w->text && (w->run.s || w->rows))
		return w;
	close_worker(w);
	return NULL;
}

/* One by one. */
static int
answer_each(Worker *w, char **prompt, int n, FILE *out, char **why, int *bad, char **error)
{
	w->run.out = out;
	for (*bad = 0; *bad < n; ++*bad) {
		int rows = why[*bad] ? -1
		                     : tw_tokenize(w->run.m, prompt[*bad], w->run.row, &why[*bad]);
		if (rows < 0 && !why[*bad])
			return 2;
		if (rows < 0) {
			fputc('\n', out);
			continue;
		}
		if (!answer_rows(&w->run, rows))
			return 2; /* answer_chunk() says why */
		end_text(&w->run);
		if (tw_difference(w->run.s) || *w->run.wrong) {
			*error = strdup(*w->run.wrong ? w->run.wrong : tw_difference(w->run.s));
			return 1;
		}
	}
	return 0;
}

/* Side by side, n of them; false if memory ran out. */
static bool
answer_together(Worker *w, char **prompt, int n, FILE *out, char **why)
{
	const TwModel *m = w->run.m;
	int *row = w->rows, k = 0;

	w->run.out = out;
	for (int i = 0; i < n; i++, row += (size_t)m->context * (size_t)m->nfield) {
		TwText *t = &w->text[k];
		t->nprompt = why[i] ? -1 : tw_tokenize(m, prompt[i], row, &why[i]);
		if (t->nprompt < 0 && !why[i])
			return false;
		if (t->nprompt < 0)
			continue;
		t->prompt = row;
		t->answer = row + t->nprompt * m->nfield;
		k++;
	}
	if (!tw_batch_answer(w->batch, w->text, k, w->run.c->limit))
		return false;
	k = 0;
	for (int i = 0; i < n; i++) {
		for (int a = 0; !why[i] && a < w->text[k].nanswer; a++)
			print_answer_token(&w->run, w->text[k].answer + a * m->nfield, a == 0);
		k += !why[i];
		fputc('\n', out);
	}
	return true;
}

static int
answer_prompts(void *arg, char **prompt, int n, FILE *out, char **why, int *bad, char **error)
{
	Worker *w = arg;

	if (w->run.s)
		return answer_each(w, prompt, n, out, why, bad, error);
	for (*bad = 0; *bad < n; *bad += w->most) {
		int some = n - *bad < w->most ? n - *bad : w->most;
		if (!answer_together(w, prompt + *bad, some, out, why + *bad))
			return 2;
	}
	return 0;
}

/* Of a file, for the progress bar; 0: not known. */
static long
count_lines(int fd)
{
	char some[1 << 16];
	struct stat st;
	long n = 0;

	if (fstat(fd, &st) || !S_ISREG(st.st_mode) || !isatty(2) || isatty(1))
		return 0;
	for (ssize_t k; (k = read(fd, some, sizeof some)) > 0;)
		for (ssize_t i = 0; i < k; i++)
			n += some[i] == '\n';
	return lseek(fd, 0, SEEK_SET) ? 0 : n;
}

static int
answer_batch(PromptRun *r)
{
	Answerer answerer = { open_worker, answer_prompts, close_worker, r };
	LineInput in = { 0, "standard input", 0 };

	if (strcmp(r->c->batch, "-")) {
		in = (LineInput){ open(r->c->batch, O_RDONLY), r->c->batch, 0 };
		if (in.fd < 0) {
			fprintf(stderr, "twrun: %s: %s\n", r->c->batch, strerror(errno));
			return 2;
		}
		in.lines = count_lines(in.fd);
	}
	int status = answer_lines(&in, &answerer, r->c->threads);
	if (in.fd)
		close(in.fd);
	return status;
}

/* ---- one prompt of a file */

/* What is in it, but for a newline at its end; NULL after saying why not. */
static char *
read_prompt_file(const char *path)
{
	bool input = !strcmp(path, "-");
	FILE *f = input ? stdin : fopen(path, "r");
	char *text = NULL;
	size_t cap = 0;
	ssize_t n = f ? getdelim(&text, &cap, '\0', f) : -1;
	bool zero = n > 0 && !text[n - 1], failed = !f || ferror(f);

	if (failed || zero) {
		fprintf(stderr, "twrun: %s: %s\n", path,
		        failed ? strerror(errno) : "the prompt holds a zero byte");
		free(text);
		text = NULL;
	} else if (n <= 0) {
		free(text);
		text = strdup("");
	} else {
		chop(text, &n);
	}
	if (f && !input)
		fclose(f);
	return text;
}

static bool
answer_prompt_file(PromptRun *r)
{
	char *text = read_prompt_file(r->c->prompt_file);
	bool ok = text && answer_prompt(r, text);

	free(text);
	return ok;
}

static int
answer_one(PromptRun *r)
{
	char *error = NULL;

	if (!r->c->prompt && !r->c->prompt_file && !isatty(0)) {
		fputs("twrun: no prompt; --batch - reads prompts from standard input\n", stderr);
		return 2;
	}
	r->s = tw_open(r->m, session_flags(r->c), &error);
	if (!r->s)
		return print_error(error), 2;
	bool ok = r->c->prompt_file ? answer_prompt_file(r)
	          : r->c->prompt    ? answer_prompt(r, r->c->prompt)
	                            : prompt_loop(r);
	if (r->c->stats)
		stats_add(r->totals, tw_stats(r->s));
	return ok ? 0 : 2;
}

/* ---- numbers in place of tokens */

static void
answer_number_rows(PromptRun *r, const double *x, int n)
{
	size_t width = (size_t)r->m->ninput;
	float *number = guarded_malloc((size_t)n * width * sizeof *number);

	tw_reset(r->s);
	for (size_t i = 0; i < (size_t)n * width; i++)
		number[i] = (float)x[i];
	tw_feed_number_rows(r->s, number, n);
	guarded_free(number);
	if (r->c->json) {
		print_trace_json(r, n);
		return;
	}
	if (r->c->trace)
		print_trace(r);
	for (int i = 0; i < r->m->nlabel; i++)
		print_label(r, i, n);
}

static int
answer_input(PromptRun *r)
{
	Arena arena = { 0 };
	Numbers all;
	char *error = NULL;
	bool ok = numbers_read(&arena, "twrun", r->c->input, r->m->input, r->m->ninput,
	                       r->m->context, &all);

	r->s = ok ? tw_open(r->m, session_flags(r->c), &error) : NULL;
	if (ok && !r->s)
		print_error(error);
	for (int i = 0; r->s && i < all.ntext; i++) {
		answer_number_rows(r, all.x + (size_t)i * (size_t)all.n * (size_t)r->m->ninput,
		                   all.n);
		if (all.ntext > 1)
			end_text(r);
	}
	if (r->s && r->c->stats)
		stats_add(r->totals, tw_stats(r->s));
	arena_free(&arena);
	return r->s ? 0 : 2;
}

static int
answer_input_or_prompt(PromptRun *r)
{
	double start = stats_now();

	if (!r->m->ninput != !r->c->input) {
		fprintf(stderr, "twrun: this model takes %s\n",
		        r->m->ninput ? "numbers: --input FILE.npy" : "tokens: give it a prompt");
		return 2;
	}
	int status = r->c->input ? answer_input(r) : r->c->batch ? answer_batch(r) : answer_one(r);

	r->totals->answering = stats_now() - start;
	return status;
}

/* A model that twc train has written. */
static int
answer_learned(const Options *c)
{
	if (!c->batch && !c->input && !c->prompt_file && !c->trace && !c->check && !c->stats)
		return learned_run(&(LearnedRun){ c->model, c->prompt, c->sample, c->temperature,
		                                  c->top_k, c->seed, c->json, c->limit, c->cc });
	fprintf(stderr,
	        "twrun: %s: what was learned takes a prompt, --sample, --temperature, --top-k, "
	        "--seed, --json, --max-tokens and --cc\n",
	        c->model);
	return 2;
}

static int
answer_exact(const Options *c)
{
	Totals totals = { 0 };
	PromptRun r = { .c = c, .out = stdout, .totals = &totals };
	char *error = NULL;

	if ((c->prompt != NULL) + (c->batch != NULL) + (c->input != NULL) > 1) {
		fputs("twrun: a prompt, --batch or --input, one of them\n", stderr);
		return 2;
	}
	if (c->threads < 1 || c->threads > 1024) {
		fputs("twrun: --threads is from 1 to 1024\n", stderr);
		return 2;
	}
	totals.loading = -stats_now();
	r.m = tw_load(c->model, &error);
	totals.loading += stats_now();
	bool ready = r.m && allocate_rows(&r);
	int status = ready ? answer_input_or_prompt(&r) : (print_error(error), 2);
	if (!status && *r.wrong) {
		fflush(stdout);
		fprintf(stderr, "twrun: %s\n", r.wrong);
		status = 1;
	}
	if (!status && c->stats)
		stats_print(&totals, r.m, stderr);
	free_rows(&r);
	tw_close(r.s);
	tw_free(r.m);
	return status;
}

static int
cmd_answer(const Options *c)
{
	if (is_learned_file(c->model))
		return answer_learned(c);
	if (!c->sample && !c->temperature && !c->top_k)
		return answer_exact(c);
	fprintf(stderr, "twrun: %s: its answer is exact, there is nothing to sample\n", c->model);
	return 2;
}

static const Flag flags[] = {
	{ "batch", 'b', "FILE", offsetof(Options, batch),
	  "one prompt a line, - for standard input; one answer a line, in order, on all cores; "
	  "where an answer has several lines, an empty one ends it",
	  NULL },
	{ "prompt", 'p', "FILE", offsetof(Options, prompt_file),
	  "the prompt is what FILE holds, however long; - for standard input", NULL },
	{ "input", 'i', "FILE.npy", offsetof(Options, input),
	  "the numbers that a model without tokens takes: an array (positions, numbers), or "
	  "several of those",
	  NULL },
	{ "trace", 't', NULL, offsetof(Options, trace),
	  "show, for each position, the token and every named value of the program", NULL },
	{ "json", 0, NULL, offsetof(Options, json),
	  "the same as JSON, and where each head looks; in place of the answer, which is in it. "
	  "Of a model that was trained: what can come next, with scores and probabilities",
	  NULL },
	{ "check", 'c', NULL, offsetof(Options, check),
	  "run softmax over everything beside the look-ups; stop where they differ", NULL },
	{ "stats", 's', NULL, offsetof(Options, stats),
	  "say what it took, on standard error: time, weights read, memory", NULL },
	{ "max-tokens", 'n', "N", offsetof(Options, limit), "print at most N tokens", NULL },
	{ "threads", 'j', "N", offsetof(Options, threads),
	  "threads for --batch; as many as there are cores if not given", NULL },
	{ "sample", 0, NULL, offsetof(Options, sample),
	  "of a model that was trained: draw each token by chance, in place of the likeliest",
	  NULL },
	{ "temperature", 0, "T", offsetof(Options, temperature),
	  "the same, of softmax(scores / T): below 1 likelier tokens, 0 the likeliest", NULL },
	{ "top-k", 0, "N", offsetof(Options, top_k), "the same, of the N likeliest alone", NULL },
	{ "seed", 0, "N", offsetof(Options, seed), "which drawing: the same seed gives the same",
	  NULL },
	{ "cc", 0, NULL, offsetof(Options, cc),
	  "the same, by kernels that the C compiler of this machine makes (CC, or cc): the same "
	  "bits",
	  NULL },
	{ 0 },
};

static const Verb verbs[] = {
	{
		"",
		"MODEL [PROMPT]",
		"prints what the transformer MODEL, an .onnx or .safetensors file, answers to "
		"PROMPT",
		"Without a prompt, on a terminal, asks for prompts one by one, with editing and "
		"history where libedit is installed; Ctrl-D ends. What was learned goes on with "
		"PROMPT, a context's length unless --max-tokens says how far.",
		"batch prompt input trace json check stats max-tokens threads sample temperature "
		"top-k seed cc",
		"twrun calculator.onnx \"12*34=\"\n"
		"twrun calculator.onnx --batch prompts.txt\n"
		"seq 0 9 | sed 's/$/+1=/' | twrun adder.onnx --batch -\n"
		"twrun adder.onnx --trace \"12+34=\"\n"
		"twrun adder.onnx --stats --batch prompts.txt\n"
		"twrun letters.safetensors \"The \" --sample --temperature 0.8 --top-k 20 --seed 1",
		cmd_answer,
	},
	{ 0 },
};

static const Cli cli = {
	.program = "twrun",
	.doc = "runs compiled transformers",
	.files = "onnx safetensors",
	.status = "0 fine; 1 --check found a difference, a label is what it cannot be, or lines of "
		  "--batch were "
		  "refused; 2 the "
		  "model or a prompt was refused",
	.see = "twc(1)",
	.flags = flags,
	.verbs = verbs,
};

int
main(int argc, char **argv)
{
	Options c = { .limit = INT_MAX, .threads = (int)sysconf(_SC_NPROCESSORS_ONLN) };
	int status;

	setlocale(LC_CTYPE, "");
	const Verb *verb = cli_parse(&cli, &argc, &argv, &c, &status);
	if (!verb)
		return status;
	c.model = argv[0];
	c.prompt = argv[1];
	return cli_run(&cli, verb, &c);
}
