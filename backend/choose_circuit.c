/* Which of several circuits a program becomes.
 *
 * Forms are chosen one by one while a program is mapped, and what saves a layer there may
 * cost neurons: copies of what is gated, made in the layer of what they copy (staircase.c).
 * Copies of copies double from step to step of a fold. So a program is mapped several times,
 * each time with more of them allowed, and the results are compared as wholes:
 *
 *     fewer layers, where each layer saved at most doubles the neurons, beyond some hundred,
 *     and the weights that are not 0;
 *     else fewer weights that are not 0, in a stream that is not as much wider.
 *
 * Most programs have few copies of copies, and are mapped once. What a mapping may cost on the
 * way is bounded too, in terms added up and in memory: the result may be small where the way is
 * long. Where two efforts make the same circuit, those between them are not tried. */

#include "backend/choose_circuit.h"
#include "backend/map/map.h"
#include "backend/target/target.h"

enum {
	FREE_NEURONS = 256,    /* a layer saved may take so many, */
	FREE_WEIGHTS = 4096,   /* and so many weights that are not 0, */
	MOST_FOR_A_LAYER = 2,  /* and in all so many times what there was */
	FEW_COPIES = 4,        /* of copies: one neuron in so many, or FREE_NEURONS */
	TERMS_MOST = 25000000, /* added up in one mapping: a second or two, half a gigabyte; */
	TERMS_FREE = 4000000,  /* in one of several that are compared, and */
	TERMS_AGAIN = 4,       /* times those of the first without copies of copies, */
	TERMS_TRY = 12000000,  /* but no more than this; in all of them together */
	TERMS_ALL = 30000000,  /* no more than this. */
	TERMS_A_NODE = 100,    /* And so many always, for each node of the graph */
	LONGEST_FORM = 256,    /* where this is too much */
	BYTES_TRY = 200 << 20, /* for one mapping and its columns; */
	BYTES_MOST = 560 << 20 /* for the first, and for the last resort */
};
#define LITTLE_MORE 1.1 /* of as many layers, one of more neurons may have fewer weights */

/* How much is taken for an earlier form: what most programs get first, and the least last. */
enum { EFFORTS = 9, MODEST = 6 };
static const Effort efforts[EFFORTS] = {
	{ .copies = 8192, .blocks = 24, .leaves = LEAVES_MAX, .bends = 4096 },
	{ .copies = 8192, .blocks = 8, .leaves = 16, .bends = 4096 },
	{ .copies = 2048, .blocks = 12, .leaves = 16, .bends = 2048 },
	{ .copies = 512, .blocks = 16, .leaves = 16, .bends = 1024 },
	{ .copies = 512, .blocks = 8, .leaves = 8, .bends = 512 },
	{ .copies = 128, .blocks = 6, .leaves = 8, .bends = 512 },
	{ .copies = 32, .blocks = 6, .leaves = 8, .bends = 256 },
	{ .copies = 8, .blocks = 6, .leaves = 8, .bends = 128 },
	{ .copies = 0, .blocks = 4, .leaves = 4, .bends = 64 },
};

typedef struct Candidate {
	Circuit *circuit;
	Arena *arena; /* of this one alone, */
	Diags diags;  /* and so these */
	int layers, neurons;
	bool exhausted;   /* its work was more than allowed: it is no circuit */
	Columns *columns; /* NULL: not fitted, or it does not fit */
	long nonzeros;    /* of these, */
	double size;      /* and with the width of the stream */
} Candidate;

typedef struct Choice {
	Graph *g;
	const struct Target *target;
	Arena *arena;
	const Limits *limits;
	int materialize;
	long terms; /* of all mappings so far */
} Choice;

typedef struct Mapping {
	Choice *ch;
	Candidate *to;
	Effort effort;
} Mapping;

static void
map_candidate(void *mapping)
{
	Mapping *m = mapping;
	Candidate *to = m->to;

	to->circuit = map(m->ch->g, m->ch->target, to->arena, &to->diags, &m->effort);
	if (to->circuit->exhausted)
		return;
	to->layers = (circuit_depth(to->circuit) + 1) / 2;
	to->neurons = live_neurons(to->circuit);
}

/* f(arg), which allocates for the candidate: false where that is more than it may. */
static bool
stays_in_memory(const Candidate *of, void (*f)(void *), void *arg)
{
	if (arena_protect(arena_root(of->arena), f, arg))
		return true;
	if (!of->arena->spent)
		arena_fail();
	return false;
}

