/* What routers share: endpoints, the arguments of router/route, and weights from shares. Pure. */
#ifndef NIP__TRAFFIC_H
#define NIP__TRAFFIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/arena.h"
#include "doc/value.h"

enum {
    NIP__ENDPOINT_MAX = 64, /* "[" IPv6 "]:" port and a NUL fit */
    NIP__WEIGHT_MAX = 256,  /* HAProxy's own limit; finer than anybody's traffic */
    NIP__GROUPS_MAX = 64,
    NIP__ROUTED_MAX = 4096, /* endpoints of one route */
};

/* Why something did not work: one of the reasons of docs/formats.md (NULL: it worked) and a line for people. */
typedef struct nip__trouble {
    const char *reason;
    bool retryable;
    char message[400];
} nip__trouble;

/* Fills it in; returns false, so that `return nip__refuse(...)` reads well. */
bool nip__refuse(nip__trouble *trouble, const char *reason, bool retryable, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* ---- traffic.c ---- */

/* "127.0.0.1:9100" or "[::1]:9100" in its one spelling. False: not an address and port. */
bool nip__endpoint_read(const char *text, char out[NIP__ENDPOINT_MAX]);
/* The same from an address and a port. */
bool nip__endpoint_write(const char *host, int64_t port, char out[NIP__ENDPOINT_MAX]);

/* What an endpoint is to be. */
typedef struct nip__want {
    char endpoint[NIP__ENDPOINT_MAX];
    const char *given; /* as the action spells it */
    int group;         /* index into `groups`; -1: drain */
    int weight;
} nip__want;

typedef struct nip__want_group {
    const char *name;
    double share;
    size_t servers;
    bool canary;
} nip__want_group;

/* router/route's arguments, checked. */
typedef struct nip__wanted {
    nip__want_group groups[NIP__GROUPS_MAX];
    size_t group_count;
    nip__want *wants;
    size_t count;
    double resolution;
} nip__wanted;

/* `canary`: the group whose share is watched; NULL: none. */
bool nip__wanted_read(nip__arena *arena, const nip__value *args, const char *canary, nip__wanted *wanted,
                      nip__trouble *trouble);
const nip__want *nip__wanted_find(const nip__wanted *wanted, const char *endpoint);

/* ---- weights.c ---- */

typedef struct nip__weight_part {
    double share; /* in any unit; only the proportions count */
    size_t servers;
    int weight; /* out: of each of its servers */
} nip__weight_part;

/* Weights whose shares are nearest to the wanted ones. A part with share > 0 and servers gets at least 1, one without
 * share 0. Returns the largest difference between a share that results and the wanted one, in percent. */
double nip__weigh(nip__weight_part *parts, size_t count);

#endif
