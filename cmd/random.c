/* twc random: random programs with the circuits that they became, as ground truth for methods that
 * find circuits. A line of JSON each:
 *
 *     {"program": "model random_0 { … }", "layers": 3, "d_model": 11, "circuit": {…}}
 *
 * A program is a chain of named values `depth` long, and others beside it until there are `size`;
 * each is an operation on earlier ones: flags, numbers 0 to 9, and references. What nothing has
 * read yet is read first, so that little is left over. `circuit` is what `twc graph -o x.json`
 * says. */

#include "cmd/cmd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/describe_circuit.h"
#include "backend/file/write.h"
#include "lang/text.h"
#include "lang/random.h"

enum {
	SIZE = 6,
	DEPTH = 3,
	MOST_SIZE = 200,
	REFUSED_MOST = 100, /* programs in a row that do not compile */
	DIGITS = 10,
};

typedef enum RandomKind { FLAG, NUMBER, REFERENCE, KINDS } RandomKind;

typedef struct RandomValue {
	RandomKind kind;
	int level; /* of the longest chain of values up to it, from 1 */
	bool read;
} RandomValue;

typedef struct ProgramWriter {
	uint64_t state;
	TextBuilder text;
	int n, level; /* values so far; the level of the one being written */
	RandomValue value[MOST_SIZE];
} ProgramWriter;

/* ---- operands */

static bool
may_read(const ProgramWriter *w, int i, RandomKind kind, int level)
{
	return w->value[i].kind == kind && w->value[i].level <= level;
}

/* An earlier value of a kind and at most this level, unread ones first; -1: there is none. */
static int
earlier_value(ProgramWriter *w, RandomKind kind, int level)
{
	int found = -1, seen = 0;

	for (int unread = 1; unread >= 0 && found < 0; unread--)
		for (int i = 0; i < w->n; i++)
			if (may_read(w, i, kind, level) && (!unread || !w->value[i].read)
			    && !seeded_below(&w->state, ++seen))
				found = i;
	return found;
}

static const char *
name_to_read(ProgramWriter *w, int i)
{
	w->value[i].read = true;
	if (w->value[i].level >= w->level)
		w->level = w->value[i].level + 1;
	return arena_fmt(w->text.arena, "v%d", i);
}

/* A flag or a number: an earlier one, or one of the token or the place. */
static const char *
operand_of_kind(ProgramWriter *w, RandomKind kind, int level)
{
	int i = earlier_value(w, kind, level);
	Arena *a = w->text.arena;
	int letter = 'a' + seeded_below(&w->state, 6);

	if (i >= 0 && seeded_below(&w->state, 5))
		return name_to_read(w, i);
	if (kind == FLAG)
		return seeded_below(&w->state, 2)
		               ? arena_fmt(a, "(token == '%c')", letter)
		               : arena_fmt(a, "(token in \"%c%c\")", letter, letter + 2);
	int yes = seeded_below(&w->state, DIGITS),
	    no = (yes + 1 + seeded_below(&w->state, DIGITS - 1)) % DIGITS;
	return seeded_below(&w->state, 2)
	               ? arena_fmt(a, "(index %% %d)", 2 + seeded_below(&w->state, 5))
	               : arena_fmt(a, "(if token == '%c' then %d else %d)", letter, yes, no);
}

/* Another one than x. */
static const char *
other_operand(ProgramWriter *w, RandomKind kind, int level, const char *x)
{
	const char *y = operand_of_kind(w, kind, level);

	for (int i = 0; i < 8 && !strcmp(x, y); i++)
		y = operand_of_kind(w, kind, level);
	return y;
}

/* `here - 2`, or an earlier reference. */
static const char *
place_to_read(ProgramWriter *w, int level)
{
	int i = earlier_value(w, REFERENCE, level);

	return i >= 0 ? name_to_read(w, i)
	              : arena_fmt(w->text.arena, "here - %d", 1 + seeded_below(&w->state, 3));
}

/* ---- values */

