#ifndef LSP_LSP_H
#define LSP_LSP_H

/* A language server over standard input and output: what an editor asks of the .tw
 * files that it has open. */

#include <stddef.h>

typedef struct LspHost {
	const char *stdlib; /* where the library is; NULL: inside */
	const char *version;
	/* Prints how the tests of a text fare, those on one line (from 1) or all (0). It is
	 * called in a process of its own. */
	void (*test)(const char *path, const char *text, size_t n, int line, const char *stdlib);
} LspHost;

/* Serves until the client is gone; how to exit: 0 if it said so before. */
int lsp_serve(const LspHost *);

#endif
