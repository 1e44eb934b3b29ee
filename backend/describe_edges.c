/* Who reads whom, how often, and which values there can be.
 *
 * One by one, in the JSON of `twc graph -o x.json`:
 *
 *     ["m0.n0", "m1.n2", "in", 10]        neuron 2 of layer 1 reads 10 times neuron 0 of layer 0
 *     ["place", "a0.h1", "k0", null]      a key is some function of the place
 *
 * In tw.circuit of the file, those that read the same at once, times 1 or -1, and numbers of
 * neighbours as a list: the calculator's 35,108 edges are 22 KB, not a megabyte.
 *
 *     {"to": ["m1.n2", [1, 1, -1]], "of": ["m0.n0", [10, -10], "place", null]}
 *
 * The weights say the same: an edge is a writer's row times a reader's column, less what was
 * cleared between (python/tw/_circuit.py finds them so). */

#include "backend/describe_circuit.h"
#include "backend/explain.h"
#include "lang/text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A list so long that those who read it as well are told with it once: the steps of a long count,
 * say, of which each reads all those before it and another multiple of the count. */
typedef struct LongRead {
	const char *of, *to; /* the list, its readers: text in JSON */
	int place;           /* among those of its layer */
} LongRead;

enum { LONG_READ = 16 };

typedef struct EdgeWriter {
	Circuit *c;
	const Schedule *s;
	TextBuilder text;
	const char *comma;
	double *row, *place; /* (rows), (places): what the form at hand has of the embedding */
	bool place_digits;   /* it has functions of digits of the place besides */
	double *times;       /* (2 natom) by id: the same of neurons and values */
	Atom **seen;         /* (nseen) whose times were set */
	int nseen;
	double *run;    /* (2 natom) room for the times of a list */
	Atom **second;  /* (natom) by id: relu(x - 1) of a step, relu(x) - relu(x - 1), as a node */
	LongRead *read; /* (nread) of the layer at hand */
	int nread, capread;
} EdgeWriter;

/* ---- a form, added up by what it reads ---- */

static void
add_feature_table(double *to, const Atom *a, int n, double times)
{
	for (int i = 0; i < n; i++)
		to[i] += times * (a->reals ? a->reals[i] : (double)a->table[i]);
}

static Atom *
second_of(EdgeWriter *w, const Atom *a)
{
	if (!w->second[a->id]) {
		Atom *second = w->second[a->id] = NEW(w->c->arena, Atom);
		*second = *a;
		second->id = w->c->natom + a->id;
		second->column = a->second;
	}
	return w->second[a->id];
}

static void
count_node(EdgeWriter *w, Atom *a, double times)
{
	if (w->times[a->id] == 0)
		w->seen[w->nseen++] = a;
	w->times[a->id] += times;
}

