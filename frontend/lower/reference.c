/* References: other positions, and what is read there.
 *
 * A position is a node of the graph (HERE, AT, LATEST, FIRST) plus a constant
 * offset, so that p + 1 - 1 is p. Inside `latest j where C` the name j has no
 * node: x[j] is THERE(x), and its number THERE(INDEX). What a text lacks is
 * absent; READ takes what to give then, and everything here that has no natural
 * value asks first whether the reference is known to be there. */

#include <string.h>

#include "frontend/lower/lower.h"

static Value *
refuse_two_sided(Lower *L, Value *v, void *data)
{
	const Node *n = v->kind == V_POS ? v->ref : v->node;

	(void)data;
	if ((n && n->two_sided) || (v->kind == V_POS && !n))
		return fail_three_positions(L);
	return v;
}

Value *
one_sided(Lower *L, Value *v)
{
	if (!is_scalar(v) && v->kind != V_POS && v->kind != V_ARRAY && v->kind != V_RECORD)
		return v;
	return v_map(L, v, refuse_two_sided, NULL);
}

/* ---- number and presence ---- */

/* The numbers of a stream of references that is read at a bound position: p[j], -1 where
 * that is absent. NULL for other references. */
static Node *
numbers_there(const Value *p)
{
	return p->ref && p->ref->op == OP_AT && p->ref->two_sided ? p->ref->arg[0] : NULL;
}

/* The number of the last visible position. */
Node *
last_visible(Lower *L)
{
	if (!L->g->bidirectional)
		return op0(L, OP_INDEX);
	Node *index = op0(L, OP_INDEX), *last = op1(L, OP_LATEST, constant(L, 1));
	return op3(L, OP_READ, index, last, constant(L, 0), 0);
}

static Node *
index_at_least(Lower *L, Node *index, int64_t n)
{
	return op2(L, OP_LT, constant(L, n - 1), index);
}

/* 1 where there is a position at k from the reference, else 0. */
static Node *
read_presence(Lower *L, Node *ref, int k)
{
	Node *one = constant(L, 1);

	return op3(L, OP_READ, one, ref, constant(L, 0), k);
}

Node *
plus_constant(Lower *L, Node *n, int64_t k)
{
	return op2(L, OP_ADD, n, constant(L, k));
}

Node *
presence_node(Lower *L, const Value *p)
{
	int k = p->offset;

	Node *there = numbers_there(p);

	if (is_present(L, p))
		return constant(L, 1);
	if (there) {
		Node *first = index_at_least(L, there, k < 0 ? -(int64_t)k : 0);
		return k <= 0 ? first
		              : op2(L, OP_AND, first,
		                    op2(L, OP_LT, there,
		                        plus_constant(L, last_visible(L), 1 - (int64_t)k)));
	}
	if (!p->ref) {
		if (k < 0)
			return index_at_least(L, op1(L, OP_THERE, op0(L, OP_INDEX)), -(int64_t)k);
		if (!L->g->bidirectional) {
			fail_here(L,
			          "what stands behind a bound position may be ahead of this one: "
			          "bind "
			          "the later of the two, "
			          "and look back from there, x[j - %d]",
			          k);
			return constant(L, 0);
		}
		return op1(L, OP_THERE, read_presence(L, op0(L, OP_HERE), k));
	}
	if (p->ref->op == OP_HERE && k < 0)
		return index_at_least(L, op0(L, OP_INDEX), -(int64_t)k);
	if (p->ref->op == OP_HERE && !L->g->bidirectional)
		return constant(L, 0);
	return read_presence(L, p->ref, k);
}

