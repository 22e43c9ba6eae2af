/* nipops/sla.h: adding what was measured, from files, arrays and pages. */
#include <math.h>
#include <string.h>

#include "agreement/book.h"
#include "agreement/fresh.h"
#include "base/memory.h"
#include "base/text.h"
#include "doc/json.h"
#include "nipops/sla.h"
#include "sla/page.h"

/* What every addition has. */
typedef struct addition {
    nip_store *store;
    nip__contract *contract;
    nip__state *state;
    nip__fresh fresh;
    const char *stream;
    nip_time at;
} addition;

static int not_found(const nip__contract *contract, const char *indicator, nip_error **err)
{
    const char *names[64] = {NULL};
    for (size_t i = 0; i < contract->indicator_count && i + 1 < sizeof names / sizeof names[0]; i++)
        names[i] = contract->indicators[i].name;
    const char *near = nip__text_nearest(indicator, names);
    return nip__fail(err, NIP_E_NOTFOUND, "%s has no indicator \"%.64s\"%s%.64s%s", contract->name, indicator, near != NULL ? "; did you mean \"" : "", near != NULL ? near : "",
                     near != NULL ? "\"?" : "");
}

static int check_times(nip_time begin, nip_time end, int64_t revision, nip_error **err)
{
    if ((begin == NIP_TIME_NONE) != (end == NIP_TIME_NONE) || (begin != NIP_TIME_NONE && begin >= end))
        return nip__fail(err, NIP_E_INVALID, "begin and end are given both or not at all, and begin is before end");
    if (begin != NIP_TIME_NONE && (begin % NIP_MILLISECOND != 0 || end % NIP_MILLISECOND != 0))
        return nip__fail(err, NIP_E_INVALID, "begin and end must be whole milliseconds");
    if (revision < 0 || revision > NIP__REVISION_MAX)
        return nip__fail(err, NIP_E_INVALID, "a revision is a number from 0 to 2^53-1");
    return 0;
}

static int open_addition(addition *a, const nip_doc *doc, const char *indicator, nip_time begin, nip_time end, nip_error **err)
{
    int rc = check_times(begin, end, a->fresh.revision, err);
    if (rc == 0)
        rc = nip__contract_load(doc, &a->contract, err);
    if (rc == 0)
        rc = nip__state_new(&a->state, err);
    if (rc < 0 || indicator == NULL)
        return rc;
    a->fresh.begin = begin == NIP_TIME_NONE ? 0 : nip__ms_of(begin);
    a->fresh.end = end == NIP_TIME_NONE ? 0 : nip__ms_of(end);
    a->fresh.indicator = nip__contract_indicator(a->contract, indicator);
    return a->fresh.indicator == NULL ? not_found(a->contract, indicator, err) : 0;
}

static void close_addition(addition *a)
{
    nip__state_free(a->state);
    nip__contract_free(a->contract);
}

static void write_added(nip__buffer *out, const nip__book_added *added)
{
    nip__writer writer = NIP__WRITER(out);
    nip__buffer_reset(out);
    nip__write_map(&writer, NULL);
    nip__write_int(&writer, "v", 1);
    nip__book_added_write(&writer, added);
    nip__write_end_map(&writer);
}

/* The room for the result is found before anything is recorded: what counts must not be reported as failed. */
static int record(addition *a, char **json, nip_error **err)
{
    nip__book_added added = {INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX, 0};
    nip__buffer text = NIP__BUFFER(4096);
    write_added(&text, &added);
    int rc = text.failed ? nip__nomem(err) : nip__book_add(a->store, a->contract->name, a->state, true, a->at, &added, err);
    if (rc == 0 && json != NULL) {
        write_added(&text, &added);
        *json = nip__buffer_take(&text);
    }
    nip__buffer_clear(&text);
    return rc;
}

/* ---- files ---- */

static void name_streams(nip__sla_rows *rows, const char *stream)
{
    for (size_t i = 0; i < rows->count && stream != NULL; i++) {
        if (rows->items[i].stream[0] == '\0')
            rows->items[i].stream = stream;
    }
}

static int take_rows(addition *a, nip__sla_rows *rows, char **json, nip_error **err)
{
    name_streams(rows, a->stream);
    int rc = nip__fresh_take(a->state, &a->fresh, rows, err);
    return rc == 0 ? record(a, json, err) : rc;
}

int nip_sla_import(nip_store *store, const nip_doc *doc, const char *indicator, const char *stream, const char *text, int64_t length, const char *name, nip_time begin,
                   nip_time end, int64_t revision, nip_time at, char **json, nip_error **err)
{
    NIP_ARG(store != NULL && doc != NULL && indicator != NULL && (text != NULL || length == 0) && length >= 0);
    NIP_ARG(at != NIP_TIME_NONE && at != NIP_TIME_MAX);
    addition a = {.store = store, .stream = stream, .at = at, .fresh = {.revision = revision, .name = name != NULL ? name : "input"}};
    nip__sla_rows rows = {0};
    int rc = open_addition(&a, doc, indicator, begin, end, err);
    if (rc == 0)
        rc = nip__sla_rows_read(text != NULL ? text : "", (size_t)length, a.fresh.name, &rows, err);
    if (rc == 0)
        rc = take_rows(&a, &rows, json, err);
    nip__sla_rows_clear(&rows);
    close_addition(&a);
    return rc;
}

/* ---- arrays ---- */

/* What arrays say, one of them or the other. */
typedef struct arrays {
    const nip_time *times;
    const int64_t *good, *bad;
    const double *values;
    int64_t count;
} arrays;

