/* From the tree to the graph: modules, their names, and the statements in order.
 *
 * A name of a file is evaluated when it is first used (lazily). So what a module of the library
 * defines and a program does not use costs nothing, and may mention characters that the vocabulary
 * lacks. The model statement is lowered first, wherever it stands, because every stream is
 * made of the vocabulary. */

#include <stdio.h>
#include <string.h>

#include "frontend/editor/editor.h"
#include "frontend/lower/lower.h"

enum { USE_DEPTH = 50, NAMED_MAX = 100000 };

static Env *
file_env(Lower *L, Module *m, int seq)
{
	Env *e = NEW(L->arena, Env);

	e->module = m;
	e->seq = seq;
	return e;
}

/* ---- reading modules ---- */

static bool
module_may_hold(AstKind kind)
{
	return kind != N_MODEL && kind != N_EMIT && kind != N_OUTPUT && kind != N_INPUT;
}

/* The name that a statement defines, or NULL. */
static const Ast *
defined_name(Lower *L, const Ast *s)
{
	switch (s->kind) {
	case N_LET:
	case N_CONST:
	case N_FN:
	case N_ENUM:
	case N_TYPE:
	case N_INPUT:
	case N_LEARNED: return s->kid[0];
	case N_USE: return use_name(L->arena, s);
	default: return NULL;
	}
}

static void
add_def(Lower *L, Module *m, const Ast *stmt, int seq)
{
	const Ast *name = defined_name(L, stmt);
	Def *d = NEW(L->arena, Def), *old = name ? map_get(&m->defs, name->text) : NULL;

	if (!name)
		return;
	L->src = m->src;
	if (old) {
		fail_at(L, name->span, "'%s' is already defined in line %d", name->text,
		        source_line(m->src, old->stmt->span.lo));
		return;
	}
	if (!may_define(L, NULL, name))
		return;
	d->name = name->text;
	d->stmt = stmt;
	d->seq = seq;
	map_put(L->arena, &m->defs, name->text, d);
	m->def[m->ndef++] = d;
}

static Module *
new_module(Lower *L, const Tree *tree, const char *name)
{
	Module *m = NEW(L->arena, Module);
	Graph *g = L->g;
	const Source **files = NEWS(L->arena, const Source *, g->nfile + 1);

	for (int i = 0; i < g->nfile; i++)
		files[i] = g->files[i];
	files[g->nfile] = tree->src;
	g->files = files;
	m->file = g->nfile++;
	m->site = site_new(g, (Site){ m->file, -1, { 0, 0 } });
	m->src = tree->src;
	m->tree = tree;
	m->name = name;
	list_push(L, &L->all, m);
	m->def = NEWS(L->arena, Def *, tree->root->n);
	for (int i = 0; i < tree->root->n; i++)
		add_def(L, m, tree->root->kid[i], i);
	return m;
}

static Module *
load_module(Lower *L, Module *from, const Ast *use, const char *name)
{
	const Ast *what = use->kid[0];
	const char *path = module_path(L->arena, L->stdlib, from->src->path, what);
	const char *key = intern(L->arena, path, strlen(path));
	Module *m = map_get(&L->modules, key);

	if (m && m->loading) {
		fail_at(L, what->span, "'%s' uses itself, by way of other files perhaps",
		        what->text);
		return NULL;
	}
	if (m)
		return m;
	const Source *src = strlen(what->text) == what->len ? read_source(L->arena, key) : NULL;
	if (!src) {
		const char *near = what->kind == N_NAME ? nearest_module(L, what->text) : NULL;
		if (near)
			fail_at(L, what->span,
			        "the standard library has no '%s'; did you mean '%s'?", what->text,
			        near);
		else if (what->kind == N_TEXT && is_module(L, what->text))
			fail_at(L, what->span,
			        "cannot read '%s'; the standard library's is 'use %s', without "
			        "quotes",
			        path, what->text);
		else if (what->kind == N_NAME)
			fail_at(L, what->span, "the standard library has no '%s'", what->text);
		else
			fail_at(L, what->span, "cannot read '%s'", path);
		return NULL;
	}
	const Tree *tree = parse(src, L->arena, L->diags);
	if (!tree)
		arena_fail();
	m = new_module(L, tree, name);
	m->is_library = what->kind == N_NAME;
	m->loading = true;
	map_put(L->arena, &L->modules, key, m);
	L->src = m->src;
	for (int i = 0; i < m->tree->root->n; i++)
		if (!module_may_hold(m->tree->root->kid[i]->kind))
			fail_at(L, m->tree->root->kid[i]->span,
			        "a module has no model, emit, output or input");
	for (int i = 0; i < m->ndef; i++)
		if (m->def[i]->stmt->kind == N_USE)
			force(L, m, m->def[i]);
	m->loading = false;
	return m;
}

