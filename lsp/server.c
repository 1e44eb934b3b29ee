/* What the server does with one message, and with a document that has changed. Who calls it:
 * loop.c, or a page (web/page_server.c). */

#include <string.h>
#include <time.h>

#include "lsp/server.h"

enum { /* error codes of JSON-RPC and the protocol */
       INVALID_REQUEST = -32600,
       UNKNOWN_METHOD = -32601,
       INVALID_PARAMS = -32602,
       INTERNAL_ERROR = -32603,
       NOT_INITIALIZED = -32002,
};

#define NOT_READ "out of memory: this file was not read, and is again when it changes"

/* ---- what is sent ---- */

static cJSON *
message(void)
{
	cJSON *m = cJSON_CreateObject();

	cJSON_AddStringToObject(m, "jsonrpc", "2.0");
	return m;
}

void
send_result(Server *s, const cJSON *id, cJSON *result)
{
	cJSON *m = message();

	cJSON_AddItemToObject(m, "id", cJSON_Duplicate(id, true));
	cJSON_AddItemToObject(m, "result", result ? result : cJSON_CreateNull());
	wire_send(&s->wire, m);
}

void
send_error(Server *s, const cJSON *id, int code, const char *text)
{
	cJSON *m = message(), *error = cJSON_CreateObject();

	cJSON_AddItemToObject(m, "id", id ? cJSON_Duplicate(id, true) : cJSON_CreateNull());
	cJSON_AddNumberToObject(error, "code", code);
	cJSON_AddStringToObject(error, "message", text);
	cJSON_AddItemToObject(m, "error", error);
	wire_send(&s->wire, m);
}

void
send_notification(Server *s, const char *method, cJSON *params)
{
	cJSON *m = message();

	cJSON_AddStringToObject(m, "method", method);
	cJSON_AddItemToObject(m, "params", params);
	wire_send(&s->wire, m);
}

void
show_message(Server *s, bool error, const char *text)
{
	cJSON *params = cJSON_CreateObject();

	cJSON_AddNumberToObject(params, "type", error ? 1 : 3);
	cJSON_AddStringToObject(params, "message", text);
	send_notification(s, "window/showMessage", params);
}

/* ---- diagnostics ---- */

static cJSON *
diagnostic(cJSON *range, const char *text, bool warning)
{
	cJSON *d = cJSON_CreateObject();

	cJSON_AddItemToObject(d, "range", range);
	cJSON_AddNumberToObject(d, "severity", warning ? 2 : 1);
	cJSON_AddStringToObject(d, "source", "twc");
	cJSON_AddStringToObject(d, "message", text);
	return d;
}

void
publish_diagnostics(Server *s, Document *doc)
{
	cJSON *params = cJSON_CreateObject(), *list = cJSON_CreateArray();
	const cJSON *errors = doc->stale ? NULL : cJSON_GetObjectItem(doc->built, "errors"), *e;

	for (const Diag *d = doc->diags.first; d; d = d->next) {
		Span at;
		const char *text = diagnostic_text(doc, d, &at);
		if (text)
			cJSON_AddItemToArray(list,
			                     diagnostic(lsp_range(doc, at), text, d->warning));
	}
	cJSON_ArrayForEach(e, errors)
	{
		Span at = { (uint32_t)cJSON_GetNumberValue(cJSON_GetObjectItem(e, "lo")),
			    (uint32_t)cJSON_GetNumberValue(cJSON_GetObjectItem(e, "hi")) };
		cJSON_AddItemToArray(
			list, diagnostic(lsp_range(doc, at),
		                         cJSON_GetStringValue(cJSON_GetObjectItem(e, "message")),
		                         cJSON_IsTrue(cJSON_GetObjectItem(e, "warning"))));
	}
	if (!doc->tree)
		cJSON_AddItemToArray(list, diagnostic(whole_range(doc), NOT_READ, false));
	cJSON_AddStringToObject(params, "uri", doc->uri);
	cJSON_AddNumberToObject(params, "version", doc->version);
	cJSON_AddItemToObject(params, "diagnostics", list);
	send_notification(s, "textDocument/publishDiagnostics", params);
}

long
server_clock_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void
refresh(Server *s, Document *doc)
{
	if (!doc->stale)
		return;
	jobs_stop(s, doc);
	document_read(doc, s->host->stdlib);
	cJSON_DeleteItemFromObject(doc->built, "errors");
	publish_diagnostics(s, doc);
	doc->read_at = server_clock_ms();
}

