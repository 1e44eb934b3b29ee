/* What was proved, for a reader and as JSON. */

#include "prove/prove.h"

#include <math.h>
#include <string.h>

static const char *const fact_name[NFACT] = {
	[FACT_SUM] = "exact sums",  [FACT_SCORE] = "scores", [FACT_GAP] = "heads",
	[FACT_LOGIT] = "logits",    [FACT_NEXT] = "next",    [FACT_LABEL] = "labels",
	[FACT_CIRCUIT] = "circuit", [FACT_GRAPH] = "graph",  [FACT_CLAIM] = "claims",
};

static void
put_json_text(const char *s)
{
	putchar('"');
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			printf("\\%c", *s);
		else if ((unsigned char)*s < ' ')
			printf("\\u%04x", *s);
		else
			putchar(*s);
	}
	putchar('"');
}

static void
put_json_number(const char *name, double x)
{
	if (isfinite(x))
		printf(",\"%s\":%.17g", name, x);
	else
		printf(",\"%s\":null", name);
}

static void
report_json(const Proof *p, const char *file, bool proved)
{
	printf("{\"file\":");
	put_json_text(file);
	printf(",\"model\":");
	put_json_text(p->m->name);
	printf(",\"proved\":%s", proved ? "true" : "false");
	put_json_number("largest_sum", p->largest_sum);
	put_json_number("least_gap", p->least_gap);
	printf(",\"reals\":%d,\"promises\":%d,\"sites\":{", p->reals, p->promises);
	for (int i = 0; i < NFACT; i++)
		printf("%s\"%s\":[%d,%d]", i ? "," : "", fact_name[i], p->proved[i], p->all[i]);
	printf("},\"not_proved\":[");
	for (int i = 0; i < p->nfinding; i++) {
		printf(i ? ",{\"where\":" : "{\"where\":");
		put_json_text(p->finding[i].where);
		printf(",\"reason\":");
		put_json_text(p->finding[i].reason);
		printf("}");
	}
	printf("]}\n");
}

/* Where numbers that are exact first become one that is not. */
static void
report_first_real(const Proof *p)
{
	for (int i = 0; i < p->reals; i++)
		if (!p->real[i].of_reals) {
			printf("  first of what is not exact: %s, up to %.0f steps of %g, where "
			       "2^24 are exact\n",
			       p->real[i].what, p->real[i].total / p->real[i].step,
			       p->real[i].step);
			return;
		}
}

static void
report_text(const Proof *p, const char *file, bool proved, bool verbose)
{
	printf("%s: %s\n", file,
	       !proved        ? "not proved"
	       : p->reals > 0 ? "proved: exact for every text, whatever the engine, reals within "
	                        "their error"
	                      : "proved: exact for every text, whatever the engine");
	if (verbose || proved) {
		printf("  ");
		for (int i = 0; i < NFACT; i++)
			if (p->all[i])
				printf("%s %d of %d, ", fact_name[i], p->proved[i], p->all[i]);
		printf("reals %d\n  largest sum %.0f of 16777216", p->reals, p->largest_sum);
		if (isfinite(p->least_gap))
			printf(", least gap of a head %.0f (104 is needed)", p->least_gap);
		printf("\n");
	}
	if (p->promises)
		printf("  assumed: %d head%s where no two positions match, as the program's 'only' "
		       "promises\n",
		       p->promises, p->promises > 1 ? "s" : "");
	for (int i = 0; i < p->reals && verbose; i++)
		printf("  real: %s, up to %g in steps of %g%s\n", p->real[i].what, p->real[i].total,
		       p->real[i].step, p->real[i].of_reals ? ", of reals" : "");
	if (!proved)
		report_first_real(p);
	for (int i = 0; i < p->nfinding && (verbose || i < 8); i++)
		printf("  %s: %s\n", p->finding[i].where, p->finding[i].reason);
	if (p->nfinding > 8 && !verbose)
		printf("  and %d more (--verbose)\n", p->nfinding - 8);
}

/* The exit status: 0 if all is proved. */
int
report(const Proof *p, const char *file, bool json, bool verbose)
{
	bool proved = p->nfinding == 0;

	if (json)
		report_json(p, file, proved);
	else
		report_text(p, file, proved, verbose);
	return proved ? 0 : 1;
}
