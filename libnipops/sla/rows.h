/* What people have in files: comma-separated values with a first line of names, or a JSON object a line. Keys, in any order, others are passed over:
 *
 *     at       RFC 3339, or seconds since the epoch ("1774742400.250")
 *     stream   the instance or observer it is of; may be left out
 *     good, bad, total   two of them: events that happened at `at`, or in the slice that begins there
 *     up       1, true, "up"; 0, false, "down"; null, "", "unknown": how things stood from then on
 */
#ifndef NIP__ROWS_H
#define NIP__ROWS_H

#include "base/arena.h"
#include "base/error.h"
#include "sla/timeline.h"

typedef struct nip__sla_row {
    nip__ms at;
    const char *stream; /* "" when there is none */
    int64_t good, bad;
    nip__standing standing;
} nip__sla_row;

typedef struct nip__sla_rows {
    nip__arena *arena;
    nip__sla_row *items; /* in the order of the file */
    size_t count, capacity;
    bool events;         /* good and bad count; else standing does */
} nip__sla_rows;

enum { NIP__SLA_ROWS_MAX = 10000000 };

/* `name` is the file's, for messages, which name the line. `rows` is overwritten on success, and owned. NIP_E_SYNTAX, NIP_E_INVALID, NIP_E_LIMIT. */
int nip__sla_rows_read(const char *text, size_t length, const char *name, nip__sla_rows *rows, nip_error **err);
void nip__sla_rows_clear(nip__sla_rows *rows);

#endif
