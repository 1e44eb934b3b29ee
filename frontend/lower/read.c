/* Reading a value at another position: x[p], x[p else d], emit xs after p.
 *
 *     x[latest j where C else d]     READ(x, LATEST(C), d)
 *     x[here - 2 else d]             READ(x, HERE, d) k=-2
 *     x[j]                           THERE(x), inside of a where
 *
 * READ takes what to give where there is no such position; so without an else the reference
 * has to be known to be there. A stream of references read elsewhere is one of numbers. */

#include <string.h>

#include "frontend/lower/lower.h"

/* The node x at p, with d where that is outside of the text. d is NULL if p is known to be there.
 */
static Node *
read_at_offset(Lower *L, Node *x, const Value *p, Node *d)
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

/* The same, with d also where p was outside of the text when it was chosen. */
static Node *
read_node_at(Lower *L, Node *x, const Value *p, Node *d)
{
	Node *chosen = d ? presence_where_chosen(L, p) : NULL, *n = read_at_offset(L, x, p, d);

	return chosen && n ? if_node(L, chosen, n, d) : n;
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
	if (is_float(x) || (d && is_float(d)))
		return float_read_at(L, x, p, r->present ? NULL : d);
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

/* The value x read at p, leaf by leaf. */
Value *
read_value_at(Lower *L, Value *x, Value *p, Value *otherwise)
{
	Reading r = { p, is_present(L, p) };

	if (x->kind == V_ERROR || (otherwise && otherwise->kind == V_ERROR) || !is_bound_here(L, p))
		return &v_error;
	if (otherwise)
		return v_join(L, x, otherwise, read_leaf, &r);
	if (!r.present && x->kind == V_POS) {
		r.present = true; /* a reference that p does not lead to is absent */
		return read_leaf(L, x, NULL, &r);
	}
	if (!r.present)
		return fail_here(
			L, "this reference may be absent: say what is read then, x[p else d]");
	return v_map(L, x, read_present, &r);
}

/* x[p else d]: x is evaluated without the facts known here, which say nothing of p. */
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
	return xs->n ? list_element(L, i, xs->n, item, end) : end;
}

/* emit xs after p: the token number here - p of xs as it is at p, xs[p][here - p else <end>]. Where
 * p is absent every element reads <end>, and so does what is picked. */
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
					       xs->item[i]->kind == V_TEXT
						       ? "; a token is in single quotes: ['a', "
							 "<end>]"
					       : xs->item[i]->kind != V_INT
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
