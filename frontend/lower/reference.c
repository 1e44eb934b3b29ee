/* References: the numbers of other positions, and whether they are there.
 *
 * A reference is a node of the graph (HERE, AT, LATEST, FIRST, ONLY, BEST) and a constant offset:
 *
 *     here - 3 + 2           HERE, -1        offsets add up, so that p + 1 - 1 is p
 *     at(e) + 2              AT(e + 2), 0
 *     p + e                  AT(number of p + e), 0
 *     (if c then p else q)   AT(if c then number of p else number of q), -1 if it is absent
 *
 * Where that leads out of the text, the reference is absent. What has been chosen (by an if, a
 * match, from a list, read elsewhere) is absent for good where it was outside when it was chosen.
 * That holds if the choice is known while the program is lowered, too: then no node makes it,
 * and the value keeps the offsets at which it was chosen. So a meaning never hangs on what
 * could be proved.
 *
 * Inside `latest j where C` the name j has no node: its number is THERE(INDEX). */

#include "frontend/lower/lower.h"
#include "lang/interval.h"

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

/* If p is a stream of references that was read at a bound position, p[j]: the number that each j
 * holds, -1 for absent. NULL for other references. */
Node *
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

static bool is_present_at(Lower *, const Value *, int k);

/* Is there a position at k from the reference of p? */
static Node *
presence_at(Lower *L, const Value *p, int k)
{
	Node *there = numbers_there(p);

	if (is_present_at(L, p, k))
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

/* p is present if the text has positions at the least and at the greatest of these offsets from its
 * reference: that of p itself and those at which it was chosen. Then it has all between. */
static int
lowest(const Value *p)
{
	return min_int(p->offset, p->chosen_lo);
}

static int
highest(const Value *p)
{
	return max_int(p->offset, p->chosen_hi);
}

/* The condition that there are positions at the offsets low <= 0 and high >= 0 from the reference;
 * NULL if there surely are. An offset other than 0 includes that the reference itself is there. */
static Node *
presence_between(Lower *L, const Value *p, int low, int high)
{
	Node *at_low = low < 0 || !high ? presence_at(L, p, low) : NULL;
	Node *at_high = high > 0 ? presence_at(L, p, high) : NULL;
	Node *both = !at_low ? at_high : !at_high ? at_low : op2(L, OP_AND, at_low, at_high);

	return both->op == OP_CONST && both->k == 1 ? NULL : both;
}

Node *
presence_node(Lower *L, const Value *p)
{
	Node *n = presence_between(L, p, lowest(p), highest(p));

	return n ? n : constant(L, 1);
}

bool
is_present(Lower *L, const Value *p)
{
	int low = lowest(p), high = highest(p);

	return (low == 0 && high > 0 ? true : is_present_at(L, p, low))
	       && (high == 0 || is_present_at(L, p, high));
}

/* The condition that p was in the text wherever it was chosen, as far as that does not follow from
 * p being in the text now; NULL if it does. */
Node *
presence_where_chosen(Lower *L, const Value *p)
{
	int low = lowest(p), high = highest(p);

	low = low == p->offset ? 0 : low;
	high = high == p->offset ? 0 : high;
	return low || high ? presence_between(L, p, low, high) : NULL;
}

/* The number of p if it was in the text where it was chosen; d where it is absent. */
static Node *
number_at_offset(Lower *L, const Value *p, Node *d)
{
	Node *index = op0(L, OP_INDEX);
	int k = p->offset;

	if (!p->ref)
		return plus_constant(L, op1(L, OP_THERE, index), k);
	if (numbers_there(p)) {
		Node *present = presence_at(L, p, k);
		return if_node(L, present, plus_constant(L, numbers_there(p), k), d);
	}
	if (p->ref->op == OP_HERE && is_present_at(L, p, k))
		return plus_constant(L, index, k);
	if (p->ref->op == OP_HERE && (k < 0 || !L->g->bidirectional)) {
		Node *present = presence_at(L, p, k);
		return if_node(L, present, plus_constant(L, index, k), d);
	}
	if (p->ref->op == OP_AT && is_present_at(L, p, k))
		return plus_constant(L, p->ref->arg[0], k);
	return op3(L, OP_READ, index, p->ref, d, k);
}

/* The number of p; d where it is absent, which matters only if it can be. */
Node *
position_number(Lower *L, const Value *p, Node *d)
{
	Node *chosen = presence_where_chosen(L, p), *n = number_at_offset(L, p, d);

	return chosen ? if_node(L, chosen, n, d) : n;
}

typedef struct BoundReplacement {
	Lower *L;
	Map done;
	Node *ref; /* NULL: this very position */
	int depth;
} BoundReplacement;

/* A value of the type of x, for a READ whose else is never used. */
Node *
placeholder(Lower *L, const Node *x)
{
	if (x->type.real)
		return mk_real(L->g, (Real){ 0, 1 });
	return constant(L, x->type.nset ? x->type.set[0] : x->type.lo);
}

/* n with the bound position replaced: by the one that h->ref finds, or by this one. NULL if n is
 * too large. */
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

static bool
is_not_negative(Lower *L, Node *e, int k)
{
	return bounds_here(L, e).lo + k >= 0 || is_beside_present(L, e, k, false);
}

/* Is e + k no later than the last position that is seen? */
static bool
is_visible(Lower *L, Node *e, int k)
{
	Node *last = last_visible(L);

	return most_of_difference(L->g, e, last) <= -k
	       || bounds_here(L, op2(L, OP_SUB, last, e)).lo >= k
	       || is_beside_present(L, e, k, true);
}

static bool
is_present_at(Lower *L, const Value *p, int k)
{
	if (!p->ref)
		return k == 0;
	if (is_known_present(L, p->ref, k))
		return true;
	switch (p->ref->op) {
	case OP_HERE: return k <= 0 && bounds_here(L, op0(L, OP_INDEX)).lo + k >= 0;
	case OP_AT:
		if (p->ref->two_sided)
			return bounds_here(L, p->ref->arg[0]).lo + (k < 0 ? k : 0) >= 0 && k <= 0;
		return is_not_negative(L, p->ref->arg[0], k < 0 ? k : 0)
		       && is_visible(L, p->ref->arg[0], k > 0 ? k : 0);
	case OP_LATEST:
	case OP_FIRST:
	case OP_ONLY:
	case OP_BEST: return k == 0 && here_satisfies(L, p->ref);
	default: return false;
	}
}

/* ---- making positions ---- */

bool
is_bound_here(Lower *L, const Value *p)
{
	if (p->bound == L->bound || p->ref)
		return true;
	fail_three_positions(L);
	return false;
}

/* The position number n. */
static Value *
pos_numbered(Lower *L, Node *n)
{
	Value *v = v_pos(L, op1(L, OP_AT, n), 0);

	v->number = n;
	return v;
}

Value *
pos_at(Lower *L, Value *e)
{
	Node *n = node_of(L, e);

	if (!n)
		return &v_error;
	return n->two_sided ? fail_three_positions(L) : pos_numbered(L, n);
}

/* Does it lead out of every text? */
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
	Value *v = v_new(L, V_POS);
	*v = *p;
	v->offset += (int)k;
	return v;
}

