/* Checks a function's body and turns its stack code into register code, in one pass (the check
 * is the algorithm of the specification's appendix). Every height of the operand stack is known,
 * so each of its words has a register:
 *
 *     local.get 0; i32.const 1; i32.add; local.set 0     add r1 r1 c7
 *
 * An operand is only written down where it is read: a local or a constant on the stack stays what
 * it is, until the local is set, or control flow begins. A comparison is kept for the branch that
 * follows. An i64 is two words. What the machine does not have stops it when it is reached. */

#include "wasm/program.h"

#include <stdio.h>
#include <string.h>

/* Where a word of the operand stack is. */
typedef struct Word {
	enum { IN_REGISTER, IN_SHARED, IS_CONSTANT, IS_CONDITION } kind;
	uint32_t at; /* the register, the constant; of a condition, what is compared */
} Word;

typedef struct Control {
	enum { OF_BLOCK, OF_LOOP, OF_IF, OF_ELSE, OF_FUNCTION } kind;
	const uint8_t *param, *result; /* types */
	int nparam, nresult;
	int ntype, nword; /* of the operand stack below its parameters */
	bool polymorphic; /* the rest of it is not reached */
	bool dead;        /* none of it is */
	int start;        /* of a loop */
	int chain;        /* branches to its end, */
	int otherwise;    /* and to its else */
} Control;

typedef struct Lowering {
	WasmReader r;
	WasmProgram *p;
	const WasmInstance *in;
	const WasmModule *m;
	Arena *arena;
	int function;
	uint8_t *local; /* types */
	int *register_of;
	int nlocal, local_cap;
	bool *accessed; /* (nlocal) so far, while it is checked */
	int first;      /* register of the operand stack */
	uint8_t *type;  /* of the operand stack; 0 is any */
	int ntype, type_cap;
	Word *word;
	int nword, word_cap;
	Control *control;
	int ncontrol, control_cap;
	struct {
		uint8_t calc;
		Word a, b;
	} condition;
	uint32_t offset;
	int barrier; /* what stands before may not be given another destination */
	bool code;   /* it is wanted */
	bool dead;   /* what comes now is not reached, or not wanted */
	bool large;  /* more registers than a frame has */
} Lowering;

static const Word zero_word = { IN_SHARED, W_ZERO };

/* ---- types */

static void
push_type(Lowering *l, uint8_t t)
{
	GROW(l->arena, l->type, l->type_cap, l->ntype + 1);
	l->type[l->ntype++] = t;
}

static uint8_t
pop_any(Lowering *l)
{
	Control *c = &l->control[l->ncontrol - 1];

	if (l->ntype > c->ntype)
		return l->type[--l->ntype];
	if (!c->polymorphic)
		wasm_fail(&l->r, "an operand is missing");
	return 0;
}

static uint8_t
pop_type(Lowering *l, uint8_t want)
{
	uint8_t t = pop_any(l);

	if (t && want && t != want)
		wasm_fail(&l->r, "an operand is %s and should be %s", wasm_type_name(t),
		          wasm_type_name(want));
	return t ? t : want;
}

static void
pop_types(Lowering *l, const uint8_t *t, int n)
{
	while (n > 0)
		pop_type(l, t[--n]);
}

static void
push_types(Lowering *l, const uint8_t *t, int n)
{
	for (int i = 0; i < n; i++)
		push_type(l, t[i]);
}

static int
words_of_type(uint8_t type)
{
	return type == WASM_I64 || type == WASM_F64 ? 2 : 1;
}

static int
words_in(const uint8_t *t, int n)
{
	int words = 0;

	for (int i = 0; i < n; i++)
		words += words_of_type(t[i]);
	return words;
}

/* ---- code */

static WasmInstr *
emit(Lowering *l, WasmOp op)
{
	WasmInstr *i = wasm_emit(l->p, op);

	i->instance = l->in;
	i->function = l->function;
	i->offset = l->offset;
	return i;
}

static int
slot(Lowering *l, int word)
{
	int r = l->first + word;

	if (r >= W_REGISTERS - 1) {
		l->large = true;
		return W_REGISTERS - 2;
	}
	return r;
}

static Word
in_slot(Lowering *l, int word)
{
	return (Word){ IN_REGISTER, (uint32_t)slot(l, word) };
}

static Word
constant_word(uint32_t value)
{
	return (Word){ IS_CONSTANT, value };
}

/* The constant in a register: where there is no room among those that are shared, above all
 * that is on the stack and in use. */
static Word
constant_register(Lowering *l, uint32_t value)
{
	int r = value ? wasm_constant(l->p, value) : W_ZERO;

	if (r < W_REGISTERS)
		return (Word){ IN_SHARED, (uint32_t)r };
	WasmInstr *i = emit(l, W_CONSTANT);
	int n = slot(l, l->nword + 12 + l->p->ncode % 4);

	i->d = (uint16_t)n;
	i->value = value;
	return (Word){ IN_REGISTER, (uint32_t)n };
}

static Word
readable(Lowering *l, Word w)
{
	return w.kind == IS_CONSTANT ? constant_register(l, w.at) : w;
}

/* An instruction on a and b, which are made readable before it. */
static WasmInstr *
emit_on(Lowering *l, WasmOp op, Word a, Word b)
{
	a = readable(l, a);
	b = readable(l, b);
	WasmInstr *i = emit(l, op);

	i->a = (uint16_t)a.at;
	i->a_shared = a.kind == IN_SHARED;
	i->b = (uint16_t)b.at;
	i->b_shared = b.kind == IN_SHARED;
	return i;
}

static void
emit_calc(Lowering *l, WasmCalc calc, int d, Word a, Word b)
{
	WasmInstr *i = emit_on(l, calc >= W_DIV_S ? W_DIVIDE : W_CALC, a, b);

	i->calc = calc;
	i->d = (uint16_t)d;
}

static void
emit_move(Lowering *l, WasmFrame frame, int d, Word w)
{
	emit_calc(l, W_OR, d, w, zero_word);
	l->p->code[l->p->ncode - 1].frame = frame;
}

static WasmInstr *
emit_branch(Lowering *l, WasmCalc calc, Word a, Word b)
{
	WasmInstr *i = emit_on(l, W_BRANCH, a, b);

	i->calc = calc;
	return i;
}

static int
last_code(const Lowering *l)
{
	return l->p->ncode - 1;
}

static void
chain_to(Lowering *l, int *chain)
{
	if (*chain != last_code(l)) /* as it is where there is no room for more code */
		l->p->code[last_code(l)].chain = *chain;
	*chain = last_code(l);
}

static void
emit_goto(Lowering *l, int *chain)
{
	emit_branch(l, W_EQ, zero_word, zero_word);
	chain_to(l, chain);
}

/* What waits for this place goes here. */
static void
land(Lowering *l, int *chain)
{
	while (*chain >= 0) {
		WasmInstr *i = &l->p->code[*chain];

		*chain = i->chain;
		i->to = (uint16_t)l->p->ncode;
	}
	l->barrier = l->p->ncode;
}

static void
emit_stop(Lowering *l, WasmEnd end, const char *what)
{
	WasmInstr *i = emit(l, W_STOP);

	i->end = end;
	i->what = what;
}

/* ---- words of the operand stack */

static void
push_word(Lowering *l, Word w)
{
	GROW(l->arena, l->word, l->word_cap, l->nword + 1);
	l->word[l->nword++] = w;
}

/* The next word of the stack, in its own register, as its destination. */
static int
push_slot(Lowering *l)
{
	push_word(l, in_slot(l, l->nword));
	return slot(l, l->nword - 1);
}

