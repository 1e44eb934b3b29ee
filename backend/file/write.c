/* Putting model files on disk: written beside, then renamed. Where the name is a symbolic link, it
 * is the file behind it that is replaced. */

#define _GNU_SOURCE /* asprintf, mkostemp */

#include "backend/file/write.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A file that is not there yet under its name. */
typedef struct Draft {
	const char *path;
	char *real;   /* path without symbolic links, or NULL where nothing is there yet */
	char *beside; /* NULL until it is being written */
} Draft;

/* The names of files that are being written, for drafts_drop; the first that is free is taken. */
enum { DRAFTS_MOST = 16 };
static char *volatile drafts[DRAFTS_MOST];

static void
draft_names_change(char *from, char *to)
{
	for (int i = 0; i < DRAFTS_MOST; i++)
		if (drafts[i] == from) {
			drafts[i] = to;
			return;
		}
}

void
drafts_drop(void)
{
	for (int i = 0; i < DRAFTS_MOST; i++)
		if (drafts[i])
			unlink(drafts[i]);
}

static int
file_error(char **error, const char *path, const char *why)
{
	if (!*error && asprintf(error, "%s: %s", path, why) < 0)
		*error = NULL;
	return -1;
}

static int
write_bytes(int fd, const char *bytes, size_t n)
{
	while (n) {
		ssize_t done = write(fd, bytes, n);
		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return -1;
		bytes += done;
		n -= (size_t)done;
	}
	return 0;
}

static mode_t
default_mode(void)
{
	mode_t mask = umask(0);

	umask(mask);
	return 0666 & ~mask;
}

static int
draft_write(Draft *d, const void *bytes, size_t n, char **error)
{
	int fd = -1, bad = 1;

	d->real = realpath(d->path, NULL);
	if (!bytes || asprintf(&d->beside, "%s.XXXXXX", d->real ? d->real : d->path) < 0) {
		d->beside = NULL;
		return file_error(error, d->path, "out of memory");
	}
	draft_names_change(NULL, d->beside);
	fd = mkostemp(d->beside, O_CLOEXEC);
	if (fd >= 0) {
		bad = write_bytes(fd, bytes, n) || fchmod(fd, default_mode());
		bad = close(fd) || bad;
	}
	return bad ? file_error(error, d->path, strerror(errno)) : 0;
}

static int
draft_publish(Draft *d, char **error)
{
	if (rename(d->beside, d->real ? d->real : d->path))
		return file_error(error, d->path, strerror(errno));
	draft_names_change(d->beside, NULL);
	free(d->beside);
	d->beside = NULL;
	return 0;
}

static void
draft_drop(Draft *d)
{
	if (d->beside) {
		unlink(d->beside);
		draft_names_change(d->beside, NULL);
	}
	free(d->beside);
	free(d->real);
}

int
file_write(const char *path, const void *bytes, size_t n, char **error)
{
	Draft d = { .path = path };
	int bad = draft_write(&d, bytes, n, error) || draft_publish(&d, error);

	draft_drop(&d);
	return bad ? -1 : 0;
}

/* ---- models */

typedef unsigned char *Pack(Arena *, TwPool *, const TwModel *, size_t *n);

/* One model on its way to the bytes of a file. */
typedef struct Packing {
	Arena *arena;
	TwPool pool; /* for the runtime's list of weights, or its plan of the graph */
	const TwModel *m;
	Pack *pack;
	unsigned char *bytes;
	size_t n;
} Packing;

static void
pack_with_pool(void *packing)
{
	Packing *p = packing;

	p->bytes = p->pack(p->arena, &p->pool, p->m, &p->n);
}

static void
pack_with_arena(void *packing)
{
	Packing *p = packing;

	if (!tw_protect(&p->pool, NULL, pack_with_pool, p))
		arena_fail();
}

static unsigned char *
packed_bytes(Arena *a, const TwModel *m, Pack *pack, size_t *n)
{
	Packing p = { .arena = a, .m = m, .pack = pack };
	bool ok = arena_protect(a, pack_with_arena, &p);

	tw_pool_free(&p.pool);
	*n = p.n;
	return ok ? p.bytes : NULL;
}

unsigned char *
onnx_bytes(Arena *a, const TwModel *m, size_t *n)
{
	return packed_bytes(a, m, onnx_pack, n);
}

unsigned char *
safetensors_bytes(Arena *a, const TwModel *m, size_t *n)
{
	return packed_bytes(a, m, safetensors_pack, n);
}

/* What model_write is asked for, and what comes of it. */
typedef struct Writing {
	Arena arena;
	const TwModel *m;
	const char *path;
	bool uniform;
	char **error;
	Draft file, config;
	int bad;
} Writing;

static int
write_onnx(Writing *w, const TwModel *m)
{
	size_t n;
	unsigned char *bytes = onnx_bytes(&w->arena, m, &n);

	return draft_write(&w->file, bytes, n, w->error) || draft_publish(&w->file, w->error);
}

static int
write_safetensors(Writing *w, const TwModel *m)
{
	const char *slash = strrchr(w->path, '/');
	size_t n;
	unsigned char *bytes = safetensors_bytes(&w->arena, m, &n);
	char *config = safetensors_config(&w->arena, m);

	w->config.path = arena_fmt(&w->arena, "%.*sconfig.json",
	                           slash ? (int)(slash - w->path) + 1 : 0, w->path);
	return draft_write(&w->file, bytes, n, w->error)
	       || draft_write(&w->config, config, strlen(config), w->error)
	       || draft_publish(&w->config, w->error) || draft_publish(&w->file, w->error);
}