/* ---- where memory runs out ---- */

typedef struct Work {
	Server *s;
	Document *doc;  /* what it is about, or NULL */
	const cJSON *m; /* the message, or NULL */
} Work;

/* Does what may need much memory. False where there is too little: the document is given up, and
 * the client told. */
static bool
within_memory(void (*work)(void *), Work *w)
{
	Document *d = w->doc;

	if (arena_protect(d ? &d->arena : NULL, work, w))
		return true;
	if (d) {
		jobs_stop(w->s, d);
		document_forget(d);
		publish_diagnostics(w->s, d);
	}
	return false;
}

static void
refresh_work(void *work)
{
	Work *w = work;

	refresh(w->s, w->doc);
}

/* ---- documents come and go ---- */

Document *
find_document(Server *s, const char *uri)
{
	for (Document *d = s->documents; d; d = d->next)
		if (uri && !strcmp(d->uri, uri))
			return d;
	return NULL;
}

const cJSON *
json_item(const cJSON *o, const char *name)
{
	return cJSON_GetObjectItemCaseSensitive(o, name);
}

static const char *
text_of(const cJSON *o, const char *name)
{
	return cJSON_GetStringValue(json_item(o, name));
}

static int
version_of(const cJSON *document)
{
	const cJSON *v = json_item(document, "version");

	return cJSON_IsNumber(v) ? v->valueint : 0;
}

static void
did_open(Server *s, const cJSON *params)
{
	const cJSON *document = json_item(params, "textDocument");
	const char *uri = text_of(document, "uri"), *text = text_of(document, "text");
	Document *d = find_document(s, uri);

	if (!uri || !text)
		return;
	if (d) {
		document_set(d, text);
	} else {
		d = document_new(uri);
		document_set(d, text);
		d->next = s->documents;
		s->documents = d;
	}
	d->version = version_of(document);
}

/* Every change gives the whole text, as `capabilities` asks; the last one counts. */
static void
did_change(Server *s, const cJSON *params)
{
	const cJSON *document = json_item(params, "textDocument"),
		    *changes = json_item(params, "contentChanges");
	Document *d = find_document(s, text_of(document, "uri"));
	const cJSON *last = cJSON_GetArrayItem(changes, cJSON_GetArraySize(changes) - 1);

	if (!d || !text_of(last, "text") || json_item(last, "range"))
		return;
	d->version = version_of(document);
	document_set(d, text_of(last, "text"));
}

static void
did_close(Server *s, const cJSON *params)
{
	Document *d = find_document(s, text_of(json_item(params, "textDocument"), "uri"));
	Document **at = &s->documents;

	if (!d)
		return;
	jobs_stop(s, d);
	cJSON *none = cJSON_CreateObject();
	cJSON_AddStringToObject(none, "uri", d->uri);
	cJSON_AddItemToObject(none, "diagnostics", cJSON_CreateArray());
	send_notification(s, "textDocument/publishDiagnostics", none);
	while (*at != d)
		at = &(*at)->next;
	*at = d->next;
	document_free(d);
}

/* ---- requests ---- */

static cJSON *
capabilities(void)
{
	return cJSON_Parse(
		"{\"textDocumentSync\":{\"openClose\":true,\"change\":1},"
		"\"hoverProvider\":true,\"definitionProvider\":true,\"referencesProvider\":true,"
		"\"renameProvider\":{\"prepareProvider\":true},"
		"\"completionProvider\":{\"triggerCharacters\":[\".\"]},"
		"\"documentSymbolProvider\":true,\"documentFormattingProvider\":true,"
		"\"inlayHintProvider\":true,\"codeLensProvider\":{},"
		"\"executeCommandProvider\":{\"commands\":[\"tw.test\"]}}");
}

static void
initialize(Server *s, const cJSON *id, const cJSON *params)
{
	const cJSON *pid = json_item(params, "processId");
	cJSON *result = cJSON_CreateObject(), *info = cJSON_CreateObject();

	if (cJSON_IsNumber(pid) && pid->valuedouble > 0)
		s->client = (pid_t)pid->valuedouble;
	s->initialized = true;
	cJSON_AddItemToObject(result, "capabilities", capabilities());
	cJSON_AddStringToObject(info, "name", "twc");
	cJSON_AddStringToObject(info, "version", s->host->version);
	cJSON_AddItemToObject(result, "serverInfo", info);
	send_result(s, id, result);
}

