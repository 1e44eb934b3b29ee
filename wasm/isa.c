/* A second reader: the 55 opcodes of a stack machine, as text, into the machine's register code.
 *
 *     1 10  1 0  1 1  6 0 ...       pairs of an opcode's number and its argument, or
 *     PUSH 10  PUSH 0  SUB          its name, and an argument where it takes one; # to the line's
 * end
 *
 * The opcodes mean what WebAssembly's of the same name mean. Jumps go to instruction numbers, CALL
 * remembers where to go on, and the height of the stack; RETURN brings that height back, and one
 * value on top of it. Operands of a function lie where its caller left them, below its own.
 *
 * A cell of the stack becomes a register, for its height above the function's entry is the same
 * whenever an instruction is reached (as in bytecode verification; Leroy 2003). Where it is not the
 * program is refused. Of a function that reaches three cells below its entry, and has four of its
 * own,
 *
 *     register   1 2 3   4 5 6 7   8 ...
 *     cell      -3-2-1   0 1 2 3   locals, 0 at first
 *
 * and what it wrote into cells below its entry, its caller takes over. */

#include "wasm/isa.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef enum IsaForm {
	ISA_PUSH,
	ISA_POP,
	ISA_CALC, /* one or two operands, one result */
	ISA_SWAPPED,
	ISA_DIVIDE,
	ISA_LOAD,
	ISA_STORE,
	ISA_DUP,
	ISA_SWAP,
	ISA_OVER,
	ISA_ROT,
	ISA_ABS,
	ISA_NEG,
	ISA_SELECT,
	ISA_GET,
	ISA_SET,
	ISA_TEE,
	ISA_JZ,
	ISA_JNZ,
	ISA_CALL,
	ISA_RETURN,
	ISA_HALT,
	ISA_NOP,
	ISA_TRAP,
} IsaForm;

typedef struct IsaOpcode {
	uint8_t number;
	const char *name;
	uint8_t form, pops, pushes, calc; /* of a load or store: WasmSize */
	bool has_argument, is_signed;
} IsaOpcode;

