/* The loop's inside, shared by the files that make it up: loop.c, timer.c, http.c and http_engine.c. */
#ifndef NIP__LOOP_INSIDE_H
#define NIP__LOOP_INSIDE_H

#include <sys/epoll.h>
#include "op/loop.h"

#define NIP__LOOP_BATCH 64 /* events taken at once; what is left comes in the next turn */

/* Timers by instant, then by the order they were set: a binary heap whose timers know their place. */
typedef struct nip__heap {
    nip__timer **items;
    size_t count, capacity;
} nip__heap;

struct nip__http_engine;

struct nip__loop {
    nip_ctx *ctx;
    int epoll_fd, timer_fd, wake_fd;
    nip__watch timer_watch, wake_watch;
    nip_time origin;            /* run time when the loop was made */
    nip_time origin_monotonic;  /* the context's monotonic time then */
    nip_time now;
    nip__heap timers;           /* in loop time */
    nip__heap real_timers;      /* in the system's monotonic time */
    uint64_t order;
    nip_time armed;             /* system's monotonic instant that timer_fd is set to; NIP_TIME_MAX: it is not set */
    int64_t in_flight;          /* watches that are not quiet, transfers, and holds */
    struct epoll_event batch[NIP__LOOP_BATCH];
    int batch_next, batch_count;
    uint64_t dispatched;
    struct nip__http_engine *http; /* NULL until the first transfer */
};

nip_time nip__heap_top(const nip__heap *heap); /* NIP_TIME_MAX: empty */
/* Fires what is due at `now`; returns how many. Timers set meanwhile wait for the next call. */
int nip__heap_fire(nip__heap *heap, nip_time now);
void nip__heap_clear(nip__heap *heap);

void nip__http_engine_free(struct nip__http_engine *engine); /* NULL is fine */

#endif