static Candidate *
candidate_of(Choice *ch, const Diags *diags, int number, Effort effort)
{
	Candidate *new = NEW(ch->arena, Candidate);
	Mapping m = { ch, new, effort };
	Circuit *begun = NULL;

	m.effort.materialize = ch->materialize;
	m.effort.steps = ch->target->is_plain && !ch->limits->neurons; /* a step is two */
	m.effort.begun = &begun;
	new->arena = arena_child(ch->arena);
	arena_limit(new->arena, !number || effort.terms == TERMS_MOST ? BYTES_MOST : BYTES_TRY);
	new->diags = diag_fork(diags);
	if (!stays_in_memory(new, map_candidate, &m)) {
		new->circuit = begun;
		begun->exhausted = begun->node ? begun->node : ch->g->node[ch->g->nnode - 1];
	}
	new->exhausted = new->circuit->exhausted;
	ch->terms += new->circuit->terms;
	return new;
}

static Candidate *
candidate_new(Choice *ch, const Diags *diags, int number, long terms, bool patient)
{
	Effort effort = efforts[number];

	effort.terms = terms;
	effort.patient = patient;
	return candidate_of(ch, diags, number, effort);
}

typedef struct Fitting {
	Choice *ch;
	Candidate *of;
} Fitting;

static void
fit_columns(void *fitting)
{
	Fitting *f = fitting;

	f->of->columns = fit_roughly(f->of->circuit, f->ch->limits);
}

static void
fit_candidate(Choice *ch, Candidate *of)
{
	if (of->columns || of->diags.nerror || of->arena->spent)
		return;
	if (!stays_in_memory(of, fit_columns, &(Fitting){ ch, of }) || !of->columns)
		return;
	of->nonzeros = count_nonzeros(of->columns);
	of->size = columns_size(of->columns, ch->limits);
}

/* Are so many layers worth so much more of something, of which some is free for each? */
static bool
is_worth(int layers, double cost, double before, double free)
{
	for (; layers > 0; layers--)
		before = MOST_FOR_A_LAYER * (before + free);
	return cost <= before;
}

/* Is the earlier one of two, which has fewer layers, worth what it has more? */
static bool
is_earlier_worth(Choice *ch, Candidate *early, Candidate *late)
{
	int saved = late->layers - early->layers;

	if (!is_worth(saved, early->neurons, late->neurons, FREE_NEURONS))
		return false;
	if (!is_limited(ch->limits) && early->neurons <= FREE_NEURONS + late->neurons)
		return true;
	fit_candidate(ch, early);
	fit_candidate(ch, late);
	if (!early->columns || !late->columns)
		return early->columns;
	return is_worth(saved, (double)early->nonzeros, (double)late->nonzeros, FREE_WEIGHTS);
}

static bool
is_better(Choice *ch, Candidate *new, Candidate *old)
{
	int saved = old->layers - new->layers;

	switch (ch->limits->fewest) {
	case FEWEST_LAYERS:
		if (saved)
			return saved > 0;
		break;
	case FEWEST_NEURONS:
		if (new->neurons != old->neurons)
			return new->neurons < old->neurons;
		break;
	case FEWEST_NONZEROS: break;
	default:
		if (saved)
			return saved > 0 ? is_earlier_worth(ch, new, old)
			                 : !is_earlier_worth(ch, old, new);
	}
	if (new->neurons == old->neurons) /* most likely they are one and the same */
		return false;
	fit_candidate(ch, old);
	if (old->columns && ch->limits->fewest != FEWEST_NONZEROS
	    && new->neurons > old->neurons *LITTLE_MORE)
		return false;
	fit_candidate(ch, new);
	return new->columns && (!old->columns || new->size < old->size);
}

static bool
has_failed(const Candidate *of)
{
	return of->exhausted || of->diags.nerror;
}

/* The better one; the other is gone. */
static Candidate *
better_candidate(Choice *ch, Candidate *old, Candidate *new)
{
	bool better = !has_failed(new) && (has_failed(old) || is_better(ch, new, old));

	arena_free(better ? old->arena : new->arena);
	return better ? new : old;
}

/* Is it a circuit, and not one that is made of copies of copies in the main? */
static bool
is_plain(const Candidate *of)
{
	int n = 0;

	if (has_failed(of))
		return false;
	for (int i = 0; i < of->circuit->natom; i++)
		n += of->circuit->atom[i]->live && of->circuit->atom[i]->held > 1;
	return n <= FREE_NEURONS || n <= of->neurons / FEW_COPIES;
}

/* The same without long forms: what a fold carries on is a sum that grows from step to step, and so
 * does the work of each step, unless it stands as one number now and then. */
