#ifndef BACKEND_FILE_WRITE_H
#define BACKEND_FILE_WRITE_H

/* Model files, in either format; the same model gives the same bytes. */

#include "backend/target/llama/llama.h"
#include "lang/arena.h"
#include "runtime/memory_pool.h"
#include "runtime/model.h"

/* By the ending of path: .onnx, or .safetensors with a config.json beside it. The
 * files appear whole or not at all. `uniform` gives all layers one shape. 0, or
 * -1 with one line in *error, to be freed. */
int model_write(const TwModel *, const char *path, bool uniform, char **error);

/* A Llama: path ends in .gguf, or in a slash: a folder, which is made where there is none. */
int llama_write(const Llama *, const char *path, char **error);

/* A folder for transformers.js: the model as onnx/model.onnx, its tokenizer. */
int onnx_folder_write(const TwModel *, const char *path, char **error);

/* Any file, in the same way. */
int file_write(const char *path, const void *bytes, size_t n, char **error);
/* Removes what is being written now and has no name of its own yet. For a signal handler. */
void drafts_drop(void);

/* The bytes of a file, in the arena; NULL if memory ran out. */
unsigned char *onnx_bytes(Arena *, const TwModel *, size_t *n);
unsigned char *safetensors_bytes(Arena *, const TwModel *, size_t *n);

/* ---- the parts of it, each from one file here. These are called within arena_protect,
 * and with a pool within tw_protect. */
typedef struct Prop {
	const char *key; /* tw.vocab */
	char *json;
} Prop;

int model_props(Arena *, TwPool *, const TwModel *, Prop **);
const TwModel *model_uniform(Arena *, const TwModel *);
unsigned char *onnx_pack(Arena *, TwPool *, const TwModel *, size_t *n);
unsigned char *safetensors_pack(Arena *, TwPool *, const TwModel *, size_t *n);
char *safetensors_config(Arena *, const TwModel *);
bool gguf_cuts_otherwise(const TwModel *, const char **first, const char **second);
unsigned char *gguf_pack(Arena *, const Llama *, size_t *n);
unsigned char *hf_weights(Arena *, const Llama *, size_t *n);
char *hf_config(Arena *, const Llama *);
char *hf_plain_config(Arena *, const TwModel *);
char *hf_generation_config(Arena *, const TwModel *);
char *hf_tokenizer(Arena *, const TwModel *);
char *hf_tokenizer_config(Arena *, const TwModel *);
char *hf_special_tokens(Arena *);

#endif
