#ifndef BACKEND_CIRCUIT_CIRCUIT_H
#define BACKEND_CIRCUIT_CIRCUIT_H

/* The circuit: a program as atoms, of which affine forms cost nothing.
 *
 *     feature   a function of the token, or of the place     in the embedding
 *               or a number that is fed in place of a token
 *     neuron    relu(form)                                   one MLP row
 *     value     a form, read by a head at another place      one head dimension
 *
 * All are integers, save for what a program calls real (real_forms.c). Only atoms are ever
 * computed; sums, differences, constants and scaling live in the weights of whoever reads them. The
 * interval of a form holds at every position of every text; <bos> is apart, since it sees only
 * itself and its whole row is known here.
 *
 * The residual stream is in one state after another: 0 is the embedding, 2L+1 stands after
 * the attention of layer L, 2L+2 after its MLP. An atom is ready in the first state that can
 * hold it. */

#include "backend/backend.h"

/* ---- states of the residual stream ---- */
static inline int
state_before(int layer) /* what its attention reads */
{
	return 2 * layer;
}

static inline int
state_after_attention(int layer) /* what its MLP reads */
{
	return 2 * layer + 1;
}

static inline int
state_after_mlp(int layer)
{
	return 2 * layer + 2;
}

static inline int
last_state(int nlayer) /* what the model says is read there; there are so many and one */
{
	return 2 * nlayer;
}

static inline bool
is_after_attention(int state)
{
	return state % 2;
}

/* The first layer whose attention can read what is ready in this state; whose MLP can. */
static inline int
attention_layer_from(int state)
{
	return (state + 1) / 2;
}

static inline int
mlp_layer_from(int state)
{
	return state / 2;
}

/* The first state that can hold what a head makes of this one; what a neuron makes. */
static inline int
fetched_from(int state)
{
	return state_after_attention(attention_layer_from(state));
}

static inline int
computed_from(int state)
{
	return state_after_mlp(mlp_layer_from(state));
}

typedef enum AtomKind {
	TOKEN_FEATURE,
	PLACE_FEATURE,
	REAL_FEATURE,
	INPUT_FEATURE,
	NEURON,
	VALUE
} AtomKind;

typedef struct Atom Atom;

typedef struct Term {
	Atom *atom;
	int64_t c;
} Term;

typedef struct Form Form;

/* A sum of reals and integers. What is computed differs from what is meant by `error`
 * at most, before it is added up: a reader adds its own rounding (real_error). */
typedef struct RealTerm {
	const Form *f; /* of integers, without constant; or one real atom alone; or a bundle */
	double c;
} RealTerm;

typedef struct RealSum {
	int n;
	const RealTerm *term; /* (n) */
	double k;
	double min, max; /* meant, at real positions */
	double error;
} RealSum;

struct Form {
	int n;
	const Term *term;    /* (n) by ascending atom id, c != 0 */
	int64_t k;           /* constant */
	int64_t lo, hi;      /* value at real positions, k included */
	int ready;           /* state; the latest of its atoms */
	const RealSum *real; /* NULL: a sum of integers. Else this, and term[] lists its atoms */
	const Form *of[2];   /* by[0]*of[0] + by[1]*of[1] + constant, or NULL: what */
	int64_t by[2];       /* it was added up from, should it be too large to stand whole */
	bool near;           /* computed with a proved error: stands whole, alone in its column */
	const struct Bundle *bundle; /* NULL: none. Else it is near, and what is known of it */
};

/* Real neurons that stand in one column, added up: a broken line of what they read. */
typedef struct Bundle {
	double min, max; /* meant, at real positions */
	double bos;      /* meant at <bos> */
	double error;    /* how far what stands in the column may be from what is meant */
} Bundle;

struct Atom {
	AtomKind kind;
	int id; /* dense, by creation */
	int ready;
	int64_t lo, hi;  /* at real positions */
	int64_t bos;     /* at <bos> */
	bool real;       /* a rounded fraction: only thresholds with a margin may read it */
	int linear_part; /* neuron: of its linear part, whatever the sign (linear_part.c) */
	int64_t lift;    /* neuron: relu(in) - lift, which rounds a near form; else 0 */
	/* of a term of a RealSum: meant, and how far what is computed may be from it */
	double min, max, error;
	double real_bos;      /* meant at <bos> */
	const int64_t *table; /* feature: by row (nvocab + 2), by place (context + 1) */
	int field;            /* feature of the token: of which field; 0 outside of its rows */
	const double *reals;  /* REAL_FEATURE: the same */
	bool by_place;        /* REAL_FEATURE */
	int input;            /* INPUT_FEATURE: which of the numbers that are fed */
	const Form *in;       /* neuron: relu of it; value: what is read */
	struct Head *head;    /* value: by which head */
	int column; /* neuron: row in its layer; value: dimension in its head; set by schedule */
	bool live;  /* something needs it; set by schedule */
	const Node *node; /* for whom it was made first */
	int owner;        /* the named value in whose expression that was: of g->named, or -1 */
};

