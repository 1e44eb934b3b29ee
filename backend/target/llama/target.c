/* The target `llama` for the mapper: what a program may rely on that becomes an ordinary Llama.
 *
 * A Llama has no embedding of the place. What is so far back a head finds by its rotation alone
 * and reads nothing for it; functions of the place are made by the first layer (places.c), so the
 * scheduler puts what needs one behind it, and all else beside it. Scores are those of plain. */

#include "backend/target/llama/llama.h"
#include "backend/target/plain/plain.h"

enum { USUAL_HEAD = 64 }; /* numbers */

static Lookup *
llama_lookup(Circuit *c, const Intent *in)
{
	if (in->kind != INTENT_OFFSET || in->offset >= 0)
		return plain_lookup(c, in);
	Lookup *s = plain_lookup_new(c, "offset", NULL);
	s->offset = in->offset;
	return s;
}

static int
heads_for_place(const Circuit *c)
{
	for (int i = 0; i < c->natom; i++)
		if (c->atom[i]->live && !c->atom[i]->in && c->atom[i]->ready)
			return llama_bits_of_place(c->places - 1);
	return 0;
}

/* All layers have the shape of the largest. What lanes the place takes is not known here. */
static double
size_of_layers(const Columns *cols)
{
	const Schedule *s = cols->s;
	int for_place = heads_for_place(s->c), heads = for_place, lanes = 1;

	for (int l = 0; l < s->nlayer; l++) {
		heads = max_int(heads, s->nhead[l] + (l ? 0 : for_place));
		lanes = max_int(lanes, s->nneuron[l] + cleared_in(cols, l));
	}
	double attention = 4.0 * USUAL_HEAD * heads, mlp = 3.0 * lanes;
	return s->nlayer * (attention + mlp) * (cols->width + COLUMNS_PER_PIN);
}

const Target llama_target = {
	.name = "llama",
	.place_ready = 2,
	.score_max = PLAIN_SCORE_MAX,
	.place_function = place_feature,
	.real_place_function = real_place_feature,
	.place_number = plain_place_number,
	.step_function = plain_step_function,
	.index_division = plain_index_division,
	.gated = true,
	.heads_for_place = heads_for_place,
	.size = size_of_layers,
	.lookup = llama_lookup,
	.has_room = plain_has_room,
	.extreme = plain_extreme,
	.write = plain_weights,
	.is_plain = false,
};
