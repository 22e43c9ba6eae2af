/* An action under way at HAProxy: a row of exchanges on its socket. */
#ifndef NIP__HAPROXY_WORK_H
#define NIP__HAPROXY_WORK_H

#include "driver/driver.h"
#include "driver/haproxy_socket.h"

typedef struct nip__haproxy_work nip__haproxy_work;

typedef struct nip__haproxy_driver {
    nip_ctx *ctx;
    nip__loop *loop;
    nip__arena *arena; /* of the settings */
    const char *socket, *backend, *prefix, *config;
    nip_duration timeout;
    nip__haproxy_work *works;
} nip__haproxy_driver;

/* What is done with a reply: goes on with another exchange, or completes the action, after which the work is gone. */
typedef void nip__haproxy_step(nip__haproxy_work *work, const char *text, size_t length);

struct nip__haproxy_work {
    nip__haproxy_driver *driver;
    nip_action *action;
    nip__haproxy_work *previous, *next;
    nip__arena *arena;
    nip__haproxy_exchange *exchange;
    nip__haproxy_step *step;
    nip__haproxy_step
        *unanswered; /* instead of failing the action when there is no reply; NULL: fail. `trouble` says why */
    nip__trouble trouble;
    nip__haproxy_state state;
    /* router/route */
    nip__wanted wanted, before;
    bool has_before;
    nip__haproxy_writes writes;
    size_t written, batch_end;
    nip__haproxy_state expected;
};

/* Sends commands; `step` gets the reply. Completes the action when that cannot even be begun. */
void nip__haproxy_ask(nip__haproxy_work *work, const char *commands, nip__haproxy_step *step);
/* Reads a reply into work->state; false: the action was completed as failed. */
bool nip__haproxy_take(nip__haproxy_work *work, const char *text, size_t length);
/* Ends: the action is completed and the work is gone. */
void nip__haproxy_done(nip__haproxy_work *work, const nip__value *result);
void nip__haproxy_fail(nip__haproxy_work *work, const nip__trouble *trouble, const nip__value *result);
void nip__haproxy_settled(nip__haproxy_work *work, const char *outcome, nip__value *result,
                          const nip__trouble *trouble);

void nip__haproxy_route(nip__haproxy_work *work); /* haproxy_route.c */

#endif
