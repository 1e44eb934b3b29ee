#ifndef RUNTIME_DELTA_PLAN_H
#define RUNTIME_DELTA_PLAN_H

/* What delta_plan.c and delta_neurons.c share while a plan is made. */

#include "runtime/delta.h"

/* Of terms in all maps; of numbers in the tables of staircases. */
enum { TW_MOST_TERMS = 1 << 22, TW_MOST_CELLS = 1 << 20 };

typedef struct Triple {
	int row, at, w;
} Triple;

typedef struct PlanMaker {
	TwSpecialized *c;
	const TwModel *m;
	TwDeltaPlan *p;
	bool ok;
	Triple *t; /* (n) of the map that is being made */
	int n, cap;
	long terms;     /* of all maps */
	long cells;     /* that tables may still take */
	double *form;   /* (d_model) */
	int32_t *start; /* (nsum) sums where the stream is 0 */
	int capstart, capfloor;
	TwIntMap *constant; /* (2 * nlayer) what heads, then neurons, add at each place */
	int nstage;
	TwIntMap *by;   /* (nstage) columns into the sums of a stage, in the order of stages */
	int32_t *total; /* (nsum) of a column */
	int nvector, capvector, capweight; /* of columns */
	int neurons;                       /* rows of p->neuron */
} PlanMaker;

/* A term of the map that is being made, where it is a whole number; the map, of so many rows. */
void tw_add_integer(PlanMaker *, int row, int at, double w);
TwIntMap tw_take_map(PlanMaker *, int rows);

/* What columns add to sums, and neurons to columns. */
void tw_plan_columns(PlanMaker *);
void tw_plan_spread(PlanMaker *);

#endif
