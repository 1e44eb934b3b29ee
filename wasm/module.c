/* Reads the binary format (WebAssembly Core Specification 1.0, chapter 5; Rossberg 2019):
 * sections in their order, each a vector of things. A damaged file is told with the offset of
 * the byte at which it cannot go on:
 *
 *     offset 0x2a in the type section: a type that is no number, 0x6f */

#include "wasm/module.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* ---- bytes */

void
wasm_fail(WasmReader *r, const char *format, ...)
{
	char what[160];
	va_list a;

	if (*r->error)
		return;
	va_start(a, format);
	vsnprintf(what, sizeof what, format, a);
	va_end(a);
	snprintf(r->error, WASM_ERROR_SIZE, "offset 0x%lx in %.60s: %s", (long)(r->at - r->start),
	         r->within, what);
	r->at = r->end;
}

uint8_t
wasm_byte(WasmReader *r)
{
	if (r->at >= r->end) {
		wasm_fail(r, "it ends too early");
		return 0;
	}
	return *r->at++;
}

/* LEB128: seven bits a byte, the lowest first; of the last byte no more bits than fit. */
static uint64_t
variable_length(WasmReader *r, int bits, bool is_signed)
{
	uint64_t x = 0;

	for (int shift = 0;; shift += 7) {
		uint8_t b = wasm_byte(r);
		int left = bits - shift; /* bits that are still to come, the sign among them */

		x |= (uint64_t)(b & 127) << shift;
		if (left < 7) {
			int rest = is_signed ? (int8_t)(b << 1) >> left : (b & 127) >> left;

			if (b & 128 || (rest != 0 && !(is_signed && rest == -1)))
				wasm_fail(r, "a number has too many bits");
		}
		if (!(b & 128)) {
			if (is_signed && b & 64 && shift + 7 < 64)
				x |= ~(uint64_t)0 << (shift + 7);
			return x;
		}
		if (left <= 7)
			return x;
	}
}

uint32_t
wasm_u32(WasmReader *r)
{
	return (uint32_t)variable_length(r, 32, false);
}

int64_t
wasm_signed(WasmReader *r, int bits)
{
	return (int64_t)variable_length(r, bits, true);
}

/* How many follow; each takes a byte at least, so that a wrong number costs nothing. */
static int
read_count(WasmReader *r)
{
	uint32_t n = wasm_u32(r);

	if (n > (size_t)(r->end - r->at)) {
		wasm_fail(r, "%u things in what has %ld bytes left", n, (long)(r->end - r->at));
		return 0;
	}
	return (int)n;
}

/* Of UTF-8, as RFC 3629 has it: how long the sequence is that begins with this byte, 0 if none. */
static int
sequence_length(const uint8_t *s, size_t left)
{
	static const struct Lead {
		uint8_t first, last, low, high;
		int n;
	} lead[] = { { 0x00, 0x7f, 0, 0, 1 },       { 0xc2, 0xdf, 0x80, 0xbf, 2 },
		     { 0xe0, 0xe0, 0xa0, 0xbf, 3 }, { 0xe1, 0xec, 0x80, 0xbf, 3 },
		     { 0xed, 0xed, 0x80, 0x9f, 3 }, { 0xee, 0xef, 0x80, 0xbf, 3 },
		     { 0xf0, 0xf0, 0x90, 0xbf, 4 }, { 0xf1, 0xf3, 0x80, 0xbf, 4 },
		     { 0xf4, 0xf4, 0x80, 0x8f, 4 } };

	for (size_t i = 0; i < sizeof lead / sizeof *lead; i++) {
		if (*s < lead[i].first || *s > lead[i].last)
			continue;
		if (left < (size_t)lead[i].n)
			return 0;
		for (int k = 1; k < lead[i].n; k++)
			if (s[k] < (k == 1 ? lead[i].low : 0x80)
			    || s[k] > (k == 1 ? lead[i].high : 0xbf))
				return 0;
		return lead[i].n;
	}
	return 0;
}

