/* What all verbs share: a source file, read, lowered and compiled. */

#include "cmd/cmd.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "backend/target/target.h"
#include "frontend/frontend.h"
#include "lang/text.h"
#include "runtime/tw.h"

double
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

char *
read_file(Arena *arena, const char *path, size_t *n)
{
	enum { MOST = 64 << 20 }; /* no source and no list of prompts is longer */
	bool in = !strcmp(path, "-");
	FILE *f = in ? stdin : fopen(path, "rb");
	char *text = NULL, *copy = NULL;
	size_t have = 0, cap = 0, got = 0;

	if (!f) {
		fprintf(stderr, "twc: %s: %s\n", path, strerror(errno));
		return NULL;
	}
	do {
		have += got;
		if (have == cap) {
			cap = cap ? 2 * cap : 16384;
			text = guarded_realloc(text, cap);
		}
	} while (have < MOST && (got = fread(text + have, 1, cap - have, f)) > 0);
	if (ferror(f))
		fprintf(stderr, "twc: %s: %s\n", path, strerror(errno));
	else if (have >= MOST)
		fprintf(stderr, "twc: %s: too large\n", path);
	else
		copy = arena_strn(arena, text, have);
	if (!in)
		fclose(f);
	guarded_free(text);
	*n = have;
	return copy;
}

bool
has_colours(FILE *f)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	return !(no && *no) && term && strcmp(term, "dumb") && isatty(fileno(f));
}

bool
is_graph_file(const char *path)
{
	size_t n = strlen(path);

	return n > 4 && !strcmp(path + n - 4, ".twg");
}

static Named *
copy_named(Arena *arena, const Named *from, int n)
{
	Named *to = NEWS(arena, Named, n + 1);

	for (int i = 0; i < n; i++)
		to[i] = from[i];
	return to;
}

static void
print_diags(Program *p)
{
	if (!p->quiet)
		diag_print(&p->diags, stderr);
}

bool
program_open_text(Program *p, const char *path, const char *text, size_t n, const Options *o)
{
	p->src = (Source){ .path = path, .text = text, .len = (uint32_t)n };
	p->limits = o->limits;
	p->inspect.verify = o->verify;
	p->inspect.describe = o->prove;
	p->diags = (Diags){ .arena = &p->arena,
		            .src = &p->src,
		            .no_warnings = o->no_warnings,
		            .colours = has_colours(stderr) };

	if (is_graph_file(path)) {
		p->graph = graph_read(&p->src, &p->arena, &p->diags);
	} else {
		Tree *tree = parse(&p->src, &p->arena, &p->diags);
		p->graph = lower(tree, o->stdlib, &p->arena, &p->diags);
	}
	print_diags(p);
	if (p->diags.nerror || !p->graph)
		return false;

	/* Passes redirect outputs and names and never change a node, so a copy of
	 * both is a copy of the meaning. */
	p->meant = *p->graph;
	p->meant.output = copy_named(&p->arena, p->graph->output, p->graph->noutput);
	p->meant.named = copy_named(&p->arena, p->graph->named, p->graph->nnamed);
	if (p->graph->emit) {
		p->meant.emit = NEWS(&p->arena, Node *, p->graph->nfield);
		memcpy(p->meant.emit, p->graph->emit,
		       sizeof *p->meant.emit * (size_t)p->graph->nfield);
	}
	return true;
}

/* ---- a library on its own ---- */

static const char example_mark[] = "# example: ";

static bool
line_is_example(const char *line)
{
	return !strncmp(line, example_mark, sizeof example_mark - 1);
}

static const char *
next_line(const char *s)
{
	const char *end = strchr(s, '\n');

	return end ? end + 1 : s + strlen(s);
}

/* What does not parse is refused as a program. */
static bool
holds_library(Arena *arena, const char *path, const char *text, size_t n)
{
	Source src = { .path = path, .text = text, .len = (uint32_t)n };
	Diags diags = { .arena = arena, .src = &src };

	const Tree *tree = parse(&src, arena, &diags);

	return tree && is_library(tree) && !diags.nerror;
}

/* The library as a model: its lines stay where they are, the examples follow it
 * as outputs; that there is one at all is true. */
static char *
library_program(Arena *arena, const char *text, size_t *n)
{
	TextBuilder t = { .arena = arena };
	int line = 1;

	text_addf(&t, "%s%s", library_model(arena), text);
	for (const char *s = text; *s; s = next_line(s), line++) {
		const char *end = next_line(s);
		if (line_is_example(s))
			text_addf(&t, "\noutput %s%d: bool = %.*s", EXAMPLE_NAME, line,
			          (int)(end - s - (long)(sizeof example_mark - 1)),
			          s + sizeof example_mark - 1);
	}
	text_addf(&t, "\noutput library: bool = true\n");
	*n = t.n;
	return t.s;
}

