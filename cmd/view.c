/* twc view: opens the playground with a program, and with the files that it uses.
 *
 * What a page is to show stands behind the # of its address. Desktops drop that part of a file's
 * address, so a small page is written that leads there:
 *
 *     file:///usr/local/share/tw/playground.html#p=PROGRAM&q=PROMPT&f:lib/alu.tw=FILE
 *
 * A text there is raw deflate in base64url (web/src/link.js). Here it is not compressed: "stored"
 * blocks are deflate too (RFC 1951, 3.2.4). */

#define _GNU_SOURCE /* mkostemps */

#include "cmd/cmd.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "frontend/frontend.h"
#include "lang/text.h"

extern char **environ;

/* ---- the address ---- */

/* Blocks of at most 65,535 bytes: whether it is the last, its length, that inverted, the bytes. */
static unsigned char *
stored_deflate(Arena *arena, const char *text, size_t n, size_t *size)
{
	enum { BLOCK = 65535 };
	unsigned char *out = arena_alloc(arena, n + 5 * (n / BLOCK + 1) + 1), *to = out;

	do {
		size_t some = n < BLOCK ? n : BLOCK;
		unsigned len = (unsigned)some;
		*to++ = some == n;
		*to++ = len & 0xff;
		*to++ = (unsigned char)(len >> 8);
		*to++ = ~len & 0xff;
		*to++ = (unsigned char)(~len >> 8);
		memcpy(to, text, some);
		to += some;
		text += some;
		n -= some;
	} while (n);
	*size = (size_t)(to - out);
	return out;
}

static void
add_packed(TextBuilder *t, const char *text, size_t n)
{
	static const char digit[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	size_t size;
	const unsigned char *b = stored_deflate(t->arena, text, n, &size);

	for (size_t i = 0; i < size; i += 3) {
		size_t some = size - i < 3 ? size - i : 3;
		unsigned bits = (unsigned)b[i] << 16;
		if (some > 1)
			bits |= (unsigned)b[i + 1] << 8;
		if (some > 2)
			bits |= b[i + 2];
		for (size_t k = 0; k <= some; k++)
			text_add(t, &digit[bits >> (18 - 6 * k) & 63], 1);
	}
}

/* As part of an address (RFC 3986): what is no letter or digit as %41. */
static void
add_escaped(TextBuilder *t, const char *s, const char *kept)
{
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;
		bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z')
		             || (c >= 'a' && c <= 'z') || strchr(kept, c);
		text_addf(t, plain ? "%c" : "%%%02X", c);
	}
}

/* A path as the program itself names it: from its own folder. */
static const char *
from_program(const char *program, const char *path)
{
	const char *slash = strrchr(program, '/');
	size_t n = slash ? (size_t)(slash - program) + 1 : 0;

	return strncmp(path, program, n) ? path : path + n;
}

static bool
is_of_library(const Options *o, const char *path)
{
	size_t n = o->stdlib ? strlen(o->stdlib) : 0;

	return is_inside(path) || (n && !strncmp(path, o->stdlib, n) && path[n] == '/');
}

static const char *
page_address(Arena *arena, const Options *o, const char *page, const char *text, size_t n,
             const Graph *g)
{
	TextBuilder t = { .arena = arena };

	text_addf(&t, "file://");
	add_escaped(&t, page, "/-._~");
	text_addf(&t, "#p=");
	add_packed(&t, text, n);
	if (o->nargs > 1) {
		text_addf(&t, "&q=");
		add_escaped(&t, o->args[1], "-._~");
	}
	for (int i = 1; g && i < g->nfile; i++) {
		const Source *src = g->files[i];
		if (is_of_library(o, src->path))
			continue;
		text_addf(&t, "&f:");
		add_escaped(&t, from_program(o->args[0], src->path), "/-._~");
		text_addf(&t, "=");
		add_packed(&t, src->text, src->len);
	}
	return t.s;
}

/* ---- opening it ---- */

/* Where the page is: built beside build/, or installed; NULL with a line on standard error. */
static const char *
find_page(Arena *arena)
{
	static const char *const places[] = { "../build-web/page/playground.html",
		                              "../share/tw/playground.html" };
	char exe[PATH_MAX], *found;
	ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);

	exe[n < 0 ? 0 : n] = '\0';
	const char *dir = dirname(exe);
	for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
		found = realpath(arena_fmt(arena, "%s/%s", dir, places[i]), NULL);
		if (!found)
			continue;
		const char *path = arena_strn(arena, found, strlen(found));
		free(found);
		return path;
	}
	fputs("twc: the playground is not here: make web makes it, and make install after that\n",
	      stderr);
	return NULL;
}

/* A page that leads to the address: its path, or NULL with a line on standard error. */
static const char *
write_leading_page(Arena *arena, const char *address)
{
	const char *tmp = getenv("TMPDIR");
	char *path = arena_fmt(arena, "%s/tw-view-XXXXXX.html", tmp && *tmp ? tmp : "/tmp");
	int fd = mkostemps(path, 5, O_CLOEXEC);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "w");

	if (f)
		fprintf(f,
		        "<!doctype html>\n<meta charset=\"utf-8\">\n<title>tw</title>\n"
		        "<meta http-equiv=\"refresh\" content=\"0; url=%s\">\n"
		        "<a href=\"%s\">the program in the playground</a>\n",
		        address, address);
	if (f && !fclose(f))
		return path;
	fprintf(stderr, "twc: %s: %s\n", path, strerror(errno));
	return NULL;
}

/* Shows a file in the browser of the desktop, if there is one. */
static bool
show_in_browser(const char *path)
{
	const char *browser = getenv("BROWSER");
	bool desktop = getenv("DISPLAY") || getenv("WAYLAND_DISPLAY");
	char *argv[] = { (char *)(uintptr_t)(browser && *browser ? browser : "xdg-open"),
		         (char *)(uintptr_t)path, NULL };
	pid_t pid;
	int status = 1;

	if (!desktop && !(browser && *browser))
		return false;
	fflush(stdout);
	if (posix_spawnp(&pid, argv[0], NULL, NULL, argv, environ))
		return false;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
	}
	return status == 0;
}

int
cmd_view(const Options *o)
{
	Program p = { .quiet = true };
	size_t n;
	char *text = read_file(&p.arena, o->args[0], &n);
	const char *page = text ? find_page(&p.arena) : NULL, *path = NULL;

	/* a program with mistakes is shown too: the page says what they are */
	if (page) {
		program_open_text(&p, o->args[0], text, n, o);
		path = write_leading_page(&p.arena,
		                          page_address(&p.arena, o, page, text, n, p.graph));
	}
	if (path && !show_in_browser(path))
		fputs("twc: there is no browser to open it with; open this file in one:\n", stderr);
	if (path)
		puts(path);
	program_close(&p);
	return path ? 0 : 2;
}
