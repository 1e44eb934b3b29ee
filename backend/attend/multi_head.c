/* References that take several heads to find.
 *
 *     latest, first   of a condition in two cases (case_split.c): the later of what two heads find,
 *                     or the earlier
 *     only            of a condition in two cases: what either of two heads finds
 *     best            of a condition in two cases, or of a score that is a choice, as |x[j] - x|
 * is: the better of two of a score too large to be exact: the greatest high digit, then among those
 *                     the greatest low one */

#include "backend/attend/attend.h"
#include "backend/target/target.h"

/* n, a function of two positions, at the position that the reference finds. */
static Node *
at_found(Circuit *c, Node *n, Node *ref)
{
	if (n->op == OP_THERE)
		return make_read(c, n, n->arg[0], ref, mk_const(c->g, n->type.lo), 0);
	if (!n->two_sided)
		return n;
	Node **arg = arena_alloc(c->arena, sizeof *arg * (size_t)n->narg);
	for (int i = 0; i < n->narg; i++)
		arg[i] = at_found(c, n->arg[i], ref);
	return mk_like(c->g, n, arg);
}

/* ---- a score of two digits ---- */

bool
is_digit_pair(Node *e, Node **high, Node **low)
{
	for (int i = 0; i < 2 && e->op == OP_ADD; i++) {
		Node *m = e->arg[i], *y = e->arg[1 - i];
		if (m->op != OP_MUL || !is_literal(m->arg[1]) || y->type.lo < 0
		    || y->type.hi >= m->arg[1]->k)
			continue;
		*high = m->arg[0];
		*low = y;
		return true;
	}
	return false;
}

/* A score as two digits, high and low; false where it cannot be taken apart so. */
static bool
score_digits(Circuit *c, Node *e, Node **high, Node **low)
{
	Graph *g = c->g;
	const Bilinear *a = bilinear_form(c, e);
	int64_t base = 2;

	if (is_digit_pair(e, high, low))
		return true;
	/* what depends on here alone is the same for all positions */
	if (a && a->n == 1 && is_literal(a->term[0].here))
		e = mk_at(g, e, OP_MUL, mk_at(g, e, OP_THERE, a->term[0].there, NULL, NULL),
		          a->term[0].here, NULL);
	else if (!has_few_rows(c, e))
		return false;
	while (base * base <= e->type.hi - e->type.lo)
		base *= 2;
	if (base > SET_MAX || 2 * base > e->type.hi - e->type.lo)
		return false;
	Node *over = mk_at(g, e, OP_SUB, e, mk_const(g, e->type.lo), NULL), *b = mk_const(g, base);
	*high = mk_at(g, e, OP_DIV, over, b, NULL);
	*low = mk_at(g, e, OP_MOD, over, b, NULL);
	return true;
}

/* The reference by the high digit and then by the low one. NULL where the score has no digits. */
static Node *
best_of_digits(Circuit *c, Node *best)
{
	Node *cond = best->arg[1], *high, *low;

	if (!score_digits(c, best->arg[0], &high, &low))
		return NULL;
	Node *most = at_found(c, high, mk_at(c->g, best, OP_BEST, high, cond, NULL));
	cond = mk_at(c->g, best, OP_AND, mk_at(c->g, best, OP_EQ, high, most, NULL), cond, NULL);
	return mk_at(c->g, best, OP_BEST, low, cond, NULL);
}

/* ---- two cases ---- */

/* READ at the first of two references where `better` holds, else at the second. */
static const Form *
read_either(Circuit *c, Node *n, Node *const ref[2], Node *better)
{
	Node *other = make_read(c, n, n->arg[0], ref[1], n->arg[2], 0);

	if (is_literal(n->arg[0]))
		return map_node(
			c, mk_at(c->g, n, OP_IF, make_found(c, n, ref[0], 0), n->arg[0], other));
	return map_node(c, mk_at(c->g, n, OP_IF, better,
	                         make_read(c, n, n->arg[0], ref[0], n->arg[2], 0), other));
}

/* The later (or for FIRST the earlier) of what is found by two conditions that exclude each
 * other. */
static const Form *
read_of_two(Circuit *c, Node *n, Node *const cond[2])
{
	Graph *g = c->g;
	bool first = n->arg[1]->op == OP_FIRST;
	int64_t none = first ? g->context : -1;
	Node *ref[2], *place[2];

	for (int i = 0; i < 2; i++) {
		ref[i] = mk_at(g, n->arg[1], n->arg[1]->op, cond[i], NULL, NULL);
		place[i] = make_number_of(c, n, ref[i], none);
	}
	const Form *f = read_either(c, n, ref,
	                            mk_at(g, n, OP_LT, place[!first], place[first], NULL));
	if (is_literal(n->arg[0]))
		return f;
	Node *at = mk_at(g, n, OP_AT,
	                 mk_at(g, n, first ? OP_MIN : OP_MAX, place[0], place[1], NULL), NULL,
	                 NULL);
	return form_better(f, map_node(c, make_read(c, n, n->arg[0], at, n->arg[2], 0)));
}