/* The number of p; d where it is absent, which matters only if it can be. */
static Node *
position_number(Lower *L, const Value *p, Node *d)
{
	Node *index = op0(L, OP_INDEX);

	if (!p->ref)
		return plus_constant(L, op1(L, OP_THERE, index), p->offset);
	if (numbers_there(p)) {
		Node *present = presence_node(L, p);
		return if_node(L, present, plus_constant(L, numbers_there(p), p->offset), d);
	}
	if (p->ref->op == OP_HERE && is_present(L, p))
		return plus_constant(L, index, p->offset);
	if (p->ref->op == OP_HERE && (p->offset < 0 || !L->g->bidirectional)) {
		Node *present = presence_node(L, p);
		return if_node(L, present, plus_constant(L, index, p->offset), d);
	}
	if (p->ref->op == OP_AT && is_present(L, p))
		return plus_constant(L, p->ref->arg[0], p->offset);
	return op3(L, OP_READ, index, p->ref, d, p->offset);
}

typedef struct BoundReplacement {
	Lower *L;
	Map done;
	Node *ref; /* NULL: this very position */
	int depth;
} BoundReplacement;

/* A value for where none is read. */
static Node *
placeholder(Lower *L, const Node *x)
{
	if (x->type.real)
		return mk_real(L->g, (Real){ 0, 1 });
	return constant(L, x->type.nset ? x->type.set[0] : x->type.lo);
}

/* What is said of a bound position, said of this very one, or of what the
 * reference finds; NULL if it is too large. */
static Node *
replace_bound(BoundReplacement *h, Node *n)
{
	if (n->op == OP_THERE && h->ref)
		return op3(h->L, OP_READ, n->arg[0], h->ref, placeholder(h->L, n), 0);
	if (n->op == OP_THERE)
		return n->arg[0];
	if (!n->two_sided)
		return n;
	Node *done = map_get(&h->done, n);
	if (done || h->depth > 500)
		return done;
	Node **arg = NEWS(h->L->arena, Node *, n->narg);
	h->depth++;
	for (int i = 0; i < n->narg; i++)
		if (!(arg[i] = replace_bound(h, n->arg[i])))
			return NULL;
	h->depth--;
	done = mk_like(h->L->g, n, arg);
	map_put(h->L->arena, &h->done, n, done);
	return done;
}

Node *
at_reference(Lower *L, Node *n, Node *ref)
{
	BoundReplacement h = { .L = L, .ref = ref };

	return replace_bound(&h, n);
}

static bool
here_satisfies(Lower *L, const Node *ref)
{
	BoundReplacement h = { .L = L };
	Node *c = replace_bound(&h, condition_of(ref));

	if (!c)
		return false;
	return c->type.lo == 1 || bounds_here(L, c).lo == 1;
}

/* Is e + k no later than the last position that is seen? */
static bool
is_visible(Lower *L, Node *e, int k)
{
	Node *last = last_visible(L);

	return most_of_difference(L->g, e, last) <= -k
	       || bounds_here(L, op2(L, OP_SUB, last, e)).lo >= k;
}

bool
is_present(Lower *L, const Value *p)
{
	int k = p->offset;

	if (!p->ref)
		return k == 0;
	if (is_known_present(L, p->ref, k))
		return true;
	switch (p->ref->op) {
	case OP_HERE: return k <= 0 && bounds_here(L, op0(L, OP_INDEX)).lo + k >= 0;
	case OP_AT:
		if (p->ref->two_sided)
			return bounds_here(L, p->ref->arg[0]).lo + (k < 0 ? k : 0) >= 0 && k <= 0;
		return bounds_here(L, p->ref->arg[0]).lo + (k < 0 ? k : 0) >= 0
		       && is_visible(L, p->ref->arg[0], k > 0 ? k : 0);
	case OP_LATEST:
	case OP_FIRST:
	case OP_BEST: return k == 0 && here_satisfies(L, p->ref);
	default: return false;
	}
}

/* ---- making positions ---- */

static bool
is_bound_here(Lower *L, const Value *p)
{
	if (p->bound == L->bound || p->ref)
		return true;
	fail_three_positions(L);
	return false;
}

Value *
pos_at(Lower *L, Value *e)
{
	Node *n = node_of(L, e);

	if (!n)
		return &v_error;
	if (n->two_sided)
		return fail_three_positions(L);
	return v_pos(L, op1(L, OP_AT, n), 0);
}

