/* if and match.
 *
 * A branch that the ranges show to be unreachable is dropped before it is evaluated. The others
 * are evaluated under the fact that their condition holds, and that those before them did not
 * (occurrence typing: Tobin-Hochstadt and Felleisen, "Logical types for untyped languages", 2010;
 * narrow.c). A match is a chain of ifs, checked to cover every value of its subjects
 * (exhaustiveness, here by trying all combinations of values). */

#include <string.h>

#include "frontend/lower/lower.h"

enum { TABLE_ARMS = 8 }; /* so many arms of constants are one table */

/* Whether the condition holds here: 1 always, 0 never, -1 depends on the text. */
static int
decided(Lower *L, const Value *c)
{
	if (c->known)
		return c->num != 0;
	if (c->node->type.lo == c->node->type.hi)
		return c->node->type.lo != 0;
	Bounds b = bounds_here(L, c->node);
	return b.never || b.hi == 0 ? 0 : b.lo == 1 ? 1 : -1;
}

/* if c then x else y, c a condition of floats or indices. */
static Value *
if_mask(Lower *L, Env *env, const Ast *a, const Value *c)
{
	const IndexFact *old = assume_mask(L, c->e, true);
	Value *x = eval(L, env, a->kid[1]);

	L->floats.facts = old;
	assume_mask(L, c->e, false);
	Value *y = eval(L, env, a->kid[2]);
	L->floats.facts = old;
	return choose_value(L, c, x, y);
}

Value *
eval_if(Lower *L, Env *env, const Ast *a)
{
	Value *c = eval_bool(L, env, a->kid[0], "what follows 'if'");

	if (c->kind == V_ERROR) { /* without its condition a branch may seem wrong; only its names
		                     are checked */
		check_names(L, env, a->kid[1]);
		check_names(L, env, a->kid[2]);
		return c;
	}
	if (c->kind == V_MASK)
		return if_mask(L, env, a, c);
	int which = decided(L, c);
	see_if(L, a, c, which);
	if (which >= 0)
		return v_chosen(L, eval(L, env, a->kid[which ? 1 : 2]));
	GuardFact *old = assume_condition(L, c->node, true);
	Value *x = eval(L, env, a->kid[1]);
	L->facts = old;
	assume_condition(L, c->node, false);
	Value *y = eval(L, env, a->kid[2]);
	L->facts = old;
	return if_value(L, c->node, x, y);
}

/* ---- patterns ---- */

typedef struct Pattern {
	bool any;
	bool code;      /* lo..hi are codes of characters, */
	int64_t lo, hi; /* else of values */
} Pattern;

/* One alternative of an arm: a pattern for each subject, all of which have to match. */
typedef struct PatternRow {
	Pattern *cell; /* (number of subjects) */
} PatternRow;

typedef struct MatchExpr {
	Env *env;
	int n; /* subjects */
	Value **subject;
	int64_t **domain; /* (n) the values that each can have here */
	int *size;        /* (n) */
} MatchExpr;

static bool
matches(Lower *L, const Pattern *p, int64_t v)
{
	if (p->any)
		return true;
	if (p->code)
		v = L->code[v];
	return p->lo <= v && v <= p->hi;
}

static bool
pattern_value(Lower *L, MatchExpr *m, const Ast *a, const Value *subject, bool in_range, Pattern *p)
{
	Value *v = in_range && a->kind == N_TOKEN ? v_token(L, a->text, a->len)
	           : subject->kind == V_ENUM      ? enum_member(L, subject->shape, a)
	                                          : NULL;

	v = v ? v : eval(L, m->env, a);

	if (v->kind == V_ERROR)
		return false;
	if (v->kind == V_TEXT && subject->kind == V_TOKEN)
		v = v_token(L, v->text, v->len);
	if (!v->known || v->kind != subject->kind || v->shape != subject->shape) {
		fail_at(L, a->span,
		        "a pattern is a constant of its subject's kind: this is %s, the subject %s",
		        v_show(L, v), v_show(L, subject));
		return false;
	}
	if (v->kind != V_TOKEN) {
		p->lo = p->hi = v->num;
		return true;
	}
	p->code = in_range;
	p->lo = p->hi = in_range ? code_of(v->text, v->len) : row_of_token(L, v->text);
	if (p->lo < 0)
		p->lo = p->hi = -2; /* no token: never matches */
	return true;
}

