/* Sites: which file a node's place in the source is in, and which calls led there.
 *
 *     digits.add(a, b)        a node of add's body has the site {digits.tw, from: the program's,
 *                             call: digits.add(a, b)}
 *
 * A limit that is met late, in the backend, is met in a node of the library more often than not.
 * Its error names the calls of the program itself, the innermost first. */

#include "ir/ir.h"

#include <stdarg.h>

int
site_new(Graph *g, Site s)
{
	GROW(g->arena, g->site, g->capsite, g->nsite + 1);
	g->site[g->nsite] = s;
	return g->nsite++;
}

const Source *
node_source(const Graph *g, const Node *n)
{
	int file = n && n->site < g->nsite ? g->site[n->site].file : 0;

	return g->files ? g->files[file] : NULL;
}

void
error_in_node(const Graph *g, const Node *n, Diags *ds, const char *fmt, va_list ap)
{
	Diag *d = error_v(ds, node_source(g, n), n ? n->span : (Span){ 0, 0 }, fmt, ap);
	int at = n && n->site < g->nsite ? n->site : -1, noted = 0;

	for (; at >= 0 && g->site[at].caller >= 0 && noted < CALL_NOTES; at = g->site[at].caller) {
		const Site *caller = &g->site[g->site[at].caller];
		if (caller->file && caller->caller >= 0)
			continue; /* a call inside of the library */
		diag_note(ds, d, g->files[caller->file], g->site[at].call, "in the call here");
		noted++;
	}
}

static void __attribute__((format(printf, 4, 5)))
error_at_site(const Graph *g, Diags *ds, const Node *at, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	error_in_node(g, at, ds, fmt, ap);
	va_end(ap);
}

/* The one made last that has a place in the source. */
static const Node *
last_placed_node(const Graph *g)
{
	int i = g ? g->nnode : 0;

	while (i > 0 && g->node[i - 1]->span.hi == 0)
		i--;
	return i ? g->node[i - 1] : NULL;
}

bool
graph_protect(Graph *const *g, Diags *ds, void (*f)(void *), void *arg, const Node *at)
{
	if (diag_protect(ds, f, arg))
		return true;
	static const char what[] =
		"this program is too large to be compiled: up to here it took more than %s; fold "
		"over less, bound values with min, max or %%, or emit what is found on the way";
	if (ds->too_large && *g && (*g)->files)
		error_at_site(*g, ds, at ? at : last_placed_node(*g), what, ds->too_large);
	else if (ds->too_large)
		error_at(ds, (Span){ 0, 1 }, what, ds->too_large);
	return false;
}
