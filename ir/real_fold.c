/* Local identities of reals, applied while a node is made (see fold.c). Nested sums become
 * one LINEAR, its terms in one order; a function of one integer stream becomes a table of
 * it; a comparison that is decided becomes a constant, and one of sums of integers a
 * comparison of integers. */

#include "ir/internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { FLAT_TERMS = 256 }; /* nested sums join to this many terms */

static int
by_node_order(const void *a, const void *b)
{
	return node_compare(*(Node *const *)a, *(Node *const *)b);
}

typedef struct LinearSum {
	int n;
	Node **x;
	Real *c; /* (n), and the constant behind them */
} LinearSum;

static void
linear_add_term(LinearSum *s, Node *x, Real c)
{
	for (int i = 0; i < s->n; i++)
		if (s->x[i] == x) {
			s->c[i] = real_add(s->c[i], c);
			return;
		}
	s->x[s->n] = x;
	s->c[s->n++] = c;
}

/* Adds c * x; the terms of x one by one, if it is a sum itself and all together are not too many.
 */
static void
linear_add_product(LinearSum *s, Node *x, Real c, bool flat, Real *constant)
{
	if (is_literal(x)) {
		*constant = real_add(*constant, real_mul(c, literal_value(x)));
	} else if (x->op == OP_LINEAR && flat) {
		for (int i = 0; i < x->narg; i++)
			linear_add_term(s, x->arg[i], real_mul(c, x->real[i]));
		*constant = real_add(*constant, real_mul(c, x->real[x->narg]));
	} else {
		linear_add_term(s, x, c);
	}
}

static int
linear_terms(const Node *n)
{
	int total = 0;

	for (int i = 0; i < n->narg; i++)
		total += n->arg[i]->op == OP_LINEAR ? n->arg[i]->narg : 1;
	return total;
}

static void
linear_sort(Graph *g, LinearSum *s)
{
	Node **x = arena_alloc(g->arena, sizeof *x * (size_t)(s->n + 1));
	Real *c = arena_alloc(g->arena, sizeof *c * (size_t)(s->n + 1));
	int m = 0;

	memcpy(x, s->x, sizeof *x * (size_t)s->n);
	qsort(x, (size_t)s->n, sizeof *x, by_node_order);
	for (int i = 0; i < s->n; i++)
		for (int j = 0; j < s->n; j++)
			if (s->x[j] == x[i] && s->c[j].x != 0) {
				x[m] = x[i];
				c[m++] = s->c[j];
			}
	*s = (LinearSum){ m, x, c };
}

Node *
fold_linear(Graph *g, Node *n)
{
	int total = linear_terms(n);
	bool flat = total <= FLAT_TERMS, changed = false;
	Real constant = n->real[n->narg];
	size_t room = (size_t)(flat ? total : n->narg) + 1;
	LinearSum s = { 0, arena_alloc(g->arena, room * sizeof(Node *)),
		        arena_alloc(g->arena, room * sizeof(Real)) };

	if (n->narg > FLAT_TERMS)
		return NULL;
	for (int i = 0; i < n->narg; i++)
		linear_add_product(&s, n->arg[i], n->real[i], flat, &constant);
	linear_sort(g, &s);
	s.c[s.n] = constant;
	if (!s.n)
		return mk_real(g, constant);
	if (s.n == 1 && s.c[0].x == 1 && constant.x == 0 && s.x[0]->type.real)
		return s.x[0];
	changed = s.n != n->narg;
	for (int i = 0; i < s.n && !changed; i++)
		changed = s.x[i] != n->arg[i] || s.c[i].x != n->real[i].x;
	return changed ? mk_reals(g, OP_LINEAR, n->span, n->site, s.n, s.x, 0, s.c, s.n + 1) : NULL;
}

/* A sum of integers with fractions as factors, times its grid: a sum with integers as factors. NULL
 * if it is no such sum, or too large. */
static Node *
scaled_integer(Graph *g, const Node *n, int64_t grid)
{
	const int64_t top = (int64_t)EXACT_MAX - 1;
	Node *sum = NULL;

	if (n->op != OP_LINEAR || !grid || n->type.max * (double)grid > (double)top
	    || n->type.min * (double)grid < -(double)top)
		return NULL;
	for (int i = 0; i < n->narg; i++)
		if (n->arg[i]->type.real || fabs(n->real[i].x * (double)grid) > (double)top)
			return NULL;
	for (int i = 0; i < n->narg; i++) {
		Node *c = mk_const(g, llrint(n->real[i].x * (double)grid));
		Node *x = mk_at(g, n, OP_MUL, n->arg[i], c, NULL);
		sum = sum ? mk_at(g, n, OP_ADD, sum, x, NULL) : x;
	}
	sum = mk_at(g, n, OP_ADD, sum, mk_const(g, llrint(n->real[n->narg].x * (double)grid)),
	            NULL);
	return sum->type.lo > -top && sum->type.hi < top ? sum : NULL;
}

