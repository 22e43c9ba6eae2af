/* The operation that does a whole rollout: it looks whether the app is busy and does about that what the document says, observes, plans, and runs
 * the plan. What to do about a busy app is decided in rollout/busy.c; here it is carried out. */
#include "op/operation.h"

#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/time.h"
#include "doc/doc.h"
#include "driver/driver.h"
#include "nipops/rollout.h"
#include "plan/run.h"
#include "rollout/busy.h"
#include "store/queue.h"

#define LOOK_EVERY (250 * NIP_MILLISECOND) /* at what others do */
#define BUSY_PAUSE (20 * NIP_MILLISECOND)  /* the store is locked by somebody else for a moment */

enum {
    AGAIN = 2,        /* of a phase: another one has begun */
    LEAVE_TRIES = 40, /* at leaving the queue for good: about two seconds */
};

typedef enum phase { LOOKING, OBSERVING, STARTING, RUNNING, RETURNING, PHASES } phase;

static const char *const phase_names[PHASES] = {"waiting", "observing", "running", "running", "returning"};

typedef struct rollout_op {
    nip_op op;
    nip_ctx *ctx;
    const nip_doc *doc; /* borrowed */
    nip_store *store;   /* borrowed */
    nip_drivers *drivers, *old_drivers; /* of this rollout, and of the run that it takes back */
    nip__arena *arena;
    const char *app, *version, *who;
    nip__busy_policy policy;
    phase phase;
    nip_op *inner;    /* what is under way: an observation, or a run */
    nip_run *run;     /* the one that is driven; NULL: none */
    nip_run *watched; /* the app's latest, looked at without its lease; NULL: it has none */
    nip__queue queue; /* entries after our own */
    int64_t entry;    /* our own entry; 0: none */
    char *asked;      /* id of the run that was asked to abort; NULL: none */
    char *base;       /* id of the latest run when the observation began */
    nip_time began;
    nip__timer look;
    char *result, *event;
    int64_t shown, head; /* last record that nip_op_next_event gave; last one known */
} rollout_op;

/* ---- facts ---- */

static int open_latest(rollout_op *self, nip_error **err)
{
    bool over = true;
    char *id = NULL;
    int rc = nip__run_latest(self->store, self->app, &over, &id, err);
    bool same = self->watched != NULL && id != NULL && strcmp(nip_run_id(self->watched), id) == 0;
    if (rc == 0 && !same) {
        nip_run *opened = NULL;
        if (id != NULL)
            rc = nip_run_open(self->store, id, &opened, err);
        if (rc == 0) {
            nip_run_free(self->watched);
            self->watched = opened;
        }
    }
    nip__free(id);
    return rc;
}

/* Cheap while a run goes on: only what was appended is read. */
static int watch_latest(rollout_op *self, nip_error **err)
{
    int rc = self->watched != NULL ? nip_run_poll(self->watched, err) : 0;
    if (rc >= 0 && (self->watched == NULL || nip__machine_over(self->watched->machine)))
        rc = open_latest(self, err);
    return rc < 0 ? rc : 0;
}

/* The newest entry after ours counts, unless its process ended before it began its run. */
static const nip__queue_entry *find_rival(const rollout_op *self, nip_time now)
{
    for (size_t i = self->queue.count; i-- > 0;) {
        const nip__queue_entry *entry = &self->queue.entries[i];
        bool began = entry->left != NULL && strcmp(entry->left, "began") == 0;
        if (began || (entry->left == NULL && nip__queue_life(entry, now) != NIP__LIFE_GONE))
            return entry;
    }
    return NULL;
}

static bool was_asked(const rollout_op *self)
{
    return self->asked != NULL && self->watched != NULL && strcmp(self->asked, nip_run_id(self->watched)) == 0;
}

