/* Reals: sums, gates, means and thresholds of what is computed with rounding.
 *
 * A real form is a sum of real atoms and of integer forms with coefficients of any
 * kind. Each real atom has a column of its own, and carries a proved bound of how
 * far the float in it can be from the number that is meant:
 *
 *     a reader's sum of n terms    n + 3 roundings of the sum of their absolute values
 *     relu, a gate                 no more than what they are given
 *     a bundle of n neurons        its pieces' distance from the curve, their slope times what
 *                                  they are given, and n + 3 roundings of all of them
 *     a mean of m                  each weight is 1 / m rounded, each product and
 *                                  each addition one rounding more
 *
 * The weights' own rounding is one of these. weights.c checks that what is written
 * adds up to no more terms, and no larger ones, than was taken for granted here.
 *
 * A comparison is exact again. The grid of its real (ir.h) says that x <= 0 or
 * x >= 1/g; so with an error below 1/2g and a slope s
 *
 *     u = relu(s * (1/2g - x))     is 0 where x > 0, else 1 or more
 *     relu(1 - u)                  is exactly [x > 0] */

#include "backend/circuit/circuit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double one_rounding = 0x1p-24;

/* What is known of a term, be it a bundle, a real atom or a form of integers. */
static Bundle
term_range(const Form *f)
{
	if (f->bundle)
		return *f->bundle;
	const Atom *a = f->n == 1 ? f->term[0].atom : NULL;
	if (a && a->real)
		return (Bundle){ a->min, a->max, a->real_bos, a->error };
	return (Bundle){ (double)f->lo, (double)f->hi, (double)form_bos(f), 0 };
}

double
real_bos(const Form *f)
{
	double v = f->real->k;

	for (int i = 0; i < f->real->n; i++)
		v += f->real->term[i].c * term_range(f->real->term[i].f).bos;
	return v;
}

/* ---- sums ---- */

typedef struct RealSumBuilder {
	int n, cap;
	RealTerm *term;
	double k;
} RealSumBuilder;

static void
add_real_term(Circuit *c, RealSumBuilder *s, const Form *f, double by)
{
	if (f->real) {
		for (int i = 0; i < f->real->n; i++)
			add_real_term(c, s, f->real->term[i].f, by * f->real->term[i].c);
		s->k += by * f->real->k;
		return;
	}
	s->k += by * (double)f->k;
	if (!f->n || by == 0)
		return;
	f = form_scale(c, 1, f, -f->k);
	for (int i = 0; i < s->n; i++)
		if (form_equal(s->term[i].f, f)) {
			s->term[i].c += by;
			return;
		}
	GROW(c->arena, s->term, s->cap, s->n + 1);
	s->term[s->n++] = (RealTerm){ f, by };
}

/* The atoms of all terms, for who asks what a form is made of. */
static void
list_atoms(Circuit *c, Form *f)
{
	int n = 0;

	for (int i = 0; i < f->real->n; i++)
		n += f->real->term[i].f->n;
	Term *t = arena_alloc(c->arena, sizeof *t * (size_t)(n + 1));
	n = 0;
	for (int i = 0; i < f->real->n; i++)
		for (int j = 0; j < f->real->term[i].f->n; j++)
			t[n++] = (Term){ f->real->term[i].f->term[j].atom, 1 };
	sort_by_atom(t, n);
	for (int i = 0; i < n; i++)
		if (!f->n || t[f->n - 1].atom != t[i].atom)
			t[f->n++] = t[i];
	f->term = t;
	for (int i = 0; i < f->n; i++)
		f->ready = max_int(t[i].atom->ready, f->ready);
}

static const Form *
form_of_sum(Circuit *c, const RealSum *sum)
{
	Form *f = NEW(c->arena, Form);

	f->real = sum;
	f->lo = (int64_t)floor(sum->min);
	f->hi = (int64_t)ceil(sum->max);
	list_atoms(c, f);
	return f;
}