/* A NUL, which a name may hold, becomes the two bytes 0xc0 0x80, which no name holds. */
static const char *
read_module_name(WasmReader *r, Arena *arena)
{
	int n = read_count(r);
	const uint8_t *s = r->at;
	char *name = NEWS(arena, char, 2 * n + 1), *to = name;

	for (int i = 0; i < n;) {
		int k = sequence_length(s + i, (size_t)(n - i));

		if (k == 0) {
			wasm_fail(r, "a name that is no UTF-8");
			return "";
		}
		if (s[i] == 0)
			memcpy(to, "\xc0\x80", 2);
		else
			memcpy(to, s + i, (size_t)k);
		to += s[i] == 0 ? 2 : k;
		i += k;
	}
	r->at += n;
	return name;
}

const char *
wasm_type_name(uint8_t type)
{
	switch (type) {
	case WASM_I32: return "i32";
	case WASM_I64: return "i64";
	case WASM_F32: return "f32";
	case WASM_F64: return "f64";
	default: return "nothing";
	}
}

const char *
wasm_function_name(const WasmModule *m, int f, char *out, size_t size)
{
	if (*m->name[f])
		snprintf(out, size, "function %d (%.40s)", f, m->name[f]);
	else
		snprintf(out, size, "function %d", f);
	return out;
}

static uint8_t
read_value_type(WasmReader *r)
{
	uint8_t t = wasm_byte(r);

	if (t < WASM_F64 || t > WASM_I32)
		wasm_fail(r, "a type that is no number's, 0x%02x", t);
	return t;
}

static WasmLimits
read_limits(WasmReader *r, uint32_t bound, const char *what)
{
	uint8_t flag = wasm_byte(r);
	WasmLimits l = { .most = UINT32_MAX };

	if (flag > 1)
		wasm_fail(r, "limits of a kind that is not known, %d", flag);
	l.least = wasm_u32(r);
	if (flag)
		l.most = wasm_u32(r);
	if (l.least > l.most || l.least > bound || (flag && l.most > bound))
		wasm_fail(r, "limits of a %s that cannot be, %u to %u", what, l.least, l.most);
	return l;
}

static void
read_table_type(WasmReader *r, WasmModule *m)
{
	if (wasm_byte(r) != WASM_FUNCREF)
		wasm_fail(r, "a table of something else than functions");
	if (m->has_table)
		wasm_fail(r, "a second table");
	m->has_table = true;
	m->table = read_limits(r, UINT32_MAX, "table");
}

static void
read_memory(WasmReader *r, WasmModule *m)
{
	if (m->has_memory)
		wasm_fail(r, "a second memory");
	m->has_memory = true;
	m->memory = read_limits(r, WASM_MOST_PAGES, "memory");
}

static bool
read_mutable(WasmReader *r)
{
	uint8_t b = wasm_byte(r);

	if (b > 1)
		wasm_fail(r, "a global is constant or not, and this is %d", b);
	return b == 1;
}

/* ---- sections */

typedef struct ModuleReading {
	WasmReader r;
	Arena *arena;
	WasmModule *m;
	int ncode; /* bodies so far */
} ModuleReading;

static int
read_type_index(ModuleReading *g)
{
	uint32_t t = wasm_u32(&g->r);

	if (t >= (uint32_t)g->m->ntype) {
		wasm_fail(&g->r, "type %u, and there are %d", t, g->m->ntype);
		return 0;
	}
	return (int)t;
}

static int
read_function_index(ModuleReading *g)
{
	uint32_t f = wasm_u32(&g->r);

	if (f >= (uint32_t)g->m->nfunction) {
		wasm_fail(&g->r, "function %u, and there are %d", f, g->m->nfunction);
		return 0;
	}
	return (int)f;
}

static int
read_value_types(ModuleReading *g, uint8_t **types)
{
	int n = read_count(&g->r);

	*types = NEWS(g->arena, uint8_t, n + 1);
	for (int i = 0; i < n; i++)
		(*types)[i] = read_value_type(&g->r);
	return n;
}

