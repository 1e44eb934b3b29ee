/* twc train: makes the loss of a program with parameters small, on a text or on arrays, and writes
 * what was learned: a .safetensors, which is a checkpoint too.
 *
 *     twc train model.twt --data text.txt --steps 2000 --plot loss.svg -o model.safetensors
 *     twc train model.twt --data text.txt --steps 3000 --resume model.safetensors -o ...
 *
 * Ctrl-C ends it as if the step at hand were the last: what was learned is written. */

#include "cmd/train.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backend/file/write.h"
#include "frontend/frontend.h"

enum {
	HELD_BATCHES = 20, /* at most, each time that the loss on what is held back is told */
	TOLD = 20,         /* lines of a run, where there is no terminal */
	SAVE_MS = 300000,  /* between checkpoints */
};

static volatile sig_atomic_t interrupted;

static void
note_interrupt(int number)
{
	interrupted = 1;
	signal(number, SIG_DFL); /* the second time it ends at once */
}

/* ---- the command line ---- */

/* "1e-3", into *to if it was given. */
static bool
read_real_option(const char *name, const char *text, double least, double *to)
{
	char *end;
	double x;

	if (!text)
		return true;
	x = strtod(text, &end);
	if (end == text || *end || !(x >= least) || !isfinite(x)) {
		fprintf(stderr, "twc: --%s: '%s' is no number of %g or more\n", name, text, least);
		return false;
	}
	*to = x;
	return true;
}

/* What was not said is 0 or less. */
static bool
read_recipe(const Options *o, Recipe *r)
{
	double warm_up = -1, batch = 0;

	*r = (Recipe){ .steps = o->steps,
		       .optimizer = o->optimizer,
		       .schedule = o->schedule,
		       .rate = -1,
		       .clip = -1,
		       .decay = -1,
		       .seed = o->seed };
	if (!read_real_option("rate", o->rate, 0, &r->rate)
	    || !read_real_option("clip", o->clip, 0, &r->clip)
	    || !read_real_option("decay", o->decay, 0, &r->decay)
	    || !read_real_option("warm-up", o->warm_up, 0, &warm_up)
	    || !read_real_option("batch", o->batch, 1, &batch))
		return false;
	r->warm_up = (int)warm_up;
	r->batch = (int)batch;
	return true;
}

/* What is compiled is not to shrink unless that is asked for. */
static void
fill_recipe(bool free, Recipe *r)
{
	r->steps = r->steps ? r->steps : 1000;
	r->batch = r->batch ? r->batch : 16;
	r->optimizer = r->optimizer ? r->optimizer : OPTIMIZER_ADAMW;
	r->schedule = r->schedule ? r->schedule : RATE_COSINE;
	if (r->rate < 0)
		r->rate = r->optimizer == OPTIMIZER_SGD ? 0.1 : 1e-3;
	if (r->clip < 0)
		r->clip = 1;
	if (r->decay < 0)
		r->decay = free ? 0 : 0.01;
	if (r->warm_up < 0)
		r->warm_up = r->steps / 20 < 100 ? r->steps / 20 : 100;
}

/* ---- what is trained ---- */

static bool
is_tensor_text(const char *path)
{
	size_t n = strlen(path);

	return n > 4 && !strcmp(path + n - 4, ".twt");
}

static Learned *
open_tensor_text(Arena *a, const char *path)
{
	size_t n;
	char *text = read_file(a, path, &n);
	const char *why;

	if (!text)
		return NULL;
	Source *src = NEW(a, Source);
	*src = (Source){ path, text, (uint32_t)n };
	Diags ds = { .arena = a, .src = src, .colours = has_colours(stderr) };
	TensorGraph *g = tensor_graph_read(src, a, &ds);
	diag_print(&ds, stderr);
	Learned *l = g ? learned_of_graph(g, &why) : NULL;
	if (g && !l)
		fprintf(stderr, "twc: %s: %s\n", path, why);
	return l;
}

