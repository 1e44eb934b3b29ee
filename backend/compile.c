/* The whole backend on one screen. */

#include "backend/layout/layout.h"
#include "backend/map/map.h"
#include "backend/target/target.h"
#include "backend/inspect.h"
#include "backend/choose_circuit.h"
#include "backend/describe_circuit.h"

TwModel *
compile_graph(Graph *g, Arena *arena, Diags *diags, Report *report)
{
	return compile_within(g, &plain_target, arena, diags, &(Limits){ 0 }, NULL, report);
}

typedef struct Compilation {
	Graph *g;
	const Target *target;
	Arena *arena;
	Diags *diags;
	const Limits *limits;
	const Inspect *in;
	Report *report;
	TwModel *model; /* NULL until all went well */
} Compilation;

/* How it went. */
typedef enum Outcome {
	MADE,
	NOT_EXACT, /* or not to be mapped: with more in columns of its own it may be */
	ENDED      /* it does not keep the limits, or `in` asked for no more */
} Outcome;

/* From the circuit on; `narrow`: columns take turns in a slot. */
static Outcome
lay_out(Compilation *c, Circuit *circuit, bool narrow, const Inspect *in)
{
	Columns *columns = narrow ? fit(circuit, c->limits) : fit_roughly(circuit, c->limits);
	if (!columns || !inspect_columns(in, columns, c->limits))
		return ENDED;
	c->model = circuit->target->write(columns, c->report);
	if (circuit->diags->nerror)
		return NOT_EXACT;
	if (!c->target->is_plain)
		return MADE;
	if (!inspect_weights(in, columns, c->model, c->report))
		return ENDED;
	c->model->circuit = describe_circuit(columns, in && in->describe);
	return MADE;
}

/* With so much in columns of its own (Effort); what is wrong, into diags. */
static Outcome
compile_at(Compilation *c, Arena *arena, int materialize, Diags *diags, const Inspect *in)
{
	Diags none = diag_fork(diags);
	Circuit *circuit = choose_circuit(c->g, c->target, arena, diags, c->limits, materialize);

	if (diags->nerror)
		return circuit->hopeless ? ENDED : NOT_EXACT;
	if (!inspect_circuit(in, circuit))
		return ENDED;
	Outcome outcome = lay_out(c, circuit, true, in);
	if (outcome != NOT_EXACT || is_limited(c->limits))
		return outcome;
	Diags narrow = *diags;
	*diags = none;
	outcome = lay_out(c, circuit, false, in);
	if (outcome == NOT_EXACT)
		*diags = narrow;
	return outcome;
}

/* What is not exact is tried again with more in columns of its own; where nothing helps, the
 * first error is told. */
static void
compile_stages(void *compilation)
{
	Compilation *c = compilation;
	Diags *diags = NEWS(c->arena, Diags, MATERIALIZE_MOST + 1), *last;
	Outcome outcome = NOT_EXACT;
	int level = 0;

	for (; outcome == NOT_EXACT && level <= MATERIALIZE_MOST; level++) {
		last = &diags[level];
		*last = diag_fork(c->diags);
		Arena *mine = arena_child(c->arena);
		outcome = compile_at(c, mine, level, last, c->in);
		if (outcome == NOT_EXACT)
			arena_free(mine);
	}
	if (outcome != MADE)
		c->model = NULL;
	*c->diags = outcome == NOT_EXACT ? diags[0] : *last;
}

TwModel *
compile_within(Graph *g, const Target *target, Arena *arena, Diags *diags, const Limits *limits,
               const Inspect *in, Report *report)
{
	Compilation c = { g,      target, arena, diags, limits, target->is_plain ? in : NULL,
		          report, NULL };

	if (g->learned) {
		error_at(diags, (Span){ 0, 1 },
		         "this program has parameters, which are learned and not compiled: twc "
		         "train "
		         "does that; twc explain tells what of it is proved");
		return NULL;
	}
	if (g->pairs) {
		error_at(diags, (Span){ 0, 1 },
		         "byte pairs are for programs that learn: what is compiled has a vocab of "
		         "texts");
		return NULL;
	}
	const Node *last = g->emit ? g->emit[0] : g->output[0].node;

	return graph_protect(&g, diags, compile_stages, &c, last) ? c.model : NULL;
}
