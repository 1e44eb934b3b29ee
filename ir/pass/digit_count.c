/* How long a number is, without waiting for its digits.
 *
 *     size   max(if d[i] != 0 then i + 1 else 1 for i in 0..<n)
 *
 * A greatest of few values is a sum of thresholds, and "some digit from the k-th on
 * is not 0" is "the digits from the k-th on make a number of at least 1". With
 * weights 1, 10, 100 the carries between those digits cancel, and of the carry that
 * comes in, x + y // m >= 1 is x * m + y >= m: a comparison of the column sums, for
 * which no digit need be known. */

#include "ir/internal.h"

#include <string.h>

enum { TESTS_MAX = 64 };

static Node *
times(Graph *g, const Node *at, Node *x, int64_t by)
{
	return mk_at(g, at, OP_MUL, x, mk_const(g, by), NULL);
}

/* p and q where the digit d is p - b * q. */
static int64_t
digit_parts(Graph *g, Node *d, Node **p, Node **q)
{
	int64_t b;

	if (d->op == OP_MOD && d->arg[1]->op == OP_CONST && d->arg[1]->k > 1) {
		*p = d->arg[0];
		*q = mk_at(g, d, OP_DIV, d->arg[0], d->arg[1], NULL);
		return d->arg[1]->k;
	}
	if (d->op != OP_SUB || !(b = remainder_of(d)) || d->arg[1]->op != OP_MUL)
		return 0;
	*p = d->arg[0];
	*q = d->arg[1]->arg[0];
	return d->arg[1]->arg[1]->op == OP_CONST && d->arg[1]->arg[1]->k == b ? b : 0;
}

static bool
adds(const Node *n, const Node *carry)
{
	Affine a;

	if (!affine_of(n, &a))
		return false;
	for (int i = 0; i < a.n; i++)
		if (a.term[i].n == carry && a.term[i].c == 1)
			return true;
	return false;
}

/* The number that d and the digits above it make: Horner from the top. */
static Node *
number_from(Graph *g, Node *const *digit, int n, Node *d, bool *used, int depth)
{
	Node *p, *q, *above = NULL;
	int64_t b = digit_parts(g, d, &p, &q);

	if (!b || depth == n)
		return d;
	for (int i = 0; i < n && !above; i++) {
		Node *ep, *eq;
		bool next = digit[i] == q || (digit_parts(g, digit[i], &ep, &eq) && adds(ep, q));
		if (digit[i] == d || used[i] || !next)
			continue;
		used[i] = true;
		above = number_from(g, digit, n, digit[i], used, depth + 1);
	}
	if (!above)
		return d;
	return mk_at(g, d, OP_ADD, p, times(g, d, mk_at(g, d, OP_SUB, above, q, NULL), b), NULL);
}

/* A division by a constant that n adds or subtracts once; its sign in *c. */
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
	Affine a;
	int64_t sign;
	const Node *carry;

	for (n = simplified(g, n); affine_of(n, &a) && (carry = one_carry(&a, &sign));) {
		int64_t m = carry->arg[1]->k;
		Node *rest = mk_at(g, at, sign > 0 ? OP_SUB : OP_ADD, n, (Node *)carry, NULL);
		if (sign < 0)
			rest = mk_at(g, at, OP_ADD, rest, mk_const(g, 1 - t), NULL);
		Node *wide = mk_at(g, at, sign > 0 ? OP_ADD : OP_SUB, times(g, at, rest, m),
		                   carry->arg[0], NULL);
		wide = simplified(g, wide);
		if (wide->type.hi >= VALUE_MAX || wide->type.lo <= -VALUE_MAX)
			break;
		n = wide;
		t = sign > 0 ? t * m : 1;
	}
	return mk_at(g, at, OP_LT, mk_const(g, t - 1), n, NULL);
}

