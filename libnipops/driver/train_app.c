/* One app of a train: its run found, looked at, begun, taken up, driven inside the train's loop. */
#include "driver/train.h"

#include <string.h>
#include <sys/epoll.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/text.h"
#include "base/time.h"
#include "doc/json.h"
#include "op/operation.h"
#include "train/document.h"

/* ---- finding its run ---- */

typedef struct search {
    nip__train_app *app;
    bool found, own;
    int64_t sequence;
} search;

/* A run that does not say whose it is was begun by somebody else, or before runs said so. */
static bool is_own(const nip__train_app *app, const nip__value *payload)
{
    const char *by = nip__get_text(payload, "by");
    bool ours = by != NULL ? nip__text_equal(by, app->train->run) : !app->marked;
    return ours && nip__equal(nip__get(payload, "plan"), app->plan->root);
}

/* The first run after what the train looked at: its own, or somebody else came first. */
static int first_planned(void *data, const nip__record *record, nip_error **err)
{
    search *s = data;
    if (strcmp(record->kind, "run.planned") != 0)
        return 0;
    nip__arena *arena = nip__arena_new();
    nip__value *payload = NULL;
    if (arena == NULL)
        return nip__nomem(err);
    int rc = record->payload == NULL ? 0
                                     : nip__json_read(arena, record->payload, record->payload_length, "journal", &nip__record_limits, &payload, err);
    s->found = true;
    s->own = rc == 0 && is_own(s->app, payload);
    s->sequence = record->sequence;
    nip__arena_free(arena);
    return rc < 0 ? rc : 1;
}

static int find_run(nip__train_app *app, nip_error **err)
{
    search s = {.app = app};
    if (app->id != NULL || app->foreign != NULL || app->after < 0)
        return 0;
    int rc = nip__store_each(app->train->store, app->name, app->after, first_planned, &s, err);
    if (rc < 0 || !s.found)
        return rc < 0 ? rc : 0;
    nip__buffer id = NIP__BUFFER(256);
    nip__buffer_printf(&id, "%s-%lld", app->name, (long long)s.sequence);
    char **place = s.own ? &app->id : &app->foreign;
    *place = nip__buffer_take(&id);
    nip__buffer_clear(&id);
    return *place == NULL ? nip__nomem(err) : 0;
}

/* ---- how it stands ---- */

static nip__stand forward_stand(const nip__machine *machine)
{
    const nip__step *step = nip__machine_step(machine), *barrier = nip__plan_find(machine->plan, NIP__TRAIN_BARRIER);
    if (barrier == NULL || barrier->approve == NULL || step == NULL || step->list != NIP__FORWARD)
        return barrier != NULL && step == NULL ? NIP__FINISHING : NIP__FORWARD_BOUND;
    if (step->index > barrier->index || (step == barrier && machine->approve.set))
        return NIP__FINISHING;
    if (machine->phase == NIP__PAUSED || machine->pause.set)
        return NIP__HELD;
    return step == barrier && machine->cursor.stage == NIP__ASKING ? NIP__PROVEN : NIP__FORWARD_BOUND;
}

static nip__stand stand_of(const nip__machine *machine)
{
    switch (machine->phase) {
    case NIP__SUCCEEDED:
        return NIP__DONE;
    case NIP__RETURNED:
    case NIP__STOPPED:
        return NIP__BACK_AGAIN;
    case NIP__BROKEN:
        return NIP__STUCK;
    case NIP__RETURNING:
        return NIP__GOING_BACK;
    default: /* a way back that is paused has no forward step */
        return machine->cursor.list == NIP__BACK || machine->abort.set ? NIP__GOING_BACK : forward_stand(machine);
    }
}

static int note_stand(nip__train_app *app, const nip_run *run, nip_error **err)
{
    const nip__machine *machine = run->machine;
    app->stand = stand_of(machine);
    const char *why = machine->message != NULL ? machine->message : machine->reason;
    return nip__set_text(&app->why, app->stand >= NIP__GOING_BACK ? why : NULL, err);
}

