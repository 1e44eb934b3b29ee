/* A program as text, with no more parentheses than the grammar asks for. */

#include "tests/fuzz/program.h"

#include <inttypes.h>
#include <string.h>

/* How tightly a form binds; what is looser than its place wants gets parentheses. */
enum { OPEN, OR, AND, NOT, COMPARE, SUMS, PRODUCT, SIGN, POWER, POSTFIX };

static void put_expr(const Sample *, const Expr *, int level, FILE *);

static void
put_spelling(const char *s, char quote, FILE *f)
{
	for (; *s; s++)
		if (*s == quote || *s == '\\')
			fprintf(f, "\\%c", *s);
		else if (*s == '\n')
			fputs("\\n", f);
		else
			fputc(*s, f);
}

static void
put_row(const Sample *p, int64_t row, FILE *f)
{
	if (row >= p->nvocab) {
		fputs("<end>", f);
		return;
	}
	fputc('\'', f);
	put_spelling(p->vocab[row].spelling, '\'', f);
	fputc('\'', f);
}

static void
put_code(int64_t code, FILE *f)
{
	fprintf(f, "'\\u{%" PRIx64 "}'", (uint64_t)code);
}

static int
level_of(const Expr *e)
{
	switch (e->form) {
	case F_INT: return e->num < 0 ? SIGN : POSTFIX;
	case F_OR: return OR;
	case F_AND: return AND;
	case F_NOT: return NOT;
	case F_CMP:
	case F_IN_SPAN:
	case F_IN_ARRAY:
	case F_IN_TEXT:
	case F_IN_CODES:
	case F_ORDER: return COMPARE;
	case F_ADD:
	case F_SUB:
	case F_SHIFT:
	case F_DISTANCE: return SUMS;
	case F_MUL:
	case F_DIV:
	case F_MOD:
	case F_REAL:
	case F_RATIO: return PRODUCT;
	case F_NEG: return SIGN;
	case F_POW: return POWER;
	case F_IF:
	case F_LATEST:
	case F_FIRST:
	case F_ONLY:
	case F_BEST:
	case F_CHOOSE: return OPEN;
	case F_RECORD:
	case F_WITH: return OPEN;
	default: return POSTFIX;
	}
}

static void
put_kids(const Sample *p, const Expr *e, int from, FILE *f)
{
	for (int i = from; i < e->n; i++) {
		fputs(i > from ? ", " : "", f);
		put_expr(p, e->kid[i], OPEN, f);
	}
}

static void
put_call(const Sample *p, const char *name, const Expr *e, FILE *f)
{
	fprintf(f, "%s(", name);
	put_kids(p, e, 0, f);
	fputc(')', f);
}

static void
put_two(const Sample *p, const Expr *e, const char *sign, int level, FILE *f)
{
	put_expr(p, e->kid[0], level, f);
	fprintf(f, " %s ", sign);
	put_expr(p, e->kid[1], level + 1, f);
}

static const char *const order_sign[] = { "==", "!=", "<", "<=", ">", ">=" };
const char *const total_name[] = { "sum", "count", "any", "all", "min", "max" };
static const char *const curve_name[CURVES] = { "sqrt", "exp", "log", "sin", "cos" };
const char *const library_name[LIBRARIES] = {
#define F(name, spelling) spelling,
	LIBRARY(F)
#undef F
};

static const char *const fault[][FAULTS] = {
	[T_INT] = { "unknown4242", "(4242 + true)", "[1, 2][4242]", "(4242 // index)",
	            "max('a', 4242)", "len(4242)" },
	[T_BOOL] = { "unknown4242", "(not 4242)", "(4242 == true)", "exists(4242)",
	             "(4242 < token)", "any([4242])" },
	[T_TOKEN] = { "unknown4242", "'\\u{4242}'", "chr(4242)", "token[here - 4242]",
	              "[token][4242]", "from_id(4242)" },
};

static void
put_compare(const Sample *p, const Expr *e, FILE *f)
{
	put_expr(p, e->kid[0], SUMS, f);
	for (int i = 1; i < e->n; i++) {
		fprintf(f, " %s ", order_sign[i == 1 ? e->num : e->num2]);
		put_expr(p, e->kid[i], SUMS, f);
	}
}

