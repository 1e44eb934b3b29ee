#ifndef FRONTEND_LOWER_LOWER_H
#define FRONTEND_LOWER_LOWER_H

/* What the files of the lowering share. A program is evaluated once, as a Lisp
 * macro would be: an expression's Value is either known now (numbers, texts,
 * functions, types) or holds the nodes of the graph that compute it at every
 * position. A mistake gives the value V_ERROR, which makes no further noise.
 *
 *   lower.c    statements, modules, the order of things
 *   scope.c    names
 *   did_you_mean.c  names that are not there
 *   value.c    values: making, showing and joining them
 *   rational.c   compile-time arithmetic
 *   real_expr.c     reals: arithmetic, comparison, functions of streams
 *   neural_ops.c      the raw level: input, linear, relu, attend, load
 *   expr.c     operators, conditions, comparisons, membership
 *   match.c   if, match
 *   reference.c     references, reading, emit … after
 *   nested_where.c    what relates three positions
 *   search_over.c     what looks at all positions: latest, first, best, count, sum, min, max
 *   aggregate.c     arrays, comprehensions, indexing, records
 *   call.c     functions
 *   builtin.c  built-in functions
 *   vocabulary.c    the model and its tokens
 *   record_tokens.c   tokens that are records
 *   type_annotation.c    types as written
 *   narrow.c     what is known inside a guarded branch
 *   reevaluate.c     what a name stands for at another position
 *   assert_statement.c   what a program claims
 *   test_statement.c    test statements
 */

#include "frontend/syntax/ast.h"
#include "frontend/frontend.h"
#include "lang/pointer_map.h"

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
} ValueKind;

