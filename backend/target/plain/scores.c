/* Intents as scores (attend.h), in the plain target.
 *
 * A score is a sum of exact integers, and the place that should be read beats every other by at
 * least PLAIN_STEP, so the softmax is exactly one-hot. <bos> has place 0 and sees only itself.
 *
 *     offset, place   positions.c
 *     latest          PLAIN_STEP times the place where the condition holds, W or more below that
 * where it fails; <bos> stands between, so it is read where nothing matches first           the
 * same with the place counted down best            latest, after a score that outweighs all recency
 *     only            no order: 0 where the condition holds, 2 PLAIN_STEP less where it fails, with
 *                     <bos> between
 *     count, mean     no order: 0 where the condition holds, so that all matches have equal
 *                     weight; for a count <bos> too, for a mean it stands between
 *     softmax         the scores as they are
 *
 * A condition is a penalty of W or more where it fails: predicate.c. */

#include "backend/target/plain/plain.h"

Lookup *
plain_lookup_new(Circuit *c, const char *intent, const Node *ref)
{
	Lookup *s = NEW(c->arena, Lookup);

	s->intent = intent;
	s->ref = ref;
	s->gap = PLAIN_STEP;
	return s;
}

/* ---- latest, first, best ---- */

/* The most that the place can add to a score. */
static int64_t
recency_most(const Circuit *c)
{
	return PLAIN_STEP * (int64_t)(c->places + 1);
}

/* What a literal of a BEST weighs: more than all scores and places, of which the score goes
 * first. */
static int64_t
condition_weight(const Circuit *c, const ScoreTerms *s)
{
	return recency_most(c) * (s->hi - s->lo + 2);
}

bool
plain_has_room(const Circuit *c, const ScoreTerms *s, int nliteral)
{
	double sum = (double)recency_most(c) * s->terms + nliteral * (double)condition_weight(c, s);

	return sum < PLAIN_SCORE_MAX / 2;
}

/* What the place `to` has more than `from`, of dimensions whose queries are constant. */
static int64_t
gain_of_place(const Lookup *s, int from, int to)
{
	int64_t gain = 0;

	for (int d = 0; d < s->ndim; d++) {
		if (!form_is_const(s->q[d]))
			continue;
		for (int i = 0; i < s->k[d]->n; i++) {
			const Term *t = &s->k[d]->term[i];
			if (t->atom->kind == PLACE_FEATURE)
				gain += s->q[d]->k * t->c
				        * (t->atom->table[to] - t->atom->table[from]);
		}
	}
	return gain;
}

/* Do scores run against the order that is meant, from each place to the next? A condition about
 * the place may make it so in a short context; then the weights do not tell whether the latest is
 * looked for or the first. No condition goes against all of a long one. */
static bool
runs_against(const Circuit *c, const Lookup *s, int order)
{
	bool against = c->places <= WHOLE_PLACES;

	for (int p = 2; p < c->places && against; p++)
		against = order * gain_of_place(s, p - 1, p) < 0;
	return against;
}

static Lookup *
in_order(Circuit *c, const Intent *in)
{
	bool first = in->kind == INTENT_FIRST, best = in->kind == INTENT_BEST;
	int64_t step = first ? -PLAIN_STEP : PLAIN_STEP, recent = recency_most(c), w = recent;
	const Form *key = form_scale(c, step, c->place, 0);
	Lookup *s = plain_lookup_new(c, best ? "best" : first ? "first" : "latest", in->ref);

	if (best) {
		w = condition_weight(c, in->score);
		key = form_scale(c, 1, key, -recent * in->score->lo);
		add_products(c, s, in->score->of, recent, &key);
	}
	key = key_penalty(c, in->where, key, w);
	add_dim(c, s, form_const(c, 1), form_set_bos(c, key, first ? step * c->places : 0));
	add_dim(c, s, query_deficit(c, in->where), form_scale(c, w, c->is_bos, 0));
	if (!add_relations(c, s, in->where, w))
		return NULL;
	if (score_max_abs(c, s) > PLAIN_SCORE_MAX && plain_has_long_order(c, in))
		return plain_long_order(c, in);
	if (!best && runs_against(c, s, first ? -1 : 1))
		s->intent = "search";
	return s;
}

/* ---- all of them ---- */

/* Score 0 where the condition holds, and `bos` at <bos> if no literal about here fails; each
 * literal that fails weighs w. */
static Lookup *
all_equal(Circuit *c, const Intent *in, int64_t bos, int64_t w)
{
	const char *intent = in->kind == INTENT_ONLY ? "only" : "mean";
	Lookup *s = plain_lookup_new(c, intent, in->ref);
	const Form *key = key_penalty(c, in->where, form_const(c, 0), w);

	add_dim(c, s, form_const(c, 1), form_set_bos(c, key, bos));
	add_dim(c, s, query_deficit(c, in->where), form_scale(c, w, c->is_bos, -w));
	return add_relations(c, s, in->where, w) ? s : NULL;
}

/* <bos> is so far below all scores that its weight is 0. */
static Lookup *
as_scored(Circuit *c, const Intent *in)
{
	Lookup *s = plain_lookup_new(c, "softmax", in->ref);
	int64_t below = (int64_t)(2 * in->largest + 2 * TW_GAP);

	s->gap = 0;
	for (int i = 1; i < in->ref->narg; i += 2) {
		const Form *q = map_node(c, in->ref->arg[i]), *k = map_node(c, in->ref->arg[i + 1]);
		add_dim(c, s, q, k);
	}
	add_dim(c, s, form_const(c, 1), form_scale(c, -below, c->is_bos, 0));
	return s;
}

Lookup *
plain_lookup(Circuit *c, const Intent *in)
{
	switch (in->kind) {
	case INTENT_OFFSET: return plain_offset(c, -in->offset);
	case INTENT_PLACE: return plain_place(c, in->ref);
	case INTENT_LATEST:
	case INTENT_FIRST:
	case INTENT_BEST: return in_order(c, in);
	case INTENT_COUNT: return all_equal(c, in, 0, PLAIN_STEP);
	case INTENT_ONLY:
	case INTENT_MEAN: return all_equal(c, in, -PLAIN_STEP, 2 * PLAIN_STEP);
	case INTENT_SOFTMAX: return as_scored(c, in);
	}
	return NULL;
}
