/* Exclusions: the fold of their records. */
#include "sla/exclusion.h"

#include "base/error.h"
#include "base/memory.h"
#include "base/text.h"

/* ---- the list ---- */

int nip__exclusions_new(nip__exclusions **list, nip_error **err)
{
    nip__exclusions *made = nip__calloc(1, sizeof *made);
    if (made == NULL)
        return nip__nomem(err);
    made->arena = nip__arena_new();
    if (made->arena == NULL) {
        nip__free(made);
        return nip__nomem(err);
    }
    *list = made;
    return 0;
}

void nip__exclusions_free(nip__exclusions *list)
{
    if (list == NULL)
        return;
    nip__arena_free(list->arena);
    nip__zones_clear(&list->zones);
    nip__free(list->items);
    nip__free(list);
}

static nip__exclusion *find(const nip__exclusions *list, const char *id)
{
    nip__exclusion *found = NULL;
    for (size_t i = 0; i < list->count && found == NULL; i++)
        found = nip__text_equal(list->items[i].id, id) ? &list->items[i] : NULL;
    return found;
}

/* ---- records ---- */

static int check_names(const nip__exclusions *list, const char *id, const char *revokes, nip_error **err)
{
    const nip__exclusion *revoked = revokes != NULL ? find(list, revokes) : NULL;
    if (find(list, id) != NULL)
        return nip__fail(err, NIP_E_INVALID, "there is an exclusion \"%s\" already: each has an id of its own", id);
    if (revokes != NULL && (revoked == NULL || revoked->class_name == NULL))
        return nip__fail(err, NIP_E_INVALID, "\"%s\" revokes \"%s\", which is no exclusion", id, revokes);
    if (revoked != NULL && revoked->revoked)
        return nip__fail(err, NIP_E_INVALID, "\"%s\" revokes \"%s\", which is revoked already", id, revokes);
    return 0;
}

static int fill(nip__exclusions *list, const nip__value *value, nip__exclusion *one, nip_error **err)
{
    const nip__value *recurrence = nip__get(value, "recurrence");
    one->id = nip__get_text(value, "id");
    one->who = nip__get_text(value, "who");
    one->why = nip__get_text(value, "why");
    one->class_name = nip__get_text(value, "class");
    one->revokes = nip__get_text(value, "revokes");
    one->objectives = nip__get(value, "objectives");
    one->once = (nip__span){nip__ms_of(nip__get_time(value, "begin", 0)), nip__ms_of(nip__get_time(value, "end", 0))};
    one->recurs = recurrence != NULL;
    return one->recurs ? nip__recurrence_read(recurrence, &list->zones, &one->rule, err) : 0;
}

/* Nothing is changed before all that can fail has succeeded. */
static int take_in(nip__exclusions *list, nip__exclusion *one, const nip__value *value, nip_error **err)
{
    nip__exclusion *grown = nip__grow(list->items, &list->capacity, list->count, sizeof *list->items);
    if (grown == NULL)
        return nip__nomem(err);
    list->items = grown;
    int rc = check_names(list, nip__get_text(value, "id"), nip__get_text(value, "revokes"), err);
    if (rc == 0)
        rc = fill(list, value, one, err);
    if (rc < 0)
        return rc;
    nip__exclusion *revoked = one->revokes != NULL ? find(list, one->revokes) : NULL;
    if (revoked != NULL) {
        revoked->revoked = true;
        revoked->revoked_by = one->sequence;
    }
    list->items[list->count++] = *one;
    return 0;
}

int nip__exclusions_add_value(nip__exclusions *list, int64_t sequence, nip_time recorded, const nip__value *normalized, nip_error **err)
{
    nip__exclusion one = {.sequence = sequence, .recorded = recorded};
    if (list->count >= NIP__EXCLUSIONS_MAX)
        return nip__fail(err, NIP_E_LIMIT, "there are %d exclusions, the most that one journal may hold", NIP__EXCLUSIONS_MAX);
    if (list->count > 0 && sequence <= list->items[list->count - 1].sequence)
        return nip__fail(err, NIP_E_INVALID, "record %lld comes before one that was taken in", (long long)sequence);
    nip__value *kept = nip__copy(list->arena, normalized);
    if (kept == NULL || nip__arena_failed(list->arena)) {
        nip__arena_recover(list->arena);
        return nip__nomem(err);
    }
    return take_in(list, &one, kept, err);
}

int nip__exclusions_add(nip__exclusions *list, int64_t sequence, nip_time recorded, const char *payload, size_t length, nip_error **err)
{
    nip__arena *arena = nip__arena_new();
    nip__value *read = NULL, *normalized = NULL;
    int rc = arena == NULL ? nip__nomem(err) : nip__json_read(arena, payload, length, "exclusion", &nip__document_limits, &read, err);
    if (rc == 0)
        rc = nip__exclusion_check(arena, read, "exclusion", &normalized, err);
    if (rc == 0)
        rc = nip__exclusions_add_value(list, sequence, recorded, normalized, err);
    nip__arena_free(arena);
    return rc;
}

/* ---- what counts ---- */

bool nip__exclusion_counts(const nip__exclusion *one, const char *objective, int64_t as_of)
{
    bool meant = one->objectives == NULL;
    for (NIP__EACH(name, one->objectives))
        meant |= nip__is(name, NIP__STRING) && nip__text_equal(name->as.string.text, objective);
    bool revoked = one->revoked && one->revoked_by <= as_of;
    return one->class_name != NULL && one->sequence <= as_of && !revoked && meant;
}

int nip__exclusion_add_spans(const nip__exclusion *one, nip__ms begin, nip__ms end, nip__spans *out)
{
    if (one->class_name == NULL)
        return 0;
    if (one->recurs)
        return nip__recurrence_add(&one->rule, begin, end, out);
    return nip__spans_add(out, one->once.begin > begin ? one->once.begin : begin, one->once.end < end ? one->once.end : end);
}
