/* Kernels in order, each shared out among the threads: of a loop nest of strips some of the strips;
 * of a product some of the turns of the loops around it, or some of its rows or columns. */

#include "tensor/kernel/kernel.h"

#include <string.h>

typedef struct KernelJob {
	TensorProgram *p;
	const Kernel *k;
	int parts;
} KernelJob;

/* ---- loops ---- */

/* Turns the first `nloop` loops on by one, the last fastest; false when all turns are done. */
static bool
next_turn(const Kernel *k, int nloop, int *range)
{
	for (int i = nloop - 1; i >= 0; i--) {
		if (++range[k->loop[i].range] < k->loop[i].extent)
			return true;
		range[k->loop[i].range] = 0;
	}
	return false;
}

/* To turn number `turn` of the first `nloop`; the others to their first. */
static void
set_turn(const Kernel *k, int nloop, int64_t turn, int *range)
{
	for (int i = k->nloop - 1; i >= 0; i--) {
		range[k->loop[i].range] = i < nloop ? (int)(turn % k->loop[i].extent) : 0;
		turn = i < nloop ? turn / k->loop[i].extent : turn;
	}
}

static int64_t
count_turns(const Kernel *k, int nloop)
{
	int64_t n = 1;

	for (int i = 0; i < nloop; i++)
		n *= k->loop[i].extent;
	return n;
}

/* ---- strips ---- */

static StripMachine
strip_machine(TensorProgram *p, int part)
{
	const KernelDesk *d = &p->desk[part];

	return (StripMachine){ .buffer = p->buffer, .range = d->range, .reg = d->reg, .at = d->at };
}

static void
store_strip(const StripCode *code, const StripMachine *m, float *to)
{
	const float *from = m->at[code->result];

	if (code->result_strip)
		memcpy(to, from, sizeof *to * (size_t)m->nlane);
	else
		for (int i = 0; i < m->nlane; i++)
			to[i] = from[0];
}

static void
run_strips(void *job, int part)
{
	const KernelJob *j = job;
	const Kernel *k = j->k;
	StripMachine m = strip_machine(j->p, part);
	int lanes = max_int(k->lanes, 1), strips = (lanes + STRIP - 1) / STRIP;
	int64_t all = count_turns(k, k->nloop) * strips, at = part_begin(all, part, j->parts),
		end = part_begin(all, part + 1, j->parts);
	float *to = j->p->buffer[k->to->id] + at / strips * lanes;

	set_turn(k, k->nloop, at / strips, m.range);
	for (m.lane = (int)(at % strips) * STRIP; at < end; at++) {
		m.nlane = min_int(STRIP, lanes - m.lane);
		j->p->strips(k->code, &m);
		store_strip(k->code, &m, to + m.lane);
		m.lane += STRIP;
		if (m.lane < lanes)
			continue;
		m.lane = 0;
		to += lanes;
		next_turn(k, k->nloop, m.range);
	}
}

/* ---- scatters ---- */

static void
scatter_line(TensorProgram *p, const Kernel *k, StripMachine *m, float *to)
{
	for (m->lane = 0; m->lane < k->lanes; m->lane += m->nlane) {
		m->nlane = min_int(STRIP, k->lanes - m->lane);
		p->strips(k->code, m);
		const float *from = m->at[k->code->result];
		for (int i = 0; i < m->nlane; i++)
			to[m->lane + i] += from[k->code->result_strip ? i : 0];
	}
}

static void
run_scatter(TensorProgram *p, const Kernel *k)
{
	StripMachine m = strip_machine(p, 0);
	float *to = p->buffer[k->to->id];

	memset(to, 0, sizeof *to * (size_t)tensor_size(k->to));
	set_turn(k, k->nloop, 0, m.range);
	do {
		m.lane = 0;
		m.nlane = 1;
		p->strips(k->row, &m);
		int64_t row = (int64_t)m.at[k->row->result][0], at = row * k->line;
		for (int i = 1; i + 1 < k->to->rank; i++) {
			int64_t stride = 1;
			for (int j = i + 1; j < k->to->rank; j++)
				stride *= k->to->dim[j];
			at += stride * m.range[i];
		}
		if (row >= 0 && row < k->to->dim[0])
			scatter_line(p, k, &m, to + at);
	} while (next_turn(k, k->nloop, m.range));
}

