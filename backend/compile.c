/* The whole backend on one screen. */

#include "backend/circuit/circuit.h"
#include "backend/inspect.h"

TwModel *
compile_graph(Graph *g, Arena *arena, Diags *diags, Report *report)
{
	return compile_within(g, arena, diags, &(Limits){ 0 }, NULL, report);
}

TwModel *
compile_within(Graph *g, Arena *arena, Diags *diags, const Limits *limits, const Inspect *in,
               Report *report)
{
	Circuit *circuit = map(g, arena, diags);
	if (diags->nerror || !inspect_circuit(in, circuit))
		return NULL;
	Columns *columns = fit(circuit, limits);
	if (diags->nerror || !inspect_columns(in, columns))
		return NULL;
	TwModel *model = write_weights(columns, report);
	return !diags->nerror && inspect_weights(in, columns, model, report) ? model : NULL;
}
