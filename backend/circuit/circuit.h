#ifndef BACKEND_CIRCUIT_CIRCUIT_H
#define BACKEND_CIRCUIT_CIRCUIT_H

/* The circuit: a program as atoms, and affine forms over them.
 *
 *     feature   a function of the token, or of the place     in the embedding
 *               or a number that is fed in place of a token
 *     neuron    relu(form), in some targets times a form     one MLP row
 *     value     a form, fetched by a head from elsewhere     one head dimension
 *
 * Only atoms are computed. A *form* (an affine combination of atoms) costs nothing: sums,
 * differences, constants and scaling live in the weights of whoever reads it.
 *
 * All numbers are integers, save for what a program calls real (real_form.c). Positions of the
 * text are called *places* here: <bos> has place 0, the first token place 1. The interval lo..hi
 * of a form holds at every place of every text but 0: <bos> sees only itself, so what stands
 * there is known exactly, and is kept beside the interval. */

#include "backend/backend.h"
#include "backend/circuit/states.h"
#include "runtime/model.h"

/* The relative error of one operation of float32, whose integers are exact below EXACT_MAX. */
#define ONE_ROUNDING 0x1p-24

typedef enum AtomKind {
	TOKEN_FEATURE, /* integers, by row of the vocabulary */
	PLACE_FEATURE, /* integers, by place */
	REAL_FEATURE,  /* reals, by either */
	INPUT_FEATURE, /* a number that is fed */
	NEURON,
	VALUE
} AtomKind;

typedef struct Atom Atom;
typedef struct Form Form;

typedef struct Term {
	Atom *atom;
	int64_t c;
} Term;

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
	double min, max; /* meant, but at <bos> */
	double error;
} RealSum;

struct Form {
	int n;
	const Term *term;    /* (n) by ascending atom id, c != 0 */
	int64_t k;           /* constant */
	int64_t lo, hi;      /* of the value, k included, but at <bos> */
	int ready;           /* state: the latest of its atoms */
	const RealSum *real; /* NULL: a sum of integers. Else this, and term[] lists its atoms */
	const Form *of[2];   /* by[0]*of[0] + by[1]*of[1] + constant, or NULL: what */
	int64_t by[2];       /* it was added up from, should it be too large for one column */
	bool near;           /* computed with a proved error: stands whole, alone in its column */
	const struct Bundle *bundle; /* NULL: none. Else it is near, and what is known of it */
	double by_group;             /* form_abs_sum_by_group() of it; 0: not asked for yet */
	int *part; /* NULL, or shared with all forms of these terms: 1 + linear_part_of(), or 0 */
};

/* Real neurons that one column adds up: a broken line of what they read. */
typedef struct Bundle {
	double min, max; /* meant, but at <bos> */
	double bos;      /* meant at <bos> */
	double error;    /* how far what stands in the column may be from what is meant */
} Bundle;

/* A function of one digit of the place. Long contexts have no table by place: a feature is then a
 * sum of such functions (place.c). */
typedef struct DigitTable {
	TwPlaceDigit digit;
	const int64_t *value; /* (digit.modulo) */
} DigitTable;

struct Atom {
	AtomKind kind;
	int id;         /* dense, by creation: operands come first */
	int ready;      /* the first state that holds it; set anew by schedule */
	int64_t lo, hi; /* but at <bos> */
	int64_t bos;    /* at <bos> */
	bool real;      /* a rounded fraction: only thresholds with a margin may read it */
	bool margin; /* neuron: of reals, with a proof of its own; 0, or at least 1, or one of its
	              * terms (long_count.c) */
	bool step;   /* neuron: two of them, relu(in) - relu(in - 1), which is exactly 0 or 1 */
	int second;  /* of these the row of the other one in its layer; set by schedule */
	int linear_part; /* neuron: of its linear part, whatever the sign (linear_part.c) */
	int64_t lift;    /* neuron: relu(in) - lift, which rounds a near form; else 0 */
	int held;        /* neuron: 1 for a copy behind a gate, 2 for a copy of a copy, and so on */
	/* of a term of a RealSum: meant, and how far what is computed may be from it */
	double min, max, error;
	double real_bos;        /* meant at <bos> */
	const int64_t *table;   /* feature: by row (nvocab + 2), by place (context + 1) or NULL */
	int npart;              /* PLACE_FEATURE by digits, without a table: */
	const DigitTable *part; /* (npart) added up; each is 0 at <bos> */
	int field;              /* feature of the token: of which field; 0 outside of its rows */
	const double *reals;    /* REAL_FEATURE: the same */
	bool by_place;          /* REAL_FEATURE */
	int input;              /* INPUT_FEATURE: which of the numbers that are fed */
	const Form *in;         /* neuron: relu of it; value: what is fetched */
	const Form *times;      /* neuron: relu(in) times this; NULL: times 1 */
	struct Head *head;      /* value: by which head */
	int column; /* neuron: row in its layer; value: dimension in its head; set by schedule */
	bool live;  /* something needs it; set by schedule */
	const Node *node; /* for whom it was made first */
	int owner;        /* the named value in whose expression that was: of g->named, or -1 */
};

