/* A program for the machine out of one module, or of several that share functions, tables,
 * memories and globals. Functions are made when something may call them; a call of one that is not
 * made yet waits in a chain through the calls themselves.
 *
 * A table is a jump table in the code, one for each type by which it is called, so that a call
 * through it is a jump to base + index, where another jump or a stop stands:
 *
 *     call_table r5 + 40        40: jump f    41: stop, type mismatch    42: nothing, null
 *
 * All memories lie in one space of 1,024 pages. A function of another memory is called through a
 * few instructions that change what is in use. */

#include "wasm/program.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { HASH = 1 << 14, SEVERAL = 64 /* pages that one of several memories may have */ };

/* Zeros, taken from the machine when they are touched. */
static void *
take_zeros(size_t n)
{
	void *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
	               -1, 0);

	if (p == MAP_FAILED)
		arena_fail();
	return p;
}

WasmProgram *
wasm_program(Arena *arena)
{
	WasmProgram *p = NEW(arena, WasmProgram);

	p->arena = arena;
	p->code = NEWS(arena, WasmInstr, W_CODE);
	p->shared_fresh = NEWS(arena, bool, W_REGISTERS);
	p->constant = NEWS(arena, int, HASH);
	p->reg = take_zeros((size_t)W_REGISTERS * W_REGISTERS * sizeof *p->reg);
	p->memory = take_zeros((size_t)W_CELLS * sizeof *p->memory);
	p->nshared = p->nresult = 64;
	WasmInstr *stop = wasm_emit(p, W_STOP);

	stop->end = W_EXIT;
	stop->a = 1;
	return p;
}

void
wasm_program_free(WasmProgram *p)
{
	munmap(p->reg, (size_t)W_REGISTERS * W_REGISTERS * sizeof *p->reg);
	munmap(p->memory, (size_t)W_CELLS * sizeof *p->memory);
}

/* ---- code */

static WasmInstr *
mark_fresh(WasmProgram *p, int pc)
{
	p->code[pc].fresh = true;
	if (pc < p->fresh_from)
		p->fresh_from = pc;
	return &p->code[pc];
}

WasmInstr *
wasm_emit(WasmProgram *p, WasmOp op)
{
	if (p->ncode == W_CODE) {
		if (!*p->error)
			snprintf(p->error, sizeof p->error,
			         "the program has more than %d instructions", W_CODE);
		p->ncode--;
	}
	WasmInstr *i = mark_fresh(p, p->ncode++);

	*i = (WasmInstr){ .op = op,
		          .calc = W_NOTHING,
		          .fresh = true,
		          .there = true,
		          .chain = -1,
		          .function = -1,
		          .frame = op == W_RETURN                       ? W_CALLER
		                   : op == W_CALL || op == W_CALL_TABLE ? W_CALLED
		                                                        : W_HERE };
	return i;
}

static uint32_t *
shared_register(WasmProgram *p, int r)
{
	p->shared_fresh[r] = true;
	return &p->reg[(size_t)W_SHARED_FRAME * W_REGISTERS + (size_t)r];
}

static int
take_shared(WasmProgram *p, int n)
{
	if (p->nshared + n > W_ZERO) {
		snprintf(p->error, sizeof p->error, "the program has more than 4,000 globals");
		return p->nshared - n;
	}
	p->nshared += n;
	return p->nshared - n;
}

int
wasm_constant(WasmProgram *p, uint32_t value)
{
	uint32_t h = value * 2654435761u >> 18;

	for (; p->constant[h]; h = (h + 1) % HASH)
		if (p->reg[(size_t)W_SHARED_FRAME * W_REGISTERS + (size_t)p->constant[h]] == value)
			return p->constant[h];
	if (p->nshared >= W_ZERO - 1024)
		return W_REGISTERS;
	p->constant[h] = take_shared(p, 1);
	*shared_register(p, p->constant[h]) = value;
	return p->constant[h];
}

static void
want(WasmProgram *p, WasmFunction *f)
{
	if (f->wanted)
		return;
	f->wanted = true;
	GROW(p->arena, p->wanted, p->wanted_cap, p->nwanted + 1);
	p->wanted[p->nwanted++] = f;
}

