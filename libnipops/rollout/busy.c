/* What a rollout does whose app is busy. Of several that wait the newest comes next: what is older than it nobody wants any more. */
#include "rollout/busy.h"

#include "base/error.h"
#include "base/text.h"

const char *const nip__busy_policies[] = {"refuse", "queue", "supersede", "restart", NULL};

nip__busy_policy nip__busy_policy_of(const char *name)
{
    for (int i = 0; nip__busy_policies[i] != NULL; i++) {
        if (nip__text_equal(nip__busy_policies[i], name))
            return (nip__busy_policy)i;
    }
    return NIP__BUSY_REFUSE;
}

typedef enum standing { FREE, UNDER_WAY, RETURNING, BROKEN } standing;

static standing stands(const nip__busy *busy)
{
    static const struct {
        const char *state;
        standing stands;
    } states[] = {{"succeeded", FREE}, {"returned", FREE}, {"stopped", FREE}, {"broken", BROKEN}, {"returning", RETURNING}};
    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++) {
        if (nip__text_equal(states[i].state, busy->state))
            return states[i].stands;
    }
    return busy->run == NULL ? FREE : UNDER_WAY;
}

/* Why it is turned off. */
typedef enum reason { NOT_OFF, RIVAL, BROKEN_RUN, BUSY_RUN, OTHER_VERSION, LATER_RUN } reason;

static bool takes_back(const nip__busy *busy)
{
    return busy->policy == NIP__BUSY_SUPERSEDE || busy->policy == NIP__BUSY_RESTART;
}

/* A run that began after this rollout came is what somebody wants now: it is waited for by those that queue, and not taken back. */
static reason why_off(const nip__busy *busy)
{
    standing run = stands(busy);
    bool waits = busy->policy != NIP__BUSY_REFUSE;
    if (busy->entry > 0 && busy->rival != NULL)
        return RIVAL;
    if (run == FREE || (run == BROKEN && !waits))
        return NOT_OFF;
    if (run == BROKEN)
        return BROKEN_RUN;
    if (!waits)
        return BUSY_RUN;
    if (takes_back(busy) && busy->entry > 0 && busy->planned > busy->entry)
        return LATER_RUN;
    if (busy->policy == NIP__BUSY_RESTART && !nip__text_equal(busy->run_version, busy->version))
        return OTHER_VERSION;
    return NOT_OFF;
}

/* Its process died in the middle of the way back. Whatever the policy, and whichever came later: it is the next in the queue that ends it,
 * since no way back is left in the middle. */
static bool is_left_returning(const nip__busy *busy)
{
    return stands(busy) == RETURNING && !busy->driven && busy->entry > 0 && busy->rival == NULL;
}

nip__busy_move nip__busy_decide(const nip__busy *busy)
{
    standing run = stands(busy);
    if (is_left_returning(busy))
        return NIP__BUSY_TAKE;
    if (why_off(busy) != NOT_OFF)
        return NIP__BUSY_TURN_OFF;
    /* A process that has its run still open holds the lease although the run is over. */
    bool free = run == FREE && !(busy->driven && busy->policy != NIP__BUSY_REFUSE);
    if (free || run == BROKEN)
        return NIP__BUSY_GO;
    if (busy->entry == 0)
        return NIP__BUSY_ENTER;
    if (!takes_back(busy) || run == FREE)
        return NIP__BUSY_WAIT;
    if (run == UNDER_WAY && !busy->asked)
        return NIP__BUSY_ASK;
    return busy->driven ? NIP__BUSY_WAIT : NIP__BUSY_TAKE;
}

int nip__busy_explain(const nip__busy *busy, nip_error **err)
{
    const char *run = busy->run != NULL ? busy->run : "", *other = busy->run_version != NULL ? busy->run_version : "another version";
    switch (why_off(busy)) {
    case RIVAL:
        return nip__fail(err, NIP_E_STATE, "%s of %s gives way to %s of %s, which came later and is wanted instead",
                         busy->version, busy->app, busy->rival, busy->rival_who);
    case BROKEN_RUN:
        return nip__fail(err, NIP_E_STATE,
                         "run %s of %s is broken, so nothing is released over it by waiting: see \"nipops status %s\"; \"nipops "
                         "abort %s\" and \"nipops resume %s\" try its way back again, a rollout with when_busy: refuse begins "
                         "from how things stand",
                         run, busy->app, run, run, run);
    case BUSY_RUN:
        return nip__fail(err, busy->driven ? NIP_E_HELD : NIP_E_STATE,
                         "run %s of %s (%s) is not over (%s)%s; or say when_busy: queue (wait for it), supersede (take it "
                         "back first) or restart",
                         run, busy->app, busy->title != NULL ? busy->title : "", busy->state,
                         busy->driven ? " and is driven: wait for it, or ask it to abort"
                                      : " and nobody drives it: resume it, or ask it to abort and resume it");
    case OTHER_VERSION:
        return nip__fail(err, NIP_E_STATE,
                         "run %s of %s is about %s, so %s cannot begin it again: say when_busy: supersede to take it back and "
                         "release %s",
                         run, busy->app, other, busy->version, busy->version);
    case LATER_RUN:
        return nip__fail(err, NIP_E_STATE, "%s of %s gives way to run %s of %s, which began later and is wanted instead",
                         busy->version, busy->app, run, other);
    case NOT_OFF:
        break;
    }
    return nip__fail(err, NIP_E_INTERNAL, "nothing is in the way of %s of %s", busy->version, busy->app);
}
