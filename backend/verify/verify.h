#ifndef BACKEND_VERIFY_VERIFY_H
#define BACKEND_VERIFY_VERIFY_H

/* What each stage promises, held against what it made.
 *
 * A verifier shares no code with the stage that it looks at: it takes the definitions of
 * circuit.h and model.h and works out from them, in the plainest way, what has to be so. What
 * can be said of all texts (what stands before what, which column holds what) is checked for
 * all; what the sums come to is checked on some dozen texts, most of them random: the circuit
 * against the graph's evaluator, the weights against the circuit.
 *
 * A broken rule is an error at the source of what breaks it, and names the stage, the atom or
 * column, and the rule. It is a fault of the compiler, never of a program.
 *
 * They run where they are asked for (Inspect): by `twc test`, `twc --verify`, and the tests of
 * random graphs and programs. All four take about as long as compiling does. */

#include "backend/circuit/circuit.h"
#include "backend/dump/dump.h"

/* True: all rules hold. Atoms' operands are there before them; intervals, gaps and the forms of
 * nodes hold on texts. */
bool verify_circuit(const Circuit *);
/* Each live atom has one place, after all that it reads, within the limits. */
bool verify_schedule(const Schedule *, const Limits *);
/* One thing at a time in a slot; what is read is a combination of what stands there. */
bool verify_columns(const Columns *, const Limits *);
/* Side by side with the circuit: every column in every state, every query, key, value, neuron,
 * label and next token; no sum beyond what was proved of it. */
bool verify_weights(const Columns *, const TwModel *, const Report *);

/* ---- shared by the verifiers ---- */

typedef struct Verifier {
	const Circuit *c;
	const char *stage;
	AtomNames *names;
	Arena arena;
	int broken; /* rules so far */
} Verifier;

void verifier_begin(Verifier *, const Circuit *, const char *stage);
/* Frees what it has; true: no rule was broken. */
bool verifier_end(Verifier *);
/* An error that says so, at the source of a node, or of the program if that is NULL. The first
 * few alone. */
void rule_broken(Verifier *, const Node *at, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Every form that is read in a state: queries, keys and values, neurons, what is said. */
typedef void ReadForm(Verifier *, const Form *, int state, const Node *at, const char *reader,
                      void *context);
void each_read(Verifier *, const Schedule *, ReadForm *, void *context);

/* ---- texts (sample_texts.c) ---- */

enum {
	SAMPLE_MAX = 40,             /* tokens of one text */
	PLACES_MAX = SAMPLE_MAX + 1, /* <bos> among them */
};

/* A text to try a program on. */
typedef struct SampleText {
	int n;
	int *row;       /* (n, nfield), without <bos> */
	double *number; /* (n, ninput), in place of tokens; each is a float */
} SampleText;

/* Prompts of the program's own tests with what follows them, the same with tokens changed, and
 * random ones: always the same for one graph. How many. */
int sample_texts(Arena *, const Graph *, SampleText **);

/* ---- the circuit on a text (run_circuit.c) ---- */

/* Values by place, <bos> first. In doubles, which hold all integers that occur; a real is
 * computed without rounding, near enough. */
typedef struct CircuitRun {
	const Circuit *c;
	const AtomNames *names;
	const SampleText *text;
	int places;      /* of the text, <bos> among them */
	double **value;  /* (natom)(places), NULL of an atom that is not live */
	double **error;  /* (natom)(places) how far a float of it may be off; NULL: it is exact */
	double **weight; /* (lookups)(places, places) of the place looked at from each place */
	double *spread;  /* (lookups) how far off, relatively, such a weight may be */
} CircuitRun;

/* The verifier gets a gap that does not hold. */
CircuitRun *run_circuit(Verifier *, Arena *, const SampleText *);
/* Of a form whose atoms are all live, at each place; to has room for PLACES_MAX. And how far off
 * who reads it may be. */
void form_values(const CircuitRun *, const Form *, double *to);
void form_errors(const CircuitRun *, const Form *, double *to);
/* Of what is ready of it in a state, without its constant. */
void part_values(const CircuitRun *, const Form *, int state, double *to);
void part_errors(const CircuitRun *, const Form *, int state, double *to);
bool form_is_rounded(const Form *);

/* ---- the model on a text (run_model.c) ---- */

/* What model.h says, in floats; and of each sum the most that its absolute terms came to, in
 * the unit in which its bound was proved. */
typedef struct LayerRun {
	float *q, *k, *v;               /* (places, heads * size) */
	float *neuron;                  /* (places, neurons) after relu */
	double *sum[SUM_MLP_WRITE + 1]; /* by kind of sum; by its index */
} LayerRun;

typedef struct ModelRun {
	const TwModel *m;
	int places;
	float **stream;  /* (states)(places, d_model) */
	LayerRun *layer; /* (layers) */
	float *logits;   /* (places, nvocab + 2); NULL unless it emits */
	float *label;    /* (places, labels) */
	double *logit_sum, *label_sum, *embedding_sum; /* by row, label, slot */
} ModelRun;

/* Its matrices, made ready for many texts. */
typedef struct SparseModel SparseModel;
SparseModel *sparse_model(Arena *, const TwModel *);
/* Adds what the model knows of a place to x, (d_model). */
void add_place(const TwModel *, int place, float *x);
ModelRun *run_model(const SparseModel *, Arena *, const SampleText *);

#endif
