/* Strip code as C. Between the beginnings and ends of loops there are segments; what is done to
 * strips in one of them is a single loop over their vectors, in front of which stands what is done
 * to numbers. A strip that another segment reads is kept in an array. */

#include "tensor/kernel/c_text.h"

#include <math.h>
#include <stdarg.h>
#include <string.h>

enum { VECTOR = 16 }; /* LANES of vectors.h */

typedef enum CValueKind {
	C_NUMBER, /* a float */
	C_WHOLE,  /* an integer: a name, or a number */
	C_VECTOR, /* in the loop of its segment */
	C_STRIP,  /* an array of vectors */
	C_LINE,   /* where it stands in memory */
} CValueKind;

typedef struct CValue {
	CValueKind kind;
	const char *name;
	int segment;
	bool kept, used; /* another segment reads it; any does */
} CValue;

typedef struct CodeWriter {
	CWriter *w;
	Arena *arena;
	const StripCode *code;
	int *defined;  /* by register: the instruction */
	CValue *value; /* by instruction */
	int *operand;  /* (3 by instruction) the instructions that made them, or -1 */
	int **index;   /* by instruction: those of the indices of a load */
	int segment;
	TextBuilder vectors; /* of this segment: the body of its loop */
} CodeWriter;

/* ---- names ---- */

void
c_line(CWriter *w, const char *fmt, ...)
{
	char line[4000];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof line, fmt, ap);
	va_end(ap);
	text_addf(&w->out, "%.*s%s\n", w->depth, "\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t", line);
}

const char *
c_tensor(CWriter *w, int id)
{
	int i = 0;

	while (i < w->ntensor && w->tensor[i] != id)
		i++;
	if (i == w->ntensor)
		w->tensor[w->ntensor++] = id;
	if (!i)
		return "to";
	return i <= 19 ? arena_fmt(w->out.arena, "%c", "abcdefghlmpqrstuwxyz"[i - 1])
	               : arena_fmt(w->out.arena, "a%d", i);
}

const char *
c_range(Arena *a, int number)
{
	return number < BOUND_RANGE ? arena_fmt(a, "i%d", number)
	                            : arena_fmt(a, "r%d", number - BOUND_RANGE);
}

static const char *
float_text(Arena *a, float x)
{
	const char *s;

	if (!isfinite(x))
		return isnan(x) ? "NAN" : x < 0 ? "-INFINITY" : "INFINITY";
	s = arena_fmt(a, "%.9g", x);
	return arena_fmt(a, "%s%sf", s, strpbrk(s, ".e") ? "" : ".0");
}

/* ---- what is made where ---- */

static bool
begins_segment(StripOp op)
{
	return op == S_REPEAT || op == S_AGAIN || op == S_FOLD || op == S_FOLDED || op == S_EACH
	       || op == S_EACHED;
}

static int
use_of(CodeWriter *c, int reg)
{
	int by = reg < 0 ? -1 : c->defined[reg];

	if (by < 0)
		return by;
	c->value[by].used = true;
	c->value[by].kept |= c->value[by].segment != c->segment;
	return by;
}

/* Who reads what, and from which segment. */
static void
find_uses(CodeWriter *c)
{
	for (int at = 0; c->code->instr[at].op != S_END; at++) {
		const StripInstr *i = &c->code->instr[at];
		for (int k = 0; k < 3; k++)
			c->operand[3 * at + k] = use_of(c, i->arg[k]);
		for (int k = 0; i->load && k < i->load->rank; k++)
			c->index[at][k] = use_of(c, i->load->index[k]);
		if (begins_segment(i->op))
			c->segment++;
		c->value[at].segment = c->segment;
		if (i->op == S_AGAIN || i->op == S_FOLDED || i->op == S_EACHED)
			c->operand[3 * at + 1] = c->defined[i->to];
		else
			c->defined[i->to] = at;
	}
	use_of(c, c->code->result);
}

/* ---- operands ---- */

/* Of vectors. */
static const char *
c_vector_of(const CodeWriter *c, int by)
{
	const CValue *v = &c->value[by];

	switch (v->kind) {
	case C_VECTOR: return v->name;
	case C_STRIP: return arena_fmt(c->arena, "%s[k]", v->name);
	case C_LINE: return arena_fmt(c->arena, "vector_at(%s, k)", v->name);
	case C_WHOLE: return arena_fmt(c->arena, "all_lanes((float)(%s))", v->name);
	default: return arena_fmt(c->arena, "all_lanes(%s)", v->name);
	}
}

