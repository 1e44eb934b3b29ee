/* Chains of remainders become one remainder of a longer sum, and chains of exclusive ors, which are
 * remainders by 2, too.
 *
 *     ((x % 7) * 3 + y) % 7     is   (3 x + y) % 7
 *     (a != b) != c             is   (a + b + c) % 2
 *
 * since c (y % m) and c y leave the same remainder by m (Graham, Knuth and Patashnik, "Concrete
 * Mathematics", 4.6: congruences are added and multiplied). A fold of n such steps is then one
 * function of one sum, in one layer, in place of n. Coefficients are taken modulo m, as near to 0
 * as they go, so that the sum stays short: a neuron or two for each m that it may reach.
 *
 * An exclusive or is a != b, a == b with one of them negated, (a and not b) or (b and not a), and
 * if a then not b else b. */

#include "ir/internal.h"

enum {
	FEW_LEAVES = 3,  /* of an exclusive or within a sum; */
	MANY_LEAVES = 5, /* of one by itself */
	SPAN_FREE = 32,  /* times m: what a sum may range over; more, */
	SPAN_MOST = 256, /* while all of them together */
	SPAN_ALL = 4096, /* are no more than this: of a scan all remainders are read */
};

static bool
takes_remainder(const Node *n)
{
	return n->op == OP_MOD && n->arg[1]->op == OP_CONST && n->arg[1]->k >= 2 && !n->two_sided;
}

/* ---- exclusive or ---- */

/* x, if n is NOT x; else NULL. */
static Node *
negated(const Node *n)
{
	return n->op == OP_NOT ? n->arg[0] : NULL;
}

/* Of a choice between x and NOT x. */
static bool
is_choice_of_opposites(const Node *n, Node **x, bool *odd)
{
	if (n->op != OP_IF || !is_bool(n->arg[1]) || !is_bool(n->arg[2]))
		return false;
	if (negated(n->arg[1]) == n->arg[2]) { /* if a then not x else x */
		*x = n->arg[2];
		*odd = true;
	} else if (negated(n->arg[2]) == n->arg[1]) {
		*x = n->arg[1];
		*odd = false;
	} else {
		return false;
	}
	return true;
}

/* Does one of the two hold just where the other fails? */
static bool
are_opposites(const Node *a, const Node *b)
{
	return negated(a) == b || negated(b) == a;
}

/* (a and b) or (not a and not b), a or b itself being negated or not. */
static bool
is_or_of_opposites(const Node *n)
{
	if (n->op != OP_OR || n->narg != 2)
		return false;
	const Node *x = n->arg[0], *y = n->arg[1];
	return x->op == OP_AND && y->op == OP_AND && x->narg == 2 && y->narg == 2
	       && ((are_opposites(x->arg[0], y->arg[0]) && are_opposites(x->arg[1], y->arg[1]))
	           || (are_opposites(x->arg[0], y->arg[1]) && are_opposites(x->arg[1], y->arg[0])));
}

/* Is n the exclusive or of two conditions, or (not odd) its opposite? */
static bool
as_exclusive_or(const Node *n, Node **a, Node **b, bool *odd)
{
	bool pair = n->op == OP_EQ && is_bool(n->arg[0]) && is_bool(n->arg[1]);

	if (n->two_sided || n->type.real)
		return false;
	*odd = false;
	if (is_choice_of_opposites(n, b, odd)) {
		*a = n->arg[0];
		return is_bool(*a);
	}
	const Node *from = is_or_of_opposites(n) ? n->arg[0] : pair ? n : NULL;
	if (!from)
		return false;
	*a = from->arg[0];
	*b = from->arg[1];
	return (*a)->op != OP_CONST && (*b)->op != OP_CONST;
}

/* How many conditions n is the exclusive or of, as far as that is seen in so many. */
static int
parity_leaves(const Node *n, int most)
{
	Node *a, *b;
	bool odd;

	if (n->op == OP_NOT)
		return parity_leaves(n->arg[0], most);
	if (takes_remainder(n) && n->arg[1]->k == 2)
		return most;
	if (most < 2 || !as_exclusive_or(n, &a, &b, &odd))
		return 1;
	int first = parity_leaves(a, most);
	return first >= most ? first : first + parity_leaves(b, most - first);
}