static const char *
flag_expression(ProgramWriter *w, int level)
{
	Arena *a = w->text.arena;
	const char *x = operand_of_kind(w, FLAG, level);

	switch (seeded_below(&w->state, 6)) {
	case 0: return arena_fmt(a, "%s and %s", x, other_operand(w, FLAG, level, x));
	case 1: return arena_fmt(a, "%s or not %s", x, other_operand(w, FLAG, level, x));
	case 2: return arena_fmt(a, "%s != %s", x, other_operand(w, FLAG, level, x));
	case 3:
		return arena_fmt(a, "%s > %d", operand_of_kind(w, NUMBER, level),
		                 seeded_below(&w->state, 8));
	case 4:
		return arena_fmt(a, "%s == %d", operand_of_kind(w, NUMBER, level),
		                 seeded_below(&w->state, DIGITS));
	}
	return arena_fmt(a, "%s[%s else false]", x, place_to_read(w, level));
}

static const char *
number_expression(ProgramWriter *w, int level)
{
	Arena *a = w->text.arena;
	const char *x = operand_of_kind(w, NUMBER, level);

	switch (seeded_below(&w->state, 6)) {
	case 0:
		return arena_fmt(a, "(%s + %s) %% %d", x, other_operand(w, NUMBER, level, x),
		                 2 + seeded_below(&w->state, DIGITS - 1));
	case 1: return arena_fmt(a, "max(%s, %s)", x, other_operand(w, NUMBER, level, x));
	case 2:
		return arena_fmt(a, "if %s then %s else %s", operand_of_kind(w, FLAG, level), x,
		                 operand_of_kind(w, NUMBER, level));
	case 3: return arena_fmt(a, "min(count(%s[j] for j), 9)", operand_of_kind(w, FLAG, level));
	case 4: return arena_fmt(a, "(%d * %s + 1) %% 10", 2 + seeded_below(&w->state, 7), x);
	}
	return arena_fmt(a, "%s[%s else 0]", x, place_to_read(w, level));
}

static const char *
reference_expression(ProgramWriter *w, int level)
{
	return arena_fmt(w->text.arena, "%s j where %s[j]",
	                 seeded_below(&w->state, 3) ? "latest" : "first",
	                 operand_of_kind(w, FLAG, level));
}

/* One more value, which reads values of this level at most. */
static void
add_value(ProgramWriter *w, RandomKind kind, int level)
{
	w->level = 1;
	const char *text = kind == FLAG     ? flag_expression(w, level)
	                   : kind == NUMBER ? number_expression(w, level)
	                                    : reference_expression(w, level);
	text_addf(&w->text, "let v%d = %s\n", w->n, text);
	w->value[w->n++] = (RandomValue){ kind, w->level, false };
}

/* The next of the chain: it reads the one before it, whatever else. */
static void
add_to_chain(ProgramWriter *w)
{
	Arena *a = w->text.arena;
	int last = w->n - 1;

	if (last < 0) {
		add_value(w, (RandomKind)seeded_below(&w->state, 2), 0);
		return;
	}
	w->level = 1;
	RandomKind of = w->value[last].kind, kind = NUMBER;
	const char *x = name_to_read(w, last), *text;
	switch (of) {
	case FLAG:
		kind = seeded_below(&w->state, 2) ? REFERENCE : NUMBER;
		text = kind == REFERENCE
		               ? arena_fmt(a, "%s j where %s[j]",
		                           seeded_below(&w->state, 2) ? "latest" : "first", x)
		               : arena_fmt(a, "if %s then %s else %d", x,
		                           operand_of_kind(w, NUMBER, w->level - 1),
		                           seeded_below(&w->state, DIGITS));
		break;
	case NUMBER:
		kind = seeded_below(&w->state, 2) ? FLAG : NUMBER;
		text = kind == FLAG ? arena_fmt(a, "%s > %s", x,
		                                other_operand(w, NUMBER, w->level - 1, x))
		                    : arena_fmt(a, "(%s + %s[here - %d else 0]) %% %d", x, x,
		                                1 + seeded_below(&w->state, 3),
		                                5 + seeded_below(&w->state, 6));
		break;
	default:
		text = arena_fmt(a, "%s[%s else 0]", operand_of_kind(w, NUMBER, w->level - 1), x);
		break;
	}
	text_addf(&w->text, "let v%d = %s\n", w->n, text);
	w->value[w->n++] = (RandomValue){ kind, w->level, false };
}

