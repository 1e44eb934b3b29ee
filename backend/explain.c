/* What became of a program, for a person to read: twc explain, report and graph.
 *
 * All of it is asked of what the stages left behind: an atom knows the node and the named value
 * for which it was made first, a form its atoms, a column who reads it. A value "needs" the atoms
 * of its form, those that they read, and so on. */

#include "backend/explain.h"

#include <stdlib.h>
#include <string.h>

/* ---- chains ---- */

static const Atom *
latest_atom(const Form *f, const Atom *best)
{
	for (int i = 0; i < f->n; i++)
		if (!best || f->term[i].atom->ready > best->ready)
			best = f->term[i].atom;
	return best;
}

const char *
span_excerpt(Arena *arena, const Source *src, Span span)
{
	enum { MOST = 44 };
	uint32_t lo = span.lo, hi = span.hi < src->len ? span.hi : src->len;
	char *s = arena_alloc(arena, MOST + 8);
	int len = 0;

	for (; lo < hi && len < MOST; lo++) {
		bool space = src->text[lo] == ' ' || src->text[lo] == '\n' || src->text[lo] == '\t';
		if (!space)
			s[len++] = src->text[lo];
		else if (len && s[len - 1] != ' ')
			s[len++] = ' ';
	}
	for (uint32_t i = lo; i < hi && len && ((unsigned char)src->text[i] & 0xc0) == 0x80; i--)
		len--; /* not in the middle of a character */
	strcpy(s + len, lo < hi ? " …" : "");
	return s;
}

const char *
source_excerpt(const Graph *g, const Node *n)
{
	return span_excerpt(g->arena, node_source(g, n), n->span);
}

static const char *
describe_atom(const Circuit *c, const Atom *a)
{
	const Node *n = a->head ? a->head->lookup->ref : a->node;

	if (!a->head)
		return arena_fmt(c->arena, "mlp        %s", n ? source_excerpt(c->g, n) : "");
	if (!n)
		return arena_fmt(c->arena, "attention  %d back: %s", -a->head->lookup->offset,
		                 a->node ? source_excerpt(c->g, a->node) : "");
	return arena_fmt(c->arena, "attention  %s", source_excerpt(c->g, n));
}

static const Atom *
latest_input(const Atom *a)
{
	const Atom *before = latest_atom(a->in, NULL);

	if (a->times)
		before = latest_atom(a->times, before);

	for (int i = 0; a->head && i < a->head->lookup->ndim; i++) {
		before = latest_atom(a->head->lookup->q[i], before);
		before = latest_atom(a->head->lookup->k[i], before);
	}
	return before;
}

static const char *
owner_name(const Circuit *c, const Atom *a)
{
	return a->owner < 0 ? "" : c->g->named[a->owner].name;
}

/* Back through the latest input of each step: a critical path. */
Link *
find_chain(const Columns *cols, int nform, const Form *const *form, int *count)
{
	const Circuit *c = cols->s->c;
	const Atom *a = NULL,
		   **step = NEWS(c->arena, const Atom *, last_state(cols->s->nlayer) + 2);
	int n = 0;

	for (int i = 0; i < nform; i++)
		a = latest_atom(form[i], a);
	for (; a && a->kind >= NEURON && n < last_state(cols->s->nlayer) + 1; a = latest_input(a))
		step[n++] = a;
	Link *chain = NEWS(c->arena, Link, n + 1);
	for (int i = 0; i < n; i++) {
		const Atom *s = step[n - 1 - i];
		const Node *node = s->head && s->head->lookup->ref ? s->head->lookup->ref : s->node;
		chain[i] = (Link){
			.what = describe_atom(c, s),
			.name = owner_name(c, s),
			.file = node ? node_source(c->g, node)->path : "",
			.line = node ? source_line(node_source(c->g, node), node->span.lo) : 0,
			.layer = atom_layer(s),
			.head = s->head ? s->head->index : -1,
			.neuron = s->head ? -1 : s->column
		};
	}
	*count = n;
	return chain;
}

/* ---- what a named value needs ---- */

typedef struct Needs {
	bool *atom; /* (natom) by id */
	bool *head; /* (nlayer * nhead) by layer and index */
} Needs;

