#ifndef WASM_MACHINE_H
#define WASM_MACHINE_H

/* The machine at work: a text of the model machine/wasm32.tw, to which it adds a state a step.
 * What is read here of each state is what a debugger would read; nothing of it is computed here. */

#include "runtime/tw.h"
#include "wasm/program.h"

#include <stdio.h>

/* A state, as the text has it. */
typedef struct WasmState {
	int pc, depth, into, d, left, pages;
	uint32_t value, cell;
	bool writes, stores, puts;
	WasmEnd end;
} WasmState;

enum { WASM_WAITING = 1024 };

typedef struct WasmMachine {
	const TwModel *model;
	TwSession *session;
	WasmProgram *p;
	bool special; /* the model was made for one program (wasm/specialize.h) */
	struct WasmFields *field;
	int *row;               /* (nfield) the token that is being made */
	int *last;              /* room for another */
	int *waiting, nwaiting; /* (WASM_WAITING, nfield) tokens that are to be fed next */
	FILE *text;             /* where tokens go in place of the session; or NULL */
	WasmState state;
	int at;     /* the instruction that led to it */
	long steps; /* states that the model has made */
	long most;  /* of them; 0: no limit */
	int window; /* the most tokens of a text */
	int renew;  /* tokens after which a new text begins with what is alive */
	int restarts;
	void *with;
	int (*get)(void *with);                                /* a byte, -1 at the end */
	void (*put)(void *with, int to, int byte);             /* to 1 or 2 */
	void (*watch)(void *with, const struct WasmMachine *); /* each step; or NULL */
	char error[WASM_ERROR_SIZE];
} WasmMachine;

/* NULL with a line in error where the model is not this machine's. */
WasmMachine *wasm_machine(Arena *, const TwModel *, unsigned flags, char *error);
/* An empty text, for this program. */
void wasm_machine_begin(WasmMachine *, WasmProgram *);
/* Where the model was made for one program, all of whose code is made: takes code and shared
 * registers as known. False with m->error if it is another program. */
bool wasm_machine_bake(WasmMachine *);
void wasm_machine_free(WasmMachine *);
/* Calls a function with words; W_NONE if it was stopped by `most`, or failed, as m->error says. Its
 * first word is state.value, the others are in registers 0 ... of the shared frame. */
WasmEnd wasm_call(WasmMachine *, WasmFunction *, const uint32_t *word, int n);
/* Only the text up to its first state: false where that fails. wasm_go_on makes the next ones. */
bool wasm_begin_call(WasmMachine *, WasmFunction *, const uint32_t *word, int n);
/* Goes on after that, or after `most`. */
WasmEnd wasm_go_on(WasmMachine *);
/* Writes all of the text that can still be found, a token a line, its last state last; and feeds it
 * to the empty text of a machine that has the same program. False where that fails. */
bool wasm_save(WasmMachine *, FILE *to);
bool wasm_resume(WasmMachine *, FILE *from);
/* How a trap is called in the specification; NULL for what is none. */
const char *wasm_trap_name(WasmEnd);
uint32_t wasm_register(const WasmMachine *, int frame, int number);
/* A token of the text in words: the code that stands there, or what the state wrote. */
void wasm_describe_token(const WasmMachine *, int i, char *out, size_t size);

#endif
