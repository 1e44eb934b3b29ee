/* The text form of a graph, one node a line:
 *
 *     model "adder"
 *     vocab "0" "1" "+"
 *     context 16
 *     attention causal
 *     n0 = TOKEN                      # 0..2
 *     n1 = TABLE(n0) k=0 [5 7 9]      # {5 7 9}
 *     n2 = CONST k=4                  # 4
 *     n3 = ADD(n1, n2)                # {9 11 13}
 *     n4 = LINEAR(n3) [1/3 0.1~ 2]    # real: 1/3 exactly, about 0.1, 2
 *     emit n3
 *     output sum int n3
 *     named last pos n9 +0
 *
 * Types are comments: reading infers them again. Numbers of nodes need not be
 * dense in what is read, but operands stand above. */

#include "ir/internal.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *const kind_name[] = { "int", "bool", "token", "pos", "real" };

enum { SHOWN_MAX = 8, ID_MAX = 1 << 22, TABLE_MAX = 1 << 22 };

/* ---- printing ---- */

static void
print_string(const char *s, FILE *f)
{
	fputc('"', f);
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;
		if (c == '"' || c == '\\')
			fprintf(f, "\\%c", c);
		else if (c == '\n')
			fputs("\\n", f);
		else if (c == '\t')
			fputs("\\t", f);
		else if (c < 0x20 || c == 0x7f)
			fprintf(f, "\\x%02x", c);
		else
			fputc(c, f);
	}
	fputc('"', f);
}

static void
print_header(const Graph *g, FILE *f)
{
	fputs("model ", f);
	print_string(g->name ? g->name : "", f);
	for (int i = 0; i < g->nvocab; i++) {
		fputs(i % 16 ? " " : "\nvocab ", f);
		print_string(g->vocab[i], f);
	}
	for (int i = 0; g->field && i < g->nfield; i++) {
		fputs("\nfield ", f);
		print_string(g->field[i].name, f);
		fprintf(f, " %d", g->field[i].n);
	}
	for (int i = 0; i < g->ninput; i++) {
		fputs("\ninput ", f);
		print_string(g->input[i].name, f);
		fprintf(f, " %s %.17g %.17g", kind_name[g->input[i].kind], g->input[i].min,
		        g->input[i].max);
	}
	fprintf(f, "\ncontext %d\nattention %s\n", g->context,
	        g->bidirectional ? "bidirectional" : "causal");
}

static void
print_node_type(const Type *t, FILE *f)
{
	if (t->real) {
		fprintf(f, "  # real %.10g..%.10g", t->min, t->max);
		if (real_grid(t))
			fprintf(f, " by 1/%" PRId64, real_grid(t));
	} else if (t->lo == t->hi) {
		fprintf(f, "  # %" PRId64, t->lo);
	} else if (!t->nset || t->nset > SHOWN_MAX || t->hi - t->lo + 1 == t->nset) {
		fprintf(f, "  # %" PRId64 "..%" PRId64, t->lo, t->hi);
	} else {
		for (int i = 0; i < t->nset; i++)
			fprintf(f, "%s%" PRId64, i ? " " : "  # {", t->set[i]);
		fputc('}', f);
	}
}

/* An exact fraction as such; else the double, marked. */
static void
print_real(Real r, FILE *f)
{
	if (!r.den)
		fprintf(f, "%.17g~", r.x);
	else if (r.den == 1)
		fprintf(f, "%.0f", r.x);
	else
		fprintf(f, "%.0f/%" PRId64, r.x * (double)r.den, r.den);
}

static void
print_node(const Node *n, FILE *f)
{
	const OpInfo *op = &op_info[n->op];

	fprintf(f, "n%d = %s", n->id, op->name);
	for (int i = 0; i < n->narg; i++)
		fprintf(f, "%sn%d", i ? ", " : "(", n->arg[i]->id);
	if (n->narg)
		fputc(')', f);
	if (op->attr != A_NONE
	    && (n->k || (n->op != OP_READ && n->op != OP_TOKEN && op->attr != A_REALS)))
		fprintf(f, " k=%" PRId64, n->k);
	for (int i = 0; i < n->ntable; i++)
		fprintf(f, "%s%" PRId64, i ? " " : " [", n->table[i]);
	for (int i = 0; i < n->nreal; i++) {
		fputs(i ? " " : " [", f);
		print_real(n->real[i], f);
	}
	if (n->ntable || n->nreal)
		fputc(']', f);
	print_node_type(&n->type, f);
	fputc('\n', f);
}

