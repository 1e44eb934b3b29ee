/* Which forms are integer combinations of the columns: is a vector in the lattice that they span,
 * and by which coefficients?
 *
 * Gaussian elimination, on an echelon basis of the columns whose rows remember how they were made
 * of them. It reckons modulo a prime of 61 bits, as modular methods of computer algebra do (von
 * zur Gathen and Gerhard, Modern Computer Algebra, ch. 5), so no coefficient grows on the way,
 * however many columns there are: a solution of small integers is the one over the rationals, and
 * one that is no integer there looks large. (A Hermite normal form would decide every case, with
 * numbers that grow.) A column that depends on others stays out of the basis, or takes the place
 * of one that is an integer combination of it and the others, as 2x is of x. */

#include "backend/layout/lattice.h"
#include "lang/int_division.h"

#include <stdlib.h>
#include <string.h>

/* Residues are between -2^60 and 2^60, so that a small integer is its own. */
#define PRIME (((int64_t)1 << 61) - 1)

/* n integers of at most ENTRY_MAX, each TIMES_MAX times, add up to less than 2^60. */
enum { ENTRY_MAX = 1 << 28, TIMES_MAX = 1 << 20, PARTS_MAX = 1 << 11 };

/* One row of the basis. All numbers are residues. */
typedef struct BasisRow {
	struct BasisRow *next;
	Vec v; /* over dimensions; the first entry, the pivot, is 1 */
	Vec w; /* over columns: the combination of them that it is */
} BasisRow;

typedef struct Basis {
	int ncolumn;     /* so many columns have been put in */
	BasisRow *first; /* of all rows */
	BasisRow **row;  /* (ndim) by pivot, NULL where there is none */
	struct IndexedColumn *
		*known; /* (BUCKETS) hash table of the columns as they are in this state */
	int caplargest;
	double *largest; /* (caplargest) what a column can hold, sharp; 0 if not asked for yet */
} Basis;

typedef struct IndexedColumn {
	struct IndexedColumn *next;
	uint64_t hash;
	int column;
	Vec v;
} IndexedColumn;

enum { BUCKETS = 4096 }; /* of the columns that are known */

enum { STEPS_AN_ENTRY = 4 }; /* of work (arena.h) */

/* ---- sparse vectors ---- */

void
vec_copy(ColumnSpace *sp, Vec *to, const Vec *from, int64_t times)
{
	to->n = 0;
	GROW(sp->arena, to->at, to->cap, from->n);
	for (int i = 0; i < from->n; i++)
		to->at[to->n++] = (Entry){ from->at[i].column, times * from->at[i].times };
}

/* A copy in the basis, with no room to spare. */
static Vec
vec_keep(ColumnSpace *sp, const Vec *v)
{
	Vec kept = { v->n, v->n, NEWS(sp->bases, Entry, v->n + 1) };

	if (v->n)
		memcpy(kept.at, v->at, sizeof *v->at * (size_t)v->n);
	return kept;
}

static int64_t
residue(__int128 x)
{
	int64_t r = (int64_t)(x >> 61) + (int64_t)(x & PRIME);

	return r > PRIME / 2 ? r - PRIME : r;
}

/* By Euclid's algorithm: x times y is 1, and a y that is small is found as such. */
static int64_t
modular_inverse(int64_t x)
{
	int64_t r = PRIME, s = llabs(x), y = 0, z = 1;

	while (s) {
		int64_t q = r / s, rest = r - q * s, next = y - q * z;
		r = s;
		s = rest;
		y = z;
		z = next;
	}
	return residue(x < 0 ? -y : y);
}

/* x + times y, modulo the prime: without a product of 128 bits where small numbers meet. */
static int64_t
add_product(int64_t x, int64_t times, int64_t y)
{
	const int64_t small = (int64_t)1 << 29;

	if (-small < times && times < small && -small < y && y < small) {
		int64_t sum = x + times * y; /* below 2^60 + 2^58 */
		return sum > PRIME / 2 ? sum - PRIME : sum < -(PRIME / 2) ? sum + PRIME : sum;
	}
	return residue(x + (__int128)times * y);
}

