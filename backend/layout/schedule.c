/* Circuit to layers. Atoms that nothing reads, and heads without values, are left out.
 *
 * With room to spare an atom sits in the first layer that can hold it: that is
 * optimal, and the depth is the longest chain of dependencies. Where a layer may have
 * only so many heads or neurons, layers are filled one after the other from a list of
 * what could be computed by then, that first on which the longest chain waits. A head
 * that has found its place reads there whatever is ready, at no further cost. */

#include "backend/circuit/circuit.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* ---- what is needed at all ---- */

static void mark_form(const Form *);

static void
mark(Atom *a)
{
	if (a->live)
		return;
	a->live = true;
	if (a->in)
		mark_form(a->in);
	for (int i = 0; a->head && i < a->head->select->ndim; i++) {
		mark_form(a->head->select->q[i]);
		mark_form(a->head->select->k[i]);
	}
}

static void
mark_form(const Form *f)
{
	for (int i = 0; i < f->n; i++)
		mark(f->term[i].atom);
}

static void
mark_live(Circuit *c)
{
	for (int i = 0; c->emit && i < c->g->nfield; i++)
		mark_form(c->emit[i]);
	for (int i = 0; i < c->g->noutput; i++)
		mark_form(c->output[i]);
}

/* ---- by list ---- */

enum { NOT_YET = INT_MAX };

typedef struct List {
	Circuit *c;
	int n;
	Atom **atom; /* (n) live neurons and values; operands first */
	int *height; /* (natom) by id: steps on the longest way to what the model says */
} List;

static void
raise_form(const List *l, const Form *f, int height)
{
	for (int i = 0; i < f->n; i++) {
		int *h = &l->height[f->term[i].atom->id];
		*h = *h > height ? *h : height;
	}
}

static List
list_new(Circuit *c)
{
	List l = { c, 0, NEWS(c->arena, Atom *, c->natom + 1), NEWS(c->arena, int, c->natom + 1) };

	for (int i = 0; i < c->natom; i++)
		if (c->atom[i]->live && c->atom[i]->in)
			l.atom[l.n++] = c->atom[i];
	for (int i = l.n; i-- > 0;) {
		const Atom *a = l.atom[i];
		int height = l.height[a->id] + 1;
		raise_form(&l, a->in, height);
		for (int d = 0; a->head && d < a->head->select->ndim; d++) {
			raise_form(&l, a->head->select->q[d], height);
			raise_form(&l, a->head->select->k[d], height);
		}
	}
	return l;
}

/* The state in which all that it reads is there. */
static int
inputs_ready(const Atom *a)
{
	int ready = form_ready(a->in);

	for (int d = 0; a->head && d < a->head->select->ndim; d++) {
		int q = form_ready(a->head->select->q[d]), k = form_ready(a->head->select->k[d]);
		ready = q > ready ? q : ready;
		ready = k > ready ? k : ready;
	}
	return ready;
}

typedef struct Choice {
	int height, id; /* id: of an atom, or the first atom of a head */
	Atom *atom;
} Choice;

static int
by_height(const void *p, const void *q)
{
	const Choice *a = p, *b = q;

	return a->height != b->height ? b->height - a->height : a->id - b->id;
}

/* What of a kind could be computed now, the most urgent first. */
static int
find_choices(const List *l, AtomKind kind, int state, Choice *choice)
{
	int n = 0;

	for (int i = 0; i < l->n; i++) {
		Atom *a = l->atom[i];
		if (a->kind == kind && a->ready == NOT_YET && inputs_ready(a) <= state)
			choice[n++] = (Choice){ l->height[a->id], a->id, a };
	}
	qsort(choice, (size_t)n, sizeof *choice, by_height);
	return n;
}

static int
place_neurons(const List *l, int layer, int most, Choice *choice)
{
	int n = find_choices(l, NEURON, 2 * layer + 1, choice);

	n = most && n > most ? most : n;
	for (int i = 0; i < n; i++)
		choice[i].atom->ready = 2 * layer + 2;
	return n;
}

static bool
is_chosen(const Select *const *select, int n, const Select *s)
{
	while (n-- > 0)
		if (select[n] == s)
			return true;
	return false;
}