/* at(e) + n is at(e + n). */
static Value *
shift_number(Lower *L, const Value *p, Value *by, bool minus)
{
	if (by->known && too_far(by->num))
		return shift_by(L, p, by->num);
	Value *e = arith(L, minus ? N_SUB : N_ADD, v_stream(L, V_INT, p->number), by, NULL, NULL);
	return e->kind == V_ERROR ? e : pos_at(L, e);
}

/* p and what is added to it, known at run time. Where p is absent the number is so far below
 * 0 that nothing that can be added leads into the text. */
static Value *
shift_at_run_time(Lower *L, const Value *p, Node *by, bool minus)
{
	const Value *start = p->start ? p->start : p;
	Node *moved = op2(L, minus ? OP_SUB : OP_ADD, p->start ? p->moved : constant(L, 0), by);

	if (moved->op == OP_CONST)
		return shift_by(L, start, moved->k);
	Value from = *start;
	from.offset = 0;
	int64_t lo = moved->type.lo + start->offset, hi = moved->type.hi + start->offset;
	Node *far = constant(L, -L->g->context - 1 - (hi > -lo ? hi : -lo));
	Node *number = position_number(L, &from, far);
	Node *all = op2(L, OP_ADD, moved, constant(L, start->offset));
	Value *v = v_pos(L, op1(L, OP_AT, op2(L, OP_ADD, number, all)), 0);
	v->start = start;
	v->moved = moved;
	return v;
}

