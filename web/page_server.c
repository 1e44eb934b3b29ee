/* The language server in a page: a message in, a list of messages out. What it does elsewhere in
 * processes of its own, compiling and testing, the page does in another worker, and hands over what
 * was found (tw_built). */

#include <stdlib.h>
#include <string.h>

#include "lang/arena.h"
#include "lsp/server.h"
#include "web/page.h"

static cJSON *sent; /* the messages of this call */

void
wire_send(Wire *w, cJSON *message)
{
	(void)w;
	cJSON_AddItemToArray(sent, message);
}

void
job_build(Server *s, Document *d)
{
	(void)s, (void)d;
}

void
job_test(Server *s, Document *d, int line, const cJSON *id)
{
	(void)d, (void)line;
	send_result(s, id, NULL);
}

void
jobs_stop(Server *s, const Document *d)
{
	(void)s, (void)d;
}

static const LspHost host = { .version = TW_VERSION };
static Server server = { .host = &host };

static char *
take_sent(void)
{
	char *text = cJSON_PrintUnformatted(sent);

	cJSON_Delete(sent);
	sent = NULL;
	return text;
}

API(tw_lsp) char *tw_lsp(const char *message)
{
	cJSON *m = cJSON_Parse(message);

	sent = cJSON_CreateArray();
	if (m)
		handle_message(&server, m);
	for (Document *d = server.documents; d; d = d->next)
		refresh_document(&server, d);
	cJSON_Delete(m);
	return take_sent();
}

API(tw_built) char *tw_built(const char *uri, int version, const char *json)
{
	Document *d = find_document(&server, uri);

	sent = cJSON_CreateArray();
	if (d && d->version == version)
		take_build(&server, d, cJSON_Parse(json));
	return take_sent();
}
