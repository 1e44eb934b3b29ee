/* Columns to weights, and the proof that they are exact: the writer of the plain target.
 *
 * Every sum that the model makes (a projection, a score, a neuron, a write into a column, a
 * logit) is a sum of integers; while the absolute values of its terms add up to less than 2^24,
 * every partial sum is exact in float32, in any order and on any engine. If all terms are
 * multiples of a power of two, as recency is of 128, they are counted in that. The bound is
 * computed here for each of them, from the intervals of what is really written.
 *
 * Constants of forms become biases: write_reader() gives each reader its own. */

#include "backend/explain.h"
#include "backend/target/plain/plain.h"
#include "lang/text.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/model.h"

typedef struct WeightWriter {
	Columns *cols;
	Schedule *s;
	Circuit *c;
	TwModel *m;
	Report *r;
	double **all;      /* (states)(columns) the largest absolute value of each column */
	double *most;      /* (columns) the same in the state at hand */
	double *real;      /* (columns) scratch: the coefficients of a real's reader */
	Combination *uses; /* (natom) by id: the columns that hold it */
	ProvedSum at;      /* which sum is being proved */
	int failed;
} WeightWriter;

static float *
zero_floats(WeightWriter *w, size_t n)
{
	return arena_alloc(w->c->arena, sizeof(float) * (n ? n : 1));
}

/* The largest sum of absolute terms, and a power of two that all terms are multiples of. */
typedef struct TermBound {
	double most; /* of absolute values */
	int64_t unit;
} TermBound;

static void
record_sum(WeightWriter *w, double sum)
{
	Report *r = w->r;

	w->at.most = sum;
	GROW(w->c->arena, r->proved, r->capproved, r->nproved + 1);
	r->proved[r->nproved++] = w->at;
}

/* The values of what is written here, for a message. */
static const char *
here_for(const WeightWriter *w, const Node *n)
{
	if (!n || n->type.real)
		return "";
	return arena_fmt(w->c->arena, " (here for int %lld..%lld)", (long long)n->type.lo,
	                 (long long)n->type.hi);
}

static void
require_exact(WeightWriter *w, const Node *n, double sum, const char *what)
{
	if (sum > w->r->largest_sum)
		w->r->largest_sum = sum;
	if (sum < EXACT_MAX || w->failed++)
		return;
	error_at_node(
		w->c, n,
		"not exact: the terms of this %s can add up to %.0f, and a 32-bit float is exact "
		"only below %d%s; bound what it is made of with min, max or %%, keep it as digits "
		"(digits, bits), or emit it step by step",
		what, sum, EXACT_MAX, here_for(w, n));
}

static void
prove(WeightWriter *w, const Node *n, double sum, const char *what)
{
	record_sum(w, sum);
	require_exact(w, n, sum, what);
}

/* Is it a sum of neurons with a proof of their own? Then no bound is asked of it: it stands alone
 * in its slot, and what reads it is proved by a margin, or is a ReLU of 1 less it. */
static bool
has_margin(const Form *f)
{
	for (int i = 0; i < f->n; i++)
		if (f->term[i].atom->margin)
			return true;
	return false;
}

static bool
made_in(const Form *f, int state)
{
	for (int i = 0; i < f->n; i++)
		if (f->term[i].atom->ready == state)
			return true;
	return false;
}

/* Is any of it there by this state? */
static bool
changed_by(const Form *f, int state)
{
	for (int i = 0; i < f->n; i++)
		if (f->term[i].atom->ready <= state)
			return true;
	return false;
}

/* What column i can hold, by state: it changes where some of it becomes ready. */
static void
find_max_abs_of(WeightWriter *w, int i, bool *changes)
{
	const Form *f = w->cols->form[i];
	int states = min_int(last_state(w->s->nlayer) + 1, w->cols->cleared[i]);
	double most = 0;

	for (int t = 0; t < f->n; t++)
		changes[f->term[t].atom->ready] = true;
	for (int state = 0; state < states; state++) {
		if (changes[state])
			most = form_max_abs(f, state);
		w->all[state][i] = most;
	}
	for (int t = 0; t < f->n; t++)
		changes[f->term[t].atom->ready] = false;
}

static void
find_max_abs(WeightWriter *w)
{
	int states = last_state(w->s->nlayer) + 1;
	bool *changes = NEWS(w->c->arena, bool, states);

	w->all = NEWS(w->c->arena, double *, states);
	for (int state = 0; state < states; state++)
		w->all[state] = NEWS(w->c->arena, double, w->cols->n + 1);
	for (int i = 0; i < w->cols->n; i++)
		if (!has_margin(w->cols->form[i]))
			find_max_abs_of(w, i, changes);
}

static void
enter_state(WeightWriter *w, int state)
{
	w->most = w->all[state];
}

/* The coefficients by column with which a real is read, into w->real. False if some term is not
 * there as a whole. *sum gets the largest sum of absolute terms, *n how many they are. */
