/* Kernels in order, their memory, and the loops around them. */

#include "tensor/kernel/kernel.h"

#include <assert.h>
#include <string.h>

enum { ALIGNED = 64 };

static float *
aligned_floats(Arena *a, int64_t n)
{
	char *p = arena_array(a, (size_t)n + ALIGNED, sizeof(float));

	return (float *)(p + (ALIGNED - (uintptr_t)p % ALIGNED) % ALIGNED);
}

/* ---- planning ---- */

static void
plan_kernel(TensorProgram *p, TensorNode *t, Kernel *k)
{
	k->to = t;
	if (!plan_product(t, k) && !plan_scatter(p->g, t, k) && !plan_update(p->g, &p->now, t, k))
		plan_strips(p->g, t, k);
}

static void
plan_kernels(TensorProgram *p, TensorNode *const *live, int n)
{
	p->kernel = NEWS(p->g->arena, Kernel, n);
	for (int i = 0; i < n; i++)
		if (live[i]->body)
			plan_kernel(p, live[i], &p->kernel[p->nkernel++]);
}

/* ---- memory: a buffer is given on when nothing reads it any more ---- */

typedef struct FreeBuffer {
	float *at;
	int64_t floats;
} FreeBuffer;

typedef struct BufferPlan {
	TensorProgram *p;
	int *last; /* by tensor: the last kernel that reads it; nkernel: kept */
	int n, cap;
	FreeBuffer *free; /* (n) */
	int64_t *size;    /* by tensor: of its buffer, which may be larger */
} BufferPlan;

static void
mark_last_reads(BufferPlan *b, const Scalar *e, int kernel, Map *seen)
{
	if (map_get(seen, e))
		return;
	map_put(b->p->g->arena, seen, e, b);
	if (e->op == X_LOAD && b->last[e->tensor->id] < kernel)
		b->last[e->tensor->id] = kernel;
	for (int i = 0; i < e->narg; i++)
		mark_last_reads(b, e->arg[i], kernel, seen);
}

/* The smallest that is large enough, or a new one. */
static void
give_buffer(BufferPlan *b, const TensorNode *t)
{
	int64_t need = tensor_size(t);
	int best = -1;

	for (int i = 0; i < b->n; i++)
		if (b->free[i].floats >= need
		    && (best < 0 || b->free[i].floats < b->free[best].floats))
			best = i;
	if (best >= 0) {
		b->p->buffer[t->id] = b->free[best].at;
		b->size[t->id] = b->free[best].floats;
		b->free[best] = b->free[--b->n];
		return;
	}
	b->p->buffer[t->id] = aligned_floats(b->p->g->arena, need);
	b->size[t->id] = need;
	b->p->floats += need;
}

static void
free_buffer(BufferPlan *b, const TensorNode *t)
{
	GROW(b->p->g->arena, b->free, b->cap, b->n + 1);
	b->free[b->n++] = (FreeBuffer){ b->p->buffer[t->id], b->size[t->id] };
}

static void
plan_leaves(TensorProgram *p, TensorNode *const *live, int n, const float *const *leaf)
{
	for (int i = 0; i < n; i++) {
		const TensorNode *t = live[i];
		if (t->body)
			continue;
		if (leaf && leaf[t->id]) {
			p->buffer[t->id] = (float *)(uintptr_t)leaf[t->id];
			continue;
		}
		float *to = p->buffer[t->id] = aligned_floats(p->g->arena, tensor_size(t));
		for (int64_t k = 0; t->table && k < tensor_size(t); k++)
			to[k] = (float)t->table[k];
	}
}

TensorNode *
current_tensor(const TensorProgram *p, const TensorNode *t)
{
	TensorNode *now = map_get(&p->now, t);

	return now ? now : (TensorNode *)t;
}

/* An update is made in place where nobody reads what was there afterwards. */
static void
plan_updates(TensorProgram *p, const int *last)
{
	for (int i = 0; i < p->nkernel; i++) {
		Kernel *k = &p->kernel[i];
		if (k->kind != KERNEL_UPDATE)
			continue;
		if (last[k->past->id] == i)
			p->buffer[k->to->id] = p->buffer[k->past->id];
		else
			plan_strips(p->g, k->to, k);
	}
}

