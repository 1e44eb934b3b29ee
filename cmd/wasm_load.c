/* A program for twasm: a .wasm file, .wat that wat2wasm converts, or the text of 55 opcodes; and
 * the model that carries it out. */

#define _GNU_SOURCE /* basename that changes nothing */

#include "cmd/converter.h"
#include "cmd/twasm.h"
#include "wasm/isa.h"
#include "wasm/script.h"

#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- the model */

bool
complain(const char *of, const char *what)
{
	fprintf(stderr, "twasm: %s: %s\n", of, what ? what : "out of memory");
	return false;
}

const char *
find_beside(Arena *arena, const char *built, const char *installed)
{
	const char *place[] = { built, installed };
	char exe[PATH_MAX], *path = NULL;
	ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);

	exe[n < 0 ? 0 : n] = '\0';
	char *folder = dirname(exe);
	for (int i = 0; i < 2; i++) {
		path = arena_fmt(arena, "%s/%s", folder, place[i]);
		if (!access(path, R_OK))
			break;
	}
	return path;
}

TwModel *
load_machine(const Options *o)
{
	Arena arena = { 0 };
	const char *path = o->model ? o->model
	                            : find_beside(&arena, "wasm32.onnx", "../share/tw/wasm32.onnx");
	char *error = NULL;
	TwModel *m = tw_load(path, &error);

	if (!m)
		complain(path, error);
	free(error);
	arena_free(&arena);
	return m;
}

bool
ends_in(const char *path, const char *end)
{
	size_t n = strlen(path), k = strlen(end);

	return n >= k && !strcmp(path + n - k, end);
}

static bool
load_wasm(Running *r, const uint8_t *bytes, size_t n)
{
	const WasmModule *m = wasm_module(&r->arena, bytes, n, r->program->error);

	r->instance = m ? wasm_instance(r->program, m, r->path, wasm_find_host, NULL) : NULL;
	r->entry = r->instance ? wasm_entry(r->instance, r->program->error) : NULL;
	return r->entry || complain(r->path, r->program->error);
}

bool
load_program(Running *r)
{
	bool is_text = ends_in(r->path, ".wat");
	char *converted = is_text ? convert_text(&r->arena, "wat2wasm", r->path, ".wasm") : NULL;
	size_t n;

	if (is_text && !converted)
		return false;
	uint8_t *bytes = wasm_file(&r->arena, is_text ? converted : r->path, &n);
	int failed = errno;

	remove_converted(converted);
	if (!bytes)
		return complain(r->path, strerror(failed));
	r->program = wasm_program(&r->arena);
	r->program->alone = true;
	r->program->arg = r->o->args;
	while (r->o->args[r->program->args])
		r->program->args++;
	if (!ends_in(r->path, ".isa"))
		return load_wasm(r, bytes, n);
	r->entry = wasm_isa(r->program, (const char *)bytes);
	return r->entry || complain(r->path, r->program->error);
}

bool
make_code(Running *r)
{
	int start = r->instance ? r->instance->module->start : -1;

	return (start < 0 || wasm_want(r->program, r->instance->function[start]))
	       && wasm_want(r->program, r->entry);
}

bool
set_up_machine(Running *r, const TwModel *model, unsigned flags)
{
	char error[WASM_ERROR_SIZE];

	r->machine = wasm_machine(&r->arena, model, flags, error);
	if (!r->machine)
		return complain(r->path, error);
	wasm_machine_begin(r->machine, r->program);
	if (!make_code(r))
		return complain(r->path, r->program->error);
	return wasm_machine_bake(r->machine) || complain(r->path, r->machine->error);
}
