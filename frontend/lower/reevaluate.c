/* The value of a name at another position, where the guards around it do not hold.
 *
 *     fn before(x) = x[here - 1 else 0]
 *     output y = if d > 0 then before(100 // d) else 0
 *
 * The argument 100 // d is accepted because d > 0 here. But the function reads x one position
 * before, where d may be 0. So a name that is bound inside of a guarded branch keeps, as its
 * Origin, how its value was found. Where another position is read, of which no fact is known,
 * the value is found again without the facts (forget_facts), and refused if it needed
 * them. Each reading has a number, Lower.place; a name remembers in which it was bound. */

#include "frontend/lower/lower.h"

struct Origin {
	Value *(*find)(Lower *, void *);
	void *data;
	bool near;   /* inside of approx */
	Value *anew; /* the value without facts, once it has been asked for */
};

Origin *
origin_new(Lower *L, Value *(*find)(Lower *, void *), void *data)
{
	Origin *o = NEW(L->arena, Origin);

	o->find = find;
	o->data = data;
	o->near = L->near;
	return o;
}

SavedFacts
forget_facts(Lower *L)
{
	SavedFacts old = { L->facts, L->place, L->reading };

	L->facts = NULL;
	L->place = ++L->nplace;
	L->reading = (Call){ .src = L->src, .span = L->span };
	return old;
}

void
recall_facts(Lower *L, SavedFacts old)
{
	L->facts = old.facts;
	L->place = old.place;
	L->reading = old.reading;
}

Value *
reevaluate(Lower *L, Origin *o)
{
	if (o->anew)
		return o->anew;
	Call reading = L->reading;
	const Call *reader = L->reader;
	bool near = L->near;
	SavedFacts old = forget_facts(L);
	o->anew = &v_error; /* a name is bound above its use, so no one asks for it meanwhile */
	L->reader = reader ? reader : &reading;
	L->near = o->near;
	L->depth++;
	if (L->depth <= DEPTH_MAX)
		o->anew = o->find(L, o->data);
	else
		fail_here(L, "this expands too deeply");
	L->depth--;
	L->reader = reader;
	L->near = near;
	recall_facts(L, old);
	return o->anew;
}

/* ---- an expression, and an element of an array ---- */

typedef struct Written {
	Env *env;
	const Ast *e;
} Written;

static Value *
find_written(Lower *L, void *data)
{
	const Written *w = data;

	return eval(L, w->env, w->e);
}

Origin *
origin_of(Lower *L, Env *env, const Ast *e)
{
	Written *w = NEW(L->arena, Written);

	*w = (Written){ env, e };
	return origin_new(L, find_written, w);
}

typedef struct Element {
	Origin *array;
	int item;
} Element;

static Value *
find_element(Lower *L, void *data)
{
	const Element *e = data;
	Value *xs = as_array(L, reevaluate(L, e->array));

	if (xs->kind == V_ERROR || e->item < xs->n)
		return xs->kind == V_ERROR ? xs : xs->item[e->item];
	return fail_here(L, "at another position this array has %d elements", xs->n);
}

Origin *
origin_of_item(Lower *L, Origin *array, int item)
{
	Element *e = NEW(L->arena, Element);

	*e = (Element){ array, item };
	return array ? origin_new(L, find_element, e) : NULL;
}
