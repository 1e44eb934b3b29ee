/* Which constructs the programs have: of what is asked for, so not of functions that
 * nothing calls. */

#include "tests/fuzz/coverage.h"

#include <string.h>

typedef struct Constructs {
	bool form[NUM_FORMS], library[LIBRARIES], trait[NUM_TRAITS], over[MAX + 1];
	bool called[DEFS];
} Constructs;

static void see(Constructs *, const Expr *);

static bool
mentions(const Expr *e, DefKind kind)
{
	if (!e)
		return false;
	if (e->form == F_NAME && e->def->kind == kind)
		return true;
	for (int i = 0; i < e->n; i++)
		if (mentions(e->kid[i], kind))
			return true;
	return false;
}

static void
see_function(Constructs *to, const Decl *f)
{
	if (to->called[f->id])
		return;
	to->called[f->id] = true;
	for (int i = 0; i < f->nparam; i++) {
		to->trait[HAS_CONST_PARAM] |= f->param[i]->constant;
		to->trait[HAS_DEFAULT_PARAM] |= f->param[i]->body != NULL;
		to->trait[HAS_POS_PARAM] |= f->param[i]->type.kind == T_POS;
	}
	for (int i = 0; i < f->nlocal; i++)
		see(to, f->local[i]->body);
	to->trait[HAS_LOCAL_NAMES] |= f->nlocal > 0;
	to->trait[HAS_ANNOTATED] |= f->annotated;
	see(to, f->body);
}

/* A position that is moved: where it comes from. */
static void
see_moved(Constructs *to, const Expr *from)
{
	to->trait[HAS_CHOSEN_MOVED] |= from->form == F_IF || from->form == F_MATCH;
	to->trait[HAS_LISTED_MOVED] |= from->form == F_PICK || from->form == F_ELEM;
	to->trait[HAS_READ_MOVED] |= from->form == F_READ;
	to->trait[HAS_AT_MOVED] |= from->form == F_AT;
}

static void
see_form(Constructs *to, const Expr *e)
{
	TypeKind first = e->n && e->kid[0] ? e->kid[0]->type.kind : T_INT;

	switch (e->form) {
	case F_LIBRARY: to->library[e->num] = true; break;
	case F_OVER: to->over[e->num] = true; break;
	case F_SHIFT: see_moved(to, e->kid[0]); break;
	case F_READ: to->trait[HAS_READS_ITS_PARAM] |= mentions(e->kid[0], D_PARAM); break;
	case F_BEST: to->trait[HAS_TWO_SCORES] |= e->n > 2; break;
	case F_CMP: to->trait[HAS_REAL_COMPARED] |= first == T_REAL; break;
	case F_MATCH:
		to->trait[HAS_TWO_SUBJECTS] |= e->num > 1;
		to->trait[HAS_MATCH_ENUM] |= first == T_ENUM;
		break;
	case F_CALL: to->trait[HAS_BY_NAME] |= e->num != 0; /* fall through */
	case F_FOLD:
	case F_SCAN: see_function(to, e->def); break;
	default: break;
	}
}

static void
see(Constructs *to, const Expr *e)
{
	if (!e)
		return;
	to->form[e->form] = true;
	to->trait[HAS_LONG_INTEGER] |= e->type.kind == T_INT
	                               && (e->lo < -(1 << 24) || e->hi > 1 << 24);
	see_form(to, e);
	for (int i = 0; i < e->n; i++)
		see(to, e->kid[i]);
}

static void
see_statement(Constructs *to, const Decl *d, int *outputs)
{
	static const int trait[] = { [D_ENUM] = HAS_ENUMS,
		                     [D_TYPE] = HAS_TYPES,
		                     [D_CONST] = HAS_CONSTANTS,
		                     [D_ASSERT] = HAS_ASSERTS };

	if (d->kind == D_ENUM || d->kind == D_TYPE || d->kind == D_CONST || d->kind == D_ASSERT)
		to->trait[trait[d->kind]] = true;
	if (d->kind == D_FN)
		return;
	to->trait[d->after ? HAS_EMITS_AFTER : HAS_EMITS] |= d->kind == D_EMIT;
	to->trait[HAS_ANNOTATED] |= d->annotated;
	*outputs += d->kind == D_OUTPUT;
	see(to, d->body);
	see(to, d->after);
}

static void
count_seen(int (*to)[2], const bool *seen, int n, bool compiled)
{
	for (int i = 0; i < n; i++) {
		to[i][0] += seen[i];
		to[i][1] += seen[i] && compiled;
	}
}

void
coverage_add(Coverage *c, const Sample *s, bool compiled)
{
	Constructs seen = { 0 };
	int outputs = 0;

	for (int i = 0; i < s->ndef; i++)
		see_statement(&seen, s->def[i], &outputs);
	seen.trait[s->token    ? HAS_FIELDS_OF_TOKEN
	           : s->nfed   ? HAS_INPUTS
	           : s->listed ? HAS_LISTED
	                       : HAS_WORDS] = true;
	seen.trait[HAS_BOTH_WAYS] = s->bidirectional;
	seen.trait[HAS_LONG] = s->context > 40;
	seen.trait[HAS_SEVERAL_OUTPUTS] = outputs > 1;
	count_seen(c->trait, seen.trait, NUM_TRAITS, compiled);
	count_seen(c->form, seen.form, NUM_FORMS, compiled);
	count_seen(c->over, seen.over, MAX + 1, compiled);
	count_seen(c->library, seen.library, LIBRARIES, compiled);
}

static void
print_coverage_row(const int n[2], const char *what, const char *more)
{
	printf("%7d %8d  %s%s\n", n[0], n[1], what, more);
}

void
print_coverage(const Coverage *c)
{
	static const char *const form[] = {
#define F(name, example) example,
		FORMS(F)
#undef F
	};
	static const char *const trait[] = {
#define F(name, example) example,
		TRAITS(F)
#undef F
	};

	printf("   made compiled\n");
	for (int i = 0; i < NUM_TRAITS; i++)
		print_coverage_row(c->trait[i], trait[i], "");
	for (int i = 0; i < NUM_FORMS; i++)
		if (i != F_FAULT)
			print_coverage_row(c->form[i], form[i], "");
	for (int i = 0; i <= MAX; i++)
		print_coverage_row(c->over[i], total_name[i], " over positions");
	for (int i = 0; i < LIBRARIES; i++)
		print_coverage_row(c->library[i], library_name[i], "");
}
