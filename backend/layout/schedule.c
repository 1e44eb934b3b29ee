/* Circuit to layers: list scheduling. Atoms that nothing reads, and heads without values, are
 * left out.
 *
 * With room to spare every atom is in the first layer that can hold it (as soon as possible),
 * which is optimal: the depth is the longest chain of dependencies. Where a layer may have only
 * so many heads or neurons, layers are filled one after another from a list of what could be
 * computed by then, and what has the longest chain of others waiting for it goes first (critical
 * path; Hu 1961). A head that has found its place fetches whatever is ready there, at no further
 * cost. */

#include "backend/layout/layout.h"
#include "lang/pointer_map.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* ---- what is needed at all ---- */

static void mark_form(const Form *);

static void
mark_atom(Atom *a)
{
	if (a->live)
		return;
	a->live = true;
	if (a->in)
		mark_form(a->in);
	if (a->times)
		mark_form(a->times);
	for (int i = 0; a->head && i < a->head->lookup->ndim; i++) {
		mark_form(a->head->lookup->q[i]);
		mark_form(a->head->lookup->k[i]);
	}
}

static void
mark_form(const Form *f)
{
	for (int i = 0; i < f->n; i++)
		mark_atom(f->term[i].atom);
}

static void
mark_live_atoms(Circuit *c)
{
	for (int i = 0; c->emit && i < c->g->nfield; i++)
		mark_form(c->emit[i]);
	for (int i = 0; i < c->g->noutput; i++)
		mark_form(c->output[i]);
}

int
live_neurons(Circuit *c)
{
	int n = 0;

	mark_live_atoms(c);
	for (int i = 0; i < c->natom; i++)
		n += c->atom[i]->live && c->atom[i]->kind == NEURON ? 1 + c->atom[i]->step : 0;
	return n;
}

/* ---- by list ---- */

/* What can be computed from the present state: an atom waits until all that it reads is placed,
 * and is then put on the list of its kind. */
typedef struct ReadyAtom {
	int height, id; /* id of the atom */
	Atom *atom;
} ReadyAtom;

typedef struct ReadyAtoms {
	int n;
	ReadyAtom *at; /* (n) */
} ReadyAtoms;

typedef struct WorkList {
	Circuit *c;
	int n;
	Atom **atom; /* (n) live neurons and values; operands first */
	/* by id of an atom: the longest chain of atoms that depend on it; how many of what it
	 * reads are not placed yet, one that is read twice counted twice; its readers */
	int *height, *waits, *first_reader; /* (natom), (natom), (natom + 1) */
	Atom **reader;                      /* those of atom i from first_reader[i] on */
	ReadyAtoms ready[2];                /* neurons, values */
} WorkList;

static ReadyAtoms *
ready_of_kind(WorkList *l, AtomKind kind)
{
	return &l->ready[kind == VALUE];
}

typedef void VisitForm(WorkList *, Atom *reader, const Form *read);

static void
visit_reads(WorkList *l, Atom *a, VisitForm *visit)
{
	visit(l, a, a->in);
	if (a->times)
		visit(l, a, a->times);
	for (int d = 0; a->head && d < a->head->lookup->ndim; d++) {
		visit(l, a, a->head->lookup->q[d]);
		visit(l, a, a->head->lookup->k[d]);
	}
}

static void
raise_heights(WorkList *l, Atom *reader, const Form *f)
{
	int height = l->height[reader->id] + 1;

	for (int i = 0; i < f->n; i++) {
		int *h = &l->height[f->term[i].atom->id];
		*h = *h > height ? *h : height;
	}
}

/* Must it be waited for? What the embedding has is there from the beginning. */
static bool
is_computed(const Atom *a)
{
	return a->in || a->ready;
}

static void
count_reads(WorkList *l, Atom *reader, const Form *f)
{
	for (int i = 0; i < f->n; i++) {
		if (!is_computed(f->term[i].atom))
			continue;
		l->waits[reader->id]++;
		l->first_reader[f->term[i].atom->id + 1]++;
	}
}

