/* Adding to the journal of a service level: what is new of a state, and exclusions. */
#include "agreement/book.h"
#include "base/text.h"
#include "base/time.h"
#include "doc/json.h"
#include "sla/page.h"
#include "store/store.h"

enum { ATTEMPTS_MAX = 100 }; /* at appending before anybody else does */

/* ---- pages ---- */

typedef struct adding {
    nip_store *store;
    const char *subject;
    bool strict;
    nip_time at;
    int64_t head;
    nip__book_added *added;
} adding;

static int append_page(void *data, const char *text, size_t length, nip_error **err)
{
    adding *a = data;
    int rc = nip__store_append(a->store, a->subject, a->head, 0, NIP__BOOK_PAGE, a->at, text, length, &a->head, err);
    if (rc < 0)
        return rc;
    a->added->records++;
    return 0;
}

static int in_conflict(const nip__book *book, const nip__state_conflicts *conflicts, nip_error **err)
{
    nip__buffer at = NIP__BUFFER(64);
    nip__time_write(&at, nip__ms_time(conflicts->first * conflicts->key->slice_ms));
    int rc = nip__fail(err, NIP_E_STATE, "%zu slice%s recorded in %s with other figures, the first one at %s (stream \"%s\"): a higher revision corrects them",
                       conflicts->count, conflicts->count == 1 ? " is" : "s are", book->subject, nip__buffer_string(&at), conflicts->key->stream);
    nip__buffer_clear(&at);
    return rc;
}

static int add_news(adding *a, const nip__book *book, const nip__state *fresh, nip_error **err)
{
    nip__state *news = NULL;
    nip__state_conflicts conflicts = {0};
    int rc = nip__state_new(&news, err);
    if (rc == 0)
        rc = nip__state_compare(book->state, fresh, news, &conflicts, err);
    if (rc == 0 && conflicts.count > 0 && a->strict)
        rc = in_conflict(book, &conflicts, err);
    if (rc == 0) {
        a->subject = book->subject;
        a->head = book->as_of;
        if (a->added->records == 0) { /* else somebody wrote in between, and part of it is there by now */
            a->added->slices = (int64_t)news->slices;
            a->added->contradicted = (int64_t)conflicts.count;
            a->added->known = (int64_t)(fresh->slices - news->slices - conflicts.count);
        }
        rc = nip__state_pages(news, append_page, a, err);
        a->added->sequence = a->head;
    }
    nip__state_free(news);
    return rc;
}

static int add_once(nip_store *store, const char *name, const nip__state *fresh, bool strict, nip_time at, nip__book_added *added, nip_error **err)
{
    nip__book *book = NULL;
    adding a = {.store = store, .strict = strict, .at = at, .added = added};
    int rc = nip__book_open(store, name, INT64_MAX, &book, err);
    if (rc == 0)
        rc = add_news(&a, book, fresh, err);
    nip__book_free(book);
    return rc;
}

int nip__book_add(nip_store *store, const char *name, const nip__state *fresh, bool strict, nip_time at, nip__book_added *added, nip_error **err)
{
    nip__book_added made = {0};
    for (int attempt = 1;; attempt++) {
        nip_error *error = NULL;
        int rc = add_once(store, name, fresh, strict, at, &made, &error);
        if (rc == 0)
            *added = made;
        if (rc != NIP_E_CONFLICT || attempt == ATTEMPTS_MAX) {
            nip__pass(err, error);
            return rc;
        }
        nip_error_free(error);
    }
}

void nip__book_added_write(nip__writer *writer, const nip__book_added *added)
{
    nip__write_int(writer, "sequence", added->sequence);
    nip__write_int(writer, "records", added->records);
    nip__write_int(writer, "slices", added->slices);
    nip__write_int(writer, "known", added->known);
}

/* ---- exclusions ---- */

static int exclude_once(nip_store *store, const char *name, const nip__value *normalized, nip_time at, int64_t *sequence, nip_error **err)
{
    nip__book *book = NULL;
    nip__buffer text = NIP__BUFFER(NIP_RECORD_MAX);
    int rc = nip__book_open(store, name, INT64_MAX, &book, err);
    if (rc == 0)
        rc = nip__exclusions_add_value(book->exclusions, book->as_of + 1, at, normalized, err);
    if (rc == 0) {
        nip__json_write(&text, normalized);
        rc = text.full ? nip__fail(err, NIP_E_LIMIT, "an exclusion is at most %d bytes long", NIP_RECORD_MAX) : text.failed ? nip__nomem(err) : 0;
    }
    if (rc == 0)
        rc = nip__store_append(store, book->subject, book->as_of, 0, NIP__EXCLUSION_KIND, at, text.data, text.length, sequence, err);
    nip__buffer_clear(&text);
    nip__book_free(book);
    return rc;
}

int nip__book_exclude(nip_store *store, const char *name, const nip__value *normalized, nip_time at, int64_t *sequence, nip_error **err)
{
    for (int attempt = 1;; attempt++) {
        nip_error *error = NULL;
        int rc = exclude_once(store, name, normalized, at, sequence, &error);
        if (rc != NIP_E_CONFLICT || attempt == ATTEMPTS_MAX) {
            nip__pass(err, error);
            return rc;
        }
        nip_error_free(error);
    }
}
