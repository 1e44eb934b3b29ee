/* Layers and columns within limits that were asked for.
 *
 * How many heads and neurons a layer has is the schedule's to say. The width is what stands in
 * the stream at once, and that depends on when things are made: what reads much and makes little
 * should come early, what reads little and makes much should come late, and more layers leave
 * more room for both. So schedules are tried, from the shallowest on, until one is narrow enough.
 */

#include "backend/target/target.h"

#include <limits.h>
#include <math.h>

enum { MORE_LAYERS = 8 }; /* tried beyond the least */

static const Node *
first_output(const Circuit *c)
{
	return c->emit ? c->g->emit[0] : c->g->output[0].node;
}

/* By how many neurons some layer has too many, those that clear columns among them. */
static int
neurons_over_limit(const Columns *cols, const Limits *limits)
{
	int most = 0;

	for (int l = 0; limits->neurons && l < cols->s->nlayer; l++) {
		int n = neurons_in(cols, l) - limits->neurons;
		most = max_int(n, most);
	}
	return most;
}

static bool
keeps_limits(const Columns *cols, const Limits *limits, int layers)
{
	for (int l = 0; limits->heads && l < cols->s->nlayer; l++)
		if (cols->s->nhead[l] > limits->heads)
			return false;
	return cols->s->nlayer <= layers && !neurons_over_limit(cols, limits);
}

enum { DEEP = 12 }; /* layers: where sums run on and on, and are parts of one another */

static bool
is_deep(const Schedule *s)
{
	return s->nlayer > DEEP;
}

/* The columns of a schedule under this policy, which share slots as far as the limit asks for it.
 * Neurons that clear columns leave less room for others: then the policy allows fewer. */
static Columns *
try_plan(Circuit *c, SchedulePolicy plan, const Limits *limits)
{
	enum { PLANS = 6 };
	Columns *cols = NULL;

	for (int i = 0; i < PLANS; i++) {
		Schedule *s = schedule(c, &plan);
		cols = allocate_columns(s, is_deep(s) && !limits->neurons);
		share_columns(cols, limits->d_model);
		int over = neurons_over_limit(cols, limits);
		if (!over || over >= plan.neurons || plan.late_neurons)
			break;
		plan.neurons -= over;
	}
	return cols;
}

/* What came nearest to the limits, where nothing kept them. */
typedef struct NearestMiss {
	/* columns, and in how many layers; INT_MAX: none kept the other limits */
	int narrowest, layers;
	int over; /* this many neurons too many, but narrow enough; INT_MAX: none was */
} NearestMiss;

static Columns *
narrow_enough(Circuit *c, const Limits *limits, const SchedulePolicy *first, NearestMiss *m)
{
	int least = schedule(c, first)->nlayer,
	    most = limits->layers ? limits->layers : least + MORE_LAYERS;

	*m = (NearestMiss){ INT_MAX, 0, INT_MAX };
	for (int layers = least; layers <= most; layers++) {
		for (int late = layers > least; late < 4; late++) {
			SchedulePolicy plan = *first;
			plan.layers = layers;
			plan.late_values = late & 1;
			plan.late_neurons = late >> 1;
			Columns *cols = try_plan(c, plan, limits);
			int over = neurons_over_limit(cols, limits);
			if (over && over < m->over && cols->width <= limits->d_model)
				m->over = over;
			if (!keeps_limits(cols, limits, most))
				continue;
			if (cols->width <= limits->d_model)
				return cols;
			if (cols->width < m->narrowest) {
				m->narrowest = cols->width;
				m->layers = cols->s->nlayer;
			}
		}
	}
	return NULL;
}

/* A larger limit on neurons that is enough at this width, of some that are tried; 0 if none is. */
static int
neurons_that_do(Circuit *c, const Limits *limits, const SchedulePolicy *first, const NearestMiss *m)
{
	Limits more = *limits;
	SchedulePolicy plan = *first;
	NearestMiss again;

	for (int step = 1; m->over < INT_MAX && step < 4 * m->over; step *= 2) {
		plan.neurons = more.neurons = limits->neurons + step;
		if (narrow_enough(c, &more, &plan, &again))
			return more.neurons;
	}
	return 0;
}

static Columns *
fit_width(Circuit *c, const Limits *limits, const SchedulePolicy *first)
{
	NearestMiss m;
	Columns *cols = narrow_enough(c, limits, first, &m);

	if (cols)
		return cols;
	int neurons = m.narrowest == INT_MAX ? neurons_that_do(c, limits, first, &m) : 0;
	if (neurons)
		error_at_node(
			c, first_output(c),
			"--neurons %d is too few: %d were found to do at this width, some of them "
			"to clear columns",
			limits->neurons, neurons);
	else if (m.narrowest == INT_MAX)
		error_at_node(
			c, first_output(c),
			"no schedule was found that keeps all of these limits; loosen one of them");
	else
		error_at_node(
			c, first_output(c),
			"--d-model %d is too narrow: the least that was found to do is %d, in %d "
			"layers",
			limits->d_model, m.narrowest, m.layers);
	return NULL;
}

/* As narrow as it goes, unless that is not what is asked for. */
static Columns *
allocate_narrow(Schedule *s, const Limits *limits, bool beside)
{
	Columns *cols = allocate_columns(s, beside);

	if (!limits->neurons && limits->fewest != FEWEST_NONZEROS
	    && limits->fewest != FEWEST_NEURONS)
		share_columns(cols, 1);
	return cols;
}

