#ifndef BACKEND_DESCRIBE_CIRCUIT_H
#define BACKEND_DESCRIBE_CIRCUIT_H

#include "backend/layout/layout.h"

/* The property tw.circuit of the file, as JSON; `whole`: with what each node of the model adds
 * up. */
char *describe_circuit(const Columns *, bool whole);
/* Its edges, and what each named value can be: lists in JSON. */
const char *describe_edges(const Columns *);
const char *describe_value_sets(const Columns *);
/* All of the circuit: nodes, edges between them, the values of what is named, tw.circuit. */
char *describe_graph(const Columns *, const TwModel *);

#endif
