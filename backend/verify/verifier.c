/* What the verifiers have in common. */

#include "backend/verify/verify.h"

enum { BROKEN_MAX = 5 }; /* rules that are reported of one stage */

void
verifier_begin(Verifier *v, const Circuit *c, const char *stage)
{
	*v = (Verifier){ .c = c, .stage = stage };
	v->names = names_new(&v->arena, c);
}

bool
verifier_end(Verifier *v)
{
	arena_free(&v->arena);
	return !v->broken;
}

void
rule_broken(Verifier *v, const Node *at, const char *fmt, ...)
{
	Circuit *c = (Circuit *)v->c;
	va_list ap;

	if (v->broken++ >= BROKEN_MAX)
		return;
	va_start(ap, fmt);
	const char *what = arena_vfmt(c->arena, fmt, ap);
	va_end(ap);
	error_at_node(c, at, "%s: %s: a fault of the compiler, not of this program", v->stage,
	              what);
}

static void
each_read_of_head(Verifier *v, const Head *h, ReadForm *read, void *context)
{
	const Lookup *s = h->lookup;
	int state = state_before(h->layer);

	for (int d = 0; d < s->ndim; d++) {
		read(v, s->q[d], state, s->ref,
		     arena_fmt(&v->arena, "query %d of %s", d, find_name(v->names, s)), context);
		read(v, s->k[d], state, s->ref,
		     arena_fmt(&v->arena, "key %d of %s", d, find_name(v->names, s)), context);
	}
	for (int i = 0; i < h->nvalue; i++)
		if (v->names->live[h->value[i]->id])
			read(v, h->value[i]->in, state, h->value[i]->node,
			     atom_name(v->names, h->value[i]), context);
}

void
each_read(Verifier *v, const Schedule *s, ReadForm *read, void *context)
{
	const Circuit *c = s->c;
	const Graph *g = c->g;
	int last = last_state(s->nlayer);

	for (int l = 0; l < s->nlayer; l++) {
		for (int i = 0; i < s->nhead[l]; i++)
			each_read_of_head(v, s->head[l][i], read, context);
		for (int i = 0; i < s->nneuron[l]; i++) {
			const Atom *a = s->neuron[l][i];
			read(v, a->in, state_after_attention(l), a->node, atom_name(v->names, a),
			     context);
		}
	}
	for (int i = 0; c->emit && i < g->nfield; i++)
		read(v, c->emit[i], last, g->emit[i], "the next token", context);
	for (int i = 0; i < g->noutput; i++)
		read(v, c->output[i], last, g->output[i].node, g->output[i].name, context);
}