static Word
pop_word(Lowering *l)
{
	return l->word[--l->nword];
}

static bool
is_own(Lowering *l, int i)
{
	return l->word[i].kind == IN_REGISTER && l->word[i].at == (uint32_t)slot(l, i);
}

static void
own_word(Lowering *l, int i)
{
	if (is_own(l, i))
		return;
	emit_move(l, W_HERE, slot(l, i), l->word[i]);
	l->word[i] = in_slot(l, i);
}

/* Before this register changes, what stands for it is copied. */
static void
save_register(Lowering *l, uint32_t r)
{
	for (int i = 0; i < l->nword; i++)
		if (l->word[i].kind == IN_REGISTER && l->word[i].at == r && !is_own(l, i))
			own_word(l, i);
}

static void
save_shared(Lowering *l)
{
	for (int i = 0; i < l->nword; i++)
		if (l->word[i].kind == IN_SHARED)
			own_word(l, i);
}

/* Where control flow meets, all is in its own register but for constants below the `n` last. */
static void
settle_words(Lowering *l, int n)
{
	for (int i = 0; i < l->nword; i++)
		if (i >= l->nword - n || l->word[i].kind != IS_CONSTANT)
			own_word(l, i);
}

/* The last instruction gives its result to this register instead, where the word is its own and
 * nothing else stands for what was in the register. */
static bool
give_result_to(Lowering *l, Word w, int own, int to)
{
	WasmInstr *i = last_code(l) >= l->barrier ? &l->p->code[last_code(l)] : NULL;

	if (!i || w.kind != IN_REGISTER || (int)w.at != own)
		return false;
	for (int k = 0; k < l->nword; k++)
		if (l->word[k].kind == IN_REGISTER && (int)l->word[k].at == to)
			return false;
	if (i->op == W_CALL || i->op == W_CALL_TABLE) {
		if ((int)(i->value >> 16) != own)
			return false;
		i->value = (i->value & 0xffff) | (uint32_t)to << 16;
		return true;
	}
	if (i->frame != W_HERE || i->d != own
	    || (i->op != W_CALC && i->op != W_DIVIDE && i->op != W_LOAD && i->op != W_SIZE))
		return false;
	i->d = (uint16_t)to;
	return true;
}

/* ---- control */

static Control *
enter(Lowering *l, int kind, const WasmType *t)
{
	GROW(l->arena, l->control, l->control_cap, l->ncontrol + 1);
	Control *c = &l->control[l->ncontrol++];

	*c = (Control){ .kind = kind,
		        .param = t->param,
		        .nparam = t->nparam,
		        .result = t->result,
		        .nresult = t->nresult,
		        .ntype = l->ntype,
		        .dead = l->dead,
		        .nword = l->nword - (l->dead ? 0 : words_in(t->param, t->nparam)),
		        .start = l->p->ncode,
		        .chain = -1,
		        .otherwise = -1 };
	push_types(l, t->param, t->nparam);
	return c;
}

static void
set_unreachable(Lowering *l)
{
	Control *c = &l->control[l->ncontrol - 1];

	l->ntype = c->ntype;
	c->polymorphic = true;
	l->dead = true;
}

/* The words on top go where a label wants them. Each goes down or stays, so that the order is from
 * below. */
static void
move_down(Lowering *l, int to, int n)
{
	for (int i = 0; i < n; i++) {
		Word w = l->word[l->nword - n + i];

		if (w.kind != IN_REGISTER || w.at != (uint32_t)slot(l, to + i))
			emit_move(l, W_HERE, slot(l, to + i), w);
	}
}

static bool
is_down(Lowering *l, int to, int n)
{
	for (int i = 0; i < n; i++) {
		Word w = l->word[l->nword - n + i];

		if (w.kind != IN_REGISTER || w.at != (uint32_t)slot(l, to + i))
			return false;
	}
	return true;
}

static void
label_types(const Control *c, const uint8_t **t, int *n)
{
	*t = c->kind == OF_LOOP ? c->param : c->result;
	*n = c->kind == OF_LOOP ? c->nparam : c->nresult;
}

static int
label_words(const Control *c)
{
	return c->kind == OF_LOOP ? words_in(c->param, c->nparam) : words_in(c->result, c->nresult);
}

static void
emit_return(Lowering *l, int n)
{
	const Word *word = &l->word[l->nword - n];

	for (int i = 0; i < n; i++)
		if (word[i].kind == IN_SHARED && word[i].at < (uint32_t)n)
			own_word(l, l->nword - n + i);
	for (int i = 1; i < n; i++)
		emit_move(l, W_SHARED, i - 1, word[i]);
	emit_on(l, W_RETURN, (Word){ IN_REGISTER, 0 }, n ? word[0] : zero_word);
}

/* From here to the label, whose words are in place: the last instruction branches. */
static void
chain_label(Lowering *l, Control *c)
{
	if (c->kind == OF_LOOP)
		l->p->code[last_code(l)].to = (uint16_t)c->start;
	else
		chain_to(l, &c->chain);
}

static void
go_to_label(Lowering *l, Control *c)
{
	int n = label_words(c);

	if (c->kind == OF_FUNCTION) {
		emit_return(l, n);
		return;
	}
	move_down(l, c->nword, n);
	emit_branch(l, W_EQ, zero_word, zero_word);
	chain_label(l, c);
}

static WasmCalc
opposite(int calc)
{
	switch (calc) {
	case W_EQ: return W_NE;
	case W_NE: return W_EQ;
	case W_LT_S: return W_GE_S;
	case W_GE_S: return W_LT_S;
	case W_LT_U: return W_GE_U;
	default: return W_LT_U;
	}
}

/* Pops a condition: what is to be compared for it to hold. */
static void
pop_condition(Lowering *l)
{
	Word w = pop_word(l);

	if (w.kind == IS_CONDITION)
		return;
	l->condition.calc = W_NE;
	l->condition.a = w;
	l->condition.b = zero_word;
}

static void
branch_if(Lowering *l, bool holds, int *chain)
{
	emit_branch(l, holds ? l->condition.calc : opposite(l->condition.calc), l->condition.a,
	            l->condition.b);
	chain_to(l, chain);
}

/* What stands next is one of those that take a condition as it is. */
static bool
condition_is_next(const Lowering *l)
{
	if (l->r.at >= l->r.end)
		return false;
	switch (*l->r.at) {
	case 0x04: /* if */
	case 0x0d: /* br_if */
	case 0x1b: /* select */
	case 0x45: /* i32.eqz */ return true;
	default: return false;
	}
}

static void
push_condition(Lowering *l, WasmCalc calc, Word a, Word b)
{
	if (condition_is_next(l)) {
		l->condition.calc = calc;
		l->condition.a = a;
		l->condition.b = b;
		push_word(l, (Word){ IS_CONDITION, 0 });
		return;
	}
	emit_calc(l, calc, push_slot(l), a, b);
}

static const WasmType *
block_type(Lowering *l)
{
	int64_t t = wasm_signed(&l->r, 33);
	WasmType *own;

	if (t >= 0) {
		if (t < l->m->ntype)
			return &l->m->type[t];
		wasm_fail(&l->r, "type %ld, and there are %d", (long)t, l->m->ntype);
		t = -64;
	}
	own = NEW(l->arena, WasmType);
	if (t == -64)
		return own;
	own->result = NEW(l->arena, uint8_t);
	*own->result = (uint8_t)(t & 0x7f);
	own->nresult = 1;
	if (*own->result < WASM_F64 || *own->result > WASM_I32)
		wasm_fail(&l->r, "a block of a type that is no number's");
	return own;
}

