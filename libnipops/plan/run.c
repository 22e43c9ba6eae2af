/* Driving a run: append first, then hand out. Opening and resuming are in run_open.c. */
#include "plan/run.h"

#include <string.h>

#include "base/memory.h"
#include "base/text.h"

#define BUSY_PATIENCE (5 * NIP_SECOND)

enum { AGAIN = 1 }; /* nothing was recorded, but the state has changed: decide anew */

/* ---- records ---- */

static int parse(nip__arena *arena, const char *payload, size_t length, nip__value **value, nip_error **err)
{
    if (arena == NULL)
        return nip__nomem(err);
    return nip__json_read(arena, payload, length, "journal", &nip__record_limits, value, err);
}

/* What is written counts, whether there was memory to take it in or not. */
static int take_in(nip_run *run, const char *kind, nip_time at, const nip__value *payload, nip_error **err)
{
    run->begun |= strcmp(kind, "run.started") == 0 || strcmp(kind, "run.resumed") == 0;
    int rc = run->stale ? NIP_E_NOMEM : nip__machine_apply(run->machine, kind, at, payload, err);
    if (rc != NIP_E_NOMEM)
        return rc;
    run->stale = true;
    return 0;
}

int nip__run_apply(nip_run *run, const char *kind, nip_time at, const char *payload, size_t length, nip_error **err)
{
    nip__arena *arena = nip__arena_new();
    nip__value *value = NULL;
    int rc = parse(arena, payload, length, &value, err);
    if (rc == NIP_E_NOMEM) {
        run->stale = true;
        rc = 0;
    } else if (rc == 0) {
        rc = take_in(run, kind, at, value, err);
    }
    nip__arena_free(arena);
    return rc;
}

/* The journal cannot be written, and not because somebody else wrote. */
static bool store_is_out(int rc)
{
    return rc == NIP_E_STORE || rc == NIP_E_FULL || rc == NIP_E_READONLY || rc == NIP_E_IO || rc == NIP_E_CORRUPT;
}

/* One that somebody else has locked for this long is out too: whoever has it may have been stopped in the middle. */
static bool store_is_stuck(nip_run *run, int rc)
{
    if (rc != NIP_E_BUSY) {
        run->busy_since = NIP_TIME_NONE;
        return false;
    }
    if (run->busy_since == NIP_TIME_NONE)
        run->busy_since = run->machine->now;
    return run->machine->now - run->busy_since >= BUSY_PATIENCE;
}

static int append(nip_run *run, const char *kind, nip_time at, const char *payload, size_t length, nip_error **err)
{
    int64_t sequence = 0;
    int rc = nip__store_append(run->store, run->subject, run->head, run->lease.epoch, kind, at, payload, length, &sequence, err);
    if (rc == 0)
        run->head = sequence;
    return rc;
}

/* Others wrote first: their records stand before ours, so the state is made anew in the journal's order. */
static bool gave_way(nip_run *run)
{
    int64_t before = run->head;
    int read = nip__run_catch_up(run, NULL);
    run->stale |= run->head != before;
    return read > 0;
}

int nip__run_flush(nip_run *run)
{
    while (run->unwritten != NULL) {
        nip__unwritten *oldest = run->unwritten;
        int rc = append(run, oldest->kind, oldest->at, oldest->payload, oldest->length, NULL);
        if (rc == NIP_E_CONFLICT && gave_way(run))
            continue;
        if (rc < 0)
            return rc;
        run->unwritten = oldest->next;
        nip__free(oldest->kind);
        nip__free(oldest->payload);
        nip__free(oldest);
        run->machine->unjournaled--;
    }
    return 0;
}

/* Steps forward need the journal, the way back does not: it is walked even when nothing can be written, and written down later. */
static int record_later(nip_run *run, const char *kind, nip_error **err)
{
    nip__unwritten *record = nip__calloc(1, sizeof *record);
    if (record == NULL)
        return nip__nomem(err);
    record->kind = nip__strdup(kind);
    record->payload = nip__strndup(run->payload.data, run->payload.length);
    record->length = run->payload.length;
    record->at = run->machine->now;
    if (record->kind == NULL || record->payload == NULL) {
        nip__free(record->kind);
        nip__free(record->payload);
        nip__free(record);
        return nip__nomem(err);
    }
    if (run->unwritten == NULL)
        run->unwritten_end = &run->unwritten;
    *run->unwritten_end = record;
    run->unwritten_end = &record->next;
    run->machine->unjournaled++;
    return nip__run_apply(run, record->kind, record->at, record->payload, record->length, err);
}

static int check_payload(const nip_run *run, const char *kind, nip_error **err)
{
    if (run->payload.full)
        return nip__fail(err, NIP_E_LIMIT, "record %s of run %s is larger than %zu bytes", kind, run->id, run->payload.max);
    return run->payload.failed ? nip__nomem(err) : 0;
}