static const IsaOpcode opcodes[] = {
	{ 1, "PUSH", ISA_PUSH, 0, 1, 0, true, false },
	{ 2, "POP", ISA_POP, 1, 0, 0, false, false },
	{ 3, "ADD", ISA_CALC, 2, 1, W_ADD, false, false },
	{ 4, "DUP", ISA_DUP, 1, 2, 0, false, false },
	{ 5, "HALT", ISA_HALT, 0, 0, 0, false, false },
	{ 6, "SUB", ISA_CALC, 2, 1, W_SUB, false, false },
	{ 7, "JZ", ISA_JZ, 1, 0, W_EQ, true, false },
	{ 8, "JNZ", ISA_JNZ, 1, 0, W_NE, true, false },
	{ 9, "NOP", ISA_NOP, 0, 0, 0, false, false },
	{ 10, "SWAP", ISA_SWAP, 2, 2, 0, false, false },
	{ 11, "OVER", ISA_OVER, 2, 3, 0, false, false },
	{ 12, "ROT", ISA_ROT, 3, 3, 0, false, false },
	{ 13, "MUL", ISA_CALC, 2, 1, W_MUL, false, false },
	{ 14, "DIV_S", ISA_DIVIDE, 2, 1, W_DIV_S, false, false },
	{ 15, "DIV_U", ISA_DIVIDE, 2, 1, W_DIV_U, false, false },
	{ 16, "REM_S", ISA_DIVIDE, 2, 1, W_REM_S, false, false },
	{ 17, "REM_U", ISA_DIVIDE, 2, 1, W_REM_U, false, false },
	{ 18, "EQZ", ISA_CALC, 1, 1, W_EQ, false, false },
	{ 19, "EQ", ISA_CALC, 2, 1, W_EQ, false, false },
	{ 20, "NE", ISA_CALC, 2, 1, W_NE, false, false },
	{ 21, "LT_S", ISA_CALC, 2, 1, W_LT_S, false, false },
	{ 22, "LT_U", ISA_CALC, 2, 1, W_LT_U, false, false },
	{ 23, "GT_S", ISA_SWAPPED, 2, 1, W_LT_S, false, false },
	{ 24, "GT_U", ISA_SWAPPED, 2, 1, W_LT_U, false, false },
	{ 25, "LE_S", ISA_SWAPPED, 2, 1, W_GE_S, false, false },
	{ 26, "LE_U", ISA_SWAPPED, 2, 1, W_GE_U, false, false },
	{ 27, "GE_S", ISA_CALC, 2, 1, W_GE_S, false, false },
	{ 28, "GE_U", ISA_CALC, 2, 1, W_GE_U, false, false },
	{ 29, "AND", ISA_CALC, 2, 1, W_AND, false, false },
	{ 30, "OR", ISA_CALC, 2, 1, W_OR, false, false },
	{ 31, "XOR", ISA_CALC, 2, 1, W_XOR, false, false },
	{ 32, "SHL", ISA_CALC, 2, 1, W_SHL, false, false },
	{ 33, "SHR_S", ISA_CALC, 2, 1, W_SHR_S, false, false },
	{ 34, "SHR_U", ISA_CALC, 2, 1, W_SHR_U, false, false },
	{ 35, "ROTL", ISA_CALC, 2, 1, W_ROTL, false, false },
	{ 36, "ROTR", ISA_CALC, 2, 1, W_ROTR, false, false },
	{ 37, "CLZ", ISA_CALC, 1, 1, W_CLZ, false, false },
	{ 38, "CTZ", ISA_CALC, 1, 1, W_CTZ, false, false },
	{ 39, "POPCNT", ISA_CALC, 1, 1, W_POPCNT, false, false },
	{ 40, "ABS", ISA_ABS, 1, 1, 0, false, false },
	{ 41, "NEG", ISA_NEG, 1, 1, 0, false, false },
	{ 42, "SELECT", ISA_SELECT, 3, 1, 0, false, false },
	{ 43, "LOCAL.GET", ISA_GET, 0, 1, 0, true, false },
	{ 44, "LOCAL.SET", ISA_SET, 1, 0, 0, true, false },
	{ 45, "LOCAL.TEE", ISA_TEE, 1, 1, 0, true, false },
	{ 46, "I32.LOAD", ISA_LOAD, 1, 1, W_FULL, false, false },
	{ 47, "I32.STORE", ISA_STORE, 2, 0, W_FULL, false, false },
	{ 48, "LOAD8_U", ISA_LOAD, 1, 1, W_BYTE, false, false },
	{ 49, "LOAD8_S", ISA_LOAD, 1, 1, W_BYTE, false, true },
	{ 50, "LOAD16_U", ISA_LOAD, 1, 1, W_HALF, false, false },
	{ 51, "LOAD16_S", ISA_LOAD, 1, 1, W_HALF, false, true },
	{ 52, "STORE8", ISA_STORE, 2, 0, W_BYTE, false, false },
	{ 53, "STORE16", ISA_STORE, 2, 0, W_HALF, false, false },
	{ 54, "CALL", ISA_CALL, 0, 1, 0, true, false },
	{ 55, "RETURN", ISA_RETURN, 1, 0, 0, false, false },
	{ 99, "TRAP", ISA_TRAP, 0, 0, 0, false, false },
};

enum {
	ISA_PAGES = 16,
	ISA_LOCALS = 1024,
	ISA_BELOW = 56, /* cells below its entry that a function reaches, at most; 64 registers of
	                 * the shared frame are there to bring back what it wrote into them */
	ISA_CELLS = 2000,
	ISA_UNKNOWN = -100000, /* not reached */
};

typedef struct IsaInstr {
	const IsaOpcode *op;
	uint32_t arg;
	int line;
} IsaInstr;

/* A function: the main program, or what some CALL leads to. */
typedef struct IsaFunction {
	WasmFunction f;
	int start;
	int below;                /* cells below its entry that it reaches */
	int above;                /* and above */
	int locals;               /* that it has */
	bool writes[ISA_BELOW];   /* cell -1 - i */
	int *height;              /* (ninstr) before each instruction; ISA_UNKNOWN */
	struct IsaFunction *next; /* of the program */
} IsaFunction;

typedef struct IsaReader {
	WasmProgram *p;
	IsaInstr *instr;
	int ninstr, cap;
	IsaFunction *function;
	bool changed;
	int *work, nwork; /* instructions that are to be looked at */
	bool *target;     /* (ninstr + 1) a jump or call leads there */
	int *pc;          /* (ninstr + 1) of a function's code: where each begins */
} IsaReader;

/* ---- text */

static bool
isa_fail(IsaReader *r, int instr, const char *what)
{
	const IsaInstr *i = &r->instr[instr];

	snprintf(r->p->error, sizeof r->p->error, "line %d: instruction %d (%s): %s", i->line,
	         instr, i->op->name, what);
	return false;
}