static bool
real_coefficients(WeightWriter *w, int state, const RealSum *r, const double *most, double *sum,
                  int *n)
{
	memset(w->real, 0, sizeof *w->real * (size_t)w->cols->n);
	*sum = fabs(r->k);
	*n = 1;
	for (int t = 0; t < r->n; t++) {
		const Form *f = r->term[t].f;
		bool alone = f->bundle || (f->n == 1 && f->term[0].atom->real);
		const Combination *uses = form_ready(f) <= state ? columns_read(w->cols, state, f)
		                                                 : NULL;
		if (!uses)
			return false;
		for (int i = 0; i < uses->n; i++) {
			double c = r->term[t].c * (double)uses->at[i].times;
			w->real[uses->at[i].column] += c;
			*sum += fabs(c) * (alone ? real_max_abs(f) : most[uses->at[i].column]);
			++*n;
		}
	}
	return true;
}

static TermBound
write_real_reader(WeightWriter *w, int state, const Form *f, float *matrix, int width, int j,
                  float *bias)
{
	double sum;
	int n;

	if (!real_coefficients(w, state, f->real, w->most, &sum, &n))
		abort(); /* allocate_columns() guarantees it */
	*bias = (float)f->real->k;
	for (int i = 0; i < w->cols->n; i++)
		if (w->real[i] != 0)
			matrix[(size_t)w->cols->slot[i] * (size_t)width + (size_t)j] =
				(float)w->real[i];
	if (f->n && real_rounding(sum, n) > 1.001 * real_allowed(f) && !w->failed++)
		error_at_node(w->c, f->term[f->n - 1].atom->node,
		              "this real is made of larger parts than its error bound allows for%s",
		              w->cols->width < w->cols->n
		                      ? "; a wider --d-model leaves it columns of its own"
		                      : "");
	return (TermBound){ sum, 1 };
}

/* Writes f, a reader in this state, into column j of an (d_model, width) matrix. */
static TermBound
write_reader(WeightWriter *w, int state, const Form *f, float *matrix, int width, int j,
             float *bias)
{
	double most = fabs((double)f->k);
	int64_t bits = f->k;

	if (f->real)
		return write_real_reader(w, state, f, matrix, width, j, bias);
	*bias = (float)f->k;
	const Combination *uses = f->n ? columns_read(w->cols, state, f) : NULL;
	if (f->n && !uses)
		abort(); /* allocate_columns() guarantees it */
	for (int i = 0; uses && i < uses->n; i++) {
		const ColumnTerm *u = &uses->at[i];
		matrix[(size_t)w->cols->slot[u->column] * (size_t)width + (size_t)j] =
			(float)u->times;
		most += fabs((double)u->times) * w->most[u->column];
		bits |= u->times;
	}
	int64_t unit = bits ? bits & -bits : 1;
	return (TermBound){ most, unit < EXACT_MAX ? unit : EXACT_MAX };
}

static void
prove_reader(WeightWriter *w, const Node *n, TermBound s, const char *what)
{
	prove(w, n, s.most / (double)s.unit, what);
}

/* Numbers that are fed have a row of weights each; a column holds a sum of them. */
static void
write_inputs(WeightWriter *w)
{
	TwModel *m = w->m;
	const Graph *g = w->c->g;

	m->ninput = g->ninput;
	m->input = NEWS(w->c->arena, TwInput, g->ninput + 1);
	m->embed_input = zero_floats(w, (size_t)g->ninput * (size_t)m->d_model);
	for (int i = 0; i < g->ninput; i++) {
		const Input *in = &g->input[i];
		TwKind kind = in->kind == K_REAL ? TW_REAL : in->kind == K_BOOL ? TW_BOOL : TW_INT;
		m->input[i] = (TwInput){ (char *)in->name, kind, (float)in->min, (float)in->max };
	}
	for (int i = 0; i < w->cols->n; i++) {
		const Form *f = w->cols->form[i];
		double sum = 0;
		for (int t = 0; t < f->n; t++) {
			const Atom *a = f->term[t].atom;
			sum += a->ready ? 0 : fabs((double)f->term[t].c) * atom_max_abs(a);
			if (a->kind == INPUT_FEATURE)
				m->embed_input[a->input * m->d_model + w->cols->slot[i]] =
					(float)f->term[t].c;
		}
		w->at = (ProvedSum){ SUM_EMBEDDING, 0, w->cols->slot[i], 0 };
		prove(w, f->n ? f->term[0].atom->node : NULL, sum, "sum of what is fed");
	}
}

static bool
has_features(const Form *f)
{
	for (int t = 0; t < f->n; t++)
		if (f->term[t].atom->kind < INPUT_FEATURE)
			return true;
	return false;
}

/* ---- the embedding ---- */

/* The digits of which the live features by place are functions, side by side as cells: in a short
 * context one digit, the place itself. */
typedef struct PlaceCells {
	int n, cap;
	TwPlaceDigit *digit; /* (n) */
	int *first;          /* (n) its first cell */
	int cells;
} PlaceCells;