static bool
pattern_of(Lower *L, MatchExpr *m, const Ast *a, const Value *subject, Pattern *p)
{
	Pattern q = { 0 };

	if (a->kind == N_NAME && !strcmp(a->text, "_"))
		return p->any = true;
	if (a->kind != N_TO && a->kind != N_UPTO)
		return pattern_value(L, m, a, subject, false, p);
	if (!pattern_value(L, m, a->kid[0], subject, true, p)
	    || !pattern_value(L, m, a->kid[1], subject, true, &q))
		return false;
	p->hi = q.hi - (a->kind == N_UPTO);
	return true;
}

/* ---- one arm: its condition ---- */

static int64_t
row_matches(Lower *L, int row, void *data)
{
	return matches(L, data, row);
}

static Value *
test_pattern(Lower *L, Value *subject, Pattern *p)
{
	if (p->any)
		return v_bool(L, true);
	if (subject->known) {
		int64_t v = subject->kind == V_TOKEN ? row_of_token(L, subject->text)
		                                     : subject->num;
		return v_bool(L, v >= 0 || subject->kind != V_TOKEN ? matches(L, p, v) : false);
	}
	if (subject->kind == V_TOKEN)
		return v_stream(L, V_BOOL, row_table(L, subject->node, row_matches, p));
	Node *x = subject->node;
	if (p->lo == p->hi)
		return v_stream(L, V_BOOL, op2(L, OP_EQ, x, constant(L, p->lo)));
	Node *below = op2(L, OP_LT, x, constant(L, p->lo));
	Value *from_lo = v_stream(L, V_BOOL, op1(L, OP_NOT, below));
	Node *above = op2(L, OP_LT, constant(L, p->hi), x);
	return v_and(L, from_lo, v_stream(L, V_BOOL, op1(L, OP_NOT, above)));
}

/* Appends the alternatives of a tuple, ('a' | 'b', 0 | 1), to rows: one for each combination of
 * what its parts list. False after an error. */
static bool
tuple_rows(Lower *L, MatchExpr *m, const Ast *tuple, PtrList *rows)
{
	int total = 1;

	if (tuple->n != m->n) {
		fail_at(L, tuple->span, "this pattern has %d parts where the subject has %d",
		        tuple->n, m->n);
		return false;
	}
	for (int i = 0; i < tuple->n; i++)
		if ((total *= tuple->kid[i]->n) > 4096) {
			fail_at(L, tuple->span, "this pattern has too many alternatives");
			return false;
		}
	for (int k = 0; k < total; k++) {
		PatternRow *r = NEW(L->arena, PatternRow);
		r->cell = NEWS(L->arena, Pattern, m->n);
		for (int i = 0, rest = k; i < m->n; i++) {
			const Ast *cell = tuple->kid[i];
			if (!pattern_of(L, m, cell->kid[rest % cell->n], m->subject[i],
			                &r->cell[i]))
				return false;
			rest /= cell->n;
		}
		list_push(L, rows, r);
	}
	return true;
}

static bool
arm_rows(Lower *L, MatchExpr *m, const Ast *patterns, PtrList *rows)
{
	for (int i = 0; i < patterns->n; i++) {
		const Ast *a = patterns->kid[i];
		if (a->kind == N_TUPLE) {
			if (!tuple_rows(L, m, a, rows))
				return false;
			continue;
		}
		PatternRow *r = NEW(L->arena, PatternRow);
		r->cell = NEWS(L->arena, Pattern, m->n);
		bool wild = a->kind == N_NAME && !strcmp(a->text, "_");
		if (m->n > 1 && !wild) {
			fail_at(L, a->span, "with %d subjects a pattern is written (a, b)", m->n);
			return false;
		}
		for (int k = 0; k < m->n; k++)
			if (!pattern_of(L, m, a, m->subject[k], &r->cell[k]))
				return false;
		list_push(L, rows, r);
	}
	return true;
}

