/* The places in which answers differed. */
#include "compare/fields.h"

#include <string.h>

#include "base/text.h"
#include "doc/json.h"
#include "doc/schema.h"

enum { TEXT_MAX = 160, REQUEST_MAX = 300, BEFORE = 20 };

const char *const nip__difference_kinds[NIP__DIFFERENCE_KINDS + 1] = {"changed", "missing", "added", "type", NULL};

static uint32_t hash_of(const char *text)
{
    uint32_t hash = UINT32_C(0x811c9dc5); /* FNV-1a */
    for (const char *p = text; *p != '\0'; p++)
        hash = (hash ^ (unsigned char)*p) * UINT32_C(0x01000193);
    return hash;
}

size_t nip__fields_find(nip__field_counts *counts, const char *name)
{
    size_t slots = sizeof counts->slots / sizeof counts->slots[0], at = hash_of(name) % slots;
    for (; counts->slots[at] != 0; at = (at + 1) % slots) {
        if (strcmp(counts->list[counts->slots[at] - 1].name, name) == 0)
            return counts->slots[at] - 1u;
    }
    const char *kept = counts->count < NIP__FIELDS_KEPT ? nip__arena_text(counts->arena, name) : NULL;
    if (kept == NULL) {
        counts->list[NIP__FIELDS_KEPT].name = "other places";
        return NIP__FIELDS_KEPT;
    }
    counts->list[counts->count] = (nip__field_count){.name = kept};
    counts->slots[at] = (uint16_t)(counts->count + 1);
    return counts->count++;
}

static size_t position(const nip__field_set *set, size_t field)
{
    size_t at = 0;
    while (at < set->count && set->list[at] != field)
        at++;
    return at;
}

bool nip__field_set_has(const nip__field_set *set, size_t field)
{
    return position(set, field) < set->count;
}

static uint8_t kind_of(const char *kind)
{
    for (uint8_t i = 0; i < NIP__DIFFERENCE_KINDS; i++) {
        if (nip__text_equal(kind, nip__difference_kinds[i]))
            return i;
    }
    return NIP__CHANGED;
}

bool nip__field_set_add(nip__field_set *set, size_t field, const nip__difference *difference)
{
    size_t at = position(set, field);
    if (at == set->count && set->count >= NIP__FIELDS_A_PAIR - 1) {
        field = NIP__FIELDS_KEPT; /* the last one stands for the rest */
        at = position(set, field);
    }
    bool is_new = at == set->count;
    if (is_new) {
        set->kinds[at] = kind_of(difference->kind);
        set->list[at] = (uint16_t)field;
        set->count++;
    }
    set->values[at] += difference->values;
    return is_new;
}

/* ---- examples ---- */

static const char *cut_text(nip__arena *arena, const char *text, size_t length, size_t most)
{
    if (length <= most)
        return nip__arena_copy(arena, text, length);
    while (most > 0 && ((unsigned char)text[most] & 0xc0) == 0x80)
        most--; /* not in the middle of a character */
    return nip__arena_printf(arena, "%.*s...", (int)most, text);
}

/* A value of a query whose name sounds secret is masked: "/login?token=***". */
static const char *request_of(nip__arena *arena, const char *method, const char *target)
{
    nip__buffer text = NIP__BUFFER(NIP__ANSWER_MAX);
    const char *query = strchr(target, '?');
    size_t path = query != NULL ? (size_t)(query - target) : strlen(target);
    nip__buffer_printf(&text, "%s ", method);
    nip__buffer_put(&text, target, path);
    for (const char *part = query; part != NULL && *part != '\0';) {
        size_t length = 1 + strcspn(part + 1, "&");
        const char *equals = memchr(part, '=', length);
        const char *name = equals != NULL ? nip__arena_copy(arena, part + 1, (size_t)(equals - part - 1)) : NULL;
        bool secret = nip__sounds_secret(name);
        nip__buffer_put(&text, part, secret ? (size_t)(equals + 1 - part) : length);
        nip__buffer_text(&text, secret ? "***" : "");
        part += length;
    }
    const char *made = cut_text(arena, nip__buffer_string(&text), text.length, REQUEST_MAX);
    if (text.failed)
        nip__arena_fail(arena);
    nip__buffer_clear(&text);
    return made;
}

static const char *json_of(nip__arena *arena, const nip__value *value)
{
    nip__value *masked = nip__schema_mask(arena, NULL, value);
    char *text = nip__json_text(masked);
    const char *made = text != NULL ? cut_text(arena, text, strlen(text), TEXT_MAX) : NULL;
    if (text == NULL)
        nip__arena_fail(arena);
    nip_free(text);
    return made;
}

/* Where two texts part. */
static size_t parting(const nip__difference *d)
{
    size_t at = 0;
    while (at < d->old_length && at < d->fresh_length && d->old_text[at] == d->fresh_text[at])
        at++;
    return at;
}

static const char *text_of(nip__arena *arena, const char *text, size_t length, size_t from)
{
    if (text == NULL)
        return NULL;
    if (from > length)
        from = length;
    while (from > 0 && from < length && ((unsigned char)text[from] & 0xc0) == 0x80)
        from--;
    const char *cut = cut_text(arena, text + from, length - from, TEXT_MAX);
    return from > 0 && cut != NULL ? nip__arena_printf(arena, "...%s", cut) : cut;
}

static void show(nip__arena *arena, const nip__difference *d, nip__example *example)
{
    if (d->secret) {
        example->old = d->old != NULL || d->old_text != NULL ? "***" : NULL;
        example->fresh = d->fresh != NULL || d->fresh_text != NULL ? "***" : NULL;
    } else if (d->old != NULL || d->fresh != NULL) {
        example->old = d->old != NULL ? json_of(arena, d->old) : NULL;
        example->fresh = d->fresh != NULL ? json_of(arena, d->fresh) : NULL;
    } else {
        size_t at = d->old_text != NULL && d->fresh_text != NULL ? parting(d) : 0;
        size_t from = at > BEFORE ? at - BEFORE : 0;
        example->old = text_of(arena, d->old_text, d->old_length, from);
        example->fresh = text_of(arena, d->fresh_text, d->fresh_length, from);
    }
}

void nip__fields_add_example(nip__field_counts *counts, size_t field, const char *method, const char *target,
                             const nip__difference *difference)
{
    nip__field_count *count = &counts->list[field];
    nip__example *made = nip__arena_alloc(counts->arena, sizeof *made);
    if (made == NULL)
        return;
    made->request = request_of(counts->arena, method, target);
    show(counts->arena, difference, made);
    if (count->end == NULL)
        count->end = &count->examples;
    *count->end = made;
    count->end = &made->next;
    count->example_count++;
}
