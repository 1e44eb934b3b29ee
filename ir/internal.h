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

static inline bool
is_const(const Node *n, int64_t k)
{
	return n->op == OP_CONST && n->k == k;
}

/* What a node means, whatever way it is computed. */
static inline const Node *
without_as(const Node *n)
{
	return n->op == OP_AS ? n->arg[0] : n;
}

static inline bool
is_bool(const Node *n)
{
	return n->type.lo >= 0 && n->type.hi <= 1;
}

/* graph.c: scratch memory of the graph, one buffer a slot, valid until the slot
 * is asked for again; and arrays of values, equal ones being the same pointer. */
enum {
	SCRATCH_FOLD,
	SCRATCH_OUT,
	SCRATCH_TUPLE,
	SCRATCH_ARG,
	SCRATCH_BITS,
	SCRATCH_HASH,
	SCRATCH_KEEP,
	SCRATCH_SORT,
	NUM_SCRATCH
};
void *scratch(Graph *, int slot, size_t bytes);
const int64_t *intern_values(Graph *, const int64_t *v, int n);
int node_compare(const Node *, const Node *); /* by content; 0 only if equal */
bool node_equal(const Node *, const Node *);  /* same operator on the same operands */
uint64_t node_hash(const Node *);

/* fold.c: a simpler node that means what the draft means, or NULL. Puts the draft's operands into
 * one order (in scratch memory). */
Node *fold_node(Graph *, Node *draft);

/* Where nodes are made: the graph, and the node whose place in the source they have. */
typedef struct Builder {
	Graph *g;
	const Node *at;
} Builder;

static inline Node *
mk3(const Builder *b, Op op, Node *x, Node *y, Node *z)
{
	return mk_at(b->g, b->at, op, x, y, z);
}

static inline Node *
mk2(const Builder *b, Op op, Node *x, Node *y)
{
	return mk_at(b->g, b->at, op, x, y, NULL);
}

/* x * by */
static inline Node *
mk_times(const Builder *b, Node *x, int64_t by)
{
	return mk2(b, OP_MUL, x, mk_const(b->g, by));
}

/* How many elements a PICK chooses from. */
static inline int
pick_length(const Node *pick)
{
	return pick->narg - 2;
}

static inline bool
pick_always_inside(const Node *pick)
{
	const Type *i = &pick->arg[0]->type;

	return i->lo >= 0 && i->hi < pick_length(pick);
}

/* range.c */
bool may_be_within(const Type *, int64_t lo, int64_t hi); /* is one of its values there? */
Range values_range(const int64_t *v, int n);              /* of n values, n > 0 */
Range range_hull(Range, Range);
Range operand_range(const Node *);           /* of its operands' ranges */
Range joint_interval(const Node *, Range r); /* narrower: of a sum or quotient */

const Node *smooth_variable(const Node *);           /* Type.of */
Interval smooth_range(const Node *, const Node *of); /* infinite where that takes too long */
bool of_reals(const Node *);                         /* is it one, or an operand? */
Node *unread_value(Graph *, const Node *x);          /* a default where the read surely succeeds */
/* real.c */
#define DEN_MAX ((int64_t)1 << 40) /* of a denominator that is kept */
enum { VALUES_MAX = 65536 };       /* most entries of a VALUES that is made of a function */
Real literal_value(const Node *);

/* real_type.c, real_fold.c: the type and fold rules of lang/ops.h that are of reals; and those of
 * IF, PICK, READ and THERE where they are real (false, NULL: they are not). */
Type as_real(const Node *); /* what an integer is as a real */
/* The operands from, from + step ... are what n may be. */
bool type_real_choice(const Node *, int from, int step, Type *);
Type type_real(Graph *, const Node *), type_linear(Graph *, const Node *),
	type_values(Graph *, const Node *), type_relu(Graph *, const Node *),
	type_curve(Graph *, const Node *), type_times(Graph *, const Node *),
	type_approx(Graph *, const Node *), type_mean(Graph *, const Node *),
	type_attend(Graph *, const Node *), type_real_input(const Input *);
Node *fold_linear(Graph *, Node *), *fold_values(Graph *, Node *), *fold_relu(Graph *, Node *),
	*fold_curve(Graph *, Node *), *fold_times(Graph *, Node *), *fold_approx(Graph *, Node *),
	*fold_mean(Graph *, Node *), *fold_above(Graph *, Node *), *fold_floor(Graph *, Node *),
	*fold_real_if(Graph *, Node *), *fold_real_pick(Graph *, Node *);

