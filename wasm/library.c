/* What a module calls and does not contain: the functions of the world outside, and arithmetic on
 * i64 that takes more than a few instructions. Each is a text in the machine's own code:
 *
 *     and r5 r1 #65535          a calculation: destination, operands; # is a constant, z is 0
 *     if ge_u r1 r3 over        a branch, to a line that is "over:"
 *     load8 r2 r1 4             a load from r1 + 4; store8 r1 r2 4
 *     call divmod r9            with its arguments in c1, c2 ...; further results are s0, s1 ...
 *     ret r1 r2                 of two words; the second goes by s0
 *
 * Parameters are r1, r2 ...; an i64 is two. */

#include "wasm/program.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct WasmHost {
	const char *module, *name;
	const char *type; /* "ii>i"; I for i64, f, F */
	const char *code;
};

/* By columns of 16 bits. */
static const char mul64[] =
	"and r5 r1 #65535\n shr_u r6 r1 #16\n and r7 r3 #65535\n shr_u r8 r3 #16\n"
	"mul r9 r5 r7\n mul r10 r5 r8\n mul r11 r6 r7\n mul r12 r6 r8\n"
	"shr_u r13 r9 #16\n and r14 r10 #65535\n add r13 r13 r14\n"
	"and r14 r11 #65535\n add r13 r13 r14\n shr_u r13 r13 #16\n add r12 r12 r13\n"
	"shr_u r10 r10 #16\n add r12 r12 r10\n shr_u r11 r11 #16\n add r12 r12 r11\n"
	"mul r5 r1 r4\n add r12 r12 r5\n mul r5 r2 r3\n add r12 r12 r5\n"
	"mul r1 r1 r3\n ret r1 r12\n";

/* Quotient and remainder, four words: bit by bit, where one word does not do. */
static const char divmod64[] =
	"or r7 r3 r4\n if ne r7 z some\n stop divide_by_zero z\n"
	"some: or r7 r2 r4\n if ne r7 z long\n"
	"rem_u r5 r1 r3\n div_u r1 r1 r3\n mov s0 z\n mov s1 r5\n mov s2 z\n ret r1\n"
	"long: mov r5 z\n mov r6 z\n mov r9 #64\n"
	"next: shr_u r10 r6 #31\n shr_u r7 r5 #31\n shl r6 r6 #1\n or r6 r6 r7\n"
	"shl r5 r5 #1\n shr_u r7 r2 #31\n or r5 r5 r7\n"
	"shl r2 r2 #1\n shr_u r7 r1 #31\n or r2 r2 r7\n shl r1 r1 #1\n"
	"if ne r10 z fits\n if lt_u r6 r4 not\n if ne r6 r4 fits\n if lt_u r5 r3 not\n"
	"fits: lt_u r7 r5 r3\n sub r5 r5 r3\n sub r6 r6 r4\n sub r6 r6 r7\n or r1 r1 #1\n"
	"not: sub r9 r9 #1\n if ne r9 z next\n"
	"mov s0 r2\n mov s1 r5\n mov s2 r6\n ret r1\n";

static const char div_u64[] =
	"mov c1 r1\n mov c2 r2\n mov c3 r3\n mov c4 r4\n call divmod r5\n ret r5 s0\n";
static const char rem_u64[] = "mov c1 r1\n mov c2 r2\n mov c3 r3\n mov c4 r4\n call divmod r5\n"
			      "mov r5 s1\n mov r6 s2\n ret r5 r6\n";

/* On absolute values; r8 says by its sign whether the result changes its own. */
#define ABSOLUTE64 \
	"if ge_s r2 z plus\n ne r7 r1 z\n sub r1 z r1\n sub r2 z r2\n sub r2 r2 r7\n" \
	"plus: if ge_s r4 z both\n ne r7 r3 z\n sub r3 z r3\n sub r4 z r4\n sub r4 r4 r7\n" \
	"both: mov c1 r1\n mov c2 r2\n mov c3 r3\n mov c4 r4\n call divmod r5\n"
#define SIGNED64 \
	"if ge_s r8 z done\n ne r7 r5 z\n sub r5 z r5\n sub r6 z r6\n sub r6 r6 r7\n" \
	"done: ret r5 r6\n"
