/* usage: prompts EXAMPLE N
 *
 * Prints prompts for a comparison of engines, one a line, each with the answer
 * that plain arithmetic gives: "12*34=<tab>408". First the edge cases and the
 * values beside every threshold (a digit or the operator's result about to gain
 * or lose a place), then random ones up to N in all, of a fixed seed. */

#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t seed = 20240229;

static unsigned
draw_upto(unsigned n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (unsigned)(seed >> 33) % n;
}

/* A number with one, two or three digits, each width as often as the others. */
static int
draw_number(void)
{
	static const unsigned below[] = { 10, 100, 1000 };

	return (int)draw_upto(below[draw_upto(3)]);
}

static void
ask_sum(int a, char op, int b)
{
	int v = op == '+' ? a + b : op == '-' ? a - b : a * b;

	printf("%d%c%d=\t%d\n", a, op, b, v);
}

/* All pairs of values at which something carries, borrows or gains a place. */
static long
edges(const char *ops)
{
	static const int edge[] = { 0,   1,   2,   3,   4,   5,   8,   9,   10,  11,  12,  19,
		                    20,  25,  31,  32,  33,  49,  50,  51,  89,  90,  98,  99,
		                    100, 101, 109, 110, 111, 199, 200, 250, 316, 317, 333, 499,
		                    500, 501, 899, 900, 909, 989, 990, 991, 998, 999 };
	enum { N = sizeof edge / sizeof *edge };
	long n = 0;

	for (const char *op = ops; *op; op++)
		for (int i = 0; i < N; i++)
			for (int j = 0; j < N; j++, n++)
				ask_sum(edge[i], *op, edge[j]);
	/* sums and differences just below, at and above each power of ten, and
	 * products as near to each power of ten as they come */
	for (const char *op = ops; *op; op++)
		for (int ten = 10; ten <= (*op == '*' ? 100000 : 1000); ten *= 10)
			for (int k = 0; k < 30; k++)
				for (int d = -1; d <= 1; d++) {
					int a = 1 + (int)draw_upto(999);
					int b = *op == '+'   ? ten - a + d
					        : *op == '-' ? a - ten + d
					                     : ten / a + d;
					if (b < 0 || b > 999)
						continue;
					ask_sum(a, *op, b);
					n++;
				}
	/* equal, and one apart: where a difference changes its sign */
	for (int k = 0; strchr(ops, '-') && k < 200; k++)
		for (int d = -1; d <= 1; d++) {
			int a = 1 + (int)draw_upto(998);
			ask_sum(a, '-', a + d);
			n++;
		}
	return n;
}

static void
arithmetic(const char *ops, long most)
{
	for (long n = edges(ops); n < most; n++) {
		int a = draw_number(), b = draw_number();
		ask_sum(a, ops[draw_upto((unsigned)strlen(ops))], b);
	}
}

/* ---- nine digits ---- */

static void
wide_sum_of(int64_t a, char op, int64_t b)
{
	int64_t v = op == '+' ? a + b : op == '-' ? a - b : a * b;

	printf("%" PRId64 "%c%" PRId64 "=\t%" PRId64 "\n", a, op, b, v);
}

/* Of one to nine digits, many of them 9 or 0, so that carries run on. */
static int64_t
wide_number(void)
{
	int64_t v = 0;

	for (unsigned n = 1 + draw_upto(9); n; n--) {
		unsigned kind = draw_upto(6);
		v = 10 * v + (kind < 2 ? 9 : kind < 3 ? 0 : draw_upto(10));
	}
	return v;
}

/* Every pair of numbers beside a power of ten, and of some with long runs. */
static long
wide_edges(void)
{
	int64_t edge[64] = { 0,         499999999, 500000000, 909090909,
		             990990990, 111111111, 123456789, 987654321 };
	long n = 0, nedge = 8;

	for (int64_t ten = 1; ten <= 1000000000; ten *= 10)
		for (int64_t d = -2; d <= 1; d++)
			if (ten + d >= 1 && ten + d < 1000000000 && (ten > 1 || d >= 0))
				edge[nedge++] = ten + d;
	for (const char *op = "+-*"; *op; op++)
		for (int i = 0; i < nedge; i++)
			for (int j = 0; j < nedge; j++, n++)
				wide_sum_of(edge[i], *op, edge[j]);
	/* results just below, at and above each power of ten */
	for (const char *op = "+-*"; *op; op++)
		for (int64_t ten = 10;
		     ten <= (*op == '*' ? (int64_t)100000000000000000 : 1000000000); ten *= 10)
			for (int k = 0; k < 10; k++)
				for (int64_t d = -1; d <= 1; d++) {
					int64_t a = 1 + wide_number() % 999999999;
					int64_t b = *op == '+'   ? ten - a + d
					            : *op == '-' ? a - ten + d
					                         : ten / a + d;
					if (b < 0 || b > 999999999)
						continue;
					wide_sum_of(a, *op, b);
					n++;
				}
	return n;
}

