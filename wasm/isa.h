#ifndef WASM_ISA_H
#define WASM_ISA_H

#include "wasm/program.h"

/* The code of a program of 55 opcodes (text, 0 behind it), and where it begins. NULL: p->error says
 * why. Its answer, what HALT finds on top, is the first word of its end. */
WasmFunction *wasm_isa(WasmProgram *, const char *text);

#endif
