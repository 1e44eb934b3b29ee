/* A command line's table as text: --help, the manual page, completions for shells. */

#include "cmd/cli.h"

#include <string.h>

/* The next line of a text of lines; its length. */
static int
line_length(const char *s)
{
	return (int)strcspn(s, "\n");
}

#define EACH_LINE(s, text) \
	(const char *s = (text) ? (text) : ""; *s; s += line_length(s), s += *s == '\n')

static const char *
verb_space(const Verb *v)
{
	return *v->name ? " " : "";
}

/* Folds a text into lines of a terminal, from column `at` on, further ones indented. */
static void
put_folded(const char *s, int n, int at, int indent, FILE *f)
{
	enum { WIDE = 79 };

	for (const char *end = s + n; s < end;) {
		int word = (int)strcspn(s, " ");
		if (word > end - s)
			word = (int)(end - s);
		if (at > indent && at + 1 + word > WIDE) {
			fprintf(f, "\n%*s", indent, "");
			at = indent;
		} else if (at > indent) {
			fputc(' ', f);
			at++;
		}
		fprintf(f, "%.*s", word, s);
		at += word;
		s += word;
		s += strspn(s, " ");
	}
	fputc('\n', f);
}

/* A term, and beside it what it means. */
static void
put_pair(const char *term, const char *doc, int indent, FILE *f)
{
	int n = fprintf(f, "  %s", term);

	if (n + 2 > indent)
		fprintf(f, "\n%*s", indent, "");
	else
		fprintf(f, "%*s", indent - n, "");
	put_folded(doc, (int)strlen(doc), indent, indent, f);
}

static void
flag_term(const Flag *f, char *out, size_t size)
{
	char letter[5] = "";

	if (f->letter)
		snprintf(letter, sizeof letter, "-%c, ", f->letter);
	snprintf(out, size, "%s--%s%s%s", letter, f->name, f->arg ? "=" : "", f->arg ? f->arg : "");
}

/* The i'th flag that goes with the verb (NULL: with any), those of every program last. */
static const Flag *
flag_of(const Cli *c, const Verb *v, int i)
{
	for (const Flag *g = c->flags; g->name; g++)
		if ((!v || cli_takes(v, g) || (g->instead && !*v->name)) && !i--)
			return g;
	for (const Flag *g = cli_flags; g->name; g++)
		if ((!v || !*v->name || g == cli_flags) && !i--)
			return g;
	return NULL;
}

/* ---- --help ---- */

static void
put_flags(const Cli *c, const Verb *v, FILE *f)
{
	char term[80];
	const Flag *g;

	fputs("\nOptions:\n", f);
	for (int i = 0; (g = flag_of(c, v, i)); i++) {
		flag_term(g, term, sizeof term);
		put_pair(term, g->doc, 26, f);
	}
}

static void
put_verbs(const Cli *c, FILE *f)
{
	char term[80];

	fputc('\n', f);
	for (const Verb *v = c->verbs; v->name; v++) {
		snprintf(term, sizeof term, "%s %s%s%s", c->program, v->name, verb_space(v),
		         v->args);
		put_pair(term, v->doc, 32, f);
	}
	fprintf(f, "\n%s VERB --help tells more of a verb.\n", c->program);
}

void
print_help(const Cli *c, const Verb *v, FILE *f)
{
	bool many = c->verbs[1].name;
	char what[256];

	fprintf(f, "Usage: %s %s%s%s\n", c->program, v->name, verb_space(v), v->args);
	if (!*v->name && many)
		fprintf(f, "       %s VERB ...\n", c->program);
	fputc('\n', f);
	snprintf(what, sizeof what, "%s%s%s %s.", c->program, verb_space(v), v->name,
	         *v->name ? v->doc : c->doc);
	put_folded(what, (int)strlen(what), 0, 0, f);
	if (!*v->name && many)
		put_verbs(c, f);
	for
		EACH_LINE(s, v->more)
		{
			fputc('\n', f);
			put_folded(s, line_length(s), 0, 0, f);
		}
	put_flags(c, v, f);
	fputs("\nExamples:\n", f);
	for
		EACH_LINE(s, v->examples)
	fprintf(f, "  %.*s\n", line_length(s), s);
	fputc('\n', f);
	fprintf(f, "Exit status: ");
	put_folded(c->status, (int)strlen(c->status), 13, 13, f);
}

/* ---- the manual page ---- */

/* Text for roff: nothing in it is a request or an escape. */
static void
put_roff(const char *s, int n, FILE *f)
{
	if (n && (*s == '.' || *s == '\''))
		fputs("\\&", f);
	for (int i = 0; i < n; i++)
		if (s[i] == '\\')
			fputs("\\e", f);
		else if (s[i] == '-')
			fputs("\\-", f);
		else if (s[i] == '\'')
			fputs("\\(aq", f);
		else
			fputc(s[i], f);
}

