/* A pool of threads that wait for the next kernel: some microseconds awake, since kernels follow
 * one another closely, then asleep. */

#include "tensor/kernel/workers.h"

#include <stdbool.h>
#include <stdlib.h>

#include "lang/arena.h"

#if defined(__wasm__)

/* A page has one thread. */
Workers *
workers_new(int n)
{
	(void)n;
	return NULL;
}

int
workers_count(const Workers *w)
{
	(void)w;
	return 1;
}

void
workers_run(Workers *w, void (*f)(void *data, int part), void *data)
{
	(void)w;
	f(data, 0);
}

void
workers_free(Workers *w)
{
	(void)w;
}

#else

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

enum { AWAKE = 4000 }; /* looks at the counter before one sleeps */

typedef struct KernelThread {
	Workers *all;
	pthread_t thread;
	int part;
} KernelThread;

struct Workers {
	int n; /* threads, with the caller's */
	KernelThread worker[WORKERS_MAX];
	void (*f)(void *data, int part);
	void *data;
	atomic_uint job;   /* goes up with each; the workers wait for it */
	atomic_int undone; /* workers that are not through with the job */
	atomic_int asleep;
	bool end;
	pthread_mutex_t mutex;
	pthread_cond_t wake;
};

static void
wait_for_job(Workers *w, unsigned last)
{
	for (int i = 0; i < AWAKE; i++)
		if (atomic_load(&w->job) != last)
			return;
	pthread_mutex_lock(&w->mutex);
	atomic_fetch_add(&w->asleep, 1);
	while (atomic_load(&w->job) == last)
		pthread_cond_wait(&w->wake, &w->mutex);
	atomic_fetch_sub(&w->asleep, 1);
	pthread_mutex_unlock(&w->mutex);
}

static void
publish_job(Workers *w)
{
	atomic_store(&w->undone, w->n - 1);
	atomic_fetch_add(&w->job, 1);
	if (!atomic_load(&w->asleep))
		return;
	pthread_mutex_lock(&w->mutex);
	pthread_cond_broadcast(&w->wake);
	pthread_mutex_unlock(&w->mutex);
}

static void *
worker_loop(void *worker)
{
	KernelThread *own = worker;
	Workers *w = own->all;

	for (unsigned job = 0;; job++) {
		wait_for_job(w, job);
		if (w->end)
			return NULL;
		w->f(w->data, own->part);
		atomic_fetch_sub(&w->undone, 1);
	}
}

Workers *
workers_new(int n)
{
	Workers *w = n > 1 ? calloc(1, sizeof *w) : NULL;

	if (!w)
		return NULL;
	pthread_mutex_init(&w->mutex, NULL);
	pthread_cond_init(&w->wake, NULL);
	w->n = 1;
	while (w->n < n && w->n < WORKERS_MAX) {
		KernelThread *own = &w->worker[w->n];
		*own = (KernelThread){ .all = w, .part = w->n };
		if (pthread_create(&own->thread, NULL, worker_loop, own))
			break;
		w->n++;
	}
	return w;
}

int
workers_count(const Workers *w)
{
	return w ? w->n : 1;
}

void
workers_run(Workers *w, void (*f)(void *data, int part), void *data)
{
	if (!w || w->n == 1) {
		f(data, 0);
		return;
	}
	w->f = f;
	w->data = data;
	publish_job(w);
	f(data, 0);
	for (int i = 0; atomic_load(&w->undone) > 0; i++)
		if (i > AWAKE)
			sched_yield();
}

void
workers_free(Workers *w)
{
	if (!w)
		return;
	w->end = true;
	publish_job(w);
	for (int i = 1; i < w->n; i++)
		pthread_join(w->worker[i].thread, NULL);
	pthread_cond_destroy(&w->wake);
	pthread_mutex_destroy(&w->mutex);
	free(w);
}

#endif
