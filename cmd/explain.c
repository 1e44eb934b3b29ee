/* twc explain: what became of one named value, or of the whole program, layer by
 * layer. */

#include "cmd/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- one value ---- */

static void
print_source_line(const Source *src, uint32_t at)
{
	uint32_t lo = at, hi = at;

	while (lo > 0 && src->text[lo - 1] != '\n')
		lo--;
	while (hi < src->len && src->text[hi] != '\n')
		hi++;
	printf("  %.*s\n", (int)(hi - lo), src->text + lo);
}

static void
print_value_type(const Graph *g, const Named *v)
{
	const Type *t = &v->node->type;

	if (v->kind == K_POS) {
		puts("a position, or none");
		return;
	}
	if (v->kind == K_REAL) {
		printf("real %.9g..%.9g", t->min, t->max);
		if (real_grid(t))
			printf(", 0 or at least 1/%lld apart from it", (long long)real_grid(t));
		putchar('\n');
		return;
	}
	if (v->kind != K_INT && t->lo == t->hi) {
		printf("always %s\n", v->kind == K_BOOL   ? t->lo ? "true" : "false"
		                      : t->lo < g->nvocab ? g->vocab[t->lo]
		                                          : "<end>");
		return;
	}
	printf("%s", v->kind == K_BOOL ? "bool" : v->kind == K_TOKEN ? "token" : "int");
	if (v->kind == K_INT)
		printf(t->lo == t->hi ? " %lld" : " %lld..%lld", (long long)t->lo,
		       (long long)t->hi);
	if (v->kind == K_TOKEN && t->nset && t->nset < g->nvocab)
		printf(" of %d kinds", t->nset);
	if (v->kind == K_INT && t->nset && t->nset <= t->hi - t->lo)
		printf(", %d values", t->nset);
	if (t->root && t->root->op == OP_TOKEN)
		printf(", a function of the token");
	if (t->root && t->root->op == OP_INDEX)
		printf(", a function of the position");
	putchar('\n');
}

static void
print_stream_state(int state)
{
	if (state == 0)
		printf("in the embedding");
	else
		printf("after the %s of layer %d", state % 2 ? "attention" : "MLP",
		       (state - 1) / 2);
}

static void
print_encoding(const TwNamed *t)
{
	printf("  encoding   ");
	if (t->folded) {
		puts("in no columns: never whole in the stream, its parts are in the weights of "
		     "who reads it");
		return;
	}
	for (int i = 0; i < t->ncolumn; i++) {
		double w = t->weight[i];
		printf("%s", i ? w < 0 ? " - " : " + " : w < 0 ? "-" : "");
		if (w != 1 && w != -1)
			printf("%.0f ", w < 0 ? -w : w);
		printf("x[%d]", t->column[i]);
	}
	if (t->bias != 0 || !t->ncolumn)
		printf(t->ncolumn ? t->bias < 0 ? " - %.0f" : " + %.0f" : "%.0f",
		       t->ncolumn && t->bias < 0 ? -t->bias : t->bias);
	if (t->ncolumn) {
		printf(", ");
		print_stream_state(t->state);
	}
	putchar('\n');
}

static void
print_reference(const Explained *e)
{
	printf("  encoding   ");
	if (!e->nhead)
		puts("no head looks for it: what is read there is found another way");
	for (int i = 0; i < e->nhead; i++)
		printf("%s%d",
		       i              ? ", "
		       : e->nhead > 1 ? "heads of layers "
		                      : "a head of layer ",
		       e->head_layer[i]);
	if (e->nhead)
		putchar('\n');
}

static void
print_rules(const Graph *g, int named, const Explained *e)
{
	int count[64];
	const char *head = "rules";

	rules_of(g, named, count);
	for (int i = 0; passes[i].name; i++) {
		if (!count[i])
			continue;
		printf("  %-10s %s", head, passes[i].name);
		if (count[i] > 1)
			printf(", %d times", count[i]);
		printf(": %s\n", passes[i].doc);
		head = "";
	}
	if (e->rule)
		printf("  %-10s %s: %s\n", "made as", e->rule->name, e->rule->doc);
}

