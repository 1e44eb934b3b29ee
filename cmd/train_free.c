/* twc train EXACT.tw --free: the weights that a program was compiled to are parameters, which
 * training goes on with; and which of a program's parameters are learned at all, and from where.
 *
 *     twc train adder.tw --free -o adder.safetensors
 *     twc train adder.tw --free --only 'layers.2.[wb]?,head' --fresh 'layers.2.[wb]?,head' -o ...
 *
 * A parameter is named by its name, by what it stands below (layers.2), or by a pattern of the
 * shell. */

#define _GNU_SOURCE /* asprintf */

#include "cmd/train.h"

#include <fnmatch.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "backend/file/write.h"
#include "backend/model_tensors.h"
#include "runtime/tw.h"

Learned *
open_free(Training *t)
{
	const char *path = t->o->args[0], *why;
	Program *p = &t->program;

	if (p->graph->learned) {
		fprintf(stderr,
		        "twc: %s: it has parameters: --free is for programs that are exact\n",
		        path);
		return NULL;
	}
	if (!program_compile(p))
		return NULL;
	t->vocab = vocabulary_of_words(t->arena, p->meant.vocab, p->meant.nvocab);
	if (t->prompt && p->meant.nfield == 1 && !training_prompt(t, p->model->context))
		return NULL;
	int positions = t->nrow ? t->nrow : p->model->context;
	Learned *l = learned_of_model(t->arena, p->model, positions, &why);
	if (!l)
		fprintf(stderr, "twc: %s: its weights are no parameters: %s\n", path, why);
	return l;
}

static bool
is_named_by(const char *name, const char *item)
{
	size_t n = strlen(item);

	return !fnmatch(item, name, 0) || (!strncmp(name, item, n) && name[n] == '.');
}

/* Of a matrix of (in, out), as rows of compiled weights have them. */
static void
begin_fresh(LearnedParam *p)
{
	p->value = NULL;
	p->tensor->init = 0;
	p->tensor->spread = p->tensor->rank > 1 ? 1 / sqrt(p->tensor->dim[0]) : 0;
}

static void
print_parameters(const Learned *l)
{
	for (int i = 0; i < l->nparam; i++)
		fprintf(stderr, " %s", l->param[i].tensor->name);
	fputc('\n', stderr);
}

/* Each item of the list names parameters, which become frozen[i] = false, or fresh. */
static bool
each_named(Training *t, const char *flag, const char *list, bool fresh)
{
	Learned *l = t->learned;

	for (const char *s = list; *s; s += *s == ',') {
		size_t len = strcspn(s, ",");
		const char *item = arena_strn(t->arena, s, len);
		int found = 0;
		for (int i = 0; i < l->nparam; i++) {
			if (!is_named_by(l->param[i].tensor->name, item))
				continue;
			found++;
			if (fresh)
				begin_fresh(&l->param[i]);
			else
				l->param[i].frozen = false;
		}
		if (!found) {
			fprintf(stderr, "twc: --%s: '%s' is no parameter; there are", flag, item);
			print_parameters(l);
			return false;
		}
		s += len;
	}
	return true;
}

bool
choose_parameters(Training *t)
{
	Learned *l = t->learned;
	const Options *o = t->o;

	if (o->fresh && !t->free) {
		fputs("twc: --fresh goes with --free: other parameters begin as the program says\n",
		      stderr);
		return false;
	}
	for (int i = 0; o->only && i < l->nparam; i++)
		l->param[i].frozen = true;
	return (!o->only || each_named(t, "only", o->only, false))
	       && (!o->fresh || each_named(t, "fresh", o->fresh, true));
}

/* ---- back: a model again ---- */

static bool
read_checkpoint(Arena *a, const char *path, WeightsFile *f)
{
	const char *why, *end = strrchr(path, '.');
	size_t n;
	char *bytes = end && !strcmp(end, ".safetensors") && !access(path, R_OK)
	                      ? read_file(a, path, &n)
	                      : NULL;

	return bytes && weights_file_read(a, bytes, n, f, &why) && weights_file_text(f, "tw.graph");
}

bool
is_checkpoint(const char *path)
{
	Arena arena = { 0 };
	WeightsFile f;
	bool is = read_checkpoint(&arena, path, &f);

	arena_free(&arena);
	return is;
}

const TwModel *
model_learned_further(Program *p, const char *path, const char **why)
{
	WeightsFile f;

	*why = "no model of twc train --free";
	return read_checkpoint(&p->arena, path, &f)
	               ? model_with_weights(&p->arena, p->model, &f, why)
	               : NULL;
}

TwModel *
load_checkpoint(Program *p, const char *path, char **error)
{
	const char *why = "the program does not compile";
	const TwModel *m = program_compile(p) ? model_learned_further(p, path, &why) : NULL;
	size_t n;

	unsigned char *bytes = m ? onnx_bytes(&p->arena, m, &n) : NULL;
	if (!m && asprintf(error, "%s: %s", path, why) < 0)
		*error = NULL;
	return bytes ? tw_load_memory(bytes, n, error) : NULL;
}