static int
cells_of_digit(WeightWriter *w, PlaceCells *p, const TwPlaceDigit *digit)
{
	for (int i = 0; i < p->n; i++)
		if (same_digit(&p->digit[i], digit))
			return p->first[i];
	int cap = p->cap;
	GROW(w->c->arena, p->digit, p->cap, p->n + 1);
	GROW(w->c->arena, p->first, cap, p->n + 1);
	p->digit[p->n] = *digit;
	p->first[p->n++] = p->cells;
	p->cells += digit->modulo;
	return p->first[p->n - 1];
}

static bool
is_by_place(const Atom *a)
{
	return a->kind == PLACE_FEATURE || (a->kind == REAL_FEATURE && a->by_place);
}

static PlaceCells
find_place_cells(WeightWriter *w)
{
	PlaceCells p = { 0 };
	TwPlaceDigit whole = { 0, 1, w->c->places, false };

	if (!w->m->by_digits)
		cells_of_digit(w, &p, &whole);
	for (int i = 0; i < w->cols->n; i++)
		for (int t = 0; t < w->cols->form[i]->n; t++) {
			const Atom *a = w->cols->form[i]->term[t].atom;
			if (is_by_place(a) && (a->table || a->reals))
				cells_of_digit(w, &p, &whole);
			for (int k = 0; k < a->npart; k++)
				cells_of_digit(w, &p, &a->part[k].digit);
		}
	return p;
}

/* What the tables of tokens and places give to one column. */
typedef struct Embedded {
	double *row;  /* (rows) */
	double *cell; /* (cells) */
} Embedded;

static void
add_place_feature(WeightWriter *w, const Term *t, PlaceCells *p, double *cell)
{
	const Atom *a = t->atom;

	for (int i = 0; i < a->npart; i++) {
		double *at = cell + cells_of_digit(w, p, &a->part[i].digit);
		for (int d = 0; d < a->part[i].digit.modulo; d++)
			at[d] += (double)t->c * (double)a->part[i].value[d];
	}
	if (a->npart)
		return;
	cell += cells_of_digit(w, p, &(TwPlaceDigit){ 0, 1, w->c->places, false });
	for (int d = 0; d < w->c->places; d++)
		cell[d] += (double)t->c * (a->reals ? a->reals[d] : (double)a->table[d]);
}

static void
add_feature(WeightWriter *w, const Term *t, PlaceCells *p, Embedded *e)
{
	const Atom *a = t->atom;
	bool by_token = a->kind == TOKEN_FEATURE || (a->kind == REAL_FEATURE && !a->by_place);

	for (int r = 0; by_token && r < w->c->rows; r++)
		e->row[r] += (double)t->c * (a->reals ? a->reals[r] : (double)a->table[r]);
	if (is_by_place(a))
		add_place_feature(w, t, p, e->cell);
}

static double
largest_of(const double *v, int n)
{
	double most = 0;

	for (int i = 0; i < n; i++)
		most = fmax(most, fabs(v[i]));
	return most;
}

/* The largest power of two of which all these whole numbers are multiples; 1 where one is none. */
static double
unit_of_numbers(double unit, const double *v, int n)
{
	for (int i = 0; i < n; i++)
		while (unit > 1 && fmod(v[i], unit) != 0)
			unit /= 2;
	return unit;
}

/* A row of each field, and one of each digit of the place. */
static void
prove_embedding(WeightWriter *w, const Form *f, const Embedded *e, const PlaceCells *p, int slot)
{
	const Graph *g = w->c->g;
	int nfield = g->nfield > 0 ? g->nfield : 1;
	double bos = nfield * fabs(e->row[w->c->rows - 1]), sum = 0;
	double unit = unit_of_numbers(EXACT_MAX, e->row, w->c->rows);

	for (int i = 0; i < p->n; i++) {
		unit = unit_of_numbers(unit, e->cell + p->first[i], p->digit[i].modulo);
		bool place = p->digit[i].modulo == w->c->places; /* <bos> alone has its row 0 */
		bos += fabs(e->cell[p->first[i]]);
		sum += largest_of(e->cell + p->first[i] + place, p->digit[i].modulo - place);
	}
	for (int i = 0; i < g->nfield; i++)
		sum += largest_of(e->row + first_row(g, i), rows_of(g, i));
	w->at = (ProvedSum){ SUM_EMBEDDING, 0, slot, 0 };
	record_sum(w, fmax(sum, bos));
	require_exact(w, f->n ? f->term[0].atom->node : NULL, fmax(sum, bos) / unit, "embedding");
}

/* Of what all slots have of a digit, cell by cell, the slots that have any. */
static TwPlacePart
part_of_cells(WeightWriter *w, const TwPlaceDigit *digit, const float *cells)
{
	TwPlacePart part = { .digit = *digit };
	int d = w->m->d_model, n = digit->modulo;

	part.column = NEWS(w->c->arena, int, d);
	for (int i = 0; i < d; i++) {
		int k = 0;
		while (k < n && cells[(size_t)k * (size_t)d + (size_t)i] == 0)
			k++;
		if (k < n)
			part.column[part.ncolumn++] = i;
	}
	part.table = zero_floats(w, (size_t)n * (size_t)part.ncolumn);
	for (int k = 0; k < n; k++)
		for (int i = 0; i < part.ncolumn; i++)
			part.table[k * part.ncolumn + i] =
				cells[(size_t)k * (size_t)d + (size_t)part.column[i]];
	return part;
}