static const char *
c_number(const CodeWriter *c, int by)
{
	const CValue *v = &c->value[by];

	return v->kind == C_WHOLE ? arena_fmt(c->arena, "(float)(%s)", v->name) : v->name;
}

static const char *
c_whole(const CodeWriter *c, int by)
{
	const CValue *v = &c->value[by];

	return v->kind == C_WHOLE ? v->name : arena_fmt(c->arena, "(int64_t)%s", v->name);
}

static const char *const vector_format[NUM_TENSOR_OPS] = {
	[X_ADD] = "%s + %s",
	[X_SUB] = "%s - %s",
	[X_MUL] = "%s * %s",
	[X_DIV] = "%s / %s",
	[X_FLOOR] = "down(%s / %s)",
	[X_MOD] = "modulo_lanes(%s, %s)",
	[X_MAX] = "greater_lanes(%s, %s)",
	[X_EXP] = "exp_lanes(%s)",
	[X_LOG] = "log_lanes(%s)",
	[X_SQRT] = "roots_of_lanes(%s)",
	[X_SIN] = "sin_lanes(%s)",
	[X_TANH] = "tanh_lanes(%s)",
	[X_LT] = "truth(%s < %s)",
	[X_EQ] = "truth(%s == %s)",
	[X_WHERE] = "choose(%s != 0, %s, %s)",
};

static const char *const number_format[NUM_TENSOR_OPS] = {
	[X_ADD] = "%s + %s",
	[X_SUB] = "%s - %s",
	[X_MUL] = "%s * %s",
	[X_DIV] = "%s / %s",
	[X_FLOOR] = "down(all_lanes(%s / %s))[0]",
	[X_MOD] = "modulo_lanes(all_lanes(%s), all_lanes(%s))[0]",
	[X_MAX] = "greater_number(%s, %s)",
	[X_EXP] = "exp_lanes(all_lanes(%s))[0]",
	[X_LOG] = "log_lanes(all_lanes(%s))[0]",
	[X_SQRT] = "sqrtf(%s)",
	[X_SIN] = "sin_lanes(all_lanes(%s))[0]",
	[X_TANH] = "tanh_lanes(all_lanes(%s))[0]",
	[X_LT] = "%s < %s ? 1.0f : 0.0f",
	[X_EQ] = "%s == %s ? 1.0f : 0.0f",
	[X_WHERE] = "%s != 0 ? %s : %s",
};

static const char *const whole_format[NUM_TENSOR_OPS] = {
	[X_ADD] = "%s + %s",
	[X_SUB] = "%s - %s",
	[X_MUL] = "%s * %s",
	[X_FLOOR] = "whole_quotient(%s, %s)",
	[X_MOD] = "%1$s - %2$s * whole_quotient(%1$s, %2$s)",
	[X_MAX] = "%1$s < %2$s ? %2$s : %1$s",
	[X_LT] = "%s < %s",
	[X_EQ] = "%s == %s",
	[X_WHERE] = "%s ? %s : %s",
};

const char *
c_of_operator(Arena *a, TensorOp op)
{
	const char *fmt = number_format[op];

	return fmt ? arena_fmt(a, fmt, "a", "b", "c") : NULL;
}

/* ---- segments ---- */

/* A line of the loop over the vectors of this segment. */
static void
c_vector(CodeWriter *c, const char *fmt, const char *a, const char *b)
{
	text_addf(&c->vectors, "\n");
	text_addf(&c->vectors, fmt, a, b);
}

/* The loop over the vectors, and a new segment. */
static void
end_segment(CodeWriter *c)
{
	char *line = c->vectors.s, *end;

	c->segment++;
	if (!line)
		return;
	c_line(c->w, "for (int k = 0; k * LANES < n; k++) {");
	c->w->depth++;
	for (line++; line; line = end ? end + 1 : NULL) {
		end = strchr(line, '\n');
		c_line(c->w, "%.*s", end ? (int)(end - line) : (int)strlen(line), line);
	}
	c->w->depth--;
	c_line(c->w, "}");
	c->vectors = (TextBuilder){ .arena = c->arena };
}

/* ---- instructions ---- */