static const char *
plural_s(int n)
{
	return n == 1 ? "" : "s";
}

static void
print_amount(int heads, int neurons)
{
	if (!heads && !neurons)
		printf("nothing");
	else
		printf("%d head%s, %d neuron%s", heads, plural_s(heads), neurons,
		       plural_s(neurons));
}

static void
print_cost(const Graph *g, const Explained *e)
{
	enum { FEW = 6 };

	printf("  costs      ");
	print_amount(e->heads, e->neurons);
	printf(" in all");
	if (e->noperand) {
		printf("; ");
		print_amount(e->own_heads, e->own_neurons);
		printf(" more than ");
		for (int i = 0; i < e->noperand && i < FEW; i++)
			printf("%s%s", i ? ", " : "", g->named[e->operand[i]].name);
		if (e->noperand > FEW)
			printf(" and %d others", e->noperand - FEW);
	}
	if (e->own_columns)
		printf("; %d column%s of its own", e->own_columns, plural_s(e->own_columns));
	printf("\n");
}

static void
print_chain(const Explained *e)
{
	int place = 0, name = 0;

	if (!e->nchain)
		return;
	for (int i = 0; i < e->nchain; i++) {
		int n = snprintf(NULL, 0, "%s:%d", e->chain[i].file, e->chain[i].line);
		int m = (int)strlen(e->chain[i].name);
		place = n > place ? n : place;
		name = m > name ? m : name;
	}
	puts("  not earlier, since it waits for");
	for (int i = 0; i < e->nchain; i++) {
		const Link *l = &e->chain[i];
		int n = printf("    layer %d  %s:%d", l->layer, l->file, l->line);
		int wide = snprintf(NULL, 0, "    layer %d  ", l->layer) + place;
		printf("%*s  %-*s  %s\n", wide - n, "", name, l->name, l->what);
	}
}

/* Marks the operands of what is marked. Operands come before what uses them, so one pass from
 * the end suffices. */
static void
mark_needed(const Graph *g, bool *needed)
{
	for (int i = g->nnode - 1; i >= 0; i--)
		for (int k = 0; needed[i] && k < g->node[i]->narg; k++)
			needed[g->node[i]->arg[k]->id] = true;
}

/* Does what the program answers depend on it, as it was written? */
static bool
is_needed(const Program *p, const Node *n)
{
	const Graph *g = &p->meant;
	bool *needed = guarded_malloc((size_t)g->nnode + 1);

	for (int i = 0; g->emit && i < g->nfield; i++)
		needed[g->emit[i]->id] = true;
	for (int i = 0; i < g->noutput; i++)
		needed[g->output[i].node->id] = true;
	mark_needed(g, needed);
	bool is = needed[n->id];
	guarded_free(needed);
	return is;
}

static void
explain_value(Program *p, int named)
{
	const Named *meant = &p->meant.named[named];
	const Source *src = p->graph->files[meant->file];
	Explained e;

	explain_named(&p->report, named, &e);
	printf("%s, %s:%d: ", meant->name, src->path, source_line(src, meant->span.lo));
	print_value_type(p->graph, meant);
	print_source_line(src, meant->span.lo);
	if (!is_needed(p, meant->node)) {
		puts("  nothing that the model answers depends on it");
		return;
	}
	if (meant->kind == K_POS)
		print_reference(&e);
	else
		print_encoding(&p->model->named[named]);
	print_rules(p->graph, named, &e);
	print_cost(p->graph, &e);
	print_chain(&e);
}

/* NAME, or each element of the array NAME. */
static bool
is_called(const char *name, const char *wanted)
{
	size_t n = strlen(wanted);

	return !strncmp(name, wanted, n) && (!name[n] || name[n] == '[');
}

