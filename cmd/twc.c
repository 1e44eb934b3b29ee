/* twc: from .tw programs to transformer weights. This file is the command line;
 * each verb has a file of its own. */

#include "cmd/cmd.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backend/file/write.h"
#include "backend/target/llama/llama.h"
#include "backend/target/target.h"
#include "backend/realism.h"
#include "tensor/learned.h"
#include "tensor/train/train.h"

/* The library's folder, which lies where twc was built (beside build/) or installed, and where an
 * editor opens its files. Below the current folder its name is relative, so that messages stay
 * short. NULL: there is none, and the library inside serves. */
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
		return len > 1 && !strncmp(path, cwd, len) && path[len] == '/' ? path + len + 1
		                                                               : path;
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
has_extension(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);

	return n > m && !strcmp(s + n - m, end);
}

static bool
is_llama_path(const char *path)
{
	return has_extension(path, ".gguf")
	       || (has_extension(path, "/") && !has_extension(path, ".onnx/"));
}

/* A folder for transformers.js. */
static bool
is_onnx_folder(const char *path)
{
	return has_extension(path, ".onnx/");
}

static int
write_onnx_folder(const Options *o, Program *p, const TwModel *m, char **error)
{
	const char *why = NULL;

	m = llama_flat_tokens(&p->arena, m, &p->report, spell_rows, &why);
	why = m ? llama_has_no_counterpart(m) : why;
	if (!why)
		return onnx_folder_write(m, o->output, error);
	fprintf(stderr, "twc: %s: '%s' is nothing for a text generator: %s\n", o->args[0],
	        p->model->name, why);
	return -1;
}

/* A .gguf or a folder, for what runs an ordinary Llama. */
static int
write_as_llama(const Options *o, Program *p, char **error)
{
	bool gguf = has_extension(o->output, ".gguf");
	int asked = o->profile ? o->profile : gguf ? PROFILE_F16KV : PROFILE_F32;
	LlamaProfile profile = asked == PROFILE_F16KV ? LLAMA_F16KV : LLAMA_F32;
	const char *why, *other;
	const TwModel *m = llama_flat_tokens(&p->arena, p->model, &p->report, spell_rows, &why);
	Llama *l = m ? llama_from_matrices(&p->arena, m, &p->report, profile, &why) : NULL;

	if (l && p->model->nlabel)
		fprintf(stderr, "twc: %s: what the program labels is not in it\n", o->output);
	if (l)
		return llama_write(l, o->output, error);
	bool exact = m && profile == LLAMA_F16KV
	             && llama_from_matrices(&p->arena, m, &p->report, LLAMA_F32, &other);
	fprintf(stderr, "twc: %s: '%s' cannot be a Llama%s: %s\n", o->args[0], p->model->name,
	        exact ? " with a 16-bit cache" : "", why);
	if (exact)
		fprintf(stderr, "twc: with --profile=f32 it is written, and llama.cpp runs it with "
		                "-ctk f32 -ctv f32 -fa off\n");
	return -1;
}

/* The model as it is written: with --realism, another that does the same; NULL after an error. */
static const TwModel *
model_to_write(const Options *o, Program *p)
{
	const char *why = NULL;

	if (o->model) {
		const TwModel *m = model_learned_further(p, o->model, &why);
		if (!m)
			fprintf(stderr, "twc: %s: %s\n", o->model, why);
		return m;
	}
	if (!o->realism)
		return p->model;
	if (is_llama_path(o->output)) {
		fputs("twc: --realism is for .onnx and .safetensors\n", stderr);
		return NULL;
	}
	TwModel *m = model_realistic(&p->arena, p->model, &p->report, o->realism, o->seed, &why);
	if (!m)
		fprintf(stderr, "twc: --realism: %s\n", why);
	return m;
}

/* By the ending of its name; a line on standard error or *error, if it fails. */
static int
write_by_name(const Options *o, Program *p, const TwModel *m, char **error)
{
	if (is_onnx_folder(o->output))
		return write_onnx_folder(o, p, m, error);
	if (is_llama_path(o->output))
		return write_as_llama(o, p, error);
	int bad = model_write(m, o->output, o->uniform, error);
	if (bad && !*error)
		fprintf(stderr, "twc: %s: cannot be written\n", o->output);
	return bad;
}

