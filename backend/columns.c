/* Which columns the residual stream has.
 *
 * A column is one affine form. In each state it holds those of its terms that are
 * ready, and a layer adds what it makes; so a column never moves and is never
 * cleared. Readers are taken from the last state to the first; one that is an
 * integer combination of the columns there needs none of its own. "Integer"
 * matters: 9/28 of a column would not be exact.
 *
 * Integer combinations are found in an echelon basis of the lattice that the
 * columns span (Hermite's form, by Euclid on the pivots), which remembers of each
 * of its rows how it was made of columns. */

#include "backend/circuit.h"

#include <stdlib.h>
#include <string.h>

#define TOO_LARGE ((int64_t)1 << 44)    /* coefficients of this size are of no use */

typedef struct Row {
	int pivot;
	int64_t *v;             /* (ndim) */
	int64_t *w;             /* (cap) of columns */
} Row;

typedef struct Basis {
	int n;
	Row *row;               /* (n) by ascending pivot */
	bool lost;              /* coefficients grew out of hand: trust it no more */
} Basis;

/* How a reader was served: kept, since a later column may turn the basis and with
 * it the combination. Found by its primitive form and state. */
typedef struct Answer {
	struct Answer *next;
	int state;
	const Form *form;       /* primitive */
	int64_t *w;             /* (cap) */
} Answer;

enum { BUCKETS = 4096 };

typedef struct Space {
	Columns c;              /* first: what others see */
	int ndim;
	int *dim;               /* (natom) of an atom; tokens, and many features of places, have a row each instead */
	int place_rows;         /* the first of the places' rows, or -1 */
	Basis *basis;           /* (states) */
	double *largest;        /* (cap)(states) what a column can hold, sharp; 0 if not asked for yet */
	Answer *answer[BUCKETS];
} Space;

static void
expand(const Space *sp, const Form *f, int state, int64_t *v)
{
	const Circuit *c = sp->c.s->c;

	memset(v, 0, sizeof *v * (size_t)sp->ndim);
	for (int i = 0; i < f->n; i++) {
		const Atom *a = f->term[i].atom;
		if (a->ready > state)
			continue;
		if (a->kind == TOKEN_FEATURE)
			for (int r = 0; r < c->rows; r++)
				v[r] += f->term[i].c * a->table[r];
		else if (a->kind == PLACE_FEATURE && sp->place_rows >= 0)
			for (int r = 0; r < c->places; r++)
				v[sp->place_rows + r] += f->term[i].c * a->table[r];
		else
			v[sp->dim[a->id]] += f->term[i].c;
	}
}

static int
first_of(const int64_t *v, int n)
{
	int i = 0;

	while (i < n && !v[i])
		i++;
	return i;
}

/* a -= q * b; false when it grows too large */
static bool
subtract(int64_t *a, const int64_t *b, int64_t q, int n)
{
	bool fits = true;

	for (int i = 0; i < n; i++) {
		a[i] -= q * b[i];
		fits = fits && llabs(a[i]) < TOO_LARGE;
	}
	return fits;
}

static Row *
row_with(Basis *b, int pivot)
{
	for (int i = 0; i < b->n; i++)
		if (b->row[i].pivot == pivot)
			return &b->row[i];
	return NULL;
}

static void
basis_add(Space *sp, Basis *b, int64_t *v, int64_t *w)
{
	int n = sp->ndim, p;

	while (!b->lost && (p = first_of(v, n)) < n) {
		Row *r = row_with(b, p);
		if (!r) {
			b->row[b->n++] = (Row){ p, v, w };
			return;
		}
		int64_t q = v[p] / r->v[p];
		b->lost = !subtract(v, r->v, q, n) || !subtract(w, r->w, q, sp->c.cap);
		if (v[p]) {             /* Euclid: the remainder is the smaller pivot */
			Row t = *r;
			r->v = v;
			r->w = w;
			v = t.v;
			w = t.w;
		}
	}
}

/* The column whose multiple f is in this state, or -1. */
static int
same_column(Columns *c, int state, const int64_t *v, int64_t *times, int64_t *room)
{
	const Space *sp = (Space *)c;

	for (int i = 0; i < c->n; i++) {
		expand(sp, c->form[i], state, room);
		int p = first_of(room, sp->ndim);
		if (p == sp->ndim || v[p] % room[p])
			continue;
		int64_t q = v[p] / room[p];
		int d = 0;
		while (d < sp->ndim && v[d] == q * room[d])
			d++;
		if (d == sp->ndim && q) {
			*times = q;
			return i;
		}
	}
	return -1;
}