static bool
has_exact_inputs(const Learned *l)
{
	for (int i = 0; i < l->ninput; i++)
		if (l->input[i].source == LEARNED_EXACT)
			return true;
	return false;
}

static Learned *
open_program(Training *t)
{
	const char *path = t->o->args[0];
	const Graph *g = &t->program.meant;

	if (!g->learned || !g->learned->nparam)
		fprintf(stderr,
		        "twc: %s: it has no param: there is nothing to learn, but with --free "
		        "the weights that it is compiled to\n",
		        path);
	else if (!g->learned->loss)
		fprintf(stderr, "twc: %s: it has no likely and no loss: learn to what end?\n",
		        path);
	else if (g->nfield > 1)
		fprintf(stderr, "twc: %s: twc train takes tokens of one field\n", path);
	else {
		if (g->nvocab)
			program_vocabulary(t->arena, g, &t->vocab);
		if (has_exact_inputs(g->learned))
			t->eval = eval_new(g);
		return g->learned;
	}
	return NULL;
}

static Learned *
open_learned(Training *t)
{
	const char *path = t->o->args[0];

	if (is_tensor_text(path)) {
		if (t->free)
			fprintf(stderr, "twc: %s: --free is for exact programs\n", path);
		return t->free ? NULL : open_tensor_text(t->arena, path);
	}
	if (!program_open(&t->program, path, t->o))
		return NULL;
	t->free |= t->either && !t->program.graph->learned;
	return t->free ? open_free(t) : open_program(t);
}

static bool
open_resumed(Training *t)
{
	const char *path = t->o->resume, *why;
	size_t n;

	if (!path)
		return true;
	const char *bytes = file_bytes(t->arena, path, &n);
	if (!bytes) {
		fprintf(stderr, "twc: %s: cannot be read\n", path);
		return false;
	}
	if (weights_file_read(t->arena, bytes, n, &t->resumed, &why)
	    && checkpoint_recipe(&t->resumed, &t->recipe, &why))
		return true;
	fprintf(stderr, "twc: %s: %s\n", path, why);
	return false;
}

bool
training_start(Training *t)
{
	const char *why;
	int cores = (int)sysconf(_SC_NPROCESSORS_ONLN), asked = t->o->threads;
	t->workers = workers_new(asked ? asked : cores > 1 ? cores : 1);
	t->trainer = trainer_new(t->learned, &t->recipe, kernel_level(t->o), t->workers);
	if (t->o->cc && (why = trainer_compile(t->trainer))) {
		fprintf(stderr, "twc: --cc: %s\n", why);
		return false;
	}
	t->loss = NEWS(t->arena, float, t->recipe.steps + 1);
	if (!t->o->resume) {
		trainer_initial(t->trainer);
	} else if (!checkpoint_resume(t->trainer, &t->resumed, &why)) {
		fprintf(stderr, "twc: %s: %s\n", t->o->resume, why);
		return false;
	}
	t->first_step = t->trainer->step;
	return true;
}

/* ---- telling ---- */

static void
print_time(double seconds, FILE *f)
{
	if (seconds >= 3600)
		fprintf(f, "%d:%02d:%02d", (int)(seconds / 3600), (int)(seconds / 60) % 60,
		        (int)seconds % 60);
	else
		fprintf(f, "%d:%02d", (int)(seconds / 60), (int)seconds % 60);
}

/* The mean of the last steps: one batch alone says little. */
static double
recent_loss(const Training *t)
{
	int n = t->trainer->step, from = n - 20 > t->first_step ? n - 20 : t->first_step;
	double sum = 0;

	for (int i = from; i < n; i++)
		sum += t->loss[i];
	return sum / (n - from);
}