static int
place_values(const List *l, int layer, int most, Choice *choice)
{
	int n = find_choices(l, VALUE, 2 * layer, choice), nselect = 0, placed = 0;
	const Select **select = NEWS(l->c->arena, const Select *, n + 1);

	for (int i = 0; i < n; i++) {
		const Select *s = choice[i].atom->head->select;
		if (is_chosen(select, nselect, s))
			continue;
		if (most && nselect == most)
			break;
		select[nselect++] = s;
	}
	for (int i = 0; i < n; i++) {
		if (!is_chosen(select, nselect, choice[i].atom->head->select))
			continue;
		choice[i].atom->ready = 2 * layer + 1;
		placed++;
	}
	return placed;
}

static void
place_by_list(const List *list, const Plan *plan)
{
	List l = *list;
	Choice *choice = NEWS(l.c->arena, Choice, l.n + 1);
	int left = l.n;

	for (int i = 0; i < l.n; i++)
		l.atom[i]->ready = NOT_YET;
	for (int layer = 0; left; layer++) {
		left -= place_values(&l, layer, plan->heads, choice);
		left -= place_neurons(&l, layer, plan->neurons, choice);
	}
}

/* ---- as late as can be ---- */

static void
hurry_form(const Form *f, int state, int *latest)
{
	for (int i = 0; i < f->n; i++)
		if (latest[f->term[i].atom->id] > state)
			latest[f->term[i].atom->id] = state;
}

/* The latest state of each atom, by id, if its readers are as late as they can be. */
static int *
find_latest(const List *l, int layers)
{
	int *latest = NEWS(l->c->arena, int, l->c->natom + 1);

	for (int i = 0; i < l->c->natom; i++)
		latest[i] = 2 * layers;
	for (int i = l->n; i-- > 0;) {
		const Atom *a = l->atom[i];
		int *at = &latest[a->id];
		if (*at % 2 != (a->kind == VALUE))
			--*at;
		hurry_form(a->in, *at - 1, latest);
		for (int d = 0; a->head && d < a->head->select->ndim; d++) {
			hurry_form(a->head->select->q[d], *at - 1, latest);
			hurry_form(a->head->select->k[d], *at - 1, latest);
		}
	}
	return latest;
}

/* Those that may wait do; the others follow what they read. */
static void
place_late(const List *l, const Plan *plan)
{
	const int *latest = find_latest(l, plan->layers);

	for (int i = 0; i < l->n; i++) {
		Atom *a = l->atom[i];
		bool value = a->kind == VALUE;
		int ready = inputs_ready(a) + 1;
		ready += ready % 2 != value;
		a->ready = (value ? plan->late_values : plan->late_neurons) ? latest[a->id] : ready;
	}
}

/* ---- layers ---- */

static int
layer_of(const Atom *a)
{
	return (a->ready - 1) / 2;
}

static Head *
head_of(Circuit *c, const Select *s, int layer)
{
	for (int i = 0; i < c->nhead; i++)
		if (c->head[i]->select == s && c->head[i]->layer == layer)
			return c->head[i];
	Head *h = c->head[c->nhead++] = NEW(c->arena, Head);
	*h = (Head){ .select = s, .layer = layer, .live = true };
	return h;
}

/* One head for each place that is looked for in a layer, with what is read there. */
static void
make_heads(Circuit *c)
{
	c->nhead = 0;
	c->head = NEWS(c->arena, Head *, c->natom + 1);
	for (int i = 0; i < c->natom; i++) {
		Atom *a = c->atom[i];
		if (!a->live || a->kind != VALUE)
			continue;
		a->head = head_of(c, a->head->select, layer_of(a));
		a->column = a->head->ndim++;
	}
	for (int i = 0; i < c->natom; i++) {
		Atom *a = c->atom[i];
		if (!a->live || a->kind != VALUE)
			continue;
		if (!a->head->value)
			a->head->value = NEWS(c->arena, Atom *, a->head->ndim);
		a->head->value[a->head->nvalue++] = a;
	}
}

Schedule *
schedule(Circuit *c, const Plan *plan)
{
	Schedule *s = NEW(c->arena, Schedule);

	s->c = c;
	mark_live(c);
	List list = list_new(c);
	place_by_list(&list, plan);
	if (plan->late_values || plan->late_neurons)
		place_late(&list, plan);
	for (int i = 0; i < c->natom; i++)
		if (c->atom[i]->live && c->atom[i]->in && layer_of(c->atom[i]) >= s->nlayer)
			s->nlayer = layer_of(c->atom[i]) + 1;
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
			s->nneuron[layer_of(c->atom[i])]++;
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
		a->column = s->nneuron[layer_of(a)]++;
		s->neuron[layer_of(a)][a->column] = a;
	}
	return s;
}
