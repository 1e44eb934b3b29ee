/* Do the weights compute the circuit that the file describes? Its property tw.circuit says, if it
 * was written for a proof (its "sums"), what each query, key, value, neuron, next token and label
 * is: a form over tables of the token and of the place, and over the neurons and values before it.
 *
 *     "neurons": [[-9, "a0.h0.v0", 1, "a0.h0.v1", 9], …]      -9 + a0.h0.v0 + 9 a0.h0.v1
 *
 * Each must be what the weights make of it, as an identity of forms: so by induction over the
 * layers every text has the values that the circuit says, and a changed weight that changes any
 * of them is told. What clears a column, and how columns are shared, the circuit does not say:
 * that is right if all that is read from them is. */

#include "prove/prove.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- tables: nodes that the model has as parts of columns */

/* Runs [first, count, value, step, …]; what is in none is 0. */
static bool
fill_runs(const cJSON *run, double *table, int n)
{
	for (run = run ? run->child : NULL; run;) {
		double part[4];
		for (int i = 0; i < 4; i++, run = run->next) {
			if (!cJSON_IsNumber(run))
				return false;
			part[i] = run->valuedouble;
		}
		if (!(part[0] >= 0 && part[1] >= 0 && part[0] + part[1] <= n))
			return false;
		for (int i = 0; i < (int)part[1]; i++)
			table[(int)part[0] + i] = part[2] + i * part[3];
	}
	return true;
}

/* What a token of each field adds. */
static bool
circuit_token(Proof *p, const cJSON *runs, ColumnValue *out)
{
	const Model *m = p->m;
	double *table = TAKE(double, m->nvocab + 2);
	AffineForm sum = form_of(0);

	if (m->ninput || !fill_runs(runs, table, m->nvocab + 2))
		return false;
	for (int f = 0; f < m->nfield; f++) {
		AffineForm one = form_of_table(p, roots_of(p, p->field[f]), table + m->first[f],
		                               NULL);
		sum = sum_of_forms(&sum, &one, 1);
	}
	*out = value_with_form(p, sum, table[m->nvocab + 1] * m->nfield, 0);
	return true;
}

/* A table by the place, or by a digit of it. */
static bool
circuit_place(Proof *p, const cJSON *digit, const cJSON *runs, ColumnValue *out)
{
	PlacePart part = { .divide = 1, .modulo = p->m->places };
	int n = p->m->places, number[4];

	for (int i = 0; i < 4 && digit; i++) {
		const cJSON *x = cJSON_GetArrayItem(digit, i);
		if (!cJSON_IsNumber(x))
			return false;
		number[i] = x->valueint;
	}
	if (digit)
		part = (PlacePart){ number[0], number[1], number[2], number[3], 0, NULL, NULL };
	if (part.divide < 1 || part.modulo < 1 || part.modulo > LARGE)
		return false;
	double *table = TAKE(double, part.modulo), *value = TAKE(double, n);
	if (!fill_runs(runs, table, part.modulo))
		return false;
	for (int i = 0; i < n; i++)
		value[i] = table[place_row(&part, i)];
	AffineForm f = form_of_table(p, roots_of(p, p->place), value + 1, NULL);
	*out = value_with_form(p, f, value[0], 0);
	return true;
}

static bool
circuit_neuron(Proof *p, const cJSON *sum, ColumnValue *out)
{
	const AddendList none = { 0 };
	ColumnValue v;

	if (!form_of_json(p, sum, 1, 0, &v))
		return false;
	v.exact = form_is_exact(&v.form);
	*out = value_of_neuron(p, &none, &v);
	return true;
}

/* The integer nearest to a real of few roots. */
static bool
circuit_rounding(Proof *p, const cJSON *sum, ColumnValue *out)
{
	ColumnValue v;
	const Roots *roots = form_of_json(p, sum, 1, 0, &v) ? roots_of_form(p, &v.form) : NULL;

	if (!roots)
		return false;
	double *table = tabulate(p, &v.form, roots);
	for (int i = 0; i < roots->size; i++)
		table[i] = rint(table[i]);
	*out = value_with_form(p, form_of_table(p, roots, table, NULL), rint(v.bos), 0);
	free(table);
	return true;
}

