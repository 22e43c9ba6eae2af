/* An action under way at a built-in driver: its arena, its place among the driver's others, and how it ends. A driver
 * makes it the first member of what it keeps for an action. */
#ifndef NIP__WORK_H
#define NIP__WORK_H

#include <stdbool.h>
#include "base/arena.h"
#include "doc/value.h"
#include "driver/driver.h"
#include "driver/traffic.h"

typedef struct nip__work nip__work;
struct nip__work {
    nip__work **works; /* the driver's */
    nip__work *previous, *next;
    nip_action *action;
    nip__arena *arena;
    void (*stop)(nip__work *work); /* ends what waits; called once, before the work is freed */
};

/* Room of `size` bytes, zeroed, that begins with a nip__work. NULL: no memory. */
void *nip__work_new(size_t size, nip__work **works, nip_action *action, void (*stop)(nip__work *work));
/* These complete the action; the work is gone afterwards. A result that could not be built fails for want of memory. */
void nip__work_done(nip__work *work, const nip__value *result);
void nip__work_fail(nip__work *work, const char *reason, bool retryable, const nip__value *result, const char *format,
                    ...) __attribute__((format(printf, 5, 6)));
void nip__work_refuse(nip__work *work, const nip__trouble *trouble, const nip__value *result);
/* A settling action: "in_force", "not_yet" or "foreign"; the trouble's reason and message are told where there are any. */
void nip__work_settled(nip__work *work, const char *outcome, nip__value *result, const nip__trouble *trouble);
/* The action is not completed. */
void nip__work_drop(nip__work *work);
void nip__work_cancel(nip__work **works, const nip_action *action);
void nip__work_drop_all(nip__work **works);

/* A driver's verbs, ended by one without name. */
typedef struct nip__driver_verb {
    const char *name;
    int verb_class;
    void (*begin)(nip__work *work);
} nip__driver_verb;

const nip__driver_verb *nip__driver_verb_find(const nip__driver_verb *verbs, const char *name); /* NULL: none */

#endif
