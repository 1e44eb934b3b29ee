/* The editor is libedit's, found when the program runs: it has the interface of GNU readline
 * (readline(3), add_history). Where it is not installed, or memory runs out, lines are read as the
 * terminal gives them. */

#define _GNU_SOURCE /* getline */

#include "cmd/line_editor.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct LineEditor {
	void *library; /* NULL: there is none */
	char *(*readline)(const char *prompt);
	int (*add_history)(const char *line);
	char *line; /* the newest */
	size_t cap;
};

/* A function of the library; POSIX (dlsym) has it as a pointer to an object. */
static void
find_function(void *library, const char *name, void *to)
{
	void *at = dlsym(library, name);

	memcpy(to, &at, sizeof at);
}

LineEditor *
line_editor_open(void)
{
	LineEditor *e = calloc(1, sizeof *e);

	if (!e)
		return NULL;
	e->library = dlopen("libedit.so.2", RTLD_NOW | RTLD_LOCAL);
	if (!e->library)
		return e;
	find_function(e->library, "readline", &e->readline);
	find_function(e->library, "add_history", &e->add_history);
	return e;
}

static char *
read_plain_line(LineEditor *e, const char *prompt)
{
	fputs(prompt, stdout);
	fflush(stdout);
	ssize_t n = getline(&e->line, &e->cap, stdin);
	if (n < 0)
		return NULL;
	e->line[strcspn(e->line, "\r\n")] = '\0';
	return e->line;
}

char *
line_editor_read(LineEditor *e, const char *prompt)
{
	if (!e->readline || !e->add_history)
		return read_plain_line(e, prompt);
	free(e->line);
	e->line = e->readline(prompt);
	if (e->line && *e->line)
		e->add_history(e->line);
	return e->line;
}

void
line_editor_close(LineEditor *e)
{
	if (!e)
		return;
	free(e->line);
	if (e->library)
		dlclose(e->library);
	free(e);
}
