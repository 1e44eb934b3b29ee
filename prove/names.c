/* What the parts of a model are called in the program that it was made of, as the file says it.
 * That serves the report, and the questions of properties.c, alone: what is not as it should be is
 * left out. */

#include "prove/prove.h"

#include <cjson/cJSON.h>
#include <math.h>

/* A number that only serves a report: -1 where it is none. */
static int
small_number(const cJSON *j)
{
	return cJSON_IsNumber(j) ? j->valueint : -1;
}

static void
read_named_columns(const Model *m, NamedColumns *v, const cJSON *column, const cJSON *weight)
{
	int n = cJSON_GetArraySize(column);

	if (!column || !weight || n != cJSON_GetArraySize(weight) || !isfinite(v->bias))
		return;
	v->column = TAKE(int, n);
	double *w = TAKE(double, n);
	weight = weight->child;
	for (column = column->child; column; column = column->next, weight = weight->next) {
		int at = small_number(column);
		if (at < 0 || at >= m->d)
			return;
		v->column[v->ncolumn] = at;
		w[v->ncolumn] = cJSON_GetNumberValue(weight);
		if (!isfinite(w[v->ncolumn++]))
			return;
	}
	v->weight = w;
}

static void
read_value_names(Model *m, const cJSON *list)
{

	m->named = TAKE(NamedColumns, cJSON_GetArraySize(list));
	for (const cJSON *j = list ? list->child : NULL; j; j = j->next) {
		const cJSON *columns = field(j, "columns"), *name = field(j, "name");
		NamedColumns *v = &m->named[m->nnamed];
		if (!cJSON_IsString(name))
			continue;
		*v = (NamedColumns){ .name = name->valuestring,
			             .line = small_number(field(j, "line")),
			             .state = small_number(field(j, "state")),
			             .bias = cJSON_GetNumberValue(field(j, "bias")) };
		read_named_columns(m, v, columns, field(j, "weights"));
		m->nnamed++;
	}
}

static void
read_layer_names(ModelLayer *l, const cJSON *j)
{
	const cJSON *head = field(j, "heads"), *owner = field(j, "neurons");
	int n = 0;

	for (head = head ? head->child : NULL; head && n < l->heads; head = head->next)
		l->finds[n++] = cJSON_GetStringValue(field(head, "at"));
	n = 0;
	for (owner = owner ? owner->child : NULL; owner && n < l->neurons; owner = owner->next)
		l->owner[n++] = small_number(owner);
}

void
read_names(Model *m, const Contents *c)
{
	const cJSON *layers = field(m->circuit, "layers"), *j = layers ? layers->child : NULL;

	read_value_names(m, property_json(c, "tw.residual", true));
	for (int n = 0; n < m->nlayer; n++, j = j ? j->next : NULL) {
		ModelLayer *l = &m->layer[n];
		l->finds = TAKE(const char *, l->heads);
		l->owner = TAKE(int, l->neurons);
		for (int i = 0; i < l->neurons; i++)
			l->owner[i] = -1;
		read_layer_names(l, j);
	}
}

/* ", a[1] in line 12" */
static const char *
owner_text(const Model *m, int named)
{
	if (named < 0 || named >= m->nnamed)
		return "";
	const NamedColumns *v = &m->named[named];
	return v->line > 0 ? text(" (for %s, line %d)", v->name, v->line)
	                   : text(" (for %s)", v->name);
}

/* For which named value a column is there at a state. */
static const char *
owner_of_column(const Model *m, int column, int state)
{
	const char *owner = "";

	for (int i = 0; i < m->nnamed; i++)
		for (int k = 0; k < m->named[i].ncolumn && !*owner; k++)
			if (m->named[i].state == state && m->named[i].column[k] == column)
				owner = owner_text(m, i);
	return owner;
}

/* A neuron that the file says nothing of is for what it writes to. */
const char *
neuron_site(const Model *m, int layer, int neuron)
{
	const ModelLayer *l = &m->layer[layer];
	const char *owner = owner_text(m, l->owner[neuron]);

	for (int c = 0; c < m->d && !*owner; c++)
		if (l->w2[(size_t)neuron * (size_t)m->d + (size_t)c] != 0)
			owner = owner_of_column(m, c, 2 * layer + 2);
	return text("neuron %d of layer %d%s", neuron, layer, owner);
}

const char *
head_site(const Model *m, int layer, int head)
{
	const char *finds = m->layer[layer].finds[head];

	return finds ? text("head %d of layer %d (finds %s)", head, layer, finds)
	             : text("head %d of layer %d", head, layer);
}

const char *
column_site(const Model *m, int column, int state)
{
	const char *owner = owner_of_column(m, column, state);

	return state == 0 ? text("column %d of the embedding%s", column, owner)
	                  : text("column %d after the %s of layer %d%s", column,
	                         state % 2 ? "attention" : "MLP", (state - 1) / 2, owner);
}
