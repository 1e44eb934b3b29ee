/* twc prove FILE.tw --shape SHAPE: every prompt of a shape, in the transformer and by what the
 * program means. The answers must be the same, and the program's asserts must hold at every
 * position of prompt and answer: so an assert is a property, proved for all prompts of the shape.
 */

#include "cmd/shape.h"
#include "cmd/cmd.h"

#include <stdlib.h>
#include <string.h>

#include "backend/file/write.h"
#include "runtime/tw.h"

typedef struct ShapeProof {
	Program *program;
	const Graph *g; /* what it means */
	Eval *eval;
	TwModel *model;
	TwSession *session;
	int *row; /* (context) the prompt, and what the evaluator answers */
	long tried;
	int status;
} ShapeProof;

static bool
open_shape_proof(ShapeProof *s)
{
	char *error = NULL;
	size_t n;
	unsigned char *bytes = onnx_bytes(&s->program->arena, s->program->model, &n);

	s->g = &s->program->meant;
	s->model = tw_load_memory(bytes, n, &error);
	s->session = s->model ? tw_open(s->model, 0, &error) : NULL;
	bool ok = s->session && s->model->emits && s->model->nfield == 1;
	if (ok) {
		s->eval = eval_new(s->g);
		s->row = calloc((size_t)s->model->context + 1, sizeof *s->row);
	}
	if (!ok || !s->row)
		fprintf(stderr, "twc: %s: %s\n", s->program->src.path,
		        error ? error : "it answers no text with text");
	free(error);
	return ok && s->row;
}

static void
close_shape_proof(ShapeProof *s)
{
	if (s->eval)
		eval_free(s->eval);
	tw_close(s->session);
	tw_free(s->model);
	free(s->row);
}

/* Does the transformer let the same follow the first `prompt` of all n tokens? */
static bool
transformer_agrees(ShapeProof *s, int prompt, int n)
{
	tw_reset(s->session);
	for (int i = 0; i < n; i++)
		if ((i >= prompt && (tw_done(s->session) || tw_next(s->session) != s->row[i]))
		    || !tw_feed(s->session, s->row[i]))
			return false;
	return n == s->model->context || tw_done(s->session);
}

static void
print_disproof(ShapeProof *s, const char *prompt, int from, int n, const char *what)
{
	printf("%s: not proved, with '%s', after %ld prompts that are: %s\n", s->program->src.path,
	       prompt, s->tried, what);
	printf("  the program means: %s\n",
	       spell_rows(&s->program->arena, s->g, s->row + from, n - from));
	s->status = 1;
}

static bool
prove_prompt(void *data, const char *prompt)
{
	ShapeProof *s = data;
	char *error = NULL;
	int at, from = tw_tokenize(s->model, prompt, s->row, &error);

	if (from < 0) {
		fprintf(stderr, "twc: %s: %s\n", prompt, error ? error : "out of memory");
		free(error);
		s->status = 2;
		return false;
	}
	eval_text(s->eval, s->row, from);
	int n = continue_text(s->g, s->eval, s->row, from);
	const Assert *broken = broken_assert(s->g, s->eval, n, &at);
	if (broken)
		print_disproof(s, prompt, from, n,
		               arena_fmt(&s->program->arena, "an assert is broken%s",
		                         why_broken(&s->program->arena, s->eval, broken, at)));
	else if (!transformer_agrees(s, from, n))
		print_disproof(s, prompt, from, n, "the transformer answers otherwise");
	s->tried += s->status == 0;
	return s->status == 0;
}

int
prove_shape(Program *p, const char *text)
{
	ShapeProof s = { .program = p };
	PromptShape shape;

	if (!parse_shape(&shape, text))
		return 2;
	s.status = open_shape_proof(&s) ? 0 : 2;
	if (s.status == 0)
		each_prompt(&shape, prove_prompt, &s);
	if (s.status == 0)
		printf("  all %ld prompts of the shape: answered as the program means%s\n", s.tried,
		       s.g->nassert ? ", its asserts hold" : "");
	close_shape_proof(&s);
	return s.status;
}
