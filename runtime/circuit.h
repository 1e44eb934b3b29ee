#ifndef RUNTIME_CIRCUIT_H
#define RUNTIME_CIRCUIT_H

/* Named values as forms over the nodes of the model (tw.circuit), computed of a text whose states
 * were kept (TW_TRACE). */

#include "runtime/model.h"

typedef struct TwCircuit TwCircuit;

/* What a session has kept of its text. Places are counted as they were filled; `at` has their
 * numbers, which are others behind a gap. */
typedef struct TwKept {
	int n;               /* places, <bos> among them */
	const int *row, *at; /* (n, nfield), (n) */
	const float *number; /* (n, ninput) */
	/* the stream at a place in a state, as TwNamed counts them */
	const float *(*state)(void *session, int state, int place);
	void *session;
} TwKept;

/* Of a model that has one; NULL and a line in *error if it is damaged, or memory ran out. */
TwCircuit *tw_circuit_open(const TwModel *, char **error);
void tw_circuit_close(TwCircuit *);

/* The text has changed: what was computed of it is of no use any more. */
void tw_circuit_forget(TwCircuit *);

/* Does the file say what this value is? By number, of m->named. */
bool tw_circuit_has(const TwCircuit *, int named);

/* The value at a place; NAN where the file does not say, or memory ran out. */
double tw_circuit_value(TwCircuit *, const TwKept *, int named, int place);

#endif
