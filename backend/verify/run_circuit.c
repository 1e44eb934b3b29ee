/* The circuit on a text, straight from its definition.
 *
 *     feature   its table, at the token or the place; <bos> is place 0
 *     neuron    relu(form); one that rounds gives the nearest integer
 *     value     the form at the place whose score q here * k there is the greatest, which is
 *               ahead by the gap; the mean of all that have the greatest score; or of all, by
 *               the exponentials of their scores ("softmax")
 *
 * Beside each rounded value stands how far the float of a model can be off. A sum of n products
 * rounds each of them n times at most, by 2^-24 (Higham, Accuracy and Stability of Numerical
 * Algorithms, 2002, section 3.1), and some more where a constant is added, or the weights are
 * no integers. The terms
 * of a real may be read from columns that hold more than one of them: so their largest values
 * count, as its reader was proved with those. */

#include "backend/verify/verify.h"

#include <limits.h>
#include <math.h>
#include <string.h>

static const double rounding_unit = 0x1p-24;

/* ---- forms ---- */

bool
form_is_rounded(const Form *f)
{
	for (int i = 0; i < f->n; i++)
		if (f->term[i].atom->real)
			return true;
	return f->real != NULL;
}

static void
set_all(const CircuitRun *r, double *to, double x)
{
	for (int p = 0; p < r->places; p++)
		to[p] = x;
}

static void
add_times(const CircuitRun *r, double *to, double times, const double *x)
{
	for (int p = 0; p < r->places; p++)
		to[p] += times * x[p];
}

void
part_values(const CircuitRun *r, const Form *f, int state, double *to)
{
	set_all(r, to, 0);
	for (int i = 0; i < f->n; i++)
		if (f->term[i].atom->ready <= state)
			add_times(r, to, (double)f->term[i].c, r->value[f->term[i].atom->id]);
}

void
form_values(const CircuitRun *r, const Form *f, double *to)
{
	const RealSum *s = f->real;
	double part[PLACES_MAX], k = s ? s->k : (double)f->k;

	if (!s)
		part_values(r, f, INT_MAX, to);
	else
		set_all(r, to, 0);
	for (int i = 0; s && i < s->n; i++) {
		form_values(r, s->term[i].f, part);
		add_times(r, to, s->term[i].c, part);
	}
	for (int p = 0; p < r->places; p++)
		to[p] += k;
}

/* What is 0, and surely so, adds nothing and rounds nothing. */
void
part_errors(const CircuitRun *r, const Form *f, int state, double *to)
{
	double size[PLACES_MAX] = { 0 };
	int n[PLACES_MAX] = { 0 };

	set_all(r, to, 0);
	if (!form_is_rounded(f))
		return;
	for (int i = 0; i < f->n; i++) {
		const Atom *a = f->term[i].atom;
		const double *x = r->value[a->id], *e = r->error[a->id];
		double c = fabs((double)f->term[i].c);
		for (int p = 0; a->ready <= state && p < r->places; p++) {
			double error = e ? e[p] : 0;
			to[p] += c * error;
			size[p] += c * (fabs(x[p]) + error);
			n[p] += x[p] != 0 || error > 0;
		}
	}
	for (int p = 0; p < r->places; p++)
		to[p] += n[p] * rounding_unit * size[p];
}

/* The largest absolute value of a term of a real, as the circuit says. */
static double
term_size(const Form *f)
{
	const Atom *a = f->n == 1 ? f->term[0].atom : NULL;
	const Bundle *b = f->bundle;

	if (b)
		return fmax(fmax(fabs(b->min), fabs(b->max)), fabs(b->bos)) + b->error;
	if (a && a->real)
		return fmax(fmax(fabs(a->min), fabs(a->max)), fabs(a->real_bos)) + a->error;
	double size = fmax(fabs((double)f->lo), fabs((double)f->hi)), bos = (double)f->k;
	for (int i = 0; i < f->n; i++)
		bos += (double)f->term[i].c * (double)f->term[i].atom->bos;
	return fmax(size, fabs(bos));
}

static void
real_errors(const CircuitRun *r, const RealSum *s, double *to)
{
	double part[PLACES_MAX], size = fabs(s->k);

	set_all(r, to, 0);
	for (int i = 0; i < s->n; i++) {
		form_errors(r, s->term[i].f, part);
		add_times(r, to, fabs(s->term[i].c), part);
		size += fabs(s->term[i].c) * term_size(s->term[i].f);
	}
	for (int p = 0; p < r->places; p++)
		to[p] = 1.01 * (to[p] + (s->n + 4) * rounding_unit * size);
}

