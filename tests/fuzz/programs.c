/* usage: programs [--count N] [--from SEED] [--judge DIR] [--found DIR] [-v] [--coverage]
 *        programs --show SEED | --faulty SEED
 *
 * Differential testing on random programs (McKeeman 1998, "Differential testing for software"; Yang
 * et al. 2011, Csmith): each is checked in a process of its own (check.c). One that fails is
 * shrunk, by leaving out and replacing parts as long as it still fails (delta debugging, Zeller and
 * Hildebrandt 2002), and kept in DIR (build/fuzz/found) with what was wrong as a comment. --judge
 * writes models and what is expected of them for judge.mjs, and names each on standard output.
 *
 * --coverage prints how many of the programs have each construct, and how many of
 * those compiled. --show prints a program, --faulty the same with one mistake, which has 4242 in
 * it. */

#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/fuzz/check.h"
#include "tests/fuzz/coverage.h"

enum { SECONDS = 20, WHY = 2000, TRIALS = 1500, HUNG_TRIALS = 15 };

static const char *const fate_name[] = {
	[FINE] = "fine",
	[REFUSED] = "refused",
	[ENDLESS] = "endless",
	[DIFFERS] = "evaluator differs",
	[UNTRUE] = "range is wrong",
	[MISCOMPILED] = "transformer differs",
	[UNSURE] = "look-ups differ",
	[UNLOADABLE] = "does not load",
	[UNTIDY] = "twc fmt",
	[DISORDERED] = "order of lines",
	[REFUSED_BADLY] = "refused badly",
	[BEYOND] = "beyond its limits",
	[CRASHED] = "crash",
	[HUNG] = "no end",
};

typedef struct FuzzRun {
	const char *judge, *found;
	bool verbose;
	Coverage *coverage; /* or NULL */
	int count[HUNG + 1], bad;
	char why[WHY]; /* of the last program */
} FuzzRun;

/* In a process of its own; what it says on standard error is the reason. */
static Fate
try_sample(FuzzRun *run, const Sample *s, const char *judge)
{
	int pipes[2], status;
	size_t n = 0;
	ssize_t got;

	if (pipe(pipes))
		abort();
	fflush(NULL);
	pid_t child = fork();
	if (!child) {
		dup2(pipes[1], STDERR_FILENO);
		close(pipes[0]);
		setrlimit(RLIMIT_CPU, &(struct rlimit){ SECONDS, SECONDS });
		_exit(check_sample(s, judge, stderr));
	}
	close(pipes[1]);
	char rest[512];
	while ((got = read(pipes[0], n < WHY - 1 ? run->why + n : rest,
	                   n < WHY - 1 ? WHY - 1 - n : sizeof rest))
	       > 0)
		n += n < WHY - 1 ? (size_t)got : 0;
	run->why[n] = '\0';
	close(pipes[0]);
	waitpid(child, &status, 0);
	if (WIFEXITED(status) && WEXITSTATUS(status) >= FINE && WEXITSTATUS(status) < CRASHED)
		return (Fate)WEXITSTATUS(status);
	return WIFSIGNALED(status) && (WTERMSIG(status) == SIGXCPU || WTERMSIG(status) == SIGKILL)
	               ? HUNG
	               : CRASHED;
}

/* ---- making it small ---- */

typedef struct Shrink {
	FuzzRun *run;
	Sample *s;
	Fate fate;
	int trials;
	bool smaller;
} Shrink;

static bool
still_fails(Shrink *sh)
{
	if (sh->trials >= (sh->fate == HUNG ? HUNG_TRIALS : TRIALS))
		return false;
	sh->trials++;
	return try_sample(sh->run, sh->s, NULL) == sh->fate;
}

static bool
same_kind(const Expr *a, const Expr *b)
{
	return a->type.kind == b->type.kind && a->type.def == b->type.def && a->type.n == b->type.n
	       && a->type.item == b->type.item;
}

static bool
is_leaf(const Expr *e)
{
	return !e->n;
}

/* A plain value in its place. */
static bool
literal(const Expr *e, int which, Expr *to)
{
	static const ExprForm form[] = { [T_INT] = F_INT,
		                         [T_BOOL] = F_BOOL,
		                         [T_TOKEN] = F_WORD,
		                         [T_ENUM] = F_MEMBER,
		                         [T_POS] = F_HERE };

	if (e->type.kind > T_POS || (is_leaf(e) && e->form == form[e->type.kind]))
		return false;
	*to = (Expr){
		.form = form[e->type.kind], .type = e->type, .num = which, .lo = which, .hi = which
	};
	return true;
}

static void
shrink_expr(Shrink *sh, Expr *e)
{
	Expr old = *e, to;

	for (int i = 0; i < old.n; i++) {
		if (!old.kid[i] || !same_kind(e, old.kid[i]))
			continue;
		*e = *old.kid[i];
		if (still_fails(sh)) {
			sh->smaller = true;
			shrink_expr(sh, e);
			return;
		}
		*e = old;
	}
	for (int which = 0; which < 2; which++) {
		if (!literal(&old, which, &to))
			break;
		*e = to;
		if (still_fails(sh)) {
			sh->smaller = true;
			return;
		}
		*e = old;
	}
	for (int i = 0; i < e->n; i++)
		if (e->kid[i])
			shrink_expr(sh, e->kid[i]);
}

