/* Recorded requests are sent to the old version, to the old one again, and to the new one; what comes back is compared. Whoever asks here
 * is no user: nothing is routed. */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/text.h"
#include "compare/tally.h"
#include "driver/check.h"
#include "driver/recording.h"
#include "op/fill.h"
#include "op/secret.h"

enum { OLD, AGAIN, FRESH, SIDES };

typedef struct exchange exchange;

/* One of the three times that a request is sent. */
typedef struct sending {
    exchange *exchange;
    nip__http *transfer; /* NULL: not under way */
    nip__answer answer;
    char *message, *headers, *body; /* what `answer` points to */
} sending;

/* One recorded request under way. */
struct exchange {
    nip__replay *replay;
    const nip__recorded *request; /* NULL: free */
    sending sides[SIDES];
    int left;
};

struct nip__replay {
    nip__checker *checker;
    nip_action *action;
    nip__arena *arena;
    const nip__value *args;
    nip__recording_file file;
    const char *const *set; /* headers of each request */
    nip__differ differ;
    nip__tally_limits limits;
    nip__tally *tally;
    exchange *exchanges;
    size_t room, busy, next;
    bool may_send; /* the pace allows the next one */
    bool late;     /* `within` has passed */
    nip__timer pace, end;
    nip__replay *later;
};

/* ---- one exchange ---- */

static void clear_sending(sending *s)
{
    nip__http_stop(s->transfer);
    nip__free(s->message);
    nip__free(s->headers);
    nip__free(s->body);
    *s = (sending){.exchange = s->exchange};
}

static void clear_exchange(exchange *e)
{
    for (int i = 0; i < SIDES; i++)
        clear_sending(&e->sides[i]);
    e->request = NULL;
    e->left = 0;
}

/* ---- replays ---- */

static void unlink_replay(nip__replay *replay)
{
    nip__replay **at = &replay->checker->replays;
    while (*at != replay)
        at = &(*at)->later;
    *at = replay->later;
}

static void free_replay(nip__replay *replay)
{
    nip__timer_stop(&replay->pace);
    nip__timer_stop(&replay->end);
    for (size_t i = 0; replay->exchanges != NULL && i < replay->room; i++)
        clear_exchange(&replay->exchanges[i]);
    nip__tally_free(replay->tally);
    nip__rules_free(replay->differ.rules);
    nip__arena_free(replay->arena);
    nip__free(replay);
}

void nip__replay_cancel(nip__checker *checker, const nip_action *action)
{
    nip__replay *replay = checker->replays;
    while (replay != NULL) {
        nip__replay *later = replay->later;
        if (action == NULL || replay->action == action) {
            unlink_replay(replay);
            free_replay(replay);
        }
        replay = later;
    }
}

/* ---- the end ---- */

static void give_up(nip__replay *replay, const nip_error *why)
{
    bool nomem = nip_error_code(why) == NIP_E_NOMEM;
    unlink_replay(replay);
    nip__action_failed(replay->action, nomem ? "no_memory" : "bad_arguments", nomem, NULL, "%s",
                       nip_error_message(why));
    free_replay(replay);
}

static void complete(nip__replay *replay)
{
    nip__arena *arena = replay->arena;
    nip__value *result = nip__tally_result(replay->tally, arena);
    nip__recording_put(arena, result, &replay->file);
    nip__put_int(arena, result, "not_sent", (int64_t)(replay->file.recording.count - replay->next));
    unlink_replay(replay);
    if (nip__arena_failed(arena))
        nip__action_failed(replay->action, "no_memory", 1, NULL, "out of memory");
    else
        nip__action_done(replay->action, result);
    free_replay(replay);
}

static void pump(nip__replay *replay);

/* ---- answers ---- */

/* What this side lacks says nothing about a version. */
static const char *own_lack(const exchange *e)
{
    static const char *const lacks[] = {"no_descriptors", "no_memory"};
    for (int i = 0; i < SIDES; i++) {
        for (size_t k = 0; k < sizeof lacks / sizeof lacks[0]; k++) {
            if (nip__text_equal(e->sides[i].answer.reason, lacks[k]))
                return lacks[k];
        }
    }
    return NULL;
}

