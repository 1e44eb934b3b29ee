#ifndef IR_IR_H
#define IR_IR_H

/* The graph: what a program means, before anything is known of transformers.
 *
 * A node is an integer at every position of a text (a stream). A token is its
 * row in the vocabulary (TOKEN; TOKEN k=3 is the row in its field 3), a bool 0 or 1,
 * an enum its number; arrays and records are gone. A reference (HERE, AT, LATEST, FIRST, ONLY,
 * BEST) is the number of a position, or -1 where there is none; only READ takes one.
 *
 *     n5 = LATEST(n4)             the last '+'
 *     n7 = READ(n6, n5, n1) k=-1  n6 at the position before it, n1 if there is none
 *
 * It is a graph of pure expressions: there is no control flow and no order but that operands
 * come before what uses them, so each node is also its own static single assignment. Nodes are
 * immutable and hash-consed: equal expressions are the same pointer. Building one also folds
 * constants and infers its type, so a graph is never half known. A pass adds nodes and
 * redirects what the graph answers with. The operators and their meaning: lang/ops.h.
 */

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "lang/arena.h"
#include "lang/diag.h"
#include "lang/interval.h"
#include "lang/pointer_map.h"

typedef enum Op {
#define OP(name, ...) OP_##name,
#include "lang/ops.h"
#undef OP
	NUM_OPS
} Op;

/* What a node holds beside its operands. */
typedef enum Attr {
	A_NONE,
	A_K,      /* k */
	A_OFFSET, /* k, which mostly is 0 */
	A_TABLE,  /* table[ntable], and k, the argument of the first */
	A_REALS,  /* real[nreal], and k */
} Attr;

/* Where an operator's value comes from: lang/ops.h. */
typedef enum OpClass {
	CLASS_LITERAL,
	CLASS_POINTWISE,
	CLASS_STREAM,
	CLASS_REFERENCE,
	CLASS_THERE
} OpClass;

typedef enum Trait {
	T_SEARCH = 1,     /* looks at all visible positions where its last operand holds */
	T_CONDITIONS = 2, /* its operands are conditions */
	T_CHOOSES = 4,    /* is one of its operands: those are all real, or none is */
	T_MIXES = 8,      /* takes integers and reals alike */
	T_OF_REALS = 16,  /* takes reals */
	T_ONE_SIDED = 32, /* takes nothing two-sided: that would relate three positions */
	T_ADDS = 64,      /* adds or subtracts */
	T_CURVED = 128,   /* is nowhere straight: computed only as near as APPROX asks */
	T_FREE = 256,     /* costs no layer, neuron or head of its own */
	T_WIDE_SET = 512, /* has a set of up to ROOT_MAX values, not SET_MAX */
} Trait;

/* A number that need be no integer: to the nearest double, and the denominator of
 * the fraction that it is exactly; 0 if it is none, or too long a one. */
typedef struct Real {
	double x;
	int64_t den;
} Real;

typedef struct OpInfo {
	const char *name;
	int nargs; /* -1: one or more */
	Attr attr;
	OpClass class;
	unsigned traits; /* of Trait */
	const char *doc;
} OpInfo;

extern const OpInfo op_info[NUM_OPS];
int op_find(const char *name); /* -1 if there is none */

enum {
	SET_MAX = 4096,      /* most values of an exact set */
	PAIRS_MAX = 65536,   /* most pairs of values tried for one operator */
	THRESHOLDS_MAX = 64, /* most values of a greatest that is a sum of thresholds */
};
enum { CONTEXT_MAX = 1 << 28 };
#define EXACT_MAX (1 << 24) /* integers of this size and above are not exact in float32 */

/* What is known of a node at every position of every text.
 *
 * A node whose value is a function of one other stream, its root, has an image: its value for
 * each of the root's values, in order. The root is TOKEN or INDEX where one of them suffices,
 * else the nearest stream that does; a node with a set and no such root is its own root, with
 * image == set. Functions of one root are known together: t - t // 10 * 10 is 0..9. A CONST
 * has no root and one value.
 *
 * A real has bounds of its own, and a grid: its values are fractions a / (den * b) with b from
 * 1 to parts, so a value that is not 0 is at least 1 / (den * parts) away from 0. Without that a
 * comparison cannot be proved. */