static void
wide_arithmetic(long most)
{
	for (long n = wide_edges(); n < most; n++)
		wide_sum_of(wide_number(), "+-*"[draw_upto(3)], wide_number());
}

static void
one_digit(void)
{
	for (int a = 0; a < 10; a++)
		for (int b = 0; b < 10; b++)
			ask_sum(a, '+', b);
}

/* Every shift of n random words of 1 to 19 letters. */
static void
caesar(long words)
{
	for (long w = 0; w < words; w++) {
		char word[20], shifted[20];
		int len = 1 + (int)draw_upto(19);

		for (int i = 0; i < len; i++)
			word[i] = (char)('a' + draw_upto(26));
		word[len] = shifted[len] = '\0';
		for (int shift = 0; shift < 10; shift++) {
			for (int i = 0; i < len; i++)
				shifted[i] = (char)('a' + (word[i] - 'a' + shift) % 26);
			printf("%d%s=\t%s\n", shift, word, shifted);
		}
	}
}

static void
print_binary(uint32_t v, int places)
{
	for (int i = places - 1; i >= 0; i--)
		putchar('0' + (int)(v >> i & 1));
}

/* All numbers of up to 9 places, then random ones of up to 19, with leading
 * zeros or not. */
static void
increment(long most)
{
	long n = 0;

	for (int places = 1; places <= 9; places++)
		for (uint32_t v = 0; v < 1u << places; v++, n++) {
			print_binary(v, places);
			fputs("=\t", stdout);
			print_binary(v + 1, v + 1 == 1u << places ? places + 1 : places);
			putchar('\n');
		}
	for (; n < most; n++) {
		int places = 10 + (int)draw_upto(10);
		uint32_t v = (uint32_t)draw_upto(1u << places);
		if (draw_upto(4) == 0)
			v |= (1u << draw_upto((unsigned)places)) - 1; /* a long carry */
		print_binary(v, places);
		fputs("=\t", stdout);
		print_binary(v + 1, v + 1 == 1u << places ? places + 1 : places);
		putchar('\n');
	}
}

/* ---- alu32: operation and operands of 32 bits, the result's bits from the lowest */

typedef enum Alu { ADD, SUB, EQUAL, LESS_U, LESS_S, SHL, SHR_U, SHR_S, BAND, BXOR, ALU_OPS } Alu;

static const char *const alu_name[] = { "add", "sub",   "equal", "less_u", "less_s",
	                                "shl", "shr_u", "shr_s", "band",   "bxor" };

static uint32_t
alu(Alu op, uint32_t a, uint32_t b)
{
	switch (op) {
	case ADD: return a + b;
	case SUB: return a - b;
	case EQUAL: return a == b;
	case LESS_U: return a < b;
	case LESS_S: return (int32_t)a < (int32_t)b;
	case SHL: return a << (b & 31);
	case SHR_U: return a >> (b & 31);
	case SHR_S: return (uint32_t)((int32_t)a >> (b & 31));
	case BAND: return a & b;
	default: return a ^ b;
	}
}

static void
ask_alu(Alu op, uint32_t a, uint32_t b)
{
	uint32_t result = alu(op, a, b);

	printf("{op: %s, a: 0x%" PRIx32 ", b: 0x%" PRIx32 "}\t", alu_name[op], a, b);
	for (int i = 0; i < 32; i++)
		putchar('0' + (int)(result >> i & 1));
	putchar('\n');
}

static void
alu32(long most)
{
	static const uint32_t edge[] = { 0,          1,          2,          31,         32,
		                         0xffff,     0x10000,    0x7fffffff, 0x80000000, 0x80000001,
		                         0xfffffffe, 0xffffffff, 0x55555555, 0xaaaaaaaa };
	enum { N = sizeof edge / sizeof *edge };
	long n = 0;

	for (int i = 0; i < N * N && n < most; i++)
		for (int op = 0; op < ALU_OPS; op++, n++)
			ask_alu((Alu)op, edge[i / N], edge[i % N]);
	for (; n < most; n++) {
		uint32_t a = draw_upto(1u << 31) << 1 | draw_upto(2),
			 b = draw_upto(1u << 31) << 1 | draw_upto(2);
		if (draw_upto(4) == 0)
			b = a + draw_upto(3) - 1; /* beside each other */
		if (draw_upto(4) == 0)
			a = ~b + draw_upto(3); /* carries all the way */
		ask_alu((Alu)draw_upto(ALU_OPS), a, b);
	}
}

/* ---- machine_step and machine32: random programs, and all their states */

