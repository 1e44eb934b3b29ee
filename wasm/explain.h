#ifndef WASM_EXPLAIN_H
#define WASM_EXPLAIN_H

/* What the transformer does to carry out an instruction: which token each head finds, and which
 * neurons are awake, that is not 0. Names are those of machine/wasm32.tw, as the model's file
 * has them (tw.circuit); the machine's session keeps its states (TW_TRACE). */

#include "wasm/machine.h"

typedef struct WasmExplainer WasmExplainer;

/* NULL with a line in error where the file does not say what its heads and neurons are for. */
WasmExplainer *wasm_explainer(Arena *, const TwModel *, char *error);

/* The step that the machine has just made, head by head, with the units whose neurons are awake. */
void wasm_explain_step(WasmExplainer *, const WasmMachine *, FILE *);

/* Steps by kind of instruction: which heads find something the first time, and how many neurons
 * are awake in each layer, the mean of all times. */
void wasm_count_step(WasmExplainer *, const WasmMachine *);
void wasm_explain_kinds(const WasmExplainer *, FILE *);

#endif
