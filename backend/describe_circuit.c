/* tw.circuit: what stands where in the model, and every named value as a form over nodes.
 *
 *     sum[1]    -10 m1.n6 + m1.n4 + ...     neurons that the model has
 *     plus      -1 + 1 * node 3             node 3: the place that head a1.h0 finds
 *
 * A node is a neuron or a value of the model, by its name, or one that is defined here. Most named
 * values are folded: nothing in the model is the value itself, its parts are in the weights of who
 * reads them. A value that nothing needs may not even have those parts. So each is mapped once
 * more, as if it were an output, into a copy of the circuit: what it takes and the model lacks
 * (a step of a staircase, the place that a head finds) is described, by the same kinds of atoms.
 * The form of the file is in lang/json.md; runtime/circuit.c computes the values. */

#include "backend/describe_circuit.h"
#include "backend/explain.h"
#include "backend/map/map.h"
#include "lang/text.h"

#include <string.h>

/* What may be added up to find the forms of all named values. */
enum { TERMS_FOR_NAMES = 2000000 };

typedef struct Description {
	Circuit c; /* a copy: what is mapped here is no part of the model */
	const Circuit *model;
	const Columns *cols;
	const Form **form; /* (nnamed); NULL: none was found */
	bool *needed;      /* (natom) by id: to be described, */
	int *number; /* (natom) and among the nodes: the first, where its digits are several */
	int nfind;
	const Lookup **find; /* (nfind) that no head of the model does, */
	int *find_number;    /* (nfind) and among the nodes; -1: not yet */
	int nnode;
	bool whole;   /* what each of the model's own nodes adds up, too, and the graph */
	int *step;    /* (g->nnode) by id: the number of a node of the graph; -1: not described */
	double *cell; /* room for a table */
	TextBuilder text;
} Description;

/* ---- the forms ---- */

/* All that was mapped for the model, and nothing else. */
static void
copy_forms(Description *d)
{
	Circuit *c = &d->c;

	c->form = NEWS(c->arena, const Form *, c->capform + 1);
	for (int i = 0; i < d->model->capform; i++)
		c->form[i] = d->model->form[i];
}

/* What shows a named value: the number of its position, of a reference. */
static Node *
shown_node(Circuit *c, const Named *v)
{
	if (v->kind != K_POS)
		return v->node;
	Node *index = make_node(c, v->node, OP_INDEX, NULL, NULL), *none = mk_const(c->g, -1);
	return make_read(c, v->node, index, v->node, none, v->offset);
}

static const Form *
form_of_named(Description *d, const Named *v)
{
	Circuit *c = &d->c;
	const Type *t = &v->node->type;
	Diags diags = diag_fork(c->diags);
	const Form *f = NULL;

	if (v->node->two_sided || (!t->real && (t->hi >= EXACT_MAX || t->lo <= -EXACT_MAX)))
		return NULL; /* a float may not be what it is */
	c->diags = &diags;
	f = map_node(c, shown_node(c, v));
	c->diags = d->model->diags;
	if (diags.nerror == c->diags->nerror && !c->exhausted)
		return f;
	c->exhausted = NULL; /* what was made of it on the way is no value */
	copy_forms(d);
	return NULL;
}

static void
find_forms(Description *d)
{
	Circuit *c = &d->c;
	const Graph *g = c->g;
	int nrule = c->caprule;
	const Rule **rule = NEWS(c->arena, const Rule *, nrule + 1);

	for (int i = 0; i < nrule; i++)
		rule[i] = c->rule[i];
	c->rule = rule;
	c->terms = 0;
	c->effort.terms = TERMS_FOR_NAMES;
	c->effort.patient = true;
	c->effort.latest = NULL;
	copy_forms(d);
	d->form = NEWS(c->arena, const Form *, g->nnamed + 1);
	for (int i = 0; i < g->nnamed; i++)
		d->form[i] = form_of_named(d, &g->named[i]);
}

/* ---- which atoms are to be described ---- */

static bool
is_in_model(const Atom *a)
{
	return a->live && a->kind >= NEURON;
}

/* The head of the model that finds what a lookup says, or NULL. */
static const Head *
head_that_finds(const Description *d, const Lookup *s)
{
	for (int i = 0; i < d->model->nhead; i++)
		if (d->model->head[i]->live && d->model->head[i]->lookup == s)
			return d->model->head[i];
	return NULL;
}

static void
need_atoms(Description *d, const Form *f)
{
	for (int i = 0; i < f->n; i++)
		if (!is_in_model(f->term[i].atom))
			d->needed[f->term[i].atom->id] = true;
}