void
vec_add(ColumnSpace *sp, Vec *a, const Vec *b, int64_t times)
{
	Vec *s = &sp->spare, swap;

	if (!times)
		return;
	s->n = 0;
	arena_work(sp->arena, STEPS_AN_ENTRY * (uint64_t)(a->n + b->n));
	GROW(sp->arena, s->at, s->cap, a->n + b->n);
	const Entry *x = a->at, *y = b->at, *x_end = x + a->n, *y_end = y + b->n;
	while (x < x_end && y < y_end) {
		if (x->column < y->column) {
			s->at[s->n++] = *x++;
			continue;
		}
		bool both = x->column == y->column;
		int64_t r = add_product(both ? x++->times : 0, times, y->times);
		s->at[s->n] = (Entry){ y++->column, r };
		s->n += r != 0;
	}
	for (; x < x_end; x++)
		s->at[s->n++] = *x;
	for (; y < y_end; y++)
		s->at[s->n++] = (Entry){ y->column, add_product(0, times, y->times) };
	swap = *a;
	*a = *s;
	*s = swap;
}

static Vec
vec_times(ColumnSpace *sp, const Vec *v, int64_t times)
{
	Vec product = vec_keep(sp, v);

	for (int i = 0; i < v->n; i++)
		product.at[i].times = residue((__int128)times * v->at[i].times);
	return product;
}

static int64_t
vec_most(const Vec *v)
{
	int64_t most = 0;

	for (int i = 0; i < v->n; i++)
		most = llabs(v->at[i].times) > most ? llabs(v->at[i].times) : most;
	return most;
}

static int
by_index(const void *p, const void *q)
{
	return ((const Entry *)p)->column - ((const Entry *)q)->column;
}

static void
add_dimension(ColumnSpace *sp, Vec *v, int dim, int64_t times)
{
	if (!sp->seen[dim]) {
		sp->seen[dim] = true;
		GROW(sp->arena, v->at, v->cap, v->n + 1);
		v->at[v->n++].column = dim;
	}
	sp->dense[dim] += times;
}

static void
add_table(ColumnSpace *sp, Vec *v, const int64_t *table, int n, int first, int64_t times)
{
	for (int r = 0; r < n; r++)
		if (table[r])
			add_dimension(sp, v, first + r, times * table[r]);
}

/* f as a vector over dimensions: of its terms those that are ready in this state. */
static void
vec_of_form(ColumnSpace *sp, const Form *f, int state, Vec *v)
{
	const Circuit *c = sp->c.s->c;
	int n = 0;

	v->n = 0;
	arena_work(sp->arena, STEPS_AN_ENTRY * (uint64_t)f->n);
	for (int i = 0; i < f->n; i++) {
		const Atom *a = f->term[i].atom;
		if (a->ready > state)
			continue;
		if (a->kind == TOKEN_FEATURE)
			add_table(sp, v, a->table, c->rows, 0, f->term[i].c);
		else if (a->kind == PLACE_FEATURE && sp->place_rows >= 0)
			add_table(sp, v, a->table, c->places, sp->place_rows, f->term[i].c);
		else
			add_dimension(sp, v, sp->dim[a->id], f->term[i].c);
	}
	for (int i = 1; i < v->n; i++) {
		if (v->at[i].column < v->at[i - 1].column) { /* seldom: terms are in order */
			qsort(v->at, (size_t)v->n, sizeof *v->at, by_index);
			break;
		}
	}
	for (int i = 0; i < v->n; i++) {
		int dim = v->at[i].column;
		if (sp->dense[dim])
			v->at[n++] = (Entry){ dim, sp->dense[dim] };
		sp->dense[dim] = 0;
		sp->seen[dim] = false;
	}
	v->n = n;
}

/* ---- the columns as they are in a state ---- */

static uint64_t
vec_hash(const Vec *v, int64_t factor)
{
	uint64_t h = 1;

	for (int i = 0; i < v->n; i++)
		h = (h ^ (uint64_t)v->at[i].column ^ (uint64_t)(v->at[i].times / factor) << 20)
		    * 0x9e3779b97f4a7c15u;
	return h;
}

/* The content of a vector: the greatest common divisor of its entries, with the sign of the
 * first. Two vectors with the same primitive part are multiples of one another. */
static int64_t
vec_content(const Vec *v)
{
	int64_t g = 0;

	for (int i = 0; i < v->n && g != 1; i++)
		g = (int64_t)gcd(v->at[i].times, g);
	return v->n && v->at[0].times < 0 ? -g : g;
}

static bool
vec_is_multiple(const Vec *a, int64_t fa, const Vec *b, int64_t fb)
{
	if (a->n != b->n)
		return false;
	for (int i = 0; i < a->n; i++)
		if (a->at[i].column != b->at[i].column
		    || a->at[i].times / fa != b->at[i].times / fb)
			return false;
	return true;
}

