/* What a circuit promises.
 *
 *     an atom is ready after all that it reads     in a state of its kind: a feature in 0, a
 *                                                  value in an odd one, a neuron in an even one
 *     a feature is 0 at <bos>                      as its readers take for granted
 *     a value, and a form of a node, is within     at all positions of a text, and what it is
 *     its interval                                 said to be at <bos>
 *     a lookup finds one place, ahead by its gap   or equal ones, for a mean
 *     a form of a node is what the node means      as the graph's evaluator says; of a real, to
 *                                                  within its error
 *
 * The first two are looked up for every atom, the others tried on texts. */

#include "backend/verify/verify.h"

#include <limits.h>
#include <math.h>
#include <string.h>

enum { GAP_LEAST = 104 }; /* exp(-104) is 0 in floats */

/* ---- what stands before what ---- */

static void
check_operands(Verifier *v, const Atom *a, const Form *f, const char *what)
{
	for (int i = 0; i < f->n; i++) {
		const Atom *b = f->term[i].atom;
		if (b->id >= a->id)
			rule_broken(v, a->node, "%s: its %s has %s, which is made after it",
			            atom_name(v->names, a), what, atom_name(v->names, b));
		if (b->ready >= a->ready)
			rule_broken(v, a->node,
			            "%s is ready in state %d, and %s of its %s not before %d",
			            atom_name(v->names, a), a->ready, atom_name(v->names, b), what,
			            b->ready);
		if (!f->term[i].c || (i && f->term[i - 1].atom->id >= b->id))
			rule_broken(v, a->node, "%s: the terms of its %s are not in order",
			            atom_name(v->names, a), what);
	}
}

/* What a sum over digits is at <bos>, and at places among which are those around every power of
 * two. */
static void
check_digits(Verifier *v, const Atom *a)
{
	if (feature_at_place(a, 0) != 0)
		rule_broken(v, a->node, "%s is %.0f at <bos>, not 0", atom_name(v->names, a),
		            feature_at_place(a, 0));
	for (int64_t step = 1; step <= v->c->places; step *= 2)
		for (int64_t p = step - 2; p < step + 2; p++) {
			if (p < 1 || p >= v->c->places)
				continue;
			double x = feature_at_place(a, (int)p);
			if (x < (double)a->lo || x > (double)a->hi)
				rule_broken(v, a->node,
				            "%s is %.0f at place %lld, outside of %lld..%lld",
				            atom_name(v->names, a), x, (long long)p,
				            (long long)a->lo, (long long)a->hi);
		}
}

/* The values of a table at real tokens or places, and at <bos>. */
static void
check_table(Verifier *v, const Atom *a)
{
	const Graph *g = v->c->g;
	bool place = a->kind == PLACE_FEATURE;
	int bos = place ? 0 : g->nvocab + 1, first = place ? 1 : first_row(g, a->field),
	    n = place ? v->c->places - 1 : rows_of(g, a->field);

	if (a->table[bos])
		rule_broken(v, a->node, "%s is %lld at <bos>, not 0", atom_name(v->names, a),
		            (long long)a->table[bos]);
	for (int i = 0; i < (place ? v->c->places : v->c->rows); i++) {
		bool own = i >= first && i < first + n;
		if (own && (a->table[i] < a->lo || a->table[i] > a->hi))
			rule_broken(v, a->node, "%s is %lld at row %d, outside of %lld..%lld",
			            atom_name(v->names, a), (long long)a->table[i], i,
			            (long long)a->lo, (long long)a->hi);
		if (!own && i != bos && a->table[i])
			rule_broken(v, a->node, "%s is not 0 at row %d, of another field",
			            atom_name(v->names, a), i);
	}
}

static void
check_atom(Verifier *v, const Atom *a)
{
	const char *name = atom_name(v->names, a);

	if (a->kind == PLACE_FEATURE && !a->table)
		check_digits(v, a);
	else if (a->kind == TOKEN_FEATURE || a->kind == PLACE_FEATURE)
		check_table(v, a);
	if (a->kind < NEURON ? a->ready != 0 : a->ready < 1 || a->ready % 2 != (a->kind == VALUE))
		rule_broken(v, a->node, "%s is ready in state %d, which is none of its kind", name,
		            a->ready);
	if ((a->kind >= NEURON) != (a->in != NULL) || (a->kind == VALUE) != (a->head != NULL)) {
		rule_broken(v, a->node, "%s does not say what it is made of", name);
		return;
	}
	if (a->in)
		check_operands(v, a, a->in, "input");
	for (int d = 0; a->head && d < a->head->lookup->ndim; d++) {
		check_operands(v, a, a->head->lookup->q[d], "query");
		check_operands(v, a, a->head->lookup->k[d], "key");
	}
}

