#ifndef LSP_SERVER_H
#define LSP_SERVER_H

/* The language server, file by file:
 *
 *   json_rpc.c         messages: bytes to JSON and back
 *   loop.c             waiting for messages and jobs
 *   server.c           what is done with a message
 *   document.c         an open file: its text, places in it, what the frontend finds
 *   imports.c          the modules that a document uses
 *   build.c            what compiling a document finds
 *   background_jobs.c  compiling and testing, in processes of their own
 *   hover.c            what is known of a name
 *   complete.c         what could be written at a place
 *   navigation.c       the other requests
 *
 * Only json_rpc.c, loop.c and background_jobs.c know of streams and processes: a page has others in
 * their place (web/page_server.c). A changed text is parsed and lowered again as a whole, when a
 * request asks for it or the client pauses. That takes milliseconds, so nothing is kept from one
 * version to the next.
 *
 * Where memory runs out, what was asked is answered by an error, and the document that it was about
 * is given up until its text changes (within_memory). */

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <sys/types.h>

#include "backend/backend.h"
#include "frontend/editor/editor.h"
#include "frontend/frontend.h"
#include "lsp/lsp.h"

/* ---- json_rpc.c ---- */
typedef struct Wire {
	char *buf; /* (n) bytes that came and are not read yet */
	size_t n, cap;
	bool ended; /* the input has ended, or the output is closed */
} Wire;

typedef enum WireStatus {
	ARRIVED, /* a message is there */
	NOT_YET,
	NOT_JSON, /* a message that is no JSON; the next one may be */
	LOST,     /* where the next message begins is not known */
} WireStatus;

/* Reads what has come; waits if that is nothing. */
void wire_read(Wire *);
WireStatus wire_next(Wire *, cJSON **);
/* Sends the message and frees it. */
void wire_send(Wire *, cJSON *);

/* ---- document.c ---- */
typedef struct Document {
	struct Document *next;
	char *uri, *path;
	char *text; /* (n) as the client has it */
	size_t n;
	int version;
	bool stale;   /* the text changed since it was read */
	bool unbuilt; /* it has no errors and is to be compiled */
	long read_at; /* when it was read last, in ms */
	/* what the frontend found; in the arena */
	Arena arena;
	Source src; /* the text, behind `shift` bytes of a model if it has none */
	uint32_t shift;
	Diags diags;
	Tree *tree; /* NULL: not read, for want of memory */
	NameTable *names;
	Notes notes;
	Graph *graph;
	int nline;
	uint32_t *line;         /* (nline) where lines begin in src.text */
	struct Import *modules; /* that were parsed */
	/* the result of the last job that compiled it */
	cJSON *built;
} Document;

Document *document_new(const char *uri);
void document_free(Document *);
void document_set(Document *, const char *text);
void document_forget(Document *);
/* Parses and lowers the text if it has changed. */
void document_read(Document *, const char *stdlib);
char *path_uri(Arena *, const char *path);

void find_lines(const Source *, Arena *, uint32_t **line, int *nline);
cJSON *position_at(const Document *, uint32_t at);
cJSON *lsp_range(const Document *, Span);
cJSON *whole_range(const Document *);
/* False if the params have no such place. */
bool offset_at(const Document *, const cJSON *position, uint32_t *at);
/* What the editor is told of a mistake and where: NULL if nothing. */
const char *diagnostic_text(Document *, const Diag *, Span *at);
int lsp_line(const Document *, uint32_t at); /* from 0 */

/* The use that a place is in, or NULL. */
const NameUse *use_at(const Document *, uint32_t at);
/* A name or word that a place is in, if it is in the code; its length, or 0. */
uint32_t word_at(const Document *, uint32_t at, uint32_t *from);
bool in_code(const Document *, uint32_t at); /* no comment, token or text */

/* ---- imports.c ---- */
typedef struct Import {
	struct Import *next;
	Source src;
	Tree *tree;
	NameTable *names;
} Import;

/* The file that a `use` statement names; NULL if it cannot be read. */
Import *module_of(Document *, const Ast *use, const char *stdlib);
/* The binding of a module's own name, or NULL. */
const Binding *module_name(const Import *, const char *name);
/* The comment above a definition, or behind it; NULL if there is none. */
char *comment_of(Arena *, const Source *, const Tree *, Span stmt);
/* The comment that a file begins with; NULL if there is none. */
char *comment_of_file(Arena *, const Source *, const Tree *);

/* ---- server.c ---- */
typedef struct Server {
	const LspHost *host;
	Wire wire;
	Document *documents;
	struct Job *jobs;
	bool initialized, shutdown, exiting;
	pid_t client; /* 0: not told */
} Server;

typedef struct Reply {
	cJSON *result;     /* NULL: null */
	int code;          /* of an error, or 0 */
	const char *error; /* in the arena of the document */
	bool later;        /* a job will answer */
} Reply;

/* A field of an object; NULL if it has none, or is none. */
const cJSON *json_item(const cJSON *, const char *name);
/* A request, a notification or a response, from the client. */
void handle_message(Server *, const cJSON *);
/* Reads a document that has changed, and says what is wrong with it. */
void refresh_document(Server *, Document *);
long server_clock_ms(void);
void send_error(Server *, const cJSON *id, int code, const char *text);
void send_result(Server *, const cJSON *id, cJSON *result);
void send_notification(Server *, const char *method, cJSON *params);
void show_message(Server *, bool error, const char *text);
Document *find_document(Server *, const char *uri);
void publish_diagnostics(Server *, Document *);

/* ---- build.c ---- */
/* Compiles a document that has been read without errors. */
cJSON *build_document(Document *);
/* Where each named value stands in a model and what it costs, and the model's size. */
cJSON *build_sizes(const TwModel *, Report *);
/* That there is no result, as a warning in its first line. */
cJSON *build_warning(const Document *, const char *text);
/* The document keeps the result; the mistakes in it are published. */
void take_build(Server *, Document *, cJSON *built);

/* ---- background_jobs.c ---- */
/* Compiles the document; the result comes into `built`. */
void job_build(Server *, Document *);
void job_test(Server *, Document *, int line, const cJSON *id);
/* Kills the jobs of a document, or all with NULL. */
void jobs_stop(Server *, const Document *);
/* The file descriptors to wait for; reading from those that are ready. */
int jobs_fds(const Server *, int *fd, int most);
void jobs_read(Server *);

/* ---- hover.c, complete.c, navigation.c ---- */
typedef struct Ask {
	Server *server;
	Document *doc; /* up to date; NULL if the params name none */
	uint32_t at;   /* where params point, if they do */
	const cJSON *params, *id;
} Ask;

void answer_hover(const Ask *, Reply *);
void answer_completion(const Ask *, Reply *);
void answer_definition(const Ask *, Reply *);
void answer_references(const Ask *, Reply *);
void answer_prepare_rename(const Ask *, Reply *);
void answer_rename(const Ask *, Reply *);
void answer_symbols(const Ask *, Reply *);
void answer_formatting(const Ask *, Reply *);
void answer_hints(const Ask *, Reply *);
void answer_lenses(const Ask *, Reply *);
void answer_command(const Ask *, Reply *);

/* The type that was found for a name, "int 0..9"; or NULL. */
const char *noted_type(const Document *, const Source *, Span name);

#endif
