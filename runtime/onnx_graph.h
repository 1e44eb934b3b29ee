#ifndef RUNTIME_ONNX_GRAPH_H
#define RUNTIME_ONNX_GRAPH_H

/* The one ONNX graph of a model, as data: what model.h says in equations, in ONNX
 * operators (opset 17). The writer turns it into a file; the reader makes it
 * again from the shapes that it found and compares, so a file computes what
 * model.h says or is refused.
 *
 * Inputs    input_ids, position_ids      int64 (batch, sequence); where a token is a
 *                                        record, input_ids (batch, sequence, nfield)
 *           inputs, without tokens       float (batch, sequence, ninput), 0 for <bos>
 *           attention_mask               int64 (batch, past + sequence)
 *           past_key_values.N.key/value  float (batch, heads, past, size)
 * Outputs   logits                       float (batch, sequence, nvocab + 2)
 *           label.NAME                   float (batch, sequence, columns)
 *           present.N.key/value          float (batch, heads, past + sequence, size)
 *
 * Past and present are there for each layer N with heads of a causal model.
 */

#include "runtime/model.h"
#include "runtime/memory_pool.h"

#include <stdint.h>

enum { TW_IR_VERSION = 8, TW_OPSET = 17, TW_FORMAT = 1 };

/* One of the model's matrices or vectors. */
typedef struct TwWeight {
	const char *name; /* layers.0.wq */
	float **data;     /* where the model keeps it */
	int ndim;
	int64_t dim[2];
} TwWeight;

/* An initializer: a weight, or a constant of the graph. */
typedef struct TwTensor {
	const char *name;
	bool integer; /* int64; else float */
	int ndim;     /* 0: a scalar */
	int64_t dim[2];
	const void *data;
} TwTensor;

/* An input or an output of the graph. */
typedef struct TwPort {
	const char *name;
	bool integer;
	int ndim;
	const char *dim[4]; /* a number, or the name of what varies */
} TwPort;

typedef struct TwNode {
	const char *op;
	const char *in[4]; /* NULL after the last */
	const char *out;   /* also the node's name */
	const char *attr;  /* NULL if it has none */
	bool list;         /* the attribute is a list */
	int nvalue;
	int64_t value[4];
} TwNode;

typedef struct TwPlan {
	TwPool *pool;
	int ntensor, nnode, ninput, noutput;
	TwTensor *tensor; /* the weights in order, then the constants */
	TwNode *node;
	TwPort *input, *output;
} TwPlan;

/* Every weight that a model of this shape has, in the order of the file. */
int tw_weights(TwPool *, TwModel *, TwWeight **);

TwPlan *tw_plan(TwPool *, const TwModel *);
int64_t tw_elements(int ndim, const int64_t *dim);
size_t tw_tensor_bytes(const TwTensor *);

#endif
