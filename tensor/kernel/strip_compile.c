/* Scalars to strip code: values are placed in the outermost loop where all that they depend on
 * is known, each once; then registers are given out by a scan over the code (Poletto and Sarkar
 * 1999, "Linear scan register allocation"). */

#include "tensor/kernel/kernel.h"

#include <assert.h>
#include <string.h>

enum { SCOPE_MAX = RANK_MAX + HEIGHT_MAX };

typedef struct StripCompiler {
	TensorGraph *g;
	int n, cap;
	StripInstr *instr;
	int nvalue;    /* virtual registers */
	Scalar *lanes; /* or NULL */
	int nmerged; /* ranges around `lanes` that are one line of memory with it, for each load */
	Scalar *const *merged;
	int nscope;
	Scalar *scope[SCOPE_MAX]; /* ranges that are known here */
	Map value;                /* Scalar -> ValueAt */
	int nundo, capundo;
	Scalar **undo; /* whose values end with their loops */
} StripCompiler;

typedef struct ValueAt {
	int reg; /* -1: not here any more */
	bool strip;
} ValueAt;

static ValueAt compile_scalar(StripCompiler *, Scalar *);

static StripInstr *
emit_strip(StripCompiler *c, StripOp op)
{
	GROW(c->g->arena, c->instr, c->cap, c->n + 1);
	c->instr[c->n] = (StripInstr){ .op = op, .to = -1, .arg = { -1, -1, -1 } };
	return &c->instr[c->n++];
}

static bool
differs(const StripCompiler *c, const Scalar *e)
{
	for (int i = 0; i < c->nmerged; i++)
		if (scalar_depends(e, c->merged[i]))
			return true;
	return c->lanes && scalar_depends(e, c->lanes);
}

static bool
is_known(const StripCompiler *c, const Scalar *e)
{
	for (int i = 0; i < e->nfree; i++) {
		bool known = e->free[i] == c->lanes;
		for (int k = 0; k < c->nscope && !known; k++)
			known = c->scope[k] == e->free[i];
		for (int k = 0; k < c->nmerged && !known; k++)
			known = c->merged[k] == e->free[i];
		if (!known)
			return false;
	}
	return true;
}

/* ---- loads ---- */

/* By how much e grows from lane to lane, if that is the same everywhere. */
static bool
lane_slope(const StripCompiler *c, const Scalar *e, int64_t *slope)
{
	int64_t a, b;

	*slope = 0;
	if (!c->lanes || !scalar_depends(e, c->lanes))
		return true;
	if (e == c->lanes) {
		*slope = 1;
		return true;
	}
	if (e->op == X_MUL && e->arg[1]->op == X_CONST && lane_slope(c, e->arg[0], &a)) {
		*slope = a * (int64_t)e->arg[1]->value;
		return e->arg[1]->integer;
	}
	if ((e->op != X_ADD && e->op != X_SUB) || !lane_slope(c, e->arg[0], &a)
	    || !lane_slope(c, e->arg[1], &b))
		return false;
	*slope = e->op == X_ADD ? a + b : a - b;
	return true;
}

static Scalar *
at_lane_zero(StripCompiler *c, Scalar *e)
{
	for (int i = 0; i < c->nmerged; i++)
		e = scalar_substitute(c->g, e, c->merged[i], scalar_const(c->g, 0));
	return c->lanes ? scalar_substitute(c->g, e, c->lanes, scalar_const(c->g, 0)) : e;
}

/* The ranges that are not lanes are terms. False where an index is another thing, or may miss. */
static bool
plan_affine_load(StripCompiler *c, const Scalar *e, LoadPlan *p)
{
	if (!is_plain_load(e) || e->nfree > RANK_MAX)
		return false;
	p->affine = true;
	p->base = load_address(e, NULL);
	for (int i = 0; i < e->nfree; i++) {
		bool lanes = e->free[i] == c->lanes;
		for (int k = 0; k < c->nmerged; k++)
			lanes |= e->free[i] == c->merged[k];
		if (e->free[i] == c->lanes)
			p->step = load_address(e, e->free[i]);
		if (lanes)
			continue;
		p->range[p->nterm] = e->free[i]->number;
		p->times[p->nterm++] = load_address(e, e->free[i]);
	}
	for (int i = 0; i < RANK_MAX; i++)
		p->index[i] = -1;
	return true;
}

