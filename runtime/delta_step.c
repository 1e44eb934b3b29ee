/* One token from what is different in it: delta.h. */

#include "runtime/delta.h"

#include <string.h>

static TwDeltaList
lay_out_list(const TwDeltaPlan *p, TwLayout *to)
{
	int32_t *at = tw_layout_lines(to, (uint64_t)p->listed);

	return (TwDeltaList){ 0, at, tw_layout_lines(to, (uint64_t)p->listed) };
}

void
tw_lay_out_delta(TwDelta *s, TwLayout *to)
{
	const TwDeltaPlan *p = s->plan;
	uint64_t slots = (uint64_t)p->slots + 2;

	s->slot = tw_layout_lines(to, slots * (uint64_t)p->slot_size);
	s->du = tw_layout_lines(to, (uint64_t)p->nsum);
	s->dx = tw_layout_lines(to, 64 * (uint64_t)p->words);
	s->changed = lay_out_list(p, to);
	s->terms = lay_out_list(p, to);
	s->new = tw_layout_take(to, (uint64_t)p->nhead + 1, sizeof *s->new);
	s->dirty = tw_layout_take(to, (uint64_t)p->words, sizeof *s->dirty);
	s->vector = tw_layout_floats(to, p->vector);
	s->w.state = tw_layout_floats(to, p->state);
}

static TwDeltaMemo *
memo_of(const TwDelta *s, int32_t *slot, int head)
{
	return (TwDeltaMemo *)(void *)(slot + s->plan->at_memo) + head;
}

static float *
kept_bases(const TwDeltaPlan *p, int32_t *slot)
{
	return (float *)(void *)(slot + p->at_logit);
}

const int *
tw_delta_next(const TwDelta *s)
{
	return s->now + s->plan->at_next;
}

const float *
tw_delta_bases(const TwDelta *s)
{
	return kept_bases(s->plan, s->now);
}

/* ---- what is fed */

/* The row of an input at a place. */
static int
fed_row_at(const TwDelta *s, int input, int place)
{
	const TwModel *m = s->plan->c->m;

	if (input < m->nfield)
		return s->text_row[(size_t)place * (size_t)m->nfield + (size_t)input];
	return m->nvocab + 2 + tw_place_row(s->plan->c, input - m->nfield, s->text_at[place]);
}

/* The kept row becomes another. */
static void
replace_row(TwDelta *s, const TwIntMap *f, int32_t *kept, int row)
{
	tw_push_row(f, row, 1, s->dx, s->dirty);
	if (*kept >= 0)
		tw_push_row(f, *kept, -1, s->dx, s->dirty);
	*kept = row;
}

/* The stream's differences, into the sums of stages from .. end - 1. */
static void
push_stream(TwDelta *s, int from, int end)
{
	s->kernel->gather(s->dx, s->dirty, s->plan->words, &s->changed);
	s->kernel->push(&s->plan->column, from, end, &s->changed, s->du, s->touched, &s->terms);
}

static void
embed_changes(TwDelta *s, int32_t *slot, int place, int end)
{
	const TwDeltaPlan *p = s->plan;
	int fields = p->c->m->nfield;
	const int *row = s->text_row + (size_t)place * (size_t)fields;
	int32_t *kept = slot + p->at_row, *changed = s->changed.at;
	int n = s->kernel->differ(row, kept, fields, changed);

	for (int i = 0; i < n; i++)
		replace_row(s, &p->embed, &kept[changed[i]], row[changed[i]]);
	for (int i = fields; i < p->inputs; i++)
		if (kept[i] != fed_row_at(s, i, place))
			replace_row(s, &p->embed, &kept[i], fed_row_at(s, i, place));
	push_stream(s, p->key.number, end);
}

/* ---- sums */

/* Brings a stage up to date: s->changed has the sums that are different, and by how much. */
static void
settle(TwDelta *s, int32_t *slot, const TwDeltaStage *g)
{
	uint64_t blocks[TW_BLOCK_WORDS], any = 0;

	for (int i = 0; i < TW_BLOCK_WORDS; i++) {
		blocks[i] = s->touched[i] & g->blocks[i];
		s->touched[i] ^= blocks[i];
		any |= blocks[i];
	}
	s->changed.n = 0;
	if (any)
		s->kernel->settle(slot, s->du, s->plan->floor, blocks, s->plan->grain, &s->changed);
}

