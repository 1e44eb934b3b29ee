/* The network from the embedding to its answers: what the stream holds at a position of the
 * text, as forms, and at <bos>, as numbers. <bos> stands first, sees only itself and is the
 * same in every text, so that it is simply computed. */

#include "prove/prove.h"

#include <math.h>
#include <stdlib.h>

void
add_site(Proof *p, Fact fact, bool proved, const char *where, const char *reason)
{
	p->all[fact]++;
	p->proved[fact] += proved;
	if (proved)
		return;
	p->site = realloc(p->site, (size_t)(p->nsite + 1) * sizeof *p->site);
	if (!p->site)
		malformed("out of memory");
	p->site[p->nsite++] = (Site){ fact, proved, where, reason };
}

/* A sum that is not exact. */
void
add_real(Proof *p, const char *what)
{
	p->real = realloc(p->real, (size_t)(p->reals + 1) * sizeof *p->real);
	if (!p->real)
		malformed("out of memory");
	p->real[p->reals++] = what;
}

/* ---- the embedding */

/* What a token of a field adds to column c: a function of the token. */
static void
embed_field(Proof *p, int field, int c, Form *x)
{
	const Model *m = p->m;
	int first = m->first[field], n = m->first[field + 1] - first;
	double *table = TAKE(double, n);

	for (int i = 0; i < n; i++)
		table[i] = (double)m->embed_token[(size_t)(first + i) * (size_t)m->d + (size_t)c];
	Form f = form_of_table(p, roots_of(p, p->field[field]), table, NULL);
	*x = sum_of_forms(x, &f, 1);
	free(table);
}

static double
part_value(const PlacePart *part, int place, int i)
{
	int digit = (place > part->back ? place - part->back : 0) / part->divide;

	digit = !part->saturate        ? digit % part->modulo
	        : digit < part->modulo ? digit
	                               : part->modulo - 1;
	return (double)part->table[(size_t)digit * (size_t)part->ncolumn + (size_t)i];
}

/* What one of the place's digits adds to column c. */
static double
part_of(const Model *m, int part, int place, int c)
{
	for (int i = 0; i < m->part[part].ncolumn; i++)
		if (m->part[part].column[i] == c)
			return part_value(&m->part[part], place, i);
	return 0;
}

/* What a place adds to column c: its row of the table, or the sum of what its digits add. */
static double
place_value(const Model *m, int place, int c)
{
	double sum = 0;

	if (!m->by_digits)
		return (double)m->embed_position[(size_t)place * (size_t)m->d + (size_t)c];
	for (int i = 0; i < m->npart; i++)
		sum = plus(sum, part_of(m, i, place, c));
	return sum;
}

static void
embed_place(Proof *p, int c, Form *x)
{
	int n = p->place->size;
	double *table = TAKE(double, n);

	for (int i = 0; i < n; i++)
		table[i] = place_value(p->m, i + 1, c);
	Form f = form_of_table(p, roots_of(p, p->place), table, NULL);
	*x = sum_of_forms(x, &f, 1);
	free(table);
}

/* The numbers of a model without tokens: whole ones of few values are roots. */
static void
embed_numbers(Proof *p)
{
	const Model *m = p->m;

	for (int i = 0; i < m->ninput; i++) {
		const Input *in = &m->input[i];
		bool whole = in->kind != KIND_REAL && in->high - in->low < SMALL;
		Form f;
		if (whole) {
			int n = (int)(in->high - in->low) + 1;
			double *table = TAKE(double, n);
			for (int v = 0; v < n; v++)
				table[v] = in->low + v;
			const Roots *roots = roots_of(p, new_root(p, ROOT_INPUT, n, 0, i));
			f = form_of_table(p, roots, table, NULL);
		} else {
			/* A real is any float32 there, of a step finer than all that matters. */
			int step = in->kind == KIND_REAL ? -1000 : 0;
			f = form_of_atom(atom_of_range(p, (Range){ in->low, in->high }, 0, step),
			                 1);
		}
		for (int c = 0; c < m->d; c++) {
			double w = (double)m->embed_input[(size_t)i * (size_t)m->d + (size_t)c];
			if (w != 0)
				p->x[c] = sum_of_forms(&p->x[c], &f, w);
		}
	}
}

/* An addend of a sum, w times what is below `most` and a multiple of 2^step. */
static void
count_addend(Reader *sum, double most, double bos)
{
	int step = step_of(bos);

	sum->n += most != 0 || bos != 0;
	sum->total += fmax(fabs(most), fabs(bos));
	sum->step = step < sum->step ? step : sum->step;
}

