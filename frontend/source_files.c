/* Source files: reading one, and which one a `use` statement names.
 *
 * The standard library is in the program too, as a table (tools/embed), and its files are called
 * "<stdlib>/digits.tw" there: that is where `use digits` reads where no folder is given. */

#include <string.h>

#include "frontend/syntax/ast.h"
#include "frontend/frontend.h"
#include "lang/pointer_map.h"

static const char inside[] = "<stdlib>/";

/* A file of the table; NULL if path is not of one. */
static const LibraryFile *
library_file(const char *path)
{
	size_t n = sizeof inside - 1;

	if (strncmp(path, inside, n))
		return NULL;
	for (const LibraryFile *f = library_files; f->name; f++)
		if (!strncmp(path + n, f->name, strlen(f->name))
		    && !strcmp(path + n + strlen(f->name), ".tw"))
			return f;
	return NULL;
}

bool
is_inside(const char *path)
{
	return !strncmp(path, inside, sizeof inside - 1);
}

Source *
read_source(Arena *arena, const char *path)
{
	const LibraryFile *f = library_file(path);
	size_t n = f ? f->len : 0;
	const char *text = f ? f->text : is_inside(path) ? NULL : file_text(arena, path, &n);

	if (!text)
		return NULL;
	Source *src = NEW(arena, Source);
	*src = (Source){ .path = path, .text = text, .len = (uint32_t)n };
	return src;
}

const char *
library_path(Arena *arena, const char *stdlib, const char *name)
{
	return stdlib ? arena_fmt(arena, "%s/%s.tw", stdlib, name)
	              : arena_fmt(arena, "%s%s.tw", inside, name);
}

bool
library_has(Arena *arena, const char *stdlib, const char *name)
{
	const char *path = library_path(arena, stdlib, name);

	return is_inside(path) ? library_file(path) != NULL : file_exists(path);
}

const char **
library_modules(Arena *arena, const char *stdlib)
{
	int n = 0;

	if (stdlib)
		return files_in(arena, stdlib, ".tw");
	while (library_files[n].name)
		n++;
	const char **name = NEWS(arena, const char *, n + 1);
	for (int i = 0; i < n; i++)
		name[i] = library_files[i].name;
	return name;
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
		return library_path(arena, stdlib, what->text);
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
