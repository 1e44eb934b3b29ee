/* Names and sums, as all dumps print them.
 *
 *     n4 = relu(v0 + v3 - 9)              # 0..9, ready 4, sum[0]
 *     t1 = token '1'..'9' -> 1..9         # where nothing is said it is 0
 *     c3 = v1 - 2 n4..n9@6                # n4 to n9, each twice; they come in state 6
 *
 * What nothing depends on has no name: the circuit also holds what was tried and given up. */

#include "backend/dump/dump.h"

#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- which atoms there are ---- */

static void
names_mark(AtomNames *names, const Form *f)
{
	for (int i = 0; i < f->n; i++)
		names->live[f->term[i].atom->id] = true;
}

static void
names_mark_inputs(AtomNames *names, const Atom *a)
{
	if (a->in)
		names_mark(names, a->in);
	for (int d = 0; a->head && d < a->head->lookup->ndim; d++) {
		names_mark(names, a->head->lookup->q[d]);
		names_mark(names, a->head->lookup->k[d]);
	}
}

int
find_number(const AtomNames *names, const Lookup *s)
{
	int i = 0;

	while (i < names->nlookup && names->lookup[i] != s)
		i++;
	return i;
}

/* Operands have smaller ids than who reads them, so one way back reaches all. */
AtomNames *
names_new(Arena *arena, const Circuit *c)
{
	AtomNames *names = NEW(arena, AtomNames);

	*names = (AtomNames){ .c = c,
		              .live = NEWS(arena, bool, c->natom + 1),
		              .number = NEWS(arena, int, c->natom + 1),
		              .lookup = NEWS(arena, const Lookup *, c->natom + 1) };
	for (int i = 0; c->emit && i < c->g->nfield; i++)
		names_mark(names, c->emit[i]);
	for (int i = 0; i < c->g->noutput; i++)
		names_mark(names, c->output[i]);
	for (int i = c->natom; i-- > 0;)
		if (names->live[i])
			names_mark_inputs(names, c->atom[i]);
	for (int i = 0; i < c->natom; i++) {
		const Atom *a = c->atom[i];
		if (!names->live[i])
			continue;
		names->number[i] = names->count[a->kind]++;
		names->nlive++;
		if (a->head && find_number(names, a->head->lookup) == names->nlookup)
			names->lookup[names->nlookup++] = a->head->lookup;
	}
	return names;
}

const char *
atom_name(const AtomNames *names, const Atom *a)
{
	static const char letter[] = "tprxnv";

	if (!names->live[a->id])
		return arena_fmt(names->c->arena, "atom %d", a->id);
	return arena_fmt(names->c->arena, "%c%d", letter[a->kind], names->number[a->id]);
}

const char *
find_name(const AtomNames *names, const Lookup *s)
{
	return arena_fmt(names->c->arena, "find%d", find_number(names, s));
}

const char *
atom_purpose(const AtomNames *names, const Atom *a)
{
	const Graph *g = names->c->g;

	if (a->owner >= 0)
		return g->named[a->owner].name;
	return a->node && a->node->span.hi > a->node->span.lo ? source_excerpt(g, a->node) : "";
}

/* ---- sums ---- */

void
print_term(FILE *f, double times, const char *what, bool first)
{
	const char *sign = times < 0 ? (first ? "-" : " - ") : first ? "" : " + ";
	double size = fabs(times);

	if (!*what)
		fprintf(f, "%s%.9g", sign, size);
	else if (size == 1)
		fprintf(f, "%s%s", sign, what);
	else
		fprintf(f, "%s%.9g %s", sign, size, what);
}

static bool
is_single(const Form *f)
{
	return f->n == 1 && f->term[0].c == 1;
}

/* How many terms from i on are atoms of one kind, numbered one after the other, taken equally
 * often. */
static int
alike(const AtomNames *names, const Term *t, int i, int n)
{
	int from = i;

	while (i + 1 < n && t[i + 1].c == t[i].c && t[i + 1].atom->kind == t[i].atom->kind
	       && t[i + 1].atom->ready == t[i].atom->ready
	       && names->number[t[i + 1].atom->id] == names->number[t[i].atom->id] + 1)
		i++;
	return i - from + 1;
}

void
print_terms(FILE *to, const AtomNames *names, const Form *f, int since)
{
	for (int i = 0; i < f->n;) {
		const Term *t = &f->term[i];
		int n = alike(names, f->term, i, f->n);
		n = n < 3 ? 1 : n;
		print_term(to, (double)t->c, atom_name(names, t->atom), i == 0);
		if (n > 1)
			fprintf(to, "..%s", atom_name(names, f->term[i + n - 1].atom));
		if (t->atom->ready > since)
			fprintf(to, "@%d", t->atom->ready);
		i += n;
	}
}

void
print_form(FILE *to, const AtomNames *names, const Form *f)
{
	const RealSum *r = f->real;
	double k = r ? r->k : (double)f->k;
	int n = r ? r->n : f->n;

	if (!r)
		print_terms(to, names, f, INT_MAX);
	for (int i = 0; r && i < r->n; i++) {
		const Form *part = r->term[i].f;
		if (is_single(part)) {
			print_term(to, r->term[i].c, atom_name(names, part->term[0].atom), i == 0);
			continue;
		}
		print_term(to, r->term[i].c, "(", i == 0);
		print_terms(to, names, part, INT_MAX);
		fputc(')', to);
	}
	if (k != 0 || !n)
		print_term(to, k, "", n == 0);
}

