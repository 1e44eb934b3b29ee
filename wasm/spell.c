/* Register code as text, for traces and listings: "add r1 r2 s70", "load8_u r3 r1 + 0x10". s is a
 * register of the shared frame, c one of the frame to be called. And the members of the enums
 * of the programs in machine/, as programs and models have them. */

#include "wasm/program.h"

#include <stdio.h>

const char *const wasm_op_member[W_OPS] = { "calc", "divide", "load",       "store",    "branch",
	                                    "jump", "call",   "call_table", "return_",  "put",
	                                    "get",  "size",   "resize",     "constant", "stop" };
const char *const wasm_calc_member[W_CALCS] = {
	"add",  "sub",  "mul",  "band", "bor",    "xor",     "shl",      "shr_u", "shr_s",
	"rotl", "rotr", "clz",  "ctz",  "popcnt", "extend8", "extend16", "eq",    "ne",
	"lt_s", "lt_u", "ge_s", "ge_u", "div_s",  "div_u",   "rem_s",    "rem_u", "nothing"
};
const char *const wasm_size_member[W_SIZES] = { "byte", "half", "full" };
const char *const wasm_frame_member[W_FRAMES] = { "here", "called", "caller", "shared" };
const char *const wasm_end_member[W_ENDS] = { "none",        "asks",      "exit",
	                                      "unreachable", "memory",    "divide_by_zero",
	                                      "overflow",    "table",     "null",
	                                      "type_",       "exhausted", "unsupported" };

static const char *const calc_names[W_CALCS] = {
	"add",  "sub",  "mul",  "and",  "or",     "xor",       "shl",        "shr_u", "shr_s",
	"rotl", "rotr", "clz",  "ctz",  "popcnt", "extend8_s", "extend16_s", "eq",    "ne",
	"lt_s", "lt_u", "ge_s", "ge_u", "div_s",  "div_u",     "rem_s",      "rem_u", "nothing"
};

static const char *
spell_register(char *out, size_t size, bool shared, int r)
{
	if (shared && r == W_ZERO)
		snprintf(out, size, "0");
	else
		snprintf(out, size, "%c%d", shared ? 's' : 'r', r);
	return out;
}

static const char *
spell_access(const WasmInstr *i)
{
	static const char *const bits[] = { "8", "16", "" };

	return bits[i->size];
}

void
wasm_spell_instr(const WasmInstr *i, char *out, size_t size)
{
	char a[16], b[16], d[16];

	spell_register(a, sizeof a, i->a_shared, i->a);
	spell_register(b, sizeof b, i->b_shared, i->b);
	snprintf(d, sizeof d, "%c%d", "rcrs"[i->frame], i -> d);
	switch ((WasmOp)i->op) {
	case W_CALC:
	case W_DIVIDE:
		if (i->calc == W_OR && i->b_shared && i->b == W_ZERO)
			snprintf(out, size, "move %s %s", d, a);
		else
			snprintf(out, size, "%s %s %s %s", calc_names[i->calc], d, a, b);
		break;
	case W_LOAD:
		snprintf(out, size, "load%s%s %s %s + 0x%x", spell_access(i),
		         i->size == W_FULL ? ""
		         : i->is_signed    ? "_s"
		                           : "_u",
		         d, a, i->value);
		break;
	case W_STORE:
		snprintf(out, size, "store%s %s + 0x%x %s", spell_access(i), a, i->value, b);
		break;
	case W_BRANCH:
		if (i->calc == W_EQ && i->a == W_ZERO && i->b == W_ZERO)
			snprintf(out, size, "goto %d", i->to);
		else
			snprintf(out, size, "if %s %s %s goto %d", calc_names[i->calc], a, b,
			         i->to);
		break;
	case W_JUMP: snprintf(out, size, "goto %s + %u", a, i->value); break;
	case W_CALL: snprintf(out, size, "call %d r%u", i->to, i->value >> 16); break;
	case W_CALL_TABLE:
		snprintf(out, size, "call %s + %u r%u", a, i->value & 0xffff, i->value >> 16);
		break;
	case W_RETURN: snprintf(out, size, "return %s", b); break;
	case W_PUT: snprintf(out, size, "put %d %s", i->d, a); break;
	case W_GET: snprintf(out, size, "get %s", d); break;
	case W_SIZE: snprintf(out, size, "size %s", d); break;
	case W_RESIZE: snprintf(out, size, "resize %s", a); break;
	case W_CONSTANT: snprintf(out, size, "constant %s 0x%x", d, i->value); break;
	default:
		snprintf(out, size, "stop %s%s%.40s", i->end == W_EXIT ? a : "",
		         i->what ? "not supported: " : "", i->what ? i->what : "");
	}
}
