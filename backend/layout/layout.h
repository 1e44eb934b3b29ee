#ifndef BACKEND_LAYOUT_LAYOUT_H
#define BACKEND_LAYOUT_LAYOUT_H

/* From the circuit to layers, and to columns of the residual stream. */

#include "backend/circuit/circuit.h"

/* Which atoms are live, and where. */
typedef struct Schedule {
	Circuit *c;
	int nlayer, free_layers;
	int *nhead, *nneuron; /* (nlayer) live ones */
	Head ***head;         /* (nlayer)(nhead) */
	Atom ***neuron;       /* (nlayer)(nneuron) */
	int *nstep;           /* (nlayer) how many of them are two (step_neuron): the second ones
	                       * come after all the first */
} Schedule;
/* How layers are filled. All 0: as soon as can be, with any number of heads and neurons. */
typedef struct SchedulePolicy {
	int heads, neurons; /* at most, in a layer; 0: any number */
	int for_place;      /* of the heads of the first layer: that make the place */
	int layers;         /* how many there are, where some atoms wait until they must */
	bool late_values, late_neurons;
} SchedulePolicy;
/* Of a circuit that has more, what takes long and gains little is left out. */
enum { MANY_ATOMS = 3000 };

Schedule *schedule(Circuit *, const SchedulePolicy *);
int live_neurons(Circuit *); /* how many something needs */

/* Columns of the residual stream: as registers are to a compiler, but each holds an affine form:
 * in each state, those of its terms that are ready by then. */
typedef struct Columns {
	Schedule *s;
	int n;
	const Form **form; /* (n) */
	int *last;         /* (n) the last state in which it is read */
	/* where they stand (column_reuse.c): several in one slot of the stream, one after the
	 * other */
	int width;      /* slots of the stream: d_model */
	int *slot;      /* (n) */
	int *cleared;   /* (n) from this state on it is gone; INT_MAX: never */
	int64_t *least; /* (n) of what it can hold */
} Columns;
/* `beside`: a form that is much like a column stands as what is left of it beside that column. */
Columns *allocate_columns(Schedule *, bool beside);
/* Gives columns their slots: as many as there are columns, or as few beyond `most` as
 * taking turns allows. */
void share_columns(Columns *, int most);
/* How many columns the MLP of a layer clears, a neuron each. */
int cleared_in(const Columns *, int layer);
/* How many neurons a layer has, those among them. */
int neurons_in(const Columns *, int layer);

/* f as an integer combination of the columns in a state, by column; NULL if it is
 * none. Good until the next call. */
typedef struct ColumnTerm {
	int column;
	int64_t times;
} ColumnTerm;
typedef struct Combination {
	int n, cap;
	ColumnTerm *at; /* (n) */
} Combination;
const Combination *columns_read(Columns *, int state, const Form *f);

/* The terms that occur together in several of these forms, each such set as one form, where
 * there are fewer sets than forms (common_terms.c). How many; common has room for all terms. */
int common_terms(Arena *, const Form *const *form, int nform, int natom, const Form **common);
/* Is it rounded, but never below 0, so that a neuron clears it where nothing else comes into its
 * slot (column_reuse.c)? */
bool clears_by_itself(const Form *);
/* A form of parallel neurons as a sum of several, each of them flat at its ends (runs.c). How
 * many; run has room for all terms. */
int form_runs(Arena *, const Form *f, Form *run);

/* A schedule and columns within limits; NULL after an error, where they cannot be met (fit.c). */
Columns *fit(Circuit *, const Limits *);
/* The same without a search for the narrowest stream: to compare circuits, and where values that
 * take turns in a slot are too large for that. */
Columns *fit_roughly(Circuit *, const Limits *);
/* How many weights are not 0. */
long count_nonzeros(Columns *);
/* What is to be small of several: the width of the stream times those weights. */
double columns_size(Columns *, const Limits *);

#endif
