/* Calls. A function is expanded where it is called (inlined), its parameters bound to the values
 * of the arguments. A stream is a value like any other, so the body may read it at other
 * positions: fn before(x) = x[here - 1 else 0]. */

#include <string.h>

#include "frontend/lower/lower.h"

/* ---- arguments ---- */

static bool
eval_args(Lower *L, Env *env, const Ast *list, bool of_ord, int *n, Arg **args)
{
	bool named = false, fine = true;

	*n = list->n;
	*args = NEWS(L->arena, Arg, list->n);
	for (int i = 0; i < list->n; i++) {
		const Ast *a = list->kid[i];
		Arg *to = &(*args)[i];
		to->span = a->span;
		if (a->kind == N_NAMED) {
			named = true;
			to->name = a->kid[0]->text;
			a = a->kid[1];
		} else if (named) {
			fail_at(L, a->span, "an argument by position stands before those by name");
			fine = false;
		}
		/* ord('0') is a number, whether or not the vocabulary has a '0' */
		to->value = of_ord && a->kind == N_TOKEN ? v_token(L, a->text, a->len)
		                                         : eval(L, env, a);
		to->origin = L->facts ? origin_of(L, env, a) : NULL;
	}
	return fine;
}

/* The argument given for the parameter, by its place or by name; NULL if it is left out. */
static Arg *
find_arg(int index, const char *name, int n, Arg *args, bool *taken, bool *twice)
{
	Arg *found = NULL;

	for (int i = 0; i < n; i++)
		if (args[i].name ? args[i].name == name : i == index) {
			*twice |= found != NULL;
			found = &args[i];
			taken[i] = true;
		}
	return found;
}

static Value *
bind_param(Lower *L, Env *env, const Ast *p, Arg *arg, const char *fn)
{
	const char *name = p->kid[0]->text;
	const char *what = arena_fmt(L->arena, "'%s' of %s", name, fn);
	Value *v = arg ? arg->value : eval(L, env, p->kid[2]);
	Span span = arg ? arg->span : p->span;

	if (v->kind == V_ERROR)
		return v;
	if (p->kind == N_CPARAM && !is_known_value(v))
		return fail_at(L, span, "%s is const: it must be known at compile time", what);
	v = p->kid[1] ? conform(L, v, shape_of(L, env, p->kid[1]), span, what) : v;
	return has_floats(v) ? name_floats(L, v, name) : v;
}

typedef struct Param {
	Env *env;
	const Ast *p;
	Arg arg;
	bool given;
	const char *fn;
} Param;

static Value *
find_param(Lower *L, void *data)
{
	Param *p = data;

	if (p->given)
		p->arg.value = reevaluate(L, p->arg.origin);
	return bind_param(L, p->env, p->p, p->given ? &p->arg : NULL, p->fn);
}

static Origin *
origin_of_param(Lower *L, Env *env, const Ast *p, const Arg *arg, const char *fn)
{
	Param *to = NEW(L->arena, Param);

	if (!L->facts || (arg && !arg->origin))
		return NULL;
	*to = (Param){ .env = env, .p = p, .given = arg, .fn = fn };
	if (arg)
		to->arg = *arg;
	return origin_new(L, find_param, to);
}

static void
say_untaken(Lower *L, const Ast *params, const char *fn, const Arg *arg)
{
	const char *best = NULL;
	int d = 3;

	if (!arg->name) {
		fail_at(L, arg->span, "%s takes %d argument%s", fn, params->n,
		        params->n == 1 ? "" : "s");
		return;
	}
	for (int i = 0; i < params->n; i++)
		best = nearest_name(arg->name, best, params->kid[i]->kid[0]->text, &d);
	fail_at(L, arg->span, "%s has no parameter '%s'%s%s%s", fn, arg->name,
	        best ? "; did you mean '" : "", best ? best : "", best ? "'?" : "");
}

static bool
has_param(const Ast *params, const char *name)
{
	for (int i = 0; i < params->n; i++)
		if (params->kid[i]->kid[0]->text == name)
			return true;
	return false;
}

/* The names in scope in the body: the parameters, in front of where f was defined. NULL after an
 * error. */
