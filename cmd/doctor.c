/* twc doctor: is all that twc needs there, and does it work? For what is missing it prints the
 * command that installs it. The self-test goes the whole way, from a program's text to the
 * answer that twrun gives for the file that was written. It also says how fast this machine trains.
 */

#include "cmd/cmd.h"

#include <cjson/cJSON.h>
#include <libgen.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backend/file/write.h"
#include "frontend/frontend.h"
#include "tensor/kernel/gemm.h"
#include "tensor/kernel/program.h"

typedef struct Doctor {
	const Options *o;
	char twrun[PATH_MAX]; /* beside twc, or in the PATH */
	int ills;             /* what keeps a program from being compiled and run */
} Doctor;

static void
tell(const char *state, const char *what, const char *more)
{
	printf("%-8s  %-10s  %s\n", state, what, more);
}

/* The first line that a command prints, without its end; false if it fails. */
static bool
first_line_of(const char *command, char *line, size_t size)
{
	FILE *f = popen(command, "r");
	bool ok = f && fgets(line, (int)size, f);
	char rest[200];

	while (f && fgets(rest, sizeof rest, f)) {
	}
	if (f && pclose(f))
		ok = false;
	if (ok)
		line[strcspn(line, "\n")] = '\0';
	return ok;
}

static void
check_stdlib(Doctor *d)
{
	Arena arena = { 0 };
	const char **module = library_modules(&arena, d->o->stdlib);
	char more[PATH_MAX + 64];
	int n = 0;

	while (module[n])
		n++;
	snprintf(more, sizeof more, "%s, %d modules", d->o->stdlib ? d->o->stdlib : "inside twc",
	         n);
	tell(n ? "ok" : "missing", "library",
	     n ? more : "the one inside twc serves without --stdlib");
	d->ills += !n;
	arena_free(&arena);
}

static void
check_twrun(Doctor *d)
{
	char exe[PATH_MAX], command[PATH_MAX + 32], line[200];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);

	exe[n < 0 ? 0 : n] = '\0';
	snprintf(d->twrun, sizeof d->twrun, "%s/twrun", dirname(exe));
	if (access(d->twrun, X_OK))
		strcpy(d->twrun, "twrun");
	snprintf(command, sizeof command, "'%s' --version 2>/dev/null", d->twrun);
	bool ok = first_line_of(command, line, sizeof line);
	bool same = ok && !strcmp(line, "twrun " TW_VERSION);
	tell(!ok    ? "missing"
	     : same ? "ok"
	            : "differs",
	     "twrun", ok ? line : "make install puts it beside twc");
	d->ills += !same;
}

/* ---- the self-test ---- */

static const char program[] = "model swap { vocab \"ab\" context 5 }\n"
			      "emit if token == 'a' then 'b' else token[here - 1 else 'a']\n"
			      "test \"ba\" -> \"bab\"\n";
static const char answer[] = "bab";

/* What the evaluator says. */
static const char *
evaluator_answer(Program *p)
{
	int text[6] = { 1, 0 };
	Eval *eval = eval_new(&p->meant);
	int n = continue_text(&p->meant, eval, text, 2);

	eval_free(eval);
	return spell_rows(&p->arena, &p->meant, text + 2, n - 2);
}

/* What twrun says of the file. */
static bool
run_file(const Doctor *d, const TwModel *model, char *got, size_t size)
{
	const char *tmp = getenv("TMPDIR");
	char path[PATH_MAX], command[3 * PATH_MAX], *error = NULL;
	int n = snprintf(path, sizeof path, "%s/twc-XXXXXX.onnx", tmp ? tmp : "/tmp");
	int fd = n < (int)sizeof path ? mkstemps(path, 5) : -1;

	if (fd < 0)
		return false;
	close(fd);
	bool ok = !model_write(model, path, false, &error);
	free(error);
	snprintf(command, sizeof command, "'%s' '%s' ba 2>&1", d->twrun, path);
	ok = ok && first_line_of(command, got, size);
	unlink(path);
	return ok;
}

