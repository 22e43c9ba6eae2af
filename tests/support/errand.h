/* One action handed to a driver and driven to its outcome, for unit tests of built-in drivers. */
#ifndef NIP_TEST_ERRAND_H
#define NIP_TEST_ERRAND_H

#include "driver/driver.h"
#include "op/loop.h"
#include "plan/action.h"

typedef struct test_errand {
    nip_ctx *ctx;
    nip__loop *loop;
    nip_driver *driver;
    nip__arena *arena;         /* of the latest outcome */
    const nip__value *outcome; /* NULL: not yet */
    int posted;                /* outcomes so far */
    char outcome_text[65536];
    nip_action action;
} test_errand;

/* Opens the driver with settings as JSON and lends it a loop. */
void errand_open(test_errand *errand, const char *kind, const char *settings);
void errand_close(test_errand *errand);
/* Makes an action ready without starting it, and starts it. */
void errand_prepare(test_errand *errand, const char *role, const char *verb, const char *args);
int errand_start(test_errand *errand, nip_error **err);
/* Begins an action of app "shop"; `args` is YAML. Returns what the driver's start returns. */
int errand_begin(test_errand *errand, const char *role, const char *verb, const char *args, nip_error **err);
/* Drives the loop until its outcome is there. */
void errand_wait(test_errand *errand);
/* Begins it and drives the loop until its outcome is there. */
const nip__value *errand_run(test_errand *errand, const char *role, const char *verb, const char *args);

#endif