/* The stream r, at least 0, for which x >= v is r >= 1; NULL if there is none. */
static Node *
tested_for_zero(Graph *g, const Node *x, int64_t v)
{
	if (x->op != OP_IF || x->arg[1]->op != OP_CONST || x->arg[2]->op != OP_CONST)
		return NULL;
	Node *c = x->arg[0];
	bool yes = x->arg[1]->k >= v, no = x->arg[2]->k >= v;
	if (yes == no)
		return NULL;
	if (yes)
		return c;
	if (c->op == OP_EQ && is_const(c->arg[1], 0) && c->arg[0]->type.lo == 0)
		return c->arg[0];
	return mk(g, OP_NOT, x->span, x->file, 1, &c, 0);
}

/* Is one of x[] at least v? NULL where that is no question of digits. */
static Node *
some_at_least(Graph *g, const Node *at, int64_t v)
{
	Node *digit[TESTS_MAX], *sum = NULL;
	bool used[TESTS_MAX] = { false }, head[TESTS_MAX];
	int n = 0;

	for (int i = 0; i < at->narg; i++) {
		if (at->arg[i]->type.hi < v)
			continue;
		Node *r = tested_for_zero(g, at->arg[i], v);
		if (!r || n == TESTS_MAX)
			return NULL;
		digit[n++] = r;
	}
	for (int i = 0; i < n; i++) { /* a head is above no other digit */
		head[i] = true;
		for (int k = 0; k < n; k++) {
			Node *p, *q, *ep, *eq;
			if (k != i && digit_parts(g, digit[k], &p, &q)
			    && (digit[i] == q
			        || (digit_parts(g, digit[i], &ep, &eq) && adds(ep, q))))
				head[i] = false;
		}
	}
	for (int i = 0; i < n; i++) {
		if (!head[i])
			continue;
		used[i] = true;
		Node *number = number_from(g, digit, n, digit[i], used, 0);
		sum = sum ? mk_at(g, at, OP_ADD, sum, number, NULL) : number;
	}
	for (int i = 0; i < n; i++)
		if (!used[i])
			return NULL;
	if (!sum || sum->type.lo < 0)
		sum = sum ? simplified(g, sum) : NULL;
	return sum ? at_least(g, at, sum, 1) : NULL;
}

int
all_values(const Node *n, int64_t v[THRESHOLDS_MAX])
{
	int nv = 0;

	for (int i = 0; i < n->narg; i++) {
		const Type *t = &n->arg[i]->type;
		if (!t->nset)
			return 0;
		for (int k = 0; k < t->nset; k++) {
			int at = 0;
			while (at < nv && v[at] < t->set[k])
				at++;
			if (at < nv && v[at] == t->set[k])
				continue;
			if (nv == THRESHOLDS_MAX)
				return 0;
			memmove(v + at + 1, v + at, sizeof *v * (size_t)(nv - at));
			v[at] = t->set[k];
			nv++;
		}
	}
	return nv;
}

static Node *
size1(Graph *g, Node *n, void *ctx)
{
	int64_t v[THRESHOLDS_MAX], below = n->type.lo;
	int nv = n->op == OP_MAX ? all_values(n, v) : 0;
	Node *sum = mk_const(g, below);

	(void)ctx;
	for (int i = 0; i < nv; i++) {
		if (v[i] <= n->type.lo)
			continue;
		Node *reached = some_at_least(g, n, v[i]);
		if (!reached)
			return n;
		sum = mk_at(g, n, OP_ADD, sum, times(g, n, reached, v[i] - below), NULL);
		below = v[i];
	}
	return nv && sum->type.lo >= n->type.lo && sum->type.hi <= n->type.hi ? sum : n;
}

/* Needs: flatten, which makes digits of carries. Invalidates: nothing. */
void
pass_size(Graph *g, Diags *ds)
{
	(void)ds;
	rewrite(g, size1, NULL);
}

/* a < b where a division stands in the way. */
static Node *
compare1(Graph *g, Node *n, void *ctx)
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
pass_compare(Graph *g, Diags *ds)
{
	(void)ds;
	rewrite(g, compare1, NULL);
}
