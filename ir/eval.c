/* The reference evaluator: the value of a node at a position, in exact integers, with no
 * passes and no floats (reals apart). It is what tests hold the compiled model against.
 *
 * Evaluation is by need and memoized: a value is computed when it is asked for and kept by
 * node and position. The stack is explicit, so a chain of any length is fine: a frame
 * whose operands are missing pushes them and is looked at again when they are there.
 *
 * A search (LATEST, FIRST, ONLY, BEST, SUM, MEAN) evaluates its two-sided operands once for
 * every position j that it looks at, operands before users, with THERE(x) = x at j and
 * everything else as it is here. */

#include "ir/internal.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct ValueRow {
	int64_t *value;  /* (cap) by position */
	uint32_t *epoch; /* (cap) value[i] is of this text if it is eval->epoch */
	int cap;
} ValueRow;

/* The operands of a search, taken apart. */
typedef struct SearchParts {
	int nside, *side;   /* ids of its two-sided nodes, ascending, the THEREs apart */
	int nthere, *there; /* ids of its THERE nodes */
	int nhere, *here;   /* ids of the one-sided nodes that they use */
} SearchParts;

typedef struct EvalFrame {
	const Node *n;
	int at;              /* position */
	int step;            /* a search: positions looked at */
	int64_t best, score; /* BEST: the position and its score so far; SUM: the sum so far */
	double total;        /* MEAN: the sum so far, of `count` */
	int count;
} EvalFrame;

struct Eval {
	const Graph *g;
	int n, captext; /* tokens; room in text and rows */
	int *text;      /* (captext, nfield) */
	double *number; /* (captext, ninput) */
	uint32_t epoch;
	int nrow;
	ValueRow *row;      /* (nrow) by id */
	SearchParts **cond; /* (nrow) by the id of a search, NULL until used */
	int64_t *side;      /* (nrow) values at a pair of positions */
	int nframe, capframe;
	EvalFrame *frame;
	int64_t *arg;
	int caparg;
	LearnedAt *learned; /* or NULL */
	void *data;         /* of it */
};

static void
fit_nodes(Eval *e)
{
	int n = e->g->nnode;

	if (n <= e->nrow)
		return;
	e->row = guarded_realloc(e->row, (size_t)n * sizeof *e->row);
	e->cond = guarded_realloc(e->cond, (size_t)n * sizeof *e->cond);
	e->side = guarded_realloc(e->side, (size_t)n * sizeof *e->side);
	memset(e->row + e->nrow, 0, (size_t)(n - e->nrow) * sizeof *e->row);
	memset(e->cond + e->nrow, 0, (size_t)(n - e->nrow) * sizeof *e->cond);
	e->nrow = n;
}

static size_t
eval_token_size(const Eval *e, int n)
{
	return (size_t)n * (size_t)e->g->nfield * sizeof *e->text;
}

static void
fit_text(Eval *e, int n)
{
	if (n <= e->captext)
		return;
	int cap = e->captext ? e->captext : 16;
	while (cap < n)
		cap *= 2;
	e->text = guarded_realloc(e->text, eval_token_size(e, cap));
	e->captext = cap;
}

Eval *
eval_new(const Graph *g)
{
	Eval *e = guarded_malloc(sizeof *e);

	memset(e, 0, sizeof *e);
	e->g = g;
	e->epoch = 1;
	fit_nodes(e);
	return e;
}

void
eval_free(Eval *e)
{
	if (!e)
		return;
	for (int i = 0; i < e->nrow; i++) {
		guarded_free(e->row[i].value);
		guarded_free(e->row[i].epoch);
		if (e->cond[i]) {
			guarded_free(e->cond[i]->side);
			guarded_free(e->cond[i]->there);
			guarded_free(e->cond[i]->here);
			guarded_free(e->cond[i]);
		}
	}
	guarded_free(e->row);
	guarded_free(e->cond);
	guarded_free(e->side);
	guarded_free(e->text);
	guarded_free(e->number);
	guarded_free(e->frame);
	guarded_free(e->arg);
	guarded_free(e);
}

static void
forget_text(Eval *e)
{
	if (++e->epoch)
		return;
	for (int i = 0; i < e->nrow; i++) /* the epochs have wrapped around, after 2^32 texts */
		if (e->row[i].cap)
			memset(e->row[i].epoch, 0, (size_t)e->row[i].cap * sizeof *e->row[i].epoch);
	e->epoch = 1;
}

void
eval_text(Eval *e, const int *row, int n)
{
	assert(n >= 0 && n <= e->g->context);
	forget_text(e);
	fit_text(e, n);
	if (n)
		memcpy(e->text, row, eval_token_size(e, n));
	e->n = n;
}

