/* Zones: TZif files, and what holds when. Every count and index of a file is checked before it is used. */
#include "base/zone.h"

#include <string.h>

#include "base/error.h"
#include "base/memory.h"

enum { HEADER = 44, CHANGES_MAX = 10000, TYPES_MAX = 256, NAMES_MAX = 10000 };

#define OFFSET_LEAST (-89999) /* RFC 9636 */
#define OFFSET_MOST 93599
#define LATEST (INT64_C(1) << 59) /* instants beyond are no instants of ours */
#define DAY 86400
#define REACH (2 * DAY) /* no offset is larger */

struct nip__zone {
    int64_t *changes; /* ascending */
    uint8_t *type_of; /* from each change on */
    size_t change_count;
    nip__zone_type types[TYPES_MAX];
    size_t type_count;
    nip__zone_rule rule; /* after the last change */
};

typedef struct counts {
    uint32_t is_ut, is_standard, leaps, changes, types, names;
} counts;

/* ---- bytes ---- */

static uint32_t read32(const unsigned char *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static int64_t read64(const unsigned char *p)
{
    return (int64_t)((uint64_t)read32(p) << 32 | read32(p + 4));
}

static bool read_header(const unsigned char *p, size_t left, counts *c)
{
    if (left < HEADER || memcmp(p, "TZif", 4) != 0)
        return false;
    *c = (counts){read32(p + 20), read32(p + 24), read32(p + 28), read32(p + 32), read32(p + 36), read32(p + 40)};
    return c->is_ut <= TYPES_MAX && c->is_standard <= TYPES_MAX && c->leaps <= CHANGES_MAX && c->changes <= CHANGES_MAX &&
           c->types >= 1 && c->types <= TYPES_MAX && c->names >= 1 && c->names <= NAMES_MAX;
}

static size_t data_size(const counts *c, size_t instant)
{
    return c->changes * (instant + 1) + c->types * 6 + c->names + c->leaps * (instant + 4) + c->is_standard + c->is_ut;
}

/* ---- reading ---- */

static int bad(const char *name, const char *what, nip_error **err)
{
    return nip__fail(err, NIP_E_SYNTAX, "zone %.100s: its file is damaged: %s", name, what);
}

static int read_types(nip__zone *zone, const unsigned char *p, const counts *c, const char *name, nip_error **err)
{
    const char *names = (const char *)p + c->types * 6;
    for (uint32_t i = 0; i < c->types; i++, p += 6) {
        int32_t offset = (int32_t)read32(p);
        size_t at = p[5];
        const char *end = at < c->names ? memchr(names + at, '\0', c->names - at) : NULL;
        if (offset < OFFSET_LEAST || offset > OFFSET_MOST || p[4] > 1 || end == NULL)
            return bad(name, "a local time type makes no sense", err);
        nip__zone_type *type = &zone->types[i];
        size_t length = (size_t)(end - (names + at));
        *type = (nip__zone_type){.offset = offset, .dst = p[4] == 1};
        memcpy(type->name, names + at, length < sizeof type->name ? length : sizeof type->name - 1);
    }
    zone->type_count = c->types;
    return 0;
}

static int read_changes(nip__zone *zone, const unsigned char *p, const counts *c, const char *name, nip_error **err)
{
    zone->changes = nip__calloc(c->changes + 1, sizeof *zone->changes);
    zone->type_of = nip__calloc(c->changes + 1, 1);
    if (zone->changes == NULL || zone->type_of == NULL)
        return nip__nomem(err);
    for (uint32_t i = 0; i < c->changes; i++) {
        zone->changes[i] = read64(p + (size_t)i * 8);
        zone->type_of[i] = p[(size_t)c->changes * 8 + i];
        bool ascends = i == 0 || zone->changes[i] > zone->changes[i - 1];
        if (!ascends || zone->changes[i] < -LATEST - 1 || zone->changes[i] > LATEST || zone->type_of[i] >= c->types)
            return bad(name, "its changes are out of order or name no type", err);
    }
    zone->change_count = c->changes;
    return 0;
}

static int read_footer(nip__zone *zone, const char *p, size_t left, const char *name, nip_error **err)
{
    const char *end = left > 1 && p[0] == '\n' ? memchr(p + 1, '\n', left - 1) : NULL;
    if (end == NULL || !nip__zone_rule_read(p + 1, (size_t)(end - p - 1), &zone->rule))
        return bad(name, "the rule at its end makes no sense", err);
    return 0;
}

/* The first block is for readers of 1986; the second one has 64 bits. */
static int read_file(nip__zone *zone, const unsigned char *p, size_t length, const char *name, nip_error **err)
{
    counts c;
    const unsigned char *end = p + length;
    if (!read_header(p, length, &c))
        return bad(name, "it does not begin as a TZif file does", err);
    if (p[4] < '2')
        return nip__fail(err, NIP_E_UNSUPPORTED, "zone %.100s: its file is of version 1, which ends in 2037: a newer one is needed", name);
    if (data_size(&c, 4) > length - HEADER)
        return bad(name, "it is cut off", err);
    p += HEADER + data_size(&c, 4);
    if (!read_header(p, (size_t)(end - p), &c))
        return bad(name, "it has no 64-bit data", err);
    p += HEADER;
    if (c.leaps > 0)
        return nip__fail(err, NIP_E_UNSUPPORTED, "zone %.100s counts leap seconds: take the one without", name);
    if (data_size(&c, 8) > (size_t)(end - p))
        return bad(name, "it is cut off", err);
    int rc = read_changes(zone, p, &c, name, err);
    if (rc == 0)
        rc = read_types(zone, p + (size_t)c.changes * 9, &c, name, err);
    p += data_size(&c, 8);
    return rc < 0 ? rc : read_footer(zone, (const char *)p, (size_t)(end - p), name, err);
}

int nip__zone_parse(const char *bytes, size_t length, const char *name, nip__zone **zone, nip_error **err)
{
    nip__zone *made = nip__calloc(1, sizeof *made);
    if (made == NULL)
        return nip__nomem(err);
    int rc = read_file(made, (const unsigned char *)bytes, length, name, err);
    if (rc < 0)
        nip__zone_free(made);
    else
        *zone = made;
    return rc;
}

void nip__zone_free(nip__zone *zone)
{
    if (zone == NULL)
        return;
    nip__free(zone->changes);
    nip__free(zone->type_of);
    nip__free(zone);
}

/* ---- asking ---- */

/* Changes up to and at `instant`. */
static size_t changes_until(const nip__zone *zone, int64_t instant)
{
    size_t low = 0, high = zone->change_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (zone->changes[middle] <= instant)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

nip__zone_type nip__zone_at(const nip__zone *zone, int64_t instant)
{
    size_t passed = changes_until(zone, instant);
    if (passed == zone->change_count && zone->rule.present)
        return nip__zone_rule_at(&zone->rule, instant);
    return zone->types[passed == 0 ? 0 : zone->type_of[passed - 1]];
}

int64_t nip__zone_next(const nip__zone *zone, int64_t instant)
{
    size_t passed = changes_until(zone, instant);
    if (passed < zone->change_count)
        return zone->changes[passed];
    return zone->rule.present ? nip__zone_rule_next(&zone->rule, instant) : INT64_MAX;
}

void nip__zone_instants(const nip__zone *zone, int64_t local, int64_t *first, int64_t *last)
{
    int64_t from = local - REACH, skipped = local - nip__zone_at(zone, local).offset;
    bool found = false;
    while (from < local + REACH) {
        int32_t offset = nip__zone_at(zone, from).offset;
        int64_t until = nip__zone_next(zone, from), at = local - offset;
        if (at >= from && at < until) {
            *first = found ? *first : at;
            *last = at;
            found = true;
        }
        bool jumps = until != INT64_MAX && at >= until && local - nip__zone_at(zone, until).offset < until;
        skipped = jumps ? until : skipped;
        from = until;
    }
    if (!found)
        *first = *last = skipped;
}

void nip__zone_stretch(const nip__zone *zone, int64_t day, int from, int to, int64_t *begin, int64_t *end)
{
    int64_t other;
    nip__zone_instants(zone, day * DAY + from, begin, &other);
    nip__zone_instants(zone, (day + (to <= from)) * DAY + to, &other, end);
}