static void
lower_block(Lowering *l, int op)
{
	const WasmType *t = block_type(l);

	if (op == 0x04) {
		pop_type(l, WASM_I32);
		if (!l->dead)
			pop_condition(l);
	}
	pop_types(l, t->param, t->nparam);
	if (!l->dead)
		settle_words(l, words_in(t->param, t->nparam));
	Control *c = enter(l, op == 0x02 ? OF_BLOCK : op == 0x03 ? OF_LOOP : OF_IF, t);

	if (!l->dead && op == 0x03)
		l->barrier = l->p->ncode;
	if (!l->dead && op == 0x04)
		branch_if(l, false, &c->otherwise);
}

/* The stack of words as it is where a block begins, or ends. */
static void
reset_words(Lowering *l, const Control *c, int n)
{
	l->nword = c->nword;
	for (int i = 0; i < n; i++)
		push_slot(l);
}

static Control *
check_end(Lowering *l)
{
	Control *c = &l->control[l->ncontrol - 1];

	pop_types(l, c->result, c->nresult);
	if (l->ntype != c->ntype)
		wasm_fail(&l->r, "operands are left over at the end of a block");
	return c;
}

static void
lower_else(Lowering *l)
{
	Control *c = check_end(l);

	if (c->kind != OF_IF) {
		wasm_fail(&l->r, "an else without its if");
		return;
	}
	if (!l->dead)
		go_to_label(l, c);
	c->kind = OF_ELSE;
	c->polymorphic = false;
	l->dead = c->dead;
	push_types(l, c->param, c->nparam);
	if (c->dead)
		return;
	land(l, &c->otherwise);
	reset_words(l, c, words_in(c->param, c->nparam));
}

static void
lower_end(Lowering *l)
{
	Control *c = check_end(l);
	int n = words_in(c->result, c->nresult);

	if (c->kind == OF_IF
	    && (c->nparam != c->nresult
	        || (c->nparam && memcmp(c->param, c->result, (size_t)c->nparam))))
		wasm_fail(&l->r, "an if without else changes the types of the stack");
	if (c->kind == OF_FUNCTION && !l->dead)
		emit_return(l, n);
	else if (!l->dead)
		move_down(l, c->nword, n);
	l->ncontrol--;
	push_types(l, c->result, c->nresult);
	l->dead = c->dead;
	if (c->dead || *l->r.error)
		return;
	land(l, &c->otherwise);
	land(l, &c->chain);
	reset_words(l, c, n);
}

static Control *
read_label(Lowering *l)
{
	uint32_t depth = wasm_u32(&l->r);

	if (depth >= (uint32_t)l->ncontrol) {
		wasm_fail(&l->r, "a branch to label %u, and there are %d", depth, l->ncontrol);
		return &l->control[0];
	}
	return &l->control[(uint32_t)l->ncontrol - 1 - depth];
}

static void
lower_br(Lowering *l)
{
	Control *c = read_label(l);
	const uint8_t *t;
	int n;

	label_types(c, &t, &n);
	pop_types(l, t, n);
	if (!l->dead)
		go_to_label(l, c);
	set_unreachable(l);
}

static void
lower_br_if(Lowering *l)
{
	Control *c = read_label(l);
	const uint8_t *t;
	int n, over = -1;

	pop_type(l, WASM_I32);
	label_types(c, &t, &n);
	pop_types(l, t, n);
	push_types(l, t, n);
	if (l->dead)
		return;
	pop_condition(l);
	if (c->kind != OF_FUNCTION && is_down(l, c->nword, label_words(c))) {
		emit_branch(l, l->condition.calc, l->condition.a, l->condition.b);
		chain_label(l, c);
		return;
	}
	branch_if(l, false, &over);
	int before = l->nword;
	Word *kept = NEWS(l->arena, Word, before + 1);

	memcpy(kept, l->word, (size_t)before * sizeof *kept);
	go_to_label(l, c);
	memcpy(l->word, kept, (size_t)before * sizeof *kept);
	land(l, &over);
}

/* A jump by the operand into a table of branches. */
static void
emit_br_table(Lowering *l, Control **target, int n, Word by)
{
	int beyond = -1, *stub = NEWS(l->arena, int, n + 1);

	emit_branch(l, W_GE_U, by, constant_word((uint32_t)n));
	chain_to(l, &beyond);
	WasmInstr *jump = emit_on(l, W_JUMP, by, zero_word);

	jump->value = (uint32_t)l->p->ncode;
	for (int i = 0; i < n; i++) {
		stub[i] = -1;
		emit_branch(l, W_EQ, zero_word, zero_word);
		if (target[i]->kind != OF_FUNCTION
		    && is_down(l, target[i]->nword, label_words(target[i])))
			chain_label(l, target[i]);
		else
			chain_to(l, &stub[i]);
	}
	Word *kept = NEWS(l->arena, Word, l->nword + 1);

	memcpy(kept, l->word, (size_t)l->nword * sizeof *kept);
	for (int i = 0; i < n; i++) {
		if (stub[i] < 0)
			continue;
		for (int k = i + 1; k < n; k++)
			if (stub[k] >= 0 && target[k] == target[i]) {
				l->p->code[stub[k]].chain = stub[i];
				stub[i] = stub[k];
				stub[k] = -1;
			}
		land(l, &stub[i]);
		go_to_label(l, target[i]);
		memcpy(l->word, kept, (size_t)l->nword * sizeof *kept);
	}
	land(l, &beyond);
	go_to_label(l, target[n]);
}

static void
lower_br_table(Lowering *l)
{
	uint32_t n = wasm_u32(&l->r);
	const uint8_t *t, *first;
	int nt, nfirst;

	if (n >= (size_t)(l->r.end - l->r.at)) {
		wasm_fail(&l->r, "a table of %u labels, which it is too short for", n);
		return;
	}
	Control **target = NEWS(l->arena, Control *, n + 1);

	for (uint32_t i = 0; i <= n; i++)
		target[i] = read_label(l);
	pop_type(l, WASM_I32);
	label_types(target[n], &first, &nfirst);
	for (uint32_t i = 0; i < n; i++) {
		label_types(target[i], &t, &nt);
		if (nt != nfirst) {
			wasm_fail(&l->r, "labels of a table take different numbers of operands");
			return;
		}
		pop_types(l, t, nt);
		push_types(l, t, nt);
	}
	pop_types(l, first, nfirst);
	if (!l->dead) {
		Word by = pop_word(l);

		emit_br_table(l, target, (int)n, readable(l, by));
	}
	set_unreachable(l);
}

/* ---- calls */

/* Arguments into the frame to be called. */
static void
pass_arguments(Lowering *l, int n)
{
	for (int i = 0; i < n; i++)
		emit_move(l, W_CALLED, 1 + i, l->word[l->nword - n + i]);
	l->nword -= n;
}

static void
take_results(Lowering *l, WasmInstr *call, int n)
{
	call->value |= (uint32_t)(n ? slot(l, l->nword) : W_REGISTERS - 2) << 16;
	for (int i = 0; i < n; i++)
		push_word(l, i == 0 ? in_slot(l, l->nword) : (Word){ IN_SHARED, (uint32_t)i - 1 });
}

static void
emit_call(Lowering *l, WasmFunction *f, const WasmType *t)
{
	save_shared(l);
	pass_arguments(l, words_in(t->param, t->nparam));
	WasmInstr *call = emit(l, W_CALL);

	wasm_call_to(l->p, call, f);
	take_results(l, call, words_in(t->result, t->nresult));
}