void
graph_print(const Graph *g, FILE *f)
{
	print_header(g, f);
	for (int i = 0; i < g->nnode; i++)
		print_node(g->node[i], f);
	for (int i = 0; g->emit && i < g->nfield; i++)
		fprintf(f, "%s n%d%s", i ? "" : "emit", g->emit[i]->id,
		        i + 1 < g->nfield ? "" : "\n");
	for (int i = 0; i < g->noutput; i++)
		fprintf(f, "output %s %s n%d\n", g->output[i].name, kind_name[g->output[i].kind],
		        g->output[i].node->id);
	for (int i = 0; i < g->nnamed; i++)
		fprintf(f, "named %s %s n%d %+d\n", g->named[i].name, kind_name[g->named[i].kind],
		        g->named[i].node->id, g->named[i].offset);
}

/* ---- reading ---- */

typedef struct GraphReader {
	const Source *src;
	Arena *arena;
	Diags *ds;
	Graph *g;
	uint32_t at;
	int nvocab, capvocab, capfield, capinput;
	int nid;
	Node **id; /* (nid) what n0, n1 … of the text are */
	int capoutput, capnamed;
	Node **arg;
	int narg, caparg;
	int64_t *table;
	int ntable, captable;
	Real *real;
	int nreal, capreal;
	bool bad;
} GraphReader;

static bool
text_refuse(GraphReader *r, uint32_t from, const char *what)
{
	uint32_t to = r->at > from ? r->at : from + 1;

	if (!r->bad)
		error_at(r->ds, (Span){ from, to }, "%s", what);
	r->bad = true;
	return false;
}

/* An array twice as long, where `n` is its length. */
static void *
doubled(GraphReader *r, const void *old, int n, int *cap, size_t size)
{
	if (n < *cap)
		return (void *)(uintptr_t)old;
	*cap = *cap ? 2 * *cap : 16;
	void *new = arena_alloc(r->arena, (size_t)*cap * size);
	return n ? memcpy(new, old, (size_t)n * size) : new;
}

static char
peek_char(const GraphReader *r)
{
	return r->at < r->src->len ? r->src->text[r->at] : '\n';
}

static void
skip_blanks(GraphReader *r)
{
	while (r->at < r->src->len && strchr(" \t\r", peek_char(r)) && peek_char(r))
		r->at++;
	if (peek_char(r) == '#')
		while (peek_char(r) != '\n')
			r->at++;
}

static bool
accept_char(GraphReader *r, char c)
{
	skip_blanks(r);
	if (r->at >= r->src->len || peek_char(r) != c)
		return false;
	r->at++;
	return true;
}

static bool
expect_char(GraphReader *r, char c, const char *what)
{
	return accept_char(r, c) || text_refuse(r, r->at, what);
}

static bool
ends_word(char c)
{
	return !c || strchr(" \t\r\n#(),=\"", c);
}

/* Up to a blank or a mark; "" at the end of the line. */
static const char *
parse_word(GraphReader *r)
{
	skip_blanks(r);
	uint32_t from = r->at;
	while (r->at < r->src->len && !ends_word(peek_char(r)))
		r->at++;
	return arena_strn(r->arena, r->src->text + from, r->at - from);
}

