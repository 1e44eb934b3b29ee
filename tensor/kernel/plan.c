/* Which kernel a tensor is, and the kernel's loops. */

#include "tensor/kernel/kernel.h"

#include <stdlib.h>

/* ---- addresses ---- */

static int64_t
index_at_zero(const Scalar *e)
{
	switch (e->op) {
	case X_CONST: return (int64_t)e->value;
	case X_ADD: return index_at_zero(e->arg[0]) + index_at_zero(e->arg[1]);
	case X_SUB: return index_at_zero(e->arg[0]) - index_at_zero(e->arg[1]);
	case X_MUL: return index_at_zero(e->arg[0]) * (int64_t)e->arg[1]->value;
	default: return 0;
	}
}

int64_t
load_address(const Scalar *load, const Scalar *r)
{
	int64_t stride = 1, sum = 0;

	for (int i = load->narg - 1; i >= 0; stride *= load->tensor->dim[i], i--)
		sum += stride * (r ? slope_of_index(load->arg[i], r) : index_at_zero(load->arg[i]));
	return sum;
}

/* ---- strips ---- */

/* Loops over axes of t. */
static void
loop_axes(const TensorNode *t, Kernel *k, int first, int end)
{
	for (int i = first; i < end; i++)
		k->loop[k->nloop++] = (KernelLoop){ .range = i, .extent = t->dim[i] };
}

/* `merged` axes before the last are one line with it. */
static StripCode *
code_of_tensor(TensorGraph *g, const TensorNode *t, Scalar *e, int merged, int nmore,
               Scalar *const *more)
{
	Scalar *axis[LOOPS_MAX + RANK_MAX];
	StripLanes lanes = { 0 };
	int n = t->rank - (t->rank > 0) - merged;

	for (int i = 0; i < t->rank; i++)
		axis[i] = scalar_axis(g, i, t->dim[i]);
	if (t->rank)
		lanes.range = axis[t->rank - 1];
	lanes.nmerged = merged;
	lanes.merged = axis + n;
	Scalar *outer[LOOPS_MAX];
	for (int i = 0; i < n; i++)
		outer[i] = axis[i];
	for (int i = 0; i < nmore; i++)
		outer[n++] = more[i];
	return strip_compile(g, e, lanes, n, outer);
}

typedef struct LineSearch {
	TensorGraph *g;
	const TensorNode *t;
	int from; /* the axes from here on are to be one line */
	Map seen;
} LineSearch;

static bool
depends_on_line(const LineSearch *l, const Scalar *e)
{
	for (int i = 0; i < e->nfree; i++)
		if (e->free[i]->number >= l->from && e->free[i]->number < l->t->rank)
			return true;
	return false;
}

static bool
is_line_load(const LineSearch *l, const Scalar *e)
{
	int64_t step = 0;

	if (!is_plain_load(e))
		return false;
	for (int i = l->t->rank - 1; i >= l->from; i--) {
		int64_t slope = load_address(e, scalar_axis(l->g, i, l->t->dim[i]));
		if (i + 1 < l->t->rank && slope != step)
			return false;
		step = slope * l->t->dim[i];
	}
	return true;
}

/* Does e read along lines, and depend on their axes in no other way? What is summed along other
 * lines is done for one of them at a time. */
static bool
is_along_lines(LineSearch *l, const Scalar *e)
{
	if (!depends_on_line(l, e) || map_get(&l->seen, e))
		return true;
	map_put(l->g->arena, &l->seen, e, l);
	if (e->op == X_RANGE || e->order == ORDER_ALONG)
		return false;
	if (e->op == X_LOAD)
		return is_line_load(l, e);
	for (int i = 0; i < e->narg; i++)
		if (!is_along_lines(l, e->arg[i]))
			return false;
	return true;
}

/* How many axes before the last are one line with it. */
static int
merged_axes(TensorGraph *g, const TensorNode *t)
{
	int64_t lanes = t->rank ? t->dim[t->rank - 1] : 0;
	int n = 0;

	for (int from = t->rank - 2; from >= 0; from--, n++) {
		LineSearch l = { .g = g, .t = t, .from = from };
		lanes *= t->dim[from];
		if (lanes > INT32_MAX / 2 || !is_along_lines(&l, t->body))
			break;
	}
	return n;
}

