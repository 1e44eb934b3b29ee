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
fail(char **error, const char *path, const char *why)
{
	if (!*error && asprintf(error, "%s: %s", path, why) < 0)
		*error = NULL;
	return -1;
}

static int
put(int fd, const char *bytes, size_t n)
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
usual_mode(void)
{
	mode_t mask = umask(0);

	umask(mask);
	return 0666 & ~mask;
}

static int
draft(Draft *d, const void *bytes, size_t n, char **error)
{
	int fd = -1, bad = 1;

	if (!bytes || asprintf(&d->beside, "%s.XXXXXX", d->path) < 0) {
		d->beside = NULL;
		return fail(error, d->path, "out of memory");
	}
	fd = mkostemp(d->beside, O_CLOEXEC);
	if (fd >= 0) {
		bad = put(fd, bytes, n) || fchmod(fd, usual_mode());
		bad = close(fd) || bad;
	}
	return bad ? fail(error, d->path, strerror(errno)) : 0;
}

static int
publish(Draft *d, char **error)
{
	if (rename(d->beside, d->path))
		return fail(error, d->path, strerror(errno));
	free(d->beside);
	d->beside = NULL;
	return 0;
}

static void
drop(Draft *d)
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
	int bad = draft(&d, bytes, n, error) || publish(&d, error);

	drop(&d);
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
	int bad = draft(&d, bytes, n, error)
	          || draft(&c, config, config ? strlen(config) : 0, error) || publish(&c, error)
	          || publish(&d, error);

	free(bytes);
	free(config);
	drop(&d);
	drop(&c);
	return bad ? -1 : 0;
}

static int
ends_in(const char *s, const char *end)
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
	if (ends_in(path, ".onnx"))
		bad = write_onnx(&a, m, path, error);
	else if (ends_in(path, ".safetensors"))
		bad = write_safetensors(&a, m, path, error);
	else
		bad = fail(error, path, "a model's name ends in .onnx or .safetensors");
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