static void
lower_call(Lowering *l)
{
	uint32_t f = wasm_u32(&l->r);

	if (f >= (uint32_t)l->m->nfunction) {
		wasm_fail(&l->r, "a call of function %u, and there are %d", f, l->m->nfunction);
		return;
	}
	const WasmType *t = &l->m->type[l->m->function_type[f]];

	pop_types(l, t->param, t->nparam);
	push_types(l, t->result, t->nresult);
	if (!l->dead)
		emit_call(l, l->in->function[f], t);
}

/* Beyond the table and where nothing is in it: two ways to fail that the code finds. */
static void
emit_call_table(Lowering *l, const WasmType *t, Word by)
{
	WasmTable *table = l->in->table;
	int in = -1, set = -1;

	by = readable(l, by);
	emit_branch(l, W_LT_U, by, constant_word(table->size));
	chain_to(l, &in);
	emit_stop(l, W_UNDEFINED, NULL);
	land(l, &in);
	if (table->reserved < table->size) {
		emit_branch(l, W_LT_U, by, constant_word(table->reserved));
		chain_to(l, &set);
		emit_stop(l, W_UNINITIALIZED, NULL);
		land(l, &set);
	}
	save_shared(l);
	pass_arguments(l, words_in(t->param, t->nparam));
	uint32_t base = (uint32_t)wasm_jumps(l->p, table, t, l->in->memory);
	WasmInstr *call = emit_on(l, W_CALL_TABLE, by, zero_word);

	call->value = base;
	take_results(l, call, words_in(t->result, t->nresult));
}

static void
lower_call_indirect(Lowering *l)
{
	uint32_t t = wasm_u32(&l->r);

	if (wasm_byte(&l->r) != 0)
		wasm_fail(&l->r, "a call through another table than the first");
	if (!l->m->has_table)
		wasm_fail(&l->r, "a call through a table, and there is none");
	if (t >= (uint32_t)l->m->ntype)
		wasm_fail(&l->r, "type %u, and there are %d", t, l->m->ntype);
	if (*l->r.error)
		return;
	const WasmType *type = &l->m->type[t];

	pop_type(l, WASM_I32);
	pop_types(l, type->param, type->nparam);
	push_types(l, type->result, type->nresult);
	if (!l->code) /* when all is checked, so that no function has it in its midst */
		wasm_jumps(l->p, l->in->table, type, l->in->memory);
	if (l->dead)
		return;
	int own = l->nword - 1;

	if (l->word[own].kind == IN_SHARED)
		own_word(l, own);
	emit_call_table(l, type, pop_word(l));
}

/* ---- locals, globals, operands */

static void
lower_select(Lowering *l)
{
	uint8_t t;

	pop_type(l, WASM_I32);
	t = pop_any(l);
	t = pop_type(l, t);
	push_type(l, t);
	if (l->dead)
		return;
	int n = words_of_type(t), over = -1;

	pop_condition(l);
	int to = l->nword - 2 * n;

	for (int i = 0; i < n; i++)
		own_word(l, to + i);
	branch_if(l, true, &over);
	for (int i = 0; i < n; i++)
		emit_move(l, W_HERE, slot(l, to + i), l->word[to + n + i]);
	l->nword -= n;
	land(l, &over);
}

/* While all is checked: a local has to be 0 at first unless the first that is done with it, in the
 * order of the text, is to set it, outside of all blocks. What is outside is never skipped but
 * with all that comes behind it. */
static void
note_access(Lowering *l, uint32_t x, bool sets)
{
	if (l->code || l->accessed[x])
		return;
	l->accessed[x] = true;
	l->in->zeroed[l->function][x] = !sets || l->ncontrol > 1;
}

static void
lower_local(Lowering *l, int op)
{
	uint32_t x = wasm_u32(&l->r);

	if (x >= (uint32_t)l->nlocal) {
		wasm_fail(&l->r, "local %u, and there are %d", x, l->nlocal);
		return;
	}
	note_access(l, x, op != 0x20);
	int r = l->register_of[x], n = words_of_type(l->local[x]);

	if (op != 0x20)
		pop_type(l, l->local[x]);
	if (op != 0x21)
		push_type(l, l->local[x]);
	if (l->dead)
		return;
	if (op == 0x20) {
		for (int i = 0; i < n; i++)
			push_word(l, (Word){ IN_REGISTER, (uint32_t)(r + i) });
		return;
	}
	Word w[2];

	for (int i = n - 1; i >= 0; i--)
		w[i] = pop_word(l);
	for (int i = 0; i < n; i++) {
		if (n == 1 && give_result_to(l, w[0], slot(l, l->nword), r))
			break;
		save_register(l, (uint32_t)(r + i));
		if (w[i].kind != IN_REGISTER || (int)w[i].at != r + i)
			emit_move(l, W_HERE, r + i, w[i]);
	}
	for (int i = 0; i < n && op == 0x22; i++)
		push_word(l, (Word){ IN_REGISTER, (uint32_t)(r + i) });
}

static void
lower_global(Lowering *l, int op)
{
	uint32_t x = wasm_u32(&l->r);

	if (x >= (uint32_t)l->m->nglobal) {
		wasm_fail(&l->r, "global %u, and there are %d", x, l->m->nglobal);
		return;
	}
	const WasmGlobal *g = &l->m->global[x];
	const WasmVariable *v = l->in->global[x];
	int n = words_of_type(g->value);

	if (op == 0x24 && !g->mutable)
		wasm_fail(&l->r, "global %u cannot be changed", x);
	if (op == 0x24)
		pop_type(l, g->value);
	else
		push_type(l, g->value);
	if (l->dead)
		return;
	if (op == 0x23) {
		for (int i = 0; i < n; i++)
			push_word(l, g->mutable
			                     ? (Word){ IN_SHARED, (uint32_t)(v->shared + i) }
			                     : constant_word((uint32_t)(v->constant >> (32 * i))));
		return;
	}
	l->nword -= n;
	Word w[2] = { l->word[l->nword], n > 1 ? l->word[l->nword + 1] : zero_word };

	save_shared(l);
	for (int i = 0; i < n; i++)
		emit_move(l, W_SHARED, v->shared + i, w[i]);
}

static void
lower_drop(Lowering *l)
{
	uint8_t t = pop_any(l);

	if (!l->dead)
		l->nword -= words_of_type(t);
}

/* ---- memory */

typedef struct Access {
	uint8_t op, type;
	int bytes; /* that are moved */
	bool is_signed, stores;
} Access;

static const Access access_of[] = {
	{ 0x28, WASM_I32, 4, false, false }, { 0x29, WASM_I64, 8, false, false },
	{ 0x2a, WASM_F32, 4, false, false }, { 0x2b, WASM_F64, 8, false, false },
	{ 0x2c, WASM_I32, 1, true, false },  { 0x2d, WASM_I32, 1, false, false },
	{ 0x2e, WASM_I32, 2, true, false },  { 0x2f, WASM_I32, 2, false, false },
	{ 0x30, WASM_I64, 1, true, false },  { 0x31, WASM_I64, 1, false, false },
	{ 0x32, WASM_I64, 2, true, false },  { 0x33, WASM_I64, 2, false, false },
	{ 0x34, WASM_I64, 4, true, false },  { 0x35, WASM_I64, 4, false, false },
	{ 0x36, WASM_I32, 4, false, true },  { 0x37, WASM_I64, 8, false, true },
	{ 0x38, WASM_F32, 4, false, true },  { 0x39, WASM_F64, 8, false, true },
	{ 0x3a, WASM_I32, 1, false, true },  { 0x3b, WASM_I32, 2, false, true },
	{ 0x3c, WASM_I64, 1, false, true },  { 0x3d, WASM_I64, 2, false, true },
	{ 0x3e, WASM_I64, 4, false, true },
};

