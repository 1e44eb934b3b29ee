/* twasm: WebAssembly programs inside a transformer. The loader (wasm/) makes a prompt of a module,
 * the model made of machine/wasm32.tw carries it out, a position an instruction. */

#define _GNU_SOURCE /* basename that changes nothing */

#include "cmd/cli.h"
#include "cmd/converter.h"
#include "cmd/twasm.h"
#include "wasm/script.h"
#include "wasm/specialize.h"

#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* ---- run */

static int
get_byte(void *with)
{
	(void)with;
	fflush(stdout);
	return getchar();
}

static void
put_byte(void *with, int to, int byte)
{
	(void)with;
	putc(byte, to == 2 ? stderr : stdout);
}

static double
seconds_since(const struct timespec *since)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - since->tv_sec) + (double)(now.tv_nsec - since->tv_nsec) * 1e-9;
}

static void
show_steps_made(Running *r, const WasmMachine *m)
{
	double t = seconds_since(&r->since);

	if (t < r->last + 1)
		return;
	r->last = t;
	fprintf(stderr, "\r%ld steps, %.0f a second ", m->steps, (double)m->steps / t);
}

/* Where an instruction comes from. */
static const char *
spell_origin(const Running *r, int at, char *out, size_t size)
{
	const WasmInstr *i = &r->program->code[at];
	char name[64];

	if (i->instance && i->function >= 0)
		snprintf(out, size, "%s, offset 0x%x",
		         wasm_function_name(i->instance->module, i->function, name, sizeof name),
		         i->offset);
	else if (i->function == WASM_OF_ISA)
		snprintf(out, size, "instruction %u", i->offset);
	else
		snprintf(out, size, "a function of the machine's own");
	return out;
}

static void
show_step(const Running *r, const WasmMachine *m)
{
	const WasmState *s = &m->state;
	char line[80], origin[128];

	wasm_spell_instr(&r->program->code[m->at], line, sizeof line);
	fprintf(stderr, "%8ld %5d  %-36s", m->steps, m->at, line);
	if (s->writes)
		fprintf(stderr, " r%d of %d = 0x%x", s->d, s->into, s->value);
	else if (s->stores)
		fprintf(stderr, " word 0x%x = 0x%x", 4 * s->cell, s->value);
	else
		fprintf(stderr, " to %d", s->pc);
	fprintf(stderr, "  # %s\n", spell_origin(r, m->at, origin, sizeof origin));
}

static void
watch_step(void *with, const WasmMachine *m)
{
	Running *r = with;

	if (r->o->trace)
		show_step(r, m);
	if (r->shows_progress && m->steps % 1024 == 0)
		show_steps_made(r, m);
}

static int
report_trap(const Running *r, WasmEnd end)
{
	const WasmInstr *i = &r->program->code[r->machine->at];
	char origin[128];

	fprintf(stderr, "twasm: %s: %s%s%s, in %s\n", r->path, wasm_trap_name(end),
	        end == W_UNSUPPORTED ? " " : "", end == W_UNSUPPORTED ? i->what : "",
	        spell_origin(r, r->machine->at, origin, sizeof origin));
	return 1;
}

/* The text from which it can go on. */
static bool
save_text(const Running *r)
{
	const char *path = r->o->checkpoint;
	FILE *to = fopen(path, "w");
	bool saved = to && wasm_save(r->machine, to);

	if (to && fclose(to) != 0)
		saved = false;
	return saved || complain(path, strerror(errno));
}

static bool
resume_text(Running *r)
{
	const char *path = r->o->resume;
	FILE *from = fopen(path, "r");
	bool resumed = from && wasm_want(r->program, r->entry) && wasm_resume(r->machine, from);

	if (!resumed)
		complain(path, from ? r->machine->error : strerror(errno));
	if (from)
		fclose(from);
	return resumed;
}

static int
report_end(const Running *r, WasmEnd end)
{
	bool returned = r->machine->at == W_EXIT_CODE;

	fflush(stdout);
	if (*r->machine->error || (r->o->check && tw_difference(r->machine->session))) {
		complain(r->path, *r->machine->error ? r->machine->error
		                                     : tw_difference(r->machine->session));
		return *r->machine->error ? 2 : 1;
	}
	if (end == W_NONE && r->o->checkpoint)
		return save_text(r) ? 0 : 2;
	if (end == W_NONE) {
		fprintf(stderr, "twasm: %s: stopped after %ld steps\n", r->path, r->machine->steps);
		return 1;
	}
	if (end != W_EXIT)
		return report_trap(r, end);
	if (!r->instance) {
		printf("%d\n", (int)r->machine->state.value);
		return 0;
	}
	return returned && !r->entry->type->nresult ? 0 : (int)(r->machine->state.value & 255);
}

