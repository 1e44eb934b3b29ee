/* What a schedule promises.
 *
 *     what the program says depends on live atoms alone, and on all of them
 *     each live neuron is in one row of one layer, each live value in one dimension of one head
 *     a layer has one head for each place that is looked for
 *     an atom stands after all that it reads
 *     no layer has more heads or neurons than it may have, nor are there more layers
 */

#include "backend/verify/verify.h"

static void
check_liveness(Verifier *v)
{
	for (int i = 0; i < v->c->natom; i++) {
		const Atom *a = v->c->atom[i];
		if (v->names->live[i] && !a->live)
			rule_broken(v, a->node, "%s is needed, and not live",
			            atom_name(v->names, a));
		if (a->live && !v->names->live[i])
			rule_broken(v, a->node, "atom %d is live, and nothing needs it", i);
	}
}

static void
check_before(Verifier *v, const Atom *a, const Form *f)
{
	for (int i = 0; i < f->n; i++) {
		const Atom *b = f->term[i].atom;
		if (b->ready >= a->ready)
			rule_broken(
				v, a->node, "%s is made in state %d, before it can read %s (%d)",
				atom_name(v->names, a), a->ready, atom_name(v->names, b), b->ready);
	}
}

static void
check_atom_order(Verifier *v)
{
	for (int i = 0; i < v->c->natom; i++) {
		const Atom *a = v->c->atom[i];
		if (!v->names->live[i] || !a->in)
			continue;
		check_before(v, a, a->in);
		for (int d = 0; a->head && d < a->head->lookup->ndim; d++) {
			check_before(v, a, a->head->lookup->q[d]);
			check_before(v, a, a->head->lookup->k[d]);
		}
	}
}

/* An atom at a place in a layer: where it says that it is. */
static void
check_seat(Verifier *v, const Atom *a, int state, int column, int *seats)
{
	seats[a->id]++;
	if (a->ready != state || a->column != column)
		rule_broken(v, a->node, "%s is in state %d, number %d, and says %d, number %d",
		            atom_name(v->names, a), state, column, a->ready, a->column);
}

static void
check_heads(Verifier *v, const Schedule *s, int layer, int *seats)
{
	for (int i = 0; i < s->nhead[layer]; i++) {
		const Head *h = s->head[layer][i];
		int live = 0;
		if (h->layer != layer || h->index != i)
			rule_broken(v, h->lookup->ref, "head %d of layer %d says %d of %d", i,
			            layer, h->index, h->layer);
		for (int k = 0; k < i; k++)
			if (s->head[layer][k]->lookup == h->lookup)
				rule_broken(v, h->lookup->ref, "layer %d has two heads for %s",
				            layer, find_name(v->names, h->lookup));
		for (int k = 0; k < h->nvalue; k++) {
			const Atom *a = h->value[k];
			if (!v->names->live[a->id])
				continue;
			if (a->head != h)
				rule_broken(v, a->node, "%s is not of the head that has it",
				            atom_name(v->names, a));
			check_seat(v, a, state_after_attention(layer), live++, seats);
		}
		if (live != h->ndim)
			rule_broken(v, h->lookup->ref, "head %d of layer %d has %d values, not %d",
			            i, layer, live, h->ndim);
	}
}

static void
check_layer(Verifier *v, const Schedule *s, int layer, const Limits *limits, int *seats)
{
	check_heads(v, s, layer, seats);
	for (int i = 0; i < s->nneuron[layer]; i++)
		check_seat(v, s->neuron[layer][i], state_after_mlp(layer), i, seats);
	if (limits->heads && s->nhead[layer] > limits->heads)
		rule_broken(v, NULL, "layer %d has %d heads, more than %d", layer, s->nhead[layer],
		            limits->heads);
	if (limits->neurons && s->nneuron[layer] > limits->neurons)
		rule_broken(v, NULL, "layer %d has %d neurons, more than %d", layer,
		            s->nneuron[layer], limits->neurons);
}

bool
verify_schedule(const Schedule *s, const Limits *limits)
{
	Verifier v;

	verifier_begin(&v, s->c, "schedule");
	int *seats = NEWS(&v.arena, int, s->c->natom + 1);
	check_liveness(&v);
	check_atom_order(&v);
	for (int l = 0; l < s->nlayer; l++)
		check_layer(&v, s, l, limits, seats);
	for (int i = 0; i < s->c->natom; i++) {
		const Atom *a = s->c->atom[i];
		if (v.names->live[i] && seats[i] != (a->kind >= NEURON))
			rule_broken(&v, a->node, "%s is in %d places of the layers",
			            atom_name(v.names, a), seats[i]);
	}
	if (limits->layers && s->nlayer > limits->layers)
		rule_broken(&v, NULL, "there are %d layers, more than %d", s->nlayer,
		            limits->layers);
	return verifier_end(&v);
}
