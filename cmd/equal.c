/* twc equal A B --shape SHAPE: do two programs or models answer every prompt of a shape alike?
 * Each prompt (shape.c) is tried in both, by the runtime: where both are proved (twc prove), its
 * answers are those of every engine, and so is this. */

#include "cmd/cmd.h"

#include <stdlib.h>
#include <string.h>

#include "backend/file/write.h"
#include "cmd/learned_batch.h"
#include "cmd/shape.h"
#include "runtime/tw.h"

enum { CHUNK = 1024 };

typedef struct Contender {
	const char *name;
	Program program;       /* of a .tw */
	LearnedBatch *learned; /* of one with parameters: then `model` has words alone */
	TwModel *model;
	TwBatch *batch;
	int *rows; /* (CHUNK, context) prompts with their answers behind them */
	TwText text[CHUNK];
} Contender;

typedef struct Comparison {
	Contender side[2];
	int n; /* prompts that wait */
	char prompt[CHUNK][MOST_PROMPT];
	long tried;
	int status; /* 0 so far alike, 1 not, 2 a prompt that is none */
} Comparison;

/* ---- two models */

/* A program with parameters does not answer by itself: what it says after the other's words is held
 * against these. */
static bool
open_learned_contender(Contender *s, const Options *o)
{
	Arena *a = &s->program.arena;
	const Graph *g = &s->program.meant;

	if (!g->emit || g->nfield > 1 || g->ninput) {
		fprintf(stderr, "twc: %s: it answers no text with text\n", s->name);
		return false;
	}
	s->model = NEW(a, TwModel);
	*s->model = words_of(a, g);
	s->learned = learned_batch_open(a, g, o->model, CHUNK);
	s->rows = calloc((size_t)CHUNK * (size_t)g->context, sizeof *s->rows);
	return s->learned && s->rows;
}

static bool
open_contender(Contender *s, const char *path, const Options *o)
{
	const char *end = strrchr(path, '.');
	char *error = NULL;
	size_t n;

	s->name = path;
	if (end && !strcmp(end, ".tw")) {
		if (!program_open(&s->program, path, o))
			return false;
		if (s->program.graph->learned)
			return open_learned_contender(s, o);
		if (!program_compile(&s->program))
			return false;
		unsigned char *bytes = onnx_bytes(&s->program.arena, s->program.model, &n);
		s->model = tw_load_memory(bytes, n, &error);
	} else {
		s->model = tw_load(path, &error);
	}
	s->batch = s->model ? tw_batch_open(s->model, 0, &error) : NULL;
	bool ok = s->batch && s->model->emits && s->model->nfield == 1;
	if (ok)
		s->rows = calloc((size_t)CHUNK * (size_t)s->model->context, sizeof *s->rows);
	if (!ok || !s->rows)
		fprintf(stderr, "twc: %s: %s\n", path,
		        error ? error : "it answers no text with text");
	free(error);
	return ok && s->rows;
}

static void
close_contender(Contender *s)
{
	learned_batch_close(s->learned);
	tw_batch_close(s->batch);
	if (!s->program.graph || !s->program.graph->learned)
		tw_free(s->model);
	free(s->rows);
	program_close(&s->program);
}

static bool
answer_waiting(Comparison *e, Contender *s)
{
	for (int i = 0; i < e->n; i++) {
		int *row = s->rows + (size_t)i * (size_t)s->model->context;
		char *error = NULL;
		int n = tw_tokenize(s->model, e->prompt[i], row, &error);
		if (n < 0) {
			fprintf(stderr, "twc: %s: %s: %s\n", s->name, e->prompt[i],
			        error ? error : "out of memory");
			free(error);
			return false;
		}
		s->text[i] = (TwText){ row, n, row + n, 0 };
	}
	return s->learned || tw_batch_answer(s->batch, s->text, e->n, s->model->context);
}

/* What it says after each token of the answer that `like` gave to text i, up to the first that is
 * another. */
