/* Reals: their arithmetic at compile time, their types, and what folds.
 *
 * A real is a sum of multiples of integers and of means, mostly; LINEAR is all of
 * these at once, flat. What a comparison asks of it is its grid (ir.h): the mean of
 * integers over at most n positions is a fraction a / b with b up to n, so between
 * it and 1/2 there is nothing or at least 1 / 2n. A function like exp has no grid. */

#include "ir/internal.h"
#include "lang/int_division.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define DEN_MAX ((int64_t)1 << 40) /* of a denominator that is kept */
#define NUM_MAX ((int64_t)1 << 50) /* of its numerator: the double tells it */

enum { FLAT_TERMS = 256 }; /* nested sums join to this many terms */

static Real
real_fraction(__int128 num, __int128 den)
{
	__int128 g = gcd(num, den);

	if (g) {
		num /= g;
		den /= g;
	}
	Real r = { (double)num / (double)den, 0 };
	if (den <= DEN_MAX && num < NUM_MAX && num > -NUM_MAX)
		r.den = (int64_t)den;
	return r;
}

Real
real_of(int64_t num, int64_t den)
{
	return real_fraction(num, den);
}

static __int128
numerator(Real r)
{
	return (__int128)llrint(r.x * (double)r.den);
}

Real
real_add(Real a, Real b)
{
	if (!a.den || !b.den)
		return (Real){ a.x + b.x, 0 };
	return real_fraction(numerator(a) * b.den + numerator(b) * a.den, (__int128)a.den * b.den);
}

Real
real_mul(Real a, Real b)
{
	if (a.x == 0 || b.x == 0)
		return (Real){ 0, 1 };
	if (!a.den || !b.den)
		return (Real){ a.x * b.x, 0 };
	return real_fraction(numerator(a) * numerator(b), (__int128)a.den * b.den);
}

Node *
mk_real(Graph *g, Real r)
{
	return mk_reals(g, OP_REAL, (Span){ 0, 0 }, 0, 0, NULL, 0, &r, 1);
}

bool
of_reals(const Node *n)
{
	bool real = n->type.real;

	for (int i = 0; i < n->narg; i++)
		real |= n->arg[i]->type.real;
	return real;
}

Node *
unread_value(Graph *g, const Node *x)
{
	return x->type.real ? mk_real(g, (Real){ 0, 1 }) : mk_const(g, x->type.lo);
}

/* ---- types ---- */

int64_t
real_grid(const Type *t)
{
	if (!t->real)
		return 1;
	return t->den && t->parts <= DEN_MAX / t->den ? t->den * t->parts : 0;
}

static Type
with_grid(Type t, int64_t den, int64_t parts, const Node *over)
{
	t.den = den;
	t.parts = parts;
	t.over = over;
	return t;
}

static Type
real_between(double min, double max)
{
	const double top = (double)VALUE_MAX;
	Type t = { .real = true, .min = min, .max = max, .parts = 1 };

	t.lo = floor(min) < -top ? -VALUE_MAX : (int64_t)floor(min);
	t.hi = ceil(max) > top ? VALUE_MAX : (int64_t)ceil(max);
	return t;
}

/* What an integer is as a real. */
static Type
as_real(const Node *n)
{
	return n->type.real ? n->type
	                    : with_grid(real_between((double)n->type.lo, (double)n->type.hi), 1, 1,
	                                NULL);
}

static int64_t
common_denominator(int64_t a, int64_t b)
{
	__int128 m = a && b ? (__int128)a / gcd(a, b) * b : 0;

	return m > DEN_MAX ? 0 : (int64_t)m;
}

static Type
real_join(Type a, Type b)
{
	Type t = real_between(fmin(a.min, b.min), fmax(a.max, b.max));
	bool same = a.over == b.over || a.parts == 1 || b.parts == 1;

	return with_grid(t, common_denominator(a.den, b.den), a.parts > b.parts ? a.parts : b.parts,
	                 !same    ? NULL
	                 : a.over ? a.over
	                          : b.over);
}

static Type
type_of_real(Real r)
{
	return with_grid(real_between(r.x, r.x), r.den, 1, NULL);
}