static LoadPlan *
plan_load(StripCompiler *c, const Scalar *e, bool *gather)
{
	LoadPlan *p = NEW(c->g->arena, LoadPlan);
	const TensorNode *t = e->tensor;
	int64_t stride = 1;

	*gather = false;
	p->tensor = t->id;
	p->rank = t->rank;
	if (plan_affine_load(c, e, p))
		return p;
	for (int i = t->rank - 1; i >= 0; stride *= t->dim[i], i--) {
		p->stride[i] = stride;
		p->dim[i] = t->dim[i];
		p->may_miss[i] = e->arg[i]->values.lo < 0 || e->arg[i]->values.hi >= t->dim[i];
		*gather |= !lane_slope(c, e->arg[i], &p->per_lane[i]);
	}
	for (int i = 0; i < t->rank; i++) {
		ValueAt v = compile_scalar(c, *gather ? e->arg[i] : at_lane_zero(c, e->arg[i]));
		p->index[i] = v.reg;
		p->strip[i] = v.strip;
	}
	return p;
}

static ValueAt
compile_load(StripCompiler *c, Scalar *e)
{
	bool gather, strip = differs(c, e);
	LoadPlan *p = plan_load(c, e, &gather);
	StripInstr *i = emit_strip(c, gather ? S_GATHER : S_LOAD);

	i->load = p;
	i->strip = strip;
	i->to = c->nvalue++;
	return (ValueAt){ i->to, strip };
}

/* ---- reductions ---- */

/* Along merged lanes an index is only the part of it at lane zero, which plan_load compiles. */
static bool
is_merged_index(const StripCompiler *c, const Scalar *e)
{
	if (!e->integer)
		return false;
	for (int i = 0; i < c->nmerged; i++)
		if (scalar_depends(e, c->merged[i]))
			return true;
	return false;
}

/* All in e that does not depend on the range of a loop is computed in front of it. */
static void
compile_invariants(StripCompiler *c, Scalar *e, const Scalar *range, Map *seen)
{
	if (map_get(seen, e))
		return;
	map_put(c->g->arena, seen, e, e);
	if (is_merged_index(c, e))
		return;
	if (!scalar_depends(e, range) && is_known(c, e)) {
		compile_scalar(c, e);
		return;
	}
	for (int i = 0; i < e->narg; i++)
		compile_invariants(c, e->arg[i], range, seen);
}

static void
forget_since(StripCompiler *c, int undo)
{
	while (c->nundo > undo) {
		ValueAt *v = map_get(&c->value, c->undo[--c->nundo]);
		v->reg = -1;
	}
}

static ValueAt
compile_repeat(StripCompiler *c, Scalar *e)
{
	Scalar *range = e->arg[1];

	bool strip = differs(c, e);

	compile_invariants(c, e->arg[0], range, &(Map){ 0 });
	int begin = c->n, undo = c->nundo, to = c->nvalue++;
	*emit_strip(c, S_REPEAT) = (StripInstr){ .op = S_REPEAT,
		                                 .what = e->op,
		                                 .to = to,
		                                 .arg = { -1, -1, -1 },
		                                 .strip = strip,
		                                 .range = range->number,
		                                 .extent = range->extent };
	c->scope[c->nscope++] = range;
	ValueAt body = compile_scalar(c, e->arg[0]);
	c->nscope--;
	*emit_strip(c, S_AGAIN) = (StripInstr){ .op = S_AGAIN,
		                                .what = e->op,
		                                .to = to,
		                                .arg = { body.reg, -1, -1 },
		                                .arg_strip = { body.strip },
		                                .strip = strip,
		                                .range = range->number,
		                                .extent = range->extent,
		                                .jump = begin };
	forget_since(c, undo);
	return (ValueAt){ to, strip };
}

static ValueAt
compile_fold(StripCompiler *c, Scalar *e)
{
	Scalar *range = e->arg[1], *outside = c->lanes;

	compile_invariants(c, e->arg[0], range, &(Map){ 0 });
	int begin = c->n, undo = c->nundo, to = c->nvalue++;
	*emit_strip(c, S_FOLD) = (StripInstr){ .op = S_FOLD,
		                               .what = e->op,
		                               .to = to,
		                               .arg = { -1, -1, -1 },
		                               .range = range->number,
		                               .extent = range->extent };
	c->lanes = range;
	ValueAt body = compile_scalar(c, e->arg[0]);
	c->lanes = outside;
	*emit_strip(c, S_FOLDED) = (StripInstr){ .op = S_FOLDED,
		                                 .what = e->op,
		                                 .to = to,
		                                 .arg = { body.reg, -1, -1 },
		                                 .arg_strip = { body.strip },
		                                 .range = range->number,
		                                 .extent = range->extent,
		                                 .jump = begin };
	forget_since(c, undo);
	return (ValueAt){ to, false };
}