static void
read_types(ModuleReading *g)
{
	int n = read_count(&g->r);

	g->m->type = NEWS(g->arena, WasmType, n + 1);
	g->m->ntype = n;
	for (int i = 0; i < n; i++) {
		WasmType *t = &g->m->type[i];

		if (wasm_byte(&g->r) != 0x60)
			wasm_fail(&g->r, "a type that is no function's");
		t->nparam = read_value_types(g, &t->param);
		t->nresult = read_value_types(g, &t->result);
	}
}

static void
add_function(ModuleReading *g, int type)
{
	WasmModule *m = g->m;
	int cap = m->nfunction;

	m->function_type = arena_grow(g->arena, m->function_type, &cap, m->nfunction + 1,
	                              sizeof *m->function_type);
	m->function_type[m->nfunction++] = type;
}

static void
add_global(ModuleReading *g, WasmGlobal x)
{
	WasmModule *m = g->m;
	int cap = m->nglobal;

	m->global = arena_grow(g->arena, m->global, &cap, m->nglobal + 1, sizeof *m->global);
	m->global[m->nglobal++] = x;
}

static void
read_import(ModuleReading *g, WasmImport *p)
{
	WasmReader *r = &g->r;
	WasmModule *m = g->m;

	p->module = read_module_name(r, g->arena);
	p->name = read_module_name(r, g->arena);
	p->kind = wasm_byte(r);
	switch (p->kind) {
	case WASM_FUNCTION:
		p->type = read_type_index(g);
		add_function(g, p->type);
		break;
	case WASM_TABLE:
		read_table_type(r, m);
		p->limits = m->table;
		break;
	case WASM_MEMORY:
		read_memory(r, m);
		p->limits = m->memory;
		break;
	case WASM_GLOBAL:
		p->value = read_value_type(r);
		p->mutable = read_mutable(r);
		add_global(g, (WasmGlobal){ .value = p->value, .mutable = p->mutable });
		break;
	default: wasm_fail(r, "an import of a kind that is not known, %d", p->kind);
	}
}

static void
read_imports(ModuleReading *g)
{
	int n = read_count(&g->r);

	g->m->import = NEWS(g->arena, WasmImport, n + 1);
	g->m->nimport = n;
	for (int i = 0; i < n; i++)
		read_import(g, &g->m->import[i]);
	g->m->imported_functions = g->m->nfunction;
	g->m->imported_globals = g->m->nglobal;
}

static WasmConst
read_constant(ModuleReading *g, uint8_t type)
{
	WasmReader *r = &g->r;
	WasmConst c = { .global = -1 };
	uint8_t op = wasm_byte(r), is = 0;

	switch (op) {
	case 0x23:
		c.global = (int)wasm_u32(r);
		if (c.global >= g->m->imported_globals || c.global < 0)
			wasm_fail(r, "a constant is made of imported globals alone");
		else if (g->m->global[c.global].mutable)
			wasm_fail(r, "a constant cannot be made of a variable");
		else
			is = g->m->global[c.global].value;
		break;
	case 0x41: c.value = (uint32_t)wasm_signed(r, 32), is = WASM_I32; break;
	case 0x42: c.value = (uint64_t)wasm_signed(r, 64), is = WASM_I64; break;
	case 0x43:
	case 0x44:
		is = op == 0x43 ? WASM_F32 : WASM_F64;
		for (int i = 0; i < (op == 0x43 ? 4 : 8); i++)
			c.value |= (uint64_t)wasm_byte(r) << (8 * i);
		break;
	default: wasm_fail(r, "a constant is a single number, and this is instruction 0x%02x", op);
	}
	if (is != type)
		wasm_fail(r, "a constant is %s and should be %s", wasm_type_name(is),
		          wasm_type_name(type));
	if (wasm_byte(r) != 0x0b)
		wasm_fail(r, "a constant does not end");
	return c;
}

static void
read_globals(ModuleReading *g)
{
	int n = read_count(&g->r);

	for (int i = 0; i < n; i++) {
		WasmGlobal x = { .value = read_value_type(&g->r) };

		x.mutable = read_mutable(&g->r);
		x.start = read_constant(g, x.value);
		add_global(g, x);
	}
}