static Env *
bind_params(Lower *L, const Value *f, int n, Arg *args)
{
	const Ast *params = f->fn->kid[1];
	const char *name = f->fn->kid[0]->text;
	Env *env = env_bind(L, f->env, NULL, NULL, NULL);
	bool *taken = NEWS(L->arena, bool, n), fine = true;

	for (int i = 0; i < n; i++)
		if (args[i].name && !has_param(params, args[i].name)) {
			say_untaken(L, params, name, &args[i]);
			return NULL;
		}
	for (int i = 0; i < params->n; i++) {
		const Ast *p = params->kid[i];
		bool twice = false;
		Arg *arg = find_arg(i, p->kid[0]->text, n, args, taken, &twice);
		if (twice || (!arg && !p->kid[2])) {
			fail_here(L, twice ? "'%s' of %s is given twice" : "'%s' of %s is missing",
			          p->kid[0]->text, name);
			return NULL;
		}
		Value *v = bind_param(L, env, p, arg, name);
		fine &= v->kind != V_ERROR;
		env = env_bind(L, env, p->kid[0]->text, v, origin_of_param(L, env, p, arg, name));
	}
	for (int i = 0; i < n && fine; i++)
		if (!taken[i]) {
			say_untaken(L, params, name, &args[i]);
			return NULL;
		}
	return fine ? env : NULL;
}

/* ---- the body ---- */

static Value *
eval_block(Lower *L, Env *env, const Ast *block)
{
	const Ast *list = block->kid[0];

	for (int i = 0; i < list->n; i++)
		local_statement(L, &env, list->kid[i]);
	return eval(L, env, block->kid[1]);
}

static Value *
call_fn(Lower *L, const Value *f, int n, Arg *args)
{
	const Ast *fn = f->fn, *body = fn->kid[3];
	Env *env = bind_params(L, f, n, args);
	const Source *src = L->src;
	int file = L->file;
	Span span = L->span;
	Call here = { L->call, L->src, L->span, L->file, -1, 0 };

	if (!env)
		return &v_error;
	const Path path = { L->floats.path, fn->kid[0]->text, -1 };
	L->floats.path = &path;
	L->call = &here;
	L->src = env->module->src;
	L->file = env->module->file;
	L->span = body->span;
	Value *v = body->kind == N_BLOCK ? eval_block(L, env, body) : eval(L, env, body);
	if (fn->kid[2])
		v = conform(L, v, shape_of(L, env, fn->kid[2]), body->span,
		            arena_fmt(L->arena, "the result of %s", fn->kid[0]->text));
	L->call = here.up;
	L->floats.path = path.up;
	L->src = src;
	L->file = file;
	L->span = span;
	return v;
}

Value *
call_value(Lower *L, Value *fn, int n, Arg *args)
{
	Value *v = &v_error;

	if (fn->kind == V_ERROR)
		return fn;
	if (fn->kind != V_FN && fn->kind != V_BUILTIN)
		return fail_here(L, "%s cannot be called", v_kind(fn));
	for (int i = 0; i < n; i++)
		if (args[i].value->kind == V_ERROR)
			return &v_error;
	if (L->stopped)
		return v;
	L->depth++;
	if (L->depth > DEPTH_MAX) {
		fail_here(L, "this expands too deeply");
		L->stopped = true;
	} else if (fn->kind == V_FN)
		v = call_fn(L, fn, n, args);
	else
		v = call_builtin(L, (int)fn->num, n, args);
	L->depth--;
	return v;
}

Value *
eval_call(Lower *L, Env *env, const Ast *a)
{
	Value *fn = eval(L, env, a->kid[0]);
	const Ast *list = a->kid[1];
	Arg *args;
	int n;
	bool near = L->near;

	if (list->kind == N_OVER && fn->kind == V_BUILTIN)
		return builtin_over(L, (int)fn->num, env, list);
	if (list->kind == N_OVER && fn->kind == V_ERROR)
		return fn;
	if (list->kind == N_OVER)
		return fail_here(
			L, "'for' stands in count, sum, any, all …; pass an array: f([… for …])");
	if (list->kind == N_BAD)
		return &v_error;
	L->near = near || is_approx(fn);
	bool fine = eval_args(L, env, list, is_ord(fn), &n, &args);
	L->near = near;
	return fine ? call_value(L, fn, n, args) : &v_error;
}