/* What is carried has a buffer that nothing else uses, since it becomes its leaf's. */
static void
plan_carried(TensorProgram *p)
{
	for (int i = 0; i < p->g->ncarry; i++) {
		const TensorNode *next = current_tensor(p, p->g->carry[i].next);
		float **to = &p->buffer[next->id];
		assert(next->body);
		if (*to)
			continue;
		*to = aligned_floats(p->g->arena, tensor_size(next));
		p->floats += tensor_size(next);
	}
}

static void
plan_buffers(TensorProgram *p, TensorNode *const *live, int n, const float *const *leaf)
{
	Arena *a = p->g->arena;
	BufferPlan b = { .p = p,
		         .last = NEWS(a, int, p->g->ntensor),
		         .size = NEWS(a, int64_t, p->g->ntensor) };

	p->buffer = NEWS(a, float *, p->g->ntensor);
	plan_leaves(p, live, n, leaf);
	for (int i = 0; i < p->nkernel; i++)
		mark_last_reads(&b, p->kernel[i].to->body, i, &(Map){ 0 });
	plan_updates(p, b.last);
	plan_carried(p);
	for (int i = 0; i < p->g->noutput; i++)
		b.last[current_tensor(p, p->g->output[i])->id] = p->nkernel;
	for (int i = 0; i < p->nkernel; i++) {
		if (!p->buffer[p->kernel[i].to->id])
			give_buffer(&b, p->kernel[i].to);
		for (int k = 0; k <= i; k++)
			if (b.last[p->kernel[k].to->id] == i)
				free_buffer(&b, p->kernel[k].to);
	}
}

static void
plan_desk(TensorProgram *p, KernelDesk *d, int64_t room, int nreg)
{
	Arena *a = p->g->arena;

	d->room = aligned_floats(a, room);
	d->at = NEWS(a, const float *, nreg);
	d->reg = (float(*)[STRIP])aligned_floats(a, (int64_t)nreg * STRIP);
	d->range = NEWS(a, int, BOUND_RANGE + HEIGHT_MAX);
}

void
tensor_program_share(TensorProgram *p, Workers *w)
{
	int64_t room = 0;
	int nreg = 1;

	for (int i = 0; i < p->nkernel; i++) {
		const Kernel *k = &p->kernel[i];
		if (k->kind == KERNEL_PRODUCT)
			room = max_int64(room, gemm_room(k->gemm.m, k->gemm.n, k->gemm.k));
		if (k->code)
			nreg = max_int(nreg, k->code->nregister);
		if (k->row)
			nreg = max_int(nreg, k->row->nregister);
	}
	p->workers = w;
	p->small = 1 << 14;
	p->desk = NEWS(p->g->arena, KernelDesk, workers_count(w));
	for (int i = 0; i < workers_count(w); i++)
		plan_desk(p, &p->desk[i], room, nreg);
}

VectorLevel
vector_level(void)
{
#if defined(__x86_64__)
	if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq")
	    && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl"))
		return VECTORS_AVX512;
	if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
		return VECTORS_AVX2;
#endif
	return VECTORS_PORTABLE;
}

TensorProgram *
tensor_program_new(TensorGraph *g, VectorLevel level)
{
	return tensor_program_over(g, level, NULL);
}

TensorProgram *
tensor_program_over(TensorGraph *g, VectorLevel level, const float *const *leaf)
{
	TensorProgram *p = NEW(g->arena, TensorProgram);
	int n;
	TensorNode **live;

	p->g = g;
	bool unfused = level & VECTORS_UNFUSED;
	level = (VectorLevel)min_int((int)level & ~VECTORS_UNFUSED, (int)vector_level());
	p->strips = strip_run(level);
	p->product = gemm_run(level);
	live = tensor_split(g, unfused, &n, &p->now);
	plan_kernels(p, live, n);
	plan_buffers(p, live, n, leaf);
	tensor_program_share(p, NULL);
	return p;
}

float *
tensor_program_buffer(TensorProgram *p, const TensorNode *t)
{
	return p->buffer[current_tensor(p, t)->id];
}

void
tensor_program_advance(TensorProgram *p)
{
	for (int i = 0; i < p->g->ncarry; i++) {
		float **leaf = &p->buffer[p->g->carry[i].leaf->id];
		float **next = &p->buffer[current_tensor(p, p->g->carry[i].next)->id];
		float *was = *leaf;
		*leaf = *next;
		*next = was;
	}
}
