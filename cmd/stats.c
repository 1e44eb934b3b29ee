#include "cmd/stats.h"

#include <time.h>

double
stats_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

void
stats_add(Totals *t, TwStats s)
{
	t->sessions++;
	t->sum.tokens += s.tokens;
	t->sum.fallbacks += s.fallbacks;
	t->sum.bytes += s.bytes;
	for (int i = 0; i < TW_PHASES; i++)
		t->sum.share[i] += s.share[i] * (double)s.tokens;
}

static void
print_shares(const Totals *t, FILE *out)
{
	static const char *const name[TW_PHASES] = { "embedding", "projections", "heads", "neurons",
		                                     "output" };
	double all = 0;

	for (int i = 0; i < TW_PHASES; i++)
		all += t->sum.share[i];
	fputs("time     ", out);
	for (int i = 0; i < TW_PHASES && all > 0; i++)
		fprintf(out, "%s%s %.0f %%", i ? ", " : "", name[i], 100 * t->sum.share[i] / all);
	fputs(all > 0 ? "\n" : "not told apart: softmax over all places\n", out);
}

void
stats_print(const Totals *t, const TwModel *m, FILE *out)
{
	TwCost cost = tw_cost(m);

	fprintf(out, "loading  %.2f ms\n", t->loading * 1e3);
	fprintf(out, "tokens   %ld in %.3f s, %.0f a second\n", t->sum.tokens, t->answering,
	        t->answering > 0 ? (double)t->sum.tokens / t->answering : 0);
	print_shares(t, out);
	fprintf(out,
	        "weights  %ld, %ld of them not 0; a token reads %ld at most and skips the rest\n",
	        cost.weights, cost.nonzeros, cost.reads);
	fprintf(out, "memory   %zu bytes used by %d %s, of %d positions each at most\n",
	        t->sum.bytes, t->sessions, t->sessions == 1 ? "session" : "sessions", m->context);
	fprintf(out, "softmax  %ld texts broke a claim of the file and were run by softmax\n",
	        t->sum.fallbacks);
}
