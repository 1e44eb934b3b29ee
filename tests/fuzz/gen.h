#ifndef TESTS_FUZZ_GEN_H
#define TESTS_FUZZ_GEN_H

/* What the parts of the generator share: expressions of every type (generate.c), and
 * those of reals and of numbers too long for a float (reals.c). */

#include "tests/fuzz/program.h"

typedef struct Gen {
	uint64_t state;
	Arena *arena;
	Sample *p;
	int nscope;
	Def *scope[3 * DEFS]; /* names that can be used, the innermost last */
	Def *bound;           /* in a where: the bound position */
	bool still; /* no other position may be read: the arguments may be of two positions */
	bool words; /* tokens are words, no records and no numbers */
	bool reals, near, wide; /* there are some in this program; near: approx(…) */
	int names;              /* bound so far */
	int64_t large;          /* a number beyond is made smaller */
} Gen;

extern const Sort t_int, t_bool, t_token, t_pos, t_real;
Sort array_of(TypeKind item, int n);
Sort items_of(Sort item, int n);

int roll(Gen *, int n);
bool chance(Gen *, int percent);
int64_t least(int64_t, int64_t);
int64_t most(int64_t, int64_t);

Def *def_new(Gen *, DefKind, const char *stem, Sort);
void statement(Gen *, Def *);
Def *some_name(Gen *, Sort); /* of this type, or NULL */
Def *some_def(Gen *, DefKind);

Expr *expr(Gen *, Form, Sort, int n);
Expr *ranged(Expr *, int64_t lo, int64_t hi);
Expr *hull(Expr *, const Expr *, const Expr *);
Expr *of_one(Gen *, Form, Sort, Expr *);
Expr *of_two(Gen *, Form, Sort, Expr *, Expr *);
Expr *of_three(Gen *, Form, Sort, Expr *, Expr *, Expr *);
Expr *exactly(Gen *, int64_t);
Expr *fitted(Gen *, Expr *, int64_t lo, int64_t hi); /* within lo..hi */
Expr *modest(Gen *, Expr *);
Expr *small_int(Gen *, int64_t lo, int64_t hi, int depth);
Expr *simplest(Gen *, Sort);
Expr *some_leaf(Gen *, Sort);
Expr *outside(Gen *, Sort, int depth); /* something one-sided, though inside of a where */
Expr *gen(Gen *, Sort, int depth);
Expr *of_if(Gen *, Sort, int depth);
Expr *of_match(Gen *, Sort, int depth);
Expr *of_read(Gen *, Sort, int depth);
Expr *of_array(Gen *, Sort, int depth);
Expr *of_mean(Gen *, int depth);
Expr *of_call(Gen *, Sort, int depth);
Expr *part(Gen *, Sort, int depth); /* an element or a field */
Expr *position(Gen *, int depth);

/* reals.c */
bool is_exact(const Def *record); /* no real among its fields */
Expr *gen_real(Gen *, int depth);
Expr *real_bool(Gen *, int depth);
Expr *real_int(Gen *, int depth);
Expr *real_array(Gen *, Sort, int depth);
Expr *wide_bool(Gen *, int depth);
Expr *wide_int(Gen *, int depth);

#endif
