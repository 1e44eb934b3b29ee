#ifndef PROVE_PROVE_H
#define PROVE_PROVE_H

/* twprove: proves from a model file alone that what it computes is exact. README.md has the
 * theorem and the rules; each rule's argument stands where its code is. Nothing here is
 * shared with the compiler or the runtime: a fault of theirs cannot hide itself.
 *
 * A column of the residual stream is, at every position of every text, an affine form over
 * atoms: 3 + 2 * flag - carry. An atom is a function of a few roots: small variables, such as
 * the token that stands there. So forms add, cancel and are compared by algebra, and the
 * values of one are those of a table over its roots. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct cJSON;

/* ---- memory: given back when the program ends (memory.c) */

void *take(size_t count, size_t size); /* zeroed; ends the program if there is none */
void *take_copy(const void *, size_t bytes);
char *text(const char *format, ...) __attribute__((format(printf, 1, 2)));
void malformed(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));
#define TAKE(type, n) ((type *)take((size_t)(n), sizeof(type)))

/* ---- numbers (number.c) */

enum {
	NO_STEP = 4096,   /* of 0, which is a multiple of everything */
	MANTISSA = 24,    /* bits of a float32 */
	OWN_MANTISSA = 53 /* of the numbers that this program computes with */
};

typedef struct Range {
	double lo, hi;
} Range;

int step_of(double); /* the greatest e such that x is a multiple of 2^e */
bool fits(double total, int step, int mantissa); /* total < 2^mantissa steps of 2^step */
double gcd_of(double, double);                   /* of dyadic numbers; 0 where both are 0 */
double plus(double, double);                     /* exact, or own_arithmetic_failed() */
double times(double, double);
bool own_arithmetic_failed(void);
void fail_own_arithmetic(void);
double magnitude_of(Range);
Range hull(Range, double);

/* ---- the model (onnx.c, safetensors.c, metadata.c, graph.c) */

typedef struct Tensor {
	const char *name;
	int ndim;
	int64_t dim[2];
	const float *at;
} Tensor;

typedef struct Contents {
	int ntensor, nproperty;
	Tensor *tensor;
	struct {
		const char *key, *value;
	} * property;
	const char *graph; /* of an ONNX file: its nodes, inputs and outputs, a line each */
} Contents;

typedef struct ModelLayer {
	int heads, dk, dv, neurons;
	bool *soft; /* the file says that the head is a softmax that is meant */
	bool *only; /* and that one position at most matches, as the program promises */
	const float *wq, *bq, *wk, *bk, *wv, *bv, *wo, *w1, *b1, *w2, *b2;
} ModelLayer;

typedef enum Kind { KIND_INT, KIND_BOOL, KIND_TOKEN, KIND_REAL } Kind;

typedef struct Label {
	const char *name;
	Kind kind;
	int columns;
	const float *w, *b;
	double error;
} Label;

typedef struct Input {
	const char *name;
	Kind kind;
	double low, high;
} Input;

/* A part of a column's value that has a name in the program. */
typedef struct Named {
	const char *name;
	int line, state, ncolumn, *column;
} Named;

/* A digit of the place: max(place - back, 0) / divide, and of that the rest or the nearest. */
typedef struct PlacePart {
	int back, divide, modulo;
	bool saturate;
	int ncolumn, *column;
	const float *table; /* (modulo, ncolumn) */
} PlacePart;

typedef struct Model {
	const char *name;
	int nvocab, nfield, *first; /* (nfield + 1) the first row of each field */
	bool record;
	int context, places; /* places = context + 1: <bos> is place 0 */
	bool bidirectional, emits;
	int d, nlayer, ninput, nlabel, nnamed, npart;
	bool by_digits;
	const char **vocab;
	Input *input;
	const float *embed_token, *embed_position, *embed_input, *head_w, *head_b;
	PlacePart *part;
	ModelLayer *layer;
	Label *label;
	Named *named;
	const struct cJSON *certificate;
} Model;

Model *model_in(const void *bytes, size_t n);
Contents *read_onnx(const uint8_t *, size_t);
Contents *read_safetensors(const uint8_t *, size_t);
Model *model_of(const Contents *);
void require_graph(const Model *, const Contents *);

/* ---- roots, atoms and forms (root.c, form.c, range.c) */

