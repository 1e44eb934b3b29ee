/* twc report: how large the transformer is, and which chain of steps makes it
 * that deep. */

#include "cmd/json.h"

#include <stdio.h>

/* One row of the table, as wide as its widest entry needs. */
static void
print_size_row(const char *name, const int *v, int n, int width)
{
	printf("  %-8s", name);
	for (int i = 0; i < n; i++)
		printf(" %*d", width, v ? v[i] : i);
	putchar('\n');
}

static void
print_table(const Program *p, double ms)
{
	const Report *r = &p->report;
	int width = 1, place = 0;

	for (int i = 0; i < r->layers; i++) {
		int n = snprintf(NULL, 0, "%d",
		                 r->heads[i] > r->neurons[i] ? r->heads[i] : r->neurons[i]);
		width = n > width ? n : width;
	}
	if (r->layers > 10 && width < 2)
		width = 2;
	printf("%s: %d layers, d_model %d, context %d\n",
	       p->graph->name ? p->graph->name : p->src.path, r->layers, r->d_model, r->context);
	if (r->layers) {
		print_size_row("layer", NULL, r->layers, width);
		print_size_row("heads", r->heads, r->layers, width);
		print_size_row("neurons", r->neurons, r->layers, width);
	}
	if (r->layers > r->free_layers)
		printf("  %d layers more than without limits\n", r->layers - r->free_layers);
	printf("  %ld parameters, %ld not zero; largest sum %.0f of 16777216; compiled in %.1f "
	       "ms\n",
	       r->parameters, r->nonzeros, r->largest_sum, ms);

	if (!r->nchain)
		return;
	for (int i = 0; i < r->nchain; i++) {
		const char *file = r->chain[i].file ? r->chain[i].file : "";
		int n = snprintf(NULL, 0, "%s:%d", file, r->chain[i].line);
		place = n > place ? n : place;
	}
	puts("  the longest chain:");
	for (int i = 0; i < r->nchain; i++) {
		const Link *l = &r->chain[i];
		int n = printf("    layer %d  %s:%d", l->layer, l->file ? l->file : "", l->line);
		int tail = snprintf(NULL, 0, "    layer %d  ", l->layer) + place - n;
		printf("%*s  %s\n", tail > 0 ? tail : 0, "", l->what ? l->what : "");
	}
}

int
cmd_report(const Options *o)
{
	Program p = { 0 };
	bool open = program_open(&p, o->args[0], o), learned = open && p.graph->learned,
	     ok = open && (learned || program_compile(&p));

	if (ok && learned)
		report_learned(&p, o->json);
	else if (ok && o->json)
		print_json(json_report(&p, now_ms() - o->started));
	else if (ok)
		print_table(&p, now_ms() - o->started);
	program_close(&p);
	return ok ? 0 : 2;
}