bool
program_open_file_text(Program *p, const char *path, const char *text, size_t n, const Options *o,
                       bool *library)
{
	*library = !is_graph_file(path) && holds_library(&p->arena, path, text, n);
	if (*library)
		text = library_program(&p->arena, text, &n);
	return program_open_text(p, path, text, n, o);
}

bool
program_open(Program *p, const char *path, const Options *o)
{
	size_t n;
	char *text = read_file(&p->arena, path, &n);

	return text && program_open_text(p, path, text, n, o);
}

bool
program_compile(Program *p)
{
	run_passes(p->graph, &p->diags, NULL, NULL);
	if (!p->diags.nerror)
		p->model = compile_within(p->graph, p->target ? p->target : &plain_target,
		                          &p->arena, &p->diags, &p->limits, &p->inspect,
		                          &p->report);
	print_diags(p);
	return p->model && !p->diags.nerror;
}

void
program_close(Program *p)
{
	arena_free(&p->arena);
	*p = (Program){ 0 };
}

TwModel
words_of(Arena *arena, const Graph *g)
{
	TwModel m = { .nvocab = g->nvocab,
		      .vocab = (char **)g->vocab,
		      .record = g->field,
		      .nfield = g->nfield,
		      .first = NEWS(arena, int, g->nfield + 1),
		      .context = longest_kept(g) };

	for (int i = 0; i < g->nfield; i++)
		m.first[i] = first_row(g, i);
	m.first[g->nfield] = g->nvocab;
	return m;
}

void
print_spelled(const TwModel *m, const int *row, bool first, FILE *f)
{
	size_t size = tw_spell_token(m, row, NULL, 0) + 1;
	char *text = guarded_malloc(size);

	tw_spell_token(m, row, text, size);
	fprintf(f, "%s%s", m->record && !first ? " " : "", text);
	guarded_free(text);
}

char *
spell_rows(Arena *arena, const Graph *g, const int *row, int n)
{
	TextBuilder t = { .arena = arena };
	TwModel words = words_of(arena, g);

	text_add(&t, "", 0);
	for (int i = 0; i < n; i++, row += g->nfield) {
		size_t size = tw_spell_token(&words, row, NULL, 0);
		char *text = arena_alloc(arena, size + 1);
		tw_spell_token(&words, row, text, size + 1);
		text_addf(&t, "%s%s", words.record && i ? " " : "", text);
	}
	return t.s;
}

const char *
spell_meant(Arena *arena, const Graph *g, const Named *of, int64_t v)
{
	if (of->kind == K_REAL)
		return arena_fmt(arena, "%.6g", real_value(v));
	if (of->kind == K_POS && v < 0)
		return "-";
	if (of->kind == K_POS)
		v += of->offset;
	if (v >= 0 && v < of->nmember)
		return of->member[v];
	if (of->kind == K_TOKEN)
		return v >= 0 && v < g->nvocab ? g->vocab[v] : "<end>";
	if (of->kind == K_BOOL)
		return v ? "true" : "false";
	return arena_fmt(arena, "%lld", (long long)v);
}

bool
next_token(const Graph *g, Eval *eval, int at, int *row)
{
	for (int i = 0; i < g->nfield; i++)
		row[i] = first_row(g, i) + (int)eval_at(eval, g->emit[i], at);
	if (*row != rows_of(g, 0))
		return true;
	*row = g->nvocab;
	return false;
}

int
longest_kept(const Graph *g)
{
	return g->context < 1 << 20 ? g->context : 1 << 20;
}

int
continue_text(const Graph *g, Eval *eval, int *text, int n)
{
	eval_text(eval, text, n);
	while (g->emit && n > 0 && n < longest_kept(g)
	       && next_token(g, eval, n - 1, text + n * g->nfield))
		eval_push(eval, text + n++ * g->nfield);
	return n;
}

const Assert *
broken_assert(const Graph *g, Eval *eval, int n, int *at)
{
	for (*at = 0; *at < n; ++*at)
		for (int i = 0; i < g->nassert; i++)
			if (eval_at(eval, g->assert[i].node, *at) != 1)
				return &g->assert[i];
	return NULL;
}

char *
why_broken(Arena *arena, Eval *eval, const Assert *a, int at)
{
	if (!a->match[0])
		return arena_fmt(arena, "%s%s", a->why ? ": " : "", a->why ? a->why : "");
	return arena_fmt(arena, ": positions %d and %d both match, 'only' promises one",
	                 (int)eval_at(eval, a->match[0], at), (int)eval_at(eval, a->match[1], at));
}
