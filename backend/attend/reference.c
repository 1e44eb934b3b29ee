/* READ: a value of another position.
 *
 *     x[p else d]     a head finds p and fetches x, where <bos> has d
 *     x[i - k]        the same by distance; a column of the position table where x is one
 *     x[p + k]        x is shifted first, or p is looked up by its number
 *
 * How a head finds a position: lookup.c. What takes several heads: multi_head.c. */

#include "backend/attend/attend.h"
#include "backend/map/map.h"
#include "backend/target/target.h"

/* f at the position that is found, the constant d where none is. */
static const Form *
fetch_value(Circuit *c, const Lookup *s, const Form *f, const Node *d)
{
	return f->real ? real_head_value(c, s, f, d->real[0].x) : head_value(c, s, f, d->k);
}

/* In a bidirectional model a position that is looked for may lie behind the end of the text. Then
 * the head finds the last one, and the number of what it found tells: a gate puts d there. */
static const Form *
read_ahead(Circuit *c, const Lookup *s, const Form *want, const Form *f, const Node *d)
{
	const Form *short_of = form_add(c, 1, want, -1, head_value(c, s, c->place, 0), 0);
	int64_t absent = d->k;

	if (f->real) {
		double none = d->real[0].x;
		const Form *far = real_form(c, 1, (RealTerm[]){ { fetch_value(c, s, f, d), 1 } },
		                            -none);
		return real_form(c, 1, (RealTerm[]){ { real_gate(c, relu(c, short_of), far), 1 } },
		                 none);
	}
	const Form *over = form_scale(c, 1, head_value(c, s, f, absent), -absent);

	return form_scale(c, 1, gate(c, relu(c, short_of), over), absent);
}

static const Form *
read_by_offset(Circuit *c, Node *x, int64_t k, Node *d)
{
	const Type *t = &x->type;
	bool by_place = x->op == OP_CONST || (t->root && t->root->op == OP_INDEX && t->image);
	int64_t absent = d->k;

	if (k >= c->places || -k >= c->places || (k > 0 && !c->g->bidirectional))
		return map_node(c, d);
	if (k > 0 || !by_place) {
		const Form *f = map_node(c, x), *want = form_scale(c, 1, c->place, k);
		const Lookup *s = lookup_for_offset(c, (int)k);
		return k > 0 ? read_ahead(c, s, want, f, d) : fetch_value(c, s, f, d);
	}
	if (x->op == OP_CONST)
		return c->target->step_function(c, 1 - (int)k, absent, x->k);
	int64_t *v = arena_alloc(c->arena, sizeof *v * (size_t)c->places);
	for (int p = 0; p < c->places; p++)
		v[p] = p - 1 + k < 0 ? absent : t->image[p - 1 + k];
	return c->target->place_function(c, v);
}

/* `latest j where C and j < p`, where C speaks of j alone, is what `latest j where C` was at the
 * position before p. Gives the equal READ, or NULL. */
static Node *
read_just_before(Circuit *c, Node *n)
{
	Node *ref = n->arg[1], *bound = NULL, *cond = NULL, *flags = NULL;

	if (c->g->bidirectional || ref->op != OP_LATEST || ref->arg[0]->op != OP_AND)
		return NULL;
	for (int i = 0; i < ref->arg[0]->narg; i++) {
		Node *lit = ref->arg[0]->arg[i], *number = order_bound(lit);
		Side s = side(lit);
		if (number && !bound
		    && (number->op == OP_INDEX
		        || (number->op == OP_READ && number->arg[0]->op == OP_INDEX)))
			bound = number;
		else if (s == ON_THERE)
			cond = cond ? make_node(c, ref, OP_AND, cond, lit) : lit;
		else if (s == ON_HERE)
			flags = flags ? make_node(c, ref, OP_AND, flags, lit) : lit;
		else
			return NULL;
	}
	if (!bound || !cond)
		return NULL;
	bool here = bound->op == OP_INDEX;
	Node *p = here ? make_node(c, n, OP_HERE, NULL, NULL) : bound->arg[1], *d = n->arg[2];
	if (!here && p->op == OP_FIRST)
		return NULL;
	if (!here && bound->arg[2]->type.hi > 0 && !flags)
		return NULL;
	int64_t k = here ? -1 : bound->k - 1;
	Node *latest = make_node(c, ref, OP_LATEST, cond, NULL);
	Node *then = make_read(c, n, n->arg[0], latest, d, n->k);
	Node *read = make_read(c, n, then, p, d, k);
	return flags ? mk_at(c->g, n, OP_IF, flags, read, d) : read;
}

/* Is the place e within every text, so that it needs no look at where the text ends? */
static bool
surely_in_text(Circuit *c, Node *at, Node *e)
{
	Node *end = make_node(c, at, OP_LATEST, mk_const(c->g, 1), NULL);

	return most_of_difference(c->g, e, make_number_of(c, at, end, 0)) <= 0;
}