static void
roff_line(const char *request, const char *s, FILE *f)
{
	fputs(request, f);
	put_roff(s, (int)strlen(s), f);
	fputc('\n', f);
}

static void
roff_flag(const Flag *g, FILE *f)
{
	char term[80];

	flag_term(g, term, sizeof term);
	fputs(".TP\n", f);
	roff_line("\\fB", term, f);
	fputs("\\fR", f);
	roff_line("", g->doc, f);
}

static void
roff_verb(const Cli *c, const Verb *v, FILE *f)
{
	char term[128];

	snprintf(term, sizeof term, "%s %s%s%s", c->program, v->name, verb_space(v), v->args);
	roff_line(".SS ", term, f);
	roff_line("", v->doc, f);
	for
		EACH_LINE(s, v->more)
		{
			fputs(".PP\n", f);
			put_roff(s, line_length(s), f);
			fputc('\n', f);
		}
	for (const Flag *g = c->flags; g->name; g++)
		if (cli_takes(v, g))
			roff_flag(g, f);
	fputs(".PP\nExamples:\n.PP\n.nf\n.RS\n", f);
	for
		EACH_LINE(s, v->examples)
		{
			put_roff(s, line_length(s), f);
			fputc('\n', f);
		}
	fputs(".RE\n.fi\n", f);
}

void
print_man(const Cli *c, FILE *f)
{
	fprintf(f, ".\\\" Made by %s --man\n.TH ", c->program);
	for (const char *s = c->program; *s; s++)
		fputc(*s - 'a' + 'A', f);
	fprintf(f, " 1 \"\" \"%s %s\" \"User Commands\"\n.SH NAME\n%s \\- ", c->program, TW_VERSION,
	        c->program);
	roff_line("", c->doc, f);
	fputs(".SH SYNOPSIS\n.nf\n", f);
	for (const Verb *v = c->verbs; v->name; v++) {
		fprintf(f, "\\fB%s %s%s\\fR", c->program, v->name, verb_space(v));
		roff_line("", v->args, f);
	}
	fputs(".fi\n.SH DESCRIPTION\n", f);
	for (const Verb *v = c->verbs; v->name; v++)
		roff_verb(c, v, f);
	fputs(".SH OTHER OPTIONS\n", f);
	for (const Flag *g = c->flags; g->name; g++)
		if (g->instead)
			roff_flag(g, f);
	for (const Flag *g = cli_flags; g->name; g++)
		roff_flag(g, f);
	fputs(".SH EXIT STATUS\n", f);
	roff_line("", c->status, f);
	fputs(".SH ENVIRONMENT\n.TP\n\\fBNO_COLOR\\fR\n", f);
	roff_line(
		"",
		"if set and not empty, nothing is coloured; nor is what does not go to a terminal",
		f);
	fputs(".SH SEE ALSO\n", f);
	roff_line("", c->see, f);
}

/* ---- completions ---- */

static bool
takes_path(const Flag *g)
{
	return g->arg
	       && (!strcmp(g->arg, "FILE") || !strcmp(g->arg, "OUT") || !strcmp(g->arg, "DIR"));
}

static bool
takes_words(const Flag *g)
{
	return g->arg && strchr(g->arg, '|');
}

/* "bash|zsh" as words. */
static void
put_words(const char *words, FILE *f)
{
	for (; *words; words++)
		fputc(*words == '|' ? ' ' : *words, f);
}

/* As it must be written between single quotes; fish and zsh want some characters escaped. */
static void
put_shell_quoted(const char *s, const char *escaped, FILE *f)
{
	for (; *s; s++)
		if (*s == '\'')
			fputs("'\\''", f);
		else if (strchr(escaped, *s))
			fprintf(f, "\\%c", *s);
		else
			fputc(*s, f);
}

static void
bash(const Cli *c, FILE *f)
{
	const Flag *g;

	fprintf(f,
	        "_%s() {\n"
	        "\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} words= "
	        "ext\n"
	        "\t[ \"$cur\" = = ] && cur=\n"
	        "\t[ \"$prev\" = = ] && prev=${COMP_WORDS[COMP_CWORD-2]}\n"
	        "\tCOMPREPLY=()\n"
	        "\tcase $prev in\n",
	        c->program);
	for (int i = 0; (g = flag_of(c, NULL, i)); i++) {
		if (!g->arg)
			continue;
		fprintf(f, "\t--%s", g->name);
		if (g->letter)
			fprintf(f, "|-%c", g->letter);
		if (takes_words(g)) {
			fputs(") COMPREPLY=($(compgen -W \"", f);
			put_words(g->arg, f);
			fputs("\" -- \"$cur\")); return ;;\n", f);
		} else {
			fprintf(f, ") %sreturn ;;\n",
			        takes_path(g) ? "COMPREPLY=($(compgen -f -- \"$cur\")); " : "");
		}
	}
	fputs("\tesac\n\tif [[ $cur == -* ]]; then\n\t\tcase ${COMP_WORDS[1]} in\n", f);
	for (const Verb *v = c->verbs + 1; v[-1].name; v++) {
		const Verb *w = v->name ? v : c->verbs;
		fprintf(f, "\t\t%s) words=\"", *w->name ? w->name : "*");
		for (int i = 0; (g = flag_of(c, w, i)); i++)
			fprintf(f, "%s--%s", i ? " " : "", g->name);
		fputs("\" ;;\n", f);
	}
	fputs("\t\tesac\n\telse\n\t\t[ $COMP_CWORD = 1 ] && words=\"", f);
	for (const Verb *v = c->verbs + 1; v->name; v++)
		fprintf(f, "%s%s", v > c->verbs + 1 ? " " : "", v->name);
	fprintf(f,
	        "\"\n\t\tfor ext in %s; do\n"
	        "\t\t\tCOMPREPLY+=($(compgen -f -X \"!*.$ext\" -- \"$cur\"))\n"
	        "\t\tdone\n"
	        "\t\tCOMPREPLY+=($(compgen -d -- \"$cur\"))\n"
	        "\tfi\n"
	        "\tCOMPREPLY+=($(compgen -W \"$words\" -- \"$cur\"))\n"
	        "}\n"
	        "complete -o filenames -F _%s %s\n",
	        c->files, c->program, c->program);
}

