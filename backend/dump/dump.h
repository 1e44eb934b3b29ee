#ifndef BACKEND_DUMP_DUMP_H
#define BACKEND_DUMP_DUMP_H

/* What each stage of the backend has made, as text for a person to read: `twc --dump=circuit`
 * and the others. The same program gives the same text, byte for byte: what is printed is
 * numbered anew, densely, and nothing in it depends on an address or on what was tried and
 * given up. A text is for reading; nothing reads it back. */

#include "backend/explain.h"

#include <stdio.h>

/* Short names. An atom is its kind's letter and a number: t0 of the token, p0 of the place,
 * r0 a real feature, x0 what is fed, n0 a neuron, v0 a value that a head fetches. How a head
 * finds its place is find0, find1, … */
typedef struct AtomNames {
	const Circuit *c;
	bool *live;            /* (natom) by id: what the program says depends on it */
	int *number;           /* (natom) by id: among the live of its kind */
	int nlive, count[6];   /* how many; by AtomKind */
	int nlookup;           /* that some live value uses */
	const Lookup **lookup; /* (nlookup) by number, in the order of their first values */
} AtomNames;

AtomNames *names_new(Arena *, const Circuit *);
/* "n12"; of an atom that is not live "atom 12", by id. */
const char *atom_name(const AtomNames *, const Atom *);
const char *find_name(const AtomNames *, const Lookup *); /* "find3" */
int find_number(const AtomNames *, const Lookup *);       /* 3; nlookup if it is not there */
/* For what it was made first: the named value in whose expression that was, else how that
 * begins in the source. */
const char *atom_purpose(const AtomNames *, const Atom *);

/* The atoms of a form of integers; which of them come after the state `since`. */
void print_terms(FILE *, const AtomNames *, const Form *, int since);
/* "2 n3 - t0 + 1"; "0" of nothing. */
void print_form(FILE *, const AtomNames *, const Form *);
/* One term of a sum: "3 x", " - x", " + 0.5 x"; `first`: nothing is before it. */
void print_term(FILE *, double times, const char *what, bool first);
/* "place // 1024 % 1024 ", "(place - 3) % 7 ", "min(place, 1) ". */
void print_digit(FILE *, const TwPlaceDigit *);
/* A table by digit, (n). */
void print_digit_table(FILE *, int n, const double *at);
/* A table by row or by place, without what is 0: "'1'..'9' -> 1..9, '+' -> 1". */
void print_feature(FILE *, const AtomNames *, bool by_place, const double *at);

/* A token as it is spelled, or the number of a position, <bos> or <end>: a row or a place. */
void print_entry(FILE *, const AtomNames *, bool by_place, int i);
/* What a column is called in a state, by what is there: the named value or the atom that it is,
 * else c and its number (columns.c). And the first state in which something is. */
const char *column_name(const AtomNames *, const Columns *, int column, int state);
int column_begins(const Form *);

/* A dump on its way: what is printed to `line` stands on one line with what is remarked
 * about it, from a fixed column on. */
typedef struct Dump {
	FILE *to, *line;
	char *text; /* what line has so far */
	size_t n;
	AtomNames *names;
	Arena arena;
} Dump;

void dump_begin(Dump *, const Circuit *, FILE *to);
void dump_end(Dump *);
/* These end the line, with a remark or without. */
void dump_remark(Dump *, const char *remark, ...) __attribute__((format(printf, 2, 3)));
void dump_line(Dump *);
/* "0..9", "0..0.5 +- 1e-07" */
const char *range_text(Dump *, const Atom *);

void dump_circuit(const Circuit *, FILE *);
void dump_schedule(const Schedule *, FILE *);
void dump_columns(const Columns *, FILE *);
void dump_weights(const Columns *, const TwModel *, const Report *, FILE *);

#endif
