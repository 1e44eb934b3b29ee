/* twc grad: what a prompt's next token depends on, by the gradient of its score: of named values,
 * heads, groups of neurons and tensors at each position, and of parameters.
 *
 *     $ twc grad adder.tw "12+34="
 *     score of '4' at position 5: 16
 *
 *     gradient times value    1    2    +    3    4    =
 *       token                 0    …
 *       a1.h0                 …                       a, at plus
 *
 * An exact program is differentiated as the weights that it is compiled to
 * (backend/model_tensors.c). Of an array what is told is the sum of gradient times value, which
 * says how much of the score it carries at first order; of a number the gradient too. */

#include "cmd/json.h"
#include "cmd/parts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "backend/model_tensors.h"

typedef struct Gradients {
	Training *t;
	int last;            /* the position whose next token it is */
	int next;            /* that token's row */
	TensorNode *of;      /* a number */
	const char *of_text; /* what that is */
	int npart;
	Part *part;
	TensorNode **by, **to; /* (npart + nparam) tensors and their gradients, NULL: 0 */
	TensorProgram *program;
} Gradients;

/* ---- running ---- */

static void
fill_prompt(const Gradients *d, TensorProgram *p)
{
	const Training *t = d->t;
	const Learned *l = t->learned;

	for (int i = 0; i < l->nparam; i++) {
		float *to = tensor_program_buffer(p, l->param[i].tensor);
		if (to)
			learned_initial(&l->param[i], (uint64_t)t->recipe.seed, to);
	}
	if (t->eval)
		eval_text(t->eval, t->row, t->nrow);
	for (int i = 0; i < l->ninput; i++) {
		const LearnedInput *in = &l->input[i];
		float *to = tensor_program_buffer(p, in->tensor);
		if (!to)
			continue;
		if (in->source == LEARNED_EXACT)
			fill_evaluated(t->eval, l, in, t->nrow, to);
		for (int at = 0; in->source == LEARNED_TOKEN && at < t->nrow; at++)
			to[at] = (float)t->row[at];
		if (in->source == LEARNED_TARGET)
			to[d->last] = (float)d->next;
		if (in->source == LEARNED_WEIGHT)
			to[d->last] = 1;
	}
}

/* The row with the greatest score. */
static int
likely_row(Gradients *d)
{
	Learned *l = d->t->learned;
	TensorGraph *g = l->graph;
	int most = 0, n = l->scores->dim[1];

	tensor_output(g, l->scores);
	TensorProgram *p = tensor_program_new(g, vector_level());
	fill_prompt(d, p);
	tensor_program_run(p);
	const float *score = tensor_program_buffer(p, l->scores) + d->last * n;
	for (int i = 1; i < n; i++)
		if (score[i] > score[most])
			most = i;
	return most;
}

/* ---- of what ---- */

static const char *
spell_row(const Training *t, int row)
{
	size_t n;
	const char *bytes = vocabulary_bytes(&t->vocab, row, &n);

	return arena_strn(t->arena, bytes, n);
}

static const char *
spell_next(const Training *t, int row)
{
	return row < t->vocab.n ? arena_fmt(t->arena, "'%s'", spell_row(t, row)) : "<end>";
}

static void
of_score(Gradients *d, int row)
{
	TensorGraph *g = d->t->learned->graph;
	Scalar *at[] = { scalar_const(g, d->last), scalar_const(g, row) };

	d->of = tensor_define(g, "of", scalar_load(g, d->t->learned->scores, at), 0, NULL);
	d->of_text = arena_fmt(d->t->arena, "score of %s", spell_next(d->t, row));
}

/* What a part is at the last position; of an array the sum. */
static void
of_part(Gradients *d, const Part *p)
{
	TensorGraph *g = d->t->learned->graph;
	Scalar *at[RANK_MAX], *x;

	at[0] = scalar_const(g, d->last);
	for (int i = 1; i < p->tensor->rank; i++)
		at[i] = scalar_fresh(g, p->tensor->dim[i]);
	x = scalar_load(g, p->tensor, at);
	if (p->along || p->mask) {
		Scalar *rest[RANK_MAX];
		TensorNode *table = tensor_table(g, "of.table", p->tensor->rank - 1,
		                                 p->tensor->dim + 1, p->along ? p->along : p->mask);
		memcpy(rest, at + 1, sizeof rest - sizeof *rest);
		x = scalar_binary(g, X_MUL, scalar_load(g, table, rest), x);
	}
	for (int i = p->tensor->rank - 1; i > 0; i--)
		x = scalar_reduce(g, X_SUM, x, at[i]);
	d->of = tensor_define(g, "of", scalar_binary(g, X_ADD, x, scalar_const(g, p->bias)), 0,
	                      NULL);
	d->of_text = p->name;
}