/* From outside: only when its journal has grown. */
static int look_from_outside(nip__train_app *app, nip_error **err)
{
    int64_t head = 0;
    nip_run *run = NULL;
    int rc = nip__store_head(app->train->store, app->name, &head, err);
    if (rc < 0 || head == app->seen)
        return rc;
    rc = nip_run_open(app->train->store, app->id, &run, err);
    if (rc == 0)
        rc = note_stand(app, run, err);
    if (rc == 0)
        app->seen = head;
    nip_run_free(run);
    return rc;
}

static bool is_over(nip__stand stand)
{
    return stand == NIP__DONE || stand == NIP__BACK_AGAIN || stand == NIP__STUCK;
}

/* Nobody may hold it: then it is this process that drives it on. */
static int take_up(nip__train_app *app, nip_error **err)
{
    nip_run *run = NULL;
    nip_error *refused = NULL;
    int rc = nip_run_resume(app->train->store, app->id, nip__loop_now(app->train->loop), &run, &refused);
    if (rc == NIP_E_HELD) {
        nip_error_free(refused);
        return 0;
    }
    nip__pass(err, refused);
    return rc < 0 ? rc : nip__train_app_drive(app, run, err);
}

int nip__train_app_look(nip__train_app *app, nip_error **err)
{
    if (app->run != NULL && nip__text_equal(nip_run_id(app->run), app->id))
        return note_stand(app, app->run, err);
    int rc = find_run(app, err);
    if (rc == 0 && app->id != NULL)
        rc = look_from_outside(app, err);
    app->looked |= rc == 0 && app->after >= 0;
    if (rc < 0 || app->id == NULL)
        return rc;
    if (!is_over(app->stand) && app->op == NULL && app->trouble == NULL)
        rc = take_up(app, err);
    return rc;
}

bool nip__train_app_is_driven(const nip__train_app *app)
{
    return app->op != NULL;
}

/* ---- driving ---- */

void nip__train_app_let_go(nip__train_app *app)
{
    nip__watch_stop(&app->watch);
    nip__timer_stop(&app->due);
    nip_op_free(app->op);
    nip_run_free(app->run);
    nip_drivers_free(app->drivers);
    nip_free(app->observed);
    app->op = NULL;
    app->run = NULL;
    app->drivers = NULL;
    app->observed = NULL;
    app->observing = false;
    app->seen = -1;
}

/* It cannot be driven here. Somebody who took its lease drives it there. */
static void note_trouble(nip__train_app *app, int rc, const nip_error *error)
{
    if (rc != NIP_E_FENCED && rc != NIP_E_CANCELLED)
        nip__set_text(&app->trouble, nip_error_message(error), NULL);
}

static void finish(nip__train_app *app, int rc, nip_error *error)
{
    char *observed = NULL;
    if (rc == NIP_OP_DONE && app->observing)
        rc = nip_op_result(app->op, &observed, &error);
    if (rc < 0)
        note_trouble(app, rc, error);
    nip_error_free(error);
    nip__train_app_let_go(app);
    app->observed = observed;
}

static void step(void *data)
{
    nip__train_app *app = data;
    nip_duration after = NIP_TIME_MAX;
    nip_error *error = NULL;
    int rc = nip__op_step_inside(app->op, &after, &error);
    if (rc == NIP_OP_MORE || rc == NIP_E_NOMEM || rc == NIP_E_BUSY) {
        nip_error_free(error);
        nip__watch_set_quiet(&app->watch, !nip__loop_is_held(app->op->loop));
        if (after != NIP_TIME_MAX) /* it fired or stood there before: there is room for it */
            nip__timer_set(app->train->loop, &app->due, nip__time_add(nip__loop_now(app->train->loop), after), step, app, NULL);
        else
            nip__timer_stop(&app->due);
    } else {
        finish(app, rc, error);
    }
    nip__train_work_soon(app->train, NULL); /* else the next look does it */
}

