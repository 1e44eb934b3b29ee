#ifndef CMD_TWASM_H
#define CMD_TWASM_H

/* A program for twasm, from its file to a machine with an empty text. */

#include "wasm/explain.h"
#include "wasm/machine.h"

#include <time.h>

typedef struct Options Options;

struct Options {
	const char *model;
	int steps, step;
	int rung; /* 1: T0, .. 3: T2; 0: that */
	const char *checkpoint, *resume, *output;
	bool trace, stats, check;
	char **args; /* PROGRAM and its own, or scripts; NULL behind them */
};

typedef struct Running {
	const Options *o;
	const char *path;
	Arena arena;
	WasmProgram *program;
	WasmInstance *instance; /* NULL of a program of 55 opcodes */
	WasmFunction *entry;
	WasmMachine *machine;
	WasmExplainer *explainer; /* of `explain` */
	bool shows_progress;
	struct timespec since;
	double last; /* seconds until progress was shown last */
} Running;

/* Says what is wrong on standard error; false. */
bool complain(const char *of, const char *what);

/* From this program's folder, where it was built or else where it is installed. */
const char *find_beside(Arena *, const char *built, const char *installed);

/* That of --model, or the machine; NULL after a complaint. */
TwModel *load_machine(const Options *);

/* r->path: a module, text that wat2wasm converts, or 55 opcodes. False after a complaint. */
bool load_program(Running *r);
bool ends_in(const char *path, const char *end);

/* All of the code that may be reached. */
bool make_code(Running *);

/* A machine with an empty text, for this program. False after a complaint. */
bool set_up_machine(Running *, const TwModel *, unsigned flags);

#endif
