/* The machine: pure and small. It knows steps, actions, conditions and guards; it knows no strategy, no clock, no I/O.
 *
 * It is driven by records. nip__machine_decide looks at the state and the time and drafts the next record, or none; whoever drives it
 * appends the draft to the journal and then gives the record to nip__machine_apply, the only function that changes the state. Replaying a
 * journal is applying its records: live state and replayed state cannot differ.
 *
 * Times. Records bear run time. Relative timers are kept in driven time: run time less the gaps in which nobody drove the run. */
#ifndef NIP__MACHINE_H
#define NIP__MACHINE_H

#include "analysis/window.h"
#include "plan/plan.h"
#include "plan/reference.h"
#include "doc/json.h"

typedef enum nip__phase {
    NIP__PLANNED, NIP__RUNNING, NIP__WAITING, NIP__PAUSED, NIP__RETURNING,
    NIP__SUCCEEDED, NIP__RETURNED, NIP__STOPPED, NIP__BROKEN
} nip__phase;

typedef enum nip__purpose { NIP__FOR_ACT, NIP__FOR_REQUIRE, NIP__FOR_UNTIL, NIP__FOR_GUARD, NIP__FOR_SETTLE } nip__purpose;

typedef enum nip__call_stage {
    NIP__CALL_NEW,      /* to be intended */
    NIP__CALL_OUT,      /* intended; an answer is due */
    NIP__CALL_DONE,
    NIP__CALL_FAILED,
    NIP__CALL_RETRYING, /* failed; intended anew at `again_at` */
    NIP__CALL_DOUBT,    /* may have taken effect: to be settled */
    NIP__CALL_SETTLING,
    NIP__CALL_AGAIN,    /* did not take effect: the same intent is handed out again */
} nip__call_stage;

/* One call of a step or guard, under way or over. */
typedef struct nip__call_state {
    nip__call_stage stage;
    int64_t number;   /* of the action, unique in the run */
    int64_t attempt;  /* from 1 */
    int64_t settles;  /* attempts at settling it */
    nip_time intended;/* driven */
    nip_time again_at;/* driven */
    char *args, *before; /* JSON, references filled in */
    char *reason, *message; /* of a failure */
    bool retryable;
    nip__arena *arena; /* of the result */
    const nip__value *result;
} nip__call_state;

typedef struct nip__call_states {
    nip__call_state *list;
    size_t count;
} nip__call_states;

typedef struct nip__step_state {
    nip__call_states act, require, until;
} nip__step_state;

/* An action that is out. */
typedef struct nip__out {
    int64_t number;
    nip__purpose purpose;
    const nip__call *call;
    nip__call_state *state;
    size_t guard;       /* for NIP__FOR_GUARD */
    nip_time deadline;  /* driven */
    bool repeated;
    bool handed;        /* this process has handed it out; not part of the journaled state */
} nip__out;

typedef enum nip__stage { NIP__ENTER, NIP__REQUIRING, NIP__ACTING, NIP__CHECKING, NIP__HOLDING, NIP__ASKING, NIP__LEAVING } nip__stage;

/* Where the run stands. Times are driven. */
typedef struct nip__cursor {
    int list;
    size_t index;
    nip__stage stage;
    int64_t attempt;
    nip_time started, next, anchor, wait_until, held_since;
    int64_t streak;
    bool holding;      /* its wait has begun */
    bool promoted, approved, failed;
    char *reason, *message; /* of the failure */
} nip__cursor;

typedef struct nip__guard_state {
    nip__call_state call;
    nip_time since;      /* run time: a window begins here; NIP_TIME_NONE: no window yet */
    nip_time next;       /* driven; of the next tick */
    nip__window window;
    nip__sample sample;  /* of the latest measurement; its values live in call.arena */
    bool to_judge;       /* a measurement has arrived and was not judged */
    int verdict;         /* latest of this window, NIP_VERDICT_*; -1: none yet */
    int64_t failures, consecutive, ticks;
    nip__arena *evidence_arena;
    const nip__value *evidence; /* payload of the latest guard.judged */
} nip__guard_state;

typedef struct nip__asked {
    bool set;
    char *who, *why;
} nip__asked;

