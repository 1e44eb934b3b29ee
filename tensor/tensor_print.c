/* A graph of tensors as text, which tensor_read.c reads back:
 *
 *     param w [3][4] = normal(0.1)
 *     input x [4]
 *     y [i < 3] = sum(w[i, r] * x[r] for r < 4)
 *     output y
 */

#include "tensor/internal.h"

#include <stdlib.h>

typedef struct Printer {
	const TensorGraph *g;
	FILE *f;
	bool original; /* names of what tensors stand for */
} Printer;

static const char *
shown_name(const Printer *p, const TensorNode *t)
{
	return p->original && t->stands_for ? t->stands_for->name : t->name;
}

static void
print_number(double x, FILE *f)
{
	char s[32];

	snprintf(s, sizeof s, "%.15g", x);
	if (strtod(s, NULL) != x)
		snprintf(s, sizeof s, "%.17g", x);
	fputs(s, f);
}

/* Axes are i j k ..., what reductions bind r s t ...; with _ behind where a tensor has the name. */
static void
print_range_name(const Printer *p, int number)
{
	static const char axes[RANK_MAX + 1] = "ijklmnpq", bound[] = "rstuvwxyz";
	char name[32];
	int k = number - BOUND_RANGE, n;

	if (number < BOUND_RANGE)
		n = snprintf(name, sizeof name, "%c", axes[number]);
	else if (k < (int)sizeof bound - 1)
		n = snprintf(name, sizeof name, "%c", bound[k]);
	else
		n = snprintf(name, sizeof name, "r%d", k);
	while (tensor_find(p->g, name) && n < (int)sizeof name - 1) {
		name[n++] = '_';
		name[n] = '\0';
	}
	fputs(name, p->f);
}

static void print_scalar(const Printer *, const Scalar *, int prec);

static void
print_list(const Printer *p, Scalar *const *arg, int n)
{
	for (int i = 0; i < n; i++) {
		fputs(i ? ", " : "", p->f);
		print_scalar(p, arg[i], 0);
	}
}

static void
print_call(const Printer *p, const Scalar *e)
{
	fprintf(p->f, "%s(", tensor_ops[e->op].text);
	if (e->op == X_SUM || e->op == X_RMAX) {
		print_scalar(p, e->arg[0], 0);
		fputs(" for ", p->f);
		print_range_name(p, e->arg[1]->number);
		fprintf(p->f, " < %d", e->arg[1]->extent);
	} else {
		print_list(p, e->arg, e->narg);
	}
	fputc(')', p->f);
}

static void
print_scalar(const Printer *p, const Scalar *e, int prec)
{
	int own = tensor_ops[e->op].prec;
	FILE *f = p->f;

	switch (e->op) {
	case X_CONST: print_number(e->value, f); return;
	case X_RANGE: print_range_name(p, e->number); return;
	case X_LOAD:
		fputs(shown_name(p, e->tensor), f);
		fputs(e->narg ? "[" : "", f);
		print_list(p, e->arg, e->narg);
		fputs(e->narg ? "]" : "", f);
		return;
	default: break;
	}
	if (!own) {
		print_call(p, e);
		return;
	}
	fputs(own < prec ? "(" : "", f);
	print_scalar(p, e->arg[0], own);
	fprintf(f, " %s ", tensor_ops[e->op].text);
	print_scalar(p, e->arg[1], own + 1);
	fputs(own < prec ? ")" : "", f);
}

static void
print_shape(const TensorNode *t, FILE *f)
{
	for (int i = 0; i < t->rank; i++)
		fprintf(f, "%s[%d]", i ? "" : " ", t->dim[i]);
}

static void
print_tensor(const Printer *p, const TensorNode *t)
{
	FILE *f = p->f;

	switch (t->kind) {
	case TENSOR_INPUT:
		fprintf(f, "input %s", t->name);
		print_shape(t, f);
		if (t->integer)
			fprintf(f, " int %.0f..%.0f", t->values.lo, t->values.hi);
		break;
	case TENSOR_PARAM:
		fprintf(f, "param %s", t->name);
		print_shape(t, f);
		fputs(t->spread ? " = normal(" : " = ", f);
		print_number(t->spread ? t->spread : t->init, f);
		fputs(t->spread ? ")" : "", f);
		break;
	case TENSOR_TABLE:
		fprintf(f, "table %s", t->name);
		print_shape(t, f);
		fputs(" =", f);
		for (int64_t i = 0; i < tensor_size(t); i++) {
			fputc(' ', f);
			print_number(t->table[i], f);
		}
		break;
	case TENSOR_BODY:
		fputs(shown_name(p, t), f);
		for (int i = 0; i < t->rank; i++) {
			fputs(i ? "[" : " [", f);
			print_range_name(p, i);
			fprintf(f, " < %d]", t->dim[i]);
		}
		fputs(" = ", f);
		print_scalar(p, t->body, 0);
		break;
	}
	fputc('\n', f);
}

void
tensor_graph_print(const TensorGraph *g, FILE *f)
{
	Printer p = { g, f, false };

	for (int i = 0; i < g->ntensor; i++)
		print_tensor(&p, g->tensor[i]);
	for (int i = 0; i < g->noutput; i++)
		fprintf(f, "output %s\n", g->output[i]->name);
	for (int i = 0; i < g->ncarry; i++)
		fprintf(f, "carry %s = %s\n", g->carry[i].leaf->name, g->carry[i].next->name);
}

void
tensor_print(const TensorGraph *g, const TensorNode *t, FILE *f)
{
	print_tensor(&(Printer){ g, f, true }, t);
}