static bool
has_ending(const char *s, const char *end)
{
	size_t n = strlen(s), k = strlen(end);

	return n > k && !strcmp(s + n - k, end);
}

static void
write_by_ending(void *writing)
{
	Writing *w = writing;
	const TwModel *m = w->uniform ? model_uniform(&w->arena, w->m) : w->m;

	if (has_ending(w->path, ".onnx"))
		w->bad = write_onnx(w, m);
	else if (has_ending(w->path, ".safetensors"))
		w->bad = write_safetensors(w, m);
	else
		w->bad = file_error(w->error, w->path,
		                    "a model's name ends in .onnx or .safetensors");
}

int
model_write(const TwModel *m, const char *path, bool uniform, char **error)
{
	Writing w = {
		.m = m, .path = path, .uniform = uniform, .error = error, .file = { .path = path }
	};

	if (!arena_protect(&w.arena, write_by_ending, &w))
		w.bad = file_error(error, path, "out of memory");
	draft_drop(&w.file);
	draft_drop(&w.config);
	arena_free(&w.arena);
	return w.bad ? -1 : 0;
}

/* ---- Llamas, and folders ---- */

enum { FOLDER_FILES = 6 };

/* A Llama, or the plain model that goes into a folder for transformers.js. */
typedef struct FolderWriting {
	Arena arena;
	const Llama *l; /* NULL: plain */
	const TwModel *m;
	const char *path;
	char **error;
	Draft file[FOLDER_FILES];
	int bad;
} FolderWriting;

static int
make_folder(FolderWriting *w, const char *name)
{
	const char *path = arena_fmt(&w->arena, "%s%s", w->path, name);

	return mkdir(path, 0777) && errno != EEXIST ? file_error(w->error, path, strerror(errno))
	                                            : 0;
}

static int
draft_in_folder(FolderWriting *w, int i, const char *name, const void *bytes, size_t n)
{
	w->file[i].path = arena_fmt(&w->arena, "%s%s", w->path, name);
	return draft_write(&w->file[i], bytes, n, w->error);
}

static int
draft_weights(FolderWriting *w)
{
	size_t n;
	unsigned char *bytes = w->l ? hf_weights(&w->arena, w->l, &n)
	                            : onnx_bytes(&w->arena, w->m, &n);

	return draft_in_folder(w, FOLDER_FILES - 1, w->l ? "model.safetensors" : "onnx/model.onnx",
	                       bytes, n);
}

/* All are written before the first gets its name, the weights last. */
static int
write_folder(FolderWriting *w)
{
	Arena *a = &w->arena;
	const struct {
		const char *name;
		char *text;
	} all[] = {
		{ "config.json", w->l ? hf_config(a, w->l) : hf_plain_config(a, w->m) },
		{ "generation_config.json", hf_generation_config(a, w->m) },
		{ "tokenizer.json", hf_tokenizer(a, w->m) },
		{ "tokenizer_config.json", hf_tokenizer_config(a, w->m) },
		{ "special_tokens_map.json", hf_special_tokens(a) },
	};
	_Static_assert(sizeof all / sizeof *all + 1 == FOLDER_FILES, "and the weights");

	if (make_folder(w, "") || (!w->l && make_folder(w, "onnx")))
		return -1;
	for (int i = 0; i < FOLDER_FILES - 1; i++)
		if (draft_in_folder(w, i, all[i].name, all[i].text, strlen(all[i].text)))
			return -1;
	if (draft_weights(w))
		return -1;
	for (int i = 0; i < FOLDER_FILES; i++)
		if (draft_publish(&w->file[i], w->error))
			return -1;
	return 0;
}

static void
write_gguf(FolderWriting *w)
{
	const char *first, *second;
	size_t n;

	if (gguf_cuts_otherwise(w->m, &first, &second)) {
		w->bad = file_error(w->error, w->path,
		                    arena_fmt(&w->arena,
		                              "the token '%s' ends as '%s' starts, and llama.cpp "
		                              "would cut a text of both at the other one",
		                              first, second));
		return;
	}
	unsigned char *bytes = gguf_pack(&w->arena, w->l, &n);
	w->file[0].path = w->path;
	w->bad = draft_write(&w->file[0], bytes, n, w->error)
	         || draft_publish(&w->file[0], w->error);
}

static void
write_llama_by_ending(void *writing)
{
	FolderWriting *w = writing;

	if (!w->l)
		w->m = model_uniform(&w->arena, w->m);
	if (has_ending(w->path, ".gguf"))
		write_gguf(w);
	else
		w->bad = write_folder(w);
}

static int
write_protected(FolderWriting *w)
{
	if (!arena_protect(&w->arena, write_llama_by_ending, w))
		w->bad = file_error(w->error, w->path, "out of memory");
	for (int i = 0; i < FOLDER_FILES; i++)
		draft_drop(&w->file[i]);
	arena_free(&w->arena);
	return w->bad ? -1 : 0;
}

int
llama_write(const Llama *l, const char *path, char **error)
{
	FolderWriting w = { .l = l, .m = l->m, .path = path, .error = error };

	return write_protected(&w);
}

int
onnx_folder_write(const TwModel *m, const char *path, char **error)
{
	FolderWriting w = { .m = m, .path = path, .error = error };

	return write_protected(&w);
}