static int gather(rollout_op *self, nip_time now, nip__busy *busy, nip_error **err)
{
    *busy = (nip__busy){.policy = self->policy, .app = self->app, .version = self->version, .who = self->who, .entry = self->entry};
    int rc = watch_latest(self, err);
    if (rc == 0 && self->entry > 0)
        rc = nip__queue_follow(&self->queue, self->store, self->app, err);
    if (rc == 0)
        rc = nip__lease_held(self->store, self->app, &busy->driven, err);
    if (rc < 0)
        return rc;
    if (self->watched != NULL) {
        const nip_plan *plan = self->watched->plan;
        busy->run = nip_run_id(self->watched);
        busy->state = nip_run_state(self->watched);
        busy->title = nip__get_text(plan->root, "title");
        busy->run_version = nip__get_text(nip__get(plan->root, "release"), "version");
        busy->planned = self->watched->planned;
        busy->asked = was_asked(self);
    }
    const nip__queue_entry *rival = find_rival(self, now);
    busy->rival = rival != NULL ? rival->version : NULL;
    busy->rival_who = rival != NULL ? rival->who : NULL;
    return 0;
}

/* ---- moves ---- */

/* Looks again after a while. */
static int pause_for(rollout_op *self, nip_duration pause, nip_error **err)
{
    nip_time until = nip__time_add(nip__loop_now(self->op.loop), pause);
    int rc = nip__timer_set(self->op.loop, &self->look, until, NULL, NULL, err);
    return rc < 0 ? rc : NIP_OP_MORE;
}

static void end_inner(rollout_op *self)
{
    nip_op_free(self->inner);
    self->inner = NULL;
}

static void end_run(rollout_op *self)
{
    end_inner(self);
    nip_run_free(self->run);
    self->run = NULL;
}

/* It does not wait any more. A host may live on for long, so a store that is busy is asked again: by the next step, since the entry stands as
 * long. What cannot be written at all shows by the process: an entry lives no longer than that. */
static int leave_queue(rollout_op *self, const char *why, nip_error **err)
{
    nip_error *error = NULL;
    int rc = self->entry == 0 ? 0
                              : nip__queue_leave(self->store, self->app, nip__loop_now(self->op.loop), self->entry, why, &error);
    bool passes = rc == NIP_E_NOMEM || (rc == NIP_E_BUSY && nip_error_retryable(error));
    if (passes) {
        nip__pass(err, error);
        return rc;
    }
    nip_error_free(error);
    self->entry = 0;
    return 0;
}

/* The same where no step follows: each try waits a moment for the store. */
static void leave_queue_now(rollout_op *self)
{
    for (int tries = 0; self->entry > 0 && tries < LEAVE_TRIES; tries++)
        leave_queue(self, "left", NULL);
    self->entry = 0;
}

static int enter(rollout_op *self, const nip__busy *busy, nip_time now, nip_error **err)
{
    (void)busy;
    int rc = nip__queue_enter(self->store, self->app, now, self->version, nip__busy_policies[self->policy], self->who,
                              &self->entry, err);
    if (rc < 0)
        return rc;
    self->queue.seen = self->entry;
    return AGAIN;
}

/* A run that ended meanwhile, or turned back by itself, cannot be asked: the next look tells. */
static int ask(rollout_op *self, const nip__busy *busy, nip_time now, nip_error **err)
{
    nip_error *error = NULL;
    const char *why = nip__arena_printf(self->arena, "%s by %s", self->policy == NIP__BUSY_RESTART ? "begun again" : "superseded",
                                        self->version);
    char *id = nip__strdup(busy->run);
    if (why == NULL || id == NULL) {
        nip__free(id);
        return nip__nomem(err);
    }
    int rc = nip_run_request(self->store, busy->run, "abort", self->who, why, now, NULL, &error);
    bool later = rc == NIP_E_CONFLICT; /* it writes so much that nobody gets a word in */
    if (later || rc == NIP_E_STATE)
        nip_error_free(error);
    else
        nip__pass(err, error);
    if (later || (rc < 0 && rc != NIP_E_STATE)) {
        nip__free(id);
        return later ? NIP_OP_MORE : rc;
    }
    nip__free(self->asked);
    self->asked = id;
    return AGAIN;
}

