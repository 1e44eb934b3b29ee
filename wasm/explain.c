/* What the transformer does to carry out an instruction.
 *
 *     step 3: add r4 r4 s64, at 21
 *     layer 0  fetch      the code at 21: add r4 r4 s64
 *              49 of 197 neurons: a_frame 3, now 12, other 8, ...
 *     layer 1  a_written  r4 of frame 2 = 0x7
 *              b_written  s64 = 0x1
 *
 * A head is told by what it looks for, and by the token that it finds; it finds none where its
 * condition holds nowhere, so that what stands behind `else` is read. A neuron belongs to the value
 * that it was made for first; the elements of an array are one unit. A head that has no name, for
 * it reads what is wanted only now and then, is told by its condition alone. Neurons are computed
 * here once more, relu(x w1 + b1) of the states that the session has kept. */

#include "wasm/explain.h"
#include "runtime/json.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_KINDS = 96, KIND_NAME = 32 };

typedef struct ExplainHead {
	int layer;
	const char *what;     /* it looks for: a name, or a condition */
	const TwNamed *finds; /* the position of that name; NULL of a condition */
} ExplainHead;

typedef struct ExplainKind {
	char name[KIND_NAME];
	long times;
	bool *found; /* (nhead) */
	long *awake; /* (nlayer) */
} ExplainKind;

struct WasmExplainer {
	Arena *arena;
	const TwModel *model;
	int nhead, most_heads;
	ExplainHead *head; /* (most_heads) */
	int nunit;
	const char **unit; /* (nunit) what neurons are for */
	int **unit_of;     /* (nlayer)(neurons) its number, nunit for none */
	int nkind;
	ExplainKind kind[MOST_KINDS];
	float *x;     /* (d_model) */
	bool **awake; /* (nlayer)(neurons) in the step at hand */
};

/* ---- what the file says */

static const TwNamed *
find_named(const TwModel *m, const char *name)
{
	for (int i = 0; i < m->nnamed; i++)
		if (!strcmp(m->named[i].name, name))
			return &m->named[i];
	return NULL;
}

/* "x.bit[3]" is of the unit x.bit. */
static int
unit_of_named(WasmExplainer *e, int named)
{
	if (named < 0 || named >= e->model->nnamed)
		return -1;
	const char *name = e->model->named[named].name;
	size_t n = strcspn(name, "[");

	for (int i = 0; i < e->nunit; i++)
		if (strlen(e->unit[i]) == n && !strncmp(e->unit[i], name, n))
			return i;
	char *unit = NEWS(e->arena, char, n + 1);

	memcpy(unit, name, n);
	e->unit[e->nunit] = unit;
	return e->nunit++;
}

static bool
read_heads(WasmExplainer *e, int layer, const cJSON *heads)
{
	const cJSON *head;

	cJSON_ArrayForEach(head, heads)
	{
		const char *what = cJSON_GetStringValue(cJSON_GetObjectItem(head, "at"));

		if (!what || e->nhead == e->most_heads)
			return false;
		e->head[e->nhead++] = (ExplainHead){ layer, arena_fmt(e->arena, "%s", what),
			                             find_named(e->model, what) };
	}
	return true;
}

static void
read_neurons(WasmExplainer *e, int layer, const cJSON *neurons)
{
	int n = e->model->layer[layer].neurons, i = 0;
	const cJSON *named;

	e->awake[layer] = NEWS(e->arena, bool, n + 1);
	e->unit_of[layer] = NEWS(e->arena, int, n + 1);
	for (int j = 0; j < n; j++)
		e->unit_of[layer][j] = -1;
	cJSON_ArrayForEach(named, neurons)
	{
		if (i < n && cJSON_IsNumber(named))
			e->unit_of[layer][i++] = unit_of_named(e, named->valueint);
	}
}