/* ---- tables ---- */

void
print_entry(FILE *f, const AtomNames *names, bool by_place, int i)
{
	const Graph *g = names ? names->c->g : NULL;

	if (!names)
		fprintf(f, "%d", i);
	else if (by_place && i > 0)
		fprintf(f, "%d", i - 1);
	else if (by_place || i > g->nvocab)
		fputs("<bos>", f);
	else if (i == g->nvocab)
		fputs("<end>", f);
	else if (g->field)
		fprintf(f, "{%s}", g->vocab[i]);
	else if (!strcmp(g->vocab[i], "\n"))
		fputs("'\\n'", f);
	else
		fprintf(f, "'%s'", g->vocab[i]);
}

/* How many entries from i on are the same, or else go up or down by the same step. */
static int
run_length(const double *at, int i, int n, double *step)
{
	int to = i + 1;

	*step = to < n ? at[to] - at[i] : 0;
	while (to < n && at[to] != 0 && at[to] - at[to - 1] == *step)
		to++;
	return to - i < 3 && *step != 0 ? 1 : to - i;
}

enum { RUNS_MAX = 8 }; /* printed; what there is beside is counted */

/* Entries have names, or are numbers where names is NULL. */
static void
print_runs(FILE *f, const AtomNames *names, bool by_place, int n, const double *at)
{
	int runs = 0, left = 0;

	for (int i = 0; i < n;) {
		double step;
		int length = at[i] != 0 ? run_length(at, i, n, &step) : 1, last = i + length - 1;
		if (at[i] != 0 && runs == RUNS_MAX)
			left += length;
		if (at[i] != 0 && runs < RUNS_MAX) {
			fputs(runs++ ? ", " : "", f);
			print_entry(f, names, by_place, i);
			if (last > i) {
				fputs("..", f);
				print_entry(f, names, by_place, last);
			}
			fprintf(f, " -> %.9g", at[i]);
			if (at[last] != at[i] && fabs(step) != 1)
				fprintf(f, ", %.9g, ", at[i + 1]);
			if (at[last] != at[i])
				fprintf(f, "..%.9g", at[last]);
		}
		i += length;
	}
	if (left)
		fprintf(f, ", … %d more", left);
	if (!runs)
		fputc('0', f);
}

void
print_feature(FILE *f, const AtomNames *names, bool by_place, const double *at)
{
	print_runs(f, names, by_place, by_place ? names->c->places : names->c->rows, at);
}

void
print_digit(FILE *f, const TwPlaceDigit *d)
{
	fputs(d->saturate ? "min(" : "", f);
	if (d->back)
		fprintf(f, "max(place - %d, 0)", d->back);
	else
		fputs("place", f);
	if (d->divide > 1)
		fprintf(f, " // %d", d->divide);
	if (d->saturate)
		fprintf(f, ", %d) ", d->modulo - 1);
	else
		fprintf(f, " %% %d ", d->modulo);
}

void
print_digit_table(FILE *f, int n, const double *at)
{
	print_runs(f, NULL, true, n, at);
}

/* ---- lines ---- */

enum { REMARK_COLUMN = 56 };

void
dump_begin(Dump *d, const Circuit *c, FILE *to)
{
	*d = (Dump){ .to = to };
	d->names = names_new(&d->arena, c);
	d->line = open_memstream(&d->text, &d->n);
	if (!d->line)
		arena_fail();
}

void
dump_end(Dump *d)
{
	fclose(d->line);
	free(d->text);
	arena_free(&d->arena);
}

/* On the screen, where a tab reaches to the next multiple of eight. */
static int
line_width(const char *s, size_t n)
{
	int width = 0;

	for (size_t i = 0; i < n; i++) {
		if (s[i] == '\t')
			width = (width / 8 + 1) * 8;
		else
			width += ((unsigned char)s[i] & 0xc0) != 0x80;
	}
	return width;
}

void
dump_line(Dump *d)
{
	fflush(d->line);
	fwrite(d->text, 1, d->n, d->to);
	fputc('\n', d->to);
	rewind(d->line);
}

void
dump_remark(Dump *d, const char *remark, ...)
{
	va_list ap;

	fflush(d->line);
	int pad = REMARK_COLUMN - line_width(d->text, d->n);
	fprintf(d->line, "%*s# ", pad > 2 ? pad : 2, "");
	va_start(ap, remark);
	vfprintf(d->line, remark, ap);
	va_end(ap);
	dump_line(d);
}

const char *
range_text(Dump *d, const Atom *a)
{
	if (a->real && a->error > 0)
		return arena_fmt(&d->arena, "%.6g..%.6g +- %.2g", a->min, a->max, a->error);
	return arena_fmt(&d->arena, "%" PRId64 "..%" PRId64, a->lo, a->hi);
}