static int
index_of_find(const Description *d, const Lookup *s)
{
	int i = 0;

	while (i < d->nfind && d->find[i] != s)
		i++;
	return i;
}

static void
need_find(Description *d, const Lookup *s)
{
	int i = index_of_find(d, s);

	if (i < d->nfind || head_that_finds(d, s))
		return;
	d->find[i] = s;
	d->find_number[i] = -1;
	d->nfind++;
	for (int k = 0; k < s->ndim; k++) {
		need_atoms(d, s->q[k]);
		need_atoms(d, s->k[k]);
	}
}

static void
need_head(Description *d, const Head *h)
{
	const Lookup *s = h->lookup;

	for (int k = 0; k < s->ndim; k++) {
		need_atoms(d, s->q[k]);
		need_atoms(d, s->k[k]);
	}
	for (int i = 0; i < h->nvalue; i++)
		if (h->value[i]->live)
			need_atoms(d, h->value[i]->in);
}

/* What the model's own nodes add up. */
static void
need_sums(Description *d)
{
	const Schedule *s = d->cols->s;

	for (int l = 0; l < s->nlayer; l++) {
		for (int i = 0; i < s->nhead[l]; i++)
			need_head(d, s->head[l][i]);
		for (int i = 0; i < s->nneuron[l]; i++)
			need_atoms(d, s->neuron[l][i]->in);
	}
	for (int i = 0; d->c.emit && i < d->c.g->nfield; i++)
		need_atoms(d, d->c.emit[i]);
	for (int i = 0; i < d->c.g->noutput; i++)
		need_atoms(d, d->c.output[i]);
}

static bool
is_whole(const Node *n)
{
	return !n->type.real && is_pointwise(n->op);
}

/* Which nodes the answers are made of here; what a READ takes there, and otherwise. */
static void
find_steps(Description *d)
{
	const Graph *g = d->c.g;

	d->step = NEWS(d->c.arena, int, g->nnode + 1);
	for (int i = 0; i < g->nnode; i++)
		d->step[i] = -1;
	for (int i = 0; g->emit && i < g->nfield; i++)
		d->step[g->emit[i]->id] = 0;
	for (int i = 0; i < g->noutput; i++)
		d->step[g->output[i].node->id] = 0;
	for (int id = g->nnode; id-- > 0;) {
		const Node *n = g->node[id];
		for (int i = 0; i < n->narg && d->step[id] == 0; i++)
			if (is_whole(n) || (n->op == OP_READ && i != 1))
				d->step[n->arg[i]->id] = 0;
	}
}

static const Form *
form_of_step(const Description *d, int id)
{
	return id < d->model->capform ? d->model->form[id] : NULL;
}

static void
need_steps(Description *d)
{
	for (int id = 0; id < d->c.g->nnode; id++)
		if (d->step[id] >= 0 && form_of_step(d, id))
			need_atoms(d, form_of_step(d, id));
}

/* Operands have smaller ids than who reads them, so one way back reaches all. */
static void
find_needed(Description *d)
{
	Circuit *c = &d->c;

	d->needed = NEWS(c->arena, bool, c->natom + 1);
	d->number = NEWS(c->arena, int, c->natom + 1);
	d->find = NEWS(c->arena, const Lookup *, c->natom + 1);
	d->find_number = NEWS(c->arena, int, c->natom + 1);
	for (int i = 0; i < c->g->nnamed; i++)
		if (d->form[i])
			need_atoms(d, d->form[i]);
	if (d->whole) {
		need_sums(d);
		need_steps(d);
	}
	for (int i = c->natom; i-- > 0;) {
		const Atom *a = c->atom[i];
		if (!d->needed[i])
			continue;
		if (a->in)
			need_atoms(d, a->in);
		if (a->head)
			need_find(d, a->head->lookup);
	}
}

/* ---- forms and tables as text ---- */

static void
describe_text(Description *d, const char *s)
{
	text_add(&d->text, s, strlen(s));
}

static void
describe_number(Description *d, double x)
{
	text_add_json_number(&d->text, x);
}

static void
describe_next(Description *d, double x)
{
	describe_text(d, ",");
	describe_number(d, x);
}

