/* The official test suite's scripts: modules, calls of what they export, and what is to come of
 * it. All calls on a module go on in one text. Where modules share something, one text
 * and one memory hold them all; else each has its own. */

#include "wasm/script.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_NAMES = 64, LONGEST = 20 * 1000 * 1000 /* steps of a call */ };

typedef struct Script {
	const TwModel *model;
	const char *path;
	FILE *out;
	WasmTally *tally;
	Arena arena; /* of the file, */
	Arena *text; /* and of the text with its program */
	WasmMachine *machine;
	WasmProgram *program;
	bool linked;
	WasmInstance *current;
	struct Named {
		const char *name;
		WasmInstance *instance;
	} named[MOST_NAMES]; /* "$M" of a module, "M" of what is registered */
	int nnamed;
	WasmVariable global_i32;
	WasmTable *table;
	WasmMemory *memory;
	char *error;
} Script;

uint8_t *
wasm_file(Arena *arena, const char *path, size_t *n)
{
	FILE *f = fopen(path, "rb");
	uint8_t *bytes = NULL;
	int cap = 0, used = 0;
	size_t got = f ? 1 : 0;

	while (got > 0) {
		GROW(arena, bytes, cap, used + (1 << 16) + 1);
		got = fread(bytes + used, 1, 1 << 16, f);
		used += (int)got;
	}
	if (f && ferror(f))
		bytes = NULL;
	if (f)
		fclose(f);
	*n = (size_t)used;
	return bytes;
}

static const char *
string_of(const cJSON *o, const char *key)
{
	const char *s = cJSON_GetStringValue(cJSON_GetObjectItem(o, key));

	return s ? s : "";
}

static int
line_of(const cJSON *command)
{
	return (int)cJSON_GetNumberValue(cJSON_GetObjectItem(command, "line"));
}

static void
tell_failure(Script *s, const cJSON *command, const char *what)
{
	fprintf(s->out, "%s:%d: %s %s: %s\n", s->path, line_of(command), string_of(command, "type"),
	        string_of(cJSON_GetObjectItem(command, "action"), "field"), what);
	s->tally->failed++;
}

/* ---- modules */

static WasmInstance *
instance_named(Script *s, const char *name)
{
	for (int i = s->nnamed - 1; i >= 0; i--)
		if (!strcmp(s->named[i].name, name))
			return s->named[i].instance;
	return NULL;
}

static void
name_instance(Script *s, const char *name, WasmInstance *in)
{
	if (*name && s->nnamed < MOST_NAMES)
		s->named[s->nnamed++] = (struct Named){ name, in };
}

static WasmExtern
exported(const WasmInstance *in, const char *name)
{
	const WasmExport *e = wasm_export(in->module, name);
	WasmExtern x = { .kind = WASM_FUNCTION };

	if (!e)
		return x;
	x.kind = e->kind;
	switch (e->kind) {
	case WASM_FUNCTION: x.function = in->function[e->index]; break;
	case WASM_TABLE: x.table = in->table; break;
	case WASM_MEMORY: x.memory = in->memory; break;
	case WASM_GLOBAL: x.global = in->global[e->index]; break;
	}
	return x;
}

/* The suite's own module: a table of 10 to 20, a memory of 1 to 2 pages, globals of 666. */
static WasmExtern
spectest(Script *s, WasmProgram *p, const WasmImport *want)
{
	WasmExtern x = { .kind = want->kind, .function = wasm_host(p, "spectest", want->name) };

	s->global_i32 = (WasmVariable){ .value = want->value, .constant = 666 };
	if (!strncmp(want->name, "global_", 7))
		x.global = &s->global_i32;
	if (!strcmp(want->name, "table")) {
		if (!s->table)
			s->table = wasm_new_table(p, 10, 20);
		x.table = s->table;
	}
	if (!strcmp(want->name, "memory")) {
		if (!s->memory)
			s->memory = wasm_new_memory(p, (WasmLimits){ 1, 2 });
		x.memory = s->memory;
	}
	return x;
}

static WasmExtern
find_import(void *with, WasmProgram *p, const WasmImport *want, const WasmModule *m)
{
	Script *s = with;
	WasmInstance *in = instance_named(s, want->module);

	(void)m;
	if (in)
		return exported(in, want->name);
	if (!strcmp(want->module, "spectest"))
		return spectest(s, p, want);
	return (WasmExtern){ .kind = want->kind,
		             .function = wasm_host(p, want->module, want->name) };
}