static bool
read_purposes(WasmExplainer *e)
{
	const TwModel *m = e->model;
	bool no_memory;
	cJSON *json = m->circuit ? tw_json_parse(m->circuit, strlen(m->circuit), &no_memory) : NULL;
	const cJSON *layers = cJSON_GetObjectItem(json, "layers");
	bool read = cJSON_GetArraySize(layers) == m->nlayer;

	for (int i = 0; read && i < m->nlayer; i++) {
		const cJSON *layer = cJSON_GetArrayItem(layers, i);

		read = read_heads(e, i, cJSON_GetObjectItem(layer, "heads"));
		read_neurons(e, i, cJSON_GetObjectItem(layer, "neurons"));
	}
	cJSON_Delete(json);
	return read;
}

WasmExplainer *
wasm_explainer(Arena *arena, const TwModel *m, char *error)
{
	WasmExplainer *e = NEW(arena, WasmExplainer);

	e->arena = arena;
	e->model = m;
	e->unit = NEWS(arena, const char *, m->nnamed + 1);
	e->unit_of = NEWS(arena, int *, m->nlayer + 1);
	e->awake = NEWS(arena, bool *, m->nlayer + 1);
	e->x = NEWS(arena, float, m->d_model + 1);
	for (int i = 0; i < m->nlayer; i++)
		e->most_heads += m->layer[i].heads;
	e->head = NEWS(arena, ExplainHead, e->most_heads + 1);
	if (read_purposes(e))
		return e;
	snprintf(error, WASM_ERROR_SIZE,
	         "the model's file does not say what its heads and neurons are for");
	return NULL;
}

/* ---- one step */

/* The token from which the model has made its last state. */
static int
acting_token(const WasmMachine *m)
{
	return tw_count(m->session) - 2;
}

/* What a layer's neurons read. */
static void
read_stream(WasmExplainer *e, const WasmMachine *m, int layer)
{
	float one = 1;

	for (int c = 0; c < e->model->d_model; c++) {
		TwNamed column = {
			.state = 2 * layer + 1, .ncolumn = 1, .column = &c, .weight = &one
		};
		e->x[c] = tw_value(m->session, &column, acting_token(m));
	}
}

/* How many neurons of a layer are not 0. */
static int
find_awake(WasmExplainer *e, const WasmMachine *m, int layer)
{
	const TwLayer *l = &e->model->layer[layer];
	float *y = malloc(((size_t)l->neurons + 1) * sizeof *y);
	int n = 0;

	if (!y)
		return 0;
	if (l->neurons)
		memcpy(y, l->b1, (size_t)l->neurons * sizeof *y);
	read_stream(e, m, layer);
	for (int c = 0; c < e->model->d_model; c++)
		for (int i = 0; e->x[c] != 0 && i < l->neurons; i++)
			y[i] += e->x[c] * l->w1[c * l->neurons + i];
	for (int i = 0; i < l->neurons; i++)
		n += e->awake[layer][i] = y[i] > 0;
	free(y);
	return n;
}

static int
found_by(const WasmMachine *m, const ExplainHead *head)
{
	float at = head->finds ? tw_value(m->session, head->finds, acting_token(m)) : -1;

	return at >= 0 ? (int)at : -1;
}

static void
print_found(const WasmMachine *m, const ExplainHead *head, FILE *to)
{
	int at = found_by(m, head);
	char what[120];

	snprintf(what, sizeof what, head->finds ? "nothing" : "");
	if (at >= 0)
		wasm_describe_token(m, at, what, sizeof what);
	fprintf(to, *what ? "%-10s %s\n" : "%s\n", head->what, what);
}

/* How many of a layer's neurons, and of which units. */
static void
print_awake(WasmExplainer *e, int layer, int n, FILE *to)
{
	int neurons = e->model->layer[layer].neurons,
	    *of = calloc((size_t)e->nunit + 1, sizeof *of);
	int shown = 0;

	for (int i = 0; of && i < neurons; i++)
		if (e->awake[layer][i] && e->unit_of[layer][i] >= 0)
			of[e->unit_of[layer][i]]++;
	fprintf(to, "%d of %d neurons", n, neurons);
	for (int i = 0; of && i < e->nunit; i++)
		if (of[i])
			fprintf(to, "%s %s %d", shown++ ? "," : ":", e->unit[i], of[i]);
	fputc('\n', to);
	free(of);
}