static void
put_pattern(const Sample *p, const Sort *t, const ArmPattern *x, FILE *f)
{
	if (x->any)
		fputc('_', f);
	else if (x->codes) {
		put_code(x->lo, f);
		fputs("..", f);
		put_code(x->hi, f);
	} else if (t->kind == T_TOKEN)
		put_row(p, x->lo, f);
	else if (t->kind == T_BOOL)
		fputs(x->lo ? "true" : "false", f);
	else if (t->kind == T_ENUM)
		fprintf(f, "%s.m%" PRId64, t->def->name, x->lo);
	else if (x->lo == x->hi)
		fprintf(f, "%" PRId64, x->lo);
	else
		fprintf(f, "%" PRId64 "..%" PRId64, x->lo, x->hi);
}

static void
put_arm(const Sample *p, const Expr *e, const Arm *a, FILE *f)
{
	if (a->rest)
		fputs("else", f);
	for (int i = 0; i < a->n; i++) {
		fputs(i ? " | " : "", f);
		fputs(e->num > 1 ? "(" : "", f);
		for (int k = 0; k < e->num; k++) {
			fputs(k ? ", " : "", f);
			put_pattern(p, &e->kid[k]->type, &a->row[i][k], f);
		}
		fputs(e->num > 1 ? ")" : "", f);
	}
}

static void
put_match(const Sample *p, const Expr *e, FILE *f)
{
	fputs(e->num > 1 ? "match (" : "match ", f);
	for (int i = 0; i < e->num; i++) {
		fputs(i ? ", " : "", f);
		put_expr(p, e->kid[i], e->num > 1 ? OPEN : OR, f);
	}
	fputs(e->num > 1 ? ") { " : " { ", f);
	for (int i = (int)e->num; i < e->n; i++) {
		fputs(i > e->num ? ", " : "", f);
		put_arm(p, e, &e->arm[i - e->num], f);
		fputs(" => ", f);
		put_expr(p, e->kid[i], OPEN, f);
	}
	fputs(" }", f);
}

static void
put_where(const Sample *p, const Expr *c, FILE *f)
{
	if (!c)
		return;
	fputs(" where ", f);
	put_expr(p, c, OPEN, f);
}

static void
put_pick(const Sample *p, const Expr *e, FILE *f)
{
	put_expr(p, e->kid[0], POSTFIX, f);
	fputc('[', f);
	put_expr(p, e->kid[1], OPEN, f);
	if (e->n > 2) {
		fputs(" else ", f);
		put_expr(p, e->kid[2], OPEN, f);
	}
	fputc(']', f);
}

static void
put_best(const Sample *p, const Expr *e, FILE *f)
{
	fprintf(f, "best %s by ", e->def->name);
	if (e->n > 2) {
		fputc('[', f);
		put_kids(p, e, 1, f);
		fputc(']', f);
	} else
		put_expr(p, e->kid[1], OR, f);
	put_where(p, e->kid[0], f);
}

static void put_range(const Sample *, const Expr *array, int64_t lo, int64_t hi, FILE *);

/* sum(sum(x for i in 0..2)[j] for j) as sum(x[j] for i in 0..2 for j). */
static const Expr *
inner_total(const Expr *e)
{
	const Expr *x = e->kid[0]->form == F_THERE ? e->kid[0]->kid[0] : e->kid[0];
	bool same = x->form == F_TOTAL_FOR && x->num == e->num && !x->kid[1] && !x->kid[2];

	return same && (e->num == SUM || e->num == ANY || e->num == ALL) ? x : NULL;
}

static void
put_over(const Sample *p, const Expr *e, FILE *f)
{
	const Expr *inner = inner_total(e);
	bool there = e->kid[0]->form == F_THERE;

	fprintf(f, "%s(", total_name[e->num]);
	put_expr(p, inner ? inner->kid[0] : e->kid[0], inner && there ? POSTFIX : OPEN, f);
	if (inner) {
		fprintf(f, there ? "[%s]" : "", e->def->name);
		fprintf(f, " for %s", inner->def->name);
		put_range(p, NULL, inner->num2, inner->num2 + inner->skip, f);
	}
	fprintf(f, " for %s", e->def->name);
	put_where(p, e->kid[1], f);
	if (e->kid[2]) {
		fputs(" else ", f);
		put_expr(p, e->kid[2], OPEN, f);
	}
	fputc(')', f);
}

static void
put_mean(const Sample *p, const Expr *e, FILE *f)
{
	fputs("mean(", f);
	put_expr(p, e->kid[0], OPEN, f);
	fprintf(f, " for %s", e->def->name);
	put_where(p, e->kid[1], f);
	fputs(e->kid[1] ? " else 0)" : ")", f);
}