static bool
dims_known(const Space *sp, const Form *f)
{
	for (int i = 0; i < f->n; i++)
		if (!f->term[i].atom->live)
			return false;
	return sp->ndim > 0;
}

static bool
read_columns(Space *sp, int state, const Form *f, int64_t *w, int64_t *v, int64_t *room)
{
	Basis *b = &sp->basis[state];
	int p, n = sp->ndim, i;
	int64_t times;

	memset(w, 0, sizeof *w * (size_t)sp->c.cap);
	if (!dims_known(sp, f) || f->ready > state)
		return false;
	expand(sp, f, state, v);
	if (first_of(v, n) == n)
		return true;
	if ((i = same_column(&sp->c, state, v, &times, room)) >= 0) {
		w[i] = times;
		return true;
	}
	while (!b->lost && (p = first_of(v, n)) < n) {
		Row *r = row_with(b, p);
		if (!r || v[p] % r->v[p])
			return false;
		int64_t q = v[p] / r->v[p];
		if (!subtract(v, r->v, q, n) || !subtract(w, r->w, -q, sp->c.cap))
			return false;
	}
	for (i = 0; i < sp->c.n; i++)
		if (llabs(w[i]) > 1 << 12)      /* a column of its own keeps the terms small */
			return false;
	return !b->lost;
}

static int64_t
gcd(int64_t a, int64_t b)
{
	return b ? gcd(b, a % b) : llabs(a);
}

static int
by_id(const void *p, const void *q)
{
	return ((const Term *)p)->atom->id - ((const Term *)q)->atom->id;
}

/* f without its constant and common factor, its first term positive: what a column
 * is worth holding. */
static const Form *
primitive(Arena *arena, const Form *f, int64_t *factor)
{
	int64_t g = 0;

	for (int i = 0; i < f->n; i++)
		g = gcd(f->term[i].c, g);
	if (f->term[0].c < 0)
		g = -g;
	if (f->near)                    /* its error is that of these weights */
		g = 1;
	Form *p = NEW(arena, Form);
	Term *t = arena_alloc(arena, sizeof *t * (size_t)(f->n + 1));
	*p = *f;
	if (llabs(g) != 1)
		p->of[0] = p->of[1] = NULL;
	p->by[0] *= g;
	p->by[1] *= g;
	for (int i = 0; i < f->n; i++)
		t[i] = (Term){ f->term[i].atom, f->term[i].c / g };
	p->term = t;
	p->k = 0;
	p->lo = ((g > 0 ? f->lo : f->hi) - f->k) / g;
	p->hi = ((g > 0 ? f->hi : f->lo) - f->k) / g;
	*factor = g;
	return p;
}

static Answer **
answer_slot(Space *sp, int state, const Form *f)
{
	uint64_t h = (uint64_t)state;

	for (int i = 0; i < f->n; i++)
		h = (h ^ (uint64_t)f->term[i].atom->id ^ (uint64_t)f->term[i].c << 20) * 0x9e3779b97f4a7c15u;
	Answer **at = &sp->answer[h >> 52];
	while (*at && ((*at)->state != state || !form_equal((*at)->form, f)))
		at = &(*at)->next;
	return at;
}

bool
columns_read(Columns *c, int state, const Form *f, int64_t *w)
{
	Space *sp = (Space *)c;
	Arena scratch = { 0 };
	int64_t factor, n = sp->ndim + 1;

	memset(w, 0, sizeof *w * (size_t)c->cap);
	if (!f->n)
		return true;
	const Form *p = primitive(&scratch, f, &factor);
	const Answer *known = *answer_slot(sp, state, p);
	int64_t *v = arena_alloc(&scratch, 2 * sizeof *v * (size_t)n);
	bool found = known || read_columns(sp, state, p, w, v, v + n);
	for (int i = 0; i < c->cap; i++)
		w[i] = factor * (known ? known->w[i] : w[i]);
	arena_free(&scratch);
	return found;
}

static void
add_column(Space *sp, const Form *f)
{
	Circuit *c = sp->c.s->c;
	int at = sp->c.n++;

	sp->c.form[at] = f;
	if (f->near)                    /* no part of any combination */
		return;
	for (int state = 0; state <= 2 * sp->c.s->nlayer; state++) {
		int64_t *v = arena_alloc(c->arena, sizeof *v * (size_t)(sp->ndim + sp->c.cap)), *w = v + sp->ndim;
		expand(sp, f, state, v);
		w[at] = 1;
		basis_add(sp, &sp->basis[state], v, w);
	}
}