typedef struct Type {
	int64_t lo, hi;          /* inclusive interval; always known; a real's is within it */
	int nset;                /* size of set; 0: only the interval is known */
	const int64_t *set;      /* ascending, no repeats; lo and hi are its ends */
	const struct Node *root; /* NULL: none */
	const int64_t *image;    /* (root->type.nset) value here for each value of the root */
	bool real;               /* its values are doubles: see real_value */
	double min, max;         /* of a real: inclusive */
	int64_t den, parts;      /* its grid; den is 0 if it has none */
	/* of a mean: the condition over which it is taken, whose count is b; NULL: none, several */
	const struct Node *over;
	/* the stream of which it is a smooth function (smooth_functions.c); NULL: of none */
	const struct Node *of;
} Type;

typedef struct Node Node;
struct Node {
	Op op;
	int narg;
	Node **arg;
	int64_t k; /* CONST: value; READ: offset; TABLE, VALUES: the first entry's argument */
	int ntable;
	const int64_t *table; /* TABLE (ntable) */
	int nreal;
	const Real *real; /* REAL, LINEAR, VALUES, MEAN (nreal) */
	Type type;
	uint64_t hash;  /* of the content: the operands' hashes, never an address */
	int id;         /* in order of creation, dense from 0; operands come first */
	bool two_sided; /* has a THERE below: speaks of two positions, inside a search */
	Span span;      /* the source that first asked for it */
	int site;       /* index into graph->site */
};

/* A named value of the program: what traces and reports speak of. */
typedef enum Kind { K_INT, K_BOOL, K_TOKEN, K_POS, K_REAL } Kind;
typedef struct Named {
	const char *name; /* "sum", "sum[2]", "digits.run" */
	Kind kind;
	Node *node; /* K_POS: the reference node */
	int offset; /* K_POS: added to it */
	Span span;
	int file;
	int nmember;         /* of its enum; 0: it has none */
	const char **member; /* (nmember) */
} Named;

/* test "1+2=" -> "3": rows of the vocabulary, nfield for each token, without <bos>. */
typedef struct Label {
	int output; /* index into graph->output */
	int n;
	int64_t *value; /* (n) as eval_at gives it */
	bool *any;      /* (n) written as _ */
	bool tail;      /* begins with ...: only the last n positions */
} Label;
typedef struct Test {
	Span span;
	int file;
	int nprompt, *prompt;
	double *numbers; /* (nprompt, graph->ninput), in place of a prompt of tokens */
	bool emits;      /* answer is given */
	bool begins;     /* "..." : the answer begins so */
	bool spelled;    /* the answer is a text: any tokens that spell it will do */
	int nanswer, *answer;
	int nlabel;
	Label *label;
} Test;

/* assert e, "why": 1 at every position of every text, or the text is not what the
 * program is for. Only the evaluator asks; no part of the text form. */
typedef struct Assert {
	Node *node;
	Span span;
	int file;
	const char *why; /* NULL: not said */
	Node *match[2];  /* of an `only`: the numbers of its first and last match, which node says
	                    are  equal; else NULL */
} Assert;

/* Where nodes come from: the body of a function, expanded for one call; or what a file has
 * outside of its functions. Functions are expanded in place, so a node of the library has as
 * many sites as there are calls that lead to it. (LLVM's DILocation: scope, inlinedAt.) */
typedef struct Site {
	int file;   /* index into graph->files: its span is of that file */
	int caller; /* the site of the call; -1: it is no function's */
	Span call;  /* the call, in the file of `caller` */
} Site;

/* One walk of a pass over the graph, recorded: which nodes it replaced. Nodes are shared, and
 * are built anew where their operands change; so which passes shaped a value is asked walk by
 * walk, of the graph as it was then (rules_of). */
typedef struct Trail {
	const struct Pass *pass;
	Node **named; /* (graph->nnamed) their nodes before it */
	int nfired, capfired;
	const Node **fired; /* (nfired) in whose place it put another */
} Trail;