static int write_record(nip_run *run, const char *kind, const nip__value *payload, nip_error **err)
{
    nip_error *refused = NULL;
    int rc = append(run, kind, run->machine->now, run->payload.data, run->payload.length, &refused);
    bool out = store_is_stuck(run, rc) || store_is_out(rc);
    if (out && run->machine->cursor.list == NIP__BACK) {
        nip_error_free(refused);
        return record_later(run, kind, err);
    }
    nip__pass(err, refused);
    return rc < 0 ? rc : take_in(run, kind, run->machine->now, payload, err);
}

/* Nothing is written that could not be read back: the draft is read first, and what was read is what counts. */
int nip__run_record(nip_run *run, const char *kind, nip_error **err)
{
    int rc = check_payload(run, kind, err);
    if (rc < 0)
        return rc;
    if (nip__run_flush(run) == NIP_E_FENCED)
        return nip__fail(err, NIP_E_FENCED, "%s was taken over by another holder: this one must stop", run->subject);
    if (run->unwritten != NULL)
        return record_later(run, kind, err);
    nip__arena *arena = nip__arena_new();
    nip__value *payload = NULL;
    rc = parse(arena, run->payload.data, run->payload.length, &payload, err);
    if (rc == 0)
        rc = write_record(run, kind, payload, err);
    nip__arena_free(arena);
    return rc;
}

typedef struct catch_up {
    nip_run *run;
    int count;
} catch_up;

/* Of a subject's journal, a run takes its own records in, and the requests that people made of it. Nobody else's clock moves its time. */
static int take_own(nip_run *run, const nip__record *record, const nip__value *payload, nip_error **err)
{
    const char *of = nip__get_text(payload, "run");
    bool request = strcmp(record->kind, "request.made") == 0;
    if (of == NULL || strcmp(of, run->id) != 0 || request != (record->epoch == 0))
        return 0;
    return nip__machine_apply(run->machine, record->kind, request ? NIP_TIME_NONE : record->at, payload, err);
}

static int take_record(void *data, const nip__record *record, nip_error **err)
{
    catch_up *c = data;
    nip_run *run = c->run;
    if (record->payload == NULL)
        return nip__fail(err, NIP_E_CORRUPT, "record %lld of %s was purged, but run %s still needs it", (long long)record->sequence,
                         run->subject, run->id);
    nip__arena *arena = nip__arena_new();
    nip__value *payload = NULL;
    int rc = parse(arena, record->payload, record->payload_length, &payload, err);
    if (rc == 0)
        rc = take_own(run, record, payload, err);
    nip__arena_free(arena);
    if (rc < 0)
        return rc;
    run->head = record->sequence;
    c->count++;
    return 0;
}

int nip__run_catch_up(nip_run *run, nip_error **err)
{
    catch_up c = {run, 0};
    int rc = nip__store_each(run->store, run->subject, run->head, take_record, &c, err);
    run->stale |= rc == NIP_E_NOMEM;
    return rc < 0 ? rc : c.count;
}

int nip_run_poll(nip_run *run, nip_error **err)
{
    NIP_ARG(run != NULL);
    int64_t head = 0, before = run->head;
    int rc = nip__run_refresh(run, err);
    if (rc == 0)
        rc = nip__store_head(run->store, run->subject, &head, err);
    if (rc < 0)
        return rc;
    if (head != run->head)
        rc = nip__run_catch_up(run, err);
    return rc < 0 ? rc : run->head > before;
}

/* Somebody wrote in between: what they wrote may change the decision, so it is read and everything is decided again: AGAIN. */
static int record_or_catch_up(nip_run *run, const char *kind, nip_error **err)
{
    nip_error *refused = NULL;
    int rc = nip__run_record(run, kind, &refused);
    if (rc == NIP_E_CONFLICT) {
        nip_error *unread = NULL;
        int read = nip__run_catch_up(run, &unread);
        if (read == 0) { /* a store at odds with itself */
            nip__pass(err, refused);
            return rc;
        }
        nip_error_free(refused);
        refused = unread;
        rc = read > 0 ? AGAIN : read;
    }
    nip__pass(err, refused);
    return rc;
}

/* The journal is out in the middle of the way forward: nothing may go on, and nothing may stay half-done. */
static int turn_back_without_journal(nip_run *run, const nip_error *why, nip_error **err)
{
    nip__buffer message = NIP__BUFFER(4096);
    nip__buffer_printf(&message, "the journal cannot be written: %s", nip_error_message(why));
    nip__buffer_reset(&run->payload);
    nip__draft_returning(run->machine, "journal_unwritable", nip__buffer_string(&message), &run->payload);
    nip__buffer_clear(&message);
    return run->payload.failed ? nip__nomem(err) : record_later(run, "run.returning", err);
}