static void
check_lookup(Verifier *v, const Lookup *s)
{
	if (strcmp(s->intent, "softmax") && s->gap < GAP_LEAST)
		rule_broken(v, s->ref, "%s, %s: a gap of %lld leaves other places a weight",
		            find_name(v->names, s), s->intent, (long long)s->gap);
}

/* ---- what atoms come to on a text ---- */

static bool
value_is_within(double x, double lo, double hi, double slack)
{
	return x >= lo - slack && x <= hi + slack;
}

static void
check_value(Verifier *v, const CircuitRun *r, const Atom *a, int p)
{
	double x = r->value[a->id][p];
	bool exact = !a->real, meant = a->real && a->error > 0;
	double slack = meant ? a->error : exact ? 0 : 1e-9;
	double lo = meant ? a->min : (double)a->lo, hi = meant ? a->max : (double)a->hi;
	double bos = meant ? a->real_bos : (double)a->bos;

	if (exact && x != rint(x))
		rule_broken(v, a->node, "%s is %.9g at place %d, no integer",
		            atom_name(v->names, a), x, p);
	if (p ? !value_is_within(x, lo, hi, slack) : !value_is_within(x, bos, bos, slack))
		rule_broken(v, a->node, "%s is %.9g at place %d, and %.9g..%.9g is promised",
		            atom_name(v->names, a), x, p, p ? lo : bos, p ? hi : bos);
}

/* A neuron that rounds adds its lift to what stands in one column: that has to be nearer to an
 * integer than half of the last place which a float of the lift's size has. */
static void
check_rounding(Verifier *v, const CircuitRun *r, const Atom *a)
{
	double in[PLACES_MAX], error[PLACES_MAX];

	form_values(r, a->in, in);
	part_errors(r, a->in, INT_MAX, error);
	for (int p = 0; p < r->places; p++) {
		double x = in[p] - (double)a->lift, off = fabs(x - rint(x)) + error[p];
		if (off >= ldexp((double)a->lift, -24))
			rule_broken(v, a->node,
			            "%s rounds %.9g at place %d, which may be off by %.3g",
			            atom_name(v->names, a), x, p, off);
	}
}

/* What a step reads is at most 0, or at least 1. */
static void
check_step(Verifier *v, const CircuitRun *r, const Atom *a)
{
	double in[PLACES_MAX], error[PLACES_MAX];

	form_values(r, a->in, in);
	part_errors(r, a->in, INT_MAX, error);
	for (int p = 0; p < r->places; p++)
		if (in[p] + error[p] > 0 && in[p] - error[p] < 1)
			rule_broken(v, a->node, "%s steps at %.9g at place %d, within %.3g",
			            atom_name(v->names, a), in[p], p, error[p]);
}

/* What is read is within the interval that its bounds are reckoned from. */
static void
check_interval(Verifier *v, const CircuitRun *r, const Form *f, const Node *at, const char *what,
               const Atom *whose, const Lookup *lookup)
{
	const RealSum *s = f->real;
	double lo = s ? s->min : (double)f->lo, hi = s ? s->max : (double)f->hi, x[PLACES_MAX];
	bool rounded = form_is_rounded(f);

	form_values(r, f, x);
	for (int p = 1; p < r->places; p++) {
		double slack = s ? s->error : rounded ? 1e-9 + 1e-9 * fabs(x[p]) : 0;
		if (value_is_within(x[p], lo, hi, slack))
			continue;
		rule_broken(v, at, "the %s of %s is %.9g at place %d, and %.9g..%.9g is promised",
		            what, whose ? atom_name(v->names, whose) : find_name(v->names, lookup),
		            x[p], p, lo, hi);
		return;
	}
}

/* Neurons that stand in one column come to what is known of their sum. */
static void
check_bundles(Verifier *v, const CircuitRun *r, const Form *f, const Node *at)
{
	double x[PLACES_MAX];

	for (int i = 0; f->real && i < f->real->n; i++) {
		const Bundle *b = f->real->term[i].f->bundle;
		if (!b)
			continue;
		form_values(r, f->real->term[i].f, x);
		for (int p = 0; p < r->places; p++) {
			double lo = p ? b->min : b->bos, hi = p ? b->max : b->bos;
			if (value_is_within(x[p], lo, hi, b->error))
				continue;
			rule_broken(v, at,
			            "neurons from %s on add up to %.9g at place %d, and %.9g..%.9g "
			            "+- %.3g is promised",
			            atom_name(v->names, f->real->term[i].f->term[0].atom), x[p], p,
			            lo, hi, b->error);
			break;
		}
	}
}