void
plan_strips(TensorGraph *g, const TensorNode *t, Kernel *k)
{
	int merged = merged_axes(g, t);

	k->kind = KERNEL_STRIPS;
	k->nloop = 0;
	loop_axes(t, k, 0, t->rank - 1 - merged);
	k->lanes = t->rank ? 1 : 0;
	for (int i = 0; i <= merged && t->rank; i++)
		k->lanes *= t->dim[t->rank - 1 - i];
	k->code = code_of_tensor(g, t, t->body, merged, 0, NULL);
}

/* ---- scatters:  d [i < V][j < C] = sum(where(i == ids[r], x[r, j], 0) for r < N) ---- */

bool
plan_scatter(TensorGraph *g, const TensorNode *t, Kernel *k)
{
	Scalar *e = t->body, *range[RANK_MAX], *row = NULL;
	Scalar *axis = t->rank ? scalar_axis(g, 0, t->dim[0]) : NULL;
	int n = 0;

	if (t->rank < 2 || e->order != ORDER_SCATTER)
		return false;
	for (; e->op == X_SUM && n < RANK_MAX; e = e->arg[0])
		range[n++] = e->arg[1];
	if (!n || e->op != X_WHERE || !scalar_is(e->arg[2], 0)
	    || !(row = row_of_condition(e->arg[0], axis)) || scalar_depends(e->arg[1], axis))
		return false;
	k->kind = KERNEL_SCATTER;
	k->nloop = 0;
	for (int i = 0; i < n; i++)
		k->loop[k->nloop++] = (KernelLoop){ .range = range[i]->number,
			                            .extent = range[i]->extent };
	loop_axes(t, k, 1, t->rank - 1);
	k->lanes = t->dim[t->rank - 1];
	k->line = tensor_size(t) / t->dim[0];
	k->code = code_of_tensor(g, t, e->arg[1], 0, n, range);
	k->row = strip_compile(g, row, (StripLanes){ 0 }, n, range);
	return true;
}

/* ---- updates:  now [t < T][d < D] = where(t == here, row[d], past[t, d]) ---- */

static bool
is_carried(const TensorGraph *g, const Map *now, const TensorNode *leaf, const TensorNode *next)
{
	for (int i = 0; i < g->ncarry; i++)
		if (g->carry[i].leaf == leaf
		    && (g->carry[i].next == next || map_get(now, g->carry[i].next) == next))
			return true;
	return false;
}

/* Is it loaded at the axes of t, in order, but for one? */
static bool
is_load_at_axes(const Scalar *e, const TensorNode *t, int without)
{
	int n = 0;

	if (e->op != X_LOAD)
		return false;
	for (int i = 0; i < t->rank; i++) {
		if (i == without)
			continue;
		if (n >= e->narg || e->arg[n]->op != X_RANGE || e->arg[n]->number != i
		    || e->tensor->dim[n] != t->dim[i])
			return false;
		n++;
	}
	return n == e->narg;
}

bool
plan_update(const TensorGraph *g, const Map *now, const TensorNode *t, Kernel *k)
{
	const Scalar *e = t->body, *c = e->op == X_WHERE ? e->arg[0] : NULL;

	if (!c || c->op != X_EQ)
		return false;
	const Scalar *axis = c->arg[c->arg[0]->op != X_RANGE],
		     *here = c->arg[c->arg[0]->op == X_RANGE];
	if (axis->op != X_RANGE || here->op != X_LOAD || here->narg
	    || !is_load_at_axes(e->arg[1], t, axis->number) || !is_load_at_axes(e->arg[2], t, -1)
	    || !is_carried(g, now, e->arg[2]->tensor, t))
		return false;
	k->kind = KERNEL_UPDATE;
	k->past = e->arg[2]->tensor;
	k->a = e->arg[1]->tensor;
	k->b = here->tensor;
	k->outer = k->inner = 1;
	for (int i = 0; i < axis->number; i++)
		k->outer *= t->dim[i];
	for (int i = axis->number + 1; i < t->rank; i++)
		k->inner *= t->dim[i];
	return true;
}

/* ---- products ---- */

int64_t
axis_stride(const TensorNode *t, int axis)
{
	int64_t stride = 1;

	for (int i = t->rank - 1; i > axis; i--)
		stride *= t->dim[i];
	return stride;
}

typedef struct RangeGroup {
	int n;
	KernelLoop loop[LOOPS_MAX];
} RangeGroup;

