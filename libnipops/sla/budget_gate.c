/* What an error budget says to a change. */
#include "sla/budget_gate.h"

#include <stddef.h>

const nip__budget_policy nip__budget_policy_default = {.warn_percent = 25, .stop_percent = 0, .undetermined = NIP__BUDGET_WARN};

const char *nip__budget_decision_name(nip__budget_decision decision)
{
    static const char *const names[] = {"go", "warn", "stop"};
    return names[decision];
}

/* A percentage, so that no product of a large share overflows. */
static bool is_down_to(nip__sla_share remaining, int percent)
{
    return remaining.part * 100 <= remaining.whole * percent;
}

static bool is_known(const nip__budget_question *q)
{
    return q->judgement->verdict != NIP__SLA_UNDETERMINED && (q->budget->none || q->budget->remaining.whole > 0);
}

static nip__budget_answer of_budget(const nip__budget_question *q, const nip__budget_policy *policy)
{
    if (q->judgement->verdict == NIP__SLA_BREACHED)
        return (nip__budget_answer){NIP__BUDGET_STOP, "breached", NULL};
    if (!is_known(q))
        return (nip__budget_answer){policy->undetermined, "undetermined", q->judgement->reason};
    if (q->budget->none)
        return (nip__budget_answer){NIP__BUDGET_GO, "no_budget", NULL};
    if (is_down_to(q->budget->remaining, policy->stop_percent))
        return (nip__budget_answer){NIP__BUDGET_STOP, "budget_spent", NULL};
    if (is_down_to(q->budget->remaining, policy->warn_percent))
        return (nip__budget_answer){NIP__BUDGET_WARN, "budget_low", NULL};
    return (nip__budget_answer){NIP__BUDGET_GO, "budget_left", NULL};
}

static bool is_named(const char *text)
{
    return text != NULL && *text != '\0';
}

nip__budget_answer nip__sla_budget_gate(const nip__budget_question *q, const nip__budget_policy *policy)
{
    if (!q->starts)
        return (nip__budget_answer){NIP__BUDGET_GO, "no_start", NULL};
    nip__budget_answer answer = of_budget(q, policy);
    if (answer.decision == NIP__BUDGET_STOP && is_named(q->who) && is_named(q->why))
        return (nip__budget_answer){NIP__BUDGET_GO, "overridden", answer.reason};
    return answer;
}