/* The cells, (cells, d_model), as the model keeps them. */
static void
write_places(WeightWriter *w, const PlaceCells *p, float *cells)
{
	TwModel *m = w->m;

	if (!m->by_digits) {
		m->embed_position = cells;
		return;
	}
	m->part = NEWS(w->c->arena, TwPlacePart, p->n + 1);
	for (int i = 0; i < p->n; i++) {
		m->part[m->npart] = part_of_cells(w, &p->digit[i],
		                                  cells + (size_t)p->first[i] * (size_t)m->d_model);
		m->npart += m->part[m->npart].ncolumn > 0;
	}
}

static void
write_embedding(WeightWriter *w)
{
	TwModel *m = w->m;
	m->by_digits = w->c->places > WHOLE_PLACES;
	PlaceCells p = find_place_cells(w);
	size_t d = (size_t)m->d_model, rows = (size_t)w->c->rows, ncell = (size_t)p.cells;
	Embedded e = { NEWS(w->c->arena, double, rows), NEWS(w->c->arena, double, ncell + 1) };

	if (w->c->g->ninput)
		write_inputs(w);
	m->embed_token = zero_floats(w, rows * d);
	float *cells = zero_floats(w, ncell * d);
	for (int i = 0; i < w->cols->n; i++) {
		const Form *f = w->cols->form[i];
		size_t at = (size_t)w->cols->slot[i];
		if (!has_features(f))
			continue;
		memset(e.row, 0, rows * sizeof *e.row);
		memset(e.cell, 0, ncell * sizeof *e.cell);
		for (int t = 0; t < f->n; t++)
			add_feature(w, &f->term[t], &p, &e);
		for (size_t r = 0; r < rows; r++)
			m->embed_token[r * d + at] = (float)e.row[r];
		for (size_t k = 0; k < ncell; k++)
			cells[k * d + at] = (float)e.cell[k];
		if (!m->ninput)
			prove_embedding(w, f, &e, &p, (int)at);
	}
	write_places(w, &p, cells);
}

/* Which columns hold an atom: for each form's terms, by atom. */
static void
find_holders(WeightWriter *w)
{
	int natom = w->c->natom, *n = NEWS(w->c->arena, int, natom + 1);

	w->uses = NEWS(w->c->arena, Combination, natom + 1);
	for (int i = 0; i < w->cols->n; i++)
		for (int t = 0; t < w->cols->form[i]->n; t++)
			n[w->cols->form[i]->term[t].atom->id]++;
	for (int i = 0; i < w->cols->n; i++) {
		for (int t = 0; t < w->cols->form[i]->n; t++) {
			const Term *term = &w->cols->form[i]->term[t];
			Combination *u = &w->uses[term->atom->id];
			if (!u->at)
				u->at = NEWS(w->c->arena, ColumnTerm, n[term->atom->id]);
			u->at[u->n++] = (ColumnTerm){ i, term->c };
		}
	}
}

/* What a sublayer adds: row `at` of a (…, d_model) matrix. `sum` collects by column. */
static void
write_atom_row(WeightWriter *w, const Atom *a, float *row, double *sum)
{
	for (int i = 0; i < w->uses[a->id].n; i++) {
		const ColumnTerm *u = &w->uses[a->id].at[i];
		row[w->cols->slot[u->column]] = (float)u->times;
		if (!a->margin)
			sum[u->column] += (double)llabs(u->times) * atom_max_abs(a);
	}
}

static double *
new_sums(WeightWriter *w)
{
	return arena_alloc(w->c->arena, sizeof(double) * (size_t)(w->cols->n + 1));
}

/* What most of the sum in this slot is for. */
static const Node *
main_node_in(WeightWriter *w, const double *sum, int slot)
{
	const Form *f = NULL;
	double most = 0;

	for (int i = 0; i < w->cols->n; i++)
		if (w->cols->slot[i] == slot && w->cols->form[i]->n && sum[i] + w->most[i] > most) {
			most = sum[i] + w->most[i];
			f = w->cols->form[i];
		}
	return f ? f->term[0].atom->node : NULL;
}

/* Is there a sum with a proof of its own in this column, or is one taken away? */
static bool
stands_by_margin(const Columns *cols, int i, int state)
{
	const Form *f = cols->form[i];

	return has_margin(f) && state <= cols->cleared[i] && changed_by(f, state);
}

static void
prove_writes(WeightWriter *w, SumKind kind, int layer, const double *sum, const Node *n)
{
	double *all = new_sums(w);
	int state = kind == SUM_MLP_WRITE ? state_after_mlp(layer) : state_after_attention(layer);

	for (int i = 0; i < w->cols->n; i++) {
		all[w->cols->slot[i]] += sum[i] + w->most[i];
		if (stands_by_margin(w->cols, i, state))
			all[w->cols->slot[i]] = -INFINITY;
	}
	for (int i = 0; i < w->cols->n; i++) {
		const Form *f = w->cols->form[i];
		if (has_step(f) && made_in(f, state)) /* nothing else is added up in its slot */
			all[w->cols->slot[i]] = f->n == 1 && all[w->cols->slot[i]] == 1 ? -INFINITY
			                                                                : EXACT_MAX;
	}
	for (int i = 0; i < w->cols->width; i++) {
		if (all[i] < 0)
			continue;
		w->at = (ProvedSum){ kind, layer, i, 0 };
		prove(w, n || all[i] < EXACT_MAX ? n : main_node_in(w, sum, i), all[i], "value");
	}
}

