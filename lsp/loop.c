/* The server's loop: it waits for messages and for jobs, hands each on, and reads changed documents
 * when no request waits. */

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include "lang/arena.h"
#include "lsp/server.h"

enum {
	PAUSE = 150, /* ms without a change until a program is compiled */
	LOOK = 3000, /* ms between checks that the client still lives */
	JOBS = 16,
	PARSE_ERROR = -32700, /* a code of JSON-RPC */
};

/* Handles all messages that have come. */
static void
handle_all(Server *s)
{
	cJSON *m;
	WireStatus a;

	while (!s->exiting && (a = wire_next(&s->wire, &m)) != NOT_YET) {
		if (a != ARRIVED)
			send_error(s, NULL, PARSE_ERROR, "this is no message");
		if (a == LOST)
			s->exiting = true;
		if (a == ARRIVED)
			handle_message(s, m);
		cJSON_Delete(m);
	}
}

/* ---- waiting ---- */

/* Starts compiling the documents that have not changed for a while. Returns how many ms to wait. */
static int
build_some(Server *s)
{
	int wait = LOOK;

	for (Document *d = s->documents; d; d = d->next) {
		long left = d->read_at + PAUSE - server_clock_ms();
		if (d->unbuilt && left <= 0) {
			d->unbuilt = false;
			job_build(s, d);
		} else if (d->unbuilt && left < wait) {
			wait = (int)left;
		}
	}
	return wait;
}

static void
wait_for_something(Server *s)
{
	struct pollfd fds[JOBS + 1] = { { .fd = STDIN_FILENO, .events = POLLIN } };
	int wait = build_some(s);
	int fd[JOBS], n = jobs_fds(s, fd, JOBS);

	for (int i = 0; i < n; i++)
		fds[i + 1] = (struct pollfd){ .fd = fd[i], .events = POLLIN };
	int ready = poll(fds, (nfds_t)n + 1, wait);
	if (ready == 0 && s->client && kill(s->client, 0) && errno == ESRCH)
		s->wire.ended = true;
	if (ready > 0 && fds[0].revents)
		wire_read(&s->wire);
	if (ready > 0)
		jobs_read(s);
}

static bool
more_waits(void)
{
	struct pollfd in = { .fd = STDIN_FILENO, .events = POLLIN };

	return poll(&in, 1, 0) > 0;
}

int
lsp_serve(const LspHost *host)
{
	Server s = { .host = host };

	/* Where there is no memory for JSON, control goes back as for all else. */
	cJSON_InitHooks(&(cJSON_Hooks){ guarded_malloc, guarded_free });
	signal(SIGPIPE, SIG_IGN);
	/* Editors end their servers so, and have nobody to tell. */
	signal(SIGTERM, SIG_DFL);
	signal(SIGHUP, SIG_DFL);
	while (!s.exiting && !s.wire.ended) {
		wait_for_something(&s);
		handle_all(&s);
		for (Document *d = s.documents; d && !s.exiting && !more_waits(); d = d->next)
			refresh_document(&s, d);
	}
	jobs_stop(&s, NULL);
	for (Document *d = s.documents, *next; d; d = next) {
		next = d->next;
		document_free(d);
	}
	guarded_free(s.wire.buf);
	return s.exiting && s.shutdown ? 0 : 1;
}