static const struct Question {
	const char *method;
	void (*answer)(const Ask *, Reply *);
	enum { NO_DOCUMENT, DOCUMENT, PLACE } about;
} questions[] = {
	{ "textDocument/hover", answer_hover, PLACE },
	{ "textDocument/definition", answer_definition, PLACE },
	{ "textDocument/references", answer_references, PLACE },
	{ "textDocument/prepareRename", answer_prepare_rename, PLACE },
	{ "textDocument/rename", answer_rename, PLACE },
	{ "textDocument/completion", answer_completion, PLACE },
	{ "textDocument/documentSymbol", answer_symbols, DOCUMENT },
	{ "textDocument/formatting", answer_formatting, DOCUMENT },
	{ "textDocument/inlayHint", answer_hints, DOCUMENT },
	{ "textDocument/codeLens", answer_lenses, DOCUMENT },
	{ "workspace/executeCommand", answer_command, NO_DOCUMENT },
};

static void
answer_request(Server *s, const struct Question *q, const cJSON *id, const cJSON *params)
{
	Ask a = { .server = s, .params = params, .id = id };
	Reply answer = { 0 };

	if (q->about != NO_DOCUMENT) {
		a.doc = find_document(s, text_of(json_item(params, "textDocument"), "uri"));
		if (!a.doc) {
			send_error(s, id, INVALID_PARAMS, "no such document is open");
			return;
		}
		refresh(s, a.doc);
		if (!a.doc->tree) {
			send_error(s, id, INTERNAL_ERROR, NOT_READ);
			return;
		}
	}
	if (q->about == PLACE && !offset_at(a.doc, json_item(params, "position"), &a.at)) {
		send_error(s, id, INVALID_PARAMS, "no position");
		return;
	}
	q->answer(&a, &answer);
	if (answer.error)
		send_error(s, id, answer.code, answer.error);
	else if (!answer.later)
		send_result(s, id, answer.result);
}

static void
request(Server *s, const char *method, const cJSON *id, const cJSON *params)
{
	if (!strcmp(method, "initialize")) {
		initialize(s, id, params);
		return;
	}
	if (!s->initialized) {
		send_error(s, id, NOT_INITIALIZED, "the first request is initialize");
		return;
	}
	if (s->shutdown) {
		send_error(s, id, INVALID_REQUEST, "after shutdown comes exit");
		return;
	}
	if (!strcmp(method, "shutdown")) {
		s->shutdown = true;
		send_result(s, id, NULL);
		return;
	}
	for (size_t i = 0; i < sizeof questions / sizeof *questions; i++)
		if (!strcmp(method, questions[i].method)) {
			answer_request(s, &questions[i], id, params);
			return;
		}
	send_error(s, id, UNKNOWN_METHOD, "this server does not know the method");
}

static void
notification(Server *s, const char *method, const cJSON *params)
{
	if (!strcmp(method, "exit"))
		s->exiting = true;
	else if (!s->initialized)
		return;
	else if (!strcmp(method, "textDocument/didOpen"))
		did_open(s, params);
	else if (!strcmp(method, "textDocument/didChange"))
		did_change(s, params);
	else if (!strcmp(method, "textDocument/didClose"))
		did_close(s, params);
}

static void
handle(Server *s, const cJSON *m)
{
	const char *method = text_of(m, "method");
	const cJSON *id = json_item(m, "id");

	if (!method && !id)
		send_error(s, NULL, INVALID_REQUEST,
		           "this is neither a request nor a notification");
	else if (method && id)
		request(s, method, id, json_item(m, "params"));
	else if (method)
		notification(s, method, json_item(m, "params"));
	/* else it is a response, and the server sends no requests */
}

static void
handle_work(void *work)
{
	Work *w = work;

	handle(w->s, w->m);
}

void
refresh_document(Server *s, Document *d)
{
	within_memory(refresh_work, &(Work){ s, d, NULL });
}

void
handle_message(Server *s, const cJSON *m)
{
	const char *uri = text_of(json_item(json_item(m, "params"), "textDocument"), "uri");
	Work w = { s, find_document(s, uri), m };

	if (within_memory(handle_work, &w))
		return;
	if (json_item(m, "id"))
		send_error(s, json_item(m, "id"), INTERNAL_ERROR, "out of memory");
	else if (!w.doc)
		show_message(s, true, "twc: out of memory: a file was not opened");
}
