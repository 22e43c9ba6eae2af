/* Instants and durations as text; arithmetic that saturates instead of overflowing. */
#ifndef NIP__TIME_H
#define NIP__TIME_H

#include <stdbool.h>
#include "nipops/base.h"
#include "base/buffer.h"

nip_time nip__time_add(nip_time time, nip_duration duration);      /* saturates; NIP_TIME_NONE and NIP_TIME_MAX stay */
nip_duration nip__time_between(nip_time from, nip_time to);        /* to - from, saturates */
void nip__time_write(nip__buffer *buffer, nip_time time);          /* RFC 3339, no quotes */
/* What the clocks of a zone show: "2026-03-29T00:00:00+01:00". Only before standard time there were offsets with seconds: "+00:53:28". */
void nip__time_write_local(nip__buffer *buffer, nip_time time, int32_t offset);
void nip__duration_write(nip__buffer *buffer, nip_duration duration); /* "1h30m"; exact */
/* For people: about two units, "1h 30m", "4.2s", "350ms". */
void nip__duration_write_short(nip__buffer *buffer, nip_duration duration);
bool nip__time_read(const char *text, nip_time *time);             /* RFC 3339 */
bool nip__duration_read(const char *text, nip_duration *duration); /* "90s", "1h30m" */

#endif
