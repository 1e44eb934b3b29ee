/* twc report of a program with parameters: what it holds and what a token costs, part by part.
 *
 *     letters: 108,062 parameters, 432,248 bytes; context 64
 *       part            parameters      bytes  operations a token  values a token
 *       start.embed          1,920      7,680                  64              64
 *
 * A part is what its tensors' names begin with. An operation is one of tensor/ops.h on floats; what
 * does not depend on an axis is computed once for all of it, as the kernels do. */

#include "cmd/json.h"

#include <string.h>

#include "tensor/learned.h"

typedef struct LearnedPart {
	const char *name;
	int64_t parameters;
	double operations, values; /* of a whole text */
} LearnedPart;

typedef struct LearnedReport {
	Arena *arena;
	const Learned *l;
	int n, cap;
	LearnedPart *part; /* (n) */
	LearnedPart all;
	double with_gradient; /* operations of the loss and all gradients */
} LearnedReport;

/* ---- what an expression costs ---- */

static double
places_of(const Scalar *e)
{
	double n = 1;

	for (int i = 0; i < e->nfree; i++)
		n *= e->free[i]->extent;
	return n;
}

/* Each different one once, for every place of the ranges that it depends on. Indices cost nothing.
 */
static double
operations_of(Arena *a, const Scalar *e, Map *seen)
{
	double n = 0;

	if (map_get(seen, e))
		return 0;
	map_put(a, seen, e, (void *)(uintptr_t)e);
	if (e->op == X_CONST || e->op == X_RANGE || e->op == X_LOAD || e->integer)
		return 0;
	n = places_of(e->op == X_SUM || e->op == X_RMAX ? e->arg[0] : e);
	for (int i = 0; i < e->narg; i++)
		n += operations_of(a, e->arg[i], seen);
	return n;
}

/* Of all that `of` needs. */
static double
operations_before(Arena *a, const TensorGraph *g, int n, TensorNode *const *of)
{
	bool *live = NEWS(a, bool, g->ntensor + 1);
	double sum = 0;

	for (int i = 0; i < n; i++)
		if (of[i])
			live[of[i]->id] = true;
	tensor_mark_live(g, live);
	for (int i = 0; i < g->ntensor; i++)
		if (live[i] && g->tensor[i]->body)
			sum += operations_of(a, g->tensor[i]->body, &(Map){ 0 });
	return sum;
}

/* ---- parts ---- */

/* "end.0" of "end.0.layer.block.z.dense.w", "dense" of "dense.w". */
static const char *
part_of_name(Arena *a, const char *name)
{
	const char *first = strchr(name, '.'), *second = first ? strchr(first + 1, '.') : NULL,
		   *end = second ? second : first;

	return end ? arena_strn(a, name, (size_t)(end - name)) : name;
}

static LearnedPart *
part_named(LearnedReport *r, const char *tensor)
{
	const char *name = part_of_name(r->arena, tensor);

	for (int i = 0; i < r->n; i++)
		if (!strcmp(r->part[i].name, name))
			return &r->part[i];
	GROW(r->arena, r->part, r->cap, r->n + 1);
	r->part[r->n] = (LearnedPart){ .name = name };
	return &r->part[r->n++];
}

static void
count_tensor(LearnedReport *r, const TensorNode *t)
{
	LearnedPart *p = part_named(r, t->name);
	double cost = t->body ? operations_of(r->arena, t->body, &(Map){ 0 }) : 0;

	if (t->kind == TENSOR_PARAM) {
		p->parameters += tensor_size(t);
		r->all.parameters += tensor_size(t);
	} else if (t->body) {
		p->operations += cost;
		r->all.operations += cost;
		p->values += (double)tensor_size(t);
		r->all.values += (double)tensor_size(t);
	}
}