/* By so many that all texts are left behind, or further. */
static bool
too_far(int64_t k)
{
	return k >= EXACT_MAX || k <= -EXACT_MAX;
}

static Value *
shift_by(Lower *L, const Value *p, int64_t k)
{
	if (too_far(k) || too_far(p->offset + k))
		return fail_here(L, "an offset of %lld reaches beyond every text",
		                 (long long)(too_far(k) ? k : p->offset + k));
	Value *v = v_pos(L, p->ref, p->offset + (int)k);
	v->bound = p->bound;
	return v;
}

/* Offsets add up as numbers, known or not, wherever that leads in between. */
Value *
pos_shift(Lower *L, Value *p, Value *by, bool minus)
{
	Node *n = by->kind == V_INT ? node_of(L, by) : NULL;

	if (!n)
		return by->kind == V_INT ? &v_error
		                         : fail_here(L, "a position moves by an integer, not by %s",
		                                     v_kind(by));
	if (by->known && !p->start)
		return shift_by(L, p, minus ? -by->num : by->num);
	if (!p->ref || n->two_sided)
		return fail_three_positions(L);
	const Value *start = p->start ? p->start : p;
	Node *moved = op2(L, minus ? OP_SUB : OP_ADD, p->start ? p->moved : constant(L, 0), n);
	if (moved->op == OP_CONST)
		return shift_by(L, start, moved->k);
	Value from = *start;
	from.offset = 0;
	int64_t lo = moved->type.lo + start->offset, hi = moved->type.hi + start->offset;
	Node *number = position_number(L, &from,
	                               constant(L, -L->g->context - 1 - (hi > -lo ? hi : -lo)));
	Value *v = v_pos(
		L,
		op1(L, OP_AT,
	            op2(L, OP_ADD, number, op2(L, OP_ADD, moved, constant(L, start->offset)))),
		0);
	v->start = start;
	v->moved = moved;
	return v;
}

Value *
pos_exists(Lower *L, Value *p)
{
	if (p->kind == V_ERROR)
		return p;
	if (p->kind != V_POS)
		return fail_here(L, "exists takes a position, not %s", v_kind(p));
	return is_bound_here(L, p) ? v_stream(L, V_BOOL, presence_node(L, p)) : &v_error;
}

Value *
pos_minus(Lower *L, Value *p, Value *q)
{
	if (!is_bound_here(L, p) || !is_bound_here(L, q))
		return &v_error;
	if (!is_present(L, p) || !is_present(L, q))
		return fail_here(
			L,
			"this reference may be absent: test exists(p) before a distance is taken");
	Node *zero = constant(L, 0);
	Node *x = position_number(L, p, zero), *y = position_number(L, q, zero);
	if (p->ref == q->ref)
		return v_int(L, p->offset - q->offset);
	return v_stream(L, V_INT, op2(L, OP_SUB, x, y));
}

static bool
relation_holds(Relation r, int64_t a, int64_t b)
{
	switch (r) {
	case R_EQ: return a == b;
	case R_NE: return a != b;
	case R_LT: return a < b;
	case R_LE: return a <= b;
	case R_GT: return a > b;
	default: return a >= b;
	}
}

/* Both are there and stand so. */
Value *
pos_compare(Lower *L, Relation r, Value *p, Value *q)
{
	if (!is_bound_here(L, p) || !is_bound_here(L, q))
		return &v_error;
	Value *one = v_stream(L, V_BOOL, presence_node(L, p)),
	      *other = v_stream(L, V_BOOL, presence_node(L, q)), *both = v_and(L, one, other);
	if (p->ref == q->ref && p->bound == q->bound)
		return relation_holds(r, p->offset, q->offset) ? both : v_bool(L, false);
	Node *zero = constant(L, 0);
	Value *x = v_stream(L, V_INT, position_number(L, p, zero));
	Value *y = v_stream(L, V_INT, position_number(L, q, zero));
	return v_and(L, both, compare_values(L, r, x, y));
}