/* ---- definitions ---- */

static Value *
define_use(Lower *L, Module *m, const Def *d)
{
	Value *v = v_new(L, V_MODULE);

	if (!(v->module = load_module(L, m, d->stmt, d->name)))
		return &v_error;
	return v;
}

static Value *
define_enum(Lower *L, const Ast *s)
{
	const Ast *names = s->kid[1];
	Shape *shape = NEW(L->arena, Shape);
	Value *v = v_new(L, V_TYPE);

	shape->kind = S_ENUM;
	shape->name = s->kid[0]->text;
	shape->n = names->n;
	shape->field = NEWS(L->arena, const char *, names->n);
	for (int i = 0; i < names->n; i++) {
		for (int k = 0; k < i && names->n <= 1000; k++)
			if (shape->field[k] == names->kid[i]->text)
				fail_at(L, names->kid[i]->span, "the member '%s' is given twice",
				        names->kid[i]->text);
		shape->field[i] = names->kid[i]->text;
	}
	v->shape = shape;
	return v;
}

static Value *
define_type(Lower *L, Env *env, const Ast *s)
{
	Value *v = v_new(L, V_TYPE);

	v->shape = shape_of(L, env, s->kid[1]);
	return v->shape->kind == S_ERROR ? &v_error : v;
}

static Value *
define_fn(Lower *L, Env *env, const Ast *s)
{
	Value *v = v_new(L, V_FN);

	v->fn = s;
	v->env = env;
	return v;
}

/* The value of a let or const, of a file or inside a function. */
static Value *
define_value(Lower *L, Env *env, const Ast *s)
{
	const char *name = s->kid[0]->text;
	const Path path = { L->floats.path, name, -1 };

	L->floats.path = &path;
	Value *v = eval(L, env, s->kid[2]);
	L->floats.path = path.up;
	if (has_floats(v))
		v = name_floats(L, v, name);
	if (v->kind == V_FN || v->kind == V_BUILTIN || v->kind == V_TYPE || v->kind == V_MODULE)
		return fail_at(L, s->kid[2]->span,
		               "%s is no value; only a function's own name stands for it",
		               v_kind(v));
	if (s->kid[1])
		v = conform(L, v, shape_of(L, env, s->kid[1]), s->kid[2]->span,
		            arena_fmt(L->arena, "'%s'", name));
	if (s->kind == N_CONST && !is_known_value(v))
		return fail_at(L, s->kid[2]->span, "'%s' is not known at compile time; write let",
		               name);
	return v;
}

typedef struct Let {
	Env *env;
	const Ast *s;
} Let;

static Value *
find_let(Lower *L, void *data)
{
	const Let *let = data;

	return define_value(L, let->env, let->s);
}

static Origin *
origin_of_let(Lower *L, Env *env, const Ast *s)
{
	Let *let = NEW(L->arena, Let);

	*let = (Let){ env, s };
	return origin_new(L, find_let, let);
}

Value *
local_statement(Lower *L, Env **env, const Ast *s)
{
	Span span = L->span;
	Value *v = &v_error;
	Origin *from = NULL;

	L->span = s->span;
	switch (s->kind) {
	case N_LET:
	case N_CONST:
		v = define_value(L, *env, s);
		from = L->facts ? origin_of_let(L, *env, s) : NULL;
		break;
	case N_FN: v = define_fn(L, *env, s); break;
	case N_LEARNED: v = define_param(L, *env, s); break;
	case N_ASSERT:
		v = lower_assert(L, *env, s);
		L->span = span;
		return v;
	default: L->span = span; return v;
	}
	L->span = span;
	if (!own_name(*env, s->kid[0]->text) && !is_reserved_value(s->kid[0]->text))
		*env = env_bind(L, *env, s->kid[0]->text, v, from);
	return v;
}

