/* The circuit with its edges, as one JSON object (`twc graph -o x.json`): who reads whom, how
 * often, and which values there can be. `tw.circuit` of the file has the forms of named values;
 * edges are not in the file, since its weights say them: an edge is a writer's row times a reader's
 * column, less what was cleared between (python/tw/_circuit.py finds the same).
 *
 *     ["m0.n0", "m1.n2", "in", 10]        neuron 2 of layer 1 reads 10 times neuron 0 of layer 0
 *     ["place", "a0.h1", "k0", null]      a key is some function of the place */

#include "backend/describe_circuit.h"
#include "backend/explain.h"
#include "lang/text.h"

#include <math.h>
#include <string.h>

typedef struct EdgeWriter {
	Circuit *c;
	const Schedule *s;
	TextBuilder text;
	const char *comma;
	double *row, *place; /* (rows), (places): what the form at hand has of the embedding */
	bool place_digits;   /* it has functions of digits of the place besides */
	double *times;       /* (natom) by id: the same of neurons and values */
	int *seen, nseen;    /* (natom) ids whose times were set */
} EdgeWriter;

/* ---- a form, added up by what it reads ---- */

static void
add_feature_table(double *to, const Atom *a, int n, double times)
{
	for (int i = 0; i < n; i++)
		to[i] += times * (a->reals ? a->reals[i] : (double)a->table[i]);
}

static void
add_atom(EdgeWriter *w, const Atom *a, double times)
{
	bool by_place = a->kind == PLACE_FEATURE || (a->kind == REAL_FEATURE && a->by_place);

	if (a->kind >= INPUT_FEATURE) {
		if (w->times[a->id] == 0)
			w->seen[w->nseen++] = a->id;
		w->times[a->id] += times;
	} else if (!by_place) {
		add_feature_table(w->row, a, w->c->rows, times);
	} else if (a->npart) {
		w->place_digits = true;
	} else {
		add_feature_table(w->place, a, w->c->places, times);
	}
}

static void
add_form(EdgeWriter *w, const Form *f, double times)
{
	if (!f->real)
		for (int i = 0; i < f->n; i++)
			add_atom(w, f->term[i].atom, times * (double)f->term[i].c);
	for (int i = 0; f->real && i < f->real->n; i++)
		add_form(w, f->real->term[i].f, times * f->real->term[i].c);
}

static bool
is_not_constant(const double *v, int from, int n)
{
	for (int i = from + 1; i < n; i++)
		if (v[i] != v[from])
			return true;
	return false;
}

/* Places that features have tables for. */
static int
places_in_tables(const Circuit *c)
{
	return c->places <= TABULATED_PLACES ? c->places : 1;
}

/* ---- edges ---- */

static void
write_edge(EdgeWriter *w, const char *from, const char *target, const char *port, double times)
{
	text_addf(&w->text, "%s[\"%s\",", w->comma, from);
	text_add_json_string(&w->text, target);
	text_addf(&w->text, ",\"%s\",", port);
	if (times == 0)
		text_addf(&w->text, "null");
	else
		text_add_json_number(&w->text, times);
	text_addf(&w->text, "]");
	w->comma = ",\n";
}

static const char *
name_of_atom(EdgeWriter *w, const Atom *a)
{
	return a->kind == NEURON ? arena_fmt(w->c->arena, "m%d.n%d", atom_layer(a), a->column)
	                         : arena_fmt(w->c->arena, "a%d.h%d.v%d", atom_layer(a),
	                                     a->head->index, a->column);
}

static void
write_edges_of(EdgeWriter *w, const Form *f, const char *target, const char *port)
{
	int places = places_in_tables(w->c);
	bool input = false;

	w->nseen = 0;
	memset(w->row, 0, sizeof *w->row * (size_t)w->c->rows);
	memset(w->place, 0, sizeof *w->place * (size_t)places);
	w->place_digits = false;
	add_form(w, f, 1);
	if (is_not_constant(w->row, 0, w->c->rows))
		write_edge(w, "token", target, port, 0);
	if (is_not_constant(w->place, 1, places) || w->place_digits)
		write_edge(w, "place", target, port, 0);
	for (int i = 0; i < w->nseen; i++) {
		const Atom *a = w->c->atom[w->seen[i]];
		if (w->times[a->id] != 0 && a->kind != INPUT_FEATURE)
			write_edge(w, name_of_atom(w, a), target, port, w->times[a->id]);
		input |= w->times[a->id] != 0 && a->kind == INPUT_FEATURE;
		w->times[a->id] = 0;
	}
	if (input)
		write_edge(w, "input", target, port, 0);
}

static const char *
port_name(EdgeWriter *w, const char *port, int i)
{
	return arena_fmt(w->c->arena, "%s%d", port, i);
}