static void readable(void *data, uint32_t events)
{
    (void)events;
    step(data);
}

int nip__train_app_watch(nip__train_app *app, nip_error **err)
{
    nip__loop *loop = app->train->loop;
    app->watch.quiet = true;
    int rc = nip__watch_set(loop, &app->watch, nip_op_fd(app->op), EPOLLIN, readable, app, err);
    if (rc == 0)
        rc = nip__timer_set(loop, &app->due, nip__loop_now(loop), step, app, err);
    return rc;
}

int nip__train_app_drive(nip__train_app *app, nip_run *run, nip_error **err)
{
    nip__train_app_let_go(app);
    app->run = run;
    int rc = nip_drivers_new(&app->drivers, err);
    if (rc == 0)
        rc = nip_op_run_plan(app->train->ctx, run, app->drivers, &app->op, err);
    if (rc == 0)
        rc = nip__train_app_watch(app, err);
    if (rc < 0) {
        note_trouble(app, rc, err != NULL ? *err : NULL);
        nip__train_app_let_go(app);
    }
    return rc;
}

int nip__train_app_begin(nip__train_app *app, nip_error **err)
{
    nip_run *run = NULL;
    int rc = nip__run_begin(app->plan, app->train->store, app->train->run, nip__loop_now(app->train->loop), &run, err);
    if (rc < 0)
        return rc;
    app->id = nip__strdup(nip_run_id(run));
    if (app->id == NULL) {
        nip_run_free(run);
        return nip__nomem(err);
    }
    app->stand = NIP__FORWARD_BOUND;
    return nip__train_app_drive(app, run, err);
}

/* ---- asking ---- */

int nip__train_app_ask(nip__train_app *app, const char *kind, const nip_action *action, const char *why, nip_error **err)
{
    nip__buffer who = NIP__BUFFER(512);
    nip__buffer_printf(&who, "train %s", action->run);
    int rc = who.failed ? nip__nomem(err)
                        : nip_run_request(app->train->store, app->id, kind, nip__buffer_string(&who), why, nip__loop_now(app->train->loop),
                                          NULL, err);
    nip__buffer_clear(&who);
    app->seen = -1;
    if (rc == 0 && app->run != NULL)
        nip_run_poll(app->run, NULL); /* what cannot be read now is read at the run's own next look */
    if (rc == 0 && app->op != NULL)
        nip__timer_set(app->train->loop, &app->due, nip__loop_now(app->train->loop), step, app, NULL);
    return rc;
}

/* ---- telling ---- */

void nip__train_app_write(nip__buffer *text, const nip__train_app *app)
{
    static const char *const stands[] = {
        [NIP__NOT_BEGUN] = "was not begun",
        [NIP__FORWARD_BOUND] = "is on its way to the new version",
        [NIP__HELD] = "is paused on its way to the new version",
        [NIP__PROVEN] = "is proven and waits at the barrier",
        [NIP__FINISHING] = "was let go on to its end",
        [NIP__DONE] = "has ended at the new version",
        [NIP__GOING_BACK] = "is on its way back",
        [NIP__BACK_AGAIN] = "is back at the old version",
        [NIP__STUCK] = "is broken",
    };
    nip__buffer_printf(text, "%s %s", app->name, stands[app->stand]);
    if (app->id != NULL)
        nip__buffer_printf(text, " (%s%s%.1000s)", app->id, app->why != NULL ? ": " : "", app->why != NULL ? app->why : "");
    if (app->foreign != NULL)
        nip__buffer_printf(text, ", but somebody else began %s", app->foreign);
    if (app->trouble != NULL)
        nip__buffer_printf(text, ", and cannot be driven: %.1000s", app->trouble);
}
