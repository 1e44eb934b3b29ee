/* A step of learning in index notation, behind the gradients, in the same graph: AdamW (Loshchilov
 * and Hutter 2019, "Decoupled weight decay regularization"), or gradient descent with momentum;
 * before it the gradient is made shorter where its norm is more than `clip` (Pascanu et al. 2013).
 *
 *     w.m.next [i < 8] = w.m[i] * 0.9 + d.w[i] * clip.scale * 0.1
 *     w.next [i < 8] = w[i] - rate * ...
 *     carry w = w.next
 *     carry w.m = w.m.next
 */

#include "tensor/train/train.h"

#define BETA_1 0.9
#define BETA_2 0.99
#define MOMENTUM 0.9
#define EPSILON 1e-8

typedef struct StepBuilder {
	TensorGraph *g;
	const Recipe *recipe;
	StepNumbers *in;
	TensorNode *scale; /* of all gradients, or NULL */
	TensorNode *param;
	Scalar *axis[RANK_MAX]; /* of the parameter */
} StepBuilder;

static Scalar *
product_of(TensorGraph *g, Scalar *a, Scalar *b)
{
	return scalar_binary(g, X_MUL, a, b);
}

static Scalar *
scaled(TensorGraph *g, Scalar *a, double factor)
{
	return product_of(g, a, scalar_const(g, factor));
}

static Scalar *
at_axes(const StepBuilder *b, TensorNode *t)
{
	return scalar_load(b->g, t, b->axis);
}

/* What a leaf of the parameter's shape, 0 at first, becomes. */
static Scalar *
carried(StepBuilder *b, TensorNode *leaf, Scalar *next)
{
	TensorNode *t = tensor_define(b->g, arena_fmt(b->g->arena, "%s.next", leaf->name), next,
	                              leaf->rank, b->axis);

	tensor_carry(b->g, leaf, t);
	return at_axes(b, t);
}

static TensorNode *
memory(StepBuilder *b, const char *what)
{
	return tensor_param(b->g, arena_fmt(b->g->arena, "%s.%s", what, b->param->name),
	                    b->param->rank, b->param->dim);
}

/* Running means of the gradient and its square, each divided by how much of a mean it is yet. */
static Scalar *
adamw_direction(StepBuilder *b, Scalar *d)
{
	TensorGraph *g = b->g;
	TensorNode *m = memory(b, "adamw.m"), *v = memory(b, "adamw.v");
	Scalar *mean = scalar_binary(g, X_ADD, scaled(g, at_axes(b, m), BETA_1),
	                             scaled(g, d, 1 - BETA_1));
	Scalar *square = scalar_binary(g, X_ADD, scaled(g, at_axes(b, v), BETA_2),
	                               scaled(g, product_of(g, d, d), 1 - BETA_2));

	mean = scalar_binary(g, X_DIV, carried(b, m, mean), scalar_load(g, b->in->first, NULL));
	square = scalar_binary(g, X_DIV, carried(b, v, square),
	                       scalar_load(g, b->in->second, NULL));
	return scalar_binary(
		g, X_DIV, mean,
		scalar_binary(g, X_ADD, scalar_unary(g, X_SQRT, square), scalar_const(g, EPSILON)));
}

static Scalar *
sgd_direction(StepBuilder *b, Scalar *d)
{
	TensorGraph *g = b->g;
	TensorNode *m = memory(b, "sgd.m");

	return carried(b, m, scalar_binary(g, X_ADD, scaled(g, at_axes(b, m), MOMENTUM), d));
}

static void
step_of_param(StepBuilder *b, TensorNode *gradient)
{
	TensorGraph *g = b->g;
	Scalar *d, *w, *direction;

	for (int i = 0; i < b->param->rank; i++)
		b->axis[i] = scalar_fresh(g, b->param->dim[i]);
	d = at_axes(b, gradient);
	w = at_axes(b, b->param);
	if (b->scale)
		d = product_of(g, d, scalar_load(g, b->scale, NULL));
	direction = b->recipe->optimizer == OPTIMIZER_SGD ? sgd_direction(b, d)
	                                                  : adamw_direction(b, d);
	if (b->param->rank > 1 && b->recipe->decay)
		direction = scalar_binary(g, X_ADD, direction, scaled(g, w, b->recipe->decay));
	direction = product_of(g, direction, scalar_load(g, b->in->rate, NULL));
	carried(b, b->param, scalar_binary(g, X_SUB, w, direction));
}

static Scalar *
sum_of_squares(TensorGraph *g, TensorNode *t)
{
	Scalar *axis[RANK_MAX], *x;

	for (int i = 0; i < t->rank; i++)
		axis[i] = scalar_fresh(g, t->dim[i]);
	x = scalar_load(g, t, axis);
	x = product_of(g, x, x);
	for (int i = t->rank - 1; i >= 0; i--)
		x = scalar_reduce(g, X_SUM, x, axis[i]);
	return scalar_load(g, tensor_define(g, "square", x, 0, NULL), NULL);
}

static TensorNode *
gradient_norm(TensorGraph *g, int n, TensorNode *const *gradient)
{
	Scalar *sum = scalar_const(g, 0);

	for (int i = 0; i < n; i++)
		if (gradient[i])
			sum = scalar_binary(g, X_ADD, sum, sum_of_squares(g, gradient[i]));
	return tensor_define(g, "norm", scalar_unary(g, X_SQRT, sum), 0, NULL);
}

static TensorNode *
clipping(TensorGraph *g, double clip, TensorNode *of)
{
	Scalar *most = scalar_const(g, clip), *norm = scalar_load(g, of, NULL);

	return tensor_define(g, "clip.scale",
	                     scalar_where(g, scalar_binary(g, X_LT, most, norm),
	                                  scalar_binary(g, X_DIV, most, norm), scalar_const(g, 1)),
	                     0, NULL);
}

StepNumbers *
optimizer_step(TensorGraph *g, const Recipe *recipe, TensorNode *loss, int nparam,
               TensorNode *const *param)
{
	StepNumbers *in = NEW(g->arena, StepNumbers);
	TensorNode **gradient = NEWS(g->arena, TensorNode *, nparam);
	StepBuilder b = { .g = g, .recipe = recipe, .in = in };

	in->rate = tensor_input(g, "rate", 0, NULL);
	if (recipe->optimizer == OPTIMIZER_ADAMW) {
		in->first = tensor_input(g, "adamw.first", 0, NULL);
		in->second = tensor_input(g, "adamw.second", 0, NULL);
	}
	tensor_gradient(g, loss, nparam, param, gradient);
	in->norm = gradient_norm(g, nparam, gradient);
	tensor_output(g, in->norm);
	if (recipe->clip > 0)
		b.scale = clipping(g, recipe->clip, in->norm);
	for (int i = 0; i < nparam; i++) {
		b.param = param[i];
		if (gradient[i])
			step_of_param(&b, gradient[i]);
	}
	return in;
}

/* By repeated squaring, since pow() of different C libraries may differ in its last bit. */
static double
whole_power(double x, int n)
{
	double y = 1;

	for (; n > 0; n /= 2, x *= x)
		if (n % 2)
			y *= x;
	return y;
}

void
optimizer_numbers(const StepNumbers *in, const Recipe *r, TensorProgram *p, int step)
{
	*tensor_program_buffer(p, in->rate) = (float)recipe_rate(r, step);
	if (in->first) {
		*tensor_program_buffer(p, in->first) = (float)(1 - whole_power(BETA_1, step + 1));
		*tensor_program_buffer(p, in->second) = (float)(1 - whole_power(BETA_2, step + 1));
	}
}
