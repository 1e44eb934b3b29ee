/* twc prove: the independent proof (twprove, which lies beside twc) of model files, and of
 * programs, which are compiled first into a file that is removed again. */

#define _GNU_SOURCE /* asprintf, mkstemps */
#include "cmd/cmd.h"

#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backend/file/write.h"

/* Instead of this process. */
static void
become_twprove(const Options *o, const char *file, const char *name)
{
	const char *args[16] = { "twprove", "--name" };
	char exe[PATH_MAX], beside[PATH_MAX + 32];
	ssize_t size = readlink("/proc/self/exe", exe, sizeof exe - 1);
	int n = 2;

	exe[size < 0 ? 0 : size] = '\0';
	snprintf(beside, sizeof beside, "%s/twprove", dirname(exe));
	args[n++] = name;
	if (o->json)
		args[n++] = "--json";
	if (o->range) {
		args[n++] = "--range";
		args[n++] = o->range;
	}
	if (o->depends) {
		args[n++] = "--depends";
		args[n++] = o->depends;
	}
	args[n++] = "--";
	args[n++] = file;
	execv(beside, (char **)args);
	execvp("twprove", (char **)args);
	fprintf(stderr, "twc: twprove cannot be run: %s; make install puts it beside twc\n",
	        strerror(errno));
	_exit(2);
}

int
prove_file(const Options *o, const char *file, const char *name)
{
	int status = -1;

	fflush(stdout);
	pid_t pid = fork();
	if (pid == 0)
		become_twprove(o, file, name);
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status)) {
		fprintf(stderr, "twc: %s: the proof came to no end\n", name);
		return 2;
	}
	return WEXITSTATUS(status);
}

/* A library is proved by its examples. */
static int
prove_program(const Options *o, const char *path)
{
	const char *tmp = getenv("TMPDIR");
	Program p = { 0 };
	char *file, *error = NULL;
	bool library;
	size_t n;
	int status = 2;

	if (asprintf(&file, "%s/twc-XXXXXX.onnx", tmp ? tmp : "/tmp") < 0)
		return 2;
	Options with_sums = *o;

	with_sums.prove = true;
	char *source = is_graph_file(path) ? NULL : read_file(&p.arena, path, &n);
	if ((source ? program_open_file_text(&p, path, source, n, &with_sums, &library)
	            : is_graph_file(path) && program_open(&p, path, &with_sums))
	    && program_compile(&p)) {
		int fd = mkstemps(file, 5);
		if (fd < 0 || model_write(p.model, file, false, &error))
			fprintf(stderr, "twc: %s\n", error ? error : strerror(errno));
		else
			status = prove_file(o, file, path);
		if (status == 0 && o->shape)
			status = prove_shape(&p, o->shape);
		if (fd >= 0) {
			close(fd);
			unlink(file);
		}
	}
	free(error);
	free(file);
	program_close(&p);
	return status;
}

/* Of several files the worst status. */
int
cmd_prove(const Options *o)
{
	int status = 0;

	for (int i = 0; i < o->nargs; i++) {
		const char *end = strrchr(o->args[i], '.');
		bool program = end && (!strcmp(end, ".tw") || is_graph_file(o->args[i]));
		if (o->shape && !program) {
			fprintf(stderr,
			        "twc: %s: --shape is of a program; twc equal compares a model with "
			        "one\n",
			        o->args[i]);
			return 2;
		}
		int one = program ? prove_program(o, o->args[i])
		                  : prove_file(o, o->args[i], o->args[i]);
		status = one > status ? one : status;
	}
	return status;
}