/* Of keys or queries: sets s->new. */
static void
settle_heads(TwDelta *s, int32_t *slot, const TwDeltaStage *g)
{
	settle(s, slot, g);
	for (int i = 0; i < s->changed.n; i++) {
		int head = s->plan->head_of[s->changed.at[i]];
		if (head >= 0)
			s->new[head] = true;
	}
}

/* What the table has for a sum, and by how much that is beyond it. */
static const int32_t *
stair_values(const TwDeltaStair *g, int32_t u, uint32_t *beyond)
{
	int64_t at = (int64_t)u - g->low, over = at - g->range;

	*beyond = over > 0 ? (uint32_t)over : 0;
	at = at < 0 ? 0 : at;
	return g->value + (over > 0 ? g->range : at) * g->nout;
}

void
tw_push_staircase(const TwDeltaPlan *p, const TwDeltaStair *g, int32_t was, int32_t is, int32_t *x,
                  uint64_t *dirty)
{
	uint32_t before, after;

	if (g->nout) {
		const int32_t *old = stair_values(g, was, &before),
			      *new = stair_values(g, is, &after);
		for (int c = 0; c < g->nout; c++)
			tw_push_term(x, dirty, g->out[c].at,
			             (uint32_t) new[c] - (uint32_t)old[c]
			                     + (uint32_t)g->out[c].w *(after - before));
		return;
	}
	for (int i = 0; i < g->n; i++) {
		int64_t a = (int64_t)was + g->bias[i], b = (int64_t)is + g->bias[i];
		if (a <= 0 && b <= 0)
			return; /* the thresholds of those that follow are higher */
		int64_t more = (b > 0 ? b : 0) - (a > 0 ? a : 0);
		tw_push_row(&p->neuron, g->neuron + i, (int32_t)(uint32_t)(uint64_t)more, x, dirty);
	}
}

static void
step_neurons(TwDelta *s, int32_t *slot, const TwDeltaLayer *l)
{
	const TwDeltaPlan *p = s->plan;
	const TwDeltaList *changed = &s->changed;
	int i = 0;

	settle(s, slot, &l->sum);
	for (; i < changed->n && changed->at[i] < l->shared; i++)
		tw_push_row(&p->neuron, changed->at[i], changed->more[i], s->dx, s->dirty);
	for (; i < changed->n; i++) {
		int at = changed->at[i];
		int32_t is = slot[at] > p->floor[at] ? slot[at] : p->floor[at];
		int32_t was = (int32_t)((uint32_t)is - (uint32_t)changed->more[i]);
		tw_push_staircase(p, &l->stair[at - l->shared], was, is, s->dx, s->dirty);
	}
	if (changed->n)
		push_stream(s, l->sum.number + 1, p->column.stages);
}

/* ---- heads */

static void
take_vector(const int32_t *u, const float *scale, int n, float *to)
{
	for (int i = 0; i < n; i++)
		to[i] = (float)u[i] * scale[i];
}

/* Its key, then its priority. */
static int
first_of_vector(const TwDeltaHead *h)
{
	return h->nkey == 1 ? h->h.priority : h->h.key;
}

/* What a place leaves in the keys of a head. */
static void
leave_key(TwDelta *s, const TwDeltaHead *h, int32_t *slot, TwDeltaMemo *memo, int place)
{
	const TwHead *of = &h->h;
	float *v = s->vector;

	if (!h->nkey)
		return;
	int first = memo->noted ? h->nkey - 1 : 0;
	take_vector(slot + h->key + first, h->scale + first, h->nkey - first,
	            v + first_of_vector(h) + first);
	v[of->value] = (float)place;
	if (of->lookup == TW_LOOKUP_ARGMAX) {
		tw_note_head(of, &s->w, place, v);
		return;
	}
	float priority = v[of->priority];
	float *e = memo->noted ? tw_key_entry(of, &s->w, memo->noted)
	                       : tw_find_key(of, &s->w, v + of->key);
	memo->noted = tw_key_number(of, &s->w, e);
	TwKeyTable *t = tw_key_table(of, &s->w);
	t->priority = fmaxf(t->priority, priority);
	tw_keep_two_best(&e[TW_ENTRY_BEST], &e[TW_ENTRY_SECOND], priority, e + TW_ENTRY_VALUE,
	                 v + of->value, 1);
}

