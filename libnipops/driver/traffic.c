/* The arguments of router/route: hostile until they are read here. */
#include <arpa/inet.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "base/print.h"
#include "base/text.h"
#include "driver/traffic.h"

bool nip__refuse(nip__trouble *trouble, const char *reason, bool retryable, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    nip__vprint(trouble->message, sizeof trouble->message, format, arguments);
    va_end(arguments);
    trouble->reason = reason;
    trouble->retryable = retryable;
    return false;
}

/* ---- endpoints ---- */

bool nip__endpoint_write(const char *host, int64_t port, char out[NIP__ENDPOINT_MAX])
{
    unsigned char address[sizeof(struct in6_addr)];
    char spelled[INET6_ADDRSTRLEN];
    int family = strchr(host, ':') != NULL ? AF_INET6 : AF_INET;
    if (port < 1 || port > 65535 || inet_pton(family, host, address) != 1 ||
        inet_ntop(family, address, spelled, sizeof spelled) == NULL)
        return false;
    snprintf(out, NIP__ENDPOINT_MAX, family == AF_INET6 ? "[%s]:%d" : "%s:%d", spelled, (int)port);
    return true;
}

bool nip__endpoint_read(const char *text, char out[NIP__ENDPOINT_MAX])
{
    char host[INET6_ADDRSTRLEN + 2];
    const char *colon = text == NULL ? NULL : strrchr(text, ':');
    int64_t port;
    if (colon == NULL || colon[1] < '0' || colon[1] > '9' || !nip__text_int(colon + 1, &port))
        return false;
    size_t length = (size_t)(colon - text);
    bool bracketed = text[0] == '[' && length > 2 && text[length - 1] == ']';
    if (bracketed) {
        text++;
        length -= 2;
    }
    if (length == 0 || length >= sizeof host || bracketed != (memchr(text, ':', length) != NULL))
        return false;
    memcpy(host, text, length);
    host[length] = '\0';
    return nip__endpoint_write(host, port, out);
}

/* ---- the arguments of router/route ---- */

static bool add_want(nip__wanted *wanted, const nip__value *endpoint, int group, size_t capacity, nip__trouble *trouble)
{
    const char *given = nip__is(endpoint, NIP__STRING) ? endpoint->as.string.text : NULL;
    nip__want want = {.given = given, .group = group};
    if (given == NULL || !nip__endpoint_read(given, want.endpoint))
        return nip__refuse(trouble, "bad_arguments", false,
                           "endpoint %.80s is not an IP address and a port, like 127.0.0.1:9100",
                           given == NULL ? "(not a text)" : given);
    const nip__want *other = nip__wanted_find(wanted, want.endpoint);
    if (other != NULL && (group >= 0 || other->group < 0))
        return nip__refuse(trouble, "bad_arguments", false, "endpoint %s is named twice", want.endpoint);
    if (other != NULL || wanted->count == capacity)
        return true; /* it serves: what it is in `drain` for no longer counts */
    wanted->wants[wanted->count++] = want;
    return true;
}

static bool add_group(nip__wanted *wanted, const nip__value *given, const char *canary, size_t capacity,
                      nip__trouble *trouble)
{
    const nip__value *endpoints = nip__get(given, "endpoints");
    double share = nip__get_number(given, "share", NAN);
    if (wanted->group_count == NIP__GROUPS_MAX)
        return nip__refuse(trouble, "bad_arguments", false, "more than %d groups", NIP__GROUPS_MAX);
    if (!(share >= 0 && share <= 100))
        return nip__refuse(trouble, "bad_arguments", false, "the share of group %.60s is not a number from 0 to 100",
                           given->key);
    if (share > 0 && nip__count(endpoints) == 0)
        return nip__refuse(trouble, "bad_arguments", false,
                           "group %.60s is to get %g %% of the traffic but has no endpoint", given->key, share);
    int index = (int)wanted->group_count++;
    wanted->groups[index] = (nip__want_group){.name = given->key,
                                              .share = share,
                                              .servers = nip__count(endpoints),
                                              .canary = nip__text_equal(given->key, canary)};
    for (NIP__EACH(endpoint, endpoints))
        if (!add_want(wanted, endpoint, index, capacity, trouble))
            return false;
    return true;
}

static void weigh(nip__wanted *wanted)
{
    nip__weight_part parts[NIP__GROUPS_MAX];
    for (size_t i = 0; i < wanted->group_count; i++)
        parts[i] = (nip__weight_part){.share = wanted->groups[i].share, .servers = wanted->groups[i].servers};
    wanted->resolution = nip__weigh(parts, wanted->group_count);
    for (size_t i = 0; i < wanted->count; i++)
        if (wanted->wants[i].group >= 0)
            wanted->wants[i].weight = parts[wanted->wants[i].group].weight;
}

bool nip__wanted_read(nip__arena *arena, const nip__value *args, const char *canary, nip__wanted *wanted,
                      nip__trouble *trouble)
{
    const nip__value *groups = nip__get(args, "groups"), *drain = nip__get(args, "drain");
    size_t capacity = nip__count(drain);
    if (!nip__is(groups, NIP__MAP))
        return nip__refuse(trouble, "bad_arguments", false,
                           "router/route needs `groups`, a map from version to share and endpoints");
    for (NIP__EACH(group, groups))
        capacity += nip__count(nip__get(group, "endpoints"));
    if (capacity > NIP__ROUTED_MAX)
        return nip__refuse(trouble, "bad_arguments", false, "more than %d endpoints", NIP__ROUTED_MAX);
    memset(wanted, 0, sizeof *wanted);
    wanted->wants = nip__arena_alloc(arena, (capacity + 1) * sizeof *wanted->wants);
    if (wanted->wants == NULL)
        return nip__refuse(trouble, "no_memory", true, "out of memory");
    for (NIP__EACH(group, groups))
        if (!add_group(wanted, group, canary, capacity, trouble))
            return false;
    for (NIP__EACH(endpoint, drain))
        if (!add_want(wanted, endpoint, -1, capacity, trouble))
            return false;
    weigh(wanted);
    return true;
}

const nip__want *nip__wanted_find(const nip__wanted *wanted, const char *endpoint)
{
    for (size_t i = 0; wanted != NULL && i < wanted->count; i++)
        if (strcmp(wanted->wants[i].endpoint, endpoint) == 0)
            return &wanted->wants[i];
    return NULL;
}
