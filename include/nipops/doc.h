/**
 * nipops/doc.h: documents. YAML or JSON text becomes one tree that remembers line and column of every value.
 *
 * Limits, all checked while reading, so that hostile input is refused early: 4 MiB of YAML or 8 MiB of JSON, 64 levels,
 * 50,000 values (JSON: 100,000), 1,000 anchors, no more than 50,000 values reached through aliases in all. Duplicate keys, tags other
 * than the core schema's, and several documents in one text are refused. YAML is read by the JSON schema's rules plus plain strings:
 * `yes`, `no`, `on`, `off` are strings; numbers such as 010 or 1_000 are strings; `1.30` unquoted is a number (quote versions).
 */
#ifndef NIPOPS_DOC_H
#define NIPOPS_DOC_H

#include "base.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct nip_doc nip_doc;

/** Reads a file; "-" is standard input. Owned: nip_doc_free. NIP_E_IO, NIP_E_SYNTAX, NIP_E_LIMIT. */
NIP_API int nip_doc_load_file(const char *path, nip_doc **doc, nip_error **err);

/**
 * Reads text.
 *
 * @param text    YAML or JSON, UTF-8; copied
 * @param length  its bytes
 * @param name    what to call it in messages ("rollout.yaml"); NULL: "document"
 * @param doc     out, owned: nip_doc_free
 */
NIP_API int nip_doc_load_text(const char *text, size_t length, const char *name, nip_doc **doc, nip_error **err);

/** The document's kind: "rollout", "plan", "health", ...; the name of its only or best-known top-level key. Borrowed. */
NIP_API const char *nip_doc_kind(const nip_doc *doc);

/**
 * Checks the document against its kind's schema. All problems come in one error (nip_error_count), each with
 * file:line:column, path and what would be right; an unknown key names the nearest known one.
 */
NIP_API int nip_doc_check(const nip_doc *doc, nip_error **err);

/**
 * Overrides one value before it is checked, as a command line does: nip_doc_set(doc, "/rollout/replicas", "6", &err).
 * `value` is read as a YAML scalar; a value that cannot be one (bad pointer, container in the way) is NIP_E_INVALID.
 */
NIP_API int nip_doc_set(nip_doc *doc, const char *pointer, const char *value, nip_error **err);

/** The document as JSON, secrets masked, keys in the order of the text. Owned: nip_free. */
NIP_API int nip_doc_to_json(const nip_doc *doc, char **json, nip_error **err);

NIP_API void nip_doc_free(nip_doc *doc);

#ifdef __cplusplus
}
#endif

#endif
