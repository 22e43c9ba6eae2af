/* What an action says of itself. */
#include "plan/action.h"

#include "base/error.h"

const char *nip_action_id(const nip_action *action)
{
    return action->id;
}

const char *nip_action_run(const nip_action *action)
{
    return action->run;
}

const char *nip_action_subject(const nip_action *action)
{
    return action->subject;
}

const char *nip_action_role(const nip_action *action)
{
    return action->role;
}

const char *nip_action_verb(const nip_action *action)
{
    return action->verb;
}

const char *nip_action_args(const nip_action *action)
{
    return action->args;
}

const char *nip_action_before(const nip_action *action)
{
    return action->before;
}

int nip_action_settles(const nip_action *action)
{
    return action->settles;
}

int nip_action_repeated(const nip_action *action)
{
    return action->repeated;
}

nip_time nip_action_deadline(const nip_action *action)
{
    return action->deadline;
}

int nip_action_complete(nip_action *action, const char *outcome, nip_error **err)
{
    NIP_ARG(action != NULL && outcome != NULL);
    if (action->post == NULL)
        return nip__fail(err, NIP_E_STATE, "action %s was not handed out by an operation: report it by nip_run_complete", action->id);
    return action->post(action->poster, action, outcome, err);
}
