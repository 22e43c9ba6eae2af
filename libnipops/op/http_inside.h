/* The inside of HTTP, shared by http.c (one transfer) and http_engine.c (all transfers of a loop). */
#ifndef NIP__HTTP_INSIDE_H
#define NIP__HTTP_INSIDE_H

#include <curl/curl.h>
#include "op/inside.h"

enum { NIP__HTTP_IDLE_MAX = 64 };

typedef struct nip__http_socket nip__http_socket;

typedef struct nip__http_engine {
    nip__loop *loop;
    CURLM *multi;
    nip__timer timer;
    nip__http_socket **sockets; /* by descriptor; NULL: not known */
    size_t socket_slots;
    CURL *idle[NIP__HTTP_IDLE_MAX]; /* handles to use again: they keep their TLS sessions */
    size_t idle_count;
    size_t running;
    nip__http *first;  /* of the transfers that run */
    bool collecting;
    /* curl ran out of memory and has lost track of sockets: what runs fails, and the next start makes a new engine */
    bool broken;
} nip__http_engine;

/* The loop's engine, made at the first use. */
int nip__http_engine_get(nip__loop *loop, nip__http_engine **engine, nip_error **err);
/* A handle, perhaps with options of an earlier transfer; NULL: no memory. And back, when it is not in the multi any
 * more. */
CURL *nip__http_engine_take(nip__http_engine *engine);
void nip__http_engine_give(nip__http_engine *engine, CURL *easy, bool sound);
int nip__http_engine_add(nip__http_engine *engine, CURL *easy, nip_error **err);
void nip__http_engine_remove(nip__http_engine *engine, CURL *easy);
/* For CURLOPT_OPENSOCKETFUNCTION and CURLOPT_CLOSESOCKETFUNCTION, with the engine as their data. */
curl_socket_t nip__http_open_socket(nip__http_engine *engine, struct curl_sockaddr *address);
int nip__http_close_socket(void *engine, curl_socket_t fd);

/* http.c: the engine reports the end of a transfer by its handle. */
void nip__http_finish(nip__http *http, CURLcode code);
void nip__http_fail_all(nip__http_engine *engine); /* those that run, for want of memory */

/* http_reason.c: the word for why a transfer failed. `os_errno` is that of the failed connect or socket call, 0
 * when none. */
const char *nip__http_reason(CURLcode code, int os_errno);

#endif
