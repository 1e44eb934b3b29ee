/* twc lsp: the language server, with what only the driver knows. */

#include "cmd/cmd.h"

#include <stdlib.h>

#include "lsp/lsp.h"

static void
test(const char *path, const char *text, size_t n, int line, const char *stdlib)
{
	Options o = { .stdlib = stdlib, .line = line };

	test_one(path, text, n, &o);
}

int
cmd_lsp(const Options *o)
{
	char *stdlib = o->stdlib ? realpath(o->stdlib, NULL) : NULL;
	LspHost host = { .stdlib = stdlib ? stdlib : o->stdlib,
		         .version = TW_VERSION,
		         .test = test };
	int status = lsp_serve(&host);

	free(stdlib);
	return status;
}
