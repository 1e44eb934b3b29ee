/* twc fmt: files in the one style there is, in place; from standard input to
 * standard output; or only told apart, with --check. */

#define _GNU_SOURCE /* asprintf */

#include "cmd/cmd.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "frontend/frontend.h"

/* Written beside, then renamed; who may read it stays. A link's target is what changes. */
static bool
replace_file(const char *path, const char *text, size_t n)
{
	char *real = realpath(path, NULL), *beside = NULL;
	struct stat st;
	bool ok = real && !stat(real, &st) && asprintf(&beside, "%s.XXXXXX", real) > 0;
	int fd = ok ? mkstemp(beside) : -1;
	FILE *f = fd < 0 ? NULL : fdopen(fd, "wb");

	ok = f && fwrite(text, 1, n, f) == n && !fchmod(fd, st.st_mode & 07777);
	if (f)
		ok = !fclose(f) && ok;
	ok = ok && !rename(beside, real);
	if (!ok) {
		fprintf(stderr, "twc: %s: %s\n", path, strerror(errno));
		if (fd >= 0)
			unlink(beside);
	}
	free(beside);
	free(real);
	return ok;
}

static int
format_file(const char *path, const Options *o)
{
	Arena arena = { 0 };
	size_t n, made;

	if (is_graph_file(path)) {
		fprintf(stderr, "twc: %s: a graph's text is not formatted\n", path);
		return 2;
	}
	char *text = read_file(&arena, path, &n);
	Source src = { .path = strcmp(path, "-") ? path : "standard input",
		       .text = text,
		       .len = (uint32_t)n };
	Diags diags = { .arena = &arena, .src = &src, .colours = has_colours(stderr) };
	char *out = text ? format(&src, &arena, &diags, &made) : NULL;
	int status = out ? 0 : 2;
	bool changed = out && (made != n || memcmp(text, out, n));

	diag_print(&diags, stderr);
	if (o->check && changed) {
		printf("%s\n", src.path);
		status = 1;
	} else if (out && !o->check && !strcmp(path, "-")) {
		fwrite(out, 1, made, stdout);
	} else if (changed && !o->check) {
		status = replace_file(path, out, made) ? 0 : 2;
	}
	arena_free(&arena);
	return status;
}

int
cmd_fmt(const Options *o)
{
	int worst = 0;

	for (int i = 0; i < o->nargs; i++) {
		int status = format_file(o->args[i], o);
		worst = status > worst ? status : worst;
	}
	return worst;
}