static bool
parse_integer(GraphReader *r, int64_t lo, int64_t hi, int64_t *v)
{
	bool minus = false, any = false;
	__int128 x = 0;

	skip_blanks(r);
	uint32_t from = r->at;
	if (peek_char(r) == '-' || peek_char(r) == '+')
		minus = r->src->text[r->at++] == '-';
	for (; peek_char(r) >= '0' && peek_char(r) <= '9'; r->at++, any = true)
		x = x > VALUE_MAX ? x : 10 * x + (peek_char(r) - '0');
	x = minus ? -x : x;
	if (!any)
		return text_refuse(r, from, "expected a number");
	if (x < lo || x > hi)
		return text_refuse(r, from, "number out of range");
	*v = (int64_t)x;
	return true;
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool
parse_escape(GraphReader *r, char *out)
{
	char c = peek_char(r);
	int hi, lo;

	r->at++;
	switch (c) {
	case '"':
	case '\\': *out = c; return true;
	case 'n': *out = '\n'; return true;
	case 't': *out = '\t'; return true;
	case 'x':
		if (r->at + 2 > r->src->len || (hi = hex_digit(r->src->text[r->at])) < 0
		    || (lo = hex_digit(r->src->text[r->at + 1])) < 0 || !(hi | lo))
			break;
		r->at += 2;
		*out = (char)(16 * hi + lo);
		return true;
	}
	return text_refuse(r, r->at - 1, "unknown escape");
}

static const char *
parse_string(GraphReader *r)
{
	if (!expect_char(r, '"', "expected a string"))
		return NULL;
	uint32_t from = r->at, n = 0;
	uint32_t end = from;
	while (end < r->src->len && r->src->text[end] != '\n')
		end++;
	char *s = arena_alloc(r->arena, (size_t)(end - from) + 1);
	while (peek_char(r) != '"') {
		char c = peek_char(r);
		if (c == '\n' || !c) {
			text_refuse(r, from, "string without end");
			return NULL;
		}
		r->at++;
		if (c == '\\' && !parse_escape(r, &c))
			return NULL;
		s[n++] = c;
	}
	r->at++;
	return s;
}

static Node *
parse_node_ref(GraphReader *r)
{
	int64_t id;

	skip_blanks(r);
	uint32_t from = r->at;
	if (!expect_char(r, 'n', "expected a node, as in n5") || !parse_integer(r, 0, ID_MAX, &id))
		return NULL;
	if (id < r->nid && r->id[id])
		return r->id[id];
	text_refuse(r, from, "no such node above");
	return NULL;
}

/* ---- lines ---- */

static void
parse_vocab(GraphReader *r)
{
	Graph *g = r->g;

	skip_blanks(r);
	if (g->ninput)
		text_refuse(r, r->at, "a graph is fed tokens or numbers");
	while (!r->bad && peek_char(r) == '"') {
		const char *s = parse_string(r);
		if (!s)
			return;
		g->vocab = doubled(r, g->vocab, g->nvocab, &r->capvocab, sizeof *g->vocab);
		g->vocab[g->nvocab++] = s;
		skip_blanks(r);
	}
}

/* Below the vocabulary, whose rows the fields share out. */
static void
parse_field(GraphReader *r, uint32_t from)
{
	Graph *g = r->g;
	int n = g->field ? g->nfield : 0, next = n ? g->field[n - 1].first + g->field[n - 1].n : 0;
	int64_t rows;

	skip_blanks(r);
	const char *name = parse_string(r);
	if (!name || !parse_integer(r, 1, 1 << 24, &rows))
		return;
	if (rows > g->nvocab - next) {
		text_refuse(r, from, "the vocabulary has fewer rows");
		return;
	}
	g->field = doubled(r, g->field, n, &r->capfield, sizeof *g->field);
	g->field[n] = (Field){ name, next, (int)rows };
	g->nfield = n + 1;
}

/* A number as strtod reads it. */
static bool
parse_decimal(GraphReader *r, double *x)
{
	char *end;

	skip_blanks(r);
	uint32_t from = r->at, to = from;
	while (to < r->src->len && strchr("+-.0123456789eE", r->src->text[to]) && r->src->text[to])
		to++;
	const char *s = arena_strn(r->arena, r->src->text + from, to - from);
	*x = strtod(s, &end);
	if (end == s || *end || !isfinite(*x))
		return text_refuse(r, from, "expected a number");
	r->at = to;
	return true;
}

/* input "x[0]" real -1 1 */
static void
parse_input(GraphReader *r, uint32_t from)
{
	Graph *g = r->g;
	Input in = { parse_string(r), K_INT, 0, 0 };

	const char *kind = in.name ? parse_word(r) : "";
	in.kind = !strcmp(kind, "real") ? K_REAL : !strcmp(kind, "bool") ? K_BOOL : K_INT;
	if (in.kind == K_INT && strcmp(kind, "int")) {
		text_refuse(r, from, "expected a name and int, bool or real");
		return;
	}
	if (!parse_decimal(r, &in.min) || !parse_decimal(r, &in.max))
		return;
	bool whole = in.min == floor(in.min) && in.max == floor(in.max) && in.min > -EXACT_MAX
	             && in.max < EXACT_MAX;
	if (in.min > in.max || (in.kind != K_REAL && !whole) || g->nvocab) {
		text_refuse(r, from,
		            g->nvocab ? "a graph is fed tokens or numbers"
		                      : "what is fed has a range");
		return;
	}
	g->input = doubled(r, g->input, g->ninput, &r->capinput, sizeof in);
	g->input[g->ninput++] = in;
}

static void
parse_context(GraphReader *r)
{
	int64_t n;

	if (parse_integer(r, 1, 1 << 24, &n))
		r->g->context = (int)n;
}

static void
parse_attention(GraphReader *r)
{
	skip_blanks(r);
	uint32_t from = r->at;
	const char *s = parse_word(r);

	r->g->bidirectional = !strcmp(s, "bidirectional");
	if (!r->g->bidirectional && strcmp(s, "causal"))
		text_refuse(r, from, "expected causal or bidirectional");
}

static bool
parse_operands(GraphReader *r)
{
	r->narg = 0;
	if (!accept_char(r, '('))
		return true;
	do {
		Node *x = parse_node_ref(r);
		if (!x)
			return false;
		r->arg = doubled(r, r->arg, r->narg, &r->caparg, sizeof *r->arg);
		r->arg[r->narg++] = x;
	} while (accept_char(r, ','));
	return expect_char(r, ')', "expected , or )");
}

static bool
parse_table(GraphReader *r)
{
	r->ntable = 0;
	if (!accept_char(r, '['))
		return true;
	while (!accept_char(r, ']')) {
		int64_t v;
		uint32_t from = r->at;
		if (!parse_integer(r, -VALUE_MAX, VALUE_MAX, &v))
			return false;
		if (r->ntable == TABLE_MAX)
			return text_refuse(r, from, "table too long");
		r->table = doubled(r, r->table, r->ntable, &r->captable, sizeof *r->table);
		r->table[r->ntable++] = v;
	}
	return true;
}

static bool
parse_real(GraphReader *r, Real *v)
{
	double x;
	uint32_t from = r->at;

	if (!parse_decimal(r, &x))
		return false;
	*v = (Real){ x, 0 };
	if (peek_char(r) == '~')
		return r->at++;
	int64_t den = 1;
	if (peek_char(r) == '/' && (r->at++, !parse_integer(r, 1, (int64_t)1 << 40, &den)))
		return false;
	if (x != floor(x) || fabs(x) > 0x1p50)
		return text_refuse(r, from, "expected a fraction of integers");
	*v = real_of((int64_t)x, den);
	return true;
}

static bool
parse_reals(GraphReader *r)
{
	r->nreal = 0;
	if (!accept_char(r, '['))
		return true;
	while (!accept_char(r, ']')) {
		Real v;
		uint32_t from = r->at;
		if (!parse_real(r, &v))
			return false;
		if (r->nreal == TABLE_MAX)
			return text_refuse(r, from, "table too long");
		r->real = doubled(r, r->real, r->nreal, &r->capreal, sizeof *r->real);
		r->real[r->nreal++] = v;
	}
	return true;
}

/* Where reals and integers may stand. */
static const char *
real_fault(Op op, int64_t k, Node *const *arg, int narg, int nreal)
{
	bool chooses = op == OP_IF || op == OP_PICK || op == OP_READ;

	for (int i = 0; i < narg; i++) {
		bool chosen = chooses && (op == OP_READ ? i != 1 : i >= 1);
		if (chosen && arg[i]->type.real != arg[op != OP_READ]->type.real)
			return "real and integer side by side";
		if (!chosen && !op_mixes_reals(op)
		    && arg[i]->type.real != (op == OP_ABOVE || op == OP_FLOOR))
			return "a real where it has no meaning";
	}
	if (op == OP_VALUES && (arg[0]->type.lo < k || arg[0]->type.hi - k >= nreal))
		return "VALUES has a number for each value";
	if (nreal
	    != (op == OP_LINEAR                                     ? narg + 1
	        : op == OP_REAL || op == OP_MEAN || op == OP_APPROX ? 1
	                                                            : nreal))
		return "wrong number of reals";
	if (op == OP_CURVE
	    && (k < 0 || k >= NUM_CURVES
	        || !curve_has((CurveKind)k, node_min(arg[0]), node_max(arg[0]))))
		return "there is no such function of this";
	return NULL;
}

static const char *
operand_fault(Op op, Node *const *arg, int narg)
{
	int want = op_info[op].nargs;
	bool logic = op == OP_AND || op == OP_OR || op == OP_NOT;
	bool one_side = op == OP_ATTEND || op == OP_THERE || op == OP_READ || op == OP_AT;

	if (want < 0 ? narg < 1 + (op == OP_PICK) || (op == OP_ATTEND && narg % 2 == 0)
	             : narg != want)
		return "wrong number of operands";
	for (int i = 0; i < narg; i++) {
		if (is_reference(arg[i]->op) != (op == OP_READ && i == 1))
			return "READ takes a reference second, nothing else takes one";
		if (arg[i]->two_sided && one_side)
			return "this would relate three positions";
		if ((logic || (i == 0 && op == OP_IF) || (i == narg - 1 && is_search(op)))
		    && !is_bool(arg[i]))
			return "a condition is 0 or 1";
	}
	return NULL;
}

static Node *
parse_expression(GraphReader *r)
{
	skip_blanks(r);
	uint32_t from = r->at;
	int op = op_find(parse_word(r));
	int64_t k = 0;
	bool has_k = false;

	if (op < 0) {
		text_refuse(r, from, "no such operator");
		return NULL;
	}
	if (!parse_operands(r))
		return NULL;
	if (accept_char(r, 'k')) {
		has_k = true;
		if (!expect_char(r, '=', "expected =")
		    || !parse_integer(r, -VALUE_MAX, VALUE_MAX, &k))
			return NULL;
	}
	Attr attr = op_info[op].attr;
	r->ntable = r->nreal = 0;
	if (!(attr == A_REALS ? parse_reals(r) : parse_table(r)))
		return NULL;
	const char *fault = operand_fault((Op)op, r->arg, r->narg);
	if (!fault && has_k && attr == A_NONE)
		fault = "this operator has no k";
	if (!fault && op == OP_TOKEN && (k < 0 || k >= r->g->nfield))
		fault = "a token has no such field";
	if (!fault && op == OP_INPUT && (k < 0 || k >= r->g->ninput))
		fault = "there is no such input";
	if (!fault && (r->ntable > 0) != (attr == A_TABLE))
		fault = attr == A_TABLE ? "expected a table" : "this operator has no table";
	if (!fault && !r->nreal && attr == A_REALS)
		fault = "expected numbers";
	if (!fault)
		fault = real_fault((Op)op, k, r->arg, r->narg, r->nreal);
	if (!fault && op == OP_APPROX && !(r->real[0].x > 0))
		fault = "how near is a number above 0";
	if (fault) {
		text_refuse(r, from, fault);
		return NULL;
	}
	Span span = { from, r->at };
	if (attr == A_REALS)
		return mk_reals(r->g, (Op)op, span, 0, r->narg, r->arg, k, r->real, r->nreal);
	if (op == OP_TABLE)
		return mk_table(r->g, span, 0, r->arg[0], k, r->table, r->ntable);
	return mk(r->g, (Op)op, span, 0, r->narg, r->arg, k);
}

static void
parse_node(GraphReader *r, uint32_t from)
{
	int64_t id;

	if (r->g->context < 1) {
		text_refuse(r, from, "context must stand above the nodes");
		return;
	}
	r->at = from + 1;
	if (!parse_integer(r, 0, ID_MAX, &id) || !expect_char(r, '=', "expected ="))
		return;
	if (id < r->nid && r->id[id]) {
		text_refuse(r, from, "this node is there already");
		return;
	}
	Node *n = parse_expression(r);
	if (!n)
		return;
	while (r->nid <= id) {
		int cap = r->nid, to = r->nid ? 2 * r->nid : 64;
		Node **new = arena_alloc(r->arena, (size_t)to * sizeof *new);
		if (cap)
			memcpy(new, r->id, (size_t)cap * sizeof *new);
		r->id = new;
		r->nid = to;
	}
	r->id[id] = n;
}

static Node *
read_answer(GraphReader *r, bool pos)
{
	skip_blanks(r);
	uint32_t from = r->at;
	Node *n = parse_node_ref(r);

	if (!n)
		return NULL;
	if (n->two_sided)
		text_refuse(r, from, "an answer is at one position");
	else if (is_reference(n->op) != pos)
		text_refuse(r, from, "a pos is a reference, and nothing else is");
	return r->bad ? NULL : n;
}

static bool
parse_named(GraphReader *r, Named *d)
{
	skip_blanks(r);
	uint32_t from = r->at;

	d->name = parse_word(r);
	if (!*d->name)
		return text_refuse(r, from, "expected a name");
	skip_blanks(r);
	uint32_t at = r->at;
	const char *kind = parse_word(r);
	int k = 0;
	while (k <= K_REAL && strcmp(kind, kind_name[k]))
		k++;
	if (k > K_REAL)
		return text_refuse(r, at, "expected int, bool, token, pos or real");
	d->kind = (Kind)k;
	d->node = read_answer(r, k == K_POS);
	if (d->node && d->node->type.real != (k == K_REAL))
		return text_refuse(r, from, "what is real is named real, and nothing else is");
	d->span = (Span){ from, r->at };
	return d->node;
}

static void
parse_output(GraphReader *r)
{
	Graph *g = r->g;
	Named d = { 0 };

	if (!parse_named(r, &d))
		return;
	g->output = doubled(r, g->output, g->noutput, &r->capoutput, sizeof d);
	g->output[g->noutput++] = d;
}

static void
parse_model_name(GraphReader *r)
{
	Graph *g = r->g;
	Named d = { 0 };
	int64_t offset = 0;

	if (!parse_named(r, &d))
		return;
	skip_blanks(r);
	if ((peek_char(r) == '+' || peek_char(r) == '-')
	    && !parse_integer(r, -(1 << 24), 1 << 24, &offset))
		return;
	d.offset = (int)offset;
	g->named = doubled(r, g->named, g->nnamed, &r->capnamed, sizeof d);
	g->named[g->nnamed++] = d;
}

static void
parse_emit(GraphReader *r)
{
	Graph *g = r->g;

	g->emit = arena_alloc(g->arena, sizeof *g->emit * (size_t)g->nfield);
	for (int i = 0; i < g->nfield && !r->bad; i++)
		g->emit[i] = read_answer(r, false);
}

static void
parse_line(GraphReader *r)
{
	skip_blanks(r);
	uint32_t from = r->at;
	const char *s = parse_word(r);
	bool header = !strcmp(s, "model") || !strcmp(s, "vocab") || !strcmp(s, "field")
	              || !strcmp(s, "input") || !strcmp(s, "context") || !strcmp(s, "attention");

	if (header && r->g->nnode)
		text_refuse(r, from, "the header must stand above the nodes");
	else if (!strcmp(s, "model"))
		r->g->name = parse_string(r);
	else if (!strcmp(s, "vocab"))
		parse_vocab(r);
	else if (!strcmp(s, "field"))
		parse_field(r, from);
	else if (!strcmp(s, "input"))
		parse_input(r, from);
	else if (!strcmp(s, "context"))
		parse_context(r);
	else if (!strcmp(s, "attention"))
		parse_attention(r);
	else if (!strcmp(s, "emit"))
		parse_emit(r);
	else if (!strcmp(s, "output"))
		parse_output(r);
	else if (!strcmp(s, "named"))
		parse_model_name(r);
	else if (s[0] == 'n' && s[1] >= '0' && s[1] <= '9')
		parse_node(r, from);
	else if (*s)
		text_refuse(r, from, "expected a node or a header line");
	skip_blanks(r);
	if (!r->bad && peek_char(r) != '\n')
		text_refuse(r, r->at, "unexpected text");
}

Graph *
graph_read(const Source *src, Arena *arena, Diags *ds)
{
	GraphReader r = { .src = src, .arena = arena, .ds = ds, .g = graph_new(arena) };
	const Source **files = NEW(arena, const Source *);

	files[0] = src;
	r.g->files = files;
	r.g->nfile = 1;
	while (!r.bad && r.at < src->len) {
		parse_line(&r);
		r.at++; /* the line break */
	}
	const Field *last = r.g->field ? &r.g->field[r.g->nfield - 1] : NULL;
	r.at = r.bad ? r.at : 0;
	if (r.g->context < 1)
		text_refuse(&r, 0, "there is no context");
	else if (last && last->first + last->n < r.g->nvocab)
		text_refuse(&r, 0, "the fields do not share out the whole vocabulary");
	return r.bad ? NULL : r.g;
}
