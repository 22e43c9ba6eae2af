/* The drivers that a plan needs. */
#ifndef NIP__ROLES_H
#define NIP__ROLES_H

#include "driver/driver.h"
#include "plan/plan.h"

/* Opens what the plan's "drivers" name and `drivers` lacks. NIP_E_STATE when a role of the plan is still bound to nothing: better
 * now than in the middle of the run. */
int nip__roles_bind(const nip_plan *plan, nip_ctx *ctx, nip_drivers *drivers, nip_error **err);
/* Opens the drivers that plans need not name: who checks, who asks people, who tells the time. What is bound already stays. */
int nip__roles_bind_own(nip_drivers *drivers, nip_ctx *ctx, nip_error **err);

#endif
