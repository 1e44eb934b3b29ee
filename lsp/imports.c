/* The modules that a document uses, parsed for their names and comments. */

#include <string.h>

#include "lsp/server.h"

Import *
module_of(Document *d, const Ast *use, const char *stdlib)
{
	const char *path = module_path(&d->arena, stdlib, d->path, use->kid[0]);
	Diags scratch = { .arena = &d->arena };
	Import *m = d->modules;

	while (m && strcmp(m->src.path, path))
		m = m->next;
	if (m)
		return m;
	const Source *src = read_source(&d->arena, path);
	if (!src)
		return NULL;
	m = NEW(&d->arena, Import);
	m->src = *src;
	scratch.src = &m->src;
	m->tree = parse(&m->src, &d->arena, &scratch);
	if (!m->tree)
		arena_fail();
	m->names = resolve(m->tree, &d->arena);
	m->next = d->modules;
	d->modules = m;
	return m;
}

const Binding *
module_name(const Import *m, const char *name)
{
	for (int i = 0; m && i < m->names->nbinding; i++) {
		const Binding *b = &m->names->binding[i];
		bool own = b->scope.lo == 0 && b->scope.hi == m->src.len && b->owner < 0;
		if (own && !strcmp(b->name, name) && b->kind != BIND_LOCAL
		    && b->kind != BIND_MODULE)
			return b;
	}
	return NULL;
}

/* ---- comments ---- */

/* Appends a comment's text, without its "# ", as a line; an example as code. */
static char *
append_comment(Arena *arena, char *doc, const Source *src, Span c)
{
	const char *s = src->text + c.lo + 1;
	int n = (int)(c.hi - c.lo) - 1;

	if (n > 0 && *s == ' ')
		s++, n--;
	while (n > 0 && (s[n - 1] == '\r' || s[n - 1] == ' '))
		n--;
	if (n > 9 && !strncmp(s, "example: ", 9))
		return arena_fmt(arena, "%s%s`%.*s`", doc ? doc : "", doc ? "\n\n" : "", n - 9,
		                 s + 9);
	return arena_fmt(arena, "%s%s%.*s", doc ? doc : "", doc ? "\n" : "", n, s);
}

/* Where the line of `at` begins, if there are only blanks before it; else -1. */
static int64_t
line_start_if_blank(const Source *src, uint32_t at)
{
	while (at > 0 && (src->text[at - 1] == ' ' || src->text[at - 1] == '\t'))
		at--;
	return at == 0 || src->text[at - 1] == '\n' ? (int64_t)at : -1;
}

char *
comment_of(Arena *arena, const Source *src, const Tree *tree, Span stmt)
{
	int last = -1, first;
	char *doc = NULL;

	for (int i = 0; i < tree->ncomment; i++) {
		Span c = tree->comment[i];
		if (c.hi < stmt.lo)
			last = i;
		else if (c.lo >= stmt.hi && !memchr(src->text + stmt.hi, '\n', c.lo - stmt.hi))
			doc = append_comment(arena, NULL, src, c);
	}
	int64_t edge = line_start_if_blank(src, stmt.lo);
	for (first = last + 1; first > 0 && edge > 0; first--) {
		Span c = tree->comment[first - 1];
		int64_t start = line_start_if_blank(src, c.lo);
		if (start < 0 || c.hi + 1 < edge || c.hi > edge)
			break;
		edge = start;
	}
	if (first <= last)
		doc = NULL;
	for (int i = first; i <= last; i++)
		doc = append_comment(arena, doc, src, tree->comment[i]);
	return doc;
}

char *
comment_of_file(Arena *arena, const Source *src, const Tree *tree)
{
	char *doc = NULL;
	int64_t edge = 0;

	for (int i = 0; i < tree->ncomment && line_start_if_blank(src, tree->comment[i].lo) == edge;
	     i++) {
		doc = append_comment(arena, doc, src, tree->comment[i]);
		edge = tree->comment[i].hi + 1;
	}
	return doc;
}