static Value *
arm_condition(Lower *L, MatchExpr *m, const PtrList *rows)
{
	Value *any = v_bool(L, false);

	for (int i = 0; i < rows->n; i++) {
		PatternRow *r = rows->item[i];
		Value *all = v_bool(L, true);
		for (int k = 0; k < m->n; k++)
			all = v_and(L, all, test_pattern(L, m->subject[k], &r->cell[k]));
		any = v_or(L, any, all);
	}
	return any;
}

/* ---- coverage ---- */

static bool
find_domains(Lower *L, MatchExpr *m)
{
	int64_t total = 1;

	m->domain = NEWS(L->arena, int64_t *, m->n);
	m->size = NEWS(L->arena, int, m->n);
	for (int i = 0; i < m->n; i++) {
		Node *x = node_of(L, m->subject[i]);
		const int64_t *v = x ? values_here(L, x, &m->size[i]) : NULL;
		if (!v)
			return false;
		m->domain[i] = (int64_t *)(uintptr_t)v;
		total *= m->size[i];
		if (total > PAIRS_MAX)
			return false;
	}
	return true;
}

static const char *
show_case(Lower *L, const Value *subject, int64_t v)
{
	if (subject->kind == V_TOKEN)
		return v == L->g->nvocab ? "<end>"
		                         : arena_fmt(L->arena, "'%s'", row_spelling(L, v));
	if (subject->kind == V_BOOL)
		return v ? "true" : "false";
	if (subject->kind == V_ENUM)
		return subject->shape->field[v];
	return arena_fmt(L->arena, "%lld", (long long)v);
}

/* Finds a combination of the subjects' values that no alternative matches; false if there is
 * none. */
static bool
find_uncovered(Lower *L, MatchExpr *m, const PtrList *rows, const char **what)
{
	int64_t total = 1;

	for (int i = 0; i < m->n; i++)
		total *= m->size[i];
	for (int64_t k = 0; k < total; k++) {
		bool taken = false;
		for (int r = 0; r < rows->n && !taken; r++) {
			const PatternRow *row = rows->item[r];
			int64_t rest = k;
			taken = true;
			for (int i = 0; i < m->n && taken; rest /= m->size[i], i++)
				taken = matches(L, &row->cell[i], m->domain[i][rest % m->size[i]]);
		}
		if (taken)
			continue;
		*what = "";
		int64_t rest = k;
		for (int i = 0; i < m->n; rest /= m->size[i], i++)
			*what = arena_fmt(
				L->arena, "%s%s%s", *what, i ? ", " : "",
				show_case(L, m->subject[i], m->domain[i][rest % m->size[i]]));
		return true;
	}
	return false;
}

static bool
check_cover(Lower *L, MatchExpr *m, const PtrList *rows, const GuardFact *facts)
{
	const char *what;
	GuardFact *now = L->facts;

	L->facts = (GuardFact *)(uintptr_t)facts;
	bool finite = find_domains(L, m);
	L->facts = now;
	if (!finite)
		fail_here(L, "this match does not cover every value; add else => …");
	else if (find_uncovered(L, m, rows, &what))
		fail_here(L, "this match does not cover %s; add it, or else => …", what);
	else
		return true;
	return false;
}

/* ---- choices ---- */

typedef struct MatchCase {
	Node *cond; /* NULL: the rest */
	Value *value;
} MatchCase;

static Value *
join_choices(Lower *L, const PtrList *choices)
{
	Value *v = v_chosen(L, ((MatchCase *)choices->item[choices->n - 1])->value);

	for (int i = choices->n - 2; i >= 0; i--) {
		MatchCase *c = choices->item[i];
		v = if_value(L, c->cond, c->value, v);
	}
	return v;
}