Value *
if_pos(Lower *L, Node *cond, Value *a, Value *b)
{
	Node *none = constant(L, -1);

	if (a->ref == b->ref && a->offset == b->offset && a->bound == b->bound)
		return a;
	if (!a->ref || !b->ref || cond->two_sided)
		return fail_three_positions(L);
	Node *x = position_number(L, a, none), *y = position_number(L, b, none);
	return v_pos(L, op1(L, OP_AT, if_node(L, cond, x, y)), 0);
}

/* The position number i of a list, or what is chosen otherwise. */
Value *
pick_pos(Lower *L, Node *i, int n, Value **item, Value *otherwise)
{
	Node **arg = NEWS(L->arena, Node *, n + 2);

	arg[0] = i;
	for (int k = 0; k <= n; k++) {
		Value *p = k < n ? item[k] : otherwise ? otherwise : item[0];
		if (p->kind != V_POS)
			return p->kind == V_ERROR
			               ? p
			               : fail_here(L, "the elements are positions, but here is %s",
			                           v_show(L, p));
		if (!p->ref || i->two_sided)
			return fail_three_positions(L);
		arg[k < n ? k + 2 : 1] = position_number(L, p, constant(L, -1));
	}
	return v_pos(L, op1(L, OP_AT, op(L, OP_PICK, n + 2, arg)), 0);
}

/* ---- reading ---- */

/* The node x at p, and d where p is absent; d is NULL where p is known to be there. */
static Node *
read_node_at(Lower *L, Node *x, const Value *p, Node *d)
{
	Node *any = placeholder(L, x), *there = numbers_there(p);

	/* x[p[j]] is x[p] there */
	if (!x->two_sided && there && there->op == OP_THERE && p->offset <= 0) {
		Node *at = op1(L, OP_AT, there->arg[0]);
		Node *got = op1(L, OP_THERE, op3(L, OP_READ, x, at, any, p->offset));
		return d ? if_node(L, presence_node(L, p), got, d) : got;
	}
	if (x->two_sided || (p->ref && p->ref->two_sided)) {
		fail_three_positions(L);
		return NULL;
	}
	if (!p->ref && !p->offset)
		return op1(L, OP_THERE, x);
	if (p->ref && p->ref->op == OP_HERE && !p->offset)
		return x;
	Node *ref = p->ref ? p->ref : op0(L, OP_HERE);
	bool plain = !d || is_literal(d) || (p->ref && !d->two_sided);
	Node *got = op3(L, OP_READ, x, ref, plain && d ? d : any, p->offset);
	if (!p->ref)
		got = op1(L, OP_THERE, got);
	if (!p->ref && p->offset > 0 && !L->g->bidirectional)
		presence_node(L, p); /* says that it cannot be */
	return plain ? got : if_node(L, presence_node(L, p), got, d);
}

typedef struct Reading {
	Value *p;
	bool present;
} Reading;

static Value *
read_leaf(Lower *L, Value *x, Value *d, void *data)
{
	const Reading *r = data;
	const Value *p = r->p;

	if (x->kind == V_POS) { /* a stream of references */
		if (!x->ref)
			return fail_three_positions(L);
		SavedFacts old = forget_facts(L);
		Node *number = position_number(L, x, constant(L, -1));
		recall_facts(L, old);
		Node *n = read_node_at(L, number, p, constant(L, -1));
		if (!n || !d || r->present)
			return n ? v_pos(L, op1(L, OP_AT, n), 0) : &v_error;
		if (d->kind != V_POS)
			return fail_here(L, "what is read is a position, but the else is %s",
			                 v_kind(d));
		Node *present = presence_node(L, p);
		return if_pos(L, present, v_pos(L, op1(L, OP_AT, n), 0), d);
	}
	if (x->known && (r->present || (d && same_known(x, d))))
		return x;
	Value *both[2] = { x, d };
	if (d)
		alike_numbers(L, both, 2);
	x = both[0];
	d = both[1];
	Node *xn = node_of(L, x), *dn = d && !r->present ? node_of(L, d) : NULL;
	if (!xn || (d && !r->present && !dn))
		return &v_error;
	if (d && (d->kind != x->kind || d->shape != x->shape))
		return fail_here(L, "what is read is %s, but the else is %s", v_show(L, x),
		                 v_show(L, d));
	Node *n = read_node_at(L, xn, p, dn);
	if (!n)
		return &v_error;
	Value *v = v_stream(L, x->kind, n);
	v->shape = x->shape;
	return v;
}