/* One more term: means over the same positions have one denominator. */
static void
refine_grid(Type *sum, const Type *x)
{
	if (x->parts == 1 || (sum->over && sum->over == x->over))
		return;
	sum->over = sum->parts == 1 ? x->over : NULL;
	if (x->parts > DEN_MAX / sum->parts)
		sum->den = 0;
	else
		sum->parts *= x->parts;
}

static bool
nearly_equal(double x, double y)
{
	return fabs(x - y) <= 1e-12 * fabs(y);
}

/* Is n without its i-th term m times y? */
static bool
is_multiple_without(const Node *n, int i, double m, const Node *y)
{
	bool linear = y->op == OP_LINEAR;
	int terms = linear ? y->narg : 1;

	if (n->narg - 1 != terms
	    || !nearly_equal(n->real[n->narg].x, linear ? m * y->real[terms].x : 0))
		return false;
	for (int k = 0; k < n->narg; k++) {
		int at = 0;
		while (k != i && at < terms && (linear ? y->arg[at] : y) != n->arg[k])
			at++;
		if (k != i
		    && (at == terms || !nearly_equal(n->real[k].x, linear ? m * y->real[at].x : m)))
			return false;
	}
	return true;
}

/* x - m * floor(x / m) is from 0 to m, which it does not reach; 0 if n is none of these. */
static double
modulus_of(const Node *n)
{
	for (int i = 0; i < n->narg; i++) {
		const Node *f = n->arg[i];
		double m = -n->real[i].x;
		if (f->op == OP_MUL && f->arg[1]->op == OP_CONST) {
			m *= (double)f->arg[1]->k;
			f = f->arg[0];
		}
		if (f->op == OP_FLOOR && m > 0 && is_multiple_without(n, i, m, f->arg[0]))
			return m;
	}
	return 0;
}

static Type
real_within_modulus(Type t, double m)
{
	int64_t grid = real_grid(&t);
	double most = grid ? m - 1 / (double)grid : m;

	return m > 0 ? with_grid(real_between(fmax(t.min, 0), fmin(t.max, most)), t.den, t.parts,
	                         t.over)
	             : t;
}

static Type
type_linear(const Node *n)
{
	Type sum = type_of_real(n->real[n->narg]);

	for (int i = 0; i < n->narg; i++) {
		Type x = as_real(n->arg[i]);
		double c = n->real[i].x;
		int64_t den = n->real[i].den;
		sum.min += c > 0 ? c * x.min : c * x.max;
		sum.max += c > 0 ? c * x.max : c * x.min;
		sum.den = common_denominator(sum.den,
		                             x.den <= DEN_MAX / (den + 1) ? x.den * den : 0);
		refine_grid(&sum, &x);
	}
	return real_within_modulus(
		with_grid(real_between(sum.min, sum.max), sum.den, sum.parts, sum.over),
		modulus_of(n));
}

static Type
type_values(const Node *n)
{
	const Type *x = &n->arg[0]->type;
	Type t = { 0 };

	for (int i = 0; i < n->nreal; i++) {
		if (n->k + i < x->lo || n->k + i > x->hi)
			continue;
		Type v = type_of_real(n->real[i]);
		t = t.real ? real_join(t, v) : v;
	}
	return t;
}

static Type
type_times(const Node *n)
{
	const Node *x = n->arg[0], *y = n->arg[1];
	Interval p = interval_product((Interval){ node_min(x), node_max(x) },
	                              (Interval){ node_min(y), node_max(y) });

	return real_between(x == y ? fmax(p.lo, 0) : p.lo, p.hi);
}

/* The curves that turn have their range from bends(). */
static Type
type_curve(const Node *n)
{
	double (*f)(double) = curve_info[n->k].f;
	double p = f(node_min(n->arg[0])), q = f(node_max(n->arg[0]));
	bool turns = n->k == CURVE_SIN || n->k == CURVE_COS;

	return turns ? real_between(-1, 1) : real_between(fmin(p, q), fmax(p, q));
}