static Value *
define(Lower *L, Module *m, Def *d)
{
	const Ast *s = d->stmt;
	Env *env = file_env(L, m, d->seq);

	switch (s->kind) {
	case N_USE: return define_use(L, m, d);
	case N_ENUM: return define_enum(L, s);
	case N_TYPE: return define_type(L, env, s);
	case N_INPUT: return define_input(L, env, s);
	case N_LEARNED: return define_param(L, env, s);
	case N_FN: check_names(L, env, s); return define_fn(L, env, s);
	default: return define_value(L, env, s);
	}
}

/* Evaluates a name of a file, once, without the guards and the where of the place that uses it. */
void
force(Lower *L, Module *m, Def *d)
{
	Lower saved = *L;

	if (d->state == D_DONE || d->state == D_BUSY) {
		if (d->state == D_BUSY)
			d->value = &v_error; /* it needs itself, which has been said */
		return;
	}
	d->state = D_BUSY;
	d->value = &v_error;
	L->src = m->src;
	L->file = m->file;
	L->span = d->stmt->span;
	L->facts = NULL;
	L->bound = 0;
	L->near = false;
	if (m->is_program)
		L->call = NULL; /* whoever needs it first has not led here */
	float_scope_begin(L);
	if (++L->depth > DEPTH_MAX)
		fail_here(L, "this depends on too long a chain of definitions");
	else
		d->value = define(L, m, d);
	if (d->stmt->kind == N_LET || d->stmt->kind == N_CONST)
		note_type(L, m->src, d->stmt->kid[0], d->value);
	d->state = D_DONE;
	L->src = saved.src;
	L->file = saved.file;
	L->span = saved.span;
	L->facts = saved.facts;
	L->bound = saved.bound;
	L->near = saved.near;
	L->call = saved.call;
	L->depth = saved.depth;
	float_scope_end(L, &saved);
}

/* ---- what the model does ---- */

static void
lower_emit(Lower *L, Env *env, const Ast *s)
{
	Value *v = eval(L, env, s->kid[0]), *p = s->kid[1] ? eval(L, env, s->kid[1]) : NULL;

	if (L->g->emit)
		fail_here(L, "a program has one emit");
	else if (L->g->bidirectional || L->takes_numbers)
		fail_here(L, "a %s has labels and no emit",
		          L->takes_numbers ? "model of numbers" : "bidirectional model");
	if (v->kind == V_ERROR || (p && p->kind == V_ERROR))
		return;
	if (!L->has_vocab && !L->takes_numbers && !L->token && L->diags->nerror)
		return; /* the model is what is wrong */
	if (p && p->kind != V_POS) {
		fail_at(L, s->kid[1]->span, "what follows 'after' is a position, not %s",
		        v_kind(p));
		return;
	}
	v = p ? as_array(L, v) : v;
	if (p && v->kind == V_ARRAY)
		v = emit_after(L, v, p);
	else if (p && v->kind != V_ERROR)
		v = fail_at(L, s->kid[0]->span, "emit … after takes an array of tokens, not %s%s",
		            v_kind(v), v->kind == V_TOKEN ? "; write [t]" : "");
	if (L->token && (v->kind == V_RECORD || v->kind == V_TOKEN))
		emit_record(L, v, s->kid[0]->span);
	else if (v->kind == V_TOKEN)
		graph_emit(L->g, node_of(L, v));
	else if (v->kind == V_TEXT && row_of_token(L, v->text) >= 0)
		fail_at(L, s->kid[0]->span, "emit gives a token, not a text: write '%s'", v->text);
	else if (v->kind == V_ARRAY || v->kind == V_TEXT)
		fail_at(L, s->kid[0]->span,
		        "emit gives one token; for an array write 'emit xs after p'");
	else if (v->kind != V_ERROR)
		fail_at(L, s->kid[0]->span, "emit gives a token, not %s", v_kind(v));
}

typedef struct Naming {
	Named **list;
	int *n, *cap;
	Span span;
	int file;
} Naming;

static Kind
kind_of_value(const Value *v)
{
	switch (v->kind) {
	case V_BOOL: return K_BOOL;
	case V_TOKEN: return K_TOKEN;
	case V_POS: return K_POS;
	case V_REAL: return K_REAL;
	default: return K_INT;
	}
}

/* Names every scalar of the value for traces and reports: sum[0], date.year. An output has as many
 * labels; of the others not all are named where a record holds one value many times over. */