static void
read_exports(ModuleReading *g)
{
	WasmModule *m = g->m;
	int n = read_count(&g->r);

	m->export = NEWS(g->arena, WasmExport, n + 1);
	m->nexport = n;
	for (int i = 0; i < n; i++) {
		WasmExport *e = &m->export[i];

		e->name = read_module_name(&g->r, g->arena);
		e->kind = wasm_byte(&g->r);
		e->index = (int)wasm_u32(&g->r);
		const int most[] = { m->nfunction, m->has_table, m->has_memory, m->nglobal };

		if (e->kind > WASM_GLOBAL || e->index < 0 || e->index >= most[e->kind])
			wasm_fail(&g->r, "the export '%.40s' is of something that is not there",
			          e->name);
		for (int k = 0; k < i; k++)
			if (!strcmp(m->export[k].name, e->name))
				wasm_fail(&g->r, "two exports have the name '%.40s'", e->name);
	}
}

static void
read_elements(ModuleReading *g)
{
	int n = read_count(&g->r);

	if (n && !g->m->has_table)
		wasm_fail(&g->r, "elements, and there is no table");
	g->m->elements = NEWS(g->arena, WasmElements, n + 1);
	g->m->nelements = n;
	for (int i = 0; i < n; i++) {
		WasmElements *e = &g->m->elements[i];

		if (wasm_u32(&g->r) != 0)
			wasm_fail(&g->r, "elements of another table than the first");
		e->offset = read_constant(g, WASM_I32);
		e->n = read_count(&g->r);
		e->function = NEWS(g->arena, int, e->n + 1);
		for (int k = 0; k < e->n; k++)
			e->function[k] = read_function_index(g);
	}
}

static void
read_data(ModuleReading *g)
{
	int n = read_count(&g->r);

	if (n && !g->m->has_memory)
		wasm_fail(&g->r, "data, and there is no memory");
	g->m->data = NEWS(g->arena, WasmData, n + 1);
	g->m->ndata = n;
	for (int i = 0; i < n; i++) {
		WasmData *d = &g->m->data[i];

		if (wasm_u32(&g->r) != 0)
			wasm_fail(&g->r, "data of another memory than the first");
		d->offset = read_constant(g, WASM_I32);
		d->n = (size_t)read_count(&g->r);
		d->byte = g->r.at;
		g->r.at += d->n;
	}
}

static void
read_functions(ModuleReading *g)
{
	int n = read_count(&g->r);

	for (int i = 0; i < n; i++)
		add_function(g, read_type_index(g));
}

static void
read_code(ModuleReading *g)
{
	WasmModule *m = g->m;
	int n = read_count(&g->r);

	if (n != m->nfunction - m->imported_functions)
		wasm_fail(&g->r, "%d functions have %d bodies",
		          m->nfunction - m->imported_functions, n);
	m->body = NEWS(g->arena, const uint8_t *, m->nfunction + 1);
	m->behind = NEWS(g->arena, const uint8_t *, m->nfunction + 1);
	for (int i = 0; i < n && !*g->r.error; i++) {
		int size = read_count(&g->r);

		m->body[m->imported_functions + i] = g->r.at;
		g->r.at += size;
		m->behind[m->imported_functions + i] = g->r.at;
	}
	g->ncode = n;
}

static void
read_tables(ModuleReading *g)
{
	for (int n = read_count(&g->r); n > 0; n--)
		read_table_type(&g->r, g->m);
}

static void
read_memories(ModuleReading *g)
{
	for (int n = read_count(&g->r); n > 0; n--)
		read_memory(&g->r, g->m);
}

static void
read_start(ModuleReading *g)
{
	int f = read_function_index(g);
	const WasmType *t = g->m->nfunction ? &g->m->type[g->m->function_type[f]] : NULL;

	if (t && (t->nparam || t->nresult))
		wasm_fail(&g->r, "the start function takes or gives something");
	g->m->start = f;
}

/* Names of functions, the second part of the name section. Nothing depends on it: what is
 * damaged there is left out. */
