/* Model files for twprove. Whatever the bytes are: it ends with 0, 1 or 2. That it does by ending
 * the process, so that each input has one of its own, and a minute of it. */

#define _GNU_SOURCE /* on_exit */
#include "prove/prove.h"
#include "tests/hostile/hostile.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* A fault is told from an answer by this exit status. */
const char *__asan_default_options(void);
const char *
__asan_default_options(void)
{
	return "exitcode=86:detect_leaks=0:allocator_may_return_null=1";
}

/* Before libFuzzer, for which it is a fault that a process ends. */
static void
end_at_once(int status, void *nothing)
{
	(void)nothing;
	_exit(status);
}

static void
prove_bytes(const uint8_t *bytes, size_t n)
{
	Proof p = { 0 };
	int nowhere = open("/dev/null", O_WRONLY);

	dup2(nowhere, STDOUT_FILENO);
	dup2(nowhere, STDERR_FILENO);
	on_exit(end_at_once, NULL);
	alarm(60);
	prove_model(&p, model_in(bytes, n));
	_exit(report(&p, "it", false, true));
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		prove_bytes(bytes, n);
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return 0;
	if (WIFSIGNALED(status) ? WTERMSIG(status) != SIGALRM : WEXITSTATUS(status) > 2)
		abort();
	return 0;
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	return 0;
}
