/* Writes a program as tokens, feeds them, and lets the model go on. A prompt is code, constants,
 * globals and memory; then come the arguments and a first state; then the model's states:
 *
 *     {kind: code, pc: 7, op: calc, calc: add, a: 1, b: 2, d: 1, ...}    a program
 *     {kind: state, writes: true, d: 1, into: 1, value: 5, ...}          arguments
 *     {kind: state, pc: 7, depth: 1, ...}                                here it begins
 *
 * A transformer that was made for one program has the code in its weights, and its prompt is memory
 * alone.
 *
 * A state that asks for input ends the model's turn; the answer is the next token. A text that has
 * become long is begun anew with the last writer of each word that is still alive: the states that
 * are left out can never be found again. */

#define _GNU_SOURCE /* getline */

#include "wasm/machine.h"
#include "wasm/specialize.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Where the model's fields are, of an array the first; and the rows of members. */
typedef struct WasmFields {
	int kind, pc, next, to, op, calc, size, is_signed, a, b, a_shared, b_shared, d, frame,
		depth, into, value, writes, stores, cell, again, left, rest, pages, puts, end;
	int code_row, state_row, op_row[W_OPS], calc_row[W_CALCS], size_row[3], frame_row[4],
		end_row[W_ENDS];
	int *blank;           /* (nfield) a token of zeros */
	uint16_t *frame_bits; /* (W_REGISTERS) the bits that say how deep a frame is, */
	uint16_t *depth_of;   /* (W_REGISTERS) and how deep it is by these */
} WasmFields;

/* ---- the model's fields */

static int
find_row(const TwModel *m, const char *word)
{
	for (int i = 0; i < m->nvocab; i++)
		if (!strcmp(m->vocab[i], word))
			return i;
	return -1;
}

static int
find_member(const TwModel *m, const char *field, const char *member)
{
	char word[64];

	snprintf(word, sizeof word, "%s: %s", field, member);
	return find_row(m, word);
}

/* The number of a field, by the word of one of its values. */
static int
find_field(const TwModel *m, const char *name, const char *value)
{
	int row = find_member(m, name, value);

	for (int f = 0; f < m->nfield; f++)
		if (row >= m->first[f] && row < m->first[f + 1])
			return f;
	return -1;
}

static bool
find_members(const TwModel *m, const char *field, const char *const *name, int n, int *row)
{
	bool all = true;

	for (int i = 0; i < n; i++) {
		row[i] = find_member(m, field, name[i]);
		all = all && row[i] >= 0;
	}
	return all;
}

typedef struct WantedField {
	const char *name, *value;
	int *at;
} WantedField;

static bool
find_all(const TwModel *m, const WantedField *want, size_t n)
{
	bool all = true;

	for (size_t i = 0; all && i < n; i++) {
		*want[i].at = find_field(m, want[i].name, want[i].value);
		all = *want[i].at >= 0;
	}
	return all;
}

/* Those of a state. */
static bool
find_state_fields(const TwModel *m, WasmFields *f)
{
	const WantedField want[] = { { "pc", "0", &f->pc },
		                     { "d[0]", "false", &f->d },
		                     { "depth[0]", "false", &f->depth },
		                     { "into[0]", "false", &f->into },
		                     { "value[0]", "0", &f->value },
		                     { "writes", "false", &f->writes },
		                     { "stores", "false", &f->stores },
		                     { "cell[0]", "false", &f->cell },
		                     { "again", "false", &f->again },
		                     { "left", "0", &f->left },
		                     { "rest[0]", "0", &f->rest },
		                     { "pages[0]", "0", &f->pages },
		                     { "puts", "false", &f->puts },
		                     { "end", "none", &f->end } };
	size_t n = sizeof want / sizeof *want;
	bool by_number = find_field(m, want[0].name, want[0].value) >= 0;

	return find_all(m, want + !by_number, n - !by_number)
	       && find_members(m, "end", wasm_end_member, W_ENDS, f->end_row);
}

