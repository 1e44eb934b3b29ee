/* Conditions that one head cannot ask, split into two that exclude each other (Shannon's
 * expansion of a boolean function by one of its parts).
 *
 *     d[j] < d or d[j] == d and j < here      relates two streams to two:
 *         d[j] < d
 *         not d[j] < d, d[j] == d, j < here
 *     x[j] < x                                of many values, by two digits each:
 *         x[j] // 64 < x // 64
 *         x[j] // 64 == x // 64, x[j] % 64 < x % 64
 *
 * A sum over the condition is the sum of both; its latest position is the later of two. */

#include "backend/attend/attend.h"

enum {
	MAX_PARTS = 5,   /* most parts of one literal */
	MAX_LOOKS = 200, /* most operators looked at to find them */
};

/* The condition with `with` in the place of one of its literals. */
static Node *
replace_literal(Circuit *c, Node *cond, const Node *lit, Node *with)
{
	int n = cond->op == OP_AND ? cond->narg : 1;

	for (int i = 0; i < n; i++) {
		Node *other = cond->op == OP_AND ? cond->arg[i] : cond;
		if (other != lit)
			with = make_node(c, cond, OP_AND, with, other);
	}
	return with;
}

/* ---- by a part of the literal ---- */

typedef struct DigitPairs {
	Node *high[2], *low[2]; /* of the two that are compared; [1]: as streams there */
} DigitPairs;

static bool comparison_digits(Circuit *, Node *, DigitPairs *);

typedef struct SplitParts {
	int n, looks;
	Node *best; /* a comparison by < is better than one by ==: its opposite is as simple */
} SplitParts;

static bool
can_split_on(Circuit *c, Node *n)
{
	DigitPairs o;

	if (n->op == OP_EQ || n->op == OP_LT)
		return can_relate(c, n) || comparison_digits(c, n, &o);
	return (n->op == OP_THERE || !n->two_sided) && n->type.lo >= 0 && n->type.hi <= 1;
}

static void
find_split_parts(Circuit *c, Node *n, SplitParts *p)
{
	if (is_literal(n) || --p->looks < 0)
		return;
	if (can_split_on(c, n)) {
		p->n++;
		if (!p->best
		    || (n->two_sided && n->op != OP_EQ
		        && (!p->best->two_sided || p->best->op == OP_EQ)))
			p->best = n;
		return;
	}
	for (int i = 0; i < n->narg && n->two_sided && n->op != OP_THERE; i++)
		find_split_parts(c, n->arg[i], p);
}

static Node *
assume_part(Circuit *c, Node *n, const Node *part, int64_t v)
{
	if (n == part)
		return mk_const(c->g, v);
	if (!n->two_sided || n->op == OP_THERE)
		return n;
	Node **arg = arena_alloc(c->arena, sizeof *arg * (size_t)n->narg);
	for (int i = 0; i < n->narg; i++)
		arg[i] = assume_part(c, n->arg[i], part, v);
	return mk_like(c->g, n, arg);
}

static bool
split_by_part(Circuit *c, Node *cond, Node *lit, Node *to[2])
{
	SplitParts p = { .looks = MAX_LOOKS };

	find_split_parts(c, lit, &p);
	if (!p.best || p.best == (lit->op == OP_NOT ? lit->arg[0] : lit) || p.n > MAX_PARTS
	    || p.looks < 0)
		return false;
	Node *not = make_node(c, lit, OP_NOT, p.best, NULL);
	to[0] = replace_literal(c, cond, lit,
	                        make_node(c, lit, OP_AND, p.best, assume_part(c, lit, p.best, 1)));
	to[1] = replace_literal(c, cond, lit,
	                        make_node(c, lit, OP_AND, not, assume_part(c, lit, p.best, 0)));
	return true;
}

/* ---- by digits ---- */

/* n, which says x there + y here > 0 or == 0, as a comparison of -y here with x there. */
static bool
sides_of_comparison(Circuit *c, Node *n, Node *side_of[2])
{
	const Bilinear *a = bilinear_form(c, make_node(c, n, OP_SUB, n->arg[1], n->arg[0]));

	if (!a || a->rows || a->n != 1 || !is_literal(a->term[0].here))
		return false;
	side_of[0] = make_node(c, n, OP_SUB, mk_const(c->g, 0), a->alone);
	side_of[1] = make_node(c, n, OP_MUL, a->term[0].there, a->term[0].here);
	return true;
}

