/* What the journal of a run must show: law 2, law 5, and that no timer, guard or answer counted for what it was not. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "laws.h"

enum { OPEN_MAX = 256 };

typedef struct open_action {
    const char *id, *step, *purpose;
    int64_t index;
} open_action;

/* One walk over the records. */
typedef struct walk {
    law_world *world;
    const nip_plan *plan;
    const nip__value *record, *payload;
    nip_time at;      /* run time of the record */
    nip_duration gap; /* not driven so far */
    nip_time paused_at;
    nip_duration paused;       /* of the present step */
    nip_time started, waiting; /* driven */
    nip_time observed;         /* driven: latest intent of an observation of the present step */
    int64_t epoch;
    open_action open[OPEN_MAX];
    size_t open_count;
    int64_t counts;                 /* how often what may be done once was ordered: once each time its step was begun */
    bool back;                      /* it is on its way back */
    bool aborted;                   /* a person wants it taken back, and it is still on its way forward */
    const nip__value *check;        /* result of the latest health check */
    const nip__value *verdicts[16]; /* latest guard.judged of each guard in its window */
} walk;

static const char *text(const walk *w, const char *key)
{
    const char *found = nip__get_text(w->payload, key);
    return found != NULL ? found : "";
}

static nip_time driven(const walk *w)
{
    return w->at - w->gap;
}

static const nip__step *step_of(const walk *w)
{
    return nip__plan_find(w->plan, nip__get_text(w->payload, "step"));
}

/* ---- answers: each counts once ---- */

static size_t find_open(const walk *w, const char *id)
{
    size_t i = 0;
    while (i < w->open_count && strcmp(w->open[i].id, id) != 0)
        i++;
    return i;
}

static void close_action(walk *w, const char *what)
{
    size_t i = find_open(w, text(w, "action"));
    if (i == w->open_count)
        law_broken(w->world, 5, "%s of %s, which is not out", what, text(w, "action"));
    else
        w->open[i] = w->open[--w->open_count];
}

static void open_one(walk *w)
{
    open_action opened = {text(w, "action"), text(w, "step"), text(w, "for"), nip__get_int(w->payload, "index", 0)};
    for (size_t i = 0; i < w->open_count; i++) {
        const open_action *other = &w->open[i];
        bool same = strcmp(other->step, opened.step) == 0 && strcmp(other->purpose, opened.purpose) == 0 &&
                    other->index == opened.index;
        if (same || strcmp(other->id, opened.id) == 0)
            law_broken(w->world, 5, "action %s is intended while %s is out", opened.id, other->id);
    }
    if (w->open_count < OPEN_MAX)
        w->open[w->open_count++] = opened;
}

/* Reads are dropped when the way back begins; writes are waited for. */
static void drop_reads(walk *w)
{
    for (size_t i = w->open_count; i-- > 0;) {
        if (strcmp(w->open[i].purpose, "act") != 0 && strcmp(w->open[i].purpose, "settle") != 0)
            w->open[i] = w->open[--w->open_count];
    }
}

/* ---- law 2 ---- */

static bool is_in(const nip__value *list, const nip__value *endpoint)
{
    for (NIP__EACH(item, list)) {
        if (nip__equal(item, endpoint))
            return true;
    }
    return false;
}

/* Healthy instances that the latest check saw, without those that go. */
static int64_t healthy_left(const walk *w, const nip__value *versions, const nip__value *drained)
{
    int64_t left = 0;
    for (NIP__EACH(group, nip__get(w->check, "groups"))) {
        const nip__value *wanted = nip__get(versions, group->key);
        bool whole = wanted != NULL && nip__get_int(wanted, "replicas", 1) == 0;
        for (NIP__EACH(endpoint, nip__get(group, "healthy_endpoints"))) {
            if (!whole && !is_in(nip__get(wanted, "remove"), endpoint) && !is_in(drained, endpoint))
                left++;
        }
    }
    return left;
}

static bool takes_out(const walk *w, const nip__value *versions)
{
    for (NIP__EACH(version, versions)) {
        const nip__value *before = nip__get(nip__get(nip__get(w->payload, "before"), "versions"), version->key);
        int64_t had = nip__get_int(before, "replicas", 0);
        if (nip__count(nip__get(version, "remove")) > 0 || nip__get_int(version, "replicas", 0) < had)
            return true;
    }
    return false;
}

