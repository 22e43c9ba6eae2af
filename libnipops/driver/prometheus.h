/* The prometheus driver's inside: prometheus.c (settings, the driver), prometheus_measure.c (one measurement:
 * queries out, numbers in), prometheus_reply.c (what a reply says; pure). */
#ifndef NIP__PROMETHEUS_H
#define NIP__PROMETHEUS_H

#include "driver/driver.h"
#include "op/loop.h"

/* ---- replies ---- */

typedef struct nip__prometheus_series {
    const char *key;  /* its labels, sorted: `instance="a",job="b"`; "" for none */
    double value;     /* of a matrix: the last sample that is a finite number */
    bool finite;      /* false: NaN or an infinity, and `value` means nothing */
} nip__prometheus_series;

typedef struct nip__prometheus_reply {
    const char *problem;   /* why it tells nothing; NULL: it is good */
    const char *note;      /* what the server remarked about a good reply; NULL: nothing */
    nip__prometheus_series *series;
    size_t count;
} nip__prometheus_reply;

/* Reads the body of a reply to an instant or range query. NIP_E_NOMEM, else 0: what is wrong with it is its problem. */
int nip__prometheus_read(nip__arena *arena, const char *body, size_t length, nip__prometheus_reply *reply);

/* ---- measurements ---- */

typedef struct nip__prometheus_job nip__prometheus_job;

typedef struct nip__prometheus {
    nip__loop *loop;             /* NULL: no operation drives us */
    nip__arena *arena;           /* holds the settings */
    const nip__value *settings;  /* normalized */
    nip__prometheus_job *jobs;
} nip__prometheus;

int nip__prometheus_measure(nip__prometheus *prometheus, nip_action *action, nip_error **err);
void nip__prometheus_cancel(nip__prometheus *prometheus, const nip_action *action); /* NULL: all */

#endif
