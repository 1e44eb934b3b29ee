/* Jobs: what may take long (compiling a program, running its tests) runs in a process of its own,
 * so that the server answers meanwhile and survives a crash. The process writes its result
 * into a pipe, and the job is done when the pipe ends. A job of a text that has changed is
 * killed. */

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lsp/server.h"

enum { SECONDS = 20 }; /* of CPU time that a job may take */

typedef struct Job {
	struct Job *next;
	pid_t pid;
	int fd;
	char *out; /* (n) what the process has written */
	size_t n, cap;
	const Document *doc;
	void (*done)(Server *, struct Job *);
	cJSON *id; /* of the request that the result answers, or NULL */
} Job;

/* Forks. In the parent: the job. In the child: NULL, with standard output going to the parent. */
static Job *
start_job(Server *s, Document *doc, void (*done)(Server *, Job *))
{
	int pipes[2];
	Job *j = calloc(1, sizeof *j);

	if (!j)
		arena_fail();
	if (pipe(pipes))
		abort();
	j->pid = fork();
	if (j->pid == 0) {
		struct rlimit limit = { SECONDS, SECONDS };
		setrlimit(RLIMIT_CPU, &limit);
		signal(SIGPIPE, SIG_DFL);
		dup2(pipes[1], STDOUT_FILENO);
		dup2(pipes[1], STDERR_FILENO);
		close(STDIN_FILENO);
		free(j);
		return NULL;
	}
	close(pipes[1]);
	j->fd = pipes[0];
	j->doc = doc;
	j->done = done;
	j->next = s->jobs;
	s->jobs = j;
	return j;
}

static void
end_job(Server *s, Job *j)
{
	Job **at = &s->jobs;

	while (*at != j)
		at = &(*at)->next;
	*at = j->next;
	close(j->fd);
	waitpid(j->pid, NULL, 0);
	cJSON_Delete(j->id);
	free(j->out);
	free(j);
}

void
jobs_stop(Server *s, const Document *doc)
{
	for (Job *j = s->jobs, *next; j; j = next) {
		next = j->next;
		if (doc && j->doc != doc)
			continue;
		kill(j->pid, SIGKILL);
		if (j->id)
			send_result(s, j->id, NULL);
		end_job(s, j);
	}
}

int
jobs_fds(const Server *s, int *fd, int most)
{
	int n = 0;

	for (const Job *j = s->jobs; j && n < most; j = j->next)
		fd[n++] = j->fd;
	return n;
}

/* Whether something can be read; it does not wait. */
static bool
is_ready(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, 0) > 0;
}

void
jobs_read(Server *s)
{
	for (Job *j = s->jobs, *next; j; j = next) {
		next = j->next;
		if (!is_ready(j->fd))
			continue;
		if (j->cap - j->n < 4096) {
			j->cap = 2 * j->cap + 65536;
			j->out = realloc(j->out, j->cap);
			if (!j->out)
				arena_fail();
		}
		ssize_t got = read(j->fd, j->out + j->n, j->cap - j->n - 1);
		if (got > 0) {
			j->n += (size_t)got;
		} else if (got == 0 || errno != EINTR) {
			j->out[j->n] = '\0';
			j->done(s, j);
			end_job(s, j);
		}
	}
}

/* ---- compiling ---- */

/* What is told of a job that has ended without a result: it was stopped, or crashed. */
static cJSON *
nothing_found(const Document *d)
{
	char text[120];

	snprintf(text, sizeof text,
	         "not compiled here: it takes more than %d s, or more memory than there is",
	         SECONDS);
	return build_warning(d, text);
}

/* The child: does its work, and exits. */
static void __attribute__((noreturn)) work_in_job(void (*work)(void *), void *arg)
{
	if (!arena_protect(NULL, work, arg))
		puts("out of memory");
	fflush(stdout);
	_exit(0);
}

/* Compiles and prints the result. */
static void
compile_in_job(void *document)
{
	fputs(cJSON_PrintUnformatted(build_document(document)), stdout);
}

static void
job_built(Server *s, Job *j)
{
	cJSON *o = cJSON_ParseWithLength(j->out, j->n);
	Document *d = s->documents;

	while (d && d != j->doc)
		d = d->next;
	if (d)
		take_build(s, d, o ? o : nothing_found(d));
	else
		cJSON_Delete(o);
}

void
job_build(Server *s, Document *d)
{
	if (!d->graph || (!d->graph->emit && !d->graph->noutput))
		return;
	if (!start_job(s, d, job_built))
		work_in_job(compile_in_job, d);
}

/* ---- running tests ---- */

static void
job_tested(Server *s, Job *j)
{
	char *last = j->out + j->n;
	int passed = 0, failed = 1;

	while (j->n && j->out[j->n - 1] == '\n')
		j->out[--j->n] = '\0';
	for (last = j->out + j->n; last > j->out && last[-1] != '\n';)
		last--;
	bool fine = sscanf(last, "%d passed, %d failed", &passed, &failed) == 2 && passed
	            && !failed;
	show_message(s, !fine, j->n ? j->out : "the tests could not be run");
	send_result(s, j->id, cJSON_CreateBool(fine));
}

typedef struct TestCall {
	const Server *server;
	const Document *doc;
	int line;
} TestCall;

static void
test_in_job(void *call)
{
	const TestCall *c = call;
	const Document *d = c->doc;

	c->server->host->test(d->path, d->text, d->n, c->line, c->server->host->stdlib);
}

void
job_test(Server *s, Document *d, int line, const cJSON *id)
{
	Job *j = start_job(s, d, job_tested);

	if (!j)
		work_in_job(test_in_job, &(TestCall){ s, d, line });
	j->id = cJSON_Duplicate(id, true);
}
