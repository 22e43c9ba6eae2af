/**
 * nipops/schema.h: what documents may say. One table a kind of document drives what is accepted, its defaults, and all that this header
 * gives out, so that an editor's completion, the manual and the library never differ.
 */
#ifndef NIPOPS_SCHEMA_H
#define NIPOPS_SCHEMA_H

#include "base.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Writes a schema.
 *
 * @param name    a kind of document ("rollout", "health", "sla", "plan"), or a built-in driver ("haproxy"): the settings that a document gives it under
 *                target:, router: or metrics:
 * @param format  "json-schema" (draft 2020-12; the settings of all drivers are in a document's "$defs"), "markdown" (one table, one row a
 *                key), or "man" (paragraphs for a manual page)
 * @param text    out, owned: nip_free
 * @return 0, NIP_E_NOTFOUND (no such schema; the message lists the names), NIP_E_INVALID (no such format)
 *
 * A JSON Schema says what each value may be. What only the whole document can get wrong (shares that do not rise, two keys that exclude each other) is
 * nip_doc_check's to say. It describes the document with its top-level key; the flat form that nip_doc_check also takes it does not accept.
 *
 * May be called from any thread.
 */
NIP_API int nip_schema_write(const char *name, const char *format, char **text, nip_error **err);

/**
 * All names that nip_schema_write takes: [{"name":"rollout","of":"document"},{"name":"haproxy","of":"driver"}, ...].
 *
 * @param json  out, owned: nip_free
 */
NIP_API int nip_schema_list(char **json, nip_error **err);

#ifdef __cplusplus
}
#endif

#endif