/* What depends on the lanes is another thing where they are one number. */
static int *
hide_strips(StripCompiler *c)
{
	int *hidden = NEWS(c->g->arena, int, c->nundo + 1);

	for (int i = 0; i < c->nundo; i++) {
		ValueAt *v = map_get(&c->value, c->undo[i]);
		hidden[i] = v->reg;
		if (scalar_depends(c->undo[i], c->lanes))
			v->reg = -1;
	}
	return hidden;
}

static void
show_strips(StripCompiler *c, const int *hidden, int n)
{
	for (int i = 0; i < n; i++) {
		ValueAt *v = map_get(&c->value, c->undo[i]);
		if (scalar_depends(c->undo[i], c->lanes))
			*v = (ValueAt){ hidden[i], true };
	}
}

/* A sum along lines that differs from lane to lane: for each lane by itself. */
static ValueAt
compile_each(StripCompiler *c, Scalar *e)
{
	Scalar *range = c->lanes;

	compile_invariants(c, e, range, &(Map){ 0 });
	int begin = c->n, undo = c->nundo, to = c->nvalue++, *hidden = hide_strips(c);
	StripInstr each = {
		.op = S_EACH, .to = to, .arg = { -1, -1, -1 }, .strip = true, .range = range->number
	};
	*emit_strip(c, S_EACH) = each;
	c->scope[c->nscope++] = range;
	c->lanes = NULL;
	each.op = S_EACHED;
	each.arg[0] = compile_scalar(c, e).reg;
	each.jump = begin;
	c->lanes = range;
	c->nscope--;
	*emit_strip(c, S_EACHED) = each;
	forget_since(c, undo);
	show_strips(c, hidden, undo);
	return (ValueAt){ to, true };
}

static ValueAt
compile_reduction(StripCompiler *c, Scalar *e)
{
	bool along = e->order == ORDER_ALONG;

	if (e->order == ORDER_OPEN || e->order == ORDER_PRODUCT)
		along = along_or_across(c->g, e) == ORDER_ALONG;
	if (!along)
		return compile_repeat(c, e);
	return differs(c, e) ? compile_each(c, e) : compile_fold(c, e);
}

/* ---- the rest ---- */

static bool
gives_whole(const Scalar *e)
{
	return e->integer && interval_max_abs(e->values) < 0x1p24;
}

static ValueAt
compile_apply(StripCompiler *c, Scalar *e)
{
	StripInstr i = {
		.op = S_APPLY, .what = e->op, .whole = gives_whole(e), .arg = { -1, -1, -1 }
	};

	for (int k = 0; k < e->narg; k++) {
		ValueAt v = compile_scalar(c, e->arg[k]);
		i.arg[k] = v.reg;
		i.arg_strip[k] = v.strip;
		i.strip |= v.strip;
	}
	i.to = c->nvalue++;
	*emit_strip(c, S_APPLY) = i;
	return (ValueAt){ i.to, i.strip };
}

static ValueAt
compile_leaf(StripCompiler *c, const Scalar *e)
{
	StripOp op = e->op == X_CONST ? S_CONST : e == c->lanes ? S_LANES : S_RANGE;
	StripInstr *i = emit_strip(c, op);

	i->value = (float)e->value;
	i->whole = gives_whole(e);
	i->range = e->number;
	i->strip = op == S_LANES;
	i->to = c->nvalue++;
	return (ValueAt){ i->to, i->strip };
}

