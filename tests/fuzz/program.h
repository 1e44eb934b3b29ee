#ifndef TESTS_FUZZ_PROGRAM_H
#define TESTS_FUZZ_PROGRAM_H

/* A random well-typed program as a tree: made from a seed (generate.c), printed as
 * .tw text (print.c), and given its meaning by a walk over the tree that follows
 * the manual and shares no code with the compiler (meaning.c). */

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "lang/arena.h"

typedef enum TypeKind { T_INT, T_BOOL, T_TOKEN, T_ENUM, T_POS, T_ARRAY, T_RECORD, T_REAL } TypeKind;

enum { FIELDS = 4, PARAMS = 4, LOCALS = 3, DEFS = 96, VOCAB = 10, CONTEXT = 260, FAULTS = 6 };

typedef struct Expr Expr;
typedef struct Decl Decl;

typedef struct Sort {
	TypeKind kind;
	TypeKind item;   /* T_ARRAY */
	int n;           /* T_ARRAY: elements */
	const Decl *def; /* T_ENUM, T_RECORD: D_ENUM, D_TYPE; of an array: that of its items */
} Sort;

typedef struct Slot {
	Sort type;
	int64_t lo, hi; /* as Def */
} Slot;

typedef enum DefKind {
	D_ENUM,
	D_TYPE,
	D_INPUT,
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

struct Decl {
	DefKind kind;
	const char *name;
	Sort type;
	int64_t lo, hi;           /* T_INT, T_REAL, and the elements of an array */
	bool annotated, constant; /* constant: of a parameter */
	Expr *body, *after;       /* D_PARAM: the default; D_EMIT: after */
	int nparam, nlocal;
	Decl *param[PARAMS], *local[LOCALS];
	bool partial; /* D_FN: a step of fold */
	int n;        /* D_ENUM: members; D_TYPE: fields */
	Slot field[FIELDS];
	int id;       /* of a statement */
	int num;      /* D_INPUT: its first number of those that are fed */
	bool dropped; /* by the shrinker */
};

/* Each form with an example. Its kids, in order; num, num2, skip; def. */
#define FORMS(F) \
	F(INT, "42") \
	F(BOOL, "true") \
	F(WORD, "'a'")      /* num: the row; of a record: <end> */ \
	F(MEMBER, "op.add") /* num: the value */ \
	F(REAL, "3 / 4")    /* num / num2 */ \
	F(TOKEN, "token") \
	F(INDEX, "index") \
	F(LENGTH, "length") \
	F(NAME, "x") \
	F(ADD, "x + y") \
	F(SUB, "x - y") \
	F(MUL, "x * y") \
	F(DIV, "x // y") \
	F(MOD, "x % y") \
	F(RATIO, "x / y") \
	F(POW, "x ** 2") \
	F(NEG, "-x") \
	F(ABS, "abs(x)") \
	F(MIN, "min(x, y)") \
	F(MAX, "max(x, y)") \
	F(FLOOR, "floor(x)") \
	F(CEIL, "ceil(x)") \
	F(CURVE, "exp(x)")           /* num: which */ \
	F(APPROX, "approx(x, 1/10)") /* num2: tenths, hundredths … */ \
	F(TO_INT, "int(c)") \
	F(ID, "id(t)") \
	F(ORD, "ord(t)") \
	F(FROM_ID, "from_id(n)") \
	F(CHR, "chr(n)") \
	F(CMP, "x < y")              /* num, num2: relations of two or three operands */ \
	F(IN_SPAN, "x in 0..3")      /* x lo hi; num: open */ \
	F(IN_ARRAY, "x in [y, z]")   /* num: not */ \
	F(IN_TEXT, "t in \"ab\"")    /* num: a bit for each row */ \
	F(IN_CODES, "t in 'a'..'c'") /* num..num2 */ \
	F(AND, "c and d") \
	F(OR, "c or d") \
	F(NOT, "not c") \
	F(IF, "if c then x else y") \
	F(MATCH, "match x { … }") /* num subjects; the rest: values of the arms */ \
	F(ARRAY, "[x, y]") \
	F(BUILD, "[x for i in 0..3]") /* body [array]; def over num..num2 or the array; skip */ \
	F(ELEM, "xs[2]")              /* num */ \
	F(PICK, "xs[i else x]")       /* array, index [else] */ \
	F(SLICE, "xs[1..<3]")         /* num..<num2 */ \
	F(CONCAT, "concat(xs, ys)") \
	F(TOTAL, "sum(xs)")                /* num: which; array */ \
	F(TOTAL_FOR, "sum(x for i in xs)") /* body, array or NULL, guard or NULL; def over \
	                                      num2..num2 + skip */ \
	F(FOLD, "fold(f, x, xs)") \
	F(SCAN, "scan(f, x, xs)") /* def; start, array */ \
	F(RECORD, "{a: x}") \
	F(FIELD, "r.a")          /* num */ \
	F(WITH, "{r with a: x}") /* num */ \
	F(READ, "x[p else y]")   /* x p [else] */ \
	F(HERE, "here") \
	F(AT, "at(n)") \
	F(LATEST, "latest j where c") \
	F(FIRST, "first j where c") \
	F(ONLY, "only j where c") \
	F(BEST, "best j by x") /* where or NULL, scores */ \
	F(SHIFT, "p - 1")      /* p, by; num: minus */ \
	F(THERE, "x[j]")       /* x; def: the bound position */ \
	F(BOUND, "j") \
	F(EXISTS, "exists(p)") \
	F(ORDER, "p < q") \
	F(DISTANCE, "p - q") \
	F(OVER, "sum(x[j] for j)")    /* num: which; body, where or NULL, else or NULL */ \
	F(CHOOSE, "first i in 0..3")  /* num: first, latest, best; num2: of 0..<num2; where or \
	                                 NULL, score or NULL */ \
	F(MEAN, "mean(x[j] for j)")   /* body, where or NULL: 0 where there is none */ \
	F(LINEAR, "linear(xs, W, b)") /* xs; weights */ \
	F(RELU, "relu(xs)") \
	F(ATTEND, "attend(query: …)") /* query, key, value */ \
	F(FAULT, "a mistake")         /* num: which of its type; only faulty() makes one */ \
	F(CALL, "f(x)") \
	F(LIBRARY, "logic.xor(c, d)") /* num: which */

typedef enum ExprForm {
#define F(name, example) F_##name,
	FORMS(F)
#undef F
		NUM_FORMS
} ExprForm;

typedef enum Aggregate { SUM, COUNT, ANY, ALL, MIN, MAX } Aggregate;
typedef enum OrderSign { EQ, NE, LT, LE, GT, GE } OrderSign;
typedef enum CurveName { SQRT, EXP, LOG, SIN, COS, CURVES } CurveName;

#define LIBRARY(F) \
	F(XOR, "logic.xor") \
	F(IMPLIES, "logic.implies") \
	F(EXACTLY, "logic.exactly") \
	F(ODD, "logic.odd") \
	F(MAJORITY, "logic.majority") \
	F(GATE, "select.gate") \
	F(CLAMP, "select.clamp") \
	F(BITS_OF, "bits.of") \
	F(BITS_VALUE, "bits.value") \
	F(POPCOUNT, "bits.popcount") \
	F(DIGITS_OF, "digits.of") \
	F(DIGITS_VALUE, "digits.value") \
	F(DIGITS_LESS, "digits.less") \
	F(DIGITS_ADD, "digits.add") \
	F(SHIFT, "seq.shift") \
	F(FREQUENCY, "seq.frequency") \
	F(IS_FIRST, "seq.is_first") \
	F(RUNNING_SUM, "seq.running_sum") \
	F(BITS_ADD, "bits.add") \
	F(BITS_SUB, "bits.sub") \
	F(BITS_XOR, "bits.bxor") \
	F(BITS_ROTL, "bits.rotl") \
	F(BITS_MUL, "bits.mul") \
	F(BITS_LESS, "bits.less") \
	F(ONE_HOT, "select.one_hot") \
	F(BLEND, "select.blend") \
	F(ARGMAX, "select.argmax") \
	F(DIGITS_DISTANCE, "digits.distance") \
	F(DIGITS_MUL, "digits.mul") \
	F(IS_LAST, "seq.is_last") \
	F(DISTINCT, "seq.distinct") \
	F(RANK, "seq.rank") \
	F(SORT, "seq.sort") \
	F(SINCE, "seq.since") \
	F(NEAREST, "seq.nearest")

typedef enum Library {
#define F(name, spelling) name,
	LIBRARY(F)
#undef F
		LIBRARIES
} Library;
extern const char *const library_name[LIBRARIES], *const total_name[];

/* One alternative of a match arm: a pattern for each subject. */
typedef struct ArmPattern {
	bool any;
	bool codes; /* 'a'..'c' */
	int64_t lo, hi;
} ArmPattern;

typedef struct Arm {
	bool rest;            /* else */
	int n;                /* alternatives */
	ArmPattern (*row)[2]; /* (n) */
} Arm;

struct Expr {
	ExprForm form;
	Sort type;
	int64_t lo, hi; /* as Def */
	int64_t num, num2, skip;
	int n;
	Expr **kid; /* (n) some NULL */
	Decl *def;
	Arm *arm; /* F_MATCH: (n - num) */
	/* F_LINEAR: quarters, (type.n, type of kid 0 .n + 1), the last the bias */
	const int64_t *weights;
};

typedef struct VocabWord {
	const char *spelling;
	int64_t code; /* -1: not a single character */
} VocabWord;

typedef struct Sample {
	Arena *arena;
	uint64_t seed;
	int nvocab;
	VocabWord vocab[VOCAB];
	bool listed; /* the vocabulary is a list of words */
	Decl *token; /* D_TYPE where a token is a record, else NULL */
	int nfed;    /* numbers that are fed in place of tokens: the leaves of its D_INPUTs */
	int context;
	bool bidirectional;
	int ndef;
	Decl *def[DEFS]; /* statements, in order */
} Sample;

int roll_below(uint64_t *state, int n);
Sample *generate(Arena *, uint64_t seed);
Sample *faulty(Arena *, uint64_t seed); /* the same with one mistake; 4242 is in it */
void print_program(const Sample *, FILE *);
void print_prompt(const Sample *, const int64_t *fed, int n, FILE *);
void reorder(Sample *, uint64_t *state); /* order.c */
int leaves_of_sort(const Sort *);        /* single values of one of this type */
Sort item_of(const Sort *);              /* of an array */
int before_field(const Decl *, int i);   /* leaves of the fields in front of it */
int width_of(const Sample *);            /* leaves of what is fed at one position */

/* The meaning. A position is its number, ABSENT, or a number outside of the text; a real
 * is the bits of a double; <end> among records is ENDED in each leaf. */
#define ABSENT (INT64_MIN / 4)
#define ENDED (INT64_MIN / 2)
typedef struct Meaning Meaning;
Meaning *meaning_new(Arena *, const Sample *);
void meaning_text(Meaning *, const int64_t *fed, int n); /* (n, width_of) */
/* False if it takes too long to find. */
bool meaning_of(Meaning *, const Expr *, int leaf, int at, int64_t *);
bool meaning_emit(Meaning *, const Decl *emit, int leaf, int at, int64_t *);
double real_of_bits(int64_t);
int64_t bits_of_real(double);

#endif
