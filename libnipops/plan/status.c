/* How a run stands, as JSON. */
#include "plan/run.h"

#include "base/time.h"
#include "nipops/analysis.h"

static void write_step(nip__writer *w, const nip__machine *machine)
{
    const nip__step *step = nip__machine_step(machine);
    if (step == NULL)
        return;
    const nip__steps *steps = &machine->plan->steps[step->list];
    nip__write_map(w, "step");
    nip__write_text(w, "id", step->id);
    nip__write_text(w, "title", step->title);
    nip__write_text(w, "list", step->list == NIP__FORWARD ? "forward" : "back");
    nip__write_int(w, "number", (int64_t)step->index + 1);
    nip__write_int(w, "of", (int64_t)steps->count);
    nip__write_int(w, "attempt", machine->cursor.attempt);
    nip__write_int(w, "streak", machine->cursor.streak);
    nip__write_end_map(w);
}

/* What it waits for, and the instant at which that is over if nothing else happens. */
static void write_waiting(nip__writer *w, const nip__machine *machine)
{
    const nip__cursor *cursor = &machine->cursor;
    const nip__step *step = nip__machine_step(machine);
    const char *why = NULL;
    nip_duration max_hold = 0;
    if (step == NULL || machine->phase >= NIP__SUCCEEDED)
        return;
    bool holding = cursor->stage == NIP__HOLDING && cursor->holding;
    if (!holding && cursor->stage != NIP__ASKING)
        return;
    bool over = holding && nip__machine_driven(machine) >= cursor->wait_until;
    nip__write_map(w, "waiting");
    if (!holding) {
        nip__write_text(w, "for", "approval");
        nip__write_text(w, "message", step->approve);
    } else if (over && nip__guards_hold(machine, &why, &max_hold)) {
        nip__write_text(w, "for", "data");
        nip__write_text(w, "why", why);
        nip__write_time(w, "until", cursor->wait_until + machine->gap + max_hold);
    } else {
        nip__write_text(w, "for", "time");
        nip__write_time(w, "until", cursor->wait_until + machine->gap);
    }
    nip__write_end_map(w);
}

static void write_guard(nip__writer *w, const nip__machine *machine, size_t index)
{
    const nip__guard *guard = &machine->plan->guards[index];
    const nip__guard_state *state = &machine->guards[index];
    nip__write_map(w, NULL);
    nip__write_text(w, "id", guard->id);
    nip__write_text(w, "title", guard->title);
    nip__write_bool(w, "watching", nip__guard_watches(machine, guard));
    nip__write_text(w, "verdict", state->verdict >= 0 ? nip_verdict_name(state->verdict) : NULL);
    nip__write_time(w, "since", state->since);
    nip__write_int(w, "failures", state->failures);
    nip__write_int(w, "failure_limit", guard->failure_limit);
    nip__write_int(w, "consecutive", state->consecutive);
    nip__write_int(w, "consecutive_failure_limit", guard->consecutive_failure_limit);
    nip__write_value(w, "metrics", nip__get(state->evidence, "metrics"));
    nip__write_end_map(w);
}

static void write_out(nip__writer *w, const nip__machine *machine)
{
    nip__write_list(w, "out");
    for (size_t i = 0; i < machine->out_count; i++) {
        const nip__out *out = &machine->outs[i];
        nip__write_map(w, NULL);
        nip__write_action_id(w, machine, out->number);
        nip__write_text(w, "for", nip__purpose_name(out->purpose));
        nip__write_text(w, "role", out->call->role);
        nip__write_text(w, "verb", out->call->verb);
        nip__write_time(w, "deadline", out->deadline + machine->gap);
        nip__write_end_map(w);
    }
    nip__write_end_list(w);
}

static void write_status(nip__writer *w, const nip_run *run)
{
    const nip__machine *machine = run->machine;
    nip__write_map(w, NULL);
    nip__write_int(w, "v", 1);
    nip__write_text(w, "run", run->id);
    nip__write_text(w, "subject", run->subject);
    nip__write_text(w, "title", machine->plan->title);
    nip__write_text(w, "state", nip__phase_name(machine->phase));
    nip__write_text(w, "reason", machine->reason);
    nip__write_text(w, "message", machine->message);
    nip__write_time(w, "started", machine->started_at);
    nip__write_time(w, "ended", machine->ended_at);
    nip__write_int(w, "sequence", run->head);
    write_step(w, machine);
    write_waiting(w, machine);
    nip__write_list(w, "guards");
    for (size_t i = 0; i < machine->plan->guard_count; i++)
        write_guard(w, machine, i);
    nip__write_end_list(w);
    write_out(w, machine);
    if (run->unwritten != NULL)
        nip__write_int(w, "unjournaled", machine->unjournaled);
    nip__write_value(w, "release", machine->release);
    if (machine->phase == NIP__BROKEN)
        nip__write_stands(w, machine);
    nip__write_end_map(w);
}

int nip_run_status(const nip_run *run, nip_time now, char **json, nip_error **err)
{
    NIP_ARG(run != NULL && json != NULL);
    int rc = nip__run_refresh((nip_run *)(uintptr_t)run, err); /* the same state, read anew */
    if (rc < 0)
        return rc;
    nip_time kept = run->machine->now;
    if (now > kept && now != NIP_TIME_MAX && !nip__machine_over(run->machine))
        run->machine->now = now; /* lent, for what depends on it */
    nip__buffer text = NIP__BUFFER(nip__internal_limits.bytes);
    nip__writer w = NIP__WRITER(&text);
    write_status(&w, run);
    run->machine->now = kept;
    char *taken = nip__buffer_take(&text);
    nip__buffer_clear(&text);
    if (taken == NULL)
        return nip__nomem(err);
    *json = taken;
    return 0;
}