static int judge(exchange *e, nip_error **err)
{
    nip__replay *replay = e->replay;
    const char *lack = own_lack(e);
    nip__answers answers = {
        .method = e->request->method,
        .target = e->request->target,
        .old = &e->sides[OLD].answer,
        .again = replay->limits.baseline ? &e->sides[AGAIN].answer : NULL,
        .fresh = &e->sides[FRESH].answer,
    };
    if (lack == NULL)
        return nip__tally_add(replay->tally, &answers, err);
    nip__tally_lost(replay->tally, lack);
    return 0;
}

static void end_exchange(exchange *e)
{
    nip__replay *replay = e->replay;
    nip_error *why = NULL;
    int rc = judge(e, &why);
    clear_exchange(e);
    replay->busy--;
    if (rc < 0)
        give_up(replay, why);
    else
        pump(replay);
    nip_error_free(why);
}

/* A reply lives no longer than this call. */
static void keep(sending *s, const nip__http_reply *reply)
{
    s->message = nip__strdup(reply->message);
    s->headers = nip__strdup(reply->headers);
    s->body = nip__strndup(reply->body, reply->body_length);
    bool whole = s->message != NULL && s->headers != NULL && s->body != NULL;
    s->answer = (nip__answer){
        .reason = whole ? reply->reason : "no_memory",
        .message = s->message,
        .status = reply->status,
        .headers = s->headers,
        .body = s->body,
        .body_length = reply->body_length,
        .duration = reply->duration,
    };
}

static void on_reply(void *data, const nip__http_reply *reply)
{
    sending *s = data;
    exchange *e = s->exchange;
    s->transfer = NULL;
    keep(s, reply);
    if (--e->left == 0)
        end_exchange(e);
}

/* ---- sending ---- */

static const char *endpoint_of(const nip__replay *replay, int side)
{
    const nip__value *list = nip__get(replay->args, side == FRESH ? "new" : "old");
    size_t turn = replay->next + (side == AGAIN);
    const nip__value *found = nip__at(list, turn % nip__count(list));
    return nip__is(found, NIP__STRING) ? found->as.string.text : "";
}

static void write_url(const nip__replay *replay, const nip__recorded *request, const char *endpoint, nip__buffer *url)
{
    const char *colon = strrchr(endpoint, ':');
    const nip__fill fills[] = {
        {.name = "endpoint", .value = endpoint}, {.name = "port", .value = colon != NULL ? colon + 1 : NULL}, {0}};
    nip__fill_in(url, nip__get_text(replay->args, "base"), fills);
    if (url->length > 0 && url->data[url->length - 1] == '/')
        url->data[--url->length] = '\0';
    nip__buffer_text(url, request->target);
}

static const char *const *all_headers(nip__replay *replay, const nip__recorded *request, const char **list, size_t size)
{
    size_t count = 0;
    for (size_t i = 0; replay->set[i] != NULL && count + 1 < size; i++)
        list[count++] = replay->set[i];
    for (size_t i = 0; request->headers[i] != NULL && count + 1 < size; i++)
        list[count++] = request->headers[i];
    list[count] = NULL;
    return list;
}

enum { HEADERS_MAX = 400, URL_MAX = 16384 };

static int send_one(nip__replay *replay, const nip__recorded *request, int side, sending *s, nip_error **err)
{
    const nip__value *tls = nip__get(replay->args, "tls");
    const char *list[HEADERS_MAX];
    nip__buffer url = NIP__BUFFER(URL_MAX);
    write_url(replay, request, endpoint_of(replay, side), &url);
    nip__http_request sent = {
        .url = nip__buffer_string(&url),
        .method = request->method,
        .headers = all_headers(replay, request, list, HEADERS_MAX),
        .body = request->body,
        .body_length = request->body_length,
        .timeout = nip__get_duration(replay->args, "timeout", 10 * NIP_SECOND),
        .reply_max = (size_t)nip__get_int(replay->args, "max_body", 1),
        .ca_file = nip__get_text(tls, "ca_file"),
        .cert_file = nip__get_text(tls, "cert_file"),
        .key_file = nip__get_text(tls, "key_file"),
        .server_name = nip__get_text(tls, "server_name"),
    };
    int rc =
        url.failed ? nip__nomem(err) : nip__http_start(replay->checker->loop, &sent, on_reply, s, &s->transfer, err);
    nip__buffer_clear(&url);
    return rc;
}