static void
draw_bar(const Training *t, double ms)
{
	enum { CELLS = 24 };
	int step = t->trainer->step, done = step - t->first_step;
	int cells = (int)((int64_t)CELLS * step / t->recipe.steps);
	double each = ms / 1e3 / done;

	fprintf(stderr, "\r\033[K[%.*s%.*s] %d/%d  loss %.3f", cells, "########################",
	        CELLS - cells, "........................", step, t->recipe.steps, recent_loss(t));
	if (t->nheld)
		fprintf(stderr, "  held back %.3f", t->held[t->nheld - 1].loss);
	fprintf(stderr, "  %.0f tokens/s  ", t->recipe.batch * t->learned->context / each);
	print_time(each * (t->recipe.steps - step), stderr);
	fputs(" left", stderr);
	fflush(stderr);
}

static void
tell_step(const Training *t)
{
	const HeldLoss *held = t->nheld ? &t->held[t->nheld - 1] : NULL;

	double loss = t->trainer->step > t->first_step ? recent_loss(t) : held ? held->loss : NAN;
	printf("step %d  loss %.4f", t->trainer->step, loss);
	if (held && held->step == t->trainer->step) {
		printf("  held back %.4f", held->loss);
		if (held->right >= 0)
			printf(", %.1f %% right", held->right);
	}
	putchar('\n');
	fflush(stdout);
}

/* At most a twelfth of the time goes into it, but for the last. */
static void
try_held_back(Training *t, int every)
{
	int most = every / 4 + 1;

	if (most > HELD_BATCHES || t->trainer->step == t->recipe.steps)
		most = HELD_BATCHES;
	double loss = examples_held_loss(&t->examples, t->trainer, most);

	if (isnan(loss))
		return;
	GROW(t->arena, t->held, t->capheld, t->nheld + 1);
	t->held[t->nheld++] = (HeldLoss){ t->trainer->step, loss,
		                          t->trainer->asked ? 100.0 * (double)t->trainer->right
		                                                      / (double)t->trainer->asked
		                                            : -1 };
}

/* ---- the run ---- */

static bool
write_out(const char *path, const char *bytes, size_t n)
{
	char *error = NULL;

	if (!path || !file_write(path, bytes, n, &error))
		return true;
	fprintf(stderr, "twc: %s\n", error ? error : "out of memory");
	free(error);
	return false;
}

/* Said before hours of work, not after. */
static bool
can_write(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *folder = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
	bool ok = folder && !access(folder, W_OK | X_OK);

	if (!ok)
		fprintf(stderr, "twc: %s: %s\n", path, strerror(errno));
	free(folder);
	return ok;
}

static bool
save(Training *t)
{
	Arena *own = arena_child(t->arena), *whose = t->trainer->arena;
	size_t n;

	t->trainer->arena = own;
	char *bytes = checkpoint_bytes(t->trainer, &t->vocab, &n);
	bool ok = write_out(t->o->output, bytes, n);
	t->trainer->arena = whose;
	arena_free(own);
	return ok;
}

/* One step; false where the run cannot go on. */
static bool
one_step(Training *t)
{
	Trainer *r = t->trainer;
	int step = r->step;

	if (!examples_batch(&t->examples, r, step))
		return false;
	double loss = trainer_step(r);
	if (isnan(loss)) {
		fprintf(stderr,
		        "twc: step %d: the loss or its gradient is no number; a smaller --rate "
		        "helps. What was learned in %d steps is kept\n",
		        step + 1, step);
		return false;
	}
	t->loss[step] = (float)loss;
	return true;
}

static bool
train_steps(Training *t)
{
	bool bar = isatty(2), ok = true;
	double begin = now_ms(), drawn = 0, saved = begin;
	int every = t->recipe.steps / TOLD + !(t->recipe.steps / TOLD);

	if (t->free && !t->o->resume) { /* what the weights were worth before */
		try_held_back(t, TOLD * HELD_BATCHES);
		tell_step(t);
	}
	while (ok && t->trainer->step < t->recipe.steps && !interrupted) {
		if (!(ok = one_step(t)))
			break;
		int step = t->trainer->step;
		bool told = step % every == 0 || step == t->recipe.steps;
		if (told)
			try_held_back(t, every);
		if (told && !bar)
			tell_step(t);
		if (bar && (told || now_ms() - drawn > 100)) {
			draw_bar(t, now_ms() - begin);
			drawn = now_ms();
		}
		if (now_ms() - saved > SAVE_MS && step < t->recipe.steps) {
			save(t);
			saved = now_ms();
		}
	}
	if (bar && t->trainer->step > t->first_step) {
		fputc('\n', stderr);
		tell_step(t);
	}
	return ok;
}