/* As a remainder, where it is of many conditions; else n. Few are one truth table. */
static Node *
parity_of(Graph *g, Node *n)
{
	Node *a, *b;
	bool odd;

	if (parity_leaves(n, MANY_LEAVES) < MANY_LEAVES || !as_exclusive_or(n, &a, &b, &odd))
		return n;
	Node *sum = mk_at(g, n, OP_ADD, mk_at(g, n, OP_ADD, a, b, NULL), mk_const(g, !odd), NULL);
	return mk_at(g, n, OP_MOD, sum, mk_const(g, 2), NULL);
}

/* ---- remainders of sums ---- */

/* c modulo m, as near to 0 as it goes. */
static int64_t
nearest_residue(int64_t c, int64_t m)
{
	c %= m;
	if (c > m / 2)
		return c - m;
	return c < -((m - 1) / 2) ? c + m : c;
}

static void
reduce_terms(Affine *a, int64_t m)
{
	int n = 0;

	for (int i = 0; i < a->n; i++) {
		a->term[n] = a->term[i];
		a->term[n].c = nearest_residue(a->term[i].c, m);
		n += a->term[n].c != 0;
	}
	a->n = n;
	a->c = nearest_residue(a->c, m);
}

static __int128
span_of(const Affine *a)
{
	__int128 span = 0;

	for (int i = 0; i < a->n; i++) {
		__int128 c = a->term[i].c;
		span += (c < 0 ? -c : c) * (a->term[i].n->type.hi - a->term[i].n->type.lo);
	}
	return span;
}

/* Adds c times a sum that is odd where n is 1. */
static bool
add_leaves(Affine *to, int64_t c, const Node *n)
{
	Node *a, *b;
	bool odd;

	if (n->op == OP_NOT) {
		to->c += c;
		return add_leaves(to, -c, n->arg[0]);
	}
	if (!as_exclusive_or(n, &a, &b, &odd))
		return affine_add(to, c, n);
	to->c += c * !odd;
	return add_leaves(to, c, a) && add_leaves(to, c, b);
}

/* Puts the sum in the place of term i, a remainder by a multiple of m, or by 2 an exclusive or;
 * false if that is none, or too long. */
static bool
open_term(Affine *a, int i, int64_t m)
{
	const Node *n = a->term[i].n;
	int64_t c = a->term[i].c;
	bool parity = m == 2 && parity_leaves(n, FEW_LEAVES) == FEW_LEAVES;

	if (!parity && (!takes_remainder(n) || (__int128)c * n->arg[1]->k % m))
		return false;
	a->term[i] = a->term[--a->n];
	return takes_remainder(n) ? affine_add(a, c, n->arg[0]) : add_leaves(a, c, n);
}

/* The sum without remainders as far as it stays short; false where nothing is gained. */
static bool
open_remainders(Affine *a, int64_t m, int64_t span_most)
{
	Affine longer;
	bool any = false;

	for (int i = 0; i < a->n;) {
		longer = *a;
		bool opened = open_term(&longer, i, m);
		if (opened)
			reduce_terms(&longer, m);
		if (!opened || span_of(&longer) > span_most) {
			i++;
			continue;
		}
		*a = longer;
		any = true;
		i = 0;
	}
	return any;
}

static Node *
sum_of_affine(Graph *g, const Node *at, const Affine *a)
{
	Builder b = { g, at };
	Node *sum = mk_const(g, a->c);

	for (int i = 0; i < a->n; i++)
		sum = mk2(&b, OP_ADD, sum, mk_times(&b, (Node *)a->term[i].n, a->term[i].c));
	return sum;
}

static Node *
flatten_remainder(Graph *g, Node *n, void *ctx)
{
	int64_t *spent = ctx; /* the spans so far, over m */

	n = parity_of(g, n);
	if (!takes_remainder(n))
		return n;
	Affine a;
	int64_t m = n->arg[1]->k;
	if (m > SET_MAX || !affine_of(n->arg[0], &a))
		return n;
	reduce_terms(&a, m);
	int64_t free = *spent < SPAN_ALL ? SPAN_MOST : SPAN_FREE;
	if (!open_remainders(&a, m, free * m))
		return n;
	*spent += (int64_t)(span_of(&a) / m);
	return mk_at(g, n, OP_MOD, sum_of_affine(g, n, &a), n->arg[1], NULL);
}

/* Needs: nothing. Guarantees: no sum that a remainder is taken of has a remainder in it that could
 * be left out cheaply. Invalidates: nothing. */
void
pass_flatten_remainders(Graph *g, Diags *ds)
{
	int64_t spent = 0;

	(void)ds;
	rewrite_graph(g, flatten_remainder, &spent);
}
