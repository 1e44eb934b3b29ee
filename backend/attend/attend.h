#ifndef BACKEND_ATTEND_ATTEND_H
#define BACKEND_ATTEND_ATTEND_H

/* What heads look up: references, and sums and means over positions. */

#include "backend/circuit/circuit.h"

/* ---- READ (reference.c) ---- */
/* One that takes several heads to find the position (multi_head.c); NULL if one does. */
const Form *map_read_by_heads(Circuit *, Node *read);

/* Of `-1 < e`: whether position e is there, if a head finds it anyway; else NULL. */
const Form *map_found(Circuit *, Node *less);

/* The greatest or least of something, where that is simpler (lookup.c); NULL where it is not. */
const Form *map_extreme(Circuit *, Node *read);

/* ---- sums over positions (counting.c) ---- */
const Form *map_sum(Circuit *, Node *sum);
/* A function of a sum: y[i] where it is set[i]. Costs nothing beside the sum. */
const Form *table_of_sum(Circuit *, Node *sum, const int64_t *y);

/* ---- what a count reaches, in the layer of its head (count_steps.c); NULL where not ---- */
/* A function of a sum, as table_of_sum, that has few steps. */
const Form *table_by_steps(Circuit *, Node *sum, const int64_t *y);
/* LT or EQ of sums. */
const Form *compare_by_steps(Circuit *, Node *);

/* ---- counts over long texts (long_count.c); each NULL after an error ---- */
bool is_long_count(Circuit *, const Node *);
const Form *map_long_count(Circuit *, Node *count);
/* An operator of a long count and of another, or of a number, without the count itself; NULL if
 * it is none that is known so. */
const Form *map_of_long_count(Circuit *, Node *);
/* The same of a function of it, as table_of_sum. */
const Form *table_of_long_count(Circuit *, Node *count, const int64_t *y);
/* 1 where it is t or more; where the first is more than the second; where they are equal. */
const Form *long_count_reaches(Circuit *, Node *count, int64_t t);
const Form *long_count_exceeds(Circuit *, Node *, Node *);
const Form *long_counts_equal(Circuit *, Node *, Node *);

/* ---- functions of two positions (bilinear.c) ---- */
typedef struct BilinearTerm {
	Node *here, *there; /* plain streams */
} BilinearTerm;
/* The sum of here times there over all terms, and of `alone`, which is the same wherever
 * one looks. No two terms share what is there; one at most has a number here. */
typedef struct Bilinear {
	int n, cap;
	BilinearTerm *term; /* (n) */
	Node *alone;
	int rows; /* terms that it took for the values of something */
} Bilinear;
enum { ROWS_MAX = 256 }; /* values together of all streams of one position, in one function */
/* NULL where it is not of this form, or has too many values. */
const Bilinear *bilinear_form(Circuit *, Node *);
/* Is e a function of one root here, or there, of few values? */
bool has_few_rows(Circuit *, Node *e);
/* e by the values that it depends on here: whether they are so, a flag, and e there, a
 * stream. How many; 0 where they are not known, or too many. */
int rows_here(Circuit *, Node *e, BilinearTerm **row);
/* The error at n, of which `what` is that function. */
void refuse_bilinear(Circuit *, const Node *n, const char *what);

/* ---- conditions of heads (predicate.c) ---- */
/* A condition taken apart: its literals by which position they speak of. */
typedef struct Conjunction {
	int nthere, nhere, nboth;
	Node *there[32], *here[32], *both[32]; /* `there` as plain streams */
} Conjunction;
/* Can a head ask this literal of a condition, without a stream made for it? */
bool can_relate(Circuit *, Node *);
/* The condition as two that exclude each other and are simpler, where it is too much for
 * one head (case_split.c). */
bool two_cases(Circuit *, Node *cond, Node *to[2]);
/* e as a choice, cond ? yes : no, as the size of something is; false if it is none. */
bool as_choice(Circuit *, Node *e, Node **cond, Node **yes, Node **no);
/* The condition of a reference or sum, taken apart; false after an error. */
bool split_condition(Circuit *, const Node *at, Node *cond, Conjunction *);
/* What the literals about there take from a key. */
const Form *key_penalty(Circuit *, const Conjunction *, const Form *key, int64_t weight);
/* Bit i of x, counted from the least, as 1 or -1. */
const Form *sign_of_bit(Circuit *, Node *x, int64_t least, int i);
/* How many of the literals about here fail. */
const Form *query_deficit(Circuit *, const Conjunction *);
/* What the others take, as dimensions; false after an error. */
bool add_relations(Circuit *, Lookup *, const Conjunction *, int64_t weight);
/* `times` a sum of products: as dimensions, 0 at <bos>; but what has a number here
 * adds to the key. */
void add_products(Circuit *, Lookup *, const Bilinear *, int64_t times, const Form **key);
void add_dim(Circuit *, Lookup *, const Form *q, const Form *k);
/* j < n where n is a number here: gives n, else NULL. */
Node *order_bound(Node *);

/* ---- how heads find positions (lookup.c); each NULL after an error ---- */
const Lookup *lookup_for_offset(Circuit *, int offset);
const Lookup *lookup_for(Circuit *, Node *ref);
const Lookup *lookup_for_sum(Circuit *, Node *sum);
const Lookup *lookup_for_mean(Circuit *, Node *mean);
/* And how far a score may be off. */
const Lookup *lookup_for_attend(Circuit *, Node *attend, double *error);
/* Is e written as x * k + y, y from 0 to k - 1 (multi_head.c)? */
bool is_digit_pair(Node *e, Node **high, Node **low);
/* Can the score of a BEST be asked of one head? */
bool has_score(Circuit *, Node *best);

/* What a head is to find, before it is said by what scores. That is the target's
 * (target.h): one that knows distances from rotations needs no position for an OFFSET. */
typedef enum IntentKind {
	INTENT_OFFSET,  /* the position `offset` from here; <bos> where that is before the text */
	INTENT_PLACE,   /* that of a number: ref is an AT */
	INTENT_LATEST,  /* the last position where a condition holds; <bos> where there is none */
	INTENT_FIRST,   /* the first */
	INTENT_ONLY,    /* the one where it holds: two never match, so that no order is needed */
	INTENT_BEST,    /* the one of the greatest score, the last of equals */
	INTENT_COUNT,   /* all of them and <bos>, with equal weights: ref is a SUM */
	INTENT_MEAN,    /* all of them, with equal weights; <bos> where there is none */
	INTENT_SOFTMAX, /* all positions by given scores: ref is an ATTEND */
} IntentKind;

/* A score as a sum of products, less what is the same wherever one looks. */
typedef struct ScoreTerms {
	const Bilinear *of;
	int64_t lo, hi; /* of the sum */
	double terms;   /* their largest absolute values, added up */
} ScoreTerms;

typedef struct Intent {
	IntentKind kind;
	Node *ref;                /* NULL: OFFSET */
	int offset;               /* OFFSET: not 0; negative: back */
	const Conjunction *where; /* LATEST to MEAN: the condition */
	const ScoreTerms *score;  /* BEST */
	double largest;           /* SOFTMAX: absolute value of a score */
} Intent;

#endif
