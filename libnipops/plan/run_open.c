/* Runs begun, taken up, looked at, left. */
#include "plan/run.h"

#include <string.h>

#include "base/memory.h"
#include "base/text.h"

/* ---- finding ---- */

typedef struct locate {
    int64_t planned; /* 0: not found */
} locate;

static int latest_planned(void *data, const nip__record *record, nip_error **err)
{
    (void)err;
    locate *l = data;
    if (strcmp(record->kind, "run.planned") != 0)
        return 0;
    l->planned = record->sequence;
    return 1;
}

static int is_planned(void *data, const nip__record *record, nip_error **err)
{
    (void)err;
    locate *l = data;
    if (strcmp(record->kind, "run.planned") == 0)
        l->planned = record->sequence;
    return 1;
}

/* "shop-12": record 12 of shop begins a run. */
static int locate_run(nip_store *store, const char *id, char **subject, int64_t *planned, nip_error **err)
{
    const char *dash = strrchr(id, '-');
    int64_t sequence = 0;
    if (dash == NULL || !nip__text_int(dash + 1, &sequence) || sequence < 1)
        return 0;
    char *name = nip__strndup(id, (size_t)(dash - id));
    if (name == NULL)
        return nip__nomem(err);
    locate l = {0};
    int rc = nip__text_subject(name) ? nip__store_each(store, name, sequence - 1, is_planned, &l, err) : 0;
    if (rc < 0 || l.planned != sequence) {
        nip__free(name);
        return rc < 0 ? rc : 0;
    }
    *subject = name;
    *planned = l.planned;
    return 1;
}

/* An app's own name comes before that of another app's run: "web-1" is the app web-1 where there is one. */
int nip__run_locate(nip_store *store, const char *id, char **subject, int64_t *planned, nip_error **err)
{
    locate l = {0};
    int rc = nip__text_subject(id) ? nip__store_each_back(store, id, INT64_MAX, latest_planned, &l, err) : 0;
    if (rc >= 0 && l.planned == 0)
        rc = locate_run(store, id, subject, planned, err);
    if (rc < 0 || (l.planned == 0 && rc > 0))
        return rc < 0 ? rc : 0;
    if (l.planned == 0)
        return nip__fail(err, NIP_E_NOTFOUND, "there is no run \"%s\": give a run such as shop-1, or an app that was rolled out", id);
    char *name = nip__strdup(id);
    if (name == NULL)
        return nip__nomem(err);
    *subject = name;
    *planned = l.planned;
    return 0;
}

typedef struct latest {
    int64_t planned;
    bool over, seen;
} latest;

/* From the newest backwards: is what a run did last its end? A broken one is over too, until "abort" takes it up again. */
static int look_for_latest(void *data, const nip__record *record, nip_error **err)
{
    (void)err;
    latest *l = data;
    bool of_run = strncmp(record->kind, "run.", 4) == 0 || strncmp(record->kind, "step.", 5) == 0;
    if (of_run && !l->seen)
        l->over = strcmp(record->kind, "run.ended") == 0;
    l->seen |= of_run;
    if (strcmp(record->kind, "run.planned") != 0)
        return 0;
    l->planned = record->sequence;
    return 1;
}

int nip__run_latest(nip_store *store, const char *subject, bool *over, char **id, nip_error **err)
{
    latest l = {0};
    int rc = nip__store_each_back(store, subject, INT64_MAX, look_for_latest, &l, err);
    if (rc < 0)
        return rc;
    nip__buffer text = NIP__BUFFER(256);
    if (l.planned > 0)
        nip__buffer_printf(&text, "%s-%lld", subject, (long long)l.planned);
    char *name = l.planned > 0 ? nip__buffer_take(&text) : NULL;
    nip__buffer_clear(&text);
    if (l.planned > 0 && name == NULL)
        return nip__nomem(err);
    *over = l.planned == 0 || l.over;
    *id = name;
    return 0;
}

/* ---- making ---- */

static void free_unwritten(nip_run *run)
{
    while (run->unwritten != NULL) {
        nip__unwritten *gone = run->unwritten;
        run->unwritten = gone->next;
        nip__free(gone->kind);
        nip__free(gone->payload);
        nip__free(gone);
    }
}

void nip_run_free(nip_run *run)
{
    if (run == NULL)
        return;
    if (run->machine != NULL)
        nip__run_flush(run);
    free_unwritten(run);
    if (run->leased)
        nip__lease_release(run->store, run->subject, &run->lease, NULL);
    while (run->handed != NULL)
        nip__run_forget_handed(run, run->handed->number);
    nip__machine_free(run->machine);
    nip__buffer_clear(&run->payload);
    nip__free(run->id);
    nip__free(run->subject);
    nip__free(run->holder);
    nip_plan_free(run->plan);
    nip__free(run);
}

