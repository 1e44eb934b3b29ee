#ifndef WASM_SCRIPT_H
#define WASM_SCRIPT_H

#include "wasm/machine.h"

#include <stdio.h>

/* What the commands of a script came to. */
typedef struct WasmTally {
	int passed, failed, modules;
	long steps;
} WasmTally;

/* Runs a script of the official test suite, as wast2json writes it (NAME.json beside its .wasm
 * files). What fails is told on `out`. False, with a line in error, if it cannot be read. */
bool wasm_script(const TwModel *, const char *path, WasmTally *, FILE *out, char *error);

/* A file's bytes, with a 0 behind them; NULL if it cannot be read. */
uint8_t *wasm_file(Arena *, const char *path, size_t *n);

#endif
