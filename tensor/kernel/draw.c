/* A program of kernels as a picture for Graphviz: a node a kernel, with its stage, kind and how
 * many operators are fused into it; what it reads points to it. Stages differ by their shapes and
 * their words, and by colour besides. */

#include "tensor/kernel/kernel.h"

static const char *const shapes[] = { [STAGE_NONE] = "box",
	                              [STAGE_FORWARD] = "box",
	                              [STAGE_BACKWARD] = "hexagon",
	                              [STAGE_STEP] = "parallelogram" };
static const char *const colours[] = { [STAGE_NONE] = "#ffffff",
	                               [STAGE_FORWARD] = "#e8f0fe",
	                               [STAGE_BACKWARD] = "#fce8e6",
	                               [STAGE_STEP] = "#eeeeee" };

typedef struct KernelDrawing {
	const TensorProgram *p;
	FILE *f;
	const TensorNode *to; /* of the kernel at hand */
	int operators;        /* of it */
	Map seen;             /* its expressions */
	bool *leaf;           /* by tensor: it is drawn */
} KernelDrawing;

static void
draw_shape(const TensorNode *t, FILE *f)
{
	for (int i = 0; i < t->rank; i++)
		fprintf(f, "[%d]", t->dim[i]);
}

static void
draw_leaf(KernelDrawing *d, const TensorNode *t)
{
	if (d->leaf[t->id])
		return;
	d->leaf[t->id] = true;
	fprintf(d->f, "  t%d [shape=%s, style=solid, label=\"%s\\n%s ", t->id,
	        t->kind == TENSOR_PARAM ? "ellipse" : "plaintext", t->name,
	        t->kind == TENSOR_PARAM   ? "param"
	        : t->kind == TENSOR_TABLE ? "table"
	                                  : "input");
	draw_shape(t, d->f);
	fputs("\"]\n", d->f);
}

/* Counts what is fused, and draws who is read. */
static void
draw_expression(KernelDrawing *d, const Scalar *e)
{
	if (map_get(&d->seen, e))
		return;
	map_put(d->p->g->arena, &d->seen, e, d);
	if (e->op == X_LOAD && !map_get(&d->seen, e->tensor)) {
		map_put(d->p->g->arena, &d->seen, e->tensor, d);
		if (!e->tensor->body)
			draw_leaf(d, e->tensor);
		fprintf(d->f, "  t%d -> t%d\n", e->tensor->id, d->to->id);
	}
	d->operators += e->narg && e->op != X_LOAD && !e->integer;
	for (int i = 0; i < e->narg; i++)
		draw_expression(d, e->arg[i]);
}

static void
draw_kernel(KernelDrawing *d, const Kernel *k, KernelStage stage)
{
	const char *kind = kernel_kind_names[k->kind], *name = kernel_stage_names[stage];

	d->to = k->to;
	d->operators = 0;
	d->seen = (Map){ 0 };
	if (k->to->body)
		draw_expression(d, k->to->body);
	fprintf(d->f, "  t%d [shape=%s, fillcolor=\"%s\", label=\"%s ", k->to->id, shapes[stage],
	        colours[stage], (k->to->stands_for ? k->to->stands_for : k->to)->name);
	draw_shape(k->to, d->f);
	fprintf(d->f, "\\n%s%s%s", name, *name ? ": " : "", kind);
	bool fused = k->kind != KERNEL_PRODUCT && d->operators > 1;
	if (fused)
		fprintf(d->f, ", %d operators fused", d->operators);
	fprintf(d->f, "\"%s]\n", fused ? ", peripheries=2" : "");
}

int
tensor_program_draw(const TensorProgram *p, const KernelStages *ends, FILE *f)
{
	const KernelStage *stage = find_kernel_stages(p, ends);
	KernelDrawing d = { .p = p, .f = f, .leaf = NEWS(p->g->arena, bool, p->g->ntensor + 1) };

	fputs("digraph kernels {\n"
	      "  label=\"boxes: forward; hexagons: backward; parallelograms: the step; a double "
	      "line: several operators in one kernel\"\n"
	      "  fontname=\"sans-serif\"\n"
	      "  node [style=filled, fontname=\"sans-serif\", fontsize=10]\n"
	      "  edge [color=\"#888888\", arrowsize=0.6]\n",
	      f);
	for (int i = 0; i < p->nkernel; i++)
		draw_kernel(&d, &p->kernel[i], stage[p->kernel[i].to->id]);
	fputs("}\n", f);
	return p->nkernel;
}