static nip_run *make(nip_store *store, const char *subject, int64_t planned)
{
    nip_run *run = nip__calloc(1, sizeof *run);
    if (run == NULL)
        return NULL;
    nip__buffer id = NIP__BUFFER(256);
    nip__buffer_printf(&id, "%s-%lld", subject, (long long)planned);
    run->store = store;
    run->payload = NIP__BUFFER(nip__internal_limits.bytes);
    run->planned = planned;
    run->busy_since = NIP_TIME_NONE;
    run->subject = nip__strdup(subject);
    run->id = nip__buffer_take(&id);
    if (run->subject != NULL && run->id != NULL)
        return run;
    nip_run_free(run);
    return NULL;
}

static int take_lease(nip_run *run, nip_error **err)
{
    int rc = nip__lease_take(run->store, run->subject, &run->lease, err);
    if (rc < 0)
        return rc;
    run->leased = true;
    char *lease = NULL;
    rc = nip_lease_read(run->store, run->subject, &lease, err);
    run->holder = lease;
    return rc;
}

/* Who may begin: nobody else drives, and the run before is over. */
static int check_free(nip_run *run, nip_error **err)
{
    bool over = true;
    char *id = NULL;
    int rc = nip__run_latest(run->store, run->subject, &over, &id, err);
    if (rc == 0 && !over)
        rc = nip__fail(err, NIP_E_STATE, "run %s of %s is not over: resume it, or ask it to abort and resume it", id, run->subject);
    nip__free(id);
    return rc;
}

static int record_plan(nip_run *run, const char *by, nip_error **err)
{
    nip__writer w;
    nip__buffer_reset(&run->payload);
    nip__draft_open(run->machine, &w, &run->payload, NULL);
    nip__write_value(&w, "plan", run->plan->root);
    nip__write_text(&w, "state", "planned");
    if (by != NULL)
        nip__write_text(&w, "by", by);
    nip__write_end_map(&w);
    return nip__run_record(run, "run.planned", err);
}

int nip__run_begin(const nip_plan *plan, nip_store *store, const char *by, nip_time now, nip_run **run, nip_error **err)
{
    int64_t head = 0;
    int rc = nip__store_head(store, plan->subject, &head, err);
    if (rc < 0)
        return rc;
    nip_run *made = make(store, plan->subject, head + 1);
    if (made == NULL)
        return nip__nomem(err);
    made->head = head;
    made->plan = nip__plan_hold(plan);
    rc = nip__machine_new(plan, made->id, &made->machine, err);
    if (rc == 0)
        rc = take_lease(made, err);
    if (rc == 0)
        rc = check_free(made, err);
    if (rc == 0) {
        made->machine->now = now;
        rc = record_plan(made, by, err);
    }
    if (rc < 0) {
        nip_run_free(made);
        return rc;
    }
    made->machine->drive = made->holder;
    *run = made;
    return 0;
}

int nip_run_new(const nip_plan *plan, nip_store *store, nip_time now, nip_run **run, nip_error **err)
{
    NIP_ARG(plan != NULL && store != NULL && run != NULL);
    NIP_ARG(now != NIP_TIME_NONE && now != NIP_TIME_MAX);
    return nip__run_begin(plan, store, NULL, now, run, err);
}

/* ---- replaying ---- */

static int read_plan(nip_run *run, const nip__record *record, nip_error **err)
{
    nip__arena *arena = nip__arena_new();
    if (arena == NULL)
        return nip__nomem(err);
    nip__value *payload = NULL, *plan = NULL;
    int rc = nip__json_read(arena, record->payload, record->payload_length, "journal", &nip__record_limits, &payload, err);
    if (rc == 0) {
        plan = nip__copy(arena, nip__get(payload, "plan"));
        rc = plan != NULL                 ? nip__plan_from_value(arena, plan, "journal", &run->plan, err)
             : nip__arena_failed(arena) ? nip__nomem(err)
                                        : nip__fail(err, NIP_E_CORRUPT, "record %lld of %s holds no plan", (long long)record->sequence, run->subject);
    }
    if (rc < 0)
        nip__arena_free(arena);
    return rc;
}