static void
index_column(ColumnSpace *sp, Basis *b, int column, const Vec *v)
{
	uint64_t h = vec_hash(v, vec_content(v));
	IndexedColumn *k = NEW(sp->bases, IndexedColumn), **at = &b->known[h >> 52];

	while (*at) /* at the end: of equals the first is found */
		at = &(*at)->next;
	*k = (IndexedColumn){ NULL, h, column, vec_keep(sp, v) };
	*at = k;
}

/* The column whose multiple v is, or -1. */
static int
find_multiple(const Basis *b, const Vec *v, int64_t *times)
{
	int64_t g = vec_content(v);
	uint64_t h = vec_hash(v, g);

	for (const IndexedColumn *k = b->known[h >> 52]; k; k = k->next) {
		int64_t f = vec_content(&k->v);
		if (k->hash != h || !vec_is_multiple(v, g, &k->v, f) || g % f)
			continue;
		*times = g / f;
		return k->column;
	}
	return -1;
}

enum { ELIMINATED_MOST = 1 << 16 }; /* entries that are added up for one vector */

/* Subtracts rows of the basis from v, and how they are made from w, until nothing is left of v or
 * no row begins where it does. False if that takes too long: many dense columns are hardly
 * combinations of one another. */
static bool
eliminate(ColumnSpace *sp, const Basis *b, Vec *v, Vec *w)
{
	const BasisRow *r;
	int added = 0;

	while (v->n && (r = b->row[v->at[0].column])) {
		int64_t times = -v->at[0].times;
		if ((added += v->n + w->n) > ELIMINATED_MOST)
			return false;
		vec_add(sp, v, &r->v, times);
		vec_add(sp, w, &r->w, times);
	}
	return true;
}