struct Value {
	ValueKind kind;
	bool known; /* at compile time */
	int64_t num, den;
	Node *node;
	const char *text; /* interned */
	uint32_t len;
	Node *ref;          /* V_POS: NULL for a bound name */
	int offset;         /* V_POS */
	const Value *start; /* V_POS, moved by `moved` from there: ref is where that is; or NULL */
	Node *moved;
	int bound; /* V_POS: the number of the where that binds it, or 0 */
	int n;
	Value **item;
	const char **field; /* interned */
	const Shape *shape; /* V_ENUM, V_TYPE */
	const Ast *fn;      /* V_FN: N_FN */
	Env *env;           /* V_FN: where it was defined */
	Module *module;
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

/* A name of a file. It is evaluated when first used, or in its turn. */
typedef struct Def {
	const char *name;
	const Ast *stmt;
	int seq; /* its number in the file; only what is above can use it */
	enum { D_NEW, D_BUSY, D_DONE } state;
	bool used;
	Value *value;
} Def;

struct Module {
	const Source *src;
	const Tree *tree;
	int file;        /* index into graph->files */
	bool is_program; /* not a module */
	bool is_library; /* of the standard library: only what is used is evaluated */
	bool loading;
	const char *name; /* "digits" */
	Map defs;         /* name -> Def */
	int ndef;
	Def **def; /* (ndef) in source order */
};

/* Names in scope, the innermost first; the last one is the file's. */
struct Env {
	Env *up;
	const char *name; /* NULL: where a function's own names end */
	Value *value;
	Module *module;
	int limit; /* names of the file from this number on are not visible */
	int bound; /* the where it was bound in, see fail_three_positions() in nested_where.c */
	int place; /* see Lower; 0: bound where nothing was known */
	Origin *origin; /* NULL: its value is the same at every position */
};

/* What a guard has shown, see narrow.c. */
typedef struct GuardFact GuardFact;
struct GuardFact {
	GuardFact *up;
	const Node *node;    /* a root, or one node with bounds, or a reference; or NULL */
	Node *cond;          /* node == NULL: what was assumed, in whole */
	bool holds;          /* of cond */
	const bool *allowed; /* by the root's values; NULL: see below */
	bool present;        /* the reference is there, and from lo to hi around it */
	int64_t lo, hi;
};

typedef struct Call {
	struct Call *up;
	const Source *src;
	Span span;
} Call;

/* A where inside of another. */
typedef struct InnerWhere {
	const Source *src;
	Span span; /* of all of it */
	const Env *env;
	const char *name;     /* that it binds */
	const Ast *where, *e; /* or NULL */
} InnerWhere;

struct Lower {
	Arena *arena;
	Diags *diags;
	Graph *g;
	const char *stdlib;
	Map modules; /* path -> Module */
	PtrList all; /* Module *, in the order of their reading */
	Module *program;
	/* the vocabulary: vocabulary.c */
	bool has_vocab;
	bool takes_numbers;       /* input statements in place of a vocabulary: neural_ops.c */
	PtrList fed;              /* Fed * */
	Map rows;                 /* spelling -> row + 1 */
	int longest;              /* bytes of the longest spelling */
	int *code;                /* (nvocab + 1) ord of each row */
	const char *end;          /* interned "<end>" */
	const Shape *token_shape; /* where a token is a record: of what type, */
	Value *token;             /* and the token here; else NULL */
	/* where we are */
	const Source *src;
	int file;
	Span span;
	int depth;  /* of evaluation */
	bool near;  /* inside of approx(e, t): what cannot be exact need not be */
	long steps; /* of evaluation, so far */
	Call *call; /* the calls that led here */
	GuardFact *facts;
	int place, nplace;  /* the position that the facts speak of, a number for each reading */
	Call reading;       /* the last reading of another position that led here */
	const Call *reader; /* the same while a value is found anew for it; else NULL */
	int bound, nbound;  /* the where we are in, 0 for none; how many there were */
	const InnerWhere *inner; /* that we are in, if it is inside of another; else NULL */
	bool stopped;            /* the program is too large; say so once */
	bool names_only;
	PtrList large; /* Large *: numbers beyond 2^24, and where: exactness.c */
	/* results */
	struct Notes *notes; /* for an editor, or NULL */
	int cap_named, cap_output, cap_test, cap_assert;
	Map outputs; /* name -> Output */
};

/* An output as written; its leaves are graph->output[first...]. */
typedef struct Output {
	const Value *value;
	int first, n;
} Output;

enum {
	STEPS_MAX = 4000000, /* expressions evaluated */
	NODES_MAX = 1000000,
	ITEMS_MAX = 100000, /* elements of an array */
	DEPTH_MAX = 3000,   /* of evaluation, calls included */
	TESTS_MAX = 20000,  /* cases of all test statements */
};

/* Beyond 2^24, is n still of use? Then the message waits for a reader that it is not. */
bool may_exceed_float(const Node *n);
void defer_large_error(Lower *, const Node *n, const char *text);
void report_large_errors(Lower *);
void list_push(Lower *, PtrList *, void *);

/* ---- errors: at L->span, with the call that led here ---- */
Value *fail_here(Lower *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
Value *fail_at(Lower *, Span, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
Value *not_built(Lower *, const char *what);
const char *source_text(Lower *, Span); /* shortened to be quoted */

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
bool same_known(Lower *, const Value *, const Value *);
Node *node_of(Lower *, Value *);            /* NULL, after an error, if it has none */
Value *as_array(Lower *, Value *);          /* a text as its tokens; else the same */
const char *v_show(Lower *, const Value *); /* "int 0..9", "[3] token" */
const char *v_kind(const Value *);          /* "an int" */
/* what to write where an integer is wanted and this is a real, or "" */
const char *whole_hint(const Value *);
/* Joins the leaves of two values of one form by f; an error if the forms differ. */
typedef Value *Join(Lower *, Value *, Value *, void *);
Value *v_join(Lower *, Value *, Value *, Join *, void *);
typedef Value *Mapper(Lower *, Value *, void *);
Value *v_map(Lower *, Value *, Mapper *, void *); /* over the leaves */
Value *if_value(Lower *, Node *cond, Value *, Value *);

/* ---- nodes, with the span where we are ---- */
Node *op(Lower *, Op, int n, Node **);
Node *op0(Lower *, Op);
Node *op1(Lower *, Op, Node *);
Node *op2(Lower *, Op, Node *, Node *);
Node *op3(Lower *, Op, Node *, Node *, Node *, int64_t k);
Node *constant(Lower *, int64_t);

/* ---- rational.c ---- */
Value *known_arith(Lower *, AstKind, const Value *, const Value *);
int known_compare(const Value *, const Value *);

/* ---- reevaluate.c ---- */
typedef struct SavedFacts {
	GuardFact *facts;
	int place;
	Call reading;
} SavedFacts;
SavedFacts forget_facts(Lower *); /* what follows is at another position */
void recall_facts(Lower *, SavedFacts);
Origin *origin_new(Lower *, Value *(*find)(Lower *, void *), void *data);
Origin *origin_of(Lower *, Env *, const Ast *);
Origin *origin_of_item(Lower *, Origin *array, int item);
Value *reevaluate(Lower *, Origin *);

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

/* ---- scope.c ---- */
Env *env_bind(Lower *, Env *, const char *name, Value *, Origin *);
Value *env_get(Lower *, Env *, const Ast *name);
Value *module_get(Lower *, Module *, const Ast *name);
bool own_name(Env *, const char *name); /* bound in this function already */
bool may_define(Lower *, Env *, const Ast *name);
void check_names(Lower *, Env *, const Ast *);
Value *fail_undefined(Lower *, Env *, const Ast *name);
const char *nearest_module(Lower *, const char *name);
bool is_module(Lower *, const char *name); /* of the standard library */
const char *nearest_name(Lower *, const char *name, const char *best, const char *other,
                         int *distance);
bool is_reserved_value(const char *name); /* token, index, here */
int builtin_find(const char *name);       /* -1 if there is none */
const char *builtin_name(int i);          /* NULL after the last */

/* ---- lower.c ---- */
void force(Lower *, Module *, Def *);
Value *local_statement(Lower *, Env **, const Ast *);

/* ---- expr.c ---- */
Value *eval(Lower *, Env *, const Ast *);
Value *eval_bool(Lower *, Env *, const Ast *, const char *what);
bool eval_int(Lower *, Env *, const Ast *, const char *what, int64_t *); /* known */
Value *arith(Lower *, AstKind, Value *, Value *, const Ast *, const Ast *);
Value *compare_values(Lower *, Relation, Value *, Value *);
Value *v_and(Lower *, Value *, Value *);
Value *v_or(Lower *, Value *, Value *);
Value *v_not(Lower *, Value *);
Value *value_in_range(Lower *, Value *x, Value *lo, Value *hi, bool open);
Value *exact_int(Lower *, Node *, const char *what, const Ast *, const Ast *);
Node *safe_divisor(Lower *, Node *, const Ast *); /* never 0; NULL after an error */

/* ---- match.c ---- */
Value *eval_if(Lower *, Env *, const Ast *);
Value *eval_match(Lower *, Env *, const Ast *);

/* ---- reference.c ---- */
Value *eval_read_at(Lower *, Env *, const Ast *x, Value *p, const Ast *otherwise);
Value *read_value_at(Lower *, Value *x, Value *p, Value *otherwise);
Value *pos_shift(Lower *, Value *p, Value *by, bool minus);
Value *pos_minus(Lower *, Value *, Value *);
Value *pos_compare(Lower *, Relation, Value *, Value *);
Value *pos_at(Lower *, Value *);
Value *pos_exists(Lower *, Value *);
Value *if_pos(Lower *, Node *cond, Value *, Value *);
Value *pick_pos(Lower *, Node *i, int n, Value **item, Value *otherwise);
Node *presence_node(Lower *, const Value *);
/* A two-sided n with what the reference finds in the place of the bound position;
 * NULL if it is too large. */
Node *at_reference(Lower *, Node *n, Node *ref);
bool is_present(Lower *, const Value *);
Node *last_visible(Lower *);
Value *one_sided(Lower *, Value *); /* an error if it speaks of a bound position */
Value *emit_after(Lower *, Value *xs, Value *p);

/* ---- nested_where.c ---- */
Value *fail_three_positions(Lower *); /* the error */

/* ---- search_over.c ---- */
typedef enum Total { T_COUNT, T_SUM, T_ANY, T_ALL, T_MIN, T_MAX, T_MEAN } Total;
Value *eval_pick(Lower *, Env *, const Ast *);
/* `over` has one 'for', without 'in'. */
Value *over_positions(Lower *, Total, Env *, const Ast *over);

/* ---- aggregate.c ---- */
/* Of elements of one kind, so that each can be asked for; an error where they are not. */
Value *make_array(Lower *, PtrList *);
typedef struct Items {
	PtrList values; /* Value * */
	PtrList guards; /* Value *, a run-time condition, or NULL */
	bool guarded;
	bool positions; /* over the positions of the text */
} Items;
bool over_items(Lower *, Env *, const Ast *e, const Ast *clauses, bool guards, Items *);
bool each_case(Lower *, Env *, const Ast *clauses, bool (*visit)(Lower *, Env *, void *), void *);
Value *eval_array(Lower *, Env *, const Ast *);
Value *eval_build(Lower *, Env *, const Ast *);
Value *eval_read(Lower *, Env *, const Ast *);
Value *eval_slice(Lower *, Env *, const Ast *);
Value *enum_member(Lower *, const Shape *, const Ast *name);
Value *eval_field(Lower *, Env *, const Ast *);
Value *eval_record(Lower *, Env *, const Ast *);
Value *eval_with(Lower *, Env *, const Ast *);
Value *pick_element(Lower *, Value *i, int n, Value **, Value *otherwise);

/* ---- call.c, builtin.c ---- */
typedef struct Arg {
	const char *name; /* NULL: by position */
	Value *value;
	Span span;
	Origin *origin;
} Arg;
Value *eval_call(Lower *, Env *, const Ast *);
Value *call_value(Lower *, Value *fn, int narg, Arg *);
Value *call_builtin(Lower *, int which, int narg, Arg *);
Value *builtin_over(Lower *, int which, Env *, const Ast *over);
bool is_approx(const Value *fn);
Value *builtin_value(Lower *, const char *name); /* token, index, here, length …; NULL */

/* ---- neural_ops.c ---- */
typedef struct Fed { /* input x: T */
	const char *name;
	const Shape *shape;
} Fed;
Value *define_input(Lower *, Env *, const Ast *);
/* One number for each input, as floats; false after an error. */
bool fed_numbers(Lower *, Value *, Span, double *to);
Value *eval_linear(Lower *, int n, Arg *);
Value *eval_relu(Lower *, Value *);
Value *eval_attend(Lower *, int n, Arg *);
Value *eval_load(Lower *, const Value *path);

/* ---- vocabulary.c ---- */
void lower_model(Lower *, Env *, const Ast *);
int row_of_token(Lower *, const char *spelling, uint32_t len); /* -1: not a token */
Value *known_token(Lower *, const char *interned, uint32_t len, Span);
Value *token_literal(Lower *, const Ast *);
int code_of(const char *spelling, uint32_t len); /* -1: not one character */
const char *row_spelling(Lower *, int64_t row);
/* The text as rows by longest match; -1 and *bad, the offset, if it is not. */
int tokenize(Lower *, const char *text, uint32_t len, int *row, uint32_t *bad);
Node *row_table(Lower *, Node *row, int64_t (*f)(Lower *, int row, void *), void *);

/* ---- record_tokens.c ---- */
void set_fields(Lower *, Env *, const Ast *record_type);
bool is_token_record(const Lower *, const Value *);
/* Makes two values of one form where one of them is, or may be, <end>. */
void meet_end(Lower *, Value **, Value **);
bool may_end(const Lower *, const Value *); /* a record, or <end> */
void emit_record(Lower *, Value *, Span);
/* A record known at compile time as rows of the vocabulary, (nfield). */
bool record_rows(Lower *, Value *, Span, int *row);

/* ---- type_annotation.c ---- */
const Shape *shape_of(Lower *, Env *, const Ast *);
/* The value as one of this type, or an error at the span. */
Value *conform(Lower *, Value *, const Shape *, Span, const char *what);
const char *shape_show(Lower *, const Shape *);

/* ---- narrow.c ---- */
typedef struct Bounds {
	int64_t lo, hi;
	bool never; /* no text reaches this */
} Bounds;
GuardFact *assume_condition(Lower *, Node *cond, bool holds); /* returns the facts to restore */
Bounds bounds_here(Lower *, const Node *);
/* The values a node can have here: NULL if only the bounds are known. */
const int64_t *values_here(Lower *, const Node *, int *n);
bool is_known_present(Lower *, const Node *ref, int64_t offset);

/* ---- assert_statement.c ---- */
Value *lower_assert(Lower *, Env *, const Ast *);

/* ---- type_notes.c ---- */
void note_type(Lower *, const Source *, const Ast *name, const Value *);

/* ---- test_statement.c ---- */
void lower_test(Lower *, Env *, const Ast *);

#endif
