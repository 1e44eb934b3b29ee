/* twc MODEL.safetensors -o OUT.onnx: what was learned, for other engines. Its inputs and outputs
 * are those of the graph: of a program that reads tokens, `token`, as many as the context, and
 * `scores`, a row for each position. */

#include "cmd/cmd.h"

#include <stdlib.h>
#include <string.h>

#include "backend/file/tensor_onnx.h"
#include "backend/file/write.h"
#include "tensor/train/train.h"

int
write_learned(const Options *o)
{
	Arena arena = { 0 };
	WeightsFile f;
	size_t n, size;
	const char *why = NULL, *path = o->args[0];
	char *file = NULL, *error = NULL;
	unsigned char *bytes = NULL;
	TensorGraph *g = NULL;

	if (strlen(o->output) < 6 || strcmp(o->output + strlen(o->output) - 5, ".onnx"))
		why = "what was learned is written as an .onnx";
	else if ((file = read_file(&arena, path, &n))
	         && weights_file_read(&arena, file, n, &f, &why)
	         && (g = checkpoint_graph(&arena, &f, &why)))
		bytes = tensor_onnx_bytes(&arena, g, &f, &size, &why);
	if (why)
		fprintf(stderr, "twc: %s: %s\n", bytes || !file ? o->output : path, why);
	bool ok = bytes && !file_write(o->output, bytes, size, &error);
	if (error)
		fprintf(stderr, "twc: %s\n", error);
	free(error);
	arena_free(&arena);
	return ok ? 0 : 2;
}