/* Every flag and number that nothing reads is an output; a reference is read. */
static void
add_outputs(ProgramWriter *w)
{
	for (int i = 0; i < w->n; i++) {
		if (w->value[i].read)
			continue;
		if (w->value[i].kind == REFERENCE)
			text_addf(&w->text, "output v%d_token = int(token[v%d else 'a'] == 'a')\n",
			          i, i);
		else
			text_addf(&w->text, "output v%d = v%d\n", i, i);
	}
}

static const char *
write_program(ProgramWriter *w, int number, int size, int depth)
{
	w->n = 0;
	text_addf(&w->text, "model random_%d { vocab \"abcdefgh\" context 16 }\n", number);
	while (w->n < depth)
		add_to_chain(w);
	while (w->n < size)
		add_value(w, (RandomKind)seeded_below(&w->state, KINDS), depth - 1);
	add_outputs(w);
	return w->text.s;
}

/* ---- lines */

static void
add_line(TextBuilder *t, const char *text, const Program *p)
{
	const char *circuit = describe_graph(p->report.columns, p->model);

	text_addf(t, "{\"program\": ");
	text_add_json_string(t, text);
	text_addf(t, ", \"layers\": %d, \"d_model\": %d, \"circuit\": ", p->report.layers,
	          p->report.d_model);
	for (const char *s = circuit; *s; s++)
		text_add(t, *s == '\n' ? " " : s, 1);
	text_addf(t, "}\n");
}

/* One program that compiles; false where there is none. */
static bool
write_one(ProgramWriter *w, const Options *o, int number, FILE *to)
{
	for (int i = 0; i < REFUSED_MOST; i++) {
		Program p = { .quiet = true };
		w->text = (TextBuilder){ .arena = &p.arena };
		const char *text = write_program(w, number, o->size ? o->size : SIZE,
		                                 o->depth ? o->depth : DEPTH);
		bool ok = program_open_text(&p, "random.tw", text, strlen(text), o)
		          && program_compile(&p);
		if (ok) {
			TextBuilder t = { .arena = &p.arena };
			add_line(&t, text, &p);
			fwrite(t.s, 1, t.n, to);
		}
		program_close(&p);
		if (ok)
			return true;
	}
	fprintf(stderr, "twc: none of %d programs of this size and depth compiled\n", REFUSED_MOST);
	return false;
}

static bool
write_programs(const Options *o, FILE *to)
{
	ProgramWriter w = { .state = (uint64_t)o->seed };

	for (int i = 0; i < (o->count ? o->count : 1); i++)
		if (!write_one(&w, o, i, to))
			return false;
	return true;
}

int
cmd_random(const Options *o)
{
	char *error = NULL, *text = NULL;
	int depth = o->depth ? o->depth : DEPTH, size = o->size ? o->size : SIZE;
	size_t n = 0;

	if (size < depth || size > MOST_SIZE) {
		fprintf(stderr, "twc: a program of depth %d has %d to %d values\n", depth, depth,
		        MOST_SIZE);
		return 2;
	}
	Options quiet = *o;
	quiet.no_warnings = true;
	FILE *to = o->output ? open_memstream(&text, &n) : stdout;
	int status = to && write_programs(&quiet, to) ? 0 : 2;
	if (to && o->output) {
		fclose(to);
		if (!status && file_write(o->output, text, n, &error))
			status = 2;
	}
	if (error)
		fprintf(stderr, "twc: %s\n", error);
	free(error);
	free(text);
	return status;
}