/* A number of quarters. */
static void
put_quarters(int64_t n, FILE *f)
{
	fprintf(f, n % 4 ? "%g" : "%.0f", (double)n / 4);
}

static void
put_linear(const Sample *p, const Expr *e, FILE *f)
{
	int n = e->kid[0]->type.n;

	fputs("linear(", f);
	put_expr(p, e->kid[0], OPEN, f);
	for (int i = 0; i < e->type.n; i++) {
		fputs(i ? "], [" : ", [[", f);
		for (int k = 0; k < n; k++) {
			fputs(k ? ", " : "", f);
			put_quarters(e->weights[i * (n + 1) + k], f);
		}
	}
	fputs("]], [", f);
	for (int i = 0; i < e->type.n; i++) {
		fputs(i ? ", " : "", f);
		put_quarters(e->weights[i * (n + 1) + n], f);
	}
	fputs("])", f);
}

static void
put_attend(const Sample *p, const Expr *e, FILE *f)
{
	static const char *const part[] = { "attend(query: ", ", key: ", ", value: " };

	for (int i = 0; i < 3; i++) {
		fputs(part[i], f);
		put_expr(p, e->kid[i], OPEN, f);
	}
	fputc(')', f);
}

static void
put_range(const Sample *p, const Expr *array, int64_t lo, int64_t hi, FILE *f)
{
	fputs(" in ", f);
	if (array)
		put_expr(p, array, SUMS, f);
	else
		fprintf(f, "%" PRId64 "..%" PRId64, lo, hi);
}

static void
put_choose(const Sample *p, const Expr *e, FILE *f)
{
	static const char *const kind[] = { "first", "latest", "best" };

	fprintf(f, "%s %s in 0..<%" PRId64, kind[e->num], e->def->name, e->num2);
	if (e->kid[1]) {
		fputs(" by ", f);
		put_expr(p, e->kid[1], OR, f);
	}
	put_where(p, e->kid[0], f);
}

/* Arguments left out are NULL; those after one are by name. */
static void
put_user_call(const Sample *p, const Expr *e, FILE *f)
{
	bool named = e->num, some = false;

	fprintf(f, "%s(", e->def->name);
	for (int i = 0; i < e->n; i++) {
		if (!e->kid[i]) {
			named = true;
			continue;
		}
		fputs(some ? ", " : "", f);
		if (named)
			fprintf(f, "%s: ", e->def->param[i]->name);
		put_expr(p, e->kid[i], OPEN, f);
		some = true;
	}
	fputc(')', f);
}

static void
put_text(const Sample *p, int64_t rows, FILE *f)
{
	fputc('"', f);
	for (int i = 0; i < p->nvocab; i++)
		if (rows >> i & 1)
			put_spelling(p->vocab[i].spelling, '"', f);
	fputc('"', f);
}

