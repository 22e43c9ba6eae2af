/* Sets of endpoints. */
#include "rollout/names.h"

#include <stdlib.h>
#include <string.h>

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Endpoints mostly come in order of their ports. */
static bool is_sorted(const nip__names *names)
{
    for (size_t i = 1; i < names->count; i++) {
        if (strcmp(names->list[i - 1], names->list[i]) > 0)
            return false;
    }
    return true;
}

nip__names nip__names_of(nip__arena *arena, const nip__value *value)
{
    nip__names names = {nip__arena_alloc(arena, (nip__count(value) + 1) * sizeof *names.list), 0};
    if (names.list == NULL)
        return names;
    for (NIP__EACH(item, value)) {
        if (nip__is(value, NIP__MAP))
            names.list[names.count++] = item->key;
        else if (item->kind == NIP__STRING)
            names.list[names.count++] = item->as.string.text;
    }
    if (!is_sorted(&names))
        qsort(names.list, names.count, sizeof *names.list, by_text);
    return names;
}

bool nip__names_have(const nip__names *names, const char *name)
{
    return name != NULL && names->count > 0 && bsearch(&name, names->list, names->count, sizeof *names->list, by_text) != NULL;
}

bool nip__names_equal(const nip__names *a, const nip__names *b)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++) {
        if (strcmp(a->list[i], b->list[i]) != 0)
            return false;
    }
    return true;
}
