/* Chunk by chunk: ask, read what comes straight from the transfer, judge the whole reply, go on. */
#include "op/fetch.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/print.h"

enum {
    FIRST_MS = 3600000,    /* nothing is known yet of how many there are */
    LEAST_MS = 1000,       /* a second that is too much is not asked in halves */
    GROWTH = 24,
    SAMPLES_AIM = 500000,  /* some 15 MB of JSON */
    FORM_MAX = 1 << 20,
};

void nip__fetch_stop(nip__fetch *fetch)
{
    nip__http_stop(fetch->http);
    nip__matrix_free(fetch->matrix);
    fetch->http = NULL;
    fetch->matrix = NULL;
}

/* ---- asking ---- */

static int make_form(const nip__fetch *fetch, nip__buffer *form)
{
    nip__buffer text = NIP__BUFFER(FORM_MAX);
    nip__buffer_text(&text, fetch->request.selector);
    if (!fetch->request.instant) /* a comment at its end ends there */
        nip__buffer_printf(&text, "\n[%lldms]", (long long)(fetch->end - fetch->request.after));
    nip__query_put(form, "query", nip__buffer_string(&text));
    nip__query_put_ms(form, "time", fetch->end);
    bool failed = text.failed || form->failed;
    nip__buffer_clear(&text);
    return failed ? NIP_E_NOMEM : 0;
}

static int take(void *data, const char *bytes, size_t length)
{
    nip__fetch *fetch = data;
    return nip__matrix_feed(fetch->matrix, bytes, length);
}

static nip__query as_query(const nip__fetch *fetch)
{
    return (nip__query){
        .settings = fetch->request.settings,
        .place = fetch->request.place,
        .path = "query",
        .reply_max = (size_t)nip__matrix_limits_default.bytes + 1, /* the reader says what was too much */
        .take = take,
    };
}

static void on_reply(void *data, const nip__http_reply *reply);

static int ask(nip__fetch *fetch, nip_error **err)
{
    nip__buffer form = NIP__BUFFER(4 * FORM_MAX);
    nip__query query = as_query(fetch);
    nip__ms left = fetch->request.upto - fetch->request.after;
    fetch->end = left > fetch->length && !fetch->request.instant ? fetch->request.after + fetch->length : fetch->request.upto;
    nip__sample_set_begin(fetch->request.into, fetch->request.after, fetch->end);
    fetch->matrix = nip__matrix_new(&nip__matrix_limits_default, &nip__sample_set_sink, fetch->request.into);
    int rc = fetch->matrix == NULL || make_form(fetch, &form) < 0 ? nip__nomem(err) : 0;
    query.form = &form;
    if (rc == 0)
        rc = nip__query_start(fetch->loop, &query, on_reply, fetch, &fetch->http, err);
    nip__buffer_clear(&form);
    fetch->requests += rc == 0;
    if (rc < 0)
        nip__fetch_stop(fetch);
    return rc;
}

int nip__fetch_start(nip__fetch *fetch, nip__loop *loop, const nip__fetch_request *request, void (*done)(void *data, const nip__fetch_end *end),
                     void *data, nip_error **err)
{
    NIP_ARG(request->after < request->upto);
    *fetch = (nip__fetch){.loop = loop, .request = *request, .length = FIRST_MS, .longest = INT64_MAX, .done = done, .data = data};
    return ask(fetch, err);
}

/* ---- replies ---- */

/* What a reply comes to. */
typedef struct outcome {
    int rc;
    bool lost, too_many; /* too_many: less at once may do */
    bool closed;         /* the connection, before a reply came */
    bool passing;
    char problem[700];
} outcome;

static void put(outcome *out, int rc, const char *format, ...) NIP__PRINTF(3, 4);

static void put(outcome *out, int rc, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    nip__vprint(out->problem, sizeof out->problem, format, arguments);
    va_end(arguments);
    out->rc = rc;
}

static void put_foreign(outcome *out, const nip__fetch *fetch, int status)
{
    nip__query query = as_query(fetch);
    nip__arena *arena = nip__arena_new();
    const char *reason = NULL, *problem = arena != NULL ? nip__query_foreign(arena, &query, status, &reason, &(bool){false}) : NULL;
    put(out, problem != NULL ? NIP_E_DRIVER : NIP_E_NOMEM, "%s", problem != NULL ? problem : "out of memory");
    nip__arena_free(arena);
    out->lost = true;
}

static bool says_too_many(const nip__matrix_end *end)
{
    return end->fault == NIP__MATRIX_REFUSED && strcmp(end->error_type, "execution") == 0 && strstr(end->error, "too many samples") != NULL;
}

