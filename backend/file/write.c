/* Putting model files on disk: written beside, then renamed. */

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
	char *path, *beside;
} Draft;

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

	if (!bytes || asprintf(&d->beside, "%s.XXXXXX", d->path) < 0) {
		d->beside = NULL;
		return file_error(error, d->path, "out of memory");
	}
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
	if (rename(d->beside, d->path))
		return file_error(error, d->path, strerror(errno));
	free(d->beside);
	d->beside = NULL;
	return 0;
}

static void
draft_drop(Draft *d)
{
	if (d->beside)
		unlink(d->beside);
	free(d->beside);
	free(d->path);
}

int
file_write(const char *path, const void *bytes, size_t n, char **error)
{
	Draft d = { strdup(path), NULL };
	int bad = draft_write(&d, bytes, n, error) || draft_publish(&d, error);

	draft_drop(&d);
	return bad ? -1 : 0;
}

static int
write_onnx(Arena *a, const TwModel *m, const char *path, char **error)
{
	size_t n = 0;
	unsigned char *bytes = onnx_bytes(a, m, &n);
	int bad = file_write(path, bytes, n, error);

	free(bytes);
	return bad;
}

static char *
config_path(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *s;

	return asprintf(&s, "%.*sconfig.json", slash ? (int)(slash - path) + 1 : 0, path) < 0 ? NULL
	                                                                                      : s;
}

static int
write_safetensors(Arena *a, const TwModel *m, const char *path, char **error)
{
	Draft d = { strdup(path), NULL }, c = { config_path(path), NULL };
	size_t n = 0;
	unsigned char *bytes = safetensors_bytes(a, m, &n);
	char *config = safetensors_config(a, m);
	int bad = draft_write(&d, bytes, n, error)
	          || draft_write(&c, config, config ? strlen(config) : 0, error)
	          || draft_publish(&c, error) || draft_publish(&d, error);

	free(bytes);
	free(config);
	draft_drop(&d);
	draft_drop(&c);
	return bad ? -1 : 0;
}

static int
has_ending(const char *s, const char *end)
{
	size_t n = strlen(s), k = strlen(end);

	return n > k && !strcmp(s + n - k, end);
}

int
model_write(const TwModel *m, const char *path, bool uniform, char **error)
{
	Arena a = { 0 };
	int bad;

	if (uniform)
		m = model_uniform(&a, m);
	if (has_ending(path, ".onnx"))
		bad = write_onnx(&a, m, path, error);
	else if (has_ending(path, ".safetensors"))
		bad = write_safetensors(&a, m, path, error);
	else
		bad = file_error(error, path, "a model's name ends in .onnx or .safetensors");
	arena_free(&a);
	return bad;
}

unsigned char *
model_bytes(const TwModel *m, size_t *n)
{
	Arena a = { 0 };
	unsigned char *bytes = onnx_bytes(&a, m, n);

	arena_free(&a);
	return bytes;
}
