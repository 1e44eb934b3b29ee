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
		n += c->atom[i]->live && c->atom[i]->kind == NEURON;
	return n;
}

/* ---- by list ---- */

enum { NOT_YET = INT_MAX };

typedef struct WorkList {
	Circuit *c;
	int n;
	Atom **atom; /* (n) live neurons and values; operands first */
	int *height; /* the longest chain of atoms that depend on it */
} WorkList;

static void
raise_heights(const WorkList *l, const Form *f, int height)
{
	for (int i = 0; i < f->n; i++) {
		int *h = &l->height[f->term[i].atom->id];
		*h = *h > height ? *h : height;
	}
}

static WorkList
new_list(Circuit *c)
{
	WorkList l = { c, 0, NEWS(c->arena, Atom *, c->natom + 1),
		       NEWS(c->arena, int, c->natom + 1) };

	for (int i = 0; i < c->natom; i++)
		if (c->atom[i]->live && c->atom[i]->in)
			l.atom[l.n++] = c->atom[i];
	for (int i = l.n; i-- > 0;) {
		const Atom *a = l.atom[i];
		int height = l.height[a->id] + 1;
		raise_heights(&l, a->in, height);
		for (int d = 0; a->head && d < a->head->lookup->ndim; d++) {
			raise_heights(&l, a->head->lookup->q[d], height);
			raise_heights(&l, a->head->lookup->k[d], height);
		}
	}
	return l;
}

/* The state in which all that it reads is there. */
static int
inputs_ready(const Atom *a)
{
	int ready = form_ready(a->in);

	for (int d = 0; a->head && d < a->head->lookup->ndim; d++) {
		int q = form_ready(a->head->lookup->q[d]), k = form_ready(a->head->lookup->k[d]);
		ready = max_int(q, ready);
		ready = max_int(k, ready);
	}
	return ready;
}

typedef struct ReadyAtom {
	int height, id; /* id of the atom */
	Atom *atom;
} ReadyAtom;

static int
by_height(const void *p, const void *q)
{
	const ReadyAtom *a = p, *b = q;

	return a->height != b->height ? b->height - a->height : a->id - b->id;
}

/* The atoms of this kind that could be computed from this state, the most urgent first. */
static int
find_candidates(const WorkList *l, AtomKind kind, int state, ReadyAtom *choice)
{
	int n = 0;

	for (int i = 0; i < l->n; i++) {
		Atom *a = l->atom[i];
		if (a->kind == kind && a->ready == NOT_YET && inputs_ready(a) <= state)
			choice[n++] = (ReadyAtom){ l->height[a->id], a->id, a };
	}
	qsort(choice, (size_t)n, sizeof *choice, by_height);
	return n;
}

static int
assign_neurons(const WorkList *l, int layer, int most, ReadyAtom *choice)
{
	int n = find_candidates(l, NEURON, state_after_attention(layer), choice);

	n = most && n > most ? most : n;
	for (int i = 0; i < n; i++)
		choice[i].atom->ready = state_after_mlp(layer);
	return n;
}

static bool
has_lookup(const Lookup *const *select, int n, const Lookup *s)
{
	while (n-- > 0)
		if (select[n] == s)
			return true;
	return false;
}

static int
assign_values(const WorkList *l, int layer, int most, ReadyAtom *choice)
{
	int n = find_candidates(l, VALUE, state_before(layer), choice), nselect = 0, placed = 0;
	const Lookup **select = NEWS(l->c->arena, const Lookup *, n + 1);

	for (int i = 0; i < n; i++) {
		const Lookup *s = choice[i].atom->head->lookup;
		if (has_lookup(select, nselect, s))
			continue;
		if (most && nselect == most)
			break;
		select[nselect++] = s;
	}
	for (int i = 0; i < n; i++) {
		if (!has_lookup(select, nselect, choice[i].atom->head->lookup))
			continue;
		choice[i].atom->ready = state_after_attention(layer);
		placed++;
	}
	return placed;
}

static void
schedule_by_list(const WorkList *list, const SchedulePolicy *plan)
{
	WorkList l = *list;
	ReadyAtom *choice = NEWS(l.c->arena, ReadyAtom, l.n + 1);
	int left = l.n;

	for (int i = 0; i < l.n; i++)
		l.atom[i]->ready = NOT_YET;
	for (int layer = 0; left; layer++) {
		left -= assign_values(&l, layer, plan->heads, choice);
		left -= assign_neurons(&l, layer, plan->neurons, choice);
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

static Head *
live_head(Circuit *c, const Lookup *s, int layer)
{
	for (int i = 0; i < c->nhead; i++)
		if (c->head[i]->lookup == s && c->head[i]->layer == layer)
			return c->head[i];
	Head *h = c->head[c->nhead++] = NEW(c->arena, Head);
	*h = (Head){ .lookup = s, .layer = layer, .live = true };
	return h;
}

/* One head for each lookup in a layer, with all that is fetched there. */
static void
make_heads(Circuit *c)
{
	c->nhead = 0;
	c->caphead = c->natom + 1;
	c->head = NEWS(c->arena, Head *, c->caphead);
	for (int i = 0; i < c->natom; i++) {
		Atom *a = c->atom[i];
		if (!a->live || a->kind != VALUE)
			continue;
		a->head = live_head(c, a->head->lookup, atom_layer(a));
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
		if (c->atom[i]->live && c->atom[i]->in && atom_layer(c->atom[i]) >= s->nlayer)
			s->nlayer = atom_layer(c->atom[i]) + 1;
	make_heads(c);

	size_t n = (size_t)s->nlayer + 1;
	s->nhead = arena_alloc(c->arena, sizeof *s->nhead * n);
	s->nneuron = arena_alloc(c->arena, sizeof *s->nneuron * n);
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
	return s;
}