static void need(Space *, int state, const Form *, int64_t *w);

/* w += times * how f is read, once it has what it needs */
static void
need_part(Space *sp, int state, const Form *f, int64_t times, int64_t *w)
{
	int64_t *one = arena_alloc(sp->c.s->c->arena, sizeof *one * (size_t)sp->c.cap);

	need(sp, state, f, one);
	if (!columns_read(&sp->c, state, f, one))
		abort();                /* what need() is for */
	for (int i = 0; i < sp->c.cap; i++)
		w[i] += times * one[i];
}

/* Does it stand better in a column of its own? */
static bool
is_apart(const Form *part)
{
	return part->n > 1 || form_terms(part) >= EXACT_MAX / 4;
}

/* The parts of a form that is too large: neurons of one linear part together, and
 * each term that is large by itself. */
static bool
in_lines(Space *sp, int state, const Form *f, int64_t *w)
{
	Arena *arena = sp->c.s->c->arena;
	Form *part = arena_alloc(arena, sizeof *part * (size_t)f->n), rest = { .ready = f->ready };
	Term *term = arena_alloc(arena, sizeof *term * (size_t)f->n);
	int n = form_parts(arena, f, state, part);

	for (int i = 0; i < n; i++) {
		if (is_apart(&part[i]))
			continue;
		term[rest.n++] = part[i].term[0];
		rest.lo += part[i].lo;
		rest.hi += part[i].hi;
	}
	if (rest.n == f->n || (n == 1 && !rest.n))
		return false;
	qsort(term, (size_t)rest.n, sizeof *term, by_id);
	rest.term = term;
	for (int i = 0; i < n; i++)
		if (is_apart(&part[i]))
			need_part(sp, state, &part[i], 1, w);
	need_part(sp, state, &rest, 1, w);
	return true;
}

static bool
is_real(const Form *f)
{
	for (int i = 0; i < f->n; i++)
		if (f->term[i].atom->real)
			return true;
	return false;
}

/* A form whose terms cannot be added up in one column stands in several: those it
 * was added up from, as far as they are there. */
static bool
in_parts(Space *sp, int state, const Form *f, int64_t *w)
{
	memset(w, 0, sizeof *w * (size_t)sp->c.cap);
	if (f->n > 1 && is_real(f)) {   /* rounded values do not bear being combined */
		for (int i = 0; i < f->n; i++) {
			const Atom *a = f->term[i].atom;
			Term one = { f->term[i].atom, 1 };
			Form alone = { .n = 1, .term = &one, .lo = a->lo, .hi = a->hi, .ready = a->ready };
			need_part(sp, state, &alone, f->term[i].c, w);
		}
		return true;
	}
	if (form_terms(f) < EXACT_MAX / 8 * 5)
		return false;
	if (!f->of[0] || f->of[0]->ready > state || f->of[1]->ready > state || form_equal(f, f->of[0]))
		return in_lines(sp, state, f, w);
	need_part(sp, state, f->of[0], f->by[0], w);
	need_part(sp, state, f->of[1], f->by[1], w);
	return true;
}

static void
own_column(Space *sp, const Form *f, int64_t *w)
{
	int i = 0;

	memset(w, 0, sizeof *w * (size_t)sp->c.cap);
	while (f->near && i < sp->c.n && !form_equal(sp->c.form[i], f))
		i++;
	if (!f->near || i == sp->c.n) {
		i = sp->c.n;
		add_column(sp, f);
	}
	w[i] = 1;
}

static double
largest(const Form *f, int state)
{
	Arena scratch = { 0 };
	Form *part = arena_alloc(&scratch, sizeof *part * (size_t)(f->n + 1));
	int n = form_parts(&scratch, f, state, part);
	double sum = 0;

	for (int i = 0; i < n; i++)
		sum += (double)(-part[i].lo > part[i].hi ? -part[i].lo : part[i].hi);
	arena_free(&scratch);
	return sum;
}

/* Would the terms of this combination, `factor` times, be too many where a column of
 * its own would do? */
static bool
is_wasteful(Space *sp, int state, const Form *f, int64_t factor, const int64_t *w)
{
	double sum = 0;
	int used = 0, states = 2 * sp->c.s->nlayer + 1;

	for (int i = 0; i < sp->c.n; i++) {
		double *known = &sp->largest[(size_t)i * (size_t)states + (size_t)state];
		if (!w[i])
			continue;
		if (!*known)
			*known = largest(sp->c.form[i], state);
		sum += (double)llabs(w[i]) * *known;
		used++;
	}
	sum *= (double)llabs(factor);
	return used > 1 && sum >= EXACT_MAX / 2 && sum > 2 * largest(f, state) * (double)llabs(factor);
}