static int64_t
vec_entry(const Vec *v, int column)
{
	int lo = 0, hi = v->n;

	while (lo < hi) {
		int mid = (lo + hi) / 2;
		if (v->at[mid].column < column)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < v->n && v->at[lo].column == column ? v->at[lo].times : 0;
}

/* A linear dependency: w of each column add up to 0, and all but `column` are in the basis. It
 * takes the place of the first that is an integer combination of it and the others. */
static void
exchange_column(ColumnSpace *sp, Basis *b, int column, const Vec *w)
{
	if (vec_most(w) <= TIMES_MAX)
		return; /* it is itself an integer combination of the others */
	for (int i = 0; i < w->n; i++) {
		int64_t scale = modular_inverse(w->at[i].times);
		if (w->at[i].column == column || llabs(scale) > TIMES_MAX)
			continue;
		Vec whole = vec_times(sp, w, scale);
		if (vec_most(&whole) > TIMES_MAX)
			continue;
		for (BasisRow *r = b->first; r; r = r->next)
			vec_add(sp, &r->w, &whole, -vec_entry(&r->w, w->at[i].column));
		return;
	}
}

/* The column, whose vector in this state is in sp->v, joins the basis. */
static void
insert_column(ColumnSpace *sp, Basis *b, int column)
{
	Vec *v = &sp->v, *w = &sp->w;

	if (vec_most(v) > ENTRY_MAX)
		return;
	vec_copy(sp, w, &(Vec){ 1, 1, &(Entry){ column, 1 } }, 1);
	if (!eliminate(sp, b, v, w))
		return;
	if (!v->n) {
		exchange_column(sp, b, column, w);
		return;
	}
	int64_t scale = modular_inverse(v->at[0].times);
	BasisRow *r = b->row[v->at[0].column] = NEW(sp->bases, BasisRow);
	*r = (BasisRow){ b->first, vec_times(sp, v, scale), vec_times(sp, w, scale) };
	b->first = r;
}

enum { BASES_MOST = 32 << 20 }; /* bytes of all bases together */

/* Forgets all bases, where they are large: states are asked for one after the other. */
static void
bound_bases(ColumnSpace *sp)
{
	if (sp->bases->taken <= BASES_MOST)
		return;
	arena_free(sp->bases);
	memset(sp->basis, 0, sizeof *sp->basis * (size_t)(last_state(sp->c.s->nlayer) + 1));
	sp->v = sp->w = sp->spare = (Vec){ 0 }; /* they may have changed places with rows */
}

/* The basis of a state, with all the columns that there are by now. */
static Basis *
basis_of(ColumnSpace *sp, int state)
{
	Basis *b = &sp->basis[state];

	if (!b->row) {
		bound_bases(sp);
		b->row = NEWS(sp->bases, BasisRow *, sp->ndim + 1);
		b->known = NEWS(sp->bases, IndexedColumn *, BUCKETS);
	}
	for (; b->ncolumn < sp->c.n; b->ncolumn++) {
		const Form *f = sp->c.form[b->ncolumn];
		if (sp->first[b->ncolumn] > state || f->near) /* rounded: no part of any sum */
			continue;
		vec_of_form(sp, f, state, &sp->v);
		if (!sp->v.n)
			continue;
		index_column(sp, b, b->ncolumn, &sp->v);
		insert_column(sp, b, b->ncolumn);
	}
	return b;
}

typedef struct ColumnLength {
	int column, n;
	int64_t factor;
} ColumnLength;

static int
by_length(const void *p, const void *q)
{
	const ColumnLength *a = p, *b = q;

	if (a->n != b->n)
		return a->n - b->n;
	return a->factor != b->factor ? (a->factor > b->factor) - (a->factor < b->factor)
	                              : a->column - b->column;
}

void
lattice_rebuild(ColumnSpace *sp, int state)
{
	Basis *b = basis_of(sp, state);
	Arena scratch = { 0 };
	ColumnLength *of = NEWS(&scratch, ColumnLength, b->ncolumn + 1);
	int n = 0;

	for (int i = 0; i < b->ncolumn; i++) {
		if (sp->first[i] > state)
			continue;
		vec_of_form(sp, sp->c.form[i], state, &sp->v);
		if (sp->v.n && !sp->c.form[i]->near)
			of[n++] = (ColumnLength){ i, sp->v.n, llabs(vec_content(&sp->v)) };
	}
	qsort(of, (size_t)n, sizeof *of, by_length);
	memset(b->row, 0, sizeof *b->row * (size_t)(sp->ndim + 1));
	b->first = NULL;
	for (int i = 0; i < n; i++) {
		vec_of_form(sp, sp->c.form[of[i].column], state, &sp->v);
		insert_column(sp, b, of[i].column);
	}
	arena_free(&scratch);
}

static bool
has_dimensions(const ColumnSpace *sp, const Form *f)
{
	for (int i = 0; i < f->n; i++)
		if (!f->term[i].atom->live)
			return false;
	return sp->ndim > 0;
}

bool
lattice_read(ColumnSpace *sp, int state, const Form *f)
{
	Vec *v = &sp->v, *w = &sp->w;
	int64_t times;
	int i;

	if (!has_dimensions(sp, f) || form_ready(f) > state)
		return false;
	Basis *b = basis_of(sp, state);
	w->n = 0;
	vec_of_form(sp, f, state, v);
	if (!v->n)
		return true;
	if ((i = find_multiple(b, v, &times)) >= 0) {
		vec_copy(sp, w, &(Vec){ 1, 1, &(Entry){ i, times } }, 1);
		return true;
	}
	if (vec_most(v) > ENTRY_MAX)
		return false;
	if (!eliminate(sp, b, v, w)) /* w: the combination that takes f to 0 */
		return false;
	for (i = 0; i < w->n; i++)
		w->at[i].times = -w->at[i].times;
	return !v->n && w->n <= PARTS_MAX && vec_most(w) <= TIMES_MAX;
}

double
lattice_largest(ColumnSpace *sp, int state, int column)
{
	Basis *b = &sp->basis[state];

	GROW(sp->bases, b->largest, b->caplargest, column + 1);
	if (!b->largest[column])
		b->largest[column] = form_max_abs(sp->c.form[column], state);
	return b->largest[column];
}

enum { FEW_FEATURES = 4, MANY_PLACES = 1024 };

void
lattice_begin(ColumnSpace *sp)
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
		if (c->atom[i]->live
		    && (c->atom[i]->kind > PLACE_FEATURE
		        || (c->atom[i]->kind == PLACE_FEATURE && sp->place_rows < 0)))
			sp->dim[i] = sp->ndim++;
	sp->dense = NEWS(sp->arena, int64_t, sp->ndim + 1);
	sp->seen = NEWS(sp->arena, bool, sp->ndim + 1);
	sp->bases = arena_child(sp->arena);
	sp->basis = NEWS(sp->arena, Basis, last_state(sp->c.s->nlayer) + 1);
}
