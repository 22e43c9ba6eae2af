/* Civil time: IANA zones from TZif files (RFC 9636), read by our own reader. A zone is immutable; any thread may use it.
 *
 * Seconds since the epoch, UTC, are "instants" here; seconds of a clock on the wall, counted as if it were in UTC, are "local". */
#ifndef NIP__ZONE_H
#define NIP__ZONE_H

#include <stdbool.h>
#include "nipops/base.h"

typedef struct nip__zone nip__zone;

typedef struct nip__zone_type {
    int32_t offset; /* seconds east of UTC */
    bool dst;
    char name[16];  /* "CET" */
} nip__zone_type;

/* A TZif file of version 2 or later, with 64-bit data and a POSIX TZ footer. `name` is for messages. NIP_E_SYNTAX, NIP_E_LIMIT,
 * NIP_E_UNSUPPORTED (version 1, or with leap seconds). */
int nip__zone_parse(const char *bytes, size_t length, const char *name, nip__zone **zone, nip_error **err);
/* "Europe/Berlin", from the system's files; "UTC" needs none. NIP_E_NOTFOUND, NIP_E_INVALID for what is no zone's name. */
int nip__zone_load(const char *name, nip__zone **zone, nip_error **err);
void nip__zone_free(nip__zone *zone); /* NULL is fine */

/* The version of the system's zones, "2025b"; "unknown" where their folder does not say. */
enum { NIP__ZONE_VERSION_SIZE = 32 };
int nip__zone_version(char version[NIP__ZONE_VERSION_SIZE], nip_error **err);
/* From the beginning of tzdata.zi ("# version 2025b") or of +VERSION ("2025b"). False, and `version` untouched: it says none. */
bool nip__zone_version_read(const char *text, size_t length, char version[NIP__ZONE_VERSION_SIZE]);

/* What holds at an instant. */
nip__zone_type nip__zone_at(const nip__zone *zone, int64_t instant);
/* The next instant after this one at which something else holds (or may); INT64_MAX: none. */
int64_t nip__zone_next(const nip__zone *zone, int64_t instant);
/* The instants at which a wall clock shows `local`: one, or where clocks were set back two, the first and the last of them. Where clocks
 * were set forward over it there is none: both become the instant of that change, the first one at which the clock shows more. */
void nip__zone_instants(const nip__zone *zone, int64_t local, int64_t *first, int64_t *last);

/* A stretch of the wall clock that begins on `day` (days since the epoch) at `from` seconds of it and ends at `to`, on the next day where that
 * is not later. Where clocks are set back over one of these times, it begins at the first and ends at the last time that they show it; where they are
 * set forward over it, at that moment. It may have no length then. */
void nip__zone_stretch(const nip__zone *zone, int64_t day, int from, int to, int64_t *begin, int64_t *end);

/* ---- the footer: zone_rule.c ---- */

/* When in a year summer time begins or ends. */
typedef struct nip__zone_date {
    char form;             /* 'J': day 1..365 without February 29; 'N': day 0..365; 'M': month, week, weekday */
    int day, month, week;  /* day: of the year, or of the week */
    int32_t time;          /* local seconds, may lie outside of the day */
} nip__zone_date;

typedef struct nip__zone_rule {
    bool present, has_dst;
    nip__zone_type standard, summer;
    nip__zone_date begin, end; /* of `summer` */
} nip__zone_rule;

/* "CET-1CEST,M3.5.0,M10.5.0/3"; "" gives none. False: it is not one. */
bool nip__zone_rule_read(const char *text, size_t length, nip__zone_rule *rule);
nip__zone_type nip__zone_rule_at(const nip__zone_rule *rule, int64_t instant);
int64_t nip__zone_rule_next(const nip__zone_rule *rule, int64_t instant);

#endif