void
wasm_call_to(WasmProgram *p, WasmInstr *i, WasmFunction *f)
{
	want(p, f);
	if (f->entry >= 0) {
		i->to = (uint16_t)f->entry;
		return;
	}
	i->chain = f->calls;
	f->calls = (int)(i - p->code);
}

void
wasm_set_entry(WasmProgram *p, WasmFunction *f, int entry)
{
	f->entry = entry;
	while (f->calls >= 0) {
		WasmInstr *i = mark_fresh(p, f->calls);

		f->calls = i->chain;
		i->to = (uint16_t)entry;
	}
}

bool
wasm_make(WasmProgram *p)
{
	while (p->nwanted > 0 && !*p->error) {
		WasmFunction *f = p->wanted[--p->nwanted];
		int entry = 0;

		if (f->entry >= 0)
			continue;
		if (f->host)
			entry = wasm_assemble(p, f->host);
		else
			wasm_lower(p, f->instance, f->index, true, &entry);
		wasm_set_entry(p, f, entry);
	}
	return !*p->error;
}

bool
wasm_want(WasmProgram *p, WasmFunction *f)
{
	want(p, f);
	return wasm_make(p);
}

/* ---- types and tables */

bool
wasm_same_type(const WasmType *a, const WasmType *b)
{
	return a->nparam == b->nparam && a->nresult == b->nresult
	       && (a->nparam == 0 || !memcmp(a->param, b->param, (size_t)a->nparam))
	       && (a->nresult == 0 || !memcmp(a->result, b->result, (size_t)a->nresult));
}

static int
word_count(const uint8_t *type, int n)
{
	int words = 0;

	for (int i = 0; i < n; i++)
		words += type[i] == WASM_I64 || type[i] == WASM_F64 ? 2 : 1;
	return words;
}

static WasmInstr *
emit_shared(WasmProgram *p, WasmOp op, WasmFrame frame, int d, int a, bool a_shared)
{
	WasmInstr *i = wasm_emit(p, op);

	i->calc = op == W_CALC ? W_OR : W_NOTHING;
	i->frame = frame;
	i->d = (uint16_t)d;
	i->a = (uint16_t)a;
	i->a_shared = a_shared;
	i->b = W_ZERO;
	i->b_shared = true;
	return i;
}

/* A function of another memory: this one's pages are kept in the frame, its own are in use
 * while it runs. */
static WasmFunction *
wrap(WasmProgram *p, WasmFunction *f, const WasmMemory *memory)
{
	WasmFunction *w = NEW(p->arena, WasmFunction);
	int nparam = word_count(f->type->param, f->type->nparam);
	int nresult = word_count(f->type->result, f->type->nresult);

	*w = (WasmFunction){
		.type = f->type, .memory = memory, .entry = p->ncode, .calls = -1, .wanted = true
	};
	emit_shared(p, W_SIZE, W_SHARED, memory->saved, W_ZERO, true);
	emit_shared(p, W_RESIZE, W_HERE, 0, f->memory->saved, true);
	for (int i = 0; i < nparam; i++)
		emit_shared(p, W_CALC, W_CALLED, 1 + i, 1 + i, false);
	WasmInstr *call = emit_shared(p, W_CALL, W_CALLED, 0, W_ZERO, true);

	call->value = (uint32_t)(1 + nparam) << 16;
	wasm_call_to(p, call, f);
	emit_shared(p, W_SIZE, W_SHARED, f->memory->saved, W_ZERO, true);
	emit_shared(p, W_RESIZE, W_HERE, 0, memory->saved, true);
	WasmInstr *back = emit_shared(p, W_RETURN, W_CALLER, 0, 0, false);

	back->b = nresult ? (uint16_t)(1 + nparam) : W_ZERO;
	back->b_shared = nresult == 0;
	return w;
}