static void
shrink_def(Shrink *sh, Decl *d)
{
	if (d->kind == D_INPUT)
		return;
	d->dropped = true;
	if (still_fails(sh)) {
		sh->smaller = true;
		return;
	}
	d->dropped = false;
	if (d->annotated) {
		d->annotated = false;
		if (!still_fails(sh))
			d->annotated = true;
	}
	for (int i = 0; i < d->nlocal; i++)
		shrink_expr(sh, d->local[i]->body);
	if (d->body)
		shrink_expr(sh, d->body);
	if (d->after)
		shrink_expr(sh, d->after);
}

static void
shrink(FuzzRun *run, Sample *s, Fate fate)
{
	Shrink sh = { .run = run, .s = s, .fate = fate, .smaller = true };

	while (sh.smaller && sh.trials < (fate == HUNG ? HUNG_TRIALS : TRIALS)) {
		sh.smaller = false;
		for (int i = s->ndef - 1; i >= 0; i--)
			if (!s->def[i]->dropped)
				shrink_def(&sh, s->def[i]);
		for (int n = 1; n < s->context; n++) {
			int old = s->context;
			s->context = n;
			if (still_fails(&sh))
				break;
			s->context = old;
		}
	}
}

static void
keep_failure(FuzzRun *run, Sample *s, Fate fate)
{
	Arena *a = s->arena;
	char *path = arena_fmt(a, "%s/%" PRIu64 ".tw", run->found, s->seed);

	shrink(run, s, fate);
	try_sample(run, s, NULL);
	mkdir(run->found, 0777);
	FILE *f = fopen(path, "w");
	if (f) {
		fprintf(f, "# %s: %.*s\n", fate_name[fate], (int)strcspn(run->why, "\n"), run->why);
		print_program(s, f);
		fclose(f);
	}
	fprintf(stderr, "seed %" PRIu64 ": %s: %.*s\n  %s\n", s->seed, fate_name[fate],
	        (int)strcspn(run->why, "\n"), run->why, path);
}

static void
run_one(FuzzRun *run, uint64_t seed)
{
	Arena arena = { 0 };
	Sample *s = generate(&arena, seed);
	Fate fate = try_sample(run, s, run->judge);

	run->count[fate]++;
	if (fate == FINE && run->judge)
		printf("%s/%" PRIu64 "\n", run->judge, seed);
	if (run->verbose)
		fprintf(stderr, "%" PRIu64 " %s: %.*s\n", seed, fate_name[fate],
		        (int)strcspn(run->why, "\n"), run->why);
	if (run->coverage)
		coverage_add(run->coverage, s, fate != REFUSED);
	if (fate >= DIFFERS) {
		run->bad++;
		keep_failure(run, s, fate);
	}
	arena_free(&arena);
}

static void
show_sample(Sample *(*make)(Arena *, uint64_t), uint64_t seed)
{
	Arena arena = { 0 };

	print_program(make(&arena, seed), stdout);
	arena_free(&arena);
}

int
main(int argc, char **argv)
{
	Coverage coverage = { 0 };
	FuzzRun run = { .found = "build/fuzz/found" };
	uint64_t from = 1, count = 100;

	for (int i = 1; i < argc; i++) {
		const char *arg = i + 1 < argc ? argv[i + 1] : "";
		if (!strcmp(argv[i], "-v")) {
			run.verbose = true;
			continue;
		}
		if (!strcmp(argv[i], "--coverage")) {
			run.coverage = &coverage;
			continue;
		}
		if (!strcmp(argv[i], "--show"))
			return show_sample(generate, strtoull(arg, NULL, 10)), 0;
		if (!strcmp(argv[i], "--faulty"))
			return show_sample(faulty, strtoull(arg, NULL, 10)), 0;
		if (!strcmp(argv[i], "--count"))
			count = strtoull(arg, NULL, 10);
		else if (!strcmp(argv[i], "--from"))
			from = strtoull(arg, NULL, 10);
		else if (!strcmp(argv[i], "--judge"))
			run.judge = arg;
		else if (!strcmp(argv[i], "--found"))
			run.found = arg;
		else
			return fprintf(stderr, "programs: what is %s?\n", argv[i]), 2;
		i++;
	}
	for (uint64_t i = 0; i < count; i++)
		run_one(&run, from + i);
	fprintf(stderr, "programs: %" PRIu64, count);
	for (int i = FINE; i <= HUNG; i++)
		if (run.count[i])
			fprintf(stderr, ", %d %s", run.count[i], fate_name[i]);
	fputc('\n', stderr);
	if (run.coverage)
		print_coverage(run.coverage);
	return run.bad > 0;
}