static void check_removal(const walk *w)
{
    const law_strategy *strategy = w->world->law->strategy;
    const nip__value *args = nip__get(w->payload, "args");
    const nip__value *versions = nip__get(args, "versions");
    const nip__value *drained = nip__get(args, "drain");
    int64_t least = strategy->replicas - strategy->max_unavailable;
    bool removes = strcmp(text(w, "verb"), "instances") == 0 ? takes_out(w, versions) : nip__count(drained) > 0;
    if (!removes || strategy->first || strategy->goal != LAW_ROLLOUT || strcmp(text(w, "list"), "back") == 0)
        return;
    int64_t left = w->check != NULL ? healthy_left(w, versions, drained) : 0;
    if (left < least)
        law_broken(w->world, 2,
                   "action %s (%s of step %s) takes instances out with %lld healthy ones left, %lld needed",
                   text(w, "action"), text(w, "verb"), text(w, "step"), (long long)left, (long long)least);
}

/* ---- one function a kind of record ---- */

static void action_intended(walk *w)
{
    const char *purpose = text(w, "for");
    open_one(w);
    if (strcmp(purpose, "require") == 0 || strcmp(purpose, "until") == 0)
        w->observed = driven(w);
    if (strcmp(purpose, "act") == 0)
        check_removal(w);
    if (w->aborted && strcmp(purpose, "act") == 0)
        law_broken(w->world, 5, "action %s is intended after an abort was committed", text(w, "action"));
}

static void action_completed(walk *w)
{
    const nip__value *result = nip__get(w->payload, "result");
    close_action(w, "an answer");
    if (nip__get(result, "first_failure") != NULL)
        w->check = result;
}

static void action_unanswered(walk *w)
{
    close_action(w, "no answer");
}

static void run_resumed(walk *w)
{
    w->gap += nip__get_duration(w->payload, "gap", 0);
    w->open_count = 0;
    memset(w->verdicts, 0, sizeof w->verdicts);
}

static void run_paused(walk *w)
{
    w->paused_at = driven(w);
    if (text(w, "reason")[0] == '\0')
        law_broken(w->world, 5, "run.paused without a reason");
}

static void run_continued(walk *w)
{
    w->paused += driven(w) - w->paused_at;
}

static void run_returning(walk *w)
{
    drop_reads(w);
    w->aborted = false;
    w->back = true;
    if (text(w, "reason")[0] == '\0' || text(w, "message")[0] == '\0')
        law_broken(w->world, 5, "run.returning without a reason");
}

static void run_ended(walk *w)
{
    w->open_count = 0;
    w->aborted = false;
    if (strcmp(text(w, "state"), "broken") != 0)
        return;
    if (text(w, "reason")[0] == '\0' || text(w, "message")[0] == '\0' || nip__get(w->payload, "stands") == NULL)
        law_broken(w->world, 3, "the run is broken and does not say why or how things stand");
}

/* An abort that is committed before an intent wins. */
static void request_made(walk *w)
{
    w->aborted |= !w->back && strcmp(text(w, "request"), "abort") == 0;
}

static void step_started(walk *w)
{
    const nip__step *step = step_of(w);
    for (size_t i = 0; step != NULL && i < step->actions.count; i++)
        w->counts += strcmp(step->actions.list[i].verb, "count") == 0;
    w->started = driven(w);
    w->observed = NIP_TIME_NONE;
    w->paused = 0;
}

static void step_waiting(walk *w)
{
    w->waiting = driven(w);
    w->paused = 0;
}

static void step_acted(walk *w)
{
    const nip__step *step = step_of(w);
    if (step != NULL && step->fresh_window)
        memset(w->verdicts, 0, sizeof w->verdicts);
}

/* Nothing fails on an old look, nor before its time. */
static void step_failed(walk *w)
{
    const nip__step *step = step_of(w);
    if (text(w, "reason")[0] == '\0')
        law_broken(w->world, 5, "step %s fails without a reason", text(w, "step"));
    if (step == NULL || strcmp(text(w, "reason"), "deadline") != 0 ||
        step->until.observe.count + step->require.observe.count == 0)
        return;
    nip_time deadline = w->started + step->deadline + w->paused;
    if (w->observed == NIP_TIME_NONE || w->observed < deadline)
        law_broken(w->world, 5, "step %s fails by its deadline without an observation after it", step->id);
}

