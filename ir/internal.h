#ifndef IR_INTERNAL_H
#define IR_INTERNAL_H

/* What the files of ir/ share with one another, and nobody else sees. */

#include "ir/ir.h"

#define VALUE_MAX (((int64_t)1 << 62) - 1) /* values saturate here; a difference still fits */
enum {
	ROOT_MAX = 65536, /* most values of TOKEN or INDEX that are tabulated */
	AFFINE_MAX = 256, /* most terms of an affine form */
	FLAT_MAX = 1024,  /* most operands that nested AND, OR, MIN, MAX join to */
};

static inline int64_t
clamp(__int128 v)
{
	return v > VALUE_MAX ? VALUE_MAX : v < -VALUE_MAX ? -VALUE_MAX : (int64_t)v;
}

static inline int64_t
least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static inline int64_t
most(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

typedef struct Range {
	int64_t lo, hi;
} Range;

static inline bool
is_const(const Node *n, int64_t k)
{
	return n->op == OP_CONST && n->k == k;
}

/* What a node means, whatever way it is computed. */
static inline const Node *
meant(const Node *n)
{
	return n->op == OP_AS ? n->arg[0] : n;
}

static inline bool
is_bool(const Node *n)
{
	return n->type.lo >= 0 && n->type.hi <= 1;
}

/* operators.c */
bool is_commutative(Op);

/* graph.c: scratch memory of the graph, one buffer a slot, valid until the slot
 * is asked for again; and arrays of values, equal ones being the same pointer. */
enum { S_FOLD, S_OUT, S_TUPLE, S_ARG, S_BITS, S_HASH, S_KEEP, S_SORT, NUM_SCRATCH };
void *scratch(Graph *, int slot, size_t bytes);
const int64_t *intern_values(Graph *, const int64_t *v, int n);
int node_compare(const Node *, const Node *); /* by content; 0 only if equal */
bool node_equal(const Node *, const Node *);  /* same operator on the same operands */
uint64_t node_hash(const Node *);

/* fold.c: an existing node with the meaning of the draft, or NULL; puts the
 * draft's operands in canonical order (in scratch memory). */
Node *fold(Graph *, Node *draft);

/* range.c */
bool takes(const Type *, int64_t lo, int64_t hi); /* is one of its values there? */
Range values_range(const int64_t *v, int n);      /* of n values, n > 0 */
Range range_join(Range, Range);
Range interval(const Node *);                /* from its operands' */
Range joint_interval(const Node *, Range r); /* of a sum or quotient known to stay within r */

bool mixes(Op);                                      /* takes reals and integers */
const Node *bent_along(const Node *);                /* Type.of */
Interval smooth_range(const Node *, const Node *of); /* infinite where that takes too long */
bool of_reals(const Node *);                         /* is it one, or an operand? */
Node *any_value(Graph *, const Node *x);             /* for where x is not read */
/* real.c: the same for what is real or made of reals; NULL, false: not of these. */
Node *fold_real(Graph *, Node *draft);
bool real_type(Graph *, const Node *draft, Type *);

/* type.c: the type of a draft; type.root == draft where it is its own root. */
Type infer_type(Graph *, const Node *draft);

/* simplify_reads.c: c says that the position looked at stands before here. */
bool is_before(const Node *c);

/* affine.c: n = c + sum of term[i].c * term[i].n, terms by id, none 0. */
typedef struct Term {
	const Node *n;
	int64_t c;
} Term;
#define COEF_MAX VALUE_MAX /* coefficients stay below */
typedef struct Affine {
	int n;
	int64_t c;
	Term term[AFFINE_MAX];
} Affine;
bool affine_of(const Node *, Affine *); /* false if it is too large */
bool affine_add(Affine *, int64_t scale, const Node *);
void affine_scale(Affine *, int64_t by);
bool affine_fits(const Affine *, int64_t by); /* could it be scaled? */
bool affine_equal(const Affine *, const Affine *);
bool divides_const(const Node *, int64_t *by); /* x // by, by a constant above 0 */
/* The sum n with `to` for `from`; NULL if it is too long. */
Node *replaced_in_sum(Graph *, Node *n, const Node *from, Node *to);
/* x - b * (x // b), also where x // b has been flattened; b, or 0 if it is not so. */
int64_t remainder_of(const Node *sub);

/* digit_count.c: n >= t, without the divisions by constants that n adds or subtracts once. */
Node *at_least(Graph *, const Node *at, Node *n, int64_t t);

/* passes.c: maps every live node, operands first, through visit (which is given
 * the node rebuilt on mapped operands) and redirects what the graph answers. */
void rewrite(Graph *, Node *(*visit)(Graph *, Node *, void *), void *);
/* The same for one node and what is below it. */
Node *rewritten(Graph *, Node *, Node *(*visit)(Graph *, Node *, void *), void *);

/* provenance.c: what rewrite() did, for rules_of */
Trail *trail_new(Graph *);
void trail_fired(Graph *, Trail *, const Node *);

/* carry_lookahead.c: is n a quotient or comparison of a sum that is not exact? And such a node
 * computed of sums that are; n itself if it is none. */
bool is_wide(const Node *n);
Node *wide1(Graph *, Node *n, void *);

void pass_arrive(Graph *, Diags *);
void pass_absence(Graph *, Diags *);
void pass_recent(Graph *, Diags *);
void pass_shift(Graph *, Diags *);
void pass_default(Graph *, Diags *);
void pass_compare(Graph *, Diags *);
void pass_alternatives(Graph *, Diags *);
void pass_flatten(Graph *, Diags *);
void pass_size(Graph *, Diags *);
void pass_pick(Graph *, Diags *);
void pass_late(Graph *, Diags *);
void pass_wide(Graph *, Diags *);

#endif
