/* Files that another program converts, as a command of its own: wat2wasm makes prog.wasm of
 * prog.wat. */

#define _GNU_SOURCE /* mkdtemp */

#include "cmd/converter.h"

#include <errno.h>
#include <libgen.h>
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
new_file(Arena *arena, const char *name)
{
	const char *tmp = getenv("TMPDIR");
	char *folder = arena_fmt(arena, "%s/twasmXXXXXX", tmp && *tmp ? tmp : "/tmp");

	if (mkdtemp(folder))
		return arena_fmt(arena, "%s/%s", folder, name);
	fprintf(stderr, "twasm: %s: %s\n", folder, strerror(errno));
	return NULL;
}

char *
convert_text(Arena *arena, const char *tool, const char *path, const char *suffix)
{
	char *to = new_file(arena, arena_fmt(arena, "program%s", suffix));
	const char *word[] = { tool, path, "-o", to, NULL };
	int status = to ? run_tool(word) : 1;

	if (!status)
		return to;
	remove_converted(to);
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