static bool
choose_of(Gradients *d)
{
	Training *t = d->t;
	const char *of = t->o->of;
	const Part **p = NEWS(t->arena, const Part *, d->npart + 1);
	int row = -1;

	d->next = t->learned->scores ? likely_row(d) : 0;
	if (of && !strcmp(of, "loss") && t->learned->loss) {
		d->of = t->learned->loss;
		d->of_text = arena_fmt(t->arena, "surprise of %s", spell_next(t, d->next));
		return true;
	}
	for (int i = 0; of && i < t->vocab.n; i++)
		if (!strcmp(of, spell_row(t, i)))
			row = i;
	if (of && !strcmp(of, "<end>"))
		row = t->vocab.n;
	bool score = t->learned->scores && row < t->learned->scores->dim[1];
	if (score && (row >= 0 || !of))
		of_score(d, row >= 0 ? row : d->next);
	else if (of && parts_named(d->part, d->npart, of, p))
		of_part(d, p[0]);
	else if (!of)
		fputs("twc: it says of no token that it is likely: --of NAME\n", stderr);
	return d->of;
}

/* ---- by what ---- */

/* The gradients as tensors, the values beside them. */
static void
differentiate(Gradients *d)
{
	const Learned *l = d->t->learned;
	Arena *a = d->t->arena;
	int n = d->npart + l->nparam;

	d->by = NEWS(a, TensorNode *, n + 1);
	d->to = NEWS(a, TensorNode *, n + 1);
	TensorNode **once = NEWS(a, TensorNode *, n + 1), **of_once = NEWS(a, TensorNode *, n + 1);
	int m = 0;
	for (int i = 0; i < n; i++) {
		d->by[i] = i < d->npart ? d->part[i].tensor : l->param[i - d->npart].tensor;
		int k = 0;
		while (k < m && once[k] != d->by[i])
			k++;
		once[k] = d->by[i];
		m += k == m;
	}
	tensor_gradient(l->graph, d->of, m, once, of_once);
	for (int i = 0; i < n; i++)
		for (int k = 0; k < m; k++)
			if (once[k] == d->by[i])
				d->to[i] = of_once[k];
	tensor_output(l->graph, d->of);
	for (int i = 0; i < n; i++) {
		tensor_output(l->graph, d->by[i]);
		if (d->to[i])
			tensor_output(l->graph, d->to[i]);
	}
	d->program = tensor_program_new(l->graph, vector_level());
	fill_prompt(d, d->program);
	tensor_program_run(d->program);
}

/* The embedding of each token, as a part. */
static void
add_token_part(Gradients *d)
{
	TensorNode *state = d->t->free ? model_state(d->t->learned, 0) : NULL;

	if (!state)
		return;
	Part *all = NEWS(d->t->arena, Part, d->npart + 1);
	all[0] = (Part){ .name = "token",
		         .owner = "",
		         .at = "",
		         .what = "what is embedded",
		         .tensor = state,
		         .n = state->dim[1] };
	memcpy(all + 1, d->part, sizeof *all * (size_t)d->npart);
	d->part = all;
	d->npart++;
}

static bool
is_number(const Part *p)
{
	return p->along || p->n == 1;
}

/* Of part k at a position: the gradient, of a number; that times the value. */
static void
part_at(const Gradients *d, int k, int at, double *gradient, double *times)
{
	const Part *p = &d->part[k];
	const float *x = tensor_program_buffer(d->program, d->by[k]) + at * p->n,
		    *g = d->to[k] ? tensor_program_buffer(d->program, d->to[k]) + at * p->n : NULL;
	double square = 0, value = p->bias;

	*gradient = *times = 0;
	for (int i = 0; g && i < p->n; i++) {
		double w = p->along ? p->along[i] : p->mask ? p->mask[i] : 1;
		square += w * w;
		*gradient += (double)g[i] * w;
		*times += (double)g[i] * w * (double)x[i];
		value += w * (double)x[i];
	}
	if (p->along && g) {
		*gradient /= square;
		*times = *gradient * value;
	}
}

static double
parameter_norm(const Gradients *d, int i)
{
	TensorNode *to = d->to[d->npart + i];
	const float *g = to ? tensor_program_buffer(d->program, to) : NULL;
	double sum = 0;

	for (int64_t k = 0; g && k < tensor_size(to); k++)
		sum += (double)g[k] * (double)g[k];
	return sqrt(sum);
}

/* ---- telling ---- */