/* The greatest integer that is not above x. */
static int64_t
floor_of(Real x)
{
	if (!x.den)
		return (int64_t)floor(x.x);
	int64_t n = llrint(x.x * (double)x.den);
	return n / x.den - (n % x.den < 0);
}

/* ABOVE or FLOOR of a function of one stream, as a table of its values: if each value is exact, or
 * so far from where the answer changes that no rounding matters. Else NULL. */
static Node *
value_by_value(Graph *g, const Node *n)
{
	Real *image;
	const Node *root = real_grid(&n->arg[0]->type) ? NULL : real_image(g, n->arg[0], &image);
	int64_t size = root ? root->type.hi - root->type.lo + 1 : 0;
	double near = 1e-12 * (fabs(n->arg[0]->type.min) + fabs(n->arg[0]->type.max) + 1);

	if (!root || size > VALUES_MAX)
		return NULL;
	int64_t *table = arena_alloc(g->arena, sizeof *table * (size_t)size);
	for (int64_t i = 0, k = 0; i < size; i++) {
		k += k + 1 < root->type.nset && root->type.set[k + 1] == root->type.lo + i;
		Real x = image[k];
		if (!x.den && fabs(n->op == OP_ABOVE ? x.x : x.x - rint(x.x)) < near)
			return NULL;
		table[i] = n->op == OP_ABOVE ? x.x > 0 : floor_of(x);
	}
	return mk_table(g, n->span, n->site, g->node[root->id], root->type.lo, table, (int)size);
}

Node *
fold_above(Graph *g, Node *n)
{
	Node *x = n->arg[0], *whole_x;
	Type t = as_real(x);
	int64_t grid = real_grid(&t);
	double slack = grid ? 0.5 / (double)grid : 1e-9 * (fabs(t.min) + fabs(t.max) + 1e-30);

	if (t.min > slack || t.max < (grid ? slack : -slack))
		return mk_const(g, t.min > slack);
	if (!t.real || !x->type.real)
		return mk_at(g, n, OP_LT, mk_const(g, 0), x, NULL);
	whole_x = scaled_integer(g, x, grid);
	return whole_x ? mk_at(g, n, OP_LT, mk_const(g, 0), whole_x, NULL) : value_by_value(g, n);
}

Node *
fold_floor(Graph *g, Node *n)
{
	Node *x = n->arg[0];

	if (!x->type.real)
		return x;
	if (x->op == OP_REAL)
		return mk_const(g, op_apply(n, (int64_t[]){ real_bits(x->real[0].x) }));
	int64_t grid = real_grid(&x->type);
	Node *whole_x = scaled_integer(g, x, grid);
	return whole_x ? mk_at(g, n, OP_DIV, whole_x, mk_const(g, grid), NULL)
	               : value_by_value(g, n);
}

Node *
fold_relu(Graph *g, Node *n)
{
	Node *x = n->arg[0];
	Type t = as_real(x);

	if (t.max <= 0)
		return mk_real(g, (Real){ 0, 1 });
	if (t.min < 0)
		return NULL;
	return mk_reals(g, OP_LINEAR, n->span, n->site, 1, &x, 0, (Real[]){ { 1, 1 }, { 0, 1 } },
	                2);
}

/* A function of one stream as one table. */
static Node *
tabulated(Graph *g, const Node *draft)
{
	Node n = *draft;
	Real *image;

	n.type = type_if(g, draft);
	const Node *root = real_image(g, &n, &image);
	return root && root->type.nset <= SET_MAX ? mk_values(g, n.span, n.site, root, image)
	                                          : NULL;
}

/* An index into constants is a table. */
Node *
fold_real_pick(Graph *g, Node *n)
{
	const Type *t = &n->arg[0]->type;
	int64_t size = t->hi - t->lo + 1;

	for (int i = 1; i < n->narg; i++)
		if (n->arg[i]->op != OP_REAL)
			return NULL;
	if (n->narg < 3 || size > VALUES_MAX)
		return NULL;
	Real *table = arena_alloc(g->arena, sizeof *table * (size_t)size);
	for (int64_t i = 0; i < size; i++) {
		int64_t at = t->lo + i;
		table[i] = n->arg[at < 0 || at >= n->narg - 2 ? 1 : at + 2]->real[0];
	}
	return mk_reals(g, OP_VALUES, n->span, n->site, 1, n->arg, t->lo, table, (int)size);
}

/* A choice between constants, if c then a else b, is the sum c * (a - b) + b. */
Node *
fold_real_if(Graph *g, Node *n)
{
	Node *c = n->arg[0], *a = n->arg[1], *b = n->arg[2];

	if (!a->type.real || a == b || c->op == OP_CONST)
		return NULL;
	if (a->op != OP_REAL || b->op != OP_REAL)
		return tabulated(g, n);
	Real minus = real_mul(b->real[0], (Real){ -1, 1 });
	return mk_reals(g, OP_LINEAR, n->span, n->site, 1, &c, 0,
	                (Real[]){ real_add(a->real[0], minus), b->real[0] }, 2);
}