typedef struct ProductPlan {
	RangeGroup batch, rows, columns, terms; /* in both; in a; in b; summed */
} ProductPlan;

static bool
sort_ranges(const TensorNode *t, const Scalar *base, const Scalar *a, const Scalar *b,
            ProductPlan *p)
{
	for (int i = 0; i < base->nfree; i++) {
		const Scalar *r = base->free[i];
		KernelLoop l = { .range = r->number,
			         .extent = r->extent,
			         .a = load_address(a, r),
			         .b = load_address(b, r) };
		bool axis = r->number < BOUND_RANGE;
		l.c = axis ? axis_stride(t, r->number) : 0;
		if ((!l.a && !l.b) || (!axis && (!l.a || !l.b)))
			return false;
		RangeGroup *to = !axis        ? &p->terms
		                 : l.a && l.b ? &p->batch
		                 : l.a        ? &p->rows
		                              : &p->columns;
		to->loop[to->n++] = l;
	}
	/* The terms that are nearest to each other in a go innermost. */
	for (int i = 1; i < p->terms.n; i++)
		for (int j = i; j > 0 && llabs(p->terms.loop[j - 1].a) < llabs(p->terms.loop[j].a);
		     j--) {
			KernelLoop outer = p->terms.loop[j];
			p->terms.loop[j] = p->terms.loop[j - 1];
			p->terms.loop[j - 1] = outer;
		}
	return (p->rows.n || p->columns.n) && p->terms.n;
}

/* Takes the innermost range out of the group, one of one turn if there is none, with those around
 * it that go on where it ends: they are one longer range. */
static KernelLoop
take_longest(RangeGroup *g)
{
	KernelLoop inner = { .extent = 1 };

	if (g->n)
		inner = g->loop[--g->n];
	while (g->n > 0) {
		const KernelLoop *o = &g->loop[g->n - 1];
		if (o->a != inner.a * inner.extent || o->b != inner.b * inner.extent
		    || o->c != inner.c * inner.extent)
			break;
		inner.extent *= o->extent;
		g->n--;
	}
	return inner;
}

static void
add_loops(Kernel *k, const RangeGroup *g)
{
	for (int i = 0; i < g->n; i++)
		k->loop[k->nloop++] = g->loop[i];
}

static void
swap_operands(ProductPlan *p)
{
	RangeGroup *all[] = { &p->batch, &p->rows, &p->columns, &p->terms }, rows = p->rows;

	p->rows = p->columns;
	p->columns = rows;
	for (int i = 0; i < 4; i++)
		for (int j = 0; j < all[i]->n; j++) {
			int64_t a = all[i]->loop[j].a;
			all[i]->loop[j].a = all[i]->loop[j].b;
			all[i]->loop[j].b = a;
		}
}

static bool
are_lines(const RangeGroup *g)
{
	return g->n && g->loop[g->n - 1].c == 1;
}

bool
plan_product(const TensorNode *t, Kernel *k)
{
	ProductPlan p = { 0 };
	const Scalar *base = t->body;

	if (base->order != ORDER_PRODUCT)
		return false;
	while (base->op == X_SUM)
		base = base->arg[0];
	const Scalar *a = base->arg[0], *b = base->arg[1];
	if (!is_plain_load(a) || !is_plain_load(b) || !sort_ranges(t, base, a, b, &p))
		return false;
	/* The lines of what is stored are lines of b. */
	if (!are_lines(&p.columns)) {
		const Scalar *was_a = a;
		if (!are_lines(&p.rows))
			return false;
		a = b;
		b = was_a;
		swap_operands(&p);
	}
	KernelLoop row = take_longest(&p.rows), column = take_longest(&p.columns),
		   term = take_longest(&p.terms);
	*k = (Kernel){ .kind = KERNEL_PRODUCT, .to = k->to, .a = a->tensor, .b = b->tensor };
	k->a_base = load_address(a, NULL);
	k->b_base = load_address(b, NULL);
	k->gemm = (Gemm){ .m = row.extent,
		          .n = column.extent,
		          .k = term.extent,
		          .ai = row.a,
		          .ak = term.a,
		          .bk = term.b,
		          .bj = column.b,
		          .ldc = row.c };
	add_loops(k, &p.batch);
	add_loops(k, &p.columns);
	add_loops(k, &p.rows);
	add_loops(k, &p.terms);
	k->nsum = p.terms.n;
	return true;
}