/* A function of one stream has a sharper range than its steps tell, and no grid. */
static Type
bent_range(const Node *n, Type t)
{
	const Node *of = smooth_variable(n);

	if (!of)
		return t;
	Interval r = smooth_range(n, of);
	t = real_between(fmax(t.min, r.lo), fmin(t.max, r.hi));
	t.of = of;
	return t;
}

static Type
type_mean(const Graph *g, const Node *n)
{
	Type e = as_real(n->arg[0]);

	e.of = NULL;
	/* each summand may have another denominator */
	e = with_grid(e, e.parts > 1 ? 0 : e.den, g->context, n->arg[1]);
	return is_const(n->arg[1], 1) ? e : real_join(e, type_of_real(n->real[0]));
}

/* The operands from..narg are what n may be. */
static bool
type_choice(const Node *n, int from, int step, Type *t)
{
	bool real = false;

	for (int i = from; i < n->narg; i += step)
		real |= n->arg[i]->type.real;
	if (!real)
		return false;
	*t = as_real(n->arg[from]);
	for (int i = from + step; i < n->narg; i += step)
		*t = real_join(*t, as_real(n->arg[i]));
	t->of = NULL;
	return true;
}

bool
real_type(Graph *g, const Node *n, Type *t)
{
	switch (n->op) {
	case OP_REAL: *t = type_of_real(n->real[0]); return true;
	case OP_LINEAR: *t = bent_range(n, type_linear(n)); return true;
	case OP_CURVE: *t = bent_range(n, type_curve(n)); return true;
	case OP_TIMES: *t = bent_range(n, type_times(n)); return true;
	case OP_APPROX:
		*t = as_real(n->arg[0]);
		t->of = smooth_variable(n);
		return true;
	case OP_VALUES: *t = type_values(n); return true;
	case OP_RELU:
		*t = as_real(n->arg[0]);
		*t = with_grid(real_between(fmax(t->min, 0), fmax(t->max, 0)), t->den, t->parts,
		               t->over);
		return true;
	case OP_MEAN: *t = type_mean(g, n); return true;
	case OP_INPUT:
		if (g->input[n->k].kind != K_REAL)
			return false;
		*t = real_between(g->input[n->k].min, g->input[n->k].max);
		return true;
	case OP_ATTEND:
		*t = as_real(n->arg[0]);
		*t = real_between(t->min, t->max);
		return true;
	case OP_IF:
	case OP_PICK: return type_choice(n, 1, 1, t);
	case OP_READ: return type_choice(n, 0, 2, t);
	case OP_THERE: return type_choice(n, 0, 1, t);
	default: return false;
	}
}

static Real
literal_value(const Node *n)
{
	return n->op == OP_REAL ? n->real[0] : real_of(n->k, 1);
}

/* ---- functions of one stream ---- */

static const Node *
image_root(const Node *n, const Node *root, int depth)
{
	if (is_literal(n))
		return root;
	if (!n->type.real) {
		if (!n->type.root || !n->type.image || n->type.root->two_sided
		    || (root && root != n->type.root))
			return NULL;
		return n->type.root;
	}
	bool known = n->op == OP_LINEAR || n->op == OP_VALUES || n->op == OP_RELU || n->op == OP_IF;
	for (int i = 0; i < n->narg && known && depth < 50; i++) {
		const Node *r = image_root(n->arg[i], root, depth + 1);
		if (!r && !is_literal(n->arg[i]))
			return NULL;
		root = r;
	}
	return known && depth < 50 ? root : NULL;
}

/* n where its root has its i-th value. */
static Real
image_value(const Node *n, int i)
{
	if (is_literal(n))
		return literal_value(n);
	if (!n->type.real)
		return real_of(n->type.image[i], 1);
	Real x = image_value(n->arg[0], i), sum;
	switch (n->op) {
	case OP_VALUES: return n->real[(int64_t)x.x - n->k];
	case OP_RELU: return x.x > 0 ? x : (Real){ 0, 1 };
	case OP_IF: return image_value(n->arg[x.x != 0 ? 1 : 2], i);
	default: /* LINEAR: see root_of */
		sum = n->real[n->narg];
		for (int j = 0; j < n->narg; j++)
			sum = real_add(sum, real_mul(n->real[j], image_value(n->arg[j], i)));
		return sum;
	}
}

