/* What a division does not mix stands outside of it.
 *
 *     (12 x + 4 y + z) // 4   is   3 x + y, where z is 0..3
 *     (12 x + 4 y + z) % 4    is   z
 *
 * (Graham, Knuth and Patashnik, "Concrete Mathematics", 3.2: floor(x + n) = floor(x) + n). So
 * digits of a sum of digits are those digits: bit 3 of b0 + 2 b1 + 4 b2 + 8 b3 is b3, and costs
 * nothing. */

#include "ir/internal.h"

/* Do the terms that are no multiples of m, and k, stay within 0..m - 1 together? */
static bool
rest_is_below(const Affine *a, int64_t k, int64_t m)
{
	__int128 lo = k, hi = k;

	for (int i = 0; i < a->n; i++) {
		const Type *t = &a->term[i].n->type;
		__int128 c = a->term[i].c;
		if (c % m == 0)
			continue;
		lo += c * (c > 0 ? t->lo : t->hi);
		hi += c * (c > 0 ? t->hi : t->lo);
	}
	return lo >= 0 && hi < m;
}

/* The sum of the terms that are multiples of m, divided by it, or of all others; and k. */
static Node *
sum_of_some_terms(Graph *g, const Node *at, const Affine *a, int64_t m, bool multiples, int64_t k)
{
	Node *sum = mk_const(g, k);

	for (int i = 0; i < a->n; i++) {
		const AffineTerm *t = &a->term[i];
		if ((t->c % m == 0) != multiples)
			continue;
		Node *c = mk_const(g, multiples ? t->c / m : t->c);
		sum = mk_at(g, at, OP_ADD, sum, mk_at(g, at, OP_MUL, (Node *)t->n, c, NULL), NULL);
	}
	return sum;
}

Node *
terms_divided(Graph *g, Node *n)
{
	Affine a;
	int64_t m = 0;

	if ((n->op != OP_DIV && n->op != OP_MOD) || n->two_sided || n->arg[1]->op != OP_CONST
	    || (m = n->arg[1]->k) < 2 || !affine_of(n->arg[0], &a) || a.n < 2)
		return n;
	int64_t k = a.c % m < 0 ? a.c % m + m : a.c % m;
	if (!rest_is_below(&a, k, m))
		return n;
	return n->op == OP_MOD ? sum_of_some_terms(g, n, &a, m, false, k)
	                       : sum_of_some_terms(g, n, &a, m, true, (a.c - k) / m);
}

static Node *
divide_terms(Graph *g, Node *n, void *ctx)
{
	(void)ctx;
	return terms_divided(g, n);
}

/* Needs: nothing. Guarantees: no quotient is a sum of terms of its dividend. Invalidates: nothing.
 */
void
pass_divide_terms(Graph *g, Diags *ds)
{
	(void)ds;
	rewrite_graph(g, divide_terms, NULL);
}