static const char div_s64[] =
	"xor r8 r2 r4\n"
	"if ne r2 #2147483648 go\n if ne r1 z go\n and r7 r3 r4\n if ne r7 #4294967295 go\n"
	"stop overflow z\n go: " ABSOLUTE64 "mov r6 s0\n" SIGNED64;
static const char rem_s64[] = "mov r8 r2\n" ABSOLUTE64 "mov r5 s1\n mov r6 s2\n" SIGNED64;

static const char shl64[] =
	"and r5 r3 #63\n if lt_u r5 #32 low\n sub r5 r5 #32\n shl r2 r1 r5\n ret z r2\n"
	"low: if eq r5 z done\n sub r6 #32 r5\n shr_u r7 r1 r6\n shl r2 r2 r5\n or r2 r2 r7\n"
	"shl r1 r1 r5\n done: ret r1 r2\n";
static const char shr_u64[] =
	"and r5 r3 #63\n if lt_u r5 #32 low\n sub r5 r5 #32\n shr_u r1 r2 r5\n ret r1 z\n"
	"low: if eq r5 z done\n sub r6 #32 r5\n shl r7 r2 r6\n shr_u r1 r1 r5\n or r1 r1 r7\n"
	"shr_u r2 r2 r5\n done: ret r1 r2\n";
static const char shr_s64[] =
	"and r5 r3 #63\n if lt_u r5 #32 low\n sub r5 r5 #32\n shr_s r1 r2 r5\n shr_s r2 r2 #31\n"
	"ret r1 r2\n"
	"low: if eq r5 z done\n sub r6 #32 r5\n shl r7 r2 r6\n shr_u r1 r1 r5\n or r1 r1 r7\n"
	"shr_s r2 r2 r5\n done: ret r1 r2\n";
#define ROTATE64 \
	"and r5 r3 #63\n if lt_u r5 #32 low\n mov r7 r1\n mov r1 r2\n mov r2 r7\n" \
	"low: and r5 r5 #31\n if eq r5 z done\n sub r6 #32 r5\n" \
	"shr_u r7 r2 r6\n shr_u r8 r1 r6\n shl r1 r1 r5\n or r1 r1 r7\n shl r2 r2 r5\n" \
	"or r2 r2 r8\n done: ret r1 r2\n"
static const char rotl64[] = ROTATE64;
static const char rotr64[] = "sub r3 z r3\n" ROTATE64;

/* Bytes of `r3` pieces of memory at r2, each an address and a length. */
static const char fd_write[] =
	"if eq r1 z bad\n if ge_u r1 #3 bad\n mov r5 z\n"
	"piece: if eq r3 z done\n load r6 r2 0\n load r7 r2 4\n"
	"byte: if eq r7 z after\n load8 r8 r6 0\n if eq r1 #2 error\n put 1 r8\n goto put\n"
	"error: put 2 r8\n"
	"put: add r6 r6 #1\n sub r7 r7 #1\n add r5 r5 #1\n goto byte\n"
	"after: add r2 r2 #8\n sub r3 r3 #1\n goto piece\n"
	"done: store r4 r5 0\n ret z\n bad: ret #8\n";
/* Up to the end of a line, as a terminal gives it. */
static const char fd_read[] =
	"if ne r1 z bad\n mov r5 z\n"
	"piece: if eq r3 z done\n load r6 r2 0\n load r7 r2 4\n"
	"byte: if eq r7 z after\n get r8\n if lt_s r8 z done\n store8 r6 r8 0\n"
	"add r6 r6 #1\n sub r7 r7 #1\n add r5 r5 #1\n if eq r8 #10 done\n goto byte\n"
	"after: add r2 r2 #8\n sub r3 r3 #1\n goto piece\n"
	"done: store r4 r5 0\n ret z\n bad: ret #8\n";
/* Input and output are devices of characters. */
static const char fd_fdstat_get[] =
	"if ge_u r1 #3 bad\n store r2 #2 0\n store r2 z 4\n store r2 #4294967295 8\n"
	"store r2 #4294967295 12\n store r2 z 16\n store r2 z 20\n ret z\n bad: ret #8\n";
static const char args_sizes[] = "args_sizes r1 r2\n ret z\n";
static const char args_get[] = "args r1 r2\n ret z\n";