static void
write_head_edges(EdgeWriter *w, const Head *h, int layer)
{
	const char *name = arena_fmt(w->c->arena, "a%d.h%d", layer, h->index);

	for (int i = 0; i < h->lookup->ndim; i++) {
		write_edges_of(w, h->lookup->q[i], name, port_name(w, "q", i));
		write_edges_of(w, h->lookup->k[i], name, port_name(w, "k", i));
	}
	for (int i = 0; i < h->nvalue; i++)
		if (h->value[i]->live)
			write_edges_of(w, h->value[i]->in, name,
			               port_name(w, "v", h->value[i]->column));
}

static void
write_edges(EdgeWriter *w)
{
	const Graph *g = w->c->g;

	for (int l = 0; l < w->s->nlayer; l++) {
		for (int i = 0; i < w->s->nhead[l]; i++)
			write_head_edges(w, w->s->head[l][i], l);
		for (int i = 0; i < w->s->nneuron[l]; i++)
			write_edges_of(w, w->s->neuron[l][i]->in,
			               name_of_atom(w, w->s->neuron[l][i]), "in");
	}
	for (int i = 0; w->c->emit && i < g->nfield; i++)
		write_edges_of(w, w->c->emit[i], "emit", port_name(w, "out", i));
	for (int i = 0; i < g->noutput; i++)
		write_edges_of(w, w->c->output[i],
		               arena_fmt(w->c->arena, "label.%s", g->output[i].name), "out0");
}

/* ---- nodes, and what they can be ---- */

static void
write_bounds(EdgeWriter *w, const Atom *a)
{
	text_addf(&w->text, ",\"low\":");
	text_add_json_number(&w->text, a->in && a->in->real ? a->min : (double)a->lo);
	text_addf(&w->text, ",\"high\":");
	text_add_json_number(&w->text, a->in && a->in->real ? a->max : (double)a->hi);
}

static void
write_node(EdgeWriter *w, const Atom *a)
{
	const Graph *g = w->c->g;

	text_addf(&w->text, "%s{\"name\":\"%s\",\"for\":", w->comma, name_of_atom(w, a));
	text_add_json_string(&w->text, atom_owner(w->c, a));
	text_addf(&w->text, ",\"line\":%d",
	          a->node ? source_line(node_source(g, a->node), a->node->span.lo) : 0);
	write_bounds(w, a);
	if (a->kind == VALUE) {
		text_addf(&w->text, ",\"intent\":\"%s\",\"at\":", a->head->lookup->intent);
		text_add_json_string(&w->text, lookup_label(w->c, a->head->lookup));
	}
	text_addf(&w->text, "}");
	w->comma = ",\n";
}

static void
write_nodes(EdgeWriter *w)
{
	for (int l = 0; l < w->s->nlayer; l++) {
		for (int i = 0; i < w->s->nhead[l]; i++) {
			const Head *h = w->s->head[l][i];
			for (int v = 0; v < h->nvalue; v++)
				if (h->value[v]->live)
					write_node(w, h->value[v]);
		}
		for (int i = 0; i < w->s->nneuron[l]; i++)
			write_node(w, w->s->neuron[l][i]);
	}
}

/* The values that a named value can take, where they are few; else their range. */
static void
write_value_set(EdgeWriter *w, const Named *v)
{
	const Type *t = &v->node->type;

	text_addf(&w->text, "%s{\"name\":", w->comma);
	text_add_json_string(&w->text, v->name);
	w->comma = ",\n";
	if (v->kind == K_POS) {
		text_addf(&w->text, ",\"low\":-1,\"high\":%d}", w->c->g->context - 1);
		return;
	}
	text_addf(&w->text, ",\"low\":");
	text_add_json_number(&w->text, t->real ? t->min : (double)t->lo);
	text_addf(&w->text, ",\"high\":");
	text_add_json_number(&w->text, t->real ? t->max : (double)t->hi);
	for (int i = 0; !t->real && i < t->nset; i++)
		text_addf(&w->text, "%s%lld%s", i ? "," : ",\"values\":[", (long long)t->set[i],
		          i + 1 < t->nset ? "" : "]");
	text_addf(&w->text, "}");
}

char *
describe_graph(const Columns *cols, const TwModel *m)
{
	Circuit *c = cols->s->c;
	EdgeWriter w = { .c = c,
		         .s = cols->s,
		         .text.arena = c->arena,
		         .comma = "",
		         .row = NEWS(c->arena, double, c->rows),
		         .place = NEWS(c->arena, double, places_in_tables(c)),
		         .times = NEWS(c->arena, double, c->natom + 1),
		         .seen = NEWS(c->arena, int, c->natom + 1) };

	text_addf(&w.text, "{\"name\":");
	text_add_json_string(&w.text, m->name);
	text_addf(&w.text, ",\n\"nodes\":[");
	write_nodes(&w);
	text_addf(&w.text, "],\n\"edges\":[");
	w.comma = "";
	write_edges(&w);
	text_addf(&w.text, "],\n\"named\":[");
	w.comma = "";
	for (int i = 0; i < c->g->nnamed; i++)
		write_value_set(&w, &c->g->named[i]);
	text_addf(&w.text, "],\n\"circuit\":%s}\n", m->circuit ? m->circuit : "null");
	return w.text.s;
}
