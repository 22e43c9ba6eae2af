/* Live tests of drivers: real processes, real sockets, one action at a time. Everything runs in a folder of its own
 * and is ended by pid. */
#ifndef LIVE_HARNESS_H
#define LIVE_HARNESS_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdbool.h>
#include <sys/types.h>
#include "driver/driver.h"
#include "op/loop.h"
#include "plan/action.h"

typedef struct live_world {
    nip_ctx *ctx;
    nip__loop *loop;
    nip__arena *arena; /* of settings, arguments and outcomes */
    const nip__driver_kind *kind;
    void *driver;
    char folder[64];
} live_world;

extern const char *live_app; /* path of tests/support/app.py: the program's first argument */

void live_begin(live_world *live); /* a folder, a context whose state.dir is in it, a loop */
void live_end(live_world *live);   /* also removes the folder */
void live_open(live_world *live, const nip__driver_kind *kind, const char *settings); /* JSON, by the kind's schema */
void live_close(live_world *live);                                                    /* the driver only */

/* An action's outcome as a tree. `flags` of live_action: */
enum { LIVE_SETTLES = 1, LIVE_REPEATED = 2 };
const nip__value *live_action(live_world *live, const char *id, const char *verb, const char *args, const char *before,
                              int flags);
/* Called when an action begins and when it is over; with it, live_action returns NULL for an action that was refused
 * for want of memory. */
extern void (*live_window)(bool open);
/* Begins an action and cancels it after `after`. */
void live_cancelled(live_world *live, const char *id, const char *verb, const char *args, nip_duration after);

const char *live_text(const nip__value *value, const char *pointer); /* "" when there is none */
int64_t live_int(const nip__value *value, const char *pointer);      /* -1 when there is none */
double live_real(const nip__value *value, const char *pointer);
bool live_lists(const nip__value *value, const char *pointer, const char *text);
void live_expect(const nip__value *outcome, const char *wanted, const char *reason); /* reason NULL: any */

/* From now on at most that many files can be opened; -1: as many as before. */
void live_spare_descriptors(int count);

/* ---- processes and ports ---- */

int live_free_port(void);
int live_free_ports(int count);              /* the first of as many neighbours */
int live_listen(const char *host, int port); /* a listener; close it */
bool live_listens(int port);
pid_t live_spawn(live_world *live, const char *const *argv,
                 const char *log);                                     /* standard output and error go to folder/log */
void live_kill(pid_t pid, int signal);                                 /* a child of ours: signals and waits */
bool live_alive(pid_t pid);                                            /* zombies are not */
pid_t live_app_start(live_world *live, int port, const char *version); /* returns once it listens */
bool live_until(bool (*is)(void *data), void *data);                   /* looks until it is so; false after a minute */

/* One GET or POST; the status, or -1. The body goes to `body`. */
int live_http(int port, const char *method, const char *path, char *body, size_t size);

#endif