static bool
refuse_word(IsaReader *r, int line, const char *word, const char *what)
{
	snprintf(r->p->error, sizeof r->p->error, "line %d: '%.40s' %s", line, word, what);
	return false;
}

static const IsaOpcode *
find_isa_opcode(const char *word)
{
	int number = isdigit((unsigned char)*word) ? atoi(word) : -1;

	for (size_t i = 0; i < sizeof opcodes / sizeof *opcodes; i++) {
		const char *a = opcodes[i].name, *b = word;
		while (*a && *a == toupper((unsigned char)*b))
			a++, b++;
		if (number >= 0 ? opcodes[i].number == number : !*a && !*b)
			return &opcodes[i];
	}
	return NULL;
}

/* The next word, cut to size; false at the end. */
static bool
next_isa_word(const char **at, int *line, char *word, size_t size)
{
	size_t n = 0;

	for (; isspace((unsigned char)**at) || **at == '#'; ++*at) {
		if (**at == '#')
			*at += strcspn(*at, "\n");
		*line += **at == '\n';
		if (!**at)
			return false;
	}
	for (; **at && **at != '#' && !isspace((unsigned char)**at); ++*at)
		if (n + 1 < size)
			word[n++] = **at;
	word[n] = '\0';
	return n > 0;
}

static bool
read_isa_number(IsaReader *r, int line, const char *word, uint32_t *to)
{
	char *end;
	long long x;

	errno = 0;
	x = strtoll(word, &end, 10);
	if (*end || end == word || errno || x < -2147483648ll || x > 4294967295ll)
		return refuse_word(r, line, word, "is no number of 32 bits");
	*to = (uint32_t)x;
	return true;
}

static bool
read_isa(IsaReader *r, const char *text)
{
	char word[64];
	int line = 1;

	while (next_isa_word(&text, &line, word, sizeof word)) {
		IsaInstr i = { find_isa_opcode(word), 0, line };
		bool by_number = isdigit((unsigned char)*word);

		if (!i.op)
			return refuse_word(r, line, word, "is no opcode");
		if (by_number || i.op->has_argument) {
			if (!next_isa_word(&text, &line, word, sizeof word))
				return refuse_word(r, line, i.op->name, "has no argument");
			if (!read_isa_number(r, line, word, &i.arg))
				return false;
		}
		GROW(r->p->arena, r->instr, r->cap, r->ninstr + 1);
		r->instr[r->ninstr++] = i;
	}
	if (!r->ninstr)
		snprintf(r->p->error, sizeof r->p->error, "there are no instructions");
	return r->ninstr > 0;
}

/* ---- heights */

static bool
is_isa_jump(const IsaInstr *i)
{
	return i->op->form == ISA_JZ || i->op->form == ISA_JNZ;
}

static IsaFunction *
isa_function(IsaReader *r, int start)
{
	IsaFunction **at = &r->function;

	for (; *at; at = &(*at)->next)
		if ((*at)->start == start)
			return *at;
	*at = NEW(r->p->arena, IsaFunction);
	(*at)->start = start;
	(*at)->height = NEWS(r->p->arena, int, r->ninstr);
	r->changed = true;
	return *at;
}

/* It reaches this cell, and may write it. */
static bool
reach_cell(IsaReader *r, IsaFunction *f, int instr, int cell, bool writes)
{
	if (cell >= f->above)
		f->above = cell + 1;
	if (cell >= ISA_CELLS)
		return isa_fail(r, instr, "the stack becomes too high");
	if (cell >= 0)
		return true;
	if (f->start == 0)
		return isa_fail(r, instr, "it takes more than there is on the stack");
	if (-cell > ISA_BELOW)
		return isa_fail(r, instr, "the function reaches too far below its entry");
	if (-cell > f->below) {
		f->below = -cell;
		r->changed = true;
	}
	if (writes && !f->writes[-1 - cell])
		f->writes[-1 - cell] = r->changed = true;
	return true;
}

/* Beyond the program there is a trap. */
static int
isa_target(const IsaReader *r, const IsaInstr *jump)
{
	return jump->arg < (uint32_t)r->ninstr ? (int)jump->arg : r->ninstr;
}

