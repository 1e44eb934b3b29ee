#ifndef TENSOR_KERNEL_WORKERS_H
#define TENSOR_KERNEL_WORKERS_H

/* Threads that share a kernel: each has a part of the places that it writes, and nothing is summed
 * across parts, so the bits do not depend on how many there are. */

typedef struct Workers Workers;

enum { WORKERS_MAX = 64 };

/* So many threads, the caller's own one of them; fewer where they cannot be had. */
Workers *workers_new(int n);
int workers_count(const Workers *); /* 1 for NULL */
/* f(data, part) for each part of 0 .. count - 1, and returns when all are done. */
void workers_run(Workers *, void (*f)(void *data, int part), void *data);
void workers_free(Workers *);

#endif