/* Those of an instruction, which a program's own transformer has not. */
static bool
find_code_fields(const TwModel *m, WasmFields *f)
{
	const WantedField want[] = { { "kind", "code", &f->kind },
		                     { "pc[0]", "false", &f->pc },
		                     { "next[0]", "false", &f->next },
		                     { "to[0]", "false", &f->to },
		                     { "op", "calc", &f->op },
		                     { "calc", "add", &f->calc },
		                     { "size", "byte", &f->size },
		                     { "signed", "false", &f->is_signed },
		                     { "a[0]", "false", &f->a },
		                     { "b[0]", "false", &f->b },
		                     { "a_shared", "false", &f->a_shared },
		                     { "b_shared", "false", &f->b_shared },
		                     { "frame", "here", &f->frame } };

	f->code_row = find_member(m, "kind", "code");
	f->state_row = find_member(m, "kind", "state");
	return find_all(m, want, sizeof want / sizeof *want)
	       && find_members(m, "op", wasm_op_member, W_OPS, f->op_row)
	       && find_members(m, "calc", wasm_calc_member, W_CALCS, f->calc_row)
	       && find_members(m, "size", wasm_size_member, W_SIZES, f->size_row)
	       && find_members(m, "frame", wasm_frame_member, W_FRAMES, f->frame_row);
}

/* ---- frames */

/* What follows in the shift register of machine/wasm32.tw, to which no carry belongs. */
static unsigned
next_frame(unsigned was)
{
	unsigned parity = (was ^ was >> 3 ^ was >> 5 ^ was >> 11) & 1;

	return (was << 1 & 0xfff) | !parity;
}

static void
number_frames(WasmFields *f, Arena *arena)
{
	f->frame_bits = NEWS(arena, uint16_t, W_REGISTERS);
	f->depth_of = NEWS(arena, uint16_t, W_REGISTERS);
	for (unsigned depth = 0, bits = 0; depth < W_SHARED_FRAME; depth++) {
		f->frame_bits[depth] = (uint16_t)bits;
		f->depth_of[bits] = (uint16_t)depth;
		bits = next_frame(bits);
	}
	f->frame_bits[W_SHARED_FRAME] = f->depth_of[0xfff] = W_SHARED_FRAME;
}

/* ---- tokens */

static void
put_bits(WasmMachine *m, int field, uint32_t x, int n)
{
	for (int i = 0; i < n; i++)
		m->row[field + i] = m->model->first[field + i] + (int)(x >> i & 1);
}

static void
put_value_bytes(WasmMachine *m, int field, uint32_t x, int n)
{
	for (int i = 0; i < n; i++)
		m->row[field + i] = m->model->first[field + i] + (int)(x >> (8 * i) & 255);
}

static void
put_pc(WasmMachine *m, int pc)
{
	if (m->special)
		m->row[m->field->pc] = m->model->first[m->field->pc] + pc;
	else
		put_bits(m, m->field->pc, (uint32_t)pc, 16);
}

static void
begin_token(WasmMachine *m, bool code)
{
	memcpy(m->row, m->field->blank, (size_t)m->model->nfield * sizeof *m->row);
	if (m->special)
		return;
	m->row[m->field->kind] = code ? m->field->code_row : m->field->state_row;
	m->row[m->field->calc] = m->field->calc_row[W_NOTHING];
}

/* One token as a line. */
static bool
write_token(WasmMachine *m, const int *row)
{
	char line[4096];

	tw_spell_token(m->model, row, line, sizeof line);
	fprintf(m->text, "%s\n", line);
	return !ferror(m->text);
}

/* Many tokens go through the model together, which is faster than one after the other. */
static bool
feed_waiting(WasmMachine *m)
{
	int n = m->nwaiting;

	m->nwaiting = 0;
	if (!n || tw_feed_tokens(m->session, m->waiting, n))
		return true;
	snprintf(m->error, sizeof m->error, "%s", tw_refusal(m->session));
	return false;
}

static bool
add_waiting(WasmMachine *m, const int *row)
{
	size_t width = (size_t)m->model->nfield;

	memcpy(m->waiting + (size_t)m->nwaiting++ * width, row, width * sizeof *row);
	return m->nwaiting < WASM_WAITING || feed_waiting(m);
}

/* Into the text, or the file that is being written in its place. */
static bool
feed_token(WasmMachine *m)
{
	return m->text ? write_token(m, m->row) : add_waiting(m, m->row);
}

