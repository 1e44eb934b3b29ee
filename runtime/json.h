#ifndef RUNTIME_JSON_H
#define RUNTIME_JSON_H

/* JSON of a file, by cJSON. cJSON returns NULL for what is no JSON and for memory that
 * ran out alike, so the text is walked once before: what is well-formed (RFC 8259,
 * nested not too deeply) can only fail for want of memory. */

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>

/* To be given to cJSON_Delete. NULL and *no_memory, or NULL: it is no JSON. */
cJSON *tw_json_parse(const char *text, size_t n, bool *no_memory);

#endif
