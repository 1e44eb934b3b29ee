/* Simplification by the rules of rules.h: a pattern is a scalar whose holes are ranges of special
 * numbers, in a graph of its own where nothing is simplified. Matching goes down both at once. */

#include "tensor/internal.h"

#include <string.h>

enum { HOLE = 1 << 24, HOLES = 'z' - 'a' + 1 };

typedef enum When { ALWAYS, WHOLE, INTEGERS, DIGIT, TRUTH, FREE_A, FREE_B } When;

typedef struct RewriteRule {
	const char *from_text, *to_text;
	When when;
	const Scalar *from, *to;
	int next; /* of the same operator, or -1 */
} RewriteRule;

static const RewriteRule texts[] = {
#define RULE(from, to, when) { from, to, when, NULL, NULL, -1 },
#include "tensor/rules.h"
#undef RULE
};

enum { NUM_RULES = sizeof texts / sizeof *texts };

struct RuleSet {
	TensorGraph *patterns;
	RewriteRule rule[NUM_RULES];
	int first[NUM_TENSOR_OPS];                 /* of the rules for an operator, or -1 */
	const Scalar *gradient[NUM_TENSOR_OPS][3]; /* or NULL */
};

typedef struct Match {
	Scalar *hole[HOLES];
	Scalar *range; /* of the reduction */
} Match;

/* ---- patterns ---- */

Scalar *
pattern_hole(TensorGraph *g, char letter)
{
	return scalar_range(g, HOLE + letter - 'a', 1);
}

static int
hole_number(const Scalar *p)
{
	return p->op == X_RANGE && p->number >= HOLE ? p->number - HOLE : -1;
}

static struct RuleSet *
rule_set_new(Arena *arena)
{
	struct RuleSet *s = NEW(arena, struct RuleSet);

	s->patterns = tensor_graph_new(arena);
	s->patterns->as_written = true;
	memset(s->first, -1, sizeof s->first);
	for (int i = NUM_RULES - 1; i >= 0; i--) {
		RewriteRule *r = &s->rule[i];
		*r = texts[i];
		r->from = pattern_parse(s->patterns, r->from_text);
		r->to = pattern_parse(s->patterns, r->to_text);
		r->next = s->first[r->from->op];
		s->first[r->from->op] = i;
	}
	for (int op = 0; op < NUM_TENSOR_OPS; op++)
		for (int i = 0; i < 3; i++)
			if (*tensor_ops[op].gradient[i])
				s->gradient[op][i] = pattern_parse(s->patterns,
				                                   tensor_ops[op].gradient[i]);
	return s;
}

static struct RuleSet *
rule_set(TensorGraph *g)
{
	if (!g->rules)
		g->rules = rule_set_new(g->arena);
	return g->rules;
}

static Scalar *
fill_pattern(TensorGraph *g, const Scalar *p, const Match *m)
{
	Scalar *arg[3];
	int h = hole_number(p);

	if (h == 'n' - 'a')
		return scalar_const(g, m->range->extent);
	if (h >= 0)
		return m->hole[h];
	if (p->op == X_CONST)
		return scalar_const(g, p->value);
	if (p->op == X_RANGE)
		return m->range;
	for (int i = 0; i < p->narg; i++)
		arg[i] = fill_pattern(g, p->arg[i], m);
	return scalar_rebuild(g, p, arg);
}

/* ---- matching ---- */

static bool
fits_hole(Match *m, int h, Scalar *e)
{
	char letter = (char)('a' + h);

	if (m->hole[h])
		return m->hole[h] == e;
	if (strchr("klm", letter) && e->op != X_CONST)
		return false;
	if (strchr("ij", letter) && e->op != X_RANGE)
		return false;
	m->hole[h] = e;
	return true;
}

static bool
is_commutative(TensorOp op)
{
	return op == X_ADD || op == X_MUL || op == X_EQ;
}

static bool
match(const Scalar *p, Scalar *e, Match *m)
{
	int h = hole_number(p);

	if (h >= 0)
		return fits_hole(m, h, e);
	if (p->op == X_RANGE)
		return e == m->range;
	if (p->op != e->op || p->narg != e->narg)
		return false;
	if (p->op == X_CONST)
		return p->value == e->value;
	if (p->op == X_SUM || p->op == X_RMAX) {
		m->range = e->arg[1];
		return match(p->arg[0], e->arg[0], m);
	}
	Match before = *m;
	bool fits = true;
	for (int i = 0; fits && i < p->narg; i++)
		fits = match(p->arg[i], e->arg[i], m);
	if (fits || !is_commutative(p->op))
		return fits;
	*m = before;
	return match(p->arg[0], e->arg[1], m) && match(p->arg[1], e->arg[0], m);
}