static void
emit_access(Lowering *l, const Access *a, int bytes, uint64_t offset, Word at, Word value, int d)
{
	WasmInstr *i = emit_on(l, a->stores ? W_STORE : W_LOAD, at, value);

	i->size = bytes == 1 ? W_BYTE : bytes == 2 ? W_HALF : W_FULL;
	i->is_signed = a->is_signed;
	i->value = offset > UINT32_MAX ? UINT32_MAX : (uint32_t)offset;
	i->d = (uint16_t)d;
}

/* The upper word first: it is the one that may not be there. */
static void
emit_store(Lowering *l, const Access *a, uint64_t offset)
{
	int n = words_of_type(a->type);

	l->nword -= n + 1;
	Word at = readable(l, l->word[l->nword]), *value = &l->word[l->nword + 1];

	if (a->bytes == 8)
		emit_access(l, a, 4, offset + 4, at, value[1], 0);
	emit_access(l, a, a->bytes == 8 ? 4 : a->bytes, offset, at, value[0], 0);
}

static void
emit_load(Lowering *l, const Access *a, uint64_t offset)
{
	Word at = readable(l, pop_word(l));
	int low = push_slot(l);

	if (a->bytes == 8)
		emit_access(l, a, 4, offset + 4, at, zero_word, push_slot(l));
	emit_access(l, a, a->bytes == 8 ? 4 : a->bytes, offset, at, zero_word, low);
	if (a->bytes == 8 || words_of_type(a->type) == 1)
		return;
	if (a->is_signed) {
		Word sign = in_slot(l, l->nword - 1);

		emit_calc(l, W_SHR_S, push_slot(l), sign, constant_word(31));
	} else {
		push_word(l, constant_word(0));
	}
}

static void
lower_access(Lowering *l, int op)
{
	const Access *a = &access_of[op - 0x28];
	uint32_t align = wasm_u32(&l->r), offset = wasm_u32(&l->r);

	if (!l->m->has_memory)
		wasm_fail(&l->r, "an access to memory, and there is none");
	if (align > 3 || 1 << align > a->bytes)
		wasm_fail(&l->r, "an alignment larger than what is accessed");
	if (a->stores)
		pop_type(l, a->type);
	pop_type(l, WASM_I32);
	if (!a->stores)
		push_type(l, a->type);
	if (l->dead)
		return;
	uint64_t whole = offset + (uint64_t)WASM_PAGE * (uint32_t)l->in->memory->base;

	if (a->stores)
		emit_store(l, a, whole);
	else
		emit_load(l, a, whole);
}

static void
emit_size(Lowering *l, int d)
{
	int base = l->in->memory->base;

	emit(l, W_SIZE)->d = (uint16_t)d;
	if (base)
		emit_calc(l, W_SUB, d, (Word){ IN_REGISTER, (uint32_t)d },
		          constant_word((uint32_t)base));
}

/* The old size, or -1 where there would be too many pages. */
static void
emit_grow(Lowering *l)
{
	const WasmMemory *memory = l->in->memory;
	int over = -1, done = -1;
	Word by = readable(l, pop_word(l));
	int d = push_slot(l), t = slot(l, l->nword + 4), room = slot(l, l->nword + 5);
	Word size = { IN_REGISTER, (uint32_t)t }, left = { IN_REGISTER, (uint32_t)room };

	emit(l, W_SIZE)->d = (uint16_t)t;
	emit_calc(l, W_SUB, room, constant_word((uint32_t)memory->base + memory->most), size);
	emit_branch(l, W_LT_U, left, by);
	chain_to(l, &over);
	emit_calc(l, W_ADD, room, size, by);
	emit_on(l, W_RESIZE, left, zero_word);
	emit_calc(l, W_SUB, d, size, constant_word((uint32_t)memory->base));
	emit_goto(l, &done);
	land(l, &over);
	emit_move(l, W_HERE, d, constant_word(UINT32_MAX));
	land(l, &done);
}

static void
lower_pages(Lowering *l, int op)
{
	if (wasm_byte(&l->r) != 0 || !l->m->has_memory)
		wasm_fail(&l->r, "the size of a memory, and there is none");
	if (op == 0x40)
		pop_type(l, WASM_I32);
	push_type(l, WASM_I32);
	if (l->dead)
		return;
	if (op == 0x3f)
		emit_size(l, push_slot(l));
	else
		emit_grow(l);
}

/* ---- arithmetic on one word */

static WasmCalc
calc_of(int op)
{
	static const uint8_t of[] = { W_CLZ,   W_CTZ,   W_POPCNT, W_ADD,   W_SUB,  W_MUL,
		                      W_DIV_S, W_DIV_U, W_REM_S,  W_REM_U, W_AND,  W_OR,
		                      W_XOR,   W_SHL,   W_SHR_S,  W_SHR_U, W_ROTL, W_ROTR };

	return of[op];
}

/* Of eq, ne, lt_s, lt_u, gt_s, gt_u, le_s, le_u, ge_s, ge_u. */
static WasmCalc
comparison_of(int op, bool *swapped)
{
	static const uint8_t of[] = { W_EQ,   W_NE,   W_LT_S, W_LT_U, W_LT_S,
		                      W_LT_U, W_GE_S, W_GE_U, W_GE_S, W_GE_U };

	*swapped = op >= 4 && op < 8;
	return of[op];
}

static void
lower_eqz(Lowering *l)
{
	Word w = pop_word(l);

	if (w.kind == IS_CONDITION)
		push_condition(l, opposite(l->condition.calc), l->condition.a, l->condition.b);
	else
		push_condition(l, W_EQ, w, zero_word);
}

static void
lower_compare(Lowering *l, int op)
{
	bool swapped;
	WasmCalc calc = comparison_of(op, &swapped);
	Word b = pop_word(l), a = pop_word(l);

	push_condition(l, calc, swapped ? b : a, swapped ? a : b);
}

static void
lower_binary(Lowering *l, int op)
{
	Word b = pop_word(l), a = pop_word(l);

	emit_calc(l, calc_of(op), push_slot(l), a, b);
}

static void
lower_unary(Lowering *l, WasmCalc calc)
{
	Word a = pop_word(l);

	emit_calc(l, calc, push_slot(l), a, zero_word);
}

/* ---- arithmetic on two words: the lower is at `h` of the stack, temporaries are above */

typedef struct WordPair {
	Word low, high;
} WordPair;

static WordPair
pop_pair(Lowering *l)
{
	WordPair p;

	p.high = pop_word(l);
	p.low = pop_word(l);
	return p;
}

static void
call_routine(Lowering *l, const char *name)
{
	WasmFunction *f = wasm_host(l->p, "i64", name);

	emit_call(l, f, f->type);
}