static int
key_size(const Head *h)
{
	return h->lookup->ndim ? h->lookup->ndim : 1;
}

static void
write_head(WeightWriter *w, TwLayer *l, const Head *h, int layer, double *sum)
{
	int at = h->index, state = state_before(layer), qk = l->heads * l->dk,
	    vs = l->heads * l->dv;
	const Lookup *sel = h->lookup;
	TermBound score = { score_max_abs(w->c, sel), INT64_MAX };

	for (int i = 0; i < sel->ndim; i++) {
		int j = at * l->dk + i;
		TermBound q = write_reader(w, state, sel->q[i], l->wq, qk, j, &l->bq[j]);
		TermBound k = write_reader(w, state, sel->k[i], l->wk, qk, j, &l->bk[j]);
		w->at = (ProvedSum){ SUM_QUERY, layer, j, 0 };
		prove_reader(w, sel->ref, q, "query");
		w->at.kind = SUM_KEY;
		prove_reader(w, sel->ref, k, "key");
		if (sel->q[i]->real || sel->k[i]->real) /* multiples of nothing */
			q.unit = k.unit = 1;
		score.unit = score.unit < q.unit * k.unit ? score.unit : q.unit * k.unit;
	}
	w->at = (ProvedSum){ SUM_SCORE, layer, at, 0 };
	prove_reader(w, sel->ref, score, "score");
	if (score.most > PLAIN_SCORE_MAX)
		prove(w, sel->ref, score.most, "score");
	for (int i = 0; i < h->nvalue; i++) {
		Atom *v = h->value[i];
		if (!v->live)
			continue;
		int j = at * l->dv + v->column;
		w->at = (ProvedSum){ SUM_VALUE, layer, j, 0 };
		prove_reader(w, v->node, write_reader(w, state, v->in, l->wv, vs, j, &l->bv[j]),
		             "value");
		write_atom_row(w, v, l->wo + (size_t)j * (size_t)w->m->d_model, sum);
	}
}

static void
write_attention(WeightWriter *w, int layer)
{
	TwLayer *l = &w->m->layer[layer];
	size_t d = (size_t)w->m->d_model;

	l->heads = w->s->nhead[layer];
	for (int i = 0; i < l->heads; i++) {
		const Head *h = w->s->head[layer][i];
		l->dk = max_int(key_size(h), l->dk);
		l->dv = max_int(h->ndim, l->dv);
	}
	size_t qk = (size_t)(l->heads * l->dk), vs = (size_t)(l->heads * l->dv);
	l->wq = zero_floats(w, d * qk);
	l->wk = zero_floats(w, d * qk);
	l->wv = zero_floats(w, d * vs);
	l->wo = zero_floats(w, vs * d);
	l->bq = zero_floats(w, qk);
	l->bk = zero_floats(w, qk);
	l->bv = zero_floats(w, vs);
	enter_state(w, state_before(layer));
	double *sum = new_sums(w);
	for (int i = 0; i < l->heads; i++)
		write_head(w, l, w->s->head[layer][i], layer, sum);
	prove_writes(w, SUM_ATTENTION_WRITE, layer, sum,
	             l->heads ? w->s->head[layer][0]->lookup->ref : NULL);
}

/* Neuron `at` takes away what stands in a column: see column_reuse.c. */
static void
write_clearing(WeightWriter *w, int layer, int column, int at, double *sum)
{
	TwLayer *l = &w->m->layer[layer];
	int64_t lo = w->cols->least[column];
	int slot = w->cols->slot[column];

	l->w1[slot * l->neurons + at] = 1;
	l->b1[at] = (float)-lo;
	l->w2[at * w->m->d_model + slot] = -1;
	l->b2[slot] -= (float)lo;
	sum[column] += w->most[column] + 2 * (double)llabs(lo);
	w->at = (ProvedSum){ SUM_NEURON, layer, at, 0 };
	if (!has_margin(w->cols->form[column]))
		prove(w, w->cols->form[column]->term[0].atom->node,
		      w->most[column] + (double)llabs(lo), "neuron");
}

/* What a neuron is multiplied by, where the target has that: read from the same state. */
static void
prove_factor(WeightWriter *w, const Atom *a, int state)
{
	float *row = zero_floats(w, (size_t)w->m->d_model), k;

	prove_reader(w, a->node, write_reader(w, state, a->times, row, 1, 0, &k), "factor");
}

