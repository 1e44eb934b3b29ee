#ifndef RUNTIME_GRADIENT_H
#define RUNTIME_GRADIENT_H

/* Gradients of what a session has computed; tw.h says of what and by what. */

#include "runtime/circuit.h"
#include "runtime/tw.h"

/* Of a text whose states were kept. NULL and a line in *error. */
TwGradient *tw_gradient_open(const TwModel *, const TwKept *, const TwSeed *, int n, char **error);

#endif