/* With the constant: of one term a product and a sum of two, else one rounding more of each. */
void
form_errors(const CircuitRun *r, const Form *f, double *to)
{
	double value[PLACES_MAX], k = fabs((double)f->k);

	if (f->real) {
		real_errors(r, f->real, to);
		return;
	}
	part_errors(r, f, INT_MAX, to);
	if (!form_is_rounded(f))
		return;
	form_values(r, f, value);
	for (int p = 0; p < r->places; p++)
		to[p] += rounding_unit * (f->n == 1 ? fabs(value[p]) : (f->n + 1) * k);
}

/* ---- where a head looks ---- */

/* Of one place and all that it sees. */
typedef struct PlaceScores {
	int n;
	double *weight; /* (n) */
	double score[PLACES_MAX];
	double error; /* of a score that is rounded */
} PlaceScores;

/* The dimensions of a lookup at all places. */
typedef struct Dimension {
	double q[PLACES_MAX], k[PLACES_MAX], q_error[PLACES_MAX], k_error[PLACES_MAX];
} Dimension;

static Dimension *
find_dimensions(const CircuitRun *r, Arena *arena, const Lookup *s)
{
	Dimension *d = NEWS(arena, Dimension, s->ndim + 1);

	for (int i = 0; i < s->ndim; i++) {
		form_values(r, s->q[i], d[i].q);
		form_values(r, s->k[i], d[i].k);
		form_errors(r, s->q[i], d[i].q_error);
		form_errors(r, s->k[i], d[i].k_error);
	}
	return d;
}

static void
find_scores(const Dimension *d, int ndim, int here, PlaceScores *to)
{
	to->error = 0;
	for (int there = 0; there < to->n; there++) {
		double sum = 0, size = 0, error = 0;
		for (int i = 0; i < ndim; i++) {
			double q = d[i].q[here], k = d[i].k[there], eq = d[i].q_error[here],
			       ek = d[i].k_error[there];
			sum += q * k;
			size += fabs(q * k);
			error += fabs(q) * ek + fabs(k) * eq + eq * ek;
		}
		to->score[there] = sum;
		to->error = fmax(to->error, error + (ndim + 8) * rounding_unit * size);
	}
}

static double
weigh_softmax(PlaceScores *s, double most)
{
	double sum = 0;

	for (int i = 0; i < s->n; i++)
		sum += s->weight[i] = exp(s->score[i] - most);
	for (int i = 0; i < s->n; i++)
		s->weight[i] /= sum;
	return expm1(2 * s->error) + (s->n + 8) * rounding_unit;
}

/* The weights, and how far off they may be, relatively, but for rounding. All but the greatest
 * have to be behind by the gap, and where one place is meant it is alone. */
static double
weigh_places(Verifier *v, const Lookup *s, int here, PlaceScores *scores)
{
	bool many = !strcmp(s->intent, "mean");
	double most = -INFINITY, next = -INFINITY;
	int n = 0;

	for (int i = 0; i < scores->n; i++)
		most = fmax(most, scores->score[i]);
	if (!strcmp(s->intent, "softmax"))
		return weigh_softmax(scores, most);
	for (int i = 0; i < scores->n; i++) {
		if (scores->score[i] == most)
			n++;
		else
			next = fmax(next, scores->score[i]);
	}
	for (int i = 0; i < scores->n; i++)
		scores->weight[i] = scores->score[i] == most ? 1.0 / n : 0;
	if (n > 1 && !many)
		rule_broken(v, s->ref, "%s, %s: at place %d %d places have the greatest score",
		            find_name(v->names, s), s->intent, here, n);
	else if (most - next < (double)s->gap)
		rule_broken(v, s->ref,
		            "%s, %s: at place %d the next score is %g behind, and %g is promised",
		            find_name(v->names, s), s->intent, here, most - next, (double)s->gap);
	return 0;
}