static void check_guards(walk *w, const nip__step *step)
{
    for (size_t i = 0; i < w->plan->guard_count && i < 16; i++) {
        const nip__guard *guard = &w->plan->guards[i];
        const char *verdict = nip__get_text(w->verdicts[i], "verdict");
        if (step->index < guard->from || step->index > guard->to)
            continue;
        bool fine = verdict != NULL && (strcmp(verdict, "pass") == 0 ||
                                        (guard->on_no_data == NIP__ND_PASS && strcmp(verdict, "fail") != 0));
        if (!fine)
            law_broken(w->world, 5, "step %s is done with guard %s saying %s", step->id, guard->id,
                       verdict != NULL ? verdict : "nothing");
    }
}

static void step_done(walk *w)
{
    const nip__step *step = step_of(w);
    w->world->gave_up |= strcmp(text(w, "why"), "continued") == 0;
    if (step == NULL || strcmp(text(w, "why"), "waited") != 0)
        return;
    if (driven(w) < w->waiting + step->wait + w->paused)
        law_broken(w->world, 5, "step %s is done before its wait was over", step->id);
    check_guards(w, step);
}

static void guard_judged(walk *w)
{
    const nip__value *metrics = nip__get(w->payload, "metrics");
    for (size_t i = 0; i < w->plan->guard_count && i < 16; i++) {
        if (strcmp(w->plan->guards[i].id, text(w, "guard")) == 0)
            w->verdicts[i] = w->payload;
    }
    bool told =
        nip__get(w->payload, "look") != NULL && nip__get(w->payload, "since") != NULL && text(w, "action")[0] != '\0';
    for (NIP__EACH(metric, metrics)) {
        bool missing = nip__is(nip__get(metric, "value"), NIP__NULL);
        told &= nip__get_text(metric, "name") != NULL && nip__get_text(metric, "verdict") != NULL &&
                nip__get(metric, "limit") != NULL;
        told &= nip__get_text(metric, "reason") != NULL && (missing || nip__get(metric, "value") != NULL);
        if (missing && strcmp(nip__get_text(metric, "verdict"), "pass") == 0)
            law_broken(w->world, 5, "guard %s passes on nothing", text(w, "guard"));
    }
    if (!told || nip__count(metrics) == 0)
        law_broken(w->world, 5, "guard %s is judged without its evidence", text(w, "guard"));
}

static const struct {
    const char *kind;
    void (*look)(walk *w);
} kinds[] = {
    {"action.completed", action_completed},
    {"action.intended", action_intended},
    {"action.unanswered", action_unanswered},
    {"guard.judged", guard_judged},
    {"request.made", request_made},
    {"run.continued", run_continued},
    {"run.ended", run_ended},
    {"run.paused", run_paused},
    {"run.resumed", run_resumed},
    {"run.returning", run_returning},
    {"step.acted", step_acted},
    {"step.done", step_done},
    {"step.failed", step_failed},
    {"step.started", step_started},
    {"step.waiting", step_waiting},
};

/* Only who holds the lease decides; each new holder has a higher epoch. */
static void check_epoch(walk *w, const char *kind)
{
    int64_t epoch = nip__get_int(w->record, "epoch", -1);
    bool request = strcmp(kind, "request.made") == 0;
    if (request ? epoch != 0 : epoch < w->epoch)
        law_broken(w->world, 5, "record %s bears epoch %lld after %lld", kind, (long long)epoch, (long long)w->epoch);
    if (!request)
        w->epoch = epoch;
}

static void walk_record(walk *w, const nip__value *record)
{
    const char *kind = nip__get_text(record, "kind");
    nip_time at = nip__get_time(record, "at", 0);
    w->record = record;
    w->payload = nip__get(record, "payload");
    bool request = strcmp(kind, "request.made") == 0; /* it bears the clock of whoever made it */
    if (at < w->at && !request)
        law_broken(w->world, 5, "record %s is older than the one before it", kind);
    if (at > w->at && !request)
        w->at = at;
    check_epoch(w, kind);
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strcmp(kind, kinds[i].kind) == 0)
            kinds[i].look(w);
    }
}