const Form *
real_form(Circuit *c, int n, const RealTerm *term, double k)
{
	RealSumBuilder s = { .k = k };
	RealSum *r = NEW(c->arena, RealSum);
	int m = 0;

	for (int i = 0; i < n; i++)
		add_real_term(c, &s, term[i].f, term[i].c);
	*r = (RealSum){ 0, s.term, s.k, s.k, s.k, 0 };
	double most = fabs(s.k);
	for (int i = 0; i < s.n; i++) {
		const RealTerm *t = &s.term[i];
		if (t->c == 0)
			continue;
		Bundle p = term_range(t->f);
		r->min += t->c > 0 ? t->c * p.min : t->c * p.max;
		r->max += t->c > 0 ? t->c * p.max : t->c * p.min;
		r->error += fabs(t->c) * p.error;
		most += fabs(t->c) * max_double(fabs(p.min), fabs(p.max));
		s.term[m++] = *t;
	}
	r->n = m;
	r->error += most * 0x1p-40; /* doubles, here and in the evaluator */
	return form_of_sum(c, r);
}

const Form *
real_within(Circuit *c, const Form *f, double min, double max)
{
	RealSum *r = NEW(c->arena, RealSum);
	Form *g = NEW(c->arena, Form);

	if (min <= f->real->min && f->real->max <= max)
		return f;
	*r = *f->real;
	r->min = max_double(min, r->min);
	r->max = min_double(max, r->max);
	*g = *f;
	g->real = r;
	g->lo = (int64_t)floor(r->min);
	g->hi = (int64_t)ceil(r->max);
	return g;
}

double
real_max_abs(const Form *f)
{
	Bundle p = term_range(f);

	return max_double(max_double(fabs(p.min), fabs(p.max)), fabs(p.bos)) + p.error;
}

/* The sum of the absolute values of a reader's terms, and how many they are. */
static double
reader_abs_sum(const RealSum *r, int *n)
{
	double sum = fabs(r->k);

	*n = 1 + r->n;
	for (int i = 0; i < r->n; i++)
		sum += fabs(r->term[i].c) * real_max_abs(r->term[i].f);
	return sum;
}

double
real_rounding(double sum, int n)
{
	return (n + 3) * one_rounding * sum;
}

double
real_allowed(const Form *f)
{
	int n;
	double sum = reader_abs_sum(f->real, &n);

	return real_rounding(sum, n);
}

double
real_error(const Form *f)
{
	return f->real->error + real_allowed(f) * 1.001;
}

const Form *
real_set_bos(Circuit *c, const Form *f, double v)
{
	double d = v - real_bos(f);

	if (d == 0)
		return f;
	const Form *g = real_form(c, 2, (RealTerm[]){ { f, 1 }, { c->is_bos, d } }, 0);
	return real_within(c, g, f->real->min, f->real->max);
}

/* ---- atoms ---- */

/* What a real atom has in common, of a form that it computes. */
static Atom
real_atom(AtomKind kind, double min, double max, double bos, double error)
{
	return (Atom){
		.kind = kind,
		.real = true,
		.min = min,
		.max = max,
		.real_bos = bos,
		.error = error,
		.lo = (int64_t)floor(min - error),
		.hi = (int64_t)ceil(max + error),
		.bos = (int64_t)ceil(fabs(bos) + error),
	};
}

static const Form *
real_form_of_atom(Circuit *c, Atom a)
{
	return real_form(c, 1, (RealTerm[]){ { form_atom(c, atom_intern(c, a)), 1 } }, 0);
}

const Form *
real_neuron(Circuit *c, const Form *f)
{
	const RealSum *r = f->real;

	if (r->max <= 0)
		return real_form(c, 0, NULL, 0);
	double bos = real_bos(f);
	Atom a = real_atom(NEURON, max_double(r->min, 0), r->max, max_double(bos, 0),
	                   real_error(f));
	a.in = f;
	a.ready = computed_from(f->ready);
	return real_form_of_atom(c, a);
}

/* A column of the token table or of the position table. */
static const Form *
real_feature(Circuit *c, const double *table, bool by_place, int first, int n)
{
	double min = table[first], max = min, bos = table[by_place ? 0 : c->rows - 1],
	       most = fabs(bos);

	for (int i = first; i < first + n; i++) {
		min = min_double(min, table[i]);
		max = max_double(max, table[i]);
	}
	most = max_double(most, max_double(fabs(min), fabs(max)));
	Atom a = real_atom(REAL_FEATURE, min, max, bos, most * one_rounding);
	a.reals = table;
	a.by_place = by_place;
	return real_form_of_atom(c, a);
}

const Form *
real_head_value(Circuit *c, const Lookup *s, const Form *f, double absent)
{
	f = real_set_bos(c, f, absent);
	const RealSum *r = f->real;
	if (!f->n)
		return f;
	Atom a = real_atom(VALUE, min_double(r->min, absent), max_double(r->max, absent), absent,
	                   real_error(f));
	return real_form(c, 1, (RealTerm[]){ { head_atom(c, s, f, a), 1 } }, 0);
}