static bool must_turn_back(const nip_run *run, int rc)
{
    const nip__machine *machine = run->machine;
    bool forward = machine->phase == NIP__RUNNING || machine->phase == NIP__WAITING || machine->phase == NIP__PAUSED;
    return store_is_out(rc) && forward && machine->entry >= 0;
}

/* Records the draft at hand, or, when the journal is out, the decision to go back: then everything is decided AGAIN. */
static int record_or_turn_back(nip_run *run, const char *kind, nip_error **err)
{
    nip_error *refused = NULL;
    int rc = record_or_catch_up(run, kind, &refused);
    if (rc < 0 && must_turn_back(run, rc)) {
        rc = turn_back_without_journal(run, refused, err);
        nip_error_free(refused);
        return rc < 0 ? rc : AGAIN;
    }
    nip__pass(err, refused);
    return rc;
}

/* ---- actions handed out ---- */

void nip__run_forget_handed(nip_run *run, int64_t number)
{
    for (nip__handed **at = &run->handed; *at != NULL; at = &(*at)->next) {
        if ((*at)->number != number)
            continue;
        nip__handed *gone = *at;
        *at = gone->next;
        nip__arena_free(gone->arena);
        nip__free(gone);
        return;
    }
}

bool nip__run_waits_for(const nip_run *run, const nip_action *action)
{
    for (const nip__handed *handed = run->handed; handed != NULL; handed = handed->next) {
        if (&handed->action == action)
            return nip__machine_out(run->machine, handed->number) != NULL;
    }
    return false;
}

static int fill_action(nip_run *run, nip__handed *handed, const nip__out *out, nip_error **err)
{
    nip_action *action = &handed->action;
    nip__arena *arena = handed->arena;
    nip__value *args = NULL, *before = NULL;
    action->id = nip__arena_printf(arena, "%s.%lld", run->id, (long long)out->number);
    action->run = run->id;
    action->subject = run->subject;
    action->role = out->call->role;
    action->verb = out->call->verb;
    action->verb_class = out->call->verb_class;
    action->args = nip__arena_text(arena, out->state->args);
    action->before = nip__arena_text(arena, out->state->before);
    action->settles = out->purpose == NIP__FOR_SETTLE;
    action->repeated = out->repeated;
    action->deadline = out->deadline + run->machine->gap;
    if (nip__arena_failed(arena))
        return nip__nomem(err);
    int rc = nip__json_read(arena, action->args, strlen(action->args), "args", &nip__record_limits, &args, err);
    if (rc == 0 && action->before != NULL)
        rc = nip__json_read(arena, action->before, strlen(action->before), "before", &nip__record_limits, &before, err);
    action->args_value = args;
    action->before_value = before;
    return rc;
}

static int hand_out(nip_run *run, nip__out *out, const nip_action **action, nip_error **err)
{
    nip__handed *handed = nip__calloc(1, sizeof *handed);
    nip__arena *arena = nip__arena_new();
    if (handed == NULL || arena == NULL) {
        nip__free(handed);
        nip__arena_free(arena);
        return nip__nomem(err);
    }
    handed->arena = arena;
    handed->number = out->number;
    int rc = fill_action(run, handed, out, err);
    if (rc < 0) {
        nip__arena_free(arena);
        nip__free(handed);
        return rc;
    }
    nip__run_forget_handed(run, out->number);
    handed->next = run->handed;
    run->handed = handed;
    out->handed = true;
    *action = &handed->action;
    return NIP_RUN_ACTION;
}

static nip__out *not_handed(nip__machine *machine)
{
    for (size_t i = 0; i < machine->out_count; i++) {
        if (!machine->outs[i].handed)
            return &machine->outs[i];
    }
    return NULL;
}

/* ---- driving ---- */

static int decide_all(nip_run *run, nip_time now, nip_error **err)
{
    int rc;
    do {
        rc = nip__run_refresh(run, err);
        const char *kind = rc < 0 ? NULL : nip__machine_decide(run->machine, now, &run->payload);
        if (kind == NULL)
            break;
        rc = record_or_turn_back(run, kind, err);
    } while (rc >= 0);
    return rc;
}

static int not_driving(const nip_run *run, nip_error **err)
{
    return nip__fail(err, NIP_E_STATE, "run %s was opened to be looked at: resume it to drive it", run->id);
}

static int driven_already(const nip_run *run, nip_error **err)
{
    return nip__fail(err, NIP_E_BUSY, "an operation drives run %s: free that first, or leave its actions to it", run->id);
}