typedef enum Instruction { PUSH, LOAD, STORE, CALC, JUMP_IF, HALT, INSTRUCTIONS } Instruction;

typedef struct State {
	bool running; /* not an instruction */
	Instruction op;
	Alu calc;
	int arg, below, pc;
	uint32_t value;
} State;

enum { MACHINE_CONTEXT = 256 };

static const char *
instruction_name(const State *s, bool wide)
{
	static const char *const name[] = { "push", "load", "store", "calc", "jump_if", "halt" };

	return s->op == CALC && !wide ? alu_name[s->calc] : name[s->op];
}

static void
print_machine_state(const State *s, bool wide, bool first)
{
	printf("%s{kind: %s, op: %s, ", first ? "" : " ", s->running ? "state" : "code",
	       instruction_name(s, wide));
	if (wide)
		printf("calc: %s, arg: %d, value: 0x%08" PRIx32, alu_name[s->calc], s->arg,
		       s->value);
	else
		printf("arg: %d, value: %" PRIu32, s->arg, s->value);
	printf(", below: %d, pc: %d}", s->below, s->pc);
}

static uint32_t
stored_in(const State *text, int here, int cell)
{
	for (int j = here; j > 0; j--)
		if (text[j].running && text[j].op == STORE && text[j].arg == cell)
			return text[j - 1].value;
	return 0;
}

/* The state after text[here]; false where it halts. */
static bool
run_step(const State *text, int here, bool wide, State *to)
{
	const State *now = &text[here], *rest = now->below <= here ? &text[now->below] : NULL;
	const State *next = now->pc <= here ? &text[now->pc] : NULL;
	uint32_t value = rest ? rest->value : 0;

	if (!next || next->op == HALT)
		return false;
	*to = (State){ true,
		       next->op,
		       next->calc,
		       next->arg,
		       rest ? rest->below : 0,
		       now->pc < 255 ? now->pc + 1 : 255,
		       value };
	switch (next->op) {
	case PUSH:
	case LOAD:
		to->value = next->op == PUSH ? (uint32_t)next->arg
		                             : stored_in(text, here, next->arg);
		to->below = here;
		break;
	case CALC:
		to->value = alu(next->calc, value, now->value) & (wide ? 0xffffffff : 0xff);
		break;
	case JUMP_IF:
		if (now->value)
			to->pc = next->arg;
		break;
	default: break;
	}
	return true;
}

/* Loops and running off the end are as likely as not. */
static State
some_instruction(int length, bool wide)
{
	State s = { .op = (Instruction)draw_upto(INSTRUCTIONS) };

	if (s.op == HALT && draw_upto(3))
		s.op = PUSH;
	if (s.op == PUSH)
		s.arg = (int)(draw_upto(2) ? draw_upto(4) : draw_upto(256));
	else if (s.op == JUMP_IF)
		s.arg = (int)draw_upto((unsigned)length + 2);
	else if (s.op == LOAD || s.op == STORE)
		s.arg = (int)draw_upto(3);
	else if (s.op == CALC)
		s.calc = (Alu)draw_upto(wide ? ALU_OPS : EQUAL);
	return s;
}

static void
machine(long programs, bool wide)
{
	State text[MACHINE_CONTEXT];

	while (programs-- > 0) {
		int length = 1 + (int)draw_upto(20), n = length;
		for (int i = 0; i < length; i++)
			text[i] = some_instruction(length, wide);
		text[n++] = (State){ .running = true, .op = HALT };
		for (int i = 0; i < n; i++)
			print_machine_state(&text[i], wide, i == 0);
		putchar('\t');
		int prompt = n;
		while (n < MACHINE_CONTEXT && run_step(text, n - 1, wide, &text[n])) {
			print_machine_state(&text[n], wide, n == prompt);
			n++;
		}
		putchar('\n');
	}
}

int
main(int argc, char **argv)
{
	const char *what = argc == 3 ? argv[1] : "";
	long n = argc == 3 ? atol(argv[2]) : 0;

	if (!strcmp(what, "adder_1digit"))
		one_digit();
	else if (!strcmp(what, "adder"))
		arithmetic("+", n);
	else if (!strcmp(what, "calculator"))
		arithmetic("+-*", n);
	else if (!strcmp(what, "calculator_wide"))
		wide_arithmetic(n);
	else if (!strcmp(what, "caesar"))
		caesar(n);
	else if (!strcmp(what, "binary_increment"))
		increment(n);
	else if (!strcmp(what, "alu32"))
		alu32(n);
	else if (!strcmp(what, "machine_step"))
		machine(n, false);
	else if (!strcmp(what, "machine32"))
		machine(n, true);
	else
		return fputs("usage: prompts EXAMPLE N\n", stderr), 2;
	return 0;
}