static int check_item(const arrays *from, int64_t i, nip_error **err)
{
    if (from->times[i] == NIP_TIME_NONE || from->times[i] == NIP_TIME_MAX)
        return nip__fail(err, NIP_E_INVALID, "item %lld has no instant", (long long)i);
    if (from->values == NULL && (from->good[i] < 0 || from->bad[i] < 0 || from->good[i] > NIP__COUNTS_MAX || from->bad[i] > NIP__COUNTS_MAX))
        return nip__fail(err, NIP_E_INVALID, "item %lld has %lld good and %lld bad events; both are 0 to %lld", (long long)i, (long long)from->good[i],
                         (long long)from->bad[i], (long long)NIP__COUNTS_MAX);
    return 0;
}

static int make_rows(const addition *a, const arrays *from, nip__sla_rows *rows, nip_error **err)
{
    if (from->count > NIP__SLA_ROWS_MAX)
        return nip__fail(err, NIP_E_LIMIT, "%lld items are more than the %d that are taken at once", (long long)from->count, NIP__SLA_ROWS_MAX);
    *rows = (nip__sla_rows){.items = nip__calloc((size_t)from->count + 1, sizeof *rows->items), .events = from->values == NULL};
    if (rows->items == NULL)
        return nip__nomem(err);
    int rc = 0;
    for (int64_t i = 0; i < from->count && rc == 0; i++) {
        nip__sla_row *row = &rows->items[rows->count++];
        rc = check_item(from, i, err);
        row->at = nip__ms_of(from->times[i]);
        row->stream = "";
        if (from->values != NULL)
            row->standing = nip__indicator_standing(a->fresh.indicator, from->values[i]);
        else if (rc == 0)
            row->good = from->good[i], row->bad = from->bad[i];
    }
    return rc;
}

static int add_arrays(addition *a, const nip_doc *doc, const char *indicator, const arrays *from, nip_time begin, nip_time end, char **json, nip_error **err)
{
    nip__sla_rows rows = {0};
    int rc = open_addition(a, doc, indicator, begin, end, err);
    if (rc == 0)
        rc = make_rows(a, from, &rows, err);
    if (rc == 0)
        rc = take_rows(a, &rows, json, err);
    nip__sla_rows_clear(&rows);
    close_addition(a);
    return rc;
}

int nip_sla_add_events(nip_store *store, const nip_doc *doc, const char *indicator, const char *stream, const nip_time *times, const int64_t *good, const int64_t *bad,
                       int64_t count, nip_time begin, nip_time end, int64_t revision, nip_time at, char **json, nip_error **err)
{
    NIP_ARG(store != NULL && doc != NULL && indicator != NULL && count >= 0);
    NIP_ARG(count == 0 || (times != NULL && good != NULL && bad != NULL));
    NIP_ARG(at != NIP_TIME_NONE && at != NIP_TIME_MAX);
    addition a = {.store = store, .stream = stream, .at = at, .fresh = {.revision = revision, .name = "events"}};
    return add_arrays(&a, doc, indicator, &(arrays){.times = times, .good = good, .bad = bad, .count = count}, begin, end, json, err);
}

int nip_sla_add_samples(nip_store *store, const nip_doc *doc, const char *indicator, const char *stream, const nip_time *times, const double *values, int64_t count,
                        nip_time begin, nip_time end, int64_t revision, nip_time at, char **json, nip_error **err)
{
    static const double none = 0;
    NIP_ARG(store != NULL && doc != NULL && indicator != NULL && count >= 0);
    NIP_ARG(count == 0 || (times != NULL && values != NULL));
    NIP_ARG(at != NIP_TIME_NONE && at != NIP_TIME_MAX);
    addition a = {.store = store, .stream = stream, .at = at, .fresh = {.revision = revision, .name = "samples"}};
    return add_arrays(&a, doc, indicator, &(arrays){.times = times, .values = values != NULL ? values : &none, .count = count}, begin, end, json, err);
}

/* ---- pages ---- */

static int take_pages(nip__state *state, const nip__value *pages, nip_error **err)
{
    int rc = nip__is(pages, NIP__LIST) ? 0 : nip__fail(err, NIP_E_INVALID, "pages are a list, found %s", nip__kind_name(pages->kind));
    for (const nip__value *page = nip__first(pages); page != NULL && rc == 0; page = page->next) {
        char *text = nip__json_text(page);
        rc = text == NULL ? nip__nomem(err) : nip__state_take(state, text, strlen(text), err);
        nip__free(text);
    }
    return rc;
}

int nip_sla_add_pages(nip_store *store, const nip_doc *doc, const char *pages, int64_t length, nip_time at, char **json, nip_error **err)
{
    NIP_ARG(store != NULL && doc != NULL && pages != NULL && length >= 0);
    NIP_ARG(at != NIP_TIME_NONE && at != NIP_TIME_MAX);
    addition a = {.store = store, .at = at};
    nip__arena *arena = nip__arena_new();
    nip__value *list = NULL;
    int rc = arena == NULL ? nip__nomem(err) : open_addition(&a, doc, NULL, NIP_TIME_NONE, NIP_TIME_NONE, err);
    if (rc == 0)
        rc = nip__json_read(arena, pages, (size_t)length, "pages", &nip__internal_limits, &list, err);
    if (rc == 0)
        rc = take_pages(a.state, list, err);
    if (rc == 0)
        rc = record(&a, json, err);
    nip__arena_free(arena);
    close_addition(&a);
    return rc;
}
