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
 * way is bounded too, in terms added up: the result may be small where the way is long. */

#include "backend/choose_circuit.h"
#include "backend/map/map.h"

enum {
	FREE_NEURONS = 256,    /* a layer saved may take so many, */
	FREE_WEIGHTS = 4096,   /* and so many weights that are not 0, */
	MOST_FOR_A_LAYER = 2,  /* and in all so many times what there was */
	FEW_COPIES = 4,        /* of copies: one neuron in so many, or FREE_NEURONS */
	TERMS_MOST = 25000000, /* added up in one mapping: a second or two, half a gigabyte; */
	TERMS_FREE = 4000000,  /* in one of several that are compared, and */
	TERMS_AGAIN = 4,       /* times those of the first without copies of copies */
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
} Choice;

static Candidate *
candidate_new(Choice *ch, const Diags *diags, int number, long terms, bool patient)
{
	Effort effort = efforts[number];
	Candidate *new = NEW(ch->arena, Candidate);

	effort.materialize = ch->materialize;
	effort.terms = terms;
	effort.patient = patient;
	new->arena = arena_child(ch->arena);
	new->diags = *diags;
	new->circuit = map(ch->g, ch->target, new->arena, &new->diags, &effort);
	if (new->circuit->exhausted)
		return new;
	new->layers = (circuit_depth(new->circuit) + 1) / 2;
	new->neurons = live_neurons(new->circuit);
	return new;
}

static void
fit_candidate(Choice *ch, Candidate *of)
{
	if (of->columns || of->diags.nerror)
		return;
	of->columns = fit_roughly(of->circuit, ch->limits);
	if (!of->columns)
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
	return of->circuit->exhausted || of->diags.nerror;
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

/* Without copies of copies; and where that is too long a way too, in the cheapest forms. */
static Candidate *
simplest(Choice *ch, const Diags *diags)
{
	Candidate *best = candidate_new(ch, diags, EFFORTS - 1, TERMS_MOST, false);

	if (!best->circuit->exhausted)
		return best;
	arena_free(best->arena);
	return candidate_new(ch, diags, EFFORTS - 1, TERMS_MOST, true);
}

/* The best of all ways; `quick` is the one of the greatest effort. */
static Candidate *
best_candidate(Choice *ch, const Diags *diags, Candidate *quick)
{
	Candidate *best = simplest(ch, diags);
	long terms = TERMS_FREE + TERMS_AGAIN * best->circuit->terms;
	bool hurried = best->circuit->hurried;

	best = better_candidate(ch, best, quick);
	if (has_failed(best))
		return best;
	for (int i = 1; i < EFFORTS - 1; i++)
		best = better_candidate(ch, best, candidate_new(ch, diags, i, terms, false));
	if (hurried)
		best = better_candidate(ch, best,
		                        candidate_new(ch, diags, EFFORTS - 1, terms, true));
	return best;
}

static void
refuse_as_too_large(Candidate *of)
{
	of->circuit->diags->nerror = 0; /* what follows from giving up is no error of its own */
	of->circuit->diags->first = NULL;
	error_at_node(
		of->circuit, of->circuit->exhausted,
		"this program is too large to be laid out: up to here more than %d terms were "
		"added up; fold over less, or emit what is found on the way",
		TERMS_MOST);
}

Circuit *
choose_circuit(Graph *g, const struct Target *target, Arena *arena, Diags *diags,
               const Limits *limits, int materialize)
{
	Choice ch = { g, target, arena, limits, materialize };
	Candidate *best = candidate_new(&ch, diags, 0, TERMS_FREE, false);

	if (limits->fewest != FEWEST_AS_WORTH || !is_plain(best))
		best = best_candidate(&ch, diags, best);
	else if (best->circuit->hurried && best->neurons > FREE_NEURONS)
		best = better_candidate(&ch, best,
		                        candidate_new(&ch, diags, MODEST, TERMS_FREE, false));
	if (best->circuit->exhausted)
		refuse_as_too_large(best);
	*diags = best->diags;
	best->circuit->diags = diags;
	return best->circuit;
}
