/* Reads a graph from its text (graph_print.c) by building it.
 *
 * Each line's node is a draft first, held against the rules of verify.c, then built as anybody
 * builds one: it may fold to another that means the same. Numbers of nodes need not be dense, but
 * operands stand above. */

#include "ir/internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ID_MAX = 1 << 22, TABLE_MAX = 1 << 22 };

typedef struct GraphReader {
	const Source *src;
	Arena *arena;
	Diags *ds;
	Graph *g;
	uint32_t at;
	int capvocab, capfield, capinput;
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
accept_mark(GraphReader *r, char c)
{
	skip_blanks(r);
	if (r->at >= r->src->len || peek_char(r) != c)
		return false;
	r->at++;
	return true;
}

static bool
expect_mark(GraphReader *r, char c, const char *what)
{
	return accept_mark(r, c) || text_refuse(r, r->at, what);
}

static bool
ends_word(char c)
{
	return !c || strchr(" \t\r\n#(),=\"", c);
}

/* The text up to a blank or a punctuation mark; "" at the end of the line. */
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
	if (!expect_mark(r, '"', "expected a string"))
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
	if (!expect_mark(r, 'n', "expected a node, as in n5") || !parse_integer(r, 0, ID_MAX, &id))
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
		GROW(r->arena, g->vocab, r->capvocab, g->nvocab + 1);
		g->vocab[g->nvocab++] = s;
		skip_blanks(r);
	}
}

/* field "op" 4: the next 4 rows of the vocabulary. All fields together have all rows. */
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
	GROW(r->arena, g->field, r->capfield, n + 1);
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
	GROW(r->arena, g->input, r->capinput, g->ninput + 1);
	g->input[g->ninput++] = in;
}

static void
parse_context(GraphReader *r)
{
	int64_t n;

	if (parse_integer(r, 1, CONTEXT_MAX, &n))
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
	if (!accept_mark(r, '('))
		return true;
	do {
		Node *x = parse_node_ref(r);
		if (!x)
			return false;
		GROW(r->arena, r->arg, r->caparg, r->narg + 1);
		r->arg[r->narg++] = x;
	} while (accept_mark(r, ','));
	return expect_mark(r, ')', "expected , or )");
}

