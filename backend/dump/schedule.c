/* The layers as text: `twc --dump=schedule`.
 *
 *     embedding  t0 t1 p0
 *     layer 0
 *             head 0 find0, plus: v0 v1 v2
 *             neurons sum[0]: n0..n3
 *
 * Neurons stand by the named value for which they were made first. */

#include "backend/dump/dump.h"

#include <string.h>

static void
dump_embedding(Dump *d)
{
	const Circuit *c = d->names->c;

	fputs("embedding", d->line);
	for (int i = 0; i < c->natom; i++)
		if (d->names->live[i] && c->atom[i]->kind < NEURON)
			fprintf(d->line, " %s", atom_name(d->names, c->atom[i]));
	dump_remark(d, "state 0");
}

static void
dump_head(Dump *d, const Head *h)
{
	const char *sense = lookup_label(d->names->c, h->lookup);

	fprintf(d->line, "\thead %d %s, %s:", h->index, find_name(d->names, h->lookup), sense);
	for (int i = 0; i < h->nvalue; i++)
		if (h->value[i]->live)
			fprintf(d->line, " %s", atom_name(d->names, h->value[i]));
	dump_line(d);
}

/* Those from i on that are made for one purpose; gives the first that is not. */
static int
dump_neurons(Dump *d, Atom *const *neuron, int i, int n)
{
	const char *purpose = atom_purpose(d->names, neuron[i]);

	fprintf(d->line, "\tneurons");
	while (i < n && !strcmp(purpose, atom_purpose(d->names, neuron[i]))) {
		int from = i, number = d->names->number[neuron[i]->id];
		while (i + 1 < n && d->names->number[neuron[i + 1]->id] == number + i + 1 - from
		       && !strcmp(purpose, atom_purpose(d->names, neuron[i + 1])))
			i++;
		fprintf(d->line, " %s", atom_name(d->names, neuron[from]));
		if (i > from)
			fprintf(d->line, "%s%s", i > from + 1 ? ".." : " ",
			        atom_name(d->names, neuron[i]));
		i++;
	}
	dump_remark(d, "%s", purpose);
	return i;
}

void
dump_schedule(const Schedule *s, FILE *to)
{
	Dump d;

	dump_begin(&d, s->c, to);
	fprintf(d.line, "schedule %s", s->c->g->name);
	dump_remark(&d, "%d layers", s->nlayer);
	dump_embedding(&d);
	for (int l = 0; l < s->nlayer; l++) {
		fprintf(d.line, "layer %d", l);
		dump_remark(&d, "%d heads make state %d, %d neurons state %d", s->nhead[l],
		            state_after_attention(l), s->nneuron[l], state_after_mlp(l));
		for (int i = 0; i < s->nhead[l]; i++)
			dump_head(&d, s->head[l][i]);
		for (int i = 0; i < s->nneuron[l];)
			i = dump_neurons(&d, s->neuron[l], i, s->nneuron[l]);
	}
	dump_end(&d);
}