/* ---- the whole ---- */

static void print_record(const nip__value *record)
{
    char *payload = nip__json_text(nip__get(record, "payload"));
    printf("%4lld %s %-18s %.300s\n", (long long)nip__get_int(record, "sequence", 0), nip__get_text(record, "at"),
           nip__get_text(record, "kind"), payload != NULL ? payload : "");
    nip__free(payload);
}

nip__value *law_read_journal(law_world *world, nip__arena *arena, int64_t after)
{
    char *json = NULL;
    nip__value *records = NULL;
    if (nip_journal_read(world->store, SUBJECT, after, 10000, &json, NULL) == 0)
        nip__json_read(arena, json, strlen(json), "journal", &nip__internal_limits, &records, NULL);
    nip_free(json);
    return records;
}

static void check_chain(law_world *world)
{
    char *json = NULL;
    if (nip_journal_verify(world->store, SUBJECT, NULL, &json, NULL) < 0 || strstr(json, "\"intact\"") == NULL)
        law_broken(world, 5, "the chain does not hold: %s", json != NULL ? json : "?");
    nip_free(json);
}

/* Replay gives the live state. */
static void check_replay(law_world *world, nip_run *run)
{
    nip_run *again = NULL;
    char *live = NULL, *replayed = NULL;
    int rc = nip_run_open(world->store, nip_run_id(run), &again, NULL);
    if (rc == 0 && nip_run_status(run, world->now, &live, NULL) == 0 &&
        nip_run_status(again, world->now, &replayed, NULL) == 0) {
        if (strcmp(live, replayed) != 0)
            law_broken(world, 5, "replay differs:\n    live     %s\n    replayed %s", live, replayed);
    } else {
        law_broken(world, 5, "run %s cannot be opened", nip_run_id(run));
    }
    nip_free(live);
    nip_free(replayed);
    nip_run_free(again);
}

void law_check_journal(law_world *world, nip_run *run)
{
    nip__arena *arena = nip__arena_new();
    walk *w = nip__calloc(1, sizeof *w);
    if (w == NULL || arena == NULL)
        abort();
    *w = (walk){.world = world, .plan = run->plan};
    for (NIP__EACH(record, law_read_journal(world, arena, run->planned - 1))) {
        if (world->law->trace)
            print_record(record);
        walk_record(w, record);
        world->counts->records++;
    }
    if (nip__sim_counted(world->sim) > w->counts)
        law_broken(world, 4, "what may be done once was done again: %lld times, wanted %lld times",
                   (long long)nip__sim_counted(world->sim), (long long)w->counts);
    check_chain(world);
    check_replay(world, run);
    nip__free(w);
    nip__arena_free(arena);
}

size_t law_spots(law_world *world, const char *run, law_spot **spots)
{
    nip__arena *arena = nip__arena_new();
    size_t count = 0, capacity = 0;
    law_spot *list = NULL;
    for (NIP__EACH(record, law_read_journal(world, arena, 0))) {
        const nip__value *payload = nip__get(record, "payload");
        law_spot spot = {.index = nip__get_int(payload, "index", 0)};
        bool known = false;
        if (!nip__text_equal(nip__get_text(record, "kind"), "action.intended") ||
            !nip__text_equal(nip__get_text(payload, "run"), run))
            continue;
        while (strcmp(nip__purpose_name(spot.purpose), nip__get_text(payload, "for")) != 0)
            spot.purpose++;
        if (spot.purpose != NIP__FOR_GUARD)
            snprintf(spot.step, sizeof spot.step, "%s", nip__get_text(payload, "step"));
        for (size_t i = 0; i < count; i++)
            known |= memcmp(&list[i], &spot, sizeof spot) == 0;
        void *grown = known ? NULL : nip__grow(list, &capacity, count, sizeof *list);
        if (grown != NULL) {
            list = grown;
            list[count++] = spot;
        }
    }
    nip__arena_free(arena);
    *spots = list;
    return count;
}
