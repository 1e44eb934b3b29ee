#ifndef FRONTEND_FRONTEND_H
#define FRONTEND_FRONTEND_H

/* From the text of a program to its graph. Both stages return something to go on with,
 * and diags->nerror tells whether it is sound; NULL only where memory ran out. */

#include "ir/ir.h"

typedef struct Tree Tree;

Tree *parse(const Source *, Arena *, Diags *);

/* `use NAME` reads stdlib_dir/NAME.tw, or the library inside where stdlib_dir is NULL;
 * `use "./x.tw"` reads a file beside this one. */
Graph *lower(const Tree *, const char *stdlib_dir, Arena *, Diags *);

/* The program's text in the one style there is; NULL if it has a syntax error. */
char *format(const Source *, Arena *, Diags *, size_t *n);

/* ---- files: disk.c, or web/page_files.c in a page ---- */
/* What a file holds, with a NUL behind it; NULL if it cannot be read or is larger than 16 MB. */
char *file_text(Arena *, const char *path, size_t *n);
/* The same of a file of any size and any content, not to be written to; it stays in memory. */
const char *file_bytes(Arena *, const char *path, size_t *n);
bool file_exists(const char *path);
/* The names of the files of a folder that end so, without the ending; NULL ends them. */
const char **files_in(Arena *, const char *folder, const char *ending);

/* ---- sources ---- */
typedef struct Ast Ast;
/* The standard library, inside the program: made by tools/embed. */
typedef struct LibraryFile {
	const char *name; /* "digits" */
	size_t len;
	const char *text;
} LibraryFile;
extern const LibraryFile library_files[]; /* ends with a NULL name */
/* Is it the path of a file of that, which no other program can open? */
bool is_inside(const char *path);
/* A file of the disk or of the library inside; NULL if it cannot be read. */
Source *read_source(Arena *, const char *path);
/* A path as it is written in the file `from`, relative to the folder of that file. */
const char *path_beside(Arena *, const char *from, const char *path);
/* A module of the standard library: of a folder, or of the one inside if that is NULL. */
const char *library_path(Arena *, const char *stdlib_dir, const char *name);
bool library_has(Arena *, const char *stdlib_dir, const char *name);
const char **library_modules(Arena *, const char *stdlib_dir); /* NULL ends them */
/* The file that a `use` of the file `from` names: kid 0 of the statement. */
const char *module_path(Arena *, const char *stdlib_dir, const char *from, const Ast *what);
/* The name by which the module of a `use` is known: "./dir/mine.tw" is called mine. */
const Ast *use_name(Arena *, const Ast *use);
/* Is it a module: without a model, and without a statement that needs one? */
bool is_library(const Tree *);
/* A model statement of printable ASCII on one line. Put in front of a module, which has none, it
 * makes a program of it, to be checked and tested alone. */
const char *library_model(Arena *);

#endif
