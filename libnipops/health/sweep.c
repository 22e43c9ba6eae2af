/* The schedule of a sweep: a heap of targets by the instant they are due. */
#include "health/sweep.h"

#include "base/error.h"
#include "base/memory.h"
#include "base/time.h"
#include "health/window.h"

typedef struct entry {
    nip_time due;
    size_t target;
} entry;

struct nip__sweep {
    nip__sweep_rules rules;
    nip_time start, deadline;
    nip__sweep_target *targets;
    entry *heap; /* those that wait: neither healthy nor being tried */
    size_t waiting;
    int64_t trying;
    nip__window window;
    size_t counts[3];    /* of targets, by state */
    size_t *changes;     /* a ring of those whose change is not told yet; each is in it once at most */
    size_t first_change, change_count;
};

/* ---- the heap; equal instants in order of the targets ---- */

static bool before(entry a, entry b)
{
    return a.due != b.due ? a.due < b.due : a.target < b.target;
}

static void put(nip__sweep *sweep, entry added)
{
    size_t i = sweep->waiting++;
    while (i > 0 && before(added, sweep->heap[(i - 1) / 2])) {
        sweep->heap[i] = sweep->heap[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    sweep->heap[i] = added;
}

static entry take(nip__sweep *sweep)
{
    entry top = sweep->heap[0], last = sweep->heap[--sweep->waiting];
    size_t i = 0;
    for (;;) {
        size_t child = 2 * i + 1;
        if (child + 1 < sweep->waiting && before(sweep->heap[child + 1], sweep->heap[child]))
            child++;
        if (child >= sweep->waiting || !before(sweep->heap[child], last))
            break;
        sweep->heap[i] = sweep->heap[child];
        i = child;
    }
    sweep->heap[i] = last;
    return top;
}

/* ---- life ---- */

int nip__sweep_new(const nip__sweep_rules *rules, nip_time now, nip__sweep **sweep, nip_error **err)
{
    NIP_ARG(rules->targets > 0 && rules->interval > 0 && rules->timeout > 0 && rules->successes > 0 &&
            rules->in_flight > 0 && rules->at_first > 0);
    nip__sweep *made = nip__calloc(1, sizeof *made);
    if (made == NULL)
        return nip__nomem(err);
    made->rules = *rules;
    made->start = now;
    made->deadline = nip__time_add(now, rules->timeout);
    made->window = nip__window_new(rules->at_first, rules->in_flight);
    made->targets = nip__calloc(rules->targets, sizeof *made->targets);
    made->heap = nip__calloc(rules->targets, sizeof *made->heap);
    made->changes = nip__calloc(rules->targets, sizeof *made->changes);
    made->counts[NIP__SWEEP_UNKNOWN] = rules->targets;
    if (made->targets == NULL || made->heap == NULL || made->changes == NULL) {
        nip__sweep_free(made);
        return nip__nomem(err);
    }
    for (size_t i = 0; i < rules->targets; i++) {
        made->targets[i].latency = -1;
        made->targets[i].since = now;
        put(made, (entry){.due = now, .target = i});
    }
    *sweep = made;
    return 0;
}

void nip__sweep_free(nip__sweep *sweep)
{
    if (sweep == NULL)
        return;
    for (size_t i = 0; sweep->targets != NULL && i < sweep->rules.targets; i++) {
        nip__free(sweep->targets[i].first.message);
        nip__free(sweep->targets[i].last.message);
    }
    nip__free(sweep->targets);
    nip__free(sweep->heap);
    nip__free(sweep->changes);
    nip__free(sweep);
}

/* ---- the schedule ---- */

static bool is_watch(const nip__sweep *sweep)
{
    return sweep->rules.failures > 0;
}

void nip__sweep_stir(nip__sweep *sweep)
{
    nip__window_stir(&sweep->window);
}

int nip__sweep_next(nip__sweep *sweep, nip_time now, size_t *target, nip_time *until)
{
    if ((!is_watch(sweep) && sweep->counts[NIP__SWEEP_HEALTHY] == sweep->rules.targets) || now >= sweep->deadline)
        return NIP__SWEEP_DONE;
    bool due = sweep->waiting > 0 && sweep->heap[0].due <= now;
    nip_time room_at = NIP_TIME_MAX;
    if (due && nip__window_has_room(&sweep->window, sweep->trying, now, &room_at)) {
        entry next = take(sweep);
        nip__window_begun(&sweep->window);
        sweep->targets[next.target].trying = true;
        sweep->trying++;
        *target = next.target;
        return NIP__SWEEP_TRY;
    }
    nip_time again = due ? room_at : sweep->waiting > 0 ? sweep->heap[0].due : NIP_TIME_MAX;
    *until = again < sweep->deadline ? again : sweep->deadline;
    return NIP__SWEEP_WAIT;
}

/* The first instant of the grid after `now`. */
static nip_time next_on_grid(const nip__sweep *sweep, nip_time now)
{
    nip_duration interval = sweep->rules.interval;
    int64_t passed = (now - sweep->start) / interval;
    nip_time at = nip__time_add(sweep->start, passed * interval); /* at most `now`: no overflow */
    return nip__time_add(at, interval);
}

static int remember(nip__sweep_target *target, nip_time now, const char *reason, const char *message, nip_error **err)
{
    nip__sweep_failure failure = {.reason = reason, .message = nip__strdup(message), .at = now};
    bool lost = failure.message == NULL;
    if (target->first.reason == NULL) {
        target->first = failure;
        failure.message = nip__strdup(message);
        lost = lost || failure.message == NULL;
    }
    nip__free(target->last.message);
    target->last = failure;
    return lost ? nip__nomem(err) : 0;
}

static void change(nip__sweep *sweep, size_t index, nip__sweep_state state, nip_time now)
{
    nip__sweep_target *target = &sweep->targets[index];
    if (target->state == state)
        return;
    sweep->counts[target->state]--;
    sweep->counts[state]++;
    target->state = state;
    target->since = now;
    if (target->changed)
        return;
    target->changed = true;
    sweep->changes[(sweep->first_change + sweep->change_count++) % sweep->rules.targets] = index;
}

static void judge(nip__sweep *sweep, size_t index, nip_time now)
{
    const nip__sweep_target *target = &sweep->targets[index];
    if (target->streak >= sweep->rules.successes)
        change(sweep, index, NIP__SWEEP_HEALTHY, now);
    else if (is_watch(sweep) && target->bad >= sweep->rules.failures)
        change(sweep, index, NIP__SWEEP_UNHEALTHY, now);
}

static void end_try(nip__sweep *sweep, size_t target)
{
    sweep->targets[target].trying = false;
    sweep->trying--;
}

int nip__sweep_report(nip__sweep *sweep, nip_time now, size_t target, const char *reason, const char *message,
                      nip_duration latency, nip_error **err)
{
    nip__sweep_target *tried = &sweep->targets[target];
    end_try(sweep, target);
    nip__window_answered(&sweep->window, reason == NULL ? latency : 0);
    tried->tries++;
    int rc = 0;
    if (reason == NULL) {
        tried->streak++;
        tried->bad = 0;
        tried->latency = latency;
    } else {
        tried->streak = 0;
        tried->failures++;
        tried->bad++;
        rc = remember(tried, now, reason, message, err);
    }
    judge(sweep, target, now);
    if (is_watch(sweep) || tried->state != NIP__SWEEP_HEALTHY)
        put(sweep, (entry){.due = next_on_grid(sweep, now), .target = target});
    return rc;
}

void nip__sweep_postpone(nip__sweep *sweep, size_t target, nip_time again)
{
    end_try(sweep, target);
    /* While others are under way, their end makes room; without any, only time can. */
    nip_time due = sweep->trying > 0 ? sweep->start : again;
    if (sweep->trying > 0)
        nip__window_limit(&sweep->window, sweep->trying);
    put(sweep, (entry){.due = due, .target = target});
}

bool nip__sweep_changed(nip__sweep *sweep, size_t *target)
{
    if (sweep->change_count == 0)
        return false;
    *target = sweep->changes[sweep->first_change];
    sweep->first_change = (sweep->first_change + 1) % sweep->rules.targets;
    sweep->change_count--;
    sweep->targets[*target].changed = false;
    return true;
}

void nip__sweep_told(nip__sweep *sweep, size_t target)
{
    sweep->targets[target].told = sweep->targets[target].state;
}

void nip__sweep_untold(nip__sweep *sweep, size_t target)
{
    size_t targets = sweep->rules.targets;
    sweep->first_change = (sweep->first_change + targets - 1) % targets;
    sweep->changes[sweep->first_change] = target;
    sweep->change_count++;
    sweep->targets[target].changed = true;
}

const nip__sweep_target *nip__sweep_at(const nip__sweep *sweep, size_t target)
{
    return &sweep->targets[target];
}

size_t nip__sweep_count(const nip__sweep *sweep, nip__sweep_state state)
{
    return sweep->counts[state];
}

nip_time nip__sweep_deadline(const nip__sweep *sweep)
{
    return sweep->deadline;
}
