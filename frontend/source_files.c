/* Files: which one a `use` names, and what is in it. */

#include <stdio.h>
#include <string.h>

#include "frontend/syntax/ast.h"
#include "frontend/frontend.h"
#include "lang/pointer_map.h"

enum { FILE_MAX = 16 << 20 };

Source *
read_source(Arena *arena, const char *path)
{
	FILE *f = fopen(path, "rb");
	Source *src = NEW(arena, Source);
	size_t got, cap = 1 << 16, n = 0;
	char *buf = arena_alloc(arena, cap);

	if (!f)
		return NULL;
	while ((got = fread(buf + n, 1, cap - n, f)) > 0) {
		n += got;
		if (n > FILE_MAX)
			break;
		if (n == cap) {
			char *old = buf;
			buf = arena_alloc(arena, cap *= 2);
			memcpy(buf, old, n);
		}
	}
	bool bad = ferror(f) || n > FILE_MAX;
	fclose(f);
	if (bad)
		return NULL;
	*src = (Source){ .path = path, .text = buf, .len = (uint32_t)n };
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