static bool
eval_subjects(Lower *L, MatchExpr *m, const Ast *list)
{
	bool fine = true;

	m->n = list->n;
	m->subject = NEWS(L->arena, Value *, m->n);
	for (int i = 0; i < m->n; i++) {
		Value *v = exact_choice(L, eval(L, m->env, list->kid[i]));
		m->subject[i] = v;
		if (v->kind == V_ERROR)
			fine = false;
		else if (!is_scalar(v) || v->kind == V_REAL) {
			fail_at(L, list->kid[i]->span,
			        "match takes tokens, integers, conditions or enums, not %s%s",
			        v_kind(v),
			        v->kind == V_REAL ? "; min, max and relu make pieces of a real, if "
			                            "x < 1/2 compares one"
			                          : "");
			fine = false;
		}
	}
	return fine;
}

static Value *
push_choice(Lower *L, PtrList *choices, Node *cond, Value *v)
{
	MatchCase *c = NEW(L->arena, MatchCase);

	c->cond = cond;
	c->value = v;
	list_push(L, choices, c);
	return v;
}

/* ---- many arms of constants, of one subject ---- */

/* Arms first..<end in turn whose values are written as constants: a table of the subject's root. */
typedef struct TableArms {
	const Node *root;
	bool *taken;      /* (root's values) by one of these arms */
	int64_t *out;     /* (root's values) what it gives */
	const Value *one; /* what some arm gives; NULL: none is ever reached */
	bool left;        /* some value is taken by none of them */
} TableArms;

static bool
is_constant_arm(const Ast *arm)
{
	const Ast *e = arm->kind == N_ARM && arm->kid[0] ? arm->kid[1] : NULL;

	if (e && e->kind == N_NEG)
		e = e->kid[0];
	return e
	       && (e->kind == N_BOOL || e->kind == N_TOKEN || (e->kind == N_NUMBER && e->den == 1));
}

/* The end of the arms from `first` on that make a table; `first` where there is none. */
static int
table_arms_end(const MatchExpr *m, const Ast *arms, int first)
{
	const Node *x = m->n == 1 ? m->subject[0]->node : NULL, *root = x ? x->type.root : NULL;
	int end = first;

	if (!root || !x->type.image || root->type.hi - root->type.lo >= 4L * root->type.nset)
		return first;
	while (end < arms->n && is_constant_arm(arms->kid[end]))
		end++;
	return end - first >= TABLE_ARMS ? end : first;
}

/* What the arm takes of what is left: how many values of the root. */
static int
take_values(Lower *L, MatchExpr *m, TableArms *t, const PatternRow *row)
{
	const int64_t *image = m->subject[0]->node->type.image;
	const bool *allowed = allowed_values(L, t->root);
	int n = 0;

	for (int i = 0; i < t->root->type.nset; i++)
		if (!t->taken[i] && (!allowed || allowed[i]) && matches(L, row->cell, image[i])) {
			t->taken[i] = true;
			t->out[i] = INT64_MIN;
			n++;
		}
	return n;
}

/* Gives the value of the arm to what it has just taken; false after an error. */
static bool
give_value(Lower *L, MatchExpr *m, TableArms *t, const Ast *e)
{
	Value *v = eval(L, m->env, e);

	if (v->kind == V_ERROR)
		return false;
	if (t->one && v->kind != t->one->kind) {
		fail_here(L, "the branches do not go together: %s and %s", v_show(L, t->one),
		          v_show(L, v));
		return false;
	}
	t->one = v;
	const Node *k = node_of(L, v);
	for (int i = 0; k && i < t->root->type.nset; i++)
		if (t->taken[i] && t->out[i] == INT64_MIN)
			t->out[i] = k->k;
	return k != NULL;
}

/* The arms' patterns go to rows; false after an error. `rest`: is anything left for them? */
static bool
fill_table(Lower *L, MatchExpr *m, TableArms *t, const Ast *arm, bool rest, PtrList *rows)
{
	PtrList mine = { 0 };
	int taken = 0;

	if (!arm_rows(L, m, arm->kid[0], &mine))
		return false;
	for (int i = 0; i < mine.n; i++) {
		list_push(L, rows, mine.item[i]);
		if (rest)
			taken += take_values(L, m, t, mine.item[i]);
	}
	see_arm(L, arm, taken > 0);
	return !taken || give_value(L, m, t, arm->kid[1]);
}

/* The condition that one of the arms takes it, and what they give then; where they take nothing
 * the value is one of its neighbours'. */