/* Nobody drives the run that is to be taken back. */
static int take(rollout_op *self, const nip__busy *busy, nip_time now, nip_error **err)
{
    nip_error *error = NULL;
    int rc = nip_run_resume(self->store, busy->run, now, &self->run, &error);
    if (rc == NIP_E_HELD || rc == NIP_E_STATE) { /* somebody else was faster */
        nip_error_free(error);
        return NIP_OP_MORE;
    }
    if (rc == 0)
        rc = nip__op_run_plan(self->ctx, self->op.loop, self->run, self->old_drivers, &self->inner, &error);
    nip__pass(err, error);
    if (rc < 0) {
        end_run(self);
        return rc;
    }
    self->phase = RETURNING;
    return AGAIN;
}

static int go(rollout_op *self, const nip__busy *busy, nip_time now, nip_error **err)
{
    (void)now;
    char *base = nip__strdup(busy->run != NULL ? busy->run : "");
    int rc = base == NULL ? nip__nomem(err)
                          : nip__op_observe(self->ctx, self->op.loop, self->doc, NULL, self->drivers, &self->inner, err);
    if (rc < 0) {
        nip__free(base);
        return rc;
    }
    nip__free(self->base);
    self->base = base;
    self->phase = OBSERVING;
    return AGAIN;
}

static int turn_off(rollout_op *self, const nip__busy *busy, nip_time now, nip_error **err)
{
    (void)now;
    int rc = leave_queue(self, busy->rival != NULL ? "gave_way" : "refused", err);
    return rc < 0 ? rc : nip__busy_explain(busy, err);
}

static int wait_on(rollout_op *self, const nip__busy *busy, nip_time now, nip_error **err)
{
    if (nip__time_between(self->began, now) < NIP__QUEUE_AGE_MAX)
        return NIP_OP_MORE;
    int rc = leave_queue(self, "left", err);
    if (rc < 0)
        return rc;
    return nip__fail(err, NIP_E_TIMEOUT, "%s of %s waited for run %s for a week: it waits no longer", self->version, self->app,
                     busy->run);
}

static int look(rollout_op *self, nip_error **err)
{
    static int (*const moves[])(rollout_op *, const nip__busy *, nip_time, nip_error **) = {
        [NIP__BUSY_GO] = go,   [NIP__BUSY_TURN_OFF] = turn_off, [NIP__BUSY_ENTER] = enter,
        [NIP__BUSY_ASK] = ask, [NIP__BUSY_TAKE] = take,         [NIP__BUSY_WAIT] = wait_on,
    };
    nip_time now = nip__loop_now(self->op.loop);
    nip__busy busy;
    int rc = gather(self, now, &busy, err);
    if (rc == 0)
        rc = moves[nip__busy_decide(&busy)](self, &busy, now, err);
    return rc == NIP_OP_MORE ? pause_for(self, LOOK_EVERY, err) : rc;
}

/* ---- what is under way ---- */

/* Somebody began a run after the observation: what was seen may be so no longer. */
static int check_unchanged(rollout_op *self, nip_error **err)
{
    bool over = true;
    char *id = NULL;
    int rc = nip__run_latest(self->store, self->app, &over, &id, err);
    if (rc == 0 && strcmp(id != NULL ? id : "", self->base) != 0)
        rc = AGAIN;
    nip__free(id);
    return rc;
}

/* 0, AGAIN: look again, or an error. */
static int begin_run(rollout_op *self, const char *observed, nip_error **err)
{
    nip_error *error = NULL;
    nip_plan *plan = NULL;
    char *release = NULL;
    int rc = nip_release_read(self->store, self->app, &release, err);
    if (rc == 0)
        rc = nip_rollout_plan(self->doc, release, observed, &plan, err);
    nip_free(release);
    if (rc == 0)
        rc = check_unchanged(self, err);
    if (rc == 0) {
        rc = nip_run_new(plan, self->store, nip__loop_now(self->op.loop), &self->run, &error);
        bool beaten = rc == NIP_E_CONFLICT || ((rc == NIP_E_HELD || rc == NIP_E_STATE) && self->policy != NIP__BUSY_REFUSE);
        if (beaten)
            nip_error_free(error);
        else
            nip__pass(err, error);
        rc = beaten ? AGAIN : rc;
    }
    nip_plan_free(plan);
    return rc;
}

