/* Two answers to the same request: status, headers, and bodies, JSON by its structure and everything else by its bytes. */
#include "compare/differ.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "doc/json.h"
#include "doc/schema.h"

enum { FIELD_MAX = 300, INDEX_TEXT = 24 };

typedef struct walk {
    const nip__differ *differ;
    nip__arena *arena;
    nip__place_at at;
    bool any[NIP__PLACE_DEPTH]; /* this part is an index */
    void (*found)(void *data, const nip__difference *difference);
    void *data;
    int64_t values; /* of the bodies, looked at so far */
} walk;

void nip__differ_read(const nip__value *args, nip__differ *differ)
{
    const nip__value *compare = nip__get(args, "compare");
    differ->status = nip__get_bool(compare, "status", true);
    differ->body = nip__get_bool(compare, "body", true);
    differ->headers = nip__get(compare, "headers");
}

/* ---- JSON ---- */

/* "body /items/.../price" with an asterisk for each index: what is the same place in different requests. */
static void write_field(const walk *w, nip__buffer *field)
{
    nip__buffer_text(field, "body");
    for (size_t i = 0; i < w->at.depth; i++) {
        nip__buffer_text(field, i == 0 ? " /" : "/");
        if (w->any[i])
            nip__buffer_char(field, '*');
        for (const char *p = w->any[i] ? "" : w->at.parts[i]; *p != '\0'; p++) {
            if (*p == '~' || *p == '/')
                nip__buffer_text(field, *p == '~' ? "~0" : "~1");
            else
                nip__buffer_char(field, *p);
        }
    }
}

static bool is_secret(const walk *w)
{
    for (size_t i = 0; i < w->at.depth; i++) {
        if (!w->any[i] && nip__sounds_secret(w->at.parts[i]))
            return true;
    }
    return false;
}

/* Those that are not maps or lists, and empty ones. */
static int64_t count_values(const nip__value *value)
{
    int64_t count = 0;
    if (value == NULL)
        return 0;
    if ((value->kind != NIP__MAP && value->kind != NIP__LIST) || nip__first(value) == NULL)
        return 1;
    for (NIP__EACH(item, value))
        count += count_values(item);
    return count;
}

static void tell(walk *w, const char *kind, const nip__value *old, const nip__value *fresh, const char *too_long)
{
    int64_t before = count_values(old), after = count_values(fresh);
    nip__buffer field = NIP__BUFFER(FIELD_MAX);
    write_field(w, &field);
    if (field.full)
        field.failed = false; /* its beginning will do */
    nip__difference difference = {.field = nip__buffer_string(&field),
                                  .kind = kind,
                                  .old = old,
                                  .fresh = fresh,
                                  .too_long = too_long,
                                  .secret = is_secret(w),
                                  .values = before > after ? before : after};
    w->values += difference.values;
    if (field.failed)
        nip__arena_fail(w->arena);
    else
        w->found(w->data, &difference);
    nip__buffer_clear(&field);
}

static bool enter(walk *w, const char *part, bool any)
{
    if (w->at.depth == NIP__PLACE_DEPTH)
        return false;
    w->any[w->at.depth] = any;
    w->at.parts[w->at.depth++] = part;
    return true;
}

static void compare_values(walk *w, const nip__value *old, const nip__value *fresh);

static void compare_part(walk *w, const char *part, bool any, const nip__value *old, const nip__value *fresh)
{
    if (!enter(w, part, any))
        return; /* the reader lets in no deeper text */
    if (nip__rules_ignore(w->differ->rules, &w->at))
        ; /* that place and all in it */
    else if (old == NULL || fresh == NULL)
        tell(w, old == NULL ? "added" : "missing", old, fresh, NULL);
    else
        compare_values(w, old, fresh);
    w->at.depth--;
}

static int by_key(const void *a, const void *b)
{
    const nip__value *const *x = a, *const *y = b;
    return strcmp((*x)->key, (*y)->key);
}

static const nip__value **sorted(walk *w, const nip__value *map)
{
    const nip__value **list = nip__arena_alloc(w->arena, (nip__count(map) + 1) * sizeof *list);
    size_t count = 0;
    if (list == NULL)
        return NULL;
    for (NIP__EACH(item, map))
        list[count++] = item;
    qsort(list, count, sizeof *list, by_key);
    return list;
}

