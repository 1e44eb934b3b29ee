/* A WebAssembly program in the model of machine/wasm32.tw, as machine.html asks for it: runs it,
 * and shows one instruction of it. (page.h)
 *
 * To show an instruction every state of the stream must be kept, which takes too much for a long
 * text. So there are two machines: one that runs, and one for a text of a few hundred tokens, which
 * takes over what is alive in the text of the other, as a checkpoint does (wasm/machine.h). */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/trace_json.h"
#include "wasm/machine.h"
#include "web/page.h"

enum {
	LONGEST_TEXT = 16384, /* tokens of the text that runs: a session has room for all of them */
	MORE_TOKENS = 256,    /* steps of a traced text before it begins anew */
};

typedef struct Computer {
	Arena arena;
	WasmProgram *program;
	WasmInstance *instance;
	WasmFunction *entry;
	TwModel model, small;          /* of the texts of `running` and `traced` */
	WasmMachine *running, *traced; /* traced: NULL until it is asked for */
	WasmMachine *now;              /* which of them has the text */
	char *input;
	int ninput, read;
	char *said; /* since it was asked last */
	size_t nsaid, cap;
} Computer;

static Computer computer;

static void
drop_computer(void)
{
	wasm_machine_free(computer.running);
	wasm_machine_free(computer.traced);
	if (computer.program)
		wasm_program_free(computer.program);
	free(computer.said);
	arena_free(&computer.arena);
	computer = (Computer){ 0 };
}

/* ---- the world */

static int
next_input(void *with)
{
	Computer *c = with;

	return c->read < c->ninput ? (unsigned char)c->input[c->read++] : -1;
}

/* As a character of its own: bytes above 127 are not joined. */
static void
keep_output(void *with, int to, int byte)
{
	Computer *c = with;

	(void)to;
	if (c->nsaid + 3 > c->cap) {
		c->cap = 2 * c->cap + 256;
		char *more = realloc(c->said, c->cap);
		if (!more)
			arena_fail();
		c->said = more;
	}
	if (byte > 127) {
		c->said[c->nsaid++] = (char)(0xc0 | byte >> 6);
		byte = 0x80 | (byte & 0x3f);
	}
	if (byte)
		c->said[c->nsaid++] = (char)byte;
	c->said[c->nsaid] = '\0';
}

static WasmMachine *
make_machine(const TwModel *model, unsigned flags, char *error)
{
	WasmMachine *m = wasm_machine(&computer.arena, model, flags, error);

	if (!m)
		return NULL;
	wasm_machine_begin(m, computer.program);
	m->with = &computer;
	m->get = next_input;
	m->put = keep_output;
	return m;
}

/* ---- opening */

static WasmFunction *
entry_of(const WasmInstance *in, char *error)
{
	if (in->module->start < 0)
		return wasm_entry(in, error);
	snprintf(error, WASM_ERROR_SIZE, "it has a start function: twasm runs those");
	return NULL;
}

static bool
open_wasm(const uint8_t *bytes, int n, char *error)
{
	static const uint32_t no_words[16];
	Computer *c = &computer;
	const WasmModule *m = wasm_module(&c->arena, bytes, (size_t)n, error);

	if (!m)
		return false;
	c->program = wasm_program(&c->arena);
	c->program->alone = true;
	c->instance = wasm_instance(c->program, m, "it", wasm_find_host, NULL);
	if (!c->instance)
		snprintf(error, WASM_ERROR_SIZE, "%s", c->program->error);
	c->entry = c->instance ? entry_of(c->instance, error) : NULL;
	c->model = shorter_model(page_model(), LONGEST_TEXT);
	c->running = c->now = c->entry ? make_machine(&c->model, 0, error) : NULL;
	if (!c->running)
		return false;
	int nparam = c->entry->type->nparam;
	bool begun = wasm_begin_call(c->running, c->entry, no_words, nparam < 16 ? nparam : 16);

	if (!begun)
		snprintf(error, WASM_ERROR_SIZE, "%s", c->running->error);
	return begun;
}

static cJSON *
code_json(void)
{
	const WasmProgram *p = computer.program;
	cJSON *list = cJSON_CreateArray();
	char line[80], name[64];

	for (int i = 0; i < p->ncode; i++) {
		const WasmInstr *instr = &p->code[i];
		if (!instr->there)
			continue;
		cJSON *o = cJSON_CreateObject();
		wasm_spell_instr(instr, line, sizeof line);
		cJSON_AddNumberToObject(o, "pc", i);
		cJSON_AddStringToObject(o, "text", line);
		bool own = instr->instance && instr->function >= 0;
		cJSON_AddStringToObject(o, "of",
		                        own ? wasm_function_name(instr->instance->module,
		                                                 instr->function, name, sizeof name)
		                            : "");
		cJSON_AddItemToArray(list, o);
	}
	return list;
}

API(tw_machine_open)
char *
tw_machine_open(const unsigned char *wasm, int n, const char *input)
{
	cJSON *o = cJSON_CreateObject();
	char error[WASM_ERROR_SIZE] = "out of memory";
	Computer *c = &computer;

	drop_computer();
	uint8_t *bytes = NEWS(&c->arena, uint8_t, (size_t)n + 1);
	memcpy(bytes, wasm, (size_t)n);
	c->ninput = (int)strlen(input);
	c->input = arena_strn(&c->arena, input, (size_t)c->ninput);
	if (open_wasm(bytes, n, error))
		cJSON_AddItemToObject(o, "code", code_json());
	else
		cJSON_AddStringToObject(o, "error", error);
	return take_json(o);
}

