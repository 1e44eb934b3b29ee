/* Reals at compile time: exact fractions while numerator and denominator are small, else
 * doubles; and which reals are functions of one stream, so that a table of them can stand
 * for the expression. */

#include "ir/internal.h"
#include "lang/int_division.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NUM_MAX ((int64_t)1 << 50) /* of its numerator, which is computed from the double */

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

Real
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

/* The value of n where its root has its i-th value. */
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
	default: /* LINEAR: image_root lets nothing else pass */
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

Node *
mk_values(Graph *g, Span span, int site, const Node *root, const Real *image)
{
	const Type *t = &root->type;
	Node *x = g->node[root->id];
	int64_t size = t->hi - t->lo + 1;

	if (size > VALUES_MAX)
		return NULL;
	Real *table = arena_alloc(g->arena, sizeof *table * (size_t)size);
	for (int64_t i = 0, k = 0; i < size;
	     i++) { /* an argument that the root never has: the entry before it, to bend less */
		k += k + 1 < t->nset && t->set[k + 1] == t->lo + i;
		table[i] = image[k];
	}
	return mk_reals(g, OP_VALUES, span, site, 1, &x, t->lo, table, (int)size);
}
