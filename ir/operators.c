/* What the pointwise operators mean: each has an eval_NAME here, its value for given
 * values of its operands. What looks at the text or at other positions is in eval.c. */

#include "ir/internal.h"

#include <assert.h>
#include <math.h>
#include <string.h>

const OpInfo op_info[NUM_OPS] = {
#define OP(name, nargs, attr, class, traits, fold, type, range, doc, rule, how) \
	[OP_##name] = { #name, nargs, attr, CLASS_##class, traits, doc },
#include "lang/ops.h"
#undef OP
};

int
op_find(const char *name)
{
	for (int i = 0; i < NUM_OPS; i++)
		if (!strcmp(op_info[i].name, name))
			return i;
	return -1;
}

Node *
condition_of(const Node *search)
{
	return search->arg[search->narg - 1];
}

typedef int64_t Meaning(const Node *, const int64_t *v);

static int64_t
eval_ADD(const Node *n, const int64_t *v)
{
	(void)n;
	return clamp((__int128)v[0] + v[1]);
}

static int64_t
eval_SUB(const Node *n, const int64_t *v)
{
	(void)n;
	return clamp((__int128)v[0] - v[1]);
}

static int64_t
eval_MUL(const Node *n, const int64_t *v)
{
	(void)n;
	return clamp((__int128)v[0] * v[1]);
}

/* The frontend proves that no divisor is 0; a graph that is evaluated where it was proved wrong
 * gives 0. */
static int64_t
eval_DIV(const Node *n, const int64_t *v)
{
	(void)n;
	if (v[1] == 0)
		return 0;
	int64_t q = v[0] / v[1];
	return q - (v[0] % v[1] != 0 && (v[0] < 0) != (v[1] < 0));
}

static int64_t
eval_MOD(const Node *n, const int64_t *v)
{
	(void)n;
	if (v[1] == 0)
		return 0;
	int64_t r = v[0] % v[1];
	return r && (r < 0) != (v[1] < 0) ? r + v[1] : r;
}

static int64_t
eval_MIN(const Node *n, const int64_t *v)
{
	int64_t least = v[0];

	for (int i = 1; i < n->narg; i++)
		least = min_int64(least, v[i]);
	return least;
}

static int64_t
eval_MAX(const Node *n, const int64_t *v)
{
	int64_t most = v[0];

	for (int i = 1; i < n->narg; i++)
		most = max_int64(most, v[i]);
	return most;
}

static int64_t
eval_ABS(const Node *n, const int64_t *v)
{
	(void)n;
	return v[0] < 0 ? -v[0] : v[0];
}

static int64_t
eval_EQ(const Node *n, const int64_t *v)
{
	(void)n;
	return v[0] == v[1];
}

static int64_t
eval_LT(const Node *n, const int64_t *v)
{
	(void)n;
	return v[0] < v[1];
}

static int64_t
eval_NOT(const Node *n, const int64_t *v)
{
	(void)n;
	return clamp((__int128)1 - v[0]);
}

static int64_t
eval_AND(const Node *n, const int64_t *v)
{
	for (int i = 0; i < n->narg; i++)
		if (v[i] != 1)
			return 0;
	return 1;
}

static int64_t
eval_OR(const Node *n, const int64_t *v)
{
	for (int i = 0; i < n->narg; i++)
		if (v[i] == 1)
			return 1;
	return 0;
}

static int64_t
eval_IF(const Node *n, const int64_t *v)
{
	(void)n;
	return v[0] == 1 ? v[1] : v[2];
}

static int64_t
eval_TABLE(const Node *n, const int64_t *v)
{
	__int128 i = (__int128)v[0] - n->k;

	return n->table[i < 0 ? 0 : i >= n->ntable ? n->ntable - 1 : (int)i];
}

static int64_t
eval_PICK(const Node *n, const int64_t *v)
{
	return v[0] >= 0 && v[0] < n->narg - 2 ? v[v[0] + 2] : v[1];
}

static int64_t
eval_AS(const Node *n, const int64_t *v)
{
	(void)n;
	assert(v[0] == v[1]);
	return v[0];
}

/* ---- reals ---- */

/* Operand i, which may be an integer. */
static double
real_arg(const Node *n, const int64_t *v, int i)
{
	return n->arg[i]->type.real ? real_value(v[i]) : (double)v[i];
}

static int64_t
eval_LINEAR(const Node *n, const int64_t *v)
{
	double sum = n->real[n->narg].x;

	for (int i = 0; i < n->narg; i++)
		sum += n->real[i].x * real_arg(n, v, i);
	return real_bits(sum);
}

static int64_t
eval_VALUES(const Node *n, const int64_t *v)
{
	__int128 i = (__int128)v[0] - n->k;

	return real_bits(n->real[i < 0 ? 0 : i >= n->nreal ? n->nreal - 1 : (int)i].x);
}

static int64_t
eval_RELU(const Node *n, const int64_t *v)
{
	double x = real_arg(n, v, 0);

	return real_bits(x > 0 ? x : 0);
}

/* A rounding on the way may have led beyond the proved range of the operand: back to its end. */
static int64_t
eval_CURVE(const Node *n, const int64_t *v)
{
	double x = real_arg(n, v, 0);

	return real_bits(curve_info[n->k].f(
		min_double(max_double(x, node_min(n->arg[0])), node_max(n->arg[0]))));
}

static int64_t
eval_TIMES(const Node *n, const int64_t *v)
{
	return real_bits(real_arg(n, v, 0) * real_arg(n, v, 1));
}

static int64_t
eval_APPROX(const Node *n, const int64_t *v)
{
	return real_bits(real_arg(n, v, 0));
}

/* Half of the step of the grid. No value is that near to 0 but 0 itself, so a comparison with it
 * does not hang on the rounding of a double. */
static double
half_step(const Node *x)
{
	int64_t grid = real_grid(&x->type);

	return grid ? 0.5 / (double)grid : 0;
}

static int64_t
eval_ABOVE(const Node *n, const int64_t *v)
{
	return real_arg(n, v, 0) > half_step(n->arg[0]);
}

static int64_t
eval_FLOOR(const Node *n, const int64_t *v)
{
	return (int64_t)floor(real_arg(n, v, 0) + half_step(n->arg[0]));
}

/* The table of op_apply: pointwise operators alone have a row. */
#define APPLY_LITERAL(name)
#define APPLY_POINTWISE(name) [OP_##name] = eval_##name,
#define APPLY_STREAM(name)
#define APPLY_REFERENCE(name)
#define APPLY_THERE(name)

int64_t
op_apply(const Node *n, const int64_t *v)
{
	static Meaning *const meaning[NUM_OPS] = {
#define OP(name, nargs, attr, class, ...) APPLY_##class(name)
#include "lang/ops.h"
#undef OP
	};

	assert(meaning[n->op]);
	return meaning[n->op](n, v);
}