/* A jump that is always taken, since what it asks for was pushed just before. */
static bool
always_jumps(const IsaReader *r, int instr)
{
	const IsaInstr *i = &r->instr[instr], *before = i - 1;

	return instr > 0 && is_isa_jump(i) && before->op->form == ISA_PUSH && !r->target[instr]
	       && (before->arg != 0) == (i->op->form == ISA_JNZ);
}

static bool
flow_to(IsaReader *r, IsaFunction *f, int to, int height)
{
	if (to >= r->ninstr)
		return true;
	if (f->height[to] == height)
		return true;
	if (f->height[to] != ISA_UNKNOWN)
		return isa_fail(r, to, "it is reached with two heights of the stack");
	f->height[to] = height;
	r->work[r->nwork++] = to;
	return true;
}

static bool
reach_called(IsaReader *r, IsaFunction *f, int instr, int h)
{
	const IsaInstr *i = &r->instr[instr];

	if (i->arg >= (uint32_t)r->ninstr)
		return isa_fail(r, instr, "it leads out of the program");
	const IsaFunction *called = isa_function(r, (int)i->arg);
	for (int k = 0; k < called->below; k++)
		if (!reach_cell(r, f, instr, h - 1 - k, called->writes[k]))
			return false;
	return true;
}

static bool
follow_instr(IsaReader *r, IsaFunction *f, int instr)
{
	const IsaInstr *i = &r->instr[instr];
	int form = i->op->form, h = f->height[instr], low = h - i->op->pops;
	bool keeps = form == ISA_DUP || form == ISA_OVER || form == ISA_TEE;

	for (int k = 0; k < i->op->pops; k++)
		if (!reach_cell(r, f, instr, low + k, false))
			return false;
	for (int k = 0; k < i->op->pushes; k++)
		if (!reach_cell(r, f, instr, low + k, !keeps || k >= i->op->pops))
			return false;
	if ((form == ISA_GET || form == ISA_SET || form == ISA_TEE) && i->arg >= ISA_LOCALS)
		return isa_fail(r, instr, "there are 1,024 locals");
	if (form == ISA_CALL && !reach_called(r, f, instr, h))
		return false;
	if (form == ISA_RETURN && f->start == 0)
		return isa_fail(r, instr, "no call is open");
	if ((form == ISA_GET || form == ISA_SET || form == ISA_TEE) && (int)i->arg >= f->locals)
		f->locals = (int)i->arg + 1;
	if (is_isa_jump(i) && !flow_to(r, f, isa_target(r, i), low))
		return false;
	if (form == ISA_RETURN || form == ISA_HALT || form == ISA_TRAP || always_jumps(r, instr))
		return true;
	return flow_to(r, f, instr + 1, low + i->op->pushes);
}

static bool
find_heights(IsaReader *r, IsaFunction *f)
{
	for (int i = 0; i < r->ninstr; i++)
		f->height[i] = ISA_UNKNOWN;
	f->height[f->start] = 0;
	r->work[0] = f->start;
	r->nwork = 1;
	while (r->nwork > 0)
		if (!follow_instr(r, f, r->work[--r->nwork]))
			return false;
	return true;
}

/* Until no function is found to reach further than it was known to. */
static bool
find_all_heights(IsaReader *r)
{
	r->work = NEWS(r->p->arena, int, r->ninstr + 1);
	r->target = NEWS(r->p->arena, bool, r->ninstr + 1);
	for (int i = 0; i < r->ninstr; i++)
		if (is_isa_jump(&r->instr[i]) || r->instr[i].op->form == ISA_CALL)
			r->target[isa_target(r, &r->instr[i])] = true;
	isa_function(r, 0);
	while (r->changed) {
		r->changed = false;
		for (IsaFunction *f = r->function; f; f = f->next)
			if (!find_heights(r, f))
				return false;
	}
	return true;
}

/* ---- code */

/* A register of the frame, or a constant. */
typedef struct IsaPlace {
	uint16_t at;
	bool shared;
} IsaPlace;

static const IsaPlace isa_zero = { W_ZERO, true };

static IsaPlace
cell_place(const IsaFunction *f, int cell)
{
	return (IsaPlace){ (uint16_t)(1 + f->below + cell), false };
}

static IsaPlace
local_place(const IsaFunction *f, uint32_t local)
{
	return (IsaPlace){ (uint16_t)((uint32_t)(2 + f->below + f->above) + local), false };
}

static WasmInstr *
isa_emit(IsaReader *r, WasmOp op, IsaPlace a, IsaPlace b)
{
	WasmInstr *i = wasm_emit(r->p, op);

	i->a = a.at;
	i->a_shared = a.shared;
	i->b = b.at;
	i->b_shared = b.shared;
	return i;
}