static void
note_heads(TwDelta *s, int32_t *slot, int place)
{
	const TwDeltaPlan *p = s->plan;

	settle_heads(s, slot, &p->key);
	for (int i = 0; i < p->nhead; i++) {
		const TwDeltaHead *h = &p->head[i];
		TwDeltaMemo *memo = memo_of(s, slot, i);
		if (memo->text != s->text)
			*memo = (TwDeltaMemo){ .text = s->text, .place = -1 };
		if (s->new[i])
			memo->noted = 0;
		s->new[i] = false;
		leave_key(s, h, slot, memo, place);
	}
}

static float *
take_query(TwDelta *s, const TwDeltaHead *h, const int32_t *slot)
{
	take_vector(slot + h->query, h->scale + h->nkey, h->nquery, s->vector + h->h.query);
	return s->vector + h->h.query;
}

/* By key: as long as the query is the same, it aims at the same. */
static int
find_by_key(TwDelta *s, const TwDeltaHead *h, const int32_t *slot, TwAim *aim, int place, bool *ok)
{
	const TwHead *of = &h->h;
	const float *e = NULL;

	if (aim->version == tw_key_table(of, &s->w)->version)
		e = tw_aim_at_key(of, &s->w, place, NULL, aim);
	if (!e)
		e = tw_find_entry(of, &s->w, place, take_query(s, h, slot), aim, ok);
	return (int)e[TW_ENTRY_VALUE];
}

/* The place that a head reads. */
static int
find_read(TwDelta *s, const TwDeltaHead *h, const int32_t *slot, TwAim *aim, int place, bool *ok)
{
	const TwHead *of = &h->h;
	int at = place > of->back ? place - of->back : 0;

	switch (of->lookup) {
	case TW_LOOKUP_OFFSET: return at;
	case TW_LOOKUP_PLACE:
		*ok = tw_find_place(of, take_query(s, h, slot), place, &at) && *ok;
		return at;
	case TW_LOOKUP_ARGMAX: return (int)*tw_find_greatest(of, &s->w, take_query(s, h, slot), ok);
	default: return find_by_key(s, h, slot, aim, place, ok);
	}
}

static void
read_place(TwDelta *s, const TwDeltaHead *h, int32_t *slot, int at)
{
	int32_t *kept = slot + h->read_row;

	for (int i = 0; i < h->nfrom; i++) {
		int row = fed_row_at(s, h->from[i], at);
		if (row != kept[i])
			replace_row(s, &h->read, &kept[i], row);
	}
}

static bool
step_heads(TwDelta *s, int32_t *slot, const TwDeltaLayer *l, int place)
{
	bool ok = true;

	if (l->nhead)
		settle_heads(s, slot, &l->query);
	for (int i = l->head; i < l->head + l->nhead; i++) {
		const TwDeltaHead *h = &s->plan->head[i];
		TwDeltaMemo *memo = memo_of(s, slot, i);
		if (s->new[i])
			memo->aim.version = 0;
		s->new[i] = false;
		int at = find_read(s, h, slot, &memo->aim, place, &ok);
		if (at != memo->place)
			read_place(s, h, slot, at);
		memo->place = at;
	}
	if (l->nhead)
		push_stream(s, l->sum.number, s->plan->column.stages);
	return ok;
}

/* ---- what comes next */