/* The mean over what a head selects with equal weights. Of nothing, <bos> has weight 1. */
static const Form *
real_mean(Circuit *c, const Lookup *s, const Form *f, double none)
{
	double rounding = (c->places + 8) * one_rounding
	                  * max_double(fabs(f->real->min), fabs(f->real->max));

	f = real_set_bos(c, f, none);
	if (!f->n)
		return f;
	double min = min_double(f->real->min, none), max = max_double(f->real->max, none);
	double error = real_error(f) + rounding;
	Atom a = real_atom(VALUE, min, max, none, error);
	return real_form(c, 1, (RealTerm[]){ { head_atom(c, s, f, a), 1 } }, 0);
}

/* ---- gates ---- */

/* relu(f - m * deficit), m so large that it is exactly 0 where the deficit is not. */
static const Form *
gate_above(Circuit *c, const Form *d, const Form *f, double by)
{
	double most = max_double(by > 0 ? f->real->max : -f->real->min, 0);
	double m = exp2(ceil(log2(most + 4 * real_error(f) + 0x1p-20)) + 1);

	return real_neuron(c, real_form(c, 2, (RealTerm[]){ { f, by }, { d, -m } }, 0));
}

const Form *
real_gate(Circuit *c, const Form *d, const Form *f)
{
	const RealSum *r = f->real;

	if (d->lo > 0)
		return real_form(c, 0, NULL, 0);
	if (d->hi <= 0)
		return f;
	const Form *plus = gate_above(c, d, f, 1), *minus = gate_above(c, d, f, -1);
	const Form *g = real_form(
		c, 2, (RealTerm[]){ { plus, r->max > 0 }, { minus, -(double)(r->min < 0) } }, 0);
	return real_within(c, g, min_double(r->min, 0), max_double(r->max, 0));
}

/* ---- operators ---- */

static const Form *
map_linear(Circuit *c, Node *n)
{
	RealTerm *t = arena_alloc(c->arena, sizeof *t * (size_t)(n->narg + 1));

	for (int i = 0; i < n->narg; i++)
		t[i] = (RealTerm){ map_node(c, n->arg[i]), n->real[i].x };
	return real_form(c, n->narg, t, n->real[n->narg].x);
}

static const Form *
map_real_if(Circuit *c, Node *n)
{
	const Form *yes = map_node(c, n->arg[1]), *no = map_node(c, n->arg[2]);
	const Form *over = real_form(c, 2, (RealTerm[]){ { yes, 1 }, { no, -1 } }, 0);
	const Form *g = real_gate(c, deficit(c, n->arg[0], true), over);

	return real_form(c, 2, (RealTerm[]){ { no, 1 }, { g, 1 } }, 0);
}

/* Each element but for its distance from the default, where the index is its number. */
static const Form *
map_real_pick(Circuit *c, Node *n)
{
	const Form *from = map_node(c, n->arg[1]), *sum = from;

	for (int i = 2; i < n->narg; i++) {
		Node *hit = mk_at(c->g, n, OP_EQ, n->arg[0], mk_const(c->g, i - 2), NULL);
		const Form *over = real_form(
			c, 2, (RealTerm[]){ { map_node(c, n->arg[i]), 1 }, { from, -1 } }, 0);
		sum = real_form(c, 2,
		                (RealTerm[]){ { sum, 1 },
		                              { real_gate(c, deficit(c, hit, true), over), 1 } },
		                0);
	}
	return sum;
}

static const Form *
values_by_step(Circuit *c, Node *n, const Form *f)
{
	const Form *sum = real_form(c, 0, NULL, n->real[f->lo - n->k].x);

	for (int64_t v = f->lo + 1; v <= f->hi; v++) {
		double rise = n->real[v - n->k].x - n->real[v - 1 - n->k].x;
		if (rise != 0)
			sum = real_form(
				c, 2, (RealTerm[]){ { sum, 1 }, { threshold(c, f, v), rise } }, 0);
	}
	return sum;
}

enum { FEW_STEPS = 8 }; /* columns of integers can take turns with others */

/* A broken line is one column and not one for each step, but rounds more where the values
 * go up and down. */
