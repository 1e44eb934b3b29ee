#ifndef WASM_SPECIALIZE_H
#define WASM_SPECIALIZE_H

/* A program's own transformer, in place of a machine that reads it. */

#include "wasm/program.h"

#include <stdio.h>

enum {
	WASM_NAME_SIZE = 32,
	W_SPECIAL_CODE = 2500, /* instructions: logits of a pc among more take twc too long */
};

#define WASM_SPECIAL "program_"

/* How the model of this program is called: WASM_SPECIAL, and a hash of its code and of what shared
 * registers hold. All of the code that is wanted has been made. */
void wasm_special_name(const WasmProgram *, char out[WASM_NAME_SIZE]);

/* Writes it as a program for twc: machine/program.tw, whose modules are beside it, with this
 * program's table. False where that fails, with a line in p->error. */
bool wasm_specialize(WasmProgram *, const char *folder, FILE *to);

#endif