static void
step_logits(TwDelta *s, int32_t *slot)
{
	const TwDeltaPlan *p = s->plan;
	float *base = kept_bases(p, slot);
	int *next = slot + p->at_next, *first = next + p->c->m->nfield;
	const TwDeltaList *changed = &s->changed;

	settle(s, slot, &p->logit);
	*next = *first;
	for (int i = 0; i < changed->n; i++)
		base[changed->at[i] - p->logit.first] = (float)slot[changed->at[i]];
	for (int i = 0; i < changed->n; i++) {
		int at = changed->at[i] - p->logit.first;
		for (int t = p->fields.start[at]; t < p->fields.start[at + 1]; t++) {
			int field = p->fields.term[t].at;
			next[field] = tw_greatest_row(p->c, field, base, 1);
		}
	}
	*first = *next;
	if (tw_ends_before(p->c, *first, base, 1))
		*next = tw_end(p->c->m);
}

/* ---- a token */

/* A base, by what the first head asks for. */
static int32_t *
choose_slot(const TwDelta *s, int place)
{
	const TwDeltaPlan *p = s->plan;
	const int *row = s->text_row + (size_t)place * (size_t)p->c->m->nfield;
	uint32_t code = 0;
	size_t at = (size_t)p->slots;

	if (!s->anew) {
		for (int i = 0; i < p->nselect; i++)
			code = code << 1 ^ code >> 31 ^ (uint32_t)row[p->select[i]];
		at = (code * 0x9e3779b9u >> 8) & (uint32_t)(p->slots - 1);
	}
	return s->slot + at * (size_t)p->slot_size;
}

/* A slot with sums that are those of some token, or of none. */
static int *
slot_is_used(const TwDelta *s, int32_t *slot)
{
	return slot + s->plan->at_next + s->plan->c->m->nfield + 1;
}

/* A slot with sums that are those of some token, or of none. */
static int32_t *
start_slot(const TwDelta *s, int32_t *slot, const int32_t *from)
{
	if (!*slot_is_used(s, slot) || s->anew)
		memcpy(slot, from, (size_t)s->plan->slot_size * sizeof *slot);
	*slot_is_used(s, slot) = 1;
	return slot;
}

bool
tw_delta_step(TwDelta *s, int place)
{
	const TwDeltaPlan *p = s->plan;
	const int32_t *from = s->last && !s->anew ? s->last : p->base;
	int32_t *slot = start_slot(s, choose_slot(s, place), from);
	TwPhaseClock *clock = s->w.clock;
	bool ok = true;

	tw_phase_begin(clock);
	embed_changes(s, slot, place, p->column.stages);
	tw_phase_end(clock, TW_EMBEDDING);
	note_heads(s, slot, place);
	tw_phase_end(clock, TW_PROJECTIONS);
	for (int n = 0; n < p->c->m->nlayer; n++) {
		ok = step_heads(s, slot, &p->layer[n], place) && ok;
		tw_phase_end(clock, TW_HEADS);
		step_neurons(s, slot, &p->layer[n]);
		tw_phase_end(clock, TW_NEURONS);
	}
	step_logits(s, slot);
	tw_phase_end(clock, TW_OUTPUT);
	s->now = s->last = slot;
	return ok;
}

static int32_t *
slot_for_notes(const TwDelta *s)
{
	return start_slot(s, s->slot + (size_t)(s->plan->slots + 1) * (size_t)s->plan->slot_size,
	                  s->plan->base);
}

void
tw_delta_note(TwDelta *s, int place)
{
	int32_t *slot = slot_for_notes(s);

	embed_changes(s, slot, place, s->plan->key.number + 1);
	note_heads(s, slot, place);
}

void
tw_delta_begin(TwDelta *s)
{
	const TwDeltaPlan *p = s->plan;
	int32_t *slot = slot_for_notes(s);

	s->text++;
	s->now = slot;
	embed_changes(s, slot, 0, p->key.number + 1);
	settle_heads(s, slot, &p->key);
	for (int i = 0; i < p->nhead; i++) {
		const TwDeltaHead *h = &p->head[i];
		float *v = s->vector;
		s->new[i] = false;
		take_vector(slot + h->key, h->scale, h->nkey, v + first_of_vector(h));
		v[h->h.value] = 0;
		tw_start_head(&h->h, &s->w, v);
	}
}