/* Parts and parameters get columns of one width. */
static int
widest_name(const Gradients *d)
{
	const Learned *l = d->t->learned;
	size_t most = 20;

	for (int k = 0; k < d->npart; k++)
		most = strlen(d->part[k].name) > most ? strlen(d->part[k].name) : most;
	for (int i = 0; i < l->nparam; i++)
		most = strlen(l->param[i].tensor->name) > most ? strlen(l->param[i].tensor->name)
		                                               : most;
	return (int)most;
}

static void
print_heading(const Gradients *d, const char *what, int wide)
{
	printf("\n%-*s", wide + 2, what);
	for (int at = 0; at < d->t->nrow; at++) {
		const char *word = spell_row(d->t, d->t->row[at]);
		printf(" %10s", *word == '\n' ? "\\n" : word);
	}
	putchar('\n');
}

static void
print_rows(const Gradients *d, bool times, int wide)
{
	bool any = false;

	for (int k = 0; k < d->npart; k++) {
		if (!times && !is_number(&d->part[k]))
			continue;
		if (!any)
			print_heading(d, times ? "gradient times value" : "gradient", wide);
		any = true;
		printf("  %-*s", wide, d->part[k].name);
		for (int at = 0; at < d->t->nrow; at++) {
			double x[2];
			part_at(d, k, at, &x[0], &x[1]);
			printf(" %10.4g", x[times] + 0.0);
		}
		printf("   %s\n", d->part[k].what);
	}
}

static void
print_gradients(const Gradients *d)
{
	const Learned *l = d->t->learned;
	int wide = widest_name(d);

	printf("%s at position %d: %g\n", d->of_text, d->last,
	       (double)*tensor_program_buffer(d->program, d->of));
	print_rows(d, false, wide);
	print_rows(d, true, wide);
	puts("\nnorm of the gradient of parameters");
	for (int i = 0; i < l->nparam; i++)
		printf("  %-*s %-12s %.4g\n", wide, l->param[i].tensor->name,
		       shape_text(d->t->arena, l->param[i].tensor->rank, l->param[i].tensor->dim),
		       parameter_norm(d, i));
}

static void
print_gradients_json(const Gradients *d)
{
	cJSON *all = cJSON_CreateObject(), *parts, *params;

	cJSON_AddStringToObject(all, "of", d->of_text);
	cJSON_AddNumberToObject(all, "position", d->last);
	cJSON_AddNumberToObject(all, "value", (double)*tensor_program_buffer(d->program, d->of));
	parts = cJSON_AddArrayToObject(all, "parts");
	for (int k = 0; k < d->npart; k++) {
		cJSON *o = cJSON_CreateObject();
		cJSON_AddStringToObject(o, "part", d->part[k].name);
		cJSON_AddStringToObject(o, "what", d->part[k].what);
		cJSON *gradient = is_number(&d->part[k]) ? cJSON_AddArrayToObject(o, "gradient")
		                                         : NULL;
		cJSON *times = cJSON_AddArrayToObject(o, "times_value");
		for (int at = 0; at < d->t->nrow; at++) {
			double x[2];
			part_at(d, k, at, &x[0], &x[1]);
			if (gradient)
				cJSON_AddItemToArray(gradient, cJSON_CreateNumber(x[0]));
			cJSON_AddItemToArray(times, cJSON_CreateNumber(x[1]));
		}
		cJSON_AddItemToArray(parts, o);
	}
	params = cJSON_AddArrayToObject(all, "parameters");
	for (int i = 0; i < d->t->learned->nparam; i++) {
		cJSON *o = cJSON_CreateObject();
		cJSON_AddStringToObject(o, "name", d->t->learned->param[i].tensor->name);
		cJSON_AddNumberToObject(o, "norm", parameter_norm(d, i));
		cJSON_AddItemToArray(params, o);
	}
	print_json(all);
}

static bool
find_gradients(Gradients *d)
{
	Training *t = d->t;

	if (!training_open_program(t) || !training_weights(t))
		return false;
	d->last = t->nrow - 1;
	d->part = list_parts(t, &d->npart);
	if (!choose_of(d))
		return false;
	add_token_part(d);
	differentiate(d);
	return true;
}

int
cmd_grad(const Options *o)
{
	Arena arena = { 0 };
	Training t = { .arena = &arena, .o = o, .either = true, .prompt = o->args[1] };
	Gradients d = { .t = &t };
	bool ok = find_gradients(&d);

	if (ok && o->json)
		print_gradients_json(&d);
	else if (ok)
		print_gradients(&d);
	training_close(&t);
	return ok ? 0 : 2;
}