/* The head of the model that "a1.h0" is; false: none, or none that is known yet. */
bool
head_number(const Proof *p, const char *name, int *layer, int *head)
{
	int end = 0;

	return name && sscanf(name, "a%d.h%d%n", layer, head, &end) == 2 && !name[end]
	       && *layer >= 0 && *layer < p->m->nlayer && *head >= 0
	       && *head < p->m->layer[*layer].heads && p->head[*layer];
}

/* What a head of the model would read of a form. */
static bool
circuit_read(Proof *p, const char *name, const cJSON *there, ColumnValue *out)
{
	int layer, head;
	ColumnValue v;

	if (!head_number(p, name, &layer, &head) || !form_of_json(p, there, 1, 0, &v))
		return false;
	v = value_with_form(p, v.form, v.bos, 0);
	*out = read_value(p, &p->head[layer][head], &v);
	return true;
}

static bool
circuit_node(Proof *p, const cJSON *j, ColumnValue *out)
{
	const cJSON *input = field(j, "input");

	if (field(j, "relu"))
		return circuit_neuron(p, field(j, "relu"), out);
	if (field(j, "round"))
		return circuit_rounding(p, field(j, "round"), out);
	if (field(j, "read"))
		return circuit_read(p, cJSON_GetStringValue(field(j, "at")), field(j, "read"), out);
	if (field(j, "token"))
		return circuit_token(p, field(j, "token"), out);
	if (field(j, "place") || field(j, "digit"))
		return circuit_place(p, field(j, "digit"),
		                     field(j, field(j, "digit") ? "table" : "place"), out);
	if (!cJSON_IsNumber(input) || input->valueint < 0 || input->valueint >= p->m->ninput)
		return false; /* of another kind: named values alone are made of it */
	*out = *p->input[input->valueint];
	return true;
}

/* Tables, once the embedding is known; and again neurons, which the model lacks and forms of the
 * graph have, once all else is. */
void
read_circuit_nodes(Proof *p)
{
	const cJSON *nodes = field(p->m->circuit, "nodes");
	int n = 0;

	p->sums = field(p->m->circuit, "sums");
	if (!p->node)
		p->node = TAKE(ColumnValue *, cJSON_GetArraySize(nodes));
	for (const cJSON *j = nodes && p->sums ? nodes->child : NULL; j; j = j->next, n++) {
		ColumnValue v;
		if (!p->node[n] && circuit_node(p, j, &v))
			p->node[n] = take_copy(&v, sizeof v);
	}
	p->nnode = n;
}

/* ---- forms */

/* Which of the values of its layer "a1.h0.v2" is; -1: none. */
int
value_number(const Proof *p, const char *name, int *layer)
{
	int head, at, end = 0;

	if (sscanf(name, "a%d.h%d.v%d%n", layer, &head, &at, &end) != 3 || name[end] || *layer < 0
	    || *layer >= p->m->nlayer || head < 0 || at < 0)
		return -1;
	const ModelLayer *l = &p->m->layer[*layer];
	return head < l->heads && at < l->dv && p->read[*layer] ? head * l->dv + at : -1;
}

/* "m1.n6", "a1.h0.v2", or the number of a table. NULL: it is not there, or not yet. */
static const ColumnValue *
value_of_node(const Proof *p, const cJSON *j)
{
	int layer, at = 0, end = 0;
	const char *name = cJSON_GetStringValue(j);
	const Model *m = p->m;

	if (cJSON_IsNumber(j) && j->valuedouble >= 0 && j->valuedouble < p->nnode)
		return p->node[j->valueint];
	if (!name)
		return NULL;
	if (sscanf(name, "m%d.n%d%n", &layer, &at, &end) != 2) {
		at = value_number(p, name, &layer);
		return at >= 0 ? p->read[layer][at] : NULL;
	}
	return !name[end] && layer >= 0 && layer < m->nlayer && at >= 0
	                       && at < m->layer[layer].neurons && p->neuron[layer]
	               ? p->neuron[layer][at]
	               : NULL;
}

/* times * form + k, with its value at <bos> and the magnitudes of all that is added; exact, if all
 * numbers in it are whole. False: it names what is not there. */
