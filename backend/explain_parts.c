/* What each head asks and brings, and what each group of neurons computes: what a picture of the
 * model shows of them.
 *
 * A group is the neurons of one layer that were made at one place of the program for one named
 * value. Where they were made of a function of the library, the program's own words are the call
 * that led there (ir/site.c), and the library's stand beside:
 *
 *     digits.mul(a, b)        the program: what a reader knows
 *     (s + c) % 10            the library: what the neurons are
 *
 * What a whole `match` is said to compute says little, and passes merge its arms: so a group also
 * names the parts of it that its node reads, and no other group of that `match` reads just those.
 */

#include "backend/explain.h"

#include <stdlib.h>
#include <string.h>

/* The call of the program itself from which a node of the library comes; empty if there is none. */
static Span
call_in_program(const Graph *g, const Node *n)
{
	int at = n->site;

	while (at >= 0 && at < g->nsite && g->site[at].file && g->site[at].caller >= 0) {
		const Site *caller = &g->site[g->site[at].caller];
		if (!caller->file)
			return g->site[at].call;
		at = g->site[at].caller;
	}
	return (Span){ 0, 0 };
}

static SourcePlace
place_of_node(const Graph *g, const Node *n)
{
	if (!n || !g->files)
		return (SourcePlace){ 0 };
	const Source *src = node_source(g, n);
	return (SourcePlace){ src, n->span, src == g->files[0] ? n->span : call_in_program(g, n) };
}

ExplainedHead *
explain_heads(const Report *r, int *n)
{
	const Schedule *s = r->columns->s;
	const Circuit *c = s->c;
	ExplainedHead *all = NEWS(c->arena, ExplainedHead, c->nhead + 1);

	*n = 0;
	for (int l = 0; l < s->nlayer; l++)
		for (int i = 0; i < s->nhead[l]; i++) {
			const Head *h = s->head[l][i];
			ExplainedHead *e = &all[(*n)++];
			*e = (ExplainedHead){ .layer = l,
				              .index = h->index,
				              .intent = h->lookup->intent,
				              .at = lookup_label(c, h->lookup),
				              .offset = h->lookup->offset,
				              .place = place_of_node(c->g, h->lookup->ref),
				              .gap = h->lookup->gap,
				              .value = NEWS(c->arena, const char *,
				                            h->nvalue + 1) };
			for (int k = 0; k < h->nvalue; k++)
				if (h->value[k]->live)
					e->value[e->nvalue++] = atom_owner(c, h->value[k]);
		}
	return all;
}

/* ---- the parts of an expression that a node reads ---- */

enum { MOST_PARTS = 8 };

typedef struct PartSearch {
	const Graph *g;
	Span whole;
	bool *seen; /* (g->nnode) */
	int n;
	Span part[MOST_PARTS];
} PartSearch;

static bool
same_span(Span a, Span b)
{
	return a.lo == b.lo && a.hi == b.hi;
}

static void
add_part(PartSearch *s, Span at)
{
	for (int i = 0; i < s->n; i++)
		if (same_span(s->part[i], at))
			return;
	if (s->n < MOST_PARTS)
		s->part[s->n++] = at;
}

/* Down to nodes whose words are not the whole; the condition of a choice is no part. */
static void
find_parts(PartSearch *s, const Node *n)
{
	for (int i = n->op == OP_IF; i < n->narg; i++) {
		const Node *arg = n->arg[i];
		if (s->seen[arg->id] || arg->op == OP_CONST)
			continue;
		s->seen[arg->id] = true;
		Span at = place_of_node(s->g, arg).program;
		if (same_span(at, s->whole))
			find_parts(s, arg);
		else if (at.lo >= s->whole.lo && at.hi <= s->whole.hi && at.hi > at.lo)
			add_part(s, at);
	}
}

static int
by_span(const void *a, const void *b)
{
	const Span *x = a, *y = b;

	return x->lo != y->lo ? (x->lo < y->lo ? -1 : 1) : (x->hi > y->hi) - (x->hi < y->hi);
}

static void
set_parts(const Graph *g, const Node *n, NeuronGroup *group)
{
	PartSearch s = { .g = g, .whole = group->place.program };

	if (!n || s.whole.hi <= s.whole.lo)
		return;
	s.seen = NEWS(g->arena, bool, g->nnode + 1);
	find_parts(&s, n);
	qsort(s.part, (size_t)s.n, sizeof *s.part, by_span);
	group->npart = s.n;
	group->part = NEWS(g->arena, Span, s.n + 1);
	memcpy(group->part, s.part, (size_t)s.n * sizeof *s.part);
}

/* ---- groups ---- */

static bool
same_group(const NeuronGroup *a, const NeuronGroup *b)
{
	return same_span(a->place.program, b->place.program) && a->op == b->op
	       && !strcmp(a->name, b->name) && a->npart == b->npart
	       && !memcmp(a->part, b->part, (size_t)a->npart * sizeof *a->part);
}

/* The group of a neuron among those of its layer, from `first` on; or a new one at the end. */
static NeuronGroup *
group_of(NeuronGroup *group, int first, int *n, const NeuronGroup *like)
{
	for (int i = first; i < *n; i++)
		if (same_group(&group[i], like))
			return &group[i];
	group[*n] = *like;
	return &group[(*n)++];
}

/* The group that a neuron is of, without neurons yet. */
static NeuronGroup
like_neuron(const Circuit *c, const Atom *a)
{
	NeuronGroup like = { .layer = atom_layer(a),
		             .name = atom_owner(c, a),
		             .op = a->node ? a->node->op : OP_CONST,
		             .place = place_of_node(c->g, a->node) };

	set_parts(c->g, a->node, &like);
	return like;
}

NeuronGroup *
explain_neurons(const Report *r, int *n)
{
	const Schedule *s = r->columns->s;
	const Circuit *c = s->c;
	int room = 0;

	for (int l = 0; l < s->nlayer; l++)
		room += s->nneuron[l];
	NeuronGroup *all = NEWS(c->arena, NeuronGroup, room + 1);
	*n = 0;
	for (int l = 0; l < s->nlayer; l++) {
		int first = *n;
		const Node *last = NULL;
		NeuronGroup like = { 0 };
		for (int i = 0; i < s->nneuron[l]; i++) {
			const Atom *a = s->neuron[l][i];
			if (!i || a->node != last)
				like = like_neuron(c, a);
			last = a->node;
			NeuronGroup *group = group_of(all, first, n, &like);
			GROW(c->arena, group->neuron, group->cap, group->n + 1);
			group->neuron[group->n++] = i;
		}
	}
	return all;
}
