/* Piecewise linear approximation: a smooth function, or a product, as a broken line of neurons
 * that one column adds up.
 *
 *     f(x)  =  y + c1 relu(x - k1) + c2 relu(x - k2) + ... - b1 relu(a1 - x) - ...
 *
 * Each coefficient is a scale of the neuron's input, so that the column only adds and subtracts.
 *
 * Knots stand as far apart as the tolerance permits. On a piece of width h where f'' does not
 * change its sign, f is between its chord and q = max |f''| h^2 / 8 to one side of it. If both
 * knots are off the curve by the tolerance to the other side, q may be twice the tolerance; that
 * is how a best approximation alternates (Chebyshev). From a knot that is on the curve q may be
 * 1.45 times the tolerance, from one that is off to the wrong side half of it; where f'' changes
 * its sign, knots are on the curve again.
 *
 * A product is two such lines, by quarter squares: x y = (s^2 - d^2) / 4, with s and d = a x +- y
 * / a and a power of two for a that makes x and y of like size. */

#include "backend/map/map.h"

#include <math.h>
#include <stdlib.h>

enum {
	KNOTS_MAX = 4096,        /* most knots of one line */
	PARTS = 4,               /* a piece is looked at in so many parts */
	COLUMNS_MAX = 16,        /* most columns that share the neurons of one curve */
	LARGEST = EXACT_MAX / 4, /* most that a function may be: its neurons add up to more */
};

/* What is to be made straight: a smooth function, or x * x / 4. */
typedef struct Curve {
	Smooth *smooth; /* NULL: the square */
	double lo, hi;  /* its range */
	bool whole;     /* of integers: what is between two of them does not matter */
	double tolerance;
} Curve;

typedef struct Knot {
	double x, y;
} Knot;

typedef struct RealPolyline {
	int n, cap;
	Knot *knot; /* (n) by ascending x */
	int base;   /* the knot from which neurons go to the right and to the left */
} RealPolyline;

static Jet
curve_jet(const Curve *f, Interval x)
{
	if (f->smooth)
		return smooth_on(f->smooth, x);
	double p = x.lo * x.lo / 4, q = x.hi * x.hi / 4;
	return (Jet){ { x.lo <= 0 && x.hi >= 0 ? 0 : min_double(p, q), max_double(p, q) },
		      { x.lo / 2, x.hi / 2 },
		      { 0.5, 0.5 } };
}

static double
curved_at(const Curve *f, double x)
{
	return f->smooth ? smooth_at(f->smooth, x) : x * x / 4;
}

static Jet
curve_jet_in_parts(const Curve *f, double a, double b, int parts)
{
	Jet all = { 0 };

	for (int i = 0; i < parts; i++) {
		double to = i + 1 < parts ? a + (b - a) * (i + 1) / parts : b;
		Jet j = curve_jet(f, (Interval){ a + (b - a) * i / parts, to });
		all.value = i ? interval_hull(all.value, j.value) : j.value;
		all.slope = i ? interval_hull(all.slope, j.slope) : j.slope;
		all.bend = i ? interval_hull(all.bend, j.bend) : j.bend;
	}
	return all;
}

static int
curvature_sign(Interval bend)
{
	return bend.lo >= 0 ? 1 : bend.hi <= 0 ? -1 : 0;
}

/* May a piece go from a, where it is off by `side` times the tolerance, to b? Then *next is how
 * it is off there: 1, below the curve, where that is convex; -1 where it is concave; 0 where it
 * is not known. */
static bool
piece_fits(const Curve *f, double a, double b, int side, int parts, int *next)
{
	double h = b - a, e = f->tolerance;
	Jet j = curve_jet_in_parts(f, a, b, parts);
	double q = min_double(max_double(fabs(j.bend.lo), fabs(j.bend.hi)) * h * h / 8,
	                      (j.slope.hi - j.slope.lo) * h / 4);
	/* the height bounds the error where the slope does not, as of a root at 0 */
	double width = j.value.hi - j.value.lo;

	*next = curvature_sign(j.bend);
	if (!*next)
		return q <= (side ? e / 4 : e) || (!side && width <= e);
	return q <= (side == *next ? 2 * e
	             : side        ? e / 2
	                           : 1.45 * e)
	       || (side == *next && width <= 2 * e) || (!side && width <= e);
}