static bool
are_integers(const Match *m, bool positive)
{
	for (int h = 0; h < HOLES; h++) {
		const Scalar *e = m->hole[h];
		if (e && (!e->integer || (positive && strchr("klm", 'a' + h) && e->value <= 0)))
			return false;
	}
	return true;
}

static bool
holds(When when, const Match *m)
{
	const Scalar *a = m->hole[0], *b = m->hole[1];

	switch (when) {
	case ALWAYS: return true;
	case WHOLE: return are_integers(m, false);
	case INTEGERS: return are_integers(m, true);
	case DIGIT:
		return are_integers(m, true) && b->values.lo >= 0
		       && b->values.hi < m->hole['k' - 'a']->value;
	case TRUTH: return a->integer && a->values.lo >= 0 && a->values.hi <= 1;
	case FREE_A: return !scalar_depends(a, m->range);
	case FREE_B: return !scalar_depends(b, m->range);
	}
	return false;
}

static Scalar *
by_rules(TensorGraph *g, const Scalar *like)
{
	struct RuleSet *s = rule_set(g);

	for (int i = s->first[like->op]; i >= 0; i = s->rule[i].next) {
		Match m = { 0 };
		const RewriteRule *r = &s->rule[i];
		/* match() only reads it: it is no part of the graph yet. */
		if (match(r->from, (Scalar *)like, &m) && holds(r->when, &m))
			return fill_pattern(g, r->to, &m);
	}
	return NULL;
}

/* ---- what no rule says ---- */

static Scalar *
folded(TensorGraph *g, const Scalar *e)
{
	double arg[3];

	if (!e->narg || e->op == X_LOAD || e->op == X_STOP || e->op == X_SUM || e->op == X_RMAX)
		return NULL;
	for (int i = 0; i < e->narg; i++) {
		if (e->arg[i]->op != X_CONST)
			return NULL;
		arg[i] = e->arg[i]->value;
	}
	return scalar_const(g, tensor_apply(e->op, arg));
}

/* What the operands' values decide alone. */
static Scalar *
decided_by_values(TensorGraph *g, const Scalar *e)
{
	Scalar *a = e->arg[0], *b = e->narg > 1 ? e->arg[1] : NULL;

	if (e->op == X_WHERE)
		return a->op == X_CONST ? e->arg[a->value ? 1 : 2] : NULL;
	if (!b || !a->integer || !b->integer)
		return NULL;
	bool below = a->values.hi<b->values.lo, above = a->values.lo> b->values.hi;
	switch (e->op) {
	case X_LT:
		return below                          ? scalar_const(g, 1)
		       : a->values.lo >= b->values.hi ? scalar_const(g, 0)
		                                      : NULL;
	case X_EQ: return below || above ? scalar_const(g, 0) : NULL;
	case X_MAX:
		return a->values.hi <= b->values.lo ? b : b->values.hi <= a->values.lo ? a : NULL;
	case X_FLOOR:
	case X_MOD:
		if (b->op != X_CONST || a->values.lo < 0 || a->values.hi >= b->value)
			return NULL;
		return e->op == X_MOD ? a : scalar_const(g, 0);
	default: return NULL;
	}
}

Scalar *
scalar_simplify(TensorGraph *g, const Scalar *like)
{
	Scalar *swapped[2], *simpler;
	Scalar e = *like;

	if (!e.narg || e.op == X_LOAD)
		return NULL;
	if ((is_commutative(e.op) || e.op == X_MAX) && e.arg[0]->op == X_CONST) {
		swapped[0] = e.arg[1];
		swapped[1] = e.arg[0];
		e.arg = swapped;
	}
	if ((simpler = folded(g, &e)) || (simpler = decided_by_values(g, &e))
	    || (simpler = by_rules(g, &e))
	    || (e.op == X_SUM && (simpler = scalar_solve_sum(g, &e))))
		return simpler;
	return scalar_cons(g, &e);
}

/* ---- for the gradient, and for tests ---- */

Scalar *
gradient_of_operand(TensorGraph *g, const Scalar *e, int i, Scalar *adjoint, Scalar *value)
{
	const Scalar *p = rule_set(g)->gradient[e->op][i];
	Match m = { 0 };

	if (!p)
		return NULL;
	for (int k = 0; k < e->narg; k++)
		m.hole[k] = e->arg[k];
	if (e->op == X_SUM || e->op == X_RMAX)
		m.range = e->arg[1];
	m.hole['g' - 'a'] = adjoint;
	m.hole['y' - 'a'] = value;
	return fill_pattern(g, p, &m);
}