/* a + b: what is carried is what the sum is smaller by than b. */
static void
emit_add64(Lowering *l, bool minus)
{
	WordPair b = pop_pair(l), a = pop_pair(l);
	int t = slot(l, l->nword + 4), low = push_slot(l), high = push_slot(l);
	Word temporary = { IN_REGISTER, (uint32_t)t }, own = { IN_REGISTER, (uint32_t)high };

	a.low = readable(l, a.low);
	b.low = readable(l, b.low);
	if (minus)
		emit_calc(l, W_LT_U, t, a.low, b.low);
	emit_calc(l, minus ? W_SUB : W_ADD, high, a.high, b.high);
	emit_calc(l, minus ? W_SUB : W_ADD, low, a.low, b.low);
	if (!minus)
		emit_calc(l, W_LT_U, t, in_slot(l, l->nword - 2), b.low);
	emit_calc(l, minus ? W_SUB : W_ADD, high, own, temporary);
}

static void
emit_logic64(Lowering *l, WasmCalc calc)
{
	WordPair b = pop_pair(l), a = pop_pair(l);

	emit_calc(l, calc, push_slot(l), a.low, b.low);
	emit_calc(l, calc, push_slot(l), a.high, b.high);
}

/* By a distance that is known; to the right the words change places. */
static void
emit_shift64(Lowering *l, int op, WordPair a, uint32_t by)
{
	bool left = op == 11; /* shl, shr_s, shr_u: 11, 12, 13 */
	WasmCalc fill = op == 12 ? W_SHR_S : W_SHR_U;
	int d[2], t = slot(l, l->nword + 4);
	Word temporary = { IN_REGISTER, (uint32_t)t };

	d[0] = push_slot(l);
	d[1] = push_slot(l);
	if (by == 0) {
		emit_move(l, W_HERE, d[0], a.low);
		emit_move(l, W_HERE, d[1], a.high);
	} else if (by >= 32 && left) {
		emit_calc(l, W_SHL, d[1], a.low, constant_word(by - 32));
		emit_move(l, W_HERE, d[0], zero_word);
	} else if (by >= 32) {
		emit_calc(l, fill, d[0], a.high, constant_word(by - 32));
		if (op == 12)
			emit_calc(l, W_SHR_S, d[1], a.high, constant_word(31));
		else
			emit_move(l, W_HERE, d[1], zero_word);
	} else if (left) {
		emit_calc(l, W_SHR_U, t, a.low, constant_word(32 - by));
		emit_calc(l, W_SHL, d[1], a.high, constant_word(by));
		emit_calc(l, W_OR, d[1], in_slot(l, l->nword - 1), temporary);
		emit_calc(l, W_SHL, d[0], a.low, constant_word(by));
	} else {
		emit_calc(l, W_SHL, t, a.high, constant_word(32 - by));
		emit_calc(l, W_SHR_U, d[0], a.low, constant_word(by));
		emit_calc(l, W_OR, d[0], in_slot(l, l->nword - 2), temporary);
		emit_calc(l, fill, d[1], a.high, constant_word(by));
	}
}

static void
lower_binary64(Lowering *l, int op)
{
	static const char *const routine[] = { "mul",   "div_s", "div_u", "rem_s", "rem_u",
		                               NULL,    NULL,    NULL,    "shl",   "shr_s",
		                               "shr_u", "rotl",  "rotr" };
	Word amount = l->word[l->nword - 2];

	if (op == 3 || op == 4) { /* add, sub */
		emit_add64(l, op == 4);
	} else if (op >= 10 && op <= 12) { /* and, or, xor */
		emit_logic64(l, calc_of(op));
	} else if (op >= 13 && op <= 15 && amount.kind == IS_CONSTANT) { /* shl, shr_s, shr_u */
		pop_pair(l);
		emit_shift64(l, op - 2, pop_pair(l), amount.at & 63);
	} else {
		call_routine(l, routine[op - 5]);
	}
}

/* Order is that of the upper words, where they differ. */
static void
lower_compare64(Lowering *l, int op)
{
	bool swapped;
	WasmCalc calc = comparison_of(op, &swapped);
	WordPair b = pop_pair(l), a = pop_pair(l);
	int t = slot(l, l->nword + 4), u = slot(l, l->nword + 5), differ = -1, done = -1;
	Word low = { IN_REGISTER, (uint32_t)t }, high = { IN_REGISTER, (uint32_t)u };

	if (swapped) {
		WordPair c = a;

		a = b;
		b = c;
	}
	if (calc == W_EQ || calc == W_NE) {
		emit_calc(l, W_XOR, t, a.low, b.low);
		emit_calc(l, W_XOR, u, a.high, b.high);
		emit_calc(l, W_OR, t, low, high);
		push_condition(l, calc, low, zero_word);
		return;
	}
	int d = push_slot(l);

	emit_branch(l, W_NE, a.high, b.high);
	chain_to(l, &differ);
	emit_calc(l, calc == W_LT_S || calc == W_LT_U ? W_LT_U : W_GE_U, d, a.low, b.low);
	emit_goto(l, &done);
	land(l, &differ);
	emit_calc(l, calc, d, a.high, b.high);
	land(l, &done);
}

static void
lower_eqz64(Lowering *l)
{
	WordPair a = pop_pair(l);
	int t = slot(l, l->nword + 4);

	emit_calc(l, W_OR, t, a.low, a.high);
	push_condition(l, W_EQ, (Word){ IN_REGISTER, (uint32_t)t }, zero_word);
}

/* clz and ctz count one word, and the other where it is all zeros. */
static void
lower_count64(Lowering *l, int op)
{
	WordPair a = pop_pair(l);
	int t = slot(l, l->nword + 4), d = push_slot(l), over = -1;
	WasmCalc calc = calc_of(op);
	Word first = op == 0 ? a.high : a.low, second = op == 0 ? a.low : a.high;
	Word temporary = { IN_REGISTER, (uint32_t)t };

	emit_calc(l, calc, t, second, zero_word);
	if (op < 2) {
		first = readable(l, first);
		emit_calc(l, W_ADD, t, temporary, constant_word(32));
		emit_branch(l, W_EQ, first, zero_word);
		chain_to(l, &over);
		emit_calc(l, calc, t, first, zero_word);
		land(l, &over);
		emit_move(l, W_HERE, d, temporary);
	} else {
		emit_calc(l, calc, d, first, zero_word);
		emit_calc(l, W_ADD, d, in_slot(l, l->nword - 1), temporary);
	}
	push_word(l, constant_word(0));
}

/* The upper word by the sign of the lower, which is what it is or is extended first. */
static void
emit_sign64(Lowering *l, WasmCalc extend)
{
	Word low = pop_word(l);
	int d = push_slot(l);

	emit_calc(l, extend, d, low, zero_word);
	Word own = in_slot(l, l->nword - 1);

	emit_calc(l, W_SHR_S, push_slot(l), own, constant_word(31));
}

/* ---- numbers */

