/* A command line, read by its program's table of flags and verbs (cli.h). */

#define _GNU_SOURCE /* memmem */

#include "cmd/cli.h"

#include "lang/arena.h"

#include <assert.h>
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FLAGS_MAX = 60, FIRST = 256 };

const Flag cli_flags[] = {
	{ .name = "help", .letter = 'h', .doc = "print this help" },
	{ .name = "version", .doc = "print the version" },
	{ .name = "man", .doc = "print the manual page, for man -l -" },
	{ .name = "completions",
	  .arg = "bash|zsh|fish",
	  .doc = "print what makes that shell complete this command" },
	{ 0 },
};
enum { HELP, VERSION, MAN, COMPLETIONS };

typedef struct Parse {
	const Cli *cli;
	const Flag *flag[FLAGS_MAX]; /* (n) the program's, then from `common` on cli_flags */
	int n, common;
	const char *given[FLAGS_MAX]; /* (n) a value, "" for a flag without one; NULL: not given */
} Parse;

static int
usage_error(const Parse *p, const char *what, const char *why)
{
	fprintf(stderr, "%s: %s%s (%s --help tells more)\n", p->cli->program, what, why,
	        p->cli->program);
	return 2;
}

static void
list_flags(Parse *p)
{
	for (const Flag *f = p->cli->flags; f->name; f++)
		p->flag[p->n++] = f;
	p->common = p->n;
	for (const Flag *f = cli_flags; f->name; f++)
		p->flag[p->n++] = f;
	assert(p->n < FLAGS_MAX);
}

/* Fills given[]; false with a line on standard error. */
static bool
read_flags(Parse *p, int argc, char **argv)
{
	struct option longs[FLAGS_MAX + 1] = { 0 };
	char letters[2 * FLAGS_MAX + 2] = ":", *l = letters + 1;
	int c;

	for (int i = 0; i < p->n; i++) {
		const Flag *f = p->flag[i];
		longs[i] = (struct option){ f->name, f->arg ? required_argument : no_argument, NULL,
			                    FIRST + i };
		if (f->letter)
			*l++ = f->letter;
		if (f->letter && f->arg)
			*l++ = ':';
	}
	*l = '\0';
	opterr = 0;
	while ((c = getopt_long(argc, argv, letters, longs, NULL)) != -1) {
		const char *word = argv[optind - 1];
		if (c == ':')
			return usage_error(p, word, " needs a value"), false;
		if (c == '?' && optopt >= FIRST)
			return usage_error(p, word, ": this option takes no value"), false;
		if (c == '?')
			return usage_error(p, word, ": there is no such option"), false;
		for (int i = 0; c < FIRST && i < p->n; i++)
			if (p->flag[i]->letter == c)
				c = FIRST + i;
		p->given[c - FIRST] = optarg ? optarg : "";
	}
	return true;
}

static const Verb *
find_verb(const Cli *cli, const char *name)
{
	for (const Verb *v = cli->verbs; name && v->name; v++)
		if (!strcmp(v->name, name))
			return v;
	return NULL;
}

bool
cli_takes(const Verb *v, const Flag *f)
{
	size_t n = strlen(f->name);

	for (const char *s = v->flags; *s; s += strspn(s, " ")) {
		size_t len = strcspn(s, " ");
		if (len == n && !memcmp(s, f->name, n))
			return true;
		s += len;
	}
	return false;
}

void
cli_count(const Verb *v, int *least, int *most)
{
	*least = *most = 0;
	for (const char *s = v->args; *s; s += strspn(s, " ")) {
		size_t n = strcspn(s, " ");
		if (*s == '-') {
			s += n + 1 + strcspn(s + n + 1, " ");
			continue;
		}
		*least += *s != '[';
		*most = memmem(s, n, "...", 3) ? INT_MAX : *most + (*most < INT_MAX);
		s += n;
	}
}

static bool
parse_count(const char *text, int *n)
{
	char *end;

	errno = 0;
	long v = strtol(text, &end, 10);
	*n = (int)v;
	return !errno && end != text && !*end && v >= 0 && v <= INT_MAX;
}

/* The place of a word among "one|other|third", from 1; 0: it is none of them. */
static int
choice_of(const char *choices, const char *word)
{
	size_t n = strlen(word);
	int at = 1;

	for (const char *s = choices; *s; s += *s == '|', at++) {
		size_t len = strcspn(s, "|");
		if (len == n && !memcmp(s, word, n))
			return at;
		s += len;
	}
	return 0;
}

/* The value of a flag into its option; false if it is none. */
static bool
set_option(const Flag *f, const char *value, void *at)
{
	if (!f->arg)
		*(bool *)at = true;
	else if (!strcmp(f->arg, "N"))
		return parse_count(value, at);
	else if (strchr(f->arg, '|'))
		return (*(int *)at = choice_of(f->arg, value)) > 0;
	else
		*(const char **)at = value;
	return true;
}

/* The flags into the options; 0, or 2 with a line on standard error. */
static int
set_options(Parse *p, const Verb *v, Options *o)
{
	char where[128];

	for (int i = 0; i < p->common; i++) {
		const Flag *f = p->flag[i];
		if (!p->given[i])
			continue;
		snprintf(where, sizeof where, "--%s ", f->name);
		if (!f->instead && !cli_takes(v, f)) {
			snprintf(where, sizeof where, "--%s is no option of %s", f->name,
			         *v->name ? v->name : p->cli->program);
			return usage_error(p, where, *v->name ? "" : " without a verb");
		}
		if (set_option(f, p->given[i], (char *)o + f->at))
			continue;
		const char *needs = strchr(f->arg, '|') ? f->arg : "a number, 0 or more";
		snprintf(where, sizeof where, "--%s needs %s", f->name, needs);
		return usage_error(p, where, "");
	}
	return 0;
}