/* Offsets add up as numbers, known or not, wherever that leads in between. */
Value *
pos_shift(Lower *L, Value *p, Value *by, bool minus)
{
	if (by->kind != V_INT)
		return fail_here(L, "a position moves by an integer, not by %s", v_kind(by));
	Node *n = node_of(L, by);
	if (!n)
		return &v_error;
	if (p->number && !n->two_sided)
		return shift_number(L, p, by, minus);
	if (by->known && !p->start)
		return shift_by(L, p, minus ? -by->num : by->num);
	if (!p->ref || n->two_sided)
		return fail_three_positions(L);
	return shift_at_run_time(L, p, n, minus);
}

/* What has been chosen, by an if, a match, from a list, or read elsewhere: absent where it is
 * outside of the text, and absent it stays. Which one is chosen may be known or not. */
static Value *
pos_chosen(Lower *L, Value *p)
{
	if (p->number || p->start)
		return v_pos(L, p->ref, 0);
	if (p->chosen_lo <= p->offset && p->offset <= p->chosen_hi)
		return p;
	Value *v = v_new(L, V_POS);
	*v = *p;
	v->chosen_lo = lowest(p);
	v->chosen_hi = highest(p);
	return v;
}

Value *
v_chosen(Lower *L, Value *v)
{
	if (v->kind == V_POS)
		return pos_chosen(L, v);
	if ((v->kind != V_ARRAY && v->kind != V_RECORD) || v->settled)
		return v;
	int same = 0;
	while (same < v->n && v_chosen(L, v->item[same]) == v->item[same])
		same++;
	Value *to = v;
	if (same < v->n) {
		to = v_new(L, v->kind);
		*to = *v;
		to->item = NEWS(L->arena, Value *, v->n);
		for (int i = 0; i < v->n; i++)
			to->item[i] = v_chosen(L, v->item[i]);
	}
	to->settled = true;
	return to;
}

/* The same position in a form that a trace can show: a reference of the graph and an offset. */
Value *
pos_named(Lower *L, Value *p)
{
	if (!p->ref || p->ref->two_sided || !presence_where_chosen(L, p))
		return p;
	return v_pos(L, op1(L, OP_AT, position_number(L, p, constant(L, -1))), 0);
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

/* p < q and the like: both are present, and their numbers compare so. */
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

	a = pos_chosen(L, a);
	b = pos_chosen(L, b);
	if (a->ref == b->ref && a->offset == b->offset && a->bound == b->bound
	    && a->chosen_lo == b->chosen_lo && a->chosen_hi == b->chosen_hi)
		return a;
	if (!a->ref || !b->ref || cond->two_sided)
		return fail_three_positions(L);
	Node *x = position_number(L, a, none), *y = position_number(L, b, none);
	return v_pos(L, op1(L, OP_AT, if_node(L, cond, x, y)), 0);
}

/* The position that a list has at index i, or `otherwise` where it has none. */
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