int
cmd_compile(const Options *o)
{
	Program p = { 0 };
	char *error = NULL;
	int status = 2;

	if (has_extension(o->args[0], ".safetensors"))
		return write_learned(o);
	if (!is_llama_path(o->output) && !has_extension(o->output, ".onnx")
	    && !has_extension(o->output, ".safetensors") && !has_extension(o->output, ".c")
	    && !is_onnx_folder(o->output)) {
		fprintf(stderr,
		        "twc: %s: the name of a model ends in .onnx, .safetensors, .gguf or .c, or "
		        "in a slash: a folder\n",
		        o->output);
		return 2;
	}
	if (o->prove && (is_llama_path(o->output) || is_onnx_folder(o->output))) {
		fprintf(stderr, "twc: %s: --prove is for .onnx and .safetensors\n", o->output);
		return 2;
	}
	if (o->model && (o->prove || o->realism || is_llama_path(o->output))) {
		fprintf(stderr,
		        "twc: %s: --model, of what was learned further, is for .onnx and "
		        ".safetensors alone\n",
		        o->output);
		return 2;
	}
	if (is_llama_path(o->output))
		p.target = &llama_target;
	bool open = program_open(&p, o->args[0], o);
	if (open && p.graph->learned) {
		status = write_learned_program(o, &p);
	} else if (open && has_extension(o->output, ".c")) {
		fprintf(stderr, "twc: %s: C is for what is learned; all of %s is exact\n",
		        o->output, o->args[0]);
	} else if (open && program_compile(&p)) {
		if (p.report.layers > p.report.free_layers)
			fprintf(stderr, "twc: %s: %d layers, %d more than without limits\n",
			        o->args[0], p.report.layers,
			        p.report.layers - p.report.free_layers);
		const TwModel *m = model_to_write(o, &p);
		status = m && !write_by_name(o, &p, m, &error) ? 0 : 2;
		if (error)
			fprintf(stderr, "twc: %s\n", error);
	}
	free(error);
	program_close(&p);
	return status == 0 && o->prove ? prove_file(o, o->output, o->output) : status;
}

/* --verify without -o: all but the file. */
static int
cmd_verify(const Options *o)
{
	Program p = { 0 };
	bool ok = program_open(&p, o->args[0], o) && program_compile(&p);

	program_close(&p);
	return ok ? 0 : 2;
}

static int
refuse_dump(const char *name)
{
	fprintf(stderr, "twc: there is no pass '%s'; there are: tensors lower", name);
	for (const Pass *pass = passes; pass->name; pass++)
		fprintf(stderr, " %s", pass->name);
	for (const DumpStage *s = dump_stages; s->name; s++)
		fprintf(stderr, " %s", s->name);
	fputc('\n', stderr);
	return 2;
}

/* The learned half. */
static int
dump_tensors(const Options *o)
{
	Program p = { 0 };
	bool ok = program_open(&p, o->args[0], o);

	if (ok && p.graph->learned)
		tensor_graph_print(p.graph->learned->graph, stdout);
	else if (ok)
		fprintf(stderr, "twc: %s: all of it is exact: it has no tensors\n", o->args[0]);
	program_close(&p);
	return ok ? 0 : 2;
}

int
cmd_dump(const Options *o)
{
	Program p = { 0 };
	const Pass *pass = passes;
	bool stage = is_dump_stage(o->dump);

	while (pass->name && strcmp(pass->name, o->dump))
		pass++;
	if (!strcmp(o->dump, "tensors"))
		return dump_tensors(o);
	if (!pass->name && !stage && strcmp(o->dump, "lower"))
		return refuse_dump(o->dump);

	bool ok = program_open(&p, o->args[0], o);
	if (ok && stage) {
		p.inspect.dump = o->dump;
		p.inspect.to = stdout;
		program_compile(&p);
	} else if (ok && !pass->name) {
		graph_print(p.graph, stdout);
	} else if (ok) {
		run_passes(p.graph, &p.diags, pass->name, stdout);
		diag_print(&p.diags, stderr);
	}
	int status = ok && !p.diags.nerror ? 0 : 2;
	program_close(&p);
	return status;
}