static void
describe_term(Description *d, const Atom *a, double times)
{
	if (!is_in_model(a)) {
		if (a->step) {
			describe_next(d, d->number[a->id]);
			describe_next(d, times);
			describe_next(d, d->number[a->id] + 1);
			describe_next(d, -times);
			return;
		}
		for (int i = 0; i < max_int(a->npart, 1); i++) {
			describe_next(d, d->number[a->id] + i);
			describe_next(d, times);
		}
		return;
	}
	if (a->kind == NEURON)
		text_addf(&d->text, ",\"m%d.n%d\"", atom_layer(a), a->column);
	else
		text_addf(&d->text, ",\"a%d.h%d.v%d\"", atom_layer(a), a->head->index, a->column);
	describe_next(d, times);
	if (a->step) {
		text_addf(&d->text, ",\"m%d.n%d\"", atom_layer(a), a->second);
		describe_next(d, -times);
	}
}

/* What a sum has too much where its neurons are relu(x + lift). */
static double
lifted(const Form *f, double times)
{
	double k = 0;

	for (int i = 0; i < f->n; i++)
		if (is_in_model(f->term[i].atom))
			k += times * (double)f->term[i].c * (double)f->term[i].atom->lift;
	return k;
}

/* [constant, node, times, node, times …] */
static void
describe_form(Description *d, const Form *f, double less)
{
	const RealSum *r = f->real;
	double k = (r ? r->k : (double)f->k) - less;

	for (int i = 0; r && i < r->n; i++)
		k -= lifted(r->term[i].f, r->term[i].c);
	describe_text(d, "[");
	describe_number(d, r ? k : k - lifted(f, 1));
	for (int i = 0; !r && i < f->n; i++)
		describe_term(d, f->term[i].atom, (double)f->term[i].c);
	for (int i = 0; r && i < r->n; i++) {
		const Form *part = r->term[i].f;
		for (int t = 0; t < part->n; t++)
			describe_term(d, part->term[t].atom,
			              r->term[i].c * (double)part->term[t].c);
	}
	describe_text(d, "]");
}

/* d->cell (n) as runs [first, count, value, step, …]; what is in none is 0. */
static void
describe_runs(Description *d, int n)
{
	const double *at = d->cell;
	const char *comma = "";

	describe_text(d, "[");
	for (int i = 0; i < n;) {
		int to = i + 1;
		double step = to < n ? at[to] - at[i] : 0;
		while (to < n && at[to] - at[to - 1] == step)
			to++;
		if (to - i < 3 && step != 0)
			to = i + 1, step = 0;
		if (at[i] != 0 || step != 0) {
			text_addf(&d->text, "%s%d,%d", comma, i, to - i);
			describe_next(d, at[i]);
			describe_next(d, step);
			comma = ",";
		}
		i = to;
	}
	describe_text(d, "]");
}

/* ---- nodes ---- */

static void
begin_node(Description *d)
{
	describe_text(d, d->nnode++ ? ",\n" : "");
}

static void
describe_feature(Description *d, const Atom *a)
{
	bool by_place = a->kind == PLACE_FEATURE || a->by_place;
	int n = by_place ? d->c.places : d->c.rows;

	begin_node(d);
	for (int i = 0; i < n; i++)
		d->cell[i] = a->reals ? a->reals[i] : (double)a->table[i];
	text_addf(&d->text, "{\"%s\":", by_place ? "place" : "token");
	describe_runs(d, n);
	describe_text(d, "}");
}

static void
describe_digits(Description *d, const Atom *a)
{
	for (int i = 0; i < a->npart; i++) {
		const DigitTable *t = &a->part[i];
		begin_node(d);
		text_addf(&d->text, "{\"digit\":[%d,%d,%d,%d],\"table\":", t->digit.back,
		          t->digit.divide, t->digit.modulo, t->digit.saturate);
		for (int k = 0; k < t->digit.modulo; k++)
			d->cell[k] = (double)t->value[k];
		describe_runs(d, t->digit.modulo);
		describe_text(d, "}");
	}
}

static void
describe_neuron(Description *d, const Atom *a)
{
	begin_node(d);
	text_addf(&d->text, "{\"%s\":", a->lift ? "round" : "relu");
	describe_form(d, a->in, (double)a->lift);
	describe_text(d, "}");
	if (!a->step)
		return;
	begin_node(d);
	describe_text(d, "{\"relu\":");
	describe_form(d, a->in, 1);
	describe_text(d, "}");
}

/* What finds the place, where no head of the model does. */
static void
describe_find(Description *d, const Lookup *s, int i)
{
	begin_node(d);
	d->find_number[i] = d->nnode - 1;
	describe_text(d, "{\"find\":[");
	for (int k = 0; k < s->ndim; k++) {
		describe_text(d, k ? "," : "");
		describe_form(d, s->q[k], 0);
		describe_text(d, ",");
		describe_form(d, s->k[k], 0);
	}
	describe_text(d, "]}");
}

