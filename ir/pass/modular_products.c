/* A product that only a remainder reads need be right modulo its divisor alone.
 *
 *     x * y % m     is     (p(x + y) - p(x - y)) % m
 *
 * where p(z) leaves the same remainder as the quarter square z * z // 4, since x * y is the
 * difference of those two (quarter squares: Glaisher, "The method of quarter squares", 1889). The
 * quarter squares of numbers below 100 go up to 9,801, and taking the remainder by 100 takes 98
 * steps, whose terms are large. A p that stays near 0 has a bend where the quarter square has one,
 * and some more where it turns back, and leaves a few steps to the remainder. What is chosen
 * between, added up, or multiplied by a constant before the remainder is taken is gone through. */

#include "ir/internal.h"
#include "lang/int_division.h"
#include "lang/pointer_map.h"

#include <stdlib.h>

enum {
	WORTH = 16,    /* a product of less than so many times the divisor is left as it is */
	DEEPEST = 32,  /* choices and sums that are gone through, */
	NESTED = 8,    /* choices between remainders that are there */
	SPAN_MOST = 64 /* times the divisor: how far p may be from 0 */
};

/* p by its values at lo, lo + 1 ... */
typedef struct CongruentLine {
	int64_t lo, *p;
	int n, bends;
	Range range;
} CongruentLine;

/* The number that leaves the same remainder by m as x, and is at least lo and less than lo + m. */
static int64_t
congruent_from(int64_t lo, int64_t x, int64_t m)
{
	int64_t r = (x - lo) % m;

	return lo + (r < 0 ? r + m : r);
}

/* What follows `at` where the quarter square goes up by `rise`: with the flattest slope, or where
 * that leads further than `span` away, at the other end. */
static int64_t
next_congruent(int64_t at, int64_t rise, int64_t m, int64_t span)
{
	int64_t next = at + congruent_from(-(m / 2), rise, m);

	if (next > span)
		return congruent_from(-span, next, m);
	return next < -span ? congruent_from(span - m + 1, next, m) : next;
}

/* A line over lo..hi that is at most `span` from 0. */
static CongruentLine
congruent_line(Graph *g, int64_t lo, int64_t hi, int64_t m, int64_t span)
{
	CongruentLine l = { .lo = lo, .n = (int)(hi - lo) + 1 };
	int64_t slope = 0;

	l.p = NEWS(g->arena, int64_t, l.n);
	l.p[0] = congruent_from(-(m / 2), lo * lo / 4, m);
	l.range = (Range){ l.p[0], l.p[0] };
	for (int i = 1; i < l.n; i++) {
		int64_t x = lo + i, rise = x * x / 4 - (x - 1) * (x - 1) / 4;
		l.p[i] = next_congruent(l.p[i - 1], rise, m, span);
		l.bends += i == 1 || l.p[i] - l.p[i - 1] != slope;
		slope = l.p[i] - l.p[i - 1];
		l.range.lo = min_int64(l.p[i], l.range.lo);
		l.range.hi = max_int64(l.p[i], l.range.hi);
	}
	return l;
}

static Node *
node_of_line(Graph *g, const Node *at, Node *x, const CongruentLine *l)
{
	return mk_table(g, at->span, at->site, x, l->lo, l->p, l->n);
}

/* The neurons that two lines take, and the steps of the remainder after them. */
static int64_t
cost_of_lines(const CongruentLine *plus, const CongruentLine *minus, int64_t m)
{
	int64_t wide = plus->range.hi - plus->range.lo + minus->range.hi - minus->range.lo;

	return plus->bends + minus->bends + 2 * (wide / m);
}

/* A node with the same remainder by m as the product n. */
static Node *
congruent_product(Graph *g, Node *n, int64_t m)
{
	Node *x = n->arg[0], *y = n->arg[1];
	Node *sum = mk_at(g, n, OP_ADD, x, y, NULL), *less = mk_at(g, n, OP_SUB, x, y, NULL);
	CongruentLine best[2] = { { 0 } };
	int64_t least = INT64_MAX;

	for (int64_t span = 1; span <= SPAN_MOST; span *= 2) {
		CongruentLine l[2] = {
			congruent_line(g, sum->type.lo, sum->type.hi, m, span * m),
			congruent_line(g, less->type.lo, less->type.hi, m, span * m),
		};
		int64_t cost = cost_of_lines(&l[0], &l[1], m);
		if (cost >= least)
			continue;
		least = cost;
		best[0] = l[0];
		best[1] = l[1];
	}
	return mk_at(g, n, OP_SUB, node_of_line(g, n, sum, &best[0]),
	             node_of_line(g, n, less, &best[1]), NULL);
}