static void
count_gradient(LearnedReport *r)
{
	const Learned *l = r->l;
	TensorNode **of = NEWS(r->arena, TensorNode *, l->nparam + 1),
		   **param = NEWS(r->arena, TensorNode *, l->nparam + 1);

	for (int i = 0; i < l->nparam; i++)
		param[i] = l->param[i].tensor;
	tensor_gradient(l->graph, l->loss, l->nparam, param, of);
	of[l->nparam] = l->loss;
	r->with_gradient = operations_before(r->arena, l->graph, l->nparam + 1, of);
}

/* What the scores are made of, or the loss; then its gradients, which come behind it. */
static LearnedReport
count_learned(Arena *a, const Learned *l)
{
	LearnedReport r = { .arena = a, .l = l };
	TensorGraph *g = l->graph;
	bool *live = NEWS(a, bool, g->ntensor + 1);

	if (l->scores)
		live[l->scores->id] = true;
	else if (l->loss)
		live[l->loss->id] = true;
	for (int i = 0; i < l->nvalue; i++)
		if (l->value[i].tensor)
			live[l->value[i].tensor->id] = true;
	for (int i = 0; i < l->nparam; i++)
		live[l->param[i].tensor->id] = true;
	tensor_mark_live(g, live);
	for (int i = 0; i < g->ntensor; i++)
		if (live[i])
			count_tensor(&r, g->tensor[i]);
	if (l->loss)
		count_gradient(&r);
	return r;
}

/* ---- telling ---- */

static void
print_part(const LearnedReport *r, const LearnedPart *p, int wide)
{
	printf("  %-*s %12lld %12lld %16.0f %16.0f\n", wide, p->name, (long long)p->parameters,
	       (long long)p->parameters * 4, p->operations / r->l->context,
	       p->values / r->l->context);
}

static cJSON *
json_learned_part(const LearnedReport *r, const LearnedPart *p)
{
	cJSON *o = cJSON_CreateObject();

	if (p->name)
		cJSON_AddStringToObject(o, "part", p->name);
	cJSON_AddNumberToObject(o, "parameters", (double)p->parameters);
	cJSON_AddNumberToObject(o, "bytes", (double)p->parameters * 4);
	cJSON_AddNumberToObject(o, "operations_a_token", p->operations / r->l->context);
	cJSON_AddNumberToObject(o, "values_a_token", p->values / r->l->context);
	return o;
}

static bool
is_empty(const LearnedPart *p)
{
	return !p->parameters && p->operations <= 0;
}

void
report_learned(Program *p, bool json)
{
	const Learned *l = p->graph->learned;
	LearnedReport r = count_learned(&p->arena, l);
	size_t wide = 16;

	if (json) {
		cJSON *o = json_learned_part(&r, &r.all), *parts;
		cJSON_AddNumberToObject(o, "context", l->context);
		cJSON_AddNumberToObject(o, "operations_of_training_a_token",
		                        r.with_gradient / l->context);
		parts = cJSON_AddArrayToObject(o, "parts");
		for (int i = 0; i < r.n; i++)
			if (!is_empty(&r.part[i]))
				cJSON_AddItemToArray(parts, json_learned_part(&r, &r.part[i]));
		print_json(o);
		return;
	}
	for (int i = 0; i < r.n; i++)
		wide = strlen(r.part[i].name) > wide ? strlen(r.part[i].name) : wide;
	printf("%s: %lld parameters in %d arrays, %lld bytes; context %d\n", p->graph->name,
	       (long long)r.all.parameters, l->nparam, (long long)r.all.parameters * 4, l->context);
	printf("  %-*s %12s %12s %16s %16s\n", (int)wide, "part", "parameters", "bytes",
	       "operations/token", "values/token");
	for (int i = 0; i < r.n; i++)
		if (!is_empty(&r.part[i]))
			print_part(&r, &r.part[i], (int)wide);
	r.all.name = "all";
	print_part(&r, &r.all, (int)wide);
	if (l->loss)
		printf("  with the loss and its gradients %.0f operations/token\n",
		       r.with_gradient / l->context);
}
