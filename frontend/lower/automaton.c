/* reachable(step, start, x): the states of an automaton, found by range inference.
 *
 *     fn step(s, x) = if x == 0 then 0 else min(s + 1, 2)
 *     reachable(step, 0, id(token))        [0, 1, 2]
 *
 * From the states that are known, start at first, step is expanded with each of them as a constant;
 * what it can give, by its set of values, are the next ones, until there are no new ones. seq.scan
 * makes a table of them. */

#include <stdlib.h>

#include "frontend/lower/lower.h"

enum { STATES_MAX = 64 };

typedef struct States {
	const Value *like; /* what kind of value a state is */
	int n;
	int64_t state[STATES_MAX]; /* (n) in the order in which they were found */
} States;

static Value *
state_value(Lower *L, const States *s, int64_t v)
{
	Value *state = v_known(L, s->like->kind, v);

	state->shape = s->like->shape;
	return state;
}

static bool
automaton_state(Lower *L, States *s, int64_t v)
{
	for (int i = 0; i < s->n; i++)
		if (s->state[i] == v)
			return true;
	if (s->n == STATES_MAX) {
		fail_here(L,
		          "this step leads to more than %d states (%lld is one more): bound the "
		          "state with min or %%",
		          STATES_MAX, (long long)v);
		return false;
	}
	s->state[s->n++] = v;
	return true;
}

/* Adds all that v can be; false after an error. */
static bool
add_states(Lower *L, States *s, const Value *v)
{
	int n = 0;

	if (v->kind == V_ERROR)
		return false;
	if (v->kind != s->like->kind || v->shape != s->like->shape
	    || (v->kind != V_INT && v->kind != V_BOOL && v->kind != V_ENUM)) {
		fail_here(L,
		          "a state is an int, a bool or a member of an enum, the same after each "
		          "step; this is %s: number the states",
		          v_show(L, v));
		return false;
	}
	if (v->known)
		return automaton_state(L, s, v->num);
	const int64_t *set = values_here(L, v->node, &n);
	if (set) {
		for (int i = 0; i < n; i++)
			if (!automaton_state(L, s, set[i]))
				return false;
		return true;
	}
	Bounds b = bounds_here(L, v->node);
	for (int64_t k = b.lo; k <= b.hi && !b.never; k++)
		if (!automaton_state(L, s, k))
			return false;
	return true;
}

static int
compare_states(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

Value *
reachable_states(Lower *L, Arg *args)
{
	States s = { .like = args[1].value };

	if (!add_states(L, &s, args[1].value))
		return &v_error;
	for (int i = 0; i < s.n; i++) {
		Arg pair[2] = {
			{ .value = state_value(L, &s, s.state[i]), .span = L->span },
			{ .value = args[2].value, .span = L->span, .origin = args[2].origin }
		};
		if (!add_states(L, &s, call_value(L, args[0].value, 2, pair)))
			return &v_error;
	}
	qsort(s.state, (size_t)s.n, sizeof *s.state, compare_states);
	Value **item = NEWS(L->arena, Value *, s.n);
	for (int i = 0; i < s.n; i++)
		item[i] = state_value(L, &s, s.state[i]);
	return v_array(L, s.n, item);
}
