/* usage: machines SEED
 *
 * Prints a random program of a kind whose cost can explode, with tests that say what it answers:
 * folds, automata, tables on a computed index, products digit by digit, quotients of long numbers,
 * sums by bands, counts in long texts, decision lists, machines that are unrolled over a register
 * file.
 *
 * The answers come from plain C that does what the program says, step by step, and shares nothing
 * with the compiler or its evaluator (McKeeman 1998, "Differential testing for software"); twc test
 * holds both the evaluator and the transformer against them. */

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "lang/random.h"

enum { TESTS = 4, LONGEST = 128 };

static uint64_t state;

static int
dice(int n)
{
	return seeded_below(&state, n);
}

static int
dice_in(int lo, int hi)
{
	return lo + dice(hi - lo + 1);
}

/* n random values below `most`, oldest first. */
static void
dice_many(int *v, int n, int most)
{
	for (int i = 0; i < n; i++)
		v[i] = dice(most);
}

static void
print_text(const int *v, int n)
{
	printf("test \"");
	for (int i = 0; i < n; i++)
		printf("%d", v[i]);
	printf("\" -> ");
}

static void
print_constants(const char *name, const int *v, int n)
{
	printf("const %s = [", name);
	for (int i = 0; i < n; i++)
		printf("%s%d", i ? ", " : "", v[i]);
	printf("]\n");
}

/* The value so far before position `at`, 0 where there is none. */
static int
back(const int *v, int at, int so_far)
{
	return so_far <= at ? v[at - so_far] : 0;
}

/* ---- a fold over the last tokens ---- */

typedef struct Step {
	int special, times, plus, limit, most;
} Step;

static int
take_step(const Step *p, int s, int x)
{
	if (x == p->special)
		return (p->times * s + p->plus) % p->most;
	if (s > p->limit)
		return s - p->limit;
	return s + x < p->most - 1 ? s + x : p->most - 1;
}

static void
print_fold(void)
{
	int most = dice_in(3, 40), n = dice_in(3, 20), v[LONGEST];
	Step p = { dice(10), dice_in(1, 5), dice(most), dice(most), most };

	printf("model folds {\n  vocab \"0123456789\"\n  context 32\n}\n");
	printf("fn step(s, x) = if x == %d then (%d * s + %d) %% %d\n", p.special, p.times, p.plus,
	       p.most);
	printf("  else if s > %d then s - %d else min(s + x, %d)\n", p.limit, p.limit, p.most - 1);
	printf("let xs = [id(token[here - i else '0']) for i in 0..<%d]\n", n);
	printf("output s = fold(step, %d, xs)\n", p.plus);
	for (int t = 0; t < TESTS; t++) {
		int length = dice_in(1, 30), s = p.plus;
		dice_many(v, length, 10);
		for (int i = 0; i < n; i++)
			s = take_step(&p, s, back(v, length - 1, i));
		print_text(v, length);
		printf("s = [..., %d]\n", s);
	}
}

/* ---- an automaton over the whole text ---- */

static void
print_automaton(void)
{
	enum { MOST = 12, LETTERS = 4 };
	int states = dice(4) ? dice_in(2, 6) : dice_in(7, MOST), letters = dice_in(2, LETTERS),
	    to[MOST * LETTERS], v[LONGEST];

	dice_many(to, states * letters, states);
	printf("use seq\nmodel automaton {\n  vocab \"0123\"\n  context %d\n}\n",
	       dice(4) ? dice_in(12, 200) : dice_in(200, 5000));
	print_constants("to", to, states * letters);
	printf("fn step(s, x) = to[s * %d + min(id(x), %d)]\n", letters, letters - 1);
	printf("output s = seq.scan(step, 0, token)\n");
	for (int t = 0; t < TESTS; t++) {
		int length = dice_in(1, 12), s = 0;
		dice_many(v, length, letters);
		for (int i = 0; i < length; i++)
			s = to[s * letters + v[i]];
		print_text(v, length);
		printf("s = [..., %d]\n", s);
	}
}

/* ---- a table on a computed index ---- */