static const struct WasmHost host[] = {
	{ "env", "putchar", "i>i", "put 1 r1\n and r1 r1 #255\n ret r1\n" },
	{ "env", "getchar", ">i", "get r1\n ret r1\n" },
	{ "env", "exit", "i>", "stop exit r1\n" },
	{ "wasi_snapshot_preview1", "fd_write", "iiii>i", fd_write },
	{ "wasi_snapshot_preview1", "fd_read", "iiii>i", fd_read },
	{ "wasi_snapshot_preview1", "fd_close", "i>i", "ret z\n" },
	{ "wasi_snapshot_preview1", "fd_seek", "iIii>i", "ret #70\n" },
	{ "wasi_snapshot_preview1", "fd_fdstat_get", "ii>i", fd_fdstat_get },
	{ "wasi_snapshot_preview1", "fd_fdstat_set_flags", "ii>i", "ret z\n" },
	{ "wasi_snapshot_preview1", "fd_prestat_get", "ii>i", "ret #8\n" },
	{ "wasi_snapshot_preview1", "fd_prestat_dir_name", "iii>i", "ret #8\n" },
	{ "wasi_snapshot_preview1", "environ_sizes_get", "ii>i",
	  "store r1 z 0\n store r2 z 0\n ret z\n" },
	{ "wasi_snapshot_preview1", "environ_get", "ii>i", "ret z\n" },
	{ "wasi_snapshot_preview1", "args_sizes_get", "ii>i", args_sizes },
	{ "wasi_snapshot_preview1", "args_get", "ii>i", args_get },
	{ "wasi_snapshot_preview1", "proc_exit", "i>", "stop exit r1\n" },
	{ "spectest", "print", ">", "ret z\n" },
	{ "spectest", "print_i32", "i>", "ret z\n" },
	{ "spectest", "print_i64", "I>", "ret z\n" },
	{ "spectest", "print_f32", "f>", "ret z\n" },
	{ "spectest", "print_f64", "F>", "ret z\n" },
	{ "spectest", "print_i32_f32", "if>", "ret z\n" },
	{ "spectest", "print_f64_f64", "FF>", "ret z\n" },
	{ "i64", "mul", "II>I", mul64 },
	{ "i64", "divmod", "II>II", divmod64 },
	{ "i64", "div_u", "II>I", div_u64 },
	{ "i64", "rem_u", "II>I", rem_u64 },
	{ "i64", "div_s", "II>I", div_s64 },
	{ "i64", "rem_s", "II>I", rem_s64 },
	{ "i64", "shl", "II>I", shl64 },
	{ "i64", "shr_u", "II>I", shr_u64 },
	{ "i64", "shr_s", "II>I", shr_s64 },
	{ "i64", "rotl", "II>I", rotl64 },
	{ "i64", "rotr", "II>I", rotr64 },
};

static uint8_t *
types_of(Arena *arena, const char *s, int n)
{
	uint8_t *t = NEWS(arena, uint8_t, n + 1);

	for (int i = 0; i < n; i++)
		t[i] = s[i] == 'i'   ? WASM_I32
		       : s[i] == 'I' ? WASM_I64
		       : s[i] == 'f' ? WASM_F32
		                     : WASM_F64;
	return t;
}

static const WasmType *
signature_type(Arena *arena, const char *s)
{
	WasmType *t = NEW(arena, WasmType);
	const char *arrow = strchr(s, '>');

	t->nparam = (int)(arrow - s);
	t->param = types_of(arena, s, t->nparam);
	t->nresult = (int)strlen(arrow + 1);
	t->result = types_of(arena, arrow + 1, t->nresult);
	return t;
}

WasmFunction *
wasm_host(WasmProgram *p, const char *module, const char *name)
{
	for (size_t i = 0; i < sizeof host / sizeof *host; i++) {
		if (strcmp(host[i].module, module) != 0 || strcmp(host[i].name, name) != 0)
			continue;
		for (int k = 0; k < p->nhost; k++)
			if (p->host[k]->host == &host[i])
				return p->host[k];
		WasmFunction *f = NEW(p->arena, WasmFunction);

		*f = (WasmFunction){ .type = signature_type(p->arena, host[i].type),
			             .entry = -1,
			             .calls = -1,
			             .host = &host[i] };
		GROW(p->arena, p->host, p->host_cap, p->nhost + 1);
		return p->host[p->nhost++] = f;
	}
	return NULL;
}

