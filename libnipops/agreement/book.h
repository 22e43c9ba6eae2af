/* The journal of a service level, "sla.NAME", as it was after one of its records: what was measured, and what is excluded. */
#ifndef NIP__BOOK_H
#define NIP__BOOK_H

#include "nipops/store.h"
#include "doc/json.h"
#include "sla/contract.h"

#define NIP__BOOK_PAGE "sla.page"
enum { NIP__BOOK_SUBJECT_SIZE = 129 };

typedef struct nip__book {
    char subject[NIP__BOOK_SUBJECT_SIZE];
    nip__state *state;
    nip__exclusions *exclusions;
    int64_t as_of;     /* sequence of the last record that counts; 0: there is none */
    nip_time recorded; /* its instant; NIP_TIME_NONE: there is none */
    int64_t purged;    /* records whose content is gone: what they said is not known any more */
} nip__book;

/* "sla.NAME" into `subject`, which is returned. */
const char *nip__book_subject(const char *name, char subject[NIP__BOOK_SUBJECT_SIZE]);
/* `as_of`: INT64_MAX is all of it. NIP_E_NOTFOUND: it ends before that record; NIP_E_CORRUPT; NIP_E_LIMIT, NIP_E_NOMEM. Owned. */
int nip__book_open(nip_store *store, const char *name, int64_t as_of, nip__book **book, nip_error **err);
void nip__book_free(nip__book *book); /* NULL is fine */

/* The end of the last slice that says anything of an indicator; NIP__MS_LEAST: none does. */
nip__ms nip__book_horizon(const nip__book *book, const nip__indicator *indicator);

/* What adding came to. */
typedef struct nip__book_added {
    int64_t sequence; /* of the last record now */
    int64_t records;  /* appended */
    int64_t slices;   /* that say something new */
    int64_t known;    /* that were there already */
    int64_t contradicted; /* that say something else of the same revision than what is there: left as they are */
} nip__book_added;

/* Adds what `fresh` says and the journal does not, as pages. Adding the same twice adds nothing; a crash in between leaves part of it, and adding it again
 * the rest. `strict`: NIP_E_STATE where it says something else of the same revision than what is there, and nothing is added then; else such slices are counted. */
int nip__book_add(nip_store *store, const char *name, const nip__state *fresh, bool strict, nip_time at, nip__book_added *added, nip_error **err);

/* {sequence, records, slices, known} as members of a map that was begun. */
void nip__book_added_write(nip__writer *writer, const nip__book_added *added);

/* Appends an exclusion that was checked. NIP_E_INVALID: it cannot stand beside the others (nip__exclusions_add). */
int nip__book_exclude(nip_store *store, const char *name, const nip__value *normalized, nip_time at, int64_t *sequence, nip_error **err);

#endif