/* Where everything is, as one number. */
static uint64_t
hash_of_schedule(const Circuit *c)
{
	uint64_t h = 1;

	for (int i = 0; i < c->natom; i++)
		h = (h ^ (uint64_t)(c->atom[i]->live ? c->atom[i]->ready : 0)) * 0x100000001b3u;
	return h;
}

enum {
	TRIES = 4,
	FEW_TRIES = 2,               /* where there are MANY_ATOMS, */
	MOST_ATOMS = 5 * MANY_ATOMS, /* and one only where there are more than these */
};

/* Schedules of as few layers, and the best of them. */
typedef struct FreeFit {
	Circuit *c;
	const Limits *limits;
	SchedulePolicy plan;
	Arena *root,
		*last; /* of the circuit; of the columns made last, which go when others come */
	uint64_t seen[TRIES]; /* where everything was */
	double least;
	bool beside; /* allocate_columns(), where it is not deep */
} FreeFit;

/* The columns of try number i. NULL: everything is where it was in an earlier one. */
static Columns *
fit_late(FreeFit *f, int i, bool again)
{
	static const struct {
		bool values, neurons;
	} late[TRIES] = { { false, false }, { false, true }, { true, true }, { true, false } };
	Arena *before = f->last;
	Circuit *c = f->c;

	f->last = c->arena = arena_child(f->root);
	f->plan.late_values = late[i].values;
	f->plan.late_neurons = late[i].neurons;
	Schedule *s = schedule(c, &f->plan);
	if (before) /* its heads were still asked where they look */
		arena_free(before);
	f->seen[i] = hash_of_schedule(c);
	for (int k = 0; k < i && !again; k++)
		if (f->seen[k] == f->seen[i])
			return NULL;
	f->plan.layers = i ? f->plan.layers : s->nlayer;
	return allocate_narrow(s, f->limits, f->beside || is_deep(s));
}

/* What is to be small; INFINITY where it does not keep the limits, or is none. */
static double
size_of_fit(const FreeFit *f, Columns *cols)
{
	bool good = cols && keeps_limits(cols, f->limits, f->plan.layers);

	return good ? columns_size(cols, f->limits) : INFINITY;
}

/* The best schedule once more, with other columns: NULL where that is not smaller. */
static Columns *
fit_beside(FreeFit *f, int best)
{
	f->beside = true;
	Columns *cols = fit_late(f, best, true);
	if (size_of_fit(f, cols) < f->least)
		return cols;
	f->beside = false;
	return NULL;
}

/* Without a limit on the width: the narrowest stream with the fewest weights. */
static Columns *
fit_freely(Circuit *c, const Limits *limits, SchedulePolicy plan)
{
	FreeFit f = { c, limits, plan, .root = c->arena, .least = INFINITY };
	Columns *cols = NULL;
	bool one = limits->neurons || c->natom > MOST_ATOMS;
	int tries = one ? 1 : c->natom > MANY_ATOMS ? FEW_TRIES : TRIES, best = 0;

	for (int i = 0; i < tries; i++) {
		Columns *new = fit_late(&f, i, false);
		double size = size_of_fit(&f, new);
		if (size < f.least) {
			f.least = size;
			best = i;
		}
		cols = i == best ? new : NULL;
	}
	if (tries == TRIES && f.plan.layers <= DEEP)
		cols = fit_beside(&f, best);
	if (!cols)
		cols = fit_late(&f, best, true);
	c->arena = f.root;
	return cols;
}

Columns *
fit_roughly(Circuit *c, const Limits *limits)
{
	if (is_limited(limits))
		return fit(c, limits);
	Schedule *s = schedule(c, &(SchedulePolicy){ 0 });
	s->free_layers = s->nlayer;
	return allocate_columns(s, is_deep(s));
}

/* The fewest heads a layer that cost no layer, those that make the place among the first's. */
static int
heads_that_do(Circuit *c, SchedulePolicy plan, const Schedule *free)
{
	int most = 1, layers = free->nlayer;

	for (int l = 0; l < layers; l++)
		most = max_int(most, free->nhead[l] + (l ? 0 : plan.for_place));
	for (plan.heads = max_int(plan.for_place, 1); plan.heads < most; plan.heads++)
		if (schedule(c, &plan)->nlayer <= layers)
			break;
	return plan.heads;
}

Columns *
fit(Circuit *c, const Limits *limits)
{
	SchedulePolicy plan = { .heads = limits->heads, .neurons = limits->neurons };
	Schedule *s = schedule(c, &(SchedulePolicy){ 0 });
	int free_layers = s->nlayer;

	if (c->target->heads_for_place) {
		plan.for_place = c->target->heads_for_place(c);
		plan.heads = plan.heads ? plan.heads : heads_that_do(c, plan, s);
	}
	if (limits->heads || limits->neurons)
		s = schedule(c, &plan);
	if (limits->layers && s->nlayer > limits->layers) {
		error_at_node(c, first_output(c),
		              "this needs %d layers%s, and --layers allows %d; twc report shows "
		              "the chain "
		              "of steps",
		              s->nlayer, s->nlayer > free_layers ? " within the other limits" : "",
		              limits->layers);
		return NULL;
	}
	Columns *cols = limits->d_model ? fit_width(c, limits, &plan) : fit_freely(c, limits, plan);
	if (cols)
		cols->s->free_layers = free_layers;
	return cols;
}
