/* twc ablate: a part of a model, a named value, a head or a group of neurons, is replaced by its
 * mean over random texts, or by a number, and what is said then is held against what was said
 * before.
 *
 *     $ twc ablate adder.tw a1
 *     adder: 100.0 % of 4,312 tokens right, loss 0.475
 *     a1.h0   at its mean   41.3 % right, loss 3.1    a, at plus
 *
 * Texts are random prompts of an exact program, its own or that of --like, answers the evaluator's:
 * each token of an answer is asked for after the right ones before it. Mean ablation takes away
 * what a part tells and leaves what it is like (Wang et al. 2023, "Interpretability in the Wild").
 */

#include "cmd/json.h"
#include "cmd/parts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { TEXTS = 1000 };

typedef struct Ablation {
	Training *t;
	int nbatch;
	int npart;
	Part *part;
	double **mean;      /* (npart) (elements of a position); of `along`: what the value is */
	double loss, right; /* with nothing replaced; percent */
	int64_t asked;      /* tokens */
	cJSON *json;        /* a list; NULL: it is printed */
} Ablation;

/* ---- the means ---- */

/* The parts' tensors over a batch, computed of what is in the trainer's inputs. */
typedef struct Observer {
	TensorProgram *program;
	TensorNode **now;
} Observer;

static Observer
observer_new(Ablation *a)
{
	Training *t = a->t;
	TensorGraph *from = t->learned->graph;
	Observer o = { .now = NEWS(t->arena, TensorNode *, from->ntensor) };
	TensorGraph *g = tensor_batch(from, t->recipe.batch, o.now);

	for (int i = 0; i < a->npart; i++)
		tensor_output(g, o.now[a->part[i].tensor->id]);
	o.program = tensor_program_new(g, vector_level());
	return o;
}

static void
copy_to_observer(Observer *o, const TensorNode *leaf, const float *from)
{
	const TensorNode *now = o->now[leaf->id];
	float *to = tensor_program_buffer(o->program, now);

	if (to && from)
		memcpy(to, from, sizeof *to * (size_t)tensor_size(now));
}

static void
observe_batch(Ablation *a, Observer *o)
{
	const Learned *l = a->t->learned;

	for (int i = 0; i < l->nparam; i++)
		copy_to_observer(o, l->param[i].tensor, trainer_param(a->t->trainer, i));
	for (int i = 0; i < l->ninput; i++)
		copy_to_observer(o, l->input[i].tensor, trainer_input(a->t->trainer, i, 0));
	tensor_program_run(o->program);
}

/* Adds up what the part is at each position of the batch's texts. */
static int64_t
add_observed(Ablation *a, Observer *o, int k)
{
	const Part *p = &a->part[k];
	const TensorNode *now = o->now[p->tensor->id];
	const float *x = tensor_program_buffer(o->program, now);
	int64_t count = 0, context = a->t->learned->context;
	bool same = now->rank == p->tensor->rank; /* of every text */

	for (int b = 0; b < a->t->recipe.batch; b++) {
		const float *row = x + (same ? 0 : b * context * p->n);
		for (int64_t at = 0; at < a->t->length[b]; at++, count++)
			for (int i = 0; i < p->n; i++)
				a->mean[k][p->along ? 0 : i] += (double)row[at * p->n + i]
				                                * (p->along ? p->along[i] : 1);
	}
	return count;
}

static bool
find_means(Ablation *a)
{
	Observer o = observer_new(a);
	int64_t count = 0;

	a->mean = NEWS(a->t->arena, double *, a->npart + 1);
	for (int k = 0; k < a->npart; k++)
		a->mean[k] = NEWS(a->t->arena, double, a->part[k].n + 1);
	for (int i = 0; i < a->nbatch; i++) {
		if (!examples_batch(&a->t->examples, a->t->trainer, i))
			return false;
		observe_batch(a, &o);
		int64_t here = 0;
		for (int k = 0; k < a->npart; k++)
			here = add_observed(a, &o, k);
		count += here;
	}
	for (int k = 0; k < a->npart; k++)
		for (int i = 0; i < a->part[k].n; i++)
			a->mean[k][i] /= (double)(count ? count : 1);
	return true;
}

/* ---- the cuts ---- */

/* "a1.h0=0", "a1.h0=mean", "a1.h0": false where it is no number. */
static bool
read_level(const char *text, double *to)
{
	char *end;

	*to = NAN; /* the mean */
	if (!text || !strcmp(text, "mean"))
		return true;
	*to = strtod(text, &end);
	if (end != text && !*end && isfinite(*to))
		return true;
	fprintf(stderr, "twc: '%s' is no number, and not 'mean'\n", text);
	return false;
}

static int
by_tensor(const void *a, const void *b)
{
	const LearnedCut *x = a, *y = b;

	return (x->tensor->id > y->tensor->id) - (x->tensor->id < y->tensor->id);
}

