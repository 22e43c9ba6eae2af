/* The inside of HTTP, shared by http.c (one transfer), http_profile.c (what is asked) and http_engine.c (all transfers of
 * a loop). */
#ifndef NIP__HTTP_INSIDE_H
#define NIP__HTTP_INSIDE_H

#include <curl/curl.h>
#include "base/arena.h"
#include "op/inside.h"
#include "op/url.h"

enum { NIP__HTTP_IDLE_MAX = 1024, NIP__HTTP_SHARDS_MAX = 32 };

typedef struct nip__http_socket nip__http_socket;
typedef struct nip__http_engine nip__http_engine;

/* One of curl's multi handles. curl walks all connections of a multi handle whenever a transfer ends: several small
 * ones are faster than one that is large. A host's connections are always in the same one. */
typedef struct nip__http_shard {
    nip__http_engine *engine;
    CURLM *multi;    /* NULL: not used yet */
    nip__timer timer;
    nip_time pruned; /* when old names were last dropped, by the system's monotonic clock */
    bool has_names;  /* a host was called by name, not by address */
} nip__http_shard;

struct nip__http_engine {
    nip__loop *loop;
    nip__http_shard shards[NIP__HTTP_SHARDS_MAX];
    size_t shard_count;
    size_t tls_count; /* the first ones, for https too: they keep twice as much */
    long pool;        /* most connections that any other shard keeps */
    nip__http_socket **sockets; /* by descriptor; NULL: never seen */
    size_t socket_slots;
    nip__http *idle[NIP__HTTP_IDLE_MAX]; /* to use again: they keep their handle, its options and its TLS sessions */
    size_t idle_count;
    size_t running;
    nip__http *first;  /* of the transfers that run */
    bool collecting;
    /* curl ran out of memory and has lost track of sockets: what runs fails, and the next start makes a new engine */
    bool broken;
};

/* The loop's engine, made at the first use. */
int nip__http_engine_get(nip__loop *loop, nip__http_engine **engine, nip_error **err);
int nip__http_engine_shard(nip__http_engine *engine, const nip__url *url, nip__http_shard **shard, nip_error **err);
int nip__http_engine_add(nip__http_shard *shard, CURL *easy, nip_error **err);
void nip__http_engine_remove(nip__http_shard *shard, CURL *easy);
/* Lets curl look at all transfers of the shard, whether or not anything has happened. */
void nip__http_engine_kick(nip__http_shard *shard);
/* CURLOPT_DNS_CACHE_TIMEOUT of the shard's next transfer. */
long nip__http_engine_names_kept(nip__http_shard *shard, const nip__url *url);
/* For CURLOPT_OPENSOCKETFUNCTION and CURLOPT_CLOSESOCKETFUNCTION. */
curl_socket_t nip__http_open_socket(nip__http_shard *shard, struct curl_sockaddr *address);
int nip__http_close_socket(void *engine, curl_socket_t fd);

/* http.c: the engine reports the end of a transfer by its handle. */
void nip__http_finish(nip__http *http, CURLcode code);
void nip__http_fail_all(nip__http_engine *engine); /* those that run, for want of memory */
void nip__http_destroy(nip__http *http);           /* one that is idle */

/* http_profile.c */
struct nip__http_profile {
    nip__loop *loop;
    size_t holders;
    uint64_t serial;           /* no other of the process has it */
    nip__arena *arena;         /* of all texts */
    nip__http_request request; /* copied */
    const char *authorities, *authorities_folder;
    struct curl_slist *headers;
    const char *exchange_url;  /* for libcurl, of a request with `exchange`; else NULL */
};
nip__http_profile *nip__http_profile_hold(nip__http_profile *profile);
CURLcode nip__http_profile_apply(const nip__http_profile *profile, CURL *easy);
/* Makes idle handles forget what is about to go. */
void nip__http_forget_profile(nip__http_engine *engine, uint64_t serial);

/* http_reason.c: the word for why a transfer failed. `os_errno` is that of the failed connect or socket call, 0
 * when none. */
const char *nip__http_reason(CURLcode code, int os_errno);

#endif
