#ifndef RUNTIME_LOAD_H
#define RUNTIME_LOAD_H

/* Between the two file formats and the model: what a file consists of, still
 * unchecked. The bytes and strings are the file's own. */

#include "runtime/model.h"
#include "runtime/memory_pool.h"

#include <stdint.h>

typedef struct TwFileTensor {
	const char *name;
	int ndim;
	int64_t dim[2];
	const void *bytes; /* float32, little-endian, perhaps not aligned */
	size_t size;
} TwFileTensor;

typedef struct TwProperty {
	const char *key;   /* tw.vocab */
	const char *value; /* JSON */
} TwProperty;

typedef struct TwContents {
	int ntensor, nproperty;
	TwFileTensor *tensor;
	TwProperty *property;
} TwContents;

/* Puts a line in *error, where memory for one is left and there is none yet; returns false. */
bool tw_refuse(char **error, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

const TwFileTensor *tw_file_tensor(const TwContents *, const char *name);
TwModel *tw_assemble(const TwContents *, char **error);
/* Within tw_protect over the pool. */
bool tw_read_metadata(TwModel *, TwPool *, const TwContents *, char **error);

/* record_tokens.c: tw_tokenize and tw_spell_token where a token has fields. */
int tw_tokenize_records(const TwModel *, const char *text, int *rows, char **error);
size_t tw_spell_record(const TwModel *, const int *row, char *out, size_t size);

TwModel *tw_load_onnx(const void *bytes, size_t n, char **error);
TwModel *tw_load_safetensors(const void *bytes, size_t n, char **error);

#endif
