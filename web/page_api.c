/* Compiling and running, as a page asks for it (page.h). One program at a time: compiling drops the
 * one before. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/file/write.h"
#include "backend/target/target.h"
#include "cmd/json.h"
#include "cmd/trace_json.h"
#include "lsp/server.h"
#include "runtime/tw.h"
#include "web/page.h"

typedef struct Page {
	Program program;
	unsigned char *file; /* (size) in the arena; */
	size_t size;
	unsigned char *other; /* (other_size) or NULL: the other format, when it was asked for */
	size_t other_size;
	TwModel *model; /* as the file says; NULL: nothing is compiled */
	TwModel shown;  /* the same, of a text as long as there is room to keep all states of */
	TwSession *session;
	HeadVectors *heads; /* of the text that was run */
	Eval *eval;
	int *text;      /* (longest, nfield) */
	double *number; /* (longest, ninput) */
} Page;

static Page page;

API(tw_alloc) char *tw_alloc(size_t n)
{
	return malloc(n);
}

API(tw_give_back) void tw_give_back(char *s)
{
	free(s);
}

char *
take_json(cJSON *o)
{
	char *text = cJSON_PrintUnformatted(o);

	cJSON_Delete(o);
	return text;
}

static void
drop_program(void)
{
	head_vectors_free(page.heads);
	tw_close(page.session);
	tw_free(page.model);
	if (page.eval)
		eval_free(page.eval);
	program_close(&page.program);
	page = (Page){ 0 };
}

/* ---- compiling ---- */

enum { SHORT = 1024 };         /* tokens of a context */
enum { MOST_KEPT = 64000000 }; /* bytes of states */

const TwModel *
page_model(void)
{
	return page.model;
}

TwModel
shorter_model(const TwModel *m, int context)
{
	TwModel shorter = *m;

	if (context < m->context) {
		shorter.context = context;
		shorter.specialized = NULL; /* a session makes its own */
	}
	return shorter;
}

/* The model as the file says, and a session that keeps what it computes; what went wrong is in
 * *error. */
static bool
load_model(char **error)
{
	Program *p = &page.program;

	page.file = onnx_bytes(&p->arena, p->model, &page.size);
	page.model = page.file ? tw_load_memory(page.file, page.size, error) : NULL;
	if (!page.model)
		return false;
	const TwModel *m = page.model;
	page.shown = shorter_model(
		m, MOST_KEPT / ((2 * m->nlayer + 1) * m->d_model * (int)sizeof(float)));
	/* over a short text a softmax costs less than to learn what its heads look up */
	int longest = page.shown.context;
	unsigned flags = longest <= SHORT ? TW_TRACE | TW_SOFTMAX : TW_TRACE;
	page.session = tw_open(&page.shown, flags, error);
	if (!page.session)
		return false;
	page.text = NEWS(&p->arena, int, (longest + 1) * (p->graph->nfield + 1));
	page.number = NEWS(&p->arena, double, (longest + 1) * p->graph->ninput + 1);
	page.eval = eval_new(&p->meant);
	return true;
}

static cJSON *
json_inputs(const TwModel *m)
{
	cJSON *list = cJSON_CreateArray();

	for (int i = 0; i < m->ninput; i++) {
		cJSON *o = cJSON_CreateObject();
		cJSON_AddStringToObject(o, "name", m->input[i].name);
		cJSON_AddNumberToObject(o, "low", (double)m->input[i].low);
		cJSON_AddNumberToObject(o, "high", (double)m->input[i].high);
		cJSON_AddBoolToObject(o, "whole", m->input[i].kind != TW_REAL);
		cJSON_AddItemToArray(list, o);
	}
	return list;
}

static cJSON *
json_vocabulary(const TwModel *m)
{
	return cJSON_CreateStringArray((const char *const *)m->vocab, m->nvocab);
}

