/* A driver's inside, and what built-in drivers need beyond the public vtable. */
#ifndef NIP__DRIVER_H
#define NIP__DRIVER_H

#include "nipops/driver.h"
#include "nipops/store.h"
#include "doc/value.h"
#include "doc/schema.h"

struct nip__loop;
struct nip__carrier;

/* What an operation lends a built-in driver that waits while it is used. Set before the first start, cleared (NULL) at the end. */
typedef struct nip__driver_services {
    void (*attach)(void *self, struct nip__loop *loop); /* the loop to wait on; NULL for one that never waits */
    void (*lend)(void *self, nip_store *store);         /* where the run's journal is; NULL when there is no run. May be NULL */
} nip__driver_services;

struct nip_driver {
    nip_driver_vtable vtable;
    void *self;
    int holds;
    const nip__driver_services *services; /* NULL for a host's driver */
    const char *kind;                     /* "haproxy"; "host" for a host's driver */
    const struct nip__carrier *user;      /* of the operation whose loop it has; NULL: none */
};

/* A built-in kind. `open` gets normalized settings (schema applied) and makes `self`. */
typedef struct nip__driver_kind {
    const char *name;
    const nip__field *fields; /* schema of its settings, `driver` key included */
    const nip_driver_vtable *vtable;
    const nip__driver_services *services; /* may be NULL */
    int (*open)(nip_ctx *ctx, const nip__value *settings, void **self, nip_error **err);
    const char *const *capabilities; /* "metrics.quantiles", ... what documents may ask of it; ends with NULL; may be NULL */
} nip__driver_kind;

const nip__driver_kind *nip__driver_kind_find(const char *name); /* driver/kinds.c; NULL: none */
const char *const *nip__driver_kind_names(void);
nip_driver *nip__drivers_find(const nip_drivers *drivers, const char *role); /* NULL: not bound; borrowed */
nip_driver *nip__driver_hold(nip_driver *driver);
/* One more holder, an operation: until it has unused the set, bindings stay as they are. */
nip_drivers *nip__drivers_use(nip_drivers *drivers);
void nip__drivers_unuse(nip_drivers *drivers);
/* Binds a role that nobody serves yet, for the one operation that uses the set. NIP_E_BUSY while others use it, too. */
int nip__drivers_add(nip_drivers *drivers, const char *role, nip_driver *driver, nip_error **err);

nip_drivers *nip__drivers_hold(nip_drivers *drivers); /* nip_drivers_free gives it up */
/* Another set with the same bindings. */
int nip__drivers_copy(const nip_drivers *drivers, nip_drivers **copy, nip_error **err);

/* Calls `each` for every distinct bound driver. */
void nip__drivers_each(const nip_drivers *drivers, void (*each)(void *data, nip_driver *driver), void *data);

/* ---- helpers for drivers that keep actions under way ---- */

/* Completes with outcome "done" and a result that is a tree (may be NULL: {}). Never fails: when memory is out the action fails instead. */
void nip__action_done(nip_action *action, const nip__value *result);
/* Completes with outcome "failed". `reason` is one of the words of docs/formats.md. */
void nip__action_failed(nip_action *action, const char *reason, int retryable, const nip__value *result, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
/* Completes a settling action: "in_force", "not_yet" or "foreign". */
void nip__action_settled(nip_action *action, const char *outcome, const nip__value *result, const char *message);
/* Arguments as a tree; borrowed until the action is completed. Never NULL (an empty map). */
const nip__value *nip__action_args_value(const nip_action *action);
const nip__value *nip__action_before_value(const nip_action *action); /* NULL: none */

#endif