static Needs
needs_new(const Columns *cols)
{
	const Circuit *c = cols->s->c;

	return (Needs){ NEWS(c->arena, bool, c->natom + 1),
		        NEWS(c->arena, bool, cols->s->nlayer * c->nhead + 1) };
}

static int
head_at(const Circuit *c, const Head *h)
{
	return h->layer * c->nhead + h->index;
}

static void
need_form(const Circuit *c, const Form *f, Needs *needs)
{
	for (int i = 0; i < f->n; i++) {
		const Atom *a = f->term[i].atom;
		if (!a->live || needs->atom[a->id])
			continue;
		needs->atom[a->id] = true;
		if (a->in)
			need_form(c, a->in, needs);
		if (!a->head || needs->head[head_at(c, a->head)])
			continue;
		needs->head[head_at(c, a->head)] = true;
		for (int d = 0; d < a->head->lookup->ndim; d++) {
			need_form(c, a->head->lookup->q[d], needs);
			need_form(c, a->head->lookup->k[d], needs);
		}
	}
}

static bool
looks_for(const Head *h, const Node *ref)
{
	return h->live && h->lookup->ref == ref;
}

/* The forms that a named value is: its own, or what the heads compare that look for
 * the position it names. NULL ends the list. */
static const Form **
forms_of(const Circuit *c, const Named *v)
{
	const Form *own = v->node->id < c->capform ? c->form[v->node->id] : NULL;
	int n = 0, room = 2;

	for (int i = 0; i < c->nhead; i++)
		room += 2 * c->head[i]->lookup->ndim;
	const Form **list = NEWS(c->arena, const Form *, room);
	if (own && v->kind != K_POS)
		list[n++] = own;
	for (int i = 0; v->kind == K_POS && i < c->nhead; i++) {
		const Lookup *s = c->head[i]->lookup;
		for (int d = 0; looks_for(c->head[i], v->node) && d < s->ndim; d++) {
			list[n++] = s->q[d];
			list[n++] = s->k[d];
		}
	}
	return list;
}

static void
need_named(const Circuit *c, int named, Needs *needs)
{
	const Named *v = &c->g->named[named];

	for (const Form **f = forms_of(c, v); *f; f++)
		need_form(c, *f, needs);
	for (int i = 0; v->kind == K_POS && i < c->nhead; i++)
		if (looks_for(c->head[i], v->node))
			needs->head[head_at(c, c->head[i])] = true;
}

/* Every form that is read from the stream, the state it is read in, and the atom or
 * head that reads it. */
typedef struct StreamRead {
	const Form *form;
	int state;
	const Atom *atom; /* neuron or value; NULL: a head, or what the model says */
	const Head *head;
} StreamRead;

static StreamRead *
stream_reads(const Columns *cols, int *count)
{
	const Schedule *s = cols->s;
	const Circuit *c = s->c;
	int n = 0, room = 1 + c->g->nfield + c->g->noutput + c->natom, last = last_state(s->nlayer);

	for (int i = 0; i < c->nhead; i++)
		room += 2 * c->head[i]->lookup->ndim;
	StreamRead *r = NEWS(c->arena, StreamRead, room);
	for (int l = 0; l < s->nlayer; l++) {
		for (int i = 0; i < s->nhead[l]; i++) {
			const Head *h = s->head[l][i];
			for (int d = 0; d < h->lookup->ndim; d++) {
				r[n++] = (StreamRead){ h->lookup->q[d], state_before(l), NULL, h };
				r[n++] = (StreamRead){ h->lookup->k[d], state_before(l), NULL, h };
			}
			for (int v = 0; v < h->nvalue; v++)
				if (h->value[v]->live)
					r[n++] = (StreamRead){ h->value[v]->in, state_before(l),
						               h->value[v], h };
		}
		for (int i = 0; i < s->nneuron[l]; i++)
			r[n++] = (StreamRead){ s->neuron[l][i]->in, state_after_attention(l),
				               s->neuron[l][i], NULL };
	}
	for (int i = 0; c->emit && i < c->g->nfield; i++)
		r[n++] = (StreamRead){ c->emit[i], last, NULL, NULL };
	for (int i = 0; i < c->g->noutput; i++)
		r[n++] = (StreamRead){ c->output[i], last, NULL, NULL };
	*count = n;
	return r;
}

