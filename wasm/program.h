#ifndef WASM_PROGRAM_H
#define WASM_PROGRAM_H

/* What the machine (machine/wasm32.tw) is given: register code, and the contents of registers
 * and memory that it begins with.
 *
 * A frame has 4,096 registers. Register 0 is where to return to, and which register of the caller
 * gets the result; from 1 on come parameters, locals and the operand stack, a word each, two for an
 * i64. Frame 4095 is shared by all calls: there are constants, globals, and the second and further
 * words that a function returns. A register that was never written is 0. */

#include "wasm/module.h"

typedef enum WasmOp {
	W_CALC,
	W_DIVIDE,
	W_LOAD,
	W_STORE,
	W_BRANCH,     /* to `to` if the comparison holds */
	W_JUMP,       /* to a + value */
	W_CALL,       /* `to`; value: which register gets the result, in its upper half */
	W_CALL_TABLE, /* the same, a + the lower half */
	W_RETURN,     /* by a, giving b */
	W_PUT,        /* the byte a; d: 1 or 2, to where */
	W_GET,        /* a byte, -1 at the end */
	W_SIZE,
	W_RESIZE,
	W_CONSTANT,
	W_STOP,
	W_OPS
} WasmOp;

typedef enum WasmCalc {
	W_ADD,
	W_SUB,
	W_MUL,
	W_AND,
	W_OR,
	W_XOR,
	W_SHL,
	W_SHR_U,
	W_SHR_S,
	W_ROTL,
	W_ROTR,
	W_CLZ,
	W_CTZ,
	W_POPCNT,
	W_EXTEND8,
	W_EXTEND16,
	W_EQ,
	W_NE,
	W_LT_S,
	W_LT_U,
	W_GE_S,
	W_GE_U,
	W_DIV_S,
	W_DIV_U,
	W_REM_S,
	W_REM_U,
	W_NOTHING,
	W_CALCS
} WasmCalc;

typedef enum WasmSize { W_BYTE, W_HALF, W_FULL, W_SIZES } WasmSize;
typedef enum WasmFrame { W_HERE, W_CALLED, W_CALLER, W_SHARED, W_FRAMES } WasmFrame;

/* Why a text ends; the order is that of machine/wasm32.tw. */
typedef enum WasmEnd {
	W_NONE,
	W_ASKS,
	W_EXIT,
	W_UNREACHABLE,
	W_OUT_OF_BOUNDS,
	W_DIVIDE_BY_ZERO,
	W_OVERFLOW,
	W_UNDEFINED,
	W_UNINITIALIZED,
	W_TYPE_MISMATCH,
	W_EXHAUSTED,
	W_UNSUPPORTED,
	W_ENDS
} WasmEnd;

enum {
	W_REGISTERS = 4096, /* of a frame */
	W_SHARED_FRAME = 4095,
	W_ZERO = 4095,     /* of the shared frame: is never written */
	W_CODE = 65536,    /* instructions */
	W_PAGES = 1024,    /* of all memories */
	W_CELLS = 1 << 24, /* words of them */
	WASM_OF_ISA = -2,  /* in the place of a function: see wasm/isa.h */
	W_EXIT_CODE = 0,   /* where the outermost call returns to */
};

/* A word of code: see machine/wasm32.tw for its fields. */
typedef struct WasmInstr {
	uint8_t op, calc, size, frame, end;
	bool is_signed, a_shared, b_shared;
	uint16_t a, b, d, to;
	uint32_t value;
	bool fresh;      /* not yet in the text */
	bool there;      /* false: nothing stands here, which is a null in a table */
	int chain;       /* of those that wait for the same address, -1 at the end */
	int function;    /* what it was made of: in this module, -1 if of none, at this */
	uint32_t offset; /* byte; or WASM_OF_ISA, and the number of the instruction */
	const struct WasmInstance *instance;
	const char *what; /* W_UNSUPPORTED: which instruction */
} WasmInstr;

typedef struct WasmFunction {
	const WasmType *type;
	const struct WasmMemory *memory; /* that it works on */
	int entry;                       /* -1 until it is known, when calls are chained up: */
	int calls;
	const struct WasmInstance *instance; /* where it is to be made of: this function; or NULL */
	int index;
	const struct WasmHost *host; /* or of this */
	bool wanted;
} WasmFunction;

typedef struct WasmMemory {
	int base;             /* its first page among all */
	uint32_t pages, most; /* now and at most */
	int saved; /* shared register with the end of its pages while another one is in use */
} WasmMemory;

/* A table, and a jump table in the code for each type by which it is called from a memory. */
typedef struct WasmTable {
	uint32_t size, most;
	uint32_t reserved; /* so many elements have their place in the jump tables */
	WasmFunction **element;
	int ncopy, cap;
	struct WasmJumps {
		const WasmType *type;
		const WasmMemory *memory;
		int base;
	} * copy;
} WasmTable;

