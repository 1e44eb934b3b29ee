/* From references, sums and means to what their heads are to find (Intent, attend.h): a number, a
 * condition taken apart, a score as a bilinear form. By what scores a head finds that is the
 * target's to say (target.h). */

#include "backend/attend/attend.h"
#include "backend/target/target.h"

#include <string.h>

const Lookup *
lookup_for_offset(Circuit *c, int offset)
{
	for (int i = 0; i < c->noffset; i++)
		if (c->offset[i]->offset == offset)
			return c->offset[i];
	GROW(c->arena, c->offset, c->capoffset, c->noffset + 1);
	return c->offset[c->noffset++] = c->target->lookup(
		       c, &(Intent){ .kind = INTENT_OFFSET, .offset = offset });
}

/* ---- the score of a BEST ---- */

/* The range of all products together. */
static void
range_of_products(Circuit *c, const Bilinear *a, ScoreTerms *s)
{
	const double most = 4.0 * EXACT_MAX; /* beyond, nothing is proved */

	s->lo = s->hi = 0;
	s->terms = 0;
	for (int i = 0; i < a->n; i++) {
		const Form *q = map_node(c, a->term[i].here), *k = map_node(c, a->term[i].there);
		double end[4] = { (double)q->lo * (double)k->lo, (double)q->lo * (double)k->hi,
			          (double)q->hi * (double)k->lo, (double)q->hi * (double)k->hi };
		double lo = end[0], hi = end[0];
		for (int e = 1; e < 4; e++) {
			lo = min_double(end[e], lo);
			hi = max_double(end[e], hi);
		}
		s->lo += (int64_t)max_double(lo, -most);
		s->hi += (int64_t)min_double(hi, most);
		s->terms += value_max_abs(q) * value_max_abs(k);
	}
}

static bool
score_products(Circuit *c, Node *e, ScoreTerms *s)
{
	s->of = bilinear_form(c, e);
	if (!s->of)
		return false;
	range_of_products(c, s->of, s);
	const Type *all = &e->type, *alone = &s->of->alone->type;
	s->lo = all->lo - alone->hi > s->lo ? all->lo - alone->hi : s->lo;
	s->hi = all->hi - alone->lo < s->hi ? all->hi - alone->lo : s->hi;
	return true;
}

/* A score |u| or -|u| as u * u or -u * u, which is in the same order and takes one product, or
 * two if u is a sum. False if it is of another form. */
static bool
score_square(Circuit *c, Node *e, ScoreTerms *s)
{
	Node *size = e->op == OP_SUB && is_literal(e->arg[0]) ? e->arg[1] : e;

	if (size->op != OP_ABS)
		return false;
	Node *square = make_node(c, e, OP_MUL, size->arg[0], size->arg[0]);
	if (size != e)
		square = make_node(c, e, OP_SUB, mk_const(c->g, 0), square);
	const Bilinear *a = bilinear_form(c, square);
	if (!a || a->rows)
		return false;
	for (int i = 0; i < a->n; i++)
		if (!a->term[i].there->type.nset)
			return false;
	return score_products(c, square, s);
}

/* Of the two ways the square, which has fewer terms, if it stays exact. */
static bool
best_score(Circuit *c, const Node *ref, const Conjunction *where, ScoreTerms *s)
{
	int nliteral = 2 + where->nthere + where->nhere + 4 * where->nboth;

	return (score_square(c, ref->arg[0], s) && c->target->has_room(c, s, nliteral))
	       || score_products(c, ref->arg[0], s);
}

bool
has_score(Circuit *c, Node *best)
{
	Conjunction where = { 0 };
	ScoreTerms s;

	return split_condition(c, best, best->arg[1], &where) && best_score(c, best, &where, &s);
}