/* Of instruction 0x45 and those that follow: what it takes and gives; i is i32, I i64. */
static const struct Numeric {
	const char *name, *signature;
} numeric[] = {
	{ "i32.eqz", "i>i" },
	{ "i32.eq", "ii>i" },
	{ "i32.ne", "ii>i" },
	{ "i32.lt_s", "ii>i" },
	{ "i32.lt_u", "ii>i" },
	{ "i32.gt_s", "ii>i" },
	{ "i32.gt_u", "ii>i" },
	{ "i32.le_s", "ii>i" },
	{ "i32.le_u", "ii>i" },
	{ "i32.ge_s", "ii>i" },
	{ "i32.ge_u", "ii>i" },
	{ "i64.eqz", "I>i" },
	{ "i64.eq", "II>i" },
	{ "i64.ne", "II>i" },
	{ "i64.lt_s", "II>i" },
	{ "i64.lt_u", "II>i" },
	{ "i64.gt_s", "II>i" },
	{ "i64.gt_u", "II>i" },
	{ "i64.le_s", "II>i" },
	{ "i64.le_u", "II>i" },
	{ "i64.ge_s", "II>i" },
	{ "i64.ge_u", "II>i" },
	{ "f32.eq", "ff>i" },
	{ "f32.ne", "ff>i" },
	{ "f32.lt", "ff>i" },
	{ "f32.gt", "ff>i" },
	{ "f32.le", "ff>i" },
	{ "f32.ge", "ff>i" },
	{ "f64.eq", "FF>i" },
	{ "f64.ne", "FF>i" },
	{ "f64.lt", "FF>i" },
	{ "f64.gt", "FF>i" },
	{ "f64.le", "FF>i" },
	{ "f64.ge", "FF>i" },
	{ "i32.clz", "i>i" },
	{ "i32.ctz", "i>i" },
	{ "i32.popcnt", "i>i" },
	{ "i32.add", "ii>i" },
	{ "i32.sub", "ii>i" },
	{ "i32.mul", "ii>i" },
	{ "i32.div_s", "ii>i" },
	{ "i32.div_u", "ii>i" },
	{ "i32.rem_s", "ii>i" },
	{ "i32.rem_u", "ii>i" },
	{ "i32.and", "ii>i" },
	{ "i32.or", "ii>i" },
	{ "i32.xor", "ii>i" },
	{ "i32.shl", "ii>i" },
	{ "i32.shr_s", "ii>i" },
	{ "i32.shr_u", "ii>i" },
	{ "i32.rotl", "ii>i" },
	{ "i32.rotr", "ii>i" },
	{ "i64.clz", "I>I" },
	{ "i64.ctz", "I>I" },
	{ "i64.popcnt", "I>I" },
	{ "i64.add", "II>I" },
	{ "i64.sub", "II>I" },
	{ "i64.mul", "II>I" },
	{ "i64.div_s", "II>I" },
	{ "i64.div_u", "II>I" },
	{ "i64.rem_s", "II>I" },
	{ "i64.rem_u", "II>I" },
	{ "i64.and", "II>I" },
	{ "i64.or", "II>I" },
	{ "i64.xor", "II>I" },
	{ "i64.shl", "II>I" },
	{ "i64.shr_s", "II>I" },
	{ "i64.shr_u", "II>I" },
	{ "i64.rotl", "II>I" },
	{ "i64.rotr", "II>I" },
	{ "f32.abs", "f>f" },
	{ "f32.neg", "f>f" },
	{ "f32.ceil", "f>f" },
	{ "f32.floor", "f>f" },
	{ "f32.trunc", "f>f" },
	{ "f32.nearest", "f>f" },
	{ "f32.sqrt", "f>f" },
	{ "f32.add", "ff>f" },
	{ "f32.sub", "ff>f" },
	{ "f32.mul", "ff>f" },
	{ "f32.div", "ff>f" },
	{ "f32.min", "ff>f" },
	{ "f32.max", "ff>f" },
	{ "f32.copysign", "ff>f" },
	{ "f64.abs", "F>F" },
	{ "f64.neg", "F>F" },
	{ "f64.ceil", "F>F" },
	{ "f64.floor", "F>F" },
	{ "f64.trunc", "F>F" },
	{ "f64.nearest", "F>F" },
	{ "f64.sqrt", "F>F" },
	{ "f64.add", "FF>F" },
	{ "f64.sub", "FF>F" },
	{ "f64.mul", "FF>F" },
	{ "f64.div", "FF>F" },
	{ "f64.min", "FF>F" },
	{ "f64.max", "FF>F" },
	{ "f64.copysign", "FF>F" },
	{ "i32.wrap_i64", "I>i" },
	{ "i32.trunc_f32_s", "f>i" },
	{ "i32.trunc_f32_u", "f>i" },
	{ "i32.trunc_f64_s", "F>i" },
	{ "i32.trunc_f64_u", "F>i" },
	{ "i64.extend_i32_s", "i>I" },
	{ "i64.extend_i32_u", "i>I" },
	{ "i64.trunc_f32_s", "f>I" },
	{ "i64.trunc_f32_u", "f>I" },
	{ "i64.trunc_f64_s", "F>I" },
	{ "i64.trunc_f64_u", "F>I" },
	{ "f32.convert_i32_s", "i>f" },
	{ "f32.convert_i32_u", "i>f" },
	{ "f32.convert_i64_s", "I>f" },
	{ "f32.convert_i64_u", "I>f" },
	{ "f32.demote_f64", "F>f" },
	{ "f64.convert_i32_s", "i>F" },
	{ "f64.convert_i32_u", "i>F" },
	{ "f64.convert_i64_s", "I>F" },
	{ "f64.convert_i64_u", "I>F" },
	{ "f64.promote_f32", "f>F" },
	{ "i32.reinterpret_f32", "f>i" },
	{ "i64.reinterpret_f64", "F>I" },
	{ "f32.reinterpret_i32", "i>f" },
	{ "f64.reinterpret_i64", "I>F" },
	{ "i32.extend8_s", "i>i" },
	{ "i32.extend16_s", "i>i" },
	{ "i64.extend8_s", "I>I" },
	{ "i64.extend16_s", "I>I" },
	{ "i64.extend32_s", "I>I" },
};
enum { FIRST_NUMERIC = 0x45, LAST_NUMERIC = 0xc4 };

static uint8_t
type_of_letter(char c)
{
	switch (c) {
	case 'i': return WASM_I32;
	case 'I': return WASM_I64;
	case 'f': return WASM_F32;
	default: return WASM_F64;
	}
}

static void
check_signature(Lowering *l, const char *signature)
{
	const char *arrow = strchr(signature, '>');

	for (const char *s = arrow; s > signature; s--)
		pop_type(l, type_of_letter(s[-1]));
	for (const char *s = arrow + 1; *s; s++)
		push_type(l, type_of_letter(*s));
}

/* It stops here, and what follows is not reached; its types are checked as ever. */
static void
emit_unsupported(Lowering *l, const char *name)
{
	emit_stop(l, W_UNSUPPORTED, name);
	l->dead = true;
}

static void
lower_conversion(Lowering *l, int op)
{
	switch (op) {
	case 0xa7: l->nword--; break;                     /* i32.wrap_i64 */
	case 0xad: push_word(l, constant_word(0)); break; /* i64.extend_i32_u */
	case 0xc0: lower_unary(l, W_EXTEND8); break;      /* i32.extend8_s */
	case 0xc1: lower_unary(l, W_EXTEND16); break;     /* i32.extend16_s */
	case 0xc2: l->nword--, emit_sign64(l, W_EXTEND8); break;
	case 0xc3: l->nword--, emit_sign64(l, W_EXTEND16); break;
	case 0xc4: l->nword--, emit_sign64(l, W_OR); break; /* i64.extend32_s */
	case 0xac: emit_sign64(l, W_OR); break;             /* i64.extend_i32_s */
	case 0xbc:                                          /* the same bits */
	case 0xbd:
	case 0xbe:
	case 0xbf: break;
	default: emit_unsupported(l, numeric[op - FIRST_NUMERIC].name);
	}
}

static void
lower_numeric(Lowering *l, int op)
{
	check_signature(l, numeric[op - FIRST_NUMERIC].signature);
	if (l->dead)
		return;
	if (op == 0x45)
		lower_eqz(l);
	else if (op <= 0x4f)
		lower_compare(l, op - 0x46);
	else if (op == 0x50)
		lower_eqz64(l);
	else if (op <= 0x5a)
		lower_compare64(l, op - 0x51);
	else if (op >= 0x67 && op <= 0x69)
		lower_unary(l, calc_of(op - 0x67));
	else if (op >= 0x6a && op <= 0x78)
		lower_binary(l, op - 0x67);
	else if (op >= 0x79 && op <= 0x7b)
		lower_count64(l, op - 0x79);
	else if (op >= 0x7c && op <= 0x8a)
		lower_binary64(l, op - 0x79);
	else
		lower_conversion(l, op);
}

