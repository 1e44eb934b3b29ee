#ifndef BACKEND_LAYOUT_LATTICE_H
#define BACKEND_LAYOUT_LATTICE_H

/* Which forms are integer combinations of the columns of the residual stream, state by state
 * (lattice.c). */

#include "backend/layout/layout.h"

/* A sparse vector, over columns or over dimensions: by ascending index, none 0. */
typedef Combination Vec;
typedef ColumnTerm Entry;

struct Basis;

/* A column that has this atom. */
typedef struct Holder {
	int column;
	int64_t c; /* of the atom */
	struct Holder *next;
} Holder;

typedef struct ColumnSpace {
	Columns c; /* first: what others see */
	Arena *arena;
	int cap;       /* of c.form */
	int *first;    /* (c.n) the state in which the first of a column's terms is there */
	int cap_first; /* of first */
	int ndim;
	/* (natom) the dimension of an atom; token features, and place features if they are many,
	 * have one for each row instead, since there they may be combinations of one another */
	int *dim;
	int place_rows;              /* the first of the places' rows, or -1 */
	int64_t *dense;              /* (ndim) zeros, for vec_of_form */
	bool *seen;                  /* (ndim) false, for vec_of_form */
	struct Basis *basis;         /* (states) */
	Arena *bases;                /* where they are, until that is too much */
	Vec v, w, spare, out;        /* vectors that are used again and again */
	Holder **holder;             /* (natom) NULL: not kept. The newest first */
	struct ServedReads *answers; /* how readers were served (columns.c) */
} ColumnSpace;

/* to = times * from */
void vec_copy(ColumnSpace *, Vec *to, const Vec *from, int64_t times);
/* a += times * b */
void vec_add(ColumnSpace *, Vec *a, const Vec *b, int64_t times);

/* Makes room for all atoms of the circuit that sp->c.s schedules. */
void lattice_begin(ColumnSpace *);
/* f as a combination of the columns there are in a state, in sp->w; false if it is none. */
bool lattice_read(ColumnSpace *, int state, const Form *f);
/* Makes the basis of a state again from its columns, the shortest and least first: so that
 * columns that depend on others are found as sums and multiples of those. */
void lattice_rebuild(ColumnSpace *, int state);
/* The largest absolute value that a column holds in a state, sharp. */
double lattice_largest(ColumnSpace *, int state, int column);

#endif
