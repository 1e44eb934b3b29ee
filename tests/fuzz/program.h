#ifndef TESTS_FUZZ_PROGRAM_H
#define TESTS_FUZZ_PROGRAM_H

/* A random well-typed program as a tree: made from a seed (generate.c), printed as
 * .tw text (print.c), and given its meaning by a walk over the tree that follows
 * the manual and shares no code with the compiler (meaning.c). */

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "lang/arena.h"

typedef enum TypeKind { T_INT, T_BOOL, T_TOKEN, T_ENUM, T_POS, T_ARRAY, T_RECORD } TypeKind;

enum { FIELDS = 3, PARAMS = 4, LOCALS = 3, DEFS = 96, VOCAB = 10, CONTEXT = 260, FAULTS = 6 };

typedef struct Expr Expr;
typedef struct Def Def;

typedef struct Sort {
	TypeKind kind;
	TypeKind item;  /* T_ARRAY */
	int n;          /* T_ARRAY: elements */
	const Def *def; /* T_ENUM, T_RECORD: D_ENUM, D_TYPE */
} Sort;

typedef enum DefKind {
	D_ENUM,
	D_TYPE,
	D_LET,
	D_CONST,
	D_FN,
	D_OUTPUT,
	D_EMIT,
	D_ASSERT, /* statements */
	D_PARAM,
	D_LOCAL, /* of a function */
	D_VAR,   /* for i in …: a number or an element */
	D_BOUND, /* latest j, for j: a position */
} DefKind;

struct Def {
	DefKind kind;
	const char *name;
	Sort type;
	int64_t lo, hi;           /* T_INT, and the elements of an array */
	bool annotated, constant; /* constant: of a parameter */
	Expr *body, *after;       /* D_PARAM: the default; D_EMIT: after */
	int nparam, nlocal;
	Def *param[PARAMS], *local[LOCALS];
	bool partial; /* D_FN: a step of fold */
	int n;        /* D_ENUM: members; D_TYPE: fields */
	TypeKind field[FIELDS];
	int id;       /* of a statement */
	bool dropped; /* by the shrinker */
};

typedef enum Form {
	F_INT,
	F_BOOL,
	F_WORD,
	F_MEMBER, /* num: the value; F_WORD: the row */
	F_TOKEN,
	F_INDEX,
	F_LENGTH,
	F_NAME,
	F_ADD,
	F_SUB,
	F_MUL,
	F_DIV,
	F_MOD,
	F_POW,
	F_NEG,
	F_ABS,
	F_MIN,
	F_MAX,
	F_TO_INT,
	F_ID,
	F_ORD,
	F_FROM_ID,
	F_CHR,
	F_CMP,     /* num, num2: relations of two or three operands */
	F_IN_SPAN, /* x lo hi; num: open */
	F_IN_ARRAY,
	F_IN_TEXT,  /* num: a bit for each row */
	F_IN_CODES, /* num..num2 */
	F_AND,
	F_OR,
	F_NOT,
	F_IF,
	F_MATCH, /* num subjects; the rest: values of the arms */
	F_ARRAY,
	F_BUILD, /* body [array]; def over num..num2 or the array; skip */
	F_ELEM,  /* num */
	F_PICK,  /* array, index [else] */
	F_SLICE, /* num..<num2 */
	F_CONCAT,
	F_TOTAL,     /* num: which; array */
	F_TOTAL_FOR, /* body, array or NULL, guard or NULL; def over num2..num2 + skip */
	F_FOLD,
	F_SCAN, /* def; start, array */
	F_RECORD,
	F_FIELD,
	F_WITH,
	F_READ, /* x p [else] */
	F_HERE,
	F_AT,
	F_LATEST,
	F_FIRST,
	F_BEST,  /* where or NULL, scores */
	F_SHIFT, /* p, by; num: minus */
	F_THERE, /* x; def: the bound position */
	F_BOUND,
	F_EXISTS,
	F_ORDER,
	F_DISTANCE,
	F_OVER,   /* num: which; body, where or NULL, else or NULL */
	F_CHOOSE, /* num: first, latest, best; num2: of 0..<num2; where or NULL, score or NULL */
	F_MEAN,   /* body, where or NULL; its floor, or compared by num with num2 / skip */
	F_FAULT,  /* num: which of its type; only faulty() makes one */
	F_CALL,
	F_LIBRARY, /* F_LIBRARY: num: which */
} Form;

typedef enum Total { SUM, COUNT, ANY, ALL, MIN, MAX } Total;
typedef enum Order { EQ, NE, LT, LE, GT, GE } Order;

typedef enum Library {
	XOR,
	IMPLIES,
	EXACTLY,
	ODD,
	MAJORITY,
	GATE,
	CLAMP,
	BITS_OF,
	BITS_VALUE,
	POPCOUNT,
	DIGITS_OF,
	DIGITS_VALUE,
	DIGITS_LESS,
	DIGITS_ADD,
	SHIFT,
	FREQUENCY,
	IS_FIRST,
	RUNNING_SUM,
} Library;

/* One alternative of a match arm: a pattern for each subject. */
typedef struct Pattern {
	bool any;
	bool codes; /* 'a'..'c' */
	int64_t lo, hi;
} Pattern;

typedef struct Arm {
	bool rest;         /* else */
	int n;             /* alternatives */
	Pattern (*row)[2]; /* (n) */
} Arm;

struct Expr {
	Form form;
	Sort type;
	int64_t lo, hi; /* as Def */
	int64_t num, num2, skip;
	int n;
	Expr **kid; /* (n) some NULL */
	Def *def;
	Arm *arm; /* F_MATCH: (n - num) */
};

typedef struct Word {
	const char *spelling;
	int64_t code; /* -1: not a single character */
} Word;

typedef struct Sample {
	Arena *arena;
	uint64_t seed;
	int nvocab;
	Word vocab[VOCAB];
	bool listed; /* the vocabulary is a list of words */
	int context;
	bool bidirectional;
	int ndef;
	Def *def[DEFS]; /* statements, in order */
} Sample;

int below(uint64_t *state, int n);
Sample *generate(Arena *, uint64_t seed);
Sample *faulty(Arena *, uint64_t seed); /* the same with one mistake; 4242 is in it */
void print_program(const Sample *, FILE *);
void print_prompt(const Sample *, const int *row, int n, FILE *);
void reorder(Sample *, uint64_t *state); /* order.c */
int leaves(const Sort *);                /* single values of one of this type */

/* The meaning. A position is its number, ABSENT, or a number outside of the text. */
#define ABSENT (INT64_MIN / 4)
typedef struct Meaning Meaning;
Meaning *meaning_new(Arena *, const Sample *);
void meaning_text(Meaning *, const int *row, int n);
/* False if it takes too long to find. */
bool meaning_of(Meaning *, const Expr *, int leaf, int at, int64_t *);
bool meaning_emit(Meaning *, const Def *emit, int at, int64_t *row);

#endif