void
eval_numbers(Eval *e, const double *number, int n)
{
	size_t size = (size_t)n * (size_t)e->g->ninput * sizeof *number;

	assert(n > 0 && n <= e->g->context);
	forget_text(e);
	fit_text(e, n);
	e->number = guarded_realloc(e->number, size);
	memcpy(e->number, number, size);
	e->n = n;
}

void
eval_learned(Eval *e, LearnedAt *learned, void *data)
{
	e->learned = learned;
	e->data = data;
}

/* In a causal model the values at earlier positions stay, since they do not see the new one. */
int
eval_push(Eval *e, const int *row)
{
	if (e->n >= e->g->context)
		return -1;
	if (e->g->bidirectional)
		forget_text(e);
	fit_text(e, e->n + 1);
	memcpy(e->text + e->n++ * e->g->nfield, row, eval_token_size(e, 1));
	return 0;
}

/* ---- memory of values ---- */

static bool
has_kept_value(const Eval *e, int id, int at)
{
	return at < e->row[id].cap && e->row[id].epoch[at] == e->epoch;
}

static void
keep_value(Eval *e, int id, int at, int64_t v)
{
	ValueRow *r = &e->row[id];

	if (at >= r->cap) {
		r->value = guarded_realloc(r->value, (size_t)e->captext * sizeof *r->value);
		r->epoch = guarded_realloc(r->epoch, (size_t)e->captext * sizeof *r->epoch);
		memset(r->epoch + r->cap, 0, (size_t)(e->captext - r->cap) * sizeof *r->epoch);
		r->cap = e->captext;
	}
	r->value[at] = v;
	r->epoch[at] = e->epoch;
}

static void
push_frame(Eval *e, const Node *n, int at)
{
	if (e->nframe == e->capframe) {
		e->capframe = e->capframe ? 2 * e->capframe : 64;
		e->frame = guarded_realloc(e->frame, (size_t)e->capframe * sizeof *e->frame);
	}
	e->frame[e->nframe++] = (EvalFrame){ .n = n, .at = at };
}

/* True, and the value, if it is known; else false, and a frame is pushed that will know it. */
static bool
need_value(Eval *e, const Node *n, int at, int64_t *v)
{
	if (is_literal(n)) {
		*v = n->op == OP_CONST ? n->k : real_bits(n->real[0].x);
		return true;
	}
	if (has_kept_value(e, n->id, at)) {
		*v = e->row[n->id].value[at];
		return true;
	}
	push_frame(e, n, at);
	return false;
}

static int64_t *
room_for_args(Eval *e, int n)
{
	if (n > e->caparg) {
		e->caparg = 2 * n;
		e->arg = guarded_realloc(e->arg, (size_t)e->caparg * sizeof *e->arg);
	}
	return e->arg;
}

/* ---- conditions ---- */

static int
by_int(const void *a, const void *b)
{
	int x = *(const int *)a, y = *(const int *)b;

	return (x > y) - (x < y);
}

static void
insert_id(int **list, int *n, int id)
{
	*list = guarded_realloc(*list, (size_t)(*n + 1) * sizeof **list);
	(*list)[(*n)++] = id;
}

static SearchParts *
search_parts_new(const Graph *g, const Node *search)
{
	SearchParts *cond = guarded_malloc(sizeof *cond);
	char *seen = guarded_malloc((size_t)search->id + 1);
	int nstack = 0, *stack = NULL;

	memset(cond, 0, sizeof *cond);
	memset(seen, 0, (size_t)search->id + 1);
	for (int i = 0; i < search->narg; i++) {
		if (!seen[search->arg[i]->id])
			insert_id(&stack, &nstack, search->arg[i]->id);
		seen[search->arg[i]->id] = 1;
	}
	while (nstack) {
		const Node *n = g->node[stack[--nstack]];
		if (!n->two_sided) {
			insert_id(&cond->here, &cond->nhere, n->id);
		} else if (n->op == OP_THERE) {
			insert_id(&cond->there, &cond->nthere, n->id);
		} else {
			insert_id(&cond->side, &cond->nside, n->id);
			for (int i = 0; i < n->narg; i++)
				if (!seen[n->arg[i]->id]) {
					seen[n->arg[i]->id] = 1;
					insert_id(&stack, &nstack, n->arg[i]->id);
				}
		}
	}
	if (cond->nside)
		qsort(cond->side, (size_t)cond->nside, sizeof *cond->side, by_int);
	guarded_free(stack);
	guarded_free(seen);
	return cond;
}