static bool
feed_code(WasmMachine *m, int pc)
{
	const WasmFields *f = m->field;
	const WasmInstr *i = &m->p->code[pc];

	begin_token(m, true);
	put_pc(m, pc);
	put_bits(m, f->next, (uint32_t)pc + 1, 16);
	put_bits(m, f->to, i->to, 16);
	m->row[f->op] = f->op_row[i->op];
	m->row[f->calc] = f->calc_row[i->calc];
	m->row[f->size] = f->size_row[i->size];
	put_bits(m, f->is_signed, i->is_signed, 1);
	put_bits(m, f->a, i->a, 12);
	put_bits(m, f->b, i->b, 12);
	put_bits(m, f->a_shared, i->a_shared, 1);
	put_bits(m, f->b_shared, i->b_shared, 1);
	put_bits(m, f->d, i->d, 12);
	m->row[f->frame] = f->frame_row[i->frame];
	put_value_bytes(m, f->value, i->value, 4);
	m->row[f->end] = f->end_row[i->end];
	return feed_token(m);
}

static bool
feed_register(WasmMachine *m, int frame, int number, uint32_t value)
{
	const WasmFields *f = m->field;

	begin_token(m, false);
	put_bits(m, f->d, (uint32_t)number, 12);
	put_bits(m, f->into, f->frame_bits[frame], 12);
	put_value_bytes(m, f->value, value, 4);
	put_bits(m, f->writes, 1, 1);
	m->p->reg[(size_t)frame * W_REGISTERS + (size_t)number] = value;
	return feed_token(m);
}

static void
note_cell(WasmMachine *m, uint32_t cell)
{
	if (m->p->written <= cell)
		m->p->written = cell + 1;
}

static bool
feed_cell(WasmMachine *m, uint32_t cell, uint32_t value)
{
	note_cell(m, cell);
	begin_token(m, false);
	put_bits(m, m->field->cell, cell, 24);
	put_value_bytes(m, m->field->value, value, 4);
	put_bits(m, m->field->stores, 1, 1);
	return feed_token(m);
}

/* What the program has that the text has not. */
static bool
feed_program(WasmMachine *m)
{
	WasmProgram *p = m->p;

	for (; p->fresh_from < p->ncode; p->fresh_from++) {
		WasmInstr *i = &p->code[p->fresh_from];

		if (i->fresh && i->there && !m->special && !feed_code(m, p->fresh_from))
			return false;
		i->fresh = false;
	}
	for (int r = 0; r < p->nshared; r++) {
		if (p->shared_fresh[r]
		    && !feed_register(m, W_SHARED_FRAME, r, wasm_register(m, W_SHARED_FRAME, r)))
			return false;
		p->shared_fresh[r] = false;
	}
	for (; p->ncell > 0; p->ncell--) {
		uint32_t cell = (uint32_t)p->cell[p->ncell - 1];

		if (!feed_cell(m, cell, p->memory[cell]))
			return false;
	}
	return true;
}

static int
read_bits(const WasmMachine *m, const int *row, int field, int n)
{
	int x = 0;

	for (int i = 0; i < n; i++)
		x |= (row[field + i] - m->model->first[field + i]) << i;
	return x;
}

static uint32_t
read_value_bytes(const WasmMachine *m, const int *row, int field, int n)
{
	uint32_t x = 0;

	for (int i = 0; i < n; i++)
		x |= (uint32_t)(row[field + i] - m->model->first[field + i]) << (8 * i);
	return x;
}

static int
read_pc(const WasmMachine *m, const int *row)
{
	int field = m->field->pc;

	return m->special ? row[field] - m->model->first[field] : read_bits(m, row, field, 16);
}

static WasmState
decode_state(const WasmMachine *m, const int *row)
{
	const WasmFields *f = m->field;
	WasmState s = { .pc = read_pc(m, row),
		        .depth = f->depth_of[read_bits(m, row, f->depth, 12)],
		        .into = f->depth_of[read_bits(m, row, f->into, 12)],
		        .d = read_bits(m, row, f->d, 12),
		        .left = row[f->left] - m->model->first[f->left],
		        .pages = (int)read_value_bytes(m, row, f->pages, 2),
		        .value = read_value_bytes(m, row, f->value, 4),
		        .cell = (uint32_t)read_bits(m, row, f->cell, 24),
		        .writes = read_bits(m, row, f->writes, 1),
		        .stores = read_bits(m, row, f->stores, 1),
		        .puts = read_bits(m, row, f->puts, 1) };

	while (s.end < W_ENDS - 1 && f->end_row[s.end] != row[f->end])
		s.end++;
	return s;
}

