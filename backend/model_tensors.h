#ifndef BACKEND_MODEL_TENSORS_H
#define BACKEND_MODEL_TENSORS_H

#include "runtime/model.h"
#include "tensor/learned.h"
#include "tensor/train/weights_file.h"

/* A compiled model as a learned program for texts of so many tokens: its weights are the
 * parameters, under the names that they have in its file, and begin as they were compiled. NULL,
 * and why.
 *
 * Tensors that others look for by name: l0.read, what the heads of layer 0 read,
 * [positions][heads][dv]; l0.neurons, [positions][neurons]; scores. */
Learned *learned_of_model(Arena *, const TwModel *, int positions, const char **why);
/* The model with weights of a file that training has written, of all names but the labels'. What
 * was proved of it is left out. NULL, and why. */
TwModel *model_with_weights(Arena *, const TwModel *, const WeightsFile *, const char **why);
/* A state of the residual stream, as TwNamed counts them: [positions][d_model]. */
TensorNode *model_state(const Learned *, int state);

#endif
