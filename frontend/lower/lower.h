#ifndef FRONTEND_LOWER_LOWER_H
#define FRONTEND_LOWER_LOWER_H

/* Lowering: from the syntax tree to the graph, by partial evaluation.
 *
 * A program is run once at compile time, as a macro of Lisp would be. What an expression
 * gives is a Value (value.h): either known now (numbers, texts, functions, types), or the
 * nodes of the graph that compute it at every position of a text. Functions are expanded
 * where they are called, comprehensions are unrolled. A mistake is reported where it is
 * found and gives V_ERROR, of which nothing further is reported. (Jones, Gomard and
 * Sestoft, Partial Evaluation and Automatic Program Generation, 1993.)
 *
 * A file of the program and what it lowers:
 *
 *   lower.c             modules, statements, the order in which they are evaluated
 *   vocabulary.c        the model statement, its tokens
 *   record_tokens.c     tokens that are records
 *   assert_statement.c  assert
 *   test_statement.c    test
 *   type_annotation.c   types as they are written, and whether a value conforms
 *
 *   expr.c              the dispatch on expressions; operators, comparison, membership
 *   match.c             if, match
 *   reference.c         references to other positions: making, moving, comparing them
 *   read.c              reading a value there
 *   search_over.c       latest, first, only, best, count … over all positions
 *   nested_where.c      the error message where three positions are related
 *   aggregate.c         arrays, comprehensions, indexing, records
 *   call.c, builtin.c   functions of the program, functions of the language
 *   automaton.c         the states that a step can lead to
 *   neural_ops.c        input, linear, relu, attend, load: weights as they are written
 *
 *   float_value.c       floats: arrays of them kept whole; exact values among them
 *   float_expr.c        their operators, functions and sums
 *   float_layers.c      param, linear, softmax, attend, likely, loss
 *   float_load.c        parameters that begin as a file has them
 *   float_array.c       comprehensions, indexing and slices of arrays kept whole
 *   index_range.c       what a guard says of an index
 *
 *   value.c             values: making, showing and joining them
 *   rational.c          arithmetic at compile time
 *   real_expr.c         arithmetic and functions of real streams
 *   exactness.c         integers that a 32-bit float does not hold
 *   scope.c             names
 *   did_you_mean.c      names that are not there
 *   warnings.c          what is no error, and yet seldom meant
 *   narrow.c            type narrowing: what a guard says of the branch it guards
 *   reevaluate.c        a name's value at another position, where the guard says nothing
 */

#include "frontend/frontend.h"
#include "frontend/lower/floats.h"
#include "frontend/lower/scope.h"
#include "frontend/lower/value.h"
#include "frontend/syntax/ast.h"
#include "lang/pointer_map.h"