/* What is computed for a step. All give the same. A model may have no way for T2. */
typedef struct Rung {
	const char *name, *computes;
	unsigned flags;
} Rung;

static const Rung rungs[] = {
	{ "T0", "every weight, zeros too, and softmax over all positions", TW_DENSE },
	{ "T1", "every weight whose input is not 0, heads as look-ups", TW_ANEW },
	{ "T2", "what is different since the same instruction was last carried out", 0 },
};

static const Rung *
asked_rung(const Options *o)
{
	return &rungs[o->rung ? o->rung - 1 : 2];
}

static void
report_stats(const Running *r)
{
	const WasmMachine *m = r->machine;
	double t = seconds_since(&r->since);
	TwStats stats = tw_stats(m->session);
	TwCost cost = tw_cost(m->model);
	const Rung *asked = asked_rung(r->o),
		   *rung = asked->flags || stats.by_differences ? asked : &rungs[1];

	fprintf(stderr, "%ld steps in %.2f s, %.0f a second; %d instructions of code\n", m->steps,
	        t, (double)m->steps / t, r->program->ncode);
	fprintf(stderr, "%s: %s\n", rung->name, rung->computes);
	fprintf(stderr,
	        "%d layers, %ld of %ld weights are not 0; %d texts of at most %d tokens; "
	        "%.1f MB\n",
	        m->model->nlayer, cost.nonzeros, cost.weights, m->restarts + 1, m->model->context,
	        (double)stats.bytes / 1e6);
}

/* The start function, then main; only its text so far where nothing is to be carried out. */
static WasmEnd
begin_program(Running *r)
{
	static const uint32_t no_words[16];
	WasmMachine *m = r->machine;
	int start = r->instance ? r->instance->module->start : -1, n = r->entry->type->nparam;
	WasmEnd end = W_EXIT;

	if (start >= 0)
		end = wasm_call(m, r->instance->function[start], NULL, 0);
	if (start >= 0 && (end != W_EXIT || m->at != W_EXIT_CODE))
		return end;
	return wasm_call(m, r->entry, no_words, n < 16 ? n : 16);
}

static int
run_wasm(Running *r, const TwModel *model)
{
	if (!set_up_machine(r, model, (r->o->check ? TW_CHECK : 0) | asked_rung(r->o)->flags)) {
		wasm_machine_free(r->machine);
		return 2;
	}
	WasmMachine *m = r->machine;

	m->with = r;
	m->get = get_byte;
	m->put = put_byte;
	m->most = r->o->steps;
	r->shows_progress = isatty(2) && !isatty(1) && !r->o->trace;
	m->watch = r->o->trace || r->shows_progress ? watch_step : NULL;
	clock_gettime(CLOCK_MONOTONIC, &r->since);
	if (r->o->resume && !resume_text(r)) {
		wasm_machine_free(m);
		return 2;
	}
	WasmEnd end = r->o->resume ? wasm_go_on(m) : begin_program(r);

	if (r->last > 0)
		fputc('\n', stderr);
	int status = report_end(r, end);

	if (r->o->stats)
		report_stats(r);
	wasm_machine_free(m);
	return status;
}

static int
cmd_wasm_run(const Options *o)
{
	Running r = { .o = o, .path = o->args[0] };
	TwModel *model = NULL;
	int status = 2;

	if (load_program(&r) && (model = load_machine(o)))
		status = run_wasm(&r, model);
	tw_free(model);
	if (r.program)
		wasm_program_free(r.program);
	arena_free(&r.arena);
	return status;
}

/* ---- explain */

enum {
	EXPLAINED_STEPS = 10000, /* where --steps does not say how many */
	KEPT_STEPS = 1000,       /* of a text, beside as many as the prompt has tokens */
	KEPT_BYTES = 2000000000, /* most for the states of all tokens of a text */
};

static void
watch_explained(void *with, const WasmMachine *m)
{
	Running *r = with;

	if (!r->o->step)
		wasm_count_step(r->explainer, m);
	else if (m->steps == r->o->step)
		wasm_explain_step(r->explainer, m, stdout);
}

