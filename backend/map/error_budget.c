/* Error budget: how near each part of an approximation must be, that the whole is near enough.
 *
 *     approx(exp(x) / (1 + y * y), 1/1000)
 *
 * is three pieces: exp(x), 1 / (1 + y * y), and their product. A piece that is within e costs
 * about k / sqrt(e) neurons, and moves the whole by s e at most. The neurons in all, the sum of k
 * / sqrt(e), are least for a tolerance t, the sum of s e, where e = l (k / s)^(2/3) with one l
 * for all pieces (Lagrange multipliers). k and s are estimates: k from samples of the second
 * derivative, s by the slopes on the way from the piece to the whole, as in backward
 * differentiation. What proves the answer is the error of what is then made, as the circuit
 * tracks it: l shrinks until that is within t.
 *
 * A square root begins as steep as one lets it: near 0 a piece of height 2 e has slope 1 / 2e. So
 * a function that is far steeper at an end of its range than elsewhere gets a third of t, and its
 * slope follows from that.
 *
 * An approx inside of another is taken as it is, if the tolerances of such use up no more than
 * half of t; else its parts are made anew. */

#include "backend/map/map.h"

#include <limits.h>
#include <math.h>

enum {
	SAMPLES = 256,
	TRIES = 24,     /* of l, for one tolerance */
	TOLERANCES = 6, /* tried after a failure, to name one that will do, */
	MANY = 64,      /* unless it has more pieces than this */
	PIECES_MAX = 2048,
	FAR_TOO_MANY = 16384, /* neurons of one piece, by estimate: it is not tried */
};

typedef struct ErrorBudget {
	Circuit *c;
	Arena arena; /* holds all that follows */
	const Node *of;
	int n;     /* of->id + 1: nodes up to it */
	double t;  /* how near of must be */
	bool keep; /* an APPROX inside stays what it is */
	/* by id */
	bool *rough;          /* is there a piece in it or below it? */
	bool *plain, *inside; /* is it needed for itself; as a step of a piece? */
	double *moved;        /* by how much an error of 1 in it moves the whole */
	double *part;         /* of a piece: its tolerance is l times this; 0: it is no piece, */
	double *fixed;        /* or its tolerance is this whatever l is; else 0 */
	Node **made, **step;  /* what it is in this try, for either need */
	double *steps;        /* of a piece: about how many neurons for a tolerance of 1 */
	double kept;          /* of the tolerance, used up by what has one of its own */
	int pieces;
} ErrorBudget;

/* The slope of a piece of height 2 e that starts at the end x of the range. */
static double
start_slope(Smooth *s, double x, double to, double e)
{
	double h = to - x, high = 0;

	for (int i = 0; i < 100; i++) {
		high = fabs(smooth_at(s, x + h) - smooth_at(s, x));
		if (high <= 2 * e)
			break;
		h *= 0.75;
	}
	return high / fabs(h);
}

/* Estimates how many neurons a function takes for a tolerance of 1, and its slope where it is
 * made to within `near`. True where that is at an end, and far from the slope elsewhere. */
static bool
estimate_neurons(const Node *n, double near, double *steps, double *steepest)
{
	Arena scratch = { 0 };
	Smooth *s = smooth_of(&scratch, n, n->type.of, SMOOTH_STEPS);
	double lo = node_min(n->type.of), width = (node_max(n->type.of) - lo) / SAMPLES, sum = 0;

	*steepest = 0;
	for (int i = 0; s && i < SAMPLES; i++) {
		double x = lo + (i + 0.5) * width;
		Jet j = smooth_on(s, (Interval){ x, x });
		*steepest = max_double(*steepest, max_double(fabs(j.slope.lo), fabs(j.slope.hi)));
		sum += sqrt(max_double(fabs(j.bend.lo), fabs(j.bend.hi))) * width / 4;
	}
	bool steep = false;
	for (int i = 0; s && i < 2; i++) {
		double end = i ? node_max(n->type.of) : lo, to = i ? lo : node_max(n->type.of);
		double slope = start_slope(s, end, to, near);
		steep = steep || slope > 2 * *steepest;
		*steepest = max_double(*steepest, slope);
	}
	arena_free(&scratch);
	*steps = sum;
	return steep;
}

static double
node_max_abs(const Node *n)
{
	return max_double(fabs(node_min(n)), fabs(node_max(n)));
}

/* How much an error of operand i moves n. */
static double
passed_on(const Node *n, int i)
{
	switch (n->op) {
	case OP_LINEAR: return fabs(n->real[i].x);
	case OP_TIMES: return node_max_abs(n->arg[1 - i]);
	case OP_ATTEND:
		return i ? 2 * node_max_abs(n->arg[0]) * node_max_abs(n->arg[i % 2 ? i + 1 : i - 1])
		         : 1;
	default: return 1;
	}
}