/* What is done with a file when no verb says. */
static int
cmd_plain(const Options *o)
{
	if (o->dump)
		return cmd_dump(o);
	if (o->output)
		return cmd_compile(o);
	if (o->verify)
		return cmd_verify(o);
	fputs("twc: say what to do: -o OUT.onnx, --dump=PASS, --verify, or a verb before the FILE "
	      "(twc "
	      "--help tells "
	      "more)\n",
	      stderr);
	return 2;
}

static const Flag flags[] = {
	{ "output", 'o', "OUT", offsetof(Options, output),
	  "write the model here; the extension chooses the kind of file: .onnx, .safetensors, "
	  ".gguf or .c; a slash at the end: a folder",
	  NULL },
	{ "profile", 0, "f16kv|f32", offsetof(Options, profile),
	  "what an engine keeps keys and values of a .gguf or a folder in: half precision, which "
	  "llama.cpp does by default, or float32",
	  NULL },
	{ "realism", 0, "DIALS", offsetof(Options, realism),
	  "the same numbers from weights that look less compiled, some of "
	  "permute,scale,dead,noise,rotate: columns, heads and neurons in any order, times powers "
	  "of two, with others that do nothing, in a turned stream; --seed says which",
	  NULL },
	{ "uniform", 0, NULL, offsetof(Options, uniform), "pad all layers of an .onnx to one shape",
	  NULL },
	{ "dump", 0, "PASS", offsetof(Options, dump),
	  "print the graph after this pass, or as it was lowered (lower); the tensors of what is "
	  "learned (tensors); or what a stage of the "
	  "backend made: circuit, schedule, columns, weights. A graph kept in a FILE.twg is read "
	  "back as it is, unless it takes what is learned",
	  NULL },
	{ "verify", 0, NULL, offsetof(Options, verify),
	  "hold what each stage of the backend made against what it promises, on texts too; twc "
	  "test "
	  "always does",
	  NULL },
	{ "prove", 0, NULL, offsetof(Options, prove),
	  "prove of the written file that it is exact, by the independent twprove", NULL },
	{ "range", 0, "NAME", offsetof(Options, range),
	  "between what an output, or a named value that stands in the stream, can lie, over all "
	  "texts",
	  NULL },
	{ "depends", 0, "NAME", offsetof(Options, depends), "what it can depend on", NULL },
	{ "shape", 0, "SHAPE", offsetof(Options, shape),
	  "of the prompts: characters, D for a digit, [abc] for one of these, each with {n} or "
	  "{m,n} behind it",
	  NULL },
	{ "batch", 0, "FILE", offsetof(Options, batch),
	  "one prompt a line, - for standard input; of twc train: so many examples a step, 16 "
	  "unless it is said",
	  NULL },
	{ "input", 0, "FILE.npy", offsetof(Options, input),
	  "the numbers that a model without tokens takes", NULL },
	{ "json", 0, NULL, offsetof(Options, json), "as JSON", NULL },
	{ "layered", 0, NULL, offsetof(Options, layered), "draw the layers, not the program",
	  NULL },
	{ "layers", 0, "N", offsetof(Options, limits.layers), "at most so many layers", NULL },
	{ "d-model", 0, "N", offsetof(Options, limits.d_model), "at most so many columns", NULL },
	{ "heads", 0, "N", offsetof(Options, limits.heads), "at most so many heads in each layer",
	  NULL },
	{ "neurons", 0, "N", offsetof(Options, limits.neurons),
	  "at most so many neurons in each layer", NULL },
	{ "fewest", 0, "layers|neurons|nonzeros", offsetof(Options, limits.fewest),
	  "of several models that do the same, the one with fewest; by default layers, where each "
	  "one saved at most doubles the neurons",
	  NULL },
	{ "check", 0, NULL, offsetof(Options, check),
	  "change nothing, name the files that would change", NULL },
	{ "stdlib", 0, "DIR", offsetof(Options, stdlib),
	  "the standard library is there, and not the one inside", NULL },
	{ "line", 0, "N", offsetof(Options, line), "only the tests in this line", NULL },
	{ "count", 'n', "N", offsetof(Options, count), "how many; 1 unless it is said", NULL },
	{ "size", 0, "N", offsetof(Options, size), "how many named values; 6 unless it is said",
	  NULL },
	{ "depth", 0, "N", offsetof(Options, depth),
	  "the longest chain of named values, each of which reads the one before; 3 unless it is "
	  "said",
	  NULL },
	{ "seed", 0, "N", offsetof(Options, seed),
	  "which random ones: the same seed gives the same", NULL },
	{ "model", 0, "MODEL", offsetof(Options, model),
	  "run them in this model file, and compile nothing; of what was learned, the file that "
	  "twc train wrote: parameters, or with -o and test weights (--free)",
	  NULL },
	{ "data", 0, "DATA", offsetof(Options, data),
	  "what to learn from: a text file; or arrays, INPUT=FILE.npy,INPUT=FILE.npy, a row an "
	  "example",
	  NULL },
	{ "like", 0, "FILE.tw", offsetof(Options, like),
	  "in place of --data: random prompts for this exact program, and its answers", NULL },
	{ "resume", 0, "MODEL", offsetof(Options, resume),
	  "go on from this checkpoint; what is not said of the recipe is as there", NULL },
	{ "steps", 0, "N", offsetof(Options, steps),
	  "how many steps in all; 1000 unless it is said", NULL },
	{ "threads", 'j', "N", offsetof(Options, threads),
	  "threads that share the work; as many as there are cores, and the same bits", NULL },
	{ "optimizer", 0, OPTIMIZERS, offsetof(Options, optimizer),
	  "AdamW unless it is said; or gradient descent with momentum 0.9", NULL },
	{ "rate", 0, "RATE", offsetof(Options, rate),
	  "the rate of learning at its highest; 0.001, of sgd 0.1", NULL },
	{ "schedule", 0, SCHEDULES, offsetof(Options, schedule),
	  "how the rate goes on: down to a tenth along a cosine, unless it is said", NULL },
	{ "warm-up", 0, "STEPS", offsetof(Options, warm_up),
	  "steps in which the rate grows; a twentieth of all, at most 100", NULL },
	{ "clip", 0, "NORM", offsetof(Options, clip),
	  "the greatest norm of a gradient, longer ones are made shorter; 1, and 0 for any", NULL },
	{ "decay", 0, "DECAY", offsetof(Options, decay),
	  "by how much matrices shrink, times the rate; 0.01 unless it is said", NULL },
	{ "validate", 0, "PERCENT", offsetof(Options, held),
	  "hold back so much of the data, the last of it, and tell the loss on it; 10", NULL },
	{ "free", 0, NULL, offsetof(Options, free),
	  "the weights that an exact program is compiled to are parameters, and learned further, "
	  "to "
	  "answer as the program does unless --data or --like says otherwise",
	  NULL },
	{ "only", 0, "NAMES", offsetof(Options, only),
	  "learn these parameters and leave the others as they begin: names, what they stand "
	  "below, "
	  "or patterns: layers.2,head,*.b1",
	  NULL },
	{ "fresh", 0, "NAMES", offsetof(Options, fresh),
	  "of --free: these begin at random, not as they were compiled", NULL },
	{ "of", 0, "WHAT", offsetof(Options, of),
	  "differentiate this: a token's score, loss, or a named part", NULL },
	{ "op", 0, "NAME", offsetof(Options, op),
	  "an operator in place of a program: what it means, becomes, and costs; of floats its "
	  "gradient",
	  NULL },
	{ "plot", 0, "FILE.svg", offsetof(Options, plot), "draw how the loss went", NULL },
	{ "grad", 0, NULL, offsetof(Options, grad),
	  "all of a step of training, not what the loss needs alone", NULL },
	{ "cc", 0, NULL, offsetof(Options, cc),
	  "kernels by the C compiler of this machine (CC, or cc): some seconds more at first, then "
	  "faster; the same bits",
	  NULL },
	{ "unfused", 0, NULL, offsetof(Options, unfused),
	  "each operator a kernel of its own: slower, and the same bits", NULL },
	{ "vectors", 0, "portable|avx2|avx512", offsetof(Options, vectors),
	  "those of this processor, unless it is said: what it lacks is left out; the same bits",
	  NULL },
	{ "no-warnings", 0, NULL, offsetof(Options, no_warnings),
	  "only errors: say nothing of what is sound but seldom meant", NULL },
	{ "ops", 0, NULL, 0, "list the operators of the graph", print_ops },
	{ 0 },
};

