/* The whole backend on one screen. */

#include "backend/layout/layout.h"
#include "backend/map/map.h"
#include "backend/target/target.h"
#include "backend/inspect.h"
#include "backend/choose_circuit.h"

TwModel *
compile_graph(Graph *g, Arena *arena, Diags *diags, Report *report)
{
	return compile_within(g, arena, diags, &(Limits){ 0 }, NULL, report);
}

typedef struct Compilation {
	Graph *g;
	Arena *arena;
	Diags *diags;
	const Limits *limits;
	const Inspect *in;
	Report *report;
	TwModel *model; /* NULL until all went well */
} Compilation;

static void
compile_stages(void *compilation)
{
	Compilation *c = compilation;
	Circuit *circuit = choose_circuit(c->g, &plain_target, c->arena, c->diags, c->limits);
	if (c->diags->nerror || !inspect_circuit(c->in, circuit))
		return;
	Columns *columns = fit(circuit, c->limits);
	if (c->diags->nerror || !inspect_columns(c->in, columns, c->limits))
		return;
	TwModel *model = circuit->target->write(columns, c->report);
	if (!c->diags->nerror && inspect_weights(c->in, columns, model, c->report))
		c->model = model;
}

TwModel *
compile_within(Graph *g, Arena *arena, Diags *diags, const Limits *limits, const Inspect *in,
               Report *report)
{
	Compilation c = { g, arena, diags, limits, in, report, NULL };

	return diag_protect(diags, compile_stages, &c) ? c.model : NULL;
}
