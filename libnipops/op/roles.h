/* The drivers that a plan needs. */
#ifndef NIP__ROLES_H
#define NIP__ROLES_H

#include "driver/driver.h"
#include "plan/plan.h"

/* Opens what the plan's "drivers" name and `drivers` lacks, and what plans need not name: who checks, asks people, tells the time. NIP_E_STATE when a role of the plan is still bound to nothing: better
 * now than in the middle of the run. */
int nip__roles_bind(const nip_plan *plan, nip_ctx *ctx, nip_drivers *drivers, nip_error **err);
/* Opens the built-in driver of a role that need not be named: "check" for an observation, "notify" for a run that is over and still has to be told
 * of. What is bound already stays. */
int nip__roles_bind_own(nip_drivers *drivers, nip_ctx *ctx, const char *role, nip_error **err);

#endif