int nip__run_next(nip_run *run, nip_time now, const nip_action **action, nip_time *until, nip_error **err)
{
    if (!run->leased)
        return not_driving(run, err);
    int rc = decide_all(run, now, err);
    if (rc < 0)
        return rc;
    nip__out *out = not_handed(run->machine);
    if (out != NULL)
        return hand_out(run, out, action, err);
    if (nip__machine_over(run->machine))
        return NIP_RUN_DONE;
    *until = nip__machine_wake(run->machine);
    return NIP_RUN_WAIT;
}

/* Only what the machine understands may reach the journal. */
static int check_outcome(const nip__value *outcome, nip_error **err)
{
    static const char *const outcomes[] = {"done", "failed", "in_force", "not_yet", "foreign", NULL};
    const char *name = nip__get_text(outcome, "outcome");
    const nip__value *result = nip__get(outcome, "result");
    for (int i = 0; outcomes[i] != NULL; i++) {
        if (nip__text_equal(name, outcomes[i]) && (result == NULL || nip__is(result, NIP__MAP) || nip__is(result, NIP__NULL)))
            return 0;
    }
    return nip__fail(err, NIP_E_INVALID,
                     "an outcome is {\"outcome\": \"done\" | \"failed\" | \"in_force\" | \"not_yet\" | \"foreign\", \"result\": {...}}, found \"%s\"",
                     name != NULL ? name : "(none)");
}

/* Neither a conflict nor a journal that is out is a reason to lose an answer: it is recorded after what came in between. */
static int answer(nip_run *run, nip_time now, const char *action_id, const nip__value *outcome, nip_error **err)
{
    int rc;
    do {
        rc = nip__run_refresh(run, err);
        if (rc == 0)
            rc = record_or_turn_back(run, nip__machine_answer(run->machine, now, action_id, outcome, &run->payload), err);
    } while (rc == AGAIN);
    return rc;
}

static int known_action(const nip_run *run, const char *action_id, int64_t *number, nip_error **err)
{
    size_t length = strlen(run->id);
    bool mine = strncmp(action_id, run->id, length) == 0 && action_id[length] == '.';
    if (!mine || !nip__text_int(action_id + length + 1, number) || *number < 1 || *number > run->machine->numbers)
        return nip__fail(err, NIP_E_NOTFOUND, "run %s has no action \"%s\"", run->id, action_id);
    return 0;
}

int nip_run_next(nip_run *run, nip_time now, const nip_action **action, nip_time *until, nip_error **err)
{
    NIP_ARG(run != NULL && action != NULL && until != NULL);
    NIP_ARG(now != NIP_TIME_MAX);
    return run->driven ? driven_already(run, err) : nip__run_next(run, now, action, until, err);
}

int nip__run_complete(nip_run *run, nip_time now, const char *action_id, const char *outcome, nip_error **err)
{
    if (!run->leased)
        return not_driving(run, err);
    int64_t number = 0;
    int rc = known_action(run, action_id, &number, err);
    if (rc < 0)
        return rc;
    nip__arena *arena = nip__arena_new();
    if (arena == NULL)
        return nip__nomem(err);
    nip__value *value = NULL;
    rc = nip__json_read(arena, outcome, strlen(outcome), "outcome", &nip__internal_limits, &value, err);
    if (rc == 0)
        rc = check_outcome(value, err);
    if (rc == 0)
        rc = answer(run, now, action_id, value, err);
    nip__arena_free(arena);
    if (rc == 0)
        nip__run_forget_handed(run, number);
    return rc;
}

int nip_run_complete(nip_run *run, nip_time now, const char *action_id, const char *outcome, nip_error **err)
{
    NIP_ARG(run != NULL && action_id != NULL && outcome != NULL);
    NIP_ARG(now != NIP_TIME_MAX);
    return run->driven ? driven_already(run, err) : nip__run_complete(run, now, action_id, outcome, err);
}

int nip__run_clock_stepped(nip_run *run, nip_time now, nip_duration by, nip_error **err)
{
    int rc;
    do {
        rc = nip__run_refresh(run, err);
        if (rc < 0)
            break;
        if (now > run->machine->now)
            run->machine->now = now;
        nip__buffer_reset(&run->payload);
        nip__writer w;
        nip__draft_open(run->machine, &w, &run->payload, NULL);
        nip__write_duration(&w, "by", by);
        nip__write_end_map(&w);
        rc = record_or_catch_up(run, "clock.stepped", err);
    } while (rc == AGAIN);
    return rc;
}

int nip__run_renew(nip_run *run, nip_error **err)
{
    return run->leased ? nip__lease_renew(run->store, run->subject, &run->lease, err) : 0;
}

const char *nip_run_id(const nip_run *run)
{
    return run->id;
}

const char *nip_run_subject(const nip_run *run)
{
    return run->subject;
}

const char *nip_run_state(const nip_run *run)
{
    return nip__phase_name(run->machine->phase);
}

int64_t nip_run_sequence(const nip_run *run)
{
    return run->head;
}