static bool
is_kept(const ErrorBudget *s, const Node *n)
{
	return n->op == OP_APPROX && !n->k && s->keep && n != s->of;
}

/* A product of two of widths a and b takes about 2 sqrt(a b / 4 e) neurons. */
static double
estimate_product(const Node *n)
{
	const Node *x = n->arg[0], *y = n->arg[1];

	return sqrt((node_max(x) - node_min(x)) * (node_max(y) - node_min(y)));
}

static void
take_share(ErrorBudget *s, const Node *n)
{
	double moved = max_double(s->moved[n->id], 1e-12), third = s->t / 3, steps, steepest = 0;

	if (!n->type.of) {
		steps = estimate_product(n);
	} else if (estimate_neurons(n, third / moved, &steps, &steepest)
	           && s->rough[n->type.of->id]) {
		s->fixed[n->id] = third / moved;
		s->kept += third;
	}
	s->pieces++;
	s->steps[n->id] = steps;
	if (!s->fixed[n->id])
		s->part[n->id] = pow(max_double(steps, 1e-6) / moved, 2.0 / 3);
	if (n->type.of)
		s->moved[n->type.of->id] += moved * steepest;
}

/* One node, on the way from the whole to its parts: what is needed, and how near. */
static void
take_stock_of(ErrorBudget *s, const Node *n)
{
	bool plain = s->plain[n->id], piece = plain && is_piece(n) && n->op != OP_APPROX;

	if (!n->type.real || (!plain && !s->inside[n->id]))
		return;
	if (plain && is_kept(s, n)) {
		s->kept += s->moved[n->id] * n->real[0].x;
		plain = false;
		if (!s->inside[n->id])
			return;
	}
	if (piece)
		take_share(s, n);
	for (int i = 0; i < n->narg; i++) {
		const Node *x = n->arg[i];
		bool through = n->op == OP_APPROX && !n->k;
		bool step = x->type.of && (through ? s->inside[n->id] : n->type.of != NULL);
		if (step)
			s->inside[x->id] = true;
		if (!step || (through && plain))
			s->plain[x->id] = true;
		if (plain && !(piece && n->type.of))
			s->moved[x->id] += s->moved[n->id] * passed_on(n, i);
	}
}

/* What x has become in this try; x itself, if there is nothing in it to make. */
static Node *
remade(const ErrorBudget *s, Node *x, bool inside)
{
	Node *y = inside && x->type.of ? s->step[x->id] : s->made[x->id];

	return y ? y : x;
}

static Node *
with_remade_operands(ErrorBudget *s, Node *n, bool inside)
{
	Arena *arena = s->c->arena;
	Node **arg = NEWS(arena, Node *, n->narg + 1);
	bool changed = false;

	for (int i = 0; i < n->narg; i++) {
		arg[i] = remade(s, n->arg[i], inside);
		changed |= arg[i] != n->arg[i];
	}
	return changed ? mk_like(s->c->g, n, arg) : n;
}

static void
make_in_try(ErrorBudget *s, Node *n, double l)
{
	Node *x = n->narg ? n->arg[0] : NULL;
	int id = n->id;

	if (n->op == OP_APPROX && !n->k) {
		if (s->inside[id])
			s->step[id] = remade(s, x, true);
		if (s->plain[id])
			s->made[id] = is_kept(s, n) ? n : remade(s, x, false);
		return;
	}
	if (s->inside[id])
		s->step[id] = with_remade_operands(s, n, true);
	if (s->plain[id] && n->type.real)
		s->made[id] = with_remade_operands(s, n, n->type.of != NULL);
	Real e = { s->fixed[id] ? s->fixed[id] : l * s->part[id], 0 };
	if (!e.x)
		return;
	s->made[id] = mk_reals(s->c->g, OP_APPROX, n->span, n->site, 1, &s->made[id], 1, &e, 1);
}

static bool
is_hopeless(const ErrorBudget *s, double l)
{
	for (int id = 0; id < s->n; id++) {
		const Node *n = s->c->g->node[id];
		bool whole = n->op == OP_TIMES && !n->arg[0]->type.real && !n->arg[1]->type.real;
		if (s->part[id] && !whole && s->steps[id] / sqrt(l * s->part[id]) > FAR_TOO_MANY)
			return true;
	}
	return false;
}