const Node *
real_image(Graph *g, const Node *n, Real **image)
{
	const Node *root = image_root(n, NULL, 0);
	int64_t grid = real_grid(&n->type);

	if (!root)
		return NULL;
	int size = root->type.nset;
	*image = arena_alloc(g->arena, sizeof **image * (size_t)size);
	for (int i = 0; i < size; i++) {
		Real x = image_value(n, i);
		bool exact = grid && fabs(x.x) * (double)grid < (double)NUM_MAX;
		(*image)[i] = exact ? real_of(llrint(x.x * (double)grid), grid) : x;
	}
	return root;
}

enum { VALUES_MAX = 65536 };

Node *
mk_values(Graph *g, Span span, int file, const Node *root, const Real *image)
{
	const Type *t = &root->type;
	Node *x = g->node[root->id];
	int64_t size = t->hi - t->lo + 1;

	if (size > VALUES_MAX)
		return NULL;
	Real *table = arena_alloc(g->arena, sizeof *table * (size_t)size);
	for (int64_t i = 0, k = 0; i < size; i++) { /* between two values, the one before */
		k += k + 1 < t->nset && t->set[k + 1] == t->lo + i;
		table[i] = image[k];
	}
	return mk_reals(g, OP_VALUES, span, file, 1, &x, t->lo, table, (int)size);
}

/* ---- folding ---- */

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

/* c times x: its parts, where it is a sum of few. */
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

static Node *
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
	return changed ? mk_reals(g, OP_LINEAR, n->span, n->file, s.n, s.x, 0, s.c, s.n + 1) : NULL;
}

/* A sum of integers alone, times its grid: an integer. NULL if it is none, or large. */
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

/* ABOVE or FLOOR of what follows from one stream: value by value, if each is exact or so
 * far from where the answer changes that no rounding matters. Else NULL. */
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
	return mk_table(g, n->span, n->file, g->node[root->id], root->type.lo, table, (int)size);
}

static Node *
fold_above(Graph *g, const Node *n)
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

static Node *
fold_floor(Graph *g, const Node *n)
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

static Node *
fold_relu(Graph *g, const Node *n)
{
	Node *x = n->arg[0];
	Type t = as_real(x);

	if (t.max <= 0)
		return mk_real(g, (Real){ 0, 1 });
	if (t.min < 0)
		return NULL;
	return mk_reals(g, OP_LINEAR, n->span, n->file, 1, &x, 0, (Real[]){ { 1, 1 }, { 0, 1 } },
	                2);
}

/* What depends on one stream alone is one table. */
static Node *
tabulated(Graph *g, const Node *draft)
{
	Node n = *draft;
	Real *image;

	real_type(g, draft, &n.type);
	const Node *root = real_image(g, &n, &image);
	return root && root->type.nset <= SET_MAX ? mk_values(g, n.span, n.file, root, image)
	                                          : NULL;
}

/* An index into constants. */
static Node *
fold_pick_real(Graph *g, const Node *n)
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
	return mk_reals(g, OP_VALUES, n->span, n->file, 1, n->arg, t->lo, table, (int)size);
}

/* The constants of what is chosen, c ? a : b, are c * (a - b) + b. */
static Node *
fold_if_real(Graph *g, const Node *n)
{
	Node *c = n->arg[0], *a = n->arg[1], *b = n->arg[2];

	if (!a->type.real || a == b || c->op == OP_CONST)
		return NULL;
	if (a->op != OP_REAL || b->op != OP_REAL)
		return tabulated(g, n);
	Real minus = real_mul(b->real[0], (Real){ -1, 1 });
	return mk_reals(g, OP_LINEAR, n->span, n->file, 1, &c, 0,
	                (Real[]){ real_add(a->real[0], minus), b->real[0] }, 2);
}

