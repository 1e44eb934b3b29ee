#ifndef CMD_CMD_H
#define CMD_CMD_H

/* twc's verbs. Each takes the options, prints to standard output, and returns
 * the exit status: 0 fine, 1 a test or a check failed, 2 the input was refused. */

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "backend/backend.h"
#include "cmd/cli.h"
#include "ir/ir.h"
#include "lang/arena.h"
#include "lang/diag.h"
#include "runtime/model.h"

enum { PROFILE_F16KV = 1, PROFILE_F32 }; /* as --profile lists them */

struct Options {
	char **args; /* (nargs) what follows the verb */
	int nargs;
	const char *output; /* -o, or NULL */
	const char *dump;   /* --dump, or NULL */
	const char *stdlib; /* --stdlib, or where it was found; NULL: inside */
	const char *batch;  /* --batch, or NULL */
	bool json, uniform, check, layered, verify, no_warnings;
	Limits limits;
	int profile;                               /* --profile, as PROFILE_ has it, or 0 */
	const char *shape;                         /* --shape, or NULL */
	bool prove;                                /* --prove */
	const char *range, *depends;               /* --range, --depends; or NULL */
	const char *input;                         /* --input, or NULL */
	int line;                                  /* --line, or 0 */
	const char *realism;                       /* --realism, or NULL */
	int size, depth;                           /* --size, --depth; or 0 */
	int count, seed;                           /* -n, --seed; or 0 */
	const char *model;                         /* --model, or NULL */
	const char *data, *resume, *like;          /* --data, --resume, --like; or NULL */
	int steps, threads;                        /* --steps, --threads; or 0 */
	int optimizer, schedule;                   /* as tensor/train/train.h has them, or 0 */
	const char *rate, *clip, *decay, *warm_up; /* numbers, or NULL */
	const char *held, *plot;                   /* --validate, --plot; or NULL */
	bool free;                                 /* --free */
	const char *only, *fresh;                  /* --only, --fresh; or NULL */
	bool grad, cc, unfused;                    /* --grad, --cc, --unfused */
	int vectors;                               /* --vectors: 1 + a VectorLevel; or 0 */
	const char *of, *op;                       /* --of, --op; or NULL */
	double started;                            /* now_ms() when the process began */
};

/* One source file on its way to weights. All of it lives in the arena. */
typedef struct Program {
	Arena arena;
	Source src;
	Diags diags;
	Graph *graph; /* what the passes work on */
	Graph meant;  /* the same as lowered: what the program means, for the evaluator */
	Limits limits;
	Inspect inspect;
	const struct Target *target; /* that program_compile is for; NULL: plain_target */
	TwModel *model;              /* after program_compile */
	Report report;
	bool quiet; /* the caller prints what was found */
} Program;

/* The learned half of a program (learned_half.c), with parameters as they begin by this seed, or of
 * a file, if that is not NULL. NULL with a line on standard error. */
typedef struct LearnedHalf LearnedHalf;
LearnedHalf *learned_half_new(const Graph *, uint64_t seed, const char *file);
void learned_half_attach(LearnedHalf *, Eval *);
void learned_half_free(LearnedHalf *);
/* The tokens of a program, as what it learns is cut into. */
struct Vocabulary;
void program_vocabulary(Arena *, const Graph *, struct Vocabulary *);
/* What a file of twc train holds, in place of how parameters begin: all of them, in their shapes. A
 * line on standard error, and false, where it is none of this program. */
struct Learned;
struct WeightsFile;
bool learned_file(Arena *, const struct Learned *, const char *path, struct WeightsFile *);
/* A file that twc train has written; the model that an exact program was compiled to with its
 * weights from there (--free): NULL, and why; the same, compiled and loaded: NULL, and one line in
 * *error, to be freed (train_free.c). */
