/**
 * nipops/driver.h: how actions reach the world.
 *
 * A driver carries out actions on one outside system and can observe it. A plan names roles ("target", "router", "metrics",
 * "check", ...); before a run, each role is bound to a driver. docs/formats.md holds the table of roles, verbs, arguments and
 * results. A host may supply its own driver: a vtable of a few functions (examples/own-driver.c).
 *
 * Rules for drivers: start an action and return; never wait for a peer, a child or a lock; never retry (the machine does);
 * complete every action exactly once; whatever an outside system answers is hostile until checked.
 */
#ifndef NIPOPS_DRIVER_H
#define NIPOPS_DRIVER_H

#include "base.h"
#include "ctx.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct nip_action nip_action;
typedef struct nip_driver nip_driver;
typedef struct nip_drivers nip_drivers;

/** How a verb behaves when it is unknown whether it took effect. */
enum {
    NIP_VERB_READ = 0,        /* changes nothing; may be repeated freely */
    NIP_VERB_DECLARATIVE = 1, /* states a wanted end; may be repeated; the driver can tell whether it is in force */
    NIP_VERB_ONCE = 2,        /* each execution counts; in doubt a person decides */
};

/**
 * A host's driver. `size` is sizeof(nip_driver_vtable); fields are only ever appended.
 *
 * verb_class  class of `verb` (NIP_VERB_*), or NIP_E_UNSUPPORTED
 * start       begins `action`; completes it now or later with nip_action_complete. A failure returned here fails the action
 * cancel      the result is no longer wanted; `action` must not be touched afterwards. May be NULL when start always completes
 * fd          a descriptor to poll for reading, or -1; `dispatch` is called when it is readable. May be NULL. A virtual clock
 *             stands still while an action is out of a driver that has one and whose `wake` names no instant
 * wake        instant (of the clock of the run) at which `dispatch` wants to be called, NIP_TIME_MAX: never. May be NULL
 * dispatch    does what is due without waiting; may complete actions. A failure ends the operation: a run is left, resumable. May be NULL
 *             when fd and wake are
 * destroy     called once with `self`. May be NULL
 *
 * All are called on the thread that drives the operation.
 */
typedef struct nip_driver_vtable {
    uint32_t size;
    int (*verb_class)(void *self, const char *verb);
    int (*start)(void *self, nip_action *action, nip_time now, nip_error **err);
    void (*cancel)(void *self, nip_action *action);
    int (*fd)(void *self);
    nip_time (*wake)(void *self);
    int (*dispatch)(void *self, nip_time now, nip_error **err);
    void (*destroy)(void *self);
} nip_driver_vtable;

/** Wraps a host's driver; the vtable is copied, `self` is destroyed with it (also when this call fails). Owned. */
NIP_API int nip_driver_new(const nip_driver_vtable *vtable, void *self, nip_driver **driver, nip_error **err);
/**
 * Opens a built-in driver.
 *
 * @param kind    "local", "command", "haproxy", "nginx", "prometheus", "check", "person", "clock", "notify", "train", "sim"
 * @param config  its settings as JSON, what a document says under target:, router:, metrics:; NULL: defaults
 * @return 0, NIP_E_NOTFOUND (no such driver), NIP_E_DOCUMENT (settings are wrong)
 */
NIP_API int nip_driver_open(nip_ctx *ctx, const char *kind, const char *config, nip_driver **driver, nip_error **err);
/** Gives up the caller's hold; a nip_drivers it was bound to keeps it alive. NULL is fine. */
NIP_API void nip_driver_free(nip_driver *driver);

/** An empty set of bindings. Owned: nip_drivers_free. */
NIP_API int nip_drivers_new(nip_drivers **drivers, nip_error **err);
/** Binds `role` to `driver`, replacing an earlier binding; the driver is kept alive. NIP_E_BUSY while an operation uses the set. */
NIP_API int nip_drivers_bind(nip_drivers *drivers, const char *role, nip_driver *driver, nip_error **err);
/**
 * Opens and binds what the "drivers" part of a plan, release record or rollout document names, except for roles that are bound already.
 *
 * @param json  {"target":{"driver":"local",...},"router":{"driver":"haproxy",...},...}
 */
NIP_API int nip_drivers_open(nip_drivers *drivers, nip_ctx *ctx, const char *json, nip_error **err);
NIP_API void nip_drivers_free(nip_drivers *drivers);

/* ---- actions: what a driver, or a host that drives a run itself, is given. Borrowed until completed or cancelled. ---- */

/** Unique in its journal, "shop-1.12". It stays the same when the action is handed out again after a crash. */
NIP_API const char *nip_action_id(const nip_action *action);
/** The run it belongs to, "shop-1". */
NIP_API const char *nip_action_run(const nip_action *action);
/** The subject of the run, "shop". */
NIP_API const char *nip_action_subject(const nip_action *action);
NIP_API const char *nip_action_role(const nip_action *action);
NIP_API const char *nip_action_verb(const nip_action *action);
/** Arguments as JSON, all references filled in. */
NIP_API const char *nip_action_args(const nip_action *action);
/** State that the plan expects before a declarative action, as JSON, or NULL. */
NIP_API const char *nip_action_before(const nip_action *action);
/** 1: do nothing, only tell whether the action took effect: outcome "in_force", "not_yet" or "foreign". */
NIP_API int nip_action_settles(const nip_action *action);
/** 1: intended by an earlier process that died or was stopped; the action may have taken effect in part. */
NIP_API int nip_action_repeated(const nip_action *action);
/** Instant after which nobody waits for the answer. */
NIP_API nip_time nip_action_deadline(const nip_action *action);

/**
 * Posts the outcome. Call once an action; the action is gone afterwards. Only for actions that an operation handed to a driver.
 *
 * @param outcome  {"outcome":"done","result":{...}} or
 *                 {"outcome":"failed","reason":"port_taken","message":"...","retryable":true,"result":{...}} or, when settling,
 *                 {"outcome":"in_force"|"not_yet"|"foreign","result":{...},"message":"..."}; copied
 */
NIP_API int nip_action_complete(nip_action *action, const char *outcome, nip_error **err);

#ifdef __cplusplus
}
#endif

#endif