static void
run_lookup(Verifier *v, CircuitRun *r, Arena *arena, int number)
{
	const Lookup *s = r->names->lookup[number];
	const Dimension *d = find_dimensions(r, arena, s);
	PlaceScores scores;

	r->weight[number] = NEWS(arena, double, (size_t)r->places *(size_t)r->places);
	for (int here = 0; here < r->places; here++) {
		scores.weight = r->weight[number] + here * r->places;
		scores.n = here && r->c->g->bidirectional ? r->places : here + 1;
		find_scores(d, s->ndim, here, &scores);
		r->spread[number] = fmax(r->spread[number], weigh_places(v, s, here, &scores));
	}
}

/* ---- atoms ---- */

static double
feature_at(const CircuitRun *r, const Atom *a, int place)
{
	const Graph *g = r->c->g;
	bool by_place = a->kind == PLACE_FEATURE || (a->kind == REAL_FEATURE && a->by_place);
	double sum = 0;

	if (a->kind == INPUT_FEATURE)
		return place ? r->text->number[(place - 1) * g->ninput + a->input] : 0;
	if (by_place)
		return feature_at_place(a, place);
	for (int f = 0; f < g->nfield; f++) {
		int row = place ? r->text->row[(place - 1) * g->nfield + f] : g->nvocab + 1;
		sum += a->reals ? a->reals[row] : (double)a->table[row];
	}
	return sum;
}

static void
run_feature(CircuitRun *r, const Atom *a)
{
	for (int p = 0; p < r->places; p++) {
		r->value[a->id][p] = feature_at(r, a, p);
		if (r->error[a->id] && a->kind != INPUT_FEATURE)
			r->error[a->id][p] = rounding_unit * fabs(r->value[a->id][p]);
	}
}

/* One that rounds is told the nearest integer; how far it was from there is checked with the
 * other rules of the circuit. */
static void
run_neuron(CircuitRun *r, const Atom *a)
{
	double in[PLACES_MAX], error[PLACES_MAX], *value = r->value[a->id];

	form_values(r, a->in, in);
	for (int p = 0; p < r->places; p++)
		value[p] = a->lift   ? round(in[p] - (double)a->lift)
		           : a->step ? in[p] > 0.5
		                     : fmax(in[p], 0);
	if (!r->error[a->id])
		return;
	form_errors(r, a->in, error);
	for (int p = 0; p < r->places; p++)
		r->error[a->id][p] = in[p] + error[p] > 0 ? error[p] : 0;
}

/* A weight is an exponential, over a sum of such, and is multiplied; what is 0 is not added. */
static void
run_value(CircuitRun *r, const Atom *a, int number)
{
	double x[PLACES_MAX], e[PLACES_MAX], spread = r->spread[number];

	form_values(r, a->in, x);
	form_errors(r, a->in, e);
	for (int here = 0; here < r->places; here++) {
		const double *weight = r->weight[number] + here * r->places;
		double sum = 0, size = 0, error = 0;
		int n = 0;
		for (int there = 0; there < r->places; there++) {
			if (weight[there] == 0)
				continue;
			sum += weight[there] * x[there];
			size += weight[there] * fabs(x[there]);
			error = fmax(error, e[there]);
			n += x[there] != 0 || e[there] > 0;
		}
		r->value[a->id][here] = sum;
		if (r->error[a->id])
			r->error[a->id][here] =
				error + (spread + (n + 1) * rounding_unit) * (size + error);
	}
}

CircuitRun *
run_circuit(Verifier *v, Arena *arena, const SampleText *text)
{
	const Circuit *c = v->c;
	CircuitRun *r = NEW(arena, CircuitRun);

	*r = (CircuitRun){ .c = c,
		           .names = v->names,
		           .text = text,
		           .places = text->n + 1,
		           .value = NEWS(arena, double *, c->natom + 1),
		           .error = NEWS(arena, double *, c->natom + 1),
		           .weight = NEWS(arena, double *, v->names->nlookup + 1),
		           .spread = NEWS(arena, double, v->names->nlookup + 1) };
	for (int i = 0; i < c->natom; i++) {
		const Atom *a = c->atom[i];
		if (!v->names->live[i])
			continue;
		r->value[i] = NEWS(arena, double, r->places);
		if (a->real)
			r->error[i] = NEWS(arena, double, r->places);
		int number = a->head ? find_number(v->names, a->head->lookup) : 0;
		if (a->kind == VALUE && !r->weight[number])
			run_lookup(v, r, arena, number);
		if (a->kind == VALUE)
			run_value(r, a, number);
		else if (a->kind == NEURON)
			run_neuron(r, a);
		else
			run_feature(r, a);
	}
	return r;
}
