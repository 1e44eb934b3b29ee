/* twc kernels: what the kernels of a program with parameters are, and what they cost; one of them
 * as C; all of them, in a file. */

#include "cmd/train.h"

#include <stdlib.h>
#include <string.h>

#include "backend/file/write.h"

VectorLevel
kernel_level(const Options *o)
{
	int level = o->vectors ? o->vectors - 1 : (int)vector_level();

	return (VectorLevel)(level | (o->unfused ? VECTORS_UNFUSED : 0));
}

/* What twc train has written. */
static Learned *
open_weights_file(Training *t, const char *path)
{
	WeightsFile f;
	size_t n;
	const char *why = NULL, *bytes = read_file(t->arena, path, &n);
	TensorGraph *g = NULL;
	Learned *l = NULL;

	if (bytes && weights_file_read(t->arena, bytes, n, &f, &why)
	    && (g = checkpoint_graph(t->arena, &f, &why)))
		l = learned_of_graph(g, &why);
	if (bytes && !l)
		fprintf(stderr, "twc: %s: %s\n", path, why);
	if (l && !l->loss)
		fprintf(stderr, "twc: %s: it has no loss\n", path);
	return l && l->loss ? l : NULL;
}

static bool
open_for_kernels(Training *t)
{
	const char *path = t->o->args[0];
	size_t n = strlen(path);

	if (n < 13 || strcmp(path + n - 12, ".safetensors") != 0)
		return training_open_program(t);
	if (!training_recipe(t))
		return false;
	t->learned = open_weights_file(t, path);
	return t->learned;
}

static bool
write_c_file(Arena *a, const TensorProgram *p, const char *path)
{
	TextBuilder text = { .arena = a };
	char *error = NULL;

	tensor_program_write_c(p, &text);
	bool ok = !file_write(path, text.s, text.n, &error);
	if (!ok)
		fprintf(stderr, "twc: %s\n", error ? error : "out of memory");
	free(error);
	return ok;
}

static int
show_kernels(Training *t)
{
	const Options *o = t->o;
	Trainer *r = trainer_new(t->learned, &t->recipe, kernel_level(o), NULL);
	const TensorProgram *p = o->grad ? r->learn : r->forward;
	KernelStages ends = { r->loss, o->grad ? r->numbers->norm : NULL };

	if (o->output)
		return write_c_file(t->arena, p, o->output) ? 0 : 2;
	if (o->nargs < 2) {
		tensor_program_print(p, &ends, stdout);
		return 0;
	}
	if (tensor_program_print_c(p, o->args[1], stdout))
		return 0;
	fprintf(stderr, "twc: no kernel computes '%s'%s\n", o->args[1],
	        o->grad ? "" : "; --grad has those of gradients and of the step");
	return 2;
}

int
cmd_kernels(const Options *o)
{
	Arena arena = { 0 };
	Training t = { .arena = &arena, .o = o, .either = true };
	int status = open_for_kernels(&t) ? show_kernels(&t) : 2;

	training_close(&t);
	return status;
}