static void
put_form(const Sample *p, const Expr *e, FILE *f)
{
	switch (e->form) {
	case F_INT: fprintf(f, "%" PRId64, e->num); break;
	case F_BOOL: fputs(e->num ? "true" : "false", f); break;
	case F_WORD: put_row(p, e->num, f); break;
	case F_MEMBER: fprintf(f, "%s.m%" PRId64, e->type.def->name, e->num); break;
	case F_TOKEN: fputs("token", f); break;
	case F_INDEX: fputs("index", f); break;
	case F_LENGTH: fputs("length", f); break;
	case F_HERE: fputs("here", f); break;
	case F_NAME:
	case F_BOUND: fputs(e->def->name, f); break;
	case F_ADD: put_two(p, e, "+", SUMS, f); break;
	case F_SUB:
	case F_DISTANCE: put_two(p, e, "-", SUMS, f); break;
	case F_SHIFT: put_two(p, e, e->num ? "-" : "+", SUMS, f); break;
	case F_MUL: put_two(p, e, "*", PRODUCT, f); break;
	case F_DIV: put_two(p, e, "//", PRODUCT, f); break;
	case F_MOD: put_two(p, e, "%", PRODUCT, f); break;
	case F_RATIO: put_two(p, e, "/", PRODUCT, f); break;
	case F_REAL: fprintf(f, "%" PRId64 " / %" PRId64, e->num, e->num2); break;
	case F_POW:
		put_expr(p, e->kid[0], POSTFIX, f);
		fprintf(f, " ** %" PRId64, e->num);
		break;
	case F_NEG:
		fputc('-', f);
		put_expr(p, e->kid[0], SIGN, f);
		break;
	case F_ABS: put_call(p, "abs", e, f); break;
	case F_FLOOR: put_call(p, "floor", e, f); break;
	case F_CEIL: put_call(p, "ceil", e, f); break;
	case F_CURVE: put_call(p, curve_name[e->num], e, f); break;
	case F_RELU: put_call(p, "relu", e, f); break;
	case F_APPROX:
		fputs("approx(", f);
		put_expr(p, e->kid[0], OPEN, f);
		fprintf(f, ", 1/%" PRId64 ")", e->num2);
		break;
	case F_LINEAR: put_linear(p, e, f); break;
	case F_ATTEND: put_attend(p, e, f); break;
	case F_MIN: put_call(p, "min", e, f); break;
	case F_MAX: put_call(p, "max", e, f); break;
	case F_TO_INT: put_call(p, "int", e, f); break;
	case F_ID: put_call(p, "id", e, f); break;
	case F_ORD: put_call(p, "ord", e, f); break;
	case F_FROM_ID: put_call(p, "from_id", e, f); break;
	case F_CHR: put_call(p, "chr", e, f); break;
	case F_AT: put_call(p, "at", e, f); break;
	case F_EXISTS: put_call(p, "exists", e, f); break;
	case F_CONCAT: put_call(p, "concat", e, f); break;
	case F_TOTAL: put_call(p, total_name[e->num], e, f); break;
	case F_LIBRARY: put_call(p, library_name[e->num], e, f); break;
	case F_CMP:
	case F_ORDER: put_compare(p, e, f); break;
	case F_IN_SPAN:
		put_expr(p, e->kid[0], SUMS, f);
		fputs(" in ", f);
		put_expr(p, e->kid[1], SUMS, f);
		fputs(e->num ? "..<" : "..", f);
		put_expr(p, e->kid[2], SUMS, f);
		break;
	case F_IN_ARRAY: put_two(p, e, e->num ? "not in" : "in", SUMS, f); break;
	case F_IN_TEXT:
		put_expr(p, e->kid[0], SUMS, f);
		fputs(" in ", f);
		put_text(p, e->num, f);
		break;
	case F_IN_CODES:
		put_expr(p, e->kid[0], SUMS, f);
		fputs(" in ", f);
		put_code(e->num, f);
		fputs("..", f);
		put_code(e->num2, f);
		break;
	case F_AND: put_two(p, e, "and", AND, f); break;
	case F_OR: put_two(p, e, "or", OR, f); break;
	case F_NOT:
		fputs("not ", f);
		put_expr(p, e->kid[0], NOT, f);
		break;
	case F_IF:
		fputs("if ", f);
		put_expr(p, e->kid[0], OPEN, f);
		fputs(" then ", f);
		put_expr(p, e->kid[1], OPEN, f);
		fputs(" else ", f);
		put_expr(p, e->kid[2], OPEN, f);
		break;
	case F_MATCH: put_match(p, e, f); break;
	case F_ARRAY:
		fputc('[', f);
		put_kids(p, e, 0, f);
		fputc(']', f);
		break;
	case F_BUILD:
		fputc('[', f);
		put_expr(p, e->kid[0], OPEN, f);
		fprintf(f, " for %s", e->def->name);
		put_range(p, e->kid[1], e->num, e->num2, f);
		if (e->skip >= 0)
			fprintf(f, " where %s != %" PRId64, e->def->name, e->skip);
		fputc(']', f);
		break;
	case F_ELEM:
		put_expr(p, e->kid[0], POSTFIX, f);
		fprintf(f, "[%" PRId64 "]", e->num);
		break;
	case F_PICK:
	case F_READ: put_pick(p, e, f); break;
	case F_SLICE:
		put_expr(p, e->kid[0], POSTFIX, f);
		fprintf(f, "[%" PRId64 "..<%" PRId64 "]", e->num, e->num2);
		break;
	case F_TOTAL_FOR:
		fprintf(f, "%s(", total_name[e->num]);
		put_expr(p, e->kid[0], OPEN, f);
		fprintf(f, " for %s", e->def->name);
		put_range(p, e->kid[1], e->num2, e->num2 + e->skip, f);
		put_where(p, e->kid[2], f);
		fputc(')', f);
		break;
	case F_FOLD:
	case F_SCAN:
		fprintf(f, "%s(%s, ", e->form == F_FOLD ? "fold" : "scan", e->def->name);
		put_kids(p, e, 0, f);
		fputc(')', f);
		break;
	case F_RECORD:
		for (int i = 0; i < e->n; i++) {
			fprintf(f, "%s%c: ", i ? ", " : "{", 'a' + i);
			put_expr(p, e->kid[i], OPEN, f);
		}
		fputc('}', f);
		break;
	case F_FIELD:
		put_expr(p, e->kid[0], POSTFIX, f);
		fprintf(f, ".%c", (char)('a' + e->num));
		break;
	case F_WITH:
		fputc('{', f);
		put_expr(p, e->kid[0], OR, f);
		fprintf(f, " with %c: ", (char)('a' + e->num));
		put_expr(p, e->kid[1], OPEN, f);
		fputc('}', f);
		break;
	case F_LATEST:
	case F_FIRST:
	case F_ONLY:
		fprintf(f, "%s %s",
		        e->form == F_LATEST  ? "latest"
		        : e->form == F_FIRST ? "first"
		                             : "only",
		        e->def->name);
		put_where(p, e->kid[0], f);
		break;
	case F_BEST: put_best(p, e, f); break;
	case F_THERE:
		put_expr(p, e->kid[0], POSTFIX, f);
		fprintf(f, "[%s]", e->def->name);
		break;
	case F_OVER: put_over(p, e, f); break;
	case F_MEAN: put_mean(p, e, f); break;
	case F_FAULT: fputs(fault[e->type.kind][e->num], f); break;
	case F_CHOOSE: put_choose(p, e, f); break;
	case F_CALL: put_user_call(p, e, f); break;
	case NUM_FORMS: break;
	}
}