static void
add_named(Lower *L, const Naming *to, const char *name, Value *v)
{
	if (to->list == &L->g->named && *to->n >= NAMED_MAX)
		return;
	if (v->kind == V_ARRAY || v->kind == V_RECORD) {
		for (int i = 0; i < v->n; i++)
			add_named(L, to,
			          v->kind == V_ARRAY
			                  ? arena_fmt(L->arena, "%s[%d]", name, i)
			                  : arena_fmt(L->arena, "%s.%s", name, v->field[i]),
			          v->item[i]);
		return;
	}
	v = v->kind == V_POS ? pos_named(L, v) : v;
	Node *n = v->kind == V_POS ? v->ref : is_scalar(v) ? node_of(L, v) : NULL;
	if (!n || n->two_sided)
		return;
	GROW(L->arena, *to->list, *to->cap, *to->n + 1);
	Named *named = &(*to->list)[(*to->n)++];
	*named = (Named){ .name = name,
		          .kind = kind_of_value(v),
		          .node = n,
		          .offset = v->kind == V_POS ? v->offset : 0,
		          .span = to->span,
		          .file = to->file };
	if (v->kind == V_ENUM) {
		named->nmember = v->shape->n;
		named->member = v->shape->field;
	}
}

/* What is known at compile time is not traced: it is no stream. */
static void
name_stream(Lower *L, const char *name, Value *v, const Ast *stmt, int file)
{
	Naming to = { &L->g->named, &L->g->nnamed, &L->cap_named, stmt->kid[0]->span, file };

	if (!is_known_value(v) && !has_floats(v))
		add_named(L, &to, name, v);
}

static bool
has_position(const Value *v)
{
	for (int i = 0; i < v->n && (v->kind == V_ARRAY || v->kind == V_RECORD); i++)
		if (has_position(v->item[i]))
			return true;
	return v->kind == V_POS;
}

static void
lower_output(Lower *L, Env *env, const Ast *s)
{
	const char *name = s->kid[0]->text;
	Naming to = { &L->g->output, &L->g->noutput, &L->cap_output, s->kid[0]->span, L->file };
	Output *out = NEW(L->arena, Output);
	Value *v = eval(L, env, s->kid[2]);

	if (s->kid[1])
		v = conform(L, v, shape_of(L, env, s->kid[1]), s->kid[2]->span,
		            arena_fmt(L->arena, "'%s'", name));
	if (map_get(&L->outputs, name)) {
		fail_at(L, s->kid[0]->span, "the output '%s' is already defined", name);
		return;
	}
	note_type(L, L->src, s->kid[0], v);
	v = has_floats(v) ? leave_floats(L, v, name) : v;
	v = as_array(L, v);
	if (has_position(v))
		fail_at(L, s->kid[2]->span, "an output is no position; write index[p else …]");
	else if (may_end(L, v))
		fail_at(L, s->kid[2]->span,
		        "an output is a value of the text, but this may be <end>");
	else if (!is_scalar(v) && v->kind != V_ARRAY && v->kind != V_RECORD && v->kind != V_ERROR)
		fail_at(L, s->kid[2]->span, "an output is a value of the text, not %s", v_kind(v));
	else if (v->kind != V_ERROR) {
		out->value = v;
		out->first = L->g->noutput;
		add_named(L, &to, name, v);
		out->n = L->g->noutput - out->first;
		map_put(L->arena, &L->outputs, name, out);
		if (!map_get(&L->program->defs, name))
			name_stream(L, name, v, s, L->file);
	}
}

/* ---- the statements in order ---- */

static void force_module(Lower *, Module *, int depth);

static void
force_used(Lower *L, const Def *d, int depth)
{
	if (d->stmt->kind == N_USE && d->value->kind == V_MODULE && !d->value->module->is_library)
		force_module(L, d->value->module, depth + 1);
}

/* Evaluates all names of a module that is a file of the user's own, so that its mistakes show. */
static void
force_module(Lower *L, Module *m, int depth)
{
	if (depth > USE_DEPTH)
		return;
	for (int i = 0; i < m->ndef; i++) {
		force(L, m, m->def[i]);
		force_used(L, m->def[i], depth);
	}
	for (int i = 0; i < m->tree->root->n; i++) {
		const Ast *s = m->tree->root->kid[i];
		Env *env = file_env(L, m, i);
		L->src = m->src;
		L->file = m->file;
		if (s->kind == N_ASSERT)
			local_statement(L, &env, s);
	}
}