/* "r3", "c3", "s3": of which frame is told apart. */
static void
describe_state(const WasmState *s, char *out, size_t size)
{
	char written[64] = "";

	if (s->writes && s->into == W_SHARED_FRAME)
		snprintf(written, sizeof written, "s%d = 0x%x", s->d, s->value);
	else if (s->writes)
		snprintf(written, sizeof written, "r%d of frame %d = 0x%x", s->d, s->into,
		         s->value);
	else if (s->stores)
		snprintf(written, sizeof written, "word 0x%x = 0x%x", 4 * s->cell, s->value);
	if (s->end != W_NONE)
		snprintf(out, size, "%s%send: %s", written, *written ? ", " : "",
		         wasm_end_member[s->end]);
	else if (s->pc || !*written)
		snprintf(out, size, "%s%sto %d", written, *written ? ", " : "", s->pc);
	else
		snprintf(out, size, "%s", written);
}

void
wasm_describe_token(const WasmMachine *m, int i, char *out, size_t size)
{
	const int *row = tw_token(m->session, i);
	WasmState s = decode_state(m, row);
	char instr[80];

	if (m->special || row[m->field->kind] != m->field->code_row) {
		describe_state(&s, out, size);
		return;
	}
	wasm_spell_instr(&m->p->code[s.pc], instr, sizeof instr);
	snprintf(out, size, "the code at %d: %s", s.pc, instr);
}

/* ---- running */

static int
longest_text(const TwModel *m)
{
	return m->context - 8;
}

WasmMachine *
wasm_machine(Arena *arena, const TwModel *model, unsigned flags, char *error)
{
	WasmMachine *m = NEW(arena, WasmMachine);
	char *why = NULL;

	m->model = model;
	m->field = NEW(arena, WasmFields);
	m->row = NEWS(arena, int, model->nfield + 1);
	m->last = NEWS(arena, int, 2 * model->nfield + 1);
	m->waiting = NEWS(arena, int, WASM_WAITING * model->nfield + 1);
	m->field->blank = NEWS(arena, int, model->nfield + 1);
	m->window = longest_text(model);
	number_frames(m->field, arena);
	for (int i = 0; i < model->nfield; i++)
		m->field->blank[i] = model->first[i];
	m->special = model->record && find_member(model, "kind", "code") < 0;
	if (!model->record || !(m->special || find_code_fields(model, m->field))
	    || !find_state_fields(model, m->field)) {
		snprintf(error, WASM_ERROR_SIZE,
		         "the model is neither machine/wasm32.tw nor of twasm build");
		return NULL;
	}
	m->session = tw_open(model, flags, &why);
	if (!m->session)
		snprintf(error, WASM_ERROR_SIZE, "%s", why ? why : "out of memory");
	free(why);
	return m->session ? m : NULL;
}

void
wasm_machine_begin(WasmMachine *m, WasmProgram *p)
{
	tw_reset(m->session);
	m->nwaiting = 0;
	m->p = p;
	m->state = (WasmState){ .pc = 0 };
	*m->error = '\0';
}

bool
wasm_machine_bake(WasmMachine *m)
{
	WasmProgram *p = m->p;
	char name[WASM_NAME_SIZE];

	if (!m->special)
		return true;
	wasm_special_name(p, name);
	if (strcmp(name, m->model->name) != 0) {
		snprintf(m->error, sizeof m->error, "the model is that of another program");
		return false;
	}
	p->fresh_from = p->ncode;
	for (int r = 0; r < p->nshared; r++)
		p->shared_fresh[r] = false;
	return true;
}

const char *
wasm_trap_name(WasmEnd end)
{
	switch (end) {
	case W_UNREACHABLE: return "unreachable";
	case W_OUT_OF_BOUNDS: return "out of bounds memory access";
	case W_DIVIDE_BY_ZERO: return "integer divide by zero";
	case W_OVERFLOW: return "integer overflow";
	case W_UNDEFINED: return "undefined element";
	case W_UNINITIALIZED: return "uninitialized element";
	case W_TYPE_MISMATCH: return "indirect call type mismatch";
	case W_EXHAUSTED: return "call stack exhausted";
	case W_UNSUPPORTED: return "unsupported instruction";
	default: return NULL;
	}
}

void
wasm_machine_free(WasmMachine *m)
{
	if (m)
		tw_close(m->session);
}

uint32_t
wasm_register(const WasmMachine *m, int frame, int number)
{
	return m->p->reg[(size_t)frame * W_REGISTERS + (size_t)number];
}