static bool
can_reach(const Curve *f, double a, double b, int side, int *next)
{
	*next = 0;
	return (f->whole && b - a <= 1) || piece_fits(f, a, b, side, 1, next)
	       || piece_fits(f, a, b, side, PARTS, next);
}

static void
add_knot(Arena *arena, RealPolyline *l, double x, double y)
{
	GROW(arena, l->knot, l->cap, l->n + 1);
	l->knot[l->n++] = (Knot){ x, y };
}

static double
knot_at(const Curve *f, double a, double h)
{
	double b = a + h;

	if (f->whole)
		b = max_double(floor(b), a + 1);
	return min_double(b, f->hi);
}

/* The farthest knot after a, found by doubling and bisection to within some percent; a itself if
 * there is none. *h is how far the last one was, where the search begins. */
static double
next_knot(const Curve *f, double a, int side, double *h)
{
	double good = 0, bad = 0;
	int next;

	for (int i = 0; i < 200; i++) {
		double b = knot_at(f, a, *h);
		bool fits = can_reach(f, a, b, side, &next);
		if (fits)
			good = *h;
		else
			bad = *h;
		if (fits && b >= f->hi)
			return b;
		if (good && bad
		    && (bad - good < 0.02 * good || knot_at(f, a, good) == knot_at(f, a, bad)))
			break;
		*h = !bad ? 2 * good : !good ? bad / 2 : (good + bad) / 2;
	}
	*h = good;
	return good ? knot_at(f, a, good) : a;
}

/* The knots from one end of the range to the other; false if they are too many. */
static bool
place_knots(Arena *arena, const Curve *f, RealPolyline *l)
{
	double a = f->lo, h = (f->hi - f->lo) / 16, width = (f->hi - f->lo) * 0x1p-20;
	int side = curvature_sign(curve_jet(f, (Interval){ a, a + width }).bend);

	*l = (RealPolyline){ 0 };
	add_knot(arena, l, a, curved_at(f, a) - side * f->tolerance);
	while (a < f->hi) {
		double b = next_knot(f, a, side, &h);
		if (b == a || l->n >= KNOTS_MAX)
			return false;
		can_reach(f, a, b, side, &side);
		add_knot(arena, l, b, curved_at(f, b) - side * f->tolerance);
		a = b;
	}
	return true;
}

static double
slope_after_knot(const RealPolyline *l, int i)
{
	return (l->knot[i + 1].y - l->knot[i].y) / (l->knot[i + 1].x - l->knot[i].x);
}

static double
steepest_slope(const RealPolyline *l)
{
	double most = 0;

	for (int i = 0; i + 1 < l->n; i++)
		most = max_double(most, fabs(slope_after_knot(l, i)));
	return most;
}

/* How the slope changes at a knot, on the way from the base. */
static double
slope_change(const RealPolyline *l, int i, int base, bool left)
{
	if (left)
		return -slope_after_knot(l, i - 1) + (i < base ? slope_after_knot(l, i) : 0);
	return slope_after_knot(l, i) - (i > base ? slope_after_knot(l, i - 1) : 0);
}