static void
note_reader(WorkList *l, Atom *reader, const Form *f)
{
	for (int i = 0; i < f->n; i++)
		if (is_computed(f->term[i].atom))
			l->reader[l->first_reader[f->term[i].atom->id]++] = reader;
}

/* Each reader of each atom, in one array (a graph as compressed rows). */
static void
find_readers_of_atoms(WorkList *l)
{
	int natom = l->c->natom, *first = l->first_reader = NEWS(l->c->arena, int, natom + 2);

	l->waits = NEWS(l->c->arena, int, natom + 1);
	for (int i = 0; i < l->n; i++)
		visit_reads(l, l->atom[i], count_reads);
	for (int i = 0; i < natom; i++)
		first[i + 1] += first[i];
	l->reader = NEWS(l->c->arena, Atom *, first[natom] + 1);
	for (int i = 0; i < l->n; i++)
		visit_reads(l, l->atom[i], note_reader);
	memmove(first + 1, first, sizeof *first * (size_t)natom);
	first[0] = 0;
}

static WorkList
new_list(Circuit *c)
{
	WorkList l = { .c = c,
		       .atom = NEWS(c->arena, Atom *, c->natom + 1),
		       .height = NEWS(c->arena, int, c->natom + 1) };

	for (int i = 0; i < c->natom; i++)
		if (c->atom[i]->live && c->atom[i]->in)
			l.atom[l.n++] = c->atom[i];
	for (int i = l.n; i-- > 0;)
		visit_reads(&l, l.atom[i], raise_heights);
	return l;
}

/* The state in which all that it reads is there. */
static int
inputs_ready(const Atom *a)
{
	int ready = form_ready(a->in);

	if (a->times)
		ready = max_int(form_ready(a->times), ready);
	for (int d = 0; a->head && d < a->head->lookup->ndim; d++) {
		int q = form_ready(a->head->lookup->q[d]), k = form_ready(a->head->lookup->k[d]);
		ready = max_int(q, ready);
		ready = max_int(k, ready);
	}
	return ready;
}

static int
by_height(const void *p, const void *q)
{
	const ReadyAtom *a = p, *b = q;

	return a->height != b->height ? b->height - a->height : a->id - b->id;
}

static void
add_ready(WorkList *l, Atom *a)
{
	ReadyAtoms *r = ready_of_kind(l, a->kind);

	r->at[r->n++] = (ReadyAtom){ l->height[a->id], a->id, a };
}

/* The atom is there from this state on, which may be all that others were waiting for. */
static void
place_atom(WorkList *l, Atom *a, int state)
{
	a->ready = state;
	for (int i = l->first_reader[a->id]; i < l->first_reader[a->id + 1]; i++)
		if (!--l->waits[l->reader[i]->id])
			add_ready(l, l->reader[i]);
}

/* The neurons that can be computed in this layer, the most urgent first. */
static int
assign_neurons(WorkList *l, int layer, int most, ReadyAtom *choice)
{
	ReadyAtoms *r = ready_of_kind(l, NEURON);
	int all = r->n, n = most && all > most ? most : all;

	qsort(r->at, (size_t)all, sizeof *r->at, by_height);
	memcpy(choice, r->at, sizeof *choice * (size_t)n);
	r->n = all - n;
	memmove(r->at, r->at + n, sizeof *r->at * (size_t)r->n);
	for (int i = 0; i < n; i++)
		place_atom(l, choice[i].atom, state_after_mlp(layer));
	return n;
}

