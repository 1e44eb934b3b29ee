/* twc explain --op NAME: what an operator is, from the rows that say all that is known of it: of
 * exact values lang/ops.h, of floats tensor/ops.h.
 *
 *     $ twc explain --op mul
 *     mul, of exact values: product
 *       becomes   quarter squares: a*b is q(a+b) - q(a-b), ...
 *     mul, of floats, a * b: product
 *       gradient  a gets g * b, b gets g * a
 *       cost      1 operation
 *       C         a * b
 *       ONNX      Mul */

#include "cmd/cmd.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "backend/file/tensor_onnx.h"
#include "tensor/kernel/c_text.h"
#include "tensor/tensor.h"

/* ---- of exact values ---- */

typedef struct ExactOp {
	const char *name, *doc, *rule, *how;
} ExactOp;

static const ExactOp exact_ops[] = {
#define OP(name, args, attr, class, traits, fold, type, range, doc, rule, how) \
	{ #name, doc, rule, how },
#include "lang/ops.h"
#undef OP
};

static const char *const class_text[] = {
	[CLASS_LITERAL] = "from itself",
	[CLASS_POINTWISE] = "from its operands here",
	[CLASS_STREAM] = "from the text, or from other positions",
	[CLASS_REFERENCE] = "a position, or none",
	[CLASS_THERE] = "where a search looks",
};

static bool
explain_exact_op(const char *name)
{
	for (int i = 0; i < NUM_OPS; i++) {
		const ExactOp *e = &exact_ops[i];
		if (strcasecmp(e->name, name))
			continue;
		printf("%s, of exact values: %s\n", name, e->doc);
		if (op_info[i].nargs >= 0)
			printf("  operands  %d\n", op_info[i].nargs);
		printf("  value     %s\n", class_text[op_info[i].class]);
		if (e->rule)
			printf("  becomes   %s%s%s\n", e->rule, *e->how ? ": " : "", e->how);
		else
			puts("  becomes   no number: who reads there has a head that looks it up");
		return true;
	}
	return false;
}

/* ---- of floats ---- */

static const char *const tensor_op_names[] = {
#define OP(name, ...) #name,
#include "tensor/ops.h"
#undef OP
};

/* As one writes it: "a * b", "exp(a)"; NULL where it has a form of its own. */
static const char *
written_op(Arena *a, TensorOp op)
{
	static const char *const operand[] = { "a", "b", "c" };
	const TensorOpInfo *t = &tensor_ops[op];
	const char *text = arena_fmt(a, "%s(", t->text);

	if (op == X_SUM || op == X_RMAX)
		return arena_fmt(a, "%s(a for r < n)", t->text);
	if (t->nargs < 1)
		return NULL;
	if (t->prec)
		return arena_fmt(a, "a %s b", t->text);
	for (int i = 0; i < t->nargs; i++)
		text = arena_fmt(a, "%s%s%s", text, i ? ", " : "", operand[i]);
	return arena_fmt(a, "%s)", text);
}

static void
print_gradient_rule(const TensorOpInfo *t)
{
	bool any = false;

	printf("  gradient  ");
	for (int i = 0; i < 3; i++)
		if (*t->gradient[i]) {
			printf("%s%c gets %s", any ? ", " : "", 'a' + i, t->gradient[i]);
			any = true;
		}
	puts(any ? "   (g: what the result y gets)" : "none flows on");
}

static bool
explain_tensor_op(Arena *a, const char *name)
{
	for (int i = 0; i < NUM_TENSOR_OPS; i++) {
		const TensorOpInfo *t = &tensor_ops[i];
		bool reduces = i == X_SUM || i == X_RMAX;
		if (strcasecmp(tensor_op_names[i], name) && strcmp(t->text, name))
			continue;
		const char *text = written_op(a, i), *c = c_of_operator(a, i),
			   *onnx = onnx_of_operator(i);
		printf("%s, of floats%s%s: %s\n", name, text ? ", " : "", text ? text : "", t->doc);
		if (i == X_LOAD)
			puts("  gradient  the tensor gets g at these indices, all that meet there "
			     "added "
			     "up");
		else
			print_gradient_rule(t);
		printf("  cost      %s\n", i <= X_LOAD || i == X_STOP ? "none"
		                           : reduces ? "an operation for each element of the range"
		                                     : "an operation for each element");
		if (i == X_SUM)
			puts("  kernel    of a product of two arrays a matrix product, where it is "
			     "large "
			     "enough;\n"
			     "            of what is found by a look-up a scatter; else a loop "
			     "over strips");
		else if (i > X_LOAD && i != X_STOP)
			puts("  kernel    in a loop over strips of floats, with all that has the "
			     "same axes");
		if (c)
			printf("  C         %s\n", c);
		if (onnx)
			printf("  ONNX      %s\n", onnx);
		return true;
	}
	return false;
}

int
explain_op(const char *name)
{
	Arena arena = { 0 };
	bool exact = explain_exact_op(name), floats = explain_tensor_op(&arena, name);

	arena_free(&arena);
	if (exact || floats)
		return 0;
	fprintf(stderr, "twc: there is no operator '%s'; of exact values there are", name);
	for (int i = 0; i < NUM_OPS; i++)
		fprintf(stderr, " %s", exact_ops[i].name);
	fputs("; of floats", stderr);
	for (int i = 0; i < NUM_TENSOR_OPS; i++)
		fprintf(stderr, " %s", tensor_op_names[i]);
	fputc('\n', stderr);
	return 2;
}