static void
print_lookup(void)
{
	enum { MOST = 600 };
	int n = dice_in(20, MOST), most = dice_in(2, 4096), a = dice_in(1, 60), b = dice_in(1, 9),
	    v[LONGEST], table[MOST];

	dice_many(table, n, most);
	printf("model table {\n  vocab \"0123456789\"\n  context 8\n}\n");
	print_constants("table", table, n);
	printf("let x = id(token)\nlet y = id(token[here - 1 else '0'])\n");
	printf("output z = table[%d * x + %d * y else 1]\n", a, b);
	for (int t = 0; t < TESTS; t++) {
		dice_many(v, 2, 10);
		int at = a * v[1] + b * v[0];
		print_text(v, 2);
		printf("z = [..., %d]\n", at < n ? table[at] : 1);
	}
}

/* ---- products, digit by digit ---- */

static int64_t
power_of_ten(int n)
{
	return n ? 10 * power_of_ten(n - 1) : 1;
}

/* A number of n digits at most, often short or all nines. */
static int64_t
dice_number(int n)
{
	int64_t x = dice(4) ? 0 : power_of_ten(n) - 1;

	for (int i = dice(4) ? n : dice_in(1, n); i > 0 && !x; i--)
		x = seeded_below(&state, (int)power_of_ten(i > 8 ? 8 : i))
		    * power_of_ten(i > 8 ? i - 8 : 0);
	return x;
}

/* The model of a text "12*345=", and both numbers' places. */
static void
print_two_numbers(const char *name, char sign)
{
	printf("use digits\nmodel %s {\n  vocab \"0123456789%c=\"\n  context 40\n}\n", name, sign);
	printf("let first  = latest j where token[j] == '%c'\n", sign);
	printf("let second = latest j where token[j] == '='\n");
}

static void
print_product(void)
{
	int n = dice(3) ? dice_in(1, 5) : dice_in(6, 9), m = dice(2) ? n : dice_in(1, n);

	print_two_numbers("products", '*');
	printf("emit digits.text(digits.mul(digits.before(first, %d), digits.before(second, %d))) "
	       "after second\n",
	       n, m);
	for (int t = 0; t < TESTS; t++) {
		int64_t a = dice_number(n), b = dice_number(m);
		printf("test \"%lld*%lld=\" -> \"%lld\"\n", (long long)a, (long long)b,
		       (long long)(a * b));
	}
}

/* ---- quotients of long numbers ---- */

static int
dice_divisor(void)
{
	static const int usual[] = { 2, 3, 7, 10, 12, 16, 60, 97, 100, 365, 1000, 1024, 10000 };

	return dice(3) ? usual[dice(sizeof usual / sizeof *usual)] : dice_in(2, 5000);
}

static void
print_quotients(void)
{
	int n = dice_in(3, 6), m = dice_in(1, 3), by = dice_divisor(), of = dice_divisor();
	int64_t less = dice_number(n), times = dice_in(1, 9);

	print_two_numbers("quotients", '/');
	printf("let a = max(0, %lld * digits.number(first, %d) - %lld)\n", (long long)times, n,
	       (long long)less);
	printf("let b = digits.number(second, %d) + 1\n", m);
	printf("output q = a // %d\noutput r = a %% %d\noutput d = digits.of(a, %d)\n", by, of, n);
	printf("output p = min(a, %lld) // b\noutput s = min(a, %lld) %% b\n",
	       (long long)power_of_ten(n), (long long)power_of_ten(n));
	for (int t = 0; t < TESTS; t++) {
		int64_t x = dice_number(n), b = dice_number(m), a = times * x - less;
		a = a < 0 ? 0 : a;
		int64_t c = a < power_of_ten(n) ? a : power_of_ten(n);
		printf("test \"%lld/%lld=\" -> q = [..., %lld], r = [..., %lld], d = [..., [",
		       (long long)x, (long long)b, (long long)(a / by), (long long)(a % of));
		for (int i = 0; i < n; i++)
			printf("%s%lld", i ? ", " : "", (long long)(a / power_of_ten(i) % 10));
		printf("]], p = [..., %lld], s = [..., %lld]\n", (long long)(c / (b + 1)),
		       (long long)(c % (b + 1)));
	}
}

/* ---- sums by bands ---- */