static bool
parse_table(GraphReader *r)
{
	r->ntable = 0;
	if (!accept_mark(r, '['))
		return true;
	while (!accept_mark(r, ']')) {
		int64_t v;
		uint32_t from = r->at;
		if (!parse_integer(r, -VALUE_MAX, VALUE_MAX, &v))
			return false;
		if (r->ntable == TABLE_MAX)
			return text_refuse(r, from, "table too long");
		GROW(r->arena, r->table, r->captable, r->ntable + 1);
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
	if (!accept_mark(r, '['))
		return true;
	while (!accept_mark(r, ']')) {
		Real v;
		uint32_t from = r->at;
		if (!parse_real(r, &v))
			return false;
		if (r->nreal == TABLE_MAX)
			return text_refuse(r, from, "table too long");
		GROW(r->arena, r->real, r->capreal, r->nreal + 1);
		r->real[r->nreal++] = v;
	}
	return true;
}

/* What stands behind the operands: k, a table, numbers. */
static bool
parse_attributes(GraphReader *r, Node *draft)
{
	if (accept_mark(r, 'k')
	    && (!expect_mark(r, '=', "expected =")
	        || !parse_integer(r, -VALUE_MAX, VALUE_MAX, &draft->k)))
		return false;
	r->ntable = r->nreal = 0;
	if (!(op_info[draft->op].attr == A_REALS ? parse_reals(r) : parse_table(r)))
		return false;
	draft->ntable = r->ntable;
	draft->table = r->table;
	draft->nreal = r->nreal;
	draft->real = r->real;
	return true;
}

static Node *
parse_expression(GraphReader *r)
{
	skip_blanks(r);
	uint32_t from = r->at;
	int op = op_find(parse_word(r));

	if (op < 0) {
		text_refuse(r, from, "no such operator");
		return NULL;
	}
	if (!parse_operands(r))
		return NULL;
	Node draft = { .op = (Op)op, .narg = r->narg, .arg = r->arg };
	if (!parse_attributes(r, &draft))
		return NULL;
	const char *fault = node_fault(r->g, &draft);
	if (fault) {
		text_refuse(r, from, fault);
		return NULL;
	}
	draft.span = (Span){ from, r->at };
	return mk_like(r->g, &draft, draft.arg);
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
	if (!parse_integer(r, 0, ID_MAX, &id) || !expect_mark(r, '=', "expected ="))
		return;
	if (id < r->nid && r->id[id]) {
		text_refuse(r, from, "this node is there already");
		return;
	}
	Node *n = parse_expression(r);
	if (!n)
		return;
	GROW(r->arena, r->id, r->nid, (int)id + 1);
	r->id[id] = n;
}

/* A node that the graph answers with; NULL, with a message, if it cannot be one. */
static Node *
parse_answer(GraphReader *r, Kind kind)
{
	skip_blanks(r);
	uint32_t from = r->at;
	Node *n = parse_node_ref(r);
	const char *fault = n ? answer_fault(n, kind) : NULL;

	if (fault)
		text_refuse(r, from, fault);
	return r->bad ? NULL : n;
}

static bool
parse_kind(GraphReader *r, Kind *kind)
{
	skip_blanks(r);
	uint32_t from = r->at;
	const char *word = parse_word(r);
	int k = 0;

	while (k <= K_REAL && strcmp(word, kind_name[k]))
		k++;
	if (k > K_REAL)
		return text_refuse(r, from, "expected int, bool, token, pos or real");
	*kind = (Kind)k;
	return true;
}

/* The members of an enum, to the end of the line. */
static void
parse_members(GraphReader *r, Named *d)
{
	int cap = 0;

	for (skip_blanks(r); !r->bad && peek_char(r) == '"'; skip_blanks(r)) {
		GROW(r->arena, d->member, cap, d->nmember + 1);
		d->member[d->nmember] = parse_string(r);
		d->nmember += d->member[d->nmember] != NULL;
	}
}

/* output sum int n3; named last pos n9 +0 */
static void
parse_named(GraphReader *r, Named **list, int *n, int *cap)
{
	Named d = { 0 };
	int64_t offset = 0;

	skip_blanks(r);
	uint32_t from = r->at;
	d.name = parse_word(r);
	if (!*d.name)
		text_refuse(r, from, "expected a name");
	if (r->bad || !parse_kind(r, &d.kind) || !(d.node = parse_answer(r, d.kind)))
		return;
	skip_blanks(r);
	if (d.kind == K_POS && (peek_char(r) == '+' || peek_char(r) == '-')
	    && !parse_integer(r, -CONTEXT_MAX, CONTEXT_MAX, &offset))
		return;
	parse_members(r, &d);
	d.offset = (int)offset;
	d.span = (Span){ from, r->at };
	GROW(r->arena, *list, *cap, *n + 1);
	(*list)[(*n)++] = d;
}

static void
parse_emit(GraphReader *r)
{
	Graph *g = r->g;

	g->emit = arena_alloc(g->arena, sizeof *g->emit * (size_t)g->nfield);
	for (int i = 0; i < g->nfield && !r->bad; i++)
		g->emit[i] = parse_answer(r, K_TOKEN);
}

static bool
parse_header(GraphReader *r, const char *word, uint32_t from)
{
	if (!strcmp(word, "model"))
		r->g->name = parse_string(r);
	else if (!strcmp(word, "vocab"))
		parse_vocab(r);
	else if (!strcmp(word, "field"))
		parse_field(r, from);
	else if (!strcmp(word, "input"))
		parse_input(r, from);
	else if (!strcmp(word, "context"))
		parse_context(r);
	else if (!strcmp(word, "attention"))
		parse_attention(r);
	else
		return false;
	if (r->g->nnode)
		text_refuse(r, from, "the header must stand above the nodes");
	return true;
}

static void
parse_line(GraphReader *r)
{
	Graph *g = r->g;

	skip_blanks(r);
	uint32_t from = r->at;
	const char *word = parse_word(r);
	if (!strcmp(word, "emit"))
		parse_emit(r);
	else if (!strcmp(word, "output"))
		parse_named(r, &g->output, &g->noutput, &r->capoutput);
	else if (!strcmp(word, "named"))
		parse_named(r, &g->named, &g->nnamed, &r->capnamed);
	else if (word[0] == 'n' && word[1] >= '0' && word[1] <= '9')
		parse_node(r, from);
	else if (*word && !parse_header(r, word, from))
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
	const Node *at = NULL;
	const char *fault = r.bad ? NULL : graph_fault(r.g, &at);
	r.at = at ? at->span.hi : 0;
	if (fault)
		text_refuse(&r, at ? at->span.lo : 0, fault);
	return r.bad ? NULL : r.g;
}