/* verify.c: the first rule that is broken, or NULL: of a node or a draft of one; of what the graph
 * answers with; of the whole graph, and at which node. */
const char *node_fault(const Graph *, const Node *draft);
const char *answer_fault(const Node *, Kind);
const char *graph_fault(const Graph *, const Node **at);

/* graph_print.c: int, bool, token ... by Kind. */
extern const char *const kind_name[];

/* canonical_order.c: what the graph's answers need, in canonical order (*n). */
Node **live_nodes(const Graph *, Arena *, int *n);

/* May the value of operand i be that of n? Of operators that choose. */
static inline bool
is_chosen(const Node *n, int i)
{
	return n->op == OP_READ ? i != 1 : i > 0;
}

/* type.c: the type of a draft; type.root == draft where it is its own root. */
Type infer_type(Graph *, const Node *draft);
Type type_if(Graph *, const Node *draft);

/* two_sided.c: c says that the position looked at stands before here. */
bool is_before(const Node *c);

/* affine.c: n = c + sum of term[i].c * term[i].n, terms by id, none 0. */
typedef struct AffineTerm {
	const Node *n;
	int64_t c;
} AffineTerm;
#define COEF_MAX VALUE_MAX /* coefficients stay below */
typedef struct Affine {
	int n;
	int64_t c;
	AffineTerm term[AFFINE_MAX];
} Affine;
bool affine_of(const Node *, Affine *); /* false if it is too large */
bool affine_add(Affine *, int64_t scale, const Node *);
void affine_scale(Affine *, int64_t by);
bool affine_fits(const Affine *, int64_t by);  /* could it be scaled? */
bool divides_const(const Node *, int64_t *by); /* x // by, by a constant above 0 */
/* The sum n with `to` for `from`; NULL if it is too long. */
Node *replaced_in_sum(Graph *, Node *n, const Node *from, Node *to);
/* x - b * (x // b), also where x // b has been flattened; b, or 0 if it is not so. */
int64_t remainder_divisor(const Node *sub);

/* compare_dividends.c: n >= t, without the quotients by constants that n adds or subtracts once. */
Node *at_least(Graph *, const Node *at, Node *n, int64_t t);

/* passes.c: maps every live node, operands first, through visit (which is given
 * the node rebuilt on mapped operands) and redirects what the graph answers. */
void rewrite_graph(Graph *, Node *(*visit)(Graph *, Node *, void *), void *);
/* The same for one node and what is below it. */
Node *rewrite_node(Graph *, Node *, Node *(*visit)(Graph *, Node *, void *), void *);

/* provenance.c: records what a walk replaces, for rules_of */
Trail *trail_new(Graph *);
void trail_fired(Graph *, Trail *, const Node *);

/* carry_lookahead.c: is n a quotient or a comparison of a sum that is not exact? Such a node
 * computed of sums that are; n itself if it is none. */
bool exceeds_exact(const Node *n);
Node *lookahead_node(Graph *, Node *n, void *);
/* long_division.c: n, a quotient or remainder of this sum by a constant, digit by digit; NULL where
 * one step does. `exact`: no partial sum is too large. */
Node *long_division(const Builder *, const Node *n, const Affine *sum, bool exact);
/* The same of a quotient or remainder by a stream. */
Node *long_division_by_stream(const Builder *, const Node *n);
/* a >= 0 as that of a shorter sum; NULL where its terms cannot be split. */
Node *long_comparison(const Builder *, const Affine *a);

void pass_join_extremes(Graph *, Diags *);
void pass_flatten_remainders(Graph *, Diags *);
void pass_divide_terms(Graph *, Diags *);
void pass_forward_reads(Graph *, Diags *);
void pass_read_defaults(Graph *, Diags *);
void pass_known_numbers(Graph *, Diags *);
void pass_any_before(Graph *, Diags *);
void pass_bounded_distance(Graph *, Diags *);
void pass_push_down_reads(Graph *, Diags *);
void pass_index_defaults(Graph *, Diags *);
void pass_compare_dividends(Graph *, Diags *);
void pass_merge_selects(Graph *, Diags *);
void pass_flatten_carries(Graph *, Diags *);
void pass_digit_count(Graph *, Diags *);
void pass_fuse_indexing(Graph *, Diags *);
void pass_carry_select(Graph *, Diags *);
void pass_carry_lookahead(Graph *, Diags *);
void pass_modular_products(Graph *, Diags *);

#endif