static void
follow_answer(Contender *s, const Contender *like, int i)
{
	const Graph *g = &s->program.meant;
	TwText *mine = &s->text[i];
	const TwText *other = &like->text[i];
	Eval *eval = learned_batch_eval(s->learned, i);

	for (int k = 0; k <= other->nanswer && mine->nprompt + k < g->context; k++) {
		int row;
		if (!next_token(g, eval, mine->nprompt + k - 1, &row))
			return;
		mine->answer[mine->nanswer++] = row;
		if (k == other->nanswer
		    || strcmp(tw_spell(s->model, row), tw_spell(like->model, other->answer[k])))
			return;
	}
}

/* The other's answers stand behind the prompts, in its own words. */
static bool
answer_after(Comparison *e, Contender *s, const Contender *like)
{
	int *row[CHUNK], length[CHUNK];

	for (int i = 0; i < e->n; i++) {
		const TwText *other = &like->text[i];
		row[i] = s->rows + (size_t)i * (size_t)s->model->context;
		length[i] = s->text[i].nprompt;
		for (int k = 0; k < other->nanswer && length[i] < s->model->context; k++) {
			const char *word = tw_spell(like->model, other->answer[k]);
			int at = 0;
			while (at < s->model->nvocab && strcmp(s->model->vocab[at], word))
				at++;
			if (at == s->model->nvocab)
				break; /* it can only say something else there */
			row[i][length[i]++] = at;
		}
	}
	learned_batch_run(s->learned, e->n, row, length);
	for (int i = 0; i < e->n; i++)
		follow_answer(s, like, i);
	return true;
}

static bool
same_answer(const Comparison *e, int i)
{
	const TwText *a = &e->side[0].text[i], *b = &e->side[1].text[i];

	for (int k = 0; k < a->nanswer && a->nanswer == b->nanswer; k++)
		if (strcmp(tw_spell(e->side[0].model, a->answer[k]),
		           tw_spell(e->side[1].model, b->answer[k])))
			return false;
	return a->nanswer == b->nanswer;
}

static void
print_answer(const Contender *s, int i)
{
	printf("  %s: ", s->name);
	for (int k = 0; k < s->text[i].nanswer; k++)
		fputs(tw_spell(s->model, s->text[i].answer[k]), stdout);
	putchar('\n');
}

/* ---- every prompt */

static void
compare_prompts(Comparison *e)
{
	if (e->status || e->n == 0) {
		e->n = 0;
		return;
	}
	if (!answer_waiting(e, &e->side[0]) || !answer_waiting(e, &e->side[1])
	    || (e->side[1].learned && !answer_after(e, &e->side[1], &e->side[0])))
		e->status = 2;
	for (int i = 0; i < e->n && !e->status; i++, e->tried++)
		if (!same_answer(e, i)) {
			printf("not equal, with '%s', after %ld that are alike\n", e->prompt[i],
			       e->tried);
			print_answer(&e->side[0], i);
			print_answer(&e->side[1], i);
			e->status = 1;
		}
	e->n = 0;
}

static bool
wait_with_prompt(void *data, const char *prompt)
{
	Comparison *e = data;

	strcpy(e->prompt[e->n++], prompt);
	if (e->n == CHUNK)
		compare_prompts(e);
	return e->status == 0;
}

int
cmd_equal(const Options *o)
{
	static Comparison e;
	PromptShape shape;

	if (o->nargs != 2 || !o->shape) {
		fputs("twc: equal takes two files and --shape, such as 'D{1,3}+D{1,3}='\n", stderr);
		return 2;
	}
	if (!parse_shape(&shape, o->shape))
		return 2;
	e.status = 2;
	if (open_contender(&e.side[0], o->args[0], o)
	    && open_contender(&e.side[1], o->args[1], o)) {
		e.status = e.side[0].learned ? 2 : 0;
		if (e.side[0].learned)
			fprintf(stderr, "twc: %s: the one with parameters is to be the second\n",
			        e.side[0].name);
		each_prompt(&shape, wait_with_prompt, &e);
		compare_prompts(&e);
	}
	if (e.status == 0)
		printf("equal: all %ld prompts\n", e.tried);
	close_contender(&e.side[0]);
	close_contender(&e.side[1]);
	return e.status;
}
