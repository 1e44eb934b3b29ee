#ifndef FRONTEND_LOWER_VALUE_H
#define FRONTEND_LOWER_VALUE_H

/* Values: what an expression stands for while a program is lowered, and the types
 * that annotations write.
 *
 *     3/4              V_REAL, known: 3 over 4
 *     d // 10          V_INT, the node that computes it at every position
 *     [d, 1]           V_ARRAY of the two
 *     latest j where C V_POS, the reference LATEST(C) and the offset 0
 *     digits.add       V_FN
 *
 * A value is immutable once others can see it. What is known at compile time becomes a
 * CONST only where a node is asked for, by node_of. */

#include "frontend/syntax/ast.h"
#include "ir/ir.h"
#include "tensor/tensor.h"

typedef struct Value Value;
typedef struct Shape Shape;
typedef struct Module Module;
typedef struct Env Env;
typedef struct Origin Origin;
typedef struct Lower Lower;

/* A growing list of pointers. */
typedef struct PtrList {
	int n, cap;
	void **item;
} PtrList;

void list_push(Lower *, PtrList *, void *);

typedef enum ValueKind {
	V_ERROR,   /* a mistake was reported */
	V_INT,     /* num if known, else node */
	V_REAL,    /* num / den if known, else node */
	V_BOOL,    /* num 0 or 1 if known, else node */
	V_TOKEN,   /* text if known (<end>: L->end), else node: the row */
	V_ENUM,    /* num or node: the member's number in type */
	V_POS,     /* ref + offset, or the bound name of a where */
	V_TEXT,    /* text, len: known; an array of tokens when used as one */
	V_ARRAY,   /* item[n] */
	V_RECORD,  /* item[n] called field[n] */
	V_FN,      /* a function of a program */
	V_BUILTIN, /* num: which */
	V_TYPE,    /* shape: the name of a type or enum */
	V_MODULE,
	V_FOREIGN, /* a name of a function body whose value is not known yet */
	/* of floats: floats.h */
	V_FLOAT, /* e */
	V_INDEX, /* e: an integer made of ranges */
	V_MASK,  /* e: a condition of these */
	V_ROWS,  /* an array kept whole: element i is item[0] with i in place of axis */
} ValueKind;

struct Value {
	ValueKind kind;
	bool known; /* at compile time */
	int64_t num, den;
	Node *node;
	const char *text; /* interned */
	uint32_t len;
	const Source *src; /* V_TOKEN of chr: where that stands; else NULL */
	Span span;
	/* V_POS: the position `offset` from ref, if the text has one there; see reference.c */
	Node *ref; /* NULL for a bound name */
	int offset;
	int chosen_lo, chosen_hi; /* offsets at which it was chosen; absent if these are outside */
	Node *number;             /* at(e): e, to which offsets are added; else NULL */
	const Value *start;       /* p + e, e known at run time: p, and */
	Node *moved;              /* what was added; ref is where that leads. Else NULL */
	int bound;                /* the number of the where that binds it, or 0 */
	bool settled; /* what is chosen of it was so before: no reference is in it that is not */
	int n;
	Value **item;
	const char **field; /* interned */
	const Shape *shape; /* V_ENUM, V_TYPE */
	const Ast *fn;      /* V_FN: N_FN */
	Env *env;           /* V_FN: where it was defined */
	Module *module;
	Scalar *e;    /* V_FLOAT, V_INDEX, V_MASK */
	Scalar *axis; /* V_ROWS */
};

typedef enum ShapeKind {
	S_ERROR,
	S_INT,
	S_BOOL,
	S_TOKEN,
	S_REAL,
	S_POS,
	S_MAYBE,
	S_ENUM,
	S_ARRAY,
	S_RECORD,
	S_FLOAT,
} ShapeKind;

struct Shape {
	ShapeKind kind;
	bool ranged; /* S_INT, S_REAL: lo..hi was given */
	int64_t lo, hi;
	double min, max;    /* S_REAL */
	const char *name;   /* S_ENUM */
	int n;              /* elements, fields, members */
	const char **field; /* S_RECORD, S_ENUM */
	const Shape **item; /* S_ARRAY: one; S_RECORD: n */
};

/* ---- value.c ---- */
extern Value v_error;
Value *v_new(Lower *, ValueKind);
Value *v_int(Lower *, int64_t);
Value *v_bool(Lower *, bool);
Value *v_known(Lower *, ValueKind, int64_t num); /* int, bool */
Value *v_text(Lower *, const char *interned, uint32_t len);
Value *v_token(Lower *, const char *interned, uint32_t len);
Value *v_stream(Lower *, ValueKind, Node *); /* known where the node is constant */
Value *v_enum(Lower *, const Shape *, Node *);
Value *v_array(Lower *, int n, Value **);
Value *v_record(Lower *, int n, const char **field, Value **);
Value *v_pos(Lower *, Node *ref, int offset);
bool is_scalar(const Value *); /* one node */
bool is_numeric(const Value *);
bool is_known_value(const Value *);
bool same_known(const Value *, const Value *); /* both known, and equal */
Node *node_of(Lower *, Value *);               /* NULL, after an error, if it has none */
Value *as_array(Lower *, Value *);             /* a text as its tokens; else the same */
const char *v_show(Lower *, const Value *);    /* "int 0..9", "[3] token" */
const char *v_kind(const Value *);             /* "an int" */
/* what to write where an integer is wanted and this is a real, or "" */
const char *whole_hint(const Value *);
/* Joins the leaves of two values of one form by f; an error if the forms differ. */
typedef Value *Join(Lower *, Value *, Value *, void *);
Value *v_join(Lower *, Value *, Value *, Join *, void *);
typedef Value *Mapper(Lower *, Value *, void *);
Value *v_map(Lower *, Value *, Mapper *, void *); /* over the leaves */
Value *if_value(Lower *, Node *cond, Value *, Value *);
/* The same where the condition may be one of floats. */
Value *choose_value(Lower *, const Value *cond, Value *, Value *);

/* ---- nodes, with the span where we are ---- */
int site_here(Lower *);
Node *op(Lower *, Op, int n, Node **);
Node *op0(Lower *, Op);
Node *op1(Lower *, Op, Node *);
Node *op2(Lower *, Op, Node *, Node *);
Node *op3(Lower *, Op, Node *, Node *, Node *, int64_t k);
Node *if_node(Lower *, Node *cond, Node *x, Node *y);
Node *constant(Lower *, int64_t);

/* ---- rational.c ---- */
Value *known_arith(Lower *, AstKind, const Value *, const Value *);
int known_compare(const Value *, const Value *);

/* ---- real_expr.c: where one operand at least is a real, and one no compile-time number ---- */
Value *to_real(Lower *, Value *); /* a number as a real */
/* Makes all of them reals if one is and the others are numbers. */
void alike_numbers(Lower *, Value **, int n);
Value *real_arith(Lower *, AstKind, Value *, Value *);
Value *real_compare(Lower *, Relation, Value *, Value *);
Value *real_floor(Lower *, Value *);
Value *real_extreme(Lower *, Value *, Value *, bool least);
Value *real_relu(Lower *, Value *);
Value *real_size(Lower *, Value *); /* without its sign */
Value *real_function(Lower *, CurveKind, Value *);
/* a product of two integers that is none */
bool needs_real(const Lower *, const Value *, const Value *);
Value *approximate(Lower *, Value *, Value *tolerance);
double number_value(const Value *); /* of a known number */
Value *known_real(Lower *, double); /* to the nearest 2^-62 or better */

#endif