static void
begin_text(Script *s)
{
	if (s->program)
		wasm_program_free(s->program);
	if (s->text)
		arena_free(s->text);
	s->text = arena_child(&s->arena);
	s->program = wasm_program(s->text);
	s->program->alone = !s->linked;
	s->table = NULL;
	s->memory = NULL;
	s->current = NULL;
	s->nnamed = 0;
	wasm_machine_begin(s->machine, s->program);
}

/* The module of a command, with its start function run; what that came to is in *end. */
static WasmInstance *
instantiate(Script *s, const cJSON *command, WasmEnd *end)
{
	const char *slash = strrchr(s->path, '/');
	const char *path = arena_fmt(&s->arena, "%.*s%s", (int)(slash ? slash + 1 - s->path : 0),
	                             s->path, string_of(command, "filename"));
	size_t n;
	uint8_t *bytes = wasm_file(&s->arena, path, &n);

	*end = W_EXIT;
	if (!bytes) {
		tell_failure(s, command, "its file cannot be read");
		return NULL;
	}
	if (!s->linked || !s->program)
		begin_text(s);
	const WasmModule *m = wasm_module(s->text, bytes, n, s->program->error);
	WasmInstance *in = m ? wasm_instance(s->program, m, path, find_import, s) : NULL;

	if (!in) {
		tell_failure(s, command, s->program->error);
		*s->program->error = '\0';
		return NULL;
	}
	if (m->start >= 0)
		*end = wasm_call(s->machine, in->function[m->start], NULL, 0);
	return in;
}

/* ---- actions */

static int
type_words(uint8_t type)
{
	return type == WASM_I64 || type == WASM_F64 ? 2 : 1;
}

/* The numbers of a list as words. */
static int
words_of_list(const cJSON *list, uint32_t *word)
{
	const cJSON *x;
	int n = 0;

	cJSON_ArrayForEach(x, list)
	{
		uint64_t v = strtoull(string_of(x, "value"), NULL, 10);

		word[n++] = (uint32_t)v;
		if (string_of(x, "type")[1] == '6')
			word[n++] = (uint32_t)(v >> 32);
	}
	return n;
}

static WasmEnd
read_global(Script *s, const WasmVariable *v, uint32_t *result, int *n)
{
	*n = type_words(v->value);
	for (int i = 0; i < *n; i++)
		result[i] = v->mutable ? wasm_register(s->machine, W_SHARED_FRAME, v->shared + i)
		                       : (uint32_t)(v->constant >> (32 * i));
	return W_EXIT;
}

static WasmEnd
act(Script *s, const cJSON *action, uint32_t *result, int *n)
{
	const char *of = string_of(action, "module");
	const WasmInstance *in = *of ? instance_named(s, of) : s->current;
	WasmExtern x = in ? exported(in, string_of(action, "field")) : (WasmExtern){ 0 };
	uint32_t word[64];

	*n = 0;
	if (x.global)
		return read_global(s, x.global, result, n);
	if (!x.function) {
		snprintf(s->machine->error, sizeof s->machine->error, "no such export");
		return W_NONE;
	}
	int given = words_of_list(cJSON_GetObjectItem(action, "args"), word);

	s->machine->most = LONGEST;
	WasmEnd end = wasm_call(s->machine, x.function, word, given);

	for (int i = 0; i < x.function->type->nresult; i++)
		*n += type_words(x.function->type->result[i]);
	for (int i = 0; i < *n; i++)
		result[i] = i == 0 ? s->machine->state.value
		                   : wasm_register(s->machine, W_SHARED_FRAME, i - 1);
	return end;
}

static const char *
spell_end(Script *s, WasmEnd end)
{
	return end == W_NONE   ? (*s->machine->error ? s->machine->error : "it does not end")
	       : end == W_EXIT ? "it returned"
	                       : wasm_trap_name(end);
}