static Value *
read_present(Lower *L, Value *x, void *data)
{
	return read_leaf(L, x, NULL, data);
}

/* x, already a value, read at p. A two-sided x has no meaning elsewhere. */
Value *
read_value_at(Lower *L, Value *x, Value *p, Value *otherwise)
{
	Reading r = { p, is_present(L, p) };

	if (x->kind == V_ERROR || (otherwise && otherwise->kind == V_ERROR) || !is_bound_here(L, p))
		return &v_error;
	if (otherwise)
		return v_join(L, x, otherwise, read_leaf, &r);
	if (!r.present && x->kind == V_POS) {
		r.present = true; /* absent there is absent here */
		return read_leaf(L, x, NULL, &r);
	}
	if (!r.present)
		return fail_here(
			L, "this reference may be absent: say what is read then, x[p else d]");
	return v_map(L, x, read_present, &r);
}

/* What is known here says nothing of another position. */
Value *
eval_read_at(Lower *L, Env *env, const Ast *x, Value *p, const Ast *otherwise)
{
	bool is_here = p->ref && p->ref->op == OP_HERE && !p->offset;
	SavedFacts old = { L->facts, L->place, L->reading };

	if (!is_here)
		forget_facts(L);
	Value *v = eval(L, env, x);
	recall_facts(L, old);
	Value *d = otherwise ? eval(L, env, otherwise) : NULL;
	return read_value_at(L, v, p, d);
}

/* ---- emit xs after p ---- */

static Value *
records_after(Lower *L, Value *xs, Value *p, Value *i)
{
	Value *end = v_token(L, L->end, (uint32_t)strlen(L->end));
	Value **item = NEWS(L->arena, Value *, xs->n);

	for (int k = 0; k < xs->n; k++)
		if ((item[k] = read_value_at(L, xs->item[k], p, end))->kind == V_ERROR)
			return &v_error;
	return xs->n ? pick_element(L, i, xs->n, item, end) : end;
}

/* xs[p][here - p else <end>], and <end> where p is absent: every element reads
 * <end> then. */
Value *
emit_after(Lower *L, Value *xs, Value *p)
{
	Node *end = constant(L, L->g->nvocab), *zero = constant(L, 0);
	Node **arg = NEWS(L->arena, Node *, xs->n + 2);
	Node *at = position_number(L, p, zero);

	arg[0] = op2(L, OP_SUB, op0(L, OP_INDEX), at);
	if (L->token)
		return records_after(L, xs, p, v_stream(L, V_INT, arg[0]));
	arg[1] = end;
	for (int i = 0; i < xs->n; i++) {
		if (xs->item[i]->kind != V_TOKEN)
			return xs->item[i]->kind == V_ERROR
			               ? xs->item[i]
			               : fail_here(
					       L, "emit gives tokens, not %s%s",
					       v_show(L, xs->item[i]),
					       xs->item[i]->kind != V_INT
						       ? ""
						       : "; the token of a digit is chr(ord('0') + "
							 "d), of a row from_id(n)");
		Node *x = node_of(L, xs->item[i]);
		Node *n = x ? read_node_at(L, x, p, end) : NULL;
		if (!n)
			return &v_error;
		arg[i + 2] = n;
	}
	if (!xs->n)
		return v_stream(L, V_TOKEN, end);
	return v_stream(L, V_TOKEN, op(L, OP_PICK, xs->n + 2, arg));
}