/* The layer that computes it; -1 for a feature, which the embedding holds. */
static inline int
atom_layer(const Atom *a)
{
	return layer_of_state(a->ready);
}

/* How a head finds the position that it reads: the score of a position is the sum over all
 * dimensions of q here times k there. Scores are integers, and the greatest is ahead of all
 * others by `gap` at least, so that the softmax is 1 there and 0 elsewhere. */
typedef struct Lookup {
	/* "offset", "place", "latest", "first", "search" (latest or first), "only", "best",
	 * "mean", "softmax" */
	const char *intent;
	const Node *ref; /* the reference, sum or mean; NULL: an offset */
	int offset;      /* so far ahead of here; negative: back */
	int ndim, capq, capk;
	const Form **q, **k; /* (ndim) */
	int64_t gap;         /* 0: weights are meant to be shared out */
	int ready;           /* state: the latest of q and k */
} Lookup;

/* A lookup in one layer, and what it fetches there. */
typedef struct Head {
	const Lookup *lookup;
	struct Head *same; /* another of this lookup, in another layer; set by schedule */
	int layer;
	int nvalue, capvalue;
	Atom **value; /* (nvalue) */
	int index;    /* in its layer; set by schedule */
	int ndim;     /* values that are live; set by schedule */
	bool live;
} Head;

enum { LEAVES_MAX = 32 };

/* Which form is taken where there are several (choose_circuit.c). */
typedef struct Effort {
	bool patient;      /* the cheapest, however late; else the earliest, but */
	const int *latest; /* (nlatest) by node id: what is ready in this state costs no layer; */
	int nlatest;       /* the cheapest of those. NULL: not known */
	long copies;       /* of neurons that are copies, more are not copied: staircase.c */
	int blocks;        /* neurons of a truth table, at most (truth_table.c); */
	int bends;         /* neurons of a table in one layer (staircase.c) */
	int leaves;        /* of nested choices made at once, at most LEAVES_MAX (select.c) */
	long terms;        /* added up on the way, at most */
	int longest;       /* of more terms a form stands in a column of its own; 0: of none */
	bool steps;        /* is what a count reaches told in its own layer (count_steps.c)? */
	int materialize;   /* 0 .. MATERIALIZE_MOST: how much stands in columns of its own */
	struct Circuit **begun; /* where it is told as soon as there is one; NULL: nowhere */
} Effort;

/* 0: nothing. 1: operands of sums that would not be exact. 2: also what is large by itself, 3:
 * and what is less so. */
enum { MATERIALIZE_MOST = 3 };

typedef struct Circuit {
	Graph *g;
	const struct Target *target; /* what weights are written for (target/target.h) */
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
	int noffset, capoffset;
	const Lookup **offset; /* (noffset) one for each distance */
	const Form *is_bos;    /* 1 at <bos>, 0 elsewhere */
	const Form *place;     /* the number of the place */
	const Form **emit;     /* (g->nfield) NULL if the program does not emit */
	const Form **output;   /* (g->noutput) */
	bool steps;            /* is any atom a step? */
	struct AtomTable *table;
	struct LinearParts *linear_parts;
	/* while it is being made (map.c) */
	const int *users; /* (nusers) by node id: how many nodes read it (decision_list.c) */
	int nusers;
	long work;        /* done to find functions of few streams (truth_table.c) */
	const Node *node; /* being mapped: blamed for new atoms */
	int owner;        /* the innermost named value being mapped, or -1 */
	int depth;        /* of map_node */
	const Rule *made; /* the rule that made the best form so far of what is being mapped */
	Effort effort;
	bool hurried;          /* something is early at the cost of more neurons */
	long terms;            /* that were added up, and */
	const Node *exhausted; /* NULL, or where they were more than allowed: it is no circuit */
	bool hopeless;         /* after an error that no other way of mapping would mend */
} Circuit;

