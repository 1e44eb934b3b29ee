#ifndef CMD_LINE_EDITOR_H
#define CMD_LINE_EDITOR_H

/* Lines that a person types: with editing and history where libedit is installed. */

typedef struct LineEditor LineEditor;

LineEditor *line_editor_open(void);
/* The next line, without its end, good until the next call; NULL at the end of the input. */
char *line_editor_read(LineEditor *, const char *prompt);
void line_editor_close(LineEditor *);

#endif