/* One field of a token that is a record: a run of rows of the vocabulary. A token
 * is then a row of each field. */
typedef struct Field {
	const char *name; /* "op", "a[3]" */
	int first, n;     /* its rows */
} Field;

/* One of the numbers that are fed at each position, where there are no tokens. */
typedef struct Input {
	const char *name; /* "x", "x[1]" */
	Kind kind;        /* K_INT, K_BOOL, K_REAL */
	double min, max;  /* inclusive; integers where it is none real */
} Input;

typedef struct Graph {
	Arena *arena;
	/* the model */
	const char *name;
	int nvocab; /* declared tokens, rows 0..nvocab-1; <end> is row nvocab, <bos> nvocab+1 */
	const char **vocab; /* (nvocab) UTF-8 spelling, no NUL inside; "op: add" in a field */
	const struct BytePairs *pairs; /* how a text is cut into tokens (tensor/train/byte_pairs.h);
	                                  NULL: the longest that fits */
	int nfield;   /* rows that make a token: 1, or as many as the record has fields */
	Field *field; /* (nfield) NULL: a token is one row of the vocabulary */
	int ninput;   /* 0: it is fed tokens; else nvocab is 0 */
	Input *input; /* (ninput) */
	int nchosen;
	Input *chosen;           /* (nchosen) what LEARNED nodes read of the learned half, */
	struct Learned *learned; /* which is this (tensor/learned.h); NULL: all is exact */
	int context;             /* the longest text, without <bos> */
	bool bidirectional;
	/* what the model does */
	Node **emit; /* (nfield) the next token: for each field the number of a row among its
	                own; in the first, one past the last is <end>. NULL: does not emit */
	int noutput;
	Named *output;
	int nnamed;
	Named *named; /* all named streams, in source order */
	int ntest;
	Test *test;
	int nassert;
	Assert *assert;       /* those that are not proved */
	const Source **files; /* files[0] is the program itself */
	int nfile;
	int nsite, capsite;
	Site *site; /* (nsite) of the nodes; none: all are of files[0] */
	/* how it came about */
	const struct Pass *pass; /* that is running */
	int ntrail, captrail;
	Trail *trail;
	/* the nodes */
	int nnode, capnode;
	Node **node;             /* (nnode) by id */
	struct NodeTable *table; /* hash-consing */
} Graph;

/* ---- building. The result is an existing node if an equal one is there; small
 * identities (constants, x+0, if true …, NOT NOT x, nested AND) are folded. An
 * operator on integers never fails: ranges beyond EXACT_MAX are the caller's to refuse.
 * A TABLE's image at values outside of its table is its nearest entry. ---- */
Graph *graph_new(Arena *);
void graph_emit(Graph *, Node *); /* the next token is this row */
Node *mk(Graph *, Op, Span, int file, int narg, Node **arg, int64_t k);
/* The same, with another node's place in the source; missing operands are NULL, at the end. */
Node *mk_at(Graph *, const Node *at, Op, Node *x, Node *y, Node *z);
Node *mk_const(Graph *, int64_t);
Node *mk_read(Graph *, const Node *at, Node *x, Node *p, Node *otherwise, int64_t k);
/* Numbers the nodes anew in canonical order: by what the graph means, not by when each was built.
 */
void graph_order(Graph *);
Node *mk_table(Graph *, Span, int file, Node *x, int64_t k, const int64_t *table, int ntable);
Node *mk_reals(Graph *, Op, Span, int file, int narg, Node **arg, int64_t k, const Real *,
               int nreal);
Node *mk_like(Graph *, const Node *, Node **arg); /* the same operator on other operands */
/* Does an operator of this kind lead to n, or is it one? `none` has the nodes seen to have none
 * before them, and may be kept from one question to the next. */
bool has_op_before(const Node *n, Op, Map *none, Arena *);

static inline bool
has_trait(Op op, Trait trait)
{
	return op_info[op].traits & trait;
}

/* LATEST, FIRST, ONLY, BEST, SUM, MEAN */
static inline bool
is_search(Op op)
{
	return has_trait(op, T_SEARCH);
}