/* relu(in - 1), which is taken away from relu(in). */
static void
write_second(WeightWriter *w, TwLayer *l, const Atom *a)
{
	int d = w->m->d_model, n = l->neurons;

	for (int i = 0; i < d; i++) {
		l->w1[i * n + a->second] = l->w1[i * n + a->column];
		l->w2[a->second * d + i] = -l->w2[a->column * d + i];
	}
	l->b1[a->second] = l->b1[a->column] - 1;
}

static void
write_mlp(WeightWriter *w, int layer)
{
	TwLayer *l = &w->m->layer[layer];
	size_t d = (size_t)w->m->d_model, n = (size_t)neurons_in(w->cols, layer);

	l->neurons = (int)n;
	l->w1 = zero_floats(w, d * n);
	l->b1 = zero_floats(w, n);
	l->w2 = zero_floats(w, n * d);
	l->b2 = zero_floats(w, d);
	enter_state(w, state_after_attention(layer));
	double *sum = new_sums(w);
	for (size_t i = 0; i < (size_t)w->s->nneuron[layer]; i++) {
		Atom *a = w->s->neuron[layer][i];
		w->at = (ProvedSum){ SUM_NEURON, layer, (int)i, 0 };
		TermBound in = write_reader(w, state_after_attention(layer), a->in, l->w1, (int)n,
		                            (int)i, &l->b1[i]);
		if (has_margin(a->in)) /* of the rest of a flag: nothing that is seen to be so */
			require_exact(w, a->node, in.most / (double)in.unit, "neuron");
		else if (!a->margin && !a->step)
			prove_reader(w, a->node, in, "neuron");
		if (a->times)
			prove_factor(w, a, state_after_attention(layer));
		write_atom_row(w, a, l->w2 + i * d, sum);
		if (a->step)
			write_second(w, l, a);
		for (size_t j = 0; j < d && a->lift; j++)
			l->b2[j] -= (float)a->lift * l->w2[i * d + j];
	}
	for (int i = 0, at = w->s->nneuron[layer] + w->s->nstep[layer]; i < w->cols->n; i++)
		if (w->cols->cleared[i] == state_after_mlp(layer))
			write_clearing(w, layer, i, at++, sum);
	prove_writes(w, SUM_MLP_WRITE, layer, sum,
	             w->s->nneuron[layer] ? w->s->neuron[layer][0]->node : NULL);
}

enum { MANY_ROWS = 2364 };
/* 2 c v + c c, of <end> both: as many as there are rows */
_Static_assert(3LL * MANY_ROWS * MANY_ROWS < EXACT_MAX
                       && 3 * (MANY_ROWS + 1) * (MANY_ROWS + 1) >= EXACT_MAX,
               "so many rows of a field are exact, and no more");

/* The logit of row c of a field whose value is v: 2 c v - c * c, which is greatest at c = v, by
 * 1. */
static void
write_logit(WeightWriter *w, int state, int field, int c, int row)
{
	TwModel *m = w->m;
	const Form *f = form_scale(w->c, 2 * c, w->c->emit[field], -(int64_t)c * c);
	int rows = rows_of(w->c->g, field);
	const char *what = rows <= MANY_ROWS ? "logit"
	                                     : arena_fmt(w->c->arena,
	                                                 "logit, one of %d (%d are always exact),",
	                                                 rows, MANY_ROWS);

	w->at = (ProvedSum){ SUM_LOGIT, 0, row, 0 };
	prove_reader(w, w->c->g->emit[field],
	             write_reader(w, state, f, m->head_w, w->c->rows, row, &m->head_b[row]), what);
}

/* Logits: those of a record's fields stand side by side, and the greatest of each field is its
 * row. The first field has <end> too; <bos> never wins. */
static void
write_logits(WeightWriter *w, int state)
{
	TwModel *m = w->m;
	const Graph *g = w->c->g;
	int bos = w->c->rows - 1;

	m->emits = w->c->emit != NULL;
	if (!m->emits)
		return;
	m->head_w = zero_floats(w, (size_t)(m->d_model * w->c->rows));
	m->head_b = zero_floats(w, (size_t)w->c->rows);
	for (int i = 0; i < g->nfield; i++)
		for (int c = 0; c < rows_of(g, i); c++)
			write_logit(w, state, i, c, first_row(g, i) + c);
	write_logit(w, state, 0, rows_of(g, 0), g->nvocab);
	m->head_b[bos] = (float)(-(int64_t)bos * bos);
}

static TwMembers
members_of(const Named *n)
{
	return (TwMembers){ n->nmember, (char **)n->member };
}

static TwKind
runtime_kind(const Named *n)
{
	switch (n->kind) {
	case K_BOOL: return TW_BOOL;
	case K_TOKEN: return TW_TOKEN;
	case K_REAL: return TW_REAL;
	default: return TW_INT;
	}
}