static bool
load_here(Eval *e, const SearchParts *c, int at)
{
	int before = e->nframe;

	for (int i = 0; i < c->nhere; i++)
		need_value(e, e->g->node[c->here[i]], at, &e->side[c->here[i]]);
	return e->nframe == before;
}

static bool
load_there(Eval *e, const SearchParts *c, int j)
{
	int before = e->nframe;

	for (int i = 0; i < c->nthere; i++)
		need_value(e, e->g->node[c->there[i]]->arg[0], j, &e->side[c->there[i]]);
	return e->nframe == before;
}

static void
eval_two_sided(Eval *e, const SearchParts *c)
{
	for (int i = 0; i < c->nside; i++) {
		const Node *n = e->g->node[c->side[i]];
		int64_t *v = room_for_args(e, n->narg);
		for (int j = 0; j < n->narg; j++)
			v[j] = e->side[n->arg[j]->id];
		e->side[n->id] = op_apply(n, v);
	}
}

/* ---- operators that look at the text or elsewhere. Each of these gives its
 * value, or false when something it needs has been pushed first. ---- */

static int
visible_end(const Eval *e, int here)
{
	return e->g->bidirectional ? e->n : here + 1;
}

/* Takes note of position j, where the condition holds; true if no other matters. */
typedef bool NoteMatch(Eval *, EvalFrame *, int j);

static bool
note_position(Eval *e, EvalFrame *f, int j)
{
	(void)e;
	f->best = j;
	return true;
}

/* Called from the last position to the first, so of equal scores the later one stays. */
static bool
note_best(Eval *e, EvalFrame *f, int j)
{
	int64_t score = e->side[f->n->arg[0]->id];

	if (f->best < 0 || score > f->score) {
		f->best = j;
		f->score = score;
	}
	return false;
}

static bool
note_summand(Eval *e, EvalFrame *f, int j)
{
	(void)j;
	f->score = clamp((__int128)f->score + e->side[f->n->arg[0]->id]);
	return false;
}

static bool
add_to_mean(Eval *e, EvalFrame *f, int j)
{
	int64_t x = e->side[f->n->arg[0]->id];

	(void)j;
	f->total += f->n->arg[0]->type.real ? real_value(x) : (double)x;
	f->count++;
	return false;
}

/* Looks at the visible positions one after the other, FIRST from the first, the others from the
 * last; goes on where it stopped for what it needs. */
static bool
each_match(Eval *e, int fr, NoteMatch *note)
{
	const Node *n = e->frame[fr].n;
	int at = e->frame[fr].at, end = visible_end(e, at);

	if (!e->cond[n->id])
		e->cond[n->id] = search_parts_new(e->g, n);
	if (!e->frame[fr].step)
		e->frame[fr].best = -1;
	const SearchParts *c = e->cond[n->id];
	if (!load_here(e, c, at))
		return false;
	for (; e->frame[fr].step < end; e->frame[fr].step++) {
		int j = n->op == OP_FIRST ? e->frame[fr].step : end - 1 - e->frame[fr].step;
		if (!load_there(e, c, j))
			return false;
		eval_two_sided(e, c);
		if (e->side[condition_of(n)->id] == 1 && note(e, &e->frame[fr], j))
			break;
	}
	return true;
}

static bool
look_LATEST(Eval *e, int fr, int64_t *v)
{
	bool done = each_match(e, fr, note_position);

	*v = e->frame[fr].best;
	return done;
}

static bool
look_FIRST(Eval *e, int fr, int64_t *v)
{
	return look_LATEST(e, fr, v);
}

static bool
look_ONLY(Eval *e, int fr, int64_t *v)
{
	return look_LATEST(e, fr, v);
}

static bool
look_BEST(Eval *e, int fr, int64_t *v)
{
	bool done = each_match(e, fr, note_best);

	*v = e->frame[fr].best;
	return done;
}

static bool
look_SUM(Eval *e, int fr, int64_t *v)
{
	bool done = each_match(e, fr, note_summand);

	*v = e->frame[fr].score;
	return done;
}

static bool
look_MEAN(Eval *e, int fr, int64_t *v)
{
	bool done = each_match(e, fr, add_to_mean);
	const EvalFrame *f = &e->frame[fr];

	*v = real_bits(f->count ? f->total / f->count : f->n->real[0].x);
	return done;
}

static bool
look_READ(Eval *e, int fr, int64_t *v)
{
	const Node *n = e->frame[fr].n;
	int at = e->frame[fr].at;
	int64_t q;

	if (!need_value(e, n->arg[1], at, &q))
		return false;
	if (q >= 0)
		q += n->k;
	if (q < 0 || q >= visible_end(e, at))
		return need_value(e, n->arg[2], at, v);
	return need_value(e, n->arg[0], (int)q, v);
}

