#ifndef BACKEND_FILE_TENSOR_ONNX_H
#define BACKEND_FILE_TENSOR_ONNX_H

/* A graph of tensors as an .onnx of standard operators. */

#include "tensor/train/weights_file.h"
#include "tensor/tensor.h"

/* The graph's outputs from its inputs; parameters are those of the file by name, and the file's
 * texts, but the graph, are its metadata. NULL, and why. */
unsigned char *tensor_onnx_bytes(Arena *, TensorGraph *, const WeightsFile *, size_t *n,
                                 const char **why);

/* The standard operator that one of ours becomes by itself; NULL: several, or none. */
const char *onnx_of_operator(TensorOp);

#endif