static void
isa_calc(IsaReader *r, int calc, IsaPlace d, IsaPlace a, IsaPlace b)
{
	WasmInstr *i = isa_emit(r, W_CALC, a, b);

	i->calc = (uint8_t)calc;
	i->d = d.at;
	i->frame = d.shared ? W_SHARED : W_HERE;
}

static void
isa_move(IsaReader *r, IsaPlace d, IsaPlace from)
{
	isa_calc(r, W_OR, d, from, isa_zero);
}

/* Absolute value: (x xor s) - s, s being 0 or, below 0, all ones. */
static void
isa_absolute(IsaReader *r, IsaPlace x, IsaPlace s)
{
	IsaPlace bits = { (uint16_t)wasm_constant(r->p, 31), true };

	isa_calc(r, W_SHR_S, s, x, bits);
	isa_calc(r, W_XOR, x, x, s);
	isa_calc(r, W_SUB, x, x, s);
}

/* a, b, c below the height h become b, c, a. */
static void
isa_rotate(IsaReader *r, const IsaFunction *f, int h)
{
	isa_move(r, cell_place(f, h), cell_place(f, h - 3));
	for (int k = -3; k < 0; k++)
		isa_move(r, cell_place(f, h + k), cell_place(f, h + k + 1));
}

static void
isa_swap(IsaReader *r, const IsaFunction *f, int h)
{
	isa_move(r, cell_place(f, h), cell_place(f, h - 2));
	isa_move(r, cell_place(f, h - 2), cell_place(f, h - 1));
	isa_move(r, cell_place(f, h - 1), cell_place(f, h));
}

static void
isa_select(IsaReader *r, const IsaFunction *f, int h)
{
	WasmInstr *over = isa_emit(r, W_BRANCH, cell_place(f, h - 1), isa_zero);

	over->calc = W_NE;
	isa_move(r, cell_place(f, h - 3), cell_place(f, h - 2));
	over->to = (uint16_t)r->p->ncode;
}

static void
isa_call(IsaReader *r, const IsaFunction *f, int h, uint32_t to)
{
	IsaFunction *called = isa_function(r, (int)to);

	for (int k = 0; k < called->below; k++) {
		WasmInstr *i = isa_emit(r, W_CALC, cell_place(f, h - 1 - k), isa_zero);
		i->calc = W_OR;
		i->d = cell_place(called, -1 - k).at;
		i->frame = W_CALLED;
	}
	WasmInstr *call = isa_emit(r, W_CALL, isa_zero, isa_zero);
	call->value = (uint32_t)cell_place(f, h).at << 16;
	wasm_call_to(r->p, call, &called->f);
	for (int k = 0; k < called->below; k++)
		if (called->writes[k])
			isa_move(r, cell_place(f, h - 1 - k),
			         (IsaPlace){ (uint16_t)(k + 1), true });
}

static void
isa_return(IsaReader *r, const IsaFunction *f, int h)
{
	for (int k = 0; k < f->below; k++)
		if (f->writes[k])
			isa_move(r, (IsaPlace){ (uint16_t)(k + 1), true }, cell_place(f, -1 - k));
	isa_emit(r, W_RETURN, (IsaPlace){ 0, false }, cell_place(f, h - 1));
}

static void
isa_stop(IsaReader *r, WasmEnd end, IsaPlace a)
{
	isa_emit(r, W_STOP, a, isa_zero)->end = (uint8_t)end;
}

static void
isa_access(IsaReader *r, const IsaFunction *f, const IsaInstr *i, int h)
{
	bool loads = i->op->form == ISA_LOAD;
	WasmInstr *to = loads ? isa_emit(r, W_LOAD, cell_place(f, h - 1), isa_zero)
	                      : isa_emit(r, W_STORE, cell_place(f, h - 2), cell_place(f, h - 1));

	to->size = i->op->calc;
	to->is_signed = i->op->is_signed;
	to->d = loads ? cell_place(f, h - 1).at : 0;
}

