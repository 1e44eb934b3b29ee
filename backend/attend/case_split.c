/* Conditions that are too much for one head, as two that exclude each other.
 *
 *     d[j] < d or d[j] == d and j < here      relates two streams to two:
 *         d[j] < d
 *         not d[j] < d, d[j] == d, j < here
 *     x[j] < x                                of many values, two digits each:
 *         x[j] // 64 < x // 64
 *         x[j] // 64 == x // 64, x[j] % 64 < x % 64
 *
 * A sum adds up both; the latest position is the later of two. */

#include "backend/circuit/circuit.h"

enum {
	MAX_PARTS = 5,   /* that one literal is taken apart by */
	MAX_LOOKS = 200, /* operators looked at for them */
};

static Node *
two(Circuit *c, const Node *at, Op op, Node *x, Node *y)
{
	return mk_at(c->g, at, op, x, y, NULL);
}

/* The condition with this in the literal's place. */
static Node *
instead(Circuit *c, Node *cond, const Node *lit, Node *with)
{
	int n = cond->op == OP_AND ? cond->narg : 1;

	for (int i = 0; i < n; i++) {
		Node *other = cond->op == OP_AND ? cond->arg[i] : cond;
		if (other != lit)
			with = two(c, cond, OP_AND, with, other);
	}
	return with;
}

/* ---- by a part of the literal ---- */

typedef struct Order {
	Node *high[2], *low[2]; /* of what is less, or equal, and of the other */
} Order;

static bool digits_of(Circuit *, Node *, Order *);

typedef struct Parts {
	int n, looks;
	Node *best; /* an order rather than an equality: its opposite is as simple */
} Parts;

static bool
is_part(Circuit *c, Node *n)
{
	Order o;

	if (n->op == OP_EQ || n->op == OP_LT)
		return can_relate(c, n) || digits_of(c, n, &o);
	return (n->op == OP_THERE || !n->two_sided) && n->type.lo >= 0 && n->type.hi <= 1;
}

static void
find_parts(Circuit *c, Node *n, Parts *p)
{
	if (is_literal(n) || --p->looks < 0)
		return;
	if (is_part(c, n)) {
		p->n++;
		if (!p->best
		    || (n->two_sided && n->op != OP_EQ
		        && (!p->best->two_sided || p->best->op == OP_EQ)))
			p->best = n;
		return;
	}
	for (int i = 0; i < n->narg && n->two_sided && n->op != OP_THERE; i++)
		find_parts(c, n->arg[i], p);
}

static Node *
where_part_is(Circuit *c, Node *n, const Node *part, int64_t v)
{
	if (n == part)
		return mk_const(c->g, v);
	if (!n->two_sided || n->op == OP_THERE)
		return n;
	Node **arg = arena_alloc(c->arena, sizeof *arg * (size_t)n->narg);
	for (int i = 0; i < n->narg; i++)
		arg[i] = where_part_is(c, n->arg[i], part, v);
	return mk_like(c->g, n, arg);
}

static bool
by_part(Circuit *c, Node *cond, Node *lit, Node *to[2])
{
	Parts p = { .looks = MAX_LOOKS };

	find_parts(c, lit, &p);
	if (!p.best || p.best == (lit->op == OP_NOT ? lit->arg[0] : lit) || p.n > MAX_PARTS
	    || p.looks < 0)
		return false;
	Node *not = two(c, lit, OP_NOT, p.best, NULL);
	to[0] = instead(c, cond, lit,
	                two(c, lit, OP_AND, p.best, where_part_is(c, lit, p.best, 1)));
	to[1] = instead(c, cond, lit, two(c, lit, OP_AND, not, where_part_is(c, lit, p.best, 0)));
	return true;
}

/* ---- by digits ---- */

/* x there + y here > 0, or == 0: as -y < x. */
static bool
sides_of(Circuit *c, Node *n, Node *side_of[2])
{
	const Apart *a = apart(c, two(c, n, OP_SUB, n->arg[1], n->arg[0]));

	if (!a || a->rows || a->n != 1 || !is_literal(a->term[0].here))
		return false;
	side_of[0] = two(c, n, OP_SUB, mk_const(c->g, 0), a->alone);
	side_of[1] = two(c, n, OP_MUL, a->term[0].there, a->term[0].here);
	return true;
}