static int send_all(nip__replay *replay, exchange *e, nip_error **err)
{
    e->request = &replay->file.recording.list[replay->next];
    for (int side = 0; side < SIDES; side++) {
        if (side == AGAIN && !replay->limits.baseline)
            continue;
        int rc = send_one(replay, e->request, side, &e->sides[side], err);
        if (rc < 0)
            return rc;
        e->left++;
    }
    replay->next++;
    replay->busy++;
    return 0;
}

static exchange *free_exchange(nip__replay *replay)
{
    for (size_t i = 0; i < replay->room; i++) {
        if (replay->exchanges[i].request == NULL)
            return &replay->exchanges[i];
    }
    return NULL;
}

static void on_pace(void *data)
{
    nip__replay *replay = data;
    replay->may_send = true;
    pump(replay);
}

/* Those that are under way still count. */
static void on_end(void *data)
{
    nip__replay *replay = data;
    replay->late = true;
    pump(replay);
}

/* Sends the next one when it is its turn; ends when there is nothing more. */
static void pump(nip__replay *replay)
{
    bool more = replay->next < replay->file.recording.count && !replay->late;
    exchange *e = more && replay->may_send ? free_exchange(replay) : NULL;
    nip_error *why = NULL;
    int rc = 0;
    if (!more && replay->busy == 0) {
        complete(replay);
        return;
    }
    if (e == NULL)
        return;
    nip_duration pause = (nip_duration)((double)NIP_SECOND / nip__get_number(replay->args, "rate", 1));
    replay->may_send = false;
    rc = send_all(replay, e, &why);
    if (rc == 0)
        rc = nip__timer_set_real(replay->checker->loop, &replay->pace, pause, on_pace, replay, &why);
    if (rc < 0)
        give_up(replay, why);
    nip_error_free(why);
}

/* ---- beginning ---- */

static int prepare(nip__replay *replay, nip_error **err)
{
    nip__problems problems = {0};
    const nip__value *set = nip__get(nip__get(replay->args, "headers"), "set");
    nip__rules_read(nip__get(nip__get(replay->args, "compare"), "ignore"), "args", "/compare/ignore",
                    &replay->differ.rules, &problems);
    int rc = nip__problems_finish(&problems, NIP_E_INVALID, err);
    if (rc == 0)
        rc = nip__secret_headers(replay->arena, set, &replay->set, err);
    if (rc < 0)
        return rc;
    nip__differ_read(replay->args, &replay->differ);
    nip__tally_limits_read(replay->arena, replay->args, &replay->limits);
    replay->room = (size_t)nip__get_int(replay->args, "concurrency", 1);
    replay->exchanges = nip__arena_alloc(replay->arena, replay->room * sizeof *replay->exchanges);
    replay->tally = nip__tally_new(&replay->differ, &replay->limits, replay->file.recording.count);
    if (replay->exchanges == NULL || replay->tally == NULL || nip__arena_failed(replay->arena))
        return nip__nomem(err);
    for (size_t i = 0; i < replay->room; i++) {
        replay->exchanges[i].replay = replay;
        for (int side = 0; side < SIDES; side++)
            replay->exchanges[i].sides[side].exchange = &replay->exchanges[i];
    }
    nip_duration within = nip__get_duration(replay->args, "within", NIP_MINUTE);
    return nip__timer_set_real(replay->checker->loop, &replay->end, within, on_end, replay, err);
}

/* Without its file there is nothing to begin: that is an outcome. */
static bool load(nip__replay *replay)
{
    nip_error *why = NULL;
    int rc = nip__recording_load(replay->arena, replay->args, &replay->file, &why);
    if (rc < 0)
        nip__recording_refuse(replay->action, why);
    nip_error_free(why);
    return rc == 0;
}

int nip__replay_begin(nip__checker *checker, nip_action *action, const nip__value *args, nip__arena *arena,
                      nip_error **err)
{
    nip__replay *replay = nip__calloc(1, sizeof *replay);
    if (replay == NULL)
        return nip__nomem(err);
    *replay = (nip__replay){.checker = checker, .action = action, .arena = arena, .args = args, .may_send = true};
    if (!load(replay)) {
        free_replay(replay);
        return 0;
    }
    int rc = prepare(replay, err);
    if (rc < 0) {
        replay->arena = NULL; /* it stays the caller's */
        free_replay(replay);
        return rc;
    }
    replay->later = checker->replays;
    checker->replays = replay;
    pump(replay);
    return 0;
}
