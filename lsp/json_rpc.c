/* JSON-RPC over standard input and output, as the Language Server Protocol frames it: a header with
 * the length, an empty line, JSON.
 *
 *     Content-Length: 38
 *
 *     {"jsonrpc":"2.0","method":"exit", ...}
 */

#define _GNU_SOURCE /* memmem */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "lang/arena.h"
#include "lsp/server.h"

enum { HEADER_MAX = 8192, BODY_MAX = 64 << 20 };

void
wire_read(Wire *w)
{
	if (w->cap - w->n < 65536) {
		w->cap = 2 * w->cap + 65536;
		w->buf = guarded_realloc(w->buf, w->cap + 1);
	}
	ssize_t got = read(STDIN_FILENO, w->buf + w->n, w->cap - w->n);
	if (got > 0)
		w->n += (size_t)got;
	else if (got == 0 || (errno != EINTR && errno != EAGAIN))
		w->ended = true;
}

static void
wire_drop(Wire *w, size_t n)
{
	memmove(w->buf, w->buf + n, w->n - n);
	w->n -= n;
}

/* The length of the header with its empty line; 0 if not all of it has come. */
static size_t
header_size(const Wire *w)
{
	const char *crlf = memmem(w->buf, w->n, "\r\n\r\n", 4),
		   *lf = memmem(w->buf, w->n, "\n\n", 2);

	if (crlf && (!lf || crlf < lf))
		return (size_t)(crlf - w->buf) + 4;
	return lf ? (size_t)(lf - w->buf) + 2 : 0;
}

/* The length of the body that a header gives, or -1. */
static long
content_length(const char *header, size_t n)
{
	static const char name[] = "Content-Length:";

	for (const char *line = header, *end = header + n; line < end;) {
		const char *eol = memchr(line, '\n', (size_t)(end - line));
		if ((size_t)(eol - line) > sizeof name
		    && !strncasecmp(line, name, sizeof name - 1)) {
			char *stop;
			long len = strtol(line + sizeof name - 1, &stop, 10);
			return (*stop == '\r' || *stop == '\n') && len >= 0 && len <= BODY_MAX ? len
			                                                                       : -1;
		}
		line = eol + 1;
	}
	return -1;
}

WireStatus
wire_next(Wire *w, cJSON **message)
{
	size_t header = w->n ? header_size(w) : 0;
	long length = header ? content_length(w->buf, header) : 0;

	*message = NULL;
	if (!header)
		return w->n > HEADER_MAX ? LOST : NOT_YET;
	if (length < 0) {
		wire_drop(w, header);
		return NOT_JSON;
	}
	if (w->n - header < (size_t)length)
		return NOT_YET;
	*message = cJSON_ParseWithLength(w->buf + header, (size_t)length);
	wire_drop(w, header + (size_t)length);
	return *message ? ARRIVED : NOT_JSON;
}

static bool
wire_write(const char *s, size_t n)
{
	while (n) {
		ssize_t done = write(STDOUT_FILENO, s, n);
		if (done < 0 && errno != EINTR)
			return false;
		s += done > 0 ? done : 0;
		n -= done > 0 ? (size_t)done : 0;
	}
	return true;
}

void
wire_send(Wire *w, cJSON *message)
{
	char *text = cJSON_PrintUnformatted(message), header[64];

	cJSON_Delete(message);
	if (!text)
		arena_fail();
	size_t n = strlen(text);
	int len = snprintf(header, sizeof header, "Content-Length: %zu\r\n\r\n", n);
	if (!wire_write(header, (size_t)len) || !wire_write(text, n))
		w->ended = true;
	cJSON_free(text);
}