static const Form *
values_in_line(Circuit *c, Node *n, const Form *f)
{
	int64_t size = f->hi - f->lo + 1, grid = real_grid(&n->type);
	double *y = arena_alloc(c->arena, sizeof *y * (size_t)size), most = 0;

	for (int64_t i = 0; i < size; i++) {
		y[i] = n->real[f->lo + i - n->k].x;
		most = max_double(most, fabs(y[i]));
	}
	const Form *line = size > FEW_STEPS ? real_polyline(c, f, (int)size, y) : NULL;
	double error = line ? real_error(line) : 0;
	bool fine = error < 0x1p-16 * most && (!grid || error < 0x1p-6 / (double)grid);
	return fine ? line : NULL;
}

/* A table where the stream is one of the token or place; else a line, or a step for each value. */
static const Form *
map_values(Circuit *c, Node *n)
{
	Node *x = n->arg[0];
	const Node *root = x->type.root;
	const Form *f;

	if (root && x->type.image && (root->op == OP_TOKEN || root->op == OP_INDEX)) {
		bool place = root->op == OP_INDEX;
		int field = (int)root->k, first = place ? 1 : first_row(c->g, field);
		double *t = arena_alloc(c->arena, sizeof *t * (size_t)(c->rows + c->places));
		for (int i = 0; i < root->type.nset; i++)
			t[first + root->type.set[i]] = n->real[x->type.image[i] - n->k].x;
		return real_feature(c, t, place, first,
		                    place ? c->places - 1 : rows_of(c->g, field));
	}
	f = map_node(c, x);
	const Form *line = values_in_line(c, n, f);
	return line ? line : values_by_step(c, n, f);
}

static Node *
make_mean(Circuit *c, const Node *n, Node *e, Real none)
{
	return mk_reals(c->g, OP_MEAN, n->span, n->file, 2, (Node *[]){ e, n->arg[1] }, 0, &none,
	                1);
}

/* Is it said of both positions at once? */
static bool
is_mixed(const Node *e)
{
	return side(e) == ON_BOTH;
}

enum { MAX_CASES = 64 }; /* of a sum, whose terms may have fewer */

/* The mean of a sum is the sum of means, the first of which has what there is if nothing
 * is selected. NULL if it is no sum, or of terms that are all mixed and have few cases together. */
static const Form *
mean_by_terms(Circuit *c, Node *n, int rows)
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

/* What depends on this position too: a mean for each value that it has here, of which
 * one is taken. They share their head. */
static const Form *
mean_by_case(Circuit *c, Node *n)
{
	BilinearTerm *row;
	int rows = rows_here(c, n->arg[0], &row);
	const Form *sum = mean_by_terms(c, n, rows);

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

/* The same at all positions: it is its own mean, where there is one. */
static const Form *
mean_of_here(Circuit *c, Node *n)
{
	Node *there = make_found(c, n, make_node(c, n, OP_LATEST, n->arg[1], NULL), 0);
	Node *e = n->arg[0], *none = mk_real(c->g, n->real[0]);

	if (!e->type.real)
		e = mk_reals(c->g, OP_LINEAR, n->span, n->file, 1, &e, 0,
		             (Real[]){ { 1, 1 }, { 0, 1 } }, 2);
	return map_node(c, mk_at(c->g, n, OP_IF, there, e, none));
}

static const Form *
map_mean(Circuit *c, Node *n)
{
	Node *other;

	if (is_mixed(n->arg[0]))
		return mean_by_case(c, n);
	if (side(n->arg[0]) == ON_HERE)
		return mean_of_here(c, n);
	if (c->places > ROWS_MAX && (other = one_behind(c->g, n)))
		return map_node(c, other);
	const Lookup *s = lookup_for_mean(c, n);
	if (!s)
		return NULL;
	const Form *e = map_node(c, replace_there(c->g, n->arg[0], NULL));
	return real_mean(c, s, real_form(c, 1, (RealTerm[]){ { e, 1 } }, 0), n->real[0].x);
}

/* A number as it is fed; 0 at <bos>. */
const Form *
map_input(Circuit *c, Node *n)
{
	const Type *t = &n->type;
	Atom a = { .kind = INPUT_FEATURE, .input = (int)n->k, .lo = t->lo, .hi = t->hi };

	if (!t->real)
		return form_atom(c, atom_intern(c, a));
	a = real_atom(INPUT_FEATURE, t->min, t->max, 0, 0);
	a.input = (int)n->k;
	return real_form_of_atom(c, a);
}

double
value_max_abs(const Form *f)
{
	if (f->real)
		return max_double(max_double(fabs(f->real->min), fabs(f->real->max)),
		                  fabs(real_bos(f)))
		       + f->real->error;
	return max_double(max_double(fabs((double)f->lo), fabs((double)f->hi)),
	                  fabs((double)form_bos(f)));
}

/* Scores off by e make each weight, and so the mean, off by a factor of exp(2e). Beside
 * that a weight is an exponential of a rounded difference, over a sum. */
static const Form *
map_attend(Circuit *c, Node *n)
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
	double error = real_error(v) + most * (expm1(2 * score) + (c->places + 16) * one_rounding);

	if (!v->n)
		return v;
	Atom a = real_atom(VALUE, v->real->min, v->real->max, real_bos(v), error);
	return real_form(c, 1, (RealTerm[]){ { head_atom(c, s, v, a), 1 } }, 0);
}

