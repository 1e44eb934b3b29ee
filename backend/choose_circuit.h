#ifndef BACKEND_CHOOSE_CIRCUIT_H
#define BACKEND_CHOOSE_CIRCUIT_H

#include "backend/layout/layout.h"

/* The circuit of a graph: of several the best within these limits, with so much in columns of
 * its own (Effort). */
Circuit *choose_circuit(Graph *, const struct Target *, Arena *, Diags *, const Limits *,
                        int materialize);

#endif
