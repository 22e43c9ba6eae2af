/* Gates: steps at which a run waits for people or for a time window. What people answered is a fold of the run's journal. */
#ifndef NIP__GATE_H
#define NIP__GATE_H

#include "nipops/gate.h"
#include "plan/run.h"

#define NIP__GATE_ANSWERED "gate.answered" /* kind of the record that an answer is */

typedef enum nip__gate_kind { NIP__GATE_NONE, NIP__GATE_APPROVAL, NIP__GATE_WINDOW } nip__gate_kind;

typedef struct nip__gate {
    nip__gate_kind kind;
    const char *step;       /* its id; borrowed from the plan */
    const nip__value *args; /* of its action */
} nip__gate;

/* How an approval stands. */
typedef struct nip__approval {
    const nip__value *approved;  /* list: the first approval of each person */
    const nip__value *rejection; /* the first one; NULL: none */
    int64_t missing;             /* approvals, 0 or more */
} nip__approval;

/* The gate that the run waits at; its arguments are read into `arena`. */
int nip__gate_find(const nip_run *run, nip__arena *arena, nip__gate *gate, nip_error **err);

/* Answers to a step's question since the step was begun, oldest first: a list of {decision, who, why, at, sequence}. */
int nip__gate_answers(nip_store *store, const char *subject, const char *run, const char *step, nip__arena *arena,
                      const nip__value **answers, nip_error **err);

/* Only what people of the role answered counts, and one approval a person. */
nip__approval nip__approval_judge(nip__arena *arena, const nip__value *args, const nip__value *answers);
/* The first override by somebody who may; NULL: none. */
const nip__value *nip__override_find(const nip__value *args, const nip__value *answers);

/* Whom the gate asks: the members of its role; NULL: nobody. *role gets the role's name. */
const nip__value *nip__gate_members(nip__gate_kind kind, const nip__value *args, const char **role);
bool nip__list_has(const nip__value *list, const char *text);

#endif
