/* How many digits a number has, without waiting for its digits.
 *
 *     max(if d[i] != 0 then i + 1 else 1 for i in 0..<n)
 *
 * A greatest of few values is a sum of thresholds: 1, and 1 more if some digit from the
 * second on is not 0, and so on. "Some digit from the k-th on is not 0" says that these
 * digits make a number of at least 1. In that number, weighed 1, 10, 100 (Horner), the
 * carries between the digits cancel, and the carry that comes in from below goes by
 * compare_dividends: x + y // m >= 1 is x * m + y >= m. What is left is a comparison of
 * the column sums, for which no digit need be known. */

#include "ir/internal.h"

#include <string.h>

enum { TESTS_MAX = 64 };

/* b, p and q, where the digit d is p - b * q, of the base b; 0 if it is no digit. */
static int64_t
digit_parts(Graph *g, Node *d, Node **p, Node **q)
{
	int64_t b;

	if (d->op == OP_MOD && d->arg[1]->op == OP_CONST && d->arg[1]->k > 1) {
		*p = d->arg[0];
		*q = mk_at(g, d, OP_DIV, d->arg[0], d->arg[1], NULL);
		return d->arg[1]->k;
	}
	if (d->op != OP_SUB || !(b = remainder_divisor(d)) || d->arg[1]->op != OP_MUL)
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

/* The number that d and the digits above it make, by Horner's rule from the highest. */
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
	return mk_at(g, d, OP_ADD, p,
	             mk_times(&(Builder){ g, d }, mk_at(g, d, OP_SUB, above, q, NULL), b), NULL);
}

/* A stream r >= 0 such that x >= v just where r >= 1; NULL if there is none. */
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
	return mk(g, OP_NOT, x->span, x->site, 1, &c, 0);
}

/* Is some operand of the MAX at least v? NULL if that is no question of digits. */
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
	for (int i = 0; i < n; i++) { /* a head is the lowest digit of a number */
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
	if (sum && (sum->type.hi >= VALUE_MAX || sum->type.lo <= -VALUE_MAX))
		return NULL; /* of nineteen digits or more: its range is not known any more */
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
count_digits(Graph *g, Node *n, void *ctx)
{
	int64_t v[THRESHOLDS_MAX], below = n->type.lo;
	int nv = n->op == OP_MAX ? all_values(n, v) : 0;
	Node *sum = mk_const(g, below);
	Builder at = { g, n };

	(void)ctx;
	for (int i = 0; i < nv; i++) {
		if (v[i] <= n->type.lo)
			continue;
		Node *reached = some_at_least(g, n, v[i]);
		if (!reached)
			return n;
		sum = mk_at(g, n, OP_ADD, sum, mk_times(&at, reached, v[i] - below), NULL);
		below = v[i];
	}
	return nv && sum->type.lo >= n->type.lo && sum->type.hi <= n->type.hi ? sum : n;
}

/* Needs: flatten_carries, which makes digits of carries. Invalidates: nothing. */
void
pass_digit_count(Graph *g, Diags *ds)
{
	(void)ds;
	rewrite_graph(g, count_digits, NULL);
}
