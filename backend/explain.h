#ifndef BACKEND_EXPLAIN_H
#define BACKEND_EXPLAIN_H

/* What explain.c knows of a circuit, for the reports and dumps of other files. */

#include "backend/layout/layout.h"

/* The longest chain of steps up to these forms, first step first; (*n). */
Link *find_chain(const Columns *, int nform, const Form *const *form, int *n);
/* Where a head looks: the name of the reference if it has one. */
const char *lookup_label(const Circuit *, const Lookup *);
/* The named value for which an atom was made first, an array as a whole: "sum" of "sum[2]"; or "".
 */
const char *atom_owner(const Circuit *, const Atom *);
/* A piece of a source on one line, shortened; that of a node. */
const char *span_excerpt(Arena *, const Source *, Span);
const char *source_excerpt(const Graph *, const Node *);

#endif
