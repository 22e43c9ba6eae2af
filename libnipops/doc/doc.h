/* A loaded document's inside. */
#ifndef NIP__DOC_H
#define NIP__DOC_H

#include "nipops/doc.h"
#include "doc/value.h"
#include "doc/schema.h"

const nip__value *nip__doc_root(const nip_doc *doc);
const char *nip__doc_file(const nip_doc *doc); /* its name in messages */

/* A document of its own from a part of one: `part` under `key`, with the same name and positions in messages. */
int nip__doc_part(const nip_doc *doc, const nip__value *part, const char *key, nip_doc **made, nip_error **err);

/* A kind of document. Kinds register themselves in the table of doc/kinds.c. */
typedef struct nip__doc_kind {
    const char *name;          /* "rollout": its top-level key */
    const nip__field *fields;  /* schema of the whole document, top-level key included; NULL: none, `check` does it all */
    /* What a schema cannot say; adds problems. `normalized` is what nip__schema_apply made. May be NULL. */
    void (*check)(const nip__value *normalized, const nip__value *original, const char *file, nip__problems *problems);
    /* Brings other accepted forms of the document into the schema's form before it is applied (a copy in `arena`). May be NULL. */
    nip__value *(*adapt)(nip__arena *arena, const nip__value *root, const char *file, nip__problems *problems);
} nip__doc_kind;

extern const nip__doc_kind nip__doc_rollout; /* rollout/document.c */
extern const nip__doc_kind nip__doc_health;  /* health/document.c */
extern const nip__doc_kind nip__doc_train;   /* train/document.c */
extern const nip__doc_kind nip__doc_sla;     /* sla/schema.c */
extern const nip__doc_kind nip__doc_plan;    /* plan/document.c */

/* The kind that a document's root shows; NULL: none that is known. */
const nip__doc_kind *nip__doc_kind_of(const nip__value *root);
/* The kind with this name; NULL: none. */
const nip__doc_kind *nip__doc_kind_named(const char *name);
/* Known names, ends with NULL. */
const char *const *nip__doc_kind_names(void);

/* Schema applied and checked: the normalized tree in `arena`, or all problems as one error. */
int nip__doc_normalize(nip__arena *arena, const nip_doc *doc, const nip__doc_kind *kind, nip__value **normalized, nip_error **err);

#endif
