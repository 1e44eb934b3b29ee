#ifndef BACKEND_CIRCUIT_STATES_H
#define BACKEND_CIRCUIT_STATES_H

/* States of the residual stream, by number.
 *
 *     0                    1                     2              3
 *     embedding  attention 0           MLP 0       attention 1
 *
 * A value is *ready* in the first state that can hold it. What reads it in layer L reads state
 * 2L if it is a head, state 2L+1 if it is a neuron. */

#include <stdbool.h>

static inline int
state_before(int layer) /* what its attention reads */
{
	return 2 * layer;
}

static inline int
state_after_attention(int layer) /* what its MLP reads */
{
	return 2 * layer + 1;
}

static inline int
state_after_mlp(int layer)
{
	return 2 * layer + 2;
}

/* What the model says is read from it. There is one state more than this number. */
static inline int
last_state(int nlayer)
{
	return 2 * nlayer;
}

static inline bool
is_after_attention(int state)
{
	return state % 2;
}

/* The first layer whose attention can read what is ready in this state; whose MLP can. */
static inline int
attention_layer_from(int state)
{
	return (state + 1) / 2;
}

static inline int
mlp_layer_from(int state)
{
	return state / 2;
}

/* The first state that can hold what a head fetches of this one; what a neuron makes of it. */
static inline int
fetched_from(int state)
{
	return state_after_attention(attention_layer_from(state));
}

static inline int
computed_from(int state)
{
	return state_after_mlp(mlp_layer_from(state));
}

/* The layer that makes what is ready in this state; -1: the embedding. */
static inline int
layer_of_state(int state)
{
	return state ? (state - 1) / 2 : -1;
}

#endif
