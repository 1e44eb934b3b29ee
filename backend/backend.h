#ifndef BACKEND_BACKEND_H
#define BACKEND_BACKEND_H

/* From a graph to the weights of a transformer that computes it exactly.
 *
 *     graph --map--> circuit --schedule--> layers --allocate--> columns --write--> model
 *
 * compile_graph() is those four lines; what each stage needs and guarantees is
 * said where it is defined, in the file of its name. */

#include "ir/ir.h"
#include "runtime/model.h"

typedef struct Link {
	const char *what;       /* "reads 'token' at the latest j where …", "compares …" */
	const char *file;
	int line;
	int layer;
} Link;

typedef struct Report {
	int layers, d_model, context;
	int *heads, *neurons;   /* (layers) */
	long parameters;        /* stored weights */
	long nonzeros;          /* those that are not 0 */
	double largest_sum;     /* largest sum of absolute terms anywhere: below 2^24 */
	int nchain;             /* the longest chain, first step first */
	Link *chain;
} Report;

/* The weights that compute what g says. NULL, and an error that names the
 * source, when some value cannot be proved exact or is not built yet. */
TwModel *compile_graph(Graph *, Arena *, Diags *, Report *);

#endif