static void
put_no_byte(void *with, int to, int byte)
{
	(void)with;
	(void)to;
	(void)byte;
}

/* Every state of a text is kept: how long may it be? */
static bool
limit_kept_text(Running *r, const TwModel *model)
{
	const WasmProgram *p = r->program;
	double tokens = 2 * ((double)p->ncode + p->ncell + p->nshared) + KEPT_STEPS;
	double bytes = tokens * (2 * model->nlayer + 1) * model->d_model * (double)sizeof(float);

	if (bytes > KEPT_BYTES) {
		fprintf(stderr,
		        "twasm: %s: a text of its %d instructions and %d words has some %.0f "
		        "tokens, whose states take %.1f GB, and 2 GB are the most: explain a "
		        "smaller program\n",
		        r->path, p->ncode, p->ncell + p->nshared, tokens, bytes / 1e9);
		return false;
	}
	if (tokens < r->machine->window)
		r->machine->window = (int)tokens;
	return true;
}

static bool
explain_steps(Running *r, const TwModel *model)
{
	char error[WASM_ERROR_SIZE];

	if (!set_up_machine(r, model, TW_TRACE) || !limit_kept_text(r, model))
		return false;
	r->explainer = wasm_explainer(&r->arena, model, error);
	if (!r->explainer)
		return complain(r->path, error);
	WasmMachine *m = r->machine;

	m->with = r;
	m->get = get_byte;
	m->put = put_no_byte;
	m->watch = watch_explained;
	m->most = r->o->step ? r->o->step : r->o->steps ? r->o->steps : EXPLAINED_STEPS;
	begin_program(r);
	if (*m->error)
		return complain(r->path, m->error);
	if (r->o->step && m->steps < r->o->step) {
		fprintf(stderr, "twasm: %s: it ends after %ld steps\n", r->path, m->steps);
		return false;
	}
	if (!r->o->step)
		wasm_explain_kinds(r->explainer, stdout);
	return true;
}

static int
cmd_wasm_explain(const Options *o)
{
	Running r = { .o = o, .path = o->args[0] };
	TwModel *model = NULL;
	bool told = load_program(&r) && (model = load_machine(o)) && explain_steps(&r, model);

	wasm_machine_free(r.machine);
	tw_free(model);
	if (r.program)
		wasm_program_free(r.program);
	arena_free(&r.arena);
	return told ? 0 : 2;
}

/* ---- test */

/* Scripts call many programs. */
static bool
is_general(const Options *o, const TwModel *model)
{
	return strncmp(model->name, WASM_SPECIAL, strlen(WASM_SPECIAL)) != 0
	       || complain(o->model, "it is the model of one program: leave --model out");
}

static int
cmd_wasm_test(const Options *o)
{
	TwModel *model = load_machine(o);
	WasmTally all = { 0 };
	bool general = model && is_general(o, model);
	int status = general ? 0 : 2;

	for (int i = 0; general && o->args[i]; i++) {
		char error[WASM_ERROR_SIZE] = "";

		if (!wasm_script(model, o->args[i], &all, stdout, error)) {
			complain(o->args[i], error);
			status = 2;
		}
	}
	if (general)
		printf("%d passed, %d failed; %d modules, %ld steps\n", all.passed, all.failed,
		       all.modules, all.steps);
	tw_free(model);
	return status ? status : all.failed > 0;
}

/* ---- code */

static int
cmd_wasm_code(const Options *o)
{
	Running r = { .o = o, .path = o->args[0] };
	char line[80], origin[128], before[128] = "";
	bool loaded = load_program(&r) && wasm_want(r.program, r.entry);

	for (int i = 0; loaded && i < r.program->ncode; i++) {
		if (!r.program->code[i].there)
			continue;
		wasm_spell_instr(&r.program->code[i], line, sizeof line);
		spell_origin(&r, i, origin, sizeof origin);
		printf("%5d  %s", i, line);
		if (strcmp(origin, before) != 0)
			printf("%*s# %s", (int)(36 - strlen(line)), "", origin);
		putchar('\n');
		strcpy(before, origin);
	}
	if (r.program)
		wasm_program_free(r.program);
	arena_free(&r.arena);
	return loaded ? 0 : 2;
}

/* ---- build */