static bool
digits_of(Circuit *c, Node *n, Order *o)
{
	Node *x[2];
	int64_t lo, hi, base = 1;

	if ((n->op != OP_LT && n->op != OP_EQ) || !sides_of(c, n, x))
		return false;
	lo = x[0]->type.lo < x[1]->type.lo ? x[0]->type.lo : x[1]->type.lo;
	hi = x[0]->type.hi > x[1]->type.hi ? x[0]->type.hi : x[1]->type.hi;
	while (base * base <= hi - lo)
		base *= 2;
	if (base > ROWS_MAX)
		return false;
	for (int i = 0; i < 2; i++) {
		Node *over = two(c, n, OP_SUB, x[i], mk_const(c->g, lo)), *b = mk_const(c->g, base);
		o->high[i] = two(c, n, OP_DIV, over, b);
		o->low[i] = two(c, n, OP_MOD, over, b);
		if (i) {
			o->high[i] = two(c, n, OP_THERE, o->high[i], NULL);
			o->low[i] = two(c, n, OP_THERE, o->low[i], NULL);
		}
	}
	return true;
}

/* The high digits decide; or they are equal, and the low ones decide. */
static bool
by_digits(Circuit *c, Node *cond, Node *lit, Node *to[2])
{
	bool want = lit->op != OP_NOT;
	Node *n = want ? lit : lit->arg[0];
	Order o;

	if (!digits_of(c, n, &o))
		return false;
	Node *same = two(c, n, OP_EQ, o.high[0], o.high[1]), *high,
	     *low = two(c, n, n->op, o.low[0], o.low[1]);
	if (n->op == OP_EQ)
		high = want ? mk_const(c->g, 0) : two(c, n, OP_NOT, same, NULL);
	else
		high = want ? two(c, n, OP_LT, o.high[0], o.high[1])
		            : two(c, n, OP_LT, o.high[1], o.high[0]);
	low = want ? low : two(c, n, OP_NOT, low, NULL);
	to[0] = instead(c, cond, lit, high);
	to[1] = instead(c, cond, lit, two(c, n, OP_AND, same, low));
	return true;
}

/* ---- what is compared is the greatest or the least of several ---- */

/* x < max(a, b) is x < a or x < b; likewise the others. NULL for what is none of these. */
static Node *
each_compared(Circuit *c, Node *lit)
{
	Node *n = lit->op == OP_NOT ? lit->arg[0] : lit, *all = NULL;
	int at = n->op == OP_LT && n->arg[0]->two_sided && n->arg[0]->op != OP_THERE ? 0 : 1;
	Node *m = n->op == OP_LT ? n->arg[at] : NULL;

	if (!m || (m->op != OP_ABS && m->op != OP_MAX && m->op != OP_MIN))
		return NULL;
	for (int i = 0; i < (m->op == OP_ABS ? 2 : m->narg); i++) {
		Node *x = m->op != OP_ABS ? m->arg[i]
		          : i             ? two(c, n, OP_SUB, mk_const(c->g, 0), m->arg[0])
		                          : m->arg[0];
		Node *less = two(c, n, OP_LT, at ? n->arg[0] : x, at ? x : n->arg[1]);
		all = all ? two(c, n, (m->op == OP_MIN) == at ? OP_AND : OP_OR, all, less) : less;
	}
	return n == lit ? all : two(c, n, OP_NOT, all, NULL);
}

/* The condition with such a literal replaced. */
static bool
by_each(Circuit *c, Node *cond, Node *lit, Node *to[2])
{
	Node *each = each_compared(c, lit);

	if (!each)
		return false;
	cond = instead(c, cond, lit, each);
	if (!two_cases(c, cond, to)) {
		to[0] = cond;
		to[1] = mk_const(c->g, 0);
	}
	return true;
}

bool
two_cases(Circuit *c, Node *cond, Node *to[2])
{
	int n = cond->op == OP_AND ? cond->narg : 1;

	for (int i = 0; i < n; i++) {
		Node *lit = cond->op == OP_AND ? cond->arg[i] : cond;
		if (!can_relate(c, lit)
		    && (by_part(c, cond, lit, to) || by_digits(c, cond, lit, to)
		        || by_each(c, cond, lit, to)))
			return true;
	}
	return false;
}

bool
as_choice(Circuit *c, Node *e, Node **cond, Node **yes, Node **no)
{
	if (e->op == OP_IF) {
		*cond = e->arg[0];
		*yes = e->arg[1];
		*no = e->arg[2];
	} else if ((e->op == OP_MAX || e->op == OP_MIN) && e->narg == 2) {
		*cond = two(c, e, OP_LT, e->arg[0], e->arg[1]);
		*yes = e->arg[e->op == OP_MAX];
		*no = e->arg[e->op == OP_MIN];
	} else if (e->op == OP_ABS) {
		*cond = two(c, e, OP_LT, e->arg[0], mk_const(c->g, 0));
		*yes = two(c, e, OP_SUB, mk_const(c->g, 0), e->arg[0]);
		*no = e->arg[0];
	} else {
		return false;
	}
	return true;
}