WasmExtern
wasm_find_host(void *with, WasmProgram *p, const WasmImport *want, const WasmModule *m)
{
	(void)with;
	(void)m;
	return (WasmExtern){ .kind = want->kind,
		             .function = wasm_host(p, want->module, want->name) };
}

/* ---- the assembler */

enum { MOST_LABELS = 16, MOST_WORDS = 6 };

typedef struct LibraryCode {
	WasmProgram *p;
	int nlabel;
	struct {
		char name[16];
		int at, chain;
	} label[MOST_LABELS];
} LibraryCode;

static int
library_label(LibraryCode *a, const char *name)
{
	for (int i = 0; i < a->nlabel; i++)
		if (!strcmp(a->label[i].name, name))
			return i;
	snprintf(a->label[a->nlabel].name, sizeof a->label->name, "%s", name);
	a->label[a->nlabel].at = a->label[a->nlabel].chain = -1;
	return a->nlabel++;
}

static void
jump_to_label(LibraryCode *a, WasmInstr *i, const char *name)
{
	int n = library_label(a, name);

	i->to = (uint16_t)a->label[n].at;
	if (a->label[n].at >= 0)
		return;
	i->chain = a->label[n].chain;
	a->label[n].chain = (int)(i - a->p->code);
}

static void
place_label(LibraryCode *a, const char *name)
{
	int n = library_label(a, name);

	a->label[n].at = a->p->ncode;
	for (int i = a->label[n].chain; i >= 0; i = a->p->code[i].chain)
		a->p->code[i].to = (uint16_t)a->p->ncode;
}

static void
parse_operand(WasmProgram *p, const char *s, uint16_t *at, bool *shared)
{
	*shared = *s != 'r';
	*at = (uint16_t)(*s == 'z'   ? W_ZERO
	                 : *s == '#' ? wasm_constant(p, (uint32_t)strtoul(s + 1, NULL, 10))
	                             : atoi(s + 1));
}

static void
parse_destination(WasmInstr *i, const char *s)
{
	i->frame = *s == 'c' ? W_CALLED : *s == 's' ? W_SHARED : W_HERE;
	i->d = (uint16_t)atoi(s + 1);
}

static const char *const calc_names[] = {
	"add",  "sub",  "mul",  "and",  "or",     "xor",     "shl",      "shr_u", "shr_s",
	"rotl", "rotr", "clz",  "ctz",  "popcnt", "extend8", "extend16", "eq",    "ne",
	"lt_s", "lt_u", "ge_s", "ge_u", "div_s",  "div_u",   "rem_s",    "rem_u",
};

static int
calc_number(const char *name)
{
	for (int i = 0; i < (int)(sizeof calc_names / sizeof *calc_names); i++)
		if (!strcmp(calc_names[i], name))
			return i;
	return -1;
}

/* An instruction on up to two operands. */
static WasmInstr *
emit_operands(WasmProgram *p, WasmOp op, const char *x, const char *y)
{
	uint16_t a, b;
	bool a_shared, b_shared;

	parse_operand(p, x, &a, &a_shared);
	parse_operand(p, y, &b, &b_shared);
	WasmInstr *i = wasm_emit(p, op);

	i->a = a;
	i->a_shared = a_shared;
	i->b = b;
	i->b_shared = b_shared;
	return i;
}

static void
assemble_return(WasmProgram *p, char *const *word, int n)
{
	if (n > 2) {
		WasmInstr *i = emit_operands(p, W_CALC, word[2], "z");

		i->calc = W_OR;
		parse_destination(i, "s0");
	}
	emit_operands(p, W_RETURN, "r0", word[1]);
}

static void
assemble_access(WasmProgram *p, char *const *word, bool stores)
{
	const char *size = word[0] + (stores ? 5 : 4);
	WasmInstr *i = stores ? emit_operands(p, W_STORE, word[1], word[2])
	                      : emit_operands(p, W_LOAD, word[2], "z");

	i->size = *size == '8' ? W_BYTE : *size ? W_HALF : W_FULL;
	i->value = (uint32_t)strtoul(word[3], NULL, 10);
	if (!stores)
		parse_destination(i, word[1]);
}