static const Verb verbs[] = {
	{
		"",
		"FILE -o OUT",
		"writes the model OUT: an .onnx, a .safetensors, a .gguf or a .c file, or a folder",
		"A .gguf runs in llama.cpp, a folder (its name ends in a slash) in HuggingFace's "
		"libraries: an ordinary Llama, of programs that emit, are causal and have one "
		"field a token. A folder whose name ends in .onnx/ is for transformers.js. Where "
		"FILE is "
		"a .safetensors that twc train has written, OUT is an .onnx: its graph in standard "
		"operators; or a .c, a program and functions that need a C compiler alone. Of a "
		"program with parameters OUT is a .safetensors, which twrun goes "
		"on "
		"with a text by, an .onnx or a .c: the parameters as they begin, by --seed or from "
		"the "
		"files that the program loads.",
		"output prove profile realism seed uniform model verify layers d-model heads "
		"neurons "
		"fewest dump "
		"stdlib "
		"no-warnings",
		"twc calculator.tw -o calculator.onnx && twrun calculator.onnx \"12*34=\"\n"
		"twc calculator.tw -o calculator.gguf && llama-completion -m calculator.gguf "
		"-no-cnv "
		"-p \"12*34=\"\n"
		"twc letters.safetensors -o letters.onnx\n"
		"twc adder.tw --model freed.safetensors -o freed.onnx\n"
		"twc gpt2.tw -o gpt2.safetensors && twrun gpt2.safetensors \"The answer is\" -n "
		"20\n"
		"twc --dump=lower calculator.tw\n"
		"twc --dump=weights calculator.tw",
		cmd_plain,
	},
	{
		"test",
		"FILE...",
		"runs the tests that files carry, in the evaluator and in the transformer",
		"The reference evaluator says what a program means. The compiled transformer must "
		"give what "
		"each test expects, and agree with the evaluator at every position.",
		"line model seed layers d-model heads neurons fewest stdlib no-warnings",
		"twc test calculator.tw stdlib/digits.tw\n"
		"twc test calculator.tw --model calculator.onnx\n"
		"twc test --line=27 calculator.tw",
		cmd_test,
	},
	{
		"check",
		"FILE...",
		"compiles files and says what is wrong with them; writes nothing, runs nothing",
		"Errors and warnings, those of the last stages too: what an editor shows. With "
		"--json they are a list on standard output, places counted from 1 in characters.",
		"json layers d-model heads neurons fewest stdlib no-warnings",
		"twc check *.tw\n"
		"twc check --json calculator.tw",
		cmd_check,
	},
	{
		"run",
		"FILE [PROMPT...]",
		"prints how each prompt goes on, from the reference evaluator alone",
		"A program with parameters is evaluated with these as they begin, by --seed, or as "
		"twc train left them, of --model.",
		"batch input seed model stdlib no-warnings",
		"twc run calculator.tw \"12*34=\"\n"
		"twc run calculator.tw --batch prompts.txt\n"
		"twc run sums.tw --model sums.safetensors \"3+4=\"",
		cmd_run,
	},
	{
		"report",
		"FILE",
		"prints the transformer's size, and what makes it that deep",
		"Of a program with parameters: how many, and what a token costs, part by part.",
		"json layers d-model heads neurons fewest stdlib no-warnings",
		"twc report calculator.tw\n"
		"twc report calculator.tw --json",
		cmd_report,
	},
	{
		"explain",
		"[FILE] [NAME]",
		"says what became of a named value; without NAME, what each layer makes",
		"Of a value: its type and range, the columns it stands in, the rules that shaped "
		"it, what it "
		"costs, and what it waits for. With --json also every head, with what it looks for "
		"and by "
		"what gap, and the neurons by the place of the program that they compute.",
		"op json layers d-model heads neurons fewest stdlib no-warnings",
		"twc explain calculator.tw\n"
		"twc explain calculator.tw answer\n"
		"twc explain --op mul",
		cmd_explain,
	},
	{
		"prove",
		"FILE...",
		"proves of model files, or of programs, that they are exact for every text",
		"By twprove, which shares no code with the compiler and believes nothing that a "
		"file says "
		"of itself. Status 1: it is not proved, and where, and what is missing there.",
		"json range depends shape layers d-model heads neurons fewest stdlib no-warnings",
		"twc prove calculator.onnx\n"
		"twc prove calculator.tw\n"
		"twc prove adder.tw --shape \"D{1,3}+D{1,3}=\"",
		cmd_prove,
	},
	{
		"equal",
		"A B",
		"tries whether two programs or models answer every prompt of a shape alike",
		"Each prompt is answered by both, in the transformer. Of models that are proved "
		"(twc prove) the answers are those of every engine. B may be a program with "
		"parameters, as twc train left it in --model: it is asked for each token after "
		"the right ones before. Status 1: one is answered otherwise.",
		"shape model layers d-model heads neurons fewest stdlib no-warnings",
		"twc equal adder.tw adder.onnx --shape \"D{1,3}+D{1,3}=\"\n"
		"twc equal adder.tw adder_learned.tw --model adder.safetensors --shape "
		"\"D{1,3}+D{1,3}=\"",
		cmd_equal,
	},
	{
		"graph",
		"FILE -o OUT",
		"draws a program's graph, or the layers that it becomes",
		"OUT ends in .svg, .png or .pdf, for which Graphviz must be installed, or in .dot, "
		"which needs nothing. An OUT that ends in .json is the compiled circuit as data: "
		"nodes, "
		"edges, what values there can be. With --grad a step of training: a node a kernel, "
		"forward, backward and the step told by words, shape and colour; of an exact "
		"program "
		"that of its weights.",
		"output layered grad layers d-model heads neurons fewest stdlib no-warnings",
		"twc graph calculator.tw -o calculator.svg\n"
		"twc graph --grad letters.tw -o step.svg\n"
		"twc graph --layered calculator.tw -o layers.svg\n"
		"twc graph calculator.tw -o calculator.json",
		cmd_graph,
	},
	{
		"sample",
		"FILE",
		"prints random prompts, their answers and every named value, a line of JSON each",
		"From the reference evaluator. Prompts are made of the program's tests; those that "
		"break an assert are left out.",
		"count seed output stdlib no-warnings",
		"twc sample calculator.tw -n 10000 --seed 1 -o calculator.jsonl",
		cmd_sample,
	},
	{
		"random",
		"",
		"prints random programs and the circuits that they become, a line of JSON each",
		"Ground truth for methods that find circuits: the program, and what graph -o "
		"x.json says "
		"of it.",
		"count size depth seed output layers d-model heads neurons fewest",
		"twc random -n 1000 --size 8 --depth 4 --seed 1 -o programs.jsonl",
		cmd_random,
	},
	{
		"view",
		"FILE [PROMPT]",
		"opens a program in the playground, as the transformer that it becomes",
		"The page is beside the library (make web, make install). What is printed is "
		"a small file that leads to it, for a browser elsewhere: BROWSER names one.",
		"stdlib",
		"twc view calculator.tw\n"
		"twc view calculator.tw \"12*34=\"",
		cmd_view,
	},
	{
		"train",
		"FILE -o OUT",
		"makes the loss of a program with parameters small, by gradient descent",
		"FILE is a program with parameters; or a graph of tensors, a .twt; or, with "
		"--free, an exact program, whose weights are learned further. OUT is "
		"a .safetensors: the parameters by name, and all that --resume needs to go on as "
		"if "
		"the run had never stopped, bit for bit. Ctrl-C ends a run early and writes it.\n"
		"The same seed gives the same bits on any processor. A step whose loss is no "
		"number "
		"ends the run, and what was learned before is written.",
		"output data like free only fresh stdlib steps batch rate optimizer schedule "
		"warm-up clip decay seed "
		"validate plot resume threads cc unfused vectors",
		"twc train letters.twt --data text.txt --steps 2000 --plot loss.svg -o "
		"letters.safetensors\n"
		"twc train letters.twt --data text.txt --steps 3000 --resume letters.safetensors "
		"-o "
		"letters.safetensors\n"
		"twc train digits.twt --data x=images.npy,target=labels.npy --optimizer sgd\n"
		"twc train adder.tw --free --rate 1e-5 -o adder.safetensors",
		cmd_train,
	},
	{
		"kernels",
		"FILE [NAME]",
		"prints the kernels that a program with parameters becomes, and what they cost",
		"A line a kernel: its kind (a product of matrices, a loop nest of strips, a "
		"scatter, "
		"an update in place), its stage, operations and bytes of a batch, and the "
		"expression that is fused into it. With NAME, the kernel that computes it as C; "
		"with -o OUT.c all of them. FILE is a program, a .twt, or what twc train has "
		"written; of an exact program its weights are the parameters.",
		"output grad batch optimizer clip decay unfused stdlib",
		"twc kernels letters.tw --batch 12\n"
		"twc kernels letters.tw --grad\n"
		"twc kernels letters.tw loss\n"
		"twc kernels letters.safetensors --grad -o kernels.c",
		cmd_kernels,
	},
	{
		"grad",
		"FILE PROMPT",
		"prints the gradient of what comes next, by values, heads, neurons and parameters",
		"Of the score of the token that comes next, or of what --of says: another token's "
		"score, loss (the surprise of what comes next), a part of twc ablate at the last "
		"position. Of an exact program it is that of the weights that it is compiled to; "
		"--model: parameters as twc train left them.",
		"of model json seed stdlib layers d-model heads neurons fewest",
		"twc grad adder.tw \"12+34=\"\n"
		"twc grad adder.tw \"12+34=\" --of 7\n"
		"twc grad letters.tw \"the \" --model letters.safetensors --of loss",
		cmd_grad,
	},
	{
		"ablate",
		"FILE [NAME...]",
		"replaces parts of a model, and says what is right then",
		"A part is a named value, a head (a1.h0), a group of neurons of one place of the "
		"program (m1.g2), a layer's heads or neurons (a1, m1); of a program with "
		"parameters a "
		"tensor (twc --dump=tensors). It is replaced by its mean over random texts, or by "
		"a "
		"number: NAME=0. What a name means is replaced at once; without names each part by "
		"itself. Asked is what an exact program answers, the next token after all right "
		"ones "
		"before. --model: parameters as twc train left them.",
		"model data like count seed batch validate threads json stdlib layers d-model "
		"heads "
		"neurons fewest",
		"twc ablate adder.tw\n"
		"twc ablate adder.tw a1.h0 m1=0\n"
		"twc ablate adder_learned.tw --like adder.tw --model adder.safetensors",
		cmd_ablate,
	},
	{
		"fmt",
		"FILE...",
		"puts files into the one style, in place; - for standard input",
		NULL,
		"check",
		"twc fmt calculator.tw\n"
		"twc fmt --check *.tw\n"
		"twc fmt - <draft.tw >calculator.tw",
		cmd_fmt,
	},
	{
		"lsp",
		"",
		"is a language server on standard input and output, for an editor to start",
		"It shows mistakes as one types, types and ranges of names and where their values "
		"stand in the "
		"transformer; goes to definitions, renames, completes, formats and runs tests.",
		"stdlib",
		"nvim calculator.tw        # starts twc lsp, once lang/editors/vim is installed",
		cmd_lsp,
	},
	{
		"doctor",
		"",
		"checks that all is there and works; says what installs what is missing",
		"The self-test compiles a program, writes the file, and compares what the "
		"evaluator and twrun answer. "
		"What only some verbs, or building and testing, need may be missing.",
		"stdlib",
		"twc doctor",
		cmd_doctor,
	},
	{ 0 },
};

static const Cli cli = {
	.program = "twc",
	.doc = "compiles .tw programs to the exact weights of transformers",
	.files = "tw",
	.status = "0 fine; 1 a test, an assert or a check failed; 2 the input was refused",
	.see = "twrun(1)",
	.drop = drafts_drop,
	.flags = flags,
	.verbs = verbs,
};

int
main(int argc, char **argv)
{
	Options o = { .started = now_ms() };
	int status;

	/* cJSON would leave out of a report or an answer what it has no memory for */
	cJSON_InitHooks(&(cJSON_Hooks){ guarded_malloc, guarded_free });
	const Verb *verb = cli_parse(&cli, &argc, &argv, &o, &status);

	o.args = argv;
	o.nargs = argc;
	if (!o.stdlib)
		o.stdlib = find_stdlib();
	return verb ? cli_run(&cli, verb, &o) : status;
}