bool is_checkpoint(const char *path);
const TwModel *model_learned_further(Program *, const char *path, const char **why);
TwModel *load_checkpoint(Program *, const char *path, char **error);
/* What an operator is; the exit status (explain_op.c). */
int explain_op(const char *name);
/* What of a program is proved, learned and chosen (explain_learned.c). */
void explain_learned(Program *, bool json);
/* What it holds, and what a token costs (report_learned.c). */
void report_learned(Program *, bool json);

/* A graph's own text, as --dump prints it, so that a pass can be tested alone: its files end in
 * .twg. */
bool is_graph_file(const char *path);
/* Reads, parses and lowers; or reads a graph's text. False with the mistakes on standard error. */
bool program_open(Program *, const char *path, const Options *);
/* The same for a text that is here already; path is for messages. */
bool program_open_text(Program *, const char *path, const char *text, size_t n, const Options *);
/* The same for a file that may be a library: its lines stay where they are, a model stands before
 * it, and its examples follow as outputs, each called EXAMPLE_NAME and the number of its line. */
#define EXAMPLE_NAME "example_of_line_"
bool program_open_file_text(Program *, const char *path, const char *text, size_t n,
                            const Options *, bool *library);
/* Passes and weights. */
bool program_compile(Program *);
void program_close(Program *);

/* A file (-: standard input) whole, NUL-terminated, in the arena; NULL with a line on standard
 * error. */
char *read_file(Arena *, const char *path, size_t *n);
/* Rows as they are spelled, one after the other. */
char *spell_rows(Arena *, const Graph *, const int *row, int n);
/* What the evaluator says a named value is, spelled: true, a member of an enum, a token. */
const char *spell_meant(Arena *, const Graph *, const Named *, int64_t);
/* What tw_tokenize and tw_spell_token need of a model that is not compiled. */
TwModel words_of(Arena *, const Graph *);
/* As it is spelled; records stand apart. */
void print_spelled(const TwModel *, const int *row, bool first, FILE *);
/* The evaluator's next token after position `at`, (nfield) rows; false for <end>. */
bool next_token(const Graph *, Eval *, int at, int *row);
/* What the evaluator lets follow the first n of text[0..context): how long the
 * text has become. */
int continue_text(const Graph *, Eval *, int *text, int n);
/* Tokens of the longest text that is kept: the context, or a million. */
int longest_kept(const Graph *);
/* The first assert that fails, at the first position where it does, of the text that
 * eval has, n tokens; NULL if all hold. */
const Assert *broken_assert(const Graph *, Eval *, int n, int *at);
/* ": why", or nothing */
char *why_broken(Arena *, Eval *, const Assert *, int at);
double now_ms(void); /* ms */
/* Whether what goes there may be coloured: to a terminal, unless NO_COLOR is set. */
bool has_colours(FILE *);
/* twc test of a text that is here already. */
int test_one(const char *path, const char *text, size_t n, const Options *);

int cmd_compile(const Options *);
int cmd_dump(const Options *);
int cmd_test(const Options *);
int cmd_check(const Options *);
int cmd_run(const Options *);
int cmd_report(const Options *);
int cmd_fmt(const Options *);
int cmd_explain(const Options *);
int cmd_graph(const Options *);
int cmd_sample(const Options *);
int cmd_random(const Options *);
int cmd_lsp(const Options *);
int cmd_view(const Options *);
int cmd_doctor(const Options *);
int cmd_prove(const Options *);
int cmd_equal(const Options *);
int cmd_train(const Options *);
int cmd_ablate(const Options *);
int cmd_grad(const Options *);
int cmd_kernels(const Options *);
/* twc MODEL.safetensors -o OUT.onnx, of what twc train has written. */
int write_learned(const Options *);
/* twc FILE.tw -o OUT of a program with parameters, as they begin. */
int write_learned_program(const Options *, Program *);
/* Runs twprove over a model file; its exit status. */
int prove_file(const Options *, const char *file, const char *name);
/* Every prompt of a shape, as twc prove --shape has it; the exit status. */
int prove_shape(Program *, const char *shape);

#endif
