/* One exchange with HAProxy's runtime socket: connect, send a line of commands joined by ';', read until HAProxy
 * closes. */
#ifndef NIP__HAPROXY_SOCKET_H
#define NIP__HAPROXY_SOCKET_H

#include "op/loop.h"
#include "driver/haproxy.h"

typedef struct nip__haproxy_exchange nip__haproxy_exchange;

/* `trouble->reason` is NULL when the reply is whole. The text is borrowed until the call returns; the exchange is gone
 * by then. */
typedef void nip__haproxy_answered(void *data, const nip__trouble *trouble, const char *text, size_t length);

/* `done` is called from the loop, never from within this call. `commands` is copied. */
int nip__haproxy_exchange_start(nip__loop *loop, const char *path, const char *commands, nip_duration timeout,
                                nip__haproxy_answered *done, void *data, nip__haproxy_exchange **exchange,
                                nip_error **err);
void nip__haproxy_exchange_stop(nip__haproxy_exchange *exchange); /* `done` is not called; NULL is fine */

#endif
