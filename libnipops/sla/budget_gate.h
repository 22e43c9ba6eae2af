/* May a change begin, with what is left of an error budget? Only beginnings are ever stopped: a way back mends, and what has begun is not left half done. */
#ifndef NIP__BUDGET_GATE_H
#define NIP__BUDGET_GATE_H

#include "sla/judge.h"

/* Of several objectives the highest counts. */
typedef enum nip__budget_decision { NIP__BUDGET_GO, NIP__BUDGET_WARN, NIP__BUDGET_STOP } nip__budget_decision;

typedef struct nip__budget_policy {
    int warn_percent, stop_percent;     /* of the budget: at so much left, or less */
    nip__budget_decision undetermined;  /* where nobody knows how things stand */
} nip__budget_policy;

/* Warns at a quarter, stops once all of it is spent, and only warns where nobody knows: missing data are no reason to hold a change up. */
extern const nip__budget_policy nip__budget_policy_default;

typedef struct nip__budget_question {
    const nip__sla_judgement *judgement;
    const nip__sla_budget *budget;
    bool starts;               /* a change that has not begun; else a way back, or a step of what has begun */
    const char *who, *why;     /* of an override; without both there is none */
} nip__budget_question;

typedef struct nip__budget_answer {
    nip__budget_decision decision;
    /* "budget_left", "budget_low", "budget_spent", "breached" (it cannot be met any more), "no_budget" (a target of 100 %, and nothing was bad), "undetermined",
     * "no_start", "overridden". Static. */
    const char *reason;
    const char *detail; /* of "undetermined": why (nip__sla_judgement); of "overridden": what would have stopped it. Static; NULL: nothing */
} nip__budget_answer;

nip__budget_answer nip__sla_budget_gate(const nip__budget_question *question, const nip__budget_policy *policy);
/* "go", "warn", "stop". Static. */
const char *nip__budget_decision_name(nip__budget_decision decision);

#endif