static void compare_maps(walk *w, const nip__value *old, const nip__value *fresh)
{
    const nip__value **a = sorted(w, old), **b = sorted(w, fresh);
    if (a == NULL || b == NULL)
        return;
    while (*a != NULL || *b != NULL) {
        int order = *a == NULL ? 1 : *b == NULL ? -1 : strcmp((*a)->key, (*b)->key);
        compare_part(w, order <= 0 ? (*a)->key : (*b)->key, false, order <= 0 ? *a : NULL, order >= 0 ? *b : NULL);
        a += order <= 0;
        b += order >= 0;
    }
}

static void compare_lists(walk *w, const nip__value *old, const nip__value *fresh)
{
    const nip__value *a = nip__first(old), *b = nip__first(fresh);
    for (size_t i = 0; a != NULL || b != NULL; i++) {
        char index[INDEX_TEXT];
        snprintf(index, sizeof index, "%zu", i);
        compare_part(w, index, true, a, b);
        a = a != NULL ? a->next : NULL;
        b = b != NULL ? b->next : NULL;
    }
}

static bool is_number(const nip__value *value)
{
    return value->kind == NIP__INT || value->kind == NIP__REAL;
}

static bool same_scalar(walk *w, const nip__value *old, const nip__value *fresh, const char **too_long)
{
    if (old->kind == NIP__STRING && fresh->kind == NIP__STRING)
        return nip__rules_same(w->differ->rules, old->as.string.text, old->as.string.length, fresh->as.string.text,
                               fresh->as.string.length, too_long);
    return nip__equal(old, fresh);
}

static void compare_values(walk *w, const nip__value *old, const nip__value *fresh)
{
    const char *too_long = NULL;
    if (old->kind != fresh->kind && !(is_number(old) && is_number(fresh)))
        tell(w, "type", old, fresh, NULL);
    else if (old->kind == NIP__MAP)
        compare_maps(w, old, fresh);
    else if (old->kind == NIP__LIST)
        compare_lists(w, old, fresh);
    else if (!same_scalar(w, old, fresh, &too_long))
        tell(w, "changed", old, fresh, too_long);
    else
        w->values++;
}

/* ---- text ---- */

static void tell_text(walk *w, const nip__difference *difference)
{
    nip__difference told = *difference;
    told.secret = nip__sounds_secret(told.field);
    w->found(w->data, &told);
}

static nip__difference plain(const char *field, const char *old, const char *fresh)
{
    return (nip__difference){
        .field = field,
        .kind = old == NULL ? "added" : fresh == NULL ? "missing" : "changed",
        .old_text = old,
        .old_length = old != NULL ? strlen(old) : 0,
        .fresh_text = fresh,
        .fresh_length = fresh != NULL ? strlen(fresh) : 0,
    };
}

/* ---- headers ---- */

static const char *line_end(const char *line)
{
    const char *end = strchr(line, '\n');
    return end != NULL ? end : line + strlen(line);
}

/* Values of all headers of that name, joined as HTTP does. NULL: there is none. */
static const char *header_of(nip__arena *arena, const char *headers, const char *name)
{
    size_t length = strlen(name);
    const char *found = NULL;
    for (const char *line = headers, *end; *line != '\0'; line = *end != '\0' ? end + 1 : end) {
        end = line_end(line);
        if (!nip__text_starts_alike(line, name) || line[length] != ':')
            continue;
        const char *value = line + length + 1, *last = end;
        value += strspn(value, " \t");
        while (last > value && (last[-1] == '\r' || last[-1] == ' ' || last[-1] == '\t'))
            last--;
        const char *text = nip__arena_copy(arena, value, last > value ? (size_t)(last - value) : 0);
        found = found == NULL ? text : nip__arena_printf(arena, "%s, %s", found, text);
    }
    return found;
}

static void compare_header(walk *w, const char *name, const nip__answer *a, const nip__answer *b)
{
    char field[FIELD_MAX];
    const char *old = header_of(w->arena, a->headers, name), *fresh = header_of(w->arena, b->headers, name);
    snprintf(field, sizeof field, "header %s", name);
    nip__difference difference = plain(field, old, fresh);
    bool both = old != NULL && fresh != NULL;
    if (both ? !nip__rules_same(w->differ->rules, old, strlen(old), fresh, strlen(fresh), &difference.too_long)
             : old != fresh)
        tell_text(w, &difference);
}