static void
describe_value(Description *d, const Atom *a)
{
	const Lookup *s = a->head->lookup;
	const Head *h = head_that_finds(d, s);
	int i = h ? 0 : index_of_find(d, s);

	if (!h && d->find_number[i] < 0)
		describe_find(d, s, i);
	begin_node(d);
	describe_text(d, "{\"at\":");
	if (h)
		text_addf(&d->text, "\"a%d.h%d\"", h->layer, h->index);
	else
		text_addf(&d->text, "%d", d->find_number[i]);
	describe_text(d, ",\"read\":");
	describe_form(d, a->in, 0);
	describe_text(d, "}");
}

static void
describe_node(Description *d, const Atom *a)
{
	switch (a->kind) {
	case NEURON: describe_neuron(d, a); break;
	case VALUE: describe_value(d, a); break;
	case INPUT_FEATURE:
		begin_node(d);
		text_addf(&d->text, "{\"input\":%d}", a->input);
		break;
	default: (a->npart ? describe_digits : describe_feature)(d, a);
	}
	d->number[a->id] = d->nnode - max_int(a->npart, 1) - a->step;
}

/* How long the longest table is that is described. */
static int
longest_table(const Description *d)
{
	int most = max_int(d->c.rows, DIGIT_BASE);

	for (int i = 0; i < d->c.natom; i++) {
		const Atom *a = d->c.atom[i];
		if (d->needed[i] && !a->npart && (a->kind == PLACE_FEATURE || a->by_place))
			most = max_int(most, d->c.places);
	}
	return most;
}

static void
describe_nodes(Description *d)
{
	d->cell = NEWS(d->c.arena, double, longest_table(d) + 1);
	describe_text(d, "\"nodes\":[");
	for (int i = 0; i < d->c.natom; i++)
		if (d->needed[i])
			describe_node(d, d->c.atom[i]);
	describe_text(d, "],\n\"named\":[");
	for (int i = 0; i < d->c.g->nnamed; i++) {
		describe_text(d, i ? ",\n" : "");
		if (d->form[i])
			describe_form(d, d->form[i], 0);
		else
			describe_text(d, "null");
	}
	describe_text(d, "]");
}

/* ---- what the model's own nodes are for ---- */

static void
describe_owner(Description *d, const Atom *a, bool first)
{
	text_addf(&d->text, first ? "%d" : ",%d", a->owner);
}

static void
describe_head(Description *d, const Head *h)
{
	Atom **at = NEWS(d->c.arena, Atom *, h->ndim + 1);

	describe_text(d, "{\"at\":");
	text_add_json_string(&d->text, lookup_label(d->model, h->lookup));
	describe_text(d, ",\"values\":[");
	for (int i = 0; i < h->nvalue; i++)
		if (h->value[i]->live)
			at[h->value[i]->column] = h->value[i];
	for (int i = 0; i < h->ndim; i++)
		describe_owner(d, at[i], !i);
	describe_text(d, "]}");
}

static void
describe_layers(Description *d)
{
	const Schedule *s = d->cols->s;

	describe_text(d, "\"layers\":[");
	for (int l = 0; l < s->nlayer; l++) {
		describe_text(d, l ? ",\n{\"heads\":[" : "{\"heads\":[");
		for (int i = 0; i < s->nhead[l]; i++) {
			describe_text(d, i ? "," : "");
			describe_head(d, s->head[l][i]);
		}
		describe_text(d, "],\"neurons\":[");
		for (int i = 0; i < s->nneuron[l]; i++)
			describe_owner(d, s->neuron[l][i], !i);
		describe_text(d, "]}");
	}
	describe_text(d, "]");
}

/* ---- what they add up */

static void
describe_forms(Description *d, const char *name, int n, const Form *const *f)
{
	text_addf(&d->text, "\"%s\":[", name);
	for (int i = 0; i < n; i++) {
		describe_text(d, i ? "," : "");
		describe_form(d, f[i], 0);
	}
	describe_text(d, "]");
}

static void
describe_head_sums(Description *d, const Head *h)
{
	const Form **value = NEWS(d->c.arena, const Form *, h->ndim + 1);

	for (int i = 0; i < h->nvalue; i++)
		if (h->value[i]->live)
			value[h->value[i]->column] = h->value[i]->in;
	describe_text(d, "{");
	describe_forms(d, "queries", h->lookup->ndim, (const Form *const *)h->lookup->q);
	describe_text(d, ",");
	describe_forms(d, "keys", h->lookup->ndim, (const Form *const *)h->lookup->k);
	describe_text(d, ",");
	describe_forms(d, "values", h->ndim, value);
	describe_text(d, "}");
}

