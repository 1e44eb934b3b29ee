#ifndef TESTS_FUZZ_GEN_H
#define TESTS_FUZZ_GEN_H

/* What the parts of the generator share: expressions of every type (generate.c), and
 * those of reals and of numbers too long for a float (reals.c). */

#include "lang/interval.h"
#include "tests/fuzz/program.h"

typedef struct Gen {
	uint64_t state;
	Arena *arena;
	Sample *p;
	int nscope;
	Decl *scope[3 * DEFS]; /* names that can be used, the innermost last */
	Decl *bound;           /* in a where: the bound position */
	bool still; /* no other position may be read: the arguments may be of two positions */
	bool words; /* tokens are words, no records and no numbers */
	bool reals, near, wide; /* there are some in this program; near: approx(…) */
	int names;              /* bound so far */
	int64_t large;          /* a number beyond is made smaller */
} Gen;

extern const Sort t_int, t_bool, t_token, t_pos, t_real;
Sort sort_of_array(TypeKind item, int n);

int gen_roll(Gen *, int n);
bool gen_chance(Gen *, int percent);

Decl *def_new(Gen *, DefKind, const char *stem, Sort);

Expr *new_expr(Gen *, ExprForm, Sort, int n);
Expr *ranged(Expr *, int64_t lo, int64_t hi);
Expr *ranged_hull(Expr *, const Expr *, const Expr *);
Expr *gen_unary(Gen *, ExprForm, Sort, Expr *);
Expr *gen_binary(Gen *, ExprForm, Sort, Expr *, Expr *);
Expr *gen_literal(Gen *, int64_t);
Expr *gen_fitted(Gen *, Expr *, int64_t lo, int64_t hi); /* within lo..hi */
Expr *gen_modest(Gen *, Expr *);
Expr *gen_small_int(Gen *, int64_t lo, int64_t hi, int depth);
Expr *gen_simplest(Gen *, Sort);
Expr *gen_leaf(Gen *, Sort);
Expr *gen_one_sided(Gen *, Sort, int depth); /* something one-sided, though inside of a where */
Expr *gen(Gen *, Sort, int depth);
Expr *gen_if(Gen *, Sort, int depth);
Expr *gen_match(Gen *, Sort, int depth);
Expr *gen_read(Gen *, Sort, int depth);
Expr *gen_mean(Gen *, int depth);
Expr *gen_call(Gen *, Sort, int depth);
Expr *gen_part(Gen *, Sort, int depth); /* an element or a field */

/* reals.c */
bool has_no_reals(const Decl *record); /* no real among its fields */
Expr *gen_real(Gen *, int depth);
Expr *gen_real_bool(Gen *, int depth);
Expr *gen_real_int(Gen *, int depth);
Expr *gen_real_array(Gen *, Sort, int depth);
Expr *gen_wide_bool(Gen *, int depth);
Expr *gen_wide_int(Gen *, int depth);

#endif