/* A number times a stream is a multiple of it; two streams are put into one order. */
Node *
fold_times(Graph *g, Node *n)
{
	Node *x = n->arg[0], *y = n->arg[1];

	if (is_literal(x) || is_literal(y)) {
		Node *stream = is_literal(x) ? y : x;
		return mk_reals(g, OP_LINEAR, n->span, n->site, 1, &stream, 0,
		                (Real[]){ literal_value(is_literal(x) ? x : y), { 0, 1 } }, 2);
	}
	if (node_compare(x, y) > 0)
		return mk(g, OP_TIMES, n->span, n->site, 2, (Node *[]){ y, x }, 0);
	return NULL;
}

Node *
fold_curve(Graph *g, Node *n)
{
	if (!is_literal(n->arg[0]))
		return NULL;
	return mk_real(g, (Real){ curve_info[n->k].f(literal_value(n->arg[0]).x), 0 });
}

/* ---- means of products of what is there with what is here ---- */

static Node *
mk_mean_like(Graph *g, const Node *n, Node *e)
{
	return mk_reals(g, OP_MEAN, n->span, n->site, 2, (Node *[]){ e, n->arg[1] }, 0, n->real, 1);
}

/* The mean of a product: a factor that is the same at all positions that are looked at stands
 * outside. */
static Node *
mean_by_factor(Graph *g, const Node *n)
{
	Node *e = n->arg[0];

	for (int i = 0; i < 2; i++)
		if (!(side(e->arg[i]) & ON_THERE))
			return mk_at(g, n, OP_TIMES, e->arg[i], mk_mean_like(g, n, e->arg[1 - i]),
			             NULL);
	return NULL;
}

/* The mean of a sum is the sum of means, which is worth it where a term is such a product. */
static Node *
mean_by_terms(Graph *g, const Node *n)
{
	const Node *e = n->arg[0];
	Node **arg = arena_alloc(g->arena, sizeof *arg * (size_t)e->narg);
	bool products = false, all = is_const(n->arg[1], 1);

	for (int i = 0; i < e->narg; i++) {
		bool there = side(e->arg[i]) & ON_THERE;
		products |= e->arg[i]->op == OP_TIMES && side(e->arg[i]) == ON_BOTH;
		if (!there && !all)
			return NULL;
	}
	if (!products || (e->real[e->narg].x != 0 && !all))
		return NULL;
	for (int i = 0; i < e->narg; i++)
		arg[i] = side(e->arg[i]) & ON_THERE ? mk_mean_like(g, n, e->arg[i]) : e->arg[i];
	return mk_reals(g, OP_LINEAR, n->span, n->site, e->narg, arg, 0, e->real, e->nreal);
}

/* The mean in parts. They add up to the same only if a mean of no positions is 0, or there is
 * always one. */
static Node *
mean_in_parts(Graph *g, const Node *n)
{
	Op op = n->arg[0]->op;

	if (n->real[0].x != 0 && !is_const(n->arg[1], 1))
		return NULL;
	return op == OP_TIMES ? mean_by_factor(g, n) : op == OP_LINEAR ? mean_by_terms(g, n) : NULL;
}

Node *
fold_mean(Graph *g, Node *n)
{
	if (is_const(n->arg[1], 0))
		return mk_real(g, n->real[0]);
	if (is_literal(n->arg[0]) && is_const(n->arg[1], 1))
		return mk_real(g, literal_value(n->arg[0]));
	return mean_in_parts(g, n);
}

/* A pass may make the operand anew as one of a wider range than the table has entries for, though
 * its values are the same: the table is continued with its first and its last entry. */
static Node *
widen_values(Graph *g, const Node *n)
{
	const Type *t = &n->arg[0]->type;
	int64_t lo = min_int64(t->lo, n->k), hi = max_int64(t->hi, n->k + n->nreal - 1);

	if (hi - lo + 1 == n->nreal)
		return NULL;
	if (hi - lo >= VALUES_MAX) {
		Node *low = mk_at(g, n, OP_MIN, n->arg[0], mk_const(g, n->k + n->nreal - 1), NULL);
		Node *x = mk_at(g, n, OP_MAX, low, mk_const(g, n->k), NULL);
		return mk_reals(g, OP_VALUES, n->span, n->site, 1, &x, n->k, n->real, n->nreal);
	}
	Real *table = arena_alloc(g->arena, sizeof *table * (size_t)(hi - lo + 1));
	for (int64_t v = lo; v <= hi; v++)
		table[v - lo] = n->real[v < n->k              ? 0
		                        : v - n->k < n->nreal ? v - n->k
		                                              : n->nreal - 1];
	return mk_reals(g, OP_VALUES, n->span, n->site, 1, n->arg, lo, table, (int)(hi - lo + 1));
}

Node *
fold_values(Graph *g, Node *n)
{
	if (n->arg[0]->op == OP_CONST)
		return mk_real(g, n->real[n->arg[0]->k - n->k]);
	return widen_values(g, n);
}

Node *
fold_approx(Graph *g, Node *n)
{
	return is_literal(n->arg[0]) ? mk_real(g, literal_value(n->arg[0])) : NULL;
}
