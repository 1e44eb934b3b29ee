/* The circuit as text: `twc --dump=circuit`.
 *
 *     t0 = token '1'..'9' -> 1..9                 # 0..9
 *     find0 = plus, latest                        # gap 128, ready 0
 *             (1) * (128 p0 - 2304 t2)
 *     # sum[0]
 *     v0 = t0 at find0                            # 0..9, ready 1
 *     n0 = relu(v0 + v3 - 9)                      # 0..9, ready 2
 *     emit = n0 - 10 n1                           # 0..9, ready 4
 *
 * The features come first, then each atom after all that it reads, what finds a place before
 * the first value that is fetched from there. A line of its own says for what the next atoms
 * were made first: a named value, or an expression. */

#include "backend/dump/dump.h"

#include <inttypes.h>
#include <string.h>

/* "digit 1024^1 0..3 -> 0, 1024, ..3072". */
static void
dump_digits(Dump *d, const Atom *a)
{
	for (int i = 0; i < a->npart; i++) {
		fputs(i ? " + " : "", d->line);
		print_digit(d->line, &a->part[i].digit);
		double *at = NEWS(&d->arena, double, a->part[i].digit.modulo + 1);
		for (int k = 0; k < a->part[i].digit.modulo; k++)
			at[k] = (double)a->part[i].value[k];
		print_digit_table(d->line, a->part[i].digit.modulo, at);
	}
}

static void
dump_table(Dump *d, const Atom *a)
{
	const Circuit *c = d->names->c;
	bool by_place = a->kind == PLACE_FEATURE || (a->kind == REAL_FEATURE && a->by_place);
	if (a->npart) {
		dump_digits(d, a);
		return;
	}
	int n = by_place ? c->places : c->rows;
	double *at = NEWS(&d->arena, double, n + 1);

	for (int i = 0; i < n; i++)
		at[i] = a->reals ? a->reals[i] : (double)a->table[i];
	fputs(by_place ? "place " : "token ", d->line);
	print_feature(d->line, d->names, by_place, at);
}

static void
dump_lookup(Dump *d, const Lookup *s)
{
	const char *sense = lookup_label(d->names->c, s);

	fprintf(d->line, "%s = %s, %s", find_name(d->names, s), sense, s->intent);
	dump_remark(d, "gap %" PRId64 ", ready %d", s->gap, s->ready);
	for (int i = 0; i < s->ndim; i++) {
		fputs("\t(", d->line);
		print_form(d->line, d->names, s->q[i]);
		fputs(") * (", d->line);
		print_form(d->line, d->names, s->k[i]);
		fputc(')', d->line);
		dump_line(d);
	}
}

static void
dump_atom(Dump *d, const Atom *a)
{
	fprintf(d->line, "%s = ", atom_name(d->names, a));
	switch (a->kind) {
	case INPUT_FEATURE: fprintf(d->line, "fed %s", d->names->c->g->input[a->input].name); break;
	case NEURON:
		fputs("relu(", d->line);
		print_form(d->line, d->names, a->in);
		fputc(')', d->line);
		if (a->lift)
			fprintf(d->line, " - %" PRId64, a->lift);
		if (a->step) {
			fputs(" - relu(", d->line);
			print_form(d->line, d->names, a->in);
			fputs(" - 1)", d->line);
		}
		break;
	case VALUE:
		print_form(d->line, d->names, a->in);
		fprintf(d->line, " at %s", find_name(d->names, a->head->lookup));
		break;
	default: dump_table(d, a);
	}
	const char *ready = a->ready ? arena_fmt(&d->arena, ", ready %d", a->ready) : "";
	dump_remark(d, "%s%s%s", range_text(d, a), ready,
	            a->real   ? ", rounded"
	            : a->lift ? ", to an integer"
	                      : "");
}

/* The features, or what layers make. */
static void
dump_atoms(Dump *d, bool of_layers)
{
	const AtomNames *names = d->names;
	const char *purpose = "";
	int shown = 0;

	for (int i = 0; i < names->c->natom; i++) {
		const Atom *a = names->c->atom[i];
		if (!names->live[i] || (a->kind >= NEURON) != of_layers)
			continue;
		if (a->head && shown < names->nlookup && a->head->lookup == names->lookup[shown])
			dump_lookup(d, names->lookup[shown++]);
		const char *now = of_layers ? atom_purpose(names, a) : "";
		if (strcmp(now, purpose)) {
			fprintf(d->line, "# %s", now);
			dump_line(d);
		}
		purpose = now;
		dump_atom(d, a);
	}
}

static void
dump_answer(Dump *d, const char *what, const char *name, const Form *f)
{
	const RealSum *r = f->real;

	fprintf(d->line, "%s%s%s = ", what, *name ? " " : "", name);
	print_form(d->line, d->names, f);
	if (r)
		dump_remark(d, "%.6g..%.6g +- %.2g, ready %d", r->min, r->max, real_error(f),
		            form_ready(f));
	else
		dump_remark(d, "%" PRId64 "..%" PRId64 ", ready %d", f->lo, f->hi, form_ready(f));
}

static void
dump_answers(Dump *d)
{
	const Circuit *c = d->names->c;
	const Graph *g = c->g;

	for (int i = 0; c->emit && i < g->nfield; i++)
		dump_answer(d, "emit", g->field ? g->field[i].name : "", c->emit[i]);
	for (int i = 0; i < g->noutput; i++)
		dump_answer(d, "output", g->output[i].name, c->output[i]);
}

void
dump_circuit(const Circuit *c, FILE *to)
{
	Dump d;

	dump_begin(&d, c, to);
	const AtomNames *names = d.names;
	fprintf(d.line, "circuit %s", c->g->name);
	dump_remark(&d, "%d features, %d values at %d places, %d neurons",
	            names->nlive - names->count[VALUE] - names->count[NEURON], names->count[VALUE],
	            names->nlookup, names->count[NEURON]);
	dump_atoms(&d, false);
	dump_atoms(&d, true);
	dump_answers(&d);
	dump_end(&d);
}