static bool
comparison_digits(Circuit *c, Node *n, DigitPairs *o)
{
	Node *x[2];
	int64_t lo, hi, base = 1;

	if ((n->op != OP_LT && n->op != OP_EQ) || !sides_of_comparison(c, n, x))
		return false;
	lo = min_int64(x[0]->type.lo, x[1]->type.lo);
	hi = max_int64(x[0]->type.hi, x[1]->type.hi);
	while (base * base <= hi - lo)
		base *= 2;
	if (base > ROWS_MAX)
		return false;
	for (int i = 0; i < 2; i++) {
		Node *over = make_node(c, n, OP_SUB, x[i], mk_const(c->g, lo)),
		     *b = mk_const(c->g, base);
		o->high[i] = make_node(c, n, OP_DIV, over, b);
		o->low[i] = make_node(c, n, OP_MOD, over, b);
		if (i) {
			o->high[i] = make_node(c, n, OP_THERE, o->high[i], NULL);
			o->low[i] = make_node(c, n, OP_THERE, o->low[i], NULL);
		}
	}
	return true;
}

/* The high digits decide; or they are equal, and the low ones decide. */
static bool
split_by_digits(Circuit *c, Node *cond, Node *lit, Node *to[2])
{
	bool want = lit->op != OP_NOT;
	Node *n = want ? lit : lit->arg[0];
	DigitPairs o;

	if (!comparison_digits(c, n, &o))
		return false;
	Node *same = make_node(c, n, OP_EQ, o.high[0], o.high[1]), *high,
	     *low = make_node(c, n, n->op, o.low[0], o.low[1]);
	if (n->op == OP_EQ)
		high = want ? mk_const(c->g, 0) : make_node(c, n, OP_NOT, same, NULL);
	else
		high = want ? make_node(c, n, OP_LT, o.high[0], o.high[1])
		            : make_node(c, n, OP_LT, o.high[1], o.high[0]);
	low = want ? low : make_node(c, n, OP_NOT, low, NULL);
	to[0] = replace_literal(c, cond, lit, high);
	to[1] = replace_literal(c, cond, lit, make_node(c, n, OP_AND, same, low));
	return true;
}

/* ---- what is compared is the greatest or the least of several ---- */

/* x < max(a, b) as x < a or x < b, and likewise with max, min and abs on either side; NULL for
 * what is none of these. */
static Node *
compare_each_operand(Circuit *c, Node *lit)
{
	Node *n = lit->op == OP_NOT ? lit->arg[0] : lit, *all = NULL;
	int at = n->op == OP_LT && n->arg[0]->two_sided && n->arg[0]->op != OP_THERE ? 0 : 1;
	Node *m = n->op == OP_LT ? n->arg[at] : NULL;

	if (!m || (m->op != OP_ABS && m->op != OP_MAX && m->op != OP_MIN))
		return NULL;
	for (int i = 0; i < (m->op == OP_ABS ? 2 : m->narg); i++) {
		Node *x = m->op != OP_ABS ? m->arg[i]
		          : i             ? make_node(c, n, OP_SUB, mk_const(c->g, 0), m->arg[0])
		                          : m->arg[0];
		Node *less = make_node(c, n, OP_LT, at ? n->arg[0] : x, at ? x : n->arg[1]);
		all = all ? make_node(c, n, (m->op == OP_MIN) == at ? OP_AND : OP_OR, all, less)
		          : less;
	}
	return n == lit ? all : make_node(c, n, OP_NOT, all, NULL);
}

/* The condition with such a literal replaced, and split further where that can be. */
static bool
split_by_operands(Circuit *c, Node *cond, Node *lit, Node *to[2])
{
	Node *each = compare_each_operand(c, lit);

	if (!each)
		return false;
	cond = replace_literal(c, cond, lit, each);
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
		    && (split_by_part(c, cond, lit, to) || split_by_digits(c, cond, lit, to)
		        || split_by_operands(c, cond, lit, to)))
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
		*cond = make_node(c, e, OP_LT, e->arg[0], e->arg[1]);
		*yes = e->arg[e->op == OP_MAX];
		*no = e->arg[e->op == OP_MIN];
	} else if (e->op == OP_ABS) {
		*cond = make_node(c, e, OP_LT, e->arg[0], mk_const(c->g, 0));
		*yes = make_node(c, e, OP_SUB, mk_const(c->g, 0), e->arg[0]);
		*no = e->arg[0];
	} else {
		return false;
	}
	return true;
}