static void
lower_isa_instr(IsaReader *r, const IsaFunction *f, int instr)
{
	const IsaInstr *i = &r->instr[instr];
	int h = f->height[instr];
	IsaPlace x = cell_place(f, h - i->op->pops), top = cell_place(f, h - 1);

	switch ((IsaForm)i->op->form) {
	case ISA_PUSH:
		isa_move(r, cell_place(f, h),
		         (IsaPlace){ (uint16_t)wasm_constant(r->p, i->arg), true });
		break;
	case ISA_CALC: isa_calc(r, i->op->calc, x, x, i->op->pops == 2 ? top : isa_zero); break;
	case ISA_SWAPPED: isa_calc(r, i->op->calc, x, top, x); break;
	case ISA_DIVIDE:
		isa_calc(r, i->op->calc, x, x, top);
		r->p->code[r->p->ncode - 1].op = W_DIVIDE;
		break;
	case ISA_LOAD:
	case ISA_STORE: isa_access(r, f, i, h); break;
	case ISA_DUP: isa_move(r, cell_place(f, h), top); break;
	case ISA_SWAP: isa_swap(r, f, h); break;
	case ISA_OVER: isa_move(r, cell_place(f, h), cell_place(f, h - 2)); break;
	case ISA_ROT: isa_rotate(r, f, h); break;
	case ISA_ABS: isa_absolute(r, top, cell_place(f, h)); break;
	case ISA_NEG: isa_calc(r, W_SUB, top, isa_zero, top); break;
	case ISA_SELECT: isa_select(r, f, h); break;
	case ISA_GET: isa_move(r, cell_place(f, h), local_place(f, i->arg)); break;
	case ISA_SET:
	case ISA_TEE: isa_move(r, local_place(f, i->arg), top); break;
	case ISA_JZ:
	case ISA_JNZ: {
		WasmInstr *jump = isa_emit(r, W_BRANCH, top, isa_zero);
		jump->calc = i->op->calc;
		jump->chain = isa_target(r, i); /* until all of the function is there */
		break;
	}
	case ISA_CALL: isa_call(r, f, h, i->arg); break;
	case ISA_RETURN: isa_return(r, f, h); break;
	case ISA_HALT: isa_stop(r, W_EXIT, h > 0 || f->below ? top : isa_zero); break;
	case ISA_TRAP: isa_stop(r, W_UNREACHABLE, isa_zero); break;
	case ISA_POP:
	case ISA_NOP: break;
	}
}

static void
lower_isa_function(IsaReader *r, IsaFunction *f)
{
	int begin = r->p->ncode;

	wasm_set_entry(r->p, &f->f, begin);
	for (int k = 0; k < f->locals; k++)
		isa_move(r, local_place(f, (uint32_t)k), isa_zero);
	if (f->start) { /* its code stands in the order of the program, its entry may be anywhere */
		WasmInstr *go = isa_emit(r, W_BRANCH, isa_zero, isa_zero);
		go->calc = W_EQ;
		go->chain = f->start;
	}
	for (int i = 0; i < r->ninstr; i++) {
		r->pc[i] = r->p->ncode;
		if (f->height[i] == ISA_UNKNOWN)
			continue;
		int first = r->p->ncode;
		lower_isa_instr(r, f, i);
		for (int k = first; k < r->p->ncode; k++) {
			r->p->code[k].function = WASM_OF_ISA;
			r->p->code[k].offset = (uint32_t)i;
		}
	}
	r->pc[r->ninstr] = r->p->ncode;
	isa_stop(r, W_UNREACHABLE, isa_zero); /* the end of the program */
	for (int i = begin; i < r->p->ncode; i++) {
		WasmInstr *at = &r->p->code[i];
		if (at->op == W_BRANCH && at->chain >= 0) {
			at->to = (uint16_t)r->pc[at->chain];
			at->chain = -1;
		}
	}
}

WasmFunction *
wasm_isa(WasmProgram *p, const char *text)
{
	IsaReader r = { .p = p };
	WasmMemory *memory = wasm_new_memory(p, (WasmLimits){ ISA_PAGES, ISA_PAGES });
	WasmType *type = NEW(p->arena, WasmType);

	if (*p->error || !read_isa(&r, text) || !find_all_heights(&r))
		return NULL;
	type->nresult = 1;
	type->result = NEWS(p->arena, uint8_t, 1);
	type->result[0] = WASM_I32;
	r.pc = NEWS(p->arena, int, r.ninstr + 1);
	for (IsaFunction *f = r.function; f; f = f->next) {
		f->f.type = type;
		f->f.memory = memory;
		f->f.entry = f->f.calls = -1;
		f->f.wanted = true;
	}
	for (IsaFunction *f = r.function; f; f = f->next)
		lower_isa_function(&r, f);
	return *p->error ? NULL : &r.function->f;
}
