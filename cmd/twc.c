/* twc: from .tw programs to transformer weights. This file is the command line;
 * each verb has a file of its own. */

#include "cmd/cmd.h"

#include <argp.h>
#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backend/write.h"

const char *argp_program_version = "twc 0.1";

enum { KEY_DUMP = 1000, KEY_OPS, KEY_STDLIB, KEY_UNIFORM, KEY_JSON, KEY_BATCH, KEY_CHECK };

static const char doc[] =
	"Compiles a .tw program to the exact weights of a transformer.\n"
	"\n"
	"  FILE -o OUT      writes OUT, an .onnx or a .safetensors file\n"
	"  test FILE...     runs the tests that the files carry, in the reference evaluator\n"
	"                   and in the compiled transformer; the two must agree everywhere\n"
	"  run FILE PROMPT  prints the continuation, from the reference evaluator alone\n"
	"  report FILE      prints the transformer's size, and what makes it that deep\n"
	"  fmt FILE...      puts the files into the one style, in place; - for standard input\n"
	"\vExamples:\n"
	"  twc calculator.tw -o calculator.onnx && twrun calculator.onnx \"12*34=\"\n"
	"  twc test calculator.tw stdlib/digits.tw\n"
	"  twc run calculator.tw \"12*34=\"\n"
	"  twc report calculator.tw --json\n"
	"  twc --dump=lower calculator.tw\n"
	"\n"
	"Exit status: 0 fine, 1 a test or a check failed, 2 the input was refused.";

static const struct argp_option options[] = {
	{ "output", 'o', "OUT", 0, "Write the model here; the extension chooses the kind of file", 1 },
	{ "uniform", KEY_UNIFORM, 0, 0, "Pad all layers of an .onnx to one shape", 1 },
	{ "batch", KEY_BATCH, "FILE", 0, "run: one prompt a line, - for standard input", 2 },
	{ "json", KEY_JSON, 0, 0, "report: as JSON", 2 },
	{ "check", KEY_CHECK, 0, 0, "fmt: change nothing, name the files that would change", 2 },
	{ "dump", KEY_DUMP, "PASS", 0, "Print the graph after this pass, or as it was lowered: --dump=lower", 3 },
	{ "ops", KEY_OPS, 0, 0, "List the operators of the graph", 3 },
	{ "stdlib", KEY_STDLIB, "DIR", 0, "Where the standard library is", 3 },
	{ 0 },
};

typedef struct Command {
	Options o;
	bool ops;
} Command;

static error_t
parse_option(int key, char *arg, struct argp_state *state)
{
	Command *c = state->input;

	switch (key) {
	case 'o':         c->o.output = arg; break;
	case KEY_UNIFORM: c->o.uniform = true; break;
	case KEY_BATCH:   c->o.batch = arg; break;
	case KEY_JSON:    c->o.json = true; break;
	case KEY_CHECK:   c->o.check = true; break;
	case KEY_DUMP:    c->o.dump = arg; break;
	case KEY_OPS:     c->ops = true; break;
	case KEY_STDLIB:  c->o.stdlib = arg; break;
	case ARGP_KEY_ARGS:
		c->o.args = state->argv + state->next;
		c->o.nargs = state->argc - state->next;
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static const struct argp argp = {
	.options = options,
	.parser = parse_option,
	.args_doc = "FILE -o OUT\ntest FILE...\nrun FILE PROMPT...\nreport FILE\nfmt FILE...",
	.doc = doc,
};

/* The library lies where twc was built (beside build/) or installed. Below the
 * current folder its name is relative, so that messages stay short. */
static const char *
find_stdlib(void)
{
	static const char *const places[] = { "../stdlib", "../share/tw/stdlib" };
	static char path[PATH_MAX];
	char exe[PATH_MAX], place[PATH_MAX + 32], cwd[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);

	if (n < 0)
		return NULL;
	exe[n] = '\0';
	char *dir = dirname(exe);
	for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
		snprintf(place, sizeof place, "%s/%s", dir, places[i]);
		if (!realpath(place, path))
			continue;
		size_t len = getcwd(cwd, sizeof cwd) ? strlen(cwd) : 0;
		return len > 1 && !strncmp(path, cwd, len) && path[len] == '/' ? path + len + 1 : path;
	}
	return NULL;
}

static int
print_ops(void)
{
	for (int i = 0; i < NUM_OPS; i++) {
		char nargs[16] = "any";
		if (op_info[i].nargs >= 0)
			snprintf(nargs, sizeof nargs, "%d", op_info[i].nargs);
		printf("%-7s %3s  %s\n", op_info[i].name, nargs, op_info[i].doc);
	}
	return 0;
}

static bool
ends_in(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);

	return n > m && !strcmp(s + n - m, end);
}

