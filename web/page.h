#ifndef WEB_PAGE_H
#define WEB_PAGE_H

/* The compiler, the runtime and the language server as a page calls them: text in, JSON out.
 *
 * A module is compiled once, and runs in two workers: one answers the editor, the other compiles
 * and runs. Each has one program, one session and one server. A string that a function returns is
 * given back with tw_give_back; one that it takes was made with tw_alloc. (web/src/module.js)
 *
 *   page_api.c      compiling and running
 *   page_machine.c  WebAssembly programs in a model, for machine.html, which has a module of its
 * own page_server.c   the language server, in place of its streams and processes page_files.c
 * files, in place of the disk page_inspect.c  nothing, in place of dumps and verifiers page_libc.c
 * what the C library lacks
 */

#include <cjson/cJSON.h>
#include <stddef.h>

#include "runtime/tw.h"

#ifdef __wasm__
#define API(name) __attribute__((export_name(#name)))
#else
#define API(name)
#endif

/* ---- page_api.c ---- */
char *tw_alloc(size_t);
void tw_give_back(char *);
/* {"diagnostics", "built", "model", "failure"}: built is what the language server takes; there is
 * no model where there are errors; failure says what else went wrong. */
char *tw_compile(const char *path, const char *text);
/* What became of a named value: json_explained. */
char *tw_explain(int named);
/* The prompt and at most `limit` tokens that follow: {"error"}, or json_trace with "meant", what
 * the evaluator says of every named value, and "attention". Numbers that are fed: "0.5 1; 2 3". */
char *tw_trace(const char *prompt, int limit);
/* Of one position of that text: json_position. */
char *tw_position(int at);
/* Runs the tests of a text, those of a line or all (0); what twc test prints goes to standard
 * output. Its exit status. */
int tw_test(const char *path, const char *text, int line);
/* Decodes the prompt so many times; how many tokens were fed. For measuring. */
int tw_decode(const char *prompt, int times);
/* The model as a file: 0 an .onnx, 1 a .safetensors, 2 the config.json beside that, 3 a .gguf. Good
 * until the next call; tw_file_size says how long it is. NULL after saying why on standard error.
 */
const unsigned char *tw_file(int kind);
int tw_file_size(void);

/* For the page's other files: the text of an object, which is deleted; the model that was compiled;
 * the same, of texts of so many tokens at most. */
char *take_json(cJSON *);
const TwModel *page_model(void);
TwModel shorter_model(const TwModel *, int context);

/* ---- page_machine.c ---- */
/* A WebAssembly program for the model of machine/wasm32.tw, which was compiled, and what it reads:
 * {"code": [{"pc", "text", "of"}]} or {"error"}. */
char *tw_machine_open(const unsigned char *wasm, int n, const char *input);
/* At most so many steps more: {"steps", "at", "pc", "tokens", "said"}, and "status" or "trap" at
 * its end, "error" where it cannot go on. */
char *tw_machine_run(int steps);
/* One step more: the same, and what it took: "positions" of the text that its heads look at, of the
 * state before it and of the one that it made; "described", in words; "attention" of the state
 * before it, [layer][head] as json_attention has it; "values" of all named ones at those positions;
 * "place", json_position of the state before it. */
char *tw_machine_step(void);

/* ---- page_server.c ---- */
/* A message of the Language Server Protocol; what the server sends, as a list. */
char *tw_lsp(const char *message);
/* What compiling the document found, build_document's JSON; of which version of it. An older one is
 * not taken. Messages, as a list. */
char *tw_built(const char *uri, int version, const char *json);

/* ---- page_files.c ---- */
void tw_put(const char *path, const char *text);

#endif