/* Runs twc, which stands beside this program, on what wasm_specialize writes. */
static bool
compile_special(Running *r, const char *source)
{
	const char *word[] = { find_beside(&r->arena, "twc", "twc"),
		               source,
		               "--no-warnings",
		               "--fewest=neurons",
		               "-o",
		               r->o->output,
		               NULL };
	int status = run_tool(word);

	if (status == 127)
		return complain(word[0], "it cannot be run");
	return !status;
}

/* What is refused leaves no file behind. */
static bool
write_special(Running *r, const char *path)
{
	const char *folder = find_beside(&r->arena, "../machine", "../share/tw/machine");
	char *full = realpath(folder, NULL), *text = NULL;
	size_t n = 0;
	FILE *made = open_memstream(&text, &n);
	bool written = made && wasm_specialize(r->program, full ? full : folder, made);

	if (made)
		fclose(made);
	if (written) {
		FILE *to = fopen(path, "w");
		written = to && fwrite(text, 1, n, to) == n;
		if ((to && fclose(to) != 0) || !written)
			written = complain(path, strerror(errno));
	} else {
		complain(r->path, *r->program->error ? r->program->error : NULL);
	}
	free(text);
	free(full);
	return written;
}

static bool
build_special(Running *r)
{
	if (!r->o->output)
		return complain(r->path, "-o FILE says where to");
	if (ends_in(r->o->output, ".tw"))
		return write_special(r, r->o->output);
	char *source = new_file(&r->arena, "program.tw");
	bool built = source && write_special(r, source) && compile_special(r, source);

	remove_converted(source);
	return built;
}

static int
cmd_wasm_build(const Options *o)
{
	Running r = { .o = o, .path = o->args[0] };
	bool built = load_program(&r);

	if (built && !make_code(&r))
		built = complain(r.path, r.program->error);
	built = built && build_special(&r);
	if (r.program)
		wasm_program_free(r.program);
	arena_free(&r.arena);
	return built ? 0 : 2;
}

/* ---- prompt */

static bool
print_wasm_prompt(Running *r, const TwModel *model)
{
	static const uint32_t no_words[16];
	int n = r->entry->type->nparam;

	if (!set_up_machine(r, model, 0)) {
		wasm_machine_free(r->machine);
		return false;
	}
	r->machine->text = stdout;
	bool printed = wasm_begin_call(r->machine, r->entry, no_words, n < 16 ? n : 16);

	if (!printed)
		complain(r->path, r->machine->error);
	wasm_machine_free(r->machine);
	return printed;
}

static int
cmd_wasm_prompt(const Options *o)
{
	Running r = { .o = o, .path = o->args[0] };
	TwModel *model = NULL;
	bool printed = load_program(&r) && (model = load_machine(o))
	               && print_wasm_prompt(&r, model);

	tw_free(model);
	if (r.program)
		wasm_program_free(r.program);
	arena_free(&r.arena);
	return printed ? 0 : 2;
}

/* ---- command line */

static const Flag flags[] = {
	{ "model", 'm', "FILE", offsetof(Options, model),
	  "the machine, another file than the one that is installed", NULL },
	{ "output", 'o', "FILE", offsetof(Options, output), "where the model goes", NULL },
	{ "steps", 'n', "N", offsetof(Options, steps),
	  "stop after N steps; run ends with status 1 then", NULL },
	{ "step", 0, "N", offsetof(Options, step),
	  "that step alone: what each head finds, and which neurons are awake", NULL },
	{ "checkpoint", 0, "FILE", offsetof(Options, checkpoint),
	  "where --steps stops it, write the text from which it goes on, status 0", NULL },
	{ "resume", 0, "FILE", offsetof(Options, resume),
	  "go on from what --checkpoint wrote, of the same program and arguments", NULL },
	{ "trace", 't', NULL, offsetof(Options, trace),
	  "show each step on standard error: the instruction, what it wrote, where it comes from",
	  NULL },
	{ "check", 'c', NULL, offsetof(Options, check),
	  "run softmax over everything beside the look-ups; tell where they differ", NULL },
	{ "rung", 0, "T0|T1|T2", offsetof(Options, rung),
	  "what is computed for a step: T0 all that the file has, softmax and zeros too; T1 each "
	  "weight whose input is not 0, heads as look-ups; T2, the default, only what is different "
	  "since the same instruction was last carried out",
	  NULL },
	{ "stats", 's', NULL, offsetof(Options, stats),
	  "say what it took, on standard error: steps a second, weights, memory", NULL },
	{ 0 },
};