/* How many arguments there are, and how long they are with the zeros behind them. */
static void
assemble_args_sizes(WasmProgram *p, char *const *word)
{
	char count[16], length[16];
	size_t n = 0;

	for (int i = 0; i < p->args; i++)
		n += strlen(p->arg[i]) + 1;
	snprintf(count, sizeof count, "#%d", p->args);
	snprintf(length, sizeof length, "#%zu", n);
	emit_operands(p, W_STORE, word[1], count)->size = W_FULL;
	emit_operands(p, W_STORE, word[2], length)->size = W_FULL;
}

/* Their addresses to the first operand, their bytes to the second. */
static void
assemble_args(WasmProgram *p, char *const *word)
{
	uint32_t at = 0;
	char number[16];

	for (int i = 0; i < p->args; i++) {
		snprintf(number, sizeof number, "#%u", at);
		WasmInstr *sum = emit_operands(p, W_CALC, word[2], number);

		sum->calc = W_ADD;
		sum->d = 9;
		WasmInstr *store = emit_operands(p, W_STORE, word[1], "r9");

		store->size = W_FULL;
		store->value = 4 * (uint32_t)i;
		for (const char *s = p->arg[i];; s++) {
			snprintf(number, sizeof number, "#%d", (unsigned char)*s);
			store = emit_operands(p, W_STORE, word[2], *s ? number : "z");
			store->size = W_BYTE;
			store->value = at++;
			if (!*s)
				break;
		}
	}
}

static WasmEnd
end_of(const char *name)
{
	return !strcmp(name, "exit")       ? W_EXIT
	       : !strcmp(name, "overflow") ? W_OVERFLOW
	                                   : W_DIVIDE_BY_ZERO;
}

static void
assemble_line(LibraryCode *a, char **word, int n)
{
	WasmProgram *p = a->p;
	const char *op = word[0];
	int calc = calc_number(op);
	WasmInstr *i;

	if (calc >= 0 || !strcmp(op, "mov")) {
		i = emit_operands(p, calc >= W_DIV_S ? W_DIVIDE : W_CALC, word[2],
		                  calc >= 0 && n > 3 ? word[3] : "z");
		i->calc = (uint8_t)(calc >= 0 ? calc : W_OR);
		parse_destination(i, word[1]);
	} else if (!strcmp(op, "if")) {
		i = emit_operands(p, W_BRANCH, word[2], word[3]);
		i->calc = (uint8_t)calc_number(word[1]);
		jump_to_label(a, i, word[4]);
	} else if (!strcmp(op, "goto")) {
		i = emit_operands(p, W_BRANCH, "z", "z");
		i->calc = W_EQ;
		jump_to_label(a, i, word[1]);
	} else if (!strncmp(op, "load", 4) || !strncmp(op, "store", 5)) {
		assemble_access(p, word, *op == 's');
	} else if (!strcmp(op, "put")) {
		emit_operands(p, W_PUT, word[2], "z")->d = (uint16_t)atoi(word[1]);
	} else if (!strcmp(op, "get")) {
		parse_destination(wasm_emit(p, W_GET), word[1]);
	} else if (!strcmp(op, "call")) {
		i = wasm_emit(p, W_CALL);
		i->value = (uint32_t)atoi(word[2] + 1) << 16;
		wasm_call_to(p, i, wasm_host(p, "i64", word[1]));
	} else if (!strcmp(op, "ret")) {
		assemble_return(p, word, n);
	} else if (!strcmp(op, "stop")) {
		emit_operands(p, W_STOP, word[2], "z")->end = end_of(word[1]);
	} else if (!strcmp(op, "args_sizes")) {
		assemble_args_sizes(p, word);
	} else {
		assemble_args(p, word);
	}
}

int
wasm_assemble(WasmProgram *p, const struct WasmHost *h)
{
	LibraryCode a = { .p = p };
	int start = p->ncode;
	char *text = arena_strn(p->arena, h->code, strlen(h->code)), *line, *rest = text;

	while ((line = strsep(&rest, "\n")) != NULL) {
		char *word[MOST_WORDS], *w;
		int n = 0;

		while ((w = strsep(&line, " ")) != NULL) {
			size_t length = strlen(w);

			if (length > 0 && w[length - 1] == ':') {
				w[length - 1] = '\0';
				place_label(&a, w);
			} else if (length > 0) {
				word[n++] = w;
			}
		}
		if (n > 0)
			assemble_line(&a, word, n);
	}
	return start;
}
