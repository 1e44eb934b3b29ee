/* Operators on reals: sums, choices, tables, thresholds.
 *
 * A comparison is exact again. The grid of its real (ir.h) says that x <= 0 or
 * x >= 1/g; so with an error below 1/2g and a slope s
 *
 *     u = relu(s * (1/2g - x))     is 0 where x > 0, else 1 or more
 *     relu(1 - u)                  is exactly [x > 0] */

#include "backend/map/map.h"
#include "backend/target/target.h"

#include <math.h>

const Form *
emit_LINEAR(Circuit *c, Node *n)
{
	RealTerm *t = arena_alloc(c->arena, sizeof *t * (size_t)(n->narg + 1));

	for (int i = 0; i < n->narg; i++)
		t[i] = (RealTerm){ map_node(c, n->arg[i]), n->real[i].x };
	return real_form(c, n->narg, t, n->real[n->narg].x);
}

const Form *
map_real_if(Circuit *c, Node *n)
{
	const Form *yes = map_node(c, n->arg[1]), *no = map_node(c, n->arg[2]);
	const Form *over = real_form(c, 2, (RealTerm[]){ { yes, 1 }, { no, -1 } }, 0);
	const Form *g = real_gate(c, deficit(c, n->arg[0], true), over);

	return real_form(c, 2, (RealTerm[]){ { no, 1 }, { g, 1 } }, 0);
}

/* Each element but for its distance from the default, where the index is its number. */
const Form *
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
const Form *
emit_VALUES(Circuit *c, Node *n)
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
		return place ? c->target->real_place_function(c, t)
		             : real_token_feature(c, field, t);
	}
	f = map_node(c, x);
	const Form *line = values_in_line(c, n, f);
	return line ? line : values_by_step(c, n, f);
}

/* A number as it is fed; 0 at <bos>. */
const Form *
emit_INPUT(Circuit *c, Node *n)
{
	const Type *t = &n->type;
	Atom a = { .kind = INPUT_FEATURE, .input = (int)n->k, .lo = t->lo, .hi = t->hi };

	if (!t->real)
		return form_atom(c, atom_intern(c, a));
	a = real_atom(INPUT_FEATURE, t->min, t->max, 0, 0);
	a.input = (int)n->k;
	return real_form_of_atom(c, a);
}

/* Nothing learned is mapped: compile_within() refuses it. */
const Form *
emit_LEARNED(Circuit *c, Node *n)
{
	(void)n;
	return real_form(c, 0, NULL, 0);
}

const Form *
emit_REAL(Circuit *c, Node *n)
{
	return real_form(c, 0, NULL, n->real[0].x);
}

const Form *
emit_RELU(Circuit *c, Node *n)
{
	const Form *x = map_node(c, n->arg[0]);

	return real_neuron(c, real_form(c, 1, (RealTerm[]){ { x, 1 } }, 0));
}

const Form *
emit_APPROX(Circuit *c, Node *n)
{
	bool piece = n->k && is_piece(n->arg[0]);

	return piece ? map_piece(c, n->arg[0], n->real[0].x) : map_approx(c, n);
}

const Form *
emit_CURVE(Circuit *c, Node *n)
{
	error_at_node(c, n, "nothing says how near this must be: it stands outside of APPROX");
	return NULL;
}

const Form *
emit_TIMES(Circuit *c, Node *n)
{
	return emit_CURVE(c, n);
}

/* ---- thresholds ---- */

const Form *
emit_ABOVE(Circuit *c, Node *n)
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
emit_FLOOR(Circuit *c, Node *n)
{
	int64_t lo = n->type.lo, hi = n->type.hi;
	const Form *sum = form_const(c, hi);

	if (hi - lo > MAX_FLOORS) {
		error_at_node(
			c, n,
			"this can be rounded to %lld integers (%lld..%lld), more than the %d that "
			"one layer tells apart; bound it with min and max, or divide it first",
			(long long)(hi - lo + 1), (long long)lo, (long long)hi, MAX_FLOORS);
		return NULL;
	}
	for (int64_t k = lo + 1; k <= hi; k++) {
		Node *below = mk_reals(c->g, OP_LINEAR, n->span, n->site, 1, n->arg, 0,
		                       (Real[]){ { -1, 1 }, { (double)k, 1 } }, 2);
		sum = form_add(c, 1, sum, -1,
		               map_node(c, mk_at(c->g, n, OP_ABOVE, below, NULL, NULL)), 0);
	}
	return sum;
}
