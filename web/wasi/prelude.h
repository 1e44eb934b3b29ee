#ifndef WEB_WASI_PRELUDE_H
#define WEB_WASI_PRELUDE_H

/* Included before every file: what Debian's wasi-libc lacks, and web/page_libc.c has. */
#define _GNU_SOURCE
#include <stddef.h>
#include <sys/mman.h>
#include <sys/types.h>

/* Its mmap refuses this. */
#undef MAP_NORESERVE
#define MAP_NORESERVE 0

void qsort_r(void *base, size_t n, size_t size, int (*less)(const void *, const void *, void *),
             void *arg);
int mkostemp(char *name, int flags);
mode_t umask(mode_t mask);
int fchmod(int fd, mode_t mode);
char *realpath(const char *path, char *to);

#endif
