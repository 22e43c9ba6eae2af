/* Applying records: shared by apply.c (the run and its steps) and apply_action.c (actions and guards). */
#ifndef NIP__APPLY_H
#define NIP__APPLY_H

#include "plan/machine.h"

typedef int nip__apply(nip__machine *machine, const nip__value *payload, nip_error **err);

nip__apply nip__apply_action_intended;
nip__apply nip__apply_action_completed;
nip__apply nip__apply_action_unanswered;
nip__apply nip__apply_step_retrying;
nip__apply nip__apply_guard_judged;
nip__apply nip__apply_guard_window;

/* The step that a payload names, or NULL. */
const nip__step *nip__payload_step(const nip__machine *machine, const nip__value *payload);
/* A guard's window begins now; limits and spent failures stay. */
void nip__begin_window(nip__machine *machine, size_t guard);
/* ... for all guards that watch the present step, or for those of them that have no window yet. */
void nip__begin_windows(nip__machine *machine, bool only_new);
/* What was written last may have been taken back by a process that could not write so down. */
void nip__apply_doubt_latest(nip__machine *machine);
/* Nobody drove the run for a while: what was out is in doubt, or is to be asked again. */
void nip__apply_left_behind(nip__machine *machine);
/* What was observed for the present step was seen too long ago: it is looked at anew before anything is decided or handed out. */
void nip__apply_look_again(nip__machine *machine);
int nip__corrupt(const nip__machine *machine, const char *what, nip_error **err);

#endif