static void
table_nodes(Lower *L, const TableArms *t, Node **cond, Node **value)
{
	Node *root = (Node *)(uintptr_t)t->root;
	int64_t lo = root->type.lo, last = node_of(L, (Value *)(uintptr_t)t->one)->k;
	int n = (int)(root->type.hi - lo) + 1, at = 0;
	int64_t *is_taken = NEWS(L->arena, int64_t, n), *out = NEWS(L->arena, int64_t, n);

	for (int i = 0; i < n; i++) {
		if (root->type.set[at] == lo + i) {
			is_taken[i] = t->taken[at];
			last = t->taken[at] ? t->out[at] : last;
			at++;
		}
		out[i] = last;
	}
	*cond = mk_table(L->g, L->span, site_here(L), root, lo, is_taken, n);
	*value = mk_table(L->g, L->span, site_here(L), root, lo, out, n);
}

/* ---- match, from the top ---- */

typedef struct Arms {
	MatchExpr m;
	const Ast *list;
	PtrList choices, rows;
	bool known; /* are the subjects? */
	bool rest;  /* may some value reach the next arm? */
	bool bad;
} Arms;

/* The arms from `first` to `end` as one choice. */
static void
eval_table_arms(Lower *L, Arms *s, int first, int end)
{
	TableArms t = { .root = s->m.subject[0]->node->type.root };
	Node *cond, *value;

	t.taken = NEWS(L->arena, bool, t.root->type.nset);
	t.out = NEWS(L->arena, int64_t, t.root->type.nset);
	for (int i = first; i < end; i++)
		s->bad |= !fill_table(L, &s->m, &t, s->list->kid[i], s->rest, &s->rows);
	if (!t.one)
		return;
	table_nodes(L, &t, &cond, &value);
	push_choice(L, &s->choices, cond, v_stream(L, t.one->kind, value));
	Value *c = v_stream(L, V_BOOL, cond);
	s->rest = decided(L, c) != 1;
	if (s->rest)
		assume_condition(L, cond, false);
}

static void
eval_arm(Lower *L, Arms *s, const Ast *arm)
{
	PtrList mine = { 0 };

	if (arm->kind == N_BAD || (arm->kid[0] && !arm_rows(L, &s->m, arm->kid[0], &mine))) {
		s->bad = true;
		return;
	}
	for (int k = 0; k < mine.n; k++)
		list_push(L, &s->rows, mine.item[k]);
	Value *c = arm->kid[0] ? arm_condition(L, &s->m, &mine) : v_bool(L, true);
	int which = c->kind == V_ERROR ? 0 : decided(L, c);
	see_arm(L, arm, s->known || (s->rest && which != 0));
	if (!s->rest || which == 0)
		return;
	GuardFact *before = L->facts;
	if (c->node)
		assume_condition(L, c->node, true);
	Value *v = push_choice(L, &s->choices, c->node, eval(L, s->m.env, arm->kid[1]));
	s->bad |= v->kind == V_ERROR;
	L->facts = before;
	if (which == 1)
		s->rest = false;
	else
		assume_condition(L, c->node, false);
}

Value *
eval_match(Lower *L, Env *env, const Ast *a)
{
	Arms s = { .m.env = env, .list = a->kid[1], .known = true, .rest = true };
	GuardFact *old = L->facts;

	if (!eval_subjects(L, &s.m, a->kid[0]))
		return &v_error;
	for (int i = 0; i < s.m.n; i++)
		s.known &= s.m.subject[i]->known;
	for (int i = 0; i < s.list->n;) {
		const Ast *arm = s.list->kid[i];
		int end = table_arms_end(&s.m, s.list, i);
		if (arm->kind != N_BAD && !arm->kid[0] && i + 1 < s.list->n)
			return fail_at(L, arm->span, "else is the last arm");
		if (end > i)
			eval_table_arms(L, &s, i, end);
		else
			eval_arm(L, &s, arm);
		i = end > i ? end : i + 1;
	}
	L->facts = old;
	if (s.bad || (s.rest && !check_cover(L, &s.m, &s.rows, old)) || !s.choices.n)
		return &v_error;
	return join_choices(L, &s.choices);
}
