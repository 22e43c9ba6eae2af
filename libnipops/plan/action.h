/* An action's inside: made by a run, carried by an operation, completed by a driver. */
#ifndef NIP__ACTION_H
#define NIP__ACTION_H

#include <stdbool.h>
#include "nipops/driver.h"
#include "doc/value.h"

struct nip_action {
    const char *id, *run, *subject, *role, *verb;
    const char *args;          /* JSON text */
    const char *before;        /* JSON text or NULL */
    const nip__value *args_value;
    const nip__value *before_value;
    int verb_class;            /* as the plan takes it, NIP_VERB_* */
    bool settles, repeated;
    nip_time deadline;
    /* How an outcome reaches whoever handed the action out; set by the operation. NULL: completed through nip_run_complete. */
    int (*post)(void *poster, nip_action *action, const char *outcome, nip_error **err);
    void *poster;
    void *driver_data;         /* for the driver that carries it out */
};

#endif
