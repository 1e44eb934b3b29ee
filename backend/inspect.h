#ifndef BACKEND_INSPECT_H
#define BACKEND_INSPECT_H

/* After each stage: print what it made, and hold it against what it promises, as is asked for.
 * False: the compilation ends here, since this stage was to be printed or has broken a rule. */

#include "backend/layout/layout.h"

bool inspect_circuit(const Inspect *, Circuit *);
bool inspect_columns(const Inspect *, Columns *, const Limits *);
bool inspect_weights(const Inspect *, Columns *, const TwModel *, const Report *);

#endif