/* Those with two bytes: conversions of floats that saturate. */
static void
lower_extended(Lowering *l)
{
	static const struct Numeric saturating[] = {
		{ "i32.trunc_sat_f32_s", "f>i" }, { "i32.trunc_sat_f32_u", "f>i" },
		{ "i32.trunc_sat_f64_s", "F>i" }, { "i32.trunc_sat_f64_u", "F>i" },
		{ "i64.trunc_sat_f32_s", "f>I" }, { "i64.trunc_sat_f32_u", "f>I" },
		{ "i64.trunc_sat_f64_s", "F>I" }, { "i64.trunc_sat_f64_u", "F>I" }
	};
	uint32_t op = wasm_u32(&l->r);

	if (op >= sizeof saturating / sizeof *saturating) {
		wasm_fail(&l->r, "instruction 0xfc %u is not of WebAssembly 1.0", op);
		return;
	}
	check_signature(l, saturating[op].signature);
	if (!l->dead)
		emit_unsupported(l, saturating[op].name);
}

static void
lower_constant(Lowering *l, int op)
{
	static const uint8_t type[] = { WASM_I32, WASM_I64, WASM_F32, WASM_F64 };
	uint8_t t = type[op - 0x41];
	uint64_t x = 0;

	if (op <= 0x42)
		x = (uint64_t)wasm_signed(&l->r, op == 0x41 ? 32 : 64);
	else
		for (int i = 0; i < 4 * words_of_type(t); i++)
			x |= (uint64_t)wasm_byte(&l->r) << (8 * i);
	push_type(l, t);
	for (int i = 0; i < words_of_type(t) && !l->dead; i++)
		push_word(l, constant_word((uint32_t)(x >> (32 * i))));
}

static void
lower_unreachable(Lowering *l)
{
	if (!l->dead)
		emit_stop(l, W_UNREACHABLE, NULL);
	set_unreachable(l);
}

static void
lower_return(Lowering *l)
{
	const Control *c = &l->control[0];

	pop_types(l, c->result, c->nresult);
	if (!l->dead)
		emit_return(l, words_in(c->result, c->nresult));
	set_unreachable(l);
}

static void
lower_instruction(Lowering *l)
{
	int op = wasm_byte(&l->r);

	switch (op) {
	case 0x00: lower_unreachable(l); break;
	case 0x01: break;
	case 0x02:
	case 0x03:
	case 0x04: lower_block(l, op); break;
	case 0x05: lower_else(l); break;
	case 0x0b: lower_end(l); break;
	case 0x0c: lower_br(l); break;
	case 0x0d: lower_br_if(l); break;
	case 0x0e: lower_br_table(l); break;
	case 0x0f: lower_return(l); break;
	case 0x10: lower_call(l); break;
	case 0x11: lower_call_indirect(l); break;
	case 0x1a: lower_drop(l); break;
	case 0x1b: lower_select(l); break;
	case 0x20:
	case 0x21:
	case 0x22: lower_local(l, op); break;
	case 0x23:
	case 0x24: lower_global(l, op); break;
	case 0x3f:
	case 0x40: lower_pages(l, op); break;
	case 0xfc: lower_extended(l); break;
	default:
		if (op >= 0x28 && op <= 0x3e)
			lower_access(l, op);
		else if (op >= 0x41 && op <= 0x44)
			lower_constant(l, op);
		else if (op >= FIRST_NUMERIC && op <= LAST_NUMERIC)
			lower_numeric(l, op);
		else
			wasm_fail(&l->r, "instruction 0x%02x is not of WebAssembly 1.0", op);
	}
}

/* ---- a function */

static void
add_local(Lowering *l, uint8_t type)
{
	int cap = l->local_cap;

	GROW(l->arena, l->local, l->local_cap, l->nlocal + 1);
	if (cap != l->local_cap) {
		int *moved = NEWS(l->arena, int, l->local_cap);

		if (l->nlocal)
			memcpy(moved, l->register_of, (size_t)l->nlocal * sizeof *moved);
		l->register_of = moved;
	}
	l->local[l->nlocal] = type;
	l->register_of[l->nlocal++] = l->first;
	l->first += words_of_type(type);
}

static void
read_locals(Lowering *l, const WasmType *t)
{
	l->first = 1;
	for (int i = 0; i < t->nparam; i++)
		add_local(l, t->param[i]);
	int own = l->nlocal;

	for (uint32_t n = wasm_u32(&l->r); n > 0 && !*l->r.error; n--) {
		uint32_t many = wasm_u32(&l->r);
		uint8_t type = wasm_byte(&l->r);

		if (type < WASM_F64 || type > WASM_I32)
			wasm_fail(&l->r, "a local of a type that is no number's");
		if (many > 50000 || (uint32_t)l->nlocal + many > 50000)
			wasm_fail(&l->r, "more than 50,000 locals");
		for (uint32_t i = 0; i < many && !*l->r.error; i++)
			add_local(l, type);
	}
	l->large = l->first >= W_REGISTERS - 32;
	l->accessed = NEWS(l->arena, bool, l->nlocal + 1);
	if (!l->code)
		l->in->zeroed[l->function] = NEWS(l->p->arena, bool, l->nlocal + 1);
	for (int x = own; x < l->nlocal && l->code && !l->large; x++)
		for (int i = 0; i < words_of_type(l->local[x]) && l->in->zeroed[l->function][x];
		     i++)
			emit_move(l, W_HERE, l->register_of[x] + i, zero_word);
}

static void
lower_body(Lowering *l, const WasmType *t)
{
	WasmType block = { .nresult = t->nresult, .result = t->result };

	l->dead = !l->code;
	read_locals(l, t);
	if (l->large)
		l->dead = true;
	enter(l, OF_FUNCTION, &block);
	while (l->ncontrol > 0 && !*l->r.error) {
		if (l->r.at >= l->r.end) {
			wasm_fail(&l->r, "it does not end");
			break;
		}
		l->offset = (uint32_t)(l->r.at - l->r.start);
		lower_instruction(l);
	}
	if (l->r.at < l->r.end)
		wasm_fail(&l->r, "it goes on behind its end");
}

bool
wasm_lower(WasmProgram *p, const WasmInstance *in, int f, bool code, int *entry)
{
	const WasmModule *m = in->module;
	char name[64];
	int start = p->ncode;
	Arena *arena = arena_child(p->arena);
	Lowering l = { .p = p, .in = in, .m = m, .arena = arena, .function = f, .code = code };

	l.r = (WasmReader){ m->bytes, m->body[f], m->behind[f], p->error,
		            wasm_function_name(m, f, name, sizeof name) };
	l.offset = (uint32_t)(m->body[f] - m->bytes);
	l.barrier = start;
	lower_body(&l, &m->type[m->function_type[f]]);
	if (l.large && code && !*p->error) {
		if (p->ncode == start)
			emit(&l, W_STOP);
		p->code[start].op = W_STOP;
		p->code[start].end = W_UNSUPPORTED;
		p->code[start].what = "a function of more than 4,000 registers";
	}
	arena_free(arena);
	*entry = start;
	return !*p->error;
}
