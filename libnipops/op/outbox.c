/* Telling that a run has ended: each delivery is intended in the journal, handed to the driver "notify", and its outcome journaled. */
#include "op/outbox.h"

#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/text.h"
#include "base/time.h"
#include "doc/json.h"
#include "gate/notice.h"
#include "gate/outbox.h"
#include "nipops/op.h"

#define GRACE (5 * NIP_SECOND) /* for a driver's answer after its own timeout */

enum { TRIES_MAX = 3 }; /* at one delivery by one operation */
static const nip_duration pauses[] = {0, NIP_SECOND, 3 * NIP_SECOND}; /* of real time, before each of them */

typedef enum stage { WAITING, DUE, OUT, ANSWERED, OVER } stage;

/* After so many runs of which nothing was to be told a mark spares later looks to read them again. */
enum { RUNS_UNMARKED = 20 };

typedef struct delivery {
    nip__outbox *outbox;
    const nip__value *what; /* of the fold */
    int64_t attempts;       /* over all processes */
    int tries;              /* of this one */
    bool once_more;         /* it was given up, and somebody asks for it */
    stage stage;
    nip__timer timer; /* of the pause, or of an answer that does not come */
    nip_action action;
    char *outcome; /* owned; its answer, until it is journaled */
} delivery;

struct nip__outbox {
    nip_run *run;
    nip__carrier *carrier;
    nip__arena *arena;
    delivery *list;
    size_t count;
};

/* ---- records ---- */

static int append(nip__outbox *o, const char *kind, nip__buffer *payload, nip_error **err)
{
    nip_run *run = o->run;
    nip_time now = nip__loop_now(o->carrier->loop);
    int rc = payload->failed ? nip__nomem(err)
                             : nip__store_append(run->store, run->subject, -1, run->lease.epoch, kind, now, nip__buffer_string(payload),
                                                 payload->length, NULL, err);
    if (rc == 0)
        nip_run_poll(run, NULL); /* so that the operation's events have it */
    return rc;
}

static void open_payload(nip__writer *w, nip__buffer *payload, const delivery *d)
{
    *w = NIP__WRITER(payload);
    nip__write_map(w, NULL);
    nip__write_text(w, "run", nip__get_text(d->what, "run"));
    nip__write_int(w, "end", nip__get_int(d->what, "end", 0));
    nip__write_int(w, "number", nip__get_int(d->what, "number", 0));
    nip__write_int(w, "attempt", d->attempts);
    nip__write_text(w, "to", nip__get_text(d->what, "to"));
}

static int record_intent(delivery *d, nip_error **err)
{
    nip__buffer payload = NIP__BUFFER(65536);
    nip__writer w;
    open_payload(&w, &payload, d);
    nip__write_end_map(&w);
    int rc = append(d->outbox, NIP__NOTIFY_INTENDED, &payload, err);
    nip__buffer_clear(&payload);
    return rc;
}

/* What a driver answers is for people here: its beginning is enough. */
static void write_cut(nip__writer *w, const char *key, const char *text)
{
    enum { CUT = 1024 };
    nip__buffer cut = NIP__BUFFER(CUT + 1);
    if (text != NULL)
        nip__buffer_put(&cut, text, nip__text_utf8_prefix(text, strnlen(text, CUT)));
    nip__write_text(w, key, text != NULL ? nip__buffer_string(&cut) : NULL);
    w->buffer->failed |= cut.failed;
    nip__buffer_clear(&cut);
}

static bool may_try_again(const delivery *d, const nip__value *outcome)
{
    return nip__get_bool(outcome, "retryable", false) && d->attempts < NIP__ATTEMPTS_MAX;
}

static int record_outcome(delivery *d, const nip__value *outcome, bool done, nip_error **err)
{
    nip__buffer payload = NIP__BUFFER(65536);
    nip__writer w;
    open_payload(&w, &payload, d);
    nip__write_text(&w, "outcome", done ? "done" : "failed");
    if (!done) {
        nip__write_bool(&w, "given_up", !may_try_again(d, outcome));
        write_cut(&w, "reason", nip__get_text(outcome, "reason"));
        write_cut(&w, "message", nip__get_text(outcome, "message"));
    }
    nip__write_end_map(&w);
    int rc = append(d->outbox, NIP__NOTIFY_COMPLETED, &payload, err);
    nip__buffer_clear(&payload);
    return rc;
}

/* From now on nobody looks behind `through`. */
static int record_mark(nip__outbox *o, int64_t through, nip_error **err)
{
    nip__buffer payload = NIP__BUFFER(4096);
    nip__writer w = NIP__WRITER(&payload);
    nip__write_map(&w, NULL);
    nip__write_text(&w, "run", o->run->id);
    nip__write_int(&w, "through", through);
    nip__write_end_map(&w);
    int rc = append(o, NIP__NOTIFY_SETTLED, &payload, err);
    nip__buffer_clear(&payload);
    return rc;
}

/* ---- one delivery ---- */

static void on_pause_over(void *data)
{
    ((delivery *)data)->stage = DUE;
}