/* The knot whose neurons to both sides are smallest in sum: so they round least. */
static void
choose_base(Arena *arena, RealPolyline *l)
{
	double *right = NEWS(arena, double, l->n + 1), best = INFINITY, left = 0;
	int last = l->n - 1;

	for (int i = last - 1; i > 0; i--) /* right[i]: of all changes from knot i on */
		right[i] = right[i + 1]
		           + fabs(slope_after_knot(l, i) - slope_after_knot(l, i - 1))
		                     * (l->knot[last].x - l->knot[i].x);
	for (int i = 0; i <= last; i++) {
		double to_right = i < last ? fabs(slope_after_knot(l, i))
		                                             * (l->knot[last].x - l->knot[i].x)
		                                     + right[i + 1]
		                           : 0;
		double to_left = i > 0 ? fabs(slope_after_knot(l, i - 1))
		                                         * (l->knot[i].x - l->knot[0].x)
		                                 + left
		                       : 0;
		if (max_double(to_right, to_left) < best) {
			best = max_double(to_right, to_left);
			l->base = i;
		}
		if (i > 0 && i < last)
			left += fabs(slope_after_knot(l, i) - slope_after_knot(l, i - 1))
			        * (l->knot[i].x - l->knot[0].x);
	}
}

/* ---- neurons ---- */

typedef struct LineBend {
	const RealPolyline *line;
	double knot, change;
	bool left;
	Atom *atom; /* relu(|change| * (x - knot)) */
	int sign;
} LineBend;

typedef struct LineBends {
	int n, cap;
	LineBend *at;
	double allowed; /* the rounding errors of all that they read, added up */
} LineBends;

/* The rounding error of reading x, where the neuron is above 0 or about to be: if x is one
 * column, it is no farther from its own 0 there than the knot is, or the end on the neuron's
 * side. */
static double
rounding_near(const Form *x, const Form *in, const LineBend *b)
{
	const RealSum *r = x->real;
	double by = fabs(b->change), knot = fabs(b->knot - r->k),
	       end = fabs((b->left ? r->min : r->max) - r->k);
	double bos = fabs(real_bos(x) - r->k);

	if (r->n != 1)
		return 1.001 * real_allowed(in);
	return 1.001
	       * real_rounding(by * (max_double(max_double(knot, end), bos) + knot + r->error), 2);
}

static void
add_bend(Circuit *c, LineBends *b, LineBend one, const Form *x)
{
	double by = (one.left ? -1 : 1) * fabs(one.change);
	const Form *in = real_form(c, 1, (RealTerm[]){ { x, by } }, -by * one.knot),
		   *f = real_neuron(c, in);

	if (!f->n)
		return;
	GROW(c->arena, b->at, b->cap, b->n + 1);
	one.atom = f->term[0].atom;
	b->allowed += rounding_near(x, in, &one);
	b->at[b->n++] = one;
}

/* Adds the neurons of sign * line, from its base on; gives the value of the line there. */
static double
add_polyline(Circuit *c, LineBends *b, RealPolyline *l, int sign, const Form *x)
{
	choose_base(c->arena, l);
	for (int i = l->base; i + 1 < l->n; i++)
		add_bend(c, b,
		         (LineBend){ l, l->knot[i].x, slope_change(l, i, l->base, false),
		                     .left = false },
		         x);
	for (int i = l->base; i > 0; i--)
		add_bend(c, b,
		         (LineBend){ l, l->knot[i].x, slope_change(l, i, l->base, true),
		                     .left = true },
		         x);
	for (int i = 0; i < b->n; i++)
		if (b->at[i].line == l)
			b->at[i].sign = b->at[i].change > 0 ? sign : -sign;
	return sign * l->knot[l->base].y;
}

/* The range of the sum of those of these neurons that are of the line l: what it is at its knots.
 */
static Interval
range_at_knots(const LineBend *b, int n, const RealPolyline *l)
{
	Interval all = { INFINITY, -INFINITY };

	for (int k = 0; k < l->n; k++) {
		double y = 0;
		for (int i = 0; i < n; i++)
			if (b[i].line == l)
				y += b[i].sign * fabs(b[i].change)
				     * max_double(0, b[i].left ? b[i].knot - l->knot[k].x
				                               : l->knot[k].x - b[i].knot);
		all = interval_hull(all, (Interval){ y, y });
	}
	return all;
}