static cJSON *
json_model(double ms)
{
	Program *p = &page.program;
	cJSON *o = cJSON_CreateObject();

	cJSON_AddItemToObject(o, "report", json_report(p, ms));
	cJSON_AddItemToObject(o, "named", json_named(p));
	cJSON_AddItemToObject(o, "heads", json_heads(p));
	cJSON_AddItemToObject(o, "neurons", json_neurons(p));
	cJSON_AddItemToObject(o, "tests", json_tests(p));
	cJSON_AddItemToObject(o, "inputs", json_inputs(page.model));
	cJSON_AddItemToObject(o, "vocab", json_vocabulary(page.model));
	cJSON_AddBoolToObject(o, "record", page.model->record);
	cJSON_AddBoolToObject(o, "emits", page.model->emits);
	cJSON_AddBoolToObject(o, "bidirectional", page.model->bidirectional);
	cJSON_AddNumberToObject(o, "bytes", (double)page.size);
	return o;
}

API(tw_compile) char *tw_compile(const char *path, const char *text)
{
	Program *p = &page.program;
	cJSON *o = cJSON_CreateObject();
	double start = now_ms();
	char *error = NULL;
	bool library;

	drop_program();
	p->quiet = true;
	size_t n = strlen(text);
	bool ok = program_open_file_text(p, arena_strn(&p->arena, path, strlen(path)),
	                                 arena_strn(&p->arena, text, n), n, &(Options){ 0 },
	                                 &library)
	          && program_compile(p);
	cJSON_AddItemToObject(o, "diagnostics", json_diags(&p->diags));
	if (ok && !load_model(&error)) {
		cJSON_AddStringToObject(o, "failure", error ? error : "out of memory");
		ok = false;
	}
	free(error);
	if (ok) {
		cJSON_AddItemToObject(o, "built", build_sizes(p->model, &p->report));
		cJSON_AddItemToObject(o, "model", json_model(now_ms() - start));
	}
	return take_json(o);
}

API(tw_explain) char *tw_explain(int named)
{
	return take_json(json_explained(&page.program, named));
}

/* ---- running ---- */

/* "0.5 1; 2 3": rows of numbers. How many; -1 with a line in *error. */
static int
read_numbers(const char *text, char **error)
{
	const TwModel *m = page.model;
	int n = 0, most = page.shown.context * m->ninput;

	while (*(text += strspn(text, " \t\n,;[]"))) {
		char *end;
		double x = strtod(text, &end);
		const TwInput *in = &m->input[n % m->ninput];
		if (end == text || n == most) {
			*error = strdup(n == most ? "more than the context holds"
			                          : "numbers, as in 0.5 1; 2 3");
			return -1;
		}
		if (!(x >= (double)in->low && x <= (double)in->high)) {
			*error = strdup("a number is not what the program takes");
			return -1;
		}
		page.number[n++] = x;
		text = end;
	}
	if (!n || n % m->ninput) {
		*error = strdup("each position takes as many numbers as the program has inputs");
		return -1;
	}
	return n / m->ninput;
}

static void
feed_number_prompt(int n)
{
	int count = n * page.model->ninput;
	float *x = guarded_malloc((size_t)count * sizeof *x);

	for (int i = 0; i < count; i++)
		x[i] = (float)page.number[i];
	tw_feed_number_rows(page.session, x, n);
	guarded_free(x);
	eval_numbers(page.eval, page.number, n);
}

static void
feed_token_prompt(int n, int limit)
{
	TwSession *s = page.session;
	int width = page.model->nfield;

	tw_feed_tokens(s, page.text, n);
	for (int i = 0; i < limit && !tw_done(s); i++)
		tw_feed_token(s, tw_next_token(s));
	for (int i = 0; i < tw_count(s); i++)
		memcpy(page.text + i * width, tw_token(s, i), sizeof *page.text * (size_t)width);
	eval_text(page.eval, page.text, tw_count(s));
}