struct Lower {
	Arena *arena;
	Diags *diags;
	Graph *g;
	const Tree *tree; /* the program's */
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
	bool quiet;              /* what is asserted, or tested: warnings.c */
	Map seen;                /* Ast -> Seen: warnings.c */
	PtrList seen_all;        /* the same, in the order in which they were seen */
	bool stopped;            /* the program is too large; say so once */
	PtrList large;           /* Large *: numbers beyond 2^24, and where: exactness.c */
	Floats floats;           /* what is learned: floats.h */
	/* results */
	struct Notes *notes; /* for an editor, or NULL */
	int cap_named, cap_output, cap_test, cap_assert, cap_input;
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

/* ---- errors: at L->span, with the call that led here ---- */
Value *fail_here(Lower *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
Value *fail_at(Lower *, Span, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
const char *source_text(Lower *, Span); /* shortened to be quoted */

/* ---- exactness.c ---- */
/* Beyond 2^24, is n still of use? Then the message waits for a reader that it is not. */
bool may_exceed_float(const Node *n);
void defer_large_error(Lower *, const Node *n, const char *text);
void report_large_errors(Lower *);

/* ---- warnings.c: what was found of an expression, each time it was evaluated ---- */
/* A comparison of x, a value of the run time; NULL: of what is known, or of positions. */
void see_comparison(Lower *, const Ast *, const Value *result, const Value *x, const Ast *of);
void see_if(Lower *, const Ast *, const Value *cond, int which); /* 1, 0; -1: both */
void see_arm(Lower *, const Ast *, bool reached);
void report_warnings(Lower *);

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
Value *exact_int(Lower *, Node *, const char *what, const Ast *, const Ast *);
Node *safe_divisor(Lower *, Node *, const Ast *); /* never 0; NULL after an error */

/* ---- match.c ---- */
Value *eval_if(Lower *, Env *, const Ast *);
Value *eval_match(Lower *, Env *, const Ast *);

/* ---- read.c ---- */
Value *eval_read_at(Lower *, Env *, const Ast *x, Value *p, const Ast *otherwise);
Value *read_value_at(Lower *, Value *x, Value *p, Value *otherwise);
Value *emit_after(Lower *, Value *xs, Value *p);

/* ---- reference.c ---- */
Value *pos_shift(Lower *, Value *p, Value *by, bool minus);
Value *pos_minus(Lower *, Value *, Value *);
Value *pos_compare(Lower *, Relation, Value *, Value *);
Value *pos_at(Lower *, Value *);
Value *pos_exists(Lower *, Value *);
Value *if_pos(Lower *, Node *cond, Value *, Value *);
Value *pick_pos(Lower *, Node *i, int n, Value **item, Value *otherwise);
Value *v_chosen(Lower *, Value *); /* a value as an if or a list gives it */
Value *pos_named(Lower *, Value *);
bool is_present(Lower *, const Value *);
bool is_bound_here(Lower *, const Value *); /* else an error: it is of another where */
Node *presence_node(Lower *, const Value *);
Node *presence_where_chosen(Lower *, const Value *);
Node *position_number(Lower *, const Value *, Node *if_absent);
Node *numbers_there(const Value *);
Node *placeholder(Lower *, const Node *);
Node *plus_constant(Lower *, Node *, int64_t);
/* A two-sided n with what the reference finds in the place of the bound position;
 * NULL if it is too large. */
Node *at_reference(Lower *, Node *n, Node *ref);
Node *last_visible(Lower *);
Value *one_sided(Lower *, Value *); /* an error if it speaks of a bound position */

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
	bool apart;     /* floats too are taken apart */
	bool floats;    /* not so, and there are some */
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
Value *list_element(Lower *, Value *i, int n, Value **, Value *otherwise);

/* ---- call.c, builtin.c ---- */
int builtin_find(const char *name); /* -1 if there is none */
const char *builtin_name(int i);    /* NULL after the last */
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
bool is_ord(const Value *fn);
Value *builtin_value(Lower *, const char *name); /* token, index, here, length …; NULL */

/* ---- automaton.c ---- */
Value *reachable_states(Lower *, Arg *args); /* of (step, start, x) */

/* ---- neural_ops.c ---- */
typedef struct Fed { /* input x: T */
	const char *name;
	const Shape *shape;
} Fed;
Value *define_input(Lower *, Env *, const Ast *);
/* One number for each input, as floats; false after an error. */
bool fed_numbers(Lower *, Value *, Span, double *to);
Value *eval_linear_call(Lower *, int n, Arg *);
Value *eval_relu_call(Lower *, Value *);
Value *eval_attend_call(Lower *, int n, Arg *);
Value *eval_load_call(Lower *, const Value *path);

/* ---- vocabulary.c ---- */
void lower_model(Lower *, Env *, const Ast *);
int row_of_token(Lower *, const char *spelling); /* -1: not a token */
Value *known_token(Lower *, const char *interned, uint32_t len, Span);
Value *token_literal(Lower *, const Ast *);
int code_of(const char *spelling, uint32_t len); /* -1: not one character */
const char *row_spelling(Lower *, int64_t row);
/* The text as rows by longest match; -1 and *bad, the offset, if it is not. */
int tokenize(Lower *, const char *text, uint32_t len, int *row, uint32_t *bad);
/* The same as an array of tokens. */
Value *tokens_of_text(Lower *, const Value *);
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

/* ---- assert_statement.c ---- */
Value *lower_assert(Lower *, Env *, const Ast *);
/* The condition of an `only`, with the guards around it; that two positions never match is
 * asserted.
 */
Node *assert_one_match(Lower *, Node *cond);
/* Of these n conditions one at most holds. */
void assert_one_holds(Lower *, int n, Value *const *cond);

/* ---- type_notes.c ---- */
void note_type(Lower *, const Source *, const Ast *name, const Value *);

/* ---- test_statement.c ---- */
void lower_test(Lower *, Env *, const Ast *);

#endif