/* ---- nodes that the mapping adds to the graph ---- */
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
	return mk(c->g, OP_READ, at->span, at->site, 3, (Node *[]){ x, p, d }, k);
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
/* by[0] f[0] + by[1] f[1] + …, n > 0: added up as a balanced tree, since every partial sum is
 * a form of its own. */
const Form *form_sum(Circuit *, int n, const Form *const *f, const int64_t *by);
/* the same form, known to stay within lo..hi */
const Form *form_within(Circuit *, const Form *, int64_t lo, int64_t hi);
int64_t form_bos(const Form *); /* its value at <bos> */
/* The state in which all of it is there: ready, or where schedule has put its atoms. */
int form_ready(const Form *);
/* The state in which the first of it is there; INT_MAX: a constant. */
int form_first_state(const Form *);
bool form_equal(const Form *, const Form *);
bool form_is_const(const Form *);
/* the earlier, then the one of fewer terms; NULL loses */
const Form *form_better(const Form *, const Form *);
void sort_by_atom(Term *, int n); /* by atom, as a form has them */
/* the form that has value v at <bos> and is unchanged elsewhere */
const Form *form_set_bos(Circuit *, const Form *, int64_t v);

/* ---- atoms (atom.c) ---- */
Atom *atom_intern(Circuit *, Atom); /* the one of this content */
/* (rows) what the table says of the rows of this field, and of <bos> */
const Form *token_feature(Circuit *, int field, const int64_t *table);
/* (places) a column of the position table. Whether there is one is the target's to say: others
 * ask target->place_function. */
const Form *place_feature(Circuit *, const int64_t *table);
/* ---- functions of the place (place.c) ---- */
/* The most places of a context whose functions of the place are tables. */
enum {
	WHOLE_PLACES = 4096,
	DIGIT_BASE = 1024,
	TABULATED_PLACES = 65537, /* in longer contexts no feature has a table by place */
};
/* The sum of functions of digits, which stays within lo..hi at all places but <bos>. */
const Form *digits_feature(Circuit *, int n, const DigitTable *, int64_t lo, int64_t hi);
/* times the place that is so far before, and 0 where that is before the text */
const Form *place_before(Circuit *, int back, int64_t times);
/* first at <bos>, then, from the place `from` on, the other. */
const Form *place_from(Circuit *, int from, int64_t first, int64_t then);
bool same_digit(const TwPlaceDigit *, const TwPlaceDigit *);
/* Of a feature by place: its value there. */
double feature_at_place(const Atom *, int place);

/* One of the features that f is made of, `but` aside, if all are of one field or of the
 * place; else NULL. */
const Atom *single_source(const Form *f, const Atom *but);
/* max(f, 0): one neuron, or a feature if f is of one source. */
const Form *relu(Circuit *, const Form *);
/* max(f, 0) times g in one neuron, where the target has such; NULL where that is not exact. */
const Form *gated_product(Circuit *, const Form *f, const Form *g);
/* The integer in lo..hi that f, a sum of reals, is near to: within a quarter of the distance
 * between the floats of the size of lift. */
const Form *round_to_integer(Circuit *, const Form *f, int64_t lo, int64_t hi, int64_t lift);
/* relu(in) where in, though made of reals, is 1 or at most 0: an exact 0 or 1. */
const Form *flag_neuron(Circuit *, const Form *in);
bool is_exact_flag(const Atom *); /* is it such a neuron? */
/* relu(in) - relu(in - 1), in being what a head averages times a power of two, less whole numbers
 * that are not below 0: at most 0, or at least 1 (count_steps.c). */
