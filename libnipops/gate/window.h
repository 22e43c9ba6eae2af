/* Time windows: when changes may be made. Pure but for the zones, whose files are read. */
#ifndef NIP__WINDOW_RULES_H
#define NIP__WINDOW_RULES_H

#include "doc/schema.h"

extern const nip__field nip__open_item;   /* {days, begins, ends, zone}: one entry of a document's windows */
extern const nip__field nip__freeze_item; /* {begins, ends, why} */

extern const nip__field nip__window_fields[]; /* arguments of clock/window; each key may be left out */

/* What a schema cannot say: of one {begins, ends, zone}, whose list stands at `path`. */
void nip__window_check(const nip__value *window, const char *path, const char *file, nip__problems *problems);
/* Of lists of a rollout document's. */
void nip__windows_check(const nip__value *windows, const nip__value *freeze, const char *file, nip__problems *problems);

typedef struct nip__opening {
    bool open;
    nip_time opens;     /* from when on it is open, `at` itself when it is; NIP_TIME_MAX: never */
    const char *zone;   /* of the window that opens; "UTC" where there are no windows */
    const char *why;    /* of the freeze that is in force; NULL: none is */
    int32_t offset;     /* of that zone then, seconds */
} nip__opening;

/* Open is when one of the windows is (no windows: always), and no freeze is in force. A window is about the days of its zone on which it
 * begins, and goes over midnight where it does not end after it begins. Where clocks are set back over one of these times, it begins at the first and
 * ends at the last time that they show it; where they are set forward over it, at that moment. NIP_E_NOTFOUND: no such zone. */
int nip__window_judge(const nip__value *windows, const nip__value *freeze, nip_time at, nip__opening *opening, nip_error **err);
/* "2026-11-30T09:00+01:00" */
const char *nip__opening_civil(nip__arena *arena, const nip__opening *opening);
/* "mon-fri 09:00-17:00 Europe/Berlin or ..." for titles. */
const char *nip__windows_text(nip__arena *arena, const nip__value *windows, const nip__value *freeze);

#endif
