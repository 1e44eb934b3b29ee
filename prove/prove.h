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
void *grown(void *list, int n, size_t size); /* with room for one more than n */
char *text(const char *format, ...) __attribute__((format(printf, 1, 2)));
void malformed(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));
#define TAKE(type, n) ((type *)take((size_t)(n), sizeof(type)))

/* What has been worked out, by the bytes of a key. */
typedef struct KnownTable {
	int n, room;
	struct MemoEntry **bucket;
} KnownTable;
void **memo(KnownTable *, const void *key,
            size_t bytes); /* where it is kept; NULL until it is set */

/* ---- numbers (number.c) */

enum {
	NO_STEP = 4096,    /* of 0, which is a multiple of everything */
	REAL_STEP = -1000, /* of a number that may have any float32 value */
	MANTISSA = 24,     /* bits of a float32 */
	OWN_MANTISSA = 53  /* of the numbers that this program computes with */
};

typedef struct Extent {
	double lo, hi;
} Extent;

int step_of(double); /* the greatest e such that x is a multiple of 2^e */
bool fits(double total, int step, int mantissa); /* total < 2^mantissa steps of 2^step */
double gcd_of(double, double);                   /* of dyadic numbers; 0 where both are 0 */
double plus(double, double);                     /* exact, or own_arithmetic_failed() */
double times(double, double);
bool own_arithmetic_failed(void);
void fail_own_arithmetic(void);
bool forget_failure(void);
double magnitude_of(Extent);
Extent hull(Extent, double);

/* ---- the model (onnx.c, safetensors.c, metadata.c, names.c, graph.c) */

typedef struct Tensor {
	const char *name;
	int ndim;
	int64_t dim[2];
	const float *at;
} Tensor;

typedef struct Property {
	const char *key, *value;
} Property;

typedef struct Contents {
	int ntensor, nproperty;
	Tensor *tensor;
	Property *property;
	const char *graph; /* of an ONNX file: its nodes, inputs and outputs, a line each */
} Contents;

typedef struct ModelLayer {
	int heads, dk, dv, neurons;
	bool *soft;         /* the file says that the head is a softmax that is meant */
	bool *only;         /* and that one position at most matches, as the program promises */
	double *gap;        /* (heads) by which it says that what a head reads leads */
	const char **finds; /* (heads) what each looks for, in the program; NULL: it is not said */
	int *owner;         /* (neurons) for which named value each was made; -1: it is not said */
	const float *wq, *bq, *wk, *bk, *wv, *bv, *wo, *w1, *b1, *w2, *b2;
} ModelLayer;

typedef enum Kind { KIND_INT, KIND_BOOL, KIND_TOKEN, KIND_REAL } Kind;

typedef struct OutputLabel {
	const char *name;
	Kind kind;
	int columns;
	const float *w, *b;
	double error;
} OutputLabel;

typedef struct InputNumber {
	const char *name;
	Kind kind;
	double low, high;
} InputNumber;

/* A part of a column's value that has a name in the program. */
typedef struct NamedColumns {
	const char *name;
	int line, state, ncolumn, *column;
	double *weight, bias; /* (ncolumn) NULL: it stands nowhere as a whole */
} NamedColumns;

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
	InputNumber *input;
	const float *embed_token, *embed_input, *head_w, *head_b;
	PlacePart *part;
	ModelLayer *layer;
	OutputLabel *label;
	NamedColumns *named;
	const struct cJSON *certificate, *circuit;
	const char *digest; /* of the weights, as the file says; NULL: it does not */
	const char *weights_digest;
} Model;

Model *model_in(const void *bytes, size_t n);
Contents *read_onnx(const uint8_t *, size_t);
Contents *read_safetensors(const uint8_t *, size_t);
Model *model_of(const Contents *);
void require_graph(const Model *, const Contents *);
const struct cJSON *field(const struct cJSON *, const char *name);
const struct cJSON *property_json(const Contents *, const char *key, bool optional);
void read_names(Model *, const Contents *);
const char *neuron_site(const Model *, int layer, int neuron);
const char *head_site(const Model *, int layer, int head);
const char *column_site(const Model *, int column, int state); /* state 0: the embedding */

