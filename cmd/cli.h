#ifndef CMD_CLI_H
#define CMD_CLI_H

/* A program's command line as a table. It is parsed by the table, and --help, the
 * manual page and the shells' completions are made of it. To add a verb: a row in
 * verbs, its function, and rows in flags for what no other verb takes. */

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "runtime/model.h" /* TW_VERSION */

typedef struct Options Options; /* what flags set; each program has its own */

typedef struct Flag {
	const char *name; /* "output" */
	char letter;      /* 'o', or 0 */
	const char *arg;  /* "FILE", "DIR", "bash|zsh"; NULL: it takes none */
	/* In Options: a bool if it takes none, an int if arg is N, an int that says which, from
	 * 1, if arg is "one|other", else a const char *. */
	size_t at;
	const char *doc;      /* without a full stop */
	int (*instead)(void); /* what is done at once in place of a verb, or NULL */
} Flag;

typedef struct Verb {
	const char *name;     /* "" is what happens without a verb; it comes first */
	const char *args;     /* "FILE PROMPT..."; [X] may be left out; -o OUT is only shown */
	const char *doc;      /* one line: what it does, "runs the tests that files carry" */
	const char *more;     /* paragraphs, a line each; or NULL */
	const char *flags;    /* "batch stdlib" */
	const char *examples; /* a line each */
	int (*run)(const Options *);
} Verb;

typedef struct Cli {
	const char *program; /* "twc" */
	const char *doc;     /* what it is for, in a line */
	const char *files;   /* extensions of its arguments: "onnx safetensors" */
	const char *status;  /* what the exit statuses mean */
	const char *see;     /* "twrun(1)" */
	void (*drop)(void);  /* NULL, or what removes unfinished files when a signal ends it */
	const Flag *flags;   /* the last has no name */
	const Verb *verbs;   /* the last has no name */
} Cli;

/* What the command line asks for; argv and argc become its arguments. NULL if nothing
 * is left to do: *status is how to exit. */
const Verb *cli_parse(const Cli *, int *argc, char ***argv, Options *, int *status);
/* Runs the verb; how to exit, which is 2 with a line on standard error where memory ran out. */
int cli_run(const Cli *, const Verb *, const Options *);

/* How many arguments the verb takes. */
void cli_count(const Verb *, int *least, int *most);
/* Those of every program: help, version, man, completions. */
extern const Flag cli_flags[];
bool cli_takes(const Verb *, const Flag *);

/* ---- cmd/manual.c: the table as text ---- */
void print_help(const Cli *, const Verb *, FILE *); /* the verb "": of the program */
void print_man(const Cli *, FILE *);
/* False if it is no shell that we know. */
bool print_completions(const Cli *, const char *shell, FILE *);

#endif
