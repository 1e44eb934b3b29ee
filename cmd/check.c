/* twc check: what is wrong with files, without writing or running anything. */

#include "cmd/json.h"

/* Compiles one file; what was found goes to standard error, or into the list if there is one. */
static bool
check_file(const char *path, const Options *o, cJSON *list)
{
	Program p = { .quiet = list != NULL };
	size_t n;
	char *text = read_file(&p.arena, path, &n);
	bool library, sound = text && program_open_file_text(&p, path, text, n, o, &library)
	                      && (p.graph->learned || program_compile(&p));

	cJSON *found = list ? json_diags(&p.diags) : NULL;
	while (cJSON_GetArraySize(found))
		cJSON_AddItemToArray(list, cJSON_DetachItemFromArray(found, 0));
	cJSON_Delete(found);
	program_close(&p);
	return sound;
}

int
cmd_check(const Options *o)
{
	cJSON *list = o->json ? cJSON_CreateArray() : NULL;
	bool sound = true;

	for (int i = 0; i < o->nargs; i++)
		sound &= check_file(o->args[i], o, list);
	if (list)
		print_json(list);
	return sound ? 0 : 2;
}
