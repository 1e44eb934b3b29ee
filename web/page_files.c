/* The files of a page, in place of frontend/disk.c: those that it has put here, by their paths. A
 * program that says `use "./lib/alu.tw"` finds them. */

#include <stdlib.h>
#include <string.h>

#include "frontend/frontend.h"
#include "web/page.h"

typedef struct PageFile {
	struct PageFile *next;
	char *path, *text;
	size_t n;
} PageFile;

static PageFile *files;

/* "./lib/alu.tw", "/lib/alu.tw" and "lib/alu.tw" are the same file. */
static PageFile *
find_file(const char *path)
{
	while (*path == '/' || !strncmp(path, "./", 2))
		path++;
	for (PageFile *f = files; f; f = f->next)
		if (!strcmp(f->path, path))
			return f;
	return NULL;
}

API(tw_put) void tw_put(const char *path, const char *text)
{
	PageFile *f = find_file(path);

	if (!f) {
		f = guarded_malloc(sizeof *f);
		f->path = strdup(path);
		f->next = files;
		files = f;
	}
	free(f->text); /* who reads a file copies it */
	f->n = strlen(text);
	f->text = strdup(text);
}

char *
file_text(Arena *arena, const char *path, size_t *n)
{
	const PageFile *f = find_file(path);

	*n = f ? f->n : 0;
	return f ? arena_strn(arena, f->text, f->n) : NULL;
}

const char *
file_bytes(Arena *arena, const char *path, size_t *n)
{
	return file_text(arena, path, n);
}

bool
file_exists(const char *path)
{
	return find_file(path);
}

const char **
files_in(Arena *arena, const char *folder, const char *ending)
{
	(void)folder, (void)ending;
	return NEWS(arena, const char *, 1);
}
