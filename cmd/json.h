#ifndef CMD_JSON_H
#define CMD_JSON_H

/* What twc finds out, as JSON: the same objects from --json and in the page (web/page_api.c), in
 * the shapes of lang/json.md. The caller owns what is returned.
 *
 * A place in a source is {"file", "line", "column", "end_line", "end_column"}, counted from 1 in
 * characters. */

#include <cjson/cJSON.h>

#include "cmd/cmd.h"

/* Mistakes and warnings: [{place…, "severity", "message", "notes"}] */
cJSON *json_diags(const Diags *);
/* Size, and the chain that makes it that deep. */
cJSON *json_report(const Program *, double compile_ms);
/* Each named value: [{"name", place…, "kind", "state", "columns", "weights", "bias"}]; `state` is
 * null where it never stands whole. */
cJSON *json_named(const Program *);
/* One of them: what it costs, which rule made it, of what, and what it waits for. */
cJSON *json_explained(Program *, int named);
/* What each head asks, and what each group of neurons computes. */
cJSON *json_heads(const Program *);
cJSON *json_neurons(const Program *);
/* The tests that the program carries: [{"line", "prompt", "answer", "begins"}]; numbers that are
 * fed are "0.5 1; 2 3". */
cJSON *json_tests(Program *);

/* What the evaluator says each named value is at each of n positions of the text that it has:
 * [value][position]. */
cJSON *json_meant(Program *, Eval *, int n);

/* Prints and frees it. */
void print_json(cJSON *);

#endif