/* The values that can be fetched in this layer, those of the heads that are most urgent. */
static int
assign_values(WorkList *l, int layer, int most, ReadyAtom *choice)
{
	ReadyAtoms *r = ready_of_kind(l, VALUE);
	Map heads = { 0 };
	int all = r->n, n = 0;

	qsort(r->at, (size_t)all, sizeof *r->at, by_height);
	r->n = 0;
	for (int i = 0; i < all; i++) {
		const Lookup *s = r->at[i].atom->head->lookup;
		bool full = heads.n >= most;
		if (!full)
			map_put(l->c->arena, &heads, s, r->at[i].atom);
		if (!full || map_get(&heads, s))
			choice[n++] = r->at[i];
		else
			r->at[r->n++] = r->at[i];
	}
	for (int i = 0; i < n; i++)
		place_atom(l, choice[i].atom, state_after_attention(layer));
	return n;
}

/* Functions of the place that the target makes in this state. */
static void
place_features(WorkList *l, int state)
{
	for (int i = 0; i < l->c->natom; i++) {
		Atom *a = l->c->atom[i];
		if (a->live && !a->in && a->ready == state)
			place_atom(l, a, state);
	}
}

static void
schedule_by_list(WorkList *l, const SchedulePolicy *plan)
{
	Arena *arena = l->c->arena;
	ReadyAtom *choice = NEWS(arena, ReadyAtom, l->n + 1);
	int left = l->n, heads = plan->heads ? plan->heads : INT_MAX;

	find_readers_of_atoms(l);
	for (int i = 0; i < 2; i++)
		l->ready[i].at = NEWS(arena, ReadyAtom, l->n + 1);
	for (int i = 0; i < l->n; i++)
		if (!l->waits[l->atom[i]->id])
			add_ready(l, l->atom[i]);
	for (int layer = 0; left; layer++) {
		left -= assign_values(l, layer, layer ? heads : heads - plan->for_place, choice);
		left -= assign_neurons(l, layer, plan->neurons, choice);
		if (!layer)
			place_features(l, state_after_mlp(layer));
	}
}

/* ---- as late as can be ---- */

static void
require_form_by(const Form *f, int state, int *latest)
{
	for (int i = 0; i < f->n; i++)
		if (latest[f->term[i].atom->id] > state)
			latest[f->term[i].atom->id] = state;
}

/* The latest state of each atom, by id, if all that depends on it is as late as it can be. */
static int *
find_latest_states(const WorkList *l, int layers)
{
	int *latest = NEWS(l->c->arena, int, l->c->natom + 1);

	for (int i = 0; i < l->c->natom; i++)
		latest[i] = last_state(layers);
	for (int i = l->n; i-- > 0;) {
		const Atom *a = l->atom[i];
		int *at = &latest[a->id];
		if (is_after_attention(*at) != (a->kind == VALUE))
			--*at;
		require_form_by(a->in, *at - 1, latest);
		if (a->times)
			require_form_by(a->times, *at - 1, latest);
		for (int d = 0; a->head && d < a->head->lookup->ndim; d++) {
			require_form_by(a->head->lookup->q[d], *at - 1, latest);
			require_form_by(a->head->lookup->k[d], *at - 1, latest);
		}
	}
	return latest;
}

/* As late as can be for the kinds that the policy makes late, as soon as can be for the others. */
static void
schedule_late(const WorkList *l, const SchedulePolicy *plan)
{
	const int *latest = find_latest_states(l, plan->layers);

	for (int i = 0; i < l->n; i++) {
		Atom *a = l->atom[i];
		bool value = a->kind == VALUE;
		int ready = value ? fetched_from(inputs_ready(a)) : computed_from(inputs_ready(a));
		a->ready = (value ? plan->late_values : plan->late_neurons) ? latest[a->id] : ready;
	}
}

/* What nothing needs stays behind what it reads, as the circuit promises of all atoms. */
static void
place_dead_atoms(Circuit *c)
{
	for (int i = 0; i < c->natom; i++) {
		Atom *a = c->atom[i];
		if (!a->live && a->in)
			a->ready = a->kind == VALUE ? fetched_from(inputs_ready(a))
			                            : computed_from(inputs_ready(a));
	}
}