static void
fill_jump(WasmProgram *p, const WasmTable *t, int copy, uint32_t i)
{
	const struct WasmJumps *c = &t->copy[copy];
	WasmFunction *f = t->element[i];

	if (!f)
		return;
	if (wasm_same_type(f->type, c->type) && f->memory && f->memory != c->memory)
		f = wrap(p, f, c->memory);
	WasmInstr *at = mark_fresh(p, c->base + (int)i);

	*at = (WasmInstr){ .op = W_STOP,
		           .calc = W_NOTHING,
		           .end = W_TYPE_MISMATCH,
		           .fresh = true,
		           .there = true,
		           .chain = -1,
		           .function = -1 };
	if (!wasm_same_type(f->type, c->type))
		return;
	at->op = W_BRANCH;
	at->calc = W_EQ;
	at->a = at->b = W_ZERO;
	at->a_shared = at->b_shared = true;
	wasm_call_to(p, at, f);
}

int
wasm_jumps(WasmProgram *p, WasmTable *t, const WasmType *type, const WasmMemory *memory)
{
	for (int i = 0; i < t->ncopy; i++)
		if (wasm_same_type(t->copy[i].type, type) && t->copy[i].memory == memory)
			return t->copy[i].base;
	GROW(p->arena, t->copy, t->cap, t->ncopy + 1);
	t->copy[t->ncopy++] = (struct WasmJumps){ type, memory, p->ncode };
	for (uint32_t i = 0; i < t->reserved && !*p->error; i++)
		wasm_emit(p, W_STOP)->there = false;
	for (uint32_t i = 0; i < t->reserved && !*p->error; i++)
		fill_jump(p, t, t->ncopy - 1, i);
	return t->copy[t->ncopy - 1].base;
}

/* ---- memory */

void
wasm_set_cell(WasmProgram *p, uint32_t cell, uint32_t value)
{
	if (p->memory[cell] == value)
		return;
	p->memory[cell] = value;
	if (p->ncell && p->cell[p->ncell - 1] == (int)cell) /* another byte of it */
		return;
	GROW(p->arena, p->cell, p->cap, p->ncell + 1);
	p->cell[p->ncell++] = (int)cell;
}

WasmMemory *
wasm_new_memory(WasmProgram *p, WasmLimits l)
{
	WasmMemory *m = NEW(p->arena, WasmMemory);
	uint32_t room = (uint32_t)(W_PAGES - p->npage);
	uint32_t most = p->alone || room < SEVERAL ? room : SEVERAL;

	if (l.least > most && l.least <= room)
		most = l.least;
	if (l.least > room)
		snprintf(p->error, sizeof p->error, "a memory of %u pages, and there are %u",
		         l.least, room);
	m->base = p->npage;
	m->pages = l.least;
	m->most = l.most < most ? l.most : most;
	m->saved = take_shared(p, 1);
	*shared_register(p, m->saved) = (uint32_t)m->base + m->pages;
	p->npage += (int)m->most;
	return m;
}

/* Jump tables have room for what is there at first, and 64 elements at least. */
static WasmTable *
table_of(WasmProgram *p, uint32_t size, uint32_t most, uint64_t used)
{
	WasmTable *t = NEW(p->arena, WasmTable);

	t->size = size;
	t->most = most;
	t->reserved = used < 64 ? 64 : used > W_CODE ? W_CODE : (uint32_t)used;
	t->reserved = t->size < t->reserved ? t->size : t->reserved;
	t->element = NEWS(p->arena, WasmFunction *, t->reserved + 1);
	return t;
}

WasmTable *
wasm_new_table(WasmProgram *p, uint32_t size, uint32_t most)
{
	return table_of(p, size, most, 0);
}

static uint32_t
constant_of(const WasmInstance *in, const WasmConst *c)
{
	return (uint32_t)(c->global < 0 ? c->value : in->global[c->global]->constant);
}

static WasmTable *
own_table(WasmProgram *p, const WasmInstance *in)
{
	const WasmModule *m = in->module;
	uint64_t used = 0;

	for (int i = 0; i < m->nelements; i++) {
		uint64_t last = constant_of(in, &m->elements[i].offset)
		                + (uint64_t)m->elements[i].n;

		used = last > used ? last : used;
	}
	return table_of(p, m->table.least, m->table.most, used);
}

