/* Pages: some slices of one track as JSON, which is how a state is kept in a journal and handed on (docs/formats.md, "Page of a service level").
 *
 *     {"v":1,"indicator":"<64 hex digits>","stream":"a","kind":"events","slice_ms":60000,"revision":0,"first":29543040,"slices":"120 118:2 - 119x3"}
 *
 * A page's text is canonical: equal slices give equal bytes. */
#ifndef NIP__PAGE_H
#define NIP__PAGE_H

#include "base/buffer.h"
#include "sla/state.h"

enum {
    NIP__PAGE_MAX = 1 << 20,        /* bytes of one */
    NIP__PAGE_SLICES_MAX = 65536,   /* that a page may be about, known or not */
};

/* Takes in what a page says. NIP_E_SYNTAX, NIP_E_INVALID, NIP_E_LIMIT, NIP_E_VERSION (of a newer library), NIP_E_NOMEM; nothing of it was taken in then. */
int nip__state_take(nip__state *state, const char *text, size_t length, nip_error **err);

/* Calls `each` for the pages that a state comes to, in their order; < 0 ends it with that code. The text is borrowed until it returns. */
typedef int nip__each_page(void *data, const char *text, size_t length, nip_error **err);
int nip__state_pages(const nip__state *state, nip__each_page *each, void *data, nip_error **err);
/* All pages as one JSON list: two states that hold the same give the same bytes. */
int nip__state_write(const nip__state *state, nip__buffer *out, nip_error **err);

const char *nip__track_kind_name(nip__track_kind kind); /* "time", "events", "latency". Static */

#endif
