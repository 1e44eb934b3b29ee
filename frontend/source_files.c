/* Source files: reading one, and which one a `use` statement names. */

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "frontend/syntax/ast.h"
#include "frontend/frontend.h"
#include "lang/pointer_map.h"

enum { FILE_MAX = 16 << 20 };

Source *
read_source(Arena *arena, const char *path)
{
	struct stat st;

	if (stat(path, &st) || !S_ISREG(st.st_mode) || st.st_size > FILE_MAX)
		return NULL;
	size_t size = (size_t)st.st_size, n = 0;
	Source *src = NEW(arena, Source);
	char *text = arena_alloc(arena, size + 1);
	int fd = open(path, O_RDONLY | O_CLOEXEC); /* nothing is allocated until it is closed */
	ssize_t got = fd < 0 ? -1 : 1;

	while (n < size && got > 0)
		if ((got = read(fd, text + n, size - n)) > 0)
			n += (size_t)got;
	if (fd >= 0)
		close(fd);
	if (got < 0)
		return NULL;
	*src = (Source){ .path = path, .text = text, .len = (uint32_t)n };
	return src;
}

const char *
path_beside(Arena *arena, const char *from, const char *path)
{
	const char *slash = strrchr(from, '/');

	if (path[0] == '/' || !slash)
		return path;
	while (!strncmp(path, "./", 2))
		path += 2;
	return arena_fmt(arena, "%.*s/%s", (int)(slash - from), from, path);
}

const char *
module_path(Arena *arena, const char *stdlib, const char *from, const Ast *what)
{
	if (what->kind == N_NAME)
		return arena_fmt(arena, "%s/%s.tw", stdlib ? stdlib : "stdlib", what->text);
	return path_beside(arena, from, what->text);
}

const Ast *
use_name(Arena *arena, const Ast *use)
{
	const Ast *what = use->kid[0];

	if (use->kid[1] || what->kind == N_NAME)
		return use->kid[1] ? use->kid[1] : what;
	const char *slash = strrchr(what->text, '/'), *base = slash ? slash + 1 : what->text;
	Ast *name = NEW(arena, Ast);
	*name = *what;
	name->text = intern(arena, base, strcspn(base, "."));
	return name;
}

bool
is_library(const Tree *tree)
{
	for (int i = 0; i < tree->root->n; i++)
		switch (tree->root->kid[i]->kind) {
		case N_MODEL:
		case N_EMIT:
		case N_OUTPUT:
		case N_INPUT:
		case N_TEST: return false;
		default: break;
		}
	return true;
}

const char *
library_model(Arena *arena)
{
	char chars[256], *to = chars;

	for (char c = ' '; c <= '~'; c++) {
		if (c == '"' || c == '\\')
			*to++ = '\\';
		*to++ = c;
	}
	*to = '\0';
	return arena_fmt(arena, "model library { vocab \"\\t\\n%s\" context 16 } ", chars);
}