/* ---- layers ---- */

/* The head of this lookup in a layer; those of a lookup are a list. */
static Head *
live_head(Circuit *c, Map *heads, const Lookup *s, int layer)
{
	Head *first = map_get(heads, s), *h = first;

	while (h && h->layer != layer)
		h = h->same;
	if (h)
		return h;
	h = c->head[c->nhead++] = NEW(c->arena, Head);
	*h = (Head){ .lookup = s, .same = first, .layer = layer, .live = true };
	map_put(c->arena, heads, s, h);
	return h;
}

/* One head for each lookup in a layer, with all that is fetched there. */
static void
make_heads(Circuit *c)
{
	Map heads = { 0 };

	c->nhead = 0;
	c->caphead = c->natom + 1;
	c->head = NEWS(c->arena, Head *, c->caphead);
	for (int i = 0; i < c->natom; i++) {
		Atom *a = c->atom[i];
		if (!a->live || a->kind != VALUE)
			continue;
		a->head = live_head(c, &heads, a->head->lookup, atom_layer(a));
		a->column = a->head->ndim++;
	}
	for (int i = 0; i < c->natom; i++) {
		Atom *a = c->atom[i];
		if (!a->live || a->kind != VALUE)
			continue;
		GROW(c->arena, a->head->value, a->head->capvalue, a->head->nvalue + 1);
		a->head->value[a->head->nvalue++] = a;
	}
}

static void
number_steps(Schedule *s)
{
	for (int l = 0; l < s->nlayer; l++)
		for (int i = 0; i < s->nneuron[l]; i++)
			if (s->neuron[l][i]->step)
				s->neuron[l][i]->second = s->nneuron[l] + s->nstep[l]++;
}

Schedule *
schedule(Circuit *c, const SchedulePolicy *plan)
{
	Schedule *s = NEW(c->arena, Schedule);

	s->c = c;
	mark_live_atoms(c);
	WorkList list = new_list(c);
	schedule_by_list(&list, plan);
	if (plan->late_values || plan->late_neurons)
		schedule_late(&list, plan);
	place_dead_atoms(c);
	for (int i = 0; i < c->natom; i++)
		if (c->atom[i]->live && atom_layer(c->atom[i]) >= s->nlayer)
			s->nlayer = atom_layer(c->atom[i]) + 1;
	make_heads(c);

	size_t n = (size_t)s->nlayer + 1;
	s->nhead = arena_alloc(c->arena, sizeof *s->nhead * n);
	s->nneuron = arena_alloc(c->arena, sizeof *s->nneuron * n);
	s->nstep = arena_alloc(c->arena, sizeof *s->nstep * n);
	s->head = arena_alloc(c->arena, sizeof *s->head * n);
	s->neuron = arena_alloc(c->arena, sizeof *s->neuron * n);
	for (int i = 0; i < c->nhead; i++)
		s->nhead[c->head[i]->layer]++;
	for (int i = 0; i < c->natom; i++)
		if (c->atom[i]->live && c->atom[i]->kind == NEURON)
			s->nneuron[atom_layer(c->atom[i])]++;
	for (int l = 0; l < s->nlayer; l++) {
		s->head[l] = NEWS(c->arena, Head *, s->nhead[l] + 1);
		s->neuron[l] = NEWS(c->arena, Atom *, s->nneuron[l] + 1);
		s->nhead[l] = s->nneuron[l] = 0;
	}
	for (int i = 0; i < c->nhead; i++) {
		Head *h = c->head[i];
		h->index = s->nhead[h->layer]++;
		s->head[h->layer][h->index] = h;
	}
	for (int i = 0; i < c->natom; i++) {
		Atom *a = c->atom[i];
		if (!a->live || a->kind != NEURON)
			continue;
		a->column = s->nneuron[atom_layer(a)]++;
		s->neuron[atom_layer(a)][a->column] = a;
	}
	number_steps(s);
	return s;
}