/* How a reference finds its place: the score is the sum over dims of q here
 * times k there. Exact integers, the winner ahead by at least gap. */
typedef struct Lookup {
	/* "offset", "place", "latest", "first", "search" (either), "best", "mean" */
	const char *intent;
	const Node *ref;
	int offset;
	int ndim, capq, capk;
	const Form **q, **k; /* (ndim) */
	int64_t gap;
	int ready; /* state: latest of q and k */
} Lookup;

typedef struct Head {
	const Lookup *lookup;
	int layer;
	int nvalue, capvalue;
	Atom **value; /* (nvalue) */
	int index;    /* in its layer; set by schedule */
	int ndim;     /* values that are live; set by schedule */
	bool live;
} Head;

/* The layer that computes it; -1 for a feature, which the embedding holds. */
static inline int
atom_layer(const Atom *a)
{
	return a->kind < NEURON ? -1 : (a->ready - 1) / 2;
}

typedef struct Circuit {
	Graph *g;
	Arena *arena;
	Diags *diags;
	int rows, places; /* nvocab + 2, context + 1 */
	int natom, capatom;
	Atom **atom; /* (natom) by id */
	int nhead, caphead;
	Head **head; /* (nhead) */
	int capform, caprule;
	const Form **form; /* (capform) memo by node id */
	const Rule **rule; /* (caprule) by node id: which rule made its form */
	int *named;        /* (capnamed) by node id: the first of g->named that it is, or -1 */
	int capnamed;
	const Lookup **lookup; /* memo by node id of the reference, or of a sum's condition */
	int caplookup;
	const Lookup **offset; /* (2 * places) by places + how far back */
	const Form *is_bos;
	const Form *place;
	const Form **emit;   /* (g->nfield) NULL if the program does not emit */
	const Form **output; /* (g->noutput) */
	struct AtomTable *table;
	struct LinearParts *linear_parts;
	long work;         /* done to find functions of few streams */
	const Node *node;  /* being mapped: blamed for new atoms */
	int owner;         /* the innermost named value being mapped, or -1 */
	int depth;         /* of map_node */
	const Rule *made;  /* the rule that made the best form so far of what is being mapped */
	const int *latest; /* (nlatest) by node id: the last state that costs no layer, */
	int nlatest;       /* or NULL: all is made as early as can be, */
	bool hurried;      /* and for some of it that took more neurons */
} Circuit;

static inline bool
is_int_const(const Node *n)
{
	return n->op == OP_CONST;
}

/* A node of one operand or two (NULL: there is none), from the source of another. */
static inline Node *
make_node(Circuit *c, const Node *at, Op op, Node *x, Node *y)
{
	return mk_at(c->g, at, op, x, y, NULL);
}

/* x at p + k, d where that is absent. */
static inline Node *
make_read(Circuit *c, const Node *at, Node *x, Node *p, Node *d, int64_t k)
{
	return mk(c->g, OP_READ, at->span, at->file, 3, (Node *[]){ x, p, d }, k);
}

/* 1 where there is a position p + k, else 0. */
static inline Node *
make_found(Circuit *c, const Node *at, Node *p, int64_t k)
{
	Node *one = mk_const(c->g, 1), *zero = mk_const(c->g, 0);

	return make_read(c, at, one, p, zero, k);
}

/* The number of the position p, `none` where that is absent. */
static inline Node *
make_number_of(Circuit *c, const Node *at, Node *p, int64_t none)
{
	Node *index = make_node(c, at, OP_INDEX, NULL, NULL), *d = mk_const(c->g, none);

	return make_read(c, at, index, p, d, 0);
}

