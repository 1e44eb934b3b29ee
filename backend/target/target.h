#ifndef BACKEND_TARGET_TARGET_H
#define BACKEND_TARGET_TARGET_H

#include "backend/layout/layout.h"

TwModel *write_weights(Columns *, Report *);

#endif