static void
put_expr(const Sample *p, const Expr *e, int level, FILE *f)
{
	bool brackets = level_of(e) < level;

	fputs(brackets ? "(" : "", f);
	put_form(p, e, f);
	fputs(brackets ? ")" : "", f);
}

/* ---- statements ---- */

static void
put_type(const Sort *t, int64_t lo, int64_t hi, FILE *f)
{
	Sort item = item_of(t);

	switch (t->kind) {
	case T_INT: fprintf(f, "int %" PRId64 "..%" PRId64, lo, hi); break;
	case T_REAL: fprintf(f, "real %" PRId64 "..%" PRId64, lo, hi); break;
	case T_BOOL: fputs("bool", f); break;
	case T_TOKEN: fputs("token", f); break;
	case T_POS: fputs("pos?", f); break;
	case T_ENUM:
	case T_RECORD: fputs(t->def->name, f); break;
	case T_ARRAY: fprintf(f, "[%d] ", t->n); put_type(&item, lo, hi, f);
	}
}

static void
put_fields(const Decl *d, FILE *f)
{
	for (int i = 0; i < d->n; i++) {
		fprintf(f, "%s%c: ", i ? ", " : "{", 'a' + i);
		put_type(&d->field[i].type, d->field[i].lo, d->field[i].hi, f);
	}
	fputs("}\n", f);
}

static void
put_annotation(const Decl *d, FILE *f)
{
	if (!d->annotated)
		return;
	fputs(": ", f);
	put_type(&d->type, d->lo, d->hi, f);
}

static void
put_fn(const Sample *p, const Decl *d, FILE *f)
{
	fprintf(f, "fn %s(", d->name);
	for (int i = 0; i < d->nparam; i++) {
		const Decl *x = d->param[i];
		fprintf(f, "%s%s%s", i ? ", " : "", x->constant ? "const " : "", x->name);
		put_annotation(x, f);
		if (x->body) {
			fputs(" = ", f);
			put_expr(p, x->body, OPEN, f);
		}
	}
	fputc(')', f);
	if (d->annotated) {
		fputs(" -> ", f);
		put_type(&d->type, d->lo, d->hi, f);
	}
	fputs(d->nlocal ? " {" : " = ", f);
	for (int i = 0; i < d->nlocal; i++) {
		fprintf(f, "\n  let %s", d->local[i]->name);
		put_annotation(d->local[i], f);
		fputs(" = ", f);
		put_expr(p, d->local[i]->body, OPEN, f);
	}
	fputs(d->nlocal ? "\n  return " : "", f);
	put_expr(p, d->body, OPEN, f);
	fputs(d->nlocal ? "\n}\n" : "\n", f);
}