static bool
look_AT(Eval *e, int fr, int64_t *v)
{
	int64_t q;

	if (!need_value(e, e->frame[fr].n->arg[0], e->frame[fr].at, &q))
		return false;
	*v = q >= 0 && q < visible_end(e, e->frame[fr].at) ? q : -1;
	return true;
}

static bool
look_pointwise(Eval *e, int fr, int64_t *v)
{
	const Node *n = e->frame[fr].n;
	int at = e->frame[fr].at, before = e->nframe;
	int64_t *arg = room_for_args(e, n->narg);

	for (int i = 0; i < n->narg; i++)
		need_value(e, n->arg[i], at, &arg[i]);
	if (e->nframe > before)
		return false;
	*v = op_apply(n, arg);
	return true;
}

static bool
look_TOKEN(Eval *e, int fr, int64_t *v)
{
	int field = (int)e->frame[fr].n->k;

	*v = e->text[e->frame[fr].at * e->g->nfield + field] - first_row(e->g, field);
	return true;
}

static bool
look_INPUT(Eval *e, int fr, int64_t *v)
{
	int k = (int)e->frame[fr].n->k;
	double x = e->number[e->frame[fr].at * e->g->ninput + k];

	*v = e->g->input[k].kind == K_REAL ? real_bits(x) : (int64_t)x;
	return true;
}

static bool
look_LEARNED(Eval *e, int fr, int64_t *v)
{
	EvalText text = { e->text, e->number, e->n };

	*v = e->learned ? e->learned(e->data, text, (int)e->frame[fr].n->k, e->frame[fr].at) : 0;
	return true;
}

static bool
look_HERE(Eval *e, int fr, int64_t *v)
{
	*v = e->frame[fr].at;
	return true;
}

static bool
look_INDEX(Eval *e, int fr, int64_t *v)
{
	return look_HERE(e, fr, v);
}

/* The value as a double. Where it is not known yet a frame is pushed, and the result is of no use.
 */
static double
eval_number(Eval *e, const Node *n, int at)
{
	int64_t v = 0;

	need_value(e, n, at, &v);
	return n->type.real ? real_value(v) : (double)v;
}

static bool
look_ATTEND(Eval *e, int fr, int64_t *v)
{
	const Node *n = e->frame[fr].n;
	int at = e->frame[fr].at, end = visible_end(e, at), before = e->nframe;
	double top = -INFINITY, weights = 0, sum = 0;

	for (int j = 0; j < end; j++) {
		double score = 0, value = eval_number(e, n->arg[0], j);
		for (int i = 1; i < n->narg; i += 2)
			score += eval_number(e, n->arg[i], at) * eval_number(e, n->arg[i + 1], j);
		/* weighed relative to the greatest score so far: a softmax in one pass (Milakov and
		 * Gimelshein 2018) */
		double fade = score > top ? exp(top - score) : 1,
		       w = score > top ? 1 : exp(score - top);
		top = max_double(score, top);
		weights = weights * fade + w;
		sum = sum * fade + w * value;
	}
	*v = real_bits(sum / weights);
	return e->nframe == before;
}

/* Literals are known without, and a THERE is loaded by the search that it is in. */
#define LOOK_LITERAL(name)
#define LOOK_POINTWISE(name) [OP_##name] = look_pointwise,
#define LOOK_STREAM(name) [OP_##name] = look_##name,
#define LOOK_REFERENCE(name) [OP_##name] = look_##name,
#define LOOK_THERE(name)

static bool
eval_step(Eval *e, int fr, int64_t *v)
{
	static bool (*const look[NUM_OPS])(Eval *, int fr, int64_t *v) = {
#define OP(name, nargs, attr, class, ...) LOOK_##class(name)
#include "lang/ops.h"
#undef OP
	};

	return look[e->frame[fr].n->op](e, fr, v);
}

int64_t
eval_at(Eval *e, const Node *n, int position)
{
	int64_t v;

	assert(position >= 0 && position < e->n);
	assert(!n->two_sided);
	fit_nodes(e);
	if (need_value(e, n, position, &v))
		return v;
	while (e->nframe) {
		int fr = e->nframe - 1;
		EvalFrame f = e->frame[fr];
		if (has_kept_value(e, f.n->id, f.at)) {
			e->nframe--;
		} else if (eval_step(e, fr, &v)) {
			keep_value(e, f.n->id, f.at, v);
			e->nframe--;
		}
	}
	return e->row[n->id].value[position];
}
