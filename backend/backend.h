#ifndef BACKEND_BACKEND_H
#define BACKEND_BACKEND_H

/* From a graph to the weights of a transformer that computes it exactly.
 *
 *     graph --map--> circuit --schedule--> layers --allocate--> columns --write--> model
 *
 * map/        every node becomes an affine form over atoms: features, neurons, values of heads
 * attend/     what heads look up, as queries and keys circuit/    atoms and forms, and how large
 * they can get layout/     in which layer, and in which column of the residual stream target/
 * what an architecture can do, and the weights file/       model files
 *
 * compile.c is those stages on one screen. */

#include "ir/ir.h"
#include "runtime/model.h"

typedef struct Link {
	const char *what; /* the source of the step on one line, and which half of the layer */
	const char *name; /* the named value for which it was made first, or "" */
	const char *file;
	int line;
	int layer;
	int head, neuron; /* which of its layer; -1: it is the other */
} Link;

/* How an operator becomes atoms. */
typedef struct Rule {
	const char *name, *doc;
} Rule;

/* Of several models that do the same, the one with which? As --fewest has them, from 1. */
typedef enum Fewest {
	FEWEST_AS_WORTH, /* layers, where each one saved does not take too many neurons */
	FEWEST_LAYERS,
	FEWEST_NEURONS,
	FEWEST_NONZEROS
} Fewest;

/* The most that a model may have of something; 0: as many as it takes. */
typedef struct Limits {
	int layers, d_model;
	int heads, neurons; /* in each layer */
	int fewest;         /* Fewest */
} Limits;

static inline bool
is_limited(const Limits *l)
{
	return l->layers || l->d_model || l->heads || l->neurons;
}

/* One of the sums that the model makes: the most that its absolute terms can add up to, in
 * units of a power of two that all of them are multiples of. */
typedef enum SumKind {
	SUM_EMBEDDING,       /* index: slot of the stream */
	SUM_QUERY,           /* index: column of the layer's wq; so for the next three */
	SUM_KEY,             /* wk */
	SUM_VALUE,           /* wv */
	SUM_NEURON,          /* w1 */
	SUM_SCORE,           /* index: head */
	SUM_ATTENTION_WRITE, /* index: slot of the stream */
	SUM_MLP_WRITE,       /* the same */
	SUM_LOGIT,           /* index: row of the vocabulary */
	SUM_LABEL            /* index: label */
} SumKind;
typedef struct ProvedSum {
	SumKind kind;
	int layer, index; /* layer is 0 where it is of none */
	double most;
} ProvedSum;

typedef struct Report {
	int layers, d_model, context;
	int *heads, *neurons; /* (layers) */
	long parameters;      /* stored weights */
	long nonzeros;        /* those that are not 0 */
	int free_layers;      /* without limits it would be so many layers */
	double largest_sum;   /* largest sum of absolute terms anywhere: below 2^24 */
	int nproved, capproved;
	ProvedSum *proved; /* (nproved) each of them */
	int nchain;        /* the longest chain, first step first */
	Link *chain;
	const struct Columns *columns; /* what explain.c asks, */
	const struct Readers *readers; /* and what it has found out */
} Report;

/* What became of a named value. What it stands in: the model's TwNamed. */
typedef struct Explained {
	const Rule *rule;   /* that made its form; NULL if it is not made as a whole */
	int nhead;          /* reference: the heads that look for it */
	int *head_layer;    /* (nhead) */
	int heads, neurons; /* that it needs */
	/* of these, what the values that it is made of do not */
	int own_heads, own_neurons, own_columns;
	int noperand, *operand; /* (noperand) those values, of graph->named */
	int nchain;             /* what keeps it from being earlier, first step first */
	Link *chain;
} Explained;
void explain_named(Report *, int named, Explained *);

/* What one half of a layer makes for one named value. */
typedef struct LayerPart {
	int layer; /* -1: the embedding */
	bool attention;
	/* the value that first asked for it, the elements of an array together; "": what is emitted
	 */
	const char *name;
	const char *at;   /* attention: where it looks; MLP: the source of most of it */
	int n;            /* features, values fetched or neurons */
	int nfrom, *from; /* (nfrom) parts that it reads, all before it; ascending */
} LayerPart;
/* All of them, in the order they are computed; (*n). */
LayerPart *explain_layers(const Report *, int *n);

/* Where something was written. */
typedef struct SourcePlace {
	const Source *src; /* NULL: nowhere */
	Span span;         /* in src, which may be of the library; */
	Span program; /* the same or the call that led there, in the program itself; or empty */
} SourcePlace;

/* A head of the model: what it looks for, and what it brings from there. */
typedef struct ExplainedHead {
	int layer, index;
	const char *intent; /* "latest", "offset" and so on, as Lookup has them */
	const char *at;     /* the name of the reference, "3 back", or its source */
	int offset;         /* so far ahead, negative: back; 0 where there is a reference */
	SourcePlace place;  /* of the reference */
	int64_t gap; /* by which the score of what it finds is ahead; 0: weights are shared */
	int nvalue;
	const char **value; /* (nvalue) for which named values */
} ExplainedHead;
ExplainedHead *explain_heads(const Report *, int *n);

/* Neurons of one layer that were made at one place for one named value. */
typedef struct NeuronGroup {
	int layer;
	const char *name; /* the value without its index; "": what is emitted */
	Op op;            /* of the node that they compute, or help to */
	SourcePlace place;
	int npart;
	Span *part; /* (npart) what it reads of the program's words at `place`, in their order */
	int n, cap, *neuron; /* (n) which of the layer */
} NeuronGroup;
NeuronGroup *explain_neurons(const Report *, int *n);

/* What is to be looked into on the way, after each stage. */
typedef struct Inspect {
	bool verify;      /* hold what each stage made against what it promises (verify/) */
	const char *dump; /* print what this stage made (dump_stages), and stop there; or NULL */
	FILE *to;
	bool describe; /* in the file too what each node adds up: twprove holds the weights against
	                  it */
} Inspect;
/* The stages that can be printed. */
typedef struct DumpStage {
	const char *name, *doc;
} DumpStage;
extern const DumpStage dump_stages[]; /* ends with a NULL name */
bool is_dump_stage(const char *name);

/* The weights that compute what g says. NULL, and an error that names the
 * source, when some value cannot be proved exact or is not built yet. */
TwModel *compile_graph(Graph *, Arena *, Diags *, Report *);
/* The same for a target (target/target.h), within limits, as few layers deep as was found; an error
 * says the least that would do where they cannot be met. The Inspect may be NULL. */
struct Target;
TwModel *compile_within(Graph *, const struct Target *, Arena *, Diags *, const Limits *,
                        const Inspect *, Report *);

#endif
