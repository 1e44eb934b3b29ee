/* A program of kernels as a table, a line a kernel: its kind, what it is for, what it costs, and
 * the expression that is fused into it.
 *
 *     product  forward     25.17 MFLOP   0.85 MB  q [i < 768][j < 128] = sum(x[i, r] * w[r, j] ...)
 *     strips   backward     0.39 MFLOP   1.18 MB  d.h [i < 768][j < 128] = d.y[i, j] * (1 - ...)
 */

#include "tensor/kernel/c_text.h"

#include <string.h>

const char *const kernel_kind_names[] = { "strips", "product", "scatter", "update" };
const char *const kernel_stage_names[] = { "", "forward", "backward", "step" };

/* ---- which stage ---- */

typedef struct StageSearch {
	const TensorProgram *p;
	KernelStage *stage; /* by tensor */
	KernelStage now;
	Map seen;
} StageSearch;

static void mark_stage_of_tensor(StageSearch *, const TensorNode *);

static void
mark_stage(StageSearch *s, const Scalar *e)
{
	if (map_get(&s->seen, e))
		return;
	map_put(s->p->g->arena, &s->seen, e, s);
	if (e->op == X_LOAD)
		mark_stage_of_tensor(s, e->tensor);
	for (int i = 0; i < e->narg; i++)
		mark_stage(s, e->arg[i]);
}

static void
mark_stage_of_tensor(StageSearch *s, const TensorNode *t)
{
	if (s->stage[t->id] || !t->body)
		return;
	s->stage[t->id] = s->now;
	mark_stage(s, t->body);
}

/* What the loss needs is forward, what the gradient's norm needs besides is backward. */
KernelStage *
find_kernel_stages(const TensorProgram *p, const KernelStages *ends)
{
	StageSearch s = { .p = p, .stage = NEWS(p->g->arena, KernelStage, p->g->ntensor) };

	if (!ends)
		return s.stage;
	s.now = STAGE_FORWARD;
	mark_stage_of_tensor(&s, current_tensor(p, ends->loss));
	s.now = STAGE_BACKWARD;
	if (ends->norm)
		mark_stage_of_tensor(&s, current_tensor(p, ends->norm));
	for (int i = 0; i < p->nkernel; i++)
		if (!s.stage[p->kernel[i].to->id])
			s.stage[p->kernel[i].to->id] = ends->norm ? STAGE_STEP : STAGE_FORWARD;
	return s.stage;
}

/* ---- what it costs ---- */

typedef struct CostSearch {
	const TensorProgram *p;
	double operations, elements;
	Map seen;
} CostSearch;

/* Each expression is computed once for each place of the ranges that it depends on. */
static void
add_cost(CostSearch *c, const Scalar *e)
{
	if (map_get(&c->seen, e))
		return;
	map_put(c->p->g->arena, &c->seen, e, c);
	if (e->op == X_LOAD && !map_get(&c->seen, e->tensor)) {
		double all = (double)tensor_size(e->tensor), read = free_size(e);
		map_put(c->p->g->arena, &c->seen, e->tensor, c);
		c->elements += read < all ? read : all;
	}
	if (e->op == X_SUM || e->op == X_RMAX)
		c->operations += free_size(e->arg[0]);
	else if (e->op != X_LOAD && e->narg && !e->integer)
		c->operations += free_size(e);
	for (int i = 0; i < e->narg; i++)
		add_cost(c, e->arg[i]);
}

static CostSearch
cost_of_kernel(const TensorProgram *p, const Kernel *k)
{
	CostSearch c = { .p = p, .elements = (double)tensor_size(k->to) };

	int n;
	Scalar *range[RANK_MAX], *base;

	if (k->kind == KERNEL_UPDATE) {
		c.elements = 2 * (double)(k->outer * k->inner);
	} else if (k->kind == KERNEL_SCATTER) {
		base = base_of_sum(k->to->body, &n, range);
		c.operations = free_size(base->arg[1]);
		add_cost(&c, base->arg[1]);
	} else {
		add_cost(&c, k->to->body);
	}
	return c;
}

/* ---- the table ---- */

static void
print_kernel_totals(const TensorProgram *p, const double *operations, FILE *f)
{
	int n[4] = { 0 };

	for (int i = 0; i < p->nkernel; i++)
		n[p->kernel[i].kind]++;
	fprintf(f, "%d kernels:", p->nkernel);
	for (int i = 0; i < 4; i++)
		if (n[i])
			fprintf(f, " %d %s (%.2f MFLOP)", n[i], kernel_kind_names[i],
			        operations[i] / 1e6);
	fprintf(f, "; buffers of %.2f MB\n", 4e-6 * (double)p->floats);
}

void
tensor_program_print(const TensorProgram *p, const KernelStages *ends, FILE *f)
{
	const KernelStage *stage = find_kernel_stages(p, ends);
	double operations[4] = { 0 };

	for (int i = 0; i < p->nkernel; i++) {
		const Kernel *k = &p->kernel[i];
		CostSearch c = cost_of_kernel(p, k);
		operations[k->kind] += c.operations;
		fprintf(f, "%-8s %-8s %9.2f MFLOP %7.2f MB  ", kernel_kind_names[k->kind],
		        kernel_stage_names[stage[k->to->id]], c.operations / 1e6,
		        4e-6 * c.elements);
		tensor_print(p->g, k->to, f);
	}
	print_kernel_totals(p, operations, f);
}

int
tensor_program_print_c(const TensorProgram *p, const char *name, FILE *f)
{
	int n = 0;

	for (int i = 0; i < p->nkernel; i++) {
		const TensorNode *t = p->kernel[i].to, *as = t->stands_for ? t->stands_for : t;
		if (strcmp(as->name, name) != 0)
			continue;
		fprintf(f, "%s%s", n++ ? "\n" : "", kernel_as_c(p->g->arena, p, &p->kernel[i]));
	}
	return n;
}