static void
c_apply(CodeWriter *c, int at)
{
	const StripInstr *i = &c->code->instr[at];
	CValue *v = &c->value[at];
	const char *x[3] = { "", "", "" };
	bool whole = i->whole && !i->strip && whole_format[i->what];

	for (int k = 0; k < tensor_ops[i->what].nargs; k++)
		whole &= c->value[c->operand[3 * at + k]].kind == C_WHOLE;
	v->kind = whole ? C_WHOLE : !i->strip ? C_NUMBER : v->kept ? C_STRIP : C_VECTOR;
	for (int k = 0; k < tensor_ops[i->what].nargs; k++) {
		int by = c->operand[3 * at + k];
		x[k] = whole ? c_whole(c, by) : i->strip ? c_vector_of(c, by) : c_number(c, by);
	}
	const char *fmt = (whole      ? whole_format
	                   : i->strip ? vector_format
	                              : number_format)[i->what];
	const char *e = arena_fmt(c->arena, fmt, x[0], x[1], x[2]);
	if (!i->strip)
		c_line(c->w, "const %s %s = %s;", whole ? "int" : "float", v->name, e);
	else if (v->kept)
		c_line(c->w, "V %s[STRIP / LANES];", v->name);
	if (i->strip)
		c_vector(c, v->kept ? "%s[k] = %s;" : "V %s = %s;", v->name, e);
}

/* Where the element is of lane 0; all of it in elements of the tensor. */
static const char *
address_text(CodeWriter *c, int at)
{
	const LoadPlan *p = c->code->instr[at].load;
	TextBuilder t = { .arena = c->arena };

	if (p->affine) {
		if (p->base)
			text_addf(&t, " + %lld", (long long)p->base);
		for (int i = 0; i < p->nterm; i++)
			text_addf(&t, " + (int64_t)%s * %lld", c_range(c->arena, p->range[i]),
			          (long long)p->times[i]);
		return t.s ? t.s : "";
	}
	for (int i = 0; i < p->rank; i++) {
		const char *index = c_whole(c, c->index[at][i]);
		if (!strcmp(index, "0"))
			continue;
		text_addf(&t, " + %s%s", p->stride[i] > INT32_MAX / p->dim[i] ? "(int64_t)" : "",
		          index);
		if (p->stride[i] != 1)
			text_addf(&t, " * %lld", (long long)p->stride[i]);
	}
	return t.s ? t.s : "";
}

static void
c_load_number(CodeWriter *c, int at)
{
	const LoadPlan *p = c->code->instr[at].load;
	const char *from = c_tensor(c->w, p->tensor), *address = address_text(c, at);
	TextBuilder inside = { .arena = c->arena };

	c->value[at].kind = C_NUMBER;
	for (int i = 0; i < p->rank && !p->affine; i++)
		if (p->may_miss[i])
			text_addf(&inside, "%sis_in_axis(%s, %d)", inside.s ? " && " : "",
			          c_whole(c, c->index[at][i]), p->dim[i]);
	address = *address ? address + 3 : "0";
	if (inside.s)
		c_line(c->w, "const float %s = %s ? %s[%s] : 0;", c->value[at].name, inside.s, from,
		       address);
	else
		c_line(c->w, "const float %s = %s[%s];", c->value[at].name, from, address);
}

static void
c_load_strip(CodeWriter *c, int at)
{
	const LoadPlan *p = c->code->instr[at].load;
	const char *from = c_tensor(c->w, p->tensor), *name = c->value[at].name;
	int64_t step = p->step;
	bool misses = false;

	for (int i = 0; i < p->rank && !p->affine; i++) {
		step += p->per_lane[i] * p->stride[i];
		misses |= p->may_miss[i];
	}
	const char *first = arena_fmt(c->arena, "%s%s + (int64_t)lane * (%lld)", from,
	                              address_text(c, at), (long long)step);
	c->value[at].kind = step == 1 && !misses ? C_LINE : C_STRIP;
	if (step == 1 && !misses) {
		c_line(c->w, "const float *%s = %s%s + lane;", name, from, address_text(c, at));
		return;
	}
	c_line(c->w, "V %s[STRIP / LANES];", name);
	c_line(c->w, "{");
	c->w->depth++;
	c_line(c->w, "int lo = 0, hi = n;");
	for (int i = 0; i < p->rank && !p->affine; i++)
		if (p->may_miss[i])
			c_line(c->w,
			       "lanes_inside(%s + (int64_t)lane * (%lld), %lld, %d, &lo, &hi);",
			       c_whole(c, c->index[at][i]), (long long)p->per_lane[i],
			       (long long)p->per_lane[i], p->dim[i]);
	c_line(c->w, "load_line(%s, %lld, lo, hi, n, (float *)%s);", first, (long long)step, name);
	c->w->depth--;
	c_line(c->w, "}");
}