/* ---- roots and sets of them (roots.c) */

typedef enum RootKind {
	ROOT_TOKEN,  /* which row of a field stands here */
	ROOT_PLACE,  /* value i: place i + 1 */
	ROOT_SOURCE, /* what a head reads: the roots at its source, or <bos>, the last value */
	ROOT_COUNT,  /* how many positions an averaging head reads beside <bos> */
	ROOT_SUM,    /* (how many, and the sum of what they hold) */
	ROOT_NUMBER  /* a whole number of few values: one that is fed, or that a head reads */
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

static inline bool
can_be(const Roots *s, int value)
{
	return !s->possible || s->possible[value];
}

/* ---- atoms and forms (form.c) */

typedef struct AffineAtom AffineAtom;

typedef struct ScaledAtom {
	AffineAtom *atom;
	double c;
} ScaledAtom;

/* k + the sum of c * atom. The computed value differs from this, taken of the computed
 * atoms, by `error` at most. */
typedef struct AffineForm {
	int n;
	ScaledAtom *term; /* by the atoms' numbers */
	double k, error;
} AffineForm;

struct AffineAtom {
	int id;
	const Roots *roots; /* of its table; NULL: it has none */
	double *table;      /* what is meant, at each value of its roots */
	double *errors;     /* how far the computed one may be from that; NULL: nowhere */
	double error;       /* the largest of these */
	Extent range;       /* of what is meant */
	int step;           /* what is meant is a multiple of 2^step, if error is 0 */
	double spacing;     /* of a table: all differences are multiples of this; 0: constant */
	const AffineForm *input; /* of a neuron: relu(input) */
	const AffineForm *line;  /* input = slope * line + a constant, line being whole numbers */
	double slope;
	struct AtomSlices *slices; /* what it is where a root has one value (split.c) */
};

/* What a column holds, or what is added to it. */
typedef struct ColumnValue {
	AffineForm form; /* at a position of the text */
	double bos;      /* at <bos> */
	double bos_error;
	double most; /* its greatest magnitude, errors counted */
	int step;    /* it is a multiple of 2^step */
	bool exact;
	/* of a real neuron: another, and what is left when that is taken away, which is exact
	 * (step.c); NULL: there is none */
	const struct ColumnValue *second, *difference;
} ColumnValue;

/* The sum of w * value. */
typedef struct AddendList {
	int n;
	struct Addend {
		double w;
		const ColumnValue *v;
	} * addend;
} AddendList;

/* What a sum is at each value of some roots, and how far float32 may be from that. */
typedef struct SumTable {
	const Roots *roots;
	double *value, *error;
} SumTable;

/* c * relu(g x + rest), a broken line over a whole number x; the rest, a whole number, lies
 * between these. */
typedef struct BrokenLine {
	double c, g;
	Extent rest;
} BrokenLine;

/* ---- the proof */

typedef enum Fact {
	FACT_SUM,   /* a sum that is exact, or a real with its error */
	FACT_SCORE, /* scores are exact and not too large */
	FACT_GAP,   /* a head has one winner, or winners that are equal, 104 before the rest */
	FACT_LOGIT, /* logits are exact */
	FACT_NEXT,  /* the greatest logit is one */
	FACT_LABEL,
	FACT_CIRCUIT, /* what the weights make is what tw.circuit says */
	FACT_GRAPH,   /* what tw.circuit says is what the program's graph means */
	FACT_CLAIM,   /* what the file says of itself, worked out again */
	NFACT
} Fact;

typedef struct InexactSum {
	const char *what;
	double total, step;
	bool of_reals; /* one of what it adds is no longer exact */
} InexactSum;

typedef struct Finding {
	const char *where, *reason; /* of what is not proved */
} Finding;

enum {
	SMALL = 4096,    /* values of several roots that are tabulated together */
	LARGE = 1 << 21, /* of one */
	DEEP = 1 << 18,  /* of roots that few queries are tried with */
	GAP = 104,       /* exp(-104) is 0 in float32 */
	LARGEST_SCORE = (1 << 30) - (1 << 10),
	MOST_WORK = 1 << 26,
	MOST_SPLITS = 2,  /* ranges within ranges */
	SPLIT_VALUES = 24 /* of the root that a range is split by */
};

typedef struct Proof {
	const Model *m;
	Root **root;
	int nroot, natom;
	KnownTable sets, projections, tables, neurons, lines, numbers, forgotten, plain,
		ranges[2][MOST_SPLITS + 1];
	int nsets;
	Root *place, **field;
	ColumnValue *x; /* (d) the stream */
	Finding *finding;
	int nfinding;
	int proved[NFACT], all[NFACT];
	InexactSum *real; /* sums that are not exact, and have an error */
	int reals;
	int promises; /* heads that read one position because the program promises it */
	double largest_sum, least_gap;
	bool every_node; /* nor is a node of the graph whose form is not shown to be its meaning */
	bool hold_circuit; /* a sum that is not shown to be that of tw.circuit is not proved */
	const struct cJSON *sums; /* what tw.circuit says of each sum; NULL: nothing */
	int nnode;
	ColumnValue **node;                /* (nnode) its tables */
	const ColumnValue ***neuron;       /* (nlayer) (neurons) what each gives */
	struct AttentionHead **head;       /* (nlayer) (heads) */
	const ColumnValue ***there;        /* (nlayer) (heads * dv) what there is to be read, */
	const ColumnValue ***read;         /* and what each reads */
	const ColumnValue **input;         /* (ninput) */
	const char *range_of, *depends_on; /* what is asked of a value, by its name; NULL */
	AffineForm *answer;                /* (nanswer) its columns */
	int nanswer;
	int splits;    /* of ranges within ranges, that may be made now */
	bool thorough; /* of ranges that are not wide too, and by atoms of two values */
} Proof;

Root *new_root(Proof *, RootKind, int size, int layer, int head);
int least_place(const Proof *, const Root *, int value);
const Roots *roots_of(Proof *, Root *);
const Roots *join_roots(Proof *, const Roots *, const Roots *,
                        int most); /* NULL: too many values */
const Roots *roots_without(Proof *, const Roots *, int at);
bool roots_overlap(const Roots *, const Roots *);
const Roots *no_roots(Proof *);
const Roots *join_form_roots(Proof *, const Roots *all, const AffineForm *);
const Roots *roots_of_form(Proof *, const AffineForm *); /* NULL: no tables, or too many values */
const Roots *deep_roots(Proof *, const Roots *, const AffineForm *);
const int *inside(Proof *, const Roots *all, const Roots *some);

AffineForm form_of(double k);
AffineForm form_of_atom(AffineAtom *, double c);
AffineForm form_of_terms(int n, ScaledAtom *, double k); /* sorts them and adds up */
AffineForm sum_of_forms(const AffineForm *, const AffineForm *, double c);
AffineAtom *atom_of_range(Proof *, Extent, double error, int step);
AffineForm form_of_table(Proof *, const Roots *, const double *table, const double *errors);
AffineForm form_of_number(Proof *, double low, double high, int layer, int head);
AffineForm relu_of(Proof *, const AffineForm *);
AffineForm merge_tables(Proof *, const AffineForm *);
double coefficient_of(const AffineForm *, const AffineAtom *);
bool form_is_exact(const AffineForm *);
int form_step(const AffineForm *);
double error_of_form(const AffineForm *);
double *tabulate(Proof *, const AffineForm *, const Roots *);
double *tabulate_errors(Proof *, const AffineForm *, const Roots *);
Extent range_of(Proof *, const AffineForm *);
Extent range_of_table(Proof *, const AffineForm *, const Roots *);
Extent narrow_range_of(Proof *, const AffineForm *, int splits, bool thorough);
void widen(Extent *, Extent by);
Extent range_of_lines(const BrokenLine *, int n, Extent x);
Extent range_at_values(Proof *, const AffineForm *, Extent); /* split.c */

ColumnValue value_with_form(Proof *, AffineForm, double bos, double bos_error);
void add(AddendList *, double w, const ColumnValue *);
AddendList sum_of_columns(Proof *, const float *w, int stride, double bias);
AffineForm form_of_addends(const AddendList *);
bool is_bias(const struct Addend *);
ColumnValue prove_sum(Proof *, const char *what, const AddendList *);
bool tabulate_sum(Proof *, const AddendList *, bool at_bos, SumTable *);
void write_columns(Proof *, AddendList *, int state);
void find_exact_steps(Proof *, const AddendList *sum, ColumnValue *const *neuron, int n);
void replace_steps(AddendList *);
ColumnValue value_of_neuron(Proof *, const AddendList *, const ColumnValue *sum);

void prove_model(Proof *, const Model *);
void add_finding(Proof *, Fact, bool proved, const char *where, const char *reason);

/* ---- heads (head.c, lead.c, read.c) */

typedef enum Mode { MODE_ONE, MODE_EQUAL, MODE_SOFT } Mode;

typedef struct AttentionHead {
	int layer, head, n;
	ColumnValue *q, *k; /* (n) the score is the sum of q * k */
	Mode mode;
	bool soft; /* as the file says; no rule is tried */
	bool only; /* as the file says */
	double gap;
	bool never_itself; /* if several win, a position that reads is none of them */
	bool bos_wins;     /* <bos> is always among them */
	bool bos_apart;    /* it is alone, or not among them */
	bool *lost;        /* rows of the one field that never win; NULL */
	double score_error;
} AttentionHead;

/* Queries that vary, with keys of the place. */
typedef struct Queries {
	int n, size;          /* products, and how many queries */
	double **query;       /* (n, size) */
	const bool *possible; /* (size); NULL: all are */
	double **key;         /* (n, places) */
	double *base;         /* (places) what else a place has */
	int *from, *to;       /* (size) the last place that is visible, at least and at most */
} Queries;

typedef struct Lead {
	double least; /* of the greatest score over the next that is not the same */
	bool tie;     /* the greatest is not alone */
} Lead;
bool lead_by_digits(const Proof *, const Queries *, Lead *);
bool lead_by_queries(const Proof *, const Queries *, Lead *);

void prove_attention(Proof *, int layer);
void prove_gap(Proof *, AttentionHead *);
void find_lost_rows(Proof *, AttentionHead *);
void describe_winners(Proof *, AttentionHead *);
ColumnValue read_value(Proof *, AttentionHead *, const ColumnValue *);
void prove_answers(Proof *);
void ask_of_value(Proof *, const char *name, const AffineForm *, bool first);
void ask_of_named_values(Proof *, int state);
bool print_properties(Proof *);
void read_circuit_nodes(Proof *);
int value_number(const Proof *, const char *name, int *layer);
bool head_number(const Proof *, const char *name, int *layer, int *head);
bool form_of_json(Proof *, const struct cJSON *, double times_all, double k, ColumnValue *);
bool is_nothing(Proof *, const AffineForm *, double allowed, bool narrow);
void hold_graph(Proof *);

/* A function of n whole numbers; from number `shared` on a sum of functions of one each, and of
 * those before. */
typedef struct NumberFunction {
	int n, shared;
	const AffineForm **number;
	double (*value)(const void *context, const double *);
	const void *context;
} NumberFunction;
bool is_function(Proof *, const AffineForm *, const NumberFunction *);
void hold_product(Proof *, int layer, int head, int i, const ColumnValue *q, const ColumnValue *k);
void hold_value(Proof *, int layer, int head, int i, const ColumnValue *);
void hold_neuron(Proof *, int layer, int i, const ColumnValue *sum);
void hold_logit(Proof *, int field, double times_v, int c, const ColumnValue *);
void hold_label(Proof *, int i, const ColumnValue *);
int place_row(const PlacePart *, int place);
int report(const Proof *, const char *file, bool json, bool verbose);

#endif
