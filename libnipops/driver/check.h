/* The check driver's inside: check.c (the driver), check_probe.c (what asks somebody), check_local.c (what looks at
 * this machine), recording.c and replay.c (recorded requests), dependencies.c (what the app needs from elsewhere). */
#ifndef NIP__CHECK_H
#define NIP__CHECK_H

#include "driver/driver.h"
#include "health/window.h"
#include "op/loop.h"

typedef struct nip__check_job nip__check_job;
typedef struct nip__replay nip__replay;
typedef struct nip__inquiries nip__inquiries;

typedef struct nip__checker {
    nip_ctx *ctx;
    nip__loop *loop;       /* NULL: no operation drives us */
    int64_t in_flight;     /* setting; 0: none */
    char *folder;          /* of commands; NULL: the host's */
    int64_t running;       /* probes of all jobs */
    nip__window window;    /* of probes; found anew whenever nothing runs */
    nip__timer wider;      /* when the window may grow */
    uint64_t dispatched;   /* by the loop, when it was last looked at */
    nip__check_job *jobs;  /* oldest first */
    nip__replay *replays;
    nip__inquiries *inquiries;
    nip__timer again;      /* when this side was out of descriptors */
} nip__checker;

/* Normalized arguments in `arena`; on success the job owns the arena. `verb` is "http", "tcp", "command" or
 * "reachable". */
int nip__check_begin(nip__checker *checker, nip_action *action, const char *verb, const nip__value *args,
                     nip__arena *arena, nip_error **err);
void nip__check_cancel(nip__checker *checker, const nip_action *action); /* NULL: all of them */

/* Sends recorded requests to two versions and compares what comes back; the same rules. */
int nip__replay_begin(nip__checker *checker, nip_action *action, const nip__value *args, nip__arena *arena, nip_error **err);
void nip__replay_cancel(nip__checker *checker, const nip_action *action); /* NULL: all of them */

/* Asks each dependency whether the app can use it; the same rules. */
int nip__dependencies_begin(nip__checker *checker, nip_action *action, const nip__value *args, nip__arena *arena, nip_error **err);
void nip__dependencies_cancel(nip__checker *checker, const nip_action *action); /* NULL: all of them */

/* These complete the action at once. */
void nip__check_requests(nip_action *action, const nip__value *args, nip__arena *arena);
void nip__check_settings(nip_action *action, const nip__value *args, nip__arena *arena);
void nip__check_resources(nip_action *action, const nip__value *args, nip__arena *arena);

#endif