bool
form_of_json(Proof *p, const cJSON *j, double times_all, double k, ColumnValue *out)
{
	const cJSON *x = j ? j->child : NULL;
	AddendList list = { 0 };

	if (!cJSON_IsNumber(x))
		return false;
	double constant = plus(times(times_all, x->valuedouble), k), bos = constant;
	bool whole = constant == rint(constant);
	*out = (ColumnValue){ .most = fabs(constant) };
	for (x = x->next; x; x = x->next) {
		const ColumnValue *v = value_of_node(p, x);
		x = x->next;
		if (!v || !cJSON_IsNumber(x))
			return false;
		double c = times(times_all, x->valuedouble);
		add(&list, c, v);
		bos = plus(bos, times(c, v->bos));
		out->most += fabs(c) * v->most;
		whole = whole && c == rint(c);
	}
	replace_steps(&list);
	out->form = form_of_addends(&list);
	out->form.k = plus(out->form.k, constant);
	out->bos = bos;
	out->exact = whole;
	free(list.addend);
	return true;
}

/* Is this 0, but for an error? Narrow ranges are more work. */
bool
is_nothing(Proof *p, const AffineForm *f, double allowed, bool narrow)
{
	AffineForm off = merge_tables(p, f);

	return magnitude_of(range_of(p, &off)) <= allowed
	       || (narrow && magnitude_of(narrow_range_of(p, &off, MOST_SPLITS, false)) <= allowed);
}

/* Is what the weights make the form of the file, times * form + k? Where numbers are not whole, the
 * weights are rounded: but for what that makes. */
static void
hold_against(Proof *p, const cJSON *form, double times_all, double k, const char *where,
             const ColumnValue *made)
{
	ColumnValue said;
	bool same = false;

	if (form && form_of_json(p, form, times_all, k, &said)) {
		AffineForm off = sum_of_forms(&said.form, &made->form, -1);
		double allowed = made->exact && said.exact ? 0 : said.most * 0x1p-22;
		same = fabs(said.bos - made->bos) <= allowed && is_nothing(p, &off, allowed, true);
	}
	add_finding(p, FACT_CIRCUIT, same, where,
	            "the weights are not shown to make the sum that tw.circuit says");
}

/* The JSON of one sum: of layer n its list `what`, at i. NULL: there is none. */
static const cJSON *
said_of_layer(const Proof *p, int n, const char *what, int i)
{
	const cJSON *layer = cJSON_GetArrayItem(field(p->sums, "layers"), n);

	return cJSON_GetArrayItem(field(layer, what), i);
}

/* ---- the parts of a model */

void
hold_product(Proof *p, int layer, int head, int i, const ColumnValue *q, const ColumnValue *k)
{
	const cJSON *said = said_of_layer(p, layer, "heads", head);
	const cJSON *of_q = cJSON_GetArrayItem(field(said, "queries"), i);
	const cJSON *of_k = cJSON_GetArrayItem(field(said, "keys"), i);
	const char *where = head_site(p->m, layer, head);

	if (p->sums && (of_q || q)) {
		static const ColumnValue nothing = { .exact = true };
		hold_against(p, of_q, 1, 0, where, q ? q : &nothing);
		hold_against(p, of_k, 1, 0, where, k ? k : &nothing);
	}
}

void
hold_value(Proof *p, int layer, int head, int i, const ColumnValue *v)
{
	const cJSON *said = said_of_layer(p, layer, "heads", head);

	said = cJSON_GetArrayItem(field(said, "values"), i);
	if (said)
		hold_against(p, said, 1, 0, text("value %d of %s", i, head_site(p->m, layer, head)),
		             v);
}

void
hold_neuron(Proof *p, int layer, int i, const ColumnValue *sum)
{
	const cJSON *said = said_of_layer(p, layer, "neurons", i);

	if (said)
		hold_against(p, said, 1, 0, neuron_site(p->m, layer, i), sum);
}

/* The logit of row c of a field is 2 c v - c c, v being the next token's row there; that of <bos>,
 * which is never next, its row's -c c. */
void
hold_logit(Proof *p, int field_number, double times_v, int c, const ColumnValue *logit)
{
	const cJSON *said = cJSON_GetArrayItem(field(p->sums, "next"), field_number);

	if (p->sums)
		hold_against(p, said, times_v, -(double)c * c,
		             text("logit %d of field %d", c, field_number), logit);
}

void
hold_label(Proof *p, int i, const ColumnValue *v)
{
	if (p->sums)
		hold_against(p, cJSON_GetArrayItem(field(p->sums, "labels"), i), 1, 0,
		             text("the label '%s'", p->m->label[i].name), v);
}