typedef struct nip__machine {
    const nip_plan *plan;
    char *run; /* "shop-1" */
    nip__phase phase;
    nip__phase before_pause;
    nip_time now;      /* run time of the latest input */
    nip_time gap;      /* time not driven so far */
    nip_time paused_at;/* driven */
    int64_t numbers;   /* actions numbered so far */
    nip__cursor cursor;
    nip__step_state *steps[2];
    nip__out *outs;
    size_t out_count, out_capacity;
    nip__guard_state *guards;
    int64_t entry;     /* of the way back that holds now; -1: nothing to take back */
    const nip__step *doubted; /* a resumed run asks first whether what it wrote last still stands: the step that wrote it; NULL: none */
    nip__call_state *doubt;   /* ... and its call */
    nip__asked abort, pause, promote, approve;
    char *reason, *message; /* why it pauses, returns or ended */
    nip__arena *release_arena;
    const nip__value *release; /* of run.ended; NULL: none */
    const char *drive; /* JSON of the holder that wants to drive: run.started or run.resumed is due; NULL: none */
    nip_duration drive_gap;
    int64_t unjournaled; /* records of the way back that could not be written */
    nip_time started_at, ended_at; /* run time; NIP_TIME_NONE */
} nip__machine;

/* The record that is due, drafted into `payload`. Returns its kind, or NULL when nothing is due now. When memory is out `payload` has failed. */
const char *nip__machine_decide(nip__machine *machine, nip_time now, nip__buffer *payload);
/* Takes in a record. Unknown kinds are ignored. 0 or NIP_E_NOMEM / NIP_E_CORRUPT; then the machine must be dropped. */
int nip__machine_apply(nip__machine *machine, const char *kind, nip_time at, const nip__value *payload, nip_error **err);
/* Drafts action.completed, or action.ignored for an action that is not out. `outcome` has been checked. */
const char *nip__machine_answer(nip__machine *machine, nip_time now, const char *action, const nip__value *outcome, nip__buffer *payload);
/* The instant at which nip__machine_decide should be asked again; NIP_TIME_MAX: only an answer or a request helps. */
nip_time nip__machine_wake(const nip__machine *machine);

int nip__machine_new(const nip_plan *plan, const char *run, nip__machine **machine, nip_error **err);
void nip__machine_free(nip__machine *machine);
bool nip__machine_over(const nip__machine *machine); /* nothing more happens by itself */
const char *nip__phase_name(nip__phase phase);
const char *nip__purpose_name(nip__purpose purpose);

/* ---- shared by the files of the machine ---- */

nip_time nip__machine_driven(const nip__machine *machine);
const nip__step *nip__machine_step(const nip__machine *machine); /* the step it stands at; NULL: at the end of its list */
nip__step_state *nip__machine_step_state(const nip__machine *machine, const nip__step *step);
nip__results nip__machine_results(const nip__machine *machine);
nip__out *nip__machine_out(const nip__machine *machine, int64_t number); /* NULL: not out */
bool nip__out_writes(const nip__out *out); /* does it change something? Settling one that does counts, too */
bool nip__machine_writes_out(const nip__machine *machine);
void nip__machine_drop_out(nip__machine *machine, nip__out *out);
void nip__call_state_clear(nip__call_state *call); /* frees; all zero again */
int nip__set_text(char **text, const char *value, nip_error **err);
bool nip__guard_watches(const nip__machine *machine, const nip__guard *guard); /* in force at the step it stands at */
void nip__write_action_id(nip__writer *writer, const nip__machine *machine, int64_t number);

/* Drafts of the parts; each returns a kind or NULL as nip__machine_decide does. */
const char *nip__decide_guards(nip__machine *machine, nip__buffer *payload);
const char *nip__decide_step(nip__machine *machine, nip__buffer *payload);
/* action.intended for a call; returns the kind, or NULL when a reference has no result: then *missing names the step. */
const char *nip__draft_intent(nip__machine *machine, nip__purpose purpose, const nip__step *step, size_t index, const nip__call *call,
                              const nip__call_state *state, nip_time deadline, nip__buffer *payload, const char **missing);
const char *nip__draft_returning(nip__machine *machine, const char *reason, const char *message, nip__buffer *payload);
void nip__write_stands(nip__writer *w, const nip__machine *machine); /* the part of a broken run's end */
const char *nip__draft_ended(nip__machine *machine, nip__phase phase, const char *reason, const char *message, nip__buffer *payload);
const char *nip__draft_paused(nip__machine *machine, const char *reason, const char *message, nip__buffer *payload);
/* run.returning when there is something to take back, else run.ended as stopped. */
const char *nip__draft_take_back(nip__machine *machine, const char *reason, const char *message, nip__buffer *payload);
/* Opens a payload: {"run": ..., "step": ..., "list": ... */
void nip__draft_open(nip__machine *machine, nip__writer *writer, nip__buffer *payload, const nip__step *step);
/* Does any guard want the present step to go on? *why gets "no_data", "inconclusive", "failing", "measuring" when not NULL. */
bool nip__guards_hold(const nip__machine *machine, const char **why, nip_duration *max_hold);

#endif