const Form *step_neuron(Circuit *, const Form *in);
/* Has it a step, which shares its column with none, and its slot not in the state that makes it? */
bool has_step(const Form *);
/* The same where f, a function of one token or place that is never below 0, is 0, and 0 elsewhere;
 * NULL where it is none. */
const Form *gated_step(Circuit *, const Atom *step, const Form *f);
/* f, the same kind of function, with no constant and in a column of its own; NULL if it is none. */
const Form *as_penalty(Circuit *, const Form *f);
/* The same of 1 - u where u is a real of 0 or at least 1. */
const Form *exact_flag(Circuit *, const Form *u);
/* f as a value of the head in the first layer that can fetch it; the Atom has its bounds. */
const Form *head_atom(Circuit *, const Lookup *, const Form *f, Atom);
/* f at the position that is found; `absent` where <bos> is. */
const Form *head_value(Circuit *, const Lookup *, const Form *, int64_t absent);
/* The mean of f over all that the head selects, <bos> with the value it has there. */
const Form *head_mean(Circuit *, const Lookup *, const Form *);

/* ---- what is too large for its readers (materialize.c) ---- */
/* f as one number, a neuron's, a layer later. */
const Form *materialized(Circuit *, const Form *);
/* f, what it is made of being materialized as far as its reader is exact only then. */
const Form *as_readable(Circuit *, const Form *);
/* What f and its constant can add up to for who reads it. */
double form_reader_sum(const Form *);

/* ---- reals (real_form.c) ---- */
const Form *real_form(Circuit *, int n, const RealTerm *, double k);
const Form *real_set_bos(Circuit *, const Form *, double v);
const Form *real_within(Circuit *, const Form *, double min, double max);
double real_bos(const Form *); /* meant at <bos> */
/* How far what a reader of the form computes may be from what is meant. */
double real_error(const Form *);
double real_allowed(const Form *);       /* of it, what the reader's own rounding may be */
double real_rounding(double sum, int n); /* of n terms, their absolute values in all `sum` */
double real_max_abs(const Form *); /* the largest absolute value of a term, as columns hold it */
/* An atom of these bounds; the rest is the caller's to fill in. And the form that it is. */
Atom real_atom(AtomKind, double min, double max, double bos, double error);
const Form *real_form_of_atom(Circuit *, Atom);
/* The same as token_feature and place_feature, of reals. */
const Form *real_token_feature(Circuit *, int field, const double *table);
const Form *real_place_feature(Circuit *, const double *table);
/* relu of a sum of reals; constant where it is never above 0 */
const Form *real_neuron(Circuit *, const Form *);
const Form *real_gate(Circuit *, const Form *deficit, const Form *);
const Form *real_head_value(Circuit *, const Lookup *, const Form *, double absent);

/* ---- linear parts (linear_part.c) ---- */
/* The number of what f is without its constant; -f has the same. */
int linear_part_of(Circuit *, const Form *);
int linear_part_sign(const Form *); /* 1 or -1: of its first term */

/* ---- bounds (bounds.c) ---- */
/* Have two neurons the same linear part, but for its sign? */
bool are_parallel(const Atom *, const Atom *);
/* The terms that are ready, in groups: neurons of one linear part together, all others alone,
 * each group with its sharp interval. How many; group has room for f->n. */
int form_groups(Arena *, const Form *f, int state, Form *group);
/* The largest absolute value that an atom takes on the way into a column. */
double atom_max_abs(const Atom *);
/* The largest absolute value of what is ready of f, constant aside, also at <bos>. */
double form_max_abs(const Form *f, int state);
/* The largest absolute value of a form, real or not, constant and <bos> included. */
double value_max_abs(const Form *);
/* The sum of absolute terms, constant aside. */
double form_abs_sum(const Form *);
/* The same of its groups, each in a column of its own; <bos> aside. */
double form_abs_sum_by_group(const Form *);
/* The largest sum of the absolute terms of a score, also at <bos>. */
double score_max_abs(const Circuit *, const Lookup *);

/* ---- the node of any operator (map.c), which every stage of the mapping comes back to ---- */
const Form *map_node(Circuit *, Node *);
/* x - y + k */
const Form *map_difference(Circuit *, Node *x, Node *y, int64_t k);

#endif