static void
need(Space *sp, int state, const Form *f, int64_t *w)
{
	Arena *arena = sp->c.s->c->arena;
	int64_t factor;

	if (!f->n)
		return;
	const Form *p = primitive(arena, f, &factor);
	Answer **at = answer_slot(sp, state, p);
	if (*at && !is_wasteful(sp, state, p, factor, (*at)->w))
		return;
	bool apart = *at || p->near;            /* or else: what is there, its parts, a column */
	bool read = !apart && columns_read(&sp->c, state, p, w) && !is_wasteful(sp, state, p, factor, w);
	if (!read && (apart || !in_parts(sp, state, p, w)))
		own_column(sp, p, w);
	if (!*at) {
		*at = NEW(arena, Answer);
		**at = (Answer){ .state = state, .form = p, .w = arena_alloc(arena, sizeof *w * (size_t)sp->c.cap) };
	}
	memcpy((*at)->w, w, sizeof *w * (size_t)sp->c.cap);
}

static int
readers(const Schedule *s)
{
	int n = 1 + s->c->g->noutput;

	for (int l = 0; l < s->nlayer; l++) {
		n += s->nneuron[l];
		for (int h = 0; h < s->nhead[l]; h++)
			n += s->head[l][h]->nvalue + 2 * s->head[l][h]->select->ndim;
	}
	return n;
}

enum { FEW_FEATURES = 4, MANY_PLACES = 1024 };

static void
set_dims(Space *sp)
{
	const Circuit *c = sp->c.s->c;
	int features = 0;

	sp->dim = arena_alloc(c->arena, sizeof *sp->dim * (size_t)(c->natom + 1));
	sp->ndim = c->rows;
	for (int i = 0; i < c->natom; i++)
		features += c->atom[i]->live && c->atom[i]->kind == PLACE_FEATURE;
	/* few features are hardly combinations of one another */
	sp->place_rows = features > FEW_FEATURES && c->places <= MANY_PLACES ? sp->ndim : -1;
	if (sp->place_rows >= 0)
		sp->ndim += c->places;
	for (int i = 0; i < c->natom; i++)
		if (c->atom[i]->live && (c->atom[i]->kind > PLACE_FEATURE || (c->atom[i]->kind == PLACE_FEATURE && sp->place_rows < 0)))
			sp->dim[i] = sp->ndim++;
}

Columns *
allocate(Schedule *s)
{
	Circuit *c = s->c;
	Space *sp = NEW(c->arena, Space);
	int states = 2 * s->nlayer + 1, most = readers(s);

	sp->c.s = s;
	set_dims(sp);
	if (most > sp->ndim)
		most = sp->ndim;
	sp->c.cap = most + 1;
	/* room for one column more than there are dimensions never runs out while
	 * lattices are whole; a refused combination may ask for more */
	sp->c.cap += readers(s);
	sp->c.form = arena_alloc(c->arena, sizeof *sp->c.form * (size_t)sp->c.cap);
	sp->largest = arena_alloc(c->arena, sizeof *sp->largest * (size_t)sp->c.cap * (size_t)states);
	sp->basis = arena_alloc(c->arena, sizeof *sp->basis * (size_t)states);
	for (int i = 0; i < states; i++)
		sp->basis[i].row = arena_alloc(c->arena, sizeof(Row) * (size_t)(sp->ndim + 1));

	int64_t *w = arena_alloc(c->arena, sizeof *w * (size_t)sp->c.cap);
	if (c->emit)
		need(sp, states - 1, c->emit, w);
	for (int i = 0; i < c->g->noutput; i++)
		need(sp, states - 1, c->output[i], w);
	for (int l = s->nlayer - 1; l >= 0; l--) {
		for (int i = 0; i < s->nneuron[l]; i++)
			need(sp, 2 * l + 1, s->neuron[l][i]->in, w);
		for (int h = 0; h < s->nhead[l]; h++) {
			const Head *head = s->head[l][h];
			for (int v = 0; v < head->nvalue; v++)
				if (head->value[v]->live)
					need(sp, 2 * l, head->value[v]->in, w);
			for (int d = 0; d < head->select->ndim; d++) {
				need(sp, 2 * l, head->select->q[d], w);
				need(sp, 2 * l, head->select->k[d], w);
			}
		}
	}
	return &sp->c;
}
