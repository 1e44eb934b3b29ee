/* Loading: file -> contents (onnx_reader.c, safetensors_reader.c) -> model -> fast path
 * (specialize.c). The metadata say which weights there are and of what shape; then each
 * must be there, with as many bytes, and be finite. So nothing is allocated that the file
 * does not hold. */

#define _GNU_SOURCE /* vasprintf */

#include "runtime/load.h"
#include "runtime/specialize.h"
#include "runtime/onnx_graph.h"
#include "runtime/tw.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const off_t largest_file = 1 << 30;

/* A model and what it is made of. */
typedef struct Loaded {
	TwModel model;
	TwPool pool;
} Loaded;

const char *
tw_version(void)
{
	return TW_VERSION;
}

bool
tw_refuse(char **error, const char *fmt, ...)
{
	va_list ap;

	if (*error) /* the first one is the one to tell */
		return false;
	va_start(ap, fmt);
	if (vasprintf(error, fmt, ap) < 0)
		*error = NULL;
	va_end(ap);
	/* a name from the file may hold anything: it stays one line, and moves no cursor */
	for (char *c = *error; c && *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
	return false;
}

/* ---- contents to model */

static int
by_tensor_name(const void *a, const void *b)
{
	return strcmp(((const TwFileTensor *)a)->name, ((const TwFileTensor *)b)->name);
}

const TwFileTensor *
tw_file_tensor(const TwContents *contents, const char *name)
{
	TwFileTensor key = { .name = name };

	return bsearch(&key, contents->tensor, (size_t)contents->ntensor, sizeof key,
	               by_tensor_name);
}

/* Then its elements are as many as size_t counts: their bytes are here. */
static bool
has_shape(const TwFileTensor *tensor, const TwWeight *w)
{
	if (tensor->ndim != w->ndim)
		return false;
	for (int i = 0; i < w->ndim; i++)
		if (tensor->dim[i] != w->dim[i])
			return false;
	return tensor->size == (uint64_t)tw_elements(w->ndim, w->dim) * sizeof(float);
}

static bool
all_finite(const float *x, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!isfinite(x[i]))
			return false;
	return true;
}

static void
count_numbers(TwModel *m, const float *x, size_t n)
{
	m->nweight += (long)n;
	for (size_t i = 0; i < n; i++)
		m->nnonzero += x[i] != 0;
}

static bool
take_weight(Loaded *l, const TwContents *contents, TwWeight *w, char **error)
{
	const TwFileTensor *tensor = tw_file_tensor(contents, w->name);

	if (!tensor)
		return tw_refuse(error, "the tensor '%s' is missing", w->name);
	if (!has_shape(tensor, w))
		return tw_refuse(error, "the tensor '%s' has another shape than the metadata say",
		                 w->name);
	size_t n = tensor->size / sizeof(float);
	*w->data = TW_NEW(&l->pool, float, n);
	memcpy(*w->data, tensor->bytes, tensor->size);
	if (!all_finite(*w->data, n))
		return tw_refuse(error, "the tensor '%s' holds what is not a number", w->name);
	count_numbers(&l->model, *w->data, n);
	return true;
}

static bool
take_weights(Loaded *l, const TwContents *contents, char **error)
{
	TwWeight *w;
	int n = tw_weights(&l->pool, &l->model, &w);

	for (int i = 0; i < n; i++)
		if (!take_weight(l, contents, &w[i], error))
			return false;
	if (n != contents->ntensor)
		return tw_refuse(error, "the file holds tensors that are not of the model");
	return true;
}

/* The names come sorted from here on. */
static bool
sort_tensors(const TwContents *contents, char **error)
{
	if (contents->ntensor)
		qsort(contents->tensor, (size_t)contents->ntensor, sizeof *contents->tensor,
		      by_tensor_name);
	for (int i = 1; i < contents->ntensor; i++)
		if (!by_tensor_name(&contents->tensor[i - 1], &contents->tensor[i]))
			return tw_refuse(error, "two tensors are called '%s'",
			                 contents->tensor[i].name);
	return true;
}

typedef struct Assembly {
	Loaded *l;
	const TwContents *contents;
	char **error;
	bool ok;
} Assembly;

static void
assemble(void *assembly)
{
	Assembly *a = assembly;

	a->ok = sort_tensors(a->contents, a->error)
	        && tw_read_metadata(&a->l->model, &a->l->pool, a->contents, a->error)
	        && take_weights(a->l, a->contents, a->error);
}

TwModel *
tw_assemble(const TwContents *contents, char **error)
{
	Loaded *l = calloc(1, sizeof *l);
	Assembly a = { l, contents, error, false };

	if (!l) {
		tw_refuse(error, "out of memory");
		return NULL;
	}
	TwModel *m = &l->model;
	if (!tw_protect(&l->pool, NULL, assemble, &a))
		a.ok = tw_refuse(error, "out of memory");
	if (a.ok && (m->specialized = tw_specialize(m, error)))
		return m;
	tw_free(m);
	return NULL;
}

void
tw_free(TwModel *m)
{
	Loaded *l = (Loaded *)m;

	if (l) {
		tw_specialized_free(m->specialized);
		tw_pool_free(&l->pool);
	}
	free(l);
}

/* ---- files */

static bool
is_safetensors(const unsigned char *bytes, size_t n)
{
	return n > 8 && bytes[8] == '{' && !(bytes[4] | bytes[5] | bytes[6] | bytes[7]);
}

TwModel *
tw_load_memory(const void *bytes, size_t n, char **error)
{
	return (is_safetensors(bytes, n) ? tw_load_safetensors : tw_load_onnx)(bytes, n, error);
}

static bool
read_whole_file(int fd, char *bytes, size_t n)
{
	while (n) {
		ssize_t got = read(fd, bytes, n);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return false;
		bytes += got;
		n -= (size_t)got;
	}
	return true;
}

static char *
read_open(int fd, size_t *n, char **error)
{
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0) {
		tw_refuse(error, "%s", strerror(errno));
		return NULL;
	}
	if (!S_ISREG(st.st_mode) || st.st_size > largest_file) {
		tw_refuse(error, "%s", S_ISREG(st.st_mode) ? "too large" : "not a regular file");
		return NULL;
	}
	char *bytes = malloc((size_t)st.st_size + 1);
	*n = (size_t)st.st_size;
	if (bytes && read_whole_file(fd, bytes, *n))
		return bytes;
	tw_refuse(error, bytes ? "cannot be read whole" : "out of memory");
	free(bytes);
	return NULL;
}

TwModel *
tw_load(const char *path, char **error)
{
	char *why = NULL;
	size_t n = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	char *bytes = read_open(fd, &n, &why);
	TwModel *m = bytes ? tw_load_memory(bytes, n, &why) : NULL;

	if (fd >= 0)
		close(fd);
	if (!m)
		tw_refuse(error, "%s: %s", path, why ? why : "out of memory");
	free(bytes);
	free(why);
	return m;
}