static WasmVariable *
new_variable(WasmProgram *p, const WasmInstance *in, const WasmGlobal *g)
{
	WasmVariable *v = NEW(p->arena, WasmVariable);
	int words = word_count(&g->value, 1);

	v->value = g->value;
	v->mutable = g->mutable;
	v->constant = g->start.global < 0 ? g->start.value : in->global[g->start.global]->constant;
	if (!g->mutable)
		return v;
	v->shared = take_shared(p, words);
	for (int i = 0; i < words; i++)
		*shared_register(p, v->shared + i) = (uint32_t)(v->constant >> (32 * i));
	return v;
}

/* ---- instances */

static bool
limits_fit(WasmLimits have, WasmLimits want)
{
	return have.least >= want.least && have.most <= want.most;
}

static bool
import_function(WasmProgram *p, WasmInstance *in, const WasmImport *want, WasmFunction *f, int at)
{
	if (!wasm_same_type(f->type, &in->module->type[want->type]))
		return false;
	in->function[at] = f->memory && f->memory != in->memory ? wrap(p, f, in->memory) : f;
	return true;
}

static bool
import_variable(WasmInstance *in, const WasmImport *want, WasmVariable *v, int at)
{
	in->global[at] = v;
	return v->value == want->value && v->mutable == want->mutable;
}

/* Memories first, since functions are called from them. */
static bool
import_one(WasmProgram *p, WasmInstance *in, const WasmImport *want, WasmExtern got, int *at)
{
	bool is_function = got.function && want->kind == WASM_FUNCTION;

	switch (want->kind) {
	case WASM_FUNCTION:
		return is_function && import_function(p, in, want, got.function, (*at)++);
	case WASM_TABLE:
		in->table = got.table;
		return got.table
		       && limits_fit((WasmLimits){ got.table->size, got.table->most },
		                     want->limits);
	case WASM_MEMORY:
		in->memory = got.memory;
		return got.memory && got.memory->pages >= want->limits.least
		       && (want->limits.most == UINT32_MAX
		           || got.memory->most <= want->limits.most);
	default: return got.global && import_variable(in, want, got.global, (*at)++);
	}
}

static bool
import_all(WasmProgram *p, WasmInstance *in, WasmFind find, void *with)
{
	static const WasmKind order[] = { WASM_MEMORY, WASM_TABLE, WASM_GLOBAL, WASM_FUNCTION };
	const WasmModule *m = in->module;

	for (int pass = 0; pass < 4; pass++) {
		int at = 0;

		if (pass == 1 && !in->memory)
			in->memory = wasm_new_memory(p, m->has_memory ? m->memory
			                                              : (WasmLimits){ 0, 0 });
		for (int i = 0; i < m->nimport && !*p->error; i++) {
			const WasmImport *w = &m->import[i];

			if (w->kind != order[pass])
				continue;
			if (import_one(p, in, w, find(with, p, w, m), &at))
				continue;
			if (!*p->error)
				snprintf(p->error, sizeof p->error,
				         "the import '%.60s' of '%.60s' is not offered, or is "
				         "something else",
				         w->name, w->module);
		}
	}
	return !*p->error;
}

static void
define_functions(WasmProgram *p, WasmInstance *in)
{
	const WasmModule *m = in->module;
	WasmFunction *f = NEWS(p->arena, WasmFunction, m->nfunction + 1);

	for (int i = m->imported_functions; i < m->nfunction; i++) {
		f[i] = (WasmFunction){ .type = &m->type[m->function_type[i]],
			               .memory = in->memory,
			               .entry = -1,
			               .calls = -1,
			               .instance = in,
			               .index = i };
		in->function[i] = &f[i];
	}
}

static bool
segments_fit(WasmProgram *p, const WasmInstance *in)
{
	const WasmModule *m = in->module;

	for (int i = 0; i < m->nelements; i++) {
		const WasmElements *e = &m->elements[i];
		uint64_t end = (uint64_t)constant_of(in, &e->offset) + (uint64_t)e->n;

		if (end > in->table->reserved)
			snprintf(p->error, sizeof p->error, "elements do not fit into their table");
	}
	for (int i = 0; i < m->ndata; i++) {
		const WasmData *d = &m->data[i];

		if (constant_of(in, &d->offset) + (uint64_t)d->n
		    > (uint64_t)in->memory->pages * WASM_PAGE)
			snprintf(p->error, sizeof p->error, "data does not fit into its memory");
	}
	return !*p->error;
}