static void
describe_layer_sums(Description *d, int l)
{
	const Schedule *s = d->cols->s;
	const Form **in = NEWS(d->c.arena, const Form *, s->nneuron[l] + 1);

	describe_text(d, l ? ",\n{\"heads\":[" : "{\"heads\":[");
	for (int i = 0; i < s->nhead[l]; i++) {
		describe_text(d, i ? "," : "");
		describe_head_sums(d, s->head[l][i]);
	}
	describe_text(d, "],");
	for (int i = 0; i < s->nneuron[l]; i++)
		in[i] = s->neuron[l][i]->in;
	describe_forms(d, "neurons", s->nneuron[l], in);
	describe_text(d, "}");
}

static void
describe_sums(Description *d)
{
	const Graph *g = d->c.g;

	describe_text(d, ",\n\"sums\":{\"layers\":[");
	for (int l = 0; l < d->cols->s->nlayer; l++)
		describe_layer_sums(d, l);
	describe_text(d, "],\n");
	describe_forms(d, "next", d->c.emit ? g->nfield : 0, d->c.emit);
	describe_text(d, ",\n");
	describe_forms(d, "labels", g->noutput, d->c.output);
	describe_text(d, "}");
}

/* ---- the graph: each operator with its operands, and the form of what it gives, so that twprove
 * can hold the one against the other */

static void
describe_operands(Description *d, const Node *n)
{
	const char *comma = "";

	describe_text(d, ",\"of\":[");
	for (int i = 0; i < n->narg; i++)
		if (is_whole(n) || i != 1) {
			text_addf(&d->text, "%s%d", comma, d->step[n->arg[i]->id]);
			comma = ",";
		}
	describe_text(d, "]");
}

static void
describe_step(Description *d, const Node *n)
{
	const Form *f = form_of_step(d, n->id);
	bool leaf = n->op == OP_TOKEN || n->op == OP_INDEX;

	describe_text(d, "{");
	if (is_whole(n) || leaf || (n->op == OP_READ && !n->type.real)) {
		text_addf(&d->text, "\"op\":\"%s\",\"k\":%lld", op_info[n->op].name,
		          (long long)n->k);
		describe_operands(d, n);
		for (int i = 0; i < n->ntable; i++)
			text_addf(&d->text, "%s%lld", i ? "," : ",\"table\":[",
			          (long long)n->table[i]);
		describe_text(d, n->ntable ? "]" : "");
		describe_text(d, f ? "," : "");
	}
	if (f) {
		describe_text(d, "\"form\":");
		describe_form(d, f, 0);
	}
	describe_text(d, "}");
}

static void
describe_steps(Description *d)
{
	const Graph *g = d->c.g;
	int n = 0;

	describe_text(d, ",\n\"graph\":{\"nodes\":[");
	for (int id = 0; id < g->nnode; id++)
		if (d->step[id] >= 0) {
			describe_text(d, n ? ",\n" : "");
			d->step[id] = n++;
			describe_step(d, g->node[id]);
		}
	describe_text(d, "],\"next\":[");
	for (int i = 0; g->emit && i < g->nfield; i++)
		text_addf(&d->text, i ? ",%d" : "%d", d->step[g->emit[i]->id]);
	describe_text(d, "],\"labels\":[");
	for (int i = 0; i < g->noutput; i++)
		text_addf(&d->text, i ? ",%d" : "%d", d->step[g->output[i].node->id]);
	describe_text(d, "]}");
}

char *
describe_circuit(const Columns *cols, bool whole)
{
	Circuit *c = cols->s->c;
	Description *d = NEW(c->arena, Description);

	*d = (Description){
		.c = *c, .model = c, .cols = cols, .whole = whole, .text = { .arena = c->arena }
	};
	find_forms(d);
	if (whole)
		find_steps(d);
	find_needed(d);
	describe_text(d, "{");
	describe_layers(d);
	describe_text(d, ",\n");
	describe_nodes(d);
	if (whole) {
		describe_sums(d);
		describe_steps(d);
	}
	describe_text(d, ",\n\"edges\":");
	describe_text(d, describe_edges(cols));
	describe_text(d, ",\n\"values\":");
	describe_text(d, describe_value_sets(cols));
	describe_text(d, "}");
	return d->text.s;
}