/* ---- going on */

/* How it is after some steps. */
static void
add_progress(cJSON *o, WasmEnd end)
{
	Computer *c = &computer;
	const WasmMachine *m = c->now;
	const char *trap = wasm_trap_name(end);

	cJSON_AddNumberToObject(o, "steps", (double)m->steps);
	cJSON_AddNumberToObject(o, "at", m->at);
	cJSON_AddNumberToObject(o, "pc", m->state.pc);
	cJSON_AddNumberToObject(o, "tokens", tw_count(m->session));
	cJSON_AddStringToObject(o, "said", c->said ? c->said : "");
	c->nsaid = 0;
	if (c->said)
		*c->said = '\0';
	if (*m->error)
		cJSON_AddStringToObject(o, "error", m->error);
	else if (trap)
		cJSON_AddStringToObject(o, "trap", trap);
	else if (end == W_EXIT)
		cJSON_AddNumberToObject(o, "status",
		                        c->entry->type->nresult || m->at != W_EXIT_CODE
		                                ? (double)(m->state.value & 255)
		                                : 0);
}

static char *
saved_text(WasmMachine *m, size_t *size)
{
	char *text = NULL;
	FILE *f = open_memstream(&text, size);
	bool saved = f && wasm_save(m, f);

	if (f && fclose(f) != 0)
		saved = false;
	if (!saved) {
		free(text);
		return NULL;
	}
	return text;
}

/* A machine that keeps every state, for a text of so many tokens and some steps more. */
static bool
make_traced(int tokens)
{
	Computer *c = &computer;
	char error[WASM_ERROR_SIZE];

	if (c->traced && tokens + MORE_TOKENS / 2 < c->small.context)
		return true;
	wasm_machine_free(c->traced);
	c->small = shorter_model(page_model(), tokens + MORE_TOKENS);
	c->traced = make_machine(&c->small, TW_TRACE, error);
	return c->traced;
}

/* The text goes on in another machine. */
static bool
move_text(bool traced)
{
	Computer *c = &computer;
	WasmMachine *from = c->now;
	size_t size;
	char *text = saved_text(from, &size);
	int tokens = 0;

	for (const char *s = text; s && (s = strchr(s, '\n')); s++)
		tokens++;
	WasmMachine *to = !traced ? c->running : text && make_traced(tokens) ? c->traced : NULL;
	FILE *f = to ? fmemopen(text, size, "r") : NULL;

	if (to)
		wasm_machine_begin(to, c->program);
	bool moved = f && wasm_resume(to, f);
	if (f)
		fclose(f);
	free(text);
	if (!moved)
		return false;
	to->steps = from->steps;
	to->at = from->at;
	c->now = to;
	return true;
}

/* So many steps in one of the machines. */
static cJSON *
make_steps(int steps, bool traced)
{
	Computer *c = &computer;
	cJSON *o = cJSON_CreateObject();
	WasmMachine *wanted = traced ? c->traced : c->running;

	if (!c->now) {
		cJSON_AddStringToObject(o, "error", "no program is open");
		return o;
	}
	if ((!wanted || c->now != wanted) && !move_text(traced)) {
		cJSON_AddStringToObject(o, "error", "there is not enough memory to look into it");
		return o;
	}
	c->now->most = steps;
	add_progress(o, wasm_go_on(c->now));
	return o;
}

API(tw_machine_run) char *tw_machine_run(int steps)
{
	return take_json(make_steps(steps, false));
}

/* ---- one instruction */

enum { MOST_SHOWN = 12 };

/* Positions that heads look at from here, this one, and the next, in order. How many they are. */
static int
positions_of(const cJSON *attention, int here, int *at)
{
	const cJSON *layer, *head, *pair;
	int n = 0;

	cJSON_ArrayForEach(layer, attention) cJSON_ArrayForEach(head, layer)
		cJSON_ArrayForEach(pair, head)
	{
		int k = cJSON_GetArrayItem(pair, 0)->valueint, i = 0;
		while (i < n && at[i] < k)
			i++;
		if (k < 0 || k >= here || (i < n && at[i] == k) || n == MOST_SHOWN - 2)
			continue;
		memmove(at + i + 1, at + i, (size_t)(n - i) * sizeof *at);
		at[i] = k;
		n++;
	}
	at[n++] = here;
	at[n++] = here + 1;
	return n;
}

API(tw_machine_step) char *tw_machine_step(void)
{
	cJSON *o = make_steps(1, true);
	const WasmMachine *m = computer.now;
	int here = m ? tw_count(m->session) - 2 : -1, at[MOST_SHOWN];

	if (cJSON_HasObjectItem(o, "error") || here < 0)
		return take_json(o);
	HeadVectors *v = head_vectors(m->session, m->model);
	cJSON *attention = json_attention_at(v, here);
	int n = positions_of(attention, here, at);
	cJSON *told = cJSON_AddArrayToObject(o, "described");

	for (int i = 0; i < n; i++) {
		char line[128];
		wasm_describe_token(m, at[i], line, sizeof line);
		cJSON_AddItemToArray(told, cJSON_CreateString(line));
	}
	cJSON_AddItemToObject(o, "positions", cJSON_CreateIntArray(at, n));
	cJSON_AddItemToObject(o, "attention", attention);
	cJSON_AddItemToObject(o, "values", json_values_at(m->session, m->model, at, n));
	cJSON_AddItemToObject(o, "place", json_position(m->session, v, here));
	head_vectors_free(v);
	return take_json(o);
}
