#ifndef TESTS_ENGINES_LLAMA_OPEN_H
#define TESTS_ENGINES_LLAMA_OPEN_H

/* What programs that judge by llama.cpp begin with. */

#include <llama.h>
#include <stdio.h>
#include <stdlib.h>

static inline void
only_errors(enum ggml_log_level level, const char *text, void *user)
{
	(void)user;
	if (level == GGML_LOG_LEVEL_ERROR)
		fputs(text, stderr);
}

static inline void *
or_exit(void *p, const char *what)
{
	if (!p) {
		fprintf(stderr, "llama: %s\n", what);
		exit(2);
	}
	return p;
}

#endif
