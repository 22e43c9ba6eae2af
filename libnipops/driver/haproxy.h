/* HAProxy through its runtime socket: roles router and metrics. The state read from the socket, and the pure parts
 * that judge it: parsing (haproxy_stat.c), the order of writes (haproxy_writes.c), results
 * (haproxy_result.c). What waits is haproxy_socket.c, haproxy_route.c and haproxy.c. */
#ifndef NIP__HAPROXY_H
#define NIP__HAPROXY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/arena.h"
#include "doc/value.h"
#include "driver/driver.h"
#include "driver/traffic.h"

extern const nip__driver_kind nip__driver_haproxy; /* haproxy.c */

enum {
    NIP__HAPROXY_REPLY_MAX = 8 * 1024 * 1024,
    NIP__HAPROXY_LINE_MAX = 8 * 1024, /* commands sent on one connection; HAProxy's buffer is 16 KiB */
};

typedef struct nip__haproxy_counters {
    int64_t replies;     /* req_tot */
    int64_t replies_5xx; /* hrsp_5xx */
    int64_t connections; /* econ */
    int64_t responses;   /* eresp */
} nip__haproxy_counters;

/* One server of the backend. It takes new requests when it is neither in maint nor in drain and its weight is above
 * 0. */
typedef struct nip__haproxy_slot {
    const char *name;
    char endpoint[NIP__ENDPOINT_MAX]; /* "": it has no address */
    int weight;
    bool maint, drain;
    bool down;         /* HAProxy's own check says so; never in maint */
    int64_t sessions;  /* under way and queued for it */
    bool has_counters; /* false: the backend is not in HTTP mode */
    nip__haproxy_counters counters;
} nip__haproxy_slot;

typedef struct nip__haproxy_state {
    nip__haproxy_slot *slots;
    size_t count;
    const char *algorithm; /* "roundrobin"; "" when the socket's level hides it */
    const char *mode;      /* "http" */
    const char *refusal;   /* what HAProxy answered to a write it refused; NULL: nothing */
} nip__haproxy_state;

/* ---- haproxy_stat.c ---- */

/* The commands whose replies nip__haproxy_read_state reads, "show servers state app;show stat app 6 -1". NULL: no
 * memory. */
const char *nip__haproxy_read_command(nip__arena *arena, const char *backend);
/* Reads the replies to any number of writes followed by the read command. Servers whose name does not begin with
 * `prefix` (may be NULL) are left out. Everything is copied into `arena`. */
bool nip__haproxy_read_state(nip__arena *arena, const char *text, size_t length, const char *backend,
                             const char *prefix, nip__haproxy_state *state, nip__trouble *trouble);
/* A name that can be sent in a command: HAProxy's own alphabet. */
bool nip__haproxy_name(const char *name);

/* Weight that counts for new requests. */
int nip__haproxy_effective(const nip__haproxy_slot *slot);
int64_t nip__haproxy_total(const nip__haproxy_state *state);
nip__haproxy_slot *nip__haproxy_find(const nip__haproxy_state *state,
                                     const char *endpoint); /* one in use before one in maint */
/* Another slot has the same address, or it has none: no instance was ever put there. */
bool nip__haproxy_blank(const nip__haproxy_state *state, const nip__haproxy_slot *slot);
/* May take another address: out of service, drained to the end, or never used; without sessions in any case. */
bool nip__haproxy_free(const nip__haproxy_state *state, const nip__haproxy_slot *slot);
/* Nothing of what was set at run time is there: every slot is blank, or a single slot is in maint. */
#define NIP__HAPROXY_FORGOT "HAProxy was restarted or reloaded and forgot what was set at run time"
bool nip__haproxy_wiped(const nip__haproxy_state *state);

/* ---- haproxy_writes.c ---- */

typedef enum nip__haproxy_change {
    NIP__HAPROXY_ADDRESS,
    NIP__HAPROXY_WEIGHT,
    NIP__HAPROXY_READY,
    NIP__HAPROXY_DRAIN,
    NIP__HAPROXY_MAINT,
} nip__haproxy_change;

/* Writes are done in this order, and each phase is read back before the next begins. */
typedef enum nip__haproxy_phase {
    NIP__HAPROXY_PREPARE, /* new addresses, weight 0, ready: nothing changes for requests */
    NIP__HAPROXY_SHRINK,  /* the canary's share can only fall */
    NIP__HAPROXY_GROW,    /* and then only rise, up to what is wanted */
    NIP__HAPROXY_PHASES,
} nip__haproxy_phase;

typedef struct nip__haproxy_write {
    nip__haproxy_phase phase;
    size_t slot;
    nip__haproxy_change change;
    int weight;
    const char *endpoint;
} nip__haproxy_write;

typedef struct nip__haproxy_writes {
    nip__haproxy_write *list;
    size_t count, capacity;
} nip__haproxy_writes;

/* The writes that bring `state` to `wanted`. `before` (may be NULL) tells which of the endpoints that leave were the
 * canary's. */
bool nip__haproxy_plan(nip__arena *arena, const nip__haproxy_state *state, const nip__wanted *wanted,
                       const nip__wanted *before, nip__haproxy_writes *writes, nip__trouble *trouble);
/* What a write makes of the state it is given; for expectations, and for proving the order. */
void nip__haproxy_apply(nip__haproxy_state *state, const nip__haproxy_write *write);
nip__haproxy_state nip__haproxy_copy(nip__arena *arena,
                                     const nip__haproxy_state *state); /* slots are NULL when memory is out */
/* Does `slot` stand as `expected`? */
bool nip__haproxy_same(const nip__haproxy_slot *slot, const nip__haproxy_slot *expected);
/* Does `slot` stand as wanted for its endpoint? NULL: it is to be out of service. */
bool nip__haproxy_stands(const nip__haproxy_slot *slot, const nip__want *want);

/* ---- haproxy_result.c: results of the verbs ---- */

/* "in_force", "not_yet" or "foreign"; *message tells what was found. `before` may be NULL. */
const char *nip__haproxy_settle(const nip__haproxy_state *state, const nip__wanted *wanted, const nip__wanted *before,
                                nip__trouble *trouble);
nip__value *nip__haproxy_route_result(nip__arena *arena, const nip__haproxy_state *state, const nip__wanted *wanted);
nip__value *nip__haproxy_sessions_result(nip__arena *arena, const nip__haproxy_state *state, const nip__value *args);
nip__value *nip__haproxy_measure_result(nip__arena *arena, const nip__haproxy_state *state, const nip__value *args);
void nip__haproxy_describe(nip__arena *arena, const nip__haproxy_state *state,
                           nip__value *result); /* router/observe's slots and endpoints */

/* ---- haproxy_config.c ---- */

/* Warnings about what the runtime socket cannot tell, from the configuration file's text: connections are to be
 * retried at another server (option redispatch) and a reload is to keep what was set at run time
 * (server-state-file). */
void nip__haproxy_config_warnings(nip__arena *arena, const char *text, const char *backend, nip__value *warnings);

#endif
