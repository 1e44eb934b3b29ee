/* What was learned, for other engines, and a program with parameters as they begin, for twrun:
 *
 *     twc MODEL.safetensors -o OUT.onnx
 *     twc FILE.tw -o OUT.safetensors
 *     twc FILE.tw -o OUT.onnx
 *     twc MODEL.safetensors -o OUT.c          and of FILE.tw
 *
 * An .onnx's inputs and outputs are those of the graph: of a program that reads tokens, `token`, as
 * many as the context, and `scores`, a row for each position. */

#include "cmd/cmd.h"

#include <stdlib.h>
#include <string.h>

#include "backend/file/tensor_onnx.h"
#include "backend/file/write.h"
#include "frontend/frontend.h"
#include "tensor/train/c_model.h"
#include "tensor/train/train.h"

static bool
has_suffix(const char *path, const char *ending)
{
	size_t n = strlen(path), m = strlen(ending);

	return n > m && !strcmp(path + n - m, ending);
}

static int
write_whole_file(const char *path, const void *bytes, size_t n)
{
	char *error = NULL;
	bool ok = !file_write(path, bytes, n, &error);

	if (error)
		fprintf(stderr, "twc: %s\n", error);
	free(error);
	return ok ? 0 : 2;
}

static int
write_graph(const Options *o, Arena *a, TensorGraph *g, const WeightsFile *f)
{
	const char *why;
	size_t n;

	/* the name that other engines ask for, whatever the program calls it */
	if (g->noutput == 1 && g->output[0]->rank == 2 && !tensor_find(g, "scores"))
		g->output[0]->name = "scores";
	unsigned char *bytes = tensor_onnx_bytes(a, g, f, &n, &why);

	if (bytes)
		return write_whole_file(o->output, bytes, n);
	fprintf(stderr, "twc: %s: %s\n", o->output, why);
	return 2;
}

/* Where it has many parameters they stand beside it, as OUT.weights. */
static int
write_c_model(const Options *o, Arena *a, const WeightsFile *f)
{
	const char *why, *slash = strrchr(o->output, '/');
	size_t stem = strlen(o->output) - 2;
	char *beside = arena_fmt(a, "%.*s.weights", (int)stem, o->output);
	CModel m;

	if (!c_model(a, f, slash ? beside + (slash + 1 - o->output) : beside, &m, &why)) {
		fprintf(stderr, "twc: %s: %s\n", o->output, why);
		return 2;
	}
	if (m.weights && write_whole_file(beside, m.weights, sizeof(float) * (size_t)m.nweights))
		return 2;
	return write_whole_file(o->output, m.text.s, m.text.n);
}

int
write_learned(const Options *o)
{
	Arena arena = { 0 };
	WeightsFile f;
	size_t n;
	const char *why = NULL, *path = o->args[0];
	const char *file = file_bytes(&arena, path, &n);
	TensorGraph *g = NULL;
	int status = 2;

	if (!file)
		fprintf(stderr, "twc: %s: cannot be read\n", path);
	else if (!has_suffix(o->output, ".onnx") && !has_suffix(o->output, ".c"))
		fprintf(stderr, "twc: %s: what was learned is written as an .onnx or a .c\n",
		        o->output);
	else if (!weights_file_read(&arena, file, n, &f, &why)
	         || !(g = checkpoint_graph(&arena, &f, &why)))
		fprintf(stderr, "twc: %s: %s\n", path, why);
	else
		status = has_suffix(o->output, ".c") ? write_c_model(o, &arena, &f)
		                                     : write_graph(o, &arena, g, &f);
	arena_free(&arena);
	return status;
}

int
write_learned_program(const Options *o, Program *p)
{
	const Graph *g = &p->meant;
	Vocabulary v = { 0 };
	WeightsFile f;
	size_t n;
	const char *why;

	if (g->nvocab)
		program_vocabulary(&p->arena, g, &v);
	if (has_suffix(o->output, ".onnx")) {
		learned_as_file(&p->arena, g->learned, &v, (uint64_t)o->seed, &f);
		TensorGraph *own = checkpoint_graph(&p->arena, &f, &why);
		return write_graph(o, &p->arena, own, &f);
	}
	if (has_suffix(o->output, ".c")) {
		learned_as_file(&p->arena, g->learned, &v, (uint64_t)o->seed, &f);
		return write_c_model(o, &p->arena, &f);
	}
	if (!has_suffix(o->output, ".safetensors")) {
		fprintf(stderr,
		        "twc: %s: a program with parameters is written as a .safetensors, an "
		        ".onnx or a .c\n",
		        o->output);
		return 2;
	}
	learned_as_file(&p->arena, g->learned, &v, (uint64_t)o->seed, &f);
	const char *bytes = weights_file_bytes(&p->arena, &f, &n);
	return write_whole_file(o->output, bytes, n);
}
