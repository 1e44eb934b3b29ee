/* Layers and columns within limits. */

#include "backend/circuit.h"

static const Node *
what_it_says(const Circuit *c)
{
	return c->emit ? c->g->emit[0] : c->g->output[0].node;
}

Columns *
fit(Circuit *c, const Limits *limits)
{
	Schedule *s = schedule(c, &(Limits){ 0 });
	int free_layers = s->nlayer;

	if (limits->heads || limits->neurons)
		s = schedule(c, limits);
	s->free_layers = free_layers;
	if (limits->layers && s->nlayer > limits->layers)
		refuse(c, what_it_says(c), "this needs %d layers%s, and --layers allows %d; twc report shows the chain of steps",
		       s->nlayer, s->nlayer > free_layers ? " within the other limits" : "", limits->layers);
	return allocate(s);
}
