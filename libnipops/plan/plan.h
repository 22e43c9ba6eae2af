/* A plan's inside: read once, checked, immutable, shared by its holders. */
#ifndef NIP__PLAN_H
#define NIP__PLAN_H

#include <stdatomic.h>
#include <stdbool.h>
#include "nipops/driver.h"
#include "nipops/plan.h"
#include "base/error.h"
#include "doc/value.h"
#include "plan/predicate.h"

enum { NIP__FORWARD = 0, NIP__BACK = 1 };

typedef enum nip__on_failure { NIP__GO_BACK, NIP__STOP, NIP__PAUSE, NIP__CONTINUE } nip__on_failure;

/* An action as a plan writes it: references not filled in yet. */
typedef struct nip__call {
    const char *role, *verb;
    int verb_class; /* NIP_VERB_* */
    const nip__value *args, *before;
} nip__call;

typedef struct nip__calls {
    nip__call *list;
    size_t count;
} nip__calls;

/* `require` or `until`. */
typedef struct nip__condition {
    bool present;
    nip__calls observe;
    nip__predicates that, fails;
    nip_duration interval;
    int64_t successes;
} nip__condition;

typedef struct nip__step {
    const char *id, *title;
    int list;       /* NIP__FORWARD or NIP__BACK */
    size_t index;   /* in its list */
    nip__calls actions;
    nip__condition require, until;
    nip_duration wait;   /* 0: none */
    const char *approve; /* NULL: none */
    nip_duration deadline;
    int64_t retry_attempts;
    nip_duration retry_base, retry_max;
    nip__on_failure on_failure;
    int64_t entry; /* of `back`, once this step has begun; -1: nothing to take back. Inherited from earlier steps */
    bool fresh_window;
} nip__step;

typedef struct nip__guard {
    const char *id, *title, *version;
    nip__call action;
    size_t from, to; /* indices of forward steps */
    nip_duration interval, timeout, settle, max_hold;
    const nip__value *limits;
    int64_t min_samples;
    double alpha;
    int64_t failure_limit, consecutive_failure_limit;
    enum { NIP__ND_HOLD, NIP__ND_FAIL, NIP__ND_PASS } on_no_data;
} nip__guard;

typedef struct nip__steps {
    nip__step *list;
    size_t count;
} nip__steps;

struct nip_plan {
    atomic_int holds;
    nip__arena *arena;
    const nip__value *root; /* as it was read: what nip_plan_to_json gives */
    const char *subject, *title;
    uint64_t seed;
    char *drivers; /* JSON text */
    nip__steps steps[2];
    nip__guard *guards;
    size_t guard_count;
    const nip__step **by_id; /* sorted */
    size_t step_count;
    const nip__value *release, *release_back, *release_stopped; /* templates; NULL: none */
};

/* Takes the arena over on success; `root` lives in it and stays as it is. `name` is the file in messages; NULL: none. */
int nip__plan_from_value(nip__arena *arena, nip__value *root, const char *name, nip_plan **plan, nip_error **err);
/* The parts of it: fills the plan from a value; checks what a schema cannot say. */
int nip__plan_read(nip_plan *plan, const nip__value *root, const char *name, nip_error **err);
void nip__plan_check(const nip_plan *plan, const char *name, nip__problems *problems);

const nip__step *nip__plan_find(const nip_plan *plan, const char *id); /* NULL: none */
nip_plan *nip__plan_hold(const nip_plan *plan);
/* Class of a verb by the table of docs/formats.md; NIP_VERB_ONCE, the most careful one, when it is not known. */
int nip__verb_class(const char *role, const char *verb);
const char *nip__verb_class_name(int verb_class);

#endif