/* HERE, AT, LATEST, FIRST, ONLY, BEST */
static inline bool
is_reference(Op op)
{
	return op_info[op].class == CLASS_REFERENCE;
}

/* Is its value computed of its operands' values here (op_apply)? A literal has no operands. */
static inline bool
is_pointwise(Op op)
{
	return op_info[op].class == CLASS_POINTWISE || op_info[op].class == CLASS_LITERAL;
}

enum { CALL_NOTES = 4 }; /* most calls that an error names */
int site_new(Graph *, Site);
/* The file that a node's span is of; NULL where the graph has none. */
const Source *node_source(const Graph *, const Node *);
/* An error where n stands in the source, with the calls of the program that led there. */
/* diag_protect for what is done to *g. Where it is more than a compilation may take, an error at
 * `at`, or at the node that was made last. */
bool graph_protect(Graph *const *g, Diags *, void (*f)(void *), void *arg, const Node *at);
void error_in_node(const Graph *, const Node *n, Diags *, const char *fmt, va_list);

/* A sum, a difference, or a multiple. */
static inline bool
is_linear_int(const Node *n)
{
	return has_trait(n->op, T_ADDS) || (n->op == OP_MUL && n->arg[1]->op == OP_CONST);
}

static inline int
first_row(const Graph *g, int field)
{
	return g->field ? g->field[field].first : 0;
}

static inline int
rows_of(const Graph *g, int field)
{
	return g->field ? g->field[field].n : g->nvocab;
}

/* A number, whole or real. */
static inline bool
is_literal(const Node *n)
{
	return n->op == OP_CONST || n->op == OP_REAL;
}

/* Does it depend on nothing but the token, or nothing but the position? */
static inline bool
is_feature(const Node *n)
{
	const Node *root = n->type.root;

	return root && n->type.image && (root->op == OP_TOKEN || root->op == OP_INDEX);
}

/* A pointwise node of operands with the values v[0..narg), as the evaluator computes it. */
int64_t op_apply(const Node *, const int64_t *v);

/* ---- reals: a node whose type is real has doubles as its values, in the same 64 bits ---- */
static inline double
real_value(int64_t bits)
{
	return ((union {
		       int64_t bits;
		       double x;
	       }){ .bits = bits })
	        .x;
}

static inline int64_t
real_bits(double x)
{
	return ((union {
		       int64_t bits;
		       double x;
	       }){ .x = x })
	        .bits;
}

/* The ends of a node's range, be it real or not. */
static inline double
node_min(const Node *n)
{
	return n->type.real ? n->type.min : (double)n->type.lo;
}

static inline double
node_max(const Node *n)
{
	return n->type.real ? n->type.max : (double)n->type.hi;
}

Real real_of(int64_t num, int64_t den);
Real real_add(Real, Real);
Real real_mul(Real, Real);
Node *mk_real(Graph *, Real);
/* g, where every value that is not 0 is at least 1/g away from 0; 0 if there is no grid. */
int64_t real_grid(const Type *);
/* n as a function of one integer stream, the root that is returned: its value for each value of
 * the root. NULL if it is no such function. */
const Node *real_image(Graph *, const Node *n, Real **image);
/* That function as a node; NULL if the root's values are too far apart for a table. */
Node *mk_values(Graph *, Span, int file, const Node *root, const Real *image);

/* ---- smooth functions of one real or integer stream (smooth_functions.c) ---- */
typedef enum CurveKind {
	CURVE_EXP,
	CURVE_LOG,
	CURVE_SQRT,
	CURVE_SIN,
	CURVE_COS,
	CURVE_INVERSE,
	NUM_CURVES
} CurveKind;
typedef struct CurveInfo {
	const char *name;
	double (*f)(double);
} CurveInfo;
extern const CurveInfo curve_info[NUM_CURVES];
bool curve_has(CurveKind, double min, double max); /* is it defined everywhere there? */