static void
lower_statement(Lower *L, Module *m, const Ast *s, int seq)
{
	Env *env = file_env(L, m, seq);
	const Ast *name = defined_name(L, s);
	Def *d = name ? map_get(&m->defs, name->text) : NULL;

	L->src = m->src;
	L->file = m->file;
	L->span = s->span;
	switch (s->kind) {
	case N_EMIT: lower_emit(L, env, s); return;
	case N_OUTPUT: lower_output(L, env, s); return;
	case N_LOSS: lower_loss(L, env, s); return;
	case N_ASSERT: local_statement(L, &env, s); return;
	default: break;
	}
	if (!d || d->stmt != s)
		return;
	force(L, m, d);
	force_used(L, d, 0);
	if (s->kind == N_LET || s->kind == N_INPUT)
		name_stream(L, d->name, d->value, s, m->file);
}

/* Names, for traces, the streams of modules that the program uses: digits.run. */
static void
name_module_streams(Lower *L)
{
	for (int i = 0; i < L->all.n; i++) {
		Module *m = L->all.item[i];
		for (int k = 0; k < m->ndef; k++)
			if (m->def[k]->used && m->def[k]->stmt->kind == N_LET
			    && m->def[k]->state == D_DONE)
				name_stream(L,
				            arena_fmt(L->arena, "%s.%s", m->name, m->def[k]->name),
				            m->def[k]->value, m->def[k]->stmt, m->file);
	}
}

static void
find_model(Lower *L, Module *m)
{
	const Ast *list = m->tree->root;
	const Ast *model = NULL;

	L->src = m->src;
	for (int i = 0; i < list->n; i++)
		L->takes_numbers |= list->kid[i]->kind == N_INPUT;
	for (int i = 0; i < list->n; i++) {
		if (list->kid[i]->kind != N_MODEL)
			continue;
		if (model) {
			fail_at(L, list->kid[i]->kid[0]->span, "a program has one model");
			continue;
		}
		model = list->kid[i];
		L->file = m->file;
		L->span = model->span;
		lower_model(L, file_env(L, m, i), model);
	}
	if (!model && !L->diags->nerror)
		fail_at(L, (Span){ 0, 1 },
		        "a program needs a model: model NAME { vocab \"01\" context 16 }");
}

Graph *
lower(const Tree *tree, const char *stdlib, Arena *arena, Diags *diags)
{
	return lower_noting(tree, stdlib, arena, diags, NULL);
}

/* The whole program, of which L has the tree, into L->g. */
static void
lower_program(void *lower)
{
	Lower *L = lower;
	Graph *g = L->g = graph_new(L->arena);
	const Ast *list = L->tree->root;

	L->end = intern(L->arena, "<end>", 5);
	L->code = NEW(L->arena, int);
	g->context = 1;
	g->name = "";
	Module *m = L->program = new_module(L, L->tree, "this file");
	m->is_program = true;
	find_model(L, m);
	for (int i = 0; i < list->n; i++)
		lower_statement(L, m, list->kid[i], i);
	name_module_streams(L);
	report_large_errors(L);
	for (int i = 0; i < list->n; i++)
		if (list->kid[i]->kind == N_TEST) {
			L->src = m->src;
			L->file = m->file;
			L->span = list->kid[i]->span;
			lower_test(L, file_env(L, m, i), list->kid[i]);
		}
	if (!g->emit && !g->noutput && !L->floats.loss && !L->diags->nerror)
		error_at(L->diags, (Span){ 0, 1 },
		         "this program neither emits nor labels: add emit or output");
	if (!L->diags->nerror)
		floats_end(L);
	if (!L->diags->nerror)
		graph_order(g);
	report_warnings(L);
}

Graph *
lower_noting(const Tree *tree, const char *stdlib, Arena *arena, Diags *diags, Notes *notes)
{
	if (!tree) /* parse() has said why */
		return NULL;
	Lower L = { .arena = arena,
		    .diags = diags,
		    .tree = tree,
		    .stdlib = stdlib,
		    .src = tree->src,
		    .place = 1,
		    .nplace = 1,
		    .notes = notes };

	return graph_protect(&L.g, diags, lower_program, &L, NULL) ? L.g : NULL;
}
