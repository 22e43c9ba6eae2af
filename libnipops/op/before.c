/* See before.h. */
#include "op/before.h"

#include <string.h>

#include "base/error.h"
#include "base/text.h"

enum { AT_ONCE = 40, QUERY_MAX = 4 << 20, QUERY_FULL = 200000, SEEN_MAX = 1000000 };
#define LONG_AGO (400 * INT64_C(86400000)) /* ms: longer ago nobody looks */

void nip__before_stop(nip__before *before)
{
    nip__fetch_stop(&before->fetch);
    nip__sample_set_clear(&before->seen);
    nip__buffer_clear(&before->query);
    nip__newcomers_clear(&before->newcomers);
}

/* Of one metric only: "or" takes series of two for the same when all their labels are. */
static bool fits(const nip__before *before, size_t next)
{
    nip__sample_series *const *items = before->newcomers.items;
    return next < before->newcomers.count && next - before->from < before->most && before->query.length < QUERY_FULL &&
           nip__text_equal(items[next]->metric, items[before->from]->metric);
}

static void put_query(nip__before *before)
{
    nip__buffer_reset(&before->query);
    for (before->to = before->from; fits(before, before->to); before->to++) {
        nip__buffer_text(&before->query, before->to > before->from ? " or last_over_time(" : "last_over_time(");
        nip__sample_selector(&before->query, before->newcomers.items[before->to]);
        nip__buffer_printf(&before->query, "[%lldms])", (long long)LONG_AGO);
    }
}

static void on_fetched(void *data, const nip__fetch_end *end);

static int ask(nip__before *before, nip_error **err)
{
    put_query(before);
    nip__sample_set_clear(&before->seen);
    if (before->query.failed || nip__sample_set_open(&before->seen, SEEN_MAX) < 0)
        return nip__nomem(err);
    before->request.selector = nip__buffer_string(&before->query);
    return nip__fetch_start(&before->fetch, before->loop, &before->request, on_fetched, before, err);
}

/* The answer may have left out the metric's name. */
static bool was_seen(const nip__before *before, const nip__sample_series *series)
{
    const char *nameless = series->name + (series->metric != NULL ? strlen(series->metric) : 0);
    return nip__sample_set_find(&before->seen, series->name) != NULL || nip__sample_set_find(&before->seen, nameless) != NULL;
}

static void mark(nip__before *before, bool all)
{
    for (; before->from < before->to; before->from++)
        before->newcomers.items[before->from]->before = all || was_seen(before, before->newcomers.items[before->from]);
}

/* What the answer says of those asked about; false: nothing, for a reason that is told. */
static bool take_answer(nip__before *before, const nip__fetch_end *end)
{
    bool single = before->to - before->from == 1;
    if (end->rc == 0 || (end->too_many && single))
        mark(before, end->rc < 0);
    else if (end->too_many)
        before->most = (before->to - before->from + 1) / 2;
    else
        return false;
    return true;
}

static void finish(nip__before *before, const nip__fetch_end *end)
{
    nip__before_stop(before);
    before->done(before->data, end);
}

static void on_fetched(void *data, const nip__fetch_end *end)
{
    nip__before *before = data;
    nip_error *err = NULL;
    nip__fetch_end how = *end;
    if (take_answer(before, end))
        how = (nip__fetch_end){.rc = 0};
    if (how.rc == 0 && before->from < before->newcomers.count) {
        how.rc = ask(before, &err);
        if (how.rc == 0)
            return;
        how.problem = nip_error_message(err);
    }
    finish(before, &how);
    nip_error_free(err);
}

int nip__before_start(nip__before *before, nip__loop *loop, const nip__value *settings, const char *place, nip__ms at, nip__newcomers *newcomers,
                      void (*done)(void *data, const nip__fetch_end *end), void *data, nip_error **err)
{
    *before = (nip__before){
        .loop = loop,
        .request = {.settings = settings, .place = place, .instant = true, .after = at - 1, .upto = at, .into = &before->seen},
        .newcomers = *newcomers,
        .query = NIP__BUFFER(QUERY_MAX),
        .most = AT_ONCE,
        .done = done,
        .data = data,
    };
    *newcomers = (nip__newcomers){0};
    int rc = ask(before, err);
    if (rc < 0)
        nip__before_stop(before);
    return rc;
}