Interval interval_product(Interval, Interval);
typedef struct Jet {
	/* of a function on an interval: it, and its first two derivatives */
	Interval value, slope, bend;
} Jet;
typedef struct Smooth Smooth;
enum { SMOOTH_STEPS = 4096 };
/* The node as a function of `of`, its type.of; NULL if that takes more than `most` steps. */
Smooth *smooth_of(Arena *, const Node *, const Node *of, int most);
double smooth_at(Smooth *, double x);
Jet smooth_on(Smooth *, Interval x); /* proved: no value is outside */

/* ---- two-sided nodes: of which position do they speak? ---- */
typedef enum Side { NEITHER = 0, ON_HERE = 1, ON_THERE = 2, ON_BOTH = 3 } Side;
Side side(const Node *);
/* n with every THERE(x) replaced: by x, or by `with` where it is given. */
Node *replace_there(Graph *, Node *n, Node *with);

/* The values of all operands, ascending; 0 if they are more than v has room for. */
int all_values(const Node *, int64_t v[THRESHOLDS_MAX]);

/* n as a sum in which nothing cancels. */
Node *simplified(Graph *, Node *n);
/* A quotient or remainder by a constant, with what is a multiple of that taken out
 * (pass/divide_terms.c). */
Node *terms_divided(Graph *, Node *n);
/* An upper bound of a - b: what cancels is taken out, and no visible position is greater than the
 * last. */
int64_t most_of_difference(const Graph *, const Node *a, const Node *b);

/* if c then x[p else d] else d, d a constant, in other ways (predicate_reads.c). masked_read: what
 * c asks of position p is asked there, and x is d where it fails. searched_if: c is part of the
 * search for p. NULL if it is no such choice. */
Node *masked_read(Graph *, Node *choice);
Node *searched_if(Graph *, Node *choice);

/* A search over j < here as one over all visible j, which takes at j what stands at j - 1. NULL if
 * it is no search over j < here. */
Node *one_behind(Graph *, const Node *search);
/* x[latest j where C and j < here] is x[i - 1] for the latest i where C holds at i - 1; likewise
 * for the first and the best. NULL if the READ is not of this form. */
Node *read_one_behind(Graph *, const Node *read);

Node *condition_of(const Node *search);
/* SUM(e, C and j < here) is SUM(e, C) less what that counts here: `all` less `mine`. False if it is
 * not of this form. */
bool sum_before(Graph *, const Node *sum, Node **all, Node **mine);

/* ---- text form ---- */
void graph_print(const Graph *, FILE *);
Graph *graph_read(const Source *, Arena *, Diags *); /* NULL if it is malformed */
/* Checks all that is promised here; false, with a line on standard error, where it does not hold.
 */
bool graph_verify(const Graph *);

/* ---- reference evaluator: exact, by position, no floats, no passes ---- */
typedef struct Eval Eval;
Eval *eval_new(const Graph *); /* malloc'ed; eval_free */
/* start a text of n tokens, row (n, nfield), forget the last */
void eval_text(Eval *, const int *row, int n);
void eval_numbers(Eval *, const double *, int n); /* the same of numbers, (n, ninput) */
int eval_push(Eval *, const int *row);            /* one token more (causal); 0, or -1 when full */
/* Who knows what the learned half of the program comes to: value number k at a position of this
 * text, of n positions. */
typedef struct EvalText {
	const int *row;       /* (n, nfield) or */
	const double *number; /* (n, ninput) */
	int n;
} EvalText;
typedef int64_t LearnedAt(void *data, EvalText, int k, int position);
void eval_learned(Eval *, LearnedAt *, void *data);
int64_t eval_at(Eval *, const Node *, int position); /* value, memoized; of a real: real_value */
void eval_free(Eval *);

/* ---- passes ---- */
typedef struct Pass {
	const char *name;
	void (*run)(Graph *, Diags *);
	const char *doc;
} Pass;
extern const Pass passes[]; /* ends with a NULL name */
void run_passes(Graph *, Diags *, const char *dump /* pass to print after, or NULL */, FILE *);
/* How often each of passes[] replaced a node in the expression of a named value, down to the other
 * named values that it is computed of: count has one element for each pass. */
void rules_of(const Graph *, int named, int *count);
/* Those other values: indices into graph->named, ascending; (*n). */
int *operands_of(const Graph *, int named, int *n);

#endif
