/* A comparison with a quotient becomes one with its dividend.
 *
 *     x + y // m >= t   is   x * m + y >= t * m
 *
 * for integers, since y // m >= k just where y >= k * m (Graham, Knuth and Patashnik,
 * "Concrete Mathematics", 3.2: floors and inequalities). The comparison then does not wait
 * for the division. */

#include "ir/internal.h"

/* A quotient by a constant that the sum adds or subtracts once; its sign in *c. */
static const Node *
one_carry(const Affine *a, int64_t *c)
{
	for (int i = 0; i < a->n; i++) {
		const Node *d = a->term[i].n;
		*c = a->term[i].c;
		if ((*c == 1 || *c == -1) && d->op == OP_DIV && d->arg[1]->op == OP_CONST
		    && d->arg[1]->k > 1)
			return d;
	}
	return NULL;
}

/* n >= t without the divisions in n, as often as it goes:
 *     x + y // m >= t   is   x * m + y >= t * m
 *     x - y // m >= t   is   (x - t + 1) * m - y >= 1 */
Node *
at_least(Graph *g, const Node *at, Node *n, int64_t t)
{
	Builder b = { g, at };
	Affine a;
	int64_t sign;
	const Node *carry;

	for (n = simplified(g, n); affine_of(n, &a) && (carry = one_carry(&a, &sign));) {
		int64_t m = carry->arg[1]->k;
		Node *rest = mk_at(g, at, sign > 0 ? OP_SUB : OP_ADD, n, (Node *)carry, NULL);
		if (sign < 0)
			rest = mk_at(g, at, OP_ADD, rest, mk_const(g, 1 - t), NULL);
		Node *wide = mk_at(g, at, sign > 0 ? OP_ADD : OP_SUB, mk_times(&b, rest, m),
		                   carry->arg[0], NULL);
		wide = simplified(g, wide);
		if (wide->type.hi >= VALUE_MAX || wide->type.lo <= -VALUE_MAX)
			break;
		n = wide;
		t = sign > 0 ? t * m : 1;
	}
	return mk_at(g, at, OP_LT, mk_const(g, t - 1), n, NULL);
}

/* a < b, where the difference waits for a quotient. */
static Node *
compare_dividend(Graph *g, Node *n, void *ctx)
{
	Affine a;
	int64_t sign;
	(void)ctx;
	if (n->op != OP_LT || n->two_sided)
		return n;
	Node *difference = mk_at(g, n, OP_SUB, n->arg[1], n->arg[0], NULL);

	Op root = n->type.root ? n->type.root->op : OP_CONST;
	if (root == OP_TOKEN || root == OP_INDEX || !affine_of(difference, &a)
	    || !one_carry(&a, &sign))
		return n;
	return at_least(g, n, difference, 1);
}

/* Needs: nothing. Guarantees: no comparison waits for a division that one of larger
 * numbers can do without. Invalidates: nothing. */
void
pass_compare_dividends(Graph *g, Diags *ds)
{
	(void)ds;
	rewrite_graph(g, compare_dividend, NULL);
}