static void
write_labels(WeightWriter *w, int state)
{
	TwModel *m = w->m;
	const Graph *g = w->c->g;

	m->nlabel = g->noutput;
	m->label = arena_alloc(w->c->arena, sizeof *m->label * (size_t)(g->noutput + 1));
	for (int i = 0; i < g->noutput; i++) {
		TwLabel *l = &m->label[i];
		l->name = (char *)g->output[i].name;
		l->kind = runtime_kind(&g->output[i]);
		l->members = members_of(&g->output[i]);
		l->error = w->c->output[i]->real ? (float)(1.0001 * real_error(w->c->output[i]))
		                                 : 0;
		l->columns = 1;
		l->w = zero_floats(w, (size_t)m->d_model);
		l->b = zero_floats(w, 1);
		w->at = (ProvedSum){ SUM_LABEL, 0, i, 0 };
		prove_reader(w, g->output[i].node,
		             write_reader(w, state, w->c->output[i], l->w, 1, 0, l->b), "label");
	}
}

/* ---- what the file says beside the weights ---- */

static int
node_line(const Graph *g, const Node *n)
{
	return source_line(node_source(g, n), n->span.lo);
}

/* Can f be read from the stream in this state, exactly if it is of integers? Then w->real has the
 * coefficients. */
static bool
find_decoding(WeightWriter *w, const Form *f, int state)
{
	double terms;
	int n;

	if (f->real)
		return real_coefficients(w, state, f->real, w->all[state], &terms, &n);
	const Combination *uses = columns_read(w->cols, state, f);
	double sum = 0;

	memset(w->real, 0, sizeof *w->real * (size_t)w->cols->n);
	for (int i = 0; uses && i < uses->n; i++) {
		w->real[uses->at[i].column] = (double)uses->at[i].times;
		sum += (double)llabs(uses->at[i].times) * w->all[state][uses->at[i].column];
	}
	return uses && sum + (double)llabs(f->k) < EXACT_MAX;
}

/* Are all columns that w->real uses still there in this state? */
static bool
is_standing(const WeightWriter *w, int state)
{
	for (int i = 0; i < w->cols->n; i++)
		if (w->real[i] != 0 && state >= w->cols->cleared[i])
			return false;
	return true;
}

/* From the first that can hold a value on, where it is looked for: later ones seldom have what the
 * first have not, and each takes time. */
enum { NAMED_STATES = 8 };

static const Form *
form_to_decode(const WeightWriter *w, const Named *n)
{
	return n->node->id < w->c->capform ? w->c->form[n->node->id] : NULL;
}

static void
begin_named(const Named *n, TwNamed *out)
{
	out->name = (char *)n->name;
	out->kind = runtime_kind(n);
	out->members = members_of(n);
	out->reference = n->kind == K_POS;
	out->folded = true;
}

/* What w->real says of how f is read in a state. */
static void
write_decoding(WeightWriter *w, const Form *f, int state, TwNamed *out)
{
	out->folded = false;
	out->state = state;
	out->bias = (float)(f->real ? f->real->k : (double)f->k);
	for (int i = 0; i < w->cols->n; i++)
		out->ncolumn += w->real[i] != 0;
	out->column = NEWS(w->c->arena, int, out->ncolumn + 1);
	out->weight = zero_floats(w, (size_t)out->ncolumn);
	for (int i = 0, k = 0; i < w->cols->n; i++)
		if (w->real[i] != 0) {
			out->column[k] = w->cols->slot[i];
			out->weight[k++] = (float)w->real[i];
		}
}

/* Where each named value stands, state by state. */
static void
find_decodings(WeightWriter *w)
{
	const Graph *g = w->c->g;

	for (int state = 0; state <= last_state(w->s->nlayer); state++) {
		for (int i = 0; i < g->nnamed; i++) {
			const Form *f = form_to_decode(w, &g->named[i]);
			int from = f ? form_ready(f) : 0;
			if (!f || !w->m->named[i].folded || state < from
			    || state >= from + NAMED_STATES)
				continue;
			if (find_decoding(w, f, state) && is_standing(w, state))
				write_decoding(w, f, state, &w->m->named[i]);
		}
	}
}

static void
write_named(WeightWriter *w)
{
	const Graph *g = w->c->g;

	w->m->nnamed = g->nnamed;
	w->m->named = arena_alloc(w->c->arena, sizeof *w->m->named * (size_t)(g->nnamed + 1));
	for (int i = 0; i < g->nnamed; i++)
		begin_named(&g->named[i], &w->m->named[i]);
	find_decodings(w);
	uint32_t at = 0;
	int line = 1;
	for (int i = 0; i < g->nnamed; i++) {
		const Named *n = &g->named[i];
		if (n->file)
			continue;
		line = n->span.lo < at ? source_line(g->files[0], n->span.lo)
		                       : source_line_from(g->files[0], at, line, n->span.lo);
		at = n->span.lo;
		w->m->named[i].line = line;
	}
}