static void
self_test(Doctor *d)
{
	Program p = { 0 };
	char got[200] = "nothing", more[500];
	bool ok = program_open_text(&p, "self-test", program, sizeof program - 1, d->o)
	          && program_compile(&p);
	const char *wanted = ok ? evaluator_answer(&p) : "nothing";

	ok = ok && run_file(d, p.model, got, sizeof got) && !strcmp(got, wanted)
	     && !strcmp(got, answer);
	snprintf(more, sizeof more,
	         "a program of three lines: expected %s, the evaluator gives %s, twrun %s", answer,
	         wanted, got);
	tell(ok ? "ok" : "FAILED", "self-test",
	     ok ? "a program of three lines, compiled, written and run: evaluator and twrun agree"
	        : more);
	d->ills += !ok;
	program_close(&p);
}

/* ---- how fast it trains ---- */

/* Products of matrices, which training is mostly made of: billions of operations a second, by one
 * thread; the best of a few. */
static double
product_speed(Arena *a)
{
	enum { N = 384, TURNS = 10 };
	float *x = NEWS(a, float, 3 * N * N + 16), *room = NEWS(a, float, gemm_room(N, N, N) + 16);
	Gemm g = { .m = N, .n = N, .k = N, .a = x, .b = x + N * N, .ai = N, .ak = 1 };
	double best = 0;

	for (int i = 0; i < 2 * N * N; i++)
		x[i] = (float)(i % 7);
	g.bk = N;
	g.bj = 1;
	g.c = x + 2 * N * N;
	g.ldc = N;
	g.room = room + (64 - (uintptr_t)room % 64) % 64 / sizeof *room;
	for (int i = 0; i < TURNS; i++) {
		double begin = now_ms();
		gemm_run(vector_level())(&g);
		best = fmax(best, 2.0 * N * N * N / 1e6 / (now_ms() - begin));
	}
	return best;
}

static void
tell_speed(void)
{
	static const char *const vectors[] = { "no vectors that are known here", "AVX2",
		                               "AVX-512" };
	Arena arena = { 0 };
	char more[100];

	snprintf(more, sizeof more, "%.0f GFLOP/s a thread, %s; for twc train",
	         product_speed(&arena), vectors[vector_level()]);
	tell("ok", "products", more);
	arena_free(&arena);
}

/* ---- what only some of it needs ---- */

static const struct {
	const char *name, *command, *package, *why;
} others[] = {
	{ "graphviz", "dot -V 2>&1", "graphviz", "twc graph -o x.svg" },
	{ "cc", "cc --version 2>&1", "gcc", "building" },
	{ "make", "make --version 2>&1", "make", "building" },
	{ "flex", "flex --version 2>&1", "flex", "building" },
	{ "bison", "bison --version 2>&1", "bison", "building" },
	{ "protoc-c", "protoc-c --version 2>&1", "protobuf-c-compiler", "building" },
	{ "node", "node --version 2>&1", "nodejs npm", "make test" },
	{ "nvim", "nvim --version 2>&1", "neovim", "make test-editors" },
};

static void
check_others(void)
{
	char line[200], more[400];

	for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
		bool ok = first_line_of(others[i].command, line, sizeof line);
		if (ok)
			snprintf(more, sizeof more, "%.60s; for %s", line, others[i].why);
		else
			snprintf(more, sizeof more, "needed for %s: sudo apt-get install %s",
			         others[i].why, others[i].package);
		tell(ok ? "ok" : "not here", others[i].name, more);
	}
}

int
cmd_doctor(const Options *o)
{
	Doctor d = { .o = o };
	char more[100];

	snprintf(more, sizeof more, "%s, with cJSON %s", TW_VERSION, cJSON_Version());
	tell("ok", "twc", more);
	check_stdlib(&d);
	check_twrun(&d);
	self_test(&d);
	tell_speed();
	check_others();
	return d.ills ? 1 : 0;
}