int
cmd_compile(const Options *o)
{
	Program p = { 0 };
	char *error = NULL;
	int status = 2;

	if (!ends_in(o->output, ".onnx") && !ends_in(o->output, ".safetensors")) {
		fprintf(stderr, "twc: %s: the name of a model ends in .onnx or .safetensors\n", o->output);
		return 2;
	}
	if (program_open(&p, o->args[0], o) && program_compile(&p)) {
		status = model_write(p.model, o->output, o->uniform, &error) ? 2 : 0;
		if (status)
			fprintf(stderr, "twc: %s: %s\n", o->output, error ? error : "cannot be written");
	}
	free(error);
	program_close(&p);
	return status;
}

int
cmd_dump(const Options *o)
{
	Program p = { 0 };
	const Pass *pass = passes;

	while (pass->name && strcmp(pass->name, o->dump))
		pass++;
	if (!pass->name && strcmp(o->dump, "lower")) {
		fprintf(stderr, "twc: there is no pass '%s'; there are: lower", o->dump);
		for (pass = passes; pass->name; pass++)
			fprintf(stderr, " %s", pass->name);
		fputc('\n', stderr);
		return 2;
	}

	bool ok = program_open(&p, o->args[0], o);
	if (ok && !pass->name) {
		graph_print(p.graph, stdout);
	} else if (ok) {
		run_passes(p.graph, &p.diags, pass->name, stdout);
		diag_print(&p.diags, stderr);
	}
	int status = ok && !p.diags.nerror ? 0 : 2;
	program_close(&p);
	return status;
}

typedef int Verb(const Options *);

/* What the arguments ask for; NULL with the reason if they do not go together. */
static Verb *
verb(Options *o, const char **why)
{
	static const struct {
		const char *name;
		Verb *run;
		int least, most;        /* arguments */
		const char *usage;
	} verbs[] = {
		{ "test", cmd_test, 1, INT_MAX, "test needs a FILE" },
		{ "run", cmd_run, 1, INT_MAX, "run needs a FILE, then prompts" },
		{ "report", cmd_report, 1, 1, "report needs one FILE" },
		{ "fmt", cmd_fmt, 1, INT_MAX, "fmt needs a FILE, or - for standard input" },
	};

	*why = "a FILE is missing";
	if (!o->nargs)
		return NULL;
	for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
		if (strcmp(o->args[0], verbs[i].name))
			continue;
		o->args++;
		o->nargs--;
		*why = verbs[i].usage;
		return o->nargs >= verbs[i].least && o->nargs <= verbs[i].most ? verbs[i].run : NULL;
	}
	*why = "one FILE at a time";
	if (o->nargs > 1)
		return NULL;
	*why = "say what to do: -o OUT.onnx, --dump=PASS, or test, run, report or fmt before the FILE";
	return o->dump ? cmd_dump : o->output ? cmd_compile : NULL;
}

int
main(int argc, char **argv)
{
	Command c = { .o.started = now() };
	const char *why;
	int status;

	argp_err_exit_status = 2;
	argp_parse(&argp, argc, argv, 0, NULL, &c);
	if (!c.o.stdlib)
		c.o.stdlib = find_stdlib();

	if (c.ops) {
		status = print_ops();
	} else {
		Verb *run = verb(&c.o, &why);
		if (!run) {
			fprintf(stderr, "twc: %s (twc --help tells more)\n", why);
			return 2;
		}
		status = run(&c.o);
	}
	if (fflush(stdout) || ferror(stdout)) {
		fprintf(stderr, "twc: standard output: %s\n", strerror(errno));
		return 2;
	}
	return status;
}
