#ifndef BACKEND_MAP_MAP_H
#define BACKEND_MAP_MAP_H

/* From the graph to the circuit: every node becomes a form. What one position knows is
 * made here; what heads look up, in attend/. */

#include "backend/circuit/circuit.h"

/* The stage. */
Circuit *map(Graph *, const struct Target *, Arena *, Diags *, const Effort *);
Circuit *map_once(Graph *, const struct Target *, Arena *, Diags *, const Effort *);
/* The state in which all that the program says is there. */
int circuit_depth(const Circuit *);
/* form_better, and c->made becomes the rule if f is the better one. */
const Form *form_better_by(Circuit *, const Form *best, const Form *f, const Rule *);
bool costs_nothing(const Node *); /* has its form no atom of its own? */
bool is_embedded(const Node *);   /* does it depend on the token or the place alone? */

/* emit_NAME: the form of a node of that operator, NULL after an error; references and THERE, which
 * have no value of their own, have none. */
#define OP(name, ...) const Form *emit_##name(Circuit *, Node *);
#include "lang/ops.h"
#undef OP

/* ---- what may be late (required_times.c) ---- */
/* The last state in which what is being mapped costs no layer; -1 if that is not known. */
int deadline(const Circuit *);

/* ---- one-variable functions and gates (staircase.c) ---- */
/* y[i] where f is x[i]; x ascending, f takes no other value */
const Form *staircase(Circuit *, const Form *f, int n, const int64_t *x, const int64_t *y);
/* y[i] where f is first + i, by two digits; NULL where that takes no fewer neurons (table.c) */
const Form *map_big_table(Circuit *, const Form *f, int64_t first, int n, const int64_t *y,
                          int neurons);
const Form *threshold(Circuit *, const Form *f, int64_t k); /* 1 where f >= k */
const Form *is_zero(Circuit *, const Form *);
const Form *gate(Circuit *, const Form *deficit, const Form *f); /* f where deficit is 0, else 0 */
/* NULL where it takes too many neurons */
const Form *form_product(Circuit *, const Form *, const Form *);
/* The remainder n; where sums have been too large, as one number if its terms are large: what adds
 * up several remainders then sees no more than these (division.c). */
const Form *remainder_form(Circuit *, const Node *n, const Form *);

/* ---- conditions and choices (select.c) ---- */
/* y where w >= 1, else 0, straight from w */
const Form *gate_by_sign(Circuit *, const Form *w, const Form *y);
/* 0 where the condition is as wanted, else 1 or more */
const Form *deficit(Circuit *, Node *, bool want);
const Form *deficit_all(Circuit *, Node *, bool want); /* of all operands, added up */
const Form *map_if(Circuit *, Node *n);                /* IF */

/* ---- the greatest of several, choices of one (exclusive.c); each NULL if it is no such ---- */
/* Of an equality with the greatest or least of several: how many of them beat the other. */
const Form *deficit_of_greatest(Circuit *, const Node *equal);
/* IFs one after the other of conditions of which one at most holds: a gate each. */
const Form *map_exclusive(Circuit *, Node *n);

/* ---- long chains of choices (decision_list.c) ---- */
const Form *map_decision_list(Circuit *, Node *n); /* IF; NULL if that is too short */
/* How many nodes read each, (nusers) by id, of those there were when mapping began. */
const int *node_users(Circuit *);

/* ---- steps and gates in one layer (step_gates.c); NULL where not, or not before best ---- */
bool has_late_step(const Circuit *, const Form *);
const Form *gate_steps(Circuit *, const Form *deficit, const Form *f); /* as gate() */
/* AND or OR of what a count reaches and of features. */
const Form *and_step(Circuit *, Node *n, const Form *best);
/* yes where the count reaches that, else no: both of one token or place. */
const Form *choose_by_steps(Circuit *, Node *n, const Form *best);

/* ---- conditions inside one another (threshold_logic.c) ---- */
/* AND or OR as one threshold, if that is before `best`; else best. */
const Form *map_nested(Circuit *, Node *n, const Form *best);
/* 1 or more just where the condition is as wanted, and ready early enough for what reads it to be
 * ready before that state; NULL where there is no such form. */
const Form *nested_sum(Circuit *, Node *cond, bool want, int before);

/* ---- chains of sums within bounds (clamps.c) ---- */
/* MAX or MIN, several of its steps as one, if that is before `best`; or NULL. */
const Form *map_clamp_chain(Circuit *, Node *n, const Form *best);

/* ---- functions of few streams (truth_table.c) ---- */
/* n in one layer from what is ready early, if that is before `best`; or NULL. */
const Form *map_truth_table(Circuit *, Node *n, const Form *best);

/* ---- reals (real_ops.c) ---- */
/* IF and PICK of reals */
const Form *map_real_if(Circuit *, Node *);
const Form *map_real_pick(Circuit *, Node *);

/* ---- what is computed near enough (piecewise.c, error_budget.c) ---- */
/* Is it one function of one stream, or one product? */
static inline bool
is_piece(const Node *n)
{
	return n->type.of || n->op == OP_TIMES;
}

/* A piece, to within tolerance of its operands as they are. Where that takes too many
 * neurons its error is HOPELESS. */
#define HOPELESS 1e15
const Form *map_piece(Circuit *, Node *, double tolerance);
const Form *map_approx(Circuit *, Node *);
/* y[i] where f, of integers, is f->lo + i: a broken line in few columns; NULL where it bends too
 * often. */
const Form *real_polyline(Circuit *, const Form *f, int n, const double *y);

#endif
