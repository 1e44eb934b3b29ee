/* Averages over positions, of reals: MEAN, of equal weights where a condition holds, and ATTEND,
 * whose weights are the softmax of scores that the program gives. What is averaged and depends on
 * both positions is taken apart: term by term, or by the values that it has here. */

#include "backend/attend/attend.h"
#include "backend/map/map.h"

#include <math.h>

static Node *
make_mean(Circuit *c, const Node *n, Node *e, Real none)
{
	return mk_reals(c->g, OP_MEAN, n->span, n->site, 2, (Node *[]){ e, n->arg[1] }, 0, &none,
	                1);
}

/* Does it depend on both positions at once? */
static bool
is_mixed(const Node *e)
{
	return side(e) == ON_BOTH;
}

enum { MAX_CASES = 64 }; /* more rows than that: the terms of a sum may have fewer */

/* The mean of a sum, as the sum of the means of its terms; `none`, which is read where nothing is
 * selected, is added apart. NULL if it is no sum, or if all terms depend on both positions and
 * their rows together are few. */
static const Form *
map_mean_of_terms(Circuit *c, Node *n, int rows)
{
	Node *e = n->arg[0];
	bool sum = e->op == OP_ADD || e->op == OP_SUB, mixed = true;
	RealTerm *t = arena_alloc(c->arena, sizeof *t * (size_t)e->narg);

	if (!sum && (e->op != OP_LINEAR || e->real[e->narg].x != 0))
		return NULL;
	for (int i = 0; i < e->narg; i++)
		mixed &= is_mixed(e->arg[i]);
	if (mixed && rows && rows <= MAX_CASES)
		return NULL;
	for (int i = 0; i < e->narg; i++) {
		double by = !sum ? e->real[i].x : i && e->op == OP_SUB ? -1 : 1;
		t[i] = (RealTerm){ map_node(c, make_mean(c, n, e->arg[i], (Real){ 0, 1 })), by };
	}
	const Form *all = real_form(c, e->narg, t, 0);
	if (n->real[0].x == 0)
		return all;
	Node *there = make_found(c, n, make_node(c, n, OP_LATEST, n->arg[1], NULL), 0);
	return real_form(c, 2, (RealTerm[]){ { all, 1 }, { map_node(c, there), -n->real[0].x } },
	                 n->real[0].x);
}

/* A mean for each row of what is here, of which one is taken by a gate. They share their head. */
static const Form *
map_mean_by_case(Circuit *c, Node *n)
{
	BilinearTerm *row;
	int rows = rows_here(c, n->arg[0], &row);
	const Form *sum = map_mean_of_terms(c, n, rows);

	if (sum)
		return sum;
	if (!rows)
		refuse_bilinear(c, n, "mean");
	sum = real_form(c, 0, NULL, 0);
	for (int i = 0; i < rows; i++) {
		Node *there = mk_at(c->g, n, OP_THERE, row[i].there, NULL, NULL),
		     *mean = make_mean(c, n, there, n->real[0]);
		const Form *fails = deficit(c, row[i].here, true);
		const Form *one = real_gate(c, fails, map_node(c, mean));
		sum = real_form(c, 2, (RealTerm[]){ { sum, 1 }, { one, 1 } }, 0);
	}
	return sum;
}

/* What is averaged is the same at all positions: it is its own mean, where anything is selected. */
static const Form *
map_mean_of_here(Circuit *c, Node *n)
{
	Node *there = make_found(c, n, make_node(c, n, OP_LATEST, n->arg[1], NULL), 0);
	Node *e = n->arg[0], *none = mk_real(c->g, n->real[0]);

	if (!e->type.real)
		e = mk_reals(c->g, OP_LINEAR, n->span, n->site, 1, &e, 0,
		             (Real[]){ { 1, 1 }, { 0, 1 } }, 2);
	return map_node(c, mk_at(c->g, n, OP_IF, there, e, none));
}

/* The mean over what a head selects with equal weights; `none` stands at <bos>. */
static const Form *
real_mean(Circuit *c, const Lookup *s, const Form *f, double none)
{
	double rounding = (c->places + 8) * ONE_ROUNDING
	                  * max_double(fabs(f->real->min), fabs(f->real->max));

	f = real_set_bos(c, f, none);
	if (!f->n)
		return f;
	double min = min_double(f->real->min, none), max = max_double(f->real->max, none);
	double error = real_error(f) + rounding;
	Atom a = real_atom(VALUE, min, max, none, error);
	return real_form(c, 1, (RealTerm[]){ { head_atom(c, s, f, a), 1 } }, 0);
}

const Form *
emit_MEAN(Circuit *c, Node *n)
{
	Node *other;

	if (is_mixed(n->arg[0]))
		return map_mean_by_case(c, n);
	if (side(n->arg[0]) == ON_HERE)
		return map_mean_of_here(c, n);
	if (c->places > ROWS_MAX && (other = one_behind(c->g, n)))
		return map_node(c, other);
	const Lookup *s = lookup_for_mean(c, n);
	if (!s)
		return NULL;
	const Form *e = map_node(c, replace_there(c->g, n->arg[0], NULL));
	return real_mean(c, s, real_form(c, 1, (RealTerm[]){ { e, 1 } }, 0), n->real[0].x);
}

/* Scores that are off by e change each weight, and so the mean, by a factor of exp(2e) at most.
 * Beside that a weight is the exponential of a rounded difference, over a sum. */
const Form *
emit_ATTEND(Circuit *c, Node *n)
{
	double score;
	const Lookup *s = lookup_for_attend(c, n, &score);
	if (!(score < 1)) {
		error_at_node(
			c, n,
			"what is read here cannot be bounded: the scores are computed to within "
			"%.2g only",
			score);
		return NULL;
	}
	const Form *v = real_form(c, 1, (RealTerm[]){ { map_node(c, n->arg[0]), 1 } }, 0);
	double most = max_double(fabs(v->real->min), fabs(v->real->max));
	/* Two sums of up to `places` terms, of the weights and of what they weigh; exp and the
	 * rest. */
	double rounding = (2.0 * c->places + 16) * ONE_ROUNDING;
	double error = real_error(v) + most * (expm1(2 * score) + rounding);

	if (!v->n)
		return v;
	Atom a = real_atom(VALUE, v->real->min, v->real->max, real_bos(v), error);
	return real_form(c, 1, (RealTerm[]){ { head_atom(c, s, v, a), 1 } }, 0);
}