/* x at the position that is best by it, or by -x; NULL where it is read there as all else is. */
const Form *
map_extreme(Circuit *c, Node *read)
{
	Node *x = read->arg[0], *ref = read->arg[1], *d = read->arg[2];
	Conjunction where = { 0 };
	ScoreTerms score;
	Intent in = { .kind = INTENT_BEST, .ref = ref, .where = &where, .score = &score };

	if (ref->op != OP_BEST || read->k || x->type.real
	    || !split_condition(c, ref, ref->arg[1], &where)
	    || !score_products(c, ref->arg[0], &score))
		return NULL;
	int nliteral = 2 + where.nthere + where.nhere + 4 * where.nboth;
	const BilinearTerm *t = score.of->n == 1 ? score.of->term : NULL;
	if (!t || !is_literal(t->here) || c->target->has_room(c, &score, nliteral))
		return NULL;
	bool minus = t->there->op == OP_SUB && is_literal(t->there->arg[0]);
	if ((minus ? t->there->arg[1] : t->there) != x)
		return NULL;
	return c->target->extreme(c, &in, x, (t->here->k < 0) != minus, d->k);
}

/* ---- by condition ---- */

static const Lookup *
lookup_where(Circuit *c, IntentKind kind, Node *ref)
{
	Conjunction where = { 0 };
	ScoreTerms score;
	Intent in = { .kind = kind, .ref = ref, .where = &where, .score = &score };

	if (!split_condition(c, ref, condition_of(ref), &where))
		return NULL;
	if (kind == INTENT_BEST && !best_score(c, ref, &where, &score)) {
		refuse_bilinear(c, ref, "score");
		return NULL;
	}
	return c->target->lookup(c, &in);
}

const Lookup *
lookup_for(Circuit *c, Node *ref)
{
	const Lookup *s;

	GROW(c->arena, c->lookup, c->caplookup, ref->id + 1);
	if (c->lookup[ref->id])
		return c->lookup[ref->id];
	if (ref->op == OP_AT)
		s = c->target->lookup(c, &(Intent){ .kind = INTENT_PLACE, .ref = ref });
	else
		s = lookup_where(c,
		                 ref->op == OP_BEST    ? INTENT_BEST
		                 : ref->op == OP_FIRST ? INTENT_FIRST
		                 : ref->op == OP_ONLY  ? INTENT_ONLY
		                                       : INTENT_LATEST,
		                 ref);
	return c->lookup[ref->id] = s; /* after it: mapping may have moved the memo */
}

/* All sums of one condition share their lookup. */
const Lookup *
lookup_for_sum(Circuit *c, Node *sum)
{
	int id = sum->arg[1]->id;

	GROW(c->arena, c->lookup, c->caplookup, id + 1);
	if (c->lookup[id])
		return c->lookup[id];
	const Lookup *s = lookup_where(c, INTENT_COUNT, sum);
	return c->lookup[id] = s;
}

/* All means of one condition share their lookup. */
const Lookup *
lookup_for_mean(Circuit *c, Node *mean)
{
	for (int i = 0; i < c->nhead; i++) {
		const Lookup *s = c->head[i]->lookup;
		if (s->ref && s->ref->op == OP_MEAN && s->ref->arg[1] == mean->arg[1])
			return s;
	}
	return lookup_where(c, INTENT_MEAN, mean);
}

/* ---- by scores that are meant ---- */

static bool
same_scores(const Node *a, const Node *b)
{
	return a->op == OP_ATTEND && a->narg == b->narg
	       && !memcmp(a->arg + 1, b->arg + 1, sizeof *a->arg * (size_t)(a->narg - 1));
}

static double
form_error(const Form *f)
{
	return f->real ? real_error(f) : 0;
}

const Lookup *
lookup_for_attend(Circuit *c, Node *n, double *error)
{
	double most = 0;

	*error = 0;
	for (int i = 1; i < n->narg; i += 2) {
		const Form *q = map_node(c, n->arg[i]), *k = map_node(c, n->arg[i + 1]);
		most += value_max_abs(q) * value_max_abs(k);
		*error += value_max_abs(q) * form_error(k) + value_max_abs(k) * form_error(q)
		          + form_error(q) * form_error(k);
	}
	*error += (n->narg + 8) * most * ONE_ROUNDING + 8 * ONE_ROUNDING;
	for (int i = 0; i < c->nhead; i++) {
		const Lookup *s = c->head[i]->lookup;
		if (s->ref && same_scores(s->ref, n))
			return s;
	}
	return c->target->lookup(c, &(Intent){ .kind = INTENT_SOFTMAX, .ref = n, .largest = most });
}