static void
check_return(Script *s, const cJSON *command)
{
	uint32_t want[64], got[64];
	int nwant = words_of_list(cJSON_GetObjectItem(command, "expected"), want), n;
	WasmEnd end = act(s, cJSON_GetObjectItem(command, "action"), got, &n);
	char what[100];

	if (end != W_EXIT) {
		tell_failure(s, command, spell_end(s, end));
		return;
	}
	if (n == nwant && !memcmp(want, got, (size_t)n * sizeof *want)) {
		s->tally->passed++;
		return;
	}
	snprintf(what, sizeof what, "%d words, the first 0x%x, and not %d, 0x%x", n, n ? got[0] : 0,
	         nwant, nwant ? want[0] : 0);
	tell_failure(s, command, what);
}

static void
check_trap(Script *s, const cJSON *command, WasmEnd end)
{
	const char *want = string_of(command, "text"), *trap = wasm_trap_name(end);

	if (trap && !strncmp(trap, want, strlen(want)))
		s->tally->passed++;
	else
		tell_failure(s, command, spell_end(s, end));
}

static void
run_command(Script *s, const cJSON *command)
{
	const char *type = string_of(command, "type");
	uint32_t ignored[64];
	WasmEnd end;
	int n;

	if (!strcmp(type, "module")) {
		s->current = instantiate(s, command, &end);
		s->tally->modules++;
		if (s->current && end != W_EXIT)
			tell_failure(s, command, spell_end(s, end));
		name_instance(s, string_of(command, "name"), s->current);
	} else if (!strcmp(type, "register")) {
		const char *name = string_of(command, "name");

		name_instance(s, string_of(command, "as"),
		              *name ? instance_named(s, name) : s->current);
	} else if (!strcmp(type, "assert_return")) {
		check_return(s, command);
	} else if (!strcmp(type, "action")) {
		end = act(s, cJSON_GetObjectItem(command, "action"), ignored, &n);
		if (end != W_EXIT)
			tell_failure(s, command, spell_end(s, end));
	} else if (!strcmp(type, "assert_trap") || !strcmp(type, "assert_exhaustion")) {
		check_trap(s, command, act(s, cJSON_GetObjectItem(command, "action"), ignored, &n));
	} else if (!strcmp(type, "assert_uninstantiable")) {
		if (instantiate(s, command, &end))
			check_trap(s, command, end);
	}
}

/* Modules that see each other, by import or by name, are in one text. */
static bool
is_linked(const cJSON *commands)
{
	const cJSON *c;

	cJSON_ArrayForEach(c, commands)
	{
		const char *type = string_of(c, "type");

		if (!strcmp(type, "register") || !strcmp(type, "assert_uninstantiable")
		    || cJSON_GetObjectItem(cJSON_GetObjectItem(c, "action"), "module"))
			return true;
	}
	return false;
}

/* A NUL in a name is what wasm/module.c makes of it. */
static void
rewrite_zeros(char *text)
{
	char *to = text;

	for (const char *at = text; *at;)
		if (!strncmp(at, "\\u0000", 6)) {
			memcpy(to, "\xc0\x80", 2);
			to += 2;
			at += 6;
		} else {
			if (*at == '\\' && at[1])
				*to++ = *at++;
			*to++ = *at++;
		}
	*to = '\0';
}

static bool
run_script(Script *s)
{
	size_t n;
	char *text = (char *)wasm_file(&s->arena, s->path, &n);

	if (!text) {
		snprintf(s->error, WASM_ERROR_SIZE, "it cannot be read");
		return false;
	}
	rewrite_zeros(text);
	cJSON *json = cJSON_Parse(text), *command;
	const cJSON *commands = cJSON_GetObjectItem(json, "commands");

	s->machine = wasm_machine(&s->arena, s->model, 0, s->error);
	if (json && s->machine) {
		s->linked = is_linked(commands);
		cJSON_ArrayForEach(command, commands) run_command(s, command);
	}
	if (!json)
		snprintf(s->error, WASM_ERROR_SIZE, "it is no JSON");
	bool done = json && s->machine;

	if (done)
		s->tally->steps += s->machine->steps;
	wasm_machine_free(s->machine);
	if (s->program)
		wasm_program_free(s->program);
	cJSON_Delete(json);
	return done;
}

bool
wasm_script(const TwModel *model, const char *path, WasmTally *tally, FILE *out, char *error)
{
	Script s = { .model = model, .path = path, .out = out, .tally = tally, .error = error };
	bool done = run_script(&s);

	arena_free(&s.arena);
	return done;
}
