/* The parts of a model. An exact program knows of each head and of each neuron what it was made for
 * (backend/explain_parts.c), and where the values stand that the program names; a learned one has
 * tensors.
 *
 *     a[0]     a named value, where it stands in the residual stream
 *     a1.h0    head 0 of layer 1, all that it reads
 *     m1.g2    the third group of neurons of layer 1 that were made at one place of the program */

#include "cmd/parts.h"

#include <stdlib.h>
#include <string.h>

#include "backend/explain.h"
#include "backend/model_tensors.h"

typedef struct PartList {
	Training *t;
	Arena *arena;
	int n, cap;
	Part *part; /* (n) */
} PartList;

static Part *
add_model_part(PartList *l, const char *name, const char *owner, const char *what,
               TensorNode *tensor)
{
	GROW(l->arena, l->part, l->cap, l->n + 1);
	Part *p = &l->part[l->n++];

	*p = (Part){
		.name = name, .owner = owner, .at = "", .what = what, .tensor = tensor, .n = 1
	};
	for (int i = 1; i < tensor->rank; i++)
		p->n *= tensor->dim[i];
	return p;
}

static TensorNode *
tensor_of_layer(const PartList *l, int layer, const char *name)
{
	return tensor_find(l->t->learned->graph, arena_fmt(l->arena, "l%d.%s", layer, name));
}

/* ---- of an exact program ---- */

static void
list_named(PartList *l)
{
	const TwModel *m = l->t->program.model;

	for (int i = 0; i < m->nnamed; i++) {
		const TwNamed *v = &m->named[i];
		if (v->folded || !v->ncolumn)
			continue;
		TensorNode *state = model_state(l->t->learned, v->state);
		Part *p = add_model_part(l, v->name, "",
		                         arena_fmt(l->arena, "%d column%s of state %d", v->ncolumn,
		                                   v->ncolumn > 1 ? "s" : "", v->state),
		                         state);
		p->along = NEWS(l->arena, double, p->n);
		p->bias = (double)v->bias;
		for (int k = 0; k < v->ncolumn; k++)
			p->along[v->column[k]] += (double)v->weight[k];
	}
}

/* Each different name once, "what is emitted" for none. */
static const char *
values_of_head(PartList *l, const ExplainedHead *h)
{
	const char *all = "";

	for (int k = 0; k < h->nvalue; k++) {
		bool seen = false;
		for (int i = 0; i < k; i++)
			seen |= !strcmp(h->value[i], h->value[k]);
		if (!seen)
			all = arena_fmt(l->arena, "%s%s%s", all, *all ? ", " : "",
			                *h->value[k] ? h->value[k] : "what is emitted");
	}
	return all;
}

/* Its owner is the value that all it brings was made for, if it is one. */
static const char *
owner_of_head(const ExplainedHead *h)
{
	for (int k = 1; k < h->nvalue; k++)
		if (strcmp(h->value[k], h->value[0]))
			return "";
	return h->nvalue ? h->value[0] : "";
}

static void
list_heads(PartList *l)
{
	int n;
	const ExplainedHead *h = explain_heads(&l->t->program.report, &n);

	for (int i = 0; i < n; i++, h++) {
		int dv = l->t->program.model->layer[h->layer].dv;
		Part *p = add_model_part(
			l, arena_fmt(l->arena, "a%d.h%d", h->layer, h->index), owner_of_head(h),
			arena_fmt(l->arena, "%s, at %s", values_of_head(l, h), h->at),
			tensor_of_layer(l, h->layer, "read"));
		p->at = h->at;
		p->mask = NEWS(l->arena, double, p->n);
		for (int k = 0; k < dv; k++)
			p->mask[h->index * dv + k] = 1;
	}
}

static void
list_neurons(PartList *l)
{
	int n, layer = -1, number = 0;
	const NeuronGroup *g = explain_neurons(&l->t->program.report, &n);

	for (int i = 0; i < n; i++, g++) {
		number = g->layer == layer ? number + 1 : 0;
		layer = g->layer;
		const Source *src = g->place.src;
		const char *text = src        ? span_excerpt(l->arena, src, g->place.span)
		                   : *g->name ? g->name
		                              : "what is emitted";
		Part *p = add_model_part(
			l, arena_fmt(l->arena, "m%d.g%d", layer, number), g->name,
			arena_fmt(l->arena, "%d neuron%s: %s", g->n, g->n > 1 ? "s" : "", text),
			tensor_of_layer(l, layer, "neurons"));
		p->mask = NEWS(l->arena, double, p->n);
		for (int k = 0; k < g->n; k++)
			p->mask[g->neuron[k]] = 1;
	}
}

/* ---- of a learned one ---- */

static const char *
shape_of_position(Arena *a, const TensorNode *t)
{
	return t->rank > 1 ? shape_text(a, t->rank - 1, t->dim + 1) : "a number";
}

/* Neither what is fed as such nor what only the loss is made of. */
static void
list_tensor_parts(PartList *l)
{
	const Learned *learned = l->t->learned;
	const TensorGraph *g = learned->graph;
	const TensorNode *last = learned->scores ? learned->scores : learned->loss;
	bool *live = NEWS(l->arena, bool, g->ntensor + 1);

	live[last->id] = true;
	tensor_mark_live(g, live);
	for (int i = 0; i < last->id; i++) {
		TensorNode *t = g->tensor[i];
		bool fed = t->kind == TENSOR_INPUT;
		for (int k = 0; k < learned->ninput; k++)
			if (learned->input[k].tensor == t)
				fed &= learned->input[k].source != LEARNED_EXACT
				       && learned->input[k].source != LEARNED_NUMBERS;
		if (!live[i] || fed || t->kind == TENSOR_PARAM || t->kind == TENSOR_TABLE
		    || t->rank < 1 || t->dim[0] != learned->context)
			continue;
		add_model_part(l, t->name, "",
		               arena_fmt(l->arena, "%s%s", shape_of_position(l->arena, t),
		                         t->kind == TENSOR_INPUT ? ", exact" : ""),
		               t);
	}
}

Part *
list_parts(Training *t, int *n)
{
	PartList l = { .t = t, .arena = t->arena };

	if (t->free) {
		list_named(&l);
		list_heads(&l);
		list_neurons(&l);
	} else {
		list_tensor_parts(&l);
	}
	*n = l.n;
	return l.part;
}

/* ---- by name ---- */

bool
part_is_named(const Part *p, const char *name)
{
	size_t n = strlen(name);

	return !strcmp(p->name, name) || !strcmp(p->owner, name) || !strcmp(p->at, name)
	       || (!strncmp(p->name, name, n) && (p->name[n] == '.' || p->name[n] == '['));
}

int
parts_named(const Part *part, int n, const char *name, const Part **to)
{
	int found = 0;

	for (int i = 0; i < n; i++)
		if (part_is_named(&part[i], name))
			to[found++] = &part[i];
	if (!found) {
		fprintf(stderr, "twc: '%s' is no part of it; there are", name);
		for (int i = 0; i < n; i++)
			fprintf(stderr, " %s", part[i].name);
		fputc('\n', stderr);
	}
	return found;
}