static bool
row_is_true(const WasmMachine *m, const int *row, int field)
{
	return row[field] != m->model->first[field];
}

/* What registers and memory hold after a state. */
static void
follow_state(WasmMachine *m, const int *row)
{
	const WasmFields *f = m->field;

	if (row_is_true(m, row, f->writes)) {
		int frame = f->depth_of[read_bits(m, row, f->into, 12)];
		size_t at = (size_t)frame * W_REGISTERS + (size_t)read_bits(m, row, f->d, 12);
		m->p->reg[at] = read_value_bytes(m, row, f->value, 4);
	}
	if (row_is_true(m, row, f->stores)) {
		uint32_t cell = (uint32_t)read_bits(m, row, f->cell, 24);
		m->p->memory[cell] = read_value_bytes(m, row, f->value, 4);
		note_cell(m, cell);
	}
}

static bool
feed_state(WasmMachine *m, const int *row)
{
	if (m->text)
		return write_token(m, row);
	if (!add_waiting(m, row) || !feed_waiting(m))
		return false;
	m->state = decode_state(m, row);
	follow_state(m, row);
	return true;
}

/* A text is begun anew when it is several times as long as it need be, and as long as the search
 * for what is alive is a small part of the work: a short one stays in the processor's caches. */
static void
plan_renewal(WasmMachine *m)
{
	const int least = 2048, times = 8, words_a_token = 16;
	long words = (long)m->p->written + (m->state.depth + 3L) * W_REGISTERS;
	long tokens = (long)times * tw_count(m->session) + words / words_a_token + least;

	m->renew = tokens < m->window ? (int)tokens : m->window;
}

/* All that can still be found in the text, but for its last state. */
static bool
feed_alive(WasmMachine *m)
{
	bool fed = true;

	for (int pc = 0; pc < m->p->ncode && !m->special && fed; pc++)
		fed = !m->p->code[pc].there || feed_code(m, pc);
	for (int frame = 0; frame < W_REGISTERS && fed; frame++) {
		if (frame == m->state.depth + 2)
			frame = W_SHARED_FRAME;
		for (int r = 0; r < W_REGISTERS && fed; r++)
			if (wasm_register(m, frame, r))
				fed = feed_register(m, frame, r, wasm_register(m, frame, r));
	}
	for (uint32_t c = 0; c < m->p->written && fed; c++)
		if (m->p->memory[c])
			fed = feed_cell(m, c, m->p->memory[c]);
	return fed;
}

/* A new text in the place of one that is full. */
static bool
restart(WasmMachine *m)
{
	size_t size = (size_t)m->model->nfield * sizeof *m->last;
	int longest = longest_text(m->model);

	memcpy(m->last, tw_token(m->session, tw_count(m->session) - 1), size);
	m->state = decode_state(m, m->last);
	tw_reset(m->session);
	m->restarts++;
	if (!feed_alive(m) || tw_count(m->session) >= longest) {
		snprintf(m->error, sizeof m->error,
		         "more than %d registers, words and instructions are in use", longest);
		return false;
	}
	plan_renewal(m);
	return feed_state(m, m->last);
}

bool
wasm_save(WasmMachine *m, FILE *to)
{
	m->text = to;
	bool saved = feed_alive(m)
	             && write_token(m, tw_token(m->session, tw_count(m->session) - 1));

	m->text = NULL;
	return saved;
}

/* A line that wasm_save wrote. */
static bool
resume_line(WasmMachine *m, const char *line)
{
	char *why = NULL;
	const char *brace = strchr(line, '{');
	bool is_one = brace && !strchr(brace + 1, '{')
	              && tw_tokenize(m->model, line, m->last, &why) == 1;

	if (!is_one)
		snprintf(m->error, sizeof m->error, "%s", why ? why : "a line is not one token");
	free(why);
	if (!is_one)
		return false;
	if (m->special || m->last[m->field->kind] == m->field->state_row)
		return feed_state(m, m->last);
	memcpy(m->row, m->last, (size_t)m->model->nfield * sizeof *m->row);
	return feed_token(m);
}

bool
wasm_resume(WasmMachine *m, FILE *from)
{
	uint32_t *shared = &m->p->reg[(size_t)W_SHARED_FRAME * W_REGISTERS];
	char *line = NULL;
	size_t cap = 0;
	ssize_t n;
	bool fed = true;

	/* What the program began with is not what it has now. */
	memset(shared, 0, W_REGISTERS * sizeof *shared);
	for (size_t c = 0; c < W_CELLS; c++)
		if (m->p->memory[c])
			m->p->memory[c] = 0;
	while (fed && (n = getline(&line, &cap, from)) > 0)
		fed = resume_line(m, line);
	free(line);
	return fed;
}

