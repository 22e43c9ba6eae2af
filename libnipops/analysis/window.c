/* Subtraction of counters. */
#include "analysis/window.h"

#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/text.h"

void nip__window_clear(nip__window *window)
{
    for (size_t i = 0; i < window->count; i++)
        nip__free(window->counters[i].key);
    nip__free(window->counters);
    *window = (nip__window){0};
}

static nip__counter *find(nip__window *window, const char *key)
{
    for (size_t i = 0; i < window->count; i++) {
        if (nip__text_equal(window->counters[i].key, key))
            return &window->counters[i];
    }
    return NULL;
}

static int64_t whole(const nip__value *map, const char *key)
{
    double number = nip__get_number(map, key, -1.0);
    return number >= 0.0 && number < 9e15 ? (int64_t)number : -1;
}

/* A counter without both numbers, or with more errors than events, tells nothing. */
static bool read_counter(const nip__value *counter, int64_t *errors, int64_t *total)
{
    *errors = whole(counter, "errors");
    *total = whole(counter, "total");
    return *errors >= 0 && *total >= 0;
}

static int add(nip__window *window, const char *key, int64_t errors, int64_t total, nip_error **err)
{
    nip__counter *grown = nip__grow(window->counters, &window->capacity, window->count, sizeof *grown);
    if (grown == NULL)
        return nip__nomem(err);
    window->counters = grown;
    char *copy = nip__strdup(key);
    if (copy == NULL)
        return nip__nomem(err);
    window->counters[window->count++] = (nip__counter){copy, errors, total, errors, total};
    return 0;
}

static bool fell(nip__window *window, const nip__value *counters)
{
    for (NIP__EACH(item, counters)) {
        int64_t errors, total;
        const nip__counter *known = find(window, item->key);
        if (known != NULL && read_counter(item, &errors, &total) && (errors < known->errors || total < known->total))
            return true;
    }
    return false;
}

static int take_counters(nip__window *window, const nip__value *counters, nip__sample *sample, nip_error **err)
{
    int64_t looks = window->looks;
    sample->restarted = fell(window, counters);
    if (sample->restarted) {
        nip__window_clear(window);
        window->looks = looks; /* alpha that was spent stays spent */
    }
    sample->baseline = window->count == 0;
    for (NIP__EACH(item, counters)) {
        int64_t errors, total;
        nip__counter *known = find(window, item->key);
        if (!read_counter(item, &errors, &total))
            continue;
        if (known == NULL) {
            int rc = add(window, item->key, errors, total, err);
            if (rc < 0)
                return rc;
        } else {
            known->errors = errors;
            known->total = total;
        }
    }
    for (size_t i = 0; i < window->count; i++) {
        sample->errors += window->counters[i].errors - window->counters[i].first_errors;
        sample->total += window->counters[i].total - window->counters[i].first_total;
    }
    sample->counted = window->count > 0 && !sample->baseline;
    return 0;
}

static void take_window(const nip__value *events, nip__sample *sample)
{
    int64_t errors, total;
    if (!read_counter(events, &errors, &total))
        return;
    sample->counted = true;
    sample->errors = errors;
    sample->total = total;
}

int nip__window_take(nip__window *window, const nip__value *result, const char *version, nip__sample *sample, nip_error **err)
{
    const nip__value *mine = nip__get(nip__get(result, "versions"), version);
    const nip__value *counters = nip__get(mine, "counters");
    nip__sample taken = {.values = nip__get(mine, "values"), .problems = nip__get(mine, "problems")};
    int rc = 0;
    if (nip__is(counters, NIP__MAP) && nip__count(counters) > 0)
        rc = take_counters(window, counters, &taken, err);
    else
        take_window(nip__get(mine, "window"), &taken);
    if (taken.errors > taken.total)
        taken.errors = taken.total; /* errors without a request of their own, refused connections: never above 100 % */
    if (rc == 0)
        *sample = taken;
    return rc;
}