/* ---- products ---- */

/* The product of this turn, where all of the ranges are. */
static Gemm
product_of_turn(const TensorProgram *p, const Kernel *k, const KernelDesk *d)
{
	Gemm g = k->gemm;

	g.room = d->room;
	g.a = p->buffer[k->a->id] + k->a_base;
	g.b = p->buffer[k->b->id] + k->b_base;
	g.c = p->buffer[k->to->id];
	for (int i = 0; i < k->nloop; i++) {
		int64_t at = d->range[k->loop[i].range];
		g.a += at * k->loop[i].a;
		g.b += at * k->loop[i].b;
		g.c += at * k->loop[i].c;
		g.add |= at && i >= k->nloop - k->nsum;
	}
	return g;
}

/* What is added to one place stays with one thread, in order. */
static void
run_product(void *job, int part)
{
	const KernelJob *j = job;
	const Kernel *k = j->k;
	KernelDesk *d = &j->p->desk[part];
	int outer = k->nloop - k->nsum;
	int64_t turns = count_turns(k, outer), terms = count_turns(k, k->nloop) / turns;
	bool cut = turns < j->parts;
	int64_t at = cut ? 0 : part_begin(turns, part, j->parts),
		end = cut ? turns : part_begin(turns, part + 1, j->parts);

	set_turn(k, outer, at, d->range);
	for (int64_t i = at * terms; i < end * terms; i++) {
		Gemm g = product_of_turn(j->p, k, d);
		if (cut)
			gemm_cut(&g, part, j->parts);
		j->p->product(&g);
		next_turn(k, k->nloop, d->range);
	}
}

/* ---- compiled kernels ---- */

static void
run_compiled(void *job, int part)
{
	const KernelJob *j = job;
	const Kernel *k = j->k;
	float *tensor[k->noperand];

	for (int i = 0; i < k->noperand; i++)
		tensor[i] = j->p->buffer[k->operand[i]];
	k->compiled(tensor, part, j->parts, j->p->desk[part].room);
}

/* ---- the program ---- */

static void
run_update(TensorProgram *p, const Kernel *k)
{
	int64_t rows = tensor_size(k->to) / (k->outer * k->inner),
		here = (int64_t)*p->buffer[k->b->id];
	const float *from = p->buffer[k->a->id];
	float *to = p->buffer[k->to->id] + here * k->inner;

	if (here < 0 || here >= rows)
		return;
	for (int64_t i = 0; i < k->outer; i++, from += k->inner, to += rows * k->inner)
		memcpy(to, from, sizeof *to * (size_t)k->inner);
}

static bool
is_worth_sharing(const TensorProgram *p, const Kernel *k)
{
	return tensor_size(k->to) * (k->kind == KERNEL_PRODUCT ? k->gemm.k : 1) >= p->small;
}

static void
share_kernel(TensorProgram *p, const Kernel *k, void (*run)(void *, int))
{
	KernelJob job = { p, k, workers_count(p->workers) };

	if (job.parts > 1 && is_worth_sharing(p, k)) {
		workers_run(p->workers, run, &job);
		return;
	}
	job.parts = 1;
	run(&job, 0);
}

void
tensor_program_run(TensorProgram *p)
{
	for (int i = 0; i < p->nkernel; i++) {
		const Kernel *k = &p->kernel[i];
		if (k->compiled) {
			share_kernel(p, k, run_compiled);
			continue;
		}
		switch (k->kind) {
		case KERNEL_STRIPS: share_kernel(p, k, run_strips); break;
		case KERNEL_PRODUCT: share_kernel(p, k, run_product); break;
		case KERNEL_SCATTER: run_scatter(p, k); break;
		case KERNEL_UPDATE: run_update(p, k); break;
		}
	}
}