static int
train_and_save(Training *t)
{
	size_t n;
	bool ok;

	if (t->trainer->step >= t->recipe.steps)
		fprintf(stderr, "twc: %s: it has done %d steps; --steps says how many in all\n",
		        t->o->resume ? t->o->resume : t->o->args[0], t->trainer->step);
	signal(SIGINT, note_interrupt);
	signal(SIGTERM, note_interrupt);
	ok = train_steps(t);
	bool saved = save(t);
	if (interrupted && saved && t->o->output)
		fprintf(stderr,
		        "twc: interrupted after %d steps; go on with --resume %s and the same "
		        "options\n",
		        t->trainer->step, t->o->output);
	if (t->o->plot) {
		char *svg = loss_plot(t->arena, t, &n);
		saved &= write_out(t->o->plot, svg, n);
	}
	return ok && saved ? 0 : 2;
}

/* A graph of tensors has no words: those that it was trained with. */
static bool
words_of_file(Training *t)
{
	const char *path = t->o->model, *why;
	WeightsFile f;
	size_t n;
	char *bytes = read_file(t->arena, path, &n);

	if (!bytes)
		return false;
	if (weights_file_read(t->arena, bytes, n, &f, &why)
	    && vocabulary_of_file(t->arena, &f, &t->vocab, &why) && t->vocab.n)
		return true;
	fprintf(stderr, "twc: %s: it has no words\n", path);
	return false;
}

bool
training_recipe(Training *t)
{
	bool ok = read_recipe(t->o, &t->recipe);

	fill_recipe(t->free, &t->recipe);
	return ok;
}

bool
training_open_program(Training *t)
{
	if (!read_recipe(t->o, &t->recipe) || !open_resumed(t))
		return false;
	t->learned = open_learned(t);
	fill_recipe(t->free, &t->recipe);
	if (t->learned && t->prompt && !t->vocab.word && t->o->model && !words_of_file(t))
		return false;
	return t->learned && (!t->prompt || t->nrow || training_prompt(t, t->learned->context));
}

bool
training_open(Training *t)
{
	if (!training_open_program(t))
		return false;
	t->length = NEWS(t->arena, int64_t, t->recipe.batch);
	for (int i = 0; i < t->recipe.batch; i++)
		t->length[i] = t->learned->context;
	return choose_parameters(t) && training_data(t);
}

bool
training_weights(Training *t)
{
	const char *path = t->o->model;
	Learned *l = t->learned;
	WeightsFile f;

	if (!path)
		return true;
	if (!learned_file(t->arena, l, path, &f))
		return false;
	for (int i = 0; i < l->nparam; i++)
		l->param[i].value = weights_file_find(&f, l->param[i].tensor->name)->at;
	return true;
}

void
training_close(Training *t)
{
	if (t->eval)
		eval_free(t->eval);
	workers_free(t->workers);
	sampler_close(&t->like);
	program_close(&t->like_program);
	program_close(&t->program);
	arena_free(t->arena);
}

int
cmd_train(const Options *o)
{
	Arena arena = { 0 };
	Training t = { .arena = &arena, .o = o, .free = o->free };
	int status = 2;

	if (o->output && !(can_write(o->output) && (!o->plot || can_write(o->plot))))
		return 2;
	if (!o->output)
		fputs("twc: train: where is what it learns to go? -o OUT.safetensors\n", stderr);
	else if (training_open(&t) && training_start(&t))
		status = train_and_save(&t);
	training_close(&t);
	return status;
}