static int observe(rollout_op *self, nip_error **err)
{
    int rc = nip__op_step(self->inner, err);
    if (rc != NIP_OP_DONE)
        return rc;
    char *observed = NULL;
    rc = nip_op_result(self->inner, &observed, err);
    if (rc == 0)
        rc = begin_run(self, observed, err);
    nip_free(observed);
    if (rc == NIP_E_NOMEM || rc == NIP_E_BUSY)
        return rc;
    end_inner(self);
    self->phase = rc == AGAIN ? LOOKING : STARTING;
    return rc == AGAIN ? pause_for(self, BUSY_PAUSE, err) : rc == 0 ? AGAIN : rc;
}

static int start(rollout_op *self, nip_error **err)
{
    int rc = leave_queue(self, "began", err);
    if (rc == 0)
        rc = nip__op_run_plan(self->ctx, self->op.loop, self->run, self->drivers, &self->inner, err);
    if (rc < 0)
        return rc;
    self->phase = RUNNING;
    return AGAIN;
}

static int run(rollout_op *self, nip_error **err)
{
    int rc = nip__op_step(self->inner, err);
    return rc == NIP_OP_DONE ? nip_op_result(self->inner, &self->result, err) : rc;
}

/* To its end, whoever came meanwhile: whom to give way to is asked when nothing stands half taken back. */
static int take_back(rollout_op *self, nip_error **err)
{
    int rc = nip__op_step(self->inner, err);
    if (rc != NIP_OP_DONE)
        return rc;
    end_run(self);
    self->phase = LOOKING;
    return AGAIN;
}

/* ---- the operation ---- */

static int (*const phases[PHASES])(rollout_op *self, nip_error **err) = {look, observe, start, run, take_back};

static void note_events(rollout_op *self)
{
    int64_t head = self->head;
    if (nip__store_head(self->store, self->app, &head, NULL) == 0 && head > self->head) {
        self->head = head;
        self->op.event = true;
    }
}

static int step(nip_op *op, nip_error **err)
{
    rollout_op *self = (rollout_op *)op;
    nip_error *error = NULL;
    int rc = AGAIN;
    nip__arena_recover(self->arena);
    while (rc == AGAIN)
        rc = phases[self->phase](self, &error);
    note_events(self);
    if (rc == NIP_E_BUSY && nip_error_retryable(error)) {
        nip_error_free(error);
        return pause_for(self, BUSY_PAUSE, err);
    }
    nip__pass(err, error);
    return rc;
}

/* How its run stood when this left it may still be asked. */
static void let_go(nip_op *op)
{
    rollout_op *self = (rollout_op *)op;
    if (self->phase == RUNNING && self->result == NULL && self->run != NULL)
        nip_run_status(self->run, nip__loop_now(op->loop), &self->result, NULL);
    leave_queue_now(self);
    end_run(self);
}

static int next_event(nip_op *op, const char **json, nip_error **err)
{
    rollout_op *self = (rollout_op *)op;
    char *list = NULL;
    int rc = nip_journal_read(self->store, self->app, self->shown, 1, &list, err);
    size_t length = rc < 0 ? 0 : strlen(list);
    if (length <= 2) {
        nip_free(list);
        return rc < 0 ? rc : 0;
    }
    list[length - 1] = '\0';
    nip_free(self->event);
    self->event = list;
    self->shown++;
    *json = list + 1;
    return 1;
}

static void write_watched(nip__writer *writer, const nip_run *watched)
{
    if (watched == NULL) {
        nip__write_null(writer, "waits_for");
        return;
    }
    nip__write_map(writer, "waits_for");
    nip__write_text(writer, "run", nip_run_id(watched));
    nip__write_text(writer, "state", nip_run_state(watched));
    nip__write_end_map(writer);
}