const Form *
map_found(Circuit *c, Node *less)
{
	Node *e = less->arg[1], *index = make_node(c, less, OP_INDEX, NULL, NULL);

	if (!is_int_const(less->arg[0]) || less->arg[0]->k != -1 || c->g->bidirectional
	    || less->two_sided || is_feature(e) || most_of_difference(c->g, e, index) > 0)
		return NULL;
	Node *at = make_node(c, less, OP_AT, e, NULL);
	const int *users = node_users(c);
	if (at->op != OP_AT || at->arg[0] != e || at->id >= c->nusers || !users[at->id])
		return NULL;
	const Lookup *s = lookup_for(c, at);
	return s ? head_value(c, s, form_const(c, 1), 0) : NULL;
}

/* Does the condition relate j to here other than by j < here? */
static bool
relates_positions(const Node *cond)
{
	if (cond->op != OP_AND)
		return side(cond) == ON_BOTH;
	for (int i = 0; i < cond->narg; i++)
		if (side(cond->arg[i]) == ON_BOTH && !order_bound(cond->arg[i]))
			return true;
	return false;
}

static const Form *
map_plain_read(Circuit *c, Node *n)
{
	Node *x = n->arg[0], *p = n->arg[1], *d = n->arg[2], *other;

	if (!is_literal(d)) {
		Node *there = make_found(c, n, p, n->k);
		Node *any = x->type.real ? mk_real(c->g, (Real){ 0, 1 })
		                         : mk_const(c->g, x->type.lo);
		Node *read = make_read(c, n, x, p, any, n->k);
		return map_node(c, mk_at(c->g, n, OP_IF, there, read, d));
	}
	if (p->op == OP_HERE)
		return n->k ? read_by_offset(c, x, n->k, d) : map_node(c, x);
	if (n->k > 0) { /* what stands behind p may be later than p: it is found by its number */
		Node *e = p->op == OP_AT ? p->arg[0] : make_number_of(c, n, p, -1);
		Node *none = make_node(c, n, OP_LT, e, mk_const(c->g, 0));
		Node *behind = make_node(c, n, OP_ADD, e, mk_const(c->g, n->k));
		e = mk_at(c->g, n, OP_IF, none, mk_const(c->g, -1), behind);
		return map_node(c, make_read(c, n, x, make_node(c, n, OP_AT, e, NULL), d, 0));
	}
	if ((other = read_just_before(c, n)))
		return map_node(c, other);
	if (n->k) { /* shifted first, then read at p */
		Node *shifted = make_read(c, n, x, make_node(c, n, OP_HERE, NULL, NULL), d, n->k);
		return map_node(c, make_read(c, n, shifted, p, d, 0));
	}
	const Form *found = map_extreme(c, n);
	if (!found)
		found = map_read_by_heads(c, n);
	if (found)
		return found;
	const Lookup *s = lookup_for(c, p);
	if (!s)
		return NULL;
	const Form *f = map_node(c, x);
	if (p->op != OP_AT || !c->g->bidirectional || surely_in_text(c, n, p->arg[0]))
		return fetch_value(c, s, f, d);
	return read_ahead(c, s, form_scale(c, 1, map_node(c, p->arg[0]), 1), f, d);
}

/* An `only` with a bound on j, which the latest match finds from one position back. */
static Node *
bounded_only(Circuit *c, Node *n)
{
	Node *p = n->arg[1], *cond = p->op == OP_ONLY ? p->arg[0] : NULL;
	bool bound = cond && order_bound(cond);

	for (int i = 0; cond && cond->op == OP_AND && i < cond->narg; i++)
		bound = bound || order_bound(cond->arg[i]);
	if (!bound || c->g->bidirectional)
		return NULL;
	return make_read(c, n, n->arg[0], make_node(c, p, OP_LATEST, cond, NULL), n->arg[2], n->k);
}

/* A search for j < here is also a search one position back, where that need not be said. That way
 * is taken if it is no later, or if there are too many places for the relation j < here. */
const Form *
emit_READ(Circuit *c, Node *n)
{
	Node *latest = bounded_only(c, n);

	if (latest)
		return map_node(c, latest);
	Node *other = is_literal(n->arg[2]) ? read_one_behind(c->g, n) : NULL;

	if (!other
	    || (n->k <= 0 && n->arg[1]->op != OP_BEST && !relates_positions(n->arg[1]->arg[0])))
		return map_plain_read(c, n);
	const Form *f = map_node(c, other);
	if (c->places > ROWS_MAX)
		return f;
	const Form *there = map_plain_read(c, n);
	return f && there && there->ready < f->ready ? there : f;
}