static bool
explain_name(Program *p, const char *wanted, bool json)
{
	cJSON *list = json ? cJSON_CreateArray() : NULL;
	int found = 0;

	for (int i = 0; i < p->graph->nnamed; i++) {
		if (!is_called(p->graph->named[i].name, wanted))
			continue;
		if (list)
			cJSON_AddItemToArray(list, json_explained(p, i));
		else if (found)
			putchar('\n');
		if (!list)
			explain_value(p, i);
		found++;
	}
	if (list)
		print_json(list);
	if (!found)
		fprintf(stderr, "twc: %s has no value named '%s'\n", p->src.path, wanted);
	return found;
}

/* ---- the whole program ---- */

static const char *
part_name(const LayerPart *p)
{
	return *p->name ? p->name : "what is emitted";
}

static void
print_reads(const LayerPart *part, const LayerPart *p)
{
	enum { MOST = 5 };
	const char *seen[MOST];
	int n = 0;

	for (int i = 0; i < p->nfrom; i++) {
		const char *name = part_name(&part[p->from[i]]);
		bool known = false;
		for (int k = 0; k < n; k++)
			known |= !strcmp(seen[k], name);
		if (known)
			continue;
		if (n == MOST) {
			printf(", …");
			break;
		}
		printf("%s%s", n ? ", " : "  from ", name);
		seen[n++] = name;
	}
}

static void
print_parts(const Program *p)
{
	int n, wide = 0;
	const LayerPart *part = explain_layers(&p->report, &n);

	for (int i = 0; i < n; i++) {
		int w = (int)strlen(part_name(&part[i]));
		wide = w > wide ? w : wide;
	}
	for (int i = 0, layer = -2; i < n; i++) {
		const LayerPart *q = &part[i];
		if (q->layer != layer && q->layer < 0)
			printf("embedding\n");
		else if (q->layer != layer)
			printf("layer %d\n", q->layer);
		layer = q->layer;
		int room = printf("  %-9s  %s",
		                  layer < 0      ? ""
		                  : q->attention ? "attention"
		                                 : "mlp",
		                  part_name(q));
		printf("%*s  %d %s%s", 13 + wide - room, "", q->n,
		       layer < 0      ? "feature"
		       : q->attention ? "value"
		                      : "neuron",
		       plural_s(q->n));
		if (q->attention)
			printf(" at %s", q->at);
		print_reads(part, q);
		if (q->layer >= 0 && !q->attention && *q->at)
			printf(": %s", q->at);
		putchar('\n');
	}
}

static void
print_program_json(const Program *p)
{
	cJSON *o = cJSON_CreateObject();

	cJSON_AddItemToObject(o, "named", json_named(p));
	cJSON_AddItemToObject(o, "heads", json_heads(p));
	cJSON_AddItemToObject(o, "neurons", json_neurons(p));
	print_json(o);
}

int
cmd_explain(const Options *o)
{
	Program p = { 0 };

	if (o->op)
		return explain_op(o->op);
	if (!o->nargs) {
		fputs("twc: explain what? a FILE, or --op NAME\n", stderr);
		return 2;
	}
	bool ok = program_open(&p, o->args[0], o);
	if (ok && p.graph->learned && o->nargs == 1) {
		explain_learned(&p, o->json);
		program_close(&p);
		return 0;
	}
	ok = ok && program_compile(&p);
	if (ok && o->nargs > 1) {
		ok = explain_name(&p, o->args[1], o->json);
	} else if (ok && o->json) {
		print_program_json(&p);
	} else if (ok) {
		printf("%s: %d layer%s, d_model %d\n", p.graph->name ? p.graph->name : p.src.path,
		       p.report.layers, plural_s(p.report.layers), p.report.d_model);
		print_parts(&p);
	}
	program_close(&p);
	return ok ? 0 : 2;
}