/* What is found by one of two conditions that exclude each other, and never by both. */
static const Form *
read_of_either(Circuit *c, Node *n, Node *const cond[2])
{
	Node *ref[2];

	for (int i = 0; i < 2; i++)
		ref[i] = mk_at(c->g, n->arg[1], OP_ONLY, cond[i], NULL, NULL);
	return read_either(c, n, ref, make_found(c, n, ref[0], 0));
}

/* The better of two references, each of which is the best by its own score; the later where both
 * scores are equal. */
static const Form *
read_better(Circuit *c, Node *n, Node *const by[2], Node *const ref[2])
{
	Graph *g = c->g;
	Node *score[2], *place[2];

	for (int i = 0; i < 2; i++) {
		score[i] = at_found(c, by[i], ref[i]);
		place[i] = make_number_of(c, n, ref[i], -1);
	}
	int64_t least = score[0]->type.lo < score[1]->type.lo ? score[0]->type.lo
	                                                      : score[1]->type.lo;
	for (int i = 0; i < 2; i++) {
		Node *found = make_found(c, n, ref[i], 0);
		score[i] = mk_at(g, n, OP_IF, found, score[i], mk_const(g, least - 1));
	}
	Node *above = mk_at(g, n, OP_LT, score[1], score[0], NULL),
	     *equal = mk_at(g, n, OP_EQ, score[0], score[1], NULL);
	Node *later = mk_at(g, n, OP_AND, equal, mk_at(g, n, OP_LT, place[1], place[0], NULL),
	                    NULL);
	return read_either(c, n, ref, mk_at(g, n, OP_OR, above, later, NULL));
}

/* Is every literal of the condition one that a head can ask, with streams made for it if need be?
 */
static bool
can_join(Circuit *c, Node *cond)
{
	int n = cond->op == OP_AND ? cond->narg : 1;

	for (int i = 0; i < n; i++) {
		Node *lit = cond->op == OP_AND ? cond->arg[i] : cond;
		if (!can_relate(c, lit)
		    && !bilinear_form(c, mk_at(c->g, lit, OP_NOT, lit, NULL, NULL)))
			return false;
	}
	return true;
}

/* A BEST whose score is a choice too large for one head, as one BEST for each branch; false if it
 * is none. */
static bool
score_cases(Circuit *c, Node *best, Node *by[2], Node *ref[2])
{
	Graph *g = c->g;
	Node *e = best->arg[0], *cond, *part[2];
	bool minus = e->op == OP_SUB && is_literal(e->arg[0]) && !e->arg[0]->k;

	if (has_score(c, best) || !as_choice(c, minus ? e->arg[1] : e, &cond, &part[0], &part[1]))
		return false;
	for (int i = 0; i < 2; i++) {
		Node *holds = i ? mk_at(g, best, OP_NOT, cond, NULL, NULL) : cond;
		by[i] = minus ? mk_at(g, best, OP_SUB, mk_const(g, 0), part[i], NULL) : part[i];
		ref[i] = mk_at(g, best, OP_BEST, by[i],
		               mk_at(g, best, OP_AND, holds, best->arg[1], NULL), NULL);
	}
	return true;
}

const Form *
map_read_by_heads(Circuit *c, Node *n)
{
	Node *p = n->arg[1], *by[2], *ref[2], *cond[2], *other;
	const Lookup *s;

	if (!is_search(p->op))
		return NULL;
	bool cases = two_cases(c, condition_of(p), cond);
	if (p->op == OP_ONLY)
		return cases ? read_of_either(c, n, cond) : NULL;
	if (p->op != OP_BEST)
		return cases ? read_of_two(c, n, cond) : NULL;
	if (cases && !can_join(c, p->arg[1])) {
		for (int i = 0; i < 2; i++) {
			by[i] = p->arg[0];
			ref[i] = mk_at(c->g, p, OP_BEST, by[i], cond[i], NULL);
		}
		return read_better(c, n, by, ref);
	}
	if (score_cases(c, p, by, ref))
		return read_better(c, n, by, ref);
	s = lookup_for(c, p);
	other = s && score_max_abs(c, s) > c->target->score_max ? best_of_digits(c, p) : NULL;
	return other ? map_node(c, make_read(c, n, n->arg[0], other, n->arg[2], 0)) : NULL;
}