API(tw_trace) char *tw_trace(const char *prompt, int limit)
{
	cJSON *o = cJSON_CreateObject();
	char *error = NULL;

	if (!page.session)
		return take_json(o);
	bool numbers = page.model->ninput;
	int n = numbers ? read_numbers(prompt, &error)
	                : tw_tokenize(&page.shown, prompt, page.text, &error);
	if (n < 0) {
		cJSON_AddStringToObject(o, "error", error ? error : "out of memory");
		free(error);
		return take_json(o);
	}
	cJSON_Delete(o);
	tw_reset(page.session);
	if (numbers)
		feed_number_prompt(n);
	else
		feed_token_prompt(n, limit);
	o = json_trace(page.session, page.model, n, false);
	cJSON_AddItemToObject(o, "meant",
	                      json_meant(&page.program, page.eval, tw_count(page.session)));
	head_vectors_free(page.heads);
	page.heads = head_vectors(page.session, page.model);
	cJSON_AddItemToObject(o, "attention", json_attention(page.heads));
	return take_json(o);
}

API(tw_position) char *tw_position(int at)
{
	bool there = page.heads && at >= -1 && at < tw_count(page.session);

	return take_json(there ? json_position(page.session, page.heads, at)
	                       : cJSON_CreateObject());
}

API(tw_test) int tw_test(const char *path, const char *text, int line)
{
	int status = test_one(path, text, strlen(text), &(Options){ .line = line });

	fflush(stdout);
	return status;
}

API(tw_decode) int tw_decode(const char *prompt, int times)
{
	char *error = NULL;
	int fed = 0, n = tw_tokenize(page.model, prompt, page.text, &error);
	TwSession *s = tw_open(page.model, 0, &error);

	for (int t = 0; s && n > 0 && t < times; t++) {
		tw_reset(s);
		tw_feed_tokens(s, page.text, n);
		while (!tw_done(s))
			tw_feed_token(s, tw_next_token(s));
		fed += tw_count(s);
	}
	tw_close(s);
	free(error);
	return fed;
}

/* ---- the file ---- */

/* A Llama for llama.cpp, with its usual cache of half precision if that is exact; NULL after saying
 * why not. */
static unsigned char *
gguf_bytes(size_t *n)
{
	Program *p = &page.program;
	const char *why = NULL, *first, *second;
	Report report;
	Diags diags = { .arena = &p->arena, .src = &p->src };
	const TwModel *m = compile_within(p->graph, &llama_target, &p->arena, &diags, &p->limits,
	                                  NULL, &report);
	if (m)
		m = llama_flat_tokens(&p->arena, m, &report, spell_rows, &why);
	Llama *l = m ? llama_from_matrices(&p->arena, m, &report, LLAMA_F16KV, &why) : NULL;

	if (m && !l)
		l = llama_from_matrices(&p->arena, m, &report, LLAMA_F32, &why);
	if (!l)
		fprintf(stderr, "this cannot be a Llama: %s",
		        why           ? why
		        : diags.first ? diags.first->msg
		                      : "");
	else if (gguf_cuts_otherwise(m, &first, &second))
		fprintf(stderr, "llama.cpp would cut texts otherwise: '%s' and '%s'", first,
		        second);
	else
		return gguf_pack(&p->arena, l, n);
	return NULL;
}

/* Which file tw_file gives: */
enum { ONNX, SAFETENSORS, CONFIG, GGUF };

API(tw_file) const unsigned char *tw_file(int kind)
{
	Program *p = &page.program;

	page.other = page.file;
	page.other_size = page.size;
	if (page.model && kind == SAFETENSORS)
		page.other = safetensors_bytes(&p->arena, p->model, &page.other_size);
	if (page.model && kind == GGUF)
		page.other = gguf_bytes(&page.other_size);
	if (page.model && kind == CONFIG) {
		char *config = safetensors_config(&p->arena, p->model);
		page.other = (unsigned char *)config;
		page.other_size = strlen(config);
	}
	return page.other;
}

API(tw_file_size) int tw_file_size(void)
{
	return page.other ? (int)page.other_size : 0;
}
