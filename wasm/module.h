#ifndef WASM_MODULE_H
#define WASM_MODULE_H

/* A WebAssembly module, as its binary file says it (specification 1.0 with sign extension,
 * several results and block parameters). What is in a function's body stays bytes: wasm/lower.c
 * reads it. */

#include "lang/arena.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { WASM_I32 = 0x7f, WASM_I64 = 0x7e, WASM_F32 = 0x7d, WASM_F64 = 0x7c, WASM_FUNCREF = 0x70 };
enum { WASM_PAGE = 65536, WASM_MOST_PAGES = 65536 };

typedef enum WasmKind { WASM_FUNCTION, WASM_TABLE, WASM_MEMORY, WASM_GLOBAL } WasmKind;

/* Bytes that are read from the front. The first error stays, and after it all is 0. */
typedef struct WasmReader {
	const uint8_t *start, *at, *end;
	char *error;        /* of a buffer that its owner has, "" while all is well */
	const char *within; /* "function 3 (fib)", "the code section": of the message */
} WasmReader;

enum { WASM_ERROR_SIZE = 240 };

typedef struct WasmType {
	int nparam, nresult;
	uint8_t *param, *result; /* value types */
} WasmType;

typedef struct WasmLimits {
	uint32_t least, most; /* most is UINT32_MAX where there is none */
} WasmLimits;

typedef struct WasmImport {
	const char *module, *name;
	WasmKind kind;
	int type;          /* a function's */
	WasmLimits limits; /* of a table, a memory */
	uint8_t value;     /* a global's type, */
	bool mutable;
} WasmImport;

/* A constant expression: a number, or an imported global's value. */
typedef struct WasmConst {
	int global; /* or -1: */
	uint64_t value;
} WasmConst;

typedef struct WasmGlobal {
	uint8_t value;
	bool mutable;
	WasmConst start;
} WasmGlobal;

typedef struct WasmExport {
	const char *name;
	WasmKind kind;
	int index;
} WasmExport;

typedef struct WasmElements {
	WasmConst offset;
	int n, *function;
} WasmElements;

typedef struct WasmData {
	WasmConst offset;
	size_t n;
	const uint8_t *byte;
} WasmData;

/* Imported ones come first, in functions, tables, memories and globals alike. */
typedef struct WasmModule {
	const uint8_t *bytes;
	int ntype, nimport, nfunction, nglobal, nexport, nelements, ndata;
	int imported_functions, imported_globals;
	WasmType *type;
	WasmImport *import;
	int *function_type;     /* (nfunction) */
	const char **name;      /* (nfunction) of the name section or an export; "" if none */
	const uint8_t **body;   /* (nfunction) NULL where imported; from its locals to */
	const uint8_t **behind; /* (nfunction) its end */
	WasmGlobal *global;     /* (nglobal) */
	WasmExport *export;
	WasmElements *elements;
	WasmData *data;
	bool has_table, has_memory; /* at most one of each; imported or not */
	WasmLimits table, memory;
	int start; /* a function, or -1 */
} WasmModule;

/* NULL with a line in error[WASM_ERROR_SIZE] if it is none. The bytes must outlive it. */
WasmModule *wasm_module(Arena *, const uint8_t *bytes, size_t n, char *error);

void wasm_fail(WasmReader *, const char *format, ...) __attribute__((format(printf, 2, 3)));
uint8_t wasm_byte(WasmReader *);
uint32_t wasm_u32(WasmReader *);
int64_t wasm_signed(WasmReader *, int bits);
/* How a type, a function is called in messages. */
const char *wasm_type_name(uint8_t type);
const char *wasm_function_name(const WasmModule *, int function, char *out, size_t size);

#endif