static Candidate *
without_long_forms(Choice *ch, const Diags *diags)
{
	Effort effort = efforts[EFFORTS - 1];

	effort.terms = TERMS_MOST;
	effort.longest = LONGEST_FORM;
	return candidate_of(ch, diags, EFFORTS - 1, effort);
}

/* Without copies of copies; and where that is too long a way too, without long forms, or whatever
 * it takes, or in the cheapest forms. */
static Candidate *
simplest(Choice *ch, const Diags *diags)
{
	Candidate *best = candidate_new(ch, diags, EFFORTS - 1, TERMS_TRY, false);

	for (int way = 0; best->exhausted && way < 3; way++) {
		arena_free(best->arena);
		best = way == 0 ? without_long_forms(ch, diags)
		                : candidate_new(ch, diags, EFFORTS - 1, TERMS_MOST, way == 2);
	}
	return best;
}

/* Several efforts in turn. */
typedef struct Trials {
	Choice *ch;
	const Diags *diags;
	Candidate *best;
	long terms;         /* for each */
	long made[EFFORTS]; /* what tells the circuit that an effort made from others */
} Trials;

static void
try_effort(Trials *t, int number)
{
	Candidate *new = candidate_new(t->ch, t->diags, number, t->terms, false);

	t->made[number] = new->exhausted ? -1 : new->circuit->terms;
	t->best = better_candidate(t->ch, t->best, new);
}

static void
try_between(Trials *t, int first, int last)
{
	int middle = (first + last) / 2;

	if (last - first < 2 || t->ch->terms > TERMS_ALL
	    || (t->made[first] == t->made[last] && t->made[first] >= 0))
		return;
	try_effort(t, middle);
	try_between(t, middle, last);
	try_between(t, first, middle);
}

/* The best of all ways; `quick` is the one of the greatest effort. */
static Candidate *
best_candidate(Choice *ch, const Diags *diags, Candidate *quick)
{
	if (quick->circuit->hopeless)
		return quick;
	if (quick->exhausted)
		arena_free(quick->arena);
	Candidate *simple = simplest(ch, diags);
	if (simple->exhausted && !quick->exhausted)
		return quick;
	Trials t = { .ch = ch, .diags = diags, .best = simple };
	bool hurried = simple->circuit->hurried;
	long terms = 2 * TERMS_FREE + TERMS_AGAIN * simple->circuit->terms;

	t.terms = terms < TERMS_TRY ? terms : TERMS_TRY;
	t.best = quick->exhausted ? simple : better_candidate(ch, simple, quick);
	if (has_failed(t.best))
		return t.best;
	try_effort(&t, EFFORTS - 2);
	try_effort(&t, 1);
	try_between(&t, 1, EFFORTS - 2);
	if (hurried)
		t.best = better_candidate(ch, t.best,
		                          candidate_new(ch, diags, EFFORTS - 1, t.terms, true));
	return t.best;
}

/* What follows from giving up is no error of its own, and no other way would be shorter. */
static void
refuse_as_too_large(Candidate *of, const Diags *before)
{
	Circuit *c = of->circuit;

	c->hopeless = true;
	of->diags = diag_fork(before);
	c->diags = &of->diags;
	if (of->arena->spent)
		error_at_node(c, c->exhausted,
		              "this program is too large to be laid out: up to here it took more "
		              "than %d MB; fold over less, or emit what is found on the way",
		              BYTES_MOST >> 20);
	else
		error_at_node(c, c->exhausted,
		              "this program is too large to be laid out: up to here more than %d "
		              "terms were added up; fold over less, or emit what is found on the "
		              "way",
		              TERMS_MOST);
}

Circuit *
choose_circuit(Graph *g, const struct Target *target, Arena *arena, Diags *diags,
               const Limits *limits, int materialize)
{
	Choice ch = { g, target, arena, limits, materialize, 0 };
	long terms = max_int64(TERMS_FREE, (int64_t)TERMS_A_NODE * g->nnode);
	Candidate *best = candidate_new(&ch, diags, 0, terms, false);

	if (limits->fewest != FEWEST_AS_WORTH || !is_plain(best))
		best = best_candidate(&ch, diags, best);
	else if (best->circuit->hurried && best->neurons > FREE_NEURONS
	         && best->circuit->terms < TERMS_FREE)
		best = better_candidate(&ch, best,
		                        candidate_new(&ch, diags, MODEST, TERMS_FREE, false));
	if (best->exhausted)
		refuse_as_too_large(best, diags);
	arena_limit(best->arena, 0);
	*diags = best->diags;
	best->circuit->diags = diags;
	return best->circuit;
}