/* The most that the absolute values of these neurons add up to: of each line, only those to one
 * side of its base are not 0 at a time. */
static double
bends_abs_sum(const LineBend *b, int n)
{
	double side[2] = { 0, 0 }, sum = 0;

	for (int i = 0; i < n; i++) {
		const Atom *a = b[i].atom;
		if (i && b[i].line != b[i - 1].line) {
			sum += max_double(side[0], side[1]);
			side[0] = side[1] = 0;
		}
		side[b[i].left] += max_double(max_double(fabs(a->min), fabs(a->max)),
		                              fabs(a->real_bos))
		                   + a->error;
	}
	return sum + max_double(side[0], side[1]);
}

static double
rounding_in_columns(const LineBends *b, int columns)
{
	double sum = 0;

	for (int i = 0; i < columns; i++) {
		int from = b->n * i / columns, n = b->n * (i + 1) / columns - from;
		sum += real_rounding(bends_abs_sum(b->at + from, n) + b->allowed, n);
	}
	return sum;
}

static const Form *
bundle_of_bends(Circuit *c, const LineBend *b, int n, Bundle known)
{
	Form *f = NEW(c->arena, Form);
	Term *t = NEWS(c->arena, Term, n + 1);
	Bundle *kept = NEW(c->arena, Bundle);

	for (int i = 0; i < n; i++) {
		t[i] = (Term){ b[i].atom, b[i].sign };
		known.bos += b[i].sign * b[i].atom->real_bos;
	}
	sort_by_atom(t, n);
	for (int i = 0; i < n; i++) {
		if (f->n && t[f->n - 1].atom == t[i].atom)
			t[f->n - 1].c += t[i].c;
		else
			t[f->n++] = t[i];
	}
	*kept = known;
	f->term = t;
	f->near = true;
	f->bundle = kept;
	f->lo = (int64_t)floor(known.min - known.error);
	f->hi = (int64_t)ceil(known.max + known.error);
	f->ready = form_ready(f);
	return f;
}

/* A placeholder of 0 for what is meant to be in this interval, with that error. */
static const Form *
blank_form(Circuit *c, Interval meant, double error)
{
	Atom a = { .kind = REAL_FEATURE,
		   .real = true,
		   .reals = NEWS(c->arena, double, c->rows),
		   .min = meant.lo,
		   .max = meant.hi,
		   .error = error };

	return form_atom(c, atom_intern(c, a));
}

/* The sum of all neurons, in as many columns as keep their rounding small beside the tolerance.
 * The first column answers for the error that they have in common; `meant` is what they add up
 * to. */
static const Form *
bends_in_columns(Circuit *c, const LineBends *b, double tolerance, double error, Interval meant,
                 double k)
{
	int columns = 1;

	if (!b->n)
		return real_form(c, 1, (RealTerm[]){ { blank_form(c, meant, error), 1 } }, k);
	while (columns < COLUMNS_MAX && 2 * columns <= b->n
	       && rounding_in_columns(b, columns) > tolerance / 4)
		columns *= 2;
	RealTerm *t = NEWS(c->arena, RealTerm, columns + 1);
	for (int i = 0; i < columns; i++) {
		const LineBend *first = b->at + b->n * i / columns;
		int n = (int)(b->at + b->n * (i + 1) / columns - first);
		Interval r = { 0, 0 };
		for (int j = 0; j < n && columns > 1; j++) {
			if (j && first[j].line == first[j - 1].line)
				continue;
			Interval one = range_at_knots(first, n, first[j].line);
			r = (Interval){ r.lo + one.lo, r.hi + one.hi };
		}
		if (columns == 1)
			r = meant;
		else if (i == 0) /* what is meant is so far from the sum of the neurons */
			r = (Interval){ r.lo - error, r.hi + error };
		double own = real_rounding(bends_abs_sum(first, n) + b->allowed, n);
		t[i] = (RealTerm){ bundle_of_bends(c, first, n,
			                           (Bundle){ r.lo, r.hi, 0,
			                                     own + (i ? 0 : error + b->allowed) }),
			           1 };
	}
	return real_form(c, columns, t, k);
}