/* An error at the source of a node. */
void error_at_node(Circuit *, const Node *, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* ---- forms (form.c) ---- */
const Form *form_const(Circuit *, int64_t);
const Form *form_atom(Circuit *, Atom *);
/* a*f + b*g + k */
const Form *form_add(Circuit *, int64_t a, const Form *f, int64_t b, const Form *g, int64_t k);
const Form *form_scale(Circuit *, int64_t a, const Form *, int64_t k);
/* by[0] f[0] + by[1] f[1] + …, n > 0, by halves, lest every partial sum be kept. */
const Form *form_sum(Circuit *, int n, const Form *const *f, const int64_t *by);
/* the same form, known to stay within lo..hi */
const Form *form_within(Circuit *, const Form *, int64_t lo, int64_t hi);
int64_t form_bos(const Form *);
/* The state in which all of it is there: ready, or where schedule has put its atoms. */
int form_ready(const Form *);
bool form_equal(const Form *, const Form *);
bool form_is_const(const Form *);
void sort_by_atom(Term *, int n); /* by atom, as a form has them */
/* the form that has value v at <bos> and is unchanged elsewhere */
const Form *form_set_bos(Circuit *, const Form *, int64_t v);

/* ---- linear parts (linear_part.c) ---- */
/* The number of what f is without its constant; -f has the same. */
int linear_part_of(Circuit *, const Form *);
int linear_part_sign(const Form *); /* 1 or -1: of its first term */

/* ---- bounds (bounds.c) ---- */
/* Have two neurons the same linear part, but for its sign? */
bool are_parallel(const Atom *, const Atom *);
/* The terms that are ready, taken apart: neurons of one linear part together, all
 * others alone, each with its sharp interval. part has room for f->n. */
int form_groups(Arena *, const Form *f, int state, Form *part);
/* The largest absolute value that an atom takes on the way into a column. */
double atom_max_abs(const Atom *);
/* The largest absolute value of what is ready of f, constant aside, also at <bos>. */
double form_max_abs(const Form *f, int state);
/* The sum of absolute terms, constant aside. */
double form_abs_sum(const Form *);
/* The same of its parts, each in a column of its own; <bos> aside. */
double form_abs_sum_by_group(const Form *);
/* a score that is hidden becomes -2^30 (runtime/onnx_graph.h): others stay well above */
enum { SCORE_MAX = 1 << 29 };
/* The largest sum of the absolute terms of a score, also at <bos>. */
double score_max_abs(const Circuit *, const Lookup *);
/* The terms that occur together in several of these forms, each such set as one form, where
 * there are fewer sets than forms (common_terms.c). How many; common has room for all terms. */
int common_terms(Arena *, const Form *const *form, int nform, int natom, const Form **common);

/* One of the features that f is made of, `but` aside, if all are of one field or of the
 * place; else NULL. */
const Atom *single_source(const Form *f, const Atom *but);
/* (rows) those of the field, and <bos> */
const Form *token_feature(Circuit *, int field, const int64_t *table);
const Form *place_feature(Circuit *, const int64_t *table); /* (places) */
const Form *relu(Circuit *, const Form *);
Atom *atom_intern(Circuit *, Atom); /* the one of this content */
/* f as value of a head in the first layer that can hold it. */
const Form *head_atom(Circuit *, const Lookup *, const Form *f, Atom);
const Form *head_value(Circuit *, const Lookup *, const Form *, int64_t absent);
/* The mean of f over all that the head selects, <bos> with the value it has there. */
const Form *head_mean(Circuit *, const Lookup *, const Form *);
/* The integer that f, a sum of reals, is within a quarter of the last place of lift: in lo..hi. */
const Form *round_to_integer(Circuit *, const Form *f, int64_t lo, int64_t hi, int64_t lift);
/* 1 - u where u is a real of 0 or at least 1: relu makes it an exact 0 or 1. */
const Form *exact_flag(Circuit *, const Form *u);

/* ---- one-variable functions and gates (staircase.c) ---- */
/* y[i] where f is x[i]; x ascending, f takes no other value */
const Form *staircase(Circuit *, const Form *f, int n, const int64_t *x, const int64_t *y);
const Form *threshold(Circuit *, const Form *f, int64_t k); /* f >= k */
const Form *is_zero(Circuit *, const Form *);
const Form *gate(Circuit *, const Form *deficit, const Form *f); /* f where deficit is 0, else 0 */
const Form *form_product(Circuit *, const Form *, const Form *);
const Form *form_better(const Form *, const Form *); /* the earlier, then the smaller; NULL loses */

/* ---- quotients and remainders (division.c) ---- */
const Form *map_quotient(Circuit *, Node *);
const Form *map_remainder(Circuit *, Node *);

/* ---- conditions and choices (select.c) ---- */
/* y where w >= 1, else 0, straight from w */
const Form *gate_by_sign(Circuit *, const Form *w, const Form *y);
/* 0 where the condition is as wanted, else 1 or more */
const Form *deficit(Circuit *, Node *, bool want);
const Form *deficit_all(Circuit *, Node *, bool want); /* of all operands, added up */
const Form *map_if(Circuit *, Node *n);                /* IF */

/* ---- reals (real_forms.c) ---- */
const Form *real_form(Circuit *, int n, const RealTerm *, double k);
/* How far what a reader of the form computes may be from what is meant. */
double real_error(const Form *);
double real_allowed(const Form *);       /* of it, what the reader's own rounding may be */
double real_rounding(double sum, int n); /* of n terms, their absolute values in all `sum` */
double real_max_abs(const Form *); /* the largest absolute value of a term, as columns hold it */
double real_bos(const Form *);     /* meant at <bos> */
const Form *real_set_bos(Circuit *, const Form *, double v);
const Form *real_within(Circuit *, const Form *, double min, double max);
const Form *real_gate(Circuit *, const Form *deficit, const Form *);
const Form *real_head_value(Circuit *, const Lookup *, const Form *, double absent);
/* relu of a sum of reals; constant where it is never above 0 */
const Form *real_neuron(Circuit *, const Form *);
/* ---- what is computed near enough (piecewise.c, error_budget.c) ---- */
/* Is it one function of one stream, or one product? */
static inline bool
is_piece(const Node *n)
{
	return n->type.of || n->op == OP_TIMES;
}

/* A piece, to within tolerance of its operands as they are. Where that takes too many
 * neurons its error is HOPELESS. */
#define HOPELESS 1e15
const Form *map_piece(Circuit *, Node *, double tolerance);
const Form *map_approx(Circuit *, Node *);
/* y[i] where f, of integers, is f->lo + i: a broken line in few columns; NULL where it bends too
 * often. */
const Form *real_polyline(Circuit *, const Form *f, int n, const double *y);

/* How n is made, if its type is real; NULL after an error. */
const Form *map_real(Circuit *, Node *);
const Form *map_above(Circuit *, Node *);
const Form *map_floor(Circuit *, Node *);
const Form *map_input(Circuit *, Node *);
/* The largest absolute value of a form, real or not, <bos> included. */
double value_max_abs(const Form *);

/* ---- functions of two positions (bilinear.c) ---- */
typedef struct BilinearTerm {
	Node *here, *there; /* plain streams */
} BilinearTerm;
/* The sum of here times there over all terms, and of `alone`, which is the same wherever
 * one looks. No two terms share what is there; one at most has a number here. */
typedef struct Bilinear {
	int n, cap;
	BilinearTerm *term; /* (n) */
	Node *alone;
	int rows; /* terms that it took for the values of something */
} Bilinear;
enum { ROWS_MAX = 256 }; /* values together of all streams of one position, in one function */
/* NULL where it is not of this form, or has too many values. */
const Bilinear *bilinear_form(Circuit *, Node *);
/* Is e a function of one root here, or there, of few values? */
bool has_few_rows(Circuit *, Node *e);
/* e by the values that it depends on here: whether they are so, a flag, and e there, a
 * stream. How many; 0 where they are not known, or too many. */
int rows_here(Circuit *, Node *e, BilinearTerm **row);
/* The error at n, of which `what` is that function. */
void refuse_bilinear(Circuit *, const Node *n, const char *what);

/* ---- conditions of heads (predicate.c) ---- */
/* A condition taken apart. */
typedef struct Conjunction {
	int nthere, nhere, nboth;
	Node *there[32], *here[32], *both[32]; /* literals; `there` as plain streams */
} Conjunction;
/* Can a head ask this literal of a condition, without a stream made for it? */
bool can_relate(Circuit *, Node *);
/* The condition as two that exclude each other and are simpler, where it is too much for
 * one head (case_split.c). */
bool two_cases(Circuit *, Node *cond, Node *to[2]);
/* e as a choice, cond ? yes : no, as the size of something is; false if it is none. */
bool as_choice(Circuit *, Node *e, Node **cond, Node **yes, Node **no);
/* The condition of a reference or sum, taken apart; false after an error. */
bool split_condition(Circuit *, const Node *at, Node *cond, Conjunction *);
/* What the literals about there take from a key. */
const Form *key_penalty(Circuit *, const Conjunction *, const Form *key, int64_t weight);
/* How many of the literals about here fail. */
const Form *query_deficit(Circuit *, const Conjunction *);
/* What the others take, as dimensions; false after an error. */
bool add_relations(Circuit *, Lookup *, const Conjunction *, int64_t weight);
/* `times` a sum of products: as dimensions, 0 at <bos>; but what has a number here
 * adds to the key. */
void add_products(Circuit *, Lookup *, const Bilinear *, int64_t times, const Form **key);
void add_dim(Circuit *, Lookup *, const Form *q, const Form *k);
/* j < n where n is a number here: gives n, else NULL. */
Node *order_bound(Node *);

/* ---- references (reference.c) ---- */
const Form *map_read(Circuit *, Node *);

const Lookup *lookup_for(Circuit *, Node *ref);
/* Can the score of a BEST be asked of one head? */
bool has_score(Circuit *, Node *best);
/* READ, where it takes several heads to find the position (multi_head.c); NULL if one does. */
const Form *map_read_by_heads(Circuit *, Node *read);
const Lookup *lookup_for_sum(Circuit *, Node *sum);
const Lookup *lookup_for_mean(Circuit *, Node *mean);
/* How a head weighs for ATTEND, and how far a score may be off. */
const Lookup *lookup_for_attend(Circuit *, Node *attend, double *error);

/* ---- sums over positions (counting.c) ---- */
const Form *map_sum(Circuit *, Node *sum);
/* A function of a sum: y[i] where it is set[i]. Costs nothing beside the sum. */
const Form *table_of_sum(Circuit *, Node *sum, const int64_t *y);

/* ---- functions of few streams (truth_table.c) ---- */
/* n in one layer from what is ready early, if that is before `best`; or NULL. */
const Form *map_truth_table(Circuit *, Node *n, const Form *best);

/* ---- stages ---- */
const Form *map_node(Circuit *, Node *);
/* x - y + k */
const Form *map_difference(Circuit *, Node *x, Node *y, int64_t k);
/* form_better, and c->made becomes the rule if f is the better one. */
const Form *form_better_by(Circuit *, const Form *best, const Form *f, const Rule *);
/* latest: (g->nnode) what circuit->latest will be, or NULL. */
Circuit *map_once(Graph *, Arena *, Diags *, const int *latest);

/* ---- what may be late (required_times.c) ---- */
/* The last state in which what is being mapped costs no layer; -1 if that is not known. */
int deadline(const Circuit *);
Circuit *map(Graph *, Arena *, Diags *);

/* Which atoms are live, and where. */
typedef struct Schedule {
	Circuit *c;
	int nlayer, free_layers;
	int *nhead, *nneuron; /* (nlayer) live ones */
	Head ***head;         /* (nlayer)(nhead) */
	Atom ***neuron;       /* (nlayer)(nneuron) */
} Schedule;
/* How layers are filled; all 0: as early as can be, with room to spare. */
typedef struct SchedulePolicy {
	int heads, neurons; /* at most, in a layer; 0: any number */
	int layers;         /* that there are, where some wait until they must */
	bool late_values, late_neurons;
} SchedulePolicy;
Schedule *schedule(Circuit *, const SchedulePolicy *);

/* A column of the residual stream holds, in each state, the terms of its form
 * that are ready by then. */
typedef struct Columns {
	Schedule *s;
	int n;
	const Form **form; /* (n) */
	int *last;         /* (n) the last state in which it is read */
	/* where they stand (column_reuse.c): several in one slot, one after the other */
	int width;      /* of the stream: slots */
	int *slot;      /* (n) */
	int *cleared;   /* (n) from this state on it is gone; INT_MAX: never */
	int64_t *least; /* (n) of what it can hold */
} Columns;
Columns *allocate_columns(Schedule *);
/* Gives columns their slots: as many as there are columns, or as few beyond `most` as
 * taking turns allows. */
void share_columns(Columns *, int most);
/* How many columns the MLP of a layer clears, a neuron each. */
int cleared_in(const Columns *, int layer);
/* f as an integer combination of the columns in a state, by column; NULL if it is
 * none. Good until the next call. */
typedef struct ColumnTerm {
	int column;
	int64_t times;
} ColumnTerm;
typedef struct Combination {
	int n, cap;
	ColumnTerm *at; /* (n) */
} Combination;
const Combination *columns_read(Columns *, int state, const Form *f);

/* Both, within limits; refuses what cannot be met. */
Columns *fit(Circuit *, const Limits *);

TwModel *write_weights(Columns *, Report *);
/* The longest chain of steps up to these forms, first step first; (*n). */
Link *find_chain(const Columns *, int nform, const Form *const *form, int *n);
/* Where a head looks: the name of the reference if it has one (explain.c). */
const char *lookup_label(const Circuit *, const Lookup *);
/* The source of a node on one line, shortened. */
const char *source_excerpt(const Graph *, const Node *);

#endif