void
wasm_explain_step(WasmExplainer *e, const WasmMachine *m, FILE *to)
{
	char what[120];

	wasm_spell_instr(&m->p->code[m->at], what, sizeof what);
	fprintf(to, "step %ld: %s, at %d\n", m->steps, what, m->at);
	for (int layer = 0, h = 0; layer < e->model->nlayer; layer++) {
		int n = find_awake(e, m, layer);

		fprintf(to, "layer %-3d ", layer);
		for (; h < e->nhead && e->head[h].layer == layer; h++) {
			print_found(m, &e->head[h], to);
			fprintf(to, "%*s", 10, "");
		}
		print_awake(e, layer, n, to);
	}
	wasm_describe_token(m, acting_token(m) + 1, what, sizeof what);
	fprintf(to, "next      %s\n", what);
}

/* ---- by kind of instruction */

/* "add", "if eq", "load8_u": an instruction without its operands. */
static ExplainKind *
kind_of_step(WasmExplainer *e, const WasmMachine *m)
{
	char name[120];

	wasm_spell_instr(&m->p->code[m->at], name, sizeof name);
	size_t n = strcspn(name, " ");

	if (!strncmp(name, "if ", 3))
		n = 3 + strcspn(name + 3, " ");
	name[n < KIND_NAME ? n : KIND_NAME - 1] = '\0';
	for (int i = 0; i < e->nkind; i++)
		if (!strcmp(e->kind[i].name, name))
			return &e->kind[i];
	if (e->nkind == MOST_KINDS)
		return NULL;
	ExplainKind *k = &e->kind[e->nkind++];

	strcpy(k->name, name);
	k->awake = NEWS(e->arena, long, e->model->nlayer + 1);
	k->found = NEWS(e->arena, bool, e->nhead + 1);
	return k;
}

void
wasm_count_step(WasmExplainer *e, const WasmMachine *m)
{
	ExplainKind *k = kind_of_step(e, m);

	if (!k)
		return;
	for (int h = 0; !k->times && h < e->nhead; h++)
		k->found[h] = found_by(m, &e->head[h]) >= 0;
	for (int layer = 0; layer < e->model->nlayer; layer++)
		k->awake[layer] += find_awake(e, m, layer);
	k->times++;
}

static void
print_kind(const WasmExplainer *e, const ExplainKind *k, FILE *to)
{
	long all = 0;
	int width = 0;

	fprintf(to, "%-11s %7ld ", k->name, k->times);
	for (int i = 0; i < e->model->nlayer; i++) {
		fprintf(to, " %4ld", (k->awake[i] + k->times / 2) / k->times);
		all += k->awake[i];
	}
	fprintf(to, " %6ld  ", (all + k->times / 2) / k->times);
	for (int h = 0; h < e->nhead; h++)
		if (k->found[h])
			fprintf(to, "%s%s", width++ ? " " : "", e->head[h].what);
	fputc('\n', to);
}

static int
compare_kinds(const void *a, const void *b)
{
	const ExplainKind *x = a, *y = b;

	return x->times != y->times ? (x->times < y->times) - (x->times > y->times)
	                            : strcmp(x->name, y->name);
}

void
wasm_explain_kinds(const WasmExplainer *e, FILE *to)
{
	ExplainKind *sorted = malloc(sizeof e->kind);
	int all = 0;

	if (!sorted)
		return;
	memcpy(sorted, e->kind, sizeof e->kind);
	qsort(sorted, (size_t)e->nkind, sizeof *sorted, compare_kinds);
	fprintf(to,
	        "%-11s %7s  neurons awake, layer by layer%*sin all  heads that find something\n",
	        "instruction", "times", 5 * e->model->nlayer - 28, "");
	for (int i = 0; i < e->nkind; i++)
		print_kind(e, &sorted[i], to);
	fprintf(to, "%-11s %7s ", "", "of");
	for (int i = 0; i < e->model->nlayer; all += e->model->layer[i++].neurons)
		fprintf(to, " %4d", e->model->layer[i].neurons);
	fprintf(to, " %6d\n", all);
	free(sorted);
}