static void
zsh_verb(const Cli *c, const Verb *v, FILE *f)
{
	const Flag *g;

	for (int i = 0; (g = flag_of(c, v, i)); i++) {
		fprintf(f, "\t\t'--%s%s[", g->name, g->arg ? "=" : "");
		put_shell_quoted(g->doc, "[]:", f);
		fputc(']', f);
		if (takes_words(g)) {
			fprintf(f, ":%s:(", g->name);
			put_words(g->arg, f);
			fputc(')', f);
		} else if (g->arg) {
			fprintf(f, ":%s:%s", g->arg, takes_path(g) ? "_files" : "");
		}
		fputs("' \\\n", f);
	}
	fputs("\t\t'*:file:_files -g \"*.(", f);
	for (const char *s = c->files; *s; s++)
		fputc(*s == ' ' ? '|' : *s, f);
	fputs(")\"' ;;\n", f);
}

static void
zsh(const Cli *c, FILE *f)
{
	fprintf(f, "#compdef %s\nlocal -a verbs\nverbs=(\n", c->program);
	for (const Verb *v = c->verbs + 1; v->name; v++) {
		fprintf(f, "\t'%s:", v->name);
		put_shell_quoted(v->doc, "", f);
		fputs("'\n", f);
	}
	fputs(")\n(( CURRENT == 2 )) && [[ $words[2] != -* ]] && (( $#verbs )) && _describe verb "
	      "verbs\ncase "
	      "$words[2] in\n",
	      f);
	for (const Verb *v = c->verbs + 1; v[-1].name; v++) {
		const Verb *w = v->name ? v : c->verbs;
		fprintf(f, "%s)\n\t%s_arguments \\\n", *w->name ? w->name : "*",
		        *w->name ? "shift words; (( CURRENT-- )); " : "");
		zsh_verb(c, w, f);
	}
	fputs("esac\n", f);
}

static void
fish_flag(const Cli *c, const Flag *g, const char *when, FILE *f)
{
	fprintf(f, "complete -c %s%s -l %s", c->program, when, g->name);
	if (g->letter)
		fprintf(f, " -s %c", g->letter);
	if (takes_words(g)) {
		fputs(" -xa '", f);
		put_words(g->arg, f);
		fputc('\'', f);
	} else if (g->arg) {
		fputs(takes_path(g) ? " -rF" : " -x", f);
	}
	fputs(" -d '", f);
	put_shell_quoted(g->doc, "", f);
	fputs("'\n", f);
}

static void
fish(const Cli *c, FILE *f)
{
	char when[128];
	const Flag *g;

	for (const Verb *v = c->verbs; v->name; v++) {
		if (*v->name) {
			fprintf(f, "complete -c %s -n __fish_use_subcommand -a %s -d '", c->program,
			        v->name);
			put_shell_quoted(v->doc, "", f);
			fputs("'\n", f);
		}
		if (*v->name)
			snprintf(when, sizeof when, " -n '__fish_seen_subcommand_from %s'",
			         v->name);
		else
			snprintf(when, sizeof when, "%s",
			         c->verbs[1].name ? " -n __fish_use_subcommand" : "");
		for (int i = 0; (g = flag_of(c, v, i)); i++)
			fish_flag(c, g, when, f);
	}
}

bool
print_completions(const Cli *c, const char *shell, FILE *f)
{
	static const struct {
		const char *name;
		void (*print)(const Cli *, FILE *);
	} shells[] = { { "bash", bash }, { "zsh", zsh }, { "fish", fish } };

	for (size_t i = 0; i < sizeof shells / sizeof *shells; i++)
		if (!strcmp(shell, shells[i].name))
			return shells[i].print(c, f), true;
	return false;
}