static int take_plan(void *data, const nip__record *record, nip_error **err)
{
    nip_run *run = data;
    if (record->payload == NULL)
        return nip__fail(err, NIP_E_NOTFOUND, "the plan of run %s was purged from the journal", run->id);
    int rc = read_plan(run, record, err);
    if (rc == 0)
        rc = nip__machine_new(run->plan, run->id, &run->machine, err);
    if (rc < 0)
        return rc;
    run->machine->now = record->at;
    run->head = record->sequence;
    return 1;
}

static int replay(nip_run *run, nip_error **err)
{
    int rc = nip__store_each(run->store, run->subject, run->planned - 1, take_plan, run, err);
    if (rc >= 0)
        rc = nip__run_catch_up(run, err);
    return rc < 0 ? rc : 0;
}

/* ---- building anew ---- */

/* What the machine knew that no record says. */
static void take_over(nip__machine *machine, const nip__machine *lost, bool begun)
{
    machine->drive = begun ? NULL : lost->drive;
    machine->drive_gap = lost->drive_gap;
    machine->unjournaled = lost->unjournaled;
    if (lost->now > machine->now)
        machine->now = lost->now;
    for (size_t i = 0; i < lost->out_count; i++) {
        nip__out *out = nip__machine_out(machine, lost->outs[i].number);
        if (out != NULL)
            out->handed = lost->outs[i].handed;
    }
}

static int apply_unwritten(nip_run *run, nip_error **err)
{
    int rc = 0;
    for (const nip__unwritten *record = run->unwritten; rc == 0 && record != NULL; record = record->next)
        rc = nip__run_apply(run, record->kind, record->at, record->payload, record->length, err);
    return rc == 0 && run->stale ? nip__nomem(err) : rc;
}

/* A machine that took in half of a record is of no use; the records are all there. */
int nip__run_refresh(nip_run *run, nip_error **err)
{
    if (!run->stale)
        return 0;
    nip__machine *lost = run->machine;
    int64_t head = run->head;
    int rc = nip__machine_new(run->plan, run->id, &run->machine, err);
    if (rc < 0)
        return rc;
    run->stale = false;
    run->head = run->planned;
    rc = nip__run_catch_up(run, err);
    if (rc >= 0)
        rc = apply_unwritten(run, err);
    if (rc < 0) {
        nip__machine_free(run->machine);
        run->machine = lost;
        run->head = head;
        run->stale = true;
        return rc;
    }
    take_over(run->machine, lost, run->begun);
    nip__machine_free(lost);
    return 0;
}

static int open_run(nip_store *store, const char *id, bool lease, nip_run **run, nip_error **err)
{
    char *subject = NULL;
    int64_t planned = 0;
    int rc = nip__run_locate(store, id, &subject, &planned, err);
    if (rc < 0)
        return rc;
    nip_run *made = make(store, subject, planned);
    nip__free(subject);
    if (made == NULL)
        return nip__nomem(err);
    if (lease)
        rc = take_lease(made, err);
    if (rc == 0)
        rc = replay(made, err);
    if (rc < 0) {
        nip_run_free(made);
        return rc;
    }
    *run = made;
    return 0;
}

int nip_run_open(nip_store *store, const char *id, nip_run **run, nip_error **err)
{
    NIP_ARG(store != NULL && id != NULL && run != NULL);
    return open_run(store, id, false, run, err);
}

int nip__run_check_latest(nip_run *run, nip_error **err)
{
    bool over = true;
    char *newest = NULL;
    int rc = nip__run_latest(run->store, run->subject, &over, &newest, err);
    if (rc == 0 && newest != NULL && strcmp(newest, run->id) != 0)
        rc = nip__fail(err, NIP_E_STATE, "run %s is history: the latest run of %s is %s", run->id, run->subject, newest);
    nip__free(newest);
    return rc;
}

/* What was being driven when the last process left it, and how long nobody drove it since. */
int nip_run_resume(nip_store *store, const char *id, nip_time now, nip_run **run, nip_error **err)
{
    NIP_ARG(store != NULL && id != NULL && run != NULL);
    NIP_ARG(now != NIP_TIME_MAX);
    nip_run *made = NULL;
    int rc = open_run(store, id, true, &made, err);
    if (rc == 0)
        rc = nip__run_check_latest(made, err);
    if (rc < 0) {
        nip_run_free(made);
        return rc;
    }
    if (!nip__machine_over(made->machine)) {
        made->machine->drive = made->holder;
        made->machine->drive_gap = now > made->machine->now ? now - made->machine->now : 0;
    }
    *run = made;
    return 0;
}