static void
write_certificate(WeightWriter *w)
{
	TextBuilder t = { .arena = w->c->arena };
	const char *comma = "";

	text_addf(&t, "{\"heads\":[");
	for (int l = 0; l < w->s->nlayer; l++) {
		for (int i = 0; i < w->s->nhead[l]; i++, comma = ",") {
			const Lookup *s = w->s->head[l][i]->lookup;
			text_addf(&t, "%s{\"layer\":%d,\"head\":%d,\"intent\":\"%s\"", comma, l, i,
			          s->intent);
			if (!s->ref)
				text_addf(&t, ",\"offset\":%d", s->offset);
			else
				text_addf(&t, ",\"line\":%d", node_line(w->c->g, s->ref));
			text_addf(&t, ",\"gap\":%" PRId64 "}", s->gap);
		}
	}
	text_addf(&t, "]}");
	w->m->certificate = t.s;

	const Source *src = w->c->g->files[0];
	uint64_t hash = 1469598103934665603u; /* FNV-1a of the source text */
	for (uint32_t i = 0; i < src->len; i++)
		hash = (hash ^ (unsigned char)src->text[i]) * 1099511628211u;
	w->m->source = arena_fmt(w->c->arena, "{\"name\":\"%s\",\"fnv1a\":\"%016" PRIx64 "\"}",
	                         w->c->g->name, hash);
}

/* ---- the report ---- */

static void
tally_weights(Report *r, const float *v, size_t n)
{
	r->parameters += (long)n;
	for (size_t i = 0; i < n; i++)
		r->nonzeros += v[i] != 0;
}

static void
report_sizes(const WeightWriter *w)
{
	const TwModel *m = w->m;
	Report *r = w->r;
	size_t d = (size_t)m->d_model, rows = (size_t)w->c->rows;

	if (m->ninput)
		tally_weights(r, m->embed_input, (size_t)m->ninput * d);
	else
		tally_weights(r, m->embed_token, rows * d);
	if (!m->by_digits)
		tally_weights(r, m->embed_position, (size_t)w->c->places * d);
	for (int i = 0; i < m->npart; i++)
		tally_weights(r, m->part[i].table,
		              (size_t)m->part[i].digit.modulo * (size_t)m->part[i].ncolumn);
	for (int i = 0; i < m->nlayer; i++) {
		const TwLayer *l = &m->layer[i];
		size_t qk = (size_t)(l->heads * l->dk), vs = (size_t)(l->heads * l->dv),
		       n = (size_t)l->neurons;
		tally_weights(r, l->wq, d * qk);
		tally_weights(r, l->wk, d * qk);
		tally_weights(r, l->bq, qk);
		tally_weights(r, l->bk, qk);
		tally_weights(r, l->wv, d * vs);
		tally_weights(r, l->bv, vs);
		tally_weights(r, l->wo, vs * d);
		tally_weights(r, l->w1, d * n);
		tally_weights(r, l->b1, n);
		tally_weights(r, l->w2, n * d);
		tally_weights(r, l->b2, n ? d : 0);
	}
	if (m->emits) {
		tally_weights(r, m->head_w, d * rows);
		tally_weights(r, m->head_b, rows);
	}
	for (int i = 0; i < m->nlabel; i++) {
		tally_weights(r, m->label[i].w, d);
		tally_weights(r, m->label[i].b, 1);
	}
}

TwModel *
plain_weights(Columns *cols, Report *r)
{
	Circuit *c = cols->s->c;
	const Graph *g = c->g;
	TwModel *m = NEW(c->arena, TwModel);
	WeightWriter w = { .cols = cols, .s = cols->s, .c = c, .m = m, .r = r };
	int last = last_state(cols->s->nlayer);

	*r = (Report){ .layers = cols->s->nlayer,
		       .free_layers = cols->s->free_layers,
		       .d_model = cols->width ? cols->width : 1,
		       .context = g->context,
		       .heads = cols->s->nhead,
		       .neurons = NEWS(c->arena, int, cols->s->nlayer + 1) };
	for (int l = 0; l < r->layers; l++)
		r->neurons[l] = neurons_in(cols, l);
	m->name = (char *)g->name;
	m->nvocab = g->nvocab;
	m->vocab = (char **)g->vocab;
	m->record = g->field != NULL;
	m->nfield = g->nfield;
	m->first = arena_alloc(c->arena, sizeof *m->first * (size_t)(g->nfield + 1));
	for (int i = 0; i <= g->nfield; i++)
		m->first[i] = i < g->nfield ? first_row(g, i) : g->nvocab;
	m->context = g->context;
	m->bidirectional = g->bidirectional;
	m->d_model = r->d_model;
	m->nlayer = r->layers;
	m->layer = arena_alloc(c->arena, sizeof *m->layer * (size_t)(m->nlayer + 1));
	w.real = NEWS(c->arena, double, cols->n + 1);
	find_holders(&w);
	find_max_abs(&w);
	write_embedding(&w);
	for (int l = 0; l < m->nlayer; l++) {
		write_attention(&w, l);
		write_mlp(&w, l);
	}
	enter_state(&w, last);
	write_logits(&w, last);
	write_labels(&w, last);
	write_named(&w);
	write_certificate(&w);
	report_sizes(&w);
	r->columns = cols;
	const Form **ends = arena_alloc(c->arena,
	                                sizeof *ends * (size_t)(g->nfield + g->noutput + 1));
	int n = 0;
	for (int i = 0; c->emit && i < g->nfield; i++)
		ends[n++] = c->emit[i];
	for (int i = 0; i < g->noutput; i++)
		ends[n++] = c->output[i];
	r->chain = find_chain(cols, n, ends, &r->nchain);
	return m;
}
