/* The journal of a service level, folded. */
#include "agreement/book.h"

#include <stdio.h>

#include "base/memory.h"
#include "base/text.h"
#include "sla/page.h"
#include "store/store.h"

typedef struct folding {
    nip__book *book;
    int64_t as_of;
} folding;

static int take_page(nip__book *book, const nip__record *record, nip_error **err)
{
    return nip__state_take(book->state, record->payload, record->payload_length, err);
}

static int take_exclusion(nip__book *book, const nip__record *record, nip_error **err)
{
    return nip__exclusions_add(book->exclusions, record->sequence, record->at, record->payload, record->payload_length, err);
}

static const struct {
    const char *kind;
    int (*take)(nip__book *book, const nip__record *record, nip_error **err);
} kinds[] = {{NIP__BOOK_PAGE, take_page}, {NIP__EXCLUSION_KIND, take_exclusion}};
enum { KIND_COUNT = sizeof kinds / sizeof kinds[0] };

/* Whoever can write the journal could write nonsense: it is no state that is half believed. */
static int corrupt(const nip__book *book, const nip__record *record, int rc, nip_error *error, nip_error **err)
{
    if (rc == NIP_E_NOMEM || rc == NIP_E_LIMIT || rc == NIP_E_VERSION) {
        nip__pass(err, error);
        return rc;
    }
    rc = nip__fail(err, NIP_E_CORRUPT, "record %lld of %s is no %s: %s", (long long)record->sequence, book->subject, record->kind, nip_error_message(error));
    nip_error_free(error);
    return rc;
}

/* Records of other kinds are notes. */
static int take_record(void *data, const nip__record *record, nip_error **err)
{
    folding *f = data;
    nip__book *book = f->book;
    nip_error *error = NULL;
    int rc = 0, kind = 0;
    if (record->sequence > f->as_of)
        return 1;
    while (kind < KIND_COUNT && !nip__text_equal(kinds[kind].kind, record->kind))
        kind++;
    if (kind < KIND_COUNT && record->payload == NULL)
        book->purged++;
    else if (kind < KIND_COUNT)
        rc = kinds[kind].take(book, record, &error);
    if (rc < 0)
        return corrupt(book, record, rc, error, err);
    book->as_of = record->sequence;
    book->recorded = record->at;
    return 0;
}

static int fold(nip__book *book, nip_store *store, int64_t as_of, nip_error **err)
{
    folding f = {book, as_of};
    int rc = nip__state_new(&book->state, err);
    if (rc == 0)
        rc = nip__exclusions_new(&book->exclusions, err);
    if (rc == 0)
        rc = nip__store_each(store, book->subject, 0, take_record, &f, err);
    if (rc >= 0 && as_of != INT64_MAX && book->as_of < as_of)
        rc = nip__fail(err, NIP_E_NOTFOUND, "the journal %s has no record %lld: its last one is %lld", book->subject, (long long)as_of, (long long)book->as_of);
    return rc < 0 ? rc : 0;
}

const char *nip__book_subject(const char *name, char subject[NIP__BOOK_SUBJECT_SIZE])
{
    snprintf(subject, NIP__BOOK_SUBJECT_SIZE, "sla.%s", name);
    return subject;
}

int nip__book_open(nip_store *store, const char *name, int64_t as_of, nip__book **book, nip_error **err)
{
    nip__book *made = nip__calloc(1, sizeof *made);
    if (made == NULL)
        return nip__nomem(err);
    made->recorded = NIP_TIME_NONE;
    nip__book_subject(name, made->subject);
    int rc = fold(made, store, as_of, err);
    if (rc < 0)
        nip__book_free(made);
    else
        *book = made;
    return rc;
}

void nip__book_free(nip__book *book)
{
    if (book == NULL)
        return;
    nip__state_free(book->state);
    nip__exclusions_free(book->exclusions);
    nip__free(book);
}

/* ---- how far it goes ---- */

/* Slices of time may be there and say nothing. */
static bool says_anything(const nip__track *track, const nip__slice *slice)
{
    return track->key.kind != NIP__TRACK_TIME || slice->good + slice->bad > 0;
}

static nip__ms last_known(const nip__track *track)
{
    size_t at = track->count;
    while (at > 0 && !says_anything(track, &track->items[at - 1]))
        at--;
    return at == 0 ? NIP__MS_LEAST : (track->items[at - 1].index + 1) * track->key.slice_ms;
}

nip__ms nip__book_horizon(const nip__book *book, const nip__indicator *indicator)
{
    size_t first, count = nip__state_tracks(book->state, indicator->definition, &first);
    nip__ms end = NIP__MS_LEAST;
    for (size_t i = first; i < first + count; i++) {
        nip__ms last = last_known(&book->state->tracks[i]);
        end = last > end ? last : end;
    }
    return end;
}
