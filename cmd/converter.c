/* Files that another program converts, as a command of its own: wat2wasm makes prog.wasm of
 * prog.wat. */

#define _GNU_SOURCE /* mkdtemp */

#include "cmd/converter.h"

#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

int
run_tool(const char *const *word)
{
	pid_t child = fork();
	int status = 0;

	if (child == 0) {
		execvp(word[0], (char *const *)word);
		_exit(127);
	}
	if (child < 0 || waitpid(child, &status, 0) < 0)
		return 127;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

char *
convert_text(Arena *arena, const char *tool, const char *path, const char *suffix)
{
	const char *tmp = getenv("TMPDIR");
	size_t size = PATH_MAX;
	char *to = NEWS(arena, char, size), folder[PATH_MAX / 2];

	snprintf(folder, sizeof folder, "%s/twasmXXXXXX", tmp && *tmp ? tmp : "/tmp");
	if (!mkdtemp(folder)) {
		fprintf(stderr, "twasm: %s: %s\n", folder, strerror(errno));
		return NULL;
	}
	snprintf(to, size, "%s/program%s", folder, suffix);
	const char *word[] = { tool, path, "-o", to, NULL };
	int status = run_tool(word);

	if (!status)
		return to;
	rmdir(folder);
	if (status == 127)
		fprintf(stderr,
		        "twasm: %s: %s, which converts it, is not installed (Debian: wabt)\n", path,
		        tool);
	return NULL;
}

void
remove_converted(char *path)
{
	if (!path)
		return;
	remove(path);
	rmdir(dirname(path));
}