static void
place_elements(WasmProgram *p, const WasmInstance *in)
{
	const WasmModule *m = in->module;
	bool *changed = NEWS(p->arena, bool, in->table ? in->table->reserved + 1 : 1);

	for (int i = 0; i < m->nelements; i++) {
		const WasmElements *e = &m->elements[i];
		uint32_t first = constant_of(in, &e->offset);

		for (int k = 0; k < e->n; k++) {
			in->table->element[first + (uint32_t)k] = in->function[e->function[k]];
			changed[first + (uint32_t)k] = true;
		}
	}
	for (uint32_t i = 0; in->table && i < in->table->reserved; i++)
		for (int c = 0; changed[i] && c < in->table->ncopy; c++)
			fill_jump(p, in->table, c, i);
}

static void
place_data(WasmProgram *p, const WasmInstance *in)
{
	const WasmModule *m = in->module;

	for (int i = 0; i < m->ndata; i++) {
		const WasmData *d = &m->data[i];
		uint32_t at = constant_of(in, &d->offset) + (uint32_t)in->memory->base * WASM_PAGE;

		for (size_t k = 0; k < d->n; k++) {
			uint32_t byte = at + (uint32_t)k, shift = 8 * (byte % 4);
			uint32_t old = p->memory[byte / 4] & ~((uint32_t)0xff << shift);

			wasm_set_cell(p, byte / 4, old | (uint32_t)d->byte[k] << shift);
		}
	}
}

/* All bodies are checked, also those that nothing calls. */
static bool
check_bodies(WasmProgram *p, WasmInstance *in)
{
	for (int f = in->module->imported_functions; f < in->module->nfunction; f++) {
		int entry;

		if (!wasm_lower(p, in, f, false, &entry))
			return false;
	}
	return true;
}

WasmInstance *
wasm_instance(WasmProgram *p, const WasmModule *m, const char *file, WasmFind find, void *with)
{
	WasmInstance *in = NEW(p->arena, WasmInstance);

	in->module = m;
	in->file = file;
	in->function = NEWS(p->arena, WasmFunction *, m->nfunction + 1);
	in->zeroed = NEWS(p->arena, bool *, m->nfunction + 1);
	in->global = NEWS(p->arena, WasmVariable *, m->nglobal + 1);
	for (int i = 0; i < m->ntype; i++)
		if (word_count(m->type[i].result, m->type[i].nresult) > p->nresult)
			snprintf(p->error, sizeof p->error, "a function has more than %d results",
			         p->nresult);
	if (*p->error || !import_all(p, in, find, with))
		return NULL;
	for (int i = m->imported_globals; i < m->nglobal; i++)
		in->global[i] = new_variable(p, in, &m->global[i]);
	if (m->has_table && !in->table)
		in->table = own_table(p, in);
	define_functions(p, in);
	if (!check_bodies(p, in) || !segments_fit(p, in))
		return NULL;
	place_elements(p, in);
	place_data(p, in);
	return wasm_make(p) ? in : NULL;
}

const WasmExport *
wasm_export(const WasmModule *m, const char *name)
{
	for (int i = 0; i < m->nexport; i++)
		if (!strcmp(m->export[i].name, name))
			return &m->export[i];
	return NULL;
}

WasmFunction *
wasm_entry(const WasmInstance *in, char *error)
{
	const WasmExport *e = wasm_export(in->module, "_start");

	e = e && e->kind == WASM_FUNCTION ? e : wasm_export(in->module, "main");
	if (!e || e->kind != WASM_FUNCTION) {
		snprintf(error, WASM_ERROR_SIZE, "it exports neither _start nor main");
		return NULL;
	}
	WasmFunction *f = in->function[e->index];

	for (int i = 0; i < f->type->nparam; i++)
		if (f->type->param[i] != WASM_I32) {
			snprintf(error, WASM_ERROR_SIZE, "main takes something else than i32");
			return NULL;
		}
	return f;
}