static ValueAt
compile_scalar(StripCompiler *c, Scalar *e)
{
	ValueAt *kept = map_get(&c->value, e), v;

	if (kept && kept->reg >= 0)
		return *kept;
	switch (e->op) {
	case X_CONST:
	case X_RANGE: v = compile_leaf(c, e); break;
	case X_LOAD: v = compile_load(c, e); break;
	case X_STOP: v = compile_scalar(c, e->arg[0]); break;
	case X_SUM:
	case X_RMAX: v = compile_reduction(c, e); break;
	default: v = compile_apply(c, e); break;
	}
	if (!kept) {
		kept = NEW(c->g->arena, ValueAt);
		map_put(c->g->arena, &c->value, e, kept);
	}
	*kept = v;
	GROW(c->g->arena, c->undo, c->capundo, c->nundo + 1);
	c->undo[c->nundo++] = e;
	return v;
}

/* ---- registers ---- */

typedef struct Registers {
	int *last;  /* (value) the last instruction that reads it */
	int *given; /* (value) its register */
	int n, nfree;
	int *free; /* (nfree) */
} Registers;

static void
use_value(Registers *r, int value, int at)
{
	if (value >= 0 && r->last[value] < at)
		r->last[value] = at;
}

static void
use_operands(Registers *r, const StripInstr *i, int at)
{
	for (int k = 0; k < 3; k++)
		use_value(r, i->arg[k], at);
	for (int k = 0; i->load && k < i->load->rank; k++)
		use_value(r, i->load->index[k], at);
	use_value(r, i->to, at);
}

static bool
ends_loop(const StripInstr *i)
{
	return i->op == S_AGAIN || i->op == S_FOLDED || i->op == S_EACHED;
}

/* A value from in front of a loop that is read in it is needed up to the loop's end. */
static void
find_last_uses(const StripCompiler *c, Registers *r, int result)
{
	int *defined = NEWS(c->g->arena, int, c->nvalue);

	for (int at = 0; at < c->n; at++) {
		const StripInstr *i = &c->instr[at];
		if (!ends_loop(i) && i->to >= 0)
			defined[i->to] = at;
		use_operands(r, i, at);
	}
	for (int at = 0; at < c->n; at++) {
		const StripInstr *i = &c->instr[at];
		if (!ends_loop(i))
			continue;
		for (int v = 0; v < c->nvalue; v++)
			if (defined[v] < i->jump && r->last[v] > i->jump && r->last[v] < at)
				r->last[v] = at;
	}
	use_value(r, result, c->n);
}

static void
give_register(Registers *r, int *value)
{
	if (*value < 0)
		return;
	if (r->given[*value] < 0)
		r->given[*value] = r->nfree ? r->free[--r->nfree] : r->n++;
	*value = r->given[*value];
}

static void
allocate_registers(StripCompiler *c, StripCode *code)
{
	Arena *a = c->g->arena;
	Registers r = { .last = NEWS(a, int, c->nvalue + 1),
		        .given = NEWS(a, int, c->nvalue + 1),
		        .free = NEWS(a, int, c->nvalue + 1) };
	int *ends = NEWS(a, int, c->nvalue + 1), n = 0;

	for (int v = 0; v < c->nvalue; v++)
		r.given[v] = -1;
	find_last_uses(c, &r, code->result);
	for (int at = 0; at < c->n; at++) {
		StripInstr *i = &c->instr[at];
		n = 0;
		for (int v = 0; v < c->nvalue; v++)
			if (r.last[v] == at && r.given[v] >= 0)
				ends[n++] = v;
		for (int k = 0; k < 3; k++)
			give_register(&r, &i->arg[k]);
		for (int k = 0; i->load && k < i->load->rank; k++)
			give_register(&r, &i->load->index[k]);
		give_register(&r, &i->to);
		while (n > 0)
			r.free[r.nfree++] = r.given[ends[--n]];
	}
	give_register(&r, &code->result);
	code->nregister = r.n;
}

StripCode *
strip_compile(TensorGraph *g, Scalar *e, StripLanes lanes, int nouter, Scalar *const *outer)
{
	StripCompiler c = {
		.g = g, .lanes = lanes.range, .nmerged = lanes.nmerged, .merged = lanes.merged
	};
	StripCode *code = NEW(g->arena, StripCode);
	bool as_written = g->as_written;

	g->as_written = true; /* at_lane_zero: what floats give must not change */
	for (int i = 0; i < nouter; i++)
		c.scope[c.nscope++] = outer[i];
	ValueAt v = compile_scalar(&c, e);
	g->as_written = as_written;
	code->result = v.reg;
	code->result_strip = v.strip;
	emit_strip(&c, S_END);
	allocate_registers(&c, code);
	code->instr = c.instr;
	return code;
}