/* ---- one function of one stream ---- */

/* In the place of what takes too many neurons: with an error that nobody accepts. */
static const Form *
hopeless_form(Circuit *c, const Node *n)
{
	return real_form(
		c, 1,
		(RealTerm[]){
			{ blank_form(c, (Interval){ node_min(n), node_max(n) }, HOPELESS), 1 } },
		0);
}

static const Form *
real_operand(Circuit *c, Node *n)
{
	const Form *f = real_form(c, 1, (RealTerm[]){ { map_node(c, n), 1 } }, 0);

	return real_within(c, f, node_min(n), node_max(n));
}

/* x with a value at <bos> that is in the range, or not far from it: else that alone would make
 * terms large. */
static const Form *
keep_bos_in_range(Circuit *c, const Form *x, double lo, double hi)
{
	double bos = real_bos(x), far = (hi - lo) / 64;

	return bos < lo - far   ? real_set_bos(c, x, lo)
	       : bos > hi + far ? real_set_bos(c, x, hi)
	                        : x;
}

/* How far a value that was taken at a knot may be from the curve: as beside the end of a root,
 * where it is steep. */
static double
blur_at_knots(Smooth *s, const RealPolyline *l)
{
	double most = 0;

	for (int i = 0; i < l->n; i++) {
		Interval y = smooth_on(s, (Interval){ l->knot[i].x, l->knot[i].x }).value;
		most = fmax(most, (y.hi - y.lo) / 2);
	}
	return most;
}

static const Form *
map_curve(Circuit *c, Node *n, double tolerance)
{
	Smooth *s = smooth_of(c->arena, n, n->type.of, SMOOTH_STEPS);
	Node *of = c->g->node[n->type.of->id];
	const Form *x = real_operand(c, of);
	Curve f = { s, x->real->min, x->real->max, !of->type.real, tolerance * (1 - 1e-9) };
	RealPolyline line;
	LineBends b = { 0 };

	if (s && f.lo == f.hi)
		return real_form(c, 0, NULL, smooth_at(s, f.lo));
	if (!s || !place_knots(c->arena, &f, &line))
		return hopeless_form(c, n);
	double k = add_polyline(c, &b, &line, 1, keep_bos_in_range(c, x, f.lo, f.hi)),
	       near = tolerance + blur_at_knots(s, &line);
	Interval meant = { INFINITY, -INFINITY };
	for (int i = 0; i < line.n; i++)
		meant = interval_hull(
			meant, (Interval){ line.knot[i].y - near - k, line.knot[i].y + near - k });
	return bends_in_columns(c, &b, tolerance, near + steepest_slope(&line) * x->real->error,
	                        meant, k);
}

const Form *
real_polyline(Circuit *c, const Form *f, int n, const double *y)
{
	const Form *x = real_form(c, 1, (RealTerm[]){ { f, 1 } }, 0);
	RealPolyline l = { 0 };
	LineBends b = { 0 };
	Interval meant = { y[0], y[0] };

	for (int i = 0; i < n; i++) {
		meant = interval_hull(meant, (Interval){ y[i], y[i] });
		if (i == 0 || i + 1 == n || y[i + 1] - y[i] != y[i] - y[i - 1])
			add_knot(c->arena, &l, (double)(f->lo + i), y[i]);
	}
	if (l.n > KNOTS_MAX)
		return NULL;
	double k = add_polyline(c, &b, &l, 1, keep_bos_in_range(c, x, x->real->min, x->real->max));
	return bends_in_columns(c, &b, (meant.hi - meant.lo) * 0x1p-16, 0,
	                        (Interval){ meant.lo - k, meant.hi - k }, k);
}

