/* Circuit to layers. An atom sits in the first layer that can hold it: with width
 * to spare that is optimal, and the depth is the longest chain of dependencies.
 * Atoms that nothing reads, and heads without values, are left out. */

#include "backend/circuit.h"

#include <string.h>

static void mark_form(const Form *);

static void
mark(Atom *a)
{
	if (a->live)
		return;
	a->live = true;
	if (a->in)
		mark_form(a->in);
	if (!a->head || a->head->live)
		return;
	a->head->live = true;
	for (int i = 0; i < a->head->select->ndim; i++) {
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

static int
layer_of(const Atom *a)
{
	return a->kind == VALUE ? a->head->layer : a->ready / 2 - 1;
}

Schedule *
schedule(Circuit *c)
{
	Schedule *s = NEW(c->arena, Schedule);

	s->c = c;
	for (int i = 0; c->emit && i < c->g->nfield; i++)
		mark_form(c->emit[i]);
	for (int i = 0; i < c->g->noutput; i++)
		mark_form(c->output[i]);
	for (int i = 0; i < c->natom; i++)
		if (c->atom[i]->live && c->atom[i]->kind >= NEURON && layer_of(c->atom[i]) >= s->nlayer)
			s->nlayer = layer_of(c->atom[i]) + 1;

	size_t n = (size_t)s->nlayer + 1;
	s->nhead = arena_alloc(c->arena, sizeof *s->nhead * n);
	s->nneuron = arena_alloc(c->arena, sizeof *s->nneuron * n);
	s->head = arena_alloc(c->arena, sizeof *s->head * n);
	s->neuron = arena_alloc(c->arena, sizeof *s->neuron * n);
	for (int l = 0; l < s->nlayer; l++) {
		s->head[l] = arena_alloc(c->arena, sizeof **s->head * (size_t)(c->nhead + 1));
		s->neuron[l] = arena_alloc(c->arena, sizeof **s->neuron * (size_t)(c->natom + 1));
	}
	for (int i = 0; i < c->nhead; i++) {
		Head *h = c->head[i];
		if (!h->live)
			continue;
		h->index = s->nhead[h->layer]++;
		s->head[h->layer][h->index] = h;
		for (int v = 0; v < h->nvalue; v++)
			if (h->value[v]->live)
				h->value[v]->column = h->ndim++;
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
