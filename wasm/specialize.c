/* A program's own transformer. machine/program.tw is one for a program of two instructions, which
 * are a table of the token's pc:
 *
 *     const code = [
 *       {op: step.opcode.calc, calc: alu.operator.add, ...},  # 0: add r1 r1 s64
 *       ...
 *     ]
 *     model program {
 *
 * Another table in its place, and another name, make it the transformer of that program (a
 * Futamura projection, 1971, by text). No head fetches then, no key is compared, an operator that
 * the program has not costs nothing, and constants are in the weights. */

#include "wasm/specialize.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static bool
refuse_special(WasmProgram *p, const char *why)
{
	snprintf(p->error, sizeof p->error, "machine/program.tw: %s", why);
	return false;
}

/* What a register of an instruction holds at first. */
static uint32_t
held_at_first(const WasmProgram *p, bool shared, int r)
{
	return shared ? p->reg[(size_t)W_SHARED_FRAME * W_REGISTERS + (size_t)r] : 0;
}

/* ---- the name */

static uint64_t
hash_number(uint64_t hash, uint32_t x)
{
	for (int i = 0; i < 4; i++)
		hash = (hash ^ (x >> (8 * i) & 255)) * 1099511628211u;
	return hash;
}

/* FNV-1a of all that the table says. */
static uint64_t
hash_instr(const WasmProgram *p, const WasmInstr *i, uint64_t hash)
{
	const uint32_t field[] = { i->there,
		                   i->op,
		                   i->calc,
		                   i->size,
		                   i->frame,
		                   i->end,
		                   i->is_signed,
		                   i->a_shared,
		                   i->b_shared,
		                   i->a,
		                   i->b,
		                   i->d,
		                   i->to,
		                   i->value,
		                   held_at_first(p, i->a_shared, i->a),
		                   held_at_first(p, i->b_shared, i->b) };

	for (size_t k = 0; k < sizeof field / sizeof *field; k++)
		hash = hash_number(hash, field[k]);
	return hash;
}

void
wasm_special_name(const WasmProgram *p, char out[WASM_NAME_SIZE])
{
	uint64_t hash = 14695981039346656037u;

	for (int i = 0; i < p->ncode; i++)
		hash = hash_instr(p, &p->code[i], hash);
	snprintf(out, WASM_NAME_SIZE, WASM_SPECIAL "%016" PRIx64, hash);
}

/* ---- the table */

static void
write_word(FILE *to, const char *name, uint32_t x)
{
	fprintf(to, "%s: [%u, %u, %u, %u], ", name, x & 255, x >> 8 & 255, x >> 16 & 255, x >> 24);
}

static void
write_flag(FILE *to, const char *name, bool on)
{
	fprintf(to, "%s: %s, ", name, on ? "true" : "false");
}

static void
write_instr(const WasmProgram *p, int at, FILE *to)
{
	static const WasmInstr nothing = { .op = W_STOP,
		                           .calc = W_NOTHING,
		                           .end = W_UNINITIALIZED };
	const WasmInstr *i = p->code[at].there ? &p->code[at] : &nothing;
	char line[80];

	wasm_spell_instr(i, line, sizeof line);
	fprintf(to,
	        "  # %d: %s\n  {op: step.opcode.%s, calc: alu.operator.%s, size: memory.size.%s, ",
	        at, line, wasm_op_member[i->op], wasm_calc_member[i->calc],
	        wasm_size_member[i->size]);
	write_flag(to, "signed", i->is_signed);
	fprintf(to, "a: %d, ", i->a);
	write_flag(to, "a_shared", i->a_shared);
	write_word(to, "x", held_at_first(p, i->a_shared, i->a));
	fprintf(to, "b: %d, ", i->b);
	write_flag(to, "b_shared", i->b_shared);
	write_word(to, "y", held_at_first(p, i->b_shared, i->b));
	fprintf(to, "d: %d, frame: step.owner.%s, ", i->d, wasm_frame_member[i->frame]);
	write_word(to, "value", i->value);
	fprintf(to, "to: %d, end: step.ending.%s},\n", i->to, wasm_end_member[i->end]);
}

/* ---- the text around it */

enum Part { BEFORE_TABLE, IN_TABLE, BEHIND_TABLE, OF_THE_EXAMPLE };

static bool
begins_with(const char *line, const char *with)
{
	return !strncmp(line, with, strlen(with));
}

/* A line of machine/program.tw; which part of it the next one is in. */
static enum Part
write_line(const WasmProgram *p, const char *folder, const char *line, enum Part in, FILE *to)
{
	char name[WASM_NAME_SIZE];

	if (begins_with(line, "# ---- "))
		return OF_THE_EXAMPLE;
	if (in == IN_TABLE && *line != ']')
		return IN_TABLE;
	if (begins_with(line, "model program")) {
		wasm_special_name(p, name);
		fprintf(to, "model %s {\n", name);
	} else if (begins_with(line, "use \"./")) {
		fprintf(to, "use \"%s/%s", folder, line + strlen("use \"./"));
	} else {
		fputs(line, to);
	}
	if (!begins_with(line, "const code = ["))
		return in == IN_TABLE ? BEHIND_TABLE : in;
	for (int i = 0; i < p->ncode; i++)
		write_instr(p, i, to);
	return IN_TABLE;
}

bool
wasm_specialize(WasmProgram *p, const char *folder, FILE *to)
{
	if (p->ncode > W_SPECIAL_CODE) {
		snprintf(p->error, sizeof p->error,
		         "it has %d instructions, of which at most %d can be in the weights: twasm "
		         "run "
		         "carries out any program",
		         p->ncode, W_SPECIAL_CODE);
		return false;
	}
	char path[4096], line[4096];
	enum Part in = BEFORE_TABLE;

	snprintf(path, sizeof path, "%s/program.tw", folder);
	FILE *from = fopen(path, "r");

	if (!from)
		return refuse_special(p, strerror(errno));
	while (in != OF_THE_EXAMPLE && fgets(line, sizeof line, from))
		in = write_line(p, folder, line, in, to);
	fclose(from);
	if (in != OF_THE_EXAMPLE)
		return refuse_special(p, "it is not the program that comes with twasm");
	return !ferror(to) || refuse_special(p, "its table cannot be written");
}