/* Which columns each form is read from: found once, since it costs as much as the layout. */
struct Readers {
	int n;
	StreamRead *read; /* (n) */
	int *nuse, **use; /* (n) the columns of each */
};

static const struct Readers *
readers_of(Report *r)
{
	const Columns *cols = r->columns;
	Arena *arena = cols->s->c->arena;

	if (r->readers)
		return r->readers;
	struct Readers *all = NEW(arena, struct Readers);
	all->read = stream_reads(cols, &all->n);
	all->nuse = NEWS(arena, int, all->n + 1);
	all->use = NEWS(arena, int *, all->n + 1);
	for (int i = 0; i < all->n; i++) {
		const StreamRead *read = &all->read[i];
		const Combination *uses = columns_read((Columns *)cols, read->state, read->form);
		all->nuse[i] = uses ? uses->n : 0;
		all->use[i] = NEWS(arena, int, all->nuse[i] + 1);
		for (int k = 0; k < all->nuse[i]; k++)
			all->use[i][k] = uses->at[k].column;
	}
	return r->readers = all;
}

/* How many columns nothing reads but what is in own. */
static int
own_columns(Report *report, const Needs *own)
{
	const Columns *cols = report->columns;
	const Circuit *c = cols->s->c;
	const struct Readers *all = readers_of(report);
	bool *ours = NEWS(c->arena, bool, cols->n + 1), *others = NEWS(c->arena, bool, cols->n + 1);
	int n = 0;

	for (int i = 0; i < all->n; i++) {
		const StreamRead *r = &all->read[i];
		bool mine = r->atom ? own->atom[r->atom->id]
		                    : r->head && own->head[head_at(c, r->head)];
		for (int k = 0; k < all->nuse[i]; k++)
			(mine ? ours : others)[all->use[i][k]] = true;
	}
	for (int k = 0; k < cols->n; k++)
		n += ours[k] && !others[k];
	return n;
}

void
explain_named(Report *r, int named, Explained *out)
{
	const Columns *cols = r->columns;
	const Circuit *c = cols->s->c;
	const Named *v = &c->g->named[named];
	Needs all = needs_new(cols), below = needs_new(cols);
	int noperand, nform = 0, *operand = operands_of(c->g, named, &noperand);
	const Form **form = forms_of(c, v);

	*out = (Explained){ 0 };
	need_named(c, named, &all);
	for (int i = 0; i < noperand; i++)
		need_named(c, operand[i], &below);
	for (int i = 0; i < c->natom; i++) {
		bool neuron = all.atom[i] && c->atom[i]->kind == NEURON;
		out->neurons += neuron;
		out->own_neurons += neuron && !below.atom[i];
		all.atom[i] &= !below.atom[i];
	}
	for (int i = 0; i < cols->s->nlayer * c->nhead; i++) {
		out->heads += all.head[i];
		out->own_heads += all.head[i] && !below.head[i];
		all.head[i] &= !below.head[i];
	}
	out->own_columns = own_columns(r, &all);
	out->head_layer = NEWS(c->arena, int, c->nhead + 1);
	for (int i = 0; v->kind == K_POS && i < c->nhead; i++)
		if (looks_for(c->head[i], v->node))
			out->head_layer[out->nhead++] = c->head[i]->layer;
	while (form[nform])
		nform++;
	if (nform && v->kind != K_POS)
		out->rule = c->rule[v->node->id];
	out->noperand = noperand;
	out->operand = operand;
	out->chain = find_chain(cols, nform, form, &out->nchain);
}

/* ---- the picture ---- */

const char *
atom_owner(const Circuit *c, const Atom *a)
{
	if (a->owner < 0)
		return "";
	const char *s = c->g->named[a->owner].name, *end = strchr(s, '[');
	return end ? arena_strn(c->arena, s, (size_t)(end - s)) : s;
}

const char *
lookup_label(const Circuit *c, const Lookup *s)
{
	if (!s->ref)
		return s->offset ? arena_fmt(c->arena, "%d %s", abs(s->offset),
		                             s->offset < 0 ? "back" : "ahead")
		                 : "here";
	if (s->ref->id < c->capnamed && c->named[s->ref->id] >= 0)
		return c->g->named[c->named[s->ref->id]].name;
	return source_excerpt(c->g, s->ref);
}

