/* What of a program with parameters is proved, what is learned, and what is chosen by that.
 *
 *     adder_learned: 1,869 parameters in 4 arrays are learned
 *       proved, and read by what is learned
 *         digits          [12][7]  int 0..9
 *       learned
 *         hidden.w        [128][7]
 *       chosen by that, not proved
 *         emit            one of 13 tokens
 *       proved as ever
 *         output carry    bool */

#include "cmd/json.h"

#include <stdio.h>
#include <string.h>

#include "lang/text.h"
#include "tensor/learned.h"
#include "tensor/train/weights_file.h"

/* ---- does what is learned lead to it? ---- */

static bool
is_learned_choice(Program *p, const Node *n)
{
	return has_op_before(n, OP_LEARNED, &(Map){ 0 }, &p->arena);
}

static bool
emits_chosen(Program *p)
{
	const Graph *g = &p->meant;

	for (int i = 0; g->emit && i < g->nfield; i++)
		if (is_learned_choice(p, g->emit[i]))
			return true;
	return false;
}

/* ---- as lines and as JSON ---- */

typedef struct Account {
	Program *p;
	cJSON *json; /* or NULL: it is printed */
	cJSON *list; /* of the part at hand */
	const char *title;
	bool any; /* of the part at hand */
} Account;

static void
begin_part(Account *a, const char *title, const char *key)
{
	a->title = title;
	a->any = false;
	if (a->json)
		a->list = cJSON_AddArrayToObject(a->json, key);
}

static void
account(Account *a, const char *name, const char *shape, const char *what)
{
	if (a->json) {
		cJSON *o = cJSON_CreateObject();
		cJSON_AddStringToObject(o, "name", name);
		if (*shape)
			cJSON_AddStringToObject(o, "shape", shape);
		cJSON_AddStringToObject(o, "what", what);
		cJSON_AddItemToArray(a->list, o);
		return;
	}
	if (!a->any)
		printf("  %s\n", a->title);
	a->any = true;
	printf("    %-36s %-12s %s\n", name, shape, what);
}

static const char *
fed_values(Arena *arena, const TensorNode *t)
{
	if (!t->integer)
		return "numbers";
	if (t->values.lo == 0 && t->values.hi == 1)
		return "int 0..1";
	return arena_fmt(arena, "int %.0f..%.0f", t->values.lo, t->values.hi);
}

static void
account_inputs(Account *a, LearnedSource source)
{
	const Learned *l = a->p->graph->learned;
	Arena *arena = &a->p->arena;

	for (int i = 0; i < l->ninput; i++) {
		const TensorNode *t = l->input[i].tensor;
		if (l->input[i].source == source)
			account(a, t->name, shape_text(arena, t->rank, t->dim),
			        fed_values(arena, t));
	}
}

static const char *
kind_text(const Named *of)
{
	static const char *const text[] = { [K_INT] = "int",
		                            [K_BOOL] = "bool",
		                            [K_TOKEN] = "token",
		                            [K_POS] = "pos",
		                            [K_REAL] = "number" };

	return of->nmember ? "member of an enum" : text[of->kind];
}

static void
account_outputs(Account *a, bool chosen)
{
	const Graph *g = &a->p->meant;
	const Learned *l = g->learned;

	if (g->emit && emits_chosen(a->p) == chosen)
		account(a, "emit", "",
		        chosen && l->scores ? arena_fmt(&a->p->arena, "by the scores of %d tokens",
		                                        l->scores->dim[1])
		                            : "the next token");
	for (int i = 0; i < g->noutput; i++)
		if (is_learned_choice(a->p, g->output[i].node) == chosen)
			account(a, arena_fmt(&a->p->arena, "output %s", g->output[i].name), "",
			        kind_text(&g->output[i]));
}

static int64_t
count_parameters(const Learned *l)
{
	int64_t n = 0;

	for (int i = 0; i < l->nparam; i++)
		n += tensor_size(l->param[i].tensor);
	return n;
}

static void
account_all(Account *a)
{
	const Learned *l = a->p->graph->learned;
	Arena *arena = &a->p->arena;

	begin_part(a, "fed, and read by what is learned", "fed");
	account_inputs(a, LEARNED_TOKEN);
	account_inputs(a, LEARNED_NUMBERS);
	begin_part(a, "proved, and read by what is learned", "proved_inputs");
	account_inputs(a, LEARNED_EXACT);
	begin_part(a, "learned", "learned");
	for (int i = 0; i < l->nparam; i++) {
		const TensorNode *t = l->param[i].tensor;
		account(a, t->name, shape_text(arena, t->rank, t->dim),
		        l->param[i].value ? "at first as written"
		        : t->spread       ? arena_fmt(arena, "at first normal(%g)", t->spread)
		                          : arena_fmt(arena, "at first %g", t->init));
	}
	begin_part(a, "chosen by that, not proved", "chosen");
	account_outputs(a, true);
	begin_part(a, "proved as ever", "proved");
	account_outputs(a, false);
}

void
explain_learned(Program *p, bool json)
{
	const Learned *l = p->graph->learned;
	int64_t n = count_parameters(l);
	Account a = { .p = p, .json = json ? cJSON_CreateObject() : NULL };

	if (json) {
		cJSON_AddNumberToObject(a.json, "parameters", (double)n);
		account_all(&a);
		print_json(a.json);
		return;
	}
	printf("%s: %lld parameters in %d arrays are learned%s\n", p->graph->name, (long long)n,
	       l->nparam,
	       !l->loss    ? ""
	       : l->scores ? ", so that the next token is no surprise"
	                   : ", so that the loss is small");
	account_all(&a);
}
