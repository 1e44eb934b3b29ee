/* The whole backend on one screen. */

#include "backend/circuit.h"

TwModel *
compile_graph(Graph *g, Arena *arena, Diags *diags, Report *report)
{
	Circuit *circuit = map(g, arena, diags);
	if (diags->nerror)
		return NULL;
	Schedule *layers = schedule(circuit);
	Columns *columns = allocate(layers);
	TwModel *model = write_weights(columns, report);
	return diags->nerror ? NULL : model;
}