/* The whole, made with this l; its error is infinite if some part takes too many neurons. */
static const Form *
try_scale(ErrorBudget *s, double l, double *error)
{
	*error = INFINITY;
	if (is_hopeless(s, l))
		return NULL;
	for (int id = 0; id < s->n; id++)
		if (s->plain[id] || s->inside[id])
			make_in_try(s, s->c->g->node[id], l);
	const Form *f = real_form(s->c, 1,
	                          (RealTerm[]){ { map_node(s->c, s->made[s->of->id]), 1 } }, 0);
	*error = real_error(f);
	if (*error > HOPELESS / 1e6)
		*error = INFINITY;
	return f;
}

static double
take_shares(ErrorBudget *s)
{
	double sum = 0;

	for (int id = 0; id < s->n; id++) {
		const Node *n = s->c->g->node[id];
		s->rough[id] = has_trait(n->op, T_CURVED);
		for (int i = 0; i < n->narg && n->type.real; i++)
			s->rough[id] |= s->rough[n->arg[i]->id];
	}
	s->plain[s->of->id] = true;
	s->moved[s->of->id] = 1;
	for (int id = s->n - 1; id >= 0; id--)
		take_stock_of(s, s->c->g->node[id]);
	for (int id = 0; id < s->n; id++)
		sum += s->part[id] * s->moved[id];
	return sum;
}

/* Shares the tolerance t out; gives what l = 1 would stand for in all. */
static double
share_tolerance(ErrorBudget *s, Circuit *c, const Node *n, double t, bool keep)
{
	int size = n->id + 1;

	arena_free(&s->arena);
	*s = (ErrorBudget){ .c = c, .of = n, .n = size, .t = t, .keep = keep };
	s->rough = NEWS(&s->arena, bool, size);
	s->plain = NEWS(&s->arena, bool, size);
	s->inside = NEWS(&s->arena, bool, size);
	s->moved = NEWS(&s->arena, double, size);
	s->part = NEWS(&s->arena, double, size);
	s->fixed = NEWS(&s->arena, double, size);
	s->steps = NEWS(&s->arena, double, size);
	s->made = NEWS(&s->arena, Node *, size);
	s->step = NEWS(&s->arena, Node *, size);
	return take_shares(s);
}

/* Rounded up to two digits, with something to spare. */
static double
rounded_up(double x)
{
	double unit = pow(10, floor(log10(x)) - 1);

	return ceil(1.1 * x / unit) * unit;
}

static const Form *
search_scale(ErrorBudget *s, double sum, double *least)
{
	double l = sum > 0 ? 0.9 * max_double(s->t - s->kept, s->t / 8) / sum : 1, last = INFINITY,
	       error;
	int errors = s->c->diags->nerror, worse = 0;

	*least = INFINITY;
	for (int i = 0; i < TRIES && s->pieces <= PIECES_MAX; i++) {
		const Form *f = try_scale(s, l, &error);
		if (error <= s->t || s->c->diags->nerror > errors)
			return f;
		*least = min_double(*least, error);
		worse = error >= 0.98 * last && *least < INFINITY ? worse + 1 : 0;
		if (sum == 0 || worse == 2)
			break;
		last = error;
		l *= error < INFINITY ? max_double(0.9 * s->t / error, 0.3) : 16;
	}
	return NULL;
}

/* n to within t; else NULL, and *least is the nearest that was reached. */
static const Form *
map_within(Circuit *c, const Node *n, double t, double *least)
{
	ErrorBudget s = { 0 };
	long terms = c->terms, most = c->effort.terms; /* the search has bounds of its own */
	double sum = share_tolerance(&s, c, n, t, true);

	if (s.kept > t / 2)
		sum = share_tolerance(&s, c, n, t, false);
	c->effort.terms = LONG_MAX;
	const Form *f = search_scale(&s, sum, least);
	c->effort.terms = most;
	c->terms = terms;
	if (s.pieces > MANY)
		*least = INFINITY;
	arena_free(&s.arena);
	return f;
}

const Form *
map_approx(Circuit *c, Node *n)
{
	double t = n->real[0].x, least;
	const Form *f = map_within(c, n, t, &least);

	for (int i = 0; !f && least < INFINITY && i < TOLERANCES; i++) {
		t = rounded_up(least);
		if (!map_within(c, n, t, &least))
			continue;
		c->hopeless = true;
		error_at_node(c, n, "this cannot be computed to within %.3g; to within %.2g it can",
		              n->real[0].x, t);
		return NULL;
	}
	if (f)
		return f;
	c->hopeless = true;
	error_at_node(c, n,
	              "this cannot be computed to within %.3g: bound what it is made of, or say of "
	              "its parts how near they must be",
	              n->real[0].x);
	return NULL;
}