static LearnedCut
cut_of_part(Ablation *a, const Part *p, double level)
{
	const double *mean = a->mean[p - a->part];
	double *to = NEWS(a->t->arena, double, p->n);
	LearnedCut c = { .tensor = p->tensor, .to = to, .mask = p->mask, .along = p->along };

	for (int i = 0; i < p->n; i++) {
		to[i] = isnan(level) ? mean[i] : level;
		if (p->tensor->integer)
			to[i] = nearbyint(to[i]);
	}
	if (p->along)
		c.level = isnan(level) ? mean[0] : level - p->bias;
	return c;
}

/* Loss and right answers of the program with these cuts. */
static bool
measure(Ablation *a, int n, LearnedCut *cut, double *loss, double *right)
{
	Training *t = a->t;
	Arena *own = arena_child(t->arena);
	Learned *l = learned_cut(own, t->learned, n, cut);
	Trainer *was = t->trainer, *r = trainer_new(l, &t->recipe, vector_level(), t->workers);

	trainer_initial(r);
	t->trainer = r;
	*loss = examples_held_loss(&t->examples, r, a->nbatch);
	*right = r->asked ? 100.0 * (double)r->right / (double)r->asked : NAN;
	a->asked = r->asked;
	t->trainer = was;
	arena_free(own);
	return !isnan(*loss);
}

/* ---- telling ---- */

static void
add_json_measure(cJSON *o, const char *name, double x)
{
	if (isnan(x))
		cJSON_AddNullToObject(o, name);
	else
		cJSON_AddNumberToObject(o, name, x);
}

static void
tell_part(Ablation *a, const char *name, const char *level, const char *what, double loss,
          double right)
{
	if (a->json) {
		cJSON *o = cJSON_CreateObject();
		cJSON_AddStringToObject(o, "part", name);
		cJSON_AddStringToObject(o, "what", what);
		cJSON_AddStringToObject(o, "at", level);
		add_json_measure(o, "loss", loss);
		add_json_measure(o, "right", right);
		cJSON_AddItemToArray(a->json, o);
		return;
	}
	printf("  %-14s %-6s", name, level);
	if (!isnan(right))
		printf(" %6.1f %% right", right);
	printf("  loss %8.4f   %s\n", loss, what);
	fflush(stdout);
}

/* All that a name means at once. */
static bool
ablate_named(Ablation *a, char *item)
{
	const Part **p = NEWS(a->t->arena, const Part *, a->npart + 1);
	char *level = strchr(item, '=');
	double to, loss, right;

	if (level)
		*level++ = '\0';
	int n = read_level(level, &to) ? parts_named(a->part, a->npart, item, p) : 0;
	if (!n)
		return false;
	LearnedCut *cut = NEWS(a->t->arena, LearnedCut, n);
	for (int i = 0; i < n; i++)
		cut[i] = cut_of_part(a, p[i], to);
	qsort(cut, (size_t)n, sizeof *cut, by_tensor);
	if (!measure(a, n, cut, &loss, &right))
		return false;
	const char *what = n == 1 ? p[0]->what : arena_fmt(a->t->arena, "%d parts", n);
	tell_part(a, item, level ? level : "mean", what, loss, right);
	return true;
}

static bool
ablate_each(Ablation *a)
{
	for (int i = 0; i < a->npart; i++) {
		LearnedCut cut = cut_of_part(a, &a->part[i], NAN);
		double loss, right;
		if (!measure(a, 1, &cut, &loss, &right))
			return false;
		tell_part(a, a->part[i].name, "mean", a->part[i].what, loss, right);
	}
	return true;
}

static bool
ablate_all(Ablation *a)
{
	Training *t = a->t;

	if (!measure(a, 0, NULL, &a->loss, &a->right))
		return false;
	if (!a->json) {
		printf("%s: ", t->o->args[0]);
		if (!isnan(a->right))
			printf("%.1f %% of %lld tokens right, ", a->right, (long long)a->asked);
		printf("loss %.4f\n", a->loss);
	}
	if (t->o->nargs < 2)
		return ablate_each(a);
	for (int i = 1; i < t->o->nargs; i++)
		if (!ablate_named(a, t->o->args[i]))
			return false;
	return true;
}

static bool
open_ablation(Ablation *a)
{
	Training *t = a->t;
	int texts = t->o->count ? t->o->count : TEXTS;

	if (!training_open(t) || !training_weights(t))
		return false;
	t->recipe.steps = 0;
	if (!training_start(t))
		return false;
	a->nbatch = (texts + t->recipe.batch - 1) / t->recipe.batch;
	a->part = list_parts(t, &a->npart);
	return find_means(a);
}

int
cmd_ablate(const Options *o)
{
	Arena arena = { 0 };
	Training t = { .arena = &arena, .o = o, .either = true };
	Ablation a = { .t = &t, .json = o->json ? cJSON_CreateArray() : NULL };
	bool ok = open_ablation(&a) && ablate_all(&a);

	if (ok && o->json) {
		cJSON *all = cJSON_CreateObject();
		add_json_measure(all, "loss", a.loss);
		add_json_measure(all, "right", a.right);
		cJSON_AddItemToObject(all, "ablated", a.json);
		print_json(all);
	} else {
		cJSON_Delete(a.json);
	}
	training_close(&t);
	return ok ? 0 : 2;
}