typedef enum RootKind {
	ROOT_TOKEN,  /* which row of a field stands here */
	ROOT_PLACE,  /* value i: place i + 1 */
	ROOT_INPUT,  /* a number that the model is fed, of few values */
	ROOT_SOURCE, /* what a head reads: the roots at its source, or <bos>, the last value */
	ROOT_COUNT,  /* how many positions an averaging head reads beside <bos> */
	ROOT_SUM     /* (how many, and the sum of what they hold) */
} RootKind;

typedef struct Roots Roots;

typedef struct Root {
	int id;
	RootKind kind;
	int size;           /* its values are 0 .. size - 1 */
	int layer, head;    /* of SOURCE, COUNT and SUM; which field or input: head */
	const Roots *inner; /* SOURCE: value i stands for value kept[i] of these */
	int *kept;
	int *count;          /* SUM: how many positions value i means */
	struct Root *number; /* SUM: the COUNT root of the same head */
} Root;

/* A set of roots; its value is that of each, the first counting most. One object a set. */
struct Roots {
	int id, n, size;
	Root **root;
	bool *possible; /* NULL: all values are; else which of them are */
};

typedef struct Atom Atom;

typedef struct Term {
	Atom *atom;
	double c;
} Term;

/* k + the sum of c * atom. The computed value differs from this, taken of the computed
 * atoms, by `error` at most. */
typedef struct Form {
	int n;
	Term *term; /* by the atoms' numbers */
	double k, error;
} Form;

/* An integer form that neurons are broken lines over: relu(slope * x + offset). */
typedef struct Line {
	Form form;
	Range range;
} Line;

struct Atom {
	int id;
	const Roots *roots; /* NULL: only its range is known */
	double *table;      /* what is meant, at each value of its roots */
	double *errors;     /* how far the computed one may be from that; NULL: nowhere */
	double error;       /* the largest of these */
	Range range;        /* of what is meant */
	int step;           /* what is meant is a multiple of 2^step, if error is 0 */
	double spacing;     /* of a table: all differences are multiples of this; 0: constant */
	Line *line;
	double slope, offset;
	const Form *input; /* of a neuron: the sum before relu */
	Atom *next;        /* in the index of tables */
};

/* ---- the proof */

typedef struct Reader {
	Form form;  /* at a position of the text */
	double bos; /* at <bos> */
	double bos_error;
	double total;     /* the sum of the magnitudes of all that is added */
	int step;         /* of all that is added */
	double bos_total; /* the same at <bos> alone */
	int bos_step;
	int real; /* how many of the columns read are not exact */
	bool exact;
	int n, *column; /* what is read */
	double *weight, bias;
} Reader;

typedef enum Fact {
	FACT_SUM,   /* a sum that is exact, or a real with its error */
	FACT_SCORE, /* scores are exact and not too large */
	FACT_GAP,   /* a head has one winner, or winners that are equal, 104 before the rest */
	FACT_LOGIT, /* logits are exact */
	FACT_NEXT,  /* the greatest logit is one */
	FACT_LABEL,
	NFACT
} Fact;

typedef struct Site {
	Fact fact;
	bool proved;
	const char *where, *reason; /* reason: of one that is not */
} Site;

typedef struct Index {
	int n, capacity;
	void **slot;
} Index;

typedef struct Proof {
	const Model *m;
	Root **root;
	int nroot;
	Roots **roots;
	int nroots;
	Atom **atom;
	int natom;
	Index tables;
	struct Projection **projection; /* hashed by the two sets */
	Root *place, **field, **number;
	Form *x;     /* (d) the stream at a position of the text */
	double *bos; /* (d) at <bos> */
	double *bos_error;
	Range *range; /* (d) of x, as it was last looked at, with its error */
	double *most; /* (d) the greatest magnitude, <bos> counted */
	int *step;    /* (d) */
	bool *exact;  /* (d) */
	int state;    /* of tw.residual: 0 the embedding, then two a layer */
	Site *site;
	int nsite;
	int proved[NFACT], all[NFACT];
	const char **real; /* sums that are not exact, and have an error */
	int reals;
	int promises; /* heads that read one position because the program promises it */
	double largest_sum, least_gap;
	int depth;       /* of ranges within ranges */
	int most_values; /* of several roots together: SMALL, or DEEP */
} Proof;

enum {
	SMALL = 4096,    /* values of several roots that are tabulated together */
	LARGE = 1 << 21, /* of one */
	GAP = 104,       /* exp(-104) is 0 in float32 */
	LARGEST_SCORE = 1 << 29,
	DEEP = 1 << 18, /* values of roots that few queries are tried with */
	DEEP_WORK = 1 << 22,
	DEEPEST = 8, /* neurons upon neurons then */
	MOST_WORK = 1 << 26,
	WIDE_RANGE = 2000, /* that it is worth to split */
	MOST_SPLITS = 2,   /* within one another */
	SPLIT_VALUES = 24  /* of the root that it is split by */
};