static void
read_function_names(ModuleReading *g)
{
	char ignored[WASM_ERROR_SIZE] = "";
	WasmReader r = g->r;

	r.error = ignored;
	while (r.at < r.end) {
		int part = wasm_byte(&r), size = read_count(&r);
		const uint8_t *behind = r.at + size;

		for (int n = part == 1 ? read_count(&r) : 0; n > 0; n--) {
			uint32_t f = wasm_u32(&r);
			const char *name = read_module_name(&r, g->arena);

			if (!*ignored && f < (uint32_t)g->m->nfunction)
				g->m->name[f] = name;
		}
		if (!*ignored)
			r.at = behind;
	}
}

static void
read_custom(ModuleReading *g)
{
	const char *name = read_module_name(&g->r, g->arena);

	if (!strcmp(name, "name") && g->m->name)
		read_function_names(g);
	g->r.at = g->r.end;
}

static const struct Section {
	const char *name;
	void (*read)(ModuleReading *);
} section[] = { { "a custom section", read_custom },    { "the type section", read_types },
	        { "the import section", read_imports }, { "the function section", read_functions },
	        { "the table section", read_tables },   { "the memory section", read_memories },
	        { "the global section", read_globals }, { "the export section", read_exports },
	        { "the start section", read_start },    { "the element section", read_elements },
	        { "the code section", read_code },      { "the data section", read_data } };
enum { SECTIONS = sizeof section / sizeof *section };

/* Names by exports, until the name section has better ones. */
static void
name_functions(ModuleReading *g)
{
	WasmModule *m = g->m;

	m->name = NEWS(g->arena, const char *, m->nfunction + 1);
	for (int f = 0; f < m->nfunction; f++)
		m->name[f] = "";
	for (int i = 0; i < m->nimport; i++)
		if (m->import[i].kind == WASM_FUNCTION) {
			int f = 0;

			for (int k = 0; k < i; k++)
				f += m->import[k].kind == WASM_FUNCTION;
			m->name[f] = m->import[i].name;
		}
	for (int i = 0; i < m->nexport; i++)
		if (m->export[i].kind == WASM_FUNCTION && m->export[i].index < m->nfunction)
			m->name[m->export[i].index] = m->export[i].name;
}

/* A section is read within its own bytes, and must fill them. */
static void
read_section(ModuleReading *g, int *last)
{
	int id = wasm_byte(&g->r);
	const uint8_t *whole = g->r.end;

	if (id >= SECTIONS || (id != 0 && id <= *last)) {
		wasm_fail(&g->r, "section %d %s", id,
		          id >= SECTIONS ? "is not known" : "stands too late");
		return;
	}
	*last = id ? id : *last;
	int size = read_count(&g->r);

	if (*g->r.error)
		return;
	g->r.end = g->r.at + size;
	g->r.within = section[id].name;
	if (id == 0 && *last >= 10 && !g->m->name)
		name_functions(g);
	section[id].read(g);
	if (g->r.at < g->r.end)
		wasm_fail(&g->r, "it goes on behind its end");
	g->r.end = whole;
	g->r.within = "the module";
}

WasmModule *
wasm_module(Arena *arena, const uint8_t *bytes, size_t n, char *error)
{
	static const uint8_t magic[] = { 0, 'a', 's', 'm', 1, 0, 0, 0 };
	ModuleReading g = { .arena = arena, .m = NEW(arena, WasmModule) };
	int last = 0;

	*error = '\0';
	g.r = (WasmReader){ bytes, bytes, bytes + n, error, "the module" };
	g.m->bytes = bytes;
	g.m->start = -1;
	if (n < sizeof magic || memcmp(bytes, magic, sizeof magic) != 0)
		wasm_fail(&g.r, "it does not begin as a WebAssembly module of version 1 does");
	g.r.at += *error ? 0 : sizeof magic;
	while (g.r.at < g.r.end && !*error)
		read_section(&g, &last);
	if (!*error && g.ncode != g.m->nfunction - g.m->imported_functions)
		wasm_fail(&g.r, "functions without bodies");
	if (*error)
		return NULL;
	if (!g.m->body) {
		g.m->body = NEWS(arena, const uint8_t *, g.m->nfunction + 1);
		g.m->behind = NEWS(arena, const uint8_t *, g.m->nfunction + 1);
	}
	if (!g.m->name)
		name_functions(&g);
	return g.m;
}
