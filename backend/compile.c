/* The whole backend on one screen. */

#include "backend/circuit/circuit.h"

TwModel *
compile_graph(Graph *g, Arena *arena, Diags *diags, Report *report)
{
	return compile_within(g, arena, diags, &(Limits){ 0 }, report);
}

TwModel *
compile_within(Graph *g, Arena *arena, Diags *diags, const Limits *limits, Report *report)
{
	Circuit *circuit = map(g, arena, diags);
	if (diags->nerror)
		return NULL;
	Columns *columns = fit(circuit, limits);
	if (diags->nerror)
		return NULL;
	TwModel *model = write_weights(columns, report);
	return diags->nerror ? NULL : model;
}