static int wait_to_try(delivery *d, nip_error **err)
{
    d->stage = WAITING;
    return nip__timer_set_real(d->outbox->carrier->loop, &d->timer, pauses[d->tries], on_pause_over, d, err);
}

static int keep_answer(delivery *d, const char *outcome, nip_error **err)
{
    d->outcome = nip__strdup(outcome);
    if (d->outcome == NULL)
        return nip__nomem(err);
    nip__timer_stop(&d->timer);
    d->stage = ANSWERED;
    return 0;
}

static const char no_answer[] =
    "{\"outcome\":\"failed\",\"reason\":\"timeout\",\"retryable\":true,\"message\":\"the driver gave no answer\"}";

/* The last attempt's process died, or was stopped, before it wrote down what came of it. */
static const char nobody_knows[] =
    "{\"outcome\":\"failed\",\"reason\":\"unknown\",\"retryable\":false,\"message\":\"the last attempt was interrupted before its outcome was known\"}";

static void drop_carried(nip__outbox *o, const nip_action *action)
{
    for (nip__carried *carried = o->carrier->carried; carried != NULL; carried = carried->next) {
        if (carried->action == action) {
            nip__carrier_drop(o->carrier, carried);
            return;
        }
    }
}

static void on_no_answer(void *data)
{
    delivery *d = data;
    drop_carried(d->outbox, &d->action);
    if (keep_answer(d, no_answer, NULL) < 0)
        d->stage = OVER; /* without memory: it stays pending in the journal */
}

static int fill_action(delivery *d, nip_error **err)
{
    nip__arena *arena = d->outbox->arena;
    nip__value *args = nip__map(arena);
    nip__put(arena, args, "to", nip__share(arena, nip__get(d->what, "notice")));
    nip__put(arena, args, "event", nip__share(arena, nip__get(d->what, "event")));
    char *text = nip__json_text(args);
    nip_time now = nip__loop_now(d->outbox->carrier->loop);
    d->action = (nip_action){
        .id = nip__get_text(d->what, "key"),
        .run = nip__get_text(d->what, "run"),
        .subject = d->outbox->run->subject,
        .role = "notify",
        .verb = "send",
        .args = nip__arena_text(arena, text),
        .args_value = args,
        .verb_class = NIP_VERB_ONCE, /* a driver of the host may take it as it likes */
        .repeated = d->attempts > 0,
        .deadline = nip__time_add(now, nip__notice_timeout(nip__get(d->what, "notice"))),
    };
    nip__free(text);
    if (text != NULL && !nip__arena_failed(arena))
        return 0;
    d->action = (nip_action){0}; /* half an action is none: it is filled in anew when the operation is driven on */
    nip__arena_recover(arena);
    return nip__nomem(err);
}

/* The intent is written before anybody is told, so that a process that dies in between is known to have tried: what kills its process each
 * time is given up like what fails each time. */
static int begin(delivery *d, nip_error **err)
{
    nip__loop *loop = d->outbox->carrier->loop;
    if (d->attempts >= NIP__ATTEMPTS_MAX && !d->once_more)
        return keep_answer(d, nobody_knows, err);
    int rc = d->action.id == NULL ? fill_action(d, err) : 0;
    if (rc < 0)
        return rc;
    d->attempts++;
    rc = record_intent(d, err);
    if (rc < 0) {
        d->attempts--;
        return rc;
    }
    d->tries++;
    d->action.repeated = d->attempts > 1;
    rc = nip__timer_set_real(loop, &d->timer, nip__notice_timeout(nip__get(d->what, "notice")) + GRACE, on_no_answer, d, err);
    if (rc == 0)
        rc = nip__carrier_start(d->outbox->carrier, &d->action, err);
    d->stage = rc < 0 ? OVER : OUT; /* intended and not begun: it stays pending in the journal */
    return rc;
}

static int finish(delivery *d, nip_error **err)
{
    nip__arena *arena = nip__arena_new();
    nip__value *outcome = NULL;
    if (arena == NULL)
        return nip__nomem(err);
    int rc = nip__json_read(arena, d->outcome, strlen(d->outcome), "outcome", &nip__internal_limits, &outcome, NULL); /* nonsense is a failure to tell */
    bool done = rc == 0 && (nip__text_equal(nip__get_text(outcome, "outcome"), "done") || nip__text_equal(nip__get_text(outcome, "outcome"), "in_force"));
    rc = rc == NIP_E_NOMEM ? nip__nomem(err) : record_outcome(d, outcome, done, err);
    bool again = rc == 0 && !done && may_try_again(d, outcome) && d->tries < TRIES_MAX;
    nip__arena_free(arena);
    if (rc < 0)
        return rc;
    nip__free(d->outcome);
    d->outcome = NULL;
    d->stage = OVER;
    return again ? wait_to_try(d, err) : 0;
}

/* ---- all of them ---- */

static int take_answers(nip__outbox *o, nip_error **err)
{
    nip__carried *carried;
    while ((carried = nip__carrier_posted(o->carrier)) != NULL) {
        for (size_t i = 0; i < o->count; i++) {
            int rc = &o->list[i].action == carried->action ? keep_answer(&o->list[i], nip__carried_outcome(carried), err) : 0;
            if (rc < 0)
                return rc;
        }
        nip__carrier_drop(o->carrier, carried);
    }
    return 0;
}