static void
count_rows(const Model *m, int c, Reader *sum)
{
	for (int f = 0; f < m->nfield && !m->ninput; f++) {
		double most = 0;
		for (int i = m->first[f]; i <= m->first[f + 1]; i++) {
			int row = i < m->first[f + 1] ? i : m->nvocab + 1;
			double x = (double)m->embed_token[(size_t)row * (size_t)m->d + (size_t)c];
			int step = step_of(x);
			sum->step = step < sum->step ? step : sum->step;
			most = fmax(most, fabs(x));
		}
		count_addend(sum, most, 0);
	}
	for (int i = 0; i < m->ninput; i++) {
		double w = (double)m->embed_input[(size_t)i * (size_t)m->d + (size_t)c];
		bool whole = m->input[i].kind != KIND_REAL;
		int step = w == 0 ? NO_STEP : whole ? step_of(w) : -1000;
		sum->step = step < sum->step ? step : sum->step;
		count_addend(sum, w * fmax(fabs(m->input[i].low), fabs(m->input[i].high)), 0);
	}
}

/* The embedding is a sum like any other: rows or numbers, and what the place adds. */
static void
prove_embedding_sums(Proof *p)
{
	const Model *m = p->m;

	for (int c = 0; c < m->d; c++) {
		Reader sum = { .step = NO_STEP };
		count_rows(m, c, &sum);
		for (int part = 0; part < (m->by_digits ? m->npart : 1); part++) {
			double most = 0;
			int step = NO_STEP;
			for (int place = 0; place < m->places; place++) {
				double x = m->by_digits ? part_of(m, part, place, c)
				                        : place_value(m, place, c);
				step = step_of(x) < step ? step_of(x) : step;
				most = fmax(most, fabs(x));
			}
			count_addend(&sum, most, 0);
			sum.step = step < sum.step ? step : sum.step;
		}
		if (sum.n <= 1 && !m->ninput)
			continue;
		if (fits(sum.total, sum.step, MANTISSA))
			continue;
		p->x[c].error = (sum.n + 3) * 0x1p-24 * sum.total * 1.01;
		add_real(p, text("column %d of the embedding, up to %g", c, sum.total));
	}
}

static void
embed(Proof *p)
{
	const Model *m = p->m;
	int bos = m->nvocab + 1;

	if (m->context > LARGE)
		malformed("a context of %d places is more than this program looks at", m->context);
	p->place = new_root(p, ROOT_PLACE, m->context, 0, 0);
	p->field = TAKE(Root *, m->nfield);
	for (int f = 0; f < m->nfield && !m->ninput; f++)
		p->field[f] = new_root(p, ROOT_TOKEN, m->first[f + 1] - m->first[f], 0, f);
	for (int c = 0; c < m->d; c++) {
		p->x[c] = form_of(0);
		p->bos[c] = place_value(m, 0, c);
		for (int f = 0; f < m->nfield && !m->ninput; f++) {
			embed_field(p, f, c, &p->x[c]);
			p->bos[c] = plus(
				p->bos[c],
				(double)m->embed_token[(size_t)bos * (size_t)m->d + (size_t)c]);
		}
		embed_place(p, c, &p->x[c]);
	}
	if (m->ninput)
		embed_numbers(p);
	prove_embedding_sums(p);
}

/* ---- */

/* Of each column as it now stands: its range, its step, whether it is exact. */
void
look_at_columns(Proof *p)
{
	for (int c = 0; c < p->m->d; c++) {
		const Form *f = &p->x[c];
		double error = error_of_form(f);
		Range r = range_of(p, f);
		int step = form_step(f), of_bos = step_of(p->bos[c]);
		p->range[c] = r;
		p->exact[c] = form_is_exact(f) && p->bos_error[c] == 0;
		p->most[c] = fmax(magnitude_of(r) + error, fabs(p->bos[c]) + p->bos_error[c]);
		p->step[c] = p->exact[c] ? (step < of_bos ? step : of_bos) : -1000;
	}
}

void
prove_model(Proof *p, const Model *m)
{
	p->m = m;
	p->most_values = SMALL;
	p->x = TAKE(Form, m->d);
	p->bos = TAKE(double, m->d);
	p->bos_error = TAKE(double, m->d);
	p->range = TAKE(Range, m->d);
	p->most = TAKE(double, m->d);
	p->step = TAKE(int, m->d);
	p->exact = TAKE(bool, m->d);
	p->least_gap = INFINITY;
	embed(p);
	look_at_columns(p);
	for (int n = 0; n < m->nlayer; n++) {
		if (m->layer[n].heads) {
			p->state = 2 * n + 1;
			prove_attention(p, n);
			look_at_columns(p);
		}
		if (m->layer[n].neurons) {
			p->state = 2 * n + 2;
			prove_neurons(p, n);
			look_at_columns(p);
		}
	}
	prove_answers(p);
}
