/* Kernels by the C compiler of this machine: their text (c_text.c), compiled into a library that is
 * loaded, and gone from the disk before they run. */

#include "tensor/kernel/c_text.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

typedef struct CCompilation {
	Arena *arena;
	const char *folder, *source, *library, *log;
	const char *why;
} CCompilation;

static bool
write_source(CCompilation *c, const CKernels *k)
{
	TextBuilder t = { .arena = c->arena };
	FILE *f = fopen(c->source, "w");

	add_c_kernels(&t, k);
	text_addf(&t,
	          "\ntypedef void Run(float *const *tensor, int part, int parts, float *room);\n"
	          "Run *const tw_kernels[] = {\n");
	for (int i = 0; i < k->nfunction; i++)
		text_addf(&t, "\tkernel_%d,\n", i);
	text_addf(&t, "};\n");
	bool ok = f && fwrite(t.s, 1, t.n, f) == t.n;
	ok = f && !fclose(f) && ok;
	if (!ok)
		c->why = arena_fmt(c->arena, "%s: %s", c->source, strerror(errno));
	return ok;
}

/* What the compiler said first, for a message. */
static const char *
first_complaint(CCompilation *c)
{
	FILE *f = fopen(c->log, "r");
	char line[300] = "";

	if (f && !fgets(line, sizeof line, f))
		line[0] = '\0';
	if (f)
		fclose(f);
	line[strcspn(line, "\n")] = '\0';
	return arena_fmt(c->arena, "%s", line);
}

static bool
run_compiler(CCompilation *c)
{
	const char *cc = getenv("CC") && *getenv("CC") ? getenv("CC") : "cc";
	char *command = arena_fmt(c->arena,
	                          "%s -O2 -march=native -ffp-contract=off -w -shared -fPIC -o "
	                          "'%s' '%s' -lm 2>'%s'",
	                          cc, c->library, c->source, c->log);
	char sh[] = "sh", option[] = "-c", *argv[] = { sh, option, command, NULL };
	pid_t child;
	int status = -1;

	if (!posix_spawn(&child, "/bin/sh", NULL, NULL, argv, environ))
		while (waitpid(child, &status, 0) < 0 && errno == EINTR)
			;
	if (WIFEXITED(status) && !WEXITSTATUS(status))
		return true;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
		c->why = arena_fmt(c->arena,
		                   "there is no C compiler '%s' here (CC names another); without "
		                   "--cc kernels have the same bits",
		                   cc);
	else
		c->why = arena_fmt(c->arena, "%s failed: %s", cc, first_complaint(c));
	return false;
}

static void
load_library(CCompilation *c, TensorProgram *p, const CKernels *k)
{
	void *library = dlopen(c->library, RTLD_NOW | RTLD_LOCAL);
	CompiledKernel *const *all = library ? dlsym(library, "tw_kernels") : NULL;

	if (!all) {
		c->why = arena_fmt(c->arena, "%s", dlerror());
		return;
	}
	for (int i = 0; i < p->nkernel; i++) {
		p->kernel[i].compiled = all[k->call[i].function];
		p->kernel[i].noperand = k->call[i].n;
		p->kernel[i].operand = k->call[i].tensor;
	}
}

const char *
tensor_program_compile(TensorProgram *p)
{
	Arena *a = p->g->arena;
	const char *tmp = getenv("TMPDIR");
	char folder[PATH_MAX];
	CCompilation c = { .arena = a };
	CKernels *k = kernels_as_c(a, p);

	snprintf(folder, sizeof folder, "%s/twc-XXXXXX", tmp && *tmp ? tmp : "/tmp");
	if (!mkdtemp(folder))
		return arena_fmt(a, "%s: %s", folder, strerror(errno));
	c.folder = folder;
	c.source = arena_fmt(a, "%s/kernels.c", folder);
	c.library = arena_fmt(a, "%s/kernels.so", folder);
	c.log = arena_fmt(a, "%s/log", folder);
	if (write_source(&c, k) && run_compiler(&c))
		load_library(&c, p, k);
	unlink(c.source);
	unlink(c.library);
	unlink(c.log);
	rmdir(folder);
	return c.why;
}