/* --help and its like; -1 if none was given. */
static int
print_instead(const Parse *p, const Verb *v)
{
	const char *const *common = p->given + p->common;

	for (int i = 0; i < p->common; i++)
		if (p->given[i] && p->flag[i]->instead)
			return p->flag[i]->instead();
	if (common[HELP])
		print_help(p->cli, v, stdout);
	else if (common[VERSION])
		printf("%s %s\n", p->cli->program, TW_VERSION);
	else if (common[MAN])
		print_man(p->cli, stdout);
	else if (!common[COMPLETIONS])
		return -1;
	else if (!print_completions(p->cli, common[COMPLETIONS], stdout))
		return usage_error(p, common[COMPLETIONS],
		                   ": completions are for bash, zsh and fish");
	return 0;
}

/* ---- how it ends ---- */

static const Cli *running;

/* A signal ends the program, as it would have without this; but it says so, and leaves no half of
 * a file. */
static void
end_by_signal(int number)
{
	static const char why[] = ": interrupted\n";
	const char *name = running->program;

	if (running->drop)
		running->drop();
	if (write(2, name, strlen(name)) < 0 || write(2, why, sizeof why - 1) < 0)
		_exit(2);
	signal(number, SIG_DFL);
	raise(number);
}

static void
catch_signals(const Cli *cli)
{
	static const int number[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction act = { .sa_handler = end_by_signal }, old;

	running = cli;
	sigemptyset(&act.sa_mask);
	for (int i = 0; i < 3; i++)
		if (!sigaction(number[i], NULL, &old) && old.sa_handler != SIG_IGN)
			sigaction(number[i], &act, NULL);
	signal(SIGPIPE, SIG_IGN); /* a reader that has gone is an error of writing, and told */
}

/* What was printed must be written; the status, 2 after saying why where it was not. */
static int
written(const Cli *cli, int status)
{
	errno = 0;
	if (!fflush(stdout) && !ferror(stdout))
		return status;
	if (status != 2)
		fprintf(stderr, "%s: cannot write to standard output: %s\n", cli->program,
		        strerror(errno ? errno : EIO));
	return 2;
}

/* The verb's i'th argument as its row calls it, without "..."; how long the word is. */
static const char *
verb_argument(const Verb *v, int i, int *n)
{
	const char *s = v->args;

	while (i-- > 0)
		s += strcspn(s, " "), s += strspn(s, " ");
	*n = (int)strcspn(s, " .");
	return s;
}

static int
no_verb(const Parse *p, const char *word)
{
	char what[512];
	int len = snprintf(what, sizeof what, "there is no verb '%.60s'; there are", word);

	for (const Verb *v = p->cli->verbs + 1; v->name && len < (int)sizeof what; v++)
		len += snprintf(what + len, sizeof what - (size_t)len, " %s", v->name);
	return usage_error(p, what, "");
}

/* There are fewer arguments than the verb needs, or more than it takes. */
static int
miscounted(const Parse *p, const Verb *v, int n, bool fewer)
{
	const char *space = *v->name ? " " : "";
	char what[512];
	int len = 0;

	if (fewer) {
		const char *word = verb_argument(v, n, &len);
		snprintf(what, sizeof what, "%.*s is missing: %s %s%s%s", len, word,
		         p->cli->program, v->name, space, v->args);
	} else {
		snprintf(what, sizeof what, "too many arguments: %s %s%s%s", p->cli->program,
		         v->name, space, v->args);
	}
	return usage_error(p, what, "");
}

const Verb *
cli_parse(const Cli *cli, int *argc, char ***argv, Options *o, int *status)
{
	Parse p = { .cli = cli };
	int least, most;

	*status = 2;
	list_flags(&p);
	if (!read_flags(&p, *argc, *argv))
		return NULL;
	*argc -= optind;
	*argv += optind;

	const Verb *v = find_verb(cli, *argc ? (*argv)[0] : NULL);
	if (v && *v->name) {
		--*argc;
		++*argv;
	} else {
		v = cli->verbs;
	}
	*status = print_instead(&p, v);
	if (*status >= 0) {
		signal(SIGPIPE, SIG_IGN);
		*status = written(cli, *status);
	}
	if (*status >= 0 || (*status = set_options(&p, v, o)))
		return NULL;
	if (!*v->name && cli->verbs[1].name && *argc && !strpbrk(**argv, "./")
	    && access(**argv, F_OK)) {
		*status = no_verb(&p, **argv);
		return NULL;
	}
	cli_count(v, &least, &most);
	if (*argc >= least && *argc <= most)
		return v;
	*status = miscounted(&p, v, *argc, *argc < least);
	return NULL;
}

typedef struct VerbCall {
	const Verb *verb;
	const Options *options;
	int status;
} VerbCall;

static void
call_verb(void *call)
{
	VerbCall *c = call;

	c->status = c->verb->run(c->options);
}

int
cli_run(const Cli *cli, const Verb *v, const Options *o)
{
	VerbCall call = { v, o, 2 };

	catch_signals(cli);
	if (arena_protect(NULL, call_verb, &call))
		return written(cli, call.status);
	fflush(stdout);
	fprintf(stderr, "%s: out of memory\n", cli->program);
	return 2;
}