static const Verb verbs[] = {
	{
		"",
		"",
		"runs WebAssembly programs inside a transformer",
		"A module that clang or wat2wasm made becomes a prompt; a transformer whose "
		"weights were "
		"compiled from machine/wasm32.tw goes on with it, a token an instruction. All of "
		"i32 and "
		"i64 is there; an instruction on floats is a trap when it is reached.",
		"",
		"clang --target=wasm32 -O2 -nostdlib -Wl,--no-entry,--export=main -o prog.wasm "
		"prog.c\n"
		"twasm run prog.wasm <input",
		NULL,
	},
	{
		"run",
		"PROGRAM [ARG...]",
		"runs a program; its exit status is that of main or of exit",
		"Imports are putchar, getchar and exit of env, and of WASI what printf, getchar "
		"and main's "
		"arguments need. A trap is told with its function and the offset in the file, "
		"status 1. PROGRAM.wat is converted by wat2wasm, where wabt is installed. "
		"PROGRAM.isa is "
		"a program for a stack machine of 55 opcodes, pairs of a number or name and its "
		"argument: "
		"prints what HALT finds on top.",
		"model steps checkpoint resume rung trace check stats",
		"twasm run prog.wasm\n"
		"twasm run fib.isa\n"
		"twasm run --stats prog.wasm <input\n"
		"twasm run --trace --steps=100 prog.wasm\n"
		"twasm run --steps=1000000 --checkpoint=a.txt prog.wasm && twasm run "
		"--resume=a.txt prog.wasm",
		cmd_wasm_run,
	},
	{
		"test",
		"SCRIPT.json...",
		"runs scripts of the official test suite, converted by wast2json",
		NULL,
		"model",
		"wast2json i32.wast && twasm test i32.json",
		cmd_wasm_test,
	},
	{
		"build",
		"PROGRAM [ARG...]",
		"makes a program's own transformer, whose instructions are in the weights",
		"Instructions and constants are a table of the token, so that no head fetches them "
		"and what the program never does is not there; the prompt is memory alone. "
		"The output is what twc writes, by its name: .onnx, .safetensors, .gguf; or the "
		"program itself, .tw. It runs by --model.",
		"output",
		"twasm build prog.wasm -o prog.onnx && twasm run --model=prog.onnx prog.wasm\n"
		"twasm build prog.wasm -o prog.tw && twc report prog.tw",
		cmd_wasm_build,
	},
	{
		"explain",
		"PROGRAM [ARG...]",
		"tells what heads and neurons each kind of instruction uses",
		"Of the program's first 10,000 steps, or as many as --steps says, by kind of "
		"instruction: how many neurons are awake, that is not 0, in each layer, and which "
		"heads find something. With --step=N, of that step: the token that each head "
		"finds, "
		"and the awake neurons by the value in machine/wasm32.tw that they were made for. "
		"The program reads standard input; what it prints is left out.",
		"model steps step",
		"twasm explain prog.wasm\n"
		"twasm explain --step=25 prog.wasm",
		cmd_wasm_explain,
	},
	{
		"prompt",
		"PROGRAM [ARG...]",
		"prints the prompt that a program becomes, a token a line",
		"Any engine goes on with it: twrun with the model's file, until the program has "
		"ended.",
		"model",
		"twasm prompt prog.wasm >prompt.txt && twrun wasm32.onnx --prompt prompt.txt",
		cmd_wasm_prompt,
	},
	{
		"code",
		"PROGRAM [ARG...]",
		"prints the register code that a program becomes",
		NULL,
		"",
		"twasm code prog.wasm",
		cmd_wasm_code,
	},
	{ 0 },
};

static const Cli cli = {
	.program = "twasm",
	.doc = "runs WebAssembly programs inside a transformer",
	.files = "wasm wat isa json",
	.status = "the program's own; 0 fine; 1 a trap, or a test failed; 2 the program, the "
		  "script or "
		  "the model was refused",
	.see = "twc(1), twrun(1)",
	.flags = flags,
	.verbs = verbs,
};

int
main(int argc, char **argv)
{
	Options o = { 0 };
	int status;
	const Verb *verb = cli_parse(&cli, &argc, &argv, &o, &status);

	if (!verb)
		return status;
	o.args = argv;
	status = cli_run(&cli, verb, &o);
	if (fflush(stdout) || ferror(stdout)) {
		fprintf(stderr, "twasm: standard output: %s\n", strerror(errno));
		return 2;
	}
	return status;
}