/* ---- a product ---- */

/* Where x is counted from: 0, unless that is far. */
static double
range_center(const Form *x)
{
	double middle = (x->real->min + x->real->max) / 2, half = (x->real->max - x->real->min) / 2;

	return fabs(middle) > 4 * half ? middle : 0;
}

/* A product of integers, made exactly if that takes fewer neurons; else NULL. */
static const Form *
exact_product(Circuit *c, const Node *n, const Form *x, const Form *y, double tolerance)
{
	double wx = x->real->max - x->real->min, wy = y->real->max - y->real->min;

	if (n->arg[0]->type.real || n->arg[1]->type.real || wx + wy > sqrt(wx * wy / tolerance))
		return NULL;
	const Form *f = map_node(c, n->arg[0]), *g = map_node(c, n->arg[1]);
	f = form_product(c, f, g);
	return f ? real_form(c, 1, (RealTerm[]){ { f, 1 } }, 0) : NULL;
}

/* A product as two squares. Errors of the operands pass on as through exact squares, since each
 * line is near to the square wherever what it reads can be. */
static const Form *
map_product(Circuit *c, Node *n, double tolerance)
{
	const Form *x = real_operand(c, n->arg[0]), *y = real_operand(c, n->arg[1]);
	double p = range_center(x), q = range_center(y), ex = x->real->error, ey = y->real->error;
	Interval dx = { x->real->min - p, x->real->max - p },
		 dy = { y->real->min - q, y->real->max - q };
	const Form *linear = real_form(c, 2, (RealTerm[]){ { x, q }, { y, p } }, -p * q);
	const Form *exact = exact_product(c, n, x, y, tolerance);
	double wx = dx.hi - dx.lo, wy = dy.hi - dy.lo, a;

	if (wx == 0 || wy == 0)
		return real_form(
			c, 1,
			(RealTerm[]){ { wx == 0 ? y : x, wx == 0 ? x->real->min : y->real->min } },
			0);
	if (exact)
		return exact;
	a = exp2(round(log2(wy / wx) / 2));
	double spread = a * ex + ey / a, k = 0, sign[2] = { 1, -1 };
	RealPolyline line[2];
	LineBends b = { 0 };
	for (int i = 0; i < 2; i++) {
		double other[2] = { sign[i] * dy.lo / a, sign[i] * dy.hi / a };
		double lo = a * dx.lo + min_double(other[0], other[1]),
		       hi = a * dx.hi + max_double(other[0], other[1]);
		Curve f = { NULL, lo - spread, hi + spread, false, tolerance / 2 * (1 - 1e-9) };
		const Form *s = real_form(c, 2, (RealTerm[]){ { x, a }, { y, sign[i] / a } },
		                          -a * p - sign[i] * q / a);
		if (!place_knots(c->arena, &f, &line[i]))
			return hopeless_form(c, n);
		k += add_polyline(c, &b, &line[i], (int)sign[i], keep_bos_in_range(c, s, lo, hi));
	}
	Interval meant = interval_product(dx, dy);
	meant = (Interval){ meant.lo - k, meant.hi - k };
	double error = tolerance + interval_max_abs(dx) * ey + interval_max_abs(dy) * ex + ex * ey;
	return real_form(c, 2,
	                 (RealTerm[]){ { bends_in_columns(c, &b, tolerance, error, meant, k), 1 },
	                               { linear, 1 } },
	                 0);
}

const Form *
map_piece(Circuit *c, Node *n, double tolerance)
{
	double largest = max_double(-node_min(n), node_max(n));

	if (largest >= LARGEST) {
		error_at_node(
			c, n,
			"this can reach %.3g, more than the %d that a column of a 32-bit float "
			"bears; "
			"bound what it is made of, with min or max",
			largest, LARGEST);
		return NULL;
	}
	return n->type.of ? map_curve(c, n, tolerance) : map_product(c, n, tolerance);
}