/* Indices are strips, or numbers. */
static void
c_gather(CodeWriter *c, int at)
{
	const LoadPlan *p = c->code->instr[at].load;
	CValue *v = &c->value[at];
	TextBuilder address = { .arena = c->arena }, inside = { .arena = c->arena };

	v->kind = v->kept ? C_STRIP : C_VECTOR;
	for (int i = 0; i < p->rank; i++) {
		int by = c->index[at][i];
		const char *index = p->strip[i] ? arena_fmt(c->arena, "(int64_t)(%s)[j]",
		                                            c_vector_of(c, by))
		                                : c_whole(c, by);
		text_addf(&inside, " && is_in_axis(%s, %d)", index, p->dim[i]);
		text_addf(&address, "%s%s * %lld", i ? " + " : "", index, (long long)p->stride[i]);
	}
	if (v->kept)
		c_line(c->w, "V %s[STRIP / LANES];", v->name);
	c_vector(c, v->kept ? "%s[k] = all_lanes(0);%s" : "V %s = all_lanes(0);%s", v->name, "");
	c_vector(c, "for (int j = 0; j < LANES && k * LANES + j < n; j++)%s%s", "", "");
	c_vector(c, "\tif (true%s)%s", inside.s ? inside.s : "", "");
	c_vector(c, v->kept ? "\t\t%s[k][j] = %s;" : "\t\t%s[j] = %s;", v->name,
	         arena_fmt(c->arena, "%s[%s]", c_tensor(c->w, p->tensor),
	                   address.s ? address.s : "0"));
}

/* ---- loops ---- */

static void
begin_loop(CodeWriter *c, const StripInstr *i)
{
	const char *r = c_range(c->arena, i->range);

	c_line(c->w, "for (int %s = 0; %s < %d; %s++) {", r, r, i->extent, r);
	c->w->depth++;
}

static void
end_loop(CodeWriter *c)
{
	end_segment(c);
	c->w->depth--;
	c_line(c->w, "}");
}

static void
c_repeat(CodeWriter *c, int at)
{
	const StripInstr *i = &c->code->instr[at];
	CValue *v = &c->value[at];
	const char *first = i->what == X_SUM ? "0" : "-INFINITY";

	v->kind = i->strip ? C_STRIP : C_NUMBER;
	if (i->strip) {
		c_line(c->w, "V %s[STRIP / LANES];", v->name);
		c_vector(c, "%s[k] = all_lanes(%s);", v->name, first);
	} else {
		c_line(c->w, "float %s = %s;", v->name, first);
	}
	end_segment(c);
	begin_loop(c, i);
}

static void
c_again(CodeWriter *c, int at)
{
	const StripInstr *i = &c->code->instr[at];
	const char *to = c->value[c->operand[3 * at + 1]].name;
	int by = c->operand[3 * at];

	if (i->strip)
		c_vector(c,
		         i->what == X_SUM ? "%1$s[k] = %1$s[k] + %2$s;"
		                          : "%1$s[k] = greater_lanes(%1$s[k], %2$s);",
		         to, c_vector_of(c, by));
	else
		c_line(c->w,
		       i->what == X_SUM ? "%1$s = %1$s + %2$s;"
		                        : "%1$s = greater_number(%1$s, %2$s);",
		       to, c_number(c, by));
	end_loop(c);
}

static void
c_fold(CodeWriter *c, int at)
{
	const StripInstr *i = &c->code->instr[at];

	end_segment(c);
	c->value[at].kind = C_NUMBER;
	c_line(c->w, "V all_%s = all_lanes(%s);", c->value[at].name,
	       i->what == X_SUM ? "0" : "-INFINITY");
	if (i->extent <= STRIP) {
		c_line(c->w, "{");
		c->w->depth++;
		c_line(c->w, "const int lane = 0, n = %d;", i->extent);
	} else {
		c_line(c->w, "for (int lane = 0; lane < %d; lane += STRIP) {", i->extent);
		c->w->depth++;
		c_line(c->w, "const int n = lesser(STRIP, %d - lane);", i->extent);
	}
}