const Form *
map_real(Circuit *c, Node *n)
{
	switch (n->op) {
	case OP_REAL: return real_form(c, 0, NULL, n->real[0].x);
	case OP_LINEAR: return map_linear(c, n);
	case OP_VALUES: return map_values(c, n);
	case OP_RELU:
		return real_neuron(
			c, real_form(c, 1, (RealTerm[]){ { map_node(c, n->arg[0]), 1 } }, 0));
	case OP_MEAN: return map_mean(c, n);
	case OP_IF: return map_real_if(c, n);
	case OP_PICK: return map_real_pick(c, n);
	case OP_READ: return map_read(c, n);
	case OP_ATTEND: return map_attend(c, n);
	case OP_APPROX:
		return n->k && is_piece(n->arg[0]) ? map_piece(c, n->arg[0], n->real[0].x)
		                                   : map_approx(c, n);
	case OP_CURVE:
	case OP_TIMES:
		error_at_node(c, n,
		              "nothing says how near this must be: it stands outside of APPROX");
		return NULL;
	default: abort(); /* no other operator is real */
	}
}

/* ---- thresholds ---- */

const Form *
map_above(Circuit *c, Node *n)
{
	const Form *x = map_node(c, n->arg[0]);
	int64_t grid = real_grid(&n->arg[0]->type);

	if (!grid) {
		error_at_node(
			c, n,
			"this comparison cannot be proved: the real has no known steps, so it may "
			"be as near to the bound as you like");
		return NULL;
	}
	double half = 0.5 / (double)grid;
	double error = real_error(real_form(c, 1, (RealTerm[]){ { x, -1 } }, half));
	if (error >= half) {
		error_at_node(c, n,
		              "this comparison cannot be proved: the real is computed to within "
		              "%.2g, but "
		              "its values may be %.2g apart from the bound",
		              error, 2 * half);
		return NULL;
	}
	const Form *in;
	for (double s = exp2(ceil(-log2(half - error)));; s *= 2) {
		in = real_set_bos(c, real_form(c, 1, (RealTerm[]){ { x, -s } }, s * half), -2);
		if (s * half - real_error(in) >= 1 || s >= EXACT_MAX)
			break;
	}
	if (in->real->max <= 0) /* what x is made of knows more than its type */
		return form_const(c, 1);
	Atom a = real_atom(NEURON, max_double(in->real->min, 0), in->real->max, 0, real_error(in));
	a.in = in;
	a.lo = a.bos = 0;
	a.ready = computed_from(in->ready);
	return exact_flag(c, form_atom(c, atom_intern(c, a)));
}

enum { MAX_FLOORS = 1024 };

/* As many ones as there are integers up to x, from its least value on. */
const Form *
map_floor(Circuit *c, Node *n)
{
	int64_t lo = n->type.lo, hi = n->type.hi;
	const Form *sum = form_const(c, hi);

	if (hi - lo > MAX_FLOORS) {
		error_at_node(
			c, n,
			"this can be rounded to %lld integers, more than the %d that one layer "
			"tells apart",
			(long long)(hi - lo + 1), MAX_FLOORS);
		return NULL;
	}
	for (int64_t k = lo + 1; k <= hi; k++) {
		Node *below = mk_reals(c->g, OP_LINEAR, n->span, n->file, 1, n->arg, 0,
		                       (Real[]){ { -1, 1 }, { (double)k, 1 } }, 2);
		sum = form_add(c, 1, sum, -1,
		               map_node(c, mk_at(c->g, n, OP_ABOVE, below, NULL, NULL)), 0);
	}
	return sum;
}