/* The answer to a state that asks is that state with a byte written. */
static bool
answer(WasmMachine *m)
{
	const int *asked = tw_token(m->session, tw_count(m->session) - 1);

	memcpy(m->row, asked, (size_t)m->model->nfield * sizeof *m->row);
	m->row[m->field->end] = m->field->end_row[W_NONE];
	put_bits(m, m->field->writes, 1, 1);
	put_value_bytes(m, m->field->value, (uint32_t)m->get(m->with), 4);
	return feed_state(m, m->row);
}

/* One more state. All of it is read where somebody looks. */
static bool
carry_out_step(WasmMachine *m, long stop)
{
	const WasmFields *f = m->field;
	const int *row = tw_feed_next(m->session);

	if (!row) {
		snprintf(m->error, sizeof m->error, "the model has no next state: %s",
		         tw_refusal(m->session));
		return false;
	}
	m->steps++;
	follow_state(m, row);
	if (m->watch || m->steps == stop || row[f->end] != f->end_row[W_NONE]
	    || row_is_true(m, row, f->puts)) {
		m->at = read_pc(m, tw_token(m->session, tw_count(m->session) - 2));
		m->state = decode_state(m, row);
	}
	if (m->state.puts)
		m->put(m->with, m->state.d, (int)(m->state.value & 255));
	m->state.puts = false;
	if (m->watch)
		m->watch(m->with, m);
	return true;
}

WasmEnd
wasm_go_on(WasmMachine *m)
{
	long stop = m->most ? m->steps + m->most : 0;

	m->renew = 0;
	for (;;) {
		if (m->state.end == W_ASKS && !answer(m))
			return W_NONE;
		if (m->state.end != W_NONE || (stop && m->steps >= stop))
			return m->state.end;
		if (!m->renew)
			plan_renewal(m);
		if (tw_count(m->session) >= m->renew && !restart(m))
			return W_NONE;
		if (!carry_out_step(m, stop))
			return W_NONE;
	}
}

/* The memory in use may have grown: after a trap, that of the function that it happened in. */
static void
keep_pages(WasmMachine *m, const WasmFunction *f)
{
	const WasmInstance *in = m->p->code[m->at].instance;
	const WasmMemory *memory = m->state.end == W_EXIT || !in ? f->memory : in->memory;

	if (!memory)
		return;
	m->p->reg[(size_t)W_SHARED_FRAME * W_REGISTERS + (size_t)memory->saved] =
		(uint32_t)m->state.pages;
	m->p->shared_fresh[memory->saved] = true;
}

bool
wasm_begin_call(WasmMachine *m, WasmFunction *f, const uint32_t *word, int n)
{
	const WasmFields *fields = m->field;
	bool fed = wasm_want(m->p, f);
	int pages = f->memory ? f->memory->saved : 0;

	if (!fed)
		snprintf(m->error, sizeof m->error, "%s", m->p->error);
	fed = fed && feed_program(m);
	for (int i = 0; i < n && fed; i++)
		fed = feed_register(m, 1, 1 + i, word[i]);
	if (!fed)
		return false;
	begin_token(m, false);
	put_pc(m, f->entry);
	put_bits(m, fields->depth, fields->frame_bits[1], 12);
	put_bits(m, fields->into, fields->frame_bits[1],
	         12); /* register 0 of frame 1: back to the end, result to 1 */
	put_value_bytes(m, fields->value, (uint32_t)1 << 16 | W_EXIT_CODE, 4);
	put_bits(m, fields->writes, 1, 1);
	put_value_bytes(m, fields->pages,
	                pages ? m->p->reg[(size_t)W_SHARED_FRAME * W_REGISTERS + (size_t)pages] : 0,
	                2);
	return feed_state(m, m->row);
}

WasmEnd
wasm_call(WasmMachine *m, WasmFunction *f, const uint32_t *word, int n)
{
	if (!wasm_begin_call(m, f, word, n))
		return W_NONE;
	WasmEnd end = wasm_go_on(m);

	if (end != W_NONE)
		keep_pages(m, f);
	return end;
}