static void
c_folded(CodeWriter *c, int at)
{
	const StripInstr *i = &c->code->instr[at];
	const char *to = c->value[c->operand[3 * at + 1]].name,
		   *x = c_vector_of(c, c->operand[3 * at]);

	if (i->extent % VECTOR)
		x = arena_fmt(c->arena, "first_lanes(%s, n - k * LANES, all_lanes(%s))", x,
		              i->what == X_SUM ? "0" : "-INFINITY");
	c_vector(c,
	         i->what == X_SUM ? "all_%1$s = all_%1$s + %2$s;"
	                          : "all_%1$s = greater_lanes(all_%1$s, %2$s);",
	         to, x);
	end_loop(c);
	c_line(c->w, "const float %s = %s_by_halves(&all_%s);", to,
	       i->what == X_SUM ? "sum" : "greatest", to);
}

static void
c_each(CodeWriter *c, int at)
{
	const StripInstr *i = &c->code->instr[at];
	const char *r = c_range(c->arena, i->range);

	c->value[at].kind = C_STRIP;
	c_line(c->w, "V %s[STRIP / LANES];", c->value[at].name);
	end_segment(c);
	c_line(c->w, "for (int %s = lane; %s < lane + n; %s++) {", r, r, r);
	c->w->depth++;
}

static void
c_eached(CodeWriter *c, int at)
{
	const StripInstr *i = &c->code->instr[at];

	c_line(c->w, "((float *)%s)[%s - lane] = %s;", c->value[c->operand[3 * at + 1]].name,
	       c_range(c->arena, i->range), c_number(c, c->operand[3 * at]));
	end_loop(c);
}

/* ---- the code ---- */

static void
c_leaf(CodeWriter *c, int at)
{
	const StripInstr *i = &c->code->instr[at];
	CValue *v = &c->value[at];

	if (i->op == S_LANES) {
		v->kind = v->kept ? C_STRIP : C_VECTOR;
		if (v->kept)
			c_line(c->w, "V %s[STRIP / LANES];", v->name);
		if (v->used)
			c_vector(c, v->kept ? "%s[k] = %s;" : "V %s = %s;", v->name,
			         "numbers_from(lane + k * LANES)");
		return;
	}
	v->kind = i->whole ? C_WHOLE : C_NUMBER;
	v->name = i->op == S_RANGE ? c_range(c->arena, i->range)
	          : i->whole       ? arena_fmt(c->arena, "%d", (int)i->value)
	                           : float_text(c->arena, i->value);
}

static void
c_instruction(CodeWriter *c, int at)
{
	const StripInstr *i = &c->code->instr[at];

	c->value[at].name = arena_fmt(c->arena, "v%d", c->w->nvalue++);
	switch (i->op) {
	case S_CONST:
	case S_RANGE:
	case S_LANES: c_leaf(c, at); break;
	case S_LOAD: (i->strip ? c_load_strip : c_load_number)(c, at); break;
	case S_GATHER: c_gather(c, at); break;
	case S_APPLY: c_apply(c, at); break;
	case S_REPEAT: c_repeat(c, at); break;
	case S_AGAIN: c_again(c, at); break;
	case S_FOLD: c_fold(c, at); break;
	case S_FOLDED: c_folded(c, at); break;
	case S_EACH: c_each(c, at); break;
	case S_EACHED: c_eached(c, at); break;
	default: break;
	}
}

void
c_statements(CWriter *w, const StripCode *code, const char *use_strip, const char *use_number)
{
	Arena *a = w->out.arena;
	CodeWriter c = { .w = w, .arena = a, .code = code, .vectors = { .arena = a } };
	int n = 0;

	while (code->instr[n].op != S_END)
		n++;
	c.defined = NEWS(a, int, code->nregister + 1);
	c.value = NEWS(a, CValue, n + 1);
	c.operand = NEWS(a, int, 3 * n + 3);
	c.index = NEWS(a, int *, n + 1);
	for (int i = 0; i < n; i++)
		c.index[i] = code->instr[i].load ? NEWS(a, int, RANK_MAX) : NULL;
	find_uses(&c);
	for (int i = 0; i < n; i++)
		c_instruction(&c, i);
	int result = c.defined[code->result];
	if (code->result_strip)
		c_vector(&c, use_strip, c_vector_of(&c, result), "");
	end_segment(&c);
	if (!code->result_strip)
		c_line(w, use_number, c_number(&c, result));
}
