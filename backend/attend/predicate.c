/* Conditions of what a head looks for, as scores.
 *
 * A condition is a conjunction of literals, and each that fails costs W or more. A literal about
 * the position looked at (there) takes W from its key; one about the position that looks (here)
 * lifts <bos> by W; one that relates the two is an equality in a code of bits, or a bilinear form
 * (bilinear.c) that is W where it fails. */

#include "backend/attend/attend.h"

#include <string.h>

enum {
	FEW_BITS = 4, /* from two to so many bits, an equality is one-hot: a dimension for each
	                 value */
	MOST_BITS = 12,
};

static bool
is_zero_form(const Form *f)
{
	return form_is_const(f) && (f->real ? f->real->k == 0 : f->k == 0);
}

/* The dimension that a constant is asked of already, -1 if there is none. */
static int
constant_dim(const Lookup *s, const Form *q, const Form *k)
{
	for (int i = 0; i < s->ndim && form_is_const(q) && !q->real && !k->real; i++)
		if (form_is_const(s->q[i]) && !s->q[i]->real && !s->k[i]->real
		    && s->q[i]->k == q->k)
			return i;
	return -1;
}

/* What is asked in the same way wherever one looks is one dimension together. */
void
add_dim(Circuit *c, Lookup *s, const Form *q, const Form *k)
{
	if (is_zero_form(q) || is_zero_form(k))
		return;
	int ready = max_int(q->ready, k->ready), same = constant_dim(s, q, k);
	s->ready = max_int(ready, s->ready);
	if (same >= 0) {
		s->k[same] = form_add(c, 1, s->k[same], 1, k, 0);
		return;
	}
	GROW(c->arena, s->q, s->capq, s->ndim + 1);
	GROW(c->arena, s->k, s->capk, s->ndim + 1);
	s->q[s->ndim] = q;
	s->k[s->ndim++] = k;
}

/* ---- literals ---- */

static bool
add_literal(Circuit *c, Conjunction *w, Node *n)
{
	if (n->op == OP_AND) {
		for (int i = 0; i < n->narg; i++)
			if (!add_literal(c, w, n->arg[i]))
				return false;
		return true;
	}
	if (w->nthere == 32 || w->nhere == 32 || w->nboth == 32)
		return false;
	switch (side(n)) {
	case NEITHER:
	case ON_HERE: w->here[w->nhere++] = n; break;
	case ON_THERE: w->there[w->nthere++] = replace_there(c->g, n, NULL); break;
	case ON_BOTH: w->both[w->nboth++] = n; break;
	}
	return true;
}

static bool
is_place_there(const Node *n)
{
	return n->op == OP_THERE && n->arg[0]->op == OP_INDEX;
}

Node *
order_bound(Node *n)
{
	return n->op == OP_LT && is_place_there(n->arg[0]) && !n->arg[1]->two_sided ? n->arg[1]
	                                                                            : NULL;
}

/* The FIRST whose position n is the number of, if its condition speaks of there alone; else NULL.
 */
static Node *
number_of_first(const Node *n)
{
	if (!n || n->op != OP_READ || n->arg[0]->op != OP_INDEX || n->k)
		return NULL;
	return n->arg[1]->op == OP_FIRST && side(n->arg[1]->arg[0]) == ON_THERE ? n->arg[1] : NULL;
}

/* `j < p` or `j > p`, where p is the first position of its kind and is known to exist: a flag of
 * j alone, since the first of that kind that j can see is p, or there is none yet. */
static bool
add_first_bound(Circuit *c, Conjunction *w, Node *n)
{
	bool after = n->op == OP_LT && is_place_there(n->arg[1]) && !n->arg[0]->two_sided;
	Node *bound = after ? n->arg[0] : order_bound(n), *p = number_of_first(bound);

	if (c->g->bidirectional || !p || w->nhere == 32 || w->nthere == 32)
		return false;
	Node *there = make_found(c, n, p, 0);
	bool known = !after && bound->arg[2]->type.hi <= 0;
	for (int i = 0; i < w->nhere && !known; i++)
		known = w->here[i] == there;
	if (!known)
		return false;
	w->here[w->nhere++] = there;
	if (after) {
		Node *never = mk_const(c->g, c->g->context), *index = bound->arg[0];
		Node *number = mk_at(c->g, n, OP_READ, index, p, never);
		w->there[w->nthere++] = mk_at(c->g, n, OP_LT, number, index, NULL);
	} else {
		w->there[w->nthere++] = mk_at(c->g, n, OP_NOT, there, NULL, NULL);
	}
	return true;
}

static const Form *
node_deficit(Circuit *c, Node *n)
{
	return form_scale(c, -1, map_node(c, n), 1);
}

/* How many bits tell the values of two streams apart, counted from the least. */
static int
bits_for_both(const Node *x, const Node *y, int64_t *least)
{
	int64_t lo = min_int64(x->type.lo, y->type.lo);
	int64_t hi = max_int64(x->type.hi, y->type.hi);
	int bits = 0;

	*least = lo;
	while (bits < 62 && (hi - lo) >> bits)
		bits++;
	return bits;
}