/* A number times a stream is a multiple of it; the operands stand in one order. */
static Node *
fold_times(Graph *g, Node *n)
{
	Node *x = n->arg[0], *y = n->arg[1];

	if (is_literal(x) || is_literal(y)) {
		Node *stream = is_literal(x) ? y : x;
		return mk_reals(g, OP_LINEAR, n->span, n->file, 1, &stream, 0,
		                (Real[]){ literal_value(is_literal(x) ? x : y), { 0, 1 } }, 2);
	}
	if (node_compare(x, y) > 0)
		return mk(g, OP_TIMES, n->span, n->file, 2, (Node *[]){ y, x }, 0);
	return NULL;
}

static Node *
fold_curve(Graph *g, const Node *n)
{
	if (!is_literal(n->arg[0]))
		return NULL;
	return mk_real(g, (Real){ curve_info[n->k].f(literal_value(n->arg[0]).x), 0 });
}

/* ---- means of products of what is there with what is here ---- */

static Node *
mk_mean_like(Graph *g, const Node *n, Node *e)
{
	return mk_reals(g, OP_MEAN, n->span, n->file, 2, (Node *[]){ e, n->arg[1] }, 0, n->real, 1);
}

/* What is the same at all positions that are looked at is a factor of their mean. */
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

/* The mean of a sum, term by term, where one of them is such a product. */
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
	return mk_reals(g, OP_LINEAR, n->span, n->file, e->narg, arg, 0, e->real, e->nreal);
}

/* Where nothing is selected, all of it is 0. */
static Node *
mean_in_parts(Graph *g, const Node *n)
{
	Op op = n->arg[0]->op;

	if (n->real[0].x != 0 && !is_const(n->arg[1], 1))
		return NULL;
	return op == OP_TIMES ? mean_by_factor(g, n) : op == OP_LINEAR ? mean_by_terms(g, n) : NULL;
}

static Node *
fold_mean(Graph *g, Node *n)
{
	if (is_const(n->arg[1], 0))
		return mk_real(g, n->real[0]);
	if (is_literal(n->arg[0]) && is_const(n->arg[1], 1))
		return mk_real(g, literal_value(n->arg[0]));
	return mean_in_parts(g, n);
}

/* A pass may know less of what the table is asked for than the one who made it: beyond
 * its ends it goes on as there. */
static Node *
widen_values(Graph *g, const Node *n)
{
	const Type *t = &n->arg[0]->type;
	int64_t lo = t->lo < n->k ? t->lo : n->k,
		hi = t->hi >= n->k + n->nreal ? t->hi : n->k + n->nreal - 1;

	if (hi - lo + 1 == n->nreal)
		return NULL;
	if (hi - lo >= VALUES_MAX) {
		Node *low = mk_at(g, n, OP_MIN, n->arg[0], mk_const(g, n->k + n->nreal - 1), NULL);
		Node *x = mk_at(g, n, OP_MAX, low, mk_const(g, n->k), NULL);
		return mk_reals(g, OP_VALUES, n->span, n->file, 1, &x, n->k, n->real, n->nreal);
	}
	Real *table = arena_alloc(g->arena, sizeof *table * (size_t)(hi - lo + 1));
	for (int64_t v = lo; v <= hi; v++)
		table[v - lo] = n->real[v < n->k              ? 0
		                        : v - n->k < n->nreal ? v - n->k
		                                              : n->nreal - 1];
	return mk_reals(g, OP_VALUES, n->span, n->file, 1, n->arg, lo, table, (int)(hi - lo + 1));
}

Node *
fold_real(Graph *g, Node *n)
{
	switch (n->op) {
	case OP_LINEAR: return fold_linear(g, n);
	case OP_ABOVE: return fold_above(g, n);
	case OP_FLOOR: return fold_floor(g, n);
	case OP_RELU: return fold_relu(g, n);
	case OP_IF: return fold_if_real(g, n);
	case OP_PICK: return fold_pick_real(g, n);
	case OP_MEAN: return fold_mean(g, n);
	case OP_TIMES: return fold_times(g, n);
	case OP_CURVE: return fold_curve(g, n);
	case OP_APPROX: return is_literal(n->arg[0]) ? mk_real(g, literal_value(n->arg[0])) : NULL;
	case OP_VALUES:
		if (n->arg[0]->op == OP_CONST)
			return mk_real(g, n->real[n->arg[0]->k - n->k]);
		return widen_values(g, n);
	default: return NULL;
	}
}
