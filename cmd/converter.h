#ifndef CMD_CONVERTER_H
#define CMD_CONVERTER_H

#include "lang/arena.h"

/* Runs a program with these words, NULL behind them, its complaints on standard error: its exit
 * status, 127 if there is no such program. */
int run_tool(const char *const *word);

/* The path of a file in a new folder of its own, for remove_converted; NULL after a complaint. */
char *new_file(Arena *, const char *name);

/* What `tool PATH -o FILE` makes, in a new_file; NULL after a complaint. */
char *convert_text(Arena *, const char *tool, const char *path, const char *suffix);
void remove_converted(char *path);

#endif