typedef struct WasmVariable {
	uint8_t value;
	bool mutable;
	int shared; /* registers of the shared frame, where it can change; else */
	uint64_t constant;
} WasmVariable;

/* What can be imported. */
typedef struct WasmExtern {
	WasmKind kind;
	WasmFunction *function;
	WasmTable *table;
	WasmMemory *memory;
	WasmVariable *global;
} WasmExtern;

typedef struct WasmInstance {
	const WasmModule *module;
	const char *file; /* for messages */
	WasmFunction **function;
	bool **zeroed; /* (nfunction) of each local: it may be read before it is set */
	WasmTable *table;
	WasmMemory *memory; /* one without pages where the module has none */
	WasmVariable **global;
} WasmInstance;

typedef struct WasmProgram {
	Arena *arena;
	WasmInstr *code; /* (W_CODE) */
	int ncode, fresh_from;
	bool full;        /* there was no room for all of the code */
	uint32_t *reg;    /* (4096, 4096) what registers hold now, by frame */
	uint32_t *memory; /* (W_CELLS) what memory holds now, */
	uint32_t written; /* 0 from this cell on */
	bool *shared_fresh;
	int nshared;                  /* registers of the shared frame that are taken */
	int nresult;                  /* of them, from 0 on: for words that are returned */
	int *constant;                /* hash of constants: shared registers, 0 for none */
	int *cell, ncell, cap;        /* words of memory that are not yet in the text */
	int npage;                    /* pages that memories have taken */
	bool alone;                   /* one module: its memory may take all that is left */
	struct WasmFunction **wanted; /* functions that are still to be made */
	int nwanted, wanted_cap;
	WasmFunction **host; /* those that were asked for */
	int nhost, host_cap;
	int args; /* of the program, for WASI */
	char **arg;
	char error[WASM_ERROR_SIZE];
} WasmProgram;

WasmProgram *wasm_program(Arena *);
void wasm_program_free(WasmProgram *);
/* False: p->error says why. `find` gives what is imported, NULL if it is not offered. */
typedef WasmExtern (*WasmFind)(void *with, WasmProgram *, const WasmImport *, const WasmModule *);
WasmInstance *wasm_instance(WasmProgram *, const WasmModule *, const char *file, WasmFind find,
                            void *with);
/* What the world outside may give to modules. */
WasmMemory *wasm_new_memory(WasmProgram *, WasmLimits);
WasmTable *wasm_new_table(WasmProgram *, uint32_t size, uint32_t most);
const WasmExport *wasm_export(const WasmModule *, const char *name);
/* What a program begins with: _start, as WASI has it, or main. NULL with a line in error. */
WasmFunction *wasm_entry(const WasmInstance *, char *error);
/* It will be called: makes its code, and that of all it calls. */
bool wasm_want(WasmProgram *, WasmFunction *);
bool wasm_make(WasmProgram *);

/* An instruction as text, and how the members of enums are called in machine/ (wasm/spell.c). */
void wasm_spell_instr(const WasmInstr *, char *out, size_t size);
extern const char *const wasm_op_member[W_OPS],
	*const wasm_calc_member[W_CALCS], *const wasm_size_member[W_SIZES],
						  *const wasm_frame_member[W_FRAMES],
							  *const wasm_end_member[W_ENDS];

/* ---- for wasm/lower.c, wasm/library.c and wasm/isa.c */
WasmInstr *wasm_emit(WasmProgram *, WasmOp); /* the last one again where it is full */
int wasm_constant(WasmProgram *,
                  uint32_t value); /* a shared register; W_REGISTERS if none is left */
void wasm_call_to(WasmProgram *, WasmInstr *, WasmFunction *);
/* Where it begins is known: the calls that were made before lead there. */
void wasm_set_entry(WasmProgram *, WasmFunction *, int entry);
int wasm_jumps(WasmProgram *, WasmTable *, const WasmType *, const WasmMemory *);
void wasm_set_cell(WasmProgram *, uint32_t cell, uint32_t value);
bool wasm_same_type(const WasmType *, const WasmType *);

/* ---- wasm/lower.c: checks a function's body, and makes its code where it is wanted */
bool wasm_lower(WasmProgram *, const WasmInstance *, int function, bool code, int *entry);

/* ---- wasm/library.c */
/* The function that is offered under this name, NULL if there is none; "i64" has what the
 * code for i64 calls. */
WasmFunction *wasm_host(WasmProgram *, const char *module, const char *name);
/* The same as a WasmFind, of whatever kind is wanted. */
WasmExtern wasm_find_host(void *with, WasmProgram *, const WasmImport *, const WasmModule *);
/* Makes code of it; where it begins. */
int wasm_assemble(WasmProgram *, const struct WasmHost *);

#endif