typedef struct Picture {
	const Columns *cols;
	int n, *of; /* (natom) the part of an atom, or -1 */
	LayerPart *part;
	bool *reads; /* (n * n) */
} Picture;

static int
part_for_atom(Picture *p, const Atom *a)
{
	const Circuit *c = p->cols->s->c;
	const char *name = atom_owner(c, a), *at = a->head ? lookup_label(c, a->head->lookup) : "";
	LayerPart new = {
		.layer = atom_layer(a), .attention = a->kind == VALUE, .name = name, .at = at
	};

	if (a->kind <= PLACE_FEATURE && !*name)
		new.name = a->kind == TOKEN_FEATURE ? "token" : "index";
	for (int i = 0; i < p->n; i++) {
		const LayerPart *q = &p->part[i];
		if (q->layer == new.layer && q->attention == new.attention
		    && !strcmp(q->name, new.name) && (!q->attention || !strcmp(q->at, at)))
			return i;
	}
	p->part[p->n] = new;
	return p->n++;
}

static int
by_layer(const void *a, const void *b)
{
	const Atom *x = *(Atom *const *)a, *y = *(Atom *const *)b;
	int lx = atom_layer(x), ly = atom_layer(y);

	if (lx != ly)
		return lx - ly;
	if ((x->kind == VALUE) != (y->kind == VALUE))
		return x->kind == VALUE ? -1 : 1;
	return x->id - y->id;
}

/* The source of most neurons of a part: of nodes, the first of the most frequent. */
static const char *
main_source(const Picture *p, int part, Atom *const *live, int nlive)
{
	const Circuit *c = p->cols->s->c;
	int *count = NEWS(c->arena, int, c->g->nnode + 1);
	const Node *best = NULL;

	for (int i = 0; i < nlive; i++)
		if (p->of[live[i]->id] == part && live[i]->node)
			count[live[i]->node->id]++;
	for (int i = 0; i < nlive; i++) {
		const Node *n = live[i]->node;
		if (p->of[live[i]->id] == part && n && (!best || count[n->id] > count[best->id]))
			best = n;
	}
	return best ? source_excerpt(c->g, best) : "";
}

static void
mark_reads(Picture *p, int part, const Form *f)
{
	for (int i = 0; i < f->n; i++) {
		int from = p->of[f->term[i].atom->id];
		if (from >= 0)
			p->reads[(size_t)part * (size_t)p->n + (size_t)from] = true;
	}
}

LayerPart *
explain_layers(const Report *r, int *n)
{
	const Columns *cols = r->columns;
	const Circuit *c = cols->s->c;
	Picture p = { .cols = cols, .of = NEWS(c->arena, int, c->natom + 1) };
	Atom **live = NEWS(c->arena, Atom *, c->natom + 1);
	int nlive = 0;

	for (int i = 0; i < c->natom; i++) {
		p.of[i] = -1;
		if (c->atom[i]->live)
			live[nlive++] = c->atom[i];
	}
	qsort(live, (size_t)nlive, sizeof *live, by_layer);
	p.part = NEWS(c->arena, LayerPart, nlive + 1);
	for (int i = 0; i < nlive; i++) {
		int at = p.of[live[i]->id] = part_for_atom(&p, live[i]);
		p.part[at].n++;
	}
	p.reads = NEWS(c->arena, bool, (size_t)p.n *(size_t)p.n + 1);
	for (int i = 0; i < nlive; i++) {
		const Head *h = live[i]->head;
		int at = p.of[live[i]->id];
		if (live[i]->in)
			mark_reads(&p, at, live[i]->in);
		for (int d = 0; h && d < h->lookup->ndim; d++) {
			mark_reads(&p, at, h->lookup->q[d]);
			mark_reads(&p, at, h->lookup->k[d]);
		}
	}
	for (int i = 0; i < p.n; i++) {
		LayerPart *part = &p.part[i];
		if (!part->attention)
			part->at = main_source(&p, i, live, nlive);
		part->from = NEWS(c->arena, int, p.n + 1);
		for (int k = 0; k < p.n; k++)
			if (k != i && p.reads[(size_t)i * (size_t)p.n + (size_t)k])
				part->from[part->nfrom++] = k;
	}
	*n = p.n;
	return p.part;
}