static int go_on(delivery *d, nip_error **err)
{
    int rc = d->stage == DUE ? begin(d, err) : 0;
    return rc == 0 && d->stage == ANSWERED ? finish(d, err) : rc;
}

/* A journal that cannot be written ends it: what is not recorded stays to be told. */
static bool is_passing(int rc)
{
    return rc == NIP_E_NOMEM || rc == NIP_E_BUSY;
}

/* Does a mark say more than the journal does? */
static bool is_worth_a_mark(const nip__outbox_look *look)
{
    bool worth = look->runs > RUNS_UNMARKED;
    for (NIP__EACH(what, look->deliveries)) {
        int64_t end = nip__get_int(what, "end", 0);
        worth |= end > look->marked && end <= look->settled;
    }
    return worth && look->settled > look->marked;
}

static int look_at(nip__outbox *o, nip__arena *arena, nip__outbox_look *look, nip_error **err)
{
    return nip__outbox_fold(o->run->store, o->run->subject, arena, look, err);
}

/* The journal is asked again: only what stands there is settled. */
static int mark(nip__outbox *o, nip_error **err)
{
    nip__outbox_look look = {0};
    nip__arena *arena = nip__arena_new();
    int rc = arena == NULL ? nip__nomem(err) : look_at(o, arena, &look, err);
    if (rc == 0 && is_worth_a_mark(&look))
        rc = record_mark(o, look.settled, err);
    nip__arena_free(arena);
    return rc;
}

static int try_to_mark(nip__outbox *o, nip_error **err)
{
    nip_error *error = NULL;
    int rc = mark(o, &error);
    if (rc < 0 && !is_passing(rc)) {
        nip_error_free(error);
        return NIP_OP_DONE;
    }
    nip__pass(err, error);
    return rc < 0 ? rc : NIP_OP_DONE;
}

int nip__outbox_step(nip__outbox *o, nip_error **err)
{
    bool over = true;
    int rc = take_answers(o, err);
    for (size_t i = 0; i < o->count && rc == 0; i++) {
        nip_error *error = NULL;
        rc = go_on(&o->list[i], &error);
        if (rc < 0 && !is_passing(rc)) {
            o->list[i].stage = OVER;
            rc = 0;
            nip_error_free(error);
            error = NULL;
        }
        nip__pass(err, error);
        over &= o->list[i].stage == OVER;
    }
    if (rc < 0)
        return rc;
    return over ? try_to_mark(o, err) : NIP_OP_MORE;
}

/* Whoever takes up a run of which nothing is left has named it: what was given up is told once more. Else only what is left is: somebody may
 * take up all that is left again and again. */
static bool is_asked_for(const nip__value *deliveries, bool again)
{
    for (NIP__EACH(what, deliveries))
        again &= !nip__outbox_is_left(what);
    return again;
}

static int fill(nip__outbox *o, const nip__value *deliveries, bool again, nip_error **err)
{
    bool asked_for = is_asked_for(deliveries, again);
    o->list = nip__arena_alloc(o->arena, (nip__count(deliveries) + 1) * sizeof *o->list);
    if (o->list == NULL)
        return nip__nomem(err);
    for (NIP__EACH(what, deliveries)) {
        bool once_more = asked_for && nip__get_bool(what, "given_up", false);
        if (once_more || nip__outbox_is_left(what))
            o->list[o->count++] = (delivery){
                .outbox = o, .what = what, .attempts = nip__get_int(what, "attempts", 0), .once_more = once_more, .stage = DUE};
    }
    return 0;
}

int nip__outbox_open(nip_run *run, nip__carrier *carrier, bool again, nip__outbox **outbox, nip_error **err)
{
    nip__outbox *o = nip__calloc(1, sizeof *o);
    nip__arena *arena = nip__arena_new();
    nip__outbox_look look = {0};
    if (o == NULL || arena == NULL) {
        nip__free(o);
        nip__arena_free(arena);
        return nip__nomem(err);
    }
    *o = (nip__outbox){.run = run, .carrier = carrier, .arena = arena};
    nip__loop_hold(carrier->loop);
    int rc = look_at(o, arena, &look, err);
    if (rc == 0)
        rc = fill(o, look.deliveries, again, err);
    if (rc == 0 && o->count > 0) /* this run's own plan may tell nobody */
        rc = nip__carrier_open_own(carrier, "notify", err);
    if (rc < 0 || (o->count == 0 && !is_worth_a_mark(&look))) {
        nip__outbox_free(o);
        o = NULL;
    }
    if (rc == 0)
        *outbox = o;
    return rc;
}

void nip__outbox_free(nip__outbox *o)
{
    if (o == NULL)
        return;
    for (size_t i = 0; i < o->count; i++) {
        nip__timer_stop(&o->list[i].timer);
        drop_carried(o, &o->list[i].action);
        nip__free(o->list[i].outcome);
    }
    nip__loop_let_go(o->carrier->loop);
    nip__arena_free(o->arena);
    nip__free(o);
}