Root *new_root(Proof *, RootKind, int size, int layer, int head);
const Roots *roots_of(Proof *, Root *);
const Roots *join_roots(Proof *, const Roots *, const Roots *); /* NULL: too many values */
const Roots *roots_without(Proof *, const Roots *, int at);
bool roots_overlap(const Roots *, const Roots *);
const Roots *roots_of_form(Proof *, const Form *); /* NULL: no tables, or too many values */
const int *inside(Proof *, const Roots *all, const Roots *some);

Form form_of(double k);
Form form_of_atom(Atom *, double c);
Form form_of_terms(int n, Term *, double k); /* sorts them and adds up */
Form sum_of_forms(const Form *, const Form *, double c);
Atom *atom_of_table(Proof *, const Roots *, const double *table, const double *errors);
Atom *atom_of_range(Proof *, Range, double error, int step);
Form form_of_table(Proof *, const Roots *, const double *table, const double *errors);
bool form_is_exact(const Form *);
int form_step(const Form *);
double error_of_form(const Form *);
double *tabulate(Proof *, const Form *, const Roots *);
double *tabulate_errors(Proof *, const Form *, const Roots *);
Range range_of(Proof *, const Form *);
Range split_range(Proof *, const Form *, Range);
Range line_range(const Line *, int n, const Term *);
void set_line(Proof *, Atom *, const Form *input);

/* What a form is a multiple of, but for a constant; false: nothing is known. */
typedef struct Residue {
	double base, modulus; /* base + a multiple of modulus; 0: base itself */
} Residue;
bool residue_of(Proof *, const Form *, Residue *);

void prove_model(Proof *, const Model *);
void look_at_columns(Proof *);
Reader reader_of(Proof *, const float *w, int stride, double bias);
void prove_sum(Proof *, const char *what, Reader *);
void add_real(Proof *, const char *what);
void add_site(Proof *, Fact, bool proved, const char *where, const char *reason);

typedef struct Addend {
	double w;
	Form form;
} Addend;

/* What a sum is at each value of some roots, and how far float32 may be from that. */
typedef struct SumTable {
	const Roots *roots;
	double *value, *error;
} SumTable;
bool tabulate_sum(Proof *, int n, const Addend *, double k, SumTable *);

/* The addends of a column that a layer writes. */
typedef struct Write {
	int n, capacity, addends, addend_capacity;
	Term *term;
	Addend *addend;
	double k, total, error; /* of a text; then of <bos> */
	int step;
	double bos, bos_error, bos_total;
	int bos_step;
	bool any, exact;
} Write;
void add_to_write(Write *, double w, const Form *, double most, double bos, double bos_error);
void write_columns(Proof *, Write *, const char *what);

typedef enum Mode { MODE_ONE, MODE_EQUAL, MODE_SOFT } Mode;

typedef struct Product {
	Reader q, k;
} Product;

typedef struct Head {
	int layer, head, n;
	Product *product;
	Mode mode;
	bool soft; /* as the file says; no rule is tried */
	bool only; /* as the file says */
	double gap;
	bool never_itself, bos_wins;
	bool *lost; /* rows of the one field that never win; NULL */
	double score_error;
} Head;

/* Queries that vary, with keys of the place: each value of the queries' roots, and from which
 * place on up to which it may be asked. */
typedef struct Asked {
	int n;
	double **query; /* (n) by the roots */
	double **key;   /* (n) by the place */
	double *base;   /* what else a place has */
	const Roots *roots;
	int *from, *to;
} Asked;
bool lead_by_digits(Proof *, const Asked *, double *lead);
double prefix_lead(const double *score, int places, int from, int to);
const Roots *deep_roots(Proof *, int n, const Form *const *);
bool deep_range(Proof *, const Form *, double work, Range *);
double *tabulate_deep(Proof *, const Form *, const Roots *);
int least_place(const Proof *, const Root *, int value);

void prove_attention(Proof *, int layer);
void prove_gap(Proof *, Head *);
void find_lost_rows(Proof *, Head *);
bool bos_always_wins(Proof *, Head *);
bool never_reads_itself(Proof *, Head *);
Form read_value(Proof *, Head *, const Reader *v);
void prove_neurons(Proof *, int layer);
void prove_answers(Proof *);
int report(const Proof *, const char *file, bool json, bool verbose);

#endif
