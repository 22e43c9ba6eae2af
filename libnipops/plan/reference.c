/* References are filled in right before an intent is journaled. */
#include "plan/reference.h"

#include <string.h>

#include "base/text.h"
#include "base/time.h"

bool nip__is_reference(const nip__value *value)
{
    return nip__is(value, NIP__MAP) && nip__get_text(value, "from") != NULL;
}

bool nip__is_after(const nip__value *value)
{
    return nip__is(value, NIP__MAP) && nip__count(value) == 1 && nip__get_text(value, "after") != NULL;
}

nip__reference_of nip__reference_part(const nip__value *reference)
{
    const char *of = nip__get_text(reference, "of");
    if (nip__text_equal(of, "require"))
        return NIP__OF_REQUIRE;
    return nip__text_equal(of, "until") ? NIP__OF_UNTIL : NIP__OF_ACT;
}

static const nip__value *look_up(const nip__value *reference, const nip__results *results)
{
    const nip__value *result = results->find(results->data, nip__get_text(reference, "from"), nip__reference_part(reference),
                                             (size_t)nip__get_int(reference, "action", 0));
    const char *at = nip__get_text(reference, "at");
    return result != NULL ? nip__pointer(result, at != NULL ? at : "") : NULL;
}

typedef struct filler {
    nip__arena *arena;
    const nip__results *results;
    const char *missing;
} filler;

static nip__value *fill(filler *f, const nip__value *template);

static nip__value *fill_reference(filler *f, const nip__value *reference)
{
    const nip__value *found = look_up(reference, f->results);
    if (found != NULL)
        return nip__copy(f->arena, found);
    const nip__value *otherwise = nip__get(reference, "else");
    if (otherwise != NULL)
        return fill(f, otherwise);
    if (f->missing == NULL)
        f->missing = nip__get_text(reference, "from");
    return NULL;
}

static nip__value *fill_after(filler *f, const nip__value *after)
{
    nip__buffer text = NIP__BUFFER(64);
    nip__time_write(&text, nip__time_add(f->results->now, nip__get_duration(after, "after", 0)));
    nip__value *value = nip__string(f->arena, nip__buffer_string(&text));
    nip__buffer_clear(&text);
    return value;
}

/* An item that is a reference to a list is spliced in: its items become items of the outer list. */
static void fill_item(filler *f, nip__value *list, const nip__value *item)
{
    nip__value *filled = fill(f, item);
    if (!nip__is_reference(item) || !nip__is(filled, NIP__LIST)) {
        nip__push(list, filled);
        return;
    }
    nip__value *next;
    for (nip__value *inner = filled->as.items.first; inner != NULL; inner = next) {
        next = inner->next;
        inner->next = NULL;
        nip__push(list, inner);
    }
}

static nip__value *fill(filler *f, const nip__value *template)
{
    if (nip__is_reference(template))
        return fill_reference(f, template);
    if (nip__is_after(template))
        return fill_after(f, template);
    if (nip__is(template, NIP__LIST)) {
        nip__value *list = nip__list(f->arena);
        for (NIP__EACH(item, template))
            fill_item(f, list, item);
        return list;
    }
    if (nip__is(template, NIP__MAP)) {
        nip__value *map = nip__map(f->arena);
        for (NIP__EACH(item, template))
            nip__append(f->arena, map, item->key, fill(f, item));
        return map;
    }
    return nip__copy(f->arena, template);
}

nip__value *nip__fill(nip__arena *arena, const nip__value *template, const nip__results *results, const char **missing)
{
    filler f = {arena, results, NULL};
    nip__value *value = template != NULL ? fill(&f, template) : nip__map(arena);
    *missing = f.missing;
    return f.missing != NULL || nip__arena_failed(arena) ? NULL : value;
}

/* "<endpoints of start-1>": the last part of the pointer says what it is. */
static nip__value *name_of(nip__arena *arena, const nip__value *reference)
{
    const char *at = nip__get_text(reference, "at");
    const char *last = at != NULL ? strrchr(at, '/') : NULL;
    return nip__string(arena, nip__arena_printf(arena, "<%s of %s>", last != NULL ? last + 1 : "result",
                                                nip__get_text(reference, "from")));
}

nip__value *nip__fill_names(nip__arena *arena, const nip__value *template)
{
    if (nip__is_reference(template))
        return name_of(arena, template);
    if (nip__is_after(template))
        return nip__string(arena, nip__arena_printf(arena, "<%s later>", nip__get_text(template, "after")));
    bool map = nip__is(template, NIP__MAP);
    if (!map && !nip__is(template, NIP__LIST))
        return nip__copy(arena, template);
    nip__value *copy = map ? nip__map(arena) : nip__list(arena);
    for (NIP__EACH(item, template)) {
        nip__value *named = nip__fill_names(arena, item);
        if (map)
            nip__append(arena, copy, item->key, named);
        else
            nip__push(copy, named);
    }
    return copy;
}