static int status(nip_op *op, char **json, nip_error **err)
{
    rollout_op *self = (rollout_op *)op;
    char *inner = NULL;
    int rc = self->run != NULL ? nip_run_status(self->run, nip__loop_now(op->loop), &inner, err) : 0;
    if (rc < 0)
        return rc;
    nip__buffer text = NIP__BUFFER(nip__internal_limits.bytes);
    nip__writer writer = NIP__WRITER(&text);
    nip__write_map(&writer, NULL);
    nip__write_int(&writer, "v", 1);
    nip__write_text(&writer, "app", self->app);
    nip__write_text(&writer, "version", self->version);
    nip__write_text(&writer, "phase", phase_names[self->phase]);
    nip__write_text(&writer, "when_busy", nip__busy_policies[self->policy]);
    if (self->entry > 0)
        nip__write_int(&writer, "entry", self->entry);
    write_watched(&writer, self->entry > 0 ? self->watched : NULL);
    nip__write_raw(&writer, "run", inner != NULL ? inner : self->result);
    nip__write_end_map(&writer);
    nip_free(inner);
    char *taken = nip__buffer_take(&text);
    nip__buffer_clear(&text);
    if (taken == NULL)
        return nip__nomem(err);
    *json = taken;
    return 0;
}

static int result(nip_op *op, char **json, nip_error **err)
{
    rollout_op *self = (rollout_op *)op;
    char *copy = nip__strdup(self->result);
    if (copy == NULL)
        return nip__nomem(err);
    *json = copy;
    return 0;
}

static void destroy(nip_op *op)
{
    rollout_op *self = (rollout_op *)op;
    leave_queue_now(self);
    end_run(self);
    nip_run_free(self->watched);
    nip__timer_stop(&self->look);
    nip_drivers_free(self->old_drivers);
    nip_drivers_free(self->drivers);
    nip__queue_clear(&self->queue);
    nip__arena_free(self->arena);
    nip__free(self->asked);
    nip__free(self->base);
    nip_free(self->result);
    nip_free(self->event);
    nip_ctx_free(self->ctx);
}

static const nip__op_kind rollout_kind = {
    .name = "rollout",
    .step = step,
    .let_go = let_go,
    .next_event = next_event,
    .status = status,
    .result = result,
    .destroy = destroy,
};

static int read_document(rollout_op *self, const char *who, nip_error **err)
{
    nip__value *normalized = NULL;
    int rc = nip__doc_normalize(self->arena, self->doc, &nip__doc_rollout, &normalized, err);
    if (rc < 0)
        return rc;
    const nip__value *rollout = nip__get(normalized, "rollout");
    self->app = nip__get_text(rollout, "app");
    self->version = nip__get_text(rollout, "version");
    if (self->version == NULL)
        self->version = nip__get_text(rollout, "artifact");
    self->policy = nip__busy_policy_of(nip__get_text(rollout, "when_busy"));
    self->who = nip__arena_text(self->arena, who);
    return nip__arena_failed(self->arena) ? nip__nomem(err) : 0;
}

int nip_op_rollout(nip_ctx *ctx, const nip_doc *doc, nip_store *store, nip_drivers *drivers, const char *who, nip_op **op,
                   nip_error **err)
{
    NIP_ARG(ctx != NULL && doc != NULL && store != NULL && drivers != NULL && who != NULL && who[0] != '\0' && op != NULL);
    rollout_op *self = nip__calloc(1, sizeof *self);
    if (self == NULL)
        return nip__nomem(err);
    self->doc = doc;
    self->store = store;
    self->ctx = nip__ctx_hold(ctx);
    self->arena = self->queue.arena = nip__arena_new();
    int rc = nip__op_init(&self->op, &rollout_kind, ctx, NULL, err);
    if (rc == 0 && self->arena == NULL)
        rc = nip__nomem(err);
    if (rc == 0)
        rc = read_document(self, who, err);
    if (rc == 0)
        rc = nip__drivers_copy(drivers, &self->old_drivers, err);
    if (rc == 0)
        rc = nip__store_head(store, self->app, &self->head, err);
    if (rc < 0) {
        nip_op_free(&self->op);
        return rc;
    }
    self->drivers = nip__drivers_hold(drivers);
    self->shown = self->head;
    self->began = nip__loop_now(self->op.loop);
    *op = &self->op;
    return 0;
}