/* ---- bodies ---- */

static const nip__value *json_of(walk *w, const nip__answer *answer, bool *nomem)
{
    static const nip__limits limits = {NIP__ANSWER_MAX, NIP__PLACE_DEPTH, 1000000};
    nip__value *value = NULL;
    const char *type = header_of(w->arena, answer->headers, "content-type");
    if (answer->body_length == 0 || type == NULL || !nip__text_has_alike(type, "json"))
        return NULL;
    int rc = nip__json_read(w->arena, answer->body, answer->body_length, "body", &limits, &value, NULL);
    *nomem |= rc == NIP_E_NOMEM;
    return rc == 0 ? value : NULL;
}

static void tell_body(walk *w, const char *kind, const nip__answer *a, const nip__answer *b, const char *too_long)
{
    nip__difference difference = {
        .field = "body",
        .kind = kind,
        .old_text = a->body,
        .old_length = a->body_length,
        .fresh_text = b->body,
        .fresh_length = b->body_length,
        .too_long = too_long,
        .values = 1,
    };
    w->values++;
    tell_text(w, &difference);
}

static void compare_bodies(walk *w, const nip__answer *a, const nip__answer *b)
{
    bool nomem = false;
    const char *too_long = NULL;
    if (a->body_length == b->body_length && memcmp(a->body, b->body, a->body_length) == 0)
        return;
    const nip__value *old = json_of(w, a, &nomem), *fresh = json_of(w, b, &nomem);
    if (nomem)
        nip__arena_fail(w->arena);
    else if (old != NULL && fresh != NULL)
        compare_values(w, old, fresh);
    else if ((old == NULL) != (fresh == NULL))
        tell_body(w, "type", a, b, NULL);
    else if (!nip__rules_same(w->differ->rules, a->body, a->body_length, b->body, b->body_length, &too_long))
        tell_body(w, "changed", a, b, too_long);
}

/* ---- the whole ---- */

static void compare_status(walk *w, const nip__answer *a, const nip__answer *b)
{
    char old[INDEX_TEXT], fresh[INDEX_TEXT];
    snprintf(old, sizeof old, "%d", a->status);
    snprintf(fresh, sizeof fresh, "%d", b->status);
    nip__difference difference = plain("status", old, fresh);
    difference.values = NIP__ALL_VALUES;
    if (a->status != b->status)
        tell_text(w, &difference);
}

/* The second answer is missing when there is a reason for it. */
static void compare_reasons(walk *w, const nip__answer *a, const nip__answer *b)
{
    nip__difference difference = plain("answer", a->reason, b->reason);
    difference.kind = a->reason == NULL ? "missing" : b->reason == NULL ? "added" : "changed";
    difference.values = NIP__ALL_VALUES;
    if (!nip__text_equal(a->reason, b->reason))
        tell_text(w, &difference);
}

static void compare_answers(walk *w, const nip__answer *a, const nip__answer *b)
{
    if (a->reason != NULL || b->reason != NULL) {
        compare_reasons(w, a, b);
        return;
    }
    if (w->differ->status)
        compare_status(w, a, b);
    for (NIP__EACH(name, w->differ->headers)) {
        if (nip__is(name, NIP__STRING))
            compare_header(w, name->as.string.text, a, b);
    }
    if (w->differ->body)
        compare_bodies(w, a, b);
}

int nip__differ_compare(const nip__differ *differ, const nip__answer *a, const nip__answer *b,
                        void (*found)(void *data, const nip__difference *difference), void *data, int64_t *values,
                        nip_error **err)
{
    walk w = {.differ = differ, .arena = nip__arena_new(), .found = found, .data = data};
    nip__rules_begin(differ->rules, a->body_length + b->body_length);
    if (w.arena != NULL)
        compare_answers(&w, a, b);
    bool failed = nip__rules_take_failure(differ->rules) || nip__arena_failed(w.arena);
    nip__arena_free(w.arena);
    if (values != NULL)
        *values = w.values;
    return failed ? nip__nomem(err) : 0;
}