/* Of x, or of x up to `next`: what is above `from`, in percent. */
static int64_t
percent_above(int64_t x, int from, int next, int percent)
{
	x = x < next ? x : next;
	return x > from ? (x - from) * percent / 100 : 0;
}

static void
print_bands(void)
{
	enum { BANDS = 6 };
	int n = dice_in(2, BANDS), digits = dice_in(3, 6), from[BANDS + 1] = { 0 },
	    percent[BANDS] = { 0 }, most = (int)power_of_ten(digits);

	for (int i = 0; i < n; i++) {
		from[i + 1] = from[i] + dice_in(1, most / n);
		percent[i] = dice_in(1, 60);
	}
	from[n] = most;
	printf("use digits\nmodel bands {\n  vocab \"0123456789=\"\n  context 16\n}\n");
	print_constants("from", from, n + 1);
	print_constants("percent", percent, n);
	printf("let end = latest j where token[j] == '='\nlet x = digits.number(end, %d)\n",
	       digits);
	printf("fn band(i) = max(0, min(x, from[i + 1]) - from[i]) * percent[i] // 100\n");
	printf("emit digits.text(digits.of(sum(band(i) for i in 0..<%d), %d)) after end\n", n,
	       digits);
	for (int t = 0; t < TESTS; t++) {
		int64_t x = dice_number(digits), all = 0;
		for (int i = 0; i < n; i++)
			all += percent_above(x, from[i], from[i + 1], percent[i]);
		printf("test \"%lld=\" -> \"%lld\"\n", (long long)x, (long long)all);
	}
}

/* ---- counts in long contexts ---- */

static void
print_counts(void)
{
	int k = dice(40), m = dice_in(2, 5), v[LONGEST];

	printf("model counts {\n  vocab \"0123456789\"\n  context %d\n}\n",
	       dice(2) ? dice_in(64, 1000) : dice_in(1000, dice(2) ? 40000 : 100000));
	printf("let a = count(token[j] in '0'..'4' for j)\nlet b = count(token[j] == '7' for j)\n");
	printf("output more = a > %d\noutput left = a %% %d\noutput most = a > 3 * b\n", k, m);
	for (int t = 0; t < TESTS; t++) {
		int length = dice_in(1, 60), a = 0, b = 0;
		dice_many(v, length, 10);
		for (int i = 0; i < length; i++) {
			a += v[i] < 5;
			b += v[i] == 7;
		}
		print_text(v, length);
		printf("more = [..., %s], left = [..., %d], most = [..., %s]\n",
		       a > k ? "true" : "false", a % m, a > 3 * b ? "true" : "false");
	}
}

/* ---- decision lists ---- */

typedef struct ListRule {
	int so_far, least, other, value;
	bool both;
} ListRule;

static bool
rule_holds(const ListRule *r, const int *v, int at)
{
	bool first = back(v, at, r->so_far) >= r->least, second = back(v, at, 0) == r->other;

	return r->both ? first && second : first || second;
}

static void
print_decisions(void)
{
	enum { MOST = 40 };
	int n = dice_in(4, MOST), v[LONGEST];
	ListRule rule[MOST];

	printf("model decisions {\n  vocab \"0123456789\"\n  context 16\n}\n");
	printf("let d = id(token)\noutput z =\n");
	for (int i = 0; i < n; i++) {
		ListRule *r = &rule[i];
		*r = (ListRule){ dice_in(1, 8), dice_in(5, 9), dice(10), dice(100), dice(4) > 0 };
		printf("  if d[here - %d else 0] >= %d %s d == %d then %d else\n", r->so_far,
		       r->least, r->both ? "and" : "or", r->other, r->value);
	}
	printf("  100\n");
	for (int t = 0; t < TESTS; t++) {
		int length = dice_in(1, 16), z = 100;
		dice_many(v, length, 10);
		for (int i = n; i-- > 0;)
			z = rule_holds(&rule[i], v, length - 1) ? rule[i].value : z;
		print_text(v, length);
		printf("z = [..., %d]\n", z);
	}
}

/* ---- machines, unrolled ---- */

enum { HALT, LOAD, ADD, SUB, MOVE, JUMP, OPS, REGISTERS = 5, PROGRAM = 8 };