const Form *
sign_of_bit(Circuit *c, Node *x, int64_t least, int i)
{
	Node *bit = mk_at(c->g, x, OP_SUB, x, mk_const(c->g, least), NULL);

	bit = terms_divided(c->g,
	                    mk_at(c->g, x, OP_DIV, bit, mk_const(c->g, (int64_t)1 << i), NULL));
	bit = terms_divided(c->g, mk_at(c->g, x, OP_MOD, bit, mk_const(c->g, 2), NULL));
	return form_scale(c, 2, map_node(c, bit), -1);
}

/* Is n an equality of x there and y here that is asked bit by bit? */
static bool
is_equality_of_bits(Node *n, Node **x, Node **y, int64_t *least, int *bits)
{
	bool swap = n->op == OP_EQ && side(n->arg[0]) != ON_THERE;

	if (n->op != OP_EQ || side(n->arg[swap]) != ON_THERE || side(n->arg[!swap]) & ON_THERE)
		return false;
	*x = n->arg[swap];
	*y = n->arg[!swap];
	*bits = bits_for_both(*x, *y, least);
	return *bits == 1 || (*bits > FEW_BITS && *bits <= MOST_BITS);
}

/* Adds up the products of the signs of all bits, less their number: 0 where x there equals y
 * here, and w less for each bit in which they differ. */
static bool
add_equality(Circuit *c, Lookup *s, Node *n, int64_t w)
{
	Node *x, *y;
	int64_t least;
	int bits;

	if (!is_equality_of_bits(n, &x, &y, &least, &bits))
		return false;
	x = replace_there(c->g, x, NULL);
	for (int i = 0; i < bits; i++) {
		const Form *q = sign_of_bit(c, y, least, i), *k = sign_of_bit(c, x, least, i);
		add_dim(c, s, q, form_set_bos(c, form_scale(c, w / 2, k, 0), 0));
	}
	add_dim(c, s, form_const(c, 1), form_set_bos(c, form_const(c, -bits * (w / 2)), 0));
	return true;
}

void
add_products(Circuit *c, Lookup *s, const Bilinear *a, int64_t times, const Form **key)
{
	for (int i = 0; i < a->n; i++) {
		Node *here = a->term[i].here;
		const Form *k = map_node(c, a->term[i].there);
		if (is_literal(here)) {
			*key = form_add(c, 1, *key, times * here->k, k, 0);
			continue;
		}
		const Form *q = map_node(c, here);
		add_dim(c, s, q, form_set_bos(c, form_scale(c, times, k, 0), 0));
	}
}

/* Any relation: 1 where it fails, as a bilinear form, w times. */
static bool
add_relation(Circuit *c, Lookup *s, Node *n, int64_t w)
{
	if (add_equality(c, s, n, w))
		return true;
	const Bilinear *fails = bilinear_form(c, mk_at(c->g, n, OP_NOT, n, NULL, NULL));
	if (!fails)
		return false;
	const Form *key = form_const(c, 0);
	add_products(c, s, fails, -w, &key);
	add_dim(c, s, form_const(c, 1), form_set_bos(c, key, 0));
	add_dim(c, s, map_node(c, fails->alone), form_set_bos(c, form_const(c, -w), 0));
	return true;
}

bool
can_relate(Circuit *c, Node *n)
{
	Node *x, *y;
	int64_t least;
	int bits;

	if (side(n) != ON_BOTH || is_equality_of_bits(n, &x, &y, &least, &bits)
	    || has_few_rows(c, n))
		return true;
	return n->op == OP_LT && (is_place_there(n->arg[0]) || is_place_there(n->arg[1]))
	       && number_of_first(n->arg[is_place_there(n->arg[0])]);
}

/* The condition, simplified while all but one of its cases are never so. */
static Node *
only_case(Circuit *c, Node *cond)
{
	Node *to[2];

	while (two_cases(c, cond, to)) {
		bool first = to[1]->op == OP_CONST && !to[1]->k,
		     second = to[0]->op == OP_CONST && !to[0]->k;
		if (!first && !second)
			break;
		cond = to[second];
	}
	return cond;
}

bool
split_condition(Circuit *c, const Node *at, Node *cond, Conjunction *w)
{
	if (!add_literal(c, w, only_case(c, cond))) {
		error_at_node(c, at,
		              "this condition joins more parts by 'and' than the %d that one head "
		              "looks for; "
		              "give some of them a name of their own: let c = …, and c[j]",
		              (int)(sizeof w->here / sizeof *w->here));
		return false;
	}
	int nboth = w->nboth;
	w->nboth = 0;
	for (int i = 0; i < nboth; i++)
		if (!add_first_bound(c, w, w->both[i]))
			w->both[w->nboth++] = w->both[i];
	return true;
}

const Form *
key_penalty(Circuit *c, const Conjunction *w, const Form *key, int64_t weight)
{
	for (int i = 0; i < w->nthere; i++)
		key = form_add(c, 1, key, -weight, node_deficit(c, w->there[i]), 0);
	return key;
}

const Form *
query_deficit(Circuit *c, const Conjunction *w)
{
	const Form *sum = form_const(c, 0);

	for (int i = 0; i < w->nhere; i++)
		sum = form_add(c, 1, sum, 1, node_deficit(c, w->here[i]), 0);
	return sum;
}

bool
add_relations(Circuit *c, Lookup *s, const Conjunction *w, int64_t weight)
{
	for (int i = 0; i < w->nboth; i++) {
		if (add_relation(c, s, w->both[i], weight))
			continue;
		refuse_bilinear(c, w->both[i], "condition");
		return false;
	}
	return true;
}
