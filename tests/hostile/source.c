/* Sources. Whatever the text is, it compiles, or is refused with at least one error;
 * the weights are then loaded and asked something. */

#include "backend/file/write.h"
#include "cmd/cmd.h"
#include "runtime/tw.h"
#include "tests/hostile/hostile.h"

#include <stdlib.h>
#include <string.h>

static Options options;

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	options.stdlib = getenv("TW_STDLIB");
	return 0;
}

/* The compiled model, from its file's bytes, says something to its first token. */
static void
try_model(const TwModel *model)
{
	Arena arena = { 0 };
	size_t n;
	char *error = NULL;
	unsigned char *bytes = onnx_bytes(&arena, model, &n);
	TwModel *m = bytes ? tw_load_memory(bytes, n, &error) : NULL;
	TwSession *s = m ? tw_open(m, TW_CHECK, &error) : NULL;

	if (!s)
		abort();
	for (int i = 0; i < 10 && i < m->context && m->nfield == 1 && m->nvocab; i++)
		tw_feed(s, i % m->nvocab);
	if (tw_difference(s))
		abort();
	tw_close(s);
	tw_free(m);
	arena_free(&arena);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	Program p = { 0 };
	char *text = strndup((const char *)bytes, n);

	if (!text)
		abort();
	bool ok = program_open_text(&p, "fuzz.tw", text, strlen(text), &options)
	          && program_compile(&p);
	if (!ok && !p.diags.nerror)
		abort();
	if (ok && p.report.parameters < 1 << 20)
		try_model(p.model);
	program_close(&p);
	free(text);
	return 0;
}