typedef struct Machine {
	int registers, program, most, steps;
} Machine;

typedef struct Instruction {
	int op, reg, arg;
} Instruction;

static int
run_machine(const Machine *m, const Instruction *p, int n, int *pc)
{
	int r[REGISTERS] = { 0 };

	*pc = 0;
	for (int t = 0; t < m->steps; t++) {
		Instruction i = *pc < n ? p[*pc] : (Instruction){ HALT, 0, 0 };
		int old = r[i.reg], other = r[i.arg % m->registers], next = *pc + 1;
		switch (i.op) {
		case HALT: next = *pc; break;
		case LOAD: r[i.reg] = i.arg; break;
		case ADD: r[i.reg] = (old + other) % m->most; break;
		case SUB: r[i.reg] = old > other ? old - other : 0; break;
		case MOVE: r[i.reg] = other; break;
		default: next = old > 0 ? i.arg : next;
		}
		*pc = next < m->program ? next : m->program;
	}
	return r[0];
}

static void
print_step(const Machine *m)
{
	printf("fn step(s, t) {\n  let op = ops[s.pc else 0]\n  let reg = regs[s.pc else 0]\n");
	printf("  let arg = args[s.pc else 0]\n  let old = s.r[reg]\n");
	printf("  let other = s.r[arg %% %d]\n", m->registers);
	printf("  let new = match op {\n    1 => arg,\n    2 => (old + other) %% %d,\n", m->most);
	printf("    3 => max(0, old - other),\n    4 => other,\n    else => old,\n  }\n");
	printf("  let next = match op {\n    0 => s.pc,\n");
	printf("    5 => if old > 0 then min(arg, %d) else min(s.pc + 1, %d),\n", m->program,
	       m->program);
	printf("    else => min(s.pc + 1, %d),\n  }\n", m->program);
	printf("  return {pc: next, r: [if reg == i then new else s.r[i] for i in 0..<%d]}\n}\n",
	       m->registers);
}

static void
print_machine(void)
{
	Machine m = { dice_in(2, REGISTERS), dice_in(3, PROGRAM), dice_in(3, 20), dice_in(2, 20) };
	Instruction p[PROGRAM];

	printf("model machine {\n  token {op: int 0..5, reg: int 0..%d, arg: int 0..%d}\n",
	       m.registers - 1, m.most - 1);
	printf("  context %d\n}\n", m.program + 2);
	printf("let ops = [token.op[at(i) else 0] for i in 0..<%d]\n", m.program);
	printf("let regs = [token.reg[at(i) else 0] for i in 0..<%d]\n", m.program);
	printf("let args = [token.arg[at(i) else 0] for i in 0..<%d]\n", m.program);
	print_step(&m);
	printf("let last = fold(step, {pc: 0, r: [0 for i in 0..<%d]}, [t for t in 0..<%d])\n",
	       m.registers, m.steps);
	printf("output pc = last.pc\noutput a = last.r[0]\n");
	printf("fn i(op, reg, arg) = {op: op, reg: reg, arg: arg}\n");
	for (int t = 0; t < TESTS; t++) {
		int n = dice_in(1, m.program), pc, a;
		printf("test [");
		for (int i = 0; i < n; i++) {
			p[i] = (Instruction){ dice(OPS), dice(m.registers), dice(m.most) };
			printf("%si(%d, %d, %d)", i ? ", " : "", p[i].op, p[i].reg, p[i].arg);
		}
		a = run_machine(&m, p, n, &pc);
		printf("] -> pc = [..., %d], a = [..., %d]\n", pc, a);
	}
}

int
main(int argc, char **argv)
{
	static void (*const kind[])(void) = { print_fold,    print_automaton, print_lookup,
		                              print_product, print_quotients, print_bands,
		                              print_counts,  print_decisions, print_machine };
	enum { KINDS = sizeof kind / sizeof *kind };

	if (argc != 2) {
		fputs("usage: machines SEED\n", stderr);
		return 2;
	}
	int seed = atoi(argv[1]);
	state = (uint64_t)seed;
	kind[seed % KINDS]();
	return 0;
}