static void
put_def(const Sample *p, const Decl *d, FILE *f)
{
	static const char *const word[] = {
		[D_LET] = "let", [D_CONST] = "const", [D_OUTPUT] = "output"
	};

	switch (d->kind) {
	case D_ENUM:
		fprintf(f, "enum %s { ", d->name);
		for (int i = 0; i < d->n; i++)
			fprintf(f, "%sm%d", i ? ", " : "", i);
		fputs(" }\n", f);
		return;
	case D_TYPE:
		fprintf(f, "type %s = ", d->name);
		put_fields(d, f);
		return;
	case D_INPUT:
		fprintf(f, "input %s: ", d->name);
		put_type(&d->type, d->lo, d->hi, f);
		fputc('\n', f);
		return;
	case D_FN: put_fn(p, d, f); return;
	case D_EMIT:
	case D_ASSERT:
		fputs(d->kind == D_EMIT ? "emit " : "assert ", f);
		put_expr(p, d->body, OPEN, f);
		if (d->after) {
			fputs(" after ", f);
			put_expr(p, d->after, OPEN, f);
		}
		fputc('\n', f);
		return;
	default:
		fprintf(f, "%s %s", word[d->kind], d->name);
		put_annotation(d, f);
		fputs(" = ", f);
		put_expr(p, d->body, OPEN, f);
		fputc('\n', f);
	}
}

static void
put_value(const Sample *p, const Sort *t, const int64_t **v, FILE *f)
{
	Sort item = item_of(t);

	switch (t->kind) {
	case T_BOOL: fputs(*(*v)++ ? "true" : "false", f); break;
	case T_TOKEN: put_row(p, *(*v)++, f); break;
	case T_ENUM: fprintf(f, "%s.m%" PRId64, t->def->name, *(*v)++); break;
	case T_REAL: fprintf(f, "%.9g", real_of_bits(*(*v)++)); break;
	case T_ARRAY:
		for (int i = 0; i < t->n; i++) {
			fputs(i ? ", " : "[", f);
			put_value(p, &item, v, f);
		}
		fputc(']', f);
		break;
	case T_RECORD:
		for (int i = 0; i < t->def->n; i++) {
			fprintf(f, "%s%c: ", i ? ", " : "{", 'a' + i);
			put_value(p, &t->def->field[i].type, v, f);
		}
		fputc('}', f);
		break;
	default: fprintf(f, "%" PRId64, *(*v)++);
	}
}

static void
put_inputs(const Sample *p, const int64_t **v, FILE *f)
{
	const char *before = "{";

	for (int i = 0; i < p->ndef; i++) {
		if (p->def[i]->kind != D_INPUT)
			continue;
		fprintf(f, "%s%s: ", before, p->def[i]->name);
		put_value(p, &p->def[i]->type, v, f);
		before = ", ";
	}
	fputc('}', f);
}

void
print_prompt(const Sample *p, const int64_t *fed, int n, FILE *f)
{
	Sort token = { .kind = p->token ? T_RECORD : T_TOKEN, .def = p->token };

	fputc('[', f);
	for (int i = 0; i < n; i++) {
		fputs(i ? ", " : "", f);
		if (p->nfed)
			put_inputs(p, &fed, f);
		else
			put_value(p, &token, &fed, f);
	}
	fputc(']', f);
}

static void
put_vocabulary(const Sample *p, FILE *f)
{
	fputs("  vocab ", f);
	if (p->listed) {
		for (int i = 0; i < p->nvocab; i++) {
			fputs(i ? ", \"" : "[\"", f);
			put_spelling(p->vocab[i].spelling, '"', f);
			fputc('"', f);
		}
		fputc(']', f);
	} else
		put_text(p, (1 << p->nvocab) - 1, f);
	fputc('\n', f);
}

static void
put_model(const Sample *p, FILE *f)
{
	fputs("model fuzzed {\n", f);
	if (p->token) {
		fputs("  token ", f);
		put_fields(p->token, f);
	} else if (!p->nfed)
		put_vocabulary(p, f);
	fprintf(f, "  context %d\n", p->context);
	if (p->bidirectional)
		fputs("  attention bidirectional\n", f);
	fputs("}\n", f);
}
void
print_program(const Sample *p, FILE *f)
{
	fprintf(f, "# seed %" PRIu64 "\nuse bits\nuse digits\nuse logic\nuse select\nuse seq\n",
	        p->seed);
	for (int i = 0; p->token && i < p->ndef; i++) /* the fields may be of them */
		if (p->def[i]->kind == D_ENUM)
			put_def(p, p->def[i], f);
	put_model(p, f);
	for (int i = 0; i < p->ndef; i++)
		if (!p->def[i]->dropped && !(p->token && p->def[i]->kind == D_ENUM))
			put_def(p, p->def[i], f);
}