static void
add_atom(EdgeWriter *w, const Atom *a, double times)
{
	bool by_place = a->kind == PLACE_FEATURE || (a->kind == REAL_FEATURE && a->by_place);

	if (a->kind >= INPUT_FEATURE) {
		count_node(w, w->c->atom[a->id], times);
		if (a->kind == NEURON && a->step)
			count_node(w, second_of(w, a), -times);
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

/* By where they stand. */
static int
by_node(const void *p, const void *q)
{
	const Atom *a = *(Atom *const *)p, *b = *(Atom *const *)q;

	if (a->ready != b->ready)
		return a->ready - b->ready;
	if (a->head && b->head && a->head->index != b->head->index)
		return a->head->index - b->head->index;
	return a->column - b->column;
}

/* What a form reads of the embedding. */
typedef struct EmbeddingReads {
	bool token, place, input;
} EmbeddingReads;

/* And of neurons and values, into seen and times, in their order. */
static EmbeddingReads
add_up_form(EdgeWriter *w, const Form *f)
{
	int places = places_in_tables(w->c), n = 0;
	EmbeddingReads e = { 0 };

	w->nseen = 0;
	memset(w->row, 0, sizeof *w->row * (size_t)w->c->rows);
	memset(w->place, 0, sizeof *w->place * (size_t)places);
	w->place_digits = false;
	add_form(w, f, 1);
	for (int i = 0; i < w->nseen; i++) {
		Atom *a = w->seen[i];
		e.input |= w->times[a->id] != 0 && a->kind == INPUT_FEATURE;
		if (w->times[a->id] == 0 || a->kind == INPUT_FEATURE)
			w->times[a->id] = 0;
		else
			w->seen[n++] = a;
	}
	w->nseen = n;
	qsort(w->seen, (size_t)n, sizeof *w->seen, by_node);
	e.token = is_not_constant(w->row, 0, w->c->rows);
	e.place = is_not_constant(w->place, 1, places) || w->place_digits;
	return e;
}

static void
forget_form(EdgeWriter *w)
{
	for (int i = 0; i < w->nseen; i++)
		w->times[w->seen[i]->id] = 0;
}

static void
write_edges_of(EdgeWriter *w, const Form *f, const char *target, const char *port)
{
	EmbeddingReads e = add_up_form(w, f);

	if (e.token)
		write_edge(w, "token", target, port, 0);
	if (e.place)
		write_edge(w, "place", target, port, 0);
	if (e.input)
		write_edge(w, "input", target, port, 0);
	for (int i = 0; i < w->nseen; i++)
		write_edge(w, name_of_atom(w, w->seen[i]), target, port, w->times[w->seen[i]->id]);
	forget_form(w);
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

/* Neurons of a layer, those of a step both: how many. */
static int
neurons_of_layer(EdgeWriter *w, int layer, Atom ***to)
{
	int n = 0, most = w->s->nneuron[layer] + w->s->nstep[layer];

	*to = NEWS(w->c->arena, Atom *, most + 1);
	for (int i = 0; i < w->s->nneuron[layer]; i++) {
		Atom *a = (*to)[n++] = w->s->neuron[layer][i];
		if (a->step)
			(*to)[n++] = second_of(w, a);
	}
	return n;
}

static void
write_edges(EdgeWriter *w)
{
	const Graph *g = w->c->g;
	Atom **neuron;

	for (int l = 0; l < w->s->nlayer; l++) {
		for (int i = 0; i < w->s->nhead[l]; i++)
			write_head_edges(w, w->s->head[l][i], l);
		int n = neurons_of_layer(w, l, &neuron);
		for (int i = 0; i < n; i++)
			write_edges_of(w, neuron[i]->in, name_of_atom(w, neuron[i]), "in");
	}
	for (int i = 0; w->c->emit && i < g->nfield; i++)
		write_edges_of(w, w->c->emit[i], "emit", port_name(w, "out", i));
	for (int i = 0; i < g->noutput; i++)
		write_edges_of(w, w->c->output[i],
		               arena_fmt(w->c->arena, "label.%s", g->output[i].name), "out0");
}

/* ---- the same in tw.circuit ---- */

static bool
are_neighbours(const Atom *a, const Atom *b)
{
	return a->ready == b->ready && a->head == b->head && b->column == a->column + 1;
}

/* A node and its n - 1 neighbours: "name",number or "name",[numbers]. */
static void
write_neighbours(EdgeWriter *w, TextBuilder *to, const Atom *first, int n, const double *times)
{
	text_addf(to, "\"%s\",%s", name_of_atom(w, first), n > 1 ? "[" : "");
	for (int i = 0; i < n; i++) {
		text_addf(to, i ? "," : "");
		text_add_json_number(to, times[i]);
	}
	text_addf(to, n > 1 ? "]" : "");
}

static int
neighbours_of_first(Atom *const *a, int n)
{
	int k = 1;

	while (k < n && are_neighbours(a[k - 1], a[k]))
		k++;
	return k;
}

static const char *
readers(EdgeWriter *w, Atom *const *a, int n, const double *sign)
{
	TextBuilder to = { .arena = w->c->arena };

	for (int i = 0, k; i < n; i += k) {
		k = neighbours_of_first(a + i, n - i);
		text_addf(&to, i ? "," : "");
		write_neighbours(w, &to, a[i], k, sign + i);
	}
	return to.s;
}

static void
add_long_read(EdgeWriter *w, const char *to, int from, int n)
{
	TextBuilder of = { .arena = w->c->arena };

	write_neighbours(w, &of, w->seen[from], n, w->run + from);
	GROW(w->c->arena, w->read, w->capread, w->nread + 1);
	w->read[w->nread] = (LongRead){ of.s, to, w->nread };
	w->nread++;
}

/* All that `to` reads; long lists wait for others that read the same. */
static void
write_group(EdgeWriter *w, const Form *f, const char *to)
{
	EmbeddingReads e = add_up_form(w, f);
	const char *comma = "";

	text_addf(&w->text, "%s{\"to\":[%s],\"of\":[", w->comma, to);
	for (int i = 0; i < 3; i++) {
		const char *name = i == 0 ? "token" : i == 1 ? "place" : "input";
		if (!(i == 0 ? e.token : i == 1 ? e.place : e.input))
			continue;
		text_addf(&w->text, "%s\"%s\",null", comma, name);
		comma = ",";
	}
	for (int i = 0; i < w->nseen; i++)
		w->run[i] = w->times[w->seen[i]->id];
	for (int i = 0, k; i < w->nseen; i += k) {
		k = neighbours_of_first(w->seen + i, w->nseen - i);
		if (k >= LONG_READ) {
			add_long_read(w, to, i, k);
			continue;
		}
		text_addf(&w->text, "%s", comma);
		write_neighbours(w, &w->text, w->seen[i], k, w->run + i);
		comma = ",";
	}
	forget_form(w);
	text_addf(&w->text, "]}");
	w->comma = ",\n";
}

static int
by_list(const void *p, const void *q)
{
	const LongRead *a = p, *b = q;
	int order = strcmp(a->of, b->of);

	return order ? order : a->place - b->place;
}

static void
write_long_reads(EdgeWriter *w)
{
	if (w->nread)
		qsort(w->read, (size_t)w->nread, sizeof *w->read, by_list);
	for (int i = 0; i < w->nread;) {
		const char *of = w->read[i].of, *comma = "";
		text_addf(&w->text, "%s{\"to\":[", w->comma);
		for (; i < w->nread && !strcmp(w->read[i].of, of); i++, comma = ",")
			text_addf(&w->text, "%s%s", comma, w->read[i].to);
		text_addf(&w->text, "],\"of\":[%s]}", of);
		w->comma = ",\n";
	}
	w->nread = 0;
}

static void
write_port(EdgeWriter *w, const Form *f, const char *reader, const char *port, int i)
{
	TextBuilder to = { .arena = w->c->arena };

	text_add_json_string(&to, arena_fmt(w->c->arena, "%s.%s%d", reader, port, i));
	text_addf(&to, ",1");
	write_group(w, f, to.s);
}

static bool
is_line(const Atom *a)
{
	return !a->in->real;
}

static int
by_part_and_column(const void *p, const void *q)
{
	const Atom *a = *(Atom *const *)p, *b = *(Atom *const *)q;

	if (is_line(a) != is_line(b))
		return is_line(a) ? -1 : 1;
	if (is_line(a) && a->linear_part != b->linear_part)
		return a->linear_part - b->linear_part;
	return a->column - b->column;
}

/* Neurons of one linear part at once: they read the same, or less the same. */
static void
write_neuron_groups(EdgeWriter *w, int layer)
{
	Atom **a;
	int n = neurons_of_layer(w, layer, &a);
	double *sign = NEWS(w->c->arena, double, n + 1);

	qsort(a, (size_t)n, sizeof(Atom *), by_part_and_column);
	for (int from = 0, to; from < n; from = to) {
		const Form *f = a[from]->in;
		for (to = from + 1; to < n && is_line(a[from]) && is_line(a[to])
		                    && a[to]->linear_part == a[from]->linear_part;
		     to++)
			;
		for (int i = from; i < to; i++)
			sign[i - from] = linear_part_sign(a[i]->in) == linear_part_sign(f) ? 1 : -1;
		write_group(w, f, readers(w, a + from, to - from, sign));
	}
}

static EdgeWriter
edge_writer(const Columns *cols)
{
	Circuit *c = cols->s->c;

	return (EdgeWriter){ .c = c,
		             .s = cols->s,
		             .text.arena = c->arena,
		             .comma = "",
		             .row = NEWS(c->arena, double, c->rows),
		             .place = NEWS(c->arena, double, places_in_tables(c)),
		             .times = NEWS(c->arena, double, 2 * c->natom + 1),
		             .seen = NEWS(c->arena, Atom *, 2 * c->natom + 1),
		             .run = NEWS(c->arena, double, 2 * c->natom + 1),
		             .second = NEWS(c->arena, Atom *, c->natom + 1) };
}

static void
write_head_ports(EdgeWriter *w, const Head *h, int layer)
{
	const char *name = arena_fmt(w->c->arena, "a%d.h%d", layer, h->index);

	for (int i = 0; i < h->lookup->ndim; i++) {
		write_port(w, h->lookup->q[i], name, "q", i);
		write_port(w, h->lookup->k[i], name, "k", i);
	}
	for (int i = 0; i < h->nvalue; i++)
		if (h->value[i]->live)
			write_port(w, h->value[i]->in, name, "v", h->value[i]->column);
}

const char *
describe_edges(const Columns *cols)
{
	EdgeWriter w = edge_writer(cols);
	const Graph *g = w.c->g;

	text_addf(&w.text, "[");
	for (int l = 0; l < w.s->nlayer; l++) {
		for (int i = 0; i < w.s->nhead[l]; i++)
			write_head_ports(&w, w.s->head[l][i], l);
		write_neuron_groups(&w, l);
		write_long_reads(&w);
	}
	for (int i = 0; w.c->emit && i < g->nfield; i++)
		write_port(&w, w.c->emit[i], "emit", "out", i);
	for (int i = 0; i < g->noutput; i++)
		write_port(&w, w.c->output[i], arena_fmt(w.c->arena, "label.%s", g->output[i].name),
		           "out", 0);
	write_long_reads(&w);
	text_addf(&w.text, "]");
	return w.text.s;
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

	if (v->kind == K_POS) {
		text_addf(&w->text, "\"low\":-1,\"high\":%d}", w->c->g->context - 1);
		return;
	}
	text_addf(&w->text, "\"low\":");
	text_add_json_number(&w->text, t->real ? t->min : (double)t->lo);
	text_addf(&w->text, ",\"high\":");
	text_add_json_number(&w->text, t->real ? t->max : (double)t->hi);
	for (int i = 0; !t->real && i < t->nset; i++)
		text_addf(&w->text, "%s%lld%s", i ? "," : ",\"values\":[", (long long)t->set[i],
		          i + 1 < t->nset ? "" : "]");
	text_addf(&w->text, "}");
}

const char *
describe_value_sets(const Columns *cols)
{
	EdgeWriter w = { .c = cols->s->c, .text.arena = cols->s->c->arena };

	text_addf(&w.text, "[");
	for (int i = 0; i < w.c->g->nnamed; i++) {
		text_addf(&w.text, i ? ",\n{" : "{");
		write_value_set(&w, &w.c->g->named[i]);
	}
	text_addf(&w.text, "]");
	return w.text.s;
}

char *
describe_graph(const Columns *cols, const TwModel *m)
{
	EdgeWriter w = edge_writer(cols);
	const Graph *g = w.c->g;

	text_addf(&w.text, "{\"name\":");
	text_add_json_string(&w.text, m->name);
	text_addf(&w.text, ",\n\"nodes\":[");
	write_nodes(&w);
	text_addf(&w.text, "],\n\"edges\":[");
	w.comma = "";
	write_edges(&w);
	text_addf(&w.text, "],\n\"named\":[");
	for (int i = 0; i < g->nnamed; i++) {
		text_addf(&w.text, i ? ",\n{\"name\":" : "{\"name\":");
		text_add_json_string(&w.text, g->named[i].name);
		text_addf(&w.text, ",");
		write_value_set(&w, &g->named[i]);
	}
	text_addf(&w.text, "],\n\"circuit\":%s}\n", m->circuit ? m->circuit : "null");
	return w.text.s;
}