static bool may_pass(const nip__matrix_end *end)
{
    static const char *const types[] = {"timeout", "canceled", "unavailable", "internal"};
    for (size_t i = 0; end->fault == NIP__MATRIX_REFUSED && i < sizeof types / sizeof types[0]; i++) {
        if (strcmp(end->error_type, types[i]) == 0)
            return true;
    }
    return end->fault == NIP__MATRIX_PARTIAL;
}

/* The sink ended it: too many in all, or what no sample can be. */
static void put_stopped(outcome *out, const nip__fetch *fetch, const nip__matrix_end *end)
{
    if (end->rc == NIP_E_NOMEM)
        put(out, NIP_E_NOMEM, "out of memory");
    else
        put(out, end->rc == NIP_E_LIMIT ? NIP_E_LIMIT : NIP_E_DRIVER, "%s", fetch->request.into->problem);
}

static void judge_body(outcome *out, const nip__fetch *fetch, const nip__http_reply *reply, const nip__matrix_end *end)
{
    if (end->fault == NIP__MATRIX_STOPPED || end->fault == NIP__MATRIX_NOMEM) {
        put_stopped(out, fetch, end);
    } else if (reply->status != 200 && end->fault != NIP__MATRIX_REFUSED) {
        put_foreign(out, fetch, reply->status);
    } else if (end->fault != NIP__MATRIX_GOOD) {
        put(out, NIP_E_DRIVER, "%s", end->problem);
        out->too_many = end->fault == NIP__MATRIX_LIMIT || says_too_many(end);
        out->passing = may_pass(end);
    }
}

static void judge(outcome *out, const nip__fetch *fetch, const nip__http_reply *reply, const nip__matrix_end *end)
{
    *out = (outcome){.rc = 0};
    if (reply->reason == NULL || strcmp(reply->reason, "refused") == 0) { /* refused: by the reader, which says why */
        judge_body(out, fetch, reply, end);
        return;
    }
    put(out, strcmp(reply->reason, "no_memory") == 0 ? NIP_E_NOMEM : NIP_E_DRIVER, "%s", reply->message);
    out->lost = true;
    out->closed = strcmp(reply->reason, "reset") == 0;
}

static void finish(nip__fetch *fetch, const outcome *out)
{
    nip__fetch_end end = {
        .rc = out->rc,
        .problem = out->rc < 0 ? out->problem : NULL,
        .note = fetch->note[0] != '\0' ? fetch->note : NULL,
        .too_many = out->too_many,
        .passing = out->passing,
        .lost = out->lost,
    };
    fetch->done(fetch->data, &end);
}

/* So many of this density that the aim is met; never as many again as were refused. */
static void choose_length(nip__fetch *fetch, uint64_t brought)
{
    int64_t asked = fetch->end - fetch->request.after;
    double wanted = (double)asked * SAMPLES_AIM / (double)(brought > 0 ? brought : 1);
    fetch->length = wanted > (double)asked * GROWTH ? asked * GROWTH : (int64_t)wanted;
    if (fetch->length > fetch->longest)
        fetch->length = fetch->longest;
    if (fetch->length < LEAST_MS)
        fetch->length = LEAST_MS;
}

/* True: what failed is asked again, as a shorter chunk or on a new connection. */
static bool try_again(nip__fetch *fetch, const outcome *out)
{
    int64_t asked = fetch->end - fetch->request.after;
    if (out->closed && !fetch->again)
        return fetch->again = true;
    if (!out->too_many || fetch->request.instant || asked / 2 < LEAST_MS)
        return false;
    fetch->length = fetch->longest = asked / 2;
    return true;
}

static void take_good(nip__fetch *fetch, const nip__matrix_end *end)
{
    nip__sample_set_keep(fetch->request.into);
    choose_length(fetch, end->samples);
    fetch->request.after = fetch->end;
    fetch->again = false;
    if (end->info != NULL)
        snprintf(fetch->note, sizeof fetch->note, "info: %.280s", end->info);
}

static void go_on(nip__fetch *fetch, outcome *out)
{
    nip_error *err = NULL;
    int rc = ask(fetch, &err);
    if (rc == 0)
        return;
    put(out, rc, "%s", nip_error_message(err));
    out->lost = true;
    nip_error_free(err);
    finish(fetch, out);
}

static void on_reply(void *data, const nip__http_reply *reply)
{
    nip__fetch *fetch = data;
    nip__matrix_end end;
    outcome out;
    fetch->http = NULL;
    nip__matrix_finish(fetch->matrix, &end);
    judge(&out, fetch, reply, &end);
    if (out.rc == 0)
        take_good(fetch, &end);
    else
        nip__sample_set_drop(fetch->request.into);
    nip__fetch_stop(fetch); /* the reader, whose texts were copied */
    bool again = out.rc == 0 ? fetch->request.after < fetch->request.upto : try_again(fetch, &out);
    if (again)
        go_on(fetch, &out);
    else
        finish(fetch, &out);
}
