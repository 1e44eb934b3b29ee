#ifndef FRONTEND_FRONTEND_H
#define FRONTEND_FRONTEND_H

/* From the text of a program to its graph. Both stages always return something
 * to go on with; diags->nerror tells whether it is sound. */

#include "ir/ir.h"

typedef struct Tree Tree;

Tree *parse(const Source *, Arena *, Diags *);

/* `use NAME` reads stdlib_dir/NAME.tw, `use "./x.tw"` a file beside this one. */
Graph *lower(const Tree *, const char *stdlib_dir, Arena *, Diags *);

/* The program's text in the one style there is; NULL if it has a syntax error. */
char *format(const Source *, Arena *, Diags *, size_t *n);

#endif