static bool
outgrows_divisor(const Node *n, int64_t m)
{
	if (n->op != OP_MUL)
		return false;
	const Type *x = &n->arg[0]->type, *y = &n->arg[1]->type;
	return x->nset != 1 && y->nset != 1 && x->hi - x->lo > 2 && y->hi - y->lo > 2
	       && x->hi - x->lo + y->hi - y->lo < SET_MAX && llabs(x->lo) < SET_MAX
	       && llabs(y->lo) < SET_MAX && n->type.hi - n->type.lo >= WORTH * m;
}

/* One divisor, and what has been made smaller for it. */
typedef struct Divisor {
	Graph *g;
	int64_t m;
	bool found; /* a large product, so far */
	Map done;   /* from a node to one of the same remainder, */
	Map rest;   /* and to its remainder, where there is one */
} Divisor;

static Node *congruent_node(Divisor *, Node *, int depth);

/* The same of c times x, which needs x modulo less. */
static Node *
congruent_multiple(Divisor *d, Node *n, int depth)
{
	Divisor less = { .g = d->g, .m = d->m / (int64_t)gcd(n->arg[1]->k, d->m) };

	if (less.m == 1)
		return mk_const(d->g, 0);
	Node *x = congruent_node(&less, n->arg[0], depth + 1);
	return x == n->arg[0] ? n : mk_at(d->g, n, OP_MUL, x, n->arg[1], NULL);
}

static Node *
congruent_parts(Divisor *d, Node *n, int depth)
{
	int from = n->op == OP_IF;

	if (n->op == OP_MUL && n->arg[1]->op == OP_CONST)
		return congruent_multiple(d, n, depth);
	if (outgrows_divisor(n, d->m)) {
		d->found = true;
		return congruent_product(d->g, n, d->m);
	}
	if (n->op != OP_ADD && n->op != OP_SUB && n->op != OP_IF)
		return n;
	Node *x = congruent_node(d, n->arg[from], depth + 1);
	Node *y = congruent_node(d, n->arg[from + 1], depth + 1);
	if (x == n->arg[from] && y == n->arg[from + 1])
		return n;
	return from ? mk_at(d->g, n, OP_IF, n->arg[0], x, y) : mk_at(d->g, n, n->op, x, y, NULL);
}

/* A node with the same remainder as n; n itself where no large product is in it. */
static Node *
congruent_node(Divisor *d, Node *n, int depth)
{
	bool is_function = n->type.root && n->type.root != n; /* and so mapped as one */

	if (n->two_sided || n->type.real || is_function || depth > DEEPEST
	    || n->type.hi - n->type.lo < WORTH * d->m)
		return n;
	Node *same = map_get(&d->done, n);
	if (!same) {
		same = congruent_parts(d, n, depth);
		map_put(d->g->arena, &d->done, n, same);
	}
	return same;
}

/* The remainder of n as a choice of remainders that are there already: what a stack keeps is not
 * copied as the product that it came from. NULL where one is missing. */
static Node *
known_remainder(Divisor *d, Node *n, int depth)
{
	if (n->type.lo >= 0 && n->type.hi < d->m)
		return n;
	Node *there = map_get(&d->rest, n);
	if (there || n->op != OP_IF || depth > NESTED)
		return there;
	Node *x = known_remainder(d, n->arg[1], depth + 1);
	Node *y = x ? known_remainder(d, n->arg[2], depth + 1) : NULL;
	return y ? mk_at(d->g, n, OP_IF, n->arg[0], x, y) : NULL;
}

static Node *
shrink_products(Graph *g, Node *n, void *ctx)
{
	Divisor *d = ctx;

	if (n->op != OP_MOD || n->arg[1]->op != OP_CONST || n->arg[1]->k < 2 || n->two_sided)
		return n;
	if (d->m != n->arg[1]->k)
		*d = (Divisor){ .g = g, .m = n->arg[1]->k };
	Node *rest = d->found ? known_remainder(d, n->arg[0], 0) : NULL;
	if (!rest) {
		Node *x = congruent_node(d, n->arg[0], 0);
		rest = x == n->arg[0] ? n : mk_at(g, n, OP_MOD, x, n->arg[1], NULL);
	}
	map_put(g->arena, &d->rest, n->arg[0], rest);
	return rest;
}

/* Needs: remainders that are not taken apart any more. Guarantees: no product that only a
 * remainder reads is large. Invalidates: nothing. */
void
pass_modular_products(Graph *g, Diags *ds)
{
	Divisor d = { .g = g };

	(void)ds;
	rewrite_graph(g, shrink_products, &d);
}