static void
check_atom_values(Verifier *v, const CircuitRun *r)
{
	for (int i = 0; i < v->c->natom; i++) {
		const Atom *a = v->c->atom[i];
		if (!v->names->live[i])
			continue;
		for (int p = 0; p < r->places; p++)
			check_value(v, r, a, p);
		if (a->lift)
			check_rounding(v, r, a);
		if (a->step)
			check_step(v, r, a);
		if (a->in)
			check_interval(v, r, a->in, a->node, "input", a, NULL);
		if (a->in)
			check_bundles(v, r, a->in, a->node);
	}
	for (int i = 0; i < v->c->g->noutput; i++)
		check_bundles(v, r, v->c->output[i], v->c->g->output[i].node);
	for (int i = 0; i < v->names->nlookup; i++) {
		const Lookup *s = v->names->lookup[i];
		for (int d = 0; d < s->ndim; d++) {
			check_interval(v, r, s->q[d], s->ref, "query", NULL, s);
			check_interval(v, r, s->k[d], s->ref, "key", NULL, s);
		}
	}
}

/* ---- what nodes mean ---- */

static bool
has_values(const Verifier *v, const Form *f)
{
	for (int i = 0; i < f->n; i++)
		if (!v->names->live[f->term[i].atom->id])
			return false;
	return true;
}

static void
check_node(Verifier *v, const CircuitRun *r, Eval *e, const Node *n, const Form *f)
{
	const RealSum *s = f->real;
	double value[PLACES_MAX];

	form_values(r, f, value);
	for (int p = 1; p < r->places; p++) {
		int64_t bits = eval_at(e, n, p - 1);
		double meant = n->type.real ? real_value(bits) : (double)bits, x = value[p];
		double slack = s ? s->error + 1e-12 * (1 + fabs(meant)) : 0;
		double lo = s ? s->min : (double)f->lo, hi = s ? s->max : (double)f->hi;
		if (!value_is_within(x, meant, meant, slack)) {
			rule_broken(v, n,
			            "the form of node n%d, %s, is %.9g at place %d, and the "
			            "evaluator says %.9g",
			            n->id, op_info[n->op].name, x, p, meant);
			return;
		}
		if (!value_is_within(meant, lo, hi, s ? 1e-12 * (1 + fabs(meant)) : 0)) {
			rule_broken(v, n,
			            "node n%d, %s, is %.9g at place %d, and its form promises "
			            "%.9g..%.9g",
			            n->id, op_info[n->op].name, meant, p, lo, hi);
			return;
		}
	}
}

static void
check_nodes(Verifier *v, const CircuitRun *r, Eval *e)
{
	const Circuit *c = v->c;

	if (c->g->ninput)
		eval_numbers(e, r->text->number, r->text->n);
	else
		eval_text(e, r->text->row, r->text->n);
	for (int i = 0; i < c->g->nnode && i < c->capform; i++) {
		const Node *n = c->g->node[i];
		if (c->form[i] && !n->two_sided && has_values(v, c->form[i]))
			check_node(v, r, e, n, c->form[i]);
	}
}

static void
check_answers(Verifier *v)
{
	const Circuit *c = v->c;
	const Graph *g = c->g;

	for (int i = 0; g->emit && i < g->nfield; i++)
		if (!c->emit || c->emit[i] != c->form[g->emit[i]->id])
			rule_broken(v, g->emit[i], "the next token is not the form of its node");
	for (int i = 0; i < g->noutput; i++)
		if (c->output[i] != c->form[g->output[i].node->id])
			rule_broken(v, g->output[i].node, "%s is not the form of its node",
			            g->output[i].name);
}

/* ---- all of it ---- */

bool
verify_circuit(const Circuit *c)
{
	Verifier v;
	SampleText *text;

	verifier_begin(&v, c, "circuit");
	for (int i = 0; i < c->natom; i++) {
		if (c->atom[i]->id != i)
			rule_broken(&v, c->atom[i]->node, "atom %d has the number %d", i,
			            c->atom[i]->id);
		check_atom(&v, c->atom[i]);
	}
	for (int i = 0; i < v.names->nlookup; i++)
		check_lookup(&v, v.names->lookup[i]);
	check_answers(&v);
	int n = v.broken ? 0 : sample_texts(&v.arena, c->g, &text);
	Eval *e = eval_new(c->g);
	for (int i = 0; i < n && !v.broken; i++) {
		Arena scratch = { 0 };
		CircuitRun *r = run_circuit(&v, &scratch, &text[i]);
		check_atom_values(&v, r);
		check_nodes(&v, r, e);
		arena_free(&scratch);
	}
	eval_free(e);
	return verifier_end(&v);
}
