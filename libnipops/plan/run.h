/* A run's inside: the machine tied to a journal. */
#ifndef NIP__RUN_H
#define NIP__RUN_H

#include "nipops/run.h"
#include "plan/action.h"
#include "plan/machine.h"
#include "store/store.h"

/* An action that this process has handed out. */
typedef struct nip__handed {
    nip_action action;
    int64_t number;
    nip__arena *arena;
    struct nip__handed *next;
} nip__handed;

/* A record of the way back that could not be written yet. */
typedef struct nip__unwritten {
    char *kind, *payload;
    size_t length;
    nip_time at;
    struct nip__unwritten *next;
} nip__unwritten;

struct nip_run {
    nip_plan *plan;
    nip_store *store;     /* borrowed */
    char *id, *subject;
    int64_t planned;      /* sequence of run.planned */
    int64_t head;         /* last record seen */
    nip__machine *machine;
    bool stale;           /* memory was out when a record was to be applied: the machine must be built anew */
    bool begun;           /* this holder's run.started or run.resumed was recorded */
    bool leased;
    bool driven;          /* by an operation, whose drivers have its actions: the host's own next and complete are refused */
    nip__lease lease;
    char *holder;         /* JSON, for run.started and run.resumed */
    nip__handed *handed;
    nip__buffer payload;  /* of the draft at hand */
    nip__unwritten *unwritten, **unwritten_end; /* oldest first */
    nip_time busy_since;  /* the store is locked by somebody else since then; NIP_TIME_NONE: it is not */
};

/* nip_run_next and nip_run_complete for whoever drives the run, an operation included. */
int nip__run_next(nip_run *run, nip_time now, const nip_action **action, nip_time *until, nip_error **err);
int nip__run_complete(nip_run *run, nip_time now, const char *action_id, const char *outcome, nip_error **err);
/* Appends the record drafted in `payload` and gives it to the machine. */
int nip__run_record(nip_run *run, const char *kind, nip_error **err);
/* Reads what others appended after `head`. Returns the number of records read, or an error. */
int nip__run_catch_up(nip_run *run, nip_error **err);
/* Before the machine is asked anything: builds it anew from the records when it is stale. */
int nip__run_refresh(nip_run *run, nip_error **err);
/* Gives a record that counts to the machine. When memory is out the machine is stale from then on, which is no error of the record. */
int nip__run_apply(nip_run *run, const char *kind, nip_time at, const char *payload, size_t length, nip_error **err);
/* Tries to write what could not be written on the way back; what still cannot be stays queued. */
int nip__run_flush(nip_run *run);
/* Is its outcome still wanted? */
bool nip__run_waits_for(const nip_run *run, const nip_action *action);
void nip__run_forget_handed(nip_run *run, int64_t number);
/* Journals that the real clock jumped. */
int nip__run_clock_stepped(nip_run *run, nip_time now, nip_duration by, nip_error **err);
int nip__run_renew(nip_run *run, nip_error **err);

/* nip_run_new for a run that is part of another one, whose id is journaled with the plan as `by`; NULL: it is nobody's part. */
int nip__run_begin(const nip_plan *plan, nip_store *store, const char *by, nip_time now, nip_run **run, nip_error **err);

/* Finds the run that `id` names: "shop-1", or a subject's latest. Sets subject and the sequence of its run.planned. */
int nip__run_locate(nip_store *store, const char *id, char **subject, int64_t *planned, nip_error **err);
/* NIP_E_STATE when a later run of the subject has begun. */
int nip__run_check_latest(nip_run *run, nip_error **err);
/* Is `subject`'s latest run over? Sets *over and *id (owned; NULL: it never had one). */
int nip__run_latest(nip_store *store, const char *subject, bool *over, char **id, nip_error **err);

#endif
