#ifndef BACKEND_REALISM_H
#define BACKEND_REALISM_H

#include "backend/backend.h"

/* The same model less tidy (realism.c): `dials` lists some of "permute,scale,dead,noise". NULL, and
 * why, where it names others. */
TwModel *model_realistic(Arena *, const TwModel *, const Report *, const char *dials, int seed,
                         const char **why);

#endif
