#ifndef BACKEND_INSPECT_H
#define BACKEND_INSPECT_H

/* After each stage: print what it made, if that is asked for. False: it was, and the compilation
 * ends here. */

#include "backend/layout/layout.h"

bool inspect_circuit(const Inspect *, Circuit *);
bool inspect_columns(const Inspect *, Columns *);
bool inspect_weights(const Inspect *, Columns *, const TwModel *, const Report *);

#endif
